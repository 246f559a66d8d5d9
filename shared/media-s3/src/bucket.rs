use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Config, ResponseChecksumValidation, timeout::TimeoutConfig};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{MetadataDirective, TaggingDirective};
use bytes::Bytes;
use domain::media::{Container, converted_key, upload_key};
use domain::{MediaId, SignedDuration, Timestamp};
use ports::{Copied, Objects, PortError, PortResult, SecretUrl, Upload};

use crate::error::{Odd, changed, failed, missing};
use crate::fetch_log::{LogSource, ServerTime};

/// How long a copy inside S3 may take: no byte comes through here, but gigabytes are not copied in a moment.
const COPY: Duration = Duration::from_secs(20);

/// The media bucket.
///
/// A presigned URL ends with the credentials that signed it, even if it was signed for longer.
#[derive(Clone)]
pub struct Bucket {
    pub(crate) client: Client,
    pub(crate) name: String,
    pub(crate) log: Option<LogSource>,
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Bucket {
    /// The bucket with this name, through a copy of this client.
    #[expect(clippy::needless_pass_by_value, reason = "made like every other adapter")]
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        // By default the SDK signs `x-amz-checksum-mode` into a GET, and whoever follows the URL would have to send it.
        let config = client
            .config()
            .to_builder()
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .build();
        Self { client: Client::from_conf(config), name: name.into(), log: None }
    }

    /// The same bucket, with the log of who asked for its copies.
    #[must_use]
    pub fn with_log(self, log: Option<LogSource>) -> Self {
        Self { log, ..self }
    }

    pub(crate) async fn copy(
        &self,
        media: &MediaId,
        from: &str,
        etag: &str,
        key: &str,
        content_type: &'static str,
        within: Duration,
    ) -> PortResult<Copied> {
        let patience =
            TimeoutConfig::builder().operation_attempt_timeout(within).operation_timeout(within).build();
        let copied = self
            .client
            .copy_object()
            .bucket(&self.name)
            .key(key)
            .copy_source(format!("{}/{from}", self.name))
            .copy_source_if_match(etag)
            .metadata_directive(MetadataDirective::Replace)
            // tags that somebody gave a file stay with it: taking them along would need a permission of its own
            .tagging_directive(TaggingDirective::Replace)
            .content_type(content_type)
            .customize()
            .config_override(Config::builder().timeout_config(patience))
            .send()
            .await;
        let what = || format!("copying the bytes of `{media}`");
        match copied {
            // S3 sends its 200 before it copies: only the body says that it did
            Ok(answer) if answer.copy_object_result().is_some_and(|copy| copy.e_tag().is_some()) => {
                Ok(Copied::Done)
            }
            Ok(_) => Err(PortError::passing(what(), Odd::NoEtag)),
            Err(error) if changed(&error) || missing(&error) => Ok(Copied::Changed),
            Err(error) => Err(failed(what(), error)),
        }
    }
}

impl Objects for Bucket {
    async fn sign_upload(
        &self,
        media: &MediaId,
        container: Container,
        size: u64,
        sha256_base64: Option<&str>,
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload> {
        let what = || format!("signing an upload of `{media}`");
        let length = i64::try_from(size).map_err(|_| PortError::refused(what(), Odd::TooLarge(size)))?;
        let signed = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(upload_key(media))
            .content_type(container.content_type())
            .content_length(length)
            .set_checksum_sha256(sha256_base64.map(str::to_owned))
            .presigned(presigning(valid, Some(now)).map_err(|source| PortError::refused(what(), source))?)
            .await
            .map_err(|error| failed(what(), error))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Upload { url: SecretUrl::new(signed.uri().to_owned()), headers, expires_at: ends(now, valid) })
    }

    async fn put_upload(&self, media: &MediaId, container: Container, bytes: Vec<u8>) -> PortResult<String> {
        let what = || format!("storing the upload of `{media}`");
        let stored = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(upload_key(media))
            .content_type(container.content_type())
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        stored.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))
    }

    async fn put_converted(&self, media: &MediaId, bytes: Vec<u8>) -> PortResult<String> {
        let what = || format!("storing what the upload of `{media}` was converted to");
        let stored = self
            .client
            .put_object()
            .bucket(&self.name)
            .key(converted_key(media))
            .content_type(Container::Jpeg.content_type())
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        stored.e_tag.ok_or_else(|| PortError::passing(what(), Odd::NoEtag))
    }

    async fn copy_for_attempt(
        &self,
        media: &MediaId,
        etag: &str,
        key: &str,
        content_type: &'static str,
    ) -> PortResult<Copied> {
        let copied = self.copy(media, &upload_key(media), etag, key, content_type, COPY).await?;
        // a photo that was converted became a JPEG: only then there can be another object with this tag
        if copied == Copied::Changed && content_type == Container::Jpeg.content_type() {
            return self.copy(media, &converted_key(media), etag, key, content_type, COPY).await;
        }
        Ok(copied)
    }

    async fn read_upload(&self, media: &MediaId, etag: &str, range: Range<u64>) -> PortResult<Option<Bytes>> {
        self.exactly(&upload_key(media), etag, range).await
    }

    async fn fence(&self, key: &str) -> PortResult<Timestamp> {
        let what = || "taking an attempt's copy away".to_owned();
        let time = ServerTime::default();
        let request = self.client.delete_object().bucket(&self.name).key(key);
        request.customize().interceptor(time.clone()).send().await.map_err(|error| failed(what(), error))?;
        // S3 tells whole seconds
        let at = time.read().map(|at| at + SignedDuration::from_secs(1));
        at.ok_or_else(|| PortError::passing(what(), Odd::NoDate))
    }

    async fn delete_copy(&self, key: &str) -> PortResult<()> {
        self.client
            .delete_object()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map_err(|error| failed("deleting an attempt's copy".to_owned(), error))?;
        Ok(())
    }

    async fn publish_file(&self, name: &str, content: &str) -> PortResult<()> {
        for key in [name.to_owned(), format!("m/{name}")] {
            let stored = self
                .client
                .put_object()
                .bucket(&self.name)
                .key(&key)
                .content_type("text/plain")
                .body(ByteStream::from(content.as_bytes().to_vec()))
                .send()
                .await;
            stored.map_err(|error| failed(format!("storing the verification file `{key}`"), error))?;
        }
        Ok(())
    }

    async fn sign_download(&self, key: &str, valid: SignedDuration) -> PortResult<SecretUrl> {
        let what = || "signing a download of an attempt's copy".to_owned();
        let signed = self
            .client
            .get_object()
            .bucket(&self.name)
            .key(key)
            .presigned(presigning(valid, None).map_err(|source| PortError::refused(what(), source))?)
            .await
            .map_err(|error| failed(what(), error))?;
        Ok(SecretUrl::new(signed.uri().to_owned()))
    }
}

/// When what is signed now ends: a signature counts whole seconds.
pub(crate) fn ends(now: Timestamp, valid: SignedDuration) -> Timestamp {
    let signed_at = Timestamp::from_second(now.as_second()).unwrap_or(now);
    signed_at + SignedDuration::from_secs(valid.as_secs())
}

pub(crate) fn presigning(
    valid: SignedDuration,
    now: Option<Timestamp>,
) -> Result<PresigningConfig, Box<dyn std::error::Error + Send + Sync>> {
    let seconds = u64::try_from(valid.as_secs())?;
    let mut config = PresigningConfig::builder().expires_in(Duration::from_secs(seconds));
    config.set_start_time(now.map(SystemTime::from));
    Ok(config.build()?)
}
