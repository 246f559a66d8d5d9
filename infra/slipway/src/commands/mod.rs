//! What `cargo slipway` can do.

mod demo;
mod keys;
mod mutants;
mod place;
mod post;
mod redrive;
mod secrets;
mod test;
mod up;

use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
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
    /// Makes, lists and revokes a stage's keys; the first key of a workspace comes from here.
    Keys(keys::Keys),
    /// Sends a stage's dead letters again, once their cause is repaired.
    Redrive(redrive::Redrive),
    /// Breaks the product on purpose and lets the simulation find it.
    Mutants(mutants::Mutants),
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
            Self::Keys(keys) => keys.run().await.map(|()| ExitCode::SUCCESS),
            Self::Redrive(redrive) => redrive.run().await.map(|()| ExitCode::SUCCESS),
            Self::Mutants(mutants) => mutants.run().await,
            Self::Test(test) => test.run().await,
        }
    }
}

fn check_stage(stage: &str) -> Result<()> {
    let sound = !stage.is_empty() && stage.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    ensure!(sound, "a stage's name is made of letters, digits and hyphens, not `{stage}`");
    Ok(())
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

    #[test]
    fn a_key_is_told_by_its_id_and_never_by_its_secret() {
        let error =
            |words: &str| Command::try_parse_from(words.split(' ')).err().map(|error| error.to_string());
        let create = "slipway keys create --stage s --name n";
        assert_eq!(error(create), None);
        assert_eq!(error(&format!("{create} --scopes posts:read,keys:write --expires-in-days 30")), None);
        assert_eq!(error(&format!("{create} --workspace wks_{}", "0".repeat(32))), None);
        assert!(error(&format!("{create} --workspace wks_1")).is_some());
        let unknown = error(&format!("{create} --scopes posts")).expect("there is no such scope");
        assert!(unknown.contains("`posts:read`, `posts:write`"), "{unknown}");
        let revoke = "slipway keys revoke --stage s";
        assert_eq!(error(&format!("{revoke} key_{}", "0".repeat(32))), None);
        assert_eq!(error(&format!("{revoke} slk_{}", "0".repeat(32))), None);
        assert!(error(&format!("{revoke} slk_{}_{}", "0".repeat(32), "1".repeat(64))).is_some());
    }
}
