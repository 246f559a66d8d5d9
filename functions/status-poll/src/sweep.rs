//! The sweep of the `due` index, once a minute.

use std::collections::HashMap;

use domain::job::CatchUp;
use domain::post::NextTask;
use domain::wake::PARTITIONS;
use domain::{Job, Periods, SignedDuration, Timestamp};
use futures::stream::{self, StreamExt as _};
use ports::{Clock, Due, DueKey, DueRow, DueRows, PortResult, Queues};

use flows::chain;

/// What the clock's side of this function may touch.
pub struct Sweep<S, Q, T> {
    /// The `due` index.
    pub store: S,
    /// Every queue a row's next step may need.
    pub queues: Q,
    /// The clock.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}

/// What a sweep came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows whose job was sent.
    pub sent: u32,
    /// Rows that had been woken too early, or for nothing.
    pub rearmed: u32,
    /// Rows that could not be read or written this time; the next sweep finds them again.
    pub failed: u32,
    /// How long the oldest due row had been waiting.
    pub oldest: SignedDuration,
}

/// Rows due within this are sent now, with a delay: the next sweep may be a minute and a half away.
const AHEAD: SignedDuration = SignedDuration::from_secs(90);
/// Rows read at once.
const PAGE: u32 = 100;
/// Partitions swept side by side.
const ABREAST: usize = 8;

impl<S: DueRows, Q: Queues, T: Clock> Sweep<S, Q, T> {
    /// Sends the next job of every row that is due. Overlapping sweeps are harmless: each row is moved conditionally first.
    pub async fn sweep(&self) -> Swept {
        let partitions: Vec<Swept> = stream::iter(0..PARTITIONS)
            .map(|partition| Box::pin(self.partition(partition)))
            .buffer_unordered(ABREAST)
            .collect()
            .await;
        partitions.into_iter().fold(Swept::default(), |sum, one| Swept {
            sent: sum.sent + one.sent,
            rearmed: sum.rearmed + one.rearmed,
            failed: sum.failed + one.failed,
            oldest: sum.oldest.max(one.oldest),
        })
    }

    async fn partition(&self, partition: u8) -> Swept {
        let mut swept = Swept::default();
        loop {
            let now = self.time.now();
            let page = async {
                let due = self.store.due(partition, now + AHEAD, PAGE).await?;
                let keys: Vec<DueKey> = due.iter().map(|due| due.key.clone()).collect();
                let rows = if keys.is_empty() { HashMap::default() } else { self.store.rows(&keys).await? };
                PortResult::Ok((due, rows))
            };
            let (due, rows) = match page.await {
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(partition, error = %chain(&error), "partition not swept");
                    swept.failed += 1;
                    return swept;
                }
            };
            let full = due.len() >= PAGE as usize;
            let mut progress = false;
            for due in due {
                swept.oldest = swept.oldest.max(now.duration_since(due.at));
                let Some(row) = rows.get(&due.key) else { continue };
                match self.wake(&due, row, now).await {
                    Ok(Woken::Sent) => swept.sent += 1,
                    Ok(Woken::Rearmed) => swept.rearmed += 1,
                    Ok(Woken::Elsewhere) => continue,
                    Err(error) => {
                        tracing::error!(row = ?due.key, error = %chain(&error), "row not swept");
                        swept.failed += 1;
                        continue;
                    }
                }
                progress = true;
            }
            if !(full && progress) {
                return swept;
            }
        }
    }

    async fn wake(&self, due: &Due<DueKey>, row: &DueRow, now: Timestamp) -> PortResult<Woken> {
        let (next, job) = match row {
            DueRow::Post(post) => {
                let next = post.task_when_woken(now, &self.periods);
                (next.map(|next| next.at), next.map(|NextTask { task, .. }| flows::job_for(post, task, true)))
            }
            DueRow::Media(media) => {
                let next = media.next_task(now).map(|_| now);
                (next, next.map(|_| Job::Ingest { media: media.id.clone(), post: None }))
            }
            DueRow::Delivery(delivery) => {
                let next = delivery.next_task();
                (next, next.map(|_| Job::Deliver(delivery.key.clone())))
            }
            DueRow::Endpoint(endpoint) => {
                let next = endpoint.next_task(&self.periods);
                (next, next.map(|_| Job::CatchUp(CatchUp::of(endpoint.id.clone()))))
            }
        };
        let (Some(at), Some(job)) = (next, job) else {
            let moved = self.store.push_back(&due.key, due.at, None).await?;
            return Ok(if moved { Woken::Rearmed } else { Woken::Elsewhere });
        };
        if at > now + AHEAD {
            let moved = self.store.push_back(&due.key, due.at, Some(at)).await?;
            return Ok(if moved { Woken::Rearmed } else { Woken::Elsewhere });
        }
        // the row first: a crash between the two costs one watchdog, never the job
        if !self.store.push_back(&due.key, due.at, Some(at.max(now) + self.periods.watchdog)).await? {
            return Ok(Woken::Elsewhere);
        }
        // a long page takes seconds, by which its last rows would come late
        let delay = at.max(due.at).duration_since(self.time.now()).max(SignedDuration::ZERO);
        self.queues.send(&job, delay).await?;
        Ok(Woken::Sent)
    }
}

enum Woken {
    Sent,
    Rearmed,
    Elsewhere,
}
