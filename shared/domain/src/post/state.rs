//! What a post is, with exactly what is known then.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Nonce;
use crate::account::Sealed;
use crate::media::Pinned;

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

/// How an attempt gives TikTok the media, in TikTok's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// TikTok downloads a copy that is this attempt's own.
    #[default]
    PullFromUrl,
    /// We send the bytes. Before the first one nothing exists at TikTok.
    FileUpload,
}

/// One attempt at TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Counts from 1.
    pub number: u32,
    /// The claimer; also the random part of the keys of this attempt's own copies.
    pub nonce: Nonce,
    /// When it was claimed: TikTok cannot have heard of it before.
    pub claimed_at: Timestamp,
    /// How TikTok gets the media.
    pub source: Source,
    /// Nobody has seen yet that the post can be found by the attempt's publish id. Whoever wants the account's slot, or ends
    /// the post, makes sure of it first: an event about the id would look like another attempt's.
    pub unindexed: bool,
}

impl Attempt {
    /// A number that no other attempt has: what an upload URL is bound to when it is sealed.
    pub fn generation(&self) -> u64 {
        u64::try_from(self.nonce.bits() & u128::from(u64::MAX)).unwrap_or_default()
    }

    /// When TikTok takes no more bytes of its upload, and time for clocks and for what is under way.
    pub fn upload_over_at(&self) -> Timestamp {
        self.claimed_at + UPLOAD_LIFE
    }
}

/// An upload URL lives an hour (TikTok: Media Transfer Guide); five minutes for clocks and bytes that are under way.
const UPLOAD_LIFE: SignedDuration = SignedDuration::from_mins(65);

/// Bytes on their way to TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Where they go, sealed.
    pub url: Sealed,
    /// How many TikTok has confirmed, as far as was written down.
    pub sent: u64,
    /// Somebody has begun to send: from then on only TikTok's word shows that nothing is created.
    pub begun: bool,
    /// Who sends them now.
    pub sender: Option<Sender>,
}

impl Upload {
    /// An upload of which no byte was sent.
    pub const fn opened(url: Sealed) -> Self {
        Self { url, sent: 0, begun: false, sender: None }
    }
}

/// The exclusive right to send the bytes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// The holder.
    pub nonce: Nonce,
    /// Afterwards somebody else may go on, and asks TikTok first how far it has come.
    pub until: Timestamp,
}

/// How far TikTok's download was when it was last seen to get on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pulled {
    /// TikTok's `downloaded_bytes`.
    pub bytes: u64,
    /// Since when it has been that many.
    pub since: Timestamp,
    /// The workspace was told that it does not get on.
    pub told: bool,
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
    /// Written down; published when somebody says so.
    Draft,
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
    /// TikTok waits for the bytes. Without them nothing is ever created.
    Uploading {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// TikTok's id of it.
        publish_id: PublishId,
        /// The bytes on their way.
        upload: Upload,
        /// When TikTok opened it.
        since: Timestamp,
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
        /// How far its download has come, if that was looked at.
        pulled: Option<Pulled>,
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

/// What a state holds, whichever it is: the one place that lists them all for those who look for a part.
#[derive(Default)]
struct Parts<'a> {
    media: Option<&'a Pinned>,
    /// Dead attempts of a post that may begin another.
    dead: Option<u32>,
    /// The open attempt.
    attempt: Option<&'a Attempt>,
    /// The end of a claim whose claimer may still be inside init.
    claimed_until: Option<Timestamp>,
    publish_id: Option<&'a PublishId>,
    doubt: Option<&'a Doubt>,
    is_final: bool,
}

impl PostState {
    /// The state as a stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::AwaitingMedia { .. } => "awaiting_media",
            Self::Scheduled { .. } => "scheduled",
            Self::Queued { .. } => "queued",
            Self::Held { .. } => "held",
            Self::Initiating { .. } => "initiating",
            Self::Uploading { .. } => "uploading",
            Self::Processing { .. } => "processing",
            Self::Cancelling { .. } => "cancelling",
            Self::SentToInbox { .. } => "sent_to_inbox",
            Self::Published { .. } => "published",
            Self::Failed { .. } => "failed",
            Self::Cancelled { .. } => "cancelled",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }

    fn parts(&self) -> Parts<'_> {
        let none = Parts::default();
        match self {
            Self::Draft | Self::AwaitingMedia { .. } => none,
            Self::Scheduled { media, .. } => Parts { media: Some(media), dead: Some(0), ..none },
            Self::Queued { media, attempts, .. } | Self::Held { media, attempts, .. } => {
                Parts { media: Some(media), dead: Some(*attempts), ..none }
            }
            Self::Initiating { media, attempt, until } => {
                Parts { media: Some(media), attempt: Some(attempt), claimed_until: Some(*until), ..none }
            }
            Self::Uploading { media, attempt, publish_id, .. }
            | Self::Processing { media, attempt, publish_id, .. } => {
                Parts { media: Some(media), attempt: Some(attempt), publish_id: Some(publish_id), ..none }
            }
            Self::Cancelling { media, attempt, publish_id, until, .. } => Parts {
                media: Some(media),
                attempt: Some(attempt),
                claimed_until: publish_id.is_none().then_some(*until),
                publish_id: publish_id.as_ref(),
                ..none
            },
            Self::Unconfirmed { media, attempt, publish_id, doubt } => Parts {
                media: Some(media),
                attempt: Some(attempt),
                publish_id: publish_id.as_ref(),
                doubt: Some(doubt),
                ..none
            },
            Self::SentToInbox { publish_id, .. } => {
                Parts { publish_id: Some(publish_id), is_final: true, ..none }
            }
            Self::Published { publish_id, .. }
            | Self::Failed { publish_id, .. }
            | Self::Cancelled { publish_id } => {
                Parts { publish_id: publish_id.as_ref(), is_final: true, ..none }
            }
        }
    }

    /// The keys of the copies that TikTok may still pull; none when nothing may be pulled any more.
    pub fn copy_keys(&self) -> Vec<String> {
        match self.parts() {
            Parts { media: Some(media), attempt: Some(attempt), doubt, .. }
                if attempt.source == Source::PullFromUrl
                    && doubt.is_none_or(|doubt| doubt.fenced_at.is_none()) =>
            {
                media.attempt_keys(attempt.nonce)
            }
            _ => Vec::new(),
        }
    }

    /// TikTok's id of the attempt that matters.
    pub fn publish_id(&self) -> Option<&PublishId> {
        self.parts().publish_id
    }

    /// The open attempt.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.parts().attempt
    }

    /// Whether nothing but TikTok's word about the same attempt moves it any more.
    pub fn is_final(&self) -> bool {
        self.parts().is_final
    }

    /// The end of a claim whose claimer may still be inside init.
    pub fn claimed_until(&self) -> Option<Timestamp> {
        self.parts().claimed_until
    }

    /// The bytes to post, and how many attempts are dead, of a post that has no open attempt and may begin one.
    pub fn ready(&self) -> Option<(&Pinned, u32)> {
        let Parts { media, dead, .. } = self.parts();
        media.zip(dead)
    }

    /// The publish id by which nobody has seen yet that the post can be found.
    pub fn unindexed(&self) -> Option<&PublishId> {
        let Parts { attempt, publish_id, .. } = self.parts();
        publish_id.filter(|_| attempt.is_some_and(|attempt| attempt.unindexed))
    }

    /// The same, now that somebody has seen it.
    #[must_use]
    pub fn indexed(mut self) -> Self {
        if let Self::Uploading { attempt, .. }
        | Self::Processing { attempt, .. }
        | Self::Cancelling { attempt, .. }
        | Self::Unconfirmed { attempt, .. } = &mut self
        {
            attempt.unindexed = false;
        }
        self
    }

    /// The attempt that nobody knows the fate of, and that has no publish id.
    pub fn lost(&self) -> Option<(&Attempt, &Doubt)> {
        match self.parts() {
            Parts { attempt: Some(attempt), doubt: Some(doubt), publish_id: None, .. } => {
                Some((attempt, doubt))
            }
            _ => None,
        }
    }
}
