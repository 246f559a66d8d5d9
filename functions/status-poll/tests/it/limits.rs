//! Whoever asks TikTok about a post has reserved the time of it in its account's row.

use domain::account::Account;
use domain::job::Heard;
use domain::limits::WIDE;
use domain::post::Event;
use domain::{Job, SignedDuration};
use rehearsal::{Stage, done};
use tiktok_sandbox::Endpoint;

use super::rig::{asked, check, drive, function, slow, state};

/// Others have asked so often just now.
fn spend(stage: &Stage, questions: usize) {
    let now = stage.now();
    stage.change_account(|account| {
        for _ in 0..questions {
            account.limits.reserve_status(now);
        }
    });
}

fn questions(account: &Account) -> Vec<i64> {
    account.limits.status.millis().to_vec()
}

#[test]
fn an_unknown_publish_id_is_asked_about_when_the_minute_has_room_and_not_before() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let publish_id = stage.lose(&post, true).unwrap();
    let (at, account) = (stage.now(), stage.account_id());
    let job = Heard { account, publish_id, at, heard_at: at, refused_epoch: None };
    spend(&stage, 30);
    stage.wait(20);
    let before = stage.account();
    done(function(&stage).heard(job.clone())).unwrap();
    assert_eq!((asked(&stage), stage.account()), (0, before));
    assert_eq!(stage.waiting(), [(Job::Heard(job.clone()), WIDE.as_secs() - 20)]);

    stage.wait(WIDE.as_secs() - 20);
    done(function(&stage).heard(job)).unwrap();
    assert_eq!((asked(&stage), state(&stage, &post)), (1, "published"));
    assert_eq!(questions(&stage.account()).last(), Some(&stage.now().as_millisecond()));
}

#[test]
fn after_a_429_to_a_question_about_an_unknown_publish_id_the_account_rests() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let publish_id = stage.lose(&post, true).unwrap();
    let (at, account) = (stage.now(), stage.account_id());
    stage.tiktok.refuse(Endpoint::StatusFetch, 429, "rate_limit_exceeded");
    let job = Heard { account, publish_id, at, heard_at: at, refused_epoch: None };
    done(function(&stage).heard(job)).unwrap();
    let rest = stage.account().limits.rest_until.unwrap().duration_since(stage.now());
    assert!((62..=68).contains(&rest.as_secs()));
    assert!(matches!(stage.waiting().as_slice(), [(Job::Heard(_), 60)]), "{:#?}", stage.waiting());
}

/// A post that somebody wants to be stopped, while TikTok takes its time over the answer.
fn slowly_stopped(stage: &Stage) -> domain::PostId {
    let post = stage.processing(1);
    stage.apply(&post, Event::CancelAsked);
    let clock = stage.clock.clone();
    stage.script.after("cancel", move || async move { clock.advance(SignedDuration::from_secs(5)) });
    post
}

#[test]
fn a_question_that_a_slow_cancel_has_delayed_is_reserved_again() {
    let stage = slow();
    let post = slowly_stopped(&stage);
    let began = stage.now().as_millisecond();
    check(&stage, &post);
    assert_eq!(asked(&stage), 1);
    assert_eq!(questions(&stage.account()), [began, began + 5_000]);
}

#[test]
fn a_question_that_a_slow_cancel_has_delayed_into_a_full_minute_comes_back() {
    let stage = slow();
    let post = slowly_stopped(&stage);
    spend(&stage, 29);
    check(&stage, &post);
    assert_eq!((asked(&stage), state(&stage, &post)), (0, "cancelling"));
    assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), WIDE.as_secs() - 5)]);
    drive(&stage, 120);
    assert_eq!(state(&stage, &post), "cancelled");
}

#[test]
fn a_write_of_the_reservation_that_took_too_long_has_let_its_time_pass() {
    let stage = slow();
    let post = stage.processing(1);
    stage.wait(120);
    let (began, clock) = (stage.now().as_millisecond(), stage.clock.clone());
    stage.script.after("save_limits", move || async move { clock.advance(SignedDuration::from_secs(2)) });
    check(&stage, &post);
    assert_eq!(asked(&stage), 1);
    assert_eq!(questions(&stage.account())[..], [began, began + 2_000]);
}

#[test]
fn a_question_whose_watchdog_comes_first_has_no_place_to_lose() {
    let stage = slow();
    let post = stage.processing(1);
    let due = stage.post(&post).row.due.unwrap();
    stage.clock.set(due - SignedDuration::from_secs(30));
    spend(&stage, 30);
    let before = stage.account();
    check(&stage, &post);
    assert_eq!((stage.waiting().len(), asked(&stage)), (0, 0), "the row wakes up sooner");
    assert_eq!(stage.account(), before, "nothing is reserved that nobody would come for");
    let times = drive(&stage, 120);
    assert_eq!(times.len(), 1, "{times:?}");
    assert!(
        (WIDE.as_secs()..=WIDE.as_secs() + 2).contains(&times[0]),
        "as soon as the minute has room: {times:?}"
    );
}
