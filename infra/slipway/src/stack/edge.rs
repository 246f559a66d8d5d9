//! The media edge: what CloudFront over the media bucket is on AWS.
//!
//! It serves `/m/<random>.<ext>` and TikTok's verification files, and nothing else, by GET and HEAD, ranges included, without redirects. Every few seconds it
//! writes what it served into an object of the minute in the format of CloudFront's standard log under `fetch-log/`, an empty one
//! too: whoever looks for a request that never came must know that there is a log.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aws_sdk_s3::presigning::PresigningConfig;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use domain::app::is_verification_file;
use flate2::{Compression, write::GzEncoder};
use futures::StreamExt as _;
use lambda_kit::system::{SystemClock, SystemEntropy};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::http;

const WRITES_EVERY: Duration = Duration::from_secs(5);
const OBJECT_OF: Duration = Duration::from_mins(1);
/// Older log objects go: on AWS a lifecycle rule does that.
const LOGS_KEPT: usize = 1_000;
/// In place of CloudFront's distribution id.
const DISTRIBUTION: &str = "LOCALEDGE";

const FIELDS: &str = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) \
    cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes \
    time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status \
    fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len \
    sc-range-start sc-range-end";

const ASKED: [HeaderName; 5] =
    [header::RANGE, header::IF_RANGE, header::IF_MATCH, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE];
const ANSWERED: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
];

#[derive(Clone)]
struct Edge {
    s3: aws_sdk_s3::Client,
    bucket: Arc<str>,
    client: reqwest::Client,
    log: Log,
}

/// Lines that are not in an object yet.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    over: Vec<String>,
    /// A download may take an hour, and the log must not look complete without it.
    under_way: BTreeMap<u64, String>,
    begun: u64,
}

/// The running edge.
pub(super) struct MediaEdge {
    server: JoinHandle<()>,
    writer: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

/// Serves `bucket`'s `m/` on `listener`.
pub(super) fn serve(listener: TcpListener, s3: aws_sdk_s3::Client, bucket: &str) -> Result<MediaEdge> {
    let edge = Edge { s3, bucket: bucket.into(), client: http::client()?, log: Log::default() };
    let (stop, stopped) = oneshot::channel();
    let writer = tokio::spawn(edge.clone().write_logs(stopped));
    let service = Router::new()
        .route("/m/{name}", any(media))
        .route("/{name}", any(verification_file))
        .fallback(elsewhere)
        .with_state(edge)
        .into_make_service_with_connect_info::<SocketAddr>();
    let server = tokio::spawn(async move {
        let _ = axum::serve(listener, service).await;
    });
    Ok(MediaEdge { server, writer, stop })
}

impl MediaEdge {
    /// Stops, with the last lines written.
    pub(super) async fn stop(self) {
        self.server.abort();
        let _ = self.stop.send(());
        let _ = self.writer.await;
    }
}

async fn media(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    serve_object(&edge, peer, &format!("m/{name}"), request).await
}

/// TikTok looks for its verification file at the root as well; nothing else lies there.
async fn verification_file(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    if is_verification_file(&name) {
        serve_object(&edge, peer, &name, request).await
    } else {
        Served::new(&edge.log, peer, &request).answer(StatusCode::NOT_FOUND.into_response())
    }
}

async fn serve_object(edge: &Edge, peer: SocketAddr, key: &str, request: Request) -> Response {
    let served = Served::new(&edge.log, peer, &request);
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return served.answer(StatusCode::METHOD_NOT_ALLOWED.into_response());
    }
    match edge.fetch(key, served.method.clone(), only(request.headers(), &ASKED)).await {
        Ok(answer) => {
            let status = match answer.status() {
                StatusCode::FORBIDDEN => StatusCode::NOT_FOUND,
                status if status.is_server_error() => StatusCode::BAD_GATEWAY,
                status => status,
            };
            if !(status.is_success() || status == StatusCode::NOT_MODIFIED) {
                return served.answer(status.into_response());
            }
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status;
            *response.headers_mut() = only(answer.headers(), &ANSWERED);
            let mut served = served.begun(&response);
            let body = answer
                .bytes_stream()
                .inspect(move |chunk| served.count(chunk.as_ref().map_or(0, Bytes::len)));
            *response.body_mut() = Body::from_stream(body);
            response
        }
        Err(error) => served.answer((StatusCode::BAD_GATEWAY, format!("{error:#}\n")).into_response()),
    }
}

async fn elsewhere(
    State(edge): State<Edge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    Served::new(&edge.log, peer, &request).answer(StatusCode::NOT_FOUND.into_response())
}

impl Edge {
    async fn fetch(&self, key: &str, method: Method, headers: HeaderMap) -> Result<reqwest::Response> {
        let signing =
            PresigningConfig::expires_in(Duration::from_mins(1)).context("signing for the bucket")?;
        let (bucket, why) = (&*self.bucket, "signing for the bucket");
        let signed = match method {
            Method::HEAD => {
                self.s3.head_object().bucket(bucket).key(key).presigned(signing).await.context(why)?
            }
            _ => self.s3.get_object().bucket(bucket).key(key).presigned(signing).await.context(why)?,
        };
        let request = self.client.request(method, signed.uri()).headers(headers);
        request.send().await.context("reading from the bucket")
    }

    /// An object a minute, as CloudFront writes few: whoever looks for evidence reads them all. It is written again while the
    /// minute lasts.
    async fn write_logs(self, mut stopped: oneshot::Receiver<()>) {
        let mut written = VecDeque::new();
        let mut every = tokio::time::interval(WRITES_EVERY);
        let (mut key, mut lines) = (new_key(), Vec::new());
        let mut begun = Instant::now();
        loop {
            let last = tokio::select! {
                _ = every.tick() => false,
                _ = &mut stopped => true,
            };
            lines.extend(self.log.take());
            // what could not be written goes with the next object: a hole in the log would pass for proof that nobody came
            if self.write_log(&key, &lines).await.is_ok() && begun.elapsed() >= OBJECT_OF {
                written.push_back(std::mem::replace(&mut key, new_key()));
                lines.clear();
                begun = Instant::now();
            }
            if written.len() > LOGS_KEPT
                && let Some(oldest) = written.pop_front()
            {
                let _ = self.s3.delete_object().bucket(&*self.bucket).key(oldest).send().await;
            }
            if last {
                break;
            }
        }
    }

    async fn write_log(&self, key: &str, lines: &[String]) -> Result<()> {
        let body = compressed(lines).context("compressing the log")?;
        self.s3
            .put_object()
            .bucket(&*self.bucket)
            .key(key)
            .content_type("application/x-gzip")
            .body(body.into())
            .send()
            .await
            .context("writing the log")?;
        Ok(())
    }
}

fn new_key() -> String {
    let hour = SystemClock.now().strftime("%Y-%m-%d-%H").to_string();
    let unique = u64::from_be_bytes(SystemEntropy.bytes());
    format!("fetch-log/{DISTRIBUTION}.{hour}.{unique:016x}.gz")
}

fn compressed(lines: &[String]) -> std::io::Result<Vec<u8>> {
    use std::io::Write as _;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(gzip, "#Version: 1.0\n#Fields: {FIELDS}")?;
    for line in lines {
        writeln!(gzip, "{line}")?;
    }
    gzip.finish()
}

impl Log {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, line: String) -> u64 {
        let mut lines = self.lines();
        lines.begun += 1;
        let number = lines.begun;
        lines.under_way.insert(number, line);
        number
    }

    fn end(&self, number: u64, line: String) {
        let mut lines = self.lines();
        lines.under_way.remove(&number);
        lines.over.push(line);
    }

    /// What is over, and what is under way by now.
    fn take(&self) -> Vec<String> {
        let mut lines = self.lines();
        let mut taken = std::mem::take(&mut lines.over);
        taken.extend(lines.under_way.values().cloned());
        taken
    }
}

/// A request on its way; when it is over, with its body sent or broken off, it becomes a line of the log.
struct Served {
    log: Log,
    number: u64,
    since: Instant,
    peer: SocketAddr,
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    status: StatusCode,
    to_first_byte: Duration,
    bytes: u64,
    content_type: Option<String>,
    content_length: Option<String>,
}

impl Served {
    fn new(log: &Log, peer: SocketAddr, request: &Request) -> Self {
        let mut served = Self {
            log: log.clone(),
            number: 0,
            since: Instant::now(),
            peer,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            // nginx's word for a client that left before there was an answer; CloudFront writes 000
            status: StatusCode::from_u16(499).expect("499 is a status"),
            to_first_byte: Duration::ZERO,
            bytes: 0,
            content_type: None,
            content_length: None,
        };
        served.number = log.begin(served.line());
        served
    }

    /// The answer has begun; its body is still to come.
    fn begun(mut self, response: &Response) -> Self {
        let text =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        self.status = response.status();
        self.to_first_byte = self.since.elapsed();
        self.content_type = text(header::CONTENT_TYPE);
        self.content_length = text(header::CONTENT_LENGTH);
        self
    }

    fn count(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// An answer that is complete at once.
    fn answer(self, response: Response) -> Response {
        drop(self.begun(&response));
        response
    }

    fn line(&self) -> String {
        let header = |name| encoded(self.headers.get(name).and_then(|value| value.to_str().ok()));
        let now = SystemClock.now();
        let status =
            if self.status.as_u16() == 499 { "000".to_owned() } else { self.status.as_u16().to_string() };
        let result = if self.status.is_success() { "Miss" } else { "Error" };
        let (range_start, range_end) = self.range();
        [
            now.strftime("%Y-%m-%d").to_string(),
            now.strftime("%H:%M:%S").to_string(),
            "LOCAL".into(),
            self.bytes.to_string(),
            self.peer.ip().to_string(),
            self.method.to_string(),
            header(header::HOST),
            encoded(Some(&self.path)),
            status,
            header(header::REFERER),
            header(header::USER_AGENT),
            encoded(self.query.as_deref()),
            "-".into(),
            result.into(),
            format!("{:016x}", u64::from_be_bytes(SystemEntropy.bytes())),
            header(header::HOST),
            "http".into(),
            "0".into(),
            format!("{:.3}", self.since.elapsed().as_secs_f64()),
            "-".into(),
            "-".into(),
            "-".into(),
            result.into(),
            "HTTP/1.1".into(),
            "-".into(),
            "-".into(),
            self.peer.port().to_string(),
            format!("{:.3}", self.to_first_byte.as_secs_f64()),
            result.into(),
            encoded(self.content_type.as_deref()),
            encoded(self.content_length.as_deref()),
            range_start,
            range_end,
        ]
        .join("\t")
    }

    fn range(&self) -> (String, String) {
        let asked = self.headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let (start, end) = asked
            .and_then(|range| range.strip_prefix("bytes="))
            .and_then(|range| range.split_once('-'))
            .unwrap_or_default();
        (encoded(Some(start)), encoded(Some(end)))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.log.end(self.number, self.line());
    }
}

/// As CloudFront writes a field: `-` for nothing, and what could end the field or the line percent-encoded.
fn encoded(field: Option<&str>) -> String {
    let field = field.unwrap_or_default();
    if field.is_empty() {
        return "-".to_owned();
    }
    field.replace('%', "%25").replace(' ', "%20").replace('\t', "%09").replace('\n', "%0A")
}

fn only(headers: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    names.iter().filter_map(|name| Some((name.clone(), headers.get(name)?.clone()))).collect()
}
