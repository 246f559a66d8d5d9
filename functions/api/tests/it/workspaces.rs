//! Every resource belongs to a workspace: another one's looks exactly like a missing one, and is found out by no more reads.

use http::{Method, header};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture, Workspace};

async fn ask(fixture: &Fixture, who: &Workspace, method: &Method, path: &str, body: &Value) -> Answer {
    let request = http::Request::builder()
        .method(method.clone())
        .uri(path)
        .header(header::AUTHORIZATION, &who.bearer)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", "k2");
    fixture.send(request.body(body.to_string().into()).unwrap()).await
}

/// An answer without what differs between any two requests, and how often the store was asked for it.
async fn told(fixture: &Fixture, method: &Method, path: &str, body: &Value) -> (u16, Value, usize) {
    // the key's own look-up is over
    ask(fixture, &fixture.them, &Method::GET, "/v1/creators", &json!({})).await;
    fixture.table.forget_calls();
    let mut answer = ask(fixture, &fixture.them, method, path, body).await;
    answer.body["request_id"] = json!(null);
    (answer.status.as_u16(), answer.body, fixture.table.calls().len())
}

#[tokio::test]
async fn another_workspaces_resource_is_told_from_a_missing_one_by_nothing() {
    let (fixture, ada) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    let post = fixture.create("k1", &Fixture::post_body(&ada, &media)).await;
    let post = post.body["id"].as_str().unwrap().to_owned();
    let (key, none) = (fixture.us.key.to_string(), "0".repeat(32));
    let writes = fixture.queues.waiting().len();
    let paths = [
        (Method::GET, "/v1/posts/ID", &post, "pst_"),
        (Method::PATCH, "/v1/posts/ID", &post, "pst_"),
        (Method::POST, "/v1/posts/ID/publish", &post, "pst_"),
        (Method::POST, "/v1/posts/ID/cancel", &post, "pst_"),
        (Method::POST, "/v1/posts/ID/retry", &post, "pst_"),
        (Method::POST, "/v1/posts/ID/resolve", &post, "pst_"),
        (Method::GET, "/v1/media/ID", &media.to_string(), "med_"),
        (Method::GET, "/v1/creators/ID", &ada.to_string(), "crt_"),
        (Method::GET, "/v1/creators/ID/creator-info", &ada.to_string(), "crt_"),
        (Method::GET, "/v1/creators/ID/health", &ada.to_string(), "crt_"),
        (Method::DELETE, "/v1/creators/ID", &ada.to_string(), "crt_"),
        (Method::DELETE, "/v1/keys/ID", &key, "key_"),
        (Method::POST, "/v1/keys/ID/rotate", &key, "key_"),
    ];
    for (method, path, ours, prefix) in paths {
        let body = json!({});
        let ours = told(&fixture, &method, &path.replace("ID", ours), &body).await;
        let missing = told(&fixture, &method, &path.replace("ID", &format!("{prefix}{none}")), &body).await;
        assert_eq!(404, ours.0, "{method} {path}");
        assert_eq!((&ours.0, &ours.1), (&missing.0, &missing.1), "{method} {path}");
        assert!(ours.2 <= missing.2, "{method} {path}: {} reads, a missing one takes {}", ours.2, missing.2);
    }

    let mut body = Fixture::post_body(&ada, &media);
    let of_ours = told(&fixture, &Method::POST, "/v1/posts", &body).await;
    body["creator"] = json!(format!("crt_{none}"));
    body["media"][0]["id"] = json!(format!("med_{none}"));
    let of_none = told(&fixture, &Method::POST, "/v1/posts", &body).await;
    assert_eq!((404, &of_none.1), (of_ours.0, &of_ours.1));
    assert!(of_ours.2 <= of_none.2);

    let link = |creator: &str| json!({ "creator": creator });
    let of_ours = told(&fixture, &Method::POST, "/v1/connect-links", &link(ada.as_str())).await;
    let of_none = told(&fixture, &Method::POST, "/v1/connect-links", &link(&format!("crt_{none}"))).await;
    assert_eq!((404, &of_none.1), (of_ours.0, &of_ours.1));
    assert!(of_ours.2 <= of_none.2);

    for list in ["/v1/posts", "/v1/creators", "/v1/events"] {
        let (_, body, _) = told(&fixture, &Method::GET, list, &json!({})).await;
        assert_eq!(json!([]), body["data"], "{list}");
    }
    assert_eq!(writes, fixture.queues.waiting().len(), "nothing was sent");
    assert_eq!(1, fixture.table.posts().len());
    assert_eq!(1, fixture.table.accounts().len());
}
