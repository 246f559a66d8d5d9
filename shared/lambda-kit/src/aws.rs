//! The SDK configuration a Lambda function needs, and no more.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_types::retry::ReconnectMode;

use crate::http;
use crate::settings::variable;

/// Configuration for every AWS client of a function, from the variables Lambda sets: `AWS_REGION`, the role's credentials
/// (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`), and `AWS_ENDPOINT_URL` where one is set.
///
/// No profile is read and no metadata service is asked: neither exists in Lambda, and the SDK's default chain would link
/// clients for both. Missing credentials or a missing region fail the first call, and the SDK's error names them.
///
/// Three attempts; [`timeouts`] for each. Call it once, before the first event: it builds the TLS configuration.
pub fn sdk_config() -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http::aws_http_client())
        .credentials_provider(SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new()))
        .retry_config(retries())
        .timeout_config(timeouts());
    config.set_region(variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")).map(Region::new));
    config.set_endpoint_url(variable("AWS_ENDPOINT_URL").filter(|url| !url.is_empty()));
    config.build()
}

/// Three attempts, the first retry within 100 ms and none later than 2 s.
///
/// The SDK's own first wait is up to a second, of which a function that is billed by the millisecond has no need.
/// Connections are not closed on purpose after a 5xx: a broken one is not reused anyway.
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(3)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(2))
        .with_reconnect_mode(ReconnectMode::ReuseAllConnections)
}

/// 1 s to connect and 5 s for an attempt, up to the response's head. The body that follows is watched by the SDK's
/// stalled-stream protection.
///
/// Give a call that may honestly take longer (a copy of a large object) its own `operation_attempt_timeout` through
/// `customize().config_override(…)`.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(5))
        .build()
}
