//! Whatever is wrong is refused in words that help, and nothing half is written.

use anyhow::{Context as _, Result, ensure};
use e2e::journey::{Answer, Journey, PATIENCE, form};
use e2e::rig::{GOOD_VIDEO, Rig};
use ports::Keys as _;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};

/// The problem names this place and this rule, and says what to do.
fn names(answer: &Answer, status: u16, param: &str, rule: &str) -> Result<()> {
    let content_type =
        answer.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    ensure!(answer.status == status, "{rule}: {answer:#?}");
    ensure!(content_type == "application/problem+json", "{rule}: {content_type}");
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = std::iter::once(&answer.body).chain(errors).find(|problem| {
        [text(problem, "rule"), text(problem, "code")].contains(&rule) && text(problem, "param") == param
    });
    let named = named.with_context(|| format!("`{rule}` at `{param}` is not named: {:#}", answer.body))?;
    ensure!(!text(named, "remedy").is_empty(), "{rule} has no remedy: {named:#}");
    Ok(())
}

pub(crate) async fn whatever_is_wrong_is_named_with_its_field_rule_and_remedy(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let ready = async || -> Result<bool> {
        Ok(text(&journey.api.get(&format!("/v1/media/{media}")).await?, "state") == "ready")
    };
    while !ready().await? {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    let good = journey.post_with(&media);
    let with = |change: fn(&mut Value)| {
        let mut post = good.clone();
        change(&mut post);
        post.to_string().into_bytes()
    };
    let json = "application/json";
    let cases: [(&str, u16, &str, &str, Vec<u8>); 8] = [
        ("malformed JSON", 400, "", "json.malformed", b"{\"creator\": ".to_vec()),
        ("a wrong type", 422, "/caption", "field.type", with(|post| post["caption"] = json!(7))),
        ("an unknown field", 422, "/colour", "field.unknown", with(|post| post["colour"] = json!("blue"))),
        (
            "an unknown creator",
            404,
            "/creator",
            "creator.not_found",
            with(|post| post["creator"] = json!(format!("crt_{:032x}", 7))),
        ),
        (
            // 1,101 characters, 2,202 UTF-16 units
            "an over-long caption",
            422,
            "/caption",
            "caption.max",
            with(|post| post["caption"] = json!("🌊".repeat(1_101))),
        ),
        (
            "a privacy level that public accounts are not offered",
            422,
            "/privacy_level",
            "privacy_level.not_offered",
            with(|post| post["privacy_level"] = json!("FOLLOWER_OF_CREATOR")),
        ),
        (
            "missing consent",
            422,
            "/consent/music_usage_confirmed",
            "consent.music.required",
            with(|post| post["consent"] = json!({ "text_version": "2026-08" })),
        ),
        (
            "unknown media",
            404,
            "/media/0/id",
            "media.not_found",
            with(|post| post["media"][0]["id"] = json!(format!("med_{:032x}", 7))),
        ),
    ];
    for (what, status, param, rule, body) in cases {
        let answer = journey.ask("/v1/posts", Some(&fresh_key()), json, body).await.context(what)?;
        names(&answer, status, param, rule).context(what)?;
    }

    let answer = journey.ask("/v1/posts", None, json, good.to_string().into_bytes()).await?;
    names(&answer, 400, "", "idempotency_key.required")?;

    let (content_type, body) = form(&journey.draft(), &vec![0; 4_000_000]);
    let answer = journey.ask("/v1/posts", Some(&fresh_key()), &content_type, body).await?;
    names(&answer, 413, "", "body.too_large")?;

    rig.sandbox().world().reconfigure(|config| {
        if let Some(account) = config.accounts.get_mut(&journey.account) {
            account.max_video_post_duration_sec = 2;
        }
    });
    journey.api.get(&format!("/v1/creators/{}/creator-info", journey.creator)).await?;
    let answer = journey.ask("/v1/posts", Some(&fresh_key()), json, good.to_string().into_bytes()).await?;
    names(&answer, 422, "/media/0", "video.duration.max")?;

    let listed = journey.api.get("/v1/posts").await?;
    ensure!(listed["data"] == json!([]), "something was written: {listed:#}");
    ensure!(journey.init_codes().is_empty(), "TikTok was asked");
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_key_that_is_expired_or_unknown_opens_nothing(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let asks = async |key: &str| {
        journey.ask_as(key, "/v1/posts", Some(&fresh_key()), "application/json", b"{}".to_vec()).await
    };
    let unknown = format!("slk_{}_{}", fresh_key(), "0".repeat(64));
    names(&asks(&unknown).await?, 401, "", "key.invalid")?;

    let key = rig.stack.new_api_key().await?;
    let id = key.split('_').nth(1).context("the key has no id")?;
    let id: domain::KeyId = format!("{}{id}", domain::KeyId::PREFIX).parse()?;
    rig.store.retire_key(&id, domain::Timestamp::UNIX_EPOCH).await?.context("the key has no row")?;
    names(&asks(&key).await?, 401, "", "key.expired")?;
    rig.every_queue_is_empty(PATIENCE).await
}
