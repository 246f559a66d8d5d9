//! Posts with a time of their own, and when TikTok hears of each.
//!
//! The judge is TikTok's log: the moment of the init against `publish_at`.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use domain::Timestamp;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use slipway::client::text;
use tiktok_sandbox::Endpoint;

use crate::journey::{Journey, PATIENCE};
use crate::rig::{GOOD_VIDEO, Rig};

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

/// How far from its time TikTok heard of each post.
#[derive(Debug)]
pub struct Report {
    /// The lead, and the distance in milliseconds: negative is early.
    pub distances: Vec<(Duration, i64)>,
}

impl Report {
    /// An error if TikTok heard of a post before its time.
    pub fn verdict(&self) -> Result<()> {
        let early: Vec<_> = self.distances.iter().filter(|(_, distance)| *distance < 0).collect();
        ensure!(early.is_empty(), "TikTok heard too early (ms): {early:?}");
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<i64> = self.distances.iter().map(|(_, distance)| *distance).collect();
        line(f, "all", &mut all)?;
        let mut leads: Vec<Duration> = self.distances.iter().map(|(lead, _)| *lead).collect();
        leads.sort_unstable();
        leads.dedup();
        for lead in leads {
            let some = self.distances.iter().filter(|(of, _)| *of == lead);
            let mut some: Vec<i64> = some.map(|(_, distance)| *distance).collect();
            line(f, &format!("asked for {} s before", lead.as_secs()), &mut some)?;
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, what: &str, distances: &mut [i64]) -> fmt::Result {
    distances.sort_unstable();
    let at = |percent: usize| distances[(distances.len() * percent / 100).min(distances.len() - 1)];
    let soon = distances.iter().filter(|distance| (0..=SOON).contains(*distance)).count();
    let early = distances.iter().filter(|distance| **distance < 0).count();
    writeln!(
        f,
        "{what:<26} {:>4} posts, {early} early, {soon} within 2 s; ms after their time: first {}, half {}, 90 % {}, 99 % {}, last {}",
        distances.len(),
        at(0),
        at(50),
        at(90),
        at(99),
        at(100),
    )
}

/// Asks for `posts` posts, with these leads in turn, and waits for all of them.
pub async fn run(rig: &Rig, posts: usize, leads: &[Duration], say: impl Fn(&str)) -> Result<Report> {
    let creators = stream::iter(0..posts.div_ceil(OF_ONE)).map(|_| async {
        let journey = Journey::begin(rig).await?;
        let media = journey.upload(GOOD_VIDEO).await?;
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
    let mut distances = Vec::new();
    for Asked { journey, id, caption, lead, at } in asked {
        let init = rig.sandbox().wait_for(lead + PATIENCE, |world| {
            let ours = |call: &tiktok_sandbox::Call| call.request["post_info"]["title"] == *caption;
            world.calls(Endpoint::VideoInit).find(|(_, call)| ours(call)).map(|(entry, _)| entry.at_ms)
        });
        let init = init.await.with_context(|| format!("TikTok never heard of {id}\n{}", rig.last_words()))?;
        distances.push((lead, init - at));
        journey.becomes(&id, "published").await?;
        let published = rig.publications(&journey.account);
        let times = published.iter().filter(|it| it.title == caption).count();
        ensure!(times == 1, "{id} was published {times} times");
    }
    rig.every_queue_is_empty(PATIENCE).await?;
    Ok(Report { distances })
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
    Ok(Asked { journey, id, caption: text(&post, "caption").to_owned(), lead, at })
}
