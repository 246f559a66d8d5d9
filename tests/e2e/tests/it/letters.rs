//! Bad messages among good ones, and where they end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::Job;
use domain::job::Check;
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig, Setup};
use e2e::wire::{Act, Rule, When};
use serde_json::Value;
use slipway::client::text;
use slipway::dead_letters::{count, redrive};
use tokio::time::{Instant, sleep};

/// A failed message comes back after 6 s; TikTok tells nothing, and nobody asks but by our messages.
pub(crate) fn setup() -> Setup {
    let mut setup = Setup::default().with("StatusVisibility", "6").with("PollLadder", "900");
    setup.tiktok.webhooks.enabled = false;
    setup
}

/// A body that no function knows.
const POISON: &str = r#"{"job":"unheard-of.v1"}"#;
const TRIES: usize = 5;

pub(crate) async fn a_bad_message_of_a_batch_fails_alone_is_put_aside_and_harmless_when_it_is_sent_again(
    rig: &Rig,
) -> Result<()> {
    let dead = rig.stack.facts.queues.get("status-dead-letters").context("the queue")?;
    let queue = rig.stack.facts.queues.get("status").context("the queue")?;
    let mut posts = Vec::new();
    for _ in 0..9 {
        let journey = Journey::begin(rig).await?;
        let (id, asked) = journey.post_a_good_video().await?;
        posts.push((journey, id, asked));
    }
    let mut jobs = Vec::new();
    for (journey, id, _) in &posts {
        let row = journey.until(id, "processing", |post| post.state.name() == "processing").await?;
        let check = Check { post: row.id, account: row.account, swept: false, refused_epoch: None };
        jobs.push(serde_json::to_string(&Job::Check(check))?);
    }
    for (journey, ..) in &posts {
        let up = rig.sandbox().wait_for(PATIENCE, |world| {
            world.publications().any(|it| it.account == journey.account).then_some(())
        });
        up.await.context("TikTok never published it")?;
    }
    let [unreadable, slow] = [0, 1].map(|index| &posts[index].0.account);
    let reads = |when, act| Rule::new(when, act).of("status-poll").on("DynamoDB", "BatchGetItem");
    let unreadable = reads(When::Before, Act::Lose).about(unreadable).times(u32::MAX);
    let unreadable = rig.wire.install(unreadable);
    let slow = rig.wire.install(reads(When::After, Act::Delay(Duration::from_millis(2_500))).about(slow));

    let bodies = jobs.iter().map(String::as_str).chain([POISON]).enumerate();
    let entries: Vec<_> = bodies
        .map(|(index, body)| {
            SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
        })
        .collect::<Result<_, _>>()?;
    rig.sqs.send_message_batch().queue_url(queue).set_entries(Some(entries)).send().await?;
    for (journey, id, asked) in &posts[1..] {
        journey.becomes(id, "published").await?;
        journey.published_once(asked, GOOD_VIDEO)?;
    }
    ensure!(rig.wire.struck(slow) == 1, "the slow one was not slow");

    lie_there(rig, dead, 2).await?;
    ensure!(given_up(rig) == TRIES, "the poison was tried {} times", given_up(rig));
    let (bad, id, asked) = &posts[0];
    ensure!(rig.post(id).await?.state.name() == "processing", "nobody could read it");
    rig.sweep_posts().await?;
    let shown = |post: &Value| {
        let timeline = post["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
        timeline.iter().any(|entry| entry["what"] == "put_aside" && text(entry, "code") == "status")
    };
    ensure!(shown(&bad.api.follow(id, PATIENCE, |_| {}, shown).await?), "it does not show");

    rig.wire.remove(unreadable);
    lie_there(rig, dead, 2).await?;
    ensure!(redrive(&rig.sqs, dead, queue).await? == 2, "not both were sent again");
    bad.becomes(id, "published").await?;
    bad.published_once(asked, GOOD_VIDEO)?;
    lie_there(rig, dead, 1).await?;
    ensure!(given_up(rig) == 2 * TRIES, "the poison was tried {} times", given_up(rig));

    let before = rig.post(id).await?;
    rig.send("status-dead-letters", &jobs[0]).await?;
    lie_there(rig, dead, 2).await?;
    redrive(&rig.sqs, dead, queue).await?;
    lie_there(rig, dead, 1).await?;
    ensure!(rig.post(id).await? == before, "a job that was done already changed something");
    for (journey, _, asked) in &posts {
        journey.published_once(asked, GOOD_VIDEO)?;
        ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    }
    rig.sqs.purge_queue().queue_url(dead).send().await?;
    rig.every_queue_is_empty(PATIENCE).await
}

/// Waits until so many letters lie in a dead-letter queue, and nobody looks at them.
async fn lie_there(rig: &Rig, dead: &str, letters: usize) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = count(&rig.sqs, dead).await?;
        if found == letters {
            return Ok(());
        }
        ensure!(Instant::now() < deadline, "{found} letters, not {letters}\n{}", rig.last_words());
        sleep(Duration::from_millis(300)).await;
    }
}

/// How often a function gave a message up.
fn given_up(rig: &Rig) -> usize {
    let log = std::fs::read_to_string(&rig.stack.functions_log).unwrap_or_default();
    log.lines().filter(|line| line.contains("message failed for good")).count()
}
