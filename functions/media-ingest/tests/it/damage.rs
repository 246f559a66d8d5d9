//! Damaged files: never a panic, never more than the budget.

use bytes::Bytes;
use media_ingest::probe::{advise, judge, photo, probe};
use proptest::prelude::*;

use crate::it::files::{Counting, manifest, media, now};

/// What a look at any bytes must keep, whatever they were declared as: no panic, no read outside the file (the source
/// asserts it), the budget.
fn holds(bytes: impl Into<Bytes>) {
    let mut source = Counting::whole(bytes);
    if let Ok(found) = now(probe(&mut source, Some("video/mp4"))) {
        judge(&found);
        advise(&found);
    }
    assert!(source.requests <= 64 && source.bytes <= 8 << 20);
    (source.requests, source.bytes) = (0, 0);
    if let Ok(found) = now(photo::probe(&mut source, Some("image/jpeg"))) {
        assert!(found.width > 0 && found.height > 0 && (1..=8).contains(&found.orientation));
        photo::judge(&found);
    }
    assert!(source.requests <= 64 && source.bytes <= 8 << 20);
}

/// One after the other, always the same.
fn numbers(mut seed: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below.max(1)
    }
}

#[test]
fn no_file_that_is_cut_or_has_wrong_bits_makes_it_panic() {
    for (number, entry) in manifest().iter().enumerate() {
        let file = media(&entry.file);
        let mut next = numbers(number as u64);
        for _ in 0..60 {
            holds(file[..next(file.len() + 1)].to_vec());
            let mut bytes = file.clone();
            // most of what matters stands in the first bytes, the rest in the last
            for _ in 0..=next(6) {
                let at = match next(4) {
                    0 => next(bytes.len()),
                    1 => bytes.len().saturating_sub(1 + next(400)),
                    _ => next(bytes.len().min(1_200)),
                };
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << next(8);
                }
            }
            holds(bytes);
        }
    }
}

#[test]
fn no_single_wrong_byte_in_the_headers_makes_it_panic() {
    for name in [
        "h264-faststart.mp4",
        "fragmented-mfra.mp4",
        "fragmented-sidx.mp4",
        "quicktime.mov",
        "live.webm",
        "vp9.webm",
        "phone.jpg",
        "exif-6.jpg",
        "exif-6.webp",
        "exif-8.png",
    ] {
        let file = media(name);
        for at in 0..file.len().min(800) {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = file.clone();
                bytes[at] = value;
                holds(bytes);
            }
        }
    }
}

fn any_media() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<_> = manifest().into_iter().map(|entry| entry.file).collect();
    proptest::sample::select(names).prop_map(|name| media(&name))
}

proptest! {
    #[test]
    fn damaged_media_never_makes_it_panic(
        mut bytes in any_media(),
        // most of what matters stands in the first bytes
        damage in prop::collection::vec((0_usize..4_000, prop_oneof![any::<u32>(), Just(0), Just(1), Just(u32::MAX)]), 1..12),
        cut in prop::option::weighted(0.3, any::<prop::sample::Index>()),
        tail in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let length = bytes.len();
        for (at, value) in damage {
            let at = at % length.saturating_sub(4).max(1);
            if let Some(four) = bytes.get_mut(at..at + 4) {
                four.copy_from_slice(&value.to_be_bytes());
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(length + 1));
        }
        bytes.extend(tail);
        holds(bytes);
    }

    #[test]
    fn random_bytes_behind_a_plausible_beginning_never_make_it_panic(
        beginning in prop::sample::select(vec![
            &b"\0\0\0\x10ftypisom\0\0\0\0"[..],
            b"\0\0\x10\0moov",
            b"\0\0\0\0moov\0\0\0\x6cmvhd",
            b"\xff\xd8\xff\xe1\0\x20Exif\0\0MM\0*\0\0\0\x08",
            b"RIFF\xff\xff\xff\0WEBPVP8X\x0a\0\0\0\x08\0\0\0",
            b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x01\0\0\0\x01\0\x08\x06",
            b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
        ]),
        noise in prop::collection::vec(any::<u8>(), 0..3_000),
    ) {
        holds([beginning, &noise].concat());
    }
}
