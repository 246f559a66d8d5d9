use std::cell::Cell;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use lambda_kit::batch::{Failure, Message, QueueOr, SqsEvent, batch_handler, batch_handler_at_most};
use lambda_kit::lambda_runtime::tracing::subscriber as tracing_subscriber;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Deserialize, PartialEq)]
struct Job {
    post: u32,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Sweep {
    sweep: String,
}

fn record(id: &str, body: &str) -> Value {
    json!({
        "messageId": id, "receiptHandle": "r", "body": body, "md5OfBody": "m",
        "attributes": {
            "ApproximateReceiveCount": "3", "SentTimestamp": "1790000000123", "SenderId": "AIDA",
            "ApproximateFirstReceiveTimestamp": "1790000000124", "MessageGroupId": "wsp_1"
        },
        "messageAttributes": {}, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:publish", "awsRegion": "us-east-1"
    })
}

fn event(records: impl IntoIterator<Item = Value>) -> SqsEvent {
    serde_json::from_value(json!({ "Records": records.into_iter().collect::<Vec<_>>() })).unwrap()
}

async fn judge(message: Message) -> Result<(), Failure> {
    let job: Job = message.json()?;
    tokio::task::yield_now().await;
    match job.post {
        0 => Err(Failure::retry(io::Error::other("table is throttled"))),
        1 => panic!("post 1 of {}", message.body),
        _ => Ok(()),
    }
}

#[tokio::test]
async fn a_bad_message_fails_alone_whether_it_errs_panics_or_cannot_be_read() {
    let bodies = [r#"{"post":7}"#, r#"{"post":0}"#, "not json", r#"{"post":1}"#, r#"{"post":8}"#];
    let records = bodies.iter().enumerate().map(|(index, body)| record(&format!("m{index}"), body));
    let response = batch_handler(event(records), judge).await;
    assert_eq!(
        serde_json::to_value(response).unwrap(),
        json!({ "batchItemFailures": [
            { "itemIdentifier": "m1" }, { "itemIdentifier": "m2" }, { "itemIdentifier": "m3" }
        ]})
    );
}

#[tokio::test]
async fn an_empty_batch_succeeds() {
    assert!(batch_handler(event([]), judge).await.batch_item_failures.is_empty());
}

#[tokio::test]
async fn messages_are_handled_together_up_to_the_limit() {
    for (limit, expected) in [(1, 1), (2, 2), (usize::MAX, 4)] {
        let (running, most) = (Cell::new(0), Cell::new(0));
        let records = (0..4).map(|index| record(&format!("m{index}"), "{}"));
        let response = batch_handler_at_most(NonZeroUsize::new(limit).unwrap(), event(records), async |_| {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            tokio::task::yield_now().await;
            running.set(running.get() - 1);
            Ok(())
        })
        .await;
        assert!(response.batch_item_failures.is_empty());
        assert_eq!(most.get(), expected);
    }
}

#[tokio::test]
async fn a_message_carries_what_the_queue_knows_of_it() {
    let seen = Cell::new(None);
    batch_handler(event([record("m1", "{}")]), async |message| {
        seen.set(Some(message));
        Ok(())
    })
    .await;
    let expected = Message {
        id: "m1".to_owned(),
        body: "{}".to_owned(),
        receive_count: 3,
        sent_at: Some(Timestamp::from_millisecond(1_790_000_000_123).unwrap()),
        group: Some("wsp_1".to_owned()),
    };
    assert_eq!(seen.take(), Some(expected));
}

#[tokio::test]
async fn a_record_without_anything_still_fails_as_a_message() {
    let response = batch_handler(event([json!({})]), judge).await;
    assert_eq!(response.batch_item_failures.len(), 1);
    assert_eq!(response.batch_item_failures[0].item_identifier, "");
}

#[test]
fn an_event_is_a_batch_if_it_has_records_and_a_schedule_otherwise() {
    let queue: QueueOr<Sweep> = serde_json::from_value(json!({ "Records": [record("m1", "{}")] })).unwrap();
    assert!(matches!(queue, QueueOr::Queue(event) if event.records.len() == 1));
    let clock: QueueOr<Sweep> = serde_json::from_value(json!({ "sweep": "posts" })).unwrap();
    assert_eq!(clock, QueueOr::Other(Sweep { sweep: "posts".to_owned() }));
    let error = serde_json::from_value::<QueueOr<Sweep>>(json!({ "swep": "posts" })).unwrap_err();
    assert!(error.to_string().contains("sweep"), "{error}");
}

#[tokio::test]
async fn each_failure_is_logged_once_with_its_message_id_and_without_the_body() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard =
        lambda_kit::lambda_runtime::tracing::subscriber::util::SubscriberInitExt::set_default(subscriber);

    let bodies =
        [r#"{"post":0,"caption":"hunter2"}"#, r#"{"post":"hunter2"}"#, r#"{"post":1,"x":"hunter2"}"#];
    let records = bodies.iter().enumerate().map(|(index, body)| record(&format!("m{index}"), body));
    batch_handler(event(records), judge).await;

    let text = log.text();
    for (id, what) in [("m0", "table is throttled"), ("m1", "Data error at line 1"), ("m2", "panicked")] {
        let lines: Vec<_> =
            text.lines().filter(|line| line.contains(&format!("message_id=\"{id}\""))).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].contains(what), "{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn the_debug_of_a_message_leaves_its_body_out() {
    let record = serde_json::from_value::<SqsEvent>(json!({ "Records": [record("m1", "hunter2")] })).unwrap();
    let message = Message::from(record.records[0].clone());
    let shown = format!("{message:?}");
    assert!(shown.contains("m1") && !shown.contains("hunter2"), "{shown}");
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
