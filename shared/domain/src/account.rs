//! The one row of a TikTok account: tokens, epoch, lease, limit rings and the slot of its open attempt.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::{AccountId, CreatorId, Nonce, PostId, WorkspaceId};

/// A ciphertext with the data key that opens it, itself encrypted by KMS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// The data key, encrypted by KMS.
    pub data_key: Vec<u8>,
    /// Nonce and AES-256-GCM ciphertext.
    pub cipher: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sealed]")
    }
}

/// Which secret a ciphertext holds; part of what it is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenField {
    /// The access token, 24 hours.
    Access,
    /// The refresh token, 365 days, rotating.
    Refresh,
}

/// What a sealed token is bound to: opening it in another place fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The app's `client_key`.
    pub client_key: &'a str,
    /// TikTok's user.
    pub open_id: &'a str,
    /// Which token.
    pub field: TokenField,
    /// Which generation.
    pub epoch: u64,
}

impl Binding<'_> {
    /// The associated data: `client_key | open_id | field | epoch`, each with its length in front.
    pub fn associated_data(&self) -> Vec<u8> {
        let field = match self.field {
            TokenField::Access => "access",
            TokenField::Refresh => "refresh",
        };
        let epoch = self.epoch.to_string();
        let mut data = Vec::new();
        for part in [self.client_key, self.open_id, field, &epoch] {
            data.extend_from_slice(&(part.len() as u64).to_be_bytes());
            data.extend_from_slice(part.as_bytes());
        }
        data
    }
}

/// One generation of an account's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tokens {
    /// Counts generations; never goes back.
    pub epoch: u64,
    /// The access token.
    pub access: Sealed,
    /// The refresh token.
    pub refresh: Sealed,
    /// The refresh token of the generation before, and its epoch.
    pub previous_refresh: Option<(u64, Sealed)>,
    /// When TikTok issued them.
    pub issued_at: Timestamp,
    /// When the access token ends.
    pub access_expires_at: Timestamp,
    /// When the refresh token ends.
    pub refresh_expires_at: Timestamp,
    /// Granted scopes.
    pub scopes: Vec<String>,
}

/// Exclusive right to talk to TikTok's token endpoint for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The holder.
    pub nonce: Nonce,
    /// Afterwards somebody else may take it, and reads the rescue object first.
    pub until: Timestamp,
}

/// Which post may have an open attempt. Freed by looking at that post, so publishing pays no write for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The post that took it.
    pub post: PostId,
    /// Until then the post may still claim.
    pub until: Timestamp,
}

/// Whether the account's tokens work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum AccountStatus {
    /// They do, as far as anybody knows.
    Connected,
    /// TikTok refused them for good.
    ReconnectRequired {
        /// Since when.
        since: Timestamp,
        /// TikTok's error.
        code: String,
    },
    /// The creator was disconnected here.
    Disconnected,
}

/// The one row of a TikTok account in a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Derived from `client_key` and `open_id`.
    pub id: AccountId,
    /// The app's `client_key`.
    pub client_key: String,
    /// TikTok's user, for this app.
    pub open_id: String,
    /// The workspace that connected it; another one gets a conflict.
    pub workspace: WorkspaceId,
    /// That workspace's creator.
    pub creator: CreatorId,
    /// Whether the tokens work.
    pub status: AccountStatus,
    /// The tokens, gone after disconnecting.
    pub tokens: Option<Tokens>,
    /// Who may refresh now.
    pub lease: Option<Lease>,
    /// Reserved call times; survive reconnecting.
    pub limits: Limits,
    /// Counts changes of `limits` and `slot`: their writes are conditional on it.
    pub limits_version: u64,
    /// The post that may have an open attempt.
    pub slot: Option<Slot>,
    /// When the next refresh is due.
    pub due: Option<Timestamp>,
}

/// When tokens are refreshed, as a share of the access token's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPlan {
    /// Earliest, in percent of the life (`RefreshAtPercent`, 60).
    pub at_percent: u8,
    /// Spread on top, in percent of the life (`RefreshJitterPercent`, 15).
    pub jitter_percent: u8,
}

impl RefreshPlan {
    /// When tokens issued at `issued` that end at `expires` are refreshed; `random` spreads accounts evenly.
    pub fn due(self, issued: Timestamp, expires: Timestamp, random: u64) -> Timestamp {
        let life = i64::try_from(expires.duration_since(issued).as_millis()).unwrap_or(i64::MAX).max(0);
        let at = life / 100 * i64::from(self.at_percent);
        let spread = life / 100 * i64::from(self.jitter_percent);
        let jitter = if spread > 0 { i64::try_from(random % spread.unsigned_abs()).unwrap_or(0) } else { 0 };
        issued + SignedDuration::from_millis(at + jitter)
    }
}

/// A token is not sent to TikTok within this much of its end.
pub const TOO_OLD_TO_USE: SignedDuration = SignedDuration::from_secs(20);

impl Account {
    /// The tokens, if they are worth a call at `now`.
    pub fn usable_tokens(&self, now: Timestamp) -> Option<&Tokens> {
        match (&self.status, &self.tokens) {
            (AccountStatus::Connected, Some(tokens)) if now + TOO_OLD_TO_USE < tokens.access_expires_at => {
                Some(tokens)
            }
            (
                AccountStatus::Connected
                | AccountStatus::ReconnectRequired { .. }
                | AccountStatus::Disconnected,
                _,
            ) => None,
        }
    }

    /// What the account's sealed token is bound to.
    pub fn binding(&self, field: TokenField, epoch: u64) -> Binding<'_> {
        Binding { client_key: &self.client_key, open_id: &self.open_id, field, epoch }
    }
}
