//! What is told of a drop, and where.

use domain::{CreatorId, Problem, Rule};
use ports::{DROPS, Dropped, OUTCOMES};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::intake::digest;

/// S3 takes keys of so many bytes.
const KEY_MAX: usize = 1_024;

/// Where it is told that a post was made.
pub(crate) fn result_key(creator: &CreatorId, name: &str) -> String {
    format!("{OUTCOMES}{creator}/{name}.result.json")
}

/// Where it is told why none was made.
pub(crate) fn problem_key(creator: &CreatorId, name: &str) -> String {
    format!("{OUTCOMES}{creator}/{name}.problem.json")
}

/// Where it is told that a file has no place.
pub(crate) fn misplaced_key(key: &str) -> String {
    let path = key.strip_prefix(DROPS).unwrap_or(key);
    let told = format!("{OUTCOMES}{path}.problem.json");
    if told.len() <= KEY_MAX { told } else { format!("{OUTCOMES}{}.problem.json", digest(&[key])) }
}

/// An object as it was when a post was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) key: String,
    pub(crate) etag: String,
    /// When it came, in seconds since 1970.
    pub(crate) at: i64,
}

impl From<&Dropped> for Mark {
    fn from(dropped: &Dropped) -> Self {
        Self { key: dropped.key.clone(), etag: dropped.etag.clone(), at: dropped.at.as_second() }
    }
}

/// What a post was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken {
    pub(crate) json: Mark,
    pub(crate) files: Vec<Mark>,
}

impl Taken {
    /// What was told before, if it can be read.
    pub(crate) fn read(told: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Value>(told)
            .ok()
            .and_then(|told| serde_json::from_value(told["taken"].clone()).ok())
    }

    /// Whether this JSON has made its post: one that came later makes another, even if it says the same.
    pub(crate) fn spends(&self, json: &Dropped) -> bool {
        self.json == Mark::from(json)
    }

    /// Whether these bytes are in that post.
    pub(crate) fn has(&self, file: &Dropped) -> bool {
        self.files.iter().any(|mark| mark.key == file.key && mark.etag == file.etag)
    }
}

/// A post was made.
pub(crate) fn result(post: &Value, taken: &Taken) -> Vec<u8> {
    json!({ "post": post, "taken": taken }).to_string().into_bytes()
}

/// The API refused it: its own words, with the file they are about.
pub(crate) fn refusal(mut problem: Value, file: &str) -> Vec<u8> {
    problem["file"] = json!(file);
    problem.to_string().into_bytes()
}

/// No post can be made of this file.
pub(crate) fn problem(problems: &[Problem], file: &str) -> Vec<u8> {
    let told = |problem: &Problem| {
        json!({
            "title": Rule::find(&problem.rule).map_or("The file breaks a rule", |rule| rule.title),
            "status": 422,
            "detail": problem.detail,
            "code": problem.rule,
            "rule": problem.rule,
            "param": problem.param,
            "remedy": problem.remedy,
            "source": "user",
            "retryable": false,
            "level": "error",
        })
    };
    let errors: Vec<Value> = problems.iter().map(told).collect();
    let mut first = errors.first().cloned().unwrap_or_else(|| json!({}));
    first["errors"] = errors.into();
    refusal(first, file)
}
