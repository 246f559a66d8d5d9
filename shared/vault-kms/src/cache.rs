//! How long data keys are used.

use std::collections::HashMap;

use domain::SignedDuration;
use jiff::Timestamp;

use crate::Key;

/// A data key is used for less than this.
const LIFE: SignedDuration = SignedDuration::from_mins(5);
/// How often one seals.
const USES: u32 = 1_000;
/// How many decrypted ones are kept.
const KEPT: usize = 100;

/// A clock that went back says nothing about age: the key counts as old.
fn young(since: Timestamp, now: Timestamp) -> bool {
    (SignedDuration::ZERO..LIFE).contains(&now.duration_since(since))
}

/// The data key that seals at present.
pub(crate) struct Sealing {
    key: Key,
    encrypted: Vec<u8>,
    since: Timestamp,
    uses: u32,
}

impl Sealing {
    pub(crate) fn new(key: Key, encrypted: Vec<u8>, since: Timestamp) -> Self {
        Self { key, encrypted, since, uses: 0 }
    }

    /// The use it was made for.
    pub(crate) fn first_use(&mut self) -> (Key, Vec<u8>) {
        self.uses += 1;
        (Key::clone(&self.key), self.encrypted.clone())
    }

    /// One more use, if there is one left.
    pub(crate) fn use_once(&mut self, now: Timestamp) -> Option<(Key, Vec<u8>)> {
        (self.uses < USES && young(self.since, now)).then(|| self.first_use())
    }
}

/// Data keys that KMS decrypted, by their encrypted form.
#[derive(Default)]
pub(crate) struct Opening {
    keys: HashMap<Vec<u8>, (Key, Timestamp)>,
}

impl Opening {
    pub(crate) fn get(&self, encrypted: &[u8], now: Timestamp) -> Option<Key> {
        let (key, since) = self.keys.get(encrypted)?;
        young(*since, now).then(|| Key::clone(key))
    }

    /// Keeps one; old ones go, and where that is not enough the oldest.
    pub(crate) fn put(&mut self, encrypted: Vec<u8>, key: Key, now: Timestamp) {
        self.keys.retain(|_, (_, since)| young(*since, now));
        if self.keys.len() >= KEPT {
            let oldest = self.keys.iter().min_by_key(|(_, (_, since))| *since).map(|(it, _)| it.clone());
            oldest.map(|it| self.keys.remove(&it));
        }
        self.keys.insert(encrypted, (key, now));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};

    use super::*;

    fn key() -> Key {
        Arc::new(RandomizedNonceKey::new(&AES_256_GCM, &[7; 32]).unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_data_key_seals_a_thousand_times() {
        let mut sealing = Sealing::new(key(), vec![1], at(0));
        sealing.first_use();
        let more = std::iter::from_fn(|| sealing.use_once(at(1))).take(2_000).count();
        assert_eq!(more, 999);
    }

    #[test]
    fn a_data_key_seals_for_less_than_five_minutes() {
        let mut sealing = Sealing::new(key(), vec![1], at(0));
        assert!(sealing.use_once(at(299)).is_some());
        assert!(sealing.use_once(at(300)).is_none());
        assert!(sealing.use_once(at(-1)).is_none(), "the clock went back");
    }

    #[test]
    fn a_decrypted_data_key_is_forgotten_after_five_minutes() {
        let mut opening = Opening::default();
        opening.put(vec![1], key(), at(0));
        assert!(opening.get(&[1], at(299)).is_some());
        assert!(opening.get(&[1], at(300)).is_none());
        assert!(opening.get(&[2], at(0)).is_none());
        opening.put(vec![2], key(), at(300));
        assert_eq!(opening.keys.len(), 1, "an old key does not stay in memory");
    }

    #[test]
    fn a_hundred_decrypted_data_keys_are_kept_and_the_oldest_goes_first() {
        let mut opening = Opening::default();
        for (second, id) in (0..=100).zip(0..=100) {
            opening.put(vec![id], key(), at(second));
        }
        assert_eq!(opening.keys.len(), 100);
        assert!(opening.get(&[0], at(101)).is_none());
        assert!(opening.get(&[1], at(101)).is_some());
    }
}
