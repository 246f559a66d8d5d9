//! Where TikTok's documents leave a question open or contradict each other: the other reading, by switch.

use serde_json::json;
use tiktok_sandbox::config::{AigcPlace, SCOPES};
use tiktok_sandbox::{Endpoint, Finished, Request};

use crate::rig::{DAY, HOUR, MINUTE, Rig, set};

#[test]
fn a_branded_private_post_may_be_refused_by_switch() {
    let branded = |rig: &mut Rig| {
        rig.init(|body| {
            set(body, "/post_info/brand_content_toggle", json!(true));
            set(body, "/post_info/privacy_level", json!("SELF_ONLY"));
        })
        .outcome_owned()
    };
    let photos = |rig: &mut Rig| {
        rig.init_photos(|body| {
            set(body, "/post_info/brand_content_toggle", json!(true));
            set(body, "/post_info/privacy_level", json!("SELF_ONLY"));
        })
        .outcome_owned()
    };
    let mut rig = Rig::strict();
    assert_eq!((branded(&mut rig), photos(&mut rig)), ((200, "ok".into()), (200, "ok".into())));
    rig.change(|config| config.refuse_private_branded = true);
    let refused = (400, "invalid_params".to_owned());
    assert_eq!((branded(&mut rig), photos(&mut rig)), (refused.clone(), refused));
}

#[test]
fn bad_requests_may_have_the_posting_pages_name_by_switch() {
    let mut rig = Rig::with(|config| config.singular_invalid_param = true);
    assert_eq!(rig.init_with("/post_info/disable_comment", json!("false")).outcome(), (400, "invalid_param"));
    assert_eq!(rig.init(|_| {}).outcome(), (200, "ok"));
}

#[test]
fn an_unaudited_apps_public_post_may_become_private_by_switch() {
    let mut rig = Rig::with(|config| config.unaudited_posts_become_private = true);
    rig.change_app(|app| app.audited = false);
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    assert_eq!(rig.world.publications().next().unwrap().visibility, "SELF_ONLY");
}

#[test]
fn an_unaudited_apps_cap_may_count_who_consented_by_switch() {
    let mut rig = Rig::with(|config| {
        config.limits.unaudited_cap_counts_consents = true;
        config.limits.unaudited_posting_creators = 2;
    });
    rig.change_app(|app| app.audited = false);
    // Ada and grace came first, and nobody has posted yet.
    let late = rig.creators(1, true).remove(0);
    let answer = rig.init_as(&late, |body| set(body, "/post_info/privacy_level", json!("SELF_ONLY")));
    assert_eq!(answer.code(), "reached_active_user_cap");
    assert_eq!(rig.init_private().code(), "ok");
}

#[test]
fn user_fields_beyond_the_scope_may_be_empty_by_switch() {
    let mut rig = Rig::with(|config| config.user_fields_beyond_scope_are_empty = true);
    let token = rig.access_token("ada", &["user.info.basic"]);
    let target = format!("{}?fields=display_name,username", Endpoint::UserInfo.path());
    let answer = rig.send(&Request::get(&target).bearer(&token));
    assert_eq!(answer.data()["user"], json!({ "display_name": "Ada", "username": "" }));
}

#[test]
fn photos_may_be_in_the_list_by_switch() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_photos(|_| {}).publish_id();
    let id = rig.finish_photos(&publish_id).data()["publicaly_available_post_id"][0].clone();
    assert_eq!(rig.list("id", &json!({})).data()["videos"], json!([]));
    rig.change(|config| config.photos_are_listed = true);
    let listed = rig.list("id,share_url,duration,width", &json!({})).data()["videos"][0].clone();
    assert_eq!(
        (&listed["id"], &listed["duration"], &listed["width"]),
        (&json!(id.to_string()), &json!(0), &json!(540))
    );
    let url = format!("https://www.tiktok.com/@ada/photo/{id}?");
    assert!(listed["share_url"].as_str().unwrap().starts_with(&url), "{listed}");
}

#[test]
fn a_publish_id_may_be_forgotten_by_switch() {
    let mut rig = Rig::with(|config| config.status_kept_ms = Some(HOUR));
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    rig.wait(HOUR - 2 * MINUTE);
    assert_eq!(rig.status(&publish_id).code(), "ok");
    rig.wait(MINUTE);
    assert_eq!(rig.status(&publish_id).outcome(), (400, "invalid_publish_id"));
}

#[test]
fn a_draft_may_wither_by_switch() {
    let mut rig = Rig::with(|config| {
        config.inbox.draft_kept_ms = Some(DAY);
        config.inbox.pending_ms = None;
        config.inbox.pending_cap = 1;
    });
    let draft = rig.draft();
    rig.wait(DAY - 2 * MINUTE);
    assert_eq!(rig.init_draft(|_| {}).code(), "spam_risk_too_many_pending_share");
    rig.wait(2 * MINUTE);
    rig.ada = rig.access_token("ada", &SCOPES);
    assert_eq!(rig.status(&draft).data()["status"], "SEND_TO_USER_INBOX");
    assert!(rig.world.finish_draft(&draft, &Finished::default(), rig.now, &mut rig.rng).is_err());
    assert_eq!(rig.init_draft(|_| {}).code(), "ok", "its place is free");
}

#[test]
fn where_is_aigc_of_photos_belongs_is_a_switch() {
    for (place, at_root, in_post_info) in
        [(AigcPlace::Root, true, false), (AigcPlace::PostInfo, false, true), (AigcPlace::Both, true, true)]
    {
        for (pointer, taken) in [("/is_aigc", at_root), ("/post_info/is_aigc", in_post_info)] {
            let mut rig = Rig::with(|config| config.photos.aigc = place);
            let answer = rig.init_photos(|body| {
                set(body, "/is_aigc", json!(null));
                set(body, pointer, json!(true));
            });
            assert_eq!(answer.code() == "ok", taken, "{place:?} {pointer}");
            rig.change(|config| config.ignore_unknown_fields = true);
            let publish_id = rig
                .init_photos(|body| {
                    set(body, "/is_aigc", json!(null));
                    set(body, pointer, json!(true));
                })
                .publish_id();
            assert_eq!(rig.world.post(&publish_id).unwrap().is_aigc, taken, "{place:?} {pointer}");
        }
    }
}

#[test]
fn a_drafts_post_info_may_be_ignored_by_switch() {
    let mut rig = Rig::with(|config| config.ignore_unknown_fields = true);
    let info = json!({ "title": "a day at sea", "privacy_level": "SELF_ONLY", "is_aigc": true });
    let draft = rig.init_draft(|body| body["post_info"] = info).publish_id();
    rig.finish(&draft);
    rig.world.finish_draft(&draft, &Finished::default(), rig.now, &mut rig.rng).unwrap();
    let publication = rig.world.publications().next().unwrap();
    assert_eq!((publication.title.as_str(), publication.is_aigc), ("", false));
    assert_eq!(publication.visibility, "PUBLIC_TO_EVERYONE");
}

#[test]
fn chunks_may_be_counted_with_ceil_by_switch() {
    let mut rig = Rig::with(|config| config.uploads.chunks_are_counted_with_ceil = true);
    assert_eq!(rig.init_upload(50_000_123, 10_000_000, 5).code(), "invalid_params");
    assert_eq!(rig.init_upload(50_000_123, 10_000_000, 6).code(), "ok");
    assert_eq!(rig.init_upload(50_000_000, 10_000_000, 5).code(), "ok");
}
