//! The calls.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use url::{Url, form_urlencoded};

use crate::{
    AccessToken, AppCredentials, AuthorizeUrl, ChunkAnswer, CreatorInfo, Endpoint, Error, Exchange,
    PhotoMode, PhotoPost, PhotoSettings, PullUrl, RefreshToken, Request, Response, Scopes, StatusReport,
    TokenSet, UploadPlan, UploadUrl, UserInfo, VideoPage, VideoPost, VideoType, VideoUpload, answer, scope,
    upload, videos,
};

/// Where TikTok is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    api_base: Url,
    auth_base: Url,
}

/// A base URL that is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read TikTok's base URL `{0}`: it must be http or https, with a host, without query and fragment")]
pub struct InvalidBase(String);

impl Endpoints {
    /// `api_base` takes the calls, `auth_base` shows the consent page. A path in them is kept.
    pub fn new(api_base: &str, auth_base: &str) -> Result<Self, InvalidBase> {
        Ok(Self { api_base: base(api_base)?, auth_base: base(auth_base)? })
    }

    /// TikTok itself: `https://open.tiktokapis.com` (TOK) and `https://www.tiktok.com` (LKW).
    pub fn tiktok() -> Self {
        Self::new("https://open.tiktokapis.com", "https://www.tiktok.com").expect("constants are valid URLs")
    }

    fn api(&self, endpoint: Endpoint) -> Url {
        below(&self.api_base, endpoint.path())
    }
}

/// TikTok's hosts, whatever their region: `open-upload.tiktokapis.com`, `upload.us.tiktokapis.com` (MT),
/// `open-upload-va.tiktokapis.com` (seen).
fn is_tiktoks(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" && (host == "tiktokapis.com" || host.ends_with(".tiktokapis.com"))
}

fn base(text: &str) -> Result<Url, InvalidBase> {
    Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| InvalidBase(text.to_owned()))
}

fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// The body of `video/init` and of `inbox/video/init`, whatever the source. A draft has no `post_info`.
#[derive(Serialize)]
struct Init<'a, S> {
    #[serde(skip_serializing_if = "Option::is_none")]
    post_info: Option<&'a VideoPost>,
    source_info: S,
}

#[derive(Serialize)]
struct Pull<'a> {
    source: &'static str,
    video_url: &'a str,
}

impl<'a> Pull<'a> {
    fn of(url: &'a PullUrl) -> Self {
        Self { source: "PULL_FROM_URL", video_url: url.expose() }
    }
}

#[derive(Serialize)]
struct Upload {
    source: &'static str,
    video_size: u64,
    chunk_size: u64,
    total_chunk_count: u64,
}

impl Upload {
    fn of(plan: UploadPlan) -> Self {
        Self {
            source: "FILE_UPLOAD",
            video_size: plan.size(),
            chunk_size: plan.chunk_size(),
            total_chunk_count: plan.chunk_count(),
        }
    }
}

/// The body of `content/init`.
#[derive(Serialize)]
struct PhotoInit<'a> {
    media_type: &'static str,
    post_mode: &'static str,
    post_info: PhotoInfo<'a>,
    source_info: Photos<'a>,
    is_aigc: bool,
}

#[derive(Serialize)]
struct PhotoInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(flatten)]
    settings: Option<&'a PhotoSettings>,
}

#[derive(Serialize)]
struct Photos<'a> {
    source: &'static str,
    photo_images: Vec<&'a str>,
    photo_cover_index: u32,
}

/// `data` of an init whose bytes TikTok fetches itself.
#[derive(Deserialize)]
struct Begun {
    #[serde(deserialize_with = "answer::non_empty")]
    publish_id: String,
}

/// TikTok's API over an [`Exchange`]. Each call makes exactly one attempt; what to do after an error is
/// [`Error::remedy`]'s word and the caller's decision.
#[derive(Debug, Clone)]
pub struct Client<E> {
    /// What carries the bytes.
    pub exchange: E,
    /// Where they go.
    pub endpoints: Endpoints,
}

impl<E> Client<E> {
    /// A client of the TikTok at `endpoints`.
    pub fn new(exchange: E, endpoints: Endpoints) -> Self {
        Self { exchange, endpoints }
    }

    /// Where to send the user's browser for consent (LKW). Makes no call.
    ///
    /// The callback has `code`, `scopes` (plural here) and `state`; or `error`, `error_description` and, not
    /// documented but seen, `error_type`, which tells a wrong set-up from a user who said no.
    pub fn authorize_url(&self, ask: AuthorizeUrl<'_>) -> Url {
        let mut url = below(&self.endpoints.auth_base, "/v2/auth/authorize/");
        url.query_pairs_mut()
            .append_pair("client_key", ask.client_key)
            .append_pair("response_type", "code")
            .append_pair("scope", &ask.scopes.to_string())
            .append_pair("redirect_uri", ask.redirect_uri)
            .append_pair("state", ask.state)
            .append_pair("disable_auto_auth", if ask.disable_auto_auth { "1" } else { "0" });
        url
    }
}

impl<E: Exchange> Client<E> {
    /// Trades the code of the callback for tokens (TOK).
    ///
    /// `code` as the user's browser meant it, percent-decoded (raw codes contain `*` and `!`); `redirect_uri` the
    /// very one of the authorize URL.
    pub async fn exchange_code(
        &self,
        app: &AppCredentials,
        code: &str,
        redirect_uri: &str,
    ) -> Result<TokenSet, Error> {
        let form = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        let answer = self.post_form(Endpoint::ExchangeCode, app, &form).await?;
        answer::flat(Endpoint::ExchangeCode, &answer)
    }

    /// Trades a refresh token for new tokens (TOK). Single flight per user is the caller's duty: the answer may
    /// replace the refresh token.
    pub async fn refresh(
        &self,
        app: &AppCredentials,
        refresh_token: &RefreshToken,
    ) -> Result<TokenSet, Error> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
        let answer = self.post_form(Endpoint::Refresh, app, &form).await?;
        answer::flat(Endpoint::Refresh, &answer)
    }

    /// Ends the user's grant (TOK). TikTok wants the *access* token.
    pub async fn revoke(&self, app: &AppCredentials, access_token: &AccessToken) -> Result<(), Error> {
        let answer = self.post_form(Endpoint::Revoke, app, &[("token", access_token.expose())]).await?;
        answer::empty(Endpoint::Revoke, &answer)
    }

    /// Who granted the token (UI). Asks only for fields that `granted` covers, because a field beyond it makes
    /// TikTok refuse the call: `username` needs `user.info.profile`.
    pub async fn user_info(&self, access_token: &AccessToken, granted: &Scopes) -> Result<UserInfo, Error> {
        #[derive(Deserialize)]
        struct Data {
            user: UserInfo,
        }
        let endpoint = Endpoint::UserInfo;
        let mut fields = "open_id,avatar_url,display_name".to_owned();
        if granted.contains(scope::USER_INFO_PROFILE) {
            fields.push_str(",username");
        }
        let mut url = self.endpoints.api(endpoint);
        url.set_query(Some(&format!("fields={fields}")));
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, bearer(endpoint, access_token)?);
        let answer =
            self.send(Request { endpoint, method: Method::GET, url, headers, body: Bytes::new() }).await?;
        answer::enveloped::<Data>(endpoint, &answer).map(|data| data.user)
    }

    /// What the creator may do right now (CI). 20 calls a minute per token.
    pub async fn creator_info(&self, access_token: &AccessToken) -> Result<CreatorInfo, Error> {
        #[derive(Serialize)]
        struct Nothing {}
        self.post_json(Endpoint::CreatorInfo, access_token, &Nothing {}).await
    }

    /// Posts a video that TikTok downloads from `pull_url`, and answers its `publish_id` (DP, MT). 6 calls a
    /// minute per token.
    ///
    /// TikTok knows no idempotency key: **every call that reaches it is a post**. Repeat it only after an error
    /// that [`proves_nothing_was_created`](Error::proves_nothing_was_created).
    pub async fn init_video_pull(
        &self,
        access_token: &AccessToken,
        post: &VideoPost,
        pull_url: &PullUrl,
    ) -> Result<String, Error> {
        let body = Init { post_info: Some(post), source_info: Pull::of(pull_url) };
        self.begin(Endpoint::VideoInit, access_token, &body).await
    }

    /// Announces a video whose bytes come by [`upload_chunk`](Self::upload_chunk), and answers where to (DP, MT).
    /// Shares the 6 calls a minute per token with [`init_video_pull`](Self::init_video_pull).
    ///
    /// Nothing is created before bytes arrive, so a call whose answer was lost may be made again. Store the answer
    /// before the first byte is sent: from the last byte on there is a post.
    pub async fn init_video_upload(
        &self,
        access_token: &AccessToken,
        post: &VideoPost,
        plan: UploadPlan,
    ) -> Result<VideoUpload, Error> {
        let body = Init { post_info: Some(post), source_info: Upload::of(plan) };
        self.post_json(Endpoint::VideoUploadInit, access_token, &body).await
    }

    /// Sends a video that TikTok downloads from `pull_url` to the creator's inbox, and answers its `publish_id` (UP).
    /// 6 calls a minute per token; whether all inits share them is not documented.
    ///
    /// Caption, privacy and labels are the creator's, who finishes the draft in TikTok and has to be told to open the
    /// inbox. **Every call that reaches TikTok is a draft**, and at most 5 may be pending: repeat it as little as
    /// [`init_video_pull`](Self::init_video_pull).
    pub async fn init_draft_pull(
        &self,
        access_token: &AccessToken,
        pull_url: &PullUrl,
    ) -> Result<String, Error> {
        let body = Init { post_info: None, source_info: Pull::of(pull_url) };
        self.begin(Endpoint::DraftInit, access_token, &body).await
    }

    /// Announces a draft whose bytes come by [`upload_chunk`](Self::upload_chunk), and answers where to (UP, MT). As
    /// repeatable as [`init_video_upload`](Self::init_video_upload).
    pub async fn init_draft_upload(
        &self,
        access_token: &AccessToken,
        plan: UploadPlan,
    ) -> Result<VideoUpload, Error> {
        let body = Init { post_info: None, source_info: Upload::of(plan) };
        self.post_json(Endpoint::DraftUploadInit, access_token, &body).await
    }

    /// Posts photos that TikTok downloads from `photos`, or sends them to the creator's inbox, and answers their
    /// `publish_id` (PH). 1 to 35 JPEG or WebP files in the order in which they are shown, each from a URL that the
    /// app has verified. 6 calls a minute per token; whether all inits share them is not documented.
    ///
    /// One bad photo fails them all, and the status does not tell which. **Every call that reaches TikTok is a
    /// post**: repeat it as little as [`init_video_pull`](Self::init_video_pull).
    pub async fn init_photo_post(
        &self,
        access_token: &AccessToken,
        post: &PhotoPost,
        photos: &[PullUrl],
    ) -> Result<String, Error> {
        let (post_mode, settings) = match &post.mode {
            PhotoMode::DirectPost(settings) => ("DIRECT_POST", Some(settings)),
            PhotoMode::MediaUpload => ("MEDIA_UPLOAD", None),
        };
        let body = PhotoInit {
            media_type: "PHOTO",
            post_mode,
            post_info: PhotoInfo {
                title: post.title.as_deref(),
                description: post.description.as_deref(),
                settings,
            },
            source_info: Photos {
                source: "PULL_FROM_URL",
                photo_images: photos.iter().map(PullUrl::expose).collect(),
                photo_cover_index: post.photo_cover_index,
            },
            is_aigc: post.is_aigc,
        };
        self.begin(Endpoint::PhotoInit, access_token, &body).await
    }

    /// Sends one chunk of the plan that the init declared: the bytes of `range`, out of `total` (MT). Strictly one
    /// after the other, and all within the URL's hour.
    ///
    /// After an error that proves nothing the same chunk may be sent again; TikTok's advice is the same after a 5xx.
    /// After the *last* chunk only the status tells whether there is a post: neither an error, nor
    /// [`Expired`](ChunkAnswer::Expired), nor [`NoSuchUpload`](ChunkAnswer::NoSuchUpload) proves that there is none.
    ///
    /// Bytes go to TikTok's own hosts over https, or to the host of the API's base URL, and nowhere else. The exchange
    /// needs time for the largest chunk: see [`ExchangeLimits::total`](crate::ExchangeLimits).
    pub async fn upload_chunk(
        &self,
        upload_url: &UploadUrl,
        content_type: VideoType,
        range: Range<u64>,
        total: u64,
        bytes: Bytes,
    ) -> Result<ChunkAnswer, Error> {
        let endpoint = Endpoint::UploadChunk;
        let unbuildable = |what| Error::Unbuildable { endpoint, what };
        let url = Url::parse(upload_url.expose()).ok().filter(|url| self.may_take_bytes(url));
        let url = url.ok_or_else(|| unbuildable("upload URL"))?;
        let headers = upload::headers(content_type, &range, total, bytes.len());
        let headers = headers.ok_or_else(|| unbuildable("range"))?;
        let answer = self.send(Request { endpoint, method: Method::PUT, url, headers, body: bytes }).await?;
        upload::read(&answer, &range, total)
    }

    fn may_take_bytes(&self, url: &Url) -> bool {
        let api = &self.endpoints.api_base;
        let beside_the_api = url.host() == api.host() && [api.scheme(), "https"].contains(&url.scheme());
        is_tiktoks(url) || beside_the_api
    }

    /// Where a publish stands (ST). 30 calls a minute per token, all of the creator's posts together.
    pub async fn fetch_status(
        &self,
        access_token: &AccessToken,
        publish_id: &str,
    ) -> Result<StatusReport, Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            publish_id: &'a str,
        }
        self.post_json(Endpoint::StatusFetch, access_token, &Body { publish_id }).await
    }

    /// Asks TikTok to end a download that is under way (MT). For `PULL_FROM_URL` alone, direct posts and drafts.
    ///
    /// TikTok promises its best effort: it refuses near completion and once processing began
    /// ([`PublishNotCancellable`](crate::ErrorCode::PublishNotCancellable)), and an accepted cancel is done only when
    /// the status, or a webhook, says `FAILED` with
    /// [`PublishCancelled`](crate::FailReason::PublishCancelled). A repeated cancel does no harm; what it is answered
    /// is not documented. No rate is stated.
    pub async fn cancel(&self, access_token: &AccessToken, publish_id: &str) -> Result<(), Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            publish_id: &'a str,
        }
        let endpoint = Endpoint::Cancel;
        let url = self.endpoints.api(endpoint);
        let answer = self.send_json(endpoint, url, access_token, &Body { publish_id }).await?;
        answer::acknowledged(endpoint, &answer)
    }

    /// A page of the token owner's public videos, newest first, through whichever app they came (VL). Needs scope
    /// `video.list`. 600 calls a minute (RL).
    ///
    /// `before`: only videos created earlier, in **milliseconds** since 1970; None for the newest. `max_count`: 1 to
    /// 20, else TikTok refuses. A video appears some time after `PUBLISH_COMPLETE`, and never unless it is public:
    /// that one is missing proves little.
    pub async fn list_videos(
        &self,
        access_token: &AccessToken,
        before: Option<i64>,
        max_count: u8,
    ) -> Result<VideoPage, Error> {
        #[derive(Serialize)]
        struct Body {
            #[serde(skip_serializing_if = "Option::is_none")]
            cursor: Option<i64>,
            max_count: u8,
        }
        let endpoint = Endpoint::VideoList;
        let mut url = self.endpoints.api(endpoint);
        url.set_query(Some(videos::QUERY));
        let answer = self.send_json(endpoint, url, access_token, &Body { cursor: before, max_count }).await?;
        answer::enveloped(endpoint, &answer)
    }

    async fn begin(
        &self,
        endpoint: Endpoint,
        access_token: &AccessToken,
        body: &impl Serialize,
    ) -> Result<String, Error> {
        self.post_json::<Begun>(endpoint, access_token, body).await.map(|begun| begun.publish_id)
    }

    async fn post_json<T: serde::de::DeserializeOwned>(
        &self,
        endpoint: Endpoint,
        access_token: &AccessToken,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let answer = self.send_json(endpoint, self.endpoints.api(endpoint), access_token, body).await?;
        answer::enveloped(endpoint, &answer)
    }

    async fn send_json(
        &self,
        endpoint: Endpoint,
        url: Url,
        access_token: &AccessToken,
        body: &impl Serialize,
    ) -> Result<Response, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, bearer(endpoint, access_token)?);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=UTF-8"));
        let body = serde_json::to_vec(body).map_err(|_| Error::Unbuildable { endpoint, what: "body" })?;
        self.send(Request { endpoint, method: Method::POST, url, headers, body: body.into() }).await
    }

    async fn post_form(
        &self,
        endpoint: Endpoint,
        app: &AppCredentials,
        fields: &[(&str, &str)],
    ) -> Result<Response, Error> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_key", &app.client_key)
            .append_pair("client_secret", app.client_secret.expose())
            .extend_pairs(fields)
            .finish();
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let url = self.endpoints.api(endpoint);
        self.send(Request { endpoint, method: Method::POST, url, headers, body: body.into() }).await
    }

    async fn send(&self, request: Request) -> Result<Response, Error> {
        let endpoint = request.endpoint;
        self.exchange.exchange(request).await.map_err(|error| Error::from_exchange(endpoint, error))
    }
}

fn bearer(endpoint: Endpoint, token: &AccessToken) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose()))
        .map_err(|_| Error::Unbuildable { endpoint, what: "access token" })?;
    value.set_sensitive(true);
    Ok(value)
}
