//! One creator of one workspace, from the connect link to TikTok's last word.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use domain::job::Publish;
use domain::{AccountId, Job, KeyId};
use ports::{Creators as _, Keys as _};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use slipway::client::{Api, fresh_key, text};
use tiktok_sandbox::{Call, Endpoint, Publication};
use tokio::time::{Instant, sleep};

use crate::rig::{GOOD_VIDEO, Rig, repository_file};

/// A connected creator.
pub struct Journey<'r> {
    pub rig: &'r Rig,
    pub api: Api,
    pub api_key: String,
    /// The handle at TikTok.
    pub account: String,
    /// The account's one row.
    pub account_row: AccountId,
    /// `crt_…`
    pub creator: String,
    http: reqwest::Client,
}

/// An answer of the API, whatever it says.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl<'r> Journey<'r> {
    /// A new workspace connects a new TikTok account, through the consent page. On the wire the account's handle is the tag
    /// of everything about it.
    pub async fn begin(rig: &'r Rig) -> Result<Self> {
        let api_key = rig.stack.new_api_key().await?;
        let api = Api::new(&rig.stack.facts.api_url, &api_key)?;
        let account = rig.new_account();
        let creator = api
            .connect_creator(&account)
            .await
            .with_context(|| format!("connecting a creator\n{}", rig.last_words()))?;
        let key = api_key.split('_').nth(1).context("the API key has no id")?;
        let key: KeyId = format!("{}{key}", KeyId::PREFIX).parse()?;
        let workspace = rig.store.key(&key).await?.context("the key has no row")?.workspace;
        rig.wire.watch(&account, [key.as_str(), workspace.as_str()]);
        Self::of(rig, api_key, account, text(&creator, "id").to_owned()).await
    }

    /// A creator who is connected already, perhaps one of many in its workspace, with a key of that.
    pub async fn of(rig: &'r Rig, api_key: String, account: String, creator: String) -> Result<Self> {
        let api = Api::new(&rig.stack.facts.api_url, &api_key)?;
        let row = rig.store.creator(&creator.parse()?).await?.context("the creator has no row")?;
        rig.wire.watch(&account, [creator.as_str(), row.account.as_str()]);
        Ok(Self {
            rig,
            api,
            api_key,
            account,
            account_row: row.account,
            creator,
            http: slipway::http::client()?,
        })
    }

    /// What a post says, apart from its media; a caption of its own, and toggles that are not TikTok's defaults.
    pub fn draft(&self) -> Value {
        static CAPTIONS: AtomicU32 = AtomicU32::new(1);
        let number = CAPTIONS.fetch_add(1, Ordering::Relaxed);
        json!({
            "creator": self.creator,
            "caption": format!("Harbour at six, take {number} ⚓ #boats"),
            "privacy_level": "MUTUAL_FOLLOW_FRIENDS",
            "allow": { "comment": true, "duet": false, "stitch": true },
            "disclosure": { "your_brand": true, "branded_content": false },
            "ai_generated": true,
            "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
        })
    }

    /// Sends the bytes where the API said that they go.
    pub async fn put(&self, upload: &Value, body: Vec<u8>) -> Result<()> {
        let mut request = self.http.put(text(upload, "url")).body(body);
        for (name, value) in upload["headers"].as_object().into_iter().flatten() {
            if !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, value.as_str().unwrap_or_default());
            }
        }
        let answer = request.send().await.context("uploading")?;
        ensure!(
            answer.status().is_success(),
            "the bucket answered {}: {}",
            answer.status(),
            answer.text().await?
        );
        Ok(())
    }

    /// The draft with this media.
    pub fn post_with(&self, media: &str) -> Value {
        let mut post = self.draft();
        post["media"] = json!([{ "id": media }]);
        post
    }

    /// Uploads a file of the repository by a presigned PUT.
    pub async fn upload(&self, path: &str) -> Result<String> {
        self.api.upload(&repository_file(path)?, |_| {}).await
    }

    /// Uploads a good video and asks for a post with it; the post's id and what was asked for.
    pub async fn post_a_good_video(&self) -> Result<(String, Value)> {
        let post = self.post_with(&self.upload(GOOD_VIDEO).await?);
        let id = self.create(&post).await?;
        Ok((id, post))
    }

    /// Asks for a post; its id.
    pub async fn create(&self, post: &Value) -> Result<String> {
        let created = self.api.post("/v1/posts", &fresh_key(), post).await?;
        Ok(text(&created, "id").to_owned())
    }

    /// A POST as a client does it who repeats what was not answered, or not well.
    pub async fn insist(&self, path: &str, body: &Value) -> Result<Value> {
        let key = fresh_key();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.ask(path, Some(&key), "application/json", body.to_string().into_bytes()).await;
            match asked {
                Ok(answer) if answer.status.is_success() => return Ok(answer.body),
                Ok(answer) if !answer.status.is_server_error() => bail!("{path}: {answer:#?}"),
                unanswered if Instant::now() > deadline => {
                    bail!("{path} is never answered: {unanswered:?}")
                }
                _ => sleep(Duration::from_millis(300)).await,
            }
        }
    }

    /// A POST with any body, and whatever comes of it.
    pub async fn ask(
        &self,
        path: &str,
        key: Option<&str>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Answer> {
        self.ask_as(&self.api_key, path, key, content_type, body).await
    }

    /// The same with another API key.
    pub async fn ask_as(
        &self,
        api_key: &str,
        path: &str,
        key: Option<&str>,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Answer> {
        let url = format!("{}{path}", self.rig.stack.facts.api_url);
        let mut request =
            self.http.post(url).bearer_auth(api_key).header(CONTENT_TYPE, content_type).body(body);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        answer(request, path).await
    }

    /// Any request of the API, and whatever comes of it.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let url = format!("{}{path}", self.rig.stack.facts.api_url);
        let mut request = self.http.request(method, url).bearer_auth(&self.api_key);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        answer(request, path).await
    }

    /// Takes the authorization back, as the creator does in TikTok's settings.
    pub fn takes_the_authorization_back(&self) {
        let account = self.account.clone();
        self.rig
            .sandbox()
            .act(|world, now| world.revoke_user(slipway::stack::SANDBOX_CLIENT_KEY, &account, 1, now));
    }

    /// Reads the creator until its status is this.
    pub async fn creator_becomes(&self, status: &str) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let creator = self.api.get(&format!("/v1/creators/{}", self.creator)).await?;
            if creator["status"] == json!(status) {
                return Ok(creator);
            }
            ensure!(Instant::now() < deadline, "the creator is {creator}\n{}", self.rig.last_words());
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Reads the post until it is `state`; any other last word is an error.
    pub async fn becomes(&self, id: &str, state: &str) -> Result<Value> {
        self.becomes_within(id, state, PATIENCE).await
    }

    /// The same for what takes its time.
    pub async fn becomes_within(&self, id: &str, state: &str, patience: Duration) -> Result<Value> {
        let enough = |post: &Value| {
            let now = text(post, "state");
            now == state || ["published", "failed", "cancelled", "unconfirmed"].contains(&now)
        };
        let post = self.api.follow(id, patience, |_| {}, enough).await;
        let post = post.with_context(|| format!("the functions wrote:\n{}", self.rig.last_words()))?;
        let now = text(&post, "state");
        ensure!(now == state, "the post is `{now}`, not `{state}`: {post:#}\n{}", self.rig.last_words());
        Ok(post)
    }

    /// The one publication TikTok has of this account; it is what was asked for, made of the very bytes of `path`.
    pub fn published_once(&self, asked: &Value, path: &str) -> Result<Publication> {
        let mut published = self.rig.publications(&self.account);
        ensure!(published.len() == 1, "TikTok published {} posts: {published:#?}", published.len());
        let publication = published.remove(0);
        let bytes = std::fs::read(repository_file(path)?)?;
        let allow = |what: &str| asked["allow"][what] == json!(true);
        let said = json!({
            "caption": publication.title,
            "privacy_level": publication.privacy_level,
            "disable_comment": publication.disable_comment,
            "disable_duet": publication.disable_duet,
            "disable_stitch": publication.disable_stitch,
            "your_brand": publication.brand_organic_toggle,
            "branded_content": publication.brand_content_toggle,
            "ai_generated": publication.is_aigc,
            "sha256": publication.sha256,
        });
        let wanted = json!({
            "caption": asked["caption"],
            "privacy_level": asked["privacy_level"],
            "disable_comment": !allow("comment"),
            "disable_duet": !allow("duet"),
            "disable_stitch": !allow("stitch"),
            "your_brand": asked["disclosure"]["your_brand"],
            "branded_content": asked["disclosure"]["branded_content"],
            "ai_generated": asked["ai_generated"],
            "sha256": sha256(&bytes),
        });
        ensure!(said == wanted, "TikTok published {said:#}\nasked for was {wanted:#}");
        ensure!(publication.breaches.is_empty(), "against TikTok's guidelines: {:?}", publication.breaches);
        Ok(publication)
    }

    /// What TikTok was asked about this account, in order.
    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        let world = self.rig.sandbox().world();
        world
            .calls(endpoint)
            .filter(|(_, call)| call.account.as_deref() == Some(&self.account))
            .map(|(_, call)| call.clone())
            .collect()
    }

    /// The inits by TikTok's code of each, in order.
    pub fn init_codes(&self) -> Vec<String> {
        self.calls(Endpoint::VideoInit).into_iter().map(|call| call.code).collect()
    }

    /// Refreshes of this account's tokens that TikTok answered well.
    pub fn refreshes(&self) -> usize {
        let refreshed = |call: &Call| call.request["grant_type"] == "refresh_token" && call.status == 200;
        self.calls(Endpoint::Token).iter().filter(|call| refreshed(call)).count()
    }

    /// Waits until TikTok has been asked this of this account `times` times.
    pub async fn is_asked(&self, endpoint: Endpoint, times: usize) -> Result<()> {
        let account = self.account.as_str();
        let asked = self.rig.sandbox().wait_for(PATIENCE, |world| {
            let calls = world.calls(endpoint).filter(|(_, call)| call.account.as_deref() == Some(account));
            (calls.count() >= times).then_some(())
        });
        asked
            .await
            .with_context(|| format!("TikTok was not asked `{}`\n{}", endpoint.name(), self.rig.last_words()))
    }

    /// The access token ends now.
    pub fn expire_access_token(&self) {
        let now = self.rig.sandbox().now_ms();
        self.rig.sandbox().world().expire_access_tokens(&self.account, now);
    }

    /// Puts a publish job of the post into its queue, as a queue does that delivers twice.
    pub async fn deliver_again(&self, post: &str) -> Result<()> {
        let row = self.rig.post(post).await?;
        let job = Job::Publish(Publish {
            post: row.id,
            account: row.account,
            content: row.content,
            ticket: None,
            refused_epoch: None,
        });
        self.rig.send("publish", &serde_json::to_string(&job)?).await
    }

    /// Waits until the row is something.
    pub async fn until(
        &self,
        post: &str,
        what: &str,
        is: impl Fn(&domain::Post) -> bool,
    ) -> Result<domain::Post> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let row = self.rig.post(post).await?;
            if is(&row) {
                return Ok(row);
            }
            ensure!(
                Instant::now() < deadline,
                "the post never was {what}: {row:#?}\n{}",
                self.rig.last_words()
            );
            sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn answer(request: reqwest::RequestBuilder, path: &str) -> Result<Answer> {
    let answer = request.timeout(Duration::from_secs(40)).send().await;
    let answer = answer.with_context(|| format!("asking `{path}`"))?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.bytes().await.context("reading the API's answer")?;
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { status, headers, body })
}

/// On a machine that is busy with other journeys.
pub const PATIENCE: Duration = Duration::from_secs(150);

/// In hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// A form with a `post` and a `media` part; its content type and its body.
pub fn form(post: &Value, media: &[u8]) -> (String, Vec<u8>) {
    let boundary = format!("e2e{}", fresh_key());
    let mut body = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"post\"\r\ncontent-type: application/json\r\n\r\n{post}\r\n\
         --{boundary}\r\ncontent-disposition: form-data; name=\"media\"; filename=\"v.mp4\"\r\ncontent-type: video/mp4\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(media);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}
