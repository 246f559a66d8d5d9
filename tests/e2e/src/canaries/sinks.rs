//! Everything that functions leave behind or answer.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::Value;

use super::text;
use crate::rig::Rig;
use crate::wire::{Exchange, Side};

/// Where users' own bytes lie: nothing of ours is in them.
const MEDIA: [&str; 2] = ["up/", "m/"];

/// Texts to be searched, by names that begin with their kind: `log: …`, `queue: …`, `dead letter: …`, `write: …`, `table`,
/// `object: …`, `response: …`.
#[derive(Default)]
pub struct Sinks(BTreeMap<String, Vec<u8>>);

/// What a sink's name begins with.
pub(super) fn kind(name: &str) -> &str {
    name.split_once(": ").map_or(name, |(kind, _)| kind)
}

impl Sinks {
    /// Adds a text to a sink.
    pub fn add(&mut self, name: impl Into<String>, text: impl AsRef<[u8]>) {
        let sink = self.0.entry(name.into()).or_default();
        sink.extend_from_slice(text.as_ref());
        sink.push(b'\n');
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, text)| (name.as_str(), text.as_slice()))
    }

    /// How many sinks there are of each kind, and how many bytes in them.
    pub fn kinds(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (name, text) in self.iter() {
            let (count, bytes) = kinds.entry(kind(name)).or_default();
            *count += 1;
            *bytes += text.len();
        }
        kinds
    }

    /// The names of one kind's sinks, without the kind.
    pub fn of_kind<'a>(&'a self, of: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(name, _)| kind(name) == of)
            .filter_map(|(name, _)| Some(name.split_once(": ")?.1))
    }

    /// Everything there is now, and whatever went over the wire of a recorded rig.
    pub async fn of(rig: &Rig) -> Result<Self> {
        let mut sinks = Self::default();
        for exchange in rig.wire.exchanges() {
            sinks.hear(&exchange);
        }
        for (name, file) in [("functions", &rig.stack.functions_log), ("emulator", &rig.stack.emulator_log)] {
            let text = std::fs::read(file).with_context(|| format!("reading the log of `{name}`"))?;
            sinks.add(format!("log: {name}"), text);
        }
        sinks.add("table", rig.table_dump().await?);
        for (key, bytes) in rig.objects().await? {
            if !MEDIA.iter().any(|folder| key.starts_with(folder)) {
                sinks.add(format!("object: {key}"), bytes);
            }
        }
        for queue in rig.stack.facts.queues.keys().filter(|queue| queue.ends_with("dead-letters")) {
            for body in rig.messages(queue).await? {
                sinks.add(format!("dead letter: {queue}"), body);
            }
        }
        Ok(sinks)
    }

    /// What the functions wrote and sent, and what the API answered.
    fn hear(&mut self, exchange: &Exchange) {
        let name = &exchange.name;
        match (exchange.side, exchange.service, exchange.operation.as_str()) {
            (Side::Aws, "SQS", "SendMessage" | "SendMessageBatch") => {
                self.add(format!("queue: {name}"), &exchange.body);
            }
            (
                Side::Aws,
                "DynamoDB",
                "UpdateItem" | "PutItem" | "DeleteItem" | "TransactWriteItems" | "BatchWriteItem",
            ) => {
                self.add(format!("write: {name}"), &exchange.body);
            }
            (Side::Aws, "S3", _) if !exchange.body.is_empty() && !is_media(exchange) => {
                self.add(format!("write: {name}"), &exchange.body);
            }
            (Side::Api, _, operation) => {
                if let Some(answer) = &exchange.answer {
                    self.add(format!("response: {operation}"), without_what_is_handed_out(operation, answer));
                }
            }
            _ => {}
        }
    }
}

fn is_media(exchange: &Exchange) -> bool {
    let key = exchange.uri.path().trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
    MEDIA.iter().any(|folder| key.starts_with(folder))
}

/// An answer of the API in full, less the secrets that it is there to hand out: exactly these parts of exactly these answers.
pub fn without_what_is_handed_out(operation: &str, answer: &Response<Bytes>) -> Vec<u8> {
    let (mut headers, mut body) = (answer.headers().clone(), answer.body().to_vec());
    match (operation, answer.status()) {
        // the presigned PUT: its query
        ("POST /v1/media", StatusCode::CREATED) => {
            body = with(&body, "/upload/url", |url| url.split('?').next().unwrap_or_default().to_owned());
        }
        // the new key: the part behind its id
        ("POST /v1/keys" | "POST /v1/keys/{…}/rotate", StatusCode::CREATED) => {
            body = with(&body, "/secret", |key| key.rsplit_once('_').map_or("", |(id, _)| id).to_owned());
        }
        // the link: its last segment
        ("POST /v1/connect-links", StatusCode::CREATED) => {
            body = with(&body, "/url", |url| url.rsplit_once('/').map_or("", |(base, _)| base).to_owned());
        }
        // the way to TikTok: the state in its address, and the cookie's value
        ("GET /connect/{…}", StatusCode::SEE_OTHER) => {
            let location = text(headers.get(header::LOCATION)).to_owned();
            let pairs = location.split('&').filter(|pair| !pair.starts_with("state="));
            let location = pairs.collect::<Vec<_>>().join("&");
            let cookie = text(headers.get(header::SET_COOKIE)).to_owned();
            let (name, attributes) = (cookie.split('=').next(), cookie.split_once(';').map(|(_, rest)| rest));
            let cookie = format!("{}=;{}", name.unwrap_or_default(), attributes.unwrap_or_default());
            for (name, value) in [(header::LOCATION, location), (header::SET_COOKIE, cookie)] {
                headers.insert(name, HeaderValue::try_from(value).expect("a part of a header is one"));
            }
        }
        _ => {}
    }
    let mut whole = format!("{}\n", answer.status()).into_bytes();
    for (name, value) in &headers {
        whole.extend_from_slice(name.as_str().as_bytes());
        whole.extend_from_slice(b": ");
        whole.extend_from_slice(value.as_bytes());
        whole.push(b'\n');
    }
    whole.append(&mut body);
    whole
}

/// The JSON with another text at this place; as it is, where there is none.
fn with(json: &[u8], pointer: &str, change: impl FnOnce(&str) -> String) -> Vec<u8> {
    let mut value: Value = serde_json::from_slice(json).unwrap_or_default();
    match value.pointer_mut(pointer) {
        Some(Value::String(text)) => *text = change(text),
        _ => return json.to_vec(),
    }
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(operation: &str, status: u16, headers: &[(&str, &str)], body: &Value) -> String {
        let mut answer = Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        let answer = answer.body(Bytes::from(body.to_string())).unwrap();
        String::from_utf8(without_what_is_handed_out(operation, &answer)).unwrap()
    }

    #[test]
    fn only_the_query_of_an_upload_url_is_handed_out() {
        let body = json!({ "id": "med_1", "upload": { "url": "https://b/up/med_1?X-Amz-Signature=5f", "also": "X-Amz-Signature=6" } });
        let shown = left("POST /v1/media", 201, &[], &body);
        assert!(
            !shown.contains("=5f") && shown.contains("https://b/up/med_1\"") && shown.contains("=6"),
            "{shown}"
        );
        assert!(left("POST /v1/posts", 201, &[], &body).contains("=5f"));
        assert!(left("POST /v1/media", 422, &[], &body).contains("=5f"));
    }

    #[test]
    fn only_the_secret_of_a_new_key_is_handed_out() {
        let body = json!({ "prefix": "slk_12", "secret": "slk_12_34", "name": "34" });
        for operation in ["POST /v1/keys", "POST /v1/keys/{…}/rotate"] {
            let shown = left(operation, 201, &[("x-request-id", "34")], &body);
            assert!(!shown.contains("12_34"), "{shown}");
            assert_eq!(2, shown.matches("34").count(), "{shown}");
        }
        assert!(left("GET /v1/keys", 200, &[], &body).contains("12_34"));
    }

    #[test]
    fn only_the_link_itself_its_state_and_its_cookie_are_handed_out() {
        let link = left(
            "POST /v1/connect-links",
            201,
            &[],
            &json!({ "url": "https://a/connect/0f", "expires_at": "0f" }),
        );
        assert!(!link.contains("/0f") && link.contains("\"0f\""), "{link}");

        let headers = [
            ("location", "https://t/auth?client_key=aw&state=5e&scope=5e"),
            ("set-cookie", "slipway_connect=5e.0f; Path=/; Max-Age=600"),
            ("x-request-id", "5e"),
        ];
        let way = left("GET /connect/{…}", 303, &headers, &Value::Null);
        assert!(
            way.contains("?client_key=aw&scope=5e") && way.contains("slipway_connect=; Path=/; Max-Age=600"),
            "{way}"
        );
        assert_eq!(2, way.matches("5e").count(), "{way}");
        assert!(left("GET /oauth/tiktok/callback", 303, &headers, &Value::Null).contains("state=5e"));
        assert!(left("GET /connect/{…}", 404, &headers, &Value::Null).contains("state=5e"));
    }
}
