//! The seam below the client: bytes out, bytes or a classified error back.

use std::{error::Error as StdError, fmt, future::Future, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

/// The cause of an [`ExchangeError`].
pub type BoxError = Box<dyn StdError + Send + Sync + 'static>;

/// Which of TikTok's calls a request is. It decides what an ambiguous answer means, and names the call in errors,
/// logs and faults of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `POST /v2/oauth/token/` with `grant_type=authorization_code` (TOK).
    ExchangeCode,
    /// `POST /v2/oauth/token/` with `grant_type=refresh_token` (TOK).
    Refresh,
    /// `POST /v2/oauth/revoke/` (TOK).
    Revoke,
    /// `GET /v2/user/info/` (UI).
    UserInfo,
    /// `POST /v2/post/publish/creator_info/query/` (CI).
    CreatorInfo,
    /// `POST /v2/post/publish/video/init/` (DP).
    VideoInit,
    /// `POST /v2/post/publish/video/init/` with `FILE_UPLOAD` (DP, MT): the path of [`VideoInit`](Self::VideoInit),
    /// and another effect.
    VideoUploadInit,
    /// `POST /v2/post/publish/inbox/video/init/` with `PULL_FROM_URL` (UP).
    DraftInit,
    /// `POST /v2/post/publish/inbox/video/init/` with `FILE_UPLOAD` (UP, MT): the path of
    /// [`DraftInit`](Self::DraftInit), and another effect.
    DraftUploadInit,
    /// `POST /v2/post/publish/content/init/` (PH): photos, posted directly or into the inbox.
    PhotoInit,
    /// `PUT` of bytes to the URL that an init answered (MT).
    UploadChunk,
    /// `POST /v2/post/publish/status/fetch/` (ST).
    StatusFetch,
    /// `POST /v2/post/publish/cancel/` (MT).
    Cancel,
    /// `POST /v2/video/list/` (VL).
    VideoList,
}

impl Endpoint {
    /// A stable name for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ExchangeCode => "oauth.exchange_code",
            Self::Refresh => "oauth.refresh",
            Self::Revoke => "oauth.revoke",
            Self::UserInfo => "user_info",
            Self::CreatorInfo => "creator_info",
            Self::VideoInit => "video_init",
            Self::VideoUploadInit => "video_upload_init",
            Self::DraftInit => "draft_init",
            Self::DraftUploadInit => "draft_upload_init",
            Self::PhotoInit => "photo_init",
            Self::UploadChunk => "upload_chunk",
            Self::StatusFetch => "status_fetch",
            Self::Cancel => "cancel",
            Self::VideoList => "video_list",
        }
    }

    /// Whether the same call may be made again when nobody knows what became of the first one.
    ///
    /// `video/init` posts again: no init call has an idempotency key (DP, UP, PH). A code is spent by its exchange, and a
    /// refresh may have replaced the refresh token (TOK). Revoking twice, cancelling twice and reading twice do no
    /// harm. An upload's init creates nothing before bytes arrive, and whoever lost its answer lost the only place to
    /// send them. A chunk that TikTok has already is answered with the progress.
    pub const fn is_repeatable(self) -> bool {
        match self {
            Self::ExchangeCode | Self::Refresh | Self::VideoInit | Self::DraftInit | Self::PhotoInit => false,
            Self::Revoke
            | Self::UserInfo
            | Self::CreatorInfo
            | Self::VideoUploadInit
            | Self::DraftUploadInit
            | Self::UploadChunk
            | Self::StatusFetch
            | Self::Cancel
            | Self::VideoList => true,
        }
    }

    /// The path below the API's base URL. Empty for [`UploadChunk`](Self::UploadChunk), whose URL TikTok gives.
    pub const fn path(self) -> &'static str {
        match self {
            Self::ExchangeCode | Self::Refresh => "/v2/oauth/token/",
            Self::Revoke => "/v2/oauth/revoke/",
            Self::UserInfo => "/v2/user/info/",
            Self::CreatorInfo => "/v2/post/publish/creator_info/query/",
            Self::VideoInit | Self::VideoUploadInit => "/v2/post/publish/video/init/",
            Self::DraftInit | Self::DraftUploadInit => "/v2/post/publish/inbox/video/init/",
            Self::PhotoInit => "/v2/post/publish/content/init/",
            Self::UploadChunk => "",
            Self::StatusFetch => "/v2/post/publish/status/fetch/",
            Self::Cancel => "/v2/post/publish/cancel/",
            Self::VideoList => "/v2/video/list/",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One HTTP request, ready to be sent. `Debug` shows neither header values nor the body: they carry tokens, the
/// client secret and the pull URL. Of an upload URL it shows the host alone.
#[derive(Clone)]
pub struct Request {
    /// The call that this is.
    pub endpoint: Endpoint,
    /// GET, POST or PUT.
    pub method: Method,
    /// Absolute. Holds no secret, unless it is an upload URL ([`Endpoint::UploadChunk`]).
    pub url: Url,
    /// `Authorization` and `Content-Type`, for a chunk its length and range; the transport adds `Host`, and
    /// `Content-Length` where it is missing.
    pub headers: HeaderMap,
    /// JSON, a form, bytes of a video, or nothing.
    pub body: Bytes,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = match self.endpoint {
            Endpoint::UploadChunk => self.url.origin().ascii_serialization(),
            _ => self.url.as_str().to_owned(),
        };
        f.debug_struct("Request")
            .field("endpoint", &self.endpoint)
            .field("method", &self.method)
            .field("url", &url)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// One whole HTTP answer. `Debug` shows neither header values nor the body: an answer may carry tokens.
#[derive(Clone)]
pub struct Response {
    /// The status line's code.
    pub status: StatusCode,
    /// As received.
    pub headers: HeaderMap,
    /// All of it: a transport that lost a part of the body answers [`ExchangeError::MaybeSent`] instead.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("body_len", &self.body.len())
            .finish()
    }
}

/// No whole answer came. The one thing that matters: can TikTok have acted on the request?
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The connection was never made, so TikTok saw nothing. Only failures of the connect phase count (name
    /// look-up, TCP, TLS handshake).
    #[error("could not connect, nothing was sent")]
    NotSent(#[source] BoxError),
    /// Anything after a connection existed: a timeout, a reset, a cut or oversized body. TikTok may have acted.
    #[error("the connection failed after the request may have been sent")]
    MaybeSent(#[source] BoxError),
}

impl ExchangeError {
    /// Nothing left this machine.
    pub fn not_sent(source: impl Into<BoxError>) -> Self {
        Self::NotSent(source.into())
    }

    /// Something may have left this machine.
    pub fn maybe_sent(source: impl Into<BoxError>) -> Self {
        Self::MaybeSent(source.into())
    }
}

/// Sends one request, once, and hands back the whole answer.
///
/// What an implementation must keep: **one attempt** (no retry, no redirect followed), and
/// [`ExchangeError::NotSent`] only when it is certain that no byte of the request left.
pub trait Exchange: Send + Sync {
    /// Sends `request` and waits for the whole answer.
    fn exchange(&self, request: Request) -> impl Future<Output = Result<Response, ExchangeError>> + Send;
}

impl<E: Exchange> Exchange for &E {
    fn exchange(&self, request: Request) -> impl Future<Output = Result<Response, ExchangeError>> + Send {
        (**self).exchange(request)
    }
}

impl<E: Exchange> Exchange for Arc<E> {
    fn exchange(&self, request: Request) -> impl Future<Output = Result<Response, ExchangeError>> + Send {
        (**self).exchange(request)
    }
}

/// How long and how much a [`ReqwestExchange`] puts up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeLimits {
    /// For name look-up, TCP and TLS together. Keep it below `total`: a connection that is still being made when
    /// `total` ends is reported as [`ExchangeError::MaybeSent`].
    pub connect: Duration,
    /// From the start to the last byte of the answer.
    pub total: Duration,
    /// Bytes of body; a longer answer is [`ExchangeError::MaybeSent`].
    pub max_body: usize,
}

impl Default for ExchangeLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(3), total: Duration::from_secs(12), max_body: 1024 * 1024 }
    }
}

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("build the HTTP client for TikTok")]
pub struct BuildError(#[source] reqwest::Error);

/// [`Exchange`] over the network.
///
/// HTTP/1.1, one connection per request, no pool (a pooled connection can die under a request and leave it in
/// doubt), no redirects, no retries, no proxy, no content coding.
#[derive(Debug, Clone)]
pub struct ReqwestExchange {
    client: reqwest::Client,
    max_body: usize,
}

impl ReqwestExchange {
    /// Builds the client from `builder`, which brings what the caller shares with others: TLS (by
    /// `tls_backend_preconfigured`, whose ALPN list must be empty or `http/1.1` alone) and a user agent. Whatever
    /// bears on "one attempt per call" is set here and overrides the builder.
    pub fn new(builder: reqwest::ClientBuilder, limits: ExchangeLimits) -> Result<Self, BuildError> {
        let client = builder
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .pool_max_idle_per_host(0)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .build()
            .map_err(BuildError)?;
        Ok(Self { client, max_body: limits.max_body })
    }
}

impl Exchange for ReqwestExchange {
    async fn exchange(&self, request: Request) -> Result<Response, ExchangeError> {
        let Request { method, url, headers, body, .. } = request;
        let mut answer =
            self.client.request(method, url).headers(headers).body(body).send().await.map_err(classify)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(ExchangeError::maybe_sent(TooLarge { max: self.max_body }));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response {
            status: answer.status(),
            headers: std::mem::take(answer.headers_mut()),
            body: body.freeze(),
        })
    }
}

fn classify(error: reqwest::Error) -> ExchangeError {
    let error = error.without_url();
    if error.is_connect() { ExchangeError::not_sent(error) } else { ExchangeError::maybe_sent(error) }
}

#[derive(Debug, thiserror::Error)]
#[error("the answer is longer than `{max}` bytes")]
struct TooLarge {
    max: usize,
}
