//! TikTok's seam over the sandbox's core: bytes in, bytes out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::SignedDuration;
use ports::Clock as _;
use ports::fakes::{ManualClock, MemoryObjects};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tiktok::{Exchange, ExchangeError};
use tiktok_sandbox::{Call, Delivery, Effect, Endpoint, Fault, FaultKind, FetchOutcome, Publication, World};

use crate::script::on_purpose;
use crate::{Cue, Director as _, Script};

/// What the client sends, as TikTok's imitation hears it.
pub fn as_heard(request: tiktok::Request) -> tiktok_sandbox::Request {
    tiktok_sandbox::Request {
        method: request.method,
        path: request.url.path().to_owned(),
        query: request.url.query().unwrap_or_default().to_owned(),
        headers: request.headers,
        body: request.body,
    }
}

/// TikTok in process; clones are the same TikTok.
#[derive(Clone, Debug)]
pub struct TikTok {
    world: Arc<Mutex<(World, StdRng)>>,
    clock: ManualClock,
    objects: MemoryObjects,
    script: Script,
}

impl TikTok {
    /// A TikTok that downloads from this bucket, whatever the host is called.
    pub fn new(world: World, clock: ManualClock, objects: MemoryObjects, script: Script) -> Self {
        let world = Arc::new(Mutex::new((world, StdRng::seed_from_u64(7))));
        Self { world, clock, objects, script }
    }

    fn lock(&self) -> MutexGuard<'_, (World, StdRng)> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at it, or changes it.
    pub fn with<X>(&self, look: impl FnOnce(&mut World) -> X) -> X {
        look(&mut self.lock().0)
    }

    /// A consent of one of its users, with tokens, as the token endpoint answers them.
    pub fn connect(&self, client_key: &str, account: &str, scopes: &[&str]) -> serde_json::Value {
        let now = self.now_ms();
        let (world, rng) = &mut *self.lock();
        world.connect(client_key, account, scopes, now, rng)
    }

    /// One bad moment of an endpoint.
    pub fn inject(&self, endpoint: Endpoint, kind: FaultKind) {
        self.with(|world| world.inject(Fault::once(endpoint, kind)));
    }

    /// Answers the next call of an endpoint with an error in TikTok's envelope, and does nothing.
    pub fn refuse(&self, endpoint: Endpoint, status: u16, code: &str) {
        let error =
            serde_json::json!({ "code": code, "message": "as the script says", "log_id": "20261101X" });
        let body = serde_json::json!({ "data": {}, "error": error });
        self.inject(endpoint, FaultKind::Answer { status, body });
    }

    /// Lets everything happen that is due by the clock.
    pub fn tick(&self) {
        let now = self.now_ms();
        let effects = self.with(|world| world.tick(now));
        self.perform(effects);
    }

    /// When the next thing happens by itself, in milliseconds since 1970.
    pub fn next_due(&self) -> Option<i64> {
        self.with(|world| world.next_due())
    }

    /// The calls to an endpoint, oldest first.
    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        self.with(|world| world.calls(endpoint).map(|(_, call)| call.clone()).collect())
    }

    /// What everybody can see, oldest first.
    pub fn publications(&self) -> Vec<Publication> {
        self.with(|world| world.publications().cloned().collect())
    }

    /// How many inits TikTok has accepted: what would be published if nothing went wrong any more.
    pub fn accepted(&self) -> usize {
        self.with(|world| world.posts().count())
    }

    /// Whether any call was one too many for its window.
    pub fn any_limit_broken(&self) -> bool {
        let endpoints = [Endpoint::CreatorInfo, Endpoint::VideoInit, Endpoint::StatusFetch];
        endpoints
            .iter()
            .any(|endpoint| self.calls(*endpoint).iter().any(|call| call.code == "rate_limit_exceeded"))
    }

    fn now_ms(&self) -> i64 {
        self.clock.now().as_millisecond()
    }

    /// Downloads what it is told to, from the bucket; webhooks are lost.
    fn perform(&self, effects: Vec<Effect>) {
        let mut open = effects;
        while let Some(effect) = open.pop() {
            let now = self.now_ms();
            match effect {
                Effect::Fetch { publish_id, url, .. } => {
                    self.objects.asked(&url, self.clock.now());
                    let outcome = self.objects.fetch(&url).map_or_else(
                        || FetchOutcome::failed(Some(404), "no such object"),
                        |object| FetchOutcome::of_bytes(&object.bytes),
                    );
                    open.extend(self.with(|world| world.fetched(&publish_id, outcome, now)));
                }
                Effect::SendWebhook { delivery, .. } => {
                    open.extend(self.with(|world| world.webhook_answered(delivery, Some(200), now)));
                }
            }
        }
    }

    fn answer(&self, request: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        let request = as_heard(request);
        let now = self.now_ms();
        let (answer, effects) = {
            let (world, rng) = &mut *self.lock();
            world.handle(&request, now, rng)
        };
        self.perform(effects);
        match answer.delivery {
            Delivery::Arrives => {}
            Delivery::After { ms } => {
                self.clock.advance(SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX)));
            }
            Delivery::Lost => {
                return Err(ExchangeError::maybe_sent("the connection closed without an answer"));
            }
            Delivery::CutBody => return Err(ExchangeError::maybe_sent("the answer broke off")),
        }
        Ok(tiktok::Response { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

impl Exchange for TikTok {
    async fn exchange(&self, request: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        let failed = |cue| match cue {
            Cue::NotSent => ExchangeError::not_sent(on_purpose(cue)),
            _ => ExchangeError::maybe_sent(on_purpose(cue)),
        };
        self.script.play(request.endpoint.as_str(), async { self.answer(request) }, failed).await
    }
}

impl TikTok {
    /// One init, by hand; gives its `publish_id`.
    ///
    /// # Panics
    ///
    /// If it is refused.
    pub fn init(&self, access_token: &str, body: &serde_json::Value) -> String {
        let request =
            tiktok_sandbox::Request::post_json(Endpoint::VideoInit.path(), body).bearer(access_token);
        let now = self.now_ms();
        let (answer, effects) = {
            let (world, rng) = &mut *self.lock();
            world.handle(&request, now, rng)
        };
        self.perform(effects);
        let answer = answer.body_json();
        answer["data"]["publish_id"].as_str().unwrap_or_else(|| panic!("refused: {answer}")).to_owned()
    }
}
