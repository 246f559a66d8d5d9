//! Just enough of Lambda and of AWS to start a function: the Runtime API of one process, and an AWS in which nothing is
//! found and everything succeeds.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use lambda_kit::system::SystemClock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// How long a function may take for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request of the function's runtime, which waits for our reply.
pub(crate) struct Asked {
    pub(crate) at: Instant,
    what: What,
    reply: oneshot::Sender<Response>,
}

enum What {
    Next,
    Answer(Bytes),
    Failure(Bytes),
}

/// The Runtime API of one process.
pub(crate) struct RuntimeApi {
    address: String,
    asked: mpsc::UnboundedReceiver<Asked>,
    serving: JoinHandle<()>,
    events: u64,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type ToBench = mpsc::UnboundedSender<Asked>;

impl RuntimeApi {
    pub(crate) async fn start() -> Result<Self> {
        let (sender, asked) = mpsc::unbounded_channel();
        let invocation = "/2018-06-01/runtime/invocation";
        let router = Router::new()
            .route(
                &format!("{invocation}/next"),
                get(async |State(to): State<ToBench>| ask(&to, What::Next).await),
            )
            .route(
                &format!("{invocation}/{{id}}/{{outcome}}"),
                post(
                    async |State(to): State<ToBench>,
                           Path((_, outcome)): Path<(String, String)>,
                           body: Bytes| {
                        let what =
                            if outcome == "response" { What::Answer(body) } else { What::Failure(body) };
                        ask(&to, what).await
                    },
                ),
            )
            .route(
                "/2018-06-01/runtime/init/error",
                post(async |State(to): State<ToBench>, body: Bytes| ask(&to, What::Failure(body)).await),
            )
            .with_state(sender);
        let (address, serving) = serve(router).await?;
        Ok(Self { address, asked, serving, events: 0 })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` is to be.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits until the function asks for its next event.
    pub(crate) async fn next(&mut self) -> Result<Asked> {
        match self.asked().await? {
            Asked { what: What::Failure(why), .. } => {
                bail!("the function failed: {}", String::from_utf8_lossy(&why))
            }
            Asked { what: What::Answer(_), .. } => bail!("the function answered what it was not asked"),
            asked => Ok(asked),
        }
    }

    /// Gives the function an event and waits for its answer.
    pub(crate) async fn give(&mut self, next: Asked, event: &Value) -> Result<(Asked, Value)> {
        self.events += 1;
        let deadline = SystemClock.now().as_millisecond() + 30_000;
        let reply = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", format!("8476a536-e9f4-11e8-9739-{:012x}", self.events))
            .header("lambda-runtime-deadline-ms", deadline)
            .header(
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:000000000000:function:bench",
            )
            .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
            .body(Body::from(event.to_string()))?;
        drop(next.reply.send(reply));
        let asked = self.asked().await?;
        let answer = match &asked.what {
            What::Answer(answer) => {
                serde_json::from_slice(answer).context("reading the function's answer")?
            }
            What::Failure(why) => bail!("the function failed: {}", String::from_utf8_lossy(why)),
            What::Next => bail!("the function answered nothing"),
        };
        Ok((asked, answer))
    }

    /// Takes note of an answer; the function goes on.
    pub(crate) fn accept(answer: Asked) {
        let mut reply = Response::new(Body::from(r#"{"status":"OK"}"#));
        *reply.status_mut() = StatusCode::ACCEPTED;
        drop(answer.reply.send(reply));
    }

    async fn asked(&mut self) -> Result<Asked> {
        let asked =
            tokio::time::timeout(PATIENCE, self.asked.recv()).await.context("waiting for the function")?;
        asked.context("the Runtime API has stopped")
    }
}

async fn ask(to: &ToBench, what: What) -> Response {
    let (reply, answer) = oneshot::channel();
    drop(to.send(Asked { at: Instant::now(), what, reply }));
    // without a reply the process is about to be killed
    match answer.await {
        Ok(response) => response,
        Err(_) => std::future::pending().await,
    }
}

async fn serve(router: Router) -> Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening")?;
    let address = listener.local_addr().context("listening")?.to_string();
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let serving = tokio::spawn(async move { drop(axum::serve(listener, router).await) });
    Ok((address, serving))
}

/// An AWS that is empty.
pub(crate) struct EmptyAws {
    pub(crate) url: String,
    calls: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Drop for EmptyAws {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl EmptyAws {
    pub(crate) async fn start() -> Result<Self> {
        let calls = Arc::<AtomicU64>::default();
        let count = Arc::clone(&calls);
        let router = Router::new().fallback(async move |headers: HeaderMap, request: Request| {
            count.fetch_add(1, Ordering::Relaxed);
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
            let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            nothing_there(target.unwrap_or_default(), &body)
        });
        let (address, serving) = serve(router).await?;
        Ok(Self { url: format!("http://{address}"), calls, serving })
    }

    /// Calls since the last time this was asked.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.swap(0, Ordering::Relaxed)
    }
}

fn nothing_there(target: &str, body: &[u8]) -> Response {
    let (service, operation) = target.split_once('.').unwrap_or_default();
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let answer = match (service, operation) {
        ("AmazonSSM", _) => {
            let names = asked["Names"].as_array().map(Vec::as_slice).unwrap_or_default();
            let parameter =
                |name| json!({ "Name": name, "Type": "SecureString", "Value": "a-secret-of-the-bench" });
            json!({ "Parameters": names.iter().map(parameter).collect::<Vec<_>>(), "InvalidParameters": [] })
        }
        // every update has a condition on a row that is not there
        ("DynamoDB_20120810", "UpdateItem") => {
            let mut refused = Response::new(Body::from(
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}"#,
            ));
            *refused.status_mut() = StatusCode::BAD_REQUEST;
            return refused;
        }
        ("DynamoDB_20120810", "Query") => json!({ "Items": [], "Count": 0, "ScannedCount": 0 }),
        ("DynamoDB_20120810", "BatchGetItem") => json!({ "Responses": {}, "UnprocessedKeys": {} }),
        ("AmazonSQS", "SendMessage") => json!({ "MessageId": "0", "MD5OfMessageBody": "" }),
        ("", _) => {
            let mut absent = Response::new(Body::from("<Error><Code>NoSuchKey</Code></Error>"));
            *absent.status_mut() = StatusCode::NOT_FOUND;
            return absent;
        }
        _ => json!({}),
    };
    let mut response = Response::new(Body::from(answer.to_string()));
    response
        .headers_mut()
        .insert("content-type", axum::http::HeaderValue::from_static("application/x-amz-json-1.0"));
    response
}
