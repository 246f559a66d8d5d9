//! Which web pages of other origins may read answers.
//!
//! A key of a workspace in a page is a key that whoever opens the page has. So no origin may use the API unless the operator
//! names it in `CorsOrigins`; what is public and needs no key may be read by every page. No origin is ever allowed to send
//! cookies.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Method};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::answer::{IDEMPOTENCY_KEY, REPLAYED, REQUEST_ID};
use crate::limits::{RATE_LIMIT, RATE_LIMIT_POLICY};

/// What everybody may read.
const PUBLIC: [&str; 3] = ["/openapi.json", "/docs", "/v1/rules"];
/// How long a browser may believe the answer to its question.
const BELIEVED: Duration = Duration::from_hours(1);

/// Answers preflights, and says who may read an answer. `origins`: as browsers send them, or `*`.
pub(crate) fn layer(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let everybody = origins.iter().any(|origin| origin == "*");
    let may_read = move |origin: &HeaderValue, parts: &Parts| {
        everybody || PUBLIC.contains(&parts.uri.path()) || origins.contains(origin)
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(may_read))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, IDEMPOTENCY_KEY, REQUEST_ID])
        .expose_headers([REQUEST_ID, REPLAYED, LOCATION, RETRY_AFTER, RATE_LIMIT, RATE_LIMIT_POLICY])
        .max_age(BELIEVED)
}
