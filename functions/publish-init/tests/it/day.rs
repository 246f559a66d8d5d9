//! TikTok's cap of posts in 24 hours: learned from its refusal, and kept without asking again.

use domain::post::{HoldReason, PostState};
use domain::{PostId, SignedDuration, Timestamp};
use rehearsal::Stage;
use tiktok_sandbox::Endpoint;

use super::rig::{creator_infos, deliver, inits, publish, state};

const A_DAY: SignedDuration = SignedDuration::from_hours(24);
const A_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Everybody may post so often in 24 hours.
fn capped(cap: u32) -> Stage {
    Stage::with(|config| {
        config.accounts.get_mut("ada").unwrap().daily_cap = cap;
        config.tokens.access_ms = 40 * 86_400_000;
    })
}

/// Publishes so many posts, a quarter of an hour after one another; gives when each was accepted.
fn take(stage: &Stage, from: u128, count: u128) -> Vec<Timestamp> {
    let one = |bits| {
        let post = stage.accept(bits);
        publish(stage, &post);
        assert_eq!(state(stage, &post), "processing");
        let at = stage.now();
        stage.wait(900);
        at
    };
    (from..from + count).map(one).collect()
}

fn held(stage: &Stage, post: &PostId) -> Option<Timestamp> {
    let PostState::Held { until: Some(until), why: HoldReason::CreatorDailyCap, .. } =
        stage.post(post).row.state
    else {
        return None;
    };
    assert_eq!(stage.post(post).row.due, Some(until));
    Some(until)
}

fn refusals(stage: &Stage) -> usize {
    let refused = |endpoint| {
        let calls = stage.tiktok.calls(endpoint);
        calls.iter().filter(|call| call.code == "spam_risk_too_many_posts").count()
    };
    refused(Endpoint::CreatorInfo) + refused(Endpoint::VideoInit)
}

#[test]
fn the_sixteenth_post_of_a_day_teaches_the_cap_and_whatever_follows_waits_without_asking() {
    let stage = capped(15);
    let taken = take(&stage, 1, 15);
    let sixteenth = stage.accept(16);
    publish(&stage, &sixteenth);
    assert_eq!(held(&stage, &sixteenth), Some(taken[0] + A_DAY + A_SECOND));
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(15));
    assert_eq!(stage.tiktok.accepted(), 15);

    let asked = creator_infos(&stage);
    let mut waiting: Vec<PostId> = (17..=20).map(|bits| stage.accept(bits)).collect();
    for post in &waiting {
        publish(&stage, post);
        assert_eq!(held(&stage, post), Some(taken[0] + A_DAY + A_SECOND));
    }
    assert_eq!(creator_infos(&stage), asked, "nobody asks TikTok what is known");

    // they go out one by one, as the posts of the day before fall free
    waiting.insert(0, sixteenth);
    for (number, at) in taken.iter().take(waiting.len()).enumerate() {
        stage.wait((*at + A_DAY + A_SECOND).duration_since(stage.now()).as_secs());
        let ready: Vec<&PostId> =
            waiting.iter().filter(|post| held(&stage, post).is_some_and(|at| at <= stage.now())).collect();
        assert_eq!(ready.len(), waiting.len() - number, "all that wait look again");
        for post in ready {
            publish(&stage, post);
        }
        assert_eq!(stage.tiktok.accepted(), 16 + number);
    }
    assert!(waiting.iter().all(|post| held(&stage, post).is_none()));
    assert_eq!(refusals(&stage), 1, "TikTok had to say it once");
}

#[test]
fn a_cap_that_init_tells_of_is_learned_as_well() {
    let stage = capped(15);
    let taken = take(&stage, 1, 3);
    stage.tiktok.refuse(Endpoint::VideoInit, 403, "spam_risk_too_many_posts");
    let post = stage.accept(4);
    publish(&stage, &post);
    assert_eq!(held(&stage, &post), Some(taken[0] + A_DAY + A_SECOND));
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(3));
}

#[test]
fn a_cap_that_others_have_used_up_is_asked_about_once_an_hour() {
    let stage = capped(15);
    let used = stage.now();
    for _ in 0..15 {
        stage.tiktok.with(|world| world.posted_elsewhere("ada", used.as_millisecond()));
    }
    let post = stage.accept(1);
    for hour in 0..24 {
        publish(&stage, &post);
        assert_eq!(held(&stage, &post), Some(stage.now() + SignedDuration::from_hours(1)));
        assert_eq!((creator_infos(&stage), inits(&stage)), (hour + 1, 0));
        assert_eq!(stage.account().limits.day.cap, None, "there is nothing to learn from");
        stage.wait(3_600);
    }
    publish(&stage, &post);
    assert_eq!(stage.tiktok.accepted(), 1);
}

#[test]
fn a_cap_is_forgotten_after_a_day() {
    let stage = capped(15);
    take(&stage, 1, 2);
    for _ in 0..13 {
        stage.tiktok.with(|world| world.posted_elsewhere("ada", stage.now().as_millisecond()));
    }
    let refused = stage.accept(3);
    publish(&stage, &refused);
    let learned = stage.now();
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(2));

    // what others posted on that day says nothing of the next
    stage.clock.set(learned + A_DAY);
    take(&stage, 10, 5);
    assert_eq!((stage.tiktok.accepted(), refusals(&stage)), (7, 1));
}

#[test]
fn a_lower_cap_is_learned_anew() {
    let stage = capped(3);
    take(&stage, 1, 3);
    let post = stage.accept(4);
    publish(&stage, &post);
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(3));
    stage.wait(86_400);
    stage
        .tiktok
        .with(|world| world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().daily_cap = 2));
    take(&stage, 5, 2);
    publish(&stage, &post);
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(2));
    assert!(held(&stage, &post).is_some());
}

#[test]
fn an_attempt_that_tiktok_refused_for_another_reason_does_not_count() {
    let stage = capped(3);
    for (bits, endpoint) in [(1, Endpoint::VideoInit), (2, Endpoint::CreatorInfo)] {
        stage.tiktok.refuse(endpoint, 403, "spam_risk_text");
        let post = stage.accept(bits);
        publish(&stage, &post);
        assert_eq!(state(&stage, &post), "failed");
        stage.wait(900);
    }
    assert_eq!(stage.account().limits.day.used(stage.now()), 0);
    let taken = take(&stage, 10, 3);
    let post = stage.accept(20);
    publish(&stage, &post);
    assert_eq!(stage.account().limits.day.cap.map(|cap| cap.posts), Some(3));
    assert_eq!(held(&stage, &post), Some(taken[0] + A_DAY + A_SECOND));
}

#[test]
fn an_attempt_that_never_came_to_its_init_does_not_count() {
    type Trouble = fn(&Stage, &PostId);
    let troubles: [(&str, Trouble); 5] = [
        ("the upload is gone", |stage, post| {
            let media = stage.post(post).row.media;
            stage.objects.remove(&domain::media::upload_key(&media));
        }),
        ("the privacy level is not offered", |stage, _| {
            let change = |config: &mut tiktok_sandbox::Config| {
                config.accounts.get_mut("ada").unwrap().privacy_level_options =
                    Some(vec!["SELF_ONLY".to_owned()]);
            };
            stage.tiktok.with(|world| world.reconfigure(change));
        }),
        ("the bucket fails", |stage, _| {
            stage.script.next("copy_for_attempt", rehearsal::Cue::FailBefore);
        }),
        ("creator_info takes too long", |stage, _| {
            let late = tiktok_sandbox::FaultKind::Delayed { ms: 25_000 };
            stage.tiktok.inject(Endpoint::CreatorInfo, late);
        }),
        ("somebody cancels it", |stage, post| {
            let (there, id) = (stage.clone(), post.clone());
            stage.script.before("save", move || async move {
                there.apply(&id, domain::post::Event::CancelAsked);
            });
        }),
    ];
    for (name, trouble) in troubles {
        let stage = capped(15);
        take(&stage, 1, 2);
        let post = stage.accept(3);
        trouble(&stage, &post);
        drop(deliver(&stage, stage.publish_job(&post)));
        assert_eq!(inits(&stage), 2, "{name}");
        assert_eq!(stage.account().limits.day.used(stage.now()), 2, "{name}");
    }
}
