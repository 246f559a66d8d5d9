use domain::Job;
use domain::media::MediaState;
use domain::post::PostState;
use http::StatusCode;
use ports::fakes::Fault;
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};

const TYPE: &str = "multipart/form-data; boundary=frontier";

fn form(parts: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content_type, bytes) in parts {
        body.extend_from_slice(
            format!("--frontier\r\nContent-Disposition: form-data; {disposition}\r\n").as_bytes(),
        );
        if !content_type.is_empty() {
            body.extend_from_slice(format!("Content-Type: {content_type}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--frontier--\r\n");
    body
}

const FILE: &str = "name=\"media\"; filename=\"harbour.mp4\"";

async fn send(fixture: &Fixture, key: &str, post: &Value, video: &[u8]) -> Answer {
    let post = post.to_string();
    let body = form(&[("name=\"post\"", "application/json", post.as_bytes()), (FILE, "video/mp4", video)]);
    fixture.create_raw(key, TYPE, body).await
}

fn body(creator: &domain::CreatorId) -> Value {
    let mut body = Fixture::post_body(creator, &domain::MediaId::from_bits(1));
    body.as_object_mut().unwrap().remove("media");
    body
}

#[tokio::test]
async fn a_small_video_comes_inside_the_post() {
    let (fixture, creator) = Fixture::connected().await;
    let answer = send(&fixture, "k1", &body(&creator), b"the video").await;
    assert_eq!(StatusCode::ACCEPTED, answer.status, "{}", answer.text);
    assert_eq!("awaiting_media", answer.body["state"]);
    let media = fixture.table.all_media().remove(0).row;
    assert_eq!(answer.body["media"][0]["id"], media.id.as_str());
    assert_eq!(9, media.declared.size);
    assert!(media.waiting.contains(&fixture.table.only_post().row.id));
    let object = fixture.objects.object(&format!("up/{}", media.id)).expect("the bytes are stored");
    assert_eq!((&b"the video"[..], "video/mp4"), (&object.bytes[..], object.content_type.as_str()));
    // with the two writes of `create` and the object: six calls
    assert_eq!(["creator_and_media", "guard", "declare", "create"].to_vec(), fixture.table.calls());
}

#[tokio::test]
async fn a_repeat_finds_the_same_media_and_sends_bytes_that_were_lost() {
    let (fixture, creator) = Fixture::connected().await;
    fixture.objects.fail_next("put_upload", Fault::BeforeEffect, 1);
    send(&fixture, "k1", &body(&creator), b"the video").await.is_problem(500, "", "internal");
    let first = send(&fixture, "k1", &body(&creator), b"the video").await;
    let again = send(&fixture, "k1", &body(&creator), b"the video").await;
    assert_eq!((StatusCode::ACCEPTED, &first.text), (again.status, &again.text));
    assert!(again.replayed());
    assert_eq!(1, fixture.table.all_media().len());
    assert_eq!(1, fixture.objects.keys().len());
    let media = fixture.table.all_media().remove(0).row.id;
    fixture.probe(&media, 10_000);
    let late = send(&fixture, "k1", &body(&creator), b"the video").await;
    assert_eq!(first.text, late.text);
    assert!(matches!(fixture.table.only_post().row.state, PostState::Queued { .. }));
    assert!(matches!(fixture.queues.waiting()[..], [ref sent] if matches!(sent.job, Job::Publish(_))));
}

#[tokio::test]
async fn another_file_under_the_same_key_is_another_body() {
    let (fixture, creator) = Fixture::connected().await;
    send(&fixture, "k1", &body(&creator), b"the video").await;
    let other = send(&fixture, "k1", &body(&creator), b"another").await;
    other.is_problem(422, "", "idempotency_key.reused");
    let post = fixture.table.only_post().row;
    let object = fixture.objects.object(&format!("up/{}", post.media)).unwrap();
    assert_eq!(b"the video".to_vec(), object.bytes);
}

#[tokio::test]
async fn four_million_bytes_are_taken_and_one_more_is_not() {
    let (fixture, creator) = Fixture::connected().await;
    let post = body(&creator).to_string();
    let of =
        |size: usize| form(&[("name=\"post\"", "", post.as_bytes()), (FILE, "video/mp4", &vec![7; size])]);
    let frame = of(0).len();
    let answer = fixture.create_raw("k1", TYPE, of(4_000_000 - frame)).await;
    assert_eq!(StatusCode::ACCEPTED, answer.status);
    let answer = fixture.create_raw("k2", TYPE, of(4_000_001 - frame)).await;
    answer.is_problem(413, "", "body.too_large");
    assert!(answer.body["remedy"].as_str().unwrap().contains("POST /v1/media"));
    assert_eq!(1, fixture.table.posts().len());
}

#[tokio::test]
async fn a_form_that_is_wrong_names_the_part_and_stores_nothing() {
    let (fixture, creator) = Fixture::connected().await;
    let good = body(&creator).to_string();
    let named = Fixture::post_body(&creator, &domain::MediaId::from_bits(1)).to_string();
    let post = "name=\"post\"";
    let cases: Vec<(Vec<u8>, u16, &str, &str)> = vec![
        (form(&[(FILE, "video/mp4", b"x")]), 422, "/post", "field.required"),
        (form(&[(post, "", good.as_bytes())]), 422, "/media", "field.required"),
        (form(&[(post, "", b"{"), (FILE, "video/mp4", b"x")]), 400, "", "json.malformed"),
        (
            form(&[(post, "", good.as_bytes()), (FILE, "image/png", b"x")]),
            422,
            "/media",
            "media.content_type",
        ),
        (form(&[(post, "", good.as_bytes()), (FILE, "video/mp4", b"")]), 422, "/media", "video.empty"),
        (form(&[(post, "", named.as_bytes()), (FILE, "video/mp4", b"x")]), 422, "/media", "media.twice"),
        (
            form(&[(post, "", good.as_bytes()), (FILE, "video/mp4", b"x"), ("name=\"x\"", "", b"y")]),
            422,
            "/x",
            "field.unknown",
        ),
        (b"--frontier\r\nnonsense".to_vec(), 400, "", "multipart.malformed"),
    ];
    for (body, status, param, rule) in cases {
        fixture.create_raw("k1", TYPE, body).await.is_problem(status, param, rule);
    }
    fixture.create_raw("k1", "multipart/form-data", "x").await.is_problem(400, "", "multipart.malformed");
    assert!(fixture.objects.keys().is_empty() && fixture.table.all_media().is_empty());
    assert!(fixture.table.posts().is_empty());
}

#[tokio::test]
async fn curl_does_not_know_the_type_of_a_video() {
    let (fixture, creator) = Fixture::connected().await;
    let post = body(&creator).to_string();
    let file = "name=\"media\"; filename=\"C:\\clip.MOV\"";
    let form = form(&[("name=\"post\"", "", post.as_bytes()), (file, "application/octet-stream", b"x")]);
    assert_eq!(StatusCode::ACCEPTED, fixture.create_raw("k1", TYPE, form).await.status);
    let media = fixture.table.all_media().remove(0).row;
    assert_eq!(domain::media::Container::Mov, media.declared.container);
    assert!(matches!(media.state, MediaState::AwaitingUpload { .. }));
    assert_eq!(
        json!("video/quicktime"),
        fixture.get(&format!("/v1/media/{}", media.id)).await.body["content_type"]
    );
}
