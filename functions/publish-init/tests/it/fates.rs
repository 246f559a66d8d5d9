//! What each error of TikTok means for a post.

use domain::post::{HoldReason, PostState};
use domain::{Job, PostId, SignedDuration};
use rehearsal::{Stage, video};
use tiktok::ErrorCode;
use tiktok_sandbox::Endpoint;

use super::rig::{copies, creator_infos, deliver_all, inits, publish, state};

/// What is to become of the post.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    /// A refresh first.
    Refresh,
    /// Queued again within so many seconds.
    Again(i64, i64),
    /// Held for so many seconds, or until a person acts.
    Held(HoldReason, Option<i64>),
    Failed,
    Unconfirmed,
}

const HOUR: i64 = 3_600;

/// Every code TikTok has, its status, and what it means at init.
const AT_INIT: [(&str, u16, Fate); 23] = {
    use Fate::{Again, Failed, Held, Refresh, Unconfirmed};
    use HoldReason as H;
    [
        ("access_token_invalid", 401, Refresh),
        ("scope_not_authorized", 401, Held(H::ReconnectRequired, None)),
        ("scope_permission_missed", 400, Held(H::ReconnectRequired, None)),
        ("invalid_param", 400, Failed),
        ("invalid_params", 400, Failed),
        ("invalid_file_upload", 400, Failed),
        ("rate_limit_exceeded", 429, Again(62, 68)),
        ("internal_error", 500, Unconfirmed),
        ("spam_risk_too_many_posts", 403, Held(H::CreatorDailyCap, Some(HOUR))),
        ("spam_risk_user_banned_from_posting", 403, Failed),
        ("spam_risk_too_many_pending_share", 403, Held(H::CreatorPendingShares, Some(HOUR))),
        ("spam_risk_text", 403, Failed),
        ("spam_risk", 403, Failed),
        ("reached_active_user_cap", 403, Held(H::AppActiveUserCap, Some(HOUR))),
        ("unaudited_client_can_only_post_to_private_accounts", 403, Held(H::Unaudited, None)),
        ("url_ownership_unverified", 403, Held(H::Operator, Some(901))),
        ("privacy_level_option_mismatch", 403, Failed),
        ("app_version_check_failed", 400, Held(H::Unaudited, None)),
        ("invalid_publish_id", 400, Again(5, 11)),
        ("token_not_authorized_for_specified_publish_id", 400, Failed),
        ("publish_not_cancellable", 400, Failed),
        // proves nothing: nobody knows what TikTok means by it
        ("something_new", 403, Unconfirmed),
        ("internal_error", 400, Unconfirmed),
    ]
};

#[test]
fn the_table_has_every_code_that_the_client_knows() {
    for code in ErrorCode::KNOWN {
        assert!(AT_INIT.iter().any(|(known, ..)| *known == code.as_str()), "`{code}`");
    }
}

#[track_caller]
fn has(stage: &Stage, post: &PostId, code: &str, fate: Fate) {
    let row = stage.post(post).row;
    let now = stage.now();
    let seconds = |at: domain::Timestamp| at.duration_since(now).as_secs();
    match (fate, &row.state) {
        (Fate::Refresh, PostState::Queued { .. }) => {
            let refresh = Job::Refresh { account: stage.account_id(), epoch: Some(1) };
            assert!(stage.waiting().contains(&(refresh, 0)), "`{code}`");
        }
        (Fate::Again(least, most), PostState::Queued { .. }) => {
            let waiting = stage.waiting();
            let [(Job::Publish(_), delay)] = waiting.as_slice() else { panic!("`{code}`: {waiting:#?}") };
            assert!((least..=most).contains(delay), "`{code}`: {delay} s");
        }
        (Fate::Held(why, until), PostState::Held { until: at, why: reason, .. }) => {
            assert_eq!((*reason, at.map(seconds)), (why, until), "`{code}`");
            assert_eq!(stage.waiting(), [], "`{code}`");
            assert_eq!(row.due, *at, "`{code}`: it wakes up by itself, or not at all");
        }
        (Fate::Failed, PostState::Failed { failure, .. }) => {
            assert_eq!(failure.code, code);
            assert!(!failure.remedy.is_empty());
            assert_eq!(stage.waiting(), [], "`{code}`");
        }
        (Fate::Unconfirmed, PostState::Unconfirmed { publish_id: None, .. }) => {
            assert_eq!(
                stage.waiting(),
                [(Job::Check(stage.check_job(post)), 60)],
                "`{code}`: it is looked into"
            );
        }
        (fate, found) => panic!("`{code}` is to mean {fate:?}, and came to {found:#?}"),
    }
}

#[test]
fn every_error_of_init_has_its_fate_and_nothing_else_happens() {
    for (code, status, fate) in AT_INIT {
        let stage = Stage::new();
        let post = stage.accept(1);
        stage.tiktok.refuse(Endpoint::VideoInit, status, code);
        publish(&stage, &post);
        has(&stage, &post, code, fate);
        assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1), "`{code}`");
        assert_eq!(
            copies(&stage).len(),
            usize::from(fate == Fate::Unconfirmed),
            "`{code}`: copies of dead attempts go"
        );
        let says_so = |entry: &domain::timeline::Entry| entry.log_id.as_deref() == Some("20261101X");
        assert!(stage.post(&post).row.timeline.entries().iter().any(says_so), "`{code}`");
    }
}

#[test]
fn every_error_of_creator_info_has_its_fate_and_there_is_no_init() {
    for (code, status, fate) in AT_INIT {
        // it can be asked again without harm
        let fate = if fate == Fate::Unconfirmed { Fate::Again(5, 11) } else { fate };
        let stage = Stage::new();
        let post = stage.accept(1);
        stage.tiktok.refuse(Endpoint::CreatorInfo, status, code);
        publish(&stage, &post);
        has(&stage, &post, code, fate);
        assert_eq!((creator_infos(&stage), inits(&stage)), (1, 0), "`{code}`");
        assert!(copies(&stage).is_empty(), "`{code}`");
    }
}

#[test]
fn a_creator_info_that_fails_in_passing_is_asked_again_and_the_post_is_published_once() {
    use tiktok_sandbox::FaultKind as F;
    let hiccups = [
        F::LostBefore,
        F::AnswerLost,
        F::CutBody,
        F::Garbage,
        F::Answer { status: 502, body: "<html>".into() },
        F::Answer { status: 302, body: "moved".into() },
    ];
    for hiccup in hiccups {
        let stage = Stage::new();
        let post = stage.accept(1);
        stage.tiktok.inject(Endpoint::CreatorInfo, hiccup.clone());
        publish(&stage, &post);
        assert_eq!(inits(&stage), 0, "{hiccup:?}");
        deliver_all(&stage);
        assert_eq!((creator_infos(&stage), inits(&stage)), (2, 1), "{hiccup:?}");
        assert_eq!(state(&stage, &post), "processing");
    }
}

#[test]
fn an_outage_is_met_with_patience_and_no_second_chain_of_messages() {
    let stage = Stage::with(|config| config.outage = tiktok_sandbox::Outage::Api);
    let post = stage.accept(1);
    publish(&stage, &post);
    deliver_all(&stage);
    let asked = creator_infos(&stage);
    assert!((4..10).contains(&asked), "{asked} calls until the row's own wake-up takes over");
    let row = stage.post(&post).row;
    assert_eq!(row.state.name(), "queued");
    assert!(row.due.unwrap() >= stage.now(), "the row wakes up by itself");
}

#[test]
fn after_a_429_the_account_rests_and_then_goes_on() {
    for endpoint in [Endpoint::CreatorInfo, Endpoint::VideoInit] {
        let stage = Stage::new();
        let (post, other) = (stage.accept(1), stage.accept(2));
        stage.tiktok.refuse(endpoint, 429, "rate_limit_exceeded");
        publish(&stage, &post);
        let rest = stage.account().limits.rest_until.unwrap().duration_since(stage.now());
        assert!((62..=68).contains(&rest.as_secs()), "{rest}");

        let calls = creator_infos(&stage);
        stage.wait(41);
        publish(&stage, &other);
        assert_eq!(creator_infos(&stage), calls, "nobody else of this account asks meanwhile");

        deliver_all(&stage);
        assert_eq!(stage.tiktok.accepted(), 2);
        assert_eq!((state(&stage, &post), state(&stage, &other)), ("processing", "processing"));
    }
}

#[test]
fn a_privacy_level_that_is_no_longer_offered_fails_the_post_and_no_other_level_is_tried() {
    let stage = Stage::with(|config| config.accounts.get_mut("ada").unwrap().private = true);
    let post = stage.accept(1);
    publish(&stage, &post);
    deliver_all(&stage);
    let PostState::Failed { failure, .. } = stage.post(&post).row.state else { panic!("it goes on") };
    assert_eq!(failure.code, "privacy_level.not_offered");
    assert!(failure.remedy.contains("FOLLOWER_OF_CREATOR"), "{}", failure.remedy);
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 0));
}

#[test]
fn a_privacy_level_that_goes_between_creator_info_and_init_fails_the_post() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let tiktok = stage.tiktok.clone();
    stage.script.before("video_init", move || async move {
        tiktok
            .with(|world| world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().private = true));
    });
    publish(&stage, &post);
    deliver_all(&stage);
    has(&stage, &post, "privacy_level_option_mismatch", Fate::Failed);
    assert_eq!(inits(&stage), 1);
    assert_eq!(stage.tiktok.accepted(), 0);
}

#[test]
fn a_video_that_is_too_long_for_the_creator_fails_the_post_before_init() {
    let stage = Stage::with(|config| config.accounts.get_mut("ada").unwrap().max_video_post_duration_sec = 1);
    let post = stage.accept(1);
    publish(&stage, &post);
    has(&stage, &post, "video.duration.max", Fate::Failed);
    assert_eq!(inits(&stage), 0);
}

#[test]
fn an_upload_that_was_replaced_or_deleted_after_the_probe_fails_the_post_before_init() {
    let changes: [fn(&Stage); 2] = [
        |stage| {
            let key = domain::media::upload_key(&stage.media());
            stage.objects.put(&key, domain::media::Container::Mp4, video("60-fps.mp4"));
        },
        |stage| stage.objects.remove(&domain::media::upload_key(&stage.media())),
    ];
    for change in changes {
        let stage = Stage::new();
        let post = stage.accept(1);
        change(&stage);
        publish(&stage, &post);
        has(&stage, &post, "media.changed", Fate::Failed);
        assert_eq!(inits(&stage), 0);
    }
}

#[test]
fn causes_at_tiktok_lead_to_the_same_fates() {
    type Change = fn(&mut tiktok_sandbox::Config);
    let causes: [(Change, &str, Fate, usize); 5] = [
        (
            |config| config.accounts.get_mut("ada").unwrap().daily_cap = 0,
            "spam_risk_too_many_posts",
            Fate::Held(HoldReason::CreatorDailyCap, Some(HOUR)),
            0,
        ),
        (
            |config| config.accounts.get_mut("ada").unwrap().banned = true,
            "spam_risk_user_banned_from_posting",
            Fate::Failed,
            0,
        ),
        (
            |config| config.apps.values_mut().for_each(|app| app.active_user_cap = 0),
            "reached_active_user_cap",
            Fate::Held(HoldReason::AppActiveUserCap, Some(HOUR)),
            0,
        ),
        (
            |config| config.apps.values_mut().for_each(|app| app.audited = false),
            "unaudited_client_can_only_post_to_private_accounts",
            Fate::Held(HoldReason::Unaudited, None),
            1,
        ),
        (
            |config| config.apps.values_mut().for_each(|app| app.verified_url_prefixes.clear()),
            "url_ownership_unverified",
            Fate::Held(HoldReason::Operator, Some(901)),
            1,
        ),
    ];
    for (cause, code, fate, asked) in causes {
        let stage = Stage::with(cause);
        let post = stage.accept(1);
        publish(&stage, &post);
        has(&stage, &post, code, fate);
        assert_eq!(inits(&stage), asked, "`{code}`");
        assert_eq!(stage.tiktok.accepted(), 0);
    }
}

#[test]
fn a_hold_that_is_over_is_looked_at_again() {
    let stage = Stage::with(|config| config.accounts.get_mut("ada").unwrap().daily_cap = 0);
    let post = stage.accept(1);
    publish(&stage, &post);
    stage.clock.advance(SignedDuration::from_hours(1));
    stage
        .tiktok
        .with(|world| world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().daily_cap = 1));
    publish(&stage, &post);
    assert_eq!(stage.tiktok.accepted(), 1);
}

#[test]
fn two_deliveries_that_fail_the_same_post_are_no_dead_letters() {
    let stage = Stage::with(|config| config.accounts.get_mut("ada").unwrap().private = true);
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("creator_info", move || async move {
        super::rig::function(&there).publish(there.publish_job(&id), there.deadline(30)).await.unwrap();
    });
    publish(&stage, &post);
    assert_eq!(state(&stage, &post), "failed");
}
