//! What every route has: the document, problems, request ids, limits, other origins.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use axum::body::Body;
use domain::{RULES, SignedDuration};
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::fixture::{BASE, Fixture};

fn operations(document: &Value) -> Vec<(String, Method, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, it)| (path.clone(), method.to_uppercase().parse().unwrap(), it.clone()))
    });
    methods.collect()
}

#[test]
fn the_files_are_what_the_code_says() {
    let again = "make them anew: cargo run -p api --example document";
    assert!(api::document::openapi_json() == include_str!("../../assets/openapi.json"), "{again}");
    assert!(api::document::page() == include_str!("../../assets/docs.html"), "{again}");
}

#[tokio::test]
async fn every_route_of_the_document_answers_and_takes_no_other_method() {
    let fixture = Fixture::new();
    let document = api::document::document();
    let mut methods: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (path, method, operation) in operations(&document) {
        let uri = path.replace("{id}", "nonsense").replace("{token}", "nonsense");
        let request = Request::builder().method(method.clone()).uri(&uri).body(Body::empty()).unwrap();
        let answer = fixture.send(request).await;
        let status = answer.status.as_u16().to_string();
        assert!(
            operation["responses"].get(&status).is_some(),
            "{method} {path} answers {status}: {}",
            answer.text
        );
        assert_ne!(json!("route.not_found"), answer.body["code"], "{method} {path}");
        methods.entry(uri).or_default().insert(method.to_string());
    }
    for (uri, documented) in methods {
        let request = Request::builder().method("TRACE").uri(&uri).body(Body::empty()).unwrap();
        let answer = fixture.send(request).await;
        answer.is_problem(405, "", "method.not_allowed");
        let allow = answer.headers[header::ALLOW].to_str().unwrap().to_owned();
        let allowed: BTreeSet<String> =
            allow.split(',').filter(|it| *it != "HEAD").map(str::to_owned).collect();
        assert_eq!(documented, allowed, "{uri}");
    }
}

#[tokio::test]
async fn what_bodies_hold_is_what_the_document_says() {
    let fixture = Fixture::new();
    let document = api::document::document();
    let mut seen = 0;
    for (path, method, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) else { continue };
        let own = fixture.us.key.as_str();
        let uri = if path.contains("keys/") { path.replace("{id}", own) } else { path.clone() };
        if uri.contains("{id}") {
            continue; // the post has to be there first
        }
        let request = fixture
            .request(method, &uri)
            .header("idempotency-key", "k1")
            .header(header::CONTENT_TYPE, "application/json");
        let answer = fixture.send(request.body(json!({ "zz": 1 }).to_string().into()).unwrap()).await;
        let errors = answer.body["errors"].as_array().unwrap();
        let unknown = errors.iter().find(|it| it["param"] == "/zz").unwrap();
        let remedy = unknown["remedy"].as_str().unwrap();
        let read: BTreeSet<&str> = remedy.split('`').skip(1).step_by(2).collect();
        let documented = document["components"]["schemas"][name]["properties"].as_object().unwrap();
        assert_eq!(documented.keys().map(String::as_str).collect::<BTreeSet<_>>(), read, "{name}");
        seen += 1;
    }
    assert_eq!(7, seen);
}

#[tokio::test]
async fn document_page_and_rules_are_public_and_compressed_if_that_is_asked_for() {
    let fixture = Fixture::new();
    let document = fixture.get_as(None, "/openapi.json").await;
    assert_eq!((StatusCode::OK, "3.1.0"), (document.status, document.body["openapi"].as_str().unwrap()));
    for path in ["/openapi.json", "/docs"] {
        let plain = fixture.get_as(None, path).await;
        let request = Request::get(path).header(header::ACCEPT_ENCODING, "br, gzip;q=0.8");
        let response = fixture.router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!("gzip", response.headers()[header::CONTENT_ENCODING]);
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert!(text == plain.text && bytes.len() * 4 < text.len(), "{path}");
    }
    let page = fixture.get_as(None, "/docs").await;
    assert!(
        page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'")
    );
    assert!(!page.text.contains("<script") && !page.text.contains("src="), "the page needs nothing else");
    for rule in RULES {
        assert!(page.text.contains(&format!("id=\"rule-{}\"", rule.id)), "{}", rule.id);
    }
    let rules = fixture.get_as(None, "/v1/rules").await;
    assert_eq!(RULES.len(), rules.body["data"].as_array().unwrap().len());
    assert_eq!(json!(format!("{BASE}/docs#rule-app.breaker.open")), rules.body["data"][0]["url"]);
}

#[tokio::test]
async fn a_problem_leads_to_its_rule_and_has_every_member() {
    let fixture = Fixture::new();
    let answer = fixture.get("/v1/posts?limit=0").await;
    let members: BTreeSet<&str> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "type",
        "title",
        "status",
        "detail",
        "code",
        "param",
        "rule",
        "source",
        "retryable",
        "retry_at",
        "remedy",
        "tiktok",
        "request_id",
        "level",
        "errors",
    ];
    assert_eq!(BTreeSet::from(expected), members);
    assert_eq!(json!(format!("{BASE}/docs#rule-field.range")), answer.body["type"]);
    assert_eq!("application/problem+json", answer.headers[header::CONTENT_TYPE]);
}

#[tokio::test]
async fn nothing_is_ignored_silently() {
    let fixture = Fixture::new();
    fixture.get("/v1/app-status?verbose=1").await.is_problem(422, "/verbose", "field.unknown");
    fixture.get("/v1/posts?limit=1&limit=2").await.is_problem(422, "/limit", "field.repeated");
    let ask = async |name: header::HeaderName, value: &str, body: &str| {
        let request = fixture
            .request(Method::POST, "/v1/connect-links")
            .header(header::CONTENT_TYPE, "application/json")
            .header(name, value);
        fixture.send(request.body(body.to_owned().into()).unwrap()).await
    };
    ask(header::ACCEPT, "text/html, application/json;q=0", "{}").await.is_problem(406, "", "not_acceptable");
    ask(header::CONTENT_ENCODING, "gzip", "{}").await.is_problem(415, "", "content_encoding.unsupported");
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    ask(header::ACCEPT, "*/*", &deep).await.is_problem(400, "", "json.depth");
    let flat = format!("{{\"a\":\"{}\"}}", "[".repeat(40));
    ask(header::ACCEPT, "application/*", &flat).await.is_problem(422, "/a", "field.unknown");
    assert_eq!(StatusCode::CREATED, ask(header::ACCEPT, "text/html, */*;q=0.1", "{}").await.status);
}

#[tokio::test]
async fn a_request_id_that_fits_a_log_is_kept() {
    let fixture = Fixture::new();
    let ask = async |id: &str| {
        let request = Request::get("/v1/posts").header("x-request-id", id).body(Body::empty()).unwrap();
        let answer = fixture.send(request).await;
        assert_eq!(answer.headers["x-request-id"].to_str().unwrap(), answer.body["request_id"]);
        answer.body["request_id"].as_str().unwrap().to_owned()
    };
    assert_eq!("0af7-651.916:cd/43", ask("0af7-651.916:cd/43").await);
    for insane in ["", "a b", "{\"x\":1}", &"x".repeat(129)] {
        let made = ask(insane).await;
        assert!(made != insane && made.len() == 32, "{made}");
    }
}

#[tokio::test]
async fn what_tiktok_still_takes_is_told() {
    let (fixture, creator) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_secs(90));
    let asked = fixture.get(&format!("/v1/creators/{creator}/creator-info")).await;
    let header =
        |answer: &super::fixture::Answer, name: &str| answer.headers[name].to_str().unwrap().to_owned();
    assert_eq!(
        "\"tiktok-init\";q=6;w=62, \"tiktok-creator-info\";q=20;w=84",
        header(&asked, "ratelimit-policy")
    );
    assert_eq!("\"tiktok-init\";r=6, \"tiktok-creator-info\";r=19;t=84", header(&asked, "ratelimit"));
    for _ in 0..19 {
        fixture.get(&format!("/v1/creators/{creator}/creator-info")).await;
    }
    fixture.clock.advance(SignedDuration::from_secs(20));
    let spent = fixture.get(&format!("/v1/creators/{creator}/creator-info")).await;
    spent.is_problem(429, "", "creator_info.rate_limited");
    assert_eq!("\"tiktok-creator-info\";r=0;t=64", header(&spent, "ratelimit"));
    assert_eq!("64", header(&spent, "retry-after"));
    let read = fixture.get(&format!("/v1/creators/{creator}")).await;
    assert_eq!("\"tiktok-init\";r=6, \"tiktok-creator-info\";r=0;t=64", header(&read, "ratelimit"));
    let media = fixture.ready_media(1, 10_000);
    let accepted = fixture.create("k1", &Fixture::post_body(&creator, &media)).await;
    assert_eq!("\"tiktok-init\";q=6;w=62", header(&accepted, "ratelimit-policy"));
}

#[tokio::test]
async fn pages_of_other_origins_read_what_is_public_and_the_rest_only_if_they_are_named() {
    let fixture = Fixture::new();
    let ask = async |method: &str, path: &str, origin: &str| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
        let answer = fixture.send(request.body(Body::empty()).unwrap()).await;
        let allowed = answer.headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        (answer.status.as_u16(), allowed.map(|it| it.to_str().unwrap().to_owned()), answer)
    };
    let ours = "https://app.example";
    let (status, allowed, preflight) = ask("OPTIONS", "/v1/posts", ours).await;
    assert_eq!((200, Some(ours)), (status, allowed.as_deref()));
    let headers = preflight.headers[header::ACCESS_CONTROL_ALLOW_HEADERS].to_str().unwrap();
    assert!(headers.contains("idempotency-key") && headers.contains("authorization"), "{headers}");
    assert!(!preflight.headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    let (status, allowed, answer) = ask("GET", "/v1/posts", ours).await;
    assert_eq!((401, Some(ours)), (status, allowed.as_deref()), "a page may read why it is refused");
    let exposed = answer.headers[header::ACCESS_CONTROL_EXPOSE_HEADERS].to_str().unwrap();
    assert!(exposed.contains("x-request-id") && exposed.contains("ratelimit"), "{exposed}");
    let stranger = "https://app.example.evil";
    assert_eq!(None, ask("OPTIONS", "/v1/posts", stranger).await.1);
    assert_eq!(None, ask("GET", "/v1/posts", stranger).await.1);
    for public in ["/openapi.json", "/docs", "/v1/rules"] {
        assert_eq!(Some(stranger.to_owned()), ask("GET", public, stranger).await.1, "{public}");
    }
}
