//! `FILE_UPLOAD`: how a file is cut, and what TikTok says to each piece.

use std::ops::Range;

use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;

use crate::{Endpoint, Error, Response, UploadUrl, answer};

/// A smaller file goes in one chunk, which TikTok takes up to 64 MB: whoever sends one holds all of it in memory.
const WHOLE: u64 = 20_000_000;
/// No chunk of a larger file is smaller; TikTok's own example has this size (MT).
const SMALLEST: u64 = 10_000_000;
/// 4 GB in the larger reading.
const MOST: u64 = 4 * 1024 * 1024 * 1024;

/// How a file is cut into chunks, valid under every reading of TikTok's rules (MT) and under the stricter one seen in
/// production: a single chunk is as large as the file.
///
/// Below 20,000,000 bytes one chunk of exactly that size. From there on chunks of equal size between 10 and 15 million
/// bytes, the last of which takes the rest: fewer bytes than there are chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadPlan {
    size: u64,
    chunk_size: u64,
    chunk_count: u64,
}

impl UploadPlan {
    /// The plan for a file of `size` bytes. None for no bytes, and for more than TikTok takes in either reading of
    /// its 4 GB.
    pub fn of(size: u64) -> Option<Self> {
        let chunk_count = if size < WHOLE { 1 } else { size / SMALLEST };
        (1..=MOST).contains(&size).then(|| Self { size, chunk_size: size / chunk_count, chunk_count })
    }

    /// TikTok's `video_size`.
    pub fn size(self) -> u64 {
        self.size
    }

    /// TikTok's `chunk_size`: every chunk's but the last one's.
    pub fn chunk_size(self) -> u64 {
        self.chunk_size
    }

    /// TikTok's `total_chunk_count`.
    pub fn chunk_count(self) -> u64 {
        self.chunk_count
    }

    /// The chunks in the order in which they must be sent.
    pub fn chunks(self) -> impl Iterator<Item = Range<u64>> {
        (0..self.chunk_count).map(move |index| {
            let start = index * self.chunk_size;
            let is_last = index + 1 == self.chunk_count;
            start..if is_last { self.size } else { start + self.chunk_size }
        })
    }

    /// What to send when TikTok says that it has `progress`. MT does not say whether that number counts bytes or is
    /// the last one's index, so either is understood; no plan has chunks so small that they could be confused.
    pub fn next(self, progress: u64) -> NextChunk {
        let means = |bytes: u64| progress == bytes || (bytes > 0 && progress == bytes - 1);
        if means(self.size) && (self.size > 1 || progress == 1) {
            return NextChunk::Complete;
        }
        self.chunks().find(|chunk| means(chunk.start)).map_or(NextChunk::OffPlan, NextChunk::Send)
    }
}

/// What comes next in an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextChunk {
    /// These bytes.
    Send(Range<u64>),
    /// Nothing: TikTok has them all.
    Complete,
    /// The progress is between the plan's chunks: this upload cannot go on.
    OffPlan,
}

/// An announced upload: `data` of `video/init` with `FILE_UPLOAD` (DP).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VideoUpload {
    /// The post that it becomes with its last byte.
    #[serde(deserialize_with = "answer::non_empty")]
    pub publish_id: String,
    /// Where the bytes go, for 1 h.
    #[serde(deserialize_with = "upload_url")]
    pub upload_url: UploadUrl,
}

fn upload_url<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<UploadUrl, D::Error> {
    answer::non_empty(deserializer).map(UploadUrl::new)
}

/// What a chunk's `Content-Type` may be (MT).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VideoType {
    /// MP4.
    Mp4,
    /// MOV.
    QuickTime,
    /// WebM.
    Webm,
}

impl VideoType {
    /// The media type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::QuickTime => "video/quicktime",
            Self::Webm => "video/webm",
        }
    }
}

/// What TikTok says to a chunk (MT). Its status alone counts, no body is documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkAnswer {
    /// Stored, more is expected: TikTok has so many bytes. What is not the end of the chunk that was sent is as
    /// ambiguous as in [`OutOfStep`](Self::OutOfStep).
    Progress(u64),
    /// TikTok has everything, and processes it.
    Complete,
    /// 403: the URL's hour is over.
    Expired,
    /// 404: TikTok knows no such upload.
    NoSuchUpload,
    /// 416: not the bytes that TikTok waits for, perhaps because it has them.
    OutOfStep {
        /// What TikTok says that it has, for [`UploadPlan::next`]. None: it does not say; the status' `uploaded_bytes`
        /// does.
        progress: Option<u64>,
    },
    /// 400: the headers are wrong, or do not fit the bytes or the plan. Repeating is useless.
    Malformed,
}

/// None if the range is not that of the bytes.
pub(crate) fn headers(
    content_type: VideoType,
    range: &Range<u64>,
    total: u64,
    length: usize,
) -> Option<HeaderMap> {
    let fits = range.end.checked_sub(range.start) == Some(length as u64) && range.end <= total;
    let last = range.end.checked_sub(1).filter(|_| fits && length > 0)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type.as_str()));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let range = HeaderValue::try_from(format!("bytes {}-{last}/{total}", range.start)).ok()?;
    headers.insert(header::CONTENT_RANGE, range);
    Some(headers)
}

pub(crate) fn read(answer: &Response, sent: &Range<u64>, total: u64) -> Result<ChunkAnswer, Error> {
    let progress = progress(&answer.headers);
    Ok(match answer.status.as_u16() {
        // MT: 206 for more, 201 for all. Others were seen, so what tells is whether these were the last bytes.
        status @ 200..=299 => match progress {
            Some(other) if other != sent.end && other + 1 != sent.end => ChunkAnswer::Progress(other),
            _ if sent.end == total && status != 206 => ChunkAnswer::Complete,
            _ => ChunkAnswer::Progress(sent.end),
        },
        400 => ChunkAnswer::Malformed,
        403 => ChunkAnswer::Expired,
        404 => ChunkAnswer::NoSuchUpload,
        416 => ChunkAnswer::OutOfStep { progress },
        _ => return Err(answer::refusal(Endpoint::UploadChunk, answer)),
    })
}

/// `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}` (MT).
fn progress(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    value.strip_prefix("bytes 0-")?.split('/').next()?.parse().ok()
}
