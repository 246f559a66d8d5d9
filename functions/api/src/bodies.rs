//! What requests carry, as the document tells it. `fields.rs` reads bodies field by field, so that all mistakes are told at
//! once; a test holds what the handlers read against what stands here. A new field is one line with its doc here, and one where
//! it is read.
#![expect(dead_code, reason = "these types document bodies; `Fields` reads them")]

use serde::Deserialize;
use utoipa::ToSchema;

/// A post that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPost {
    /// For which creator.
    #[schema(pattern = "^crt_[0-9a-f]{32}$", example = "crt_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    creator: String,
    /// What is posted.
    kind: Option<Kind>,
    /// `direct`, or left out: it is published. `inbox`: it goes to the creator's inbox at TikTok, where the creator decides all
    /// else: nothing but creator, media and time may be said.
    mode: Option<Mode>,
    /// The one video, or 1 to 35 photos in their order. In a form a video is the part `media`, and this is left out.
    #[schema(min_items = 1, max_items = 35)]
    media: Option<Vec<MediaNamed>>,
    /// Title of photos, at most 90 UTF-16 units.
    #[schema(max_length = 90)]
    title: Option<String>,
    /// Description of photos with hashtags and mentions, at most 4,000 UTF-16 units.
    #[schema(max_length = 4000)]
    description: Option<String>,
    /// Which of the photos is the cover, from 0.
    #[schema(minimum = 0, maximum = 34)]
    cover_index: Option<u32>,
    /// TikTok adds music of its choice to photos.
    add_music: Option<bool>,
    /// Caption of a video with hashtags and mentions, at most 2,200 UTF-16 units.
    #[schema(max_length = 2200, example = "Harbour at six #boats")]
    caption: Option<String>,
    /// Who may see it; needed unless it goes to the inbox. There is no default: the creator chooses from what creator-info offers.
    privacy_level: Option<Privacy>,
    /// What viewers may do; everything is off unless asked for.
    allow: Option<NewAllow>,
    /// Commercial content.
    disclosure: Option<NewDisclosure>,
    /// Label the post as made by AI.
    ai_generated: Option<bool>,
    /// Frame of the video that becomes the cover, in milliseconds.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    cover_timestamp_ms: Option<u32>,
    /// How TikTok gets the bytes: it pulls them, or we upload them. `auto`, or left out: it pulls, as long as its pulls work.
    transport: Option<Transport>,
    /// When it is to be published; `null`: as soon as possible.
    publish_at: Option<PublishAt>,
    /// Write it down only: it is published by POST /v1/posts/{id}/publish, and needs no consent before. It goes into nobody's way.
    draft: Option<bool>,
    /// Post it although the same creator, caption and media were posted within 24 hours.
    allow_duplicate: Option<bool>,
    /// What the creator agreed to; needed unless it goes to the inbox.
    consent: Option<NewConsent>,
}

/// When something is to be published.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum PublishAt {
    /// An instant with its offset.
    #[schema(format = DateTime, example = "2027-01-31T18:00:00+02:00")]
    Instant(String),
    /// What a clock in a zone shows. An hour that the zone leaves out, or has twice, when its clocks are put forward or back is
    /// refused with the two instants that may be meant (`publish_at.gap`, `publish_at.fold`).
    Local(NewLocalTime),
}

/// What a clock in a zone shows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLocalTime {
    /// Date and hour without an offset.
    #[schema(
        pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2})?$",
        example = "2027-01-31T18:00"
    )]
    local_time: String,
    /// The IANA name of the zone.
    #[schema(example = "Europe/Athens")]
    timezone: String,
}

/// What is to change of a post. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PostPatch {
    /// Other media.
    #[schema(min_items = 1, max_items = 35)]
    media: Option<Vec<MediaNamed>>,
    /// Another title of photos, at most 90 UTF-16 units.
    #[schema(max_length = 90)]
    title: Option<String>,
    /// Another description of photos, at most 4,000 UTF-16 units.
    #[schema(max_length = 4000)]
    description: Option<String>,
    /// Which of the photos is the cover, from 0.
    #[schema(minimum = 0, maximum = 34)]
    cover_index: Option<u32>,
    /// TikTok adds music of its choice to photos.
    add_music: Option<bool>,
    /// Another caption of a video, at most 2,200 UTF-16 units.
    #[schema(max_length = 2200)]
    caption: Option<String>,
    /// Who may see it.
    privacy_level: Option<Privacy>,
    /// What viewers may do; what is left out stays.
    allow: Option<NewAllow>,
    /// Commercial content; what is left out stays.
    disclosure: Option<NewDisclosure>,
    /// Label the post as made by AI.
    ai_generated: Option<bool>,
    /// Frame of the video that becomes the cover, in milliseconds.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    cover_timestamp_ms: Option<u32>,
    /// How TikTok gets the bytes.
    transport: Option<Transport>,
    /// Another time, earlier or later; `null`: as soon as possible.
    publish_at: Option<PublishAt>,
    /// Change it although the same creator, caption and media were posted within 24 hours.
    allow_duplicate: Option<bool>,
    /// What the creator agreed to, anew and as a whole.
    consent: Option<NewConsent>,
}

/// What a draft needs to be published.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Publication {
    /// What the creator agreed to, if that was not said before.
    consent: Option<NewConsent>,
    /// Post it although the same creator, caption and media were posted within 24 hours.
    allow_duplicate: Option<bool>,
}

/// What is posted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Video,
    Photo,
}

/// What TikTok does with it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Direct,
    Inbox,
}

/// How TikTok gets the bytes.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Transport {
    Auto,
    Pull,
    Upload,
}

/// TikTok's privacy levels.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Privacy {
    PublicToEveryone,
    MutualFollowFriends,
    FollowerOfCreator,
    SelfOnly,
}

/// A media by its id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MediaNamed {
    /// The id that the declaration gave.
    #[schema(pattern = "^med_[0-9a-f]{32}$", example = "med_0198f3c2a4b07cc19e6d5f4a3b2c1d0e")]
    id: String,
}

/// What viewers may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAllow {
    /// Viewers may comment.
    comment: Option<bool>,
    /// Viewers may make duets.
    duet: Option<bool>,
    /// Viewers may stitch.
    stitch: Option<bool>,
}

/// Commercial content disclosure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDisclosure {
    /// The creator's own business.
    your_brand: Option<bool>,
    /// A paid partnership with a third party.
    branded_content: Option<bool>,
}

/// What the creator agreed to before anything is sent to TikTok.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewConsent {
    /// TikTok's Music Usage Confirmation was accepted.
    music_usage_confirmed: bool,
    /// TikTok's Branded Content Policy was accepted; needed when branded content is disclosed.
    branded_content_policy_confirmed: Option<bool>,
    /// Which version of the texts the creator was shown.
    #[schema(min_length = 1, max_length = 64, example = "2026-08")]
    text_version: String,
}

/// A media that is to be uploaded.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewMedia {
    /// What it is.
    kind: Option<Kind>,
    /// Its media type.
    content_type: MediaType,
    /// Its size in bytes: a video's up to 4,000,000,000, a photo's up to 20,000,000, or 50,000,000 if it is to be converted.
    #[schema(minimum = 1, maximum = 4_000_000_000_u64)]
    size: u64,
    /// SHA-256 of its bytes, base64; S3 refuses other bytes.
    #[schema(min_length = 44, max_length = 44)]
    sha256: Option<String>,
    /// `put`, or left out: by one request. `multipart`: in parts, side by side and over as many sittings as it takes, completed by
    /// `POST /v1/media/{id}/complete`.
    upload: Option<UploadWay>,
    /// Convert a photo that TikTok does not take as it is: PNG, or too large. The upload stays as it came.
    convert: Option<bool>,
    /// Its duration in milliseconds, to be refused before the upload.
    #[schema(minimum = 1, maximum = 600_000)]
    duration_ms: Option<u32>,
    /// For which creator, to be refused before the upload.
    #[schema(pattern = "^crt_[0-9a-f]{32}$")]
    creator: Option<String>,
}

/// How the bytes come.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum UploadWay {
    Put,
    Multipart,
}

/// Media types that are taken; `image/png` only to be converted.
#[derive(Deserialize, ToSchema)]
enum MediaType {
    #[serde(rename = "video/mp4")]
    Mp4,
    #[serde(rename = "video/quicktime")]
    QuickTime,
    #[serde(rename = "video/webm")]
    Webm,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/webp")]
    Webp,
    #[serde(rename = "image/png")]
    Png,
}

/// A link that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewConnectLink {
    /// Who must come back, when a creator is connected again.
    #[schema(pattern = "^crt_[0-9a-f]{32}$")]
    creator: Option<String>,
    /// Ask for `video.upload` as well: drafts for the creator's inbox need it.
    drafts: Option<bool>,
}

/// What became of a post in doubt.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolution {
    /// What is there.
    outcome: Outcome,
    /// TikTok's id of the post, where it is published and its link is known.
    #[schema(pattern = "^[0-9]{1,20}$")]
    post_id: Option<String>,
}

/// What is there.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Published,
    NotPublished,
}

/// A key that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyWanted {
    /// What it is for.
    #[schema(min_length = 1, max_length = 80, example = "laptop")]
    name: String,
    /// What it may do: some of what the key that asks may do.
    #[schema(min_items = 1, max_items = 13, example = json!(["posts:read"]))]
    scopes: Vec<String>,
    /// When it stops working, with offset.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// How a key is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rotation {
    /// How long the old key goes on working; a day if nothing is said.
    #[schema(minimum = 0, maximum = 604_800)]
    grace_seconds: Option<u32>,
}

/// TikTok's verification file.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewVerificationFile {
    /// The name that TikTok gives it.
    #[schema(pattern = "^tiktok[0-9A-Za-z_-]+\\.txt$", example = "tiktokAbCd1234.txt")]
    name: String,
    /// What stands in it, byte by byte.
    #[schema(min_length = 1, max_length = 1_000)]
    content: String,
}

/// A webhook endpoint that is to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookEndpointWanted {
    /// Where events are posted to: https, and a host all of whose addresses are on the public internet.
    #[schema(format = "uri", max_length = 2048, example = "https://hooks.example.com/slipway")]
    url: String,
    /// What people call it.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Types of events that are sent, or families such as `post.*`; `*`, or left out: every one.
    #[schema(min_items = 1, max_items = 36, example = json!(["post.*"]))]
    events: Option<Vec<String>>,
}

/// What is to be changed of a webhook endpoint; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookEndpointChange {
    /// Where events are posted to.
    #[schema(format = "uri", max_length = 2048)]
    url: Option<String>,
    /// What people call it.
    #[schema(max_length = 200)]
    description: Option<String>,
    /// Types of events that are sent, or families; `*`: every one.
    #[schema(min_items = 1, max_items = 36)]
    events: Option<Vec<String>>,
    /// Whether events are sent. One that is turned on is told of what happens from then on.
    state: Option<Switch>,
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Switch {
    Enabled,
    Disabled,
}

/// How a webhook endpoint's secret is replaced.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretRotation {
    /// How long the old secret goes on signing beside the new one; a day if nothing is said.
    #[schema(minimum = 0, maximum = 604_800)]
    grace_seconds: Option<u32>,
}

/// What is to be sent again: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Redelivery {
    /// One event, whatever became of it.
    #[schema(pattern = "^evt_[0-9a-f]{32}$")]
    event: Option<String>,
    /// All events since a moment of the last 30 days that the endpoint did not take.
    #[schema(format = DateTime)]
    since: Option<String>,
}
