//! An exchange that answers what it is told, and remembers what it was sent.

use std::{fmt::Write, sync::Mutex};

use http::{HeaderMap, StatusCode, header};
use tiktok::{
    AccessToken, AppCredentials, Client, ClientSecret, Endpoints, Exchange, ExchangeError, PhotoMode,
    PhotoPost, PhotoSettings, PrivacyLevel, PullUrl, Request, Response, UploadUrl, VideoPost,
};

pub(crate) struct Script {
    status: u16,
    headers: HeaderMap,
    body: String,
    sent: Mutex<Vec<Request>>,
}

impl Script {
    pub(crate) fn sent(&self) -> Request {
        let mut sent = self.sent.lock().unwrap();
        assert_eq!(sent.len(), 1, "exactly one attempt");
        sent.remove(0)
    }
}

impl Exchange for Script {
    async fn exchange(&self, request: Request) -> Result<Response, ExchangeError> {
        self.sent.lock().unwrap().push(request);
        Ok(Response {
            status: StatusCode::from_u16(self.status).unwrap(),
            headers: self.headers.clone(),
            body: self.body.clone().into(),
        })
    }
}

/// A client whose TikTok answers this to everything.
pub(crate) fn answering(status: u16, body: impl Into<String>) -> Client<Script> {
    let endpoints = Endpoints::new("https://api.test", "https://consent.test/base/").unwrap();
    let script = Script { status, headers: HeaderMap::new(), body: body.into(), sent: Mutex::default() };
    Client::new(script, endpoints)
}

/// A client whose TikTok answers this to every chunk, with this progress.
pub(crate) fn taking(status: u16, progress: Option<&str>) -> Client<Script> {
    let mut client = answering(status, "");
    if let Some(progress) = progress {
        client.exchange.headers.insert(header::CONTENT_RANGE, progress.parse().unwrap());
    }
    client
}

pub(crate) fn upload_url() -> UploadUrl {
    UploadUrl::new("https://open-upload.tiktokapis.com/SECRET-PATH/?upload_id=7&upload_token=SECRET%2DTOKEN")
}

pub(crate) fn token() -> AccessToken {
    AccessToken::new("act.SECRET-ACCESS")
}

pub(crate) fn app() -> AppCredentials {
    AppCredentials { client_key: "key-1".to_owned(), client_secret: ClientSecret::new("SECRET-CLIENT") }
}

pub(crate) fn pull_url() -> PullUrl {
    PullUrl::new("https://media.test/m/SECRET-PATH.mp4?a=1&b=2")
}

pub(crate) fn post() -> VideoPost {
    VideoPost {
        title: Some("a walk #sea \"quoted\" \u{1f30a}".to_owned()),
        privacy_level: PrivacyLevel::SelfOnly,
        disable_comment: true,
        disable_duet: false,
        disable_stitch: true,
        brand_content_toggle: false,
        brand_organic_toggle: true,
        is_aigc: false,
        video_cover_timestamp_ms: Some(1500),
    }
}

pub(crate) fn photo_post() -> PhotoPost {
    PhotoPost {
        title: Some("three walks".to_owned()),
        description: Some("by the #sea \"quoted\" \u{1f30a}".to_owned()),
        photo_cover_index: 1,
        is_aigc: true,
        mode: PhotoMode::DirectPost(PhotoSettings {
            privacy_level: PrivacyLevel::SelfOnly,
            disable_comment: true,
            auto_add_music: false,
            brand_content_toggle: false,
            brand_organic_toggle: true,
        }),
    }
}

pub(crate) fn photos() -> [PullUrl; 2] {
    ["https://media.test/m/SECRET-2.jpg", "https://media.test/m/SECRET-1.webp?a=1&b=2"].map(PullUrl::new)
}

/// Everything that a value shows when it is logged, causes included.
pub(crate) fn shown(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, " {error} {error:?}").unwrap();
        cause = error.source();
    }
    text
}
