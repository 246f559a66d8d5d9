//! What a machine must have before anything can run, and the command that installs what it lacks.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Result, bail};
use tokio::process::Command;

const PYTHONS: [&str; 7] =
    ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

const PYTHON_WILL_DO: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Finds a Python that will do, and checks for a C compiler and cargo. Everything missing is named at once.
pub async fn check() -> Result<PathBuf> {
    let python = python().await;
    let mut missing = Vec::new();
    if python.is_none() {
        missing.push(("Python 3.10 or newer with venv", install(Need::Python)));
    }
    if !any_runs(&["cc", "gcc", "clang"], &["--version"]).await {
        missing.push(("a C compiler", install(Need::Compiler)));
    }
    if !runs("cargo", &["--version"]).await {
        missing.push(("cargo", "curl --proto '=https' -sSf https://sh.rustup.rs | sh".to_owned()));
    }
    match python {
        Some(python) if missing.is_empty() => Ok(python),
        _ => {
            let lines: Vec<_> = missing
                .iter()
                .map(|(what, how)| format!("{what} is missing; install it with\n    {how}"))
                .collect();
            bail!("{}", lines.join("\n"))
        }
    }
}

async fn python() -> Option<PathBuf> {
    for name in PYTHONS {
        if runs(name, &["-c", PYTHON_WILL_DO]).await {
            return Some(PathBuf::from(name));
        }
    }
    None
}

async fn any_runs(programs: &[&str], arguments: &[&str]) -> bool {
    for program in programs {
        if runs(program, arguments).await {
            return true;
        }
    }
    false
}

pub(crate) async fn runs(program: &str, arguments: &[&str]) -> bool {
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await;
    status.is_ok_and(|status| status.success())
}

#[derive(Clone, Copy)]
enum Need {
    Python,
    Compiler,
}

fn install(need: Need) -> String {
    let found = ["apt-get", "dnf", "pacman", "apk", "brew"].into_iter().find(|name| on_path(name));
    let command = match (found, need) {
        (Some("dnf"), Need::Python) => "sudo dnf install -y python3",
        (Some("dnf"), Need::Compiler) => "sudo dnf install -y gcc",
        (Some("pacman"), Need::Python) => "sudo pacman -S python",
        (Some("pacman"), Need::Compiler) => "sudo pacman -S gcc",
        (Some("apk"), Need::Python) => "sudo apk add python3",
        (Some("apk"), Need::Compiler) => "sudo apk add build-base",
        (Some("brew"), Need::Python) => "brew install python@3.12",
        (Some("brew"), Need::Compiler) => "xcode-select --install",
        (_, Need::Python) => "sudo apt-get install -y python3 python3-venv",
        (_, Need::Compiler) => "sudo apt-get install -y gcc libc6-dev",
    };
    command.to_owned()
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}
