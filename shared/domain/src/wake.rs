//! When a row wakes up if every message about it is lost.

use jiff::Timestamp;

use crate::periods::Periods;

/// The `due` of a row whose next task is at `next`, given the `due` it has.
///
/// A far task is due at its own time. A near one is driven by a delayed message, so its row needs only a watchdog, never
/// later than the task plus [`Periods::watchdog`]; a watchdog that is good enough already is kept, because moving an
/// indexed key costs two index writes.
pub fn arrange(
    have: Option<Timestamp>,
    next: Option<Timestamp>,
    now: Timestamp,
    periods: &Periods,
) -> Option<Timestamp> {
    let next = next?;
    if next >= now + periods.sweep_from {
        return Some(next);
    }
    let latest = next.max(now) + periods.watchdog;
    match have {
        Some(have) if next <= have && have <= latest => Some(have),
        _ => Some(latest),
    }
}

/// How many partitions each kind of row spreads over in the `due` index.
pub const PARTITIONS: u8 = 16;

/// The partition of a row in the `due` index, from the bits of its id.
pub fn partition(bits: u128) -> u8 {
    u8::try_from(bits % u128::from(PARTITIONS)).unwrap_or_default()
}
