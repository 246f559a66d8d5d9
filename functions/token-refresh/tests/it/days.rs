//! Days in virtual time: a creator stays usable without anyone's help.

use domain::account::TOO_OLD_TO_USE;
use domain::{Job, SignedDuration};
use rehearsal::{Stage, done};
use tiktok_sandbox::Outage;
use tiktok_sandbox::config::Rotation;

use super::rig::{clock_of, deadline, epoch, function, is_usable, token_calls};

/// Lives so many minutes: the clock's rule, the queue, and somebody who uses the token every half hour. Gives how often the
/// token was no good.
fn live(stage: &Stage, minutes: i64) -> usize {
    let mut no_good = 0;
    for minute in 0..minutes {
        let end = stage.now() + SignedDuration::from_mins(1);
        done(clock_of(stage).sweep());
        while stage.queues.next_at().is_some_and(|at| at <= end) {
            let Some(Job::Refresh { account, epoch }) = stage.queues.pop_next() else {
                panic!("another's job")
            };
            let delivered = done(function(stage).refresh(account.clone(), epoch, deadline(stage)));
            if delivered.is_err() {
                let job = Job::Refresh { account, epoch };
                done(ports::Queues::send(&stage.queues, &job, SignedDuration::from_secs(360))).unwrap();
            }
        }
        stage.clock.set(end);
        if minute % 30 == 0 {
            let account = stage.account();
            let usable = account.usable_tokens(stage.now()).is_some_and(|tokens| {
                let life = tokens.access_expires_at.duration_since(tokens.issued_at);
                assert!(stage.now() + TOO_OLD_TO_USE.min(life / 12) < tokens.access_expires_at);
                true
            });
            no_good += usize::from(!(usable && is_usable(stage)));
        }
    }
    no_good
}

#[test]
fn for_three_days_a_creator_stays_usable_without_anyones_help() {
    for rotation in [
        Rotation::RotateOldDies,
        Rotation::OldValidUntilNewUsed,
        Rotation::FamilyRevokedOnReuse,
        Rotation::NoRotation,
    ] {
        let stage = Stage::with(|config| {
            config.tokens.rotation = rotation;
            config.tokens.refresh_kills_access_token = true;
        });
        assert_eq!(live(&stage, 3 * 1_440), 0, "{rotation:?}");
        let refreshes = token_calls(&stage).len();
        // every 60 to 75 % of 24 hours
        assert!((4..=5).contains(&refreshes), "{rotation:?}: {refreshes} refreshes");
        assert_eq!(epoch(&stage), refreshes as u64 + 1);
    }
}

#[test]
fn a_token_of_four_minutes_is_kept_alive_as_well() {
    let stage = Stage::with(|config| config.tokens.access_ms = 240_000);
    // issued at 60 to 75 %, the sweep comes once a minute and sends 90 s ahead
    let mut no_good = 0;
    for _ in 0..40 {
        no_good += live(&stage, 1);
    }
    assert_eq!(no_good, 0);
    let refreshes = token_calls(&stage).len();
    assert!((13..=17).contains(&refreshes), "{refreshes}");
}

#[test]
fn an_outage_of_six_hours_in_the_middle_of_the_day_is_outlived() {
    let stage = Stage::new();
    assert_eq!(live(&stage, 14 * 60), 0);
    stage.tiktok.with(|world| world.reconfigure(|config| config.outage = Outage::Api));
    live(&stage, 6 * 60);
    let calls = token_calls(&stage).len();
    assert!((20..150).contains(&calls), "{calls} calls in six hours");
    stage.tiktok.with(|world| world.reconfigure(|config| config.outage = Outage::None));
    live(&stage, 10);
    assert_eq!(live(&stage, 24 * 60), 0);
}
