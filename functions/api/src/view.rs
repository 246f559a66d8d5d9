//! What people see of our rows. Each type is answered as it stands here, and documented by what stands here: a new field is one
//! line with its doc, and one where it is filled.

use std::collections::BTreeMap;

use domain::creator::{CreatorInfo, CreatorStatus};
use domain::delivery::DeliveryState;
use domain::endpoint::EndpointState;
use domain::media::{self, MediaState, Original, PhotoProbe, VideoProbe};
use domain::{CreatorId, EndpointId, KeyId, MediaId, NoticeId, PostId, Timestamp};
use ports::{ApiKey, Plaintext, Upload};
use serde::Serialize;
use utoipa::ToSchema;
pub(crate) use views::{
    Creator, Message, Notice, Post, STATES, accepted, creator, creator_statuses, message, notice, post,
    status,
};

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

/// An uploaded video or photo.
#[derive(Serialize, ToSchema)]
pub(crate) struct Media {
    /// Its id.
    #[schema(value_type = String, example = "med_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: MediaId,
    /// `awaiting_upload`, `probing`, `ready` or `rejected`.
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
    /// How to upload, in the answers to the declaration and to GET /v1/media/{id}/upload.
    #[schema(required)]
    upload: Option<UploadTo>,
    /// When it was declared.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn media_states() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["awaiting_upload", "probing", "ready", "rejected"]))
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

/// How the bytes may come.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Upload)]
pub(crate) enum UploadTo {
    /// By one request.
    Put(ByPut),
    /// In parts.
    Parts(InParts),
}

/// Requests that upload a file in parts, in any order and side by side.
#[derive(Serialize, ToSchema)]
pub(crate) struct InParts {
    /// S3's id of the upload.
    pub(crate) upload_id: String,
    /// The size of every part but the last, in bytes.
    pub(crate) part_size: u64,
    /// The parts that are still to come.
    pub(crate) parts: Vec<PartTo>,
    /// The numbers of the parts that are there.
    pub(crate) received: Vec<u32>,
    /// Afterwards the URLs are refused; fresh ones are given as often as somebody asks.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// A part that is still to come.
#[derive(Serialize, ToSchema)]
#[schema(as = UploadPart)]
pub(crate) struct PartTo {
    /// Its number, from 1.
    pub(crate) number: u32,
    /// How many bytes it has.
    pub(crate) size: u64,
    /// Where to `PUT` it; whoever has it may upload.
    #[schema(format = "uri")]
    pub(crate) url: String,
}

impl From<Upload> for UploadTo {
    fn from(upload: Upload) -> Self {
        Self::Put(ByPut {
            method: "PUT",
            url: upload.url.expose().to_owned(),
            headers: upload.headers.into_iter().collect(),
            expires_at: upload.expires_at,
        })
    }
}

/// A request that uploads the bytes.
#[derive(Serialize, ToSchema)]
pub(crate) struct ByPut {
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

impl Media {
    /// The same, whose bytes are there and not judged yet.
    #[must_use]
    pub(crate) fn probing(self) -> Self {
        Self { state: "probing", ..self }
    }
}

pub(crate) fn media(media: &domain::Media, upload: Option<UploadTo>) -> Media {
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
        upload,
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

/// Where a customer wants to be told of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpoint)]
pub(crate) struct Endpoint {
    /// Its id.
    #[schema(value_type = String, example = "whe_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: EndpointId,
    /// Where events are posted to.
    #[schema(format = "uri")]
    url: String,
    /// What people call it.
    description: String,
    /// Types of events that are sent, or families; empty, or `*`: every one.
    events: Vec<String>,
    /// Whether events are sent.
    #[schema(schema_with = endpoint_states)]
    state: &'static str,
    /// Why it is off.
    #[schema(required)]
    disabled: Option<Disabled>,
    /// The first failure since the last success.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    failing_since: Option<Timestamp>,
    /// What signs, newest first: one secret, or two while one takes the other's place.
    secrets: Vec<SecretInUse>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn endpoint_states() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["enabled", "disabled", "removed"]))
        .description(Some("Whether events are sent."))
        .build()
}

/// Why a webhook endpoint is off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEndpointDisabled)]
pub(crate) struct Disabled {
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `gone`: it answered 410; `failing`: it failed for five days; `asked`: somebody turned it off; `removed`.
    reason: &'static str,
}

/// A secret that signs, without the secret itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookSecret)]
pub(crate) struct SecretInUse {
    /// Counts the endpoint's secrets.
    number: u64,
    /// When it signs no more, once another has taken its place.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    ends_at: Option<Timestamp>,
}

/// An endpoint with the secret that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = NewWebhookEndpoint)]
pub(crate) struct NewEndpoint {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// What signs from now on; it is shown in this answer alone.
    #[schema(example = "whsec_…")]
    secret: String,
}

/// An endpoint without its secrets.
pub(crate) fn endpoint(endpoint: &domain::Endpoint) -> Endpoint {
    let (state, disabled) = match endpoint.state {
        EndpointState::On => ("enabled", None),
        EndpointState::Off { at, why } => ("disabled", Some(Disabled { at, reason: why.as_str() })),
        EndpointState::Removed { at } => ("removed", Some(Disabled { at, reason: "removed" })),
    };
    let secrets = endpoint.secrets.iter();
    Endpoint {
        id: endpoint.id.clone(),
        url: endpoint.url.clone(),
        description: endpoint.description.clone(),
        events: endpoint.events.iter().cloned().collect(),
        state,
        disabled,
        failing_since: endpoint.failing_since,
        secrets: secrets.map(|it| SecretInUse { number: it.number, ends_at: it.ends_at }).collect(),
        created_at: endpoint.created_at,
    }
}

/// An endpoint with a secret of its own.
pub(crate) fn new_endpoint(endpoint: &domain::Endpoint, secret: &Plaintext) -> NewEndpoint {
    NewEndpoint { endpoint: self::endpoint(endpoint), secret: secret.expose().to_owned() }
}

/// One event on its way to one endpoint.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookDelivery)]
pub(crate) struct Delivery {
    /// The event's id, which the receiver sees as `webhook-id`.
    #[schema(value_type = String)]
    event: NoticeId,
    /// The event's type.
    #[schema(example = "post.published")]
    r#type: String,
    /// What has become of it.
    #[schema(schema_with = delivery_states)]
    state: &'static str,
    /// The last 20 attempts, the newest last.
    attempts: Vec<Attempt>,
    /// When the next attempt is, if there is one.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

fn delivery_states() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["pending", "delivered", "given_up", "dropped"]))
        .description(Some("What has become of it; `dropped`: its endpoint was turned off or removed."))
        .build()
}

/// One attempt at a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookAttempt)]
pub(crate) struct Attempt {
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took, in milliseconds.
    ms: u32,
    /// What was answered, if anything was; 2xx is a success and nothing else.
    #[schema(required)]
    status: Option<u16>,
    /// Why nothing was answered: `timeout`, `no_connection`, or the rule that the URL breaks.
    #[schema(required)]
    error: Option<String>,
    /// The beginning of the answer.
    #[schema(required)]
    response: Option<String>,
}

/// A delivery with its log.
pub(crate) fn delivery(delivery: &domain::Delivery) -> Delivery {
    let next_attempt_at = match delivery.state {
        DeliveryState::Pending { next, .. } => Some(next),
        DeliveryState::Delivered { .. } | DeliveryState::GivenUp { .. } | DeliveryState::Dropped { .. } => {
            None
        }
    };
    let attempt = |it: &domain::delivery::Attempt| Attempt {
        at: it.at,
        ms: it.millis,
        status: it.status,
        error: it.code.clone(),
        response: it.response.clone(),
    };
    Delivery {
        event: delivery.key.event.clone(),
        r#type: delivery.event_type.clone(),
        state: delivery.state.name(),
        attempts: delivery.attempts.iter().map(attempt).collect(),
        next_attempt_at,
        created_at: delivery.created_at,
    }
}

/// What is sent again: the delivery of one event, or whatever was missed since a moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Redelivery {
    /// One event.
    Event(Delivery),
    /// All since a moment.
    Since(MissedSince),
}

/// Whatever was missed since a moment is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MissedSince {
    /// Since then.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) since: Timestamp,
}

/// A type of event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventType {
    /// Its name.
    #[schema(example = "post.published")]
    pub(crate) r#type: &'static str,
    /// What it means.
    pub(crate) description: &'static str,
    /// What is posted to webhook endpoints.
    pub(crate) example: Message,
}
