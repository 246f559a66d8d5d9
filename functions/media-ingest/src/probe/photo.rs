//! What kind of photo an object is, by its headers. They are walked by hand: the parsers at hand want the whole file, or
//! tell the sides alone. [`probe`] says what is there, [`judge`] holds it against TikTok's limits.

use bytes::Bytes;
use domain::media::{Container, upright};
use image::metadata::Orientation;
use serde::Serialize;

use super::window::{Halt, Window};
use super::{HEAD, ProbeError, Problem, RangedRead, name_of};

/// What the photo is, by its bytes (never by its name or its declared type).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Photo {
    /// JPEG, WebP or PNG.
    pub format: Container,
    /// Pixels as stored, before they are turned.
    pub width: u32,
    /// Pixels as stored, before they are turned.
    pub height: u32,
    /// EXIF orientation, 1 to 8.
    pub orientation: u8,
    /// Length of the file in bytes.
    pub size: u64,
    /// Whether it moves.
    pub animated: bool,
    /// Whether its colours are for printing (CMYK).
    pub cmyk: bool,
    /// Whether the end of the picture is there.
    pub whole: bool,
    /// A way of writing a JPEG that hardly any program reads, by its name.
    pub odd_encoding: Option<&'static str>,
    /// Bytes of memory that decoding takes at most, the file's own not counted.
    pub memory: u64,
}

impl Photo {
    /// Width and height as a viewer sees them.
    pub fn shown(&self) -> (u32, u32) {
        upright(self.width, self.height, self.orientation)
    }
}

/// The rules a photo can break. Clients switch on these: never rename one.
pub mod rules {
    pub const EMPTY: &str = "photo.empty";
    pub const FORMAT: &str = "photo.format";
    pub const DAMAGED: &str = "photo.damaged";
    pub const TRUNCATED: &str = "photo.truncated";
    pub const ENCODING: &str = "photo.encoding";
    pub const ANIMATED: &str = "photo.animated";
    pub const SIDE_MAX: &str = "photo.side.max";
    pub const SIZE_MAX: &str = "photo.size.max";
    /// Too many pixels to be converted.
    pub const PIXELS_MAX: &str = "photo.pixels.max";
    /// Advice.
    pub const COLOUR: &str = "photo.colour";

    /// All of them.
    pub const ALL: [&str; 10] =
        [EMPTY, FORMAT, DAMAGED, TRUNCATED, ENCODING, ANIMATED, SIDE_MAX, SIZE_MAX, PIXELS_MAX, COLOUR];
}

/// TikTok's limits (Content Posting API, Media Transfer Guide, "Image restrictions").
pub mod limits {
    /// "1080p", which TikTok measures on the shorter side; what it does with a longer side above 1,920 nobody has seen, so
    /// the box of 1080p is what fits for sure.
    pub const SHORTER_SIDE: u32 = 1_080;
    /// See [`SHORTER_SIDE`].
    pub const LONGER_SIDE: u32 = 1_920;
    /// "20 MB", the smaller reading.
    pub const SIZE_MAX: u64 = domain::media::PHOTO_MAX_BYTES;
}

/// Segments or chunks that are walked through.
const PIECES_MAX: usize = 10_000;
/// Where the end of a picture is looked for: programs append things.
const TAIL: u64 = 64 * 1024;
/// How far it is looked for at a time elsewhere.
const STEP: u64 = 1024 * 1024;
/// Longest EXIF that is read; a JPEG has no longer one.
const EXIF_MAX: u64 = 64 * 1024;

/// Finds out what `source` is. `declared_content_type` only helps to explain a refusal.
pub async fn probe<S: RangedRead>(
    source: &mut S,
    declared_content_type: Option<&str>,
) -> Result<Photo, ProbeError<S::Error>> {
    if source.size() == 0 {
        return Err(ProbeError::Refused(problem(
            rules::EMPTY,
            "a file of 0 bytes",
            "a photo",
            "upload the file again, it arrived empty",
        )));
    }
    let mut window = Window::new(source);
    let found = async {
        let head = window.at(0, HEAD, HEAD).await?;
        if head.starts_with(b"\xff\xd8\xff") {
            jpeg(&mut window).await
        } else if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") {
            webp(&mut window).await
        } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
            png(&mut window).await
        } else {
            let mut found = name_of(&head);
            if let Some(declared) = declared_content_type {
                found = format!("{found}, declared as `{declared}`");
            }
            Err(problem(rules::FORMAT, found, "JPEG or WebP", "export the photo as JPEG").into())
        }
    }
    .await;
    found.map_err(|halt| halt.verdict(|| damaged("headers scattered over too much of the file")))
}

/// Every limit of TikTok that the photo breaks; empty when it may be posted.
pub fn judge(photo: &Photo) -> Vec<Problem> {
    let mut problems = Vec::new();
    if photo.format == Container::Png {
        problems.push(problem(
            rules::FORMAT,
            "a PNG picture",
            "JPEG or WebP",
            "export the photo as JPEG, or declare it with `convert` to have that done",
        ));
    }
    if !photo.whole {
        problems.push(truncated("a picture without its end"));
    }
    if let Some(encoding) = photo.odd_encoding {
        problems.push(problem(
            rules::ENCODING,
            encoding,
            "a baseline or progressive JPEG of 8 bits",
            "export the photo as a plain JPEG",
        ));
    }
    // TikTok takes "photos", does not say what becomes of an animation, and one bad photo fails a whole post namelessly
    if photo.animated {
        problems.push(problem(
            rules::ANIMATED,
            "an animation",
            "a still photo",
            "export one of its pictures as JPEG, or post it as a video",
        ));
    }
    let (width, height) = photo.shown();
    if width.min(height) > limits::SHORTER_SIDE || width.max(height) > limits::LONGER_SIDE {
        problems.push(problem(
            rules::SIDE_MAX,
            format!("{width} x {height} pixels"),
            format!(
                "at most {} pixels on the shorter and {} on the longer side",
                limits::SHORTER_SIDE,
                limits::LONGER_SIDE
            ),
            "make the photo smaller, or declare it with `convert` to have that done",
        ));
    }
    if photo.size > limits::SIZE_MAX {
        problems.push(problem(
            rules::SIZE_MAX,
            format!("{} bytes", photo.size),
            format!("at most {} bytes", limits::SIZE_MAX),
            "export the photo with a lower quality, or declare it with `convert` to have that done",
        ));
    }
    problems
}

/// What is only recommended.
pub fn advise(photo: &Photo) -> Vec<Problem> {
    let cmyk = || {
        problem(
            rules::COLOUR,
            "colours for printing (CMYK)",
            "colours for screens (sRGB)",
            "export the photo in sRGB: its colours may look different",
        )
    };
    photo.cmyk.then(cmyk).into_iter().collect()
}

/// Whether converting would make it good.
pub fn curable(problem: &Problem, photo: &Photo) -> bool {
    match problem.rule {
        rules::FORMAT | rules::SIDE_MAX => true,
        rules::SIZE_MAX => photo.size <= domain::media::CONVERT_MAX_BYTES,
        _ => false,
    }
}

pub(crate) fn problem(
    rule: &'static str,
    found: impl Into<String>,
    limit: impl Into<String>,
    remedy: &str,
) -> Problem {
    Problem { rule, found: found.into(), limit: limit.into(), remedy: remedy.into() }
}

pub(crate) fn damaged(found: impl Into<String>) -> Problem {
    problem(
        rules::DAMAGED,
        found,
        "a file that programs can open",
        "open the photo in a picture editor and export it as JPEG",
    )
}

fn truncated(found: impl Into<String>) -> Problem {
    problem(rules::TRUNCATED, found, "a complete file", "upload the whole file again")
}

/// What the headers of a JPEG say together.
#[derive(Debug, Default)]
struct Frame {
    width: u32,
    height: u32,
    components: u8,
    odd: Option<&'static str>,
    /// Bytes of the coefficients, which a progressive decoder keeps all of.
    kept: u64,
}

async fn jpeg<S: RangedRead>(window: &mut Window<'_, S>) -> Result<Photo, Halt<S::Error>> {
    let size = window.size();
    let mut frame = None;
    let mut orientation = None;
    let mut scan = None;
    let mut at = 2;
    for _ in 0..PIECES_MAX {
        let head = window.at(at, 4, HEAD).await?;
        let (marker, length) = match head.as_ref() {
            // fill bytes
            [0xff, 0xff, ..] => {
                at += 1;
                continue;
            }
            // markers that stand alone
            [0xff, 0x01 | 0xd0..=0xd8, ..] => {
                at += 2;
                continue;
            }
            [0xff, 0xd9, ..] => break,
            [0xff, marker, high, low] => (*marker, u64::from(u16::from_be_bytes([*high, *low]))),
            [_, _, _, _] => return Err(damaged(format!("no marker at byte {at}")).into()),
            _ => return Err(truncated("a JPEG that ends within its headers").into()),
        };
        if length < 2 {
            return Err(damaged(format!("a segment of {length} bytes at byte {at}")).into());
        }
        let (body, end) = (at + 4, at + 2 + length);
        match marker {
            0xda => {
                scan = Some(end);
                break;
            }
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) && frame.is_none() => {
                let segment = window.at(body, length - 2, HEAD).await?;
                frame = Some(read_frame(marker, &segment).ok_or_else(|| damaged("a broken frame header"))?);
            }
            0xe1 if orientation.is_none() => {
                let segment = window.at(body, length - 2, HEAD).await?;
                orientation = segment.strip_prefix(b"Exif\0\0").map(turned);
            }
            _ => {}
        }
        at = end;
    }
    let Some(frame) = frame else {
        return Err(match scan {
            None if at >= size => truncated("a JPEG that ends within its headers"),
            _ => damaged("a JPEG without a frame header"),
        }
        .into());
    };
    if frame.width == 0 || frame.height == 0 {
        return Err(damaged(format!("{} x {} pixels", frame.width, frame.height)).into());
    }
    let channels = if frame.components == 1 { 1 } else { 3 };
    let pixels = u64::from(frame.width) * u64::from(frame.height);
    Ok(Photo {
        format: Container::Jpeg,
        width: frame.width,
        height: frame.height,
        orientation: orientation.unwrap_or(1),
        size,
        animated: false,
        cmyk: frame.components == 4,
        whole: match scan {
            Some(scan) => ends(window, scan, b"\xff\xd9").await?,
            None => false,
        },
        odd_encoding: frame.odd,
        memory: pixels.saturating_mul(channels).saturating_add(frame.kept),
    })
}

/// Precision, height, width, then for each component its id, its sampling factors and its table.
fn read_frame(marker: u8, segment: &[u8]) -> Option<Frame> {
    let [precision, h1, h0, w1, w0, components, rest @ ..] = segment else { return None };
    let (width, height) =
        (u32::from(u16::from_be_bytes([*w1, *w0])), u32::from(u16::from_be_bytes([*h1, *h0])));
    let factors: Vec<(u64, u64)> = rest
        .chunks_exact(3)
        .take(usize::from(*components))
        .map(|component| (u64::from(component[1] >> 4).max(1), u64::from(component[1] & 0xf).max(1)))
        .collect();
    let highest = factors.iter().fold((1, 1), |most, it| (most.0.max(it.0), most.1.max(it.1)));
    let padded = |side: u32| u64::from(side).next_multiple_of(8);
    let all = padded(width) * padded(height);
    let kept = factors.iter().map(|(h, v)| 2 * all * h * v / (highest.0 * highest.1)).sum();
    let odd = match (marker, precision) {
        (0xc0..=0xc2, 8) => None,
        (0xc0..=0xc2, _) => Some("a JPEG of 12 bits"),
        (0xc3, _) => Some("a lossless JPEG"),
        (0xc5..=0xc7 | 0xcd..=0xcf, _) => Some("a hierarchical JPEG"),
        _ => Some("a JPEG with arithmetic coding"),
    };
    matches!(components, 1 | 3 | 4).then(|| Frame {
        width,
        height,
        components: *components,
        odd,
        kept: if marker == 0xc2 { kept } else { 0 },
    })
}

/// Whether `end` comes somewhere behind `from`: mostly in the last bytes. Where looking for it would cost too much, it is
/// believed.
async fn ends<S: RangedRead>(
    window: &mut Window<'_, S>,
    from: u64,
    end: &[u8],
) -> Result<bool, Halt<S::Error>> {
    let size = window.size();
    let found = |bytes: &Bytes| bytes.windows(end.len()).any(|here| here == end);
    let tail = size.saturating_sub(TAIL).max(from);
    if found(&window.at(tail, TAIL, TAIL).await?) {
        return Ok(true);
    }
    // what phones append to a photo, a film for example, may be long
    let mut at = from;
    while at < tail {
        let piece = match window.at(at, STEP, STEP).await {
            Ok(piece) => piece,
            Err(Halt::Budget) => return Ok(true),
            Err(halt) => return Err(halt),
        };
        if found(&piece) {
            return Ok(true);
        }
        // the two bytes may lie on either side of a cut
        at += STEP - 1;
    }
    Ok(false)
}

/// The orientation that a TIFF structure tells; 1 if it tells none.
pub fn turned(exif: &[u8]) -> u8 {
    Orientation::from_exif_chunk(exif).map_or(1, Orientation::to_exif)
}

async fn webp<S: RangedRead>(window: &mut Window<'_, S>) -> Result<Photo, Halt<S::Error>> {
    let size = window.size();
    let head = window.at(0, 12, HEAD).await?;
    let declared = le32(&head, 4).map_or(0, |length| u64::from(length) + 8);
    let mut found = None;
    let mut canvas = None;
    let (mut animated, mut turn, mut wants_exif) = (false, None, false);
    let mut at = 12;
    for _ in 0..PIECES_MAX {
        if at >= declared || (found.is_some() && (turn.is_some() || !wants_exif)) {
            break;
        }
        let chunk = window.at(at, 8, HEAD).await?;
        let (Some(name), Some(length)) = (chunk.get(..4), le32(&chunk, 4)) else { break };
        let (body, length) = (at + 8, u64::from(length));
        match name {
            b"VP8X" => {
                let bytes = window.at(body, 10, HEAD).await?;
                if let (Some(flags), Some(width), Some(height)) =
                    (bytes.first(), le24(&bytes, 4), le24(&bytes, 7))
                {
                    animated = flags & 0x02 != 0;
                    wants_exif = flags & 0x08 != 0;
                    canvas = Some((width + 1, height + 1));
                }
            }
            b"VP8 " if found.is_none() => found = lossy(&window.at(body, 10, HEAD).await?),
            b"VP8L" if found.is_none() => found = lossless(&window.at(body, 5, HEAD).await?),
            b"ANIM" | b"ANMF" => {
                animated = true;
                found = found.or(canvas);
            }
            b"EXIF" => {
                let exif = window.at(body, length.min(EXIF_MAX), HEAD).await?;
                // some programs write it as in a JPEG
                turn = Some(turned(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif)));
            }
            _ => {}
        }
        at = body + length.next_multiple_of(2);
    }
    let Some((width, height)) = canvas.or(found).filter(|(width, height)| *width > 0 && *height > 0) else {
        let cut = declared > size || at >= size;
        return Err(if cut {
            truncated("a WebP that ends before its picture")
        } else {
            damaged("a WebP without a picture")
        }
        .into());
    };
    Ok(Photo {
        format: Container::Webp,
        width,
        height,
        orientation: turn.unwrap_or(1),
        size,
        animated,
        cmyk: false,
        whole: declared <= size && found.is_some(),
        odd_encoding: None,
        // the planes, and what becomes of them
        memory: (u64::from(width) * u64::from(height)).saturating_mul(4 + 4),
    })
}

/// Three bytes of frame tag, a start code, then the sides with two bits of scaling each.
fn lossy(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at| Some(u32::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?) & 0x3fff));
    if bytes.get(3..6)? != b"\x9d\x01\x2a" {
        return None;
    }
    Some((side(6)?, side(8)?))
}

/// A signature, then fourteen bits for each side less one.
fn lossless(bytes: &[u8]) -> Option<(u32, u32)> {
    let bits = le32(bytes, 1).filter(|_| bytes.first() == Some(&0x2f))?;
    Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

async fn png<S: RangedRead>(window: &mut Window<'_, S>) -> Result<Photo, Halt<S::Error>> {
    let size = window.size();
    let head = window.at(8, 25, HEAD).await?;
    let (Some(b"IHDR"), Some(width), Some(height), Some(&depth), Some(&colour)) =
        (head.get(4..8), be32(&head, 8), be32(&head, 12), head.get(16), head.get(17))
    else {
        return Err(if size < 33 {
            truncated("a PNG that ends within its header")
        } else {
            damaged("a PNG without a header")
        }
        .into());
    };
    if width == 0 || height == 0 {
        return Err(damaged(format!("{width} x {height} pixels")).into());
    }
    let (mut animated, mut turn, mut data) = (false, None, None);
    let mut at = 33;
    for _ in 0..PIECES_MAX {
        // EXIF may stand behind the picture; it is not worth a request for each of its pieces
        if data.is_some() && !window.holds(at, 8) {
            break;
        }
        let chunk = window.at(at, 8, HEAD).await?;
        let (Some(length), Some(name)) = (be32(&chunk, 0), chunk.get(4..8)) else { break };
        match name {
            b"acTL" => animated = true,
            b"IDAT" => data = data.or(Some(at)),
            b"eXIf" => turn = Some(turned(&window.at(at + 8, u64::from(length).min(EXIF_MAX), HEAD).await?)),
            b"IEND" => break,
            _ => {}
        }
        at += 12 + u64::from(length);
    }
    let channels = match colour {
        0 => 1,
        4 => 2,
        // a palette becomes colours, with transparency
        3 | 6 => 4,
        _ => 3,
    };
    let pixels = u64::from(width) * u64::from(height);
    Ok(Photo {
        format: Container::Png,
        width,
        height,
        orientation: turn.unwrap_or(1),
        size,
        animated,
        cmyk: false,
        whole: match data {
            Some(data) => ends(window, data, b"IEND").await?,
            None => false,
        },
        odd_encoding: None,
        memory: pixels.saturating_mul(channels).saturating_mul(if depth == 16 { 2 } else { 1 }),
    })
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn le24(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 3)? {
        [low, middle, high] => Some(u32::from_le_bytes([*low, *middle, *high, 0])),
        _ => None,
    }
}
