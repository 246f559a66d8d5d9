//! The creator's public videos: what `video/list` answers.

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use crate::publish::{or_default, post_id};

/// The fields go in the query, not in the body (VL).
pub(crate) const QUERY: &str = "fields=id,create_time,duration,video_description,share_url";

/// A page of public videos, newest first (VL).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VideoPage {
    /// The videos.
    pub videos: Vec<Video>,
    /// Where the next page begins, in milliseconds since 1970: videos created before it.
    #[serde(default)]
    pub cursor: Option<i64>,
    /// Whether there are older ones.
    #[serde(default, deserialize_with = "or_default")]
    pub has_more: bool,
}

/// A public video (VO). One without id or time makes the page unreadable: left out, it would look as if it were not
/// there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Video {
    /// The post's id, sent as a string: 19 digits, beyond 2^53.
    #[serde(deserialize_with = "id")]
    pub id: u64,
    /// When it was posted, in **seconds** since 1970. Cursors are in milliseconds.
    pub create_time: i64,
    /// Its length in whole seconds.
    #[serde(default)]
    pub duration: Option<u32>,
    /// The beginning of the caption, at most 150 characters.
    #[serde(rename = "video_description", default, deserialize_with = "or_default")]
    pub description: String,
    /// The permalink, with utm parameters.
    #[serde(default)]
    pub share_url: Option<String>,
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    post_id(&value).ok_or_else(|| de::Error::custom("not a post id"))
}
