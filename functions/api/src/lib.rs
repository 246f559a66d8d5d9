//! The HTTP API: posts, media, creators, keys; the pages of connecting a creator; TikTok's webhooks.
//!
//! Whatever is refused is `application/problem+json` with everything that is wrong at once, and nothing is written before all
//! checks have passed. The post's row is the record of its `Idempotency-Key`: one conditional write decides between the first
//! request and a repeat.

mod answer;
mod auth;
mod bodies;
mod bulk;
mod connect;
mod cors;
mod creator_info;
mod creators;
mod crypto;
mod disconnect;
mod docs;
pub mod document;
pub mod door;
mod drafts;
mod dry_run;
mod duplicate;
mod edit;
mod endpoints;
mod examples;
mod fields;
mod health;
mod keys;
mod library;
mod limits;
mod media;
mod multipart;
mod pages;
mod posts;
mod refusal;
mod routes;
mod steps;
mod uploads;
mod view;
mod webhook;
mod when;

use domain::account::RefreshPlan;
use domain::app::{ModeSetting, is_verification_file};
use domain::{Periods, SignedDuration, Timestamp};
use http::{StatusCode, header};
use ports::{
    Accounts, AppRows, Clock, Connections, Creators, Deliveries, Endpoints, Entropy, Guards, Keys, Library,
    MediaRows, Multipart, Notices, Objects, Posts, Queues, Rescue, Vault,
};
use tiktok::Exchange;
use wiring::secrets::Secrets;

use answer::{Answered, Ask, Frame};
pub use auth::KeyCache;
pub use outbound::Rules;
use refusal::Refusal;

/// What this function may touch, as types.
pub trait Outside: Send + Sync + 'static {
    /// Rows.
    type Store: Posts
        + Guards
        + MediaRows
        + Library
        + Accounts
        + Creators
        + Keys
        + Connections
        + Notices
        + Endpoints
        + Deliveries
        + AppRows
        + 'static;
    /// Uploads, copies that are needed no more, rescued tokens of creators that go.
    type Objects: Objects + Multipart + Rescue + 'static;
    /// New attempts, checks, refreshes.
    type Queues: Queues + 'static;
    /// Seals what TikTok gives, opens it to ask `creator_info`.
    type Vault: Vault + 'static;
    /// The way to TikTok.
    type Exchange: Exchange + 'static;
    /// Clock and randomness.
    type Time: Clock + Entropy + 'static;
    /// The app's secrets.
    type Secrets: Secrets + 'static;
}

/// What this function may touch.
pub struct Api<W: Outside> {
    /// Rows.
    pub store: W::Store,
    /// Uploads, copies that are needed no more, rescued tokens of creators that go.
    pub objects: W::Objects,
    /// New attempts, checks, refreshes.
    pub queues: W::Queues,
    /// Seals what TikTok gives, opens it to ask `creator_info`.
    pub vault: W::Vault,
    /// TikTok.
    pub tiktok: tiktok::Client<W::Exchange>,
    /// Clock and randomness.
    pub time: W::Time,
    /// The app's secrets.
    pub secrets: W::Secrets,
    /// The template's periods.
    pub periods: Periods,
    /// When tokens are refreshed.
    pub refresh: RefreshPlan,
    /// How long an upload URL lives.
    pub upload: SignedDuration,
    /// What people and TikTok see, without a slash at its end; `None`: whatever host was asked.
    pub public_base_url: Option<String>,
    /// How TikTok treats the app, as the operator says.
    pub tiktok_mode: ModeSetting,
    /// `<MediaBaseUrl>` without a slash at its end; `None`: TikTok pulls presigned URLs.
    pub media_base_url: Option<String>,
    /// Origins whose web pages may use the API with a key of theirs; `*`: every one.
    pub cors_origins: Vec<String>,
    /// What customers may have us ask for.
    pub rules: Rules,
    /// The keys that were seen.
    pub keys: KeyCache,
}

impl<W: Outside> Api<W> {
    /// The id of what a request makes: the same parts give the same one again.
    async fn derived(&self, now: Timestamp, parts: &[&str]) -> Result<u128, Refusal> {
        let secrets = self.secrets.secrets(now).await?;
        Ok(crypto::id_bits(&crypto::derive(secrets.deployment_secret.expose(), parts)))
    }

    /// What the answer to this request says, whatever it is.
    fn frame(&self, ask: &Ask) -> Frame {
        Frame { request_id: ask.request_id.clone(), base: self.base_url(ask) }
    }

    /// Where people and TikTok find this API, without a slash at its end.
    fn base_url(&self, ask: &Ask) -> String {
        if let Some(base) = &self.public_base_url {
            return base.trim_end_matches('/').to_owned();
        }
        let scheme = ask.header("x-forwarded-proto").unwrap_or("https");
        let host =
            ask.header(header::HOST).or_else(|| ask.parts.uri.authority().map(http::uri::Authority::as_str));
        format!("{scheme}://{}", host.unwrap_or("localhost"))
    }
}

impl<W: Outside> Api<W> {
    /// TikTok's verification files lie at the root of the host; nothing else does.
    async fn no_such_route(&self, ask: Ask) -> Answered {
        let path = ask.parts.uri.path();
        let name = path.strip_prefix('/').filter(|name| is_verification_file(name));
        if let Some(name) = name.filter(|_| ask.parts.method == http::Method::GET)
            && let Some(content) = self.store.file(name).await?
        {
            return Ok(answer::text(content));
        }
        let path: String = path.chars().take(200).collect();
        Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "route.not_found",
            format!("there is nothing at `{path}`"),
            "check the path; the API is below /v1",
        ))
    }
}

#[expect(clippy::unused_async, reason = "handlers like the others")]
impl<W: Outside> Api<W> {
    async fn health(&self, _: Ask) -> Answered {
        Ok(answer::json(StatusCode::OK, &view::Health { status: "ok" }))
    }

    async fn no_such_method(&self, ask: Ask) -> Answered {
        Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method.not_allowed",
            format!("`{}` does not take {}", ask.parts.uri.path(), ask.parts.method),
            "use one of the methods in the header Allow",
        ))
    }
}
