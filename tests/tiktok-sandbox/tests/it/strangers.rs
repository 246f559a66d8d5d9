//! A client of TikTok's API that was not written here, against the sandbox. By command, for it needs `PyPI`:
//! `cargo nextest run -p tiktok-sandbox --run-ignored only -E 'test(strangers)'`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tiktok_sandbox::{Endpoint, sha256_hex};

use crate::http::Site;
use crate::rig::{CALLBACK, KEY, SECRET, media};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("strangers")
}

fn run(command: &mut Command, what: &str) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{what} cannot be started: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what} failed: {said}");
    output
}

/// The interpreter of a virtual environment of our own that has what `requirements.txt` names.
fn python() -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.slipway/strangers");
    let python = home.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").arg("-m").arg("venv").arg(&home), "python3 with its module venv");
    }
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]);
    run(pip.arg(folder().join("requirements.txt")), "pip, which has to reach PyPI,");
    python
}

#[ignore = "it needs python3 with venv, and PyPI"]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_from_pypi_connects_and_publishes_a_video_and_photos() {
    let python = python();
    // It sends no brand toggles, like TikTok's own sample.
    let site = Site::start(|config| config.require_brand_toggles = false).await;
    let mut stranger = Command::new(python);
    stranger.arg(folder().join("publish.py"));
    stranger.args([&site.sandbox.base_url, &site.host.base]).args([KEY, SECRET, CALLBACK]);
    let output = tokio::task::spawn_blocking(move || run(&mut stranger, "the client")).await.unwrap();

    let ends: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&ends[0]["status"], &ends[1]["status"]),
        (&"PUBLISH_COMPLETE".into(), &"PUBLISH_COMPLETE".into())
    );
    let world = site.sandbox.world();
    for endpoint in [
        Endpoint::Token,
        Endpoint::CreatorInfo,
        Endpoint::VideoInit,
        Endpoint::ContentInit,
        Endpoint::StatusFetch,
    ] {
        let codes: Vec<_> = world.calls(endpoint).map(|(_, call)| call.code.clone()).collect();
        assert!(!codes.is_empty() && codes.iter().all(|code| code == "ok"), "{endpoint:?}: {codes:?}");
    }
    let published =
        |title: &str| world.publications().find(|publication| publication.title == title).unwrap();
    assert_eq!(published("a stranger's video").sha256, sha256_hex(&media("good.mp4")));
    assert_eq!(published("a stranger's photos").carousel.as_ref().unwrap().photos.len(), 2);
}
