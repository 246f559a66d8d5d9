//! From a request to what the handlers read, and from what they say to an answer.

use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use domain::{Problem, SignedDuration, Timestamp};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use lambda_http::RequestExt as _;
use lambda_kit::deadline::Deadline;
use serde::Serialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::crypto;
use crate::refusal::Refusal;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A JSON body may be this long; the longest caption with everything else takes a quarter of it.
pub(crate) const JSON_MAX: usize = 65_536;

/// `serde_json` reads 127 levels; nothing here has more than a few.
const DEPTH_MAX: usize = 32;
/// A request id that somebody else made may be this long.
const REQUEST_ID_MAX: usize = 128;

pub(crate) type Answered = Result<Response, Refusal>;

/// What every answer says, whatever it is.
pub(crate) struct Frame {
    pub(crate) request_id: String,
    /// Where people find this API, without a slash at its end.
    pub(crate) base: String,
}

/// What every answer has.
pub(crate) fn finished(answered: Answered, frame: &Frame) -> Response {
    let mut response = answered.unwrap_or_else(|refusal| refusal.response(frame));
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::try_from(&frame.request_id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A request, with what the handlers need of Lambda.
pub(crate) struct Ask {
    pub(crate) parts: Parts,
    /// Behind a lock because it is not `Sync`, and the rest is read while others wait.
    body: Mutex<Option<Body>>,
    pub(crate) request_id: String,
    /// When Lambda ends this invocation.
    pub(crate) deadline: Timestamp,
}

impl Ask {
    /// The request id is the client's own if it is fit for a log, else Lambda's; outside Lambda it is `fallback`, and the
    /// deadline API Gateway's own.
    pub(crate) fn new(request: Request, now: Timestamp, fallback: &[u8; 32]) -> Self {
        let (parts, body) = request.into_parts();
        let context = parts.lambda_context_ref();
        let theirs =
            parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(|id| is_request_id(id));
        let lambdas = || context.map(|context| context.request_id.clone()).filter(|id| !id.is_empty());
        let request_id =
            theirs.map(str::to_owned).or_else(lambdas).unwrap_or_else(|| crypto::hex(&fallback[..16]));
        let deadline = context
            .map(|context| Deadline::from(context).moment())
            .filter(|moment| *moment > now)
            .unwrap_or(now + SignedDuration::from_secs(29));
        Self { parts, body: Mutex::new(Some(body)), request_id, deadline }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The path's segment number `index`, as it came.
    pub(crate) fn segment(&self, index: usize) -> &str {
        self.parts.uri.path().split('/').filter(|part| !part.is_empty()).nth(index).unwrap_or_default()
    }

    /// A query parameter, decoded; the first of its name.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.queries().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    pub(crate) fn queries(&self) -> impl Iterator<Item = (String, String)> {
        form_urlencoded::parse(self.parts.uri.query().unwrap_or_default().as_bytes())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
    }

    /// The values of a cookie: browsers may send several of one name, and some gateways keep them in the header.
    pub(crate) fn cookies<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.parts
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(move |pair| pair.trim().split_once('=').filter(|(key, _)| *key == name))
            .map(|(_, value)| value)
    }

    /// Whether the answer may be of this media type. Without the header, or with one that is no list of types, it may.
    pub(crate) fn accepts(&self, media_type: &str) -> bool {
        let family = media_type.split_once('/').map_or("", |(family, _)| family);
        let mut ranges = ranges(&self.parts.headers, header::ACCEPT).peekable();
        ranges.peek().is_none()
            || ranges.any(|(range, quality)| {
                let range = range.to_ascii_lowercase();
                let fits = range == media_type || range == "*/*" || range.strip_suffix("/*") == Some(family);
                fits && quality > 0.0
            })
    }

    pub(crate) fn takes_gzip(&self) -> bool {
        let mut ranges = ranges(&self.parts.headers, header::ACCEPT_ENCODING);
        ranges.any(|(coding, quality)| coding.eq_ignore_ascii_case("gzip") && quality > 0.0)
    }

    /// The media type of the body, without parameters, lower case.
    pub(crate) fn content_type(&self) -> String {
        let header = self.header(header::CONTENT_TYPE).unwrap_or_default();
        header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The whole body, if it has at most `max` bytes.
    pub(crate) async fn bytes(&mut self, max: usize, remedy: &str) -> Result<Bytes, Refusal> {
        let coding = self.header(header::CONTENT_ENCODING).unwrap_or_default();
        if !(coding.is_empty() || coding.eq_ignore_ascii_case("identity")) {
            return Err(compressed(coding));
        }
        let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(body) = body else { return Ok(Bytes::new()) };
        axum::body::to_bytes(body, max).await.map_err(|_| {
            Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body.too_large",
                format!("the body is longer than {max} bytes"),
                remedy,
            )
        })
    }

    /// The body as JSON.
    pub(crate) async fn json(&mut self) -> Result<Value, Refusal> {
        self.json_as(&["application/json"]).await
    }

    /// The body as JSON of one of these media types.
    pub(crate) async fn json_as(&mut self, types: &[&str]) -> Result<Value, Refusal> {
        let content_type = self.content_type();
        if !types.contains(&content_type.as_str()) {
            return Err(unsupported(&content_type, &format!("`{}`", types.join("` or `"))));
        }
        let bytes = self.bytes(JSON_MAX, "send only the documented fields").await?;
        parse_json(&bytes)
    }

    /// The body as JSON; without a body an empty object.
    pub(crate) async fn json_if_any(&mut self) -> Result<Value, Refusal> {
        let content_type = self.content_type();
        let bytes = self.bytes(JSON_MAX, "send only the documented fields").await?;
        match content_type.as_str() {
            _ if bytes.is_empty() => Ok(Value::Object(serde_json::Map::new())),
            "application/json" => parse_json(&bytes),
            other => Err(unsupported(other, "`application/json`")),
        }
    }

    /// The `Idempotency-Key`, or what is wrong with it. `Ok(None)`: there is none.
    pub(crate) fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let mut values = self.headers().get_all(IDEMPOTENCY_KEY).iter();
        let Some(value) = values.next() else { return Ok(None) };
        let text = value.to_str().ok().filter(|text| (1..=255).contains(&text.len()));
        match (text, values.next()) {
            (Some(text), None) => Ok(Some(text.to_owned())),
            _ => Err(Problem::new(
                "",
                "idempotency_key.format",
                "the header Idempotency-Key is not one text of 1 to 255 printable ASCII characters",
                "send one random text, such as a UUID, and the same one whenever you repeat the request",
            )),
        }
    }
}

/// Names and qualities of a header that lists what a client takes.
fn ranges(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = (&str, f32)> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        Some((name, quality.and_then(|quality| quality.parse().ok()).unwrap_or(1.0)))
    })
}

/// Whether this may stand in a log and in a header as it is.
fn is_request_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:=+/@".contains(&byte);
    (1..=REQUEST_ID_MAX).contains(&id.len()) && id.bytes().all(plain)
}

fn compressed(coding: &str) -> Refusal {
    let coding: String = coding.chars().take(80).collect();
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content_encoding.unsupported",
        format!("the body is encoded as `{coding}`"),
        "send the body as it is, without the header Content-Encoding",
    )
}

pub(crate) fn unsupported(found: &str, wanted: &str) -> Refusal {
    let found: String = found.chars().take(80).collect();
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content_type.unsupported",
        format!("the body is `{found}`, this route takes {wanted}"),
        format!("send the header Content-Type: {}", wanted.replace('`', "")),
    )
}

/// How deeply brackets are nested; strings are skipped.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Reads JSON; what is malformed is named by line and column.
pub(crate) fn parse_json(bytes: &[u8]) -> Result<Value, Refusal> {
    if depth(bytes) > DEPTH_MAX {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "json.depth",
            format!("the JSON is nested more than {DEPTH_MAX} levels deep"),
            "send only the documented fields",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "json.malformed",
            format!("the body is not JSON: {error}"),
            format!("correct the JSON at line {}, column {}", error.line(), error.column()),
        )
    })
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer cannot be written");
        Vec::new()
    });
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Plain text, byte by byte.
pub(crate) fn text(content: String) -> Response {
    let mut response = Response::new(Body::from(content));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// Adds a header whose value is text of ours.
pub(crate) fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().append(name, value);
    }
    response
}
