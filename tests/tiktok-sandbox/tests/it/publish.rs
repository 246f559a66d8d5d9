//! What a creator may post, and what a post becomes.

use serde_json::{Value, json};
use tiktok_sandbox::{Effect, Endpoint, FetchOutcome, Request, Time, What, World};

use crate::rig::{HOUR, KEY, MINUTE, Rig, URL, media, set, strict};

#[test]
fn creator_info_of_a_public_account() {
    let mut rig = Rig::strict();
    let token = rig.ada.clone();
    let answer = rig.creator_info(&token);
    assert_eq!(
        answer.data(),
        &json!({
            "creator_avatar_url": "https://p16-sign.tiktokcdn.com/ada.jpeg?x-expires=7200",
            "creator_username": "ada",
            "creator_nickname": "Ada",
            "privacy_level_options": ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"],
            "comment_disabled": false,
            "duet_disabled": false,
            "stitch_disabled": false,
            "max_video_post_duration_sec": 300,
        })
    );
}

#[test]
fn creator_info_of_a_private_account() {
    let mut rig = Rig::strict();
    let token = rig.grace.clone();
    let data = rig.creator_info(&token).data().clone();
    assert_eq!(
        data["privacy_level_options"],
        json!(["FOLLOWER_OF_CREATOR", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"])
    );
    assert_eq!((&data["duet_disabled"], &data["stitch_disabled"]), (&json!(true), &json!(true)));
}

#[test]
fn creator_info_needs_no_body_and_may_offer_any_set_of_levels() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.privacy_level_options = Some(vec!["SELF_ONLY".into()]));
    let request = Request { method: "POST".parse().unwrap(), ..Request::get(Endpoint::CreatorInfo.path()) };
    let answer = rig.send(&request.bearer(&rig.ada.clone()));
    assert_eq!(answer.data()["privacy_level_options"], json!(["SELF_ONLY"]));
    assert_eq!(rig.init(|_| {}).code(), "privacy_level_option_mismatch");
    assert_eq!(rig.init_with("/post_info/privacy_level", json!("SELF_ONLY")).code(), "ok");
}

#[test]
fn creator_info_does_not_tell_that_the_app_is_unaudited() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.audited = false);
    let token = rig.ada.clone();
    let answer = rig.creator_info(&token);
    assert_eq!(answer.outcome(), (200, "ok"));
    assert_eq!(answer.data()["privacy_level_options"][0], "PUBLIC_TO_EVERYONE");
    assert_eq!(rig.init(|_| {}).code(), "unaudited_client_can_only_post_to_private_accounts");
}

#[test]
fn an_envelope_has_data_error_and_a_log_id() {
    let mut rig = Rig::strict();
    for answer in [rig.init(|_| {}), rig.init_with("/post_info/title", json!(1))] {
        assert!(answer.data().is_object());
        assert!(answer.body["error"]["message"].is_string());
        assert!(!answer.body["error"]["log_id"].as_str().unwrap().is_empty());
        assert!(answer.body["error"].get("logid").is_none());
    }
}

#[test]
fn the_message_is_the_same_sentence_whatever_the_cause() {
    let mut rig = Rig::strict();
    let banned = {
        rig.change_ada(|ada| ada.banned = true);
        rig.init(|_| {}).body["error"]["message"].clone()
    };
    let unowned = {
        rig.change_ada(|ada| ada.banned = false);
        rig.init_with("/source_info/video_url", json!("https://a.example/x.mp4")).body["error"]["message"]
            .clone()
    };
    assert_eq!(banned, unowned);
    assert!(banned.as_str().unwrap().contains("integration guidelines"));
}

#[test]
fn a_rate_limit_has_no_retry_after() {
    let mut rig = Rig::strict();
    let last = (0..7).map(|_| rig.init(|_| {})).last().unwrap();
    assert_eq!(last.status, 429);
    assert!(!last.response.headers.contains_key("retry-after"));
}

#[test]
fn the_rate_window_slides() {
    let mut rig = Rig::strict();
    for _ in 0..6 {
        assert_eq!(rig.init(|_| {}).code(), "ok");
        rig.wait(10_000);
    }
    // The first call has left the window, the others have not.
    assert_eq!(rig.init(|_| {}).code(), "ok");
    assert_eq!(rig.init(|_| {}).code(), "rate_limit_exceeded");
    rig.wait(9_999);
    assert_eq!(rig.init(|_| {}).code(), "rate_limit_exceeded");
    rig.wait(1);
    assert_eq!(rig.init(|_| {}).code(), "ok");
}

#[test]
fn each_creator_and_each_endpoint_has_its_own_rate() {
    let mut rig = Rig::strict();
    for _ in 0..7 {
        rig.init(|_| {});
    }
    assert_eq!(rig.init_private().code(), "ok");
    let token = rig.ada.clone();
    assert_eq!(rig.creator_info(&token).code(), "ok");
    // A fresh token of the same creator does not help.
    let fresh = rig.access_token("ada", &["video.publish"]);
    assert_eq!(rig.init_as(&fresh, |_| {}).code(), "rate_limit_exceeded");
}

#[test]
fn a_repeated_init_is_a_second_post() {
    let mut rig = Rig::strict();
    let (first, second) = (rig.init(|_| {}).publish_id(), rig.init(|_| {}).publish_id());
    assert_ne!(first, second);
    rig.finish(&first);
    assert_eq!(rig.world.publications().count(), 2);
}

#[test]
fn a_publish_id_has_tiktoks_shape_and_not_the_post_ids_number() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    let number = publish_id.strip_prefix("v_pub_url~v2-1.").unwrap();
    assert!(publish_id.len() <= 64 && number.len() == 19 && number.parse::<u64>().is_ok());
    let done = rig.finish(&publish_id);
    assert_ne!(done.data()["publicaly_available_post_id"][0].to_string(), number);
}

#[test]
fn the_title_is_the_caption_and_may_be_absent() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_with("/post_info/title", Value::Null).publish_id();
    rig.finish(&publish_id);
    assert_eq!(rig.world.publications().next().unwrap().title, "");
}

#[test]
fn an_invalid_cover_time_means_the_first_frame() {
    for (asked, used) in [(1_500, 1_500), (-1, 0), (60_000, 0)] {
        let mut rig = Rig::strict();
        let publish_id = rig.init_with("/post_info/video_cover_timestamp_ms", json!(asked)).publish_id();
        rig.finish(&publish_id);
        assert_eq!(rig.world.publications().next().unwrap().cover_timestamp_ms, used);
    }
}

#[test]
fn omitted_toggles_mean_allowed() {
    let mut rig = Rig::strict();
    let publish_id = rig
        .init(|body| {
            for toggle in ["disable_comment", "disable_duet", "disable_stitch", "is_aigc"] {
                set(body, &format!("/post_info/{toggle}"), Value::Null);
            }
        })
        .publish_id();
    rig.finish(&publish_id);
    let publication = rig.world.publications().next().unwrap();
    let toggles = (publication.disable_comment, publication.disable_duet, publication.disable_stitch);
    assert_eq!((toggles, publication.is_aigc), ((false, false, false), false));
}

#[test]
fn the_creators_own_settings_switch_interactions_off() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.comment_disabled = true);
    let publish_id = rig.init_with("/post_info/disable_duet", json!(false)).publish_id();
    rig.finish(&publish_id);
    let private = rig.init_private().publish_id();
    rig.finish(&private);
    let all: Vec<_> = rig.world.publications().collect();
    assert_eq!((all[0].disable_comment, all[0].disable_duet), (true, false));
    assert_eq!((all[1].disable_comment, all[1].disable_duet, all[1].disable_stitch), (false, true, true));
    assert_eq!(all[0].asked["disable_comment"], json!(false));
}

#[test]
fn labels_arrive_as_asked() {
    let mut rig = Rig::strict();
    let publish_id = rig
        .init(|body| {
            set(body, "/post_info/brand_content_toggle", json!(true));
            set(body, "/post_info/brand_organic_toggle", json!(true));
            set(body, "/post_info/is_aigc", json!(true));
        })
        .publish_id();
    rig.finish(&publish_id);
    let publication = rig.world.publications().next().unwrap();
    assert!(publication.brand_content_toggle && publication.brand_organic_toggle && publication.is_aigc);
}

#[test]
fn the_brand_toggles_may_be_optional_and_unknown_fields_ignored_by_switch() {
    let mut rig = Rig::with(|config| {
        config.require_brand_toggles = false;
        config.ignore_unknown_fields = true;
    });
    assert_eq!(rig.init_with("/post_info/brand_content_toggle", Value::Null).code(), "ok");
    assert_eq!(rig.init_with("/source_info/video_cover_timestamp_ms", json!(5)).code(), "ok");
}

#[test]
fn what_the_guidelines_forbid_and_the_api_does_not_is_noted() {
    let mut rig = Rig::strict();
    let token = rig.grace.clone();
    rig.creator_info(&token);
    let good = rig.init_private().publish_id();
    rig.wait(2 * MINUTE);
    let branded = rig
        .init_as(&token, |body| {
            set(body, "/post_info/privacy_level", json!("SELF_ONLY"));
            set(body, "/post_info/brand_content_toggle", json!(true));
        })
        .publish_id();
    assert!(rig.world.post(&good).unwrap().breaches.is_empty());
    assert_eq!(
        rig.world.post(&branded).unwrap().breaches,
        ["creator_info was not asked in the minute before init", "branded content cannot be private"]
    );
}

#[test]
fn a_public_post_is_downloaded_completed_and_then_gets_its_id() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    let fresh = rig.status(&publish_id);
    assert_eq!(fresh.data(), &json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0 }));
    rig.serve();
    let bytes = media("good.mp4").len();
    assert_eq!(
        rig.status(&publish_id).data(),
        &json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": bytes })
    );
    rig.wait(2_000);
    let complete = rig.status(&publish_id);
    assert_eq!(complete.data()["status"], "PUBLISH_COMPLETE");
    assert_eq!(complete.data()["publicaly_available_post_id"], json!([]));
    rig.wait(3_000);
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"].as_array().unwrap().len(), 1);
    assert_eq!(rig.world.next_due(), None, "nothing is left to do");
}

#[test]
fn a_post_id_is_a_bare_number_of_19_digits_that_no_double_holds() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    let done = rig.finish(&publish_id);
    let text = String::from_utf8(done.response.body.to_vec()).unwrap();
    let digits: String = text
        .split("\"publicaly_available_post_id\":[")
        .nth(1)
        .unwrap()
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    assert_eq!(digits.len(), 19, "{text}");
    let id: u64 = digits.parse().unwrap();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "the point"
    )]
    let through_a_double = id as f64 as u64;
    assert_ne!(id, through_a_double);
}

#[test]
fn only_public_posts_get_an_id() {
    let mut rig = Rig::strict();
    for level in ["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"] {
        let publish_id = rig.init_with("/post_info/privacy_level", json!(level)).publish_id();
        rig.finish(&publish_id);
        rig.wait(HOUR);
        let done = rig.status(&publish_id);
        assert_eq!(done.data()["status"], "PUBLISH_COMPLETE");
        assert_eq!(done.data()["publicaly_available_post_id"], json!([]));
    }
}

#[test]
fn some_accounts_never_get_an_id() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.post_ids_withheld = true);
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    rig.wait(24 * HOUR - 2 * MINUTE);
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"], json!([]));
}

#[test]
fn a_post_made_public_later_gets_its_id_then() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_with("/post_info/privacy_level", json!("SELF_ONLY")).publish_id();
    rig.finish(&publish_id);
    rig.world.make_public(&publish_id, rig.now).unwrap();
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"].as_array().unwrap().len(), 1);
}

#[test]
fn an_unaudited_apps_post_is_seen_by_its_creator_alone() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.audited = false);
    let token = rig.grace.clone();
    let publish_id = rig
        .init_as(&token, |body| set(body, "/post_info/privacy_level", json!("FOLLOWER_OF_CREATOR")))
        .publish_id();
    rig.finish(&publish_id);
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(
        (publication.privacy_level.as_str(), publication.visibility.as_str()),
        ("FOLLOWER_OF_CREATOR", "SELF_ONLY")
    );
}

#[test]
fn a_publication_in_the_log_says_everything_about_itself() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(publication.publish_id, publish_id);
    assert_eq!((publication.client_key.as_str(), publication.account.as_str()), (KEY, "ada"));
    assert_eq!(publication.title, "a day at sea #sailing");
    assert_eq!(publication.visibility, "PUBLIC_TO_EVERYONE");
    assert_eq!(publication.sha256, tiktok_sandbox::sha256_hex(&media("good.mp4")));
    assert_eq!(publication.bytes, media("good.mp4").len() as u64);
    assert_eq!(publication.fetches.len(), 1);
}

#[test]
fn the_log_keeps_no_secret() {
    let mut rig = Rig::strict();
    let set = rig.connect("ada", &["video.publish"]);
    crate::table::refresh(&mut rig, set["refresh_token"].as_str().unwrap());
    rig.init_with("/source_info/video_url", json!(format!("{URL}?X-Amz-Signature=c0ffee")));
    let log = serde_json::to_string(rig.world.log()).unwrap();
    for secret in ["act.", "rft.", crate::rig::SECRET, "c0ffee"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(log.contains("one.mp4?redacted"));
}

#[test]
fn explicit_time_waits_to_be_told() {
    let mut rig = Rig::with(|config| config.time = Time::Explicit);
    let publish_id = rig.init(|_| {}).publish_id();
    rig.now += 1;
    assert!(rig.world.advance(&publish_id, rig.now).is_err(), "the bytes are not here yet");
    rig.serve();
    rig.wait(30 * MINUTE);
    assert_eq!(rig.status(&publish_id).data()["status"], "PROCESSING_DOWNLOAD");
    rig.world.advance(&publish_id, rig.now).unwrap();
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"], json!([]));
    rig.world.advance(&publish_id, rig.now).unwrap();
    assert_ne!(rig.status(&publish_id).data()["publicaly_available_post_id"], json!([]));
    assert!(rig.world.advance(&publish_id, rig.now).is_err(), "nothing is left to do");
}

#[test]
fn a_cancel_that_worked_answers_with_error_alone() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    let answer = rig.cancel(&publish_id);
    assert_eq!(answer.outcome(), (200, "ok"));
    assert_eq!(answer.body.as_object().unwrap().keys().collect::<Vec<_>>(), ["error"]);
}

#[test]
fn a_cancel_shows_later() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    assert_eq!(rig.cancel(&publish_id).code(), "ok");
    rig.wait(999);
    assert_eq!(rig.status(&publish_id).data()["status"], "PROCESSING_DOWNLOAD");
    rig.wait(1);
    let failed = rig.status(&publish_id);
    assert_eq!(
        (&failed.data()["status"], &failed.data()["fail_reason"]),
        (&json!("FAILED"), &json!("publish_cancelled"))
    );
    let told = ("post.publish.failed".to_owned(), "publish_cancelled".into());
    let webhooks = rig.webhooks();
    assert_eq!(
        webhooks.iter().map(|(event, it)| (event.clone(), it["reason"].clone())).next_back(),
        Some(told)
    );
}

#[test]
fn a_second_cancel_is_refused() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    assert_eq!(rig.cancel(&publish_id).code(), "ok");
    assert_eq!(rig.cancel(&publish_id).outcome(), (400, "publish_not_cancellable"));
    rig.finish(&publish_id);
    assert_eq!(rig.cancel(&publish_id).outcome(), (400, "publish_not_cancellable"));
    let codes: Vec<_> = rig.world.calls(Endpoint::Cancel).map(|(_, call)| call.code.as_str()).collect();
    assert_eq!(codes, ["ok", "publish_not_cancellable", "publish_not_cancellable"]);
    let failures = rig.world.log().iter().filter(|entry| matches!(entry.what, What::Failure { .. })).count();
    assert_eq!((failures, rig.world.publications().count()), (1, 0));
}

#[test]
fn a_cancel_may_be_in_vain_by_switch() {
    let mut rig = Rig::with(|config| config.cancel.in_vain = true);
    let publish_id = rig.init(|_| {}).publish_id();
    assert_eq!(rig.cancel(&publish_id).code(), "ok");
    assert_eq!(rig.finish(&publish_id).data()["status"], "PUBLISH_COMPLETE");
}

#[test]
fn a_download_that_comes_back_after_the_end_changes_nothing() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    rig.cancel(&publish_id);
    assert_eq!(rig.finish(&publish_id).data()["fail_reason"], "publish_cancelled");
    assert_eq!(rig.world.publications().count(), 0);
}

#[test]
fn the_same_seed_and_the_same_calls_give_the_same_world() {
    let run = || {
        let mut rig = Rig::strict();
        let publish_id = rig.init(|_| {}).publish_id();
        rig.finish(&publish_id);
        serde_json::to_string(&rig.world).unwrap()
    };
    assert_eq!(run(), run());
}

#[test]
fn a_world_survives_being_written_down() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    let text = serde_json::to_string(&rig.world).unwrap();
    rig.world = serde_json::from_str::<World>(&text).unwrap();
    rig.effects = rig.world.resume(rig.now);
    assert!(matches!(&rig.effects[..], [Effect::Fetch { url, .. }] if url == URL));
    assert_eq!(rig.finish(&publish_id).data()["status"], "PUBLISH_COMPLETE");
}

#[test]
fn a_failure_in_the_log_says_why() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    rig.serve_with(&FetchOutcome::failed(Some(403), "GET was answered 403"));
    rig.finish(&publish_id);
    let failure = rig.world.log().iter().find_map(|entry| match &entry.what {
        What::Failure { why, fetches, .. } => Some((why.as_str(), fetches[0].status)),
        _ => None,
    });
    assert_eq!(failure, Some(("GET was answered 403", Some(403))));
}

#[test]
fn what_is_not_imitated_says_so_and_cannot_be_mistaken_for_tiktok() {
    let mut rig = Rig::strict();
    for path in ["/v2/post/publish/inbox/content/init/", "/v2/video/query/"] {
        let token = rig.ada.clone();
        assert_eq!(rig.send(&Request::post_json(path, &json!({})).bearer(&token)).status, 501);
    }
}

#[test]
fn paths_and_methods_are_taken_to_the_letter() {
    let mut rig = Rig::strict();
    let token = rig.ada.clone();
    let slashless = "/v2/post/publish/creator_info/query";
    assert_eq!(rig.send(&Request::post_json(slashless, &json!({})).bearer(&token)).status, 501);
    assert_eq!(rig.send(&Request::get(Endpoint::CreatorInfo.path()).bearer(&token)).status, 405);
}

#[test]
fn the_portal_refuses_bad_url_properties() {
    let with = |property: &str| {
        let mut config = strict();
        config.apps.get_mut(KEY).unwrap().verified_url_prefixes = vec![property.into()];
        World::new(config).is_ok()
    };
    assert!(with("https://media.example.com/videos/") && with("media.example.com"));
    for bad in [
        "http://media.example.com/",
        "https://media.example.com/videos",
        "http://127.0.0.1:9000/",
        "*.example.com",
    ] {
        assert!(!with(bad), "{bad}");
    }
}
