//! Posts with a time of their own, and when TikTok hears of each.
//!
//! The judge is TikTok's log: the moment of the init against `publish_at`.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use domain::Timestamp;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use slipway::client::text;
use tiktok_sandbox::Endpoint;

use crate::journey::{Journey, PATIENCE};
use crate::rig::{GOOD_VIDEO, Rig};
use crate::wire::Call;

/// So few posts of one creator that TikTok's six inits a minute put none off.
const OF_ONE: usize = 4;
/// So many are asked for at once.
const ABREAST: usize = 4;
/// What is hoped for.
const SOON: i64 = 2_000;

/// How long before its time a post is asked for: nearer than two minutes a delayed message brings it, else the sweep.
pub const LEADS: [Duration; 5] = [
    Duration::from_secs(15),
    Duration::from_secs(40),
    Duration::from_secs(100),
    Duration::from_secs(150),
    Duration::from_secs(200),
];
/// The nearest of them.
pub const NEAR: [Duration; 2] = [Duration::from_secs(6), Duration::from_secs(15)];

/// When TikTok heard of a post.
#[derive(Clone, Copy, Debug)]
pub struct Init {
    /// How long before its time the post was asked for.
    pub lead: Duration,
    /// In milliseconds after its time: negative is early.
    pub late: i64,
    /// The way of the message that brought it, where it went over the wire.
    pub way: Option<Way>,
}

/// Where the milliseconds went.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// From the post's time until its queue showed the message: what is lost to whole seconds, and to whoever sent it late.
    pub shown: i64,
    /// Until the function asked for the post's row: the queue's, and a cold start's.
    pub taken: i64,
    /// Until the init: the function's own.
    pub begun: i64,
}

type Part = fn(&Way) -> i64;

/// When TikTok heard of each post.
#[derive(Debug)]
pub struct Report {
    pub inits: Vec<Init>,
}

impl Report {
    /// An error if TikTok heard of a post before its time.
    pub fn verdict(&self) -> Result<()> {
        let early: Vec<_> = self.inits.iter().filter(|init| init.late < 0).collect();
        ensure!(early.is_empty(), "TikTok heard too early: {early:?}");
        Ok(())
    }

    /// An error if fewer than 99 % came within two seconds; only a machine that is not busy can tell.
    pub fn punctual(&self) -> Result<()> {
        let soon = self.inits.iter().filter(|init| (0..=SOON).contains(&init.late)).count();
        let all = self.inits.len();
        ensure!(soon * 100 >= all * 99, "only {soon} of {all} within 2 s of their time");
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut leads: Vec<Duration> = self.inits.iter().map(|init| init.lead).collect();
        leads.sort_unstable();
        leads.dedup();
        let of = |lead: Option<Duration>| {
            let late = self.inits.iter().filter(|init| lead.is_none_or(|lead| lead == init.lead));
            late.map(|init| init.late).collect::<Vec<_>>()
        };
        punctuality(f, "all", &of(None))?;
        for lead in leads {
            punctuality(f, &format!("asked for {} s before", lead.as_secs()), &of(Some(lead)))?;
        }
        let parts: [(&str, Part); 3] = [
            ("time -> message visible", |way| way.shown),
            ("visible -> in the function", |way| way.taken),
            ("in the function -> init", |way| way.begun),
        ];
        for (what, part) in parts {
            let times: Vec<i64> = self.inits.iter().filter_map(|init| init.way.as_ref()).map(part).collect();
            writeln!(f, "{what:<26} {:>4} posts; ms: {}", times.len(), spread(times))?;
        }
        Ok(())
    }
}

fn punctuality(f: &mut fmt::Formatter<'_>, what: &str, late: &[i64]) -> fmt::Result {
    let soon = late.iter().filter(|late| (0..=SOON).contains(*late)).count();
    let early = late.iter().filter(|late| **late < 0).count();
    let (all, spread) = (late.len(), spread(late.to_vec()));
    writeln!(f, "{what:<26} {all:>4} posts, {early} early, {soon} within 2 s; ms after their time: {spread}")
}

fn spread(mut times: Vec<i64>) -> String {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let at = |percent| at(percent).copied().unwrap_or_default();
    format!("first {}, half {}, 90 % {}, 99 % {}, last {}", at(0), at(50), at(90), at(99), at(100))
}

/// Asks for `posts` posts, with these leads in turn, and waits for all of them.
pub async fn run(rig: &Rig, posts: usize, leads: &[Duration], say: impl Fn(&str)) -> Result<Report> {
    let creators = stream::iter(0..posts.div_ceil(OF_ONE)).map(|_| async {
        let journey = Journey::begin(rig).await?;
        let media = journey.upload(GOOD_VIDEO).await?;
        // a job names post and account: it is to be about the post alone
        rig.wire.unwatch(&journey.account);
        anyhow::Ok((journey, media))
    });
    let creators: Vec<_> = creators.buffered(ABREAST).try_collect().await?;
    say(&format!("{} creators are connected", creators.len()));
    // a function's first start is nobody's lateness
    let (journey, media) = creators.first().context("no post is asked for")?;
    let warm = journey.create(&journey.post_with(media)).await?;
    journey.becomes(&warm, "published").await?;

    let asked = stream::iter(0..posts).map(|index| {
        let (journey, media) = &creators[index % creators.len()];
        let lead = leads[(index / creators.len() + index) % leads.len()];
        async move { ask(journey, media, lead).await }
    });
    let asked: Vec<Asked<'_>> = asked.buffered(ABREAST).try_collect().await?;
    say("all posts are asked for");
    let mut inits = Vec::new();
    for Asked { journey, id, caption, lead, at } in asked {
        let init = rig.sandbox().wait_for(lead + PATIENCE, |world| {
            let ours = |call: &tiktok_sandbox::Call| call.request["post_info"]["title"] == *caption;
            world.calls(Endpoint::VideoInit).find(|(_, call)| ours(call)).map(|(entry, _)| entry.at_ms)
        });
        let init = init.await.with_context(|| format!("TikTok never heard of {id}\n{}", rig.last_words()))?;
        inits.push(Init { lead, late: init - at, way: way(rig, &id, init - at) });
        journey.becomes(&id, "published").await?;
        let times = rig.published(&journey.account, &caption);
        ensure!(times == 1, "{id} was published {times} times");
    }
    rig.every_queue_is_empty(PATIENCE).await?;
    Ok(Report { inits })
}

/// The way of the last message before the init.
fn way(rig: &Rig, id: &str, late: i64) -> Option<Way> {
    let calls = rig.wire.calls_about(id);
    let init = calls.iter().find(|call| call.operation == "video_init")?;
    let visible = |call: &&Call| call.at + call.took + call.delayed;
    let sent = calls.iter().filter(|call| call.operation == "SendMessage" && call.subject == "publish.v1");
    let shown = sent.filter(|call| visible(call) < init.at).map(|call| visible(&call)).max()?;
    let ours =
        |call: &&Call| call.function.as_deref() == Some("publish-init") && call.operation == "BatchGetItem";
    let taken = calls.iter().filter(ours).map(|call| call.at).filter(|at| *at < init.at).max()?;
    let millis = |from: Instant, to: Instant| {
        let (forth, back) = (to.saturating_duration_since(from), from.saturating_duration_since(to));
        i64::try_from(forth.as_millis()).unwrap_or(i64::MAX)
            - i64::try_from(back.as_millis()).unwrap_or(i64::MAX)
    };
    Some(Way {
        shown: late - millis(shown, init.at),
        taken: millis(shown, taken),
        begun: millis(taken, init.at),
    })
}

struct Asked<'a> {
    journey: &'a Journey<'a>,
    id: String,
    caption: String,
    lead: Duration,
    /// `publish_at`, in milliseconds since 1970.
    at: i64,
}

async fn ask<'a>(journey: &'a Journey<'a>, media: &str, lead: Duration) -> Result<Asked<'a>> {
    let at = journey.rig.sandbox().now_ms() + i64::try_from(lead.as_millis())?;
    let mut post = journey.post_with(media);
    post["publish_at"] = json!(Timestamp::from_millisecond(at)?.to_string());
    let id = journey.create(&post).await?;
    journey.rig.wire.watch(&id, [&id]);
    Ok(Asked { journey, id, caption: text(&post, "caption").to_owned(), lead, at })
}
