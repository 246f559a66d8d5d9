//! What is being done, for people: a line for each step, on standard error.

use std::io::{IsTerminal as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Whether steps are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On standard error: a spinner on a terminal, plain lines elsewhere.
    Shown,
    /// Not at all; for tests.
    Hidden,
}

impl Progress {
    /// Begins a step. It ends with [`Step::done`]; dropped before, it is shown as failed.
    pub fn step(self, title: impl Into<String>) -> Step {
        let title = title.into();
        let spinner = match self {
            Self::Shown if stderr().is_terminal() => {
                let spinner = ProgressBar::new_spinner().with_style(
                    ProgressStyle::with_template("{spinner:.cyan} {wide_msg}")
                        .expect("the template is constant"),
                );
                spinner.set_message(title.clone());
                spinner.enable_steady_tick(Duration::from_millis(100));
                spinner
            }
            _ => ProgressBar::hidden(),
        };
        if self == Self::Shown && spinner.is_hidden() {
            eprintln!("  … {title}");
        }
        Step { progress: self, title, spinner, since: Instant::now(), ended: false }
    }

    /// A line between the steps.
    pub fn say(self, text: impl AsRef<str>) {
        if self == Self::Shown {
            eprintln!("{}", text.as_ref());
        }
    }
}

/// A step under way.
pub struct Step {
    progress: Progress,
    title: String,
    spinner: ProgressBar,
    since: Instant,
    ended: bool,
}

impl Step {
    /// What the step is at.
    pub fn say(&self, text: &str) {
        self.spinner.set_message(format!("{}: {text}", self.title));
    }

    /// A line that stays.
    pub fn note(&self, text: &str) {
        if self.progress == Progress::Shown {
            self.spinner.suspend(|| eprintln!("      {text}"));
        }
    }

    /// Takes the spinner away while somebody else writes to the terminal.
    pub fn hide(&self) {
        self.spinner.finish_and_clear();
    }

    /// The step went well.
    pub fn done(mut self, outcome: impl AsRef<str>) {
        self.ended = true;
        self.line("✓", outcome.as_ref());
    }

    fn line(&self, mark: &str, outcome: &str) {
        self.spinner.finish_and_clear();
        if self.progress == Progress::Shown {
            let separator = if outcome.is_empty() { "" } else { ": " };
            let took = self.since.elapsed().as_secs_f64();
            eprintln!("  {mark} {}{separator}{outcome} ({took:.1} s)", self.title);
        }
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.ended {
            self.line("✗", "");
        }
    }
}
