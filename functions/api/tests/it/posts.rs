use domain::content::{Mode, Transport};
use domain::media::{Container, Declared, MediaState, PhotoFormat, PhotoProbe, Pinned, Probe};
use domain::post::PostState;
use domain::{CreatorId, Job, Media, MediaId, Periods, Problem, SignedDuration};
use http::{Method, StatusCode, header};
use ports::fakes::Fault;
use ports::{Creators as _, Posts as _};
use serde_json::{Value, json};
use tiktok_sandbox::Endpoint;

use super::fixture::Fixture;

pub(crate) fn changed(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    if let Some(field) = body.pointer_mut(pointer) {
        *field = value;
    } else {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[field] = value;
    }
    body
}

fn without(body: &Value, field: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(field);
    body
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// A photo that is ready, as the probe leaves it.
pub(crate) fn ready_photo(fixture: &Fixture, number: u128) -> MediaId {
    let declared = Declared { container: Container::Jpeg, size: 90_000, sha256: None, convert: false };
    let (id, now) = (MediaId::from_bits(number), ports::samples::NOON);
    let media = Media::declare(id.clone(), fixture.us.id.clone(), declared, now, &Periods::default());
    let probe = PhotoProbe {
        format: PhotoFormat::Jpeg,
        width: 1_080,
        height: 1_920,
        orientation: 1,
        size: 90_000,
        converted_from: None,
    };
    let state =
        MediaState::Ready { etag: format!("\"{number}\""), probe: Probe::Photo(probe), advice: Vec::new() };
    fixture.table.insert_media(Media { state, due: None, ..media });
    id
}

#[tokio::test]
async fn photos_are_posted_in_their_order_and_judged_each_by_itself() {
    let (fixture, creator) = Fixture::connected().await;
    let photos: Vec<_> = (1..=3).map(|number| ready_photo(&fixture, number)).collect();
    let video = fixture.ready_media(9, 5_000);
    let body = |media: &[MediaId]| {
        let media: Vec<_> = media.iter().map(|id| json!({ "id": id })).collect();
        json!({
            "creator": creator, "kind": "photo", "media": media,
            "title": "Harbour", "description": "At six #boats", "cover_index": 2, "add_music": true,
            "privacy_level": "SELF_ONLY", "allow": { "comment": true },
            "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
        })
    };
    let made = fixture.create("k1", &body(&photos)).await;
    assert_eq!(made.status, 202, "{}", made.body);
    assert_eq!((&made.body["kind"], &made.body["state"]), (&json!("photo"), &json!("queued")));
    let shown: Vec<_> = photos.iter().map(|id| json!({ "id": id })).collect();
    assert_eq!(made.body["media"], json!(shown));
    let row = fixture.table.posts().remove(0).row;
    let PostState::Queued { media: Pinned::Photos { formats }, .. } = &row.state else { panic!("{row:#?}") };
    assert_eq!(formats, &[PhotoFormat::Jpeg; 3]);

    let mixed = [photos[0].clone(), video, MediaId::from_bits(99)];
    let refused = fixture.create("k2", &body(&mixed)).await;
    let found =
        [("/media/1".to_owned(), "media.kind".to_owned()), ("/media/2/id".into(), "media.not_found".into())];
    assert_eq!(refused.problems(), (422, found.to_vec()));
    let many: Vec<_> = (0..36).map(|_| photos[0].clone()).collect();
    fixture.create("k3", &body(&many)).await.is_problem(422, "/media", "media.count");
    for (field, length, rule) in [("title", 91, "title.max"), ("description", 4_001, "description.max")] {
        let mut long = body(&photos);
        long[field] = json!("x".repeat(length - 1));
        let fits = fixture.create(&format!("{field} fits"), &long).await;
        assert_eq!(fits.status, 202, "{}", fits.body);
        long[field] = json!("x".repeat(length));
        fixture.create(field, &long).await.is_problem(422, &format!("/{field}"), rule);
    }
    let mut beyond = body(&photos);
    beyond["cover_index"] = json!(3);
    fixture.create("k4", &beyond).await.is_problem(422, "/cover_index", "field.range");
    beyond["cover_index"] = json!(0);
    beyond["allow"]["duet"] = json!(false);
    fixture.create("k5", &beyond).await.is_problem(422, "/allow/duet", "kind.field");
}

#[tokio::test]
async fn a_draft_for_the_inbox_carries_its_media_alone() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 5_000);
    let draft = json!({
        "creator": creator, "media": [{ "id": media }], "mode": "inbox", "transport": "upload",
    });
    fixture.create("k0", &draft).await.is_problem(422, "/mode", "creator.scope");
    let mut row = fixture.table.creator(&creator).await.unwrap().unwrap();
    row.scopes.push("video.upload".to_owned());
    fixture.table.put_creator(&row).await.unwrap();
    let made = fixture.create("k1", &draft).await;
    assert_eq!(made.status, 202, "{}", made.body);
    assert_eq!((&made.body["mode"], &made.body["privacy_level"]), (&json!("inbox"), &json!(null)));
    let row = fixture.table.posts().remove(0).row;
    let content = fixture.table.content(&row.id, &row.content).await.unwrap().unwrap();
    assert_eq!((content.mode, content.transport), (Mode::Inbox, Transport::Upload));

    let mut said = Fixture::post_body(&creator, &media);
    said["mode"] = json!("inbox");
    let refused = fixture.create("k2", &said).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let errors = refused.body["errors"].as_array().expect("a list");
    assert!(errors.iter().all(|error| error["rule"] == "mode.inbox.field"), "{errors:#?}");
    let fields: Vec<_> = errors.iter().map(|error| error["param"].as_str().unwrap_or_default()).collect();
    assert!(fields.contains(&"/caption") && fields.contains(&"/privacy_level"), "{fields:?}");
    assert_eq!(fixture.table.posts().len(), 1);
}

#[tokio::test]
async fn a_post_with_ready_media_is_accepted_and_goes_to_the_publish_queue() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    fixture.post("/v1/media", &json!({})).await;
    fixture.table.forget_calls();
    let answer = fixture.create("k1", &Fixture::post_body(&creator, &media)).await;
    assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
    let post = fixture.table.only_post().row;
    assert_eq!(format!("/v1/posts/{}", post.id), answer.headers[header::LOCATION].to_str().unwrap());
    assert_eq!(answer.body["id"], post.id.as_str());
    assert_eq!(answer.body["state"], "queued");
    assert_eq!(answer.body["caption"], "Harbour at six #boats");
    assert_eq!(answer.body["timeline"][0]["what"], "accepted");
    assert_eq!(answer.body["timeline"][0]["by"], "api");
    // `create` is two writes; with the guard and the message that makes five calls
    assert_eq!(["creator_and_media", "guard", "create"].to_vec(), fixture.table.calls());
    let sent = fixture.queues.waiting();
    assert_eq!(1, sent.len());
    assert!(matches!(&sent[0].job, Job::Publish(job) if job.post == post.id && job.content == post.content));
    assert!(!answer.replayed());
}

#[tokio::test]
async fn what_the_creator_agreed_to_is_stored_with_who_when_and_which_text() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(&creator, &media)).await;
    let post = fixture.table.only_post().row;
    let content = ports::Posts::content(&fixture.table, &post.id, &post.content).await.unwrap().unwrap();
    assert_eq!(fixture.us.key.as_str(), content.consent.given_by);
    assert_eq!(post.created_at, content.consent.given_at);
    assert_eq!("2026-08", content.consent.text_version);
    assert_eq!(Some(1_200), content.cover_timestamp_ms);
    assert!(content.allow.comment && !content.allow.duet);
}

#[tokio::test]
async fn a_post_whose_media_is_still_to_come_waits_for_it() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.awaited_media(1);
    let answer = fixture.create("k1", &Fixture::post_body(&creator, &media)).await;
    assert_eq!((StatusCode::ACCEPTED, &json!("awaiting_media")), (answer.status, &answer.body["state"]));
    let post = fixture.table.only_post().row;
    assert!(fixture.table.all_media()[0].row.waiting.contains(&post.id));
    assert!(fixture.queues.waiting().is_empty());
}

#[tokio::test]
async fn media_that_became_ready_while_the_post_was_written_starts_it_and_the_first_answer_stays() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.awaited_media(1);
    let body = Fixture::post_body(&creator, &media);
    fixture.table.fail_next("wait_for", Fault::BeforeEffect, 1);
    let first = fixture.create("k1", &body).await;
    assert_eq!(StatusCode::ACCEPTED, first.status, "its own wake-up finds the media");
    fixture.probe(&media, 10_000);
    let again = fixture.create("k1", &body).await;
    assert!(again.replayed());
    assert_eq!(first.text, again.text);
    assert!(matches!(fixture.table.only_post().row.state, PostState::Queued { .. }));
    assert!(matches!(fixture.queues.waiting()[..], [ref sent] if matches!(sent.job, Job::Publish(_))));
}

#[tokio::test]
async fn media_that_was_rejected_while_the_post_was_written_fails_it() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.awaited_media(1);
    let body = Fixture::post_body(&creator, &media);
    fixture.table.fail_next("wait_for", Fault::BeforeEffect, 1);
    let first = fixture.create("k1", &body).await;
    fixture.judge(&media, Err(vec![Problem::new("", "video.truncated", "cut", "upload the whole file")]));
    let again = fixture.create("k1", &body).await;
    assert_eq!((StatusCode::ACCEPTED, &first.text), (again.status, &again.text));
    let read = fixture.get(&format!("/v1/posts/{}", fixture.table.only_post().row.id)).await;
    assert_eq!(
        ("failed", "video.truncated"),
        (text(&read.body["state"]), text(&read.body["failure"]["code"]))
    );
    assert_eq!(json!(null), read.body["timeline"][1]["tiktok"], "the rule is ours");
    assert!(fixture.queues.waiting().is_empty());
}

#[tokio::test]
async fn a_repeat_gives_the_first_answer_whatever_has_changed_since() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    let first = fixture.create("k1", &body).await;
    // blanks and the order of fields make no other body
    let spaced = serde_json::to_string_pretty(&body).unwrap();
    let spaced = fixture.create_raw("k1", "application/json; charset=utf-8", spaced).await;
    assert_eq!((StatusCode::ACCEPTED, true, &first.text), (spaced.status, spaced.replayed(), &spaced.text));

    let mut gone = fixture.table.creators().remove(0);
    gone.status = domain::creator::CreatorStatus::Disconnected;
    fixture.table.insert_creator(gone);
    fixture.clock.advance(SignedDuration::from_hours(300));
    let late = fixture.create("k1", &body).await;
    assert_eq!((StatusCode::ACCEPTED, true, &first.text), (late.status, late.replayed(), &late.text));
    assert_eq!(1, fixture.queues.waiting().len());
    fixture.create("k2", &body).await.is_problem(409, "/creator", "creator.disconnected");
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused_and_changes_nothing() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    fixture.create("k1", &body).await;
    let before = fixture.table.only_post();
    let other = fixture.create("k1", &changed(&body, "/caption", json!("another"))).await;
    other.is_problem(422, "", "idempotency_key.reused");
    assert_eq!(before, fixture.table.only_post());
    let read = fixture.get(&format!("/v1/posts/{}", before.row.id)).await;
    assert_eq!(read.body["caption"], "Harbour at six #boats");
}

#[tokio::test]
async fn sixty_four_equal_requests_at_once_make_one_post_and_one_job_and_get_equal_answers() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    let answers = fixture.create_at_once(&vec![("k1".to_owned(), body.clone()); 64]);
    assert!(answers.iter().all(|answer| answer.status == StatusCode::ACCEPTED));
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    assert_eq!(63, answers.iter().filter(|answer| answer.replayed()).count());
    fixture.table.only_post();
    assert_eq!(1, fixture.queues.waiting().len());
    let other = fixture.create("k1", &changed(&body, "/ai_generated", json!(true))).await;
    other.is_problem(422, "", "idempotency_key.reused");
}

#[tokio::test]
async fn a_lost_answer_of_the_table_is_repaired_by_a_repeat() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    fixture.table.fail_next("create", Fault::AfterEffect, 1);
    let lost = fixture.create("k1", &body).await;
    lost.is_problem(500, "", "internal");
    assert_eq!((&json!(true), &json!("system")), (&lost.body["retryable"], &lost.body["source"]));
    assert!(!lost.text.contains("memory"), "{}", lost.text);
    let again = fixture.create("k1", &body).await;
    assert_eq!(StatusCode::ACCEPTED, again.status);
    fixture.table.only_post();
}

#[tokio::test]
async fn the_same_key_in_two_workspaces_is_two_keys() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = Fixture::post_body(&creator, &media);
    fixture.create("k1", &body).await;
    let request = http::Request::post("/v1/posts")
        .header(header::AUTHORIZATION, &fixture.them.bearer)
        .header("idempotency-key", "k1")
        .header(header::CONTENT_TYPE, "application/json");
    let theirs = fixture.send(request.body(body.to_string().into()).unwrap()).await;
    let expected = [("/creator", "creator.not_found"), ("/media/0/id", "media.not_found")];
    let expected = expected.map(|(param, rule)| (param.to_owned(), rule.to_owned())).to_vec();
    assert_eq!((404, expected), theirs.problems());
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn each_mistake_is_named_by_field_rule_and_remedy_and_nothing_is_written() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 301_000);
    let short = fixture.ready_media(2, 10_000);
    let rejected = fixture.awaited_media(3);
    fixture
        .judge(&rejected, Err(vec![Problem::new("", "video.no_video_track", "no video", "upload a video")]));
    let good = Fixture::post_body(&creator, &short);
    let emoji = "😀".repeat(1_101);
    let mistakes: Vec<(&str, Value, u16, &str, &str)> = vec![
        ("wrong type", changed(&good, "/caption", json!(7)), 422, "/caption", "field.type"),
        ("wrong type", changed(&good, "/allow/duet", json!("no")), 422, "/allow/duet", "field.type"),
        ("wrong type", changed(&good, "/media", json!({})), 422, "/media", "field.type"),
        ("wrong type", changed(&good, "/media", json!(["x"])), 422, "/media/0", "field.type"),
        ("wrong type", changed(&good, "/consent", json!([])), 422, "/consent", "field.type"),
        ("no object", json!([1]), 422, "", "field.type"),
        ("unknown field", changed(&good, "/publish_on", json!("x")), 422, "/publish_on", "field.unknown"),
        ("no time", changed(&good, "/publish_at", json!("tomorrow")), 422, "/publish_at", "time.format"),
        (
            "a naive time",
            changed(&good, "/publish_at", json!("2026-11-01T18:00:00")),
            422,
            "/publish_at",
            "time.format",
        ),
        (
            "a time that is over",
            changed(&good, "/publish_at", json!("2026-10-31T18:00:00Z")),
            422,
            "/publish_at",
            "publish_at.past",
        ),
        (
            "a time too far",
            changed(&good, "/publish_at", json!("2027-10-31T18:00:00Z")),
            422,
            "/publish_at",
            "publish_at.max",
        ),
        ("unknown field", changed(&good, "/allow/a~b", json!(1)), 422, "/allow/a~0b", "field.unknown"),
        ("no creator", without(&good, "creator"), 422, "/creator", "field.required"),
        ("no media", without(&good, "media"), 422, "/media", "field.required"),
        ("two media", changed(&good, "/media", json!([{}, {}])), 422, "/media", "media.count"),
        ("no media", changed(&good, "/media", json!([])), 422, "/media", "media.count"),
        ("no id", changed(&good, "/media/0", json!({})), 422, "/media/0/id", "field.required"),
        ("no id", changed(&good, "/media/0", json!(null)), 422, "/media/0", "field.type"),
        ("bad id", changed(&good, "/creator", json!("ada")), 422, "/creator", "id.format"),
        (
            "unknown creator",
            changed(&good, "/creator", json!(CreatorId::from_bits(9).as_str())),
            404,
            "/creator",
            "creator.not_found",
        ),
        (
            "unknown media",
            changed(&good, "/media/0/id", json!(MediaId::from_bits(9).as_str())),
            404,
            "/media/0/id",
            "media.not_found",
        ),
        ("over-long caption", changed(&good, "/caption", json!(emoji)), 422, "/caption", "caption.max"),
        ("no privacy", without(&good, "privacy_level"), 422, "/privacy_level", "field.required"),
        (
            "unknown privacy",
            changed(&good, "/privacy_level", json!("PUBLIC")),
            422,
            "/privacy_level",
            "privacy_level.unknown",
        ),
        (
            "privacy not offered",
            changed(&good, "/privacy_level", json!("FOLLOWER_OF_CREATOR")),
            422,
            "/privacy_level",
            "privacy_level.not_offered",
        ),
        (
            "missing consent",
            changed(&good, "/consent/music_usage_confirmed", json!(false)),
            422,
            "/consent/music_usage_confirmed",
            "consent.music.required",
        ),
        (
            "missing consent",
            without(&good, "consent"),
            422,
            "/consent/music_usage_confirmed",
            "consent.music.required",
        ),
        (
            "missing consent",
            changed(&good, "/disclosure/branded_content", json!(true)),
            422,
            "/consent/branded_content_policy_confirmed",
            "consent.branded.required",
        ),
        (
            "no text version",
            changed(&good, "/consent", json!({ "music_usage_confirmed": true })),
            422,
            "/consent/text_version",
            "field.required",
        ),
        (
            "video too long",
            changed(&good, "/media/0/id", json!(media.as_str())),
            422,
            "/media/0",
            "video.duration.max",
        ),
        (
            "not a video",
            changed(&good, "/media/0/id", json!(rejected.as_str())),
            422,
            "/media/0",
            "video.no_video_track",
        ),
        ("a kind of tomorrow", changed(&good, "/kind", json!("poem")), 422, "/kind", "kind.unsupported"),
        ("fields of photos", changed(&good, "/title", json!("Harbour")), 422, "/title", "kind.field"),
        ("a mode of tomorrow", changed(&good, "/mode", json!("story")), 422, "/mode", "mode.unsupported"),
        (
            "a way of tomorrow",
            changed(&good, "/transport", json!("mail")),
            422,
            "/transport",
            "transport.unsupported",
        ),
        (
            "cover beyond an int32",
            changed(&good, "/cover_timestamp_ms", json!(2_147_483_648_u64)),
            422,
            "/cover_timestamp_ms",
            "field.range",
        ),
        (
            "cover before the start",
            changed(&good, "/cover_timestamp_ms", json!(-1)),
            422,
            "/cover_timestamp_ms",
            "field.range",
        ),
    ];
    for (what, body, status, param, rule) in mistakes {
        let answer = fixture.create("k1", &body).await;
        assert_eq!(
            (status, vec![(param.to_owned(), rule.to_owned())]),
            answer.problems(),
            "{what}: {}",
            answer.text
        );
        assert_eq!((&json!(param), &json!(rule)), (&answer.body["param"], &answer.body["code"]), "{what}");
    }
    let writes = ["create", "declare", "guard", "wait_for", "save"];
    assert!(!fixture.table.calls().iter().any(|call| writes.contains(call)));
    assert!(fixture.table.posts().is_empty() && fixture.queues.waiting().is_empty());
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k1", &good).await.status, "the key is still free");
}

#[tokio::test]
async fn all_mistakes_of_a_request_are_named_at_once() {
    let (fixture, creator) = Fixture::connected().await;
    let body = json!({
        "creator": creator.as_str(),
        "media": [{ "id": MediaId::from_bits(9).as_str() }],
        "caption": "x".repeat(2_201),
        "privacy_level": "FOLLOWER_OF_CREATOR",
        "disclosure": { "branded_content": true, "your_brand": 1 },
        "colour": "blue",
    });
    let request = fixture.request(Method::POST, "/v1/posts").header(header::CONTENT_TYPE, "application/json");
    let answer = fixture.send(request.body(body.to_string().into()).unwrap()).await;
    let (status, mut found) = answer.problems();
    found.sort();
    let mut expected = [
        ("", "idempotency_key.required"),
        ("/caption", "caption.max"),
        ("/colour", "field.unknown"),
        ("/consent/branded_content_policy_confirmed", "consent.branded.required"),
        ("/consent/music_usage_confirmed", "consent.music.required"),
        ("/disclosure/your_brand", "field.type"),
        ("/media/0/id", "media.not_found"),
        ("/privacy_level", "privacy_level.not_offered"),
    ]
    .map(|(param, rule)| (param.to_owned(), rule.to_owned()));
    expected.sort();
    assert_eq!((422, expected.to_vec()), (status, found), "{}", answer.text);
    assert_eq!("request.invalid", answer.body["code"]);
}

#[tokio::test]
async fn a_key_is_required_and_has_a_form() {
    let (fixture, creator) = Fixture::connected().await;
    let body = Fixture::post_body(&creator, &fixture.ready_media(1, 10_000));
    fixture.post("/v1/posts", &body).await.is_problem(400, "", "idempotency_key.required");
    fixture.create("", &body).await.is_problem(400, "", "idempotency_key.format");
    fixture.create(&"k".repeat(256), &body).await.is_problem(400, "", "idempotency_key.format");
    assert!(fixture.table.posts().is_empty());
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_line_and_column() {
    let fixture = Fixture::new();
    let answer = fixture.create_raw("k1", "application/json", "{\n  \"caption\": \"x\",\n  oops\n}").await;
    answer.is_problem(400, "", "json.malformed");
    assert!(answer.body["detail"].as_str().unwrap().contains("line 3 column 3"), "{}", answer.text);
    fixture.create_raw("k1", "application/json", "").await.is_problem(400, "", "json.malformed");
    fixture.create_raw("k1", "application/x-www-form-urlencoded", "a=b").await.is_problem(
        415,
        "",
        "content_type.unsupported",
    );
    let long = format!("{{\"caption\":\"{}\"}}", "x".repeat(70_000));
    fixture.create_raw("k1", "application/json", long).await.is_problem(413, "", "body.too_large");
}

#[tokio::test]
async fn tiktok_is_asked_once_more_before_a_post_is_refused() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let asked = fixture.tiktok.calls(Endpoint::CreatorInfo);
    let private =
        changed(&Fixture::post_body(&creator, &media), "/privacy_level", json!("FOLLOWER_OF_CREATOR"));
    fixture.create("k1", &private).await.is_problem(422, "/privacy_level", "privacy_level.not_offered");
    assert_eq!(asked + 1, fixture.tiktok.calls(Endpoint::CreatorInfo));
    fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().private = true);
    });
    let answer = fixture.create("k1", &private).await;
    assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
    assert!(fixture.table.creators()[0].info.privacy_level_options.contains(&"FOLLOWER_OF_CREATOR".into()));
    let another = changed(&private, "/caption", json!("another"));
    assert_eq!(StatusCode::ACCEPTED, fixture.create("k2", &another).await.status);
    assert_eq!(asked + 2, fixture.tiktok.calls(Endpoint::CreatorInfo), "what it said is remembered");
    let duet = changed(&private, "/allow/duet", json!(true));
    fixture.create("k3", &duet).await.is_problem(422, "/allow/duet", "interaction.disabled_by_creator");
}

#[tokio::test]
async fn nobody_is_refused_by_what_tiktok_never_said() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let mut unknown = fixture.table.creators()[0].clone();
    unknown.info.privacy_level_options.clear();
    unknown.info.max_video_post_duration_sec = 0;
    unknown.info.fetched_at = domain::Timestamp::UNIX_EPOCH;
    fixture.table.put_creator(&unknown).await.unwrap();
    let outage =
        |outage| fixture.tiktok.with(|world, _, _| world.reconfigure(|config| config.outage = outage));
    outage(tiktok_sandbox::Outage::Api);
    let body = Fixture::post_body(&creator, &media);
    let answer = fixture.create("k1", &body).await;
    assert_eq!(StatusCode::SERVICE_UNAVAILABLE, answer.status, "{}", answer.text);
    assert_eq!(json!(true), answer.body["retryable"]);
    let wrong = changed(&body, "/consent/music_usage_confirmed", json!(false));
    fixture.create("k1", &wrong).await.is_problem(
        422,
        "/consent/music_usage_confirmed",
        "consent.music.required",
    );
    outage(tiktok_sandbox::Outage::None);
    let answer = fixture.create("k1", &body).await;
    assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
}

#[tokio::test]
async fn when_tiktok_cannot_be_asked_the_refusal_says_that_it_may_pass() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = changed(&Fixture::post_body(&creator, &media), "/privacy_level", json!("FOLLOWER_OF_CREATOR"));
    fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.outage = tiktok_sandbox::Outage::Api);
    });
    let answer = fixture.create("k1", &body).await;
    answer.is_problem(422, "/privacy_level", "privacy_level.not_offered");
    assert_eq!(json!(true), answer.body["retryable"]);
}

#[tokio::test]
async fn a_post_is_read_with_its_timeline_and_a_list_is_paged_newest_first() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let body = changed(&Fixture::post_body(&creator, &media), "/allow_duplicate", json!(true));
    let mut ids = Vec::new();
    for number in 0..5 {
        fixture.clock.advance(SignedDuration::from_secs(1));
        let answer = fixture.create(&format!("k{number}"), &body).await;
        ids.insert(0, answer.body["id"].as_str().unwrap().to_owned());
    }
    let first = fixture.get("/v1/posts?limit=3").await;
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = fixture.get(&format!("/v1/posts?limit=3&cursor={cursor}")).await;
    assert_eq!(json!(null), second.body["next_cursor"]);
    let listed: Vec<&str> = [&first, &second]
        .into_iter()
        .flat_map(|page| page.body["data"].as_array().unwrap())
        .map(|post| post["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, listed);
    let post = fixture.get(&format!("/v1/posts/{}", ids[0])).await;
    assert_eq!(StatusCode::OK, post.status);
    assert_eq!("Harbour at six #boats", post.body["caption"]);
    assert_eq!(json!([]), post.body["post_ids"]);
    assert_eq!("2026-11-01T12:00:05Z", post.body["created_at"]);
    assert_eq!(json!(null), post.body["timeline"][0]["tiktok"]);

    let theirs = fixture.get_as(Some(&fixture.them), &format!("/v1/posts/{}", ids[0])).await;
    theirs.is_problem(404, "", "post.not_found");
    let missing = format!("/v1/posts/{}", domain::PostId::from_bits(5));
    fixture.get(&missing).await.is_problem(404, "", "post.not_found");
    fixture.get("/v1/posts/nonsense").await.is_problem(404, "", "post.not_found");
    assert_eq!(json!([]), fixture.get_as(Some(&fixture.them), "/v1/posts").await.body["data"]);

    fixture.get("/v1/posts?limit=0").await.is_problem(422, "/limit", "field.range");
    fixture.get("/v1/posts?cursor=zz").await.is_problem(422, "/cursor", "cursor.format");
    fixture.get("/v1/posts?colour=x").await.is_problem(422, "/colour", "field.unknown");
}

#[tokio::test]
async fn a_list_is_filtered_by_creator_state_and_time_and_its_cursor_stays_right() {
    let (fixture, ada) = Fixture::connected().await;
    let grace = fixture.connect("grace").await;
    let media = fixture.ready_media(1, 10_000);
    let (mut of_ada, mut of_grace, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..250 {
        fixture.clock.advance(SignedDuration::from_secs(1));
        let (creator, ids) = if number % 50 == 7 { (&grace, &mut of_grace) } else { (&ada, &mut of_ada) };
        let body = changed(&Fixture::post_body(creator, &media), "/caption", json!(number.to_string()));
        let body = changed(&body, "/privacy_level", json!("SELF_ONLY"));
        let answer = fixture.create(&format!("k{number}"), &body).await;
        assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
        ids.insert(0, text(&answer.body["id"]).to_owned());
        times.push(text(&answer.body["created_at"]).to_owned());
    }
    let all = async |query: &str| {
        let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, String::new());
        loop {
            let page = fixture.get(&format!("/v1/posts?{query}{cursor}")).await;
            assert_eq!(StatusCode::OK, page.status, "{}", page.text);
            let data = page.body["data"].as_array().unwrap();
            ids.extend(data.iter().map(|post| text(&post["id"]).to_owned()));
            pages += 1;
            match &page.body["next_cursor"] {
                Value::String(next) => cursor = format!("&cursor={next}"),
                _ => return (ids, pages),
            }
        }
    };
    assert_eq!((of_grace.clone(), 3), all(&format!("limit=2&creator={grace}")).await);
    assert_eq!((of_grace.clone(), 1), all(&format!("limit=6&creator={grace}")).await);
    assert_eq!((of_ada, 3), all(&format!("limit=100&creator={ada}&state=queued")).await);
    assert_eq!((Vec::new(), 1), all("limit=10&state=failed").await);
    let between = format!("limit=4&created_after={}&created_before={}", times[100], times[110]);
    let (ids, pages) = all(&between).await;
    assert_eq!((10, 3), (ids.len(), pages));
    let both = format!("{between}&creator={grace}");
    assert_eq!((vec![of_grace[2].clone()], 1), all(&both).await);
    assert_eq!((Vec::new(), 1), all("created_before=0029-06-06T10:05:29Z").await);
    assert_eq!(
        250,
        all("limit=100&created_before=9998-12-31T00:00:00Z&created_after=-000001-01-01T00:00:00Z")
            .await
            .0
            .len()
    );
    for (query, param, rule) in [
        ("state=x", "/state", "state.unsupported"),
        ("creator=ada", "/creator", "id.format"),
        ("created_after=yesterday", "/created_after", "time.format"),
    ] {
        fixture.get(&format!("/v1/posts?{query}")).await.is_problem(422, param, rule);
    }
}

#[tokio::test]
async fn a_filtered_page_looks_at_so_many_posts_and_no_more() {
    let (fixture, creator) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    for number in 0..501 {
        let body = changed(&Fixture::post_body(&creator, &media), "/caption", json!(number.to_string()));
        fixture.create(&format!("k{number}"), &body).await;
    }
    fixture.table.forget_calls();
    let page = fixture.get("/v1/posts?state=failed").await;
    assert_eq!(json!([]), page.body["data"]);
    let cursor = text(&page.body["next_cursor"]);
    assert_eq!(vec!["list"; 5], fixture.table.calls());
    let last = fixture.get(&format!("/v1/posts?state=failed&cursor={cursor}")).await;
    assert_eq!((json!([]), json!(null)), (last.body["data"].clone(), last.body["next_cursor"].clone()));
}
