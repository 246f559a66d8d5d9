//! The probe on videos that a table cannot tell of: enormous, cut into fragments, at a limit.

use bytes::Bytes;
use media_ingest::probe::{Probe, ProbeError, Problem, RangedRead, advise, judge, limits, probe, rules};

use crate::it::files::{Counting, media, now};

fn run(source: &mut Counting) -> Result<Probe, ProbeError<std::io::Error>> {
    now(probe(source, Some("video/mp4")))
}

fn probed(name: &str) -> Probe {
    run(&mut Counting::file(name)).unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

fn refused(source: &mut Counting) -> Problem {
    match run(source) {
        Err(ProbeError::Refused(problem)) => problem,
        other => panic!("not refused: {other:?}"),
    }
}

fn broken_rules(probe: &Probe) -> Vec<&'static str> {
    judge(probe).iter().map(|problem| problem.rule).collect()
}

fn boxed(kind: &str, body: &[u8]) -> Vec<u8> {
    let mut whole = u32::try_from(body.len() + 8).unwrap().to_be_bytes().to_vec();
    whole.extend_from_slice(kind.as_bytes());
    whole.extend_from_slice(body);
    whole
}

/// The first box of this kind inside `bytes`, which are a sequence of boxes.
fn find<'a>(bytes: &'a [u8], kind: &str) -> &'a [u8] {
    let mut rest = bytes;
    loop {
        let len = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
        if &rest[4..8] == kind.as_bytes() {
            return &rest[..len];
        }
        rest = &rest[len..];
    }
}

#[test]
fn what_is_no_video_is_refused_with_a_word_for_what_it_is() {
    for (name, rule, found) in [
        ("text.mp4", rules::CONTAINER_UNKNOWN, "plain text, declared as `video/mp4`"),
        ("picture.png", rules::CONTAINER_UNKNOWN, "a PNG picture, declared as `video/mp4`"),
        ("matroska.mkv", rules::CONTAINER_UNKNOWN, "a Matroska video (MKV), declared as `video/mp4`"),
        ("empty.mp4", rules::EMPTY, "a file of 0 bytes"),
        ("audio-only.m4a", rules::NO_VIDEO_TRACK, "sound only"),
        ("audio-only.webm", rules::NO_VIDEO_TRACK, "sound only"),
        ("cut-no-moov.mp4", rules::TRUNCATED, "without its movie header"),
    ] {
        let mut source = Counting::file(name);
        let problem = refused(&mut source);
        assert_eq!(problem.rule, rule, "{name}");
        assert!(problem.found.contains(found), "{name}: {}", problem.found);
        assert!(!problem.limit.is_empty() && !problem.remedy.is_empty(), "{name}");
        assert!(source.requests <= 1, "{name}: {} requests", source.requests);
    }
}

/// `ftyp`, a movie of nearly 4 GB, `moov` behind it.
fn four_gigabytes(moov: &[u8]) -> Counting {
    let file = media("h264-moov-at-end.mp4");
    let mut head = find(&file, "ftyp").to_vec();
    let media_data: u64 = 3_999_000_000;
    head.extend_from_slice(&1_u32.to_be_bytes());
    head.extend_from_slice(b"mdat");
    head.extend_from_slice(&media_data.to_be_bytes());
    let at = head.len() as u64 - 16 + media_data;
    Counting {
        size: at + moov.len() as u64,
        pieces: vec![(0, head.into()), (at, moov.to_vec().into())],
        requests: 0,
        bytes: 0,
    }
}

#[test]
fn four_gigabytes_with_the_movie_header_at_the_end_cost_two_requests() {
    let file = media("h264-moov-at-end.mp4");
    let mut source = four_gigabytes(find(&file, "moov"));
    let found = run(&mut source).unwrap();
    assert_eq!((found.duration_ms, found.width, found.missing_bytes), (Some(4_000), 720, 0));
    assert_eq!(broken_rules(&found), [] as [&str; 0]);
    assert_eq!(source.requests, 2);
    assert!(source.bytes <= 128 * 1024, "{}", source.bytes);
}

#[test]
fn a_movie_header_of_many_megabytes_is_hopped_through() {
    let file = media("h264-moov-at-end.mp4");
    let moov = &find(&file, "moov")[8..];
    let video = find(moov, "trak");
    let behind = &moov[moov.windows(4).position(|four| four == b"trak").unwrap() - 4 + video.len()..];
    let audio = find(behind, "trak");
    // sample tables of a long film stand behind what the probe wants
    let heavy = |trak: &[u8]| boxed("trak", &[&trak[8..], &boxed("free", &vec![0; 5_000_000])].concat());
    let moov = boxed("moov", &[find(moov, "mvhd"), &heavy(video), &heavy(audio)].concat());
    let mut source = four_gigabytes(&moov);
    let found = run(&mut source).unwrap();
    assert_eq!((found.duration_ms, found.width, found.audio), (Some(4_000), 720, true));
    assert!(source.requests <= 6, "{} requests", source.requests);
    assert!(source.bytes <= 2_000_000, "{} bytes", source.bytes);
}

/// How a fragmented file says where it ends.
#[derive(Clone, Copy, PartialEq)]
enum Index {
    None,
    MovieHeader,
    Front,
    Back,
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// A movie header, then `count` fragments of one second, each of about `length` bytes.
fn fragments(count: u32, length: u32, index: Index) -> Counting {
    let file = media("fragmented-bare.mp4");
    let mut moov = find(&file, "moov").to_vec();
    if index == Index::MovieHeader {
        let mehd = boxed("mehd", &numbers(&[0, count * 1_000])); // 1,000 a second, as `mvhd` says
        moov = boxed("moov", &[&moov[8..], &boxed("mvex", &mehd)].concat());
    }
    let mut front = [find(&file, "ftyp"), &moov].concat();
    let fragment = |n: u32| {
        let traf = [
            boxed("tfhd", &numbers(&[8, 1, 512])), // track 1, 512 ticks a sample, 15,360 a second
            boxed("tfdt", &numbers(&[0, n * 15_360])),
            boxed("trun", &numbers(&[0, 30])),
        ]
        .concat();
        let head = boxed("moof", &[boxed("mfhd", &[0; 8]), boxed("traf", &traf)].concat());
        [head, length.to_be_bytes().to_vec(), b"mdat".to_vec()].concat()
    };
    let stride = fragment(0).len() as u64 - 8 + u64::from(length);
    if index == Index::Front {
        let references = (0..count).flat_map(|_| [u32::try_from(stride).unwrap(), 15_360, 0]);
        let fields = [0, 1, 15_360, 0, 0, count].into_iter().chain(references).collect::<Vec<_>>();
        front.extend(boxed("sidx", &numbers(&fields)));
    }
    let begin = front.len() as u64;
    let mut pieces = vec![(0, Bytes::from(front))];
    pieces.extend((0..count).map(|n| (begin + u64::from(n) * stride, fragment(n).into())));
    let mut size = begin + u64::from(count) * stride;
    if index == Index::Back {
        let last = u32::try_from(size - stride).unwrap();
        let tfra =
            boxed("tfra", &[numbers(&[0, 1, 0, 1, (count - 1) * 15_360, last]), vec![1, 1, 1]].concat());
        let length = u32::try_from(8 + tfra.len() + 16).unwrap();
        let mfra = boxed("mfra", &[tfra, boxed("mfro", &numbers(&[0, length]))].concat());
        pieces.push((size, mfra.into()));
        size += u64::from(length);
    }
    Counting { pieces, size, requests: 0, bytes: 0 }
}

#[test]
fn an_index_makes_a_long_fragmented_file_cheap() {
    for (index, requests) in [(Index::MovieHeader, 1), (Index::Front, 1), (Index::Back, 3)] {
        let mut source = fragments(500, 500_000, index);
        let found = run(&mut source).unwrap();
        assert_eq!((found.duration_ms, found.frame_rate), (Some(500_000), Some(30.0)));
        assert_eq!(broken_rules(&found), [] as [&str; 0]);
        assert_eq!(source.requests, requests);
        assert!(source.bytes <= 128 * 1024, "{} bytes", source.bytes);
    }
}

#[test]
fn fragments_without_an_index_are_counted_as_far_as_the_budget_goes() {
    let mut source = fragments(50, 500_000, Index::None);
    let found = run(&mut source).unwrap();
    assert_eq!((found.duration_ms, found.frame_rate), (Some(50_000), Some(30.0)));
    assert_eq!(broken_rules(&found), [] as [&str; 0]);

    let mut source = fragments(500, 500_000, Index::None);
    let found = run(&mut source).unwrap();
    assert_eq!((found.duration_ms, found.frame_rate), (None, Some(30.0)));
    assert_eq!(broken_rules(&found), [rules::DURATION_UNKNOWN]);
    assert!(
        source.requests <= 64 && source.bytes <= 8 << 20,
        "{} requests, {} bytes",
        source.requests,
        source.bytes
    );
}

#[test]
fn a_browser_recording_that_states_neither_duration_nor_frame_rate_is_measured() {
    let mut file = media("live.webm");
    let at = file.windows(3).position(|three| three == [0x23, 0xE3, 0x83]).unwrap();
    file[at + 2] = 0x84; // DefaultDuration becomes an element nobody knows
    let mut source = Counting::whole(file);
    let found = run(&mut source).unwrap();
    assert!(found.duration_ms.unwrap().abs_diff(3_008) <= 50, "{found:?}");
    assert!((found.frame_rate.unwrap() / 25.0 - 1.0).abs() <= 0.005, "{found:?}");
    assert_eq!(broken_rules(&found), [] as [&str; 0]);
}

#[test]
fn each_limit_holds_on_both_sides() {
    let good = probed("h264-faststart.mp4");
    let cases: [(&str, Probe, Probe); 8] = [
        (
            rules::DURATION_MAX,
            with(&good, |p| p.duration_ms = Some(600_000)),
            with(&good, |p| p.duration_ms = Some(600_001)),
        ),
        (rules::DURATION_UNKNOWN, good.clone(), with(&good, |p| p.duration_ms = None)),
        (
            rules::FRAME_RATE_RANGE,
            with(&good, |p| p.frame_rate = Some(23.0)),
            with(&good, |p| p.frame_rate = Some(22.97)),
        ),
        (
            rules::FRAME_RATE_RANGE,
            with(&good, |p| p.frame_rate = Some(60.004)),
            with(&good, |p| p.frame_rate = Some(60.1)),
        ),
        (rules::FRAME_RATE_UNKNOWN, good.clone(), with(&good, |p| p.frame_rate = None)),
        (rules::SIDE_RANGE, with(&good, |p| p.width = 360), with(&good, |p| p.width = 359)),
        (rules::SIDE_RANGE, with(&good, |p| p.height = 4_096), with(&good, |p| p.height = 4_097)),
        (
            rules::SIZE_MAX,
            with(&good, |p| p.size = limits::SIZE_MAX),
            with(&good, |p| p.size = limits::SIZE_MAX + 1),
        ),
    ];
    for (rule, inside, outside) in cases {
        assert_eq!(broken_rules(&inside), [] as [&str; 0], "{inside:?}");
        assert_eq!(broken_rules(&outside), [rule], "{outside:?}");
    }
}

fn with(probe: &Probe, change: impl FnOnce(&mut Probe)) -> Probe {
    let mut changed = probe.clone();
    change(&mut changed);
    changed
}

#[test]
fn a_turned_video_is_shown_with_its_sides_swapped() {
    assert_eq!(probed("rotated.mp4").shown(), (1280, 720));
    assert_eq!(probed("h264-faststart.mp4").shown(), (720, 1280));
}

#[test]
fn all_problems_are_told_at_once_in_the_words_of_the_domain() {
    let problems: Vec<domain::Problem> =
        judge(&probed("long-slow-small.mp4")).into_iter().map(Into::into).collect();
    let details: Vec<_> = problems.iter().map(|problem| problem.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "found 604.000 s, allowed is at most 600.000 s",
            "found 0.50 frames per second, allowed is 23 to 60 frames per second",
            "found 240 x 240 pixels, allowed is 360 to 4096 pixels on each side",
        ]
    );
    assert!(problems.iter().all(|problem| rules::ALL.contains(&problem.rule.as_str())));
}

#[test]
fn a_source_that_fails_or_answers_short_is_no_verdict_on_the_file() {
    struct Failing(Option<Bytes>);
    impl RangedRead for Failing {
        type Error = std::io::Error;
        async fn read(&mut self, _: u64, _: u64) -> Result<Bytes, Self::Error> {
            self.0.take().ok_or_else(|| std::io::Error::other("gone"))
        }
        fn size(&self) -> u64 {
            1_000
        }
    }
    let error = now(probe(&mut Failing(None), None)).unwrap_err();
    assert!(matches!(error, ProbeError::Read(_)), "{error:?}");
    let error = now(probe(&mut Failing(Some(Bytes::from_static(b"half"))), None)).unwrap_err();
    assert!(matches!(error, ProbeError::Short { wanted: 1_000, got: 4, .. }), "{error:?}");
}

#[test]
fn what_is_only_recommended_is_advice() {
    let good = probed("h264-faststart.mp4");
    assert_eq!(advise(&good), []);
    for (name, expected) in [
        ("h264-moov-at-end.mp4", vec![rules::FASTSTART_ADVICE]),
        ("hevc.mp4", vec![rules::CODEC_ADVICE]),
        ("live.webm", vec![rules::CONTAINER_ADVICE, rules::CODEC_ADVICE]),
        ("short.mp4", vec![rules::DURATION_ADVICE, rules::FASTSTART_ADVICE]),
        ("quicktime.mov", vec![rules::CONTAINER_ADVICE, rules::ASPECT_ADVICE, rules::FASTSTART_ADVICE]),
        ("rotated.mp4", vec![rules::ASPECT_ADVICE]),
        ("fragmented-sidx.mp4", vec![]),
        ("odd-361x641.mp4", vec![rules::FASTSTART_ADVICE]),
    ] {
        let found = probed(name);
        let advice = advise(&found);
        assert_eq!(advice.iter().map(|it| it.rule).collect::<Vec<_>>(), expected, "{name}");
        assert!(advice.iter().all(|it| !it.remedy.is_empty() && rules::ALL.contains(&it.rule)));
        assert_eq!(broken_rules(&found), [] as [&str; 0], "{name}: it is taken all the same");
    }
    for (ms, found) in [(2_999, 1), (3_000, 0)] {
        assert_eq!(advise(&with(&good, |p| p.duration_ms = Some(ms))).len(), found);
    }
    let advice = advise(&probed("short.mp4")).remove(0).into_advice();
    assert_eq!((advice.level, advice.param.as_str()), (domain::Level::Advice, ""));
    assert_eq!(advice.detail, "found 1.000 s, recommended is at least 3.000 s");
}

/// A movie header of five tracks, the film among them, each with megabytes of tables behind what the probe wants.
fn heavy_movie(film_first: bool) -> Vec<u8> {
    let file = media("h264-moov-at-end.mp4");
    let moov = &find(&file, "moov")[8..];
    let video = find(moov, "trak");
    let behind = &moov[moov.windows(4).position(|four| four == b"trak").unwrap() - 4 + video.len()..];
    let audio = find(behind, "trak");
    let heavy = |trak: &[u8]| boxed("trak", &[&trak[8..], &boxed("free", &vec![0; 3_000_000])].concat());
    let mut tracks = vec![heavy(audio), heavy(audio), heavy(audio)];
    tracks.insert(if film_first { 0 } else { 2 }, heavy(video));
    tracks.push(heavy(audio));
    boxed("moov", &[find(moov, "mvhd").to_vec(), tracks.concat()].concat())
}

#[test]
fn many_tracks_with_heavy_tables_and_trailers_cost_six_requests_at_most() {
    for film_first in [true, false] {
        let moov = heavy_movie(film_first);
        // at the end of four gigabytes
        let mut source = four_gigabytes(&moov);
        let found = run(&mut source).unwrap();
        assert_eq!((found.duration_ms, found.width), (Some(4_000), 720));
        assert!(source.requests <= 6 && source.bytes <= 2_000_000, "{} requests", source.requests);

        // in front, with the media data and four more boxes behind
        let file = media("h264-moov-at-end.mp4");
        let mut head = [find(&file, "ftyp"), &moov].concat();
        head.extend_from_slice(&1_u32.to_be_bytes());
        head.extend_from_slice(b"mdat");
        let media_data: u64 = 3_900_000_000;
        head.extend_from_slice(&media_data.to_be_bytes());
        let mut at = head.len() as u64 - 16 + media_data;
        let mut pieces = vec![(0, Bytes::from(head))];
        for _ in 0..4 {
            pieces.push((at, Bytes::from([&1_000_000_u32.to_be_bytes()[..], b"free"].concat())));
            at += 1_000_000;
        }
        let mut source = Counting { pieces, size: at, requests: 0, bytes: 0 };
        let found = run(&mut source).unwrap();
        assert_eq!((found.duration_ms, found.width, found.missing_bytes), (Some(4_000), 720, 0));
        assert_eq!(broken_rules(&found), [] as [&str; 0]);
        assert!(source.requests <= 6 && source.bytes <= 2_000_000, "{} requests", source.requests);
    }
}

/// A film of ten minutes at 60 frames a second whose every frame lasts a little longer or shorter than the last.
#[test]
fn a_frame_table_of_ten_minutes_is_read_within_the_budget() {
    let file = media("h264-moov-at-end.mp4");
    let moov = &find(&file, "moov")[8..];
    let video = find(moov, "trak").to_vec();
    let old = find_deep(&video, *b"stts").to_vec();
    let frames = 36_000_u32;
    let entries = (0..frames).flat_map(|n| [1, 255 + 2 * (n % 2)]);
    let table = boxed("stts", &numbers(&[0, frames].into_iter().chain(entries).collect::<Vec<_>>()));
    let video = spliced(&video, &old, &table);
    let moov = boxed("moov", &[find(moov, "mvhd"), &boxed("free", &vec![0; 1_500_000]), &video].concat());
    let mut source = four_gigabytes(&moov);
    let found = run(&mut source).unwrap();
    assert!((found.frame_rate.unwrap() - 60.0).abs() < 0.01, "{found:?}");
    assert!(
        source.requests <= 6 && source.bytes <= 2_000_000,
        "{} requests, {} bytes",
        source.requests,
        source.bytes
    );
}

/// The box of this kind wherever it lies.
fn find_deep(bytes: &[u8], kind: [u8; 4]) -> &[u8] {
    let at = bytes.windows(4).position(|four| four == kind).unwrap() - 4;
    let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    &bytes[at..at + len]
}

/// `whole` with a box replaced and the lengths of those around it set right.
fn spliced(whole: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = whole.windows(old.len()).position(|here| here == old).unwrap();
    let grown = u32::try_from(new.len() - old.len()).unwrap();
    let mut bytes = [&whole[..at], new, &whole[at + old.len()..]].concat();
    for around in [b"trak", b"mdia", b"minf", b"stbl"] {
        let at = bytes.windows(4).position(|four| four == around).unwrap() - 4;
        let length = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) + grown;
        bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    bytes
}

/// Four gigabytes of WebM, of which the head is `name`'s.
fn four_gigabytes_of_webm(name: &str) -> Counting {
    let mut head = media(name);
    let segment = head.windows(4).position(|four| four == [0x18, 0x53, 0x80, 0x67]).unwrap();
    // of unknown length
    head[segment + 4..segment + 12].copy_from_slice(&[1, 255, 255, 255, 255, 255, 255, 255]);
    Counting { pieces: vec![(0, head.into())], size: 4_000_000_000, requests: 0, bytes: 0 }
}

#[test]
fn four_gigabytes_of_webm_are_cheap_with_a_duration_and_within_the_budget_without_one() {
    let mut source = four_gigabytes_of_webm("vp9.webm");
    let found = run(&mut source).unwrap();
    assert_eq!((found.duration_ms, found.width), (Some(3_008), 540));
    assert!(
        source.requests <= 6 && source.bytes <= 2_000_000,
        "{} requests, {} bytes",
        source.requests,
        source.bytes
    );

    let mut source = four_gigabytes_of_webm("live.webm");
    let found = run(&mut source).unwrap();
    assert_eq!(found.duration_ms, None);
    assert_eq!(broken_rules(&found), [rules::DURATION_UNKNOWN]);
    assert!(
        source.requests <= 64 && source.bytes <= 8_000_000,
        "{} requests, {} bytes",
        source.requests,
        source.bytes
    );
}
