//! What people see of posts, creators and events: in the API's answers and in webhooks alike. Each type is answered as it stands
//! here, and documented by what stands here: a new field is one line with its doc, and one where it is filled.

#![warn(missing_docs)]

use domain::content::{Content, Kind, Mode, PrivacyLevel};
use domain::creator::CreatorStatus;
use domain::notice::News;
use domain::post::PostState;
use domain::timeline::{Actor, Entry, What};
use domain::{Account, CreatorId, EndpointId, MediaId, NoticeId, PostId, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// A post.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "what people read in the API's answers")]
pub struct Post {
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
    /// How that time was said, if it was said as the hour of a zone.
    #[schema(required)]
    publish_at_local: Option<PublishAtLocal>,
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

/// What a clock in a zone shows when a post is to be published.
#[derive(Debug, Serialize, ToSchema)]
pub struct PublishAtLocal {
    /// As it was sent, such as `2026-12-01T18:00`.
    local_time: String,
    /// The IANA name of the zone.
    timezone: String,
}

/// The states of a post, as the API names them.
pub const STATES: [&str; 14] = [
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
pub struct MediaRef {
    /// Its id.
    #[schema(value_type = String)]
    id: MediaId,
}

/// Why a post failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    /// TikTok's `fail_reason`, or the rule that is broken.
    code: String,
    /// What to do.
    remedy: String,
}

/// What a post waits for.
#[derive(Debug, Serialize, ToSchema)]
pub struct Held {
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
pub struct Unconfirmed {
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
pub struct Event {
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
pub struct TikTokNote {
    /// TikTok's code.
    #[schema(required)]
    code: Option<String>,
    /// What TikTok's support asks for.
    #[schema(required)]
    log_id: Option<String>,
}

/// A post as it was accepted: the answer to the first request and to each repeat of it.
pub fn accepted(post: &domain::Post, content: &Content) -> Post {
    Post {
        state: post.accepted_as(),
        updated_at: post.created_at,
        timeline: post.timeline.entries().iter().take(1).map(entry).collect(),
        ..frame(post, Some(content))
    }
}

/// A post as it is.
pub fn post(post: &domain::Post, content: Option<&Content>, username: Option<&str>) -> Post {
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
        publish_at_local: post.local_time.as_ref().map(|said| PublishAtLocal {
            local_time: said.local_time.clone(),
            timezone: said.timezone.clone(),
        }),
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

/// What a workspace sees of a TikTok account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Creator {
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

/// How a creator's status is documented.
pub fn creator_statuses() -> utoipa::openapi::Object {
    utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::Type::String)
        .enum_values(Some(["active", "reconnect_required", "disconnected"]))
        .description(Some("Whether posts can go out."))
        .build()
}

/// A creator. `account` knows better than the creator's row whether posts can go out.
pub fn creator(creator: &domain::Creator, account: Option<&Account>) -> Creator {
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

/// Whether posts of a creator can go out.
pub fn status(creator: &domain::Creator, account: Option<&Account>) -> CreatorStatus {
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

/// Something that happened, as customers know it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Notice {
    /// Its id; the same happening has the same id.
    #[schema(value_type = String)]
    id: NoticeId,
    /// `post.*`, `creator.*` or `webhook_endpoint.*`; GET /v1/event-types has all of them.
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
pub struct NoticeData {
    /// The creator; `null` where it is about none.
    #[schema(required, value_type = Option<String>)]
    creator: Option<CreatorId>,
    /// What to do, if anything.
    #[schema(required)]
    remedy: Option<String>,
    /// The post.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    post: Option<PostId>,
    /// The webhook endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    webhook_endpoint: Option<EndpointId>,
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
pub fn notice(notice: &domain::Notice) -> Notice {
    let mut data = NoticeData {
        creator: notice.creator.clone(),
        remedy: notice.news.remedy().map(str::to_owned),
        post: None,
        webhook_endpoint: None,
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
        News::Endpoint { endpoint, code, .. } => {
            data.webhook_endpoint = Some(endpoint.clone());
            data.code = Some(code.clone());
        }
        News::Post { post, code, .. } => {
            data.post = Some(post.clone());
            data.code = Some(code.clone());
        }
    }
    Notice { id: notice.id.clone(), r#type: notice.news.name(), timestamp: notice.at, data }
}

/// What an event is about, as it is at the moment at which it is sent: what GET would answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Resource {
    /// A post.
    Post(Box<Post>),
    /// A creator.
    Creator(Creator),
}

/// An event as it is posted to webhook endpoints, by Standard Webhooks. Its id is in the header `webhook-id`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub struct Message {
    /// What happened.
    #[schema(example = "post.published")]
    r#type: &'static str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    timestamp: Timestamp,
    /// What it is about.
    data: MessageData,
}

/// What an event is about, with the thing itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WebhookEventData)]
pub struct MessageData {
    #[serde(flatten)]
    about: NoticeData,
    /// The post or the creator as GET answers with it; `null` where there is none, or it is not there any more.
    #[schema(required)]
    resource: Option<Resource>,
}

/// An event as it is posted to webhook endpoints.
pub fn message(notice: &domain::Notice, resource: Option<Resource>) -> Message {
    let Notice { r#type, timestamp, data, .. } = self::notice(notice);
    Message { r#type, timestamp, data: MessageData { about: data, resource } }
}
