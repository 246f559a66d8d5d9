//! Plays schedules of crashes, lost answers and late messages, and judges them by TikTok's log.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use simulation::{Faults, Hunt, Outcome, Report, Skews};

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
    /// The first answer to the init of every post is cut, before its effect and after it, with different evidence.
    Cuts {
        /// Posts of as many creators.
        #[arg(long, default_value_t = 1_000)]
        posts: usize,
    },
    /// A third of the sends is lost, a fifth doubled, every fifth sweep skipped.
    Losses {
        #[arg(long, default_value_t = 1_000)]
        posts: usize,
    },
    /// Many creators with fifteen posts each at once and ten workers; then one of them has a deep backlog.
    Crowd {
        #[arg(long, default_value_t = 200)]
        creators: usize,
        #[arg(long, default_value_t = 1_000)]
        deep: usize,
    },
    /// Plays seeds until one breaks a rule, and prints how many schedules that took, what plays it again, the rule and how it
    /// was broken.
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
        What::Seeds { count, from } => shown(|| simulation::seeds(from, count, Skews::Trusted, threads)),
        What::Wild { count, from } => shown(|| simulation::seeds(from, count, Skews::Wild, threads)),
        What::Exhaustive { single } => {
            let faults = if single { Faults::Single } else { Faults::Double };
            shown(|| simulation::exhaustive(faults, threads))
        }
        What::Webhooks => {
            let permuted = simulation::permutations();
            println!("{permuted}");
            permuted.is_broken()
        }
        What::Cuts { posts } => reported(&simulation::cuts(posts)),
        What::Losses { posts } => reported(&[simulation::losses(posts)]),
        What::Crowd { creators, deep } => reported(&simulation::crowd(creators, deep)),
        What::Hunt { count } => {
            let Hunt { found, schedules } = simulation::hunt(count, threads);
            println!("{schedules}");
            if let Some((again, breach)) = &found {
                println!("{again}\n{}\n{breach}", breach.rule.name());
            }
            found.is_some()
        }
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

fn shown(play: impl FnOnce() -> simulation::Tally) -> bool {
    let since = std::time::Instant::now();
    let tally = play();
    let took = since.elapsed().as_secs_f64();
    println!("{tally}");
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let rate = tally.schedules as f64 / took.max(0.001);
    println!("{took:.0} s, {rate:.0} schedules a second");
    tally.is_broken()
}

fn reported(reports: &[Report]) -> bool {
    for report in reports {
        println!("{report}\n");
    }
    reports.iter().any(Report::is_broken)
}

fn told(outcome: &Outcome) -> bool {
    for line in &outcome.story {
        println!("{line}");
    }
    !outcome.breaches.is_empty()
}
