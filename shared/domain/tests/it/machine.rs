use domain::content::{ContentHash, PrivacyLevel};
use domain::notice::{News, PostNews};
use domain::post::{
    AfterDeath, Event, HoldReason, NOBODY_FETCHED, NOTHING_SENT, Order, PostState, PublishId, Resolution,
    Source, Task, Verdict, Wish,
};
use domain::timeline::{Actor, What};
use domain::{Outcome, Periods, Post, SignedDuration};

use super::world::{
    ID, NONCE, OTHER, accepted, at, cancelled, claimed, every_event, every_state, failed, in_state, order,
    order_at, pinned, publish_id, said, taken, then, wish,
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
        "cancel",
        "uncancel",
        "cancelled",
        "inbox",
        "fence",
        "adopt",
        "adopt?",
        "found",
        "unresolved",
        "is there",
        "is not",
        "submit",
        "claim up",
        "opened",
        "sending",
        "sent",
        "sent,leaves",
        "uploaded",
        "upload over",
        "pulling",
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
awaiting_media queued failed ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! cancelled ! ! ! ! ! ! ! ! ! ! . ! ! ! ! ! ! ! !
scheduled      . . held held . failed initiating ! ! ! ! ! ! ! ! ! ! . . ! ! . ! ! cancelled ! . ! ! ! ! ! ! ! ! . initiating ! ! ! ! ! ! !
queued         . . held held . failed initiating ! ! ! ! ! ! ! ! ! ! . . ! ! . ! ! cancelled ! . ! ! ! ! ! ! ! ! . initiating ! ! ! ! ! ! !
held           . . held held queued failed initiating ! ! ! ! ! ! ! ! ! ! . . ! ! . ! ! cancelled ! . ! ! ! ! ! ! ! ! ! initiating ! ! ! ! ! ! !
initiating     . . ! ! ! ! ! processing ! queued held failed unconfirmed ! ! ! ! . . ! ! . ! ! cancelling ! . ! ! ! ! ! ! ! ! ! ! uploading ! ! ! ! ! !
processing     . . ! ! ! ! ! . ! ! ! ! . . . published published queued failed published published . ! unconfirmed cancelling . cancelled sent_to_inbox ! . ! ! ! ! ! ! ! . ! ! ! . ! processing
cancelling     . . ! ! ! ! ! cancelling ! cancelled cancelled cancelled unconfirmed . ! ! ! . . ! ! . ! ! . ! . ! ! ! ! ! ! ! ! ! ! cancelled ! ! ! . ! .
cancelling     . . ! ! ! ! ! . ! ! ! ! . . . published published failed failed published published . ! unconfirmed . processing cancelled sent_to_inbox ! . ! ! ! ! ! ! ! . ! ! ! . ! .
sent_to_inbox  . . ! ! ! ! ! . ! ! ! ! . . . published published . . published . ! ! . ! . . . ! . ! ! ! ! ! ! ! . ! ! ! . ! .
published      . . ! ! ! ! ! . ! ! ! ! . . . . published . . published published ! ! . ! . . . ! . ! ! ! ! ! ! ! . ! ! ! . ! .
failed         . . ! ! ! ! ! . ! ! ! ! . . . published published . . published . ! ! . ! ! . . ! . ! ! ! ! ! ! ! . ! ! ! . ! .
cancelled      . . ! ! ! ! ! . ! ! ! ! . . . published published . . published . . ! . . ! . . ! . ! ! ! ! ! ! ! . ! ! ! . ! .
unconfirmed    . . ! ! ! ! ! processing ! queued held failed . . ! ! ! . . ! ! . ! . unconfirmed ! . ! unconfirmed processing ! published . published failed ! ! ! ! ! ! . ! .
unconfirmed    . . ! ! ! ! ! cancelling ! cancelled cancelled cancelled . . ! ! ! . . ! ! . ! . . ! . ! unconfirmed cancelling ! published . published failed ! ! ! ! ! ! . ! .
unconfirmed    . . ! ! ! ! ! . ! ! ! ! . . . published published queued failed published published . ! . cancelling ! cancelled sent_to_inbox ! . ! ! . published failed ! ! . ! ! ! . ! .
draft          . . ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! cancelled ! ! ! ! ! ! ! ! ! ! queued ! ! ! ! ! ! ! !
initiating     . . ! ! ! ! ! processing ! queued held failed queued ! ! ! ! . . ! ! . ! ! cancelling ! . ! ! ! ! ! ! ! ! ! ! uploading ! ! ! ! ! !
uploading      . . ! ! ! ! ! . ! ! ! ! . . . published published queued failed published published . ! unconfirmed cancelled ! cancelled sent_to_inbox ! . ! ! ! ! ! ! ! . uploading ! ! processing queued !
uploading      . . ! ! ! ! ! . ! ! ! ! . . . published published queued failed published published . ! unconfirmed cancelling ! cancelled sent_to_inbox ! . ! ! ! ! ! ! ! . . uploading uploading processing queued !
cancelling     . . ! ! ! ! ! . ! ! ! ! . . . published published failed failed published published . ! unconfirmed . processing cancelled sent_to_inbox ! . ! ! ! ! ! ! ! . ! ! ! . cancelled .
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
    let doubted = &in_state("unconfirmed");
    assert_eq!(doubted.state.name(), "unconfirmed");
    assert!(doubted.apply(claimed(), Actor::Publish, at(99_999), &Periods::default()).is_err());
    let next = doubted.next_task(at(99_999), &Periods::default()).unwrap();
    assert_eq!(next.task, Task::Evidence, "whoever wakes it up looks, and starts nothing");
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
    let processing = in_state("processing");
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
    let public = in_state("published");
    let first = public.next_task(at(1), &periods).unwrap().at;
    assert_eq!(first, at(1) + SignedDuration::from_mins(15));
    assert_eq!(public.next_task(at(1) + periods.tail, &periods), None);
}

#[test]
fn the_key_of_an_attempt_is_never_another_attempts_key() {
    let post = in_state("initiating");
    let first = post.state.copy_keys().remove(0);
    let dead = Event::AttemptDead { nonce: NONCE, code: "x".into(), then: AfterDeath::Again(at(1)) };
    let again =
        then(&then(&post, dead), Event::Claimed { nonce: OTHER, until: at(80), source: Source::PullFromUrl });
    let second = again.state.copy_keys().remove(0);
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

fn told(post: &Post) -> Option<PostNews> {
    match post.news()?.news {
        News::Post { event, .. } => Some(event),
        _ => None,
    }
}

#[test]
fn a_scheduled_post_is_due_at_its_own_time_and_begins_by_the_claim() {
    let periods = Periods::default();
    let post = in_state("scheduled");
    assert_eq!(post.due, Some(at(600)));
    assert_eq!(post.accepted_as(), "scheduled");
    let late = order_at(PrivacyLevel::SelfOnly, at(600));
    let waiting = Post::accept(late, None, at(0), &periods);
    let ready = then(&waiting, Event::MediaReady(pinned()));
    assert_eq!(ready.state.name(), "scheduled");
    let Ok(Outcome::Moved(too_late)) =
        waiting.apply(Event::MediaReady(pinned()), Actor::Ingest, at(601), &periods)
    else {
        panic!("it moves")
    };
    assert_eq!(too_late.state.name(), "queued", "its time is over: as soon as possible");
    assert_eq!(then(&post, claimed()).state.name(), "initiating");
}

#[test]
fn whatever_is_not_at_tiktok_is_cancelled_at_once_and_the_rest_by_tiktoks_word_alone() {
    for name in ["awaiting_media", "scheduled", "queued", "held"] {
        assert_eq!(then(&in_state(name), Event::CancelAsked).state.name(), "cancelled", "{name}");
    }
    let stopping = then(&in_state("initiating"), Event::CancelAsked);
    assert_eq!(stopping.state.name(), "cancelling");
    let refused = Event::AttemptDead { nonce: NONCE, code: "x".into(), then: AfterDeath::Again(at(1)) };
    assert_eq!(then(&stopping, refused.clone()).state.name(), "cancelled", "nothing begins again");
    let running = then(&stopping, taken());
    assert_eq!(running.state.publish_id(), Some(&publish_id()), "the claimer still stores its id");
    assert_eq!(running.state.name(), "cancelling");
    assert_eq!(then(&running, said(cancelled())).state.name(), "cancelled");
    assert_eq!(then(&running, said(failed(true))).state.name(), "failed", "and nothing begins again");
    assert_eq!(then(&running, said(Verdict::Complete { post_ids: vec![] })).state.name(), "published");
    let refused_stop = Event::CancelRefused { code: "publish_not_cancellable".into() };
    assert_eq!(then(&running, refused_stop).state.name(), "processing");

    let doubted = then(&stopping, Event::AnswerLost { nonce: NONCE });
    assert_eq!(doubted.state.name(), "unconfirmed");
    assert_eq!(then(&doubted, refused).state.name(), "cancelled");
    let adopted = then(&doubted, Event::Adopted { nonce: NONCE, publish_id: publish_id() });
    assert_eq!(adopted.state.name(), "cancelling");
}

#[test]
fn a_cancelled_post_that_tiktok_published_is_corrected() {
    let post = in_state("cancelled");
    let corrected = then(&post, said(Verdict::PubliclyAvailable { post_id: ID }));
    assert_eq!((corrected.state.name(), told(&corrected)), ("published", Some(PostNews::Corrected)));
}

#[test]
fn a_post_is_edited_until_an_attempt_is_open_and_stands_where_it_would_stand_if_it_had_been_accepted_so() {
    let (periods, later) = (Periods::default(), at(100_000));
    let another =
        Wish { content: ContentHash([9; 32]), publish_at: Some(later), ..wish(PrivacyLevel::SelfOnly) };
    for post in every_state() {
        let name = post.state.name();
        let expected = match name {
            "draft" => Some(("draft", "draft")),
            "awaiting_media" | "scheduled" | "queued" | "held" => Some(("scheduled", "awaiting_media")),
            _ => None,
        };
        assert_eq!(expected.is_some(), post.is_editable(), "`{name}`");
        let edit = |pinned| post.edit(another.clone(), pinned, Actor::Person, at(9_000), &periods);
        let Some((with_media, without)) = expected else {
            assert!(edit(Some(pinned())).is_err(), "`{name}`");
            continue;
        };
        let edited = edit(Some(pinned())).unwrap();
        assert_eq!(
            (with_media, without),
            (edited.state.name(), edit(None).unwrap().state.name()),
            "`{name}`"
        );
        assert_eq!((another.content, post.accepted), (edited.content, edited.accepted), "`{name}`");
        assert_eq!((Some(PrivacyLevel::SelfOnly), Some(later)), (edited.privacy_level, edited.publish_at));
        assert!(edited.due.is_none_or(|due| due <= later), "`{name}`");
        assert_eq!(name != "draft", edited.due.is_some(), "`{name}`");
        // what the first answer tells is what was asked for first
        let first = edited.as_accepted(wish(PrivacyLevel::SelfOnly));
        assert_eq!((wish(PrivacyLevel::SelfOnly).content, None), (first.content, first.publish_at));
        assert_eq!((post.created_at, &edited.timeline), (first.created_at, &first.timeline));
    }
}

#[test]
fn a_time_that_is_over_by_the_editors_clock_alone_is_kept_by_whoever_publishes() {
    let order = order_at(PrivacyLevel::SelfOnly, at(100));
    let post = Post::accept(order, Some(pinned()), at(0), &Periods::default());
    let same = Wish { publish_at: Some(at(100)), ..wish(PrivacyLevel::SelfOnly) };
    let edited = post.edit(same, Some(pinned()), Actor::Person, at(101), &Periods::default()).unwrap();
    assert_eq!(PostState::Scheduled { media: pinned(), at: at(100) }, edited.state);
    assert!(edited.due.is_some());
}

#[test]
fn a_draft_that_was_published_is_told_from_one_that_was_thrown_away() {
    let order = Order { draft: true, ..order(PrivacyLevel::SelfOnly) };
    let draft = Post::accept(order, None, at(0), &Periods::default());
    assert!(!draft.was_submitted() && !then(&draft, Event::CancelAsked).was_submitted());
    let submitted = then(&draft, Event::Submitted { media: Some(pinned()) });
    assert!(submitted.was_submitted() && then(&submitted, Event::CancelAsked).was_submitted());
    assert!(!accepted(None, PrivacyLevel::SelfOnly).was_submitted(), "it never was one");
}

#[test]
fn a_doubt_is_looked_into_until_its_deadline_and_told_a_minute_before_and_once_a_day_for_a_week() {
    let periods = Periods::default();
    let mut post = in_state("unconfirmed");
    let deadline = at(1) + periods.unconfirmed_deadline;
    let time_to_tell = deadline - SignedDuration::from_mins(1);
    assert_eq!(told(&post), None, "nobody is told before everything was looked at");
    let first = post.next_task(at(2), &periods).unwrap();
    assert_eq!((first.at, first.task), (at(61), Task::Evidence));
    let early =
        post.apply(Event::Unresolved, Actor::Check, time_to_tell - SignedDuration::from_secs(1), &periods);
    assert_eq!(early, Ok(Outcome::Unchanged));
    let mut told_at = Vec::new();
    while let Some(next) = post.next_task(deadline, &periods) {
        assert!(told_at.len() < 100, "for ever");
        if let Ok(Outcome::Moved(moved)) = post.apply(Event::Unresolved, Actor::Sweep, next.at, &periods) {
            assert_eq!(told(&moved), Some(PostNews::Unconfirmed));
            told_at.push(next.at.duration_since(time_to_tell).as_hours());
            post = *moved;
        }
    }
    assert_eq!(told_at, [0, 24, 48, 72, 96, 120, 144]);
    assert_eq!(post.due, None, "and then it waits for a person");
}

#[test]
fn after_the_copy_is_taken_away_the_log_is_looked_at_soon() {
    let periods = Periods::default();
    let fenced = then(&in_state("unconfirmed"), Event::Fenced { nonce: NONCE, at: at(421) });
    let next = fenced.next_task(at(422), &periods).unwrap();
    assert_eq!((next.at, next.task), (at(481), Task::Evidence));
}

#[test]
fn the_copy_of_a_fenced_attempt_is_nobodys_any_more() {
    let fenced = then(&in_state("unconfirmed"), Event::Fenced { nonce: NONCE, at: at(9) });
    assert!(fenced.state.copy_keys().is_empty());
    let dead = Event::AttemptDead { nonce: NONCE, code: "x".into(), then: AfterDeath::Again(at(1)) };
    assert_eq!(then(&fenced, dead).state.name(), "queued");
}

#[test]
fn a_person_decides_what_nobody_else_can_know() {
    let post = in_state("unconfirmed");
    let there = then(&post, Event::Resolved(Resolution::Published { post_id: Some(ID) }));
    assert_eq!((there.state.name(), told(&there)), ("published", Some(PostNews::Published)));
    let gone = then(&post, Event::Resolved(Resolution::NotPublished));
    assert_eq!((gone.state.name(), told(&gone)), ("failed", Some(PostNews::Failed)));
    assert!(gone.state.copy_keys().is_empty(), "and it cannot appear later");
}

#[test]
fn attempts_that_ended_without_a_name_are_known_by_the_timeline() {
    let lost = in_state("unconfirmed");
    assert_eq!(lost.nameless(), [], "it may still be found");
    let nobody = |then_| Event::AttemptDead { nonce: NONCE, code: NOBODY_FETCHED.into(), then: then_ };
    assert_eq!(then(&lost, nobody(AfterDeath::Again(at(5)))).nameless(), [at(1)]);
    assert_eq!(then(&lost, Event::Found { nonce: NONCE, post_id: ID }).nameless(), [at(1)]);
    for resolution in [Resolution::NotPublished, Resolution::Published { post_id: None }] {
        assert_eq!(then(&lost, Event::Resolved(resolution)).nameless(), [at(1)]);
    }
    let refused = |then_| Event::AttemptDead { nonce: NONCE, code: "spam_risk".into(), then: then_ };
    assert_eq!(then(&lost, refused(AfterDeath::Again(at(5)))).nameless(), [], "TikTok gave it none");
    let adopted = then(&lost, Event::Adopted { nonce: NONCE, publish_id: publish_id() });
    assert_eq!(adopted.nameless(), []);
    assert_eq!(adopted.state.unindexed(), Some(&publish_id()), "whoever goes on indexes it first");
    assert_eq!(then(&in_state("processing"), Event::Silent).nameless(), []);
}

#[test]
fn whoever_knows_what_became_of_an_init_knows_by_when_tiktok_had_it() {
    assert_eq!(in_state("queued").answered_at(), None, "nothing was sent");
    assert_eq!(in_state("initiating").answered_at(), None, "it is under way");
    let lost = in_state("unconfirmed");
    assert_eq!(lost.answered_at(), None);
    let processing = in_state("processing");
    let accepted = processing.timeline.entries().iter().find(|entry| entry.what == What::InitAccepted);
    assert_eq!(processing.answered_at(), accepted.map(|entry| entry.at));
    let dead = |code: &str| {
        let event = Event::AttemptDead { nonce: NONCE, code: code.into(), then: AfterDeath::Again(at(5)) };
        then(&in_state("initiating"), event)
    };
    let refused = dead("spam_risk");
    assert_eq!(refused.answered_at(), Some(refused.updated_at));
    assert_eq!(
        dead(NOTHING_SENT).answered_at(),
        None,
        "the attempt is over, its init may still be under way"
    );
    assert_eq!(dead(NOBODY_FETCHED).answered_at(), None);
    let again = Event::Claimed { nonce: NONCE, until: at(60), source: Source::PullFromUrl };
    assert_eq!(then(&refused, again).answered_at(), None, "that of the newest attempt is under way");
}

#[test]
fn a_hold_that_goes_on_for_the_same_reason_is_told_once() {
    let hold = |minutes: i64, why: HoldReason, code: &str| Event::Held {
        until: Some(at(60 * minutes)),
        why,
        code: Some(code.to_owned()),
    };
    let queued = in_state("queued");
    let mut post = then(&queued, hold(15, HoldReason::Operator, "url_ownership_unverified"));
    assert_eq!(told(&post), Some(PostNews::Held));
    for quarter in 2..6 {
        post = then(&post, hold(15 * quarter, HoldReason::Operator, "url_ownership_unverified"));
        assert_eq!(told(&post), None, "quarter of an hour {quarter}");
    }
    // it was the probe
    let dead = Event::AttemptDead {
        nonce: NONCE,
        code: "url_ownership_unverified".to_owned(),
        then: AfterDeath::Hold { until: Some(at(9_000)), why: HoldReason::Operator },
    };
    post = then(&then(&post, claimed()), dead);
    assert_eq!(told(&post), None);
    let full = hold(600, HoldReason::CreatorDailyCap, "spam_risk_too_many_posts");
    post = then(&post, full.clone());
    assert_eq!(told(&post), Some(PostNews::Held), "another reason");
    post = then(&post, hold(15, HoldReason::Operator, "url_ownership_unverified"));
    assert_eq!(told(&post), Some(PostNews::Held), "the first one again, after another");

    let connected = then(&then(&in_state("queued"), full.clone()), Event::Released);
    assert_eq!(told(&then(&connected, full)), Some(PostNews::Held), "it had gone on meanwhile");
}
