//! One slice of one upload.

use std::ops::Range;

use bytes::Bytes;
use domain::account::TokenField;
use domain::job::Transfer;
use domain::media::{Container, PinnedVideo};
use domain::post::{Attempt, Event, PostState, PublishId, Sender, UPLOAD_EXPIRED, Witness};
use domain::timeline::Actor;
use domain::{Account, Job, MediaId, Nonce, Periods, Post, SignedDuration, Timestamp};
use flows::{MoveError, Moved, Token};
use futures::future::join;
use lambda_kit::batch::Failure;
use ports::{Accounts, Clock, Entropy, Objects, Posts, Queues, Read, Stored, Vault};
use tiktok::{
    AccessToken, ChunkAnswer, Exchange, NextChunk, PublishStatus, Remedy, StatusReport, UploadPlan,
    UploadUrl, VideoType,
};

use flows::chain;

/// What this function may touch.
pub struct MediaTransfer<S, O, Q, V, E, T> {
    /// Posts and accounts.
    pub store: S,
    /// The uploads.
    pub objects: O,
    /// The next slice, checks, refreshes.
    pub queues: Q,
    /// Opens upload URLs and access tokens.
    pub vault: V,
    /// TikTok.
    pub tiktok: tiktok::Client<E>,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
}

/// No chunk is begun with less than this left, or than half of the invocation.
const ENOUGH: SignedDuration = SignedDuration::from_secs(50);
/// Chunks whose answers prove nothing end the slice after so many.
const TRIES: u32 = 3;
/// A refresh takes about this long.
const REFRESH: SignedDuration = SignedDuration::from_secs(2);
/// A slice that was broken off goes on after this long.
const AGAIN: SignedDuration = SignedDuration::from_secs(5);
/// TikTok may be asked for so much longer what became of an upload; then nobody knows.
const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// An upload that is ours to send.
struct Sending {
    seen: Stored<Post>,
    sender: Nonce,
    publish_id: PublishId,
    video: PinnedVideo,
    content_type: VideoType,
    plan: UploadPlan,
    url: UploadUrl,
}

/// How far an upload is.
enum Stand {
    /// TikTok has so many bytes.
    At(u64),
    /// TikTok has them all, or speaks of something that comes after.
    Done,
    /// TikTok lacks bytes, and takes no more.
    Over,
    /// Not known now: the job comes back after this long.
    Later(SignedDuration),
}

/// What came of a chunk.
enum Sent {
    /// TikTok has so many bytes.
    At(u64),
    /// TikTok has to be asked.
    Ask,
    Done,
}

fn retry(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::retry(error)
}

impl<S, O, Q, V, E, T> MediaTransfer<S, O, Q, V, E, T>
where
    S: Posts + Accounts,
    O: Objects,
    Q: Queues,
    V: Vault,
    E: Exchange,
    T: Clock + Entropy,
{
    /// Handles one job of the transfer queue.
    pub async fn transfer(&self, job: Transfer, deadline: Timestamp) -> Result<(), Failure> {
        let enough = ENOUGH.min(deadline.duration_since(self.time.now()) / 2);
        let work = self.store.work(&job.post, None, &job.account, Read::Strong).await.map_err(retry)?;
        let Some(seen) = work.post else {
            tracing::warn!(post = %job.post, "no such post");
            return Ok(());
        };
        let PostState::Uploading { publish_id, upload, attempt, media, .. } = &seen.row.state else {
            return Ok(());
        };
        let Some(account) = work.account else {
            return Err(Failure::give_up(format!("post `{}` lacks its account", job.post)));
        };
        let (publish_id, had, url) = (publish_id.clone(), upload.sender, upload.url.clone());
        let (over_at, binding) =
            (attempt.upload_over_at(), account.binding(TokenField::UploadUrl, attempt.generation()));
        let video = media.video().cloned();
        let Some((video, content_type)) =
            video.and_then(|video| video_type(video.container).map(|it| (video, it)))
        else {
            return Err(Failure::give_up(format!("post `{}` uploads what is no video", job.post)));
        };
        let Some(plan) = video.size.and_then(UploadPlan::of) else {
            return Err(Failure::give_up(format!("post `{}` uploads a video of no known size", job.post)));
        };
        // nobody may use an id whose post cannot be found by it
        let seen = flows::index(&self.store, &self.time, seen).await.map_err(retry)?;

        let sender = Sender { nonce: self.time.nonce(), until: deadline + self.periods.claim_margin };
        let begun = Event::SendBegun { publish_id: publish_id.clone(), sender };
        let Some(moved) = self.moved(seen, begun).await? else { return Ok(()) };
        let seen = match moved {
            Moved::Moved { after, .. } => after,
            Moved::Unchanged(same) => return self.after_the_other(&job, &same).await,
        };
        let url = self.vault.open(&url, &binding).await.map_err(retry)?;
        let url = UploadUrl::new(url.expose().to_owned());
        let mut sending = Sending { seen, sender: sender.nonce, publish_id, video, content_type, plan, url };

        let taken_over = had.is_some();
        let now = self.time.now();
        let mut stand = if taken_over || now >= over_at {
            self.ask(&job, &sending, account.clone(), over_at).await?
        } else {
            Stand::At(sent(&sending.seen.row))
        };
        let mut tries = 0;
        loop {
            let at = match stand {
                Stand::At(at) => at,
                Stand::Done => return self.complete(sending).await,
                Stand::Over => return self.over(sending).await,
                Stand::Later(delay) => return self.leave(&job, sending, delay).await,
            };
            let range = match sending.plan.next(at) {
                NextChunk::Send(range) => range,
                NextChunk::Complete => return self.complete(sending).await,
                NextChunk::OffPlan => {
                    tracing::error!(post = %job.post, at, "TikTok stands between two chunks: this upload cannot go on");
                    return self.leave(&job, sending, over_at.duration_since(self.time.now())).await;
                }
            };
            let slice = self.send_from(&mut sending, range, deadline, enough).await?;
            stand = match slice {
                Some(Sent::Done) => Stand::Done,
                Some(Sent::At(at)) => Stand::At(at),
                Some(Sent::Ask) => {
                    tries += 1;
                    let stand = self.ask(&job, &sending, account.clone(), over_at).await?;
                    match stand {
                        Stand::At(_) if tries >= TRIES => Stand::Later(AGAIN),
                        stand => stand,
                    }
                }
                None => Stand::Later(SignedDuration::ZERO),
            };
        }
    }

    /// Sends chunks from this one on, each while the next is read, until something else is to be done. `None`: the invocation
    /// is at its end, or the post is not what it was.
    async fn send_from(
        &self,
        sending: &mut Sending,
        first: Range<u64>,
        deadline: Timestamp,
        enough: SignedDuration,
    ) -> Result<Option<Sent>, Failure> {
        let mut range = first;
        let Some(mut bytes) = self.read(sending, range.clone()).await? else { return Ok(None) };
        loop {
            if deadline.duration_since(self.time.now()) < enough {
                return Ok(None);
            }
            let next = match sending.plan.next(range.end) {
                NextChunk::Send(next) => Some(next),
                NextChunk::Complete | NextChunk::OffPlan => None,
            };
            let ahead = async {
                match &next {
                    Some(next) => self.read(sending, next.clone()).await,
                    None => Ok(None),
                }
            };
            let (answer, ahead) = join(self.send(sending, range.clone(), bytes), ahead).await;
            let at = match answer? {
                Sent::At(at) => at,
                other => return Ok(Some(other)),
            };
            if !self.confirmed(sending, at, false).await? {
                return Ok(None);
            }
            match (next, ahead?) {
                (Some(next), Some(read)) if at == range.end => (range, bytes) = (next, read),
                (Some(_), None) => return Ok(None),
                _ => return Ok(Some(Sent::At(at))),
            }
        }
    }

    async fn read(&self, sending: &Sending, range: Range<u64>) -> Result<Option<Bytes>, Failure> {
        let media: &MediaId = &sending.seen.row.media;
        let bytes = self.objects.read_upload(media, &sending.video.etag, range).await.map_err(retry)?;
        if bytes.is_none() {
            tracing::error!(post = %sending.seen.row.id, "the upload was replaced or deleted: its bytes cannot be sent");
        }
        Ok(bytes)
    }

    async fn send(&self, sending: &Sending, range: Range<u64>, bytes: Bytes) -> Result<Sent, Failure> {
        let total = sending.plan.size();
        let (url, content_type) = (&sending.url, sending.content_type);
        let answer = self.tiktok.upload_chunk(url, content_type, range.clone(), total, bytes).await;
        Ok(match answer {
            Ok(ChunkAnswer::Progress(at)) if at == range.end || at + 1 == range.end => {
                // the last chunk's progress is no verdict: the status is
                if range.end == total { Sent::Ask } else { Sent::At(range.end) }
            }
            Ok(ChunkAnswer::Complete) => Sent::Done,
            Ok(
                ChunkAnswer::Progress(_)
                | ChunkAnswer::OutOfStep { .. }
                | ChunkAnswer::Expired
                | ChunkAnswer::NoSuchUpload,
            ) => Sent::Ask,
            Ok(ChunkAnswer::Malformed) => {
                return Err(Failure::give_up(format!(
                    "TikTok takes bytes {}-{} of `{}` for malformed",
                    range.start, range.end, sending.seen.row.id
                )));
            }
            Err(error) => {
                tracing::warn!(post = %sending.seen.row.id, error = %chain(&error), "nobody knows whether TikTok has the chunk");
                Sent::Ask
            }
        })
    }

    /// Writes what TikTok has confirmed. `false`: the post is not ours to send any more.
    async fn confirmed(&self, sending: &mut Sending, bytes: u64, leaves: bool) -> Result<bool, Failure> {
        let event = Event::Sent { sender: sending.sender, bytes, leaves };
        match self.moved(sending.seen.clone(), event).await? {
            Some(moved) => {
                sending.seen = moved.post().clone();
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Asks TikTok how far the upload is.
    async fn ask(
        &self,
        job: &Transfer,
        sending: &Sending,
        account: Account,
        over_at: Timestamp,
    ) -> Result<Stand, Failure> {
        let now = self.time.now();
        let post = &sending.seen.row;
        let wait = |least| Stand::Later(flows::patience(post.updated_at, now, least));
        let token = flows::open_token(&self.vault, &account, &post.creator, job.refused_epoch, now);
        let (access, epoch) = match token.await.map_err(retry)? {
            Token::Usable { access, epoch } => (access, epoch),
            Token::Stale { epoch } => return self.refresh(job, &account, epoch).await,
            Token::Gone | Token::Locked(_) => return Ok(wait(SignedDuration::from_mins(1))),
        };
        let reserved = flows::reserve_status(&self.store, &self.time, account).await.map_err(retry)?;
        let account = match reserved {
            flows::Reserved::Since(_, account) => *account,
            flows::Reserved::In(delay) => return Ok(Stand::Later(delay)),
            flows::Reserved::Gone => return Ok(wait(SignedDuration::from_mins(1))),
        };
        let access = AccessToken::new(access.expose());
        match self.tiktok.fetch_status(&access, &sending.publish_id.0).await {
            Ok(report) => Ok(stand(&report, sending.plan, now >= over_at)),
            Err(error) if error.remedy() == Remedy::RefreshToken => self.refresh(job, &account, epoch).await,
            Err(error) => {
                tracing::warn!(post = %post.id, error = %chain(&error), "TikTok does not tell how far the upload is");
                Ok(wait(AGAIN))
            }
        }
    }

    async fn refresh(&self, job: &Transfer, account: &Account, epoch: u64) -> Result<Stand, Failure> {
        if job.refused_epoch != Some(epoch) {
            let refresh = Job::Refresh { account: account.id.clone(), epoch: Some(epoch) };
            self.queues.send(&refresh, SignedDuration::ZERO).await.map_err(retry)?;
        }
        Ok(Stand::Later(REFRESH))
    }

    /// TikTok has every byte.
    async fn complete(&self, sending: Sending) -> Result<(), Failure> {
        let event = Event::UploadComplete { publish_id: sending.publish_id };
        self.end(sending.seen, event).await
    }

    /// TikTok lacks bytes, and takes no more.
    async fn over(&self, sending: Sending) -> Result<(), Failure> {
        let code = UPLOAD_EXPIRED.to_owned();
        let event = Event::UploadOver { publish_id: sending.publish_id, code };
        self.end(sending.seen, event).await
    }

    async fn end(&self, seen: Stored<Post>, event: Event) -> Result<(), Failure> {
        if let Some(moved) = self.moved(seen, event).await? {
            flows::dispatch(&self.queues, &moved.post().row, self.time.now(), &self.periods).await;
        }
        Ok(())
    }

    /// Gives the right to send back, with what TikTok has confirmed, and comes back.
    async fn leave(
        &self,
        job: &Transfer,
        mut sending: Sending,
        delay: SignedDuration,
    ) -> Result<(), Failure> {
        let (now, over_at) = (self.time.now(), sending.seen.row.state.attempt().map(Attempt::upload_over_at));
        if over_at.is_some_and(|over_at| now >= over_at + PATIENCE) {
            return self.end(sending.seen, Event::Silent).await;
        }
        let at = sent(&sending.seen.row);
        if !self.confirmed(&mut sending, at, true).await? {
            return Ok(());
        }
        let refused_epoch = (delay == REFRESH).then_some(job.refused_epoch).flatten();
        self.come_back(&Transfer { refused_epoch, ..job.clone() }, &sending.seen, delay).await
    }

    /// Somebody else is sending: whoever comes after that one's time goes on.
    async fn after_the_other(&self, job: &Transfer, seen: &Stored<Post>) -> Result<(), Failure> {
        let PostState::Uploading { upload, .. } = &seen.row.state else { return Ok(()) };
        let until = upload.sender.map_or(SignedDuration::ZERO, |it| it.until.duration_since(self.time.now()));
        self.come_back(job, seen, until.max(SignedDuration::ZERO) + SignedDuration::from_secs(1)).await
    }

    /// Waiting is not failing: the job goes back as a new message, unless the row wakes up by itself before.
    async fn come_back(
        &self,
        job: &Transfer,
        seen: &Stored<Post>,
        delay: SignedDuration,
    ) -> Result<(), Failure> {
        let delay = delay.clamp(SignedDuration::ZERO, ports::MAX_DELAY);
        if flows::wakes_sooner(&seen.row, self.time.now(), delay) {
            return Ok(());
        }
        self.queues.send(&Job::Transfer(job.clone()), delay).await.map_err(retry)
    }

    /// Moves the post. `None`: it is somewhere else by now, and whoever brought it there goes on.
    async fn moved(&self, seen: Stored<Post>, event: Event) -> Result<Option<Moved>, Failure> {
        let by = Witness::from(Actor::Transfer);
        match flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by).await {
            Ok(moved) => Ok(Some(moved)),
            Err(MoveError::Invalid(overtaken)) => {
                tracing::info!(reason = %overtaken, "somebody was faster");
                Ok(None)
            }
            Err(error) => Err(retry(error)),
        }
    }
}

/// How far the row says that the upload is.
fn sent(post: &Post) -> u64 {
    match &post.state {
        PostState::Uploading { upload, .. } => upload.sent,
        _ => 0,
    }
}

fn stand(report: &StatusReport, plan: UploadPlan, over: bool) -> Stand {
    if report.status != PublishStatus::ProcessingUpload {
        return Stand::Done;
    }
    let at = report.uploaded_bytes.unwrap_or_default();
    match plan.next(at) {
        NextChunk::Complete => Stand::Done,
        NextChunk::Send(_) | NextChunk::OffPlan if over => Stand::Over,
        NextChunk::Send(_) | NextChunk::OffPlan => Stand::At(at),
    }
}

fn video_type(container: Container) -> Option<VideoType> {
    match container {
        Container::Mp4 => Some(VideoType::Mp4),
        Container::Mov => Some(VideoType::QuickTime),
        Container::Webm => Some(VideoType::Webm),
        Container::Jpeg | Container::Webp | Container::Png => None,
    }
}
