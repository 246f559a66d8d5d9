//! One attempt.

use base64::Engine as _;
use bytes::Bytes;
use domain::delivery::Attempt;
use domain::{Delivery, DeliveryKey, Endpoint, Job, SignedDuration, Timestamp};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use lambda_kit::batch::Failure;
use ports::{
    Accounts, Clock, Creators, Deliveries, Endpoints, Entropy, MAX_DELAY, Notices, OpenError, PortResult,
    Posts, Queues, Saved, Stored, Vault,
};

use crate::sign::signature;
use crate::{Courier, WebhookDeliver, payload};

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
const AGENT: HeaderValue = HeaderValue::from_static("Slipway-Webhooks/1");

/// Characters of an answer that the log keeps.
const RESPONSE: usize = 256;
/// A job that comes at most this early is not early.
const EARLY: SignedDuration = SignedDuration::from_millis(500);
/// A row that others write at the same time is read again this often.
const TRIES: usize = 4;

/// A secret in the row that is none, or does not open.
#[derive(Debug, thiserror::Error)]
#[error("a secret of the endpoint is not `whsec_` and base64")]
struct NoSecret;

impl<S, V, Q, C, T> WebhookDeliver<S, V, Q, C, T>
where
    S: Endpoints + Deliveries + Notices + Posts + Creators + Accounts,
    V: Vault,
    Q: Queues,
    C: Courier,
    T: Clock + Entropy,
{
    /// Makes an attempt, if the row says that one is due.
    pub async fn deliver(&self, key: DeliveryKey) -> Result<(), Failure> {
        let found = self.store.deliveries(std::slice::from_ref(&key)).await.map_err(Failure::retry)?;
        let Some(seen) = found.get(&key) else { return Ok(()) };
        let Some(next) = seen.row.next_task() else { return Ok(()) };
        let ahead = next.duration_since(self.time.now());
        if ahead > EARLY {
            // what is further off is sent by the sweep
            let near = ahead <= MAX_DELAY && ahead < self.periods.sweep_from;
            return if near { self.send(&seen.row, ahead).await } else { Ok(()) };
        }
        let endpoint = self.store.endpoint(&key.endpoint).await.map_err(Failure::retry)?;
        let notice = self.store.notice(&key.event).await.map_err(Failure::retry)?;
        let (Some(endpoint), Some(notice)) = (endpoint.filter(|it| it.row.is_on()), notice) else {
            let dropped = seen.row.dropped(self.time.now());
            // a conflict is somebody who knows more
            let saved = self.store.save_delivery(seen, &dropped, self.time.nonce()).await;
            return saved.map(drop).map_err(Failure::retry);
        };
        let body = payload::of(&self.store, &notice).await?;
        let attempt = self.attempt(&endpoint.row, &key, body).await?;
        self.judge(endpoint, &attempt).await.map_err(Failure::retry)?;
        self.log(seen.clone(), attempt).await
    }

    /// Posts the body, signed by each secret that signs now.
    async fn attempt(&self, endpoint: &Endpoint, key: &DeliveryKey, body: Bytes) -> Result<Attempt, Failure> {
        let at = self.time.now();
        let mut signatures = Vec::new();
        for secret in endpoint.signing(at) {
            let opened = self.vault.open(&secret.sealed, &endpoint.binding(secret.number)).await;
            let opened = opened.map_err(|error| match error {
                OpenError::Foreign => Failure::give_up(NoSecret),
                OpenError::Port(error) => Failure::retry(error),
            })?;
            let signed = signature(opened.expose(), key.event.as_str(), at.as_second(), &body);
            signatures.push(signed.ok_or_else(|| Failure::give_up(NoSecret))?);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, AGENT);
        for (name, value) in [
            (ID, key.event.to_string()),
            (TIMESTAMP, at.as_second().to_string()),
            (SIGNATURE, signatures.join(" ")),
        ] {
            headers.insert(name, HeaderValue::try_from(value).map_err(Failure::give_up)?);
        }
        let answer = self.courier.post(&endpoint.url, headers, body).await;
        let millis = self.time.now().duration_since(at).as_millis();
        let millis = u32::try_from(millis).unwrap_or_default();
        Ok(match answer {
            Ok(answer) => Attempt {
                at,
                millis,
                status: Some(answer.status.as_u16()),
                code: None,
                response: text(&answer.head),
            },
            Err(failure) => {
                Attempt { at, millis, status: None, code: Some(failure.code().to_owned()), response: None }
            }
        })
    }

    /// Writes what the attempt means to the endpoint.
    async fn judge(&self, mut seen: Stored<Endpoint>, attempt: &Attempt) -> PortResult<()> {
        for _ in 0..TRIES {
            let Some((row, news)) = seen.row.after(attempt, self.time.now(), &self.periods) else {
                return Ok(());
            };
            match self.store.save_endpoint(&seen, &row, news.as_ref(), self.time.nonce()).await? {
                Saved::Written(_) | Saved::Conflict(None) => return Ok(()),
                Saved::Conflict(Some(now)) => seen = now,
            }
        }
        // others write it all the time: the next attempt tells the same
        Ok(())
    }

    /// Writes the attempt down and arranges the next one.
    async fn log(&self, mut seen: Stored<Delivery>, attempt: Attempt) -> Result<(), Failure> {
        for _ in 0..TRIES {
            let (now, random) = (self.time.now(), random(&self.time));
            let row = seen.row.attempted(attempt.clone(), now, random, &self.periods);
            let saved = self.store.save_delivery(&seen, &row, self.time.nonce()).await;
            match saved.map_err(Failure::retry)? {
                Saved::Written(written) => return self.arrange_next(&written.row, now).await,
                Saved::Conflict(None) => return Ok(()),
                Saved::Conflict(Some(there)) => seen = there,
            }
        }
        Err(Failure::retry("others write this delivery all the time"))
    }

    async fn arrange_next(&self, row: &Delivery, now: Timestamp) -> Result<(), Failure> {
        match row.next_task().map(|next| next.duration_since(now)) {
            Some(ahead) if ahead < self.periods.sweep_from => self.send(row, ahead).await,
            Some(_) | None => Ok(()),
        }
    }

    async fn send(&self, row: &Delivery, ahead: SignedDuration) -> Result<(), Failure> {
        self.queues.send(&Job::Deliver(row.key.clone()), ahead).await.map_err(Failure::retry)
    }
}

fn random(time: &impl Entropy) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&time.random()[..8]);
    u64::from_be_bytes(bytes)
}

/// The beginning of an answer as text; bytes that are none stand as base64.
fn text(head: &[u8]) -> Option<String> {
    if head.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(head);
    let readable = text.chars().filter(|char| *char == char::REPLACEMENT_CHARACTER).count() * 10 < text.len();
    let text =
        if readable { text.into_owned() } else { base64::engine::general_purpose::STANDARD.encode(head) };
    Some(text.chars().filter(|char| !char.is_control() || *char == '\n').take(RESPONSE).collect())
}
