//! Values that cannot be printed.

use std::fmt;

/// A value whose `Debug` is `[redacted]`. It has no `Display` and no `Serialize`: showing it takes a call to
/// [`expose`](Redacted::expose), which is easy to search for.
#[derive(Clone)]
pub struct Redacted<T>(T);

/// A secret text: a key, a token, a signed URL.
pub type Secret = Redacted<String>;

impl<T> Redacted<T> {
    /// Hides `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Gives the value up.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Another view of the same secret, hidden as well.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Redacted<U> {
        Redacted(f(self.0))
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned())
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
