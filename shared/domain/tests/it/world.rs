//! Posts and events to play with.

use domain::account::Sealed;
use domain::content::{ContentHash, Kind, PrivacyLevel};
use domain::media::{Container, Pinned, PinnedVideo};
use domain::post::{
    AfterDeath, Event, Failure, HoldReason, Order, PUBLISH_CANCELLED, PublishId, Resolution, Sender, Source,
    Verdict, Wish,
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
    Pinned::Video(PinnedVideo {
        etag: "\"e\"".into(),
        container: Container::Mp4,
        duration_ms: 5_000,
        size: Some(1_000_000),
    })
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
        wish: wish(privacy_level),
        draft: false,
        retry_of: None,
    }
}

pub(crate) fn wish(privacy_level: PrivacyLevel) -> Wish {
    Wish {
        content: ContentHash([5; 32]),
        kind: Kind::Video,
        media: MediaId::from_bits(6),
        privacy_level: Some(privacy_level),
        publish_at: None,
        local_time: None,
    }
}

/// The same, to be published at a time.
pub(crate) fn order_at(privacy_level: PrivacyLevel, publish_at: Timestamp) -> Order {
    let wish = Wish { publish_at: Some(publish_at), ..wish(privacy_level) };
    Order { wish, ..order(privacy_level) }
}

pub(crate) fn publish_id() -> PublishId {
    PublishId("v_pub_url~v2.1".into())
}

pub(crate) fn failure() -> Failure {
    Failure { code: "spam_risk".into(), remedy: "post something else".into() }
}

pub(crate) fn claimed() -> Event {
    claimed_for(Source::PullFromUrl)
}

pub(crate) fn claimed_for(source: Source) -> Event {
    Event::Claimed { nonce: NONCE, until: at(40), source }
}

pub(crate) fn opened() -> Event {
    let url = Sealed { data_key: vec![1], cipher: vec![2] };
    Event::UploadOpened { nonce: NONCE, publish_id: publish_id(), url }
}

pub(crate) const SENDER: Nonce = Nonce::from_bits(9);

pub(crate) fn send_begun() -> Event {
    Event::SendBegun { publish_id: publish_id(), sender: Sender { nonce: SENDER, until: at(90) } }
}

pub(crate) fn sent(bytes: u64, leaves: bool) -> Event {
    Event::Sent { sender: SENDER, bytes, leaves }
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
    let later = order_at(PrivacyLevel::PublicToEveryone, at(600));
    let scheduled = Post::accept(later, Some(pinned()), at(0), &Periods::default());
    let stopping = then(&initiating, Event::CancelAsked);
    let cancelling = then(&processing, Event::CancelAsked);
    let cancelled = then(&cancelling, said(cancelled()));
    let inbox = then(&processing, said(Verdict::InInbox));
    let silent = then(&processing, Event::Silent);
    let unwanted = then(&unconfirmed, Event::CancelAsked);
    let unsent = Order { draft: true, ..order(PrivacyLevel::PublicToEveryone) };
    let draft = Post::accept(unsent, None, at(0), &Periods::default());
    let opening = then(&queued, claimed_for(Source::FileUpload));
    let uploading = then(&opening, opened());
    let sending = then(&uploading, send_begun());
    let waiting_for_bytes = then(&sending, Event::CancelAsked);
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
        draft,
        opening,
        uploading,
        sending,
        waiting_for_bytes,
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
        Event::Submitted { media: Some(pinned()) },
        claimed_for(Source::FileUpload),
        opened(),
        send_begun(),
        sent(500_000, false),
        sent(500_000, true),
        Event::UploadComplete { publish_id: publish_id() },
        Event::UploadOver { publish_id: publish_id(), code: "upload.expired".into() },
        Event::Pulling { publish_id: publish_id(), bytes: 1_000 },
    ]
}

pub(crate) const EVENTS: usize = 44;
