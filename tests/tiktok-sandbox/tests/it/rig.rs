//! The core without a network: virtual time, a seed, and bytes at hand.

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tiktok_sandbox::{
    Account, App, Config, Effect, Endpoint, FetchOutcome, Request, Response, World, config::SCOPES,
};

pub(crate) const KEY: &str = "aw-app-one";
pub(crate) const SECRET: &str = "secret-one";
pub(crate) const OTHER_KEY: &str = "aw-app-two";
pub(crate) const CALLBACK: &str = "https://app.example.com/callback";
pub(crate) const URL: &str = "https://media.example.com/videos/one.mp4";
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) fn media(name: &str) -> Vec<u8> {
    let path = format!("{}/media/sandbox-{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Strict in everything; two apps, a public account `ada` and a private one `grace`.
pub(crate) fn strict() -> Config {
    let app = |secret: &str| App {
        client_secret: secret.into(),
        redirect_uris: vec![CALLBACK.into()],
        verified_url_prefixes: vec!["https://media.example.com/videos/".into(), "static.example.org".into()],
        webhook_url: Some("https://app.example.com/webhooks/tiktok".into()),
        ..App::default()
    };
    Config::default()
        .with_app(KEY, app(SECRET))
        .with_app(OTHER_KEY, app("secret-two"))
        .with_account("ada", Account { nickname: "Ada".into(), ..Account::default() })
        .with_account("grace", Account { nickname: "Grace".into(), private: true, ..Account::default() })
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) response: Response,
}

impl Answer {
    /// `error.code` of an envelope, `error` of a flat answer, `ok` where there is neither.
    pub(crate) fn code(&self) -> &str {
        self.body.pointer("/error/code").or(self.body.get("error")).and_then(Value::as_str).unwrap_or("ok")
    }

    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    pub(crate) fn outcome(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub(crate) fn outcome_owned(&self) -> (u16, String) {
        (self.status, self.code().to_owned())
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no `{field}` in {}", self.body)).into()
    }

    pub(crate) fn publish_id(&self) -> String {
        self.data()["publish_id"].as_str().unwrap_or_else(|| panic!("refused: {}", self.body)).into()
    }

    pub(crate) fn location(&self) -> url::Url {
        let location = self.response.headers.get("location").expect("a redirect");
        location.to_str().unwrap().parse().unwrap()
    }

    /// A field of the callback.
    pub(crate) fn callback(&self, field: &str) -> Option<String> {
        let location = self.location();
        location.query_pairs().find(|(key, _)| key == field).map(|(_, value)| value.into_owned())
    }
}

pub(crate) struct Rig {
    pub(crate) world: World,
    pub(crate) now: i64,
    /// What is served at every URL.
    pub(crate) bytes: Vec<u8>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) ada: String,
    pub(crate) grace: String,
    pub(crate) rng: StdRng,
}

impl Rig {
    pub(crate) fn strict() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = strict();
        change(&mut config);
        let world = World::new(config).expect("a good configuration");
        let mut rig = Self {
            world,
            now: 1_790_000_000_000,
            bytes: media("good.mp4"),
            effects: Vec::new(),
            ada: String::new(),
            grace: String::new(),
            rng: StdRng::seed_from_u64(7),
        };
        rig.ada = rig.access_token("ada", &SCOPES);
        rig.grace = rig.access_token("grace", &SCOPES);
        rig
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Config)) {
        self.world.reconfigure(change);
    }

    pub(crate) fn change_ada(&mut self, change: impl FnOnce(&mut Account)) {
        self.world.reconfigure(|config| change(config.accounts.get_mut("ada").unwrap()));
    }

    pub(crate) fn change_app(&mut self, change: impl FnOnce(&mut App)) {
        self.world.reconfigure(|config| change(config.apps.get_mut(KEY).unwrap()));
    }

    pub(crate) fn connect(&mut self, account: &str, scopes: &[&str]) -> Value {
        self.world.connect(KEY, account, scopes, self.now, &mut self.rng)
    }

    pub(crate) fn access_token(&mut self, account: &str, scopes: &[&str]) -> String {
        self.connect(account, scopes)["access_token"].as_str().unwrap().into()
    }

    /// So many more creators, each with a token.
    pub(crate) fn creators(&mut self, count: usize, private: bool) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|number| format!("creator{number}")).collect();
        for name in &names {
            let account = Account { private, ..Account::default() };
            self.change(|config| drop(config.accounts.insert(name.clone(), account)));
        }
        names.iter().map(|name| self.access_token(name, &SCOPES)).collect()
    }

    pub(crate) fn send(&mut self, request: &Request) -> Answer {
        let (response, effects) = self.world.handle(request, self.now, &mut self.rng);
        self.effects.extend(effects);
        Answer { status: response.status.as_u16(), body: response.body_json(), response }
    }

    pub(crate) fn wait(&mut self, ms: i64) {
        self.now += ms;
        let effects = self.world.tick(self.now);
        self.effects.extend(effects);
    }

    pub(crate) fn form(&mut self, endpoint: Endpoint, fields: &[(&str, &str)]) -> Answer {
        self.send(&Request::post_form(endpoint.path(), fields))
    }

    pub(crate) fn creator_info(&mut self, token: &str) -> Answer {
        self.send(&Request::post_json(Endpoint::CreatorInfo.path(), &json!({})).bearer(token))
    }

    pub(crate) fn init_as(&mut self, token: &str, change: impl FnOnce(&mut Value)) -> Answer {
        let mut body = good_init();
        change(&mut body);
        self.send(&Request::post_json(Endpoint::VideoInit.path(), &body).bearer(token))
    }

    /// An init by `ada`.
    pub(crate) fn init(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        let token = self.ada.clone();
        self.init_as(&token, change)
    }

    pub(crate) fn init_with(&mut self, pointer: &str, value: Value) -> Answer {
        self.init(|body| set(body, pointer, value))
    }

    /// An init by `grace`, whom only she herself can see.
    pub(crate) fn init_private(&mut self) -> Answer {
        let token = self.grace.clone();
        self.init_as(&token, |body| set(body, "/post_info/privacy_level", json!("SELF_ONLY")))
    }

    pub(crate) fn status(&mut self, publish_id: &str) -> Answer {
        let token = self.ada.clone();
        self.status_as(&token, publish_id)
    }

    pub(crate) fn status_as(&mut self, token: &str, publish_id: &str) -> Answer {
        let body = json!({ "publish_id": publish_id });
        self.send(&Request::post_json(Endpoint::StatusFetch.path(), &body).bearer(token))
    }

    pub(crate) fn cancel(&mut self, publish_id: &str) -> Answer {
        let token = self.ada.clone();
        let body = json!({ "publish_id": publish_id });
        self.send(&Request::post_json(Endpoint::Cancel.path(), &body).bearer(&token))
    }

    /// An init by `ada` of an upload.
    pub(crate) fn init_upload(&mut self, size: u64, chunk: u64, chunks: u64) -> Answer {
        let source = json!({
            "source": "FILE_UPLOAD",
            "video_size": size,
            "chunk_size": chunk,
            "total_chunk_count": chunks,
        });
        self.init_with("/source_info", source)
    }

    /// An init of a draft by `ada`.
    pub(crate) fn init_draft(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        let token = self.ada.clone();
        let mut body = json!({ "source_info": { "source": "PULL_FROM_URL", "video_url": URL } });
        change(&mut body);
        self.send(&Request::post_json(Endpoint::InboxInit.path(), &body).bearer(&token))
    }

    /// An init of photos by `ada`.
    pub(crate) fn init_photos(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        let token = self.ada.clone();
        self.init_photos_as(&token, change)
    }

    pub(crate) fn init_photos_as(&mut self, token: &str, change: impl FnOnce(&mut Value)) -> Answer {
        let mut body = good_photos();
        change(&mut body);
        self.send(&Request::post_json(Endpoint::ContentInit.path(), &body).bearer(token))
    }

    pub(crate) fn init_photos_with(&mut self, pointer: &str, value: Value) -> Answer {
        self.init_photos(|body| set(body, pointer, value))
    }

    /// An init of a draft of photos by `ada`.
    pub(crate) fn init_photo_draft(&mut self, change: impl FnOnce(&mut Value)) -> Answer {
        self.init_photos(|body| {
            body["post_mode"] = json!("MEDIA_UPLOAD");
            body["post_info"] = json!({ "title": "one day", "description": "at #sea" });
            change(body);
        })
    }

    /// One of ada's posts of these files, to its end; the last word of status/fetch.
    pub(crate) fn publish_photos(&mut self, files: &[&str]) -> Answer {
        let urls: Vec<String> = files.iter().map(|file| photo_url(file)).collect();
        let publish_id = self
            .init_photos(|body| {
                body["source_info"]["photo_images"] = json!(urls);
                body["source_info"]["photo_cover_index"] = json!(0);
            })
            .publish_id();
        self.finish_photos(&publish_id)
    }

    /// Serves each URL's file, one after the other, and waits until everything has happened.
    pub(crate) fn finish_photos(&mut self, publish_id: &str) -> Answer {
        while self.serve_photo() {}
        self.wait(MINUTE);
        self.status(publish_id)
    }

    /// Serves the file of the next URL that is asked for; whether there was one.
    pub(crate) fn serve_photo(&mut self) -> bool {
        let is_fetch = |effect: &Effect| matches!(effect, Effect::Fetch { .. });
        let Some(at) = self.effects.iter().position(is_fetch) else { return false };
        let Effect::Fetch { publish_id, url, rules } = self.effects.remove(at) else { return false };
        let file = url.rsplit('/').next().unwrap().split('?').next().unwrap().to_owned();
        let outcome = if file == "missing.jpg" {
            FetchOutcome::failed(Some(404), "GET was answered 404")
        } else {
            let bytes = media(&file);
            if bytes.len() as u64 <= rules.max_bytes {
                FetchOutcome::of_bytes(&bytes)
            } else {
                FetchOutcome::failed(Some(200), "the file is too large")
            }
        };
        let effects = self.world.fetched(&publish_id, outcome, self.now);
        self.effects.extend(effects);
        true
    }

    /// A draft in ada's inbox.
    pub(crate) fn draft(&mut self) -> String {
        let publish_id = self.init_draft(|_| {}).publish_id();
        self.finish(&publish_id);
        publish_id
    }

    /// A page of ada's public videos.
    pub(crate) fn list(&mut self, fields: &str, body: &Value) -> Answer {
        let token = self.ada.clone();
        self.list_as(&token, fields, body)
    }

    pub(crate) fn list_as(&mut self, token: &str, fields: &str, body: &Value) -> Answer {
        let target = format!("{}?fields={fields}", Endpoint::VideoList.path());
        self.send(&Request::post_json(&target, body).bearer(token))
    }

    /// Serves every download that was asked for.
    pub(crate) fn serve(&mut self) {
        let outcome = FetchOutcome::of_bytes(&self.bytes);
        self.serve_with(&outcome);
    }

    pub(crate) fn serve_with(&mut self, outcome: &FetchOutcome) {
        for effect in std::mem::take(&mut self.effects) {
            match effect {
                Effect::Fetch { publish_id, .. } => {
                    let effects = self.world.fetched(&publish_id, outcome.clone(), self.now);
                    self.effects.extend(effects);
                }
                webhook @ Effect::SendWebhook { .. } => self.effects.push(webhook),
            }
        }
    }

    /// Serves the download and waits until everything has happened; the last word of status/fetch.
    pub(crate) fn finish(&mut self, publish_id: &str) -> Answer {
        self.serve();
        self.wait(MINUTE);
        self.status(publish_id)
    }

    /// One of ada's posts with these bytes, to its end.
    pub(crate) fn publish_bytes(&mut self, bytes: Vec<u8>) -> Answer {
        self.bytes = bytes;
        let publish_id = self.init(|_| {}).publish_id();
        self.finish(&publish_id)
    }

    /// The bodies of the webhooks that went out so far, parsed, with their content.
    pub(crate) fn webhooks(&self) -> Vec<(String, Value)> {
        let sent = self.effects.iter().filter_map(|effect| match effect {
            Effect::SendWebhook { event, body, .. } => Some((event, body)),
            Effect::Fetch { .. } => None,
        });
        sent.map(|(event, body)| {
            let envelope: Value = serde_json::from_str(body).unwrap();
            let content = envelope["content"].as_str().expect("content is a string");
            (event.clone(), serde_json::from_str(content).unwrap())
        })
        .collect()
    }
}

pub(crate) fn photo_url(file: &str) -> String {
    format!("https://media.example.com/videos/{file}")
}

pub(crate) fn good_photos() -> Value {
    json!({
        "media_type": "PHOTO",
        "post_mode": "DIRECT_POST",
        "is_aigc": false,
        "post_info": {
            "title": "three days",
            "description": "at sea #sailing",
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "disable_comment": false,
            "auto_add_music": true,
            "brand_content_toggle": false,
            "brand_organic_toggle": false,
        },
        "source_info": {
            "source": "PULL_FROM_URL",
            "photo_images": [photo_url("good.jpg"), photo_url("good.webp"), photo_url("turned.jpg")],
            "photo_cover_index": 1,
        },
    })
}

pub(crate) fn good_init() -> Value {
    json!({
        "post_info": {
            "title": "a day at sea #sailing",
            "privacy_level": "PUBLIC_TO_EVERYONE",
            "disable_comment": false,
            "disable_duet": true,
            "disable_stitch": true,
            "brand_content_toggle": false,
            "brand_organic_toggle": false,
            "is_aigc": false,
        },
        "source_info": { "source": "PULL_FROM_URL", "video_url": URL },
    })
}

/// Sets the field at a JSON pointer; null removes it.
pub(crate) fn set(body: &mut Value, pointer: &str, value: Value) {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
    if value.is_null() {
        parent.remove(field);
    } else {
        parent.insert(field.into(), value);
    }
}
