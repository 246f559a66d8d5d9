//! The functions' binaries.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stderr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::progress::Progress;

/// The functions: each is a package with a binary of the same name.
pub const FUNCTIONS: [&str; 8] = [
    "api",
    "drop-intake",
    "media-ingest",
    "media-transfer",
    "publish-init",
    "status-poll",
    "token-refresh",
    "webhook-deliver",
];

/// Cargo's profile for the functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build: for people and tests.
    #[default]
    Dev,
    /// What goes to AWS.
    Release,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// Builds the functions; the path of each binary by its name.
pub async fn functions(
    root: &Path,
    profile: Profile,
    progress: Progress,
) -> Result<BTreeMap<String, PathBuf>> {
    some_functions(root, &FUNCTIONS, profile, progress).await
}

/// The same for some of them: an earlier revision at `root` may lack others.
pub async fn some_functions(
    root: &Path,
    functions: &[&str],
    profile: Profile,
    progress: Progress,
) -> Result<BTreeMap<String, PathBuf>> {
    let step = progress.step("Building the functions");
    // on a terminal cargo shows what it does better than we could
    let cargo_shows = progress == Progress::Shown && stderr().is_terminal();
    if cargo_shows {
        step.hide();
    }
    let mut command = Command::new("cargo");
    command.current_dir(root).args([
        "build",
        "--profile",
        profile.name(),
        "--message-format=json-render-diagnostics",
    ]);
    for function in functions {
        command.args(["--package", function]);
    }
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(if cargo_shows { Stdio::inherit() } else { Stdio::piped() })
        .kill_on_drop(true)
        .spawn()
        .context("starting cargo")?;
    let output = child.wait_with_output().await.context("waiting for cargo")?;
    if !output.status.success() {
        bail!("the functions do not build\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let binaries: BTreeMap<_, _> = output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(binary)
        .filter(|(name, _)| functions.contains(&&**name))
        .collect();
    if let Some(absent) = functions.iter().find(|name| !binaries.contains_key(**name)) {
        bail!("cargo built no binary for `{absent}`");
    }
    step.done("");
    Ok(binaries)
}

fn binary(line: &[u8]) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_slice(line).ok()?;
    let executable = message.get("executable")?.as_str()?;
    Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(executable)))
}
