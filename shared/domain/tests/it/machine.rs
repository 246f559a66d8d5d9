use domain::content::PrivacyLevel;
use domain::post::{AfterDeath, Event, PostState, PublishId, Verdict};
use domain::timeline::{Actor, What};
use domain::{Outcome, Periods, SignedDuration};

use super::world::{
    ID, NONCE, OTHER, accepted, at, claimed, every_event, every_state, failed, pinned, publish_id, said,
    taken, then,
};

/// The machine as a table: for each state, what each event of [`every_event`] leads to. `.` is known already, `!` makes no
/// sense there.
#[test]
fn the_whole_table() {
    let columns = [
        "ready",
        "rejected",
        "hold",
        "hold600",
        "release",
        "refuse",
        "claim",
        "taken",
        "taken?",
        "dead>again",
        "dead>hold",
        "dead>fail",
        "lost",
        "lost?",
        "progress",
        "complete",
        "complete+id",
        "failed~",
        "failed",
        "public",
        "gone",
        "failed?",
        "complete?",
        "silent",
    ];
    let row = |post: &domain::Post| -> Vec<String> {
        every_event()
            .into_iter()
            .map(|event| match post.apply(event, Actor::Check, at(5), &Periods::default()) {
                Ok(Outcome::Moved(post)) => post.state.name().to_owned(),
                Ok(Outcome::Unchanged) => ".".to_owned(),
                Err(_) => "!".to_owned(),
            })
            .collect()
    };
    assert_eq!(columns.len(), every_event().len());
    let states = every_state();
    let rows = states.iter().map(|post| format!("{:14} {}", post.state.name(), row(post).join(" ")));
    let table = rows.collect::<Vec<_>>().join("\n") + "\n";
    let expected = "\
awaiting_media queued failed ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! !
queued         . . held held . failed initiating ! ! ! ! ! ! ! ! ! ! . . ! ! . ! !
held           . . held held queued failed initiating ! ! ! ! ! ! ! ! ! ! . . ! ! . ! !
initiating     . . ! ! ! ! ! processing ! queued held failed unconfirmed ! ! ! ! . . ! ! . ! !
processing     . . ! ! ! ! ! . ! ! ! ! . . . published published queued failed published published . ! unconfirmed
published      . . ! ! ! ! ! . ! ! ! ! . . . . published . . published published ! ! .
failed         . . ! ! ! ! ! ! ! ! ! ! . . . published published . . published . ! ! .
unconfirmed    . . ! ! ! ! ! processing ! queued held failed . . ! ! ! ! ! ! ! ! ! .
";
    assert_eq!(table, expected, "\ncolumns: {columns:?}");
}

#[test]
fn a_late_claimer_may_still_store_its_publish_id() {
    let initiating = then(&accepted(Some(pinned()), PrivacyLevel::SelfOnly), claimed());
    let doubted = then(&initiating, Event::AnswerLost { nonce: NONCE });
    let processing = then(&doubted, taken());
    assert_eq!(processing.state.publish_id(), Some(&publish_id()));
}

#[test]
fn another_claimer_may_not() {
    let initiating = then(&accepted(Some(pinned()), PrivacyLevel::SelfOnly), claimed());
    let other = Event::InitAccepted { nonce: OTHER, publish_id: publish_id() };
    assert!(initiating.apply(other, Actor::Publish, at(2), &Periods::default()).is_err());
}

#[test]
fn an_unconfirmed_post_is_never_claimed_again() {
    let doubted = &every_state()[7];
    assert_eq!(doubted.state.name(), "unconfirmed");
    assert!(doubted.apply(claimed(), Actor::Publish, at(99_999), &Periods::default()).is_err());
    assert_eq!(doubted.next_task(at(99_999), &Periods::default()), None);
}

#[test]
fn passing_failures_lead_to_three_new_attempts_and_then_to_the_end() {
    let periods = Periods::default();
    let mut post = accepted(Some(pinned()), PrivacyLevel::SelfOnly);
    for (attempt, minutes) in [(1, 1), (2, 5), (3, 15)] {
        post = then(&then(&post, claimed()), taken());
        post = then(&post, said(failed(true)));
        let PostState::Queued { at: next, attempts, .. } = &post.state else { panic!("{:?}", post.state) };
        assert_eq!((*next, *attempts), (at(1) + SignedDuration::from_mins(minutes), attempt));
        assert!(post.next_task(at(1), &periods).is_some());
    }
    post = then(&then(&post, claimed()), taken());
    post = then(&post, said(failed(true)));
    assert_eq!(post.state.name(), "failed");
}

#[test]
fn attempts_that_limits_refused_do_not_use_up_those_of_passing_failures() {
    let mut post = accepted(Some(pinned()), PrivacyLevel::SelfOnly);
    for _ in 0..10 {
        let dead = Event::AttemptDead {
            nonce: NONCE,
            code: "rate_limit_exceeded".into(),
            then: AfterDeath::Again(at(1)),
        };
        post = then(&then(&post, claimed()), dead);
    }
    post = then(&then(&then(&post, claimed()), taken()), said(failed(true)));
    assert_eq!(post.state.name(), "queued");
}

#[test]
fn webhooks_in_any_order_and_doubled_end_in_one_state() {
    let words = [
        Verdict::Complete { post_ids: vec![] },
        Verdict::PubliclyAvailable { post_id: ID },
        Verdict::Complete { post_ids: vec![ID] },
        Verdict::InProgress,
    ];
    let processing = every_state()[4].clone();
    let mut orders = vec![vec![]];
    for _ in 0..5 {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                (0..words.len()).map(move |next| [order.clone(), vec![next]].concat())
            })
            .collect();
    }
    let complete = orders.into_iter().filter(|order| (0..words.len()).all(|word| order.contains(&word)));
    let mut seen = 0;
    for order in complete {
        let mut post = processing.clone();
        for word in order {
            let event = said(words[word].clone());
            if let Outcome::Moved(moved) =
                post.apply(event, Actor::Webhook, at(9), &Periods::default()).unwrap()
            {
                post = *moved;
            }
        }
        let PostState::Published { post_ids, removed, .. } = &post.state else { panic!("{:?}", post.state) };
        assert_eq!((post_ids.as_slice(), *removed), ([ID].as_slice(), false));
        seen += 1;
    }
    assert_eq!(seen, 240, "every order of four words with one of them doubled");
}

#[test]
fn only_public_posts_are_asked_for_a_post_id_and_not_for_ever() {
    let periods = Periods::default();
    let private = then(
        &then(&then(&accepted(Some(pinned()), PrivacyLevel::SelfOnly), claimed()), taken()),
        said(Verdict::Complete { post_ids: vec![] }),
    );
    assert_eq!(private.next_task(at(2), &periods), None);
    let public = every_state()[5].clone();
    let first = public.next_task(at(1), &periods).unwrap().at;
    assert_eq!(first, at(1) + SignedDuration::from_mins(15));
    assert_eq!(public.next_task(at(1) + periods.tail, &periods), None);
}

#[test]
fn the_key_of_an_attempt_is_never_another_attempts_key() {
    let post = every_state()[3].clone();
    let first = post.state.copy_key().unwrap();
    let dead = Event::AttemptDead { nonce: NONCE, code: "x".into(), then: AfterDeath::Again(at(1)) };
    let again = then(&then(&post, dead), Event::Claimed { nonce: OTHER, until: at(80) });
    let second = again.state.copy_key().unwrap();
    assert_ne!(first, second);
    assert!(
        first.starts_with("m/") && std::path::Path::new(&first).extension().is_some_and(|it| it == "mp4")
    );
}

#[test]
fn a_long_timeline_keeps_its_beginning_and_its_end() {
    let mut post = accepted(Some(pinned()), PrivacyLevel::SelfOnly);
    for minute in 0..100 {
        let until = Some(at(minute * 60));
        let why = domain::post::HoldReason::CreatorDailyCap;
        post = then(&post, Event::Held { until, why, code: Some(format!("{minute}")) });
    }
    let entries = post.timeline.entries();
    assert_eq!(entries.len(), domain::timeline::MAX_ENTRIES);
    assert_eq!(entries[0].what, What::Accepted);
    assert_eq!(entries.last().unwrap().code.as_deref(), Some("99"));
}

#[test]
fn a_foreign_publish_id_moves_nothing() {
    for post in every_state() {
        let event = Event::Said {
            publish_id: PublishId("v_pub_url~v2.99".into()),
            verdict: Verdict::Complete { post_ids: vec![1] },
        };
        let outcome = post.apply(event, Actor::Webhook, at(3), &Periods::default());
        assert!(!matches!(outcome, Ok(Outcome::Moved(_))), "{}", post.state.name());
    }
}
