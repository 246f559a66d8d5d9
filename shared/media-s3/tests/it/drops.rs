use aws_sdk_s3::primitives::ByteStream;
use ports::contract::drops::drops;
use ports::{Copied, DropFolder as _};

use crate::stage::{BUCKET, Stage, media};

#[tokio::test]
async fn the_drop_folder_keeps_its_promises() {
    let stage = Stage::new().await;
    let put = async |key: &str, bytes: &[u8]| {
        let body = ByteStream::from(bytes.to_vec());
        stage.s3.put_object().bucket(BUCKET).key(key).body(body).send().await.expect("it is dropped");
    };
    drops(&stage.bucket, put).await;
}

#[tokio::test]
async fn what_is_taken_is_an_upload_of_its_media_type_whatever_the_file_is_called() {
    let stage = Stage::new().await;
    let key = "drop/crt_1/Hafen + Möwen (2) 100%.mov";
    let body = ByteStream::from_static(b"gulls");
    stage.s3.put_object().bucket(BUCKET).key(key).body(body).send().await.unwrap();
    let [found] = &stage.bucket.dropped("drop/crt_1/").await.unwrap()[..] else { panic!("one object") };
    assert_eq!(found.key, key);
    let taken = stage.bucket.take(key, &found.etag, &media(5), domain::media::Container::Mov).await.unwrap();
    assert_eq!(taken, Copied::Done);
    let upload = stage.object(&domain::media::upload_key(&media(5))).await;
    assert_eq!(upload, Some((b"gulls".to_vec(), "video/quicktime".to_owned())));
}
