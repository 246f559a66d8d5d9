//! What TikTok posts to the app's callback URL: check the signature over the raw bytes, then read.
//!
//! TikTok repeats a delivery with growing pauses for up to 72 h until it sees a 200, may deliver twice, and
//! promises no order (WHO). An event is a hint that is worth a question, no more.

use std::fmt;

use aws_lc_rs::hmac;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    ClientSecret, FailReason, UnreadableAt,
    publish::{post_id, words},
};

/// The signature's header. TikTok's page prints `Tiktok-Signature` in the sample; header names know no case (WHV).
pub const SIGNATURE_HEADER: &str = "tiktok-signature";

/// A delivery that TikTok did not sign, or not this body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is not `t=<seconds>,s=<64 hex digits>`.
    #[error("read TikTok's signature: not in the form `t=<seconds>,s=<hex>`")]
    Malformed,
    /// Signed with another secret, or over another body or time.
    #[error("check TikTok's signature: it does not match the body")]
    Mismatch,
}

/// Checks that TikTok signed `raw_body`: `s` must be HMAC-SHA256, keyed with the client secret, over
/// `t + "." + raw body` (WHV). The comparison takes constant time.
///
/// Answers `t`, the time of signing in seconds since 1970. Whether a repeated delivery is signed anew is not
/// documented, and deliveries repeat for 72 h: leave age to de-duplication rather than to a narrow window.
pub fn verify(raw_body: &[u8], signature_header: &str, secret: &ClientSecret) -> Result<i64, SignatureError> {
    let (mut time, mut signature) = (None, None);
    for part in signature_header.split(',') {
        let (name, value) = part.trim().split_once('=').ok_or(SignatureError::Malformed)?;
        let slot = match name {
            "t" => &mut time,
            "s" => &mut signature,
            _ => continue,
        };
        if slot.replace(value).is_some() {
            return Err(SignatureError::Malformed);
        }
    }
    let time = time.ok_or(SignatureError::Malformed)?;
    let seconds: i64 = time.parse().map_err(|_| SignatureError::Malformed)?;
    let signature = signature.and_then(unhex).ok_or(SignatureError::Malformed)?;

    let mut message = Vec::with_capacity(time.len() + 1 + raw_body.len());
    message.extend_from_slice(time.as_bytes());
    message.push(b'.');
    message.extend_from_slice(raw_body);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    hmac::verify(&key, &message, &signature).map_err(|_| SignatureError::Mismatch)?;
    Ok(seconds)
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

/// A delivery (WHO).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The app it is for.
    pub client_key: String,
    /// When it happened, in seconds since 1970.
    pub create_time: i64,
    /// The user it is about: the `open_id` of the tokens. May be empty in tests from the portal.
    pub user_openid: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened (WHE). Names in comments are TikTok's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// `authorization.removed`: the tokens are dead already.
    AuthorizationRemoved {
        /// Why.
        reason: RemovalReason,
    },
    /// `post.publish.failed`.
    PublishFailed {
        /// Which publish.
        publish_id: String,
        /// The same words as in `status/fetch`.
        reason: FailReason,
        /// Which way it went.
        publish_type: Option<PublishType>,
    },
    /// `post.publish.complete`: posted, a draft by its creator. May come more than once for a publish.
    PublishComplete {
        /// Which publish.
        publish_id: String,
        /// Which way it went.
        publish_type: Option<PublishType>,
    },
    /// `post.publish.inbox_delivered`: a draft lies in the creator's inbox.
    InboxDelivered {
        /// Which publish.
        publish_id: String,
        /// Which way it went.
        publish_type: Option<PublishType>,
    },
    /// `post.publish.publicly_available`: everyone can see the post. The only event that brings its id; comes too
    /// when a post is made public later.
    PubliclyAvailable {
        /// Which publish.
        publish_id: String,
        /// The post, sent as a string or as a number.
        post_id: Option<u64>,
        /// Which way it went.
        publish_type: Option<PublishType>,
    },
    /// `post.publish.no_longer_publicaly_available` (sic; the right spelling is understood too).
    NoLongerPubliclyAvailable {
        /// Which publish.
        publish_id: String,
        /// The post, sent as a string or as a number.
        post_id: Option<u64>,
        /// Which way it went.
        publish_type: Option<PublishType>,
    },
    /// An event of another product, or a new one.
    Other {
        /// TikTok's name of it.
        event: String,
        /// As received, not read.
        content: String,
    },
}

words!(
    /// Which way a post went (WHE).
    PublishType {
        /// A draft to the inbox.
        InboxShare = "INBOX_SHARE",
        /// Posted directly; not documented, but seen.
        DirectPublish = "DIRECT_PUBLISH",
    }
);

/// Why an authorization ended (WHE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// 0, or a number not documented.
    Unknown,
    /// 1: the user disconnected the app.
    UserDisconnected,
    /// 2: the account was deleted.
    AccountDeleted,
    /// 3: the user's age changed.
    AgeChanged,
    /// 4: the account was banned.
    Banned,
    /// 5: the app revoked the token.
    DeveloperRevoked,
}

impl From<u64> for RemovalReason {
    fn from(number: u64) -> Self {
        match number {
            1 => Self::UserDisconnected,
            2 => Self::AccountDeleted,
            3 => Self::AgeChanged,
            4 => Self::Banned,
            5 => Self::DeveloperRevoked,
            _ => Self::Unknown,
        }
    }
}

/// A delivery that is not an event.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The body is not TikTok's envelope.
    #[error("read TikTok's event")]
    Envelope(#[source] UnreadableAt),
    /// The string in `content` is not what the event carries.
    #[error("read the content of TikTok's event `{event}`")]
    Content {
        /// TikTok's name of the event.
        event: String,
        /// Why.
        source: UnreadableAt,
    },
}

/// Reads a delivery whose signature was checked. `content` is JSON inside a string (WHO); an object is understood
/// too.
pub fn parse(raw_body: &[u8]) -> Result<Event, ParseError> {
    #[derive(Deserialize)]
    struct Envelope {
        #[serde(default)]
        client_key: String,
        event: String,
        #[serde(default)]
        create_time: i64,
        #[serde(default)]
        user_openid: String,
        #[serde(default)]
        content: Value,
    }
    let envelope: Envelope =
        serde_json::from_slice(raw_body).map_err(|error| ParseError::Envelope(error.into()))?;
    let content = match envelope.content {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let kind = match kind(&envelope.event, &content) {
        Ok(Some(kind)) => kind,
        Ok(None) => EventKind::Other { event: envelope.event, content },
        Err(error) => return Err(ParseError::Content { event: envelope.event, source: error.into() }),
    };
    Ok(Event {
        client_key: envelope.client_key,
        create_time: envelope.create_time,
        user_openid: envelope.user_openid,
        kind,
    })
}

fn kind(event: &str, content: &str) -> Result<Option<EventKind>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Removed {
        #[serde(default)]
        reason: u64,
    }
    #[derive(Deserialize)]
    struct Failed {
        publish_id: String,
        reason: FailReason,
        #[serde(default)]
        publish_type: Option<PublishType>,
    }
    #[derive(Deserialize)]
    struct Published {
        publish_id: String,
        #[serde(default, deserialize_with = "maybe_post_id")]
        post_id: Option<u64>,
        #[serde(default)]
        publish_type: Option<PublishType>,
    }
    let published = || serde_json::from_str::<Published>(content);
    Ok(Some(match event {
        "authorization.removed" => {
            let Removed { reason } = serde_json::from_str(content)?;
            EventKind::AuthorizationRemoved { reason: reason.into() }
        }
        "post.publish.failed" => {
            let Failed { publish_id, reason, publish_type } = serde_json::from_str(content)?;
            EventKind::PublishFailed { publish_id, reason, publish_type }
        }
        "post.publish.complete" => {
            let Published { publish_id, publish_type, .. } = published()?;
            EventKind::PublishComplete { publish_id, publish_type }
        }
        "post.publish.inbox_delivered" => {
            let Published { publish_id, publish_type, .. } = published()?;
            EventKind::InboxDelivered { publish_id, publish_type }
        }
        "post.publish.publicly_available" | "post.publish.publicaly_available" => {
            let Published { publish_id, post_id, publish_type } = published()?;
            EventKind::PubliclyAvailable { publish_id, post_id, publish_type }
        }
        "post.publish.no_longer_publicaly_available" | "post.publish.no_longer_publicly_available" => {
            let Published { publish_id, post_id, publish_type } = published()?;
            EventKind::NoLongerPubliclyAvailable { publish_id, post_id, publish_type }
        }
        _ => return Ok(None),
    }))
}

fn maybe_post_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Value::deserialize(deserializer).map(|value| post_id(&value))
}
