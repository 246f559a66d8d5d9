//! Every route, once: where it is, what answers it, and what it takes besides its path. Its documentation bears the same name
//! in [`crate::document`], so that a route without one, or one without a route, does not compile.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{delete, get, patch, post, put};
use domain::Problem;
use futures::FutureExt as _;
use http::StatusCode;
use ports::{Clock as _, Entropy as _};
use tracing::Instrument as _;

use crate::answer::{Ask, finished};
use crate::fields::Problems;
use crate::refusal::Refusal;
use crate::{Api, Outside, cors};

/// What a route takes besides its path.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Takes {
    /// JSON comes back. A query parameter that is not named here is a problem.
    Json(&'static [&'static str]),
    /// A page comes back, and there are no query parameters.
    Page,
    /// Whatever comes: a browser on its way to TikTok and back, or TikTok itself.
    Anything,
}

use Takes::{Anything, Json, Page};

impl Takes {
    /// What stands against a request before its route looks at it.
    fn refusal(self, ask: &Ask) -> Option<Refusal> {
        let (media_type, known) = match self {
            Json(known) => ("application/json", known),
            Page => ("text/html", &[][..]),
            Anything => return None,
        };
        if !ask.accepts(media_type) {
            return Some(Refusal::new(
                StatusCode::NOT_ACCEPTABLE,
                "not_acceptable",
                format!(
                    "the header Accept does not take `{media_type}`, which is what this route answers with"
                ),
                format!("send `Accept: {media_type}`, or leave the header out"),
            ));
        }
        let problems = Problems::default();
        let mut seen: Vec<String> = Vec::new();
        for (name, _) in ask.queries() {
            if !known.contains(&name.as_str()) {
                let remedy = match known {
                    [] => "leave it out; there are no query parameters here".to_owned(),
                    known => format!("leave it out; the parameters are `{}`", known.join("`, `")),
                };
                problems.unknown_parameter(&name, &remedy);
            } else if seen.contains(&name) {
                problems.push(Problem::new(
                    format!("/{name}"),
                    "field.repeated",
                    format!("the query parameter `{name}` came twice"),
                    "send it once",
                ));
            }
            seen.push(name);
        }
        (!problems.is_empty()).then(|| Refusal::invalid(problems.take()))
    }
}

/// A handler, as axum takes it.
macro_rules! to {
    ($api:ident.$handler:ident, $takes:expr) => {{
        let api = Arc::clone(&$api);
        move |request: Request| {
            let api = Arc::clone(&api);
            async move {
                let ask = Ask::new(request, api.time.now(), &api.time.random());
                let frame = api.frame(&ask);
                let span = tracing::info_span!("request", request_id = %frame.request_id);
                let answer = async {
                    match Takes::refusal($takes, &ask) {
                        Some(refusal) => Err(refusal),
                        None => api.$handler(ask).await,
                    }
                };
                let answered = AssertUnwindSafe(answer.instrument(span)).catch_unwind().await;
                finished(answered.unwrap_or_else(|_| Err(Refusal::internal("panic"))), &frame)
            }
        }
    }};
}

macro_rules! routes {
    ($($method:ident $path:literal => $handler:ident, $takes:expr;)*) => {
        impl<W: Outside> Api<W> {
            /// Every route.
            pub fn router(self) -> Router {
                let api = Arc::new(self);
                let cors = cors::layer(&api.cors_origins);
                Router::new()
                    $(.route($path, $method(to!(api.$handler, $takes))))*
                    .fallback(to!(api.no_such_route, Anything))
                    .method_not_allowed_fallback(to!(api.no_such_method, Anything))
                    .layer(cors)
            }
        }

        /// What each route's documentation says, in the order of the routes: method, path, name, what it takes, the rest.
        pub(crate) fn documented() -> Vec<(&'static str, &'static str, &'static str, Takes, crate::document::Operation)> {
            vec![$((
                stringify!($method),
                $path,
                stringify!($handler),
                $takes,
                crate::document::operations::$handler(),
            )),*]
        }
    };
}

const PAGED: Takes = Json(&["limit", "cursor"]);
const PLAIN: Takes = Json(&[]);

routes! {
    get "/healthz" => health, PLAIN;
    get "/openapi.json" => openapi, PLAIN;
    get "/docs" => docs, Page;
    get "/v1/rules" => list_rules, PLAIN;
    post "/v1/posts" => create_post, Json(&["dry_run"]);
    post "/v1/posts/bulk" => create_posts, PLAIN;
    get "/v1/posts" => list_posts, Json(&["limit", "cursor", "creator", "state", "created_after", "created_before"]);
    get "/v1/posts/{id}" => read_post, PLAIN;
    patch "/v1/posts/{id}" => edit_post, PLAIN;
    post "/v1/posts/{id}/publish" => publish_post, PLAIN;
    post "/v1/posts/{id}/cancel" => cancel_post, PLAIN;
    post "/v1/posts/{id}/retry" => retry_post, PLAIN;
    post "/v1/posts/{id}/resolve" => resolve_post, PLAIN;
    post "/v1/media" => declare_media, PLAIN;
    get "/v1/media" => list_media, PAGED;
    get "/v1/media/{id}" => read_media, PLAIN;
    delete "/v1/media/{id}" => delete_media, PLAIN;
    get "/v1/media/{id}/upload" => read_upload, PLAIN;
    post "/v1/media/{id}/complete" => complete_media, PLAIN;
    get "/v1/creators" => list_creators, PAGED;
    get "/v1/creators/{id}" => read_creator, PLAIN;
    delete "/v1/creators/{id}" => disconnect_creator, Json(&["force"]);
    get "/v1/creators/{id}/health" => read_creator_health, PLAIN;
    get "/v1/creators/{id}/creator-info" => read_creator_info, PLAIN;
    post "/v1/connect-links" => make_connect_link, PLAIN;
    get "/v1/events" => list_events, PAGED;
    get "/v1/event-types" => list_event_types, PLAIN;
    post "/v1/webhook-endpoints" => create_endpoint, PLAIN;
    get "/v1/webhook-endpoints" => list_webhook_endpoints, PAGED;
    get "/v1/webhook-endpoints/{id}" => read_endpoint, PLAIN;
    patch "/v1/webhook-endpoints/{id}" => change_endpoint, PLAIN;
    delete "/v1/webhook-endpoints/{id}" => remove_endpoint, PLAIN;
    post "/v1/webhook-endpoints/{id}/rotate-secret" => rotate_endpoint_secret, PLAIN;
    post "/v1/webhook-endpoints/{id}/test" => test_endpoint, PLAIN;
    post "/v1/webhook-endpoints/{id}/redeliver" => redeliver, PLAIN;
    get "/v1/webhook-endpoints/{id}/deliveries" => list_endpoint_deliveries, PAGED;
    get "/v1/app-status" => read_app_status, PLAIN;
    put "/v1/app-status/verification-file" => put_verification_file, PLAIN;
    post "/v1/keys" => create_key, PLAIN;
    get "/v1/keys" => list_keys, PAGED;
    delete "/v1/keys/{id}" => revoke_key, PLAIN;
    post "/v1/keys/{id}/rotate" => rotate_key, PLAIN;
    get "/connect/{token}" => open_connect_link, Anything;
    get "/oauth/tiktok/callback" => come_back_from_tiktok, Anything;
    post "/webhooks/tiktok" => hear_from_tiktok, Anything;
}
