//! Creators come and go, and nothing of theirs is lost or mixed up.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use e2e::journey::{Journey, PATIENCE};
use e2e::rig::{GOOD_VIDEO, Rig};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use slipway::client::{Api, text};
use tiktok_sandbox::Endpoint;
use tokio::time::{Instant, sleep};

fn rules(body: &Value) -> Vec<&str> {
    let problems = body["problems"].as_array().map(Vec::as_slice).unwrap_or_default();
    problems.iter().filter_map(|problem| problem["rule"].as_str()).collect()
}

/// What happened to the creator, newest first.
async fn event_types(journey: &Journey<'_>) -> Result<Vec<String>> {
    let events = journey.api.get("/v1/events").await?;
    let events = events["data"].as_array().context("a list of events")?;
    let types = events.iter().map(|event| text(event, "type").to_owned());
    Ok(types.filter(|kind| kind.starts_with("creator.")).collect())
}

pub(crate) async fn an_authorization_that_is_taken_back_holds_posts_until_the_creator_connects_again(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let health = format!("/v1/creators/{}/health", journey.creator);
    let healthy = journey.api.get(&health).await?;
    ensure!(healthy["healthy"] == json!(true), "{healthy:#}");

    // the post is accepted while TikTok's webhook is under way
    let asked = journey.post_with(&media);
    let pause = e2e::wire::Rule::new(e2e::wire::When::Before, e2e::wire::Act::Delay(Duration::from_secs(3)))
        .of("publish-init");
    let pause = rig.wire.install(pause.on("DynamoDB", "BatchGetItem").about(&journey.account));
    let id = journey.create(&asked).await?;
    journey.takes_the_authorization_back();
    journey.creator_becomes("reconnect_required").await?;
    let held = journey.until(&id, "held", |post| post.state.name() == "held").await?;
    ensure!(held.due.is_none(), "it waits for its creator alone: {held:#?}");
    rig.wire.remove(pause);
    ensure!(journey.init_codes().iter().all(|code| code != "ok"), "{:?}", journey.init_codes());

    let sick = journey.api.get(&health).await?;
    ensure!(sick["healthy"] == json!(false), "{sick:#}");
    ensure!(rules(&sick).contains(&"creator.reconnect_required"), "{sick:#}");
    ensure!(sick["posts"]["held"][0]["reason"] == json!("reconnect_required"), "{sick:#}");
    let deadline = Instant::now() + PATIENCE;
    while !event_types(&journey).await?.iter().any(|event| event == "creator.reconnect_required") {
        ensure!(Instant::now() < deadline, "nobody is told\n{}", rig.last_words());
        sleep(Duration::from_millis(300)).await;
    }

    let again = journey.api.connect_creator(&journey.account).await?;
    ensure!(text(&again, "id") == journey.creator, "connecting again keeps the creator: {again:#}");
    journey.becomes(&id, "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    ensure!(event_types(&journey).await?.first().map(String::as_str) == Some("creator.connected"));
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_creator_that_is_disconnected_is_free_for_another_workspace(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let other = Api::new(&rig.stack.facts.api_url, &rig.stack.new_api_key().await?)?;
    let refused = other.connect_creator(&journey.account).await;
    let why = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
    ensure!(why.contains("creator.connected_elsewhere"), "while we have it: {why}");

    let path = format!("/v1/creators/{}", journey.creator);
    let gone = journey.send(Method::DELETE, &path, None).await?;
    ensure!(gone.status == StatusCode::OK, "{gone:?}\n{}", rig.last_words());
    ensure!(gone.body["revoked"] == json!(true) && gone.body["status"] == json!("disconnected"), "{gone:?}");
    ensure!(journey.calls(Endpoint::Revoke).len() == 1, "TikTok was not told");
    let again = journey.send(Method::DELETE, &path, None).await?;
    ensure!(again.status == StatusCode::OK, "it can be repeated: {again:?}");

    let theirs = other.connect_creator(&journey.account).await?;
    ensure!(theirs["status"] == json!("active"), "{theirs:#}");
    ensure!(text(&theirs, "id") != journey.creator, "a creator of their own");
    let ours = journey.api.get(&path).await?;
    ensure!(ours["status"] == json!("disconnected"), "{ours:#}");
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_verification_file_is_served_wherever_tiktok_looks(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let content = "tiktok-developers-site-verification=Qx7";
    let body = json!({ "name": "tiktokQx7.txt", "content": content });
    let put = journey.send(Method::PUT, "/v1/app-status/verification-file", Some(&body)).await?;
    ensure!(put.status == StatusCode::OK, "{put:?}\n{}", rig.last_words());
    let urls = put.body["urls"].as_array().context("its URLs")?;
    ensure!(urls.len() == 3, "{urls:?}");
    let http = slipway::http::client()?;
    for url in urls.iter().filter_map(Value::as_str) {
        let served = http.get(url).send().await.with_context(|| format!("opening `{url}`"))?;
        let kind = served.headers().get("content-type").cloned();
        let (status, text) = (served.status(), served.text().await?);
        ensure!(status == StatusCode::OK && text == content, "`{url}`: {status} {text}");
        ensure!(kind.is_some_and(|kind| kind == "text/plain"), "`{url}`");
    }
    let status = journey.api.get("/v1/app-status").await?;
    ensure!(status["media"]["verification_files"][0]["name"] == json!("tiktokQx7.txt"), "{status:#}");
    ensure!(status["register_at_tiktok"]["webhook_url"].is_string(), "{status:#}");
    Ok(())
}

pub(crate) async fn a_key_is_rotated_and_revoked(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let body = json!({ "name": "reader", "scopes": ["posts:read"] });
    let made = journey.send(Method::POST, "/v1/keys", Some(&body)).await?;
    ensure!(made.status == StatusCode::CREATED, "{made:?}\n{}", rig.last_words());
    let reader = Api::new(&rig.stack.facts.api_url, text(&made.body, "secret"))?;
    reader.get("/v1/posts").await.context("the new key reads posts")?;
    let refused = reader.get("/v1/creators").await.err().map(|error| format!("{error:#}"));
    ensure!(refused.is_some_and(|why| why.contains("creators:read")), "a scope that it lacks is named");

    let path = format!("/v1/keys/{}", text(&made.body, "id"));
    let body = json!({ "grace_seconds": 600 });
    let rotated = journey.send(Method::POST, &format!("{path}/rotate"), Some(&body)).await?;
    ensure!(rotated.status == StatusCode::CREATED, "{rotated:?}");
    let next = Api::new(&rig.stack.facts.api_url, text(&rotated.body, "secret"))?;
    next.get("/v1/posts").await.context("the next key works")?;
    reader.get("/v1/posts").await.context("the old one works until its grace ends")?;
    let revoked = journey.send(Method::DELETE, &path, None).await?;
    ensure!(revoked.status == StatusCode::OK && revoked.body["revoked_at"].is_string(), "{revoked:?}");
    let deadline = Instant::now() + Duration::from_secs(75);
    while reader.get("/v1/posts").await.is_ok() {
        ensure!(Instant::now() < deadline, "the revoked key still works");
        sleep(Duration::from_secs(2)).await;
    }
    let listed = journey.api.get("/v1/keys").await?;
    ensure!(!listed.to_string().contains("secret"), "{listed:#}");
    Ok(())
}
