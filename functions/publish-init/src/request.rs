//! What TikTok is asked: a video or photos, to the profile or to the inbox, pulled or uploaded.

use domain::app::Detour;
use domain::content::{Content, Kind, Mode, Transport};
use domain::media::{Media, MediaState, Pinned};
use domain::post::Source;
use domain::{MediaId, Post, Timestamp};
use futures::future::try_join_all;
use lambda_kit::batch::Failure;
use ports::{Clock, Copied, Entropy, MediaRows, Objects, PortResult, Read};
use tiktok::{AccessToken, Client, Exchange, PullUrl, UploadPlan, UploadUrl};

use crate::{PublishInit, checks, retry};

/// The init of an attempt, with everything that was prepared for it.
pub(crate) enum Request {
    Pull(PullUrl),
    Upload(UploadPlan),
    Photos(Vec<PullUrl>),
}

/// What TikTok answered to an init that it accepted.
pub(crate) struct Begun {
    pub(crate) publish_id: String,
    /// Where the bytes go, if we send them.
    pub(crate) upload_url: Option<UploadUrl>,
}

impl Request {
    /// The one call that cannot be repeated.
    pub(crate) async fn send<E: Exchange>(
        &self,
        tiktok: &Client<E>,
        token: &AccessToken,
        content: &Content,
    ) -> Result<Begun, tiktok::Error> {
        let pulled = |publish_id| Begun { publish_id, upload_url: None };
        let uploaded =
            |it: tiktok::VideoUpload| Begun { publish_id: it.publish_id, upload_url: Some(it.upload_url) };
        match (self, content.mode) {
            (Self::Pull(url), Mode::Direct) => {
                tiktok.init_video_pull(token, &checks::video_post(content), url).await.map(pulled)
            }
            (Self::Pull(url), Mode::Inbox) => tiktok.init_draft_pull(token, url).await.map(pulled),
            (Self::Upload(plan), Mode::Direct) => {
                tiktok.init_video_upload(token, &checks::video_post(content), *plan).await.map(uploaded)
            }
            (Self::Upload(plan), Mode::Inbox) => tiktok.init_draft_upload(token, *plan).await.map(uploaded),
            (Self::Photos(urls), Mode::Direct | Mode::Inbox) => {
                tiktok.init_photo_post(token, &checks::photo_post(content), urls).await.map(pulled)
            }
        }
    }
}

/// How TikTok is to get the media: as the post says; where it leaves that to us, by upload as long as downloads hang.
pub(crate) fn source(content: &Content, post: &Post, detour: Option<&Detour>, now: Timestamp) -> Source {
    let size = post.state.ready().and_then(|(media, _)| media.video()?.size);
    let may_upload = size.and_then(UploadPlan::of).is_some();
    let wants_to = match content.transport {
        Transport::Pull => false,
        Transport::Upload => true,
        Transport::Auto => detour.is_some_and(|detour| detour.is_open(now)),
    };
    if wants_to && may_upload { Source::FileUpload } else { Source::PullFromUrl }
}

impl<S: MediaRows, O: Objects, Q, V, E, T: Clock + Entropy> PublishInit<S, O, Q, V, E, T> {
    /// Makes the attempt's own copies and the request that names them. `None`: the upload is not what was probed any more.
    pub(crate) async fn prepare(
        &self,
        content: &Content,
        media: &Pinned,
        source: Source,
        copies: &[String],
    ) -> Result<Option<Request>, Failure> {
        match (source, media) {
            (Source::FileUpload, media) => {
                // the bytes are read from the upload itself, pinned by its ETag
                let plan = media.video().and_then(|video| video.size).and_then(UploadPlan::of);
                Ok(plan.map(Request::Upload))
            }
            (Source::PullFromUrl, Pinned::Video(video)) => {
                let ([id], [key]) = (content.media.as_slice(), copies) else { return Ok(None) };
                let content_type = video.container.content_type();
                let done = self.objects.copy_for_attempt(id, &video.etag, key, content_type).await;
                match done.map_err(retry)? {
                    Copied::Done => Ok(Some(Request::Pull(self.pull_url(key).await.map_err(retry)?))),
                    Copied::Changed => Ok(None),
                }
            }
            (Source::PullFromUrl, Pinned::Photos { formats }) => {
                let found = self.store.several(&content.media, Read::Eventual).await.map_err(retry)?;
                let photos = found.iter().map(|photo| photo.as_ref().and_then(ready_etag));
                let Some(etags) = photos.collect::<Option<Vec<_>>>() else { return Ok(None) };
                if content.kind != Kind::Photo || etags.len() != copies.len() {
                    return Ok(None);
                }
                let photos = content.media.iter().zip(etags).zip(copies).zip(formats);
                let copying = photos.map(|(((id, etag), key), format): (((&MediaId, &str), _), _)| {
                    self.objects.copy_for_attempt(id, etag, key, format.content_type())
                });
                let done = try_join_all(copying).await.map_err(retry)?;
                if done.contains(&Copied::Changed) {
                    return Ok(None);
                }
                let urls = try_join_all(copies.iter().map(|key| self.pull_url(key))).await;
                Ok(Some(Request::Photos(urls.map_err(retry)?)))
            }
        }
    }

    async fn pull_url(&self, key: &str) -> PortResult<PullUrl> {
        Ok(match &self.pull.media_base_url {
            Some(base) => PullUrl::new(format!("{base}/{key}")),
            None => PullUrl::new(self.objects.sign_download(key, self.pull.presign).await?.expose()),
        })
    }
}

fn ready_etag(media: &Media) -> Option<&str> {
    match &media.state {
        MediaState::Ready { etag, .. } => Some(etag),
        MediaState::AwaitingUpload { .. } | MediaState::Rejected { .. } => None,
    }
}
