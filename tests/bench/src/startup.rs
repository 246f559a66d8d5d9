//! What a cold start costs each function, side by side with a function that does nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use lambda_kit::system::SystemClock;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::imitation::{EmptyAws, RuntimeApi};
use crate::process;
use crate::release::{self, BASELINE};
use crate::report::{Held, Table, median};

const MEGABYTE: f64 = 1e6;
/// Of memory, as Lambda counts it.
const MEBIBYTE: f64 = 1_048_576.0;
const ZIP_MB: f64 = 6.0;
const ZIP_MB_OF_API: f64 = 8.0;
const TIMES_TO_NEXT: f64 = 6.0;
const TIMES_TO_ANSWER: f64 = 10.0;
const PEAK_MB: f64 = 25.0;
/// Rounds that are not counted: they bring the binaries into the page cache.
const WARM_UP: usize = 2;
/// Events of a warm function, whose processor time is averaged.
const WARM_EVENTS: u32 = 50;

/// A function, and the event that it is started for.
struct Case {
    binary: &'static str,
    event: &'static str,
    payload: Value,
    /// What the answer must have, by JSON pointer.
    answers: (&'static str, Value),
}

fn cases() -> Vec<Case> {
    let case = |binary, event, payload, answers| Case { binary, event, payload, answers };
    let done = || ("/batchItemFailures", json!([]));
    let post = format!("pst_{:032x}", 7);
    let account = format!("acc_{:032x}", 7);
    let publish =
        json!({ "job": "publish.v1", "post": post, "account": account, "content": "00".repeat(32) });
    let check = json!({ "job": "check.v1", "post": post, "account": account });
    let transfer = json!({ "job": "transfer.v1", "post": post, "account": account });
    let refresh = json!({ "job": "refresh.v1", "account": account, "epoch": 1 });
    let deliver = json!({
        "job": "deliver.v1",
        "endpoint": format!("whe_{:032x}", 7),
        "event": format!("evt_{:032x}", 7),
    });
    vec![
        case(BASELINE, "any event", batch(&json!({})), done()),
        case("api", "GET /healthz", request("GET", "/healthz", None), ("/statusCode", json!(200))),
        case(
            "api",
            "POST /v1/posts, unknown key",
            request("POST", "/v1/posts", Some(&json!({ "caption": "Harbour at six" }))),
            ("/statusCode", json!(401)),
        ),
        case("drop-intake", "an event without records", batch(&json!({ "Records": [] })), done()),
        case("media-ingest", "upload of an unknown media", batch(&upload_event()), done()),
        case("media-transfer", "job of an unknown post", batch(&transfer), done()),
        case("publish-init", "job of an unknown post", batch(&publish), done()),
        case("status-poll", "job of an unknown post", batch(&check), done()),
        case("status-poll", "sweep, 16 empty partitions", json!({ "sweep": "posts" }), done()),
        case("token-refresh", "job of an unknown account", batch(&refresh), done()),
        case("token-refresh", "sweep, 16 empty partitions", json!({ "sweep": "accounts" }), done()),
        case("webhook-deliver", "job of an unknown delivery", batch(&deliver), done()),
    ]
}

fn batch(body: &Value) -> Value {
    json!({ "Records": [{
        "messageId": "19dd0b57-b21e-4ac1-bd88-01bbb068cb78",
        "receiptHandle": "MessageReceiptHandle",
        "body": body.to_string(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1795000000000",
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": "1795000000001",
            "MessageGroupId": "group",
        },
        "messageAttributes": {},
        "md5OfBody": "7b270e59b47ff90a553787216d55d91d",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:bench",
        "awsRegion": "us-east-1",
    }] })
}

fn upload_event() -> Value {
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-22T18:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": { "principalId": "AWS:AIDAEXAMPLE" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": { "name": "bench", "ownerIdentity": { "principalId": "A3NL1KOZZKExample" }, "arn": "arn:aws:s3:::bench" },
            "object": { "key": format!("up/med_{:032x}", 7), "size": 1024, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0A1B2C3D4E5F678901" },
        },
    }] })
}

/// An event of an HTTP API, payload format 2.0.
pub(crate) fn request(method: &str, path: &str, body: Option<&Value>) -> Value {
    let key = format!("Bearer slk_{}_{}", "07".repeat(16), "07".repeat(32));
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "authorization": key,
            "content-type": "application/json",
            "host": "bench.execute-api.us-east-1.amazonaws.com",
            "idempotency-key": "bench",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": "bench.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "bench",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "bench" },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:18:00:00 +0000",
            "timeEpoch": 1_795_000_000_000_u64,
        },
        "body": body.map(Value::to_string),
        "isBase64Encoded": false,
    })
}

/// The variables of a function as the template sets them, all functions' together; what they name does not exist.
pub(crate) fn environment(aws: &str) -> BTreeMap<&'static str, String> {
    let queue = |name| format!("{aws}/000000000000/{name}");
    let text = str::to_owned;
    BTreeMap::from([
        ("AWS_ACCESS_KEY_ID", text("test")),
        ("AWS_SECRET_ACCESS_KEY", text("test")),
        ("AWS_SESSION_TOKEN", text("test")),
        ("AWS_REGION", text("us-east-1")),
        ("AWS_ENDPOINT_URL", text(aws)),
        ("STAGE", text("bench")),
        ("TABLE", text("bench")),
        ("MEDIA_BUCKET", text("bench")),
        ("KMS_KEY_ID", text("bench")),
        ("SECRETS_PREFIX", text("/slipway/bench")),
        ("PUBLISH_QUEUE_URL", queue("publish")),
        ("STATUS_QUEUE_URL", queue("status")),
        ("TRANSFER_QUEUE_URL", queue("transfer")),
        ("INGEST_QUEUE_URL", queue("ingest")),
        ("DROP_QUEUE_URL", queue("drop")),
        ("DROP_WAIT_SECONDS", text("900")),
        ("API_FUNCTION", text("bench")),
        ("REFRESH_QUEUE_URL", queue("refresh")),
        ("DELIVERY_QUEUE_URL", queue("delivery")),
        ("PUBLISH_DEAD_LETTERS_URL", queue("publish-dead")),
        ("STATUS_DEAD_LETTERS_URL", queue("status-dead")),
        ("INGEST_DEAD_LETTERS_URL", queue("ingest-dead")),
        ("REFRESH_DEAD_LETTERS_URL", queue("refresh-dead")),
        ("DELIVERY_DEAD_LETTERS_URL", queue("delivery-dead")),
        ("TIKTOK_API_BASE_URL", text("https://open.tiktokapis.com")),
        ("TIKTOK_AUTH_BASE_URL", text("https://www.tiktok.com")),
        ("PUBLIC_BASE_URL", text("")),
        ("MEDIA_BASE_URL", text("https://media.example.com")),
        ("OUTBOUND_EXCEPTIONS", text("")),
        ("CLAIM_MARGIN_SECONDS", text("10")),
        ("SWEEP_FROM_SECONDS", text("120")),
        ("WATCHDOG_SECONDS", text("300")),
        ("POLL_LADDER", text("120,240,480,900")),
        ("TAIL_LADDER", text("900,1800,3600,7200,14400,21600")),
        ("TAIL_SECONDS", text("172800")),
        ("UNCONFIRMED_DEADLINE_SECONDS", text("4500")),
        ("EVIDENCE_LADDER", text("60,120,240,480,900")),
        ("FENCE_WAIT_SECONDS", text("300")),
        ("FETCH_LOG_DELAY_SECONDS", text("0")),
        ("MEDIA_DEADLINE_SECONDS", text("86400")),
        ("POST_DEADLINE_SECONDS", text("86400")),
        ("WEBHOOK_LADDER", text("5,300,1800,7200,18000,36000,36000")),
        ("WEBHOOK_DEADLINE_SECONDS", text("432000")),
        ("WEBHOOK_CHECK_SECONDS", text("3600")),
        ("REFRESH_AT_PERCENT", text("60")),
        ("REFRESH_JITTER_PERCENT", text("15")),
        ("KEEP_ALIVE_DAYS", text("30")),
        ("TIKTOK_MODE", text("auto")),
        ("PRESIGN_SECONDS", text("7200")),
        ("UPLOAD_SECONDS", text("900")),
    ])
}

/// A function's process under a Runtime API of ours.
pub(crate) struct Function {
    pub(crate) pid: u32,
    pub(crate) runtime: RuntimeApi,
    pub(crate) began: Instant,
    _process: Child,
}

impl Function {
    pub(crate) async fn start(
        binary: &Path,
        name: &str,
        environment: impl IntoIterator<Item = (impl AsRef<str>, impl AsRef<str>)>,
    ) -> Result<Self> {
        let runtime = RuntimeApi::start().await?;
        let mut command = Command::new(binary);
        command.env_clear();
        for (variable, value) in environment {
            command.env(variable.as_ref(), value.as_ref());
        }
        command
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", runtime.address()),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
                ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let began = Instant::now();
        let process = command.spawn().with_context(|| format!("starting `{}`", binary.display()))?;
        let pid = process.id().context("the function ended at once")?;
        Ok(Self { pid, runtime, began, _process: process })
    }
}

/// One start.
struct Start {
    next_wall: Duration,
    next_processor: Duration,
    answer_wall: Duration,
    answer_processor: Duration,
    warm_processor: Duration,
    peak: u64,
    threads: usize,
    calls: u64,
}

async fn start(case: &Case, binary: &Path, aws: &EmptyAws) -> Result<Start> {
    aws.calls();
    let mut function = Function::start(binary, case.binary, environment(&aws.url)).await?;
    let pid = function.pid;
    let next = function.runtime.next().await?;
    let next_wall = next.at - function.began;
    let next_processor = process::processor_time(pid).await?;

    let (answered, answer) = function.runtime.give(next, &case.payload).await?;
    let answer_wall = answered.at - function.began;
    let answer_processor = process::processor_time(pid).await?;
    let calls = aws.calls();
    let (pointer, expected) = &case.answers;
    ensure!(answer.pointer(pointer).is_none_or(|found| found == expected), "unexpected answer: {answer}");

    RuntimeApi::accept(answered);
    for _ in 0..WARM_EVENTS {
        let next = function.runtime.next().await?;
        let (answered, _) = function.runtime.give(next, &case.payload).await?;
        RuntimeApi::accept(answered);
    }
    let _next = function.runtime.next().await?;
    let all = process::processor_time(pid).await?;
    Ok(Start {
        next_wall,
        next_processor,
        answer_wall,
        answer_processor,
        warm_processor: all.saturating_sub(answer_processor) / WARM_EVENTS,
        peak: process::peak_memory(pid)?,
        threads: process::threads(pid)?,
        calls,
    })
}

/// What all starts of one case come to, medians.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    function: &'static str,
    event: &'static str,
    binary_mb: f64,
    zip_mb: Held,
    next_wall_ms: f64,
    next_cpu_ms: f64,
    next_cpu_times_baseline: Held,
    answer_wall_ms: f64,
    answer_cpu_ms: f64,
    answer_cpu_times_baseline: Held,
    peak_memory_mb: Held,
    warm_cpu_ms: f64,
    threads: usize,
    aws_calls_first_event: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    at: String,
    rounds: usize,
    cold_starts: Vec<Measured>,
}

pub(crate) async fn measure(binaries: &BTreeMap<String, PathBuf>, rounds: usize) -> Result<Report> {
    ensure!(rounds > 0, "nothing can be said after no round");
    let aws = EmptyAws::start().await?;
    let mut cases = cases();
    cases.retain(|case| binaries.contains_key(case.binary));
    let mut starts: Vec<Vec<Start>> = cases.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UP + rounds {
        for (case, starts) in cases.iter().zip(&mut starts) {
            let one = start(case, &binaries[case.binary], &aws)
                .await
                .with_context(|| format!("{}: {}", case.binary, case.event))?;
            if round >= WARM_UP {
                starts.push(one);
            }
        }
    }
    let of = |starts: &[Start], figure: fn(&Start) -> Duration| {
        median(starts.iter().map(|start| figure(start).as_secs_f64() * 1e3).collect())
    };
    let (base_next, base_answer) =
        (of(&starts[0], |start| start.next_processor), of(&starts[0], |start| start.answer_processor));
    let summed = cases.iter().zip(&starts).map(|(case, starts)| {
        let binary = &binaries[case.binary];
        let size =
            std::fs::metadata(binary).with_context(|| format!("reading `{}`", binary.display()))?.len();
        let next_cpu_ms = of(starts, |start| start.next_processor);
        let answer_cpu_ms = of(starts, |start| start.answer_processor);
        let zip = if case.binary == "api" { ZIP_MB_OF_API } else { ZIP_MB };
        Ok(Measured {
            function: case.binary,
            event: case.event,
            binary_mb: float(size) / MEGABYTE,
            zip_mb: Held::against(zip, float(release::zipped(binary)?) / MEGABYTE),
            next_wall_ms: of(starts, |start| start.next_wall),
            next_cpu_ms,
            next_cpu_times_baseline: Held::against(TIMES_TO_NEXT, next_cpu_ms / base_next),
            answer_wall_ms: of(starts, |start| start.answer_wall),
            answer_cpu_ms,
            answer_cpu_times_baseline: Held::against(TIMES_TO_ANSWER, answer_cpu_ms / base_answer),
            peak_memory_mb: Held::against(
                PEAK_MB,
                median(starts.iter().map(|start| float(start.peak) / MEBIBYTE).collect()),
            ),
            warm_cpu_ms: of(starts, |start| start.warm_processor),
            threads: starts.iter().map(|start| start.threads).max().unwrap_or_default(),
            aws_calls_first_event: starts.last().map_or(0, |start| start.calls),
        })
    });
    let cold_starts = summed.collect::<Result<_>>()?;
    Ok(Report { at: SystemClock.now().to_string(), rounds, cold_starts })
}

#[expect(clippy::cast_precision_loss, reason = "bytes of files and memory are far below 2^52")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "Cold starts, medians of {} side by side (release profile, {})\n", self.rounds, self.at)?;
        let mut table = Table::new(&[
            "function, first event",
            "zip MB",
            "CPU ms to /next",
            "x baseline",
            "wall ms",
            "CPU ms to answer",
            "x baseline",
            "wall ms",
            "AWS calls",
            "warm CPU ms",
            "peak MB",
        ]);
        for it in &self.cold_starts {
            table.row([
                format!("{}: {}", it.function, it.event),
                format!("{:.2}", it.zip_mb),
                format!("{:.2}", it.next_cpu_ms),
                format!("{:.2}", it.next_cpu_times_baseline),
                format!("{:.2}", it.next_wall_ms),
                format!("{:.2}", it.answer_cpu_ms),
                format!("{:.2}", it.answer_cpu_times_baseline),
                format!("{:.2}", it.answer_wall_ms),
                it.aws_calls_first_event.to_string(),
                format!("{:.3}", it.warm_cpu_ms),
                format!("{:.1}", it.peak_memory_mb),
            ]);
        }
        write!(f, "{table}")
    }
}
