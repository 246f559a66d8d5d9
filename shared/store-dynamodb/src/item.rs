//! Items of the table: building them and reading them back.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Nonce, Timestamp};
use ports::{PortError, PortResult};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// A row that this version cannot read. It is left alone: a newer version wrote it, or a person did.
#[derive(Debug, thiserror::Error)]
#[error("attribute `{attribute}` is missing, or says what this version does not know")]
pub(crate) struct Unreadable {
    attribute: &'static str,
}

pub(crate) fn key(pk: &str) -> Item {
    HashMap::from([("pk".to_owned(), AttributeValue::S(pk.to_owned()))])
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn millis(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

pub(crate) fn binary(bytes: impl Into<Vec<u8>>) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(crate) fn nonce(nonce: Nonce) -> AttributeValue {
    binary(nonce.bits().to_be_bytes())
}

/// A value as serde writes it, for what is read and written as a whole.
pub(crate) fn document(value: &impl Serialize) -> PortResult<AttributeValue> {
    serde_dynamo::to_attribute_value(value).map_err(|error| PortError::refused("write a row", error))
}

/// Reads attributes; every error names the row and the attribute.
pub(crate) struct Reader<'a> {
    item: &'a Item,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(item: &'a Item) -> Self {
        Self { item }
    }

    pub(crate) fn unreadable(&self, attribute: &'static str) -> PortError {
        let pk = self.opt_text("pk").unwrap_or_default();
        PortError::refused(format!("read row `{pk}`"), Unreadable { attribute })
    }

    pub(crate) fn has(&self, name: &'static str) -> bool {
        self.item.contains_key(name)
    }

    fn opt_text(&self, name: &'static str) -> Option<&'a str> {
        self.item.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(crate) fn text(&self, name: &'static str) -> PortResult<&'a str> {
        self.opt_text(name).ok_or_else(|| self.unreadable(name))
    }

    /// A text in its own form: an id, a privacy level.
    pub(crate) fn parsed<T: FromStr>(&self, name: &'static str) -> PortResult<T> {
        self.text(name)?.parse().map_err(|_| self.unreadable(name))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> PortResult<T> {
        let number = self.item.get(name).and_then(|value| value.as_n().ok());
        number.and_then(|number| number.parse().ok()).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn time(&self, name: &'static str) -> PortResult<Timestamp> {
        Timestamp::from_millisecond(self.number(name)?).map_err(|_| self.unreadable(name))
    }

    pub(crate) fn bytes(&self, name: &'static str) -> PortResult<&'a [u8]> {
        let blob = self.item.get(name).and_then(|value| value.as_b().ok());
        blob.map(AsRef::as_ref).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn array<const N: usize>(&self, name: &'static str) -> PortResult<[u8; N]> {
        self.bytes(name)?.try_into().map_err(|_| self.unreadable(name))
    }

    pub(crate) fn nonce(&self, name: &'static str) -> PortResult<Nonce> {
        Ok(Nonce::from_bits(u128::from_be_bytes(self.array(name)?)))
    }

    /// Whether the row bears this nonce: a write that failed on its own condition is ours.
    pub(crate) fn bears(&self, name: &'static str, nonce: Nonce) -> bool {
        self.nonce(name).is_ok_and(|found| found == nonce)
    }

    pub(crate) fn list(&self, name: &'static str) -> PortResult<&'a [AttributeValue]> {
        let list = self.item.get(name).and_then(|value| value.as_l().ok());
        list.map(Vec::as_slice).ok_or_else(|| self.unreadable(name))
    }

    pub(crate) fn flag(&self, name: &'static str) -> bool {
        self.item.get(name).is_some_and(|value| value.as_bool() == Ok(&true))
    }

    pub(crate) fn texts(&self, name: &'static str) -> PortResult<&'a [String]> {
        match self.item.get(name) {
            None => Ok(&[]),
            Some(AttributeValue::Ss(texts)) => Ok(texts),
            Some(_) => Err(self.unreadable(name)),
        }
    }

    pub(crate) fn document<T: DeserializeOwned>(&self, name: &'static str) -> PortResult<T> {
        let value = self.item.get(name).cloned().ok_or_else(|| self.unreadable(name))?;
        serde_dynamo::from_attribute_value(value).map_err(|_| self.unreadable(name))
    }

    /// Reads an attribute that may be absent.
    pub(crate) fn maybe<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> PortResult<T>,
    ) -> PortResult<Option<T>> {
        self.has(name).then(|| read(self, name)).transpose()
    }
}
