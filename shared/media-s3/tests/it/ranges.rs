use std::error::Error as _;

use domain::media::Container;
use ports::Objects as _;

use crate::stage::{BUCKET, Stage, media};

fn bytes(len: u32) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).expect("below 251")).collect()
}

#[tokio::test]
async fn one_request_opens_an_upload_and_serves_all_reads_in_its_first_block() {
    let stage = Stage::new().await;
    let all = bytes(10_000);
    let etag = stage.bucket.put_upload(&media(1), Container::Mp4, all.clone()).await.unwrap();
    stage.requests();
    let object = stage.bucket.open(&media(1), 4_096).await.unwrap().unwrap();
    assert_eq!((object.size(), object.etag()), (10_000, etag.as_str()));
    assert_eq!(object.content_type(), Some("video/mp4"));
    assert_eq!(object.read(0, 4_096).await.unwrap(), all[..4_096]);
    assert_eq!(object.read(4_000, 96).await.unwrap(), all[4_000..4_096]);
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn a_read_beyond_the_first_block_is_one_request_for_exactly_these_bytes() {
    let stage = Stage::new().await;
    let all = bytes(10_000);
    stage.bucket.put_upload(&media(1), Container::Mp4, all.clone()).await.unwrap();
    let object = stage.bucket.open(&media(1), 100).await.unwrap().unwrap();
    stage.requests();
    assert_eq!(object.read(99, 2).await.unwrap(), all[99..101]);
    assert_eq!(object.read(9_000, 5_000).await.unwrap(), all[9_000..]);
    assert_eq!(stage.requests(), 2);
    assert!(object.read(10_000, 1).await.unwrap().is_empty());
    assert!(object.read(5, 0).await.unwrap().is_empty());
    assert!(object.read(u64::MAX, u64::MAX).await.unwrap().is_empty());
    assert_eq!(stage.requests(), 0);
}

#[tokio::test]
async fn an_upload_smaller_than_the_first_block_is_read_whole() {
    let stage = Stage::new().await;
    stage.bucket.put_upload(&media(1), Container::Mp4, b"tiny".to_vec()).await.unwrap();
    let object = stage.bucket.open(&media(1), 1 << 20).await.unwrap().unwrap();
    assert_eq!(object.size(), 4);
    assert_eq!(object.read(0, 1 << 20).await.unwrap(), b"tiny"[..]);
}

#[tokio::test]
async fn an_empty_upload_has_size_zero() {
    let stage = Stage::new().await;
    let etag = stage.bucket.put_upload(&media(1), Container::Mp4, Vec::new()).await.unwrap();
    let object = stage.bucket.open(&media(1), 4_096).await.unwrap().unwrap();
    assert_eq!((object.size(), object.etag()), (0, etag.as_str()));
    assert!(object.read(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn there_is_nothing_to_open_before_the_upload() {
    let stage = Stage::new().await;
    assert!(stage.bucket.open(&media(1), 4_096).await.unwrap().is_none());
}

#[tokio::test]
async fn bytes_of_two_uploads_are_never_mixed() {
    let stage = Stage::new().await;
    stage.bucket.put_upload(&media(1), Container::Mp4, bytes(1_000)).await.unwrap();
    let object = stage.bucket.open(&media(1), 10).await.unwrap().unwrap();

    stage.bucket.put_upload(&media(1), Container::Mp4, vec![0; 1_000]).await.unwrap();
    let error = object.read(500, 10).await.unwrap_err();
    assert!(!error.refused, "opening it again helps");
    assert_eq!(error.source().unwrap().to_string(), "the object was replaced while it was read");

    stage.s3.delete_object().bucket(BUCKET).key(format!("up/{}", media(1))).send().await.unwrap();
    assert!(!object.read(500, 10).await.unwrap_err().refused);
}

#[tokio::test]
async fn what_was_read_is_not_printed() {
    let stage = Stage::new().await;
    stage.bucket.put_upload(&media(1), Container::Mp4, b"private film".to_vec()).await.unwrap();
    let object = stage.bucket.open(&media(1), 100).await.unwrap().unwrap();
    let printed = format!("{object:?}");
    assert!(!printed.contains("private") && !printed.contains("112, 114"), "{printed}");
    assert!(printed.contains(&format!("up/{}", media(1))));
}
