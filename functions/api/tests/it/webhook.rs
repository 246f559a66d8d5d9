use domain::Job;
use domain::post::{Event, PostState, PublishId};
use domain::timeline::{Actor, What};
use domain::{Nonce, Outcome, Periods, Post, SignedDuration};
use http::{StatusCode, header};
use ports::{Clock as _, Posts as _};
use serde_json::{Value, json};

use super::fixture::{Answer, CLIENT_SECRET, Fixture};

pub(super) const PUBLISH_ID: &str = "v_pub_url~v2.1234567890";

async fn deliver(fixture: &Fixture, body: &str, signature: &str) -> Answer {
    let request = http::Request::post("/webhooks/tiktok")
        .header("Tiktok-Signature", signature)
        .header(header::CONTENT_TYPE, "application/json");
    fixture.send(request.body(body.to_owned().into()).unwrap()).await
}

pub(super) fn event(name: &str, content: &Value) -> String {
    json!({
        "client_key": "awtests",
        "event": name,
        "create_time": 1_793_534_400,
        "user_openid": "user",
        "content": content.to_string(),
    })
    .to_string()
}

async fn say(fixture: &Fixture, name: &str, content: &Value) -> Answer {
    let body = event(name, content);
    let signature =
        tiktok_sandbox::signature(CLIENT_SECRET, fixture.clock.now().as_second(), body.as_bytes());
    deliver(fixture, &body, &signature).await
}

/// A post that TikTok is processing, and the key of its copy.
pub(super) async fn processing(fixture: &Fixture, creator: &domain::CreatorId) -> (Post, String) {
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(creator, &media)).await;
    fixture.queues.lose_all();
    let now = fixture.clock.now();
    let nonce = Nonce::from_bits(5);
    let mut post = fixture.table.only_post().row;
    let content = fixture.table.content(&post.id, &post.content).await.unwrap().unwrap();
    let publish_id = PublishId(PUBLISH_ID.into());
    for event in [
        Event::Claimed { nonce, until: now, source: domain::post::Source::PullFromUrl },
        Event::InitAccepted { nonce, publish_id },
    ] {
        let outcome = post.apply(event, Actor::Publish, now, &Periods::default()).unwrap();
        let Outcome::Moved(moved) = outcome else { panic!("it moves") };
        post = *moved;
    }
    fixture.table.insert_post(post.clone(), content);
    fixture.table.remember(&PublishId(PUBLISH_ID.into()), &post.id, now).await.unwrap();
    let key = post.state.copy_keys().remove(0);
    fixture.objects.put(&key, domain::media::Container::Mp4, b"copy".to_vec());
    fixture.table.forget_calls();
    fixture.objects.forget_calls();
    (post, key)
}

#[tokio::test]
async fn tiktoks_word_moves_the_post_and_its_link_is_shown() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, key) = processing(&fixture, &creator).await;
    let answer = say(&fixture, "post.publish.complete", &json!({ "publish_id": PUBLISH_ID })).await;
    assert_eq!(StatusCode::OK, answer.status);
    assert_eq!(["whose", "post", "save"].to_vec(), fixture.table.calls());
    assert_eq!(["delete_copy"].to_vec(), fixture.objects.calls());
    assert!(fixture.objects.object(&key).is_none());
    assert!(fixture.queues.waiting().is_empty(), "the post id is looked for by the sweep");
    let read = fixture.get(&format!("/v1/posts/{}", post.id)).await;
    assert_eq!(("published", json!(null)), (read.body["state"].as_str().unwrap(), read.body["url"].clone()));

    let content = json!({ "publish_id": PUBLISH_ID, "post_id": "7412345678901234567" });
    say(&fixture, "post.publish.publicly_available", &content).await;
    let read = fixture.get(&format!("/v1/posts/{}", post.id)).await;
    assert_eq!(json!(["7412345678901234567"]), read.body["post_ids"]);
    assert_eq!("https://www.tiktok.com/@ada/video/7412345678901234567", read.body["url"]);
    assert_eq!(PUBLISH_ID, read.body["publish_id"]);
    let last = read.body["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(("post_id", "webhook"), (last["what"].as_str().unwrap(), last["by"].as_str().unwrap()));

    fixture.table.forget_calls();
    say(&fixture, "post.publish.publicly_available", &content).await;
    assert_eq!(["whose", "post"].to_vec(), fixture.table.calls(), "a repeat writes nothing");
    say(&fixture, "post.publish.no_longer_publicaly_available", &content).await;
    let read = fixture.get(&format!("/v1/posts/{}", post.id)).await;
    assert_eq!(json!(true), read.body["removed"]);
}

#[tokio::test]
async fn a_failure_that_passes_starts_another_attempt_and_others_end_the_post() {
    let (fixture, creator) = Fixture::connected().await;
    let (_, key) = processing(&fixture, &creator).await;
    let content = json!({ "publish_id": PUBLISH_ID, "reason": "video_pull_failed" });
    say(&fixture, "post.publish.failed", &content).await;
    let sent = fixture.queues.waiting();
    assert!(matches!(&sent[..], [sent] if matches!(sent.job, Job::Publish(_))
        && sent.delay == SignedDuration::from_secs(60)));
    assert!(fixture.objects.object(&key).is_none());
    say(&fixture, "post.publish.failed", &content).await;
    assert_eq!(1, fixture.queues.waiting().len());

    let (fixture, creator) = Fixture::connected().await;
    let (post, _) = processing(&fixture, &creator).await;
    let content = json!({ "publish_id": PUBLISH_ID, "reason": "frame_rate_check_failed" });
    say(&fixture, "post.publish.failed", &content).await;
    let read = fixture.get(&format!("/v1/posts/{}", post.id)).await;
    assert_eq!("failed", read.body["state"]);
    assert_eq!("frame_rate_check_failed", read.body["failure"]["code"]);
    assert!(read.body["failure"]["remedy"].as_str().unwrap().contains("frames a second"));
}

#[tokio::test]
async fn what_tiktok_did_not_sign_is_refused_unread() {
    let (fixture, creator) = Fixture::connected().await;
    processing(&fixture, &creator).await;
    let body = event("post.publish.complete", &json!({ "publish_id": PUBLISH_ID }));
    let now = fixture.clock.now().as_second();
    let good = tiktok_sandbox::signature(CLIENT_SECRET, now, body.as_bytes());
    let wrong = tiktok_sandbox::signature("another secret", now, body.as_bytes());
    for signature in ["", "t=1", "nonsense", &wrong] {
        deliver(&fixture, &body, signature).await.is_problem(401, "", "webhook.signature");
    }
    let changed = body.replace("complete", "failed");
    deliver(&fixture, &changed, &good).await.is_problem(401, "", "webhook.signature");
    assert!(fixture.table.calls().is_empty());
    assert_eq!(StatusCode::OK, deliver(&fixture, &body, &good).await.status);
}

#[tokio::test]
async fn an_old_event_is_worth_a_question_and_no_transition() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, _) = processing(&fixture, &creator).await;
    let body = event("post.publish.complete", &json!({ "publish_id": PUBLISH_ID }));
    let then = fixture.clock.now().as_second() - 301;
    let signature = tiktok_sandbox::signature(CLIENT_SECRET, then, body.as_bytes());
    assert_eq!(StatusCode::OK, deliver(&fixture, &body, &signature).await.status);
    assert_eq!(post.state, fixture.table.only_post().row.state);
    let sent = fixture.queues.waiting();
    assert!(matches!(&sent[..], [sent] if matches!(&sent.job, Job::Check(job) if job.post == post.id)));
}

#[tokio::test]
async fn everything_else_that_tiktok_signed_is_heard_and_moves_nothing() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, _) = processing(&fixture, &creator).await;
    for (name, content) in [
        ("authorization.removed", json!({ "reason": 1 })),
        ("portability.download.ready", json!({ "request_id": 1 })),
        ("post.publish.failed", json!({})),
    ] {
        assert_eq!(StatusCode::OK, say(&fixture, name, &content).await.status, "{name}");
    }
    let now = fixture.clock.now().as_second();
    let nonsense = tiktok_sandbox::signature(CLIENT_SECRET, now, b"nonsense");
    assert_eq!(StatusCode::OK, deliver(&fixture, "nonsense", &nonsense).await.status);
    assert_eq!(post.state, fixture.table.only_post().row.state);
    assert!(fixture.queues.waiting().is_empty());
}

#[tokio::test]
async fn a_webhook_that_could_not_be_stored_is_not_answered_200() {
    let (fixture, creator) = Fixture::connected().await;
    processing(&fixture, &creator).await;
    fixture.table.fail_next("save", ports::fakes::Fault::BeforeEffect, 1);
    let content = json!({ "publish_id": PUBLISH_ID });
    say(&fixture, "post.publish.complete", &content).await.is_problem(500, "", "internal");
    assert_eq!(StatusCode::OK, say(&fixture, "post.publish.complete", &content).await.status);
    let post = fixture.table.only_post().row;
    assert!(matches!(post.state, PostState::Published { .. }));
    assert_eq!(What::Published, post.timeline.entries().last().unwrap().what);
}

#[tokio::test]
async fn a_publish_id_that_is_not_known_is_a_question_about_the_account() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, _) = processing(&fixture, &creator).await;
    let content = json!({ "publish_id": "v_pub_url~v2.unknown" });
    assert_eq!(StatusCode::OK, say(&fixture, "post.publish.complete", &content).await.status);
    assert_eq!(post.state, fixture.table.only_post().row.state);
    let sent = fixture.queues.waiting();
    let [Job::Heard(heard)] = &sent.iter().map(|sent| sent.job.clone()).collect::<Vec<_>>()[..] else {
        panic!("{sent:?}")
    };
    assert_eq!(heard.publish_id.0, "v_pub_url~v2.unknown");
}

#[tokio::test]
async fn a_draft_that_reached_the_inbox_has_reached_its_end() {
    let (fixture, creator) = Fixture::connected().await;
    processing(&fixture, &creator).await;
    let content = json!({ "publish_id": PUBLISH_ID });
    assert_eq!(StatusCode::OK, say(&fixture, "post.publish.inbox_delivered", &content).await.status);
    assert!(matches!(fixture.table.only_post().row.state, PostState::SentToInbox { .. }));
    assert_eq!(StatusCode::OK, say(&fixture, "post.publish.complete", &content).await.status);
    assert!(matches!(fixture.table.only_post().row.state, PostState::Published { .. }));
}

#[tokio::test]
async fn a_repeated_word_about_the_first_attempt_is_no_question_about_the_second() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, _) = processing(&fixture, &creator).await;
    let failed = json!({ "publish_id": PUBLISH_ID, "reason": "video_pull_failed" });
    say(&fixture, "post.publish.failed", &failed).await;
    // the second attempt's answer is lost
    let nonce = Nonce::from_bits(6);
    let mut row = fixture.table.only_post().row;
    let content = fixture.table.content(&row.id, &row.content).await.unwrap().unwrap();
    let now = fixture.clock.now();
    for event in [
        Event::Claimed { nonce, until: now, source: domain::post::Source::PullFromUrl },
        Event::AnswerLost { nonce },
    ] {
        let Ok(Outcome::Moved(moved)) = row.apply(event, Actor::Publish, now, &Periods::default()) else {
            panic!("it moves")
        };
        row = *moved;
    }
    fixture.table.insert_post(row.clone(), content);
    fixture.queues.lose_all();
    for name in ["post.publish.failed", "post.publish.complete"] {
        assert_eq!(StatusCode::OK, say(&fixture, name, &failed).await.status);
        assert_eq!(row, fixture.table.only_post().row, "`{name}`");
        assert!(fixture.queues.waiting().is_empty(), "`{name}`");
    }
    assert_eq!(post.id, row.id);
}
