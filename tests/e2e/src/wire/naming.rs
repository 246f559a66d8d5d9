//! What a request asks for, and of whom.

use std::time::Duration;

use http::{HeaderMap, Method, Uri};
use serde_json::Value;
use tiktok_sandbox::Endpoint;

/// A request's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) service: &'static str,
    pub(super) operation: String,
    /// Which kind of thing it is about: a row, a key's prefix, a job.
    pub(super) subject: String,
}

/// Names a call to AWS: by its target where there is one, else it is S3's.
pub(super) fn aws(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Name {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let Some((service, operation)) = target.and_then(|target| target.split_once('.')) else {
        return s3(method, uri, headers);
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let (service, subject) = match service {
        "DynamoDB_20120810" => ("DynamoDB", row(operation, &body)),
        "AmazonSQS" => ("SQS", job(&body)),
        "TrentService" => ("KMS", String::new()),
        "AmazonSSM" => ("SSM", String::new()),
        _ => ("AWS", target.unwrap_or_default().to_owned()),
    };
    Name { service, operation: operation.to_owned(), subject }
}

/// Names a call to TikTok.
pub(super) fn tiktok(uri: &Uri) -> Name {
    let operation =
        Endpoint::from_path(uri.path()).map_or_else(|| uri.path().to_owned(), |it| it.name().to_owned());
    Name { service: "TikTok", operation, subject: String::new() }
}

/// Names a call to our API: by method and path, in which `{…}` stands for what differs from one resource to the next.
pub(super) fn api(method: &Method, uri: &Uri) -> Name {
    let mut operation = format!("{method} ");
    let mut before = "";
    for segment in uri.path().split('/').skip(1) {
        let of_many = matches!(before, "posts" | "media" | "creators" | "keys" | "connect");
        operation.push('/');
        operation.push_str(if of_many { "{…}" } else { segment });
        before = segment;
    }
    Name { service: "Api", operation, subject: String::new() }
}

fn s3(method: &Method, uri: &Uri, headers: &HeaderMap) -> Name {
    let (bucket, key) = bucket_and_key(uri);
    let query = uri.query().unwrap_or_default();
    let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let operation = match (method, key.is_empty()) {
        (&Method::GET, false) => "GetObject",
        (&Method::HEAD, false) => "HeadObject",
        (&Method::DELETE, false) => "DeleteObject",
        (&Method::PUT, false) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        (&Method::PUT, false) if asks("partNumber") => "UploadPart",
        (&Method::PUT, false) => "PutObject",
        (&Method::POST, false) if asks("uploads") => "CreateMultipartUpload",
        (&Method::POST, false) if asks("uploadId") => "CompleteMultipartUpload",
        (&Method::GET, true) if !bucket.is_empty() => "ListObjects",
        _ => method.as_str(),
    };
    let subject = key.split_once('/').map(|(folder, _)| format!("{folder}/")).unwrap_or_default();
    Name { service: "S3", operation: operation.to_owned(), subject }
}

/// `/<bucket>/<key>`
pub(super) fn bucket_and_key(uri: &Uri) -> (&str, &str) {
    let path = uri.path().trim_start_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

fn row(operation: &str, body: &Value) -> String {
    let pk = |item: &Value| kind(item["pk"]["S"].as_str().unwrap_or_default());
    match operation {
        "GetItem" | "UpdateItem" | "DeleteItem" => pk(&body["Key"]),
        "PutItem" => pk(&body["Item"]),
        "BatchGetItem" => {
            let tables = body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
            let keys = tables.flat_map(|table| table["Keys"].as_array().into_iter().flatten());
            let mut kinds: Vec<_> = keys.map(pk).collect();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.join("+")
        }
        "Query" => format!("index {}", body["IndexName"].as_str().unwrap_or_default()),
        _ => String::new(),
    }
}

/// What DynamoDB charges for a batch of reads: one unit a row, half of one without a consistent read. Rows are below 4 kB.
pub(super) fn batch_units(body: &[u8]) -> f64 {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let tables = body["RequestItems"].as_object().into_iter().flat_map(|tables| tables.values());
    let units = tables.map(|table| {
        let keys = table["Keys"].as_array().map_or(0, Vec::len);
        let each = if table["ConsistentRead"].as_bool() == Some(true) { 1.0 } else { 0.5 };
        each * u32::try_from(keys).map_or(f64::INFINITY, f64::from)
    });
    units.sum()
}

/// A partition key without what tells rows of one kind apart: `post#pst_0197…` is `post`, `pst_0197…#body#5f…` is `pst#body`.
fn kind(pk: &str) -> String {
    let parts = pk.split('#').filter_map(|part| {
        let word = part.split_once('_').map_or(part, |(prefix, _)| prefix);
        let is_word = word.len() <= 16 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        (is_word && !word.is_empty()).then_some(word)
    });
    let mut parts: Vec<_> = parts.collect();
    parts.dedup();
    parts.join("#")
}

/// How long a queue is asked to keep a message to itself.
pub(super) fn delay(body: &[u8]) -> Duration {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    Duration::from_secs(body["DelaySeconds"].as_u64().unwrap_or_default())
}

fn job(body: &Value) -> String {
    let message = body["MessageBody"].as_str().unwrap_or_default();
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    message["job"].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_by_their_kind() {
        assert_eq!("post#pst", kind("post#pst_0197b2c3"));
        assert_eq!("pst#body", kind("pst_0197b2c3#body#5f0a1b2c3d"));
        assert_eq!("key", kind("key#0197b2c3d4e5f60718293a4b5c6d7e8f"));
    }

    #[test]
    fn routes_of_the_api_are_named_without_what_tells_resources_apart() {
        let named = |method, uri| api(&method, &Uri::from_static(uri)).operation;
        assert_eq!("GET /v1/creators/{…}/health", named(Method::GET, "/v1/creators/crt_1/health"));
        assert_eq!("GET /connect/{…}", named(Method::GET, "/connect/0f1e"));
        assert_eq!("GET /oauth/tiktok/callback", named(Method::GET, "/oauth/tiktok/callback?code=1"));
        assert_eq!("POST /v1/keys/{…}/rotate", named(Method::POST, "/v1/keys/key_1/rotate"));
    }

    #[test]
    fn a_batch_is_charged_by_row_and_consistency() {
        let asked = |consistent: bool| {
            let keys = [serde_json::json!({ "pk": { "S": "a" } }), serde_json::json!({ "pk": { "S": "b" } })];
            let table = serde_json::json!({ "Keys": keys, "ConsistentRead": consistent });
            batch_units(serde_json::json!({ "RequestItems": { "t": table } }).to_string().as_bytes())
        };
        assert!((asked(true) - 2.0).abs() < f64::EPSILON);
        assert!((asked(false) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn objects_are_named_by_what_is_done_to_them() {
        let named = |method, uri: &'static str, copy: bool| {
            let mut headers = HeaderMap::new();
            if copy {
                headers.insert("x-amz-copy-source", "b/up/x".parse().unwrap());
            }
            let Name { operation, subject, .. } = aws(&method, &Uri::from_static(uri), &headers, b"");
            format!("{operation} {subject}")
        };
        assert_eq!("CopyObject m/", named(Method::PUT, "/bucket/m/0f.mp4", true));
        assert_eq!("PutObject up/", named(Method::PUT, "/bucket/up/med_1?x-id=PutObject", false));
        assert_eq!("GetObject up/", named(Method::GET, "/bucket/up/med_1?X-Amz-Signature=5", false));
        assert_eq!("UploadPart up/", named(Method::PUT, "/bucket/up/med_1?partNumber=1&uploadId=2", false));
    }
}
