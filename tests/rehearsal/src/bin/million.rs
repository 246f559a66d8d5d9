//! Prints how the refreshes of a million creators spread, and fails if they do not spread as they must.
//!
//! `cargo run --release -p rehearsal --bin million [CREATORS [SEED]]`

use std::process::ExitCode;

use rehearsal::million;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let creators = arguments.next().and_then(Result::ok).unwrap_or(1_000_000);
    let seed = arguments.next().and_then(Result::ok).unwrap_or(1);
    let spread = million::simulate(usize::try_from(creators).unwrap_or(usize::MAX), seed, million::PLAN);
    println!("{spread}");
    let failures = spread.failures();
    for failure in &failures {
        eprintln!("not as it must be: {failure}");
    }
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
