//! Every error code and every `fail_reason` has a cause: one request that has it, and a neighbour that has not.

use serde_json::json;
use tiktok_sandbox::config::{Resolution, SCOPES};
use tiktok_sandbox::{Account, Endpoint, FetchOutcome, Finished, Outage, Request};

use crate::rig::{
    Answer, CALLBACK, DAY, HOUR, KEY, MINUTE, OTHER_KEY, Rig, SECRET, URL, media, photo_url, set,
};

/// `name: endpoint status code <- a request with the cause; its neighbour without it`
macro_rules! causes {
    ($($name:ident: $endpoint:literal $status:literal $code:literal <- $trigger:expr; $neighbour:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let trigger: fn(&mut Rig) -> Answer = $trigger;
                let neighbour: fn(&mut Rig) -> Answer = $neighbour;
                assert_eq!(trigger(&mut Rig::strict()).outcome(), ($status, $code));
                assert_eq!(neighbour(&mut Rig::strict()).outcome(), (200, "ok"));
            }
        )*
        const SHOWN: &[(&str, &str)] = &[$(($endpoint, $code)),*];
    };
}

/// `name: fail_reason <- a post with the cause; its neighbour without it`, both as status/fetch shows them in the end
macro_rules! failures {
    ($($name:ident: $reason:literal <- $trigger:expr; $neighbour:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let trigger: fn(&mut Rig) -> Answer = $trigger;
                let neighbour: fn(&mut Rig) -> Answer = $neighbour;
                let failed = trigger(&mut Rig::strict());
                assert_eq!((&failed.data()["status"], &failed.data()["fail_reason"]), (&json!("FAILED"), &json!($reason)));
                // TikTok says ok to the question, whatever the answer.
                assert_eq!(failed.outcome(), (200, "ok"));
                let fine = neighbour(&mut Rig::strict());
                assert_eq!(fine.data()["status"], "PUBLISH_COMPLETE", "{}", fine.body);
            }
        )*
        const REASONS: &[&str] = &[$($reason),*];
    };
}

fn code_for(rig: &mut Rig, account: &str) -> String {
    let query = authorize_query(&[]);
    let location = rig.world.consent(&query, account, None, rig.now, &mut rig.rng).expect("a callback");
    let location: url::Url = location.parse().unwrap();
    location.query_pairs().find(|(key, _)| key == "code").expect("a code").1.into_owned()
}

pub(crate) fn authorize_query(changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("client_key", KEY),
        ("response_type", "code"),
        ("scope", "user.info.basic,video.publish"),
        ("redirect_uri", CALLBACK),
        ("state", "st4te"),
        ("disable_auto_auth", "1"),
    ];
    for (key, value) in changes {
        fields.retain(|(known, _)| known != key);
        fields.push((key, value));
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The exchange of a code, with some fields changed.
fn exchange(rig: &mut Rig, code: &str, changes: &[(&str, &str)]) -> Answer {
    let mut fields = vec![
        ("client_key", KEY),
        ("client_secret", SECRET),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ];
    for (key, value) in changes {
        fields.retain(|(known, _)| known != key);
        fields.push((key, value));
    }
    rig.form(Endpoint::Token, &fields)
}

fn exchange_with(rig: &mut Rig, changes: &[(&str, &str)]) -> Answer {
    let code = code_for(rig, "ada");
    exchange(rig, &code, changes)
}

pub(crate) fn refresh_as(rig: &mut Rig, key: &str, secret: &str, token: &str) -> Answer {
    let fields = [
        ("client_key", key),
        ("client_secret", secret),
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
    ];
    rig.form(Endpoint::Token, &fields)
}

pub(crate) fn refresh(rig: &mut Rig, token: &str) -> Answer {
    refresh_as(rig, KEY, SECRET, token)
}

fn refresh_token(rig: &mut Rig) -> String {
    rig.connect("ada", &SCOPES)["refresh_token"].as_str().unwrap().into()
}

fn revoke(rig: &mut Rig, key: &str, secret: &str, token: &str) -> Answer {
    rig.form(Endpoint::Revoke, &[("client_key", key), ("client_secret", secret), ("token", token)])
}

fn user_info(rig: &mut Rig, scopes: &[&str], fields: &str) -> Answer {
    let token = rig.access_token("ada", scopes);
    rig.send(&Request::get(&format!("{}?fields={fields}", Endpoint::UserInfo.path())).bearer(&token))
}

fn times(count: usize, rig: &mut Rig, mut act: impl FnMut(&mut Rig) -> Answer) -> Answer {
    for _ in 1..count {
        act(rig);
    }
    act(rig)
}

fn ask_creator(rig: &mut Rig) -> Answer {
    let token = rig.ada.clone();
    rig.creator_info(&token)
}

/// So many creators post through an app; then ada asks.
fn after_creators(rig: &mut Rig, count: usize, ask: impl FnOnce(&mut Rig) -> Answer) -> Answer {
    for token in rig.creators(count, false) {
        assert_eq!(rig.init_as(&token, |_| {}).code(), "ok");
    }
    ask(rig)
}

/// An init by ada after so long, with a fresh token.
fn later(rig: &mut Rig, ms: i64) -> Answer {
    rig.now += ms;
    rig.ada = rig.access_token("ada", &SCOPES);
    rig.init(|_| {})
}

fn small_cap(rig: &mut Rig) {
    rig.change_app(|app| app.active_user_cap = 3);
}

/// So many of ada's posts, a minute apart.
fn after_posts(rig: &mut Rig, count: usize, ask: impl FnOnce(&mut Rig) -> Answer) -> Answer {
    rig.change_ada(|ada| ada.daily_cap = 3);
    for _ in 0..count {
        assert_eq!(rig.init(|_| {}).code(), "ok");
        rig.wait(MINUTE);
    }
    ask(rig)
}

fn private_unaudited(rig: &mut Rig, count: usize) -> Answer {
    rig.change_app(|app| app.audited = false);
    for token in rig.creators(count, true) {
        let answer = rig.init_as(&token, |body| set(body, "/post_info/privacy_level", json!("SELF_ONLY")));
        assert_eq!(answer.code(), "ok");
    }
    rig.init_private()
}

fn post_elsewhere(rig: &mut Rig, count: usize) -> Answer {
    rig.change_ada(|ada| ada.daily_cap = 3);
    let publish_id = rig.init(|_| {}).publish_id();
    (0..count).for_each(|_| rig.world.posted_elsewhere("ada", rig.now));
    rig.finish(&publish_id)
}

fn publish(rig: &mut Rig, file: &str) -> Answer {
    rig.publish_bytes(media(file))
}

fn cut_off(rig: &mut Rig, file: &str, missing: usize) -> Answer {
    let mut bytes = media(file);
    bytes.truncate(bytes.len() - missing);
    rig.publish_bytes(bytes)
}

fn pulled(rig: &mut Rig, outcome: &FetchOutcome) -> Answer {
    let publish_id = rig.init(|_| {}).publish_id();
    rig.serve_with(outcome);
    rig.finish(&publish_id)
}

/// Ada's photos, served so long after init.
fn photos_after(rig: &mut Rig, ms: i64) -> Answer {
    let publish_id = rig.init_photos(|_| {}).publish_id();
    rig.wait(ms);
    rig.finish_photos(&publish_id)
}

fn described(rig: &mut Rig, description: &str) -> Answer {
    rig.change(|config| config.risk.words = vec!["Giveaway".into()]);
    let publish_id = rig.init_photos_with("/post_info/description", json!(description)).publish_id();
    rig.finish_photos(&publish_id)
}

fn same_photos_again(rig: &mut Rig, second: &str) -> Answer {
    rig.change(|config| config.risk.identical_posts = Some(1));
    rig.publish_photos(&["good.jpg", "good.webp"]);
    rig.publish_photos(&["good.jpg", second])
}

fn twelve_seconds(rig: &mut Rig, longest: i64) -> Answer {
    rig.change_ada(|ada| ada.max_video_post_duration_sec = longest);
    publish(rig, "twelve-seconds.mp4")
}

fn caption(rig: &mut Rig, caption: &str) -> Answer {
    rig.change(|config| config.risk.words = vec!["Giveaway".into()]);
    let publish_id = rig.init_with("/post_info/title", json!(caption)).publish_id();
    rig.finish(&publish_id)
}

fn same_again(rig: &mut Rig, second_caption: &str) -> Answer {
    rig.change(|config| config.risk.identical_posts = Some(1));
    let first = rig.init(|_| {}).publish_id();
    rig.finish(&first);
    let second = rig.init_with("/post_info/title", json!(second_caption)).publish_id();
    rig.finish(&second)
}

/// In flight, the world changes; afterwards ada reconnects if she has to.
fn meanwhile(rig: &mut Rig, change: impl FnOnce(&mut Rig)) -> Answer {
    let publish_id = rig.init(|_| {}).publish_id();
    change(rig);
    rig.ada = rig.access_token("ada", &SCOPES);
    rig.finish(&publish_id)
}

/// A cancel so long after init, of a download that counts as nearly complete after a minute.
fn cancel_a_minute_later(rig: &mut Rig, less: i64) -> Answer {
    rig.change(|config| config.cancel.near_completion_after_ms = Some(MINUTE));
    let publish_id = rig.init(|_| {}).publish_id();
    rig.wait(MINUTE - less);
    rig.cancel(&publish_id)
}

/// Five drafts of ada's, a minute apart; the last of them.
fn five_drafts(rig: &mut Rig) -> String {
    (0..5).map(|_| rig.draft()).last().unwrap()
}

/// Another draft so long after five at once.
fn sixth_draft_after(rig: &mut Rig, ms: i64) -> Answer {
    times(5, rig, |rig| rig.init_draft(|_| {}));
    rig.serve();
    rig.wait(ms);
    rig.ada = rig.access_token("ada", &SCOPES);
    rig.init_draft(|_| {})
}

fn list(rig: &mut Rig) -> Answer {
    rig.list("id", &json!({}))
}

fn cancel_after(rig: &mut Rig, serve: bool) -> Answer {
    let publish_id = rig.init(|_| {}).publish_id();
    if serve {
        rig.serve();
    }
    rig.cancel(&publish_id)
}

causes! {
    // the token endpoint
    an_unknown_client_key_is_an_invalid_client: "token" 401 "invalid_client"
        <- |rig| exchange_with(rig, &[("client_key", "aw-nobody")]);
        |rig| exchange_with(rig, &[]);
    a_wrong_client_secret_is_an_invalid_client: "token" 401 "invalid_client"
        <- |rig| exchange_with(rig, &[("client_secret", "secret-two")]);
        |rig| exchange_with(rig, &[("client_secret", SECRET)]);
    a_missing_field_is_an_invalid_request: "token" 400 "invalid_request"
        <- |rig| exchange_with(rig, &[("redirect_uri", "")]);
        |rig| exchange_with(rig, &[]);
    a_token_request_in_json_is_an_invalid_request: "token" 400 "invalid_request"
        <- |rig| rig.send(&Request::post_json(Endpoint::Token.path(), &json!({ "client_key": KEY })));
        |rig| exchange_with(rig, &[]);
    an_unknown_grant_type_is_unsupported: "token" 400 "unsupported_grant_type"
        <- |rig| exchange_with(rig, &[("grant_type", "password")]);
        |rig| exchange_with(rig, &[("grant_type", "client_credentials")]);
    an_unknown_code_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| exchange(rig, "no-such-code", &[]);
        |rig| exchange_with(rig, &[]);
    a_code_that_was_not_url_decoded_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| {
            let code: String = url::form_urlencoded::byte_serialize(code_for(rig, "ada").as_bytes()).collect();
            exchange(rig, &code, &[])
        };
        |rig| exchange_with(rig, &[]);
    a_code_works_once: "token" 400 "invalid_grant"
        <- |rig| {
            let code = code_for(rig, "ada");
            times(2, rig, |rig| exchange(rig, &code, &[]))
        };
        |rig| times(2, rig, |rig| exchange_with(rig, &[]));
    an_old_code_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| {
            let code = code_for(rig, "ada");
            rig.wait(5 * MINUTE);
            exchange(rig, &code, &[])
        };
        |rig| {
            let code = code_for(rig, "ada");
            rig.wait(5 * MINUTE - 1);
            exchange(rig, &code, &[])
        };
    another_redirect_uri_than_at_the_consent_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| exchange_with(rig, &[("redirect_uri", "https://app.example.com/callback/")]);
        |rig| exchange_with(rig, &[("redirect_uri", CALLBACK)]);
    another_apps_code_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| exchange_with(rig, &[("client_key", OTHER_KEY), ("client_secret", "secret-two")]);
        |rig| exchange_with(rig, &[]);
    an_unknown_refresh_token_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| refresh(rig, "rft.nobody");
        |rig| { let token = refresh_token(rig); refresh(rig, &token) };
    another_apps_refresh_token_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| { let token = refresh_token(rig); refresh_as(rig, OTHER_KEY, "secret-two", &token) };
        |rig| { let token = refresh_token(rig); refresh_as(rig, KEY, SECRET, &token) };
    a_used_refresh_token_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| { let token = refresh_token(rig); times(2, rig, |rig| refresh(rig, &token)) };
        |rig| {
            let token = refresh_token(rig);
            let next = refresh(rig, &token).text("refresh_token");
            refresh(rig, &next)
        };
    an_expired_refresh_token_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| { let token = refresh_token(rig); rig.wait(365 * DAY); refresh(rig, &token) };
        |rig| { let token = refresh_token(rig); rig.wait(365 * DAY - 1); refresh(rig, &token) };
    a_revoked_refresh_token_is_an_invalid_grant: "token" 400 "invalid_grant"
        <- |rig| {
            let token = refresh_token(rig);
            rig.world.revoke_user(KEY, "ada", 1, rig.now);
            refresh(rig, &token)
        };
        |rig| {
            let token = refresh_token(rig);
            rig.world.revoke_user(OTHER_KEY, "ada", 1, rig.now);
            refresh(rig, &token)
        };
    an_outage_is_a_server_error_at_the_token_endpoint: "token" 500 "server_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); exchange(rig, "any", &[]) };
        |rig| { rig.change(|config| config.outage = Outage::Processing); exchange_with(rig, &[]) };

    revoking_with_a_wrong_secret_is_an_invalid_client: "revoke" 401 "invalid_client"
        <- |rig| { let token = rig.ada.clone(); revoke(rig, KEY, "wrong", &token) };
        |rig| { let token = rig.ada.clone(); revoke(rig, KEY, SECRET, &token) };
    revoking_another_apps_token_is_an_invalid_grant: "revoke" 400 "invalid_grant"
        <- |rig| { let token = rig.ada.clone(); revoke(rig, OTHER_KEY, "secret-two", &token) };
        |rig| { let token = rig.ada.clone(); revoke(rig, KEY, SECRET, &token) };
    revoking_takes_the_access_token_not_the_refresh_token: "revoke" 400 "invalid_grant"
        <- |rig| { let token = refresh_token(rig); revoke(rig, KEY, SECRET, &token) };
        |rig| { let token = rig.ada.clone(); revoke(rig, KEY, SECRET, &token) };

    // user/info
    user_info_needs_its_scope: "user_info" 401 "scope_not_authorized"
        <- |rig| user_info(rig, &["video.publish"], "open_id");
        |rig| user_info(rig, &["user.info.basic"], "open_id");
    user_info_beyond_the_granted_scope_is_missed: "user_info" 400 "scope_permission_missed"
        <- |rig| user_info(rig, &["user.info.basic"], "open_id,username");
        |rig| user_info(rig, &["user.info.basic", "user.info.profile"], "open_id,username");
    user_info_needs_fields: "user_info" 400 "invalid_params"
        <- |rig| user_info(rig, &SCOPES, "");
        |rig| user_info(rig, &SCOPES, "display_name");
    user_info_with_a_dead_token: "user_info" 401 "access_token_invalid"
        <- |rig| rig.send(&Request::get("/v2/user/info/?fields=open_id").bearer("act.nobody"));
        |rig| user_info(rig, &SCOPES, "open_id");
    user_info_has_a_rate: "user_info" 429 "rate_limit_exceeded"
        <- |rig| times(601, rig, |rig| user_info(rig, &SCOPES, "open_id"));
        |rig| times(600, rig, |rig| user_info(rig, &SCOPES, "open_id"));
    user_info_in_an_outage: "user_info" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); user_info(rig, &SCOPES, "open_id") };
        |rig| user_info(rig, &SCOPES, "open_id");

    // creator_info
    creator_info_without_a_token: "creator_info" 401 "access_token_invalid"
        <- |rig| rig.send(&Request::post_json(Endpoint::CreatorInfo.path(), &json!({})));
        ask_creator;
    creator_info_with_an_expired_token: "creator_info" 401 "access_token_invalid"
        <- |rig| { rig.wait(DAY); ask_creator(rig) };
        |rig| { rig.wait(DAY - 1); ask_creator(rig) };
    creator_info_with_a_client_token: "creator_info" 401 "access_token_invalid"
        <- |rig| {
            let token = exchange_with(rig, &[("grant_type", "client_credentials")]).text("access_token");
            rig.creator_info(&token)
        };
        ask_creator;
    creator_info_without_the_scope: "creator_info" 401 "scope_not_authorized"
        <- |rig| { let token = rig.access_token("ada", &["user.info.basic", "video.upload"]); rig.creator_info(&token) };
        |rig| { let token = rig.access_token("ada", &["user.info.basic", "video.publish"]); rig.creator_info(&token) };
    creator_info_has_a_rate: "creator_info" 429 "rate_limit_exceeded"
        <- |rig| times(21, rig, ask_creator);
        |rig| times(20, rig, ask_creator);
    a_banned_creator_is_told_with_http_200: "creator_info" 200 "spam_risk_user_banned_from_posting"
        <- |rig| { rig.change_ada(|ada| ada.banned = true); ask_creator(rig) };
        |rig| { rig.change_ada(|ada| ada.banned = false); ask_creator(rig) };
    a_creator_at_the_daily_cap_is_told_with_http_200: "creator_info" 200 "spam_risk_too_many_posts"
        <- |rig| after_posts(rig, 3, ask_creator);
        |rig| after_posts(rig, 2, ask_creator);
    an_app_at_its_creator_cap_is_told_with_http_200: "creator_info" 200 "reached_active_user_cap"
        <- |rig| { small_cap(rig); after_creators(rig, 3, ask_creator) };
        |rig| { small_cap(rig); after_creators(rig, 2, ask_creator) };
    creator_info_in_an_outage: "creator_info" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); ask_creator(rig) };
        ask_creator;

    // video/init
    an_init_with_a_dead_token: "video_init" 401 "access_token_invalid"
        <- |rig| { rig.world.expire_access_tokens("ada", rig.now); rig.init(|_| {}) };
        |rig| { rig.world.expire_access_tokens("grace", rig.now); rig.init(|_| {}) };
    an_init_without_the_scope: "video_init" 401 "scope_not_authorized"
        <- |rig| { let token = rig.access_token("ada", &["video.upload"]); rig.init_as(&token, |_| {}) };
        |rig| { let token = rig.access_token("ada", &["video.publish"]); rig.init_as(&token, |_| {}) };
    six_inits_a_minute: "video_init" 429 "rate_limit_exceeded"
        <- |rig| times(7, rig, |rig| rig.init(|_| {}));
        |rig| times(6, rig, |rig| rig.init(|_| {}));
    an_init_that_is_no_json: "video_init" 400 "invalid_params"
        <- |rig| { let token = rig.ada.clone(); rig.send(&Request::post_form(Endpoint::VideoInit.path(), &[]).bearer(&token)) };
        |rig| rig.init(|_| {});
    a_caption_of_2201_utf16_units: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/post_info/title", json!(format!("{}x", "🚢".repeat(1_100))));
        |rig| rig.init_with("/post_info/title", json!("🚢".repeat(1_100)));
    a_toggle_that_is_no_boolean: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/post_info/disable_comment", json!("false"));
        |rig| rig.init_with("/post_info/disable_comment", json!(false));
    a_brand_toggle_left_out: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/post_info/brand_content_toggle", json!(null));
        |rig| rig.init_with("/post_info/brand_content_toggle", json!(true));
    a_misspelt_field: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/post_info/disable_comments", json!(true));
        |rig| rig.init_with("/post_info/disable_comment", json!(true));
    a_photo_field_in_a_video_init: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/media_type", json!("PHOTO"));
        |rig| rig.init(|_| {});
    a_cover_time_in_the_wrong_place: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/source_info/video_cover_timestamp_ms", json!(1_000));
        |rig| rig.init_with("/post_info/video_cover_timestamp_ms", json!(1_000));
    a_privacy_level_that_does_not_exist: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/post_info/privacy_level", json!("PUBLIC"));
        |rig| rig.init_with("/post_info/privacy_level", json!("SELF_ONLY"));
    an_unknown_source: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/source_info/source", json!("PULL"));
        |rig| rig.init_with("/source_info/source", json!("PULL_FROM_URL"));
    a_pulled_url_is_https: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/source_info/video_url", json!(URL.replace("https", "http")));
        |rig| rig.init_with("/source_info/video_url", json!(URL));
    a_pulled_url_has_a_domain_name: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/source_info/video_url", json!("https://203.0.113.7/videos/one.mp4"));
        |rig| rig.init_with("/source_info/video_url", json!("https://static.example.org/videos/one.mp4"));
    another_prefix_is_not_owned: "video_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_with("/source_info/video_url", json!("https://media.example.com/other/one.mp4"));
        |rig| rig.init_with("/source_info/video_url", json!("https://media.example.com/videos/deep/one.mp4?sig=x"));
    a_domain_covers_below_not_above: "video_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_with("/source_info/video_url", json!("https://example.org/one.mp4"));
        |rig| rig.init_with("/source_info/video_url", json!("https://eu.static.example.org/any/one.mp4"));
    a_lookalike_domain_is_not_owned: "video_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_with("/source_info/video_url", json!("https://evilstatic.example.org/one.mp4"));
        |rig| rig.init_with("/source_info/video_url", json!("https://static.example.org/one.mp4"));
    ownership_belongs_to_one_app: "video_init" 403 "url_ownership_unverified"
        <- |rig| { rig.change_app(|app| app.verified_url_prefixes.clear()); rig.init(|_| {}) };
        |rig| {
            rig.change(|config| config.apps.get_mut(OTHER_KEY).unwrap().verified_url_prefixes.clear());
            rig.init(|_| {})
        };
    a_removed_property_covers_no_more: "video_init" 403 "url_ownership_unverified"
        <- |rig| { rig.change_app(|app| drop(app.verified_url_prefixes.remove(0))); rig.init(|_| {}) };
        |rig| { rig.change_app(|app| drop(app.verified_url_prefixes.remove(1))); rig.init(|_| {}) };
    a_public_account_is_refused_to_an_unaudited_app: "video_init" 403 "unaudited_client_can_only_post_to_private_accounts"
        <- |rig| {
            rig.change_app(|app| app.audited = false);
            rig.init_with("/post_info/privacy_level", json!("SELF_ONLY"))
        };
        |rig| { rig.change_app(|app| app.audited = false); rig.init_private() };
    a_level_that_is_not_offered: "video_init" 403 "privacy_level_option_mismatch"
        <- |rig| rig.init_with("/post_info/privacy_level", json!("FOLLOWER_OF_CREATOR"));
        |rig| rig.init_with("/post_info/privacy_level", json!("MUTUAL_FOLLOW_FRIENDS"));
    a_missing_level: "video_init" 403 "privacy_level_option_mismatch"
        <- |rig| rig.init_with("/post_info/privacy_level", json!(null));
        |rig| rig.init(|_| {});
    a_stale_level: "video_init" 403 "privacy_level_option_mismatch"
        <- |rig| { ask_creator(rig); rig.change_ada(|ada| ada.private = true); rig.init(|_| {}) };
        |rig| { ask_creator(rig); rig.init(|_| {}) };
    a_banned_creator_is_refused: "video_init" 403 "spam_risk_user_banned_from_posting"
        <- |rig| { rig.change_ada(|ada| ada.banned = true); rig.init(|_| {}) };
        |rig| rig.init(|_| {});
    the_daily_cap_of_a_creator: "video_init" 403 "spam_risk_too_many_posts"
        <- |rig| after_posts(rig, 3, |rig| rig.init(|_| {}));
        |rig| after_posts(rig, 2, |rig| rig.init(|_| {}));
    the_daily_cap_counts_other_clients: "video_init" 403 "spam_risk_too_many_posts"
        <- |rig| { rig.world.posted_elsewhere("ada", rig.now); after_posts(rig, 2, |rig| rig.init(|_| {})) };
        |rig| { rig.world.posted_elsewhere("grace", rig.now); after_posts(rig, 2, |rig| rig.init(|_| {})) };
    the_daily_cap_slides: "video_init" 403 "spam_risk_too_many_posts"
        <- |rig| after_posts(rig, 3, |rig| later(rig, DAY - 4 * MINUTE));
        |rig| after_posts(rig, 3, |rig| later(rig, DAY - 3 * MINUTE));
    the_creator_cap_of_an_app: "video_init" 403 "reached_active_user_cap"
        <- |rig| { small_cap(rig); after_creators(rig, 3, |rig| rig.init(|_| {})) };
        |rig| {
            small_cap(rig);
            rig.init(|_| {});
            // Who counts already keeps posting.
            after_creators(rig, 2, |rig| rig.init(|_| {}))
        };
    the_creator_cap_slides: "video_init" 403 "reached_active_user_cap"
        <- |rig| { small_cap(rig); after_creators(rig, 3, |rig| later(rig, DAY - 1)) };
        |rig| { small_cap(rig); after_creators(rig, 3, |rig| later(rig, DAY)) };
    five_creators_a_day_for_an_unaudited_app: "video_init" 403 "reached_active_user_cap"
        <- |rig| private_unaudited(rig, 5);
        |rig| private_unaudited(rig, 4);
    a_file_of_more_than_64_mb_in_one_chunk: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(64_000_001, 64_000_001, 1);
        |rig| rig.init_upload(64_000_000, 64_000_000, 1);
    a_single_chunk_that_is_not_the_whole_file: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(19_999_999, 10_000_000, 1);
        |rig| rig.init_upload(20_000_000, 10_000_000, 2);
    a_64_mb_chunk_of_a_file_of_127_mb: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(127_000_000, 64_000_000, 1);
        |rig| rig.init_upload(128_000_000, 64_000_000, 2);
    a_small_file_in_pieces: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(4_000_000, 2_000_000, 2);
        |rig| rig.init_upload(4_000_000, 4_000_000, 1);
    a_chunk_under_5_mb: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(50_000_000, 5_242_879, 9);
        |rig| rig.init_upload(50_000_000, 5_242_880, 9);
    a_chunk_over_64_mb: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(200_000_000, 64_000_001, 3);
        |rig| rig.init_upload(200_000_000, 64_000_000, 3);
    chunks_counted_with_ceil: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(50_000_123, 10_000_000, 6);
        |rig| rig.init_upload(50_000_123, 10_000_000, 5);
    more_than_1000_chunks: "video_init" 400 "invalid_params"
        <- |rig| {
            rig.change(|config| config.media.max_bytes = 7_000_000_000);
            rig.init_upload(6_006_000_000, 6_000_000, 1_001)
        };
        |rig| {
            rig.change(|config| config.media.max_bytes = 7_000_000_000);
            rig.init_upload(6_005_999_999, 6_000_000, 1_000)
        };
    an_upload_of_more_than_4_gb: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(4_000_000_001, 10_000_000, 400);
        |rig| rig.init_upload(4_000_000_000, 10_000_000, 400);
    an_upload_of_no_bytes: "video_init" 400 "invalid_params"
        <- |rig| rig.init_upload(0, 0, 0);
        |rig| rig.init_upload(1, 1, 1);
    an_upload_without_its_size: "video_init" 400 "invalid_params"
        <- |rig| rig.init_with("/source_info", json!({ "source": "FILE_UPLOAD", "chunk_size": 9, "total_chunk_count": 1 }));
        |rig| rig.init_upload(9, 9, 1);
    an_upload_for_a_level_that_is_not_offered: "video_init" 403 "privacy_level_option_mismatch"
        <- |rig| { rig.change_ada(|ada| ada.private = true); rig.init_upload(9, 9, 1) };
        |rig| rig.init_upload(9, 9, 1);
    an_init_in_an_outage: "video_init" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); rig.init(|_| {}) };
        |rig| { rig.change(|config| config.outage = Outage::Processing); rig.init(|_| {}) };

    // inbox/video/init
    a_draft_with_a_dead_token: "inbox_init" 401 "access_token_invalid"
        <- |rig| { rig.ada = "act.nobody".into(); rig.init_draft(|_| {}) };
        |rig| rig.init_draft(|_| {});
    a_draft_without_the_scope: "inbox_init" 401 "scope_not_authorized"
        <- |rig| { rig.ada = rig.access_token("ada", &["video.publish"]); rig.init_draft(|_| {}) };
        |rig| { rig.ada = rig.access_token("ada", &["video.upload"]); rig.init_draft(|_| {}) };
    six_drafts_a_minute: "inbox_init" 429 "rate_limit_exceeded"
        <- |rig| { rig.change(|config| config.inbox.pending_cap = 9); times(7, rig, |rig| rig.init_draft(|_| {})) };
        |rig| { rig.change(|config| config.inbox.pending_cap = 9); times(6, rig, |rig| rig.init_draft(|_| {})) };
    a_draft_with_a_caption: "inbox_init" 400 "invalid_params"
        <- |rig| rig.init_draft(|body| body["post_info"] = json!({ "title": "a day at sea" }));
        |rig| rig.init_draft(|_| {});
    a_draft_without_a_source: "inbox_init" 400 "invalid_params"
        <- |rig| rig.init_draft(|body| set(body, "/source_info", json!(null)));
        |rig| rig.init_draft(|_| {});
    a_draft_with_a_bad_plan: "inbox_init" 400 "invalid_params"
        <- |rig| rig.init_draft(|body| body["source_info"] = json!({ "source": "FILE_UPLOAD", "video_size": 9, "chunk_size": 8, "total_chunk_count": 1 }));
        |rig| rig.init_draft(|body| body["source_info"] = json!({ "source": "FILE_UPLOAD", "video_size": 9, "chunk_size": 9, "total_chunk_count": 1 }));
    a_draft_from_a_foreign_host: "inbox_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_draft(|body| set(body, "/source_info/video_url", json!("https://example.org/one.mp4")));
        |rig| rig.init_draft(|_| {});
    a_draft_for_a_banned_creator: "inbox_init" 403 "spam_risk_user_banned_from_posting"
        <- |rig| { rig.change_ada(|ada| ada.banned = true); rig.init_draft(|_| {}) };
        |rig| rig.init_draft(|_| {});
    more_than_five_pending_drafts: "inbox_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| times(6, rig, |rig| rig.init_draft(|_| {}));
        |rig| times(5, rig, |rig| rig.init_draft(|_| {}));
    a_pending_draft_counts_for_24_hours: "inbox_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| sixth_draft_after(rig, DAY - 1);
        |rig| sixth_draft_after(rig, DAY);
    a_finished_draft_frees_its_place: "inbox_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| { five_drafts(rig); rig.init_draft(|_| {}) };
        |rig| {
            let draft = five_drafts(rig);
            rig.world.finish_draft(&draft, &Finished::default(), rig.now, &mut rig.rng).unwrap();
            rig.init_draft(|_| {})
        };
    a_discarded_draft_frees_its_place: "inbox_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| { five_drafts(rig); rig.init_draft(|_| {}) };
        |rig| { let draft = five_drafts(rig); rig.world.discard_draft(&draft, rig.now).unwrap(); rig.init_draft(|_| {}) };
    a_draft_in_an_outage: "inbox_init" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); rig.init_draft(|_| {}) };
        |rig| rig.init_draft(|_| {});
    drafts_count_towards_the_daily_cap: "video_init" 403 "spam_risk_too_many_posts"
        <- |rig| { rig.draft(); after_posts(rig, 2, |rig| rig.init(|_| {})) };
        |rig| { rig.draft(); after_posts(rig, 1, |rig| rig.init(|_| {})) };

    // content/init
    photos_with_a_dead_token: "content_init" 401 "access_token_invalid"
        <- |rig| rig.init_photos_as("act.nobody", |_| {});
        |rig| rig.init_photos(|_| {});
    photos_without_the_scope: "content_init" 401 "scope_not_authorized"
        <- |rig| { rig.ada = rig.access_token("ada", &["video.upload"]); rig.init_photos(|_| {}) };
        |rig| { rig.ada = rig.access_token("ada", &["video.publish"]); rig.init_photos(|_| {}) };
    a_draft_of_photos_without_the_scope: "content_init" 401 "scope_not_authorized"
        <- |rig| { rig.ada = rig.access_token("ada", &["video.publish"]); rig.init_photo_draft(|_| {}) };
        |rig| { rig.ada = rig.access_token("ada", &["video.upload"]); rig.init_photo_draft(|_| {}) };
    six_inits_of_photos_a_minute: "content_init" 429 "rate_limit_exceeded"
        <- |rig| times(7, rig, |rig| rig.init_photos(|_| {}));
        |rig| times(6, rig, |rig| rig.init_photos(|_| {}));
    the_inits_share_their_minute: "content_init" 429 "rate_limit_exceeded"
        <- |rig| { times(3, rig, |rig| rig.init(|_| {})); times(3, rig, |rig| rig.init_draft(|_| {})); rig.init_photos(|_| {}) };
        |rig| { times(3, rig, |rig| rig.init(|_| {})); times(2, rig, |rig| rig.init_draft(|_| {})); rig.init_photos(|_| {}) };
    another_media_type_than_photo: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/media_type", json!("VIDEO"));
        |rig| rig.init_photos_with("/media_type", json!("PHOTO"));
    a_post_mode_with_a_space: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_mode", json!("DIRECT POST"));
        |rig| rig.init_photos_with("/post_mode", json!("DIRECT_POST"));
    a_title_of_91_utf16_units: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/title", json!(format!("{}x", "🚢".repeat(45))));
        |rig| rig.init_photos_with("/post_info/title", json!("🚢".repeat(45)));
    a_description_of_4001_utf16_units: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/description", json!(format!("{}x", "🚢".repeat(2_000))));
        |rig| rig.init_photos_with("/post_info/description", json!("🚢".repeat(2_000)));
    a_draft_with_a_title_of_91_utf16_units: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photo_draft(|body| set(body, "/post_info/title", json!("x".repeat(91))));
        |rig| rig.init_photo_draft(|body| set(body, "/post_info/title", json!("x".repeat(90))));
    a_draft_of_photos_with_a_privacy_level: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photo_draft(|body| set(body, "/post_info/privacy_level", json!("SELF_ONLY")));
        |rig| rig.init_photo_draft(|body| set(body, "/post_info/title", json!(null)));
    photos_with_a_duet_toggle: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/disable_duet", json!(true));
        |rig| rig.init_photos_with("/post_info/disable_comment", json!(true));
    photos_with_is_aigc_in_post_info: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/is_aigc", json!(true));
        |rig| rig.init_photos_with("/is_aigc", json!(true));
    photos_without_a_brand_toggle: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/brand_organic_toggle", json!(null));
        |rig| rig.init_photos_with("/post_info/brand_organic_toggle", json!(true));
    music_that_is_no_boolean: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/post_info/auto_add_music", json!("true"));
        |rig| rig.init_photos_with("/post_info/auto_add_music", json!(null));
    photos_as_a_file_upload: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/source", json!("FILE_UPLOAD"));
        |rig| rig.init_photos_with("/source_info/source", json!("PULL_FROM_URL"));
    no_photos: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/photo_images", json!([]));
        |rig| rig.init_photos(|body| {
            set(body, "/source_info/photo_images", json!([photo_url("good.jpg")]));
            set(body, "/source_info/photo_cover_index", json!(0));
        });
    thirty_six_photos: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/photo_images", json!(vec![photo_url("good.jpg"); 36]));
        |rig| rig.init_photos_with("/source_info/photo_images", json!(vec![photo_url("good.jpg"); 35]));
    fewer_photos_than_a_switch_demands: "content_init" 400 "invalid_params"
        <- |rig| { rig.change(|config| config.photos.min_count = 4); rig.init_photos(|_| {}) };
        |rig| { rig.change(|config| config.photos.min_count = 3); rig.init_photos(|_| {}) };
    a_cover_that_is_no_photo: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(3));
        |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(2));
    a_cover_before_the_first_photo: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(-1));
        |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(0));
    photos_without_a_cover: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(null));
        |rig| rig.init_photos_with("/source_info/photo_cover_index", json!(0));
    one_photo_behind_plain_http: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos(|body| body["source_info"]["photo_images"][1] = json!(photo_url("a.jpg").replace("https", "http")));
        |rig| rig.init_photos(|body| body["source_info"]["photo_images"][1] = json!(photo_url("a.jpg")));
    a_photo_that_is_no_string: "content_init" 400 "invalid_params"
        <- |rig| rig.init_photos(|body| body["source_info"]["photo_images"][1] = json!(7));
        |rig| rig.init_photos(|_| {});
    one_photo_from_a_foreign_host: "content_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_photos(|body| body["source_info"]["photo_images"][2] = json!("https://example.org/a.jpg"));
        |rig| rig.init_photos(|body| body["source_info"]["photo_images"][2] = json!("https://static.example.org/a.jpg"));
    one_photo_of_a_draft_from_a_foreign_host: "content_init" 403 "url_ownership_unverified"
        <- |rig| rig.init_photo_draft(|body| body["source_info"]["photo_images"][0] = json!("https://example.org/a.jpg"));
        |rig| rig.init_photo_draft(|_| {});
    photos_of_an_unaudited_app: "content_init" 403 "unaudited_client_can_only_post_to_private_accounts"
        <- |rig| { rig.change_app(|app| app.audited = false); rig.init_photos_with("/post_info/privacy_level", json!("SELF_ONLY")) };
        |rig| {
            rig.change_app(|app| app.audited = false);
            let token = rig.grace.clone();
            rig.init_photos_as(&token, |body| set(body, "/post_info/privacy_level", json!("SELF_ONLY")))
        };
    photos_for_a_level_that_is_not_offered: "content_init" 403 "privacy_level_option_mismatch"
        <- |rig| rig.init_photos_with("/post_info/privacy_level", json!("FOLLOWER_OF_CREATOR"));
        |rig| rig.init_photos_with("/post_info/privacy_level", json!("MUTUAL_FOLLOW_FRIENDS"));
    photos_without_a_level: "content_init" 403 "privacy_level_option_mismatch"
        <- |rig| rig.init_photos_with("/post_info/privacy_level", json!(null));
        |rig| rig.init_photos(|_| {});
    photos_of_a_banned_creator: "content_init" 403 "spam_risk_user_banned_from_posting"
        <- |rig| { rig.change_ada(|ada| ada.banned = true); rig.init_photos(|_| {}) };
        |rig| rig.init_photos(|_| {});
    a_draft_of_photos_for_a_banned_creator: "content_init" 403 "spam_risk_user_banned_from_posting"
        <- |rig| { rig.change_ada(|ada| ada.banned = true); rig.init_photo_draft(|_| {}) };
        |rig| rig.init_photo_draft(|_| {});
    photos_beyond_the_daily_cap: "content_init" 403 "spam_risk_too_many_posts"
        <- |rig| after_posts(rig, 3, |rig| rig.init_photos(|_| {}));
        |rig| after_posts(rig, 2, |rig| rig.init_photos(|_| {}));
    photos_count_towards_the_daily_cap: "video_init" 403 "spam_risk_too_many_posts"
        <- |rig| { rig.init_photos(|_| {}); after_posts(rig, 2, |rig| rig.init(|_| {})) };
        |rig| { rig.init_photos(|_| {}); after_posts(rig, 1, |rig| rig.init(|_| {})) };
    photos_beyond_the_creator_cap_of_an_app: "content_init" 403 "reached_active_user_cap"
        <- |rig| { small_cap(rig); after_creators(rig, 3, |rig| rig.init_photos(|_| {})) };
        |rig| { small_cap(rig); after_creators(rig, 2, |rig| rig.init_photos(|_| {})) };
    drafts_of_photos_and_of_videos_are_pending_together: "content_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| { times(5, rig, |rig| rig.init_draft(|_| {})); rig.init_photo_draft(|_| {}) };
        |rig| { times(4, rig, |rig| rig.init_draft(|_| {})); rig.init_photo_draft(|_| {}) };
    a_pending_draft_of_photos_blocks_a_video: "inbox_init" 403 "spam_risk_too_many_pending_share"
        <- |rig| { times(5, rig, |rig| rig.init_photo_draft(|_| {})); rig.init_draft(|_| {}) };
        |rig| { times(5, rig, |rig| rig.init_photos(|_| {})); rig.init_draft(|_| {}) };
    a_draft_of_photos_for_an_old_app: "content_init" 400 "app_version_check_failed"
        <- |rig| { rig.change_ada(|ada| ada.app_version = "31.7.9".into()); rig.init_photo_draft(|_| {}) };
        |rig| { rig.change_ada(|ada| ada.app_version = "31.8".into()); rig.init_photo_draft(|_| {}) };
    photos_in_an_outage: "content_init" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); rig.init_photos(|_| {}) };
        |rig| rig.init_photos(|_| {});

    // status/fetch
    an_unknown_publish_id: "status_fetch" 400 "invalid_publish_id"
        <- |rig| rig.status("v_pub_url~v2-1.1");
        |rig| { let id = rig.init(|_| {}).publish_id(); rig.status(&id) };
    a_post_that_is_not_visible_yet: "status_fetch" 400 "invalid_publish_id"
        <- |rig| {
            rig.change(|config| config.status_visible_after_ms = 2_000);
            let id = rig.init(|_| {}).publish_id();
            rig.wait(1_999);
            rig.status(&id)
        };
        |rig| {
            rig.change(|config| config.status_visible_after_ms = 2_000);
            let id = rig.init(|_| {}).publish_id();
            rig.wait(2_000);
            rig.status(&id)
        };
    somebody_elses_post: "status_fetch" 400 "token_not_authorized_for_specified_publish_id"
        <- |rig| { let id = rig.init(|_| {}).publish_id(); let token = rig.grace.clone(); rig.status_as(&token, &id) };
        |rig| { let id = rig.init(|_| {}).publish_id(); rig.status(&id) };
    a_status_without_a_publish_id: "status_fetch" 400 "invalid_params"
        <- |rig| rig.status("");
        |rig| { let id = rig.init(|_| {}).publish_id(); rig.status(&id) };
    a_status_with_a_dead_token: "status_fetch" 401 "access_token_invalid"
        <- |rig| rig.status_as("act.nobody", "v_pub_url~v2-1.1");
        |rig| { let id = rig.init(|_| {}).publish_id(); rig.status(&id) };
    a_status_without_the_scope: "status_fetch" 401 "scope_not_authorized"
        <- |rig| { let token = rig.access_token("ada", &["user.info.basic"]); rig.status_as(&token, "v_pub_url~v2-1.1") };
        |rig| {
            let id = rig.init(|_| {}).publish_id();
            let token = rig.access_token("ada", &["video.upload"]);
            rig.status_as(&token, &id)
        };
    thirty_status_calls_a_minute: "status_fetch" 429 "rate_limit_exceeded"
        <- |rig| { let id = rig.init(|_| {}).publish_id(); times(31, rig, |rig| rig.status(&id)) };
        |rig| { let id = rig.init(|_| {}).publish_id(); times(30, rig, |rig| rig.status(&id)) };
    a_status_in_an_outage: "status_fetch" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); rig.status("v_pub_url~v2-1.1") };
        |rig| { let id = rig.init(|_| {}).publish_id(); rig.status(&id) };

    // cancel
    cancelling_after_the_download: "cancel" 400 "publish_not_cancellable"
        <- |rig| cancel_after(rig, true);
        |rig| cancel_after(rig, false);
    cancelling_near_completion: "cancel" 400 "publish_not_cancellable"
        <- |rig| cancel_a_minute_later(rig, 0);
        |rig| cancel_a_minute_later(rig, 1);
    cancelling_what_does_not_exist: "cancel" 400 "invalid_publish_id"
        <- |rig| rig.cancel("v_pub_url~v2-1.1");
        |rig| cancel_after(rig, false);
    cancelling_somebody_elses_post: "cancel" 400 "token_not_authorized_for_specified_publish_id"
        <- |rig| { let id = rig.init_private().publish_id(); rig.cancel(&id) };
        |rig| cancel_after(rig, false);
    cancelling_with_a_dead_token: "cancel" 401 "access_token_invalid"
        <- |rig| { rig.ada = "act.nobody".into(); rig.cancel("v_pub_url~v2-1.1") };
        |rig| cancel_after(rig, false);
    cancelling_without_the_scope: "cancel" 401 "scope_not_authorized"
        <- |rig| { rig.ada = rig.access_token("ada", &["user.info.basic"]); rig.cancel("v_pub_url~v2-1.1") };
        |rig| cancel_after(rig, false);
    cancelling_in_an_outage: "cancel" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); rig.cancel("v_pub_url~v2-1.1") };
        |rig| cancel_after(rig, false);

    // video/list
    a_list_with_a_dead_token: "video_list" 401 "access_token_invalid"
        <- |rig| rig.list_as("act.nobody", "id", &json!({}));
        list;
    a_list_without_the_scope: "video_list" 401 "scope_not_authorized"
        <- |rig| { let token = rig.access_token("ada", &["video.publish"]); rig.list_as(&token, "id", &json!({})) };
        |rig| { let token = rig.access_token("ada", &["video.list"]); rig.list_as(&token, "id", &json!({})) };
    a_list_without_fields: "video_list" 400 "invalid_params"
        <- |rig| rig.list("", &json!({}));
        list;
    a_list_with_its_fields_in_the_body: "video_list" 400 "invalid_params"
        <- |rig| rig.list("id", &json!({ "fields": "id" }));
        list;
    a_list_of_a_field_that_no_video_has: "video_list" 400 "invalid_params"
        <- |rig| rig.list("id,caption", &json!({}));
        |rig| rig.list("id,video_description", &json!({}));
    a_list_of_21_videos: "video_list" 400 "invalid_params"
        <- |rig| rig.list("id", &json!({ "max_count": 21 }));
        |rig| rig.list("id", &json!({ "max_count": 20 }));
    a_list_of_no_videos: "video_list" 400 "invalid_params"
        <- |rig| rig.list("id", &json!({ "max_count": 0 }));
        |rig| rig.list("id", &json!({ "max_count": 1 }));
    a_cursor_that_is_no_number: "video_list" 400 "invalid_params"
        <- |rig| rig.list("id", &json!({ "cursor": "1790000000000" }));
        |rig| rig.list("id", &json!({ "cursor": 1_790_000_000_000_i64 }));
    lists_have_a_rate: "video_list" 429 "rate_limit_exceeded"
        <- |rig| times(601, rig, list);
        |rig| times(600, rig, list);
    a_list_in_an_outage: "video_list" 500 "internal_error"
        <- |rig| { rig.change(|config| config.outage = Outage::Api); list(rig) };
        list;
}

failures! {
    bytes_that_are_no_video: "file_format_check_failed"
        <- |rig| rig.publish_bytes(b"<html>this is no video, whatever its name says</html>".to_vec());
        |rig| publish(rig, "good.mp4");
    a_codec_tiktok_does_not_take: "file_format_check_failed"
        <- |rig| publish(rig, "mpeg4.mp4");
        |rig| publish(rig, "hevc.mp4");
    matroska_that_is_not_webm: "file_format_check_failed"
        <- |rig| publish(rig, "h264.mkv");
        |rig| publish(rig, "vp9.webm");
    a_file_without_pictures: "file_format_check_failed"
        <- |rig| publish(rig, "audio-only.mp4");
        |rig| publish(rig, "good.mov");
    an_mp4_that_is_cut_off: "file_format_check_failed"
        <- |rig| cut_off(rig, "good.mp4", 2_000);
        |rig| cut_off(rig, "good.mp4", 0);
    a_fragmented_mp4_that_is_cut_off: "file_format_check_failed"
        <- |rig| cut_off(rig, "fragmented.mp4", 2_000);
        |rig| cut_off(rig, "fragmented.mp4", 0);
    a_webm_that_is_cut_off: "file_format_check_failed"
        <- |rig| cut_off(rig, "vp8.webm", 40_000);
        |rig| cut_off(rig, "vp8.webm", 0);
    longer_than_the_creator_may_post: "duration_check_failed"
        <- |rig| twelve_seconds(rig, 11);
        |rig| twelve_seconds(rig, 12);
    longer_than_a_developer_may_send: "duration_check_failed"
        <- |rig| { rig.change(|config| config.media.max_duration_ms = 11_000); twelve_seconds(rig, 3_600) };
        |rig| { rig.change(|config| config.media.max_duration_ms = 12_000); twelve_seconds(rig, 3_600) };
    shorter_than_three_seconds: "duration_check_failed"
        <- |rig| publish(rig, "two-seconds.mp4");
        |rig| publish(rig, "good.mp4");
    fewer_than_23_frames_a_second: "frame_rate_check_failed"
        <- |rig| publish(rig, "15-fps.mp4");
        |rig| publish(rig, "23976-fps.mp4");
    more_than_60_frames_a_second: "frame_rate_check_failed"
        <- |rig| publish(rig, "75-fps.mp4");
        |rig| publish(rig, "60-fps.mp4");
    a_side_under_360: "picture_size_check_failed"
        <- |rig| publish(rig, "358-wide.mp4");
        |rig| publish(rig, "good.mp4");
    a_side_over_4096: "picture_size_check_failed"
        <- |rig| publish(rig, "4098-wide.mp4");
        |rig| publish(rig, "4096-wide.mp4");
    a_photo_that_is_a_png: "file_format_check_failed"
        <- |rig| rig.publish_photos(&["photo.png"]);
        |rig| rig.publish_photos(&["good.jpg"]);
    a_photo_that_is_a_video: "file_format_check_failed"
        <- |rig| rig.publish_photos(&["good.mp4"]);
        |rig| rig.publish_photos(&["good.webp"]);
    a_video_that_is_a_photo: "file_format_check_failed"
        <- |rig| publish(rig, "good.jpg");
        |rig| publish(rig, "good.mp4");
    a_webp_that_moves: "file_format_check_failed"
        <- |rig| rig.publish_photos(&["animated.webp"]);
        |rig| rig.publish_photos(&["lossless.webp"]);
    a_photo_beyond_1080p: "picture_size_check_failed"
        <- |rig| rig.publish_photos(&["good.jpg", "1086x1448.jpg"]);
        |rig| rig.publish_photos(&["good.jpg", "941x1672.jpg"]);
    a_square_photo_beyond_1080p: "picture_size_check_failed"
        <- |rig| rig.publish_photos(&["1254x1254.jpg"]);
        |rig| rig.publish_photos(&["progressive.jpg"]);
    a_tall_photo_that_lies_on_its_side: "picture_size_check_failed"
        <- |rig| { rig.change(|config| config.photos.resolution = Resolution::Width); rig.publish_photos(&["1920x1080.jpg"]) };
        |rig| { rig.change(|config| config.photos.resolution = Resolution::Width); rig.publish_photos(&["turned.jpg", "turned.webp"]) };
    a_photo_that_is_not_there: "photo_pull_failed"
        <- |rig| rig.publish_photos(&["good.jpg", "missing.jpg"]);
        |rig| rig.publish_photos(&["good.jpg", "cmyk.jpg"]);
    a_photo_of_more_bytes_than_allowed: "photo_pull_failed"
        <- |rig| { rig.change(|config| config.photos.max_bytes = media("good.jpg").len() as u64 - 1); rig.publish_photos(&["good.jpg"]) };
        |rig| { rig.change(|config| config.photos.max_bytes = media("good.jpg").len() as u64); rig.publish_photos(&["good.jpg"]) };
    a_download_of_photos_of_more_than_an_hour: "photo_pull_failed"
        <- |rig| photos_after(rig, HOUR);
        |rig| photos_after(rig, HOUR - 1);
    a_risky_description: "spam_risk_text"
        <- |rig| described(rig, "huge GIVEAWAY today");
        |rig| described(rig, "a huge give-away");
    the_same_photos_again: "spam_risk"
        <- |rig| same_photos_again(rig, "good.webp");
        |rig| same_photos_again(rig, "lossless.webp");
    a_download_that_is_refused: "video_pull_failed"
        <- |rig| pulled(rig, &FetchOutcome::failed(Some(403), "GET was answered 403"));
        |rig| pulled(rig, &FetchOutcome::of_bytes(&media("good.mp4")));
    a_download_of_more_than_an_hour: "video_pull_failed"
        <- |rig| meanwhile(rig, |rig| rig.wait(HOUR));
        |rig| meanwhile(rig, |rig| rig.wait(HOUR - 1));
    a_cancelled_download: "publish_cancelled"
        <- |rig| { let id = rig.init(|_| {}).publish_id(); rig.cancel(&id); rig.finish(&id) };
        |rig| { let id = rig.init(|_| {}).publish_id(); let other = rig.init(|_| {}).publish_id(); rig.cancel(&other); rig.finish(&id) };
    access_removed_in_flight: "auth_removed"
        <- |rig| meanwhile(rig, |rig| drop(rig.world.revoke_user(KEY, "ada", 1, rig.now)));
        |rig| meanwhile(rig, |rig| drop(rig.world.revoke_user(KEY, "grace", 1, rig.now)));
    access_revoked_by_the_developer_in_flight: "auth_removed"
        <- |rig| meanwhile(rig, |rig| { let token = rig.ada.clone(); revoke(rig, KEY, SECRET, &token); });
        |rig| meanwhile(rig, |rig| { let token = rig.grace.clone(); revoke(rig, KEY, SECRET, &token); });
    too_many_posts_elsewhere_in_flight: "spam_risk_too_many_posts"
        <- |rig| post_elsewhere(rig, 3);
        |rig| post_elsewhere(rig, 2);
    banned_in_flight: "spam_risk_user_banned_from_posting"
        <- |rig| meanwhile(rig, |rig| rig.change_ada(|ada| ada.banned = true));
        |rig| meanwhile(rig, |rig| rig.change(|config| drop(config.accounts.insert("spammer".into(), Account { banned: true, ..Account::default() }))));
    a_risky_caption: "spam_risk_text"
        <- |rig| caption(rig, "huge GIVEAWAY today");
        |rig| caption(rig, "a huge give-away");
    the_same_content_again: "spam_risk"
        <- |rig| same_again(rig, "a day at sea #sailing");
        |rig| same_again(rig, "another day at sea");
    an_outage_while_processing: "internal"
        <- |rig| meanwhile(rig, |rig| rig.change(|config| config.outage = Outage::Processing));
        |rig| meanwhile(rig, |rig| rig.change(|config| config.outage = Outage::None));
}

/// What TikTok's pages say that an endpoint can answer.
const DOCUMENTED: &[(&str, &[&str])] = &[
    (
        "token",
        &["invalid_client", "invalid_grant", "invalid_request", "unsupported_grant_type", "server_error"],
    ),
    ("revoke", &["invalid_client", "invalid_grant"]),
    (
        "user_info",
        &[
            "access_token_invalid",
            "scope_not_authorized",
            "scope_permission_missed",
            "invalid_params",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "creator_info",
        &[
            "spam_risk_too_many_posts",
            "spam_risk_user_banned_from_posting",
            "reached_active_user_cap",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "video_init",
        &[
            "invalid_params",
            "spam_risk_too_many_posts",
            "spam_risk_user_banned_from_posting",
            "reached_active_user_cap",
            "unaudited_client_can_only_post_to_private_accounts",
            "url_ownership_unverified",
            "privacy_level_option_mismatch",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "content_init",
        &[
            "invalid_params",
            "spam_risk_too_many_posts",
            "spam_risk_too_many_pending_share",
            "spam_risk_user_banned_from_posting",
            "reached_active_user_cap",
            "unaudited_client_can_only_post_to_private_accounts",
            "url_ownership_unverified",
            "privacy_level_option_mismatch",
            "app_version_check_failed",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "inbox_init",
        &[
            "invalid_params",
            "spam_risk_too_many_pending_share",
            "spam_risk_user_banned_from_posting",
            "url_ownership_unverified",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "status_fetch",
        &[
            "invalid_publish_id",
            "token_not_authorized_for_specified_publish_id",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
    (
        "cancel",
        &[
            "invalid_publish_id",
            "token_not_authorized_for_specified_publish_id",
            "publish_not_cancellable",
            "access_token_invalid",
            "scope_not_authorized",
            "internal_error",
        ],
    ),
    (
        "video_list",
        &[
            "invalid_params",
            "access_token_invalid",
            "scope_not_authorized",
            "rate_limit_exceeded",
            "internal_error",
        ],
    ),
];

#[test]
fn every_documented_code_of_an_imitated_endpoint_is_in_the_table() {
    for (endpoint, codes) in DOCUMENTED {
        for code in *codes {
            assert!(SHOWN.contains(&(endpoint, code)), "{endpoint} never shows {code}");
        }
    }
}

#[test]
fn every_fail_reason_is_in_the_table() {
    let documented = [
        "file_format_check_failed",
        "duration_check_failed",
        "frame_rate_check_failed",
        "picture_size_check_failed",
        "internal",
        "video_pull_failed",
        "photo_pull_failed",
        "publish_cancelled",
        "auth_removed",
        "spam_risk_too_many_posts",
        "spam_risk_user_banned_from_posting",
        "spam_risk_text",
        "spam_risk",
    ];
    for reason in documented {
        assert!(REASONS.contains(&reason), "no post fails with {reason}");
    }
}
