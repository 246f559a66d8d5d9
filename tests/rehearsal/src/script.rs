//! What happens at which call.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use domain::account::{Binding, Lease, Sealed, Slot, Tokens};
use domain::app::{AppFacts, Breaker, Detour, Sighting};
use domain::content::ContentHash;
use domain::limits::Limits;
use domain::media::Container;
use domain::post::PublishId;
use domain::{
    Account, AccountId, Content, Creator, CreatorId, Delivery, DeliveryKey, Endpoint, EndpointId, Job, KeyId,
    Media, MediaId, Nonce, Notice, NoticeId, Post, PostId, SignedDuration, Timestamp, WorkspaceId,
};
use ports::{
    Accounts, ApiKey, AppRows, Connected, Connecting, Connections, Copied, Created, Creators, DeadLetter,
    DeadLetters, Deliveries, Due, DueAccounts, DueKey, DueRow, DueRows, Endpoints, FetchLog, Guard, Guards,
    Joined, KeyCreated, Keys, Leased, Library, MediaRows, Multipart, Notices, Objects, OpenError, Page, Part,
    Plaintext, PortError, PortResult, Posts, Queues, Read, Rescue, Saved, SecretUrl, Stored, Unexplained,
    Upload, Vault, Work,
};

/// What happens at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cue {
    /// The invocation ends; the call has no effect.
    CrashBefore,
    /// The call has its effect; the invocation ends.
    CrashAfter,
    /// The call has no effect; the caller sees an error that does not say so.
    FailBefore,
    /// The call has its effect; the caller sees an error that does not say so.
    FailAfter,
    /// The call has no effect, and at TikTok's seam the error says so.
    NotSent,
}

impl Cue {
    /// Every crash.
    pub const CRASHES: [Self; 2] = [Self::CrashBefore, Self::CrashAfter];
    /// Every error that does not say whether the effect took place.
    pub const FAILURES: [Self; 2] = [Self::FailBefore, Self::FailAfter];
}

type Hook = Box<dyn FnOnce() -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// What happens at which call; clones share it.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    calls: Vec<&'static str>,
    numbered: HashMap<usize, Cue>,
    named: Vec<(&'static str, Cue)>,
    hooks: Vec<(&'static str, Hook)>,
    later_hooks: Vec<(&'static str, Hook)>,
    takes_turns: bool,
    crashed: bool,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").finish_non_exhaustive()
    }
}

impl Script {
    fn with<X>(&self, change: impl FnOnce(&mut State) -> X) -> X {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The names of all calls so far: the methods of ports, and `oauth.refresh`, `creator_info`, `video_init` and
    /// `status_fetch` of TikTok.
    pub fn calls(&self) -> Vec<&'static str> {
        self.with(|state| state.calls.clone())
    }

    /// The latest call.
    pub fn last_call(&self) -> Option<&'static str> {
        self.with(|state| state.calls.last().copied())
    }

    /// Whether the invocation crashed where the script says so.
    pub fn has_crashed(&self) -> bool {
        self.with(|state| state.crashed)
    }

    /// Forgets the calls; numbers count from 0 again.
    pub fn forget_calls(&self) {
        self.with(|state| state.calls.clear());
    }

    /// At the call with this number (from 0).
    pub fn at(&self, number: usize, cue: Cue) {
        self.with(|state| state.numbered.insert(number, cue));
    }

    /// At the next call of this name, after those planned earlier for it.
    pub fn next(&self, call: &'static str, cue: Cue) {
        self.with(|state| state.named.push((call, cue)));
    }

    /// Forgets what was planned and has not happened; gives whether there was any.
    pub fn end(&self) -> bool {
        self.with(|state| {
            let hooks = state.hooks.len() + state.later_hooks.len();
            let any = hooks > 0 || !(state.numbered.is_empty() && state.named.is_empty());
            state.numbered.clear();
            state.named.clear();
            state.hooks.clear();
            state.later_hooks.clear();
            any
        })
    }

    /// Before the effect of the next call of this name.
    pub fn before<F: Future<Output = ()> + Send + 'static>(
        &self,
        call: &'static str,
        hook: impl FnOnce() -> F + Send + 'static,
    ) {
        self.with(|state| state.hooks.push((call, Box::new(|| Box::pin(hook())))));
    }

    /// Between the effect of the next call of this name and its answer.
    pub fn after<F: Future<Output = ()> + Send + 'static>(
        &self,
        call: &'static str,
        hook: impl FnOnce() -> F + Send + 'static,
    ) {
        self.with(|state| state.later_hooks.push((call, Box::new(|| Box::pin(hook())))));
    }

    /// From now on every call lets others go first, before its effect and before its answer, so that invocations side by
    /// side mix.
    pub fn take_turns(&self) {
        self.with(|state| state.takes_turns = true);
    }

    async fn crash<X>(&self) -> X {
        self.with(|state| state.crashed = true);
        std::future::pending().await
    }
}

/// Decides what happens at each call of a [`Watched`] fake.
pub trait Director: Send + Sync {
    /// Runs one call. `effect` is the call itself, `failed` makes the error that the caller sees where it is to see one.
    fn play<X: Send, E: Send>(
        &self,
        call: &'static str,
        effect: impl Future<Output = Result<X, E>> + Send,
        failed: impl FnOnce(Cue) -> E + Send,
    ) -> impl Future<Output = Result<X, E>> + Send;
}

impl Director for Script {
    async fn play<X: Send, E: Send>(
        &self,
        call: &'static str,
        effect: impl Future<Output = Result<X, E>> + Send,
        failed: impl FnOnce(Cue) -> E + Send,
    ) -> Result<X, E> {
        let (cue, hook, later_hook, takes_turns) = self.with(|state| {
            let number = state.calls.len();
            state.calls.push(call);
            let position = state.named.iter().position(|(name, _)| *name == call);
            let named = position.map(|index| state.named.remove(index).1);
            let take = |hooks: &mut Vec<(&'static str, Hook)>| {
                let position = hooks.iter().position(|(name, _)| *name == call);
                position.map(|index| hooks.remove(index).1)
            };
            let (hook, later_hook) = (take(&mut state.hooks), take(&mut state.later_hooks));
            (state.numbered.remove(&number).or(named), hook, later_hook, state.takes_turns)
        });
        if takes_turns {
            Turn(false).await;
        }
        if let Some(hook) = hook {
            hook().await;
        }
        let answer = match cue {
            None => effect.await,
            Some(Cue::CrashBefore) => return self.crash().await,
            Some(Cue::CrashAfter) => {
                drop(effect.await);
                return self.crash().await;
            }
            Some(cue @ (Cue::FailBefore | Cue::NotSent)) => Err(failed(cue)),
            Some(cue @ Cue::FailAfter) => effect.await.and_then(|_| Err(failed(cue))),
        };
        if let Some(hook) = later_hook {
            hook().await;
        }
        if takes_turns {
            Turn(false).await;
        }
        answer
    }
}

/// Pending once.
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Whether an invocation can go on.
#[derive(Default)]
pub(crate) struct Woken(AtomicBool);

#[cfg(feature = "refreshers")]
impl Woken {
    /// One that can go on at once.
    pub(crate) fn up() -> Arc<Self> {
        Arc::new(Self(AtomicBool::new(true)))
    }

    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Woken {
    /// Whether it could go on, until now.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Runs an invocation to its end; `None`: it crashed. Nothing on the stage waits for anything else.
pub fn run<X>(invocation: impl Future<Output = X>) -> Option<X> {
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let mut invocation = pin!(invocation);
    loop {
        if let Poll::Ready(value) = invocation.as_mut().poll(&mut context) {
            return Some(value);
        }
        if !woken.take() {
            return None;
        }
    }
}

/// Runs what does not crash.
///
/// # Panics
///
/// If it crashed.
#[track_caller]
pub fn done<X>(invocation: impl Future<Output = X>) -> X {
    run(invocation).expect("the invocation runs to its end")
}

/// A fake whose calls somebody directs: the script, unless it is said.
#[derive(Debug, Clone)]
pub struct Watched<P, D = Script> {
    fake: P,
    director: D,
}

impl<P, D: Clone> Watched<P, D> {
    /// Watches a fake.
    pub fn new(fake: P, director: &D) -> Self {
        Self { fake, director: director.clone() }
    }
}

#[derive(Debug)]
struct OnPurpose(Cue);

impl fmt::Display for OnPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as the script says: {:?}", self.0)
    }
}

impl std::error::Error for OnPurpose {}

pub(crate) fn on_purpose(cue: Cue) -> impl std::error::Error + Send + Sync + 'static {
    OnPurpose(cue)
}

macro_rules! watched {
    ($port:ident { $( $call:ident($($name:ident: $kind:ty),* $(,)?) -> $answer:ty; )+ }) => {
        impl<P: $port, D: Director> $port for Watched<P, D> {
            $(
                async fn $call(&self, $($name: $kind),*) -> $answer {
                    let failed = |cue| PortError::passing(stringify!($call), OnPurpose(cue)).into();
                    self.director.play(stringify!($call), self.fake.$call($($name),*), failed).await
                }
            )+
        }
    };
}

watched!(Posts {
    create(post: &Post, content: &Content, nonce: Nonce) -> PortResult<Created<Post>>;
    post(id: &PostId, read: Read) -> PortResult<Option<Stored<Post>>>;
    content(id: &PostId, hash: &ContentHash) -> PortResult<Option<Content>>;
    work(post: &PostId, content: Option<&ContentHash>, account: &AccountId, read: Read) -> PortResult<Work>;
    save(seen: &Stored<Post>, post: &Post, news: Option<&Notice>, nonce: Nonce) -> PortResult<Saved<Post>>;
    edit(seen: &Stored<Post>, post: &Post, content: &Content, nonce: Nonce) -> PortResult<Saved<Post>>;
    remember(publish_id: &PublishId, post: &PostId, now: Timestamp) -> PortResult<()>;
    whose(publish_id: &PublishId) -> PortResult<Option<PostId>>;
    list(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Post>>;
});

watched!(Guards {
    guard(key: [u8; 32], guard: &Guard, seen: Option<&Guard>) -> PortResult<Option<Guard>>;
    guard_of(key: [u8; 32]) -> PortResult<Option<Guard>>;
});

watched!(MediaRows {
    declare(media: &Media, nonce: Nonce) -> PortResult<Created<Media>>;
    media(id: &MediaId, read: Read) -> PortResult<Option<Stored<Media>>>;
    several(ids: &[MediaId], read: Read) -> PortResult<Vec<Option<Media>>>;
    judge(seen: &Stored<Media>, media: &Media, nonce: Nonce) -> PortResult<Saved<Media>>;
    wait_for(media: &MediaId, post: &PostId) -> PortResult<Option<Stored<Media>>>;
});

watched!(Library {
    list_media(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Media>>;
    note_parts(media: &MediaId, upload_id: &str) -> PortResult<Option<Stored<Media>>>;
    unlist_media(media: &MediaId) -> PortResult<()>;
});

watched!(Accounts {
    account(id: &AccountId, read: Read) -> PortResult<Option<Account>>;
    save_limits(
        id: &AccountId,
        seen_version: u64,
        limits: &Limits,
        slot: Option<&Slot>,
        nonce: Nonce,
    ) -> PortResult<Option<u64>>;
    lease(id: &AccountId, lease: &Lease, now: Timestamp) -> PortResult<Leased>;
    release(id: &AccountId, nonce: Nonce, due: Option<Timestamp>) -> PortResult<()>;
    store_tokens(id: &AccountId, nonce: Nonce, tokens: &Tokens, due: Timestamp) -> PortResult<bool>;
    require_reconnect(
        id: &AccountId,
        nonce: Nonce,
        epoch: u64,
        code: &str,
        now: Timestamp,
    ) -> PortResult<bool>;
    disconnect(id: &AccountId, nonce: Nonce, epoch: u64) -> PortResult<bool>;
    connect(account: &Account, nonce: Nonce) -> PortResult<Connected>;
});

watched!(Notices {
    record(notice: &Notice) -> PortResult<bool>;
    notice(id: &NoticeId) -> PortResult<Option<Notice>>;
    list_notices(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Notice>>;
});

watched!(Endpoints {
    create_endpoint(endpoint: &Endpoint, nonce: Nonce) -> PortResult<Created<Endpoint>>;
    endpoint(id: &EndpointId) -> PortResult<Option<Stored<Endpoint>>>;
    save_endpoint(
        seen: &Stored<Endpoint>,
        endpoint: &Endpoint,
        news: Option<&Notice>,
        nonce: Nonce,
    ) -> PortResult<Saved<Endpoint>>;
    list_endpoints(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Endpoint>>;
});

watched!(Deliveries {
    create_delivery(delivery: &Delivery, nonce: Nonce) -> PortResult<Created<Delivery>>;
    deliveries(keys: &[DeliveryKey]) -> PortResult<HashMap<DeliveryKey, Stored<Delivery>>>;
    save_delivery(seen: &Stored<Delivery>, delivery: &Delivery, nonce: Nonce) -> PortResult<Saved<Delivery>>;
    list_deliveries(endpoint: &EndpointId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Delivery>>;
});

watched!(AppRows {
    app(client_key: &str) -> PortResult<AppFacts>;
    saw(client_key: &str, sighting: Sighting, at: Timestamp) -> PortResult<()>;
    keep_event(event: &Unexplained, now: Timestamp) -> PortResult<()>;
    put_file(client_key: &str, name: &str, content: &str) -> PortResult<()>;
    trip(breaker: &Breaker) -> PortResult<()>;
    take_probe(seen: &Breaker, next: Timestamp) -> PortResult<bool>;
    breaker() -> PortResult<Option<Breaker>>;
    close_breaker(since: Timestamp) -> PortResult<()>;
    detour() -> PortResult<Detour>;
    save_detour(seen: &Detour, detour: &Detour) -> PortResult<bool>;
    file(name: &str) -> PortResult<Option<String>>;
});

watched!(FetchLog {
    complete_until() -> PortResult<Option<Timestamp>>;
    was_asked_for(key: &str, claimed_at: Timestamp) -> PortResult<bool>;
});

watched!(Creators {
    creator(id: &CreatorId) -> PortResult<Option<Creator>>;
    creator_and_media(creator: &CreatorId, media: &MediaId) -> PortResult<(Option<Creator>, Option<Media>)>;
    put_creator(creator: &Creator) -> PortResult<()>;
    list_creators(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<Creator>>;
});

watched!(Keys {
    key(id: &KeyId) -> PortResult<Option<ApiKey>>;
    create_key(key: &ApiKey, nonce: Nonce) -> PortResult<KeyCreated>;
    revoke_key(id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>>;
    retire_key(id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>>;
    key_used(key: &ApiKey, at: Timestamp) -> PortResult<()>;
    list_keys(workspace: &WorkspaceId, cursor: Option<&str>, limit: u32) -> PortResult<Page<ApiKey>>;
});

watched!(Connections {
    begin(secret_sha256: [u8; 32], connecting: &Connecting) -> PortResult<bool>;
    peek(secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>>;
    take(secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>>;
});

watched!(DueRows {
    due(partition: u8, before: Timestamp, limit: u32) -> PortResult<Vec<Due<DueKey>>>;
    rows(keys: &[DueKey]) -> PortResult<HashMap<DueKey, DueRow>>;
    push_back(key: &DueKey, seen: Timestamp, due: Option<Timestamp>) -> PortResult<bool>;
});

watched!(DueAccounts {
    due_accounts(partition: u8, before: Timestamp, limit: u32) -> PortResult<Vec<Due<AccountId>>>;
    push_back_account(id: &AccountId, seen: Timestamp, due: Timestamp) -> PortResult<bool>;
});

watched!(Objects {
    sign_upload(
        media: &MediaId,
        container: Container,
        size: u64,
        sha256_base64: Option<&str>,
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload>;
    put_upload(media: &MediaId, container: Container, bytes: Vec<u8>) -> PortResult<String>;
    put_converted(media: &MediaId, bytes: Vec<u8>) -> PortResult<String>;
    copy_for_attempt(media: &MediaId, etag: &str, key: &str, content_type: &'static str) -> PortResult<Copied>;
    read_upload(media: &MediaId, etag: &str, range: Range<u64>) -> PortResult<Option<Bytes>>;
    fence(key: &str) -> PortResult<Timestamp>;
    delete_copy(key: &str) -> PortResult<()>;
    publish_file(name: &str, content: &str) -> PortResult<()>;
    sign_download(key: &str, valid: SignedDuration) -> PortResult<SecretUrl>;
});

watched!(Multipart {
    begin_parts(media: &MediaId, container: Container) -> PortResult<String>;
    sign_part(
        media: &MediaId,
        upload_id: &str,
        part: (u32, u64),
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload>;
    parts(media: &MediaId, upload_id: &str) -> PortResult<Option<Vec<Part>>>;
    join_parts(media: &MediaId, upload_id: &str, parts: &[Part]) -> PortResult<Joined>;
    abort_parts(media: &MediaId, upload_id: &str) -> PortResult<()>;
    uploaded(media: &MediaId) -> PortResult<Option<u64>>;
    delete_upload(media: &MediaId) -> PortResult<()>;
});

watched!(Rescue {
    keep(account: &AccountId, tokens: &Tokens) -> PortResult<()>;
    kept(account: &AccountId, epoch: u64) -> PortResult<Option<Tokens>>;
    forget(account: &AccountId, epoch: u64) -> PortResult<()>;
});

watched!(Queues {
    send(job: &Job, delay: SignedDuration) -> PortResult<()>;
});

watched!(DeadLetters {
    look() -> PortResult<Vec<DeadLetter>>;
});

watched!(Vault {
    seal(secret: &Plaintext, binding: &Binding<'_>) -> PortResult<Sealed>;
    open(sealed: &Sealed, binding: &Binding<'_>) -> Result<Plaintext, OpenError>;
});
