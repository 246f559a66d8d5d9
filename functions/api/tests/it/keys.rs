use domain::{KeyId, Scope, SignedDuration};
use http::{Method, StatusCode, header};
use ports::fakes::Fault;
use ports::{ApiKey, Clock as _};
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture, Workspace, sha256};

/// Every route that wants a key, and the scope it wants.
const ROUTES: [(Method, &str, Scope); 38] = [
    (Method::POST, "/v1/posts", Scope::PostsWrite),
    (Method::GET, "/v1/posts", Scope::PostsRead),
    (Method::GET, "/v1/posts/{id}", Scope::PostsRead),
    (Method::POST, "/v1/posts/bulk", Scope::PostsWrite),
    (Method::PATCH, "/v1/posts/{id}", Scope::PostsWrite),
    (Method::POST, "/v1/posts/{id}/publish", Scope::PostsWrite),
    (Method::POST, "/v1/posts/{id}/cancel", Scope::PostsWrite),
    (Method::POST, "/v1/posts/{id}/retry", Scope::PostsWrite),
    (Method::POST, "/v1/posts/{id}/resolve", Scope::PostsWrite),
    (Method::POST, "/v1/media", Scope::MediaWrite),
    (Method::GET, "/v1/media/{id}", Scope::MediaRead),
    (Method::GET, "/v1/media", Scope::MediaRead),
    (Method::DELETE, "/v1/media/{id}", Scope::MediaWrite),
    (Method::GET, "/v1/media/{id}/upload", Scope::MediaWrite),
    (Method::POST, "/v1/media/{id}/complete", Scope::MediaWrite),
    (Method::GET, "/v1/creators", Scope::CreatorsRead),
    (Method::GET, "/v1/creators/{id}", Scope::CreatorsRead),
    (Method::GET, "/v1/creators/{id}/creator-info", Scope::CreatorsRead),
    (Method::DELETE, "/v1/creators/{id}", Scope::CreatorsWrite),
    (Method::GET, "/v1/creators/{id}/health", Scope::CreatorsRead),
    (Method::POST, "/v1/connect-links", Scope::CreatorsWrite),
    (Method::GET, "/v1/events", Scope::EventsRead),
    (Method::GET, "/v1/event-types", Scope::EventsRead),
    (Method::POST, "/v1/webhook-endpoints", Scope::WebhooksWrite),
    (Method::GET, "/v1/webhook-endpoints", Scope::WebhooksRead),
    (Method::GET, "/v1/webhook-endpoints/{id}", Scope::WebhooksRead),
    (Method::PATCH, "/v1/webhook-endpoints/{id}", Scope::WebhooksWrite),
    (Method::DELETE, "/v1/webhook-endpoints/{id}", Scope::WebhooksWrite),
    (Method::POST, "/v1/webhook-endpoints/{id}/rotate-secret", Scope::WebhooksWrite),
    (Method::POST, "/v1/webhook-endpoints/{id}/test", Scope::WebhooksWrite),
    (Method::POST, "/v1/webhook-endpoints/{id}/redeliver", Scope::WebhooksWrite),
    (Method::GET, "/v1/webhook-endpoints/{id}/deliveries", Scope::WebhooksRead),
    (Method::GET, "/v1/app-status", Scope::AppRead),
    (Method::PUT, "/v1/app-status/verification-file", Scope::AppWrite),
    (Method::POST, "/v1/keys", Scope::KeysWrite),
    (Method::GET, "/v1/keys", Scope::KeysRead),
    (Method::DELETE, "/v1/keys/{id}", Scope::KeysWrite),
    (Method::POST, "/v1/keys/{id}/rotate", Scope::KeysWrite),
];

/// The routes that want none.
const OPEN: [(Method, &str); 7] = [
    (Method::GET, "/healthz"),
    (Method::GET, "/openapi.json"),
    (Method::GET, "/docs"),
    (Method::GET, "/v1/rules"),
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

    async fn make(&self, key: &str, body: &Value) -> Answer {
        self.ask(&self.us, Method::POST, "/v1/keys", Some(key), body).await
    }

    async fn rotate(&self, id: &str, key: Option<&str>, body: &Value) -> Answer {
        self.ask(&self.us, Method::POST, &format!("/v1/keys/{id}/rotate"), key, body).await
    }

    async fn revoke(&self, id: &str) -> Answer {
        self.ask(&self.us, Method::DELETE, &format!("/v1/keys/{id}"), None, &json!({})).await
    }

    /// What a holder of this secret is told when asking for posts.
    async fn posts_with(&self, secret: &str) -> Answer {
        let request =
            http::Request::get("/v1/posts").header(header::AUTHORIZATION, format!("Bearer {secret}"));
        self.send(request.body(axum::body::Body::empty()).unwrap()).await
    }

    fn row(&self, id: &str) -> ApiKey {
        self.table.api_keys().into_iter().find(|key| key.id.as_str() == id).expect("the key has a row")
    }
}

fn laptop() -> Value {
    json!({ "name": "laptop", "scopes": ["posts:write", "posts:read"] })
}

fn text<'a>(answer: &'a Answer, field: &str) -> &'a str {
    answer.body[field].as_str().unwrap_or_else(|| panic!("`{field}` in {}", answer.text))
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn every_route_is_known_to_want_a_scope_or_nothing() {
    let document = api::document::document();
    let paths = document["paths"].as_object().unwrap();
    let mut served: Vec<String> = paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    for (method, path, scope) in ROUTES {
        let documented = &document["paths"][path][method.as_str().to_lowercase()]["x-scope"];
        assert_eq!(scope.as_str(), documented, "{method} {path}");
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

#[tokio::test]
async fn a_key_is_made_and_works_within_its_scopes_until_it_expires() {
    let fixture = Fixture::new();
    let mut body = laptop();
    body["expires_at"] = json!("2026-11-01T14:30:00.5+02:00");
    let made = fixture.post("/v1/keys", &body).await;
    assert_eq!(StatusCode::CREATED, made.status, "{}", made.text);
    let (id, prefix, secret) = (text(&made, "id"), text(&made, "prefix"), text(&made, "secret"));
    assert_eq!(format!("slk_{}", id.strip_prefix("key_").unwrap()), prefix);
    let hidden = secret.strip_prefix(&format!("{prefix}_")).unwrap();
    assert_eq!(64, hidden.len());
    assert_eq!(sha256(hidden.as_bytes()), fixture.row(id).secret_sha256);
    let shown = json!({
        "id": id, "name": "laptop", "prefix": prefix, "secret": secret,
        "scopes": ["posts:read", "posts:write"],
        "created_at": "2026-11-01T12:00:00Z", "last_used_at": null,
        "expires_at": "2026-11-01T12:30:00.5Z", "revoked_at": null, "replaces": null,
    });
    assert_eq!(shown, made.body);
    assert!(!made.replayed());

    assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status);
    let holder =
        Workspace { id: fixture.us.id.clone(), key: id.parse().unwrap(), bearer: format!("Bearer {secret}") };
    fixture.get_as(Some(&holder), "/v1/creators").await.is_problem(403, "", "key.scope");
    fixture.clock.advance(seconds(1_800));
    assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status);
    fixture.clock.advance(SignedDuration::from_millis(500));
    fixture.posts_with(secret).await.is_problem(401, "", "key.expired");
}

#[tokio::test]
async fn keys_made_without_an_idempotency_key_differ() {
    let fixture = Fixture::new();
    let first = fixture.post("/v1/keys", &laptop()).await;
    let second = fixture.post("/v1/keys", &laptop()).await;
    assert_ne!(first.body["id"], second.body["id"]);
    let hidden = |made: &Answer| text(made, "secret").rsplit('_').next().unwrap().to_owned();
    assert_ne!(hidden(&first), hidden(&second));
}

#[tokio::test]
async fn a_list_shows_neither_secret_nor_hash() {
    let fixture = Fixture::new();
    let mut secrets = vec![fixture.us.bearer.rsplit('_').next().unwrap().to_owned()];
    for name in ["one", "two", "three"] {
        fixture.clock.advance(seconds(1));
        let made = fixture.make(name, &json!({ "name": name, "scopes": ["posts:read"] })).await;
        secrets.push(text(&made, "secret").rsplit('_').next().unwrap().to_owned());
    }
    let first = fixture.get("/v1/keys?limit=3").await;
    let cursor = text(&first, "next_cursor");
    let rest = fixture.get(&format!("/v1/keys?limit=3&cursor={cursor}")).await;
    assert_eq!(json!(null), rest.body["next_cursor"]);
    let data = |page: &Answer| page.body["data"].as_array().unwrap().clone();
    let listed: Vec<Value> = [data(&first), data(&rest)].concat();
    let names: Vec<_> = listed.iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(["three", "two", "one", "Ada's laptop"].to_vec(), names);
    for (key, row) in listed.iter().map(|key| (key, fixture.row(key["id"].as_str().unwrap()))) {
        let mut fields: Vec<&String> = key.as_object().unwrap().keys().collect();
        fields.sort_unstable();
        let shown = [
            "created_at",
            "expires_at",
            "id",
            "last_used_at",
            "name",
            "prefix",
            "replaces",
            "revoked_at",
            "scopes",
        ];
        assert_eq!(shown.to_vec(), fields);
        let hash = row.secret_sha256.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        for page in [&first, &rest] {
            assert!(secrets.iter().all(|secret| !page.text.contains(secret)) && !page.text.contains(&hash));
        }
    }
    fixture.get("/v1/keys?limit=0&x=1").await.problems();
    let theirs = fixture.get_as(Some(&fixture.them), "/v1/keys").await;
    assert_eq!(1, data(&theirs).len(), "{}", theirs.text);
}

#[tokio::test]
async fn a_repeat_makes_one_key_and_tells_its_secret_again() {
    let fixture = Fixture::new();
    let mut body = laptop();
    body["expires_at"] = json!("2026-11-01T13:00:00Z");
    let first = fixture.make("k1", &body).await;
    assert_eq!(StatusCode::CREATED, first.status, "{}", first.text);
    let secret = text(&first, "secret");
    // whatever has become of it since
    fixture.clock.advance(seconds(5));
    assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status);
    assert_eq!(StatusCode::CREATED, fixture.rotate(text(&first, "id"), None, &json!({})).await.status);
    let rows = fixture.table.api_keys().len();
    for pass in [0, 3_600] {
        fixture.clock.advance(seconds(pass));
        let again = fixture.make("k1", &body).await;
        assert_eq!((StatusCode::CREATED, &first.text, true), (again.status, &again.text, again.replayed()));
    }
    assert_eq!(StatusCode::OK, fixture.revoke(text(&first, "id")).await.status);
    assert_eq!(first.text, fixture.make("k1", &body).await.text);
    assert_eq!(rows, fixture.table.api_keys().len());

    let mut other = laptop();
    other["name"] = json!("desktop");
    fixture.make("k1", &other).await.is_problem(422, "", "idempotency_key.reused");
    let fresh = fixture.make("k2", &laptop()).await;
    assert_ne!(first.body["id"], fresh.body["id"]);
    let theirs = fixture.ask(&fixture.them, Method::POST, "/v1/keys", Some("k2"), &laptop()).await;
    assert_ne!(fresh.body["id"], theirs.body["id"], "an Idempotency-Key belongs to a workspace");
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_by_the_repeat() {
    let fixture = Fixture::new();
    fixture.table.fail_next("create_key", Fault::AfterEffect, 1);
    fixture.make("k1", &laptop()).await.is_problem(500, "", "internal");
    let made = fixture.make("k1", &laptop()).await;
    assert_eq!((StatusCode::CREATED, true), (made.status, made.replayed()));
    assert_eq!(StatusCode::OK, fixture.posts_with(text(&made, "secret")).await.status);

    // cut off between the new key and the end of the old one
    let id = text(&made, "id");
    fixture.table.fail_next("retire_key", Fault::BeforeEffect, 1);
    fixture.rotate(id, Some("k2"), &json!({ "grace_seconds": 60 })).await.is_problem(500, "", "internal");
    assert_eq!(None, fixture.row(id).retires_at);
    let asked = fixture.clock.now();
    fixture.clock.advance(seconds(30));
    let rotated = fixture.rotate(id, Some("k2"), &json!({ "grace_seconds": 60 })).await;
    assert_eq!((StatusCode::CREATED, true), (rotated.status, rotated.replayed()));
    assert_eq!(Some(asked + seconds(60)), fixture.row(id).retires_at, "the grace began with the new key");
}

#[tokio::test]
async fn a_key_gives_only_what_it_has() {
    let fixture = Fixture::new();
    let few = fixture.key_with(0x100, [Scope::KeysWrite, Scope::PostsRead]);
    let body = json!({ "name": "x", "scopes": ["posts:read", "posts:write", "app:write"] });
    let refused = fixture.ask(&few, Method::POST, "/v1/keys", Some("k1"), &body).await;
    let rule = |at: &str| (at.to_owned(), "key.scopes.beyond".to_owned());
    assert_eq!((422, vec![rule("/scopes/1"), rule("/scopes/2")]), refused.problems());
    for (error, scope) in [(0, "`posts:write`"), (1, "`app:write`")] {
        assert!(
            refused.body["errors"][error]["detail"].as_str().unwrap().contains(scope),
            "{}",
            refused.text
        );
    }
    let made = fixture.make("k1", &body).await;
    assert_eq!((StatusCode::CREATED, false), (made.status, made.replayed()), "by a key that has them");
    let again = fixture.ask(&few, Method::POST, "/v1/keys", Some("k1"), &body).await;
    assert_eq!(422, again.status, "a repeat tells the secret to nobody who could not have made the key");

    let id = text(&made, "id");
    for (method, path) in
        [(Method::DELETE, format!("/v1/keys/{id}")), (Method::POST, format!("/v1/keys/{id}/rotate"))]
    {
        let refused = fixture.ask(&few, method, &path, None, &json!({})).await;
        refused.is_problem(403, "", "key.stronger");
        let detail = text(&refused, "detail");
        assert!(detail.ends_with("`posts:write`, `app:write`"), "{detail}");
    }
    assert_eq!((None, None), (fixture.row(id).revoked_at, fixture.row(id).retires_at));
    let own = format!("/v1/keys/{}", few.key);
    assert_eq!(StatusCode::OK, fixture.ask(&few, Method::DELETE, &own, None, &json!({})).await.status);
}

#[tokio::test]
async fn each_mistake_is_named_with_its_remedy() {
    let fixture = Fixture::new();
    let more_than_all = vec!["posts:read"; Scope::ALL.len() + 1];
    let cases: Vec<(&str, Value, &str, &str)> = vec![
        ("name", json!(null), "/name", "field.required"),
        ("name", json!(7), "/name", "field.type"),
        ("name", json!(""), "/name", "key.name"),
        ("name", json!("  "), "/name", "key.name"),
        ("name", json!("a\nb"), "/name", "key.name"),
        ("name", json!("é".repeat(81)), "/name", "key.name"),
        ("scopes", json!(null), "/scopes", "field.required"),
        ("scopes", json!("posts:read"), "/scopes", "field.type"),
        ("scopes", json!([]), "/scopes", "field.length"),
        ("scopes", json!(more_than_all), "/scopes", "field.length"),
        ("scopes", json!(["posts:read", "posts"]), "/scopes/1", "key.scopes.unknown"),
        ("scopes", json!([["posts:read"]]), "/scopes/0", "field.type"),
        ("expires_at", json!(1), "/expires_at", "field.type"),
        ("expires_at", json!("tomorrow"), "/expires_at", "time.format"),
        ("expires_at", json!("2027-01-31T18:00:00"), "/expires_at", "time.format"),
        ("expires_at", json!("2026-11-01T12:00:00Z"), "/expires_at", "key.expires_at.past"),
        ("workspace", json!("wks_1"), "/workspace", "field.unknown"),
    ];
    let before = fixture.table.api_keys();
    for (field, value, param, rule) in cases {
        let mut body = laptop();
        body[field] = value;
        fixture.post("/v1/keys", &body).await.is_problem(422, param, rule);
    }
    let all = json!({ "name": "", "scopes": ["x"], "expires_at": "2020-01-01T00:00:00Z", "more": 1 });
    let found = fixture.post("/v1/keys", &all).await.problems().1;
    let params: Vec<_> = found.iter().map(|(param, _)| param.as_str()).collect();
    assert_eq!(["/name", "/scopes/0", "/more", "/expires_at"].to_vec(), params);
    fixture.make(&"k".repeat(256), &laptop()).await.is_problem(400, "", "idempotency_key.format");
    fixture.post("/v1/keys", &json!([])).await.is_problem(422, "", "field.type");
    assert_eq!(before, fixture.table.api_keys());

    let us = fixture.us.key.to_string();
    for (field, value, rule) in [
        ("grace_seconds", json!(604_801), "field.range"),
        ("grace_seconds", json!(-1), "field.range"),
        ("grace_seconds", json!("1"), "field.type"),
        ("name", json!("other"), "field.unknown"),
    ] {
        let refused = fixture.rotate(&us, None, &json!({ field: value })).await;
        refused.is_problem(422, &format!("/{field}"), rule);
    }
    assert_eq!(before, fixture.table.api_keys());
}

#[tokio::test]
async fn a_rotated_key_works_for_its_grace_and_then_has_expired() {
    let fixture = Fixture::new();
    let mut body = laptop();
    body["expires_at"] = json!("2027-01-01T00:00:00Z");
    let old = fixture.make("k1", &body).await;
    let (id, secret) = (text(&old, "id"), text(&old, "secret"));
    fixture.clock.advance(seconds(10));
    let new = fixture.rotate(id, None, &json!({})).await;
    assert_eq!(StatusCode::CREATED, new.status, "{}", new.text);
    for field in ["name", "scopes", "expires_at"] {
        assert_eq!(old.body[field], new.body[field]);
    }
    assert_eq!(json!(id), new.body["replaces"]);
    assert_ne!(old.body["id"], new.body["id"]);
    assert_eq!(StatusCode::OK, fixture.posts_with(text(&new, "secret")).await.status);

    fixture.clock.advance(seconds(86_399));
    assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status, "a day, unless one says otherwise");
    fixture.clock.advance(seconds(1));
    fixture.posts_with(secret).await.is_problem(401, "", "key.expired");
    assert_eq!(StatusCode::OK, fixture.posts_with(text(&new, "secret")).await.status);
    let listed = fixture.get("/v1/keys").await;
    let row = listed.body["data"].as_array().unwrap().iter().find(|key| key["id"] == id).unwrap().clone();
    assert_eq!(json!("2026-11-02T12:00:10Z"), row["expires_at"]);
    fixture.rotate(id, None, &json!({})).await.is_problem(409, "", "key.expired");
}

#[tokio::test]
async fn a_grace_never_prolongs_a_key_and_none_at_all_ends_it_at_once() {
    let fixture = Fixture::new();
    let mut body = laptop();
    body["expires_at"] = json!("2026-11-01T12:01:00Z");
    let brief = fixture.make("k1", &body).await;
    fixture.rotate(text(&brief, "id"), None, &json!({ "grace_seconds": 600 })).await;
    fixture.clock.advance(seconds(60));
    fixture.posts_with(text(&brief, "secret")).await.is_problem(401, "", "key.expired");

    let old = fixture.make("k2", &laptop()).await;
    let (id, secret) = (text(&old, "id"), text(&old, "secret"));
    let elsewhere = fixture.another_function();
    for function in [&fixture, &elsewhere] {
        assert_eq!(StatusCode::OK, function.posts_with(secret).await.status);
    }
    assert_eq!(StatusCode::CREATED, fixture.rotate(id, None, &json!({ "grace_seconds": 600 })).await.status);
    let hurried = fixture.rotate(id, None, &json!({ "grace_seconds": 0 })).await;
    assert_eq!(StatusCode::CREATED, hurried.status, "{}", hurried.text);
    fixture.posts_with(secret).await.is_problem(401, "", "key.expired");
    fixture.clock.advance(seconds(60));
    elsewhere.posts_with(secret).await.is_problem(401, "", "key.expired");
}

#[tokio::test]
async fn a_repeated_rotation_makes_one_key_and_moves_nothing() {
    let fixture = Fixture::new();
    let old = fixture.make("k1", &laptop()).await;
    let id = text(&old, "id");
    let first = fixture.rotate(id, Some("r1"), &json!({ "grace_seconds": 60 })).await;
    let retires_at = fixture.row(id).retires_at;
    let rows = fixture.table.api_keys().len();
    // within the grace, and after it
    for pass in [30, 60] {
        fixture.clock.advance(seconds(pass));
        let again = fixture.rotate(id, Some("r1"), &json!({ "grace_seconds": 60 })).await;
        assert_eq!((StatusCode::CREATED, &first.text, true), (again.status, &again.text, again.replayed()));
    }
    assert_eq!((retires_at, rows), (fixture.row(id).retires_at, fixture.table.api_keys().len()));
    let other = fixture.rotate(text(&first, "id"), Some("r1"), &json!({ "grace_seconds": 60 })).await;
    assert_eq!(
        (StatusCode::CREATED, false),
        (other.status, other.replayed()),
        "another key, another rotation"
    );
    let reused = fixture.rotate(text(&first, "id"), Some("r1"), &json!({ "grace_seconds": 61 })).await;
    reused.is_problem(422, "", "idempotency_key.reused");
}

#[tokio::test]
async fn a_revoked_key_stops_at_once_here_and_within_a_minute_everywhere() {
    let fixture = Fixture::new();
    let made = fixture.make("k1", &laptop()).await;
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    let elsewhere = fixture.another_function();
    for function in [&fixture, &elsewhere] {
        assert_eq!(StatusCode::OK, function.posts_with(secret).await.status);
    }
    let revoked = fixture.revoke(id).await;
    assert_eq!(StatusCode::OK, revoked.status, "{}", revoked.text);
    assert_eq!(
        (json!(id), json!("2026-11-01T12:00:00Z")),
        (revoked.body["id"].clone(), revoked.body["revoked_at"].clone())
    );
    assert!(revoked.body.get("secret").is_none());
    fixture.posts_with(secret).await.is_problem(401, "", "key.revoked");

    fixture.clock.advance(seconds(59));
    elsewhere.posts_with(secret).await;
    fixture.clock.advance(seconds(1));
    elsewhere.posts_with(secret).await.is_problem(401, "", "key.revoked");

    let again = fixture.revoke(id).await;
    assert_eq!((StatusCode::OK, &revoked.body["revoked_at"]), (again.status, &again.body["revoked_at"]));
    fixture.rotate(id, None, &json!({})).await.is_problem(409, "", "key.revoked");
}

#[tokio::test]
async fn a_key_that_is_revoked_while_it_is_rotated_leaves_no_key_behind() {
    let fixture = Fixture::new();
    let made = fixture.make("k1", &laptop()).await;
    let id: KeyId = text(&made, "id").parse().unwrap();
    // between the read and the writes of the rotation
    let revoked = ApiKey { revoked_at: Some(fixture.clock.now()), ..fixture.row(id.as_str()) };
    let table = fixture.table.clone();
    fixture.table.before_next("create_key", move || table.insert_key(revoked));
    fixture.rotate(id.as_str(), None, &json!({})).await.is_problem(409, "", "key.revoked");
    let replacing = fixture.table.api_keys().into_iter().find(|key| key.replaces.as_ref() == Some(&id));
    assert!(replacing.unwrap().revoked_at.is_some());
}

#[tokio::test]
async fn another_workspaces_key_looks_like_none() {
    let fixture = Fixture::new();
    assert_eq!(StatusCode::OK, fixture.get("/v1/keys").await.status);
    let (theirs, nobodys) = (fixture.them.key.to_string(), KeyId::from_bits(0x77).to_string());
    for (method, tail) in [(Method::DELETE, ""), (Method::POST, "/rotate")] {
        let mut told = Vec::new();
        for id in [&theirs, &nobodys] {
            fixture.table.forget_calls();
            let path = format!("/v1/keys/{id}{tail}");
            let answer = fixture.ask(&fixture.us, method.clone(), &path, Some("k"), &json!({})).await;
            answer.is_problem(404, "", "key.not_found");
            let mut body = answer.body;
            body["request_id"].take();
            told.push((body, fixture.table.calls()));
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(["key"].to_vec(), told[0].1);
        let path = format!("/v1/keys/none{tail}");
        let malformed = fixture.ask(&fixture.us, method, &path, None, &json!({})).await;
        malformed.is_problem(404, "", "key.not_found");
    }
    let row = fixture.row(&theirs);
    assert_eq!((None, None), (row.revoked_at, row.retires_at));
}

#[tokio::test]
async fn the_last_use_is_written_once_an_hour_and_costs_a_warm_request_nothing() {
    let fixture = Fixture::new();
    let made = fixture.make("k1", &laptop()).await;
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    let used = || fixture.table.calls().iter().filter(|call| **call == "key_used").count();
    fixture.table.forget_calls();
    fixture.posts_with(secret).await;
    assert_eq!((1, Some(fixture.clock.now())), (used(), fixture.row(id).last_used_at));
    let first = fixture.clock.now();
    for _ in 0..60 {
        fixture.clock.advance(seconds(30));
        assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status);
    }
    fixture.clock.advance(seconds(1_800));
    fixture.posts_with(secret).await;
    assert_eq!((1, Some(first)), (used(), fixture.row(id).last_used_at), "an hour is not over");
    fixture.clock.advance(seconds(1));
    fixture.posts_with(secret).await;
    assert_eq!((2, Some(fixture.clock.now())), (used(), fixture.row(id).last_used_at));
    let listed = fixture.get("/v1/keys").await;
    assert!(listed.text.contains("\"last_used_at\":\"2026-11-01T13:00:01Z\""), "{}", listed.text);
}

#[tokio::test]
async fn a_last_use_that_cannot_be_written_fails_nobody() {
    let fixture = Fixture::new();
    let made = fixture.make("k1", &laptop()).await;
    let (id, secret) = (text(&made, "id"), text(&made, "secret"));
    fixture.table.fail_next("key_used", Fault::BeforeEffect, 1);
    fixture.table.forget_calls();
    for _ in 0..2 {
        assert_eq!(StatusCode::OK, fixture.posts_with(secret).await.status);
    }
    assert_eq!(["key", "key_used", "list", "list"].to_vec(), fixture.table.calls());
    assert_eq!(None, fixture.row(id).last_used_at);
    fixture.clock.advance(seconds(60));
    fixture.posts_with(secret).await;
    assert_eq!(Some(fixture.clock.now()), fixture.row(id).last_used_at, "it is tried again");
    let wrong = format!("{}0", &secret[..secret.len() - 1]);
    let wrong = if wrong == secret { format!("{}1", &secret[..secret.len() - 1]) } else { wrong };
    fixture.clock.advance(seconds(7_200));
    fixture.posts_with(&wrong).await.is_problem(401, "", "key.invalid");
    assert_ne!(Some(fixture.clock.now()), fixture.row(id).last_used_at, "a guess is no use of the key");
}
