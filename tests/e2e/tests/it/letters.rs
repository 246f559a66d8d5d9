//! Bad messages among good ones, and where they end.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sqs::types::SendMessageBatchRequestEntry;
use domain::job::{Check, Publish};
use domain::{AccountId, Job};
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig, Setup};
use e2e::wire::{Act, Call, Rule, When};
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

/// A batch holds ten messages of publish-init, and nothing but messages brings a post forward. A claim outlives its invocation by
/// a minute; what became of it is looked for soon.
pub(crate) fn crowded() -> Setup {
    Setup::default()
        .with("PublishVisibility", "12")
        .with("WatchdogSeconds", "600")
        .with("ClaimMarginSeconds", "60")
        .with("EvidenceLadder", "4,6,6,10,15,20")
        .with("FenceWaitSeconds", "8")
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
    ensure!(given_up(rig, "status-poll") == TRIES, "tried {} times", given_up(rig, "status-poll"));
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
    ensure!(given_up(rig, "status-poll") == 2 * TRIES, "tried {} times", given_up(rig, "status-poll"));

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
fn given_up(rig: &Rig, function: &str) -> usize {
    said(rig, function, "message failed for good")
}

/// How many lines of a function's log hold this.
fn said(rig: &Rig, function: &str, what: &str) -> usize {
    let log = std::fs::read_to_string(&rig.stack.functions_log).unwrap_or_default();
    let name = &rig.stack.facts.functions[function];
    log.lines().filter(|line| line.starts_with(name.as_str()) && line.contains(what)).count()
}

pub(crate) async fn of_ten_messages_two_bad_ones_are_put_aside_and_the_others_done_once(
    rig: &Rig,
) -> Result<()> {
    rig.takes_at_once("publish-init", 10).await?;
    let dead = rig.stack.facts.queues.get("publish-dead-letters").context("the queue")?;
    let queue = rig.stack.facts.queues.get("publish").context("the queue")?;
    let mut posts = Vec::new();
    for _ in 0..9 {
        let journey = Journey::begin(rig).await?;
        let asked = journey.post_with(&journey.upload(GOOD_VIDEO).await?);
        let lost = Rule::new(When::Before, Act::Swallow).on("SQS", "SendMessage").subject("publish.v1");
        let lost = rig.wire.install(lost.about(&journey.account));
        let id = journey.create(&asked).await?;
        ensure!(rig.wire.strikes(lost, PATIENCE).await, "nobody sent its job");
        posts.push((journey, id, asked));
    }
    let mut jobs = Vec::new();
    for (number, (journey, id, _)) in posts.iter().enumerate() {
        let row = journey.until(id, "queued", |post| post.state.name() == "queued").await?;
        let mut job = Publish {
            post: row.id,
            account: row.account,
            content: row.content,
            ticket: None,
            refused_epoch: None,
        };
        if number == 0 {
            // nobody sends such a job: there is no such account
            job.account = AccountId::from_bits(0);
        }
        jobs.push(serde_json::to_string(&Job::Publish(job))?);
    }
    // of ten posts in one process only those calls can be told apart that name their post
    let slow = Rule::new(When::After, Act::Delay(Duration::from_secs(2))).of("publish-init");
    let slow = slow.on("DynamoDB", "BatchGetItem").about(&posts[1].0.account);
    let slow = rig.wire.install(slow);
    let bodies = jobs.iter().map(String::as_str).chain([POISON]).enumerate();
    let entries: Vec<_> = bodies
        .map(|(index, body)| {
            SendMessageBatchRequestEntry::builder().id(index.to_string()).message_body(body).build()
        })
        .collect::<Result<_, _>>()?;
    rig.holds_back("publish-init", true).await?;
    rig.sqs.send_message_batch().queue_url(queue).set_entries(Some(entries)).send().await?;
    rig.holds_back("publish-init", false).await?;
    for (journey, id, asked) in &posts[1..] {
        journey.becomes(id, "published").await?;
        journey.published_once(asked, GOOD_VIDEO)?;
    }
    ensure!(rig.wire.struck(slow) == 1, "the slow one was not slow");
    let taken_by = |journey: &Journey<'_>| {
        let calls = rig.wire.calls_about(&journey.account);
        let read = calls.iter().find(|call| {
            call.function.as_deref() == Some("publish-init") && call.operation == "BatchGetItem"
        });
        read.and_then(|call| call.pid)
    };
    let taken: Vec<_> = posts[1..].iter().map(|(journey, ..)| taken_by(journey)).collect();
    ensure!(taken.iter().all(|by| by.is_some() && *by == taken[0]), "they were no one batch: {taken:?}");

    lie_there(rig, dead, 2).await?;
    let tried = || given_up(rig, "publish-init");
    ensure!(tried() == 2 * TRIES, "tried {} times", tried());
    let (bad, id, asked) = &posts[0];
    ensure!(rig.post(id).await?.state.name() == "queued", "it went on");
    ensure!(bad.init_codes().is_empty(), "TikTok was asked");

    ensure!(redrive(&rig.sqs, dead, queue).await? == 2, "not both were sent again");
    lie_there(rig, dead, 2).await?;
    ensure!(tried() == 4 * TRIES, "tried {} times", tried());
    // the row's own wake-up brings a job that nobody has tampered with
    bad.deliver_again(id).await?;
    bad.becomes(id, "published").await?;
    let before = rig.post(id).await?;
    ensure!(redrive(&rig.sqs, dead, queue).await? == 2, "not both were sent again");
    lie_there(rig, dead, 1).await?;
    ensure!(tried() == 5 * TRIES, "a letter about a post that is published failed: {} tries", tried());
    ensure!(rig.post(id).await?.state == before.state, "a letter about a post that is published moved it");
    bad.published_once(asked, GOOD_VIDEO)?;
    for (journey, _, asked) in &posts {
        journey.published_once(asked, GOOD_VIDEO)?;
        ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    }
    rig.sqs.purge_queue().queue_url(dead).send().await?;
    rig.every_queue_is_empty(PATIENCE).await?;
    a_post_put_back_twenty_times_is_no_dead_letter(rig).await
}

/// The function dies between the claim and the init of one post: until the claim has run out, the creator's other post is put back
/// every other second.
async fn a_post_put_back_twenty_times_is_no_dead_letter(rig: &Rig) -> Result<()> {
    const TIMES: usize = 20;
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let ready = |media: &Value| text(media, "state") == "ready";
    let deadline = Instant::now() + PATIENCE;
    while !ready(&journey.api.get(&format!("/v1/media/{media}")).await?) {
        ensure!(Instant::now() < deadline, "the media is never ready");
        sleep(Duration::from_millis(200)).await;
    }
    let claim =
        Rule::new(When::After, Act::Kill).of("publish-init").on("DynamoDB", "UpdateItem").subject("post#pst");
    let claim = rig.wire.install(claim.about(&journey.account));
    let first = journey.create(&journey.post_with(&media)).await?;
    ensure!(rig.wire.strikes(claim, PATIENCE).await, "nobody claimed the first post");
    rig.wire.unwatch(&journey.account);

    let second = journey.create(&journey.post_with(&media)).await?;
    rig.wire.watch(&second, [&second]);
    let put_back = |calls: &[Call]| {
        let ours = |call: &&Call| call.about.as_deref() == Some(&second) && call.subject == "publish.v1";
        let by = |call: &&Call| call.function.as_deref() == Some("publish-init");
        calls.iter().filter(ours).filter(by).count()
    };
    let enough = |calls: &[Call]| (put_back(calls) >= TIMES).then_some(());
    let put_back_often = rig.wire.wait_for(PATIENCE, enough).await.is_some();
    ensure!(put_back_often, "put back {} times\n{}", put_back(&rig.wire.calls()), rig.last_words());
    for id in [&first, &second] {
        // the first is in doubt meanwhile
        journey.until(id, "published", |post| post.state.name() == "published").await?;
    }
    println!("the second post was put back {} times", put_back(&rig.wire.calls()));
    ensure!(journey.init_codes() == ["ok", "ok"], "inits: {:?}", journey.init_codes());
    ensure!(rig.publications(&journey.account).len() == 2, "not both were published once");
    rig.every_queue_is_empty(PATIENCE).await
}
