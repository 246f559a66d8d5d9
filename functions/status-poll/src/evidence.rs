//! What became of an attempt whose answer was lost. Evidence, not guesses: whatever leaves two readings is left to a person.

use std::collections::BTreeSet;

use domain::account::Slot;
use domain::job::{Check, Heard};
use domain::post::{AfterDeath, Event, NOBODY_FETCHED, PostState};
use domain::timeline::Actor;
use domain::{Account, Content, Job, Post, PostId, SignedDuration, Timestamp};
use flows::{MoveError, Reserved, Token};
use lambda_kit::batch::Failure;
use ports::{Accounts, AppRows, Clock, Entropy, FetchLog, Objects, Posts, Queues, Read, Stored, Vault};
use tiktok::{AccessToken, Exchange, Remedy, Video};

use crate::check::{StatusPoll, retry, verdict};
use flows::chain;

/// What TikTok says to have happened before the claim, by more than clocks differ, is about something else.
const CLOCKS: SignedDuration = SignedDuration::from_mins(2);
/// The publish ids of direct posts that are pulled begin like this.
const PULLED: [&str; 2] = ["v_pub_url~", "p_pub_url~"];
/// An event that cannot be explained by then never will be.
const HEARD_FOR: SignedDuration = SignedDuration::from_hours(2);
/// TikTok shows at most this much of a caption among the creator's videos.
const SHOWN: usize = 150;
const VIDEO_LIST: &str = "video.list";
const PAGE: u8 = 20;

impl<S, O, Q, V, E, T> StatusPoll<S, O, Q, V, E, T>
where
    S: Posts + Accounts + AppRows,
    O: Objects + FetchLog,
    Q: Queues,
    V: Vault,
    E: Exchange,
    T: Clock + Entropy,
{
    /// Looks at everything that could show what became of an attempt that has no publish id.
    pub(crate) async fn look_for_evidence(
        &self,
        job: &Check,
        seen: Stored<Post>,
        account: Account,
        by: Actor,
    ) -> Result<(), Failure> {
        let Some(seen) = self.look_at_the_log(seen, by).await? else { return Ok(()) };
        let Some(seen) = self.look_at_the_videos(job, seen, account, by).await? else { return Ok(()) };
        self.later(seen, by).await
    }

    /// The log of who asked for the attempt's copy. If nobody has for a while, the copy is taken away; if the log is complete
    /// beyond that moment and still shows nobody, TikTok never had the video, and never will. `None`: the post moved.
    async fn look_at_the_log(&self, seen: Stored<Post>, by: Actor) -> Result<Option<Stored<Post>>, Failure> {
        let PostState::Unconfirmed { media, attempt, doubt, .. } = &seen.row.state else {
            return Ok(Some(seen));
        };
        // the log's end first: what it shows afterwards is at least that
        let Some(complete_until) = self.objects.complete_until().await.map_err(retry)? else {
            return Ok(Some(seen));
        };
        let (keys, nonce) = (media.attempt_keys(attempt.nonce), attempt.nonce);
        for key in &keys {
            if self.objects.was_asked_for(key, attempt.claimed_at).await.map_err(retry)? {
                return Ok(Some(seen));
            }
        }
        let now = self.time.now();
        let event = match doubt.fenced_at {
            // a late log shows late that TikTok is at it: nothing is taken from under its hands
            None if doubt.cancel || complete_until >= attempt.claimed_at + self.periods.fence_wait => {
                let mut at = attempt.claimed_at;
                for key in &keys {
                    at = at.max(self.objects.fence(key).await.map_err(retry)?);
                }
                Event::Fenced { nonce, at }
            }
            Some(fenced_at) if fenced_at < complete_until => {
                let then = AfterDeath::Again(now);
                Event::AttemptDead { nonce, code: NOBODY_FETCHED.to_owned(), then }
            }
            None | Some(_) => return Ok(Some(seen)),
        };
        self.give_up(seen, event, by).await?;
        Ok(None)
    }

    /// The creator's public videos, if we may see them. `None`: the post moved, or the question is put off.
    async fn look_at_the_videos(
        &self,
        job: &Check,
        seen: Stored<Post>,
        account: Account,
        by: Actor,
    ) -> Result<Option<Stored<Post>>, Failure> {
        let PostState::Unconfirmed { media, attempt, .. } = &seen.row.state else { return Ok(Some(seen)) };
        // photos are not told apart by how long they are, and may not be listed at all
        let Some(duration_ms) = media.duration_ms() else { return Ok(Some(seen)) };
        let attempt = attempt.clone();
        let granted =
            account.tokens.as_ref().is_some_and(|tokens| tokens.scopes.iter().any(|it| it == VIDEO_LIST));
        // as long as it has the slot, nobody else of this account has begun anything since
        let slot = account.slot.clone().filter(|slot| slot.post == seen.row.id);
        let (true, true, Some(slot)) = (granted, seen.row.is_public(), slot) else { return Ok(Some(seen)) };
        let now = self.time.now();
        let token = flows::open_token(&self.vault, &account, &seen.row.creator, job.refused_epoch, now);
        let (access, epoch) = match token.await.map_err(retry)? {
            Token::Usable { access, epoch } => (access, epoch),
            Token::Stale { epoch } => {
                self.refresh(job, seen, &account, epoch, by).await?;
                return Ok(None);
            }
            Token::Gone | Token::Locked(_) => return Ok(Some(seen)),
        };
        let page = match self.tiktok.list_videos(&AccessToken::new(access.expose()), None, PAGE).await {
            Ok(page) => page,
            Err(error) if error.remedy() == Remedy::RefreshToken => {
                self.refresh(job, seen, &account, epoch, by).await?;
                return Ok(None);
            }
            Err(error) => {
                tracing::warn!(post = %job.post, error = %chain(&error), "TikTok does not list the creator's videos");
                return Ok(Some(seen));
            }
        };
        let Some(content) = self.store.content(&seen.row.id, &seen.row.content).await.map_err(retry)? else {
            return Ok(Some(seen));
        };
        let since = (attempt.claimed_at - CLOCKS).as_second();
        let oldest = page.videos.iter().map(|video| video.create_time).min();
        if page.has_more && oldest.is_none_or(|oldest| oldest >= since) {
            tracing::info!(post = %job.post, "too many videos to tell which one is this post");
            return Ok(Some(seen));
        }
        let alike: Vec<&Video> = page
            .videos
            .iter()
            .filter(|video| video.create_time >= since && looks_like(video, &content, duration_ms))
            .collect();
        let [video] = alike.as_slice() else { return Ok(Some(seen)) };
        if self.may_be_anothers(&slot, video, duration_ms).await? {
            return Ok(Some(seen));
        }
        self.give_up(seen, Event::Found { nonce: attempt.nonce, post_id: video.id }, by).await?;
        Ok(None)
    }

    /// Whether a video may be that of a post that had the slot before, lately or with its fate still unknown.
    async fn may_be_anothers(&self, slot: &Slot, video: &Video, duration_ms: u64) -> Result<bool, Failure> {
        for id in slot.recent.iter().chain(&slot.doubts) {
            let Some(other) = self.store.post(id, Read::Strong).await.map_err(retry)? else { continue };
            match &other.row.state {
                PostState::Published { post_ids, .. } if post_ids.contains(&video.id) => return Ok(true),
                PostState::Published { post_ids, .. } if !post_ids.is_empty() => continue,
                PostState::Draft
                | PostState::AwaitingMedia { .. }
                | PostState::Scheduled { .. }
                | PostState::Queued { .. }
                | PostState::Held { .. }
                | PostState::Failed { .. }
                | PostState::Cancelled { .. } => continue,
                PostState::Initiating { .. }
                | PostState::Uploading { .. }
                | PostState::Processing { .. }
                | PostState::Cancelling { .. }
                | PostState::SentToInbox { .. }
                | PostState::Published { .. }
                | PostState::Unconfirmed { .. } => {}
            }
            let content = self.store.content(id, &other.row.content).await.map_err(retry)?;
            if content.is_none_or(|content| looks_like(video, &content, duration_ms)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// TikTok spoke of a publish id that was not known: it is adopted if it can be that of one attempt in doubt alone, and
    /// TikTok confirms it to the creator's own token.
    pub async fn heard(&self, job: Heard) -> Result<(), Failure> {
        let now = self.time.now();
        if let Some(post) = self.store.whose(&job.publish_id).await.map_err(retry)? {
            return self.explained(&job, &post).await;
        }
        let Some(account) = self.store.account(&job.account, Read::Strong).await.map_err(retry)? else {
            return Ok(());
        };
        let Some(slot) = &account.slot else { return Ok(()) };
        let (mut lost, mut others) = (Vec::new(), 0);
        let in_time = |claimed_at: Timestamp| claimed_at - CLOCKS <= job.at;
        let had_it: BTreeSet<_> =
            std::iter::once(&slot.post).chain(&slot.doubts).chain(&slot.recent).collect();
        for id in had_it {
            let Some(post) = self.store.post(id, Read::Strong).await.map_err(retry)? else { continue };
            if let Some(until) = post.row.state.claimed_until() {
                // its claimer may still say that the id is its own
                let delay =
                    until.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(5);
                return self.hear_again(job, delay).await;
            }
            let post = flows::index(&self.store, &self.time, post).await.map_err(retry)?;
            if post.row.state.publish_id() == Some(&job.publish_id) {
                return self.explained(&job, id).await;
            }
            // TikTok has long ended what is older
            let lately = |claimed_at: &Timestamp| *claimed_at + self.periods.post_deadline >= job.at;
            others += post.row.nameless().iter().filter(|at| in_time(**at) && lately(at)).count();
            if post.row.state.lost().is_some_and(|(attempt, _)| in_time(attempt.claimed_at)) {
                lost.push(post);
            }
        }
        let fits = PULLED.iter().any(|prefix| job.publish_id.0.starts_with(prefix));
        let candidates = lost.len() + others;
        let (true, 1, Some(seen)) = (fits, candidates, lost.pop()) else {
            tracing::warn!(
                account = %job.account, publish_id = job.publish_id.0, candidates,
                "nothing shows whose publish id this is"
            );
            return Ok(());
        };
        let token = flows::open_token(&self.vault, &account, &seen.row.creator, job.refused_epoch, now);
        let (access, epoch) = match token.await.map_err(retry)? {
            Token::Usable { access, epoch } => (access, epoch),
            Token::Stale { epoch } => return self.hear_after_refresh(job, epoch).await,
            Token::Gone | Token::Locked(_) => {
                return self.hear_again(job, SignedDuration::from_mins(5)).await;
            }
        };
        let account = match self.reserve(account).await? {
            Reserved::Since(_, account) => account,
            Reserved::In(delay) => return self.hear_in(job, delay).await,
            Reserved::Gone => return Ok(()),
        };
        match self.tiktok.fetch_status(&AccessToken::new(access.expose()), &job.publish_id.0).await {
            Ok(report) => self.adopt(&job, seen, report).await,
            Err(error) => match error.remedy() {
                Remedy::RefreshToken => self.hear_after_refresh(job, epoch).await,
                Remedy::WaitAndRetry { min } => {
                    let least = self.told_to_wait(&account, min).await;
                    self.hear_again(job, least).await
                }
                Remedy::FixRequest | Remedy::ChangeContent | Remedy::ChooseAgain => {
                    tracing::warn!(publish_id = job.publish_id.0, error = %chain(&error), "TikTok does not confirm the publish id");
                    Ok(())
                }
                _ => self.hear_again(job, SignedDuration::from_secs(30)).await,
            },
        }
    }

    /// The id is a post's, whose row said so first. If the row does not any more, it is that of an attempt which is behind it, and
    /// says nothing of any other.
    async fn explained(&self, job: &Heard, post: &PostId) -> Result<(), Failure> {
        let Some(seen) = self.store.post(post, Read::Strong).await.map_err(retry)? else { return Ok(()) };
        if seen.row.state.publish_id() != Some(&job.publish_id) {
            return Ok(());
        }
        let check = flows::job_for(&seen.row, domain::post::Task::Check, false);
        self.queues.send(&check, SignedDuration::ZERO).await.map_err(retry)
    }

    /// The row first and the index after it, as with an id that init gave: an id that is indexed is never adopted again.
    async fn adopt(
        &self,
        job: &Heard,
        seen: Stored<Post>,
        report: tiktok::StatusReport,
    ) -> Result<(), Failure> {
        let Some((attempt, _)) = seen.row.state.lost() else { return Ok(()) };
        let publish_id = job.publish_id.clone();
        let adopted = Event::Adopted { nonce: attempt.nonce, publish_id: publish_id.clone() };
        let by = Actor::Webhook.into();
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &adopted, &by).await;
        let post = match moved {
            Ok(moved) => moved.post().clone(),
            Err(MoveError::Invalid(overtaken)) => {
                tracing::info!(reason = %overtaken, "somebody was faster");
                return Ok(());
            }
            Err(error) => return Err(retry(error)),
        };
        let post = flows::index(&self.store, &self.time, post).await.map_err(retry)?;
        let said = Event::Said { publish_id, verdict: verdict(report) };
        self.give_up(post, said, Actor::Webhook).await
    }

    async fn hear_after_refresh(&self, job: Heard, epoch: u64) -> Result<(), Failure> {
        if job.refused_epoch != Some(epoch) {
            let refresh = Job::Refresh { account: job.account.clone(), epoch: Some(epoch) };
            self.queues.send(&refresh, SignedDuration::ZERO).await.map_err(retry)?;
        }
        let job = Heard { refused_epoch: Some(epoch), ..job };
        self.hear_again(job, SignedDuration::from_secs(5)).await
    }

    /// Asks again when some time has passed, the longer ago the event is.
    async fn hear_again(&self, job: Heard, least: SignedDuration) -> Result<(), Failure> {
        let patience = flows::patience(job.heard_at, self.time.now(), SignedDuration::from_secs(1));
        self.hear_in(job, least.max(patience)).await
    }

    async fn hear_in(&self, job: Heard, delay: SignedDuration) -> Result<(), Failure> {
        if self.time.now() > job.heard_at + HEARD_FOR {
            tracing::warn!(account = %job.account, publish_id = job.publish_id.0, "this publish id is never explained");
            return Ok(());
        }
        self.queues.send(&Job::Heard(job), delay).await.map_err(retry)
    }
}

/// Whether a public video could be what this content was published as.
fn looks_like(video: &Video, content: &Content, duration_ms: u64) -> bool {
    let caption: String = content.caption.as_str().trim().chars().take(SHOWN).collect();
    let shown: String = video.description.trim().chars().take(SHOWN).collect();
    let millis = u64::from(video.duration.unwrap_or_default()) * 1_000;
    caption == shown && video.duration.is_none_or(|_| millis.abs_diff(duration_ms) <= 1_500)
}
