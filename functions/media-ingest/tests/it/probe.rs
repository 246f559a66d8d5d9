use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use media_ingest::probe::{
    Container, Probe, ProbeError, Problem, RangedRead, VideoCodec, judge, limits, probe, rules,
};
use proptest::prelude::*;

/// A source that counts, and that may be far longer than what is kept of it: the rest is zeros.
struct Counting {
    pieces: Vec<(u64, Bytes)>,
    size: u64,
    requests: u32,
    bytes: u64,
}

impl Counting {
    fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: bytes.len() as u64, pieces: vec![(0, bytes)], requests: 0, bytes: 0 }
    }

    fn file(name: &str) -> Self {
        Self::whole(media(name))
    }
}

impl RangedRead for Counting {
    type Error = std::io::Error;

    async fn read(&mut self, offset: u64, len: u64) -> Result<Bytes, Self::Error> {
        assert!(len > 0 && offset + len <= self.size, "asked for {len} bytes at {offset} of {}", self.size);
        self.requests += 1;
        self.bytes += len;
        if let [(0, only)] = self.pieces.as_slice()
            && only.len() as u64 == self.size
        {
            return Ok(only.slice(to_usize(offset)..to_usize(offset + len)));
        }
        let mut answer = vec![0; to_usize(len)];
        for (start, piece) in &self.pieces {
            let from = (*start).max(offset);
            let to = (start + piece.len() as u64).min(offset + len);
            if from < to {
                answer[to_usize(from - offset)..to_usize(to - offset)]
                    .copy_from_slice(&piece[to_usize(from - start)..to_usize(to - start)]);
            }
        }
        Ok(answer.into())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

fn to_usize(number: u64) -> usize {
    number.try_into().unwrap()
}

fn media(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)).unwrap()
}

fn run(source: &mut Counting) -> Result<Probe, ProbeError<std::io::Error>> {
    now(probe(source, Some("video/mp4")))
}

/// These sources never wait.
fn now<T>(future: impl Future<Output = T> + Send) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
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

struct Expected {
    name: &'static str,
    container: Container,
    codec: VideoCodec,
    duration_ms: u64,
    frame_rate: f64,
    sides: (u32, u32),
    rotation: u16,
    audio: bool,
    requests: u32,
    problems: &'static [&'static str],
}

/// What ffprobe 5.1 says of the files (`make-media.sh` prints it); its `rotation` counts the other way round.
fn expected() -> Vec<Expected> {
    use Container::{Mov, Mp4, Webm};
    use VideoCodec::{H264, H265, Vp8, Vp9};
    let good = |name, container, codec, duration_ms, frame_rate, sides, audio, requests| Expected {
        name,
        container,
        codec,
        duration_ms,
        frame_rate,
        sides,
        rotation: 0,
        audio,
        requests,
        problems: &[],
    };
    let bad = |expected: Expected, problems| Expected { problems, ..expected };
    let other = |name: &str| VideoCodec::Other(name.into());
    let film = 24_000.0 / 1_001.0;
    vec![
        good("h264-faststart.mp4", Mp4, H264, 4_000, 30.0, (720, 1280), true, 1),
        good("h264-moov-at-end.mp4", Mp4, H264, 4_000, 30.0, (720, 1280), true, 2),
        Expected { rotation: 270, ..good("rotated.mp4", Mp4, H264, 4_000, 30.0, (720, 1280), true, 1) },
        good("h264-23976-silent.mp4", Mp4, H264, 4_004, film, (360, 640), false, 1),
        good("hevc.mp4", Mp4, H265, 3_000, 30.0, (720, 1280), true, 1),
        good("quicktime.mov", Mov, H264, 3_000, 25.0, (640, 360), true, 1),
        good("vp9.webm", Webm, Vp9, 3_008, 30.0, (540, 960), true, 1),
        good("vp8.webm", Webm, Vp8, 3_008, 25.0, (360, 640), true, 1),
        // ffprobe finds no duration; vp8.webm, of which it is a copy, lasts 3.008 s
        good("live.webm", Webm, Vp8, 3_008, 25.0, (360, 640), true, 1),
        good("fragmented-mfra.mp4", Mp4, H264, 4_067, 30.0, (360, 640), true, 1),
        good("fragmented-sidx.mp4", Mp4, H264, 4_084, 30.0, (360, 640), true, 1),
        good("fragmented-bare.mp4", Mp4, H264, 4_084, 30.0, (360, 640), true, 1),
        good("fragmented-hybrid.mp4", Mp4, H264, 4_084, 30.0, (360, 640), true, 1),
        bad(good("fps-15.mp4", Mp4, H264, 3_000, 15.0, (360, 640), false, 1), &[rules::FRAME_RATE_RANGE]),
        bad(good("fps-120.mp4", Mp4, H264, 3_000, 120.0, (360, 640), false, 1), &[rules::FRAME_RATE_RANGE]),
        bad(good("small-240x240.mp4", Mp4, H264, 3_000, 30.0, (240, 240), false, 1), &[rules::SIDE_RANGE]),
        bad(
            good("mpeg4-part2.mp4", Mp4, other("mp4v"), 3_000, 25.0, (640, 360), false, 1),
            &[rules::CODEC_UNSUPPORTED],
        ),
        bad(
            good("av1.webm", Webm, other("V_AV1"), 3_000, 25.0, (360, 640), false, 1),
            &[rules::CODEC_UNSUPPORTED],
        ),
        bad(
            good("long-slow-small.mp4", Mp4, H264, 604_000, 0.5, (240, 240), false, 1),
            &[rules::DURATION_MAX, rules::FRAME_RATE_RANGE, rules::SIDE_RANGE],
        ),
        bad(good("cut-faststart.mp4", Mp4, H264, 4_000, 30.0, (720, 1280), true, 1), &[rules::TRUNCATED]),
        bad(good("cut-fragmented.mp4", Mp4, H264, 4_084, 30.0, (360, 640), true, 1), &[rules::TRUNCATED]),
        bad(good("cut.webm", Webm, Vp9, 3_008, 30.0, (540, 960), true, 1), &[rules::TRUNCATED]),
    ]
}

#[test]
fn the_probe_agrees_with_ffprobe_and_the_judge_names_every_broken_limit() {
    for expected in expected() {
        let name = expected.name;
        let mut source = Counting::file(name);
        let found = run(&mut source).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(found.container, expected.container, "{name}");
        assert_eq!(found.video_codec, expected.codec, "{name}");
        assert_eq!((found.width, found.height), expected.sides, "{name}");
        assert_eq!(found.rotation, expected.rotation, "{name}");
        assert_eq!(found.audio, expected.audio, "{name}");
        assert_eq!(found.size, media(name).len() as u64, "{name}");
        let duration = found.duration_ms.unwrap();
        assert!(duration.abs_diff(expected.duration_ms) <= 50, "{name}: {duration} ms");
        let rate = found.frame_rate.unwrap();
        assert!((rate / expected.frame_rate - 1.0).abs() <= 0.005, "{name}: {rate} fps");
        assert_eq!(broken_rules(&found), expected.problems, "{name}");
        assert_eq!(source.requests, expected.requests, "{name}");
        assert!(source.bytes <= 192 * 1024, "{name}: {} bytes", source.bytes);
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

#[test]
fn every_file_is_small_and_in_a_table() {
    let mut named: Vec<_> = expected().iter().map(|expected| expected.name.to_owned()).collect();
    named.extend(
        [
            "text.mp4",
            "picture.png",
            "matroska.mkv",
            "empty.mp4",
            "audio-only.m4a",
            "audio-only.webm",
            "cut-no-moov.mp4",
        ]
        .map(str::to_owned),
    );
    named.push("make-media.sh".into());
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(entry.metadata().unwrap().len() <= 150_000, "{name}");
        assert!(named.contains(&name), "{name} is in no table");
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

/// What a probe of any bytes must keep: no panic, no read outside the file (the source asserts it), the budget.
fn holds(bytes: Vec<u8>) {
    let mut source = Counting::whole(bytes);
    if let Ok(found) = run(&mut source) {
        judge(&found);
    }
    assert!(source.requests <= 64 && source.bytes <= 8 << 20);
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
    ] {
        let file = media(name);
        for at in 0..file.len().min(1_500) {
            for value in [0, 0x7f, 0xff] {
                let mut bytes = file.clone();
                bytes[at] = value;
                holds(bytes);
            }
        }
    }
}

#[test]
fn no_cut_makes_it_panic() {
    for expected in expected() {
        let file = media(expected.name);
        for length in (0..file.len()).step_by(1 + file.len() / 500) {
            holds(file[..length].to_vec());
        }
    }
}

fn any_media() -> impl Strategy<Value = Vec<u8>> {
    let names: Vec<_> = expected().iter().map(|expected| expected.name).collect();
    proptest::sample::select(names).prop_map(media)
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
            bytes.truncate(cut.index(length));
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
            b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff",
        ]),
        noise in prop::collection::vec(any::<u8>(), 0..3_000),
    ) {
        holds([beginning, &noise].concat());
    }
}
