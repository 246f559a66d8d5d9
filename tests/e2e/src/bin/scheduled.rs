//! `cargo run -p e2e --bin scheduled`: posts with a time of their own, and how long after it TikTok hears of each.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use e2e::rig::{Rig, Setup};
use e2e::scheduled::{self, LEADS};
use slipway::progress::Progress;

#[derive(Parser)]
struct Arguments {
    /// How many posts
    #[arg(long, default_value_t = 200)]
    posts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { posts } = Arguments::parse();
    let rig = Rig::start(Setup { progress: Progress::Shown, ..Setup::default() }).await?;
    let report = scheduled::run(&rig, posts, &LEADS, |line| println!("{line}")).await;
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    report.verdict()?;
    report.punctual()
}
