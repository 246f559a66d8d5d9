//! What TikTok refuses, and what it only fails at.

use domain::SignedDuration;
use domain::account::{AccountStatus, TokenField};
use domain::creator::CreatorStatus;
use ports::{Plaintext, Vault as _};
use rehearsal::{CLIENT_KEY, Cue, Stage, done, run};
use serde_json::json;
use tiktok_sandbox::{Endpoint, FaultKind, Outage};

use super::rig::{deadline, deliver, epoch, function, is_usable, refresh, token_calls};

#[track_caller]
fn is_over(stage: &Stage, code: &str) {
    let account = stage.account();
    let AccountStatus::ReconnectRequired { code: found, .. } = &account.status else {
        panic!("{account:#?}")
    };
    assert_eq!(found, code);
    assert_eq!((account.due, account.lease), (None, None));
    assert_eq!(stage.creator().status, CreatorStatus::ReconnectRequired);
    assert_eq!(stage.waiting(), []);
}

fn revoke(stage: &Stage) {
    let now = stage.now().as_millisecond();
    drop(stage.tiktok.with(|world| world.revoke_user(CLIENT_KEY, "ada", 1, now)));
}

#[test]
fn a_grant_that_is_gone_needs_its_creator_and_the_creator_says_so() {
    for with_http_200 in [false, true] {
        let stage = Stage::with(|config| config.tokens.errors_with_http_200 = with_http_200);
        revoke(&stage);
        refresh(&stage, 1).unwrap();
        is_over(&stage, "invalid_grant");
        assert_eq!(token_calls(&stage).len(), 1);

        // another message about it asks nobody
        refresh(&stage, 1).unwrap();
        is_over(&stage, "invalid_grant");
        assert_eq!(token_calls(&stage).len(), 1);
    }
}

#[test]
fn a_previous_token_that_still_works_saves_the_creator() {
    let stage = Stage::with(|config| {
        config.tokens.rotation = tiktok_sandbox::config::Rotation::OldValidUntilNewUsed;
    });
    // the generation in the row was never good; the one before is
    let account = stage.account();
    let had = account.tokens.clone().unwrap();
    let bogus = Plaintext::new("rft.never-good".to_owned());
    let seal =
        |secret: &Plaintext, field| done(stage.vault.seal(secret, &account.binding(field, 2))).unwrap();
    let tokens = domain::account::Tokens {
        epoch: 2,
        access: seal(&bogus, TokenField::Access),
        refresh: seal(&bogus, TokenField::Refresh),
        previous_refresh: Some((1, had.refresh.clone())),
        ..had
    };
    stage.change_account(|account| {
        account.epoch = tokens.epoch;
        account.tokens = Some(tokens);
    });
    refresh(&stage, 2).unwrap();
    assert_eq!(token_calls(&stage).len(), 2);
    assert_eq!(epoch(&stage), 3);
    assert!(is_usable(&stage));
    assert_eq!(stage.account().status, AccountStatus::Connected);
}

#[test]
fn after_the_previous_token_has_been_refused_too_it_is_over() {
    let stage = Stage::new();
    stage.refresh_tokens();
    revoke(&stage);
    refresh(&stage, 2).unwrap();
    is_over(&stage, "invalid_grant");
    assert_eq!(token_calls(&stage).len(), 3, "one good refresh, the token, the previous token");
}

#[test]
fn a_creator_is_told_although_the_first_attempt_stopped_in_between() {
    let stops = [
        ("put_creator", Cue::CrashBefore),
        ("creator", Cue::CrashBefore),
        ("require_reconnect", Cue::CrashAfter),
    ];
    for (call, cue) in stops {
        let stage = Stage::new();
        revoke(&stage);
        stage.script.next(call, cue);
        assert!(run(function(&stage).refresh(stage.account_id(), Some(1), deadline(&stage))).is_none());
        stage.clock.advance(SignedDuration::from_secs(71));
        refresh(&stage, 1).unwrap();
        is_over(&stage, "invalid_grant");
    }
}

#[test]
fn an_invalid_grant_because_somebody_else_refreshed_is_nothing() {
    let stage = Stage::new();
    let there = stage.clone();
    stage.script.before("oauth.refresh", move || async move { there.refresh_tokens() });
    refresh(&stage, 1).unwrap();
    assert_eq!(stage.account().status, AccountStatus::Connected);
    assert_eq!(epoch(&stage), 2);
    assert!(is_usable(&stage));
}

#[test]
fn whatever_may_pass_never_disconnects_anyone() {
    let flat =
        |code: &str| json!({ "error": code, "error_description": "as the script says", "log_id": "X" });
    let enveloped =
        json!({ "data": {}, "error": { "code": "access_token_invalid", "message": "", "log_id": "X" } });
    let moments = [
        FaultKind::LostBefore,
        FaultKind::Answer { status: 500, body: flat("server_error") },
        FaultKind::Answer { status: 200, body: flat("server_error") },
        FaultKind::Answer { status: 503, body: flat("invalid_grant") },
        FaultKind::Answer { status: 200, body: flat("temporarily_unavailable") },
        FaultKind::Answer { status: 400, body: flat("something_new") },
        FaultKind::Answer { status: 401, body: flat("invalid_client") },
        FaultKind::Answer { status: 400, body: flat("invalid_request") },
        FaultKind::Answer {
            status: 429,
            body: json!({ "error": { "code": "rate_limit_exceeded", "message": "" } }),
        },
        FaultKind::Answer { status: 401, body: enveloped },
        FaultKind::Answer { status: 403, body: "<html>".into() },
        FaultKind::Answer { status: 200, body: json!({ "access_token": "act.x" }) },
    ];
    for moment in moments {
        let stage = Stage::new();
        stage.tiktok.inject(Endpoint::Token, moment.clone());
        refresh(&stage, 1).unwrap();
        assert_eq!(stage.account().status, AccountStatus::Connected, "{moment:?}");
        assert_eq!((epoch(&stage), stage.account().lease), (1, None), "{moment:?}");
        assert_eq!(stage.waiting().len(), 1, "{moment:?}: it is tried again");
        deliver(&stage, 10);
        assert_eq!(epoch(&stage), 2, "{moment:?}");
    }
}

#[test]
fn an_outage_of_a_day_disconnects_nobody_and_is_met_with_patience() {
    let stage = Stage::with(|config| config.outage = Outage::Api);
    stage.clock.advance(SignedDuration::from_hours(15));
    let end = stage.now() + SignedDuration::from_hours(24);
    refresh(&stage, 1).unwrap();
    while stage.now() < end && !stage.waiting().is_empty() {
        deliver(&stage, 1);
    }
    let calls = token_calls(&stage).len();
    assert!((250..320).contains(&calls), "{calls}");
    assert_eq!(stage.account().status, AccountStatus::Connected);
}

#[test]
fn tokens_of_another_user_are_refused() {
    let stage = Stage::new();
    let body = json!({
        "access_token": "act.other", "expires_in": 86_400, "refresh_token": "rft.other",
        "refresh_expires_in": 31_536_000, "open_id": "-000-somebody-else", "scope": "video.publish",
    });
    stage.tiktok.inject(Endpoint::Token, FaultKind::Answer { status: 200, body });
    refresh(&stage, 1).unwrap();
    assert_eq!(epoch(&stage), 1);
    is_over(&stage, "open_id.mismatch");
}

#[test]
fn a_refresh_token_that_does_not_open_is_the_operators_matter() {
    let stage = Stage::new();
    stage.change_account(|account| account.tokens.as_mut().unwrap().epoch = 5);
    refresh(&stage, 5).unwrap();
    assert!(token_calls(&stage).is_empty());
    assert_eq!(stage.account().status, AccountStatus::Connected);
    assert_eq!(stage.waiting()[0].1, 900);
}
