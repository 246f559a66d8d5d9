use aws_lc_rs::{digest, hmac};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use domain::media::Container;
use domain::{SignedDuration, Timestamp};
use ports::{Objects as _, Upload};
use url::Url;

use crate::stage::{Stage, http, media, now};

const QUARTER_HOUR: SignedDuration = SignedDuration::from_secs(900);
const VIDEO: &[u8] = b"as good as a video";

fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(digest::digest(&digest::SHA256, bytes))
}

async fn put(upload: &Upload, bytes: &'static [u8]) -> u16 {
    let mut request = http().put(upload.url.expose()).body(bytes);
    for (name, value) in &upload.headers {
        request = request.header(name, value);
    }
    request.send().await.expect("S3 answers").status().as_u16()
}

#[tokio::test]
async fn an_upload_with_the_declared_bytes_is_taken_under_its_own_key() {
    let stage = Stage::new().await;
    let sum = sha256(VIDEO);
    let upload = stage
        .bucket
        .sign_upload(&media(1), Container::Mov, VIDEO.len() as u64, Some(&sum), QUARTER_HOUR, now())
        .await
        .unwrap();
    assert_eq!(stage.requests(), 0, "signing asks nobody");
    assert_eq!(put(&upload, VIDEO).await, 200);
    let (bytes, content_type) = stage.object(&format!("up/{}", media(1))).await.unwrap();
    assert_eq!((bytes.as_slice(), content_type.as_str()), (VIDEO, "video/quicktime"));
}

#[tokio::test]
async fn an_upload_with_other_bytes_of_the_same_length_is_refused() {
    let stage = Stage::new().await;
    let sum = sha256(VIDEO);
    let upload = stage
        .bucket
        .sign_upload(&media(1), Container::Mp4, VIDEO.len() as u64, Some(&sum), QUARTER_HOUR, now())
        .await
        .unwrap();
    assert_eq!(put(&upload, b"not at all a video").await, 400);
    assert_eq!(stage.object(&format!("up/{}", media(1))).await, None);
}

#[tokio::test]
async fn without_a_checksum_the_uploader_has_none_to_send() {
    let stage = Stage::new().await;
    let upload = stage
        .bucket
        .sign_upload(&media(1), Container::Webm, VIDEO.len() as u64, None, QUARTER_HOUR, now())
        .await
        .unwrap();
    assert_eq!(names(&upload), ["content-length", "content-type"]);
    assert_eq!(put(&upload, VIDEO).await, 200);
}

#[tokio::test]
async fn the_signature_covers_key_type_length_and_checksum_and_nothing_else_must_be_sent() {
    let stage = Stage::new().await;
    let signed_at: Timestamp = "2026-11-02T10:20:30.999Z".parse().unwrap();
    let sum = sha256(VIDEO);
    let upload = stage
        .bucket
        .sign_upload(&media(7), Container::Mp4, 18, Some(&sum), QUARTER_HOUR, signed_at)
        .await
        .unwrap();

    assert_eq!(names(&upload), ["content-length", "content-type", "x-amz-checksum-sha256"]);
    let value = |name: &str| upload.headers.iter().find(|(it, _)| it == name).unwrap().1.as_str();
    assert_eq!(value("content-length"), "18");
    assert_eq!(value("content-type"), "video/mp4");
    assert_eq!(value("x-amz-checksum-sha256"), sum);

    let url = Url::parse(upload.url.expose()).unwrap();
    assert!(url.path().ends_with(&format!("/up/{}", media(7))));
    let query =
        |name: &str| url.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned());
    assert_eq!(query("X-Amz-Date").as_deref(), Some("20261102T102030Z"));
    assert_eq!(query("X-Amz-Expires").as_deref(), Some("900"));
    assert_eq!(upload.expires_at, "2026-11-02T10:35:30Z".parse().unwrap());
    assert_eq!(
        query("X-Amz-SignedHeaders").as_deref(),
        Some("content-length;content-type;host;x-amz-checksum-sha256")
    );

    assert!(verifies("PUT", &url, &upload.headers));
    for (name, other) in
        [("content-length", "19"), ("content-type", "text/html"), ("x-amz-checksum-sha256", "AA==")]
    {
        let mut headers = upload.headers.clone();
        headers.iter_mut().find(|(it, _)| it == name).unwrap().1 = other.to_owned();
        assert!(!verifies("PUT", &url, &headers), "another {name} passes");
    }
    let mut elsewhere = url.clone();
    elsewhere.set_path(&url.path().replace("/up/", "/m/"));
    assert!(!verifies("PUT", &elsewhere, &upload.headers), "another key passes");
    assert!(!verifies("GET", &url, &upload.headers), "another method passes");
}

#[tokio::test]
async fn an_upload_after_its_time_is_refused() {
    let stage = Stage::new().await;
    let length = VIDEO.len() as u64;
    let signed_at = now() - SignedDuration::from_secs(902);
    let upload = stage
        .bucket
        .sign_upload(&media(1), Container::Mp4, length, None, QUARTER_HOUR, signed_at)
        .await
        .unwrap();
    assert!(upload.expires_at < now());
    assert_eq!(put(&upload, VIDEO).await, 403);
    assert_eq!(stage.object(&format!("up/{}", media(1))).await, None);
}

#[tokio::test]
async fn an_upload_is_not_signed_for_longer_than_s3_allows() {
    let stage = Stage::new().await;
    for valid in [SignedDuration::from_hours(24 * 7 + 1), SignedDuration::from_secs(-1)] {
        let refused = stage.bucket.sign_upload(&media(1), Container::Mp4, 1, None, valid, now()).await;
        assert!(refused.unwrap_err().refused);
    }
}

#[tokio::test]
async fn whoever_has_a_download_url_needs_no_header_for_it() {
    let stage = Stage::new().await;
    stage.bucket.put_upload(&media(1), Container::Mp4, VIDEO.to_vec()).await.unwrap();
    let key = format!("up/{}", media(1));
    let url = stage.bucket.sign_download(&key, SignedDuration::from_hours(2)).await.unwrap();

    let parsed = Url::parse(url.expose()).unwrap();
    let query =
        |name: &str| parsed.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned());
    assert_eq!(query("X-Amz-SignedHeaders").as_deref(), Some("host"));
    assert_eq!(query("X-Amz-Expires").as_deref(), Some("7200"));
    assert!(verifies("GET", &parsed, &[]));

    let answer = http().get(url.expose()).header("range", "bytes=0-1").send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 206);
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"as");
}

#[tokio::test]
async fn signed_urls_and_their_bucket_are_not_printed() {
    let stage = Stage::new().await;
    let upload =
        stage.bucket.sign_upload(&media(1), Container::Mp4, 1, None, QUARTER_HOUR, now()).await.unwrap();
    let download = stage.bucket.sign_download("m/x.mp4", QUARTER_HOUR).await.unwrap();
    let printed = format!("{upload:?} {download:?} {:?}", stage.bucket);
    for secret in ["Signature", "Credential", "http", "AKID", "secret"] {
        assert!(!printed.contains(secret), "`{secret}` in {printed}");
    }
}

fn names(upload: &Upload) -> Vec<&str> {
    let mut names: Vec<_> = upload.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// AWS Signature Version 4 in the query, as S3 computes it: not every emulator checks it.
fn verifies(method: &str, url: &Url, headers: &[(String, String)]) -> bool {
    let query = |name: &str| {
        url.query_pairs().find(|(it, _)| it == name).map(|(_, value)| value.into_owned()).expect(name)
    };
    let host = format!("{}:{}", url.host_str().expect("a host"), url.port().expect("a port"));
    let signed_headers = query("X-Amz-SignedHeaders");
    let header =
        |name: &str| headers.iter().find(|(it, _)| it == name).map_or(host.as_str(), |(_, value)| value);
    let canonical_headers =
        signed_headers.split(';').fold(String::new(), |lines, name| lines + name + ":" + header(name) + "\n");
    let mut pairs: Vec<&str> = url
        .query()
        .expect("a query")
        .split('&')
        .filter(|pair| !pair.starts_with("X-Amz-Signature="))
        .collect();
    pairs.sort_unstable();
    let canonical = format!(
        "{method}\n{}\n{}\n{canonical_headers}\n{signed_headers}\nUNSIGNED-PAYLOAD",
        url.path(),
        pairs.join("&")
    );
    let credential = query("X-Amz-Credential");
    let scope = credential.split_once('/').expect("a scope").1;
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hashed}", query("X-Amz-Date"));
    let mut key = b"AWS4test".to_vec();
    for part in scope.split('/') {
        key = sign(&key, part.as_bytes());
    }
    hex(&sign(&key, to_sign.as_bytes())) == query("X-Amz-Signature")
}

fn sign(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it");
        text
    })
}
