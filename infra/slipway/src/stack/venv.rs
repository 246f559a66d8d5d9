//! The Python virtual environment with the pinned emulator, made once.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use crate::progress::Progress;
use crate::repo;

/// A virtual environment that holds what one requirements file names.
#[derive(Clone, Debug)]
pub struct Venv {
    directory: PathBuf,
}

impl Venv {
    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.program("python")
    }

    /// A program that a package installed into it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join("bin").join(name)
    }
}

/// The environment of `infra/slipway/requirements.txt` under `.slipway/venv`.
///
/// A stamp in it holds the requirements it was made for: where they are the same, nothing is done. Processes that come at
/// once wait for one another.
pub async fn prepare(root: &Path, python: &Path, progress: Progress) -> Result<Venv> {
    let requirements = repo::own(root).join("requirements.txt");
    prepare_from(&repo::local(root).join("venv"), &requirements, python, progress).await
}

/// The same for any directory and any requirements file.
pub async fn prepare_from(
    directory: &Path,
    requirements: &Path,
    python: &Path,
    progress: Progress,
) -> Result<Venv> {
    let venv = Venv { directory: directory.to_path_buf() };
    let wanted = std::fs::read_to_string(requirements)
        .with_context(|| format!("reading `{}`", requirements.display()))?;
    let stamp = directory.join("made-for.txt");
    std::fs::create_dir_all(directory.parent().unwrap_or(directory)).context("making a directory")?;
    let lock = File::create(directory.with_extension("lock")).context("making a lock file")?;
    let _locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock))
        .await?
        .context("waiting for another `cargo slipway` to set up")?;

    let made_for = std::fs::read_to_string(&stamp).unwrap_or_default();
    if made_for == wanted && works(&venv).await {
        return Ok(venv);
    }
    let step = progress.step("Setting up Python packages");
    if directory.exists() {
        std::fs::remove_dir_all(directory).context("removing the old virtual environment")?;
    }
    run(Command::new(python).args(["-m", "venv"]).arg(directory)).await?;
    step.say("installing");
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"];
    run(Command::new(venv.python()).args(pip).arg(requirements)).await?;
    std::fs::write(&stamp, wanted).context("writing the stamp")?;
    step.done("");
    Ok(venv)
}

async fn works(venv: &Venv) -> bool {
    let status = Command::new(venv.python()).arg("-V").stdout(Stdio::null()).status().await;
    status.is_ok_and(|status| status.success())
}

async fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{:?}", command.as_std());
    let output = command.stdin(Stdio::null()).output().await.with_context(|| format!("running {shown}"))?;
    if !output.status.success() {
        bail!("{shown} failed:\n{}{}", text(&output.stdout), text(&output.stderr));
    }
    Ok(())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
