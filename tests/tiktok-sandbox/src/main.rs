//! `tiktok-sandbox`: TikTok on loopback.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tiktok_sandbox::{Config, Options, Sandbox, World};

/// Imitates TikTok: consent page, tokens, publishing, webhooks. `/` shows what happens.
#[derive(Debug, Parser)]
struct Arguments {
    /// 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A JSON file in the form of `GET /_sandbox/config`; two accounts and one app without it.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Remembers tokens, posts and the log between runs.
    #[arg(long)]
    state_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprint!("tiktok-sandbox: {error}");
            let mut source = error.source();
            while let Some(inner) = source {
                eprint!(": {inner}");
                source = inner.source();
            }
            eprintln!();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let config = match &arguments.config {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => Config::example(),
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port));
    let options = Options { address, state_file: arguments.state_file };
    let sandbox = Sandbox::start_with(World::new(config)?, options).await?;
    println!("{}", sandbox.base_url);
    wait_for_the_end().await?;
    sandbox.stop().await;
    Ok(())
}

/// Ctrl-C, or the polite signal of whoever started us.
async fn wait_for_the_end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
