//! From bytes to what they prove.

use std::fmt;

use http::StatusCode;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Ambiguity, Endpoint, Error, ErrorCode, OAuthErrorCode, Response};

/// TikTok's envelope: `{"data": {...}, "error": {"code", "message", "log_id"}}`; the tables write `logid`, the
/// samples and the wire `log_id` (DP, CI, ST).
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// What an answer says, whatever its status.
struct Said {
    outcome: Outcome,
    log_id: Option<String>,
}

enum Outcome {
    /// `error.code` is `ok`.
    Ok,
    /// Any other `error.code`.
    Enveloped { code: String, message: String },
    /// `error` is a word.
    Flat { code: String, description: String },
    /// JSON without `error`.
    NoError,
    /// Not a JSON object, or `error` in no form of TikTok's.
    Nothing,
}

fn said(body: &[u8]) -> Said {
    let Ok(answer) = serde_json::from_slice::<Map<String, Value>>(body) else {
        return Said { outcome: Outcome::Nothing, log_id: None };
    };
    match answer.get("error") {
        None | Some(Value::Null) => Said { outcome: Outcome::NoError, log_id: log_id(&answer) },
        Some(Value::String(code)) if code.is_empty() => {
            Said { outcome: Outcome::NoError, log_id: log_id(&answer) }
        }
        Some(Value::String(code)) => Said {
            outcome: Outcome::Flat {
                code: code.clone(),
                description: text(&answer, "error_description").unwrap_or_default(),
            },
            log_id: log_id(&answer),
        },
        Some(Value::Object(error)) => Said {
            outcome: match text(error, "code") {
                Some(code) if code == "ok" => Outcome::Ok,
                Some(code) => {
                    Outcome::Enveloped { code, message: text(error, "message").unwrap_or_default() }
                }
                None => Outcome::Nothing,
            },
            log_id: log_id(error),
        },
        Some(_) => Said { outcome: Outcome::Nothing, log_id: log_id(&answer) },
    }
}

fn log_id(object: &Map<String, Value>) -> Option<String> {
    text(object, "log_id").or_else(|| text(object, "logid"))
}

/// The string at `key`, if there is one that says anything. Cut: it goes to logs, and a server can send a lot.
fn text(object: &Map<String, Value>, key: &str) -> Option<String> {
    let value = object.get(key)?.as_str().filter(|text| !text.is_empty())?;
    Some(value.chars().take(300).collect())
}

/// Reads the answer of a call that speaks in envelopes: success if and only if `error.code` is `ok`.
pub(crate) fn enveloped<T: DeserializeOwned>(endpoint: Endpoint, answer: &Response) -> Result<T, Error> {
    let log_id = ok(endpoint, answer)?;
    read::<Envelope<T>>(endpoint, answer, log_id).map(|envelope| envelope.data)
}

/// Reads the answer of a call that says no more than whether it worked: an envelope without `data` (MT).
pub(crate) fn acknowledged(endpoint: Endpoint, answer: &Response) -> Result<(), Error> {
    ok(endpoint, answer).map(drop)
}

/// Success is `error.code` of `ok`; its `log_id`.
fn ok(endpoint: Endpoint, answer: &Response) -> Result<Option<String>, Error> {
    let Said { outcome, log_id } = said(&answer.body);
    match (class(answer.status), outcome) {
        (Class::Success, Outcome::Ok) => Ok(log_id),
        (Class::Success | Class::Refusal, Outcome::Enveloped { code, message }) => {
            Err(refused(endpoint, answer, &code, message, log_id))
        }
        (_, outcome) => Err(ambiguous(endpoint, answer, outcome, log_id)),
    }
}

/// Reads the answer of the token endpoint: flat, success has no `error` key (TOK). An error may come with HTTP 200,
/// and an envelope is understood as well.
pub(crate) fn flat<T: DeserializeOwned>(endpoint: Endpoint, answer: &Response) -> Result<T, Error> {
    let said = said(&answer.body);
    match (class(answer.status), &said.outcome) {
        (Class::Success, Outcome::NoError | Outcome::Ok) => read(endpoint, answer, said.log_id),
        _ => Err(not_granted(endpoint, answer, said)),
    }
}

/// Reads the answer to a revocation: success has an empty body (TOK).
pub(crate) fn empty(endpoint: Endpoint, answer: &Response) -> Result<(), Error> {
    let said = said(&answer.body);
    match (class(answer.status), &said.outcome) {
        (Class::Success, Outcome::NoError | Outcome::Ok) => Ok(()),
        (Class::Success, Outcome::Nothing) if answer.body.trim_ascii().is_empty() => Ok(()),
        _ => Err(not_granted(endpoint, answer, said)),
    }
}

/// The error behind an answer that is no success.
pub(crate) fn refusal(endpoint: Endpoint, answer: &Response) -> Error {
    let said = said(&answer.body);
    match ok(endpoint, answer) {
        Err(error) => error,
        Ok(_) => ambiguous(endpoint, answer, said.outcome, said.log_id),
    }
}

fn not_granted(endpoint: Endpoint, answer: &Response, Said { outcome, log_id }: Said) -> Error {
    match (class(answer.status), outcome) {
        (Class::Success | Class::Refusal, Outcome::Flat { code, description }) => Error::OAuthRefused {
            endpoint,
            http_status: answer.status.as_u16(),
            code: OAuthErrorCode::from(code.as_str()),
            description,
            log_id,
        },
        (Class::Success | Class::Refusal, Outcome::Enveloped { code, message }) => {
            refused(endpoint, answer, &code, message, log_id)
        }
        (_, outcome) => ambiguous(endpoint, answer, outcome, log_id),
    }
}

fn refused(
    endpoint: Endpoint,
    answer: &Response,
    code: &str,
    message: String,
    log_id: Option<String>,
) -> Error {
    let http_status = answer.status.as_u16();
    Error::Refused { endpoint, http_status, code: ErrorCode::from(code), message, log_id }
}

fn ambiguous(endpoint: Endpoint, answer: &Response, outcome: Outcome, log_id: Option<String>) -> Error {
    let why = match class(answer.status) {
        Class::ServerFault => Ambiguity::ServerFault,
        Class::Refusal | Class::Foreign => Ambiguity::NotTikToksAnswer,
        Class::Success => Ambiguity::Unreadable,
    };
    let code = match outcome {
        Outcome::Enveloped { code, .. } | Outcome::Flat { code, .. } => Some(code),
        Outcome::Ok | Outcome::NoError | Outcome::Nothing => None,
    };
    Error::Ambiguous { endpoint, why, http_status: Some(answer.status.as_u16()), code, log_id, source: None }
}

fn read<T: DeserializeOwned>(
    endpoint: Endpoint,
    answer: &Response,
    log_id: Option<String>,
) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|error| Error::Ambiguous {
        endpoint,
        why: Ambiguity::Unreadable,
        http_status: Some(answer.status.as_u16()),
        code: None,
        log_id,
        source: Some(Box::new(UnreadableAt::from(error))),
    })
}

/// A string that says something.
pub(crate) fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let value = String::deserialize(deserializer)?;
    if value.is_empty() { Err(serde::de::Error::custom("empty string")) } else { Ok(value) }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// 2xx
    Success,
    /// 4xx
    Refusal,
    /// 5xx
    ServerFault,
    /// 1xx, 3xx and whatever else
    Foreign,
}

fn class(status: StatusCode) -> Class {
    match status.as_u16() {
        200..=299 => Class::Success,
        400..=499 => Class::Refusal,
        500..=599 => Class::ServerFault,
        _ => Class::Foreign,
    }
}

/// Where reading stopped. `serde_json`'s own message quotes the value at fault, which may be a token.
#[derive(Debug)]
pub struct UnreadableAt {
    category: serde_json::error::Category,
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for UnreadableAt {
    fn from(error: serde_json::Error) -> Self {
        Self { category: error.classify(), line: error.line(), column: error.column() }
    }
}

impl fmt::Display for UnreadableAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.category {
            serde_json::error::Category::Data => "a field is missing or has another type",
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "this is not JSON",
        };
        write!(f, "{what} at line {}, column {}", self.line, self.column)
    }
}

impl std::error::Error for UnreadableAt {}
