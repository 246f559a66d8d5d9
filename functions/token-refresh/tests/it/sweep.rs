//! The clock of accounts.

use domain::{AccountId, Job, SignedDuration};
use futures::future::join_all;
use ports::fakes::ManualClock;
use ports::samples;
use rehearsal::{Cue, Stage, done, run};

use super::rig::clock_of;

fn many() -> Stage {
    let stage = Stage::new();
    for bits in 0..32 {
        stage.table.insert_account(samples::account(bits, stage.now()));
    }
    stage.clock.advance(SignedDuration::from_hours(15));
    stage
}

#[test]
fn accounts_that_are_due_are_sent_once_by_overlapping_sweeps() {
    let stage = many();
    stage.script.take_turns();
    // no two look at the clock in the same millisecond
    let clocks = [0, 1, 2, 3].map(|millis| {
        let mut clock = clock_of(&stage);
        clock.time.clock = ManualClock::new(stage.now() + SignedDuration::from_millis(millis));
        clock
    });
    drop(run(join_all(clocks.iter().map(token_refresh::Sweep::sweep))).unwrap());
    assert_eq!(stage.waiting().len(), 33);
    for bits in 0..32 {
        let job = Job::Refresh { account: AccountId::from_bits(bits), epoch: None };
        assert_eq!(stage.waiting().iter().filter(|(sent, _)| *sent == job).count(), 1);
    }
    done(clock_of(&stage).sweep());
    assert_eq!(stage.waiting().len(), 33);
}

#[test]
fn a_stale_index_row_is_left_alone() {
    let stage = Stage::new();
    stage.clock.advance(SignedDuration::from_hours(15));
    let there = stage.clone();
    stage.script.before("push_back_account", move || async move {
        there.change_account(|account| {
            account.due = Some(account.due.unwrap() + SignedDuration::from_hours(9));
        });
    });
    done(clock_of(&stage).sweep());
    assert_eq!(stage.waiting(), []);
}

#[test]
fn a_crash_between_moving_the_row_and_sending_costs_one_watchdog() {
    let stage = Stage::new();
    stage.clock.advance(SignedDuration::from_hours(15));
    stage.script.next("send", Cue::CrashBefore);
    assert!(run(clock_of(&stage).sweep()).is_none());
    done(clock_of(&stage).sweep());
    assert_eq!(stage.waiting(), []);
    stage.clock.advance(stage.periods.watchdog);
    done(clock_of(&stage).sweep());
    assert_eq!(stage.waiting().len(), 1);
}

#[test]
fn an_account_that_fails_does_not_hold_up_the_others() {
    for call in ["due_accounts", "push_back_account", "send"] {
        let stage = many();
        stage.script.next(call, Cue::FailBefore);
        done(clock_of(&stage).sweep());
        let sent = stage.waiting().len();
        assert!((30..33).contains(&sent), "`{call}`: {sent} of 33");
    }
}
