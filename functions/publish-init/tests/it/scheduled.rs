//! A time that somebody chose is kept: not a millisecond before it.

use domain::post::PostState;
use domain::{Job, PostId, SignedDuration, Timestamp};
use rehearsal::{Stage, done};

use super::rig::{creator_infos, deliver_all, inits, publish, state};

fn scheduled(stage: &Stage, seconds: i64) -> (PostId, Timestamp) {
    let at = stage.now() + SignedDuration::from_secs(seconds);
    (stage.order(1, |order| order.wish.publish_at = Some(at)), at)
}

/// What the sweep does when it sends a row's job.
fn pushed_back(stage: &Stage, post: &PostId) {
    let key = ports::DueKey::Post(post.clone());
    let seen = stage.post(post).row.due.unwrap();
    let watchdog = stage.now() + stage.periods.watchdog;
    assert!(done(ports::DueRows::push_back(&stage.table, &key, seen, Some(watchdog))).unwrap());
}

#[test]
fn a_scheduled_post_is_never_begun_before_its_time_and_begins_at_it() {
    let stage = Stage::new();
    let (post, at) = scheduled(&stage, 3_600);
    assert_eq!((state(&stage, &post), stage.post(&post).row.due), ("scheduled", Some(at)));
    stage.clock.set(at - SignedDuration::from_secs(60));
    pushed_back(&stage, &post);
    let row = stage.post(&post);
    for (early, delay) in [(60_000, 60), (59_001, 60), (1_500, 2), (500, 1), (499, 1), (1, 1)] {
        stage.clock.set(at - SignedDuration::from_millis(early));
        publish(&stage, &post);
        assert_eq!(stage.post(&post), row, "{early} ms before");
        assert_eq!(stage.waiting(), [(Job::Publish(stage.publish_job(&post)), delay)], "{early} ms before");
        stage.queues.lose_all();
    }
    assert_eq!(stage.account().slot, None, "nobody waits for it");
    assert_eq!((creator_infos(&stage), inits(&stage)), (0, 0));

    stage.clock.set(at);
    publish(&stage, &post);
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));
    let PostState::Processing { attempt, .. } = stage.post(&post).row.state else {
        panic!("{}", state(&stage, &post));
    };
    assert_eq!(attempt.claimed_at, at);
}

#[test]
fn a_job_that_is_far_too_early_leaves_the_time_to_the_rows_own_wake_up() {
    let stage = Stage::new();
    let (post, at) = scheduled(&stage, 3_600);
    publish(&stage, &post);
    assert_eq!(stage.waiting(), [], "a second chain of messages would be of no use");
    assert_eq!(stage.post(&post).row.due, Some(at));
    assert_eq!(creator_infos(&stage), 0);
}

#[test]
fn a_job_that_came_early_publishes_when_it_comes_back() {
    let stage = Stage::new();
    let (post, at) = scheduled(&stage, 100);
    stage.wait(90);
    deliver_all(&stage);
    assert_eq!(inits(&stage), 0);
    publish(&stage, &post);
    deliver_all(&stage);
    assert_eq!((stage.now(), inits(&stage)), (at, 1));
}

#[test]
fn a_scheduled_post_that_was_cancelled_is_not_begun_at_its_time() {
    let stage = Stage::new();
    let (post, at) = scheduled(&stage, 600);
    stage.apply(&post, domain::post::Event::CancelAsked);
    assert_eq!(stage.post(&post).row.due, None);
    stage.clock.set(at);
    publish(&stage, &post);
    assert_eq!((creator_infos(&stage), state(&stage, &post)), (0, "cancelled"));
}
