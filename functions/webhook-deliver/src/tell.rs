//! From events to deliveries.

use domain::delivery::DeliveryState;
use domain::job::CatchUp;
use domain::{Delivery, DeliveryKey, Endpoint, Job, Notice, NoticeId, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use ports::{Clock, Created, Deliveries, Endpoints, Entropy, Notices, PortResult, Queues, Saved, Stored};

use crate::WebhookDeliver;
use crate::event::StreamFailure;

/// Endpoints read at once; a workspace has no more ([`domain::endpoint::ENDPOINTS_MAX`]).
const ENDPOINTS: u32 = 100;
/// Events looked at at once.
const PAGE: u32 = 50;
/// Pages in one invocation: the rest is another job, so that no list is too long for one.
const PAGES: usize = 20;
/// A row that others write at the same time is read again this often.
const TRIES: usize = 4;

impl<S, V, Q, C, T> WebhookDeliver<S, V, Q, C, T>
where
    S: Endpoints + Deliveries + Notices,
    Q: Queues,
    T: Clock + Entropy,
    V: Sync,
    C: Sync,
{
    /// Tells of several events, each for itself. An error has the stream bring all of them again, which is harmless.
    pub async fn tell_all(&self, events: &[NoticeId]) -> Result<(), StreamFailure> {
        let told = futures::future::join_all(events.iter().map(|event| self.tell(event))).await;
        let failed = told.iter().filter_map(|told| told.as_ref().err());
        let failed = failed.inspect(|error| {
            tracing::warn!(error = %flows::chain(*error), "an event was not told to everybody");
        });
        match failed.count() {
            0 => Ok(()),
            failed => Err(StreamFailure { failed, all: events.len() }),
        }
    }

    /// Has every endpoint that wants an event told of it.
    pub async fn tell(&self, event: &NoticeId) -> PortResult<()> {
        let Some(notice) = self.store.notice(event).await? else { return Ok(()) };
        let endpoints = self.store.list_endpoints(&notice.workspace, None, ENDPOINTS).await?;
        for endpoint in endpoints.rows {
            if endpoint.is_on() && endpoint.wants(&notice) {
                self.arrange(&endpoint, &notice).await?;
            }
        }
        Ok(())
    }

    /// Writes a delivery and sends its job. The row first: a crash between the two costs one watchdog.
    async fn arrange(&self, endpoint: &Endpoint, notice: &Notice) -> PortResult<()> {
        let delivery = Delivery::of(&endpoint.id, notice, self.time.now(), &self.periods);
        match self.store.create_delivery(&delivery, self.time.nonce()).await? {
            Created::New(_) => self.queues.send(&Job::Deliver(delivery.key), SignedDuration::ZERO).await,
            Created::Existed(_) => Ok(()),
        }
    }

    /// Sees that every event since a moment has its delivery: since the endpoint was looked at last, or since when somebody
    /// asks, and then what was given up is tried again.
    pub async fn catch_up(&self, job: CatchUp) -> Result<(), Failure> {
        self.caught_up(job).await.map_err(Failure::retry)
    }

    async fn caught_up(&self, job: CatchUp) -> PortResult<()> {
        let Some(seen) = self.store.endpoint(&job.endpoint).await? else { return Ok(()) };
        if !seen.row.is_on() {
            return Ok(());
        }
        let since = job.since.unwrap_or_else(|| seen.row.look_since());
        let (mut cursor, began) = match job.cursor {
            Some((cursor, began)) => (Some(cursor), began),
            None => (None, self.time.now()),
        };
        for _ in 0..PAGES {
            let page = self.store.list_notices(&seen.row.workspace, cursor.as_deref(), PAGE).await?;
            let over = page.rows.iter().any(|notice| notice.at < since);
            let wanted: Vec<&Notice> =
                page.rows.iter().filter(|notice| notice.at >= since && seen.row.wants(notice)).collect();
            self.complete(&seen.row, &wanted, job.since.is_some()).await?;
            cursor = page.next_cursor.filter(|_| !over);
            if cursor.is_none() {
                return if job.since.is_some() { Ok(()) } else { self.note_caught_up(seen, began).await };
            }
        }
        let rest = CatchUp { cursor: cursor.map(|cursor| (cursor, began)), ..job };
        self.queues.send(&Job::CatchUp(rest), SignedDuration::ZERO).await
    }

    /// Gives these events the deliveries that they lack.
    async fn complete(&self, endpoint: &Endpoint, wanted: &[&Notice], again: bool) -> PortResult<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let key = |notice: &&Notice| DeliveryKey { endpoint: endpoint.id.clone(), event: notice.id.clone() };
        let keys: Vec<DeliveryKey> = wanted.iter().map(key).collect();
        let found = self.store.deliveries(&keys).await?;
        for (notice, key) in wanted.iter().zip(&keys) {
            match found.get(key) {
                None => self.arrange(endpoint, notice).await?,
                Some(there) if again => self.again(there.clone()).await?,
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Tries once more what was given up.
    async fn again(&self, there: Stored<Delivery>) -> PortResult<()> {
        match there.row.state {
            DeliveryState::GivenUp { .. } | DeliveryState::Dropped { .. } => {}
            DeliveryState::Pending { .. } | DeliveryState::Delivered { .. } => return Ok(()),
        }
        let pending = there.row.again(self.time.now(), &self.periods);
        match self.store.save_delivery(&there, &pending, self.time.nonce()).await? {
            Saved::Written(_) => self.queues.send(&Job::Deliver(pending.key), SignedDuration::ZERO).await,
            // somebody else is at it
            Saved::Conflict(_) => Ok(()),
        }
    }

    async fn note_caught_up(&self, mut seen: Stored<Endpoint>, began: Timestamp) -> PortResult<()> {
        for _ in 0..TRIES {
            if !seen.row.is_on() {
                return Ok(());
            }
            let row = seen.row.caught_up(began, self.time.now(), &self.periods);
            match self.store.save_endpoint(&seen, &row, None, self.time.nonce()).await? {
                Saved::Written(_) | Saved::Conflict(None) => return Ok(()),
                Saved::Conflict(Some(now)) => seen = now,
            }
        }
        // whoever writes it all the time moves its wake-up as well, or leaves it where it is found again
        Ok(())
    }
}
