//! Ports in memory: they hold state, and fail on purpose, before the effect or after it.
//!
//! Clones share their state. Every fake logs the names of the operations called on it (the names of the traits' methods)
//! and fails the next calls of one of them when it is told to with `fail_next`.

mod drops;
mod objects;
mod parts;
mod past;
mod queues;
mod table;
mod time;
mod vault;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use objects::{MemoryObjects, StoredObject};
pub use past::{Change, Versions};
pub use queues::{MemoryQueues, Sent};
pub use table::MemoryTable;
pub use time::{ManualClock, SeededEntropy};
pub use vault::MemoryVault;

use crate::{PortError, PortResult};

/// How a call fails. The caller sees the same error and cannot tell which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call has no effect.
    BeforeEffect,
    /// The call has its effect, and its answer is lost.
    AfterEffect,
    /// The call has no effect and is refused for good, as access would be denied.
    Refused,
}

/// The source of every error made on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fail on purpose")]
pub struct OnPurpose;

/// Plans faults and logs calls; shared by all clones of a fake.
#[derive(Clone)]
pub(crate) struct Faults {
    known: &'static [&'static str],
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    planned: HashMap<&'static str, VecDeque<Fault>>,
    before: HashMap<&'static str, Box<dyn FnOnce() + Send>>,
    calls: Vec<&'static str>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

impl Faults {
    pub(crate) fn of(known: &'static [&'static str]) -> Self {
        Self { known, state: Arc::default() }
    }

    pub(crate) fn fail_next(&self, operation: &str, fault: Fault, count: usize) {
        let operation = self.known(operation);
        let mut state = lock(&self.state);
        state.planned.entry(operation).or_default().extend(std::iter::repeat_n(fault, count));
    }

    pub(crate) fn before_next(&self, operation: &str, act: impl FnOnce() + Send + 'static) {
        let operation = self.known(operation);
        lock(&self.state).before.insert(operation, Box::new(act));
    }

    fn known(&self, operation: &str) -> &'static str {
        let known = self.known.iter().find(|known| **known == operation);
        known.unwrap_or_else(|| panic!("`{operation}` is none of {:?}", self.known))
    }

    pub(crate) fn calls(&self) -> Vec<&'static str> {
        lock(&self.state).calls.clone()
    }

    pub(crate) fn forget_calls(&self) {
        lock(&self.state).calls.clear();
    }

    /// Runs the effect of an operation, unless a fault is planned for it.
    pub(crate) fn run<T>(
        &self,
        operation: &'static str,
        effect: impl FnOnce() -> PortResult<T>,
    ) -> PortResult<T> {
        debug_assert!(self.known.contains(&operation), "`{operation}` is not listed");
        let (fault, before) = {
            let mut state = lock(&self.state);
            state.calls.push(operation);
            let fault = state.planned.get_mut(operation).and_then(VecDeque::pop_front);
            (fault, state.before.remove(operation))
        };
        if let Some(act) = before {
            act();
        }
        match fault {
            None => effect(),
            Some(Fault::BeforeEffect) => {
                Err(PortError::passing(format!("`{operation}` in memory"), OnPurpose))
            }
            Some(Fault::AfterEffect) => {
                effect()?;
                Err(PortError::passing(format!("`{operation}` in memory"), OnPurpose))
            }
            Some(Fault::Refused) => Err(PortError::refused(format!("`{operation}` in memory"), OnPurpose)),
        }
    }
}

/// The methods every fake has for its faults and its log.
macro_rules! fails_on_purpose {
    ($fake:ty) => {
        impl $fake {
            /// Makes the next `count` calls of an operation fail, after those planned earlier for it.
            ///
            /// # Panics
            ///
            /// If there is no such operation.
            pub fn fail_next(&self, operation: &str, fault: crate::fakes::Fault, count: usize) {
                self.faults.fail_next(operation, fault, count);
            }

            /// Does something just before the effect of the next call of an operation: what others do in between.
            ///
            /// # Panics
            ///
            /// If there is no such operation.
            pub fn before_next(&self, operation: &str, act: impl FnOnce() + Send + 'static) {
                self.faults.before_next(operation, act);
            }

            /// The operations called so far, in order, failed ones included.
            pub fn calls(&self) -> Vec<&'static str> {
                self.faults.calls()
            }

            /// Empties the log of calls.
            pub fn forget_calls(&self) {
                self.faults.forget_calls();
            }
        }
    };
}
use fails_on_purpose;

/// Locks; a test that panicked elsewhere does not hide its own message behind a poisoned lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
