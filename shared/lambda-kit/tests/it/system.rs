use jiff::{SignedDuration, Timestamp};
use lambda_kit::deadline::Deadline;
use lambda_kit::lambda_runtime::Context;
use lambda_kit::system::{SystemClock, SystemEntropy};

#[test]
fn random_bytes_differ_from_call_to_call() {
    let (one, two): ([u8; 16], [u8; 16]) = (SystemEntropy.bytes(), SystemEntropy.bytes());
    assert_ne!(one, two);
}

#[test]
fn the_clock_is_in_this_century() {
    assert!(SystemClock.now() > "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
}

#[test]
fn what_remains_of_an_invocation_is_never_negative() {
    let mut context = Context::default();
    context.deadline = 1_000_000;
    let deadline = Deadline::from(&context);
    let now = |ms| Timestamp::from_millisecond(ms).unwrap();
    assert_eq!(deadline.remaining(now(995_000)), SignedDuration::from_secs(5));
    assert_eq!(deadline.remaining(now(2_000_000)), SignedDuration::ZERO);
    assert!(deadline.leaves(SignedDuration::from_secs(4), now(995_000)));
    assert!(!deadline.leaves(SignedDuration::from_secs(5), now(995_000)));
}

#[test]
fn a_deadline_beyond_the_calendar_is_the_calendars_end() {
    let mut context = Context::default();
    context.deadline = u64::MAX;
    assert_eq!(Deadline::from(&context).moment(), Timestamp::MAX);
}
