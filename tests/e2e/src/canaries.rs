//! Secrets that may be nowhere but where they belong, and the search for them.
//!
//! [`Secrets::of`] gathers what a rig has that is secret: what TikTok gave out, the app's and the deployment's secrets, keys,
//! links, signatures, the roles' sessions. [`Sinks::of`] gathers everything that the functions leave behind or answer, less what
//! the API hands out by design, route by route and field by field ([`without_what_is_handed_out`]). [`find`] searches, in the
//! text itself and behind JSON's escapes, percent-encoding and base64.

mod search;
mod sinks;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context as _, Result, ensure};
use http::header;
use serde_json::Value;
use slipway::stack::SANDBOX_CLIENT_KEY;
use tiktok_sandbox::Issued;
use url::form_urlencoded;

pub use search::find;
pub use sinks::{Sinks, without_what_is_handed_out};

use crate::rig::Rig;
use crate::wire::{Exchange, Side};

/// What is shorter is found everywhere.
const SHORTEST: usize = 12;

/// What begins the parts of a presigned URL that make it one.
pub const SIGNED: [&str; 3] = ["X-Amz-Signature=", "X-Amz-Credential=", "X-Amz-Security-Token="];

/// Values that may be nowhere, each with a name that tells what it is.
#[derive(Default)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.kinds()).finish()
    }
}

impl Secrets {
    /// Adds a value. Of several names for one value the first stays.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        let (name, value) = (name.into(), value.into());
        assert!(value.len() >= SHORTEST, "the {name} is too short to be looked for");
        self.0.entry(value).or_insert(name);
    }

    fn add_some(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are of each name.
    pub fn kinds(&self) -> BTreeMap<&str, usize> {
        let mut kinds = BTreeMap::new();
        for name in self.0.values() {
            *kinds.entry(name.as_str()).or_default() += 1;
        }
        kinds
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(value, name)| (name.as_str(), value.as_str()))
    }

    /// Everything secret that a recorded rig has made, been told or given out so far.
    pub async fn of(rig: &Rig) -> Result<Self> {
        let mut secrets = Self::default();
        {
            let world = rig.sandbox().world();
            for (what, value) in world.issued() {
                let name = match what {
                    Issued::Code => "authorization code",
                    Issued::AccessToken => "access token",
                    Issued::RefreshToken => "refresh token",
                    Issued::UploadToken => "upload token",
                };
                secrets.add(name, value);
            }
            let app = world.config().apps.get(SANDBOX_CLIENT_KEY).context("the app is gone")?;
            secrets.add("client secret", &app.client_secret);
        }
        let deployment = rig.parameter("deployment-secret").await?;
        ensure!(
            rig.parameter("client-secret").await? == secrets.only("client secret")?,
            "two client secrets"
        );
        secrets.add("deployment secret", deployment);
        secrets.add("API key", key_secret(&rig.stack.facts.api_key));
        for exchange in rig.wire.exchanges() {
            secrets.hear(&exchange);
        }
        for pattern in SIGNED {
            secrets.add("part of a presigned URL", pattern);
        }
        Ok(secrets)
    }

    fn only(&self, name: &str) -> Result<&str> {
        let mut found = self.iter().filter(|(of, _)| *of == name);
        let (_, value) = found.next().with_context(|| format!("no {name}"))?;
        ensure!(found.next().is_none(), "more than one {name}");
        Ok(value)
    }

    /// What one call carried that is secret.
    fn hear(&mut self, exchange: &Exchange) {
        let asked: Value = serde_json::from_slice(&exchange.body).unwrap_or_default();
        let answer = exchange.answer.as_ref();
        let answered: Value =
            answer.and_then(|answer| serde_json::from_slice(answer.body()).ok()).unwrap_or_default();
        match exchange.side {
            Side::Api => {
                let key = text(exchange.headers.get(header::AUTHORIZATION)).strip_prefix("Bearer ");
                self.add_some("API key", key.filter(|key| key.starts_with("slk_")).map(key_secret));
                match exchange.operation.as_str() {
                    "POST /v1/keys" | "POST /v1/keys/{…}/rotate" => {
                        self.add_some("API key", answered["secret"].as_str().map(key_secret));
                    }
                    "POST /v1/connect-links" => {
                        let link = answered["url"].as_str().and_then(|url| url.rsplit('/').next());
                        self.add_some("connect link", link);
                    }
                    "POST /v1/media" => {
                        self.hear_signed("upload signature", answered["upload"]["url"].as_str());
                    }
                    "GET /connect/{…}" => {
                        let headers = answer.map(http::Response::headers);
                        let header = |name| text(headers.and_then(|headers| headers.get(name)));
                        self.add_some("OAuth state", parameter(header(header::LOCATION), "state"));
                        let cookie = header(header::SET_COOKIE).split(';').next().unwrap_or_default();
                        let browser = cookie.split_once('=').and_then(|(_, value)| value.split('.').next());
                        self.add_some("browser cookie", browser);
                    }
                    _ => {}
                }
            }
            Side::TikTok => {
                let url = asked["source_info"]["video_url"].as_str();
                self.hear_signed("download signature", url);
            }
            Side::Aws => {
                let session = exchange.headers.get("x-amz-security-token");
                self.add_some("role session", session.map(|token| text(Some(token))));
                if exchange.service == "KMS" {
                    self.add_some("data key", answered["Plaintext"].as_str());
                }
            }
        }
    }

    fn hear_signed(&mut self, name: &str, url: Option<&str>) {
        self.add_some(name, url.and_then(|url| parameter(url, "X-Amz-Signature")));
    }
}

/// The part of a key that opens anything.
fn key_secret(key: &str) -> &str {
    key.rsplit('_').next().unwrap_or_default()
}

/// A parameter of a URL's query, decoded.
fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn text(header: Option<&http::HeaderValue>) -> &str {
    header.and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Where a secret came to light.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// What it is; its value is not shown.
    pub secret: String,
    pub sink: String,
    /// As which it stood there: `plain`, `base64`, and what had to be decoded before.
    pub form: String,
    /// What stands before it, with secrets that stand there as they are left out.
    pub before: String,
    value: String,
}

impl Finding {
    /// Whether this very value was found.
    pub fn is_of(&self, value: &str) -> bool {
        self.value == value
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} ({}) after `{}`", self.secret, self.sink, self.form, self.before)
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The sinks in which this value was found, by their kinds.
pub fn kinds_of<'a>(findings: &'a [Finding], value: &str) -> BTreeSet<&'a str> {
    findings.iter().filter(|finding| finding.is_of(value)).map(|finding| sinks::kind(&finding.sink)).collect()
}
