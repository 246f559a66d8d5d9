#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

mod accounts;
mod app;
mod codec;
mod connections;
mod creators;
mod due;
mod guards;
mod item;
mod keys;
mod lists;
mod media;
mod notices;
mod posts;
mod update;
mod webhooks;

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, KeysAndAttributes, ReturnConsumedCapacity, ReturnValue,
    ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use ports::{PortError, PortResult, Read};

use crate::item::Item;
use crate::update::{Parts, Update};

/// `BatchGetItem` takes this many keys.
const BATCH: usize = 100;
/// A batch that DynamoDB answers in part is asked for the rest this often.
const BATCH_TRIES: u32 = 6;
const BATCH_WAIT: Duration = Duration::from_millis(25);

/// The table. Clones share the client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    table: String,
}

/// What a conditional write came to.
enum Wrote {
    /// It took effect; the row as it was or is, where that was asked for.
    Done(Item),
    /// The condition failed on this row, or on none.
    Refused(Option<Item>),
}

impl Store {
    /// The rows of `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    async fn get(&self, pk: String, read: Read) -> PortResult<Option<Item>> {
        let what = || format!("read row `{pk}`");
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk.clone()))
            .consistent_read(read == Read::Strong)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        Ok(request.send().await.map_err(|error| failed(what(), error))?.item)
    }

    /// A row that is read cheaply, and for certain before it is said to be missing.
    async fn find(&self, pk: String) -> PortResult<Option<Item>> {
        match self.get(pk.clone(), Read::Eventual).await? {
            None => self.get(pk, Read::Strong).await,
            found => Ok(found),
        }
    }

    /// Rows by their keys; what is missing is left out.
    async fn batch(&self, pks: Vec<String>, read: Read) -> PortResult<HashMap<String, Item>> {
        let mut found = HashMap::with_capacity(pks.len());
        for chunk in pks.chunks(BATCH) {
            let mut wanted = chunk
                .iter()
                .fold(KeysAndAttributes::builder().consistent_read(read == Read::Strong), |keys, pk| {
                    keys.keys(item::key(pk))
                })
                .build()
                .map_err(|error| PortError::refused("name the rows to read", error))?;
            let mut tries = 0;
            loop {
                let answer = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await
                    .map_err(|error| {
                        failed(format!("read {} rows, `{}` first", chunk.len(), chunk[0]), error)
                    })?;
                for item in answer.responses.into_iter().flatten().flat_map(|(_, items)| items) {
                    if let Some(AttributeValue::S(pk)) = item.get("pk") {
                        found.insert(pk.clone(), item);
                    }
                }
                let left = answer.unprocessed_keys.into_iter().flatten().next();
                let Some((_, left)) = left.filter(|(_, left)| !left.keys().is_empty()) else { break };
                tries += 1;
                if tries == BATCH_TRIES {
                    let what = format!("read {} rows, `{}` first", chunk.len(), chunk[0]);
                    return Err(PortError::passing(what, LeftOver(left.keys().len())));
                }
                tokio::time::sleep(BATCH_WAIT * 2_u32.pow(tries - 1)).await;
                wanted = left;
            }
        }
        Ok(found)
    }

    async fn update(&self, pk: &str, update: Update, returns: ReturnValue) -> PortResult<Wrote> {
        let Parts { expression, condition, names, values } = update.parts();
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(returns)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(answer) => Ok(Wrote::Done(answer.attributes.unwrap_or_default())),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                let UpdateItemError::ConditionalCheckFailedException(refusal) = error.into_err() else {
                    return Ok(Wrote::Refused(None));
                };
                Ok(Wrote::Refused(refusal.item.filter(|item| !item.is_empty())))
            }
            Err(error) => Err(failed(format!("write row `{pk}`"), error)),
        }
    }

    /// Two rows, both or neither. The second one has no condition: a refusal is the first one's.
    async fn update_both(&self, first: (&str, Update), second: (&str, Update)) -> PortResult<Wrote> {
        let what = format!("write rows `{}` and `{}`", first.0, second.0);
        let item = |(pk, update): (&str, Update)| {
            let Parts { expression, condition, names, values } = update.parts();
            let update = aws_sdk_dynamodb::types::Update::builder()
                .table_name(&self.table)
                .key("pk", AttributeValue::S(pk.to_owned()))
                .update_expression(expression)
                .set_condition_expression(condition)
                .set_expression_attribute_names(Some(names))
                .set_expression_attribute_values((!values.is_empty()).then_some(values))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
                .build();
            let update = update.map_err(|error| PortError::refused("name what to write", error))?;
            PortResult::Ok(TransactWriteItem::builder().update(update).build())
        };
        let request = self
            .client
            .transact_write_items()
            .transact_items(item(first)?)
            .transact_items(item(second)?)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        match request.send().await {
            Ok(_) => Ok(Wrote::Done(Item::default())),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), TransactWriteItemsError::TransactionCanceledException(_)) =>
            {
                let TransactWriteItemsError::TransactionCanceledException(cancelled) = error.into_err()
                else {
                    return Ok(Wrote::Refused(None));
                };
                let reasons = cancelled.cancellation_reasons.unwrap_or_default();
                let refused = reasons.first().filter(|reason| reason.code() == Some(CONDITION_FAILED));
                if let Some(reason) = refused {
                    return Ok(Wrote::Refused(reason.item.clone().filter(|item| !item.is_empty())));
                }
                // another write of the same row at the same moment, or throttling
                let codes = reasons.iter().map(|reason| reason.code().unwrap_or("?").to_owned());
                Err(PortError::passing(what, Cancelled(codes.collect::<Vec<_>>().join(", "))))
            }
            Err(error) => Err(failed(what, error)),
        }
    }
}

/// What a transaction says of a row whose condition did not hold.
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

/// DynamoDB would not write several rows at once.
#[derive(Debug, thiserror::Error)]
#[error("the transaction was cancelled: {0}")]
struct Cancelled(String);

/// DynamoDB left keys of a batch unread again and again.
#[derive(Debug, thiserror::Error)]
#[error("{0} rows were left out again and again")]
struct LeftOver(usize);

/// Error codes that stand until somebody changes permissions, the table or this code.
const REFUSALS: [&str; 8] = [
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "SerializationException",
    "UnrecognizedClientException",
    "ValidationException",
];

fn failed<E>(what: String, error: SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let ours = matches!(error, SdkError::ConstructionFailure(_));
    let refused = ours || error.code().is_some_and(|code| REFUSALS.contains(&code));
    // the service's words without the response they came in
    let source: Box<dyn std::error::Error + Send + Sync> = match error {
        SdkError::ServiceError(error) => Box::new(error.into_err()),
        error => Box::new(error),
    };
    PortError { what, source: Some(source), refused }
}
