//! `template.yaml` onto the emulated AWS, by `python/deploy.py`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use super::venv::Venv;
use crate::progress::Progress;
use crate::repo;

/// What is to be deployed, and where.
#[derive(Clone, Serialize)]
pub(super) struct Order {
    pub(super) endpoint: String,
    pub(super) region: String,
    pub(super) stack: String,
    pub(super) template: PathBuf,
    pub(super) packages: PathBuf,
    pub(super) strip: bool,
    pub(super) binaries: BTreeMap<String, PathBuf>,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) stage: String,
    pub(super) client_key: String,
    pub(super) client_secret: String,
}

/// What the stack came to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Deployed {
    /// The template's outputs.
    pub(super) outputs: BTreeMap<String, String>,
    /// Physical names by binary.
    pub(super) functions: BTreeMap<String, String>,
    /// Whether there was anything to do.
    pub(super) changed: bool,
}

impl Deployed {
    /// One output.
    pub(super) fn output(&self, name: &str) -> Result<&str> {
        self.outputs
            .get(name)
            .map(String::as_str)
            .with_context(|| format!("the template has no output `{name}`"))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused { error: String },
    Deployed(Deployed),
}

/// Deploys. With the same template, code and parameters as last time nothing is changed.
pub(super) async fn deploy(root: &Path, venv: &Venv, order: &Order, progress: Progress) -> Result<Deployed> {
    let step = progress.step("Deploying template.yaml");
    let mut child = Command::new(venv.python())
        .arg(repo::own(root).join("python/deploy.py"))
        // a person's own AWS profile has no say here
        .env_clear()
        .envs([("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("HOME", "/nonexistent")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("starting the deployment")?;
    let mut stdin = child.stdin.take().context("the deployment has no standard input")?;
    stdin.write_all(&serde_json::to_vec(order)?).await.context("telling the deployment what to do")?;
    drop(stdin);

    let mut stdout = child.stdout.take().context("the deployment has no standard output")?;
    let stderr = child.stderr.take().context("the deployment has no standard error")?;
    let mut answer = Vec::new();
    let mut said = Vec::new();
    let listen = async {
        let mut lines = BufReader::new(stderr).lines();
        while let Some(line) = lines.next_line().await? {
            step.say(&line);
            said.push(line);
        }
        Ok::<_, std::io::Error>(())
    };
    let (read, listened) = tokio::join!(stdout.read_to_end(&mut answer), listen);
    read.and(listened.map(|()| 0)).context("listening to the deployment")?;
    if !child.wait().await.context("waiting for the deployment")?.success() {
        bail!("the deployment broke off:\n{}", said.join("\n"));
    }
    match serde_json::from_slice(&answer).context("reading what the deployment answered")? {
        Answer::Refused { error } => bail!("template.yaml could not be deployed: {error}"),
        Answer::Deployed(deployed) => {
            step.done(if deployed.changed { "" } else { "nothing has changed" });
            Ok(deployed)
        }
    }
}
