//! What kind of video an object is, found by ranged reads only: a 4 GB file costs a handful of requests and less
//! than 8 MiB. [`probe`] says what is there, [`judge`] holds it against TikTok's limits.

mod mp4;
pub mod photo;
mod webm;
mod window;

use std::fmt;

use bytes::Bytes;
pub use domain::media::Container;
use serde::Serialize;

use window::Window;

/// An object that can be read in pieces.
pub trait RangedRead: Send {
    /// Why a piece could not be read.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Reads exactly `len` bytes from `offset`; `offset + len` never exceeds [`size`](Self::size).
    fn read(&mut self, offset: u64, len: u64) -> impl Future<Output = Result<Bytes, Self::Error>> + Send;

    /// Length of the whole object in bytes.
    fn size(&self) -> u64;
}

/// What the file is, by its bytes (never by its name or its declared type).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// The container.
    pub container: Container,
    /// Codec of the video track.
    pub video_codec: VideoCodec,
    /// Length in milliseconds, the longest track's; `None` where the file does not say and looking for it would
    /// cost too much.
    pub duration_ms: Option<u64>,
    /// Average frames per second.
    pub frame_rate: Option<f64>,
    /// Pixels as stored, before [`rotation`](Self::rotation).
    pub width: u32,
    /// Pixels as stored, before [`rotation`](Self::rotation).
    pub height: u32,
    /// Clockwise turn that a player applies: 0, 90, 180 or 270 degrees.
    pub rotation: u16,
    /// Length of the file in bytes.
    pub size: u64,
    /// Whether there is a sound track.
    pub audio: bool,
    /// Bytes that the container announces beyond the end of the file; 0 when the file is whole.
    pub missing_bytes: u64,
    /// Whether the movie header stands behind the media data, so that a player must have it all first.
    pub starts_late: bool,
}

impl Probe {
    /// Width and height as a viewer sees them.
    pub fn shown(&self) -> (u32, u32) {
        if self.rotation % 180 == 90 { (self.height, self.width) } else { (self.width, self.height) }
    }
}

/// Codec of a video track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum VideoCodec {
    H264,
    H265,
    Vp8,
    Vp9,
    /// Any other, by the container's own name for it (`mp4v`, `V_AV1`).
    Other(String),
}

impl fmt::Display for VideoCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Vp8 => "vp8",
            Self::Vp9 => "vp9",
            Self::Other(name) => name,
        })
    }
}

impl From<VideoCodec> for String {
    fn from(codec: VideoCodec) -> Self {
        codec.to_string()
    }
}

/// A broken rule. `found` and `limit` are phrases, `remedy` is what a person can do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable id of the rule, one of [`rules`].
    pub rule: &'static str,
    pub found: String,
    pub limit: String,
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {}, allowed is {}", self.found, self.limit)
    }
}

impl From<Problem> for domain::Problem {
    /// A problem of the whole media.
    fn from(problem: Problem) -> Self {
        Self::new("", problem.rule, problem.to_string(), problem.remedy)
    }
}

impl Problem {
    /// The same as advice for the whole media: nothing is refused for it.
    pub fn into_advice(self) -> domain::Problem {
        let detail = format!("found {}, recommended is {}", self.found, self.limit);
        domain::Problem::new("", self.rule, detail, self.remedy).as_advice()
    }
}

/// The rules a video can break. Clients switch on these: never rename one.
pub mod rules {
    pub const EMPTY: &str = "video.empty";
    pub const CONTAINER_UNKNOWN: &str = "video.container.unknown";
    pub const CONTAINER_DAMAGED: &str = "video.container.damaged";
    pub const TRUNCATED: &str = "video.truncated";
    pub const NO_VIDEO_TRACK: &str = "video.no_video_track";
    pub const CODEC_UNSUPPORTED: &str = "video.codec.unsupported";
    pub const DURATION_UNKNOWN: &str = "video.duration.unknown";
    pub const DURATION_MAX: &str = "video.duration.max";
    pub const FRAME_RATE_UNKNOWN: &str = "video.frame_rate.unknown";
    pub const FRAME_RATE_RANGE: &str = "video.frame_rate.range";
    pub const SIDE_RANGE: &str = "video.side.range";
    pub const SIZE_MAX: &str = "video.size.max";
    // advice
    pub const CONTAINER_ADVICE: &str = "video.container.advice";
    pub const CODEC_ADVICE: &str = "video.codec.advice";
    pub const ASPECT_ADVICE: &str = "video.aspect.advice";
    pub const DURATION_ADVICE: &str = "video.duration.advice";
    pub const FASTSTART_ADVICE: &str = "video.faststart.advice";

    /// All of them.
    pub const ALL: [&str; 17] = [
        EMPTY,
        CONTAINER_UNKNOWN,
        CONTAINER_DAMAGED,
        TRUNCATED,
        NO_VIDEO_TRACK,
        CODEC_UNSUPPORTED,
        DURATION_UNKNOWN,
        DURATION_MAX,
        FRAME_RATE_UNKNOWN,
        FRAME_RATE_RANGE,
        SIDE_RANGE,
        SIZE_MAX,
        CONTAINER_ADVICE,
        CODEC_ADVICE,
        ASPECT_ADVICE,
        DURATION_ADVICE,
        FASTSTART_ADVICE,
    ];
}

/// Why there is no [`Probe`].
#[derive(Debug, thiserror::Error)]
pub enum ProbeError<E: std::error::Error + 'static> {
    /// The object could not be read: nothing is known of the file, try again.
    #[error("reading the media")]
    Read(#[source] E),
    /// The source answered with fewer bytes than it promised: the object changed or the answer was cut, try again.
    #[error("reading the media: `{got}` bytes of `{wanted}` at `{offset}`")]
    Short { offset: u64, wanted: u64, got: u64 },
    /// The bytes are no usable video, now and forever.
    #[error("probing the media: `{}`", .0.rule)]
    Refused(Problem),
}

/// Finds out what `source` is. `declared_content_type` only helps to explain a refusal.
pub async fn probe<S: RangedRead>(
    source: &mut S,
    declared_content_type: Option<&str>,
) -> Result<Probe, ProbeError<S::Error>> {
    let size = source.size();
    if size == 0 {
        return Err(ProbeError::Refused(Problem {
            rule: rules::EMPTY,
            found: "a file of 0 bytes".into(),
            limit: "a video".into(),
            remedy: "upload the file again, it arrived empty".into(),
        }));
    }
    let mut window = Window::new(source);
    let found = async {
        let head = window.at(0, HEAD, HEAD).await?;
        if mp4::begins(&head) {
            mp4::probe(&mut window).await
        } else if webm::begins(&head) {
            webm::probe(&mut window).await
        } else {
            Err(unknown_container(name_of(&head)).into())
        }
    }
    .await;
    let mut verdict =
        found.map_err(|halt| halt.verdict(|| damaged("headers scattered over too much of the file")));
    if let (Err(ProbeError::Refused(problem)), Some(declared)) = (&mut verdict, declared_content_type)
        && problem.rule == rules::CONTAINER_UNKNOWN
    {
        problem.found = format!("{}, declared as `{declared}`", problem.found);
    }
    verdict
}

/// The first read: with the movie header in front it is also the last one.
const HEAD: u64 = 64 * 1024;

/// TikTok's limits for every creator (Content Posting API, Media Transfer Guide, "Video restrictions"). A creator's
/// own longest duration comes with `creator_info` and is checked before each post.
pub mod limits {
    /// Longest video any creator may post through the API: 10 minutes.
    pub const DURATION_MAX_MS: u64 = 600_000;
    /// Frames per second, lowest and highest.
    pub const FRAME_RATE: (f64, f64) = (23.0, 60.0);
    /// Shortest and longest side in pixels.
    pub const SIDE: (u32, u32) = (360, 4_096);
    /// "4 GB": TikTok does not say which, so the smaller reading.
    pub const SIZE_MAX: u64 = domain::media::VIDEO_MAX_BYTES;
}

/// Every limit of TikTok that the video breaks; empty when it may be posted.
pub fn judge(probe: &Probe) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut broken = |rule, found: String, limit: String, remedy: &str| {
        problems.push(Problem { rule, found, limit, remedy: remedy.into() });
    };

    if probe.missing_bytes > 0 {
        broken(
            rules::TRUNCATED,
            format!("a file that ends {} bytes early", probe.missing_bytes),
            "a complete file".into(),
            "upload the whole file again",
        );
    }
    if let VideoCodec::Other(name) = &probe.video_codec {
        broken(
            rules::CODEC_UNSUPPORTED,
            format!("the codec `{name}`"),
            "H.264, H.265, VP8 or VP9".into(),
            "export the video as H.264",
        );
    }
    match probe.duration_ms {
        None => broken(
            rules::DURATION_UNKNOWN,
            "a file that does not say how long it is".into(),
            format!("at most {}", seconds(limits::DURATION_MAX_MS)),
            "write the file anew with its duration in the header, for example `ffmpeg -i in -c copy out.mp4`",
        ),
        Some(ms) if ms > limits::DURATION_MAX_MS => broken(
            rules::DURATION_MAX,
            seconds(ms),
            format!("at most {}", seconds(limits::DURATION_MAX_MS)),
            "shorten the video",
        ),
        Some(_) => {}
    }
    let (slowest, fastest) = limits::FRAME_RATE;
    match probe.frame_rate {
        None => broken(
            rules::FRAME_RATE_UNKNOWN,
            "a file whose frame rate cannot be told".into(),
            format!("{slowest} to {fastest} frames per second"),
            "export the video with a constant frame rate, 30 is a good choice",
        ),
        // an average is only as good as the file's clock: 60.004 is 60
        Some(rate) if !(slowest..=fastest).contains(&((rate * 100.0).round() / 100.0)) => broken(
            rules::FRAME_RATE_RANGE,
            format!("{rate:.2} frames per second"),
            format!("{slowest} to {fastest} frames per second"),
            "export the video at 30 frames per second",
        ),
        Some(_) => {}
    }
    let (shortest, longest) = limits::SIDE;
    if [probe.width, probe.height].iter().any(|side| !(shortest..=longest).contains(side)) {
        let (width, height) = probe.shown();
        broken(
            rules::SIDE_RANGE,
            format!("{width} x {height} pixels"),
            format!("{shortest} to {longest} pixels on each side"),
            "export the video at 1080 x 1920",
        );
    }
    if probe.size > limits::SIZE_MAX {
        broken(
            rules::SIZE_MAX,
            format!("{} bytes", probe.size),
            format!("at most {} bytes", limits::SIZE_MAX),
            "export the video at a lower bitrate",
        );
    }
    problems
}

/// What is only recommended: MP4 and H.264 by TikTok's own guide, upright 9:16 and three seconds by whoever publishes a lot.
pub fn advise(probe: &Probe) -> Vec<Problem> {
    let mut advice = Vec::new();
    let mut better = |rule, found: String, limit: &str, remedy: &str| {
        advice.push(Problem { rule, found, limit: limit.into(), remedy: remedy.into() });
    };
    if probe.container != Container::Mp4 {
        better(
            rules::CONTAINER_ADVICE,
            format!("a file of type `{}`", probe.container.content_type()),
            "MP4",
            "export the video as MP4",
        );
    }
    if !matches!(probe.video_codec, VideoCodec::H264 | VideoCodec::Other(_)) {
        better(
            rules::CODEC_ADVICE,
            format!("the codec `{}`", probe.video_codec),
            "H.264",
            "export the video as H.264",
        );
    }
    let (width, height) = probe.shown();
    let sides = (u64::from(width), u64::from(height));
    // a pixel more or less is no other shape
    if (sides.0 * 16).abs_diff(sides.1 * 9) > 16 {
        better(
            rules::ASPECT_ADVICE,
            format!("{width} x {height} pixels"),
            "9:16, upright, for example 1080 x 1920",
            "crop the video or put it on an upright background, or TikTok shows it with bars",
        );
    }
    if probe.duration_ms.is_some_and(|ms| ms < 3_000) {
        better(
            rules::DURATION_ADVICE,
            seconds(probe.duration_ms.unwrap_or(0)),
            "at least 3.000 s",
            "make the video a little longer: TikTok has been seen to refuse shorter ones",
        );
    }
    if probe.starts_late {
        better(
            rules::FASTSTART_ADVICE,
            "a movie header behind the media data".into(),
            "in front of it",
            "write the file anew with `ffmpeg -i in -c copy -movflags +faststart out.mp4`",
        );
    }
    advice
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03} s", ms / 1_000, ms % 1_000)
}

fn unknown_container(found: impl Into<String>) -> Problem {
    Problem {
        rule: rules::CONTAINER_UNKNOWN,
        found: found.into(),
        limit: "MP4, MOV or WebM".into(),
        remedy: "export the video as MP4 with H.264".into(),
    }
}

fn damaged(found: impl Into<String>) -> Problem {
    Problem {
        rule: rules::CONTAINER_DAMAGED,
        found: found.into(),
        limit: "a file that players can open".into(),
        remedy: "write the file anew, for example `ffmpeg -i in -c copy out.mp4`, and upload that".into(),
    }
}

fn truncated(found: impl Into<String>) -> Problem {
    Problem {
        rule: rules::TRUNCATED,
        found: found.into(),
        limit: "a complete file".into(),
        remedy: "upload the whole file again; if it is a recording that was interrupted, repair it first"
            .into(),
    }
}

fn no_video_track(audio: bool) -> Problem {
    Problem {
        rule: rules::NO_VIDEO_TRACK,
        found: if audio { "sound only" } else { "no track that can be shown" }.into(),
        limit: "a video track".into(),
        remedy: "upload a file with a picture".into(),
    }
}

/// A word for what else people upload by mistake.
fn name_of(head: &[u8]) -> String {
    let magic: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"BM", "a BMP picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"\x1a\x45\xdf\xa3", "a video"),
        (b"OggS", "an Ogg file"),
        (b"FLV", "a Flash video"),
        (b"ID3", "an MP3 file"),
        (b"fLaC", "a FLAC file"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x30\x26\xb2\x75", "a Windows Media file"),
        (b"\x00\x00\x01\xba", "an MPEG program stream"),
    ];
    if let Some((_, name)) = magic.iter().find(|(magic, _)| head.starts_with(magic)) {
        return (*name).into();
    }
    match (head.get(..4), head.get(8..12)) {
        (Some(b"RIFF"), Some(b"AVI ")) => return "an AVI video".into(),
        (Some(b"RIFF"), Some(b"WEBP")) => return "a WebP picture".into(),
        (Some(b"RIFF"), Some(b"WAVE")) => return "a WAV file".into(),
        _ => {}
    }
    if head.get(4..8) == Some(b"ftyp") {
        return match head.get(8..12) {
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"mif1" | b"msf1") => "a HEIC picture",
            Some(b"avif" | b"avis") => "an AVIF picture",
            _ => "a video",
        }
        .into();
    }
    if head.first() == Some(&0x47) && head.get(188) == Some(&0x47) {
        return "an MPEG transport stream".into();
    }
    let start = &head[..head.len().min(256)];
    if start.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return "plain text".into();
    }
    let hex: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("a file that begins with `{}`", hex.join(" "))
}

/// `amount` of units of which `per_second` make a second, in milliseconds, rounded.
fn to_ms(amount: u64, per_second: u64) -> Option<u64> {
    let (amount, per_second) = (u128::from(amount), u128::from(per_second));
    let ms = (amount * 1_000 + per_second / 2).checked_div(per_second)?;
    u64::try_from(ms).ok()
}

/// Frames per second when `frames` take `ticks`, of which `per_second` make a second.
#[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
fn to_rate(frames: u64, ticks: u64, per_second: u64) -> Option<f64> {
    if frames == 0 || ticks == 0 || per_second == 0 {
        return None;
    }
    Some(frames as f64 * per_second as f64 / ticks as f64)
}

/// The nearest quarter turn, clockwise, 0 to 270.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a quarter turn modulo 4 is 0 to 3; NaN and infinity become 0"
)]
fn quarter_turn(degrees: f64) -> u16 {
    (degrees / 90.0).round().rem_euclid(4.0) as u16 % 4 * 90
}
