//! Plays schedules of crashes, lost answers and late messages, and judges them by TikTok's log.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use simulation::{Faults, Outcome, Skews};

/// Plays schedules of crashes, lost answers and late messages, and judges them by TikTok's log.
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: What,
    /// Threads that share the schedules.
    #[arg(long, global = true, default_value_t = 2)]
    threads: usize,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The schedules of so many seeds, with clocks up to 2 seconds apart.
    Seeds {
        #[arg(long, default_value_t = 1_000_000)]
        count: u64,
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// The same with clocks up to 10 minutes apart.
    #[command(name = "skew-10min")]
    Wild {
        #[arg(long, default_value_t = 100_000)]
        count: u64,
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// Every single mishap and every pair of them in the life of one post.
    Exhaustive {
        /// Singles alone.
        #[arg(long)]
        single: bool,
    },
    /// A post's four webhooks in every order, doubled and not.
    Webhooks,
    /// Plays seeds until one breaks a rule, and prints what plays it again, the rule and how it was broken.
    Hunt {
        #[arg(long, default_value_t = 200_000)]
        count: u64,
    },
    /// Tells the schedule of one seed.
    Replay {
        seed: u64,
        /// With clocks up to 10 minutes apart.
        #[arg(long)]
        wild: bool,
    },
    /// Tells one schedule of `exhaustive`.
    Script { number: usize, planned: Vec<String> },
}

fn main() -> ExitCode {
    let Args { what, threads } = Args::parse();
    let broken = match what {
        What::Seeds { count, from } => shown(&simulation::seeds(from, count, Skews::Trusted, threads)),
        What::Wild { count, from } => shown(&simulation::seeds(from, count, Skews::Wild, threads)),
        What::Exhaustive { single } => {
            let faults = if single { Faults::Single } else { Faults::Double };
            shown(&simulation::exhaustive(faults, threads))
        }
        What::Webhooks => {
            let permuted = simulation::permutations();
            println!("{permuted}");
            permuted.is_broken()
        }
        What::Hunt { count } => match simulation::first_breach(count, threads) {
            Some((again, breach)) => {
                println!("{again}\n{}\n{breach}", breach.rule.name());
                true
            }
            None => false,
        },
        What::Replay { seed, wild } => {
            told(&simulation::replay(seed, if wild { Skews::Wild } else { Skews::Trusted }))
        }
        What::Script { number, planned } => {
            let outcome = simulation::replay_script(number, &planned);
            if outcome.is_none() {
                eprintln!("there is no such script");
            }
            outcome.is_none_or(|outcome| told(&outcome))
        }
    };
    if broken { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn shown(tally: &simulation::Tally) -> bool {
    println!("{tally}");
    tally.is_broken()
}

fn told(outcome: &Outcome) -> bool {
    for line in &outcome.story {
        println!("{line}");
    }
    !outcome.breaches.is_empty()
}
