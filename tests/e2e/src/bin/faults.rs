//! `cargo run -p e2e --bin faults -- schedules` (or `soak`): many posts while much goes wrong, and what became of them.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use e2e::faults::{self, Plan};
use e2e::rig::Rig;
use slipway::progress::Progress;

#[derive(Parser)]
struct Arguments {
    #[arg(default_value = "schedules")]
    mode: Mode,
    /// How many posts
    #[arg(long, default_value_t = 500)]
    posts: usize,
    /// What the faults are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// So many posts at once
    #[arg(long, default_value_t = 24)]
    crowd: usize,
    /// So many undisturbed posts before, to count their calls
    #[arg(long, default_value_t = 20)]
    quiet: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// A schedule of faults for each post
    Schedules,
    /// The same dice for every call
    Soak,
}

#[tokio::main]
async fn main() -> ExitCode {
    e2e::ended(run().await)
}

async fn run() -> Result<()> {
    let Arguments { mode, posts, seed, crowd, quiet } = Arguments::parse();
    let mut setup = faults::setup();
    setup.progress = Progress::Shown;
    let rig = Rig::start(setup).await?;
    let plan = Plan { posts, seed, crowd, quiet };
    let report = match mode {
        Mode::Schedules => faults::schedules(&rig, plan, |line| println!("{line}")).await,
        Mode::Soak => faults::soak(&rig, plan, |line| println!("{line}")).await,
    };
    rig.stop().await?;
    let report = report?;
    println!("{report}");
    report.verdict()?;
    match mode {
        Mode::Schedules => Ok(()),
        Mode::Soak => report.thrifty(),
    }
}
