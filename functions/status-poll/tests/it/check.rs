//! What TikTok says, and what follows.

use domain::post::{PostState, Task};
use domain::timeline::{Actor, What};
use domain::{Job, SignedDuration};
use lambda_kit::batch::Failure;
use rehearsal::{Cue, Stage, done, run};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{
    asked, check, deliver, drive, function, inits, slow, state, stuck, sweep, without_webhooks,
};

fn copies(stage: &Stage) -> usize {
    stage.objects.keys().iter().filter(|key| key.starts_with("m/")).count()
}

#[test]
fn a_published_post_is_known_after_one_question_and_its_copy_goes() {
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(120);
    assert_eq!(copies(&stage), 1);
    check(&stage, &post);
    let row = stage.post(&post).row;
    let PostState::Published { post_ids, .. } = &row.state else { panic!("{row:#?}") };
    assert_eq!(post_ids.len(), 1);
    assert_eq!(copies(&stage), 0);
    assert_eq!((row.due, stage.waiting().len(), asked(&stage)), (None, 0, 1));
    let last = row.timeline.entries().last().unwrap();
    assert_eq!((last.what, last.by), (What::Published, Actor::Check));
    assert_eq!(inits(&stage), 1);
}

#[test]
fn a_question_that_the_sweep_sent_says_so() {
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(60);
    sweep(&stage);
    let Some(Job::Check(job)) = stage.queues.pop_next() else { panic!("nothing was swept") };
    deliver(&stage, job).unwrap();
    assert_eq!(stage.post(&post).row.timeline.entries().last().unwrap().by, Actor::Sweep);
}

#[test]
fn the_questions_climb_the_ladder_with_webhooks_and_without() {
    let stage = slow();
    stage.processing(1);
    let times = drive(&stage, 3_900);
    assert_near(&times, &[120, 360, 840, 1_740, 2_640, 3_540]);

    let stage = without_webhooks(slow());
    let post = stage.processing(1);
    flows_dispatch(&stage, &post);
    let times = drive(&stage, 2_400);
    assert_near(&times, &[35, 55, 85, 145, 265, 565, 1_465, 2_365]);
    assert_eq!(inits(&stage), 1);
}

/// What publishing sends once it has stored the publish id.
fn flows_dispatch(stage: &Stage, post: &domain::PostId) {
    done(flows::dispatch(&stage.queues, &stage.post(post).row, stage.now(), &stage.periods));
}

#[track_caller]
fn assert_near(times: &[i64], rungs: &[i64]) {
    assert_eq!(times.len(), rungs.len(), "{times:?}");
    for (time, rung) in times.iter().zip(rungs) {
        assert!((rung - 1..=rung + 2).contains(time), "{times:?} are not {rungs:?}");
    }
}

#[test]
fn a_failure_that_passes_leads_to_new_attempts_after_one_five_and_fifteen_minutes() {
    let stage = Stage::with(|config| config.outage = tiktok_sandbox::Outage::None);
    let waits = [60, 300, 900];
    let post = stage.processing(1);
    for wait in waits {
        fail_at_tiktok(&stage, &post, "internal");
        check(&stage, &post);
        let PostState::Queued { at, attempts, .. } = stage.post(&post).row.state else {
            panic!("{}", state(&stage, &post));
        };
        assert_eq!(at.duration_since(stage.now()).as_secs(), wait);
        let near = wait < 120;
        assert_eq!(stage.waiting().len(), usize::from(near), "a far step is left to the row's wake-up");
        assert!(near || stage.post(&post).row.due == Some(at));
        stage.queues.lose_all();
        again(&stage, &post, attempts);
    }
    fail_at_tiktok(&stage, &post, "internal");
    check(&stage, &post);
    let PostState::Failed { failure, publish_id: Some(_) } = stage.post(&post).row.state else {
        panic!("{}", state(&stage, &post));
    };
    assert_eq!(failure.code, "internal");
}

fn fail_at_tiktok(stage: &Stage, post: &domain::PostId, reason: &str) {
    let row = stage.post(post).row;
    let publish_id = row.state.publish_id().unwrap().0.clone();
    let now = stage.now().as_millisecond();
    stage.tiktok.with(|world| world.fail(&publish_id, reason, now)).unwrap();
}

/// The next attempt, as publishing makes it: the row goes on from where it is.
fn again(stage: &Stage, post: &domain::PostId, attempts: u32) {
    use domain::post::{Event, Outcome, PublishId};
    let row = stage.post(post).row;
    let (at, nonce) = (stage.now(), domain::Nonce::from_bits(u128::from(attempts) + 77));
    let fresh = stage.processing(900 + u128::from(attempts));
    let publish_id = stage.post(&fresh).row.state.publish_id().unwrap().0.clone();
    let claim = Event::Claimed { nonce, until: at, source: domain::post::Source::PullFromUrl };
    let Ok(Outcome::Moved(row)) = row.apply(claim, Actor::Publish, at, &stage.periods) else {
        panic!("claim")
    };
    let taken = Event::InitAccepted { nonce, publish_id: PublishId(publish_id) };
    let Ok(Outcome::Moved(row)) = row.apply(taken, Actor::Publish, at, &stage.periods) else {
        panic!("init")
    };
    stage.table.insert_post(*row, ports::samples::content());
}

#[test]
fn every_fail_reason_that_does_not_pass_is_the_end_with_its_remedy() {
    for reason in tiktok::FailReason::KNOWN {
        let stage = slow();
        let post = stage.processing(1);
        fail_at_tiktok(&stage, &post, reason.as_str());
        check(&stage, &post);
        match stage.post(&post).row.state {
            PostState::Failed { failure, .. } => {
                assert!(!reason.new_attempt_sensible());
                assert_eq!(
                    (failure.code.as_str(), failure.remedy.as_str()),
                    (reason.as_str(), reason.remedy())
                );
                assert_eq!(stage.waiting(), []);
            }
            PostState::Queued { .. } => assert!(reason.new_attempt_sensible(), "`{reason}`"),
            PostState::Cancelled { .. } => assert_eq!(reason.as_str(), "publish_cancelled"),
            other => panic!("`{reason}`: {other:#?}"),
        }
        assert_eq!(inits(&stage), 1);
        assert_eq!(copies(&stage), 0);
    }
}

#[test]
fn a_post_in_progress_stays_as_it_is_and_is_asked_about_again() {
    let stage = slow();
    let post = stage.processing(1);
    stage.wait(120);
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
    let due = stage.post(&post).row.due.unwrap();
    assert_eq!(due.duration_since(stage.now()).as_secs(), 240);
    assert_eq!(copies(&stage), 1);
}

#[test]
fn a_status_that_nobody_knows_is_not_an_end() {
    let stage = slow();
    let post = stage.processing(1);
    let body = serde_json::json!({
        "data": { "status": "PROCESSING_DREAMS" },
        "error": { "code": "ok", "message": "", "log_id": "X" },
    });
    stage.tiktok.inject(Endpoint::StatusFetch, FaultKind::Answer { status: 200, body });
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
}

#[test]
fn a_post_that_tiktok_is_silent_about_past_the_deadline_is_visibly_unconfirmed() {
    let stage = slow();
    let post = stage.processing(1);
    stage.wait(86_400 - 1);
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "processing");
    stage.wait(1);
    check(&stage, &post);
    let PostState::Unconfirmed { publish_id: Some(_), .. } = stage.post(&post).row.state else {
        panic!("{}", state(&stage, &post));
    };
    let times = drive(&stage, 20 * 86_400);
    let days: Vec<i64> = times.iter().map(|at| at / 86_400).collect();
    // the question of that last second was still on its way
    assert_eq!(days, [0, 1, 2, 3, 4, 5, 6], "TikTok is asked once a day for a week, and the workspace told");
    assert_eq!(inits(&stage), 1);
}

#[test]
fn whatever_keeps_tiktoks_word_from_us_ends_at_the_deadline_as_well() {
    use domain::account::AccountStatus;
    let troubles: [fn(&Stage); 4] = [
        |stage| {
            stage.change_account(|account| {
                let since = account.due.unwrap();
                account.status = AccountStatus::ReconnectRequired { since, code: "invalid_grant".to_owned() };
            });
        },
        |stage| stage.change_account(|account| account.tokens.as_mut().unwrap().epoch = 7),
        |stage| {
            let change = |config: &mut tiktok_sandbox::Config| config.outage = tiktok_sandbox::Outage::Api;
            stage.tiktok.with(|world| world.reconfigure(change));
        },
        // the token ends and nobody refreshes it
        |_| {},
    ];
    for (number, trouble) in troubles.into_iter().enumerate() {
        let stage = Stage::with(|config| {
            stuck(config);
            config.tokens.access_ms = if number == 3 { 600_000 } else { 40 * 86_400_000 };
        });
        let post = stage.processing(1);
        trouble(&stage);
        stage.script.forget_calls();
        drive(&stage, 86_400 + 3_600);
        assert_eq!(state(&stage, &post), "unconfirmed", "trouble {number}");
        let calls = stage.script.calls().iter().filter(|call| **call == "work").count();
        assert!(calls < 800, "trouble {number}: {calls} looks at the post in a day");
        assert_eq!(inits(&stage), 1);
    }
}

#[test]
fn the_tail_finds_the_public_id_and_then_nobody_asks_any_more() {
    let stage = Stage::with(|config| {
        config.time = tiktok_sandbox::Time::Auto(tiktok_sandbox::AutoTime {
            fetch_ms: 1_000,
            processing_ms: 2_000,
            public_id_ms: 5 * 3_600_000,
        });
    });
    let post = stage.processing(1);
    let times = drive(&stage, 10 * 3_600);
    let PostState::Published { post_ids, .. } = stage.post(&post).row.state else { panic!("not published") };
    assert_eq!(post_ids.len(), 1);
    assert_eq!(
        times.len(),
        6,
        "{times:?}: once for the publication, then after 15, 45, 105, 225 and 465 minutes"
    );
    assert_eq!(stage.post(&post).row.due, None);
}

#[test]
fn the_tail_ends_by_itself_and_asks_on_its_last_rung_too() {
    let stage = Stage::with(|config| {
        config.accounts.get_mut("ada").unwrap().post_ids_withheld = true;
        config.tokens.access_ms = 40 * 86_400_000;
    });
    let post = stage.processing(1);
    let times = drive(&stage, 4 * 86_400);
    assert_eq!(times.len(), 12, "{times:?}");
    assert!((43 * 3_600..48 * 3_600).contains(times.last().unwrap()), "{times:?}");
    assert_eq!(stage.post(&post).row.due, None);
    assert_eq!(state(&stage, &post), "published");
}

#[test]
fn a_post_for_its_creator_alone_has_no_tail() {
    let stage = Stage::new();
    let post = stage.processing(1);
    let mut row = stage.post(&post).row;
    row.privacy_level = Some(domain::content::PrivacyLevel::SelfOnly);
    stage.table.insert_post(row, ports::samples::content());
    stage.tiktok.with(|world| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().post_ids_withheld = true);
    });
    assert_eq!(drive(&stage, 86_400).len(), 1);
    assert_eq!(stage.post(&post).row.due, None);
}

#[test]
fn a_claim_that_ran_out_is_settled_as_unconfirmed_and_one_that_holds_is_left_alone() {
    use domain::post::{Event, Outcome};
    let stage = Stage::new();
    let post = stage.accept(1);
    let nonce = domain::Nonce::from_bits(5);
    let claim = Event::Claimed {
        nonce,
        until: stage.now() + SignedDuration::from_secs(40),
        source: domain::post::Source::PullFromUrl,
    };
    let row = stage.post(&post).row;
    let Ok(Outcome::Moved(row)) = row.apply(claim, Actor::Publish, stage.now(), &stage.periods) else {
        panic!("claim")
    };
    stage.table.insert_post(*row, ports::samples::content());

    let before = stage.post(&post);
    check(&stage, &post);
    assert_eq!(stage.post(&post), before);
    assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), 41)]);

    drive(&stage, 60);
    let PostState::Unconfirmed { publish_id: None, attempt, .. } = stage.post(&post).row.state else {
        panic!("{}", state(&stage, &post));
    };
    assert_eq!(attempt.nonce, nonce);
    assert_eq!((asked(&stage), inits(&stage)), (0, 0));
}

#[test]
fn a_claim_whose_message_was_lost_is_settled_by_the_sweep() {
    use domain::post::{Event, Outcome};
    let stage = Stage::new();
    let post = stage.accept(1);
    let until = stage.now() + SignedDuration::from_secs(40);
    let claim = Event::Claimed {
        nonce: domain::Nonce::from_bits(5),
        until,
        source: domain::post::Source::PullFromUrl,
    };
    let row = stage.post(&post).row;
    let Ok(Outcome::Moved(row)) = row.apply(claim, Actor::Publish, stage.now(), &stage.periods) else {
        panic!("claim")
    };
    assert_eq!(row.next_task(stage.now(), &stage.periods).unwrap().task, Task::Settle);
    stage.table.insert_post(*row, ports::samples::content());
    drive(&stage, 40 + 300 + 60);
    assert_eq!(state(&stage, &post), "unconfirmed");
}

#[test]
fn a_crash_or_an_error_at_any_call_of_a_check_loses_nothing() {
    let cues = Cue::CRASHES.into_iter().chain(Cue::FAILURES);
    for cue in cues {
        for number in 0..9 {
            let stage = Stage::new();
            let post = stage.processing(1);
            stage.wait(120);
            stage.script.forget_calls();
            stage.script.at(number, cue);
            drop(run(function(&stage).check(stage.check_job(&post))));
            if stage.script.end() {
                break;
            }
            drive(&stage, 900);
            assert_eq!(state(&stage, &post), "published", "{cue:?} at {number}");
            assert_eq!(inits(&stage), 1);
        }
    }
}

#[test]
fn doubled_checks_side_by_side_agree() {
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(120);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move {
        Box::pin(function(&there).check(there.check_job(&id))).await.unwrap();
    });
    check(&stage, &post);
    assert_eq!(state(&stage, &post), "published");
    let published = |entry: &&domain::timeline::Entry| entry.what == What::Published;
    assert_eq!(stage.post(&post).row.timeline.entries().iter().filter(published).count(), 1);
}

#[test]
fn a_word_about_an_attempt_that_is_recorded_as_failed_ends_as_a_dead_letter_for_a_person() {
    use domain::post::{Event, Outcome, Verdict};
    let stage = Stage::new();
    let post = stage.processing(1);
    stage.wait(120);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("status_fetch", move || async move {
        let row = there.post(&id).row;
        let publish_id = row.state.publish_id().unwrap().clone();
        let verdict = Verdict::Failed { reason: "internal".to_owned(), passing: true, remedy: String::new() };
        let said = Event::Said { publish_id, verdict };
        let Ok(Outcome::Moved(row)) = row.apply(said, Actor::Webhook, there.now(), &there.periods) else {
            panic!("it makes no sense");
        };
        there.table.insert_post(*row, ports::samples::content());
    });
    let delivered = deliver(&stage, stage.check_job(&post));
    assert!(matches!(delivered, Err(Failure::GiveUp(_))), "{delivered:?}");
}

#[test]
fn thirty_questions_a_minute_and_the_others_come_back() {
    let stage = Stage::with(|config| {
        stuck(config);
        config.accounts.get_mut("ada").unwrap().daily_cap = 1_000;
        config.limits.video_init = 1_000;
    });
    let posts: Vec<_> = (1..=40).map(|bits| stage.processing(bits)).collect();
    stage.wait(120);
    for post in &posts {
        check(&stage, post);
    }
    assert_eq!(asked(&stage), 30);
    drive(&stage, domain::limits::WIDE.as_secs() + 10);
    assert!(asked(&stage) >= 40);
    assert!(!stage.tiktok.any_limit_broken());
}

#[test]
fn after_a_429_the_account_rests() {
    let stage = slow();
    let post = stage.processing(1);
    stage.tiktok.refuse(Endpoint::StatusFetch, 429, "rate_limit_exceeded");
    check(&stage, &post);
    let rest = stage.account().limits.rest_until.unwrap().duration_since(stage.now());
    assert!((62..=68).contains(&rest.as_secs()));
    let waiting = stage.waiting();
    let [(Job::Check(_), delay)] = waiting.as_slice() else { panic!("{waiting:#?}") };
    assert!((60..=68).contains(delay));
}
