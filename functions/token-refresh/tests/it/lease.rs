//! One refresher per account.

use domain::account::Lease;
use domain::{Job, Nonce, SignedDuration};
use futures::future::join_all;
use rehearsal::{Stage, run};

use super::rig::{deadline, deliver, epoch, function, is_usable, refresh, token_calls};

#[test]
fn a_refresh_stores_a_new_pair_and_gives_the_lease_back() {
    let stage = Stage::new();
    let (access, old_refresh) = (stage.access_token(), stage.refresh_token());
    refresh(&stage, 1).unwrap();
    let account = stage.account();
    assert_eq!(epoch(&stage), 2);
    assert!(stage.access_token() != access && stage.refresh_token() != old_refresh);
    assert_eq!(account.lease, None);
    assert_eq!(account.tokens.unwrap().previous_refresh.unwrap().0, 1);
    let due = account.due.unwrap().duration_since(stage.now()).as_secs();
    assert!(0 < due && due <= 86_400 * 75 / 100, "{due}");
    assert!(is_usable(&stage));
    assert_eq!(
        stage.script.calls()[..6],
        ["lease", "open", "seal", "oauth.refresh", "seal", "seal"],
        "what cannot be sealed is not asked for"
    );
    assert_eq!(stage.script.calls()[6], "store_tokens");
    assert_eq!(token_calls(&stage).len(), 1);
}

#[test]
fn fifty_at_once_make_one_call() {
    let stage = Stage::new();
    stage.script.take_turns();
    let function = function(&stage);
    let at_once = (0..50).map(|_| function.refresh(stage.account_id(), Some(1), deadline(&stage)));
    for refreshed in run(join_all(at_once)).unwrap() {
        refreshed.unwrap();
    }
    assert_eq!(token_calls(&stage).len(), 1);
    deliver(&stage, 200);
    assert_eq!(token_calls(&stage).len(), 1);
    assert_eq!((epoch(&stage), stage.account().lease, stage.waiting().len()), (2, None, 0));
}

#[test]
fn a_busy_lease_is_waited_for_and_then_there_is_nothing_left_to_do() {
    let stage = Stage::new();
    let until = stage.now() + SignedDuration::from_secs(50);
    stage.change_account(|account| account.lease = Some(Lease { nonce: Nonce::from_bits(9), until }));
    refresh(&stage, 1).unwrap();
    assert!(token_calls(&stage).is_empty());
    let back = Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    assert_eq!(stage.waiting(), [(back, 51)]);

    stage.change_account(|account| account.lease = None);
    stage.refresh_tokens();
    deliver(&stage, 10);
    assert_eq!(token_calls(&stage).len(), 1, "the other one's");
}

#[test]
fn a_holder_that_died_is_replaced_when_its_lease_has_run_out() {
    let stage = Stage::new();
    let until = stage.now() + SignedDuration::from_secs(50);
    stage.change_account(|account| account.lease = Some(Lease { nonce: Nonce::from_bits(9), until }));
    refresh(&stage, 1).unwrap();
    deliver(&stage, 10);
    assert_eq!(epoch(&stage), 2);
}

#[test]
fn an_epoch_that_has_moved_is_good_enough() {
    let stage = Stage::new();
    stage.refresh_tokens();
    refresh(&stage, 1).unwrap();
    assert_eq!((token_calls(&stage).len(), epoch(&stage)), (1, 2));
    assert_eq!(stage.account().lease, None);
    assert_eq!(stage.waiting(), []);
}

#[test]
fn a_wake_up_that_came_early_changes_nothing_but_the_wake_up() {
    let stage = Stage::new();
    stage.clock.advance(SignedDuration::from_hours(10));
    rehearsal::done(function(&stage).refresh(stage.account_id(), None, deadline(&stage))).unwrap();
    assert!(token_calls(&stage).is_empty());
    assert!(stage.account().due.unwrap() > stage.now());
}

#[test]
fn no_refresh_starts_with_less_than_twenty_five_seconds_left() {
    let stage = Stage::new();
    rehearsal::done(function(&stage).refresh(stage.account_id(), Some(1), stage.deadline(24))).unwrap();
    assert_eq!(stage.script.calls(), ["send"]);
}
