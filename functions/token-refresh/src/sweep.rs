//! The sweep of the accounts' side of the `due` index, once a minute.

use domain::wake::PARTITIONS;
use domain::{Job, Periods, SignedDuration};
use futures::stream::{self, StreamExt as _};
use ports::{Clock, DueAccounts, PortResult, Queues};

use flows::chain;

/// What the clock's side of this function may touch.
pub struct Sweep<S, Q, T> {
    /// The `due` index.
    pub store: S,
    /// The refresh queue.
    pub queues: Q,
    /// The clock.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}

/// Accounts due within this are sent now, with a delay.
const AHEAD: SignedDuration = SignedDuration::from_secs(90);
/// Rows read at once.
const PAGE: u32 = 100;
/// Partitions swept side by side.
const ABREAST: usize = 8;

impl<S: DueAccounts, Q: Queues, T: Clock> Sweep<S, Q, T> {
    /// Sends a refresh for every account that is due; gives how long the oldest had been waiting.
    pub async fn sweep(&self) -> SignedDuration {
        stream::iter(0..PARTITIONS)
            .map(|partition| Box::pin(self.partition(partition)))
            .buffer_unordered(ABREAST)
            .fold(SignedDuration::ZERO, async |oldest, one| oldest.max(one))
            .await
    }

    async fn partition(&self, partition: u8) -> SignedDuration {
        let mut oldest = SignedDuration::ZERO;
        if let Err(error) = self.try_partition(partition, &mut oldest).await {
            tracing::error!(partition, error = %chain(&error), "partition not swept");
        }
        oldest
    }

    async fn try_partition(&self, partition: u8, oldest: &mut SignedDuration) -> PortResult<()> {
        loop {
            let now = self.time.now();
            let due = self.store.due_accounts(partition, now + AHEAD, PAGE).await?;
            let full = due.len() >= PAGE as usize;
            let mut progress = false;
            for due in due {
                *oldest = (*oldest).max(now.duration_since(due.at));
                // the row first: a crash between the two costs one watchdog, never the refresh
                let watchdog = due.at.max(now) + self.periods.watchdog;
                if self.store.push_back_account(&due.key, due.at, watchdog).await? {
                    let delay = due.at.duration_since(now).max(SignedDuration::ZERO);
                    self.queues.send(&Job::Refresh { account: due.key, epoch: None }, delay).await?;
                    progress = true;
                }
            }
            if !(full && progress) {
                return Ok(());
            }
        }
    }
}
