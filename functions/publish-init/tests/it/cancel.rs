//! A person cancels while TikTok is being asked: the init's answer decides, and there is never a second one.

use domain::post::{Event, PostState};
use domain::{Job, PostId};
use rehearsal::{Cue, Stage, run};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{copies, deliver_all, function, inits, publish, state};

/// A post that somebody cancels between its claim and TikTok's answer.
fn cancelled_inside(stage: &Stage) -> PostId {
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("video_init", move || async move {
        there.apply(&id, Event::CancelAsked);
        let PostState::Cancelling { publish_id: None, .. } = there.post(&id).row.state else {
            panic!("{}", state(&there, &id));
        };
    });
    post
}

#[test]
fn an_init_that_is_accepted_is_to_be_stopped_and_its_publish_id_is_kept() {
    let stage = Stage::new();
    let post = cancelled_inside(&stage);
    publish(&stage, &post);
    let row = stage.post(&post).row;
    let PostState::Cancelling { publish_id: Some(publish_id), .. } = &row.state else { panic!("{row:#?}") };
    assert_eq!(stage.table.publish_ids().get(publish_id), Some(&post));
    assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), 0)]);
    assert!(row.due.is_some_and(|due| due <= stage.now() + stage.periods.watchdog));
    assert_eq!((inits(&stage), copies(&stage).len()), (1, 1));
}

#[test]
fn an_init_that_is_refused_has_ended_the_post_and_there_is_no_second_one() {
    for (status, code) in [
        (403, "spam_risk_text"),
        (403, "spam_risk_too_many_posts"),
        (403, "url_ownership_unverified"),
        (429, "rate_limit_exceeded"),
        (401, "access_token_invalid"),
    ] {
        let stage = Stage::new();
        let post = cancelled_inside(&stage);
        stage.tiktok.refuse(Endpoint::VideoInit, status, code);
        publish(&stage, &post);
        let row = stage.post(&post).row;
        assert!(matches!(row.state, PostState::Cancelled { publish_id: None }), "`{code}`: {row:#?}");
        assert_eq!((row.due, copies(&stage).len()), (None, 0), "`{code}`");
        for _ in 0..5 {
            stage.wait(86_400);
            publish(&stage, &post);
            deliver_all(&stage);
        }
        assert_eq!((inits(&stage), state(&stage, &post)), (1, "cancelled"), "`{code}`");
    }
}

#[test]
fn an_init_that_was_never_sent_has_ended_the_post() {
    let stage = Stage::new();
    let post = cancelled_inside(&stage);
    stage.script.next("video_init", Cue::NotSent);
    publish(&stage, &post);
    deliver_all(&stage);
    assert_eq!((inits(&stage), state(&stage, &post)), (0, "cancelled"));
}

#[test]
fn an_answer_that_was_lost_is_a_doubt_in_which_the_post_is_not_wanted() {
    for fault in [FaultKind::AnswerLost, FaultKind::LostBefore, FaultKind::CutBody, FaultKind::Garbage] {
        let stage = Stage::new();
        let post = cancelled_inside(&stage);
        stage.tiktok.inject(Endpoint::VideoInit, fault.clone());
        publish(&stage, &post);
        let row = stage.post(&post).row;
        let PostState::Unconfirmed { publish_id: None, doubt, .. } = &row.state else {
            panic!("{fault:?}: {row:#?}");
        };
        assert!(doubt.cancel, "{fault:?}");
        assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), 60)], "{fault:?}");
        deliver_all(&stage);
        publish(&stage, &post);
        assert_eq!(inits(&stage), 1);
    }
}

#[test]
fn a_claimer_that_is_late_finds_that_its_post_is_not_wanted_and_keeps_its_publish_id_all_the_same() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("video_init", move || async move {
        there.apply(&id, Event::CancelAsked);
        let PostState::Cancelling { attempt, .. } = there.post(&id).row.state else { panic!("not claimed") };
        there.apply(&id, Event::AnswerLost { nonce: attempt.nonce });
    });
    publish(&stage, &post);
    let row = stage.post(&post).row;
    assert!(matches!(row.state, PostState::Cancelling { publish_id: Some(_), .. }), "{row:#?}");
}

#[test]
fn a_claimer_that_crashed_leaves_the_post_to_be_settled_and_nobody_begins_it_again() {
    for cue in Cue::CRASHES {
        let stage = Stage::new();
        let post = cancelled_inside(&stage);
        stage.script.next("video_init", cue);
        assert!(run(function(&stage).publish(stage.publish_job(&post), stage.deadline(30))).is_none());
        assert_eq!(state(&stage, &post), "cancelling");
        publish(&stage, &post);
        assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), 41)]);
        stage.wait(3_600);
        publish(&stage, &post);
        assert_eq!(
            (state(&stage, &post), inits(&stage)),
            ("cancelling", usize::from(cue == Cue::CrashAfter))
        );
    }
}

#[test]
fn a_cancel_right_before_the_claim_is_in_time() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move { there.apply(&id, Event::CancelAsked) });
    publish(&stage, &post);
    deliver_all(&stage);
    assert_eq!((inits(&stage), state(&stage, &post)), (0, "cancelled"));
    assert!(copies(&stage).is_empty());
}
