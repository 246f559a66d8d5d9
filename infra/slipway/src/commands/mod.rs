//! What `cargo slipway` can do.

mod demo;
mod post;
mod secrets;
mod test;
mod up;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Slipway on this machine: the stack that goes to AWS, run here.
#[derive(Parser)]
#[command(name = "cargo slipway", bin_name = "cargo slipway", version)]
pub enum Command {
    /// Shows everything once: from nothing to a published video, then tells what happened.
    Demo(demo::Demo),
    /// Keeps the local stack running until Ctrl-C.
    Up(up::Up),
    /// Uploads a video, posts it, and follows the post until its last word.
    Post(post::Post),
    /// Puts a stage's secrets into AWS, before the deploy.
    Secrets(secrets::Secrets),
    /// Runs every check and every test, with whatever they need.
    Test(test::Test),
}

impl Command {
    /// Does it.
    pub async fn run(self) -> Result<ExitCode> {
        match self {
            Self::Demo(demo) => demo.run().await,
            Self::Up(up) => up.run().await.map(|()| ExitCode::SUCCESS),
            Self::Post(post) => post.run().await,
            Self::Secrets(secrets) => secrets.run().await.map(|()| ExitCode::SUCCESS),
            Self::Test(test) => test.run().await,
        }
    }
}

/// Ends when somebody wants us to: Ctrl-C, or SIGTERM from a program.
async fn asked_to_stop() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut hangup = signal(SignalKind::hangup()).context("listening for SIGHUP")?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.context("listening for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
        _ = hangup.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_flag_is_declared_soundly() {
        Command::command().debug_assert();
    }

    #[test]
    fn another_tiktok_needs_its_key_and_its_secret() {
        let parse = |words: &str| Command::try_parse_from(words.split(' ')).err().map(|error| error.kind());
        let url = "slipway up --tiktok-base-url http://127.0.0.1:1";
        assert_eq!(parse(url), Some(clap::error::ErrorKind::MissingRequiredArgument));
        assert_eq!(parse(&format!("{url} --tiktok-client-key k --tiktok-client-secret s")), None);
        assert_eq!(
            parse("slipway up --port 8470 --json --presigned --state-dir d --set PollLadder=1,2"),
            None
        );
        assert_eq!(parse("slipway up --set PollLadder"), Some(clap::error::ErrorKind::ValueValidation));
    }
}
