use domain::account::Slot;
use domain::limits::{Cap, Day, Limits, PACE, Ring, UNDER_WAY, WINDOW};
use domain::{PostId, SignedDuration, Timestamp};
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
    assert_eq!(starts[6], at(0) + PACE);
}

#[test]
fn an_init_counts_as_coming_late_until_tiktok_has_answered() {
    let mut limits = Limits::default();
    for second in 0..6 {
        assert_eq!(limits.begin(at(second), at(second + 40)), Ok(()));
        if second < 5 {
            limits.came(at(second + 40), at(second + 3));
        }
    }
    assert_eq!(limits.begin(at(63), at(103)), Err(at(3) + WINDOW), "the first came at three");
    for second in 65..70 {
        assert_eq!(limits.begin(at(second), at(second + 40)), Ok(()));
    }
    let sixth = at(45) + UNDER_WAY;
    assert_eq!(
        limits.begin(at(70), at(110)),
        Err(sixth + WINDOW),
        "the sixth may have been under way for long"
    );
    limits.came(at(45), sixth + WINDOW);
    assert_eq!(limits.begin(at(70), at(110)), Err(sixth + WINDOW), "nobody comes later than the latest");
    assert_eq!(limits.begun.newest(), Some(at(109) + UNDER_WAY));
    limits.rest(at(70), SignedDuration::ZERO);
    assert_eq!(limits.begin(at(130), at(170)), Err(at(132)), "after a 429 nobody begins");
}

#[test]
fn a_time_that_nobody_was_given_is_known_as_that() {
    let mut limits = Limits::default();
    assert!(!limits.gave(at(1)), "nothing was given out");
    let places: Vec<_> = (0..14).map(|_| limits.reserve_publish(at(0))).collect();
    assert!(places.iter().all(|place| limits.gave(*place)));
    assert!(!limits.gave(at(0) + PACE * 2 + SignedDuration::from_millis(1)), "behind the last place");
    let mut limits = Limits::default();
    for second in 0..6 {
        limits.begin(at(second), at(second + 40)).unwrap();
    }
    let later = limits.begin(at(10), at(50)).unwrap_err();
    assert!(limits.gave(later), "whoever finds no room is given a time without a place");
    limits.rest(at(500), SignedDuration::ZERO);
    assert!(limits.gave(at(562)) && !limits.gave(at(563)));
}

/// An init of an account that has one attempt open at a time, in milliseconds.
#[derive(Debug, Clone)]
struct Init {
    /// Since the one before was over.
    after: i64,
    /// From its beginning until it leaves; its claim ends 40 seconds after the beginning.
    leaves: i64,
    /// The way there, and the way back.
    there: i64,
    back: i64,
    /// Nobody ever learns what became of it.
    lost: bool,
    /// Nothing is sent.
    put_off: bool,
    /// How far the clock of its worker is off.
    skew: i64,
}

fn any_init() -> impl Strategy<Value = Init> {
    let way = || prop_oneof![3 => 0_i64..300, 1 => 0_i64..=20_000];
    let after = prop_oneof![3 => 0_i64..2_000, 1 => 0_i64..30_000];
    let leaves = prop_oneof![3 => 0_i64..500, 1 => 0_i64..30_000];
    let (lost, put_off) = (prop::bool::weighted(0.15), prop::bool::weighted(0.1));
    let skew = -1_000_i64..=1_000;
    (after, leaves, way(), way(), lost, put_off, skew).prop_map(
        |(after, leaves, there, back, lost, put_off, skew)| Init {
            after,
            leaves,
            there,
            back,
            lost,
            put_off,
            skew,
        },
    )
}

proptest! {
    #[test]
    fn however_long_inits_are_under_way_no_minute_has_seven(inits in prop::collection::vec(any_init(), 1..60)) {
        let ms = SignedDuration::from_millis;
        let (mut limits, mut now, mut arrivals) = (Limits::default(), at(0), Vec::new());
        // what the one before left: the end of its claim, and since when its end is known
        let mut before: Option<(Timestamp, Timestamp)> = None;
        for Init { after, leaves, there, back, lost, put_off, skew } in inits {
            now += ms(after);
            let until = loop {
                let shown = now + ms(skew);
                let until = shown + ms(40_000);
                match limits.clone().begin(shown, until) {
                    Ok(()) => break until,
                    Err(free) => now = free - ms(skew),
                }
            };
            if let Some((until, known)) = before.take() {
                limits.came(until, known);
            }
            prop_assert_eq!(limits.begin(now + ms(skew), until), Ok(()));
            now += ms(leaves);
            if put_off {
                limits.came(until, now + ms(skew));
                continue;
            }
            arrivals.push(now + ms(there));
            if lost {
                // its account goes on, at once as after a lost upload or after a while
                continue;
            }
            now += ms(there) + ms(back);
            before = Some((until, now + ms(skew)));
        }
        arrivals.sort_unstable();
        prop_assert!(most_in_a_minute(&arrivals) <= 6);
    }

    #[test]
    fn however_long_checks_are_under_way_no_minute_has_too_many(
        checks in prop::collection::vec((0_i64..3_000, 0_i64..=1_500, 0_i64..=20_000, -1_000_i64..=1_000), 1..150),
    ) {
        let ms = SignedDuration::from_millis;
        let (mut limits, mut now, mut arrivals) = (Limits::default(), at(0), Vec::new());
        for (after, late, way, skew) in checks {
            now += ms(after);
            now = limits.reserve_status(now + ms(skew)).max(now + ms(skew)) - ms(skew);
            arrivals.push(now + ms(late) + ms(way));
        }
        arrivals.sort_unstable();
        prop_assert!(most_in_a_minute(&arrivals) <= 30);
    }
}

#[test]
fn after_a_429_nothing_is_reserved_before_the_rest_is_over() {
    let mut limits = Limits::default();
    limits.rest(at(0), SignedDuration::from_secs(3));
    assert_eq!(limits.reserve_status(at(1)), at(65));
    assert_eq!(limits.reserve_publish(at(100)), at(100));
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// How many of these TikTok counts at the moment of the last one.
fn in_a_day(begun: &[Timestamp]) -> usize {
    let last = begun.last().copied().unwrap_or_default();
    begun.iter().filter(|at| last.duration_since(**at) < A_DAY).count()
}

fn capped(posts: u32) -> Day {
    Day::new(Vec::new(), Some(Cap { posts, learned_at: at(0) }))
}

#[test]
fn a_cap_is_what_was_taken_before_the_refusal_and_ends_when_the_oldest_counts_no_more() {
    let mut day = Day::default();
    for begun in [0, 100, 200] {
        day.count(at(begun));
    }
    assert_eq!((day.used(at(200)), day.left(at(200)), day.free_at(at(200))), (3, None, None));
    assert_eq!(day.refused(at(200)), Some(at(1) + A_DAY), "a second more than our own clock says");
    assert_eq!((day.used(at(200)), day.left(at(200))), (2, Some(0)));
    assert_eq!(day.free_at(at(300)), Some(at(1) + A_DAY));
    assert_eq!(day.free_at(at(1) + A_DAY), None);
}

#[test]
fn a_refusal_before_anything_was_counted_teaches_nothing() {
    let mut day = Day::default();
    day.count(at(0));
    assert_eq!((day.refused(at(0)), day.cap), (None, None));
    day.count(at(5));
    day.count(at(10) + A_DAY);
    assert_eq!((day.refused(at(10) + A_DAY), day.cap), (None, None), "what is older than a day is no reason");
}

#[test]
fn a_cap_is_believed_for_a_day_and_then_tiktok_is_asked() {
    let mut day = capped(1);
    day.count(at(3_600));
    let end = at(2) + A_DAY;
    assert_eq!(day.free_at(at(7_200)), Some(end), "not when the post of an hour later counts no more");
    assert_eq!((day.free_at(end), day.left(end)), (None, None));
}

#[test]
fn the_last_second_of_a_day_counts_as_tiktok_counts_it() {
    let mut day = capped(1);
    day.count(at(0) + SignedDuration::from_millis(900));
    let asked = at(0) + A_DAY + SignedDuration::from_millis(500);
    assert_eq!(day.free_at(asked), Some(at(1) + A_DAY), "24 hours are not over by 400 ms");
}

#[test]
fn a_slot_remembers_who_had_it_newest_first_and_nobody_twice() {
    let id = |bits| PostId::from_bits(bits);
    let mut slot = Slot::taken(id(0), at(0), None);
    assert_eq!((slot.recent.len(), slot.doubts.len()), (0, 0));
    slot.doubts = vec![id(77)];
    for bits in 1..=10 {
        slot = Slot::taken(id(bits), at(1), Some(&slot));
        slot = Slot::taken(id(bits), at(2), Some(&slot));
    }
    let had: Vec<PostId> = (4..=9).rev().map(id).collect();
    assert_eq!((slot.recent.len(), &slot.recent), (Slot::REMEMBERED, &had), "taking it again is no change");
    assert_eq!((slot.until, slot.doubts), (at(2), vec![id(77)]));
}

proptest! {
    #[test]
    fn no_day_sees_more_posts_than_the_cap_once_it_is_known(
        cap in 1_u32..20,
        // a post comes, and waits for its time or gives up
        posts in prop::collection::vec((0_i64..20_000_000, any::<bool>(), any::<bool>()), 1..120),
    ) {
        let (mut now, mut begun) = (at(0), Vec::new());
        // TikTok counts in milliseconds, and our cap is newly learned each time
        let mut day = Day::default();
        for (gap, waits, comes_to_nothing) in posts {
            now += SignedDuration::from_millis(gap);
            day.cap = Some(Cap { posts: cap, learned_at: now });
            if let Some(free_at) = day.free_at(now) {
                prop_assert!(free_at > now && free_at <= now + A_DAY + SignedDuration::from_secs(1));
                prop_assert_eq!(day.left(now), Some(0));
                if !waits {
                    continue;
                }
                now = free_at;
                prop_assert_eq!(day.free_at(now), None, "it is free when it said");
            }
            prop_assert!(day.left(now) > Some(0));
            day.count(now);
            if comes_to_nothing {
                day.uncount();
                continue;
            }
            begun.push(now);
            prop_assert!(in_a_day(&begun) <= usize::try_from(cap).unwrap());
        }
    }

    #[test]
    fn a_slot_forgets_no_doubt_and_never_holds_its_own_post_as_one_before(
        takes in prop::collection::vec(0_u128..9, 1..60),
    ) {
        let mut slot: Option<Slot> = None;
        for (number, bits) in takes.into_iter().enumerate() {
            let until = at(i64::try_from(number).unwrap());
            let mut next = Slot::taken(PostId::from_bits(bits), until, slot.as_ref());
            prop_assert!(next.recent.len() <= Slot::REMEMBERED);
            prop_assert!(!next.recent.contains(&next.post));
            let mut once = next.recent.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), next.recent.len());
            if let Some(before) = &slot {
                prop_assert!(next.doubts.starts_with(&before.doubts));
                prop_assert!(before.post == next.post || next.recent[0] == before.post);
            }
            next.doubts.push(PostId::from_bits(1_000 + bits));
            slot = Some(next);
        }
    }

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
    fn a_backlog_drains_at_95_percent_of_the_rate(posts in 12_usize..200) {
        let mut limits = Limits::default();
        let last = (0..posts).map(|_| limits.reserve_publish(at(0))).max().unwrap();
        let minutes = last.duration_since(at(0)).as_secs_f64() / 60.0;
        let full_windows = f64::from(u32::try_from((posts - 1) / 6).unwrap());
        prop_assert!(full_windows / minutes >= 0.95);
    }

    #[test]
    fn a_ring_survives_its_row(times in prop::collection::vec(0_i64..10_000_000, 0..50)) {
        let ring: Ring<20> = Ring::from_millis(times);
        prop_assert!(ring.millis().len() <= 20);
        prop_assert_eq!(Ring::<20>::from_millis(ring.millis().to_vec()), ring);
    }
}
