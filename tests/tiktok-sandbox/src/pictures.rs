//! What a photo really is. Decided with `jpeg-decoder` and `image-webp`.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use crate::config::{PhotoRules, Resolution};
use crate::media::Probe;

/// More pixels are not unpacked to see whether they are all there: no rule lets so large a photo through.
const MOST_PIXELS: u64 = 50_000_000;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Photo {
    /// `jpeg`, `webp` or `png`.
    pub format: String,
    /// As it is shown: the EXIF orientation is applied.
    pub width: u32,
    pub height: u32,
    pub animated: bool,
}

impl Probe {
    /// Why TikTok would refuse these bytes as a photo: its `fail_reason` and the cause.
    pub(crate) fn photo_refusal(&self, rules: &PhotoRules) -> Option<(&'static str, String)> {
        let photo = match self {
            Self::Nothing { why } => return Some(("file_format_check_failed", why.clone())),
            Self::Video(video) => {
                return Some(("file_format_check_failed", format!("`{}` is no photo", video.container)));
            }
            Self::Photo(photo) => photo,
        };
        if photo.format == "png" && !rules.png {
            return Some(("file_format_check_failed", "it is a PNG".into()));
        }
        if photo.animated && !rules.animated_webp {
            return Some(("file_format_check_failed", "the WebP moves".into()));
        }
        let (shorter, longer) = (photo.width.min(photo.height), photo.width.max(photo.height));
        let fits = match rules.resolution {
            Resolution::Box => shorter <= 1_080 && longer <= 1_920,
            Resolution::ShorterSide => shorter <= 1_080,
            Resolution::Width => photo.width <= 1_080,
        };
        (!fits).then(|| {
            let why = format!("{} x {} is more than 1080p", photo.width, photo.height);
            ("picture_size_check_failed", why)
        })
    }
}

/// None for bytes that do not begin like a photo's.
pub(crate) fn probe(reader: &mut (impl Read + Seek), head: &[u8]) -> Option<Probe> {
    let found = if head.starts_with(&[0xff, 0xd8, 0xff]) {
        jpeg(reader)
    } else if head.starts_with(b"RIFF") && head.ends_with(b"WEBP") {
        webp(&mut BufReader::new(reader))
    } else if head.starts_with(PNG) {
        png(reader)
    } else {
        return None;
    };
    Some(found.map_or_else(Probe::nothing, Probe::Photo))
}

fn jpeg(reader: &mut impl Read) -> Result<Photo, String> {
    let broken = |error| format!("the JPEG is broken or cut off: {error}");
    let mut decoder = jpeg_decoder::Decoder::new(BufReader::new(reader));
    decoder.read_info().map_err(broken)?;
    let info = decoder.info().ok_or("the JPEG has no picture")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    if u64::from(width) * u64::from(height) <= MOST_PIXELS {
        decoder.decode().map_err(broken)?;
    }
    Ok(upright("jpeg", (width, height), false, decoder.exif_data()))
}

fn webp(reader: &mut (impl BufRead + Seek)) -> Result<Photo, String> {
    let broken = |error| format!("the WebP is broken or cut off: {error}");
    let mut decoder = image_webp::WebPDecoder::new(reader).map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) <= MOST_PIXELS {
        let mut pixels = vec![0; decoder.output_buffer_size().ok_or("the WebP has no picture")?];
        decoder.read_image(&mut pixels).map_err(broken)?;
    }
    let exif = decoder.exif_metadata().map_err(broken)?;
    Ok(upright("webp", (width, height), decoder.is_animated(), exif.as_deref()))
}

/// Its header alone: TikTok takes none.
fn png(reader: &mut (impl Read + Seek)) -> Result<Photo, String> {
    let mut sides = [0; 8];
    let read = reader.seek(SeekFrom::Start(16)).and_then(|_| reader.read_exact(&mut sides));
    read.map_err(|error| format!("the PNG is cut off: {error}"))?;
    let side = |at: usize| sides[at..at + 4].iter().fold(0, |side: u32, byte| side << 8 | u32::from(*byte));
    Ok(upright("png", (side(0), side(4)), false, None))
}

/// With the sides as the EXIF orientation shows them.
fn upright(format: &str, (width, height): (u32, u32), animated: bool, exif: Option<&[u8]>) -> Photo {
    let exif = exif.and_then(|bytes| exif::Reader::new().read_raw(bytes.to_vec()).ok());
    let field = exif.as_ref().and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY));
    let turned =
        field.and_then(|field| field.value.get_uint(0)).is_some_and(|value| (5..=8).contains(&value));
    let (width, height) = if turned { (height, width) } else { (width, height) };
    Photo { format: format.into(), width, height, animated }
}
