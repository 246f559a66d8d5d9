//! What is wrong with something a person gave us, in words that help.

use serde::{Deserialize, Serialize};

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// TikTok, or we, refuse it so.
    #[default]
    Error,
    /// It is taken, and would do better otherwise.
    Advice,
}

impl Level {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
    fn is_error(&self) -> bool {
        *self == Self::Error
    }
}

/// One broken rule: which field, which rule, what was found and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// JSON pointer of the field (`/caption`), or empty where the whole thing is meant.
    pub param: String,
    /// Stable identifier of the rule, such as `video.duration.max`.
    pub rule: String,
    /// What was found and what the limit is, one sentence.
    pub detail: String,
    /// What to do, one sentence.
    pub remedy: String,
    /// Whether it refuses.
    #[serde(default, skip_serializing_if = "Level::is_error")]
    pub level: Level,
}

impl Problem {
    /// A problem with the field at the JSON pointer `param`.
    pub fn new(
        param: impl Into<String>,
        rule: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            param: param.into(),
            rule: rule.into(),
            detail: detail.into(),
            remedy: remedy.into(),
            level: Level::Error,
        }
    }

    /// The same as advice.
    #[must_use]
    pub fn as_advice(self) -> Self {
        Self { level: Level::Advice, ..self }
    }
}
