//! TikTok's limits per account: start times are reserved, not tried.
//!
//! TikTok counts calls in a sliding minute (20 `creator_info`, 6 `init`, 30 `status`). A token bucket of "6 a minute"
//! lets 11 through in some minutes; a ring of the last N reserved times over a little more than a minute never does.
//!
//! TikTok counts a call when it comes, and a call may be under way for seconds. For `creator_info` and `status` the window is
//! longer by that, which nobody feels. Inits cannot spare it, a backlog would drain at three quarters of the rate: their ring
//! holds by when each has come at the latest, and that is known exactly as soon as TikTok has answered.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The window of a ring: TikTok's minute, with room for workers' clocks that are two seconds apart.
pub const WINDOW: SignedDuration = SignedDuration::from_millis(WINDOW_MILLIS);
const WINDOW_MILLIS: i64 = 62_000;
/// How late a call may go out after its reserved time; later it reserves again and the slot stays spent.
pub const LATENESS: SignedDuration = SignedDuration::from_millis(1_500);
/// A call that has gone out comes within this, or never: its client gives up after 12 seconds, and what the network holds by then
/// arrives soon or is dropped.
pub const UNDER_WAY: SignedDuration = SignedDuration::from_secs(20);
/// The window of calls of which nobody knows when they came: [`WINDOW`], [`LATENESS`] and [`UNDER_WAY`], in whole seconds.
pub const WIDE: SignedDuration = SignedDuration::from_millis(WIDE_MILLIS);
const WIDE_MILLIS: i64 = 84_000;
/// How far apart places are that six posts have in between: [`WINDOW`], and most of the second to which queues round. Nearer
/// together, posts would come before those in front of them have made room, and come again.
pub const PACE: SignedDuration = SignedDuration::from_millis(PACE_MILLIS);
const PACE_MILLIS: i64 = 63_000;

/// The last `N` reserved start times of one endpoint, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring<const N: usize>(Vec<i64>);

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<const N: usize> Ring<N> {
    /// How many calls a window takes.
    pub const QUOTA: usize = N;

    /// A ring from reserved times in milliseconds since 1970, as a row holds them.
    pub fn from_millis(mut times: Vec<i64>) -> Self {
        times.sort_unstable();
        let surplus = times.len().saturating_sub(N);
        Self(times.split_off(surplus))
    }

    /// The reserved times in milliseconds since 1970, oldest first.
    pub fn millis(&self) -> &[i64] {
        &self.0
    }

    /// The latest reserved time.
    pub fn newest(&self) -> Option<Timestamp> {
        self.0.last().and_then(|millis| Timestamp::from_millisecond(*millis).ok())
    }

    /// The earliest time from `now` on at which one more call keeps every window of so many milliseconds within `N`.
    fn earliest(&self, window: i64, now: Timestamp) -> Timestamp {
        if self.0.len() < N {
            return now;
        }
        let free = self.0[self.0.len() - N] + window;
        now.max(Timestamp::from_millisecond(free).unwrap_or(Timestamp::MAX))
    }

    /// How many more calls a window takes at `now`, and when it takes one more (`None`: it takes all of them).
    pub fn left(&self, window: SignedDuration, now: Timestamp) -> (usize, Option<Timestamp>) {
        let end = |millis: &i64| {
            let end = Timestamp::from_millisecond(*millis).ok()?.checked_add(window).ok()?;
            (now < end).then_some(end)
        };
        let ends: Vec<Timestamp> = self.0.iter().filter_map(end).collect();
        (N.saturating_sub(ends.len()), ends.first().copied())
    }

    fn reserve(&mut self, at: Timestamp) {
        self.0.push(at.as_millisecond());
        self.0.sort_unstable();
        if self.0.len() > N {
            self.0.remove(0);
        }
    }
}

/// The limiter of one account; lives in the account's row.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// `creator_info/query`: 20 a minute.
    pub creator_info: Ring<20>,
    /// `video/init`: 6 a minute.
    pub init: Ring<6>,
    /// `status/fetch`: 30 a minute.
    pub status: Ring<30>,
    /// By when each of the last inits has come to TikTok, if it has. The ring above is the order in which posts come; a post
    /// may come later than its place, and TikTok counts when its init does.
    #[serde(default)]
    pub begun: Ring<6>,
    /// After a 429 nothing goes out before this.
    pub rest_until: Option<Timestamp>,
    /// Attempts that began in the last 24 hours.
    pub day: Day,
}

/// TikTok's cap of posts in 24 hours: what counts towards it, and how many it takes, as far as that was learned.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Day {
    /// When the attempts of the last 24 hours began, in seconds since 1970, oldest first.
    counted: Vec<i64>,
    /// How many TikTok took, and when it refused one more.
    pub cap: Option<Cap>,
}

/// A cap that was learned from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cap {
    /// Posts in 24 hours.
    pub posts: u32,
    /// When TikTok refused one more.
    pub learned_at: Timestamp,
}

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
/// A cap is believed this long. TikTok moves it, and what others posted on one day says nothing of the next: asking costs one
/// `creator_info` a day.
const CAP_BELIEVED: SignedDuration = SignedDuration::from_secs(24 * 3_600 + 2);
/// More than TikTok takes of anybody.
const COUNTED_MAX: usize = 64;

impl Day {
    /// What a row holds.
    pub fn new(mut counted: Vec<i64>, cap: Option<Cap>) -> Self {
        counted.sort_unstable();
        counted.drain(..counted.len().saturating_sub(COUNTED_MAX));
        Self { counted, cap }
    }

    /// Seconds since 1970, oldest first.
    pub fn counted(&self) -> &[i64] {
        &self.counted
    }

    fn forget_before(&mut self, now: Timestamp) {
        self.counted.retain(|at| counts(*at, now));
    }

    /// An attempt begins.
    pub fn count(&mut self, at: Timestamp) {
        self.forget_before(at);
        let mut counted = std::mem::take(&mut self.counted);
        counted.push(at.as_second());
        *self = Self::new(counted, self.cap);
    }

    /// The attempt that began last came to nothing.
    pub fn uncount(&mut self) {
        self.counted.pop();
    }

    /// Attempts in the 24 hours before `now`.
    pub fn used(&self, now: Timestamp) -> u32 {
        u32::try_from(self.counted.iter().filter(|at| counts(**at, now)).count()).unwrap_or(u32::MAX)
    }

    /// How many more TikTok takes, as far as its cap is known.
    pub fn left(&self, now: Timestamp) -> Option<u32> {
        Some(self.believed(now)?.posts.saturating_sub(self.used(now)))
    }

    fn believed(&self, now: Timestamp) -> Option<Cap> {
        self.cap.filter(|cap| now < cap.learned_at + CAP_BELIEVED)
    }

    /// When TikTok takes another one, if its cap says that it does not now.
    pub fn free_at(&self, now: Timestamp) -> Option<Timestamp> {
        let believed = self.believed(now)?;
        let cap = usize::try_from(believed.posts).ok()?;
        let counted: Vec<i64> = self.counted.iter().copied().filter(|at| counts(*at, now)).collect();
        let index = counted.len().checked_sub(cap)?;
        // when the cap is believed no more, TikTok is asked
        Some(after_a_day(*counted.get(index)?)?.min(believed.learned_at + CAP_BELIEVED))
    }

    /// TikTok refused the attempt that began last: it takes no more than came before. Gives when the oldest of them counts no
    /// more; `None`: it was not us who used them up.
    pub fn refused(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.uncount();
        self.forget_before(now);
        let used = self.used(now);
        if used > 0 {
            self.cap = Some(Cap { posts: used, learned_at: now });
        }
        after_a_day(*self.counted.first()?)
    }
}

/// Whether TikTok may still count an attempt that began in this second.
fn counts(second: i64, now: Timestamp) -> bool {
    after_a_day(second).is_some_and(|end| now < end)
}

fn after_a_day(second: i64) -> Option<Timestamp> {
    // a second later: TikTok counts finer than we do
    Some(Timestamp::from_second(second + 1).ok()? + A_DAY)
}

impl Limits {
    fn after_rest(&self, now: Timestamp) -> Timestamp {
        self.rest_until.map_or(now, |rest| rest.max(now))
    }

    /// Reserves one `creator_info` and one `init`, both at the time returned.
    pub fn reserve_publish(&mut self, now: Timestamp) -> Timestamp {
        let from = self.after_rest(now);
        let start = self.creator_info.earliest(WIDE_MILLIS, from).max(self.init.earliest(PACE_MILLIS, from));
        self.creator_info.reserve(start);
        self.init.reserve(start);
        start
    }

    /// Whether a time that is still to come can have been given out here: whatever else stands in a message would keep its post
    /// waiting for as long as it says.
    pub fn gave(&self, time: Timestamp) -> bool {
        let begun = self.begun.newest().map(|by| by + WINDOW);
        let given = [self.init.newest(), begun, self.rest_until];
        given.into_iter().flatten().any(|latest| time <= latest)
    }

    /// A post whose place has come begins what ends in its init, which nobody sends after `until`. `Err`: those that have begun
    /// leave no room before then.
    pub fn begin(&mut self, now: Timestamp, until: Timestamp) -> Result<(), Timestamp> {
        let free = self.begun.earliest(WINDOW_MILLIS, self.after_rest(now));
        if free > now {
            return Err(free);
        }
        self.begun.reserve(until + UNDER_WAY);
        Ok(())
    }

    /// The init of whoever began with this `until` has come to TikTok by `at`, or never will. Of two that began with the same
    /// one it is either.
    pub fn came(&mut self, until: Timestamp, at: Timestamp) {
        let latest = (until + UNDER_WAY).as_millisecond();
        let Some(place) = self.begun.0.iter().position(|by| *by == latest) else { return };
        self.begun.0.remove(place);
        // what has left the ring is older than all that is in it, and stays so
        let oldest = self.begun.0.first().copied().unwrap_or(i64::MIN);
        let at = at.as_millisecond().clamp(oldest.min(latest), latest);
        self.begun.0.push(at);
        self.begun.0.sort_unstable();
    }

    /// Reserves one `creator_info` at the time returned.
    pub fn reserve_creator_info(&mut self, now: Timestamp) -> Timestamp {
        let start = self.creator_info.earliest(WIDE_MILLIS, self.after_rest(now));
        self.creator_info.reserve(start);
        start
    }

    /// Reserves one `status` call at the time returned.
    pub fn reserve_status(&mut self, now: Timestamp) -> Timestamp {
        let start = self.status.earliest(WIDE_MILLIS, self.after_rest(now));
        self.status.reserve(start);
        start
    }

    /// TikTok answered 429: the account rests for the rest of the window and a little more.
    pub fn rest(&mut self, now: Timestamp, jitter: SignedDuration) {
        self.rest_until = Some(self.after_rest(now).max(now + WINDOW + jitter));
    }
}

/// Whether a call reserved for `start` may go out at `now`.
pub fn on_time(start: Timestamp, now: Timestamp) -> bool {
    start <= now && now <= start + LATENESS
}
