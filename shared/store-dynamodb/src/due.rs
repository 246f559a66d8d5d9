//! The `due` index: who wakes up when.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity, ReturnValue};
use domain::{AccountId, DeliveryKey, Timestamp, wake};
use ports::{Due, DueAccounts, DueKey, DueRow, DueRows, PortError, PortResult, Read};

use crate::item::{Item, Reader, number, text};
use crate::update::Update;
use crate::{Store, Wrote, accounts, failed, media, posts, webhooks};

const PK: &str = "due_pk";
const SK: &str = "due_sk";

/// The two kinds of rows, each swept by one function.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    Posts,
    Accounts,
}

impl Side {
    fn partition(self, partition: u8) -> String {
        let side = match self {
            Self::Posts => 'p',
            Self::Accounts => 'a',
        };
        format!("{side}#{partition:02}")
    }
}

/// A row's place in the index.
pub(crate) struct Keys {
    partition: String,
    sort: String,
}

pub(crate) fn keys(side: Side, bits: u128, pk: &str, at: Timestamp) -> Keys {
    Keys { partition: side.partition(wake::partition(bits)), sort: sort_key(at, pk) }
}

fn sort_key(at: Timestamp, pk: &str) -> String {
    format!("{:013}#{pk}", at.as_millisecond())
}

impl Keys {
    pub(crate) fn set(self, update: Update) -> Update {
        update.set(PK, text(self.partition)).set(SK, text(self.sort))
    }
}

/// Moves a row in the index, or takes it out.
pub(crate) fn put(update: Update, keys: Option<Keys>) -> Update {
    match keys {
        Some(keys) => keys.set(update),
        None => update.remove(PK).remove(SK),
    }
}

pub(crate) fn read(row: &Reader<'_>) -> PortResult<Option<Timestamp>> {
    row.maybe(SK, |row, name| {
        let at = row.text(name)?.split_once('#').and_then(|(at, _)| at.parse().ok());
        at.and_then(|at| Timestamp::from_millisecond(at).ok()).ok_or_else(|| row.unreadable(name))
    })
}

fn key_of(pk: &str) -> Option<DueKey> {
    match pk.split_once('#')? {
        ("post", id) => id.parse().ok().map(DueKey::Post),
        ("media", id) => id.parse().ok().map(DueKey::Media),
        ("endpoint", id) => id.parse().ok().map(DueKey::Endpoint),
        ("delivery", id) => {
            let (endpoint, event) = id.split_once('#')?;
            let key = DeliveryKey { endpoint: endpoint.parse().ok()?, event: event.parse().ok()? };
            Some(DueKey::Delivery(key))
        }
        _ => None,
    }
}

fn pk_of(key: &DueKey) -> String {
    match key {
        DueKey::Post(id) => posts::pk(id),
        DueKey::Media(id) => media::pk(id),
        DueKey::Delivery(key) => webhooks::delivery_pk(key),
        DueKey::Endpoint(id) => webhooks::endpoint_pk(id),
    }
}

impl Store {
    async fn due_on(
        &self,
        side: Side,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> PortResult<Vec<Item>> {
        let partition = side.partition(partition);
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_pk = :partition AND due_sk < :before")
            .expression_attribute_values(":partition", text(&partition))
            .expression_attribute_values(":before", text(format!("{:013}", before.as_millisecond())))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = request.send().await;
        let answer = answer.map_err(|error| failed(format!("look who is due on `{partition}`"), error))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Moves a wake-up that is still the seen one.
    async fn move_due(&self, pk: &str, seen: Timestamp, to: Option<Keys>, counts: bool) -> PortResult<bool> {
        let target = to.as_ref().map(|keys| keys.sort.clone());
        let mut update = put(Update::when("#due_sk = :seen").value("seen", text(sort_key(seen, pk))), to);
        if counts {
            update = update.add("v", number(1));
        }
        match self.update(pk, update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(true),
            // moved there already: perhaps by us, when an answer was lost
            Wrote::Refused(found) => {
                let there = found.and_then(|item| item.get(SK)?.as_s().ok().cloned());
                Ok(there.is_some() && there == target)
            }
        }
    }
}

fn place(item: &Item) -> Option<(&str, Timestamp)> {
    let pk = item.get("pk").map(AttributeValue::as_s)?.ok()?;
    let at = read(&Reader::new(item)).ok()??;
    Some((pk, at))
}

impl DueRows for Store {
    async fn due(&self, partition: u8, before: Timestamp, limit: u32) -> PortResult<Vec<Due<DueKey>>> {
        let found = self.due_on(Side::Posts, partition, before, limit).await?;
        let known = found.iter().filter_map(|item| {
            let (pk, at) = place(item)?;
            let key = key_of(pk);
            if key.is_none() {
                tracing::error!(pk, "a row of an unknown kind is due");
            }
            Some(Due { key: key?, at })
        });
        Ok(known.collect())
    }

    async fn rows(&self, keys: &[DueKey]) -> PortResult<HashMap<DueKey, DueRow>> {
        let found = self.batch(keys.iter().map(pk_of).collect(), Read::Strong).await?;
        let read = |key: &DueKey, item: &Item| -> PortResult<DueRow> {
            Ok(match key {
                DueKey::Post(_) => DueRow::Post(Box::new(posts::read(item)?.row)),
                DueKey::Media(_) => DueRow::Media(Box::new(media::read(item)?.row)),
                DueKey::Delivery(_) => DueRow::Delivery(Box::new(webhooks::read_delivery(item)?.row)),
                DueKey::Endpoint(_) => DueRow::Endpoint(Box::new(webhooks::read_endpoint(item)?.row)),
            })
        };
        let rows = keys.iter().filter_map(|key| match read(key, found.get(&pk_of(key))?) {
            Ok(row) => Some((key.clone(), row)),
            Err(error) => {
                log_unreadable(&error);
                None
            }
        });
        Ok(rows.collect())
    }

    async fn push_back(&self, key: &DueKey, seen: Timestamp, due: Option<Timestamp>) -> PortResult<bool> {
        let pk = pk_of(key);
        let bits = match key {
            DueKey::Post(id) => id.bits(),
            DueKey::Media(id) => id.bits(),
            DueKey::Delivery(key) => key.event.bits(),
            DueKey::Endpoint(id) => id.bits(),
        };
        self.move_due(&pk, seen, due.map(|at| keys(Side::Posts, bits, &pk, at)), true).await
    }
}

/// One row that cannot be read must not hold up the others, and must not go unseen.
pub(crate) fn log_unreadable(error: &PortError) {
    let why = error.source.as_ref().map(ToString::to_string).unwrap_or_default();
    tracing::error!(%error, why, "row left alone");
}

impl DueAccounts for Store {
    async fn due_accounts(
        &self,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> PortResult<Vec<Due<AccountId>>> {
        let found = self.due_on(Side::Accounts, partition, before, limit).await?;
        let known = found.iter().filter_map(|item| {
            let (pk, at) = place(item)?;
            Some(Due { key: pk.strip_prefix("account#")?.parse().ok()?, at })
        });
        Ok(known.collect())
    }

    async fn push_back_account(&self, id: &AccountId, seen: Timestamp, due: Timestamp) -> PortResult<bool> {
        let pk = accounts::pk(id);
        self.move_due(&pk, seen, Some(keys(Side::Accounts, id.bits(), &pk, due)), false).await
    }
}
