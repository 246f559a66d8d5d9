//! The queues on SQS.
//!
//! Standard queues whose messages bear the account (of a delivery the endpoint) as their group (fair queues) and their own delay.
//! A message may come twice and in any order: the row it names decides.

#![warn(missing_docs)]

use std::error::Error;
use std::fmt;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use domain::{Job, SignedDuration};
use ports::{DeadLetter, DeadLetters, MAX_DELAY, PortError, PortResult, Queues};

/// Where this function may send. `None`: it may not, and trying is refused without asking SQS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueUrls {
    /// `Job::Publish`.
    pub publish: Option<String>,
    /// `Job::Check`, `Job::Release` and `Job::Heard`.
    pub status: Option<String>,
    /// `Job::Ingest`.
    pub ingest: Option<String>,
    /// `Job::Refresh`.
    pub refresh: Option<String>,
    /// `Job::Transfer`.
    pub transfer: Option<String>,
    /// `Job::Drop`.
    pub drop: Option<String>,
    /// `Job::Deliver` and `Job::CatchUp`.
    pub delivery: Option<String>,
}

/// Sends jobs to their queues.
#[derive(Clone)]
pub struct Sqs {
    client: Client,
    urls: QueueUrls,
}

impl fmt::Debug for Sqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sqs").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Sqs {
    /// Queues at these URLs.
    pub fn new(client: Client, urls: QueueUrls) -> Self {
        Self { client, urls }
    }

    fn queue(&self, job: &Job) -> (&'static str, Option<&str>) {
        let (name, url) = match job {
            Job::Publish(_) => ("publish", &self.urls.publish),
            Job::Check(_) | Job::Release(_) | Job::Heard(_) => ("status", &self.urls.status),
            Job::Ingest { .. } => ("ingest", &self.urls.ingest),
            Job::Refresh { .. } => ("refresh", &self.urls.refresh),
            Job::Transfer(_) => ("transfer", &self.urls.transfer),
            Job::Drop(_) => ("drop", &self.urls.drop),
            Job::Deliver(_) | Job::CatchUp(_) => ("delivery", &self.urls.delivery),
        };
        (name, url.as_deref())
    }
}

/// The function was deployed without the URL of this queue.
#[derive(Debug, thiserror::Error)]
#[error("this function has no URL for the {0} queue")]
struct NoUrl(&'static str);

impl Queues for Sqs {
    async fn send(&self, job: &Job, delay: SignedDuration) -> PortResult<()> {
        let (name, url) = self.queue(job);
        let what = || format!("sending a job of `{}` to the {name} queue", job.group());
        let url = url.ok_or_else(|| PortError::refused(what(), NoUrl(name)))?;
        let body = serde_json::to_string(job).map_err(|source| PortError::refused(what(), source))?;
        self.client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .message_group_id(job.group())
            .delay_seconds(delay_seconds(delay))
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        Ok(())
    }
}

/// Looks into dead-letter queues, and leaves everything where it lies.
#[derive(Clone)]
pub struct SqsDeadLetters {
    client: Client,
    /// Which queue's letters lie where.
    urls: Vec<(&'static str, String)>,
}

impl fmt::Debug for SqsDeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqsDeadLetters").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl SqsDeadLetters {
    /// Dead-letter queues at these URLs, by the names of the queues they belong to.
    pub fn new(client: Client, urls: Vec<(&'static str, String)>) -> Self {
        Self { client, urls }
    }
}

impl DeadLetters for SqsDeadLetters {
    async fn look(&self) -> PortResult<Vec<DeadLetter>> {
        let mut letters = Vec::new();
        for (queue, url) in &self.urls {
            let received = self
                .client
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(10)
                // they stay visible: the alarm counts them, and an operator may take them at any time
                .visibility_timeout(0)
                .wait_time_seconds(0)
                .send()
                .await
                .map_err(|error| {
                    failed(format!("looking at the dead letters of the {queue} queue"), error)
                })?;
            let bodies = received.messages.into_iter().flatten().filter_map(|message| message.body);
            letters.extend(bodies.map(|body| DeadLetter { queue: (*queue).to_owned(), body }));
        }
        Ok(letters)
    }
}

/// Whole seconds, never fewer than asked for, unless that is more than SQS takes. What is further off than that comes too
/// early and goes back with what remains.
fn delay_seconds(delay: SignedDuration) -> i32 {
    let delay = delay.clamp(SignedDuration::ZERO, MAX_DELAY);
    let whole = i32::try_from(delay.as_secs()).unwrap_or(i32::MAX);
    whole + i32::from(delay.subsec_nanos() > 0)
}

/// The raw response is left out: the error says enough.
fn failed<E, R>(what: String, error: SdkError<E, R>) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: fmt::Debug + Send + Sync + 'static,
{
    let refused = error.code().is_some_and(|code| {
        ["AccessDenied", "QueueDoesNotExist", "NonExistentQueue", "InvalidAddress", "KmsAccessDenied"]
            .iter()
            .any(|refusal| code.contains(refusal))
    });
    let source = match error.into_source() {
        Ok(source) => source,
        Err(error) => error.into(),
    };
    PortError { what, source: Some(source), refused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_rounded_up_and_never_beyond_what_sqs_takes() {
        let seconds = |millis| delay_seconds(SignedDuration::from_millis(millis));
        assert_eq!([0, 1, 1, 2], [seconds(0), seconds(1), seconds(1_000), seconds(1_001)]);
        assert_eq!([899, 900, 900], [seconds(899_000), seconds(899_001), seconds(900_000)]);
        assert_eq!([900, 900], [seconds(900_001), seconds(86_400_000)]);
        assert_eq!([0, 0], [seconds(-1), delay_seconds(SignedDuration::MIN)]);
        assert_eq!(900, delay_seconds(SignedDuration::MAX));
    }
}
