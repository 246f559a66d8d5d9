//! One root store per process, and the HTTP clients on it.
//!
//! Parsing the machine's root certificates is the dearest part of a cold start, so it is done once ([`tls`]) and shared by
//! the AWS SDK ([`aws_http_client`]) and TikTok's client ([`tiktok_http_builder`]). The roots are the machine's own, never
//! pinned.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::{CertificateResult, load_certs_from_paths, load_native_certs};

use crate::settings::variable;
use crate::{aws, causes};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The process's TLS client configuration: rustls on AWS-LC, TLS 1.2 and 1.3, HTTP/1.1, the machine's roots.
///
/// Built on the first call. Without a single root it is built all the same, with a warning: plain HTTP then works and every
/// TLS handshake fails.
pub fn tls() -> Arc<ClientConfig> {
    static TLS: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    TLS.get_or_init(|| Arc::new(build_tls())).clone()
}

fn build_tls() -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let found = native_roots();
    let (added, _unusable) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(errors = ?found.errors, "no root certificate was found: HTTPS will fail");
    }
    let mut config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("AWS-LC supports the default TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The bundle of Amazon Linux, then Debian's.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];

/// The machine's roots from one bundle file. The general search reads every directory of certificates as well, most of
/// them a second time; it is left for machines that have no bundle, or say by `SSL_CERT_DIR` alone where to look.
fn native_roots() -> CertificateResult {
    let file = match (variable("SSL_CERT_FILE"), variable("SSL_CERT_DIR")) {
        (Some(file), _) => Some(file),
        (None, Some(_)) => None,
        (None, None) => BUNDLES.into_iter().find(|path| Path::new(path).exists()).map(str::to_owned),
    };
    let bundle = file.map(|file| load_certs_from_paths(Some(Path::new(&file)), None));
    bundle.filter(|found| !found.certs.is_empty()).unwrap_or_else(load_native_certs)
}

/// What both clients have in common: the roots, HTTP/1.1, no proxy, no redirect, no retry, no decompression.
fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(ClientConfig::clone(&tls()))
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .retry(reqwest::retry::never())
        .no_gzip()
        .no_brotli()
        .no_deflate()
        .no_zstd()
}

/// A builder for the client that talks to TikTok: one request is one attempt on a connection of its own, so that a lost
/// answer never means a second request. Timeouts are the caller's.
pub fn tiktok_http_builder() -> reqwest::ClientBuilder {
    builder().pool_max_idle_per_host(0)
}

/// A builder for the client that talks to servers that customers name: no connection outlives its request there either, and
/// whoever builds it adds the checks of names and addresses.
pub fn outbound_http_builder() -> reqwest::ClientBuilder {
    builder().pool_max_idle_per_host(0)
}

/// The AWS SDK's HTTP client, with the pool for [`aws::timeouts`] ready.
pub fn aws_http_client() -> AwsHttpClient {
    let client = AwsHttpClient { pools: Arc::default() };
    client.pool(aws::timeouts().connect_timeout());
    client
}

/// [`HttpClient`] over reqwest: HTTP/1.1 or plain HTTP, bodies streamed both ways, connections pooled.
///
/// A read timeout, where one is set, runs from the start of the request to the response's head, as the SDK defines it.
/// Clones share their pools.
#[derive(Clone, Debug)]
pub struct AwsHttpClient {
    /// One pool for each connect timeout in use, which in a function is one.
    pools: Arc<Mutex<HashMap<Option<Duration>, reqwest::Client>>>,
}

impl AwsHttpClient {
    /// The connector for `settings`.
    pub fn connector(&self, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        SharedHttpConnector::new(PooledConnector {
            pool: self.pool(settings.connect_timeout()),
            read_timeout: settings.read_timeout(),
        })
    }

    fn pool(&self, connect_timeout: Option<Duration>) -> reqwest::Client {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.entry(connect_timeout).or_insert_with(|| build_pool(connect_timeout)).clone()
    }
}

fn build_pool(connect_timeout: Option<Duration>) -> reqwest::Client {
    let builder = match connect_timeout {
        Some(timeout) => builder().connect_timeout(timeout),
        None => builder(),
    };
    builder.build().expect("reqwest takes the TLS configuration of the rustls it is built with")
}

impl HttpClient for AwsHttpClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        self.connector(settings)
    }
}

#[derive(Debug)]
struct PooledConnector {
    pool: reqwest::Client,
    read_timeout: Option<Duration>,
}

impl HttpConnector for PooledConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { pool, read_timeout } = self;
        let (pool, read_timeout) = (pool.clone(), *read_timeout);
        HttpConnectorFuture::new(async move {
            let exchange = pool.execute(to_reqwest(request)?);
            let response = match read_timeout {
                Some(limit) => tokio::time::timeout(limit, exchange)
                    .await
                    .map_err(|elapsed| ConnectorError::timeout(elapsed.into()))?,
                None => exchange.await,
            };
            from_reqwest(response.map_err(classify)?)
        })
    }
}

fn to_reqwest(request: HttpRequest) -> Result<reqwest::Request, ConnectorError> {
    let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    let request = request.map(|body: SdkBody| reqwest::Body::wrap(body.map_err(RequestBodyError)));
    reqwest::Request::try_from(request).map_err(classify)
}

fn from_reqwest(response: reqwest::Response) -> Result<HttpResponse, ConnectorError> {
    let response = ::http::Response::<reqwest::Body>::from(response).map(SdkBody::from_body_1_x);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}

/// Marks a failure of the body we were to send, which no other connection would cure.
#[derive(Debug, thiserror::Error)]
#[error("read the request body")]
struct RequestBodyError(#[source] BoxError);

/// Says whose failure it was, since the SDK repeats timeouts and I/O errors only. The URL is left out: it may be signed.
fn classify(error: reqwest::Error) -> ConnectorError {
    let error = error.without_url();
    let (connect, timeout) = (error.is_connect(), error.is_timeout());
    let ours = error.is_builder() || causes(&error).any(<dyn std::error::Error>::is::<RequestBodyError>);
    let error: BoxError = error.into();
    let error = if timeout {
        ConnectorError::timeout(error)
    } else if ours {
        ConnectorError::user(error)
    } else {
        ConnectorError::io(error)
    };
    if connect { error.never_connected() } else { error }
}
