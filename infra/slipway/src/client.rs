//! A small client of Slipway's HTTP API.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt as _;
use lambda_kit::system::SystemEntropy;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, sleep};

use crate::http;

/// The API as one workspace sees it.
#[derive(Clone)]
pub struct Api {
    base: String,
    key: String,
    client: reqwest::Client,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base).field("key", &"[redacted]").finish_non_exhaustive()
    }
}

/// An answer that is a problem (RFC 9457).
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: u16,
    /// The whole document.
    pub body: Value,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let said = text(&self.body, "detail").or_else(|| text(&self.body, "title"));
        write!(f, "the API answered {}: {}", self.status, said.unwrap_or_else(|| self.body.to_string()))?;
        let errors = self.body["errors"].as_array().map(Vec::as_slice).filter(|errors| !errors.is_empty());
        for error in errors.unwrap_or(std::slice::from_ref(&self.body)) {
            if let Some(rule) = text(error, "rule").or_else(|| text(error, "code")) {
                let place = text(error, "param").filter(|param| !param.is_empty());
                let place = place.map(|param| format!(" at `{param}`")).unwrap_or_default();
                write!(f, "\n  {rule}{place}: {}", text(error, "detail").unwrap_or_default())?;
            }
            if let Some(remedy) = text(error, "remedy") {
                write!(f, "\n    -> {remedy}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// Where an upload goes.
#[derive(Clone, Deserialize)]
struct Upload {
    method: String,
    url: String,
    #[serde(default)]
    headers: serde_json::Map<String, Value>,
}

/// What a post says and who may see it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one toggle of TikTok's")]
pub struct NewPost {
    pub creator: String,
    pub media: String,
    pub caption: String,
    pub privacy_level: String,
    pub allow_comment: bool,
    pub allow_duet: bool,
    pub allow_stitch: bool,
    pub your_brand: bool,
    pub branded_content: bool,
    pub ai_generated: bool,
    /// What the person who posts has confirmed.
    pub music_usage_confirmed: bool,
    pub branded_content_policy_confirmed: bool,
}

impl NewPost {
    fn body(&self) -> Value {
        json!({
            "creator": self.creator,
            "kind": "video",
            "mode": "direct",
            "media": [{ "id": self.media }],
            "caption": self.caption,
            "privacy_level": self.privacy_level,
            "allow": { "comment": self.allow_comment, "duet": self.allow_duet, "stitch": self.allow_stitch },
            "disclosure": { "your_brand": self.your_brand, "branded_content": self.branded_content },
            "ai_generated": self.ai_generated,
            "consent": {
                "music_usage_confirmed": self.music_usage_confirmed,
                "branded_content_policy_confirmed": self.branded_content_policy_confirmed,
                "text_version": "2026-08",
            },
        })
    }
}

impl Api {
    /// The API at `base` (without `/v1`), by a workspace's key.
    pub fn new(base: &str, key: &str) -> Result<Self> {
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { base, key: key.to_owned(), client: http::client()? })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.key)
            .timeout(Duration::from_secs(40))
    }

    /// A GET of JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        read(self.request(Method::GET, path).send().await.with_context(|| format!("asking for `{path}`"))?)
            .await
    }

    /// A POST of JSON that creates something; `key` makes it safe to repeat.
    pub async fn post(&self, path: &str, key: &str, body: &Value) -> Result<Value> {
        let request = self
            .request(Method::POST, path)
            .header("idempotency-key", key)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string());
        read(request.send().await.with_context(|| format!("posting to `{path}`"))?).await
    }

    /// Declares a video and uploads it by the presigned PUT; `sent` hears how many bytes have gone. The media's id.
    pub async fn upload(&self, file: &Path, sent: impl Fn(u64) + Send + Sync + 'static) -> Result<String> {
        let opened = || File::open(file);
        let size =
            opened().await.with_context(|| format!("opening `{}`", file.display()))?.metadata().await?.len();
        let digest =
            sha256(opened().await?).await.with_context(|| format!("reading `{}`", file.display()))?;
        let body = json!({
            "kind": "video",
            "size": size,
            "content_type": content_type(file),
            "sha256": digest,
        });
        let media = self.post("/v1/media", &fresh_key(), &body).await?;
        let id = media["id"].as_str().context("the API gave the media no id")?.to_owned();
        let upload: Upload =
            serde_json::from_value(media["upload"].clone()).context("reading where the upload goes")?;
        let method = Method::from_bytes(upload.method.as_bytes()).context("reading the upload's method")?;
        let mut request = self.client.request(method, upload.url).header(CONTENT_LENGTH, size);
        for (name, value) in &upload.headers {
            if !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, value.as_str().unwrap_or_default());
            }
        }
        let body = chunks(opened().await?).inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                sent(chunk.len() as u64);
            }
        });
        let answer =
            request.body(reqwest::Body::wrap_stream(body)).send().await.context("uploading the video")?;
        let status = answer.status();
        if !status.is_success() {
            bail!("the bucket refused the upload with {status}: {}", answer.text().await.unwrap_or_default());
        }
        Ok(id)
    }

    /// Asks for a post; the same `key` never asks twice.
    pub async fn create_post(&self, post: &NewPost, key: &str) -> Result<Value> {
        self.post("/v1/posts", key, &post.body()).await
    }

    /// Reads the post until `enough` says so; `seen` hears of every new entry of its timeline.
    pub async fn follow(
        &self,
        id: &str,
        patience: Duration,
        mut seen: impl FnMut(&Value),
        mut enough: impl FnMut(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + patience;
        let mut known = 0;
        loop {
            let post = self.get(&format!("/v1/posts/{id}")).await?;
            let timeline = post["timeline"].as_array().map(Vec::as_slice).unwrap_or_default();
            timeline.iter().skip(known).for_each(&mut seen);
            known = timeline.len();
            if enough(&post) {
                return Ok(post);
            }
            if Instant::now() > deadline {
                bail!(
                    "after {} s the post is still `{}`: {post:#}",
                    patience.as_secs(),
                    text(&post, "state")
                );
            }
            sleep(Duration::from_millis(400)).await;
        }
    }

    /// Goes the way of a creator in a browser, from a connect link through the sandbox's consent page and back.
    pub async fn connect_creator(&self, account: &str) -> Result<Value> {
        self.connect_creator_by(account, &json!({})).await
    }

    /// The same by a link that is asked for in another way.
    pub async fn connect_creator_by(&self, account: &str, link: &Value) -> Result<Value> {
        let link = self.post("/v1/connect-links", &fresh_key(), link).await?;
        let url = link["url"].as_str().context("the API gave the link no URL")?;
        let mut browser = Browser { client: self.client.clone(), cookies: Vec::new() };
        let consent = browser.until_page(self.client.get(url)).await.context("opening the connect link")?;
        let asked = reqwest::Url::parse(&consent.at).context("reading the consent page's address")?;
        let scopes =
            asked.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
        let scopes = scopes.context("the consent page was asked for no scopes")?;
        let mut form = reqwest::Url::parse("form:").context("building a form")?;
        form.query_pairs_mut()
            .append_pair("account", account)
            .append_pair("decision", "allow")
            .extend_pairs(scopes.split(',').map(|scope| ("scope", scope)));
        let allowed = self
            .client
            .post(&consent.at)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.query().unwrap_or_default().to_owned());
        let back = browser.until_page(allowed).await.context("coming back from TikTok")?;
        if !back.status.is_success() {
            bail!("coming back from TikTok the API answered {}: {}", back.status, back.body);
        }
        let creators = self.get("/v1/creators").await?;
        let creator = creators["data"].as_array().and_then(|creators| creators.first().cloned());
        creator.context("the workspace has no creator although the consent was given")
    }
}

/// Follows redirects with cookies, as a browser does.
struct Browser {
    client: reqwest::Client,
    /// `origin`, `name=value`
    cookies: Vec<(String, String)>,
}

struct Page {
    at: String,
    status: StatusCode,
    body: String,
}

impl Browser {
    async fn until_page(&mut self, request: RequestBuilder) -> Result<Page> {
        let mut request = request.build().context("building a request")?;
        for _ in 0..10 {
            let url = request.url().clone();
            let origin = url.origin().ascii_serialization();
            let cookies: Vec<_> = self
                .cookies
                .iter()
                .filter(|(of, _)| *of == origin)
                .map(|(_, cookie)| cookie.as_str())
                .collect();
            if !cookies.is_empty() {
                request.headers_mut().insert(COOKIE, cookies.join("; ").parse().context("sending cookies")?);
            }
            let answer = self
                .client
                .execute(request)
                .await
                .with_context(|| format!("opening `{origin}{}`", url.path()))?;
            for cookie in answer.headers().get_all(SET_COOKIE) {
                let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
                let name = pair.split('=').next().unwrap_or_default();
                self.cookies.retain(|(of, known)| *of != origin || known.split('=').next() != Some(name));
                self.cookies.push((origin.clone(), pair.to_owned()));
            }
            let Some(location) = answer.headers().get(LOCATION).filter(|_| answer.status().is_redirection())
            else {
                let status = answer.status();
                return Ok(Page { at: url.into(), status, body: answer.text().await.unwrap_or_default() });
            };
            let next = location.to_str().ok().and_then(|location| url.join(location).ok());
            let next = next.context("a redirect leads nowhere")?;
            request = self.client.get(next).build().context("building a request")?;
        }
        bail!("the redirects do not end")
    }
}

async fn read(answer: Response) -> Result<Value> {
    let status = answer.status();
    let body = answer.bytes().await.context("reading the API's answer")?;
    let json = serde_json::from_slice(&body);
    if status.is_success() {
        return json.context("the API answered something that is no JSON");
    }
    let body = json.unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    Err(Problem { status: status.as_u16(), body }.into())
}

/// A key nobody used before.
pub fn fresh_key() -> String {
    format!("{:032x}", u128::from_be_bytes(SystemEntropy.bytes()))
}

/// A text field, or nothing.
pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// By the file's name; TikTok takes these three.
fn content_type(file: &Path) -> &'static str {
    let extension =
        file.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
    match extension.as_str() {
        "mov" | "qt" => "video/quicktime",
        "webm" => "video/webm",
        _ => "video/mp4",
    }
}

fn chunks(file: File) -> impl futures::Stream<Item = std::io::Result<Vec<u8>>> {
    futures::stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; 128 * 1024];
        let read = file.read(&mut chunk).await?;
        chunk.truncate(read);
        Ok((read > 0).then_some((chunk, file)))
    })
}

async fn sha256(file: File) -> std::io::Result<String> {
    let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    let mut chunks = Box::pin(chunks(file));
    while let Some(chunk) = chunks.next().await {
        digest.update(&chunk?);
    }
    Ok(STANDARD.encode(digest.finish()))
}
