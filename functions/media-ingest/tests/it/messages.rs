//! What comes through the queue.

use domain::{Job, MediaId, PostId};
use lambda_kit::batch::{Failure, Message};
use media_ingest::{Look, looks};
use serde_json::json;

fn message(body: &serde_json::Value) -> Message {
    Message { id: "1".to_owned(), body: body.to_string(), receive_count: 1, sent_at: None, group: None }
}

fn created(keys: &[&str]) -> serde_json::Value {
    let records: Vec<_> = keys
        .iter()
        .map(|key| {
            json!({
                "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
                "eventTime": "2026-11-01T12:00:00.000Z", "eventName": "ObjectCreated:Put",
                "userIdentity": { "principalId": "AWS:X" },
                "requestParameters": { "sourceIPAddress": "192.0.2.1" },
                "responseElements": { "x-amz-request-id": "X", "x-amz-id-2": "X" },
                "s3": {
                    "s3SchemaVersion": "1.0", "configurationId": "uploads",
                    "bucket": { "name": "media", "ownerIdentity": { "principalId": "X" }, "arn": "arn:aws:s3:::media" },
                    "object": { "key": key, "size": 3, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055" },
                },
            })
        })
        .collect();
    json!({ "Records": records })
}

#[test]
fn an_upload_event_names_the_media_however_its_key_is_encoded() {
    let media = MediaId::from_bits(0xabc);
    let look = Look { media: media.clone(), post: None };
    for key in [format!("up/{media}"), format!("up%2F{media}")] {
        assert_eq!(looks(&message(&created(&[&key]))).unwrap(), std::slice::from_ref(&look), "`{key}`");
    }
    let two = created(&[&format!("up/{media}"), &format!("up/{}", MediaId::from_bits(2))]);
    assert_eq!(looks(&message(&two)).unwrap().len(), 2);
}

#[test]
fn s3s_test_event_and_objects_that_are_no_uploads_are_nothing_to_look_at() {
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media" });
    assert_eq!(looks(&message(&test)).unwrap(), []);
    for key in ["up/picture.png", "up/", "m/0123.mp4", "rescue/x", "up/med_short", "up/sub/med_0"] {
        assert_eq!(looks(&message(&created(&[key]))).unwrap(), [], "`{key}`");
    }
}

#[test]
fn our_own_job_names_the_post_too() {
    let (media, post) = (MediaId::from_bits(1), PostId::from_bits(2));
    let job = Job::Ingest { media: media.clone(), post: Some(post.clone()) };
    let body = serde_json::to_value(&job).unwrap();
    assert_eq!(looks(&message(&body)).unwrap(), [Look { media, post: Some(post) }]);
}

#[test]
fn what_cannot_be_read_and_another_functions_job_end_as_dead_letters() {
    let refresh = Job::Refresh { account: domain::AccountId::from_bits(1), epoch: None };
    let bodies =
        [json!(null), json!({ "job": "ingest.v9" }), json!([1]), serde_json::to_value(&refresh).unwrap()];
    for body in bodies {
        assert!(matches!(looks(&message(&body)), Err(Failure::GiveUp(_))), "{body}");
    }
}
