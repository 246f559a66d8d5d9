//! How a file is cut into chunks, and what the answers to them mean.

use proptest::prelude::*;
use tiktok::{Ambiguity, ChunkAnswer, Error, NextChunk, UploadPlan, VideoType};

use super::script::{answering, post, taking, token, upload_url};

const MB: u64 = 1_000_000;
const MIB: u64 = 1 << 20;

/// TikTok's rules, in whichever unit.
fn assert_valid(plan: UploadPlan, mega: u64) {
    let (size, chunk, count) = (plan.size(), plan.chunk_size(), plan.chunk_count());
    assert_eq!(count, size / chunk, "floor, never ceil");
    assert!((1..=1_000).contains(&count));
    if size < 5 * mega {
        assert_eq!((chunk, count), (size, 1));
    } else {
        assert!((5 * mega..=64 * mega).contains(&chunk), "{plan:?}");
    }
    if size > 64 * mega {
        assert!(count > 1, "{plan:?}");
    }
    assert!(size - (count - 1) * chunk <= 128 * mega, "the last one takes the rest");
    // the stricter rule
    assert!(count > 1 || chunk == size, "{plan:?}");
}

fn size() -> impl Strategy<Value = u64> {
    let thresholds =
        prop_oneof![Just(5 * MB), Just(5 * MIB), Just(64 * MB), Just(64 * MIB), Just(4_000 * MB)];
    prop_oneof![
        1..=10_000_000_u64,
        1..=4_294_967_296_u64,
        (0..10_u64, thresholds).prop_map(|(beside, at)| at - 5 + beside),
        (1..=130_u64, 0..10_u64).prop_map(|(chunks, beside)| chunks * 32 * MB - 5 + beside),
    ]
}

proptest! {
    #[test]
    fn every_plan_is_valid_in_either_reading_of_a_megabyte(size in size()) {
        let plan = UploadPlan::of(size).unwrap();
        prop_assert_eq!(plan.size(), size);
        assert_valid(plan, MB);
        assert_valid(plan, MIB);
        if size < 20 * MB {
            prop_assert_eq!((plan.chunk_size(), plan.chunk_count()), (size, 1));
        } else {
            prop_assert!((10 * MB..15 * MB).contains(&plan.chunk_size()), "{:?}", plan);
        }
    }

    #[test]
    fn chunks_follow_each_other_from_the_first_byte_to_the_last(size in size()) {
        let plan = UploadPlan::of(size).unwrap();
        let chunks: Vec<_> = plan.chunks().collect();
        prop_assert_eq!(chunks.len() as u64, plan.chunk_count());
        prop_assert_eq!((chunks[0].start, chunks.last().unwrap().end), (0, size));
        prop_assert!(chunks.windows(2).all(|two| two[0].end == two[1].start));
        let (last, others) = chunks.split_last().unwrap();
        prop_assert!(others.iter().all(|chunk| chunk.end - chunk.start == plan.chunk_size()));
        // None is much larger than the others: they all have to fit the same memory.
        prop_assert!(last.end - last.start < plan.chunk_size() + plan.chunk_count());
    }

    #[test]
    fn progress_is_understood_as_a_count_and_as_an_index(size in size()) {
        let plan = UploadPlan::of(size).unwrap();
        for chunk in plan.chunks() {
            prop_assert_eq!(plan.next(chunk.start), NextChunk::Send(chunk.clone()));
            if chunk.start > 0 {
                prop_assert_eq!(plan.next(chunk.start - 1), NextChunk::Send(chunk.clone()));
                prop_assert_eq!(plan.next(chunk.start + 1), NextChunk::OffPlan);
            }
        }
        prop_assert_eq!(plan.next(size), NextChunk::Complete);
        prop_assert_eq!(plan.next(size + 1), NextChunk::OffPlan);
        if size > 1 {
            prop_assert_eq!(plan.next(size - 1), NextChunk::Complete);
        }
    }
}

#[test]
fn plans_of_sizes_that_matter() {
    for (size, expected) in [
        (0, None),
        (1, Some((1, 1))),
        (4_194_304, Some((4_194_304, 1))),
        (19_999_999, Some((19_999_999, 1))),
        (20_000_000, Some((10_000_000, 2))),
        (29_999_999, Some((14_999_999, 2))),
        (30_000_000, Some((10_000_000, 3))),
        (64_000_000, Some((10_666_666, 6))),
        (64_000_001, Some((10_666_666, 6))),
        (4_000_000_000, Some((10_000_000, 400))),
        (4_294_967_296, Some((10_011_578, 429))),
        (4_294_967_297, None),
        (u64::MAX, None),
    ] {
        let plan = UploadPlan::of(size).map(|plan| (plan.chunk_size(), plan.chunk_count()));
        assert_eq!(plan, expected, "{size}");
    }
}

/// What is made of an answer to bytes 10 to 19 of 30, and to the last ten.
async fn answers(status: u16, progress: Option<&str>) -> [Result<ChunkAnswer, Error>; 2] {
    let send = async |range| {
        let client = taking(status, progress);
        client.upload_chunk(&upload_url(), VideoType::Mp4, range, 30, vec![0; 10].into()).await
    };
    [send(10..20).await, send(20..30).await]
}

#[tokio::test]
async fn stored_chunks_lead_on_whatever_2xx_says_so() {
    use ChunkAnswer::{Complete, Progress};
    for (status, progress, middle, last) in [
        (206, Some("bytes 0-20/30"), Progress(20), Progress(20)),
        (206, Some("bytes 0-19/30"), Progress(20), Progress(19)),
        (201, Some("bytes 0-30/30"), Progress(30), Complete),
        (201, Some("bytes 0-29/30"), Progress(29), Complete),
        // TikTok waits for something else than what comes next
        (206, Some("bytes 0-10/30"), Progress(10), Progress(10)),
        // without a word on the progress
        (206, None, Progress(20), Progress(30)),
        (201, None, Progress(20), Complete),
        (200, None, Progress(20), Complete),
        (206, Some("20/30"), Progress(20), Progress(30)),
    ] {
        let [first, second] = answers(status, progress).await;
        assert_eq!((first.unwrap(), second.unwrap()), (middle, last), "{status} {progress:?}");
    }
}

#[tokio::test]
async fn each_documented_refusal_is_an_answer() {
    for (status, progress, expected) in [
        (400, None, ChunkAnswer::Malformed),
        (403, None, ChunkAnswer::Expired),
        (404, None, ChunkAnswer::NoSuchUpload),
        (416, None, ChunkAnswer::OutOfStep { progress: None }),
        (416, Some("bytes 0-0/30"), ChunkAnswer::OutOfStep { progress: Some(0) }),
        (416, Some("bytes 0-20/30"), ChunkAnswer::OutOfStep { progress: Some(20) }),
        (416, Some("bytes */30"), ChunkAnswer::OutOfStep { progress: None }),
    ] {
        for answer in answers(status, progress).await {
            assert_eq!(answer.unwrap(), expected, "{status} {progress:?}");
        }
    }
}

#[tokio::test]
async fn any_other_answer_to_a_chunk_proves_nothing_and_the_chunk_may_be_sent_again() {
    for (status, expected) in [
        (302, Ambiguity::NotTikToksAnswer),
        (401, Ambiguity::NotTikToksAnswer),
        (408, Ambiguity::NotTikToksAnswer),
        (413, Ambiguity::NotTikToksAnswer),
        (500, Ambiguity::ServerFault),
        (502, Ambiguity::ServerFault),
        (504, Ambiguity::ServerFault),
    ] {
        for answer in answers(status, Some("bytes 0-20/30")).await {
            let error = answer.unwrap_err();
            assert!(matches!(error, Error::Ambiguous { why, .. } if why == expected), "{error}");
            assert_eq!(error.remedy(), tiktok::Remedy::TikTokFault);
            assert!(!error.proves_nothing_was_created());
        }
    }
    let body = r#"{"error":{"code":"rate_limit_exceeded","message":"","log_id":"l"}}"#;
    let limited = answering(429, body);
    let limited = limited.upload_chunk(&upload_url(), VideoType::Mp4, 0..1, 1, "a".into()).await;
    assert!(matches!(limited.unwrap_err().remedy(), tiktok::Remedy::WaitAndRetry { .. }));
}

#[tokio::test]
async fn an_announced_upload_has_an_id_and_a_url() {
    let answer = |data: &str| answering(200, format!(r#"{{"data":{data},"error":{{"code":"ok"}}}}"#));
    let plan = UploadPlan::of(9).unwrap();
    let good = answer(r#"{"publish_id":"v_pub_file~v2-1.7","upload_url":"https://x.test/?a=%2D","new":1}"#);
    let upload = good.init_video_upload(&token(), &post(), plan).await.unwrap();
    assert_eq!(
        (upload.publish_id.as_str(), upload.upload_url.expose()),
        ("v_pub_file~v2-1.7", "https://x.test/?a=%2D")
    );
    for data in [
        r#"{"publish_id":"v_pub_file~v2-1.7"}"#,
        r#"{"publish_id":"v_pub_file~v2-1.7","upload_url":""}"#,
        r#"{"publish_id":"","upload_url":"https://x.test"}"#,
        r#"{"upload_url":"https://x.test"}"#,
    ] {
        let error = answer(data).init_video_upload(&token(), &post(), plan).await.unwrap_err();
        assert!(matches!(error, Error::Ambiguous { why: Ambiguity::Unreadable, .. }), "{error}");
    }
}
