//! How the refreshes of many creators spread over time, by the real planner in virtual time.
//!
//! Everybody connects within one hour. The clock's rule, the delayed message, TikTok's answer time and failures that pass are
//! modelled; when the next refresh is due is [`RefreshPlan`]'s word, and whether an account is active [`Account::care`]'s.

#![expect(clippy::cast_precision_loss, reason = "counts and seconds far below 2^52")]

use std::fmt;

use domain::account::{Care, RefreshPlan, TOO_OLD_TO_USE, Tokens};
use domain::{Account, AccountId, SignedDuration, Timestamp};
use ports::samples::{self, NOON};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

const MINUTE: usize = 60;
const HOUR: usize = 60 * MINUTE;
const DAY: usize = 24 * HOUR;
/// A refresh that failed in passing is tried again after this.
const AGAIN: f64 = 15.0;
/// A message that was lost is made up for by the row's watchdog.
const WATCHDOG: f64 = 300.0;

/// The production defaults.
pub const PLAN: RefreshPlan =
    RefreshPlan { at_percent: 60, jitter_percent: 15, keep_alive: SignedDuration::from_hours(30 * 24) };

/// What the simulation found.
#[derive(Debug, Clone)]
pub struct Spread {
    /// Creators.
    pub creators: usize,
    /// Refreshes of the active ones in the second day.
    pub refreshes: u64,
    /// The busiest minute of the second day, and the mean one.
    pub peak_minute: u32,
    /// The mean minute of the second day.
    pub mean_minute: f64,
    /// The busiest second of the busiest minute over that minute's mean second.
    pub inside_peak: f64,
    /// The same of the worst minute of the second day.
    pub inside_worst: f64,
    /// The shortest life that was left of a token when its successor was stored.
    pub least_left: SignedDuration,
    /// Refreshes a second of dormant creators: all of a month, and its busiest hour.
    pub dormant_mean: f64,
    /// In the busiest hour.
    pub dormant_hour: f64,
}

impl Spread {
    /// What is not as it must be.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                failures.push(what);
            }
        };
        let peak = f64::from(self.peak_minute) / self.mean_minute;
        must(peak <= 1.5, format!("the peak minute is {peak:.2} times the mean minute"));
        must(self.inside_peak <= 2.0, format!("inside the peak minute {:.2}", self.inside_peak));
        must(
            self.least_left >= TOO_OLD_TO_USE,
            format!("a token had {} s left when it was replaced", self.least_left.as_secs()),
        );
        must(self.dormant_hour <= 0.5, format!("{:.3} dormant refreshes a second", self.dormant_hour));
        failures
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peak = f64::from(self.peak_minute) / self.mean_minute;
        writeln!(f, "{} creators, all connected within one hour; the second day:", self.creators)?;
        writeln!(f, "  refreshes                           {:>10}", self.refreshes)?;
        writeln!(f, "  mean minute                         {:>10.1}", self.mean_minute)?;
        writeln!(
            f,
            "  peak minute                         {:>10}   {peak:.2} x the mean (at most 1.5)",
            self.peak_minute
        )?;
        writeln!(
            f,
            "  inside the peak minute              {:>10.2} x its mean second (at most 2)",
            self.inside_peak
        )?;
        writeln!(f, "  inside the worst minute of the day  {:>10.2} x its mean second", self.inside_worst)?;
        writeln!(
            f,
            "  shortest life left at a refresh     {:>10} min (at least 10)",
            self.least_left.as_secs() / 60
        )?;
        writeln!(f, "the same creators, who have not posted for a week:")?;
        writeln!(f, "  refreshes a second                  {:>10.3} in a month", self.dormant_mean)?;
        write!(f, "  in the busiest hour                 {:>10.3} (at most 0.5)", self.dormant_hour)
    }
}

struct Life {
    account: Account,
    tokens: Tokens,
    rng: StdRng,
}

impl Life {
    fn issued(&mut self, issued: f64) {
        self.tokens.issued_at = at(issued);
        self.tokens.access_expires_at = self.tokens.issued_at + SignedDuration::from_hours(24);
        self.tokens.refresh_expires_at = self.tokens.issued_at + SignedDuration::from_hours(24 * 365);
    }

    /// When TikTok's answer to a refresh that is due then is stored, and when it was called.
    fn refreshed(&mut self, due: f64) -> (f64, f64) {
        // the sweep finds it up to 90 s ahead; SQS counts the delay in whole seconds
        let mut called = due.ceil();
        if self.rng.random_bool(0.001) {
            called += WATCHDOG + self.rng.random_range(0.0..60.0);
        }
        while self.rng.random_bool(0.01) {
            called += AGAIN;
        }
        (called, called + self.rng.random_range(0.2..2.0))
    }
}

fn at(seconds: f64) -> Timestamp {
    NOON + SignedDuration::from_secs_f64((seconds * 1_000.0).round() / 1_000.0)
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(NOON).as_secs_f64()
}

/// Lets `creators` connect within an hour and live for two days, and then for a week and two months without a post.
pub fn simulate(creators: usize, seed: u64, plan: RefreshPlan) -> Spread {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut active = vec![0_u32; 2 * DAY];
    let (quiet, end) = (8 * DAY, 68 * DAY);
    let mut dormant = vec![0_u32; (end - quiet) / HOUR];
    let mut least_left = f64::MAX;
    let (account, tokens) = (samples::account(1, NOON), samples::tokens(1, NOON));
    let mut life = Life { account, tokens, rng: StdRng::seed_from_u64(seed ^ 1) };
    for _ in 0..creators {
        life.account.id = AccountId::from_bits(rng.random());
        let mut issued: f64 = rng.random_range(0.0..3_600.0);
        life.account.connected_at = at(issued);
        let mut care = Care::Active;
        loop {
            life.issued(issued);
            let due = seconds(plan.due(&life.account.id, &life.tokens, care));
            if due >= end as f64 {
                break;
            }
            if care == Care::Active && life.account.care(at(due)) == Care::Dormant {
                // it wakes up, and finds that it may sleep on
                care = Care::Dormant;
                continue;
            }
            let (called, stored) = life.refreshed(due.max(issued));
            let second = whole(called);
            if let Some(count) = active.get_mut(second) {
                *count += 1;
            }
            if care == Care::Active {
                least_left = least_left.min(seconds(life.tokens.access_expires_at) - stored);
            } else if let Some(count) =
                second.checked_sub(quiet).and_then(|second| dormant.get_mut(second / HOUR))
            {
                *count += 1;
            }
            issued = stored;
        }
    }
    let second_day = &active[DAY..];
    let minutes: Vec<&[u32]> = second_day.chunks(MINUTE).collect();
    let sum = |minute: &[u32]| minute.iter().sum::<u32>();
    let inside = |minute: &[u32]| {
        f64::from(minute.iter().copied().max().unwrap_or(0)) * 60.0 / f64::from(sum(minute).max(1))
    };
    let peak = minutes.iter().copied().max_by_key(|minute| sum(minute)).unwrap_or_default();
    let refreshes: u64 = second_day.iter().map(|count| u64::from(*count)).sum();
    // the first month of sleep is still the mixing of those who fell asleep; the second one is whole
    let month = &dormant[30 * 24..];
    let all: u32 = month.iter().sum();
    Spread {
        creators,
        refreshes,
        peak_minute: sum(peak),
        mean_minute: refreshes as f64 / minutes.len() as f64,
        inside_peak: inside(peak),
        inside_worst: minutes.iter().map(|minute| inside(minute)).fold(0.0, f64::max),
        least_left: SignedDuration::from_secs_f64(least_left),
        dormant_mean: f64::from(all) / (month.len() * HOUR) as f64,
        dormant_hour: f64::from(dormant.iter().copied().max().unwrap_or(0)) / HOUR as f64,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of virtual days")]
fn whole(seconds: f64) -> usize {
    seconds as usize
}
