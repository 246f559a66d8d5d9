//! Bodies in JSON: what is there, of which type, and nothing besides.

use serde_json::{Map, Value};

use crate::world::Refusal;

/// The fields of a JSON object that are not there by mistake.
pub(crate) struct Fields<'a> {
    of: &'static str,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn at(body: &'a Value, of: &'static str) -> Result<Self, Refusal> {
        let found = body.get(of).and_then(Value::as_object);
        let map = found.ok_or_else(|| Refusal::invalid_params(format!("{of} is empty or incorrect")))?;
        Ok(Self { of, map })
    }

    /// All of the body.
    pub(crate) fn of_body(body: &'a Value) -> Result<Self, Refusal> {
        let map = body.as_object().ok_or_else(|| Refusal::invalid_params("The request body is no object"))?;
        Ok(Self { of: "body", map })
    }

    pub(crate) fn only(&self, known: &[&str]) -> Result<(), Refusal> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(Refusal::invalid_params(format!("{}.{key} is unknown", self.of))),
            None => Ok(()),
        }
    }

    pub(crate) fn wrong(&self, name: &str, rule: &str) -> Refusal {
        Refusal::invalid_params(format!("{}.{name} {rule}", self.of))
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a str>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "is not a string")),
        }
    }

    /// Counted in UTF-16 code units; an absent one is empty.
    pub(crate) fn text_of_at_most(&self, name: &str, most: usize) -> Result<&'a str, Refusal> {
        let text = self.text(name)?.unwrap_or_default();
        if text.encode_utf16().count() > most {
            return Err(self.wrong(name, &format!("is longer than {most} UTF-16 code units")));
        }
        Ok(text)
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        match self.map.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong(name, "is not a boolean")),
        }
    }

    pub(crate) fn int32(&self, name: &str) -> Result<Option<i32>, Refusal> {
        let number = self.int64(name)?.map(i32::try_from).transpose();
        number.map_err(|_| self.wrong(name, "is not an int32"))
    }

    /// A list of texts, which must be there.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<&'a str>, Refusal> {
        let list = self.map.get(name).and_then(Value::as_array);
        let texts = list.and_then(|list| list.iter().map(Value::as_str).collect());
        texts.ok_or_else(|| self.wrong(name, "is not a list of strings"))
    }

    pub(crate) fn int64(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.map.get(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| self.wrong(name, "is not an integer"))
    }
}
