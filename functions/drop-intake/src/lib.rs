//! The drop folder: `drop/<creator>/<name>.<ext>` and `<name>.json` become a post once both are there.
//!
//! A message says only under which name something has changed; what lies there decides. The post is made by the API function,
//! called with an `Idempotency-Key` of the bucket and of the entity tags of everything that belongs to it, so that whatever
//! comes doubled, late or in another order makes the same post. What came of it is told under `drop-results/`, of which no
//! queue hears.

#[cfg(feature = "lambda")]
pub mod caller;
pub mod door;
mod intake;
mod message;
mod order;
mod outcome;
mod place;

pub use intake::DropIntake;
pub use message::looks;
pub use place::Place;
