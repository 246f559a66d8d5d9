//! One open attempt per account.

use domain::SignedDuration;
use domain::post::{Event, HoldReason, Outcome, PostState, PublishId};
use domain::timeline::Actor;
use ports::{Entropy as _, Posts as _};
use rehearsal::{Cue, Stage, done, run};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{creator_infos, deliver_all, function, inits, publish, state};

#[test]
fn a_second_post_of_the_account_waits_while_the_first_is_inside_init() {
    let stage = Stage::new();
    let (first, second) = (stage.accept(1), stage.accept(2));
    let (there, id) = (stage.clone(), second.clone());
    stage.script.before("video_init", move || async move {
        let row = there.post(&id);
        function(&there).publish(there.publish_job(&id), there.deadline(30)).await.unwrap();
        assert_eq!(there.post(&id), row);
        assert_eq!(creator_infos(&there), 1);
        assert_eq!(there.waiting(), [(domain::Job::Publish(there.publish_job(&id)), 2)]);
    });
    publish(&stage, &first);
    deliver_all(&stage);
    assert_eq!(stage.tiktok.accepted(), 2);
    assert_eq!((state(&stage, &first), state(&stage, &second)), ("processing", "processing"));
}

#[test]
fn a_second_post_is_held_while_the_first_is_unconfirmed_and_goes_on_after_the_deadline_at_the_latest() {
    let stage = Stage::new();
    let (first, second) = (stage.accept(1), stage.accept(2));
    stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
    publish(&stage, &first);
    let PostState::Unconfirmed { attempt, doubt, .. } = stage.post(&first).row.state else {
        panic!("confirmed")
    };

    // with a few seconds to spare after each look at the evidence; the last may be the deadline's
    let end = attempt.claimed_at + stage.periods.unconfirmed_deadline;
    for (seconds, look) in [(0, 60), (600, 900), (4_300, 4_500)] {
        stage.clock.set(doubt.since + SignedDuration::from_secs(seconds));
        publish(&stage, &second);
        let PostState::Held { until, why, .. } = stage.post(&second).row.state else { panic!("not held") };
        assert_eq!(why, HoldReason::UnconfirmedSibling);
        let again = (doubt.since + SignedDuration::from_secs(look + 5)).min(end);
        assert_eq!(until, Some(again));
        stage.clock.set(again);
    }
    assert_eq!(inits(&stage), 1);

    stage.clock.set(end);
    publish(&stage, &second);
    assert_eq!(inits(&stage), 2);
    assert_eq!((state(&stage, &first), state(&stage, &second)), ("unconfirmed", "processing"));
}

#[test]
fn a_second_post_goes_on_soon_after_the_doubt_about_the_first_is_over() {
    let stage = Stage::new();
    let (first, second) = (stage.accept(1), stage.accept(2));
    stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
    publish(&stage, &first);
    publish(&stage, &second);
    let PostState::Held { until: Some(until), .. } = stage.post(&second).row.state else {
        panic!("not held")
    };
    assert!(until <= stage.now() + SignedDuration::from_secs(65), "{until}");

    let seen = stage.post(&first);
    let PostState::Unconfirmed { attempt, .. } = &seen.row.state else { panic!("confirmed") };
    let adopted = Event::Adopted { nonce: attempt.nonce, publish_id: PublishId("v_pub_url~v2-1.1".into()) };
    let Ok(Outcome::Moved(known)) = seen.row.apply(adopted, Actor::Webhook, stage.now(), &stage.periods)
    else {
        panic!("not adopted")
    };
    done(stage.store().save(&seen, &known, None, stage.time.nonce())).unwrap();
    stage.clock.set(until);
    publish(&stage, &second);
    assert_eq!(state(&stage, &second), "processing");
}

#[test]
fn a_slot_whose_holder_crashed_before_its_claim_is_free_when_its_time_is_over() {
    let stage = Stage::new();
    let (first, second) = (stage.accept(1), stage.accept(2));
    stage.script.next("creator_info", Cue::CrashAfter);
    assert!(run(function(&stage).publish(stage.publish_job(&first), stage.deadline(30))).is_none());

    publish(&stage, &second);
    assert_eq!(state(&stage, &second), "queued");
    stage.clock.advance(SignedDuration::from_secs(41));
    publish(&stage, &second);
    assert_eq!(state(&stage, &second), "processing");
    publish(&stage, &first);
    assert_eq!(stage.tiktok.accepted(), 2);
}

#[test]
fn whoever_finds_a_claim_that_ran_out_has_it_settled_and_waits() {
    let stage = Stage::new();
    let (first, second) = (stage.accept(1), stage.accept(2));
    stage.script.next("video_init", Cue::CrashAfter);
    assert!(run(function(&stage).publish(stage.publish_job(&first), stage.deadline(30))).is_none());
    stage.wait(41);
    publish(&stage, &second);
    assert_eq!(
        stage.waiting(),
        [
            (domain::Job::Check(stage.check_job(&first)), 0),
            (domain::Job::Publish(stage.publish_job(&second)), 2)
        ]
    );
    assert_eq!(inits(&stage), 1);
}
