//! The same creator, caption and media once more.

use domain::SignedDuration;
use domain::post::{Failure, PostState};
use http::StatusCode;
use ports::Posts as _;
use ports::fakes::Fault;
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};
use super::posts::changed;

fn is_duplicate_of(answer: &Answer, id: &Value) {
    answer.is_problem(409, "", "post.duplicate");
    assert_eq!(id, &answer.body["duplicate_of"], "{}", answer.text);
}

#[tokio::test]
async fn the_same_post_under_another_key_is_refused_for_a_day_with_the_earlier_posts_id() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    let first = fixture.create("k1", &body).await;
    is_duplicate_of(&fixture.create("k2", &body).await, &first.body["id"]);
    // the same bytes under another id are the same; settings that viewers do not see change nothing
    let again = Fixture::post_body(&creator, &fixture.ready_media(2, 10_000));
    let again = changed(&again, "/allow/comment", json!(false));
    is_duplicate_of(&fixture.create("k3", &again).await, &first.body["id"]);
    assert!(fixture.create("k1", &body).await.replayed(), "a repeat is no duplicate");
    let caption = changed(&body, "/caption", json!("Harbour at six #boats "));
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k4", &caption).await.status);
    let meant = changed(&body, "/allow_duplicate", json!(true));
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k5", &meant).await.status);
    assert!(fixture.create("k5", &meant).await.replayed());
    is_duplicate_of(&fixture.create("k6", &body).await, &first.body["id"]);
    fixture.clock.advance(SignedDuration::from_hours(24) - SignedDuration::from_millis(1));
    is_duplicate_of(&fixture.create("k7", &body).await, &first.body["id"]);
    fixture.clock.advance(SignedDuration::from_millis(1));
    let next_day = fixture.create("k8", &body).await;
    assert_eq!(StatusCode::ACCEPTED, next_day.status, "{}", next_day.text);
    is_duplicate_of(&fixture.create("k9", &body).await, &next_day.body["id"]);
    assert!(fixture.create("k1", &body).await.replayed(), "an old repeat gives the old answer");
}

#[tokio::test]
async fn of_equal_posts_at_once_under_different_keys_one_is_accepted() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    let requests: Vec<_> = (0..64).map(|number| (format!("k{number}"), body.clone())).collect();
    let answers = fixture.create_at_once(&requests);
    let post = fixture.table.only_post().row;
    let (accepted, refused): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == StatusCode::ACCEPTED);
    assert_eq!((1, 63), (accepted.len(), refused.len()));
    for answer in refused {
        is_duplicate_of(answer, &json!(post.id.as_str()));
    }
    assert_eq!(1, fixture.queues.waiting().len());
}

#[tokio::test]
async fn a_post_that_failed_or_was_cancelled_stands_in_nobodys_way() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    fixture.create("k1", &body).await;
    let mut failed = fixture.table.only_post();
    let failure = Failure { code: "spam_risk".into(), remedy: "wait".into() };
    failed.row.state = PostState::Failed { failure, publish_id: None };
    let content = fixture.table.content(&failed.row.id, &failed.row.content).await.unwrap().unwrap();
    fixture.table.insert_post(failed.row, content);
    let second = fixture.create("k2", &body).await;
    assert_eq!(StatusCode::ACCEPTED, second.status, "{}", second.text);
    is_duplicate_of(&fixture.create("k3", &body).await, &second.body["id"]);
    let id = second.body["id"].as_str().unwrap();
    let cancelled = fixture.post(&format!("/v1/posts/{id}/cancel"), &json!({})).await;
    assert_eq!("cancelled", cancelled.body["state"]);
    let third = fixture.create("k3", &body).await;
    assert_eq!(StatusCode::ACCEPTED, third.status, "{}", third.text);
    // the cancelled one cannot come back beside the third
    let request = fixture.request(http::Method::POST, &format!("/v1/posts/{id}/retry"));
    let request = request.header("idempotency-key", "r1").body(axum::body::Body::empty()).unwrap();
    is_duplicate_of(&fixture.send(request).await, &third.body["id"]);
}

#[tokio::test]
async fn a_post_that_was_never_written_counts_until_its_request_has_ended() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    fixture.table.fail_next("create", Fault::BeforeEffect, 1);
    fixture.create("k1", &body).await.is_problem(500, "", "internal");
    let other = fixture.create("k2", &body).await;
    other.is_problem(409, "", "post.duplicate");
    assert_eq!(json!(true), other.body["retryable"], "it may not come");
    let wait: i64 = other.headers["retry-after"].to_str().unwrap().parse().unwrap();
    fixture.clock.advance(SignedDuration::from_secs(wait));
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k2", &body).await.status);
    // whoever was cut off comes too late with the same request
    fixture.create("k1", &body).await.is_problem(409, "", "post.duplicate");
    fixture.table.only_post();
}

#[tokio::test]
async fn a_request_that_was_cut_off_anywhere_is_finished_by_its_repeat() {
    for (call, fault) in [
        ("guard", Fault::BeforeEffect),
        ("guard", Fault::AfterEffect),
        ("create", Fault::BeforeEffect),
        ("create", Fault::AfterEffect),
    ] {
        let (fixture, creator) = Fixture::connected().await;
        let media = fixture.ready_media(1, 10_000);
        let body = Fixture::post_body(&creator, &media);
        fixture.table.fail_next(call, fault, 1);
        fixture.create("k1", &body).await.is_problem(500, "", "internal");
        // long after the guard of the first try has stopped to count
        fixture.clock.advance(SignedDuration::from_mins(10));
        let repeat = fixture.create("k1", &body).await;
        assert_eq!(StatusCode::ACCEPTED, repeat.status, "{call}: {}", repeat.text);
        let post = fixture.table.only_post().row;
        is_duplicate_of(&fixture.create("k2", &body).await, &json!(post.id.as_str()));
    }
}

#[tokio::test]
async fn a_key_that_is_used_for_another_body_guards_nothing_with_it() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    let another = changed(&body, "/caption", json!("another"));
    fixture.create("k1", &body).await;
    fixture.create("k1", &another).await.is_problem(422, "", "idempotency_key.reused");
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k2", &another).await.status);
}

#[tokio::test]
async fn media_that_was_still_to_come_is_recognised_when_it_is_there() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.awaited_media(1);
    let body = Fixture::post_body(&creator, &media);
    let first = fixture.create("k1", &body).await;
    is_duplicate_of(&fixture.create("k2", &body).await, &first.body["id"]);
    fixture.probe(&media, 10_000);
    is_duplicate_of(&fixture.create("k3", &body).await, &first.body["id"]);
}

#[tokio::test]
async fn another_creator_may_post_the_same() {
    let (fixture, ada) = Fixture::connected().await;
    let grace = fixture.connect("grace").await;
    let media = fixture.ready_media(1, 10_000);
    for (key, creator) in [("k1", &ada), ("k2", &grace)] {
        let body = changed(&Fixture::post_body(creator, &media), "/privacy_level", json!("SELF_ONLY"));
        assert_eq!(StatusCode::ACCEPTED, fixture.create(key, &body).await.status);
    }
}
