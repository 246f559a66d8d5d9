//! One account, everybody who wants its tokens refreshed, and everything they touch.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::{Api, KeyCache, Outside};
use axum::Router;
use axum::body::Body;
use domain::account::{TokenField, Tokens};
use domain::creator::CreatorStatus;
use domain::{Account, Creator, Job, Periods, SignedDuration, Timestamp, WorkspaceId};
use http::{Request, StatusCode, header};
use lambda_kit::batch::Failure;
use lambda_kit::redacted::Secret;
use ports::fakes::{ManualClock, MemoryObjects, MemoryQueues, MemoryTable, MemoryVault, SeededEntropy};
use ports::{Clock as _, Connecting, Connections as _, Plaintext, Queues as _, Vault as _, samples};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tiktok::{Client, Endpoints};
use tiktok_sandbox::config::{App, Config};
use tiktok_sandbox::{Endpoint, Rotation, World};
use token_refresh::TokenRefresh;
use tower::ServiceExt as _;
use wiring::secrets::AppSecrets;

use super::crowd::{Crowd, Naps, Step};
use super::watch::{Line, Watch};
use crate::{CLIENT_KEY, CLIENT_SECRET, Cue, Script, TikTok, Time, Watched, done};

/// So many at once.
pub(crate) const AT_ONCE: usize = 50;
/// What SQS does with a message that was not done with.
const VISIBILITY: SignedDuration = SignedDuration::from_secs(360);
/// How often connecting looks whether the lease is free.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_millis(500);
/// A round in which more invocations start goes round and round.
const TOO_MANY: usize = 5_000;
const BASE: &str = "https://api.slipway.example";
use crate::million::PLAN;
const SCOPES: [&str; 2] = ["user.info.basic", "video.publish"];

struct Pages;

impl Outside for Pages {
    type Store = Watched<MemoryTable>;
    type Objects = Watched<MemoryObjects>;
    type Queues = Watched<MemoryQueues>;
    type Vault = Watched<MemoryVault>;
    type Exchange = Line;
    type Time = Time;
    type Secrets = Arc<AppSecrets>;
}

/// The rows of an account that was connected by the real pages, to begin rounds with.
pub(crate) struct Cast {
    account: Account,
    creator: Creator,
}

impl Cast {
    pub(crate) async fn new() -> Self {
        let mut scene = Scene::empty(Rotation::RotateOldDies, 0);
        let answer = scene.connect("ada").await;
        assert_eq!(answer, Some(StatusCode::OK), "ada connects");
        Self { account: scene.table.accounts().remove(0), creator: scene.table.creators().remove(0) }
    }
}

/// Holders whose writes take longer than their lease.
#[derive(Clone)]
pub(crate) struct Slow {
    /// The write.
    pub(crate) call: &'static str,
    /// Before the effect, or between it and its answer.
    pub(crate) before: bool,
    /// Beyond the lease's end.
    pub(crate) beyond: SignedDuration,
    /// So many holders more.
    pub(crate) holders: Arc<AtomicUsize>,
}

/// What an invocation came to.
pub(crate) enum Ended {
    Refreshed(Result<(), Failure>),
    Connected(StatusCode),
}

struct Hand {
    script: Script,
    /// Its message; `None`: somebody who connects.
    job: Option<Job>,
}

/// One account, everybody who wants its tokens refreshed, and everything they touch.
pub(crate) struct Scene {
    pub(crate) table: MemoryTable,
    pub(crate) tiktok: TikTok,
    pub(crate) watch: Watch,
    clock: ManualClock,
    objects: MemoryObjects,
    queues: MemoryQueues,
    vault: MemoryVault,
    secrets: Arc<AppSecrets>,
    crowd: Crowd<Ended>,
    naps: Naps,
    hands: Vec<Hand>,
    /// What happens at which call of which invocation, counted from the beginning of the storm.
    cues: HashMap<usize, Vec<(usize, Cue)>>,
    slow: Option<Slow>,
    storm_began: Option<usize>,
    guests: usize,
    abreast: usize,
    later_abreast: usize,
    rng: StdRng,
    /// How the latest who connected was answered.
    pub(crate) connected: Option<StatusCode>,
}

impl Scene {
    /// Nobody has connected.
    fn empty(mode: Rotation, seed: u64) -> Self {
        let app = App {
            client_secret: CLIENT_SECRET.to_owned(),
            redirect_uris: vec![format!("{BASE}/oauth/tiktok/callback")],
            ..App::default()
        };
        let person = |name: &str| tiktok_sandbox::Account { nickname: name.to_owned(), ..Default::default() };
        let config = Config::default().with_app(CLIENT_KEY, app).with_account("ada", person("Ada"));
        let mut config = config.with_account("grace", person("Grace"));
        config.tokens.rotation = mode;
        let world = World::new(config).expect("settings that the developer portal takes");
        let (clock, objects) = (ManualClock::default(), MemoryObjects::new());
        let mut rng = StdRng::seed_from_u64(seed);
        let crowd = Crowd::new(StdRng::from_rng(&mut rng));
        Self {
            table: MemoryTable::new(),
            tiktok: TikTok::new(world, clock.clone(), objects.clone(), Script::default()),
            watch: Watch::default(),
            queues: MemoryQueues::new(clock.clone()),
            vault: MemoryVault::new(),
            secrets: Arc::new(AppSecrets {
                client_key: CLIENT_KEY.to_owned(),
                client_secret: Secret::from(CLIENT_SECRET.to_owned()),
                deployment_secret: Secret::from("the deployment secret".to_owned()),
            }),
            clock,
            objects,
            crowd,
            naps: Naps::default(),
            hands: Vec::new(),
            cues: HashMap::new(),
            slow: None,
            storm_began: None,
            guests: 0,
            abreast: 1,
            later_abreast: [1, 3, AT_ONCE][rng.random_range(0..3)],
            rng,
            connected: None,
        }
    }

    /// `ada` has connected; in every other scene her tokens were refreshed once since.
    pub(crate) async fn new(cast: &Cast, mode: Rotation, seed: u64) -> Self {
        let mut scene = Self::empty(mode, seed);
        let answer = scene.tiktok.connect(CLIENT_KEY, "ada", &["user.info.basic", "video.publish"]);
        scene.watch.issued(&answer);
        let now = scene.clock.now();
        let seal = |name: &str, field| {
            let secret = Plaintext::new(answer[name].as_str().expect("a token").to_owned());
            done(scene.vault.seal(&secret, &cast.account.binding(field, 1))).expect("sealed")
        };
        let tokens = Tokens {
            access: seal("access_token", TokenField::Access),
            refresh: seal("refresh_token", TokenField::Refresh),
            ..samples::tokens(1, now)
        };
        let account = Account { tokens: Some(tokens), lease: None, ..cast.account.clone() };
        scene.table.insert_account(account);
        scene.table.insert_creator(cast.creator.clone());
        if scene.rng.random() {
            scene.refresh_once().await;
        }
        scene
    }

    /// What happens at which call of which invocation of the storm.
    pub(crate) fn plan(&mut self, cues: &[(usize, usize, Cue)]) {
        for (hand, call, cue) in cues {
            self.cues.entry(*hand).or_default().push((*call, *cue));
        }
    }

    pub(crate) fn slow_down(&mut self, slow: Slow) {
        self.slow = Some(slow);
    }

    /// The row of `ada`, or of whoever has connected besides.
    pub(crate) fn account(&self, handle: &str) -> Option<Account> {
        let open_id = self.tiktok.with(|world| world.open_id(CLIENT_KEY, handle));
        self.table.accounts().into_iter().find(|account| account.open_id == open_id)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.account("ada").and_then(|account| account.tokens).map_or(0, |tokens| tokens.epoch)
    }

    /// Refreshes that TikTok was asked for.
    pub(crate) fn refreshes(&self) -> usize {
        let calls = self.tiktok.calls(Endpoint::Token);
        calls.iter().filter(|call| call.request["grant_type"] == "refresh_token").count()
    }

    /// The calls of every invocation since the storm began.
    pub(crate) fn calls(&self) -> Vec<Vec<&'static str>> {
        let began = self.storm_began.unwrap_or_default();
        self.hands[began..].iter().map(|hand| hand.script.calls()).collect()
    }

    /// Fifty messages at once, all because the token of this epoch is no good; and whoever signs in meanwhile.
    pub(crate) async fn storm(&mut self, guest: Option<&str>) {
        self.storm_began = Some(self.hands.len());
        let (account, epoch) = (self.account("ada").expect("ada's row").id, Some(self.epoch()));
        for _ in 0..AT_ONCE {
            self.hire(&Job::Refresh { account: account.clone(), epoch });
        }
        if let Some(guest) = guest {
            self.invite(guest).await;
        }
        self.abreast = AT_ONCE + 1;
        self.play().await;
        self.cues.clear();
        self.slow = None;
    }

    /// Somebody meets a token that is no good, and everything that follows.
    pub(crate) async fn refresh_once(&mut self) {
        let (account, epoch) = (self.account("ada").expect("ada's row").id, Some(self.epoch()));
        self.hire(&Job::Refresh { account, epoch });
        self.play().await;
    }

    /// Signs in by a new link, and everything that follows.
    pub(crate) async fn connect(&mut self, handle: &str) -> Option<StatusCode> {
        self.connected = None;
        self.invite(handle).await;
        self.play().await;
        self.connected
    }

    /// The refresh token of `ada`'s row in the clear.
    pub(crate) fn refresh_token(&self) -> Option<String> {
        let account = self.account("ada")?;
        let tokens = account.tokens.as_ref()?;
        let binding = account.binding(TokenField::Refresh, tokens.epoch);
        Some(done(self.vault.open(&tokens.refresh, &binding)).ok()?.expose().to_owned())
    }

    /// Whether TikTok takes the access token of this user's row, as this user's.
    pub(crate) fn is_usable(&self, handle: &str) -> bool {
        let Some(account) = self.account(handle) else { return false };
        let Some(tokens) = account.usable_tokens(self.clock.now()) else { return false };
        let binding = account.binding(TokenField::Access, tokens.epoch);
        let Ok(access) = done(self.vault.open(&tokens.access, &binding)) else { return false };
        let client = Client::new(self.tiktok.clone(), Endpoints::tiktok());
        // a minute later no call of before counts any more
        self.clock.advance(SignedDuration::from_secs(61));
        let asked = done(client.creator_info(&tiktok::AccessToken::new(access.expose())));
        let seen = self.tiktok.calls(Endpoint::CreatorInfo).pop();
        asked.is_ok() && seen.is_some_and(|call| call.account.as_deref() == Some(handle))
    }

    /// Whether the workspace is shown that nobody can post as this user.
    pub(crate) fn is_shown_as_broken(&self, handle: &str) -> bool {
        let Some(account) = self.account(handle) else { return false };
        let creators = self.table.creators();
        creators.iter().any(|it| it.id == account.creator && it.status != CreatorStatus::Active)
    }

    /// All access tokens of this user end now.
    pub(crate) fn expire(&self, handle: &str) {
        let now = self.clock.now().as_millisecond();
        self.tiktok.with(|world| world.expire_access_tokens(handle, now));
    }

    fn time(&mut self) -> Time {
        let entropy = SeededEntropy::new(self.rng.random());
        Time { clock: self.clock.clone(), entropy }
    }

    fn line(&self, script: &Script) -> Line {
        Line {
            member: self.hands.len(),
            tiktok: self.tiktok.clone(),
            script: script.clone(),
            watch: self.watch.clone(),
            table: self.table.clone(),
            clock: self.clock.clone(),
        }
    }

    /// A script with what was planned for the next invocation.
    fn script(&self) -> Script {
        let script = Script::default();
        script.take_turns();
        if let Some(began) = self.storm_began {
            for (number, cue) in self.cues.get(&(self.hands.len() - began)).into_iter().flatten() {
                script.at(*number, *cue);
            }
        }
        script
    }

    /// Starts an invocation for a message.
    fn hire(&mut self, job: &Job) {
        let (account, epoch) = match job.clone() {
            Job::Refresh { account, epoch } => (account, epoch),
            // for status-poll, when connecting or a pair that was kept late lets posts go on
            Job::Release(_) => return,
            other => panic!("{other:?} is another's job"),
        };
        assert!(self.hands.len() < TOO_MANY, "the jobs go round and round");
        let (script, time, periods) = (self.script(), self.time(), Periods::default());
        let deadline = self.clock.now() + SignedDuration::from_secs(60);
        if let Some(slow) = &self.slow {
            self.slow_by(slow, &script, deadline + periods.claim_margin);
        }
        let function = TokenRefresh {
            store: Watched::new(self.table.clone(), &script),
            rescue: Watched::new(self.objects.clone(), &script),
            queues: Watched::new(self.queues.clone(), &script),
            vault: Watched::new(self.vault.clone(), &script),
            secrets: Arc::clone(&self.secrets),
            tiktok: Client::new(self.line(&script), Endpoints::tiktok()),
            time,
            periods,
            plan: PLAN,
        };
        let refreshed = async move { Ended::Refreshed(function.refresh(account, epoch, deadline).await) };
        self.crowd.join(script.clone(), Box::pin(refreshed));
        self.hands.push(Hand { script, job: Some(job.clone()) });
    }

    fn slow_by(&self, slow: &Slow, script: &Script, lease_ends: Timestamp) {
        let (naps, clock, holders) = (self.naps.clone(), self.clock.clone(), Arc::clone(&slow.holders));
        let until = lease_ends + slow.beyond;
        let nap = move || async move {
            let left = holders.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            if left.is_ok() {
                naps.until(until, &clock).await;
            }
        };
        if slow.before {
            script.before(slow.call, nap);
        } else {
            script.after(slow.call, nap);
        }
        let first = self.storm_began.is_some_and(|began| self.hands.len() < began + AT_ONCE);
        if slow.call == "keep" && first {
            script.next("store_tokens", Cue::FailBefore);
        }
    }

    /// Opens a link, consents at TikTok, and is on the way back.
    async fn invite(&mut self, handle: &str) {
        let script = Script::default();
        let time = self.time();
        let router = self.pages(&script, time);
        let token = format!("{:064x}", self.rng.random::<u128>());
        let workspace =
            self.table.creators().first().map_or(WorkspaceId::from_bits(1), |it| it.workspace.clone());
        let link = Connecting {
            workspace,
            creator: None,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            browser_sha256: None,
            expires_at: self.clock.now() + SignedDuration::from_hours(24),
        };
        done(self.table.begin(sha256(&token), &link)).expect("the link is written");
        let open = Request::get(format!("{BASE}/connect/{token}")).body(Body::empty()).expect("a request");
        let Ok(opened) = router.clone().oneshot(open).await;
        let text =
            |name| opened.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let query = text(header::LOCATION).split_once('?').map(|(_, query)| query.to_owned());
        let cookie = text(header::SET_COOKIE).split(';').next().unwrap_or_default().to_owned();
        let now = self.clock.now().as_millisecond();
        let rng = &mut self.rng;
        let back = self.tiktok.with(|world| {
            world.consent(&query.expect("the way to TikTok"), handle, None, now, rng).expect("the way back")
        });
        let back = Request::get(back).header(header::COOKIE, cookie).body(Body::empty()).expect("a request");

        let planned = self.script();
        let time = self.time();
        let router = self.pages(&planned, time);
        let connected = async move {
            let Ok(response) = router.oneshot(back).await;
            Ended::Connected(response.status())
        };
        self.crowd.join(planned.clone(), Box::pin(connected));
        self.hands.push(Hand { script: planned, job: None });
        self.guests += 1;
    }

    fn pages(&self, script: &Script, time: Time) -> Router {
        let api = Api::<Pages> {
            store: Watched::new(self.table.clone(), script),
            objects: Watched::new(self.objects.clone(), script),
            queues: Watched::new(self.queues.clone(), script),
            vault: Watched::new(self.vault.clone(), script),
            tiktok: Client::new(self.line(script), Endpoints::tiktok()),
            time,
            secrets: Arc::clone(&self.secrets),
            periods: Periods::default(),
            refresh: PLAN,
            upload: SignedDuration::from_mins(15),
            public_base_url: Some(BASE.to_owned()),
            tiktok_mode: domain::app::ModeSetting::Auto,
            media_base_url: None,
            cors_origins: Vec::new(),
            rules: api::Rules::default(),
            keys: KeyCache::default(),
        };
        api.router()
    }

    /// Goes on until nothing is left to do.
    async fn play(&mut self) {
        loop {
            while self.crowd.going() < self.abreast {
                let Some(job) = self.queues.pop() else { break };
                self.hire(&job);
            }
            let Some((member, step)) = self.crowd.step() else {
                if self.pass_time().await {
                    continue;
                }
                return;
            };
            let seen = (&self.table, &self.objects, &self.vault);
            self.watch.look(member, self.hands[member].script.last_call(), seen, self.clock.now());
            let failed = match step {
                Step::Went | Step::Ended(Ended::Refreshed(Ok(()) | Err(Failure::GiveUp(_)))) => continue,
                Step::Ended(Ended::Connected(status)) => {
                    self.connected = Some(status);
                    self.guests -= 1;
                    continue;
                }
                Step::Ended(Ended::Refreshed(Err(Failure::Retry(_)))) | Step::Crashed => {
                    self.hands[member].job.clone()
                }
            };
            match failed {
                Some(job) => done(self.queues.send(&job, VISIBILITY)).expect("the message comes back"),
                None => self.guests -= 1,
            }
        }
    }

    /// Moves the clock to whatever comes next; `false`: nothing does.
    async fn pass_time(&mut self) -> bool {
        let now = self.clock.now();
        let looks_again = (self.guests > 0).then_some(now + LOOK_AGAIN);
        let is_full = self.crowd.going() >= self.abreast;
        let message = self.queues.next_at().filter(|_| !is_full);
        let next = [self.naps.next(), message, looks_again].into_iter().flatten().min();
        let Some(next) = next else { return false };
        let next = next.max(now);
        self.clock.set(next);
        self.naps.ring(next);
        let is_mixed = self.guests > 0 || self.slow.is_some();
        self.abreast = if is_mixed { AT_ONCE + 1 } else { self.later_abreast };
        if self.guests > 0 {
            let passed = u64::try_from(next.duration_since(now).as_millis()).unwrap_or_default();
            tokio::time::advance(std::time::Duration::from_millis(passed)).await;
        }
        true
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let digits = tiktok_sandbox::sha256_hex(text.as_bytes());
    std::array::from_fn(|index| {
        u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).expect("two hexadecimal digits")
    })
}
