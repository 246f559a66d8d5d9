//! Photos: what a table of files cannot tell of.

use bytes::Bytes;
use domain::media::Container;
use media_ingest::convert::{MEMORY_MAX, too_large};
use media_ingest::probe::photo::{Photo, advise, curable, judge, limits, probe, rules};
use media_ingest::probe::{ProbeError, Problem};

use crate::it::files::{Counting, media, now};

fn probed(name: &str) -> Photo {
    now(probe(&mut Counting::file(name), None)).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn refused(bytes: impl Into<Bytes>) -> Problem {
    match now(probe(&mut Counting::whole(bytes), Some("image/jpeg"))) {
        Err(ProbeError::Refused(problem)) => problem,
        other => panic!("not refused: {other:?}"),
    }
}

fn broken(photo: &Photo) -> Vec<&'static str> {
    judge(photo).iter().map(|problem| problem.rule).collect()
}

fn with(photo: &Photo, change: impl FnOnce(&mut Photo)) -> Photo {
    let mut changed = photo.clone();
    change(&mut changed);
    changed
}

#[test]
fn each_limit_holds_on_both_sides_lying_and_upright() {
    let good = probed("baseline.jpg");
    let sides = |width, height, orientation| {
        with(&good, |p| (p.width, p.height, p.orientation) = (width, height, orientation))
    };
    for orientation in 1..=8 {
        for (width, height) in [(1_080, 1_920), (1_920, 1_080), (1_080, 1_080), (1, 1_920), (941, 1_672)] {
            assert_eq!(broken(&sides(width, height, orientation)), [] as [&str; 0], "{width} x {height}");
        }
        for (width, height) in [(1_081, 1_081), (1_081, 1_920), (1, 1_921), (1_921, 1_080), (1_254, 1_254)] {
            assert_eq!(broken(&sides(width, height, orientation)), [rules::SIDE_MAX], "{width} x {height}");
        }
    }
    assert_eq!(broken(&with(&good, |p| p.size = limits::SIZE_MAX)), [] as [&str; 0]);
    assert_eq!(broken(&with(&good, |p| p.size = limits::SIZE_MAX + 1)), [rules::SIZE_MAX]);
}

#[test]
fn a_problem_names_what_was_found_the_limit_and_the_remedy() {
    let phone = probed("phone.jpg");
    assert_eq!(phone.shown(), (3_024, 4_032));
    let problem = domain::Problem::from(judge(&phone).remove(0));
    assert_eq!(
        problem.detail,
        "found 3024 x 4032 pixels, allowed is at most 1080 pixels on the shorter and 1920 on the longer side"
    );
    assert!(problem.remedy.contains("`convert`"), "{}", problem.remedy);
    for (bytes, found) in [
        (media("text.jpg"), "plain text, declared as `image/jpeg`"),
        (media("h264-faststart.mp4"), "a video, declared as `image/jpeg`"),
        (media("picture.gif"), "a GIF picture, declared as `image/jpeg`"),
    ] {
        let problem = refused(bytes);
        assert_eq!((problem.rule, problem.found.as_str()), (rules::FORMAT, found));
        assert!(!problem.limit.is_empty() && !problem.remedy.is_empty());
    }
}

#[test]
fn colours_for_printing_are_advised_against_and_not_refused() {
    let cmyk = probed("cmyk.jpg");
    assert_eq!((broken(&cmyk).len(), advise(&cmyk)[0].rule), (0, rules::COLOUR));
    let advice = advise(&cmyk).remove(0).into_advice();
    assert_eq!(advice.level, domain::Level::Advice);
    assert_eq!(advice.detail, "found colours for printing (CMYK), recommended is colours for screens (sRGB)");
    assert_eq!(advise(&probed("progressive.jpg")), []);
}

#[test]
fn only_what_converting_mends_is_converted() {
    for (name, mended) in [
        ("alpha.png", true),
        ("phone.jpg", true),
        ("large.webp", true),
        ("animated.webp", false),
        ("animated.png", false),
        ("cut.jpg", false),
        ("arithmetic.jpg", false),
    ] {
        let photo = probed(name);
        assert_eq!(judge(&photo).iter().all(|problem| curable(problem, &photo)), mended, "{name}");
    }
    let long = |size| with(&probed("phone.jpg"), |photo| photo.size = size);
    for (size, mended) in [(50_000_000, true), (50_000_001, false)] {
        let photo = long(size);
        assert_eq!(judge(&photo).iter().all(|problem| curable(problem, &photo)), mended, "{size} bytes");
    }
}

#[test]
fn what_decoding_takes_is_told_by_the_headers() {
    assert_eq!(probed("phone.jpg").memory, 4_032 * 3_024 * 3);
    // full-size brightness, both colours at a quarter, two bytes each, besides the picture
    assert_eq!(probed("phone-progressive.jpg").memory, 4_000 * 3_000 * (3 + 3));
    assert_eq!(probed("deep.png").memory, 200 * 300 * 3 * 2);
    let bomb = probed("bomb.png");
    assert!(bomb.memory > MEMORY_MAX && too_large(&bomb).is_some());
    assert_eq!(too_large(&probed("phone-progressive.jpg")), None);
    assert_eq!(too_large(&bomb).unwrap().rule, rules::PIXELS_MAX);
    // the file itself is in memory too, twice while it is decoded
    for (memory, size, refused) in [
        (110_000_000, 30_000_000, false),
        (110_000_001, 1, true),
        (70_000_000, 50_000_000, false),
        (70_000_001, 50_000_000, true),
    ] {
        let photo = with(&bomb, |photo| (photo.memory, photo.size) = (memory, size));
        assert_eq!(too_large(&photo).is_some(), refused, "{memory} and {size} bytes");
    }
}

/// A photo whose middle is zeros, which are nothing that ends a picture.
fn stretched(name: &str, size: u64, end: &[u8]) -> Counting {
    let file = media(name);
    let head = file[..file.len() / 2].to_vec();
    Counting {
        pieces: vec![(0, head.into()), (size - end.len() as u64, end.to_vec().into())],
        size,
        requests: 0,
        bytes: 0,
    }
}

#[test]
fn twenty_megabytes_cost_two_requests() {
    let mut source = stretched("baseline.jpg", 20_000_000, b"\xff\xd9");
    let found = now(probe(&mut source, None)).unwrap();
    assert_eq!((found.whole, source.requests, source.bytes), (true, 2, 128 * 1024));
}

#[test]
fn a_film_behind_the_picture_is_not_a_missing_end() {
    assert!(probed("motion.jpg").whole);
    let mut source = stretched("baseline.jpg", 5_000_000, b"a film");
    source.pieces.push((2_000_000, Bytes::from_static(b"\xff\xd9")));
    assert!(now(probe(&mut source, None)).unwrap().whole);
    assert!(source.requests <= 4 && source.bytes <= 3 << 20, "{} bytes", source.bytes);
    let mut source = stretched("baseline.jpg", 5_000_000, b"cut");
    assert!(!now(probe(&mut source, None)).unwrap().whole);
}

#[test]
fn the_end_of_a_picture_is_seen_across_two_reads() {
    let scan = media("baseline.jpg").windows(2).position(|two| two == b"\xff\xda").unwrap() as u64;
    let scan = scan + 2 + 12;
    let mut source = stretched("baseline.jpg", 5_000_000, b"a film");
    source.pieces.push((scan + (1 << 20) - 1, Bytes::from_static(b"\xff\xd9")));
    assert!(now(probe(&mut source, None)).unwrap().whole);
}

#[test]
fn orientations_that_are_none_mean_as_it_is() {
    let turned = |value: u8| {
        let tag = [0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0];
        let tiff = [&b"MM\0*\0\0\0\x08\0\x01"[..], &tag, &[0; 4]].concat();
        media_ingest::probe::photo::turned(&tiff)
    };
    for value in 1..=8 {
        assert_eq!(turned(value), value);
    }
    for value in [0, 9, 255] {
        assert_eq!(turned(value), 1);
    }
    assert_eq!(media_ingest::probe::photo::turned(b""), 1);
    assert_eq!(probed("webp-inside.jpg").format, Container::Webp);
}
