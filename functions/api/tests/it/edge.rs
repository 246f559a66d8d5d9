use base64::Engine as _;
use domain::SignedDuration;
use http::{Method, StatusCode, header};
use lambda_http::RequestExt as _;
use ports::fakes::Fault;
use ports::samples::{self, NOON};
use ports::{ApiKey, Clock as _};
use serde_json::json;
use tower::ServiceExt as _;

use super::fixture::{CLIENT_SECRET, Fixture, sha256};

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let fixture = Fixture::new();
    assert_eq!(StatusCode::OK, fixture.get_as(None, "/healthz").await.status);
    fixture.get("/v1/nothing").await.is_problem(404, "", "route.not_found");
    let request = fixture.request(Method::DELETE, "/v1/posts").body(axum::body::Body::empty()).unwrap();
    let answer = fixture.send(request).await;
    answer.is_problem(405, "", "method.not_allowed");
    let allow = answer.headers[header::ALLOW].to_str().unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
}

#[tokio::test]
async fn a_key_is_checked_and_believed_for_a_minute() {
    let fixture = Fixture::new();
    fixture.get_as(None, "/v1/posts").await.is_problem(401, "", "key.missing");
    let ask = async |bearer: &str| {
        let request = http::Request::get("/v1/posts").header(header::AUTHORIZATION, bearer);
        fixture.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    let good = fixture.us.bearer.clone();
    let wrong = format!("{}{}", &good[..good.len() - 1], if good.ends_with('1') { '2' } else { '1' });
    let unknown = format!("Bearer slk_{:032x}_{:064x}", 77, 1);
    for bearer in [wrong.as_str(), &unknown, "Bearer x", "Basic YTpi", "Bearer slk__"] {
        let answer = ask(bearer).await;
        answer.is_problem(401, "", "key.invalid");
        assert_eq!("Bearer", answer.headers[header::WWW_AUTHENTICATE]);
    }
    let looked_up = || fixture.table.calls().iter().filter(|call| **call == "key").count();
    fixture.table.forget_calls();
    assert_eq!(StatusCode::OK, ask(&good).await.status);
    assert_eq!(0, looked_up(), "it was seen with a wrong secret");
    let row = |revoked_at, expires_at| ApiKey {
        id: fixture.us.key.clone(),
        workspace: fixture.us.id.clone(),
        secret_sha256: sha256(good.rsplit('_').next().unwrap().as_bytes()),
        expires_at,
        revoked_at,
        ..samples::api_key(0, NOON)
    };
    let now = fixture.clock.now();
    fixture.table.insert_key(row(Some(now), None));
    fixture.clock.advance(SignedDuration::from_secs(59));
    assert_eq!(StatusCode::OK, ask(&good).await.status);
    fixture.clock.advance(SignedDuration::from_secs(1));
    ask(&good).await.is_problem(401, "", "key.revoked");
    assert_eq!(1, looked_up());
    fixture.table.insert_key(row(None, Some(fixture.clock.now() + SignedDuration::from_secs(90))));
    fixture.clock.advance(SignedDuration::from_secs(60));
    assert_eq!(StatusCode::OK, ask(&good).await.status);
    fixture.clock.advance(SignedDuration::from_secs(30));
    let expired = ask(&good).await;
    expired.is_problem(401, "", "key.expired");
    assert!(expired.body["remedy"].as_str().unwrap().contains("another key"));
}

#[tokio::test]
async fn what_fails_inside_stays_inside() {
    let fixture = Fixture::new();
    fixture.table.fail_next("list", Fault::Refused, 1);
    let answer = fixture.get("/v1/posts").await;
    answer.is_problem(500, "", "internal");
    assert!(!answer.text.contains("purpose") && !answer.text.contains("memory"), "{}", answer.text);
}

/// What API Gateway sends, as Lambda hands it over.
pub(super) fn event(
    method: &str,
    path: &str,
    change: impl FnOnce(&mut serde_json::Value),
) -> lambda_http::Request {
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "abc.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc",
            "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            "requestId": "gateway-1",
            "routeKey": "$default",
            "stage": "$default",
            "timeEpoch": 1_793_534_400_000_i64,
        },
        "isBase64Encoded": false,
    });
    change(&mut event);
    let request = lambda_http::request::from_str(&event.to_string()).unwrap();
    let mut context = lambda_http::Context::default();
    context.request_id = "lambda-1".into();
    request.with_lambda_context(context)
}

#[tokio::test]
async fn an_event_of_api_gateway_is_understood_with_its_request_id() {
    let fixture = Fixture::new();
    let answer = fixture.router().oneshot(event("GET", "/v1/posts", |_| ())).await.unwrap();
    assert_eq!(StatusCode::UNAUTHORIZED, answer.status());
    assert_eq!("lambda-1", answer.headers()["x-request-id"]);

    let body = json!({ "event": "unknown", "content": "{}" }).to_string();
    let signature =
        tiktok_sandbox::signature(CLIENT_SECRET, fixture.clock.now().as_second(), body.as_bytes());
    let webhook = event("POST", "/webhooks/tiktok", |event| {
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!(base64::engine::general_purpose::STANDARD.encode(&body));
        event["headers"]["tiktok-signature"] = json!(signature);
    });
    assert_eq!(StatusCode::OK, fixture.router().oneshot(webhook).await.unwrap().status());
}

#[tokio::test]
async fn cookies_are_found_in_the_list_and_in_the_header() {
    let fixture = Fixture::new();
    for in_the_list in [true, false] {
        let link = fixture.post("/v1/connect-links", &json!({})).await;
        let opened = fixture.get_as(None, link.body["url"].as_str().unwrap()).await;
        let back = fixture.consent(opened.headers[header::LOCATION].to_str().unwrap(), "ada", None);
        let query = back.split_once('?').unwrap().1;
        let callback = event("GET", "/oauth/tiktok/callback", |event| {
            event["rawQueryString"] = json!(query);
            if in_the_list {
                event["cookies"] = json!(["a=b", opened.cookie()]);
            } else {
                event["headers"]["cookie"] = json!(format!("a=b; {}", opened.cookie()));
            }
        });
        let answer = fixture.router().oneshot(callback).await.unwrap();
        assert_eq!(StatusCode::OK, answer.status());
    }
}
