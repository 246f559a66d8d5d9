use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::check_stage;
use crate::progress::Progress;
use crate::repo;
use crate::stack::{prerequisites, venv};

/// The client key and the client secret of the TikTok app come from `SLIPWAY_CLIENT_KEY` and `SLIPWAY_CLIENT_SECRET`, else
/// they are asked for (or read from standard input, a line each); never from the command line, where others could see them.
/// An empty answer leaves what is there. AWS credentials and region are found as the AWS CLI finds them.
#[derive(Args)]
pub struct Secrets {
    /// The stage, as in the template's parameter
    #[arg(long)]
    stage: String,
    /// An endpoint in place of AWS's
    #[arg(long, hide = true)]
    endpoint: Option<String>,
}

impl Secrets {
    pub async fn run(self) -> Result<()> {
        check_stage(&self.stage)?;
        let root = repo::root()?;
        let python = prerequisites::check().await?;
        let venv = venv::prepare(&root, &python, Progress::Shown).await?;
        let client_key = ask("SLIPWAY_CLIENT_KEY", "TikTok client key", Echo::On)?;
        let client_secret = ask("SLIPWAY_CLIENT_SECRET", "TikTok client secret", Echo::Off)?;
        let order = json!({
            "stage": self.stage,
            "client_key": client_key,
            "client_secret": client_secret,
            "endpoint": self.endpoint,
        });
        let mut child = Command::new(venv.python())
            .arg(repo::own(&root).join("python/put_secrets.py"))
            .stdin(Stdio::piped())
            .spawn()
            .context("starting Python")?;
        let mut stdin = child.stdin.take().context("Python has no standard input")?;
        stdin.write_all(order.to_string().as_bytes()).await.context("handing the secrets over")?;
        drop(stdin);
        if !child.wait().await.context("waiting for Python")?.success() {
            bail!("the secrets of stage `{}` are not complete", self.stage);
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

fn ask(variable: &str, what: &str, echo: Echo) -> Result<Option<String>> {
    let given = std::env::var_os(variable).map(|value| value.to_string_lossy().into_owned());
    let answer = match given {
        Some(given) => given,
        None => prompt(what, echo)?,
    };
    Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
}

fn prompt(what: &str, echo: Echo) -> Result<String> {
    let stdin = std::io::stdin();
    let person = stdin.is_terminal();
    if person {
        eprint!("{what} (empty leaves it): ");
        std::io::stderr().flush().context("asking")?;
    }
    let quiet = person && echo == Echo::Off && terminal_echo("-echo");
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    if quiet {
        terminal_echo("echo");
        eprintln!();
    }
    read.context("reading the answer")?;
    Ok(line)
}

fn terminal_echo(how: &str) -> bool {
    std::process::Command::new("stty").arg(how).status().is_ok_and(|status| status.success())
}
