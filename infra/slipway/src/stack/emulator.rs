//! MiniStack, the emulated AWS, as a child process.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

use super::venv::Venv;
use crate::progress::Progress;
use crate::{http, repo};

const STARTS_WITHIN: Duration = Duration::from_mins(1);
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// How to start the emulator.
pub(super) struct Options<'a> {
    pub(super) root: &'a Path,
    pub(super) venv: &'a Venv,
    pub(super) port: u16,
    /// Where its files go.
    pub(super) directory: &'a Path,
    /// Whether everything is still there at the next start.
    pub(super) keep: bool,
    /// What the functions take for AWS.
    pub(super) functions_endpoint: &'a str,
    /// Further variables for the functions.
    pub(super) functions_env: &'a BTreeMap<String, String>,
    pub(super) progress: Progress,
}

/// The running emulator. Dropped without [`Emulator::stop`] it stops by itself, a little later.
pub(super) struct Emulator {
    process: Child,
    log: PathBuf,
}

impl Emulator {
    /// Starts it and waits until it answers.
    pub(super) async fn start(options: Options<'_>) -> Result<Self> {
        let step = options.progress.step("Starting the emulated AWS");
        let directory = options.directory;
        let scratch = directory.join("tmp");
        // unpacked code of last time
        let _ = std::fs::remove_dir_all(&scratch);
        for path in [directory, &scratch] {
            std::fs::create_dir_all(path).with_context(|| format!("making `{}`", path.display()))?;
        }
        let log = log(directory);
        let output = File::create(&log).with_context(|| format!("making `{}`", log.display()))?;
        let keep = if options.keep { "1" } else { "0" };
        let mut command = Command::new(options.venv.python());
        command
            .arg(repo::own(options.root).join("python/launch.py"))
            // functions inherit the emulator's whole environment: nothing of the person's own goes in
            .env_clear()
            .envs(options.functions_env)
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin"),
                ("HOME", "/nonexistent"),
                ("LANG", "C.UTF-8"),
                ("PYTHONUNBUFFERED", "1"),
                ("RUST_BACKTRACE", "1"),
                ("BIND_HOST", "127.0.0.1"),
                ("MINISTACK_HOST", "localhost"),
                ("AUTH", "true"),
                ("SFTP_ENABLED", "0"),
                ("IOT_MTLS_ENABLED", "0"),
                ("PERSIST_STATE", keep),
                ("S3_PERSIST", keep),
                ("AWS_ENDPOINT_URL", options.functions_endpoint),
            ])
            .env("GATEWAY_PORT", options.port.to_string())
            .env("TMPDIR", &scratch)
            .env("STATE_DIR", directory.join("state"))
            .env("S3_DATA_DIR", directory.join("s3"))
            .env("SLIPWAY_FUNCTIONS_LOG", functions_log(directory))
            .stdin(Stdio::piped())
            .stdout(output.try_clone().context("sharing the emulator's log")?)
            .stderr(output)
            // a Ctrl-C in the terminal is for us: we stop it when its turn comes
            .process_group(0);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(functions_log(directory))
            .context("making the functions' log")?;
        let process = command.spawn().context("starting the emulator")?;
        let mut emulator = Self { process, log };
        emulator.ready(options.port).await?;
        step.done("");
        Ok(emulator)
    }

    async fn ready(&mut self, port: u16) -> Result<()> {
        let client = http::client()?;
        let health = format!("http://127.0.0.1:{port}/_ministack/health");
        let deadline = Instant::now() + STARTS_WITHIN;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().context("looking after the emulator")? {
                bail!("the emulator ended at once ({status}):\n{}", self.last_words());
            }
            if client.get(&health).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            sleep(Duration::from_millis(50)).await;
        }
        bail!("the emulator does not answer:\n{}", self.last_words())
    }

    /// Stops it as it wants to be stopped (its state is then complete on disk) and waits.
    pub(super) async fn stop(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        if timeout(STOPS_WITHIN, self.process.wait()).await.is_err() {
            self.process.kill().await.context("killing the emulator")?;
            bail!("the emulator did not stop and was killed: its state may lack the last writes");
        }
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// What the functions write to standard output and standard error, each line with the function's name and process id.
pub(super) fn functions_log(directory: &Path) -> PathBuf {
    directory.join("functions.log")
}

/// What the emulator itself writes.
pub(super) fn log(directory: &Path) -> PathBuf {
    directory.join("emulator.log")
}
