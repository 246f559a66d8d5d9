//! What a workspace is told: once for each step, however often the step is written.

use domain::post::{Event, Verdict};
use domain::{PostId, SignedDuration, Timestamp};
use ports::fakes::Fault;
use rehearsal::{Cue, Stage, run};

use super::rig::{check, deliver, drive, function, slow, state, sweep};

fn told(stage: &Stage, name: &str) -> Vec<Timestamp> {
    let notices = stage.table.notices();
    notices.iter().filter(|notice| notice.news.name() == name).map(|notice| notice.at).collect()
}

fn lost(stage: &Stage) -> (PostId, Timestamp) {
    let post = stage.accept(1);
    let claimed_at = stage.now();
    stage.lose(&post, true);
    (post, claimed_at)
}

#[test]
fn a_doubt_is_told_a_minute_before_its_deadline_and_then_daily_for_a_week() {
    let stage = slow();
    let (post, claimed_at) = lost(&stage);
    let first = claimed_at + stage.periods.unconfirmed_deadline - SignedDuration::from_mins(1);
    stage.wait(1);
    for early in [60, 1] {
        stage.clock.set(first - SignedDuration::from_secs(early));
        check(&stage, &post);
        assert_eq!(told(&stage, "post.unconfirmed"), [], "{early} s before it is time");
    }
    drive(&stage, 12 * 86_400);
    let times = told(&stage, "post.unconfirmed");
    assert_eq!(times.len(), 7, "{times:?}");
    for (day, at) in times.iter().enumerate() {
        let due = first + SignedDuration::from_hours(24 * i64::try_from(day).unwrap());
        let late = at.duration_since(due).as_secs();
        assert!((0..=120).contains(&late), "day {day}: {late} s late");
    }
    assert_eq!((state(&stage, &post), stage.post(&post).row.due), ("unconfirmed", None));
    assert_eq!(stage.tiktok.accepted(), 1);
}

#[test]
fn a_doubt_that_ends_is_not_told_any_more() {
    let stage = slow();
    let (post, _) = lost(&stage);
    drive(&stage, 2 * 86_400);
    let times = told(&stage, "post.unconfirmed").len();
    stage.apply(&post, Event::Resolved(domain::post::Resolution::NotPublished));
    drive(&stage, 3 * 86_400);
    assert_eq!(told(&stage, "post.unconfirmed").len(), times);
}

/// A step of a check, and what it is told as.
fn steps() -> Vec<(&'static str, Stage, PostId)> {
    let published = Stage::new();
    let post = published.processing(1);
    published.wait(60);

    let failed = slow();
    let fails = failed.processing(1);
    let publish_id = failed.post(&fails).row.state.publish_id().unwrap().0.clone();
    failed.tiktok.with(|world| world.fail(&publish_id, "spam_risk", 0)).unwrap();

    let cancelled = slow();
    let stops = cancelled.processing(1);
    cancelled.apply(&stops, Event::CancelAsked);
    let publish_id = cancelled.post(&stops).row.state.publish_id().unwrap().0.clone();
    cancelled.tiktok.with(|world| world.fail(&publish_id, "publish_cancelled", 0)).unwrap();

    // its download is over
    let refused = Stage::with(|config| {
        let time = tiktok_sandbox::AutoTime { processing_ms: 300_000, ..Default::default() };
        config.time = tiktok_sandbox::Time::Auto(time);
    });
    let goes_on = refused.processing(1);
    refused.apply(&goes_on, Event::CancelAsked);

    let silent = slow();
    let quiet = silent.processing(1);
    silent.wait(86_400);

    let doubted = slow();
    let (doubt, _) = lost(&doubted);
    doubted.wait(4_500);

    let public = Stage::new();
    let resolved = public.processing(1);
    let publish_id = public.post(&resolved).row.state.publish_id().unwrap().clone();
    public.apply(&resolved, Event::Said { publish_id, verdict: Verdict::Complete { post_ids: vec![] } });
    public.wait(60);

    vec![
        ("post.published", published, post),
        ("post.failed", failed, fails),
        ("post.cancelled", cancelled, stops),
        ("post.cancel_refused", refused, goes_on),
        ("post.unconfirmed", silent, quiet),
        ("post.unconfirmed", doubted, doubt),
        ("post.url_resolved", public, resolved),
    ]
}

#[test]
fn a_step_is_told_once_although_the_answer_of_its_write_was_lost() {
    for (number, (name, stage, post)) in steps().into_iter().enumerate() {
        stage.queues.lose_all();
        stage.table.fail_next("save", Fault::AfterEffect, 1);
        let failed = deliver(&stage, stage.check_job(&post));
        assert!(failed.is_err(), "{number} `{name}`");
        assert_eq!(told(&stage, name).len(), 1, "{number} `{name}`: it is written with the row");
        // received again, a second later, and once more by the sweep
        stage.wait(1);
        check(&stage, &post);
        sweep(&stage);
        check(&stage, &post);
        assert_eq!(told(&stage, name).len(), 1, "{number} `{name}`");
    }
}

#[test]
fn a_step_that_was_not_written_is_not_told() {
    for (name, stage, post) in steps() {
        for _ in 0..3 {
            stage.table.fail_next("save", Fault::BeforeEffect, 1);
            let failed = deliver(&stage, stage.check_job(&post));
            assert!(failed.is_err(), "`{name}`");
            assert_eq!(told(&stage, name), [], "`{name}`");
            stage.wait(1);
        }
        check(&stage, &post);
        assert_eq!(told(&stage, name).len(), 1, "`{name}`");
    }
}

#[test]
fn a_crash_right_after_the_write_tells_it_once() {
    for (name, stage, post) in steps() {
        stage.script.next("save", Cue::CrashAfter);
        assert!(run(function(&stage).check(stage.check_job(&post))).is_none());
        stage.wait(30);
        check(&stage, &post);
        assert_eq!(told(&stage, name).len(), 1, "`{name}`");
    }
}
