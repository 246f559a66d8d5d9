//! Many posts in one request.

use http::{Method, StatusCode, header};
use lambda_http::RequestExt as _;
use ports::Clock as _;
use ports::fakes::Fault;
use serde_json::{Value, json};

use super::drafts::{Scene, scene};
use super::fixture::Answer;
use super::posts::changed;

impl Scene {
    fn request(&self, key: &str, lines: String) -> http::Request<axum::body::Body> {
        let request = self.fixture.request(Method::POST, "/v1/posts/bulk");
        let request = request.header("idempotency-key", key);
        request.header(header::CONTENT_TYPE, "application/x-ndjson").body(lines.into()).unwrap()
    }

    async fn bulk(&self, key: &str, lines: &[Value]) -> Answer {
        self.fixture.send(self.request(key, lines_of(lines))).await
    }

    fn captioned(&self, caption: &str) -> Value {
        changed(&self.body(), "/caption", json!(caption))
    }
}

fn lines_of(lines: &[Value]) -> String {
    lines.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

fn statuses(answer: &Answer) -> Vec<(u64, u64)> {
    assert_eq!(StatusCode::MULTI_STATUS, answer.status, "{}", answer.text);
    let number = |line: &Value, field: &str| line[field].as_u64().unwrap();
    let lines = answer.body["data"].as_array().unwrap().iter();
    lines.map(|line| (number(line, "index"), number(line, "status"))).collect()
}

#[tokio::test]
async fn each_line_has_a_verdict_of_its_own() {
    let scene = scene().await;
    let lines = [
        scene.captioned("one").to_string(),
        scene.captioned(&"x".repeat(2_201)).to_string(),
        "{ \"creator\": oops }".to_owned(),
        String::new(),
        scene.captioned("one").to_string(),
        changed(&scene.captioned("five"), "/draft", json!(true)).to_string(),
        format!("{{\"caption\":\"{}\"}}", "x".repeat(70_000)),
    ];
    let answer = scene.fixture.send(scene.request("k1", lines.join("\r\n"))).await;
    let expected = vec![(0, 202), (1, 422), (2, 400), (4, 409), (5, 202), (6, 413)];
    assert_eq!(expected, statuses(&answer), "{}", answer.text);
    assert_eq!((&json!(2), &json!(4)), (&answer.body["accepted"], &answer.body["refused"]));
    let data = &answer.body["data"];
    let rules = [1, 2, 3, 5].map(|line| data[line]["problem"]["code"].as_str().unwrap());
    assert_eq!(["caption.max", "json.malformed", "post.duplicate", "body.too_large"], rules);
    assert_eq!(data[0]["post"]["id"], data[3]["problem"]["duplicate_of"]);
    assert_eq!((&json!("/caption"), &json!(null)), (&data[1]["problem"]["param"], &data[1]["post"]));
    assert_eq!((&json!("draft"), &json!(null)), (&data[4]["post"]["state"], &data[4]["problem"]));
    assert_eq!(answer.headers["x-request-id"].to_str().unwrap(), data[1]["problem"]["request_id"]);
    assert_eq!(2, scene.fixture.table.posts().len());
    assert_eq!(1, scene.fixture.queues.waiting().len());
}

#[tokio::test]
async fn a_repeat_gives_each_line_its_first_answer_and_another_line_under_its_number_is_refused() {
    let scene = scene().await;
    let lines = [scene.captioned("one"), scene.captioned("two")];
    let first = scene.bulk("k1", &lines).await;
    let again = scene.bulk("k1", &lines).await;
    for line in 0..2 {
        assert_eq!(first.body["data"][line]["post"], again.body["data"][line]["post"]);
        assert_eq!(
            (&json!(false), &json!(true)),
            (&first.body["data"][line]["replayed"], &again.body["data"][line]["replayed"])
        );
    }
    assert_eq!(2, scene.fixture.queues.waiting().len());
    let other =
        scene.bulk("k1", &[scene.captioned("one"), scene.captioned("three"), scene.captioned("four")]).await;
    assert_eq!(vec![(0, 202), (1, 422), (2, 202)], statuses(&other), "{}", other.text);
    assert_eq!(json!("idempotency_key.reused"), other.body["data"][1]["problem"]["code"]);
    // a post of its own under the same key is another one
    let single = scene.fixture.create("k1", &scene.captioned("one")).await;
    single.is_problem(409, "", "post.duplicate");
}

#[tokio::test]
async fn a_request_that_was_cut_off_in_the_middle_is_finished_by_its_repeat() {
    let scene = scene().await;
    let lines: Vec<Value> = (0..20).map(|line| scene.captioned(&line.to_string())).collect();
    for (call, fault) in
        [("create", Fault::BeforeEffect), ("create", Fault::AfterEffect), ("guard", Fault::BeforeEffect)]
    {
        scene.fixture.table.fail_next(call, fault, 3);
        let cut = scene.bulk("k1", &lines).await;
        let failed = cut.body["data"].as_array().unwrap().iter().filter(|line| line["status"] == 500);
        assert!(
            failed.clone().count() > 0 && failed.clone().all(|line| line["problem"]["retryable"] == true)
        );
    }
    let whole = scene.bulk("k1", &lines).await;
    assert_eq!(json!(20), whole.body["accepted"], "{}", whole.text);
    assert_eq!(20, scene.fixture.table.posts().len());
}

#[tokio::test]
async fn sixty_four_equal_requests_at_once_make_each_post_once_and_get_equal_answers() {
    let scene = scene().await;
    let lines = [scene.captioned("one"), scene.captioned("two"), scene.captioned("three")];
    let requests = (0..64).map(|_| scene.request("k1", lines_of(&lines))).collect();
    let answers = scene.fixture.at_once(requests);
    for answer in &answers {
        assert_eq!(vec![(0, 202), (1, 202), (2, 202)], statuses(answer));
        for line in 0..3 {
            assert_eq!(answers[0].body["data"][line]["post"], answer.body["data"][line]["post"]);
        }
    }
    assert_eq!((3, 3), (scene.fixture.table.posts().len(), scene.fixture.queues.waiting().len()));
}

#[tokio::test]
async fn a_request_has_1_to_100_lines_and_at_most_a_million_bytes() {
    let scene = scene().await;
    let empty = vec![json!({}); 101];
    scene.bulk("k1", &empty).await.is_problem(422, "", "bulk.lines");
    assert_eq!(100, statuses(&scene.bulk("k1", &empty[..100]).await).len());
    scene.fixture.send(scene.request("k1", "\n \r\n".to_owned())).await.is_problem(422, "", "bulk.lines");
    let padded = |bytes: usize| {
        let line = scene.captioned("padded").to_string();
        let padding = " ".repeat(bytes - line.len() - 1);
        scene.request("k1", format!("{line}\n{padding}"))
    };
    assert_eq!(vec![(0, 202)], statuses(&scene.fixture.send(padded(1_000_000)).await));
    scene.fixture.send(padded(1_000_001)).await.is_problem(413, "", "body.too_large");
}

#[tokio::test]
async fn a_request_needs_its_key_and_its_media_type() {
    let scene = scene().await;
    let lines = lines_of(&[scene.body()]);
    let mut keyless = scene.request("k1", lines.clone());
    keyless.headers_mut().remove("idempotency-key");
    scene.fixture.send(keyless).await.is_problem(400, "", "idempotency_key.required");
    let mut json = scene.request("k1", lines);
    json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    scene.fixture.send(json).await.is_problem(415, "", "content_type.unsupported");
    assert!(scene.fixture.table.posts().is_empty());
}

#[tokio::test]
async fn a_line_that_there_is_no_time_for_is_told_to_come_again() {
    let scene = scene().await;
    let now = scene.fixture.clock.now();
    let ending = |seconds: i64| {
        let mut context = lambda_http::Context::default();
        context.deadline = u64::try_from(now.as_millisecond() + seconds * 1_000).unwrap();
        let request = scene.request("k1", lines_of(&[scene.captioned("one"), json!({})]));
        request.with_lambda_context(context)
    };
    let late = scene.fixture.send(ending(2)).await;
    assert_eq!(vec![(0, 503), (1, 503)], statuses(&late), "{}", late.text);
    let problem = &late.body["data"][0]["problem"];
    assert_eq!((&json!("bulk.unfinished"), &json!(true)), (&problem["code"], &problem["retryable"]));
    assert!(scene.fixture.table.posts().is_empty());
    assert_eq!(vec![(0, 202), (1, 422)], statuses(&scene.fixture.send(ending(20)).await));
}
