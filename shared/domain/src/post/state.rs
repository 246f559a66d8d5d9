//! What a post is, with exactly what is known then.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Nonce;
use crate::media::{Container, Pinned};

/// TikTok's id of one publication attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublishId(pub String);

/// Why a post waits although everything is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// TikTok answered 429, or an error that passes.
    RateLimited,
    /// The creator has posted as much as TikTok allows in 24 hours.
    CreatorDailyCap,
    /// The creator has as many unfinished drafts in the inbox as TikTok allows.
    CreatorPendingShares,
    /// The app has as many posting creators as TikTok allows in 24 hours.
    AppActiveUserCap,
    /// The app is not audited and the account is public.
    Unaudited,
    /// The operator's set-up is at fault (URL ownership, client secret, KMS).
    Operator,
    /// The creator has to sign in again.
    ReconnectRequired,
    /// Another post of this account is unconfirmed.
    UnconfirmedSibling,
}

impl HoldReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::RateLimited,
        Self::CreatorDailyCap,
        Self::CreatorPendingShares,
        Self::AppActiveUserCap,
        Self::Unaudited,
        Self::Operator,
        Self::ReconnectRequired,
        Self::UnconfirmedSibling,
    ];

    /// The reason as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::CreatorDailyCap => "creator_daily_cap",
            Self::CreatorPendingShares => "creator_pending_shares",
            Self::AppActiveUserCap => "app_active_user_cap",
            Self::Unaudited => "unaudited",
            Self::Operator => "operator",
            Self::ReconnectRequired => "reconnect_required",
            Self::UnconfirmedSibling => "unconfirmed_sibling",
        }
    }

    /// What helps, one sentence.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::RateLimited => "nothing: it goes on by itself",
            Self::CreatorDailyCap => {
                "nothing: it goes on once TikTok's 24 hours have passed, or post in the app"
            }
            Self::CreatorPendingShares => "the creator must finish or discard drafts in TikTok's inbox",
            Self::AppActiveUserCap => {
                "nothing: it goes on once TikTok's 24 hours have passed, or ask TikTok for more creators"
            }
            Self::Unaudited => "make the TikTok account private until TikTok has audited the app",
            Self::Operator => "the operator must repair what the code names; it goes on by itself afterwards",
            Self::ReconnectRequired => "let the creator connect the account again",
            Self::UnconfirmedSibling => {
                "nothing: it goes on once the other post's fate is known or its deadline has passed"
            }
        }
    }

    /// Whether the workspace is told: what our own limiter puts off goes on by itself within minutes.
    pub const fn is_news(self) -> bool {
        match self {
            Self::RateLimited | Self::UnconfirmedSibling => false,
            Self::CreatorDailyCap
            | Self::CreatorPendingShares
            | Self::AppActiveUserCap
            | Self::Unaudited
            | Self::Operator
            | Self::ReconnectRequired => true,
        }
    }
}

/// Why a post failed for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// TikTok's code or `fail_reason`, or our rule.
    pub code: String,
    /// What to do, one sentence.
    pub remedy: String,
}

/// One attempt at TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// The claimer; also the random part of the key of this attempt's own copy.
    pub nonce: Nonce,
    /// When it was claimed: TikTok cannot have heard of it before.
    pub claimed_at: Timestamp,
    /// Nobody has seen yet that the post can be found by the attempt's publish id. Whoever wants the account's slot, or ends
    /// the post, makes sure of it first: an event about the id would look like another attempt's.
    pub unindexed: bool,
}

impl Attempt {
    /// The attempt's own copy in the media bucket.
    pub fn key(&self, container: Container) -> String {
        attempt_key(self.nonce, container)
    }
}

/// The key of an attempt's own copy, `m/<32 hexadecimal digits>.<extension>`. It is unguessable and never reused, so
/// deleting the copy ends TikTok's access for good.
pub fn attempt_key(nonce: Nonce, container: Container) -> String {
    format!("m/{nonce}.{}", container.extension())
}

/// What is known of an attempt whose fate nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doubt {
    /// When the doubt began.
    pub since: Timestamp,
    /// When the attempt's copy was taken away, by the bucket's clock: TikTok cannot have begun to pull it since.
    pub fenced_at: Option<Timestamp>,
    /// How often the workspace was told.
    pub reminders: u32,
    /// A person wants the post to be cancelled.
    pub cancel: bool,
}

impl Doubt {
    /// A doubt that begins.
    pub const fn new(since: Timestamp) -> Self {
        Self { since, fenced_at: None, reminders: 0, cancel: false }
    }
}

/// What a post is, with exactly what is known then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum PostState {
    /// The media is not there yet.
    AwaitingMedia {
        /// Afterwards the post fails.
        deadline: Timestamp,
    },
    /// Everything is there; the time that was asked for is still to come.
    Scheduled {
        /// The bytes to post.
        media: Pinned,
        /// The time that was asked for.
        at: Timestamp,
    },
    /// Everything is there; the next attempt starts at `at`.
    Queued {
        /// The bytes to post.
        media: Pinned,
        /// Not before.
        at: Timestamp,
        /// Attempts that are proven dead.
        attempts: u32,
    },
    /// Put off for a reason.
    Held {
        /// The bytes to post.
        media: Pinned,
        /// Until then, or until a person does something.
        until: Option<Timestamp>,
        /// The reason.
        why: HoldReason,
        /// Attempts that are proven dead.
        attempts: u32,
    },
    /// TikTok is being asked; the intent is on record.
    Initiating {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// Nobody else touches the post before.
        until: Timestamp,
    },
    /// TikTok has taken the post.
    Processing {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// TikTok's id of it.
        publish_id: PublishId,
        /// When TikTok took it.
        since: Timestamp,
    },
    /// A person wants it stopped, and TikTok has not said yet whether it is.
    Cancelling {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// TikTok's id of it; `None` while the claimer is inside init.
        publish_id: Option<PublishId>,
        /// The claim's end: only its claimer may go on before.
        until: Timestamp,
        /// When it was asked for.
        since: Timestamp,
    },
    /// TikTok has put the draft into the creator's inbox; only the creator can move it on.
    SentToInbox {
        /// TikTok's id of the attempt.
        publish_id: PublishId,
        /// When TikTok said so.
        since: Timestamp,
    },
    /// TikTok says that it is published.
    Published {
        /// TikTok's id of the attempt; `None` if the post was found among the creator's videos.
        publish_id: Option<PublishId>,
        /// Ids of the public post, once TikTok tells.
        post_ids: Vec<u64>,
        /// TikTok said that it is no longer public.
        removed: bool,
        /// When TikTok said so.
        since: Timestamp,
    },
    /// Failed for good.
    Failed {
        /// Why, and what to do.
        failure: Failure,
        /// The attempt TikTok reported, where there was one.
        publish_id: Option<PublishId>,
    },
    /// Stopped before it was published.
    Cancelled {
        /// The attempt that TikTok stopped, where there was one.
        publish_id: Option<PublishId>,
    },
    /// Nobody knows whether TikTok created it; never tried again by itself.
    Unconfirmed {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// TikTok's id, when it was given one and then fell silent.
        publish_id: Option<PublishId>,
        /// What is known of the doubt.
        doubt: Doubt,
    },
}

impl PostState {
    /// The state as a stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AwaitingMedia { .. } => "awaiting_media",
            Self::Scheduled { .. } => "scheduled",
            Self::Queued { .. } => "queued",
            Self::Held { .. } => "held",
            Self::Initiating { .. } => "initiating",
            Self::Processing { .. } => "processing",
            Self::Cancelling { .. } => "cancelling",
            Self::SentToInbox { .. } => "sent_to_inbox",
            Self::Published { .. } => "published",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }

    /// The key of the copy that TikTok may still pull; `None` when nothing may be pulled any more.
    pub fn copy_key(&self) -> Option<String> {
        match self {
            Self::Initiating { media, attempt, .. }
            | Self::Processing { media, attempt, .. }
            | Self::Cancelling { media, attempt, .. }
            | Self::Unconfirmed { media, attempt, doubt: Doubt { fenced_at: None, .. }, .. } => {
                Some(attempt.key(media.container))
            }
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::SentToInbox { .. }
            | Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Unconfirmed { .. } => None,
        }
    }

    /// TikTok's id of the attempt that matters.
    pub const fn publish_id(&self) -> Option<&PublishId> {
        match self {
            Self::Processing { publish_id, .. } | Self::SentToInbox { publish_id, .. } => Some(publish_id),
            Self::Published { publish_id, .. }
            | Self::Failed { publish_id, .. }
            | Self::Cancelled { publish_id }
            | Self::Cancelling { publish_id, .. }
            | Self::Unconfirmed { publish_id, .. } => publish_id.as_ref(),
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Initiating { .. } => None,
        }
    }

    /// Whether nothing but TikTok's word about the same attempt moves it any more.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::SentToInbox { .. } => true,
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Initiating { .. }
            | Self::Processing { .. }
            | Self::Cancelling { .. }
            | Self::Unconfirmed { .. } => false,
        }
    }

    /// The end of a claim whose claimer may still be inside init.
    pub const fn claimed_until(&self) -> Option<Timestamp> {
        match self {
            Self::Initiating { until, .. } | Self::Cancelling { until, publish_id: None, .. } => Some(*until),
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Processing { .. }
            | Self::Cancelling { .. }
            | Self::SentToInbox { .. }
            | Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Unconfirmed { .. } => None,
        }
    }

    /// The bytes to post, and how many attempts are dead, of a post that has no open attempt and may begin one.
    pub const fn ready(&self) -> Option<(&Pinned, u32)> {
        match self {
            Self::Scheduled { media, .. } => Some((media, 0)),
            Self::Queued { media, attempts, .. } | Self::Held { media, attempts, .. } => {
                Some((media, *attempts))
            }
            Self::AwaitingMedia { .. }
            | Self::Initiating { .. }
            | Self::Processing { .. }
            | Self::Cancelling { .. }
            | Self::SentToInbox { .. }
            | Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Unconfirmed { .. } => None,
        }
    }

    /// The publish id by which nobody has seen yet that the post can be found.
    pub const fn unindexed(&self) -> Option<&PublishId> {
        match self {
            Self::Processing { attempt: Attempt { unindexed: true, .. }, .. }
            | Self::Cancelling { attempt: Attempt { unindexed: true, .. }, .. }
            | Self::Unconfirmed { attempt: Attempt { unindexed: true, .. }, .. } => self.publish_id(),
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Initiating { .. }
            | Self::Processing { .. }
            | Self::Cancelling { .. }
            | Self::SentToInbox { .. }
            | Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Unconfirmed { .. } => None,
        }
    }

    /// The same, now that somebody has seen it.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        if let Self::Processing { attempt, .. }
        | Self::Cancelling { attempt, .. }
        | Self::Unconfirmed { attempt, .. } = &mut self
        {
            attempt.unindexed = false;
        }
        self
    }

    /// The attempt that nobody knows the fate of, and that has no publish id.
    pub const fn lost(&self) -> Option<(&Attempt, &Doubt)> {
        match self {
            Self::Unconfirmed { attempt, doubt, publish_id: None, .. } => Some((attempt, doubt)),
            Self::AwaitingMedia { .. }
            | Self::Scheduled { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Initiating { .. }
            | Self::Processing { .. }
            | Self::Cancelling { .. }
            | Self::SentToInbox { .. }
            | Self::Published { .. }
            | Self::Failed { .. }
            | Self::Cancelled { .. }
            | Self::Unconfirmed { .. } => None,
        }
    }
}
