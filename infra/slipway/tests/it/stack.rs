use serde_json::Value;
use slipway::stack::{Ports, Stack, StackOptions, State};
use tokio::net::TcpStream;

use super::stub;

async fn json(request: reqwest::RequestBuilder) -> Value {
    let body = request.send().await.expect("an answer").bytes().await.expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a URL with a port")
}

#[tokio::test]
async fn the_template_answers_at_an_address_that_needs_no_special_host() {
    let (options, _functions) = stub::options();
    let stack = Stack::start(options).await.unwrap();
    let client = slipway::http::client().unwrap();

    let url = format!("{}/v1/things/a%2Fb?x=1&y=%20", stack.facts.api_url);
    let answer = json(client.post(url).header("cookie", "a=b; c=d").body("hällo")).await;
    let event = &answer["event"];
    assert_eq!(event["rawPath"], "/v1/things/a/b");
    assert_eq!(event["rawQueryString"], "x=1&y=%20");
    assert_eq!(event["headers"]["cookie"], "a=b; c=d");
    assert_eq!(event["headers"]["x-forwarded-for"], "127.0.0.1");
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    let environment = &answer["environment"];
    assert_eq!(environment["PUBLIC_BASE_URL"], stack.facts.api_url.as_str());
    assert_eq!(environment["AWS_ENDPOINT_URL"], stack.facts.aws_endpoint_url.as_str());
    assert!(environment.get("CARGO_MANIFEST_DIR").is_none(), "the functions see our environment");

    let log = std::fs::read_to_string(&stack.functions_log).unwrap();
    assert!(log.contains(&format!("{}[", stack.facts.functions["api"])), "{log}");
    assert_eq!(stack.facts.functions.len(), slipway::stack::FUNCTIONS.len());
    assert!(
        stack.facts.queues["publish-dead-letters"].starts_with("http://127.0.0.1:"),
        "{:?}",
        stack.facts.queues
    );

    let (front, emulator) = (port(&stack.facts.api_url), port(&stack.facts.aws_endpoint_url));
    stack.stop().await.unwrap();
    for port in [front, emulator] {
        assert!(TcpStream::connect(("127.0.0.1", port)).await.is_err(), "somebody still listens on {port}");
    }
}

#[tokio::test]
async fn a_kept_stack_is_there_again_with_its_key_and_its_table() {
    let directory = tempfile::TempDir::new().unwrap();
    let state = State::Kept(directory.path().to_path_buf());
    let (options, functions) = stub::options();
    let binaries = options.binaries.clone();
    let stack = Stack::start(StackOptions { state: state.clone(), ..options }).await.unwrap();
    let first = stack.facts.clone();
    stack.stop().await.unwrap();

    let elsewhere = StackOptions { state: state.clone(), ..stub::options().0 };
    let refused = Stack::start(elsewhere).await.err().expect("the state belongs to other ports").to_string();
    assert!(refused.contains("belongs to other ports"), "{refused}");

    let ports = Ports::exactly(
        [&first.api_url, &first.media_url_prefix, &first.tiktok_base_url, &first.aws_endpoint_url]
            .map(|url| url.split(':').nth(2).unwrap().split('/').next().unwrap().parse().unwrap()),
    );
    let again = StackOptions { state, binaries, ports: ports.unwrap(), ..StackOptions::for_test().unwrap() };
    let stack = Stack::start(again).await.unwrap();
    assert_eq!(stack.facts.api_key, first.api_key);
    assert_eq!(stack.facts.table, first.table);
    let client = slipway::http::client().unwrap();
    let answer = json(client.get(format!("{}/x", stack.facts.api_url))).await;
    assert_eq!(answer["event"]["rawPath"], "/x");
    stack.stop().await.unwrap();
    drop(functions);
}

#[tokio::test]
async fn a_parameter_the_template_does_not_have_is_named() {
    let (options, _functions) = stub::options();
    let refused =
        Stack::start(options.with("PolLadder", "1")).await.err().expect("no such parameter").to_string();
    assert!(refused.contains("`PolLadder`"), "{refused}");
}
