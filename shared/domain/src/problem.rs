//! What is wrong with something a person gave us, in words that help.

use serde::{Deserialize, Serialize};

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
}

impl Problem {
    /// A problem with the field at the JSON pointer `param`.
    pub fn new(
        param: impl Into<String>,
        rule: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { param: param.into(), rule: rule.into(), detail: detail.into(), remedy: remedy.into() }
    }
}
