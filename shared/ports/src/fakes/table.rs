use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use domain::account::{AccountStatus, Lease, Slot, Tokens};
use domain::app::{AppFacts, Breaker, Detour, Sighting};
use domain::content::ContentHash;
use domain::limits::Limits;
use domain::post::PublishId;
use domain::{
    Account, AccountId, Content, Creator, CreatorId, Delivery, DeliveryKey, Endpoint, EndpointId, KeyId,
    Media, MediaId, Nonce, Notice, NoticeId, Post, PostId, SignedDuration, Timestamp, WorkspaceId, wake,
};

use super::past::{Change, History, Kept};
use super::{Faults, ManualClock, OnPurpose, fails_on_purpose, lock};
use crate::{
    Accounts, ApiKey, AppRows, Clock as _, Connected, Connecting, Connections, Created, Creators, Deliveries,
    Due, DueAccounts, DueKey, DueRow, DueRows, Endpoints, Guard, Guards, KeyCreated, Keys, LAST_USE_KEPT,
    Leased, Library, MediaRows, Notices, Page, PortError, PortResult, Posts, Read, Saved, Stored,
    Unexplained, Work, cursor,
};

const OPERATIONS: &[&str] = &[
    "create",
    "post",
    "content",
    "work",
    "save",
    "edit",
    "remember",
    "whose",
    "list",
    "guard",
    "guard_of",
    "declare",
    "list_media",
    "note_parts",
    "unlist_media",
    "media",
    "several",
    "judge",
    "wait_for",
    "account",
    "save_limits",
    "lease",
    "release",
    "store_tokens",
    "require_reconnect",
    "disconnect",
    "connect",
    "creator",
    "creator_and_media",
    "put_creator",
    "list_creators",
    "key",
    "create_key",
    "revoke_key",
    "retire_key",
    "key_used",
    "list_keys",
    "begin",
    "peek",
    "take",
    "record",
    "notice",
    "list_notices",
    "create_endpoint",
    "endpoint",
    "save_endpoint",
    "list_endpoints",
    "create_delivery",
    "deliveries",
    "save_delivery",
    "list_deliveries",
    "app",
    "saw",
    "keep_event",
    "put_file",
    "trip",
    "take_probe",
    "breaker",
    "detour",
    "save_detour",
    "close_breaker",
    "file",
    "due",
    "rows",
    "push_back",
    "due_accounts",
    "push_back_account",
];

#[derive(Debug, Clone)]
struct Row<T> {
    stored: Stored<T>,
    nonce: Nonce,
}

#[derive(Debug, Clone)]
struct AccountRow {
    account: Account,
    limits_nonce: Option<Nonce>,
    tokens_nonce: Option<Nonce>,
}

#[derive(Debug, Clone)]
struct KeyRow {
    key: ApiKey,
    nonce: Nonce,
}

#[derive(Debug, Default)]
struct Rows {
    posts: Kept<PostId, Row<Post>>,
    contents: HashMap<(PostId, ContentHash), Content>,
    publish_ids: HashMap<PublishId, PostId>,
    guards: HashMap<[u8; 32], Guard>,
    media: Kept<MediaId, Row<Media>>,
    unlisted: HashSet<MediaId>,
    accounts: Kept<AccountId, AccountRow>,
    creators: BTreeMap<CreatorId, Creator>,
    keys: BTreeMap<KeyId, KeyRow>,
    connections: HashMap<[u8; 32], Connecting>,
    taken: HashSet<[u8; 32]>,
    notices: BTreeMap<NoticeId, Notice>,
    endpoints: BTreeMap<EndpointId, Row<Endpoint>>,
    deliveries: BTreeMap<DeliveryKey, Row<Delivery>>,
    apps: HashMap<String, AppFacts>,
    events: HashMap<[u8; 32], Unexplained>,
    files: HashMap<String, String>,
    breaker: Option<Breaker>,
    detour: Detour,
    history: Option<History>,
}

impl Rows {
    /// Takes down what was written.
    fn note(&mut self) {
        let Some(history) = &mut self.history else { return };
        let now = history.clock.now();
        for id in self.posts.touched() {
            if let Some(row) = self.posts.get(&id) {
                history.posts.note(&id, &row.stored, |known, row| known.version == row.version, now);
            }
        }
        for id in self.media.touched() {
            if let Some(row) = self.media.get(&id) {
                history.media.note(&id, &row.stored, PartialEq::eq, now);
            }
        }
        for id in self.accounts.touched() {
            if let Some(row) = self.accounts.get(&id) {
                history.accounts.note(&id, &row.account, PartialEq::eq, now);
            }
        }
    }

    fn then(&self, read: Read) -> Option<(&History, Timestamp)> {
        let history = self.history.as_ref().filter(|_| read == Read::Eventual)?;
        Some((history, history.then()?))
    }

    fn post(&self, id: &PostId, read: Read) -> Option<&Stored<Post>> {
        let past = self.then(read).and_then(|(history, then)| history.posts.before(id, then));
        past.map_or_else(|| self.posts.get(id).map(|row| &row.stored), |versions| versions.before.as_deref())
    }

    fn media(&self, id: &MediaId, read: Read) -> Option<&Stored<Media>> {
        let past = self.then(read).and_then(|(history, then)| history.media.before(id, then));
        past.map_or_else(|| self.media.get(id).map(|row| &row.stored), |versions| versions.before.as_deref())
    }

    fn account(&self, id: &AccountId, read: Read) -> Option<&Account> {
        let past = self.then(read).and_then(|(history, then)| history.accounts.before(id, then));
        past.map_or_else(
            || self.accounts.get(id).map(|row| &row.account),
            |versions| versions.before.as_deref(),
        )
    }
}

/// The table in memory.
#[derive(Debug, Clone)]
pub struct MemoryTable {
    faults: Faults,
    rows: Arc<Mutex<Rows>>,
}

fails_on_purpose!(MemoryTable);

impl MemoryTable {
    /// An empty table.
    pub fn new() -> Self {
        Self { faults: Faults::of(OPERATIONS), rows: Arc::default() }
    }

    /// All posts, by id.
    pub fn posts(&self) -> Vec<Stored<Post>> {
        lock(&self.rows).posts.values().map(|row| row.stored.clone()).collect()
    }

    /// The only post.
    ///
    /// # Panics
    ///
    /// If there is none, or another one.
    pub fn only_post(&self) -> Stored<Post> {
        let mut posts = self.posts();
        assert_eq!(posts.len(), 1, "the table holds {} posts", posts.len());
        posts.remove(0)
    }

    /// All media, by id.
    pub fn all_media(&self) -> Vec<Stored<Media>> {
        lock(&self.rows).media.values().map(|row| row.stored.clone()).collect()
    }

    /// All accounts, by id, with the refresh token of the generation before.
    pub fn accounts(&self) -> Vec<Account> {
        lock(&self.rows).accounts.values().map(|row| row.account.clone()).collect()
    }

    /// Everything that is written, the accounts apart, so that two looks can be compared.
    pub fn all_but_accounts(&self) -> String {
        let mut rows = lock(&self.rows);
        let accounts = std::mem::take(&mut rows.accounts);
        let text = format!("{rows:?}");
        rows.accounts = accounts;
        text
    }

    /// All creators, by id.
    pub fn creators(&self) -> Vec<Creator> {
        lock(&self.rows).creators.values().cloned().collect()
    }

    /// All notices, in the order of time.
    pub fn notices(&self) -> Vec<Notice> {
        let mut notices: Vec<_> = lock(&self.rows).notices.values().cloned().collect();
        notices.sort_by_key(|notice| notice.at);
        notices
    }

    /// All webhook endpoints, by id.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        lock(&self.rows).endpoints.values().map(|row| row.stored.row.clone()).collect()
    }

    /// All deliveries, by endpoint and event.
    pub fn all_deliveries(&self) -> Vec<Delivery> {
        lock(&self.rows).deliveries.values().map(|row| row.stored.row.clone()).collect()
    }

    /// Events of TikTok's that were kept.
    pub fn kept_events(&self) -> Vec<Unexplained> {
        lock(&self.rows).events.values().cloned().collect()
    }

    /// All publish ids that are remembered.
    pub fn publish_ids(&self) -> HashMap<PublishId, PostId> {
        lock(&self.rows).publish_ids.clone()
    }

    /// Keeps every write of posts, media and accounts from now on, for [`Self::lag`] and [`Self::changes`].
    pub fn keep_history(&self, clock: &ManualClock) {
        let mut rows = lock(&self.rows);
        rows.history = Some(History::new(clock.clone()));
        rows.posts.watch();
        rows.media.watch();
        rows.accounts.watch();
        rows.note();
    }

    /// How far reads that need not be fresh, lists and the `due` index are behind from now on, if the history is kept.
    pub fn lag(&self, by: SignedDuration) {
        if let Some(history) = &mut lock(&self.rows).history {
            history.lag = by;
        }
    }

    /// The writes since the last time, if the history is kept: posts, media, accounts, each in order.
    pub fn changes(&self) -> Vec<Change> {
        let mut rows = lock(&self.rows);
        rows.history.as_mut().map(History::take).unwrap_or_default()
    }

    /// Puts a post as it is, without asking.
    pub fn insert_post(&self, post: Post, content: Content) {
        let mut rows = lock(&self.rows);
        rows.contents.insert((post.id.clone(), post.content), content);
        let version = rows.posts.get(&post.id).map_or(1, |row| row.stored.version + 1);
        let id = post.id.clone();
        rows.posts.insert(id, Row { stored: Stored { row: post, version }, nonce: Nonce::from_bits(0) });
        rows.note();
    }

    /// Puts a media as it is, without asking.
    pub fn insert_media(&self, media: Media) {
        let mut rows = lock(&self.rows);
        let version = rows.media.get(&media.id).map_or(1, |row| row.stored.version + 1);
        let id = media.id.clone();
        rows.media.insert(id, Row { stored: Stored { row: media, version }, nonce: Nonce::from_bits(0) });
        rows.note();
    }

    /// Puts an account as it is, without asking.
    pub fn insert_account(&self, account: Account) {
        let id = account.id.clone();
        let row = AccountRow { account, limits_nonce: None, tokens_nonce: None };
        let mut rows = lock(&self.rows);
        rows.accounts.insert(id, row);
        rows.note();
    }

    /// Puts a creator as it is.
    pub fn insert_creator(&self, creator: Creator) {
        lock(&self.rows).creators.insert(creator.id.clone(), creator);
    }

    /// Puts an API key as it is.
    pub fn insert_key(&self, key: ApiKey) {
        let id = key.id.clone();
        lock(&self.rows).keys.insert(id, KeyRow { key, nonce: Nonce::from_bits(0) });
    }

    /// All API keys, by id.
    pub fn api_keys(&self) -> Vec<ApiKey> {
        lock(&self.rows).keys.values().map(|row| row.key.clone()).collect()
    }

    fn run<T>(
        &self,
        operation: &'static str,
        effect: impl FnOnce(&mut Rows) -> PortResult<T>,
    ) -> PortResult<T> {
        self.faults.run(operation, || {
            let mut rows = lock(&self.rows);
            let answer = effect(&mut rows);
            rows.note();
            answer
        })
    }
}

impl Default for MemoryTable {
    fn default() -> Self {
        Self::new()
    }
}

fn same(one: Timestamp, other: Timestamp) -> bool {
    one.as_millisecond() == other.as_millisecond()
}

fn no_such(what: &str) -> PortError {
    PortError::refused(format!("change the {what}, which is not there"), OnPurpose)
}

/// A conditional write of a row with a version, and what it came to.
fn write<T: Clone>(row: Option<&mut Row<T>>, seen: u64, new: T, nonce: Nonce) -> Saved<T> {
    match row {
        None => Saved::Conflict(None),
        Some(row) if row.stored.version == seen => {
            *row = Row { stored: Stored { row: new, version: seen + 1 }, nonce };
            Saved::Written(row.stored.clone())
        }
        // our own write, whose answer was lost
        Some(row) if row.nonce == nonce => Saved::Written(row.stored.clone()),
        Some(row) => Saved::Conflict(Some(row.stored.clone())),
    }
}

fn add<T: Clone>(row: Option<&Row<T>>, new: &T, nonce: Nonce) -> (Created<T>, Option<Row<T>>) {
    match row {
        None => {
            let stored = Stored { row: new.clone(), version: 1 };
            (Created::New(stored.clone()), Some(Row { stored, nonce }))
        }
        Some(row) if row.nonce == nonce => (Created::New(row.stored.clone()), None),
        Some(row) => (Created::Existed(row.stored.clone()), None),
    }
}

/// One page of rows, newest first.
fn page<T: Clone>(
    rows: impl Iterator<Item = (String, T)>,
    cursor: Option<&str>,
    limit: u32,
) -> PortResult<Page<T>> {
    let before = cursor.map(cursor::decode).transpose()?;
    let mut rows: Vec<_> =
        rows.filter(|(place, _)| before.as_ref().is_none_or(|before| place < before)).collect();
    rows.sort_by(|(one, _), (other, _)| other.cmp(one));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = rows.last().filter(|_| more).map(|(place, _)| cursor::encode(place));
    Ok(Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next_cursor })
}

/// What everybody but the holder of the lease sees.
fn without_previous(account: &Account) -> Account {
    let mut account = account.clone();
    if let Some(tokens) = &mut account.tokens {
        tokens.previous_refresh = None;
    }
    account
}

impl Posts for MemoryTable {
    async fn create(&self, post: &Post, content: &Content, nonce: Nonce) -> PortResult<Created<Post>> {
        self.run("create", |rows| {
            rows.contents.entry((post.id.clone(), post.content)).or_insert_with(|| content.clone());
            let (created, row) = add(rows.posts.get(&post.id), post, nonce);
            if let Some(row) = row {
                rows.posts.insert(post.id.clone(), row);
            }
            Ok(created)
        })
    }

    async fn post(&self, id: &PostId, read: Read) -> PortResult<Option<Stored<Post>>> {
        self.run("post", |rows| Ok(rows.post(id, read).cloned()))
    }

    async fn content(&self, id: &PostId, hash: &ContentHash) -> PortResult<Option<Content>> {
        self.run("content", |rows| Ok(rows.contents.get(&(id.clone(), *hash)).cloned()))
    }

    async fn work(
        &self,
        post: &PostId,
        content: Option<&ContentHash>,
        account: &AccountId,
        read: Read,
    ) -> PortResult<Work> {
        self.run("work", |rows| {
            Ok(Work {
                post: rows.post(post, read).cloned(),
                content: content.and_then(|hash| rows.contents.get(&(post.clone(), *hash)).cloned()),
                account: rows.account(account, read).map(without_previous),
                breaker: content.and(rows.breaker.clone()),
                detour: content.map(|_| rows.detour.clone()),
            })
        })
    }

    async fn save(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        news: Option<&Notice>,
        nonce: Nonce,
    ) -> PortResult<Saved<Post>> {
        self.run("save", |rows| {
            let saved = write(rows.posts.get_mut(&seen.row.id), seen.version, post.clone(), nonce);
            if let (Saved::Written(_), Some(notice)) = (&saved, news) {
                rows.notices.insert(notice.id.clone(), notice.clone());
            }
            Ok(saved)
        })
    }

    async fn edit(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        content: &Content,
        nonce: Nonce,
    ) -> PortResult<Saved<Post>> {
        self.run("edit", |rows| {
            rows.contents.entry((post.id.clone(), post.content)).or_insert_with(|| content.clone());
            Ok(write(rows.posts.get_mut(&seen.row.id), seen.version, post.clone(), nonce))
        })
    }

    async fn remember(&self, publish_id: &PublishId, post: &PostId, _now: Timestamp) -> PortResult<()> {
        self.run("remember", |rows| {
            let owner = rows.publish_ids.entry(publish_id.clone()).or_insert_with(|| post.clone());
            if owner == post {
                Ok(())
            } else {
                let what = format!("remember publish id `{}`, which is another post's", publish_id.0);
                Err(PortError::refused(what, OnPurpose))
            }
        })
    }

    async fn whose(&self, publish_id: &PublishId) -> PortResult<Option<PostId>> {
        self.run("whose", |rows| Ok(rows.publish_ids.get(publish_id).cloned()))
    }

    async fn list(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Post>> {
        self.run("list", |rows| {
            let posts = rows.posts.keys().filter_map(|id| rows.post(id, Read::Eventual));
            let ours = posts.map(|stored| &stored.row).filter(|post| post.workspace == *workspace);
            page(
                ours.map(|post| (cursor::place(post.created_at, post.id.as_str()), post.clone())),
                cursor,
                limit,
            )
        })
    }
}

impl MediaRows for MemoryTable {
    async fn declare(&self, media: &Media, nonce: Nonce) -> PortResult<Created<Media>> {
        self.run("declare", |rows| {
            let (created, row) = add(rows.media.get(&media.id), media, nonce);
            if let Some(row) = row {
                rows.media.insert(media.id.clone(), row);
            }
            Ok(created)
        })
    }

    async fn media(&self, id: &MediaId, read: Read) -> PortResult<Option<Stored<Media>>> {
        self.run("media", |rows| Ok(rows.media(id, read).cloned()))
    }

    async fn several(&self, ids: &[MediaId], read: Read) -> PortResult<Vec<Option<Media>>> {
        self.run("several", |rows| {
            let row = |id| rows.media(id, read).map(|stored| stored.row.clone());
            Ok(ids.iter().map(row).collect())
        })
    }

    async fn judge(&self, seen: &Stored<Media>, media: &Media, nonce: Nonce) -> PortResult<Saved<Media>> {
        self.run("judge", |rows| {
            let row = rows.media.get_mut(&seen.row.id);
            let kept = row.as_ref().map(|row| (row.stored.row.waiting.clone(), row.stored.row.way.clone()));
            let (waiting, way) = kept.unwrap_or_default();
            Ok(write(row, seen.version, Media { waiting, way, ..media.clone() }, nonce))
        })
    }

    async fn wait_for(&self, media: &MediaId, post: &PostId) -> PortResult<Option<Stored<Media>>> {
        self.run("wait_for", |rows| {
            Ok(rows.media.get_mut(media).map(|row| {
                row.stored.row.waiting.insert(post.clone());
                row.stored.clone()
            }))
        })
    }
}

impl Library for MemoryTable {
    async fn list_media(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Media>> {
        self.run("list_media", |rows| {
            let ours = rows.media.values().map(|row| &row.stored.row);
            let listed =
                ours.filter(|media| media.workspace == *workspace && !rows.unlisted.contains(&media.id));
            let placed =
                listed.map(|media| (cursor::place(media.created_at, media.id.as_str()), media.clone()));
            page(placed, cursor, limit)
        })
    }

    async fn note_parts(&self, media: &MediaId, upload_id: &str) -> PortResult<Option<Stored<Media>>> {
        self.run("note_parts", |rows| {
            Ok(rows.media.get_mut(media).map(|row| {
                let media = &mut row.stored.row;
                if media.way.upload_id().is_none() {
                    media.way = media.way.clone().begun(Some(upload_id.to_owned()));
                }
                row.stored.clone()
            }))
        })
    }

    async fn unlist_media(&self, media: &MediaId) -> PortResult<()> {
        self.run("unlist_media", |rows| {
            rows.unlisted.insert(media.clone());
            Ok(())
        })
    }
}

impl Accounts for MemoryTable {
    async fn account(&self, id: &AccountId, read: Read) -> PortResult<Option<Account>> {
        self.run("account", |rows| Ok(rows.account(id, read).map(without_previous)))
    }

    async fn save_limits(
        &self,
        id: &AccountId,
        seen_version: u64,
        limits: &Limits,
        slot: Option<&Slot>,
        nonce: Nonce,
    ) -> PortResult<Option<u64>> {
        self.run("save_limits", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(None) };
            if row.account.limits_version == seen_version {
                row.account.limits = limits.clone();
                row.account.slot = slot.cloned();
                row.account.limits_version += 1;
                row.limits_nonce = Some(nonce);
            } else if row.limits_nonce != Some(nonce) {
                return Ok(None);
            }
            Ok(Some(row.account.limits_version))
        })
    }

    async fn lease(&self, id: &AccountId, lease: &Lease, now: Timestamp) -> PortResult<Leased> {
        self.run("lease", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(Leased::Missing) };
            let taken_over = match &row.account.lease {
                None => false,
                Some(held) if held.nonce == lease.nonce || held.until < now => true,
                Some(held) => return Ok(Leased::Busy(held.until)),
            };
            row.account.lease = Some(lease.clone());
            Ok(Leased::Won { account: Box::new(row.account.clone()), taken_over })
        })
    }

    async fn release(&self, id: &AccountId, nonce: Nonce, due: Option<Timestamp>) -> PortResult<()> {
        self.run("release", |rows| {
            if let Some(row) = rows.accounts.get_mut(id).filter(|row| holds(row, nonce)) {
                row.account.lease = None;
                row.account.due = due.or(row.account.due);
            }
            Ok(())
        })
    }

    async fn store_tokens(
        &self,
        id: &AccountId,
        nonce: Nonce,
        tokens: &Tokens,
        due: Timestamp,
    ) -> PortResult<bool> {
        self.run("store_tokens", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(false) };
            if holds(row, nonce) && row.account.epoch + 1 == tokens.epoch {
                row.account.epoch = tokens.epoch;
                row.tokens_nonce = Some(nonce);
                row.account.tokens = Some(tokens.clone());
                row.account.status = AccountStatus::Connected;
                row.account.lease = None;
                row.account.due = Some(due);
                return Ok(true);
            }
            Ok(row.tokens_nonce == Some(nonce) && row.account.epoch == tokens.epoch)
        })
    }

    async fn require_reconnect(
        &self,
        id: &AccountId,
        nonce: Nonce,
        epoch: u64,
        code: &str,
        now: Timestamp,
    ) -> PortResult<bool> {
        self.run("require_reconnect", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(false) };
            if holds(row, nonce) && row.account.epoch == epoch {
                row.tokens_nonce = Some(nonce);
                row.account.status = AccountStatus::ReconnectRequired { since: now, code: code.to_owned() };
                row.account.lease = None;
                row.account.due = None;
                return Ok(true);
            }
            let required = matches!(row.account.status, AccountStatus::ReconnectRequired { .. });
            Ok(row.tokens_nonce == Some(nonce) && row.account.epoch == epoch && required)
        })
    }

    async fn disconnect(&self, id: &AccountId, nonce: Nonce, epoch: u64) -> PortResult<bool> {
        self.run("disconnect", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(false) };
            if holds(row, nonce) && row.account.epoch == epoch {
                row.tokens_nonce = Some(nonce);
                row.account.status = AccountStatus::Disconnected;
                row.account.tokens = None;
                row.account.lease = None;
                row.account.due = None;
                return Ok(true);
            }
            let disconnected = row.account.status == AccountStatus::Disconnected;
            Ok(row.tokens_nonce == Some(nonce) && row.account.epoch == epoch && disconnected)
        })
    }

    async fn connect(&self, account: &Account, nonce: Nonce) -> PortResult<Connected> {
        self.run("connect", |rows| {
            let epoch = account
                .tokens
                .as_ref()
                .map(|tokens| tokens.epoch)
                .ok_or_else(|| no_such("account's tokens"))?;
            let fresh = AccountRow {
                account: Account { lease: None, epoch, ..account.clone() },
                limits_nonce: None,
                tokens_nonce: Some(nonce),
            };
            let Some(row) = rows.accounts.get_mut(&account.id) else {
                rows.accounts.insert(account.id.clone(), fresh);
                return Ok(Connected::Done);
            };
            if row.tokens_nonce == Some(nonce) && row.account.epoch == epoch {
                return Ok(Connected::Done);
            }
            let theirs = row.account.workspace != account.workspace;
            if theirs && row.account.status != AccountStatus::Disconnected {
                return Ok(Connected::Elsewhere);
            }
            let leased = row.account.lease.as_ref().is_some_and(|lease| lease.nonce != nonce);
            if leased || row.account.epoch + 1 != epoch {
                return Ok(Connected::Moved);
            }
            let had = &row.account;
            let account = Account {
                limits: had.limits.clone(),
                limits_version: had.limits_version,
                slot: had.slot.clone(),
                ..fresh.account
            };
            *row = AccountRow { account, limits_nonce: row.limits_nonce, ..fresh };
            Ok(Connected::Done)
        })
    }
}

fn holds(row: &AccountRow, nonce: Nonce) -> bool {
    row.account.lease.as_ref().is_some_and(|lease| lease.nonce == nonce)
}

impl Creators for MemoryTable {
    async fn creator(&self, id: &CreatorId) -> PortResult<Option<Creator>> {
        self.run("creator", |rows| Ok(rows.creators.get(id).cloned()))
    }

    async fn creator_and_media(
        &self,
        creator: &CreatorId,
        media: &MediaId,
    ) -> PortResult<(Option<Creator>, Option<Media>)> {
        self.run("creator_and_media", |rows| {
            let media = rows.media.get(media).map(|row| row.stored.row.clone());
            Ok((rows.creators.get(creator).cloned(), media))
        })
    }

    async fn put_creator(&self, creator: &Creator) -> PortResult<()> {
        self.run("put_creator", |rows| {
            rows.creators.insert(creator.id.clone(), creator.clone());
            Ok(())
        })
    }

    async fn list_creators(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Creator>> {
        self.run("list_creators", |rows| {
            let ours = rows.creators.values().filter(|creator| creator.workspace == *workspace);
            let placed =
                ours.map(|creator| (cursor::place(creator.created_at, creator.id.as_str()), creator.clone()));
            page(placed, cursor, limit)
        })
    }
}

impl Keys for MemoryTable {
    async fn key(&self, id: &KeyId) -> PortResult<Option<ApiKey>> {
        self.run("key", |rows| Ok(rows.keys.get(id).map(|row| row.key.clone())))
    }

    async fn create_key(&self, key: &ApiKey, nonce: Nonce) -> PortResult<KeyCreated> {
        self.run("create_key", |rows| {
            let row = rows.keys.entry(key.id.clone()).or_insert_with(|| KeyRow { key: key.clone(), nonce });
            Ok(if row.nonce == nonce {
                KeyCreated::New
            } else {
                KeyCreated::Existed(Box::new(row.key.clone()))
            })
        })
    }

    async fn revoke_key(&self, id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>> {
        self.run("revoke_key", |rows| {
            Ok(rows.keys.get_mut(id).map(|row| {
                row.key.revoked_at.get_or_insert(at);
                row.key.clone()
            }))
        })
    }

    async fn retire_key(&self, id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>> {
        self.run("retire_key", |rows| {
            Ok(rows.keys.get_mut(id).map(|row| {
                if row.key.revoked_at.is_none() && row.key.retires_at.is_none_or(|retires| at < retires) {
                    row.key.retires_at = Some(at);
                }
                row.key.clone()
            }))
        })
    }

    async fn key_used(&self, key: &ApiKey, at: Timestamp) -> PortResult<()> {
        self.run("key_used", |rows| {
            if let Some(row) = rows.keys.get_mut(&key.id)
                && row.key.last_used_at.is_none_or(|last| last < at - LAST_USE_KEPT)
            {
                row.key.last_used_at = Some(at);
            }
            Ok(())
        })
    }

    async fn list_keys(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<ApiKey>> {
        self.run("list_keys", |rows| {
            let ours = rows.keys.values().map(|row| &row.key).filter(|key| key.workspace == *workspace);
            let placed = ours.map(|key| (cursor::place(key.created_at, key.id.as_str()), key.clone()));
            page(placed, cursor, limit)
        })
    }
}

impl Guards for MemoryTable {
    async fn guard(&self, key: [u8; 32], guard: &Guard, seen: Option<&Guard>) -> PortResult<Option<Guard>> {
        self.run("guard", |rows| {
            let there =
                rows.guards.get(&key).filter(|there| seen != Some(*there) && *there != guard).cloned();
            if there.is_none() {
                rows.guards.insert(key, guard.clone());
            }
            Ok(there)
        })
    }

    async fn guard_of(&self, key: [u8; 32]) -> PortResult<Option<Guard>> {
        self.run("guard_of", |rows| Ok(rows.guards.get(&key).cloned()))
    }
}

impl Connections for MemoryTable {
    async fn begin(&self, secret_sha256: [u8; 32], connecting: &Connecting) -> PortResult<bool> {
        self.run("begin", |rows| {
            if rows.taken.contains(&secret_sha256) {
                return Ok(false);
            }
            Ok(rows.connections.entry(secret_sha256).or_insert_with(|| connecting.clone()) == connecting)
        })
    }

    async fn peek(&self, secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>> {
        self.run("peek", |rows| Ok(rows.connections.get(&secret_sha256).cloned()))
    }

    async fn take(&self, secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>> {
        self.run("take", |rows| {
            let taken = rows.connections.remove(&secret_sha256);
            rows.taken.extend(taken.is_some().then_some(secret_sha256));
            Ok(taken)
        })
    }
}

impl Notices for MemoryTable {
    async fn record(&self, notice: &Notice) -> PortResult<bool> {
        self.run("record", |rows| {
            let new = !rows.notices.contains_key(&notice.id);
            rows.notices.entry(notice.id.clone()).or_insert_with(|| notice.clone());
            Ok(new)
        })
    }

    async fn notice(&self, id: &NoticeId) -> PortResult<Option<Notice>> {
        self.run("notice", |rows| Ok(rows.notices.get(id).cloned()))
    }

    async fn list_notices(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Notice>> {
        self.run("list_notices", |rows| {
            let ours = rows.notices.values().filter(|notice| notice.workspace == *workspace);
            let placed = ours.map(|notice| (cursor::place(notice.at, notice.id.as_str()), notice.clone()));
            page(placed, cursor, limit)
        })
    }
}

impl Endpoints for MemoryTable {
    async fn create_endpoint(&self, endpoint: &Endpoint, nonce: Nonce) -> PortResult<Created<Endpoint>> {
        self.run("create_endpoint", |rows| {
            let (created, row) = add(rows.endpoints.get(&endpoint.id), endpoint, nonce);
            rows.endpoints.extend(row.map(|row| (endpoint.id.clone(), row)));
            Ok(created)
        })
    }

    async fn endpoint(&self, id: &EndpointId) -> PortResult<Option<Stored<Endpoint>>> {
        self.run("endpoint", |rows| Ok(rows.endpoints.get(id).map(|row| row.stored.clone())))
    }

    async fn save_endpoint(
        &self,
        seen: &Stored<Endpoint>,
        endpoint: &Endpoint,
        news: Option<&Notice>,
        nonce: Nonce,
    ) -> PortResult<Saved<Endpoint>> {
        self.run("save_endpoint", |rows| {
            let row = rows.endpoints.get_mut(&seen.row.id);
            let saved = write(row, seen.version, endpoint.clone(), nonce);
            if let (Saved::Written(_), Some(notice)) = (&saved, news) {
                rows.notices.insert(notice.id.clone(), notice.clone());
            }
            Ok(saved)
        })
    }

    async fn list_endpoints(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Endpoint>> {
        self.run("list_endpoints", |rows| {
            let all = rows.endpoints.values().map(|row| &row.stored.row);
            let ours = all.filter(|endpoint| endpoint.workspace == *workspace && !endpoint.is_removed());
            let place = |endpoint: &Endpoint| cursor::place(endpoint.created_at, endpoint.id.as_str());
            page(ours.map(|endpoint| (place(endpoint), endpoint.clone())), cursor, limit)
        })
    }
}

impl Deliveries for MemoryTable {
    async fn create_delivery(&self, delivery: &Delivery, nonce: Nonce) -> PortResult<Created<Delivery>> {
        self.run("create_delivery", |rows| {
            let (created, row) = add(rows.deliveries.get(&delivery.key), delivery, nonce);
            rows.deliveries.extend(row.map(|row| (delivery.key.clone(), row)));
            Ok(created)
        })
    }

    async fn deliveries(&self, keys: &[DeliveryKey]) -> PortResult<HashMap<DeliveryKey, Stored<Delivery>>> {
        self.run("deliveries", |rows| {
            let found = |key: &DeliveryKey| Some((key.clone(), rows.deliveries.get(key)?.stored.clone()));
            Ok(keys.iter().filter_map(found).collect())
        })
    }

    async fn save_delivery(
        &self,
        seen: &Stored<Delivery>,
        delivery: &Delivery,
        nonce: Nonce,
    ) -> PortResult<Saved<Delivery>> {
        self.run("save_delivery", |rows| {
            let row = rows.deliveries.get_mut(&seen.row.key);
            Ok(write(row, seen.version, delivery.clone(), nonce))
        })
    }

    async fn list_deliveries(
        &self,
        endpoint: &EndpointId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Delivery>> {
        self.run("list_deliveries", |rows| {
            let all = rows.deliveries.values().map(|row| &row.stored.row);
            let ours = all.filter(|delivery| delivery.key.endpoint == *endpoint);
            let place = |delivery: &Delivery| cursor::place(delivery.created_at, delivery.key.event.as_str());
            page(ours.map(|delivery| (place(delivery), delivery.clone())), cursor, limit)
        })
    }
}

impl AppRows for MemoryTable {
    async fn app(&self, client_key: &str) -> PortResult<AppFacts> {
        self.run("app", |rows| Ok(rows.apps.get(client_key).cloned().unwrap_or_default()))
    }

    async fn saw(&self, client_key: &str, sighting: Sighting, at: Timestamp) -> PortResult<()> {
        self.run("saw", |rows| {
            rows.apps.entry(client_key.to_owned()).or_default().seen.insert(sighting, at);
            Ok(())
        })
    }

    async fn keep_event(&self, event: &Unexplained, _now: Timestamp) -> PortResult<()> {
        self.run("keep_event", |rows| {
            rows.events.insert(event.sha256, event.clone());
            Ok(())
        })
    }

    async fn put_file(&self, client_key: &str, name: &str, content: &str) -> PortResult<()> {
        self.run("put_file", |rows| {
            rows.files.insert(name.to_owned(), content.to_owned());
            rows.apps.entry(client_key.to_owned()).or_default().files.insert(name.to_owned());
            Ok(())
        })
    }

    async fn trip(&self, breaker: &Breaker) -> PortResult<()> {
        self.run("trip", |rows| {
            rows.breaker.get_or_insert_with(|| breaker.clone());
            Ok(())
        })
    }

    async fn take_probe(&self, seen: &Breaker, next: Timestamp) -> PortResult<bool> {
        self.run("take_probe", |rows| {
            let Some(breaker) = rows.breaker.as_mut().filter(|it| same(it.probe_at, seen.probe_at)) else {
                return Ok(false);
            };
            breaker.probe_at = next;
            Ok(true)
        })
    }

    async fn breaker(&self) -> PortResult<Option<Breaker>> {
        self.run("breaker", |rows| Ok(rows.breaker.clone()))
    }

    async fn detour(&self) -> PortResult<Detour> {
        self.run("detour", |rows| Ok(rows.detour.clone()))
    }

    async fn save_detour(&self, seen: &Detour, detour: &Detour) -> PortResult<bool> {
        self.run("save_detour", |rows| {
            if rows.detour == *detour {
                return Ok(true);
            }
            let unchanged = rows.detour == *seen;
            if unchanged {
                rows.detour = detour.clone();
            }
            Ok(unchanged)
        })
    }

    async fn close_breaker(&self, since: Timestamp) -> PortResult<()> {
        self.run("close_breaker", |rows| {
            rows.breaker.take_if(|it| same(it.since, since));
            Ok(())
        })
    }

    async fn file(&self, name: &str) -> PortResult<Option<String>> {
        self.run("file", |rows| Ok(rows.files.get(name).cloned()))
    }
}

/// Those of a partition that are due before `before`, oldest first.
fn due_before<K>(
    rows: impl Iterator<Item = (u128, Option<Timestamp>, K)>,
    partition: u8,
    before: Timestamp,
    limit: u32,
) -> Vec<Due<K>> {
    let mut due: Vec<_> = rows
        .filter(|(bits, _, _)| wake::partition(*bits) == partition)
        .filter_map(|(_, at, key)| Some(Due { key, at: at? }))
        .filter(|due| due.at < before)
        .collect();
    due.sort_by_key(|due| due.at);
    due.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    due
}

/// Moves a wake-up that is still the seen one; one that is moved there already may be our own work.
fn move_due(slot: &mut Option<Timestamp>, seen: Timestamp, due: Option<Timestamp>) -> (bool, bool) {
    let is = |at: Option<Timestamp>| slot.zip(at).is_some_and(|(slot, at)| same(slot, at));
    if is(Some(seen)) {
        *slot = due;
        return (true, true);
    }
    (is(due), false)
}

impl DueRows for MemoryTable {
    async fn due(&self, partition: u8, before: Timestamp, limit: u32) -> PortResult<Vec<Due<DueKey>>> {
        self.run("due", |rows| {
            let posts = rows.posts.keys().filter_map(|id| Some(&rows.post(id, Read::Eventual)?.row));
            let posts = posts.map(|post| (post.id.bits(), post.due, DueKey::Post(post.id.clone())));
            let media = rows.media.keys().filter_map(|id| Some(&rows.media(id, Read::Eventual)?.row));
            let media = media.map(|media| (media.id.bits(), media.due, DueKey::Media(media.id.clone())));
            let deliveries = rows.deliveries.values().map(|row| &row.stored.row);
            let deliveries = deliveries.map(|delivery| {
                (delivery.key.event.bits(), delivery.due, DueKey::Delivery(delivery.key.clone()))
            });
            let endpoints = rows.endpoints.values().map(|row| &row.stored.row);
            let endpoints = endpoints
                .map(|endpoint| (endpoint.id.bits(), endpoint.due, DueKey::Endpoint(endpoint.id.clone())));
            let all = posts.chain(media).chain(deliveries).chain(endpoints);
            Ok(due_before(all, partition, before, limit))
        })
    }

    async fn rows(&self, keys: &[DueKey]) -> PortResult<HashMap<DueKey, DueRow>> {
        self.run("rows", |rows| {
            let found = keys.iter().filter_map(|key| {
                let row = match key {
                    DueKey::Post(id) => DueRow::Post(Box::new(rows.posts.get(id)?.stored.row.clone())),
                    DueKey::Media(id) => DueRow::Media(Box::new(rows.media.get(id)?.stored.row.clone())),
                    DueKey::Delivery(key) => {
                        DueRow::Delivery(Box::new(rows.deliveries.get(key)?.stored.row.clone()))
                    }
                    DueKey::Endpoint(id) => {
                        DueRow::Endpoint(Box::new(rows.endpoints.get(id)?.stored.row.clone()))
                    }
                };
                Some((key.clone(), row))
            });
            Ok(found.collect())
        })
    }

    async fn push_back(&self, key: &DueKey, seen: Timestamp, due: Option<Timestamp>) -> PortResult<bool> {
        self.run("push_back", |rows| {
            let found = match key {
                DueKey::Post(id) => {
                    rows.posts.get_mut(id).map(|row| (&mut row.stored.row.due, &mut row.stored.version))
                }
                DueKey::Media(id) => {
                    rows.media.get_mut(id).map(|row| (&mut row.stored.row.due, &mut row.stored.version))
                }
                DueKey::Delivery(key) => {
                    rows.deliveries.get_mut(key).map(|row| (&mut row.stored.row.due, &mut row.stored.version))
                }
                DueKey::Endpoint(id) => {
                    rows.endpoints.get_mut(id).map(|row| (&mut row.stored.row.due, &mut row.stored.version))
                }
            };
            let Some((slot, version)) = found else { return Ok(false) };
            let (answer, moved) = move_due(slot, seen, due);
            *version += u64::from(moved);
            Ok(answer)
        })
    }
}

impl DueAccounts for MemoryTable {
    async fn due_accounts(
        &self,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> PortResult<Vec<Due<AccountId>>> {
        self.run("due_accounts", |rows| {
            let accounts = rows.accounts.keys().filter_map(|id| rows.account(id, Read::Eventual));
            let accounts = accounts.map(|account| (account.id.bits(), account.due, account.id.clone()));
            Ok(due_before(accounts, partition, before, limit))
        })
    }

    async fn push_back_account(&self, id: &AccountId, seen: Timestamp, due: Timestamp) -> PortResult<bool> {
        self.run("push_back_account", |rows| {
            let Some(row) = rows.accounts.get_mut(id) else { return Ok(false) };
            Ok(move_due(&mut row.account.due, seen, Some(due)).0)
        })
    }
}
