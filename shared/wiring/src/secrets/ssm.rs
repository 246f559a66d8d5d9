//! SSM parameters that the operator put there before the deploy.

use std::sync::Arc;

use aws_sdk_ssm::Client;
use domain::{SignedDuration, Timestamp};
use lambda_kit::redacted::Secret;
use ports::{PortError, PortResult};
use tokio::sync::Mutex;

use super::{AppSecrets, Secrets};

/// How long they are kept before they are read again.
const KEPT: SignedDuration = SignedDuration::from_mins(5);

/// `<prefix>/client-key`, `<prefix>/client-secret` and `<prefix>/deployment-secret`, read with one call.
pub struct SsmSecrets {
    client: Client,
    prefix: String,
    kept: Mutex<Option<(Timestamp, Arc<AppSecrets>)>>,
}

impl SsmSecrets {
    /// Secrets under a prefix such as `/slipway/prod`.
    pub fn new(client: Client, prefix: String) -> Self {
        Self { client, prefix, kept: Mutex::new(None) }
    }

    async fn read(&self) -> PortResult<AppSecrets> {
        const WHAT: &str = "read the app's secrets from SSM";
        let name = |leaf| format!("{}/{leaf}", self.prefix);
        let names = ["client-key", "client-secret", "deployment-secret"].map(name);
        let answer = self
            .client
            .get_parameters()
            .set_names(Some(names.to_vec()))
            .with_decryption(true)
            .send()
            .await
            .map_err(|error| PortError::passing(WHAT, error))?;
        let value = |name: &String| {
            answer
                .parameters()
                .iter()
                .find(|parameter| parameter.name() == Some(name))
                .and_then(|parameter| parameter.value())
                .map(str::to_owned)
                .ok_or_else(|| {
                    PortError::refused(
                        WHAT,
                        format!("parameter `{name}` is missing: put it there with `cargo slipway secrets`"),
                    )
                })
        };
        Ok(AppSecrets {
            client_key: value(&names[0])?,
            client_secret: Secret::new(value(&names[1])?),
            deployment_secret: Secret::new(value(&names[2])?),
        })
    }
}

impl Secrets for SsmSecrets {
    async fn secrets(&self, now: Timestamp) -> PortResult<Arc<AppSecrets>> {
        let mut kept = self.kept.lock().await;
        match &*kept {
            Some((read_at, secrets)) if now.duration_since(*read_at) < KEPT => Ok(Arc::clone(secrets)),
            _ => {
                let secrets = Arc::new(self.read().await?);
                *kept = Some((now, Arc::clone(&secrets)));
                Ok(secrets)
            }
        }
    }
}
