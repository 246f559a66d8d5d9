use domain::delivery::DeliveryState;
use domain::endpoint::{EndpointState, Off};
use domain::job::Job;
use domain::notice::{CATALOGUE, News};
use domain::{CreatorId, EndpointId, Notice, SignedDuration};
use http::{Method, StatusCode, header};
use ports::Endpoints as _;
use ports::Vault as _;
use ports::fakes::MemoryVault;
use ports::samples::NOON;
use serde_json::{Value, json};

use super::fixture::{Answer, Fixture};

const PATH: &str = "/v1/webhook-endpoints";

impl Fixture {
    async fn webhook(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> Answer {
        let mut request = self.request(method, path).header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    async fn made(&self) -> (String, Value) {
        let body = json!({ "url": "https://hooks.example.com/slipway?token=a", "events": ["post.*"] });
        let made = self.post(PATH, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        (format!("{PATH}/{}", made.body["id"].as_str().unwrap()), made.body)
    }

    async fn endpoint_row(&self, view: &Value) -> domain::Endpoint {
        let id: EndpointId = view["id"].as_str().unwrap().parse().unwrap();
        self.table.endpoint(&id).await.unwrap().unwrap().row
    }

    fn jobs(&self) -> Vec<Job> {
        self.queues.waiting().into_iter().map(|sent| sent.job).collect()
    }
}

fn some_event(fixture: &Fixture) -> Notice {
    Notice::new(&fixture.us.id, &CreatorId::from_bits(1), 1, NOON, News::Disconnected)
}

#[tokio::test]
async fn an_endpoint_is_made_and_its_secret_is_shown_once_and_sealed() {
    let fixture = Fixture::new();
    let (path, made) = fixture.made().await;
    let secret = made["secret"].as_str().unwrap();
    let key = secret.strip_prefix("whsec_").expect("it is one of Standard Webhooks");
    assert_eq!(key.len(), 44, "32 bytes in base64");
    let row = fixture.endpoint_row(&made).await;
    let opened = MemoryVault::new().open(&row.secrets[0].sealed, &row.binding(1)).await.unwrap();
    assert_eq!(opened.expose(), secret);
    for shown in [fixture.get(&path).await, fixture.get(PATH).await] {
        assert_eq!(shown.status, StatusCode::OK);
        assert!(!shown.text.contains(key) && !shown.text.contains("\"secret\""), "{}", shown.text);
    }
    let view = fixture.get(&path).await.body;
    assert_eq!(view["state"], "enabled");
    assert_eq!(view["events"], json!(["post.*"]));
    assert_eq!(view["url"], "https://hooks.example.com/slipway?token=a");
    assert_eq!(fixture.get(PATH).await.body["data"], json!([view]));
}

#[tokio::test]
async fn the_same_request_with_the_same_key_shows_the_same_secret_again() {
    let fixture = Fixture::new();
    let body = json!({ "url": "https://hooks.example.com/" });
    let first = fixture.webhook(Method::POST, PATH, Some("one"), &body).await;
    let again = fixture.webhook(Method::POST, PATH, Some("one"), &body).await;
    assert!(again.replayed() && !first.replayed());
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    let other = json!({ "url": "https://hooks.example.com/other" });
    let refused = fixture.webhook(Method::POST, PATH, Some("one"), &other).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text);
    assert_eq!(fixture.table.endpoints().len(), 1);

    let rotate = format!("{PATH}/{}/rotate-secret", first.body["id"].as_str().unwrap());
    let rotated = fixture.webhook(Method::POST, &rotate, Some("two"), &json!({})).await;
    let again = fixture.webhook(Method::POST, &rotate, Some("two"), &json!({})).await;
    assert_eq!((&rotated.body, again.replayed()), (&again.body, true));
    assert_ne!(rotated.body["secret"], first.body["secret"]);
    assert_eq!(rotated.body["secrets"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_rotated_secret_signs_on_for_as_long_as_asked() {
    let fixture = Fixture::new();
    let (path, made) = fixture.made().await;
    let rotate = format!("{path}/rotate-secret");
    fixture.post(&rotate, &json!({ "grace_seconds": 60 })).await;
    let row = fixture.endpoint_row(&made).await;
    let now = row.created_at;
    let numbers = |after: i64| {
        let at = now + SignedDuration::from_secs(after);
        row.signing(at).map(|secret| secret.number).collect::<Vec<_>>()
    };
    assert_eq!((numbers(59), numbers(60)), (vec![2, 1], vec![2]));
    fixture.post(&rotate, &json!({})).await;
    let row = fixture.endpoint_row(&made).await;
    assert_eq!(row.secrets.iter().map(|it| it.number).collect::<Vec<_>>(), [3, 2], "never more than two");
    fixture.post(&rotate, &json!({ "grace_seconds": 604_801 })).await.is_problem(
        422,
        "/grace_seconds",
        "field.range",
    );
}

#[tokio::test]
async fn what_is_wrong_with_an_endpoint_is_said_at_once() {
    let fixture = Fixture::new();
    fixture.post(PATH, &json!({})).await.is_problem(422, "/url", "field.required");
    for (url, rule) in [
        ("http://hooks.example.com/", "url.scheme"),
        ("https://169.254.169.254/", "url.address"),
        ("https://localhost/", "url.host"),
        ("https://user@hooks.example.com/", "url.userinfo"),
        ("https://hooks.example.com:25/", "url.port"),
        ("hooks", "url.format"),
    ] {
        fixture.post(PATH, &json!({ "url": url })).await.is_problem(422, "/url", rule);
    }
    let body = json!({
        "url": "https://localhost/", "description": "é".repeat(201), "events": ["post.done", "post.*"], "more": 1,
    });
    let (status, found) = fixture.post(PATH, &body).await.problems();
    let rules: Vec<&str> = found.iter().map(|(_, rule)| rule.as_str()).collect();
    assert_eq!(status, 422);
    for rule in
        ["url.host", "webhook_endpoint.description.max", "webhook_endpoint.events.unknown", "field.unknown"]
    {
        assert!(rules.contains(&rule), "{rules:?}");
    }
    assert!(fixture.table.endpoints().is_empty());
}

#[tokio::test]
async fn an_endpoint_is_changed_turned_off_and_on_and_removed() {
    let fixture = Fixture::new();
    let (path, made) = fixture.made().await;
    let change = |body: Value| {
        let (fixture, path) = (&fixture, path.clone());
        async move { fixture.webhook(Method::PATCH, &path, None, &body).await }
    };
    let changed = change(json!({ "description": "billing", "events": ["post.failed"] })).await;
    assert_eq!(
        (&changed.body["description"], &changed.body["events"]),
        (&json!("billing"), &json!(["post.failed"]))
    );
    assert_eq!(changed.body["url"], made["url"]);
    let off = change(json!({ "state": "disabled" })).await;
    assert_eq!((&off.body["state"], &off.body["disabled"]["reason"]), (&json!("disabled"), &json!("asked")));
    assert!(matches!(fixture.endpoint_row(&made).await.state, EndpointState::Off { why: Off::Asked, .. }));
    fixture.post(&format!("{path}/test"), &json!({})).await.is_problem(409, "", "webhook_endpoint.disabled");
    let on = change(json!({ "state": "enabled" })).await;
    assert_eq!((&on.body["state"], &on.body["disabled"]), (&json!("enabled"), &Value::Null));
    let all = change(json!({ "events": ["*"] })).await;
    assert_eq!(all.body["events"], json!(["*"]));
    assert!(fixture.endpoint_row(&made).await.wants(&some_event(&fixture)), "families of every kind");
    change(json!({ "events": [] })).await.is_problem(422, "/events", "field.length");
    change(json!({ "state": "gone" })).await.is_problem(422, "/state", "state.unsupported");
    change(json!({ "url": "https://10.0.0.1/" })).await.is_problem(422, "/url", "url.address");

    let removed = fixture.webhook(Method::DELETE, &path, None, &json!({})).await;
    assert_eq!(removed.status, StatusCode::OK, "{}", removed.text);
    fixture.get(&path).await.is_problem(404, "", "webhook_endpoint.not_found");
    assert_eq!(fixture.get(PATH).await.body["data"], json!([]));
    assert!(fixture.endpoint_row(&made).await.secrets.is_empty(), "no secret stays behind");
}

#[tokio::test]
async fn another_workspaces_endpoint_does_not_exist() {
    let fixture = Fixture::new();
    let (path, _) = fixture.made().await;
    let theirs = fixture.get_as(Some(&fixture.them), &path).await;
    theirs.is_problem(404, "", "webhook_endpoint.not_found");
    assert_eq!(fixture.get_as(Some(&fixture.them), PATH).await.body["data"], json!([]));
}

#[tokio::test]
async fn a_workspace_has_twenty_endpoints_at_most() {
    let fixture = Fixture::new();
    let body = json!({ "url": "https://hooks.example.com/" });
    for number in 0..20 {
        let made = fixture.webhook(Method::POST, PATH, Some(&number.to_string()), &body).await;
        assert_eq!(made.status, StatusCode::CREATED);
    }
    fixture.post(PATH, &body).await.is_problem(409, "", "webhook_endpoint.limit");
    assert!(fixture.webhook(Method::POST, PATH, Some("7"), &body).await.replayed(), "a repeat is no new one");
}

#[tokio::test]
async fn a_test_is_an_event_of_its_own_that_is_sent_at_once() {
    let fixture = Fixture::new();
    let (path, made) = fixture.made().await;
    let sent = fixture.post(&format!("{path}/test"), &json!({})).await;
    assert_eq!((sent.status, &sent.body["type"]), (StatusCode::ACCEPTED, &json!("webhook_endpoint.test")));
    let [Job::Deliver(key)] = &fixture.jobs()[..] else { panic!("{:?}", fixture.jobs()) };
    assert_eq!(
        (key.endpoint.as_str(), key.event.as_str()),
        (made["id"].as_str().unwrap(), sent.body["event"].as_str().unwrap())
    );
    let events = fixture.get("/v1/events").await.body;
    assert_eq!(events["data"][0]["id"], sent.body["event"]);
    assert_eq!(events["data"][0]["data"]["webhook_endpoint"], made["id"]);
    let log = fixture.get(&format!("{path}/deliveries")).await.body;
    assert_eq!((&log["data"][0]["state"], &log["data"][0]["attempts"]), (&json!("pending"), &json!([])));
}

#[tokio::test]
async fn a_test_under_a_key_is_one_event_however_often_it_is_asked_for() {
    let fixture = Fixture::new();
    let (path, _) = fixture.made().await;
    let test = format!("{path}/test");
    let first = fixture.webhook(Method::POST, &test, Some("one"), &json!({})).await;
    let again = fixture.webhook(Method::POST, &test, Some("one"), &json!({})).await;
    let other = fixture.webhook(Method::POST, &test, Some("two"), &json!({})).await;
    assert_eq!((first.replayed(), again.replayed(), other.replayed()), (false, true, false));
    assert_eq!((first.status, &first.body), (again.status, &again.body));
    assert_ne!(first.body["event"], other.body["event"]);
    assert_eq!((fixture.table.notices().len(), fixture.table.all_deliveries().len()), (2, 2));
    assert_eq!(fixture.jobs().len(), 2, "a repeat sends nothing");

    fixture.webhook(Method::PATCH, &path, None, &json!({ "state": "disabled" })).await;
    let late = fixture.webhook(Method::POST, &test, Some("one"), &json!({})).await;
    assert!(late.replayed(), "what was accepted once stays accepted: {}", late.text);
}

#[tokio::test]
async fn one_event_or_all_since_a_moment_are_sent_again() {
    let fixture = Fixture::new();
    let (path, _) = fixture.made().await;
    let sent = fixture.post(&format!("{path}/test"), &json!({})).await;
    fixture.queues.lose_all();
    let again = format!("{path}/redeliver");
    let event = json!({ "event": sent.body["event"] });
    assert_eq!(fixture.post(&again, &event).await.status, StatusCode::ACCEPTED);
    assert!(matches!(&fixture.jobs()[..], [Job::Deliver(_)]));
    let deliveries = fixture.table.all_deliveries();
    assert!(
        matches!(&deliveries[..], [only] if matches!(only.state, DeliveryState::Pending { tried: 0, .. }))
    );

    fixture.queues.lose_all();
    let since = fixture.post(&again, &json!({ "since": "2026-11-01T11:00:00Z" })).await;
    assert_eq!(since.status, StatusCode::ACCEPTED, "{}", since.text);
    assert!(matches!(&fixture.jobs()[..], [Job::CatchUp(job)] if job.since.is_some()));
    for (body, param, rule) in [
        (json!({}), "", "redeliver.what"),
        (json!({ "since": "2026-11-02T00:00:00Z" }), "/since", "redeliver.since"),
        (json!({ "since": "2026-09-01T00:00:00Z" }), "/since", "redeliver.since"),
        (json!({ "event": "evt_1" }), "/event", "id.format"),
        (json!({ "event": sent.body["event"], "since": "2026-11-01T11:00:00Z" }), "", "redeliver.what"),
    ] {
        fixture.post(&again, &body).await.is_problem(422, param, rule);
    }
    let (status, found) = fixture.post(&again, &json!({ "all": true })).await.problems();
    let rules: Vec<&str> = found.iter().map(|(_, rule)| rule.as_str()).collect();
    assert_eq!((status, rules), (422, vec!["redeliver.what", "field.unknown"]), "all at once");
    let unknown = json!({ "event": format!("evt_{}", "a".repeat(32)) });
    fixture.post(&again, &unknown).await.is_problem(404, "", "event.not_found");
}

#[tokio::test]
async fn the_catalogue_shows_every_type_with_an_example() {
    let fixture = Fixture::new();
    let types = fixture.get("/v1/event-types").await.body;
    let types = types["data"].as_array().unwrap().clone();
    assert_eq!(types.len(), CATALOGUE.len());
    for shown in types {
        assert_eq!(shown["example"]["type"], shown["type"]);
        let keys: Vec<_> = shown["example"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["data", "timestamp", "type"]);
        assert!(shown["example"]["data"].get("resource").is_some());
    }
}
