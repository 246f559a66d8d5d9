//! Posts that are changed before TikTok is asked.

use domain::content::PrivacyLevel;
use domain::post::{Event, HoldReason, PostState, Source};
use domain::timeline::Actor;
use domain::{Content, Job, Nonce, Outcome, Periods, Problem, SignedDuration};
use http::{Method, StatusCode, header};
use ports::fakes::Fault;
use ports::{Clock as _, Entropy as _, Posts as _};
use serde_json::{Value, json};

use super::drafts::{Scene, agreed, scene};
use super::fixture::{Answer, Fixture};
use super::posts::{changed, ready_photo};

impl Scene {
    fn edit(&self, media_type: &str, id: &str, patch: &Value) -> http::Request<axum::body::Body> {
        let request = self.fixture.request(Method::PATCH, &format!("/v1/posts/{id}"));
        request.header(header::CONTENT_TYPE, media_type).body(patch.to_string().into()).unwrap()
    }

    async fn patch_as(&self, media_type: &str, id: &str, patch: &Value) -> Answer {
        self.fixture.send(self.edit(media_type, id, patch)).await
    }

    async fn patch(&self, id: &str, patch: Value) -> Answer {
        self.patch_as("application/json", id, &patch).await
    }

    async fn said(&self, id: &str) -> Content {
        let row = self.row(id).row;
        self.fixture.table.content(&row.id, &row.content).await.unwrap().unwrap()
    }

    /// As a function writes it.
    async fn moved(&self, id: &str, event: Event) {
        let (seen, now) = (self.row(id), self.fixture.clock.now());
        let moved = seen.row.apply(event, Actor::Publish, now, &Periods::default()).unwrap();
        let Outcome::Moved(after) = moved else { panic!("it was known") };
        let nonce = ports::fakes::SeededEntropy::new(after.timeline.entries().len() as u64).nonce();
        self.fixture.table.save(&seen, &after, None, nonce).await.unwrap();
    }
}

fn claimed() -> Event {
    Event::Claimed {
        nonce: Nonce::from_bits(5),
        until: ports::samples::NOON + SignedDuration::from_secs(40),
        source: Source::PullFromUrl,
    }
}

#[tokio::test]
async fn only_what_is_given_changes() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.body()).await;
    let before = scene.said(&id).await;
    for media_type in ["application/json", "application/merge-patch+json"] {
        let edited = scene
            .patch_as(media_type, &id, &json!({ "ai_generated": true, "allow": { "duet": true } }))
            .await;
        assert_eq!(StatusCode::OK, edited.status, "{}", edited.text);
    }
    let mut expected = before.clone();
    (expected.ai_generated, expected.allow.duet) = (true, true);
    assert_eq!(expected, scene.said(&id).await, "the comments stay allowed, the consent is the first one");
    // null takes a field away
    scene.patch(&id, json!({ "cover_timestamp_ms": null, "allow": null, "transport": "upload" })).await;
    expected.cover_timestamp_ms = None;
    expected.allow = domain::content::Allow::default();
    expected.transport = domain::content::Transport::Upload;
    assert_eq!(expected, scene.said(&id).await);
    let row = scene.row(&id);
    assert_eq!(3, row.row.timeline.entries().len(), "what changes nothing is no edit");
    assert_eq!(StatusCode::OK, scene.patch(&id, json!({})).await.status);
    assert_eq!(row, scene.row(&id));
}

#[tokio::test]
async fn what_the_creator_agreed_to_is_asked_anew_when_it_changes() {
    let scene = scene().await;
    let other = scene.fixture.ready_media(2, 5_000);
    let id = scene.made("k1", &scene.body()).await;
    let music = "/consent/music_usage_confirmed";
    for patch in [
        json!({ "caption": "Harbour at seven" }),
        json!({ "media": [{ "id": other }] }),
        json!({ "privacy_level": "SELF_ONLY" }),
        json!({ "disclosure": { "your_brand": true } }),
    ] {
        let before = scene.row(&id);
        scene.patch(&id, patch.clone()).await.is_problem(422, music, "consent.music.required");
        assert_eq!(before, scene.row(&id), "{patch}");
        let mut with = patch;
        with["consent"] = agreed();
        let edited = scene.patch(&id, with).await;
        assert_eq!(StatusCode::OK, edited.status, "{}", edited.text);
    }
    let branded = json!({ "disclosure": { "branded_content": true }, "consent": agreed() });
    let (status, problems) = scene.patch(&id, branded).await.problems();
    let expected = [
        ("/consent/branded_content_policy_confirmed", "consent.branded.required"),
        ("/privacy_level", "disclosure.branded.private"),
    ];
    assert_eq!(
        (422, expected.map(|(param, rule)| (param.to_owned(), rule.to_owned())).to_vec()),
        (status, problems)
    );
    let half = json!({ "consent": { "music_usage_confirmed": true } });
    scene.patch(&id, half).await.is_problem(422, "/consent/text_version", "field.required");
    let content = scene.said(&id).await;
    assert_eq!(
        ("Harbour at seven", &vec![other], Some(PrivacyLevel::SelfOnly), "2026-09"),
        (
            content.caption.as_str(),
            &content.media,
            content.privacy_level,
            content.consent.text_version.as_str()
        )
    );
    let row = scene.row(&id).row;
    assert_eq!((content.privacy_level, &content.media[0]), (row.privacy_level, &row.media));
    // the same words again are no change
    assert_eq!(StatusCode::OK, scene.patch(&id, json!({ "caption": "Harbour at seven" })).await.status);
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_patch_is_named_at_once_and_nothing_is_written() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.body()).await;
    let before = scene.row(&id);
    let patch = json!({
        "caption": "x".repeat(2_201), "creator": null, "kind": "photo", "mode": "inbox", "draft": true,
        "colour": null, "title": "Harbour", "media": [], "privacy_level": null, "allow": { "duet": 1, "zz": 1 },
        "publish_at": { "timezone": "UTC" }, "cover_timestamp_ms": -1, "transport": "mail",
    });
    let (status, mut found) = scene.patch(&id, patch).await.problems();
    found.sort();
    let mut expected = [
        ("/allow/duet", "field.type"),
        ("/allow/zz", "field.unknown"),
        ("/caption", "caption.max"),
        ("/colour", "field.unknown"),
        ("/consent/music_usage_confirmed", "consent.music.required"),
        ("/cover_timestamp_ms", "field.range"),
        ("/creator", "edit.fixed"),
        ("/draft", "edit.fixed"),
        ("/kind", "edit.fixed"),
        ("/media", "media.count"),
        ("/mode", "edit.fixed"),
        ("/privacy_level", "field.required"),
        ("/publish_at/local_time", "field.required"),
        ("/title", "kind.field"),
        ("/transport", "transport.unsupported"),
    ]
    .map(|(param, rule)| (param.to_owned(), rule.to_owned()));
    expected.sort();
    assert_eq!((422, expected.to_vec()), (status, found));
    scene.patch(&id, json!([1])).await.is_problem(422, "", "field.type");
    scene.patch_as("text/plain", &id, &json!({})).await.is_problem(415, "", "content_type.unsupported");
    assert_eq!(before, scene.row(&id));
}

#[tokio::test]
async fn a_post_is_put_earlier_and_later_and_wakes_up_when_it_has_to() {
    let scene = scene().await;
    let at = |text: &str| text.parse::<domain::Timestamp>().unwrap();
    let body = changed(&scene.body(), "/publish_at", json!("2026-11-05T18:00:00Z"));
    let id = scene.made("k1", &body).await;
    for (said, instant) in [
        (json!("2026-11-03T18:00:00Z"), "2026-11-03T18:00:00Z"),
        (json!({ "local_time": "2026-11-08T18:00", "timezone": "Europe/Athens" }), "2026-11-08T16:00:00Z"),
        (json!({ "local_time": "2026-11-02T18:00", "timezone": "Europe/Athens" }), "2026-11-02T16:00:00Z"),
    ] {
        let edited = scene.patch(&id, json!({ "publish_at": said })).await;
        assert_eq!(
            (StatusCode::OK, &json!(instant)),
            (edited.status, &edited.body["publish_at"]),
            "{}",
            edited.text
        );
        let row = scene.row(&id).row;
        assert!(matches!(row.state, PostState::Scheduled { at: then, .. } if then == at(instant)));
        assert_eq!(Some(at(instant)), row.due);
        assert!(scene.fixture.queues.waiting().is_empty());
    }
    assert_eq!("Europe/Athens", scene.row(&id).row.local_time.unwrap().timezone);
    // an edit of something else leaves the time as it was said
    scene.patch(&id, json!({ "ai_generated": true })).await;
    assert_eq!("2026-11-02T18:00", scene.row(&id).row.local_time.unwrap().local_time);
    scene.patch(&id, json!({ "publish_at": "2026-10-31T18:00:00Z" })).await.is_problem(
        422,
        "/publish_at",
        "publish_at.past",
    );
    scene.patch(&id, json!({ "publish_at": "2027-10-31T18:00:00Z" })).await.is_problem(
        422,
        "/publish_at",
        "publish_at.max",
    );
    // as soon as possible
    let now = scene.patch(&id, json!({ "publish_at": null })).await;
    assert_eq!(
        (&json!("queued"), &json!(null), &json!(null)),
        (&now.body["state"], &now.body["publish_at"], &now.body["publish_at_local"])
    );
    assert!(matches!(scene.fixture.queues.waiting()[..], [ref sent] if matches!(sent.job, Job::Publish(_))));
    // and put off again
    let later = scene.patch(&id, json!({ "publish_at": "2026-11-03T18:00:00Z" })).await;
    assert_eq!(json!("scheduled"), later.body["state"]);
}

#[tokio::test]
async fn a_post_whose_time_has_come_is_edited_without_choosing_another() {
    let scene = scene().await;
    let body = changed(&scene.body(), "/publish_at", json!("2026-11-01T13:00:00Z"));
    let id = scene.made("k1", &body).await;
    scene.fixture.clock.advance(SignedDuration::from_hours(2));
    scene.fixture.queues.lose_all();
    let held = Event::Held { until: None, why: HoldReason::Unaudited, code: None };
    scene.moved(&id, held).await;
    let edited = scene.patch(&id, json!({ "ai_generated": true })).await;
    assert_eq!(
        (StatusCode::OK, &json!("scheduled")),
        (edited.status, &edited.body["state"]),
        "{}",
        edited.text
    );
    assert_eq!(json!("2026-11-01T13:00:00Z"), edited.body["publish_at"]);
    assert_eq!(1, scene.fixture.queues.waiting().len(), "it is sent for at once");
}

#[tokio::test]
async fn after_the_claim_nothing_is_changed_and_the_race_is_decided_by_one_write() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.body()).await;
    // whoever claims reads the row, and the edit comes before the claim is written: the claim is refused by the table
    let seen = scene.row(&id);
    assert_eq!(StatusCode::OK, scene.patch(&id, json!({ "ai_generated": true })).await.status);
    let now = scene.fixture.clock.now();
    let Outcome::Moved(late) = seen.row.apply(claimed(), Actor::Publish, now, &Periods::default()).unwrap()
    else {
        panic!("it was known")
    };
    let saved = scene.fixture.table.save(&seen, &late, None, Nonce::from_bits(9)).await.unwrap();
    assert!(matches!(saved, ports::Saved::Conflict(Some(_))));
    // the other way round
    scene.moved(&id, claimed()).await;
    let before = scene.row(&id);
    for patch in
        [json!({ "ai_generated": false }), json!({ "publish_at": "2026-11-05T18:00:00Z" }), json!({})]
    {
        scene.patch(&id, patch).await.is_problem(409, "", "post.not_editable");
    }
    assert_eq!(before, scene.row(&id));
    let ended = scene.made("k2", &changed(&scene.body(), "/caption", json!("another"))).await;
    scene.fixture.post(&format!("/v1/posts/{ended}/cancel"), &json!({})).await;
    scene.patch(&ended, json!({ "ai_generated": true })).await.is_problem(409, "", "post.not_editable");
}

#[tokio::test]
async fn an_edit_that_meets_another_write_is_judged_anew_on_what_is_there() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.body()).await;
    // two people change different things at once: neither is lost
    let patches: Vec<Value> = vec![
        json!({ "ai_generated": true }),
        json!({ "transport": "upload" }),
        json!({ "cover_timestamp_ms": 7 }),
        json!({ "publish_at": "2026-11-05T18:00:00Z" }),
    ];
    let twice = patches.iter().chain(&patches).map(|patch| scene.edit("application/json", &id, patch));
    let answers = scene.fixture.at_once(twice.collect());
    let content = scene.said(&id).await;
    let row = scene.row(&id).row;
    for (answer, patch) in answers.iter().zip(patches.iter().chain(&patches)) {
        assert_eq!(StatusCode::OK, answer.status, "{patch}: {}", answer.text);
    }
    assert_eq!(
        (true, domain::content::Transport::Upload, Some(7)),
        (content.ai_generated, content.transport, content.cover_timestamp_ms)
    );
    assert!(row.publish_at.is_some());
}

#[tokio::test]
async fn an_edited_post_is_still_known_by_its_key_and_its_first_answer_stays() {
    let scene = scene().await;
    let first = scene.fixture.create("k1", &scene.body()).await;
    let id = first.body["id"].as_str().unwrap().to_owned();
    let patch = json!({
        "caption": "Harbour at seven", "privacy_level": "SELF_ONLY", "consent": agreed(),
        "publish_at": { "local_time": "2026-11-05T18:00", "timezone": "UTC" },
    });
    assert_eq!(StatusCode::OK, scene.patch(&id, patch).await.status);
    let again = scene.fixture.create("k1", &scene.body()).await;
    assert_eq!((StatusCode::ACCEPTED, true, &first.text), (again.status, again.replayed(), &again.text));
    scene.fixture.clock.advance(SignedDuration::from_hours(24 * 40));
    let late = scene.fixture.create("k1", &scene.body()).await;
    assert_eq!((true, &first.text), (late.replayed(), &late.text));
    let other = scene.fixture.create("k1", &changed(&scene.body(), "/ai_generated", json!(true))).await;
    other.is_problem(422, "", "idempotency_key.reused");
    assert_eq!(1, scene.fixture.table.posts().len());
    let read = scene.fixture.get(&format!("/v1/posts/{id}")).await;
    assert_eq!(
        (&json!("Harbour at seven"), &json!("scheduled")),
        (&read.body["caption"], &read.body["state"])
    );
}

#[tokio::test]
async fn the_guard_goes_along_with_what_a_post_says() {
    let scene = scene().await;
    let with = |caption: &str| changed(&scene.body(), "/caption", json!(caption));
    let is_duplicate_of = |answer: &Answer, id: &str| {
        answer.is_problem(409, "", "post.duplicate");
        assert_eq!(json!(id), answer.body["duplicate_of"]);
    };
    let id = scene.made("k1", &scene.body()).await;
    let taken = scene.made("k2", &with("taken")).await;
    let renamed = |caption: &str| json!({ "caption": caption, "consent": agreed() });
    is_duplicate_of(&scene.patch(&id, renamed("taken")).await, &taken);
    assert_eq!(StatusCode::OK, scene.patch(&id, renamed("mine")).await.status);
    is_duplicate_of(&scene.fixture.create("k3", &with("mine")).await, &id);
    // settings that viewers do not see change nothing about that
    assert_eq!(StatusCode::OK, scene.patch(&id, json!({ "ai_generated": true })).await.status);
    is_duplicate_of(&scene.fixture.create("k3", &with("mine")).await, &id);
    // what it said before is free, once nobody can be about to write it
    let before = scene.fixture.create("k4", &scene.body()).await;
    assert_eq!(json!(true), before.body["retryable"], "{}", before.text);
    scene.fixture.clock.advance(SignedDuration::from_secs(60));
    let free = scene.fixture.create("k4", &scene.body()).await;
    assert_eq!(StatusCode::ACCEPTED, free.status, "{}", free.text);
    is_duplicate_of(&scene.fixture.create("k3", &with("mine")).await, &id);
    // and back it cannot go
    is_duplicate_of(
        &scene.patch(&id, renamed("Harbour at six #boats")).await,
        free.body["id"].as_str().unwrap(),
    );
    let mut meant = renamed("taken");
    meant["allow_duplicate"] = json!(true);
    assert_eq!(StatusCode::OK, scene.patch(&id, meant).await.status);

    // an edit that was cut off between guard and write
    scene.fixture.clock.advance(SignedDuration::from_secs(60));
    scene.fixture.table.fail_next("edit", Fault::BeforeEffect, 1);
    scene.patch(&id, renamed("never")).await.is_problem(500, "", "internal");
    let other = scene.fixture.create("k5", &with("never")).await;
    assert_eq!(json!(true), other.body["retryable"], "{}", other.text);
    scene.fixture.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(StatusCode::ACCEPTED, scene.fixture.create("k5", &with("never")).await.status);
}

#[tokio::test]
async fn a_post_that_waits_is_given_another_media_and_forgets_the_first() {
    let scene = scene().await;
    let (first, second) = (scene.fixture.awaited_media(2), scene.fixture.awaited_media(3));
    let id = scene.made("k1", &Fixture::post_body(&scene.creator, &first)).await;
    let other = json!({ "media": [{ "id": second }], "consent": agreed() });
    let edited = scene.patch(&id, other).await;
    assert_eq!(
        (&json!("awaiting_media"), &json!(second)),
        (&edited.body["state"], &edited.body["media"][0]["id"])
    );
    let waits = |media: &domain::MediaId| {
        let rows = scene.fixture.table.all_media();
        let row = rows.iter().find(|row| row.row.id == *media).unwrap();
        row.row.waiting.iter().any(|post| post.as_str() == id)
    };
    assert!(waits(&second));
    // whoever judges the first media finds the post in its row still, and it is none of its business any more
    let tell = async |media: &domain::MediaId| {
        let row = scene.fixture.table.all_media().into_iter().find(|row| row.row.id == *media).unwrap().row;
        let time = Moment(scene.fixture.clock.clone());
        let by = Actor::Ingest.into();
        let seen = scene.row(&id);
        flows::tell_post(&scene.fixture.table, &time, &Periods::default(), seen, &row, &by).await.unwrap()
    };
    scene.fixture.judge(&first, Err(vec![Problem::new("", "video.truncated", "cut", "upload it")]));
    assert!(tell(&first).await.is_none());
    assert!(matches!(scene.row(&id).row.state, PostState::AwaitingMedia { .. }));
    scene.fixture.probe(&second, 10_000);
    assert!(tell(&second).await.is_some());
    assert!(matches!(scene.row(&id).row.state, PostState::Queued { .. }));
    // from media that is there to media that is to come, and back
    let third = scene.fixture.awaited_media(4);
    let waiting = scene.patch(&id, json!({ "media": [{ "id": third }], "consent": agreed() })).await;
    assert_eq!(json!("awaiting_media"), waiting.body["state"]);
    scene.fixture.queues.lose_all();
    let back = scene.patch(&id, json!({ "media": [{ "id": scene.media }], "consent": agreed() })).await;
    assert_eq!(json!("queued"), back.body["state"], "{}", back.text);
    assert_eq!(1, scene.fixture.queues.waiting().len());
}

/// Clock and randomness for what others do.
struct Moment(ports::fakes::ManualClock);

impl ports::Clock for Moment {
    fn now(&self) -> domain::Timestamp {
        self.0.now()
    }
}

impl ports::Entropy for Moment {
    fn random(&self) -> [u8; 32] {
        [9; 32]
    }
}

#[tokio::test]
async fn a_draft_is_edited_without_consent_and_what_was_agreed_before_covers_no_other_words() {
    let scene = scene().await;
    let id = scene.made("k1", &changed(&scene.body(), "/draft", json!(true))).await;
    let edited = scene.patch(&id, json!({ "caption": "Harbour at seven" })).await;
    assert_eq!((StatusCode::OK, &json!("draft")), (edited.status, &edited.body["state"]), "{}", edited.text);
    scene.publish(&id, None).await.is_problem(
        422,
        "/consent/music_usage_confirmed",
        "consent.music.required",
    );
    let timed = scene.patch(&id, json!({ "publish_at": "2026-11-05T18:00:00Z", "consent": agreed() })).await;
    assert_eq!((&json!("draft"), StatusCode::OK), (&timed.body["state"], timed.status));
    assert_eq!(None, scene.row(&id).row.due);
    let published = scene.publish(&id, None).await;
    assert_eq!(
        (&json!("scheduled"), &json!("Harbour at seven")),
        (&published.body["state"], &published.body["caption"])
    );
}

#[tokio::test]
async fn an_edit_that_was_cut_off_is_finished_by_its_repeat() {
    for (call, fault) in [
        ("guard", Fault::AfterEffect),
        ("edit", Fault::BeforeEffect),
        ("edit", Fault::AfterEffect),
        ("wait_for", Fault::AfterEffect),
    ] {
        let scene = scene().await;
        let media = scene.fixture.awaited_media(2);
        let id = scene.made("k1", &scene.body()).await;
        let patch = json!({ "caption": "seven", "media": [{ "id": media }], "consent": agreed() });
        scene.fixture.table.fail_next(call, fault, 1);
        let first = scene.patch(&id, patch.clone()).await;
        assert_eq!(call == "wait_for", first.status == StatusCode::OK, "{}", first.text);
        let again = scene.patch(&id, patch).await;
        assert_eq!((StatusCode::OK, &json!("seven")), (again.status, &again.body["caption"]), "{call}");
        assert!(scene.row(&id).row.due.is_some());
        scene
            .fixture
            .create("k2", &changed(&Fixture::post_body(&scene.creator, &media), "/caption", json!("seven")))
            .await
            .is_problem(409, "", "post.duplicate");
    }
}

#[tokio::test]
async fn photos_and_drafts_for_the_inbox_are_edited_by_their_own_fields() {
    let scene = scene().await;
    let photos: Vec<_> =
        (10..13).map(|number| json!({ "id": ready_photo(&scene.fixture, number) })).collect();
    let body = json!({
        "creator": scene.creator, "kind": "photo", "media": photos, "title": "Harbour", "description": "At six",
        "cover_index": 2, "add_music": true, "privacy_level": "SELF_ONLY", "allow": { "comment": true },
        "consent": agreed(),
    });
    let id = scene.made("k1", &body).await;
    let before = scene.said(&id).await;
    assert_eq!(StatusCode::OK, scene.patch(&id, json!({ "cover_index": 1 })).await.status);
    assert_eq!(Content { cover_index: 1, ..before.clone() }, scene.said(&id).await);
    for patch in
        [json!({ "title": "Boats" }), json!({ "description": null }), json!({ "media": photos[..2] })]
    {
        let asked = scene.patch(&id, patch).await;
        asked.is_problem(422, "/consent/music_usage_confirmed", "consent.music.required");
    }
    let fewer = json!({ "media": photos[..1], "consent": agreed() });
    scene.patch(&id, fewer).await.is_problem(422, "/cover_index", "field.range");
    let fewer = json!({ "media": photos[..1], "cover_index": 0, "consent": agreed() });
    assert_eq!(json!([photos[0]]), scene.patch(&id, fewer).await.body["media"]);
    scene.patch(&id, json!({ "caption": "x" })).await.is_problem(422, "/caption", "kind.field");

    let mut creator = scene.fixture.table.creators().remove(0);
    creator.scopes.push("video.upload".to_owned());
    scene.fixture.table.insert_creator(creator);
    let inbox = json!({ "creator": scene.creator, "media": [{ "id": scene.media }], "mode": "inbox" });
    let id = scene.made("k2", &inbox).await;
    let other = scene.fixture.ready_media(2, 5_000);
    let edited = scene.patch(&id, json!({ "media": [{ "id": other }], "transport": "upload" })).await;
    assert_eq!((StatusCode::OK, &json!("inbox")), (edited.status, &edited.body["mode"]), "{}", edited.text);
    assert_eq!(vec![other], scene.said(&id).await.media);
    scene.patch(&id, json!({ "caption": "x" })).await.is_problem(422, "/caption", "mode.inbox.field");
}
