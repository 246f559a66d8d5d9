//! Over real sockets: the shell downloads, waits, hangs up and remembers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tiktok_sandbox::config::SCOPES;
use tiktok_sandbox::{
    AutoTime, Config, Endpoint, Fault, FaultKind, Options, PostState, Sandbox, Time, World, sha256_hex,
    signature,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::rig::{KEY, SECRET, good_init, good_photos, media, set, strict};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server of few words: `answer` makes the raw bytes for a request line and its headers.
pub(crate) struct Server {
    pub(crate) base: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (Arc::clone(&requests), Arc::new(answer));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, Arc::clone(&kept), Arc::clone(&answer)));
            }
        });
        Self { base, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn converse(
    mut stream: TcpStream,
    kept: Arc<Mutex<Vec<String>>>,
    answer: Arc<impl Fn(&str) -> Vec<u8>>,
) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    let complete = |text: &str| {
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head
            .to_lowercase()
            .split("content-length: ")
            .nth(1)
            .map_or(0, |rest| rest.lines().next().unwrap().parse::<usize>().unwrap());
        body.len() >= length
    };
    while !complete(&text) {
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 => text.push_str(&String::from_utf8_lossy(&buffer[..read])),
            _ => return,
        }
    }
    let reply = answer(&text);
    kept.lock().unwrap().push(text);
    let _ = stream.write_all(&reply).await;
}

fn reply(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len())
        .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A media host with all the faults one can have.
fn media_host(request: &str) -> Vec<u8> {
    let film = media("good.mp4");
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let path = target.split('?').next().unwrap();
    match path {
        "/no-head.mp4" if method == "HEAD" => reply("403 Forbidden", b""),
        "/good.mp4" | "/no-head.mp4" if method == "HEAD" => {
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", film.len())
                .into_bytes()
        }
        "/ranges.mp4" => {
            let range = request.split("range: bytes=").nth(1).unwrap().lines().next().unwrap();
            let (from, to) = range.split_once('-').unwrap();
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            let to = to.min(film.len() - 1);
            let head = format!("206 Partial Content\r\ncontent-range: bytes {from}-{to}/{}", film.len());
            reply(&head, &film[from..=to])
        }
        "/good.mp4" | "/no-head.mp4" => reply("200 OK", &film),
        "/good.jpg" | "/good.webp" | "/photo.png" => reply("200 OK", &media(&path[1..])),
        "/moved.mp4" | "/moved.jpg" => reply("302 Found\r\nlocation: /good.mp4", b""),
        "/half.mp4" => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", film.len());
            [head.as_bytes(), &film[..film.len() / 2]].concat()
        }
        _ => reply("404 Not Found", b""),
    }
}

fn loose(base: &str) -> Config {
    let mut config = Config {
        plain_http_on_loopback: true,
        time: Time::Auto(AutoTime { fetch_ms: 0, processing_ms: 1, public_id_ms: 1 }),
        ..strict()
    };
    config.apps.get_mut(KEY).unwrap().verified_url_prefixes = vec![base.into()];
    config
}

pub(crate) struct Site {
    pub(crate) host: Server,
    pub(crate) sandbox: Sandbox,
    http: reqwest::Client,
    token: String,
}

impl Site {
    pub(crate) async fn start(change: impl FnOnce(&mut Config)) -> Self {
        let host = Server::start(media_host).await;
        let mut config = loose(&host.base);
        change(&mut config);
        let sandbox = Sandbox::start(config).await.unwrap();
        let token = sandbox.connect(KEY, "ada", &SCOPES)["access_token"].as_str().unwrap().to_owned();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { host, sandbox, http, token }
    }

    async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let request = self
            .http
            .post(format!("{}{path}", self.sandbox.base_url))
            .bearer_auth(&self.token)
            .header("content-type", "application/json")
            .body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.sandbox.base_url)).send().await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }

    async fn init(&self, file: &str) -> String {
        let mut body = good_init();
        set(&mut body, "/source_info/video_url", json!(format!("{}{file}", self.host.base)));
        let (status, answer) = self.post(Endpoint::VideoInit.path(), &body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["data"]["publish_id"].as_str().unwrap().into()
    }

    /// How a post of this file ends: its `fail_reason`, or `ok`.
    async fn outcome(&self, file: &str) -> String {
        let publish_id = self.init(file).await;
        let end = self.sandbox.wait_for(PATIENCE, |world| match &world.post(&publish_id)?.state {
            PostState::Failed { fail_reason, .. } => Some(fail_reason.clone()),
            PostState::Complete { .. } => Some("ok".into()),
            PostState::Uploading
            | PostState::Downloading
            | PostState::Processing { .. }
            | PostState::InInbox { .. } => None,
        });
        end.await.expect("an end")
    }
}

#[tokio::test]
async fn a_url_is_really_downloaded_hashed_and_published() {
    let site = Site::start(|_| {}).await;
    let publish_id = site.init("good.mp4?X-Amz-Expires=7200").await;
    let public = site.sandbox.wait_for(PATIENCE, |world| world.post(&publish_id)?.public_post_id());
    assert!(public.await.is_some());
    let world = site.sandbox.world();
    let publication = world.publications().next().unwrap();
    assert_eq!(publication.sha256, sha256_hex(&media("good.mp4")));
    assert_eq!(publication.fetches[0].status, Some(200));
    assert!(site.host.requests()[0].starts_with("GET /good.mp4?X-Amz-Expires=7200 "));
}

#[tokio::test]
async fn a_redirect_a_missing_file_and_a_broken_connection_are_pulls_that_failed() {
    let site = Site::start(|_| {}).await;
    for file in ["moved.mp4", "missing.mp4", "half.mp4"] {
        assert_eq!(site.outcome(file).await, "video_pull_failed", "{file}");
    }
    assert_eq!(site.outcome("good.mp4").await, "ok");
    assert_eq!(site.host.requests().len(), 4, "the redirect was not followed");
}

#[tokio::test]
async fn a_host_nobody_answers_for_is_a_pull_that_failed() {
    let site = Site::start(|_| {}).await;
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    site.sandbox.world().reconfigure(|config| {
        config.apps.get_mut(KEY).unwrap().verified_url_prefixes = vec![closed.clone()];
    });
    let mut body = good_init();
    set(&mut body, "/source_info/video_url", json!(format!("{closed}good.mp4")));
    let (_, answer) = site.post(Endpoint::VideoInit.path(), &body).await.unwrap();
    let publish_id = answer["data"]["publish_id"].as_str().unwrap();
    let failed = site.sandbox.wait_for(PATIENCE, |world| {
        let post = world.post(publish_id)?;
        matches!(&post.state, PostState::Failed { fail_reason, .. } if fail_reason == "video_pull_failed")
            .then_some(())
    });
    assert!(failed.await.is_some());
}

#[tokio::test]
async fn bytes_are_really_uploaded_hashed_and_published() {
    let site = Site::start(|_| {}).await;
    // A whole chunk of 64 MB: what is no box of an MP4 is room that nobody reads.
    let mut film = media("good.mp4");
    let free = 64_000_000 - film.len();
    film.extend_from_slice(&u32::try_from(free).unwrap().to_be_bytes());
    film.extend_from_slice(b"free");
    film.resize(64_000_000, 0);
    let mut body = good_init();
    let plan = json!({ "source": "FILE_UPLOAD", "video_size": 64_000_000, "chunk_size": 64_000_000, "total_chunk_count": 1 });
    set(&mut body, "/source_info", plan);
    let (status, answer) = site.post(Endpoint::VideoInit.path(), &body).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let upload_url = answer["data"]["upload_url"].as_str().unwrap();
    assert!(upload_url.starts_with(&site.sandbox.base_url), "{upload_url}");
    let sha256 = sha256_hex(&film);
    let put = site
        .http
        .put(upload_url)
        .header("content-type", "video/mp4")
        .header("content-range", "bytes 0-63999999/64000000")
        .body(film);
    assert_eq!(put.send().await.unwrap().status(), 201);
    let published = site.sandbox.wait_for(PATIENCE, |world| world.publications().next().cloned());
    let published = published.await.expect("a publication");
    assert_eq!((published.sha256, published.bytes), (sha256, 64_000_000));
}

#[tokio::test]
async fn the_fetcher_may_ask_head_first() {
    let site = Site::start(|config| config.fetcher.head_first = true).await;
    assert_eq!(site.outcome("no-head.mp4").await, "video_pull_failed");
    assert_eq!(site.outcome("good.mp4").await, "ok");
    let methods: Vec<String> = site.host.requests().iter().map(|text| text[..4].to_owned()).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "GET "]);
}

#[tokio::test]
async fn the_fetcher_may_use_ranges_and_take_a_200_as_well() {
    let site = Site::start(|config| config.fetcher.use_range = 25_000).await;
    assert_eq!(site.outcome("ranges.mp4").await, "ok");
    assert_eq!(site.host.requests().len(), 3);
    assert_eq!(site.outcome("good.mp4").await, "ok");
    let sha256: Vec<_> =
        site.sandbox.world().publications().map(|publication| publication.sha256.clone()).collect();
    assert_eq!(sha256[0], sha256[1]);
}

#[tokio::test]
async fn the_fetcher_may_refuse_a_query() {
    let site = Site::start(|config| config.fetcher.refuse_query = true).await;
    assert_eq!(site.outcome("good.mp4?token=1").await, "video_pull_failed");
    assert_eq!(site.outcome("good.mp4").await, "ok");
}

#[tokio::test]
async fn a_file_larger_than_allowed_is_not_pulled_to_its_end() {
    let bytes = media("good.mp4").len() as u64;
    let site = Site::start(|config| config.media.max_bytes = bytes - 1).await;
    assert_eq!(site.outcome("good.mp4").await, "video_pull_failed");
    site.sandbox.world().reconfigure(|config| config.media.max_bytes = bytes);
    assert_eq!(site.outcome("good.mp4").await, "ok");
}

#[tokio::test]
async fn a_lost_answer_closes_the_connection_though_the_post_is_there() {
    let site = Site::start(|_| {}).await;
    let mut body = good_init();
    set(&mut body, "/source_info/video_url", json!(format!("{}good.mp4", site.host.base)));
    for kind in [FaultKind::AnswerLost, FaultKind::CutBody] {
        site.sandbox.world().inject(Fault::once(Endpoint::VideoInit, kind));
        assert!(site.post(Endpoint::VideoInit.path(), &body).await.is_err());
    }
    assert_eq!(site.sandbox.world().posts().count(), 2);
}

#[tokio::test]
async fn webhooks_are_sent_signed_and_retried() {
    let refuse_once = Mutex::new(true);
    let receiver = Server::start(move |_| {
        let refuse = std::mem::take(&mut *refuse_once.lock().unwrap());
        reply(if refuse { "503 Busy" } else { "200 OK" }, b"")
    })
    .await;
    let hook = format!("{}webhooks/tiktok", receiver.base);
    let site = Site::start(|config| {
        config.webhooks.first_retry_ms = 1;
        config.apps.get_mut(KEY).unwrap().webhook_url = Some(hook);
    })
    .await;
    assert_eq!(site.outcome("good.mp4").await, "ok");
    let quiet = site.sandbox.wait_for(PATIENCE, |world| {
        let summary = world.summary();
        (summary["webhooks_under_way"] == 0 && summary["posts"][0]["post_id"].is_string()).then_some(())
    });
    assert!(quiet.await.is_some());
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3, "one refused, two taken");
    for request in &requests {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let head = head.to_lowercase();
        let sent = head.split("tiktok-signature: ").nth(1).unwrap().lines().next().unwrap();
        let time = sent[2..].split(',').next().unwrap().parse().unwrap();
        assert_eq!(sent, signature(SECRET, time, body.as_bytes()));
    }
}

#[tokio::test]
async fn the_control_api_changes_the_world_and_shows_the_log() {
    let site = Site::start(|config| config.time = Time::Explicit).await;
    let (status, _) =
        site.post("/_sandbox/accounts", &json!({ "handle": "lin", "private": true })).await.unwrap();
    assert_eq!(status, 200);
    let (status, config) = site
        .post("/_sandbox/config", &json!({ "limits": { "creator_info": 1 }, "accounts": { "grace": null } }))
        .await
        .unwrap();
    assert_eq!((status, &config["limits"]["creator_info"]), (200, &json!(1)));
    assert!(config["accounts"].get("grace").is_none() && config["accounts"]["lin"]["private"] == true);
    let (status, problem) = site.post("/_sandbox/config", &json!({ "limts": {} })).await.unwrap();
    assert_eq!(status, 400, "{problem}");

    let fault = json!({ "endpoint": "status_fetch", "kind": { "answer": { "status": 503 } } });
    site.post("/_sandbox/faults", &fault).await.unwrap();
    let publish_id = site.init("good.mp4").await;
    let (status, _) =
        site.post(Endpoint::StatusFetch.path(), &json!({ "publish_id": publish_id })).await.unwrap();
    assert_eq!(status, 503);

    let processing = site.sandbox.wait_for(PATIENCE, |world| {
        matches!(world.post(&publish_id)?.state, PostState::Processing { .. }).then_some(())
    });
    processing.await.unwrap();
    for _ in 0..2 {
        let (status, answer) =
            site.post(&format!("/_sandbox/complete/{publish_id}"), &json!({})).await.unwrap();
        assert_eq!(status, 200, "{answer}");
    }
    let (status, _) = site.post(&format!("/_sandbox/complete/{publish_id}"), &json!({})).await.unwrap();
    assert_eq!(status, 409);

    let log = site.get("/_sandbox/log?kind=publication").await;
    assert_eq!(log[0]["publish_id"], json!(publish_id));
    let state = site.get("/_sandbox/state").await;
    assert!(state["posts"][0]["post_id"].is_string());
}

#[tokio::test]
async fn photos_are_really_downloaded_one_by_one_and_shown_on_the_page() {
    let site = Site::start(|_| {}).await;
    let init = async |files: &[&str]| {
        let mut body = good_photos();
        let urls: Vec<String> = files.iter().map(|file| format!("{}{file}", site.host.base)).collect();
        set(&mut body, "/source_info/photo_images", json!(urls));
        let (status, answer) = site.post(Endpoint::ContentInit.path(), &body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer["data"]["publish_id"].as_str().unwrap().to_owned()
    };
    let publish_id = init(&["good.webp?sig=x", "good.jpg"]).await;
    let public = site.sandbox.wait_for(PATIENCE, |world| world.post(&publish_id)?.public_post_id());
    let id = public.await.unwrap();
    let asked: Vec<_> =
        site.host.requests().iter().map(|text| text.lines().next().unwrap().to_owned()).collect();
    assert_eq!(asked, ["GET /good.webp?sig=x HTTP/1.1", "GET /good.jpg HTTP/1.1"]);
    let shown = site.get("/_sandbox/state").await["posts"][0].clone();
    assert_eq!(shown["share_url"], json!(format!("https://www.tiktok.com/@ada/photo/{id}")));
    let sums: Vec<_> = (0..2).map(|index| shown["carousel"]["photos"][index]["sha256"].clone()).collect();
    assert_eq!(sums, [json!(sha256_hex(&media("good.webp"))), json!(sha256_hex(&media("good.jpg")))]);

    for file in ["moved.jpg", "missing.jpg"] {
        let publish_id = init(&["good.jpg", file]).await;
        let end = site.sandbox.wait_for(PATIENCE, |world| match &world.post(&publish_id)?.state {
            PostState::Failed { fail_reason, .. } => Some(fail_reason.clone()),
            _ => None,
        });
        assert_eq!(end.await.unwrap(), "photo_pull_failed", "{file}");
    }
}

#[tokio::test]
async fn the_control_api_lets_a_download_hang() {
    let site = Site::start(|config| config.fetcher.bytes_per_second = Some(1)).await;
    let publish_id = site.init("good.mp4").await;
    assert_eq!(site.post(&format!("/_sandbox/hang/{publish_id}"), &Value::Null).await.unwrap().0, 200);
    site.sandbox.advance_clock(59 * 60_000);
    let asked = json!({ "publish_id": publish_id });
    let (_, answer) = site.post(Endpoint::StatusFetch.path(), &asked).await.unwrap();
    assert_eq!(answer["data"]["status"], "PROCESSING_DOWNLOAD");
    assert!(answer["data"]["downloaded_bytes"].as_u64().unwrap() < 60, "{answer}");
}

#[tokio::test]
async fn the_control_api_finishes_and_discards_drafts() {
    let site = Site::start(|_| {}).await;
    let mut drafts = Vec::new();
    for _ in 0..2 {
        let source = json!({ "source": "PULL_FROM_URL", "video_url": format!("{}good.mp4", site.host.base) });
        let body = json!({ "source_info": source });
        let (status, answer) = site.post(Endpoint::InboxInit.path(), &body).await.unwrap();
        assert_eq!(status, 200, "{answer}");
        drafts.push(answer["data"]["publish_id"].as_str().unwrap().to_owned());
    }
    let delivered = site.sandbox.wait_for(PATIENCE, |world| {
        let there =
            |draft: &String| world.post(draft).is_some_and(|post| post.status() == "SEND_TO_USER_INBOX");
        drafts.iter().all(there).then_some(())
    });
    delivered.await.expect("both drafts in the inbox");
    let finish = format!("/_sandbox/finish_draft/{}", drafts[0]);
    let finished = json!({ "title": "from the phone", "privacy_level": "SELF_ONLY" });
    assert_eq!(site.post(&finish, &finished).await.unwrap().0, 200);
    let discard = format!("/_sandbox/discard_draft/{}", drafts[1]);
    assert_eq!(site.post(&discard, &Value::Null).await.unwrap().0, 200);
    assert_eq!(site.post(&discard, &Value::Null).await.unwrap().0, 409);
    let world = site.sandbox.world();
    let titles: Vec<_> = world.publications().map(|publication| publication.title.as_str()).collect();
    assert_eq!(titles, ["from the phone"]);
}

#[tokio::test]
async fn the_control_api_jumps_the_clock_and_expires_and_revokes_and_consents() {
    let site = Site::start(|_| {}).await;
    let before = site.get("/_sandbox/clock").await["now_ms"].as_i64().unwrap();
    site.post("/_sandbox/clock/advance", &json!({ "ms": 86_400_000 })).await.unwrap();
    assert!(site.get("/_sandbox/clock").await["now_ms"].as_i64().unwrap() >= before + 86_400_000);
    let ask = || site.post(Endpoint::CreatorInfo.path(), &Value::Null);
    assert_eq!(ask().await.unwrap().1["error"]["code"], "access_token_invalid");

    let body = json!({ "account": "ada", "client_key": KEY });
    let (_, set) = site.post("/_sandbox/connect", &body).await.unwrap();
    let site = Site { token: set["access_token"].as_str().unwrap().into(), ..site };
    let ask = || site.post(Endpoint::CreatorInfo.path(), &Value::Null);
    assert_eq!(ask().await.unwrap().1["error"]["code"], "ok");
    site.post("/_sandbox/tokens/expire", &body).await.unwrap();
    assert_eq!(ask().await.unwrap().0, 401);
    site.post("/_sandbox/users/revoke", &body).await.unwrap();
    assert_eq!(site.get("/_sandbox/state").await["accounts"][0]["grants"], json!([]));

    let query = crate::table::authorize_query(&[]);
    let consent =
        json!({ "account": "ada", "query": format!("https://www.tiktok.com/v2/auth/authorize/?{query}") });
    let (_, answer) = site.post("/_sandbox/consent", &consent).await.unwrap();
    assert!(answer["location"].as_str().unwrap().contains("code="));
}

#[tokio::test]
async fn waiting_for_the_log_ends_with_the_next_line() {
    let site = Site::start(|_| {}).await;
    let after = site.sandbox.log().len();
    let path = format!("/_sandbox/log?after={after}&wait_ms=20000");
    let (log, _) = tokio::join!(site.get(&path), site.post(Endpoint::CreatorInfo.path(), &Value::Null));
    assert_eq!(log[0]["endpoint"], "creator_info");
}

#[tokio::test]
async fn what_was_going_on_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { state_file: Some(folder.path().join("state.json")), ..Options::default() };
    let host = Server::start(media_host).await;
    let mut config = loose(&host.base);
    config.time = Time::Auto(AutoTime { fetch_ms: 0, processing_ms: 3_600_000, public_id_ms: 1 });

    let first = Sandbox::start_with(World::new(config.clone()).unwrap(), options.clone()).await.unwrap();
    let token = first.connect(KEY, "ada", &SCOPES)["access_token"].as_str().unwrap().to_owned();
    let mut body = good_init();
    set(&mut body, "/source_info/video_url", json!(format!("{}good.mp4", host.base)));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = |base: String, path: &'static str, body: Value| {
        let request =
            http.post(format!("{base}{path}")).bearer_auth(&token).header("content-type", "application/json");
        async move {
            serde_json::from_str::<Value>(
                &request.body(body.to_string()).send().await.unwrap().text().await.unwrap(),
            )
            .unwrap()
        }
    };
    let answer = send(first.base_url.clone(), Endpoint::VideoInit.path(), body).await;
    let publish_id = answer["data"]["publish_id"].as_str().unwrap().to_owned();
    let downloaded =
        first.wait_for(PATIENCE, |world| (world.post(&publish_id)?.downloaded_bytes > 0).then_some(()));
    downloaded.await.unwrap();
    first.stop().await;

    let second = Sandbox::start_with(World::new(config).unwrap(), options).await.unwrap();
    second.advance_clock(3_600_000);
    let public = second.wait_for(PATIENCE, |world| world.post(&publish_id)?.public_post_id());
    assert!(public.await.is_some());
    let status =
        send(second.base_url.clone(), Endpoint::StatusFetch.path(), json!({ "publish_id": publish_id }))
            .await;
    assert_eq!(status["data"]["status"], "PUBLISH_COMPLETE");
}

#[tokio::test]
async fn the_page_is_there_for_people() {
    let site = Site::start(|_| {}).await;
    let answer = site.http.get(&site.sandbox.base_url).send().await.unwrap();
    assert!(answer.text().await.unwrap().contains("TikTok, imitated"));
}
