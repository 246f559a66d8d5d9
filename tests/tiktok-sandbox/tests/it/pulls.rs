//! Downloads that take their time, and downloads that never end.

use serde_json::json;
use tiktok_sandbox::{Outage, WrongStep};

use crate::rig::{HOUR, MINUTE, Rig, media};

#[test]
fn a_slow_download_grows_and_ends_when_its_bytes_are_there() {
    let bytes = media("good.mp4").len() as u64;
    let mut rig = Rig::with(|config| config.fetcher.bytes_per_second = Some(1_000));
    let publish_id = rig.init(|_| {}).publish_id();
    rig.serve();
    for seconds in [0, 10, 50] {
        let shown = json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": seconds * 1_000 });
        rig.wait(if seconds == 50 { 40_000 } else { i64::from(seconds) * 1_000 });
        assert_eq!(rig.status(&publish_id).data(), &shown);
    }
    rig.wait(MINUTE);
    let done = rig.status(&publish_id);
    assert_eq!(
        (&done.data()["status"], &done.data()["downloaded_bytes"]),
        (&json!("PUBLISH_COMPLETE"), &json!(bytes))
    );
}

#[test]
fn a_download_too_slow_for_its_hour_fails_where_it_is() {
    let mut rig = Rig::with(|config| config.fetcher.bytes_per_second = Some(10));
    let publish_id = rig.init(|_| {}).publish_id();
    rig.serve();
    rig.wait(HOUR);
    let failed =
        json!({ "status": "FAILED", "fail_reason": "video_pull_failed", "downloaded_bytes": 36_000 });
    assert_eq!(rig.status(&publish_id).data(), &failed);
    rig.wait(HOUR);
    assert_eq!(rig.status(&publish_id).data(), &failed, "and nothing comes afterwards");
    assert_eq!(rig.world.publications().count(), 0);
}

#[test]
fn photos_come_slowly_one_after_the_other() {
    let mut rig = Rig::with(|config| config.fetcher.bytes_per_second = Some(10_000));
    let publish_id = rig.init_photos(|_| {}).publish_id();
    let first = media("good.jpg").len() as u64;
    rig.serve_photo();
    assert!(!rig.serve_photo(), "the next one has to wait");
    rig.wait(1_000);
    assert_eq!(rig.status(&publish_id).data()["downloaded_bytes"], 10_000);
    rig.wait(MINUTE);
    assert_eq!(rig.status(&publish_id).data()["downloaded_bytes"], first);
    for _ in 0..2 {
        assert!(rig.serve_photo());
        rig.wait(MINUTE);
    }
    assert_eq!(rig.status(&publish_id).data()["status"], "PUBLISH_COMPLETE");
}

#[test]
fn a_download_may_hang_for_its_hour() {
    let mut rig = Rig::with(|config| config.fetcher.bytes_per_second = Some(1_000));
    let (hung, other) = (rig.init(|_| {}).publish_id(), rig.init(|_| {}).publish_id());
    rig.serve();
    rig.wait(5_000);
    rig.world.hang(&hung, rig.now).unwrap();
    let flat = json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 5_000 });
    for _ in 0..3 {
        assert_eq!(rig.status(&hung).data(), &flat);
        rig.wait(18 * MINUTE);
    }
    assert_eq!(rig.status(&other).data()["status"], "PUBLISH_COMPLETE");
    rig.wait(6 * MINUTE);
    assert_eq!(rig.status(&hung).data()["fail_reason"], "video_pull_failed");
    let gone = WrongStep::NotFrom { publish_id: hung.clone(), state: "failed" };
    assert_eq!(rig.world.hang(&hung, rig.now), Err(gone));
}

#[test]
fn in_an_outage_of_pulls_whatever_starts_hangs_and_goes_on_hanging() {
    let mut rig = Rig::with(|config| config.outage = Outage::Pulls);
    let (hung, photos) = (rig.init(|_| {}).publish_id(), rig.init_photos(|_| {}).publish_id());
    assert!(!rig.serve_photo(), "nothing is pulled");
    rig.change(|config| config.outage = Outage::None);
    let fine = rig.init(|_| {}).publish_id();
    assert_eq!(rig.finish(&fine).data()["status"], "PUBLISH_COMPLETE");
    for publish_id in [&hung, &photos] {
        let flat = json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0 });
        assert_eq!(rig.status(publish_id).data(), &flat);
    }
    rig.wait(HOUR);
    assert_eq!(rig.status(&hung).data()["fail_reason"], "video_pull_failed");
    assert_eq!(rig.status(&photos).data()["fail_reason"], "photo_pull_failed");
}

#[test]
fn a_hanging_download_can_be_cancelled() {
    let mut rig = Rig::with(|config| config.outage = Outage::Pulls);
    let hung = rig.init(|_| {}).publish_id();
    assert_eq!(rig.cancel(&hung).code(), "ok");
    rig.wait(MINUTE);
    assert_eq!(rig.status(&hung).data()["fail_reason"], "publish_cancelled");
}
