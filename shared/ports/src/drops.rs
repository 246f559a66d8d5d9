//! The drop folder: what people put below `drop/` in the media bucket, and what they are told below `drop-results/`.

use bytes::Bytes;
use domain::media::Container;
use domain::{MediaId, Timestamp};

use crate::{Copied, PortResult};

/// Where people put what is to be posted.
pub const DROPS: &str = "drop/";
/// Where they read what came of it. Nothing is told of what is written here, so no outcome makes another.
pub const OUTCOMES: &str = "drop-results/";

/// An object that somebody dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, with quotes.
    pub etag: String,
    /// When it came, by the clock of the bucket.
    pub at: Timestamp,
}

/// The drop folder in the media bucket.
pub trait DropFolder: Send + Sync {
    /// Every object whose key starts so, by key.
    fn dropped(&self, prefix: &str) -> impl Future<Output = PortResult<Vec<Dropped>>> + Send;
    /// The bytes of an object, if it still has the entity tag. `None`: it is gone, or is another one.
    fn read(&self, key: &str, etag: &str) -> impl Future<Output = PortResult<Option<Bytes>>> + Send;
    /// Copies an object to `up/<media>`, if it still has the entity tag. No byte comes through here. The same object gives the
    /// same entity tag each time.
    fn take(
        &self,
        key: &str,
        etag: &str,
        media: &MediaId,
        container: Container,
    ) -> impl Future<Output = PortResult<Copied>> + Send;
    /// What was told under this key, as it was written. `None`: nothing.
    fn told(&self, key: &str) -> impl Future<Output = PortResult<Option<Bytes>>> + Send;
    /// Tells what came of something, as JSON, in place of what was told under this key before.
    fn tell(&self, key: &str, json: Vec<u8>) -> impl Future<Output = PortResult<()>> + Send;
    /// Takes back what was told under this key; what never was is fine.
    fn take_back(&self, key: &str) -> impl Future<Output = PortResult<()>> + Send;
}
