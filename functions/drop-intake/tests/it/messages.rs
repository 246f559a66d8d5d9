//! What comes through the drop queue.

use domain::{AccountId, CreatorId, Job};
use drop_intake::{Place, looks};
use lambda_kit::batch::Failure;
use serde_json::json;

use super::rig::{event, message};

const ADA: &str = "crt_000000000000000000000000000000c1";

fn set(name: &str) -> Vec<Place> {
    vec![Place::Set { creator: CreatorId::from_bits(0xc1), name: name.to_owned() }]
}

#[test]
fn keys_are_decoded_as_s3_encodes_them() {
    for (key, name) in
        [("harbour.mp4", "harbour"), ("M%C3%B6wen+am+Hafen.mp4", "Möwen am Hafen"), ("a%2Bb%25.mp4", "a+b%")]
    {
        assert_eq!(looks(&event(&format!("drop/{ADA}/{key}"))).unwrap(), set(name), "{key}");
    }
    assert_eq!(looks(&event(&format!("drop%2F{ADA}%2Fharbour.mp4"))).unwrap(), set("harbour"));
}

#[test]
fn our_own_job_is_a_look_and_jobs_of_other_queues_end_here() {
    let job =
        Job::Drop(domain::job::Drop { creator: CreatorId::from_bits(0xc1), name: "harbour".to_owned() });
    let looked = looks(&message(serde_json::to_string(&job).unwrap())).unwrap();
    assert_eq!(looked, set("harbour"));
    let other = Job::Refresh { account: AccountId::from_bits(1), epoch: None };
    let refused = looks(&message(serde_json::to_string(&other).unwrap()));
    assert!(matches!(refused, Err(Failure::GiveUp(_))));
}

#[test]
fn s3s_test_event_is_nothing_and_what_is_no_event_ends_here() {
    let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "media" });
    assert_eq!(looks(&message(test.to_string())).unwrap(), []);
    assert!(matches!(looks(&message("no JSON".to_owned())), Err(Failure::GiveUp(_))));
}
