use domain::media::Container;
use ports::{Copied, Objects as _};

use crate::stage::{Stage, media};

const KEY: &str = "m/0123456789abcdef0123456789abcdef.mp4";

#[tokio::test]
async fn a_copy_has_the_bytes_and_the_media_type_that_were_probed() {
    let stage = Stage::new().await;
    // declared as one thing, found to be another
    let etag = stage.bucket.put_upload(&media(1), Container::Mov, b"probed".to_vec()).await.unwrap();
    stage.requests();
    let copied = stage.bucket.copy_for_attempt(&media(1), &etag, KEY, "video/mp4").await.unwrap();
    assert_eq!(copied, Copied::Done);
    assert_eq!(stage.requests(), 1);
    assert_eq!(stage.object(KEY).await, Some((b"probed".to_vec(), "video/mp4".to_owned())));
}

#[tokio::test]
async fn an_upload_that_was_replaced_after_the_probe_is_not_copied() {
    let stage = Stage::new().await;
    let probed = stage.bucket.put_upload(&media(1), Container::Mp4, b"probed".to_vec()).await.unwrap();
    let other = stage.bucket.put_upload(&media(1), Container::Mp4, b"other!".to_vec()).await.unwrap();
    assert_ne!(probed, other);
    let copied = stage.bucket.copy_for_attempt(&media(1), &probed, KEY, "video/mp4").await.unwrap();
    assert_eq!(copied, Copied::Changed);
    assert_eq!(stage.object(KEY).await, None);
}

#[tokio::test]
async fn an_upload_that_is_gone_is_not_copied() {
    let stage = Stage::new().await;
    let copied = stage.bucket.copy_for_attempt(&media(1), "\"etag\"", KEY, "video/mp4").await.unwrap();
    assert_eq!(copied, Copied::Changed);
}

#[tokio::test]
async fn a_deleted_copy_is_gone_for_whoever_has_its_url_and_can_be_deleted_again() {
    let stage = Stage::new().await;
    let etag = stage.bucket.put_upload(&media(1), Container::Mp4, b"probed".to_vec()).await.unwrap();
    stage.bucket.copy_for_attempt(&media(1), &etag, KEY, "video/mp4").await.unwrap();
    let url = stage.bucket.sign_download(KEY, domain::SignedDuration::from_hours(2)).await.unwrap();
    stage.bucket.delete_copy(KEY).await.unwrap();
    let answer = crate::stage::http().get(url.expose()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 404);
    stage.bucket.delete_copy(KEY).await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_a_refusal_and_not_a_missing_object() {
    let stage = Stage::new().await;
    let elsewhere = media_s3::Bucket::new(stage.s3.clone(), "another-bucket");
    let copied = elsewhere.copy_for_attempt(&media(1), "\"etag\"", KEY, "video/mp4").await;
    assert!(copied.unwrap_err().refused);
    assert!(elsewhere.open(&media(1), 10).await.unwrap_err().refused);
}
