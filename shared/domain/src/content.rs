//! What is to be posted: caption, privacy, toggles, disclosure and the consent that covers them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::creator::CreatorInfo;
use crate::{MediaId, Problem};

/// Longest caption of a video, in UTF-16 code units (TikTok: Content Posting API, Direct Post).
pub const CAPTION_MAX_UTF16: usize = 2_200;
/// Longest description of photos, in UTF-16 code units (TikTok: Content Posting API, Photo Post).
pub const DESCRIPTION_MAX_UTF16: usize = 4_000;
/// Longest title of photos, in UTF-16 code units (TikTok: Content Posting API, Photo Post).
pub const TITLE_MAX_UTF16: usize = 90;

/// A text longer than TikTok accepts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has {found} UTF-16 units, at most {most} are allowed")]
pub struct TooLong {
    /// Which text.
    pub what: &'static str,
    /// Length in UTF-16 code units (most emoji count two).
    pub found: usize,
    /// TikTok's limit.
    pub most: usize,
}

fn within(what: &'static str, text: &str, most: usize) -> Result<(), TooLong> {
    let found = text.encode_utf16().count();
    if found > most { Err(TooLong { what, found, most }) } else { Ok(()) }
}

/// The caption of a video, at most 2,200 UTF-16 code units, or the description of photos, at most 4,000.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Caption(String);

impl Caption {
    /// The text of a video.
    pub fn of_video(text: String) -> Result<Self, TooLong> {
        within("caption", &text, CAPTION_MAX_UTF16).map(|()| Self(text))
    }

    /// The text of photos.
    pub fn of_photos(text: String) -> Result<Self, TooLong> {
        within("description", &text, DESCRIPTION_MAX_UTF16).map(|()| Self(text))
    }

    /// The caption's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What was written was judged before: the wider limit alone stands.
impl TryFrom<String> for Caption {
    type Error = TooLong;
    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::of_photos(text)
    }
}

impl From<Caption> for String {
    fn from(caption: Caption) -> String {
        caption.0
    }
}

/// The title of photos, at most 90 UTF-16 code units; empty: none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Title(String);

impl Title {
    /// The title's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = TooLong;
    fn try_from(text: String) -> Result<Self, TooLong> {
        within("title", &text, TITLE_MAX_UTF16).map(|()| Self(text))
    }
}

impl From<Title> for String {
    fn from(title: Title) -> String {
        title.0
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

/// What is posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// One video.
    #[default]
    Video,
    /// One photo or more, in their order.
    Photo,
}

impl Kind {
    /// The kind as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Photo => "photo",
        }
    }
}

/// Where it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// To the creator's profile.
    #[default]
    Direct,
    /// To the creator's inbox at TikTok, where the creator finishes it.
    Inbox,
}

impl Mode {
    /// The mode as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Inbox => "inbox",
        }
    }
}

/// How TikTok gets a video; photos are always pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TikTok pulls, as long as pulls work.
    #[default]
    Auto,
    /// TikTok pulls.
    Pull,
    /// We send the bytes.
    Upload,
}

impl Transport {
    /// The transport as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pull => "pull",
            Self::Upload => "upload",
        }
    }
}

/// Everything TikTok is told about a post. Immutable: the post's row names its hash. What earlier versions did not know
/// is left out as long as it has its first value, so that they read what is written now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// A video, or photos.
    #[serde(default, skip_serializing_if = "is_first")]
    pub kind: Kind,
    /// To the profile, or to the inbox.
    #[serde(default, skip_serializing_if = "is_first")]
    pub mode: Mode,
    /// How TikTok gets the video.
    #[serde(default, skip_serializing_if = "is_first")]
    pub transport: Transport,
    /// The video, or the photos in their order.
    #[serde(with = "one_or_more")]
    pub media: Vec<MediaId>,
    /// The title of photos.
    #[serde(default, skip_serializing_if = "is_first")]
    pub title: Title,
    /// The caption of a video, or the description of photos, with hashtags and mentions.
    pub caption: Caption,
    /// Who may see it; `None` for the inbox, where the creator decides.
    #[serde(default, skip_serializing_if = "is_first")]
    pub privacy_level: Option<PrivacyLevel>,
    /// What viewers may do.
    pub allow: Allow,
    /// Commercial disclosure.
    pub disclosure: Disclosure,
    /// Label the post as made by AI.
    pub ai_generated: bool,
    /// Frame of the video that becomes the cover, in milliseconds.
    pub cover_timestamp_ms: Option<u32>,
    /// Which photo becomes the cover, from 0.
    #[serde(default, skip_serializing_if = "is_first")]
    pub cover_index: u32,
    /// TikTok adds music of its choice to photos.
    #[serde(default, skip_serializing_if = "is_first")]
    pub add_music: bool,
    /// The creator's consent.
    pub consent: Consent,
}

fn is_first<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// One id stands alone, as earlier versions wrote it.
mod one_or_more {
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    use crate::MediaId;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMore {
        One(MediaId),
        More(Vec<MediaId>),
    }

    pub(super) fn serialize<S: Serializer>(media: &[MediaId], serializer: S) -> Result<S::Ok, S::Error> {
        match media {
            [one] => one.serialize(serializer),
            more => more.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<MediaId>, D::Error> {
        Ok(match OneOrMore::deserialize(deserializer)? {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        })
    }
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
        if self.mode == Mode::Inbox {
            // the creator is shown all of this at TikTok, and finishes the post there
            return problems;
        }
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
            if self.privacy_level == Some(PrivacyLevel::SelfOnly) {
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
        if let Some(level) = self.privacy_level.filter(|level| !info.offers(*level)) {
            let offered = info.privacy_level_options.join("`, `");
            problems.push(Problem::new(
                "/privacy_level",
                "privacy_level.not_offered",
                format!("TikTok offers this creator `{offered}`, not `{level}`"),
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
