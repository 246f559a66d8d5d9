//! Who asked the media domain for what, from log objects in the format of CloudFront's standard log.

use std::fmt;
use std::io::Read as _;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::types::Object;
use domain::{SignedDuration, Timestamp};
use flate2::read::GzDecoder;
use ports::{FetchLog, PortError, PortResult};

use crate::Bucket;
use crate::error::{Odd, failed};

const PREFIX: &str = "fetch-log/";
/// Workers' clocks may be this much off, and the log begins no later than that before a claim.
const CLOCKS: SignedDuration = SignedDuration::from_mins(15);

/// Where the log is, and how late it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSource {
    /// The bucket that holds `fetch-log/`.
    pub bucket: String,
    /// A request shows in the log no later than this after it began. On AWS that includes the hour that a download may take,
    /// because CloudFront logs a request when it is over.
    pub delay: SignedDuration,
}

/// S3's own time of an answer.
#[derive(Clone, Default)]
pub(crate) struct ServerTime(Arc<Mutex<Option<Timestamp>>>);

impl ServerTime {
    /// When the answer was given: whole seconds, rounded down.
    pub(crate) fn read(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServerTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTime").field(&self.read()).finish()
    }
}

impl Intercept for ServerTime {
    fn name(&self) -> &'static str {
        "ServerTime"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let at = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map(|at| at.timestamp());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
        Ok(())
    }
}

impl Bucket {
    /// The objects of the log whose names come after a key, oldest hour first, and S3's time before it looked.
    async fn logs(&self, bucket: &str, after: Option<String>) -> PortResult<Vec<Object>> {
        let what = || format!("listing the fetch log in `{bucket}`");
        let mut objects = Vec::new();
        let mut pages = self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(PREFIX)
            .set_start_after(after)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            objects.extend(page.map_err(|error| failed(what(), error))?.contents.unwrap_or_default());
        }
        Ok(objects)
    }

    async fn mentions(&self, bucket: &str, log: &str, path: &str) -> PortResult<bool> {
        let what = || format!("reading the fetch log `{log}`");
        let answer = self.client.get_object().bucket(bucket).key(log).send().await;
        let answer = answer.map_err(|error| failed(what(), error))?;
        let body = answer.body.collect().await.map_err(|source| PortError::passing(what(), source))?;
        let mut text = String::new();
        GzDecoder::new(&*body.into_bytes())
            .read_to_string(&mut text)
            .map_err(|source| PortError::passing(what(), source))?;
        Ok(text.lines().any(|line| line.split('\t').any(|field| field == path)))
    }
}

impl FetchLog for Bucket {
    async fn complete_until(&self) -> PortResult<Option<Timestamp>> {
        let Some(LogSource { bucket, delay }) = &self.log else { return Ok(None) };
        let time = ServerTime::default();
        let what = || format!("looking at the fetch log in `{bucket}`");
        let listed = self
            .client
            .list_objects_v2()
            .bucket(bucket)
            .prefix(PREFIX)
            .max_keys(1)
            .customize()
            .interceptor(time.clone())
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        let now = time.read().ok_or_else(|| PortError::passing(what(), Odd::NoDate))?;
        // nothing was ever logged here: that says nothing
        Ok((!listed.contents().is_empty()).then(|| now - *delay))
    }

    async fn was_asked_for(&self, key: &str, claimed_at: Timestamp) -> PortResult<bool> {
        let Some(LogSource { bucket, .. }) = &self.log else { return Ok(true) };
        let what = || format!("looking at the fetch log in `{bucket}`");
        let since = claimed_at - CLOCKS;
        let first = self.client.list_objects_v2().bucket(bucket).prefix(PREFIX).max_keys(1).send().await;
        let first = first.map_err(|error| failed(what(), error))?;
        let Some(first) = first.contents().first() else { return Ok(true) };
        let modified = |object: &Object| {
            let at = object.last_modified().and_then(|at| at.to_millis().ok());
            at.and_then(|at| Timestamp::from_millisecond(at).ok())
        };
        // a log that began after the claim cannot show that nobody came
        if modified(first).is_none_or(|at| at > claimed_at + CLOCKS) {
            return Ok(true);
        }
        let source =
            first.key().and_then(|key| key.strip_prefix(PREFIX)).and_then(|name| name.split('.').next());
        let hour = since.strftime("%Y-%m-%d-%H");
        let after = source.map(|source| format!("{PREFIX}{source}.{hour}"));
        let path = format!("/{key}");
        for log in self.logs(bucket, after).await? {
            let Some(name) = log.key() else { continue };
            if modified(&log).is_none_or(|at| at >= since) && self.mentions(bucket, name, &path).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
