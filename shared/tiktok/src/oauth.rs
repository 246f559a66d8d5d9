//! Consent and tokens.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer};

use crate::{AccessToken, ClientSecret, RefreshToken, answer};

/// The scopes of the publishing API (SCO). Each must be approved for the app *and* granted by the user.
pub mod scope {
    /// `open_id`, avatar, display name.
    pub const USER_INFO_BASIC: &str = "user.info.basic";
    /// Username, bio, profile link.
    pub const USER_INFO_PROFILE: &str = "user.info.profile";
    /// Follower, following, like and video counts.
    pub const USER_INFO_STATS: &str = "user.info.stats";
    /// Direct Post, creator info, status.
    pub const VIDEO_PUBLISH: &str = "video.publish";
    /// Drafts to the inbox, status.
    pub const VIDEO_UPLOAD: &str = "video.upload";
    /// The user's public videos.
    pub const VIDEO_LIST: &str = "video.list";
}

/// A set of scopes in TikTok's order. On the wire: joined by commas, not by spaces (LKW, TOK).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Vec<String>);

impl Scopes {
    /// Reads TikTok's comma-separated list; blanks around names and empty names are dropped.
    pub fn parse(list: &str) -> Self {
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect()
    }

    /// Whether `scope` is in the set. The user can untick single scopes on the consent page (LKW), so ask after
    /// each exchange.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.iter().any(|name| name == scope)
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<S: Into<String>> FromIterator<S> for Scopes {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|list| Self::parse(&list))
    }
}

/// The app as TikTok knows it (APP). Sandbox and production have different pairs (SBX).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppCredentials {
    /// `client_key`: not called `client_id`, and not a secret.
    pub client_key: String,
    /// `client_secret`.
    pub client_secret: ClientSecret,
}

/// What the consent page is asked for (LKW, web flow: no PKCE).
#[derive(Clone, Copy)]
pub struct AuthorizeUrl<'a> {
    /// The app's key.
    pub client_key: &'a str,
    /// What to ask for.
    pub scopes: &'a Scopes,
    /// Byte-identical to one registered for the app, and sent again in the exchange (LKW, TOK).
    pub redirect_uri: &'a str,
    /// Comes back unchanged in the callback. Make it unguessable and single-use.
    pub state: &'a str,
    /// `true`: the consent page is always shown. `false`: TikTok may silently reuse the session in the browser,
    /// so that "connect another account" connects the same one again.
    pub disable_auto_auth: bool,
}

/// What the token endpoint answers to a code or a refresh token (TOK).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TokenSet {
    /// For calls on the user's behalf.
    #[serde(deserialize_with = "access_token")]
    pub access_token: AccessToken,
    /// Life of the access token, counted from the answer; 86,400 s.
    #[serde(deserialize_with = "seconds")]
    pub expires_in: Duration,
    /// For the next refresh. **May differ from the one that was sent**; store it before using anything of this
    /// set. Whether the old one lives on is not documented.
    #[serde(deserialize_with = "refresh_token")]
    pub refresh_token: RefreshToken,
    /// Life of the refresh token, counted from the answer; 31,536,000 s.
    #[serde(deserialize_with = "seconds")]
    pub refresh_expires_in: Duration,
    /// Whose tokens these are, per app. Opaque. Compare it: the same browser may hold another TikTok account.
    #[serde(deserialize_with = "answer::non_empty")]
    pub open_id: String,
    /// What the user granted, which may be less than was asked.
    #[serde(rename = "scope", default)]
    pub scopes: Scopes,
}

fn access_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AccessToken, D::Error> {
    answer::non_empty(deserializer).map(AccessToken::from)
}

fn refresh_token<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RefreshToken, D::Error> {
    answer::non_empty(deserializer).map(RefreshToken::from)
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_secs)
}
