//! Start times are reserved, not tried.

use domain::Job;
use domain::job::Publish;
use domain::post::{HoldReason, PostState};
use futures::future::join_all;
use rehearsal::{Cue, Stage, run};
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{creator_infos, deliver, deliver_all, function, inits, publish, state};

fn busy() -> Stage {
    Stage::with(|config| config.accounts.get_mut("ada").unwrap().daily_cap = 1_000)
}

#[test]
fn the_seventh_post_within_a_minute_comes_back_with_a_ticket_and_tiktok_never_says_429() {
    let stage = busy();
    let posts: Vec<_> = (1..=7).map(|bits| stage.accept(bits)).collect();
    for post in &posts {
        publish(&stage, post);
    }
    assert_eq!((creator_infos(&stage), inits(&stage)), (6, 6));
    let waiting = stage.waiting();
    let [(Job::Publish(back), 63)] = waiting.as_slice() else { panic!("{waiting:#?}") };
    assert_eq!(back.ticket, Some(stage.now() + domain::limits::PACE));
    deliver_all(&stage);
    assert_eq!(stage.tiktok.accepted(), 7);
    assert!(!stage.tiktok.any_limit_broken());
}

#[test]
fn a_ticket_is_used_at_its_time_and_does_not_contend_again() {
    let stage = busy();
    for bits in 1..=12 {
        let post = stage.accept(bits);
        publish(&stage, &post);
    }
    // six have gone, six have tickets: whoever reserved now would be two windows off
    let (back, delay) = stage.waiting().remove(0);
    assert_eq!((stage.waiting().len(), delay), (6, 63));
    let Job::Publish(back) = back else { panic!("{back:?}") };
    let limits = stage.account().limits;
    stage.queues.lose_all();
    // too early: it goes back with the same ticket, and no other time is reserved
    stage.wait(30);
    deliver(&stage, back.clone()).unwrap();
    assert_eq!(stage.account().limits, limits);
    assert_eq!(stage.waiting(), [(Job::Publish(back), 33)]);
    // in time
    deliver_all(&stage);
    assert_eq!(stage.account().limits.init, limits.init);
    assert_eq!(inits(&stage), 7);
}

#[test]
fn a_ticket_that_comes_late_is_good_if_what_has_begun_leaves_room() {
    let stage = busy();
    for bits in 1..=7 {
        let post = stage.accept(bits);
        publish(&stage, &post);
    }
    let (back, _) = stage.waiting().remove(0);
    let Job::Publish(back) = back else { panic!("{back:?}") };
    stage.queues.lose_all();
    stage.wait(75);
    let reserved = stage.account().limits.init;
    deliver(&stage, back).unwrap();
    assert_eq!((inits(&stage), stage.account().limits.init), (7, reserved));
}

#[test]
fn a_ticket_that_no_limiter_gave_keeps_nobody_waiting() {
    let stage = busy();
    let post = stage.accept(1);
    let ticket = Some("9999-01-01T00:00:00Z".parse().unwrap());
    deliver(&stage, Publish { ticket, ..stage.publish_job(&post) }).unwrap();
    assert_eq!((inits(&stage), state(&stage, &post)), (1, "processing"));
}

#[test]
fn calls_that_take_long_make_others_wait_for_as_long_and_cost_no_place() {
    for call in ["creator_info", "video_init"] {
        let stage = busy();
        let posts: Vec<_> = (1..=12).map(|bits| stage.accept(bits)).collect();
        let clock = stage.clock.clone();
        stage.script.after(call, move || async move {
            clock.advance(domain::SignedDuration::from_secs(4));
        });
        publish(&stage, &posts[0]);
        assert_eq!(inits(&stage), 1);
        let answered = stage.now();
        publish(&stage, &posts[1]);
        let begun = stage.account().limits.begun;
        assert_eq!(begun.millis().first(), Some(&answered.as_millisecond()), "by then TikTok had the first");
        for post in &posts[2..] {
            publish(&stage, post);
        }
        deliver_all(&stage);
        assert_eq!(stage.tiktok.accepted(), 12);
        assert!(!stage.tiktok.any_limit_broken());
        let took = stage.now().duration_since(answered).as_secs();
        assert!(took <= 70, "one window, and not two: {took} s");
    }
}

#[test]
fn an_init_of_which_nobody_knows_when_it_came_counts_as_late_as_it_could_come() {
    let stage = busy();
    let lost = stage.accept(1);
    stage.tiktok.inject(Endpoint::VideoInit, FaultKind::AnswerLost);
    publish(&stage, &lost);
    let latest = stage.deadline(30) + stage.periods.claim_margin + domain::limits::UNDER_WAY;
    assert_eq!(stage.account().limits.begun.newest(), Some(latest));

    let stage = busy();
    let never_sent = stage.accept(1);
    stage.script.next("video_init", Cue::NotSent);
    publish(&stage, &never_sent);
    assert_eq!(stage.account().limits.begun.newest(), Some(stage.now()), "nothing is under way");
}

#[test]
fn a_time_that_is_far_off_is_kept_in_the_row_which_comes_back_with_it() {
    let stage = busy();
    for bits in 1..=18 {
        let post = stage.accept(bits);
        publish(&stage, &post);
    }
    let post = stage.accept(19);
    publish(&stage, &post);
    let row = stage.post(&post).row;
    let PostState::Held { until: Some(until), why: HoldReason::RateLimited, .. } = row.state else {
        panic!("{row:#?}");
    };
    assert_eq!(row.due, Some(until));
    assert_eq!(until.duration_since(stage.now()).as_secs(), 189);

    stage.clock.set(until);
    let limits = stage.account().limits;
    let Job::Publish(job) = flows::job_for(&row, domain::post::Task::Publish, true) else {
        panic!("no publish")
    };
    deliver(&stage, job).unwrap();
    assert_eq!(stage.account().limits.init, limits.init, "no second time is reserved");
    assert_eq!(state(&stage, &post), "processing");
}

#[test]
fn a_time_that_the_watchdog_would_overtake_is_kept_in_the_row_too() {
    let stage = busy();
    let late = stage.accept(7);
    stage.wait(280);
    for bits in 1..=6 {
        let post = stage.accept(bits);
        publish(&stage, &post);
    }
    publish(&stage, &late);
    let row = stage.post(&late).row;
    let PostState::Held { until: Some(until), why: HoldReason::RateLimited, .. } = row.state else {
        panic!("{row:#?}");
    };
    assert_eq!(until.duration_since(stage.now()).as_secs(), 63);
    assert_eq!(row.due, Some(until + stage.periods.watchdog));
    let limits = stage.account().limits;
    deliver_all(&stage);
    assert_eq!(stage.account().limits.init, limits.init, "no second time is reserved");
    assert_eq!(inits(&stage), 7);
}

#[test]
fn one_message_too_many_about_a_post_with_a_reserved_time_ends_there() {
    let stage = busy();
    let late = stage.accept(7);
    stage.wait(280);
    for bits in 1..=6 {
        let post = stage.accept(bits);
        publish(&stage, &post);
    }
    publish(&stage, &late);
    let (row, limits) = (stage.post(&late).row, stage.account().limits);
    let reserved = flows::reserved(&row).expect("the watchdog would overtake a message");
    let sent = stage.waiting();
    let plain = stage.publish_job(&late);
    let of_another_time = Publish { ticket: Some(stage.now()), ..plain.clone() };
    for one_too_many in [plain, of_another_time] {
        deliver(&stage, one_too_many).unwrap();
        assert_eq!(stage.waiting(), sent, "it comes back, and would reserve when its time has come");
    }
    deliver_all(&stage);
    assert!(stage.now() >= reserved);
    assert_eq!(stage.account().limits.init, limits.init, "no second time is reserved");
    assert_eq!(state(&stage, &late), "processing");
}

#[test]
fn posts_side_by_side_reserve_one_after_the_other() {
    let stage = busy();
    stage.script.take_turns();
    let posts: Vec<_> = (1..=12).map(|bits| stage.accept(bits)).collect();
    let function = function(&stage);
    let side_by_side = posts.iter().map(|post| function.publish(stage.publish_job(post), stage.deadline(30)));
    for delivered in run(join_all(side_by_side)).unwrap() {
        delivered.unwrap();
    }
    deliver_all(&stage);
    assert_eq!(stage.tiktok.accepted(), 12);
    assert!(!stage.tiktok.any_limit_broken());
}
