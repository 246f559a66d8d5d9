//! Answers that the other side never gave.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde_json::{Value, json};

const TOO_MANY: &str = "too many requests";

/// What a service answers that is called too often.
pub(super) fn throttled(service: &str) -> Response<Bytes> {
    let (status, body) = match service {
        "S3" => {
            let body = format!("<Error><Code>SlowDown</Code><Message>{TOO_MANY}</Message></Error>");
            return answer(StatusCode::SERVICE_UNAVAILABLE, "application/xml", body);
        }
        "TikTok" => (
            StatusCode::TOO_MANY_REQUESTS,
            json!({ "data": {}, "error": { "code": "rate_limit_exceeded", "message": TOO_MANY, "log_id": "wire" } }),
        ),
        "DynamoDB" => refused("com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"),
        "SQS" => refused("com.amazonaws.sqs#RequestThrottled"),
        _ => refused("ThrottlingException"),
    };
    answer(status, "application/x-amz-json-1.0", body.to_string())
}

/// What SQS answers that has taken a message.
pub(super) fn swallowed(number: u64) -> Response<Bytes> {
    let body = json!({ "MessageId": format!("swallowed-{number}") });
    answer(StatusCode::OK, "application/x-amz-json-1.0", body.to_string())
}

fn refused(kind: &str) -> (StatusCode, Value) {
    (StatusCode::BAD_REQUEST, json!({ "__type": kind, "message": TOO_MANY }))
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
