//! From a request to TikTok's last word.

use anyhow::{Result, ensure};
use e2e::journey::{Journey, PATIENCE, form};
use e2e::rig::{GOOD_VIDEO, RISKY_WORD, Rig, repository_file};
use e2e::uploads::long_video;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};
use tiktok_sandbox::Endpoint;

fn by(post: &Value, what: &str) -> Vec<String> {
    let entries = post["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries.iter().filter(|entry| entry["what"] == what).map(|entry| text(entry, "by").to_owned()).collect()
}

pub(crate) async fn a_video_is_uploaded_pulled_published_once_and_told_by_webhook(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let mut asked = journey.post_with(&media);
    asked["privacy_level"] = json!("PUBLIC_TO_EVERYONE");
    let id = journey.create(&asked).await?;
    let post = journey.becomes(&id, "published").await?;
    ensure!(by(&post, "published") == ["webhook"], "not by webhook: {post:#}");
    let post = journey
        .api
        .follow(&id, PATIENCE, |_| {}, |post| post["post_ids"].as_array().is_some_and(|ids| !ids.is_empty()))
        .await?;
    ensure!(post["url"].as_str().is_some_and(|url| url.contains(&journey.account)), "no link: {post:#}");
    let publication = journey.published_once(&asked, GOOD_VIDEO)?;
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    ensure!(journey.calls(Endpoint::CreatorInfo).len() <= 2, "creator_info was asked again and again");
    ensure!(publication.fetches.iter().all(|hop| hop.status == Some(200)), "{:?}", publication.fetches);
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_video_pulled_by_a_presigned_url_is_published_and_learned_by_asking(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let (id, asked) = journey.post_a_good_video().await?;
    let post = journey.becomes(&id, "published").await?;
    ensure!(by(&post, "published") == ["check"], "not by a check: {post:#}");
    journey.published_once(&asked, GOOD_VIDEO)?;
    let asked_for_status = journey.calls(Endpoint::StatusFetch).len();
    ensure!((1..=3).contains(&asked_for_status), "{asked_for_status} status calls");
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_small_video_inside_the_post_is_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let asked = journey.draft();
    let (content_type, body) = form(&asked, &std::fs::read(repository_file(GOOD_VIDEO)?)?);
    let answer = journey.ask("/v1/posts", Some(&fresh_key()), &content_type, body).await?;
    ensure!(answer.status == 202, "{answer:#?}");
    journey.becomes(text(&answer.body, "id"), "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_post_that_comes_before_its_upload_waits_for_it(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let file = std::fs::read(repository_file(GOOD_VIDEO)?)?;
    let declared = json!({ "kind": "video", "size": file.len(), "content_type": "video/mp4" });
    let media = journey.api.post("/v1/media", &fresh_key(), &declared).await?;
    let asked = journey.post_with(text(&media, "id"));
    let id = journey.create(&asked).await?;
    ensure!(text(&journey.api.get(&format!("/v1/posts/{id}")).await?, "state") == "awaiting_media");
    journey.put(&media["upload"], file).await?;
    journey.becomes(&id, "published").await?;
    journey.published_once(&asked, GOOD_VIDEO)?;
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn what_tiktok_fails_is_failed_with_its_reason_and_a_remedy(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let mut asked = journey.post_with(&journey.upload(GOOD_VIDEO).await?);
    asked["caption"] = json!(format!("A {RISKY_WORD} for {}", journey.account));
    let id = journey.create(&asked).await?;
    let post = journey.becomes(&id, "failed").await?;
    ensure!(post["failure"]["code"] == "spam_risk_text", "{post:#}");
    ensure!(!text(&post["failure"], "remedy").is_empty(), "no remedy: {post:#}");
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    ensure!(rig.publications(&journey.account).is_empty(), "it was published");
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_text_file_called_mp4_is_refused_and_nothing_is_posted(rig: &Rig) -> Result<()> {
    refused(rig, "functions/media-ingest/tests/media/text.mp4").await
}

pub(crate) async fn a_truncated_video_is_refused_and_nothing_is_posted(rig: &Rig) -> Result<()> {
    refused(rig, "functions/media-ingest/tests/media/cut-faststart.mp4").await
}

async fn refused(rig: &Rig, path: &str) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(path).await?;
    let post = journey.post_with(&media);
    // whichever is first: the post waits for the probe's verdict, or is refused by it at once
    match journey.create(&post).await {
        Ok(id) => {
            let post = journey.becomes(&id, "failed").await?;
            ensure!(text(&post["failure"], "code").starts_with("video."), "{post:#}");
            ensure!(!text(&post["failure"], "remedy").is_empty(), "no remedy: {post:#}");
        }
        Err(problem) => ensure!(problem.to_string().contains("video."), "{problem:#}"),
    }
    let media = journey.api.get(&format!("/v1/media/{media}")).await?;
    ensure!(text(&media, "state") == "rejected", "{media:#}");
    let problem = &media["problems"][0];
    ensure!(["rule", "detail", "remedy"].iter().all(|field| !text(problem, field).is_empty()), "{media:#}");
    ensure!(journey.init_codes().is_empty(), "TikTok was asked");
    rig.every_queue_is_empty(PATIENCE).await
}

/// Declares a file and sends its bytes where the API says.
async fn uploaded(journey: &Journey<'_>, declared: &Value, bytes: Vec<u8>) -> Result<String> {
    let mut declared = declared.clone();
    declared["size"] = json!(bytes.len());
    let media = journey.api.post("/v1/media", &fresh_key(), &declared).await?;
    journey.put(&media["upload"], bytes).await?;
    Ok(text(&media, "id").to_owned())
}

pub(crate) async fn a_long_video_is_sent_to_tiktok_in_chunks_and_published_once(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    // two chunks, the last with a rest
    let bytes = long_video(21_000_001)?;
    let declared = json!({ "kind": "video", "content_type": "video/mp4" });
    let media = uploaded(&journey, &declared, bytes.clone()).await?;
    let mut asked = journey.post_with(&media);
    asked["transport"] = json!("upload");
    let id = journey.create(&asked).await?;
    let post = journey.becomes(&id, "published").await?;
    for what in ["upload_begun", "uploaded"] {
        ensure!(by(&post, what) == ["transfer"], "{what}: {post:#}");
    }
    let publications = rig.publications(&journey.account);
    let [publication] = publications.as_slice() else { anyhow::bail!("{publications:#?}") };
    ensure!(publication.bytes == bytes.len() as u64, "{} bytes arrived", publication.bytes);
    let chunks: Vec<_> = publication.fetches.iter().map(|hop| (hop.method.as_str(), hop.status)).collect();
    ensure!(chunks == [("PUT", Some(206)), ("PUT", Some(201))], "{chunks:?}");
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn a_draft_goes_to_the_creators_inbox(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let asked = json!({ "creator": journey.creator, "mode": "inbox", "media": [{ "id": media }] });
    let refused = journey.create(&asked).await.expect_err("the creator has not granted it").to_string();
    ensure!(refused.contains("creator.scope") || refused.contains("video.upload"), "{refused}");
    let link = json!({ "creator": journey.creator, "drafts": true });
    journey.api.connect_creator_by(&journey.account, &link).await?;
    let id = journey.create(&asked).await?;
    let post = journey.becomes(&id, "sent_to_inbox").await?;
    ensure!(post["mode"] == "inbox" && post["privacy_level"].is_null(), "{post:#}");
    ensure!(rig.publications(&journey.account).is_empty(), "it was published");
    rig.every_queue_is_empty(PATIENCE).await
}

pub(crate) async fn photos_are_converted_where_that_is_asked_for_pulled_and_published_once(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let mut photos = Vec::new();
    for (name, content_type, convert) in
        [("exif-6.jpg", "image/jpeg", false), ("alpha.png", "image/png", true)]
    {
        let bytes = std::fs::read(repository_file(&format!("functions/media-ingest/tests/media/{name}"))?)?;
        let declared = json!({ "kind": "photo", "content_type": content_type, "convert": convert });
        photos.push(json!({ "id": uploaded(&journey, &declared, bytes).await? }));
    }
    let asked = json!({
        "creator": journey.creator, "kind": "photo", "media": photos,
        "title": "Harbour", "description": format!("Two of {} #boats", journey.account), "cover_index": 1,
        "privacy_level": "MUTUAL_FOLLOW_FRIENDS", "allow": { "comment": true },
        "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
    });
    let id = journey.create(&asked).await?;
    let post = journey.becomes(&id, "published").await?;
    ensure!(post["kind"] == "photo" && post["media"] == asked["media"], "{post:#}");
    let publications = rig.publications(&journey.account);
    let [publication] = publications.as_slice() else { anyhow::bail!("{publications:#?}") };
    let carousel =
        publication.carousel.as_ref().ok_or_else(|| anyhow::anyhow!("no photos: {publication:#?}"))?;
    ensure!((carousel.cover_index, carousel.photos.len()) == (1, 2), "{carousel:#?}");
    ensure!(carousel.description == text(&asked, "description"), "{carousel:#?}");
    ensure!(publication.breaches.is_empty(), "{:?}", publication.breaches);
    rig.every_queue_is_empty(PATIENCE).await
}
