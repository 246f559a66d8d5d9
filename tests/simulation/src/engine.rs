//! Plays one schedule: invocations side by side in virtual time.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use domain::account::AccountStatus;
use domain::content::{Caption, Kind};
use domain::job::Publish;
use domain::media::{Container, Declared, Pinned, PinnedVideo, upload_key};
use domain::post::{Order, PostState, Wish};
use domain::{
    Account, AccountId, Content, CreatorId, Job, Media as MediaRow, MediaId, Notice, Periods, Post, PostId,
    SignedDuration, WorkspaceId,
};
use ports::fakes::{ManualClock, MemoryObjects, MemoryTable, MemoryVault};
use ports::{MediaRows as _, samples};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rehearsal::{CLIENT_KEY, CLIENT_SECRET, MEDIA_BASE_URL, connected, done, video};
use tiktok_sandbox::config::{Account as Handle, App, Config};
use tiktok_sandbox::{Endpoint, Fault, FaultKind, FetchOutcome, Probe, World, sha256_hex};

use crate::chance::{Chance, Mishap, Place};
use crate::desk::{Core, Desk, Member, Next, timestamp};
use crate::judge::{Breach, Facts, Judge, Rule, hash_of, title};
use crate::office::{self, End, Office};
use crate::scenario::{Creator, Media, START, Scenario, Stroke};
use crate::story::{Story, job_name};

/// A schedule ends after this, whatever still happens.
const CAP: i64 = 3 * 24 * 3_600_000;
/// More invocations than this go round and round: by schedule, and by post if there are many.
const MOST_INVOCATIONS: usize = 6_000;
const MOST_BY_POST: usize = 60;
const MINUTE: i64 = 60_000;
/// A sweep begins so long after the tick at most.
const BEGINS_WITHIN: i64 = 3_000;
/// What sweeps look ahead.
const AHEAD: i64 = 90_000;

/// What a schedule came to.
#[derive(Debug)]
pub struct Outcome {
    /// What was broken.
    pub breaches: Vec<Breach>,
    /// What happened, if it was to be told.
    pub story: Vec<String>,
    /// Where things could have gone wrong, if the schedule was scripted.
    pub places: Vec<Place>,
    /// The states in which the posts ended.
    pub ends: Vec<&'static str>,
    /// How much went wrong.
    pub mishaps: u32,
    /// Invocations of functions.
    pub invocations: usize,
    /// Messages that ended in dead-letter queues.
    pub dead_letters: u32,
    /// Attempts that TikTok accepted.
    pub accepted: usize,
    /// How long it took, in virtual milliseconds.
    pub took_ms: i64,
    /// More about it, if somebody wants to know.
    pub(crate) traced: Option<Traced>,
}

/// Everything about a schedule that campaigns count.
#[derive(Debug)]
pub(crate) struct Traced {
    /// TikTok, with its log.
    pub(crate) world: World,
    /// The states each post has been in, and since when.
    pub(crate) paths: Vec<Vec<(i64, &'static str)>>,
    /// What the workspace was told.
    pub(crate) notices: Vec<Notice>,
    /// Messages that were received, by what they are.
    pub(crate) deliveries: BTreeMap<&'static str, u64>,
}

/// Plays a schedule and keeps everything about it.
pub(crate) fn trace(scenario: &Scenario, chance: Chance) -> Outcome {
    let mut engine = Engine::new(scenario, chance, false);
    engine.desk.lock().judge.keep_paths();
    while engine.step() {}
    engine.finish()
}

/// A post's number by its id.
pub(crate) fn number_of_id(post: &PostId) -> usize {
    usize::try_from((post.bits() & u128::from(u64::MAX)).saturating_sub(0x105) / 31).unwrap_or(usize::MAX)
}

/// A schedule that somebody else drives.
pub(crate) struct Stepper(Engine);

impl Stepper {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        Self(Engine::new(scenario, Chance::scripted(Vec::new()), false))
    }

    /// Goes on until the post is so and nobody works, or nothing is left to do. `false`: it never is.
    pub(crate) fn until(&mut self, is_so: impl Fn(&PostState) -> bool) -> bool {
        while self.0.going > 0 || !self.post().is_some_and(|post| is_so(&post.state)) {
            if !self.0.step() {
                return false;
            }
        }
        true
    }

    /// The only post.
    pub(crate) fn post(&self) -> Option<Post> {
        self.0.table.posts().into_iter().next().map(|stored| stored.row)
    }

    /// TikTok's user whose post it is, and what time it is, in seconds since 1970.
    pub(crate) fn sender(&self) -> (String, i64) {
        let open_id = self.0.table.accounts().into_iter().next().map(|account| account.open_id);
        (open_id.unwrap_or_default(), self.0.desk.lock().now / 1_000)
    }

    /// Delivers a webhook and waits for its answer.
    pub(crate) fn deliver(&mut self, signature: String, body: String) {
        let number = self.0.running.len();
        self.0.take(Next::Webhook(None, Arc::new((signature, body))));
        while self.0.running[number].is_some() && self.0.step() {}
    }
}

type Running = Pin<Box<dyn Future<Output = End>>>;

struct Engine {
    scenario: Scenario,
    desk: Desk,
    table: MemoryTable,
    objects: MemoryObjects,
    office: Arc<Office>,
    running: Vec<Option<Running>>,
    going: usize,
    /// The accounts of the creators.
    accounts: Vec<AccountId>,
    deliveries: BTreeMap<&'static str, u64>,
    last_tick: i64,
    most_skew: i64,
}

/// Plays a schedule.
pub fn play(scenario: &Scenario, chance: Chance, told: bool) -> Outcome {
    let mut engine = Engine::new(scenario, chance, told);
    while engine.step() {}
    engine.finish()
}

static GOOD: LazyLock<FetchOutcome> = LazyLock::new(|| FetchOutcome::of_bytes(&BYTES));
static LATER: LazyLock<FetchOutcome> = LazyLock::new(|| FetchOutcome::of_bytes(&UPLOAD));
static UPLOAD: LazyLock<Bytes> = LazyLock::new(|| video("twelve-seconds.mp4").into());
/// A video that was probed before the schedule begins.
static BYTES: LazyLock<Bytes> = LazyLock::new(|| video("good.mp4").into());

/// How long the video is that TikTok downloads.
fn length_of(outcome: &FetchOutcome) -> u64 {
    match outcome.result.as_ref().map(|fetched| &fetched.probe) {
        Ok(Probe::Video(video)) => u64::try_from(video.duration_ms).unwrap_or_default(),
        _ => 0,
    }
}

fn world(scenario: &Scenario) -> World {
    let app = App {
        client_secret: CLIENT_SECRET.to_owned(),
        verified_url_prefixes: vec![format!("{MEDIA_BASE_URL}/")],
        webhook_url: scenario.webhooks.then(|| "https://api.slipway.example/webhooks/tiktok".to_owned()),
        // as many as there are, in every day of a schedule
        active_user_cap: u32::try_from(scenario.creators.len()).unwrap_or(u32::MAX).max(500),
        ..App::default()
    };
    let stranger = Handle { nickname: STRANGER.to_owned(), ..Handle::default() };
    let mut config = Config::default().with_app(CLIENT_KEY, app).with_account(STRANGER, stranger);
    config.webhooks.times = scenario.webhook_times;
    for creator in &scenario.creators {
        let handle = Handle {
            nickname: creator.handle.clone(),
            daily_cap: scenario.daily_cap,
            private: creator.private,
            post_ids_withheld: creator.ids_withheld,
            ..Handle::default()
        };
        config = config.with_account(&creator.handle, handle);
    }
    config.time = tiktok_sandbox::Time::Auto(scenario.pace.clone());
    config.tokens.rotation = scenario.rotation;
    World::new(config).expect("settings that the developer portal takes")
}

/// A user of TikTok's who has nothing to do with anything here.
const STRANGER: &str = "a stranger";

/// As the API derives it.
fn account_id(open_id: &str) -> AccountId {
    let digest = sha256_hex(format!("{CLIENT_KEY}|{open_id}").as_bytes());
    AccountId::from_bits(u128::from_str_radix(&digest[..32], 16).unwrap_or_default())
}

fn creator_id(number: usize) -> CreatorId {
    CreatorId::from_bits(0xc1 + number as u128)
}

/// The creator as whom another workspace sees this one's account.
fn usurper_id(number: usize) -> CreatorId {
    CreatorId::from_bits(0x1_0000_00c1 + number as u128)
}

fn media_id(number: usize) -> MediaId {
    MediaId::from_bits(0x3ed0 + number as u128 * 17)
}

fn post_id(seed: u64, number: usize) -> PostId {
    PostId::from_bits(u128::from(seed) << 64 | (0x105 + number as u128 * 31))
}

fn connect(
    (number, creator): (usize, &Creator),
    world: &mut World,
    rng: &mut StdRng,
    vault: &MemoryVault,
    judge: &mut Judge,
) -> Account {
    let at = START - creator.token_age_ms;
    let scopes = scopes_of(creator);
    let answer = world.connect(CLIENT_KEY, &creator.handle, &scopes, at, rng);
    judge.issues(&answer);
    let id = account_id(answer["open_id"].as_str().unwrap_or_default());
    let row = Account { id, creator: creator_id(number), ..samples::account(1, timestamp(at)) };
    let mut row =
        connected(Account { client_key: CLIENT_KEY.to_owned(), ..row }, &answer, vault, timestamp(at));
    if let Some(tokens) = &mut row.tokens {
        tokens.scopes = scopes.into_iter().map(str::to_owned).collect();
    }
    // what should have happened before the schedule begins has happened a moment ago
    let due = row.due.map(|due| due.max(timestamp(START + 1_000)));
    Account { due, ..row }
}

fn scopes_of(creator: &Creator) -> Vec<&'static str> {
    let mut scopes = vec!["user.info.basic", "video.publish"];
    if creator.lists_videos {
        scopes.push("video.list");
    }
    scopes
}

impl Engine {
    fn new(scenario: &Scenario, chance: Chance, told: bool) -> Self {
        let clock = ManualClock::new(timestamp(START));
        let mut rng = StdRng::seed_from_u64(scenario.seed ^ 0x717c_70c0);
        let (table, objects, vault) =
            (MemoryTable::new(), MemoryObjects::at(clock.clone()), MemoryVault::new());
        if let Some(delay) = scenario.log_delay_ms {
            objects.keep_log(SignedDuration::from_millis(delay));
        }
        table.insert_key(office::key());
        table.keep_history(&clock);
        let mut judge = Judge::new(scenario);
        let mut world = world(scenario);
        let mut creators: Vec<_> = scenario.creators.iter().enumerate().collect();
        creators.sort_by_key(|(_, creator)| -creator.token_age_ms);
        let mut accounts = vec![AccountId::from_bits(0); creators.len()];
        for creator in creators {
            let account = connect(creator, &mut world, &mut rng, &vault, &mut judge);
            // a profile that is a week old is asked for again
            let known = if creator.1.token_age_ms % 2 == 0 { START } else { START - 8 * 24 * 60 * MINUTE };
            table.insert_creator(domain::Creator {
                profile_at: timestamp(known),
                account: account.id.clone(),
                open_id: account.open_id.clone(),
                ..samples::creator(0xc1 + creator.0 as u128, timestamp(START))
            });
            accounts[creator.0] = account.id.clone();
            table.insert_account(account);
        }
        let story = if told { Story::told() } else { Story::default() };
        let entropy = rng.random();
        let core = Core::new(START, clock, chance, world, rng, entropy, judge, story);
        let desk = Desk::new(core, table.clone());
        let office = Arc::new(Office::new(&desk, &table, &objects, &vault));
        let most_skew = scenario.skews.iter().map(|skew| skew.abs()).max().unwrap_or_default();
        let engine = Self {
            scenario: scenario.clone(),
            desk,
            table,
            objects,
            office,
            running: Vec::new(),
            going: 0,
            accounts,
            deliveries: BTreeMap::new(),
            last_tick: START,
            most_skew,
        };
        engine.outside();
        engine.desk.wrote();
        {
            let core = &mut *engine.desk.lock();
            for (number, (after, _)) in scenario.strokes.iter().enumerate() {
                core.plan(START + after, Next::Stroke(number));
            }
        }
        engine
    }

    /// What follows is no invocation's doing.
    fn outside(&self) {
        self.desk.lock().current = usize::MAX;
    }

    /// The minute at which the clock ticks next with something to find.
    fn next_tick(&self, core: &Core) -> Option<i64> {
        let due = core.dues.iter().filter_map(|due| due.shown(core.now)).min()?;
        let from = (due - AHEAD - BEGINS_WITHIN - self.most_skew).max(self.last_tick + 1) - START;
        Some(START + (from + MINUTE - 1).div_euclid(MINUTE) * MINUTE)
    }

    /// Whether anything may still happen to a post.
    fn is_over(&self, core: &Core) -> bool {
        self.going == 0 && core.judge.all_at_rest()
    }

    fn step(&mut self) -> bool {
        let desk = self.desk.clone();
        let mut guard = desk.lock();
        let core = &mut *guard;
        core.current = usize::MAX;
        let (agenda, world, tick) = (core.next_at(), core.world.next_due(), self.next_tick(core));
        if agenda.is_none() && world.is_none() && self.is_over(core) {
            return false;
        }
        let Some(at) = [agenda, world, tick].into_iter().flatten().min() else { return false };
        if at > START + CAP {
            return false;
        }
        if self.running.len() > MOST_INVOCATIONS.max(MOST_BY_POST * self.scenario.posts.len()) {
            let now = core.now;
            core.judge.breach(Rule::Endless, now, || format!("{} invocations", self.running.len()));
            return false;
        }
        core.set_now(at.max(core.now));
        if world == Some(at) {
            let effects = core.world.tick(at);
            core.perform(effects);
            return true;
        }
        if agenda != Some(at) {
            self.last_tick = at;
            tick_of(core, at, self.most_skew);
            return true;
        }
        let next = core.pop();
        drop(guard);
        if let Some(next) = next {
            self.take(next);
        }
        true
    }

    fn take(&mut self, next: Next) {
        match next {
            Next::GoOn(number, waker) => {
                waker.wake();
                self.go_on(number);
            }
            Next::Kill(number) => self.kill(number),
            Next::Receive(message) => self.receive(message),
            Next::Webhook(delivery, content) => {
                let (signature, body) = (content.0.clone(), content.1.clone());
                self.desk.lock().judge.hears(&body);
                let future = Box::pin(Arc::clone(&self.office).hear(signature, body));
                self.begin("webhook", 30_000, None, delivery, |_| future);
            }
            Next::Unanswered(delivery) => self.answered(delivery, None),
            Next::SweepPosts => {
                let future = Box::pin(Arc::clone(&self.office).sweep_posts());
                self.begin("sweep", 30_000, None, None, |_| future);
            }
            Next::SweepAccounts => {
                let future = Box::pin(Arc::clone(&self.office).sweep_accounts());
                self.begin("sweep", 60_000, None, None, |_| future);
            }
            Next::Fetched { publish_id, url, fails } => {
                let core = &mut *self.desk.lock();
                self.objects.asked(&url, timestamp(core.now));
                let outcome = match self.objects.fetch(&url) {
                    _ if fails => FetchOutcome::failed(Some(503), "as the schedule says"),
                    None => FetchOutcome::failed(Some(404), "no such object"),
                    Some(object) if object.bytes.len() == BYTES.len() => GOOD.clone(),
                    Some(_) => LATER.clone(),
                };
                let effects = core.world.fetched(&publish_id, outcome, core.now);
                core.perform(effects);
            }
            Next::Straggler(request) => {
                let core = &mut *self.desk.lock();
                core.tell_of_world(|| format!("a request arrives late: {}", request.path));
                let answer = core.hear(&request, None);
                core.judge.straggles(&request, &answer);
            }
            Next::Internal(publish_id) => {
                let core = &mut *self.desk.lock();
                if let Ok(effects) = core.world.fail(&publish_id, "internal", core.now) {
                    core.perform(effects);
                }
            }
            Next::Stroke(number) => self.stroke(number),
        }
    }

    fn answered(&self, delivery: u64, status: Option<u16>) {
        let core = &mut *self.desk.lock();
        let effects = core.world.webhook_answered(delivery, status, core.now);
        core.perform(effects);
    }

    fn receive(&mut self, message: usize) {
        let (job, again) = {
            let core = &mut *self.desk.lock();
            let now = core.now;
            let (timeout, visibility) = timeout_of(&core.messages[message].job);
            let waiting = &mut core.messages[message];
            if waiting.deleted {
                return;
            }
            if self.scenario.workers.is_some_and(|workers| core.lobby.busy() >= workers) {
                core.lobby.wait(waiting.job.group(), message);
                return;
            }
            if waiting.receives >= 5 {
                waiting.deleted = true;
                core.dead_letters += 1;
                core.tell_of_world(|| "a message is a dead letter".to_owned());
                return;
            }
            match core.chance.mishap(Place::Receive, now) {
                Some(Mishap::Late) => {
                    let late = core.chance.between(1_000, 200_000);
                    core.plan(now + late, Next::Receive(message));
                    return;
                }
                Some(_) => {
                    let again = core.chance.below(20_000);
                    core.plan(now + again, Next::Receive(message));
                }
                None => {}
            }
            let jitter = core.chance.below(2_000);
            core.messages[message].receives += 1;
            core.lobby.begins(core.messages[message].job.group());
            core.plan(now + visibility + jitter, Next::Receive(message));
            (core.messages[message].job.clone(), timeout)
        };
        let name = match &job {
            Job::Publish(_) => "publish",
            Job::Transfer(_) => "transfer",
            Job::Check(_) => "check",
            Job::Release(_) => "release",
            Job::Heard(_) => "heard",
            Job::Refresh { .. } => "refresh",
            Job::Ingest { .. } => "ingest",
            Job::Drop(_) => "drop",
            Job::Deliver(_) => "deliver",
            Job::CatchUp(_) => "catch up",
        };
        *self.deliveries.entry(name).or_default() += 1;
        let office = Arc::clone(&self.office);
        self.begin(name, again, Some(message), None, move |deadline| {
            Box::pin(office.work(job, timestamp(deadline)))
        });
    }

    /// Begins an invocation on one of the workers; `future` is told its deadline by the worker's clock.
    fn begin(
        &mut self,
        name: &'static str,
        timeout: i64,
        message: Option<usize>,
        webhook: Option<u64>,
        future: impl FnOnce(i64) -> Running,
    ) {
        let number = self.running.len();
        let deadline = {
            let core = &mut *self.desk.lock();
            let worker = core.chance.below(i64::try_from(self.scenario.skews.len()).unwrap_or(1));
            let skew = self.scenario.skews[usize::try_from(worker).unwrap_or_default()];
            let kill_at = core.now + timeout;
            core.members.push(Member {
                name,
                message,
                webhook,
                skew,
                crashed: false,
                in_flight: None,
                facts: Facts::since(core.now),
            });
            core.plan(kill_at, Next::Kill(number));
            core.current = number;
            if core.story.is_told() {
                let job = message.map(|message| job_name(&core.messages[message].job)).unwrap_or_default();
                core.tell(|| format!("begins {job}, its clock shows {skew:+} ms"));
            }
            kill_at + skew
        };
        self.running.push(Some(future(deadline)));
        self.going += 1;
        self.go_on(number);
    }

    fn go_on(&mut self, number: usize) {
        let Some(running) = self.running[number].as_mut() else { return };
        self.desk.lock().current = number;
        let polled = running.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let end = match polled {
            Poll::Ready(end) => Some(end),
            Poll::Pending if self.desk.lock().members[number].crashed => None,
            Poll::Pending => return,
        };
        self.end(number, end);
    }

    fn kill(&mut self, number: usize) {
        if self.running[number].is_some() {
            {
                let core = &mut *self.desk.lock();
                core.current = number;
                core.tell(|| "has run out of time".to_owned());
                let member = &mut core.members[number];
                member.facts.struck = true;
                // what has left is on its way
                if let Some((at, request)) = member.in_flight.take() {
                    core.plan(at, Next::Straggler(Box::new(request)));
                }
            }
            self.end(number, None);
        }
    }

    /// An invocation has ended; `None`: without a word.
    fn end(&mut self, number: usize, end: Option<End>) {
        self.running[number] = None;
        self.going -= 1;
        let webhook = {
            let core = &mut *self.desk.lock();
            core.current = number;
            core.tell(|| match end {
                None => "is gone".to_owned(),
                Some(end) => format!("ends: {end:?}"),
            });
            let member = &core.members[number];
            let webhook = member.webhook;
            if let Some(message) = member.message {
                core.messages[message].deleted |= end == Some(End::Done);
                core.lobby.ends(core.messages[message].job.group());
                if let Some(next) = core.lobby.next() {
                    let now = core.now;
                    core.plan(now, Next::Receive(next));
                }
            }
            webhook
        };
        self.outside();
        if let Some(delivery) = webhook {
            let status = match end {
                Some(End::Answered(status)) => Some(status),
                _ => None,
            };
            self.answered(delivery, status);
        }
    }

    fn stroke(&mut self, number: usize) {
        let stroke = self.scenario.strokes[number].1;
        {
            let core = &mut *self.desk.lock();
            core.tell_of_world(|| format!("{stroke:?}"));
        }
        let handle = |number: usize| self.scenario.creators[number].handle.as_str();
        match stroke {
            Stroke::Submit(number) => self.submit(number),
            Stroke::Cancel(number) => {
                let post = post_id(self.scenario.seed, number);
                let future = Box::pin(Arc::clone(&self.office).cancel(post));
                self.begin("cancel", 30_000, None, None, |_| future);
            }
            Stroke::Upload(number) => {
                self.objects.put(&upload_key(&media_id(number)), Container::Mp4, UPLOAD.clone());
                self.desk.lock().send(&Job::Ingest { media: media_id(number), post: None }, 0);
            }
            Stroke::AccessEnds(creator) => {
                let core = &mut *self.desk.lock();
                core.world.expire_access_tokens(handle(creator), core.now);
            }
            Stroke::Private(creator, private) => {
                self.desk.lock().world.reconfigure(|config| {
                    if let Some(account) = config.accounts.get_mut(handle(creator)) {
                        account.private = private;
                    }
                });
            }
            Stroke::PostsElsewhere(creator) => {
                let core = &mut *self.desk.lock();
                for _ in 0..15 {
                    core.world.posted_elsewhere(handle(creator), core.now);
                }
            }
            Stroke::Revoked(creator) => {
                let core = &mut *self.desk.lock();
                let effects = core.world.revoke_user(CLIENT_KEY, handle(creator), 1, core.now);
                core.perform(effects);
            }
            Stroke::Confused(creator) => {
                let core = &mut *self.desk.lock();
                let scopes = scopes_of(&self.scenario.creators[creator]);
                let answer = core.world.connect(CLIENT_KEY, STRANGER, &scopes, core.now, &mut core.world_rng);
                core.judge.issues(&answer);
                let kind = FaultKind::Answer { status: 200, body: answer };
                let account = Some(handle(creator).to_owned());
                core.world.inject(Fault { account, ..Fault::once(Endpoint::Token, kind) });
            }
            Stroke::TakenOver(creator) => self.taken_over(number, creator),
            Stroke::Outage(outage) => {
                self.desk.lock().world.reconfigure(|config| config.outage = outage);
            }
        }
    }

    /// What two workspaces and TikTok do when an account goes from one to the other: the row has other tokens, and is
    /// another creator's. It takes the lease, as signing in does.
    fn taken_over(&self, number: usize, creator: usize) {
        let account = self.table.accounts().into_iter().find(|it| it.id == self.accounts[creator]);
        let Some(account) = account.filter(|account| account.creator == creator_id(creator)) else { return };
        {
            let core = &mut *self.desk.lock();
            if let Some(lease) = account.lease.as_ref().filter(|lease| lease.until > timestamp(core.now)) {
                core.plan(lease.until.as_millisecond() + 2_000, Next::Stroke(number));
                return;
            }
        }
        {
            let core = &mut *self.desk.lock();
            let scopes = scopes_of(&self.scenario.creators[creator]);
            let handle = &self.scenario.creators[creator].handle;
            let answer = core.world.connect(CLIENT_KEY, handle, &scopes, core.now, &mut core.world_rng);
            core.judge.issues(&answer);
            let row = Account {
                workspace: WorkspaceId::from_bits(0x0bad),
                creator: usurper_id(creator),
                status: AccountStatus::Connected,
                epoch: account.epoch + 1,
                lease: None,
                ..account
            };
            let row = connected(row, &answer, &MemoryVault::new(), timestamp(core.now));
            self.table.insert_account(row);
        }
        self.desk.wrote();
    }

    /// What the API does with a post.
    fn submit(&self, number: usize) {
        let planned = &self.scenario.posts[number];
        let now = timestamp(self.desk.lock().now);
        let periods = Periods::default();
        let hash = hash_of(number);
        let media = media_id(number);
        let content = Content {
            media: vec![media.clone()],
            caption: Caption::of_video(title(number)).expect("a short caption"),
            privacy_level: Some(planned.privacy),
            allow: planned.allow,
            disclosure: planned.disclosure,
            ai_generated: planned.ai_generated,
            transport: planned.transport,
            ..samples::content()
        };
        let pinned = match planned.media {
            Media::Ready => {
                let etag = self.objects.put(&upload_key(&media), Container::Mp4, BYTES.clone());
                let size = Some(BYTES.len() as u64);
                Some(Pinned::Video(PinnedVideo {
                    etag,
                    container: Container::Mp4,
                    duration_ms: length_of(&GOOD),
                    size,
                }))
            }
            Media::Late => {
                let size = UPLOAD.len() as u64;
                let declared = Declared { container: Container::Mp4, size, sha256: None, convert: false };
                let row = MediaRow::declare(media.clone(), samples::workspace(), declared, now, &periods);
                self.table.insert_media(row);
                None
            }
        };
        let is_ready = pinned.is_some();
        let creator = creator_id(planned.creator);
        let account = self.accounts[planned.creator].clone();
        let order = Order {
            id: post_id(self.scenario.seed, number),
            workspace: samples::workspace(),
            creator,
            account: account.clone(),
            wish: Wish {
                content: hash,
                kind: Kind::Video,
                media: media.clone(),
                privacy_level: Some(planned.privacy),
                publish_at: planned.publish_after_ms.map(|after| timestamp(START + after)),
                local_time: None,
            },
            draft: false,
            retry_of: None,
        };
        let post = Post::accept(order, pinned, now, &periods);
        let id = post.id.clone();
        let starts_now = matches!(post.state, PostState::Queued { .. });
        self.table.insert_post(post, content);
        if !is_ready && self.desk.lock().chance.below(16) != 15 {
            done(self.table.wait_for(&media, &id)).expect("the media's row");
        }
        self.desk.wrote();
        if is_ready && starts_now {
            let job = Publish { post: id, account, content: hash, ticket: None, refused_epoch: None };
            self.desk.lock().send(&Job::Publish(job), 0);
        }
    }

    fn finish(self) -> Outcome {
        let Self { desk, running, office, table, deliveries, .. } = self;
        let invocations = running.len();
        drop(running);
        drop(office);
        let mut core = desk.into_core().expect("nobody else holds the schedule");
        let members = std::mem::take(&mut core.members);
        let struck = |number: usize| members.get(number).is_none_or(|member| member.facts.struck);
        core.judge.ends(&core.world, struck, core.chance.mishaps, core.now);
        if core.story.is_told() {
            core.current = usize::MAX;
            for breach in core.judge.breaches.clone() {
                core.tell_of_world(|| format!("BROKEN {breach}"));
            }
        }
        Outcome {
            accepted: core.world.posts().count(),
            ends: core.judge.end_states().collect(),
            breaches: core.judge.breaches,
            story: core.story.into_lines(),
            mishaps: core.chance.mishaps,
            places: core.chance.into_places(),
            invocations,
            dead_letters: core.dead_letters,
            took_ms: core.now - START,
            traced: core.judge.paths.take().map(|paths| Traced {
                world: core.world,
                paths,
                notices: table.notices(),
                deliveries,
            }),
        }
    }
}

/// Timeout and visibility, in milliseconds, as the template has them.
fn timeout_of(job: &Job) -> (i64, i64) {
    let timeout = match job {
        Job::Publish(_)
        | Job::Check(_)
        | Job::Release(_)
        | Job::Heard(_)
        | Job::Deliver(_)
        | Job::CatchUp(_) => 30_000,
        Job::Refresh { .. } | Job::Ingest { .. } => 60_000,
        Job::Transfer(_) | Job::Drop(_) => 120_000,
    };
    (timeout, 6 * timeout)
}

/// EventBridge's clock ticks: sweeps begin that have something to find.
fn tick_of(core: &mut Core, at: i64, most_skew: i64) {
    let mishap = core.chance.mishap(Place::Sweep, at);
    if let Some(mishap) = mishap {
        core.tell_of_world(|| format!("the clock ticks  *** {mishap:?}"));
    }
    let copies = match mishap {
        Some(Mishap::Skipped) => 0,
        Some(_) => 2,
        None => 1,
    };
    for of_account in [false, true] {
        let finds = core.dues.iter().any(|due| {
            due.of_account == of_account
                && due.shown(at).is_some_and(|due| due < at + AHEAD + BEGINS_WITHIN + most_skew)
        });
        for _ in 0..if finds { copies } else { 0 } {
            let begins = at + core.chance.between(0, BEGINS_WITHIN);
            core.plan(begins, if of_account { Next::SweepAccounts } else { Next::SweepPosts });
        }
    }
}
