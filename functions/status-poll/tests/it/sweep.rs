//! The clock: rows that are due are sent, once.

use domain::job::Publish;
use domain::wake::PARTITIONS;
use domain::{Job, MediaId, SignedDuration};
use futures::future::join_all;
use ports::fakes::ManualClock;
use ports::samples;
use rehearsal::{Cue, Stage, run};

use super::rig::{clock_of, sweep};

fn publishes(stage: &Stage) -> Vec<Publish> {
    let jobs = stage.waiting().into_iter();
    jobs.filter_map(|(job, _)| if let Job::Publish(job) = job { Some(job) } else { None }).collect()
}

#[test]
fn rows_that_are_due_are_sent_once_whatever_partition_they_are_in() {
    let stage = Stage::new();
    let posts: Vec<_> = (0..u128::from(PARTITIONS) * 3).map(|bits| stage.accept(bits)).collect();
    assert_eq!(sweep(&stage).sent, 0, "their watchdogs are five minutes off");
    stage.wait(300);
    let swept = sweep(&stage);
    assert_eq!((swept.sent, swept.failed), (48, 0));
    let sent = publishes(&stage);
    for post in &posts {
        assert_eq!(sent.iter().filter(|job| job.post == *post).count(), 1);
        let due = stage.post(post).row.due.unwrap();
        assert_eq!(due.duration_since(stage.now()).as_secs(), 300, "the next watchdog");
    }
    assert_eq!(sweep(&stage).sent, 0);
}

#[test]
fn a_step_that_is_near_is_sent_now_with_the_rest_as_its_delay() {
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(29);
    assert_eq!(sweep(&stage).sent, 0);
    stage.wait(2);
    assert_eq!(sweep(&stage).sent, 1);
    let job = domain::job::Check { swept: true, ..stage.check_job(&post) };
    assert_eq!(stage.waiting(), [(Job::Check(job), 89)]);
}

#[test]
fn a_row_that_comes_late_in_a_long_sweep_is_not_sent_later_for_it() {
    let stage = Stage::new();
    stage.processing(1);
    stage.wait(31);
    let there = stage.clone();
    stage.script.before("push_back", move || async move {
        there.clock.advance(SignedDuration::from_secs(3));
    });
    assert_eq!(sweep(&stage).sent, 1);
    let delays: Vec<i64> = stage.waiting().into_iter().map(|(_, delay)| delay).collect();
    assert_eq!(delays, [86]);
}

#[test]
fn a_page_is_followed_by_the_next() {
    let stage = Stage::new();
    // all in one partition
    for bits in 0..250_u128 {
        stage.accept(bits * u128::from(PARTITIONS));
    }
    stage.wait(300);
    assert_eq!(sweep(&stage).sent, 250);
    assert_eq!(publishes(&stage).len(), 250);
}

#[test]
fn overlapping_sweeps_send_each_row_once() {
    let stage = Stage::new();
    for bits in 0..40 {
        stage.accept(bits);
    }
    stage.wait(300);
    stage.script.take_turns();
    // no two look at the clock in the same millisecond
    let clocks = [0, 1, 2, 3].map(|millis| {
        let mut clock = clock_of(&stage);
        clock.time.clock = ManualClock::new(stage.now() + SignedDuration::from_millis(millis));
        clock
    });
    let swept = run(join_all(clocks.iter().map(status_poll::Sweep::sweep))).unwrap();
    assert_eq!(swept.iter().map(|swept| swept.sent).sum::<u32>(), 40);
    assert_eq!(publishes(&stage).len(), 40);
}

#[test]
fn a_stale_index_row_is_left_alone() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.wait(300);
    let (there, id) = (stage.clone(), post.clone());
    // between the index and the row somebody moves the post
    stage.script.before("rows", move || async move {
        let mut row = there.post(&id).row;
        row.due = Some(there.now() + SignedDuration::from_hours(1));
        there.table.insert_post(row, samples::content());
    });
    let swept = sweep(&stage);
    assert_eq!((swept.sent, swept.failed), (0, 0));
    assert_eq!(stage.waiting(), []);
}

#[test]
fn a_row_that_was_woken_for_nothing_is_not_woken_again() {
    let stage = Stage::new();
    let post = stage.processing(1);
    let mut row = stage.post(&post).row;
    row.state = domain::PostState::Failed {
        failure: domain::post::Failure { code: "x".to_owned(), remedy: String::new() },
        publish_id: None,
    };
    stage.table.insert_post(row, samples::content());
    stage.wait(120);
    assert_eq!(sweep(&stage).rearmed, 1);
    assert_eq!(stage.post(&post).row.due, None);
    assert_eq!(stage.waiting(), []);
}

#[test]
fn a_crash_between_moving_the_row_and_sending_costs_one_watchdog() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.wait(300);
    stage.script.next("send", Cue::CrashBefore);
    assert!(run(clock_of(&stage).sweep()).is_none());
    assert_eq!(sweep(&stage).sent, 0, "the row has been moved");
    stage.wait(300);
    assert_eq!(sweep(&stage).sent, 1);
    assert_eq!(publishes(&stage)[0].post, post);
}

#[test]
fn a_partition_or_a_row_that_fails_does_not_hold_up_the_others() {
    for call in ["due", "rows", "push_back", "send"] {
        let stage = Stage::new();
        for bits in 0..16 {
            stage.accept(bits);
        }
        stage.wait(300);
        stage.script.next(call, Cue::FailBefore);
        let swept = sweep(&stage);
        assert_eq!((swept.sent, swept.failed), (15, 1), "`{call}`");
        stage.wait(300);
        assert!(sweep(&stage).sent >= 1);
    }
}

#[test]
fn a_media_whose_event_was_lost_and_a_post_that_waits_for_it_are_looked_at() {
    let stage = Stage::new();
    stage.table.insert_media(samples::media(7, stage.now()));
    let waiting = samples::post(8, None, stage.now());
    let (media, post) = (waiting.media.clone(), waiting.id.clone());
    stage.table.insert_post(waiting, samples::content());
    stage.wait(900);
    assert_eq!(sweep(&stage).sent, 2);
    let sent: Vec<Job> = stage.waiting().into_iter().map(|(job, _)| job).collect();
    assert!(sent.contains(&Job::Ingest { media: MediaId::from_bits(7), post: None }));
    assert!(sent.contains(&Job::Ingest { media, post: Some(post) }));
}

#[test]
fn the_oldest_wait_is_told() {
    let stage = Stage::new();
    stage.accept(1);
    stage.wait(300 + 77);
    assert_eq!(sweep(&stage).oldest, SignedDuration::from_secs(77));
}
