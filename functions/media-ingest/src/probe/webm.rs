//! WebM. The parsers at hand want the whole file under a seekable reader (and read its index, tags and chapters to
//! open it); the few elements that matter here are read by hand, with every length checked.

use super::window::{Halt, Window};
use super::{
    Container, HEAD, Probe, RangedRead, VideoCodec, damaged, no_video_track, quarter_turn, to_rate,
    truncated, unknown_container,
};

/// Element ids, with their length marker (RFC 8794, RFC 9559).
mod id {
    pub(super) const EBML: u32 = 0x1A45_DFA3;
    pub(super) const DOC_TYPE: u32 = 0x4282;
    pub(super) const SEGMENT: u32 = 0x1853_8067;
    pub(super) const INFO: u32 = 0x1549_A966;
    pub(super) const TIMESTAMP_SCALE: u32 = 0x2A_D7B1;
    pub(super) const DURATION: u32 = 0x4489;
    pub(super) const TRACKS: u32 = 0x1654_AE6B;
    pub(super) const TRACK_ENTRY: u32 = 0xAE;
    pub(super) const TRACK_NUMBER: u32 = 0xD7;
    pub(super) const TRACK_TYPE: u32 = 0x83;
    pub(super) const CODEC_ID: u32 = 0x86;
    pub(super) const DEFAULT_DURATION: u32 = 0x23_E383;
    pub(super) const VIDEO: u32 = 0xE0;
    pub(super) const PIXEL_WIDTH: u32 = 0xB0;
    pub(super) const PIXEL_HEIGHT: u32 = 0xBA;
    pub(super) const PROJECTION: u32 = 0x7670;
    pub(super) const POSE_ROLL: u32 = 0x7675;
    pub(super) const CLUSTER: u32 = 0x1F43_B675;
    pub(super) const TIMESTAMP: u32 = 0xE7;
    pub(super) const SIMPLE_BLOCK: u32 = 0xA3;
    pub(super) const BLOCK_GROUP: u32 = 0xA0;
    pub(super) const BLOCK: u32 = 0xA1;
}

/// Longest `Info` or `Tracks` that is read.
const HEADER_MAX: u64 = 1024 * 1024;
const TOP_LEVEL_MAX: usize = 10_000;
/// How much of the beginning is looked at for the frame rate of a file that does not state it.
const RATE_SAMPLE: u64 = 1024 * 1024;
/// How much of the end is looked at for the last frame of a file that does not state its duration.
const TAILS: [u64; 3] = [256 * 1024, 1024 * 1024, 4 * 1024 * 1024];

/// Whether these are the first bytes of an EBML file.
pub(super) fn begins(head: &[u8]) -> bool {
    head.starts_with(&id::EBML.to_be_bytes())
}

#[derive(Debug, Default)]
struct Track {
    number: u64,
    kind: u64,
    codec: String,
    default_duration_ns: u64,
    width: u32,
    height: u32,
    rotation: u16,
}

#[derive(Debug)]
struct Info {
    timestamp_scale_ns: u64,
    duration: Option<f64>,
}

pub(super) async fn probe<S: RangedRead>(window: &mut Window<'_, S>) -> Result<Probe, Halt<S::Error>> {
    let size = window.size();
    let header = element(window, 0).await?.ok_or_else(|| damaged("a file without an EBML header"))?;
    let header_end = header.end.unwrap_or(size).min(size);
    let ebml = window.at(header.body, (header_end - header.body).min(4_096), 0).await?;
    match Elements(&ebml).find(|(id, _)| *id == id::DOC_TYPE).map(|(_, name)| text(name)).as_deref() {
        Some("webm") => {}
        Some("matroska") => return Err(unknown_container("a Matroska video (MKV)").into()),
        other => {
            return Err(
                unknown_container(format!("an EBML file of type `{}`", other.unwrap_or_default())).into()
            );
        }
    }
    let segment = element(window, header_end)
        .await?
        .filter(|element| element.id == id::SEGMENT)
        .ok_or_else(|| truncated("a file that ends before its segment"))?;
    let mut missing_bytes = segment.end.unwrap_or(0).saturating_sub(size);

    let mut info = None;
    let mut tracks = None;
    let mut first_cluster = None;
    let mut at = segment.body;
    for _ in 0..TOP_LEVEL_MAX {
        let Some(element) = element(window, at).await? else { break };
        match element.id {
            id::INFO => info = Some(read_info(&content(window, &element).await?)),
            id::TRACKS => tracks = Some(read_tracks(&content(window, &element).await?)),
            id::CLUSTER => {
                first_cluster.get_or_insert(element.start);
            }
            _ => {}
        }
        if info.is_some() && tracks.is_some() && first_cluster.is_some() {
            break;
        }
        let Some(end) = element.end else { break };
        at = end;
    }
    let info = info.unwrap_or(Info { timestamp_scale_ns: DEFAULT_TIMESTAMP_SCALE_NS, duration: None });
    let tracks = match tracks {
        Some(tracks) => tracks,
        None if missing_bytes > 0 || at >= size => {
            return Err(truncated("a file that ends before its tracks").into());
        }
        None => return Err(damaged("no description of the tracks").into()),
    };
    let audio = tracks.iter().any(|track| track.kind == 2);
    let video = tracks.iter().find(|track| track.kind == 1).ok_or_else(|| no_video_track(audio))?;

    let scale = info.timestamp_scale_ns;
    let mut frame_rate = to_rate(1, video.default_duration_ns, 1_000_000_000);
    let mut begins_at = 0;
    if (frame_rate.is_none() || info.duration.is_none())
        && let Some(start) = first_cluster
    {
        let bytes = or_nothing(window.at(start, RATE_SAMPLE, RATE_SAMPLE).await)?;
        let blocks = Blocks::scan(&bytes, video.number);
        begins_at = blocks.first.unwrap_or(0);
        frame_rate = frame_rate.or_else(|| blocks.rate(scale));
    }
    let mut duration_ms = info.duration.map(|duration| to_whole_ms(duration, scale)).filter(|ms| *ms > 0);
    if duration_ms.is_none()
        && let Some(end) = find_end(window, video.number).await?
    {
        let frame_ns = match video.default_duration_ns {
            0 => {
                frame_rate.map_or(0, |rate| to_whole_ms(1_000.0 / rate, 1_000_000).saturating_mul(1_000_000))
            }
            known => known,
        };
        let lasts_ns = |last: u64| last.saturating_sub(begins_at).saturating_mul(scale);
        let ends_ns = lasts_ns(end.any).max(lasts_ns(end.video).saturating_add(frame_ns));
        duration_ms = Some(ends_ns / 1_000_000).filter(|ms| *ms > 0);
        missing_bytes = missing_bytes.max(end.missing_bytes);
    }
    Ok(Probe {
        container: Container::Webm,
        video_codec: match video.codec.as_str() {
            "V_VP8" => VideoCodec::Vp8,
            "V_VP9" => VideoCodec::Vp9,
            "V_MPEG4/ISO/AVC" => VideoCodec::H264,
            "V_MPEGH/ISO/HEVC" => VideoCodec::H265,
            other => VideoCodec::Other(other.into()),
        },
        duration_ms,
        frame_rate,
        width: video.width,
        height: video.height,
        rotation: video.rotation,
        size,
        audio,
        missing_bytes,
        starts_late: false,
    })
}

const DEFAULT_TIMESTAMP_SCALE_NS: u64 = 1_000_000;

fn read_info(body: &[u8]) -> Info {
    let mut info = Info { timestamp_scale_ns: DEFAULT_TIMESTAMP_SCALE_NS, duration: None };
    for (id, value) in Elements(body) {
        match id {
            id::TIMESTAMP_SCALE => info.timestamp_scale_ns = unsigned(value).max(1),
            id::DURATION => info.duration = float(value),
            _ => {}
        }
    }
    info
}

fn read_tracks(body: &[u8]) -> Vec<Track> {
    let entries = Elements(body).filter(|(id, _)| *id == id::TRACK_ENTRY).take(64);
    entries.map(|(_, entry)| read_track(entry)).collect()
}

fn read_track(entry: &[u8]) -> Track {
    let mut track = Track::default();
    for (id, value) in Elements(entry) {
        match id {
            id::TRACK_NUMBER => track.number = unsigned(value),
            id::TRACK_TYPE => track.kind = unsigned(value),
            id::CODEC_ID => track.codec = text(value),
            id::DEFAULT_DURATION => track.default_duration_ns = unsigned(value),
            id::VIDEO => {
                for (id, value) in Elements(value) {
                    match id {
                        id::PIXEL_WIDTH => track.width = u32::try_from(unsigned(value)).unwrap_or(u32::MAX),
                        id::PIXEL_HEIGHT => track.height = u32::try_from(unsigned(value)).unwrap_or(u32::MAX),
                        id::PROJECTION => {
                            let roll = Elements(value).find(|(id, _)| *id == id::POSE_ROLL);
                            // counter-clockwise in the file
                            let roll = roll.and_then(|(_, roll)| float(roll)).unwrap_or(0.0);
                            track.rotation = quarter_turn(-roll);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    track
}

/// Where the last blocks begin, in units of the timestamp scale.
#[derive(Debug, Default)]
struct End {
    any: u64,
    video: u64,
    /// Bytes that the last block lacks.
    missing_bytes: u64,
}

async fn find_end<S: RangedRead>(
    window: &mut Window<'_, S>,
    video: u64,
) -> Result<Option<End>, Halt<S::Error>> {
    let size = window.size();
    for tail in TAILS {
        let bytes = or_nothing(window.at(size.saturating_sub(tail), tail, tail).await)?;
        let mut rest = bytes.as_ref();
        let mut found: Option<End> = None;
        while let Some(at) = rest.windows(4).position(|four| four == id::CLUSTER.to_be_bytes()) {
            rest = &rest[at..];
            let blocks = Blocks::scan(rest, video);
            if let Some(last) = blocks.last {
                let end = found.get_or_insert_default();
                end.any = end.any.max(last);
                end.video = end.video.max(blocks.video.map_or(0, |(_, last)| last));
                end.missing_bytes = blocks.beyond;
            }
            rest = &rest[blocks.read.clamp(4, rest.len())..];
        }
        if found.is_some() || tail >= size {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Past the budget there is nothing more to see, which is no reason to refuse what is already known.
fn or_nothing<E>(bytes: Result<bytes::Bytes, Halt<E>>) -> Result<bytes::Bytes, Halt<E>> {
    match bytes {
        Err(Halt::Budget) => Ok(bytes::Bytes::new()),
        other => other,
    }
}

/// Timestamps of the blocks of a stretch of clusters, in units of the timestamp scale.
#[derive(Debug, Default)]
struct Blocks {
    /// Earliest and latest of any track.
    first: Option<u64>,
    last: Option<u64>,
    /// The same and the number of blocks, of the video track.
    video: Option<(u64, u64)>,
    frames: u64,
    /// Bytes read until something was not understood or the bytes ended.
    read: usize,
    /// Bytes of the last element beyond the end.
    beyond: u64,
}

impl Blocks {
    /// `bytes` begin with a cluster. Clusters and block groups are entered, whatever their length says, so that
    /// those of unknown length need no special care.
    fn scan(bytes: &[u8], video: u64) -> Self {
        let mut found = Self::default();
        let mut cluster = None;
        while let Some(head) = Head::of(&bytes[found.read..]) {
            let body = found.read + head.len;
            match (head.id, cluster) {
                (id::CLUSTER, _) => {
                    cluster = None;
                    found.read = body;
                    continue;
                }
                (id::BLOCK_GROUP, _) => {
                    found.read = body;
                    continue;
                }
                (id::TIMESTAMP, None) => {
                    let Some(value) =
                        head.size.filter(|size| *size <= 8).and_then(|size| take(bytes, body, size))
                    else {
                        break;
                    };
                    cluster = Some(unsigned(value));
                }
                (id::SIMPLE_BLOCK | id::BLOCK, Some(time)) => found.block(&bytes[body..], time, video),
                // a cluster begins with its time; before it only checksums and the like
                (id::SIMPLE_BLOCK | id::BLOCK, None) => break,
                _ => {}
            }
            let Some(size) = head.size else { break };
            let left = (bytes.len() - body) as u64;
            found.beyond = size.saturating_sub(left);
            if size >= left {
                found.read = bytes.len();
                break;
            }
            found.read = body + usize::try_from(size).unwrap_or(0);
        }
        found
    }

    fn block(&mut self, block: &[u8], cluster: u64, video: u64) {
        let Some((track, len)) = vint(block) else { return };
        let Some(offset) =
            block.get(len..len + 2).and_then(|two| two.try_into().ok()).map(i16::from_be_bytes)
        else {
            return;
        };
        let time = cluster.saturating_add_signed(i64::from(offset));
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        if track == Some(video) {
            let (first, last) = self.video.unwrap_or((time, time));
            self.video = Some((first.min(time), last.max(time)));
            self.frames += 1;
        }
    }

    fn rate(&self, scale_ns: u64) -> Option<f64> {
        let (first, last) = self.video?;
        to_rate(self.frames.checked_sub(1)?, (last - first).saturating_mul(scale_ns), 1_000_000_000)
    }
}

/// An element of the file; `end` is `None` for an unknown length.
#[derive(Debug, Clone, Copy)]
struct Element {
    id: u32,
    start: u64,
    body: u64,
    end: Option<u64>,
}

async fn element<S: RangedRead>(
    window: &mut Window<'_, S>,
    at: u64,
) -> Result<Option<Element>, Halt<S::Error>> {
    let bytes = window.at(at, 12, HEAD).await?;
    Ok(Head::of(&bytes).map(|head| {
        let body = at + head.len as u64;
        Element { id: head.id, start: at, body, end: head.size.map(|size| body.saturating_add(size)) }
    }))
}

async fn content<S: RangedRead>(
    window: &mut Window<'_, S>,
    element: &Element,
) -> Result<bytes::Bytes, Halt<S::Error>> {
    let end = element.end.unwrap_or(u64::MAX);
    window.at(element.body, (end - element.body).min(HEADER_MAX), 0).await
}

/// Id and length of an element.
struct Head {
    id: u32,
    size: Option<u64>,
    /// Length of both together.
    len: usize,
}

impl Head {
    fn of(bytes: &[u8]) -> Option<Self> {
        let id_len = bytes.first()?.leading_zeros() as usize + 1;
        if id_len > 4 {
            return None;
        }
        let id = bytes.get(..id_len)?.iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        let (size, size_len) = vint(&bytes[id_len..])?;
        Some(Self { id, size, len: id_len + size_len })
    }
}

/// A number of variable length and the bytes it takes; all bits set means "unknown".
fn vint(bytes: &[u8]) -> Option<(Option<u64>, usize)> {
    let first = *bytes.first()?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let mask = (1_u64 << (7 * len)) - 1;
    let value = bytes.get(..len)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)) & mask;
    Some(((value != mask).then_some(value), len))
}

fn take(bytes: &[u8], from: usize, len: u64) -> Option<&[u8]> {
    bytes.get(from..from.checked_add(usize::try_from(len).ok()?)?)
}

/// The elements of a body that is here as a whole; stops where it makes no sense.
struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let head = Head::of(self.0)?;
        let body = take(self.0, head.len, head.size?)?;
        self.0 = &self.0[head.len + body.len()..];
        Some((head.id, body))
    }
}

fn unsigned(value: &[u8]) -> u64 {
    value.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn float(value: &[u8]) -> Option<f64> {
    let number = match value.len() {
        4 => f64::from(f32::from_be_bytes(value.try_into().ok()?)),
        8 => f64::from_be_bytes(value.try_into().ok()?),
        _ => return None,
    };
    (number.is_finite() && number >= -360.0).then_some(number)
}

/// Printable ASCII; strings may end in zeros.
fn text(value: &[u8]) -> String {
    value
        .iter()
        .take(64)
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .filter(char::is_ascii_graphic)
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "milliseconds: negative ones become 0, absurd ones u64::MAX"
)]
fn to_whole_ms(units: f64, scale_ns: u64) -> u64 {
    (units * scale_ns as f64 / 1_000_000.0).round() as u64
}
