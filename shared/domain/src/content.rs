//! What is to be posted: caption, privacy, toggles, disclosure and the consent that covers them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::creator::CreatorInfo;
use crate::{MediaId, Problem};

/// Longest caption of a video, in UTF-16 code units (TikTok: Content Posting API, Direct Post).
pub const CAPTION_MAX_UTF16: usize = 2_200;

/// A caption that TikTok accepts: at most 2,200 UTF-16 code units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Caption(String);

/// A caption longer than TikTok accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the caption has {found} UTF-16 units, at most {CAPTION_MAX_UTF16} are allowed")]
pub struct CaptionTooLong {
    /// Length in UTF-16 code units (most emoji count two).
    pub found: usize,
}

impl Caption {
    /// The caption's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Caption {
    type Error = CaptionTooLong;
    fn try_from(text: String) -> Result<Self, CaptionTooLong> {
        let found = text.encode_utf16().count();
        if found > CAPTION_MAX_UTF16 { Err(CaptionTooLong { found }) } else { Ok(Self(text)) }
    }
}

impl From<Caption> for String {
    fn from(caption: Caption) -> String {
        caption.0
    }
}

/// Who may see a post, in TikTok's words. There is no default anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PrivacyLevel {
    /// Everybody; only for public accounts.
    PublicToEveryone,
    /// Followers that the creator follows back.
    MutualFollowFriends,
    /// Followers; only for private accounts.
    FollowerOfCreator,
    /// The creator alone.
    SelfOnly,
}

impl PrivacyLevel {
    /// TikTok's word for the level.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PublicToEveryone => "PUBLIC_TO_EVERYONE",
            Self::MutualFollowFriends => "MUTUAL_FOLLOW_FRIENDS",
            Self::FollowerOfCreator => "FOLLOWER_OF_CREATOR",
            Self::SelfOnly => "SELF_ONLY",
        }
    }
}

impl fmt::Display for PrivacyLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A word that is none of TikTok's privacy levels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a privacy level")]
pub struct UnknownPrivacyLevel(pub String);

impl FromStr for PrivacyLevel {
    type Err = UnknownPrivacyLevel;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::PublicToEveryone, Self::MutualFollowFriends, Self::FollowerOfCreator, Self::SelfOnly]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or_else(|| UnknownPrivacyLevel(text.chars().take(80).collect()))
    }
}

/// What viewers may do with the post; everything is off unless asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Allow {
    /// Viewers may comment.
    pub comment: bool,
    /// Viewers may make duets.
    pub duet: bool,
    /// Viewers may stitch.
    pub stitch: bool,
}

/// Commercial content disclosure, in the words of TikTok's user interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Disclosure {
    /// The creator's own business (`brand_organic_toggle`).
    pub your_brand: bool,
    /// A paid partnership with a third party (`brand_content_toggle`).
    pub branded_content: bool,
}

/// What the creator agreed to before anything was sent to TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// TikTok's Music Usage Confirmation was accepted.
    pub music_usage_confirmed: bool,
    /// TikTok's Branded Content Policy was accepted (needed when branded content is disclosed).
    pub branded_content_policy_confirmed: bool,
    /// Which version of the texts was shown.
    pub text_version: String,
    /// Who gave it: the key that made the request.
    pub given_by: String,
    /// When it was given.
    pub given_at: Timestamp,
}

/// Everything TikTok is told about a post. Immutable: the post's row names its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The video.
    pub media: MediaId,
    /// Caption with hashtags and mentions.
    pub caption: Caption,
    /// Who may see it.
    pub privacy_level: PrivacyLevel,
    /// What viewers may do.
    pub allow: Allow,
    /// Commercial disclosure.
    pub disclosure: Disclosure,
    /// Label the post as made by AI.
    pub ai_generated: bool,
    /// Frame of the video that becomes the cover, in milliseconds.
    pub cover_timestamp_ms: Option<u32>,
    /// The creator's consent.
    pub consent: Consent,
}

/// SHA-256 of a request's canonical body; names a [`Content`] item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 hexadecimal digits")]
pub struct InvalidContentHash;

impl TryFrom<String> for ContentHash {
    type Error = InvalidContentHash;
    fn try_from(text: String) -> Result<Self, InvalidContentHash> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidContentHash);
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            let digits = &text[2 * index..2 * index + 2];
            *byte = u8::from_str_radix(digits, 16).map_err(|_| InvalidContentHash)?;
        }
        Ok(Self(bytes))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> String {
        hash.to_string()
    }
}

impl Content {
    /// What stands against this content whoever posts it: consent and disclosure.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !self.consent.music_usage_confirmed {
            problems.push(Problem::new(
                "/consent/music_usage_confirmed",
                "consent.music.required",
                "the creator has not agreed to TikTok's Music Usage Confirmation",
                "show the creator TikTok's Music Usage Confirmation and send `true` once they agree",
            ));
        }
        if self.disclosure.branded_content {
            if !self.consent.branded_content_policy_confirmed {
                problems.push(Problem::new(
                    "/consent/branded_content_policy_confirmed",
                    "consent.branded.required",
                    "branded content is disclosed, and the creator has not agreed to the Branded Content Policy",
                    "show the creator TikTok's Branded Content Policy and send `true` once they agree",
                ));
            }
            if self.privacy_level == PrivacyLevel::SelfOnly {
                problems.push(Problem::new(
                    "/privacy_level",
                    "disclosure.branded.private",
                    "branded content visibility cannot be set to private",
                    "choose another privacy level, or turn the branded content disclosure off",
                ));
            }
        }
        problems
    }

    /// What stands against this content for this creator, as TikTok described the creator in `info`.
    ///
    /// Nothing is ever substituted: a privacy level that is not offered is a problem, never another level.
    pub fn problems_for(&self, info: &CreatorInfo, duration_ms: Option<u64>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !info.offers(self.privacy_level) {
            let offered = info.privacy_level_options.join("`, `");
            problems.push(Problem::new(
                "/privacy_level",
                "privacy_level.not_offered",
                format!("TikTok offers this creator `{offered}`, not `{}`", self.privacy_level),
                "let the creator choose one of the offered levels",
            ));
        }
        if let Some(found) = duration_ms {
            let limit = u64::from(info.max_video_post_duration_sec) * 1_000;
            if found > limit {
                problems.push(Problem::new(
                    "/media/0",
                    "video.duration.max",
                    format!("the video is {found} ms long, this creator may post at most {limit} ms"),
                    "shorten the video",
                ));
            }
        }
        problems
    }

    /// Interactions that were asked for although the creator has turned them off. TikTok forces them off by itself, so they
    /// are refused when a post is accepted and do not stop one that was accepted before.
    pub fn interaction_problems_for(&self, info: &CreatorInfo) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (asked, disabled, param) in [
            (self.allow.comment, info.comment_disabled, "/allow/comment"),
            (self.allow.duet, info.duet_disabled, "/allow/duet"),
            (self.allow.stitch, info.stitch_disabled, "/allow/stitch"),
        ] {
            if asked && disabled {
                problems.push(Problem::new(
                    param,
                    "interaction.disabled_by_creator",
                    "the creator has turned this interaction off at TikTok",
                    "send `false`, or let the creator turn it on in TikTok's settings",
                ));
            }
        }
        problems
    }
}
