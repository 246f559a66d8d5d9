//! From an upload to the posts that wait for it.

use std::path::Path;

use bytes::Bytes;
use domain::content::PrivacyLevel;
use domain::media::{Container, Declared, MediaState, upload_key};
use domain::post::{PostState, Task};
use domain::{Job, Media, MediaId, PostId, SignedDuration};
use lambda_kit::batch::Failure;
use media_ingest::probe::RangedRead;
use media_ingest::{MediaIngest, Uploads};
use ports::fakes::{MemoryObjects, MemoryQueues, MemoryTable};
use ports::{PortError, PortResult, samples};
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
        Ok(object.map(|object| (Pinned(object.bytes.into()), object.etag)))
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
    let declared = Declared { container: Container::Mp4, size: size as u64, sha256: None };
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
    let MediaState::Ready { etag: pinned, probe } = &found.state else { panic!("{found:#?}") };
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
    let again = stage.now() + SignedDuration::from_mins(15);
    assert_eq!((media(&stage).due, stage.post(&post).row.due), (Some(again), Some(again)));

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
