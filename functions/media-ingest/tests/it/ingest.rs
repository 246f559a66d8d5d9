//! From an upload to the posts that wait for it.

use std::path::Path;

use bytes::Bytes;
use domain::content::PrivacyLevel;
use domain::media::{
    Container, Declared, MediaState, PhotoFormat, PhotoProbe, Probe, converted_key, upload_key,
};
use domain::post::{PostState, Task};
use domain::{Job, Media, MediaId, PostId, SignedDuration};
use lambda_kit::batch::Failure;
use media_ingest::probe::RangedRead;
use media_ingest::{MediaIngest, Turns, Uploads};
use ports::fakes::{Fault, MemoryObjects, MemoryQueues, MemoryTable};
use ports::{Objects, PortError, PortResult, samples};
use rehearsal::{Cue, Stage, Time, Watched, done, run};

/// The bucket's uploads, pinned when they are opened.
#[derive(Clone)]
struct Held(MemoryObjects);

struct Pinned(Bytes);

impl RangedRead for Pinned {
    type Error = PortError;

    async fn read(&mut self, offset: u64, len: u64) -> PortResult<Bytes> {
        let from = usize::try_from(offset).unwrap();
        Ok(self.0.slice(from..from + usize::try_from(len).unwrap()))
    }

    fn size(&self) -> u64 {
        self.0.len() as u64
    }
}

impl Uploads for Held {
    type Upload = Pinned;

    async fn open(&self, media: &MediaId) -> PortResult<Option<(Pinned, String)>> {
        let object = self.0.object(&upload_key(media));
        Ok(object.map(|object| (Pinned(object.bytes), object.etag)))
    }

    async fn put_converted(&self, media: &MediaId, bytes: Vec<u8>) -> PortResult<String> {
        Objects::put_converted(&self.0, media, bytes).await
    }
}

type Function = MediaIngest<Watched<MemoryTable>, Held, Watched<MemoryQueues>, Time>;

fn function(stage: &Stage) -> Function {
    MediaIngest {
        store: stage.store(),
        uploads: Held(stage.objects.clone()),
        queues: stage.senders(),
        time: stage.time.clone(),
        periods: stage.periods.clone(),
        converting: Turns::default(),
    }
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)).unwrap()
}

const MEDIA: u128 = 0x77;

fn media_id() -> MediaId {
    MediaId::from_bits(MEDIA)
}

/// A media that was declared as so many bytes of MP4.
fn declared(stage: &Stage, size: usize) -> MediaId {
    declared_as(stage, Container::Mp4, size, false)
}

fn declared_as(stage: &Stage, container: Container, size: usize, convert: bool) -> MediaId {
    let declared = Declared { container, size: size as u64, sha256: None, convert };
    let media = Media { declared, ..samples::media(MEDIA, stage.now()) };
    stage.table.insert_media(media);
    media_id()
}

fn upload(stage: &Stage, bytes: &[u8]) -> String {
    stage.objects.put(&upload_key(&media_id()), Container::Mp4, bytes.to_vec())
}

/// A post that waits for the media; the media's row knows of it, or does not.
fn waiting(stage: &Stage, bits: u128, known: bool) -> PostId {
    let mut post = samples::post(bits, None, stage.now());
    post.media = media_id();
    let id = post.id.clone();
    stage.table.insert_post(post, samples::content());
    if known {
        done(ports::MediaRows::wait_for(&stage.table, &media_id(), &id)).unwrap().unwrap();
    }
    id
}

fn ingest(stage: &Stage, post: Option<&PostId>) {
    done(function(stage).ingest(&media_id(), post.cloned())).expect("the message is done with");
}

fn media(stage: &Stage) -> Media {
    stage.table.all_media().into_iter().find(|it| it.row.id == media_id()).unwrap().row
}

fn rejection(stage: &Stage) -> Vec<domain::Problem> {
    match media(stage).state {
        MediaState::Rejected { problems } => problems,
        other => panic!("{other:#?}"),
    }
}

#[test]
fn an_upload_becomes_ready_and_the_post_that_waited_is_queued_and_sent() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len());
    let post = waiting(&stage, 1, true);
    let etag = upload(&stage, &bytes);
    ingest(&stage, None);

    let found = media(&stage);
    let MediaState::Ready { etag: pinned, probe: Probe::Video(probe), advice } = &found.state else {
        panic!("{found:#?}")
    };
    assert_eq!(advice, &[]);
    assert_eq!((pinned, probe.codec.as_str(), probe.size), (&etag, "h264", bytes.len() as u64));
    assert_eq!(found.due, None);
    let row = stage.post(&post).row;
    let PostState::Queued { media, attempts: 0, .. } = &row.state else { panic!("{row:#?}") };
    assert_eq!(media.video().map(|video| &video.etag), Some(&etag));
    assert_eq!(stage.waiting(), [(flows::job_for(&row, Task::Publish, false), 0)]);
    assert_eq!(row.privacy_level, Some(PrivacyLevel::PublicToEveryone));
}

#[test]
fn what_is_no_good_video_is_rejected_with_rule_and_remedy_and_the_post_that_waited_has_failed() {
    let files = [
        ("text.mp4", "video.container.unknown"),
        ("picture.png", "video.container.unknown"),
        ("empty.mp4", "video.empty"),
        ("cut-no-moov.mp4", "video.truncated"),
        ("cut-faststart.mp4", "video.truncated"),
        ("audio-only.m4a", "video.no_video_track"),
        ("mpeg4-part2.mp4", "video.codec.unsupported"),
        ("fps-120.mp4", "video.frame_rate.range"),
        ("small-240x240.mp4", "video.side.range"),
    ];
    for (name, rule) in files {
        let stage = Stage::new();
        let bytes = file(name);
        declared(&stage, bytes.len());
        let post = waiting(&stage, 1, true);
        upload(&stage, &bytes);
        ingest(&stage, None);

        let problems = rejection(&stage);
        assert_eq!(problems[0].rule, rule, "{name}");
        assert!(problems.iter().all(|problem| !problem.detail.is_empty() && !problem.remedy.is_empty()));
        let row = stage.post(&post).row;
        let PostState::Failed { failure, publish_id: None } = &row.state else { panic!("{name}: {row:#?}") };
        assert_eq!(failure.code, rule, "{name}");
        assert!(failure.remedy.contains(&problems[0].remedy), "{name}: {}", failure.remedy);
        assert_eq!((row.due, media(&stage).due, stage.waiting().len()), (None, None, 0), "{name}");
    }
}

#[test]
fn every_broken_rule_is_named_at_once() {
    let stage = Stage::new();
    let bytes = file("long-slow-small.mp4");
    declared(&stage, bytes.len() + 1);
    let post = waiting(&stage, 1, true);
    upload(&stage, &bytes);
    ingest(&stage, None);
    let rules: Vec<_> = rejection(&stage).into_iter().map(|problem| problem.rule).collect();
    assert_eq!(
        rules,
        ["media.size.declared", "video.duration.max", "video.frame_rate.range", "video.side.range"]
    );
    let PostState::Failed { failure, .. } = stage.post(&post).row.state else { panic!("not failed") };
    assert!(failure.remedy.matches(": ").count() >= 4, "{}", failure.remedy);
}

#[test]
fn a_size_that_was_not_declared_is_rejected() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len() + 10);
    upload(&stage, &bytes);
    ingest(&stage, None);
    let problems = rejection(&stage);
    assert_eq!(problems[0].rule, "media.size.declared");
    let sizes = [bytes.len(), bytes.len() + 10].map(|size| size.to_string());
    assert!(sizes.iter().all(|size| problems[0].detail.contains(size)), "{}", problems[0].detail);
}

#[test]
fn a_doubled_event_changes_nothing_and_a_later_upload_to_the_same_url_does_not_either() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len());
    let post = waiting(&stage, 1, true);
    let etag = upload(&stage, &bytes);
    ingest(&stage, None);
    let (row, told) = (media(&stage), stage.post(&post));
    stage.queues.lose_all();

    ingest(&stage, None);
    upload(&stage, &file("hevc.mp4"));
    ingest(&stage, None);
    assert_eq!(media(&stage), row);
    assert_eq!(stage.post(&post), told);
    assert_eq!(stage.waiting(), []);
    let MediaState::Ready { etag: pinned, .. } = media(&stage).state else { panic!("not ready") };
    assert_eq!(pinned, etag, "the first bytes stay pinned");
}

#[test]
fn doubled_events_side_by_side_agree() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len());
    let post = waiting(&stage, 1, true);
    upload(&stage, &bytes);
    let there = stage.clone();
    stage.script.before("judge", move || async move {
        function(&there).ingest(&media_id(), None).await.unwrap();
    });
    ingest(&stage, None);
    assert_eq!(stage.post(&post).row.state.name(), "queued");
    assert_eq!(stage.waiting().len(), 1);
}

#[test]
fn a_post_that_the_media_does_not_know_of_is_told_by_its_own_wake_up() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len());
    upload(&stage, &bytes);
    ingest(&stage, None);
    let post = waiting(&stage, 1, false);
    ingest(&stage, Some(&post));
    assert_eq!(stage.post(&post).row.state.name(), "queued");
    assert_eq!(stage.waiting().len(), 1);
}

#[test]
fn a_post_that_joins_while_the_media_is_judged_is_told() {
    let stage = Stage::new();
    let bytes = file("h264-faststart.mp4");
    declared(&stage, bytes.len());
    upload(&stage, &bytes);
    let there = stage.clone();
    stage.script.before("judge", move || async move {
        waiting(&there, 1, true);
    });
    ingest(&stage, None);
    assert_eq!(stage.table.only_post().row.state.name(), "queued");
}

#[test]
fn an_upload_that_has_not_come_is_looked_for_again_and_given_up_at_its_deadline() {
    let stage = Stage::new();
    declared(&stage, 100);
    let post = waiting(&stage, 1, true);
    ingest(&stage, Some(&post));
    assert_eq!(stage.post(&post).row.state.name(), "awaiting_media");
    let (upload, again) =
        (stage.now() + SignedDuration::from_mins(15), stage.now() + SignedDuration::from_mins(2));
    assert_eq!((media(&stage).due, stage.post(&post).row.due), (Some(upload), Some(again)));

    stage.clock.advance(stage.periods.media_deadline);
    ingest(&stage, None);
    assert_eq!(rejection(&stage)[0].rule, "media.upload.missing");
    let PostState::Failed { failure, .. } = stage.post(&post).row.state else { panic!("not failed") };
    assert_eq!(failure.code, "media.upload.missing");
    assert_eq!((media(&stage).due, stage.post(&post).row.due), (None, None));
}

#[test]
fn an_object_that_nobody_declared_is_left_to_the_lifecycle_rule() {
    let stage = Stage::new();
    upload(&stage, b"whatever");
    ingest(&stage, None);
    assert_eq!(stage.waiting(), []);
}

#[test]
fn a_crash_or_an_error_at_any_call_is_made_good_by_the_next_delivery() {
    for cue in Cue::CRASHES.into_iter().chain(Cue::FAILURES) {
        for number in 0.. {
            let stage = Stage::new();
            let bytes = file("h264-faststart.mp4");
            declared(&stage, bytes.len());
            let posts = [waiting(&stage, 1, true), waiting(&stage, 2, true)];
            upload(&stage, &bytes);
            stage.script.at(number, cue);
            let first = run(function(&stage).ingest(&media_id(), None));
            if stage.script.end() {
                assert!(number >= 7, "{number} calls");
                break;
            }
            if !matches!(first, Some(Ok(()))) {
                assert!(!matches!(first, Some(Err(Failure::GiveUp(_)))), "{cue:?} at {number}");
                ingest(&stage, None);
            }
            for post in &posts {
                let row = stage.post(post).row;
                assert_eq!(row.state.name(), "queued", "{cue:?} at {number}");
                let sent = stage
                    .waiting()
                    .into_iter()
                    .filter(|(job, _)| matches!(job, Job::Publish(it) if it.post == *post));
                let wakes = row.due.is_some_and(|due| due > stage.now());
                assert!(sent.count() > 0 || wakes, "{cue:?} at {number}: nobody goes on");
            }
        }
    }
}

fn photo(stage: &Stage) -> PhotoProbe {
    match media(stage).state {
        MediaState::Ready { probe: Probe::Photo(photo), .. } => photo,
        other => panic!("{other:#?}"),
    }
}

fn etag_of(stage: &Stage) -> String {
    match media(stage).state {
        MediaState::Ready { etag, .. } => etag,
        other => panic!("{other:#?}"),
    }
}

/// The bucket's objects of the media: the upload, and what it was converted to.
fn kept(stage: &Stage) -> [Option<Vec<u8>>; 2] {
    [upload_key(&media_id()), converted_key(&media_id())]
        .map(|key| stage.objects.object(&key).map(|object| object.bytes.to_vec()))
}

#[test]
fn a_photo_that_tiktok_takes_stays_as_it_came() {
    for (name, format, orientation) in [
        ("exif-6.jpg", PhotoFormat::Jpeg, 6),
        ("lossy.webp", PhotoFormat::Webp, 1),
        ("cmyk.jpg", PhotoFormat::Jpeg, 1),
    ] {
        let stage = Stage::new();
        let bytes = file(name);
        declared_as(&stage, Container::Jpeg, bytes.len(), true);
        let etag = upload(&stage, &bytes);
        ingest(&stage, None);
        let found = photo(&stage);
        assert_eq!((found.format, found.orientation, found.converted_from), (format, orientation, None));
        assert_eq!(etag_of(&stage), etag);
        assert_eq!(kept(&stage), [Some(bytes), None], "{name}");
    }
}

#[test]
fn advice_is_kept_and_stops_nothing() {
    let stage = Stage::new();
    let bytes = file("cmyk.jpg");
    declared_as(&stage, Container::Jpeg, bytes.len(), false);
    upload(&stage, &bytes);
    ingest(&stage, None);
    let MediaState::Ready { advice, .. } = media(&stage).state else { panic!("not ready") };
    assert_eq!((advice[0].rule.as_str(), advice[0].level), ("photo.colour", domain::Level::Advice));

    let stage = Stage::new();
    let bytes = file("live.webm");
    declared(&stage, bytes.len());
    upload(&stage, &bytes);
    ingest(&stage, None);
    let MediaState::Ready { advice, .. } = media(&stage).state else { panic!("not ready") };
    assert_eq!(advice.len(), 2, "{advice:?}");
}

#[test]
fn each_photo_is_converted_when_that_was_asked_for_and_refused_when_not() {
    for (name, container, rule) in [
        ("phone.jpg", Container::Jpeg, "photo.side.max"),
        ("alpha.png", Container::Png, "photo.format"),
        ("large.webp", Container::Webp, "photo.side.max"),
    ] {
        let bytes = file(name);
        let stage = Stage::new();
        declared_as(&stage, container, bytes.len(), false);
        upload(&stage, &bytes);
        ingest(&stage, None);
        assert_eq!(rejection(&stage)[0].rule, rule, "{name}");
        assert!(rejection(&stage)[0].remedy.contains("`convert`"));
        assert_eq!(kept(&stage), [Some(bytes.clone()), None]);

        let stage = Stage::new();
        declared_as(&stage, container, bytes.len(), true);
        let uploaded = upload(&stage, &bytes);
        ingest(&stage, None);
        let found = photo(&stage);
        let original = found.converted_from.as_ref().unwrap();
        assert_eq!((original.container, original.size), (container, bytes.len() as u64), "{name}");
        let [upload, converted] = kept(&stage);
        assert_eq!(upload, Some(bytes), "the upload is as it was");
        assert_eq!((found.format, found.size), (PhotoFormat::Jpeg, converted.unwrap().len() as u64));
        assert!(found.width.min(found.height) <= 1_080 && found.width.max(found.height) <= 1_920);
        assert_ne!(etag_of(&stage), uploaded);

        // an attempt gets the converted one
        let etag = etag_of(&stage);
        let id = media_id();
        let copied = stage.objects.copy_for_attempt(&id, &etag, "m/1.jpg", "image/jpeg");
        assert_eq!(done(copied).unwrap(), ports::Copied::Done);
        assert_eq!(stage.objects.object("m/1.jpg").unwrap().etag, etag);
    }
}

#[test]
fn what_converting_would_not_mend_is_refused_all_the_same() {
    for (name, container, rules) in [
        ("animated.webp", Container::Webp, vec!["photo.animated"]),
        ("cut.png", Container::Png, vec!["photo.format", "photo.truncated"]),
        ("bomb.png", Container::Png, vec!["photo.format", "photo.side.max", "photo.pixels.max"]),
        ("h264-faststart.mp4", Container::Jpeg, vec!["photo.format"]),
        ("empty.jpg", Container::Jpeg, vec!["photo.empty"]),
    ] {
        let stage = Stage::new();
        let bytes = file(name);
        declared_as(&stage, container, bytes.len(), true);
        upload(&stage, &bytes);
        ingest(&stage, None);
        let found: Vec<_> = rejection(&stage).into_iter().map(|problem| problem.rule).collect();
        assert_eq!(found, rules, "{name}");
        assert_eq!(kept(&stage)[1], None);
    }
    let stage = Stage::new();
    let bytes = file("alpha.png");
    declared_as(&stage, Container::Png, bytes.len() + 1, true);
    upload(&stage, &bytes);
    ingest(&stage, None);
    let found: Vec<_> = rejection(&stage).into_iter().map(|problem| problem.rule).collect();
    assert_eq!(found, ["media.size.declared", "photo.format"]);
}

#[test]
fn a_conversion_that_was_cut_short_is_done_again_with_the_same_outcome() {
    let bytes = file("alpha.png");
    let mut etags = Vec::new();
    for fault in [None, Some(Fault::BeforeEffect), Some(Fault::AfterEffect)] {
        let stage = Stage::new();
        declared_as(&stage, Container::Png, bytes.len(), true);
        upload(&stage, &bytes);
        if let Some(fault) = fault {
            stage.objects.fail_next("put_converted", fault, 1);
            let first = done(function(&stage).ingest(&media_id(), None));
            assert!(matches!(first, Err(Failure::Retry(_))), "{fault:?}");
            assert!(matches!(media(&stage).state, MediaState::AwaitingUpload { .. }));
        }
        ingest(&stage, None);
        etags.push(etag_of(&stage));
    }
    assert!(etags.iter().all(|etag| *etag == etags[0]), "{etags:?}");
}
