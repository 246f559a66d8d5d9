//! An uploaded video or photo: declared, uploaded straight to S3, probed, and then ready or rejected.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::periods::Periods;
use crate::wake;
use crate::way::Way;
use crate::{MediaId, Nonce, PostId, Problem, WorkspaceId};

/// TikTok's limit for a video, read as decimal gigabytes: the smaller of the two readings.
pub const VIDEO_MAX_BYTES: u64 = 4_000_000_000;

/// TikTok's limit for a photo, read as decimal megabytes.
pub const PHOTO_MAX_BYTES: u64 = 20_000_000;

/// Longest photo that is converted: a PNG of what would be a JPEG of a few megabytes.
pub const CONVERT_MAX_BYTES: u64 = 50_000_000;

/// What a post shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A video.
    Video,
    /// One photo of a carousel.
    Photo,
}

impl MediaKind {
    /// Its word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Photo => "photo",
        }
    }

    /// Longest upload of this kind in bytes; a photo that is to be converted may be longer than TikTok takes.
    pub const fn max_bytes(self, convert: bool) -> u64 {
        match self {
            Self::Video => VIDEO_MAX_BYTES,
            Self::Photo if convert => CONVERT_MAX_BYTES,
            Self::Photo => PHOTO_MAX_BYTES,
        }
    }
}

/// The container of a video or the format of a photo, as its bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// ISO base media file, `video/mp4`.
    Mp4,
    /// QuickTime, `video/quicktime`.
    Mov,
    /// WebM, `video/webm`.
    Webm,
    /// JPEG, `image/jpeg`.
    Jpeg,
    /// WebP, `image/webp`.
    Webp,
    /// PNG, `image/png`: TikTok takes none, it is converted or refused.
    Png,
}

impl Container {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Mp4, Self::Mov, Self::Webm, Self::Jpeg, Self::Webp, Self::Png];

    /// Whether it holds a video or a photo.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Mp4 | Self::Mov | Self::Webm => MediaKind::Video,
            Self::Jpeg | Self::Webp | Self::Png => MediaKind::Photo,
        }
    }

    /// File name extension without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Webm => "webm",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Png => "png",
        }
    }

    /// Media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Png => "image/png",
        }
    }

    /// The container or format that a media type names.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.content_type() == content_type)
    }
}

/// What the uploader says will come, and what is to be done with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// The container or format its media type names.
    pub container: Container,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the bytes, base64, as S3 checks it.
    pub sha256: Option<String>,
    /// Whether a photo that TikTok would refuse for its format or size is converted instead.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub convert: bool,
}

/// What the probe found in the bytes. Rows from before there were photos hold the facts of a video, as they do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Probe {
    /// It is a video.
    Video(VideoProbe),
    /// It is a photo.
    Photo(PhotoProbe),
}

impl Probe {
    /// Container or format.
    pub const fn container(&self) -> Container {
        match self {
            Self::Video(video) => video.container,
            Self::Photo(photo) => photo.format.container(),
        }
    }
}

/// A photo, as it is given to TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhotoProbe {
    /// Format.
    pub format: PhotoFormat,
    /// Width in pixels before it is turned.
    pub width: u32,
    /// Height in pixels before it is turned.
    pub height: u32,
    /// How EXIF says that it is to be turned or mirrored, 1 (as it is) to 8.
    pub orientation: u8,
    /// Size in bytes.
    pub size: u64,
    /// What was uploaded, if this is what it was converted to: an object of its own ([`converted_key`]), while the upload
    /// stays as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converted_from: Option<Original>,
}

/// A photo before it was converted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Original {
    /// Format.
    pub container: Container,
    /// Width in pixels before it is turned.
    pub width: u32,
    /// Height in pixels before it is turned.
    pub height: u32,
    /// How EXIF says that it is to be turned or mirrored, 1 (as it is) to 8.
    pub orientation: u8,
    /// Size in bytes.
    pub size: u64,
}

/// Width and height as a viewer sees them: the EXIF orientations 5 to 8 lie on their side.
pub const fn upright(width: u32, height: u32, orientation: u8) -> (u32, u32) {
    if orientation >= 5 { (height, width) } else { (width, height) }
}

/// A video.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoProbe {
    /// Container.
    pub container: Container,
    /// Video codec: `h264`, `h265`, `vp8`, `vp9`, or what the file calls it.
    pub codec: String,
    /// Duration in milliseconds.
    pub duration_ms: u64,
    /// Frames per 1,000 seconds (29,970 for 29.97 fps).
    pub frame_rate_millis: u32,
    /// Width in pixels before rotation.
    pub width: u32,
    /// Height in pixels before rotation.
    pub height: u32,
    /// Clockwise rotation in degrees: 0, 90, 180 or 270.
    pub rotation: u16,
    /// Size in bytes.
    pub size: u64,
}

/// What a media is, with what is known then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum MediaState {
    /// Declared; the bytes are still to come.
    AwaitingUpload {
        /// Afterwards the upload is given up.
        deadline: Timestamp,
    },
    /// Probed and good.
    Ready {
        /// The object's ETag: publishing copies exactly these bytes.
        etag: String,
        /// What the probe found.
        probe: Probe,
        /// What is recommended and not so; it stops nothing.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        advice: Vec<Problem>,
    },
    /// Nothing that TikTok takes, or never uploaded.
    Rejected {
        /// Every rule it breaks.
        problems: Vec<Problem>,
    },
}

/// An uploaded video or photo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Its id; the object is `up/<id>`.
    pub id: MediaId,
    /// Who may use it.
    pub workspace: WorkspaceId,
    /// What was declared.
    pub declared: Declared,
    /// How its bytes come.
    pub way: Way,
    /// What it is.
    pub state: MediaState,
    /// Posts that wait for it.
    pub waiting: BTreeSet<PostId>,
    /// When it was declared.
    pub created_at: Timestamp,
    /// Its wake-up, `None` when nothing is left to do.
    pub due: Option<Timestamp>,
}

/// The format of a photo that TikTok takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhotoFormat {
    /// `image/jpeg`.
    Jpeg,
    /// `image/webp`.
    Webp,
}

impl PhotoFormat {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Jpeg, Self::Webp];

    /// File name extension without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }

    /// Media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// The same among all that may be uploaded.
    pub const fn container(self) -> Container {
        match self {
            Self::Jpeg => Container::Jpeg,
            Self::Webp => Container::Webp,
        }
    }
}

/// The bytes a post is pinned to: nothing that was probed can be exchanged before it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Pinned {
    /// One video.
    Video(PinnedVideo),
    /// Photos in their order. Their entity tags stand in their own rows, where the first verdict is the last.
    Photos {
        /// The format of each.
        formats: Vec<PhotoFormat>,
    },
}

/// The video a post is pinned to: an ETag closes the gap between probe and publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedVideo {
    /// ETag of `up/<media>` when it was probed.
    pub etag: String,
    /// Its container.
    pub container: Container,
    /// Its duration in milliseconds.
    pub duration_ms: u64,
    /// Its size in bytes; rows of earlier versions do not say.
    pub size: Option<u64>,
}

impl Pinned {
    /// The keys of an attempt's own copies, in order: `m/<32 hexadecimal digits>.<extension>`, for photos
    /// `m/<32 hexadecimal digits>-<number from 0>.<extension>`. They are unguessable and never reused, so deleting the
    /// copies ends TikTok's access for good.
    pub fn attempt_keys(&self, nonce: Nonce) -> Vec<String> {
        match self {
            Self::Video(video) => vec![format!("m/{nonce}.{}", video.container.extension())],
            Self::Photos { formats } => (0..)
                .zip(formats)
                .map(|(number, format): (usize, _)| format!("m/{nonce}-{number}.{}", format.extension()))
                .collect(),
        }
    }

    /// The duration of a video in milliseconds.
    pub const fn duration_ms(&self) -> Option<u64> {
        match self {
            Self::Video(video) => Some(video.duration_ms),
            Self::Photos { .. } => None,
        }
    }

    /// The video, if it is one.
    pub const fn video(&self) -> Option<&PinnedVideo> {
        match self {
            Self::Video(video) => Some(video),
            Self::Photos { .. } => None,
        }
    }
}

/// The key of an upload in the media bucket.
pub fn upload_key(media: &MediaId) -> String {
    format!("up/{media}")
}

/// The key of the JPEG that a photo was converted to.
pub fn converted_key(media: &MediaId) -> String {
    format!("up/{media}.jpg")
}

impl Media {
    /// A media that was just declared.
    pub fn declare(
        id: MediaId,
        workspace: WorkspaceId,
        declared: Declared,
        now: Timestamp,
        periods: &Periods,
    ) -> Self {
        let deadline = now + periods.media_deadline;
        let state = MediaState::AwaitingUpload { deadline };
        let (waiting, way) = (BTreeSet::new(), Way::default());
        let mut media = Self { id, workspace, declared, way, state, waiting, created_at: now, due: None };
        media.due = wake::arrange(None, media.next_task(now), now, periods);
        media
    }

    /// When the system must look at it by itself: uploads whose event was lost are found after the first quarter hour.
    pub fn next_task(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.state {
            MediaState::AwaitingUpload { deadline } => {
                Some((now + jiff::SignedDuration::from_mins(15)).min(*deadline))
            }
            // a post that was not told looks again by itself
            MediaState::Ready { .. } | MediaState::Rejected { .. } => None,
        }
    }

    /// The media after its bytes were probed. A second verdict changes nothing: the first ETag stays pinned. Problems that
    /// are only advice keep nothing from being ready.
    #[must_use]
    pub fn judged(&self, etag: String, verdict: Result<(Probe, Vec<Problem>), Vec<Problem>>) -> Self {
        match &self.state {
            MediaState::AwaitingUpload { .. } => {
                let state = match verdict {
                    Ok((probe, advice)) => MediaState::Ready { etag, probe, advice },
                    Err(problems) => MediaState::Rejected { problems },
                };
                Self { state, due: None, ..self.clone() }
            }
            MediaState::Ready { .. } | MediaState::Rejected { .. } => self.clone(),
        }
    }

    /// What the post of a video is pinned to, once the media is ready. Photos are pinned together, when the last of a post's
    /// is ready ([`Media::photo`]).
    pub fn pinned(&self) -> Option<Pinned> {
        match &self.state {
            MediaState::Ready { etag, probe: Probe::Video(video), .. } => Some(Pinned::Video(PinnedVideo {
                etag: etag.clone(),
                container: video.container,
                duration_ms: video.duration_ms,
                size: Some(video.size),
            })),
            MediaState::Ready { probe: Probe::Photo(_), .. }
            | MediaState::AwaitingUpload { .. }
            | MediaState::Rejected { .. } => None,
        }
    }

    /// The format in which a photo goes to TikTok, once it is ready.
    pub fn photo(&self) -> Option<PhotoFormat> {
        match &self.state {
            MediaState::Ready { probe: Probe::Photo(photo), .. } => Some(photo.format),
            MediaState::Ready { .. } | MediaState::AwaitingUpload { .. } | MediaState::Rejected { .. } => {
                None
            }
        }
    }
}
