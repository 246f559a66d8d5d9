//! Many posts of one creator at once, and how often TikTok is called in a minute.
//!
//! TikTok takes 20 `creator_info`, 6 `video_init` and 30 `status_fetch` of an account in any 60 seconds. The judge is its log.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures::{StreamExt as _, TryStreamExt as _, future, stream};
use slipway::client::text;
use tiktok_sandbox::{AutoTime, Endpoint, Time};
use tokio::time::Instant;

use crate::journey::{Journey, PATIENCE};
use crate::rig::{GOOD_VIDEO, Rig, Setup};

/// TikTok's minute in milliseconds.
const MINUTE: i64 = 60_000;
/// Calls of each kind in a minute.
pub const LIMITS: [(Endpoint, usize); 3] =
    [(Endpoint::CreatorInfo, 20), (Endpoint::VideoInit, 6), (Endpoint::StatusFetch, 30)];

/// TikTok tells nothing by webhook and takes its time, and is asked every other second.
pub fn setup() -> Setup {
    let mut setup = Setup::default().with("PollLadder", "2");
    setup.tiktok.webhooks.enabled = false;
    setup.tiktok.time = Time::Auto(AutoTime { processing_ms: 12_000, ..AutoTime::default() });
    setup
}

/// What TikTok's log shows.
#[derive(Debug)]
pub struct Report {
    pub creators: usize,
    pub posts: usize,
    /// Calls of each kind, and the most of one account in a minute.
    pub calls: BTreeMap<&'static str, (usize, usize)>,
    /// Minutes with more calls than TikTok takes.
    pub over: Vec<String>,
    /// Answers 429.
    pub refused: usize,
    /// How often the post that was put back most was put back.
    pub put_back: usize,
    pub took: Duration,
}

impl Report {
    /// An error if TikTok was called too often.
    pub fn verdict(&self) -> Result<()> {
        ensure!(self.over.is_empty(), "too many calls in a minute: {:#?}", self.over);
        ensure!(self.refused == 0, "{} answers 429", self.refused);
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { creators, posts, calls, over, refused, put_back, took } = self;
        writeln!(f, "{posts} posts of {creators} creators published in {:.0} s", took.as_secs_f64())?;
        for (endpoint, limit) in LIMITS {
            let (all, most) = calls.get(endpoint.name()).copied().unwrap_or_default();
            writeln!(f, "{:<13} {all:>5} calls, at most {most} of {limit} in a minute", endpoint.name())?;
        }
        writeln!(
            f,
            "{} minutes over a limit, {refused} answers 429, put back at most {put_back} times",
            over.len()
        )
    }
}

/// Every creator's posts are asked for at once.
pub async fn run(rig: &Rig, creators: usize, posts: usize, say: impl Fn(&str)) -> Result<Report> {
    let journeys = stream::iter(0..creators).map(|_| async {
        let journey = Journey::begin(rig).await?;
        let media = journey.upload(GOOD_VIDEO).await?;
        // a job names post and account: it is to be about the post alone
        rig.wire.unwatch(&journey.account);
        anyhow::Ok((journey, media))
    });
    let journeys: Vec<_> = journeys.buffered(4).try_collect().await?;
    say(&format!("{creators} creators are connected"));
    let begun = Instant::now();
    // as many as a minute takes, and as many minutes again as a busy machine may need
    let patience = PATIENCE * u32::try_from(posts.div_ceil(6))?;
    let ended = stream::iter(journeys.iter().flat_map(|journey| std::iter::repeat_n(journey, posts))).map(
        |(journey, media)| async move {
            let post = journey.insist("/v1/posts", &journey.post_with(media)).await?;
            let id = text(&post, "id").to_owned();
            rig.wire.watch(&id, [&id]);
            anyhow::Ok((journey, id))
        },
    );
    let asked: Vec<_> = ended.buffered(4).try_collect().await?;
    say("all posts are asked for");
    // TikTok's log is looked at first: hundreds who ask the API how it goes would be all that it has to do
    for (journey, _) in &journeys {
        let all = rig.sandbox().wait_for(patience, |world| {
            let ours = world.publications().filter(|it| it.account == journey.account).count();
            (ours >= posts).then_some(())
        });
        all.await.with_context(|| {
            let ours = rig.publications(&journey.account).len();
            format!("{}: {ours} of {posts} publications\n{}", journey.account, rig.last_words())
        })?;
    }
    say("TikTok has published all");
    let published = asked.iter().map(|(_, id)| async move {
        let deadline = Instant::now() + patience;
        loop {
            let post = rig.post_soon(id).await?;
            match post.state.name() {
                "published" => return Ok(()),
                _ if Instant::now() > deadline => {
                    bail!("it is never published: {post:#?}\n{}", rig.last_words())
                }
                "failed" | "unconfirmed" => bail!("it is {post:#?}"),
                _ => {}
            }
        }
    });
    future::try_join_all(published).await?;
    let took = begun.elapsed();
    for (journey, _) in &journeys {
        let published = rig.publications(&journey.account).len();
        ensure!(published == posts, "{published} publications of {posts} posts");
    }
    rig.every_queue_is_empty(PATIENCE).await?;
    let put_back = asked.iter().map(|(_, id)| {
        let again = |call: &&crate::wire::Call| {
            call.function.as_deref() == Some("publish-init") && call.subject == "publish.v1"
        };
        rig.wire.calls_about(id).iter().filter(again).count()
    });
    let put_back = put_back.max().unwrap_or_default();
    let mut report = Report {
        creators,
        posts: asked.len(),
        calls: BTreeMap::new(),
        over: Vec::new(),
        refused: 0,
        put_back,
        took,
    };
    for (journey, _) in &journeys {
        read_the_log(rig, &journey.account, &mut report);
    }
    Ok(report)
}

fn read_the_log(rig: &Rig, account: &str, report: &mut Report) {
    for (endpoint, limit) in LIMITS {
        let world = rig.sandbox().world();
        let ours = world.calls(endpoint).filter(|(_, call)| call.account.as_deref() == Some(account));
        let mut times = Vec::new();
        for (entry, call) in ours {
            times.push(entry.at_ms);
            report.refused += usize::from(call.status == 429);
        }
        let most = most_in_a_minute(&times);
        if most > limit {
            report.over.push(format!("{account}: {most} {}", endpoint.name()));
        }
        let (all, peak) = report.calls.entry(endpoint.name()).or_default();
        *all += times.len();
        *peak = most.max(*peak);
    }
}

/// `times` in order.
fn most_in_a_minute(times: &[i64]) -> usize {
    let within = |end: usize| times[..=end].iter().filter(|at| **at > times[end] - MINUTE).count();
    (0..times.len()).map(within).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_any_sixty_seconds() {
        assert_eq!(0, most_in_a_minute(&[]));
        assert_eq!(3, most_in_a_minute(&[0, 59_000, 60_000, 61_000, 120_500]));
        assert_eq!(1, most_in_a_minute(&[0, 60_000, 120_000]));
    }
}
