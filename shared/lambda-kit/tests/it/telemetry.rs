use jiff::Timestamp;
use lambda_kit::telemetry::{Unit, metric_line};
use serde_json::{Value, json};

#[test]
fn a_metric_is_one_line_of_the_embedded_metric_format() {
    let at = Timestamp::from_millisecond(1_790_000_000_123).unwrap();
    let line = metric_line(at, "PostsPublished", 1.0, Unit::Count, &[("Stage", "prod"), ("Reason", "a\nb")]);
    assert!(!line.contains('\n'));
    assert_eq!(
        serde_json::from_str::<Value>(&line).unwrap(),
        json!({
            "_aws": {
                "Timestamp": 1_790_000_000_123_i64,
                "CloudWatchMetrics": [{
                    "Namespace": "Slipway",
                    "Dimensions": [["Stage", "Reason"]],
                    "Metrics": [{ "Name": "PostsPublished", "Unit": "Count" }],
                }],
            },
            "Stage": "prod",
            "Reason": "a\nb",
            "PostsPublished": 1.0,
        })
    );
}
