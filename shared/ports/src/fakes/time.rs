use std::sync::{Arc, Mutex};

use domain::{SignedDuration, Timestamp};

use super::lock;
use crate::{Clock, Entropy};

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Timestamp>>);

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        *lock(&self.0) += by;
    }

    /// Makes it show `now`.
    pub fn set(&self, now: Timestamp) {
        *lock(&self.0) = now;
    }
}

impl Default for ManualClock {
    /// A clock at 2026-11-01T12:00:00Z.
    fn default() -> Self {
        Self::new(Timestamp::constant(1_793_534_400, 0))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *lock(&self.0)
    }
}

/// Randomness that is the same for the same seed.
#[derive(Debug, Clone)]
pub struct SeededEntropy(Arc<Mutex<u64>>);

impl SeededEntropy {
    /// Randomness of this seed.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }
}

impl Default for SeededEntropy {
    fn default() -> Self {
        Self::new(1)
    }
}

impl Entropy for SeededEntropy {
    fn random(&self) -> [u8; 32] {
        let mut state = lock(&self.0);
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = *state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            chunk.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
        }
        bytes
    }
}
