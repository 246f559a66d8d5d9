//! TikTok's webhooks about accounts, and those that nothing explains.

use domain::account::{AccountStatus, Lease};
use domain::{Job, Nonce, SignedDuration};
use http::{StatusCode, header};
use ports::{Accounts as _, Clock as _};
use serde_json::{Value, json};

use super::fixture::{Answer, CLIENT_SECRET, Fixture};

/// An event that TikTok signs now.
async fn say(fixture: &Fixture, name: &str, create_time: i64, content: &Value) -> Answer {
    say_signed(fixture, name, create_time, fixture.clock.now().as_second(), content).await
}

async fn say_signed(
    fixture: &Fixture,
    name: &str,
    create_time: i64,
    signed_at: i64,
    content: &Value,
) -> Answer {
    let open_id = fixture.tiktok.with(|world, _, _| world.open_id("awtests", "ada"));
    let body = json!({
        "client_key": "awtests",
        "event": name,
        "create_time": create_time,
        "user_openid": open_id,
        "content": content.to_string(),
    })
    .to_string();
    let signature = tiktok_sandbox::signature(CLIENT_SECRET, signed_at, body.as_bytes());
    let request = http::Request::post("/webhooks/tiktok")
        .header("TikTok-Signature", signature)
        .header(header::CONTENT_TYPE, "application/json");
    let answer = fixture.send(request.body(body.into()).unwrap()).await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    answer
}

fn is_over(fixture: &Fixture) -> bool {
    let account = fixture.table.accounts().remove(0);
    matches!(account.status, AccountStatus::ReconnectRequired { code, .. } if code == "authorization.removed")
}

fn questions(fixture: &Fixture) -> Vec<(Option<u64>, i64)> {
    let sent = fixture.queues.waiting().into_iter();
    sent.filter_map(|sent| match sent.job {
        Job::Refresh { epoch, .. } => Some((epoch, sent.delay.as_secs())),
        _ => None,
    })
    .collect()
}

#[tokio::test]
async fn a_fresh_event_ends_the_tokens_it_is_about_once() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.queues.lose_all();
    fixture.clock.advance(SignedDuration::from_mins(10));
    let now = fixture.clock.now().as_second();
    for _ in 0..3 {
        say(&fixture, "authorization.removed", now - 2, &json!({ "reason": 1 })).await;
    }
    assert!(is_over(&fixture));
    assert_eq!(None, fixture.table.accounts().remove(0).lease);
    let creator = fixture.get(&format!("/v1/creators/{ada}")).await;
    assert_eq!(json!("reconnect_required"), creator.body["status"]);
    // token-refresh finds the account as it is, and tells the workspace
    assert_eq!(vec![(Some(1), 1)], questions(&fixture));
}

#[tokio::test]
async fn an_event_from_before_these_tokens_is_a_question_and_no_more() {
    let (fixture, _) = Fixture::connected().await;
    fixture.queues.lose_all();
    let issued = fixture.clock.now().as_second();
    fixture.clock.advance(SignedDuration::from_mins(1));
    say(&fixture, "authorization.removed", issued - 1, &json!({ "reason": 1 })).await;
    assert!(!is_over(&fixture));
    assert_eq!(vec![(Some(1), 1)], questions(&fixture));
}

#[tokio::test]
async fn an_authentic_event_that_was_signed_long_ago_is_a_question_and_no_more() {
    let (fixture, _) = Fixture::connected().await;
    fixture.queues.lose_all();
    fixture.clock.advance(SignedDuration::from_hours(2));
    let now = fixture.clock.now().as_second();
    say_signed(&fixture, "authorization.removed", now - 400, now - 301, &json!({ "reason": 1 })).await;
    assert!(!is_over(&fixture));
    assert_eq!(vec![(Some(1), 1)], questions(&fixture));
}

#[tokio::test]
async fn while_a_refresh_runs_the_event_is_a_question_after_it() {
    let (fixture, _) = Fixture::connected().await;
    fixture.queues.lose_all();
    let account = fixture.table.accounts().remove(0);
    let now = fixture.clock.now();
    let lease = Lease { nonce: Nonce::from_bits(9), until: now + SignedDuration::from_secs(70) };
    fixture.table.lease(&account.id, &lease, now).await.unwrap();
    say(&fixture, "authorization.removed", now.as_second(), &json!({ "reason": 1 })).await;
    assert!(!is_over(&fixture));
    assert_eq!(vec![(Some(1), 1)], questions(&fixture));
    assert_eq!(Some(lease), fixture.table.accounts().remove(0).lease);
}

#[tokio::test]
async fn our_own_revocation_is_known_already() {
    let (fixture, ada) = Fixture::connected().await;
    let request = fixture.request(http::Method::DELETE, &format!("/v1/creators/{ada}"));
    fixture.send(request.body(axum::body::Body::empty()).unwrap()).await;
    fixture.queues.lose_all();
    let now = fixture.clock.now().as_second();
    say(&fixture, "authorization.removed", now, &json!({ "reason": 5 })).await;
    assert_eq!(AccountStatus::Disconnected, fixture.table.accounts().remove(0).status);
    assert_eq!(Vec::<(Option<u64>, i64)>::new(), questions(&fixture));
    assert_eq!(0, fixture.table.kept_events().len());
}

#[tokio::test]
async fn what_nothing_explains_is_kept_once_and_answered_200() {
    let (fixture, _) = Fixture::connected().await;
    let now = fixture.clock.now().as_second();
    for _ in 0..2 {
        say(&fixture, "portability.download.ready", now, &json!({ "id": 1 })).await;
        say(&fixture, "post.publish.complete", now, &json!({ "publish_id": "v_pub_url~v2.nobodys" })).await;
        say(&fixture, "post.publish.inbox_delivered", now, &json!({ "publish_id": "v_inbox_url~v2.x" }))
            .await;
    }
    let mut kept: Vec<_> = fixture.table.kept_events().into_iter().map(|event| event.event).collect();
    kept.sort_unstable();
    assert_eq!(
        vec!["portability.download.ready", "publish_id v_inbox_url~v2.x", "publish_id v_pub_url~v2.nobodys"],
        kept
    );
}
