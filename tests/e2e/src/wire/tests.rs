use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::{Act, Rule, Side, When, Wire};

const SOON: Duration = Duration::from_secs(20);

/// Answers every connection once, and keeps what it was asked.
struct Upstream {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

async fn upstream(body: &'static str) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4_096];
            let read = stream.read(&mut bytes).await.unwrap();
            kept.lock().await.push(String::from_utf8_lossy(&bytes[..read]).into_owned());
            let length = body.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    Upstream { url, asked }
}

/// A process that is a function by its environment, and asks DynamoDB for a row. What it heard.
async fn function_asks(wire: &Wire, pk: &str) -> String {
    let body = format!(r#"{{"Key":{{"pk":{{"S":"{pk}"}}}}}}"#);
    let port = wire.aws_url().rsplit(':').next().unwrap().to_owned();
    let script = format!(
        "exec 3<>/dev/tcp/127.0.0.1/{port}; printf '%s' \"$REQUEST\" >&3; cat <&3 || true; echo; echo lived"
    );
    let request = format!(
        "POST /?a=%2F HTTP/1.1\r\nhost: some.where:8080\r\nx-amz-target: DynamoDB_20120810.GetItem\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("AWS_LAMBDA_FUNCTION_NAME", "stack-PublishInitFunction-1")
        .env("REQUEST", request)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .await
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn wire_to(upstream: &Upstream) -> Wire {
    let wire = Wire::start(&upstream.url, &upstream.url).await.unwrap();
    let functions = BTreeMap::from([("publish-init".to_owned(), "stack-PublishInitFunction-1".to_owned())]);
    wire.name_functions(&functions);
    wire
}

#[tokio::test]
async fn a_call_goes_through_unchanged_and_is_written_down_with_its_function_and_capacity() {
    let upstream = upstream(r#"{"ConsumedCapacity":{"CapacityUnits":1.5}}"#).await;
    let wire = wire_to(&upstream).await;
    wire.watch("ours", ["pst_1"]);

    let heard = function_asks(&wire, "post#pst_1").await;

    assert!(heard.contains("200 OK") && heard.contains("lived"), "{heard}");
    let asked = upstream.asked.lock().await.join("\n");
    assert!(asked.starts_with("POST /?a=%2F HTTP/1.1") && asked.contains("host: some.where:8080"), "{asked}");
    let calls = wire.calls_about("ours");
    assert_eq!(1, calls.len());
    assert_eq!("publish-init DynamoDB.GetItem post#pst", calls[0].name());
    assert_eq!((Side::Aws, Some(200)), (calls[0].side, calls[0].status));
    assert!((calls[0].read_units - 1.5).abs() < f64::EPSILON);
}

#[tokio::test]
async fn asked_to_the_wire_keeps_requests_and_answers_lost_ones_too_and_those_to_the_api() {
    let upstream = upstream("{\"answered\":1}").await;
    let mut wire = wire_to(&upstream).await;
    function_asks(&wire, "post#pst_0").await;
    assert!(wire.exchanges().is_empty());

    let api = wire.record(&upstream.url).await.unwrap();
    wire.install(Rule::new(When::After, Act::Lose).of("publish-init"));
    assert!(!function_asks(&wire, "post#pst_1").await.contains("answered"));
    let http = slipway::http::client().unwrap();
    let answer = http.get(format!("{api}/v1/posts/pst_1?limit=1")).send().await.unwrap();
    assert_eq!("{\"answered\":1}", answer.text().await.unwrap());

    let kept = wire.exchanges();
    let names: Vec<&str> = kept.iter().map(|exchange| exchange.name.as_str()).collect();
    assert_eq!(["publish-init DynamoDB.GetItem post#pst", "- Api.GET /v1/posts/{…}"], names[..]);
    assert_eq!(br#"{"Key":{"pk":{"S":"post#pst_1"}}}"#, &kept[0].body[..]);
    assert_eq!("some.where:8080", kept[0].headers["host"]);
    assert_eq!("/v1/posts/pst_1?limit=1", kept[1].uri.to_string());
    for exchange in kept {
        assert_eq!(b"{\"answered\":1}", &exchange.answer.unwrap().body()[..]);
    }
}

#[tokio::test]
async fn a_process_killed_before_a_call_leaves_no_effect_and_one_killed_after_it_does() {
    let upstream = upstream("{}").await;
    let wire = wire_to(&upstream).await;
    wire.watch("first", ["pst_1"]);
    wire.watch("second", ["pst_2"]);
    let before = wire.install(Rule::new(When::Before, Act::Kill).of("publish-init").about("first"));
    let after = wire.install(Rule::new(When::After, Act::Kill).on("DynamoDB", "GetItem").about("second"));

    let heard = function_asks(&wire, "post#pst_1").await;
    assert!(!heard.contains("lived"), "{heard}");
    assert_eq!(0, upstream.asked.lock().await.len());
    assert!(wire.strikes(before, SOON).await);

    let heard = function_asks(&wire, "post#pst_2").await;
    assert!(!heard.contains("lived"), "{heard}");
    assert_eq!(1, upstream.asked.lock().await.len());
    assert!(wire.strikes(after, SOON).await);
}

#[tokio::test]
async fn a_lost_answer_is_lost_once_and_the_calls_before_it_pass() {
    let upstream = upstream("{}").await;
    let wire = wire_to(&upstream).await;
    wire.install(Rule::new(When::After, Act::Lose).skip(1));
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(function_asks(&wire, "post#pst_1").await.contains("200 OK"));
    }
    assert_eq!(vec![true, false, true], heard);
    assert_eq!(3, upstream.asked.lock().await.len());
}

#[tokio::test]
async fn a_throttled_or_swallowed_call_is_answered_without_effect_and_a_doubled_one_has_two() {
    let upstream = upstream("{}").await;
    let wire = wire_to(&upstream).await;
    for act in [Act::Throttle, Act::Swallow, Act::Double] {
        wire.install(Rule::new(When::Before, act).to(Side::Aws));
        let heard = function_asks(&wire, "post#pst_1").await;
        let asked = std::mem::take(&mut *upstream.asked.lock().await).len();
        match act {
            Act::Throttle => {
                assert!(heard.contains("ProvisionedThroughputExceededException"), "{heard}");
                assert_eq!(0, asked);
            }
            Act::Swallow => {
                assert!(heard.contains("200 OK") && heard.contains("MessageId"), "{heard}");
                assert_eq!(0, asked);
            }
            _ => {
                assert!(heard.contains("200 OK"), "{heard}");
                assert_eq!(2, asked);
            }
        }
    }
}

#[tokio::test]
async fn the_same_seed_strikes_the_same_share_of_calls() {
    let upstream = upstream("{}").await;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let wire = wire_to(&upstream).await;
        wire.seed(7);
        wire.install(Rule::new(When::Before, Act::Throttle).share(0.5).times(u32::MAX));
        let mut struck = Vec::new();
        for _ in 0..12 {
            struck.push(function_asks(&wire, "post#pst_1").await.contains("400 Bad Request"));
        }
        runs.push(struck);
    }
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].contains(&true) && runs[0].contains(&false), "{runs:?}");
}
