//! `cargo run -p e2e --bin versions -- --previous <revision>`: the functions of an earlier revision and of this one side by side.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use e2e::rig::Rig;
use e2e::{faults, versions};
use slipway::progress::Progress;

#[derive(Parser)]
struct Arguments {
    /// The earlier revision, as git names it
    #[arg(long, default_value = "4197f7d")]
    previous: String,
    /// How many creators post before, across and after the change
    #[arg(long, default_value_t = 15)]
    creators: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { previous, creators } = Arguments::parse();
    let [these, others] = versions::halves(&previous, Progress::Shown).await?;
    let mut setup = faults::setup();
    setup.progress = Progress::Shown;
    setup.binaries = Some(these);
    let rig = Rig::start(setup).await?;
    let report = versions::run(&rig, others, creators, |line| println!("{line}")).await;
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    report.verdict()
}
