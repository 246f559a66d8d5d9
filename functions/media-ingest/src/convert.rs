//! A photo that TikTok would refuse for its format or size, made into a JPEG that it takes: upright, no larger than the box,
//! nothing cut off, the same shape. Colour profiles stay; everything else that a camera wrote, the place for one, goes.
//!
//! What decoding takes is known from the headers before a byte of the picture is read.

use std::io::Cursor;

use bytes::Bytes;
use domain::media::Container;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, Rgb,
    RgbImage,
};

use super::probe::Problem;
use super::probe::photo::{Photo, damaged, limits, problem, rules};

/// Bytes of memory that one conversion may take besides the file's own: 36 megapixels of a plain JPEG or WebP of the usual
/// kind, 18 of a progressive one. A function has 256 MB.
pub const MEMORY_MAX: u64 = 110_000_000;
/// The same with the file's own, of which a decoder makes a copy.
const WITH_FILE_MAX: u64 = 170_000_000;
/// Of 100; above it files grow and nobody sees why.
const QUALITY: u8 = 90;

/// What a photo was made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// A JPEG.
    pub bytes: Vec<u8>,
    /// Pixels, upright.
    pub width: u32,
    /// Pixels, upright.
    pub height: u32,
    /// How the file said that it was to be turned, 1 to 8.
    pub orientation: u8,
}

/// Why a photo cannot be converted although nothing else is wrong with it: too many pixels.
pub fn too_large(photo: &Photo) -> Option<Problem> {
    let with_file = photo.memory.saturating_add(photo.size.saturating_mul(2));
    (photo.memory > MEMORY_MAX || with_file > WITH_FILE_MAX).then(|| {
        problem(
            rules::PIXELS_MAX,
            format!("{} x {} pixels in {} bytes", photo.width, photo.height, photo.size),
            "a photo that can be decoded in little memory: about 36 megapixels, fewer if it is progressive or a long file",
            "make the photo smaller before it is uploaded",
        )
    })
}

/// Makes the bytes of `photo` into a JPEG.
pub fn convert(bytes: Bytes, photo: &Photo) -> Result<Converted, Problem> {
    if let Some(problem) = too_large(photo) {
        return Err(problem);
    }
    made(bytes, photo).map_err(|error| match error {
        ImageError::Limits(_) => damaged("a picture that is larger than its headers say"),
        error => damaged(format!("a picture that cannot be decoded: {}", one_line(&error))),
    })
}

fn made(bytes: Bytes, photo: &Photo) -> Result<Converted, ImageError> {
    let format = match photo.format {
        Container::Png => ImageFormat::Png,
        Container::Webp => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    };
    let mut decoder = ImageReader::with_format(Cursor::new(bytes), format).into_decoder()?;
    let mut most = Limits::no_limits();
    (most.max_image_width, most.max_image_height) = (Some(photo.width), Some(photo.height));
    most.max_alloc = Some(2 * MEMORY_MAX);
    decoder.set_limits(most)?;
    let orientation = decoder.orientation()?;
    let profile = decoder.icc_profile()?;
    let whole = DynamicImage::from_decoder(decoder)?;
    let mut small = flat(fitted(whole));
    small.apply_orientation(orientation);

    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    // a profile is of use with the kind of colours it was made for
    let wanted: &[u8] = if matches!(small, DynamicImage::ImageLuma8(_)) { b"GRAY" } else { b"RGB " };
    if let Some(profile) = profile.filter(|profile| profile.get(16..20) == Some(wanted)) {
        encoder.set_icc_profile(profile).map_err(ImageError::Unsupported)?;
    }
    encoder.encode_image(&small)?;
    let (width, height) = (small.width(), small.height());
    Ok(Converted { bytes: jpeg, width, height, orientation: orientation.to_exif() })
}

/// The picture, still lying as it lies in the file, made to fit the box.
fn fitted(picture: DynamicImage) -> DynamicImage {
    let (width, height) = sides(picture.width(), picture.height());
    if (width, height) == (picture.width(), picture.height()) {
        return picture;
    }
    // averaging down to twice the size takes no memory to speak of; the filter, which does, has little left to do
    let (twice_wide, twice_high) = (width * 2, height * 2);
    let near = if picture.width() > twice_wide && picture.height() > twice_high {
        picture.thumbnail_exact(twice_wide, twice_high)
    } else {
        picture
    };
    near.resize_exact(width, height, FilterType::CatmullRom)
}

/// The largest sides of the same shape within the box.
fn sides(width: u32, height: u32) -> (u32, u32) {
    let (shorter, longer) = (u64::from(width.min(height)), u64::from(width.max(height)));
    let (most_shorter, most_longer) = (u64::from(limits::SHORTER_SIDE), u64::from(limits::LONGER_SIDE));
    // which side of the box is met first
    let (above, below) = if shorter * most_longer > longer * most_shorter {
        (most_shorter, shorter)
    } else {
        (most_longer, longer)
    };
    if above >= below {
        return (width, height);
    }
    let scaled = |side: u32| {
        let side = (u64::from(side) * above + below / 2) / below;
        u32::try_from(side).unwrap_or(u32::MAX).max(1)
    };
    (scaled(width), scaled(height))
}

/// Eight bits, grey or coloured; what shines through lies on white paper.
fn flat(picture: DynamicImage) -> DynamicImage {
    let over = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        u8::try_from((value * alpha + 255 * (255 - alpha) + 127) / 255).unwrap_or(u8::MAX)
    };
    match picture {
        DynamicImage::ImageLuma8(_) | DynamicImage::ImageRgb8(_) => picture,
        DynamicImage::ImageLuma16(_) => DynamicImage::ImageLuma8(picture.into_luma8()),
        DynamicImage::ImageLumaA8(_) | DynamicImage::ImageLumaA16(_) => {
            let picture = picture.into_luma_alpha8();
            let (width, height) = picture.dimensions();
            DynamicImage::ImageLuma8(GrayImage::from_fn(width, height, |x, y| {
                let [value, alpha] = picture.get_pixel(x, y).0;
                image::Luma([over(value, alpha)])
            }))
        }
        DynamicImage::ImageRgba8(_) | DynamicImage::ImageRgba16(_) => {
            let picture = picture.into_rgba8();
            let (width, height) = picture.dimensions();
            DynamicImage::ImageRgb8(RgbImage::from_fn(width, height, |x, y| {
                let [red, green, blue, alpha] = picture.get_pixel(x, y).0;
                Rgb([over(red, alpha), over(green, alpha), over(blue, alpha)])
            }))
        }
        other => DynamicImage::ImageRgb8(other.into_rgb8()),
    }
}

/// What a decoder says, fit for a sentence.
fn one_line(error: &ImageError) -> String {
    error.to_string().chars().map(|it| if it.is_control() { ' ' } else { it }).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::sides;

    #[test]
    fn a_photo_keeps_its_shape_in_the_box() {
        let cases = [
            ((1_080, 1_920), (1_080, 1_920)),
            ((1_920, 1_080), (1_920, 1_080)),
            ((1_254, 1_254), (1_080, 1_080)),
            ((4_032, 3_024), (1_440, 1_080)),
            ((3_024, 4_032), (1_080, 1_440)),
            ((4_000, 1_000), (1_920, 480)),
            ((1_081, 1_081), (1_080, 1_080)),
            ((60_000, 1), (1_920, 1)),
            ((1, 1), (1, 1)),
        ];
        for ((width, height), fitting) in cases {
            assert_eq!(sides(width, height), fitting, "{width} x {height}");
        }
    }
}
