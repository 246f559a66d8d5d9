use serde_json::json;
use webhook_deliver::{Incoming, signature};

#[test]
fn a_batch_of_the_stream_is_the_events_that_are_new() {
    let record = |name: &str, pk: &str| {
        json!({
            "eventID": "1", "eventName": name, "eventVersion": "1.1", "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_795_000_000.0,
                "Keys": { "pk": { "S": pk } }, "SequenceNumber": "111", "SizeBytes": 26, "StreamViewType": "KEYS_ONLY"
            },
            "eventSourceARN": "arn:aws:dynamodb:us-east-1:0:table/t/stream/1"
        })
    };
    let event = |digit: &str| format!("event#evt_{}", digit.repeat(32));
    let records = json!({ "Records": [
        record("INSERT", &event("a")), record("MODIFY", &event("b")), record("REMOVE", &event("c")),
        record("INSERT", "post#pst_00000000000000000000000000000001"), record("INSERT", "event#nonsense"),
        record("INSERT", &event("d")),
    ] });
    let Incoming::Events(events) = serde_json::from_value(records).unwrap() else {
        panic!("a queue's batch")
    };
    let events: Vec<_> = events.iter().map(ToString::to_string).collect();
    assert_eq!(events, [format!("evt_{}", "a".repeat(32)), format!("evt_{}", "d".repeat(32))]);
}

#[test]
fn everything_else_is_a_batch_of_the_queue() {
    let batch = json!({ "Records": [{ "messageId": "1", "eventSource": "aws:sqs", "body": "{}" }] });
    let Incoming::Queue(batch) = serde_json::from_value(batch).unwrap() else { panic!("the stream's") };
    assert_eq!(batch.records[0].message_id.as_deref(), Some("1"));
}

#[test]
fn a_signature_is_the_one_of_standard_webhooks() {
    // the example of its specification's libraries
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let signed = signature(secret, "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body);
    assert_eq!(signed.as_deref(), Some("v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="));
    assert_eq!(signature("C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "id", 0, b""), None);
    assert_eq!(signature("whsec_%%", "id", 0, b""), None);
}
