//! A post: its states, the events that move it, and what must happen next.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::content::{ContentHash, PrivacyLevel};
use crate::media::{Container, Pinned};
use crate::periods::{Periods, next_rung};
use crate::timeline::{Actor, Entry, Timeline, What};
use crate::wake;
use crate::{AccountId, CreatorId, MediaId, Nonce, PostId, WorkspaceId};

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
    /// The reason as a stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::CreatorDailyCap => "creator_daily_cap",
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
}

impl Attempt {
    /// The attempt's own copy in the media bucket, `m/<32 hexadecimal digits>.<extension>`. The key is unguessable and
    /// never reused, so deleting it ends TikTok's access for good.
    pub fn key(&self, container: Container) -> String {
        format!("m/{}.{}", self.nonce, container.extension())
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
    /// TikTok says that it is published.
    Published {
        /// TikTok's id of the attempt.
        publish_id: PublishId,
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
    /// Nobody knows whether TikTok created it; never tried again by itself.
    Unconfirmed {
        /// The bytes to post.
        media: Pinned,
        /// The attempt.
        attempt: Attempt,
        /// TikTok's id, when it was given one and then fell silent.
        publish_id: Option<PublishId>,
        /// When the doubt began.
        since: Timestamp,
    },
}

/// TikTok's word about a publish id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Still downloading or processing.
    InProgress,
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
    },
    /// TikTok took the post.
    InitAccepted {
        /// The claimer.
        nonce: Nonce,
        /// TikTok's id.
        publish_id: PublishId,
    },
    /// TikTok refused the attempt in words that mean nothing was created, or no connection was ever made.
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
    /// TikTok's word.
    Said {
        /// About this publish id.
        publish_id: PublishId,
        /// Its word.
        verdict: Verdict,
    },
    /// TikTok has been silent for [`Periods::post_deadline`].
    Silent,
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
    /// Names the content; a second request with the same key and another body has another hash.
    pub content: ContentHash,
    /// The media.
    pub media: MediaId,
    /// Who may see it; what TikTok is told has to equal this.
    pub privacy_level: PrivacyLevel,
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

/// TikTok's passing failures lead to new attempts after these waits; then the post fails.
const NEW_ATTEMPTS_AFTER: [SignedDuration; 3] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(5), SignedDuration::from_mins(15)];

/// A post that waits for its media looks at it again this often.
const MEDIA_AGAIN: SignedDuration = SignedDuration::from_mins(15);

impl PostState {
    /// The state as a stable word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AwaitingMedia { .. } => "awaiting_media",
            Self::Queued { .. } => "queued",
            Self::Held { .. } => "held",
            Self::Initiating { .. } => "initiating",
            Self::Processing { .. } => "processing",
            Self::Published { .. } => "published",
            Self::Failed { .. } => "failed",
            Self::Unconfirmed { .. } => "unconfirmed",
        }
    }

    /// The key of the copy that TikTok may still pull; `None` when nothing may be pulled any more.
    pub fn copy_key(&self) -> Option<String> {
        match self {
            Self::Initiating { media, attempt, .. }
            | Self::Processing { media, attempt, .. }
            | Self::Unconfirmed { media, attempt, .. } => Some(attempt.key(media.container)),
            Self::AwaitingMedia { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Published { .. }
            | Self::Failed { .. } => None,
        }
    }

    /// TikTok's id of the attempt that matters.
    pub fn publish_id(&self) -> Option<&PublishId> {
        match self {
            Self::Processing { publish_id, .. } | Self::Published { publish_id, .. } => Some(publish_id),
            Self::Failed { publish_id, .. } | Self::Unconfirmed { publish_id, .. } => publish_id.as_ref(),
            Self::AwaitingMedia { .. }
            | Self::Queued { .. }
            | Self::Held { .. }
            | Self::Initiating { .. } => None,
        }
    }
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
            Self::AttemptDead { .. } => "attempt_dead",
            Self::AnswerLost { .. } => "answer_lost",
            Self::Said { .. } => "said",
            Self::Silent => "silent",
        }
    }
}

/// A new state with what the timeline says about it.
struct Step {
    state: PostState,
    what: What,
    code: Option<String>,
}

fn step(state: PostState, what: What) -> Decision {
    Decision::Step(Step { state, what, code: None })
}

fn coded(state: PostState, what: What, code: impl Into<String>) -> Decision {
    Decision::Step(Step { state, what, code: Some(code.into()) })
}

enum Decision {
    Step(Step),
    Known,
    Nonsense,
}

impl Post {
    /// A post that was just accepted.
    #[expect(clippy::too_many_arguments, reason = "a row's facts, each once")]
    pub fn accept(
        id: PostId,
        workspace: WorkspaceId,
        creator: CreatorId,
        account: AccountId,
        content: ContentHash,
        media: MediaId,
        privacy_level: PrivacyLevel,
        pinned: Option<Pinned>,
        now: Timestamp,
        periods: &Periods,
    ) -> Self {
        let (state, what) = match pinned {
            Some(media) => (PostState::Queued { media, at: now, attempts: 0 }, What::Accepted),
            None => {
                (PostState::AwaitingMedia { deadline: now + periods.media_deadline }, What::AcceptedWaiting)
            }
        };
        let mut timeline = Timeline::default();
        timeline.push(Entry { at: now, what, by: Actor::Api, code: None, log_id: None });
        let mut post = Self {
            id,
            workspace,
            creator,
            account,
            content,
            media,
            privacy_level,
            created_at: now,
            updated_at: now,
            state,
            timeline,
            due: None,
        };
        post.rearm(now, periods);
        post
    }

    /// Whether the media was already there when the post was accepted: what the first answer said.
    pub fn was_accepted_queued(&self) -> bool {
        self.timeline.entries().first().is_some_and(|entry| entry.what == What::Accepted)
    }

    /// Whether TikTok will tell a public id once it is published.
    pub fn is_public(&self) -> bool {
        self.privacy_level == PrivacyLevel::PublicToEveryone
    }

    /// Sets the wake-up from the state. For a row that was woken too early.
    pub fn rearm(&mut self, now: Timestamp, periods: &Periods) {
        let next = self.next_task(now, periods).map(|next| next.at);
        self.due = wake::arrange(self.due, next, now, periods);
    }

    /// What must happen next, derived from the state alone: a lost message costs time, never the post.
    pub fn next_task(&self, now: Timestamp, periods: &Periods) -> Option<NextTask> {
        let next = |at, task| Some(NextTask { at, task });
        match &self.state {
            PostState::AwaitingMedia { deadline } => next((now + MEDIA_AGAIN).min(*deadline), Task::Media),
            PostState::Queued { at, .. } => next(*at, Task::Publish),
            PostState::Held { until, .. } => until.and_then(|until| next(until, Task::Publish)),
            PostState::Initiating { until, .. } => next(*until, Task::Settle),
            PostState::Processing { since, .. } => {
                let rung = next_rung(&periods.poll_ladder, now.duration_since(*since));
                next((*since + rung).min(*since + periods.post_deadline), Task::Check)
            }
            PostState::Published { post_ids, removed, since, .. } => {
                let rung = next_rung(&periods.tail_ladder, now.duration_since(*since));
                let wanted = self.is_public() && post_ids.is_empty() && !*removed && rung <= periods.tail;
                wanted.then(|| NextTask { at: *since + rung, task: Task::Check })
            }
            PostState::Failed { .. } | PostState::Unconfirmed { .. } => None,
        }
    }

    /// What to do for a row whose wake-up has come: steps with a time of their own are looked up, questions to TikTok and
    /// looks at the media are asked now.
    pub fn task_when_woken(&self, now: Timestamp, periods: &Periods) -> Option<NextTask> {
        let next = self.next_task(now, periods)?;
        let at = match next.task {
            Task::Media | Task::Check => now,
            Task::Publish | Task::Settle => next.at,
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
        match self.decide(event, now) {
            Decision::Known => Ok(Outcome::Unchanged),
            Decision::Nonsense => {
                Err(InvalidTransition { post: self.id.clone(), state: self.state.name(), event: name })
            }
            Decision::Step(Step { state, what, code }) => {
                let Witness { by, log_id } = witness.into();
                let mut post = Self { state, updated_at: now, ..self.clone() };
                post.timeline.push(Entry { at: now, what, by, code, log_id });
                post.rearm(now, periods);
                Ok(Outcome::Moved(Box::new(post)))
            }
        }
    }

    /// The whole machine on one screen.
    #[expect(
        clippy::too_many_lines,
        clippy::match_same_arms,
        reason = "one table, in the order of a post's life"
    )]
    fn decide(&self, event: Event, now: Timestamp) -> Decision {
        use Decision::{Known, Nonsense};
        use Event as E;
        use PostState as S;
        match (&self.state, event) {
            (S::AwaitingMedia { .. }, E::MediaReady(media)) => {
                step(S::Queued { media, at: now, attempts: 0 }, What::MediaReady)
            }
            (S::AwaitingMedia { .. }, E::MediaRejected(failure)) => {
                let code = failure.code.clone();
                coded(S::Failed { failure, publish_id: None }, What::MediaRejected, code)
            }
            (S::Queued { .. } | S::Held { .. }, E::Held { until, why, code }) => self.hold(until, why, code),
            (S::Held { media, attempts, .. }, E::Released) => {
                step(S::Queued { media: media.clone(), at: now, attempts: *attempts }, What::Released)
            }
            (S::Queued { .. } | S::Held { .. }, E::Refused(failure)) => {
                let code = failure.code.clone();
                coded(S::Failed { failure, publish_id: None }, What::Failed, code)
            }
            (
                S::Queued { media, attempts, .. } | S::Held { media, attempts, .. },
                E::Claimed { nonce, until },
            ) => step(
                S::Initiating {
                    media: media.clone(),
                    attempt: Attempt { number: attempts + 1, nonce },
                    until,
                },
                What::Claimed,
            ),
            // the claimer may store its publish id however late it is
            (
                S::Initiating { media, attempt, .. }
                | S::Unconfirmed { media, attempt, publish_id: None, .. },
                E::InitAccepted { nonce, publish_id },
            ) if attempt.nonce == nonce => step(
                S::Processing { media: media.clone(), attempt: attempt.clone(), publish_id, since: now },
                What::InitAccepted,
            ),
            (
                S::Initiating { media, attempt, .. }
                | S::Unconfirmed { media, attempt, publish_id: None, .. },
                E::AttemptDead { nonce, code, then },
            ) if attempt.nonce == nonce => dead(media, attempt, &code, then),
            (S::Initiating { media, attempt, .. }, E::AnswerLost { nonce }) if attempt.nonce == nonce => {
                step(
                    S::Unconfirmed {
                        media: media.clone(),
                        attempt: attempt.clone(),
                        publish_id: None,
                        since: now,
                    },
                    What::Unconfirmed,
                )
            }
            (S::Processing { media, attempt, publish_id, .. }, E::Silent) => coded(
                S::Unconfirmed {
                    media: media.clone(),
                    attempt: attempt.clone(),
                    publish_id: Some(publish_id.clone()),
                    since: now,
                },
                What::Unconfirmed,
                "tiktok.silent",
            ),
            (
                S::Processing { media, attempt, publish_id: ours, .. }
                | S::Unconfirmed { media, attempt, publish_id: Some(ours), .. },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => {
                let again = self.wait_after_passing_failure().map(|wait| now + wait);
                said_of_running(media, attempt, publish_id, verdict, now, again)
            }
            (
                S::Published { publish_id: ours, post_ids, removed, since },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => said_of_published(publish_id, post_ids, *removed, *since, verdict),
            (S::Failed { publish_id: Some(ours), .. }, E::Said { publish_id, verdict })
                if *ours == publish_id =>
            {
                said_of_failed(publish_id, verdict, now)
            }
            // repeats of what is behind us
            (
                S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Processing { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Unconfirmed { .. },
                E::MediaReady(_) | E::MediaRejected(_),
            )
            | (S::Queued { .. }, E::Released)
            | (
                S::Processing { .. } | S::Published { .. } | S::Failed { .. } | S::Unconfirmed { .. },
                E::AnswerLost { .. },
            )
            | (S::Published { .. } | S::Failed { .. } | S::Unconfirmed { .. }, E::Silent) => Known,
            (
                S::Processing { publish_id: ours, .. } | S::Published { publish_id: ours, .. },
                E::InitAccepted { publish_id, .. },
            ) if *ours == publish_id => Known,
            // an older attempt's word about itself: that attempt is dead already
            (
                S::Queued { .. } | S::Held { .. } | S::Initiating { .. } | S::Processing { .. },
                E::Said { verdict: Verdict::Failed { .. }, .. },
            ) => Known,
            (
                S::AwaitingMedia { .. }
                | S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Processing { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Unconfirmed { .. },
                E::Held { .. }
                | E::Released
                | E::Refused(_)
                | E::Claimed { .. }
                | E::InitAccepted { .. }
                | E::AttemptDead { .. }
                | E::AnswerLost { .. }
                | E::Said { .. }
                | E::Silent,
            ) => Nonsense,
        }
    }

    /// How long to wait before another attempt, unless TikTok's passing failures have used them all up.
    fn wait_after_passing_failure(&self) -> Option<SignedDuration> {
        let failed = self.timeline.entries().iter().filter(|entry| entry.what == What::AttemptFailed).count();
        NEW_ATTEMPTS_AFTER.get(failed).copied()
    }

    fn hold(&self, until: Option<Timestamp>, why: HoldReason, code: Option<String>) -> Decision {
        match &self.state {
            PostState::Held { until: had, why: reason, .. } if *had == until && *reason == why => {
                Decision::Known
            }
            PostState::Queued { media, attempts, .. } | PostState::Held { media, attempts, .. } => {
                let state = PostState::Held { media: media.clone(), until, why, attempts: *attempts };
                coded(state, What::Held, code.unwrap_or_else(|| why.as_str().to_owned()))
            }
            PostState::AwaitingMedia { .. }
            | PostState::Initiating { .. }
            | PostState::Processing { .. }
            | PostState::Published { .. }
            | PostState::Failed { .. }
            | PostState::Unconfirmed { .. } => Decision::Nonsense,
        }
    }
}

fn dead(media: &Pinned, attempt: &Attempt, code: &str, then: AfterDeath) -> Decision {
    let media = media.clone();
    let attempts = attempt.number;
    match then {
        AfterDeath::Again(at) => coded(PostState::Queued { media, at, attempts }, What::InitRefused, code),
        AfterDeath::Hold { until, why } => {
            coded(PostState::Held { media, until, why, attempts }, What::InitRefused, code)
        }
        AfterDeath::Fail(failure) => {
            coded(PostState::Failed { failure, publish_id: None }, What::Failed, code)
        }
    }
}

fn said_of_running(
    media: &Pinned,
    attempt: &Attempt,
    publish_id: PublishId,
    verdict: Verdict,
    now: Timestamp,
    again: Option<Timestamp>,
) -> Decision {
    let published = |post_ids: Vec<u64>, removed| PostState::Published {
        publish_id: publish_id.clone(),
        post_ids,
        removed,
        since: now,
    };
    match verdict {
        Verdict::InProgress => Decision::Known,
        Verdict::Complete { post_ids } => step(published(post_ids, false), What::Published),
        // webhooks come in any order: a public id proves completion
        Verdict::PubliclyAvailable { post_id } => step(published(vec![post_id], false), What::Published),
        Verdict::NoLongerPublic => step(published(Vec::new(), true), What::NoLongerPublic),
        #[expect(clippy::single_match_else, reason = "two ends of equal weight")]
        Verdict::Failed { reason, passing, remedy } => match again.filter(|_| passing) {
            Some(at) => coded(
                PostState::Queued { media: media.clone(), at, attempts: attempt.number },
                What::AttemptFailed,
                reason,
            ),
            None => {
                let failure = Failure { code: reason.clone(), remedy };
                coded(PostState::Failed { failure, publish_id: Some(publish_id) }, What::Failed, reason)
            }
        },
    }
}

fn said_of_published(
    publish_id: PublishId,
    post_ids: &[u64],
    removed: bool,
    since: Timestamp,
    verdict: Verdict,
) -> Decision {
    let with = |post_ids, removed| PostState::Published { publish_id, post_ids, removed, since };
    let join = |mut more: Vec<u64>| {
        let mut all = post_ids.to_vec();
        more.retain(|id| !all.contains(id));
        all.append(&mut more);
        all
    };
    match verdict {
        Verdict::InProgress | Verdict::Failed { .. } => Decision::Known,
        Verdict::Complete { post_ids: said } => {
            let all = join(said);
            if all.len() == post_ids.len() { Decision::Known } else { step(with(all, removed), What::PostId) }
        }
        Verdict::PubliclyAvailable { post_id } => {
            let all = join(vec![post_id]);
            if all.len() == post_ids.len() && !removed {
                Decision::Known
            } else {
                step(with(all, false), What::PostId)
            }
        }
        Verdict::NoLongerPublic if removed => Decision::Known,
        Verdict::NoLongerPublic => step(with(post_ids.to_vec(), true), What::NoLongerPublic),
    }
}

fn said_of_failed(publish_id: PublishId, verdict: Verdict, now: Timestamp) -> Decision {
    let published = |post_ids| PostState::Published { publish_id, post_ids, removed: false, since: now };
    match verdict {
        Verdict::InProgress | Verdict::Failed { .. } | Verdict::NoLongerPublic => Decision::Known,
        Verdict::Complete { post_ids } => step(published(post_ids), What::Corrected),
        Verdict::PubliclyAvailable { post_id } => step(published(vec![post_id]), What::Corrected),
    }
}
