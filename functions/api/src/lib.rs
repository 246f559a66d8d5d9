//! The HTTP API: posts, media, creators, keys; the pages of connecting a creator; TikTok's webhooks.
//!
//! Whatever is refused is `application/problem+json` with everything that is wrong at once, and nothing is written before all
//! checks have passed. The post's row is the record of its `Idempotency-Key`: one conditional write decides between the first
//! request and a repeat.

mod answer;
mod auth;
mod connect;
mod creator_info;
mod creators;
mod crypto;
mod disconnect;
mod endpoints;
mod examples;
mod fields;
mod health;
mod keys;
mod media;
mod multipart;
mod pages;
mod posts;
mod refusal;
mod steps;
mod view;
mod webhook;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{delete, get, post, put};
use domain::account::RefreshPlan;
use domain::app::{ModeSetting, is_verification_file};
use domain::{Periods, SignedDuration};
use futures::FutureExt as _;
use http::{HeaderValue, StatusCode, header};
use ports::{
    Accounts, AppRows, Clock, Connections, Creators, Deliveries, Endpoints, Entropy, Keys, MediaRows,
    Notices, Objects, Posts, Queues, Rescue, Vault,
};
use serde_json::json;
use tiktok::Exchange;
use wiring::secrets::Secrets;

use answer::{Answered, Ask};
pub use auth::KeyCache;
pub use outbound::Rules;
use refusal::Refusal;

/// What this function may touch, as types.
pub trait Outside: Send + Sync + 'static {
    /// Rows.
    type Store: Posts
        + MediaRows
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
    type Objects: Objects + Rescue + 'static;
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
    /// What customers may have us ask for.
    pub rules: Rules,
    /// The keys that were seen.
    pub keys: KeyCache,
}

/// A handler, as axum takes it.
macro_rules! to {
    ($api:ident.$handler:ident) => {{
        let api = Arc::clone(&$api);
        move |request: Request| {
            let api = Arc::clone(&api);
            async move {
                let ask = Ask::new(request, api.time.now(), &api.time.random());
                let request_id = ask.request_id.clone();
                let answered = AssertUnwindSafe(api.$handler(ask)).catch_unwind().await;
                finished(answered.unwrap_or_else(|_| Err(Refusal::internal("panic"))), &request_id)
            }
        }
    }};
}

impl<W: Outside> Api<W> {
    /// Every route.
    pub fn router(self) -> Router {
        let api = Arc::new(self);
        Router::new()
            .route("/healthz", get(to!(api.health)))
            .route("/v1/posts", post(to!(api.create_post)).get(to!(api.list_posts)))
            .route("/v1/posts/{id}", get(to!(api.read_post)))
            .route("/v1/posts/{id}/cancel", post(to!(api.cancel_post)))
            .route("/v1/posts/{id}/retry", post(to!(api.retry_post)))
            .route("/v1/posts/{id}/resolve", post(to!(api.resolve_post)))
            .route("/v1/media", post(to!(api.declare_media)))
            .route("/v1/media/{id}", get(to!(api.read_media)))
            .route("/v1/creators", get(to!(api.list_creators)))
            .route("/v1/creators/{id}", get(to!(api.read_creator)).delete(to!(api.disconnect_creator)))
            .route("/v1/creators/{id}/health", get(to!(api.read_creator_health)))
            .route("/v1/creators/{id}/creator-info", get(to!(api.read_creator_info)))
            .route("/v1/connect-links", post(to!(api.make_connect_link)))
            .route("/v1/events", get(to!(api.list_events)))
            .route("/v1/event-types", get(to!(api.list_event_types)))
            .route(
                "/v1/webhook-endpoints",
                post(to!(api.create_endpoint)).get(to!(api.list_webhook_endpoints)),
            )
            .route(
                "/v1/webhook-endpoints/{id}",
                get(to!(api.read_endpoint)).patch(to!(api.change_endpoint)).delete(to!(api.remove_endpoint)),
            )
            .route("/v1/webhook-endpoints/{id}/rotate-secret", post(to!(api.rotate_endpoint_secret)))
            .route("/v1/webhook-endpoints/{id}/test", post(to!(api.test_endpoint)))
            .route("/v1/webhook-endpoints/{id}/redeliver", post(to!(api.redeliver)))
            .route("/v1/webhook-endpoints/{id}/deliveries", get(to!(api.list_endpoint_deliveries)))
            .route("/v1/app-status", get(to!(api.read_app_status)))
            .route("/v1/app-status/verification-file", put(to!(api.put_verification_file)))
            .route("/v1/keys", post(to!(api.create_key)).get(to!(api.list_keys)))
            .route("/v1/keys/{id}", delete(to!(api.revoke_key)))
            .route("/v1/keys/{id}/rotate", post(to!(api.rotate_key)))
            .route("/connect/{token}", get(to!(api.open_connect_link)))
            .route("/oauth/tiktok/callback", get(to!(api.come_back_from_tiktok)))
            .route("/webhooks/tiktok", post(to!(api.hear_from_tiktok)))
            .fallback(to!(api.no_such_route))
            .method_not_allowed_fallback(to!(api.no_such_method))
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
        Ok(answer::json(StatusCode::OK, &json!({ "status": "ok" })))
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

/// What every answer has.
fn finished(answered: Answered, request_id: &str) -> Response {
    let mut response = answered.unwrap_or_else(|refusal| refusal.response(request_id));
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(answer::REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
