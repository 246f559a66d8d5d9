//! Answers S3 gives and the emulator does not.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use domain::AccountId;
use domain::media::Container;
use media_s3::Bucket;
use ports::{Objects as _, Rescue as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::stage::media;

/// A bucket whose every answer is this one.
async fn answering(head: &'static str, body: &'static str) -> Bucket {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|it| it == b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let length = if head.contains("Content-Length") {
                String::new()
            } else {
                format!("Content-Length: {}\r\n", body.len())
            };
            let answer = format!("HTTP/1.1 {head}\r\n{length}Connection: close\r\n\r\n{body}");
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(lambda_kit::http::aws_http_client())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "tests"))
        .retry_config(RetryConfig::disabled())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .build();
    Bucket::new(Client::from_conf(config), "media")
}

const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";

#[tokio::test]
async fn a_denial_is_a_refusal_everywhere_and_never_a_missing_object() {
    let bucket = answering("403 Forbidden", DENIED).await;
    assert!(bucket.open(&media(1), 10).await.unwrap_err().refused);
    assert!(bucket.kept(&AccountId::from_bits(1), 3).await.unwrap_err().refused);
    assert!(bucket.copy_for_attempt(&media(1), "\"e\"", "m/k.mp4", "video/mp4").await.unwrap_err().refused);
    assert!(bucket.put_upload(&media(1), Container::Mp4, vec![1]).await.unwrap_err().refused);
    assert!(bucket.delete_copy("m/k.mp4").await.unwrap_err().refused);
}

#[tokio::test]
async fn a_server_error_passes() {
    let bucket = answering("503 Slow Down", "<Error><Code>SlowDown</Code></Error>").await;
    assert!(!bucket.open(&media(1), 10).await.unwrap_err().refused);
    assert!(!bucket.delete_copy("m/k.mp4").await.unwrap_err().refused);
}

#[tokio::test]
async fn a_copy_that_fails_after_its_200_was_sent_is_not_done() {
    let bucket =
        answering("200 OK", "<Error><Code>InternalError</Code><Message>later</Message></Error>").await;
    let copied = bucket.copy_for_attempt(&media(1), "\"e\"", "m/k.mp4", "video/mp4").await;
    assert!(!copied.unwrap_err().refused);
}

#[tokio::test]
async fn a_copy_whose_answer_breaks_off_is_not_done() {
    let bucket = answering("200 OK", "").await;
    let copied = bucket.copy_for_attempt(&media(1), "\"e\"", "m/k.mp4", "video/mp4").await;
    assert!(!copied.unwrap_err().refused);
}

#[tokio::test]
async fn a_first_block_that_breaks_off_is_a_failure_that_passes() {
    let head = "206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-9/100\r\nContent-Length: 10";
    let bucket = answering(head, "12345").await;
    assert!(!bucket.open(&media(1), 10).await.unwrap_err().refused);
}

#[tokio::test]
async fn a_first_block_that_is_shorter_than_asked_is_a_failure_that_passes() {
    let head = "206 Partial Content\r\nETag: \"e\"\r\nContent-Range: bytes 0-4/100";
    let bucket = answering(head, "12345").await;
    assert!(!bucket.open(&media(1), 10).await.unwrap_err().refused);
}

#[tokio::test]
async fn an_error_says_what_was_done_and_does_not_hold_the_answer() {
    let bucket = answering("403 Forbidden\r\nx-secret: s3cret", DENIED).await;
    let error = bucket.open(&media(1), 10).await.unwrap_err();
    assert_eq!(error.to_string(), format!("opening the upload of `{}`", media(1)));
    let printed = format!("{error:?}");
    assert!(printed.contains("AccessDenied") && !printed.contains("s3cret"), "{printed}");
}
