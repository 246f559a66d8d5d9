//! One update of a row: what is set, what is removed, and what must hold.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;

/// Attributes are named by themselves with `#` in front, so that no reserved word gets in the way; the value to set an
/// attribute to is its name with `:` in front, and conditions add values of their own.
#[derive(Default)]
pub(crate) struct Update {
    sets: Vec<String>,
    removes: Vec<&'static str>,
    adds: Vec<&'static str>,
    condition: Option<&'static str>,
    values: BTreeMap<String, AttributeValue>,
}

impl Update {
    pub(crate) fn when(condition: &'static str) -> Self {
        Self { condition: Some(condition), ..Self::default() }
    }

    /// For rows of which the last writer wins.
    pub(crate) fn always() -> Self {
        Self::default()
    }

    /// A value that the condition names.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    pub(crate) fn set(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{name} = :{name}"));
        self.value(name, value)
    }

    /// Sets an attribute of a row that does not have it.
    pub(crate) fn set_first(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.sets.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
        self.value(name, value)
    }

    pub(crate) fn remove(mut self, name: &'static str) -> Self {
        self.removes.push(name);
        self
    }

    /// Sets an attribute, or removes it.
    pub(crate) fn put(self, name: &'static str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    pub(crate) fn put_all(
        self,
        attributes: impl IntoIterator<Item = (&'static str, Option<AttributeValue>)>,
    ) -> Self {
        attributes.into_iter().fold(self, |update, (name, value)| update.put(name, value))
    }

    /// Adds to a number or to a set.
    pub(crate) fn add(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.adds.push(name);
        self.value(name, value)
    }

    fn expression(&self) -> String {
        let removes = self.removes.iter().map(|name| format!("#{name}"));
        let adds = self.adds.iter().map(|name| format!("#{name} :{name}"));
        let clause = |verb, parts: Vec<String>| {
            if parts.is_empty() { None } else { Some(format!("{verb} {}", parts.join(", "))) }
        };
        let clauses = [
            clause("SET", self.sets.clone()),
            clause("REMOVE", removes.collect()),
            clause("ADD", adds.collect()),
        ];
        clauses.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// The expressions as the API wants them.
    pub(crate) fn parts(self) -> Parts {
        let expression = self.expression();
        let placeholders = |text: &str| {
            let words =
                text.split(|char: char| !(char.is_ascii_alphanumeric() || char == '_' || char == '#'));
            words
                .filter_map(|word| Some((word.to_owned(), word.strip_prefix('#')?.to_owned())))
                .collect::<Vec<_>>()
        };
        let mut names = placeholders(&expression);
        names.extend(placeholders(self.condition.unwrap_or_default()));
        Parts {
            expression,
            condition: self.condition.map(str::to_owned),
            names: names.into_iter().collect(),
            values: self.values.into_iter().collect(),
        }
    }
}

/// An update in the API's own form.
pub(crate) struct Parts {
    pub(crate) expression: String,
    pub(crate) condition: Option<String>,
    pub(crate) names: HashMap<String, String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

#[cfg(test)]
impl Update {
    /// The row that this update makes of none.
    pub(crate) fn into_row(self, pk: &str) -> crate::item::Item {
        let values = self.values.into_iter().map(|(name, value)| (name[1..].to_owned(), value));
        crate::item::key(pk).into_iter().chain(values).collect()
    }
}
