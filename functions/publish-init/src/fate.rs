//! What an error of TikTok means for a post.

use domain::post::{Failure, HoldReason};
use domain::{SignedDuration, Timestamp};
use tiktok::Remedy;

/// The least wait before a call that failed in passing is made again.
pub(crate) const SHORT: SignedDuration = SignedDuration::from_secs(5);
/// A cap that others than us have used up is asked about this often: `creator_info` tells of it and costs nothing.
pub(crate) const CAP: SignedDuration = SignedDuration::from_hours(1);

/// What becomes of the post.
pub(crate) enum Fate {
    /// After one refresh of the token.
    Refresh,
    /// Again from then on.
    Again(Timestamp),
    /// Again from then on, and nothing else for this account before.
    Rest(Timestamp),
    /// It waits.
    Hold {
        /// Until then, or until a person does something.
        until: Option<Timestamp>,
        /// The reason.
        why: HoldReason,
    },
    /// It waits until TikTok's 24 hours have passed.
    DayFull,
    /// It waits until the operator has repaired the set-up, and so does every other post.
    Trip,
    /// It has failed.
    Fail(Failure),
}

/// The rules of one place: an error that proves that nothing was created becomes the post's fate.
pub(crate) fn of(
    error: &tiktok::Error,
    now: Timestamp,
    patience: SignedDuration,
    jitter: SignedDuration,
) -> Fate {
    let hold = |until, why| Fate::Hold { until, why };
    match error.remedy() {
        Remedy::RefreshToken => Fate::Refresh,
        Remedy::Reauthorize => hold(None, HoldReason::ReconnectRequired),
        Remedy::WaitAndRetry { min } if min.as_secs() >= 60 => {
            Fate::Rest(now + domain::limits::WINDOW + jitter)
        }
        Remedy::WaitAndRetry { .. } | Remedy::TikTokFault | Remedy::Ambiguous => {
            Fate::Again(now + patience + jitter)
        }
        Remedy::CreatorLater => Fate::DayFull,
        Remedy::InboxLater => hold(Some(now + CAP), HoldReason::CreatorPendingShares),
        Remedy::AppLater => hold(Some(now + CAP), HoldReason::AppActiveUserCap),
        Remedy::CreatorMustAct => hold(None, HoldReason::Unaudited),
        Remedy::Operator => Fate::Trip,
        remedy @ (Remedy::CreatorNever
        | Remedy::ChooseAgain
        | Remedy::ChangeContent
        | Remedy::TooLate
        | Remedy::FixRequest) => {
            Fate::Fail(Failure { code: code(error), remedy: remedy.advice().to_owned() })
        }
    }
}

/// TikTok's code, or ours where TikTok said nothing.
pub(crate) fn code(error: &tiktok::Error) -> String {
    error.code().unwrap_or("tiktok.unreachable").to_owned()
}
