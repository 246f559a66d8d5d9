//! The clock and the randomness of the machine. Everything else takes them as arguments.

use jiff::Timestamp;

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl SystemClock {
    /// The present moment.
    #[expect(clippy::disallowed_methods, reason = "the one place where the clock is read")]
    pub fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Randomness fit for keys and nonces, from AWS-LC's generator seeded by the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl SystemEntropy {
    /// Fills `buffer` with random bytes.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give: nothing can be signed or sealed then.
    pub fn fill(&self, buffer: &mut [u8]) {
        aws_lc_rs::rand::fill(buffer).expect("the operating system provides randomness");
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
