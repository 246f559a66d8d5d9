//! Posts and events to play with.

use domain::content::{ContentHash, PrivacyLevel};
use domain::media::{Container, Pinned};
use domain::post::{
    AfterDeath, Event, Failure, HoldReason, Order, PUBLISH_CANCELLED, PublishId, Resolution, Verdict,
};
use domain::timeline::Actor;
use domain::{
    AccountId, CreatorId, MediaId, Nonce, Outcome, Periods, Post, PostId, SignedDuration, Timestamp,
    WorkspaceId,
};

pub(crate) const NONCE: Nonce = Nonce::from_bits(7);
pub(crate) const OTHER: Nonce = Nonce::from_bits(8);
pub(crate) const ID: u64 = 7_602_997_517_160_123_666;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn pinned() -> Pinned {
    Pinned { etag: "\"e\"".into(), container: Container::Mp4, duration_ms: 5_000 }
}

pub(crate) fn accepted(pinned: Option<Pinned>, privacy: PrivacyLevel) -> Post {
    Post::accept(order(privacy), pinned, at(0), &Periods::default())
}

pub(crate) fn order(privacy_level: PrivacyLevel) -> Order {
    Order {
        id: PostId::from_bits(1),
        workspace: WorkspaceId::from_bits(2),
        creator: CreatorId::from_bits(3),
        account: AccountId::from_bits(4),
        content: ContentHash([5; 32]),
        media: MediaId::from_bits(6),
        privacy_level,
        publish_at: None,
        retry_of: None,
    }
}

pub(crate) fn publish_id() -> PublishId {
    PublishId("v_pub_url~v2.1".into())
}

pub(crate) fn failure() -> Failure {
    Failure { code: "spam_risk".into(), remedy: "post something else".into() }
}

pub(crate) fn claimed() -> Event {
    Event::Claimed { nonce: NONCE, until: at(40) }
}

pub(crate) fn taken() -> Event {
    Event::InitAccepted { nonce: NONCE, publish_id: publish_id() }
}

pub(crate) fn said(verdict: Verdict) -> Event {
    Event::Said { publish_id: publish_id(), verdict }
}

pub(crate) fn failed(passing: bool) -> Verdict {
    Verdict::Failed { reason: "internal".into(), passing, remedy: "try again later".into() }
}

pub(crate) fn then(post: &Post, event: Event) -> Post {
    match post.apply(event, Actor::Publish, at(1), &Periods::default()).unwrap() {
        Outcome::Moved(post) => *post,
        Outcome::Unchanged => panic!("expected `{}` to move", post.state.name()),
    }
}

/// One post in each state.
pub(crate) fn every_state() -> Vec<Post> {
    let waiting = accepted(None, PrivacyLevel::PublicToEveryone);
    let queued = accepted(Some(pinned()), PrivacyLevel::PublicToEveryone);
    let held =
        then(&queued, Event::Held { until: Some(at(60)), why: HoldReason::CreatorDailyCap, code: None });
    let initiating = then(&queued, claimed());
    let processing = then(&initiating, taken());
    let published = then(&processing, said(Verdict::Complete { post_ids: vec![] }));
    let failed = then(&processing, said(failed(false)));
    let unconfirmed = then(&initiating, Event::AnswerLost { nonce: NONCE });
    let order = Order { publish_at: Some(at(600)), ..order(PrivacyLevel::PublicToEveryone) };
    let scheduled = Post::accept(order, Some(pinned()), at(0), &Periods::default());
    let stopping = then(&initiating, Event::CancelAsked);
    let cancelling = then(&processing, Event::CancelAsked);
    let cancelled = then(&cancelling, said(cancelled()));
    let inbox = then(&processing, said(Verdict::InInbox));
    let silent = then(&processing, Event::Silent);
    let unwanted = then(&unconfirmed, Event::CancelAsked);
    vec![
        waiting,
        scheduled,
        queued,
        held,
        initiating,
        processing,
        stopping,
        cancelling,
        inbox,
        published,
        failed,
        cancelled,
        unconfirmed,
        unwanted,
        silent,
    ]
}

pub(crate) fn in_state(name: &str) -> Post {
    every_state().into_iter().find(|post| post.state.name() == name).expect("a state")
}

pub(crate) fn cancelled() -> Verdict {
    Verdict::Failed { reason: PUBLISH_CANCELLED.into(), passing: false, remedy: String::new() }
}

/// Every kind of event, with its variants that matter.
pub(crate) fn every_event() -> Vec<Event> {
    let dead = |then| Event::AttemptDead { nonce: NONCE, code: "rate_limit_exceeded".into(), then };
    vec![
        Event::MediaReady(pinned()),
        Event::MediaRejected(failure()),
        Event::Held { until: None, why: HoldReason::ReconnectRequired, code: None },
        Event::Held { until: Some(at(600)), why: HoldReason::CreatorDailyCap, code: None },
        Event::Released,
        Event::Refused(failure()),
        claimed(),
        taken(),
        Event::InitAccepted { nonce: OTHER, publish_id: PublishId("v_pub_url~v2.2".into()) },
        dead(AfterDeath::Again(at(62))),
        dead(AfterDeath::Hold { until: None, why: HoldReason::Unaudited }),
        dead(AfterDeath::Fail(failure())),
        Event::AnswerLost { nonce: NONCE },
        Event::AnswerLost { nonce: OTHER },
        said(Verdict::InProgress),
        said(Verdict::Complete { post_ids: vec![] }),
        said(Verdict::Complete { post_ids: vec![ID] }),
        said(failed(true)),
        said(failed(false)),
        said(Verdict::PubliclyAvailable { post_id: ID }),
        said(Verdict::NoLongerPublic),
        Event::Said { publish_id: PublishId("v_pub_url~v2.9".into()), verdict: failed(false) },
        Event::Said {
            publish_id: PublishId("v_pub_url~v2.9".into()),
            verdict: Verdict::Complete { post_ids: vec![] },
        },
        Event::Silent,
        Event::CancelAsked,
        Event::CancelRefused { code: "publish_not_cancellable".into() },
        said(cancelled()),
        said(Verdict::InInbox),
        Event::Fenced { nonce: NONCE, at: at(2) },
        Event::Adopted { nonce: NONCE, publish_id: publish_id() },
        Event::Adopted { nonce: OTHER, publish_id: PublishId("v_pub_url~v2.2".into()) },
        Event::Found { nonce: NONCE, post_id: ID },
        Event::Unresolved,
        Event::Resolved(Resolution::Published { post_id: Some(ID) }),
        Event::Resolved(Resolution::NotPublished),
    ]
}

pub(crate) const EVENTS: usize = 35;
