//! The API function, called by Lambda.

use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Config;
use aws_sdk_lambda::config::timeout::TimeoutConfig;
use aws_sdk_lambda::error::ProvideErrorMetadata as _;
use aws_sdk_lambda::primitives::Blob;
use ports::{PortError, PortResult};

use crate::door::{Answer, Door, Odd, Request};

/// The API function has 29 seconds, and a moment to start.
const PATIENCE: Duration = Duration::from_secs(35);

/// Calls the function of this name.
#[derive(Clone)]
pub struct ApiFunction {
    client: Client,
    name: String,
}

impl ApiFunction {
    /// The function of this name.
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

impl Door for ApiFunction {
    async fn ask(&self, request: Request<'_>) -> PortResult<Answer> {
        let what = || format!("asking the API function for `POST {}`", request.path);
        let patience = TimeoutConfig::builder().operation_attempt_timeout(PATIENCE).build();
        let answer = self
            .client
            .invoke()
            .function_name(&self.name)
            .payload(Blob::new(request.event().to_string()))
            .customize()
            .config_override(Config::builder().timeout_config(patience))
            .send()
            .await
            .map_err(|error| {
                let refused =
                    matches!(error.code(), Some("AccessDeniedException" | "ResourceNotFoundException"));
                // the raw response is left out: it holds what the API answered
                let source = error.into_source().unwrap_or_else(Into::into);
                PortError { what: what(), source: Some(source), refused }
            })?;
        if answer.function_error().is_some() {
            return Err(PortError::passing(what(), Odd::Failed));
        }
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        Answer::read(&payload).map_err(|source| PortError::passing(what(), source))
    }
}
