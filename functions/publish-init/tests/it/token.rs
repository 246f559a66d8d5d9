//! Tokens that have ended or are refused.

use domain::account::AccountStatus;
use domain::post::{HoldReason, PostState};
use domain::{Job, SignedDuration};
use rehearsal::Stage;
use tiktok_sandbox::Endpoint;

use super::rig::{creator_infos, deliver, deliver_all, inits, publish, state};

fn refreshes(stage: &Stage) -> usize {
    stage.waiting().iter().filter(|(job, _)| matches!(job, Job::Refresh { .. })).count()
}

#[test]
fn after_a_401_at_init_there_is_one_refresh_a_fresh_creator_info_and_one_more_init() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (tiktok, clock) = (stage.tiktok.clone(), stage.clone());
    stage.script.before("video_init", move || async move {
        tiktok.with(|world| world.expire_access_tokens("ada", clock.now().as_millisecond()));
    });
    publish(&stage, &post);
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));
    assert_eq!(state(&stage, &post), "queued");
    assert_eq!(refreshes(&stage), 1);

    // it comes back too early, twice: no second refresh, no call with the refused token
    for _ in 0..2 {
        let Some(Job::Publish(job)) =
            std::iter::from_fn(|| stage.queues.pop_next()).find(|job| matches!(job, Job::Publish(_)))
        else {
            panic!("the post does not come back");
        };
        assert_eq!(job.refused_epoch, Some(1));
        deliver(&stage, job).unwrap();
        assert_eq!(refreshes(&stage), 0);
    }
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));

    stage.refresh_tokens();
    deliver_all(&stage);
    assert_eq!((creator_infos(&stage), inits(&stage)), (2, 2));
    assert_eq!(stage.tiktok.accepted(), 1);
    assert_eq!(state(&stage, &post), "processing");
}

#[test]
fn a_new_token_that_is_refused_as_well_is_no_matter_of_seconds() {
    let stage = Stage::new();
    let post = stage.accept(1);
    for _ in 0..2 {
        stage.tiktok.refuse(Endpoint::VideoInit, 401, "access_token_invalid");
        publish(&stage, &post);
        stage.refresh_tokens();
    }
    let PostState::Queued { at, .. } = stage.post(&post).row.state else {
        panic!("{}", state(&stage, &post))
    };
    assert!(at.duration_since(stage.now()) >= SignedDuration::from_mins(1));
    deliver_all(&stage);
    assert_eq!(inits(&stage), 3);
    assert_eq!(stage.tiktok.accepted(), 1);
}

#[test]
fn a_401_of_creator_info_leads_to_a_refresh_and_no_init() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.tiktok.refuse(Endpoint::CreatorInfo, 401, "access_token_invalid");
    publish(&stage, &post);
    assert_eq!((refreshes(&stage), inits(&stage)), (1, 0));
    stage.refresh_tokens();
    deliver_all(&stage);
    assert_eq!((creator_infos(&stage), inits(&stage)), (2, 1));
}

#[test]
fn a_token_within_ten_minutes_of_its_end_is_not_used() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let end = stage.account().tokens.unwrap().access_expires_at;
    stage.clock.set(end - SignedDuration::from_mins(10));
    publish(&stage, &post);
    assert_eq!(creator_infos(&stage), 0);
    let back = stage.waiting();
    assert_eq!(back[0], (Job::Refresh { account: stage.account_id(), epoch: Some(1) }, 0));

    let usable = Stage::new();
    let post = usable.accept(1);
    usable.clock.set(end - SignedDuration::from_millis(600_001));
    publish(&usable, &post);
    assert_eq!(inits(&usable), 1);
}

#[test]
fn a_creator_who_has_to_sign_in_again_holds_the_post_with_tiktoks_code() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.change_account(|account| {
        account.status = AccountStatus::ReconnectRequired {
            since: account.due.unwrap(),
            code: "invalid_grant".to_owned(),
        };
    });
    publish(&stage, &post);
    let row = stage.post(&post).row;
    let PostState::Held { until: None, why: HoldReason::ReconnectRequired, .. } = row.state else {
        panic!("{row:#?}");
    };
    assert_eq!(row.timeline.entries().last().unwrap().code.as_deref(), Some("invalid_grant"));
    assert_eq!((row.due, stage.waiting().len(), creator_infos(&stage)), (None, 0, 0));
}

#[test]
fn a_token_that_does_not_open_is_the_operators_matter_and_fails_nothing() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.change_account(|account| account.tokens.as_mut().unwrap().epoch = 2);
    publish(&stage, &post);
    let PostState::Held { until: Some(until), why: HoldReason::Operator, .. } = stage.post(&post).row.state
    else {
        panic!("{}", state(&stage, &post));
    };
    // and a second, so that not everybody comes at the same moment
    assert_eq!(until.duration_since(stage.now()), SignedDuration::from_secs(901));
    assert_eq!(creator_infos(&stage), 0);
}
