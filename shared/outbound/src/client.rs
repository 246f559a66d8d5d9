//! The client that connects to nothing else.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder};

use crate::address::forbidden;
use crate::rules::{Refused, Rules, Target};

/// How much of other people's time and bytes we take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For connecting.
    pub connect: Duration,
    /// For the whole exchange, the answer's body included.
    pub time: Duration,
    /// Bytes of the answer that are read; the rest is left.
    pub bytes: usize,
}

impl Default for Limits {
    /// What a webhook's receiver gets.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), time: Duration::from_secs(10), bytes: 1_024 }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// We do not go there.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The name has no address.
    #[error("the host's name cannot be resolved")]
    Name,
    /// No connection came about, TLS included.
    #[error("no connection came about")]
    Connect,
    /// It took too long.
    #[error("there was no complete answer in time")]
    Timeout,
    /// The connection broke, or what came is no HTTP.
    #[error("the connection broke, or the answer was not HTTP")]
    Broken,
}

impl Failure {
    /// A stable name for logs and for people.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.rule(),
            Self::Name => "name_not_resolved",
            Self::Connect => "no_connection",
            Self::Timeout => "timeout",
            Self::Broken => "broken_answer",
        }
    }
}

/// An answer, and the beginning of what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// The first bytes of its body.
    pub head: Bytes,
}

/// The machine's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// A resolver that judges what another one says: one bad address refuses the name.
struct Judging(Arc<dyn Resolve>);

/// A name that the resolver does not know.
#[derive(Debug, thiserror::Error)]
#[error("the name cannot be resolved")]
struct Unknown(#[source] Option<Box<dyn Error + Send + Sync>>);

impl Resolve for Judging {
    fn resolve(&self, name: Name) -> Resolving {
        let asked = self.0.resolve(name);
        Box::pin(async move {
            let found: Vec<_> = asked.await.map_err(|error| Unknown(Some(error)))?.collect();
            if found.is_empty() {
                return Err(Unknown(None).into());
            }
            if let Some(why) = found.iter().find_map(|address| forbidden(address.ip())) {
                return Err(Refused::Address(why).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Asks other people's servers, within [`Rules`]. Clones share the clients.
#[derive(Clone)]
pub struct Outbound {
    rules: Rules,
    limits: Limits,
    strict: Client,
    /// For the exceptions alone; there is none without them.
    exempt: Option<Client>,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound")
            .field("rules", &self.rules)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Outbound {
    /// A client on `builder`, which brings roots and timeouts of its own kind; redirects, proxies and the pool are switched
    /// off here whatever it says.
    pub fn new(rules: Rules, limits: Limits, builder: impl Fn() -> ClientBuilder) -> reqwest::Result<Self> {
        Self::with_names(rules, limits, builder, SystemNames)
    }

    /// The same with another resolver.
    pub fn with_names(
        rules: Rules,
        limits: Limits,
        builder: impl Fn() -> ClientBuilder,
        names: impl Resolve + 'static,
    ) -> reqwest::Result<Self> {
        let client = |builder: ClientBuilder| {
            builder
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .pool_max_idle_per_host(0)
                .connect_timeout(limits.connect)
        };
        let strict = client(builder()).https_only(true).dns_resolver(Judging(Arc::new(names))).build()?;
        let exempt = (!rules.exceptions.is_empty()).then(|| client(builder()).build()).transpose()?;
        Ok(Self { rules, limits, strict, exempt })
    }

    /// What may be asked for.
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Posts a body once. Whatever the status, an answer is an answer; redirects are not followed.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Bytes) -> Result<Answer, Failure> {
        let target = self.rules.judge(url)?;
        let exchange = async {
            let request = self.client(&target)?.request(Method::POST, target.url.clone());
            let mut response =
                request.headers(headers).body(body).send().await.map_err(|error| failure(&error))?;
            let mut head = Vec::new();
            // the status is the answer: what cannot be read of the body is left
            while head.len() < self.limits.bytes
                && let Ok(Some(chunk)) = response.chunk().await
            {
                head.extend_from_slice(&chunk[..chunk.len().min(self.limits.bytes - head.len())]);
            }
            Ok(Answer { status: response.status(), head: head.into() })
        };
        tokio::time::timeout(self.limits.time, exchange).await.unwrap_or(Err(Failure::Timeout))
    }

    /// Begins to read what lies at a URL, from `from` on if it still is the `same` as before. The time cap holds until the
    /// answer's head is there; for the body the caller has his own.
    pub async fn get(&self, url: &str, from: u64, same: Option<&str>) -> Result<Download, Failure> {
        let target = self.rules.judge(url)?;
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if from > 0 {
            let range = HeaderValue::try_from(format!("bytes={from}-")).map_err(|_| Failure::Broken)?;
            headers.insert(header::RANGE, range);
            if let Some(same) = same.and_then(|same| HeaderValue::try_from(same).ok()) {
                headers.insert(header::IF_RANGE, same);
            }
        }
        let exchange = async {
            let request = self.client(&target)?.request(Method::GET, target.url.clone()).headers(headers);
            request.send().await.map(|response| Download { response }).map_err(|error| failure(&error))
        };
        tokio::time::timeout(self.limits.time, exchange).await.unwrap_or(Err(Failure::Timeout))
    }

    fn client(&self, target: &Target) -> Result<&Client, Failure> {
        match (&self.exempt, target.exempt) {
            (Some(client), true) => Ok(client),
            (_, false) => Ok(&self.strict),
            (None, true) => Err(Failure::Broken),
        }
    }
}

/// What is being read.
pub struct Download {
    response: reqwest::Response,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("status", &self.response.status()).finish_non_exhaustive()
    }
}

impl Download {
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header of the answer.
    pub fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.response.chunk().await.map_err(|error| failure(&error))
    }
}

/// What a failure of the client comes to. Its text may hold the URL and is left behind.
fn failure(error: &reqwest::Error) -> Failure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(found) = cause {
        if let Some(refused) = found.downcast_ref::<Refused>() {
            return Failure::Refused(*refused);
        }
        if found.is::<Unknown>() {
            return Failure::Name;
        }
        cause = found.source();
    }
    if error.is_timeout() {
        Failure::Timeout
    } else if error.is_connect() {
        Failure::Connect
    } else {
        Failure::Broken
    }
}
