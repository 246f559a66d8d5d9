use std::fmt;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use domain::MediaId;
use domain::media::upload_key;
use ports::{PortError, PortResult};

use crate::Bucket;
use crate::error::{Odd, changed, failed, missing, status};

/// An upload that is read in ranges, all of the same bytes: each request after the first is pinned to the first one's
/// `ETag`.
#[derive(Clone)]
pub struct RangedObject {
    bucket: Bucket,
    key: String,
    size: u64,
    etag: String,
    content_type: Option<String>,
    first: Bytes,
}

impl fmt::Debug for RangedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangedObject")
            .field("key", &self.key)
            .field("size", &self.size)
            .field("etag", &self.etag)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// Opens `up/<media>`: one request that learns size and `ETag` and brings the first `first_bytes` bytes (fewer if there
    /// are fewer). `None`: there is no such object.
    ///
    /// An empty object costs a second request.
    pub async fn open(&self, media: &MediaId, first_bytes: u64) -> PortResult<Option<RangedObject>> {
        let key = upload_key(media);
        let what = || format!("opening the upload of `{media}`");
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(&key)
            .range(range(0, first_bytes.max(1)))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if missing(&error) => return Ok(None),
            // no range of an empty object can be satisfied, and the refusal bears no ETag
            Err(error) if status(&error) == Some(416) => return self.open_empty(media).await,
            Err(error) => return Err(failed(what(), error)),
        };
        let size = answer
            .content_range()
            .and_then(total)
            .or_else(|| answer.content_length().and_then(|length| u64::try_from(length).ok()))
            .ok_or_else(|| PortError::passing(what(), Odd::NoSize))?;
        let etag = answer.e_tag().ok_or_else(|| PortError::passing(what(), Odd::NoEtag))?.to_owned();
        let content_type = answer.content_type().map(str::to_owned);
        let first =
            answer.body.collect().await.map_err(|source| PortError::passing(what(), source))?.into_bytes();
        let asked = first_bytes.max(1).min(size);
        if (first.len() as u64) < asked {
            return Err(PortError::passing(what(), Odd::Length { asked, got: first.len() as u64 }));
        }
        Ok(Some(RangedObject { bucket: self.clone(), key, size, etag, content_type, first }))
    }

    async fn open_empty(&self, media: &MediaId) -> PortResult<Option<RangedObject>> {
        let key = upload_key(media);
        let what = || format!("opening the upload of `{media}`");
        let head = match self.client.head_object().bucket(&self.name).key(&key).send().await {
            Ok(head) => head,
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(failed(what(), error)),
        };
        let size = head
            .content_length
            .and_then(|length| u64::try_from(length).ok())
            .ok_or_else(|| PortError::passing(what(), Odd::NoSize))?;
        let etag = head.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))?;
        let (content_type, first) = (head.content_type, Bytes::new());
        Ok(Some(RangedObject { bucket: self.clone(), key, size, etag, content_type, first }))
    }
}

impl RangedObject {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The `ETag` that every byte read here belongs to, with its quotes.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The media type it was uploaded with.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// `len` bytes from `offset`, fewer where the object ends before. Bytes that the first request brought cost nothing; a
    /// range that goes beyond them is one request. If the object was replaced since it was opened, that is a failure that
    /// passes: opening it again reads the new one.
    pub async fn read(&self, offset: u64, len: u64) -> PortResult<Bytes> {
        let end = offset.saturating_add(len).min(self.size);
        if offset >= end {
            return Ok(Bytes::new());
        }
        if let Some(held) = self.held(offset, end) {
            return Ok(held);
        }
        let bytes = self.bucket.exactly(&self.key, &self.etag, offset..end).await?;
        bytes.ok_or_else(|| PortError::passing(reading(&self.key, &(offset..end)), Odd::Replaced))
    }

    fn held(&self, offset: u64, end: u64) -> Option<Bytes> {
        let (offset, end) = (usize::try_from(offset).ok()?, usize::try_from(end).ok()?);
        (end <= self.first.len()).then(|| self.first.slice(offset..end))
    }
}

fn reading(key: &str, range: &Range<u64>) -> String {
    format!("reading {} bytes of `{key}` from byte {}", range.end - range.start, range.start)
}

impl Bucket {
    /// Exactly these bytes of an object, in one buffer of their size. `None`: it is gone, or has another `ETag`.
    pub(crate) async fn exactly(
        &self,
        key: &str,
        etag: &str,
        asked: Range<u64>,
    ) -> PortResult<Option<Bytes>> {
        let what = || reading(key, &asked);
        let length = asked.end - asked.start;
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .if_match(etag)
            .range(range(asked.start, asked.end))
            .send()
            .await;
        let mut body = match answer {
            Ok(answer) => answer.body,
            Err(error) if changed(&error) || missing(&error) => return Ok(None),
            Err(error) => return Err(failed(what(), error)),
        };
        // one buffer: what is collected piece by piece is held twice
        let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(|source| PortError::passing(what(), source))?);
        }
        let got = bytes.len() as u64;
        if got == length {
            Ok(Some(bytes.freeze()))
        } else {
            Err(PortError::passing(what(), Odd::Length { asked: length, got }))
        }
    }
}

/// `Range` of the bytes from `start` up to, without, `end`.
fn range(start: u64, end: u64) -> String {
    format!("bytes={start}-{}", end - 1)
}

/// The whole size in `Content-Range: bytes 0-99/1000`.
fn total(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.parse().ok()
}
