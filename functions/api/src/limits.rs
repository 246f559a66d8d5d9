//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): what TikTok still takes for a creator.
//!
//! These budgets are real: they lie in the account's row and hold for all functions together. A count of requests per key in
//! one function's memory would not be true, so there is none; API Gateway's own throttling answers 429 before any function.

use axum::response::Response;
use domain::limits::{Limits, Ring, WIDE, WINDOW};
use domain::{SignedDuration, Timestamp};
use http::HeaderName;

use crate::answer::with_header;
use crate::refusal::seconds;

pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// `creator_info` about one creator.
pub(crate) const CREATOR_INFO: &str = "tiktok-creator-info";
/// Posts that begin for one creator.
const INIT: &str = "tiktok-init";
/// Posts of one creator in 24 hours, once TikTok's cap is known.
const DAY: &str = "tiktok-day";
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

fn policy(name: &str, quota: usize, window: SignedDuration) -> String {
    format!("\"{name}\";q={quota};w={}", window.as_secs())
}

fn left(name: &str, left: usize, reset: Option<SignedDuration>) -> String {
    let reset = reset.map(|wait| format!(";t={}", seconds(wait))).unwrap_or_default();
    format!("\"{name}\";r={left}{reset}")
}

fn ring<const N: usize>(
    name: &str,
    (ring, window): (&Ring<N>, SignedDuration),
    limits: &Limits,
    now: Timestamp,
) -> String {
    let (free, again) = ring.left(window, now);
    match limits.rest_until.filter(|until| now < *until) {
        Some(until) => left(name, 0, Some(until.duration_since(now))),
        None => left(name, free, again.map(|at| at.duration_since(now))),
    }
}

/// How many posts TikTok lets begin: for the answer to a post, which reads no account.
pub(crate) fn posting(response: Response) -> Response {
    with_header(response, RATE_LIMIT_POLICY, &policy(INIT, Ring::<6>::QUOTA, WINDOW))
}

/// Both budgets of an account, and the day's where TikTok's cap is known.
pub(crate) fn account(response: Response, limits: &Limits, now: Timestamp) -> Response {
    let mut policies =
        vec![policy(INIT, Ring::<6>::QUOTA, WINDOW), policy(CREATOR_INFO, Ring::<20>::QUOTA, WIDE)];
    let mut budgets = vec![
        ring(INIT, (&limits.init, WINDOW), limits, now),
        ring(CREATOR_INFO, (&limits.creator_info, WIDE), limits, now),
    ];
    if let (Some(cap), Some(free)) = (&limits.day.cap, limits.day.left(now)) {
        policies.push(policy(DAY, cap.posts as usize, A_DAY));
        let again = limits.day.free_at(now).map(|at| at.duration_since(now));
        budgets.push(left(DAY, free as usize, again));
    }
    let response = with_header(response, RATE_LIMIT_POLICY, &policies.join(", "));
    with_header(response, RATE_LIMIT, &budgets.join(", "))
}

/// The values of both headers for a `creator_info` that has to wait.
pub(crate) fn spent(wait: SignedDuration) -> [(HeaderName, String); 2] {
    [
        (RATE_LIMIT_POLICY, policy(CREATOR_INFO, Ring::<20>::QUOTA, WIDE)),
        (RATE_LIMIT, left(CREATOR_INFO, 0, Some(wait))),
    ]
}
