//! What goes wrong for one post, drawn from a seed.

use std::time::Duration;

use rand::Rng;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use tiktok_sandbox::{Endpoint, Fault, FaultKind};

use crate::wire::{Act, Rule, Side, When};

/// A post's calls are about so many; what is drawn beyond them does not strike.
const CALLS: u32 = 32;

/// What goes wrong for one post.
#[derive(Debug)]
pub(super) struct Schedule {
    /// On the wire.
    pub(super) rules: Vec<Rule>,
    /// At TikTok.
    pub(super) faults: Vec<Fault>,
    /// When its publish job comes once more, counted from the accepted post.
    pub(super) again: Vec<Duration>,
    /// The post is asked for before its video is uploaded.
    pub(super) waits: bool,
}

impl Schedule {
    /// Nothing goes wrong.
    pub(super) fn quiet(waits: bool) -> Self {
        Self { rules: Vec::new(), faults: Vec::new(), again: Vec::new(), waits }
    }

    /// For the post of this account: one to four faults on the wire, up to two at TikTok, up to two jobs too many.
    pub(super) fn draw(account: &str, chance: &mut impl Rng) -> Self {
        let rules = (0..chance.random_range(1..=4)).map(|_| rule(chance).about(account)).collect();
        let faults = (0..chance.random_range(0..=2)).map(|_| fault(account, chance)).collect();
        let again = (0..chance.random_range(0..=2)).map(|_| millis(0..=15_000, chance)).collect();
        Self { rules, faults, again, waits: chance.random_bool(0.3) }
    }
}

fn millis(range: std::ops::RangeInclusive<u64>, chance: &mut impl Rng) -> Duration {
    Duration::from_millis(chance.random_range(range))
}

fn when(chance: &mut impl Rng) -> When {
    if chance.random_bool(0.5) { When::Before } else { When::After }
}

/// Anywhere on the way, or around the calls that matter most.
fn rule(chance: &mut impl Rng) -> Rule {
    let writes = |when, act| Rule::new(when, act).of("publish-init").on("DynamoDB", "UpdateItem");
    let sends = |act| Rule::new(When::Before, act).on("SQS", "SendMessage");
    match chance.random_range(0..100) {
        // throttles: three in a row are one call's attempts
        0..20 => anywhere(When::Before, Act::Throttle, 1..=4, chance),
        20..32 => anywhere(When::Before, Act::Lose, 1..=4, chance),
        32..44 => anywhere(When::After, Act::Lose, 1..=4, chance),
        44..52 => anywhere(When::Before, Act::Delay(millis(200..=3_000, chance)), 1..=3, chance),
        52..68 => anywhere(when(chance), Act::Kill, 1..=1, chance),
        68..74 => Rule::new(when(chance), Act::Lose).on("TikTok", "video_init"),
        74..79 => Rule::new(when(chance), Act::Kill).on("TikTok", "video_init"),
        // the claim and the storing of the publish id among them
        79..84 => writes(when(chance), Act::Kill).skip(chance.random_range(0..4)),
        84..88 => writes(when(chance), Act::Lose).skip(chance.random_range(0..4)).times(3),
        88..94 => sends(Act::Swallow).skip(chance.random_range(0..3)),
        _ => sends(Act::Double).skip(chance.random_range(0..3)).times(2),
    }
}

fn anywhere(when: When, act: Act, times: std::ops::RangeInclusive<u32>, chance: &mut impl Rng) -> Rule {
    let rule = Rule::new(when, act).skip(chance.random_range(0..CALLS)).times(chance.random_range(times));
    // TikTok refuses and breaks off by faults of its own
    if matches!(act, Act::Throttle) { rule.to(Side::Aws) } else { rule }
}

fn fault(account: &str, chance: &mut impl Rng) -> Fault {
    let endpoints = [Endpoint::CreatorInfo, Endpoint::VideoInit, Endpoint::VideoInit, Endpoint::StatusFetch];
    let endpoint = *endpoints.choose(chance).unwrap_or(&Endpoint::VideoInit);
    let kind = match chance.random_range(0..9) {
        0 => FaultKind::Answer { status: 500, body: error("internal_error") },
        1 => FaultKind::Answer { status: 502, body: Value::Null },
        2 => FaultKind::Answer { status: 429, body: error("rate_limit_exceeded") },
        3 => FaultKind::LostBefore,
        4 => FaultKind::AnswerLost,
        5 => FaultKind::CutBody,
        6 => FaultKind::Garbage,
        7 => FaultKind::AnswerReplaced { status: 500, body: error("internal_error") },
        _ => FaultKind::Delayed { ms: chance.random_range(500..=4_000) },
    };
    let (skip, count) = (chance.random_range(0..=1), chance.random_range(1..=2));
    Fault { skip, count, account: Some(account.to_owned()), ..Fault::once(endpoint, kind) }
}

fn error(code: &str) -> Value {
    json!({ "data": {}, "error": { "code": code, "message": "injected", "log_id": "injected" } })
}
