//! Queues that lose and double messages, and a clock that misses every fifth minute.

use super::{MINUTE, Report, minutes, percentile, plan, world};
use crate::chance::Chance;
use crate::engine::{Outcome, trace};
use crate::habits::Habits;

/// Posts of each creator.
const EACH: usize = 5;
/// Posts are accepted within this.
const WITHIN: i64 = 30 * MINUTE;
const END: [&str; 3] = ["published", "failed", "cancelled"];

/// So many posts, once without faults and once with them.
pub fn losses(posts: usize) -> Report {
    let quiet = play(posts, Habits::default());
    let faulty = Habits { lost: 30, doubled: 20, skipped: Some(5), ..Habits::default() };
    let faulty = play(posts, faulty);
    let mut report = Report::new("30 % of the sends lost, 20 % doubled, every fifth sweep skipped");
    report.tell("mishaps", faulty.mishaps);
    report.tell(
        "invocations without faults, with them",
        format!("{}, {}", quiet.invocations, faulty.invocations),
    );
    report.judged(&quiet);
    report.judged(&faulty);
    let (quiet, faulty) = (ends(&quiet), ends(&faulty));
    let ended = faulty.iter().flatten().count();
    report.demand("posts that ended", ended, posts, ended == posts && quiet.iter().all(Option::is_some));
    let more = quiet.iter().zip(&faulty).filter_map(|(quiet, faulty)| Some((*faulty)? - (*quiet)?));
    let more: Vec<i64> = more.collect();
    report.tell("longer than without faults, median", minutes(percentile(&more, 50)));
    let (p95, longest) = (percentile(&more, 95), percentile(&more, 100));
    report.demand("longer than without faults, p95", minutes(p95), "20 min", p95 <= 20 * MINUTE);
    report.demand("longer than without faults, at most", minutes(longest), "90 min", longest <= 90 * MINUTE);
    report
}

fn play(posts: usize, habits: Habits) -> Outcome {
    let creators = posts.div_ceil(EACH);
    let mut scenario = world(creators, true);
    for number in 0..posts {
        let place = i64::try_from(number).unwrap_or_default();
        let many = i64::try_from(posts).unwrap_or(1);
        plan(&mut scenario, number % creators, 100 + place * WITHIN / many);
    }
    trace(&scenario, Chance::habitual(4, habits))
}

/// When each post reached its end.
fn ends(outcome: &Outcome) -> Vec<Option<i64>> {
    let paths = outcome.traced.iter().flat_map(|traced| &traced.paths);
    paths.map(|path| path.iter().find(|(_, state)| END.contains(state)).map(|(at, _)| *at)).collect()
}
