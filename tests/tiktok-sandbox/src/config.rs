//! What this TikTok is told about itself: its apps, its accounts, its limits and its moods.
//!
//! Everything is strict by default; each switch that makes life easier says what it lets through.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 60 * MINUTE_MS;
pub const DAY_MS: i64 = 24 * HOUR_MS;

/// Every scope an app can be approved for.
pub const SCOPES: [&str; 6] = [
    "user.info.basic",
    "user.info.profile",
    "user.info.stats",
    "video.publish",
    "video.upload",
    "video.list",
];

/// The whole state of mind. As JSON it is what `--config` reads and what `POST /_sandbox/config` patches
/// (a JSON merge patch).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch")]
pub struct Config {
    /// By `client_key`.
    pub apps: BTreeMap<String, App>,
    /// By handle, without the `@`.
    pub accounts: BTreeMap<String, Account>,
    pub tokens: Tokens,
    pub time: Time,
    pub limits: Limits,
    pub media: MediaRules,
    pub photos: PhotoRules,
    pub fetcher: Fetcher,
    pub cancel: Cancel,
    pub uploads: Uploads,
    pub inbox: Inbox,
    pub webhooks: Webhooks,
    pub risk: Risk,
    pub outage: Outage,
    /// Lets URLs and redirect URIs on loopback be plain http, with a port and an IP host.
    pub plain_http_on_loopback: bool,
    /// Off: a field TikTok does not document is refused with `invalid_params`, so that a misspelt one shows.
    /// TikTok itself seems to ignore such fields.
    pub ignore_unknown_fields: bool,
    /// On, as the table says: `brand_content_toggle` and `brand_organic_toggle` are required.
    /// TikTok's own sample omits both.
    pub require_brand_toggles: bool,
    /// On: branded content that only its creator may see is refused with `invalid_params`. TikTok documents no code
    /// for it, so by default it passes and is noted as a breach.
    pub refuse_private_branded: bool,
    /// On: bad requests are called `invalid_param`, as the posting pages have it, and not `invalid_params` as on the
    /// wire.
    pub singular_invalid_param: bool,
    /// On: an unaudited app's post to a public account is not refused but seen by its creator alone, as vendors say.
    pub unaudited_posts_become_private: bool,
    /// On: a field of `user/info` beyond the granted scopes comes back empty. Off: it is refused.
    pub user_fields_beyond_scope_are_empty: bool,
    /// On: public photo posts are in `video/list` too. TikTok speaks of videos alone.
    pub photos_are_listed: bool,
    /// How long after init a `publish_id` can be asked for. TikTok does not say. None: for ever.
    pub status_kept_ms: Option<i64>,
    /// How long after init `status/fetch` still answers `invalid_publish_id` (one client has seen that).
    pub status_visible_after_ms: i64,
    /// Makes a run of the server repeatable.
    pub seed: Option<u64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            apps: BTreeMap::new(),
            accounts: BTreeMap::new(),
            tokens: Tokens::default(),
            time: Time::default(),
            limits: Limits::default(),
            media: MediaRules::default(),
            photos: PhotoRules::default(),
            fetcher: Fetcher::default(),
            cancel: Cancel::default(),
            uploads: Uploads::default(),
            inbox: Inbox::default(),
            webhooks: Webhooks::default(),
            risk: Risk::default(),
            outage: Outage::None,
            plain_http_on_loopback: false,
            ignore_unknown_fields: false,
            require_brand_toggles: true,
            refuse_private_branded: false,
            singular_invalid_param: false,
            unaudited_posts_become_private: false,
            user_fields_beyond_scope_are_empty: false,
            photos_are_listed: false,
            status_kept_ms: None,
            status_visible_after_ms: 0,
            seed: None,
        }
    }
}

impl Config {
    /// Two accounts, `ada` (public) and `grace` (private), and one audited app. Strict otherwise.
    pub fn example() -> Self {
        Self::default()
            .with_app(
                "awsandboxexample",
                App {
                    client_secret: "sandbox-example-secret".into(),
                    redirect_uris: vec!["https://slipway.example/oauth/callback".into()],
                    verified_url_prefixes: vec!["https://media.slipway.example/".into()],
                    ..App::default()
                },
            )
            .with_account("ada", Account { nickname: "Ada Lovelace".into(), ..Account::default() })
            .with_account(
                "grace",
                Account { nickname: "Grace Hopper".into(), private: true, ..Account::default() },
            )
    }

    #[must_use]
    pub fn with_app(mut self, client_key: &str, app: App) -> Self {
        self.apps.insert(client_key.into(), app);
        self
    }

    #[must_use]
    pub fn with_account(mut self, handle: &str, account: Account) -> Self {
        self.accounts.insert(handle.into(), account);
        self
    }

    /// What the developer portal would refuse to register.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (client_key, app) in &self.apps {
            if app.redirect_uris.len() > 10 {
                return Err(ConfigError::TooManyRedirectUris { client_key: client_key.clone() });
            }
            for uri in &app.redirect_uris {
                self.check_redirect_uri(uri)
                    .map_err(|rule| ConfigError::RedirectUri { uri: uri.clone(), rule })?;
            }
            for property in &app.verified_url_prefixes {
                self.check_url_property(property)
                    .map_err(|rule| ConfigError::UrlProperty { property: property.clone(), rule })?;
            }
        }
        Ok(())
    }

    fn check_redirect_uri(&self, uri: &str) -> Result<(), &'static str> {
        if uri.len() >= 512 {
            return Err("is 512 characters or longer");
        }
        let url = Url::parse(uri).map_err(|_| "is not an absolute URL")?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or a fragment");
        }
        if is_loopback(&url) {
            return if self.plain_http_on_loopback { Ok(()) } else { Err("points at loopback") };
        }
        if url.scheme() == "https" { Ok(()) } else { Err("is not https") }
    }

    fn check_url_property(&self, property: &str) -> Result<(), &'static str> {
        if !property.contains("://") {
            let bare = !property.is_empty() && !property.contains(['/', ':', '?', '#', '*']);
            return if bare { Ok(()) } else { Err("is neither a domain nor a URL prefix") };
        }
        let url = Url::parse(property).map_err(|_| "is not a URL")?;
        if url.query().is_some() || url.fragment().is_some() || !property.ends_with('/') {
            return Err("does not end with a `/`");
        }
        if url.scheme() == "https" || (self.plain_http_on_loopback && is_loopback(&url)) {
            Ok(())
        } else {
            Err("is not https")
        }
    }
}

/// A configuration the developer portal would not take.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConfigError {
    #[error("app `{client_key}` has more than 10 redirect URIs")]
    TooManyRedirectUris { client_key: String },
    #[error("redirect URI `{uri}` {rule}")]
    RedirectUri { uri: String, rule: &'static str },
    #[error("verified URL property `{property}` {rule}")]
    UrlProperty { property: String, rule: &'static str },
}

/// An app as the developer portal knows it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct App {
    pub name: String,
    pub client_secret: String,
    pub redirect_uris: Vec<String>,
    /// Passed the Direct Post audit. If not: private accounts only, seen by nobody else, at most
    /// [`Limits::unaudited_posting_creators`] of them a day.
    pub audited: bool,
    pub approved_scopes: Vec<String>,
    pub webhook_url: Option<String>,
    /// `https://host/path/` (only URLs that start so) or a domain (all its paths and sub-domains).
    pub verified_url_prefixes: Vec<String>,
    /// Distinct creators who may post through the app in 24 hours.
    pub active_user_cap: u32,
    /// Set for a sandbox app: only these accounts may connect.
    pub target_users: Option<Vec<String>>,
}

impl Default for App {
    fn default() -> Self {
        Self {
            name: "Sandbox app".into(),
            client_secret: String::new(),
            redirect_uris: Vec::new(),
            audited: true,
            approved_scopes: SCOPES.map(String::from).to_vec(),
            webhook_url: None,
            verified_url_prefixes: Vec::new(),
            active_user_cap: 500,
            target_users: None,
        }
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("name", &self.name)
            .field("client_secret", &"[redacted]")
            .field("redirect_uris", &self.redirect_uris)
            .field("audited", &self.audited)
            .finish_non_exhaustive()
    }
}

/// A TikTok account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch in the account's settings")]
pub struct Account {
    pub nickname: String,
    /// By `client_key`; derived from key and handle where absent.
    pub open_ids: BTreeMap<String, String>,
    pub private: bool,
    pub comment_disabled: bool,
    pub duet_disabled: bool,
    pub stitch_disabled: bool,
    pub max_video_post_duration_sec: i64,
    /// Posts in 24 hours through all API clients together.
    pub daily_cap: u32,
    /// Banned from posting.
    pub banned: bool,
    /// What `creator_info` offers, where it is not what follows from `private`.
    pub privacy_level_options: Option<Vec<String>>,
    /// Some accounts never get `publicaly_available_post_id`.
    pub post_ids_withheld: bool,
    /// Of TikTok on the creator's phone. Drafts of photos need 31.8.
    pub app_version: String,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            nickname: String::new(),
            open_ids: BTreeMap::new(),
            private: false,
            comment_disabled: false,
            duet_disabled: false,
            stitch_disabled: false,
            max_video_post_duration_sec: 300,
            daily_cap: 15,
            banned: false,
            privacy_level_options: None,
            post_ids_withheld: false,
            app_version: "44.1.0".into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    pub access_ms: i64,
    pub refresh_ms: i64,
    pub code_ms: i64,
    pub rotation: Rotation,
    /// Off: the refresh token's 365 days run from the consent.
    pub refresh_restarts_clock: bool,
    /// On: a refresh kills the previous access token at once.
    pub refresh_kills_access_token: bool,
    /// On: OAuth errors arrive with HTTP 200, as seen in a sandbox.
    pub errors_with_http_200: bool,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            access_ms: DAY_MS,
            refresh_ms: 365 * DAY_MS,
            code_ms: 5 * MINUTE_MS,
            rotation: Rotation::RotateOldDies,
            refresh_restarts_clock: false,
            refresh_kills_access_token: false,
            errors_with_http_200: false,
        }
    }
}

/// What a refresh does to the refresh token. TikTok says only that it *may* change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    RotateOldDies,
    /// The old one works until one of the new pair is used.
    OldValidUntilNewUsed,
    /// Using a dead one revokes the whole grant.
    FamilyRevokedOnReuse,
    NoRotation,
}

/// How a publication moves on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// By itself, so long after the step before.
    Auto(AutoTime),
    /// When somebody says so: [`crate::World::advance`] or `POST /_sandbox/complete/{publish_id}`.
    /// The download still starts by itself.
    Explicit,
}

impl Default for Time {
    fn default() -> Self {
        Self::Auto(AutoTime::default())
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AutoTime {
    /// From init to the start of the download.
    pub fetch_ms: i64,
    /// From the downloaded bytes to `PUBLISH_COMPLETE` or `FAILED`.
    pub processing_ms: i64,
    /// From `PUBLISH_COMPLETE` to the post id of a public post.
    pub public_id_ms: i64,
}

impl Default for AutoTime {
    fn default() -> Self {
        Self { fetch_ms: 0, processing_ms: 2_000, public_id_ms: 3_000 }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The sliding window of the rates below.
    pub window_ms: i64,
    pub creator_info: usize,
    pub video_init: usize,
    pub inbox_init: usize,
    pub content_init: usize,
    /// On: the three inits of a creator spend one window together. TikTok does not say; this is the stricter reading.
    pub inits_share: bool,
    pub status_fetch: usize,
    pub user_info: usize,
    pub video_list: usize,
    pub unaudited_posting_creators: u32,
    /// On: these are the creators who consented first, as one article says. Off: those who posted in 24 hours, as the
    /// guidelines say.
    pub unaudited_cap_counts_consents: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window_ms: MINUTE_MS,
            creator_info: 20,
            video_init: 6,
            inbox_init: 6,
            content_init: 6,
            inits_share: true,
            status_fetch: 30,
            user_info: 600,
            video_list: 600,
            unaudited_posting_creators: 5,
            unaudited_cap_counts_consents: false,
        }
    }
}

/// What a video must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaRules {
    pub min_side: u32,
    pub max_side: u32,
    pub min_frame_rate: f64,
    pub max_frame_rate: f64,
    /// Not in TikTok's documents, but said by the vendors. 0 lets any length through.
    pub min_duration_ms: i64,
    /// The longest a developer may send, whatever the creator may post.
    pub max_duration_ms: i64,
    pub max_bytes: u64,
}

impl Default for MediaRules {
    fn default() -> Self {
        Self {
            min_side: 360,
            max_side: 4096,
            min_frame_rate: 23.0,
            max_frame_rate: 60.0,
            min_duration_ms: 3_000,
            max_duration_ms: 10 * MINUTE_MS,
            max_bytes: 4_000_000_000,
        }
    }
}

/// What photos must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhotoRules {
    /// TikTok states no minimum; some vendors demand two photos, others publish one.
    pub min_count: usize,
    pub max_count: usize,
    /// "20 MB", read decimally.
    pub max_bytes: u64,
    pub resolution: Resolution,
    /// On: PNG passes, as one vendor claims that converts it before.
    pub png: bool,
    /// Off: a WebP that moves is no photo. TikTok does not say.
    pub animated_webp: bool,
    pub aigc: AigcPlace,
}

impl Default for PhotoRules {
    fn default() -> Self {
        Self {
            min_count: 1,
            max_count: 35,
            max_bytes: 20_000_000,
            resolution: Resolution::Box,
            png: false,
            animated_webp: false,
            aigc: AigcPlace::Root,
        }
    }
}

/// What TikTok's "1080p" means for a photo as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// It fits into 1080 x 1920 or into 1920 x 1080: what every other reading lets through, but for a wide photo
    /// under [`Resolution::Width`].
    Box,
    /// The shorter side has at most 1080 pixels, as observed.
    ShorterSide,
    /// The width has at most 1080 pixels, as one client has it.
    Width,
}

/// Where `is_aigc` of photos belongs. TikTok's newest page has it at the root; it may have been honoured elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AigcPlace {
    Root,
    PostInfo,
    /// At either place.
    Both,
}

/// How the bytes are pulled. TikTok documents none of this.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fetcher {
    /// Asks HEAD before GET, and gives up unless it is answered 200.
    pub head_first: bool,
    /// Pulls in ranges of this many bytes; 0 pulls in one GET.
    pub use_range: u64,
    /// Gives up on a URL with a query.
    pub refuse_query: bool,
    /// A download that takes longer fails.
    pub limit_ms: i64,
    /// How fast the bytes come, as `downloaded_bytes` shows it. None: all at once.
    pub bytes_per_second: Option<u64>,
}

impl Default for Fetcher {
    fn default() -> Self {
        Self {
            head_first: false,
            use_range: 0,
            refuse_query: false,
            limit_ms: HOUR_MS,
            bytes_per_second: None,
        }
    }
}

/// How a download is cancelled: TikTok promises its best effort, and that success shows later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cancel {
    /// From the accepted cancel to `FAILED` with `publish_cancelled`.
    pub delay_ms: i64,
    /// A download that has run this long is near its end, and is refused. TikTok gives no number, so there is none by
    /// default.
    pub near_completion_after_ms: Option<i64>,
    /// On: an accepted cancel changes nothing. Best effort is no promise.
    pub in_vain: bool,
}

impl Default for Cancel {
    fn default() -> Self {
        Self { delay_ms: 1_000, near_completion_after_ms: None, in_vain: false }
    }
}

/// How bytes are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch")]
pub struct Uploads {
    /// Where upload URLs lead. None: to whoever the init was addressed to, or to a host of TikTok's where the
    /// request does not say.
    pub base_url: Option<String>,
    /// How long an upload URL is good: all bytes must have come by then.
    pub valid_ms: i64,
    /// "5 MB" without a word on what a megabyte is: a chunk smaller than 5 MiB is refused, which fits either reading.
    pub min_chunk: u64,
    /// "64 MB", read decimally for the same reason. A larger file must come in several chunks.
    pub max_chunk: u64,
    /// For the last chunk, which takes the rest.
    pub max_last_chunk: u64,
    pub max_chunks: u64,
    /// On, as seen in production: a single chunk must be declared as large as the file. Off: the documented formula
    /// alone holds.
    pub single_chunk_is_whole_file: bool,
    /// Off: the progress in `Content-Range: bytes 0-{UPLOADED_BYTES}/{TOTAL}` is a count, as its name says. On: it is
    /// the index of the last byte, as in any other `Content-Range`.
    pub progress_is_last_index: bool,
    /// What becomes of an upload whose bytes did not all come in time. None: nothing, it stays `PROCESSING_UPLOAD`
    /// and no webhook tells. Some: it fails for this reason.
    pub expired_fail_reason: Option<String>,
    /// On: a chunk that is here already is answered like the first time and not stored again. Off: 416.
    pub stored_chunk_is_welcome: bool,
    /// On: chunks are counted with ceil, as many clients have it. Off: with floor, as the guide says.
    pub chunks_are_counted_with_ceil: bool,
    /// On: each chunk is answered 201 and the last one 200, as one client has seen. Off: 206 and 201.
    pub answers_201_then_200: bool,
    /// On: a finished upload is no upload task any more, and whoever sends its last chunk again gets 404 instead of
    /// 416.
    pub forget_when_complete: bool,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            base_url: None,
            valid_ms: HOUR_MS,
            min_chunk: 5 * 1_024 * 1_024,
            max_chunk: 64_000_000,
            max_last_chunk: 128_000_000,
            max_chunks: 1_000,
            single_chunk_is_whole_file: true,
            progress_is_last_index: false,
            expired_fail_reason: None,
            stored_chunk_is_welcome: false,
            chunks_are_counted_with_ceil: false,
            answers_201_then_200: false,
            forget_when_complete: false,
        }
    }
}

/// Drafts in a creator's inbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbox {
    /// Drafts of one creator that may be pending, through all apps together.
    pub pending_cap: usize,
    /// How long a draft counts, from its init. None: waiting frees no place, as one vendor says.
    pub pending_ms: Option<i64>,
    /// Off: finishing or discarding a draft frees no place, only time does.
    pub creator_frees_places: bool,
    /// How long a delivered draft can be finished; then it is as if it were discarded. TikTok does not say, one client
    /// claims a day. None: for ever.
    pub draft_kept_ms: Option<i64>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { pending_cap: 5, pending_ms: Some(DAY_MS), creator_frees_places: true, draft_kept_ms: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    pub enabled: bool,
    /// Names of events that are never sent.
    pub lose: Vec<String>,
    /// How often each delivery is sent even though it was answered 200 (at least once is all TikTok says).
    pub times: u32,
    /// How long after the event the first attempt goes out, by event name.
    pub delay_ms: BTreeMap<String, i64>,
    /// The wait before the second attempt; it doubles.
    pub first_retry_ms: i64,
    pub give_up_ms: i64,
    /// On: each attempt is signed anew. Off: a retry carries the first attempt's `t`.
    pub fresh_signature_per_attempt: bool,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            enabled: true,
            lose: Vec::new(),
            times: 1,
            delay_ms: BTreeMap::new(),
            first_retry_ms: 10_000,
            give_up_ms: 3 * DAY_MS,
            fresh_signature_per_attempt: false,
        }
    }
}

/// What moderation finds risky.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Risk {
    /// A caption with one of these words fails with `spam_risk_text`.
    pub words: Vec<String>,
    /// So many publications of the same bytes with the same caption in 24 hours are fine; one more is `spam_risk`.
    /// TikTok gives no number, so there is none by default.
    pub identical_posts: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    None,
    /// What is being processed fails with `internal`.
    Processing,
    /// What is pulled meanwhile hangs: `PROCESSING_DOWNLOAD` with a `downloaded_bytes` that does not grow, until the
    /// hour ends it.
    Pulls,
    /// The API answers 500 `internal_error`, and the token endpoint `server_error`.
    Api,
}

/// Whether a URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
