//! The synchronous core: everything TikTok knows, and what it does when it is called or when time passes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use http::Method;
use rand::{Rng, RngCore};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::config::{App, Config, ConfigError, DAY_MS, Outage};
use crate::crypto::{derived_id, fingerprint, hex};
use crate::faults::{Endpoint, Fault, FaultKind};
use crate::fetch::FetchRules;
use crate::log::{Call, Entry, What};
use crate::oauth::{AccessToken, Code, Grant, RefreshToken};
use crate::publish::{Post, PostState};
use crate::upload::Spool;
use crate::videos::Film;
use crate::webhooks::WebhookDelivery;
use crate::wire::{Delivery, Request, Response};

/// What the core wants done outside. The result comes back through a method of [`World`].
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Pull these bytes; answer with [`World::fetched`].
    Fetch { publish_id: String, url: String, rules: FetchRules },
    /// POST this body as `application/json`; answer with [`World::webhook_answered`].
    SendWebhook { delivery: u64, event: String, url: String, signature: String, body: String },
}

/// TikTok.
///
/// Time is always an argument, in milliseconds since 1970; it should not run backwards.
/// Timers live inside: call [`World::tick`] when [`World::next_due`] has come. Any other call ticks as well.
#[derive(Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) config: Config,
    pub(crate) grants: BTreeMap<u64, Grant>,
    pub(crate) codes: BTreeMap<String, Code>,
    pub(crate) access_tokens: BTreeMap<String, AccessToken>,
    pub(crate) refresh_tokens: BTreeMap<String, RefreshToken>,
    /// Every code and token that was ever given out, dead or alive.
    #[serde(default)]
    issued: Vec<(Issued, String)>,
    pub(crate) posts: BTreeMap<String, Post>,
    /// What came of the uploads that are under way, by `publish_id`. Gone after a restart.
    #[serde(skip)]
    pub(crate) spools: BTreeMap<String, Spool>,
    /// Accepted inits of the last 24 hours: when, which app, which account.
    pub(crate) accepted: VecDeque<(i64, String, String)>,
    /// Posts of the last 24 hours through other API clients, by account.
    pub(crate) elsewhere: BTreeMap<String, Vec<i64>>,
    /// Public videos that came by other ways than our posts, by account.
    #[serde(default)]
    pub(crate) films: BTreeMap<String, Vec<Film>>,
    /// Times of calls in the sliding window, by app, account and endpoint.
    windows: BTreeMap<String, VecDeque<i64>>,
    /// When `creator_info` was last answered with options, by app and account.
    pub(crate) creator_info_at: BTreeMap<String, i64>,
    faults: Vec<Fault>,
    agenda: BTreeSet<Due>,
    pub(crate) deliveries: BTreeMap<u64, WebhookDelivery>,
    log: Vec<Entry>,
    next_number: u64,
}

/// What TikTok gives out in confidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Issued {
    /// What the callback brings, to be exchanged once.
    Code,
    AccessToken,
    RefreshToken,
    /// In an upload URL: who has it can put bytes there.
    UploadToken,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Due {
    at_ms: i64,
    number: u64,
    task: Task,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Task {
    Fetch(String),
    PullDeadline(String),
    UploadDeadline(String),
    Cancel(String),
    /// A slow download is complete.
    Arrive(String),
    /// A draft was left lying.
    Wither(String),
    Settle(String),
    Reveal(String),
    Webhook(u64),
}

/// What a handler needs besides the world itself.
pub(crate) struct Turn<'a> {
    pub(crate) now: i64,
    pub(crate) rng: &'a mut dyn RngCore,
    pub(crate) call: &'a mut Call,
    pub(crate) effects: &'a mut Vec<Effect>,
}

/// Who calls: an access token that is good.
pub(crate) struct Caller {
    pub(crate) client_key: String,
    pub(crate) account: String,
    pub(crate) scopes: Vec<String>,
}

/// An error of the envelope kind. `why` goes to the log alone.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    message: String,
    why: String,
}

const GENERIC: &str = "Please review our integration guidelines at \
                       https://developers.tiktok.com/doc/content-sharing-guidelines/";

impl Refusal {
    /// TikTok says the same sentence whatever the cause.
    pub(crate) fn new(status: u16, code: &'static str, why: impl Into<String>) -> Self {
        Self { status, code, message: GENERIC.into(), why: why.into() }
    }

    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status: 400, code: "invalid_params", why: message.clone(), message }
    }
}

impl World {
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            config,
            grants: BTreeMap::new(),
            codes: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            refresh_tokens: BTreeMap::new(),
            issued: Vec::new(),
            posts: BTreeMap::new(),
            spools: BTreeMap::new(),
            accepted: VecDeque::new(),
            elsewhere: BTreeMap::new(),
            films: BTreeMap::new(),
            windows: BTreeMap::new(),
            creator_info_at: BTreeMap::new(),
            faults: Vec::new(),
            agenda: BTreeSet::new(),
            deliveries: BTreeMap::new(),
            log: Vec::new(),
            next_number: 1,
        })
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings in the middle of everything.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// Replaces the settings, if the developer portal takes them.
    pub fn set_config(&mut self, config: Config) -> Result<(), ConfigError> {
        config.check()?;
        self.config = config;
        Ok(())
    }

    pub fn log(&self) -> &[Entry] {
        &self.log
    }

    /// Every code and token that was ever given out, answered or lost on the way, dead or alive, in order.
    pub fn issued(&self) -> impl Iterator<Item = (Issued, &str)> {
        self.issued.iter().map(|(what, value)| (*what, value.as_str()))
    }

    pub(crate) fn note_issued(&mut self, what: Issued, value: &str) {
        self.issued.push((what, value.to_owned()));
    }

    /// Every post that was ever accepted, by `publish_id`.
    pub fn posts(&self) -> impl Iterator<Item = &Post> {
        self.posts.values()
    }

    pub fn post(&self, publish_id: &str) -> Option<&Post> {
        self.posts.get(publish_id)
    }

    /// The posts that reached `PUBLISH_COMPLETE`, oldest first.
    pub fn publications(&self) -> impl Iterator<Item = &crate::log::Publication> {
        self.log.iter().filter_map(|entry| match &entry.what {
            What::Publication(publication) => Some(&**publication),
            _ => None,
        })
    }

    /// The calls to one endpoint, oldest first.
    pub fn calls(&self, endpoint: Endpoint) -> impl Iterator<Item = (&Entry, &Call)> {
        self.log.iter().filter_map(move |entry| match &entry.what {
            What::Call(call) if call.endpoint == endpoint.name() => Some((entry, call)),
            _ => None,
        })
    }

    pub fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Counts a post this account made through another API client.
    pub fn posted_elsewhere(&mut self, account: &str, now_ms: i64) {
        self.elsewhere.entry(account.into()).or_default().push(now_ms);
    }

    pub fn open_id(&self, client_key: &str, account: &str) -> String {
        self.config
            .accounts
            .get(account)
            .and_then(|known| known.open_ids.get(client_key).cloned())
            .unwrap_or_else(|| derived_id("", &[client_key, account]))
    }

    /// When [`World::tick`] has something to do next.
    pub fn next_due(&self) -> Option<i64> {
        self.agenda.first().map(|due| due.at_ms)
    }

    /// Does what has become due, in the order in which it became due.
    pub fn tick(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut effects = Vec::new();
        while self.agenda.first().is_some_and(|due| due.at_ms <= now_ms)
            && let Some(due) = self.agenda.pop_first()
        {
            // A tick that comes late still happens at the time it was due.
            let at = due.at_ms;
            match due.task {
                Task::Fetch(publish_id) => self.start_fetch(&publish_id, at, &mut effects),
                Task::PullDeadline(publish_id) => self.pull_deadline(&publish_id, at, &mut effects),
                Task::UploadDeadline(publish_id) => self.upload_deadline(&publish_id, at, &mut effects),
                Task::Cancel(publish_id) => self.cancelled(&publish_id, at, &mut effects),
                Task::Arrive(publish_id) => self.arrive(&publish_id, at, &mut effects),
                Task::Wither(publish_id) => self.wither(&publish_id),
                Task::Settle(publish_id) => self.settle(&publish_id, at, &mut effects),
                Task::Reveal(publish_id) => self.reveal(&publish_id, at, &mut effects),
                Task::Webhook(delivery) => self.send_webhook(delivery, at, &mut effects),
            }
        }
        effects
    }

    /// What a server that was stopped has to take up again: downloads that were under way.
    pub fn resume(&mut self, now_ms: i64) -> Vec<Effect> {
        let mut effects = self.tick(now_ms);
        let open: Vec<_> = self
            .posts
            .values()
            .filter(|post| post.state == PostState::Downloading && post.fetch_started)
            .filter(|post| post.pull.is_none())
            .map(|post| post.publish_id.clone())
            .collect();
        for publish_id in open {
            self.start_fetch(&publish_id, now_ms, &mut effects);
        }
        effects
    }

    pub(crate) fn schedule(&mut self, at_ms: i64, task: Task) {
        let number = self.number();
        self.agenda.insert(Due { at_ms, number, task });
    }

    pub(crate) fn unschedule(&mut self, task: &Task) {
        self.agenda.retain(|due| due.task != *task);
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    pub(crate) fn write_log(&mut self, at_ms: i64, what: What) {
        let seq = self.log.len() as u64 + 1;
        self.log.push(Entry { seq, at_ms, what });
    }

    /// Answers one request.
    pub fn handle(&mut self, request: &Request, now_ms: i64, rng: &mut impl Rng) -> (Response, Vec<Effect>) {
        let rng: &mut dyn RngCore = rng;
        let mut effects = self.tick(now_ms);
        let mut call =
            Call { method: request.method.to_string(), request: seen_request(request), ..Call::default() };
        let Some(endpoint) = Endpoint::from_path(&request.path) else {
            call.endpoint.clone_from(&request.path);
            let response = not_imitated(&mut call, &request.path);
            self.write_log(now_ms, What::Call(call));
            return (response, effects);
        };
        endpoint.name().clone_into(&mut call.endpoint);

        let fault = self.strike(endpoint, request);
        call.fault = fault.as_ref().map(|fault| fault.name().into());
        let mut response = match &fault {
            Some(FaultKind::Answer { status, body }) => {
                "injected".clone_into(&mut call.code);
                replaced(*status, body)
            }
            Some(FaultKind::LostBefore) => Response::new(500, "text/plain", ""),
            _ => {
                let mut turn = Turn { now: now_ms, rng, call: &mut call, effects: &mut effects };
                self.dispatch(endpoint, request, &mut turn)
            }
        };
        match &fault {
            Some(FaultKind::LostBefore | FaultKind::AnswerLost) => response.delivery = Delivery::Lost,
            Some(FaultKind::Delayed { ms }) => response.delivery = Delivery::After { ms: *ms },
            Some(FaultKind::CutBody) => response.delivery = Delivery::CutBody,
            Some(FaultKind::Garbage) => {
                response = Response::new(200, "application/json", "<html>upstream hiccup</html>");
            }
            Some(FaultKind::AnswerReplaced { status, body }) => response = replaced(*status, body),
            Some(FaultKind::Answer { .. }) | None => {}
        }
        call.status = response.status.as_u16();
        call.answered = matches!(response.delivery, Delivery::Arrives | Delivery::After { .. });
        self.write_log(now_ms, What::Call(call));
        (response, effects)
    }

    fn dispatch(&mut self, endpoint: Endpoint, request: &Request, turn: &mut Turn<'_>) -> Response {
        let method_fits = match endpoint {
            Endpoint::Authorize => request.method == Method::GET || request.method == Method::POST,
            Endpoint::UserInfo => request.method == Method::GET,
            Endpoint::Upload => request.method == Method::PUT,
            _ => request.method == Method::POST,
        };
        if !method_fits {
            turn.call.why = Some("the method is wrong".into());
            return Response::new(405, "text/plain", "method not allowed");
        }
        let result = match endpoint {
            Endpoint::Authorize => return self.authorize(request, turn),
            Endpoint::Token => return self.token(request, turn),
            Endpoint::Revoke => return self.revoke(request, turn),
            Endpoint::Upload => return self.upload(request, turn),
            _ if self.config.outage == Outage::Api => {
                Err(Refusal::new(500, "internal_error", "an outage of the API"))
            }
            Endpoint::UserInfo => self.user_info(request, turn),
            Endpoint::CreatorInfo => self.creator_info(request, turn),
            Endpoint::VideoInit => self.video_init(request, turn),
            Endpoint::InboxInit => self.inbox_init(request, turn),
            Endpoint::ContentInit => self.content_init(request, turn),
            Endpoint::StatusFetch => self.status_fetch(request, turn),
            Endpoint::Cancel => self.cancel(request, turn),
            Endpoint::VideoList => self.video_list(request, turn),
        };
        let result = result.map_err(|refusal| match refusal.code {
            "invalid_params" if self.config.singular_invalid_param => {
                Refusal { code: "invalid_param", ..refusal }
            }
            _ => refusal,
        });
        envelope(result, turn)
    }

    /// The grant behind the bearer token, within the endpoint's rate and with one of the scopes.
    pub(crate) fn admit(
        &mut self,
        endpoint: Endpoint,
        request: &Request,
        any_of: &[&str],
        turn: &mut Turn<'_>,
    ) -> Result<Caller, Refusal> {
        let caller = self.authenticate(request, turn)?;
        self.spend(endpoint, &caller, turn.now)?;
        if any_of.is_empty() || caller.scopes.iter().any(|scope| any_of.contains(&scope.as_str())) {
            return Ok(caller);
        }
        Err(Refusal::new(401, "scope_not_authorized", format!("the user granted none of {any_of:?}")))
    }

    /// The window slides, and belongs to app and account: a new token of the same user does not empty it.
    fn spend(&mut self, endpoint: Endpoint, caller: &Caller, now: i64) -> Result<(), Refusal> {
        let limits = &self.config.limits;
        let limit = match endpoint {
            Endpoint::CreatorInfo => limits.creator_info,
            Endpoint::VideoInit => limits.video_init,
            Endpoint::InboxInit => limits.inbox_init,
            Endpoint::ContentInit => limits.content_init,
            Endpoint::StatusFetch => limits.status_fetch,
            Endpoint::UserInfo => limits.user_info,
            Endpoint::VideoList => limits.video_list,
            Endpoint::Authorize
            | Endpoint::Token
            | Endpoint::Revoke
            | Endpoint::Cancel
            | Endpoint::Upload => return Ok(()),
        };
        let from = now - limits.window_ms;
        let is_init = matches!(endpoint, Endpoint::VideoInit | Endpoint::InboxInit | Endpoint::ContentInit);
        let bucket = if is_init && limits.inits_share { "init" } else { endpoint.name() };
        let key = format!("{}|{}|{bucket}", caller.client_key, caller.account);
        let window = self.windows.entry(key).or_default();
        while window.front().is_some_and(|at| *at <= from) {
            window.pop_front();
        }
        if window.len() >= limit {
            let why = format!("{limit} calls in the window already");
            return Err(Refusal::new(429, "rate_limit_exceeded", why));
        }
        window.push_back(now);
        Ok(())
    }

    pub(crate) fn app(&self, client_key: &str) -> Result<&App, Refusal> {
        let unknown = || Refusal::new(401, "access_token_invalid", "the app is gone");
        self.config.apps.get(client_key).ok_or_else(unknown)
    }

    /// Posts of this account in the last 24 hours, through anybody; drafts count alike.
    pub(crate) fn posts_in_a_day(&self, account: &str, now: i64) -> usize {
        let from = now - DAY_MS;
        let ours = self.accepted.iter().filter(|(at, _, who)| *at > from && who == account).count();
        let theirs = self.elsewhere.get(account).map_or(0, |all| all.iter().filter(|at| **at > from).count());
        let is_recent = |post: &&Post| post.draft && post.account == account && post.init_at_ms > from;
        ours + theirs + self.posts.values().filter(is_recent).count()
    }

    /// Whether one more creator would exceed what the app may serve in 24 hours.
    pub(crate) fn active_user_cap_reached(&self, client_key: &str, account: &str, now: i64) -> bool {
        let Some(app) = self.config.apps.get(client_key) else { return true };
        let cap =
            if app.audited { app.active_user_cap } else { self.config.limits.unaudited_posting_creators };
        if !app.audited && self.config.limits.unaudited_cap_counts_consents {
            let ours = self.grants.values().filter(|grant| !grant.revoked && grant.client_key == client_key);
            let mut first: Vec<&str> = Vec::new();
            for grant in ours {
                if !first.contains(&grant.account.as_str()) {
                    first.push(&grant.account);
                }
            }
            return !first.iter().take(cap as usize).any(|who| *who == account);
        }
        let mut active: Vec<&str> = self
            .accepted
            .iter()
            .filter(|(at, key, _)| *at > now - DAY_MS && key == client_key)
            .map(|(_, _, who)| who.as_str())
            .collect();
        active.sort_unstable();
        active.dedup();
        !active.contains(&account) && active.len() >= cap as usize
    }

    fn strike(&mut self, endpoint: Endpoint, request: &Request) -> Option<FaultKind> {
        let account = self.account_of(request);
        let index = self.faults.iter_mut().position(|fault| {
            let fits = fault.endpoint == endpoint
                && fault.count > 0
                && (fault.account.is_none() || fault.account == account);
            if fits && fault.skip > 0 {
                fault.skip -= 1;
                return false;
            }
            fits
        })?;
        let fault = &mut self.faults[index];
        fault.count -= 1;
        let kind = fault.kind.clone();
        self.faults.retain(|fault| fault.count > 0);
        Some(kind)
    }

    fn account_of(&self, request: &Request) -> Option<String> {
        if request.method == Method::PUT {
            return self.uploading(request).map(|post| post.account.clone());
        }
        let grant = if let Some(token) = bearer(request) {
            self.access_tokens.get(&token)?.grant
        } else {
            let form = request.form_pairs();
            let field = |name| form.iter().find(|(key, _)| key == name).map(|(_, value)| value);
            match (field("refresh_token"), field("code")) {
                (Some(token), _) => self.refresh_tokens.get(token)?.grant,
                (None, Some(code)) => return Some(self.codes.get(code)?.account.clone()),
                (None, None) => return None,
            }
        };
        Some(self.grants.get(&grant)?.account.clone())
    }

    /// A picture of the world for people, without secrets.
    pub fn summary(&self) -> Value {
        let accounts: Vec<_> = self
            .config
            .accounts
            .iter()
            .map(|(handle, account)| {
                let grants: Vec<_> = self
                    .grants
                    .values()
                    .filter(|grant| grant.account == *handle && !grant.revoked)
                    .map(|grant| json!({ "client_key": grant.client_key, "scopes": grant.scopes }))
                    .collect();
                json!({
                    "handle": handle,
                    "nickname": account.nickname,
                    "private": account.private,
                    "banned": account.banned,
                    "grants": grants,
                })
            })
            .collect();
        let posts: Vec<_> = self.posts.values().map(Post::summary).collect();
        json!({
            "accounts": accounts,
            "posts": posts,
            "faults": self.faults,
            "log_length": self.log.len(),
            "next_due_ms": self.next_due(),
            "webhooks_under_way": self.deliveries.len(),
        })
    }
}

fn envelope(result: Result<Value, Refusal>, turn: &mut Turn<'_>) -> Response {
    let mut id = [0; 12];
    turn.rng.fill_bytes(&mut id);
    let log_id = hex(&id).to_uppercase();
    match result {
        Ok(data) => {
            "ok".clone_into(&mut turn.call.code);
            let error = json!({ "code": "ok", "message": "", "log_id": log_id });
            // `cancel` answers with `error` alone.
            let body = if data.is_null() {
                json!({ "error": error })
            } else {
                json!({ "data": data, "error": error })
            };
            Response::json(200, &body)
        }
        Err(refusal) => {
            refusal.code.clone_into(&mut turn.call.code);
            turn.call.why = Some(refusal.why);
            let error = json!({ "code": refusal.code, "message": refusal.message, "log_id": log_id });
            Response::json(refusal.status, &json!({ "data": {}, "error": error }))
        }
    }
}

fn not_imitated(call: &mut Call, path: &str) -> Response {
    call.status = 404;
    call.answered = true;
    call.why = Some("no such path, or not imitated yet (see FACTS.md)".into());
    if path.starts_with("/v2/") {
        call.status = 501;
        return Response::new(
            501,
            "text/plain",
            "this sandbox does not imitate this call yet, see FACTS.md\n",
        );
    }
    Response::new(404, "text/plain", "no such path\n")
}

fn replaced(status: u16, body: &Value) -> Response {
    match body {
        Value::Null => Response::new(status, "text/plain", ""),
        Value::String(text) => Response::new(status, "text/plain", text.clone()),
        other => Response::json(status, other),
    }
}

pub(crate) fn bearer(request: &Request) -> Option<String> {
    request.header_str(http::header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned)
}

/// The request as the log keeps it: no secrets, no query of a pulled URL.
fn seen_request(request: &Request) -> Value {
    const SECRET: [&str; 6] = ["client_secret", "code", "refresh_token", "token", "code_verifier", "state"];
    let pairs = |pairs: Vec<(String, String)>| {
        let seen = pairs.into_iter().map(|(key, value)| {
            let secret = SECRET.contains(&key.as_str());
            (key, Value::from(if secret { "[redacted]".to_owned() } else { value }))
        });
        Value::Object(seen.collect())
    };
    if request.method == Method::PUT {
        return crate::upload::seen(request);
    }
    if request.method == Method::GET {
        return pairs(request.query_pairs());
    }
    if request.content_type() == "application/x-www-form-urlencoded" {
        return pairs(request.form_pairs());
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else {
        return Value::Null;
    };
    if let Some(url) = body.pointer_mut("/source_info/video_url") {
        redact_query(url);
    }
    if let Some(urls) = body.pointer_mut("/source_info/photo_images").and_then(Value::as_array_mut) {
        urls.iter_mut().for_each(redact_query);
    }
    body
}

fn redact_query(url: &mut Value) {
    if let Some(text) = url.as_str()
        && let Ok(mut parsed) = Url::parse(text)
        && parsed.query().is_some()
    {
        parsed.set_query(Some("redacted"));
        *url = Value::from(parsed.to_string());
    }
}

impl Call {
    pub(crate) fn mark_token(&mut self, token: &str) {
        self.token = Some(fingerprint(token));
    }
}
