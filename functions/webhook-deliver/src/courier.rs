//! The way to the endpoints.

use bytes::Bytes;
use http::HeaderMap;
use outbound::{Answer, Failure, Outbound};

/// Brings one delivery to its endpoint, once.
pub trait Courier: Send + Sync {
    /// Posts the body and says what came back.
    fn post(
        &self,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;
}

impl Courier for Outbound {
    async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        Outbound::post(self, url, headers, body).await
    }
}
