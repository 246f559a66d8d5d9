//! Consent, tokens and their rotation.

use serde_json::json;
use tiktok_sandbox::config::SCOPES;
use tiktok_sandbox::{Config, Endpoint, Fault, FaultKind, Issued, Request, Rotation, World};

use crate::rig::{Answer, CALLBACK, DAY, KEY, Rig, SECRET, strict};
use crate::table::{authorize_query, refresh};

fn page(rig: &mut Rig, changes: &[(&str, &str)]) -> Answer {
    rig.send(&Request::get(&format!("/v2/auth/authorize/?{}", authorize_query(changes))))
}

fn decide(rig: &mut Rig, changes: &[(&str, &str)], form: &[(&str, &str)]) -> Answer {
    rig.send(&Request::post_form(&format!("/v2/auth/authorize/?{}", authorize_query(changes)), form))
}

const ALLOW: &[(&str, &str)] =
    &[("decision", "allow"), ("account", "ada"), ("scope", "user.info.basic"), ("scope", "video.publish")];

fn exchange(rig: &mut Rig, code: &str) -> Answer {
    let fields = [
        ("client_key", KEY),
        ("client_secret", SECRET),
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
    ];
    rig.form(Endpoint::Token, &fields)
}

#[test]
fn the_consent_page_offers_accounts_scopes_and_a_way_out() {
    let answer = page(&mut Rig::strict(), &[]);
    let html = String::from_utf8(answer.response.body.to_vec()).unwrap();
    assert_eq!(answer.status, 200);
    for part in ["@ada", "@grace", "value=\"video.publish\" checked", "value=allow", "value=deny"] {
        assert!(html.contains(part), "no `{part}` in {html}");
    }
}

#[test]
fn allowing_leads_back_with_code_scopes_and_state() {
    let answer = decide(&mut Rig::strict(), &[], ALLOW);
    assert_eq!(answer.status, 302);
    assert!(answer.location().as_str().starts_with(&format!("{CALLBACK}?")));
    assert_eq!(answer.callback("scopes").unwrap(), "user.info.basic,video.publish");
    assert_eq!(answer.callback("state").unwrap(), "st4te");
    assert_eq!(answer.callback("scope"), None);
    // Raw codes have characters that a URL encodes.
    assert!(answer.callback("code").unwrap().contains("*0!6410"));
    assert!(answer.location().as_str().contains("%21"));
}

#[test]
fn the_callback_without_a_state_has_none() {
    let mut rig = Rig::strict();
    let query = authorize_query(&[]).replace("&state=st4te", "");
    let answer = rig.send(&Request::post_form(&format!("/v2/auth/authorize/?{query}"), ALLOW));
    assert_eq!(answer.callback("state"), None);
}

#[test]
fn denying_leads_back_with_access_denied() {
    let answer = decide(&mut Rig::strict(), &[], &[("decision", "deny"), ("account", "ada")]);
    assert_eq!(answer.callback("error").unwrap(), "access_denied");
    assert!(answer.callback("error_description").is_some());
    assert_eq!(answer.callback("state").unwrap(), "st4te");
    assert_eq!(answer.callback("code"), None);
}

#[test]
fn an_unticked_scope_is_not_granted() {
    let mut rig = Rig::strict();
    let form = [("decision", "allow"), ("account", "ada"), ("scope", "user.info.basic")];
    let answer = decide(&mut rig, &[], &form);
    assert_eq!(answer.callback("scopes").unwrap(), "user.info.basic");
    let set = exchange(&mut rig, &answer.callback("code").unwrap());
    assert_eq!(set.text("scope"), "user.info.basic");
    assert_eq!(rig.creator_info(&set.text("access_token")).code(), "scope_not_authorized");
}

#[test]
fn a_scope_that_was_not_asked_for_cannot_be_ticked() {
    let form =
        [("decision", "allow"), ("account", "ada"), ("scope", "user.info.basic"), ("scope", "video.list")];
    let answer = decide(&mut Rig::strict(), &[], &form);
    assert_eq!(answer.callback("scopes").unwrap(), "user.info.basic");
}

#[test]
fn an_unknown_client_key_gets_a_page_not_a_redirect() {
    let answer = page(&mut Rig::strict(), &[("client_key", "aw-nobody")]);
    let html = String::from_utf8(answer.response.body.to_vec()).unwrap();
    assert_eq!(answer.status, 400);
    assert!(html.contains("error=unauthorized_client error_type=client_key"), "{html}");
}

#[test]
fn a_redirect_uri_that_is_not_registered_to_the_letter_gets_a_page_not_a_redirect() {
    let answer = page(&mut Rig::strict(), &[("redirect_uri", &format!("{CALLBACK}/"))]);
    let html = String::from_utf8(answer.response.body.to_vec()).unwrap();
    assert_eq!(answer.status, 400);
    assert!(html.contains("error_type=redirect_uri"), "{html}");
}

#[test]
fn scopes_joined_by_spaces_are_an_invalid_scope() {
    let mut rig = Rig::strict();
    let answer = page(&mut rig, &[("scope", "user.info.basic video.publish")]);
    assert_eq!(answer.callback("error").unwrap(), "invalid_scope");
    assert_eq!(page(&mut rig, &[("scope", "user.info.basic,video.publish")]).status, 200);
}

#[test]
fn a_scope_the_app_has_no_approval_for_is_an_invalid_scope() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.approved_scopes = vec!["user.info.basic".into()]);
    assert_eq!(page(&mut rig, &[]).callback("error").unwrap(), "invalid_scope");
    assert_eq!(page(&mut rig, &[("scope", "user.info.basic")]).status, 200);
}

#[test]
fn another_response_type_than_code_is_unsupported() {
    let answer = page(&mut Rig::strict(), &[("response_type", "token")]);
    assert_eq!(answer.callback("error").unwrap(), "unsupported_response_type");
}

#[test]
fn an_account_that_is_no_target_user_of_a_sandbox_app_is_denied_with_an_error_type() {
    let mut rig = Rig::strict();
    rig.change_app(|app| app.target_users = Some(vec!["grace".into()]));
    let answer = decide(&mut rig, &[], ALLOW);
    assert_eq!(answer.callback("error").unwrap(), "access_denied");
    assert_eq!(answer.callback("error_type").unwrap(), "non_sandbox_target");
    rig.change_app(|app| app.target_users = Some(vec!["ada".into()]));
    assert!(decide(&mut rig, &[], ALLOW).callback("code").is_some());
}

#[test]
fn without_disable_auto_auth_the_browsers_session_is_authorised_silently() {
    let mut rig = Rig::strict();
    rig.world.revoke_user(KEY, "ada", 1, rig.now);
    let first = decide(&mut rig, &[], ALLOW);
    exchange(&mut rig, &first.callback("code").unwrap());
    let cookie = first.response.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let again = |rig: &mut Rig, changes: &[(&str, &str)]| {
        let target = format!("/v2/auth/authorize/?{}", authorize_query(changes));
        rig.send(&Request::get(&target).header("cookie", &cookie))
    };
    assert!(again(&mut rig, &[("disable_auto_auth", "0")]).callback("code").is_some());
    assert_eq!(again(&mut rig, &[("disable_auto_auth", "1")]).status, 200);
    // A new scope needs a new consent.
    let more = "user.info.basic,video.publish,video.list";
    assert_eq!(again(&mut rig, &[("disable_auto_auth", "0"), ("scope", more)]).status, 200);
}

#[test]
fn the_token_set_is_flat_and_complete() {
    let mut rig = Rig::strict();
    let code = decide(&mut rig, &[], ALLOW).callback("code").unwrap();
    let set = exchange(&mut rig, &code);
    assert_eq!(set.outcome(), (200, "ok"));
    assert!(set.text("access_token").starts_with("act."));
    assert!(set.text("refresh_token").starts_with("rft."));
    assert_eq!(set.body["expires_in"], 86_400);
    assert_eq!(set.body["refresh_expires_in"], 31_536_000);
    assert_eq!(set.text("scope"), "user.info.basic,video.publish");
    assert_eq!(set.text("token_type"), "Bearer");
    assert!(set.body.get("error").is_none() && set.body.get("data").is_none());
}

#[test]
fn a_code_verifier_without_a_challenge_is_tolerated() {
    let mut rig = Rig::strict();
    let code = decide(&mut rig, &[], ALLOW).callback("code").unwrap();
    let fields = [
        ("client_key", KEY),
        ("client_secret", SECRET),
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", "a-verifier-nobody-asked-for-0123456789-0123456789"),
    ];
    assert_eq!(rig.form(Endpoint::Token, &fields).outcome(), (200, "ok"));
}

#[test]
fn an_open_id_belongs_to_one_app_and_may_begin_with_a_dash() {
    let rig = Rig::strict();
    let ids = ["ada", "grace", "lin"].map(|account| rig.world.open_id(KEY, account));
    assert!(ids.iter().all(|id| id.starts_with("-000") || id.starts_with("_000")), "{ids:?}");
    assert_ne!(ids[0], rig.world.open_id(crate::rig::OTHER_KEY, "ada"));
    let mut config = strict();
    config.accounts.get_mut("ada").unwrap().open_ids.insert(KEY.into(), "_000n3xads".into());
    assert_eq!(World::new(config).unwrap().open_id(KEY, "ada"), "_000n3xads");
}

#[test]
fn a_client_token_is_for_two_hours_and_for_no_user() {
    let fields = [("client_key", KEY), ("client_secret", SECRET), ("grant_type", "client_credentials")];
    let answer = Rig::strict().form(Endpoint::Token, &fields);
    assert!(answer.text("access_token").starts_with("clt."));
    assert_eq!(answer.body["expires_in"], 7_200);
}

#[test]
fn oauth_errors_are_flat() {
    let answer = refresh(&mut Rig::strict(), "rft.nobody");
    assert_eq!(answer.text("error"), "invalid_grant");
    assert!(!answer.text("error_description").is_empty());
    assert!(!answer.text("log_id").is_empty());
    assert!(answer.body.get("data").is_none());
}

#[test]
fn oauth_errors_may_come_with_http_200() {
    let mut rig = Rig::with(|config| config.tokens.errors_with_http_200 = true);
    assert_eq!(refresh(&mut rig, "rft.nobody").outcome(), (200, "invalid_grant"));
    let token = rig.connect("ada", &SCOPES)["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(refresh(&mut rig, &token).outcome(), (200, "ok"));
}

fn rotating(rotation: Rotation) -> (Rig, String) {
    let mut rig = Rig::with(|config| config.tokens.rotation = rotation);
    let token = rig.connect("ada", &SCOPES)["refresh_token"].as_str().unwrap().to_owned();
    (rig, token)
}

#[test]
fn a_refresh_rotates_the_token_and_the_old_one_dies() {
    let (mut rig, old) = rotating(Rotation::RotateOldDies);
    let new = refresh(&mut rig, &old).text("refresh_token");
    assert_ne!(old, new);
    assert_eq!(refresh(&mut rig, &old).code(), "invalid_grant");
    assert_eq!(refresh(&mut rig, &new).code(), "ok");
}

#[test]
fn the_old_refresh_token_may_live_until_the_new_one_is_used() {
    let (mut rig, old) = rotating(Rotation::OldValidUntilNewUsed);
    refresh(&mut rig, &old);
    let second = refresh(&mut rig, &old);
    assert_eq!(second.code(), "ok");
    // The new access token counts as well.
    rig.creator_info(&second.text("access_token"));
    assert_eq!(refresh(&mut rig, &old).code(), "invalid_grant");
    assert_eq!(refresh(&mut rig, &second.text("refresh_token")).code(), "ok");
}

#[test]
fn using_a_dead_refresh_token_may_revoke_the_family() {
    let (mut rig, old) = rotating(Rotation::FamilyRevokedOnReuse);
    let new = refresh(&mut rig, &old);
    assert_eq!(refresh(&mut rig, &old).code(), "invalid_grant");
    assert_eq!(refresh(&mut rig, &new.text("refresh_token")).code(), "invalid_grant");
    assert_eq!(rig.creator_info(&new.text("access_token")).code(), "access_token_invalid");
}

#[test]
fn a_refresh_may_leave_the_refresh_token_as_it_is() {
    let (mut rig, token) = rotating(Rotation::NoRotation);
    let first = refresh(&mut rig, &token);
    assert_eq!(first.text("refresh_token"), token);
    assert_eq!(refresh(&mut rig, &token).code(), "ok");
    assert_eq!(rig.creator_info(&first.text("access_token")).code(), "ok");
}

#[test]
fn the_year_of_a_refresh_token_runs_from_the_consent_unless_told_otherwise() {
    for (restarts, expected) in [(false, 31_536_000 - 86_400), (true, 31_536_000)] {
        let mut rig = Rig::with(|config| config.tokens.refresh_restarts_clock = restarts);
        let token = rig.connect("ada", &SCOPES)["refresh_token"].as_str().unwrap().to_owned();
        rig.wait(DAY);
        assert_eq!(refresh(&mut rig, &token).body["refresh_expires_in"], expected);
    }
}

#[test]
fn the_old_access_token_survives_a_refresh_unless_told_otherwise() {
    for (kills, code) in [(false, "ok"), (true, "access_token_invalid")] {
        let mut rig = Rig::with(|config| config.tokens.refresh_kills_access_token = kills);
        let set = rig.connect("ada", &SCOPES);
        refresh(&mut rig, set["refresh_token"].as_str().unwrap());
        assert_eq!(rig.creator_info(set["access_token"].as_str().unwrap()).code(), code);
    }
}

#[test]
fn a_refresh_answers_the_same_person_and_scopes() {
    let mut rig = Rig::strict();
    let set = rig.connect("ada", &["user.info.basic", "video.publish"]);
    let next = refresh(&mut rig, set["refresh_token"].as_str().unwrap());
    assert_eq!((&next.body["open_id"], &next.body["scope"]), (&set["open_id"], &set["scope"]));
}

#[test]
fn a_good_revocation_has_an_empty_body_and_ends_the_token() {
    let mut rig = Rig::strict();
    let token = rig.ada.clone();
    let fields = [("client_key", KEY), ("client_secret", SECRET), ("token", token.as_str())];
    let answer = rig.form(Endpoint::Revoke, &fields);
    assert_eq!((answer.status, answer.response.body.len()), (200, 0));
    assert_eq!(rig.creator_info(&token).code(), "access_token_invalid");
}

#[test]
fn another_consent_leaves_older_tokens_with_their_scopes() {
    let mut rig = Rig::strict();
    let narrow = rig.access_token("ada", &["user.info.basic"]);
    rig.access_token("ada", &SCOPES);
    assert_eq!(rig.creator_info(&narrow).code(), "scope_not_authorized");
}

#[test]
fn user_info_answers_what_was_asked() {
    let mut rig = Rig::strict();
    let token = rig.ada.clone();
    let target = "/v2/user/info/?fields=open_id,union_id,avatar_url,display_name,username,follower_count";
    let answer = rig.send(&Request::get(target).bearer(&token));
    let user = &answer.data()["user"];
    assert_eq!(user["open_id"], json!(rig.world.open_id(KEY, "ada")));
    assert_eq!((&user["display_name"], &user["username"]), (&json!("Ada"), &json!("ada")));
    assert_eq!(user.as_object().unwrap().len(), 6);
}

#[test]
fn the_portal_refuses_bad_redirect_uris() {
    let with = |uri: &str| {
        let mut config = strict();
        config.apps.get_mut(KEY).unwrap().redirect_uris = vec![uri.into()];
        World::new(config).is_ok()
    };
    assert!(with("https://app.example.com/callback"));
    assert!(with(&format!("https://app.example.com/{}", "a".repeat(486))));
    assert!(!with(&format!("https://app.example.com/{}", "a".repeat(488))));
    for bad in [
        "http://app.example.com/callback",
        "https://app.example.com/callback?a=b",
        "https://app.example.com/callback#top",
        "https://localhost/callback",
        "http://127.0.0.1:8080/callback",
        "/callback",
    ] {
        assert!(!with(bad), "{bad}");
    }
    let mut many = strict();
    many.apps.get_mut(KEY).unwrap().redirect_uris =
        (0..11).map(|number| format!("https://app.example.com/{number}")).collect();
    assert!(World::new(many).is_err());
}

#[test]
fn loopback_redirect_uris_need_the_switch() {
    let config = |switch| {
        let mut config = Config { plain_http_on_loopback: switch, ..strict() };
        config.apps.get_mut(KEY).unwrap().redirect_uris = vec!["http://127.0.0.1:8080/callback".into()];
        World::new(config).is_ok()
    };
    assert!(!config(false));
    assert!(config(true));
}

#[test]
fn whatever_was_ever_given_out_is_remembered_answered_or_lost() {
    let mut rig = Rig::strict();
    let before = rig.world.issued().count();
    let code = decide(&mut rig, &[], ALLOW).callback("code").unwrap();
    let set = exchange(&mut rig, &code).body;
    rig.world.inject(Fault::once(Endpoint::Token, FaultKind::AnswerLost));
    refresh(&mut rig, set["refresh_token"].as_str().unwrap());

    let issued: Vec<(Issued, String)> =
        rig.world.issued().skip(before).map(|(what, value)| (what, value.to_owned())).collect();
    let kinds: Vec<Issued> = issued.iter().map(|(what, _)| *what).collect();
    let pair = [Issued::AccessToken, Issued::RefreshToken];
    assert_eq!(kinds, [&[Issued::Code][..], &pair, &pair].concat());
    assert_eq!(issued[0].1, code);
    assert_eq!(issued[1].1, set["access_token"].as_str().unwrap());
    assert_eq!(issued[2].1, set["refresh_token"].as_str().unwrap());
}
