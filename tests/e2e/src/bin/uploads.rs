//! `cargo run -p e2e --bin uploads`: a gigabyte by `FILE_UPLOAD`: memory, throughput, and a kill in the middle.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use e2e::rig::Rig;
use e2e::uploads;
use slipway::progress::Progress;
use slipway::stack::Profile;

#[derive(Parser)]
struct Arguments {
    /// How long the video is
    #[arg(long, default_value_t = 1_000_000_000)]
    bytes: u64,
    /// Takes the functions as tests build them; what goes to AWS is optimized, and compiles for minutes
    #[arg(long)]
    dev: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { bytes, dev } = Arguments::parse();
    let mut setup = uploads::setup();
    setup.progress = Progress::Shown;
    setup.profile = if dev { Profile::Dev } else { Profile::Release };
    let rig = Rig::start(setup).await?;
    let report = uploads::run(&rig, bytes, |line| println!("{line}")).await;
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    report.verdict()
}
