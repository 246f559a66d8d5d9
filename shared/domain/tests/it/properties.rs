use domain::content::PrivacyLevel;
use domain::periods::next_rung;
use domain::post::{Event, PostState, Verdict};
use domain::timeline::Actor;
use domain::{Outcome, Periods, Post, SignedDuration};
use proptest::prelude::*;

use super::world::{EVENTS, accepted, at, every_event, pinned};

/// Invariant I2 as the `due` index has to show it.
fn woken_in_time(post: &Post, now: domain::Timestamp, periods: &Periods) -> Result<(), String> {
    match (post.next_task(now, periods), post.due) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(format!("`{}` wakes up for nothing", post.state.name())),
        (Some(_), None) => Err(format!("`{}` never wakes up", post.state.name())),
        (Some(next), Some(due)) => {
            if due > next.at.max(now) + periods.watchdog {
                return Err(format!("`{}` wakes up too late", post.state.name()));
            }
            if next.at >= now + periods.sweep_from && due != next.at {
                return Err(format!("`{}` is far ahead and not due at its own time", post.state.name()));
            }
            Ok(())
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_every_row_that_must_move_wakes_up_in_time(
        steps in prop::collection::vec((0..EVENTS, 0_i64..4_000), 0..60),
        ready in any::<bool>(),
        public in any::<bool>(),
    ) {
        let periods = Periods::default();
        let privacy = if public { PrivacyLevel::PublicToEveryone } else { PrivacyLevel::SelfOnly };
        let mut post = accepted(ready.then(pinned), privacy);
        let mut now = at(0);
        woken_in_time(&post, now, &periods).map_err(TestCaseError::fail)?;
        for (event, gap) in steps {
            now += SignedDuration::from_secs(gap);
            if let Ok(Outcome::Moved(moved)) = post.apply(every_event()[event].clone(), Actor::Check, now, &periods) {
                post = *moved;
                woken_in_time(&post, now, &periods).map_err(TestCaseError::fail)?;
            }
        }
    }

    #[test]
    fn repeating_an_event_changes_nothing_more(
        steps in prop::collection::vec(0..EVENTS, 0..40),
    ) {
        let periods = Periods::default();
        let mut post = accepted(Some(pinned()), PrivacyLevel::PublicToEveryone);
        for event in steps {
            let event = every_event()[event].clone();
            let once = post.apply(event.clone(), Actor::Check, at(3), &periods);
            if let Ok(Outcome::Moved(moved)) = once {
                post = *moved;
                // a hold may be written anew, with the same meaning
                let again = post.apply(event.clone(), Actor::Check, at(3), &periods);
                let moved_on = matches!(again, Ok(Outcome::Moved(_)));
                prop_assert!(!moved_on, "`{}` twice moved `{}`", event.name(), post.state.name());
            }
        }
    }

    #[test]
    fn nothing_leaves_the_end_but_by_tiktoks_word(
        steps in prop::collection::vec(0..EVENTS, 0..60),
    ) {
        let periods = Periods::default();
        let mut post = accepted(Some(pinned()), PrivacyLevel::PublicToEveryone);
        for event in steps {
            let event = every_event()[event].clone();
            let Ok(Outcome::Moved(moved)) = post.apply(event.clone(), Actor::Check, at(3), &periods) else { continue };
            match &post.state {
                PostState::Published { .. } => {
                    prop_assert_eq!(moved.state.name(), "published");
                }
                PostState::Failed { .. } | PostState::Cancelled { .. } | PostState::SentToInbox { .. } => {
                    let corrected = matches!(event, Event::Said {
                        verdict: Verdict::Complete { .. } | Verdict::PubliclyAvailable { .. }, ..
                    });
                    prop_assert_eq!((corrected, moved.state.name()), (true, "published"));
                }
                _ => {}
            }
            post = *moved;
        }
    }

    #[test]
    fn the_next_rung_lies_ahead_and_at_most_one_gap_away(
        gaps in prop::collection::vec(1_i64..2_000, 1..8),
        elapsed in 0_i64..1_000_000,
    ) {
        let ladder: Vec<SignedDuration> = gaps.iter().copied().map(SignedDuration::from_secs).collect();
        let elapsed = SignedDuration::from_secs(elapsed);
        let rung = next_rung(&ladder, elapsed);
        prop_assert!(rung > elapsed);
        prop_assert!(rung - elapsed <= *ladder.iter().max().unwrap());
    }
}
