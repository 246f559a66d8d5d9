//! One open attempt per account.

use domain::account::Slot;
use domain::post::{Event, HoldReason, Outcome, PostState, PublishId, Resolution};
use domain::timeline::Actor;
use domain::{PostId, SignedDuration};
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
    for (seconds, look) in [(0, 60), (600, 900), (4_300, 4_440)] {
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

/// Publishes a post whose answer is lost, and lets its deadline pass.
fn lost(stage: &Stage, bits: u128) -> PostId {
    let post = stage.accept(bits);
    stage.tiktok.inject(Endpoint::VideoInit, FaultKind::LostBefore);
    publish(stage, &post);
    assert_eq!(state(stage, &post), "unconfirmed");
    stage.wait(stage.periods.unconfirmed_deadline.as_secs());
    post
}

/// Nothing ends, and TikTok takes any number of posts.
fn patient() -> Stage {
    Stage::with(|config| {
        config.tokens.access_ms = 40 * 86_400_000;
        config.accounts.get_mut("ada").unwrap().daily_cap = 1_000;
    })
}

#[test]
fn a_doubt_whose_deadline_has_passed_frees_the_slot_and_is_remembered() {
    let stage = patient();
    let doubt = lost(&stage, 1);
    let second = stage.accept(2);
    publish(&stage, &second);
    let slot = stage.account().slot.unwrap();
    assert_eq!((slot.post, slot.recent), (second, vec![doubt.clone()]));
    assert_eq!(slot.doubts, [doubt]);
    assert_eq!(stage.tiktok.accepted(), 1);
}

#[test]
fn with_too_many_doubts_the_account_waits_for_a_person_who_frees_it() {
    let stage = patient();
    let count = u128::try_from(Slot::DOUBTS).unwrap();
    let doubts: Vec<PostId> = (1..=count + 1).map(|bits| lost(&stage, bits)).collect();
    assert_eq!(stage.account().slot.unwrap().doubts, doubts[..Slot::DOUBTS]);
    let next = stage.accept(100);
    for _ in 0..3 {
        publish(&stage, &next);
        let PostState::Held { until, why: HoldReason::UnconfirmedSibling, .. } = stage.post(&next).row.state
        else {
            panic!("{}", state(&stage, &next));
        };
        assert_eq!(until, Some(stage.now() + SignedDuration::from_hours(1)));
        stage.wait(3_600);
    }
    assert_eq!(inits(&stage), Slot::DOUBTS + 1);

    // one of them, whichever
    stage.apply(&doubts[3], Event::Resolved(Resolution::NotPublished));
    publish(&stage, &next);
    assert_eq!(state(&stage, &next), "processing");
    assert!(stage.account().slot.unwrap().doubts.len() <= Slot::DOUBTS);
}

#[test]
fn doubts_that_were_resolved_do_not_add_up() {
    let stage = patient();
    for bits in 1..=2 * u128::try_from(Slot::DOUBTS).unwrap() {
        let post = lost(&stage, bits);
        stage.wait(60);
        stage.apply(&post, Event::Resolved(Resolution::NotPublished));
    }
    lost(&stage, 99);
    let next = stage.accept(100);
    publish(&stage, &next);
    assert_eq!(state(&stage, &next), "processing");
}

#[test]
fn the_holders_publish_id_is_indexed_before_another_takes_the_slot() {
    for cue in [Cue::FailBefore, Cue::CrashBefore] {
        let stage = Stage::new();
        let (first, second) = (stage.accept(1), stage.accept(2));
        stage.script.next("remember", cue);
        drop(run(function(&stage).publish(stage.publish_job(&first), stage.deadline(30))));
        assert_eq!(state(&stage, &first), "processing");
        assert!(stage.table.publish_ids().is_empty());

        stage.script.forget_calls();
        publish(&stage, &second);
        let calls = stage.script.calls();
        let at = |call| calls.iter().position(|it| *it == call).unwrap();
        assert!(at("remember") < at("save_limits") && at("save_limits") < at("video_init"), "{calls:?}");
        assert_eq!(stage.table.publish_ids().len(), 2);

        // as long as it cannot be indexed, nobody takes the slot
        let (third, fourth) = (stage.accept(3), stage.accept(4));
        let script = stage.script.clone();
        stage.script.before("video_init", move || async move { script.next("remember", Cue::FailBefore) });
        publish(&stage, &third);
        stage.script.next("remember", Cue::FailBefore);
        let failed = super::rig::deliver(&stage, stage.publish_job(&fourth));
        assert!(failed.is_err());
        assert_eq!(inits(&stage), 3);
        publish(&stage, &fourth);
        assert_eq!((inits(&stage), stage.table.publish_ids().len()), (4, 4));
    }
}
