//! The door is open to drops alone, and for two things.

use drop_intake::door::{Answer, Odd, Request};
use serde_json::{Value, json};

use super::rig::Rig;

fn request<'a>(rig: &'a domain::CreatorId, path: &'a str, body: &'a Value) -> Request<'a> {
    Request { path, idempotency_key: "k1", creator: rig, json: "drop/ada/harbour.json", body }
}

#[tokio::test]
async fn a_drop_declares_media_and_makes_posts_and_nothing_else() {
    let rig = Rig::new();
    let creator = rig.creator();
    let video = json!({ "kind": "video", "content_type": "video/mp4", "size": 5 });
    assert_eq!(rig.door.answer(request(&creator, "/v1/media", &video).event()).await.status, 201);
    let key = json!({ "name": "mine", "scopes": ["posts:read"] });
    for (path, body) in [("/v1/keys", &key), ("/v1/connect-links", &json!({}))] {
        let answer = rig.door.answer(request(&creator, path, body).event()).await;
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("route.not_found")), "{path}");
    }
}

#[tokio::test]
async fn whoever_comes_through_the_internet_has_no_such_context_and_needs_a_key() {
    let rig = Rig::new();
    let creator = rig.creator();
    let video = json!({ "kind": "video", "content_type": "video/mp4", "size": 5 });
    let said = request(&creator, "/v1/media", &video).event();
    // everything a client can write: headers, query and body
    let mut forged = said.clone();
    forged["requestContext"].as_object_mut().unwrap().remove("authorizer");
    forged["headers"]["slipway_drop"] =
        said["requestContext"]["authorizer"]["lambda"]["slipway_drop"].to_string().into();
    forged["headers"]["x-amzn-request-context"] = said["requestContext"].to_string().into();
    let answer = rig.door.answer(forged).await;
    assert_eq!((answer.status, &answer.body["code"]), (401, &json!("key.missing")));
    // and a context that names nobody opens nothing
    let mut nobody = said;
    nobody["requestContext"]["authorizer"]["lambda"]["slipway_drop"] = json!({ "creator": 7 });
    let answer = rig.door.answer(nobody).await;
    assert_eq!((answer.status, &answer.body["errors"][0]["rule"]), (404, &json!("creator.not_found")));
}

#[test]
fn an_answer_that_is_none_is_told_from_one() {
    assert!(matches!(Answer::read(b"{\"errorMessage\":\"out of memory\"}"), Err(Odd::Unreadable(_))));
    assert!(matches!(Answer::read(b"null"), Err(Odd::Unreadable(_))));
    assert!(matches!(Answer::read(br#"{"statusCode":502,"body":"<html>"}"#), Err(Odd::Unreadable(_))));
    let good = Answer::read(br#"{"statusCode":202,"body":"{\"id\":\"pst_1\"}","cookies":[]}"#).unwrap();
    assert_eq!(good, Answer { status: 202, body: json!({ "id": "pst_1" }) });
}
