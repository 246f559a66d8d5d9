//! A post: its states, the events that move it, and what must happen next.

mod event;
mod machine;
mod state;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::content::{ContentHash, Kind, PrivacyLevel};
use crate::media::Pinned;
use crate::notice::{News, Notice, PostNews};
use crate::periods::{Periods, next_rung};
use crate::timeline::{Actor, Entry, Timeline, What};
use crate::wake;
use crate::{AccountId, CreatorId, MediaId, PostId, WorkspaceId};

pub use event::{
    AfterDeath, Event, NOBODY_FETCHED, NOTHING_SENT, PUBLISH_CANCELLED, Resolution, UPLOAD_EXPIRED, Verdict,
    Witness,
};
use machine::{Decision, Step, waiting};
pub use state::{Attempt, Doubt, Failure, HoldReason, PostState, PublishId, Pulled, Sender, Source, Upload};

/// An event that makes no sense in the state it met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("post `{post}` is `{state}`: `{event}` makes no sense there")]
pub struct InvalidTransition {
    /// The post.
    pub post: PostId,
    /// Its state.
    pub state: &'static str,
    /// The event.
    pub event: &'static str,
}

/// What an event did. Queues deliver at least once: a repeated event is expected, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The post changed and has to be written.
    Moved(Box<Post>),
    /// It was known already.
    Unchanged,
}

/// What must happen next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Look at the media again, or give it up.
    Media,
    /// Start an attempt.
    Publish,
    /// Settle a claim that ran out.
    Settle,
    /// Ask TikTok.
    Check,
    /// Look for what became of an attempt in doubt.
    Evidence,
    /// Send the bytes, or find out how far they have come.
    Transfer,
}

/// What must happen next, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextTask {
    /// When; in the past if it is overdue.
    pub at: Timestamp,
    /// What.
    pub task: Task,
}

/// One publication that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// Derived from the idempotency key.
    pub id: PostId,
    /// Who asked.
    pub workspace: WorkspaceId,
    /// For which creator.
    pub creator: CreatorId,
    /// The creator's account.
    pub account: AccountId,
    /// Names the content.
    pub content: ContentHash,
    /// The content that it was accepted with: a second request with the same key and another body has another one, whatever
    /// was edited since.
    pub accepted: ContentHash,
    /// A video, or photos.
    pub kind: Kind,
    /// The video, or the first photo.
    pub media: MediaId,
    /// Who may see it; what TikTok is told has to equal this. `None`: a draft for the creator's inbox, where the creator
    /// decides.
    pub privacy_level: Option<PrivacyLevel>,
    /// When it is to be published; `None`: as soon as possible.
    pub publish_at: Option<Timestamp>,
    /// How that time was said, if it was said as the hour of a zone.
    pub local_time: Option<LocalTime>,
    /// The post that ended otherwise than it was meant to, and that this one repeats.
    pub retry_of: Option<PostId>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What it is.
    pub state: PostState,
    /// What happened to it.
    pub timeline: Timeline,
    /// Its wake-up, `None` when only a person can move it.
    pub due: Option<Timestamp>,
}

/// A post that waits for its media looks at it again after these gaps, the last of which repeats: soon at first, in case nobody
/// told the media that it waits.
const MEDIA_AGAIN: [SignedDuration; 4] = [
    SignedDuration::from_mins(2),
    SignedDuration::from_mins(4),
    SignedDuration::from_mins(8),
    SignedDuration::from_mins(15),
];

impl Post {
    /// A post that was just accepted, with its media if that is there.
    pub fn accept(order: Order, pinned: Option<Pinned>, now: Timestamp, periods: &Periods) -> Self {
        let Order { id, workspace, creator, account, wish, draft, retry_of } = order;
        let Wish { content, kind, media, privacy_level, publish_at, local_time } = wish;
        let what = match (draft, &pinned) {
            (true, _) => What::Drafted,
            (false, Some(_)) => What::Accepted,
            (false, None) => What::AcceptedWaiting,
        };
        let state = if draft { PostState::Draft } else { waiting(pinned, publish_at, 0, now, periods) };
        let mut timeline = Timeline::default();
        timeline.push(Entry { at: now, what, by: Actor::Api, code: None, log_id: None });
        let mut post = Self {
            id,
            workspace,
            creator,
            account,
            content,
            accepted: content,
            kind,
            media,
            privacy_level,
            publish_at,
            local_time,
            retry_of,
            created_at: now,
            updated_at: now,
            state,
            timeline,
            due: None,
        };
        post.rearm(now, periods);
        post
    }

    /// The same post with another wish.
    fn wishing(self, wish: Wish) -> Self {
        let Wish { content, kind, media, privacy_level, publish_at, local_time } = wish;
        Self { content, kind, media, privacy_level, publish_at, local_time, ..self }
    }

    /// As it was when it was accepted with this wish, whatever happened since: what the first answer tells of.
    #[must_use]
    pub fn as_accepted(&self, wish: Wish) -> Self {
        self.clone().wishing(wish)
    }

    /// Whether it was a draft that somebody has published.
    pub fn was_submitted(&self) -> bool {
        let entries = self.timeline.entries();
        let drafted = entries.first().is_some_and(|entry| entry.what == What::Drafted);
        let submitted = entries.iter().any(|entry| entry.what == What::Submitted);
        let cancelled = matches!(self.state, PostState::Cancelled { publish_id: None });
        drafted && self.state != PostState::Draft && (submitted || !cancelled)
    }

    /// The name of the state it was accepted in: what the first answer said.
    pub fn accepted_as(&self) -> &'static str {
        let scheduled = self.publish_at.is_some_and(|at| self.created_at < at);
        match self.timeline.entries().first().map(|entry| entry.what) {
            Some(What::Drafted) => "draft",
            Some(What::Accepted) if scheduled => "scheduled",
            Some(What::Accepted) => "queued",
            _ => "awaiting_media",
        }
    }

    /// Whether TikTok will tell a public id once it is published.
    pub fn is_public(&self) -> bool {
        self.privacy_level == Some(PrivacyLevel::PublicToEveryone)
    }

    /// Sets the wake-up from the state. For a row that was woken too early.
    pub fn rearm(&mut self, now: Timestamp, periods: &Periods) {
        let next = self.next_task(now, periods).map(|next| next.at);
        // a sweep that saw the claim pushes its watchdog back as far as a claim allows: it must not meet the same wake-up here
        let have = self.due.filter(|_| {
            !matches!(&self.state, PostState::Uploading { upload: Upload { sender: None, .. }, .. })
        });
        self.due = wake::arrange(have, next, now, periods);
    }

    /// What must happen next, derived from the state alone: a lost message costs time, never the post.
    pub fn next_task(&self, now: Timestamp, periods: &Periods) -> Option<NextTask> {
        let next = |at, task| Some(NextTask { at, task });
        let check = |since: Timestamp| {
            let rung = next_rung(&periods.poll_ladder, now.duration_since(since));
            next((since + rung).min(since + periods.post_deadline), Task::Check)
        };
        match &self.state {
            PostState::AwaitingMedia { deadline } => {
                let rung = next_rung(&MEDIA_AGAIN, now.duration_since(self.updated_at));
                next((self.updated_at + rung).min(*deadline), Task::Media)
            }
            PostState::Scheduled { at, .. } | PostState::Queued { at, .. } => next(*at, Task::Publish),
            PostState::Held { until, .. } => until.and_then(|until| next(until, Task::Publish)),
            PostState::Initiating { until, .. } | PostState::Cancelling { until, publish_id: None, .. } => {
                next(*until, Task::Settle)
            }
            // nobody sends: at once; somebody does: once that one's time is over
            PostState::Uploading { upload, since, .. } => {
                next(upload.sender.map_or(*since, |sender| sender.until), Task::Transfer)
            }
            // TikTok is asked to stop at once, and until it has said what became of it
            PostState::Cancelling { since, .. } if now <= *since => next(now, Task::Check),
            PostState::Processing { since, .. } | PostState::Cancelling { since, .. } => check(*since),
            PostState::Published { post_ids, removed, since, .. } => {
                let rung = next_rung(&periods.tail_ladder, now.duration_since(*since));
                let wanted = self.is_public() && post_ids.is_empty() && !*removed && rung <= periods.tail;
                wanted.then(|| NextTask { at: *since + rung, task: Task::Check })
            }
            PostState::Unconfirmed { .. } => {
                self.doubt_task(now, periods).map(|(at, task)| NextTask { at, task })
            }
            PostState::Draft
            | PostState::Failed { .. }
            | PostState::Cancelled { .. }
            | PostState::SentToInbox { .. } => None,
        }
    }

    /// What to do for a row whose wake-up has come: steps with a time of their own are looked up, questions to TikTok and
    /// looks at the media are asked now.
    pub fn task_when_woken(&self, now: Timestamp, periods: &Periods) -> Option<NextTask> {
        let next = self.next_task(now, periods)?;
        let at = match next.task {
            Task::Media | Task::Check | Task::Evidence => now,
            Task::Publish | Task::Settle | Task::Transfer => next.at,
        };
        Some(NextTask { at, ..next })
    }

    /// Moves the post, or says that the event was known already.
    pub fn apply(
        &self,
        event: Event,
        witness: impl Into<Witness>,
        now: Timestamp,
        periods: &Periods,
    ) -> Result<Outcome, InvalidTransition> {
        let name = event.name();
        match self.decide(event, now, periods) {
            Decision::Known => Ok(Outcome::Unchanged),
            Decision::Nonsense => {
                Err(InvalidTransition { post: self.id.clone(), state: self.state.name(), event: name })
            }
            Decision::Step(step) => {
                let Step { state, what, code } = *step;
                let Witness { by, log_id } = witness.into();
                let mut post = Self { state, updated_at: now, ..self.clone() };
                if let Some(what) = what {
                    post.timeline.push(Entry { at: now, what, by, code, log_id });
                }
                post.rearm(now, periods);
                Ok(Outcome::Moved(Box::new(post)))
            }
        }
    }

    /// Whether what is asked for may still be changed.
    pub fn is_editable(&self) -> bool {
        self.attempts_behind().is_some()
    }

    /// The dead attempts of a post that has no open one, and may begin one.
    fn attempts_behind(&self) -> Option<u32> {
        match &self.state {
            PostState::Draft | PostState::AwaitingMedia { .. } => Some(0),
            state => state.ready().map(|(_, attempts)| attempts),
        }
    }

    /// Changes what is asked for, as long as no attempt is open: the post stands where it would stand if it had been accepted
    /// so. A draft stays one.
    pub fn edit(
        &self,
        wish: Wish,
        pinned: Option<Pinned>,
        by: Actor,
        now: Timestamp,
        periods: &Periods,
    ) -> Result<Self, InvalidTransition> {
        let Some(attempts) = self.attempts_behind() else {
            let (post, state) = (self.id.clone(), self.state.name());
            return Err(InvalidTransition { post, state, event: "edited" });
        };
        let state = match (&self.state, pinned, wish.publish_at) {
            (PostState::Draft, _, _) => PostState::Draft,
            // it may be over by this clock, and not by the one of whoever publishes
            (_, Some(media), Some(at)) if attempts == 0 => PostState::Scheduled { media, at },
            (_, pinned, at) => waiting(pinned, at, attempts, now, periods),
        };
        let mut post = Self { state, updated_at: now, ..self.clone().wishing(wish) };
        post.timeline.push(Entry { at: now, what: What::Edited, by, code: None, log_id: None });
        post.rearm(now, periods);
        Ok(post)
    }

    /// Whether the latest step only prolongs a hold: the same was said before, and nothing but a try was made since.
    fn was_held_for(&self, code: Option<&str>) -> bool {
        let before = self.timeline.entries().iter().rev().skip(1).find(|entry| entry.what != What::Claimed);
        before.is_some_and(|entry| {
            matches!(entry.what, What::Held | What::InitRefused) && entry.code.as_deref() == code
        })
    }

    /// When the attempts began that came to an end without anybody knowing their publish ids, although TikTok may have given
    /// them some.
    pub fn nameless(&self) -> Vec<Timestamp> {
        let (mut begun, mut named, mut nameless) = (self.created_at, true, Vec::new());
        for entry in self.timeline.entries() {
            let nobody = entry.code.as_deref() == Some(NOBODY_FETCHED);
            match entry.what {
                What::Claimed => (begun, named) = (entry.at, false),
                What::InitAccepted | What::Adopted => named = true,
                What::InitRefused | What::Cancelled if nobody => nameless.push(begun),
                What::Found | What::Resolved if !named => nameless.push(begun),
                _ => {}
            }
        }
        nameless
    }

    /// Since when somebody has known what became of the newest attempt's init: it had come to TikTok by then, or never will. `None`:
    /// nobody does, or there was none.
    pub fn answered_at(&self) -> Option<Timestamp> {
        let entries = self.timeline.entries();
        let claimed = entries.iter().rposition(|entry| entry.what == What::Claimed)?;
        let after = entries[claimed + 1..].iter().find(|entry| {
            !matches!(
                entry.what,
                What::Unconfirmed
                    | What::Fenced
                    | What::Unresolved
                    | What::Resolved
                    | What::CancelAsked
                    | What::PutAside
            )
        })?;
        // the attempt ended, and its init may still be under way
        let nobody_knows = [NOTHING_SENT, NOBODY_FETCHED].map(Some).contains(&after.code.as_deref());
        (!nobody_knows).then_some(after.at)
    }

    /// What the workspace is told of the latest step, if it is told anything.
    pub fn news(&self) -> Option<Notice> {
        let entry = self.timeline.entries().last()?;
        let event = match (entry.what, &self.state) {
            (What::PostId, _) => PostNews::PostId,
            (What::NoLongerPublic, _) => PostNews::Removed,
            (What::Corrected, _) => PostNews::Corrected,
            (What::SentToInbox, _) => PostNews::SentToInbox,
            (What::Cancelled, _) => PostNews::Cancelled,
            (What::CancelRefused, _) => PostNews::CancelRefused,
            (What::Unresolved, _) => PostNews::Unconfirmed,
            (What::MediaRejected | What::Failed, _) | (What::Resolved, PostState::Failed { .. }) => {
                PostNews::Failed
            }
            (What::Published | What::Found | What::Resolved, _) => PostNews::Published,
            (What::Held | What::InitRefused, PostState::Held { why, .. })
                if why.is_news() && !self.was_held_for(entry.code.as_deref()) =>
            {
                PostNews::Held
            }
            (What::PutAside, _) => PostNews::PutAside,
            (What::PullStalled, _) => PostNews::PullStalled,
            (
                What::AcceptedWaiting
                | What::Accepted
                | What::MediaReady
                | What::Held
                | What::Released
                | What::Claimed
                | What::InitAccepted
                | What::InitRefused
                | What::AttemptFailed
                | What::Unconfirmed
                | What::CancelAsked
                | What::Fenced
                | What::Adopted
                | What::Drafted
                | What::Submitted
                | What::Edited
                | What::UploadBegun
                | What::Uploaded,
                _,
            ) => return None,
        };
        let news = News::Post { post: self.id.clone(), event, code: entry.code.clone() };
        Some(Notice::of_post(self, entry.at, news))
    }
}

/// A post that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Derived from the idempotency key.
    pub id: PostId,
    /// Who asked.
    pub workspace: WorkspaceId,
    /// For which creator.
    pub creator: CreatorId,
    /// The creator's account.
    pub account: AccountId,
    /// What is asked for.
    pub wish: Wish,
    /// It is written down only, and published when somebody says so.
    pub draft: bool,
    /// The post that this one repeats.
    pub retry_of: Option<PostId>,
}

/// What is asked for, and may be changed until an attempt begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Names the content.
    pub content: ContentHash,
    /// A video, or photos.
    pub kind: Kind,
    /// The video, or the first photo.
    pub media: MediaId,
    /// Who may see it; `None` for a draft in the creator's inbox.
    pub privacy_level: Option<PrivacyLevel>,
    /// When it is to be published; `None`: as soon as possible.
    pub publish_at: Option<Timestamp>,
    /// How that time was said, if it was said as the hour of a zone.
    pub local_time: Option<LocalTime>,
}

/// A time as somebody said it, for people to recognise: the instant is what counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalTime {
    /// What a clock on the wall shows then, such as `2026-12-01T18:00`.
    pub local_time: String,
    /// Where that clock hangs: the IANA name of a zone.
    pub timezone: String,
}
