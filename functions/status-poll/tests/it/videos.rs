//! The creator's public videos, where they may be seen, show what became of an attempt without an answer.

use domain::post::{Event, PostState};
use domain::{Content, PostId};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rehearsal::Stage;
use tiktok_sandbox::{Endpoint, FaultKind};

use super::rig::{check, drive, state};

const ALL: [&str; 3] = ["user.info.basic", "video.publish", "video.list"];

/// A creator who lets her videos be listed.
fn listed() -> Stage {
    let stage = Stage::new();
    stage.connect_with("ada", 0, &ALL);
    stage
}

fn lost(stage: &Stage, bits: u128, taken: bool) -> PostId {
    let post = stage.accept(bits);
    stage.lose(&post, taken);
    post
}

fn lists(stage: &Stage) -> usize {
    stage.tiktok.calls(Endpoint::VideoList).len()
}

fn film(stage: &Stage, caption: &str, duration_ms: i64) -> u64 {
    let now = stage.now().as_millisecond();
    let seed = now.unsigned_abs() + duration_ms.unsigned_abs() + caption.len() as u64;
    let mut entropy = StdRng::seed_from_u64(seed);
    stage.tiktok.with(|world| world.filmed_elsewhere("ada", caption, duration_ms, now, &mut entropy))
}

fn caption() -> String {
    ports::samples::content().caption.as_str().to_owned()
}

#[test]
fn a_public_post_whose_answer_was_lost_is_found_by_its_caption_and_its_duration() {
    let stage = listed();
    let post = lost(&stage, 1, true);
    drive(&stage, 300);
    let row = stage.post(&post).row;
    let PostState::Published { publish_id: None, post_ids, .. } = &row.state else { panic!("{row:#?}") };
    let shown: Vec<u64> =
        stage.tiktok.with(|world| world.posts().filter_map(tiktok_sandbox::Post::public_post_id).collect());
    assert_eq!(*post_ids, shown);
    assert_eq!((stage.tiktok.accepted(), row.due), (1, None));
    let news: Vec<_> = stage.table.notices().iter().map(|notice| notice.news.name()).collect();
    assert_eq!(news, ["post.published"]);
    assert!(!stage.objects.keys().iter().any(|key| key.starts_with("m/")), "its copy goes");
}

#[test]
fn a_video_with_another_caption_another_length_or_from_before_is_not_it() {
    let stage = listed();
    let old = film(&stage, &caption(), 4_000);
    stage.wait(121);
    let post = lost(&stage, 1, false);
    film(&stage, "something else", 4_000);
    film(&stage, &caption(), 9_000);
    drive(&stage, 4_000);
    assert_eq!(state(&stage, &post), "unconfirmed", "{old}");
    assert!(lists(&stage) >= 5);
    let right = film(&stage, &caption(), 4_000);
    drive(&stage, 1_200);
    let row = stage.post(&post).row;
    assert!(matches!(&row.state, PostState::Published { post_ids, .. } if *post_ids == [right]), "{row:#?}");
}

#[test]
fn between_two_that_look_alike_nobody_chooses() {
    let stage = listed();
    let post = lost(&stage, 1, true);
    film(&stage, &caption(), 4_000);
    drive(&stage, 3_600);
    assert_eq!(state(&stage, &post), "unconfirmed");
    assert!(lists(&stage) >= 5);
}

#[test]
fn a_video_that_a_sibling_may_have_made_is_not_claimed() {
    // the sibling had the slot before, with the same caption, and TikTok has not told its id
    let stage = listed();
    stage.tiktok.with(|world| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().post_ids_withheld = true);
    });
    let sibling = stage.processing(1);
    stage.wait(60);
    check(&stage, &sibling);
    assert_eq!(state(&stage, &sibling), "published");
    stage.change_account(|account| {
        account.slot = Some(domain::account::Slot::taken(sibling.clone(), account.connected_at, None));
    });
    let post = lost(&stage, 2, false);
    drive(&stage, 3_600);
    assert!(lists(&stage) >= 5);
    assert_eq!(state(&stage, &post), "unconfirmed", "the one video may be the sibling's");

    // with another caption it cannot be
    let stage = listed();
    let sibling = stage.accept_with(1, |content: &mut Content| {
        content.caption = domain::content::Caption::of_video("another day".to_owned()).unwrap();
    });
    stage.lose(&sibling, true);
    stage.wait(60);
    let post = lost(&stage, 2, true);
    drive(&stage, 3_600);
    assert_eq!(state(&stage, &post), "published");
}

#[test]
fn a_video_whose_id_is_a_siblings_is_not_claimed() {
    let stage = listed();
    let sibling = stage.processing(1);
    stage.wait(60);
    check(&stage, &sibling);
    stage.change_account(|account| {
        account.slot = Some(domain::account::Slot::taken(sibling.clone(), account.connected_at, None));
    });
    let post = lost(&stage, 2, false);
    drive(&stage, 3_600);
    assert_eq!((state(&stage, &sibling), state(&stage, &post)), ("published", "unconfirmed"));
    let mine = film(&stage, &caption(), 4_000);
    drive(&stage, 900);
    assert_eq!(state(&stage, &post), "unconfirmed", "two look alike, {mine} and the sibling's");
}

#[test]
fn a_video_may_be_that_of_any_post_in_doubt_however_many_have_had_the_slot_since() {
    let stage = listed();
    let first = lost(&stage, 1, false);
    stage.wait(60);
    let post = lost(&stage, 2, false);
    stage.change_account(|account| {
        let slot = account.slot.as_mut().unwrap();
        slot.recent = (100..106).map(PostId::from_bits).collect();
        slot.doubts = vec![first.clone()];
    });
    // one of the two is published only now
    film(&stage, &caption(), 4_000);
    drive(&stage, 3_600);
    assert!(lists(&stage) >= 5);
    assert_eq!(state(&stage, &post), "unconfirmed");
}

#[test]
fn a_doubt_that_has_lost_the_slot_is_not_looked_for_any_more() {
    let stage = listed();
    let first = lost(&stage, 1, true);
    stage.wait(4_500);
    lost(&stage, 2, false);
    let asked = lists(&stage);
    check(&stage, &first);
    assert_eq!(lists(&stage), asked);
}

#[test]
fn a_post_that_is_not_public_is_not_looked_for() {
    let stage = listed();
    let post = stage.order(1, |order| {
        order.wish.privacy_level = Some(domain::content::PrivacyLevel::MutualFollowFriends);
    });
    stage.lose(&post, true);
    film(&stage, &caption(), 4_000);
    drive(&stage, 4_000);
    assert_eq!((lists(&stage), state(&stage, &post)), (0, "unconfirmed"));
}

#[test]
fn without_the_scope_nobody_asks() {
    let stage = Stage::new();
    let post = lost(&stage, 1, true);
    drive(&stage, 4_000);
    assert_eq!((lists(&stage), state(&stage, &post)), (0, "unconfirmed"));
}

#[test]
fn more_videos_than_a_page_are_too_many_to_tell() {
    let stage = listed();
    let post = lost(&stage, 1, true);
    stage.wait(30);
    for number in 0..20 {
        film(&stage, &format!("clip {number}"), 9_000);
        stage.wait(1);
    }
    drive(&stage, 1_200);
    assert_eq!(state(&stage, &post), "unconfirmed");
}

#[test]
fn a_list_that_fails_is_asked_for_again_and_a_refused_token_is_refreshed_first() {
    for fault in [
        FaultKind::AnswerLost,
        FaultKind::Garbage,
        FaultKind::Answer { status: 500, body: "<html>".into() },
        FaultKind::Answer {
            status: 403,
            body: serde_json::json!({
                "data": {},
                "error": { "code": "scope_not_authorized", "message": "", "log_id": "X" },
            }),
        },
    ] {
        let stage = listed();
        let post = lost(&stage, 1, true);
        stage.tiktok.inject(Endpoint::VideoList, fault.clone());
        drive(&stage, 600);
        assert_eq!((state(&stage, &post), lists(&stage)), ("published", 2), "{fault:?}");
    }
    let stage = listed();
    let post = lost(&stage, 1, true);
    stage.wait(30);
    stage.tiktok.with(|world| world.expire_access_tokens("ada", stage.now().as_millisecond()));
    check(&stage, &post);
    let refresh = domain::Job::Refresh { account: stage.account_id(), epoch: Some(1) };
    assert_eq!(stage.waiting()[0], (refresh, 0));
    assert_eq!(state(&stage, &post), "unconfirmed");
    stage.refresh_tokens();
    drive(&stage, 300);
    assert_eq!(state(&stage, &post), "published");
}

#[test]
fn a_post_that_is_not_wanted_and_is_there_is_said_to_be_there() {
    let stage = listed();
    let post = lost(&stage, 1, true);
    stage.apply(&post, Event::CancelAsked);
    drive(&stage, 300);
    assert_eq!(state(&stage, &post), "published");
}
