//! Judges a schedule by what TikTok saw and by every write of the table; never by what our rows say of themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::account::{AccountStatus, TokenField};
use domain::content::ContentHash;
use domain::post::{HoldReason, PostState};
use domain::{Account, AccountId, Media, Nonce, Periods, Post, SignedDuration, Timestamp};
use ports::fakes::{Change, MemoryVault, Versions};
use ports::{Stored, Vault as _};
use rehearsal::done;
use serde_json::Value;
use tiktok_sandbox::{Call, Delivery, Endpoint, What, World};

use crate::scenario::{Planned, START, Scenario, Strictness, Stroke};

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// TikTok accepted two attempts at one post, and both could be published.
    Duplicate,
    /// A post was forgotten, or its row says what is not so.
    Lost,
    /// Another attempt although the one before is not proven dead, or an attempt without a claim.
    I1,
    /// A row that the system must move does not wake up in time.
    I2,
    /// Something else was posted than was asked for, or a privacy level that was not offered just before.
    I3,
    /// Tokens of another account.
    I4,
    /// More calls in a minute than TikTok allows.
    I5,
    /// The token endpoint was called without the lease, tokens were used before they were stored, or an epoch went back.
    I6,
    /// A post left its end without TikTok's word.
    I7,
    /// What a row is made of changed.
    Identity,
    /// A post ended badly although nothing went wrong.
    Needless,
    /// An init before the time that somebody chose, by the clock of whoever sent it.
    Early,
    /// The functions go round and round.
    Endless,
}

impl Rule {
    /// How reports and patches call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Lost => "lost",
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
            Self::Identity => "identity",
            Self::Needless => "needless",
            Self::Early => "early",
            Self::Endless => "endless",
        }
    }

    fn counts(self, strictness: Strictness) -> bool {
        match (strictness, self) {
            (Strictness::All, _)
            | (
                Strictness::WhateverClocksShow,
                Self::Duplicate
                | Self::Lost
                | Self::I1
                | Self::I3
                | Self::I4
                | Self::I7
                | Self::Identity
                | Self::Early
                | Self::Endless,
            ) => true,
            (Strictness::WhateverClocksShow, Self::I2 | Self::I5 | Self::I6 | Self::Needless) => false,
        }
    }
}

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// How.
    pub how: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.rule.name(), crate::desk::since_start(self.at), self.how)
    }
}

/// What is known of one invocation.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// When it began.
    began_at: i64,
    /// Something went wrong in it.
    pub(crate) struck: bool,
    /// When it asked for `creator_info`, by its own clock.
    asked_at: Option<i64>,
    /// When it asked for what TikTok offered it, and that.
    offered: Option<(i64, Vec<String>)>,
    /// The post it has claimed, with which nonce and when by its own clock.
    claimed: Option<(usize, Nonce, i64)>,
    /// The lease it has taken.
    lease: Option<Nonce>,
    /// The attempt it makes: the post and the number.
    attempt: Option<(usize, usize)>,
    /// The publish id it asks about.
    asks_about: Option<String>,
}

impl Facts {
    pub(crate) fn since(began_at: i64) -> Self {
        Self { began_at, ..Self::default() }
    }
}

/// An answer of TikTok's as the judge reads it.
pub(crate) struct Heard {
    pub(crate) answer: tiktok_sandbox::Response,
    json: Value,
}

impl Heard {
    pub(crate) fn new(answer: tiktok_sandbox::Response) -> Self {
        let json = answer.body_json();
        Self { answer, json }
    }

    fn code(&self) -> Option<&str> {
        self.json.get("error")?.get("code")?.as_str()
    }

    fn is_ok(&self) -> bool {
        self.answer.status.is_success() && self.code() == Some("ok")
    }
}

/// What is known of an attempt at a post.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Attempt {
    /// Nobody here knows what became of it. TikTok may have given it this id.
    InDoubt(Option<String>),
    /// TikTok has said its id.
    Alive(String),
    /// TikTok has said that it is not, or failed.
    Dead,
}

/// Judges a schedule.
pub(crate) struct Judge {
    strictness: Strictness,
    posts: Vec<Planned>,
    handles: Vec<String>,
    attempts: Vec<Vec<Attempt>>,
    /// The invocation that claimed last, by post.
    claimers: Vec<Option<usize>>,
    rows: Vec<Option<std::sync::Arc<Stored<Post>>>>,
    accounts: BTreeMap<String, std::sync::Arc<Account>>,
    /// Access tokens that TikTok has given out, and for which user.
    issued: BTreeMap<String, String>,
    /// Access tokens that the table has held.
    stored: BTreeSet<String>,
    vault: MemoryVault,
    periods: Periods,
    /// Whether the scenario gives a post no reason to fail.
    kind: bool,
    /// Attempts that TikTok had accepted and never asked for, when their copies were taken away.
    cut_off: BTreeSet<String>,
    /// Posts that somebody cancels.
    unwanted: BTreeSet<usize>,
    /// Since when an account's row is another creator's, by account.
    taken_over: BTreeMap<AccountId, i64>,
    /// The states each post has been in, and since when, if somebody wants to know.
    pub(crate) paths: Option<Vec<Vec<(i64, &'static str)>>>,
    pub(crate) breaches: Vec<Breach>,
}

/// The longest a row may sleep beyond its task.
const WATCHDOG: SignedDuration = SignedDuration::from_mins(5);
/// A privacy level that was offered is good for so long.
const OFFER: i64 = 60_000;

/// The caption of a post.
pub(crate) fn title(number: usize) -> String {
    format!("post {number}")
}

/// The hash that stands for the content of a post.
pub(crate) fn hash_of(number: usize) -> ContentHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&(number as u64).to_be_bytes());
    ContentHash(hash)
}

/// Which post it is, by what stands for its content.
pub(crate) fn number_of_post(post: &Post) -> usize {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&post.content.0[..8]);
    usize::try_from(u64::from_be_bytes(bytes)).unwrap_or(usize::MAX)
}

fn number_of(title: &str) -> Option<usize> {
    title.strip_prefix("post ")?.parse().ok()
}

/// What somebody has to do about a post.
enum Stand {
    /// The system has to move it.
    Moving,
    /// A person has to.
    ForAPerson,
    /// Nobody has to.
    Over,
}

fn stand(post: &Post) -> Stand {
    match &post.state {
        PostState::AwaitingMedia { .. }
        | PostState::Scheduled { .. }
        | PostState::Queued { .. }
        | PostState::Held { until: Some(_), .. }
        | PostState::Initiating { .. }
        | PostState::Cancelling { .. }
        | PostState::Uploading { .. }
        | PostState::Processing { .. } => Stand::Moving,
        // until everything was looked at and the workspace was told
        PostState::Unconfirmed { doubt, .. } if doubt.reminders == 0 => Stand::Moving,
        PostState::Draft | PostState::Held { until: None, .. } | PostState::Unconfirmed { .. } => {
            Stand::ForAPerson
        }
        PostState::Published { .. }
        | PostState::Failed { .. }
        | PostState::Cancelled { .. }
        | PostState::SentToInbox { .. } => Stand::Over,
    }
}

/// Whether the system has nothing to do for this post any more, a post id to be looked for included.
pub(crate) fn is_at_rest(post: &Post) -> bool {
    match stand(post) {
        Stand::Moving => false,
        Stand::ForAPerson => true,
        Stand::Over => post.due.is_none(),
    }
}

impl Judge {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let kind = scenario.strokes.iter().all(|(_, stroke)| match stroke {
            Stroke::Submit(_) | Stroke::Upload(_) | Stroke::Cancel(_) | Stroke::AccessEnds(_) => true,
            Stroke::Private(..)
            | Stroke::PostsElsewhere(_)
            | Stroke::Revoked(_)
            | Stroke::Confused(_)
            | Stroke::TakenOver(_)
            | Stroke::Outage(_) => false,
        });
        let count = scenario.posts.len();
        Self {
            strictness: scenario.strictness,
            posts: scenario.posts.clone(),
            handles: scenario.creators.iter().map(|creator| creator.handle.clone()).collect(),
            attempts: vec![Vec::new(); count],
            claimers: vec![None; count],
            rows: vec![None; count],
            accounts: BTreeMap::new(),
            issued: BTreeMap::new(),
            stored: BTreeSet::new(),
            vault: MemoryVault::new(),
            periods: Periods::default(),
            kind,
            cut_off: BTreeSet::new(),
            unwanted: scenario
                .strokes
                .iter()
                .filter_map(|(_, stroke)| match stroke {
                    Stroke::Cancel(number) => Some(*number),
                    _ => None,
                })
                .collect(),
            taken_over: BTreeMap::new(),
            paths: None,
            breaches: Vec::new(),
        }
    }

    /// From now on it is kept which states each post is in.
    pub(crate) fn keep_paths(&mut self) {
        self.paths = Some(vec![Vec::new(); self.posts.len()]);
    }

    pub(crate) fn breach(&mut self, rule: Rule, at: i64, how: impl FnOnce() -> String) {
        if rule.counts(self.strictness) {
            self.breaches.push(Breach { rule, at, how: how() });
        }
    }

    /// Tokens that an answer of TikTok's brings.
    pub(crate) fn issues(&mut self, answer: &Value) {
        if let (Some(token), Some(open_id)) = (answer["access_token"].as_str(), answer["open_id"].as_str()) {
            self.issued.insert(token.to_owned(), open_id.to_owned());
        }
    }

    /// The table was written.
    pub(crate) fn wrote(
        &mut self,
        change: &Change,
        facts: Option<&mut Facts>,
        member: usize,
        now: i64,
        shown: Timestamp,
    ) {
        match change {
            Change::Post(post) => self.wrote_post(post, facts, member, now, shown),
            Change::Media(media) => self.wrote_media(media, now, shown),
            Change::Account(account) => self.wrote_account(account, facts, now),
        }
    }

    fn wrote_post(
        &mut self,
        Versions { before, after }: &Versions<Stored<Post>>,
        facts: Option<&mut Facts>,
        member: usize,
        now: i64,
        shown: Timestamp,
    ) {
        let post = &after.row;
        let number = number_of_post(post);
        if let Some(next) = post.next_task(shown, &self.periods) {
            let latest = next.at.max(shown) + WATCHDOG;
            if post.due.is_none_or(|due| due > latest) {
                self.breach(Rule::I2, now, || {
                    let due = post.due.map_or("never".to_owned(), |due| due.to_string());
                    format!(
                        "{}, `{}`, wakes up {due}, its task is at {}",
                        title(number),
                        post.state.name(),
                        next.at
                    )
                });
            }
        }
        if let PostState::Initiating { attempt, .. } = &post.state {
            let had = before.as_ref().and_then(|before| match &before.row.state {
                PostState::Initiating { attempt, .. } => Some(attempt.nonce),
                _ => None,
            });
            if had != Some(attempt.nonce)
                && let Some(facts) = facts
            {
                facts.claimed = Some((number, attempt.nonce, shown.as_millisecond()));
                self.claimers[number] = Some(member);
            }
        }
        if let Some(before) = before {
            self.compare(number, &before.row, post, now);
            self.fenced(number, &before.row, post, now);
        }
        if let Some(paths) = &mut self.paths {
            let (path, name) = (&mut paths[number], post.state.name());
            if path.last().is_none_or(|(_, last)| *last != name) {
                path.push((now, name));
            }
        }
        self.rows[number] = Some(std::sync::Arc::clone(after));
    }

    fn compare(&mut self, number: usize, before: &Post, after: &Post, now: i64) {
        let same = before.id == after.id
            && before.workspace == after.workspace
            && before.creator == after.creator
            && before.account == after.account
            && before.content == after.content
            && before.media == after.media
            && before.privacy_level == after.privacy_level
            && before.publish_at == after.publish_at
            && before.retry_of == after.retry_of
            && before.created_at == after.created_at;
        if !same {
            self.breach(Rule::Identity, now, || format!("what {} is made of changed", title(number)));
        }
        let fine = match &before.state {
            PostState::Published { publish_id: had, post_ids: ids, .. } => matches!(
                &after.state,
                PostState::Published { publish_id, post_ids, .. }
                    if publish_id == had && ids.iter().all(|id| post_ids.contains(id))
            ),
            PostState::Failed { .. } | PostState::Cancelled { .. } | PostState::SentToInbox { .. } => {
                let had = before.state.publish_id();
                let proven = had.is_some() && had == after.state.publish_id();
                before.state == after.state || (proven && matches!(after.state, PostState::Published { .. }))
            }
            PostState::Draft
            | PostState::AwaitingMedia { .. }
            | PostState::Scheduled { .. }
            | PostState::Queued { .. }
            | PostState::Held { .. }
            | PostState::Initiating { .. }
            | PostState::Uploading { .. }
            | PostState::Processing { .. }
            | PostState::Cancelling { .. }
            | PostState::Unconfirmed { .. } => true,
        };
        if !fine {
            let (from, to) = (before.state.name(), after.state.name());
            self.breach(Rule::I7, now, || format!("{} went from `{from}` to `{to}`", title(number)));
        }
    }

    /// An attempt in doubt that was given up because nobody had asked for its copy: TikTok cannot have it, if the copy is gone
    /// and was not asked for.
    fn fenced(&mut self, number: usize, before: &Post, after: &Post, now: i64) {
        let Some((attempt, doubt)) = before.state.lost() else { return };
        let given_up = after.state.lost().is_none() && after.state.publish_id().is_none();
        let found = matches!(after.state, PostState::Published { .. });
        if !given_up || found {
            return;
        }
        if doubt.fenced_at.is_none() {
            let nonce = attempt.nonce;
            // the claimer itself may say so, with TikTok's answer in its hands
            if self.attempts[number].last().is_some_and(|last| *last != Attempt::Dead) {
                self.breach(Rule::I1, now, || {
                    format!("{}: {nonce} was given up without proof", title(number))
                });
            }
            return;
        }
        if let Some(last) = self.attempts[number].last_mut() {
            if let Attempt::InDoubt(Some(id)) | Attempt::Alive(id) = last {
                self.cut_off.insert(id.clone());
            }
            *last = Attempt::Dead;
        }
    }

    fn wrote_media(&mut self, Versions { after, .. }: &Versions<Stored<Media>>, now: i64, shown: Timestamp) {
        let media = &after.row;
        if let Some(next) = media.next_task(shown)
            && media.due.is_none_or(|due| due > next.max(shown) + WATCHDOG)
        {
            self.breach(Rule::I2, now, || format!("media {} does not wake up in time", media.id));
        }
    }

    fn wrote_account(
        &mut self,
        Versions { before, after }: &Versions<Account>,
        facts: Option<&mut Facts>,
        now: i64,
    ) {
        let account = &**after;
        let (was, is) = (before.as_ref().map(|before| before.epoch), account.epoch);
        if was.is_some_and(|was| is < was) || account.tokens.as_ref().is_some_and(|tokens| tokens.epoch != is)
        {
            self.breach(Rule::I6, now, || format!("the epoch of {} went from {was:?} to {is}", account.id));
        }
        let is_connected = account.status == AccountStatus::Connected && account.tokens.is_some();
        if is_connected && account.due.is_none() {
            self.breach(Rule::I2, now, || format!("account {} does not wake up", account.id));
        }
        if before.as_ref().is_some_and(|before| before.creator != account.creator) {
            self.taken_over.insert(account.id.clone(), now);
        }
        if let (Some(facts), Some(lease)) = (facts, &account.lease) {
            let had = before.as_ref().and_then(|before| before.lease.as_ref());
            if had.is_none_or(|had| had.nonce != lease.nonce) {
                facts.lease = Some(lease.nonce);
            }
        }
        if (was != Some(is) || before.is_none())
            && let Some(tokens) = &account.tokens
        {
            let binding = account.binding(TokenField::Access, tokens.epoch);
            match done(self.vault.open(&tokens.access, &binding)) {
                Ok(access) => {
                    let owner = self.issued.get(access.expose());
                    if owner.is_some_and(|owner| *owner != account.open_id) {
                        self.breach(Rule::I4, now, || {
                            format!("{} holds tokens of somebody else", account.id)
                        });
                    }
                    self.stored.insert(access.expose().to_owned());
                }
                Err(_) => {
                    self.breach(Rule::I6, now, || format!("the tokens of {} do not open", account.id));
                }
            }
        }
        self.accounts.insert(account.open_id.clone(), std::sync::Arc::clone(after));
    }

    /// A request leaves an invocation.
    pub(crate) fn sends(
        &mut self,
        endpoint: tiktok::Endpoint,
        request: &tiktok_sandbox::Request,
        facts: &mut Facts,
        now: i64,
        shown: Timestamp,
    ) {
        if let Some(value) = request.headers.get(http::header::AUTHORIZATION)
            && let Some(token) = value.to_str().ok().and_then(|value| value.strip_prefix("Bearer "))
            && !self.stored.contains(token)
        {
            self.breach(Rule::I6, now, || format!("`{endpoint}` uses a token that was never stored"));
        }
        match endpoint {
            tiktok::Endpoint::CreatorInfo => facts.asked_at = Some(shown.as_millisecond()),
            tiktok::Endpoint::VideoInit
            | tiktok::Endpoint::DraftInit
            | tiktok::Endpoint::PhotoInit
            | tiktok::Endpoint::VideoUploadInit
            | tiktok::Endpoint::DraftUploadInit => self.sends_init(request, facts, now, shown),
            tiktok::Endpoint::Refresh => {
                let holds = |account: &Account| {
                    account.lease.as_ref().is_some_and(|lease| {
                        Some(lease.nonce) == facts.lease
                            && lease.until + SignedDuration::from_secs(2) >= shown
                    })
                };
                if !self.accounts.values().any(|account| holds(account)) {
                    self.breach(Rule::I6, now, || "a refresh without the lease".to_owned());
                }
            }
            tiktok::Endpoint::ExchangeCode
            | tiktok::Endpoint::Revoke
            | tiktok::Endpoint::UserInfo
            | tiktok::Endpoint::StatusFetch
            | tiktok::Endpoint::Cancel
            | tiktok::Endpoint::VideoList
            | tiktok::Endpoint::UploadChunk => {}
        }
    }

    fn sends_init(
        &mut self,
        request: &tiktok_sandbox::Request,
        facts: &mut Facts,
        now: i64,
        shown: Timestamp,
    ) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let info = &body["post_info"];
        let Some(number) = info["title"].as_str().and_then(number_of).filter(|it| *it < self.posts.len())
        else {
            return self.breach(Rule::I3, now, || format!("an init that nobody asked for: {info}"));
        };
        let name = title(number);
        if let Some(open) = self.attempts[number].iter().find(|attempt| **attempt != Attempt::Dead) {
            let how = format!("another init of {name} while one is {open:?}");
            self.breach(Rule::I1, now, || how);
        }
        // an upload names no copy, and nothing exists before its first byte: what comes of it TikTok's log tells
        let url = body["source_info"]["video_url"].as_str();
        let is_its_own = |nonce: &Nonce| url.is_none_or(|url| url.contains(&nonce.to_string()));
        let claim = facts.claimed.filter(|(of, nonce, _)| *of == number && is_its_own(nonce));
        if claim.is_none() {
            self.breach(Rule::I1, now, || {
                format!("an init of {name} that was not claimed, or with another's copy")
            });
        }
        let account = self.rows[number].as_ref().map(|row| &row.row.account);
        let taken_over = account.and_then(|account| self.taken_over.get(account));
        // whoever had the tokens in hand by then could not know
        if taken_over.is_some_and(|at| *at < facts.began_at) {
            self.breach(Rule::I4, now, || {
                format!("{name} is sent with the tokens of another workspace's creator")
            });
        }
        let planned = &self.posts[number];
        let publish_at = planned.publish_after_ms.map(|after| START + after);
        if publish_at.is_some_and(|at| shown.as_millisecond() < at) {
            self.breach(Rule::Early, now, || format!("an init of {name} before its time"));
        }
        let planned = &self.posts[number];
        let asked = [
            ("privacy_level", Value::from(planned.privacy.as_str())),
            ("disable_comment", Value::from(!planned.allow.comment)),
            ("disable_duet", Value::from(!planned.allow.duet)),
            ("disable_stitch", Value::from(!planned.allow.stitch)),
            ("brand_organic_toggle", Value::from(planned.disclosure.your_brand)),
            ("brand_content_toggle", Value::from(planned.disclosure.branded_content)),
        ];
        for (field, value) in asked {
            if info[field] != value {
                let how = format!("{name}: `{field}` is sent as {}, asked for was {value}", info[field]);
                self.breach(Rule::I3, now, || how);
            }
        }
        if info["is_aigc"].as_bool().unwrap_or_default() != self.posts[number].ai_generated {
            self.breach(Rule::I3, now, || format!("{name}: `is_aigc` is not what was asked for"));
        }
        let privacy = self.posts[number].privacy.as_str();
        let offered = facts.offered.as_ref().is_some_and(|(_, levels)| levels.iter().any(|it| it == privacy));
        let fresh = match (&facts.offered, claim) {
            (Some((asked_at, _)), Some((_, _, claimed_at))) => claimed_at - asked_at <= OFFER,
            _ => false,
        };
        if !(offered && fresh) {
            self.breach(Rule::I3, now, || {
                format!("{name}: {privacy} was not offered to this invocation just before")
            });
        }
        if url.is_some() {
            self.attempts[number].push(Attempt::InDoubt(None));
            facts.attempt = Some((number, self.attempts[number].len() - 1));
        }
    }

    /// TikTok has heard a request.
    pub(crate) fn called(&mut self, call: &Call, heard: &Heard, facts: &mut Facts, now: i64) {
        self.issues(&heard.json);
        facts.asks_about.clone_from(&call.publish_id);
        if call.endpoint != Endpoint::VideoInit.name() {
            return;
        }
        let title_of = || number_of(call.request.pointer("/post_info/title")?.as_str()?);
        let Some(number) = title_of().filter(|number| *number < self.posts.len()) else { return };
        if let Some((number, attempt)) = facts.attempt
            && let Attempt::InDoubt(id) = &mut self.attempts[number][attempt]
        {
            id.clone_from(&call.publish_id);
        }
        let creator = &self.handles[self.posts[number].creator];
        if call.account.as_ref().is_some_and(|account| account != creator) {
            let how = format!("{} went to {:?}", title(number), call.account);
            self.breach(Rule::I4, now, || how);
        }
    }

    /// A request reached TikTok after its sender had gone.
    pub(crate) fn straggles(&mut self, request: &tiktok_sandbox::Request, answer: &tiktok_sandbox::Response) {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let number = body["post_info"]["title"].as_str().and_then(number_of);
        let (Some(number), Some(id)) =
            (number, answer.body_json()["data"]["publish_id"].as_str().map(str::to_owned))
        else {
            return;
        };
        let attempts = self.attempts.get_mut(number).into_iter().flatten();
        if let Some(attempt) = attempts.into_iter().find(|attempt| **attempt == Attempt::InDoubt(None)) {
            *attempt = Attempt::InDoubt(Some(id));
        }
    }

    /// An invocation has an answer in its hands.
    pub(crate) fn answered(&mut self, endpoint: tiktok::Endpoint, heard: &Heard, facts: &mut Facts) {
        match endpoint {
            tiktok::Endpoint::CreatorInfo if heard.is_ok() => {
                let levels = heard.json["data"]["privacy_level_options"].as_array();
                let levels = levels.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
                facts.offered = facts.asked_at.map(|at| (at, levels.collect()));
            }
            tiktok::Endpoint::VideoInit | tiktok::Endpoint::DraftInit | tiktok::Endpoint::PhotoInit => {
                let Some((number, attempt)) = facts.attempt.take() else { return };
                let said = match (heard.code(), heard.json["data"]["publish_id"].as_str()) {
                    (Some("ok"), Some(id)) if heard.answer.status.is_success() => {
                        Attempt::Alive(id.to_owned())
                    }
                    (Some(code), _) if code != "ok" && heard.answer.status.as_u16() < 500 => Attempt::Dead,
                    _ => return,
                };
                // a webhook may have told its end before the answer came
                if self.attempts[number][attempt] != Attempt::Dead {
                    self.attempts[number][attempt] = said;
                }
            }
            tiktok::Endpoint::StatusFetch if heard.is_ok() && heard.json["data"]["status"] == "FAILED" => {
                if let Some(id) = facts.asks_about.take() {
                    self.failed(&id);
                }
            }
            tiktok::Endpoint::CreatorInfo
            | tiktok::Endpoint::StatusFetch
            | tiktok::Endpoint::ExchangeCode
            | tiktok::Endpoint::Refresh
            | tiktok::Endpoint::Revoke
            | tiktok::Endpoint::UserInfo
            | tiktok::Endpoint::Cancel
            | tiktok::Endpoint::VideoList
            | tiktok::Endpoint::VideoUploadInit
            | tiktok::Endpoint::DraftUploadInit
            | tiktok::Endpoint::UploadChunk => {}
        }
    }

    /// TikTok has told us that this attempt failed.
    pub(crate) fn failed(&mut self, publish_id: &str) {
        for attempt in self.attempts.iter_mut().flatten() {
            let is_it = match attempt {
                Attempt::InDoubt(id) => id.as_deref() == Some(publish_id),
                Attempt::Alive(id) => id == publish_id,
                Attempt::Dead => false,
            };
            if is_it {
                *attempt = Attempt::Dead;
            }
        }
    }

    /// A webhook is being delivered.
    pub(crate) fn hears(&mut self, body: &str) {
        if !body.contains("post.publish.failed") {
            return;
        }
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let content = body["content"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(id) = content.as_ref().and_then(|content| content["publish_id"].as_str()) {
            self.failed(id);
        }
    }

    /// Everything is quiet.
    pub(crate) fn ends(&mut self, world: &World, struck: impl Fn(usize) -> bool, mishaps: u32, now: i64) {
        self.count_attempts(world, now);
        self.count_calls(world);
        for number in 0..self.posts.len() {
            if let Some(row) = self.rows[number].clone() {
                self.judge_row(number, &row.row, world, &struck, mishaps, now);
            }
        }
    }

    fn count_attempts(&mut self, world: &World, now: i64) {
        let mut ended: BTreeMap<&str, i64> = BTreeMap::new();
        for entry in world.log() {
            if let What::Failure { publish_id, .. } = &entry.what {
                ended.insert(publish_id, entry.at_ms);
            }
        }
        let mut accepted: BTreeMap<&str, Vec<(i64, &str)>> = BTreeMap::new();
        for post in world.posts().filter(|post| post.is_whole()) {
            accepted.entry(&post.title).or_default().push((post.init_at_ms, &post.publish_id));
        }
        let mut duplicates = Vec::new();
        for (title, mut attempts) in accepted {
            attempts.sort_unstable();
            for pair in attempts.windows(2) {
                let cut_off = self.cut_off.contains(pair[0].1);
                if !cut_off && ended.get(pair[0].1).is_none_or(|end| *end > pair[1].0) {
                    duplicates.push(format!("{title} was accepted as {} and as {}", pair[0].1, pair[1].1));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for publication in world.publications() {
            if !seen.insert(publication.title.as_str()) {
                duplicates.push(format!("{} was published twice", publication.title));
            }
        }
        for how in duplicates {
            self.breach(Rule::Duplicate, now, || how);
        }
    }

    fn count_calls(&mut self, world: &World) {
        for (endpoint, most) in
            [(Endpoint::CreatorInfo, 20), (Endpoint::VideoInit, 6), (Endpoint::StatusFetch, 30)]
        {
            for handle in self.handles.clone() {
                let times: Vec<i64> = world
                    .calls(endpoint)
                    .filter(|(_, call)| self.caller(call).is_none_or(|account| *account == handle))
                    .map(|(entry, _)| entry.at_ms)
                    .collect();
                if let Some(window) = times.windows(most + 1).find(|window| window[most] - window[0] < 60_000)
                {
                    let took = window[most] - window[0];
                    self.breach(Rule::I5, window[most], || {
                        format!("{} calls of `{}` for {handle} in {took} ms", most + 1, endpoint.name())
                    });
                }
            }
        }
    }

    /// Whose call it was, as far as TikTok or the post that it is about can tell; `None`: it counts for everybody.
    fn caller<'a>(&'a self, call: &'a Call) -> Option<&'a String> {
        let number = || number_of(call.request.pointer("/post_info/title")?.as_str()?);
        let planned = || self.posts.get(number()?);
        call.account.as_ref().or_else(|| self.handles.get(planned()?.creator))
    }

    fn judge_row(
        &mut self,
        number: usize,
        post: &Post,
        world: &World,
        struck: &impl Fn(usize) -> bool,
        mishaps: u32,
        now: i64,
    ) {
        let name = title(number);
        let published: Vec<String> = world
            .publications()
            .filter(|publication| publication.title == name)
            .map(|publication| publication.publish_id.clone())
            .collect();
        let ours: Vec<u64> = world.posts().filter(|post| post.title == name).map(|post| post.id).collect();
        let unharmed = mishaps == 0 && self.kind;
        let lost = |how: String| Some((Rule::Lost, how));
        let wrong = match &post.state {
            PostState::Draft
            | PostState::AwaitingMedia { .. }
            | PostState::Scheduled { .. }
            | PostState::Queued { .. }
            | PostState::Held { until: Some(_), .. }
            | PostState::Initiating { .. }
            | PostState::Cancelling { .. }
            | PostState::Uploading { .. }
            | PostState::Processing { .. } => lost(format!("is still `{}`", post.state.name())),
            PostState::Held { until: None, why, .. } => {
                let account = self.accounts.values().find(|account| account.id == post.account);
                let has_cause = match why {
                    HoldReason::ReconnectRequired => account.is_some_and(|account| {
                        account.status != AccountStatus::Connected || account.creator != post.creator
                    }),
                    HoldReason::Unaudited => true,
                    HoldReason::RateLimited
                    | HoldReason::CreatorDailyCap
                    | HoldReason::CreatorPendingShares
                    | HoldReason::AppActiveUserCap
                    | HoldReason::Operator
                    | HoldReason::UnconfirmedSibling => false,
                };
                if !has_cause {
                    lost(format!("is held for ever: {}", why.as_str()))
                } else if published.is_empty() {
                    None
                } else {
                    lost("is held, and published".to_owned())
                }
            }
            PostState::Published { publish_id: Some(publish_id), .. }
                if published.contains(&publish_id.0) =>
            {
                None
            }
            PostState::Published { publish_id: None, post_ids, .. }
                if post_ids.iter().all(|id| ours.contains(id)) =>
            {
                None
            }
            PostState::Published { publish_id, post_ids, .. } => {
                lost(format!("is published as {publish_id:?} {post_ids:?}, TikTok knows nothing of it"))
            }
            PostState::Cancelled { .. } | PostState::SentToInbox { .. } if !published.is_empty() => {
                lost(format!("is `{}`, and published", post.state.name()))
            }
            PostState::Cancelled { .. } => {
                let needless = !self.unwanted.contains(&number);
                needless.then(|| (Rule::Needless, "is cancelled, and nobody wanted that".to_owned()))
            }
            PostState::SentToInbox { .. } => lost("is in the inbox, and was to be posted".to_owned()),
            PostState::Failed { failure, .. } if !published.is_empty() => {
                lost(format!("is failed ({}), and published", failure.code))
            }
            PostState::Failed { failure, .. } => {
                let needless = unharmed && failure.code != "media.upload.missing";
                needless.then(|| (Rule::Needless, format!("failed: {} ({})", failure.code, failure.remedy)))
            }
            PostState::Unconfirmed { publish_id, .. } => {
                let excused = publish_id.is_some()
                    || self.claimers[number].is_some_and(struck)
                    || self.attempts[number].iter().any(|attempt| matches!(attempt, Attempt::InDoubt(_)));
                (!excused).then(|| (Rule::Needless, "is unconfirmed without need".to_owned()))
            }
        };
        if let Some((rule, how)) = wrong {
            self.breach(rule, now, || format!("{name} {how}"));
        }
    }

    /// Where the posts are, for the figures.
    pub(crate) fn end_states(&self) -> impl Iterator<Item = &'static str> {
        self.rows.iter().flatten().map(|row| row.row.state.name())
    }

    /// Whether everything is at rest.
    pub(crate) fn all_at_rest(&self) -> bool {
        self.rows.iter().flatten().all(|row| is_at_rest(&row.row))
    }
}

/// What became of an answer, for the story.
pub(crate) fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Arrives | Delivery::After { .. } => "",
        Delivery::Lost => ", the answer is lost",
        Delivery::CutBody => ", the answer breaks off",
    }
}
