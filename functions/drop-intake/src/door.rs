//! How the API function is asked: with the event of an HTTP request, as API Gateway would.

use domain::CreatorId;
use ports::PortResult;
use serde::Deserialize;
use serde_json::{Value, json};

/// A request for the API.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Where to.
    pub path: &'a str,
    /// Its `Idempotency-Key`.
    pub idempotency_key: &'a str,
    /// For which creator the files lie.
    pub creator: &'a CreatorId,
    /// The JSON's key in the bucket.
    pub json: &'a str,
    /// What is asked.
    pub body: &'a Value,
}

impl Request<'_> {
    /// The event that says it. The request context bears what was dropped where an authorizer of API Gateway would write.
    pub fn event(&self) -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": self.path,
            "rawQueryString": "",
            "headers": {
                "content-type": "application/json",
                "host": "drop-intake",
                "idempotency-key": self.idempotency_key,
            },
            "requestContext": {
                "authorizer": { "lambda": { "slipway_drop": { "creator": self.creator, "key": self.json } } },
                "http": { "method": "POST", "path": self.path, "protocol": "HTTP/1.1" },
                "stage": "$default",
                "timeEpoch": 0,
            },
            "body": self.body.to_string(),
            "isBase64Encoded": false,
        })
    }
}

/// What the API answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// An answer that is not one of the API's.
#[derive(Debug, thiserror::Error)]
pub enum Odd {
    /// The function ended without an answer.
    #[error("the API function ended without an answer")]
    Failed,
    /// Something else.
    #[error("the API function's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl Answer {
    /// Reads what the function gives back.
    pub fn read(payload: &[u8]) -> Result<Self, Odd> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Given {
            status_code: u16,
            #[serde(default)]
            body: String,
        }
        let given: Given = serde_json::from_slice(payload).map_err(Odd::Unreadable)?;
        let body = serde_json::from_str(&given.body).map_err(Odd::Unreadable)?;
        Ok(Self { status: given.status_code, body })
    }
}

/// The API function.
pub trait Door: Send + Sync {
    /// Asks it once. What is created is created once for each `Idempotency-Key`.
    fn ask(&self, request: Request<'_>) -> impl Future<Output = PortResult<Answer>> + Send;
}
