//! What the functions of a schedule touch: ports whose every call is a place where others go first or something goes wrong.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use domain::{Job, SignedDuration, Timestamp};
use ports::fakes::{Change, ManualClock, MemoryTable};
use ports::{Clock, Entropy, MAX_DELAY, PortResult, Queues};
use rand::rngs::StdRng;
use rehearsal::{Cue, Director, as_heard};
use serde_json::{Value, json};
use tiktok::{Exchange, ExchangeError};
use tiktok_sandbox::{Delivery, Effect, Endpoint, Fault, FaultKind, What, World};

use crate::chance::{Chance, Mishap, Place};
use crate::judge::{Facts, Heard, Judge};
use crate::lobby::Lobby;
use crate::story::{Story, clock_of, job_name};

/// What happens next, and when.
pub(crate) enum Next {
    /// An invocation goes on.
    GoOn(usize, Waker),
    /// An invocation has run out of time.
    Kill(usize),
    /// A message can be received.
    Receive(usize),
    /// A webhook arrives; the number is TikTok's, to be answered.
    Webhook(Option<u64>, Arc<(String, String)>),
    /// A webhook was not answered.
    Unanswered(u64),
    /// A sweep begins.
    SweepPosts,
    /// The other one.
    SweepAccounts,
    /// A download is over.
    Fetched { publish_id: String, url: String, fails: bool },
    /// A request that its caller has given up arrives at TikTok.
    Straggler(Box<tiktok_sandbox::Request>),
    /// TikTok's processing of a post fails with `internal`.
    Internal(String),
    /// The scenario's stroke of this number.
    Stroke(usize),
}

struct Planned {
    at: i64,
    number: u64,
    next: Next,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Planned {}
impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// A message in a queue.
pub(crate) struct Message {
    pub(crate) job: Job,
    pub(crate) receives: u32,
    pub(crate) deleted: bool,
}

/// An invocation.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) message: Option<usize>,
    pub(crate) webhook: Option<u64>,
    pub(crate) skew: i64,
    pub(crate) crashed: bool,
    /// A request that is on its way to TikTok, and when it arrives.
    pub(crate) in_flight: Option<(i64, tiktok_sandbox::Request)>,
    pub(crate) facts: Facts,
}

/// The wake-up of a row that a sweep has to find.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DueAt {
    pub(crate) bits: u128,
    pub(crate) of_account: bool,
    pub(crate) at: Option<i64>,
    /// What the index may show until then.
    before: Option<i64>,
    stale_until: i64,
}

impl DueAt {
    /// When the index says that the row is due, at the earliest.
    pub(crate) fn shown(&self, now: i64) -> Option<i64> {
        let before = self.before.filter(|_| now < self.stale_until);
        self.at.into_iter().chain(before).min()
    }
}

/// Everything of a schedule that the functions share.
pub(crate) struct Core {
    pub(crate) now: i64,
    pub(crate) clock: ManualClock,
    agenda: BinaryHeap<Reverse<Planned>>,
    number: u64,
    pub(crate) chance: Chance,
    /// The invocation that runs right now.
    pub(crate) current: usize,
    pub(crate) members: Vec<Member>,
    pub(crate) messages: Vec<Message>,
    pub(crate) world: World,
    pub(crate) world_rng: StdRng,
    entropy: u64,
    pub(crate) judge: Judge,
    pub(crate) story: Story,
    pub(crate) dues: Vec<DueAt>,
    pub(crate) dead_letters: u32,
    /// Messages that could be received, and nobody is free.
    pub(crate) lobby: Lobby,
}

pub(crate) fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// TikTok's client gives up after this.
const TIKTOK_TIMEOUT: i64 = 12_000;

impl Core {
    #[expect(clippy::too_many_arguments, reason = "the parts of a schedule, each once")]
    pub(crate) fn new(
        now: i64,
        clock: ManualClock,
        chance: Chance,
        world: World,
        world_rng: StdRng,
        entropy: u64,
        judge: Judge,
        story: Story,
    ) -> Self {
        Self {
            now,
            clock,
            agenda: BinaryHeap::new(),
            number: 0,
            chance,
            current: 0,
            members: Vec::new(),
            messages: Vec::new(),
            world,
            world_rng,
            entropy,
            judge,
            story,
            dues: Vec::new(),
            dead_letters: 0,
            lobby: Lobby::default(),
        }
    }

    pub(crate) fn plan(&mut self, at: i64, next: Next) {
        self.number += 1;
        self.agenda.push(Reverse(Planned { at, number: self.number, next }));
    }

    pub(crate) fn next_at(&self) -> Option<i64> {
        self.agenda.peek().map(|planned| planned.0.at)
    }

    pub(crate) fn pop(&mut self) -> Option<Next> {
        self.agenda.pop().map(|planned| planned.0.next)
    }

    pub(crate) fn set_now(&mut self, now: i64) {
        self.now = now;
        self.clock.set(timestamp(now));
    }

    /// What the clock of the invocation that runs shows.
    pub(crate) fn shown(&self) -> i64 {
        self.now + self.members.get(self.current).map_or(0, |member| member.skew)
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        let (now, current, members) = (self.now, self.current, &self.members);
        self.story.tell(now, || match members.get(current) {
            Some(member) => format!("{:>3} {:<8} {}", current, member.name, what()),
            None => format!("             {}", what()),
        });
    }

    /// Something that is nobody's call.
    pub(crate) fn tell_of_world(&mut self, what: impl FnOnce() -> String) {
        self.story.tell(self.now, || format!("             {}", what()));
    }

    fn next_random(&mut self) -> u64 {
        // SplitMix64
        self.entropy = self.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.entropy;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Puts a message into its queue.
    pub(crate) fn send(&mut self, job: &Job, delay_ms: i64) {
        let mishap = self.chance.mishap(Place::Send, self.now);
        self.tell(|| {
            let (name, seconds) = (job_name(job), delay_ms / 1_000);
            let told = mishap.map_or(String::new(), |mishap| format!("  *** {mishap:?}"));
            format!("sends {name} with a delay of {seconds} s{told}")
        });
        let arrives = self.now + delay_ms + self.chance.between(1, 60);
        let (copies, late) = match mishap {
            Some(Mishap::Lost) => (0, 0),
            Some(Mishap::Doubled) => (2, 0),
            Some(Mishap::Late) => (1, self.chance.between(1_000, 400_000)),
            _ => (1, 0),
        };
        for _ in 0..copies {
            self.messages.push(Message { job: job.clone(), receives: 0, deleted: false });
            let jitter = self.chance.below(40);
            self.plan(arrives + late + jitter, Next::Receive(self.messages.len() - 1));
        }
    }

    /// Another delivery of the message that the invocation works on.
    fn rival(&mut self) {
        let Some(message) = self.members.get(self.current).and_then(|member| member.message) else { return };
        let job = self.messages[message].job.clone();
        self.messages.push(Message { job, receives: 0, deleted: false });
        let at = self.now + self.chance.below(30);
        self.plan(at, Next::Receive(self.messages.len() - 1));
    }

    /// What a write was, for the judge, the story and the sweeps.
    pub(crate) fn wrote(&mut self, changes: Vec<Change>) {
        let shown = timestamp(self.shown());
        for change in changes {
            let (bits, of_account, due) = match &change {
                Change::Post(post) => (post.after.row.id.bits(), false, post.after.row.due),
                Change::Media(media) => (media.after.row.id.bits(), false, media.after.row.due),
                Change::Account(account) => (account.after.id.bits(), true, account.after.due),
            };
            let at = due.map(Timestamp::as_millisecond);
            match self.dues.iter_mut().find(|due| due.bits == bits && due.of_account == of_account) {
                // where the index is behind, it may still show what was due before
                Some(known) if known.at == at => {}
                Some(known) => {
                    known.before = known.at;
                    known.stale_until = self.now + self.chance.most_lag(self.now);
                    known.at = at;
                }
                None => {
                    self.dues.push(DueAt { bits, of_account, at, before: None, stale_until: i64::MIN });
                }
            }
            if self.story.is_told() {
                let told = crate::story::change(&change, self.now);
                self.tell(|| told);
            }
            let (current, now) = (self.current, self.now);
            let facts = self.members.get_mut(current).map(|member| &mut member.facts);
            self.judge.wrote(&change, facts, current, now, shown);
        }
    }

    /// TikTok hears a request.
    pub(crate) fn hear(
        &mut self,
        request: &tiktok_sandbox::Request,
        mishap: Option<Mishap>,
    ) -> tiktok_sandbox::Response {
        let endpoint = Endpoint::from_path(&request.path);
        let kind = match mishap {
            Some(Mishap::CutBody) => Some(FaultKind::CutBody),
            Some(Mishap::Garbage) => Some(FaultKind::Garbage),
            Some(Mishap::ErrorBefore) => Some(FaultKind::Answer { status: 500, body: Value::Null }),
            Some(Mishap::ErrorAfter) => {
                // whatever code it bears, it proves nothing
                let error = json!({ "code": "rate_limit_exceeded", "message": "", "log_id": "X" });
                let body = json!({ "data": {}, "error": error });
                Some(FaultKind::AnswerReplaced { status: 500, body })
            }
            Some(Mishap::TooMany) => {
                let error = json!({ "code": "rate_limit_exceeded", "message": "", "log_id": "X" });
                Some(FaultKind::Answer { status: 429, body: json!({ "data": {}, "error": error }) })
            }
            Some(Mishap::FailBefore) => Some(FaultKind::LostBefore),
            _ => None,
        };
        if let (Some(endpoint), Some(kind)) = (endpoint, kind) {
            self.world.inject(Fault::once(endpoint, kind));
        }
        let (answer, effects) = self.world.handle(request, self.now, &mut self.world_rng);
        self.perform(effects);
        answer
    }

    /// What TikTok wants done outside.
    pub(crate) fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Fetch { publish_id, url, .. } => {
                    let mishap = self.chance.mishap(Place::Fetch, self.now);
                    let takes = match mishap {
                        Some(Mishap::Late) => self.chance.between(60_000, 50 * 60_000),
                        _ => self.chance.between(100, 5_000),
                    };
                    self.tell_of_world(|| match mishap {
                        None => format!("TikTok downloads for {publish_id}"),
                        Some(mishap) => format!("TikTok downloads for {publish_id}  *** {mishap:?}"),
                    });
                    if mishap == Some(Mishap::Internal) {
                        self.plan(self.now + takes / 2, Next::Internal(publish_id.clone()));
                    }
                    let fails = mishap == Some(Mishap::NotFetched);
                    self.plan(self.now + takes, Next::Fetched { publish_id, url, fails });
                }
                Effect::SendWebhook { delivery, event, signature, body, .. } => {
                    let mishap = self.chance.mishap(Place::Webhook, self.now);
                    self.tell_of_world(|| match mishap {
                        None => format!("TikTok sends webhook {delivery}: {event}"),
                        Some(mishap) => format!("TikTok sends webhook {delivery}: {event}  *** {mishap:?}"),
                    });
                    let content = Arc::new((signature, body));
                    let soon = self.now + self.chance.between(20, 800);
                    match mishap {
                        Some(Mishap::Lost) => {
                            let more = self.world.webhook_answered(delivery, Some(200), self.now);
                            self.perform(more);
                        }
                        Some(Mishap::Unanswered) => self.plan(soon, Next::Unanswered(delivery)),
                        Some(Mishap::Late) => {
                            let late = soon + self.chance.between(1_000, 3 * 3_600_000);
                            self.plan(late, Next::Webhook(Some(delivery), content));
                        }
                        Some(Mishap::Doubled) => {
                            let again = soon + self.chance.between(1, 60_000);
                            self.plan(again, Next::Webhook(None, Arc::clone(&content)));
                            self.plan(soon, Next::Webhook(Some(delivery), content));
                        }
                        _ => self.plan(soon, Next::Webhook(Some(delivery), content)),
                    }
                }
            }
        }
    }
}

/// The shared core; clones are the same.
#[derive(Clone)]
pub(crate) struct Desk {
    core: Arc<Mutex<Core>>,
    table: MemoryTable,
}

/// How a call goes.
struct Course {
    mishap: Option<Mishap>,
    before: i64,
    after: i64,
    lag: i64,
}

impl Desk {
    pub(crate) fn new(core: Core, table: MemoryTable) -> Self {
        Self { core: Arc::new(Mutex::new(core)), table }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the schedule.
    pub(crate) fn into_core(self) -> Option<Core> {
        Arc::into_inner(self.core).map(|core| core.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the next call of the invocation that runs goes; `init`: the title of the post that it publishes.
    fn course(&self, place: Place, call: &str, init: Option<&str>) -> Course {
        let core = &mut *self.lock();
        let current = core.current;
        let group = core.members.get(current).and_then(|member| member.message);
        let group = group.map_or("", |message| core.messages[message].job.group());
        let mishap = init.and_then(|title| core.chance.mishap_of_init(title));
        let mishap = mishap.or_else(|| core.chance.mishap(place, core.now));
        let (mut before, mut after) = core.chance.latency(group);
        let lag = core.chance.lag(core.now);
        if place == Place::TikTok {
            let (there, back) = core.chance.sluggish(core.now, group);
            (before, after) = (before + there, after + back);
        }
        if let Some(mishap) = mishap {
            core.tell(|| format!("{call}  *** {mishap:?}"));
            if let Some(member) = core.members.get_mut(current) {
                member.facts.struck = true;
            }
            match mishap {
                Mishap::Rival => core.rival(),
                Mishap::Slow if place == Place::TikTok => {
                    before += core.chance.between(0, 14_000);
                    after += core.chance.between(0, 14_000);
                }
                Mishap::Slow => {
                    let total = core.chance.between(300, 9_000);
                    let first = core.chance.between(0, total);
                    (before, after) = (before + first, after + total - first);
                }
                _ => {}
            }
        }
        Course { mishap, before, after, lag }
    }

    /// Lets others go first for a while.
    fn wait(&self, ms: i64) -> Wait<'_> {
        Wait { desk: self, until: None, ms }
    }

    async fn crash<X>(&self) -> X {
        {
            let core = &mut *self.lock();
            let current = core.current;
            if let Some(member) = core.members.get_mut(current) {
                member.crashed = true;
            }
        }
        std::future::pending().await
    }

    /// Whatever the table was written since the last time.
    pub(crate) fn wrote(&self) {
        let changes = self.table.changes();
        if !changes.is_empty() {
            self.lock().wrote(changes);
        }
    }
}

struct Wait<'a> {
    desk: &'a Desk,
    until: Option<i64>,
    ms: i64,
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.ms == 0 {
            return Poll::Ready(());
        }
        let mut core = self.desk.lock();
        match self.until {
            Some(until) if core.now >= until => Poll::Ready(()),
            Some(_) => Poll::Pending,
            None => {
                let until = core.now + self.ms;
                let current = core.current;
                core.plan(until, Next::GoOn(current, context.waker().clone()));
                drop(core);
                self.until = Some(until);
                Poll::Pending
            }
        }
    }
}

impl Director for Desk {
    async fn play<X: Send, E: Send>(
        &self,
        call: &'static str,
        effect: impl Future<Output = Result<X, E>> + Send,
        failed: impl FnOnce(Cue) -> E + Send,
    ) -> Result<X, E> {
        let Course { mishap, before, after, lag } = self.course(Place::Port, call, None);
        self.wait(before).await;
        match mishap {
            Some(Mishap::CrashBefore) => return self.crash().await,
            Some(Mishap::FailBefore) => {
                self.wait(after).await;
                return Err(failed(Cue::FailBefore));
            }
            _ => {}
        }
        if mishap.is_none() {
            self.lock().tell(|| call.to_owned());
        }
        self.table.lag(SignedDuration::from_millis(lag));
        let answer = effect.await;
        self.wrote();
        match mishap {
            Some(Mishap::CrashAfter) => return self.crash().await,
            Some(Mishap::FailAfter) => {
                self.wait(after).await;
                return answer.and_then(|_| Err(failed(Cue::FailAfter)));
            }
            _ => {}
        }
        self.wait(after).await;
        answer
    }
}

/// Queues that lose, double and delay messages.
#[derive(Clone)]
pub(crate) struct Mail(pub(crate) Desk);

impl Queues for Mail {
    async fn send(&self, job: &Job, delay: SignedDuration) -> PortResult<()> {
        let millis = delay.as_millis().clamp(0, MAX_DELAY.as_millis());
        let seconds = i64::try_from(millis).unwrap_or_default().unsigned_abs().div_ceil(1_000);
        self.0.lock().send(job, i64::try_from(seconds).unwrap_or_default() * 1_000);
        Ok(())
    }
}

/// The clock of the worker whose invocation runs, and randomness.
#[derive(Clone)]
pub(crate) struct Time(pub(crate) Desk);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        timestamp(self.0.lock().shown())
    }
}

impl Entropy for Time {
    fn random(&self) -> [u8; 32] {
        let core = &mut *self.0.lock();
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&core.next_random().to_be_bytes());
        }
        bytes
    }
}

/// The way to TikTok.
#[derive(Clone)]
pub(crate) struct Line(pub(crate) Desk);

#[derive(Debug, thiserror::Error)]
#[error("as the schedule says: {0}")]
struct OnPurpose(&'static str);

impl Line {
    /// TikTok hears the request of the invocation that runs, and the judge with it.
    fn hear(&self, request: &tiktok_sandbox::Request, mishap: Option<Mishap>) -> Heard {
        let core = &mut *self.0.lock();
        let current = core.current;
        if let Some(member) = core.members.get_mut(current) {
            member.in_flight = None;
        }
        let answer = core.hear(request, mishap);
        let now = core.now;
        let call = core.world.log().iter().rev().find_map(|entry| match &entry.what {
            What::Call(call) => Some(call),
            _ => None,
        });
        let heard = Heard::new(answer);
        if let (Some(call), Some(member)) = (call, core.members.get_mut(current)) {
            core.judge.called(call, &heard, &mut member.facts, now);
        }
        if core.story.is_told()
            && let Some(call) = call.cloned()
        {
            core.tell(|| crate::story::call(&call, heard.answer.delivery));
        }
        heard
    }
}

impl Exchange for Line {
    async fn exchange(&self, request: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        let desk = &self.0;
        let endpoint = request.endpoint;
        let is_init = matches!(endpoint, tiktok::Endpoint::VideoInit | tiktok::Endpoint::VideoUploadInit);
        let init = if is_init { title_of(&request.body) } else { None };
        let Course { mishap, before, after, .. } =
            desk.course(Place::TikTok, endpoint.as_str(), init.as_deref());
        match mishap {
            Some(Mishap::CrashBefore) => return desk.crash().await,
            Some(Mishap::NotSent) => {
                desk.wait(before).await;
                return Err(ExchangeError::not_sent(OnPurpose("no connection")));
            }
            _ => {}
        }
        let request = as_heard(request);
        {
            let core = &mut *desk.lock();
            let (current, now, shown) = (core.current, core.now, timestamp(core.shown()));
            if let Some(member) = core.members.get_mut(current) {
                member.in_flight = Some((now + before, request.clone()));
                core.judge.sends(endpoint, &request, &mut member.facts, now, shown);
            }
        }
        if before >= TIKTOK_TIMEOUT {
            {
                let core = &mut *desk.lock();
                let (at, current) = (core.now + before, core.current);
                core.plan(at, Next::Straggler(Box::new(request)));
                if let Some(member) = core.members.get_mut(current) {
                    member.in_flight = None;
                }
            }
            desk.wait(TIKTOK_TIMEOUT).await;
            return Err(ExchangeError::maybe_sent(OnPurpose("no answer in time")));
        }
        desk.wait(before).await;
        let heard = self.hear(&request, mishap);
        if mishap == Some(Mishap::CrashAfter) {
            return desk.crash().await;
        }
        let lost = mishap == Some(Mishap::FailAfter) || before + after > TIKTOK_TIMEOUT;
        desk.wait(after.min(TIKTOK_TIMEOUT - before)).await;
        let broken = matches!(heard.answer.delivery, Delivery::Lost | Delivery::CutBody);
        if lost || broken {
            return Err(ExchangeError::maybe_sent(OnPurpose("no whole answer")));
        }
        {
            let core = &mut *desk.lock();
            let current = core.current;
            if let Some(member) = core.members.get_mut(current) {
                core.judge.answered(endpoint, &heard, &mut member.facts);
            }
        }
        let answer = heard.answer;
        Ok(tiktok::Response { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

/// The title in an init's body.
fn title_of(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(body["post_info"]["title"].as_str()?.to_owned())
}

/// The time of the schedule, for people.
pub(crate) fn since_start(now: i64) -> String {
    clock_of(now - crate::scenario::START)
}
