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

/// What a function may write, at every level, and a panic that quotes a secret. The tests below run it in processes of its own.
#[test]
#[ignore = "it is run by other tests, each time in a process of its own"]
fn a_function_that_talks_a_lot() {
    println!(); // ends the line that the harness began
    lambda_kit::telemetry::init();
    tracing::trace!(target: "hyper::proto::h1::io", "flushed act.secret");
    tracing::debug!(target: "aws_smithy_runtime::client", body = "act.secret", "request");
    tracing::trace!(target: "lambda_runtime::layers::api_response", body = "act.secret", "raw JSON event");
    tracing::trace!(target: "api_client", "act.secret from a crate whose name begins like one of ours");
    tracing::info!(target: "lambda_runtime", "theirs at INFO");
    tracing::error!(target: "hyper", "theirs at ERROR");
    let invoked = tracing::info_span!(target: "lambda_runtime", "Lambda runtime invoke", requestId = "r-1");
    invoked.in_scope(|| tracing::info!(target: "publish_init", post = "pst_1", "ours at INFO"));
    tracing::debug!(target: "api::posts", "ours at DEBUG");
    tracing::trace!(target: "tiktok", "ours at TRACE");
    let panicked = std::thread::spawn(|| panic!("act.secret is what I was working on"));
    assert!(panicked.join().is_err());
}

/// What it wrote to standard output, without what the test harness says, and everything it wrote to standard error.
fn it_writes(environment: &[(&str, &str)]) -> (Vec<String>, String) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
            "it::telemetry::a_function_that_talks_a_lot",
        ])
        .env_remove("RUST_LOG")
        .env_remove("AWS_LAMBDA_LOG_LEVEL")
        .env_remove("AWS_LAMBDA_LOG_FORMAT")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let said = |line: &&str| {
        let line = line.trim_start();
        line.starts_with('{')
            || ["TRACE ", "DEBUG ", "INFO ", "WARN ", "ERROR "].iter().any(|it| line.starts_with(it))
    };
    (
        lines.lines().filter(said).map(str::to_owned).collect(),
        String::from_utf8(output.stderr).unwrap() + &lines,
    )
}

fn messages(lines: &[String]) -> Vec<String> {
    let message = |line: &String| {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = line["fields"]["message"].as_str().unwrap().to_owned();
        text.split(" at ").take(2).collect::<Vec<_>>().join(" at ")
    };
    lines.iter().map(message).collect()
}

const THEIRS: [&str; 2] = ["theirs at INFO", "theirs at ERROR"];

#[test]
fn at_trace_our_crates_say_everything_and_all_others_nothing_below_info() {
    let json = ("AWS_LAMBDA_LOG_FORMAT", "JSON");
    for level in [("AWS_LAMBDA_LOG_LEVEL", "TRACE"), ("RUST_LOG", "trace")] {
        let (lines, everything) = it_writes(&[json, level]);
        assert!(!everything.contains("act.secret"), "{everything}");
        let said = messages(&lines);
        assert_eq!(said[..2], THEIRS);
        assert_eq!(said[2..5], ["ours at INFO", "ours at DEBUG", "ours at TRACE"]);
        assert!(said[5].starts_with("panicked at "), "{said:?}");
        assert_eq!(6, said.len());
    }
}

#[test]
fn a_line_is_what_the_runtimes_own_subscriber_writes() {
    let (lines, _) = it_writes(&[("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
    assert_eq!(
        serde_json::from_str::<Value>(&lines[2]).unwrap(),
        json!({
            "level": "INFO",
            "fields": { "message": "ours at INFO", "post": "pst_1" },
            "span": { "requestId": "r-1", "name": "Lambda runtime invoke" },
            "spans": [{ "requestId": "r-1", "name": "Lambda runtime invoke" }],
        })
    );
    let (lines, _) = it_writes(&[]);
    assert_eq!(lines[2], " INFO Lambda runtime invoke{requestId=\"r-1\"}: ours at INFO post=\"pst_1\"");
}

#[test]
fn no_variable_opens_a_dependency() {
    for directives in ["hyper=trace", "trace,hyper=trace", "lambda_runtime=trace,info", "aws_smithy_runtime"]
    {
        let (lines, everything) = it_writes(&[("RUST_LOG", directives), ("AWS_LAMBDA_LOG_FORMAT", "JSON")]);
        assert!(!everything.contains("act.secret"), "{directives}: {everything}");
        assert_eq!(messages(&lines)[..3], ["theirs at INFO", "theirs at ERROR", "ours at INFO"]);
    }
    // Lambda's level comes first
    let both = [("AWS_LAMBDA_LOG_LEVEL", "ERROR"), ("RUST_LOG", "trace"), ("AWS_LAMBDA_LOG_FORMAT", "JSON")];
    assert_eq!(messages(&it_writes(&both).0)[0], "theirs at ERROR");
}

#[test]
fn a_stricter_level_is_everybodys() {
    for level in ["ERROR", "FATAL"] {
        let asked = [("AWS_LAMBDA_LOG_LEVEL", level), ("AWS_LAMBDA_LOG_FORMAT", "JSON")];
        let said = messages(&it_writes(&asked).0);
        assert_eq!(said[0], "theirs at ERROR");
        assert!(said[1].starts_with("panicked at "), "{said:?}");
        assert_eq!(2, said.len());
    }
}
