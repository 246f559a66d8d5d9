//! Every answer that is not what was asked for: `application/problem+json` (RFC 9457).

use std::error::Error as StdError;

use axum::response::Response;
use domain::{PostId, Problem, SignedDuration, Timestamp};
use flows::MoveError;
use http::{HeaderName, HeaderValue, StatusCode, header};
use ports::PortError;

use crate::answer::{self, Frame};
use crate::view;
pub(crate) use crate::view::Source;

/// Why a request is not answered with what it asked for. Holds at least one problem.
#[derive(Debug)]
pub(crate) struct Refusal(Box<Said>);

#[derive(Debug)]
struct Said {
    status: StatusCode,
    problems: Vec<Problem>,
    source: Source,
    retryable: bool,
    retry_at: Option<(Timestamp, SignedDuration)>,
    tiktok: Option<view::TikTokSaid>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The earlier post, where the same was posted before.
    duplicate_of: Option<PostId>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Refusal {
    /// The request as a whole is refused.
    pub(crate) fn new(
        status: StatusCode,
        code: &str,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::of(status, vec![Problem::new("", code, detail, remedy)])
    }

    /// What is asked for is not there, or is another workspace's, which looks the same.
    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            &format!("{what}.not_found"),
            format!("this workspace has no such {}", what.replace('_', " ")),
            "check the id; ids are case-sensitive and belong to one workspace",
        )
    }

    /// All problems of a request at once. Unknown references alone make a 404, the creator's state alone a 409.
    pub(crate) fn invalid(problems: Vec<Problem>) -> Self {
        let all = |is: fn(&str) -> bool| problems.iter().all(|problem| is(&problem.rule));
        let status = if all(|rule| rule.ends_with(".not_found")) {
            StatusCode::NOT_FOUND
        } else if all(|rule| matches!(rule, "creator.reconnect_required" | "creator.disconnected")) {
            StatusCode::CONFLICT
        } else if all(|rule| rule.starts_with("idempotency_key.")) {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        Self::of(status, problems)
    }

    fn of(status: StatusCode, problems: Vec<Problem>) -> Self {
        Self(Box::new(Said {
            status,
            problems,
            source: Source::User,
            retryable: false,
            retry_at: None,
            tiktok: None,
            headers: Vec::new(),
            duplicate_of: None,
            cause: None,
        }))
    }

    /// Something of ours failed. The cause is logged, once, and never shown.
    pub(crate) fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut refusal = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something failed on our side",
            "send the same request again with the same Idempotency-Key; if it goes on, report the request_id",
        );
        refusal.0.cause = Some(cause.into());
        refusal.retryable().from(Source::System)
    }

    #[must_use]
    pub(crate) fn from(mut self, source: Source) -> Self {
        self.0.source = source;
        self
    }

    #[must_use]
    pub(crate) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    #[must_use]
    pub(crate) fn retry_in(mut self, wait: SignedDuration, now: Timestamp) -> Self {
        self.0.retry_at = Some((now + wait, wait));
        self.retryable()
    }

    #[must_use]
    pub(crate) fn tiktok(mut self, error: &tiktok::Error) -> Self {
        let message = match error {
            tiktok::Error::Refused { message, .. } => message.as_str(),
            tiktok::Error::OAuthRefused { description, .. } => description.as_str(),
            tiktok::Error::NotSent { .. }
            | tiktok::Error::Unbuildable { .. }
            | tiktok::Error::Ambiguous { .. } => "",
        };
        self.0.tiktok = Some(view::TikTokSaid {
            code: error.code().map(str::to_owned),
            message: message.to_owned(),
            log_id: error.log_id().map(str::to_owned),
        });
        self
    }

    #[must_use]
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.0.headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        self
    }

    /// The same was posted before.
    #[must_use]
    pub(crate) fn duplicate_of(mut self, post: PostId) -> Self {
        self.0.duplicate_of = Some(post);
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Whether the same may be taken another time.
    pub(crate) fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// What is wrong.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.0.problems
    }

    /// Logs what is ours to repair.
    pub(crate) fn log(&self, request_id: &str) {
        if let Some(cause) = &self.0.cause {
            tracing::error!(request_id, error = %flows::chain(cause.as_ref()), "request failed");
        }
    }

    pub(crate) fn response(self, frame: &Frame) -> Response {
        self.log(&frame.request_id);
        let mut response = answer::json(self.0.status, &self.body(frame));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((_, wait)) = self.0.retry_at {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds(wait)));
        }
        headers.extend(self.0.headers);
        response
    }

    /// What is told.
    pub(crate) fn body(&self, frame: &Frame) -> view::Refused {
        let said = &*self.0;
        let (code, detail) = match said.problems.as_slice() {
            [only] => (only.rule.clone(), only.detail.clone()),
            many => ("request.invalid".to_owned(), format!("{} problems, listed in `errors`", many.len())),
        };
        let first = said.problems.first();
        view::Refused {
            r#type: view::rule_url(&frame.base, &code),
            title: title(said.status),
            status: said.status.as_u16(),
            detail,
            code,
            param: first.map(|problem| problem.param.clone()),
            rule: first.map(|problem| problem.rule.clone()),
            source: said.source,
            retryable: said.retryable,
            retry_at: said.retry_at.map(|(at, _)| at),
            remedy: first.map(|problem| problem.remedy.clone()),
            tiktok: said.tiktok.clone(),
            duplicate_of: said.duplicate_of.clone(),
            request_id: frame.request_id.clone(),
            level: view::Level::Error,
            errors: said
                .problems
                .iter()
                .map(|problem| view::Problem::of(problem, view::Level::Error))
                .collect(),
        }
    }
}

/// Whole seconds, rounded up, at least one.
pub(crate) fn seconds(wait: SignedDuration) -> i64 {
    (wait.as_secs() + i64::from(wait.subsec_nanos() > 0)).max(1)
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self::internal(error)
    }
}

impl From<MoveError> for Refusal {
    fn from(error: MoveError) -> Self {
        Self::internal(error)
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "The request cannot be read",
        StatusCode::UNAUTHORIZED => "The key is missing or not valid",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::NOT_ACCEPTABLE => "Not acceptable",
        StatusCode::METHOD_NOT_ALLOWED => "Method not allowed",
        StatusCode::CONFLICT => "The present state does not allow it",
        StatusCode::PAYLOAD_TOO_LARGE => "The body is too large",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "Unsupported media type",
        StatusCode::UNPROCESSABLE_ENTITY => "The request breaks a rule",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE => "Not available at the moment",
        _ => "Something failed on our side",
    }
}
