//! TikTok is asked to stop, and its own word says what became of it.

use domain::PostId;
use domain::notice::News;
use domain::post::{Event, PostState};
use domain::timeline::What;
use rehearsal::{Cue, Stage, run};
use tiktok_sandbox::{AutoTime, Config, Endpoint, FaultKind};

use super::rig::{check, drive, function, inits, slow, state};

/// A post that TikTok takes its time over, and that somebody wants to be stopped.
fn unwanted(stage: &Stage) -> PostId {
    let post = stage.processing(1);
    stage.apply(&post, Event::CancelAsked);
    post
}

fn asked_to_stop(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::Cancel).len()
}

fn news(stage: &Stage) -> Vec<&'static str> {
    stage.table.notices().iter().map(|notice| notice.news.name()).collect()
}

#[track_caller]
fn is_cancelled(stage: &Stage, post: &PostId, told: &str) {
    let row = stage.post(post).row;
    assert!(matches!(row.state, PostState::Cancelled { publish_id: Some(_) }), "{told}: {row:#?}");
    assert_eq!(row.due, None, "{told}");
    assert_eq!((inits(stage), stage.tiktok.publications().len()), (1, 0), "{told}");
}

#[test]
fn a_download_that_is_stopped_is_cancelled_by_tiktoks_word() {
    let stage = slow();
    let post = unwanted(&stage);
    check(&stage, &post);
    assert_eq!((asked_to_stop(&stage), state(&stage, &post)), (1, "cancelling"));
    let waiting = stage.waiting();
    assert_eq!(waiting, [(domain::Job::Check(stage.check_job(&post)), 15)], "it is looked at soon");
    drive(&stage, 60);
    is_cancelled(&stage, &post, "asked once");
    assert!(!stage.objects.keys().iter().any(|key| key.starts_with("m/")), "the copy goes");
    assert_eq!(news(&stage), ["post.cancelled"]);
    let last = stage.post(&post).row.timeline.entries().last().unwrap().clone();
    assert_eq!((last.what, last.code.as_deref()), (What::Cancelled, Some("publish_cancelled")));
}

#[test]
fn a_cancel_whose_messages_are_lost_is_asked_for_by_the_sweep() {
    let stage = slow();
    let post = unwanted(&stage);
    stage.queues.lose_all();
    drive(&stage, 420);
    is_cancelled(&stage, &post, "swept");
}

#[test]
fn what_cannot_be_stopped_any_more_goes_on_and_says_so() {
    type Change = fn(&mut Config);
    let too_late: [(&str, Change); 2] = [
        ("nearly complete", |config| {
            config.cancel.near_completion_after_ms = Some(0);
            let time = AutoTime { fetch_ms: 300_000, ..AutoTime::default() };
            config.time = tiktok_sandbox::Time::Auto(time);
        }),
        ("the download is over", |config| {
            let time = AutoTime { processing_ms: 300_000, ..AutoTime::default() };
            config.time = tiktok_sandbox::Time::Auto(time);
        }),
    ];
    for (why, change) in too_late {
        let stage = Stage::with(change);
        let post = unwanted(&stage);
        check(&stage, &post);
        let row = stage.post(&post).row;
        assert!(matches!(row.state, PostState::Processing { .. }), "{why}: {row:#?}");
        let last = row.timeline.entries().last().unwrap();
        assert_eq!(
            (last.what, last.code.as_deref()),
            (What::CancelRefused, Some("publish_not_cancellable")),
            "{why}"
        );
        assert!(last.log_id.is_some(), "{why}");
        drive(&stage, 900);
        assert_eq!(state(&stage, &post), "published", "{why}");
        assert_eq!((asked_to_stop(&stage), stage.tiktok.publications().len()), (1, 1), "{why}");
        assert_eq!(news(&stage)[..2], ["post.cancel_refused", "post.published"], "{why}");
        let code = stage.table.notices().into_iter().find_map(|notice| match notice.news {
            News::Post { code, .. } => code,
            _ => None,
        });
        assert_eq!(code.as_deref(), Some("publish_not_cancellable"), "{why}");
    }
}

#[test]
fn it_may_be_asked_for_again_after_a_refusal() {
    let stage = slow();
    stage.tiktok.refuse(Endpoint::Cancel, 400, "publish_not_cancellable");
    let post = unwanted(&stage);
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
    stage.apply(&post, Event::CancelAsked);
    check(&stage, &post);
    drive(&stage, 60);
    is_cancelled(&stage, &post, "asked again");
}

#[test]
fn an_answer_to_the_cancel_that_proves_nothing_is_asked_for_again_with_the_same_end() {
    let html = || "<html>".into();
    for fault in [
        FaultKind::LostBefore,
        FaultKind::AnswerLost,
        FaultKind::CutBody,
        FaultKind::Garbage,
        FaultKind::Answer { status: 500, body: html() },
        FaultKind::Answer { status: 502, body: html() },
        FaultKind::AnswerReplaced { status: 503, body: html() },
    ] {
        let stage = slow();
        stage.tiktok.inject(Endpoint::Cancel, fault.clone());
        let post = unwanted(&stage);
        check(&stage, &post);
        assert_eq!(state(&stage, &post), "cancelling", "{fault:?}");
        drive(&stage, 120);
        is_cancelled(&stage, &post, &format!("{fault:?}"));
        assert!((2..=3).contains(&asked_to_stop(&stage)), "{fault:?}");
    }
}

#[test]
fn a_cancel_that_tiktok_takes_and_forgets_ends_as_it_must() {
    let stage = Stage::with(|config| {
        config.cancel.in_vain = true;
        let time = AutoTime { fetch_ms: 120_000, ..AutoTime::default() };
        config.time = tiktok_sandbox::Time::Auto(time);
    });
    let post = unwanted(&stage);
    check(&stage, &post);
    drive(&stage, 1_200);
    assert_eq!((state(&stage, &post), stage.tiktok.publications().len()), ("published", 1));
}

#[test]
fn a_post_that_fails_or_is_published_while_it_is_being_stopped_is_what_tiktok_says() {
    let stage = slow();
    let post = unwanted(&stage);
    let publish_id = stage.post(&post).row.state.publish_id().unwrap().0.clone();
    stage.tiktok.with(|world| world.fail(&publish_id, "internal", 0)).unwrap();
    check(&stage, &post);
    let row = stage.post(&post).row;
    assert!(
        matches!(row.state, PostState::Failed { .. }),
        "nobody begins again what is not wanted: {row:#?}"
    );

    let stage = Stage::new();
    let post = unwanted(&stage);
    stage.wait(60);
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "published");
}

#[test]
fn a_token_that_is_refused_is_refreshed_and_the_cancel_asked_for_again() {
    let stage = slow();
    let post = unwanted(&stage);
    stage.tiktok.with(|world| world.expire_access_tokens("ada", 0));
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "cancelling");
    let waiting = stage.waiting();
    let refresh = domain::Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    assert!(waiting.contains(&(refresh, 0)), "{waiting:#?}");
    stage.refresh_tokens();
    drive(&stage, 60);
    is_cancelled(&stage, &post, "refreshed");
}

#[test]
fn tiktok_silent_about_a_cancel_for_a_day_is_a_doubt_in_which_the_post_is_not_wanted() {
    let stage = slow();
    let post = unwanted(&stage);
    let change = |config: &mut Config| config.outage = tiktok_sandbox::Outage::Api;
    stage.tiktok.with(|world| world.reconfigure(change));
    drive(&stage, 86_400 + 3_600);
    let row = stage.post(&post).row;
    let PostState::Unconfirmed { publish_id: Some(_), doubt, .. } = &row.state else { panic!("{row:#?}") };
    assert!(doubt.cancel);
    assert_eq!(news(&stage), ["post.unconfirmed"]);
}

#[test]
fn a_crash_or_an_error_at_any_call_loses_nothing() {
    let mut played = 0;
    for cue in Cue::CRASHES.into_iter().chain(Cue::FAILURES) {
        for number in 0.. {
            let stage = slow();
            let post = unwanted(&stage);
            stage.queues.lose_all();
            stage.script.forget_calls();
            stage.script.at(number, cue);
            // asked to stop, and then told that it has been
            drop(run(function(&stage).check(stage.check_job(&post))));
            stage.wait(20);
            drop(run(function(&stage).check(stage.check_job(&post))));
            if stage.script.end() {
                break;
            }
            played += 1;
            drive(&stage, 900);
            is_cancelled(&stage, &post, &format!("{cue:?} at {number}"));
            // TikTok may have refused a second cancel while it was at the first
            let told: Vec<_> =
                news(&stage).into_iter().filter(|name| *name != "post.cancel_refused").collect();
            assert_eq!(told, ["post.cancelled"], "{cue:?} at {number}");
        }
    }
    assert!(played >= 40, "{played}");
}
