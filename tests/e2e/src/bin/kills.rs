//! `cargo run -p e2e --bin kills`: kills the functions at every call of a post's way, and tells what became of each post.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use e2e::kills;
use e2e::rig::Rig;
use slipway::progress::Progress;

#[derive(Parser)]
struct Arguments {
    /// Only so many points, around the init first
    #[arg(long)]
    few: Option<usize>,
    /// So many posts at once
    #[arg(long, default_value_t = kills::CROWD)]
    crowd: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { few, crowd } = Arguments::parse();
    let mut setup = kills::setup();
    setup.progress = Progress::Shown;
    let rig = Rig::start(setup).await?;
    let report = kills::run(&rig, few, crowd, |line| println!("{line}")).await;
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    let points = report.sites.len() * 2;
    ensure!(points >= 30, "only {points} points were found");
    report.verdict()
}
