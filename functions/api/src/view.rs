//! What people see of our rows. Each type is answered as it stands here, and documented by what stands here: a new field is one
//! line with its doc, and one where it is filled.

use std::collections::BTreeMap;

use domain::content::{Content, Kind, Mode, PrivacyLevel};
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::media::{self, MediaState, Original, PhotoProbe, VideoProbe};
use domain::notice::News;
use domain::post::PostState;
use domain::timeline::{Actor, Entry, What};
use domain::{Account, CreatorId, KeyId, MediaId, NoticeId, PostId, Timestamp};
use ports::{ApiKey, Upload};
use serde::Serialize;
use utoipa::ToSchema;

/// The function answers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `ok`.
    pub(crate) status: &'static str,
}

/// One page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    pub(crate) next_cursor: Option<String>,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    User,
    TikTok,
    System,
}

/// An error bars the way; an advice does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Advice,
}

impl From<domain::Level> for Level {
    fn from(level: domain::Level) -> Self {
        match level {
            domain::Level::Error => Self::Error,
            domain::Level::Advice => Self::Advice,
        }
    }
}

/// Why a request is not answered with what it asked for (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct Refused {
    /// Where `code` is explained.
    #[schema(format = "uri")]
    pub(crate) r#type: String,
    /// What the status means, a few words.
    pub(crate) title: &'static str,
    /// The answer's status.
    pub(crate) status: u16,
    /// What was found and what the limit is, one sentence.
    pub(crate) detail: String,
    /// The rule that is broken; `request.invalid` where `errors` lists several.
    #[schema(example = "video.duration.max")]
    pub(crate) code: String,
    /// JSON pointer of the first field (`/caption`) or query parameter; empty where the whole request is meant.
    #[schema(required)]
    pub(crate) param: Option<String>,
    /// The first rule that is broken.
    #[schema(required)]
    pub(crate) rule: Option<String>,
    /// Whose fault it is.
    pub(crate) source: Source,
    /// Whether the same request may be answered otherwise later.
    pub(crate) retryable: bool,
    /// When to send it again.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) retry_at: Option<Timestamp>,
    /// What to do, one sentence.
    #[schema(required)]
    pub(crate) remedy: Option<String>,
    /// What TikTok said, where it was asked.
    #[schema(required)]
    pub(crate) tiktok: Option<TikTokSaid>,
    /// The earlier post, where the same was posted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) duplicate_of: Option<PostId>,
    /// The request's id, as in the header X-Request-Id and in the log.
    pub(crate) request_id: String,
    /// `error`.
    pub(crate) level: Level,
    /// All problems of the request.
    pub(crate) errors: Vec<Problem>,
}

/// What TikTok said.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TikTokSaid {
    /// TikTok's code.
    #[schema(required)]
    pub(crate) code: Option<String>,
    /// TikTok's words.
    pub(crate) message: String,
    /// What TikTok's support asks for.
    #[schema(required)]
    pub(crate) log_id: Option<String>,
}

/// One broken rule.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// JSON pointer of the field (`/caption`) or query parameter; empty where the whole thing is meant.
    pub(crate) param: String,
    /// Stable identifier of the rule.
    #[schema(example = "video.duration.max")]
    pub(crate) rule: String,
    /// What was found and what the limit is, one sentence.
    pub(crate) detail: String,
    /// What to do, one sentence.
    pub(crate) remedy: String,
    /// Whether it bars the way.
    pub(crate) level: Level,
}

impl Problem {
    pub(crate) fn of(problem: &domain::Problem, level: Level) -> Self {
        Self {
            param: problem.param.clone(),
            rule: problem.rule.clone(),
            detail: problem.detail.clone(),
            remedy: problem.remedy.clone(),
            level,
        }
    }
}

/// A rule of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what people read in the API's answers")]
pub(crate) struct Rule {
    /// Stable identifier.
    #[schema(example = "video.duration.max")]
    pub(crate) rule: &'static str,
    /// A few words.
    pub(crate) title: &'static str,
    /// What it means.
    pub(crate) means: &'static str,
    /// What to do.
    pub(crate) remedy: &'static str,
    /// Where it is explained.
    #[schema(format = "uri")]
    pub(crate) url: String,
}

impl Rule {
    pub(crate) fn of(rule: &domain::Rule, base: &str) -> Self {
        Self {
            rule: rule.id,
            title: rule.title,
            means: rule.means,
            remedy: rule.remedy,
            url: rule_url(base, rule.id),
        }
    }
}

/// Where a rule is explained.
pub(crate) fn rule_url(base: &str, id: &str) -> String {
    format!("{base}/docs#rule-{}", domain::Rule::find(id).map_or(id, |rule| rule.id))
}

/// A post.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what people read in the API's answers")]
pub(crate) struct Post {
    /// Its id.
    #[schema(value_type = String, example = "pst_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: PostId,
    /// What it is.
    #[schema(schema_with = states)]
    state: &'static str,
    /// For which creator.
    #[schema(value_type = String)]
    creator: CreatorId,
    /// `video` or `photo`.
    kind: &'static str,
    /// `direct`: it is published; `inbox`: it goes to the creator's inbox at TikTok, where the creator finishes it.
    mode: &'static str,
    /// What is published.
    media: Vec<MediaRef>,
    /// Who may see it, in TikTok's words; `null` for the inbox, where the creator decides.
    #[schema(required, value_type = Option<String>, example = "PUBLIC_TO_EVERYONE")]
    privacy_level: Option<PrivacyLevel>,
    /// The caption of a video.
    #[schema(required)]
    caption: Option<String>,
    /// The title of photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The description of photos.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    /// When it is to be published; `null`: as soon as possible.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    publish_at: Option<Timestamp>,
    /// TikTok's id of the publication.
    #[schema(required)]
    publish_id: Option<String>,
    /// TikTok's ids of the public post.
    post_ids: Vec<String>,
    /// Where the public post is.
    #[schema(required)]
    url: Option<String>,
    /// TikTok says that it is not public any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    removed: Option<bool>,
    /// Why it failed.
    #[schema(required)]
    failure: Option<Failure>,
    /// What it waits for.
    #[schema(required)]
    held: Option<Held>,
    /// What is known of an attempt in doubt.
    #[schema(required)]
    unconfirmed: Option<Unconfirmed>,
    /// The post that this one repeats.
    #[schema(required, value_type = Option<String>)]
    retry_of: Option<PostId>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// What happened, oldest first.
    timeline: Vec<Event>,
}

/// The states of a post, as the API names them.
pub(crate) const STATES: [&str; 14] = [
    "draft",
    "awaiting_media",
    "scheduled",
    "queued",
    "held",
    "initiating",
    "uploading",
    "processing",
    "published",
    "sent_to_inbox",
    "failed",
    "unconfirmed",
    "cancelling",
    "cancelled",
];

fn states() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(STATES))
        .description(Some("What it is."))
        .build()
}

/// A media of a post.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaRef {
    /// Its id.
    #[schema(value_type = String)]
    id: MediaId,
}

/// Why a post failed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Failure {
    /// TikTok's `fail_reason`, or the rule that is broken.
    code: String,
    /// What to do.
    remedy: String,
}

/// What a post waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Held {
    /// Until when; `null`: until somebody does something.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Why.
    reason: &'static str,
    /// What helps.
    remedy: &'static str,
}

/// An attempt of which nobody knows whether TikTok created the post.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Unconfirmed {
    /// Since when it is in doubt.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// When TikTok was asked.
    #[schema(value_type = String, format = DateTime)]
    asked_tiktok_at: Timestamp,
    /// When the video was taken away from under TikTok.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    video_withdrawn_at: Option<Timestamp>,
    /// Whether it is to be cancelled.
    cancel_wanted: bool,
    /// What to do.
    remedy: &'static str,
}

/// What happened to a post.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Event {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What.
    #[schema(value_type = String, example = "accepted")]
    what: What,
    /// By whom.
    #[schema(value_type = String, example = "api")]
    by: Actor,
    /// TikTok's code, or a rule of ours.
    #[schema(required)]
    code: Option<String>,
    /// What TikTok said, if it was asked.
    #[schema(required)]
    tiktok: Option<TikTokNote>,
}

/// What TikTok said in a step of a post.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TikTokNote {
    /// TikTok's code.
    #[schema(required)]
    code: Option<String>,
    /// What TikTok's support asks for.
    #[schema(required)]
    log_id: Option<String>,
}

/// A post as it was accepted: the answer to the first request and to each repeat of it.
pub(crate) fn accepted(post: &domain::Post, content: &Content) -> Post {
    Post {
        state: post.accepted_as(),
        updated_at: post.created_at,
        timeline: post.timeline.entries().iter().take(1).map(entry).collect(),
        ..frame(post, Some(content))
    }
}

/// A post as it is.
pub(crate) fn post(post: &domain::Post, content: Option<&Content>, username: Option<&str>) -> Post {
    let mut view = frame(post, content);
    view.publish_id = post.state.publish_id().map(|id| id.0.clone());
    match &post.state {
        PostState::Published { post_ids, removed, .. } => {
            view.post_ids = post_ids.iter().map(u64::to_string).collect();
            view.removed = Some(*removed);
            if let (Some(id), Some(username)) = (post_ids.last(), username.filter(|name| !name.is_empty())) {
                view.url = Some(format!("https://www.tiktok.com/@{username}/{}/{id}", post.kind.as_str()));
            }
        }
        PostState::Failed { failure, .. } => {
            view.failure = Some(Failure { code: failure.code.clone(), remedy: failure.remedy.clone() });
        }
        PostState::Held { until, why, .. } => {
            view.held = Some(Held { until: *until, reason: why.as_str(), remedy: why.remedy() });
        }
        PostState::Unconfirmed { attempt, doubt, .. } => {
            view.unconfirmed = Some(Unconfirmed {
                since: doubt.since,
                asked_tiktok_at: attempt.claimed_at,
                video_withdrawn_at: doubt.fenced_at,
                cancel_wanted: doubt.cancel,
                remedy: "look at the creator's TikTok account and tell with POST /v1/posts/{id}/resolve what is there",
            });
        }
        PostState::Draft
        | PostState::AwaitingMedia { .. }
        | PostState::Scheduled { .. }
        | PostState::Queued { .. }
        | PostState::Initiating { .. }
        | PostState::Uploading { .. }
        | PostState::Processing { .. }
        | PostState::Cancelling { .. }
        | PostState::SentToInbox { .. }
        | PostState::Cancelled { .. } => {}
    }
    view
}

fn frame(post: &domain::Post, content: Option<&Content>) -> Post {
    let first = [post.media.clone()];
    let media = content.map_or(&first[..], |content| &content.media);
    let text = |kind| content.filter(|_| post.kind == kind);
    Post {
        id: post.id.clone(),
        state: post.state.name(),
        creator: post.creator.clone(),
        kind: post.kind.as_str(),
        mode: if post.privacy_level.is_some() { Mode::Direct } else { Mode::Inbox }.as_str(),
        media: media.iter().map(|id| MediaRef { id: id.clone() }).collect(),
        privacy_level: post.privacy_level,
        caption: text(Kind::Video).map(|content| content.caption.as_str().to_owned()),
        title: text(Kind::Photo).map(|content| content.title.as_str().to_owned()),
        description: text(Kind::Photo).map(|content| content.caption.as_str().to_owned()),
        publish_at: post.publish_at,
        publish_id: None,
        post_ids: Vec::new(),
        url: None,
        removed: None,
        failure: None,
        held: None,
        unconfirmed: None,
        retry_of: post.retry_of.clone(),
        created_at: post.created_at,
        updated_at: post.updated_at,
        timeline: post.timeline.entries().iter().map(entry).collect(),
    }
}

/// TikTok's codes are plain words, ours have a dot in them.
fn entry(entry: &Entry) -> Event {
    let theirs = entry.code.clone().filter(|code| !code.contains('.'));
    let log_id = entry.log_id.clone();
    let tiktok = (theirs.is_some() || log_id.is_some()).then_some(TikTokNote { code: theirs, log_id });
    Event { at: entry.at, what: entry.what, by: entry.by, code: entry.code.clone(), tiktok }
}

/// An uploaded video or photo.
#[derive(Serialize, ToSchema)]
pub(crate) struct Media {
    /// Its id.
    #[schema(value_type = String, example = "med_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: MediaId,
    /// `awaiting_upload`, `ready` or `rejected`.
    #[schema(schema_with = media_states)]
    state: &'static str,
    /// `video` or `photo`.
    kind: &'static str,
    /// The declared media type.
    content_type: &'static str,
    /// Whether a photo that TikTok does not take as it is, is converted.
    convert: bool,
    /// The declared size in bytes.
    size: u64,
    /// The declared SHA-256, base64.
    #[schema(required)]
    sha256: Option<String>,
    /// What the bytes are, once they are read.
    #[schema(required)]
    probe: Option<Probe>,
    /// Every rule that they break, and what is advised.
    problems: Vec<MediaProblem>,
    /// How to upload, in the answer to the declaration.
    #[schema(required)]
    upload: Option<UploadTo>,
    /// When it was declared.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn media_states() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["awaiting_upload", "ready", "rejected"]))
        .description(Some("What it is."))
        .build()
}

/// What the bytes of a media are.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Probe {
    /// Those of a video.
    Video(Video),
    /// Those of a photo.
    Photo(Photo),
}

/// What the bytes of a video are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Video {
    /// `mp4`, `mov` or `webm`.
    container: &'static str,
    /// `h264`, `h265`, `vp8`, `vp9`, or what the file calls it.
    codec: String,
    /// Duration in milliseconds.
    duration_ms: u64,
    /// Frames per second.
    frame_rate: f64,
    /// Width in pixels before rotation.
    width: u32,
    /// Height in pixels before rotation.
    height: u32,
    /// Clockwise rotation in degrees.
    rotation: u16,
    /// Size in bytes.
    size: u64,
}

/// What the bytes of a photo are, as it is given to TikTok.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Photo {
    /// `jpg` or `webp`.
    format: &'static str,
    /// Width in pixels before it is turned.
    width: u32,
    /// Height in pixels before it is turned.
    height: u32,
    /// How EXIF says that it is to be turned or mirrored, 1 (as it is) to 8.
    orientation: u8,
    /// Size in bytes.
    size: u64,
    /// What was uploaded, if this is what it was converted to.
    #[schema(required)]
    converted_from: Option<Uploaded>,
}

/// A photo before it was converted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Uploaded {
    /// `jpg`, `webp` or `png`.
    format: &'static str,
    /// Width in pixels before it is turned.
    width: u32,
    /// Height in pixels before it is turned.
    height: u32,
    /// How EXIF says that it is to be turned or mirrored, 1 (as it is) to 8.
    orientation: u8,
    /// Size in bytes.
    size: u64,
}

/// A rule that a media breaks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaProblem {
    /// Empty: the whole media.
    param: String,
    /// Stable identifier of the rule.
    rule: String,
    /// What was found and what the limit is.
    detail: String,
    /// What to do.
    remedy: String,
    /// `error`, or `advice`: it is taken, and would do better otherwise.
    level: Level,
}

/// A request that uploads the bytes.
#[derive(Serialize, ToSchema)]
#[schema(as = Upload)]
pub(crate) struct UploadTo {
    /// `PUT`.
    method: &'static str,
    /// Where to; whoever has it may upload.
    #[schema(format = "uri")]
    url: String,
    /// Headers that must be sent exactly so.
    headers: BTreeMap<String, String>,
    /// Afterwards it is refused.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

pub(crate) fn media(media: &domain::Media, upload: Option<&Upload>) -> Media {
    let (state, probe, problems) = match &media.state {
        MediaState::AwaitingUpload { .. } => ("awaiting_upload", None, &[][..]),
        // advice: what is ready can be posted as it is
        MediaState::Ready { probe, advice, .. } => ("ready", Some(probe), advice.as_slice()),
        MediaState::Rejected { problems } => ("rejected", None, problems.as_slice()),
    };
    Media {
        id: media.id.clone(),
        state,
        kind: media.declared.container.kind().as_str(),
        content_type: media.declared.container.content_type(),
        convert: media.declared.convert,
        size: media.declared.size,
        sha256: media.declared.sha256.clone(),
        probe: probe.map(|probe| match probe {
            media::Probe::Video(video) => Probe::Video(self::video(video)),
            media::Probe::Photo(photo) => Probe::Photo(self::photo(photo)),
        }),
        problems: problems
            .iter()
            .map(|problem| MediaProblem {
                param: problem.param.clone(),
                rule: problem.rule.clone(),
                detail: problem.detail.clone(),
                remedy: problem.remedy.clone(),
                level: problem.level.into(),
            })
            .collect(),
        upload: upload.map(|upload| UploadTo {
            method: "PUT",
            url: upload.url.expose().to_owned(),
            headers: upload.headers.iter().cloned().collect(),
            expires_at: upload.expires_at,
        }),
        created_at: media.created_at,
    }
}

fn video(video: &VideoProbe) -> Video {
    Video {
        container: video.container.extension(),
        codec: video.codec.clone(),
        duration_ms: video.duration_ms,
        frame_rate: f64::from(video.frame_rate_millis) / 1_000.0,
        width: video.width,
        height: video.height,
        rotation: video.rotation,
        size: video.size,
    }
}

fn photo(photo: &PhotoProbe) -> Photo {
    let uploaded = |it: &Original| Uploaded {
        format: it.container.extension(),
        width: it.width,
        height: it.height,
        orientation: it.orientation,
        size: it.size,
    };
    Photo {
        format: photo.format.extension(),
        width: photo.width,
        height: photo.height,
        orientation: photo.orientation,
        size: photo.size,
        converted_from: photo.converted_from.as_ref().map(uploaded),
    }
}

/// What a workspace sees of a TikTok account.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Creator {
    /// Its id.
    #[schema(value_type = String, example = "crt_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: CreatorId,
    /// TikTok's id of the account for this app.
    open_id: String,
    /// Display name.
    nickname: String,
    /// Handle without `@`.
    username: String,
    /// Avatar; TikTok lets the URL die after two hours.
    avatar_url: String,
    /// Whether posts can go out.
    #[schema(schema_with = creator_statuses)]
    status: CreatorStatus,
    /// What the creator granted.
    scopes: Vec<String>,
    /// When it was connected first.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

pub(crate) fn creator_statuses() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["active", "reconnect_required", "disconnected"]))
        .description(Some("Whether posts can go out."))
        .build()
}

/// `account` knows better than the creator's row whether posts can go out.
pub(crate) fn creator(creator: &domain::Creator, account: Option<&Account>) -> Creator {
    Creator {
        id: creator.id.clone(),
        open_id: creator.open_id.clone(),
        nickname: creator.info.nickname.clone(),
        username: creator.info.username.clone(),
        avatar_url: creator.info.avatar_url.clone(),
        status: status(creator, account),
        scopes: creator.scopes.clone(),
        created_at: creator.created_at,
    }
}

pub(crate) fn status(creator: &domain::Creator, account: Option<&Account>) -> CreatorStatus {
    use domain::account::AccountStatus;
    match account.map(|account| &account.status) {
        // another workspace has it by now
        _ if account.is_some_and(|account| !account.is_of(&creator.id)) => CreatorStatus::Disconnected,
        Some(AccountStatus::Connected) => CreatorStatus::Active,
        Some(AccountStatus::ReconnectRequired { .. }) => CreatorStatus::ReconnectRequired,
        Some(AccountStatus::Disconnected) => CreatorStatus::Disconnected,
        None => creator.status,
    }
}

/// A creator that was disconnected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Disconnected {
    #[serde(flatten)]
    pub(crate) creator: Creator,
    /// Whether TikTok has ended the grant.
    pub(crate) revoked: bool,
    /// What is left to do.
    #[schema(required)]
    pub(crate) remedy: Option<&'static str>,
    /// What becomes of the creator's posts.
    pub(crate) posts: LeftBehind,
}

/// What becomes of the posts of a creator that was disconnected.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeftBehind {
    /// Posts that wait.
    pub(crate) waiting: u64,
    /// Posts that TikTok has taken.
    pub(crate) in_progress: u64,
    /// One sentence.
    pub(crate) what_happens: &'static str,
    /// Whether the counts are of all posts, or of the newest ones only.
    pub(crate) all_were_looked_at: bool,
}

/// A link for a creator to connect with.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectLink {
    /// Send it to the creator; whoever opens it first connects.
    #[schema(format = "uri")]
    pub(crate) url: String,
    /// Afterwards it does not work any more.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// Something that happened, as customers know it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notice {
    /// Its id; the same happening has the same id.
    #[schema(value_type = String)]
    id: NoticeId,
    /// `creator.*` or `post.*`.
    #[schema(example = "post.published")]
    r#type: &'static str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// What it is about.
    data: NoticeData,
}

/// What an event is about. Which fields are there depends on its type.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticeData {
    /// The creator.
    #[schema(value_type = String)]
    creator: CreatorId,
    /// What to do, if anything.
    #[schema(required)]
    remedy: Option<String>,
    /// The post.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    post: Option<PostId>,
    /// TikTok's code or our rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[expect(clippy::option_option, reason = "absent where there can be none, `null` where there is none")]
    code: Option<Option<String>>,
    /// What was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    /// When the grant ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    grant_ends_at: Option<Timestamp>,
    /// In how many days or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u8>,
}

/// An event as customers know it.
pub(crate) fn notice(notice: &domain::Notice) -> Notice {
    let mut data = NoticeData {
        creator: notice.creator.clone(),
        remedy: notice.news.remedy().map(str::to_owned),
        post: None,
        code: None,
        scopes: None,
        grant_ends_at: None,
        days: None,
    };
    match &notice.news {
        News::Connected { scopes } => data.scopes = Some(scopes.clone()),
        News::ReconnectRequired { code } => data.code = Some(Some(code.clone())),
        News::Disconnected => {}
        News::GrantEnds { at, days } => {
            data.grant_ends_at = Some(*at);
            data.days = Some(*days);
        }
        News::Post { post, code, .. } => {
            data.post = Some(post.clone());
            data.code = Some(code.clone());
        }
    }
    Notice { id: notice.id.clone(), r#type: notice.news.name(), timestamp: notice.at, data }
}

/// What TikTok says a creator may do right now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CreatorInfo)]
pub(crate) struct CreatorMay {
    /// The creator.
    #[schema(value_type = String)]
    creator: CreatorId,
    /// Display name; must be shown wherever a post is composed.
    nickname: String,
    /// Handle without `@`.
    username: String,
    /// Avatar.
    avatar_url: String,
    /// The privacy levels that the creator may choose from, as TikTok wrote them.
    privacy_level_options: Vec<String>,
    /// Comments are off for everything this creator posts.
    comment_disabled: bool,
    /// Duets are off, or the account is private.
    duet_disabled: bool,
    /// Stitches are off, or the account is private.
    stitch_disabled: bool,
    /// Longest video, in seconds.
    max_video_post_duration_sec: u32,
    /// When TikTok said so.
    #[schema(value_type = String, format = DateTime)]
    fetched_at: Timestamp,
}

pub(crate) fn creator_info(creator: &domain::Creator, info: &CreatorInfo) -> CreatorMay {
    CreatorMay {
        creator: creator.id.clone(),
        nickname: info.nickname.clone(),
        username: info.username.clone(),
        avatar_url: info.avatar_url.clone(),
        privacy_level_options: info.privacy_level_options.clone(),
        comment_disabled: info.comment_disabled,
        duet_disabled: info.duet_disabled,
        stitch_disabled: info.stitch_disabled,
        max_video_post_duration_sec: info.max_video_post_duration_sec,
        fetched_at: info.fetched_at,
    }
}

/// What a key begins with, before its secret.
pub(crate) fn key_prefix(id: &KeyId) -> String {
    format!("slk_{:032x}", id.bits())
}

/// An API key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Key {
    /// Its id.
    #[schema(value_type = String)]
    id: KeyId,
    /// What it is for.
    name: String,
    /// What it begins with.
    prefix: String,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used, give or take an hour.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// When it stops working.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When it was revoked.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// The key whose place it has taken.
    #[schema(required, value_type = Option<String>)]
    replaces: Option<KeyId>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewKey {
    #[serde(flatten)]
    pub(crate) key: Key,
    /// The key itself; it is shown in this answer alone.
    #[schema(example = "slk_…")]
    pub(crate) secret: String,
}

/// A key without its secret and the secret's hash.
pub(crate) fn key(key: &ApiKey) -> Key {
    Key {
        id: key.id.clone(),
        name: key.name.as_str().to_owned(),
        prefix: key_prefix(&key.id),
        scopes: key.scopes.iter().map(domain::Scope::as_str).collect(),
        created_at: key.created_at,
        last_used_at: key.last_used_at,
        expires_at: key.ends_at(),
        revoked_at: key.revoked_at,
        replaces: key.replaces.clone(),
    }
}

/// What is wrong with a creator, and what to do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreatorHealth {
    /// The creator.
    #[schema(value_type = String)]
    pub(crate) creator: CreatorId,
    /// Whether posts can go out.
    #[schema(schema_with = creator_statuses)]
    pub(crate) status: CreatorStatus,
    /// Whether no problem bars the way.
    pub(crate) healthy: bool,
    /// The life of the tokens.
    #[schema(required)]
    pub(crate) token: Option<TokenLife>,
    /// What the creator granted.
    pub(crate) scopes: GrantedScopes,
    /// The creator's posts.
    pub(crate) posts: Tally,
    /// TikTok has answered 429: nothing goes out before this.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) resting_until: Option<Timestamp>,
    /// How TikTok treats the app, if that is known.
    #[schema(required)]
    pub(crate) tiktok_mode: Option<&'static str>,
    /// What is wrong, and what is worth a word.
    pub(crate) problems: Vec<Finding>,
}

/// The life of a creator's tokens.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TokenLife {
    /// When the access token ends.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) access_expires_at: Timestamp,
    /// When the grant ends, unless the creator connects again.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) refresh_expires_at: Timestamp,
    /// When the tokens were made.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_refreshed_at: Timestamp,
    /// When they are refreshed next.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) next_refresh_at: Option<Timestamp>,
    /// `fresh`, or merely `alive` while the creator posts nothing.
    pub(crate) kept: &'static str,
}

/// Scopes against what publishing needs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GrantedScopes {
    /// What publishing needs.
    pub(crate) needed: Vec<&'static str>,
    /// What the creator granted.
    pub(crate) granted: Vec<String>,
    /// What is missing.
    pub(crate) missing: Vec<&'static str>,
}

/// A creator's posts in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PostTally)]
pub(crate) struct Tally {
    /// Attempts that TikTok took in the last 24 hours.
    pub(crate) accepted_by_tiktok_in_24_hours: u64,
    /// What is likely left of TikTok's cap.
    #[schema(required)]
    pub(crate) likely_left_in_24_hours: Option<u64>,
    /// Posts that wait for their time or their media.
    pub(crate) waiting: u64,
    /// Posts that TikTok has.
    pub(crate) in_progress: u64,
    /// Posts of which nobody knows whether TikTok created them.
    pub(crate) unconfirmed: u64,
    /// Posts that are held, by reason.
    pub(crate) held: Vec<HeldPosts>,
    /// Whether the counts are of all posts, or of the newest ones only.
    pub(crate) all_were_looked_at: bool,
}

/// Posts that are held for one reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeldPosts {
    /// Why.
    pub(crate) reason: &'static str,
    /// How many.
    pub(crate) posts: u64,
    /// Until when the first of them is held; `null`: until somebody does something.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) until: Option<Timestamp>,
    /// What helps.
    pub(crate) remedy: &'static str,
}

/// Something that is wrong, or worth a word.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// Whether it bars the way.
    pub(crate) level: Level,
    /// Stable identifier of the rule.
    pub(crate) rule: String,
    /// What was found.
    pub(crate) detail: String,
    /// What to do.
    pub(crate) remedy: String,
}

/// What is known of the app at TikTok.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppStatus {
    /// How TikTok treats the app.
    pub(crate) tiktok: AppMode,
    /// Creators that posted in the last 24 hours.
    pub(crate) posting_creators_in_24_hours: PostingCreators,
    /// Where TikTok pulls from.
    pub(crate) media: MediaHost,
    /// What has to be entered in TikTok's developer portal.
    pub(crate) register_at_tiktok: Registered,
    /// The operator's breaker, if it is open.
    #[schema(required)]
    pub(crate) breaker: Option<OpenBreaker>,
    /// What is wrong, and what is worth a word.
    pub(crate) problems: Vec<Finding>,
}

/// How TikTok treats the app.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppMode {
    /// The app's key at TikTok.
    pub(crate) client_key: String,
    /// `sandbox`, `unaudited`, `audited` or `unknown`.
    pub(crate) mode: &'static str,
    /// What the operator set.
    pub(crate) mode_setting: &'static str,
    /// Which answer of TikTok's shows it.
    #[schema(required)]
    pub(crate) mode_shown_by: Option<ShownBy>,
    /// What it means.
    pub(crate) means: Vec<&'static str>,
    /// When TikTok said that too many creators post.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) active_user_cap_reached_at: Option<Timestamp>,
}

/// An answer of TikTok's that shows something of the app.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ShownBy {
    /// What it was.
    pub(crate) what: &'static str,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
}

/// Creators that posted in the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostingCreators {
    /// How many of this workspace.
    pub(crate) of_this_workspace: usize,
    /// Whether all creators were looked at, or the newest ones only.
    pub(crate) all_were_looked_at: bool,
    /// How many TikTok allows the whole app, if it does not allow any number.
    #[schema(required)]
    pub(crate) allowed_in_the_app: Option<usize>,
}

/// Where TikTok pulls videos from.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MediaHost {
    /// The media domain.
    #[schema(required)]
    pub(crate) base_url: Option<String>,
    /// `media_domain` or `presigned_s3_url`.
    pub(crate) pulled_by: &'static str,
    /// Whether TikTok takes the host, as far as its answers show.
    #[schema(required)]
    pub(crate) domain_verified: Option<bool>,
    /// When that was seen.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub(crate) domain_verified_seen_at: Option<Timestamp>,
    /// TikTok's verification files that are served.
    pub(crate) verification_files: Vec<VerificationFile>,
}

/// One of TikTok's verification files.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerificationFile {
    /// Its name.
    pub(crate) name: String,
    /// Where it is served.
    pub(crate) urls: Vec<String>,
}

/// What has to be entered in TikTok's developer portal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Registered {
    /// Where TikTok sends creators back to.
    pub(crate) redirect_uri: String,
    /// Where TikTok sends its webhooks.
    pub(crate) webhook_url: String,
}

/// The operator's breaker.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenBreaker {
    /// What TikTok refused with.
    pub(crate) code: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) open_since: Timestamp,
    /// When one post tries again.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) next_try_at: Timestamp,
}

/// TikTok's webhook was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Heard {}
