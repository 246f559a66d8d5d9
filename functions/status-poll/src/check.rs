//! One question to TikTok about one post.

use domain::account::AccountStatus;
use domain::job::{Check, Release};
use domain::limits::on_time;
use domain::post::{Event, HoldReason, PostState, PublishId, Source, UPLOAD_EXPIRED, Verdict, Witness};
use domain::timeline::Actor;
use domain::{Account, Job, Periods, Post, SignedDuration, Timestamp};
use flows::{MoveError, Moved, Reserved, Token};
use lambda_kit::batch::Failure;
use ports::{
    Accounts, AppRows, Clock, Entropy, FetchLog, Objects, Posts, Queues, Read, Saved, Stored, Vault,
};
use tiktok::{AccessToken, Exchange, PublishStatus, Remedy, StatusReport};

use flows::chain;

/// What the status queue's side of this function may touch.
pub struct StatusPoll<S, O, Q, V, E, T> {
    /// Posts and accounts.
    pub store: S,
    /// Copies that are needed no more.
    pub objects: O,
    /// The next question, refreshes, new attempts.
    pub queues: Q,
    /// Opens access tokens.
    pub vault: V,
    /// TikTok.
    pub tiktok: tiktok::Client<E>,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}

/// A refresh takes about this long.
const REFRESH: SignedDuration = SignedDuration::from_secs(2);
/// Others may change the account's limits at the same moment this often before the question is put off.
const TRIES: u32 = 3;
/// TikTok takes about this long to stop a download.
const STOPPING: SignedDuration = SignedDuration::from_secs(15);
/// Posts looked at by one message.
const PAGE: u32 = 100;
/// Whoever is told to wait this long has broken a limit.
const A_MINUTE: SignedDuration = SignedDuration::from_mins(1);

pub(crate) fn retry(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::retry(error)
}

impl<S, O, Q, V, E, T> StatusPoll<S, O, Q, V, E, T>
where
    S: Posts + Accounts + AppRows,
    O: Objects + FetchLog,
    Q: Queues,
    V: Vault,
    E: Exchange,
    T: Clock + Entropy,
{
    /// Handles one job of the status queue.
    pub async fn check(&self, job: Check) -> Result<(), Failure> {
        // a stale read asks once too often at worst: every write is conditional
        let work = self.store.work(&job.post, None, &job.account, Read::Eventual).await.map_err(retry)?;
        let Some(seen) = work.post else {
            tracing::warn!(post = %job.post, "no such post");
            return Ok(());
        };
        let by = if job.swept { Actor::Sweep } else { Actor::Check };
        if let Some(until) = seen.row.state.claimed_until() {
            return self.settle(&job, seen, until, by).await;
        }
        if !wants_an_answer(&seen.row) {
            return Ok(());
        }
        let Some(account) = work.account else {
            return Err(Failure::give_up(format!("post `{}` lacks its account", job.post)));
        };
        if seen.row.state.lost().is_some() {
            return self.look_for_evidence(&job, seen, account, by).await;
        }
        let seen = flows::index(&self.store, &self.time, seen).await.map_err(retry)?;
        let Some(publish_id) = seen.row.state.publish_id().cloned() else { return Ok(()) };
        let now = self.time.now();
        let token = flows::open_token(&self.vault, &account, &seen.row.creator, job.refused_epoch, now);
        match token.await.map_err(retry)? {
            Token::Usable { access, epoch } => {
                let (start, mut account) = match self.reserve(account).await? {
                    Reserved::Since(start, account) => (start, account),
                    Reserved::In(delay) => return self.come_back(&job, &seen, delay).await,
                    Reserved::Gone => return Ok(()),
                };
                let token = AccessToken::new(access.expose());
                let stopped = match &seen.row.state {
                    PostState::Cancelling { .. } => Some(self.tiktok.cancel(&token, &publish_id.0).await),
                    _ => None,
                };
                // TikTok may have taken its time to stop: a call that would come late is reserved again
                if !on_time(start, self.time.now()) {
                    account = match self.reserve(*account).await? {
                        Reserved::Since(_, account) => account,
                        Reserved::In(delay) => {
                            return self.come_back(&job, &seen, delay.max(STOPPING)).await;
                        }
                        Reserved::Gone => return Ok(()),
                    };
                }
                let answer = self.tiktok.fetch_status(&token, &publish_id.0).await;
                self.answered(&job, seen, &account, epoch, publish_id, stopped, answer, by).await
            }
            Token::Stale { epoch } => self.refresh(&job, seen, &account, epoch, by).await,
            // only TikTok's webhooks can tell now; look again at the next rung
            Token::Gone => self.later(seen, by).await,
            Token::Locked(error) => {
                tracing::error!(account = %account.id, error = %chain(&error), "the access token does not open");
                self.later(seen, by).await
            }
        }
    }

    /// Settles a claim that ran out: whether its claimer was inside init, nobody knows.
    async fn settle(
        &self,
        job: &Check,
        seen: Stored<Post>,
        until: Timestamp,
        by: Actor,
    ) -> Result<(), Failure> {
        let now = self.time.now();
        if now < until {
            let delay = until.duration_since(now) + SignedDuration::from_secs(1);
            return self.come_back(job, &seen, delay).await;
        }
        let (PostState::Initiating { attempt, .. } | PostState::Cancelling { attempt, .. }) = &seen.row.state
        else {
            return Ok(());
        };
        let lost = Event::AnswerLost { nonce: attempt.nonce };
        self.give_up(seen, lost, by).await
    }

    /// Lets a creator's posts go on that were held because it had to connect again, a page at a time. Wants the account to be
    /// connected by then: a connection that was begun and never written releases nothing.
    pub async fn release(&self, job: Release) -> Result<(), Failure> {
        let account = self.store.account(&job.account, Read::Strong).await.map_err(retry)?;
        let connected =
            |account: &Account| account.status == AccountStatus::Connected && account.is_of(&job.creator);
        if !account.as_ref().is_some_and(connected) {
            return Ok(());
        }
        let page = self.store.list(&job.workspace, job.cursor.as_deref(), PAGE).await.map_err(retry)?;
        let waits = |post: &Post| {
            let held = matches!(post.state, PostState::Held { why: HoldReason::ReconnectRequired, .. });
            held && post.creator == job.creator
        };
        for post in page.rows.iter().filter(|post| waits(post)) {
            let Some(seen) = self.store.post(&post.id, Read::Strong).await.map_err(retry)? else { continue };
            if !waits(&seen.row) {
                continue;
            }
            let by = Actor::Api.into();
            let moved =
                flows::move_post(&self.store, &self.time, &self.periods, seen, &Event::Released, &by).await;
            match moved {
                Ok(moved) => {
                    let post = &moved.post().row;
                    flows::dispatch(&self.queues, post, self.time.now(), &self.periods).await;
                }
                Err(MoveError::Invalid(overtaken)) => {
                    tracing::info!(reason = %overtaken, "somebody was faster");
                }
                Err(error) => return Err(retry(error)),
            }
        }
        match page.next_cursor {
            Some(cursor) => {
                let next = Job::Release(Release { cursor: Some(cursor), ..job });
                self.queues.send(&next, SignedDuration::ZERO).await.map_err(retry)
            }
            None => Ok(()),
        }
    }

    pub(crate) async fn reserve(&self, account: Account) -> Result<Reserved, Failure> {
        flows::reserve_status(&self.store, &self.time, account).await.map_err(retry)
    }

    /// TikTok wants the account to wait. Whoever has broken a limit rests.
    pub(crate) async fn told_to_wait(&self, account: &Account, min: std::time::Duration) -> SignedDuration {
        let least = SignedDuration::try_from(min).unwrap_or(SignedDuration::from_secs(30));
        if least >= A_MINUTE {
            let jitter = SignedDuration::from_millis(i64::from(self.time.random()[0]) * 20);
            flows::rest(&self.store, &self.time, account, jitter).await;
        }
        least
    }

    #[expect(clippy::too_many_arguments, reason = "everything the answer has to be read with")]
    async fn answered(
        &self,
        job: &Check,
        seen: Stored<Post>,
        account: &Account,
        epoch: u64,
        publish_id: PublishId,
        stopped: Option<Result<(), tiktok::Error>>,
        answer: Result<StatusReport, tiktok::Error>,
        by: Actor,
    ) -> Result<(), Failure> {
        let report = match answer {
            Ok(report) => report,
            Err(error) => {
                return match error.remedy() {
                    Remedy::RefreshToken => self.refresh(job, seen, account, epoch, by).await,
                    Remedy::WaitAndRetry { min } => {
                        let least = self.told_to_wait(account, min).await;
                        self.wait(job, seen, least, by).await
                    }
                    Remedy::Reauthorize
                    | Remedy::CreatorLater
                    | Remedy::InboxLater
                    | Remedy::AppLater
                    | Remedy::CreatorMustAct
                    | Remedy::CreatorNever
                    | Remedy::Operator
                    | Remedy::ChooseAgain
                    | Remedy::ChangeContent
                    | Remedy::TooLate
                    | Remedy::FixRequest
                    | Remedy::TikTokFault
                    | Remedy::Ambiguous => {
                        tracing::warn!(post = %job.post, error = %chain(&error), "TikTok does not tell the status");
                        self.later(seen, by).await
                    }
                };
            }
        };
        if let Some(event) = upload_over(&seen.row, &report, self.time.now()) {
            return self.give_up(seen, event, by).await;
        }
        let seen = match pulling(&seen.row, &report).filter(|_| !self.is_silent(&seen.row)) {
            Some(event) => self.see_it_get_on(seen, event, by).await?,
            None => seen,
        };
        // as long as bytes are missing, nothing shows that a cancel is too late
        let stopped = stopped.filter(|_| !lacks_bytes(&seen.row, &report));
        let event = Event::Said { publish_id, verdict: verdict(report) };
        let witness = Witness { by, log_id: None };
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &witness).await;
        match moved {
            Ok(moved @ Moved::Moved { .. }) => {
                flows::drop_copies(&self.objects, &moved).await;
                flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
                Ok(())
            }
            Ok(Moved::Unchanged(post)) => match stopped {
                Some(Err(error)) if error.remedy() == Remedy::TooLate => {
                    let code = error.code().unwrap_or("publish_not_cancellable").to_owned();
                    let witness = Witness { by, log_id: error.log_id().map(str::to_owned) };
                    self.give_up_as(post, Event::CancelRefused { code }, witness).await
                }
                Some(Ok(())) => self.wait(job, post, STOPPING, by).await,
                Some(Err(error)) => {
                    tracing::warn!(post = %job.post, error = %chain(&error), "TikTok was not told to stop, it is asked again");
                    self.wait(job, post, STOPPING, by).await
                }
                None => self.later(post, by).await,
            },
            // TikTok contradicts what is recorded: a person has to look
            Err(MoveError::Invalid(contradiction)) => Err(Failure::give_up(contradiction)),
            Err(error) => Err(retry(error)),
        }
    }

    /// Writes how far TikTok's download has come, if that is new. A download that hangs counts towards the detour.
    async fn see_it_get_on(
        &self,
        seen: Stored<Post>,
        event: Event,
        by: Actor,
    ) -> Result<Stored<Post>, Failure> {
        let told = stall_told(&seen.row);
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by.into()).await;
        let post = match moved {
            Ok(moved) => moved.post().clone(),
            Err(MoveError::Invalid(contradiction)) => return Err(Failure::retry(contradiction)),
            Err(error) => return Err(retry(error)),
        };
        if !told && stall_told(&post.row) {
            tracing::warn!(post = %post.row.id, "TikTok's download does not get on");
            self.count_stall().await;
        }
        Ok(post)
    }

    /// Best effort: the next one that hangs counts as well.
    async fn count_stall(&self) {
        for _ in 0..TRIES {
            let counted = async {
                let seen = self.store.detour().await?;
                self.store.save_detour(&seen, &seen.stalled(self.time.now())).await
            };
            match counted.await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "a hanging download was not counted");
                    return;
                }
            }
        }
    }

    /// Writes that nobody knows what became of an attempt. Whoever brought the post further meanwhile knew more.
    pub(crate) async fn give_up(&self, seen: Stored<Post>, event: Event, by: Actor) -> Result<(), Failure> {
        self.give_up_as(seen, event, by.into()).await
    }

    pub(crate) async fn give_up_as(
        &self,
        seen: Stored<Post>,
        event: Event,
        witness: Witness,
    ) -> Result<(), Failure> {
        match flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &witness).await {
            Ok(moved) => {
                flows::drop_copies(&self.objects, &moved).await;
                flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
                Ok(())
            }
            Err(MoveError::Invalid(overtaken)) => {
                tracing::info!(reason = %overtaken, "somebody was faster");
                Ok(())
            }
            Err(error) => Err(retry(error)),
        }
    }

    fn is_silent(&self, post: &Post) -> bool {
        matches!(&post.state,
            PostState::Processing { since, .. } | PostState::Cancelling { since, publish_id: Some(_), .. }
            if self.time.now() >= *since + self.periods.post_deadline)
    }

    /// Arranges the next question: a near one is a delayed message, a far one the row's own wake-up. Past the deadline
    /// there is none, whatever kept TikTok's word from us.
    pub(crate) async fn later(&self, mut seen: Stored<Post>, by: Actor) -> Result<(), Failure> {
        if self.is_silent(&seen.row) {
            return self.give_up(seen, Event::Silent, by).await;
        }
        let now = self.time.now();
        if let PostState::Unconfirmed { .. } = &seen.row.state {
            // a person is told when it is time to
            let told = Event::Unresolved;
            match flows::move_post(&self.store, &self.time, &self.periods, seen, &told, &by.into()).await {
                Ok(Moved::Moved { .. }) | Err(MoveError::Invalid(_)) => return Ok(()),
                Ok(Moved::Unchanged(same)) => seen = same,
                Err(error) => return Err(retry(error)),
            }
        }
        let mut post = seen.row.clone();
        post.rearm(now, &self.periods);
        if post.due != seen.row.due {
            match self.store.save(&seen, &post, None, self.time.nonce()).await.map_err(retry)? {
                Saved::Written(_) => {}
                // whoever wrote first has arranged it
                Saved::Conflict(_) => return Ok(()),
            }
        }
        flows::dispatch(&self.queues, &post, now, &self.periods).await;
        Ok(())
    }

    /// Asks for a refresh of a generation that is no good, and comes back to asking.
    pub(crate) async fn refresh(
        &self,
        job: &Check,
        seen: Stored<Post>,
        account: &Account,
        epoch: u64,
        by: Actor,
    ) -> Result<(), Failure> {
        if job.refused_epoch != Some(epoch) {
            let refresh = Job::Refresh { account: account.id.clone(), epoch: Some(epoch) };
            self.queues.send(&refresh, SignedDuration::ZERO).await.map_err(retry)?;
        }
        let again = Check { refused_epoch: Some(epoch), ..job.clone() };
        match job.refused_epoch {
            None => self.come_back(&again, &seen, REFRESH).await,
            Some(_) => self.wait(&again, seen, REFRESH, by).await,
        }
    }

    /// Asks again when some time has passed, the longer the post has waited; not past the deadline.
    pub(crate) async fn wait(
        &self,
        job: &Check,
        seen: Stored<Post>,
        least: SignedDuration,
        by: Actor,
    ) -> Result<(), Failure> {
        if self.is_silent(&seen.row) {
            return self.give_up(seen, Event::Silent, by).await;
        }
        let delay = flows::patience(seen.row.updated_at, self.time.now(), least);
        self.come_back(job, &seen, delay).await
    }

    /// Waiting is not failing: the job goes back as a new message, unless the row wakes up by itself before.
    pub(crate) async fn come_back(
        &self,
        job: &Check,
        seen: &Stored<Post>,
        delay: SignedDuration,
    ) -> Result<(), Failure> {
        if flows::wakes_sooner(&seen.row, self.time.now(), delay) {
            return Ok(());
        }
        self.queues.send(&Job::Check(job.clone()), delay).await.map_err(retry)
    }
}

/// Whether TikTok can tell anything new.
fn wants_an_answer(post: &Post) -> bool {
    match &post.state {
        PostState::Processing { .. } | PostState::Cancelling { .. } | PostState::Unconfirmed { .. } => true,
        PostState::Published { publish_id, post_ids, removed, .. } => {
            publish_id.is_some() && post.is_public() && post_ids.is_empty() && !removed
        }
        PostState::Draft
        | PostState::AwaitingMedia { .. }
        | PostState::Scheduled { .. }
        | PostState::Queued { .. }
        | PostState::Held { .. }
        | PostState::Initiating { .. }
        | PostState::Uploading { .. }
        | PostState::SentToInbox { .. }
        | PostState::Failed { .. }
        | PostState::Cancelled { .. } => false,
    }
}

/// Whether TikTok says that it lacks bytes of an upload.
fn lacks_bytes(post: &Post, report: &StatusReport) -> bool {
    let size = match &post.state {
        PostState::Processing { media, attempt, .. }
        | PostState::Cancelling { media, attempt, .. }
        | PostState::Unconfirmed { media, attempt, .. }
            if attempt.source == Source::FileUpload =>
        {
            media.video().and_then(|video| video.size)
        }
        _ => None,
    };
    let waits = report.status == PublishStatus::ProcessingUpload;
    // TikTok leaves open whether it counts bytes or names the last one
    waits && size.is_some_and(|size| report.uploaded_bytes.unwrap_or_default() + 1 < size)
}

/// TikTok lacks bytes of an upload whose hour is over: nothing was created, and nothing will be.
fn upload_over(post: &Post, report: &StatusReport, now: Timestamp) -> Option<Event> {
    let (attempt, publish_id) = post.state.attempt().zip(post.state.publish_id())?;
    let over = lacks_bytes(post, report) && now >= attempt.upload_over_at();
    over.then(|| Event::UploadOver { publish_id: publish_id.clone(), code: UPLOAD_EXPIRED.to_owned() })
}

/// How far TikTok's download has come, if it is one.
fn pulling(post: &Post, report: &StatusReport) -> Option<Event> {
    let PostState::Processing { publish_id, .. } = &post.state else { return None };
    let bytes = report.downloaded_bytes.filter(|_| report.status == PublishStatus::ProcessingDownload)?;
    Some(Event::Pulling { publish_id: publish_id.clone(), bytes })
}

fn stall_told(post: &Post) -> bool {
    matches!(&post.state, PostState::Processing { pulled: Some(pulled), .. } if pulled.told)
}

/// TikTok's report in the domain's words. A status we do not know is not an end.
pub(crate) fn verdict(report: StatusReport) -> Verdict {
    match report.status {
        PublishStatus::PublishComplete => Verdict::Complete { post_ids: report.post_ids },
        PublishStatus::Failed => {
            let reason = report.fail_reason.unwrap_or(tiktok::FailReason::Other(String::new()));
            Verdict::Failed {
                passing: reason.new_attempt_sensible(),
                remedy: reason.remedy().to_owned(),
                reason: reason.as_str().to_owned(),
            }
        }
        PublishStatus::SendToUserInbox => Verdict::InInbox,
        PublishStatus::ProcessingUpload | PublishStatus::ProcessingDownload | PublishStatus::Other(_) => {
            Verdict::InProgress
        }
    }
}
