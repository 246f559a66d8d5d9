//! Whatever comes twice happens once.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig};
use e2e::wire::{Act, Rule, When};
use serde_json::json;
use slipway::client::{fresh_key, text};
use tiktok_sandbox::{Endpoint, Fault, FaultKind};

pub(crate) async fn a_job_delivered_twice_is_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let asked = journey.post_with(&media);
    // both deliveries have read the row before either claims it
    let slow =
        Rule::new(When::Before, Act::Delay(Duration::from_secs(2))).of("publish-init").on("S3", "CopyObject");
    let slow = rig.wire.install(slow.about(&journey.account).times(2));
    let id = journey.create(&asked).await?;
    for _ in 0..3 {
        journey.deliver_again(&id).await?;
    }
    journey.becomes(&id, "published").await?;
    ensure!(rig.wire.struck(slow) >= 1, "the wire never saw the copy");
    journey.published_once(&asked, GOOD_VIDEO)?;
    journey.deliver_again(&id).await?;
    rig.every_queue_is_empty(PATIENCE).await?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    journey.published_once(&asked, GOOD_VIDEO).map(drop)
}

pub(crate) async fn a_job_delivered_while_the_first_is_inside_init_is_published_once(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    rig.sandbox().world().inject(Fault {
        account: Some(journey.account.clone()),
        ..Fault::once(Endpoint::VideoInit, FaultKind::Delayed { ms: 2_500 })
    });
    let (id, asked) = journey.post_a_good_video().await?;
    journey.is_asked(Endpoint::VideoInit, 1).await?;
    ensure!(rig.post(&id).await?.state.name() == "initiating", "the first is not inside init");
    journey.deliver_again(&id).await?;
    journey.deliver_again(&id).await?;
    journey.becomes(&id, "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    rig.every_queue_is_empty(PATIENCE).await?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    journey.published_once(&asked, GOOD_VIDEO).map(drop)
}

pub(crate) async fn the_same_idempotency_key_is_one_post_and_refuses_another_body(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let asked = journey.post_with(&journey.upload(GOOD_VIDEO).await?);
    let key = fresh_key();
    let ask = async |body: &serde_json::Value| {
        journey.ask("/v1/posts", Some(&key), "application/json", body.to_string().into_bytes()).await
    };
    let at_once = tokio::join!(ask(&asked), ask(&asked), ask(&asked));
    let answers = [at_once.0?, at_once.1?, at_once.2?];
    ensure!(answers.iter().all(|answer| answer.status == 202), "{answers:#?}");
    ensure!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:#?}");
    let replayed =
        answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed")).count();
    ensure!(replayed == 2, "{replayed} of three say that they are replays");

    let mut other = asked.clone();
    other["caption"] = json!("something else");
    let refused = ask(&other).await?;
    ensure!(refused.status == 422 && refused.body["code"] == "idempotency_key.reused", "{refused:#?}");

    let id = text(&answers[0].body, "id");
    journey.becomes(id, "published").await?;
    let again = ask(&asked).await?;
    ensure!(again.status == 202 && again.body == answers[0].body, "not the first answer: {again:#?}");
    journey.published_once(&asked, GOOD_VIDEO)?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    let listed = journey.api.get("/v1/posts").await?;
    ensure!(listed["data"].as_array().map(Vec::len) == Some(1), "{listed:#}");
    rig.every_queue_is_empty(PATIENCE).await
}
