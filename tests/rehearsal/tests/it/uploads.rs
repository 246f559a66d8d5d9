//! Videos whose bytes we send: whatever happens on the way, each is published once, and nobody is ever left in doubt.

use domain::content::Transport;
use domain::timeline::What;
use domain::{PostId, SignedDuration};
use rehearsal::{Cue, Stage, video};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::company::Company;

/// The video of the stage, made longer by a box that says nothing: two chunks of ten million bytes, and a rest.
fn long_video() -> Vec<u8> {
    let mut bytes = video("good.mp4");
    let filler: u32 = 21_000_000;
    bytes.extend(filler.to_be_bytes());
    bytes.extend(b"free");
    bytes.resize(bytes.len() + usize::try_from(filler).unwrap() - 8, 0);
    bytes
}

fn company(bytes: Option<&[u8]>) -> Company {
    let stage = Stage::new();
    if let Some(bytes) = bytes {
        stage.upload(1, bytes);
    }
    Company::new(stage)
}

fn submit(company: &Company) -> PostId {
    let post = company.stage.accept_with(1, |content| content.transport = Transport::Upload);
    company.submit(&post);
    post
}

fn play(bytes: Option<&[u8]>, script: &[(usize, Cue)]) -> Company {
    let mut company = company(bytes);
    submit(&company);
    for (number, cue) in script {
        company.stage.script.at(*number, *cue);
    }
    company.play_to_the_end();
    company
}

fn whats(company: &Company) -> Vec<What> {
    company.stage.table.only_post().row.timeline.entries().iter().map(|entry| entry.what).collect()
}

#[track_caller]
fn is_published_once(company: &Company, told: &str) {
    let stage = &company.stage;
    let row = stage.table.only_post().row;
    assert_eq!(row.state.name(), "published", "{told}: {:#?}", row.timeline);
    assert_eq!(stage.tiktok.publications().len(), 1, "{told}");
    assert!(!stage.tiktok.any_limit_broken(), "{told}");
    assert_eq!(company.dead_letters, [], "{told}");
}

/// The ranges of the chunks that TikTok has stored, in their order.
fn stored(company: &Company) -> Vec<String> {
    let calls = company.stage.tiktok.calls(Endpoint::Upload);
    let stored = calls.iter().filter(|call| [201, 206].contains(&call.status));
    stored.map(|call| call.request["content_range"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_small_video_goes_in_one_chunk_and_no_copy_is_made() {
    let company = play(None, &[]);
    is_published_once(&company, "plainly");
    assert!(company.stage.script.calls().iter().all(|call| *call != "copy_for_attempt"));
    let wanted = [What::Accepted, What::Claimed, What::InitAccepted, What::UploadBegun, What::Uploaded];
    assert_eq!(whats(&company)[..5], wanted);
    assert_eq!(stored(&company).len(), 1);
}

#[test]
fn a_long_video_goes_in_chunks_each_of_which_is_sent_once() {
    let company = play(Some(&long_video()), &[]);
    is_published_once(&company, "plainly");
    let chunks = stored(&company);
    assert_eq!(chunks.len(), 2, "{chunks:?}");
}

#[test]
fn a_crash_or_an_error_at_any_call_ends_published_once_and_never_in_doubt() {
    let calls = play(None, &[]).stage.script.calls();
    let finds = |number: &usize| {
        let next = calls.get(number + 1).copied().unwrap_or_default();
        !calls[*number].starts_with("due") || next == "rows"
    };
    let cues = Cue::CRASHES.into_iter().chain(Cue::FAILURES).chain([Cue::NotSent]);
    for cue in cues {
        for number in (0..calls.len()).filter(finds) {
            let company = play(None, &[(number, cue)]);
            is_published_once(&company, &format!("{cue:?} at call {number}, `{}`", calls[number]));
        }
    }
}

#[test]
fn whoever_takes_over_sends_no_byte_again_that_tiktok_has_confirmed() {
    let bytes = long_video();
    let calls = play(Some(&bytes), &[]).stage.script.calls();
    let first = calls.iter().position(|call| *call == "upload_chunk").unwrap();
    let last = calls.iter().rposition(|call| *call == "upload_chunk").unwrap();
    for (number, call) in calls.iter().enumerate().take(last + 2).skip(first) {
        for cue in Cue::CRASHES {
            let company = play(Some(&bytes), &[(number, cue)]);
            let told = format!("{cue:?} at call {number}, `{call}`");
            is_published_once(&company, &told);
            let chunks = stored(&company);
            let mut distinct = chunks.clone();
            distinct.dedup();
            assert_eq!(chunks, distinct, "{told}");
            assert_eq!(chunks.len(), 2, "{told}");
        }
    }
}

#[test]
fn an_init_whose_answer_is_lost_is_made_again_and_leaves_an_id_that_nobody_uses() {
    let mut company = company(None);
    company.stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
    submit(&company);
    company.play_to_the_end();
    is_published_once(&company, "after a lost answer");
    assert_eq!(company.stage.tiktok.calls(Endpoint::VideoInit).len(), 2);
    assert!(whats(&company).contains(&What::InitRefused), "{:?}", whats(&company));
}

#[test]
fn an_upload_that_ends_half_way_is_begun_anew_after_tiktoks_hour() {
    let bytes = long_video();
    let mut company = company(Some(&bytes));
    let post = submit(&company);
    company.play(1);
    // nobody sends the rest: the uploaded object is gone until TikTok has given the upload up
    let key = domain::media::upload_key(&company.stage.media());
    let calls = company.stage.script.calls().len();
    assert!(calls > 0);
    company.stage.objects.remove(&key);
    company.play(30 * 60);
    let state = company.stage.post(&post).row.state.name();
    assert!(["uploading", "published"].contains(&state), "{state}");
    let ends = company.stage.now() + SignedDuration::from_hours(3);
    company.stage.upload(1, &bytes);
    company.play_until(ends);
    is_published_once(&company, "in the end");
}
