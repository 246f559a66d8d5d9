//! An SQS batch, one message at a time: a bad one fails alone.
//!
//! The event source must have `FunctionResponseTypes: [ReportBatchItemFailures]`; without it SQS takes the answer for
//! complete success.

use std::error::Error as StdError;
use std::fmt;
use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsMessage};
use futures::{FutureExt as _, StreamExt as _, stream};
use jiff::Timestamp;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::causes;

pub use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};

type BoxError = Box<dyn StdError + Send + Sync>;

/// What a function that serves a queue and a clock is called with: a batch, or `T` (what the schedule's rule sends).
#[derive(Clone, Debug, PartialEq)]
pub enum QueueOr<T> {
    /// An object with `Records`: a batch from SQS.
    Queue(SqsEvent),
    /// Anything else.
    Other(T),
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for QueueOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = serde_json::Value::deserialize(deserializer)?;
        if event.get("Records").is_some() {
            serde_json::from_value(event).map(Self::Queue).map_err(D::Error::custom)
        } else {
            serde_json::from_value(event).map(Self::Other).map_err(D::Error::custom)
        }
    }
}

/// A message as it came from the queue. Its `Debug` leaves the body out.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS's id of the message; empty if the event had none.
    pub id: String,
    /// The body, not parsed; empty if the event had none.
    pub body: String,
    /// How often SQS has delivered it, this time included; 1 if the event does not say.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Its message group: on a standard queue the tenant for fair queuing.
    pub group: Option<String>,
}

impl Message {
    /// The body as JSON. A body that is not a `T` will never be one: the error is [`Failure::GiveUp`], and says where in the
    /// body it went wrong, not what stood there.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.body).map_err(|error| Failure::give_up(UnreadableBody::from(&error)))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("receive_count", &self.receive_count)
            .field("sent_at", &self.sent_at)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

impl From<SqsMessage> for Message {
    fn from(message: SqsMessage) -> Self {
        let mut attributes = message.attributes;
        let sent_at = attributes.get("SentTimestamp").and_then(|ms| ms.parse().ok());
        Self {
            id: message.message_id.unwrap_or_default(),
            body: message.body.unwrap_or_default(),
            receive_count: attributes
                .get("ApproximateReceiveCount")
                .and_then(|count| count.parse().ok())
                .unwrap_or(1),
            sent_at: sent_at.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            group: attributes.remove("MessageGroupId"),
        }
    }
}

/// serde's own message may quote the body; this one gives the place and the kind of mistake.
#[derive(Debug, thiserror::Error)]
#[error("parse the message body: {category:?} error at line {line}, column {column}")]
struct UnreadableBody {
    category: serde_json::error::Category,
    line: usize,
    column: usize,
}

impl From<&serde_json::Error> for UnreadableBody {
    fn from(error: &serde_json::Error) -> Self {
        Self { category: error.classify(), line: error.line(), column: error.column() }
    }
}

/// Why a message was not done, and what helps. Both go back to the queue, and after `maxReceiveCount` deliveries to its
/// dead-letter queue; they differ in what they tell whoever reads the log.
///
/// The reason is logged: it must not hold secrets or the message's body.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Another delivery may succeed. Logged as a warning.
    #[error("message failed and will be retried")]
    Retry(#[source] BoxError),
    /// No delivery can succeed: the message cannot be read. Logged as an error; it ends in the dead-letter queue.
    #[error("message failed for good")]
    GiveUp(#[source] BoxError),
}

impl Failure {
    /// Retry, because of `reason` (an error, or a text).
    pub fn retry(reason: impl Into<BoxError>) -> Self {
        Self::Retry(reason.into())
    }

    /// Give up, because of `reason` (an error, or a text).
    pub fn give_up(reason: impl Into<BoxError>) -> Self {
        Self::GiveUp(reason.into())
    }
}

/// Handles every message of `event` at the same time, and answers which failed. See [`batch_handler_at_most`].
pub async fn batch_handler(
    event: SqsEvent,
    handle: impl AsyncFn(Message) -> Result<(), Failure>,
) -> SqsBatchResponse {
    batch_handler_at_most(NonZeroUsize::MAX, event, handle).await
}

/// Handles the messages of `event`, at most `limit` at a time, and answers which failed, in the batch's order.
///
/// A message fails alone: by a [`Failure`], or by a panic, which the panic hook of [`telemetry`](crate::telemetry) has
/// reported by place. Each failure is logged here, once, with the message's id. A failed message without an id fails the whole
/// batch, as SQS reads an empty id.
pub async fn batch_handler_at_most(
    limit: NonZeroUsize,
    event: SqsEvent,
    handle: impl AsyncFn(Message) -> Result<(), Failure>,
) -> SqsBatchResponse {
    let messages = event.records.into_iter().map(Message::from);
    // boxed: the layout of an SDK call inside a handler inside a stream overflows the compiler's depth limit
    let attempts = messages.map(|message| Box::pin(attempt(message, &handle)));
    let limit = limit.get().min(attempts.len().max(1));
    let failed = stream::iter(attempts).buffered(limit).filter_map(async |failed| failed);
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.collect().await;
    response
}

async fn attempt(
    message: Message,
    handle: &impl AsyncFn(Message) -> Result<(), Failure>,
) -> Option<BatchItemFailure> {
    let (id, receive_count) = (message.id.clone(), message.receive_count);
    match AssertUnwindSafe(async { handle(message).await }).catch_unwind().await {
        Ok(Ok(())) => return None,
        Ok(Err(Failure::Retry(reason))) => {
            tracing::warn!(
                message_id = id,
                receive_count,
                reason = chain(&*reason),
                "message will be retried"
            );
        }
        Ok(Err(Failure::GiveUp(reason))) => {
            tracing::error!(
                message_id = id,
                receive_count,
                reason = chain(&*reason),
                "message failed for good"
            );
        }
        Err(_panic) => tracing::error!(message_id = id, receive_count, "message handler panicked"),
    }
    let mut failure = BatchItemFailure::default();
    failure.item_identifier = id;
    Some(failure)
}

/// An error and its causes on one line.
fn chain(error: &(dyn StdError + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
