use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use tokio::process::Command;

use crate::repo;

/// Breaks the product on purpose, one patch of `tests/simulation/mutants` at a time, and lets the simulation find it.
#[derive(Args)]
pub struct Mutants {
    /// Patches by name, without `.patch`; all of them if none is named
    names: Vec<String>,
    /// The ten alone that every test runs
    #[arg(long, conflicts_with = "names")]
    ten: bool,
    /// Schedules that a mutant may survive before it counts as not found
    #[arg(long, default_value_t = 200_000)]
    limit: u64,
}

impl Mutants {
    pub async fn run(self) -> Result<ExitCode> {
        let root = repo::root()?;
        let status = Command::new("cargo")
            .args(["run", "--package", "simulation", "--bin", "mutants", "--", "--limit"])
            .arg(self.limit.to_string())
            .args(self.ten.then_some("--ten"))
            .args(self.names)
            .current_dir(root)
            .kill_on_drop(true)
            .status()
            .await
            .context("starting cargo")?;
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
