//! The drop folder and uploads in parts: two more ways in for media.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::journey::{Journey, PATIENCE, sha256};
use e2e::rig::{GOOD_VIDEO, Rig, repository_file};
use http::Method;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};
use tokio::time::{Instant, sleep};

/// Puts a file into the creator's folder.
async fn drops(journey: &Journey<'_>, file: &str, bytes: Vec<u8>) -> Result<()> {
    let stack = &journey.rig.stack;
    let key = format!("drop/{}/{file}", journey.creator);
    let put = stack.s3().put_object().bucket(&stack.facts.media_bucket).key(key).body(bytes.into());
    put.send().await.map(drop).with_context(|| format!("dropping `{file}`"))
}

/// What is told of a name, as soon as it is.
async fn told(journey: &Journey<'_>, outcome: &str) -> Result<Value> {
    let stack = &journey.rig.stack;
    let key = format!("drop-results/{}/{outcome}", journey.creator);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let got = stack.s3().get_object().bucket(&stack.facts.media_bucket).key(&key).send().await;
        if let Ok(object) = got {
            return Ok(serde_json::from_slice(&object.body.collect().await?.into_bytes())?);
        }
        ensure!(Instant::now() < deadline, "`{outcome}` is never told\n{}", journey.rig.last_words());
        sleep(Duration::from_millis(200)).await;
    }
}

/// How many outcomes there are.
async fn outcomes(journey: &Journey<'_>) -> Result<usize> {
    let prefix = format!("drop-results/{}/", journey.creator);
    let objects = journey.rig.objects().await?;
    Ok(objects.keys().filter(|key| key.starts_with(&prefix)).count())
}

/// The draft as the JSON of a drop; the folder says for whom it is.
fn order(journey: &Journey<'_>) -> Value {
    let mut order = journey.draft();
    order["creator"].take();
    order
}

async fn is_published_once(journey: &Journey<'_>, asked: &Value, result: &Value) -> Result<()> {
    journey.becomes(text(&result["post"], "id"), "published").await?;
    journey.published_once(asked, GOOD_VIDEO)?;
    journey.rig.every_queue_is_empty(PATIENCE).await?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    ensure!(outcomes(journey).await? == 1, "more than one outcome");
    journey.published_once(asked, GOOD_VIDEO).map(drop)
}

fn good_video() -> Result<Vec<u8>> {
    Ok(std::fs::read(repository_file(GOOD_VIDEO)?)?)
}

pub(crate) async fn a_file_and_then_its_json_are_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let asked = order(&journey);
    drops(&journey, "Hafen am Morgen.mp4", good_video()?).await?;
    drops(&journey, "Hafen am Morgen.json", asked.to_string().into_bytes()).await?;
    let result = told(&journey, "Hafen am Morgen.result.json").await?;
    is_published_once(&journey, &asked, &result).await
}

pub(crate) async fn a_json_and_then_its_file_heard_of_twice_are_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let asked = order(&journey);
    drops(&journey, "harbour.json", asked.to_string().into_bytes()).await?;
    sleep(Duration::from_secs(1)).await;
    drops(&journey, "harbour.mp4", good_video()?).await?;
    let heard = json!({ "Records": [{
        "eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
        "eventTime": "2026-11-28T12:00:00.000Z", "awsRegion": "us-east-1",
        "userIdentity": {}, "requestParameters": {}, "responseElements": {},
        "s3": {
            "bucket": { "name": rig.stack.facts.media_bucket },
            "object": { "key": format!("drop/{}/harbour.mp4", journey.creator), "size": 1, "eTag": "e" },
        },
    }] });
    for _ in 0..2 {
        rig.send("drop", &heard.to_string()).await?;
    }
    let result = told(&journey, "harbour.result.json").await?;
    is_published_once(&journey, &asked, &result).await
}

pub(crate) async fn a_bad_json_is_one_problem_and_a_file_without_one_is_told_in_time(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let mut without = order(&journey);
    without["consent"].take();
    drops(&journey, "harbour.mp4", good_video()?).await?;
    drops(&journey, "harbour.json", without.to_string().into_bytes()).await?;
    let problem = told(&journey, "harbour.problem.json").await?;
    ensure!(problem.to_string().contains("consent.music.required"), "{problem:#}");
    drops(&journey, "alone.mp4", good_video()?).await?;
    let alone = told(&journey, "alone.problem.json").await?;
    ensure!(alone["code"] == "drop.json.missing", "{alone:#}");
    // what is told is dropped back in
    drops(&journey, "harbour.problem.json", problem.to_string().into_bytes()).await?;
    let refused = told(&journey, "harbour.problem.json.problem.json").await?;
    ensure!(refused["code"] == "drop.name", "{refused:#}");
    rig.every_queue_is_empty(PATIENCE).await?;
    ensure!(outcomes(&journey).await? == 3, "there are other outcomes");
    ensure!(journey.init_codes().is_empty(), "inits: {:?}", journey.init_codes());
    Ok(())
}

pub(crate) async fn a_video_in_parts_over_two_sittings_is_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let file = e2e::uploads::long_video(21_000_001)?;
    let declared =
        json!({ "kind": "video", "size": file.len(), "content_type": "video/mp4", "upload": "multipart" });
    let media = journey.api.post("/v1/media", &fresh_key(), &declared).await?;
    let path = format!("/v1/media/{}", text(&media, "id"));
    let asked = journey.post_with(text(&media, "id"));
    let id = journey.create(&asked).await?;

    let part_size = usize::try_from(media["upload"]["part_size"].as_u64().context("no size")?)?;
    let parts: Vec<&[u8]> = file.chunks(part_size).collect();
    let first = media["upload"]["parts"].as_array().context("no parts")?;
    ensure!(first.len() == parts.len() && parts.len() >= 2, "{media:#}");
    let last = first.last().context("no part")?;
    journey.put(last, parts[parts.len() - 1].to_vec()).await?;
    let early = journey.send(Method::POST, &format!("{path}/complete"), None).await?;
    ensure!(early.status == 409 && early.body["code"] == "media.parts.missing", "{early:#?}");

    let rest = journey.api.get(&format!("{path}/upload")).await?;
    ensure!(rest["upload"]["received"] == json!([parts.len()]), "{rest:#}");
    for part in rest["upload"]["parts"].as_array().context("no parts")? {
        let number = usize::try_from(part["number"].as_u64().context("no number")?)?;
        journey.put(part, parts[number - 1].to_vec()).await?;
    }
    for _ in 0..2 {
        let complete = journey.send(Method::POST, &format!("{path}/complete"), None).await?;
        ensure!(complete.status == 200, "{complete:#?}");
    }
    journey.becomes(&id, "published").await?;
    let published = rig.publications(&journey.account);
    ensure!(published.len() == 1, "TikTok published {}", published.len());
    ensure!(published[0].sha256 == sha256(&file), "TikTok has other bytes");
    let listed = journey.api.get("/v1/media").await?;
    ensure!(listed["data"][0]["id"] == media["id"], "{listed:#}");
    let deleted = journey.send(Method::DELETE, &path, None).await?;
    ensure!(deleted.status == 200, "{deleted:#?}");
    rig.every_queue_is_empty(PATIENCE).await
}
