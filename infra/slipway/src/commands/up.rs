use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::asked_to_stop;
use crate::progress::Progress;
use crate::repo;
use crate::stack::{DEFAULT_PORT, Facts, Ports, Profile, Pull, Stack, StackOptions, State, TikTok};

#[derive(Args)]
pub struct Up {
    /// Print one JSON object that says where everything is, and nothing else
    #[arg(long)]
    json: bool,
    /// The API's port; the media edge, the sandbox and the emulated AWS take the next three
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Where the state is kept [default: `.slipway/stack-PORT`]
    #[arg(long)]
    state_dir: Option<PathBuf>,
    /// Let TikTok pull presigned URLs of the bucket instead of the media edge's
    #[arg(long)]
    presigned: bool,
    /// A TikTok-compatible server that is already running, in place of the sandbox
    #[arg(long, value_name = "URL", requires_all = ["tiktok_client_key", "tiktok_client_secret"])]
    tiktok_base_url: Option<String>,
    /// Our client key at that server
    #[arg(long, value_name = "K", env = "TIKTOK_CLIENT_KEY", requires = "tiktok_base_url")]
    tiktok_client_key: Option<String>,
    /// Our client secret at that server
    #[arg(
        long,
        value_name = "S",
        env = "TIKTOK_CLIENT_SECRET",
        hide_env_values = true,
        requires = "tiktok_base_url"
    )]
    tiktok_client_secret: Option<String>,
    /// Build the functions as they go to AWS
    #[arg(long)]
    release: bool,
    /// Set a parameter of the template, for instance `PollLadder=10,20,60`
    #[arg(long = "set", value_name = "PARAMETER=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it has no `=`")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Up {
    pub async fn run(self) -> Result<()> {
        let (json, options) = (self.json, self.options()?);
        let starting = Stack::start(options);
        let stack = tokio::select! {
            stack = starting => stack?,
            // whatever runs already stops by itself when it is dropped
            stop = asked_to_stop() => return stop,
        };
        if json {
            let mut stdout = std::io::stdout().lock();
            serde_json::to_writer(&mut stdout, &stack.facts).context("printing")?;
            writeln!(stdout).and_then(|()| stdout.flush()).context("printing")?;
        } else {
            print(&stack.facts, stack.sandbox.is_some());
        }
        asked_to_stop().await?;
        if !json {
            println!("\nStopping; the state is kept.");
        }
        stack.stop().await
    }

    fn options(self) -> Result<StackOptions> {
        let state = match self.state_dir {
            Some(directory) => directory,
            None => repo::local(&repo::root()?).join(format!("stack-{}", self.port)),
        };
        let tiktok = match (self.tiktok_base_url, self.tiktok_client_key, self.tiktok_client_secret) {
            (Some(base_url), Some(client_key), Some(client_secret)) => {
                TikTok::Other { base_url, client_key, client_secret }
            }
            _ => TikTok::default(),
        };
        Ok(StackOptions {
            profile: if self.release { Profile::Release } else { Profile::Dev },
            binaries: None,
            ports: Ports::from(self.port)?,
            state: State::Kept(state),
            pull: if self.presigned { Pull::Presigned } else { Pull::MediaEdge },
            tiktok,
            parameters: self.parameters.into_iter().collect(),
            functions_endpoint: None,
            functions_tiktok: None,
            public_url: None,
            functions_env: BTreeMap::new(),
            progress: Progress::Shown,
        })
    }
}

fn print(facts: &Facts, sandbox: bool) {
    let Facts { api_url, api_key, tiktok_base_url, media_url_prefix, aws_endpoint_url, .. } = facts;
    println!("\n  API            {api_url}");
    println!("  workspace key  {api_key}");
    println!("  {}        {tiktok_base_url}", if sandbox { "sandbox" } else { "TikTok " });
    println!("  media edge     {media_url_prefix}…");
    println!(
        "  emulated AWS   {aws_endpoint_url}  (region {}, any credentials of `test`/`test`)",
        facts.region
    );
    println!("\n  curl -H 'authorization: Bearer {api_key}' {api_url}/v1/creators");
    println!("\nCtrl-C stops it and keeps its state.");
}
