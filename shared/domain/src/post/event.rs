//! What may happen to a post.

use jiff::Timestamp;

use super::state::{Failure, HoldReason, PublishId, Sender, Source};
use crate::Nonce;
use crate::account::Sealed;
use crate::media::Pinned;
use crate::timeline::Actor;

/// TikTok's word about a publish id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Still downloading or processing.
    InProgress,
    /// The draft is in the creator's inbox.
    InInbox,
    /// Published, with the ids of the public post if TikTok told them.
    Complete {
        /// May be empty, for minutes or for ever.
        post_ids: Vec<u64>,
    },
    /// Failed.
    Failed {
        /// TikTok's `fail_reason`.
        reason: String,
        /// Whether TikTok's reason passes by itself (`internal`, `video_pull_failed`).
        passing: bool,
        /// What to do otherwise.
        remedy: String,
    },
    /// The post is public under this id.
    PubliclyAvailable {
        /// TikTok's 19-digit id.
        post_id: u64,
    },
    /// The post is no longer public.
    NoLongerPublic,
}

/// TikTok's `fail_reason` of a publication that was cancelled.
pub const PUBLISH_CANCELLED: &str = "publish_cancelled";

/// The code of an attempt whose copy was taken away before anybody had asked for it. TikTok may have given it a publish id all the
/// same, and report under it that it failed.
pub const NOBODY_FETCHED: &str = "fetch_log.nobody";

/// The code of an upload of which nobody knows a publish id: no byte was sent, so nothing was created.
pub const NOTHING_SENT: &str = "upload.nothing_sent";

/// The code of an upload that TikTok waited for in vain.
pub const UPLOAD_EXPIRED: &str = "upload.expired";

/// What a person found out about a post that nobody else could.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// It is there.
    Published {
        /// Its id, if it is public.
        post_id: Option<u64>,
    },
    /// It is not there.
    NotPublished,
}

/// What happened to a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The media was probed and is good.
    MediaReady(Pinned),
    /// The media was refused, or never came.
    MediaRejected(Failure),
    /// The post has to wait; no attempt is open.
    Held {
        /// Until then, or until a person does something.
        until: Option<Timestamp>,
        /// The reason.
        why: HoldReason,
        /// TikTok's code, where there is one.
        code: Option<String>,
    },
    /// What a hold waited for has happened.
    Released,
    /// A check before the attempt failed for good; no attempt is open.
    Refused(Failure),
    /// TikTok is about to be asked.
    Claimed {
        /// The claimer and the key of its copy.
        nonce: Nonce,
        /// The claiming invocation's deadline plus a margin.
        until: Timestamp,
        /// How TikTok is to get the media.
        source: Source,
    },
    /// TikTok took the post.
    InitAccepted {
        /// The claimer.
        nonce: Nonce,
        /// TikTok's id.
        publish_id: PublishId,
    },
    /// TikTok waits for the bytes of the attempt.
    UploadOpened {
        /// The claimer.
        nonce: Nonce,
        /// TikTok's id.
        publish_id: PublishId,
        /// Where they go, sealed.
        url: Sealed,
    },
    /// Somebody is about to send bytes. Known, if another one may be at it still.
    SendBegun {
        /// TikTok's id.
        publish_id: PublishId,
        /// Who, and for how long.
        sender: Sender,
    },
    /// TikTok has confirmed bytes.
    Sent {
        /// Who sent them.
        sender: Nonce,
        /// How many TikTok has in all.
        bytes: u64,
        /// The sender stops for now.
        leaves: bool,
    },
    /// TikTok has every byte.
    UploadComplete {
        /// TikTok's id.
        publish_id: PublishId,
    },
    /// TikTok says that bytes are missing, and it takes no more: nothing was created and nothing will be.
    UploadOver {
        /// TikTok's id.
        publish_id: PublishId,
        /// Why no more bytes can come.
        code: String,
    },
    /// TikTok is downloading, and has come so far.
    Pulling {
        /// TikTok's id.
        publish_id: PublishId,
        /// Its `downloaded_bytes`.
        bytes: u64,
    },
    /// A draft is to be published.
    Submitted {
        /// Its media, if that is there.
        media: Option<Pinned>,
    },
    /// The attempt is proven dead: TikTok refused it in words that mean nothing was created, no connection was ever made, or
    /// its copy was taken away before TikTok asked for it.
    AttemptDead {
        /// The claimer.
        nonce: Nonce,
        /// TikTok's code.
        code: String,
        /// What follows.
        then: AfterDeath,
    },
    /// A claim ran out, or TikTok's answer was lost: nobody knows.
    AnswerLost {
        /// The claimer.
        nonce: Nonce,
    },
    /// The copy of an attempt in doubt was taken away.
    Fenced {
        /// The claimer.
        nonce: Nonce,
        /// When, by the clock of the bucket.
        at: Timestamp,
    },
    /// Evidence shows that a publish id is this attempt's.
    Adopted {
        /// The claimer.
        nonce: Nonce,
        /// TikTok's id.
        publish_id: PublishId,
    },
    /// The attempt's video was found among the creator's.
    Found {
        /// The claimer.
        nonce: Nonce,
        /// The public post.
        post_id: u64,
    },
    /// Nothing has shown what became of an attempt, and its time to show it is over: a person has to look.
    Unresolved,
    /// TikTok's word.
    Said {
        /// About this publish id.
        publish_id: PublishId,
        /// Its word.
        verdict: Verdict,
    },
    /// TikTok has been silent for [`crate::Periods::post_deadline`].
    Silent,
    /// A person wants it stopped.
    CancelAsked,
    /// TikTok will not stop it any more.
    CancelRefused {
        /// TikTok's code.
        code: String,
    },
    /// A person says what became of it.
    Resolved(Resolution),
    /// A job about it failed again and again, and lies in a dead-letter queue.
    PutAside {
        /// The queue that the job was in.
        queue: String,
    },
}

impl Event {
    /// The event as a stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MediaReady(_) => "media_ready",
            Self::MediaRejected(_) => "media_rejected",
            Self::Held { .. } => "held",
            Self::Released => "released",
            Self::Refused(_) => "refused",
            Self::Claimed { .. } => "claimed",
            Self::InitAccepted { .. } => "init_accepted",
            Self::UploadOpened { .. } => "upload_opened",
            Self::SendBegun { .. } => "send_begun",
            Self::Sent { .. } => "sent",
            Self::UploadComplete { .. } => "upload_complete",
            Self::UploadOver { .. } => "upload_over",
            Self::Pulling { .. } => "pulling",
            Self::Submitted { .. } => "submitted",
            Self::AttemptDead { .. } => "attempt_dead",
            Self::AnswerLost { .. } => "answer_lost",
            Self::Fenced { .. } => "fenced",
            Self::Adopted { .. } => "adopted",
            Self::Found { .. } => "found",
            Self::Unresolved => "unresolved",
            Self::Said { .. } => "said",
            Self::Silent => "silent",
            Self::CancelAsked => "cancel_asked",
            Self::CancelRefused { .. } => "cancel_refused",
            Self::Resolved(_) => "resolved",
            Self::PutAside { .. } => "put_aside",
        }
    }
}

/// What follows an attempt that is proven dead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterDeath {
    /// Another attempt from this time on.
    Again(Timestamp),
    /// A hold.
    Hold {
        /// Until then, or until a person does something.
        until: Option<Timestamp>,
        /// The reason.
        why: HoldReason,
    },
    /// The end.
    Fail(Failure),
}

/// Who says so, and TikTok's `log_id` of the answer that did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// By whom.
    pub by: Actor,
    /// TikTok's `log_id`.
    pub log_id: Option<String>,
}

impl From<Actor> for Witness {
    fn from(by: Actor) -> Self {
        Self { by, log_id: None }
    }
}
