//! Posts and events to play with.

use domain::content::{ContentHash, PrivacyLevel};
use domain::media::{Container, Pinned};
use domain::post::{AfterDeath, Event, Failure, HoldReason, PublishId, Verdict};
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
    Post::accept(
        PostId::from_bits(1),
        WorkspaceId::from_bits(2),
        CreatorId::from_bits(3),
        AccountId::from_bits(4),
        ContentHash([5; 32]),
        MediaId::from_bits(6),
        privacy,
        pinned,
        at(0),
        &Periods::default(),
    )
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
    vec![waiting, queued, held, initiating, processing, published, failed, unconfirmed]
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
    ]
}
