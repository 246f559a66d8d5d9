//! Publish queue: everything from a queued post to TikTok's `publish_id`, in one invocation.
//!
//! The order is the protocol: read; reserve both call times and the account's slot; ask `creator_info`; check; copy the
//! upload to a key of this attempt's own; **claim**, the last write before the call that cannot be repeated; init; store the
//! `publish_id` before anything else. A crash before the claim costs a retry, a crash after it shows as `unconfirmed`, and
//! nothing here ever starts a second init for an attempt that is not proven dead.

mod checks;
mod fate;
mod request;

use domain::account::{AccountStatus, Sealed, Slot, TokenField};
use domain::app::{Breaker, Sighting};
use domain::job::Publish;
use domain::post::{AfterDeath, Attempt, Event, HoldReason, PostState, PublishId, Source, Witness};
use domain::timeline::{Actor, What};
use domain::{Account, Content, Job, Nonce, Periods, Post, PostId, SignedDuration, Timestamp};
use flows::{MoveError, Moved, Token};
use lambda_kit::batch::Failure;
use ports::{
    Accounts, AppRows, Clock, Entropy, MediaRows, Objects, OpenError, Plaintext, Posts, Queues, Read, Stored,
    Vault,
};
use tiktok::{AccessToken, CreatorInfo, Exchange};

use fate::Fate;
use request::{Begun, Request};

/// How TikTok is given what it pulls.
#[derive(Debug, Clone)]
pub struct Pull {
    /// `<MediaBaseUrl>` without a slash at its end; `None` signs a `GET` of the bucket instead.
    pub media_base_url: Option<String>,
    /// How long a signed URL lives.
    pub presign: SignedDuration,
}

/// What this function may touch.
pub struct PublishInit<S, O, Q, V, E, T> {
    /// Posts and accounts, and what TikTok's answers show of the app.
    pub store: S,
    /// Copies for attempts.
    pub objects: O,
    /// Where jobs go back to, checks and refreshes go.
    pub queues: Q,
    /// Opens access tokens.
    pub vault: V,
    /// TikTok.
    pub tiktok: tiktok::Client<E>,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
    /// How TikTok is given the video.
    pub pull: Pull,
}

/// `creator_info` has to be this fresh when the claim is written.
const FRESH: SignedDuration = SignedDuration::from_secs(60);
/// An attempt is not claimed with less than this left, or than two fifths of the invocation: TikTok's answer and the write
/// of its `publish_id` have to fit.
const ENOUGH: SignedDuration = SignedDuration::from_secs(13);
/// A refresh takes about this long.
const REFRESH: SignedDuration = SignedDuration::from_secs(2);
/// A token that TikTok refuses at init although it is new is not tried again sooner.
const REFUSED_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// The operator's key does not open a token.
const LOCKED: &str = "token.locked";
/// A look at the evidence takes about this long.
const LOOKED: SignedDuration = SignedDuration::from_secs(5);
/// An account with too many doubts is looked at this often.
const TOO_MANY_DOUBTS: SignedDuration = SignedDuration::from_hours(1);
/// Others may change the account's limits at the same moment this often before the job comes back.
const TRIES: u32 = 3;

/// Either the next step, or the job is done with for now.
enum Step<X> {
    Go(X),
    Done,
}

/// An attempt that is claimed.
struct Ready {
    claimed: Stored<Post>,
    nonce: Nonce,
    request: Request,
}

/// What an attempt begins with: the times that are reserved for it, and what TikTok said of the creator.
struct Beginning<'a> {
    content: &'a Content,
    source: Source,
    info: &'a CreatorInfo,
    /// When `creator_info` was asked.
    asked_at: Timestamp,
    /// When the invocation ends.
    deadline: Timestamp,
    /// What has to be left of it.
    enough: SignedDuration,
}

macro_rules! go {
    ($step:expr) => {
        match $step? {
            Step::Go(value) => value,
            Step::Done => return Ok(()),
        }
    };
}

/// The same, inside a step.
macro_rules! go_on {
    ($step:expr) => {
        match $step? {
            Step::Go(value) => value,
            Step::Done => return Ok(Step::Done),
        }
    };
}

type Stepped<X> = Result<Step<X>, Failure>;

fn retry(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::retry(error)
}

impl<S, O, Q, V, E, T> PublishInit<S, O, Q, V, E, T>
where
    S: Posts + Accounts + AppRows + MediaRows,
    O: Objects,
    Q: Queues,
    V: Vault,
    E: Exchange,
    T: Clock + Entropy,
{
    /// Handles one job of the publish queue.
    pub async fn publish(&self, mut job: Publish, deadline: Timestamp) -> Result<(), Failure> {
        let enough = ENOUGH.min(deadline.duration_since(self.time.now()) * 2 / 5);
        let work = self
            .store
            .work(&job.post, Some(&job.content), &job.account, Read::Strong)
            .await
            .map_err(retry)?;
        let Some(seen) = work.post else {
            tracing::warn!(post = %job.post, "no such post: it was never written");
            return Ok(());
        };
        go!(self.is_it_time(&job, &seen).await);
        let content = if job.content == seen.row.content {
            work.content
        } else {
            // it was edited after the message was sent; the claim holds against the very row that was read
            job.content = seen.row.content;
            self.store.content(&job.post, &job.content).await.map_err(retry)?
        };
        let (Some(content), Some(account)) = (content, work.account) else {
            return Err(Failure::give_up(format!("post `{}` lacks its content or its account", job.post)));
        };
        if content.privacy_level != seen.row.privacy_level {
            return Err(Failure::give_up(format!("post `{}` and its content disagree on privacy", job.post)));
        }
        go!(self.mind_the_breaker(&seen, work.breaker.as_ref()).await);
        let (token, epoch) = go!(self.token(&job, &seen, &account).await);
        let until = deadline + self.periods.claim_margin;
        let account = go!(self.reserve(&job, &seen, account, until).await);

        let asked_at = self.time.now();
        let info = match self.tiktok.creator_info(&token).await {
            Ok(info) => info,
            Err(error) => return self.not_now(&job, seen, &account, until, epoch, &error).await,
        };
        let source = request::source(&content, &seen.row, work.detour.as_ref(), asked_at);
        let beginning = Beginning { content: &content, source, info: &info, asked_at, deadline, enough };
        let ready = self.ready(&job, seen, &beginning).await;
        let Ok(Step::Go(Ready { claimed, nonce, request })) = ready else {
            // nothing was sent, whatever it was
            self.uncount(&account, until, false).await;
            return ready.map(drop);
        };
        match request.send(&self.tiktok, &token, &content).await {
            Ok(begun) => {
                self.accepted(claimed, nonce, begun, &account).await?;
                self.repaired(work.breaker.as_ref()).await;
                Ok(())
            }
            Err(error) if error.proves_nothing_was_created() => {
                self.refused(&job, claimed, nonce, &account, (until, epoch), &error).await
            }
            Err(error) => {
                tracing::warn!(post = %job.post, error = %flows::chain(&error), "nobody knows whether TikTok created the post");
                let witness = witness(&error);
                let moved = self.moved(claimed, Event::AnswerLost { nonce }, witness).await?;
                flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
                Ok(())
            }
        }
    }

    /// Everything between TikTok's `creator_info` and the init: the checks, the attempt's own copies, the claim.
    async fn ready(&self, job: &Publish, seen: Stored<Post>, beginning: &Beginning<'_>) -> Stepped<Ready> {
        let &Beginning { content, source, info, asked_at, deadline, enough } = beginning;
        let Some((media, _)) = seen.row.state.ready() else { return Ok(Step::Done) };
        let media = media.clone();
        if let Some(failure) = checks::refuse(content, info, asked_at, media.duration_ms()) {
            self.refuse(job, seen, failure).await?;
            return Ok(Step::Done);
        }

        let nonce = self.time.nonce();
        let copies = match source {
            Source::PullFromUrl => media.attempt_keys(nonce),
            Source::FileUpload => Vec::new(),
        };
        let Some(request) = self.prepare(content, &media, source, &copies).await? else {
            self.forget(&copies).await;
            self.refuse(job, seen, checks::media_changed()).await?;
            return Ok(Step::Done);
        };

        let now = self.time.now();
        let too_late = now.duration_since(asked_at) > FRESH || deadline.duration_since(now) < enough;
        if too_late {
            self.forget(&copies).await;
            self.come_back(job, &seen, SignedDuration::ZERO).await?;
            return Ok(Step::Done);
        }
        let claim = Event::Claimed { nonce, until: deadline + self.periods.claim_margin, source };
        let Some(claimed) = self.claim(&seen, claim).await? else {
            self.forget(&copies).await;
            self.come_back(job, &seen, SignedDuration::from_secs(1)).await?;
            return Ok(Step::Done);
        };
        let now = self.time.now();
        if deadline.duration_since(now) < enough * 4 / 5 {
            // the claim took too long: nothing was sent, so it can be given back
            let then = AfterDeath::Again(now);
            let late = Event::AttemptDead { nonce, code: "claim.late".to_owned(), then };
            let moved = self.moved(claimed, late, Actor::Publish.into()).await?;
            flows::drop_copies(&self.objects, &moved).await;
            self.come_back(job, moved.post(), SignedDuration::ZERO).await?;
            return Ok(Step::Done);
        }
        Ok(Step::Go(Ready { claimed, nonce, request }))
    }

    /// A job that came early goes back; one whose post is somewhere else is done with.
    async fn is_it_time(&self, job: &Publish, seen: &Stored<Post>) -> Stepped<()> {
        let now = self.time.now();
        let at = match &seen.row.state {
            PostState::Scheduled { at, .. }
            | PostState::Queued { at, .. }
            | PostState::Held { until: Some(at), .. } => *at,
            PostState::Initiating { until, .. } | PostState::Cancelling { until, publish_id: None, .. } => {
                // somebody is inside init: touch nothing, and settle it once its claim has run out
                let check = flows::job_for(&seen.row, domain::post::Task::Settle, false);
                let delay =
                    until.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(1);
                self.queues.send(&check, delay).await.map_err(retry)?;
                return Ok(Step::Done);
            }
            PostState::Draft
            | PostState::AwaitingMedia { .. }
            | PostState::Held { until: None, .. }
            | PostState::Uploading { .. }
            | PostState::Processing { .. }
            | PostState::Cancelling { .. }
            | PostState::SentToInbox { .. }
            | PostState::Published { .. }
            | PostState::Failed { .. }
            | PostState::Cancelled { .. }
            | PostState::Unconfirmed { .. } => return Ok(Step::Done),
        };
        // never before the time that somebody chose, whoever found that it had come; our own pauses are not that exact
        let chosen = seen.row.publish_at.filter(|chosen| now < *chosen);
        let slack = match &seen.row.state {
            PostState::Scheduled { .. } => SignedDuration::ZERO,
            _ => SignedDuration::from_millis(500),
        };
        let at = chosen.map_or(at, |chosen| chosen.max(at));
        if at <= now + slack && chosen.is_none() {
            return Ok(Step::Go(()));
        }
        if flows::reserved(&seen.row).is_some_and(|start| job.ticket != Some(start)) {
            // whoever keeps a reserved time in the row sends it along, and the row wakes up besides: this is one chain too many,
            // which would reserve once more in its turn
            tracing::info!(post = %job.post, "another message bears this post's reserved time");
            return Ok(Step::Done);
        }
        self.come_back(job, seen, at.duration_since(now)).await?;
        Ok(Step::Done)
    }

    async fn token(
        &self,
        job: &Publish,
        seen: &Stored<Post>,
        account: &Account,
    ) -> Stepped<(AccessToken, u64)> {
        let now = self.time.now();
        let token = flows::open_token(&self.vault, account, &seen.row.creator, job.refused_epoch, now)
            .await
            .map_err(retry)?;
        let hold = match token {
            Token::Usable { access, epoch } => {
                return Ok(Step::Go((AccessToken::new(access.expose()), epoch)));
            }
            Token::Stale { epoch } => {
                self.refresh(job, seen, account, epoch).await?;
                return Ok(Step::Done);
            }
            Token::Gone => {
                Event::Held { until: None, why: HoldReason::ReconnectRequired, code: code_of(account) }
            }
            Token::Locked(error) => {
                tracing::error!(account = %account.id, error = %flows::chain(&error), "the access token does not open");
                let until = match error {
                    OpenError::Port(_) => self.trip(&seen.row, LOCKED).await,
                    // this account's row is broken, not the set-up: nobody else waits for it
                    OpenError::Foreign => self.fault(LOCKED).wait(&seen.row.id),
                };
                let code = Some(LOCKED.to_owned());
                Event::Held { until: Some(until), why: HoldReason::Operator, code }
            }
        };
        self.put_off(seen.clone(), hold, Actor::Publish.into()).await?;
        Ok(Step::Done)
    }

    /// Asks for a refresh of a generation that is no good, and comes back when it should be done.
    async fn refresh(
        &self,
        job: &Publish,
        seen: &Stored<Post>,
        account: &Account,
        epoch: u64,
    ) -> Result<(), Failure> {
        if job.refused_epoch != Some(epoch) {
            let refresh = Job::Refresh { account: account.id.clone(), epoch: Some(epoch) };
            self.queues.send(&refresh, SignedDuration::ZERO).await.map_err(retry)?;
        }
        let (start, now) = (start_of(&seen.row), self.time.now());
        let patience = match job.refused_epoch {
            None => REFRESH,
            Some(_) => flows::patience(start, now, REFRESH),
        };
        let delay = patience.max(start.duration_since(now));
        let job = Publish { ticket: None, refused_epoch: Some(epoch), ..job.clone() };
        self.come_back(&job, seen, delay).await
    }

    /// While the operator's set-up is at fault, one post at a time finds out whether it still is.
    async fn mind_the_breaker(&self, seen: &Stored<Post>, breaker: Option<&Breaker>) -> Stepped<()> {
        let Some(breaker) = breaker else { return Ok(Step::Go(())) };
        let now = self.time.now();
        let next = Breaker { probe_at: now + Breaker::PROBE, ..breaker.clone() };
        let until = if now < breaker.probe_at {
            breaker.wait(&seen.row.id)
        } else if self.store.take_probe(breaker, next.probe_at).await.map_err(retry)? {
            tracing::info!(post = %seen.row.id, code = breaker.code, "this post finds out whether the set-up is repaired");
            return Ok(Step::Go(()));
        } else {
            next.wait(&seen.row.id)
        };
        let code = Some(breaker.code.clone());
        let hold = Event::Held { until: Some(until), why: HoldReason::Operator, code };
        self.put_off(seen.clone(), hold, Actor::Publish.into()).await?;
        Ok(Step::Done)
    }

    fn fault(&self, code: &str) -> Breaker {
        let now = self.time.now();
        Breaker { code: code.to_owned(), since: now, probe_at: now + Breaker::PROBE }
    }

    /// Opens the breaker, and says until when this post waits. Best effort: the next post will find the same fault.
    async fn trip(&self, post: &Post, code: &str) -> Timestamp {
        let breaker = self.fault(code);
        match self.store.trip(&breaker).await {
            Ok(()) => tracing::error!(code, "no post goes out until the operator has repaired the set-up"),
            Err(error) => tracing::warn!(error = %flows::chain(&error), "the breaker was not opened"),
        }
        breaker.wait(&post.id)
    }

    /// A post went through: whatever the breaker was opened for is over.
    async fn repaired(&self, breaker: Option<&Breaker>) {
        let Some(breaker) = breaker else { return };
        match self.store.close_breaker(breaker.since).await {
            Ok(()) => tracing::info!(code = breaker.code, "the set-up works again"),
            Err(error) => tracing::warn!(error = %flows::chain(&error), "the next probe closes the breaker"),
        }
    }

    /// One open attempt per account: whoever took the slot before must be past its init. Gives the slot to take, and by when the
    /// init of the one before has come to TikTok, with the end of its claim.
    async fn slot_is_free(
        &self,
        job: &Publish,
        seen: &Stored<Post>,
        account: &Account,
        now: Timestamp,
        until: Timestamp,
    ) -> Stepped<(Slot, Option<(Timestamp, Timestamp)>)> {
        let mut ours = Slot::taken(job.post.clone(), until, account.slot.as_ref());
        // of the post itself another delivery may be on its way
        let Some(slot) = account.slot.as_ref().filter(|slot| slot.post != job.post) else {
            return Ok(Step::Go((ours, None)));
        };
        let Some(holder) = self.store.post(&slot.post, Read::Strong).await.map_err(retry)? else {
            return Ok(Step::Go((ours, None)));
        };
        // the later it is, the less often it looks whether it is its turn
        let since = job.ticket.unwrap_or(now).min(now);
        let soon = flows::patience(since, now, SignedDuration::from_secs(2));
        let state = &holder.row.state;
        if let Some(until) = state.claimed_until() {
            if now >= until {
                let settle = flows::job_for(&holder.row, domain::post::Task::Settle, false);
                self.queues.send(&settle, SignedDuration::ZERO).await.map_err(retry)?;
            }
            self.come_back(job, seen, soon).await?;
            return Ok(Step::Done);
        }
        if state.ready().is_some() && now < slot.until {
            self.come_back(job, seen, soon.min(slot.until.duration_since(now))).await?;
            return Ok(Step::Done);
        }
        if state.ready().is_some() {
            // by a clock that is slow it may be about to claim even now
            ours.doubts = self.still_in_doubt(ours.doubts).await?;
            ours.doubt(slot.post.clone());
        }
        if let Some((attempt, _)) = state.lost() {
            let deadline = attempt.claimed_at + self.periods.unconfirmed_deadline;
            if now >= deadline {
                ours.doubts = self.still_in_doubt(ours.doubts).await?;
            }
            let wait = if now < deadline {
                // the next look at the evidence may end the doubt
                let look = holder.row.next_task(now, &self.periods).map_or(deadline, |next| next.at + LOOKED);
                Some(look.min(deadline))
            } else {
                (ours.doubts.len() >= Slot::DOUBTS).then(|| now + TOO_MANY_DOUBTS)
            };
            if wait.is_some() {
                let hold = Event::Held { until: wait, why: HoldReason::UnconfirmedSibling, code: None };
                self.put_off(seen.clone(), hold, Actor::Publish.into()).await?;
                return Ok(Step::Done);
            }
            ours.doubt(slot.post.clone());
        }
        let came = holder.row.answered_at().map(|at| (slot.until, at));
        flows::index(&self.store, &self.time, holder).await.map_err(retry)?;
        Ok(Step::Go((ours, came)))
    }

    /// Where there is no room for more doubts, those whose fate nobody knows even now. What is known of the others can be found by
    /// their publish ids.
    async fn still_in_doubt(&self, doubts: Vec<PostId>) -> Result<Vec<PostId>, Failure> {
        if doubts.len() < Slot::DOUBTS {
            return Ok(doubts);
        }
        let mut open = Vec::new();
        for doubt in doubts {
            let Some(post) = self.store.post(&doubt, Read::Strong).await.map_err(retry)? else { continue };
            let post = flows::index(&self.store, &self.time, post).await.map_err(retry)?;
            if post.row.state.lost().is_some() {
                open.push(doubt);
            }
        }
        Ok(open)
    }

    /// Reserves the times of both calls and takes the slot, in one conditional write. A job whose time is still to come
    /// goes back with it as its ticket, and does not contend again; one whose ticket comes late has its place still. What
    /// counts in the end is what has begun, and by when TikTok has it: whoever had the slot before knows, or nobody does.
    async fn reserve(
        &self,
        job: &Publish,
        seen: &Stored<Post>,
        mut account: Account,
        until: Timestamp,
    ) -> Stepped<Account> {
        for _ in 0..TRIES {
            let now = self.time.now();
            if let Some(free_at) = account.limits.day.free_at(now) {
                let why = HoldReason::CreatorDailyCap;
                let hold = Event::Held { until: Some(free_at), why, code: Some("day.full".to_owned()) };
                self.put_off(seen.clone(), hold, Actor::Publish.into()).await?;
                return Ok(Step::Done);
            }
            let mut limits = account.limits.clone();
            let ticket = job.ticket.filter(|time| *time <= now || limits.gave(*time));
            let start = ticket.unwrap_or_else(|| limits.reserve_publish(now));
            let mut begun = if start > now { Err(start) } else { limits.clone().begin(now, until) };
            if let (Err(later), Some(_)) = (begun, ticket) {
                self.wait_for(job, seen, later).await?;
                return Ok(Step::Done);
            }
            let taken = if begun.is_ok() {
                limits.day.count(now);
                let (slot, before) = go_on!(self.slot_is_free(job, seen, &account, now, until).await);
                if let Some((until, at)) = before {
                    limits.came(until, at);
                }
                begun = limits.begin(now, until);
                Some(slot)
            } else {
                account.slot.clone()
            };
            let saved = self
                .store
                .save_limits(&account.id, account.limits_version, &limits, taken.as_ref(), self.time.nonce())
                .await
                .map_err(retry)?;
            match (saved, begun) {
                (Some(limits_version), Ok(())) => {
                    return Ok(Step::Go(Account { limits, limits_version, slot: taken, ..account }));
                }
                (Some(_), Err(later)) => {
                    self.wait_for(job, seen, later).await?;
                    return Ok(Step::Done);
                }
                (None, _) => match self.store.account(&account.id, Read::Strong).await.map_err(retry)? {
                    Some(newer) => account = newer,
                    None => return Err(Failure::give_up(format!("account `{}` is gone", account.id))),
                },
            }
        }
        self.come_back(job, seen, SignedDuration::from_secs(1)).await?;
        Ok(Step::Done)
    }

    /// The attempt that was just begun does not count towards the creator's day, and nothing of it is under way any more; with
    /// `full`, TikTok takes no more today. Gives when it takes another one. Best effort: what is not written is learned again.
    async fn uncount(&self, account: &Account, until: Timestamp, full: bool) -> (Account, Timestamp) {
        let now = self.time.now();
        let mut account = account.clone();
        let mut limits = account.limits.clone();
        limits.came(until, now);
        let free_at = if full {
            limits.day.refused(now)
        } else {
            limits.day.uncount();
            None
        };
        // even before a cap is known: it is learned from the count
        let (slot, version) = (account.slot.as_ref(), account.limits_version);
        match self.store.save_limits(&account.id, version, &limits, slot, self.time.nonce()).await {
            Ok(Some(limits_version)) => account = Account { limits, limits_version, ..account },
            Ok(None) | Err(_) => {
                tracing::warn!(account = %account.id, "what was learned of the creator's day was not written");
            }
        }
        (account, free_at.unwrap_or(now + fate::CAP))
    }

    /// A reserved time that is far off, or that the row's watchdog would overtake, is kept in the row, whose own wake-up then
    /// brings it back as a ticket: the watchdog knows nothing of a message's ticket and would reserve again, for ever if it
    /// comes more often than the limits allow a call.
    async fn wait_for(&self, job: &Publish, seen: &Stored<Post>, start: Timestamp) -> Result<(), Failure> {
        let now = self.time.now();
        let overtaken = flows::wakes_sooner(&seen.row, now, start.duration_since(now));
        if start < now + self.periods.sweep_from && !overtaken {
            let job = Publish { ticket: Some(start), ..job.clone() };
            return self.come_back(&job, seen, start.duration_since(now)).await;
        }
        let hold = Event::Held { until: Some(start), why: HoldReason::RateLimited, code: None };
        self.put_off(seen.clone(), hold, Actor::Publish.into()).await
    }

    /// Writes the claim, once. `None`: the post is not what was read any more.
    async fn claim(&self, seen: &Stored<Post>, claim: Event) -> Result<Option<Stored<Post>>, Failure> {
        use domain::Outcome;
        let now = self.time.now();
        let outcome = seen.row.apply(claim, Actor::Publish, now, &self.periods).map_err(retry)?;
        let Outcome::Moved(post) = outcome else { return Ok(None) };
        let nonce = self.time.nonce();
        let saved = match self.store.save(seen, &post, None, nonce).await {
            Ok(saved) => saved,
            // it may be written, and nobody else would dare to go on with it: the same nonce finds out
            Err(_) => self.store.save(seen, &post, None, nonce).await.map_err(retry)?,
        };
        match saved {
            ports::Saved::Written(claimed) => Ok(Some(claimed)),
            ports::Saved::Conflict(_) => Ok(None),
        }
    }

    /// TikTok took the post: its id is stored before anything else, however late we are.
    async fn accepted(
        &self,
        claimed: Stored<Post>,
        nonce: Nonce,
        begun: Begun,
        account: &Account,
    ) -> Result<(), Failure> {
        let publish_id = PublishId(begun.publish_id);
        let event = match begun.upload_url {
            None => Event::InitAccepted { nonce, publish_id: publish_id.clone() },
            Some(url) => match self.seal(&url, &claimed.row, account).await {
                Ok(url) => Event::UploadOpened { nonce, publish_id: publish_id.clone(), url },
                Err(error) => {
                    tracing::warn!(post = %claimed.row.id, error = %flows::chain(&error), "an upload is given up before its first byte");
                    self.orphaned(&claimed.row.id, &publish_id).await;
                    let lost = Event::AnswerLost { nonce };
                    let moved = self.moved(claimed, lost, Actor::Publish.into()).await?;
                    flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
                    return Ok(());
                }
            },
        };
        let (opens, id) = (matches!(event, Event::UploadOpened { .. }), claimed.row.id.clone());
        let moved = match self.moved(claimed.clone(), event.clone(), Actor::Publish.into()).await {
            Ok(moved) => moved,
            // the claim was over, and without a byte its attempt is dead: the id is nobody's, and is known as that
            Err(Failure::GiveUp(_)) if opens => {
                self.orphaned(&id, &publish_id).await;
                return Ok(());
            }
            // the table may have failed for a moment: the id is worth a second round of the SDK's attempts
            Err(_) => self.moved(claimed, event, Actor::Publish.into()).await.inspect_err(|_| {
                tracing::error!(publish_id = publish_id.0, "TikTok's publish id could not be stored");
            })?,
        };
        let post = &moved.post().row;
        let now = self.time.now();
        if let Err(error) = self.store.remember(&publish_id, &post.id, now).await {
            tracing::warn!(post = %post.id, error = %flows::chain(&error), "webhooks will not find this post, checks will");
        }
        flows::dispatch(&self.queues, post, now, &self.periods).await;
        Ok(())
    }

    async fn seal(
        &self,
        url: &tiktok::UploadUrl,
        claimed: &Post,
        account: &Account,
    ) -> ports::PortResult<Sealed> {
        let generation = claimed.state.attempt().map(Attempt::generation).unwrap_or_default();
        let binding = account.binding(TokenField::UploadUrl, generation);
        self.vault.seal(&Plaintext::new(url.expose().to_owned()), &binding).await
    }

    /// An id that TikTok gave to an upload which nobody begins. Best effort: it is a file's, and no other attempt is taken for it.
    async fn orphaned(&self, post: &PostId, publish_id: &PublishId) {
        if let Err(error) = self.store.remember(publish_id, post, self.time.now()).await {
            tracing::warn!(%post, error = %flows::chain(&error), "the id of an upload that nobody begins was not written down");
        }
    }

    /// What an answer shows of the app, for `GET /v1/app-status`. Nothing depends on it.
    async fn learn_from(&self, account: &Account, error: &tiktok::Error) {
        let Some(sighting) = error.code().and_then(Sighting::of_code) else { return };
        if let Err(error) = self.store.saw(&account.client_key, sighting, self.time.now()).await {
            tracing::warn!(error = %flows::chain(&error), "what TikTok's answer shows of the app was not written");
        }
    }

    /// TikTok refused the attempt in words that mean nothing was created, or never heard of it.
    async fn refused(
        &self,
        job: &Publish,
        claimed: Stored<Post>,
        nonce: Nonce,
        account: &Account,
        (until, epoch): (Timestamp, u64),
        error: &tiktok::Error,
    ) -> Result<(), Failure> {
        let now = self.time.now();
        let fate =
            fate::of(error, now, flows::patience(claimed.row.created_at, now, fate::SHORT), self.jitter());
        let code = fate::code(error);
        let (account, full_until) = self.uncount(account, until, matches!(fate, Fate::DayFull)).await;
        let account = &account;
        let then = match &fate {
            // one refresh, one more init; a new token that is refused as well is no matter of seconds
            Fate::Refresh if refused_before(&claimed.row, &code) => {
                AfterDeath::Again(now + flows::patience(claimed.row.created_at, now, REFUSED_AGAIN))
            }
            Fate::Refresh => AfterDeath::Again(now),
            Fate::Again(at) | Fate::Rest(at) => AfterDeath::Again(*at),
            Fate::Hold { until, why } => AfterDeath::Hold { until: *until, why: *why },
            Fate::DayFull => AfterDeath::Hold { until: Some(full_until), why: HoldReason::CreatorDailyCap },
            Fate::Trip => {
                let until = Some(self.trip(&claimed.row, &code).await);
                AfterDeath::Hold { until, why: HoldReason::Operator }
            }
            Fate::Fail(failure) => AfterDeath::Fail(failure.clone()),
        };
        let moved = self.moved(claimed, Event::AttemptDead { nonce, code, then }, witness(error)).await?;
        self.learn_from(account, error).await;
        flows::drop_copies(&self.objects, &moved).await;
        match fate {
            Fate::Refresh => self.refresh(job, moved.post(), account, epoch).await,
            Fate::Rest(_) => {
                flows::rest(&self.store, &self.time, account, self.jitter()).await;
                flows::dispatch(&self.queues, &moved.post().row, now, &self.periods).await;
                Ok(())
            }
            Fate::Again(_) | Fate::Hold { .. } | Fate::DayFull | Fate::Trip | Fate::Fail(_) => {
                flows::dispatch(&self.queues, &moved.post().row, now, &self.periods).await;
                Ok(())
            }
        }
    }

    /// `creator_info` was refused or failed: no attempt is open, nothing is spent but the call.
    async fn not_now(
        &self,
        job: &Publish,
        seen: Stored<Post>,
        account: &Account,
        until: Timestamp,
        epoch: u64,
        error: &tiktok::Error,
    ) -> Result<(), Failure> {
        self.learn_from(account, error).await;
        let now = self.time.now();
        let patience = flows::patience(start_of(&seen.row), now, fate::SHORT);
        let fate = fate::of(error, now, patience, self.jitter());
        let (account, full_until) = self.uncount(account, until, matches!(fate, Fate::DayFull)).await;
        let account = &account;
        let held = |until, why| Event::Held { until, why, code: Some(fate::code(error)) };
        let event = match fate {
            Fate::Refresh => return self.refresh(job, &seen, account, epoch).await,
            Fate::Again(at) => return self.come_back(job, &seen, at.duration_since(now)).await,
            Fate::Rest(at) => {
                flows::rest(&self.store, &self.time, account, self.jitter()).await;
                return self.come_back(job, &seen, at.duration_since(now)).await;
            }
            Fate::Hold { until, why } => held(until, why),
            Fate::DayFull => held(Some(full_until), HoldReason::CreatorDailyCap),
            Fate::Trip => held(Some(self.trip(&seen.row, &fate::code(error)).await), HoldReason::Operator),
            Fate::Fail(failure) => Event::Refused(failure),
        };
        self.put_off(seen, event, witness(error)).await
    }

    /// Holds or fails a post that has no open attempt. Another delivery may have brought it further meanwhile: then that
    /// one's word counts.
    /// What was seen cannot be published. What somebody has edited meanwhile is judged anew.
    async fn refuse(
        &self,
        job: &Publish,
        seen: Stored<Post>,
        failure: domain::post::Failure,
    ) -> Result<(), Failure> {
        let (refused, witness) = (Event::Refused(failure), Actor::Publish.into());
        match flows::move_seen(&self.store, &self.time, &self.periods, seen, &refused, &witness).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(newer)) => self.come_back(job, &newer, SignedDuration::from_secs(1)).await,
            Err(error) => Err(retry(error)),
        }
    }

    async fn put_off(&self, seen: Stored<Post>, event: Event, witness: Witness) -> Result<(), Failure> {
        match flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &witness).await {
            Ok(moved) => {
                flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
                Ok(())
            }
            Err(MoveError::Invalid(overtaken)) => {
                tracing::info!(reason = %overtaken, "another delivery was faster");
                Ok(())
            }
            Err(error) => Err(retry(error)),
        }
    }

    async fn moved(&self, seen: Stored<Post>, event: Event, witness: Witness) -> Result<Moved, Failure> {
        match flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &witness).await {
            Ok(moved) => Ok(moved),
            Err(MoveError::Invalid(invalid)) => Err(Failure::give_up(invalid)),
            Err(error) => Err(retry(error)),
        }
    }

    /// Waiting is not failing: the job goes back as a new message, unless the row wakes up by itself before.
    async fn come_back(
        &self,
        job: &Publish,
        seen: &Stored<Post>,
        delay: SignedDuration,
    ) -> Result<(), Failure> {
        if flows::wakes_sooner(&seen.row, self.time.now(), delay) {
            return Ok(());
        }
        self.queues.send(&Job::Publish(job.clone()), delay).await.map_err(retry)
    }

    async fn forget(&self, copies: &[String]) {
        for key in copies {
            if let Err(error) = self.objects.delete_copy(key).await {
                tracing::warn!(error = %flows::chain(&error), "copy stays until its lifecycle rule");
            }
        }
    }

    fn jitter(&self) -> SignedDuration {
        SignedDuration::from_millis(i64::from(self.time.random()[0]) * 20)
    }
}

/// When the next attempt was to start: trouble lasts since then.
fn start_of(post: &Post) -> Timestamp {
    match post.state {
        PostState::Scheduled { at, .. }
        | PostState::Queued { at, .. }
        | PostState::Held { until: Some(at), .. } => at,
        _ => post.updated_at,
    }
}

/// Whether TikTok has refused an attempt at this post with this code already.
fn refused_before(post: &Post, code: &str) -> bool {
    post.timeline
        .entries()
        .iter()
        .any(|entry| entry.what == What::InitRefused && entry.code.as_deref() == Some(code))
}

fn code_of(account: &Account) -> Option<String> {
    match &account.status {
        AccountStatus::ReconnectRequired { code, .. } => Some(code.clone()),
        AccountStatus::Connected | AccountStatus::Disconnected => None,
    }
}

fn witness(error: &tiktok::Error) -> Witness {
    Witness { by: Actor::Publish, log_id: error.log_id().map(str::to_owned) }
}
