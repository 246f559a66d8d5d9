//! The client against the imitation of TikTok, over real sockets: each error code and each `fail_reason` arises from
//! its cause, and the client makes of it what its caller needs.
//!
//! The imitation is strict in everything, except that a URL on loopback may be plain http: it really downloads.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use tiktok::{
    AccessToken, Ambiguity, AppCredentials, AuthorizeUrl, ChunkAnswer, Client, ClientSecret, Endpoint,
    Endpoints, Error, ErrorCode, Exchange, ExchangeError, ExchangeLimits, FailReason, NextChunk,
    OAuthErrorCode, PhotoMode, PhotoPost, PhotoSettings, PrivacyLevel, PublishStatus, PullUrl, RefreshToken,
    Remedy, Request, ReqwestExchange, Response, Scopes, StatusReport, TokenSet, UploadPlan, UploadUrl, Video,
    VideoPage, VideoPost, VideoType, VideoUpload, scope,
    webhook::{self, Event, EventKind, PublishType, RemovalReason, SignatureError},
};
use tiktok_sandbox::{
    Account, App, AutoTime, Config, Endpoint as Imitated, Fault, FaultKind, Outage, PostState, Rotation,
    Sandbox, Time,
    config::{Cancel, SCOPES},
    sha256_hex,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::script::{app, photo_post, post, shown};

const CALLBACK: &str = "https://slipway.example/oauth/callback";
const KEY: &str = "key-1";
const OTHER_KEY: &str = "key-2";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
const PATIENCE: Duration = Duration::from_secs(30);
const A_MINUTE: Remedy = Remedy::WaitAndRetry { min: Duration::from_mins(1) };
const HALF_A_MINUTE: Remedy = Remedy::WaitAndRetry { min: Duration::from_secs(30) };

/// One request as it came.
struct Seen {
    head: String,
    body: Vec<u8>,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Answers each connection's one request with what `answer` says, or, for None, never. The base ends with a slash.
async fn serve(answer: impl Fn(Seen) -> Option<Vec<u8>> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = Arc::clone(&answer);
            tokio::spawn(async move {
                let Some(seen) = read(&mut stream).await else { return };
                match answer(seen) {
                    Some(bytes) => drop(stream.write_all(&bytes).await),
                    None => std::future::pending().await,
                }
            });
        }
    });
    base
}

async fn read(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
            let seen = Seen { head, body: bytes[end + 4..].to_vec() };
            let length = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
            if seen.body.len() >= length {
                return Some(seen);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn film(name: &str) -> Option<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tiktok-sandbox/media");
    std::fs::read(format!("{folder}/sandbox-{name}")).ok()
}

/// A host of media, good and bad, below `/videos/`.
#[expect(clippy::needless_pass_by_value, reason = "the shape of every answer")]
fn media_host(seen: Seen) -> Option<Vec<u8>> {
    let target = seen.head.split(' ').nth(1).unwrap();
    let path = target.split('?').next().unwrap();
    let good = film("good.mp4").unwrap();
    Some(match path.strip_prefix("/videos/").unwrap_or_default() {
        "never.mp4" => return None,
        "moved.mp4" => reply("302 Found\r\nlocation: /videos/good.mp4", b""),
        "text.mp4" => reply("200 OK", b"<html>no video, whatever its name says</html>"),
        "cut.mp4" => reply("200 OK", &good[..good.len() - 2_000]),
        "broken.mp4" => {
            let whole = reply("200 OK", &good);
            whole[..whole.len() / 2].to_vec()
        }
        name => film(name).map_or_else(|| reply("404 Not Found", b""), |bytes| reply("200 OK", &bytes)),
    })
}

fn client<E>(base: &str, exchange: E) -> Client<E> {
    Client::new(exchange, Endpoints::new(base, base).unwrap())
}

fn exchange(total: Duration) -> ReqwestExchange {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let limits = ExchangeLimits { connect: Duration::from_secs(20), total, max_body: 64 * 1024 };
    ReqwestExchange::new(reqwest::Client::builder().tls_backend_preconfigured(tls), limits).unwrap()
}

/// The real exchange behind one change to the request, for what a typed client cannot say.
struct Misspelling {
    exchange: ReqwestExchange,
    from: &'static str,
    to: &'static str,
}

impl Exchange for Misspelling {
    async fn exchange(&self, mut request: Request) -> Result<Response, ExchangeError> {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        assert!(body.contains(self.from), "nothing to misspell");
        request.body = body.replace(self.from, self.to).into();
        self.exchange.exchange(request).await
    }
}

/// TikTok with two apps and two creators, public `ada` and private `grace`; a host of media; and our client, which
/// holds a token of ada's.
struct Site {
    sandbox: Sandbox,
    client: Client<ReqwestExchange>,
    media: String,
    token: AccessToken,
}

impl Site {
    async fn start() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let media = serve(media_host).await;
        let known = |secret: &str| App {
            client_secret: secret.to_owned(),
            redirect_uris: vec![CALLBACK.to_owned()],
            verified_url_prefixes: vec![format!("{media}videos/")],
            ..App::default()
        };
        let mut config = Config {
            plain_http_on_loopback: true,
            time: Time::Auto(AutoTime { fetch_ms: 0, processing_ms: 1, public_id_ms: 1 }),
            cancel: Cancel { delay_ms: 1, ..Cancel::default() },
            ..Config::default()
        }
        .with_app(KEY, known(app().client_secret.expose()))
        .with_app(OTHER_KEY, known("SECRET-OTHER"))
        .with_account("ada", Account { nickname: "Ada Lovelace".to_owned(), ..Account::default() })
        .with_account(
            "grace",
            Account { nickname: "Grace Hopper".to_owned(), private: true, ..Account::default() },
        );
        change(&mut config);
        let sandbox = Sandbox::start(config).await.unwrap();
        let client = client(&sandbox.base_url, exchange(PATIENCE));
        let token = tokens(&sandbox, "ada", &SCOPES).0;
        Self { sandbox, client, media, token }
    }

    // What is so at TikTok.

    fn change(&self, change: impl FnOnce(&mut Config)) {
        self.sandbox.world().reconfigure(change);
    }

    fn change_app(&self, change: impl FnOnce(&mut App)) {
        self.change(|config| change(config.apps.get_mut(KEY).unwrap()));
    }

    fn change_ada(&self, change: impl FnOnce(&mut Account)) {
        self.change(|config| change(config.accounts.get_mut("ada").unwrap()));
    }

    fn outage(&self, outage: Outage) {
        self.change(|config| config.outage = outage);
    }

    fn token_of(&self, account: &str, scopes: &[&str]) -> AccessToken {
        tokens(&self.sandbox, account, scopes).0
    }

    fn refresh_token(&self) -> RefreshToken {
        tokens(&self.sandbox, "ada", &SCOPES).1
    }

    fn posted_elsewhere(&self, times: usize) {
        let now = self.sandbox.now_ms();
        (0..times).for_each(|_| self.sandbox.world().posted_elsewhere("ada", now));
    }

    fn inject(&self, endpoint: Imitated, kind: FaultKind) {
        self.sandbox.world().inject(Fault::once(endpoint, kind));
    }

    fn advance(&self, publish_id: &str) {
        self.sandbox.act(|world, now| world.advance(publish_id, now).unwrap());
    }

    // What our client does.

    fn pull_url(&self, file: &str) -> PullUrl {
        PullUrl::new(format!("{}videos/{file}?signature=SECRET-SIGNATURE", self.media))
    }

    async fn init_as(&self, token: &AccessToken, post: &VideoPost, file: &str) -> Result<String, Error> {
        self.client.init_video_pull(token, post, &self.pull_url(file)).await
    }

    async fn init_of(&self, file: &str) -> Result<String, Error> {
        self.init_as(&self.token, &post(), file).await
    }

    async fn init(&self) -> Result<String, Error> {
        self.init_of("good.mp4").await
    }

    async fn init_with(&self, change: impl FnOnce(&mut VideoPost)) -> Result<String, Error> {
        let mut post = post();
        change(&mut post);
        self.init_as(&self.token, &post, "good.mp4").await
    }

    async fn init_from(&self, url: &str) -> Result<String, Error> {
        self.client.init_video_pull(&self.token, &post(), &PullUrl::new(url)).await
    }

    async fn inits(&self, times: usize) {
        for _ in 0..times {
            self.init().await.unwrap();
        }
    }

    async fn creator_info(&self) -> Result<tiktok::CreatorInfo, Error> {
        self.client.creator_info(&self.token).await
    }

    async fn status(&self, publish_id: &str) -> Result<StatusReport, Error> {
        self.client.fetch_status(&self.token, publish_id).await
    }

    async fn cancel(&self, publish_id: &str) -> Result<(), Error> {
        self.client.cancel(&self.token, publish_id).await
    }

    async fn list(&self) -> Result<VideoPage, Error> {
        self.client.list_videos(&self.token, None, 20).await
    }

    /// A post whose download never ends.
    async fn in_download(&self) -> String {
        self.init_of("never.mp4").await.unwrap()
    }

    async fn announce(&self, size: u64) -> Result<VideoUpload, Error> {
        self.client.init_video_upload(&self.token, &post(), UploadPlan::of(size).unwrap()).await
    }

    async fn put(&self, upload: &VideoUpload, film: &Bytes, range: Range<u64>) -> Result<ChunkAnswer, Error> {
        let bytes = |at| usize::try_from(at).unwrap();
        let piece = film.slice(bytes(range.start)..bytes(range.end));
        let total = film.len() as u64;
        self.client.upload_chunk(&upload.upload_url, VideoType::Mp4, range, total, piece).await
    }

    async fn init_draft(&self) -> Result<String, Error> {
        self.client.init_draft_pull(&self.token, &self.pull_url("good.mp4")).await
    }

    async fn init_photos_of(&self, post: &PhotoPost, files: &[&str]) -> Result<String, Error> {
        let urls: Vec<PullUrl> = files.iter().map(|file| self.pull_url(file)).collect();
        self.client.init_photo_post(&self.token, post, &urls).await
    }

    /// Two good photos, posted directly or as a draft, but for one change.
    async fn init_photos_with(
        &self,
        mode: PhotoMode,
        change: impl FnOnce(&mut PhotoPost),
    ) -> Result<String, Error> {
        let mut post = PhotoPost { mode, ..photo_post() };
        change(&mut post);
        self.init_photos_of(&post, &["good.jpg", "good.webp"]).await
    }

    async fn init_photos(&self) -> Result<String, Error> {
        self.init_photos_with(photo_post().mode, |_| {}).await
    }

    async fn init_photo_draft(&self) -> Result<String, Error> {
        self.init_photos_with(PhotoMode::MediaUpload, |_| {}).await
    }

    async fn init_photos_for(&self, privacy_level: PrivacyLevel) -> Result<String, Error> {
        let PhotoMode::DirectPost(settings) = photo_post().mode else { panic!("a direct post") };
        let mode = PhotoMode::DirectPost(PhotoSettings { privacy_level, ..settings });
        self.init_photos_with(mode, |_| {}).await
    }

    async fn exchange_code(&self, code: &str) -> Result<TokenSet, Error> {
        self.client.exchange_code(&app(), code, CALLBACK).await
    }

    async fn refresh(&self, token: &RefreshToken) -> Result<TokenSet, Error> {
        self.client.refresh(&app(), token).await
    }

    /// Something that our client has no call for.
    async fn post_json(&self, path: &str, body: &Value) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {}", self.token.expose())).unwrap(),
        );
        let request = Request {
            endpoint: Endpoint::StatusFetch,
            method: Method::POST,
            url: format!("{}{path}", self.sandbox.base_url).parse().unwrap(),
            headers,
            body: body.to_string().into(),
        };
        let answer = self.client.exchange.exchange(request).await.unwrap();
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Ada consents to what our authorize URL asks, less the scopes she unticks. The callback's fields.
    async fn consent(&self, granted: Option<&[&str]>) -> Vec<(String, String)> {
        let scopes = [scope::USER_INFO_BASIC, scope::VIDEO_PUBLISH, scope::VIDEO_UPLOAD];
        let url = self.client.authorize_url(AuthorizeUrl {
            client_key: KEY,
            scopes: &scopes.into_iter().collect(),
            redirect_uri: CALLBACK,
            state: "st4te",
            disable_auto_auth: true,
        });
        let wish = json!({ "account": "ada", "query": url.as_str(), "scopes": granted });
        let answer = self.post_json("/_sandbox/consent", &wish).await;
        let location: url::Url = answer["location"].as_str().unwrap().parse().unwrap();
        assert!(location.as_str().starts_with(CALLBACK), "{location}");
        location.query_pairs().into_owned().collect()
    }

    async fn code(&self) -> String {
        let fields = self.consent(None).await;
        fields.into_iter().find(|(key, _)| key == "code").expect("a code").1
    }

    // What becomes of a post.

    /// A post of the good video whose bytes TikTok has, and which goes no further by itself.
    async fn in_processing(&self) -> String {
        self.change(|config| config.time = Time::Explicit);
        let publish_id = self.init().await.unwrap();
        self.wait_for(&publish_id, |state| matches!(state, PostState::Processing { .. })).await;
        publish_id
    }

    async fn ended(&self, publish_id: &str) {
        self.wait_for(publish_id, |state| {
            matches!(state, PostState::Complete { .. } | PostState::Failed { .. })
        })
        .await;
    }

    async fn wait_for(&self, publish_id: &str, there: impl Fn(&PostState) -> bool) {
        let found = self.sandbox.wait_for(PATIENCE, |world| {
            world.post(publish_id).is_some_and(|post| there(&post.state)).then_some(())
        });
        found.await.expect("the state in time");
    }

    /// Every post that TikTok accepted comes to its end; the publications in its log.
    async fn publications(&self) -> Vec<tiktok_sandbox::Publication> {
        let found = self.sandbox.wait_for(PATIENCE, |world| {
            let open = |post: &tiktok_sandbox::Post| {
                !matches!(post.state, PostState::Complete { .. } | PostState::Failed { .. })
            };
            (!world.posts().any(open)).then(|| world.publications().cloned().collect())
        });
        found.await.expect("an end of every post")
    }

    fn calls(&self, endpoint: Imitated) -> usize {
        self.sandbox.world().calls(endpoint).count()
    }
}

fn tokens(sandbox: &Sandbox, account: &str, scopes: &[&str]) -> (AccessToken, RefreshToken) {
    let set = sandbox.connect(KEY, account, scopes);
    let text = |field: &str| set[field].as_str().unwrap().to_owned();
    (AccessToken::new(text("access_token")), RefreshToken::new(text("refresh_token")))
}

fn other_app() -> AppCredentials {
    AppCredentials { client_key: OTHER_KEY.to_owned(), client_secret: ClientSecret::new("SECRET-OTHER") }
}

fn app_with(change: impl FnOnce(&mut AppCredentials)) -> AppCredentials {
    let mut app = app();
    change(&mut app);
    app
}

fn imitated(endpoint: Endpoint) -> Imitated {
    match endpoint {
        Endpoint::ExchangeCode | Endpoint::Refresh => Imitated::Token,
        Endpoint::Revoke => Imitated::Revoke,
        Endpoint::UserInfo => Imitated::UserInfo,
        Endpoint::CreatorInfo => Imitated::CreatorInfo,
        Endpoint::VideoInit | Endpoint::VideoUploadInit => Imitated::VideoInit,
        Endpoint::DraftInit | Endpoint::DraftUploadInit => Imitated::InboxInit,
        Endpoint::PhotoInit => Imitated::ContentInit,
        Endpoint::UploadChunk => Imitated::Upload,
        Endpoint::StatusFetch => Imitated::StatusFetch,
        Endpoint::Cancel => Imitated::Cancel,
        Endpoint::VideoList => Imitated::VideoList,
    }
}

// Every error code.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Variant {
    Refused,
    OAuthRefused,
    ServerFault,
    Other,
}

impl Variant {
    fn of(error: &Error) -> Self {
        match error {
            Error::Refused { code, .. } if !matches!(code, ErrorCode::Other(_)) => Self::Refused,
            Error::OAuthRefused { code, .. } if !matches!(code, OAuthErrorCode::Other(_)) => {
                Self::OAuthRefused
            }
            Error::Ambiguous { why: Ambiguity::ServerFault, .. } => Self::ServerFault,
            _ => Self::Other,
        }
    }
}

struct Row {
    endpoint: Endpoint,
    http_status: u16,
    code: &'static str,
    variant: Variant,
    /// `proves_nothing_was_created`
    proof: bool,
    remedy: Remedy,
}

impl Row {
    fn check(&self, site: &Site, error: &Error) {
        let text = shown(error);
        assert_eq!(error.endpoint(), self.endpoint, "{text}");
        assert_eq!(Variant::of(error), self.variant, "{text}");
        assert_eq!((error.http_status(), error.code()), (Some(self.http_status), Some(self.code)), "{text}");
        assert_eq!((error.proves_nothing_was_created(), error.remedy()), (self.proof, self.remedy), "{text}");
        assert!(error.log_id().is_some_and(|id| id.len() == 24), "{text}");
        assert!(!text.contains("SECRET") && !text.contains(site.token.expose()), "{text}");

        // The imitation's own account of the call, and that it left nothing behind.
        let world = site.sandbox.world();
        let (_, call) = world.calls(imitated(self.endpoint)).last().expect("the call");
        assert_eq!((call.status, call.code.as_str()), (self.http_status, self.code), "{call:?}");
        let inits = [Imitated::VideoInit, Imitated::InboxInit, Imitated::ContentInit];
        let calls = inits.into_iter().flat_map(|endpoint| world.calls(endpoint));
        assert_eq!(world.posts().count(), calls.filter(|(_, call)| call.code == "ok").count());
        if inits.contains(&imitated(self.endpoint)) {
            assert_eq!(call.publish_id, None);
        }
    }
}

/// `name: endpoint status code variant proof remedy <- site => a call with the cause`
macro_rules! codes {
    ($($name:ident: $endpoint:ident $status:literal $code:literal $variant:ident $proof:literal $remedy:expr;
       $site:ident => $call:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let $site = Site::start().await;
                let error = $call.map(drop).unwrap_err();
                let row = Row {
                    endpoint: Endpoint::$endpoint,
                    http_status: $status,
                    code: $code,
                    variant: Variant::$variant,
                    proof: $proof,
                    remedy: $remedy,
                };
                row.check(&$site, &error);
            }
        )*
        const CODES: &[(Endpoint, u16, &str)] = &[$((Endpoint::$endpoint, $status, $code)),*];
    };
}

codes! {
    // a code for tokens
    an_exchange_with_an_unknown_client_key: ExchangeCode 401 "invalid_client" OAuthRefused true Remedy::Operator;
        site => {
            let app = app_with(|app| app.client_key = "nobody".to_owned());
            site.client.exchange_code(&app, &site.code().await, CALLBACK).await
        };
    an_exchange_with_a_wrong_secret: ExchangeCode 401 "invalid_client" OAuthRefused true Remedy::Operator;
        site => {
            let app = app_with(|app| app.client_secret = ClientSecret::new("SECRET-WRONG"));
            site.client.exchange_code(&app, &site.code().await, CALLBACK).await
        };
    an_exchange_without_a_code: ExchangeCode 400 "invalid_request" OAuthRefused true Remedy::FixRequest;
        site => site.exchange_code("").await;
    an_exchange_with_a_misspelt_grant_type:
        ExchangeCode 400 "unsupported_grant_type" OAuthRefused true Remedy::FixRequest;
        site => {
            let exchange = Misspelling { exchange: exchange(PATIENCE), from: "authorization_code", to: "code" };
            client(&site.sandbox.base_url, exchange).exchange_code(&app(), &site.code().await, CALLBACK).await
        };
    an_exchange_of_an_unknown_code: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.exchange_code("no-such-code").await;
    an_exchange_of_a_code_still_encoded: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let code = site.code().await;
            let encoded: String = url::form_urlencoded::byte_serialize(code.as_bytes()).collect();
            assert_ne!(code, encoded);
            site.exchange_code(&encoded).await
        };
    an_exchange_of_a_code_used_before: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let code = site.code().await;
            site.exchange_code(&code).await.unwrap();
            site.exchange_code(&code).await
        };
    an_exchange_of_an_old_code: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let code = site.code().await;
            site.sandbox.advance_clock(5 * MINUTE_MS);
            site.exchange_code(&code).await
        };
    an_exchange_with_another_redirect_uri: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.client.exchange_code(&app(), &site.code().await, &format!("{CALLBACK}/")).await;
    an_exchange_of_another_apps_code: ExchangeCode 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.client.exchange_code(&other_app(), &site.code().await, CALLBACK).await;
    an_exchange_in_an_outage: ExchangeCode 500 "server_error" ServerFault false Remedy::Ambiguous;
        site => {
            let code = site.code().await;
            site.outage(Outage::Api);
            site.exchange_code(&code).await
        };

    // a refresh token for tokens
    a_refresh_with_an_unknown_client_key: Refresh 401 "invalid_client" OAuthRefused true Remedy::Operator;
        site => {
            let app = app_with(|app| app.client_key = "nobody".to_owned());
            site.client.refresh(&app, &site.refresh_token()).await
        };
    a_refresh_with_a_wrong_secret: Refresh 401 "invalid_client" OAuthRefused true Remedy::Operator;
        site => {
            let app = app_with(|app| app.client_secret = ClientSecret::new("SECRET-WRONG"));
            site.client.refresh(&app, &site.refresh_token()).await
        };
    a_refresh_without_a_token: Refresh 400 "invalid_request" OAuthRefused true Remedy::FixRequest;
        site => site.refresh(&RefreshToken::new("")).await;
    a_refresh_with_a_misspelt_grant_type: Refresh 400 "unsupported_grant_type" OAuthRefused true Remedy::FixRequest;
        site => {
            let (from, to) = ("grant_type=refresh_token", "grant_type=refresh");
            let exchange = Misspelling { exchange: exchange(PATIENCE), from, to };
            client(&site.sandbox.base_url, exchange).refresh(&app(), &site.refresh_token()).await
        };
    a_refresh_with_an_unknown_token: Refresh 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.refresh(&RefreshToken::new("rft.nobody")).await;
    a_refresh_with_a_used_token: Refresh 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let token = site.refresh_token();
            site.refresh(&token).await.unwrap();
            site.refresh(&token).await
        };
    a_refresh_with_an_expired_token: Refresh 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let token = site.refresh_token();
            site.sandbox.advance_clock(365 * DAY_MS);
            site.refresh(&token).await
        };
    a_refresh_with_a_revoked_token: Refresh 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => {
            let token = site.refresh_token();
            site.sandbox.act(|world, now| world.revoke_user(KEY, "ada", 1, now));
            site.refresh(&token).await
        };
    a_refresh_with_another_apps_token: Refresh 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.client.refresh(&other_app(), &site.refresh_token()).await;
    a_refresh_in_an_outage: Refresh 500 "server_error" ServerFault false Remedy::Ambiguous;
        site => {
            site.outage(Outage::Api);
            site.refresh(&site.refresh_token()).await
        };

    // an end of the grant
    a_revocation_with_a_wrong_secret: Revoke 401 "invalid_client" OAuthRefused true Remedy::Operator;
        site => {
            let app = app_with(|app| app.client_secret = ClientSecret::new("SECRET-WRONG"));
            site.client.revoke(&app, &site.token).await
        };
    a_revocation_of_another_apps_token: Revoke 400 "invalid_grant" OAuthRefused true Remedy::Reauthorize;
        site => site.client.revoke(&other_app(), &site.token).await;
    a_revocation_without_a_token: Revoke 400 "invalid_request" OAuthRefused true Remedy::FixRequest;
        site => site.client.revoke(&app(), &AccessToken::new("")).await;
    a_revocation_in_an_outage: Revoke 500 "server_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.client.revoke(&app(), &site.token).await
        };

    // user/info
    user_info_with_a_dead_token: UserInfo 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => site.client.user_info(&AccessToken::new("act.nobody"), &Scopes::default()).await;
    user_info_without_its_scope: UserInfo 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => {
            let token = site.token_of("ada", &[scope::VIDEO_PUBLISH]);
            site.client.user_info(&token, &Scopes::default()).await
        };
    user_info_beyond_its_scope: UserInfo 400 "scope_permission_missed" Refused true Remedy::Reauthorize;
        site => {
            let token = site.token_of("ada", &[scope::USER_INFO_BASIC]);
            site.client.user_info(&token, &Scopes::parse("user.info.basic,user.info.profile")).await
        };
    user_info_with_an_unknown_field: UserInfo 400 "invalid_params" Refused true Remedy::FixRequest;
        site => {
            let exchange = MisspeltQuery(exchange(PATIENCE));
            client(&site.sandbox.base_url, exchange).user_info(&site.token, &Scopes::default()).await
        };
    user_info_too_often: UserInfo 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            site.change(|config| config.limits.user_info = 2);
            for _ in 0..2 {
                site.client.user_info(&site.token, &Scopes::default()).await.unwrap();
            }
            site.client.user_info(&site.token, &Scopes::default()).await
        };
    user_info_in_an_outage: UserInfo 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.client.user_info(&site.token, &Scopes::default()).await
        };

    // creator_info
    creator_info_with_an_expired_token: CreatorInfo 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            site.sandbox.advance_clock(DAY_MS);
            site.creator_info().await
        };
    creator_info_after_the_user_left: CreatorInfo 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            site.sandbox.act(|world, now| world.revoke_user(KEY, "ada", 1, now));
            site.creator_info().await
        };
    creator_info_without_its_scope: CreatorInfo 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => site.client.creator_info(&site.token_of("ada", &[scope::VIDEO_UPLOAD])).await;
    creator_info_21_times_a_minute: CreatorInfo 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            for _ in 0..20 {
                site.creator_info().await.unwrap();
            }
            site.creator_info().await
        };
    creator_info_of_a_banned_creator:
        CreatorInfo 200 "spam_risk_user_banned_from_posting" Refused true Remedy::CreatorNever;
        site => {
            site.change_ada(|ada| ada.banned = true);
            site.creator_info().await
        };
    creator_info_at_the_daily_cap: CreatorInfo 200 "spam_risk_too_many_posts" Refused true Remedy::CreatorLater;
        site => {
            site.posted_elsewhere(15);
            site.creator_info().await
        };
    creator_info_at_the_apps_cap: CreatorInfo 200 "reached_active_user_cap" Refused true Remedy::AppLater;
        site => {
            site.change_app(|app| app.active_user_cap = 1);
            site.init_as(&site.token_of("grace", &SCOPES), &post(), "good.mp4").await.unwrap();
            site.creator_info().await
        };
    creator_info_in_an_outage: CreatorInfo 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.creator_info().await
        };

    // video/init
    an_init_with_an_expired_token: VideoInit 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            let now = site.sandbox.now_ms();
            site.sandbox.world().expire_access_tokens("ada", now);
            site.init().await
        };
    an_init_without_the_scope: VideoInit 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => site.init_as(&site.token_of("ada", &[scope::VIDEO_UPLOAD]), &post(), "good.mp4").await;
    seven_inits_a_minute: VideoInit 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            site.inits(6).await;
            site.init().await
        };
    an_init_with_a_caption_too_long: VideoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_with(|post| post.title = Some(format!("{}x", "\u{1f6a2}".repeat(1_100)))).await;
    an_init_with_an_unknown_level: VideoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_with(|post| post.privacy_level = PrivacyLevel::Other("PUBLIC".to_owned())).await;
    an_init_with_a_cover_time_beyond_int32: VideoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_with(|post| post.video_cover_timestamp_ms = Some(u32::MAX)).await;
    an_init_with_a_plain_http_url: VideoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_from("http://media.example.com/videos/good.mp4").await;
    an_init_with_an_address_for_a_host: VideoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_from("https://203.0.113.7/videos/good.mp4").await;
    an_init_from_another_prefix: VideoInit 403 "url_ownership_unverified" Refused true Remedy::Operator;
        site => site.init_from(&format!("{}other/good.mp4", site.media)).await;
    an_init_after_the_prefix_was_lost: VideoInit 403 "url_ownership_unverified" Refused true Remedy::Operator;
        site => {
            site.change_app(|app| app.verified_url_prefixes.clear());
            site.init().await
        };
    an_init_of_an_unaudited_app_for_a_public_account:
        VideoInit 403 "unaudited_client_can_only_post_to_private_accounts" Refused true Remedy::CreatorMustAct;
        site => {
            site.change_app(|app| app.audited = false);
            site.init().await
        };
    an_init_with_a_level_not_offered: VideoInit 403 "privacy_level_option_mismatch" Refused true Remedy::ChooseAgain;
        site => site.init_with(|post| post.privacy_level = PrivacyLevel::FollowerOfCreator).await;
    an_init_with_a_level_no_longer_offered:
        VideoInit 403 "privacy_level_option_mismatch" Refused true Remedy::ChooseAgain;
        site => {
            let info = site.creator_info().await.unwrap();
            assert!(info.privacy_level_options.contains(&PrivacyLevel::PublicToEveryone));
            site.change_ada(|ada| ada.private = true);
            site.init_with(|post| post.privacy_level = PrivacyLevel::PublicToEveryone).await
        };
    an_init_of_a_banned_creator:
        VideoInit 403 "spam_risk_user_banned_from_posting" Refused true Remedy::CreatorNever;
        site => {
            site.change_ada(|ada| ada.banned = true);
            site.init().await
        };
    an_init_at_the_daily_cap: VideoInit 403 "spam_risk_too_many_posts" Refused true Remedy::CreatorLater;
        site => {
            site.change_ada(|ada| ada.daily_cap = 4);
            site.posted_elsewhere(1);
            site.inits(3).await;
            site.init().await
        };
    an_init_at_the_apps_cap: VideoInit 403 "reached_active_user_cap" Refused true Remedy::AppLater;
        site => {
            site.change_app(|app| app.active_user_cap = 1);
            site.init_as(&site.token_of("grace", &SCOPES), &post(), "good.mp4").await.unwrap();
            site.init().await
        };
    an_init_for_the_sixth_creator_of_an_unaudited_app:
        VideoInit 403 "reached_active_user_cap" Refused true Remedy::AppLater;
        site => {
            site.change_app(|app| app.audited = false);
            for name in ["lin", "mary", "hedy", "joan", "radia"] {
                let account = Account { private: true, ..Account::default() };
                site.change(|config| drop(config.accounts.insert(name.to_owned(), account)));
                site.init_as(&site.token_of(name, &SCOPES), &post(), "good.mp4").await.unwrap();
            }
            site.init_as(&site.token_of("grace", &SCOPES), &post(), "good.mp4").await
        };
    an_init_in_an_outage: VideoInit 500 "internal_error" ServerFault false Remedy::Ambiguous;
        site => {
            site.outage(Outage::Api);
            site.init().await
        };

    // status/fetch
    a_status_of_an_unknown_post: StatusFetch 400 "invalid_publish_id" Refused true HALF_A_MINUTE;
        site => site.status("v_pub_url~v2-1.1").await;
    a_status_of_a_post_not_visible_yet: StatusFetch 400 "invalid_publish_id" Refused true HALF_A_MINUTE;
        site => {
            site.change(|config| config.status_visible_after_ms = MINUTE_MS);
            let publish_id = site.init().await.unwrap();
            let early = site.status(&publish_id).await;
            assert_eq!(site.calls(Imitated::StatusFetch), 1);
            early
        };
    a_status_of_somebody_elses_post:
        StatusFetch 400 "token_not_authorized_for_specified_publish_id" Refused true Remedy::FixRequest;
        site => {
            let publish_id = site.init().await.unwrap();
            site.client.fetch_status(&site.token_of("grace", &SCOPES), &publish_id).await
        };
    a_status_of_nothing: StatusFetch 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.status("").await;
    a_status_with_an_expired_token: StatusFetch 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            let publish_id = site.init().await.unwrap();
            site.sandbox.advance_clock(DAY_MS);
            site.status(&publish_id).await
        };
    a_status_without_the_scope: StatusFetch 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => {
            let publish_id = site.init().await.unwrap();
            site.client.fetch_status(&site.token_of("ada", &[scope::USER_INFO_BASIC]), &publish_id).await
        };
    a_status_31_times_a_minute: StatusFetch 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            let publish_id = site.init().await.unwrap();
            for _ in 0..30 {
                site.status(&publish_id).await.unwrap();
            }
            site.status(&publish_id).await
        };
    a_status_in_an_outage: StatusFetch 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            let publish_id = site.init().await.unwrap();
            site.outage(Outage::Api);
            site.status(&publish_id).await
        };

    // video/init of an upload
    an_upload_with_a_dead_token: VideoUploadInit 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            let plan = UploadPlan::of(9).unwrap();
            site.client.init_video_upload(&AccessToken::new("act.SECRET-DEAD"), &post(), plan).await
        };
    an_upload_with_a_misspelt_chunk_size: VideoUploadInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => {
            let (from, to) = (r#""chunk_size":9"#, r#""chunk_size":8"#);
            let exchange = Misspelling { exchange: exchange(PATIENCE), from, to };
            let client = client(&site.sandbox.base_url, exchange);
            client.init_video_upload(&site.token, &post(), UploadPlan::of(9).unwrap()).await
        };
    an_upload_over_the_daily_cap: VideoUploadInit 403 "spam_risk_too_many_posts" Refused true Remedy::CreatorLater;
        site => {
            site.posted_elsewhere(15);
            site.announce(9).await
        };
    an_upload_in_an_outage: VideoUploadInit 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.announce(9).await
        };

    an_init_with_a_caption_too_long_in_the_posting_pages_words:
        VideoInit 400 "invalid_param" Refused true Remedy::FixRequest;
        site => {
            site.change(|config| config.singular_invalid_param = true);
            site.init_with(|post| post.title = Some("x".repeat(2_201))).await
        };

    // inbox/video/init
    a_draft_with_a_dead_token: DraftInit 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => site.client.init_draft_pull(&AccessToken::new("act.SECRET-DEAD"), &site.pull_url("good.mp4")).await;
    a_draft_without_the_scope: DraftInit 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => {
            let token = site.token_of("ada", &[scope::VIDEO_PUBLISH]);
            site.client.init_draft_pull(&token, &site.pull_url("good.mp4")).await
        };
    seven_drafts_a_minute: DraftInit 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            site.change(|config| config.inbox.pending_cap = 9);
            for _ in 0..6 {
                site.init_draft().await.unwrap();
            }
            site.init_draft().await
        };
    a_draft_from_a_plain_http_url: DraftInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => {
            let url = PullUrl::new("http://media.example.com/videos/good.mp4");
            site.client.init_draft_pull(&site.token, &url).await
        };
    a_draft_from_another_prefix: DraftInit 403 "url_ownership_unverified" Refused true Remedy::Operator;
        site => {
            let url = PullUrl::new(format!("{}other/good.mp4", site.media));
            site.client.init_draft_pull(&site.token, &url).await
        };
    a_draft_of_a_banned_creator:
        DraftInit 403 "spam_risk_user_banned_from_posting" Refused true Remedy::CreatorNever;
        site => {
            site.change_ada(|ada| ada.banned = true);
            site.init_draft().await
        };
    a_sixth_pending_draft: DraftInit 403 "spam_risk_too_many_pending_share" Refused true Remedy::InboxLater;
        site => {
            for _ in 0..5 {
                site.init_draft().await.unwrap();
            }
            site.init_draft().await
        };
    a_draft_in_an_outage: DraftInit 500 "internal_error" ServerFault false Remedy::Ambiguous;
        site => {
            site.outage(Outage::Api);
            site.init_draft().await
        };
    an_upload_of_a_sixth_pending_draft:
        DraftUploadInit 403 "spam_risk_too_many_pending_share" Refused true Remedy::InboxLater;
        site => {
            for _ in 0..5 {
                site.init_draft().await.unwrap();
            }
            site.client.init_draft_upload(&site.token, UploadPlan::of(9).unwrap()).await
        };
    an_upload_of_a_draft_in_an_outage: DraftUploadInit 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.client.init_draft_upload(&site.token, UploadPlan::of(9).unwrap()).await
        };

    // content/init
    photos_with_a_dead_token: PhotoInit 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            let urls = [site.pull_url("good.jpg"), site.pull_url("good.webp")];
            site.client.init_photo_post(&AccessToken::new("act.SECRET-DEAD"), &photo_post(), &urls).await
        };
    a_draft_of_photos_without_the_scope: PhotoInit 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => {
            let token = site.token_of("ada", &[scope::VIDEO_PUBLISH]);
            let draft = PhotoPost { mode: PhotoMode::MediaUpload, ..photo_post() };
            let urls = [site.pull_url("good.jpg"), site.pull_url("good.webp")];
            site.client.init_photo_post(&token, &draft, &urls).await
        };
    seven_inits_of_photos_a_minute: PhotoInit 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            for _ in 0..6 {
                site.init_photos().await.unwrap();
            }
            site.init_photos().await
        };
    photos_with_a_title_too_long: PhotoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_photos_with(photo_post().mode, |post| post.title = Some("x".repeat(91))).await;
    photos_with_a_description_too_long: PhotoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => {
            let long = Some("\u{1f6a2}".repeat(2_001));
            site.init_photos_with(PhotoMode::MediaUpload, |post| post.description = long).await
        };
    photos_with_a_cover_that_is_none: PhotoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_photos_with(photo_post().mode, |post| post.photo_cover_index = 2).await;
    no_photos_at_all: PhotoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_photos_of(&photo_post(), &[]).await;
    thirty_six_photos: PhotoInit 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.init_photos_of(&photo_post(), &["good.jpg"; 36]).await;
    photos_from_another_prefix: PhotoInit 403 "url_ownership_unverified" Refused true Remedy::Operator;
        site => {
            let urls = [site.pull_url("good.jpg"), PullUrl::new(format!("{}other/good.jpg", site.media))];
            site.client.init_photo_post(&site.token, &photo_post(), &urls).await
        };
    photos_of_an_unaudited_app:
        PhotoInit 403 "unaudited_client_can_only_post_to_private_accounts" Refused true Remedy::CreatorMustAct;
        site => {
            site.change_app(|app| app.audited = false);
            site.init_photos().await
        };
    photos_for_a_level_not_offered: PhotoInit 403 "privacy_level_option_mismatch" Refused true Remedy::ChooseAgain;
        site => site.init_photos_for(PrivacyLevel::FollowerOfCreator).await;
    photos_of_a_banned_creator:
        PhotoInit 403 "spam_risk_user_banned_from_posting" Refused true Remedy::CreatorNever;
        site => {
            site.change_ada(|ada| ada.banned = true);
            site.init_photos().await
        };
    photos_at_the_daily_cap: PhotoInit 403 "spam_risk_too_many_posts" Refused true Remedy::CreatorLater;
        site => {
            site.posted_elsewhere(15);
            site.init_photos().await
        };
    photos_at_the_apps_cap: PhotoInit 403 "reached_active_user_cap" Refused true Remedy::AppLater;
        site => {
            site.change_app(|app| app.active_user_cap = 1);
            site.init_as(&site.token_of("grace", &SCOPES), &post(), "good.mp4").await.unwrap();
            site.init_photos().await
        };
    a_sixth_pending_draft_of_photos:
        PhotoInit 403 "spam_risk_too_many_pending_share" Refused true Remedy::InboxLater;
        site => {
            for _ in 0..5 {
                site.init_draft().await.unwrap();
            }
            site.init_photo_draft().await
        };
    a_draft_of_photos_for_an_old_app: PhotoInit 400 "app_version_check_failed" Refused true Remedy::CreatorMustAct;
        site => {
            site.change_ada(|ada| ada.app_version = "31.7".to_owned());
            site.init_photo_draft().await
        };
    photos_in_an_outage: PhotoInit 500 "internal_error" ServerFault false Remedy::Ambiguous;
        site => {
            site.outage(Outage::Api);
            site.init_photos().await
        };

    // cancel
    a_cancel_with_a_dead_token: Cancel 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => {
            let publish_id = site.in_download().await;
            site.client.cancel(&AccessToken::new("act.SECRET-DEAD"), &publish_id).await
        };
    a_cancel_without_its_scope: Cancel 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => {
            let publish_id = site.in_download().await;
            let token = site.token_of("ada", &[scope::USER_INFO_BASIC]);
            site.client.cancel(&token, &publish_id).await
        };
    a_cancel_without_a_publish_id: Cancel 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.cancel("").await;
    a_cancel_of_no_post: Cancel 400 "invalid_publish_id" Refused true HALF_A_MINUTE;
        site => site.cancel("v_pub_url~v2-1.1").await;
    a_cancel_of_somebody_elses_post:
        Cancel 400 "token_not_authorized_for_specified_publish_id" Refused true Remedy::FixRequest;
        site => {
            let publish_id = site.in_download().await;
            site.client.cancel(&site.token_of("grace", &SCOPES), &publish_id).await
        };
    a_cancel_after_the_download: Cancel 400 "publish_not_cancellable" Refused true Remedy::TooLate;
        site => {
            let publish_id = site.in_processing().await;
            site.cancel(&publish_id).await
        };
    a_cancel_near_completion: Cancel 400 "publish_not_cancellable" Refused true Remedy::TooLate;
        site => {
            site.change(|config| config.cancel.near_completion_after_ms = Some(MINUTE_MS));
            let publish_id = site.in_download().await;
            site.sandbox.advance_clock(MINUTE_MS);
            site.cancel(&publish_id).await
        };
    a_cancel_in_an_outage: Cancel 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            let publish_id = site.in_download().await;
            site.outage(Outage::Api);
            site.cancel(&publish_id).await
        };

    // video/list
    a_list_with_a_dead_token: VideoList 401 "access_token_invalid" Refused true Remedy::RefreshToken;
        site => site.client.list_videos(&AccessToken::new("act.SECRET-DEAD"), None, 20).await;
    a_list_without_its_scope: VideoList 401 "scope_not_authorized" Refused true Remedy::Reauthorize;
        site => site.client.list_videos(&site.token_of("ada", &[scope::VIDEO_PUBLISH]), None, 20).await;
    a_list_of_more_than_twenty: VideoList 400 "invalid_params" Refused true Remedy::FixRequest;
        site => site.client.list_videos(&site.token, None, 21).await;
    more_lists_than_600_a_minute: VideoList 429 "rate_limit_exceeded" Refused true A_MINUTE;
        site => {
            for _ in 0..600 {
                site.list().await.unwrap();
            }
            site.list().await
        };
    a_list_in_an_outage: VideoList 500 "internal_error" ServerFault false Remedy::TikTokFault;
        site => {
            site.outage(Outage::Api);
            site.list().await
        };
}

/// The real exchange behind a `fields` that TikTok does not know.
struct MisspeltQuery(ReqwestExchange);

impl Exchange for MisspeltQuery {
    async fn exchange(&self, mut request: Request) -> Result<Response, ExchangeError> {
        request.url.set_query(Some("fields=open_id,shoe_size"));
        self.0.exchange(request).await
    }
}

// Every fail_reason.

/// `name: reason, whether a new attempt is sensible; site => a post with the cause`
macro_rules! failures {
    ($($name:ident: $reason:ident $sensible:literal; $site:ident => $publish_id:expr;)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                let $site = Site::start().await;
                let publish_id: String = $publish_id;
                $site.ended(&publish_id).await;
                // A new consent, for whoever lost the old one on the way.
                let token = $site.token_of("ada", &SCOPES);
                let report = $site.client.fetch_status(&token, &publish_id).await.unwrap();
                assert_eq!(report.status, PublishStatus::Failed);
                let reason = report.fail_reason.expect("a reason");
                assert_eq!((&reason, reason.new_attempt_sensible()), (&FailReason::$reason, $sensible));
                assert!(report.post_ids.is_empty());
            }
        )*
        const REASONS: &[FailReason] = &[$(FailReason::$reason),*];
    };
}

failures! {
    bytes_that_are_no_video: FileFormatCheckFailed false; site => site.init_of("text.mp4").await.unwrap();
    a_codec_that_tiktok_does_not_take: FileFormatCheckFailed false;
        site => site.init_of("mpeg4.mp4").await.unwrap();
    a_video_that_is_cut_off: FileFormatCheckFailed false; site => site.init_of("cut.mp4").await.unwrap();
    a_video_of_two_seconds: DurationCheckFailed false; site => site.init_of("two-seconds.mp4").await.unwrap();
    a_video_longer_than_the_creator_may_post: DurationCheckFailed false;
        site => {
            site.change_ada(|ada| ada.max_video_post_duration_sec = 11);
            site.init_of("twelve-seconds.mp4").await.unwrap()
        };
    too_few_frames_a_second: FrameRateCheckFailed false; site => site.init_of("15-fps.mp4").await.unwrap();
    too_many_frames_a_second: FrameRateCheckFailed false; site => site.init_of("75-fps.mp4").await.unwrap();
    a_side_too_short: PictureSizeCheckFailed false; site => site.init_of("358-wide.mp4").await.unwrap();
    a_side_too_long: PictureSizeCheckFailed false; site => site.init_of("4098-wide.mp4").await.unwrap();
    a_file_that_is_not_there: VideoPullFailed true; site => site.init_of("missing.mp4").await.unwrap();
    a_file_behind_a_redirect: VideoPullFailed true; site => site.init_of("moved.mp4").await.unwrap();
    a_download_that_breaks_off: VideoPullFailed true; site => site.init_of("broken.mp4").await.unwrap();
    a_download_of_more_than_an_hour: VideoPullFailed true;
        site => {
            let publish_id = site.init_of("never.mp4").await.unwrap();
            site.sandbox.advance_clock(60 * MINUTE_MS);
            publish_id
        };
    a_photo_that_is_a_png: FileFormatCheckFailed false;
        site => site.init_photos_of(&photo_post(), &["good.jpg", "photo.png"]).await.unwrap();
    a_photo_beyond_1080p: PictureSizeCheckFailed false;
        site => site.init_photos_of(&photo_post(), &["good.jpg", "1254x1254.jpg"]).await.unwrap();
    a_photo_that_is_not_there: PhotoPullFailed true;
        site => site.init_photos_of(&photo_post(), &["good.jpg", "missing.jpg"]).await.unwrap();
    a_photo_that_hangs_for_an_hour: PhotoPullFailed true;
        site => {
            site.outage(Outage::Pulls);
            let publish_id = site.init_photos().await.unwrap();
            site.sandbox.advance_clock(60 * MINUTE_MS);
            publish_id
        };
    a_post_cancelled_by_the_developer: PublishCancelled false;
        site => {
            let publish_id = site.init_of("never.mp4").await.unwrap();
            site.cancel(&publish_id).await.unwrap();
            publish_id
        };
    access_removed_by_the_user_meanwhile: AuthRemoved false;
        site => {
            let publish_id = site.in_processing().await;
            site.sandbox.act(|world, now| world.revoke_user(KEY, "ada", 1, now));
            publish_id
        };
    access_revoked_by_us_meanwhile: AuthRemoved false;
        site => {
            let publish_id = site.in_processing().await;
            site.client.revoke(&app(), &site.token).await.unwrap();
            publish_id
        };
    too_many_posts_elsewhere_meanwhile: SpamRiskTooManyPosts false;
        site => {
            let publish_id = site.in_processing().await;
            site.posted_elsewhere(15);
            site.advance(&publish_id);
            publish_id
        };
    banned_meanwhile: SpamRiskUserBannedFromPosting false;
        site => {
            let publish_id = site.in_processing().await;
            site.change_ada(|ada| ada.banned = true);
            site.advance(&publish_id);
            publish_id
        };
    a_risky_caption: SpamRiskText false;
        site => {
            site.change(|config| config.risk.words = vec!["Giveaway".to_owned()]);
            site.init_with(|post| post.title = Some("huge GIVEAWAY today".to_owned())).await.unwrap()
        };
    the_same_post_again: SpamRisk false;
        site => {
            site.change(|config| config.risk.identical_posts = Some(1));
            let first = site.init().await.unwrap();
            site.ended(&first).await;
            site.init().await.unwrap()
        };
    an_outage_while_processing: Internal true;
        site => {
            site.outage(Outage::Processing);
            site.init().await.unwrap()
        };
}

// The tables are complete.

fn imitations(file: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tiktok-sandbox");
    std::fs::read_to_string(format!("{folder}/{file}")).unwrap()
}

/// The rows of the imitation's own tables: the words in quotes after `name:`, and the number between them.
fn imitations_rows() -> Vec<(Vec<String>, Option<u16>)> {
    let table = imitations("tests/it/table.rs");
    let rows = table.lines().filter_map(|line| {
        let (name, row) = line.trim().split_once(": ")?;
        let is_name = name.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'));
        (is_name && row.starts_with('"')).then_some(row)
    });
    rows.map(|row| {
        let words = row.split('"').skip(1).step_by(2).map(str::to_owned).collect();
        (words, row.split(' ').find_map(|word| word.parse().ok()))
    })
    .collect()
}

#[test]
fn every_code_that_the_imitation_shows_is_in_our_table() {
    let mut checked = BTreeSet::new();
    for (words, status) in imitations_rows() {
        let ([endpoint, code], Some(status)) = (words.as_slice(), status) else { continue };
        let ours: &[Endpoint] = match endpoint.as_str() {
            "token" => &[Endpoint::ExchangeCode, Endpoint::Refresh],
            "revoke" => &[Endpoint::Revoke],
            "user_info" => &[Endpoint::UserInfo],
            "creator_info" => &[Endpoint::CreatorInfo],
            "video_init" => &[Endpoint::VideoInit],
            "status_fetch" => &[Endpoint::StatusFetch],
            "cancel" => &[Endpoint::Cancel],
            "video_list" => &[Endpoint::VideoList],
            "inbox_init" => &[Endpoint::DraftInit],
            "content_init" => &[Endpoint::PhotoInit],
            other => panic!("`{other}` is new: has the client a call for it?"),
        };
        for endpoint in ours {
            assert!(CODES.contains(&(*endpoint, status, code)), "{endpoint} {status} {code} has no row");
            checked.insert((endpoint.as_str(), status, code.clone()));
        }
    }
    assert!(checked.len() >= 68, "only {} rows were read: {checked:?}", checked.len());
}

#[test]
fn every_reason_that_the_imitation_shows_is_in_our_table() {
    let mut checked = BTreeSet::new();
    for (words, status) in imitations_rows() {
        let ([reason], None) = (words.as_slice(), status) else { continue };
        assert!(REASONS.contains(&FailReason::from(reason.as_str())), "{reason} has no row");
        checked.insert(reason.clone());
    }
    assert_eq!(checked.len(), 13, "{checked:?}");
}

#[test]
fn every_code_in_the_imitations_source_is_in_our_tables() {
    let quoted: BTreeSet<String> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tiktok-sandbox/src"))
            .unwrap()
            .map(|file| file.unwrap().path())
            // what a browser is told, not a client
            .filter(|path| !path.ends_with("consent.rs"))
            .map(|path| std::fs::read_to_string(path).unwrap())
            .flat_map(|source| source.split('"').map(str::to_owned).collect::<Vec<_>>())
            .collect();
    let known = ErrorCode::KNOWN.iter().map(ErrorCode::as_str);
    let known = known.chain(OAuthErrorCode::KNOWN.iter().map(OAuthErrorCode::as_str));
    let known: BTreeSet<&str> = known.chain(FailReason::KNOWN.iter().map(FailReason::as_str)).collect();
    let spoken: Vec<&str> = known.into_iter().filter(|word| quoted.contains(*word)).collect();
    assert!(spoken.len() >= 29, "{spoken:?}");
    for word in spoken {
        let ours = CODES.iter().any(|row| row.2 == word) || REASONS.contains(&FailReason::from(word));
        assert!(ours, "{word} has no row");
    }
}

// Consent and tokens.

#[tokio::test]
async fn a_code_becomes_tokens_of_whoever_consented_to_what_they_ticked() {
    let site = Site::start().await;
    let fields = site.consent(Some(&[scope::USER_INFO_BASIC, scope::VIDEO_PUBLISH])).await;
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).unwrap().1.as_str();
    assert_eq!((field("state"), field("scopes")), ("st4te", "user.info.basic,video.publish"));

    let set = site.exchange_code(field("code")).await.unwrap();
    assert!(set.access_token.expose().starts_with("act."));
    assert!(set.refresh_token.expose().starts_with("rft."));
    assert_eq!(set.expires_in, Duration::from_hours(24));
    assert_eq!(set.refresh_expires_in, Duration::from_hours(365 * 24));
    assert_eq!(set.open_id, site.sandbox.world().open_id(KEY, "ada"));
    assert_eq!(set.scopes, Scopes::parse("user.info.basic,video.publish"));
    assert!(!set.scopes.contains(scope::VIDEO_UPLOAD));

    let user = site.client.user_info(&set.access_token, &set.scopes).await.unwrap();
    assert_eq!((&user.open_id, user.display_name.as_deref()), (&set.open_id, Some("Ada Lovelace")));
    assert_eq!(user.username, None);
    let user = site.client.user_info(&site.token, &SCOPES.into_iter().collect()).await.unwrap();
    assert_eq!(user.username.as_deref(), Some("ada"));
}

#[tokio::test]
async fn a_refresh_answers_another_refresh_token_for_the_same_person() {
    let site = Site::start().await;
    let first = site.exchange_code(&site.code().await).await.unwrap();
    site.sandbox.advance_clock(DAY_MS);
    let second = site.refresh(&first.refresh_token).await.unwrap();
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_ne!(second.access_token, first.access_token);
    assert_eq!((&second.open_id, &second.scopes), (&first.open_id, &first.scopes));
    assert_eq!(second.expires_in, Duration::from_hours(24));
    assert!(second.refresh_expires_in <= Duration::from_hours(364 * 24));
    assert!(site.client.creator_info(&second.access_token).await.is_ok());
    assert!(site.client.creator_info(&first.access_token).await.is_err());
}

#[tokio::test]
async fn each_way_to_rotate_is_understood() {
    let refused = |result: Result<TokenSet, Error>| {
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.remedy()), (Some("invalid_grant"), Remedy::Reauthorize));
    };
    for rotation in [
        Rotation::RotateOldDies,
        Rotation::OldValidUntilNewUsed,
        Rotation::FamilyRevokedOnReuse,
        Rotation::NoRotation,
    ] {
        let site = Site::with(|config| config.tokens.rotation = rotation).await;
        let old = site.refresh_token();
        let new = site.refresh(&old).await.unwrap();
        assert_eq!(new.refresh_token == old, rotation == Rotation::NoRotation);
        match rotation {
            Rotation::RotateOldDies => {
                refused(site.refresh(&old).await);
                site.refresh(&new.refresh_token).await.unwrap();
            }
            Rotation::OldValidUntilNewUsed => {
                let newer = site.refresh(&old).await.unwrap();
                site.client.creator_info(&newer.access_token).await.unwrap();
                refused(site.refresh(&old).await);
                site.refresh(&newer.refresh_token).await.unwrap();
            }
            Rotation::FamilyRevokedOnReuse => {
                refused(site.refresh(&old).await);
                refused(site.refresh(&new.refresh_token).await);
            }
            Rotation::NoRotation => {
                site.refresh(&old).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn an_oauth_error_behind_http_200_is_an_error() {
    let site = Site::with(|config| config.tokens.errors_with_http_200 = true).await;
    let wrong = app_with(|app| app.client_secret = ClientSecret::new("SECRET-WRONG"));
    let nobody = RefreshToken::new("rft.nobody");
    let mut errors = vec![
        (
            "invalid_client",
            true,
            Remedy::Operator,
            site.client.exchange_code(&wrong, "c", CALLBACK).await.map(drop),
        ),
        ("invalid_grant", true, Remedy::Reauthorize, site.exchange_code("c").await.map(drop)),
        ("invalid_grant", true, Remedy::Reauthorize, site.refresh(&nobody).await.map(drop)),
        ("invalid_request", true, Remedy::FixRequest, site.refresh(&RefreshToken::new("")).await.map(drop)),
        ("invalid_client", true, Remedy::Operator, site.client.revoke(&wrong, &site.token).await),
        (
            "invalid_grant",
            true,
            Remedy::Reauthorize,
            site.client.revoke(&app(), &AccessToken::new("act.x")).await,
        ),
    ];
    site.outage(Outage::Api);
    let refresh = site.refresh(&site.refresh_token()).await.map(drop);
    errors.push(("server_error", false, Remedy::TikTokFault, refresh));
    for (code, proof, remedy, result) in errors {
        let error = result.unwrap_err();
        assert_eq!((Variant::of(&error), error.http_status()), (Variant::OAuthRefused, Some(200)));
        assert_eq!(error.code(), Some(code));
        assert_eq!((error.proves_nothing_was_created(), error.remedy()), (proof, remedy), "{code}");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_is_busy_disconnects_nobody() {
    let site = Site::start().await;
    let token = site.refresh_token();
    let body = json!({ "error": "temporarily_unavailable", "error_description": "later", "log_id": "l" });
    for (status, variant, remedy) in [
        (200, Variant::OAuthRefused, Remedy::TikTokFault),
        (400, Variant::OAuthRefused, Remedy::TikTokFault),
        (503, Variant::ServerFault, Remedy::Ambiguous),
    ] {
        site.inject(Imitated::Token, FaultKind::Answer { status, body: body.clone() });
        let error = site.refresh(&token).await.unwrap_err();
        assert_eq!((Variant::of(&error), error.code()), (variant, Some("temporarily_unavailable")));
        assert_eq!((error.proves_nothing_was_created(), error.remedy()), (false, remedy));
    }
    site.refresh(&token).await.unwrap();
}

#[tokio::test]
async fn a_revocation_ends_the_grant() {
    let site = Site::start().await;
    let (access, refresh) = tokens(&site.sandbox, "ada", &SCOPES);
    site.client.revoke(&app(), &access).await.unwrap();
    let error = site.client.creator_info(&access).await.unwrap_err();
    assert_eq!(error.code(), Some("access_token_invalid"));
    assert_eq!(site.refresh(&refresh).await.unwrap_err().code(), Some("invalid_grant"));
}

// The creator and the post.

#[tokio::test]
async fn creator_info_tells_what_a_public_and_a_private_creator_may_do() {
    let site = Site::start().await;
    site.change_ada(|ada| ada.comment_disabled = true);
    let ada = site.creator_info().await.unwrap();
    assert_eq!((ada.username.as_str(), ada.nickname.as_str()), ("ada", "Ada Lovelace"));
    assert!(ada.avatar_url.is_some());
    let options = [PrivacyLevel::PublicToEveryone, PrivacyLevel::MutualFollowFriends, PrivacyLevel::SelfOnly];
    assert_eq!(ada.privacy_level_options, options);
    assert_eq!((ada.comment_disabled, ada.duet_disabled, ada.stitch_disabled), (true, false, false));
    assert_eq!(ada.max_video_post_duration_sec, Some(300));

    let grace = site.client.creator_info(&site.token_of("grace", &SCOPES)).await.unwrap();
    let options =
        [PrivacyLevel::FollowerOfCreator, PrivacyLevel::MutualFollowFriends, PrivacyLevel::SelfOnly];
    assert_eq!(grace.privacy_level_options, options);
    assert_eq!((grace.comment_disabled, grace.duet_disabled, grace.stitch_disabled), (false, true, true));
}

#[tokio::test]
async fn a_public_post_goes_from_download_to_its_id() {
    let site = Site::start().await;
    let length = film("good.mp4").unwrap().len() as u64;
    site.change(|config| config.time = Time::Explicit);
    let public = VideoPost { privacy_level: PrivacyLevel::PublicToEveryone, ..post() };
    site.creator_info().await.unwrap();
    let publish_id = site.init_as(&site.token, &public, "good.mp4").await.unwrap();
    assert!(publish_id.starts_with("v_pub_url~v2-1.") && publish_id.len() <= 64, "{publish_id}");

    site.wait_for(&publish_id, |state| matches!(state, PostState::Processing { .. })).await;
    let processing = StatusReport {
        status: PublishStatus::ProcessingDownload,
        fail_reason: None,
        post_ids: Vec::new(),
        uploaded_bytes: None,
        downloaded_bytes: Some(length),
    };
    assert_eq!(site.status(&publish_id).await.unwrap(), processing);

    site.advance(&publish_id);
    let complete = StatusReport { status: PublishStatus::PublishComplete, ..processing };
    assert_eq!(site.status(&publish_id).await.unwrap(), complete);

    site.advance(&publish_id);
    let id = site.sandbox.world().post(&publish_id).unwrap().public_post_id().unwrap();
    assert_eq!(site.status(&publish_id).await.unwrap(), StatusReport { post_ids: vec![id], ..complete });

    let publications = site.publications().await;
    assert_eq!(publications.len(), 1);
    let published = &publications[0];
    assert_eq!(published.sha256, sha256_hex(&film("good.mp4").unwrap()));
    assert_eq!(Some(&published.title), public.title.as_ref());
    assert_eq!((published.account.as_str(), published.visibility.as_str()), ("ada", "PUBLIC_TO_EVERYONE"));
    let asked = (published.disable_comment, published.disable_duet, published.disable_stitch);
    assert_eq!(asked, (public.disable_comment, public.disable_duet, public.disable_stitch));
    let labels = (published.brand_content_toggle, published.brand_organic_toggle, published.is_aigc);
    assert_eq!(labels, (public.brand_content_toggle, public.brand_organic_toggle, public.is_aigc));
    assert_eq!(published.cover_timestamp_ms, 1_500);
    assert!(published.breaches.is_empty(), "{:?}", published.breaches);
}

#[tokio::test]
async fn post_ids_of_19_digits_are_exact_to_the_last() {
    let site = Site::start().await;
    let mut ids = BTreeSet::new();
    for _ in 0..6 {
        let publish_id =
            site.init_with(|post| post.privacy_level = PrivacyLevel::PublicToEveryone).await.unwrap();
        let id = site.sandbox.wait_for(PATIENCE, |world| world.post(&publish_id)?.public_post_id());
        let id = id.await.expect("an id in time");
        assert_eq!(id.to_string().len(), 19);
        assert_eq!(site.status(&publish_id).await.unwrap().post_ids, [id]);
        ids.insert(id);
    }
    assert_eq!(ids.len(), 6);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "the loss is the point"
    )]
    let rounded = ids.iter().filter(|id| **id as f64 as u64 != **id).count();
    assert!(rounded > 0, "a double would have done");
}

#[tokio::test]
async fn a_private_post_is_complete_without_an_id() {
    let site = Site::start().await;
    let publish_id = site.init().await.unwrap();
    site.ended(&publish_id).await;
    let report = site.status(&publish_id).await.unwrap();
    assert_eq!((report.status, report.post_ids), (PublishStatus::PublishComplete, Vec::new()));
}

#[tokio::test]
async fn a_post_not_visible_yet_is_there_later() {
    let site = Site::with(|config| config.status_visible_after_ms = MINUTE_MS).await;
    let publish_id = site.init().await.unwrap();
    assert_eq!(site.status(&publish_id).await.unwrap_err().code(), Some("invalid_publish_id"));
    site.ended(&publish_id).await;
    site.sandbox.advance_clock(MINUTE_MS);
    assert_eq!(site.status(&publish_id).await.unwrap().status, PublishStatus::PublishComplete);
}

// Uploads.

#[tokio::test]
async fn photos_go_from_their_downloads_to_their_id() {
    let site = Site::start().await;
    site.creator_info().await.unwrap();
    let publish_id = site.init_photos_for(PrivacyLevel::PublicToEveryone).await.unwrap();
    assert!(publish_id.starts_with("p_pub_url~v2.") && publish_id.len() <= 64, "{publish_id}");
    let id = site.sandbox.wait_for(PATIENCE, |world| world.post(&publish_id)?.public_post_id());
    let report = StatusReport {
        status: PublishStatus::PublishComplete,
        fail_reason: None,
        post_ids: vec![id.await.unwrap()],
        uploaded_bytes: None,
        downloaded_bytes: Some(
            ["good.jpg", "good.webp"].map(|name| film(name).unwrap().len() as u64).iter().sum(),
        ),
    };
    assert_eq!(site.status(&publish_id).await.unwrap(), report);

    let publications = site.publications().await;
    let (published, asked) = (&publications[0], photo_post());
    let carousel = published.carousel.as_ref().unwrap();
    let sums: Vec<_> = carousel.photos.iter().map(|photo| photo.sha256.clone()).collect();
    assert_eq!(sums, ["good.jpg", "good.webp"].map(|name| sha256_hex(&film(name).unwrap())));
    assert_eq!(
        (Some(&published.title), Some(&carousel.description)),
        (asked.title.as_ref(), asked.description.as_ref())
    );
    assert_eq!((carousel.cover_index, carousel.auto_add_music), (1, false));
    let labels = (published.brand_content_toggle, published.brand_organic_toggle, published.is_aigc);
    assert_eq!((labels, published.disable_comment), ((false, true, true), true));
    assert!(published.breaches.is_empty(), "{:?}", published.breaches);
}

#[tokio::test]
async fn drafts_of_a_video_and_of_photos_wait_for_their_creator() {
    let site = Site::start().await;
    let film = Bytes::from(film("good.mp4").unwrap());
    let plan = UploadPlan::of(film.len() as u64).unwrap();
    let upload = site.client.init_draft_upload(&site.token, plan).await.unwrap();
    assert_eq!(site.put(&upload, &film, 0..plan.size()).await.unwrap(), ChunkAnswer::Complete);
    let photos = site.init_photo_draft().await.unwrap();
    for publish_id in [&site.init_draft().await.unwrap(), &upload.publish_id, &photos] {
        site.wait_for(publish_id, |state| matches!(state, PostState::InInbox { .. })).await;
        assert_eq!(site.status(publish_id).await.unwrap().status, PublishStatus::SendToUserInbox);
    }
    let finished = json!({ "description": "from the phone", "privacy_level": "PUBLIC_TO_EVERYONE" });
    site.post_json(&format!("/_sandbox/finish_draft/{photos}"), &finished).await;
    let id = site.sandbox.wait_for(PATIENCE, |world| world.post(&photos)?.public_post_id()).await;
    let report = site.status(&photos).await.unwrap();
    assert_eq!((report.status, report.post_ids), (PublishStatus::PublishComplete, vec![id.unwrap()]));
    let world = site.sandbox.world();
    let published: Vec<_> = world.publications().collect();
    assert_eq!((published.len(), Some(&published[0].title)), (1, photo_post().title.as_ref()));
    assert_eq!(published[0].carousel.as_ref().unwrap().description, "from the phone");
}

#[tokio::test]
async fn a_download_that_hangs_is_told_by_bytes_that_do_not_grow() {
    let site = Site::with(|config| config.fetcher.bytes_per_second = Some(100)).await;
    let publish_id = site.init().await.unwrap();
    let slow = |bytes: u64| StatusReport {
        status: PublishStatus::ProcessingDownload,
        fail_reason: None,
        post_ids: Vec::new(),
        uploaded_bytes: None,
        downloaded_bytes: Some(bytes),
    };
    // So many bytes take ten minutes; until they begin to come, the next thing due is the end of the hour.
    let soon = site.sandbox.now_ms() + 30 * MINUTE_MS;
    let coming = site.sandbox.wait_for(PATIENCE, |world| world.next_due().filter(|due| *due < soon));
    coming.await.expect("a download under way");
    site.sandbox.advance_clock(MINUTE_MS);
    let grown = site.status(&publish_id).await.unwrap().downloaded_bytes.unwrap();
    assert!(grown >= 6_000 && grown < film("good.mp4").unwrap().len() as u64, "{grown}");
    site.sandbox.act(|world, now| world.hang(&publish_id, now).unwrap());
    let stopped = site.status(&publish_id).await.unwrap().downloaded_bytes.unwrap();
    site.sandbox.advance_clock(30 * MINUTE_MS);
    assert_eq!(site.status(&publish_id).await.unwrap(), slow(stopped));
}

/// The good video, with room that nobody reads.
fn film_of(size: usize) -> Bytes {
    let mut film = film("good.mp4").unwrap();
    let free = size - film.len();
    film.extend_from_slice(&u32::try_from(free).unwrap().to_be_bytes());
    film.extend_from_slice(b"free");
    film.resize(size, 0);
    film.into()
}

#[tokio::test]
async fn a_video_is_uploaded_chunk_by_chunk_and_published_once() {
    for last_index in [false, true] {
        let site = Site::with(|config| config.uploads.progress_is_last_index = last_index).await;
        let film = film_of(65_000_000);
        let plan = UploadPlan::of(film.len() as u64).unwrap();
        let upload = site.announce(plan.size()).await.unwrap();
        assert!(upload.publish_id.starts_with("v_pub_file~v2-1."), "{upload:?}");
        assert!(upload.upload_url.expose().starts_with(&site.sandbox.base_url));
        for chunk in plan.chunks() {
            let report = site.status(&upload.publish_id).await.unwrap();
            assert_eq!(report.status, PublishStatus::ProcessingUpload);
            assert_eq!((report.uploaded_bytes, report.downloaded_bytes), (Some(chunk.start), None));
            let expected = if chunk.end == plan.size() {
                ChunkAnswer::Complete
            } else {
                ChunkAnswer::Progress(chunk.end)
            };
            assert_eq!(site.put(&upload, &film, chunk).await.unwrap(), expected);
        }
        let publications = site.publications().await;
        assert_eq!((publications.len(), &publications[0].publish_id), (1, &upload.publish_id));
        assert_eq!(publications[0].sha256, sha256_hex(&film));
        let report = site.status(&upload.publish_id).await.unwrap();
        assert_eq!(
            (report.status, report.uploaded_bytes),
            (PublishStatus::PublishComplete, Some(plan.size()))
        );
        assert_eq!(site.calls(Imitated::Upload), 6, "one attempt each");
    }
}

#[tokio::test]
async fn a_chunk_whose_answer_was_lost_is_sent_again_and_the_progress_leads_on() {
    for (last_index, kind, why, status) in [
        (false, FaultKind::LostBefore, Ambiguity::NoWholeAnswer, None),
        (true, FaultKind::AnswerLost, Ambiguity::NoWholeAnswer, None),
        (false, replaced(502, "<html>a gateway</html>"), Ambiguity::ServerFault, Some(502)),
    ] {
        let site = Site::with(|config| config.uploads.progress_is_last_index = last_index).await;
        let film = film_of(65_000_000);
        let plan = UploadPlan::of(film.len() as u64).unwrap();
        let upload = site.announce(plan.size()).await.unwrap();
        site.inject(Imitated::Upload, kind);
        let (mut next, mut lost) = (plan.next(0), 0);
        while let NextChunk::Send(chunk) = next {
            next = match site.put(&upload, &film, chunk.clone()).await {
                Ok(ChunkAnswer::Progress(progress) | ChunkAnswer::OutOfStep { progress: Some(progress) }) => {
                    plan.next(progress)
                }
                Ok(ChunkAnswer::Complete) => NextChunk::Complete,
                Ok(other) => panic!("{other:?}"),
                Err(error) => {
                    assert_unproven(&error, why, status, Remedy::TikTokFault);
                    assert!(!shown(&error).contains("upload_token"));
                    lost += 1;
                    NextChunk::Send(chunk)
                }
            };
        }
        assert_eq!((next, lost), (NextChunk::Complete, 1));
        let publications = site.publications().await;
        assert_eq!(publications.len(), 1);
        assert_eq!(publications[0].sha256, sha256_hex(&film));
    }
}

#[tokio::test]
async fn after_a_lost_last_chunk_only_the_status_tells() {
    for (forgets, again) in
        [(false, ChunkAnswer::OutOfStep { progress: Some(9) }), (true, ChunkAnswer::NoSuchUpload)]
    {
        let site = Site::with(|config| config.uploads.forget_when_complete = forgets).await;
        site.change(|config| config.time = Time::Explicit);
        let upload = site.announce(9).await.unwrap();
        let film = Bytes::from_static(b"no video!");
        site.inject(Imitated::Upload, FaultKind::AnswerLost);
        site.put(&upload, &film, 0..9).await.unwrap_err();
        assert_eq!(site.put(&upload, &film, 0..9).await.unwrap(), again);
        let report = site.status(&upload.publish_id).await.unwrap();
        assert_eq!((report.status, report.uploaded_bytes), (PublishStatus::ProcessingUpload, Some(9)));
    }
}

#[tokio::test]
async fn an_init_whose_answer_was_lost_creates_nothing_and_the_next_one_is_published_once() {
    for kind in [FaultKind::LostBefore, FaultKind::AnswerLost, FaultKind::CutBody, FaultKind::Garbage] {
        let site = Site::start().await;
        let film = Bytes::from(film("good.mp4").unwrap());
        let length = film.len() as u64;
        site.inject(Imitated::VideoInit, kind);
        let error = site.announce(length).await.unwrap_err();
        assert!(!error.proves_nothing_was_created());
        assert_eq!(error.remedy(), Remedy::TikTokFault, "it may be made again");
        let upload = site.announce(length).await.unwrap();
        assert_eq!(site.put(&upload, &film, 0..length).await.unwrap(), ChunkAnswer::Complete);
        site.ended(&upload.publish_id).await;
        site.sandbox.advance_clock(DAY_MS);
        assert_eq!(site.sandbox.world().publications().count(), 1);
    }
}

#[tokio::test]
async fn each_refusal_of_a_chunk_has_its_cause() {
    let site = Site::start().await;
    let film = film_of(65_000_000);
    let plan = UploadPlan::of(film.len() as u64).unwrap();
    let chunks: Vec<_> = plan.chunks().collect();
    let upload = site.announce(plan.size()).await.unwrap();
    let second = site.put(&upload, &film, chunks[1].clone()).await.unwrap();
    assert_eq!(second, ChunkAnswer::OutOfStep { progress: Some(0) });
    let other_plan = site.put(&upload, &film, 0..10_000_000).await.unwrap();
    assert_eq!(other_plan, ChunkAnswer::Malformed);
    let nowhere = VideoUpload {
        upload_url: UploadUrl::new(format!(
            "{}/video/?upload_id=7&upload_token=SECRET",
            site.sandbox.base_url
        )),
        ..upload.clone()
    };
    assert_eq!(site.put(&nowhere, &film, chunks[0].clone()).await.unwrap(), ChunkAnswer::NoSuchUpload);
    site.sandbox.advance_clock(60 * MINUTE_MS);
    assert_eq!(site.put(&upload, &film, chunks[0].clone()).await.unwrap(), ChunkAnswer::Expired);
    let report = site.status(&upload.publish_id).await.unwrap();
    assert_eq!((report.status, report.fail_reason), (PublishStatus::ProcessingUpload, None));
}

// Cancelling.

#[tokio::test]
async fn a_cancel_in_time_shows_later_as_the_posts_end() {
    let site = Site::with(|config| config.cancel.delay_ms = MINUTE_MS).await;
    let publish_id = site.in_download().await;
    site.cancel(&publish_id).await.unwrap();
    assert_eq!(site.status(&publish_id).await.unwrap().status, PublishStatus::ProcessingDownload);
    assert_eq!(site.cancel(&publish_id).await.unwrap_err().remedy(), Remedy::TooLate);
    site.sandbox.advance_clock(MINUTE_MS);
    let report = site.status(&publish_id).await.unwrap();
    assert_eq!(
        (report.status, report.fail_reason),
        (PublishStatus::Failed, Some(FailReason::PublishCancelled))
    );
    assert_eq!((site.publications().await.len(), site.calls(Imitated::Cancel)), (0, 2));
}

#[tokio::test]
async fn a_cancel_whose_answer_was_lost_may_be_made_again() {
    for (kind, why, status) in [
        (FaultKind::LostBefore, Ambiguity::NoWholeAnswer, None),
        (FaultKind::AnswerLost, Ambiguity::NoWholeAnswer, None),
        (FaultKind::CutBody, Ambiguity::NoWholeAnswer, None),
        (FaultKind::Garbage, Ambiguity::Unreadable, Some(200)),
        (answer(502, "<html>a gateway</html>"), Ambiguity::ServerFault, Some(502)),
    ] {
        let site = Site::start().await;
        let publish_id = site.in_download().await;
        site.inject(Imitated::Cancel, kind);
        let error = site.cancel(&publish_id).await.unwrap_err();
        assert_unproven(&error, why, status, Remedy::TikTokFault);
        // Cancelled by either call; a second one says no more than that it is too late.
        if let Err(error) = site.cancel(&publish_id).await {
            assert_eq!(error.remedy(), Remedy::TooLate);
        }
        site.ended(&publish_id).await;
        let report = site.status(&publish_id).await.unwrap();
        assert_eq!(report.fail_reason, Some(FailReason::PublishCancelled));
        assert_eq!(site.calls(Imitated::Cancel), 2, "one attempt each");
    }
}

#[tokio::test]
async fn an_accepted_cancel_is_no_promise() {
    let site = Site::with(|config| config.cancel.in_vain = true).await;
    site.change(|config| config.time = Time::Auto(AutoTime { fetch_ms: MINUTE_MS, ..AutoTime::default() }));
    let publish_id = site.init().await.unwrap();
    site.cancel(&publish_id).await.unwrap();
    site.sandbox.advance_clock(MINUTE_MS);
    assert_published_once(&site).await;
    assert_eq!(site.status(&publish_id).await.unwrap().status, PublishStatus::PublishComplete);
}

// The list of videos.

#[tokio::test]
async fn a_public_post_is_in_the_list_with_its_exact_id_even_where_the_status_never_tells_it() {
    let site = Site::start().await;
    site.change_ada(|ada| ada.post_ids_withheld = true);
    let public = VideoPost { privacy_level: PrivacyLevel::PublicToEveryone, ..post() };
    let publish_id = site.init_as(&site.token, &public, "good.mp4").await.unwrap();
    let listed = site.sandbox.wait_for(PATIENCE, |world| {
        (world.publications().count() == 1 && world.next_due().is_none()).then_some(())
    });
    listed.await.expect("public in time");
    assert!(site.status(&publish_id).await.unwrap().post_ids.is_empty());
    let page = site.list().await.unwrap();
    let [Video { id, create_time, duration, description, share_url }] = &page.videos[..] else {
        panic!("{page:?}")
    };
    assert_eq!(id.to_string().len(), 19);
    let share_url = share_url.as_deref().unwrap();
    assert!(share_url.starts_with(&format!("https://www.tiktok.com/@ada/video/{id}?utm_")), "{share_url}");
    assert!((site.sandbox.now_ms() / 1_000 - create_time) < 600, "{create_time} is no recent second");
    assert_eq!((*duration, Some(description)), (Some(4), public.title.as_ref()));
    assert!(!page.has_more);
}

#[tokio::test]
async fn pages_lead_to_older_videos() {
    let site = Site::start().await;
    for number in 0..5 {
        let body = json!({ "account": "ada", "caption": format!("film {number}"), "duration_ms": 9_000 });
        site.post_json("/_sandbox/films", &body).await;
        site.sandbox.advance_clock(MINUTE_MS);
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let page = site.client.list_videos(&site.token, before, 2).await.unwrap();
        seen.extend(page.videos.into_iter().map(|video| video.description));
        before = page.cursor;
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, ["film 4", "film 3", "film 2", "film 1", "film 0"]);
    assert_eq!(site.calls(Imitated::VideoList), 3);
}

// The network's bad days.

fn replaced(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::AnswerReplaced { status, body: body.into() }
}

fn answer(status: u16, body: impl Into<Value>) -> FaultKind {
    FaultKind::Answer { status, body: body.into() }
}

fn envelope(code: &str) -> Value {
    json!({ "data": {}, "error": { "code": code, "message": "m", "log_id": "l" } })
}

/// What each fault looks like from here.
fn assert_unproven(error: &Error, why: Ambiguity, http_status: Option<u16>, remedy: Remedy) {
    let text = shown(error);
    assert!(matches!(error, Error::Ambiguous { why: seen, .. } if *seen == why), "{text}");
    assert_eq!(error.http_status(), http_status, "{text}");
    assert!(!error.proves_nothing_was_created(), "{text}");
    assert_eq!(error.remedy(), remedy, "{text}");
    assert!(!text.contains("SECRET"), "{text}");
}

#[tokio::test]
async fn when_the_post_was_made_and_its_answer_lost_nothing_is_claimed_and_it_is_published_once() {
    for (kind, why, status) in [
        (FaultKind::AnswerLost, Ambiguity::NoWholeAnswer, None),
        (FaultKind::CutBody, Ambiguity::NoWholeAnswer, None),
        (FaultKind::Garbage, Ambiguity::Unreadable, Some(200)),
        (replaced(200, envelope("ok")), Ambiguity::Unreadable, Some(200)),
        (replaced(403, "<html>a gateway</html>"), Ambiguity::NotTikToksAnswer, Some(403)),
        (replaced(429, "<html>a gateway</html>"), Ambiguity::NotTikToksAnswer, Some(429)),
        (replaced(500, envelope("internal_error")), Ambiguity::ServerFault, Some(500)),
        (replaced(502, "<html>a gateway</html>"), Ambiguity::ServerFault, Some(502)),
        // a 5xx is TikTok's bad day, whatever it says
        (replaced(503, envelope("spam_risk")), Ambiguity::ServerFault, Some(503)),
        (replaced(504, ""), Ambiguity::ServerFault, Some(504)),
    ] {
        let site = Site::start().await;
        site.inject(Imitated::VideoInit, kind);
        assert_unproven(&site.init().await.unwrap_err(), why, status, Remedy::Ambiguous);
        assert_published_once(&site).await;
    }
}

#[tokio::test]
async fn an_answer_that_comes_after_the_timeout_is_a_post_all_the_same() {
    let site = Site::start().await;
    site.inject(Imitated::VideoInit, FaultKind::Delayed { ms: 600_000 });
    let hasty = client(&site.sandbox.base_url, exchange(Duration::from_secs(2)));
    let error = hasty.init_video_pull(&site.token, &post(), &site.pull_url("good.mp4")).await.unwrap_err();
    assert_unproven(&error, Ambiguity::NoWholeAnswer, None, Remedy::Ambiguous);
    assert_published_once(&site).await;
}

#[tokio::test]
async fn an_answer_that_comes_late_but_in_time_is_an_answer() {
    let site = Site::start().await;
    site.inject(Imitated::VideoInit, FaultKind::Delayed { ms: 300 });
    site.init().await.unwrap();
    assert_published_once(&site).await;
}

async fn assert_published_once(site: &Site) {
    let publications = site.publications().await;
    assert_eq!(publications.len(), 1);
    assert_eq!(publications[0].sha256, sha256_hex(&film("good.mp4").unwrap()));
    assert_eq!(Some(&publications[0].title), post().title.as_ref());
    assert_eq!(publications[0].privacy_level, "SELF_ONLY");
    assert_eq!(site.calls(Imitated::VideoInit), 1, "one attempt");
}

#[tokio::test]
async fn when_nothing_was_made_and_the_answer_lost_the_client_claims_no_more() {
    for (kind, why, status) in [
        (FaultKind::LostBefore, Ambiguity::NoWholeAnswer, None),
        (answer(200, "<html>welcome</html>"), Ambiguity::Unreadable, Some(200)),
        (answer(403, "<html>a gateway</html>"), Ambiguity::NotTikToksAnswer, Some(403)),
        (answer(429, "<html>a gateway</html>"), Ambiguity::NotTikToksAnswer, Some(429)),
        (answer(500, envelope("internal_error")), Ambiguity::ServerFault, Some(500)),
        (answer(503, ""), Ambiguity::ServerFault, Some(503)),
    ] {
        let site = Site::start().await;
        site.inject(Imitated::VideoInit, kind);
        assert_unproven(&site.init().await.unwrap_err(), why, status, Remedy::Ambiguous);
        assert_eq!(site.sandbox.world().posts().count(), 0);
        assert_eq!(site.calls(Imitated::VideoInit), 1, "one attempt");
    }
}

#[tokio::test]
async fn whoever_repeats_an_init_after_a_lost_answer_posts_twice() {
    let site = Site::start().await;
    site.inject(Imitated::VideoInit, FaultKind::AnswerLost);
    assert!(!site.init().await.unwrap_err().proves_nothing_was_created());
    site.init().await.unwrap();
    assert_eq!(site.publications().await.len(), 2);
}

#[tokio::test]
async fn photos_and_drafts_whose_answer_was_lost_are_there_all_the_same() {
    for kind in [FaultKind::AnswerLost, FaultKind::CutBody] {
        let site = Site::start().await;
        site.inject(Imitated::ContentInit, kind.clone());
        site.inject(Imitated::InboxInit, kind);
        let why = Ambiguity::NoWholeAnswer;
        assert_unproven(&site.init_photos().await.unwrap_err(), why, None, Remedy::Ambiguous);
        assert_unproven(&site.init_draft().await.unwrap_err(), why, None, Remedy::Ambiguous);
        assert_eq!(
            (site.calls(Imitated::ContentInit), site.calls(Imitated::InboxInit)),
            (1, 1),
            "one attempt"
        );
        assert_eq!(site.sandbox.world().posts().count(), 2);
    }
}

#[tokio::test]
async fn a_read_whose_answer_was_lost_is_made_again_without_harm() {
    for (kind, why, status) in [
        (FaultKind::LostBefore, Ambiguity::NoWholeAnswer, None),
        (FaultKind::AnswerLost, Ambiguity::NoWholeAnswer, None),
        (FaultKind::CutBody, Ambiguity::NoWholeAnswer, None),
        (FaultKind::Garbage, Ambiguity::Unreadable, Some(200)),
        (answer(502, "<html>a gateway</html>"), Ambiguity::ServerFault, Some(502)),
        (answer(429, "<html>a gateway</html>"), Ambiguity::NotTikToksAnswer, Some(429)),
    ] {
        let site = Site::start().await;
        let publish_id = site.init().await.unwrap();
        site.inject(Imitated::CreatorInfo, kind.clone());
        assert_unproven(&site.creator_info().await.unwrap_err(), why, status, Remedy::TikTokFault);
        site.creator_info().await.unwrap();
        site.inject(Imitated::StatusFetch, kind.clone());
        assert_unproven(&site.status(&publish_id).await.unwrap_err(), why, status, Remedy::TikTokFault);
        site.status(&publish_id).await.unwrap();
        site.inject(Imitated::VideoList, kind);
        assert_unproven(&site.list().await.unwrap_err(), why, status, Remedy::TikTokFault);
        site.list().await.unwrap();
        assert_eq!((site.calls(Imitated::CreatorInfo), site.calls(Imitated::StatusFetch)), (2, 2));
    }
}

#[tokio::test]
async fn tokens_whose_answer_was_lost_may_be_spent_and_may_not() {
    for (kind, why, status, spent) in [
        (FaultKind::LostBefore, Ambiguity::NoWholeAnswer, None, false),
        (answer(503, ""), Ambiguity::ServerFault, Some(503), false),
        (FaultKind::AnswerLost, Ambiguity::NoWholeAnswer, None, true),
        (FaultKind::CutBody, Ambiguity::NoWholeAnswer, None, true),
        (FaultKind::Garbage, Ambiguity::Unreadable, Some(200), true),
        (replaced(504, ""), Ambiguity::ServerFault, Some(504), true),
    ] {
        let site = Site::start().await;
        let (token, code) = (site.refresh_token(), site.code().await);
        site.inject(Imitated::Token, kind.clone());
        assert_unproven(&site.refresh(&token).await.unwrap_err(), why, status, Remedy::Ambiguous);
        assert_eq!(site.refresh(&token).await.is_err(), spent);
        site.inject(Imitated::Token, kind);
        assert_unproven(&site.exchange_code(&code).await.unwrap_err(), why, status, Remedy::Ambiguous);
        assert_eq!(site.exchange_code(&code).await.is_err(), spent);
        assert_eq!(site.calls(Imitated::Token), 4, "one attempt each");
    }
}

#[tokio::test]
async fn a_refresh_whose_answer_was_lost_can_be_made_again_where_the_old_token_lives_on() {
    let site = Site::with(|config| config.tokens.rotation = Rotation::OldValidUntilNewUsed).await;
    let token = site.refresh_token();
    site.inject(Imitated::Token, FaultKind::AnswerLost);
    assert_eq!(site.refresh(&token).await.unwrap_err().remedy(), Remedy::Ambiguous);
    site.refresh(&token).await.unwrap();
}

// Webhooks.

/// A site whose app has a callback URL that answers each delivery with the status of its number.
async fn with_receiver(statuses: &'static [&'static str]) -> (Site, mpsc::UnboundedReceiver<Seen>) {
    let (send, receive) = mpsc::unbounded_channel();
    let number = AtomicUsize::new(0);
    let base = serve(move |seen| {
        let status = statuses.get(number.fetch_add(1, Ordering::SeqCst)).unwrap_or(&"200 OK");
        let _ = send.send(seen);
        Some(reply(status, b""))
    })
    .await;
    let site = Site::with(|config| {
        config.webhooks.first_retry_ms = 1;
        config.apps.get_mut(KEY).unwrap().webhook_url = Some(format!("{base}webhooks/tiktok"));
    })
    .await;
    (site, receive)
}

async fn delivery(receiver: &mut mpsc::UnboundedReceiver<Seen>) -> (i64, Event, Seen) {
    let seen = tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("in time").expect("a delivery");
    assert!(seen.head.starts_with("POST /webhooks/tiktok HTTP/1.1\r\n"), "{}", seen.head);
    let header = seen.header(webhook::SIGNATURE_HEADER).expect("a signature");
    let time = webhook::verify(&seen.body, header, &app().client_secret).expect("a good signature");

    let other = webhook::verify(&seen.body, header, &other_app().client_secret);
    assert_eq!(other, Err(SignatureError::Mismatch));
    let mut tampered = seen.body.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let tampered = webhook::verify(&tampered, header, &app().client_secret);
    assert_eq!(tampered, Err(SignatureError::Mismatch));

    let event = webhook::parse(&seen.body).expect("an event");
    (time, event, seen)
}

#[tokio::test]
async fn a_public_posts_events_are_signed_and_tell_its_id_exactly() {
    let (site, mut receiver) = with_receiver(&[]).await;
    site.change(|config| config.time = Time::Explicit);
    let publish_id =
        site.init_with(|post| post.privacy_level = PrivacyLevel::PublicToEveryone).await.unwrap();
    site.wait_for(&publish_id, |state| matches!(state, PostState::Processing { .. })).await;
    let open_id = site.sandbox.world().open_id(KEY, "ada");
    let publish_type = Some(PublishType::DirectPublish);

    site.advance(&publish_id);
    let (time, complete, _) = delivery(&mut receiver).await;
    assert_eq!((complete.client_key.as_str(), &complete.user_openid), (KEY, &open_id));
    assert_eq!(complete.create_time, time);
    let (publish_id, kind) = (publish_id, complete.kind);
    let expected =
        EventKind::PublishComplete { publish_id: publish_id.clone(), publish_type: publish_type.clone() };
    assert_eq!(kind, expected);

    site.advance(&publish_id);
    let post_id = site.sandbox.world().post(&publish_id).unwrap().public_post_id();
    assert!(post_id.is_some_and(|id| id.to_string().len() == 19));
    let (_, public, _) = delivery(&mut receiver).await;
    let expected = EventKind::PubliclyAvailable {
        publish_id: publish_id.clone(),
        post_id,
        publish_type: publish_type.clone(),
    };
    assert_eq!(public.kind, expected);

    site.sandbox.act(|world, now| world.take_down(&publish_id, now).unwrap());
    let (_, gone, _) = delivery(&mut receiver).await;
    assert_eq!(gone.kind, EventKind::NoLongerPubliclyAvailable { publish_id, post_id, publish_type });
}

#[tokio::test]
async fn a_draft_is_delivered_and_posted_by_its_creators_hand_alone() {
    let (site, mut receiver) = with_receiver(&[]).await;
    let source = json!({ "source": "PULL_FROM_URL", "video_url": site.pull_url("good.mp4").expose() });
    let answer = site.post_json(Imitated::InboxInit.path(), &json!({ "source_info": source })).await;
    let publish_id = answer["data"]["publish_id"].as_str().unwrap().to_owned();
    let publish_type = Some(PublishType::InboxShare);

    let (_, delivered, _) = delivery(&mut receiver).await;
    let expected =
        EventKind::InboxDelivered { publish_id: publish_id.clone(), publish_type: publish_type.clone() };
    assert_eq!(delivered.kind, expected);
    assert_eq!(site.status(&publish_id).await.unwrap().status, PublishStatus::SendToUserInbox);

    let finished = json!({ "title": "from the phone", "privacy_level": "PUBLIC_TO_EVERYONE" });
    site.post_json(&format!("/_sandbox/finish_draft/{publish_id}"), &finished).await;
    let (_, complete, _) = delivery(&mut receiver).await;
    let expected =
        EventKind::PublishComplete { publish_id: publish_id.clone(), publish_type: publish_type.clone() };
    assert_eq!(complete.kind, expected);
    let (_, public, _) = delivery(&mut receiver).await;
    let report = site.status(&publish_id).await.unwrap();
    assert_eq!((report.status, report.post_ids.len()), (PublishStatus::PublishComplete, 1));
    let post_id = report.post_ids.first().copied();
    assert_eq!(public.kind, EventKind::PubliclyAvailable { publish_id, post_id, publish_type });
}

#[tokio::test]
async fn a_failed_posts_event_tells_the_same_reason_as_its_status() {
    let (site, mut receiver) = with_receiver(&[]).await;
    for reason in REASONS.iter().map(FailReason::as_str).collect::<BTreeSet<_>>() {
        site.sandbox.advance_clock(DAY_MS);
        let token = site.token_of("ada", &SCOPES);
        let publish_id = site.init_as(&token, &post(), "never.mp4").await.unwrap();
        site.sandbox.act(|world, now| world.fail(&publish_id, reason, now).unwrap());
        let status = site.client.fetch_status(&token, &publish_id).await.unwrap();
        let (_, event, _) = delivery(&mut receiver).await;
        let reason = FailReason::from(reason);
        assert_eq!(status.fail_reason.as_ref(), Some(&reason));
        let publish_type = Some(PublishType::DirectPublish);
        assert_eq!(event.kind, EventKind::PublishFailed { publish_id, reason, publish_type });
    }
}

#[tokio::test]
async fn an_authorization_that_ended_tells_why() {
    let (site, mut receiver) = with_receiver(&[]).await;
    for (number, reason) in [
        (0, RemovalReason::Unknown),
        (1, RemovalReason::UserDisconnected),
        (2, RemovalReason::AccountDeleted),
        (3, RemovalReason::AgeChanged),
        (4, RemovalReason::Banned),
        (5, RemovalReason::DeveloperRevoked),
    ] {
        let _ = site.token_of("ada", &SCOPES);
        site.sandbox.act(|world, now| world.revoke_user(KEY, "ada", number, now));
        let (_, event, _) = delivery(&mut receiver).await;
        assert_eq!(event.kind, EventKind::AuthorizationRemoved { reason });
        assert_eq!(event.user_openid, site.sandbox.world().open_id(KEY, "ada"));
    }
    site.client.revoke(&app(), &site.token_of("ada", &SCOPES)).await.unwrap();
    let (_, event, _) = delivery(&mut receiver).await;
    assert_eq!(event.kind, EventKind::AuthorizationRemoved { reason: RemovalReason::DeveloperRevoked });
}

#[tokio::test]
async fn a_delivery_that_is_repeated_verifies_each_time() {
    let (site, mut receiver) = with_receiver(&["503 Service Unavailable", "204 No Content"]).await;
    let publish_id = site.init().await.unwrap();
    let (first_time, first, first_seen) = delivery(&mut receiver).await;
    for _ in 0..2 {
        let (time, event, seen) = delivery(&mut receiver).await;
        assert_eq!((time, &event, seen.body), (first_time, &first, first_seen.body.clone()));
    }
    assert!(matches!(first.kind, EventKind::PublishComplete { publish_id: told, .. } if told == publish_id));
    let settled =
        site.sandbox.wait_for(PATIENCE, |world| (world.summary()["webhooks_under_way"] == 0).then_some(()));
    settled.await.expect("no more deliveries");
    assert!(receiver.try_recv().is_err());
}
