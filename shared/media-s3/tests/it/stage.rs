//! A bucket of its own for each test.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use domain::{MediaId, Timestamp};
use media_s3::Bucket;
use ministack::Ministack;

pub(crate) struct Stage {
    pub(crate) bucket: Bucket,
    /// Past the adapter.
    pub(crate) s3: Client,
    requests: Requests,
    _ministack: Ministack,
}

pub(crate) const BUCKET: &str = "media";

impl Stage {
    pub(crate) async fn new() -> Self {
        let ministack = Ministack::start().expect("MiniStack starts");
        let config = ministack.sdk_config();
        let s3 = Client::new(&config);
        s3.create_bucket().bucket(BUCKET).send().await.expect("the bucket is new");
        let requests = Requests::default();
        let counted = aws_sdk_s3::config::Builder::from(&config).interceptor(requests.clone()).build();
        Self { bucket: Bucket::new(Client::from_conf(counted), BUCKET), s3, requests, _ministack: ministack }
    }

    /// Requests through the adapter since the last look.
    pub(crate) fn requests(&self) -> usize {
        self.requests.0.swap(0, Ordering::Relaxed)
    }

    pub(crate) async fn object(&self, key: &str) -> Option<(Vec<u8>, String)> {
        let found = self.s3.get_object().bucket(BUCKET).key(key).send().await.ok()?;
        let content_type = found.content_type.unwrap_or_default();
        Some((found.body.collect().await.expect("the body comes").to_vec(), content_type))
    }
}

#[derive(Debug, Clone, Default)]
struct Requests(Arc<AtomicUsize>);

impl Intercept for Requests {
    fn name(&self) -> &'static str {
        "Requests"
    }

    fn read_after_transmit(
        &self,
        _: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

pub(crate) fn media(bits: u128) -> MediaId {
    MediaId::from_bits(bits)
}

/// The emulator checks expiry by its own clock.
#[expect(clippy::disallowed_methods, reason = "a presigned URL is judged by another process's clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// An HTTP client that knows nothing of S3, like the one of whoever uploads.
pub(crate) fn http() -> reqwest::Client {
    lambda_kit::http::tiktok_http_builder().build().expect("plain HTTP needs nothing")
}
