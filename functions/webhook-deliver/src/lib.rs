//! Tells customers' endpoints of events, by Standard Webhooks.
//!
//! The table's stream brings each new event to [`WebhookDeliver::tell`], which writes a row and sends a job for every endpoint
//! that wants it. [`WebhookDeliver::deliver`] makes one attempt for one job. Each endpoint is held against its workspace's
//! events once an hour besides ([`WebhookDeliver::catch_up`]), so that nothing hangs on the stream. A delivery's id follows
//! from event and endpoint: however often something is told, it is one row, and its receiver sees one `webhook-id`.

mod attempt;
mod courier;
mod event;
mod payload;
mod sign;
mod tell;

use domain::Periods;

pub use courier::Courier;
pub use event::{Incoming, StreamFailure};
pub use sign::signature;

/// What this function may touch.
pub struct WebhookDeliver<S, V, Q, C, T> {
    /// Endpoints, deliveries, events and what they are about.
    pub store: S,
    /// Opens the endpoints' secrets.
    pub vault: V,
    /// Further attempts.
    pub queues: Q,
    /// The way to the endpoints.
    pub courier: C,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}
