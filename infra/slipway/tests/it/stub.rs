use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use slipway::stack::{FUNCTIONS, StackOptions};
use tempfile::TempDir;

/// Answers each event with the event itself.
const BOOTSTRAP: &str = r#"#!/usr/bin/env python3
import http.client, json, os, sys
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    invocation = api.getresponse()
    event = json.loads(invocation.read())
    if invocation.status != 200:
        sys.exit(0)
    print("called with", sorted(event), file=sys.stderr, flush=True)
    answer = {"statusCode": 200, "headers": {"content-type": "application/json"},
              "body": json.dumps({"event": event, "environment": dict(os.environ)})}
    if "Records" in event:
        answer = {"batchItemFailures": []}
    request = invocation.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", f"/2018-06-01/runtime/invocation/{request}/response", json.dumps(answer))
    api.getresponse().read()
"#;

/// A stack of such functions, and the directory they are in.
pub(crate) fn options() -> (StackOptions, TempDir) {
    let directory = TempDir::new().expect("a stub");
    let path = directory.path().join("bootstrap");
    std::fs::write(&path, BOOTSTRAP).expect("a stub");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("a stub");
    let binaries: BTreeMap<String, PathBuf> =
        FUNCTIONS.iter().map(|name| ((*name).to_owned(), path.clone())).collect();
    (StackOptions { binaries: Some(binaries), ..StackOptions::for_test().expect("a stub") }, directory)
}
