//! The whole machine: what each event makes of each state.

use jiff::{SignedDuration, Timestamp};

use super::event::{AfterDeath, Event, NOTHING_SENT, PUBLISH_CANCELLED, Resolution, Verdict};
use super::state::{Attempt, Doubt, Failure, PostState, PublishId, Pulled, Source, Upload};
use super::{Post, Task};
use crate::media::Pinned;
use crate::periods::Periods;
use crate::timeline::What;

/// TikTok's passing failures lead to new attempts after these waits; then the post fails.
const NEW_ATTEMPTS_AFTER: [SignedDuration; 3] =
    [SignedDuration::from_mins(1), SignedDuration::from_mins(5), SignedDuration::from_mins(15)];

/// A new state with what the timeline says about it.
pub(super) struct Step {
    pub(super) state: PostState,
    /// What the timeline says; nothing for what would only fill it.
    pub(super) what: Option<What>,
    pub(super) code: Option<String>,
}

pub(super) enum Decision {
    Step(Box<Step>),
    Known,
    Nonsense,
}

use Decision::{Known, Nonsense};

fn step(state: PostState, what: What) -> Decision {
    Decision::Step(Box::new(Step { state, what: Some(what), code: None }))
}

fn quietly(state: PostState) -> Decision {
    Decision::Step(Box::new(Step { state, what: None, code: None }))
}

fn coded(state: PostState, what: What, code: impl Into<String>) -> Decision {
    Decision::Step(Box::new(Step { state, what: Some(what), code: Some(code.into()) }))
}

impl Post {
    /// One table, in the order of a post's life.
    #[expect(clippy::too_many_lines, reason = "one table, in the order of a post's life")]
    pub(super) fn decide(&self, event: Event, now: Timestamp, periods: &Periods) -> Decision {
        use Event as E;
        use PostState as S;
        match (&self.state, event) {
            (S::Draft, E::Submitted { media }) => {
                step(waiting(media, self.publish_at, 0, now, periods), What::Submitted)
            }
            (S::AwaitingMedia { .. }, E::MediaReady(media)) => {
                step(waiting(Some(media), self.publish_at, 0, now, periods), What::MediaReady)
            }
            (S::AwaitingMedia { .. }, E::MediaRejected(failure)) => fail(failure, None, What::MediaRejected),
            (S::Scheduled { .. } | S::Queued { .. } | S::Held { .. }, E::Held { until, why, code }) => {
                let Some((media, attempts)) = self.state.ready() else { return Nonsense };
                match &self.state {
                    S::Held { until: had, why: reason, .. } if *had == until && *reason == why => Known,
                    _ => {
                        let state = S::Held { media: media.clone(), until, why, attempts };
                        coded(state, What::Held, code.unwrap_or_else(|| why.as_str().to_owned()))
                    }
                }
            }
            (S::Held { media, attempts, .. }, E::Released) => {
                let at = self.publish_at.map_or(now, |at| at.max(now));
                step(S::Queued { media: media.clone(), at, attempts: *attempts }, What::Released)
            }
            (S::Scheduled { .. } | S::Queued { .. } | S::Held { .. }, E::Refused(failure)) => {
                fail(failure, None, What::Failed)
            }
            (S::Scheduled { .. } | S::Queued { .. } | S::Held { .. }, E::Claimed { nonce, until, source }) => {
                let Some((media, attempts)) = self.state.ready() else { return Nonsense };
                let attempt =
                    Attempt { number: attempts + 1, nonce, claimed_at: now, source, unindexed: false };
                step(S::Initiating { media: media.clone(), attempt, until }, What::Claimed)
            }
            // the claimer may store its publish id however late it is
            (
                S::Initiating { media, attempt, .. }
                | S::Unconfirmed { media, attempt, publish_id: None, doubt: Doubt { cancel: false, .. } },
                E::InitAccepted { nonce, publish_id },
            ) if attempt.nonce == nonce => {
                let attempt = Attempt { unindexed: true, ..attempt.clone() };
                step(processing(media, attempt, publish_id, now), What::InitAccepted)
            }
            (
                S::Cancelling { media, attempt, publish_id: None, .. }
                | S::Unconfirmed { media, attempt, publish_id: None, .. },
                E::InitAccepted { nonce, publish_id },
            ) if attempt.nonce == nonce => {
                let attempt = Attempt { unindexed: true, ..attempt.clone() };
                step(cancelling(media, attempt, publish_id, now), What::InitAccepted)
            }
            (
                S::Cancelling { attempt, publish_id: None, .. }
                | S::Unconfirmed { attempt, publish_id: None, doubt: Doubt { cancel: true, .. }, .. },
                E::AttemptDead { nonce, code, .. },
            ) if attempt.nonce == nonce => coded(S::Cancelled { publish_id: None }, What::Cancelled, code),
            (
                S::Initiating { media, attempt, .. }
                | S::Unconfirmed { media, attempt, publish_id: None, .. },
                E::AttemptDead { nonce, code, then },
            ) if attempt.nonce == nonce => dead(media, attempt, &code, then),
            (S::Initiating { media, attempt, .. }, E::UploadOpened { nonce, publish_id, url })
                if attempt.nonce == nonce =>
            {
                let attempt = Attempt { unindexed: true, ..attempt.clone() };
                let (media, upload) = (media.clone(), Upload::opened(url));
                let state = S::Uploading { media, attempt, publish_id, upload, since: now };
                step(state, What::InitAccepted)
            }
            // no byte was sent, and none will be
            (
                S::Cancelling { attempt, publish_id: None, .. },
                E::UploadOpened { nonce, publish_id, .. },
            ) if attempt.nonce == nonce => {
                step(S::Cancelled { publish_id: Some(publish_id) }, What::Cancelled)
            }
            (
                S::Uploading { media, attempt, publish_id: ours, upload, since },
                E::SendBegun { publish_id, sender },
            ) if *ours == publish_id => {
                let rival = upload.sender.filter(|it| it.nonce != sender.nonce && now < it.until);
                if rival.is_some() || upload.sender == Some(sender) {
                    return Known;
                }
                let first = !upload.begun;
                let upload = Upload { begun: true, sender: Some(sender), ..upload.clone() };
                let (media, attempt) = (media.clone(), attempt.clone());
                let state = S::Uploading { media, attempt, publish_id, upload, since: *since };
                if first { step(state, What::UploadBegun) } else { quietly(state) }
            }
            (
                S::Uploading { media, attempt, publish_id, upload, since },
                E::Sent { sender, bytes, leaves },
            ) if upload.sender.is_some_and(|it| it.nonce == sender) => {
                let sent = upload.sent.max(bytes);
                if sent == upload.sent && !leaves {
                    return Known;
                }
                let upload =
                    Upload { sent, sender: upload.sender.filter(|_| !leaves), ..upload.clone() };
                let (media, attempt, publish_id) = (media.clone(), attempt.clone(), publish_id.clone());
                quietly(S::Uploading { media, attempt, publish_id, upload, since: *since })
            }
            (S::Uploading { media, attempt, publish_id: ours, .. }, E::UploadComplete { publish_id })
                if *ours == publish_id =>
            {
                step(processing(media, attempt.clone(), publish_id, now), What::Uploaded)
            }
            (
                S::Uploading { media, attempt, publish_id: ours, .. }
                | S::Processing { media, attempt, publish_id: ours, .. }
                | S::Unconfirmed {
                    media, attempt, publish_id: Some(ours), doubt: Doubt { cancel: false, .. },
                },
                E::UploadOver { publish_id, code },
            ) if *ours == publish_id && attempt.source == Source::FileUpload => {
                let passing = Verdict::Failed {
                    reason: code,
                    passing: true,
                    remedy: "look at why the upload takes so long, then retry the post".to_owned(),
                };
                let again = self.wait_after_passing_failure().map(|wait| now + wait);
                said_of_running(media, attempt, publish_id, passing, now, again)
            }
            (
                S::Cancelling { attempt, publish_id: Some(ours), .. }
                | S::Unconfirmed { attempt, publish_id: Some(ours), .. },
                E::UploadOver { publish_id, code },
            ) if *ours == publish_id && attempt.source == Source::FileUpload => {
                coded(S::Cancelled { publish_id: Some(publish_id) }, What::Cancelled, code)
            }
            (
                S::Processing { media, attempt, publish_id: ours, since, pulled },
                E::Pulling { publish_id, bytes },
            ) if *ours == publish_id => {
                let with = |pulled| S::Processing {
                    media: media.clone(),
                    attempt: attempt.clone(),
                    publish_id: publish_id.clone(),
                    since: *since,
                    pulled: Some(pulled),
                };
                match pulled {
                    Some(had) if had.bytes >= bytes => {
                        let stalled = !had.told && now >= had.since + STALLED;
                        if !stalled {
                            return Known;
                        }
                        step(with(Pulled { told: true, ..*had }), What::PullStalled)
                    }
                    Some(_) | None => quietly(with(Pulled { bytes, since: now, told: false })),
                }
            }
            // without a byte nothing exists: the URL was never used, and whoever got it may not use it any more
            (S::Initiating { media, attempt, .. }, E::AnswerLost { nonce })
                if attempt.nonce == nonce && attempt.source == Source::FileUpload =>
            {
                let wait = LOST_AGAIN * i32::try_from(attempt.number.min(30)).unwrap_or(1);
                dead(media, attempt, NOTHING_SENT, AfterDeath::Again(now + wait))
            }
            (S::Cancelling { attempt, publish_id: None, .. }, E::AnswerLost { nonce })
                if attempt.nonce == nonce && attempt.source == Source::FileUpload =>
            {
                coded(S::Cancelled { publish_id: None }, What::Cancelled, NOTHING_SENT)
            }
            (S::Initiating { media, attempt, .. }, E::AnswerLost { nonce }) if attempt.nonce == nonce => {
                step(unconfirmed(media, attempt, None, Doubt::new(now)), What::Unconfirmed)
            }
            (S::Cancelling { media, attempt, publish_id: None, .. }, E::AnswerLost { nonce })
                if attempt.nonce == nonce =>
            {
                let doubt = Doubt { cancel: true, ..Doubt::new(now) };
                step(unconfirmed(media, attempt, None, doubt), What::Unconfirmed)
            }
            (S::Unconfirmed { media, attempt, publish_id: None, doubt }, E::Fenced { nonce, at })
                if attempt.nonce == nonce && doubt.fenced_at.is_none() =>
            {
                let doubt = Doubt { fenced_at: Some(at), ..doubt.clone() };
                step(unconfirmed(media, attempt, None, doubt), What::Fenced)
            }
            (
                S::Unconfirmed { media, attempt, publish_id: None, doubt },
                E::Adopted { nonce, publish_id },
            ) if attempt.nonce == nonce => {
                let (media, attempt) = (media.clone(), Attempt { unindexed: true, ..attempt.clone() });
                let state = if doubt.cancel {
                    cancelling(&media, attempt, publish_id, now)
                } else {
                    processing(&media, attempt, publish_id, now)
                };
                step(state, What::Adopted)
            }
            (S::Unconfirmed { attempt, publish_id: None, .. }, E::Found { nonce, post_id })
                if attempt.nonce == nonce =>
            {
                let state =
                    S::Published { publish_id: None, post_ids: vec![post_id], removed: false, since: now };
                step(state, What::Found)
            }
            (S::Unconfirmed { media, attempt, publish_id, doubt }, E::Unresolved) => {
                if self.next_reminder(periods).is_none_or(|at| now < at) {
                    return Known;
                }
                let doubt = Doubt { reminders: doubt.reminders + 1, ..doubt.clone() };
                step(unconfirmed(media, attempt, publish_id.clone(), doubt), What::Unresolved)
            }
            (
                S::Uploading { media, attempt, publish_id, .. }
                | S::Processing { media, attempt, publish_id, .. },
                E::Silent,
            ) => {
                let doubt = Doubt { reminders: 1, ..Doubt::new(now) };
                let state = unconfirmed(media, attempt, Some(publish_id.clone()), doubt);
                coded(state, What::Unresolved, "tiktok.silent")
            }
            (S::Cancelling { media, attempt, publish_id: Some(publish_id), .. }, E::Silent) => {
                let doubt = Doubt { reminders: 1, cancel: true, ..Doubt::new(now) };
                let state = unconfirmed(media, attempt, Some(publish_id.clone()), doubt);
                coded(state, What::Unresolved, "tiktok.silent")
            }
            (
                S::Uploading { media, attempt, publish_id: ours, .. }
                | S::Processing { media, attempt, publish_id: ours, .. }
                | S::Unconfirmed { media, attempt, publish_id: Some(ours), doubt: Doubt { cancel: false, .. } },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => {
                let again = self.wait_after_passing_failure().map(|wait| now + wait);
                said_of_running(media, attempt, publish_id, verdict, now, again)
            }
            (
                S::Cancelling { media, attempt, publish_id: Some(ours), .. }
                | S::Unconfirmed { media, attempt, publish_id: Some(ours), .. },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => said_of_running(media, attempt, publish_id, verdict, now, None),
            (S::SentToInbox { publish_id: ours, .. }, E::Said { publish_id, verdict })
                if *ours == publish_id =>
            {
                said_of_inbox(publish_id, verdict, now)
            }
            (
                S::Published { publish_id: Some(ours), post_ids, removed, since },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => said_of_published(publish_id, post_ids, *removed, *since, verdict),
            (
                S::Failed { publish_id: Some(ours), .. } | S::Cancelled { publish_id: Some(ours) },
                E::Said { publish_id, verdict },
            ) if *ours == publish_id => said_of_ended(publish_id, verdict, now),
            // nothing is open: every attempt is proven dead, or there never was one
            (
                S::Draft
                | S::AwaitingMedia { .. }
                | S::Scheduled { .. }
                | S::Queued { .. }
                | S::Held { .. },
                E::CancelAsked,
            ) => step(S::Cancelled { publish_id: None }, What::Cancelled),
            (S::Uploading { publish_id, upload: Upload { begun: false, .. }, .. }, E::CancelAsked) => {
                step(S::Cancelled { publish_id: Some(publish_id.clone()) }, What::Cancelled)
            }
            (S::Initiating { media, attempt, until }, E::CancelAsked) => {
                let (media, attempt) = (media.clone(), attempt.clone());
                let state = S::Cancelling { media, attempt, publish_id: None, until: *until, since: now };
                step(state, What::CancelAsked)
            }
            (
                S::Uploading { media, attempt, publish_id, .. }
                | S::Processing { media, attempt, publish_id, .. }
                | S::Unconfirmed {
                    media,
                    attempt,
                    publish_id: Some(publish_id),
                    doubt: Doubt { cancel: false, .. },
                },
                E::CancelAsked,
            ) => step(cancelling(media, attempt.clone(), publish_id.clone(), now), What::CancelAsked),
            (S::Unconfirmed { media, attempt, publish_id: None, doubt }, E::CancelAsked) if !doubt.cancel => {
                let doubt = Doubt { cancel: true, ..doubt.clone() };
                step(unconfirmed(media, attempt, None, doubt), What::CancelAsked)
            }
            (
                S::Cancelling { media, attempt, publish_id: Some(publish_id), .. },
                E::CancelRefused { code },
            ) => {
                coded(processing(media, attempt.clone(), publish_id.clone(), now), What::CancelRefused, code)
            }
            (S::Unconfirmed { publish_id, .. }, E::Resolved(Resolution::Published { post_id })) => {
                let (publish_id, post_ids) = (publish_id.clone(), post_id.into_iter().collect());
                let state = S::Published { publish_id, post_ids, removed: false, since: now };
                coded(state, What::Resolved, "resolved.published")
            }
            (S::Unconfirmed { publish_id, .. }, E::Resolved(Resolution::NotPublished)) => {
                let failure = Failure {
                    code: "resolved.not_published".to_owned(),
                    remedy: "retry the post: that makes a new one".to_owned(),
                };
                fail(failure, publish_id.clone(), What::Resolved)
            }
            // the row stays as it is and wakes up by itself; its workspace is told once an hour
            (
                S::AwaitingMedia { .. }
                | S::Scheduled { .. }
                | S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::Unconfirmed { .. },
                E::PutAside { queue },
            ) => {
                let told = self
                    .timeline
                    .entries()
                    .iter()
                    .any(|entry| entry.what == What::PutAside && now < entry.at + PUT_ASIDE_AGAIN);
                if told { Known } else { coded(self.state.clone(), What::PutAside, queue) }
            }
            // repeats of what is behind us
            // (and a draft looks at its media when it is submitted)
            (
                S::Draft
                | S::Scheduled { .. }
                | S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::MediaReady(_) | E::MediaRejected(_),
            )
            | (
                S::AwaitingMedia { .. } | S::Scheduled { .. } | S::Queued { .. },
                E::Submitted { .. },
            )
            | (S::Scheduled { .. } | S::Queued { .. }, E::Released)
            | (
                S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::AnswerLost { .. },
            )
            // what is behind an upload that has ended, and downloads of what has moved on
            | (
                S::Processing { .. }
                | S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::UploadComplete { .. },
            )
            | (
                S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::Pulling { .. },
            )
            | (
                S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::Silent,
            )
            | (
                S::SentToInbox { .. } | S::Published { .. } | S::Failed { .. } | S::Cancelled { .. },
                E::PutAside { .. },
            )
            | (S::Unconfirmed { publish_id: None, .. }, E::Fenced { .. })
            | (S::Cancelling { .. } | S::Cancelled { .. } | S::Unconfirmed { .. }, E::CancelAsked)
            | (S::Processing { .. } | S::SentToInbox { .. } | S::Published { .. }, E::CancelRefused { .. }) => {
                Known
            }
            (
                S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::InitAccepted { publish_id, .. }
                | E::Adopted { publish_id, .. }
                | E::UploadOpened { publish_id, .. },
            ) if self.state.publish_id() == Some(&publish_id) => Known,
            (S::Published { post_ids, .. }, E::Found { post_id, .. }) if post_ids.contains(&post_id) => Known,
            // an older attempt's word about itself: that attempt is dead already
            (
                S::Scheduled { .. }
                | S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::Said { verdict: Verdict::Failed { .. }, .. },
            ) => Known,
            (
                S::Draft
                | S::AwaitingMedia { .. }
                | S::Scheduled { .. }
                | S::Queued { .. }
                | S::Held { .. }
                | S::Initiating { .. }
                | S::Uploading { .. }
                | S::Processing { .. }
                | S::Cancelling { .. }
                | S::SentToInbox { .. }
                | S::Published { .. }
                | S::Failed { .. }
                | S::Cancelled { .. }
                | S::Unconfirmed { .. },
                E::Held { .. }
                | E::Released
                | E::Refused(_)
                | E::Claimed { .. }
                | E::InitAccepted { .. }
                | E::UploadOpened { .. }
                | E::SendBegun { .. }
                | E::Sent { .. }
                | E::UploadComplete { .. }
                | E::UploadOver { .. }
                | E::Pulling { .. }
                | E::Submitted { .. }
                | E::AttemptDead { .. }
                | E::AnswerLost { .. }
                | E::Fenced { .. }
                | E::Adopted { .. }
                | E::Found { .. }
                | E::Unresolved
                | E::Said { .. }
                | E::Silent
                | E::CancelAsked
                | E::CancelRefused { .. }
                | E::Resolved(_)
                | E::PutAside { .. },
            ) => Nonsense,
        }
    }

    /// How long to wait before another attempt, unless TikTok's passing failures have used them all up.
    fn wait_after_passing_failure(&self) -> Option<SignedDuration> {
        let failed = self.timeline.entries().iter().filter(|entry| entry.what == What::AttemptFailed).count();
        NEW_ATTEMPTS_AFTER.get(failed).copied()
    }

    /// What to do about an attempt in doubt, and when: evidence is looked for until the deadline, then the workspace is told
    /// once a day.
    pub(super) fn doubt_task(&self, now: Timestamp, periods: &Periods) -> Option<(Timestamp, Task)> {
        let PostState::Unconfirmed { publish_id, attempt, doubt, .. } = &self.state else { return None };
        let reminder = self.next_reminder(periods);
        if publish_id.is_some() {
            return reminder.map(|at| (at, Task::Check));
        }
        let looking = now < attempt.claimed_at + periods.unconfirmed_deadline;
        // once the copy is gone, the log soon shows whether anybody had asked for it
        let since = doubt.fenced_at.unwrap_or(doubt.since);
        let look = || since + crate::periods::next_rung(&periods.evidence_ladder, now.duration_since(since));
        let at = match reminder {
            Some(reminder) if looking => look().min(reminder),
            Some(reminder) => reminder,
            None => return None,
        };
        Some((at, Task::Evidence))
    }

    /// When the workspace is told next that nobody knows.
    fn next_reminder(&self, periods: &Periods) -> Option<Timestamp> {
        let PostState::Unconfirmed { publish_id, attempt, doubt, .. } = &self.state else { return None };
        let first = match publish_id {
            None => attempt.claimed_at + periods.unconfirmed_deadline - TOLD_BEFORE,
            Some(_) => doubt.since,
        };
        (doubt.reminders < REMINDERS)
            .then(|| first + A_DAY * i32::try_from(doubt.reminders).unwrap_or(i32::MAX))
    }
}

/// An upload whose init was not answered is begun anew after as many of these as there were attempts: each may leave an id at
/// TikTok that nobody uses.
const LOST_AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// A download that has not got on for so long is worth telling.
const STALLED: SignedDuration = SignedDuration::from_mins(10);
/// A workspace is told that jobs about a post fail no more often than this.
const PUT_ASIDE_AGAIN: SignedDuration = SignedDuration::from_hours(1);
/// The workspace is told of a doubt this long before the account goes on without it.
const TOLD_BEFORE: SignedDuration = SignedDuration::from_mins(1);
/// The workspace is told of a doubt this often, once a day.
const REMINDERS: u32 = 7;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// A post that may be published as soon as its media and its time are there.
pub(super) fn waiting(
    media: Option<Pinned>,
    publish_at: Option<Timestamp>,
    attempts: u32,
    now: Timestamp,
    periods: &Periods,
) -> PostState {
    match (media, publish_at.filter(|at| now < *at)) {
        (Some(media), None) => PostState::Queued { media, at: now, attempts },
        (Some(media), Some(at)) => PostState::Scheduled { media, at },
        (None, _) => PostState::AwaitingMedia { deadline: now + periods.media_deadline },
    }
}

fn processing(media: &Pinned, attempt: Attempt, publish_id: PublishId, now: Timestamp) -> PostState {
    PostState::Processing { media: media.clone(), attempt, publish_id, since: now, pulled: None }
}

fn cancelling(media: &Pinned, attempt: Attempt, publish_id: PublishId, now: Timestamp) -> PostState {
    let media = media.clone();
    PostState::Cancelling { media, attempt, publish_id: Some(publish_id), until: now, since: now }
}

fn unconfirmed(media: &Pinned, attempt: &Attempt, publish_id: Option<PublishId>, doubt: Doubt) -> PostState {
    PostState::Unconfirmed { media: media.clone(), attempt: attempt.clone(), publish_id, doubt }
}

fn fail(failure: Failure, publish_id: Option<PublishId>, what: What) -> Decision {
    let code = failure.code.clone();
    coded(PostState::Failed { failure, publish_id }, what, code)
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
        publish_id: Some(publish_id.clone()),
        post_ids,
        removed,
        since: now,
    };
    match verdict {
        Verdict::InProgress => Known,
        Verdict::InInbox => step(PostState::SentToInbox { publish_id, since: now }, What::SentToInbox),
        Verdict::Complete { post_ids } => step(published(post_ids, false), What::Published),
        // webhooks come in any order: a public id proves completion
        Verdict::PubliclyAvailable { post_id } => step(published(vec![post_id], false), What::Published),
        Verdict::NoLongerPublic => step(published(Vec::new(), true), What::NoLongerPublic),
        Verdict::Failed { reason, .. } if reason == PUBLISH_CANCELLED => {
            coded(PostState::Cancelled { publish_id: Some(publish_id) }, What::Cancelled, reason)
        }
        Verdict::Failed { reason, passing, remedy } => match again.filter(|_| passing) {
            Some(at) => coded(
                PostState::Queued { media: media.clone(), at, attempts: attempt.number },
                What::AttemptFailed,
                reason,
            ),
            None => fail(Failure { code: reason, remedy }, Some(publish_id), What::Failed),
        },
    }
}

fn said_of_inbox(publish_id: PublishId, verdict: Verdict, now: Timestamp) -> Decision {
    let published = |post_ids| PostState::Published {
        publish_id: Some(publish_id),
        post_ids,
        removed: false,
        since: now,
    };
    match verdict {
        Verdict::InProgress | Verdict::InInbox | Verdict::Failed { .. } | Verdict::NoLongerPublic => Known,
        Verdict::Complete { post_ids } => step(published(post_ids), What::Published),
        Verdict::PubliclyAvailable { post_id } => step(published(vec![post_id]), What::Published),
    }
}

fn said_of_published(
    publish_id: PublishId,
    post_ids: &[u64],
    removed: bool,
    since: Timestamp,
    verdict: Verdict,
) -> Decision {
    let with =
        |post_ids, removed| PostState::Published { publish_id: Some(publish_id), post_ids, removed, since };
    let join = |mut more: Vec<u64>| {
        let mut all = post_ids.to_vec();
        more.retain(|id| !all.contains(id));
        all.append(&mut more);
        all
    };
    match verdict {
        Verdict::InProgress | Verdict::InInbox | Verdict::Failed { .. } => Known,
        Verdict::Complete { post_ids: said } => {
            let all = join(said);
            if all.len() == post_ids.len() { Known } else { step(with(all, removed), What::PostId) }
        }
        Verdict::PubliclyAvailable { post_id } => {
            let all = join(vec![post_id]);
            if all.len() == post_ids.len() && !removed { Known } else { step(with(all, false), What::PostId) }
        }
        Verdict::NoLongerPublic if removed => Known,
        Verdict::NoLongerPublic => step(with(post_ids.to_vec(), true), What::NoLongerPublic),
    }
}

fn said_of_ended(publish_id: PublishId, verdict: Verdict, now: Timestamp) -> Decision {
    let published = |post_ids| PostState::Published {
        publish_id: Some(publish_id),
        post_ids,
        removed: false,
        since: now,
    };
    match verdict {
        Verdict::InProgress | Verdict::InInbox | Verdict::Failed { .. } | Verdict::NoLongerPublic => Known,
        Verdict::Complete { post_ids } => step(published(post_ids), What::Corrected),
        Verdict::PubliclyAvailable { post_id } => step(published(vec![post_id]), What::Corrected),
    }
}
