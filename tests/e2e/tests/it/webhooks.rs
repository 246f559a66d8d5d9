//! Webhooks out, taken by a server of ours and judged by the libraries that receivers use.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};
use e2e::journey::{Journey, PATIENCE};
use e2e::receiver::{Delivery, Receiver};
use e2e::rig::Rig;
use reqwest::Method;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};
use slipway::progress::Progress;
use slipway::repo;
use slipway::stack::{prerequisites, venv};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// The server that takes webhooks; a stack makes an exception for its place when it starts.
pub(crate) fn receiver() -> &'static Receiver {
    static RECEIVER: OnceLock<Receiver> = OnceLock::new();
    RECEIVER.get_or_init(|| Receiver::start().expect("this machine has a free port"))
}

pub(crate) async fn the_published_libraries_verify_what_a_post_has_sent(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let path = format!("/{}/posts", journey.account);
    let made = endpoint(&journey, &path, json!(["post.*"])).await?;
    let (id, first) = (text(&made, "id").to_owned(), text(&made, "secret").to_owned());
    let rotate = format!("/v1/webhook-endpoints/{id}/rotate-secret");
    let second = journey.api.post(&rotate, &fresh_key(), &json!({})).await?;
    let second = text(&second, "secret").to_owned();
    ensure!(first.starts_with("whsec_") && second.starts_with("whsec_") && first != second);

    let (post, asked) = journey.post_a_good_video().await?;
    journey.becomes(&post, "published").await?;
    journey.published_once(&asked, e2e::rig::GOOD_VIDEO)?;
    let is_published = |it: &Delivery| it.body.contains(r#""type":"post.published""#);
    let arrived = receiver().until(&path, PATIENCE, |all| all.iter().any(is_published)).await?;
    for delivery in &arrived {
        let body: Value = serde_json::from_str(&delivery.body)?;
        ensure!(body["data"]["resource"]["id"] == post.as_str(), "{body:#}");
        ensure!(delivery.headers["webhook-signature"].split(' ').count() == 2, "{delivery:?}");
    }
    let secrets = [second.as_str(), first.as_str()];
    let verified = judged(&arrived, &secrets).await?;
    ensure!(verified == ids(&arrived), "{verified:?}");

    // what came is what can be read, under the same ids
    let events = journey.api.get("/v1/events").await?;
    let known: Vec<&str> = events["data"].as_array().into_iter().flatten().map(|it| text(it, "id")).collect();
    ensure!(ids(&arrived).iter().all(|id| known.contains(&id.as_str())), "{known:?}");
    let log = journey.api.get(&format!("/v1/webhook-endpoints/{id}/deliveries")).await?;
    ensure!(
        log["data"][0]["state"] == "delivered" && log["data"][0]["attempts"][0]["status"] == 200,
        "{log:#}"
    );
    for secret in secrets {
        ensure!(!log.to_string().contains(secret) && !events.to_string().contains(secret));
    }
    Ok(())
}

pub(crate) async fn a_receiver_that_failed_is_asked_again_and_one_that_hangs_holds_up_nobody(
    rig: &Rig,
) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let [bad, never] = ["bad", "never"].map(|name| format!("/{}/{name}", journey.account));
    receiver().fail(&bad, 503, 1);
    let hanging = endpoint(&journey, &never, json!(["post.*"])).await?;
    let failing = endpoint(&journey, &bad, json!(["post.*"])).await?;
    let test = |endpoint: &Value| format!("/v1/webhook-endpoints/{}/test", text(endpoint, "id"));
    journey.api.post(&test(&hanging), &fresh_key(), &json!({})).await?;
    // it is asked, and from now on the function that asks waits for it
    receiver().until(&never, PATIENCE, |all| !all.is_empty()).await?;
    journey.api.post(&test(&failing), &fresh_key(), &json!({})).await?;
    let arrived = receiver().until(&bad, PATIENCE, |all| all.len() >= 2).await?;
    ensure!(arrived[0].headers["webhook-id"] == arrived[1].headers["webhook-id"], "{arrived:?}");
    let gap = arrived[1].at.duration_since(arrived[0].at).as_secs_f64();
    ensure!(gap >= 4.5, "the second attempt came after {gap} s");
    ensure!(judged(&arrived, &[text(&failing, "secret")]).await? == ids(&arrived));
    let hung = receiver().arrived(&never);
    ensure!(ids(&hung).windows(2).all(|pair| pair[0] == pair[1]), "{hung:?}");
    let log = journey.api.get(&format!("/v1/webhook-endpoints/{}/deliveries", text(&failing, "id"))).await?;
    ensure!(log["data"][0]["attempts"][0]["status"] == 503, "{log:#}");
    Ok(())
}

pub(crate) async fn an_endpoint_is_at_a_public_https_url_or_it_is_refused(rig: &Rig) -> Result<()> {
    let journey = Journey::begin(rig).await?;
    let (place, other) = (receiver().place(), "127.0.0.1:9001");
    for url in [
        &format!("http://{other}/2018-06-01/runtime/invocation/next"),
        &format!("https://{other}/"),
        &format!("https://user@{place}/"),
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/hook",
        "https://[::ffff:127.0.0.1]/",
    ] {
        let body = json!({ "url": url });
        let answer = journey.send(Method::POST, "/v1/webhook-endpoints", Some(&body)).await?;
        ensure!(answer.status == 422 && text(&answer.body, "rule").starts_with("url."), "{url}: {answer:?}");
    }
    Ok(())
}

async fn endpoint(journey: &Journey<'_>, path: &str, events: Value) -> Result<Value> {
    let body = json!({ "url": receiver().url(path), "events": events });
    journey.api.post("/v1/webhook-endpoints", &fresh_key(), &body).await
}

fn ids(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|delivery| delivery.headers["webhook-id"].clone()).collect()
}

/// Has the libraries for Python and for JavaScript verify deliveries; the ids of those they did.
async fn judged(deliveries: &[Delivery], secrets: &[&str]) -> Result<Vec<String>> {
    let root = repo::root()?;
    let judges = root.join("tests/e2e/webhooks");
    let line = |delivery: &Delivery| {
        json!({
            "secrets": secrets,
            "others": ["whsec_bm90IHRoZSBzZWNyZXQgb2YgdGhpcyBlbmRwb2ludA=="],
            "headers": delivery.headers,
            "body": delivery.body,
        })
    };
    let lines: Vec<_> = deliveries.iter().map(|delivery| line(delivery).to_string()).collect();
    let input = lines.join("\n");

    let python = prerequisites::check().await?;
    let requirements = judges.join("requirements.txt");
    let directory = repo::local(&root).join("webhooks-venv");
    let venv = venv::prepare_from(&directory, &requirements, &python, Progress::Hidden).await?;
    let by_python = verdict(Command::new(venv.python()).arg(judges.join("judge.py")), &input).await?;
    let script = node(&root, &judges).await?;
    let by_node = verdict(Command::new("node").arg(script), &input).await?;
    ensure!(by_node == by_python, "Python verified {by_python:?}, JavaScript {by_node:?}");
    Ok(by_python)
}

/// The judge in JavaScript, with its library installed beside it.
async fn node(root: &Path, judges: &Path) -> Result<PathBuf> {
    for program in ["node", "npm"] {
        let mut asked = Command::new(program);
        let there = asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
        ensure!(
            there.is_ok_and(|status| status.success()),
            "`{program}` is missing; install Node.js 18 or newer with npm: the library of Standard Webhooks for JavaScript has to \
             verify our deliveries"
        );
    }
    let directory = repo::local(root).join("webhooks-node");
    std::fs::create_dir_all(&directory)?;
    // two journeys may come at once
    let lock = std::fs::File::create(directory.join("lock"))?;
    let _locked = tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await??;
    for file in ["package.json", "package-lock.json", "judge.mjs"] {
        std::fs::copy(judges.join(file), directory.join(file))
            .with_context(|| format!("copying `{file}`"))?;
    }
    let (stamp, wanted) = (directory.join("made-for.json"), judges.join("package-lock.json"));
    let wanted = std::fs::read_to_string(wanted).context("reading `package-lock.json`")?;
    if std::fs::read_to_string(&stamp).is_ok_and(|made_for| made_for == wanted) {
        return Ok(directory.join("judge.mjs"));
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&directory);
    let done = install.output().await.context("running npm")?;
    ensure!(done.status.success(), "npm ci failed: {}", String::from_utf8_lossy(&done.stderr));
    std::fs::write(stamp, wanted).context("writing the stamp")?;
    Ok(directory.join("judge.mjs"))
}

async fn verdict(judge: &mut Command, input: &str) -> Result<Vec<String>> {
    let mut judge = judge
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting a judge")?;
    let mut stdin = judge.stdin.take().context("the judge listens")?;
    stdin.write_all(input.as_bytes()).await?;
    drop(stdin);
    let done = judge.wait_with_output().await?;
    if !done.status.success() {
        bail!("the judge refuses: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(String::from_utf8(done.stdout)?.lines().map(str::to_owned).collect())
}
