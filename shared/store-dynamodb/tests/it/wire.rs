//! The way to DynamoDB: loses answers, and reads off them what each call cost.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_sdk_dynamodb::config::{HttpClient, RuntimeComponents};
use aws_sdk_dynamodb::error::ConnectorError;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use lambda_kit::http::AwsHttpClient;
use serde_json::json;

#[derive(Debug, Clone)]
pub(crate) struct Wire {
    inner: AwsHttpClient,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    losing: bool,
    cut: bool,
    lost_before: bool,
    leave_out: usize,
    lost: usize,
    calls: Vec<Call>,
}

/// A call and what it cost.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) units: f64,
}

impl Wire {
    pub(crate) fn new() -> Self {
        Self { inner: lambda_kit::http::aws_http_client(), state: Arc::default() }
    }

    pub(crate) fn lose_every_first_answer_to_a_write(&self) {
        lock(&self.state).losing = true;
    }

    pub(crate) fn cut(&self) {
        lock(&self.state).cut = true;
    }

    /// Leaves all but the first row out of the next batches, as a busy DynamoDB may.
    pub(crate) fn leave_rows_out_of_the_next(&self, batches: usize) {
        lock(&self.state).leave_out = batches;
    }

    pub(crate) fn lost(&self) -> usize {
        lock(&self.state).lost
    }

    /// The calls since the last time.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut lock(&self.state).calls)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("nobody panics while holding it")
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.connector(settings);
        SharedHttpConnector::new(Connector { inner, state: self.state.clone() })
    }
}

#[derive(Debug)]
struct Connector {
    inner: SharedHttpConnector,
    state: Arc<Mutex<State>>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = operation.rsplit('.').next().unwrap_or_default().to_owned();
        let batch_units = units_of_batch(request.body().bytes().unwrap_or_default());
        let (exchange, state) = (self.inner.call(request), self.state.clone());
        HttpConnectorFuture::new(async move {
            let lost = || ConnectorError::io("the answer is lost".into());
            if lock(&state).cut {
                return Err(lost());
            }
            let mut response = exchange.await?;
            let body = response.take_body().collect().await.map_err(ConnectorError::io)?.to_bytes();
            let mut state = lock(&state);
            if state.losing && operation == "UpdateItem" {
                state.lost_before = !state.lost_before;
                if state.lost_before {
                    state.lost += 1;
                    return Err(lost());
                }
            }
            let mut answer: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            let units = answer["ConsumedCapacity"]["CapacityUnits"].as_f64().or(batch_units);
            let units = units.unwrap_or_default();
            let batch = operation == "BatchGetItem";
            state.calls.push(Call { operation, units });
            if batch && state.leave_out > 0 {
                state.leave_out -= 1;
                leave_rows_out(&mut answer);
                response.headers_mut().remove("content-length");
                *response.body_mut() = SdkBody::from(answer.to_string());
            } else {
                *response.body_mut() = SdkBody::from(body);
            }
            Ok::<HttpResponse, _>(response)
        })
    }
}

/// The emulator does not say what a batch costs: half a unit for each key, or one if the read is strong. (No row of ours has
/// more than 4 kB.)
fn units_of_batch(request: &[u8]) -> Option<f64> {
    let request: serde_json::Value = serde_json::from_slice(request).ok()?;
    let tables = request["RequestItems"].as_object()?;
    let keys = |table: &serde_json::Value| {
        let strong = table["ConsistentRead"].as_bool().unwrap_or_default();
        let each = if strong { 1.0 } else { 0.5 };
        each * table["Keys"].as_array().into_iter().flatten().fold(0.0, |count, _| count + 1.0)
    };
    Some(tables.values().map(keys).sum())
}

fn leave_rows_out(answer: &mut serde_json::Value) {
    let tables = answer["Responses"].as_object_mut().expect("an answer to a batch");
    let mut left = serde_json::Map::new();
    for (table, rows) in tables {
        let rows = rows.as_array_mut().expect("rows");
        let keys: Vec<_> = rows.drain(rows.len().min(1)..).map(|row| json!({ "pk": row["pk"] })).collect();
        if !keys.is_empty() {
            left.insert(table.clone(), json!({ "Keys": keys }));
        }
    }
    answer["UnprocessedKeys"] = left.into();
}
