//! Many schedules on many threads, and what they came to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::chance::{Chance, Mishap, Place};
use crate::engine::{Outcome, play};
use crate::judge::{Breach, Rule};
use crate::scenario::{Media, Scenario, Skews};

/// What schedules came to.
#[derive(Debug, Default)]
pub struct Tally {
    /// How many there were.
    pub schedules: u64,
    /// What went wrong in them.
    pub mishaps: u64,
    /// Invocations of functions.
    pub invocations: u64,
    /// Attempts that TikTok accepted.
    pub accepted: u64,
    /// Messages that ended in dead-letter queues.
    pub dead_letters: u64,
    /// The states in which posts ended.
    pub ends: BTreeMap<&'static str, u64>,
    /// How often each rule was broken.
    pub broken: BTreeMap<Rule, u64>,
    /// The first that broke a rule, with what plays them again.
    pub first: Vec<(String, Breach)>,
}

/// So many breaches are shown.
const SHOWN: usize = 10;

impl Tally {
    fn add(&mut self, outcome: &Outcome, again: impl FnOnce() -> String) {
        self.schedules += 1;
        self.mishaps += u64::from(outcome.mishaps);
        self.invocations += outcome.invocations as u64;
        self.accepted += outcome.accepted as u64;
        self.dead_letters += u64::from(outcome.dead_letters);
        for end in &outcome.ends {
            *self.ends.entry(end).or_default() += 1;
        }
        for breach in &outcome.breaches {
            *self.broken.entry(breach.rule).or_default() += 1;
        }
        if let Some(breach) = outcome.breaches.first()
            && self.first.len() < SHOWN
        {
            self.first.push((again(), breach.clone()));
        }
    }

    fn join(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.mishaps += other.mishaps;
        self.invocations += other.invocations;
        self.accepted += other.accepted;
        self.dead_letters += other.dead_letters;
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        for (rule, count) in other.broken {
            *self.broken.entry(rule).or_default() += count;
        }
        self.first.extend(other.first);
        self.first.truncate(SHOWN);
    }

    /// Whether any rule was broken.
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    fn count(&self, rule: Rule) -> u64 {
        self.broken.get(&rule).copied().unwrap_or_default()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let others = self.broken.iter().filter(|(rule, _)| !matches!(rule, Rule::Duplicate | Rule::Lost));
        writeln!(f, "schedules           {:>12}", self.schedules)?;
        writeln!(f, "  mishaps           {:>12}", self.mishaps)?;
        writeln!(f, "  invocations       {:>12}", self.invocations)?;
        writeln!(f, "  accepted inits    {:>12}", self.accepted)?;
        writeln!(f, "  dead letters      {:>12}", self.dead_letters)?;
        for (end, count) in &self.ends {
            writeln!(f, "  posts {end:<13}{count:>11}")?;
        }
        writeln!(f, "duplicates          {:>12}", self.count(Rule::Duplicate))?;
        writeln!(f, "lost posts          {:>12}", self.count(Rule::Lost))?;
        write!(f, "broken invariants   {:>12}", others.map(|(_, count)| count).sum::<u64>())?;
        for (rule, count) in &self.broken {
            write!(f, "\n  {:<18}{count:>12}", rule.name())?;
        }
        for (again, breach) in &self.first {
            write!(f, "\n{breach}\n  again: cargo run --profile simulation -p simulation -- {again}")?;
        }
        Ok(())
    }
}

/// Plays so many jobs on so many threads; each is told the number of its job, until the jobs or its patience are at an end.
fn on_threads(threads: usize, jobs: u64, work: impl Fn(u64, &mut Tally) + Sync) -> Tally {
    const AT_ONCE: u64 = 64;
    let (next, all) = (AtomicU64::new(0), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                let mut tally = Tally::default();
                loop {
                    let from = next.fetch_add(AT_ONCE, Ordering::Relaxed);
                    if from >= jobs {
                        break;
                    }
                    for job in from..(from + AT_ONCE).min(jobs) {
                        work(job, &mut tally);
                    }
                }
                all.lock().unwrap_or_else(PoisonError::into_inner).join(tally);
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.first.sort_by_key(|(again, _)| (again.len(), again.clone()));
    all
}

/// The schedules of these seeds.
pub fn seeds(from: u64, count: u64, skews: Skews, threads: usize) -> Tally {
    on_threads(threads, count, |job, tally| {
        let seed = from + job;
        let (scenario, chance) = Scenario::of_seed(seed, skews);
        let outcome = play(&scenario, chance, false);
        tally.add(&outcome, || match skews {
            Skews::Trusted => format!("replay {seed}"),
            Skews::Wild => format!("replay {seed} --wild"),
        });
    })
}

/// What a hunt came to.
#[derive(Debug)]
pub struct Hunt {
    /// What plays the first schedule again that broke a rule, and how it did.
    pub found: Option<(String, Breach)>,
    /// Schedules that were played.
    pub schedules: u64,
}

/// The schedules of so many seeds, until one breaks a rule. Single mishaps come first, and every hundredth batch has clocks ten
/// minutes apart.
pub fn hunt(count: u64, threads: usize) -> Hunt {
    const AT_ONCE: u64 = 256;
    let mut tally = exhaustive(Faults::Single, threads);
    for batch in 0..count.div_ceil(AT_ONCE) {
        if tally.is_broken() {
            break;
        }
        let skews = if batch % 100 == 99 { Skews::Wild } else { Skews::Trusted };
        tally.join(seeds(batch * AT_ONCE, AT_ONCE, skews, threads));
    }
    Hunt { schedules: tally.schedules, found: tally.first.into_iter().next() }
}

/// The schedule of a seed, told.
pub fn replay(seed: u64, skews: Skews) -> Outcome {
    let (scenario, chance) = Scenario::of_seed(seed, skews);
    play(&scenario, chance, true)
}

/// What happens when nothing goes wrong: one post with its video there or late, with webhooks or without; eight posts at once.
fn scripted() -> [Scenario; 4] {
    [
        Scenario::plain(Media::Ready, false),
        Scenario::plain(Media::Ready, true),
        Scenario::plain(Media::Late, true),
        Scenario::burst(),
    ]
}

/// How many mishaps an exhaustive schedule has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Faults {
    /// One.
    Single,
    /// One, and two.
    Double,
}

/// Every mishap at every place of one post's life, and every other after it; and every one among eight posts at once.
pub fn exhaustive(faults: Faults, threads: usize) -> Tally {
    let mut all = Tally::default();
    for (number, scenario) in scripted().into_iter().enumerate() {
        let run = |planned: &[(usize, Mishap)], tally: &mut Tally| {
            let outcome = play(&scenario, Chance::scripted(planned.to_vec()), false);
            tally.add(&outcome, || scripted_name(number, planned));
            outcome
        };
        let mut plain = Tally::default();
        let places = run(&[], &mut plain).places;
        all.join(plain);
        let singles: Vec<_> = every(&places, 0).collect();
        all.join(on_threads(threads, singles.len() as u64, |job, tally| {
            let first = singles[usize::try_from(job).unwrap_or_default()];
            let places = run(&[first], tally).places;
            if faults == Faults::Double && scenario.posts.len() == 1 {
                for second in every(&places, first.0 + 1) {
                    run(&[first, second], tally);
                }
            }
        }));
    }
    all
}

fn every(places: &[Place], from: usize) -> impl Iterator<Item = (usize, Mishap)> {
    let places = places.iter().enumerate().skip(from);
    places.flat_map(|(at, place)| place.mishaps().iter().map(move |mishap| (at, *mishap)))
}

fn scripted_name(number: usize, planned: &[(usize, Mishap)]) -> String {
    let planned = planned.iter().map(|(at, mishap)| format!("{at}:{mishap:?}"));
    format!("script {number} {}", planned.collect::<Vec<_>>().join(" "))
}

/// A scripted schedule that a tally named, told; `None`: it names none.
pub fn replay_script(number: usize, planned: &[String]) -> Option<Outcome> {
    let scenario = scripted().into_iter().nth(number)?;
    let planned = planned.iter().map(|text| {
        let (at, name) = text.split_once(':')?;
        let mishap = Mishap::ALL.into_iter().find(|mishap| format!("{mishap:?}") == name)?;
        Some((at.parse().ok()?, mishap))
    });
    let planned = planned.collect::<Option<Vec<_>>>()?;
    Some(play(&scenario, Chance::scripted(planned), true))
}
