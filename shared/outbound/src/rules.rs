//! What may be asked for, as far as the URL itself tells.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::address::{Forbidden, forbidden};

/// URLs longer than this are refused.
const LONGEST: usize = 2_048;
/// Ports below 1024 other than HTTPS's belong to other protocols.
const HTTPS: u16 = 443;
const FIRST_FREE_PORT: u16 = 1_024;
/// Top-level names that mean this machine or this network.
const INNER: [&str; 8] =
    ["localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "onion"];

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is no URL, or has characters that programs read differently.
    #[error("the text is not an absolute URL of at most {LONGEST} plain characters")]
    Format,
    /// It is not `https`.
    #[error("the URL is not `https`")]
    Scheme,
    /// It bears a user name or a password.
    #[error("the URL bears a user name or a password")]
    UserInfo,
    /// Its host is a name that means nothing in public.
    #[error("the host is not a public name")]
    Host,
    /// Its port belongs to another protocol.
    #[error("the port is neither 443 nor 1024 or higher")]
    Port,
    /// Its host is, or has, an address that is not one of the public internet.
    #[error("the host has {0}")]
    Address(Forbidden),
}

impl Refused {
    /// A stable name of the rule that is broken.
    pub const fn rule(self) -> &'static str {
        match self {
            Self::Format => "url.format",
            Self::Scheme => "url.scheme",
            Self::UserInfo => "url.userinfo",
            Self::Host => "url.host",
            Self::Port => "url.port",
            Self::Address(_) => "url.address",
        }
    }

    /// What to do, one sentence.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Format => {
                "send an absolute URL such as `https://example.com/path`, with blanks and umlauts encoded"
            }
            Self::Scheme => "serve it by HTTPS with a certificate of a public authority",
            Self::UserInfo => "leave the part before `@` out; put a secret into the path or the query",
            Self::Host => "use a host name of the public DNS, without a dot at its end",
            Self::Port => "serve it on port 443, or on 1024 or higher",
            Self::Address(_) => "use a host all of whose addresses are on the public internet",
        }
    }
}

/// Hosts with their ports that skip the checks of scheme and address: for the local stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions(BTreeSet<(String, u16)>);

/// An entry of the list of exceptions is not `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not `host:port`")]
pub struct BadException(String);

impl FromStr for Exceptions {
    type Err = BadException;

    /// `host:port` separated by commas; nothing for none.
    fn from_str(text: &str) -> Result<Self, BadException> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        let entry = |entry: &str| {
            let url = Url::parse(&format!("http://{entry}/")).ok();
            let plain = url.filter(|url| url.path() == "/" && url.username().is_empty());
            let port = entry.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
            let host = plain.as_ref().and_then(Url::host_str).map(str::to_owned);
            host.zip(port).ok_or_else(|| BadException(entry.to_owned()))
        };
        entries.map(entry).collect::<Result<_, _>>().map(Self)
    }
}

impl Exceptions {
    fn cover(&self, url: &Url) -> bool {
        let place = url.host_str().zip(url.port_or_known_default());
        place.is_some_and(|(host, port)| self.0.iter().any(|(h, p)| h == host && *p == port))
    }

    /// Whether there are none, as in production.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A URL that passed.
#[derive(Clone)]
pub struct Target {
    pub(crate) url: Url,
    pub(crate) exempt: bool,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("exempt", &self.exempt).finish_non_exhaustive()
    }
}

impl Target {
    /// The URL as it will be asked for.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

/// What may be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// What skips the checks of scheme and address.
    pub exceptions: Exceptions,
}

impl Rules {
    /// Judges a URL by itself. Its name's addresses are judged when it is asked for.
    pub fn judge(&self, text: &str) -> Result<Target, Refused> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
        if text.len() > LONGEST || !text.bytes().all(|byte| plain(byte) || !byte.is_ascii()) {
            return Err(Refused::Format);
        }
        let url = Url::parse(text).map_err(|_| Refused::Format)?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(Refused::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::UserInfo);
        }
        if self.exceptions.cover(&url) {
            return Ok(Target { url, exempt: true });
        }
        if url.scheme() != "https" {
            return Err(Refused::Scheme);
        }
        let address = match url.host().ok_or(Refused::Host)? {
            Host::Domain(name) => {
                let inner = INNER.iter().any(|inner| {
                    name.strip_suffix(inner).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                });
                if inner
                    || !name.contains('.')
                    || name.split('.').any(|label| !(1..=63).contains(&label.len()))
                {
                    return Err(Refused::Host);
                }
                None
            }
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
        };
        if let Some(why) = address.and_then(forbidden) {
            return Err(Refused::Address(why));
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port != HTTPS && port < FIRST_FREE_PORT {
            return Err(Refused::Port);
        }
        Ok(Target { url, exempt: false })
    }
}
