//! Fifty refreshers of one account at once, truly mixed: a seeded choice at every call to a port or to TikTok decides who goes
//! on. The use case is the real one, TikTok is the sandbox's core, time is virtual.
//!
//! A round is one account, fifty messages that want its tokens refreshed, and a misfortune. It is judged by the sandbox's log
//! and by whether the account can be refreshed once more and then be used: an account that cannot is locked out, and only its
//! creator can help. A round is made from seed, mode and number alone, so a bad one can be played again by itself.

mod crowd;
mod report;
mod round;
mod scene;
mod watch;

pub use report::{Report, Tally};
pub use tiktok_sandbox::config::Rotation;

use round::Round;
use scene::Cast;

/// The modes of the sandbox in which a refresh token changes.
pub const MODES: [Rotation; 3] =
    [Rotation::RotateOldDies, Rotation::OldValidUntilNewUsed, Rotation::FamilyRevokedOnReuse];

/// What to rehearse.
#[derive(Debug, Clone)]
pub struct Orders {
    /// Rounds in each mode.
    pub rounds: u32,
    /// Where all chance comes from.
    pub seed: u64,
    /// The modes.
    pub modes: Vec<Rotation>,
    /// This round alone.
    pub only: Option<u32>,
}

impl Default for Orders {
    fn default() -> Self {
        Self { rounds: 1_000, seed: 1, modes: MODES.to_vec(), only: None }
    }
}

/// How a mode is called on the command line and in the table.
pub fn mode_name(mode: Rotation) -> &'static str {
    match mode {
        Rotation::RotateOldDies => "rotate_old_dies",
        Rotation::OldValidUntilNewUsed => "old_valid_until_new_used",
        Rotation::FamilyRevokedOnReuse => "family_revoked_on_reuse",
        Rotation::NoRotation => "no_rotation",
    }
}

/// Plays all rounds.
///
/// # Panics
///
/// If the scene cannot be set, or the messages of a round go round and round.
pub fn rehearse(orders: &Orders) -> Report {
    // connecting waits by tokio's clock, which stands still until a round moves it
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread").block_on(async {
        let cast = Cast::new().await;
        let mut report = Report::new(orders.seed);
        for mode in &orders.modes {
            let mut tally = Tally::new(*mode);
            for number in 0..orders.rounds {
                if orders.only.is_none_or(|only| only == number) {
                    let verdict = Round::new(*mode, number, orders.seed).play(&cast).await;
                    tally.count(&verdict, number, orders.seed);
                }
            }
            report.add(tally);
        }
        report
    })
}
