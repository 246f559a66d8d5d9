//! Many creators at once in front of few workers, and one of them with a backlog that no limit lets drain soon.

use std::collections::BTreeMap;

use tiktok_sandbox::{Endpoint, World};

use super::{Report, minutes, percentile, plan, seconds, world};
use crate::chance::Chance;
use crate::engine::{Outcome, trace};
use crate::habits::{Habits, Network};

const WORKERS: usize = 10;
/// What TikTok takes of most creators in a day.
const EACH: usize = 15;
/// How much longer than usual a way to TikTok takes at most: two calls that leave together arrive up to so long apart.
const JITTER: i64 = 2_000;
/// TikTok's inits in a minute.
const A_MINUTE: usize = 6;

/// So many creators with fifteen posts each at once; then one of them has as many as `deep`.
pub fn crowd(creators: usize, deep: usize) -> Vec<Report> {
    let even = play(creators, EACH);
    let uneven = play(creators, deep);
    let mut reports = vec![together(&even, creators, EACH)];
    let mut report = together(&uneven, creators, deep);
    let (even, uneven) = (starts(&even), starts(&uneven));
    let mut later = Vec::new();
    for number in 1..creators {
        let handle = format!("creator {number}");
        if let (Some(even), Some(uneven)) = (even.get(&handle), uneven.get(&handle)) {
            later.push(uneven - even);
        }
    }
    report.demand("others whose first post started", later.len(), creators - 1, later.len() == creators - 1);
    let p99 = percentile(&later, 99);
    report.demand("their first posts start later, p99", seconds(p99), "5 s", p99 <= 5_000);
    reports.push(report);
    reports
}

fn play(creators: usize, deep: usize) -> Outcome {
    let mut scenario = world(creators, true);
    scenario.workers = Some(WORKERS);
    // TikTok's own number is fifteen; the backlog is to drain within the limits of the minute
    scenario.daily_cap = u32::try_from(deep.max(EACH)).unwrap_or(u32::MAX);
    for number in 0..deep.max(EACH) {
        let count = if number < EACH { creators } else { 1 };
        for creator in 0..count {
            plan(&mut scenario, creator, 0);
        }
    }
    let network = Some(Network::new(JITTER));
    trace(&scenario, Chance::habitual(5, Habits { network, ..Habits::default() }))
}

/// The inits of each creator that TikTok took, in milliseconds since 1970.
fn inits(world: &World) -> BTreeMap<String, Vec<i64>> {
    let mut inits: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (entry, call) in world.calls(Endpoint::VideoInit).filter(|(_, call)| call.code == "ok") {
        inits.entry(call.account.clone().unwrap_or_default()).or_default().push(entry.at_ms);
    }
    inits
}

fn starts(outcome: &Outcome) -> BTreeMap<String, i64> {
    let Some(traced) = &outcome.traced else { return BTreeMap::new() };
    inits(&traced.world).into_iter().filter_map(|(handle, times)| Some((handle, *times.first()?))).collect()
}

fn together(outcome: &Outcome, creators: usize, deep: usize) -> Report {
    let posts = outcome.ends.len();
    let mut report = Report::new(if deep > EACH {
        format!("the same with one creator {deep} posts deep")
    } else {
        format!(
            "{creators} creators with {EACH} posts each at once, {WORKERS} workers, jitter of {} s",
            JITTER / 1_000
        )
    });
    let Some(traced) = &outcome.traced else { return report };
    report.tell("posts", posts);
    let published = outcome.ends.iter().filter(|end| **end == "published").count();
    report.demand("published", published, posts, published == posts);
    // windows over the limits are among what the judge counts
    report.judged(outcome);
    let refused = |endpoint| traced.world.calls(endpoint).filter(|(_, call)| call.status == 429).count();
    let refused =
        refused(Endpoint::CreatorInfo) + refused(Endpoint::VideoInit) + refused(Endpoint::StatusFetch);
    report.demand("answers 429", refused, 0, refused == 0);
    for (name, count) in &traced.deliveries {
        report.tell("deliveries", format!("{count} {name}"));
    }
    let deliveries: u64 = traced.deliveries.values().sum();
    let by_post = ratio(deliveries, posts as u64);
    // a backlog of a thousand has more to wait for than its own turn
    if deep > EACH {
        report.tell("deliveries a post", format!("{by_post:.2}"));
    } else {
        report.demand("deliveries a post", format!("{by_post:.2}"), "2.2", by_post <= 2.2);
    }
    let mut slowest: Option<(f64, String)> = None;
    let (mut longest, mut nearest) = (0, f64::MAX);
    for (handle, times) in inits(&traced.world) {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        longest = longest.max(last - first);
        let took = (last - first).unsigned_abs();
        // whoever begins with a full minute at once needs no less than this for the rest
        nearest = nearest.min(ratio(60_000 * ((times.len() - 1) / A_MINUTE) as u64, took));
        let rate = ratio(60_000 * times.len() as u64, A_MINUTE as u64 * took);
        if slowest.as_ref().is_none_or(|(slow, _)| rate < *slow) {
            slowest = Some((rate, handle));
        }
    }
    report.tell("the longest backlog drained in", minutes(longest));
    if let Some((rate, handle)) = slowest {
        let percent = format!("{:.1} %", 100.0 * rate);
        report.tell("the slowest backlog was", handle);
        report.demand("  of TikTok's 6 a minute", percent, "95 %", rate >= 0.95);
        report.tell("  of the fastest that its limit allows", format!("{:.1} %", 100.0 * nearest));
    }
    report
}

#[expect(clippy::cast_precision_loss, reason = "counts and seconds")]
fn ratio(count: u64, of: u64) -> f64 {
    count as f64 / of.max(1) as f64
}
