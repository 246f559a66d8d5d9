//! A pair that TikTok has given out is never lost, as long as anything can keep it.

use domain::account::{AccountStatus, Lease};
use domain::creator::CreatorStatus;
use domain::{Nonce, SignedDuration};
use ports::fakes::MemoryQueues;
use rehearsal::{Cue, Stage, run};
use tiktok_sandbox::config::Rotation;

use super::rig::{deadline, deliver, epoch, function, is_usable, refresh, token_calls};

/// TikTok at its harshest: a dead refresh token that is used again ends the whole grant.
fn harsh() -> Stage {
    Stage::with(|config| config.tokens.rotation = Rotation::FamilyRevokedOnReuse)
}

fn redeliver(queues: &MemoryQueues, stage: &Stage) {
    let job = domain::Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    rehearsal::done(ports::Queues::send(queues, &job, domain::SignedDuration::from_secs(360))).unwrap();
}

#[test]
fn a_pair_that_the_table_would_not_take_is_rescued_and_the_next_one_takes_it_before_any_call() {
    for cue in Cue::FAILURES {
        let stage = harsh();
        stage.script.next("store_tokens", cue);
        refresh(&stage, 1).unwrap();
        deliver(&stage, 10);
        assert_eq!(epoch(&stage), 2, "{cue:?}");
        assert_eq!(token_calls(&stage).len(), 1, "{cue:?}: nobody asked again");
        assert!(is_usable(&stage));
        assert_eq!(stage.account().lease, None);
    }
}

#[test]
fn a_rescue_that_fails_for_a_moment_is_tried_again() {
    let stage = harsh();
    stage.script.next("store_tokens", Cue::FailBefore);
    stage.script.next("keep", Cue::FailBefore);
    stage.script.next("keep", Cue::FailBefore);
    refresh(&stage, 1).unwrap();
    deliver(&stage, 10);
    assert_eq!((epoch(&stage), token_calls(&stage).len()), (2, 1));
}

#[test]
fn whoever_fails_to_store_a_rescued_pair_leaves_it_to_the_next_who_reads_it_first_too() {
    let stage = harsh();
    stage.script.next("store_tokens", Cue::FailBefore);
    stage.script.next("store_tokens", Cue::FailBefore);
    refresh(&stage, 1).unwrap();
    let Some(domain::Job::Refresh { account, epoch: seen }) = stage.queues.pop_next() else {
        panic!("no job")
    };
    let second = rehearsal::done(function(&stage).refresh(account, seen, deadline(&stage)));
    assert!(second.is_err());
    redeliver(&stage.queues, &stage);
    deliver(&stage, 10);
    assert_eq!((epoch(&stage), token_calls(&stage).len()), (2, 1));
    assert!(is_usable(&stage));
}

#[test]
fn a_key_service_that_is_down_costs_no_pair() {
    // before the call: nothing is asked for; after it: it is tried again
    for failures in [vec![2], vec![4], vec![4, 5], vec![5], vec![5, 6]] {
        let stage = harsh();
        for number in &failures {
            stage.script.at(*number, Cue::FailBefore);
        }
        let refreshed = refresh(&stage, 1);
        assert_eq!(stage.script.calls()[failures[0]], "seal");
        if refreshed.is_err() {
            assert!(token_calls(&stage).is_empty());
            redeliver(&stage.queues, &stage);
        }
        deliver(&stage, 10);
        assert_eq!((epoch(&stage), token_calls(&stage).len()), (2, 1), "{failures:?}");
        assert!(is_usable(&stage));
    }
}

#[test]
fn a_crash_at_any_call_locks_nobody_out_but_where_the_pair_was_in_memory_alone() {
    let calls = {
        let stage = harsh();
        refresh(&stage, 1).unwrap();
        stage.script.calls()
    };
    for (number, call) in calls.iter().enumerate() {
        for cue in Cue::CRASHES {
            let stage = harsh();
            stage.script.at(number, cue);
            let crashed = run(function(&stage).refresh(stage.account_id(), Some(1), deadline(&stage)));
            assert!(crashed.is_none());
            redeliver(&stage.queues, &stage);
            deliver(&stage, 10);
            let asked = calls.iter().position(|call| *call == "oauth.refresh").unwrap();
            let stored = calls.iter().position(|call| *call == "store_tokens").unwrap();
            let answered = number > asked || (number == asked && cue == Cue::CrashAfter);
            let kept = number > stored || (number == stored && cue == Cue::CrashAfter);
            assert_eq!(is_usable(&stage), !answered || kept, "{cue:?} at `{call}`");
        }
    }
}

#[test]
fn a_crash_between_rescue_and_the_next_one_loses_nothing() {
    let stage = harsh();
    stage.script.next("store_tokens", Cue::FailBefore);
    stage.script.next("keep", Cue::CrashAfter);
    assert!(run(function(&stage).refresh(stage.account_id(), Some(1), deadline(&stage))).is_none());
    redeliver(&stage.queues, &stage);
    deliver(&stage, 10);
    assert_eq!((epoch(&stage), token_calls(&stage).len()), (2, 1));
    assert!(is_usable(&stage));
}

#[test]
fn a_pair_that_was_kept_only_after_the_account_was_given_up_brings_it_back() {
    let stage = Stage::new();
    // the table is down for a holder, and its rescue object is on its way for longer than its lease
    let there = stage.clone();
    stage.script.next("store_tokens", Cue::FailBefore);
    stage.script.before("keep", move || async move {
        there.clock.advance(SignedDuration::from_secs(71));
        refresh(&there, 1).unwrap();
        assert!(matches!(there.account().status, AccountStatus::ReconnectRequired { .. }));
        assert_eq!(there.creator().status, CreatorStatus::ReconnectRequired);
    });
    refresh(&stage, 1).unwrap();
    deliver(&stage, 10);
    assert_eq!((epoch(&stage), stage.account().status), (2, AccountStatus::Connected));
    assert_eq!(stage.creator().status, CreatorStatus::Active);
    assert!(is_usable(&stage));
}

#[test]
fn whoever_loses_the_lease_while_storing_a_rescued_pair_asks_nobody() {
    let stage = harsh();
    stage.script.next("store_tokens", Cue::FailBefore);
    refresh(&stage, 1).unwrap();
    let there = stage.clone();
    stage.script.before("store_tokens", move || async move {
        let until = there.now() + SignedDuration::from_secs(50);
        there.change_account(|account| account.lease = Some(Lease { nonce: Nonce::from_bits(9), until }));
    });
    deliver(&stage, 1);
    assert_eq!(token_calls(&stage).len(), 1, "TikTok has replaced the token in the row");
    deliver(&stage, 10);
    assert_eq!((epoch(&stage), token_calls(&stage).len()), (2, 1));
    assert!(is_usable(&stage));
}
