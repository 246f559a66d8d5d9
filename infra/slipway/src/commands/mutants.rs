use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::mutants::Play;
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
    /// Threads that share the schedules
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Leaves the checkout and what was compiled behind, for another time
    #[arg(long)]
    keep: bool,
}

impl Mutants {
    pub async fn run(self) -> Result<ExitCode> {
        let root = repo::root()?;
        let Self { names, ten, limit, threads, keep } = self;
        let play = Play { names, ten, limit, threads, keep };
        let good =
            tokio::task::spawn_blocking(move || play.run(&root)).await.context("playing mutants")??;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
