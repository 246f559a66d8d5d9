#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use domain::account::{Binding, Lease, Sealed, Slot, Tokens};
use domain::app::{AppFacts, Breaker, Detour, Sighting};
use domain::content::{Content, ContentHash};
use domain::limits::Limits;
use domain::media::Container;
use domain::post::PublishId;
use domain::{
    Account, AccountId, Creator, CreatorId, Delivery, DeliveryKey, Endpoint, EndpointId, Job, KeyId, KeyName,
    Media, MediaId, Nonce, Notice, NoticeId, Post, PostId, Scopes, SignedDuration, Timestamp, WorkspaceId,
};

#[cfg(feature = "fakes")]
pub mod contract;
pub mod cursor;
mod drops;
#[cfg(feature = "fakes")]
pub mod fakes;
mod library;
mod parts;
#[cfg(feature = "fakes")]
pub mod samples;

pub use drops::{DROPS, DropFolder, Dropped, OUTCOMES};
pub use library::Library;
pub use parts::{Joined, Multipart, Part};

/// A failure of something outside; nothing is known about whether the effect took place.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct PortError {
    /// What we were doing.
    pub what: String,
    /// Why it failed.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Whether the outside refused for good (access denied, no such table), so that a retry cannot help by itself.
    pub refused: bool,
}

impl PortError {
    /// A failure that may pass.
    pub fn passing(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { what: what.into(), source: Some(source.into()), refused: false }
    }
    /// A refusal that stands until somebody changes something.
    pub fn refused(
        what: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { what: what.into(), source: Some(source.into()), refused: true }
    }
}

/// What a port answers.
pub type PortResult<T> = Result<T, PortError>;

/// The time.
pub trait Clock: Send + Sync {
    /// Now, in whole milliseconds: rows keep no more.
    fn now(&self) -> Timestamp;
}

/// Randomness.
pub trait Entropy: Send + Sync {
    /// 256 random bits.
    fn random(&self) -> [u8; 32];

    /// A fresh nonce.
    fn nonce(&self) -> Nonce {
        let mut bits = [0; 16];
        bits.copy_from_slice(&self.random()[..16]);
        Nonce::from_bits(u128::from_be_bytes(bits))
    }
}

/// A row with the version that the next write must find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T> {
    /// The row.
    pub row: T,
    /// Counts its writes.
    pub version: u64,
}

/// What a conditional write came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved<T> {
    /// It took effect (now, or in an attempt whose answer was lost).
    Written(Stored<T>),
    /// Somebody else wrote first; this is the row now (`None`: it is gone).
    Conflict(Option<Stored<T>>),
}

/// What creating a row came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created<T> {
    /// It is new.
    New(Stored<T>),
    /// A row with this id was there.
    Existed(Stored<T>),
}

/// How fresh a read has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// Sees every write that was answered.
    Strong,
    /// May miss the last second; costs half.
    Eventual,
}

/// Everything an attempt or a check has to know, read at once.
#[derive(Debug, Clone)]
pub struct Work {
    /// The post.
    pub post: Option<Stored<Post>>,
    /// Its content, if it was asked for.
    pub content: Option<Content>,
    /// Its account.
    pub account: Option<Account>,
    /// The operator's breaker, if it is open and the content was asked for.
    pub breaker: Option<Breaker>,
    /// Whether TikTok's downloads hang, if they ever have and the content was asked for.
    pub detour: Option<Detour>,
}

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page starts.
    pub next_cursor: Option<String>,
}

/// Rows of posts and their contents.
pub trait Posts: Send + Sync {
    /// Writes the content, then the post if its id is new: the row is the single commit. A content of this hash that was
    /// there stays, with the consent that was given first.
    fn create(
        &self,
        post: &Post,
        content: &Content,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Created<Post>>> + Send;
    /// The post.
    fn post(&self, id: &PostId, read: Read) -> impl Future<Output = PortResult<Option<Stored<Post>>>> + Send;
    /// A content, named by post and hash.
    fn content(
        &self,
        id: &PostId,
        hash: &ContentHash,
    ) -> impl Future<Output = PortResult<Option<Content>>> + Send;
    /// Post, account, and (if a hash is given) content and breaker in one read.
    fn work(
        &self,
        post: &PostId,
        content: Option<&ContentHash>,
        account: &AccountId,
        read: Read,
    ) -> impl Future<Output = PortResult<Work>> + Send;
    /// Writes the post if its version is still the seen one, and with it what its workspace is told: both or neither.
    fn save(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        news: Option<&Notice>,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Saved<Post>>> + Send;
    /// Writes the content, then the post that names it, if its version is still the seen one: nothing is half changed. A
    /// content of this hash that was there stays.
    fn edit(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        content: &Content,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Saved<Post>>> + Send;
    /// Remembers for 90 days whose publish id this is. Writing the same again changes nothing; an id that is another
    /// post's is refused.
    fn remember(
        &self,
        publish_id: &PublishId,
        post: &PostId,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Whose publish id this is.
    fn whose(&self, publish_id: &PublishId) -> impl Future<Output = PortResult<Option<PostId>>> + Send;
    /// A workspace's posts, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Post>>> + Send;
}

/// What keeps the same from being posted twice: the post that came first has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The post that has it, whether it is written by now or not.
    pub post: PostId,
    /// The content of that post; a post of this id with another content never had the guard.
    pub content: ContentHash,
    /// When it was taken first.
    pub at: Timestamp,
    /// Afterwards a post that is not there will not be written any more by whoever took this.
    pub until: Timestamp,
    /// Afterwards it guards nothing.
    pub ends_at: Timestamp,
}

/// Guards, by the SHA-256 of what is the same.
pub trait Guards: Send + Sync {
    /// Takes a guard that nobody has, or that is still what was `seen` of it. `Some`: it is this instead. Taking the same again
    /// changes nothing.
    fn guard(
        &self,
        key: [u8; 32],
        guard: &Guard,
        seen: Option<&Guard>,
    ) -> impl Future<Output = PortResult<Option<Guard>>> + Send;
    /// The guard, whoever has it.
    fn guard_of(&self, key: [u8; 32]) -> impl Future<Output = PortResult<Option<Guard>>> + Send;
}

/// Rows of media.
pub trait MediaRows: Send + Sync {
    /// Writes a new row.
    fn declare(&self, media: &Media, nonce: Nonce)
    -> impl Future<Output = PortResult<Created<Media>>> + Send;
    /// The media.
    fn media(
        &self,
        id: &MediaId,
        read: Read,
    ) -> impl Future<Output = PortResult<Option<Stored<Media>>>> + Send;
    /// Several media in one read, in the order asked for; `None` where there is none.
    fn several(
        &self,
        ids: &[MediaId],
        read: Read,
    ) -> impl Future<Output = PortResult<Vec<Option<Media>>>> + Send;
    /// Writes state and wake-up if the version is still the seen one; the waiting posts are left as they are in the row,
    /// and come back with it.
    fn judge(
        &self,
        seen: &Stored<Media>,
        media: &Media,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Saved<Media>>> + Send;
    /// Adds a post that waits, and gives the row as it is then; `None` if there is no such media. The version stays: a
    /// verdict that is on its way is not disturbed, and comes back with the post.
    fn wait_for(
        &self,
        media: &MediaId,
        post: &PostId,
    ) -> impl Future<Output = PortResult<Option<Stored<Media>>>> + Send;
}

/// What taking a lease came to.
#[derive(Debug, Clone)]
pub enum Leased {
    /// We hold it; the account as a strongly consistent read shows it afterwards.
    Won {
        /// The account.
        account: Box<Account>,
        /// The lease of somebody who never gave it back was taken over (or our own, if the answer to our first request
        /// was lost): read the rescue object first.
        taken_over: bool,
    },
    /// Somebody holds it until then.
    Busy(Timestamp),
    /// There is no such account.
    Missing,
}

/// Rows of accounts.
///
/// [`Tokens::previous_refresh`] is given to the holder of the lease alone, by [`Accounts::lease`]; every other read leaves
/// it out.
pub trait Accounts: Send + Sync {
    /// The account.
    fn account(&self, id: &AccountId, read: Read)
    -> impl Future<Output = PortResult<Option<Account>>> + Send;
    /// Writes limits and slot if nobody has since `seen_version`, and gives their version. `Ok(None)`: somebody has.
    fn save_limits(
        &self,
        id: &AccountId,
        seen_version: u64,
        limits: &Limits,
        slot: Option<&Slot>,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Option<u64>>> + Send;
    /// Takes the lease if it is free or ran out before `now`. Asking again with the same nonce wins again.
    fn lease(
        &self,
        id: &AccountId,
        lease: &Lease,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Leased>> + Send;
    /// Gives the lease back, if it is still ours. `due` moves the wake-up.
    fn release(
        &self,
        id: &AccountId,
        nonce: Nonce,
        due: Option<Timestamp>,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Stores the next generation, marks the account connected and gives the lease back, if the lease is still ours and
    /// the row's epoch is `tokens.epoch - 1`. `false`: it is not.
    fn store_tokens(
        &self,
        id: &AccountId,
        nonce: Nonce,
        tokens: &Tokens,
        due: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;
    /// Marks the account as one whose creator has to sign in again, if the epoch is still `epoch`; gives the lease back.
    fn require_reconnect(
        &self,
        id: &AccountId,
        nonce: Nonce,
        epoch: u64,
        code: &str,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;
    /// Takes the tokens away, the previous refresh token included, and gives the lease back, if the lease is still ours and
    /// the epoch still `epoch`. Epoch, limits and slot stay. `false`: it is not.
    fn disconnect(
        &self,
        id: &AccountId,
        nonce: Nonce,
        epoch: u64,
    ) -> impl Future<Output = PortResult<bool>> + Send;
    /// Creates the row, or reconnects it: a row that belongs to another workspace and is not disconnected is left alone
    /// ([`Connected::Elsewhere`]). Limits and slot of an existing row stay. Takes part in leases and epochs: nobody but
    /// `nonce` may hold the lease, which is given back, and the account's tokens, which must be there, bear the epoch to
    /// write, conditional on the row's epoch being one less (a new row has none).
    fn connect(&self, account: &Account, nonce: Nonce) -> impl Future<Output = PortResult<Connected>> + Send;
}

/// What connecting an account came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connected {
    /// Written.
    Done,
    /// Another workspace has it.
    Elsewhere,
    /// The epoch or the lease moved under us: read again.
    Moved,
}

/// Rows of creators.
pub trait Creators: Send + Sync {
    /// The creator.
    fn creator(&self, id: &CreatorId) -> impl Future<Output = PortResult<Option<Creator>>> + Send;
    /// Creator and media in one read, for accepting a post.
    fn creator_and_media(
        &self,
        creator: &CreatorId,
        media: &MediaId,
    ) -> impl Future<Output = PortResult<(Option<Creator>, Option<Media>)>> + Send;
    /// Writes the creator (connecting and new answers of `creator_info`; the last writer wins).
    fn put_creator(&self, creator: &Creator) -> impl Future<Output = PortResult<()>> + Send;
    /// A workspace's creators, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list_creators(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Creator>>> + Send;
}

/// An API key, without its secret.
///
/// Rows that were written before keys had names, scopes and times have the name of [`KeyName::default`], every scope, and
/// were made at the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// What people call it.
    pub name: KeyName,
    /// SHA-256 of the secret part.
    pub secret_sha256: [u8; 32],
    /// What it may do.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, give or take an hour.
    pub last_used_at: Option<Timestamp>,
    /// When it stops working, if it was made to.
    pub expires_at: Option<Timestamp>,
    /// When it stops working because another has taken its place.
    pub retires_at: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// The key whose place it has taken.
    pub replaces: Option<KeyId>,
    /// SHA-256 of the body that asked for it under an `Idempotency-Key`: tells a repeat from another request.
    pub request_sha256: Option<[u8; 32]>,
}

impl ApiKey {
    /// When it stops working by itself, if it does.
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.expires_at, self.retires_at) {
            (Some(expires), Some(retires)) => Some(expires.min(retires)),
            (one, other) => one.or(other),
        }
    }
}

/// What making a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is new.
    New,
    /// A key with this id was there.
    Existed(Box<ApiKey>),
}

/// How much older than the present use the last one that is written down has to be.
pub const LAST_USE_KEPT: SignedDuration = SignedDuration::from_hours(1);

/// Rows of API keys.
pub trait Keys: Send + Sync {
    /// The key, strongly consistent: whoever asks believes the answer for a while.
    fn key(&self, id: &KeyId) -> impl Future<Output = PortResult<Option<ApiKey>>> + Send;
    /// Writes a key if its id is new.
    fn create_key(&self, key: &ApiKey, nonce: Nonce) -> impl Future<Output = PortResult<KeyCreated>> + Send;
    /// Marks a key as revoked and gives the row as it is then; one that was revoked before stays as it was. `None`: there
    /// is no such key.
    fn revoke_key(
        &self,
        id: &KeyId,
        at: Timestamp,
    ) -> impl Future<Output = PortResult<Option<ApiKey>>> + Send;
    /// Lets a key retire at `at`, if it is not revoked and would not retire earlier, and gives the row as it is then.
    /// `None`: there is no such key.
    fn retire_key(
        &self,
        id: &KeyId,
        at: Timestamp,
    ) -> impl Future<Output = PortResult<Option<ApiKey>>> + Send;
    /// Writes down that a key was used, if the last use that is written down is more than [`LAST_USE_KEPT`] older. A key that
    /// is not there stays away. A row from before keys were listed joins the list.
    fn key_used(&self, key: &ApiKey, at: Timestamp) -> impl Future<Output = PortResult<()>> + Send;
    /// A workspace's keys, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list_keys(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<ApiKey>>> + Send;
}

/// What workspaces are told.
pub trait Notices: Send + Sync {
    /// Records a notice for 90 days. Recording the same again changes nothing. `false`: it was there.
    fn record(&self, notice: &Notice) -> impl Future<Output = PortResult<bool>> + Send;
    /// A notice.
    fn notice(&self, id: &NoticeId) -> impl Future<Output = PortResult<Option<Notice>>> + Send;
    /// A workspace's notices, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list_notices(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Notice>>> + Send;
}

/// Rows of webhook endpoints.
pub trait Endpoints: Send + Sync {
    /// Writes a new row.
    fn create_endpoint(
        &self,
        endpoint: &Endpoint,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Created<Endpoint>>> + Send;
    /// The endpoint, strongly consistent.
    fn endpoint(&self, id: &EndpointId) -> impl Future<Output = PortResult<Option<Stored<Endpoint>>>> + Send;
    /// Writes the endpoint if its version is still the seen one, and with it what its workspace is told: both or neither.
    /// One that was removed leaves the list.
    fn save_endpoint(
        &self,
        seen: &Stored<Endpoint>,
        endpoint: &Endpoint,
        news: Option<&Notice>,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Saved<Endpoint>>> + Send;
    /// A workspace's endpoints, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list_endpoints(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Endpoint>>> + Send;
}

/// Rows of deliveries, kept for 30 days.
pub trait Deliveries: Send + Sync {
    /// Writes a new row.
    fn create_delivery(
        &self,
        delivery: &Delivery,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Created<Delivery>>> + Send;
    /// Deliveries by their keys, strongly consistent; what is missing is left out.
    fn deliveries(
        &self,
        keys: &[DeliveryKey],
    ) -> impl Future<Output = PortResult<HashMap<DeliveryKey, Stored<Delivery>>>> + Send;
    /// Writes the delivery if its version is still the seen one.
    fn save_delivery(
        &self,
        seen: &Stored<Delivery>,
        delivery: &Delivery,
        nonce: Nonce,
    ) -> impl Future<Output = PortResult<Saved<Delivery>>> + Send;
    /// An endpoint's deliveries, newest first. A cursor that is none of ours ([`cursor::decode`]) is refused.
    fn list_deliveries(
        &self,
        endpoint: &EndpointId,
        cursor: Option<&str>,
        limit: u32,
    ) -> impl Future<Output = PortResult<Page<Delivery>>> + Send;
}

/// What TikTok told us and nothing here explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// SHA-256 of the delivery: a repeat is the same.
    pub sha256: [u8; 32],
    /// TikTok's name of the event.
    pub event: String,
    /// The user it is about.
    pub open_id: String,
    /// When TikTok says it happened, in seconds since 1970.
    pub create_time: i64,
    /// As received.
    pub content: String,
}

/// What is known of the app at TikTok.
pub trait AppRows: Send + Sync {
    /// What TikTok's answers have shown so far.
    fn app(&self, client_key: &str) -> impl Future<Output = PortResult<AppFacts>> + Send;
    /// An answer showed something.
    fn saw(
        &self,
        client_key: &str,
        sighting: Sighting,
        at: Timestamp,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Keeps a signed event of TikTok's for 90 days.
    fn keep_event(&self, event: &Unexplained, now: Timestamp) -> impl Future<Output = PortResult<()>> + Send;
    /// Keeps one of TikTok's verification files, in place of an earlier one of that name.
    fn put_file(
        &self,
        client_key: &str,
        name: &str,
        content: &str,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Opens the operator's breaker; one that is open stays as it is.
    fn trip(&self, breaker: &Breaker) -> impl Future<Output = PortResult<()>> + Send;
    /// Takes the breaker's next probe, if nobody has since it was seen: afterwards the next one is at `next`.
    fn take_probe(&self, seen: &Breaker, next: Timestamp) -> impl Future<Output = PortResult<bool>> + Send;
    /// The breaker, if it is open.
    fn breaker(&self) -> impl Future<Output = PortResult<Option<Breaker>>> + Send;
    /// Closes the breaker that has been open since `since`; another one stays open.
    fn close_breaker(&self, since: Timestamp) -> impl Future<Output = PortResult<()>> + Send;
    /// The detour around TikTok's downloads.
    fn detour(&self) -> impl Future<Output = PortResult<Detour>> + Send;
    /// Writes the detour, if it is still as it was seen. `false`: somebody else wrote first.
    fn save_detour(&self, seen: &Detour, detour: &Detour) -> impl Future<Output = PortResult<bool>> + Send;
    /// A verification file.
    fn file(&self, name: &str) -> impl Future<Output = PortResult<Option<String>>> + Send;
}

/// A connection that somebody began: a link that was made, or a browser that was sent to TikTok.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connecting {
    /// For which workspace.
    pub workspace: WorkspaceId,
    /// Who must come back, when a creator is connected again.
    pub creator: Option<CreatorId>,
    /// Scopes that are asked for.
    pub scopes: Vec<String>,
    /// SHA-256 of the browser's cookie; `None` for a link that no browser has opened.
    pub browser_sha256: Option<[u8; 32]>,
    /// Afterwards it is worth nothing.
    pub expires_at: Timestamp,
}

/// Rows of connections that somebody began; each can be taken once.
pub trait Connections: Send + Sync {
    /// Writes one under the SHA-256 of its secret. Writing the same again changes nothing. `false`: the secret was taken, or
    /// stands for something else.
    fn begin(
        &self,
        secret_sha256: [u8; 32],
        connecting: &Connecting,
    ) -> impl Future<Output = PortResult<bool>> + Send;
    /// Reads one without taking it.
    fn peek(&self, secret_sha256: [u8; 32]) -> impl Future<Output = PortResult<Option<Connecting>>> + Send;
    /// Takes one: a second call finds nothing.
    fn take(&self, secret_sha256: [u8; 32]) -> impl Future<Output = PortResult<Option<Connecting>>> + Send;
}

/// A row that wakes up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due<K> {
    /// Which.
    pub key: K,
    /// When; a stale index may be wrong, the row's own value decides.
    pub at: Timestamp,
}

/// A row of the posts' side of the `due` index.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DueKey {
    /// A post.
    Post(PostId),
    /// A media.
    Media(MediaId),
    /// A delivery of a webhook.
    Delivery(DeliveryKey),
    /// A webhook endpoint.
    Endpoint(EndpointId),
}

/// A row that is due, as it is in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DueRow {
    /// A post.
    Post(Box<Post>),
    /// A media.
    Media(Box<Media>),
    /// A delivery of a webhook.
    Delivery(Box<Delivery>),
    /// A webhook endpoint.
    Endpoint(Box<Endpoint>),
}

/// The side of posts, media and webhooks of the `due` index; only the sweep of `status-poll` reads it.
pub trait DueRows: Send + Sync {
    /// Rows of a partition that are due before `before`, oldest first.
    fn due(
        &self,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Due<DueKey>>>> + Send;
    /// The rows themselves. One that cannot be read (a newer version wrote it) is logged and left out, so that it does not
    /// hold up the others.
    fn rows(&self, keys: &[DueKey]) -> impl Future<Output = PortResult<HashMap<DueKey, DueRow>>> + Send;
    /// Moves a row's wake-up, if it is still `seen`. `false`: it is neither that nor `due` already. Counts as a write of
    /// the row: whoever read it before meets a conflict.
    fn push_back(
        &self,
        key: &DueKey,
        seen: Timestamp,
        due: Option<Timestamp>,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}

/// The accounts' side of the `due` index; only the sweep of `token-refresh` reads it.
pub trait DueAccounts: Send + Sync {
    /// Accounts of a partition that are due before `before`, oldest first.
    fn due_accounts(
        &self,
        partition: u8,
        before: Timestamp,
        limit: u32,
    ) -> impl Future<Output = PortResult<Vec<Due<AccountId>>>> + Send;
    /// Moves an account's wake-up, if it is still `seen`. `false`: it is neither that nor `due` already.
    fn push_back_account(
        &self,
        id: &AccountId,
        seen: Timestamp,
        due: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}

/// A URL that lets its holder do something; never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(String);

impl SecretUrl {
    /// Wraps a URL.
    pub fn new(url: String) -> Self {
        Self(url)
    }

    /// The URL, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted url]")
    }
}

/// A request that an uploader makes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where to `PUT`.
    pub url: SecretUrl,
    /// Headers that must be sent exactly so.
    pub headers: Vec<(String, String)>,
    /// Afterwards it is refused.
    pub expires_at: Timestamp,
}

/// What copying an upload for an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copied {
    /// The copy is there.
    Done,
    /// The upload is gone, or is not the object that was probed.
    Changed,
}

/// Objects in the media bucket.
pub trait Objects: Send + Sync {
    /// Signs a `PUT` of exactly these bytes to `up/<media>`.
    fn sign_upload(
        &self,
        media: &MediaId,
        container: Container,
        size: u64,
        sha256_base64: Option<&str>,
        valid: SignedDuration,
        now: Timestamp,
    ) -> impl Future<Output = PortResult<Upload>> + Send;
    /// Stores a small video that came inside a request; gives its entity tag.
    fn put_upload(
        &self,
        media: &MediaId,
        container: Container,
        bytes: Vec<u8>,
    ) -> impl Future<Output = PortResult<String>> + Send;
    /// Stores the JPEG that a photo was converted to, beside the upload, which stays as it came; gives its entity tag.
    /// Converting once more writes over it.
    fn put_converted(
        &self,
        media: &MediaId,
        bytes: Vec<u8>,
    ) -> impl Future<Output = PortResult<String>> + Send;
    /// Copies the upload, or what it was converted to, to the attempt's key: whichever of the two has the entity tag. No
    /// byte comes through here.
    fn copy_for_attempt(
        &self,
        media: &MediaId,
        etag: &str,
        key: &str,
        content_type: &'static str,
    ) -> impl Future<Output = PortResult<Copied>> + Send;
    /// Bytes of `up/<media>`, if it still has the entity tag. `None`: it is gone, or is not the object that was probed.
    fn read_upload(
        &self,
        media: &MediaId,
        etag: &str,
        range: Range<u64>,
    ) -> impl Future<Output = PortResult<Option<Bytes>>> + Send;
    /// Deletes an attempt's copy and says when that was done, by the clock of the bucket.
    fn fence(&self, key: &str) -> impl Future<Output = PortResult<Timestamp>> + Send;
    /// Deletes an attempt's copy; deleting what is gone is fine.
    fn delete_copy(&self, key: &str) -> impl Future<Output = PortResult<()>> + Send;
    /// Serves one of TikTok's verification files from the media domain, at `/<name>` and `/m/<name>`.
    fn publish_file(&self, name: &str, content: &str) -> impl Future<Output = PortResult<()>> + Send;
    /// Signs a `GET` of an attempt's copy.
    fn sign_download(
        &self,
        key: &str,
        valid: SignedDuration,
    ) -> impl Future<Output = PortResult<SecretUrl>> + Send;
}

/// The log of who asked the media domain for what. All times are by the clock of the bucket: workers' clocks prove nothing.
pub trait FetchLog: Send + Sync {
    /// Every request that began before this is in the log; `None`: there is no log.
    fn complete_until(&self) -> impl Future<Output = PortResult<Option<Timestamp>>> + Send;
    /// Whether anybody asked for an attempt's copy that was claimed at `claimed_at`, by a clock that may be minutes off.
    fn was_asked_for(
        &self,
        key: &str,
        claimed_at: Timestamp,
    ) -> impl Future<Output = PortResult<bool>> + Send;
}

/// Sealed tokens that the table would not take, kept until somebody can store them.
pub trait Rescue: Send + Sync {
    /// Keeps a generation.
    fn keep(&self, account: &AccountId, tokens: &Tokens) -> impl Future<Output = PortResult<()>> + Send;
    /// The generation `epoch`, if it was kept.
    fn kept(
        &self,
        account: &AccountId,
        epoch: u64,
    ) -> impl Future<Output = PortResult<Option<Tokens>>> + Send;
    /// Forgets a generation; one that was never kept is fine.
    fn forget(&self, account: &AccountId, epoch: u64) -> impl Future<Output = PortResult<()>> + Send;
}

/// The longest delay a queue takes.
pub const MAX_DELAY: SignedDuration = SignedDuration::from_secs(900);

/// Queues; the job says which one.
pub trait Queues: Send + Sync {
    /// Sends a job that becomes visible after `delay` (rounded up to seconds, at most [`MAX_DELAY`]).
    fn send(&self, job: &Job, delay: SignedDuration) -> impl Future<Output = PortResult<()>> + Send;
}

/// A message that failed again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The queue that it was in: `publish`, `status`, `ingest`, `refresh` or `delivery`.
    pub queue: String,
    /// Its body, as it was sent.
    pub body: String,
}

/// The dead-letter queues, for looking only: letters stay there until an operator sends them again.
pub trait DeadLetters: Send + Sync {
    /// Some of the letters that lie there, if any do.
    fn look(&self) -> impl Future<Output = PortResult<Vec<DeadLetter>>> + Send;
}

/// A secret in the clear, for as long as it is needed.
#[derive(Clone, PartialEq, Eq)]
pub struct Plaintext(String);

impl Plaintext {
    /// Wraps a secret.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a sealed token did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was sealed for another place, or was changed.
    #[error("the ciphertext does not belong here")]
    Foreign,
    /// The key service failed.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Seals tokens.
pub trait Vault: Send + Sync {
    /// Seals a secret for one place.
    fn seal(
        &self,
        secret: &Plaintext,
        binding: &Binding<'_>,
    ) -> impl Future<Output = PortResult<Sealed>> + Send;
    /// Opens it, in the same place only.
    fn open(
        &self,
        sealed: &Sealed,
        binding: &Binding<'_>,
    ) -> impl Future<Output = Result<Plaintext, OpenError>> + Send;
}
