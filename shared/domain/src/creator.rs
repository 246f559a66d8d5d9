//! What a workspace sees of a TikTok account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::PrivacyLevel;
use crate::{AccountId, CreatorId, WorkspaceId};

/// TikTok's answer to `creator_info/query`, with the time it was given.
///
/// Options are kept as TikTok wrote them: an option this code does not know must still be shown to people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatorInfo {
    /// Display name; must be shown wherever a post is composed.
    pub nickname: String,
    /// Handle without `@`.
    pub username: String,
    /// Avatar; TikTok lets the URL die after two hours.
    pub avatar_url: String,
    /// The privacy levels this creator may choose from.
    pub privacy_level_options: Vec<String>,
    /// Comments are off for everything this creator posts.
    pub comment_disabled: bool,
    /// Duets are off, or the account is private.
    pub duet_disabled: bool,
    /// Stitches are off, or the account is private.
    pub stitch_disabled: bool,
    /// Longest video this creator may post, in seconds.
    pub max_video_post_duration_sec: u32,
    /// When TikTok said so.
    pub fetched_at: Timestamp,
}

impl CreatorInfo {
    /// Whether TikTok ever said so: a creator can be connected while it does not answer.
    pub fn is_known(&self) -> bool {
        self.fetched_at > Timestamp::UNIX_EPOCH
    }

    /// Whether TikTok offers this level to the creator.
    pub fn offers(&self, level: PrivacyLevel) -> bool {
        self.privacy_level_options.iter().any(|option| option == level.as_str())
    }

    /// Whether two answers say the same, whenever they were given (avatars change with every answer).
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let timeless = |info: &Self| Self {
            fetched_at: Timestamp::UNIX_EPOCH,
            avatar_url: String::new(),
            ..info.clone()
        };
        timeless(self) == timeless(other)
    }
}

/// Whether posts can go out for a creator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreatorStatus {
    /// Tokens are there and kept alive.
    Active,
    /// TikTok refused the tokens for good; the creator has to sign in again.
    ReconnectRequired,
    /// Somebody disconnected the creator here.
    Disconnected,
}

/// A TikTok account as one workspace sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Creator {
    /// Stays the same when the account is connected again.
    pub id: CreatorId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The account's own row, which holds tokens and limits.
    pub account: AccountId,
    /// TikTok's id of the user for this app; opaque.
    pub open_id: String,
    /// Whether posts can go out.
    pub status: CreatorStatus,
    /// What the creator granted.
    pub scopes: Vec<String>,
    /// The newest answer of `creator_info/query` that said something new.
    pub info: CreatorInfo,
    /// When TikTok told nickname, username and avatar last.
    pub profile_at: Timestamp,
    /// When the account was first connected.
    pub created_at: Timestamp,
}
