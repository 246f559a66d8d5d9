//! What a person does with a post: cancel it, repeat it, say what became of it, choose its time.

use domain::app::Breaker;
use domain::creator::CreatorStatus;
use domain::post::{AfterDeath, Event, Failure, HoldReason, PostState, PublishId, Verdict};
use domain::timeline::Actor;
use domain::{CreatorId, Job, MediaId, Nonce, Outcome, Periods, Post, PostId, SignedDuration};
use http::{Method, StatusCode, header};
use ports::{AppRows as _, Clock as _, Entropy as _, Posts as _};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};

const NONCE: Nonce = Nonce::from_bits(5);
const ID: &str = "v_pub_url~v2.1";

/// Whose media and whose post.
struct Scene {
    fixture: Fixture,
    creator: CreatorId,
    media: MediaId,
}

async fn scene() -> Scene {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    Scene { fixture, creator, media }
}

impl Scene {
    /// A post that these events have happened to.
    async fn post(&self, events: &[Event]) -> PostId {
        let answer = self.fixture.create("k1", &Fixture::post_body(&self.creator, &self.media)).await;
        assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
        let id: PostId = answer.body["id"].as_str().unwrap().parse().unwrap();
        self.moved(&id, events).await;
        self.fixture.queues.lose_all();
        id
    }

    /// As a function writes it, with what the workspace is told.
    async fn moved(&self, id: &PostId, events: &[Event]) {
        let now = self.fixture.clock.now();
        for event in events {
            let seen = self.row(id);
            let moved = seen.row.apply(event.clone(), Actor::Publish, now, &Periods::default()).unwrap();
            let Outcome::Moved(after) = moved else { panic!("`{}` was known", event.name()) };
            let news = after.news();
            let nonce = ports::fakes::SeededEntropy::new(after.timeline.entries().len() as u64).nonce();
            self.fixture.table.save(&seen, &after, news.as_ref(), nonce).await.unwrap();
        }
    }

    fn row(&self, id: &PostId) -> ports::Stored<Post> {
        self.fixture.table.posts().into_iter().find(|it| it.row.id == *id).unwrap()
    }

    fn state(&self, id: &PostId) -> &'static str {
        self.row(id).row.state.name()
    }

    async fn ask(&self, id: &PostId, what: &str, body: &Value) -> Answer {
        self.fixture.post(&format!("/v1/posts/{id}/{what}"), body).await
    }

    async fn cancel(&self, id: &PostId) -> Answer {
        let request = self.fixture.request(Method::POST, &format!("/v1/posts/{id}/cancel"));
        self.fixture.send(request.body(axum::body::Body::empty()).unwrap()).await
    }

    async fn retry(&self, id: &PostId, key: &str) -> Answer {
        let request = self.fixture.request(Method::POST, &format!("/v1/posts/{id}/retry"));
        let request = request.header("idempotency-key", key);
        self.fixture.send(request.body(axum::body::Body::empty()).unwrap()).await
    }

    async fn news(&self) -> Vec<String> {
        let events = self.fixture.get("/v1/events").await;
        let name = |event: &Value| event["type"].as_str().unwrap().to_owned();
        let names = events.body["data"].as_array().unwrap().iter().map(name);
        names.filter(|name| name.starts_with("post.")).collect()
    }
}

fn claimed() -> Event {
    Event::Claimed {
        nonce: NONCE,
        until: ports::samples::NOON + SignedDuration::from_secs(40),
        source: domain::post::Source::PullFromUrl,
    }
}

fn taken() -> Event {
    Event::InitAccepted { nonce: NONCE, publish_id: PublishId(ID.to_owned()) }
}

fn said(verdict: Verdict) -> Event {
    Event::Said { publish_id: PublishId(ID.to_owned()), verdict }
}

fn failed(reason: &str) -> Event {
    said(Verdict::Failed { reason: reason.to_owned(), passing: false, remedy: "another video".to_owned() })
}

fn lost() -> Event {
    Event::AnswerLost { nonce: NONCE }
}

fn held() -> Event {
    Event::Held { until: None, why: HoldReason::ReconnectRequired, code: None }
}

/// How a post came to each of its states.
fn ways() -> Vec<(&'static str, Vec<Event>)> {
    let complete = || said(Verdict::Complete { post_ids: vec![] });
    let refused = Failure { code: "spam_risk".to_owned(), remedy: "post something else".to_owned() };
    vec![
        ("queued", vec![]),
        ("held", vec![held()]),
        ("initiating", vec![claimed()]),
        ("processing", vec![claimed(), taken()]),
        ("cancelling", vec![claimed(), Event::CancelAsked]),
        ("cancelling", vec![claimed(), taken(), Event::CancelAsked]),
        ("sent_to_inbox", vec![claimed(), taken(), said(Verdict::InInbox)]),
        ("published", vec![claimed(), taken(), complete()]),
        ("failed", vec![claimed(), taken(), failed("spam_risk")]),
        (
            "failed",
            vec![
                claimed(),
                Event::AttemptDead {
                    nonce: NONCE,
                    code: "spam_risk".to_owned(),
                    then: AfterDeath::Fail(refused),
                },
            ],
        ),
        ("cancelled", vec![Event::CancelAsked]),
        ("unconfirmed", vec![claimed(), lost()]),
        ("unconfirmed", vec![claimed(), lost(), Event::CancelAsked]),
        ("unconfirmed", vec![claimed(), taken(), Event::Silent]),
    ]
}

#[tokio::test]
async fn a_cancel_ends_what_has_not_begun_and_asks_tiktok_to_stop_what_has() {
    for (number, (from, events)) in ways().into_iter().enumerate() {
        let scene = scene().await;
        let id = scene.post(&events).await;
        assert_eq!(from, scene.state(&id));
        let answer = scene.cancel(&id).await;
        let (status, to) = match from {
            "queued" | "held" | "cancelled" => (200, "cancelled"),
            "initiating" | "processing" | "cancelling" => (202, "cancelling"),
            "unconfirmed" if number == 13 => (202, "cancelling"),
            "unconfirmed" => (202, "unconfirmed"),
            _ => (409, from),
        };
        let told = format!("{number} `{from}`: {}", answer.text);
        assert_eq!((status, to), (answer.status.as_u16(), scene.state(&id)), "{told}");
        if status == 409 {
            answer.is_problem(409, "", "post.ended");
            continue;
        }
        assert_eq!(to, answer.body["state"].as_str().unwrap(), "{told}");
        let row = scene.row(&id).row;
        if let PostState::Unconfirmed { doubt, .. } = &row.state {
            assert!(doubt.cancel && answer.body["unconfirmed"]["cancel_wanted"] == json!(true), "{told}");
        }
        // what can go on at once is sent for at once
        let checks =
            scene.fixture.queues.waiting().iter().filter(|it| matches!(it.job, Job::Check(_))).count();
        let now = matches!(row.state, PostState::Cancelling { publish_id: Some(_), .. });
        assert!(!now || checks == 1, "{told}: {checks} checks");
        assert_eq!(row.due.is_some(), !row.state.is_final(), "{told}");

        let again = scene.cancel(&id).await;
        assert_eq!(
            (answer.status, &answer.body),
            (again.status, &again.body),
            "{told}: a repeat is no change"
        );
        assert_eq!(row.timeline, scene.row(&id).row.timeline, "{told}");
    }
}

#[tokio::test]
async fn a_post_whose_video_is_still_to_come_and_one_whose_time_is_can_be_cancelled() {
    let scene = scene().await;
    let media = scene.fixture.awaited_media(2);
    let waits = scene.fixture.create("k2", &Fixture::post_body(&scene.creator, &media)).await;
    let mut body = Fixture::post_body(&scene.creator, &scene.media);
    body["publish_at"] = json!("2026-11-01T18:00:00Z");
    let scheduled = scene.fixture.create("k3", &body).await;
    for (answer, state) in [(waits, "awaiting_media"), (scheduled, "scheduled")] {
        assert_eq!(json!(state), answer.body["state"]);
        let id: PostId = answer.body["id"].as_str().unwrap().parse().unwrap();
        let cancelled = scene.cancel(&id).await;
        assert_eq!((StatusCode::OK, "cancelled"), (cancelled.status, scene.state(&id)));
        assert_eq!(None, scene.row(&id).row.due);
        assert_eq!(json!("person"), cancelled.body["timeline"][1]["by"]);
    }
    assert_eq!(scene.news().await, ["post.cancelled", "post.cancelled"]);
}

#[tokio::test]
async fn the_copy_of_a_cancelled_post_goes_and_that_of_one_that_may_be_pulled_stays() {
    let scene = scene().await;
    let id = scene.post(&[claimed(), taken()]).await;
    let key = scene.row(&id).row.state.copy_keys().remove(0);
    scene.fixture.objects.put(&key, domain::media::Container::Mp4, b"copy".to_vec());
    scene.cancel(&id).await;
    assert!(scene.fixture.objects.object(&key).is_some(), "TikTok may be at it");
}

#[tokio::test]
async fn a_cancel_that_could_not_be_written_is_not_answered_with_success() {
    let scene = scene().await;
    let id = scene.post(&[]).await;
    scene.fixture.table.fail_next("save", ports::fakes::Fault::BeforeEffect, 1);
    scene.cancel(&id).await.is_problem(500, "", "internal");
    assert_eq!("queued", scene.state(&id));
    scene.fixture.table.fail_next("save", ports::fakes::Fault::AfterEffect, 1);
    scene.cancel(&id).await.is_problem(500, "", "internal");
    let again = scene.cancel(&id).await;
    assert_eq!((StatusCode::OK, "cancelled"), (again.status, scene.state(&id)));
    assert_eq!(scene.news().await, ["post.cancelled"]);
}

#[tokio::test]
async fn what_ended_otherwise_than_it_was_meant_to_can_be_repeated_as_a_new_post() {
    for events in [vec![claimed(), taken(), failed("spam_risk")], vec![Event::CancelAsked]] {
        let scene = scene().await;
        let id = scene.post(&events).await;
        let before = scene.row(&id);
        let answer = scene.retry(&id, "r1").await;
        assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
        assert_eq!(json!(id.as_str()), answer.body["retry_of"]);
        assert_eq!(
            (json!("queued"), json!("Harbour at six #boats")),
            (answer.body["state"].clone(), answer.body["caption"].clone())
        );
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        let new: PostId = location.rsplit('/').next().unwrap().parse().unwrap();
        let row = scene.row(&new).row;
        assert_ne!(id, new);
        assert_eq!(scene.row(&id), before, "the first one stays as it ended");
        let table = &scene.fixture.table;
        let first = table.content(&id, &before.row.content).await.unwrap().unwrap();
        let second = table.content(&new, &row.content).await.unwrap().unwrap();
        assert_eq!(first, second, "the same content, with the same consent");
        assert_eq!(
            (row.retry_of.as_ref(), row.privacy_level, &row.media, &row.creator, row.publish_at),
            (Some(&id), before.row.privacy_level, &before.row.media, &before.row.creator, None)
        );
        let sent = scene.fixture.queues.waiting();
        assert!(matches!(&sent[..], [sent] if matches!(&sent.job, Job::Publish(job) if job.post == new)));

        let same = scene.retry(&id, "r1").await;
        assert!(same.replayed() && !answer.replayed());
        assert_eq!((same.status, &same.text), (answer.status, &answer.text));
        assert_eq!(scene.fixture.queues.waiting().len(), 1);
        let other = scene.retry(&id, "r2").await;
        assert_ne!(other.body["id"], answer.body["id"]);
        assert_eq!(scene.fixture.table.posts().len(), 3);
    }
}

#[tokio::test]
async fn what_was_accepted_as_a_repeat_once_stays_accepted() {
    let scene = scene().await;
    let id = scene.post(&[claimed(), taken(), failed("internal")]).await;
    let first = scene.retry(&id, "r1").await;
    assert_eq!(StatusCode::ACCEPTED, first.status);
    // the first turns out to be published, the creator is gone, the video refused
    scene.moved(&id, &[said(Verdict::PubliclyAvailable { post_id: 7 })]).await;
    let mut creator = scene.fixture.table.creators().remove(0);
    creator.status = CreatorStatus::Disconnected;
    scene.fixture.table.insert_creator(creator);
    let again = scene.retry(&id, "r1").await;
    assert_eq!((first.status, &first.text, true), (again.status, &again.text, again.replayed()));
    scene.retry(&id, "r2").await.is_problem(409, "", "post.published");
}

#[tokio::test]
async fn what_has_not_ended_or_is_there_is_not_repeated() {
    for (from, events) in ways() {
        let scene = scene().await;
        let id = scene.post(&events).await;
        let answer = scene.retry(&id, "r1").await;
        let rule = match from {
            "failed" | "cancelled" => {
                assert_eq!(StatusCode::ACCEPTED, answer.status, "`{from}`");
                continue;
            }
            "unconfirmed" => "post.unconfirmed",
            "published" | "sent_to_inbox" => "post.published",
            _ => "post.not_ended",
        };
        answer.is_problem(409, "", rule);
        assert_eq!(scene.fixture.table.posts().len(), 1, "`{from}`");
        assert_eq!(scene.fixture.queues.waiting().len(), 0, "`{from}`");
    }
}

#[tokio::test]
async fn a_repeat_needs_a_key_a_creator_who_is_connected_and_a_video_that_is_there() {
    let scene = scene().await;
    let id = scene.post(&[Event::CancelAsked]).await;
    let keyless = scene.ask(&id, "retry", &json!({})).await;
    keyless.is_problem(400, "", "idempotency_key.required");

    let mut creator = scene.fixture.table.creators().remove(0);
    creator.status = CreatorStatus::ReconnectRequired;
    scene.fixture.table.insert_creator(creator.clone());
    scene.retry(&id, "r1").await.is_problem(409, "/creator", "creator.reconnect_required");
    creator.status = CreatorStatus::Active;
    scene.fixture.table.insert_creator(creator);

    scene.fixture.awaited_media(1);
    scene.retry(&id, "r1").await.is_problem(422, "", "media.gone");
    assert_eq!(scene.fixture.table.posts().len(), 1);
    let missing = PostId::from_bits(404);
    for what in ["retry", "cancel", "resolve"] {
        let body = json!({ "outcome": "published" });
        scene.ask(&missing, what, &body).await.is_problem(404, "", "post.not_found");
    }
}

#[tokio::test]
async fn other_workspaces_and_keys_that_may_only_read_change_nothing() {
    let scene = scene().await;
    let id = scene.post(&[]).await;
    let row = scene.row(&id);
    let reader = scene.fixture.key_with(77, [domain::Scope::PostsRead]);
    for what in ["retry", "cancel", "resolve"] {
        for (who, status) in [(&scene.fixture.them, 404), (&reader, 403)] {
            let request = http::Request::post(format!("/v1/posts/{id}/{what}"))
                .header(header::AUTHORIZATION, &who.bearer)
                .header("idempotency-key", "r1")
                .header(header::CONTENT_TYPE, "application/json");
            let body = json!({ "outcome": "published" }).to_string();
            let answer = scene.fixture.send(request.body(body.into()).unwrap()).await;
            assert_eq!(status, answer.status.as_u16(), "`{what}`: {}", answer.text);
        }
    }
    assert_eq!(scene.row(&id), row);
    assert_eq!(scene.fixture.table.posts().len(), 1);
}

#[tokio::test]
async fn a_person_says_that_a_doubtful_post_is_there() {
    let scene = scene().await;
    let id = scene.post(&[claimed(), lost()]).await;
    let body = json!({ "outcome": "published", "post_id": "7412345678901234567" });
    let answer = scene.ask(&id, "resolve", &body).await;
    assert_eq!((StatusCode::OK, json!("published")), (answer.status, answer.body["state"].clone()));
    assert_eq!(json!(["7412345678901234567"]), answer.body["post_ids"]);
    assert_eq!(json!("https://www.tiktok.com/@ada/video/7412345678901234567"), answer.body["url"]);
    let last = answer.body["timeline"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (json!("resolved"), json!("person"), json!("resolved.published")),
        (last["what"].clone(), last["by"].clone(), last["code"].clone())
    );
    assert_eq!(scene.news().await, ["post.published"]);
    scene.ask(&id, "resolve", &body).await.is_problem(409, "", "post.not_unconfirmed");
}

#[tokio::test]
async fn a_person_says_that_a_doubtful_post_is_not_there_and_may_repeat_it() {
    for events in [vec![claimed(), lost()], vec![claimed(), taken(), Event::Silent]] {
        let scene = scene().await;
        let id = scene.post(&events).await;
        let key = scene.row(&id).row.state.copy_keys().remove(0);
        scene.fixture.objects.put(&key, domain::media::Container::Mp4, b"copy".to_vec());
        let answer = scene.ask(&id, "resolve", &json!({ "outcome": "not_published" })).await;
        assert_eq!((StatusCode::OK, json!("failed")), (answer.status, answer.body["state"].clone()));
        assert_eq!(json!("resolved.not_published"), answer.body["failure"]["code"]);
        assert!(scene.fixture.objects.object(&key).is_none(), "nobody is to pull it any more");
        assert_eq!(StatusCode::ACCEPTED, scene.retry(&id, "r1").await.status);
    }
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_resolution_is_said_at_once() {
    let scene = scene().await;
    let id = scene.post(&[claimed(), lost()]).await;
    let row = scene.row(&id);
    let cases = [
        (json!({}), vec![("/outcome", "field.required")]),
        (
            json!({ "outcome": "perhaps", "post_id": "seven", "more": 1 }),
            vec![
                ("/more", "field.unknown"),
                ("/outcome", "outcome.unsupported"),
                ("/post_id", "post_id.format"),
            ],
        ),
        (json!({ "outcome": "not_published", "post_id": "7" }), vec![("/post_id", "post_id.needless")]),
        (json!({ "outcome": "published", "post_id": "-7" }), vec![("/post_id", "post_id.format")]),
        (json!({ "outcome": 7, "post_id": 7 }), vec![("/outcome", "field.type"), ("/post_id", "field.type")]),
        (json!([]), vec![("", "field.type")]),
    ];
    for (body, expected) in cases {
        let (status, mut found) = scene.ask(&id, "resolve", &body).await.problems();
        found.sort();
        let expected: Vec<_> =
            expected.into_iter().map(|(param, rule)| (param.to_owned(), rule.to_owned())).collect();
        assert_eq!((422, expected), (status, found), "{body}");
    }
    assert_eq!(scene.row(&id), row);
}

#[tokio::test]
async fn only_a_doubt_can_be_resolved() {
    for (from, events) in ways() {
        let scene = scene().await;
        let id = scene.post(&events).await;
        let answer = scene.ask(&id, "resolve", &json!({ "outcome": "published" })).await;
        if from == "unconfirmed" {
            assert_eq!((StatusCode::OK, "published"), (answer.status, scene.state(&id)));
        } else {
            answer.is_problem(409, "", "post.not_unconfirmed");
            assert_eq!(from, scene.state(&id));
        }
    }
}

#[tokio::test]
async fn a_post_for_later_is_accepted_as_scheduled_and_a_repeat_after_its_time_gives_the_first_answer() {
    let scene = scene().await;
    let mut body = Fixture::post_body(&scene.creator, &scene.media);
    body["publish_at"] = json!("2026-11-01T18:00:00+01:00");
    let first = scene.fixture.create("k1", &body).await;
    assert_eq!((StatusCode::ACCEPTED, json!("scheduled")), (first.status, first.body["state"].clone()));
    assert_eq!(json!("2026-11-01T17:00:00Z"), first.body["publish_at"]);
    let row = scene.fixture.table.only_post().row;
    assert_eq!(row.due, row.publish_at, "the sweep wakes it");
    assert_eq!(scene.fixture.queues.waiting(), []);

    scene.fixture.clock.advance(SignedDuration::from_hours(30));
    scene.moved(&row.id, &[claimed(), taken(), said(Verdict::Complete { post_ids: vec![7] })]).await;
    let again = scene.fixture.create("k1", &body).await;
    assert_eq!((first.status, &first.text, true), (again.status, &again.text, again.replayed()));
    scene.fixture.create("k2", &body).await.is_problem(422, "/publish_at", "publish_at.past");
    assert_eq!(scene.fixture.table.posts().len(), 1);
}

#[tokio::test]
async fn a_time_that_is_near_is_sent_for_at_once_with_the_rest_as_its_delay() {
    let scene = scene().await;
    let mut body = Fixture::post_body(&scene.creator, &scene.media);
    body["publish_at"] = json!("2026-11-01T12:01:30Z");
    scene.fixture.create("k1", &body).await;
    let sent = scene.fixture.queues.waiting();
    assert!(matches!(&sent[..], [sent] if sent.delay == SignedDuration::from_secs(90)), "{sent:?}");
}

#[tokio::test]
async fn a_time_with_a_video_that_is_still_to_come_is_kept_until_it_is_there() {
    let scene = scene().await;
    let media = scene.fixture.awaited_media(2);
    let mut body = Fixture::post_body(&scene.creator, &media);
    body["publish_at"] = json!("2026-11-01T18:00:00Z");
    let first = scene.fixture.create("k1", &body).await;
    assert_eq!(json!("awaiting_media"), first.body["state"]);
    scene.fixture.probe(&media, 10_000);
    let again = scene.fixture.create("k1", &body).await;
    assert_eq!((&first.text, true), (&again.text, again.replayed()));
    let row = scene.fixture.table.only_post().row;
    assert!(matches!(row.state, PostState::Scheduled { at, .. } if Some(at) == row.publish_at), "{row:#?}");
}

#[tokio::test]
async fn a_breaker_that_is_open_is_shown_with_what_to_do() {
    let scene = scene().await;
    let closed = scene.fixture.get("/v1/app-status").await.body;
    assert_eq!(json!(null), closed["breaker"]);
    let since = scene.fixture.clock.now();
    let breaker =
        Breaker { code: "url_ownership_unverified".to_owned(), since, probe_at: since + Breaker::PROBE };
    scene.fixture.table.trip(&breaker).await.unwrap();
    let open = scene.fixture.get("/v1/app-status").await.body;
    assert_eq!(
        json!({
            "code": "url_ownership_unverified",
            "open_since": "2026-11-01T12:00:00Z",
            "next_try_at": "2026-11-01T12:15:00Z",
        }),
        open["breaker"]
    );
    let problems = open["problems"].as_array().unwrap();
    let named = problems.iter().find(|problem| problem["rule"] == json!("app.breaker.open")).unwrap();
    assert!(named["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()));
}

#[tokio::test]
async fn what_happened_to_posts_is_among_the_events() {
    let scene = scene().await;
    let id = scene.post(&[held()]).await;
    scene.fixture.clock.advance(SignedDuration::from_secs(1));
    scene.moved(&id, &[Event::Released, claimed(), taken(), failed("frame_rate_check_failed")]).await;
    let events = scene.fixture.get("/v1/events").await.body;
    let told: Vec<&Value> = events["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["type"].as_str().unwrap().starts_with("post."))
        .collect();
    let [failed, held] = told[..] else { panic!("{told:#?}") };
    assert_eq!((json!("post.failed"), json!("post.held")), (failed["type"].clone(), held["type"].clone()));
    assert_eq!(json!("frame_rate_check_failed"), failed["data"]["code"]);
    for event in [failed, held] {
        assert_eq!(
            (json!(id.as_str()), json!(scene.creator.as_str())),
            (event["data"]["post"].clone(), event["data"]["creator"].clone())
        );
        assert!(event["data"]["remedy"].is_string());
        assert!(event["id"].as_str().unwrap().starts_with("evt_"));
    }
    let theirs = scene.fixture.get_as(Some(&scene.fixture.them), "/v1/events").await;
    assert_eq!(json!([]), theirs.body["data"]);
}
