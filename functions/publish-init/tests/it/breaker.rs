//! The operator's set-up is at fault: nobody goes out but one probe every quarter of an hour, and nothing is failed.

use domain::app::Breaker;
use domain::post::{HoldReason, PostState};
use domain::{PostId, SignedDuration, Timestamp};
use futures::future::join_all;
use rehearsal::{Cue, Stage, done, run};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{creator_infos, function, inits, publish, state};

const QUARTER: SignedDuration = SignedDuration::from_mins(15);

/// `ada` and `grace` are connected; the media host is not verified at TikTok.
fn unverified() -> Stage {
    let stage = Stage::with(|config| {
        let grace = tiktok_sandbox::Account { nickname: "Grace".to_owned(), ..Default::default() };
        config.accounts.insert("grace".to_owned(), grace);
        config.apps.values_mut().for_each(|app| app.verified_url_prefixes.clear());
    });
    stage.connect_with("grace", 1, &["user.info.basic", "video.publish"]);
    stage
}

fn verify(stage: &Stage) {
    let change = |config: &mut tiktok_sandbox::Config| {
        for app in config.apps.values_mut() {
            app.verified_url_prefixes = vec![format!("{}/", rehearsal::MEDIA_BASE_URL)];
        }
    };
    stage.tiktok.with(|world| world.reconfigure(change));
}

fn breaker(stage: &Stage) -> Option<Breaker> {
    done(ports::AppRows::breaker(&stage.table)).unwrap()
}

fn calls(stage: &Stage) -> (usize, usize) {
    (creator_infos(stage), inits(stage))
}

#[track_caller]
fn held(stage: &Stage, post: &PostId) -> Timestamp {
    let row = stage.post(post).row;
    let PostState::Held { until: Some(until), why: HoldReason::Operator, .. } = row.state else {
        panic!("{row:#?}");
    };
    assert_eq!(row.due, Some(until), "it wakes up by itself");
    until
}

fn at(stage: &Stage, time: Timestamp) {
    stage.wait(time.duration_since(stage.now()).as_secs());
    assert_eq!(stage.now(), time);
}

/// Publishes at the same moment, call by call in turns.
fn publish_side_by_side(stage: &Stage, posts: &[PostId]) {
    let function = function(stage);
    let jobs = posts.iter().map(|post| function.publish(stage.publish_job(post), stage.deadline(30)));
    for delivered in run(join_all(jobs)).unwrap() {
        delivered.unwrap();
    }
}

#[test]
fn one_refusal_opens_it_and_another_accounts_post_waits_without_a_call() {
    let stage = unverified();
    let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
    publish(&stage, &first);
    assert_eq!(calls(&stage), (1, 1));
    let opened = breaker(&stage).expect("it is open");
    assert_eq!(opened.code, "url_ownership_unverified");
    assert_eq!((opened.since, opened.probe_at), (stage.now(), stage.now() + QUARTER));
    assert_eq!(held(&stage, &first), opened.wait(&first));

    stage.wait(60);
    publish(&stage, &second);
    assert_eq!(held(&stage, &second), opened.wait(&second));
    assert_eq!(calls(&stage), (1, 1), "nobody asks TikTok");
    let told: Vec<_> = stage.post(&second).row.timeline.entries().iter().map(|it| it.code.clone()).collect();
    assert_eq!(told.last().unwrap().as_deref(), Some("url_ownership_unverified"));
    assert_eq!(stage.table.notices().len(), 2, "both are told that they are held");
}

#[test]
fn at_the_probes_time_one_post_of_all_asks_tiktok_and_a_refusal_keeps_it_open_for_another_quarter() {
    let stage = unverified();
    let posts: Vec<PostId> =
        (1..=3).map(|bits| stage.accept(bits)).chain((4..=6).map(|bits| stage.accept_for(1, bits))).collect();
    publish(&stage, &posts[0]);
    publish_side_by_side(&stage, &posts[1..]);
    assert_eq!(calls(&stage), (1, 1));
    let opened = breaker(&stage).unwrap();

    for probe in 1..=4 {
        let due = breaker(&stage).unwrap().probe_at;
        // until the last of them has come
        at(&stage, due + SignedDuration::from_secs(240));
        stage.script.take_turns();
        publish_side_by_side(&stage, &posts);
        assert_eq!(calls(&stage), (1 + probe, 1 + probe), "one probe of six posts");
        let next = breaker(&stage).expect("it stays open");
        assert_eq!((next.since, next.probe_at), (opened.since, stage.now() + QUARTER));
        for post in &posts {
            assert!(held(&stage, post) >= next.probe_at);
        }
        let before = next.probe_at - SignedDuration::from_secs(1);
        at(&stage, before);
        publish_side_by_side(&stage, &posts);
        assert_eq!(calls(&stage), (1 + probe, 1 + probe), "nobody is early");
    }
}

#[test]
fn a_probe_that_is_accepted_closes_it_and_the_rest_follows() {
    let stage = unverified();
    let posts: Vec<PostId> =
        (1..=3).map(|bits| stage.accept(bits)).chain((4..=6).map(|bits| stage.accept_for(1, bits))).collect();
    for post in &posts {
        publish(&stage, post);
    }
    verify(&stage);
    let mut order = posts.clone();
    order.sort_by_key(|post| held(&stage, post));
    for (number, post) in order.iter().enumerate() {
        let until = held(&stage, post);
        if until > stage.now() {
            at(&stage, until);
        }
        publish(&stage, post);
        assert_eq!(stage.tiktok.accepted(), 1 + number);
        assert_eq!(breaker(&stage), None, "the first closes it");
    }
    assert!(posts.iter().all(|post| state(&stage, post) == "processing"));
    assert_eq!(calls(&stage), (7, 7), "each was asked about once, and the first twice");
}

#[test]
fn nothing_is_failed_however_long_it_lasts() {
    let stage = unverified();
    let posts = [stage.accept(1), stage.accept_for(1, 2)];
    let end = stage.now() + SignedDuration::from_hours(12);
    while stage.now() < end {
        for post in &posts {
            publish(&stage, post);
        }
        assert_eq!(state(&stage, &posts[0]), "held");
        assert_eq!(state(&stage, &posts[1]), "held");
        stage.wait(300);
    }
    let (_, inits) = calls(&stage);
    assert!((30..=49).contains(&inits), "{inits} probes in 12 hours");
    let told: Vec<_> = stage.table.notices().iter().map(|notice| notice.news.name()).collect();
    assert_eq!(told, ["post.held"; 2], "each is told once that it is held");
    verify(&stage);
    for _ in 0..8 {
        stage.wait(300);
        for post in &posts {
            publish(&stage, post);
        }
    }
    assert!(posts.iter().all(|post| state(&stage, post) == "processing"));
    assert_eq!(stage.tiktok.accepted(), 2);
}

#[test]
fn a_probe_that_crashes_or_fails_costs_a_quarter_of_an_hour_and_no_more() {
    for (call, cue) in [
        ("take_probe", Cue::CrashAfter),
        ("take_probe", Cue::FailAfter),
        ("creator_info", Cue::CrashBefore),
        ("creator_info", Cue::FailBefore),
        ("copy_for_attempt", Cue::CrashBefore),
        ("save_limits", Cue::CrashAfter),
    ] {
        let stage = unverified();
        let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
        publish(&stage, &first);
        publish(&stage, &second);
        verify(&stage);
        let probe_at = breaker(&stage).unwrap().probe_at;
        at(&stage, probe_at + SignedDuration::from_secs(240));
        stage.script.next(call, cue);
        drop(run(function(&stage).publish(stage.publish_job(&first), stage.deadline(30))));
        assert!(!stage.script.end(), "`{call}` was called");
        let next = breaker(&stage).expect("it is still open").probe_at;
        assert_eq!(next, stage.now() + QUARTER, "{cue:?} at `{call}`");
        publish(&stage, &second);
        assert_eq!(inits(&stage), 1, "{cue:?} at `{call}`: the other one waits for the next probe");

        at(&stage, next + SignedDuration::from_secs(240));
        publish(&stage, &second);
        assert_eq!(breaker(&stage), None, "{cue:?} at `{call}`");
        publish(&stage, &first);
        let ends = [state(&stage, &first), state(&stage, &second)];
        assert_eq!(ends, ["processing"; 2], "{cue:?} at `{call}`");
        assert_eq!(stage.tiktok.accepted(), 2);
    }
}

#[test]
fn a_probe_whose_answer_was_lost_closes_nothing_and_is_never_made_again() {
    let stage = unverified();
    let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
    publish(&stage, &first);
    publish(&stage, &second);
    verify(&stage);
    at(&stage, breaker(&stage).unwrap().probe_at + SignedDuration::from_secs(240));
    stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
    publish(&stage, &first);
    assert_eq!(state(&stage, &first), "unconfirmed");
    let next = breaker(&stage).expect("nobody knows").probe_at;
    at(&stage, next + SignedDuration::from_secs(240));
    publish(&stage, &second);
    publish(&stage, &first);
    assert_eq!((breaker(&stage), state(&stage, &second)), (None, "processing"));
    assert_eq!(stage.tiktok.accepted(), 2);
}

#[test]
fn an_answer_that_was_on_its_way_when_it_opened_again_does_not_close_it() {
    let stage = unverified();
    let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
    publish(&stage, &first);
    verify(&stage);
    let opened = breaker(&stage).unwrap();
    at(&stage, held(&stage, &first));
    let there = stage.clone();
    stage.script.before("close_breaker", move || async move {
        // somebody closed it, and somebody else found another fault
        let table = &there.table;
        ports::AppRows::close_breaker(table, opened.since).await.unwrap();
        let since = there.now();
        let code = "token.locked".to_owned();
        let again = Breaker { code, since, probe_at: since + QUARTER };
        ports::AppRows::trip(table, &again).await.unwrap();
    });
    publish(&stage, &first);
    assert_eq!(state(&stage, &first), "processing");
    assert_eq!(breaker(&stage).map(|breaker| breaker.code).as_deref(), Some("token.locked"));
    publish(&stage, &second);
    assert_eq!(held(&stage, &second), breaker(&stage).unwrap().wait(&second));
}

#[test]
fn a_key_service_that_refuses_opens_it_and_a_probe_that_finds_it_repaired_closes_it() {
    let stage = unverified();
    verify(&stage);
    let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
    stage.vault.fail_next("open", ports::fakes::Fault::Refused, 1);
    publish(&stage, &first);
    let opened = breaker(&stage).expect("it is open");
    assert_eq!(opened.code, "token.locked");
    assert_eq!(held(&stage, &first), opened.wait(&first));
    publish(&stage, &second);
    assert_eq!(calls(&stage), (0, 0));

    // still refused: the probe never comes to TikTok, and the next is a quarter of an hour on
    at(&stage, opened.probe_at + SignedDuration::from_secs(240));
    stage.vault.fail_next("open", ports::fakes::Fault::Refused, 1);
    publish(&stage, &second);
    publish(&stage, &first);
    assert_eq!((calls(&stage), breaker(&stage).unwrap().probe_at), ((0, 0), stage.now() + QUARTER));

    at(&stage, breaker(&stage).unwrap().probe_at + SignedDuration::from_secs(240));
    publish(&stage, &second);
    publish(&stage, &first);
    assert_eq!((breaker(&stage), stage.tiktok.accepted()), (None, 2));
}

#[test]
fn a_token_that_was_sealed_for_another_place_holds_its_own_account_and_nobody_else() {
    let stage = unverified();
    verify(&stage);
    let (first, second) = (stage.accept(1), stage.accept_for(1, 2));
    stage.change_account(|account| account.tokens.as_mut().unwrap().epoch = 7);
    publish(&stage, &first);
    held(&stage, &first);
    publish(&stage, &second);
    assert_eq!((breaker(&stage), state(&stage, &second)), (None, "processing"));
}
