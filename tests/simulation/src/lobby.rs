//! A queue in front of few workers: which message is received next.

use std::collections::{BTreeMap, VecDeque};

/// Messages that wait for a worker, by group, as a fair queue hands them out: groups that have fewer messages in flight come
/// first, and among them whichever message has waited longest.
#[derive(Debug, Default)]
pub(crate) struct Lobby {
    number: u64,
    waiting: BTreeMap<String, VecDeque<(u64, usize)>>,
    in_flight: BTreeMap<String, usize>,
    busy: usize,
}

impl Lobby {
    /// How many messages are worked on.
    pub(crate) fn busy(&self) -> usize {
        self.busy
    }

    pub(crate) fn wait(&mut self, group: &str, message: usize) {
        self.number += 1;
        let place = (self.number, message);
        match self.waiting.get_mut(group) {
            Some(queue) => queue.push_back(place),
            None => drop(self.waiting.insert(group.to_owned(), VecDeque::from([place]))),
        }
    }

    /// The message that is received next.
    pub(crate) fn next(&mut self) -> Option<usize> {
        let flying = |group: &String| self.in_flight.get(group).copied().unwrap_or_default();
        let order = |(group, queue): &(&String, &VecDeque<(u64, usize)>)| {
            (flying(group), queue.front().map_or(u64::MAX, |(number, _)| *number))
        };
        let group = self.waiting.iter().min_by_key(order).map(|(group, _)| group.clone())?;
        let queue = self.waiting.get_mut(&group)?;
        let message = queue.pop_front().map(|(_, message)| message);
        if queue.is_empty() {
            self.waiting.remove(&group);
        }
        message
    }

    pub(crate) fn begins(&mut self, group: &str) {
        self.busy += 1;
        match self.in_flight.get_mut(group) {
            Some(count) => *count += 1,
            None => drop(self.in_flight.insert(group.to_owned(), 1)),
        }
    }

    pub(crate) fn ends(&mut self, group: &str) {
        self.busy -= 1;
        if let Some(count) = self.in_flight.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(group);
            }
        }
    }
}
