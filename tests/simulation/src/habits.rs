//! What goes wrong in a campaign: by rule, always, and not everywhere by chance.

use std::collections::{BTreeSet, HashMap};

use rand::Rng as _;
use rand::rngs::StdRng;

use crate::chance::{Mishap, Place};
use crate::scenario::START;

/// What becomes of the first init of every post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It never reaches TikTok, and its sender cannot know.
    Before,
    /// TikTok accepts it, and its answer is lost.
    After,
}

/// What always goes wrong.
#[derive(Debug, Default)]
pub(crate) struct Habits {
    /// Out of a hundred messages, those that never arrive in their queue.
    pub(crate) lost: u32,
    /// Out of a hundred messages, those that arrive twice.
    pub(crate) doubled: u32,
    /// The clock does not tick every so many minutes.
    pub(crate) skipped: Option<i64>,
    /// What becomes of the first init of every post.
    pub(crate) cut: Option<Cut>,
    /// How long calls take.
    pub(crate) network: Option<Network>,
    /// Whose init was cut.
    pub(crate) had: BTreeSet<String>,
}

impl Habits {
    pub(crate) fn mishap(&self, place: Place, now: i64, rng: &mut StdRng) -> Option<Mishap> {
        match place {
            Place::Send if self.lost + self.doubled > 0 => match rng.random_range(0..100) {
                roll if roll < self.lost => Some(Mishap::Lost),
                roll if roll < self.lost + self.doubled => Some(Mishap::Doubled),
                _ => None,
            },
            Place::Sweep => {
                let minute = (now - START).div_euclid(60_000);
                self.skipped.filter(|every| minute % every == 0).map(|_| Mishap::Skipped)
            }
            _ => None,
        }
    }

    /// Once for every post.
    pub(crate) fn cut(&mut self, title: &str) -> Option<Mishap> {
        let cut = self.cut?;
        self.had.insert(title.to_owned()).then_some(match cut {
            Cut::Before => Mishap::FailBefore,
            Cut::After => Mishap::FailAfter,
        })
    }
}

/// How long calls take: the same for the same account's same call, whoever else there is, so that two runs can be compared.
#[derive(Debug)]
pub(crate) struct Network {
    /// How much longer than usual a way to TikTok or back takes at most, in milliseconds.
    pub(crate) jitter_ms: i64,
    drawn: HashMap<String, u64>,
}

/// A way to TikTok takes so long at least, in milliseconds.
const WAY: i64 = 20;
/// How rare the long ways are: one in seventy takes half of the longest jitter or more, and all take 60 ms on average. Twice
/// that, and ten workers with one message each could not make TikTok's six calls a minute for two hundred creators.
const RARITY: i32 = 50;

impl Network {
    pub(crate) fn new(jitter_ms: i64) -> Self {
        Self { jitter_ms, drawn: HashMap::new() }
    }

    fn draw(&mut self, group: &str) -> u64 {
        let count = match self.drawn.get_mut(group) {
            Some(count) => count,
            None => self.drawn.entry(group.to_owned()).or_insert_with(|| fnv(group)),
        };
        *count = count.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *count;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Half of a call to a port.
    fn half(&mut self, group: &str) -> i64 {
        1 + i64::try_from(self.draw(group) % 5).unwrap_or_default()
    }

    pub(crate) fn port(&mut self, group: &str) -> i64 {
        self.half(group)
    }

    /// A way to TikTok or back.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "a fraction of some seconds"
    )]
    pub(crate) fn jitter(&mut self, group: &str) -> i64 {
        let share = (self.draw(group) >> 11) as f64 / (1_u64 << 53) as f64;
        WAY + (share.powi(RARITY) * self.jitter_ms as f64) as i64
    }
}

fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
