//! Keeps every creator's tokens alive.
//!
//! An EventBridge rule wakes [`Sweep`] every minute; the refresh queue feeds [`TokenRefresh`]. Only the holder of an
//! account's lease talks to TikTok's token endpoint, the new pair is durable before anybody uses it, and a passing error
//! never disconnects anyone.

mod refresh;
mod sweep;

pub use refresh::TokenRefresh;
pub use sweep::Sweep;
