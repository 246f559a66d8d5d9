//! `cargo run -p rehearsal --bin refreshers`: fifty refreshers of one account at once, in each mode in which TikTok may rotate
//! refresh tokens, with crashes, lost answers, slow writes and people who connect; tells what became of the accounts.

use std::process::ExitCode;

use clap::Parser;
use rehearsal::refreshers::{MODES, Orders, Rotation, mode_name, rehearse};

#[derive(Parser)]
struct Arguments {
    /// Rounds in each mode
    #[arg(long, default_value_t = 1_000)]
    rounds: u32,
    /// Where all chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One mode alone
    #[arg(long, value_parser = mode)]
    mode: Option<Rotation>,
    /// One round alone
    #[arg(long)]
    only: Option<u32>,
}

fn mode(name: &str) -> Result<Rotation, String> {
    let found = MODES.into_iter().find(|mode| mode_name(*mode) == name);
    found.ok_or_else(|| format!("not one of {}", MODES.map(mode_name).join(", ")))
}

fn main() -> ExitCode {
    let Arguments { rounds, seed, mode, only } = Arguments::parse();
    let modes = mode.map_or(MODES.to_vec(), |mode| vec![mode]);
    let rounds = only.map_or(rounds, |only| only + 1);
    let report = rehearse(&Orders { rounds, seed, modes, only });
    println!("{report}");
    if report.wrong().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
