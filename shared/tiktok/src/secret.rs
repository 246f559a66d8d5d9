//! Values that may reach TikTok and nobody else.

use std::fmt;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Wraps the value. From here on only [`expose`](Self::expose) shows it.
            pub fn new(value: impl Into<String>) -> Self {
                Self(value.into())
            }

            /// The value itself. Every use of this is a place where it may leak.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self(value)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}

secret!(
    /// A user's access token: prefix `act.`, lives 24 h (TOK).
    AccessToken
);
secret!(
    /// A user's refresh token: prefix `rft.`, lives 365 days; a refresh may answer with another one, and then
    /// this one must be thrown away (TOK).
    RefreshToken
);
secret!(
    /// The app's `client_secret`. It signs token calls (TOK) and TikTok's webhooks (WHV).
    ClientSecret
);
secret!(
    /// The URL that takes the bytes of one upload, for 1 h (MT). It needs no access token: whoever knows it can put
    /// bytes there.
    UploadUrl
);
secret!(
    /// The https URL from which TikTok downloads a video or a photo. Whoever knows it can download too, so it is a
    /// secret. https, a domain name that the app has verified, no redirects, reachable for the whole download of up to
    /// 1 h (MT).
    PullUrl
);
