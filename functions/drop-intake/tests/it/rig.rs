//! The function, the bucket that it looks into, and the API that it asks.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use api::{Api, KeyCache, Outside};
use axum::Router;
use domain::account::RefreshPlan;
use domain::app::ModeSetting;
use domain::media::Container;
use domain::{CreatorId, Job, MediaId, Post, SignedDuration};
use drop_intake::door::{Answer, Door, Request};
use drop_intake::{DropIntake, Place, looks};
use lambda_http::request::LambdaRequest;
use lambda_kit::batch::{Failure, Message};
use lambda_kit::redacted::Secret;
use ports::fakes::{Fault, MemoryObjects, MemoryQueues, MemoryTable, MemoryVault};
use ports::{Copied, DropFolder, Dropped, PortError, PortResult};
use rehearsal::{CLIENT_KEY, CLIENT_SECRET, MEDIA_BASE_URL, Stage, TikTok, Time, Watched};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use wiring::secrets::AppSecrets;

struct Memory;

impl Outside for Memory {
    type Store = Watched<MemoryTable>;
    type Objects = Watched<MemoryObjects>;
    type Queues = Watched<MemoryQueues>;
    type Vault = Watched<MemoryVault>;
    type Exchange = TikTok;
    type Time = Time;
    type Secrets = Arc<AppSecrets>;
}

/// What somebody else does.
type Act = Box<dyn FnOnce() + Send>;

/// The API's router, asked with the event that the function would send through Lambda.
#[derive(Clone)]
pub(crate) struct ApiDoor {
    router: Router,
    asked: Arc<AtomicUsize>,
    faults: Arc<Mutex<Vec<Fault>>>,
    /// Before a request for a post is answered, this is done.
    pub(crate) meanwhile: Arc<Mutex<Option<Act>>>,
}

impl Door for ApiDoor {
    async fn ask(&self, request: Request<'_>) -> PortResult<Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().unwrap().pop();
        if fault == Some(Fault::BeforeEffect) {
            return Err(PortError::passing("asking the API", "on purpose"));
        }
        if let Some(act) = self.meanwhile.lock().unwrap().take_if(|_| request.path == "/v1/media") {
            act();
        }
        let answer = self.answer(request.event()).await;
        if fault == Some(Fault::AfterEffect) {
            return Err(PortError::passing("asking the API", "on purpose"));
        }
        Ok(answer)
    }
}

impl ApiDoor {
    /// What the API answers to an event of Lambda's.
    pub(crate) async fn answer(&self, event: Value) -> Answer {
        let event: LambdaRequest = serde_json::from_value(event).unwrap();
        let response = self.router.clone().oneshot(lambda_http::Request::from(event)).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let payload = json!({ "statusCode": status, "headers": {}, "body": body, "isBase64Encoded": false });
        Answer::read(payload.to_string().as_bytes()).unwrap()
    }
}

/// The bucket's drop folder; a file may be shown larger than it is.
#[derive(Clone)]
pub(crate) struct Folder {
    objects: MemoryObjects,
    pub(crate) shown_size: Arc<AtomicU64>,
}

impl DropFolder for Folder {
    async fn dropped(&self, prefix: &str) -> PortResult<Vec<Dropped>> {
        let mut found = self.objects.dropped(prefix).await?;
        let size = self.shown_size.load(Ordering::Relaxed);
        for file in found.iter_mut().filter(|file| size > 0 && !file.key.contains(".json")) {
            file.size = size;
        }
        Ok(found)
    }

    async fn read(&self, key: &str, etag: &str) -> PortResult<Option<bytes::Bytes>> {
        self.objects.read(key, etag).await
    }

    async fn take(&self, key: &str, etag: &str, media: &MediaId, container: Container) -> PortResult<Copied> {
        self.objects.take(key, etag, media, container).await
    }

    async fn told(&self, key: &str) -> PortResult<Option<bytes::Bytes>> {
        self.objects.told(key).await
    }

    async fn tell(&self, key: &str, json: Vec<u8>) -> PortResult<()> {
        self.objects.tell(key, json).await
    }

    async fn take_back(&self, key: &str) -> PortResult<()> {
        self.objects.take_back(key).await
    }
}

pub(crate) struct Rig {
    pub(crate) stage: Stage,
    pub(crate) door: ApiDoor,
    pub(crate) folder: Folder,
    function: DropIntake<Folder, ApiDoor, MemoryQueues, Time>,
}

pub(crate) const QUARTER: i64 = 15 * 60;
pub(crate) const DAY: i64 = 24 * 60 * 60;

impl Rig {
    pub(crate) fn new() -> Self {
        let stage = Stage::new();
        let secrets = AppSecrets {
            client_key: CLIENT_KEY.to_owned(),
            client_secret: Secret::new(CLIENT_SECRET.to_owned()),
            deployment_secret: Secret::new("of the tests".to_owned()),
        };
        let api = Api::<Memory> {
            store: stage.store(),
            objects: stage.bucket(),
            queues: stage.senders(),
            vault: stage.sealer(),
            tiktok: stage.client(),
            time: stage.time.clone(),
            secrets: Arc::new(secrets),
            periods: stage.periods.clone(),
            refresh: RefreshPlan {
                at_percent: 60,
                jitter_percent: 15,
                keep_alive: SignedDuration::from_hours(30 * 24),
            },
            upload: SignedDuration::from_mins(15),
            public_base_url: None,
            tiktok_mode: ModeSetting::default(),
            media_base_url: Some(MEDIA_BASE_URL.to_owned()),
            cors_origins: Vec::new(),
            rules: api::Rules::default(),
            keys: KeyCache::default(),
        };
        let door = ApiDoor {
            router: api.router(),
            asked: Arc::default(),
            faults: Arc::default(),
            meanwhile: Arc::default(),
        };
        let folder = Folder { objects: stage.objects.clone(), shown_size: Arc::default() };
        let function = DropIntake {
            folder: folder.clone(),
            door: door.clone(),
            queues: stage.queues.clone(),
            time: stage.time.clone(),
            bucket: "media".to_owned(),
            json_wait: SignedDuration::from_secs(QUARTER),
            media_wait: SignedDuration::from_secs(DAY),
        };
        Self { stage, door, folder, function }
    }

    pub(crate) fn creator(&self) -> CreatorId {
        self.stage.creator().id
    }

    /// Puts a file into the creator's folder.
    pub(crate) fn drops(&self, file: &str, bytes: &[u8]) -> String {
        self.stage.objects.drop_object(&format!("drop/{}/{file}", self.creator()), bytes.to_vec())
    }

    /// A JSON that makes a good post of a video, with some fields changed; `null` leaves one out.
    pub(crate) fn order(change: &Value) -> Vec<u8> {
        let mut order = json!({
            "kind": "video", "mode": "direct",
            "caption": "Harbour at six #boats", "privacy_level": "SELF_ONLY",
            "allow": { "comment": true },
            "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
        });
        for (name, value) in change.as_object().unwrap() {
            order[name] = value.clone();
        }
        order.to_string().into_bytes()
    }

    /// What S3 would send about a file of the creator's.
    pub(crate) fn event(&self, file: &str) -> Message {
        event(&format!("drop/{}/{file}", self.creator()))
    }

    /// Handles a message as it comes the first time.
    pub(crate) async fn handle(&self, message: &Message) -> Result<(), Failure> {
        for place in looks(message)? {
            self.function.look(&place, message.receive_count).await?;
        }
        Ok(())
    }

    /// Handles what S3 says about a file of the creator's.
    pub(crate) async fn hears(&self, file: &str) {
        self.handle(&self.event(file)).await.unwrap();
    }

    pub(crate) async fn look(&self, place: &Place, receive_count: u32) -> Result<(), Failure> {
        self.function.look(place, receive_count).await
    }

    /// Handles every delayed message whose time has come.
    pub(crate) async fn wakes(&self) -> usize {
        let mut handled = 0;
        while let Some(job) = self.stage.queues.pop() {
            if let Job::Drop(_) = job {
                handled += 1;
                assert!(handled < 20, "it goes round and round");
                let body = serde_json::to_string(&job).unwrap();
                self.handle(&message(body)).await.unwrap();
            }
        }
        handled
    }

    /// The posts that were made.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.stage.table.posts().into_iter().map(|post| post.row).collect()
    }

    /// How often the API was asked since the last look.
    pub(crate) fn asked(&self) -> usize {
        self.door.asked.swap(0, Ordering::Relaxed)
    }

    /// The next answers of the API fail so; the last one first.
    pub(crate) fn fail(&self, faults: &[Fault]) {
        *self.door.faults.lock().unwrap() = faults.to_vec();
    }

    /// What is told, by key below the results' folder.
    pub(crate) fn told(&self) -> Vec<(String, Value)> {
        let keys = self.stage.objects.keys();
        let told = keys.iter().filter_map(|key| Some((key.strip_prefix("drop-results/")?, key)));
        told.map(|(path, key)| {
            let bytes = self.stage.objects.object(key).unwrap().bytes;
            let path = path.replace(self.creator().as_str(), "ada");
            (path, serde_json::from_slice(&bytes).unwrap())
        })
        .collect()
    }

    /// The only thing that is told: its key, and the codes of its problems.
    pub(crate) fn only_problem(&self) -> (String, Vec<String>) {
        let [(key, told)] = &self.told()[..] else { panic!("{:#?}", self.told()) };
        (key.clone(), codes(told))
    }
}

pub(crate) fn codes(told: &Value) -> Vec<String> {
    let errors = told["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["rule"].as_str().unwrap().to_owned()).collect()
}

pub(crate) fn message(body: String) -> Message {
    Message { id: "1".to_owned(), body, receive_count: 1, sent_at: None, group: None }
}

/// What S3 says when an object was made.
pub(crate) fn event(key: &str) -> Message {
    let record = json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-11-28T12:00:00.000Z", "eventName": "ObjectCreated:Put",
        "userIdentity": {}, "requestParameters": {}, "responseElements": {},
        "s3": { "bucket": { "name": "media" }, "object": { "key": key, "size": 1, "eTag": "e" } },
    });
    message(json!({ "Records": [record] }).to_string())
}
