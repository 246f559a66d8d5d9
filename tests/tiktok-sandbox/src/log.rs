//! What happened, in order, without secrets. The judge of every test.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::media::Probe;
use crate::photos::Carousel;

/// One line of the log. Lines are only ever added; `seq` counts from 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub seq: u64,
    pub at_ms: i64,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    Call(Call),
    /// A post is up: the state `PUBLISH_COMPLETE` was reached.
    Publication(Box<Publication>),
    /// A draft lies in its creator's inbox.
    InboxDelivered {
        publish_id: String,
        account: String,
    },
    /// A publication ended in `FAILED`.
    Failure {
        publish_id: String,
        account: String,
        fail_reason: String,
        why: String,
        fetches: Vec<Hop>,
    },
    /// A public post got its id.
    PostId {
        publish_id: String,
        account: String,
        #[serde(with = "as_string")]
        post_id: u64,
    },
    /// One attempt to deliver a webhook. `status` is absent when nobody answered.
    Webhook {
        event: String,
        publish_id: Option<String>,
        attempt: u32,
        status: Option<u16>,
    },
    /// A webhook that the settings told us to lose.
    WebhookLost {
        event: String,
        publish_id: Option<String>,
    },
    /// Somebody changed the world from outside.
    Control {
        what: String,
    },
}

/// A call to one of TikTok's endpoints.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `creator_info`, `video_init`, … or the bare path of something not imitated.
    pub endpoint: String,
    pub method: String,
    pub client_key: Option<String>,
    pub account: Option<String>,
    /// The first 16 hex digits of the token's SHA-256.
    pub token: Option<String>,
    pub publish_id: Option<String>,
    /// Query, form or JSON, as an object; secrets and URL queries are taken out.
    pub request: Value,
    pub status: u16,
    /// TikTok's error code, or `ok`.
    pub code: String,
    /// The cause behind the code, which TikTok would not tell.
    pub why: Option<String>,
    /// The injected fault that struck.
    pub fault: Option<String>,
    /// Whether the caller may have seen an answer.
    pub answered: bool,
}

/// One request of the fetcher.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    pub method: String,
    pub range: Option<String>,
    /// Absent when there was no answer.
    pub status: Option<u16>,
    pub bytes: u64,
}

/// What everybody can see on TikTok now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one toggle of TikTok's")]
pub struct Publication {
    pub publish_id: String,
    pub client_key: String,
    pub account: String,
    pub open_id: String,
    /// As asked.
    pub privacy_level: String,
    /// As it came to be: an unaudited client's posts are seen by their creator alone.
    pub visibility: String,
    pub title: String,
    /// As it came to be: the creator's own settings switch off more than was asked.
    pub disable_comment: bool,
    pub disable_duet: bool,
    pub disable_stitch: bool,
    /// As asked.
    pub asked: Value,
    pub brand_content_toggle: bool,
    pub brand_organic_toggle: bool,
    pub is_aigc: bool,
    pub cover_timestamp_ms: i64,
    pub sha256: String,
    pub bytes: u64,
    /// Of photos: the cover.
    pub media: Probe,
    /// What photos have and a video has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carousel: Option<Box<Carousel>>,
    pub fetches: Vec<Hop>,
    pub init_at_ms: i64,
    /// What TikTok's guidelines forbid and its API does not refuse.
    pub breaches: Vec<String>,
}

/// 19 digits do not survive a double.
mod as_string {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(id: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
