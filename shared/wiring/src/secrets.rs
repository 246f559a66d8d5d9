//! The app's secrets.

#[cfg(feature = "ssm")]
mod ssm;

use std::sync::Arc;

use domain::Timestamp;
use lambda_kit::redacted::Secret;
use ports::PortResult;

#[cfg(feature = "ssm")]
pub use ssm::SsmSecrets;

/// What TikTok and the operator gave us. Never printed.
#[derive(Debug)]
pub struct AppSecrets {
    /// The app's public key at TikTok.
    pub client_key: String,
    /// The app's secret at TikTok: token endpoint and webhook signatures.
    pub client_secret: Secret,
    /// Random, made once per deployment, never rotated: post ids are derived with it.
    pub deployment_secret: Secret,
}

/// Where the secrets come from.
pub trait Secrets: Send + Sync {
    /// The secrets, at most five minutes old.
    fn secrets(&self, now: Timestamp) -> impl Future<Output = PortResult<Arc<AppSecrets>>> + Send;
}

/// Secrets that a tool or a test holds in its hand.
impl Secrets for Arc<AppSecrets> {
    async fn secrets(&self, _: Timestamp) -> PortResult<Arc<AppSecrets>> {
        Ok(Self::clone(self))
    }
}
