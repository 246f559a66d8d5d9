use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use domain::media::{Container, upload_key};
use domain::{MediaId, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ports::{Copied, DropFolder, Dropped, PortError, PortResult};

use crate::Bucket;
use crate::error::{Odd, failed, missing};

/// A copy of 4 GB inside S3 takes its time; whoever takes drops has two minutes.
const COPY: Duration = Duration::from_secs(100);
/// What stands in `x-amz-copy-source` as it is; everything else that people call their files is encoded.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

impl DropFolder for Bucket {
    async fn dropped(&self, prefix: &str) -> PortResult<Vec<Dropped>> {
        let what = || "listing what was dropped".to_owned();
        let mut pages =
            self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(|error| failed(what(), error))?.contents.unwrap_or_default() {
                let at = object.last_modified().and_then(|at| at.to_millis().ok());
                let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
                let size = object.size.and_then(|size| u64::try_from(size).ok());
                found.push(Dropped {
                    size: size.ok_or_else(|| PortError::passing(what(), Odd::NoSize))?,
                    etag: object.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))?,
                    at: at.ok_or_else(|| PortError::passing(what(), Odd::NoDate))?,
                    key: object.key.unwrap_or_default(),
                });
            }
        }
        Ok(found)
    }

    async fn read(&self, key: &str, etag: &str) -> PortResult<Option<Bytes>> {
        self.whole(key, Some(etag)).await
    }

    async fn take(&self, key: &str, etag: &str, media: &MediaId, container: Container) -> PortResult<Copied> {
        let from = utf8_percent_encode(key, PLAIN).to_string();
        self.copy(media, &from, etag, &upload_key(media), container.content_type(), COPY).await
    }

    async fn told(&self, key: &str) -> PortResult<Option<Bytes>> {
        self.whole(key, None).await
    }

    async fn tell(&self, key: &str, json: Vec<u8>) -> PortResult<()> {
        self.client
            .put_object()
            .bucket(&self.name)
            .key(key)
            .content_type("application/json")
            .body(ByteStream::from(json))
            .send()
            .await
            .map_err(|error| failed("telling what came of a drop".to_owned(), error))?;
        Ok(())
    }

    async fn take_back(&self, key: &str) -> PortResult<()> {
        let deleted = self.client.delete_object().bucket(&self.name).key(key).send().await;
        deleted.map(drop).map_err(|error| failed("taking back what was told of a drop".to_owned(), error))
    }
}

impl Bucket {
    /// A small object. `None`: it is gone, or has another `ETag`.
    async fn whole(&self, key: &str, etag: Option<&str>) -> PortResult<Option<Bytes>> {
        let what = || "reading an object of the drop folder".to_owned();
        let answer = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .set_if_match(etag.map(str::to_owned))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if missing(&error) || crate::error::changed(&error) => return Ok(None),
            Err(error) => return Err(failed(what(), error)),
        };
        let body = answer.body.collect().await.map_err(|source| PortError::passing(what(), source))?;
        Ok(Some(body.into_bytes()))
    }
}
