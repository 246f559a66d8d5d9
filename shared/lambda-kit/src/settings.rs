//! Settings from environment variables, every mistake reported at once.
//!
//! Read all settings, [`check`](Settings::check), then use them: whoever deploys with three wrong parameters learns of all
//! three from the first start.
//!
//! ```
//! # use lambda_kit::settings::{Settings, SettingsError};
//! # fn read(settings: Settings) -> Result<(String, Vec<jiff::SignedDuration>), SettingsError> {
//! let table = settings.required("TABLE");
//! let ladder = settings.seconds_list("POLL_LADDER");
//! settings.check()?;
//! Ok((table?, ladder?))
//! # }
//! # let error = read(Settings::from_pairs([("POLL_LADDER", "120,soon")])).unwrap_err();
//! # assert_eq!(error.to_string(), "read settings: `TABLE` is not set; `POLL_LADDER` is `120,soon`, not seconds separated by commas");
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

/// The value of an environment variable, if it is set and is text. The one place where the environment is read.
#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Reads settings and remembers every mistake until [`check`](Settings::check).
///
/// A variable that is set to nothing counts as not set: a SAM parameter whose default is `''` arrives so.
/// Values may be shown in errors, so a secret has no place in the environment.
#[derive(Debug)]
pub struct Settings {
    source: Source,
    mistakes: RefCell<Vec<Mistake>>,
}

#[derive(Debug)]
enum Source {
    Environment,
    Pairs(BTreeMap<String, String>),
}

impl Settings {
    /// Settings from the environment of this process.
    pub const fn from_env() -> Self {
        Self { source: Source::Environment, mistakes: RefCell::new(Vec::new()) }
    }

    /// Settings from given pairs, as a test or a tool has them.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { source: Source::Pairs(pairs), mistakes: RefCell::new(Vec::new()) }
    }

    /// The text of `name`, if it is set and not empty. Cannot fail.
    pub fn optional(&self, name: &str) -> Option<String> {
        let value = match &self.source {
            Source::Environment => variable(name),
            Source::Pairs(pairs) => pairs.get(name).cloned(),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The text of `name`.
    pub fn required(&self, name: &str) -> Result<String, SettingsError> {
        self.optional(name)
            .ok_or_else(|| self.mistake(Mistake { name: name.to_owned(), what: What::Missing }))
    }

    /// `name` as a `T`. `expected` says what the text must be ("a URL").
    pub fn parsed<T: FromStr>(&self, name: &str, expected: &'static str) -> Result<T, SettingsError> {
        self.read(name, expected, |text| text.parse().ok())
    }

    /// Like [`parsed`](Settings::parsed), but `None` if `name` is not set.
    pub fn parsed_optional<T: FromStr>(
        &self,
        name: &str,
        expected: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        self.optional(name).map(|_| self.parsed(name, expected)).transpose()
    }

    /// `name` as a whole number of seconds, zero or more.
    pub fn seconds(&self, name: &str) -> Result<SignedDuration, SettingsError> {
        self.read(name, "a whole number of seconds", seconds)
    }

    /// `name` as seconds separated by commas, at least one: a ladder of gaps.
    pub fn seconds_list(&self, name: &str) -> Result<Vec<SignedDuration>, SettingsError> {
        self.read(name, "seconds separated by commas", |text| text.split(',').map(seconds).collect())
    }

    /// `name` as texts separated by commas, without the blanks around them; empty if `name` is not set.
    pub fn list(&self, name: &str) -> Vec<String> {
        let text = self.optional(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Every mistake so far in one error. Call it after reading and before using what was read.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mistakes = self.mistakes.borrow();
        if mistakes.is_empty() { Ok(()) } else { Err(SettingsError { mistakes: mistakes.clone() }) }
    }

    fn read<T>(
        &self,
        name: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, SettingsError> {
        let value = self.required(name)?;
        parse(&value).ok_or_else(|| {
            self.mistake(Mistake { name: name.to_owned(), what: What::Unreadable { value, expected } })
        })
    }

    fn mistake(&self, mistake: Mistake) -> SettingsError {
        self.mistakes.borrow_mut().push(mistake.clone());
        SettingsError { mistakes: vec![mistake] }
    }
}

fn seconds(text: &str) -> Option<SignedDuration> {
    text.trim().parse::<u32>().ok().map(|seconds| SignedDuration::from_secs(i64::from(seconds)))
}

/// One or more settings are missing or cannot be read; the message names each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    mistakes: Vec<Mistake>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Mistake {
    name: String,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Missing,
    Unreadable { value: String, expected: &'static str },
}

impl SettingsError {
    /// The names of the variables concerned, in the order they were read.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.mistakes.iter().map(|mistake| mistake.name.as_str())
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read settings: ")?;
        for (index, Mistake { name, what }) in self.mistakes.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            match what {
                What::Missing => write!(f, "`{name}` is not set")?,
                What::Unreadable { value, expected } => write!(f, "`{name}` is `{value}`, not {expected}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
