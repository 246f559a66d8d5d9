use domain::account::AccountStatus;
use domain::{Job, SignedDuration};
use http::StatusCode;
use serde_json::json;
use tiktok_sandbox::Endpoint;

use super::fixture::Fixture;

#[tokio::test]
async fn creators_are_listed_and_read_by_their_workspace_only() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_secs(1));
    let grace = fixture.connect("grace").await;
    let list = fixture.get("/v1/creators").await;
    assert_eq!(json!(grace.as_str()), list.body["data"][0]["id"]);
    assert_eq!(json!(ada.as_str()), list.body["data"][1]["id"]);
    let read = fixture.get(&format!("/v1/creators/{ada}")).await;
    assert_eq!("ada", read.body["username"]);
    assert_eq!("active", read.body["status"]);
    assert_eq!(json!(["user.info.basic", "video.publish"]), read.body["scopes"]);
    let theirs = fixture.get_as(Some(&fixture.them), &format!("/v1/creators/{ada}")).await;
    theirs.is_problem(404, "", "creator.not_found");
    let theirs = fixture.get_as(Some(&fixture.them), &format!("/v1/creators/{ada}/creator-info")).await;
    theirs.is_problem(404, "", "creator.not_found");
}

#[tokio::test]
async fn creator_info_is_asked_for_within_the_limits_and_news_are_kept() {
    let (fixture, ada) = Fixture::connected().await;
    let path = format!("/v1/creators/{ada}/creator-info");
    let info = fixture.get(&path).await;
    assert_eq!(StatusCode::OK, info.status, "{}", info.text);
    assert_eq!(json!(300), info.body["max_video_post_duration_sec"]);
    assert_eq!("PUBLIC_TO_EVERYONE", info.body["privacy_level_options"][0]);
    assert!(!fixture.table.calls().contains(&"put_creator"), "nothing new");
    fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().comment_disabled = true);
    });
    assert_eq!(json!(true), fixture.get(&path).await.body["comment_disabled"]);
    assert!(fixture.table.creators()[0].info.comment_disabled);
    // one at connecting, two so far, twenty a minute and what calls may be under way
    for _ in 3..20 {
        assert_eq!(StatusCode::OK, fixture.get(&path).await.status);
    }
    let busy = fixture.get(&path).await;
    busy.is_problem(429, "", "creator_info.rate_limited");
    assert_eq!("84", busy.headers["retry-after"]);
    assert_eq!("2026-11-01T12:01:24Z", busy.body["retry_at"]);
    assert_eq!(20, fixture.tiktok.calls(Endpoint::CreatorInfo));
    fixture.clock.advance(SignedDuration::from_secs(84));
    assert_eq!(StatusCode::OK, fixture.get(&path).await.status);
}

#[tokio::test]
async fn an_ended_token_is_renewed_and_the_answer_says_so() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_hours(25));
    let answer = fixture.get(&format!("/v1/creators/{ada}/creator-info")).await;
    answer.is_problem(503, "", "creator.token_stale");
    assert_eq!("3", answer.headers["retry-after"]);
    let sent = fixture.queues.waiting();
    assert!(matches!(&sent[..], [sent] if matches!(sent.job, Job::Refresh { epoch: Some(1), .. })));
    assert_eq!(1, fixture.tiktok.calls(Endpoint::CreatorInfo), "only the one at connecting");
}

#[tokio::test]
async fn a_creator_whose_tokens_are_refused_has_to_connect_again() {
    let (fixture, ada) = Fixture::connected().await;
    let mut account = fixture.table.accounts().remove(0);
    account.status =
        AccountStatus::ReconnectRequired { since: fixture_now(&fixture), code: "invalid_grant".into() };
    fixture.table.insert_account(account);
    assert_eq!("reconnect_required", fixture.get(&format!("/v1/creators/{ada}")).await.body["status"]);
    assert_eq!("reconnect_required", fixture.get("/v1/creators").await.body["data"][0]["status"]);
    let info = fixture.get(&format!("/v1/creators/{ada}/creator-info")).await;
    info.is_problem(409, "", "creator.reconnect_required");
}

fn fixture_now(fixture: &Fixture) -> domain::Timestamp {
    ports::Clock::now(&fixture.clock)
}

#[tokio::test]
async fn what_tiktok_says_about_a_banned_creator_is_passed_on() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().banned = true);
    });
    let answer = fixture.get(&format!("/v1/creators/{ada}/creator-info")).await;
    answer.is_problem(409, "", "tiktok.spam_risk_user_banned_from_posting");
    assert_eq!("tiktok", answer.body["source"]);
    assert_eq!("spam_risk_user_banned_from_posting", answer.body["tiktok"]["code"]);
    assert!(answer.body["tiktok"]["log_id"].is_string());
    fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.outage = tiktok_sandbox::Outage::Api);
    });
    let answer = fixture.get(&format!("/v1/creators/{ada}/creator-info")).await;
    assert_eq!((503, true), (answer.problems().0, answer.body["retryable"] == json!(true)));
}
