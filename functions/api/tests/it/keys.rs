use domain::Scope;
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture, Workspace};

/// Every route that wants a key, and the scope it wants.
const ROUTES: [(Method, &str, Scope); 9] = [
    (Method::POST, "/v1/posts", Scope::PostsWrite),
    (Method::GET, "/v1/posts", Scope::PostsRead),
    (Method::GET, "/v1/posts/{id}", Scope::PostsRead),
    (Method::POST, "/v1/media", Scope::MediaWrite),
    (Method::GET, "/v1/media/{id}", Scope::MediaRead),
    (Method::GET, "/v1/creators", Scope::CreatorsRead),
    (Method::GET, "/v1/creators/{id}", Scope::CreatorsRead),
    (Method::GET, "/v1/creators/{id}/creator-info", Scope::CreatorsRead),
    (Method::POST, "/v1/connect-links", Scope::CreatorsWrite),
];

/// The routes that want none.
const OPEN: [(Method, &str); 4] = [
    (Method::GET, "/healthz"),
    (Method::GET, "/connect/{token}"),
    (Method::GET, "/oauth/tiktok/callback"),
    (Method::POST, "/webhooks/tiktok"),
];

impl Fixture {
    async fn ask(
        &self,
        who: &Workspace,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Answer {
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, &who.bearer)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(body.to_string().into()).unwrap()).await
    }
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.body[field].as_str().unwrap_or_else(|| panic!("`{field}` in {}", answer.text))
}

#[test]
fn every_route_is_known_to_want_a_scope_or_nothing() {
    let source = include_str!("../../src/lib.rs");
    let source = source.split_once("Router::new()").unwrap().1.split_once(".fallback(").unwrap().0;
    let mut served = Vec::new();
    for route in source.split(".route(").skip(1) {
        let path = route.split('"').nth(1).unwrap();
        for (word, method) in [
            ("get(to!", Method::GET),
            ("post(to!", Method::POST),
            ("put(to!", Method::PUT),
            ("patch(to!", Method::PATCH),
            ("delete(to!", Method::DELETE),
        ] {
            if route.contains(word) {
                served.push(format!("{method} {path}"));
            }
        }
    }
    let wanted = ROUTES.iter().map(|(method, path, _)| format!("{method} {path}"));
    let open = OPEN.iter().map(|(method, path)| format!("{method} {path}"));
    let mut known: Vec<String> = wanted.chain(open).collect();
    served.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, served);
}

#[tokio::test]
async fn each_route_wants_its_scope_and_no_other() {
    let fixture = Fixture::new();
    for ((method, path, scope), number) in ROUTES.into_iter().zip(0x100..) {
        let path = path.replace("{id}", "none");
        let others = fixture.key_with(number, Scope::ALL.into_iter().filter(|other| *other != scope));
        let refused = fixture.ask(&others, method.clone(), &path, Some("k"), &json!({})).await;
        refused.is_problem(403, "", "key.scope");
        let (detail, remedy) = (text(&refused, "detail"), text(&refused, "remedy"));
        let (needed, has) = detail.split_once(',').unwrap();
        assert!(needed.contains(&format!("`{scope}`")) && remedy.contains(&format!("`{scope}`")), "{detail}");
        assert!(!has.contains(&format!("`{scope}`")), "{detail}");
        for other in Scope::ALL.into_iter().filter(|other| *other != scope) {
            assert!(has.contains(&format!("`{other}`")), "{detail}");
        }
        let just_it = fixture.key_with(number << 16, [scope]);
        let answer = fixture.ask(&just_it, method.clone(), &path, Some("k"), &json!({})).await;
        let told = (answer.status != StatusCode::UNAUTHORIZED, answer.status != StatusCode::FORBIDDEN);
        assert_eq!((true, true), told, "{method} {path}: {}", answer.text);
    }
    let nothing = fixture.key_with(0x99, []);
    let refused = fixture.get_as(Some(&nothing), "/v1/posts").await;
    assert!(text(&refused, "detail").ends_with("the API key has none"), "{}", refused.text);
}
