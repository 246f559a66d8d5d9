//! What the bytes really are. Decided with `re_mp4` and `webm-iterable`; `media-ingest` uses other parsers on purpose.

use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};
use webm_iterable::WebmIterator;
use webm_iterable::matroska_spec::{Master, MatroskaSpec, SimpleBlock};

use crate::config::MediaRules;
use crate::pictures::{self, Photo};

/// What a look at the bytes found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Probe {
    Video(Video),
    Photo(Photo),
    /// Nothing TikTok could show, and why.
    Nothing {
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Video {
    /// `mp4`, `mov` or `webm`.
    pub container: String,
    /// `h264`, `h265`, `vp8`, `vp9`, or the sample entry's or codec's own name.
    pub codec: String,
    pub duration_ms: i64,
    pub frame_rate: f64,
    pub width: u32,
    pub height: u32,
}

impl Probe {
    /// A plain H.264 video in portrait, for whoever has no bytes at hand.
    pub fn plausible(duration_ms: i64) -> Self {
        Self::Video(Video {
            container: "mp4".into(),
            codec: "h264".into(),
            duration_ms,
            frame_rate: 30.0,
            width: 720,
            height: 1280,
        })
    }

    pub(crate) fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing { why: why.into() }
    }

    /// Why TikTok would refuse these bytes as a video: its `fail_reason` and the cause.
    pub(crate) fn refusal(&self, rules: &MediaRules, creator_max_sec: i64) -> Option<(&'static str, String)> {
        let video = match self {
            Self::Nothing { why } => return Some(("file_format_check_failed", why.clone())),
            Self::Photo(photo) => {
                return Some(("file_format_check_failed", format!("`{}` is no video", photo.format)));
            }
            Self::Video(video) => video,
        };
        if !["h264", "h265", "vp8", "vp9"].contains(&video.codec.as_str()) {
            return Some(("file_format_check_failed", format!("the codec is `{}`", video.codec)));
        }
        let longest = rules.max_duration_ms.min(creator_max_sec.saturating_mul(1_000));
        // A container rounds its length up to a frame.
        if video.duration_ms > longest + 100 {
            return Some((
                "duration_check_failed",
                format!("{} ms is longer than {longest} ms", video.duration_ms),
            ));
        }
        if video.duration_ms + 100 < rules.min_duration_ms {
            return Some((
                "duration_check_failed",
                format!("{} ms is shorter than {} ms", video.duration_ms, rules.min_duration_ms),
            ));
        }
        if video.frame_rate < rules.min_frame_rate - 0.1 || video.frame_rate > rules.max_frame_rate + 0.1 {
            return Some((
                "frame_rate_check_failed",
                format!("{:.2} frames a second is not in 23 to 60", video.frame_rate),
            ));
        }
        let sides = rules.min_side..=rules.max_side;
        if !sides.contains(&video.width) || !sides.contains(&video.height) {
            return Some((
                "picture_size_check_failed",
                format!("{} x {} has a side outside 360 to 4096", video.width, video.height),
            ));
        }
        None
    }
}

/// Looks at the bytes, all of them.
pub fn probe(reader: &mut (impl Read + Seek), length: u64) -> Probe {
    let mut head = Vec::with_capacity(12);
    let read = reader.by_ref().take(12).read_to_end(&mut head).and_then(|_| reader.seek(SeekFrom::Start(0)));
    if let Err(error) = read {
        return Probe::nothing(format!("the bytes could not be read: {error}"));
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        probe_webm(reader)
    } else if head.len() == 12 && &head[4..8] == b"ftyp" {
        probe_mp4(reader, length, &head[8..12])
    } else if let Some(found) = pictures::probe(reader, &head) {
        found
    } else {
        Probe::nothing("the bytes begin like no MP4, MOV, WebM, JPEG or WebP")
    }
}

fn probe_mp4(reader: &mut (impl Read + Seek), length: u64, brand: &[u8]) -> Probe {
    use re_mp4::StsdBoxContent as Entry;

    let mp4 = match re_mp4::Mp4::read(reader, length) {
        Ok(mp4) => mp4,
        Err(error) => return Probe::nothing(format!("the MP4 is broken or cut off: {error}")),
    };
    let mut tracks = mp4.tracks().values();
    let Some((track, media)) = tracks.find_map(|track| {
        let media = &track.trak(&mp4).mdia;
        (media.hdlr.handler_type.value == *b"vide").then_some((track, media))
    }) else {
        return Probe::nothing("the MP4 has no video track");
    };
    let codec = match &media.minf.stbl.stsd.contents {
        Entry::Avc1(_) => "h264".into(),
        Entry::Hvc1(_) | Entry::Hev1(_) => "h265".into(),
        Entry::Vp08(_) => "vp8".into(),
        Entry::Vp09(_) => "vp9".into(),
        Entry::Av01(_) => "av1".into(),
        Entry::Unknown(four) => four.to_string(),
        Entry::Mp4a(_) | Entry::Tx3g(_) => "none".to_owned(),
    };
    if mp4
        .tracks()
        .values()
        .flat_map(|track| &track.samples)
        .any(|sample| sample.offset + sample.size > length)
    {
        return Probe::nothing("the MP4 is cut off: samples lie beyond its end");
    }
    let ticks: u64 = track.samples.iter().map(|sample| sample.duration).sum();
    if track.samples.is_empty() || ticks == 0 || track.timescale == 0 {
        return Probe::nothing("the MP4 has no frames");
    }
    let frame_rate = ratio(track.samples.len() as u64 * track.timescale, ticks);
    Probe::Video(Video {
        container: if brand == b"qt  " { "mov" } else { "mp4" }.into(),
        codec,
        duration_ms: i64::try_from(ticks * 1_000 / track.timescale).unwrap_or(i64::MAX),
        frame_rate,
        width: track.width.into(),
        height: track.height.into(),
    })
}

#[derive(Default)]
struct WebmTrack {
    number: u64,
    is_video: bool,
    codec: String,
    width: u64,
    height: u64,
}

fn probe_webm(reader: &mut (impl Read + Seek)) -> Probe {
    let mut doc_type = String::new();
    let (mut scale, mut duration) = (1_000_000_u64, None);
    let mut tracks: Vec<WebmTrack> = Vec::new();
    let (mut cluster_at, mut first, mut last, mut frames) = (0_i64, i64::MAX, i64::MIN, 0_u64);

    for tag in WebmIterator::new(reader, &[MatroskaSpec::BlockGroup(Master::Start)]) {
        let tag = match tag {
            Ok(tag) => tag,
            Err(error) => return Probe::nothing(format!("the WebM is broken or cut off: {error}")),
        };
        let track = tracks.last_mut();
        match (tag, track) {
            (MatroskaSpec::DocType(name), _) => doc_type = name,
            (MatroskaSpec::TimestampScale(nanos), _) => scale = nanos,
            (MatroskaSpec::Duration(units), _) => duration = Some(units),
            (MatroskaSpec::TrackEntry(Master::Start), _) => tracks.push(WebmTrack::default()),
            (MatroskaSpec::TrackNumber(number), Some(track)) => track.number = number,
            (MatroskaSpec::TrackType(kind), Some(track)) => track.is_video = kind == 1,
            (MatroskaSpec::CodecID(codec), Some(track)) => track.codec = codec,
            (MatroskaSpec::PixelWidth(width), Some(track)) => track.width = width,
            (MatroskaSpec::PixelHeight(height), Some(track)) => track.height = height,
            (MatroskaSpec::Timestamp(at), _) => cluster_at = i64::try_from(at).unwrap_or(i64::MAX),
            (ref tag @ MatroskaSpec::SimpleBlock(_), _) => {
                if let Ok(block) = SimpleBlock::try_from(tag)
                    && tracks.iter().any(|track| track.is_video && track.number == block.track)
                {
                    let at = cluster_at.saturating_add(block.timestamp.into());
                    (first, last, frames) = (first.min(at), last.max(at), frames + 1);
                }
            }
            (MatroskaSpec::BlockGroup(Master::Full(children)), _) => {
                for child in &children {
                    if let MatroskaSpec::Block(_) = child
                        && let Ok(block) = webm_iterable::matroska_spec::Block::try_from(child)
                        && tracks.iter().any(|track| track.is_video && track.number == block.track)
                    {
                        let at = cluster_at.saturating_add(block.timestamp.into());
                        (first, last, frames) = (first.min(at), last.max(at), frames + 1);
                    }
                }
            }
            _ => {}
        }
    }
    if doc_type != "webm" {
        return Probe::nothing(format!("the container is `{doc_type}`, not `webm`"));
    }
    let Some(track) = tracks.iter().find(|track| track.is_video) else {
        return Probe::nothing("the WebM has no video track");
    };
    if frames < 2 || last <= first {
        return Probe::nothing("the WebM has no frames");
    }
    let span = u64::try_from(last - first).unwrap_or(1).saturating_mul(scale);
    let frame_rate = ratio((frames - 1).saturating_mul(1_000_000_000), span);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a duration in nanoseconds, rounded to milliseconds below"
    )]
    let declared = duration.map(|units| units * scale as f64 / 1e6);
    #[expect(clippy::cast_possible_truncation, reason = "as above; a cast saturates")]
    let declared = declared.map(|ms| ms as i64);
    let seen = i64::try_from(span / 1_000_000).unwrap_or(i64::MAX);
    // A file that says it is longer than its frames are was cut off at a cluster's end.
    if declared.is_some_and(|declared| declared > seen + 1_000) {
        return Probe::nothing("the WebM is cut off: it has fewer frames than it declares");
    }
    Probe::Video(Video {
        container: "webm".into(),
        codec: match track.codec.as_str() {
            "V_VP8" => "vp8".into(),
            "V_VP9" => "vp9".into(),
            other => other.to_owned(),
        },
        duration_ms: declared.unwrap_or(seen),
        frame_rate,
        width: u32::try_from(track.width).unwrap_or(u32::MAX),
        height: u32::try_from(track.height).unwrap_or(u32::MAX),
    })
}

fn ratio(above: u64, below: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a frame rate needs few digits")]
    let quotient = above as f64 / below.max(1) as f64;
    quotient
}
