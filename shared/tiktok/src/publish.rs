//! Posts: what is sent to `video/init` and `content/init`, what `creator_info` and `status/fetch` answer.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Declares an enum over TikTok's words that keeps unknown ones.
macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident { $( $(#[$vdoc:meta])* $variant:ident = $word:literal ),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$vdoc])* $variant, )+
            /// A word that this crate does not know.
            Other(String),
        }

        impl $name {
            /// Every word known here.
            pub const KNOWN: &[Self] = &[$( Self::$variant ),+];

            /// TikTok's word.
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $word, )+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $( $word => Self::$variant, )+
                    _ => Self::Other(word.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
            }
        }
    };
}
pub(crate) use words;

words!(
    /// Who may see a post (CI, DP). Which of them a creator may choose is in [`CreatorInfo`] and depends on the
    /// account being public or private; never assume a fixed set.
    PrivacyLevel {
        /// Everyone; offered to public accounts.
        PublicToEveryone = "PUBLIC_TO_EVERYONE",
        /// Followers whom the creator follows back.
        MutualFollowFriends = "MUTUAL_FOLLOW_FRIENDS",
        /// Followers; offered to private accounts.
        FollowerOfCreator = "FOLLOWER_OF_CREATOR",
        /// The creator alone.
        SelfOnly = "SELF_ONLY",
    }
);

impl Serialize for PrivacyLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// What the creator may do right now (CI). Ask when a posting screen is shown and again right before a post.
/// It does not tell that the app is unaudited: that refusal comes at init.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CreatorInfo {
    /// A link that lives 2 h.
    #[serde(rename = "creator_avatar_url", default)]
    pub avatar_url: Option<String>,
    /// The handle.
    #[serde(rename = "creator_username", default, deserialize_with = "or_default")]
    pub username: String,
    /// The name that must be shown to the person who posts (CSG).
    #[serde(rename = "creator_nickname", default, deserialize_with = "or_default")]
    pub nickname: String,
    /// The levels to choose from, exactly these.
    pub privacy_level_options: Vec<PrivacyLevel>,
    /// The creator lets nobody comment.
    #[serde(default, deserialize_with = "or_default")]
    pub comment_disabled: bool,
    /// The account is private, or the creator lets nobody duet.
    #[serde(default, deserialize_with = "or_default")]
    pub duet_disabled: bool,
    /// The account is private, or the creator lets nobody stitch.
    #[serde(default, deserialize_with = "or_default")]
    pub stitch_disabled: bool,
    /// Longest video in seconds, per creator (300 and 600 were seen).
    #[serde(default)]
    pub max_video_post_duration_sec: Option<u32>,
}

/// A video to be posted directly: `post_info` of `video/init` (DP).
///
/// Every boolean is always sent: the table marks both brand fields as required although the sample omits them,
/// and an omitted `disable_*` means "allowed".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is TikTok's")]
pub struct VideoPost {
    /// The caption, at most 2,200 UTF-16 code units; `#` and `@` are parsed. None: no caption.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// One of the creator's current options; anything else is refused, and repeated misses count as a breach of
    /// TikTok's guidelines.
    pub privacy_level: PrivacyLevel,
    /// Nobody may comment.
    pub disable_comment: bool,
    /// Nobody may duet.
    pub disable_duet: bool,
    /// Nobody may stitch.
    pub disable_stitch: bool,
    /// Paid partnership with a third party.
    pub brand_content_toggle: bool,
    /// Promotes the creator's own business.
    pub brand_organic_toggle: bool,
    /// Labelled "Creator labeled as AI-generated".
    pub is_aigc: bool,
    /// The cover frame in milliseconds (`int32`); absent or invalid: the first frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub video_cover_timestamp_ms: Option<u32>,
}

/// Photos, posted directly or as a draft for the creator's inbox: `content/init` (PH). Photos are always pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhotoPost {
    /// At most 90 UTF-16 code units. None: no title.
    pub title: Option<String>,
    /// The caption, at most 4,000 UTF-16 code units. None: no caption.
    pub description: Option<String>,
    /// Which of the photos is the cover, counted from 0. Required.
    pub photo_cover_index: u32,
    /// Labelled "Creator labeled as AI-generated". Since 2026-08-24, at the root of the body.
    pub is_aigc: bool,
    /// What becomes of the photos.
    pub mode: PhotoMode,
}

/// TikTok's `post_mode` (PH), with what belongs to it alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoMode {
    /// `DIRECT_POST`. Needs scope `video.publish`.
    DirectPost(PhotoSettings),
    /// `MEDIA_UPLOAD`: a draft, whose creator chooses privacy and all else in TikTok. Needs scope `video.upload`, and
    /// TikTok 31.8 on the creator's phone.
    MediaUpload,
}

/// How photos are posted directly (PH). There is no duet and no stitch of photos.
///
/// Every boolean is always sent: the table marks both brand fields as required, and no default of the others is
/// stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the shape is TikTok's")]
pub struct PhotoSettings {
    /// One of the creator's current options, as for a video.
    pub privacy_level: PrivacyLevel,
    /// Nobody may comment.
    pub disable_comment: bool,
    /// TikTok adds a recommended track, which the creator may change in the app.
    pub auto_add_music: bool,
    /// Paid partnership with a third party.
    pub brand_content_toggle: bool,
    /// Promotes the creator's own business.
    pub brand_organic_toggle: bool,
}

words!(
    /// Where a publish stands (ST).
    PublishStatus {
        /// `FILE_UPLOAD`: bytes are coming in.
        ProcessingUpload = "PROCESSING_UPLOAD",
        /// `PULL_FROM_URL`: TikTok downloads.
        ProcessingDownload = "PROCESSING_DOWNLOAD",
        /// A draft lies in the creator's inbox: the end, as far as we can move it.
        SendToUserInbox = "SEND_TO_USER_INBOX",
        /// Posted. Ids may still be missing, and stay missing unless the post is public.
        PublishComplete = "PUBLISH_COMPLETE",
        /// Over; the report has the reason.
        Failed = "FAILED",
    }
);

/// `data` of `status/fetch` (ST). A report of a failed publish is a success of the call: its `error.code` is `ok`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "ReportOnTheWire")]
pub struct StatusReport {
    /// Where the publish stands.
    pub status: PublishStatus,
    /// Why it failed.
    pub fail_reason: Option<FailReason>,
    /// The posts that came of it: TikTok's `publicaly_available_post_id`, 19-digit numbers beyond 2^53. Only
    /// public posts that passed moderation have one, often minutes after `PUBLISH_COMPLETE`; a draft may yield
    /// several. Items that are not ids are dropped: they must not hide the status.
    pub post_ids: Vec<u64>,
    /// `FILE_UPLOAD`: bytes received.
    pub uploaded_bytes: Option<u64>,
    /// `PULL_FROM_URL`: bytes downloaded.
    pub downloaded_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct ReportOnTheWire {
    status: PublishStatus,
    fail_reason: Option<FailReason>,
    /// TikTok's spelling. Should it be mended one day, both may come for a while.
    publicaly_available_post_id: Option<Vec<Value>>,
    publicly_available_post_id: Option<Vec<Value>>,
    uploaded_bytes: Option<u64>,
    downloaded_bytes: Option<u64>,
}

impl From<ReportOnTheWire> for StatusReport {
    fn from(wire: ReportOnTheWire) -> Self {
        let ids = wire.publicaly_available_post_id.or(wire.publicly_available_post_id).unwrap_or_default();
        Self {
            status: wire.status,
            fail_reason: wire.fail_reason.filter(|reason| !reason.as_str().is_empty()),
            post_ids: ids.iter().filter_map(post_id).collect(),
            uploaded_bytes: wire.uploaded_bytes,
            downloaded_bytes: wire.downloaded_bytes,
        }
    }
}

words!(
    /// Why a publish failed (ST); the same words come in webhooks (WHE).
    FailReason {
        /// Container, codec or image type.
        FileFormatCheckFailed = "file_format_check_failed",
        /// Too short or too long.
        DurationCheckFailed = "duration_check_failed",
        /// Not between 23 and 60 frames a second.
        FrameRateCheckFailed = "frame_rate_check_failed",
        /// Width or height.
        PictureSizeCheckFailed = "picture_size_check_failed",
        /// TikTok's own fault.
        Internal = "internal",
        /// TikTok could not download the video, or not within 1 h.
        VideoPullFailed = "video_pull_failed",
        /// TikTok could not download a photo, or not within 1 h.
        PhotoPullFailed = "photo_pull_failed",
        /// The developer cancelled.
        PublishCancelled = "publish_cancelled",
        /// The creator removed the app's access meanwhile.
        AuthRemoved = "auth_removed",
        /// The creator's 24 h cap, shared by all apps.
        SpamRiskTooManyPosts = "spam_risk_too_many_posts",
        /// The creator may not post.
        SpamRiskUserBannedFromPosting = "spam_risk_user_banned_from_posting",
        /// The caption was judged risky.
        SpamRiskText = "spam_risk_text",
        /// The request was judged risky.
        SpamRisk = "spam_risk",
    }
);

impl FailReason {
    /// Whether the same post may be tried again as it is: a new init with a new `publish_id`. Only TikTok's own
    /// faults and failed downloads are like that (ST); all else would fail again or make matters worse.
    pub fn new_attempt_sensible(&self) -> bool {
        matches!(self, Self::Internal | Self::VideoPullFailed | Self::PhotoPullFailed)
    }

    /// What a person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::FileFormatCheckFailed => {
                "convert the file: MP4, MOV or WebM with H.264, H.265, VP8 or VP9; photos JPEG or WebP"
            }
            Self::DurationCheckFailed => {
                "cut the video to a length that TikTok and this creator's limit allow"
            }
            Self::FrameRateCheckFailed => "convert the video to between 23 and 60 frames a second",
            Self::PictureSizeCheckFailed => {
                "resize: each side of a video between 360 and 4096 pixels, photos within 1080p"
            }
            Self::Internal => "a fault of TikTok: try again later",
            Self::VideoPullFailed | Self::PhotoPullFailed => {
                "TikTok could not download the file: check that its URL answers without a redirect, then try again"
            }
            Self::PublishCancelled => "nothing to do: the publish was cancelled",
            Self::AuthRemoved => "the creator must connect again",
            Self::SpamRiskTooManyPosts => {
                "the creator reached TikTok's daily number of posts by apps: wait up to 24 hours, or post in TikTok"
            }
            Self::SpamRiskUserBannedFromPosting => {
                "TikTok does not let this creator post: the creator can ask TikTok in the app"
            }
            Self::SpamRiskText => "TikTok judged the caption risky: change it",
            Self::SpamRisk => "TikTok judged the post risky: post something else",
            Self::Other(_) => "TikTok gave a reason that is not documented: look at it before posting again",
        }
    }
}

pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A post id as a bare number or as a string.
pub(crate) fn post_id(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).filter(|id| *id != 0)
}
