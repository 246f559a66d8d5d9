use std::time::Duration;

use aws_sdk_s3::config::Config;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::media::{Container, converted_key, upload_key};
use domain::{MediaId, SignedDuration, Timestamp};
use ports::{Joined, Multipart, Part, PortError, PortResult, SecretUrl, Upload};

use crate::Bucket;
use crate::bucket::{ends, presigning};
use crate::error::{Odd, failed, missing};

/// S3 may take its time to put the parts of gigabytes together.
const JOIN: Duration = Duration::from_secs(20);

impl Multipart for Bucket {
    async fn begin_parts(&self, media: &MediaId, container: Container) -> PortResult<String> {
        let what = || format!("beginning an upload in parts of `{media}`");
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(upload_key(media))
            .content_type(container.content_type())
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        begun.upload_id.ok_or_else(|| PortError::passing(what(), Odd::NoUploadId))
    }

    async fn sign_part(
        &self,
        media: &MediaId,
        upload_id: &str,
        (number, size): (u32, u64),
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload> {
        let what = || format!("signing part {number} of `{media}`");
        let too_large = || PortError::refused(what(), Odd::TooLarge(size));
        let signed = self
            .client
            .upload_part()
            .bucket(&self.name)
            .key(upload_key(media))
            .upload_id(upload_id)
            .part_number(i32::try_from(number).map_err(|_| too_large())?)
            .content_length(i64::try_from(size).map_err(|_| too_large())?)
            .presigned(presigning(valid, Some(now)).map_err(|source| PortError::refused(what(), source))?)
            .await
            .map_err(|error| failed(what(), error))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Upload { url: SecretUrl::new(signed.uri().to_owned()), headers, expires_at: ends(now, valid) })
    }

    async fn parts(&self, media: &MediaId, upload_id: &str) -> PortResult<Option<Vec<Part>>> {
        let what = || format!("listing the parts of `{media}`");
        let mut pages = self
            .client
            .list_parts()
            .bucket(&self.name)
            .key(upload_key(media))
            .upload_id(upload_id)
            .into_paginator()
            .send();
        let mut parts = Vec::new();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if missing(&error) => return Ok(None),
                Err(error) => return Err(failed(what(), error)),
            };
            for part in page.parts.unwrap_or_default() {
                let number = part.part_number.and_then(|number| u32::try_from(number).ok());
                let size = part.size.and_then(|size| u64::try_from(size).ok());
                parts.push(Part {
                    number: number.ok_or_else(|| PortError::passing(what(), Odd::NoSize))?,
                    size: size.ok_or_else(|| PortError::passing(what(), Odd::NoSize))?,
                    etag: part.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))?,
                });
            }
        }
        Ok(Some(parts))
    }

    async fn join_parts(&self, media: &MediaId, upload_id: &str, parts: &[Part]) -> PortResult<Joined> {
        let what = || format!("putting the parts of `{media}` together");
        let completed = parts.iter().map(|part| {
            let number = i32::try_from(part.number).unwrap_or(i32::MAX);
            CompletedPart::builder().part_number(number).e_tag(&part.etag).build()
        });
        let all = CompletedMultipartUpload::builder().set_parts(Some(completed.collect())).build();
        let patience = TimeoutConfig::builder().operation_attempt_timeout(JOIN).build();
        let joined = self
            .client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(upload_key(media))
            .upload_id(upload_id)
            .multipart_upload(all)
            .customize()
            .config_override(Config::builder().timeout_config(patience))
            .send()
            .await;
        match joined {
            // S3 sends its 200 before it is done: only the body says that it is
            Ok(answer) => {
                let etag = answer.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))?;
                Ok(Joined::Done(etag))
            }
            Err(error) if missing(&error) || error.code() == Some("NoSuchUpload") => Ok(Joined::Gone),
            Err(error) => Err(failed(what(), error)),
        }
    }

    async fn abort_parts(&self, media: &MediaId, upload_id: &str) -> PortResult<()> {
        let aborted = self
            .client
            .abort_multipart_upload()
            .bucket(&self.name)
            .key(upload_key(media))
            .upload_id(upload_id)
            .send()
            .await;
        match aborted {
            Ok(_) => Ok(()),
            Err(error) if missing(&error) => Ok(()),
            Err(error) => Err(failed(format!("giving up the parts of `{media}`"), error)),
        }
    }

    async fn uploaded(&self, media: &MediaId) -> PortResult<Option<u64>> {
        let what = || format!("looking for the upload of `{media}`");
        let head = self.client.head_object().bucket(&self.name).key(upload_key(media)).send().await;
        match head {
            Ok(head) => {
                let size = head.content_length.and_then(|size| u64::try_from(size).ok());
                size.map(Some).ok_or_else(|| PortError::passing(what(), Odd::NoSize))
            }
            Err(error) if missing(&error) => Ok(None),
            Err(error) => Err(failed(what(), error)),
        }
    }

    async fn delete_upload(&self, media: &MediaId) -> PortResult<()> {
        for key in [upload_key(media), converted_key(media)] {
            let deleted = self.client.delete_object().bucket(&self.name).key(key).send().await;
            deleted.map_err(|error| failed(format!("deleting the upload of `{media}`"), error))?;
        }
        Ok(())
    }
}
