//! What all rounds came to.

use std::fmt;

use tiktok_sandbox::config::Rotation;

use super::mode_name;
use super::round::{Kind, LockOut, Verdict};

/// A line of the table: its name, and its figure for a mode.
type Row = (&'static str, fn(&Tally) -> usize);

/// The rounds of a mode.
#[derive(Debug, Clone)]
pub struct Tally {
    /// The mode.
    pub mode: Rotation,
    /// All of them.
    pub rounds: usize,
    /// In which nothing befell anybody.
    pub plain: usize,
    /// What TikTok's token endpoint was asked in them.
    pub plain_calls: usize,
    /// In which invocations ended at a call.
    pub crashes: usize,
    /// In which answers were lost.
    pub lost: usize,
    /// In which writes took longer than their lease.
    pub slow: usize,
    /// In which somebody connected meanwhile.
    pub connects: usize,
    /// After which only the creator could help.
    pub lock_outs: usize,
    /// Of these: neither the table nor the rescue object ever got what TikTok had answered.
    pub answer_lost: usize,
    /// Of these: they first got it beyond the lease, when TikTok revoked the grant because the old token was used again.
    pub written_too_late: usize,
    /// Locked out creators who signed in again and still could not be used.
    pub not_back: usize,
    /// Tokens of another user in a row or a rescue object.
    pub foreign: usize,
    /// Epochs that went back.
    pub epoch_back: usize,
    /// Two at the token endpoint at once, both with valid leases.
    pub two_holders: usize,
    /// Refreshes by somebody who did not hold the lease.
    pub no_lease: usize,
    /// What must not be, with what is needed to play it again.
    pub wrong: Vec<String>,
}

impl Tally {
    pub(crate) fn new(mode: Rotation) -> Self {
        Self {
            mode,
            rounds: 0,
            plain: 0,
            plain_calls: 0,
            crashes: 0,
            lost: 0,
            slow: 0,
            connects: 0,
            lock_outs: 0,
            answer_lost: 0,
            written_too_late: 0,
            not_back: 0,
            foreign: 0,
            epoch_back: 0,
            two_holders: 0,
            no_lease: 0,
            wrong: Vec::new(),
        }
    }

    pub(crate) fn count(&mut self, verdict: &Verdict, number: u32, seed: u64) {
        self.rounds += 1;
        *match verdict.kind {
            Kind::Plain => &mut self.plain,
            Kind::Crash => &mut self.crashes,
            Kind::Lost => &mut self.lost,
            Kind::Slow => &mut self.slow,
            Kind::Connect => &mut self.connects,
        } += 1;
        let mut wrong = Vec::new();
        if verdict.kind == Kind::Plain {
            self.plain_calls += verdict.refreshes;
            if (verdict.refreshes, verdict.moved) != (1, 1) {
                wrong.push(format!("{} token calls, {} new epochs", verdict.refreshes, verdict.moved));
            }
        }
        self.lock_outs += usize::from(verdict.locked_out.is_some());
        match verdict.locked_out {
            None => {}
            Some(LockOut::AnswerLost) => self.answer_lost += 1,
            Some(LockOut::WrittenTooLate) => self.written_too_late += 1,
            Some(LockOut::Defect) => wrong.push("locked out without an excuse".to_owned()),
        }
        if verdict.locked_out.is_some() && self.mode == Rotation::OldValidUntilNewUsed {
            wrong.push("locked out although the old token was good".to_owned());
        }
        if !verdict.came_back {
            self.not_back += 1;
            wrong.push("signed in again, and still of no use".to_owned());
        }
        if verdict.slandered {
            wrong.push("usable, but shown as one who has to connect again".to_owned());
        }
        let faults = &verdict.faults;
        for (count, all, what) in [
            (faults.foreign, &mut self.foreign, "tokens of another user"),
            (faults.epoch_back, &mut self.epoch_back, "the epoch went back"),
            (faults.two_holders, &mut self.two_holders, "two holders at the token endpoint"),
            (faults.no_lease, &mut self.no_lease, "a refresh without the lease"),
        ] {
            *all += count;
            if count > 0 {
                wrong.push(what.to_owned());
            }
        }
        if !wrong.is_empty() {
            let (mode, wrong) = (mode_name(self.mode), wrong.join("; "));
            self.wrong.push(format!(
                "{mode}, round {number}: {wrong}\n  again: cargo run -p rehearsal --bin refreshers -- \
                 --seed {seed} --mode {mode} --only {number}\n  {}",
                verdict.told
            ));
        }
    }
}

/// What all rounds came to.
#[derive(Debug, Clone)]
pub struct Report {
    seed: u64,
    /// By mode.
    pub tallies: Vec<Tally>,
}

impl Report {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, tallies: Vec::new() }
    }

    pub(crate) fn add(&mut self, tally: Tally) {
        self.tallies.push(tally);
    }

    /// What must not be.
    pub fn wrong(&self) -> Vec<&str> {
        self.tallies.iter().flat_map(|tally| &tally.wrong).map(String::as_str).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ROWS: [Row; 16] = [
            ("rounds of 50 refreshers", |tally| tally.rounds),
            ("  plain", |tally| tally.plain),
            ("    token calls in these", |tally| tally.plain_calls),
            ("  with crashes", |tally| tally.crashes),
            ("  with lost answers", |tally| tally.lost),
            ("  with writes beyond the lease", |tally| tally.slow),
            ("  with somebody who connects", |tally| tally.connects),
            ("lock-outs", |tally| tally.lock_outs),
            ("  answer lost before the first durable write", |tally| tally.answer_lost),
            ("  first durable write beyond the lease", |tally| tally.written_too_late),
            ("  without an excuse", |tally| tally.lock_outs - tally.answer_lost - tally.written_too_late),
            ("signed in again and still of no use", |tally| tally.not_back),
            ("tokens of another open_id", |tally| tally.foreign),
            ("epochs that went back", |tally| tally.epoch_back),
            ("two holders at the token endpoint at once", |tally| tally.two_holders),
            ("refreshes without the lease", |tally| tally.no_lease),
        ];
        write!(f, "{:<46}", format!("seed {}", self.seed))?;
        for tally in &self.tallies {
            write!(f, "{:>26}", mode_name(tally.mode))?;
        }
        writeln!(f)?;
        for (name, value) in ROWS {
            write!(f, "{name:<46}")?;
            for tally in &self.tallies {
                write!(f, "{:>26}", value(tally))?;
            }
            writeln!(f)?;
        }
        for wrong in self.wrong() {
            write!(f, "\n{wrong}")?;
        }
        Ok(())
    }
}
