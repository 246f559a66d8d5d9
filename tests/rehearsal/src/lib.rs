//! A stage to rehearse functions on: the ports' fakes, TikTok's imitation in process, and virtual time.
//!
//! [`Stage`] holds it all. [`Script`] sees every call to a port and to TikTok, in one order, and can let the invocation
//! crash there, let the call fail before or after its effect, or do something else first. [`TikTok`] is the seam of the
//! typed client over the sandbox's core: bytes in, bytes out. The judge is the sandbox's log.

pub mod million;
#[cfg(feature = "refreshers")]
pub mod refreshers;
mod script;
mod stage;
mod tiktok;

pub use script::{Cue, Director, Script, Watched, done, run};
pub use stage::{CLIENT_KEY, CLIENT_SECRET, MEDIA_BASE_URL, Stage, Time, connected, video};
pub use tiktok::{TikTok, as_heard};
