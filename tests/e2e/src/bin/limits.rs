//! `cargo run -p e2e --bin limits`: many posts of many creators at once, and how often TikTok is called in a minute.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use e2e::limits;
use e2e::rig::Rig;
use slipway::progress::Progress;

#[derive(Parser)]
struct Arguments {
    /// How many creators
    #[arg(long, default_value_t = 20)]
    creators: usize,
    /// How many posts of each
    #[arg(long, default_value_t = 10)]
    posts: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { creators, posts } = Arguments::parse();
    let mut setup = limits::setup();
    setup.progress = Progress::Shown;
    let rig = Rig::start(setup).await?;
    let report = limits::run(&rig, creators, posts, |line| println!("{line}")).await;
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    report.verdict()
}
