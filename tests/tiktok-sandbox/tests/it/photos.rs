//! Photos: asked for, pulled one by one, judged by their bytes, shown together or not at all.

use serde_json::json;
use tiktok_sandbox::config::Resolution;
use tiktok_sandbox::{Effect, Finished, Photo, Probe, probe, sha256_hex};

use crate::rig::{HOUR, MINUTE, Rig, media, photo_url};

fn photo(name: &str) -> Photo {
    let bytes = media(name);
    match probe(&mut std::io::Cursor::new(&bytes), bytes.len() as u64) {
        Probe::Photo(photo) => photo,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn photos_are_pulled_in_order_completed_and_then_get_their_id() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos(|_| {}).publish_id();
    let number = publish_id.strip_prefix("p_pub_url~v2.").unwrap();
    assert!(number.len() == 19 && number.parse::<u64>().is_ok(), "{publish_id}");
    let mut pulled = Vec::new();
    let mut bytes = 0;
    for file in ["good.jpg", "good.webp", "turned.jpg"] {
        let status = rig.status(&publish_id);
        assert_eq!(status.data(), &json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": bytes }));
        assert!(matches!(&rig.effects[..], [Effect::Fetch { url, .. }] if *url == photo_url(file)));
        assert!(rig.serve_photo());
        bytes += media(file).len();
        pulled.push(sha256_hex(&media(file)));
    }
    rig.wait(2_000);
    let complete = json!({
        "status": "PUBLISH_COMPLETE",
        "downloaded_bytes": bytes,
        "publicaly_available_post_id": [],
    });
    assert_eq!(rig.status(&publish_id).data(), &complete);
    rig.wait(3_000);
    let id = rig.status(&publish_id).data()["publicaly_available_post_id"][0].as_u64().unwrap();
    let post = rig.world.post(&publish_id).unwrap();
    assert_eq!(post.share_url(id), format!("https://www.tiktok.com/@ada/photo/{id}"));
    let shown = rig.world.summary()["posts"][0].clone();
    assert_eq!(shown["share_url"], json!(post.share_url(id)), "the page has it from here");
    assert_eq!(shown["carousel"]["photos"][0]["probe"]["format"], "jpeg");

    let publication = rig.world.publications().next().unwrap();
    let carousel = publication.carousel.as_ref().unwrap();
    let found: Vec<_> = carousel.photos.iter().map(|photo| photo.sha256.clone()).collect();
    assert_eq!(found, pulled);
    assert_eq!(
        (publication.title.as_str(), carousel.description.as_str()),
        ("three days", "at sea #sailing")
    );
    assert_eq!((carousel.cover_index, carousel.auto_add_music), (1, true));
    assert_eq!(publication.media, Probe::Photo(photo("good.webp")), "the cover");
    assert_eq!((publication.bytes, publication.fetches.len()), (bytes as u64, 3));
    let events: Vec<_> = rig.webhooks();
    assert_eq!(events[0].0, "post.publish.complete");
    assert_eq!(events[0].1, json!({ "publish_id": publish_id, "publish_type": "DIRECT_PUBLISH" }));
    assert_eq!(
        (events[1].0.as_str(), &events[1].1["post_id"]),
        ("post.publish.publicly_available", &json!(id.to_string()))
    );
}

#[test]
fn a_draft_of_photos_is_delivered_with_its_words_and_its_creator_posts_it() {
    let mut rig = Rig::strict();
    let draft = rig.init_photo_draft(|_| {}).publish_id();
    assert!(draft.starts_with("p_pub_url~v2."), "{draft}");
    assert_eq!(rig.finish_photos(&draft).data()["status"], "SEND_TO_USER_INBOX");
    let delivered = (
        "post.publish.inbox_delivered".to_owned(),
        json!({ "publish_id": draft, "publish_type": "INBOX_SHARE" }),
    );
    assert_eq!(rig.webhooks(), [delivered]);
    let own_words = Finished { description: Some("my words".into()), ..Finished::default() };
    let effects = rig.world.finish_draft(&draft, &own_words, rig.now, &mut rig.rng).unwrap();
    rig.effects.extend(effects);
    rig.wait(MINUTE);
    let done = rig.status(&draft);
    assert_eq!(done.data()["status"], "PUBLISH_COMPLETE");
    assert!(done.data()["publicaly_available_post_id"][0].is_u64());
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(publication.title, "one day", "what the app suggested");
    assert_eq!(publication.carousel.as_ref().unwrap().description, "my words");
}

#[test]
fn drafts_of_photos_know_no_audit_and_no_cap_of_creators() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.audited = false);
    assert_eq!(rig.init_photos(|_| {}).code(), "unaudited_client_can_only_post_to_private_accounts");
    assert_eq!(rig.init_photo_draft(|_| {}).code(), "ok");
}

#[test]
fn one_bad_photo_fails_them_all_and_nobody_is_told_which() {
    let mut rig = Rig::strict();
    let failed = rig.publish_photos(&["good.jpg", "photo.png", "good.webp"]);
    assert_eq!(failed.data()["fail_reason"], "file_format_check_failed");
    assert!(!failed.body.to_string().contains("photo 1"), "{}", failed.body);
    let (event, content) = rig.webhooks().pop().unwrap();
    assert_eq!(
        (event.as_str(), &content["reason"]),
        ("post.publish.failed", &json!("file_format_check_failed"))
    );
    assert!(!content.to_string().contains("photo 1"));
    assert_eq!(rig.world.publications().count(), 0);
    let log = serde_json::to_string(rig.world.log()).unwrap();
    assert!(log.contains("photo 1: it is a PNG"), "the log of the imitation knows");
}

#[test]
fn after_a_photo_that_cannot_be_pulled_no_other_is() {
    let mut rig = Rig::strict();
    rig.publish_photos(&["good.jpg", "missing.jpg", "good.webp"]);
    let post = rig.world.posts().next().unwrap();
    let statuses: Vec<_> = post.fetches.iter().map(|hop| hop.status).collect();
    assert_eq!(statuses, [Some(200), Some(404)]);
}

#[test]
fn formats_and_sides_as_shown_are_told_apart() {
    for (name, format, sides) in [
        ("good.jpg", "jpeg", (1_080, 1_920)),
        ("progressive.jpg", "jpeg", (540, 960)),
        ("cmyk.jpg", "jpeg", (540, 960)),
        ("turned.jpg", "jpeg", (1_080, 1_920)),
        ("good.webp", "webp", (540, 960)),
        ("lossless.webp", "webp", (540, 960)),
        ("turned.webp", "webp", (1_080, 1_920)),
        ("photo.png", "png", (160, 160)),
    ] {
        let photo = photo(name);
        assert_eq!((photo.format.as_str(), (photo.width, photo.height)), (format, sides), "{name}");
        assert!(!photo.animated, "{name}");
    }
    assert!(photo("animated.webp").animated);
}

#[test]
fn no_cut_makes_another_good_photo() {
    for name in ["good.jpg", "progressive.jpg", "good.webp", "lossless.webp"] {
        let whole = media(name);
        for percent in (0..97).step_by(4) {
            let bytes = &whole[..whole.len() * percent / 100];
            let found = probe(&mut std::io::Cursor::new(bytes), bytes.len() as u64);
            assert!(matches!(found, Probe::Nothing { .. }), "{name} cut at {percent} %: {found:?}");
        }
    }
}

/// Under each reading: what passes of a tall, a wide, a square and two observed photos.
#[test]
fn what_1080p_means_for_a_photo_is_a_switch() {
    let files = [
        "good.jpg",
        "1920x1080.jpg",
        "turned.jpg",
        "941x1672.jpg",
        "1080x1922.jpg",
        "1086x1448.jpg",
        "1254x1254.jpg",
    ];
    for (resolution, passing) in [
        (Resolution::Box, &["good.jpg", "1920x1080.jpg", "turned.jpg", "941x1672.jpg"][..]),
        (
            Resolution::ShorterSide,
            &["good.jpg", "1920x1080.jpg", "turned.jpg", "941x1672.jpg", "1080x1922.jpg"][..],
        ),
        (Resolution::Width, &["good.jpg", "turned.jpg", "941x1672.jpg", "1080x1922.jpg"][..]),
    ] {
        for file in files {
            let mut rig = Rig::with(|config| config.photos.resolution = resolution);
            let status = rig.publish_photos(&[file]);
            let passed = status.data()["status"] == "PUBLISH_COMPLETE";
            assert_eq!(passed, passing.contains(&file), "{resolution:?} {file}: {}", status.body);
        }
    }
}

#[test]
fn png_and_moving_webp_may_pass_by_switch() {
    let mut rig = Rig::with(|config| {
        config.photos.png = true;
        config.photos.animated_webp = true;
    });
    assert_eq!(rig.publish_photos(&["photo.png", "animated.webp"]).data()["status"], "PUBLISH_COMPLETE");
}

#[test]
fn comments_are_off_when_the_creator_has_them_off() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.comment_disabled = true);
    let publish_id = rig.init_photos(|_| {}).publish_id();
    rig.finish_photos(&publish_id);
    assert!(rig.world.publications().next().unwrap().disable_comment);
}

#[test]
fn an_unaudited_apps_photos_are_seen_by_their_creator_alone() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.audited = false);
    let token = rig.grace.clone();
    let answer =
        rig.init_photos_as(&token, |body| body["post_info"]["privacy_level"] = json!("FOLLOWER_OF_CREATOR"));
    rig.finish_photos(&answer.publish_id());
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(
        (publication.privacy_level.as_str(), publication.visibility.as_str()),
        ("FOLLOWER_OF_CREATOR", "SELF_ONLY")
    );
}

#[test]
fn photos_labelled_at_the_root_are_labelled() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos_with("/is_aigc", json!(true)).publish_id();
    rig.finish_photos(&publish_id);
    assert!(rig.world.publications().next().unwrap().is_aigc);
}

#[test]
fn the_log_shows_no_query_of_a_photos_url() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos(|body| {
        body["source_info"]["photo_images"][0] = json!(photo_url("good.jpg?signature=secret"));
    });
    rig.finish_photos(&publish_id.publish_id());
    let log = serde_json::to_string(rig.world.log()).unwrap();
    assert!(log.contains("good.jpg?redacted") && !log.contains("signature"), "{log}");
}

#[test]
fn a_download_of_photos_can_be_cancelled_between_two_of_them() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos(|_| {}).publish_id();
    rig.serve_photo();
    assert_eq!(rig.cancel(&publish_id).code(), "ok");
    rig.finish_photos(&publish_id);
    assert_eq!(rig.status(&publish_id).data()["fail_reason"], "publish_cancelled");
    rig.wait(HOUR);
    assert_eq!(rig.world.publications().count(), 0);
}

#[test]
fn a_world_that_was_stopped_takes_up_the_photo_it_was_at() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos(|_| {}).publish_id();
    rig.serve_photo();
    let kept = serde_json::to_string(&rig.world).unwrap();
    rig.world = serde_json::from_str(&kept).unwrap();
    rig.effects = rig.world.resume(rig.now);
    assert!(matches!(&rig.effects[..], [Effect::Fetch { url, .. }] if *url == photo_url("good.webp")));
    assert_eq!(rig.finish_photos(&publish_id).data()["status"], "PUBLISH_COMPLETE");
}
