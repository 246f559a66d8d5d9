//! A million creators who all connect within one hour.

use domain::account::RefreshPlan;
use rehearsal::million::{self, PLAN};

#[test]
fn a_million_creators_refresh_evenly_although_they_connected_in_one_hour() {
    let spread = million::simulate(1_000_000, 7, PLAN);
    assert_eq!(spread.failures(), Vec::<String>::new(), "{spread}");
    assert!(
        (1_400_000..1_600_000).contains(&spread.refreshes),
        "24 hours hold one cycle and a half: {spread}"
    );
}

#[test]
fn a_plan_that_leaves_no_room_for_failures_is_seen() {
    let spread = million::simulate(20_000, 7, RefreshPlan { at_percent: 90, jitter_percent: 10, ..PLAN });
    assert!(spread.failures().iter().any(|failure| failure.contains("left")), "{spread}");
}
