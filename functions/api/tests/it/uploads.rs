//! Uploads in parts: in any order, in several sittings, and complete when every part is there.

use domain::MediaId;
use domain::media::upload_key;
use http::{Method, StatusCode};
use ports::fakes::Fault;
use ports::{Multipart as _, SecretUrl, Upload};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};
use super::media::declare;

const PART: u64 = 8 << 20;

fn body(size: u64) -> Value {
    json!({ "kind": "video", "content_type": "video/mp4", "size": size, "upload": "multipart" })
}

async fn declared(fixture: &Fixture, size: u64) -> (MediaId, Answer) {
    let answer = declare(fixture, "k1", &body(size)).await;
    assert_eq!(StatusCode::CREATED, answer.status, "{}", answer.text);
    (answer.body["id"].as_str().unwrap().parse().unwrap(), answer)
}

async fn complete(fixture: &Fixture, media: &MediaId) -> Answer {
    let request = fixture.request(Method::POST, &format!("/v1/media/{media}/complete"));
    fixture.send(request.body(String::new().into()).unwrap()).await
}

async fn rest(fixture: &Fixture, media: &MediaId) -> Answer {
    fixture.get(&format!("/v1/media/{media}/upload")).await
}

fn numbers(upload: &Value) -> Vec<u64> {
    upload["parts"].as_array().unwrap().iter().map(|part| part["number"].as_u64().unwrap()).collect()
}

/// What an uploader does with one part of an answer.
fn send(fixture: &Fixture, answer: &Answer, number: u64, byte: u8) {
    let parts = answer.body["upload"]["parts"].as_array().unwrap();
    let part = parts.iter().find(|part| part["number"] == json!(number)).unwrap();
    let size = part["size"].as_u64().unwrap();
    let upload = Upload {
        url: SecretUrl::new(part["url"].as_str().unwrap().to_owned()),
        headers: vec![("content-length".to_owned(), size.to_string())],
        expires_at: ports::samples::NOON,
    };
    assert!(fixture.objects.put_part(&upload, vec![byte; usize::try_from(size).unwrap()]));
}

#[tokio::test]
async fn parts_come_in_any_order_over_two_sittings_and_are_one_upload() {
    let fixture = Fixture::new();
    let (media, first) = declared(&fixture, 2 * PART + 5).await;
    let upload = &first.body["upload"];
    assert_eq!((&json!(PART), &json!([])), (&upload["part_size"], &upload["received"]));
    let sizes: Vec<_> = upload["parts"].as_array().unwrap().iter().map(|part| part["size"].clone()).collect();
    assert_eq!(sizes, [json!(PART), json!(PART), json!(5)]);
    assert_eq!("2026-11-01T12:15:00Z", upload["expires_at"]);
    send(&fixture, &first, 3, 3);
    send(&fixture, &first, 1, 1);

    complete(&fixture, &media).await.is_problem(409, "", "media.parts.missing");
    let second = rest(&fixture, &media).await;
    assert_eq!(StatusCode::OK, second.status, "{}", second.text);
    assert_eq!(
        (numbers(&second.body["upload"]), &json!([1, 3])),
        (vec![2], &second.body["upload"]["received"])
    );
    assert_eq!(first.body["upload"]["upload_id"], second.body["upload"]["upload_id"]);
    send(&fixture, &second, 2, 2);

    let answer = complete(&fixture, &media).await;
    assert_eq!((StatusCode::OK, &json!("probing")), (answer.status, &answer.body["state"]));
    let object = fixture.objects.object(&upload_key(&media)).unwrap();
    let part = usize::try_from(PART).unwrap();
    assert!(object.bytes == [vec![1; part], vec![2; part], vec![3; 5]].concat());
    assert_eq!("video/mp4", object.content_type);

    // whoever did not hear that it is complete asks again
    for answer in [complete(&fixture, &media).await, rest(&fixture, &media).await] {
        assert_eq!((StatusCode::OK, &json!("probing")), (answer.status, &answer.body["state"]));
        assert_eq!(json!(null), answer.body["upload"]);
    }
    fixture.probe(&media, 10_000);
    for answer in [complete(&fixture, &media).await, rest(&fixture, &media).await] {
        assert_eq!((StatusCode::OK, &json!("ready")), (answer.status, &answer.body["state"]));
    }
}

#[tokio::test]
async fn a_part_of_another_size_is_missing_and_named() {
    let fixture = Fixture::new();
    let (media, answer) = declared(&fixture, PART + 5).await;
    send(&fixture, &answer, 2, 2);
    // its URL was signed for another length than the file has there
    let id = answer.body["upload"]["upload_id"].as_str().unwrap();
    let (valid, now) = (domain::SignedDuration::from_mins(15), ports::samples::NOON);
    let short = fixture.objects.sign_part(&media, id, (1, 5), valid, now).await.unwrap();
    assert!(fixture.objects.put_part(&short, vec![1; 5]));
    let refused = complete(&fixture, &media).await;
    refused.is_problem(409, "", "media.parts.missing");
    assert!(refused.text.contains("1 of 2 parts are not there: 1"), "{}", refused.text);
    assert!(fixture.objects.object(&upload_key(&media)).is_none());
}

#[tokio::test]
async fn the_same_declaration_goes_on_with_the_same_upload_and_another_way_is_another_request() {
    let fixture = Fixture::new();
    let (media, first) = declared(&fixture, PART + 5).await;
    send(&fixture, &first, 2, 2);
    let (again, second) = declared(&fixture, PART + 5).await;
    assert!(second.replayed());
    assert_eq!(media, again);
    assert_eq!(first.body["upload"]["upload_id"], second.body["upload"]["upload_id"]);
    assert_eq!(numbers(&second.body["upload"]), [1]);
    let mut at_once = body(PART + 5);
    at_once["upload"] = json!("put");
    declare(&fixture, "k1", &at_once).await.is_problem(422, "", "idempotency_key.reused");
}

#[tokio::test]
async fn a_declaration_that_died_in_the_middle_is_gone_on_with() {
    for (operation, fault) in [
        ("begin_parts", Fault::BeforeEffect),
        ("begin_parts", Fault::AfterEffect),
        ("sign_part", Fault::BeforeEffect),
    ] {
        let fixture = Fixture::new();
        fixture.objects.fail_next(operation, fault, 1);
        declare(&fixture, "k1", &body(PART + 5)).await.is_problem(500, "", "internal");
        let (media, answer) = declared(&fixture, PART + 5).await;
        send(&fixture, &answer, 1, 1);
        send(&fixture, &answer, 2, 2);
        assert_eq!(StatusCode::OK, complete(&fixture, &media).await.status);
    }
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        let fixture = Fixture::new();
        fixture.table.fail_next("note_parts", fault, 1);
        declare(&fixture, "k1", &body(PART + 5)).await.is_problem(500, "", "internal");
        let (media, answer) = declared(&fixture, PART + 5).await;
        send(&fixture, &answer, 1, 1);
        send(&fixture, &answer, 2, 2);
        assert_eq!(StatusCode::OK, complete(&fixture, &media).await.status);
    }
}

#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_complete() {
    let fixture = Fixture::new();
    let (media, answer) = declared(&fixture, 5).await;
    assert_eq!(numbers(&answer.body["upload"]), [1]);
    send(&fixture, &answer, 1, 1);
    fixture.objects.fail_next("join_parts", Fault::AfterEffect, 1);
    complete(&fixture, &media).await.is_problem(500, "", "internal");
    let again = complete(&fixture, &media).await;
    assert_eq!((StatusCode::OK, &json!("probing")), (again.status, &again.body["state"]));
}

#[tokio::test]
async fn parts_that_were_given_up_are_told_so() {
    let fixture = Fixture::new();
    let (media, answer) = declared(&fixture, PART + 5).await;
    send(&fixture, &answer, 1, 1);
    let id = answer.body["upload"]["upload_id"].as_str().unwrap();
    fixture.objects.abort_parts(&media, id).await.unwrap();
    complete(&fixture, &media).await.is_problem(409, "", "media.parts.ended");
    rest(&fixture, &media).await.is_problem(409, "", "media.parts.ended");
}

#[tokio::test]
async fn an_upload_by_one_request_is_signed_anew_and_needs_no_completion() {
    let fixture = Fixture::new();
    let media = fixture.awaited_media(7);
    let answer = rest(&fixture, &media).await;
    assert_eq!((StatusCode::OK, &json!("PUT")), (answer.status, &answer.body["upload"]["method"]));
    complete(&fixture, &media).await.is_problem(409, "", "media.parts.none");
    fixture.probe(&media, 10_000);
    assert_eq!(json!(null), rest(&fixture, &media).await.body["upload"]);
}

#[tokio::test]
async fn a_file_may_have_one_byte_to_four_gigabytes_in_a_hundred_parts_at_most() {
    let cases = [
        (1, 1, PART),
        (PART, 1, PART),
        (PART + 1, 2, PART),
        (100 * PART, 100, PART),
        (100 * PART + 1, 89, 9 << 20),
        (4_000_000_000, 98, 39 << 20),
    ];
    for (size, count, part_size) in cases {
        let fixture = Fixture::new();
        let (_, answer) = declared(&fixture, size).await;
        let upload = &answer.body["upload"];
        assert_eq!((numbers(upload).len(), upload["part_size"].as_u64()), (count, Some(part_size)), "{size}");
    }
    let fixture = Fixture::new();
    declare(&fixture, "k1", &body(4_000_000_001)).await.is_problem(422, "/size", "video.size.max");
    declare(&fixture, "k1", &body(0)).await.is_problem(422, "/size", "field.range");
    let mut other = body(5);
    other["upload"] = json!("by pigeon");
    declare(&fixture, "k1", &other).await.is_problem(422, "/upload", "upload.unsupported");
    let mut checked = body(5);
    checked["sha256"] = json!("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    declare(&fixture, "k1", &checked).await.is_problem(422, "/sha256", "media.sha256.parts");
    assert!(fixture.objects.unfinished().is_empty());
}

#[tokio::test]
async fn an_upload_is_nobody_elses() {
    let fixture = Fixture::new();
    let (media, _) = declared(&fixture, PART + 5).await;
    let path = format!("/v1/media/{media}/upload");
    fixture.get_as(Some(&fixture.them), &path).await.is_problem(404, "", "media.not_found");
    let reader = fixture.key_with(0x77, [domain::Scope::MediaRead]);
    fixture.get_as(Some(&reader), &path).await.is_problem(403, "", "key.scope");
    fixture.get("/v1/media/none/upload").await.is_problem(404, "", "media.not_found");
}
