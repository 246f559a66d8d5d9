//! The one way this program makes an HTTP client.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// A client without redirects, retries or proxies: what is asked is what goes out, to this machine or to an API.
pub fn client() -> Result<reqwest::Client> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(rustls::ClientConfig::clone(&lambda_kit::http::tls()))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(Duration::from_secs(10))
        .no_proxy()
        .build()
        .context("building an HTTP client")
}
