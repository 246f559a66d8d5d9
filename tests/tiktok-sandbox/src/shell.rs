//! The HTTP shell: sockets, the clock, downloads and webhooks around the core.
//!
//! It speaks hyper itself: a lost answer closes the connection without one, which no web framework offers.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::fetch::{FetchRules, fetch};
use crate::log::Entry;
use crate::wire::{Delivery, Request, Response};
use crate::world::{Effect, World};

const PAGE: &str = include_str!("page.html");

/// Where the sandbox listens and what it remembers.
#[derive(Debug, Clone)]
pub struct Options {
    pub address: SocketAddr,
    /// The world is read from here at the start, if it is there, and kept here.
    pub state_file: Option<PathBuf>,
}

impl Default for Options {
    /// A free port on loopback, and no memory.
    fn default() -> Self {
        Self { address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), state_file: None }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the configuration is not one TikTok would take")]
    Config(#[from] ConfigError),
    #[error("listening on `{address}`")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("making the HTTP client")]
    Client(#[from] reqwest::Error),
    #[error("reading the state from `{path}`")]
    State { path: PathBuf, source: std::io::Error },
}

/// A running TikTok. Dropping it stops it; [`Sandbox::stop`] also waits until its state is kept.
#[derive(Debug)]
pub struct Sandbox {
    /// `http://127.0.0.1:<port>`, the base of the API and of the consent page alike.
    pub base_url: String,
    pub address: SocketAddr,
    shell: Arc<Shell>,
    stop: watch::Sender<bool>,
    timer: Option<JoinHandle<()>>,
}

struct Inner {
    world: World,
    rng: StdRng,
}

struct Shell {
    inner: Mutex<Inner>,
    jumped_ms: AtomicI64,
    /// Counts changes of the world.
    changes: watch::Sender<u64>,
    wake: Notify,
    client: reqwest::Client,
    stopped: watch::Receiver<bool>,
    state_file: Option<PathBuf>,
    dirty: AtomicBool,
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts on a free port of loopback.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with(World::new(config)?, Options::default()).await
    }

    /// Starts with a world of one's own. A world in the state file comes first, with `world`'s settings.
    pub async fn start_with(world: World, options: Options) -> Result<Self, StartError> {
        let world = match &options.state_file {
            Some(path) => remembered(path, world)?,
            None => world,
        };
        let listener = TcpListener::bind(options.address)
            .await
            .map_err(|source| StartError::Listen { address: options.address, source })?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: options.address, source })?;
        let rng = world.config().seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        let (stop, stopped) = watch::channel(false);
        let shell = Arc::new(Shell {
            inner: Mutex::new(Inner { world, rng }),
            jumped_ms: AtomicI64::new(0),
            changes: watch::Sender::new(0),
            wake: Notify::new(),
            client: http_client()?,
            stopped,
            state_file: options.state_file,
            dirty: AtomicBool::new(true),
        });
        shell.act(World::resume);
        tokio::spawn(Arc::clone(&shell).accept(listener));
        let timer = Some(tokio::spawn(Arc::clone(&shell).keep_time()));
        Ok(Self { base_url: format!("http://{address}"), address, shell, stop, timer })
    }

    /// The core itself. What changes it and returns effects belongs into [`Sandbox::act`].
    pub fn world(&self) -> impl std::ops::DerefMut<Target = World> + '_ {
        WorldGuard(self.shell.lock())
    }

    /// Changes the world and does what follows from it.
    pub fn act(&self, change: impl FnOnce(&mut World, i64) -> Vec<Effect>) {
        self.shell.act(change);
    }

    pub fn now_ms(&self) -> i64 {
        self.shell.now_ms()
    }

    /// The clock jumps ahead, and what becomes due happens.
    pub fn advance_clock(&self, ms: i64) {
        self.shell.jumped_ms.fetch_add(ms, Ordering::SeqCst);
        self.shell.act(World::tick);
    }

    /// A token set for this account, as if its owner had just consented.
    pub fn connect(&self, client_key: &str, account: &str, scopes: &[&str]) -> Value {
        let now = self.now_ms();
        let mut inner = self.shell.lock();
        let Inner { world, rng } = &mut *inner;
        world.connect(client_key, account, scopes, now, rng)
    }

    pub fn log(&self) -> Vec<Entry> {
        self.shell.lock().world.log().to_vec()
    }

    /// Waits until `look` finds what it looks for; `None` after `patience`.
    pub async fn wait_for<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&World) -> Option<T>,
    ) -> Option<T> {
        let mut changes = self.shell.changes.subscribe();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = look(&self.shell.lock().world) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, search).await.ok().flatten()
    }

    /// Stops, and waits until the state file is written.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(timer) = self.timer.take() {
            let _ = timer.await;
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

struct WorldGuard<'a>(MutexGuard<'a, Inner>);

impl std::ops::Deref for WorldGuard<'_> {
    type Target = World;
    fn deref(&self) -> &World {
        &self.0.world
    }
}

impl std::ops::DerefMut for WorldGuard<'_> {
    fn deref_mut(&mut self) -> &mut World {
        &mut self.0.world
    }
}

fn remembered(path: &Path, fresh: World) -> Result<World, StartError> {
    let failed = |source| StartError::State { path: path.into(), source };
    match std::fs::read(path) {
        Ok(bytes) => {
            let mut world: World = serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))?;
            world.set_config(fresh.config().clone())?;
            Ok(world)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(fresh),
        Err(error) => Err(failed(error)),
    }
}

fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    // Whoever came first has chosen the provider; either will do.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .pool_max_idle_per_host(0)
        .connect_timeout(Duration::from_secs(10))
        .build()
}

impl Shell {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> i64 {
        #[expect(clippy::disallowed_methods, reason = "the one place where the sandbox reads the clock")]
        let now = SystemTime::now();
        let real = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        i64::try_from(real).unwrap_or(i64::MAX).saturating_add(self.jumped_ms.load(Ordering::SeqCst))
    }

    fn act(self: &Arc<Self>, change: impl FnOnce(&mut World, i64) -> Vec<Effect>) {
        let effects = {
            let mut inner = self.lock();
            change(&mut inner.world, self.now_ms())
        };
        self.changed(effects);
    }

    fn changed(self: &Arc<Self>, effects: Vec<Effect>) {
        self.dirty.store(true, Ordering::SeqCst);
        self.changes.send_modify(|count| *count += 1);
        self.wake.notify_one();
        for effect in effects {
            let shell = Arc::clone(self);
            let mut stopped = self.stopped.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => {}
                    () = shell.perform(effect) => {}
                }
            });
        }
    }

    async fn perform(self: Arc<Self>, effect: Effect) {
        match effect {
            Effect::Fetch { publish_id, url, rules } => self.fetch(&publish_id, &url, &rules).await,
            Effect::SendWebhook { delivery, url, signature, body, .. } => {
                let request = self
                    .client
                    .post(url)
                    .timeout(Duration::from_secs(15))
                    .header("content-type", "application/json")
                    .header("tiktok-signature", signature)
                    .body(body);
                let status = request.send().await.ok().map(|answer| answer.status().as_u16());
                self.act(|world, now| world.webhook_answered(delivery, status, now));
            }
        }
    }

    async fn fetch(self: &Arc<Self>, publish_id: &str, url: &str, rules: &FetchRules) {
        let outcome = fetch(&self.client, url, rules).await;
        self.act(|world, now| world.fetched(publish_id, outcome, now));
    }

    /// Ticks when something is due, and keeps the state file.
    async fn keep_time(self: Arc<Self>) {
        let mut stopped = self.stopped.clone();
        let mut keep = tokio::time::interval(Duration::from_millis(500));
        loop {
            let due = self.lock().world.next_due();
            let wait = due.map_or(i64::MAX, |due| due - self.now_ms());
            if wait <= 0 {
                self.act(World::tick);
                continue;
            }
            let wait = u64::try_from(wait).unwrap_or(0).min(60_000);
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(Duration::from_millis(wait)) => {}
                _ = keep.tick() => self.keep_state(),
            }
        }
        self.keep_state();
    }

    fn keep_state(&self) {
        let Some(path) = &self.state_file else { return };
        if !self.dirty.swap(false, Ordering::SeqCst) {
            return;
        }
        let text = serde_json::to_vec(&self.lock().world).unwrap_or_default();
        let draft = path.with_extension("new");
        let kept = std::fs::write(&draft, text).and_then(|()| std::fs::rename(&draft, path));
        if let Err(error) = kept {
            eprintln!("tiktok-sandbox: the state could not be kept in `{}`: {error}", path.display());
        }
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut stopped = self.stopped.clone();
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => return,
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(Arc::clone(&self).serve(stream));
                    }
                }
            }
        }
    }

    async fn serve(self: Arc<Self>, stream: TcpStream) {
        let mut stopped = self.stopped.clone();
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request| Arc::clone(&self).answer(request));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => {}
            _ = connection => {}
        }
    }

    async fn answer(
        self: Arc<Self>,
        request: http::Request<Incoming>,
    ) -> Result<http::Response<BoxBody<Bytes, Hangup>>, Hangup> {
        let (parts, body) = request.into_parts();
        // A chunk of an upload, or something that speaks JSON.
        let most = if parts.method == http::Method::PUT { 128 * 1_024 * 1_024 } else { 2_000_000 };
        let body = Limited::new(body, most).collect().await.map_err(|_| Hangup)?.to_bytes();
        let request = Request::from(http::Request::from_parts(parts, body));
        if request.path == "/" {
            return into_http(Response::html(200, PAGE.into()));
        }
        if request.path.starts_with("/_sandbox/") {
            self.wait_for_log(&request).await;
            return into_http(self.control(&request));
        }
        let (response, effects) = {
            let now = self.now_ms();
            let mut inner = self.lock();
            let Inner { world, rng } = &mut *inner;
            world.handle(&request, now, rng)
        };
        self.changed(effects);
        if let Delivery::After { ms } = response.delivery {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        into_http(response)
    }

    fn control(self: &Arc<Self>, request: &Request) -> Response {
        let done = {
            let now = self.now_ms();
            let mut inner = self.lock();
            let Inner { world, rng } = &mut *inner;
            world.control(request, now, rng)
        };
        self.jumped_ms.fetch_add(done.jump_ms, Ordering::SeqCst);
        if request.method != http::Method::GET {
            self.changed(done.effects);
        }
        done.answer
    }

    /// `GET /_sandbox/log?after=N&wait_ms=M` waits for line N + 1.
    async fn wait_for_log(&self, request: &Request) {
        let number = |name: &str| {
            request
                .query_pairs()
                .iter()
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.parse().ok())
        };
        if request.path != "/_sandbox/log" {
            return;
        }
        let (after, Some(wait_ms)) = (number("after").unwrap_or(0), number("wait_ms")) else { return };
        let mut changes = self.changes.subscribe();
        let longer = async {
            while self.lock().world.log().len() as u64 <= after {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(wait_ms), longer).await;
    }
}

/// Closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost on purpose")]
struct Hangup;

fn into_http(response: Response) -> Result<http::Response<BoxBody<Bytes, Hangup>>, Hangup> {
    let mut parts = http::Response::new(());
    *parts.status_mut() = response.status;
    *parts.headers_mut() = response.headers;
    let body = match response.delivery {
        Delivery::Lost => return Err(Hangup),
        Delivery::Arrives | Delivery::After { .. } => {
            Full::new(response.body).map_err(|never: Infallible| match never {}).boxed()
        }
        Delivery::CutBody => {
            parts.headers_mut().insert(http::header::CONTENT_LENGTH, response.body.len().into());
            let half = response.body.slice(..response.body.len() / 2);
            let pieces = [Ok(Frame::data(half)), Err(Hangup)];
            Pieces(pieces.into()).boxed()
        }
    };
    let (head, ()) = parts.into_parts();
    Ok(http::Response::from_parts(head, body))
}

/// A body in pieces, the last of which is a hang-up.
struct Pieces(std::collections::VecDeque<Result<Frame<Bytes>, Hangup>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Hangup;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, Hangup>>> {
        std::task::Poll::Ready(self.0.pop_front())
    }
}
