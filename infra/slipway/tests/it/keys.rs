use std::process::Output;

use serde_json::Value;
use slipway::stack::Stack;
use tokio::process::Command;

use super::stub;

async fn keys(stack: &Stack, words: &[&str]) -> Output {
    let endpoint = &stack.facts.aws_endpoint_url;
    Command::new(env!("CARGO_BIN_EXE_slipway"))
        .args(["keys", words[0], "--stage", "local", "--endpoint-url", endpoint])
        .args(&words[1..])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .env("AWS_REGION", &stack.facts.region)
        .env("AWS_DEFAULT_REGION", &stack.facts.region)
        .output()
        .await
        .expect("the command runs")
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).expect("text")
}

#[tokio::test]
async fn an_operator_makes_the_first_key_lists_it_and_revokes_it() {
    let (options, _functions) = stub::options();
    let stack = Stack::start(options).await.unwrap();

    let made = keys(&stack, &["create", "--name", "first", "--json"]).await;
    let made: Value = serde_json::from_str(&said(&made)).expect("JSON");
    let text = |field: &str| made[field].as_str().unwrap_or_else(|| panic!("`{field}` in {made}")).to_owned();
    let (id, workspace, secret) = (text("id"), text("workspace"), text("secret"));
    let prefix = format!("slk_{}", id.strip_prefix("key_").unwrap());
    let hidden = secret.strip_prefix(&format!("{prefix}_")).unwrap().to_owned();
    assert_eq!((hidden.len(), made["scopes"].as_array().unwrap().len()), (64, domain::Scope::ALL.len()));

    let few = ["create", "--name", "second", "--workspace", &workspace, "--scopes", "posts:read,keys:read"];
    let second = said(&keys(&stack, &[&few[..], &["--expires-in-days", "30"]].concat()).await);
    assert!(second.contains("`posts:read`, `keys:read`") && second.contains("expires"), "{second}");
    assert_eq!(second.matches("slk_").count(), 2, "the prefix, and the secret once: {second}");

    let listed = said(&keys(&stack, &["list", "--workspace", &workspace]).await);
    assert!(listed.contains("first") && listed.contains("second") && listed.contains(&prefix), "{listed}");
    assert!(!listed.contains(&hidden) && !listed.contains("revoked"), "{listed}");
    let revoked = said(&keys(&stack, &["revoke", &prefix]).await);
    assert!(revoked.contains(&id) && revoked.contains("revoked"), "{revoked}");
    let listed = said(&keys(&stack, &["list", "--workspace", &workspace]).await);
    assert_eq!(listed.matches("revoked").count(), 1, "{listed}");

    let absent = format!("key_{}", "0".repeat(32));
    for wrong in [&["revoke", &absent][..], &["revoke", &absent, "--stack-name", "elsewhere"]] {
        assert!(!keys(&stack, wrong).await.status.success(), "{wrong:?}");
    }
    let elsewhere = Command::new(env!("CARGO_BIN_EXE_slipway"))
        .args(["keys", "list", "--stage", "prod", "--workspace", &workspace])
        .args(["--endpoint-url", &stack.facts.aws_endpoint_url])
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
        .env("AWS_DEFAULT_REGION", &stack.facts.region)
        .output()
        .await
        .expect("the command runs");
    let why = String::from_utf8_lossy(&elsewhere.stderr);
    assert!(!elsewhere.status.success() && why.contains("is of stage local, not prod"), "{why}");
    stack.stop().await.unwrap();
}
