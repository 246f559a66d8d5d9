//! What one post costs, on the local stack with the template's own periods: every call a function makes, the capacity
//! DynamoDB charges, and how long each leg takes.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use e2e::wire::{Call, Side, Wire};
use lambda_kit::system::SystemClock;
use serde::Serialize;
use serde_json::{Value, json};
use slipway::client::{Api, fresh_key, text};
use slipway::progress::Progress;
use slipway::stack::{Profile, Stack, StackOptions, TikTok, sandbox_config};
use tiktok_sandbox::{AutoTime, Config, Time, What};

use crate::imitation::RuntimeApi;
use crate::prices::{self, Cost, Usage};
use crate::process;
use crate::report::{Held, Table, median};
use crate::startup::{self, Function};

/// The budgets.
const CALLS: f64 = 26.0;
const WRITE_UNITS: f64 = 25.0;
const READ_UNITS: f64 = 8.0;
const CALLS_PER_POLL: f64 = 3.0;
const WRITE_UNITS_PER_POLL: f64 = 2.0;
const STATUS_CALLS: f64 = 3.0;
const CALLS_OF_A_WARM_POST: f64 = 5.0;
const CPU_MS_OF_A_WARM_POST: f64 = 3.0;

/// TikTok's limit is six inits a minute, and one more post goes before.
const MEASURED_POSTS: usize = 5;
/// Warm requests of the api function alone.
const WARM_POSTS: usize = 30;
const PATIENCE: Duration = Duration::from_mins(4);
/// No call for so long, and the post is over.
const QUIET: Duration = Duration::from_secs(2);
/// The video's size: the demo's video, padded as a long one would be.
const VIDEO_BYTES: usize = 20_000_000;

/// How a call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum Counted {
    /// Towards the post.
    Post,
    /// Apart: key look-ups, secrets once a process, the minute's sweep.
    Apart,
    /// To TikTok.
    TikTok,
}

fn counted(call: &Call) -> Counted {
    let apart = call.service == "SSM" || call.subject.starts_with("key") || call.subject == "index due";
    match (call.side, apart) {
        (Side::TikTok, _) => Counted::TikTok,
        (Side::Aws, true) | (Side::Api, _) => Counted::Apart,
        (Side::Aws, false) => Counted::Post,
    }
}

/// One call site, summed over a post.
#[derive(Clone, Debug, Default, Serialize)]
struct Site {
    calls: f64,
    write_units: f64,
    read_units: f64,
    milliseconds: f64,
}

/// What one post came to.
#[derive(Debug, Serialize)]
struct Posted {
    sites: BTreeMap<String, (Counted, Site)>,
    calls: f64,
    write_units: f64,
    read_units: f64,
    creator_info_calls: f64,
    init_calls: f64,
    status_calls: f64,
    /// What the status function calls for its polls. The post's end, which a webhook brings otherwise, is not in it.
    polling: Site,
    /// Bytes of the video that functions read to probe it, by range.
    probed_bytes: u64,
    /// Bytes of the video that went through a function otherwise.
    carried_bytes: u64,
    legs: Vec<(String, f64)>,
    usage: Usage,
}

/// Posts of one kind.
#[derive(Debug, Serialize)]
struct Journey {
    name: &'static str,
    /// The first: processes and caches are cold.
    cold: Posted,
    warm: Vec<Posted>,
    budgets: BTreeMap<&'static str, Held>,
    legs_ms: Vec<(String, f64)>,
    usage: Usage,
    dollars_per_million: Cost,
}

#[derive(Debug, Serialize)]
struct WarmPost {
    requests: usize,
    aws_calls: Held,
    cpu_ms: Held,
    wall_ms: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    at: String,
    video_bytes: usize,
    prices: &'static str,
    journeys: Vec<Journey>,
    warm_post_request: WarmPost,
    egress_dollars_per_thousand_posts_of_30_mb: f64,
    idle_dollars_a_month: f64,
}

pub(crate) async fn measure(binaries: &BTreeMap<String, PathBuf>) -> Result<Report> {
    let directory = std::env::temp_dir().join(format!("slipway-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).context("making a directory")?;
    let video = directory.join("video.mp4");
    std::fs::write(&video, padded_video()?).context("writing the video")?;
    let report = both(binaries, &video).await;
    std::fs::remove_dir_all(&directory).context("removing the video")?;
    report
}

async fn both(binaries: &BTreeMap<String, PathBuf>, video: &Path) -> Result<Report> {
    let bench = Bench::start(binaries, sandbox_config(), &[]).await?;
    let heard = bench.journey("with webhooks", video, "PUBLIC_TO_EVERYONE", MEASURED_POSTS).await;
    let warm = match &heard {
        Ok(_) => bench.warm_posts(&binaries["api"], video).await.map(Some),
        Err(_) => Ok(None),
    };
    bench.stop().await?;
    let heard = heard?;

    // moderation usually takes less than a minute, so this is the long end of the usual
    let mut silent = sandbox_config();
    silent.webhooks.enabled = false;
    silent.time = Time::Auto(AutoTime { processing_ms: 60_000, ..AutoTime::default() });
    let bench = Bench::start(binaries, silent, &[("PollLadder", "35,20,30,60,120,300,900")]).await?;
    let asked = bench.journey("without webhooks, a minute of processing", video, "SELF_ONLY", 1).await;
    bench.stop().await?;

    Ok(Report {
        at: SystemClock.now().to_string(),
        video_bytes: VIDEO_BYTES,
        prices: prices::AS_OF,
        journeys: vec![heard, asked?],
        warm_post_request: warm?.context("no warm requests were made")?,
        egress_dollars_per_thousand_posts_of_30_mb: prices::egress_per_thousand(30e6),
        idle_dollars_a_month: prices::idle_month(),
    })
}

/// The demo's video, its last box made longer: most of a video is samples, and the probe reads none of them.
fn padded_video() -> Result<Vec<u8>> {
    let path = slipway::repo::root()?.join("infra/slipway/demo.mp4");
    let mut video = std::fs::read(&path).with_context(|| format!("reading `{}`", path.display()))?;
    let samples =
        video.windows(4).rposition(|window| window == b"mdat").context("the demo's video has no samples")?
            - 4;
    let longer = u32::try_from(VIDEO_BYTES - samples).context("the video is too large")?;
    video[samples..samples + 4].copy_from_slice(&longer.to_be_bytes());
    video.resize(VIDEO_BYTES, 0);
    Ok(video)
}

/// A stack with a wire in it.
struct Bench {
    stack: Stack,
    wire: Wire,
    api: Api,
}

impl Bench {
    async fn start(
        binaries: &BTreeMap<String, PathBuf>,
        tiktok: Config,
        parameters: &[(&str, &str)],
    ) -> Result<Self> {
        let mut options = StackOptions::for_test()?;
        let wire = Wire::start(&options.ports.aws.url(), &options.ports.tiktok.url()).await?;
        options.profile = Profile::Release;
        options.binaries = Some(binaries.clone());
        options.tiktok = TikTok::Sandbox(Box::new(tiktok));
        options.functions_endpoint = Some(wire.aws_url());
        options.functions_tiktok = Some(wire.tiktok_url());
        options.progress = Progress::Shown;
        for (parameter, value) in parameters {
            options = options.with(parameter, *value);
        }
        let stack = Stack::start(options).await?;
        wire.name_functions(&stack.facts.functions);
        let api = Api::new(&stack.facts.api_url, &stack.facts.api_key)?;
        Ok(Self { stack, wire, api })
    }

    async fn stop(self) -> Result<()> {
        self.stack.stop().await
    }

    /// What the functions wrote last, for whoever reads why it failed.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.stack.functions_log).unwrap_or_default();
        let lines: Vec<_> = log.lines().filter(|line| !line.contains("\"_aws\"")).collect();
        format!("the functions' last words:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }

    async fn journey(
        &self,
        name: &'static str,
        video: &Path,
        privacy_level: &str,
        posts: usize,
    ) -> Result<Journey> {
        let creator = self.api.connect_creator("ada").await.with_context(|| self.last_words())?;
        let creator = text(&creator, "id");
        let cold = self.post(creator, video, privacy_level).await.with_context(|| self.last_words())?;
        let mut warm = Vec::new();
        for _ in 0..posts {
            warm.push(self.post(creator, video, privacy_level).await?);
        }
        let all = || std::iter::once(&cold).chain(&warm);
        let most = |figure: fn(&Posted) -> f64| all().map(figure).fold(0.0, f64::max);
        let polls = most(|post| post.status_calls);
        let per_poll = |figure: fn(&Site) -> f64| {
            most_of(&warm, |post| figure(&post.polling) / post.status_calls.max(1.0))
        };
        let mut budgets = BTreeMap::from([
            ("AWS calls", Held::against(CALLS + CALLS_PER_POLL * polls, most(|post| post.calls))),
            (
                "write units",
                Held::against(WRITE_UNITS + WRITE_UNITS_PER_POLL * polls, most(|post| post.write_units)),
            ),
            (
                "read units, without the polls'",
                Held::against(READ_UNITS, most(|post| post.read_units - post.polling.read_units)),
            ),
            ("creator_info calls", Held::against(1.0, most(|post| post.creator_info_calls))),
            ("init calls", Held::against(1.0, most(|post| post.init_calls))),
            ("status calls", Held::against(STATUS_CALLS, polls)),
            ("bytes of the video carried", Held::against(0.0, most(|post| lossy(post.carried_bytes)))),
        ]);
        if polls > 0.0 {
            budgets.insert("AWS calls per poll", Held::against(CALLS_PER_POLL, per_poll(|site| site.calls)));
            budgets.insert(
                "write units per poll",
                Held::against(WRITE_UNITS_PER_POLL, per_poll(|site| site.write_units)),
            );
        }
        let legs_ms = cold.legs.iter().map(|(leg, _)| {
            let times = warm.iter().flat_map(|post| &post.legs).filter(|(name, _)| name == leg);
            (leg.clone(), median(times.map(|(_, milliseconds)| *milliseconds).collect()))
        });
        let legs_ms = legs_ms.collect();
        let usage = mean(&warm.iter().map(|post| post.usage).collect::<Vec<_>>());
        Ok(Journey { name, budgets, legs_ms, usage, dollars_per_million: usage.per_million(), cold, warm })
    }

    /// Uploads the video, asks for the post and waits for its end without looking: a look would be a call of its own.
    async fn post(&self, creator: &str, video: &Path, privacy_level: &str) -> Result<Posted> {
        let sandbox = self.stack.sandbox.as_ref().context("the stack has no sandbox")?;
        let quiet_before = self.until_quiet().await;
        self.wire.forget();
        let log_before = self.log_bytes();
        let (events_before, published_before) = (sandbox.log().len(), sandbox.world().publications().count());

        let begun = Instant::now();
        let media = self.api.upload(video, |_| {}).await?;
        let uploaded = Instant::now();
        let wanted = new_post(creator, &media, privacy_level);
        let created = self.api.post("/v1/posts", &fresh_key(), &wanted).await?;
        let accepted = Instant::now();
        let id = text(&created, "id").to_owned();

        let deadline = Instant::now() + PATIENCE;
        while sandbox.world().publications().count() == published_before {
            ensure!(Instant::now() < deadline, "nothing was published within {} s", PATIENCE.as_secs());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if sandbox.world().config().webhooks.enabled {
            // the public post's id comes last
            let told = || {
                sandbox.log()[events_before..].iter().any(|entry| matches!(&entry.what, What::Webhook { event, status: Some(200), .. } if event.contains("publicly_available")))
            };
            while !told() {
                ensure!(Instant::now() < deadline, "TikTok did not tell of the public post");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        } else {
            let published = Instant::now();
            let asked = |calls: &[Call]| {
                calls.iter().any(|call| call.operation == "status_fetch" && call.at > published).then_some(())
            };
            self.wire.wait_for(PATIENCE, asked).await.context("nobody asked TikTok")?;
        }
        let over = self.until_quiet().await.max(quiet_before);
        let mut calls = self.wire.calls();
        calls.retain(|call| call.function.is_some() && call.at <= over);
        let webhooks = sandbox.log()[events_before..]
            .iter()
            .filter(|entry| matches!(entry.what, What::Webhook { .. }))
            .count();
        let log_bytes = self.log_bytes().saturating_sub(log_before);

        let post = self.api.get(&format!("/v1/posts/{id}")).await?;
        ensure!(text(&post, "state") == "published", "the post ended otherwise: {post:#}");
        let mut legs = vec![
            ("declare and upload (presigned PUT)".to_owned(), milliseconds(uploaded - begun)),
            ("POST /v1/posts".to_owned(), milliseconds(accepted - uploaded)),
        ];
        legs.extend(timeline_legs(&post)?);
        Ok(summed(&calls, legs, webhooks, log_bytes))
    }

    /// Waits until no function has called anybody for a while; the moment of the last call's end.
    async fn until_quiet(&self) -> Instant {
        let mut last = Instant::now();
        let mut seen = self.wire.calls().len();
        while last.elapsed() < QUIET {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = self.wire.calls().len();
            if now != seen {
                (seen, last) = (now, Instant::now());
            }
        }
        Instant::now()
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.stack.functions_log).map_or(0, |log| log.len())
    }

    /// The api function alone, warm: under a Runtime API of ours, on the stack's rows, its jobs going to a queue that nobody
    /// reads.
    async fn warm_posts(&self, binary: &Path, video: &Path) -> Result<WarmPost> {
        let creators = self.api.get("/v1/creators").await?;
        let creator = text(&creators["data"][0], "id").to_owned();
        let media = self.api.upload(video, |_| {}).await?;
        let deadline = Instant::now() + PATIENCE;
        while text(&self.api.get(&format!("/v1/media/{media}")).await?, "state") != "ready" {
            ensure!(Instant::now() < deadline, "the media is not ready");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let sqs = aws_sdk_sqs::Client::new(&self.stack.aws());
        let queue = sqs.create_queue().queue_name("bench").send().await.context("making a queue")?;
        let facts = &self.stack.facts;
        let mut environment = startup::environment(&self.wire.aws_url());
        environment.extend([
            ("TABLE", facts.table.clone()),
            ("MEDIA_BUCKET", facts.media_bucket.clone()),
            (
                "KMS_KEY_ID",
                self.stack.outputs.get("KeyId").context("the template has no output `KeyId`")?.clone(),
            ),
            ("SECRETS_PREFIX", "/slipway/local".to_owned()),
            ("PUBLISH_QUEUE_URL", queue.queue_url().context("the queue has no URL")?.to_owned()),
        ]);
        let mut function = Function::start(binary, "bench-api", environment).await?;
        let body = new_post(&creator, &media, "PUBLIC_TO_EVERYONE");
        let (mut calls, mut cpu, mut wall) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..=WARM_POSTS {
            let mut event = startup::request("POST", "/v1/posts", Some(&body));
            event["headers"]["authorization"] = json!(format!("Bearer {}", facts.api_key));
            event["headers"]["idempotency-key"] = json!(fresh_key());
            let next = function.runtime.next().await?;
            let before = process::processor_time(function.pid).await?;
            let calls_before = self.calls_of(function.pid);
            let begun = Instant::now();
            let (answered, answer) = function.runtime.give(next, &event).await?;
            ensure!(answer["statusCode"] == 202 || answer["statusCode"] == 201, "POST /v1/posts: {answer:#}");
            // the first one fills the caches
            if number > 0 {
                wall.push(milliseconds(answered.at - begun));
                cpu.push(milliseconds(process::processor_time(function.pid).await?.saturating_sub(before)));
                calls.push(lossy(self.calls_of(function.pid) - calls_before));
            }
            RuntimeApi::accept(answered);
        }
        Ok(WarmPost {
            requests: WARM_POSTS,
            aws_calls: Held::against(CALLS_OF_A_WARM_POST, calls.into_iter().fold(0.0, f64::max)),
            cpu_ms: Held::against(CPU_MS_OF_A_WARM_POST, median(cpu)),
            wall_ms: median(wall),
        })
    }

    fn calls_of(&self, pid: u32) -> u64 {
        self.wire
            .calls()
            .iter()
            .filter(|call| call.pid.and_then(|pid| u32::try_from(pid).ok()) == Some(pid))
            .count() as u64
    }
}

fn new_post(creator: &str, media: &str, privacy_level: &str) -> Value {
    json!({
        "creator": creator,
        "media": [{ "id": media }],
        "caption": "Harbour at six, when the boats come in and nobody is up yet #boats #morning",
        "privacy_level": privacy_level,
        "allow": { "comment": true, "duet": false, "stitch": false },
        "disclosure": { "your_brand": false, "branded_content": false },
        "ai_generated": false,
        "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
    })
}

fn timeline_legs(post: &Value) -> Result<Vec<(String, f64)>> {
    let entries = post["timeline"].as_array().context("the post has no timeline")?;
    let at = |entry: &Value| {
        text(entry, "at").parse::<jiff::Timestamp>().context("reading a time of the timeline")
    };
    let leg = |pair: &[Value]| {
        let took = at(&pair[1])?.duration_since(at(&pair[0])?);
        Ok((format!("{} -> {}", text(&pair[0], "what"), text(&pair[1], "what")), took.as_secs_f64() * 1e3))
    };
    entries.windows(2).map(leg).collect()
}

fn summed(calls: &[Call], legs: Vec<(String, f64)>, webhooks: usize, log_bytes: u64) -> Posted {
    let mut sites = BTreeMap::<String, (Counted, Site)>::new();
    for call in calls {
        let (_, site) = sites.entry(call.name()).or_insert_with(|| (counted(call), Site::default()));
        site.add(call);
    }
    let sum = |which: &dyn Fn(&Call) -> bool| {
        let mut site = Site::default();
        calls.iter().filter(|call| which(call)).for_each(|call| site.add(call));
        site
    };
    let of_post = |call: &Call| counted(call) == Counted::Post;
    let post = sum(&of_post);
    let tiktok =
        |operation: &str| sum(&|call| call.side == Side::TikTok && call.operation == operation).calls;
    let s3 = |operations: &[&str]| {
        sum(&|call| call.service == "S3" && operations.contains(&call.operation.as_str())).calls
    };
    let messages = sum(&|call| call.service == "SQS").calls;
    let bytes =
        |which: &dyn Fn(&Call) -> u64| calls.iter().filter(|call| call.service == "S3").map(which).sum();
    let ends = |call: &Call| call.operation == "DeleteObject" || call.name().ends_with("UpdateItem post#pst");
    let is_poll = |call: &Call| call.function.as_deref() == Some("status-poll") && !ends(call);
    let is_probe = |call: &Call| call.function.as_deref() == Some("media-ingest");
    let usage = Usage {
        // two requests of the person, and TikTok's webhooks
        http_requests: 2.0 + lossy(webhooks as u64),
        // those, the upload's event, and each message
        invocations: 2.0 + lossy(webhooks as u64) + 1.0 + messages,
        aws_calls: post.calls,
        tiktok_calls: sum(&|call| call.side == Side::TikTok).calls,
        // S3's own message is one more
        messages: messages + 1.0,
        write_units: post.write_units,
        read_units: post.read_units,
        // the person's own upload is one more
        s3_writes: 1.0
            + s3(&[
                "PutObject",
                "CopyObject",
                "UploadPart",
                "CreateMultipartUpload",
                "CompleteMultipartUpload",
            ]),
        // TikTok's pull is one more
        s3_reads: 1.0 + s3(&["GetObject", "HeadObject"]),
        kms_requests: sum(&|call| call.service == "KMS").calls,
        log_bytes: lossy(log_bytes),
    };
    Posted {
        calls: post.calls,
        write_units: post.write_units,
        read_units: post.read_units,
        creator_info_calls: tiktok("creator_info"),
        init_calls: tiktok("video_init"),
        status_calls: tiktok("status_fetch"),
        polling: sum(&|call| of_post(call) && is_poll(call)),
        probed_bytes: bytes(&|call| if is_probe(call) { call.received } else { 0 }),
        carried_bytes: bytes(&|call| match (call.operation.as_str(), is_probe(call)) {
            ("GetObject", false) => call.received,
            ("PutObject" | "UploadPart", _) => call.sent,
            _ => 0,
        }),
        sites,
        legs,
        usage,
    }
}

impl Site {
    fn add(&mut self, call: &Call) {
        self.calls += 1.0;
        self.write_units += call.write_units;
        self.read_units += call.read_units;
        self.milliseconds += milliseconds(call.took);
    }
}

fn mean(all: &[Usage]) -> Usage {
    let count = lossy(all.len() as u64);
    let of = |figure: fn(&Usage) -> f64| all.iter().map(figure).sum::<f64>() / count;
    Usage {
        http_requests: of(|it| it.http_requests),
        invocations: of(|it| it.invocations),
        aws_calls: of(|it| it.aws_calls),
        tiktok_calls: of(|it| it.tiktok_calls),
        messages: of(|it| it.messages),
        write_units: of(|it| it.write_units),
        read_units: of(|it| it.read_units),
        s3_writes: of(|it| it.s3_writes),
        s3_reads: of(|it| it.s3_reads),
        kms_requests: of(|it| it.kms_requests),
        log_bytes: of(|it| it.log_bytes),
    }
}

fn most_of(posts: &[Posted], figure: impl Fn(&Posted) -> f64) -> f64 {
    posts.iter().map(figure).fold(0.0, f64::max)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn lossy(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for journey in &self.journeys {
            writeln!(f, "{journey}")?;
        }
        let warm = &self.warm_post_request;
        writeln!(f, "Warm POST /v1/posts, medians of {}", warm.requests)?;
        writeln!(f, "  CPU ms in the function  {:.2}", warm.cpu_ms)?;
        writeln!(f, "  AWS calls               {}", warm.aws_calls)?;
        writeln!(f, "  wall ms                 {:.1}", warm.wall_ms)?;
        writeln!(f)?;
        writeln!(
            f,
            "Bytes: ${:.2} per thousand posts of 30 MB that TikTok pulls from S3 itself",
            self.egress_dollars_per_thousand_posts_of_30_mb
        )?;
        write!(f, "Idle: ${:.2} a month ({})", self.idle_dollars_a_month, self.prices)
    }
}

impl fmt::Display for Journey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "One post {} (a presigned PUT of {} bytes)\n", self.name, VIDEO_BYTES)?;
        let shown = self.warm.last().unwrap_or(&self.cold);
        for (title, which) in [
            ("call site", Counted::Post),
            ("call to TikTok", Counted::TikTok),
            ("counted apart", Counted::Apart),
        ] {
            let mut table = Table::new(&[title, "calls", "cold", "write units", "read units", "ms"]);
            let names =
                shown.sites.iter().chain(&self.cold.sites).filter(|(_, (counted, _))| *counted == which);
            let mut names: Vec<_> = names.map(|(name, _)| name).collect();
            names.sort();
            names.dedup();
            for name in names {
                let site = shown.sites.get(name).map(|(_, site)| site.clone()).unwrap_or_default();
                let cold = self.cold.sites.get(name).map_or(0.0, |(_, site)| site.calls);
                table.row([
                    name.clone(),
                    format!("{}", site.calls),
                    format!("{cold}"),
                    format!("{}", site.write_units),
                    format!("{}", site.read_units),
                    format!("{:.1}", site.milliseconds),
                ]);
            }
            writeln!(f, "{table}")?;
        }
        let mut table = Table::new(&["budget", "the most of all posts", "warm", "cold"]);
        for (name, held) in &self.budgets {
            let of = |post: &Posted| match *name {
                "AWS calls" => format!("{}", post.calls),
                "write units" => format!("{}", post.write_units),
                "read units, without the polls'" => format!("{}", post.read_units - post.polling.read_units),
                _ => String::new(),
            };
            table.row([(*name).to_owned(), format!("{held:.1}"), of(shown), of(&self.cold)]);
        }
        writeln!(f, "{table}")?;
        writeln!(f, "bytes of the video read to probe it, by range: {}\n", shown.probed_bytes)?;
        let mut table = Table::new(&["leg", "ms, warm median", "cold"]);
        for ((leg, warm), (_, cold)) in self.legs_ms.iter().zip(&self.cold.legs) {
            table.row([leg.clone(), format!("{warm:.0}"), format!("{cold:.0}")]);
        }
        writeln!(f, "{table}")?;
        let mut table = Table::new(&["$ per million posts", "$"]);
        for (part, dollars) in &self.dollars_per_million.parts {
            table.row([(*part).to_owned(), format!("{dollars:.2}")]);
        }
        table.row(["all".to_owned(), format!("{:.2}", self.dollars_per_million.total)]);
        write!(f, "{table}")
    }
}
