//! An emulated DynamoDB with the template's table.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType,
    Projection, ProjectionType, ScalarAttributeType,
};
use ministack::Ministack;
use store_dynamodb::Store;

use crate::wire::Wire;

pub(crate) const TABLE: &str = "slipway-test";

pub(crate) struct Table {
    pub(crate) store: Store,
    pub(crate) client: Client,
    pub(crate) wire: Wire,
    _ministack: Ministack,
}

pub(crate) async fn table() -> Table {
    let ministack = Ministack::start().expect("MiniStack starts");
    let wire = Wire::new();
    let retries = lambda_kit::aws::retries().with_initial_backoff(Duration::from_millis(1));
    let config = ministack.sdk_config().into_builder().http_client(wire.clone()).retry_config(retries);
    let client = Client::new(&config.build());
    let text = |name| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .expect("complete")
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("complete")
    };
    let index = |name: &str| {
        GlobalSecondaryIndex::builder()
            .index_name(name)
            .key_schema(key(&format!("{name}_pk"), KeyType::Hash))
            .key_schema(key(&format!("{name}_sk"), KeyType::Range))
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()
            .expect("complete")
    };
    let attributes = ["pk", "due_pk", "due_sk", "list_pk", "list_sk"].map(text).to_vec();
    client
        .create_table()
        .table_name(TABLE)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(attributes))
        .key_schema(key("pk", KeyType::Hash))
        .global_secondary_indexes(index("due"))
        .global_secondary_indexes(index("list"))
        .send()
        .await
        .expect("the table is made");
    Table { store: Store::new(client.clone(), TABLE.to_owned()), client, wire, _ministack: ministack }
}

impl Table {
    pub(crate) async fn raw(&self, pk: &str) -> HashMap<String, AttributeValue> {
        let row = self.client.get_item().table_name(TABLE).key("pk", AttributeValue::S(pk.to_owned()));
        row.consistent_read(true).send().await.expect("the table answers").item.expect("the row is there")
    }

    /// Writes one attribute of a row behind the store's back.
    pub(crate) async fn meddle(&self, pk: &str, name: &str, value: AttributeValue) {
        self.client
            .update_item()
            .table_name(TABLE)
            .key("pk", AttributeValue::S(pk.to_owned()))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .expect("the table answers");
    }
}
