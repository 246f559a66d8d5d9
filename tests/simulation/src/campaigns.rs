//! Campaigns: many posts in one world, always the same trouble, and figures that are demanded.

mod crowd;
mod cuts;
mod losses;

use std::fmt;

use domain::content::{Allow, Disclosure, PrivacyLevel, Transport};
use tiktok_sandbox::config::AutoTime;

use crate::engine::Outcome;
use crate::scenario::{Creator, Media, Planned, Scenario, Stroke};

pub use crowd::crowd;
pub use cuts::cuts;
pub use losses::losses;

const MINUTE: i64 = 60_000;

/// What a campaign came to: figures, each with what is demanded of it.
#[derive(Debug, Default)]
pub struct Report {
    title: String,
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    what: &'static str,
    figure: String,
    /// What is demanded, and whether it is so.
    demand: Option<(String, bool)>,
}

impl Report {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), lines: Vec::new() }
    }

    /// Something to know.
    fn tell(&mut self, what: &'static str, figure: impl fmt::Display) {
        self.lines.push(Line { what, figure: figure.to_string(), demand: None });
    }

    /// Something that has to be so.
    fn demand(
        &mut self,
        what: &'static str,
        figure: impl fmt::Display,
        demand: impl fmt::Display,
        holds: bool,
    ) {
        let demand = Some((demand.to_string(), holds));
        self.lines.push(Line { what, figure: figure.to_string(), demand });
    }

    /// What the judge found.
    fn judged(&mut self, outcome: &Outcome) {
        let count = outcome.breaches.len();
        self.demand("broken rules", count, 0, count == 0);
        for breach in outcome.breaches.iter().take(5) {
            self.tell("", breach);
        }
    }

    /// Whether anything is not as demanded.
    pub fn is_broken(&self) -> bool {
        self.lines.iter().any(|line| line.demand.as_ref().is_some_and(|(_, holds)| !holds))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        for Line { what, figure, demand } in &self.lines {
            write!(f, "\n  {what:<44} {figure:>10}")?;
            if let Some((demand, holds)) = demand {
                write!(f, "   demanded: {demand}{}", if *holds { "" } else { "   NOT SO" })?;
            }
        }
        Ok(())
    }
}

/// A public post of each of so many creators, nothing planned yet.
fn world(creators: usize, webhooks: bool) -> Scenario {
    let plain = Scenario::plain(Media::Ready, webhooks);
    let creator =
        |number: usize| Creator { handle: format!("creator {number}"), ..plain.creators[0].clone() };
    Scenario {
        creators: (0..creators).map(creator).collect(),
        posts: Vec::new(),
        strokes: Vec::new(),
        pace: AutoTime { fetch_ms: 1_000, processing_ms: 20_000, public_id_ms: 10_000 },
        ..plain
    }
}

/// Plans a post of this creator, to be accepted so long after the start.
fn plan(scenario: &mut Scenario, creator: usize, at: i64) {
    scenario.strokes.push((at, Stroke::Submit(scenario.posts.len())));
    scenario.posts.push(Planned {
        creator,
        media: Media::Ready,
        privacy: PrivacyLevel::PublicToEveryone,
        allow: Allow { comment: true, duet: false, stitch: false },
        disclosure: Disclosure::default(),
        ai_generated: false,
        transport: Transport::Auto,
        publish_after_ms: None,
    });
}

/// The value below which so many in a hundred lie.
fn percentile(values: &[i64], percent: usize) -> i64 {
    let mut values = values.to_vec();
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(place).copied().unwrap_or_default()
}

#[expect(clippy::cast_precision_loss, reason = "minutes for people")]
fn minutes(ms: i64) -> String {
    format!("{:.1} min", ms as f64 / 60_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
fn seconds(ms: i64) -> String {
    format!("{:.1} s", ms as f64 / 1_000.0)
}
