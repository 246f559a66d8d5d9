//! The function, what it may touch, and a client that speaks to it.

use std::sync::{Arc, Mutex};

use api::{Api, KeyCache, Outside};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use domain::account::RefreshPlan;
use domain::app::ModeSetting;
use domain::media::{Container, Declared, Probe, VideoProbe};
use domain::{
    CreatorId, KeyId, Media, MediaId, Periods, Scope, Scopes, SignedDuration, Timestamp, WorkspaceId,
};
use http::{HeaderMap, Method, Request, StatusCode, header};
use lambda_kit::redacted::Secret;
use ports::fakes::{ManualClock, MemoryObjects, MemoryQueues, MemoryTable, MemoryVault, SeededEntropy};
use ports::samples::{self, NOON};
use ports::{ApiKey, Clock, Entropy};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tiktok::{Endpoints, Exchange, ExchangeError, Response};
use tiktok_sandbox::{Account, App, Config, World};
use tower::ServiceExt as _;
use wiring::secrets::AppSecrets;

pub(crate) const BASE: &str = "https://api.slipway.example";
pub(crate) const CLIENT_SECRET: &str = "the client secret of the tests";
const CLIENT_KEY: &str = "awtests";

#[derive(Clone)]
pub(crate) struct Time {
    clock: ManualClock,
    entropy: SeededEntropy,
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Entropy for Time {
    fn random(&self) -> [u8; 32] {
        self.entropy.random()
    }
}

/// TikTok's imitation, called in process.
#[derive(Clone)]
pub(crate) struct TikTok {
    core: Arc<Mutex<(World, StdRng)>>,
    clock: ManualClock,
}

impl TikTok {
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World, i64, &mut StdRng) -> T) -> T {
        let mut core = self.core.lock().unwrap();
        let (world, rng) = &mut *core;
        act(world, self.clock.now().as_millisecond(), rng)
    }

    /// How often this endpoint was called.
    pub(crate) fn calls(&self, endpoint: tiktok_sandbox::Endpoint) -> usize {
        self.with(|world, _, _| world.calls(endpoint).count())
    }
}

impl Exchange for TikTok {
    async fn exchange(&self, request: tiktok::Request) -> Result<Response, ExchangeError> {
        let mut sent = Request::builder().method(request.method).uri(request.url.as_str());
        *sent.headers_mut().unwrap() = request.headers;
        let sent = tiktok_sandbox::Request::from(sent.body(request.body).unwrap());
        let (answer, _) = self.with(|world, now, rng| world.handle(&sent, now, rng));
        match answer.delivery {
            tiktok_sandbox::Delivery::Arrives | tiktok_sandbox::Delivery::After { .. } => {
                Ok(Response { status: answer.status, headers: answer.headers, body: answer.body })
            }
            tiktok_sandbox::Delivery::Lost | tiktok_sandbox::Delivery::CutBody => {
                Err(ExchangeError::maybe_sent("the answer was lost"))
            }
        }
    }
}

struct Memory;

impl Outside for Memory {
    type Store = MemoryTable;
    type Objects = MemoryObjects;
    type Queues = MemoryQueues;
    type Vault = MemoryVault;
    type Exchange = TikTok;
    type Time = Time;
    type Secrets = Arc<AppSecrets>;
}

pub(crate) struct Fixture {
    pub(crate) table: MemoryTable,
    pub(crate) objects: MemoryObjects,
    pub(crate) queues: MemoryQueues,
    pub(crate) clock: ManualClock,
    pub(crate) tiktok: TikTok,
    public_base_url: Option<String>,
    router: Router,
    /// The workspace that asks, unless a request says otherwise.
    pub(crate) us: Workspace,
    pub(crate) them: Workspace,
}

pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) key: KeyId,
    pub(crate) bearer: String,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::at(Some(BASE))
    }

    /// With this as what people and TikTok see.
    pub(crate) fn at(public_base_url: Option<&str>) -> Self {
        let clock = ManualClock::default();
        let config = Config::default()
            .with_app(
                CLIENT_KEY,
                App {
                    client_secret: CLIENT_SECRET.into(),
                    redirect_uris: vec![format!("{BASE}/oauth/tiktok/callback")],
                    ..App::default()
                },
            )
            .with_account("ada", Account { nickname: "Ada <Lovelace>".into(), ..Account::default() })
            .with_account(
                "grace",
                Account { nickname: "Grace Hopper".into(), private: true, ..Account::default() },
            );
        let core = (World::new(config).unwrap(), StdRng::seed_from_u64(7));
        let tiktok = TikTok { core: Arc::new(Mutex::new(core)), clock: clock.clone() };
        let (table, objects) = (MemoryTable::new(), MemoryObjects::new());
        let queues = MemoryQueues::new(clock.clone());
        let us = workspace(&table, 1);
        let them = workspace(&table, 2);
        let public_base_url = public_base_url.map(str::to_owned);
        let fixture =
            Self { table, objects, queues, clock, tiktok, public_base_url, router: Router::new(), us, them };
        let router = fixture.function(1);
        Self { router, ..fixture }
    }

    /// A function of its own, with what it believes of keys, over the same rows.
    fn function(&self, seed: u64) -> Router {
        Api::<Memory> {
            store: self.table.clone(),
            objects: self.objects.clone(),
            queues: self.queues.clone(),
            vault: MemoryVault::new(),
            tiktok: tiktok::Client::new(self.tiktok.clone(), Endpoints::tiktok()),
            time: Time { clock: self.clock.clone(), entropy: SeededEntropy::new(seed) },
            secrets: Arc::new(AppSecrets {
                client_key: CLIENT_KEY.into(),
                client_secret: Secret::from(CLIENT_SECRET),
                deployment_secret: Secret::from("the deployment secret of the tests"),
            }),
            periods: Periods::default(),
            refresh: RefreshPlan {
                at_percent: 60,
                jitter_percent: 15,
                keep_alive: SignedDuration::from_hours(30 * 24),
            },
            upload: SignedDuration::from_mins(15),
            public_base_url: self.public_base_url.clone(),
            tiktok_mode: ModeSetting::Auto,
            media_base_url: Some("https://media.slipway.example".to_owned()),
            cors_origins: vec!["https://app.example".to_owned()],
            rules: api::Rules::default(),
            keys: KeyCache::default(),
        }
        .router()
    }

    /// The same deployment, asked through another function.
    pub(crate) fn another_function(&self) -> Self {
        let who = |who: &Workspace| Workspace {
            id: who.id.clone(),
            key: who.key.clone(),
            bearer: who.bearer.clone(),
        };
        Self {
            table: self.table.clone(),
            objects: self.objects.clone(),
            queues: self.queues.clone(),
            clock: self.clock.clone(),
            tiktok: self.tiktok.clone(),
            public_base_url: self.public_base_url.clone(),
            router: self.function(2),
            us: who(&self.us),
            them: who(&self.them),
        }
    }

    /// Another key of our workspace, which may do this and nothing else.
    pub(crate) fn key_with(&self, number: u128, scopes: impl IntoIterator<Item = Scope>) -> Workspace {
        let scopes = scopes.into_iter().collect();
        insert_key(&self.table, self.us.id.clone(), KeyId::from_bits(number), scopes)
    }

    /// With a creator `ada` (public account) that has connected.
    pub(crate) async fn connected() -> (Self, CreatorId) {
        let fixture = Self::new();
        let creator = fixture.connect("ada").await;
        fixture.table.forget_calls();
        (fixture, creator)
    }

    /// Connects an account of TikTok's the way people do.
    pub(crate) async fn connect(&self, account: &str) -> CreatorId {
        let link = self.post("/v1/connect-links", &json!({})).await;
        let page = self.follow(link.body["url"].as_str().unwrap(), account, None).await;
        assert_eq!(StatusCode::OK, page.status, "{}", page.text);
        let handle = |id: &str| self.tiktok.with(|world, _, _| world.open_id(CLIENT_KEY, account)) == id;
        let creators = self.table.creators();
        creators.iter().find(|creator| handle(&creator.open_id)).expect("the creator is there").id.clone()
    }

    /// Opens a link, consents as `account` to `scopes` (all, if none are given), and comes back.
    pub(crate) async fn follow(&self, link: &str, account: &str, scopes: Option<&[&str]>) -> Answer {
        let opened = self.get_as(None, link).await;
        let consent = opened.headers[header::LOCATION].to_str().unwrap();
        let back = self.consent(consent, account, scopes);
        self.come_back(&back, Some(opened.cookie())).await
    }

    pub(crate) fn consent(&self, authorize_url: &str, account: &str, scopes: Option<&[&str]>) -> String {
        let query = authorize_url.split_once('?').unwrap().1;
        let scopes: Option<Vec<String>> =
            scopes.map(|scopes| scopes.iter().map(|&scope| scope.to_owned()).collect());
        self.tiktok
            .with(|world, now, rng| world.consent(query, account, scopes.as_deref(), now, rng))
            .expect("TikTok sends the browser back")
    }

    pub(crate) async fn come_back(&self, url: &str, cookie: Option<String>) -> Answer {
        let mut request = Request::builder().uri(url);
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, format!("other=1; {cookie}"));
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// A media of ours that was probed and is good.
    pub(crate) fn ready_media(&self, number: u128, duration_ms: u64) -> MediaId {
        let media = self.awaited_media(number);
        self.probe(&media, duration_ms);
        media
    }

    pub(crate) fn awaited_media(&self, number: u128) -> MediaId {
        let id = MediaId::from_bits(number);
        let declared = Declared { container: Container::Mp4, size: 1_000, sha256: None, convert: false };
        let now = self.clock.now();
        self.table.insert_media(Media::declare(
            id.clone(),
            self.us.id.clone(),
            declared,
            now,
            &Periods::default(),
        ));
        id
    }

    /// What media-ingest writes, without telling any post.
    pub(crate) fn probe(&self, media: &MediaId, duration_ms: u64) {
        let probe = VideoProbe {
            container: Container::Mp4,
            codec: "h264".into(),
            duration_ms,
            frame_rate_millis: 29_970,
            width: 1_080,
            height: 1_920,
            rotation: 0,
            size: 1_000,
        };
        self.judge(media, Ok((Probe::Video(probe), Vec::new())));
    }

    pub(crate) fn judge(
        &self,
        media: &MediaId,
        verdict: Result<(Probe, Vec<domain::Problem>), Vec<domain::Problem>>,
    ) {
        let media = self.table.all_media().into_iter().find(|row| row.row.id == *media).unwrap();
        self.table.insert_media(media.row.judged("\"etag\"".into(), verdict));
    }

    /// A body that is accepted.
    pub(crate) fn post_body(creator: &CreatorId, media: &MediaId) -> Value {
        json!({
            "creator": creator.as_str(),
            "kind": "video",
            "mode": "direct",
            "media": [{ "id": media.as_str() }],
            "caption": "Harbour at six #boats",
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "allow": { "comment": true, "duet": false, "stitch": false },
            "disclosure": { "your_brand": false, "branded_content": false },
            "ai_generated": false,
            "cover_timestamp_ms": 1_200,
            "transport": "auto",
            "consent": {
                "music_usage_confirmed": true,
                "branded_content_policy_confirmed": false,
                "text_version": "2026-08",
            },
        })
    }

    pub(crate) async fn create(&self, key: &str, body: &Value) -> Answer {
        self.create_raw(key, "application/json", body.to_string()).await
    }

    pub(crate) async fn create_raw(&self, key: &str, content_type: &str, body: impl Into<Body>) -> Answer {
        let request = self
            .request(Method::POST, "/v1/posts")
            .header("idempotency-key", key)
            .header(header::CONTENT_TYPE, content_type);
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.request(Method::POST, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(Some(&self.us), path).await
    }

    pub(crate) async fn get_as(&self, who: Option<&Workspace>, path: &str) -> Answer {
        let mut request = Request::builder().uri(path);
        if let Some(who) = who {
            request = request.header(header::AUTHORIZATION, &who.bearer);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, &self.us.bearer)
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        send(self.router.clone(), request).await
    }

    /// Posts that are created at the very same moment.
    pub(crate) fn create_at_once(&self, requests: &[(String, Value)]) -> Vec<Answer> {
        let request = |(key, body): &(String, Value)| {
            let request = self.request(Method::POST, "/v1/posts").header("idempotency-key", key);
            let request = request.header(header::CONTENT_TYPE, "application/json");
            request.body(body.to_string().into()).unwrap()
        };
        self.at_once(requests.iter().map(request).collect())
    }

    /// Requests that are sent at the very same moment, each by a thread of its own, half of them through another function.
    pub(crate) fn at_once(&self, requests: Vec<Request<Body>>) -> Vec<Answer> {
        let functions = [self.router.clone(), self.function(3)];
        let start = std::sync::Barrier::new(requests.len());
        std::thread::scope(|scope| {
            let threads: Vec<_> = requests
                .into_iter()
                .zip(functions.iter().cycle())
                .map(|(request, function)| {
                    let (function, start) = (function.clone(), &start);
                    scope.spawn(move || {
                        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                        start.wait();
                        runtime.block_on(send(function, request))
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    pub(crate) fn router(&self) -> Router {
        self.router.clone()
    }
}

async fn send(function: Router, request: Request<Body>) -> Answer {
    let response = function.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer { status: parts.status, headers: parts.headers, text, body }
}

fn workspace(table: &MemoryTable, number: u128) -> Workspace {
    let id = WorkspaceId::from_bits(number);
    insert_key(table, id, KeyId::from_bits(number << 64), Scopes::all())
}

/// A key that is in use, and so does not write down its first use.
fn insert_key(table: &MemoryTable, id: WorkspaceId, key: KeyId, scopes: Scopes) -> Workspace {
    let secret = format!("{:064x}", key.bits());
    table.insert_key(ApiKey {
        id: key.clone(),
        workspace: id.clone(),
        secret_sha256: sha256(secret.as_bytes()),
        scopes,
        last_used_at: Some(NOON),
        ..samples::api_key(0, NOON)
    });
    let bearer = format!("Bearer slk_{:032x}_{secret}", key.bits());
    Workspace { id, key, bearer }
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref().try_into().unwrap()
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The cookie that was set, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self.headers[header::SET_COOKIE].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }

    /// Status, and parameter and rule of each problem; that it is a whole problem is checked on the way.
    pub(crate) fn problems(&self) -> (u16, Vec<(String, String)>) {
        assert_eq!("application/problem+json", self.headers[header::CONTENT_TYPE], "{}", self.text);
        for field in ["type", "title", "detail", "code", "param", "rule", "source", "remedy", "request_id"] {
            assert!(self.body[field].is_string(), "`{field}` in {}", self.text);
        }
        assert_eq!(json!(self.status.as_u16()), self.body["status"]);
        assert_eq!(self.headers["x-request-id"].to_str().unwrap(), self.body["request_id"]);
        assert!(self.body["retryable"].is_boolean());
        let errors = self.body["errors"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let found = errors
            .iter()
            .map(|error| {
                assert!(!text(&error["detail"]).is_empty() && !text(&error["remedy"]).is_empty());
                assert!(
                    domain::Rule::find(&text(&error["rule"])).is_some(),
                    "no rule of the catalogue: {error}"
                );
                (text(&error["param"]), text(&error["rule"]))
            })
            .collect();
        (self.status.as_u16(), found)
    }

    /// That it is this one problem.
    pub(crate) fn is_problem(&self, status: u16, param: &str, rule: &str) {
        assert_eq!((status, vec![(param.to_owned(), rule.to_owned())]), self.problems(), "{}", self.text);
    }

    pub(crate) fn replayed(&self) -> bool {
        self.headers.get("idempotency-replayed").is_some_and(|value| value == "true")
    }
}
