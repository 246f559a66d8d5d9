//! A plain-HTTP proxy between the functions and the outside, AWS on one port and TikTok on the other.
//!
//! Host, path and body go through unchanged, so that signatures hold. Every call is recorded with the function that made it
//! (found by the connection's process), its name, its size, and the capacity DynamoDB charged. [`Rule`]s strike at chosen
//! calls: kill the calling process, lose the answer, or wait, before or after the effect; or they refuse, swallow or double the
//! call. Asked to, it also stands between the world and the API, and keeps every request and answer to the last byte.

pub(crate) mod caller;
mod markers;
mod naming;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use caller::Process;
use markers::Markers;
use naming::Name;

/// What belongs to one connection and is not passed on.
const HOP_BY_HOP: [HeaderName; 4] =
    [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, HeaderName::from_static("keep-alive")];

/// Whom a call was made to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Aws,
    TikTok,
    /// Our own API: people, scripts and TikTok's webhooks call it.
    Api,
}

/// One call that went over the wire.
#[derive(Clone, Debug)]
pub struct Call {
    /// In the order in which calls began, from 1.
    pub seq: u64,
    pub at: Instant,
    pub took: Duration,
    pub side: Side,
    /// The function's name (`publish-init`); `None`: somebody else called.
    pub function: Option<String>,
    pub pid: Option<i32>,
    /// `DynamoDB`, `S3`, `SQS`, `KMS`, `SSM`, `TikTok` or `Api`.
    pub service: &'static str,
    pub operation: String,
    /// The kind of row, the folder of the object, the job of the message; may be empty.
    pub subject: String,
    /// The tag of what it is about, see [`Wire::watch`].
    pub about: Option<String>,
    /// `None`: there was no answer.
    pub status: Option<u16>,
    pub sent: u64,
    pub received: u64,
    /// How long a queue was asked to keep the message to itself.
    pub delayed: Duration,
    /// Read units that DynamoDB charged; the functions ask for the figure.
    pub read_units: f64,
    /// Write units, index writes included.
    pub write_units: f64,
    /// What a rule did to it.
    pub struck: Option<Act>,
}

impl Call {
    /// Function, service, operation and subject: the call site as far as it shows outside.
    pub fn name(&self) -> String {
        let function = self.function.as_deref().unwrap_or("-");
        let name = format!("{function} {}.{} {}", self.service, self.operation, self.subject);
        name.trim_end().to_owned()
    }
}

/// A request and its answer, whole.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub side: Side,
    /// The same as of its [`Call`].
    pub service: &'static str,
    pub operation: String,
    /// Function, service, operation and subject.
    pub name: String,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// What the other side answered, whether it was passed on or lost; `None`: it was not asked, or did not answer.
    pub answer: Option<Response<Bytes>>,
}

/// Whether a rule strikes before the call reaches the other side or after its effect, before the answer is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Before,
    After,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Before => "before",
            Self::After => "after",
        })
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// `kill -9` of the calling process.
    Kill,
    /// The connection closes without an answer.
    Lose,
    /// It waits.
    Delay(Duration),
    /// Nothing is done: the answer is that there are too many calls, in the service's own words.
    Throttle,
    /// Nothing is done, but the answer is that a queue has taken the message.
    Swallow,
    /// Everything is done twice; the second answer is passed on.
    Double,
}

/// Which calls are struck, and how.
#[derive(Clone, Debug)]
pub struct Rule {
    function: Option<String>,
    service: Option<String>,
    operation: Option<String>,
    subject: Option<String>,
    about: Option<String>,
    side: Option<Side>,
    share: f64,
    skip: u32,
    count: u32,
    when: When,
    act: Act,
}

impl Rule {
    /// Strikes the first call.
    pub fn new(when: When, act: Act) -> Self {
        Self {
            function: None,
            service: None,
            operation: None,
            subject: None,
            about: None,
            side: None,
            share: 1.0,
            skip: 0,
            count: 1,
            when,
            act,
        }
    }

    /// Only calls of this function.
    #[must_use]
    pub fn of(mut self, function: &str) -> Self {
        self.function = Some(function.to_owned());
        self
    }

    /// Only this operation of this service.
    #[must_use]
    pub fn on(mut self, service: &str, operation: &str) -> Self {
        self.service = Some(service.to_owned());
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only calls with this subject.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        self.subject = Some(subject.to_owned());
        self
    }

    /// Only calls about this tag, see [`Wire::watch`].
    #[must_use]
    pub fn about(mut self, tag: &str) -> Self {
        self.about = Some(tag.to_owned());
        self
    }

    /// Only calls to this side.
    #[must_use]
    pub fn to(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// Strikes this share of the matching calls, by chance, see [`Wire::seed`].
    #[must_use]
    pub fn share(mut self, share: f64) -> Self {
        self.share = share;
        self
    }

    /// Lets so many matching calls pass first.
    #[must_use]
    pub fn skip(mut self, calls: u32) -> Self {
        self.skip = calls;
        self
    }

    /// Strikes so many matching calls.
    #[must_use]
    pub fn times(mut self, calls: u32) -> Self {
        self.count = calls;
        self
    }

    fn matches(&self, call: &Call) -> bool {
        let is =
            |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let may = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        may(&self.function, &call.function)
            && is(&self.service, call.service)
            && is(&self.operation, &call.operation)
            && is(&self.subject, &call.subject)
            && may(&self.about, &call.about)
            && self.side.is_none_or(|side| side == call.side)
    }
}

/// An installed rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(usize);

struct Installed {
    rule: Rule,
    matched: u32,
    struck: u32,
}

struct Tape {
    calls: Vec<Call>,
    begun: u64,
    rules: Vec<Installed>,
    /// Physical name -> ours.
    functions: HashMap<String, String>,
    /// Text in a request -> tag.
    markers: Markers,
    /// What a process was seen to work on last.
    working_on: HashMap<i32, String>,
    /// Only if somebody asked for it.
    exchanges: Option<Vec<Exchange>>,
    chance: StdRng,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            calls: Vec::new(),
            begun: 0,
            rules: Vec::new(),
            functions: HashMap::new(),
            markers: Markers::default(),
            working_on: HashMap::new(),
            exchanges: None,
            chance: StdRng::seed_from_u64(0),
        }
    }
}

struct Shared {
    tape: Mutex<Tape>,
    /// Counts changes of the tape.
    changes: watch::Sender<u64>,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The running proxy.
pub struct Wire {
    shared: Arc<Shared>,
    aws: SocketAddr,
    tiktok: SocketAddr,
    accepting: Vec<JoinHandle<()>>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.iter().for_each(JoinHandle::abort);
    }
}

impl Wire {
    /// Listens on two free ports of 127.0.0.1 and forwards to these two base URLs.
    pub async fn start(aws: &str, tiktok: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // an emulator closes what has been idle for some seconds
        let client =
            Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(2)).build(connector);
        let shared = Arc::new(Shared { tape: Mutex::default(), changes: watch::Sender::new(0), client });
        let (for_aws, aws_address) = listen().await?;
        let (for_tiktok, tiktok_address) = listen().await?;
        let accepting = vec![
            tokio::spawn(Arc::clone(&shared).accept(for_aws, Side::Aws, upstream(aws)?)),
            tokio::spawn(Arc::clone(&shared).accept(for_tiktok, Side::TikTok, upstream(tiktok)?)),
        ];
        Ok(Self { shared, aws: aws_address, tiktok: tiktok_address, accepting })
    }

    /// Stands before the API too, and from now on keeps every request and answer. What the world takes for the API.
    pub async fn record(&mut self, api: &str) -> Result<String> {
        let (for_api, address) = listen().await?;
        self.shared.tape().exchanges.get_or_insert_default();
        let accept = Arc::clone(&self.shared).accept(for_api, Side::Api, upstream(api)?);
        self.accepting.push(tokio::spawn(accept));
        Ok(format!("http://{address}"))
    }

    /// Every request so far with its answer, in the order in which they ended; none unless [`Wire::record`] was asked to keep
    /// them.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.tape().exchanges.clone().unwrap_or_default()
    }

    /// What the functions take for AWS.
    pub fn aws_url(&self) -> String {
        format!("http://{}", self.aws)
    }

    /// What the functions take for TikTok's API host.
    pub fn tiktok_url(&self) -> String {
        format!("http://{}", self.tiktok)
    }

    /// Gives the functions the names we know them by; `functions` is name -> physical name.
    pub fn name_functions(&self, functions: &BTreeMap<String, String>) {
        self.shared.tape().functions =
            functions.iter().map(|(name, physical)| (physical.clone(), name.clone())).collect();
    }

    /// Calls that hold one of these texts are about `tag`. So are, by what the wire learns on the way, posts written for it,
    /// copies made for it, TikTok's `publish_id` of it, and calls without any such text by a process that was about it just
    /// before.
    pub fn watch(&self, tag: &str, markers: impl IntoIterator<Item = impl Into<String>>) {
        let mut tape = self.shared.tape();
        for marker in markers {
            tape.markers.insert(marker.into(), tag);
        }
    }

    /// Nothing is about `tag` any more.
    pub fn unwatch(&self, tag: &str) {
        let mut tape = self.shared.tape();
        tape.markers.forget(tag);
        tape.working_on.retain(|_, of| of != tag);
    }

    /// Chance begins anew with this seed.
    pub fn seed(&self, seed: u64) {
        self.shared.tape().chance = StdRng::seed_from_u64(seed);
    }

    /// Installs a rule; it is used up when it has struck as often as it says.
    pub fn install(&self, rule: Rule) -> RuleId {
        let mut tape = self.shared.tape();
        tape.rules.push(Installed { rule, matched: 0, struck: 0 });
        RuleId(tape.rules.len() - 1)
    }

    /// How often a rule has struck.
    pub fn struck(&self, rule: RuleId) -> u32 {
        self.shared.tape().rules[rule.0].struck
    }

    /// Takes a rule away.
    pub fn remove(&self, rule: RuleId) {
        self.shared.tape().rules[rule.0].rule.count = 0;
    }

    /// Every call that has ended so far, in the order in which they ended.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.tape().calls.clone()
    }

    /// The calls about one tag, in the order in which they began.
    pub fn calls_about(&self, tag: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.about.as_deref() == Some(tag));
        calls.sort_by_key(|call| call.seq);
        calls
    }

    /// Forgets the calls so far.
    pub fn forget(&self) {
        self.shared.tape().calls.clear();
    }

    /// Waits until `look` finds what it looks for among the calls that have ended; `None` after `patience`.
    pub async fn wait_for<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&[Call]) -> Option<T>,
    ) -> Option<T> {
        self.until(patience, |tape| look(&tape.calls)).await
    }

    /// Waits until a rule has struck; `false` after `patience`.
    pub async fn strikes(&self, rule: RuleId, patience: Duration) -> bool {
        self.until(patience, |tape| (tape.rules[rule.0].struck > 0).then_some(())).await.is_some()
    }

    async fn until<T>(&self, patience: Duration, mut look: impl FnMut(&Tape) -> Option<T>) -> Option<T> {
        let mut changes = self.shared.changes.subscribe();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(&self.shared.tape()) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, search).await.ok().flatten()
    }
}

/// On a free port.
async fn listen() -> Result<(TcpListener, SocketAddr)> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening for the functions")?;
    let address = listener.local_addr().context("asking for the proxy's address")?;
    Ok((listener, address))
}

fn upstream(base: &str) -> Result<String> {
    let address = base.strip_prefix("http://").with_context(|| format!("`{base}` is not plain http"))?;
    Ok(address.trim_end_matches('/').to_owned())
}

/// A call is broken off: the connection closes.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken off on purpose")
    }
}

impl std::error::Error for Broken {}

impl Shared {
    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self: Arc<Self>, listener: TcpListener, side: Side, upstream: String) {
        let ours = listener.local_addr().map_or(0, |address| address.port());
        loop {
            let Ok((stream, peer)) = listener.accept().await else { continue };
            tokio::spawn(Arc::clone(&self).serve(stream, peer.port(), ours, side, upstream.clone()));
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, port: u16, ours: u16, side: Side, upstream: String) {
        let _ = stream.set_nodelay(true);
        let process = tokio::task::spawn_blocking(move || caller::behind(port, ours)).await.ok().flatten();
        let service = service_fn(move |request| {
            let (shared, process, upstream) = (Arc::clone(&self), process.clone(), upstream.clone());
            // a task of its own: the effect takes place even if the caller goes away meanwhile
            let pass = tokio::spawn(shared.pass(request, process, side, upstream));
            async move { pass.await.unwrap_or(Err(Broken)) }
        });
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn pass(
        self: Arc<Self>,
        request: Request<Incoming>,
        process: Option<Process>,
        side: Side,
        upstream: String,
    ) -> Result<Response<Full<Bytes>>, Broken> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Broken)?.to_bytes();
        let (mut call, strikes) = self.begin(&parts, &body, process, side);

        let mut answer = None;
        let mut outcome = self.strike(&strikes, When::Before, &mut call).await;
        if outcome.is_ok() {
            let outgoing = || Self::outgoing(&parts, body.clone(), &upstream);
            let instead = |act: &Act| matches!(act, Act::Throttle | Act::Swallow | Act::Double);
            answer = match strikes.iter().map(|(_, act)| *act).find(instead) {
                Some(Act::Throttle) => Some(refusal::throttled(call.service)),
                Some(Act::Swallow) => Some(refusal::swallowed(call.seq)),
                Some(Act::Double) => {
                    self.forward(outgoing()).await;
                    self.forward(outgoing()).await
                }
                Some(Act::Kill | Act::Lose | Act::Delay(_)) | None => self.forward(outgoing()).await,
            };
            self.learn(&parts, &body, answer.as_ref(), &mut call);
            outcome = self.strike(&strikes, When::After, &mut call).await;
        }
        call.took = call.at.elapsed();
        let mut tape = self.tape();
        if let Some(exchanges) = &mut tape.exchanges {
            exchanges.push(Exchange {
                side,
                service: call.service,
                operation: call.operation.clone(),
                name: call.name(),
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body,
                answer: answer.clone(),
            });
        }
        tape.calls.push(call);
        drop(tape);
        self.changes.send_modify(|count| *count += 1);
        outcome?;
        Ok(answer.ok_or(Broken)?.map(Full::new))
    }

    /// Names the call, and finds what strikes it.
    fn begin(
        &self,
        parts: &request::Parts,
        body: &Bytes,
        process: Option<Process>,
        side: Side,
    ) -> (Call, Vec<(When, Act)>) {
        let Name { service, operation, subject } = match side {
            Side::Aws => naming::aws(&parts.method, &parts.uri, &parts.headers, body),
            Side::TikTok => naming::tiktok(&parts.uri),
            Side::Api => naming::api(&parts.method, &parts.uri),
        };
        // the emulator tells no capacity of batches
        let read_units = if operation == "BatchGetItem" { naming::batch_units(body) } else { 0.0 };
        let mut tape = self.tape();
        tape.begun += 1;
        let pid = process.as_ref().map(|process| process.pid);
        let function =
            process.map(|process| tape.functions.get(&process.function).cloned().unwrap_or(process.function));
        let call = Call {
            seq: tape.begun,
            at: Instant::now(),
            took: Duration::ZERO,
            side,
            function,
            pid,
            service,
            about: tape.about(&parts.uri, body, pid, &operation),
            subject,
            status: None,
            sent: body.len() as u64,
            received: 0,
            delayed: if operation == "SendMessage" { naming::delay(body) } else { Duration::ZERO },
            operation,
            read_units,
            write_units: 0.0,
            struck: None,
        };
        let mut strikes = Vec::new();
        let Tape { rules, chance, .. } = &mut *tape;
        for Installed { rule, matched, struck } in rules {
            if *struck < rule.count && rule.matches(&call) {
                *matched += 1;
                if *matched > rule.skip && (rule.share >= 1.0 || chance.random_bool(rule.share)) {
                    *struck += 1;
                    strikes.push((rule.when, rule.act));
                }
            }
        }
        drop(tape);
        if !strikes.is_empty() {
            // whoever waits for it hears of it now, not when the call is over
            self.changes.send_modify(|count| *count += 1);
        }
        (call, strikes)
    }

    async fn strike(&self, strikes: &[(When, Act)], now: When, call: &mut Call) -> Result<(), Broken> {
        for (_, act) in strikes.iter().filter(|(when, _)| *when == now) {
            call.struck = Some(*act);
            match act {
                Act::Delay(time) => tokio::time::sleep(*time).await,
                Act::Throttle | Act::Swallow | Act::Double => {}
                Act::Lose => return Err(Broken),
                Act::Kill => {
                    if let Some(pid) = call.pid {
                        caller::kill(pid);
                    }
                    return Err(Broken);
                }
            }
        }
        Ok(())
    }

    fn outgoing(parts: &request::Parts, body: Bytes, upstream: &str) -> Request<Full<Bytes>> {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = Uri::try_from(format!("http://{upstream}{path}")).unwrap_or_default();
        *request.headers_mut() = end_to_end(&parts.headers);
        request
    }

    async fn forward(&self, request: Request<Full<Bytes>>) -> Option<Response<Bytes>> {
        let (parts, body) = self.client.request(request).await.ok()?.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let mut response = Response::new(body);
        *response.status_mut() = parts.status;
        *response.headers_mut() = end_to_end(&parts.headers);
        Some(response)
    }

    /// What the answer tells.
    fn learn(
        &self,
        parts: &request::Parts,
        asked: &Bytes,
        answer: Option<&Response<Bytes>>,
        call: &mut Call,
    ) {
        let Some(answer) = answer else { return };
        call.status = Some(answer.status().as_u16());
        call.received = answer.body().len() as u64;
        if call.service == "DynamoDB" {
            let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
            let units = match &body["ConsumedCapacity"] {
                Value::Null => call.read_units,
                told => consumed(told),
            };
            let reads = ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&call.operation.as_str());
            *(if reads { &mut call.read_units } else { &mut call.write_units }) = units;
        }
        if answer.status() != StatusCode::OK {
            return;
        }
        let Some(tag) = &call.about else { return };
        let marker = match (call.service, call.operation.as_str()) {
            ("DynamoDB", "UpdateItem") => {
                let asked: Value = serde_json::from_slice(asked).unwrap_or_default();
                let pk = asked["Key"]["pk"]["S"].as_str();
                pk.and_then(|pk| pk.strip_prefix("post#")).map(str::to_owned)
            }
            ("S3", "CopyObject") => Some(naming::bucket_and_key(&parts.uri).1.to_owned()),
            ("TikTok", "video_init") => {
                let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                body["data"]["publish_id"].as_str().map(str::to_owned)
            }
            _ => None,
        };
        if let Some(marker) = marker {
            self.tape().markers.insert(marker, tag);
        }
    }
}

impl Tape {
    fn about(&mut self, uri: &Uri, body: &[u8], pid: Option<i32>, operation: &str) -> Option<String> {
        if operation == "Query" {
            // a sweep or a list: about nothing in particular
            pid.map(|pid| self.working_on.remove(&pid));
            return None;
        }
        let mut tags = self.markers.find(&[&String::from_utf8_lossy(body), uri.path()]);
        match (tags.pop(), pid) {
            (Some(tag), Some(pid)) if tags.is_empty() => {
                self.working_on.insert(pid, tag.clone());
                Some(tag)
            }
            // about several
            (Some(_), pid) => {
                pid.map(|pid| self.working_on.remove(&pid));
                None
            }
            (None, Some(pid)) => self.working_on.get(&pid).cloned(),
            (None, None) => None,
        }
    }
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn consumed(capacity: &Value) -> f64 {
    match capacity {
        Value::Array(each) => each.iter().map(consumed).sum(),
        one => one["CapacityUnits"].as_f64().unwrap_or_default(),
    }
}
