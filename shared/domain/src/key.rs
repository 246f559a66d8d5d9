//! What an API key is called and what it may do.

use std::fmt;
use std::str::FromStr;

/// Longest name of a key, in characters.
pub const KEY_NAME_MAX: usize = 80;

/// What people call a key: 1 to 80 characters, not only blanks, no control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyName(String);

/// A text that names no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key's name has 1 to {KEY_NAME_MAX} characters, not only blanks, and no control characters")]
pub struct InvalidKeyName;

impl KeyName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a key is called that was made before keys had names.
impl Default for KeyName {
    fn default() -> Self {
        Self("unnamed".to_owned())
    }
}

impl FromStr for KeyName {
    type Err = InvalidKeyName;
    fn from_str(text: &str) -> Result<Self, InvalidKeyName> {
        let sound = text.chars().count() <= KEY_NAME_MAX
            && !text.trim().is_empty()
            && !text.chars().any(char::is_control);
        if sound { Ok(Self(text.to_owned())) } else { Err(InvalidKeyName) }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scope {
    /// Read and list posts.
    PostsRead,
    /// Create posts, and change what becomes of them.
    PostsWrite,
    /// Read media.
    MediaRead,
    /// Declare and upload media.
    MediaWrite,
    /// Read and list creators, and ask TikTok about them.
    CreatorsRead,
    /// Connect and disconnect creators.
    CreatorsWrite,
    /// List keys.
    KeysRead,
    /// Make, rotate and revoke keys.
    KeysWrite,
    /// Read what is known of the TikTok app.
    AppRead,
    /// Change what is set up for the TikTok app.
    AppWrite,
    /// Read events.
    EventsRead,
    /// Read webhook endpoints and what became of their deliveries.
    WebhooksRead,
    /// Make, change and remove webhook endpoints, and send deliveries again.
    WebhooksWrite,
}

/// A text that is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a scope")]
pub struct UnknownScope {
    text: String,
}

impl Scope {
    /// Every scope, in the order in which they are shown.
    pub const ALL: [Self; 13] = [
        Self::PostsRead,
        Self::PostsWrite,
        Self::MediaRead,
        Self::MediaWrite,
        Self::CreatorsRead,
        Self::CreatorsWrite,
        Self::KeysRead,
        Self::KeysWrite,
        Self::AppRead,
        Self::AppWrite,
        Self::EventsRead,
        Self::WebhooksRead,
        Self::WebhooksWrite,
    ];

    /// The scope as people and rows write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PostsRead => "posts:read",
            Self::PostsWrite => "posts:write",
            Self::MediaRead => "media:read",
            Self::MediaWrite => "media:write",
            Self::CreatorsRead => "creators:read",
            Self::CreatorsWrite => "creators:write",
            Self::KeysRead => "keys:read",
            Self::KeysWrite => "keys:write",
            Self::AppRead => "app:read",
            Self::AppWrite => "app:write",
            Self::EventsRead => "events:read",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u8
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let scope = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        scope.ok_or_else(|| UnknownScope { text: text.chars().take(80).collect() })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Every scope that this version knows.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether the scope is among them.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether all of the others are among them.
    pub const fn covers(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Those that the others lack.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each, in the order in which they are shown.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

/// Each in backticks, with commas between them.
impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            write!(f, "{}`{scope}`", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
