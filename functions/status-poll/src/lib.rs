//! The clock of posts and media, and the question "what has become of it?".
//!
//! An EventBridge rule wakes [`Sweep`] every minute: it reads the `due` index and sends each row's next job to its queue.
//! [`StatusPoll`] handles the status queue: it asks TikTok about a post, settles a claim that ran out, and arranges the next
//! question. A token error here leads back to asking, never to an init.

mod check;
mod dead;
mod evidence;
mod sweep;

pub use check::StatusPoll;
pub use dead::Graveyard;
pub use sweep::{Sweep, Swept};
