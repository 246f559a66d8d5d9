//! A workspace's media: listed, used by several posts, and deleted when none needs them.

use domain::media::{Container, MediaState, PhotoProbe, Probe, upload_key};
use domain::post::{Event, Failure};
use domain::{CreatorId, Media, MediaId, Periods, PostId, SignedDuration};
use http::{Method, StatusCode};
use ports::fakes::Fault;
use ports::{MediaRows as _, Posts as _, samples};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};

async fn delete(fixture: &Fixture, media: &MediaId) -> Answer {
    let request = fixture.request(Method::DELETE, &format!("/v1/media/{media}"));
    fixture.send(request.body(String::new().into()).unwrap()).await
}

/// A video that is there with its bytes.
fn video(fixture: &Fixture, number: u128) -> MediaId {
    let media = fixture.ready_media(number, 10_000);
    fixture.objects.put(&upload_key(&media), Container::Mp4, vec![1; 1_000]);
    media
}

fn photo(fixture: &Fixture, number: u128) -> MediaId {
    let media = samples::media(number, ports::Clock::now(&fixture.clock));
    let probe = Probe::Photo(PhotoProbe { width: 1_080, height: 1_920, ..samples::photo_probe() });
    let declared = domain::media::Declared { container: Container::Jpeg, ..media.declared.clone() };
    let state = MediaState::Ready { etag: format!("\"{number}\""), probe, advice: Vec::new() };
    let media = Media { declared, state, due: None, workspace: fixture.us.id.clone(), ..media };
    fixture.objects.put(&upload_key(&media.id), Container::Jpeg, vec![1]);
    fixture.table.insert_media(media.clone());
    media.id
}

async fn posted(fixture: &Fixture, key: &str, body: &Value) -> PostId {
    let answer = fixture.create(key, body).await;
    assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
    answer.body["id"].as_str().unwrap().parse().unwrap()
}

fn captioned(creator: &CreatorId, media: &MediaId, caption: &str) -> Value {
    let mut body = Fixture::post_body(creator, media);
    body["caption"] = json!(caption);
    body
}

async fn cancel(fixture: &Fixture, post: &PostId) {
    let request = fixture.request(Method::POST, &format!("/v1/posts/{post}/cancel"));
    let answer = fixture.send(request.body(String::new().into()).unwrap()).await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
}

#[tokio::test]
async fn media_are_listed_newest_first_by_cursor_and_only_ours() {
    let fixture = Fixture::new();
    for number in 1..=3 {
        fixture.awaited_media(number);
        fixture.clock.advance(SignedDuration::from_secs(1));
    }
    let theirs = Media { workspace: fixture.them.id.clone(), ..samples::media(9, samples::NOON) };
    fixture.table.insert_media(theirs);
    let ids = |answer: &Answer| -> Vec<u128> {
        let data = answer.body["data"].as_array().unwrap();
        data.iter().map(|it| it["id"].as_str().unwrap().parse::<MediaId>().unwrap().bits()).collect()
    };
    let first = fixture.get("/v1/media?limit=2").await;
    assert_eq!((StatusCode::OK, vec![3, 2]), (first.status, ids(&first)));
    assert_eq!("awaiting_upload", first.body["data"][0]["state"]);
    assert_eq!(json!(null), first.body["data"][0]["upload"], "a list hands out no URLs");
    let cursor = first.body["next_cursor"].as_str().unwrap();
    let second = fixture.get(&format!("/v1/media?limit=2&cursor={cursor}")).await;
    assert_eq!((vec![1], &json!(null)), (ids(&second), &second.body["next_cursor"]));
    fixture.get("/v1/media?limit=0").await.is_problem(422, "/limit", "field.range");
    fixture.get("/v1/media?cursor=x").await.is_problem(422, "/cursor", "cursor.format");
    let writer = fixture.key_with(0x77, [domain::Scope::MediaWrite]);
    fixture.get_as(Some(&writer), "/v1/media").await.is_problem(403, "", "key.scope");
}

#[tokio::test]
async fn a_media_is_deleted_with_its_bytes_and_nothing_can_be_posted_of_it_any_more() {
    let (fixture, creator) = Fixture::connected().await;
    let media = video(&fixture, 1);
    for _ in 0..2 {
        let answer = delete(&fixture, &media).await;
        assert_eq!(
            (StatusCode::OK, &json!("rejected")),
            (answer.status, &answer.body["state"]),
            "{}",
            answer.text
        );
        assert_eq!("media.deleted", answer.body["problems"][0]["rule"]);
    }
    assert!(fixture.objects.object(&upload_key(&media)).is_none());
    assert_eq!(json!([]), fixture.get("/v1/media").await.body["data"]);
    assert_eq!("rejected", fixture.get(&format!("/v1/media/{media}")).await.body["state"]);
    let refused = fixture.create("k1", &Fixture::post_body(&creator, &media)).await;
    refused.is_problem(422, "/media/0", "media.deleted");
}

#[tokio::test]
async fn a_media_stays_while_one_of_its_posts_needs_it() {
    let (fixture, creator) = Fixture::connected().await;
    let media = video(&fixture, 1);
    let first = posted(&fixture, "k1", &captioned(&creator, &media, "one")).await;
    let second = posted(&fixture, "k2", &captioned(&creator, &media, "two")).await;
    delete(&fixture, &media).await.is_problem(409, "", "media.in_use");
    cancel(&fixture, &first).await;
    let refused = delete(&fixture, &media).await;
    refused.is_problem(409, "", "media.in_use");
    assert!(refused.text.contains(second.as_str()), "{}", refused.text);
    assert!(fixture.objects.object(&upload_key(&media)).is_some());
    // the list shows nothing of what has failed
    let seen = fixture.table.post(&second, ports::Read::Strong).await.unwrap().unwrap();
    let failure = Failure { code: "video.duration.max".to_owned(), remedy: "shorten it".to_owned() };
    let failed = Event::Refused(failure);
    let now = ports::Clock::now(&fixture.clock);
    let by = domain::timeline::Actor::Publish;
    let domain::Outcome::Moved(after) = seen.row.apply(failed, by, now, &Periods::default()).unwrap() else {
        panic!("it fails")
    };
    fixture.table.save(&seen, &after, None, domain::Nonce::from_bits(1)).await.unwrap();
    assert_eq!(StatusCode::OK, delete(&fixture, &media).await.status);
}

#[tokio::test]
async fn a_media_that_a_post_waits_for_and_every_photo_of_a_post_stay() {
    let (fixture, creator) = Fixture::connected().await;
    let awaited = fixture.awaited_media(1);
    posted(&fixture, "k1", &Fixture::post_body(&creator, &awaited)).await;
    delete(&fixture, &awaited).await.is_problem(409, "", "media.in_use");

    let (one, two, other) = (photo(&fixture, 0x11), photo(&fixture, 0x12), photo(&fixture, 0x13));
    let mut body = Fixture::post_body(&creator, &one);
    for name in ["caption", "cover_timestamp_ms", "transport"] {
        body[name] = json!(null);
    }
    body["kind"] = json!("photo");
    body["allow"] = json!({ "comment": true });
    body["media"] = json!([{ "id": one }, { "id": two }]);
    posted(&fixture, "k2", &body).await;
    for media in [&one, &two] {
        delete(&fixture, media).await.is_problem(409, "", "media.in_use");
    }
    assert_eq!(StatusCode::OK, delete(&fixture, &other).await.status);
}

#[tokio::test]
async fn deleting_an_upload_in_parts_gives_its_parts_up() {
    let fixture = Fixture::new();
    let body =
        json!({ "kind": "video", "content_type": "video/mp4", "size": 9 << 20, "upload": "multipart" });
    let answer = fixture.post("/v1/media", &body).await;
    let media: MediaId = answer.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(1, fixture.objects.unfinished().len());
    assert_eq!(StatusCode::OK, delete(&fixture, &media).await.status);
    assert!(fixture.objects.unfinished().is_empty());
    let request = fixture.request(Method::POST, &format!("/v1/media/{media}/complete"));
    let completed = fixture.send(request.body(String::new().into()).unwrap()).await;
    assert_eq!("rejected", completed.body["state"]);
}

#[tokio::test]
async fn a_deletion_that_died_in_the_middle_is_finished_by_the_next_one() {
    for (operation, fault) in [("judge", Fault::AfterEffect), ("unlist_media", Fault::BeforeEffect)] {
        let fixture = Fixture::new();
        let media = video(&fixture, 1);
        fixture.table.fail_next(operation, fault, 1);
        delete(&fixture, &media).await.is_problem(500, "", "internal");
        assert_eq!(StatusCode::OK, delete(&fixture, &media).await.status);
        assert!(fixture.objects.object(&upload_key(&media)).is_none());
        assert_eq!(json!([]), fixture.get("/v1/media").await.body["data"]);
    }
    let fixture = Fixture::new();
    let media = video(&fixture, 1);
    fixture.objects.fail_next("delete_upload", Fault::BeforeEffect, 1);
    delete(&fixture, &media).await.is_problem(500, "", "internal");
    assert_eq!(StatusCode::OK, delete(&fixture, &media).await.status);
    assert!(fixture.objects.object(&upload_key(&media)).is_none());
}

#[tokio::test]
async fn a_media_is_deleted_by_its_own_workspace_alone() {
    let fixture = Fixture::new();
    let media = Media { workspace: fixture.them.id.clone(), ..samples::media(9, samples::NOON) };
    fixture.table.insert_media(media.clone());
    delete(&fixture, &media.id).await.is_problem(404, "", "media.not_found");
    assert!(fixture.table.media(&media.id, ports::Read::Strong).await.unwrap().unwrap().row.due.is_some());
}
