//! The `list` index: a workspace's rows, newest first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::ReturnConsumedCapacity;
use ports::{Page, PortResult, Read, cursor};

use crate::due::log_unreadable;
use crate::item::{Item, text};
use crate::{Store, failed};

impl Store {
    pub(crate) async fn page<T>(
        &self,
        list: String,
        cursor: Option<&str>,
        limit: u32,
        read: impl Fn(&Item) -> PortResult<T>,
    ) -> PortResult<Page<T>> {
        let before = cursor.map(cursor::decode).transpose()?;
        let mut values = HashMap::from([(":list".to_owned(), text(&list))]);
        let condition = match before {
            Some(before) => {
                values.insert(":before".to_owned(), text(before));
                "list_pk = :list AND list_sk < :before"
            }
            None => "list_pk = :list",
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("list")
            .key_condition_expression(condition)
            .set_expression_attribute_values(Some(values))
            .scan_index_forward(false)
            // one more tells whether there is another page
            .limit(i32::try_from(limit.saturating_add(1)).unwrap_or(i32::MAX))
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .send()
            .await
            .map_err(|error| failed(format!("list `{list}`"), error))?;
        let mut places: Vec<_> = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|item| {
                let attribute = |name| item.get(name)?.as_s().ok().cloned();
                Some((attribute("pk")?, attribute("list_sk")?))
            })
            .collect();
        let more = places.len() > limit;
        places.truncate(limit);
        let next_cursor = places.last().filter(|_| more).map(|(_, place)| cursor::encode(place));
        let found = if places.is_empty() {
            HashMap::new()
        } else {
            self.batch(places.iter().map(|(pk, _)| pk.clone()).collect(), Read::Eventual).await?
        };
        let rows = places.iter().filter_map(|(pk, _)| match read(found.get(pk)?) {
            Ok(row) => Some(row),
            Err(error) => {
                log_unreadable(&error);
                None
            }
        });
        Ok(Page { rows: rows.collect(), next_cursor })
    }
}
