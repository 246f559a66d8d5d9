//! The probe against ffprobe, `ImageMagick` and exiftool, file by file.

use media_ingest::probe::photo::{self, Photo};
use media_ingest::probe::{self, Probe, ProbeError, judge};

use crate::it::files::{Counting, Entry, Found, folder, manifest, media, now};

fn rate(fraction: &str) -> f64 {
    let (above, below) = fraction.split_once('/').unwrap();
    above.parse::<f64>().unwrap() / below.parse::<f64>().unwrap()
}

enum Seen {
    Video(Probe),
    Photo(Photo),
    Refused(&'static str),
}

/// One look, and what it cost.
fn look(entry: &Entry) -> (Seen, Counting) {
    let mut source = Counting::file(&entry.file);
    let seen = match entry.kind.as_str() {
        "video" => now(probe::probe(&mut source, None)).map(Seen::Video),
        _ => now(photo::probe(&mut source, None)).map(Seen::Photo),
    };
    let seen = seen.unwrap_or_else(|error| match error {
        ProbeError::Refused(problem) => Seen::Refused(problem.rule),
        other => panic!("{}: {other:?}", entry.file),
    });
    (seen, source)
}

#[test]
fn the_probe_agrees_with_the_tools_on_every_file_they_read_and_names_the_problem_of_every_other() {
    let (mut read, mut refused) = (0, 0);
    for entry in manifest() {
        let (name, (seen, source)) = (&entry.file, look(&entry));
        // a header of a hundred kilobytes is what takes the fourth one
        assert!(source.requests <= 4 && source.bytes <= 256 * 1024, "{name}: {} requests", source.requests);
        match (&seen, &entry.found) {
            (Seen::Refused(rule), None) => {
                assert_eq!(Some(*rule), entry.refused.as_deref(), "{name}");
                refused += 1;
            }
            (
                Seen::Video(seen),
                Some(Found::Video {
                    container,
                    codec,
                    duration_ms,
                    frame_rate,
                    width,
                    height,
                    rotation,
                    audio,
                }),
            ) => {
                assert_eq!(seen.container.extension(), container, "{name}");
                assert_eq!(&seen.video_codec.to_string(), codec, "{name}");
                let lasts = seen.duration_ms.unwrap_or_default();
                assert!(lasts.abs_diff(*duration_ms) <= 50, "{name}: {lasts} ms, not {duration_ms}");
                let (ours, theirs) = (seen.frame_rate.unwrap_or_default(), rate(frame_rate));
                assert!((ours / theirs - 1.0).abs() <= 0.005, "{name}: {ours} fps, not {theirs}");
                assert_eq!((seen.width, seen.height), (*width, *height), "{name}");
                assert_eq!((seen.rotation, seen.audio), (*rotation, *audio), "{name}");
                assert_eq!(seen.size, media(name).len() as u64, "{name}");
                assert_eq!(
                    judge(seen).iter().map(|it| it.rule).collect::<Vec<_>>(),
                    entry.problems,
                    "{name}"
                );
                read += 1;
            }
            (Seen::Photo(seen), Some(Found::Photo { format, width, height, orientation })) => {
                let ours = seen.format.content_type().trim_start_matches("image/");
                assert_eq!(ours, format, "{name}");
                assert_eq!((seen.width, seen.height), (*width, *height), "{name}");
                assert_eq!(seen.orientation, *orientation, "{name}");
                assert_eq!(
                    photo::judge(seen).iter().map(|it| it.rule).collect::<Vec<_>>(),
                    entry.problems,
                    "{name}"
                );
                read += 1;
            }
            (Seen::Refused(rule), Some(_)) => panic!("{name}: refused with `{rule}`"),
            (Seen::Video(_) | Seen::Photo(_), _) => panic!("{name}: it was read, and is {entry:?}"),
        }
    }
    assert!(read >= 60 && refused >= 15, "{read} read, {refused} refused");
}

#[test]
fn every_file_is_small_and_in_the_manifest() {
    let names: Vec<_> = manifest().into_iter().map(|entry| entry.file).collect();
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let length = entry.metadata().unwrap().len();
        assert!(length <= 150_000, "{name}");
        bytes += length;
        let known = names.contains(&name)
            || ["make-media.sh", "describe.py", "manifest.json"].contains(&name.as_str());
        assert!(known, "{name} is not in the manifest");
    }
    assert!(bytes <= 4_000_000, "{bytes} bytes in all");
}
