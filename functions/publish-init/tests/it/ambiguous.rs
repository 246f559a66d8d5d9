//! Answers that prove nothing: visibly unconfirmed, and never a second init.

use domain::post::PostState;
use rehearsal::{Cue, Stage};
use tiktok_sandbox::{Endpoint, FaultKind as F};

use super::rig::{copies, deliver, deliver_all, inits, publish, state};

#[test]
fn an_answer_that_proves_nothing_leaves_the_post_unconfirmed_and_there_is_never_a_second_init() {
    let html = || "<html>".into();
    let moments = [
        F::LostBefore,
        F::AnswerLost,
        F::CutBody,
        F::Garbage,
        F::AnswerReplaced { status: 500, body: html() },
        F::AnswerReplaced { status: 502, body: html() },
        F::AnswerReplaced { status: 403, body: html() },
        F::AnswerReplaced { status: 302, body: html() },
        F::AnswerReplaced { status: 200, body: serde_json::json!({ "data": {}, "error": { "code": "ok" } }) },
        F::Answer { status: 500, body: html() },
    ];
    for moment in moments {
        let stage = Stage::new();
        let post = stage.accept(1);
        let job = stage.publish_job(&post);
        stage.tiktok.inject(Endpoint::VideoInit, moment.clone());
        publish(&stage, &post);
        let PostState::Unconfirmed { publish_id: None, .. } = stage.post(&post).row.state else {
            panic!("{moment:?}: {}", state(&stage, &post));
        };
        assert_eq!(copies(&stage).len(), 1, "{moment:?}: TikTok may still pull it");
        for _ in 0..20 {
            stage.wait(3 * 3_600);
            deliver(&stage, job.clone()).unwrap();
            deliver_all(&stage);
        }
        assert_eq!(inits(&stage), 1, "{moment:?}");
        assert_eq!(state(&stage, &post), "unconfirmed");
    }
}

#[test]
fn a_connection_that_was_never_made_is_proof_and_the_post_is_published_once() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.script.next("video_init", Cue::NotSent);
    publish(&stage, &post);
    assert_eq!(state(&stage, &post), "queued");
    assert!(copies(&stage).is_empty());
    deliver_all(&stage);
    assert_eq!(inits(&stage), 1);
    assert_eq!(state(&stage, &post), "processing");
}

#[test]
fn a_claimer_that_is_late_may_still_store_its_publish_id() {
    use domain::post::Event;
    use domain::timeline::Actor;
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("video_init", move || async move {
        // its claim has run out meanwhile, and somebody said so
        let seen = there.post(&id).row;
        let PostState::Initiating { attempt, .. } = &seen.state else { panic!("not claimed") };
        let lost = Event::AnswerLost { nonce: attempt.nonce };
        let moved = seen.apply(lost, Actor::Check, there.now(), &there.periods).unwrap();
        let domain::Outcome::Moved(moved) = moved else { panic!("known") };
        there.table.insert_post(*moved, ports::samples::content());
    });
    publish(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
    assert_eq!(inits(&stage), 1);
}
