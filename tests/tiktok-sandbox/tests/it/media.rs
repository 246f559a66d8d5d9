//! The bytes decide, and two parsers that `media-ingest` does not use read them.

use std::io::Cursor;

use tiktok_sandbox::{Probe, Video, probe};

use crate::rig::media;

fn video(name: &str) -> Video {
    let bytes = media(name);
    match probe(&mut Cursor::new(&bytes), bytes.len() as u64) {
        Probe::Video(video) => video,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn containers_and_codecs_are_told_apart() {
    for (name, container, codec) in [
        ("good.mp4", "mp4", "h264"),
        ("good.mov", "mov", "h264"),
        ("fragmented.mp4", "mp4", "h264"),
        ("hevc.mp4", "mp4", "h265"),
        ("vp9.mp4", "mp4", "vp9"),
        ("vp9.webm", "webm", "vp9"),
        ("vp8.webm", "webm", "vp8"),
    ] {
        let video = video(name);
        assert_eq!((video.container.as_str(), video.codec.as_str()), (container, codec), "{name}");
        assert_eq!((video.width, video.height), (360, 640), "{name}");
        assert!((3_900..=4_100).contains(&video.duration_ms), "{name}: {} ms", video.duration_ms);
        assert!((29.9..30.1).contains(&video.frame_rate), "{name}: {} fps", video.frame_rate);
    }
}

#[test]
fn frame_rates_and_sides_are_measured() {
    for (name, rate, width) in [
        ("15-fps.mp4", 15.0, 360),
        ("23976-fps.mp4", 23.976, 360),
        ("60-fps.mp4", 60.0, 360),
        ("75-fps.mp4", 75.0, 360),
        ("358-wide.mp4", 30.0, 358),
        ("4098-wide.mp4", 30.0, 4098),
    ] {
        let video = video(name);
        assert!((video.frame_rate - rate).abs() < 0.01, "{name}: {} fps", video.frame_rate);
        assert_eq!(video.width, width, "{name}");
    }
}

/// A cut at any place is seen, and nothing panics.
#[test]
fn no_cut_makes_another_good_video() {
    for name in ["good.mp4", "good.mov", "vp8.webm", "fragmented.mp4"] {
        let whole = media(name);
        for percent in 0..97 {
            let bytes = &whole[..whole.len() * percent / 100];
            let found = probe(&mut Cursor::new(bytes), bytes.len() as u64);
            if let Probe::Video(video) = found {
                // Fragments make a shorter film when they are cut exactly between two of them.
                panic!("{name} cut at {percent} % still is {video:?}");
            }
        }
    }
}

#[test]
fn noise_is_no_video() {
    for noise in
        [&b""[..], b"\0", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"\x1a\x45\xdf\xa3\xff\xff\xff\xff"]
    {
        assert!(matches!(probe(&mut Cursor::new(noise), noise.len() as u64), Probe::Nothing { .. }));
    }
}
