//! The answer to the first init of every post is lost, before TikTok heard of it or after.

use std::collections::BTreeMap;

use domain::content::Transport;
use domain::notice::News;
use tiktok_sandbox::Endpoint;

use super::{MINUTE, Report, minutes, percentile, plan, world};
use crate::chance::Chance;
use crate::engine::{Outcome, Traced, number_of_id, trace};
use crate::habits::{Cut, Habits};
use crate::scenario::Scenario;

/// Where evidence can come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// TikTok's webhooks, and the log of who asked for copies.
    Webhooks,
    /// The log and the creator's videos.
    LogAndVideos,
    /// Nowhere.
    None,
}

/// Posts are accepted within this.
const WITHIN: i64 = 10 * MINUTE;
/// How late the log is: what the media domain's is set to where somebody vouches for it.
const LOG_DELAY: i64 = 15_000;
const DEADLINE: i64 = 75 * MINUTE;

/// So many posts of as many creators, by evidence and by where the answer is cut.
pub fn cuts(posts: usize) -> Vec<Report> {
    let mut reports = Vec::new();
    for evidence in [Evidence::Webhooks, Evidence::LogAndVideos, Evidence::None] {
        let cut = |cut| play(posts, evidence, cut);
        reports.push(report(evidence, &cut(Cut::Before), &cut(Cut::After)));
    }
    reports.push(orphans(posts));
    reports
}

/// The same with uploads and no evidence of any kind: without a byte an attempt is dead, whoever has its id.
fn orphans(posts: usize) -> Report {
    let mut report = Report::new("every first answer to an upload's init cut, no evidence of any kind");
    for (cut, orphaned) in [(Cut::Before, 0), (Cut::After, posts)] {
        let mut scenario = scenario(posts, Evidence::None);
        for post in &mut scenario.posts {
            post.transport = Transport::Upload;
        }
        let outcome = trace(&scenario, Chance::habitual(3, Habits { cut: Some(cut), ..Habits::default() }));
        let Some(traced) = &outcome.traced else { continue };
        let count = outcome.ends.len();
        report.tell(
            match cut {
                Cut::Before => "posts, cut before the effect",
                Cut::After => "posts, cut after the effect",
            },
            count,
        );
        report.judged(&outcome);
        let published = outcome.ends.iter().filter(|end| **end == "published").count();
        report.demand("  published in the end", published, count, published == count);
        let orphans = outcome.accepted - traced.world.posts().filter(|post| post.is_whole()).count();
        report.demand("  ids that nobody used", orphans, orphaned, orphans == orphaned);
        let doubted = traced.paths.iter().flatten().filter(|(_, state)| *state == "unconfirmed").count();
        report.demand("  ever in doubt", doubted, 0, doubted == 0);
        let lost = |path: &Vec<(i64, &'static str)>| {
            let began = path.iter().find(|(_, state)| *state == "initiating")?.0;
            path.iter().find(|(_, state)| *state == "uploading").map(|(at, _)| at - began)
        };
        let took: Vec<i64> = traced.paths.iter().filter_map(lost).collect();
        report.tell("  until the next init, longest", minutes(percentile(&took, 100)));
    }
    report
}

fn play(posts: usize, evidence: Evidence, cut: Cut) -> Outcome {
    let scenario = scenario(posts, evidence);
    trace(&scenario, Chance::habitual(3, Habits { cut: Some(cut), ..Habits::default() }))
}

/// A public post of each of so many creators.
fn scenario(posts: usize, evidence: Evidence) -> Scenario {
    let mut scenario = world(posts, evidence == Evidence::Webhooks);
    scenario.log_delay_ms = (evidence != Evidence::None).then_some(LOG_DELAY);
    for creator in &mut scenario.creators {
        creator.lists_videos = evidence == Evidence::LogAndVideos;
    }
    for creator in 0..posts {
        let place = i64::try_from(creator).unwrap_or_default();
        let many = i64::try_from(posts).unwrap_or(1);
        plan(&mut scenario, creator, 100 + place * WITHIN / many);
    }
    scenario
}

/// How long each post was in doubt, from its first init; `None`: it still is.
fn doubts(traced: &Traced) -> Vec<Option<i64>> {
    let doubt = |path: &Vec<(i64, &'static str)>| {
        let from = path.iter().find(|(_, state)| *state == "initiating")?.0;
        let open = |state: &str| ["initiating", "unconfirmed"].contains(&state);
        path.iter().find(|(at, state)| *at > from && !open(state)).map(|(at, _)| at - from)
    };
    traced.paths.iter().map(doubt).collect()
}

/// When `post.unconfirmed` was raised for each post, from its first init.
fn raised(traced: &Traced) -> BTreeMap<usize, i64> {
    let mut raised = BTreeMap::new();
    for notice in &traced.notices {
        if let News::Post { post, .. } = &notice.news
            && notice.news.name() == "post.unconfirmed"
        {
            let number = number_of_id(post);
            let began = traced
                .paths
                .get(number)
                .and_then(|path| path.iter().find(|(_, state)| *state == "initiating").map(|(at, _)| *at));
            let after = notice.at.as_millisecond() - began.unwrap_or_default();
            raised.entry(number).or_insert(after);
        }
    }
    raised
}

fn report(evidence: Evidence, before: &Outcome, after: &Outcome) -> Report {
    let mut report = Report::new(match evidence {
        Evidence::Webhooks => "every first answer cut, with webhooks and the fetch log",
        Evidence::LogAndVideos => "every first answer cut, no webhooks, with the fetch log and video.list",
        Evidence::None => "every first answer cut, no evidence of any kind",
    });
    let (mut took, mut open, mut told) = (Vec::new(), 0, Vec::new());
    for (outcome, cut) in [(before, Cut::Before), (after, Cut::After)] {
        let Some(traced) = &outcome.traced else { continue };
        let count = outcome.ends.len();
        let inits = traced.world.calls(Endpoint::VideoInit).count();
        report.tell(
            match cut {
                Cut::Before => "posts, cut before the effect",
                Cut::After => "posts, cut after the effect",
            },
            count,
        );
        report.tell("  inits that reached TikTok or were cut", inits);
        report.tell("  accepted", outcome.accepted);
        report.judged(outcome);
        let doubts = doubts(traced);
        open += doubts.iter().filter(|doubt| doubt.is_none()).count();
        took.extend(doubts.into_iter().flatten());
        told.extend(raised(traced).into_values());
        let published = outcome.ends.iter().filter(|end| **end == "published").count();
        match evidence {
            Evidence::None => {
                let unconfirmed = outcome.ends.iter().filter(|end| **end == "unconfirmed").count();
                report.demand("  unconfirmed in the end", unconfirmed, count, unconfirmed == count);
                report.demand("  inits, the cut ones alone", inits, count, inits == count);
            }
            _ => report.demand("  published in the end", published, count, published == count),
        }
    }
    let all = before.ends.len() + after.ends.len();
    match evidence {
        Evidence::Webhooks => {
            report.demand("still in doubt", open, 0, open == 0);
            report.tell("in doubt, median", minutes(percentile(&took, 50)));
            let p95 = percentile(&took, 95);
            report.demand("in doubt, p95", minutes(p95), "10 min", p95 <= 10 * MINUTE);
            report.tell("in doubt, longest", minutes(percentile(&took, 100)));
        }
        Evidence::LogAndVideos => {
            report.demand("still in doubt", open, 0, open == 0);
            report.tell("in doubt, p95", minutes(percentile(&took, 95)));
            let longest = percentile(&took, 100);
            report.demand("in doubt, longest", minutes(longest), "75 min", longest <= DEADLINE);
        }
        Evidence::None => {
            report.demand("given another state, guessed", took.len(), 0, took.is_empty());
            report.demand("told `post.unconfirmed`", told.len(), all, told.len() == all);
            let longest = percentile(&told, 100);
            report.demand("  at the latest", minutes(longest), "75 min", longest <= DEADLINE);
        }
    }
    report
}
