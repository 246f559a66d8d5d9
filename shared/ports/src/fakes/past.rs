//! What a table was: for reads that may miss the last writes, and for whoever watches every write.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use domain::{Account, AccountId, Media, MediaId, Post, PostId, SignedDuration, Timestamp};

use super::ManualClock;
use crate::{Clock as _, Stored};

/// A row that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A post.
    Post(Versions<Stored<Post>>),
    /// A media.
    Media(Versions<Stored<Media>>),
    /// An account, with the refresh token of the generation before.
    Account(Versions<Account>),
}

/// A row before a write and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions<T> {
    /// `None`: it is new.
    pub before: Option<Arc<T>>,
    /// As it is now.
    pub after: Arc<T>,
}

/// Rows by their keys, and which of them may have been written since somebody last asked. Nobody can change one unnoticed.
#[derive(Debug)]
pub(super) struct Kept<K, V> {
    rows: BTreeMap<K, V>,
    touched: Option<Vec<K>>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), touched: None }
    }
}

impl<K, V> Deref for Kept<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.rows
    }
}

impl<K: Ord + Clone, V> Kept<K, V> {
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        if let Some(touched) = &mut self.touched {
            touched.push(key.clone());
        }
        Some(row)
    }

    pub(super) fn insert(&mut self, key: K, row: V) {
        if let Some(touched) = &mut self.touched {
            touched.push(key.clone());
        }
        self.rows.insert(key, row);
    }

    /// From now on, with every row that is there.
    pub(super) fn watch(&mut self) {
        self.touched = Some(self.rows.keys().cloned().collect());
    }

    /// Those that may have been written since the last time, each once.
    pub(super) fn touched(&mut self) -> Vec<K> {
        let mut touched = self.touched.as_mut().map(std::mem::take).unwrap_or_default();
        if touched.len() > 1 {
            touched.sort_unstable();
            touched.dedup();
        }
        touched
    }
}

/// The writes of one kind of row.
#[derive(Debug)]
pub(super) struct Past<K, T> {
    latest: BTreeMap<K, Arc<T>>,
    writes: Vec<(Timestamp, K, Versions<T>)>,
    /// How many of them somebody has taken.
    taken: usize,
}

impl<K, T> Default for Past<K, T> {
    fn default() -> Self {
        Self { latest: BTreeMap::new(), writes: Vec::new(), taken: 0 }
    }
}

impl<K: Ord + Clone, T: Clone> Past<K, T> {
    /// Takes a row down if it is not what it was.
    pub(super) fn note<'a>(&mut self, key: &K, row: &'a T, same: impl Fn(&T, &'a T) -> bool, now: Timestamp) {
        if self.latest.get(key).is_some_and(|known| same(known, row)) {
            return;
        }
        let after = Arc::new(row.clone());
        let before = self.latest.insert(key.clone(), Arc::clone(&after));
        self.writes.push((now, key.clone(), Versions { before, after }));
    }

    /// The row as it was before the first write since `then`, if there was one.
    pub(super) fn before(&self, key: &K, then: Timestamp) -> Option<&Versions<T>> {
        let since = self.writes.iter().rev().take_while(|(at, _, _)| *at > then);
        let first = since.filter(|(_, other, _)| other == key).last();
        first.map(|(_, _, versions)| versions)
    }

    fn is_taken(&self) -> bool {
        self.taken == self.writes.len()
    }

    fn take(&mut self) -> impl Iterator<Item = Versions<T>> {
        let from = std::mem::replace(&mut self.taken, self.writes.len());
        self.writes[from..].iter().map(|(_, _, versions)| versions.clone())
    }
}

/// The writes of all kinds of rows, and how far behind reads may be.
#[derive(Debug)]
pub(super) struct History {
    pub(super) clock: ManualClock,
    pub(super) lag: SignedDuration,
    pub(super) posts: Past<PostId, Stored<Post>>,
    pub(super) media: Past<MediaId, Stored<Media>>,
    pub(super) accounts: Past<AccountId, Account>,
}

impl History {
    pub(super) fn new(clock: ManualClock) -> Self {
        let (posts, media, accounts) = (Past::default(), Past::default(), Past::default());
        Self { clock, lag: SignedDuration::ZERO, posts, media, accounts }
    }

    /// What a read that is behind sees: rows as they were then.
    pub(super) fn then(&self) -> Option<Timestamp> {
        (!self.lag.is_zero()).then(|| self.clock.now() - self.lag)
    }

    pub(super) fn take(&mut self) -> Vec<Change> {
        if self.posts.is_taken() && self.media.is_taken() && self.accounts.is_taken() {
            return Vec::new();
        }
        let mut changes: Vec<Change> = self.posts.take().map(Change::Post).collect();
        changes.extend(self.media.take().map(Change::Media));
        changes.extend(self.accounts.take().map(Change::Account));
        changes
    }
}
