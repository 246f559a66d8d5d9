//! Uploads in parts: begun, sent part by part and in any order by whoever has the URLs, and put together.

use domain::media::Container;
use domain::{MediaId, SignedDuration, Timestamp};

use crate::{PortResult, Upload};

/// A part that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, from 1.
    pub number: u32,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with quotes.
    pub etag: String,
}

/// What putting parts together came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// They are one object, with this entity tag.
    Done(String),
    /// There is no such upload any more: it was put together, or given up, before.
    Gone,
}

/// Uploads in parts to `up/<media>`.
pub trait Multipart: Send + Sync {
    /// Begins an upload; gives its id.
    fn begin_parts(
        &self,
        media: &MediaId,
        container: Container,
    ) -> impl Future<Output = PortResult<String>> + Send;
    /// Signs a `PUT` of exactly so many bytes as one part.
    fn sign_part(
        &self,
        media: &MediaId,
        upload_id: &str,
        part: (u32, u64),
        valid: SignedDuration,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Upload>> + Send;
    /// The parts that are there, by number. `None`: there is no such upload.
    fn parts(
        &self,
        media: &MediaId,
        upload_id: &str,
    ) -> impl Future<Output = PortResult<Option<Vec<Part>>>> + Send;
    /// Makes one object of these parts. Doing so again gives the same answer, or [`Joined::Gone`].
    fn join_parts(
        &self,
        media: &MediaId,
        upload_id: &str,
        parts: &[Part],
    ) -> impl Future<Output = PortResult<Joined>> + Send;
    /// Gives an upload up, with every part of it; one that is gone is fine.
    fn abort_parts(&self, media: &MediaId, upload_id: &str) -> impl Future<Output = PortResult<()>> + Send;
    /// The size of `up/<media>`, if it is there.
    fn uploaded(&self, media: &MediaId) -> impl Future<Output = PortResult<Option<u64>>> + Send;
    /// Deletes `up/<media>` and what it was converted to; what is gone is fine.
    fn delete_upload(&self, media: &MediaId) -> impl Future<Output = PortResult<()>> + Send;
}
