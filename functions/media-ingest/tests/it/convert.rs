//! Conversions, looked at pixel by pixel.

use image::{DynamicImage, Rgb};
use media_ingest::convert::{Converted, convert, too_large};
use media_ingest::probe::photo::{self, Photo, judge, rules};
use proptest::prelude::*;

use crate::it::files::{Counting, manifest, media, now};

fn probed(bytes: &[u8]) -> Photo {
    now(photo::probe(&mut Counting::whole(bytes.to_vec()), None)).unwrap()
}

fn converted(bytes: &[u8]) -> Converted {
    convert(bytes.to_vec().into(), &probed(bytes)).unwrap_or_else(|problem| panic!("{problem:?}"))
}

fn decoded(made: &Converted) -> DynamicImage {
    image::load_from_memory_with_format(&made.bytes, image::ImageFormat::Jpeg).unwrap()
}

/// A pixel, its place in hundredths of the sides.
fn look(picture: &DynamicImage, across: u32, down: u32) -> [u8; 3] {
    let picture = picture.to_rgb8();
    picture.get_pixel((picture.width() - 1) * across / 100, (picture.height() - 1) * down / 100).0
}

fn close(one: [u8; 3], other: [u8; 3], by: u8) -> bool {
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= by)
}

#[test]
fn whatever_is_converted_is_then_good() {
    let mut count = 0;
    for entry in manifest() {
        if entry.kind != "photo" || entry.found.is_none() {
            continue;
        }
        let bytes = media(&entry.file);
        let found = probed(&bytes);
        if !judge(&found).iter().all(|problem| photo::curable(problem, &found)) || too_large(&found).is_some()
        {
            continue;
        }
        let made = converted(&bytes);
        let after = probed(&made.bytes);
        assert_eq!(judge(&after), [], "{}", entry.file);
        assert_eq!(photo::advise(&after), [], "{}", entry.file);
        assert_eq!((after.width, after.height, after.orientation), (made.width, made.height, 1));
        let (wide, high) = found.shown();
        let (before, now) =
            (f64::from(wide) / f64::from(high), f64::from(made.width) / f64::from(made.height));
        assert!((before / now - 1.0).abs() < 0.002, "{}: {before} became {now}", entry.file);
        count += 1;
    }
    assert!(count >= 20, "{count} were converted");
}

#[test]
fn a_phones_photo_is_turned_upright_and_its_place_is_forgotten() {
    let bytes = media("phone.jpg");
    let made = converted(&bytes);
    assert_eq!((made.width, made.height, made.orientation), (1_080, 1_440, 6));
    assert!(bytes.windows(4).any(|four| four == b"Exif"));
    assert!(!made.bytes.windows(4).any(|four| four == b"Exif"));
}

/// Four corners of four colours, written with each EXIF orientation, all come out as the same picture.
#[test]
fn every_orientation_comes_out_upright() {
    use image::metadata::Orientation;
    let corners = [[250, 10, 10], [10, 250, 10], [10, 10, 250], [250, 250, 10]];
    let upright = DynamicImage::ImageRgb8(image::RgbImage::from_fn(300, 200, |x, y| {
        Rgb(corners[usize::from(x >= 150) + 2 * usize::from(y >= 100)])
    }));
    for turn in 1..=8 {
        // stored so that applying the orientation gives the upright one: the inverse of a quarter turn is three of them
        let inverse = match turn {
            6 => 8,
            8 => 6,
            same => same,
        };
        let mut stored = upright.clone();
        stored.apply_orientation(Orientation::from_exif(inverse).unwrap());
        let mut jpeg = Vec::new();
        stored.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95)).unwrap();
        let tag = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0, 0, 0, 0, 0];
        let exif = [&b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01"[..], &tag].concat();
        let file = [&jpeg[..2], &exif, &jpeg[2..]].concat();
        assert_eq!(probed(&file).orientation, turn);
        assert_eq!(probed(&file).shown(), (300, 200));

        let made = converted(&file);
        assert_eq!((made.width, made.height), (300, 200), "{turn}");
        let picture = decoded(&made);
        for (index, corner) in (0..).zip(corners) {
            let (across, down) = (20 + 60 * (index % 2), 20 + 60 * (index / 2));
            let seen = look(&picture, across, down);
            assert!(close(seen, corner, 12), "{turn}: {seen:?} is not {corner:?}");
        }
    }
}

#[test]
fn what_shines_through_lies_on_white() {
    let picture = decoded(&converted(&media("alpha.png")));
    assert!(close(look(&picture, 0, 0), [255, 255, 255], 3), "{:?}", look(&picture, 0, 0));
    assert!(close(look(&picture, 50, 50), [255, 165, 0], 8), "{:?}", look(&picture, 50, 50));
}

#[test]
fn colours_stay_what_they_were() {
    // a gradient from navy to orange, top to bottom, in each format and depth
    for name in ["phone.jpg", "phone-progressive.jpg", "large.webp", "deep.png", "square-1254.jpg"] {
        let bytes = media(name);
        let found = probed(&bytes);
        let picture = decoded(&converted(&bytes));
        let (first, last) = match found.orientation {
            // lying: what was on top is at the right
            6 => (look(&picture, 98, 50), look(&picture, 2, 50)),
            _ => (look(&picture, 50, 2), look(&picture, 50, 98)),
        };
        assert!(close(first, [0, 0, 128], 20), "{name}: {first:?}");
        assert!(close(last, [255, 165, 0], 20), "{name}: {last:?}");
    }
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let bytes = media("bomb.png");
    let problem = convert(bytes.clone().into(), &probed(&bytes)).unwrap_err();
    assert_eq!(problem.rule, rules::PIXELS_MAX);
    assert!(problem.found.contains("20000 x 20000"), "{problem:?}");
}

#[test]
fn a_picture_larger_than_its_header_was_said_to_be_is_refused() {
    let bytes = media("phone.jpg");
    let small = Photo { width: 100, height: 100, memory: 30_000, ..probed(&bytes) };
    assert_eq!(convert(bytes.into(), &small).unwrap_err().rule, rules::DAMAGED);
}

#[test]
fn what_cannot_be_decoded_is_damaged() {
    let mut bytes = media("exif-8.png");
    let found = probed(&bytes);
    let data = bytes.windows(4).position(|four| four == b"IDAT").unwrap();
    bytes[data + 6..data + 40].fill(0xee);
    let problem = convert(bytes.into(), &found).unwrap_err();
    assert_eq!(problem.rule, rules::DAMAGED);
    assert!(!problem.remedy.is_empty());
}

#[test]
fn the_same_photo_becomes_the_same_bytes() {
    let bytes = media("large.webp");
    assert_eq!(converted(&bytes), converted(&bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_photos_never_make_it_panic(
        name in prop::sample::select(vec!["exif-6.jpg", "grey.jpg", "cmyk.jpg", "subsampled.jpg", "alpha.png", "exif-8.png", "alpha.webp", "lossless.webp", "exif-6.webp"]),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let mut bytes = media(name);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(found) = now(photo::probe(&mut Counting::whole(bytes.clone()), None))
            && found.memory < 20_000_000
            && let Ok(made) = convert(bytes.into(), &found)
        {
            assert_eq!(judge(&probed(&made.bytes)), []);
        }
    }
}
