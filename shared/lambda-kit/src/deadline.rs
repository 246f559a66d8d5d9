//! How much of an invocation is left.

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::Context;

/// The moment at which Lambda ends this invocation, whatever it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Timestamp);

impl Deadline {
    /// A deadline at `moment`.
    pub const fn at(moment: Timestamp) -> Self {
        Self(moment)
    }

    /// The moment itself.
    pub const fn moment(self) -> Timestamp {
        self.0
    }

    /// The time left at `now`; zero when the deadline has passed.
    pub fn remaining(self, now: Timestamp) -> SignedDuration {
        self.0.duration_since(now).max(SignedDuration::ZERO)
    }

    /// Whether more than `needed` is left at `now`.
    pub fn leaves(self, needed: SignedDuration, now: Timestamp) -> bool {
        self.remaining(now) > needed
    }
}

impl From<&Context> for Deadline {
    /// Takes the deadline the Runtime API sent (epoch milliseconds); one beyond the calendar is the calendar's end.
    fn from(context: &Context) -> Self {
        let moment = i64::try_from(context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        Self(moment.unwrap_or(Timestamp::MAX))
    }
}
