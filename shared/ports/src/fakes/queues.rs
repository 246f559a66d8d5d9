use std::sync::{Arc, Mutex};

use domain::{Job, SignedDuration, Timestamp};

use super::{Faults, ManualClock, fails_on_purpose, lock};
use crate::{Clock as _, DeadLetter, DeadLetters, MAX_DELAY, PortResult, Queues};

/// A job that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The job.
    pub job: Job,
    /// Its delay, rounded up to seconds.
    pub delay: SignedDuration,
    /// When it can be received.
    pub deliver_at: Timestamp,
}

/// All queues in memory.
#[derive(Debug, Clone)]
pub struct MemoryQueues {
    faults: Faults,
    clock: ManualClock,
    waiting: Arc<Mutex<Vec<Sent>>>,
    dead: Arc<Mutex<Vec<DeadLetter>>>,
}

fails_on_purpose!(MemoryQueues);

impl MemoryQueues {
    /// Empty queues; delays are counted by `clock`.
    pub fn new(clock: ManualClock) -> Self {
        Self { faults: Faults::of(&["send", "look"]), clock, waiting: Arc::default(), dead: Arc::default() }
    }

    /// Puts a message into the dead-letter queue of `queue`.
    pub fn bury(&self, queue: &str, body: String) {
        lock(&self.dead).push(DeadLetter { queue: queue.to_owned(), body });
    }

    /// Takes the job that could be received first, if its delay is over by the clock.
    pub fn pop(&self) -> Option<Job> {
        let now = self.clock.now();
        let mut waiting = lock(&self.waiting);
        let index = first(&waiting).filter(|index| waiting[*index].deliver_at <= now)?;
        Some(waiting.remove(index).job)
    }

    /// Takes the job that can be received first, and moves the clock to that time if it is ahead.
    pub fn pop_next(&self) -> Option<Job> {
        let sent = {
            let mut waiting = lock(&self.waiting);
            let index = first(&waiting)?;
            waiting.remove(index)
        };
        self.clock.set(self.clock.now().max(sent.deliver_at));
        Some(sent.job)
    }

    /// When the next job can be received.
    pub fn next_at(&self) -> Option<Timestamp> {
        let waiting = lock(&self.waiting);
        first(&waiting).map(|index| waiting[index].deliver_at)
    }

    /// The jobs that wait, in the order they were sent.
    pub fn waiting(&self) -> Vec<Sent> {
        lock(&self.waiting).clone()
    }

    /// Loses every job that waits.
    pub fn lose_all(&self) {
        lock(&self.waiting).clear();
    }
}

/// The one to be received first; of several at the same time, the one that was sent first.
fn first(waiting: &[Sent]) -> Option<usize> {
    (0..waiting.len()).min_by_key(|index| waiting[*index].deliver_at)
}

impl Queues for MemoryQueues {
    async fn send(&self, job: &Job, delay: SignedDuration) -> PortResult<()> {
        self.faults.run("send", || {
            let millis = delay.as_millis().clamp(0, MAX_DELAY.as_millis());
            let seconds = i64::try_from(millis).unwrap_or_default().unsigned_abs().div_ceil(1_000);
            let delay = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or_default());
            let deliver_at = self.clock.now() + delay;
            lock(&self.waiting).push(Sent { job: job.clone(), delay, deliver_at });
            Ok(())
        })
    }
}

impl DeadLetters for MemoryQueues {
    async fn look(&self) -> PortResult<Vec<DeadLetter>> {
        self.faults.run("look", || Ok(lock(&self.dead).clone()))
    }
}
