//! Futures side by side; wherever one lets others go first, a seeded choice decides who goes on.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use domain::Timestamp;
use ports::Clock as _;
use ports::fakes::ManualClock;
use rand::Rng as _;
use rand::rngs::StdRng;

use crate::Script;
use crate::script::Woken;

/// How it is decided who goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everybody alike.
    Evenly,
    /// The most urgent, and urgencies change now and then: some starve while others run far ahead.
    ByUrgency,
}

/// What a step came to.
pub(crate) enum Step<T> {
    /// One call went half its way.
    Went,
    /// An invocation ended.
    Ended(T),
    /// An invocation is no more.
    Crashed,
}

struct Member<T> {
    future: Option<Pin<Box<dyn Future<Output = T>>>>,
    woken: Arc<Woken>,
    script: Script,
    urgency: u32,
}

/// Invocations side by side.
pub(crate) struct Crowd<T> {
    members: Vec<Member<T>>,
    going: Vec<usize>,
    rng: StdRng,
    way: Way,
}

impl<T> Crowd<T> {
    pub(crate) fn new(mut rng: StdRng) -> Self {
        let way = if rng.random() { Way::Evenly } else { Way::ByUrgency };
        Self { members: Vec::new(), going: Vec::new(), rng, way }
    }

    /// One more invocation, by the script that it runs by; gives its number.
    pub(crate) fn join(&mut self, script: Script, future: Pin<Box<dyn Future<Output = T>>>) -> usize {
        let urgency = self.rng.random();
        self.members.push(Member { future: Some(future), woken: Woken::up(), script, urgency });
        self.going.push(self.members.len() - 1);
        self.members.len() - 1
    }

    /// How many have neither ended nor crashed.
    pub(crate) fn going(&self) -> usize {
        self.going.len()
    }

    /// Lets one go on until it makes way again. `None`: all are gone, or wait for time to pass.
    pub(crate) fn step(&mut self) -> Option<(usize, Step<T>)> {
        let ready: Vec<usize> =
            self.going.iter().copied().filter(|number| self.members[*number].woken.is_up()).collect();
        let number = match self.way {
            _ if ready.is_empty() => return None,
            Way::Evenly => ready[self.rng.random_range(0..ready.len())],
            Way::ByUrgency => ready.into_iter().max_by_key(|number| self.members[*number].urgency)?,
        };
        let member = &mut self.members[number];
        if self.rng.random_ratio(1, 16) {
            member.urgency = self.rng.random();
        }
        member.woken.take();
        let waker = Waker::from(Arc::clone(&member.woken));
        let future = member.future.as_mut()?;
        let step = match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(value) => Step::Ended(value),
            Poll::Pending if member.script.has_crashed() => Step::Crashed,
            Poll::Pending => return Some((number, Step::Went)),
        };
        member.future = None;
        self.going.retain(|other| *other != number);
        Some((number, step))
    }
}

/// Those who wait for the clock to show a time.
#[derive(Clone, Default)]
pub(crate) struct Naps(Arc<Mutex<Vec<(Timestamp, Waker)>>>);

impl Naps {
    fn with<X>(&self, change: impl FnOnce(&mut Vec<(Timestamp, Waker)>) -> X) -> X {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until then.
    pub(crate) fn until(
        &self,
        at: Timestamp,
        clock: &ManualClock,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (naps, clock) = (self.clone(), clock.clone());
        std::future::poll_fn(move |context| {
            if clock.now() >= at {
                return Poll::Ready(());
            }
            naps.with(|naps| naps.push((at, context.waker().clone())));
            Poll::Pending
        })
    }

    /// When the next one ends.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.with(|naps| naps.iter().map(|(at, _)| *at).min())
    }

    /// Ends those that are over.
    pub(crate) fn ring(&self, now: Timestamp) {
        let over = self.with(|naps| naps.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>());
        for (_, waker) in over {
            waker.wake();
        }
    }
}
