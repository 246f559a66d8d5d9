//! Webhooks: what they say, how they are signed, and that they come at least once.

use serde_json::{Value, json};
use tiktok_sandbox::{Effect, Endpoint, signature};

use crate::rig::{KEY, Rig, SECRET};

fn published() -> (Rig, String) {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    (rig, publish_id)
}

struct Sent {
    delivery: u64,
    signature: String,
    body: String,
    url: String,
}

fn sent(rig: &mut Rig) -> Vec<Sent> {
    let effects = std::mem::take(&mut rig.effects);
    let sent = effects.into_iter().filter_map(|effect| match effect {
        Effect::SendWebhook { delivery, signature, body, url, .. } => {
            Some(Sent { delivery, signature, body, url })
        }
        Effect::Fetch { .. } => None,
    });
    sent.collect()
}

fn answer(rig: &mut Rig, delivery: u64, status: Option<u16>) {
    let effects = rig.world.webhook_answered(delivery, status, rig.now);
    rig.effects.extend(effects);
}

#[test]
fn a_public_post_tells_that_it_is_complete_and_then_its_id() {
    let (mut rig, publish_id) = published();
    let id = rig.status(&publish_id).data()["publicaly_available_post_id"][0].to_string();
    let events = rig.webhooks();
    assert_eq!(
        events,
        [
            (
                "post.publish.complete".to_owned(),
                json!({ "publish_id": publish_id, "publish_type": "DIRECT_PUBLISH" })
            ),
            (
                "post.publish.publicly_available".to_owned(),
                // A string here, a number in status/fetch.
                json!({ "publish_id": publish_id, "post_id": id, "publish_type": "DIRECT_PUBLISH" })
            ),
        ]
    );
}

#[test]
fn a_failed_post_tells_its_reason() {
    let mut rig = Rig::strict();
    let publish_id = {
        rig.bytes = b"no video".to_vec();
        rig.init(|_| {}).publish_id()
    };
    rig.finish(&publish_id);
    let (event, content) = rig.webhooks().remove(0);
    assert_eq!(event, "post.publish.failed");
    assert_eq!(
        content,
        json!({
            "publish_id": publish_id,
            "reason": "file_format_check_failed",
            "publish_type": "DIRECT_PUBLISH",
        })
    );
}

#[test]
fn a_post_that_is_taken_down_tells_so_in_tiktoks_spelling() {
    let (mut rig, publish_id) = published();
    rig.effects = rig.world.take_down(&publish_id, rig.now).unwrap();
    assert_eq!(rig.webhooks()[0].0, "post.publish.no_longer_publicaly_available");
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"], json!([]));
}

#[test]
fn a_removed_authorization_tells_its_reason() {
    let mut rig = Rig::strict();
    rig.effects = rig.world.revoke_user(KEY, "ada", 1, rig.now);
    assert_eq!(rig.webhooks(), [("authorization.removed".to_owned(), json!({ "reason": 1 }))]);
    let token = rig.grace.clone();
    rig.effects.clear();
    rig.form(Endpoint::Revoke, &[("client_key", KEY), ("client_secret", SECRET), ("token", &token)]);
    assert_eq!(rig.webhooks(), [("authorization.removed".to_owned(), json!({ "reason": 5 }))]);
}

#[test]
fn the_envelope_names_app_event_time_and_user() {
    let (mut rig, _) = published();
    let first = sent(&mut rig).remove(0);
    let envelope: Value = serde_json::from_str(&first.body).unwrap();
    assert_eq!(envelope["client_key"], KEY);
    assert_eq!(envelope["event"], "post.publish.complete");
    assert_eq!(envelope["user_openid"], json!(rig.world.open_id(KEY, "ada")));
    assert!(envelope["create_time"].as_i64().unwrap() < 10_000_000_000, "seconds, not milliseconds");
    assert!(envelope["content"].is_string());
    assert_eq!(first.url, "https://app.example.com/webhooks/tiktok");
}

#[test]
fn the_signature_is_an_hmac_over_time_and_raw_body() {
    // HMAC-SHA256("secret", "1700000000.{}"), computed elsewhere.
    assert_eq!(
        signature("secret", 1_700_000_000, b"{}"),
        "t=1700000000,s=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
    );
    let (mut rig, _) = published();
    let first = sent(&mut rig).remove(0);
    let (time, _) = first.signature.strip_prefix("t=").unwrap().split_once(',').unwrap();
    assert_eq!(first.signature, signature(SECRET, time.parse().unwrap(), first.body.as_bytes()));
}

#[test]
fn only_200_ends_the_retries_which_grow_apart_and_end_after_72_hours() {
    let mut rig = Rig::strict();
    rig.effects = rig.world.revoke_user(KEY, "ada", 1, rig.now);
    let start = rig.now;
    let first = sent(&mut rig).remove(0);
    let mut gaps = Vec::new();
    let mut bodies = vec![first.body];
    answer(&mut rig, first.delivery, Some(202));
    while let Some(due) = rig.world.next_due() {
        gaps.push(due - rig.now);
        rig.wait(due - rig.now);
        let again = sent(&mut rig).remove(0);
        assert_eq!(again.signature, first.signature, "the first attempt's `t` stays");
        bodies.push(again.body);
        answer(&mut rig, again.delivery, if gaps.len() % 2 == 0 { None } else { Some(500) });
    }
    assert!(gaps.windows(2).all(|pair| pair[1] == 2 * pair[0]), "{gaps:?}");
    assert!(rig.now - start <= 72 * crate::rig::HOUR && rig.now - start > 20 * crate::rig::HOUR);
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[test]
fn a_webhook_answered_200_comes_no_more_unless_twice_is_wanted() {
    for (times, expected) in [(1, 1), (3, 3)] {
        let mut rig = Rig::with(|config| config.webhooks.times = times);
        rig.effects = rig.world.revoke_user(KEY, "ada", 1, rig.now);
        let mut count = 0;
        while let Some(webhook) = sent(&mut rig).pop() {
            count += 1;
            answer(&mut rig, webhook.delivery, Some(200));
        }
        assert_eq!((count, rig.world.next_due()), (expected, None));
    }
}

#[test]
fn webhooks_can_be_lost_by_event_delayed_or_off() {
    let events = |change: fn(&mut tiktok_sandbox::Config)| {
        let mut rig = Rig::with(change);
        let publish_id = rig.init(|_| {}).publish_id();
        rig.finish(&publish_id);
        rig.webhooks().into_iter().map(|(event, _)| event).collect::<Vec<_>>()
    };
    let lost = events(|config| config.webhooks.lose = vec!["post.publish.publicly_available".into()]);
    assert_eq!(lost, ["post.publish.complete"]);
    assert!(events(|config| config.webhooks.enabled = false).is_empty());
    let late = events(|config| {
        config.webhooks.delay_ms = [("post.publish.complete".to_owned(), 10_000)].into();
    });
    // The order is not promised.
    assert_eq!(late, ["post.publish.publicly_available", "post.publish.complete"]);
}
