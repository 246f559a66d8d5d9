//! Steps that more than one function takes: moving a post, sending what comes next, opening a token, and minding the
//! account's limits. They decide nothing that [`domain`] has not decided.
#![warn(missing_docs)]

use domain::account::{AccountStatus, TokenField};
use domain::content::Kind;
use domain::creator::CreatorStatus;
use domain::job::{Check, Publish, Transfer};
use domain::limits::on_time;
use domain::media::{MediaState, Pinned};
use domain::notice::News;
use domain::post::{
    Event, Failure, HoldReason, InvalidTransition, NextTask, Outcome, PostState, Task, Witness,
};
use domain::{Account, CreatorId, Job, Media, Notice, Periods, Post, Problem, SignedDuration, Timestamp};
use ports::{
    Accounts, Clock, Creators, Entropy, MediaRows, Notices, Objects, OpenError, Plaintext, PortError,
    PortResult, Posts, Queues, Read, Saved, Stored, Vault,
};

/// Why a post could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// The table failed; the move may or may not have taken place.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The event makes no sense in the state the post is in by now.
    #[error(transparent)]
    Invalid(#[from] InvalidTransition),
    /// The post is gone.
    #[error("move a post that is not in the table")]
    Gone,
    /// Others moved it again and again.
    #[error("move post: others wrote first, {0} times in a row")]
    Contended(u32),
}

/// What moving a post came to.
#[derive(Debug, Clone)]
pub enum Moved {
    /// It moved.
    Moved {
        /// What it was.
        before: Box<PostState>,
        /// What it is.
        after: Stored<Post>,
    },
    /// It was there already.
    Unchanged(Stored<Post>),
}

impl Moved {
    /// The post as it is now.
    pub fn post(&self) -> &Stored<Post> {
        match self {
            Self::Moved { after, .. } => after,
            Self::Unchanged(post) => post,
        }
    }
}

const TRIES: u32 = 5;

/// Applies an event to a post and writes it with what its workspace is told, again on the newer row when somebody else wrote
/// first.
pub async fn move_post(
    posts: &impl Posts,
    time: &(impl Clock + Entropy),
    periods: &Periods,
    mut seen: Stored<Post>,
    event: &Event,
    witness: &Witness,
) -> Result<Moved, MoveError> {
    for _ in 0..TRIES {
        match move_seen(posts, time, periods, seen, event, witness).await? {
            Ok(moved) => return Ok(moved),
            Err(newer) => seen = *newer,
        }
    }
    Err(MoveError::Contended(TRIES))
}

/// The same for what is true of the very row that was seen alone. `Err`: somebody else wrote first; this is the row now.
pub async fn move_seen(
    posts: &impl Posts,
    time: &(impl Clock + Entropy),
    periods: &Periods,
    seen: Stored<Post>,
    event: &Event,
    witness: &Witness,
) -> Result<Result<Moved, Box<Stored<Post>>>, MoveError> {
    let after = match seen.row.apply(event.clone(), witness.clone(), time.now(), periods)? {
        Outcome::Unchanged => return Ok(Ok(Moved::Unchanged(seen))),
        Outcome::Moved(after) => after,
    };
    // a step that the timeline does not mention is no news, and what it says last was told before
    let news = if after.timeline == seen.row.timeline { None } else { after.news() };
    match posts.save(&seen, &after, news.as_ref(), time.nonce()).await? {
        Saved::Written(after) => Ok(Ok(Moved::Moved { before: Box::new(seen.row.state), after })),
        Saved::Conflict(Some(newer)) => Ok(Err(Box::new(newer))),
        Saved::Conflict(None) => Err(MoveError::Gone),
    }
}

/// Tells a post what has become of a media, again on the newer row when somebody else wrote first: it may wait for another one by
/// then. `None`: there is more to wait for.
pub async fn tell_post(
    store: &(impl Posts + MediaRows),
    time: &(impl Clock + Entropy),
    periods: &Periods,
    mut seen: Stored<Post>,
    media: &Media,
    witness: &Witness,
) -> Result<Option<Moved>, MoveError> {
    for _ in 0..TRIES {
        let Some(event) = media_event(store, &seen.row, media).await? else { return Ok(None) };
        match move_seen(store, time, periods, seen, &event, witness).await? {
            Ok(moved) => return Ok(Some(moved)),
            Err(newer) => seen = *newer,
        }
    }
    Err(MoveError::Contended(TRIES))
}

/// What became of a media, for a post that waits for it: photos are ready together, and one that is refused refuses them all.
/// `None`: there is more to wait for, or the post waits for another one since it was edited.
async fn media_event(
    store: &(impl Posts + MediaRows),
    post: &Post,
    media: &Media,
) -> PortResult<Option<Event>> {
    let wanted = match post.kind {
        Kind::Video => vec![post.media.clone()],
        Kind::Photo => {
            let content = store.content(&post.id, &post.content).await?;
            content.map(|content| content.media).unwrap_or_default()
        }
    };
    if !wanted.contains(&media.id) {
        return Ok(None);
    }
    match (&media.state, post.kind) {
        (MediaState::AwaitingUpload { .. }, _) => return Ok(None),
        (MediaState::Rejected { problems }, _) => return Ok(Some(Event::MediaRejected(rejected(problems)))),
        (MediaState::Ready { .. }, Kind::Video) => {
            return Ok(Some(media.pinned().map_or_else(another_kind, Event::MediaReady)));
        }
        (MediaState::Ready { .. }, Kind::Photo) => {}
    }
    // one may have been judged this very moment, and told nobody because the others were not ready
    let rows = store.several(&wanted, Read::Strong).await?;
    let mut formats = Vec::with_capacity(rows.len());
    for row in &rows {
        match row.as_ref().map(|row| (&row.state, row.photo())) {
            Some((MediaState::Ready { .. }, Some(format))) => formats.push(format),
            Some((MediaState::Ready { .. }, None)) => return Ok(Some(another_kind())),
            Some((MediaState::Rejected { problems }, _)) => {
                return Ok(Some(Event::MediaRejected(rejected(problems))));
            }
            Some((MediaState::AwaitingUpload { .. }, _)) | None => return Ok(None),
        }
    }
    Ok((!formats.is_empty()).then_some(Event::MediaReady(Pinned::Photos { formats })))
}

fn another_kind() -> Event {
    Event::MediaRejected(Failure {
        code: "media.kind".to_owned(),
        remedy: "a video post has one video, a photo post has photos: make a new post with the right media"
            .to_owned(),
    })
}

/// Why a post fails whose media was refused.
pub fn rejected(problems: &[Problem]) -> Failure {
    let code = problems.first().map_or("media.rejected", |problem| &problem.rule).to_owned();
    let remedies: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.detail, problem.remedy)).collect();
    Failure { code, remedy: remedies.join("; ") }
}

/// Makes sure that a post can be found by its publish id, if nobody has seen that yet. Afterwards an event about the id cannot
/// be taken for another attempt's.
pub async fn index(
    posts: &impl Posts,
    time: &impl Clock,
    mut post: Stored<Post>,
) -> PortResult<Stored<Post>> {
    if let Some(publish_id) = post.row.state.unindexed() {
        posts.remember(publish_id, &post.row.id, time.now()).await?;
        post.row.state = post.row.state.indexed();
    }
    Ok(post)
}

/// Deletes the copies that TikTok could pull, once it has no business with them any more. A copy that stays because this
/// failed goes with the bucket's lifecycle rule.
pub async fn drop_copies(objects: &impl Objects, moved: &Moved) {
    let Moved::Moved { before, after } = moved else { return };
    let needed = after.row.state.copy_keys();
    for key in before.copy_keys().iter().filter(|key| !needed.contains(key)) {
        if let Err(error) = objects.delete_copy(key).await {
            tracing::warn!(post = %after.row.id, %error, "copy stays until its lifecycle rule");
        }
    }
}

/// The message that makes somebody do a post's task.
pub fn job_for(post: &Post, task: Task, swept: bool) -> Job {
    match task {
        Task::Media => Job::Ingest { media: post.media.clone(), post: Some(post.id.clone()) },
        Task::Publish => Job::Publish(Publish {
            post: post.id.clone(),
            account: post.account.clone(),
            content: post.content,
            ticket: reserved(post),
            refused_epoch: None,
        }),
        Task::Transfer => Job::Transfer(Transfer {
            post: post.id.clone(),
            account: post.account.clone(),
            refused_epoch: None,
        }),
        Task::Check | Task::Settle | Task::Evidence => Job::Check(Check {
            post: post.id.clone(),
            account: post.account.clone(),
            swept,
            refused_epoch: None,
        }),
    }
}

/// The time that is reserved for a post in its account's rings: a hold by our own limiter ends with it.
pub fn reserved(post: &Post) -> Option<Timestamp> {
    match post.state {
        PostState::Held { until, why: HoldReason::RateLimited, .. } => until,
        _ => None,
    }
}

/// Whether a post's row wakes up by itself before a message that is sent now with this delay could be received. Such a
/// message is not worth sending: it would make a second chain of messages about the same post. A wake-up that is over
/// does not count: the sweep has been there, and what was read is older.
pub fn wakes_sooner(post: &Post, now: Timestamp, delay: SignedDuration) -> bool {
    post.due.is_some_and(|due| now < due && due <= now + delay)
}

/// TikTok answered 429: nothing goes out for this account for a while. Best effort, the rings hold anyway.
pub async fn rest(
    accounts: &impl Accounts,
    time: &(impl Clock + Entropy),
    account: &Account,
    jitter: SignedDuration,
) {
    let mut limits = account.limits.clone();
    limits.rest(time.now(), jitter);
    let slot = account.slot.as_ref();
    let saved = accounts.save_limits(&account.id, account.limits_version, &limits, slot, time.nonce()).await;
    if !matches!(saved, Ok(Some(_))) {
        tracing::warn!(account = %account.id, "the account's rest was not written");
    }
}

/// What reserving the time of one `status` call came to.
#[derive(Debug)]
pub enum Reserved {
    /// The call may go out; since when, and the account with it.
    Since(Timestamp, Box<Account>),
    /// Nothing is reserved: the next call is possible after so long.
    In(SignedDuration),
    /// There is no such account any more.
    Gone,
}

/// Reserves the time of one `status` call, if that is now. A later one is not reserved: whoever comes back for it has no place to
/// lose.
pub async fn reserve_status(
    accounts: &impl Accounts,
    time: &(impl Clock + Entropy),
    mut account: Account,
) -> PortResult<Reserved> {
    for _ in 0..TRIES {
        let now = time.now();
        let mut limits = account.limits.clone();
        let start = limits.reserve_status(now);
        if start > now {
            return Ok(Reserved::In(start.duration_since(now)));
        }
        let (version, slot) = (account.limits_version, account.slot.as_ref());
        match accounts.save_limits(&account.id, version, &limits, slot, time.nonce()).await? {
            Some(limits_version) => {
                account = Account { limits, limits_version, ..account };
                // a slow write spends a place and lets its time pass
                if on_time(start, time.now()) {
                    return Ok(Reserved::Since(start, Box::new(account)));
                }
            }
            None => match accounts.account(&account.id, Read::Strong).await? {
                Some(newer) => account = newer,
                None => return Ok(Reserved::Gone),
            },
        }
    }
    Ok(Reserved::In(SignedDuration::from_secs(1)))
}

/// Sends what comes next for a post, if it is too near to be left to the EventBridge sweep. A send that fails costs time
/// only: the row wakes up by itself.
pub async fn dispatch(queues: &impl Queues, post: &Post, now: Timestamp, periods: &Periods) {
    let Some(NextTask { at, task }) = post.next_task(now, periods) else { return };
    let delay = at.duration_since(now).max(SignedDuration::ZERO);
    if task == Task::Media || wakes_sooner(post, now, delay) {
        return;
    }
    if let Err(error) = queues.send(&job_for(post, task, false), delay).await {
        tracing::warn!(post = %post.id, %error, "the message is lost, the row's own wake-up replaces it");
    }
}

/// How long to wait before asking again for something that has not worked since `since`: half the time it has lasted,
/// within bounds. No counter is needed, and an outage of an hour costs a dozen calls.
pub fn patience(since: Timestamp, now: Timestamp, least: SignedDuration) -> SignedDuration {
    let half = SignedDuration::from_millis(
        i64::try_from(now.duration_since(since).as_millis() / 2).unwrap_or(i64::MAX),
    );
    half.clamp(least, SignedDuration::from_mins(5).max(least))
}

/// What an account's access token is good for.
#[derive(Debug)]
pub enum Token {
    /// A call may be made with it.
    Usable {
        /// The token.
        access: Plaintext,
        /// Its generation.
        epoch: u64,
    },
    /// It has ended, or TikTok refused it: a refresh is needed first.
    Stale {
        /// The generation that is no good.
        epoch: u64,
    },
    /// The creator has to connect again.
    Gone,
    /// The operator's key does not open it.
    Locked(OpenError),
}

/// Opens an account's access token for one of its creators: after another workspace has connected the account, the tokens
/// are not for this one any more. `refused_epoch` is a generation that TikTok has refused already.
pub async fn open_token(
    vault: &impl Vault,
    account: &Account,
    creator: &CreatorId,
    refused_epoch: Option<u64>,
    now: Timestamp,
) -> Result<Token, PortError> {
    let (AccountStatus::Connected, Some(tokens), true) =
        (&account.status, &account.tokens, account.is_of(creator))
    else {
        return Ok(Token::Gone);
    };
    let epoch = tokens.epoch;
    if refused_epoch.is_some_and(|refused| epoch <= refused) || account.usable_tokens(now).is_none() {
        return Ok(Token::Stale { epoch });
    }
    match vault.open(&tokens.access, &account.binding(TokenField::Access, epoch)).await {
        Ok(access) => Ok(Token::Usable { access, epoch }),
        Err(OpenError::Port(error)) if !error.refused => Err(error),
        Err(error) => Ok(Token::Locked(error)),
    }
}

/// Shows on the creator, and tells its workspace, that it has to connect again. Under the account's lease, so that nobody who
/// connects it meanwhile is overruled.
pub async fn tell_workspace(store: &(impl Creators + Notices), account: &Account) -> PortResult<()> {
    let AccountStatus::ReconnectRequired { since, code } = &account.status else { return Ok(()) };
    let creator = store.creator(&account.creator).await?;
    if let Some(mut creator) = creator.filter(|creator| creator.status == CreatorStatus::Active) {
        creator.status = CreatorStatus::ReconnectRequired;
        store.put_creator(&creator).await?;
    }
    let news = News::ReconnectRequired { code: code.clone() };
    let notice = Notice::new(&account.workspace, &account.creator, account.epoch, *since, news);
    store.record(&notice).await.map(drop)
}

/// An error and what caused it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
