//! The one row of a TikTok account: tokens, epoch, lease, limit rings and the slot of its open attempt.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::{AccountId, CreatorId, EndpointId, Nonce, PostId, WorkspaceId};

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
    /// Where the bytes of an attempt go, for an hour; the epoch is [`crate::post::Attempt::generation`].
    UploadUrl,
    /// What signs a webhook endpoint's deliveries.
    Endpoint,
}

/// What a sealed token is bound to: opening it in another place fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding<'a> {
    /// The app's `client_key`; of an endpoint's secret the workspace.
    pub client_key: &'a str,
    /// TikTok's user; of an endpoint's secret the endpoint.
    pub open_id: &'a str,
    /// Which secret.
    pub field: TokenField,
    /// Which generation.
    pub epoch: u64,
}

impl<'a> Binding<'a> {
    /// What a webhook endpoint's secret number `number` is bound to.
    pub fn of_endpoint(workspace: &'a WorkspaceId, endpoint: &'a EndpointId, number: u64) -> Self {
        let (client_key, open_id) = (workspace.as_str(), endpoint.as_str());
        Self { client_key, open_id, field: TokenField::Endpoint, epoch: number }
    }
}

impl Binding<'_> {
    /// The associated data: `client_key | open_id | field | epoch`, each with its length in front.
    pub fn associated_data(&self) -> Vec<u8> {
        let field = match self.field {
            TokenField::Access => "access",
            TokenField::Refresh => "refresh",
            TokenField::UploadUrl => "upload_url",
            TokenField::Endpoint => "endpoint",
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
    /// Who had it before, newest first: [`Slot::REMEMBERED`] at most.
    pub recent: Vec<PostId>,
    /// Posts that had it and whose fate nobody knew when their time was over, or that had not claimed by then: what TikTok says of
    /// a publish id that is not known here may be about any of them.
    pub doubts: Vec<PostId>,
}

impl Slot {
    /// How many of those before are remembered: a minute's worth of inits.
    pub const REMEMBERED: usize = 6;
    /// With more doubts than this, the account waits for a person.
    pub const DOUBTS: usize = 12;

    /// The slot of a post that takes it after `before`.
    pub fn taken(post: PostId, until: Timestamp, before: Option<&Self>) -> Self {
        let Some(before) = before else {
            return Self { post, until, recent: Vec::new(), doubts: Vec::new() };
        };
        let mut recent = before.recent.clone();
        if before.post != post {
            recent.insert(0, before.post.clone());
        }
        recent.retain(|had| *had != post);
        recent.truncate(Self::REMEMBERED);
        Self { post, until, recent, doubts: before.doubts.clone() }
    }

    /// Remembers a post whose fate nobody knows.
    pub fn doubt(&mut self, post: PostId) {
        self.doubts.retain(|doubt| *doubt != post);
        self.doubts.push(post);
    }
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
    /// When it was connected last.
    pub connected_at: Timestamp,
    /// Whether the tokens work.
    pub status: AccountStatus,
    /// The tokens, gone after disconnecting.
    pub tokens: Option<Tokens>,
    /// The newest generation that there ever was; stays when the tokens go, so that it never goes back.
    pub epoch: u64,
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

/// How an account is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Care {
    /// Its access token is always fresh: it posts, or somebody needs it now.
    Active,
    /// Its refresh token is used now and then, so that it does not end.
    Dormant,
}

/// When tokens are refreshed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshPlan {
    /// An active account's tokens are refreshed from here on, in percent of the access token's life (`RefreshAtPercent`, 60).
    pub at_percent: u8,
    /// and up to this much later (`RefreshJitterPercent`, 15).
    pub jitter_percent: u8,
    /// A dormant account's tokens are refreshed this often (`KeepAliveDays`, 30).
    pub keep_alive: SignedDuration,
}

/// An account counts as active this long after a post, or after its creator connected it.
pub const ACTIVE_AFTER_USE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Everyone is warned this many days before the refresh token ends.
pub const WARN_DAYS: [u8; 3] = [30, 7, 1];

impl RefreshPlan {
    /// When an account's tokens are refreshed next.
    ///
    /// Every account has a place of its own in the cycle, derived from its id. However many connect in the same hour, the
    /// first refresh comes early by what it takes to reach that place, and all later ones are spread evenly for good. The
    /// cycle of an active account is the middle of the plan's range, so its tokens are never older than the range's end.
    pub fn due(self, account: &AccountId, tokens: &Tokens, care: Care) -> Timestamp {
        let issued = tokens.issued_at.as_millisecond();
        let life = (tokens.access_expires_at.as_millisecond() - issued).max(0);
        let (cycle, latest) = match care {
            Care::Active => {
                let (at, spread) = (i64::from(self.at_percent), i64::from(self.jitter_percent));
                (life * (2 * at + spread) / 200, life * (at + spread) / 100)
            }
            Care::Dormant => {
                let grant = (tokens.refresh_expires_at.as_millisecond() - issued).max(0);
                // a grant that ends soon is refreshed more often, not ever more often
                let keep_alive = i64::try_from(self.keep_alive.as_millis()).unwrap_or(i64::MAX);
                let cycle = keep_alive.min(life.max(grant / 2));
                (cycle, cycle)
            }
        };
        let cycle = cycle.max(1);
        let place = i64::try_from(account.bits() % u128::try_from(cycle).unwrap_or(1)).unwrap_or_default();
        let last = issued + latest;
        Timestamp::from_millisecond(last - (last - place).rem_euclid(cycle)).unwrap_or(tokens.issued_at)
    }

    /// When an account wakes up next by itself: for a refresh, or for a warning that its grant ends.
    pub fn wake(self, account: &AccountId, tokens: &Tokens, care: Care, now: Timestamp) -> Timestamp {
        let due = self.due(account, tokens, care);
        tokens.next_warning(now).map_or(due, |warning| due.min(warning))
    }
}

impl Tokens {
    /// Whether the access token is worth a call at `now`.
    pub fn are_usable(&self, now: Timestamp) -> bool {
        let life = self.access_expires_at.duration_since(self.issued_at);
        now + TOO_OLD_TO_USE.min(life / 12) < self.access_expires_at
    }

    /// How many days before the grant's end its creator has to be warned by now; `None`: it is far off, or over.
    pub fn warning(&self, now: Timestamp) -> Option<u8> {
        let begun = |days: &u8| self.refresh_expires_at - days_of(*days) <= now;
        WARN_DAYS.into_iter().rev().find(begun).filter(|_| now < self.refresh_expires_at)
    }

    fn next_warning(&self, now: Timestamp) -> Option<Timestamp> {
        WARN_DAYS.into_iter().map(|days| self.refresh_expires_at - days_of(days)).find(|at| now < *at)
    }
}

fn days_of(days: u8) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}

/// A token is not sent to TikTok within this much of its end, or a twelfth of its life if that is less.
pub const TOO_OLD_TO_USE: SignedDuration = SignedDuration::from_mins(10);

impl Account {
    /// The tokens, if they are worth a call at `now`.
    pub fn usable_tokens(&self, now: Timestamp) -> Option<&Tokens> {
        match (&self.status, &self.tokens) {
            (AccountStatus::Connected, Some(tokens)) => Some(tokens).filter(|tokens| tokens.are_usable(now)),
            (
                AccountStatus::Connected
                | AccountStatus::ReconnectRequired { .. }
                | AccountStatus::Disconnected,
                _,
            ) => None,
        }
    }

    /// How the account is kept alive at `now`: each post keeps it active for a week, and so does connecting it.
    pub fn care(&self, now: Timestamp) -> Care {
        let used =
            self.limits.init.newest().map_or(self.connected_at, |posted| posted.max(self.connected_at));
        if now < used + ACTIVE_AFTER_USE { Care::Active } else { Care::Dormant }
    }

    /// Whether this workspace's creator is the one that the account's tokens are for.
    pub fn is_of(&self, creator: &CreatorId) -> bool {
        self.creator == *creator
    }

    /// What the account's sealed token is bound to.
    pub fn binding(&self, field: TokenField, epoch: u64) -> Binding<'_> {
        Binding { client_key: &self.client_key, open_id: &self.open_id, field, epoch }
    }
}
