//! Posts that are written down, changed and published; many in one request.

use anyhow::{Context as _, Result, ensure};
use e2e::journey::Journey;
use e2e::rig::{GOOD_VIDEO, Rig};
use reqwest::Method;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};

pub(crate) async fn a_draft_is_edited_published_and_reaches_tiktok_once_as_it_was_edited(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let mut asked = journey.post_with(&media);
    asked["draft"] = json!(true);
    let consent = asked["consent"].take();
    let would =
        journey.ask("/v1/posts?dry_run=true", None, "application/json", asked.to_string().into()).await?;
    ensure!(would.status == 200 && would.body["would_be_accepted"] == json!(true), "{would:#?}");
    let id = journey.create(&asked).await?;
    let path = format!("/v1/posts/{id}");
    let bare = journey.send(Method::POST, &format!("{path}/publish"), None).await?;
    ensure!(bare.status == 422 && bare.body["code"] == "consent.music.required", "{bare:#?}");

    let edit = json!({
        "caption": format!("Harbour at seven, by {}", journey.account),
        "allow": { "duet": true },
        "privacy_level": "SELF_ONLY",
    });
    let edited = journey.send(Method::PATCH, &path, Some(&edit)).await?;
    ensure!(edited.status == 200 && edited.body["state"] == "draft", "{edited:#?}");
    let published =
        journey.send(Method::POST, &format!("{path}/publish"), Some(&json!({ "consent": consent }))).await?;
    ensure!(published.status == 202, "{published:#?}");
    journey.becomes(&id, "published").await?;
    asked["caption"] = edit["caption"].clone();
    asked["allow"]["duet"] = json!(true);
    asked["privacy_level"] = json!("SELF_ONLY");
    journey.published_once(&asked, GOOD_VIDEO)?;
    let late = journey.send(Method::PATCH, &path, Some(&json!({ "ai_generated": false }))).await?;
    ensure!(late.status == 409 && late.body["code"] == "post.not_editable", "{late:#?}");
    ensure!(journey.init_codes() == ["ok"], "inits: {:?}", journey.init_codes());
    Ok(())
}

pub(crate) async fn of_three_lines_the_bad_one_is_refused_and_the_others_are_published_once(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let media = journey.upload(GOOD_VIDEO).await?;
    let lines: Vec<Value> = (0..3).map(|_| journey.post_with(&media)).collect();
    let mut bad = lines[1].clone();
    bad["privacy_level"] = json!("EVERYBODY");
    let body = format!("{}\n{bad}\n{}\n", lines[0], lines[2]);
    let key = fresh_key();
    let ask = || journey.ask("/v1/posts/bulk", Some(&key), "application/x-ndjson", body.clone().into_bytes());
    let first = ask().await?;
    ensure!(first.status == 207, "{first:#?}");
    let data = first.body["data"].as_array().context("verdicts")?;
    let statuses: Vec<_> = data.iter().map(|line| line["status"].as_u64()).collect();
    ensure!(statuses == [Some(202), Some(422), Some(202)], "{first:#?}");
    ensure!(data[1]["problem"]["code"] == "privacy_level.unknown", "{first:#?}");
    let again = ask().await?;
    for line in [0, 2] {
        ensure!(again.body["data"][line]["post"] == data[line]["post"], "{again:#?}");
        journey.becomes(text(&data[line]["post"], "id"), "published").await?;
    }
    let mut titles: Vec<_> =
        rig.publications(&journey.account).into_iter().map(|publication| publication.title).collect();
    titles.sort();
    ensure!(titles == [text(&lines[0], "caption"), text(&lines[2], "caption")], "{titles:?}");
    rig.every_queue_is_empty(e2e::journey::PATIENCE).await
}
