use ports::contract::parts::parts;
use ports::{Multipart as _, Upload};

use crate::stage::{Stage, http, media, now};

/// S3's least size of a part that another one follows.
const LEAST: usize = 5 << 20;

async fn put(upload: &Upload, bytes: Vec<u8>) -> bool {
    http().put(upload.url.expose()).body(bytes).send().await.is_ok_and(|answer| answer.status().is_success())
}

#[tokio::test]
async fn uploads_in_parts_keep_their_promises() {
    let stage = Stage::new().await;
    let object = async |key: &str| stage.object(key).await;
    parts(&stage.bucket, (LEAST, 3), now(), put, object).await;
}

#[tokio::test]
async fn a_part_is_signed_for_its_number_and_its_exact_length() {
    let stage = Stage::new().await;
    let id = stage.bucket.begin_parts(&media(1), domain::media::Container::Mp4).await.unwrap();
    let valid = domain::SignedDuration::from_mins(15);
    let signed = stage.bucket.sign_part(&media(1), &id, (7, 1_234), valid, now()).await.unwrap();
    let url = url::Url::parse(signed.url.expose()).unwrap();
    let value =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(value("partNumber").as_deref(), Some("7"));
    assert_eq!(value("uploadId"), Some(id));
    assert_eq!(value("X-Amz-Expires").as_deref(), Some("900"));
    let covered = value("X-Amz-SignedHeaders").unwrap();
    assert_eq!(covered, "content-length;host");
    let length = signed.headers.iter().find(|(name, _)| name == "content-length");
    assert_eq!(length.map(|(_, value)| value.as_str()), Some("1234"));
}
