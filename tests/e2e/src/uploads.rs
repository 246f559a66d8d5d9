//! A long video by `FILE_UPLOAD`: what it costs the function in memory, how fast it is, and what a kill makes TikTok hear twice.
//!
//! The functions speak to the emulator and to TikTok without the wire: it would hold each body until it is whole. The measure is
//! a plain copy of the same object in the same chunks to an upload URL of the same TikTok, before and after.

use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures::stream;
use serde_json::{Value, json};
use slipway::client::{fresh_key, text};
use slipway::stack::SANDBOX_CLIENT_KEY;
use tiktok::UploadPlan;
use tiktok_sandbox::Endpoint;
use tokio::time::sleep;

use crate::journey::{Journey, sha256};
use crate::rig::{GOOD_VIDEO, Rig, Setup, repository_file};

/// What sends the bytes.
const FUNCTION: &str = "media-transfer";
/// A gigabyte on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_mins(20);
/// What is wanted: bytes of memory, and the share of a plain copy's throughput.
const MEMORY: u64 = 64_000_000;
const SHARE: f64 = 0.8;

/// Without the wire; a killed message comes back after a minute and a half.
pub fn setup() -> Setup {
    let mut setup = Setup::default().with("MediaTransferTimeout", "60").with("TransferVisibility", "90");
    setup.wired = false;
    setup
}

/// What became of both videos.
#[derive(Debug)]
pub struct Report {
    pub bytes: u64,
    pub chunks: u64,
    /// The function's peak resident memory in bytes.
    pub memory: u64,
    /// From the first chunk's begin to the last one's end.
    pub sent_in: Duration,
    /// The plain copies, the one before and the one after.
    pub copied_in: [Duration; 2],
    /// Chunks that TikTok had confirmed when the function was killed.
    pub killed_after: usize,
    /// PUTs of the killed upload that TikTok answered.
    pub puts: usize,
    /// Bytes that TikTok was sent although it had confirmed them.
    pub again: u64,
}

impl Report {
    /// The function's throughput against the plain copy's.
    pub fn share(&self) -> f64 {
        let [before, after] = self.copied_in;
        f64::midpoint(before.as_secs_f64(), after.as_secs_f64()) / self.sent_in.as_secs_f64()
    }

    /// An error if a byte went twice, or if the function needed too much memory or time.
    pub fn verdict(&self) -> Result<()> {
        ensure!(self.again == 0, "{} confirmed bytes were sent again", self.again);
        ensure!(self.memory <= MEMORY, "{} bytes of memory, {MEMORY} are allowed", self.memory);
        ensure!(self.share() >= SHARE, "{:.2} of a plain copy, {SHARE} is wanted", self.share());
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, chunks, memory, sent_in, copied_in: [before, after], killed_after, puts, again } =
            self;
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let mega = |bytes: u64| bytes as f64 / 1e6;
        writeln!(f, "{:.0} MB in {chunks} chunks", mega(*bytes))?;
        writeln!(f, "peak memory of {FUNCTION}: {:.1} MB", mega(*memory))?;
        writeln!(
            f,
            "{:.1} s, a plain copy {:.1} s before and {:.1} s after: {:.2} of its throughput",
            sent_in.as_secs_f64(),
            before.as_secs_f64(),
            after.as_secs_f64(),
            self.share()
        )?;
        writeln!(
            f,
            "killed after {killed_after} chunks: {puts} PUTs in all, {again} confirmed bytes sent again"
        )
    }
}

/// A good video made longer by bytes that no player looks at, each eight of them another number.
pub fn long_video(bytes: u64) -> Result<Vec<u8>> {
    let mut video = fs::read(repository_file(GOOD_VIDEO)?)?;
    let filler =
        u32::try_from(bytes - u64::try_from(video.len())?).context("more than a box of 32 bits holds")?;
    video.extend(filler.to_be_bytes());
    video.extend(b"free");
    let bytes = usize::try_from(bytes)?;
    video.reserve_exact(bytes - video.len());
    for number in 0_u64.. {
        let number = number.to_be_bytes();
        let left = (bytes - video.len()).min(number.len());
        video.extend(&number[..left]);
        if left < number.len() {
            break;
        }
    }
    Ok(video)
}

/// Sends two videos of so many bytes, and kills the function in the middle of the second.
pub async fn run(rig: &Rig, bytes: u64, say: impl Fn(&str)) -> Result<Report> {
    let plan = UploadPlan::of(bytes).context("TikTok takes no video of this size")?;
    let video = long_video(bytes)?;
    let sha256 = sha256(&video);
    let mut journeys = Vec::new();
    for _ in 0..2 {
        let journey = Journey::begin(rig).await?;
        let declared = json!({ "kind": "video", "content_type": "video/mp4", "size": bytes });
        let media = journey.api.post("/v1/media", &fresh_key(), &declared).await?;
        journey.put(&media["upload"], video.clone()).await?;
        journeys.push((journey, text(&media, "id").to_owned()));
        say("a video is in the bucket");
    }
    drop(video);
    let [(calm, calm_media), (killed, killed_media)] = &journeys[..] else { unreachable!("two") };

    let before = copy(rig, calm_media, plan).await?;
    say("copied once");
    let post = begin(calm, calm_media).await?;
    let memory = peak_until(rig, calm, plan, plan.chunk_count()).await?;
    calm.becomes_within(&post, "published", PATIENCE).await?;
    let (sent_in, _) = judged(rig, calm, &sha256, plan)?;
    say("sent and published");
    let after = copy(rig, calm_media, plan).await?;
    say("copied again");

    let post = begin(killed, killed_media).await?;
    let half = plan.chunk_count() / 2;
    let memory = memory.max(peak_until(rig, killed, plan, half).await?);
    let killed_after = puts(rig, killed).len();
    rig.kill(FUNCTION);
    say("killed");
    let memory = memory.max(peak_until(rig, killed, plan, plan.chunk_count()).await?);
    killed.becomes_within(&post, "published", PATIENCE).await?;
    let (_, again) = judged(rig, killed, &sha256, plan)?;
    rig.every_queue_is_empty(PATIENCE).await?;
    Ok(Report {
        bytes,
        chunks: plan.chunk_count(),
        memory,
        sent_in,
        copied_in: [before, after],
        killed_after,
        puts: puts(rig, killed).len(),
        again,
    })
}

async fn begin(journey: &Journey<'_>, media: &str) -> Result<String> {
    let mut post = journey.post_with(media);
    post["transport"] = json!("upload");
    journey.create(&post).await
}

/// A chunk that TikTok answered.
struct Put {
    at: i64,
    first: u64,
    confirmed: bool,
}

fn puts(rig: &Rig, journey: &Journey<'_>) -> Vec<Put> {
    let world = rig.sandbox().world();
    let ours =
        world.calls(Endpoint::Upload).filter(|(_, call)| call.account.as_ref() == Some(&journey.account));
    ours.map(|(entry, call)| Put {
        at: entry.at_ms,
        first: first_byte(call.request["content_range"].as_str().unwrap_or_default()),
        confirmed: [200, 201, 206].contains(&call.status),
    })
    .collect()
}

/// `bytes 5-9/10` -> 5.
fn first_byte(range: &str) -> u64 {
    let first = range.strip_prefix("bytes ").and_then(|range| range.split('-').next());
    first.and_then(|first| first.parse().ok()).unwrap_or(u64::MAX)
}

/// The most memory that the function needed until TikTok had so many chunks.
async fn peak_until(rig: &Rig, journey: &Journey<'_>, plan: UploadPlan, chunks: u64) -> Result<u64> {
    let (since, mut peak) = (Instant::now(), 0);
    while u64::try_from(puts(rig, journey).iter().filter(|put| put.confirmed).count())? < chunks {
        ensure!(since.elapsed() < PATIENCE, "no end of {} bytes\n{}", plan.size(), rig.last_words());
        for pid in rig.processes(FUNCTION) {
            peak = peak.max(resident(pid).unwrap_or_default());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Ok(peak)
}

/// `VmHWM` in bytes.
fn resident(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// How long it took, and how many confirmed bytes were sent again; an error if TikTok has not published these very bytes once.
fn judged(rig: &Rig, journey: &Journey<'_>, sha256: &str, plan: UploadPlan) -> Result<(Duration, u64)> {
    let publications = rig.publications(&journey.account);
    let [publication] = publications.as_slice() else { anyhow::bail!("{publications:#?}") };
    ensure!(publication.bytes == plan.size() && publication.sha256 == sha256, "other bytes were published");
    let puts = puts(rig, journey);
    let (mut at, mut again) = (0, 0);
    for put in &puts {
        if put.first < at {
            again += plan.chunk_size();
        } else if put.confirmed {
            at += plan.chunk_size();
        }
    }
    let (first, last) = (puts.first().context("no chunk")?, puts.last().context("no chunk")?);
    // the log has each chunk's end: the first one's begin is a chunk's time before it
    let took = f64::from(u32::try_from(last.at - first.at)?) / 1e3;
    let chunks = f64::from(u32::try_from(plan.chunk_count())?);
    Ok((Duration::from_secs_f64(took * chunks / (chunks - 1.0)), again))
}

/// The same object in the same chunks to an upload URL of the same TikTok, each streamed as it comes.
async fn copy(rig: &Rig, media: &str, plan: UploadPlan) -> Result<Duration> {
    let http = slipway::http::client()?;
    let (s3, bucket, key) = (rig.stack.s3(), &rig.stack.facts.media_bucket, format!("up/{media}"));
    let url = upload_url(rig, &http, plan).await?;
    let (mut since, mut first) = (Instant::now(), Duration::ZERO);
    for chunk in plan.chunks() {
        let range = format!("bytes={}-{}", chunk.start, chunk.end - 1);
        let object = s3.get_object().bucket(bucket).key(&key).range(range).send().await?;
        let bytes = stream::unfold(object.body, |mut body| async {
            let bytes = body.next().await?;
            Some((bytes, body))
        });
        let request = http
            .put(&url)
            .header("content-type", "video/mp4")
            .header("content-length", chunk.end - chunk.start)
            .header("content-range", format!("bytes {}-{}/{}", chunk.start, chunk.end - 1, plan.size()))
            .body(reqwest::Body::wrap_stream(bytes));
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "TikTok answered {}", answer.status());
        if first.is_zero() {
            (first, since) = (since.elapsed(), Instant::now());
        }
    }
    // as the function's time is told: from the first chunk's end to the last one's, and a chunk's time
    let chunks = f64::from(u32::try_from(plan.chunk_count())?);
    Ok(Duration::from_secs_f64(since.elapsed().as_secs_f64() * chunks / (chunks - 1.0)))
}

async fn upload_url(rig: &Rig, http: &reqwest::Client, plan: UploadPlan) -> Result<String> {
    let account = rig.new_account();
    let tokens = rig.sandbox().connect(SANDBOX_CLIENT_KEY, &account, &["user.info.basic", "video.publish"]);
    let init = json!({
        "post_info": {
            "privacy_level": "SELF_ONLY",
            "brand_content_toggle": false,
            "brand_organic_toggle": false,
        },
        "source_info": {
            "source": "FILE_UPLOAD",
            "video_size": plan.size(),
            "chunk_size": plan.chunk_size(),
            "total_chunk_count": plan.chunk_count(),
        },
    });
    let base = &rig.stack.facts.tiktok_base_url;
    let ask = |path: &str, body: &Value| {
        let request = http.post(format!("{base}{path}")).bearer_auth(text(&tokens, "access_token"));
        request.header("content-type", "application/json; charset=UTF-8").body(body.to_string()).send()
    };
    ask("/v2/post/publish/creator_info/query/", &json!({})).await?;
    let answer = ask("/v2/post/publish/video/init/", &init).await?.bytes().await?;
    let answer: Value = serde_json::from_slice(&answer).context("reading TikTok's answer")?;
    let url = answer["data"]["upload_url"].as_str();
    Ok(url.with_context(|| format!("TikTok gives no upload URL: {answer}"))?.to_owned())
}
