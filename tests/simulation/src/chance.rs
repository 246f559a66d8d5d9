//! What goes wrong, and when: by a seed, or as a list says.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::habits::Habits;

/// Somewhere that something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A call of a function to a port.
    Port,
    /// A call of a function to TikTok.
    TikTok,
    /// A message on its way into a queue.
    Send,
    /// A message on its way out of a queue.
    Receive,
    /// A webhook on its way from TikTok.
    Webhook,
    /// A tick of the clock that wakes a sweep.
    Sweep,
    /// A download by TikTok.
    Fetch,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The invocation ends; the call has no effect.
    CrashBefore,
    /// The call has its effect; the invocation ends.
    CrashAfter,
    /// The call has no effect; the caller sees an error that does not say so.
    FailBefore,
    /// The call has its effect; the caller sees an error that does not say so.
    FailAfter,
    /// The call takes seconds.
    Slow,
    /// The message of this invocation is delivered once more, right now.
    Rival,
    /// No connection was made, and the error says so.
    NotSent,
    /// TikTok's answer breaks off.
    CutBody,
    /// TikTok's answer is no JSON.
    Garbage,
    /// TikTok answers 500 and has done nothing.
    ErrorBefore,
    /// TikTok answers 500 and has done it.
    ErrorAfter,
    /// TikTok answers 429.
    TooMany,
    /// The message, or the webhook, never arrives.
    Lost,
    /// It arrives twice.
    Doubled,
    /// It arrives late.
    Late,
    /// The webhook is not answered.
    Unanswered,
    /// The clock does not tick.
    Skipped,
    /// The download finds nothing, or what it finds does not arrive.
    NotFetched,
    /// TikTok fails with a reason that passes.
    Internal,
}

impl Mishap {
    /// Every one.
    pub const ALL: [Self; 19] = [
        Self::CrashBefore,
        Self::CrashAfter,
        Self::FailBefore,
        Self::FailAfter,
        Self::Slow,
        Self::Rival,
        Self::NotSent,
        Self::CutBody,
        Self::Garbage,
        Self::ErrorBefore,
        Self::ErrorAfter,
        Self::TooMany,
        Self::Lost,
        Self::Doubled,
        Self::Late,
        Self::Unanswered,
        Self::Skipped,
        Self::NotFetched,
        Self::Internal,
    ];
}

impl Place {
    /// What can go wrong there.
    pub const fn mishaps(self) -> &'static [Mishap] {
        use Mishap as M;
        match self {
            Self::Port => &[M::CrashBefore, M::CrashAfter, M::FailBefore, M::FailAfter, M::Slow, M::Rival],
            Self::TikTok => &[
                M::CrashBefore,
                M::CrashAfter,
                M::FailBefore,
                M::FailAfter,
                M::Slow,
                M::Rival,
                M::NotSent,
                M::CutBody,
                M::Garbage,
                M::ErrorBefore,
                M::ErrorAfter,
                M::TooMany,
            ],
            Self::Send => &[M::Lost, M::Doubled, M::Late],
            Self::Receive => &[M::Doubled, M::Late],
            Self::Webhook => &[M::Lost, M::Doubled, M::Late, M::Unanswered],
            Self::Sweep => &[M::Doubled, M::Skipped],
            Self::Fetch => &[M::Late, M::NotFetched, M::Internal],
        }
    }
}

/// How much goes wrong, in mishaps out of 65,536 chances.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    /// At a function's call to a port.
    pub port: u16,
    /// At a function's call to TikTok.
    pub tiktok: u16,
    /// On the way into and out of a queue.
    pub queue: u16,
    /// On the way from TikTok's webhooks.
    pub webhook: u16,
    /// At the clock.
    pub sweep: u16,
    /// At TikTok's downloads.
    pub fetch: u16,
    /// How often a read that need not be fresh is behind.
    pub stale: u16,
    /// By how much at most, in milliseconds.
    pub stale_ms: i64,
    /// How long TikTok takes for a call at most, over and above what is usual, in milliseconds.
    pub sluggish_ms: i64,
}

/// Decides.
#[derive(Debug)]
pub struct Chance {
    rng: StdRng,
    rates: Rates,
    /// From then on nothing goes wrong any more.
    calm_at: i64,
    /// By number of the place.
    planned: Vec<(usize, Mishap)>,
    scripted: bool,
    places: Vec<Place>,
    habits: Habits,
    /// How many mishaps there were.
    pub(crate) mishaps: u32,
}

impl Chance {
    /// By a seed.
    pub fn seeded(rng: StdRng, rates: Rates, calm_at: i64) -> Self {
        let (planned, places, habits) = (Vec::new(), Vec::new(), Habits::default());
        Self { rng, rates, calm_at, planned, scripted: false, places, habits, mishaps: 0 }
    }

    /// As a list says, by the number of the place; everything takes as long as it always takes.
    pub fn scripted(planned: Vec<(usize, Mishap)>) -> Self {
        let rng = StdRng::seed_from_u64(1);
        let (rates, places, habits) = (Rates::default(), Vec::new(), Habits::default());
        Self { rng, rates, calm_at: i64::MAX, planned, scripted: true, places, habits, mishaps: 0 }
    }

    /// As a campaign wants it, always.
    pub(crate) fn habitual(seed: u64, habits: Habits) -> Self {
        Self { habits, ..Self::seeded(StdRng::seed_from_u64(seed), Rates::default(), i64::MAX) }
    }

    /// What becomes of an init of this post.
    pub(crate) fn mishap_of_init(&mut self, title: &str) -> Option<Mishap> {
        let mishap = self.habits.cut(title);
        self.mishaps += u32::from(mishap.is_some());
        mishap
    }

    /// The places of a scripted run, in order.
    pub(crate) fn into_places(self) -> Vec<Place> {
        self.places
    }

    /// What goes wrong at the next place.
    pub(crate) fn mishap(&mut self, place: Place, now: i64) -> Option<Mishap> {
        let mishap = if self.scripted {
            let number = self.places.len();
            self.places.push(place);
            self.planned.iter().find(|(at, _)| *at == number).map(|(_, mishap)| *mishap)
        } else if let Some(mishap) = self.habits.mishap(place, now, &mut self.rng) {
            Some(mishap)
        } else {
            let rate = match place {
                Place::Port => self.rates.port,
                Place::TikTok => self.rates.tiktok,
                Place::Send | Place::Receive => self.rates.queue,
                Place::Webhook => self.rates.webhook,
                Place::Sweep => self.rates.sweep,
                Place::Fetch => self.rates.fetch,
            };
            if rate == 0 || now >= self.calm_at || self.rng.random::<u16>() >= rate {
                None
            } else {
                let mishaps = place.mishaps();
                Some(mishaps[self.rng.random_range(0..mishaps.len())])
            }
        };
        self.mishaps += u32::from(mishap.is_some());
        mishap
    }

    /// How far behind a read is, in milliseconds.
    pub(crate) fn lag(&mut self, now: i64) -> i64 {
        if self.rates.stale == 0 || now >= self.calm_at || self.rng.random::<u16>() >= self.rates.stale {
            return 0;
        }
        self.rng.random_range(1..=self.rates.stale_ms)
    }

    /// How far behind the index may be, in milliseconds.
    pub(crate) fn most_lag(&self, now: i64) -> i64 {
        if self.rates.stale == 0 || now >= self.calm_at { 0 } else { self.rates.stale_ms }
    }

    /// How much longer a call to TikTok takes, on the way there and on the way back, in milliseconds.
    pub(crate) fn sluggish(&mut self, now: i64, group: &str) -> (i64, i64) {
        if let Some(network) = &mut self.habits.network {
            return (network.jitter(group), network.jitter(group));
        }
        if self.rates.sluggish_ms == 0 || now >= self.calm_at {
            return (0, 0);
        }
        let most = self.rates.sluggish_ms / 2;
        (self.rng.random_range(0..=most), self.rng.random_range(0..=most))
    }

    /// How long an ordinary call takes before its effect and after it, in milliseconds.
    pub(crate) fn latency(&mut self, group: &str) -> (i64, i64) {
        if let Some(network) = &mut self.habits.network {
            return (network.port(group), network.port(group));
        }
        if self.scripted {
            return (5, 5);
        }
        let bits: u32 = self.rng.random();
        let long = bits & 0xf000_0000 == 0;
        let total = if long { 40 + i64::from(bits >> 8 & 0x1ff) } else { 1 + i64::from(bits >> 8 & 0x1f) };
        match bits & 3 {
            0 => (total, 0),
            1 => (0, total),
            _ => (total / 2, total - total / 2),
        }
    }

    /// One of so many; the first, if it is scripted.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        if self.scripted { 0 } else { self.rng.random_range(0..bound) }
    }

    /// Some time between these, in milliseconds; the middle, if it is scripted.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        if self.scripted { i64::midpoint(least, most) } else { self.rng.random_range(least..=most) }
    }
}
