//! From "an object was created" to "the posts that waited may go".

use domain::media::{Container, MediaKind, MediaState, Original, PhotoFormat, PhotoProbe, VideoProbe};
use domain::post::{Event, Failure as PostFailure, PostState};
use domain::timeline::Actor;
use domain::{Media, MediaId, Periods, PostId, Problem};
use flows::MoveError;
use lambda_kit::batch::Failure;
use ports::{Clock, Entropy, MediaRows, PortResult, Posts, Queues, Read, Saved, Stored};
use tokio::sync::Semaphore;

use crate::convert;
use crate::probe::photo::{self, Photo};
use crate::probe::{self, ProbeError, RangedRead};

/// Uploads that can be read in ranges.
pub trait Uploads: Send + Sync {
    /// One upload, pinned to the bytes it had when it was opened.
    type Upload: RangedRead;

    /// Opens the upload of a media, with its ETag; `None`: nothing was uploaded.
    fn open(
        &self,
        media: &MediaId,
    ) -> impl Future<Output = PortResult<Option<(Self::Upload, String)>>> + Send;

    /// Stores the JPEG that a photo was converted to beside the upload; gives its `ETag`.
    fn put_converted(
        &self,
        media: &MediaId,
        bytes: Vec<u8>,
    ) -> impl Future<Output = PortResult<String>> + Send;
}

/// What this function may touch.
pub struct MediaIngest<S, U, Q, T> {
    /// Media and posts.
    pub store: S,
    /// The uploads.
    pub uploads: U,
    /// The publish queue.
    pub queues: Q,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
    /// Whose turn it is to convert.
    pub converting: Turns,
}

/// One conversion at a time, however many messages come together: each may take half of the memory.
#[derive(Debug)]
pub struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// The entity tag of what is to be published, and what is said of it.
type Verdict = (String, Result<(domain::media::Probe, Vec<Problem>), Vec<Problem>>);

/// Others may write the media at the same moment this often before the message is tried again.
const TRIES: u32 = 3;

fn retry(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::retry(error)
}

impl<S, U, Q, T> MediaIngest<S, U, Q, T>
where
    S: MediaRows + Posts,
    U: Uploads,
    Q: Queues,
    T: Clock + Entropy,
{
    /// Looks at a media's upload, records what it is, and tells the posts that wait for it. `post` is one that waits although
    /// the row may not know.
    pub async fn ingest(&self, media: &MediaId, post: Option<PostId>) -> Result<(), Failure> {
        let Some(mut seen) = self.store.media(media, Read::Eventual).await.map_err(retry)? else {
            // somebody wrote to `up/` without declaring it: the lifecycle rule takes it away
            tracing::warn!(%media, "an upload that nobody declared");
            return Ok(());
        };
        let mut tries = TRIES;
        while let MediaState::AwaitingUpload { deadline } = seen.row.state {
            let Some(judged) = self.judge(&seen.row).await? else {
                let given_up = self.time.now() >= deadline;
                return self.not_there(&seen, given_up, post).await;
            };
            match self.store.judge(&seen, &judged, self.time.nonce()).await.map_err(retry)? {
                Saved::Written(written) => seen = written,
                Saved::Conflict(Some(newer)) if tries > 0 => {
                    tries -= 1;
                    seen = newer;
                }
                Saved::Conflict(_) => {
                    return Err(Failure::retry("media was written by others again and again"));
                }
            }
        }
        self.tell(&seen.row, post).await
    }

    /// The media with its verdict; `None`: nothing was uploaded yet.
    async fn judge(&self, media: &Media) -> Result<Option<Media>, Failure> {
        let Some((mut upload, etag)) = self.uploads.open(&media.id).await.map_err(retry)? else {
            return Ok(None);
        };
        let size_problem = (upload.size() != media.declared.size).then(|| {
            Problem::new(
                "",
                "media.size.declared",
                format!("{} bytes came, {} were declared", upload.size(), media.declared.size),
                "declare a new media with the file's real size and upload the whole file",
            )
        });
        let (etag, verdict) = match media.declared.container.kind() {
            MediaKind::Video => self.judge_video(media, &mut upload, etag).await?,
            MediaKind::Photo => self.judge_photo(media, &mut upload, etag, size_problem.is_none()).await?,
        };
        let verdict = match (size_problem, verdict) {
            (None, verdict) => verdict,
            (Some(problem), Ok(_)) => Err(vec![problem]),
            (Some(problem), Err(problems)) => Err([vec![problem], problems].concat()),
        };
        Ok(Some(media.judged(etag, verdict)))
    }

    async fn judge_video(
        &self,
        media: &Media,
        upload: &mut U::Upload,
        etag: String,
    ) -> Result<Verdict, Failure> {
        let declared = media.declared.container.content_type();
        let found = match probe::probe(upload, Some(declared)).await {
            Ok(found) => found,
            Err(error) => return refused(etag, error),
        };
        let problems: Vec<Problem> = probe::judge(&found).into_iter().map(Problem::from).collect();
        if !problems.is_empty() {
            return Ok((etag, Err(problems)));
        }
        let advice = probe::advise(&found).into_iter().map(probe::Problem::into_advice).collect();
        let verdict = match known(&found) {
            Ok(video) => Ok((domain::media::Probe::Video(video), advice)),
            Err(problem) => Err(vec![problem]),
        };
        Ok((etag, verdict))
    }

    /// `whole`: as many bytes came as were declared, so that converting them is of use.
    async fn judge_photo(
        &self,
        media: &Media,
        upload: &mut U::Upload,
        etag: String,
        whole: bool,
    ) -> Result<Verdict, Failure> {
        let declared = media.declared.container.content_type();
        let found = match photo::probe(upload, Some(declared)).await {
            Ok(found) => found,
            Err(error) => return refused(etag, error),
        };
        let mut problems = photo::judge(&found);
        let format = match found.format {
            Container::Jpeg => Some(PhotoFormat::Jpeg),
            Container::Webp => Some(PhotoFormat::Webp),
            _ => None,
        };
        if let (Some(format), true) = (format, problems.is_empty()) {
            let photo = PhotoProbe {
                format,
                width: found.width,
                height: found.height,
                orientation: found.orientation,
                size: found.size,
                converted_from: None,
            };
            let advice = photo::advise(&found).into_iter().map(probe::Problem::into_advice).collect();
            return Ok((etag, Ok((domain::media::Probe::Photo(photo), advice))));
        }
        let curable = problems.iter().all(|problem| photo::curable(problem, &found));
        if media.declared.convert && curable && whole {
            match convert::too_large(&found) {
                None => return self.convert(media, upload, &found, etag).await,
                Some(problem) => problems.push(problem),
            }
        }
        Ok((etag, Err(problems.into_iter().map(Problem::from).collect())))
    }

    /// Makes a JPEG of the photo and stores it as an object of its own. The same bytes make the same JPEG: repeating it
    /// writes over it with the same.
    async fn convert(
        &self,
        media: &Media,
        upload: &mut U::Upload,
        found: &Photo,
        etag: String,
    ) -> Result<Verdict, Failure> {
        let _alone = self.converting.0.acquire().await.map_err(retry)?;
        let bytes = upload.read(0, found.size).await.map_err(retry)?;
        if bytes.len() as u64 != found.size {
            return Err(Failure::retry("the upload was cut while it was read"));
        }
        let made = match convert::convert(bytes, found) {
            Ok(made) => made,
            Err(problem) => return Ok((etag, Err(vec![problem.into()]))),
        };
        let photo = PhotoProbe {
            format: PhotoFormat::Jpeg,
            width: made.width,
            height: made.height,
            orientation: 1,
            size: made.bytes.len() as u64,
            converted_from: Some(Original {
                container: found.format,
                width: found.width,
                height: found.height,
                orientation: made.orientation,
                size: found.size,
            }),
        };
        let etag = self.uploads.put_converted(&media.id, made.bytes).await.map_err(retry)?;
        Ok((etag, Ok((domain::media::Probe::Photo(photo), Vec::new()))))
    }

    /// Nothing was uploaded: look again later, or give it up.
    async fn not_there(
        &self,
        seen: &Stored<Media>,
        given_up: bool,
        post: Option<PostId>,
    ) -> Result<(), Failure> {
        let now = self.time.now();
        let media = if given_up {
            let problem = Problem::new(
                "",
                "media.upload.missing",
                "the upload did not come in time",
                "declare a new media and upload the file within the time its answer gives",
            );
            seen.row.judged(String::new(), Err(vec![problem]))
        } else {
            let due = domain::wake::arrange(None, seen.row.next_task(now), now, &self.periods);
            Media { due, ..seen.row.clone() }
        };
        match self.store.judge(seen, &media, self.time.nonce()).await.map_err(retry)? {
            Saved::Written(written) => self.tell(&written.row, post).await,
            // whoever wrote has seen more
            Saved::Conflict(_) => Ok(()),
        }
    }

    /// Tells every post that waits what has become of the media; each is moved on its own, and repeating it is harmless.
    async fn tell(&self, media: &Media, post: Option<PostId>) -> Result<(), Failure> {
        if let MediaState::AwaitingUpload { .. } = media.state {
            return self.still_waiting(post).await;
        }
        let woken = post.clone();
        let unknown = post.filter(|post| !media.waiting.contains(post));
        for post in media.waiting.iter().chain(&unknown) {
            // a post may be a moment old: only a strong read that misses it means that it was never written
            let seen = match self.store.post(post, Read::Eventual).await.map_err(retry)? {
                Some(seen) => Some(seen),
                None => self.store.post(post, Read::Strong).await.map_err(retry)?,
            };
            let Some(seen) = seen else { continue };
            if !matches!(seen.row.state, PostState::AwaitingMedia { .. }) {
                continue;
            }
            let id = seen.row.id.clone();
            let actor = Actor::Ingest.into();
            let moved = flows::tell_post(&self.store, &self.time, &self.periods, seen, media, &actor);
            match moved.await {
                Ok(Some(flows::Moved::Moved { after, .. })) => {
                    flows::dispatch(&self.queues, &after.row, self.time.now(), &self.periods).await;
                }
                Ok(None) if woken.as_ref() == Some(&id) => self.still_waiting(woken.clone()).await?,
                Ok(Some(flows::Moved::Unchanged(_)) | None) => {}
                Err(MoveError::Invalid(invalid)) => return Err(Failure::give_up(invalid)),
                Err(error) => return Err(retry(error)),
            }
        }
        Ok(())
    }

    /// A post was woken although its media has not come: it looks again later, or fails past its own deadline.
    async fn still_waiting(&self, post: Option<PostId>) -> Result<(), Failure> {
        let Some(post) = post else { return Ok(()) };
        let Some(seen) = self.store.post(&post, Read::Strong).await.map_err(retry)? else { return Ok(()) };
        let PostState::AwaitingMedia { deadline } = seen.row.state else { return Ok(()) };
        let now = self.time.now();
        if now >= deadline {
            let failure = PostFailure {
                code: "media.upload.missing".to_owned(),
                remedy: "upload the file and create the post again".to_owned(),
            };
            let event = Event::MediaRejected(failure);
            let actor = Actor::Ingest.into();
            // whoever wrote first may have given it another media: it has a wake-up of its own
            return flows::move_seen(&self.store, &self.time, &self.periods, seen, &event, &actor)
                .await
                .map(drop)
                .map_err(retry);
        }
        let mut later = seen.row.clone();
        later.rearm(now, &self.periods);
        if later.due != seen.row.due {
            self.store.save(&seen, &later, None, self.time.nonce()).await.map_err(retry)?;
        }
        Ok(())
    }
}

/// A file that is refused is judged; one that could not be read is not.
fn refused<E: std::error::Error + Send + Sync + 'static>(
    etag: String,
    error: ProbeError<E>,
) -> Result<Verdict, Failure> {
    match error {
        ProbeError::Refused(problem) => Ok((etag, Err(vec![problem.into()]))),
        error => Err(retry(error)),
    }
}

/// The first problem names the failure; its remedy names them all.
/// What a judged probe found, in the domain's words.
fn known(found: &probe::Probe) -> Result<VideoProbe, Problem> {
    let unknown = |rule, what| {
        Problem::new("", rule, what, "write the file anew, for example `ffmpeg -i in -c copy out.mp4`")
    };
    let duration_ms = found
        .duration_ms
        .ok_or_else(|| unknown(probe::rules::DURATION_UNKNOWN, "the file does not say how long it is"))?;
    let frame_rate = found.frame_rate.ok_or_else(|| {
        unknown(probe::rules::FRAME_RATE_UNKNOWN, "the file does not say how many frames it has")
    })?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "judged to lie within 23 and 60"
    )]
    let frame_rate_millis = (frame_rate * 1_000.0).round() as u32;
    Ok(VideoProbe {
        container: found.container,
        codec: found.video_codec.to_string(),
        duration_ms,
        frame_rate_millis,
        width: found.width,
        height: found.height,
        rotation: found.rotation,
        size: found.size,
    })
}
