//! Posts that are written down first, and published when somebody says so.

use domain::post::PostState;
use domain::{CreatorId, Job, MediaId, SignedDuration};
use http::{Method, StatusCode, header};
use ports::fakes::Fault;
use ports::{Posts as _, Stored};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};
use super::posts::changed;

pub(crate) struct Scene {
    pub(crate) fixture: Fixture,
    pub(crate) creator: CreatorId,
    pub(crate) media: MediaId,
}

pub(crate) async fn scene() -> Scene {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    Scene { fixture, creator, media }
}

pub(crate) fn agreed() -> Value {
    json!({ "music_usage_confirmed": true, "text_version": "2026-09" })
}

impl Scene {
    pub(crate) fn body(&self) -> Value {
        Fixture::post_body(&self.creator, &self.media)
    }

    /// A draft that nobody has agreed to.
    fn bare(&self) -> Value {
        let mut body = changed(&self.body(), "/draft", json!(true));
        body.as_object_mut().unwrap().remove("consent");
        body
    }

    pub(crate) async fn made(&self, key: &str, body: &Value) -> String {
        let made = self.fixture.create(key, body).await;
        assert_eq!(StatusCode::ACCEPTED, made.status, "{}", made.text);
        made.body["id"].as_str().unwrap().to_owned()
    }

    fn publication(&self, id: &str, body: Option<&Value>) -> http::Request<axum::body::Body> {
        let mut request = self.fixture.request(Method::POST, &format!("/v1/posts/{id}/publish"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(axum::body::Body::empty, |body| body.to_string().into());
        request.body(body).unwrap()
    }

    pub(crate) async fn publish(&self, id: &str, body: Option<&Value>) -> Answer {
        self.fixture.send(self.publication(id, body)).await
    }

    pub(crate) fn row(&self, id: &str) -> Stored<domain::Post> {
        self.fixture.table.posts().into_iter().find(|it| it.row.id.as_str() == id).unwrap()
    }

    fn whats(&self, id: &str) -> Vec<domain::timeline::What> {
        self.row(id).row.timeline.entries().iter().map(|entry| entry.what).collect()
    }
}

#[tokio::test]
async fn a_draft_waits_for_a_person_and_is_published_with_the_consent_that_was_given_then() {
    use domain::timeline::What;
    let scene = scene().await;
    let id = scene.made("k1", &scene.bare()).await;
    assert_eq!((PostState::Draft, None), (scene.row(&id).row.state, scene.row(&id).row.due));
    assert!(scene.fixture.queues.waiting().is_empty());
    let listed = scene.fixture.get("/v1/posts?state=draft").await;
    assert_eq!(json!(id), listed.body["data"][0]["id"]);
    assert!(scene.fixture.create("k1", &scene.bare()).await.replayed());

    scene.publish(&id, None).await.is_problem(
        422,
        "/consent/music_usage_confirmed",
        "consent.music.required",
    );
    let partly = json!({ "consent": { "music_usage_confirmed": true } });
    scene.publish(&id, Some(&partly)).await.is_problem(422, "/consent/text_version", "field.required");
    let unknown = json!({ "consent": agreed(), "publish_at": null });
    scene.publish(&id, Some(&unknown)).await.is_problem(422, "/publish_at", "field.unknown");
    assert_eq!(PostState::Draft, scene.row(&id).row.state);

    scene.fixture.clock.advance(SignedDuration::from_hours(5));
    let published = scene.publish(&id, Some(&json!({ "consent": agreed() }))).await;
    assert_eq!((StatusCode::ACCEPTED, &json!("queued")), (published.status, &published.body["state"]));
    assert_eq!([What::Drafted, What::Submitted], scene.whats(&id)[..]);
    let row = scene.row(&id).row;
    let content = scene.fixture.table.content(&row.id, &row.content).await.unwrap().unwrap();
    assert_eq!((true, "2026-09"), (content.consent.music_usage_confirmed, &content.consent.text_version[..]));
    assert_eq!(
        (scene.fixture.us.key.as_str(), row.updated_at),
        (content.consent.given_by.as_str(), content.consent.given_at)
    );
    let sent = scene.fixture.queues.waiting();
    let [sent] = &sent[..] else { panic!("{sent:?}") };
    assert!(matches!(&sent.job, Job::Publish(job) if job.post == row.id && job.content == row.content));
    // the request that wrote it down gets its first answer still
    let first = scene.fixture.create("k1", &scene.bare()).await;
    assert_eq!((true, &json!("draft")), (first.replayed(), &first.body["state"]));
    assert_eq!(json!([]), scene.fixture.get("/v1/posts?state=draft").await.body["data"]);
}

#[tokio::test]
async fn sixty_four_who_publish_a_draft_at_once_publish_it_once_and_get_equal_answers() {
    let scene = scene().await;
    let id = scene.made("k1", &changed(&scene.body(), "/draft", json!(true))).await;
    let answers = scene.fixture.at_once((0..64).map(|_| scene.publication(&id, None)).collect());
    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    assert_eq!(63, answers.iter().filter(|answer| answer.replayed()).count());
    assert_eq!(1, scene.fixture.queues.waiting().len());
}

#[tokio::test]
async fn a_draft_whose_publication_was_cut_off_is_published_by_the_repeat() {
    for (call, fault) in [
        ("guard", Fault::BeforeEffect),
        ("guard", Fault::AfterEffect),
        ("edit", Fault::BeforeEffect),
        ("edit", Fault::AfterEffect),
    ] {
        let scene = scene().await;
        let id = scene.made("k1", &changed(&scene.body(), "/draft", json!(true))).await;
        scene.fixture.table.fail_next(call, fault, 1);
        scene.publish(&id, None).await.is_problem(500, "", "internal");
        let again = scene.publish(&id, None).await;
        assert_eq!((StatusCode::ACCEPTED, &json!("queued")), (again.status, &again.body["state"]), "{call}");
        assert!(scene.row(&id).row.due.is_some(), "{call}: its wake-up finds it");
        let other = scene.fixture.create("k2", &scene.body()).await;
        other.is_problem(409, "", "post.duplicate");
        assert_eq!(json!(id), other.body["duplicate_of"]);
    }
}

#[tokio::test]
async fn a_draft_goes_into_nobodys_way_and_meets_the_guard_when_it_is_published() {
    let scene = scene().await;
    let draft = changed(&scene.body(), "/draft", json!(true));
    let (first, second) = (scene.made("k1", &draft).await, scene.made("k2", &draft).await);
    let post = scene.made("k3", &scene.body()).await;
    let refused = scene.publish(&first, None).await;
    refused.is_problem(409, "", "post.duplicate");
    assert_eq!(json!(post), refused.body["duplicate_of"]);
    let meant = scene.publish(&first, Some(&json!({ "allow_duplicate": true }))).await;
    assert_eq!(StatusCode::ACCEPTED, meant.status, "{}", meant.text);
    scene.publish(&second, None).await.is_problem(409, "", "post.duplicate");

    // a guard that was taken for a draft which was not published after all counts as long as that may still come
    let another = changed(&draft, "/caption", json!("another"));
    let third = scene.made("k4", &another).await;
    scene.fixture.table.fail_next("edit", Fault::BeforeEffect, 1);
    scene.publish(&third, None).await.is_problem(500, "", "internal");
    let same = changed(&scene.body(), "/caption", json!("another"));
    let refused = scene.fixture.create("k5", &same).await;
    refused.is_problem(409, "", "post.duplicate");
    let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    scene.fixture.clock.advance(SignedDuration::from_secs(wait));
    assert_eq!(StatusCode::ACCEPTED, scene.fixture.create("k5", &same).await.status);
}

#[tokio::test]
async fn a_draft_is_checked_when_it_is_written_and_once_more_when_it_is_published() {
    let scene = scene().await;
    let long = changed(&scene.bare(), "/caption", json!("x".repeat(2_201)));
    scene.fixture.create("k1", &long).await.is_problem(422, "/caption", "caption.max");
    let media = scene.fixture.awaited_media(2);
    let mut body = changed(&scene.bare(), "/media/0/id", json!(media));
    body["disclosure"]["branded_content"] = json!(true);
    body["publish_at"] = json!({ "local_time": "2026-11-01T18:00", "timezone": "UTC" });
    let id = scene.made("k1", &body).await;
    scene.fixture.clock.advance(SignedDuration::from_hours(7));
    let mut creator = scene.fixture.table.creators().remove(0);
    creator.status = domain::creator::CreatorStatus::Disconnected;
    scene.fixture.table.insert_creator(creator.clone());
    let rejected = vec![domain::Problem::new("", "video.truncated", "cut", "upload the whole file")];
    scene.fixture.judge(&media, Err(rejected));
    let (status, mut found) = scene.publish(&id, None).await.problems();
    found.sort();
    let expected = [
        ("/consent/branded_content_policy_confirmed", "consent.branded.required"),
        ("/consent/music_usage_confirmed", "consent.music.required"),
        ("/creator", "creator.disconnected"),
        ("/media/0", "video.truncated"),
        ("/publish_at", "publish_at.past"),
    ];
    let expected = expected.map(|(param, rule)| (param.to_owned(), rule.to_owned())).to_vec();
    assert_eq!((422, expected), (status, found));
    assert_eq!(PostState::Draft, scene.row(&id).row.state);
}

#[tokio::test]
async fn a_draft_whose_media_is_still_to_come_waits_for_it_once_it_is_published() {
    let scene = scene().await;
    let media = scene.fixture.awaited_media(2);
    let mut body = Fixture::post_body(&scene.creator, &media);
    body["draft"] = json!(true);
    let id = scene.made("k1", &body).await;
    let waiting = || scene.fixture.table.all_media().iter().map(|it| it.row.waiting.len()).sum::<usize>();
    assert_eq!(0, waiting(), "a draft looks at its media when it is published");
    let published = scene.publish(&id, None).await;
    assert_eq!(json!("awaiting_media"), published.body["state"], "{}", published.text);
    assert_eq!(1, waiting());
    // one whose media came meanwhile goes at once
    let id = scene.made("k2", &changed(&body, "/caption", json!("another"))).await;
    scene.fixture.probe(&media, 10_000);
    assert_eq!(json!("queued"), scene.publish(&id, None).await.body["state"]);
}

#[tokio::test]
async fn a_draft_can_be_thrown_away_and_what_is_no_draft_is_not_published_by_hand() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.bare()).await;
    let cancelled = scene.fixture.post(&format!("/v1/posts/{id}/cancel"), &json!({})).await;
    assert_eq!((StatusCode::OK, &json!("cancelled")), (cancelled.status, &cancelled.body["state"]));
    scene.publish(&id, Some(&json!({ "consent": agreed() }))).await.is_problem(409, "", "post.not_draft");
    // nobody ever agreed to it
    let request = scene.fixture.request(Method::POST, &format!("/v1/posts/{id}/retry"));
    let request = request.header("idempotency-key", "r1").body(axum::body::Body::empty()).unwrap();
    let retried = scene.fixture.send(request).await;
    retried.is_problem(422, "/consent/music_usage_confirmed", "consent.music.required");

    let post = scene.made("k2", &scene.body()).await;
    scene.publish(&post, None).await.is_problem(409, "", "post.not_draft");
    let missing = domain::PostId::from_bits(404).to_string();
    scene.publish(&missing, None).await.is_problem(404, "", "post.not_found");
    let text = scene.fixture.request(Method::POST, &format!("/v1/posts/{post}/publish"));
    let text = text.header(header::CONTENT_TYPE, "text/plain").body("now".into()).unwrap();
    scene.fixture.send(text).await.is_problem(415, "", "content_type.unsupported");
}

#[tokio::test]
async fn a_draft_for_the_inbox_needs_no_consent_and_takes_none() {
    let scene = scene().await;
    let mut creator = scene.fixture.table.creators().remove(0);
    creator.scopes.push("video.upload".to_owned());
    scene.fixture.table.insert_creator(creator);
    let body = json!({
        "creator": scene.creator, "media": [{ "id": scene.media }], "mode": "inbox", "draft": true,
    });
    let id = scene.made("k1", &body).await;
    let said = scene.publish(&id, Some(&json!({ "consent": agreed() }))).await;
    said.is_problem(422, "/consent", "mode.inbox.field");
    assert_eq!(json!("queued"), scene.publish(&id, None).await.body["state"]);
}
