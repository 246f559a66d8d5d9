//! `/v2/post/publish/*`: what a creator may post, the init, and what becomes of it.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::{Host, Url};

use crate::config::{Account, App, DAY_MS, MINUTE_MS, Outage, Time, is_loopback};
use crate::crypto::nineteen_digits;
use crate::faults::Endpoint;
use crate::fields::Fields;
use crate::log::{Hop, Publication, What};
use crate::media::Probe;
use crate::oauth::avatar_url;
use crate::photos::Carousel;
use crate::pull::Pull;
use crate::upload::{Upload, UploadPlan};
use crate::wire::Request;
use crate::world::{Caller, Effect, Refusal, Task, Turn, World};

const PRIVACY_LEVELS: [&str; 4] =
    ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "FOLLOWER_OF_CREATOR", "SELF_ONLY"];

const POST_INFO: [&str; 9] = [
    "privacy_level",
    "title",
    "disable_duet",
    "disable_stitch",
    "disable_comment",
    "video_cover_timestamp_ms",
    "brand_content_toggle",
    "brand_organic_toggle",
    "is_aigc",
];

/// Something an app asked to publish.
#[derive(Clone, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is one toggle of TikTok's")]
pub struct Post {
    pub publish_id: String,
    pub client_key: String,
    pub account: String,
    pub init_at_ms: i64,
    pub privacy_level: String,
    pub visibility: String,
    pub title: String,
    pub disable_comment: bool,
    pub disable_duet: bool,
    pub disable_stitch: bool,
    pub brand_content_toggle: bool,
    pub brand_organic_toggle: bool,
    pub is_aigc: bool,
    pub cover_timestamp_ms: i64,
    pub breaches: Vec<String>,
    pub state: PostState,
    pub downloaded_bytes: u64,
    pub sha256: String,
    /// Of photos: the cover.
    pub media: Option<Probe>,
    /// What photos have and a video has not.
    #[serde(default)]
    pub carousel: Option<Box<Carousel>>,
    pub fetches: Vec<Hop>,
    pub(crate) fetch_started: bool,
    /// A download that takes its time, or for ever.
    #[serde(default)]
    pub(crate) pull: Option<Box<Pull>>,
    /// A cancel was accepted; its success is still to show.
    #[serde(default)]
    pub(crate) cancelling: bool,
    /// When it reached `PUBLISH_COMPLETE`.
    #[serde(default)]
    pub(crate) completed_at_ms: Option<i64>,
    /// Since when everybody can see it, whether or not its id was given out.
    #[serde(default)]
    pub(crate) public_since_ms: Option<i64>,
    /// For the creator's inbox.
    #[serde(default)]
    pub draft: bool,
    /// What came of the same draft besides the first post.
    #[serde(default)]
    pub(crate) further_ids: Vec<u64>,
    pub(crate) asked: Value,
    /// The post's id: not the `publish_id`'s number, and nobody's business before the post is public.
    pub id: u64,
    /// What is still to be pulled, and in which order.
    #[serde(default)]
    pub(crate) urls: VecDeque<String>,
    #[serde(default)]
    pub(crate) upload: Option<Upload>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostState {
    /// Bytes are still to come; without the last of them nothing will ever be published.
    Uploading,
    Downloading,
    /// The bytes are here, or will never be. `verdict` is the `fail_reason` the bytes deserve, and why.
    Processing {
        verdict: Option<(String, String)>,
    },
    /// A draft in the inbox: only its creator moves it on.
    InInbox {
        discarded: bool,
    },
    Complete {
        /// The post id was given out.
        revealed: bool,
        removed: bool,
    },
    Failed {
        fail_reason: String,
        why: String,
    },
}

/// A step that the post's state does not allow.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WrongStep {
    #[error("no post has the publish_id `{publish_id}`")]
    Unknown { publish_id: String },
    #[error("the post `{publish_id}` cannot go on from `{state}`")]
    NotFrom { publish_id: String, state: &'static str },
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Post")
            .field("publish_id", &self.publish_id)
            .field("account", &self.account)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl PostState {
    /// Neither published nor failed.
    fn is_open(&self) -> bool {
        matches!(self, Self::Uploading | Self::Downloading | Self::Processing { .. })
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Downloading => "downloading",
            Self::Processing { .. } => "processing",
            Self::InInbox { .. } => "in_inbox",
            Self::Complete { .. } => "complete",
            Self::Failed { .. } => "failed",
        }
    }
}

impl Post {
    /// Nothing is said about it yet, and nothing is here.
    pub(crate) fn bare(publish_id: String, client_key: String, account: String, id: u64, now: i64) -> Self {
        Self {
            publish_id,
            client_key,
            account,
            init_at_ms: now,
            privacy_level: String::new(),
            visibility: String::new(),
            title: String::new(),
            disable_comment: false,
            disable_duet: false,
            disable_stitch: false,
            brand_content_toggle: false,
            brand_organic_toggle: false,
            is_aigc: false,
            cover_timestamp_ms: 0,
            breaches: Vec::new(),
            state: PostState::Downloading,
            downloaded_bytes: 0,
            sha256: String::new(),
            media: None,
            carousel: None,
            fetches: Vec::new(),
            fetch_started: false,
            pull: None,
            cancelling: false,
            completed_at_ms: None,
            public_since_ms: None,
            draft: false,
            further_ids: Vec::new(),
            asked: Value::Null,
            id,
            urls: VecDeque::new(),
            upload: None,
        }
    }

    /// Its creator says what it is.
    pub(crate) fn finish(&mut self, finished: &crate::inbox::Finished) {
        if let Some(title) = &finished.title {
            self.title.clone_from(title);
        }
        if let (Some(carousel), Some(description)) = (&mut self.carousel, &finished.description) {
            carousel.description.clone_from(description);
        }
        self.privacy_level.clone_from(&finished.privacy_level);
        self.visibility.clone_from(&finished.privacy_level);
    }

    /// TikTok's word for the state.
    pub fn status(&self) -> &'static str {
        match self.state {
            PostState::Uploading => "PROCESSING_UPLOAD",
            PostState::Processing { .. } if self.upload.is_some() => "PROCESSING_UPLOAD",
            PostState::Downloading | PostState::Processing { .. } => "PROCESSING_DOWNLOAD",
            PostState::InInbox { .. } => "SEND_TO_USER_INBOX",
            PostState::Complete { .. } => "PUBLISH_COMPLETE",
            PostState::Failed { .. } => "FAILED",
        }
    }

    /// The id as everybody can see it.
    pub fn public_post_id(&self) -> Option<u64> {
        matches!(self.state, PostState::Complete { revealed: true, removed: false }).then_some(self.id)
    }

    /// Where everybody can see it.
    pub fn share_url(&self, post_id: u64) -> String {
        share_url(&self.account, self.carousel.is_some(), post_id)
    }

    /// All that it says.
    fn words(&self) -> Cow<'_, str> {
        match &self.carousel {
            Some(carousel) => Cow::Owned(format!("{}\n{}", self.title, carousel.description)),
            None => Cow::Borrowed(&self.title),
        }
    }

    /// Whether something may come of it: of an upload that lacks bytes nothing ever does.
    pub fn is_whole(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::is_whole)
    }

    /// How many came so far, whichever way.
    pub fn bytes(&self) -> u64 {
        self.upload.as_ref().map_or(self.downloaded_bytes, Upload::received)
    }

    fn public_ids(&self) -> Vec<u64> {
        self.public_post_id().into_iter().chain(self.further_ids.iter().copied()).collect()
    }

    /// TikTok's word in webhooks.
    pub(crate) fn publish_type(&self) -> &'static str {
        if self.draft { "INBOX_SHARE" } else { "DIRECT_PUBLISH" }
    }

    pub(crate) fn summary(&self) -> Value {
        json!({
            "publish_id": self.publish_id,
            "account": self.account,
            "status": self.status(),
            "state": self.state,
            "privacy_level": self.privacy_level,
            "visibility": self.visibility,
            "title": self.title,
            "carousel": self.carousel,
            "init_at_ms": self.init_at_ms,
            "sha256": self.sha256,
            "bytes": self.bytes(),
            "media": self.media,
            "fetches": self.fetches,
            "breaches": self.breaches,
            "post_id": self.public_post_id().map(|id| id.to_string()),
            "share_url": self.public_post_id().map(|id| self.share_url(id)),
        })
    }
}

pub(crate) fn share_url(handle: &str, is_photo: bool, post_id: u64) -> String {
    let kind = if is_photo { "photo" } else { "video" };
    format!("https://www.tiktok.com/@{handle}/{kind}/{post_id}")
}

/// Where the bytes come from.
pub(crate) enum Source {
    Pull(Url),
    Upload(UploadPlan),
}

/// What an init asks for.
#[expect(clippy::struct_excessive_bools, reason = "each is one toggle of TikTok's")]
struct Init<'a> {
    title: &'a str,
    privacy_level: Option<&'a str>,
    source: Source,
    disable_comment: bool,
    disable_duet: bool,
    disable_stitch: bool,
    brand_content_toggle: bool,
    brand_organic_toggle: bool,
    is_aigc: bool,
    cover_timestamp_ms: i32,
}

impl World {
    pub(crate) fn creator_info(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::CreatorInfo, request, &["video.publish"], turn)?;
        let account = self.account(&caller)?;
        if let Some((code, why)) = self.posting_block(&caller, account, turn.now) {
            return Err(Refusal::new(200, code, why));
        }
        let data = json!({
            "creator_avatar_url": avatar_url(&caller.account),
            "creator_username": caller.account,
            "creator_nickname": account.nickname,
            "privacy_level_options": privacy_options(account),
            "comment_disabled": account.comment_disabled,
            "duet_disabled": account.private || account.duet_disabled,
            "stitch_disabled": account.private || account.stitch_disabled,
            "max_video_post_duration_sec": account.max_video_post_duration_sec,
        });
        self.creator_info_at.insert(format!("{}|{}", caller.client_key, caller.account), turn.now);
        Ok(data)
    }

    pub(crate) fn video_init(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::VideoInit, request, &["video.publish"], turn)?;
        let body = json_body(request)?;
        let asked = self.read_init(&body)?;
        let account = self.account(&caller)?;
        let app = self.app(&caller.client_key)?;
        self.gate(&caller, account, app, turn.now)?;
        check_ownership(app, &asked.source)?;
        let privacy_level = offered(account, asked.privacy_level)?;
        self.check_branded(asked.brand_content_toggle, privacy_level)?;

        let way = if matches!(asked.source, Source::Pull(_)) { "url" } else { "file" };
        let publish_id = format!("v_pub_{way}~v2-1.{}", nineteen_digits(turn.rng));
        turn.call.publish_id = Some(publish_id.clone());
        let id = nineteen_digits(turn.rng);
        let (client_key, who) = (caller.client_key.clone(), caller.account.clone());
        let mut accepted = Post {
            privacy_level: privacy_level.into(),
            visibility: visibility(app, privacy_level).into(),
            title: asked.title.into(),
            disable_comment: asked.disable_comment || account.comment_disabled,
            disable_duet: asked.disable_duet || account.private || account.duet_disabled,
            disable_stitch: asked.disable_stitch || account.private || account.stitch_disabled,
            brand_content_toggle: asked.brand_content_toggle,
            brand_organic_toggle: asked.brand_organic_toggle,
            is_aigc: asked.is_aigc,
            cover_timestamp_ms: asked.cover_timestamp_ms.into(),
            breaches: self.breaches(&caller, privacy_level, asked.brand_content_toggle, turn.now),
            asked: body["post_info"].clone(),
            ..Post::bare(publish_id, client_key, who, id, turn.now)
        };
        let answer = self.prepare(&mut accepted, asked.source, request, turn);
        self.accept(accepted, turn.now, turn.effects);
        Ok(answer)
    }

    /// Gives a post its source; what the init answers.
    pub(crate) fn prepare(
        &mut self,
        post: &mut Post,
        source: Source,
        request: &Request,
        turn: &mut Turn<'_>,
    ) -> Value {
        match source {
            Source::Pull(url) => {
                post.urls.push_back(url.into());
                json!({ "publish_id": post.publish_id })
            }
            Source::Upload(plan) => {
                let upload = self.open_upload(plan, turn);
                let upload_url = self.upload_url(&upload, request);
                post.upload = Some(upload);
                post.state = PostState::Uploading;
                json!({ "publish_id": post.publish_id, "upload_url": upload_url })
            }
        }
    }

    /// The request by itself, without regard to who sends it.
    fn read_init<'a>(&self, body: &'a Value) -> Result<Init<'a>, Refusal> {
        let source = Fields::at(body, "source_info")?;
        let post = Fields::at(body, "post_info")?;
        if !self.config.ignore_unknown_fields {
            Fields::of_body(body)?.only(&["post_info", "source_info"])?;
            post.only(&POST_INFO)?;
        }
        let title = post.text_of_at_most("title", 2_200)?;
        let branded = self.read_brands(&post)?;
        let privacy_level = read_level(&post)?;
        let source = self.read_source(&source)?;
        Ok(Init {
            title,
            privacy_level,
            source,
            disable_comment: post.flag("disable_comment")?.unwrap_or(false),
            disable_duet: post.flag("disable_duet")?.unwrap_or(false),
            disable_stitch: post.flag("disable_stitch")?.unwrap_or(false),
            brand_content_toggle: branded.0,
            brand_organic_toggle: branded.1,
            is_aigc: post.flag("is_aigc")?.unwrap_or(false),
            cover_timestamp_ms: post.int32("video_cover_timestamp_ms")?.unwrap_or(0),
        })
    }

    /// `brand_content_toggle` and `brand_organic_toggle`.
    pub(crate) fn read_brands(&self, post: &Fields<'_>) -> Result<(bool, bool), Refusal> {
        let branded = (post.flag("brand_content_toggle")?, post.flag("brand_organic_toggle")?);
        if self.config.require_brand_toggles && (branded.0.is_none() || branded.1.is_none()) {
            return Err(post.wrong("brand_content_toggle and brand_organic_toggle", "are required"));
        }
        Ok((branded.0.unwrap_or(false), branded.1.unwrap_or(false)))
    }

    pub(crate) fn read_source(&self, info: &Fields<'_>) -> Result<Source, Refusal> {
        if !self.config.ignore_unknown_fields {
            info.only(&["source", "video_url", "video_size", "chunk_size", "total_chunk_count"])?;
        }
        match info.text("source")? {
            Some("PULL_FROM_URL") => {
                let url = info.text("video_url")?.unwrap_or_default();
                self.pullable(info, "video_url", url).map(Source::Pull)
            }
            Some("FILE_UPLOAD") => self.read_plan(info).map(Source::Upload),
            _ => Err(Refusal::invalid_params("The request source info is empty or incorrect")),
        }
    }

    /// Whether this creator may post through this app now.
    pub(crate) fn gate(
        &self,
        caller: &Caller,
        account: &Account,
        app: &App,
        now: i64,
    ) -> Result<(), Refusal> {
        if let Some((code, why)) = self.posting_block(caller, account, now) {
            return Err(Refusal::new(403, code, why));
        }
        if !app.audited && !account.private && !self.config.unaudited_posts_become_private {
            let why = "the app is not audited and the account is public";
            return Err(Refusal::new(403, "unaudited_client_can_only_post_to_private_accounts", why));
        }
        Ok(())
    }

    /// What `creator_info` tells with HTTP 200 and init with 403.
    fn posting_block(
        &self,
        caller: &Caller,
        account: &Account,
        now: i64,
    ) -> Option<(&'static str, &'static str)> {
        if account.banned {
            Some(("spam_risk_user_banned_from_posting", "the creator is banned"))
        } else if self.posts_in_a_day(&caller.account, now) >= account.daily_cap as usize {
            Some(("spam_risk_too_many_posts", "the creator's cap of 24 hours is reached"))
        } else if self.active_user_cap_reached(&caller.client_key, &caller.account, now) {
            Some(("reached_active_user_cap", "the app's cap of creators is reached"))
        } else {
            None
        }
    }

    pub(crate) fn accept(&mut self, post: Post, now: i64, effects: &mut Vec<Effect>) {
        while self.accepted.front().is_some_and(|(at, _, _)| *at <= now - DAY_MS) {
            self.accepted.pop_front();
        }
        if !post.draft {
            self.accepted.push_back((now, post.client_key.clone(), post.account.clone()));
        }
        let publish_id = post.publish_id.clone();
        let uploads = post.upload.is_some();
        self.posts.insert(publish_id.clone(), post);
        if uploads {
            self.schedule(now + self.config.uploads.valid_ms, Task::UploadDeadline(publish_id));
            return;
        }
        let wait = match &self.config.time {
            Time::Auto(auto) => auto.fetch_ms,
            Time::Explicit => 0,
        };
        self.schedule(now + self.config.fetcher.limit_ms, Task::PullDeadline(publish_id.clone()));
        if wait > 0 {
            self.schedule(now + wait, Task::Fetch(publish_id));
        } else {
            self.start_fetch(&publish_id, now, effects);
        }
    }

    pub(crate) fn check_branded(&self, branded: bool, privacy_level: &str) -> Result<(), Refusal> {
        if branded && privacy_level == "SELF_ONLY" && self.config.refuse_private_branded {
            return Err(Refusal::invalid_params("Branded content visibility cannot be set to private."));
        }
        Ok(())
    }

    /// What TikTok's guidelines forbid and its API lets pass.
    pub(crate) fn breaches(
        &self,
        caller: &Caller,
        privacy_level: &str,
        branded: bool,
        now: i64,
    ) -> Vec<String> {
        let mut breaches = Vec::new();
        let asked = self.creator_info_at.get(&format!("{}|{}", caller.client_key, caller.account));
        if asked.is_none_or(|at| now - at > MINUTE_MS) {
            breaches.push("creator_info was not asked in the minute before init".into());
        }
        if branded && privacy_level == "SELF_ONLY" {
            breaches.push("branded content cannot be private".into());
        }
        breaches
    }

    pub(crate) fn account(&self, caller: &Caller) -> Result<&Account, Refusal> {
        let gone = || Refusal::new(401, "access_token_invalid", "the account is gone");
        self.config.accounts.get(&caller.account).ok_or_else(gone)
    }

    /// https, a name for a host, no credentials. Loopback may be exempt.
    pub(crate) fn pullable(&self, info: &Fields<'_>, name: &str, text: &str) -> Result<Url, Refusal> {
        let wrong = |rule: &str| info.wrong(name, rule);
        let url = Url::parse(text).map_err(|_| wrong("is not a URL"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has credentials"));
        }
        if self.config.plain_http_on_loopback && is_loopback(&url) {
            return Ok(url);
        }
        if url.scheme() != "https" {
            return Err(wrong("is not https"));
        }
        match url.host() {
            Some(Host::Domain(name)) if name.contains('.') => Ok(url),
            _ => Err(wrong("has no domain name for a host")),
        }
    }

    pub(crate) fn status_fetch(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::StatusFetch, request, &["video.publish", "video.upload"], turn)?;
        let post = self.posts.get(&self.named_post(request, &caller, turn)?);
        let visible_from = turn.now - self.config.status_visible_after_ms;
        let kept_since = self.config.status_kept_ms.map(|ms| turn.now - ms);
        let is_kept = |post: &&Post| kept_since.is_none_or(|since| post.init_at_ms > since);
        let Some(post) = post.filter(|post| post.init_at_ms <= visible_from).filter(is_kept) else {
            return Err(Refusal::new(400, "invalid_publish_id", "the post is not visible yet, or no more"));
        };
        let bytes = if post.upload.is_some() { "uploaded_bytes" } else { "downloaded_bytes" };
        let mut data = json!({ "status": post.status(), bytes: post.bytes_at(turn.now) });
        match &post.state {
            PostState::Complete { .. } => {
                data["publicaly_available_post_id"] = json!(post.public_ids());
            }
            PostState::Failed { fail_reason, .. } => data["fail_reason"] = json!(fail_reason),
            PostState::Uploading
            | PostState::Downloading
            | PostState::Processing { .. }
            | PostState::InInbox { .. } => {}
        }
        Ok(data)
    }

    pub(crate) fn cancel(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::Cancel, request, &["video.publish", "video.upload"], turn)?;
        let publish_id = self.named_post(request, &caller, turn)?;
        let settings = &self.config.cancel;
        let near_completion = |post: &Post| {
            settings.near_completion_after_ms.is_some_and(|ms| turn.now - post.init_at_ms >= ms)
        };
        let too_late = match self.posts.get(&publish_id) {
            Some(post) if post.cancelling => Some("it is being cancelled already"),
            // Of an upload nothing is documented.
            Some(post) if post.state == PostState::Uploading => Some("it is no download"),
            Some(post) if post.state != PostState::Downloading => Some("the download is over"),
            Some(post) if near_completion(post) => Some("the download is nearly complete"),
            _ => None,
        };
        if let Some(why) = too_late {
            return Err(Refusal::new(400, "publish_not_cancellable", why));
        }
        if settings.in_vain {
            return Ok(Value::Null);
        }
        let delay_ms = settings.delay_ms;
        if let Some(post) = self.posts.get_mut(&publish_id) {
            post.cancelling = true;
        }
        if delay_ms > 0 {
            self.schedule(turn.now + delay_ms, Task::Cancel(publish_id));
        } else {
            self.cancelled(&publish_id, turn.now, turn.effects);
        }
        Ok(Value::Null)
    }

    pub(crate) fn cancelled(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        if self.posts.get(publish_id).is_some_and(|post| post.cancelling && post.state.is_open()) {
            self.end(publish_id, "publish_cancelled", "the developer cancelled", now, effects);
        }
    }

    fn named_post(&self, request: &Request, caller: &Caller, turn: &mut Turn<'_>) -> Result<String, Refusal> {
        let body = json_body(request)?;
        let Some(publish_id) = body.get("publish_id").and_then(Value::as_str).filter(|id| !id.is_empty())
        else {
            return Err(Refusal::invalid_params("publish_id is empty or incorrect"));
        };
        turn.call.publish_id = Some(publish_id.into());
        let Some(post) = self.posts.get(publish_id) else {
            return Err(Refusal::new(400, "invalid_publish_id", "no post has this publish_id"));
        };
        if post.client_key != caller.client_key || post.account != caller.account {
            let why = "the post belongs to another app or account";
            return Err(Refusal::new(400, "token_not_authorized_for_specified_publish_id", why));
        }
        Ok(publish_id.into())
    }

    /// The next step of a post, for [`Time::Explicit`]: processed, then public.
    pub fn advance(&mut self, publish_id: &str, now_ms: i64) -> Result<Vec<Effect>, WrongStep> {
        let mut effects = self.tick(now_ms);
        let post = self.known(publish_id)?;
        match post.state {
            PostState::Processing { .. } => self.settle(publish_id, now_ms, &mut effects),
            PostState::Complete { removed: false, .. } if will_be_public(post) => {
                self.reveal(publish_id, now_ms, &mut effects);
            }
            PostState::Uploading
            | PostState::Downloading
            | PostState::InInbox { .. }
            | PostState::Complete { .. }
            | PostState::Failed { .. } => {
                return Err(not_from(post));
            }
        }
        Ok(effects)
    }

    /// Lets a post that is under way fail, with no cause but our wish.
    pub fn fail(
        &mut self,
        publish_id: &str,
        fail_reason: &str,
        now_ms: i64,
    ) -> Result<Vec<Effect>, WrongStep> {
        let mut effects = self.tick(now_ms);
        let post = self.known(publish_id)?;
        if !post.state.is_open() {
            return Err(not_from(post));
        }
        self.end(publish_id, fail_reason, "somebody wished it", now_ms, &mut effects);
        Ok(effects)
    }

    /// Moderation takes a public post down again.
    pub fn take_down(&mut self, publish_id: &str, now_ms: i64) -> Result<Vec<Effect>, WrongStep> {
        let mut effects = self.tick(now_ms);
        let post = self.known(publish_id)?;
        let PostState::Complete { revealed, removed: false } = post.state else { return Err(not_from(post)) };
        if post.public_since_ms.is_none() {
            return Err(not_from(post));
        }
        let content = json!({
            "publish_id": publish_id,
            "post_id": post.id.to_string(),
            "publish_type": post.publish_type(),
        });
        self.set_state(publish_id, PostState::Complete { revealed, removed: true });
        // TikTok's spelling.
        let event = "post.publish.no_longer_publicaly_available";
        self.emit_for(publish_id, event, &content, now_ms, &mut effects);
        Ok(effects)
    }

    /// The creator makes a post public later, in the app.
    pub fn make_public(&mut self, publish_id: &str, now_ms: i64) -> Result<Vec<Effect>, WrongStep> {
        let mut effects = self.tick(now_ms);
        let post = self.known(publish_id)?;
        if !matches!(post.state, PostState::Complete { removed: false, .. }) || post.public_since_ms.is_some()
        {
            return Err(not_from(post));
        }
        if let Some(post) = self.posts.get_mut(publish_id) {
            "PUBLIC_TO_EVERYONE".clone_into(&mut post.visibility);
        }
        self.reveal(publish_id, now_ms, &mut effects);
        Ok(effects)
    }

    pub(crate) fn known(&self, publish_id: &str) -> Result<&Post, WrongStep> {
        let unknown = || WrongStep::Unknown { publish_id: publish_id.into() };
        self.posts.get(publish_id).ok_or_else(unknown)
    }

    pub(crate) fn set_state(&mut self, publish_id: &str, state: PostState) {
        if let Some(post) = self.posts.get_mut(publish_id) {
            post.state = state;
        }
    }

    /// Processing is over: published, or failed for the first cause that holds.
    pub(crate) fn settle(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get(publish_id) else { return };
        let PostState::Processing { verdict } = &post.state else { return };
        let failure = self.misfortune(post, now).or_else(|| verdict.clone());
        if let Some((reason, why)) = failure {
            self.end(publish_id, &reason, &why, now, effects);
            return;
        }
        if post.draft {
            self.deliver(publish_id, now, effects);
        } else {
            self.complete_post(publish_id, now, effects);
        }
    }

    /// The post is up.
    pub(crate) fn complete_post(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get(publish_id) else { return };
        let publication = self.publication(post);
        let to_reveal = will_be_public(post);
        let content = json!({ "publish_id": publish_id, "publish_type": post.publish_type() });
        if let Some(post) = self.posts.get_mut(publish_id) {
            post.state = PostState::Complete { revealed: false, removed: false };
            post.completed_at_ms = Some(now);
        }
        self.write_log(now, What::Publication(Box::new(publication)));
        self.emit_for(publish_id, "post.publish.complete", &content, now, effects);
        if let Time::Auto(auto) = &self.config.time
            && to_reveal
        {
            let at = now + auto.public_id_ms;
            self.schedule(at, Task::Reveal(publish_id.into()));
        }
    }

    pub(crate) fn publication(&self, post: &Post) -> Publication {
        Publication {
            publish_id: post.publish_id.clone(),
            client_key: post.client_key.clone(),
            account: post.account.clone(),
            open_id: self.open_id(&post.client_key, &post.account),
            privacy_level: post.privacy_level.clone(),
            visibility: post.visibility.clone(),
            title: post.title.clone(),
            disable_comment: post.disable_comment,
            disable_duet: post.disable_duet,
            disable_stitch: post.disable_stitch,
            asked: post.asked.clone(),
            brand_content_toggle: post.brand_content_toggle,
            brand_organic_toggle: post.brand_organic_toggle,
            is_aigc: post.is_aigc,
            cover_timestamp_ms: post.cover_timestamp_ms,
            sha256: post.sha256.clone(),
            bytes: post.bytes(),
            media: post.media.clone().unwrap_or_else(|| Probe::nothing("nothing was fetched")),
            carousel: post.carousel.clone(),
            fetches: post.fetches.clone(),
            init_at_ms: post.init_at_ms,
            breaches: post.breaches.clone(),
        }
    }

    /// A cause that lies not in the bytes.
    fn misfortune(&self, post: &Post, now: i64) -> Option<(String, String)> {
        let found = |reason: &str, why: &str| Some((reason.to_owned(), why.to_owned()));
        if matches!(self.config.outage, Outage::Processing | Outage::Api) {
            return found("internal", "an outage");
        }
        let Some(account) = self.config.accounts.get(&post.account) else {
            return found("auth_removed", "the account is gone");
        };
        if account.banned {
            return found("spam_risk_user_banned_from_posting", "the creator is banned");
        }
        if post.draft {
            return None;
        }
        if self.posts_in_a_day(&post.account, now) > account.daily_cap as usize {
            return found("spam_risk_too_many_posts", "the creator posted more elsewhere in the meantime");
        }
        let risk = &self.config.risk;
        let words = post.words();
        let said = words.to_lowercase();
        if let Some(word) = risk.words.iter().find(|word| said.contains(&word.to_lowercase())) {
            return found("spam_risk_text", &format!("the caption says `{word}`"));
        }
        let twins = self.posts.values().filter(|other| {
            matches!(other.state, PostState::Complete { .. })
                && (&other.account, &other.sha256) == (&post.account, &post.sha256)
                && other.words() == words
                && other.init_at_ms > now - DAY_MS
        });
        if risk.identical_posts.is_some_and(|fine| twins.count() >= fine as usize) {
            return found("spam_risk", "the same content was posted before");
        }
        None
    }

    /// Everybody can see it from now on; its id is told, unless the account is one of those that never get any.
    pub(crate) fn reveal(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        if post.state != (PostState::Complete { revealed: false, removed: false }) {
            return;
        }
        post.public_since_ms.get_or_insert(now);
        if self.config.accounts.get(&post.account).is_none_or(|account| account.post_ids_withheld) {
            return;
        }
        post.state = PostState::Complete { revealed: true, removed: false };
        let post_id = post.id;
        self.tell_post_id(publish_id, post_id, now, effects);
    }

    pub(crate) fn tell_post_id(
        &mut self,
        publish_id: &str,
        post_id: u64,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let Some(post) = self.posts.get(publish_id) else { return };
        let (account, publish_type) = (post.account.clone(), post.publish_type());
        self.write_log(now, What::PostId { publish_id: publish_id.into(), account, post_id });
        let content = json!({
            "publish_id": publish_id,
            "post_id": post_id.to_string(),
            "publish_type": publish_type,
        });
        self.emit_for(publish_id, "post.publish.publicly_available", &content, now, effects);
    }

    pub(crate) fn end(
        &mut self,
        publish_id: &str,
        reason: &str,
        why: &str,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let Some(post) = self.posts.get_mut(publish_id) else { return };
        post.stop_pull(now);
        post.state = PostState::Failed { fail_reason: reason.into(), why: why.into() };
        let (account, fetches) = (post.account.clone(), post.fetches.clone());
        let publish_type = post.publish_type();
        self.unschedule(&Task::PullDeadline(publish_id.into()));
        self.unschedule(&Task::UploadDeadline(publish_id.into()));
        self.spools.remove(publish_id);
        let failure = What::Failure {
            publish_id: publish_id.into(),
            account,
            fail_reason: reason.into(),
            why: why.into(),
            fetches,
        };
        self.write_log(now, failure);
        let content = json!({
            "publish_id": publish_id,
            "reason": reason,
            "publish_type": publish_type,
        });
        self.emit_for(publish_id, "post.publish.failed", &content, now, effects);
    }

    pub(crate) fn fail_in_flight(
        &mut self,
        client_key: &str,
        account: &str,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let open: Vec<_> = self
            .posts
            .values()
            .filter(|post| post.client_key == client_key && post.account == account)
            .filter(|post| post.state.is_open())
            .map(|post| post.publish_id.clone())
            .collect();
        for publish_id in open {
            self.end(&publish_id, "auth_removed", "the authorization was removed in flight", now, effects);
        }
    }

    pub(crate) fn emit_for(
        &mut self,
        publish_id: &str,
        event: &str,
        content: &Value,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let Some(post) = self.posts.get(publish_id) else { return };
        let (client_key, account) = (post.client_key.clone(), post.account.clone());
        let open_id = self.open_id(&client_key, &account);
        self.emit(&client_key, event, &open_id, content, Some(publish_id), now, effects);
    }
}

pub(crate) fn will_be_public(post: &Post) -> bool {
    post.visibility == "PUBLIC_TO_EVERYONE" && post.public_since_ms.is_none()
}

pub(crate) fn not_from(post: &Post) -> WrongStep {
    WrongStep::NotFrom { publish_id: post.publish_id.clone(), state: post.state.name() }
}

pub(crate) fn json_body(request: &Request) -> Result<Value, Refusal> {
    if request.content_type() != "application/json" {
        return Err(Refusal::invalid_params("The content type is not application/json"));
    }
    let body: Value = serde_json::from_slice(&request.body)
        .map_err(|_| Refusal::invalid_params("The request body is not JSON"))?;
    if body.is_object() { Ok(body) } else { Err(Refusal::invalid_params("The request body is no object")) }
}

/// An unaudited app's posts are seen by their creator alone.
pub(crate) fn visibility<'a>(app: &App, privacy_level: &'a str) -> &'a str {
    if app.audited { privacy_level } else { "SELF_ONLY" }
}

/// The level that was asked for, if the creator may choose it now.
pub(crate) fn offered<'a>(account: &Account, level: Option<&'a str>) -> Result<&'a str, Refusal> {
    let options = privacy_options(account);
    level.filter(|level| options.iter().any(|option| option == level)).ok_or_else(|| {
        let why = format!("{level:?} is not among {options:?}");
        Refusal::new(403, "privacy_level_option_mismatch", why)
    })
}

fn privacy_options(account: &Account) -> Vec<String> {
    if let Some(options) = &account.privacy_level_options {
        return options.clone();
    }
    let widest = if account.private { "FOLLOWER_OF_CREATOR" } else { "PUBLIC_TO_EVERYONE" };
    [widest, "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"].map(String::from).to_vec()
}

pub(crate) fn read_level<'a>(post: &Fields<'a>) -> Result<Option<&'a str>, Refusal> {
    let level = post.text("privacy_level")?;
    if level.is_some_and(|level| !PRIVACY_LEVELS.contains(&level)) {
        return Err(post.wrong("privacy_level", "is no privacy level"));
    }
    Ok(level)
}

pub(crate) fn check_ownership(app: &App, source: &Source) -> Result<(), Refusal> {
    match source {
        Source::Pull(url) => check_owned(app, url),
        Source::Upload(_) => Ok(()),
    }
}

pub(crate) fn check_owned(app: &App, url: &Url) -> Result<(), Refusal> {
    if owns(app, url) {
        return Ok(());
    }
    let why = format!("no verified property covers `{}`", without_query(url));
    Err(Refusal::new(403, "url_ownership_unverified", why))
}

/// A domain covers its sub-domains and all their paths; a prefix covers what begins with it, to the letter.
fn owns(app: &App, url: &Url) -> bool {
    let plain = without_query(url);
    app.verified_url_prefixes.iter().any(|property| {
        if property.contains("://") {
            return plain.starts_with(property.as_str());
        }
        let host = url.host_str().unwrap_or_default();
        host == property || host.strip_suffix(property.as_str()).is_some_and(|sub| sub.ends_with('.'))
    })
}

fn without_query(url: &Url) -> String {
    let mut plain = url.clone();
    plain.set_query(None);
    plain.set_fragment(None);
    plain.into()
}
