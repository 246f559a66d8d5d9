use domain::media::{Container, Original, PhotoProbe, Probe};
use domain::{CreatorId, Problem};
use http::{Method, StatusCode, header};
use ports::samples;
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};

fn body() -> Value {
    json!({ "kind": "video", "content_type": "video/mp4", "size": 30_000_000 })
}

pub(crate) async fn declare(fixture: &Fixture, key: &str, body: &Value) -> Answer {
    let request = fixture
        .request(Method::POST, "/v1/media")
        .header("idempotency-key", key)
        .header(header::CONTENT_TYPE, "application/json");
    fixture.send(request.body(body.to_string().into()).unwrap()).await
}

#[tokio::test]
async fn a_media_is_declared_and_uploaded_by_a_signed_put() {
    let fixture = Fixture::new();
    let sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let mut body = body();
    body["sha256"] = json!(sha256);
    let answer = fixture.post("/v1/media", &body).await;
    assert_eq!(StatusCode::CREATED, answer.status, "{}", answer.text);
    let id = answer.body["id"].as_str().unwrap();
    assert!(id.starts_with("med_"));
    assert_eq!(format!("/v1/media/{id}"), answer.headers[header::LOCATION].to_str().unwrap());
    assert_eq!("awaiting_upload", answer.body["state"]);
    let upload = &answer.body["upload"];
    assert_eq!("PUT", upload["method"]);
    assert!(upload["url"].as_str().unwrap().contains(&format!("up/{id}")));
    assert_eq!("video/mp4", upload["headers"]["content-type"]);
    assert_eq!(sha256, upload["headers"]["x-amz-checksum-sha256"]);
    assert_eq!("2026-11-01T12:15:00Z", upload["expires_at"]);
    let read = fixture.get(&format!("/v1/media/{id}")).await;
    assert_eq!((StatusCode::OK, &json!(null)), (read.status, &read.body["upload"]));
}

#[tokio::test]
async fn a_media_tells_what_the_probe_found_or_what_is_wrong() {
    let fixture = Fixture::new();
    let good = fixture.ready_media(1, 12_345);
    let read = fixture.get(&format!("/v1/media/{good}")).await;
    assert_eq!("ready", read.body["state"]);
    assert_eq!(json!(12_345), read.body["probe"]["duration_ms"]);
    assert_eq!(json!(29.97), read.body["probe"]["frame_rate"]);
    let bad = fixture.awaited_media(2);
    fixture.judge(&bad, Err(vec![Problem::new("", "video.truncated", "cut", "upload the whole file")]));
    let read = fixture.get(&format!("/v1/media/{bad}")).await;
    assert_eq!("rejected", read.body["state"]);
    assert_eq!("video.truncated", read.body["problems"][0]["rule"]);
    assert_eq!("error", read.body["problems"][0]["level"]);
    let theirs = fixture.get_as(Some(&fixture.them), &format!("/v1/media/{good}")).await;
    theirs.is_problem(404, "", "media.not_found");
    fixture.get("/v1/media/none").await.is_problem(404, "", "media.not_found");
}

#[tokio::test]
async fn a_photo_is_declared_and_one_that_tiktok_takes_not_may_be_converted() {
    let fixture = Fixture::new();
    for (content_type, convert, size) in [
        ("image/jpeg", false, 20_000_000),
        ("image/webp", false, 1),
        ("image/jpeg", true, 50_000_000),
        ("image/png", true, 50_000_000),
    ] {
        let body = json!({ "kind": "photo", "content_type": content_type, "size": size, "convert": convert });
        let answer = fixture.post("/v1/media", &body).await;
        assert_eq!(StatusCode::CREATED, answer.status, "{}", answer.text);
        assert_eq!(
            ("photo", convert),
            (answer.body["kind"].as_str().unwrap(), answer.body["convert"] == true)
        );
        assert_eq!(content_type, answer.body["upload"]["headers"]["content-type"]);
    }
    let body = json!({ "kind": "photo", "content_type": "image/png", "size": 50_000_001, "convert": true });
    fixture.post("/v1/media", &body).await.is_problem(422, "/size", "photo.size.max");
}

#[tokio::test]
async fn a_photo_shows_what_it_was_converted_from_and_advice_is_told_as_such() {
    let fixture = Fixture::new();
    let media = fixture.awaited_media(1);
    let original =
        Original { container: Container::Png, width: 3_000, height: 2_000, orientation: 8, size: 9_000_000 };
    let photo = PhotoProbe { converted_from: Some(original), ..samples::photo_probe() };
    let advice = Problem::new("", "photo.colour", "found CMYK", "export it in sRGB").as_advice();
    fixture.judge(&media, Ok((Probe::Photo(photo), vec![advice])));
    let read = fixture.get(&format!("/v1/media/{media}")).await;
    assert_eq!("ready", read.body["state"]);
    assert_eq!(
        json!({
            "format": "jpg", "width": 1_920, "height": 1_080, "orientation": 6, "size": 700_000,
            "converted_from": { "format": "png", "width": 3_000, "height": 2_000, "orientation": 8, "size": 9_000_000 },
        }),
        read.body["probe"]
    );
    assert_eq!(
        ("advice", "photo.colour"),
        (
            read.body["problems"][0]["level"].as_str().unwrap(),
            read.body["problems"][0]["rule"].as_str().unwrap(),
        )
    );
}

#[tokio::test]
async fn a_key_makes_declaring_repeatable() {
    let fixture = Fixture::new();
    let first = declare(&fixture, "k1", &body()).await;
    let again = declare(&fixture, "k1", &body()).await;
    assert_eq!((StatusCode::CREATED, true), (again.status, again.replayed()));
    assert_eq!(first.body["id"], again.body["id"]);
    assert_eq!("PUT", again.body["upload"]["method"]);
    let mut other = body();
    other["size"] = json!(5);
    declare(&fixture, "k1", &other).await.is_problem(422, "", "idempotency_key.reused");
    assert_eq!(1, fixture.table.all_media().len());
    let unkeyed = fixture.post("/v1/media", &body()).await;
    assert_ne!(unkeyed.body["id"], fixture.post("/v1/media", &body()).await.body["id"]);
}

#[tokio::test]
async fn each_mistake_in_a_declaration_is_named() {
    let (fixture, creator) = Fixture::connected().await;
    let cases: Vec<(&str, Value, u16, &str)> = vec![
        ("size", json!(4_000_000_001_u64), 422, "video.size.max"),
        ("size", json!(0), 422, "field.range"),
        ("size", json!(1.5), 422, "field.range"),
        ("size", json!("1"), 422, "field.type"),
        ("size", json!(null), 422, "field.required"),
        ("content_type", json!("image/png"), 422, "media.content_type"),
        ("content_type", json!(null), 422, "field.required"),
        ("sha256", json!("abc"), 422, "media.sha256"),
        ("duration_ms", json!(600_001), 422, "video.duration.max"),
        ("kind", json!("audio"), 422, "kind.unsupported"),
        ("convert", json!(true), 422, "convert.video"),
        ("name", json!("x.mp4"), 422, "field.unknown"),
        ("creator", json!(CreatorId::from_bits(4).as_str()), 404, "creator.not_found"),
    ];
    for (field, value, status, rule) in cases {
        let mut body = body();
        body[field] = value;
        fixture.post("/v1/media", &body).await.is_problem(status, &format!("/{field}"), rule);
    }
    let photo = json!({ "kind": "photo", "content_type": "image/jpeg", "size": 700_000 });
    let cases = [
        ("size", json!(20_000_001), "photo.size.max"),
        ("content_type", json!("video/mp4"), "media.content_type"),
        ("content_type", json!("image/gif"), "media.content_type"),
        ("content_type", json!("image/png"), "photo.format"),
        ("duration_ms", json!(5), "photo.duration"),
    ];
    for (field, value, rule) in cases {
        let mut body = photo.clone();
        body[field] = value;
        fixture.post("/v1/media", &body).await.is_problem(422, &format!("/{field}"), rule);
    }
    let mut long = body();
    (long["duration_ms"], long["creator"]) = (json!(300_001), json!(creator.as_str()));
    fixture.post("/v1/media", &long).await.is_problem(422, "/duration_ms", "video.duration.max");
    assert!(fixture.table.all_media().is_empty());
    long["duration_ms"] = json!(300_000);
    assert_eq!(StatusCode::CREATED, fixture.post("/v1/media", &long).await.status);
}
