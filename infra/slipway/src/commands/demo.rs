use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use jiff::Timestamp;
use serde_json::Value;
use tiktok_sandbox::{AutoTime, Publication, Time};

use super::{asked_to_stop, post};
use crate::client::{Api, NewPost, fresh_key, text};
use crate::progress::Progress;
use crate::repo;
use crate::stack::{self, Ports, Profile, Stack, StackOptions, State, TikTok};

const CAPTION: &str = "Harbour at six #boats";
const PRIVACY: &str = "PUBLIC_TO_EVERYONE";
/// The sweep comes once a minute; the post id comes with the one after the post is public.
const PATIENCE: Duration = Duration::from_secs(150);

#[derive(Args)]
pub struct Demo {
    /// Build the functions as they go to AWS
    #[arg(long)]
    release: bool,
}

impl Demo {
    pub async fn run(self) -> Result<ExitCode> {
        let progress = Progress::Shown;
        progress.say("Slipway, from nothing to a published video. Nothing leaves this machine.\n");
        let options = options(if self.release { Profile::Release } else { Profile::Dev }, progress)?;
        let stack = tokio::select! {
            stack = Stack::start(options) => stack?,
            stop = asked_to_stop() => return stop.map(|()| ExitCode::FAILURE),
        };
        let told = tokio::select! {
            told = journey(&stack, progress) => told,
            stop = asked_to_stop() => stop.and_then(|()| bail!("interrupted")),
        };
        let log = std::fs::read_to_string(&stack.functions_log).unwrap_or_default();
        let step = progress.step("Stopping everything");
        let stopped = stack.stop().await;
        if stopped.is_ok() {
            step.done("");
        }
        match told {
            Ok(story) => {
                println!("{story}");
                stopped.map(|()| ExitCode::SUCCESS)
            }
            Err(error) => {
                let lines: Vec<_> = log.lines().collect();
                eprintln!(
                    "\nThe functions' last words:\n{}",
                    lines[lines.len().saturating_sub(30)..].join("\n")
                );
                Err(error.context("the demo did not end well"))
            }
        }
    }
}

/// Periods short enough to watch, and one webhook lost: the public post's id is left for the EventBridge sweep to find.
fn options(profile: Profile, progress: Progress) -> Result<StackOptions> {
    let mut tiktok = stack::sandbox_config();
    tiktok.webhooks.lose = vec!["post.publish.publicly_available".into()];
    // later than the delayed check, which would find it otherwise
    tiktok.time = Time::Auto(AutoTime { public_id_ms: 15_000, ..AutoTime::default() });
    let options = StackOptions {
        profile,
        ports: Ports::free()?,
        state: State::Forgotten,
        tiktok: TikTok::Sandbox(Box::new(tiktok)),
        progress,
        ..StackOptions::for_test()?
    };
    Ok(options
        .with("PollLadder", "10,10,20,40")
        .with("SweepFromSeconds", "12")
        .with("TailLadder", "30,30,60"))
}

async fn journey(stack: &Stack, progress: Progress) -> Result<Story> {
    let api = Api::new(&stack.facts.api_url, &stack.facts.api_key)?;
    let file = repo::own(&repo::root()?).join("demo.mp4");
    let size = std::fs::metadata(&file).with_context(|| format!("opening `{}`", file.display()))?.len();
    progress.say("");

    let step = progress.step("A creator opens a connect link and consents at TikTok");
    let creator = api.connect_creator("ada").await?;
    let creator_id = text(&creator, "id").to_owned();
    step.done(format!("@{} is {creator_id}", text(&creator, "username")));

    let step = progress.step("Uploading the video by a presigned PUT");
    let begun = now();
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let media = api
        .upload(&file, move |bytes| {
            counter.fetch_add(bytes, Ordering::Relaxed);
        })
        .await?;
    let uploaded = now();
    ensure!(sent.load(Ordering::Relaxed) == size, "the upload sent other bytes than the file has");
    step.done(format!("{size} bytes, {media}"));

    let step = progress.step("Asking for the post");
    let post = NewPost {
        creator: creator_id,
        media,
        caption: CAPTION.into(),
        privacy_level: PRIVACY.into(),
        allow_comment: true,
        allow_duet: false,
        allow_stitch: false,
        your_brand: false,
        branded_content: false,
        ai_generated: false,
        music_usage_confirmed: true,
        branded_content_policy_confirmed: false,
    };
    let asked = now();
    let created = api.create_post(&post, &fresh_key()).await?;
    let accepted = now();
    let id = text(&created, "id").to_owned();
    step.done(format!("accepted as {id}"));

    let step = progress.step("Following it");
    let seen = |entry: &Value| {
        step.note(&post::line(entry));
        if text(entry, "what") == "published" {
            step.say("the id of the public post comes with the EventBridge sweep, once a minute");
        }
    };
    let over = |post: &Value| {
        let known = post["post_ids"].as_array().is_some_and(|ids| !ids.is_empty());
        ["failed", "cancelled", "unconfirmed"].contains(&text(post, "state")) || known
    };
    let post = api.follow(&id, PATIENCE, seen, over).await?;
    ensure!(text(&post, "state") == "published", "the post ended otherwise: {post:#}");
    step.done("published, with the id of the public post");

    let publications: Vec<Publication> = match &stack.sandbox {
        Some(sandbox) => sandbox.world().publications().cloned().collect(),
        None => Vec::new(),
    };
    let [publication] = publications.as_slice() else {
        bail!("TikTok published {} posts instead of one", publications.len());
    };
    ensure!(publication.bytes == size, "TikTok pulled other bytes than were uploaded");
    ensure!(
        publication.title == CAPTION && publication.privacy_level == PRIVACY,
        "TikTok published something else"
    );
    Story::new(
        &post,
        publication,
        Leg::between("upload (presigned PUT)", begun, uploaded),
        Leg::between("POST /v1/posts", asked, accepted),
    )
    .with_context(|| format!("telling what became of {post:#}"))
}

/// A stretch of the way, and how long it took.
struct Leg {
    name: String,
    milliseconds: i128,
}

impl Leg {
    fn between(name: &str, from: Timestamp, to: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            milliseconds: to.as_millisecond().saturating_sub(from.as_millisecond()).into(),
        }
    }
}

/// What is told at the end.
struct Story {
    timeline: Vec<(Timestamp, String, String)>,
    legs: Vec<Leg>,
    by_message: String,
    by_sweep: String,
    url: String,
    sha256: String,
}

impl Story {
    fn new(post: &Value, publication: &Publication, upload: Leg, request: Leg) -> Result<Self> {
        let entries = post["timeline"].as_array().context("the post has no timeline")?;
        let timeline = entries
            .iter()
            .map(|entry| {
                let at = text(entry, "at").parse().context("reading a time of the timeline")?;
                Ok((at, text(entry, "what").to_owned(), text(entry, "by").to_owned()))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut legs = vec![upload, request];
        legs.extend(
            timeline
                .windows(2)
                .map(|pair| Leg::between(&format!("{} -> {}", pair[0].1, pair[1].1), pair[0].0, pair[1].0)),
        );
        let step = |by: &[&str]| {
            let found = timeline.iter().find(|(_, _, actor)| by.contains(&actor.as_str()));
            found.map(|(_, what, actor)| format!("`{what}`, by {actor}"))
        };
        Ok(Self {
            by_message: step(&["webhook", "check"]).context("no step came by webhook or delayed check")?,
            by_sweep: step(&["sweep"]).context("no step came by the EventBridge sweep")?,
            url: post["url"].as_str().context("the published post has no link")?.to_owned(),
            sha256: publication.sha256.clone(),
            timeline,
            legs,
        })
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "\nWhat happened")?;
        let begin = self.timeline.first().map_or(Timestamp::UNIX_EPOCH, |(at, ..)| *at);
        for (at, what, by) in &self.timeline {
            let seconds = at.duration_since(begin).as_secs_f64();
            writeln!(f, "  {seconds:>7.2} s  {what:<18} by {by}")?;
        }
        writeln!(f, "\nHow long each leg took")?;
        for leg in &self.legs {
            writeln!(f, "  {:>7} ms  {}", leg.milliseconds, leg.name)?;
        }
        writeln!(f, "\nHow the news came")?;
        writeln!(f, "  by a webhook or a delayed check: {}", self.by_message)?;
        writeln!(
            f,
            "  by the EventBridge sweep:        {} (its webhook was lost on purpose)",
            self.by_sweep
        )?;
        writeln!(f, "\nTikTok pulled the very bytes (SHA-256 {}) and published them once:", self.sha256)?;
        write!(f, "  {}", self.url)
    }
}

fn now() -> Timestamp {
    lambda_kit::system::SystemClock.now()
}
