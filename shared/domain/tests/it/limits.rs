use domain::limits::{Limits, Ring, WINDOW};
use domain::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::world::at;

fn most_in_a_minute(calls: &[Timestamp]) -> usize {
    let minute = SignedDuration::from_secs(60);
    calls
        .iter()
        .map(|from| {
            calls.iter().filter(|call| **call >= *from && call.duration_since(*from) < minute).count()
        })
        .max()
        .unwrap_or(0)
}

#[test]
fn the_seventh_init_waits_until_the_first_has_left_the_window() {
    let mut limits = Limits::default();
    let starts: Vec<Timestamp> = (0..7).map(|_| limits.reserve_publish(at(0))).collect();
    assert_eq!(starts[..6], [at(0); 6]);
    assert_eq!(starts[6], at(0) + WINDOW);
}

#[test]
fn after_a_429_nothing_is_reserved_before_the_rest_is_over() {
    let mut limits = Limits::default();
    limits.rest(at(0), SignedDuration::from_secs(3));
    assert_eq!(limits.reserve_status(at(1)), at(65));
    assert_eq!(limits.reserve_publish(at(100)), at(100));
}

proptest! {
    #[test]
    fn no_minute_exceeds_tiktoks_limits(gaps in prop::collection::vec(0_i64..20_000, 1..200)) {
        let mut limits = Limits::default();
        let (mut now, mut inits, mut statuses) = (at(0), Vec::new(), Vec::new());
        for gap in gaps {
            now += SignedDuration::from_millis(gap);
            inits.push(limits.reserve_publish(now));
            statuses.push(limits.reserve_status(now));
        }
        inits.sort();
        statuses.sort();
        prop_assert!(most_in_a_minute(&inits) <= 6);
        prop_assert!(most_in_a_minute(&statuses) <= 30);
    }

    #[test]
    fn a_backlog_drains_at_97_percent_of_the_rate(posts in 12_usize..200) {
        let mut limits = Limits::default();
        let last = (0..posts).map(|_| limits.reserve_publish(at(0))).max().unwrap();
        let minutes = last.duration_since(at(0)).as_secs_f64() / 60.0;
        let full_windows = f64::from(u32::try_from((posts - 1) / 6).unwrap());
        prop_assert!(full_windows / minutes >= 0.96);
    }

    #[test]
    fn a_ring_survives_its_row(times in prop::collection::vec(0_i64..10_000_000, 0..50)) {
        let ring: Ring<20> = Ring::from_millis(times);
        prop_assert!(ring.millis().len() <= 20);
        prop_assert_eq!(Ring::<20>::from_millis(ring.millis().to_vec()), ring);
    }
}
