//! The library of a workspace: its media, newest first, and uploads in parts that they are begun with.

use domain::{Media, MediaId, WorkspaceId};

use crate::{Page, PortResult, Stored};

/// Rows of media, as a library.
pub trait Library: Send + Sync {
    /// A workspace's media, newest first, without those that were taken out. A cursor that is none of ours
    /// ([`crate::cursor::decode`]) is refused.
    fn list_media(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Media>>> + Send;
    /// Writes down the id of the upload in parts that the media came to, unless there is one, and gives the row as it is then:
    /// of two that begin at once, one counts. `None`: there is no such media. The version stays.
    fn note_parts(
        &self,
        media: &MediaId,
        upload_id: &str,
    ) -> impl Future<Output = PortResult<Option<Stored<Media>>>> + Send;
    /// Takes a media out of the list; one that is not in it is fine.
    fn unlist_media(&self, media: &MediaId) -> impl Future<Output = PortResult<()>> + Send;
}
