//! Reads a JSON body field by field and collects everything that is wrong with it.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Problem, Timestamp};
use serde_json::{Map, Value};

use crate::answer::Ask;

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Problems(Mutex<Vec<Problem>>);

impl Problems {
    pub(crate) fn push(&self, problem: Problem) {
        self.found().push(problem);
    }

    /// Adds what does not lie in, or around, a field that has a problem already: it would be a guess.
    pub(crate) fn add(&self, more: impl IntoIterator<Item = Problem>) {
        for problem in more {
            if !self.covers(&problem.param) {
                self.push(problem);
            }
        }
    }

    /// Whether this field, or one around it, has a problem.
    pub(crate) fn covers(&self, param: &str) -> bool {
        self.found().iter().any(|known| {
            param
                .strip_prefix(known.param.as_str())
                .is_some_and(|rest| !known.param.is_empty() && (rest.is_empty() || rest.starts_with('/')))
        })
    }

    /// A query parameter that nobody reads here.
    pub(crate) fn unknown_parameter(&self, name: &str, remedy: &str) {
        let name: String = name.chars().take(80).collect();
        self.push(Problem::new(
            format!("/{name}"),
            "field.unknown",
            format!("there is no query parameter `{name}` here"),
            remedy,
        ));
    }

    /// The `Idempotency-Key` of a route that does without one.
    pub(crate) fn idempotency_key(&self, ask: &Ask) -> Option<String> {
        ask.idempotency_key().unwrap_or_else(|problem| {
            self.push(problem);
            None
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found().is_empty()
    }

    pub(crate) fn take(&self) -> Vec<Problem> {
        std::mem::take(&mut *self.found())
    }

    fn found(&self) -> MutexGuard<'_, Vec<Problem>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The body's fields. A body that is no object is one problem.
    pub(crate) fn body<'a>(&'a self, value: &'a Value) -> Fields<'a> {
        Fields::of(String::new(), Some(value), self)
    }
}

/// The fields of one object. Absent and `null` are the same.
pub(crate) struct Fields<'a> {
    at: String,
    map: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    fn of(at: String, value: Option<&'a Value>, problems: &'a Problems) -> Self {
        let map = match value {
            None | Some(Value::Null) if !at.is_empty() => None,
            None => None,
            Some(Value::Object(map)) => Some(map),
            Some(other) => {
                problems.push(wrong_type(&at, other, "an object"));
                None
            }
        };
        Self { at, map, known: Vec::new(), problems }
    }

    pub(crate) fn is_there(&self) -> bool {
        self.map.is_some()
    }

    pub(crate) fn pointer(&self, name: &str) -> String {
        format!("{}/{}", self.at, name.replace('~', "~0").replace('/', "~1"))
    }

    /// Whether an object stands there, for fields that may be said in two ways.
    pub(crate) fn holds_object(&self, name: &str) -> bool {
        self.map.is_some_and(|map| map.get(name).is_some_and(Value::is_object))
    }

    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.map?.get(name).filter(|value| !value.is_null())
    }

    fn wrong(&self, name: &str, found: &Value, wanted: &str) {
        self.problems.push(wrong_type(&self.pointer(name), found, wanted));
    }

    /// Says that the field has to be there, unless the object around it is missing altogether.
    pub(crate) fn require(&self, name: &str, remedy: &str) {
        if self.map.is_some() {
            self.problems.push(Problem::new(
                self.pointer(name),
                "field.required",
                format!("`{name}` is missing"),
                remedy,
            ));
        }
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        match self.get(name)? {
            Value::String(text) => Some(text),
            other => {
                self.wrong(name, other, "a string");
                None
            }
        }
    }

    pub(crate) fn required_text(&mut self, name: &'static str, remedy: &str) -> Option<&'a str> {
        if self.get(name).is_none() {
            self.require(name, remedy);
        }
        self.text(name)
    }

    /// A text that must be one of these words.
    pub(crate) fn word(&mut self, name: &'static str, words: &[&str], remedy: &str) -> Option<&'a str> {
        let text = self.text(name)?;
        if words.contains(&text) {
            return Some(text);
        }
        let found: String = text.chars().take(80).collect();
        self.problems.push(Problem::new(
            self.pointer(name),
            format!("{name}.unsupported"),
            format!("`{found}` is not supported, only `{}`", words.join("`, `")),
            remedy,
        ));
        None
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> bool {
        match self.get(name) {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(other) => {
                self.wrong(name, other, "true or false");
                false
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn number(&mut self, name: &'static str, least: u64, most: u64) -> Option<u64> {
        let value = self.get(name)?;
        if !value.is_number() {
            self.wrong(name, value, "a whole number");
            return None;
        }
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.problems.push(Problem::new(
                self.pointer(name),
                "field.range",
                format!("`{name}` is {value}, it must be a whole number from {least} to {most}"),
                "correct the number",
            ));
        }
        number
    }

    /// An id of ours.
    pub(crate) fn id<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &'static str) -> Option<T> {
        let text = self.text(name)?;
        match text.parse() {
            Ok(id) => Some(id),
            Err(error) => {
                self.problems.push(Problem::new(
                    self.pointer(name),
                    "id.format",
                    error.to_string(),
                    "send the id as this API gave it",
                ));
                None
            }
        }
    }

    pub(crate) fn required_id<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        name: &'static str,
        remedy: &str,
    ) -> Option<T> {
        if self.get(name).is_none() {
            self.require(name, remedy);
        }
        self.id(name)
    }

    pub(crate) fn object(&mut self, name: &'static str) -> Fields<'a> {
        let value = self.get(name);
        Fields::of(self.pointer(name), value, self.problems)
    }

    /// The objects of a list. `None`: it is absent.
    pub(crate) fn objects(&mut self, name: &'static str) -> Option<Vec<Fields<'a>>> {
        let value = self.get(name)?;
        let Value::Array(items) = value else {
            self.wrong(name, value, "a list");
            return Some(Vec::new());
        };
        let at = self.pointer(name);
        let fields = |(index, item)| Fields::of(format!("{at}/{index}"), Some(item), self.problems);
        Some(items.iter().enumerate().map(fields).collect())
    }

    /// The texts of a list of 1 to `most`, each with its pointer; what is no text is left out. `None`: it is absent.
    pub(crate) fn texts(&mut self, name: &'static str, most: usize) -> Option<Vec<(String, &'a str)>> {
        let value = self.get(name)?;
        let Value::Array(items) = value else {
            self.wrong(name, value, "a list");
            return Some(Vec::new());
        };
        let at = self.pointer(name);
        if items.is_empty() || items.len() > most {
            let detail = format!("`{name}` has {} entries, it must have 1 to {most}", items.len());
            self.problems.push(Problem::new(at, "field.length", detail, "send each entry once"));
            return Some(Vec::new());
        }
        let texts = items.iter().enumerate().filter_map(|(index, item)| {
            let at = format!("{at}/{index}");
            let Value::String(text) = item else {
                self.problems.push(wrong_type(&at, item, "a string"));
                return None;
            };
            Some((at, text.as_str()))
        });
        Some(texts.collect())
    }

    /// A time that says where it is meant; whole milliseconds, as rows keep it.
    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = text.parse::<Timestamp>().ok();
        let time = time.and_then(|time| Timestamp::from_millisecond(time.as_millisecond()).ok());
        if time.is_none() {
            self.problems.push(not_a_time(self.pointer(name), text));
        }
        time
    }

    /// Every field that nobody has asked for is a problem.
    pub(crate) fn done(self) {
        for name in self.map.into_iter().flat_map(Map::keys) {
            if !self.known.contains(&name.as_str()) {
                let short: String = name.chars().take(80).collect();
                self.problems.push(Problem::new(
                    self.pointer(&short),
                    "field.unknown",
                    format!("there is no field `{short}` here"),
                    format!("leave it out; the fields are `{}`", self.known_once().join("`, `")),
                ));
            }
        }
    }

    fn known_once(&self) -> Vec<&'static str> {
        let mut names = self.known.clone();
        names.sort_unstable();
        names.dedup();
        names
    }
}

pub(crate) fn not_a_time(param: String, text: &str) -> Problem {
    let found: String = text.chars().take(80).collect();
    Problem::new(
        param,
        "time.format",
        format!("`{found}` is not a time of RFC 3339 with its offset"),
        "send a time such as `2027-01-31T18:00:00+02:00` or `2027-01-31T16:00:00Z`",
    )
}

fn wrong_type(at: &str, found: &Value, wanted: &str) -> Problem {
    let kind = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    let name = if at.is_empty() { "the body" } else { at.rsplit('/').next().unwrap_or(at) };
    Problem::new(
        at,
        "field.type",
        format!("`{name}` is {kind}, it must be {wanted}"),
        format!("send {wanted}"),
    )
}

/// JSON with sorted keys and no blanks: the same body whatever wrote it.
pub(crate) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (index, (name, item)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write_canonical(item, text);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mistake_is_named_by_its_pointer_at_once() {
        let body = json!({ "a": 1, "b": { "c": "x", "d/e": true }, "f": 3 });
        let problems = Problems::default();
        let mut fields = problems.body(&body);
        assert_eq!(None, fields.text("a"));
        let mut inner = fields.object("b");
        assert!(!inner.boolean("c"));
        inner.done();
        assert_eq!(None, fields.number("f", 4, 9));
        assert_eq!(None, fields.required_text("g", "send it"));
        fields.done();
        let found: Vec<_> =
            problems.take().into_iter().map(|problem| (problem.param, problem.rule)).collect();
        let expected = [
            ("/a", "field.type"),
            ("/b/c", "field.type"),
            ("/b/d~1e", "field.unknown"),
            ("/f", "field.range"),
            ("/g", "field.required"),
        ];
        assert_eq!(expected.map(|(param, rule)| (param.to_owned(), rule.to_owned())).to_vec(), found);
    }

    #[test]
    fn order_and_blanks_make_no_other_body() {
        let one: Value = serde_json::from_str(r#"{"b":[1,{"y":2,"x":"é"}],"a":null}"#).unwrap();
        let other: Value =
            serde_json::from_str("{ \"a\": null, \"b\": [1, {\"x\":\"\\u00e9\",\"y\":2}] }").unwrap();
        assert_eq!(canonical(&one), canonical(&other));
        assert_eq!(r#"{"a":null,"b":[1,{"x":"é","y":2}]}"#, canonical(&one));
    }
}
