//! The real functions over fakes and TikTok's imitation, in virtual time, by schedules of crashes, lost answers, late and
//! doubled messages, stale reads and wrong clocks.
//!
//! A schedule is a [`Scenario`] (who posts what, what the world does) and a [`Chance`] (what goes wrong where). [`play`]
//! runs it: each call of a function to a port or to TikTok is a place where other invocations go first, or where the call
//! fails, loses its answer, takes seconds, or is the last thing that the invocation does. The judge reads TikTok's log and
//! every write of the table. The same seed plays the same schedule again.

mod campaign;
mod campaigns;
mod chance;
mod desk;
mod engine;
mod habits;
mod judge;
mod lobby;
mod office;
mod permutations;
mod scenario;
mod story;

pub use campaign::{Faults, Hunt, Tally, exhaustive, hunt, replay, replay_script, seeds};
pub use campaigns::{Report, crowd, cuts, losses};
pub use chance::{Chance, Mishap, Place, Rates};
pub use engine::{Outcome, play};
pub use judge::{Breach, Rule};
pub use permutations::{Permuted, permutations};
pub use scenario::{Creator, Media, Planned, START, Scenario, Skews, Strictness, Stroke};
