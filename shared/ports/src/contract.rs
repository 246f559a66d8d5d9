//! What every implementation of a port must do: run on the fakes here, and on the real adapters in their own tests.
//!
//! Each function wants a store that has none of its rows yet. They panic where a promise is broken.
#![expect(clippy::unwrap_used, reason = "a port that fails in here breaks its promise")]

use domain::account::{AccountStatus, Binding, Lease, Slot, TokenField, Tokens};
use domain::app::{AppFacts, Detour, Sighting};
use domain::content::ContentHash;
use domain::delivery::{Attempt, DeliveryState};
use domain::endpoint::Off;
use domain::media::{Container, MediaState, Probe};
use domain::notice::{EndpointNews, News};
use domain::post::{AfterDeath, Failure, HoldReason, PublishId, Verdict, Wish, Witness};
use domain::timeline::Actor;
use domain::{
    Account, AccountId, CreatorId, Delivery, Endpoint, EndpointId, Event, Job, KeyId, Media, MediaId, Nonce,
    Notice, Outcome, Periods, Post, PostId, Problem, Scope, SignedDuration, WorkspaceId, wake,
};

use crate::samples::{self, NOON};
use crate::{
    Accounts, ApiKey, AppRows, Connected, Connections, Copied, Created, Creators, Deliveries, DueAccounts,
    DueKey, DueRow, DueRows, Endpoints, Guard, Guards, KeyCreated, Keys, Leased, MediaRows, Notices, Objects,
    OpenError, Plaintext, Posts, Queues, Read, Rescue, Saved, Stored, Unexplained, Vault,
};

pub mod drops;
pub mod library;
pub mod parts;

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn nonce(bits: u128) -> Nonce {
    Nonce::from_bits(bits)
}

fn new<T: std::fmt::Debug>(created: Created<T>) -> Stored<T> {
    match created {
        Created::New(stored) => stored,
        Created::Existed(stored) => panic!("it was there already: {stored:?}"),
    }
}

fn written<T: std::fmt::Debug>(saved: Saved<T>) -> Stored<T> {
    match saved {
        Saved::Written(stored) => stored,
        Saved::Conflict(found) => panic!("somebody wrote first: {found:?}"),
    }
}

fn moved(post: &Post, event: Event, at: i64) -> Post {
    let witness =
        Witness { by: Actor::Publish, log_id: Some("202611011200000A1B2C3D4E5F60718293".to_owned()) };
    let name = event.name();
    match post.apply(event, witness, NOON + SignedDuration::from_millis(at), &Periods::default()) {
        Ok(Outcome::Moved(post)) => *post,
        other => panic!("`{name}` should move a post that is `{}`: {other:?}", post.state.name()),
    }
}

fn publish_id() -> PublishId {
    PublishId("v_pub_url~v2.7392610384756102".to_owned())
}

/// A post in every state it can be in, each reached by an event from an earlier one; they have the same id.
pub fn posts_in_every_state(bits: u128) -> Vec<Post> {
    let said = |verdict| Event::Said { publish_id: publish_id(), verdict };
    let failure = Failure { code: "video.duration.max".to_owned(), remedy: "shorten the video".to_owned() };
    let claimer = nonce(0x0123_4567_89ab_cdef);

    let awaiting = samples::post(bits, None, NOON);
    let rejected = moved(&awaiting, Event::MediaRejected(failure.clone()), 1_001);
    let queued = moved(&awaiting, Event::MediaReady(samples::pinned()), 1_002);
    let why = HoldReason::RateLimited;
    let until = Some(NOON + HOUR);
    let held =
        moved(&queued, Event::Held { until, why, code: Some("rate_limit_exceeded".to_owned()) }, 2_003);
    let for_ever =
        moved(&held, Event::Held { until: None, why: HoldReason::ReconnectRequired, code: None }, 2_500);
    let released = moved(&for_ever, Event::Released, 3_004);
    let claim =
        Event::Claimed { nonce: claimer, until: NOON + HOUR, source: domain::post::Source::PullFromUrl };
    let initiating = moved(&released, claim, 4_005);
    let dead =
        Event::AttemptDead { nonce: claimer, code: "spam_risk".to_owned(), then: AfterDeath::Fail(failure) };
    let refused = moved(&initiating, dead, 5_006);
    let unconfirmed = moved(&initiating, Event::AnswerLost { nonce: claimer }, 5_007);
    let accepted = Event::InitAccepted { nonce: claimer, publish_id: publish_id() };
    let processing = moved(&unconfirmed, accepted, 6_008);
    let silent = moved(&processing, Event::Silent, 7_009);
    let published = moved(&processing, said(Verdict::Complete { post_ids: Vec::new() }), 8_010);
    let public = moved(&published, said(Verdict::PubliclyAvailable { post_id: u64::MAX }), 9_011);
    let second = moved(&public, said(Verdict::Complete { post_ids: vec![7_392_610_384_756_102_999] }), 9_500);
    let removed = moved(&second, said(Verdict::NoLongerPublic), 9_900);
    let verdict = |passing| Verdict::Failed {
        reason: "video_pull_failed".to_owned(),
        passing,
        remedy: "let TikTok reach the media".to_owned(),
    };
    let again = moved(&processing, said(verdict(true)), 10_012);
    let failed = moved(&processing, said(verdict(false)), 10_013);
    let inbox = moved(&processing, said(Verdict::InInbox), 10_014);
    let cancelling = moved(&initiating, Event::CancelAsked, 10_015);
    let stopping = moved(&processing, Event::CancelAsked, 10_016);
    let cancelled = moved(&queued, Event::CancelAsked, 10_017);
    let fenced = moved(&unconfirmed, Event::Fenced { nonce: claimer, at: NOON + HOUR }, 10_018);
    let found = moved(&unconfirmed, Event::Found { nonce: claimer, post_id: u64::MAX }, 10_019);
    let scheduled =
        Post { state: domain::PostState::Scheduled { media: samples::pinned(), at: NOON }, ..queued.clone() };
    vec![
        awaiting,
        rejected,
        queued,
        scheduled,
        inbox,
        cancelling,
        stopping,
        cancelled,
        fenced,
        found,
        held,
        for_ever,
        released,
        initiating,
        refused,
        unconfirmed,
        processing,
        silent,
        published,
        public,
        second,
        removed,
        again,
        failed,
    ]
}

/// [`Posts`]. Uses ids from 0x1000.
pub async fn posts(store: &impl Posts) {
    a_post_is_created_once(store).await;
    a_post_survives_every_state(store).await;
    a_save_needs_the_seen_version(store).await;
    work_is_read_at_once(store).await;
    a_publish_id_is_one_posts(store).await;
    posts_are_listed_newest_first(store).await;
    an_edit_changes_content_and_row_together(store).await;
}

async fn an_edit_changes_content_and_row_together(store: &impl Posts) {
    let post = samples::post(0x1900, Some(samples::pinned()), NOON);
    let seen = new(store.create(&post, &samples::content(), nonce(1)).await.unwrap());
    let hash = ContentHash([0xe1; 32]);
    let wish = Wish { content: hash, publish_at: Some(NOON + HOUR), ..samples::order(0x1900).wish };
    let edited = post.edit(wish, Some(samples::pinned()), Actor::Person, NOON + SECOND, &Periods::default());
    let edited = edited.expect("nothing is open");
    let mut content = samples::content();
    content.ai_generated = true;
    let after = written(store.edit(&seen, &edited, &content, nonce(2)).await.unwrap());
    assert_eq!(after, Stored { row: edited.clone(), version: 2 });
    assert_eq!(store.post(&post.id, Read::Strong).await.unwrap().as_ref(), Some(&after));
    assert_eq!(store.content(&post.id, &hash).await.unwrap(), Some(content.clone()));
    assert_eq!(
        written(store.edit(&seen, &edited, &content, nonce(2)).await.unwrap()),
        after,
        "our own write"
    );
    let late = store.edit(&seen, &edited, &content, nonce(3)).await.unwrap();
    assert_eq!(late, Saved::Conflict(Some(after)), "somebody wrote first");
}

async fn a_post_is_created_once(store: &impl Posts) {
    let post = samples::post(0x1000, Some(samples::pinned()), NOON);
    let content = samples::content();
    assert_eq!(store.post(&post.id, Read::Strong).await.unwrap(), None);
    assert_eq!(store.content(&post.id, &post.content).await.unwrap(), None);

    let stored = new(store.create(&post, &content, nonce(1)).await.unwrap());
    assert_eq!(stored, Stored { row: post.clone(), version: 1 });
    assert_eq!(store.post(&post.id, Read::Strong).await.unwrap().as_ref(), Some(&stored));
    assert_eq!(store.post(&post.id, Read::Eventual).await.unwrap().as_ref(), Some(&stored));
    assert_eq!(store.content(&post.id, &post.content).await.unwrap().as_ref(), Some(&content));

    let repeated = store.create(&post, &content, nonce(1)).await.unwrap();
    assert_eq!(repeated, Created::New(stored.clone()), "a repeat of our own write is our write");

    let mut later = content.clone();
    later.consent.given_at = NOON + HOUR;
    let existed = store.create(&post, &later, nonce(2)).await.unwrap();
    assert_eq!(existed, Created::Existed(stored.clone()));
    let kept = store.content(&post.id, &post.content).await.unwrap();
    assert_eq!(kept.as_ref(), Some(&content), "the consent that was given first stays");

    let other = Post { content: ContentHash([0xb1; 32]), ..post.clone() };
    let existed = store.create(&other, &content, nonce(3)).await.unwrap();
    assert_eq!(existed, Created::Existed(stored), "another body under the same id changes nothing");
}

async fn a_post_survives_every_state(store: &impl Posts) {
    let mut steps = posts_in_every_state(0x1001).into_iter();
    let first = steps.next().expect("there are states");
    let mut seen = new(store.create(&first, &samples::content(), nonce(1)).await.unwrap());
    for (step, bits) in steps.zip(2..) {
        let stored = written(store.save(&seen, &step, None, nonce(bits)).await.unwrap());
        assert_eq!(stored, Stored { row: step.clone(), version: seen.version + 1 });
        let read = store.post(&first.id, Read::Strong).await.unwrap().expect("it is there");
        assert_eq!(read, stored, "as it was saved");
        seen = read;
    }
}

async fn a_save_needs_the_seen_version(store: &impl Posts) {
    let post = samples::post(0x1002, Some(samples::pinned()), NOON);
    let first = new(store.create(&post, &samples::content(), nonce(1)).await.unwrap());
    let claimed = moved(
        &post,
        Event::Claimed { nonce: nonce(9), until: NOON + HOUR, source: domain::post::Source::PullFromUrl },
        1,
    );
    let held = moved(&post, Event::Held { until: None, why: HoldReason::Operator, code: None }, 2);

    let second = written(store.save(&first, &claimed, None, nonce(2)).await.unwrap());
    assert_eq!(
        store.save(&first, &held, None, nonce(3)).await.unwrap(),
        Saved::Conflict(Some(second.clone()))
    );
    assert_eq!(store.post(&post.id, Read::Strong).await.unwrap().as_ref(), Some(&second));

    let repeated = store.save(&first, &claimed, None, nonce(2)).await.unwrap();
    assert_eq!(repeated, Saved::Written(second), "a repeat of our own write is our write");

    let missing = Stored { row: samples::post(0x1003, None, NOON), version: 1 };
    assert_eq!(store.save(&missing, &missing.row, None, nonce(4)).await.unwrap(), Saved::Conflict(None));
    assert_eq!(store.post(&missing.row.id, Read::Strong).await.unwrap(), None);
}

async fn what_is_told_is_written_with_the_post_or_not_at_all(store: &(impl Posts + Notices)) {
    let workspace = WorkspaceId::from_bits(0x1005);
    let post = Post { workspace: workspace.clone(), ..samples::post(0x1005, None, NOON) };
    let first = new(store.create(&post, &samples::content(), nonce(1)).await.unwrap());
    let told = async || store.list_notices(&workspace, None, 10).await.unwrap().rows;
    let failure = Failure { code: "video.codec".to_owned(), remedy: "use H.264".to_owned() };
    let failed = moved(&post, Event::MediaRejected(failure), 1);
    let news = failed.news().expect("the workspace is told");

    let stale = Stored { version: 7, ..first.clone() };
    let conflict = store.save(&stale, &failed, Some(&news), nonce(2)).await.unwrap();
    assert_eq!(conflict, Saved::Conflict(Some(first.clone())));
    assert_eq!(told().await, Vec::new(), "neither");

    let second = written(store.save(&first, &failed, Some(&news), nonce(3)).await.unwrap());
    assert_eq!(told().await, vec![news.clone()], "both");
    assert_eq!(store.post(&post.id, Read::Strong).await.unwrap().as_ref(), Some(&second));
    let again = store.save(&first, &failed, Some(&news), nonce(3)).await.unwrap();
    assert_eq!(again, Saved::Written(second.clone()), "a repeat of our own write is our write");

    let cancelled = Post { updated_at: NOON + HOUR, ..failed };
    written(store.save(&second, &cancelled, Some(&news), nonce(4)).await.unwrap());
    assert_eq!(told().await, vec![news], "the same news is one notice");
}

async fn work_is_read_at_once(store: &impl Posts) {
    let post = samples::post(0x1004, Some(samples::pinned()), NOON);
    let stored = new(store.create(&post, &samples::content(), nonce(1)).await.unwrap());
    for read in [Read::Strong, Read::Eventual] {
        let work = store.work(&post.id, Some(&post.content), &post.account, read).await.unwrap();
        assert_eq!(work.post.as_ref(), Some(&stored));
        assert_eq!(work.content, Some(samples::content()));
        assert_eq!(work.account, None);
    }
    let work = store.work(&post.id, None, &post.account, Read::Strong).await.unwrap();
    assert_eq!((work.post, work.content), (Some(stored), None));
    let nothing = PostId::from_bits(0x1fff);
    let work = store.work(&nothing, Some(&post.content), &post.account, Read::Strong).await.unwrap();
    assert_eq!((work.post, work.content), (None, None));
}

async fn a_publish_id_is_one_posts(store: &impl Posts) {
    let (ours, theirs) = (PostId::from_bits(0x1005), PostId::from_bits(0x1006));
    let id = PublishId("v_pub_url~v2.1".to_owned());
    assert_eq!(store.whose(&id).await.unwrap(), None);
    store.remember(&id, &ours, NOON).await.unwrap();
    store.remember(&id, &ours, NOON + HOUR).await.unwrap();
    assert_eq!(store.whose(&id).await.unwrap(), Some(ours.clone()));
    let refusal = store.remember(&id, &theirs, NOON).await.expect_err("it is another post's");
    assert!(refusal.refused);
    assert_eq!(store.whose(&id).await.unwrap(), Some(ours));
}

async fn posts_are_listed_newest_first(store: &impl Posts) {
    let workspace = WorkspaceId::from_bits(0x1007);
    let sample = |bits, seconds| Post {
        workspace: workspace.clone(),
        ..samples::post(bits, None, NOON + SECOND * seconds)
    };
    // two at the same time: the id decides
    let posts = [(0x1010, 3), (0x1011, 1), (0x1012, 2), (0x1014, 0), (0x1013, 0)];
    for (bits, seconds) in posts {
        store.create(&sample(bits, seconds), &samples::content(), nonce(1)).await.unwrap();
    }
    let foreign = Post { workspace: WorkspaceId::from_bits(0x1008), ..sample(0x1015, 5) };
    store.create(&foreign, &samples::content(), nonce(1)).await.unwrap();

    let all = store.list(&workspace, None, 100).await.unwrap();
    let ids = |posts: &[Post]| posts.iter().map(|post| post.id.bits()).collect::<Vec<_>>();
    assert_eq!(ids(&all.rows), [0x1010, 0x1012, 0x1011, 0x1014, 0x1013]);
    assert_eq!(all.rows[0], sample(0x1010, 3));
    assert_eq!(all.next_cursor, None);

    let mut pages = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list(&workspace, cursor.as_deref(), 2).await.unwrap();
        pages.push(ids(&page.rows));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, [vec![0x1010, 0x1012], vec![0x1011, 0x1014], vec![0x1013]]);

    let exact = store.list(&workspace, None, 5).await.unwrap();
    assert_eq!(exact.next_cursor, None, "a full last page leads nowhere");
    let nobody = store.list(&WorkspaceId::from_bits(0x1009), None, 5).await.unwrap();
    assert_eq!((nobody.rows, nobody.next_cursor), (Vec::new(), None));
    assert!(store.list(&workspace, Some("?"), 2).await.expect_err("it is no cursor").refused);
}

/// [`MediaRows`]. Uses ids from 0x2000.
pub async fn media_rows(store: &impl MediaRows) {
    let media = samples::media(0x2000, NOON);
    assert_eq!(store.media(&media.id, Read::Strong).await.unwrap(), None);
    assert_eq!(store.several(&[], Read::Strong).await.unwrap(), Vec::new());
    let first = new(store.declare(&media, nonce(1)).await.unwrap());
    assert_eq!(first, Stored { row: media.clone(), version: 1 });
    assert_eq!(store.declare(&media, nonce(1)).await.unwrap(), Created::New(first.clone()));
    assert_eq!(store.declare(&media, nonce(2)).await.unwrap(), Created::Existed(first.clone()));
    assert_eq!(store.media(&media.id, Read::Eventual).await.unwrap(), Some(first.clone()));
    // in the order asked for, one that is named twice and one that is not there included
    let asked = [MediaId::from_bits(0x2fff), media.id.clone(), media.id.clone()];
    let several = store.several(&asked, Read::Strong).await.unwrap();
    assert_eq!(several, [None, Some(media.clone()), Some(media.clone())]);

    // a post that comes while the verdict is on its way is not lost, and does not disturb the verdict
    let post = PostId::from_bits(0x2001);
    let waiting = store.wait_for(&media.id, &post).await.unwrap().expect("it is there");
    assert_eq!((waiting.version, waiting.row.waiting.contains(&post)), (1, true));
    let again = store.wait_for(&media.id, &post).await.unwrap().expect("it is there");
    assert_eq!(again, waiting);
    let ready = media.judged(samples::pinned_video().etag, Ok((Probe::Video(samples::probe()), Vec::new())));
    assert!(ready.waiting.is_empty());
    let judged = written(store.judge(&first, &ready, nonce(3)).await.unwrap());
    let expected = Stored { row: Media { waiting: [post.clone()].into(), ..ready.clone() }, version: 2 };
    assert_eq!(judged, expected);
    assert_eq!(store.media(&media.id, Read::Strong).await.unwrap(), Some(expected.clone()));

    assert_eq!(store.judge(&first, &ready, nonce(3)).await.unwrap(), Saved::Written(expected.clone()));
    let problem = Problem::new("/media", "video.codec", "it is a picture", "send a video");
    let rejected = media.judged(String::new(), Err(vec![problem]));
    assert_eq!(store.judge(&first, &rejected, nonce(4)).await.unwrap(), Saved::Conflict(Some(expected)));
    let second = PostId::from_bits(0x2002);
    let late = store.wait_for(&media.id, &second).await.unwrap().expect("it is there").row;
    assert!(matches!(late.state, MediaState::Ready { .. }), "whoever comes late sees the verdict");
    assert_eq!(late.waiting, [post, second].into());

    let missing = samples::media(0x2003, NOON);
    assert_eq!(store.wait_for(&missing.id, &PostId::from_bits(0x2004)).await.unwrap(), None);
    assert_eq!(store.media(&missing.id, Read::Strong).await.unwrap(), None);
    let unseen = Stored { row: missing.clone(), version: 1 };
    assert_eq!(store.judge(&unseen, &missing, nonce(5)).await.unwrap(), Saved::Conflict(None));

    let bad = samples::media(0x2005, NOON);
    let first = new(store.declare(&bad, nonce(1)).await.unwrap());
    let rejected = Media { state: rejected.state, due: None, ..bad };
    written(store.judge(&first, &rejected, nonce(2)).await.unwrap());
    assert_eq!(store.media(&rejected.id, Read::Strong).await.unwrap().map(|it| it.row), Some(rejected));
}

async fn account(store: &impl Accounts, id: &AccountId) -> Account {
    store.account(id, Read::Strong).await.unwrap().expect("the account is there")
}

/// [`Accounts`]. Uses ids from 0x3000.
pub async fn accounts(store: &impl Accounts) {
    an_account_is_connected_once(store).await;
    limits_are_saved_if_nobody_else_has(store).await;
    one_holds_the_lease(store).await;
    tokens_go_forward(store).await;
    a_refused_account_waits_for_its_creator(store).await;
    connecting_again_resets_no_limit(store).await;
    a_disconnected_account_keeps_its_epoch_and_limits_and_is_free(store).await;
}

async fn a_disconnected_account_keeps_its_epoch_and_limits_and_is_free(store: &impl Accounts) {
    let sample = samples::account(0x3009, NOON);
    let id = &sample.id;
    store.connect(&sample, nonce(1)).await.unwrap();
    won(store, id, 2, 0).await;
    let previous = Some((1, samples::sealed(1)));
    let second = Tokens { previous_refresh: previous, ..samples::tokens(2, NOON) };
    assert!(store.store_tokens(id, nonce(2), &second, NOON + HOUR).await.unwrap());
    let mut limits = sample.limits.clone();
    limits.reserve_publish(NOON);
    store.save_limits(id, 0, &limits, None, nonce(3)).await.unwrap();

    let disconnect = |by, epoch| async move { store.disconnect(id, nonce(by), epoch).await.unwrap() };
    assert!(!disconnect(4, 2).await, "without the lease");
    won(store, id, 4, 20).await;
    assert!(!disconnect(5, 2).await, "under somebody else's lease");
    assert!(!disconnect(4, 1).await, "another generation");
    assert!(disconnect(4, 2).await);
    assert!(disconnect(4, 2).await, "our own write");
    let free = Account {
        status: AccountStatus::Disconnected,
        tokens: None,
        epoch: 2,
        limits,
        limits_version: 1,
        due: None,
        ..sample.clone()
    };
    assert_eq!(account(store, id).await, free);
    let (leased, _) = won(store, id, 6, 40).await;
    assert_eq!(leased.tokens, None);
    assert!(!store.store_tokens(id, nonce(9), &samples::tokens(3, NOON), NOON).await.unwrap());
    assert!(!store.disconnect(&AccountId::from_bits(0x3fff), nonce(6), 0).await.unwrap());

    // another workspace may have it now; the epoch goes on, and the limits stay
    let theirs = Account {
        workspace: WorkspaceId::from_bits(0x300a),
        creator: CreatorId::from_bits(0xc9),
        tokens: Some(samples::tokens(1, NOON)),
        epoch: 1,
        ..sample.clone()
    };
    assert_eq!(store.connect(&theirs, nonce(6)).await.unwrap(), Connected::Moved, "the epoch goes on");
    let theirs = Account { tokens: Some(samples::tokens(3, NOON)), epoch: 3, ..theirs };
    assert_eq!(store.connect(&theirs, nonce(6)).await.unwrap(), Connected::Done);
    let expected = Account { limits: free.limits, limits_version: 1, ..theirs };
    assert_eq!(account(store, id).await, expected);
    let (leased, _) = won(store, id, 7, 60).await;
    assert_eq!(leased.tokens, expected.tokens, "no token of the time before");
}

async fn an_account_is_connected_once(store: &impl Accounts) {
    let sample = samples::account(0x3000, NOON);
    assert_eq!(store.account(&sample.id, Read::Strong).await.unwrap(), None);
    assert_eq!(store.connect(&sample, nonce(1)).await.unwrap(), Connected::Done);
    assert_eq!(account(store, &sample.id).await, sample);
    assert_eq!(store.connect(&sample, nonce(1)).await.unwrap(), Connected::Done, "our own write");
    assert_eq!(store.connect(&sample, nonce(2)).await.unwrap(), Connected::Moved, "the epoch is taken");
    let theirs = Account {
        workspace: WorkspaceId::from_bits(0x3001),
        tokens: Some(samples::tokens(2, NOON)),
        ..sample.clone()
    };
    assert_eq!(store.connect(&theirs, nonce(3)).await.unwrap(), Connected::Elsewhere);
    assert_eq!(account(store, &sample.id).await, sample);
}

async fn limits_are_saved_if_nobody_else_has(store: &impl Accounts) {
    let sample = samples::account(0x3002, NOON);
    store.connect(&sample, nonce(1)).await.unwrap();
    let mut limits = sample.limits.clone();
    limits.reserve_publish(NOON);
    limits.reserve_status(NOON - HOUR * 24 * 400);
    limits.reserve_status(NOON + SECOND);
    limits.rest(NOON, SignedDuration::from_millis(1));
    let slot = Slot::taken(PostId::from_bits(0x3003), NOON + HOUR, None);
    let save = |seen, limits, slot, by| store.save_limits(&sample.id, seen, limits, slot, nonce(by));

    assert_eq!(save(0, &limits, Some(&slot), 2).await.unwrap(), Some(1));
    let row = account(store, &sample.id).await;
    let expected =
        Account { limits: limits.clone(), limits_version: 1, slot: Some(slot.clone()), ..sample.clone() };
    assert_eq!(row, expected);
    assert_eq!(save(0, &sample.limits, None, 3).await.unwrap(), None, "somebody else was first");
    assert_eq!(save(0, &limits, Some(&slot), 2).await.unwrap(), Some(1), "our own write");
    assert_eq!(account(store, &sample.id).await, expected);
    assert_eq!(save(1, &sample.limits, None, 4).await.unwrap(), Some(2));
    assert_eq!(account(store, &sample.id).await, Account { limits_version: 2, ..sample.clone() });
    let nobody = AccountId::from_bits(0x3fff);
    assert_eq!(store.save_limits(&nobody, 0, &limits, None, nonce(5)).await.unwrap(), None);
    assert_eq!(store.account(&nobody, Read::Strong).await.unwrap(), None);
}

async fn won(store: &impl Accounts, id: &AccountId, by: u128, seconds: i64) -> (Account, bool) {
    let now = NOON + SECOND * i32::try_from(seconds).expect("a short time");
    match store.lease(id, &Lease { nonce: nonce(by), until: now + SECOND * 10 }, now).await.unwrap() {
        Leased::Won { account, taken_over } => (*account, taken_over),
        other => panic!("the lease should be free: {other:?}"),
    }
}

async fn one_holds_the_lease(store: &impl Accounts) {
    let sample = samples::account(0x3004, NOON);
    let id = &sample.id;
    let lease = |by, seconds| Lease { nonce: nonce(by), until: NOON + SECOND * (seconds + 10) };
    assert!(matches!(store.lease(id, &lease(1, 0), NOON).await.unwrap(), Leased::Missing));
    assert_eq!(store.account(id, Read::Strong).await.unwrap(), None);
    store.connect(&sample, nonce(1)).await.unwrap();

    let (held, taken_over) = won(store, id, 2, 0).await;
    assert_eq!((&held, taken_over), (&Account { lease: Some(lease(2, 0)), ..sample.clone() }, false));
    assert_eq!(account(store, id).await, held);
    let busy = store.lease(id, &lease(3, 5), NOON + SECOND * 5).await.unwrap();
    assert!(matches!(busy, Leased::Busy(until) if until == NOON + SECOND * 10), "{busy:?}");
    let busy = store.lease(id, &lease(3, 10), NOON + SECOND * 10).await.unwrap();
    assert!(matches!(busy, Leased::Busy(_)), "it has not run out before its last moment: {busy:?}");
    let (_, again) = won(store, id, 2, 0).await;
    assert!(again, "our own, whose answer may have been lost");

    let (taken, taken_over) = won(store, id, 3, 11).await;
    assert_eq!((taken.lease, taken_over), (Some(lease(3, 11)), true));
    store.release(id, nonce(2), Some(NOON)).await.unwrap();
    let row = account(store, id).await;
    assert_eq!((row.lease, row.due), (Some(lease(3, 11)), sample.due), "it is not ours any more");
    store.release(id, nonce(3), None).await.unwrap();
    assert_eq!(account(store, id).await, sample);
    won(store, id, 4, 20).await;
    store.release(id, nonce(4), Some(NOON + HOUR)).await.unwrap();
    assert_eq!(account(store, id).await, Account { due: Some(NOON + HOUR), ..sample.clone() });
    store.release(&AccountId::from_bits(0x3fff), nonce(4), Some(NOON)).await.unwrap();
    assert_eq!(store.account(&AccountId::from_bits(0x3fff), Read::Strong).await.unwrap(), None);
}

async fn tokens_go_forward(store: &impl Accounts) {
    let sample = samples::account(0x3005, NOON);
    let id = &sample.id;
    store.connect(&sample, nonce(1)).await.unwrap();
    let due = NOON + HOUR * 20;
    let previous = sample.tokens.as_ref().map(|tokens| (tokens.epoch, tokens.refresh.clone()));
    let second = samples::tokens(2, NOON + HOUR);
    let with_previous = Tokens { previous_refresh: previous, ..second.clone() };
    let store_as =
        |by, tokens: Tokens| async move { store.store_tokens(id, nonce(by), &tokens, due).await.unwrap() };

    assert!(!store_as(2, with_previous.clone()).await, "without the lease");
    won(store, id, 2, 0).await;
    assert!(!store_as(3, with_previous.clone()).await, "under somebody else's lease");
    assert!(!store_as(2, samples::tokens(3, NOON)).await, "a generation is missing");
    assert!(!store_as(2, samples::tokens(1, NOON)).await, "the epoch never goes back");
    assert_eq!(account(store, id).await.tokens, sample.tokens);
    assert!(store_as(2, with_previous.clone()).await);
    let expected = Account { tokens: Some(second), epoch: 2, due: Some(due), ..sample.clone() };
    assert_eq!(account(store, id).await, expected, "and the lease is given back");
    assert!(store_as(2, with_previous.clone()).await, "our own write");
    let (leased, _) = won(store, id, 4, 20).await;
    assert_eq!(leased.tokens, Some(with_previous), "the holder of the lease sees the generation before");

    // a generation without one before it (the creator has signed in again) does not find an older one
    assert!(store_as(4, samples::tokens(3, NOON)).await);
    let (leased, _) = won(store, id, 5, 40).await;
    assert_eq!(leased.tokens, Some(samples::tokens(3, NOON)));
    assert!(
        !store
            .store_tokens(&AccountId::from_bits(0x3fff), nonce(5), &samples::tokens(1, NOON), due)
            .await
            .unwrap()
    );
}

async fn a_refused_account_waits_for_its_creator(store: &impl Accounts) {
    let sample = samples::account(0x3006, NOON);
    let id = &sample.id;
    store.connect(&sample, nonce(1)).await.unwrap();
    let require = |by, epoch| store.require_reconnect(id, nonce(by), epoch, "invalid_grant", NOON + HOUR);
    assert!(!require(2, 1).await.unwrap(), "without the lease");
    won(store, id, 2, 0).await;
    assert!(!require(2, 2).await.unwrap(), "another epoch");
    assert_eq!(account(store, id).await.status, AccountStatus::Connected);
    assert!(require(2, 1).await.unwrap());
    let status = AccountStatus::ReconnectRequired { since: NOON + HOUR, code: "invalid_grant".to_owned() };
    assert_eq!(account(store, id).await, Account { status, due: None, ..sample.clone() });
    assert!(require(2, 1).await.unwrap(), "our own write");
    assert!(
        !store
            .require_reconnect(&AccountId::from_bits(0x3fff), nonce(2), 0, "invalid_grant", NOON)
            .await
            .unwrap()
    );

    // tokens that come after all connect it again
    won(store, id, 3, 20).await;
    assert!(store.store_tokens(id, nonce(3), &samples::tokens(2, NOON), NOON + HOUR).await.unwrap());
    let row = account(store, id).await;
    assert_eq!((row.status, row.due), (AccountStatus::Connected, Some(NOON + HOUR)));
}

async fn connecting_again_resets_no_limit(store: &impl Accounts) {
    let sample = samples::account(0x3007, NOON);
    let id = &sample.id;
    store.connect(&sample, nonce(1)).await.unwrap();
    let mut limits = sample.limits.clone();
    limits.reserve_publish(NOON);
    let slot = Slot::taken(PostId::from_bits(0x3008), NOON + HOUR, None);
    store.save_limits(id, 0, &limits, Some(&slot), nonce(2)).await.unwrap();
    won(store, id, 3, 0).await;
    let again = Account {
        creator: CreatorId::from_bits(0xc2),
        tokens: Some(samples::tokens(2, NOON + HOUR)),
        epoch: 2,
        due: Some(NOON + HOUR),
        ..sample.clone()
    };
    assert_eq!(store.connect(&again, nonce(4)).await.unwrap(), Connected::Moved, "somebody refreshes");
    assert_eq!(store.connect(&again, nonce(3)).await.unwrap(), Connected::Done, "under our lease");
    assert_eq!(account(store, id).await, Account { limits, limits_version: 1, slot: Some(slot), ..again });
}

/// [`Creators`]. Uses ids from 0x4000; `media` is written through [`MediaRows`].
pub async fn creators(store: &(impl Creators + MediaRows)) {
    let sample = samples::creator(0x4000, NOON);
    let media = samples::media(0x4001, NOON);
    assert_eq!(store.creator(&sample.id).await.unwrap(), None);
    assert_eq!(store.creator_and_media(&sample.id, &media.id).await.unwrap(), (None, None));
    store.put_creator(&sample).await.unwrap();
    assert_eq!(store.creator(&sample.id).await.unwrap().as_ref(), Some(&sample));
    let found = store.creator_and_media(&sample.id, &media.id).await.unwrap();
    assert_eq!(found, (Some(sample.clone()), None));
    store.declare(&media, nonce(1)).await.unwrap();
    let found = store.creator_and_media(&sample.id, &media.id).await.unwrap();
    assert_eq!(found, (Some(sample.clone()), Some(media.clone())));
    let found = store.creator_and_media(&CreatorId::from_bits(0x4002), &media.id).await.unwrap();
    assert_eq!(found, (None, Some(media)));

    let mut changed = sample.clone();
    "Ada L.".clone_into(&mut changed.info.nickname);
    changed.info.privacy_level_options = vec!["A_LEVEL_OF_TOMORROW".to_owned()];
    changed.scopes = Vec::new();
    store.put_creator(&changed).await.unwrap();
    assert_eq!(store.creator(&sample.id).await.unwrap(), Some(changed), "the last writer wins");

    let workspace = WorkspaceId::from_bits(0x4003);
    for (bits, seconds) in [(0x4010, 1), (0x4011, 3), (0x4012, 2)] {
        let creator = samples::creator(bits, NOON + SECOND * seconds);
        store.put_creator(&domain::Creator { workspace: workspace.clone(), ..creator }).await.unwrap();
    }
    let first = store.list_creators(&workspace, None, 2).await.unwrap();
    let rest = store.list_creators(&workspace, first.next_cursor.as_deref(), 2).await.unwrap();
    let ids: Vec<_> = first.rows.iter().chain(&rest.rows).map(|creator| creator.id.bits()).collect();
    assert_eq!(ids, [0x4011, 0x4012, 0x4010]);
    assert_eq!((first.rows.len(), rest.next_cursor), (2, None));
}

/// [`Keys`]. Uses ids from 0x5000.
pub async fn keys(store: &impl Keys) {
    a_key_is_made_once(store).await;
    a_key_is_revoked_for_good(store).await;
    a_key_retires_at_the_earliest_time(store).await;
    the_last_use_is_written_once_an_hour(store).await;
    keys_are_listed_newest_first(store).await;
}

async fn a_key_is_made_once(store: &impl Keys) {
    let plain = samples::api_key(0x5000, NOON);
    assert_eq!(store.key(&plain.id).await.unwrap(), None);
    assert_eq!(store.create_key(&plain, nonce(1)).await.unwrap(), KeyCreated::New);
    assert_eq!(store.key(&plain.id).await.unwrap().as_ref(), Some(&plain));
    let repeated = store.create_key(&plain, nonce(1)).await.unwrap();
    assert_eq!(repeated, KeyCreated::New, "a repeat of our own write is our write");
    let other = ApiKey { secret_sha256: [0x5f; 32], ..plain.clone() };
    let existed = store.create_key(&other, nonce(2)).await.unwrap();
    assert_eq!(existed, KeyCreated::Existed(Box::new(plain.clone())), "it is not written over");
    assert_eq!(store.key(&plain.id).await.unwrap(), Some(plain.clone()));

    let full = ApiKey {
        id: KeyId::from_bits(0x5001),
        scopes: [Scope::PostsRead, Scope::EventsRead].into_iter().collect(),
        expires_at: Some(NOON + HOUR * 3),
        replaces: Some(plain.id),
        request_sha256: Some([0xab; 32]),
        ..plain
    };
    assert_eq!(store.create_key(&full, nonce(1)).await.unwrap(), KeyCreated::New);
    assert_eq!(store.key(&full.id).await.unwrap(), Some(full));
}

async fn a_key_is_revoked_for_good(store: &impl Keys) {
    let key = samples::api_key(0x5010, NOON);
    assert_eq!(store.revoke_key(&key.id, NOON).await.unwrap(), None);
    assert_eq!(store.key(&key.id).await.unwrap(), None, "revoking makes no row");
    store.create_key(&key, nonce(1)).await.unwrap();
    let revoked = ApiKey { revoked_at: Some(NOON + SECOND), ..key.clone() };
    assert_eq!(store.revoke_key(&key.id, NOON + SECOND).await.unwrap().as_ref(), Some(&revoked));
    let again = store.revoke_key(&key.id, NOON + HOUR).await.unwrap();
    assert_eq!(again.as_ref(), Some(&revoked), "the first time stays");
    let retired = store.retire_key(&key.id, NOON).await.unwrap();
    assert_eq!(retired.as_ref(), Some(&revoked), "what is revoked does not retire");
    assert_eq!(store.key(&key.id).await.unwrap(), Some(revoked));
}

async fn a_key_retires_at_the_earliest_time(store: &impl Keys) {
    let key = ApiKey { expires_at: Some(NOON + HOUR * 2), ..samples::api_key(0x5020, NOON) };
    assert_eq!(store.retire_key(&key.id, NOON).await.unwrap(), None);
    assert_eq!(store.key(&key.id).await.unwrap(), None, "retiring makes no row");
    store.create_key(&key, nonce(1)).await.unwrap();
    for (hours, retires, ends) in [(3, 3, 2), (1, 1, 1), (2, 1, 1), (1, 1, 1)] {
        let expected = ApiKey { retires_at: Some(NOON + HOUR * retires), ..key.clone() };
        let found = store.retire_key(&key.id, NOON + HOUR * hours).await.unwrap();
        assert_eq!(found.as_ref(), Some(&expected));
        assert_eq!(expected.ends_at(), Some(NOON + HOUR * ends));
        assert_eq!(store.key(&key.id).await.unwrap(), Some(expected));
    }
}

async fn the_last_use_is_written_once_an_hour(store: &impl Keys) {
    let key = samples::api_key(0x5030, NOON);
    store.key_used(&key, NOON).await.unwrap();
    assert_eq!(store.key(&key.id).await.unwrap(), None, "using makes no row");
    store.create_key(&key, nonce(1)).await.unwrap();
    // minutes after noon, and what is written down then
    for (minutes, written) in [(0, 0), (1, 0), (60, 0), (61, 61), (30, 61), (122, 122)] {
        store.key_used(&key, NOON + SignedDuration::from_mins(minutes)).await.unwrap();
        let found = store.key(&key.id).await.unwrap().expect("it is there");
        let last_used_at = Some(NOON + SignedDuration::from_mins(written));
        assert_eq!(found, ApiKey { last_used_at, ..key.clone() });
    }
}

async fn keys_are_listed_newest_first(store: &impl Keys) {
    let workspace = WorkspaceId::from_bits(0x5040);
    let sample = |bits, seconds| ApiKey {
        workspace: workspace.clone(),
        ..samples::api_key(bits, NOON + SECOND * seconds)
    };
    for (bits, seconds) in [(0x5041, 1), (0x5042, 3), (0x5043, 2)] {
        store.create_key(&sample(bits, seconds), nonce(1)).await.unwrap();
    }
    let foreign = ApiKey { workspace: WorkspaceId::from_bits(0x5049), ..sample(0x5044, 4) };
    store.create_key(&foreign, nonce(1)).await.unwrap();
    let revoked = store.revoke_key(&KeyId::from_bits(0x5043), NOON + HOUR).await.unwrap();
    let first = store.list_keys(&workspace, None, 2).await.unwrap();
    let rest = store.list_keys(&workspace, first.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!(first.rows, [sample(0x5042, 3), revoked.expect("it is there")]);
    assert_eq!((rest.rows, rest.next_cursor), (vec![sample(0x5041, 1)], None));
    assert!(store.list_keys(&workspace, Some("?"), 2).await.expect_err("it is no cursor").refused);
}

/// [`Notices`]. Uses ids from 0x8000.
pub async fn notices(store: &(impl Notices + Posts)) {
    what_is_told_is_written_with_the_post_or_not_at_all(store).await;
    let workspace = WorkspaceId::from_bits(0x8000);
    let notice = |epoch, at, news| Notice::new(&workspace, &CreatorId::from_bits(0x8001), epoch, at, news);
    let lost = notice(4, NOON, News::ReconnectRequired { code: "invalid_grant".to_owned() });
    let ends = notice(4, NOON + HOUR, News::GrantEnds { at: NOON + HOUR * 24, days: 1 });
    let back = notice(5, NOON + HOUR * 2, News::Connected { scopes: vec!["video.publish".to_owned()] });
    for notice in [&lost, &ends, &back] {
        assert!(store.record(notice).await.unwrap());
        assert!(!store.record(notice).await.unwrap(), "once");
    }
    assert_eq!(store.notice(&ends.id).await.unwrap().as_ref(), Some(&ends));
    assert_eq!(store.notice(&domain::NoticeId::from_bits(0x8002)).await.unwrap(), None);
    let later = Notice { at: NOON + HOUR * 9, ..lost.clone() };
    assert!(!store.record(&later).await.unwrap(), "the first word stays");
    let first = store.list_notices(&workspace, None, 2).await.unwrap();
    let rest = store.list_notices(&workspace, first.next_cursor.as_deref(), 2).await.unwrap();
    assert_eq!(first.rows, [back, ends]);
    assert_eq!((rest.rows, rest.next_cursor), (vec![lost], None));
    assert_eq!(store.list_notices(&WorkspaceId::from_bits(0x8009), None, 2).await.unwrap().rows, []);
}

/// [`Endpoints`] and [`Deliveries`], and what is due of them. Uses ids from 0xe000.
pub async fn webhooks(store: &(impl Endpoints + Deliveries + DueRows + Notices)) {
    an_endpoint_is_saved_with_what_is_told_of_it(store).await;
    a_delivery_is_made_once_and_listed_by_its_endpoint(store).await;
}

async fn an_endpoint_is_saved_with_what_is_told_of_it(store: &(impl Endpoints + DueRows + Notices)) {
    let workspace = WorkspaceId::from_bits(0xe000);
    let endpoint = |bits, at| Endpoint { workspace: workspace.clone(), ..samples::endpoint(bits, at) };
    let (first, second) = (endpoint(0xe001, NOON), endpoint(0xe002, NOON + HOUR));
    assert_eq!(store.endpoint(&first.id).await.unwrap(), None);
    let stored = new(store.create_endpoint(&first, nonce(1)).await.unwrap());
    assert_eq!(new(store.create_endpoint(&first, nonce(1)).await.unwrap()), stored, "perhaps our own write");
    let again = store.create_endpoint(&first, nonce(2)).await.unwrap();
    assert_eq!(again, Created::Existed(stored.clone()));
    new(store.create_endpoint(&second, nonce(3)).await.unwrap());
    assert_eq!(store.endpoint(&first.id).await.unwrap(), Some(stored.clone()));
    let page = store.list_endpoints(&workspace, None, 1).await.unwrap();
    assert_eq!(page.rows, std::slice::from_ref(&second));
    let rest = store.list_endpoints(&workspace, page.next_cursor.as_deref(), 1).await.unwrap();
    assert_eq!((rest.rows, rest.next_cursor), (vec![first.clone()], None));

    let key = DueKey::Endpoint(first.id.clone());
    let due = store.due(wake::partition(first.id.bits()), NOON + HOUR * 2, 100).await.unwrap();
    assert!(due.iter().any(|due| due.key == key && Some(due.at) == first.due), "{due:?}");
    let rows = store.rows(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(rows.get(&key), Some(&DueRow::Endpoint(Box::new(first.clone()))));

    let off = first.turned_off(Off::Failing, NOON + HOUR);
    let told = Notice::of_endpoint(&off, NOON + HOUR, EndpointNews::Disabled, Some("failing".to_owned()));
    let saved = written(store.save_endpoint(&stored, &off, Some(&told), nonce(4)).await.unwrap());
    assert_eq!((&saved.row, saved.version), (&off, stored.version + 1));
    assert_eq!(store.notice(&told.id).await.unwrap(), Some(told));
    let due = store.due(wake::partition(first.id.bits()), NOON + HOUR * 2, 100).await.unwrap();
    assert!(due.iter().all(|due| due.key != key), "what is off has nothing to do");
    let late = Notice::of_endpoint(&off, NOON + HOUR * 2, EndpointNews::Disabled, None);
    let conflict = store.save_endpoint(&stored, &first, Some(&late), nonce(5)).await.unwrap();
    assert_eq!(conflict, Saved::Conflict(Some(saved.clone())));
    assert_eq!(store.notice(&late.id).await.unwrap(), None, "both or neither");

    let removed = off.removed(NOON + HOUR);
    written(store.save_endpoint(&saved, &removed, None, nonce(6)).await.unwrap());
    assert_eq!(store.list_endpoints(&workspace, None, 10).await.unwrap().rows, [second]);
    let row = store.endpoint(&first.id).await.unwrap().expect("known for a while");
    assert!(row.row.is_removed() && row.row.secrets.is_empty());
}

async fn a_delivery_is_made_once_and_listed_by_its_endpoint(store: &(impl Deliveries + DueRows)) {
    let periods = Periods::default();
    let endpoint = samples::endpoint(0xe010, NOON);
    let told = |hours| {
        let at = NOON + HOUR * hours;
        let notice = Notice::of_endpoint(&endpoint, at, EndpointNews::Test, None);
        Delivery::of(&endpoint.id, &notice, at, &periods)
    };
    let (first, second) = (told(0), told(1));
    let keys = [first.key.clone(), second.key.clone()];
    assert!(store.deliveries(&keys).await.unwrap().is_empty());
    let stored = new(store.create_delivery(&first, nonce(1)).await.unwrap());
    assert_eq!(store.create_delivery(&first, nonce(2)).await.unwrap(), Created::Existed(stored.clone()));
    assert_eq!(store.deliveries(&keys).await.unwrap().get(&first.key), Some(&stored));
    assert_eq!(store.deliveries(&keys).await.unwrap().len(), 1);
    new(store.create_delivery(&second, nonce(3)).await.unwrap());
    let page = store.list_deliveries(&endpoint.id, None, 1).await.unwrap();
    assert_eq!(page.rows, [second]);
    let rest = store.list_deliveries(&endpoint.id, page.next_cursor.as_deref(), 1).await.unwrap();
    assert_eq!((rest.rows, rest.next_cursor), (vec![first.clone()], None));

    let (partition, key) = (wake::partition(first.key.event.bits()), DueKey::Delivery(first.key.clone()));
    let due = store.due(partition, NOON + HOUR, 100).await.unwrap();
    assert!(due.iter().any(|due| due.key == key && Some(due.at) == first.due), "{due:?}");
    let rows = store.rows(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(rows.get(&key), Some(&DueRow::Delivery(Box::new(first.clone()))));

    let attempt = Attempt {
        at: NOON,
        millis: 20,
        status: Some(503),
        code: None,
        response: Some("busy\u{1f6a2}".to_owned()),
    };
    let failed = first.attempted(attempt.clone(), NOON + SECOND, 7, &periods);
    let saved = written(store.save_delivery(&stored, &failed, nonce(4)).await.unwrap());
    assert_eq!(saved.row, failed);
    let conflict = store.save_delivery(&stored, &failed, nonce(5)).await.unwrap();
    assert_eq!(conflict, Saved::Conflict(Some(saved.clone())));
    let delivered =
        failed.attempted(Attempt { status: Some(204), ..attempt }, NOON + SECOND * 6, 7, &periods);
    assert!(matches!(delivered.state, DeliveryState::Delivered { .. }) && delivered.due.is_none());
    written(store.save_delivery(&saved, &delivered, nonce(6)).await.unwrap());
    assert_eq!(store.deliveries(&keys).await.unwrap()[&first.key].row, delivered);
    let due = store.due(partition, NOON + HOUR, 100).await.unwrap();
    assert!(due.iter().all(|due| due.key != key), "what is delivered has nothing to do");
}

/// [`AppRows`].
pub async fn app_rows(store: &impl AppRows) {
    let straight = store.detour().await.unwrap();
    assert_eq!(straight, Detour::default());
    let once = straight.stalled(NOON);
    assert!(store.save_detour(&straight, &once).await.unwrap());
    assert!(store.save_detour(&straight, &once).await.unwrap(), "perhaps our own write");
    assert!(
        !store.save_detour(&straight, &straight.stalled(NOON + SECOND)).await.unwrap(),
        "somebody wrote first"
    );
    let open = once.stalled(NOON + SECOND).stalled(NOON + SECOND * 2);
    assert!(open.is_open(NOON + HOUR) && !open.is_open(NOON + HOUR * 7));
    assert!(store.save_detour(&once, &open).await.unwrap());
    assert_eq!(store.detour().await.unwrap(), open);

    assert_eq!(store.app("awcontract").await.unwrap(), AppFacts::default());
    store.saw("awcontract", Sighting::UnauditedRefused, NOON).await.unwrap();
    store.saw("awcontract", Sighting::PullAccepted, NOON + SECOND).await.unwrap();
    store.saw("awcontract", Sighting::UnauditedRefused, NOON + HOUR).await.unwrap();
    store.put_file("awcontract", "tiktokOne.txt", "tiktok-developers-site-verification=One").await.unwrap();
    store.put_file("awcontract", "tiktokTwo.txt", "two").await.unwrap();
    store.put_file("awcontract", "tiktokTwo.txt", "two again").await.unwrap();
    let facts = store.app("awcontract").await.unwrap();
    let seen = [(Sighting::UnauditedRefused, NOON + HOUR), (Sighting::PullAccepted, NOON + SECOND)];
    assert_eq!(facts.seen, seen.into_iter().collect());
    assert_eq!(
        facts.files.iter().map(String::as_str).collect::<Vec<_>>(),
        ["tiktokOne.txt", "tiktokTwo.txt"]
    );
    assert_eq!(store.file("tiktokTwo.txt").await.unwrap().as_deref(), Some("two again"));
    assert_eq!(store.file("tiktokThree.txt").await.unwrap(), None);
    assert_eq!(store.app("awother").await.unwrap(), AppFacts::default());
    let event = Unexplained {
        sha256: [0x88; 32],
        event: "video.upload.failed".to_owned(),
        open_id: "-000Qm4".to_owned(),
        create_time: 1_793_534_400,
        content: "{}".to_owned(),
    };
    store.keep_event(&event, NOON).await.unwrap();
    store.keep_event(&event, NOON + HOUR).await.unwrap();
}

/// [`Connections`]. Uses secrets that hash to `[0x60; 32]` and following.
pub async fn connections(store: &impl Connections) {
    let sample = samples::connecting(NOON);
    assert_eq!(store.peek([0x60; 32]).await.unwrap(), None);
    assert_eq!(store.take([0x60; 32]).await.unwrap(), None);
    assert!(store.begin([0x60; 32], &sample).await.unwrap());
    assert!(store.begin([0x60; 32], &sample).await.unwrap(), "the same again");
    assert_eq!(store.peek([0x60; 32]).await.unwrap().as_ref(), Some(&sample));
    assert_eq!(store.peek([0x60; 32]).await.unwrap().as_ref(), Some(&sample), "looking takes nothing");
    assert_eq!(store.take([0x61; 32]).await.unwrap(), None);
    assert_eq!(store.take([0x60; 32]).await.unwrap(), Some(sample.clone()));
    assert_eq!(store.take([0x60; 32]).await.unwrap(), None, "once");
    assert_eq!(store.peek([0x60; 32]).await.unwrap(), None);
    assert!(!store.begin([0x60; 32], &sample).await.unwrap(), "a secret that was taken is used up");
    let link =
        crate::Connecting { creator: Some(CreatorId::from_bits(0xc1)), browser_sha256: None, ..sample };
    assert!(store.begin([0x62; 32], &link).await.unwrap());
    assert_eq!(store.take([0x62; 32]).await.unwrap(), Some(link));
}

/// [`Guards`]. Uses keys from `[0x90; 32]`.
pub async fn guards(store: &impl Guards) {
    let guard = |post: u128, seconds: i32| Guard {
        post: PostId::from_bits(post),
        content: ContentHash([7; 32]),
        at: NOON,
        until: NOON + SECOND * seconds,
        ends_at: NOON + SECOND * 86_400,
    };
    let (first, second, later) = (guard(1, 40), guard(2, 40), guard(1, 90));
    let take = async |guard: &Guard, seen| store.guard([0x90; 32], guard, seen).await.unwrap();
    assert_eq!(None, take(&first, None).await);
    assert_eq!(None, take(&first, None).await, "the same again");
    assert_eq!(Some(first.clone()), take(&second, None).await, "one has it");
    assert_eq!(Some(first.clone()), take(&second, Some(&later)).await, "what was seen is not what is there");
    assert_eq!(None, take(&later, Some(&first)).await, "prolonged");
    assert_eq!(Some(later.clone()), take(&second, Some(&first)).await, "it was prolonged meanwhile");
    assert_eq!(None, take(&second, Some(&later)).await, "taken over");
    assert_eq!(
        Some(second.clone()),
        take(&later, Some(&first)).await,
        "of two who saw the same one takes it over"
    );
    assert_eq!(None, store.guard_of([0x91; 32]).await.unwrap(), "nobody has it yet");
    assert_eq!(None, store.guard([0x91; 32], &first, None).await.unwrap(), "another guard");
    assert_eq!(Some(first.clone()), store.guard_of([0x91; 32]).await.unwrap());
    assert_eq!(None, store.guard([0x92; 32], &second, Some(&first)).await.unwrap(), "what was seen is gone");
}

/// [`DueRows`]. Uses ids from 0x7000, all of one partition.
pub async fn due_rows(store: &(impl DueRows + Posts + MediaRows)) {
    let partition = wake::partition(0x7000);
    let at = |seconds: i32| NOON + SECOND * seconds;
    let post = Post { due: Some(at(20)), ..samples::post(0x7000, None, NOON) };
    let media = Media { due: Some(at(10)), ..samples::media(0x7010, NOON) };
    let later = Post { due: Some(at(30)), ..samples::post(0x7020, None, NOON) };
    let never = Post { due: None, ..samples::post(0x7030, None, NOON) };
    let elsewhere = Post { due: Some(at(1)), ..samples::post(0x7001, None, NOON) };
    for post in [&post, &later, &never, &elsewhere] {
        store.create(post, &samples::content(), nonce(1)).await.unwrap();
    }
    let seen_media = new(store.declare(&media, nonce(1)).await.unwrap());
    let post_key = DueKey::Post(post.id.clone());
    let media_key = DueKey::Media(media.id.clone());

    let due = |before, limit| async move {
        let rows = store.due(partition, at(before), limit).await.unwrap();
        rows.into_iter().map(|due| (due.key, due.at)).collect::<Vec<_>>()
    };
    assert_eq!(due(30, 10).await, [(media_key.clone(), at(10)), (post_key.clone(), at(20))]);
    assert_eq!(due(30, 1).await, [(media_key.clone(), at(10))]);
    assert_eq!(due(10, 10).await, []);

    let missing = DueKey::Post(PostId::from_bits(0x7040));
    let rows = store.rows(&[post_key.clone(), media_key.clone(), missing.clone()]).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.get(&post_key), Some(&DueRow::Post(Box::new(post.clone()))));
    assert_eq!(rows.get(&media_key), Some(&DueRow::Media(Box::new(media.clone()))));
    assert_eq!(store.rows(&[]).await.unwrap().len(), 0);

    // only the seen wake-up moves, and whoever read the row before notices
    let seen = store.post(&post.id, Read::Strong).await.unwrap().expect("it is there");
    assert!(!store.push_back(&post_key, at(19), Some(at(300))).await.unwrap(), "the index was stale");
    assert!(store.push_back(&post_key, at(20), Some(at(300))).await.unwrap());
    assert!(store.push_back(&post_key, at(20), Some(at(300))).await.unwrap(), "perhaps our own write");
    assert!(!store.push_back(&post_key, at(20), Some(at(301))).await.unwrap());
    assert_eq!(
        due(301, 10).await,
        [(media_key.clone(), at(10)), (DueKey::Post(later.id.clone()), at(30)), (post_key.clone(), at(300)),]
    );
    let pushed = store.post(&post.id, Read::Strong).await.unwrap().expect("it is there");
    assert_eq!(pushed, Stored { row: Post { due: Some(at(300)), ..post }, version: seen.version + 1 });
    let conflict = store.save(&seen, &seen.row, None, nonce(2)).await.unwrap();
    assert_eq!(conflict, Saved::Conflict(Some(pushed.clone())));

    assert!(store.push_back(&media_key, at(10), None).await.unwrap());
    assert!(!store.push_back(&media_key, at(10), Some(at(11))).await.unwrap());
    let ready = Media { due: Some(at(40)), ..samples::ready_media(0x7010, NOON) };
    assert!(matches!(store.judge(&seen_media, &ready, nonce(2)).await.unwrap(), Saved::Conflict(Some(_))));
    assert!(!store.push_back(&missing, at(1), Some(at(2))).await.unwrap());
    assert!(store.post(&PostId::from_bits(0x7040), Read::Strong).await.unwrap().is_none());

    // saving moves the wake-up, keeps it and takes it away
    let again = Post { due: Some(at(50)), ..pushed.row.clone() };
    let pushed = written(store.save(&pushed, &again, None, nonce(3)).await.unwrap());
    let pushed = written(store.save(&pushed, &again, None, nonce(4)).await.unwrap());
    let later_key = DueKey::Post(later.id.clone());
    assert_eq!(due(301, 10).await, [(later_key.clone(), at(30)), (post_key.clone(), at(50))]);
    written(store.save(&pushed, &Post { due: None, ..again }, None, nonce(5)).await.unwrap());
    assert_eq!(due(301, 10).await, [(later_key, at(30))]);
    let media = store.media(&media.id, Read::Strong).await.unwrap().expect("it is there");
    written(store.judge(&media, &ready, nonce(6)).await.unwrap());
    assert_eq!(due(301, 10).await.last(), Some(&(media_key, at(40))));
}

/// [`DueAccounts`]. Uses ids from 0x8000, all of one partition.
pub async fn due_accounts(store: &(impl DueAccounts + Accounts)) {
    let partition = wake::partition(0x8000);
    let at = |seconds: i32| NOON + SECOND * seconds;
    for (bits, seconds) in [(0x8000, 20), (0x8010, 10), (0x8001, 1)] {
        let account = Account { due: Some(at(seconds)), ..samples::account(bits, NOON) };
        store.connect(&account, nonce(1)).await.unwrap();
    }
    let due = |before| async move {
        let rows = store.due_accounts(partition, at(before), 10).await.unwrap();
        rows.into_iter().map(|due| (due.key.bits(), due.at)).collect::<Vec<_>>()
    };
    assert_eq!(due(20).await, [(0x8010, at(10))]);
    assert_eq!(due(21).await, [(0x8010, at(10)), (0x8000, at(20))]);
    let id = AccountId::from_bits(0x8010);
    assert!(!store.push_back_account(&id, at(11), at(300)).await.unwrap(), "the index was stale");
    assert!(store.push_back_account(&id, at(10), at(300)).await.unwrap());
    assert!(store.push_back_account(&id, at(10), at(300)).await.unwrap(), "perhaps our own write");
    assert!(!store.push_back_account(&id, at(10), at(301)).await.unwrap());
    assert!(!store.push_back_account(&AccountId::from_bits(0x8fff), at(10), at(301)).await.unwrap());
    assert_eq!(due(301).await, [(0x8000, at(20)), (0x8010, at(300))]);
    assert_eq!(account(store, &id).await.due, Some(at(300)));
}

/// [`Objects`]. Uses media from 0x9000. What a signed URL does is for the adapter's own tests.
pub async fn objects(store: &impl Objects) {
    let media = MediaId::from_bits(0x9000);
    let etag = store.put_upload(&media, Container::Mp4, b"first".to_vec()).await.unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "as S3 writes it: {etag}");
    let copy = |etag: String, key: &'static str| {
        let media = media.clone();
        async move { store.copy_for_attempt(&media, &etag, key, "video/mp4").await.unwrap() }
    };
    let key = "m/00000000000000000000000000009000.mp4";
    assert_eq!(copy(etag.clone(), key).await, Copied::Done);
    assert_eq!(copy(etag.clone(), key).await, Copied::Done, "a repeat is harmless");
    let other = store.put_upload(&media, Container::Mp4, b"second".to_vec()).await.unwrap();
    assert_ne!(other, etag);
    assert_eq!(copy(etag.clone(), key).await, Copied::Changed, "these are not the bytes that were probed");
    let nothing = store.copy_for_attempt(&MediaId::from_bits(0x9001), &etag, key, "video/mp4").await;
    assert_eq!(nothing.unwrap(), Copied::Changed);
    store.delete_copy(key).await.unwrap();
    store.delete_copy(key).await.unwrap();

    // what a photo was converted to is an object of its own, and the upload stays as it came
    let photo = MediaId::from_bits(0x9002);
    let (png, jpeg) = (b"a large PNG".to_vec(), b"a small JPEG".to_vec());
    let uploaded = store.put_upload(&photo, Container::Png, png).await.unwrap();
    let converted = store.put_converted(&photo, jpeg.clone()).await.unwrap();
    assert_eq!(store.put_converted(&photo, jpeg).await.unwrap(), converted, "a repeat is harmless");
    assert_ne!(uploaded, converted);
    for (etag, outcome) in [(&converted, Copied::Done), (&uploaded, Copied::Done), (&etag, Copied::Changed)] {
        let copied = store.copy_for_attempt(&photo, etag, "m/9002.jpg", "image/jpeg").await;
        assert_eq!(copied.unwrap(), outcome);
    }

    let valid = SignedDuration::from_mins(15);
    let upload = store.sign_upload(&media, Container::Mp4, 5, None, valid, NOON).await.unwrap();
    assert_eq!(upload.expires_at, NOON + valid);
    assert!(upload.url.expose().contains(&domain::media::upload_key(&media)));
    let url = store.sign_download(key, valid).await.unwrap();
    assert!(url.expose().contains(key));
    assert_eq!(format!("{url:?}"), "[redacted url]");
}

/// [`Rescue`]. Uses accounts from 0xa000.
pub async fn rescue(store: &impl Rescue) {
    let account = AccountId::from_bits(0xa000);
    assert_eq!(store.kept(&account, 2).await.unwrap(), None);
    let tokens = Tokens { previous_refresh: Some((1, samples::sealed(1))), ..samples::tokens(2, NOON) };
    store.keep(&account, &tokens).await.unwrap();
    store.keep(&account, &tokens).await.unwrap();
    assert_eq!(store.kept(&account, 2).await.unwrap(), Some(tokens));
    assert_eq!(store.kept(&account, 3).await.unwrap(), None);
    assert_eq!(store.kept(&AccountId::from_bits(0xa001), 2).await.unwrap(), None);
}

/// [`Queues`]: takes every kind of job, with any delay. What comes out is for the adapter's own tests.
pub async fn queues(store: &impl Queues) {
    let post = samples::post(0xb000, None, NOON);
    let publish = domain::job::Publish {
        post: post.id.clone(),
        account: post.account.clone(),
        content: post.content,
        ticket: Some(NOON),
        refused_epoch: None,
    };
    let check = domain::job::Check {
        post: post.id,
        account: post.account.clone(),
        swept: false,
        refused_epoch: None,
    };
    let jobs = [
        Job::Publish(publish),
        Job::Check(check),
        Job::Ingest { media: post.media, post: None },
        Job::Refresh { account: post.account, epoch: Some(1) },
        Job::CatchUp(domain::job::CatchUp::of(EndpointId::from_bits(0xb001))),
    ];
    for job in &jobs {
        for delay in
            [-SECOND, SignedDuration::ZERO, SignedDuration::from_millis(1_001), crate::MAX_DELAY, HOUR]
        {
            store.send(job, delay).await.unwrap();
        }
    }
}

/// [`Vault`].
pub async fn vault(vault: &impl Vault) {
    let binding = |client_key, open_id, field, epoch| Binding { client_key, open_id, field, epoch };
    let ours = binding("key", "user", TokenField::Access, 7);
    let secret = Plaintext::new("act.example12345Example12345Example".to_owned());
    let sealed = vault.seal(&secret, &ours).await.unwrap();
    assert_eq!(vault.open(&sealed, &ours).await.unwrap(), secret);
    assert_eq!(format!("{sealed:?} {secret:?}"), "[sealed] [redacted]");
    let holds = |part: &[u8]| part.windows(8).any(|window| window == b"example1");
    assert!(!holds(&sealed.cipher) && !holds(&sealed.data_key), "the secret is readable");
    for foreign in [
        binding("other", "user", TokenField::Access, 7),
        binding("key", "other", TokenField::Access, 7),
        binding("key", "user", TokenField::Refresh, 7),
        binding("key", "user", TokenField::Access, 8),
        binding("keyu", "ser", TokenField::Access, 7),
    ] {
        let refusal = vault.open(&sealed, &foreign).await;
        assert!(matches!(refusal, Err(OpenError::Foreign)), "{foreign:?}: {refusal:?}");
    }
    for index in [0, sealed.cipher.len() / 2, sealed.cipher.len() - 1] {
        let mut changed = sealed.clone();
        changed.cipher[index] ^= 1;
        let refusal = vault.open(&changed, &ours).await;
        assert!(matches!(refusal, Err(OpenError::Foreign)), "byte {index} changed: {refusal:?}");
    }
    let mut cut = sealed.clone();
    cut.cipher.truncate(3);
    assert!(matches!(vault.open(&cut, &ours).await, Err(OpenError::Foreign)));
    let again = vault.seal(&secret, &binding("key", "user", TokenField::Refresh, 7)).await.unwrap();
    assert_ne!(again.cipher, sealed.cipher);
}
