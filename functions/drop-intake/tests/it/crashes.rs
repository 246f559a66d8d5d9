//! Whatever fails, the next delivery makes the one post.

use drop_intake::Place;
use lambda_kit::batch::Failure;
use ports::fakes::Fault;
use rehearsal::video;
use serde_json::json;

use super::rig::Rig;

fn dropped() -> Rig {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig
}

fn made_once(rig: &Rig, when: &str) {
    assert_eq!(rig.posts().len(), 1, "{when}");
    let told: Vec<_> = rig.told().into_iter().map(|(key, _)| key).collect();
    assert_eq!(told, ["ada/harbour.result.json"], "{when}");
}

#[tokio::test]
async fn a_failure_of_the_bucket_before_or_after_its_effect_costs_a_delivery() {
    for operation in ["dropped", "told", "read", "take", "tell", "take_back"] {
        for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
            let rig = dropped();
            rig.stage.objects.fail_next(operation, fault, 1);
            let first = rig.handle(&rig.event("harbour.json")).await;
            assert!(matches!(first, Err(Failure::Retry(_))), "{operation} {fault:?}");
            rig.hears("harbour.json").await;
            made_once(&rig, &format!("{operation} {fault:?}"));
        }
    }
}

#[tokio::test]
async fn an_answer_of_the_api_that_is_lost_costs_a_delivery() {
    use Fault::{AfterEffect, BeforeEffect};
    for faults in [vec![BeforeEffect], vec![AfterEffect], vec![AfterEffect, BeforeEffect]] {
        let rig = dropped();
        rig.fail(&faults);
        for _ in &faults {
            assert!(matches!(rig.handle(&rig.event("harbour.json")).await, Err(Failure::Retry(_))));
        }
        rig.hears("harbour.json").await;
        made_once(&rig, &format!("{faults:?}"));
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_put_back_comes_again() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.stage.queues.fail_next("send", Fault::BeforeEffect, 1);
    assert!(matches!(rig.handle(&rig.event("harbour.mp4")).await, Err(Failure::Retry(_))));
    rig.hears("harbour.mp4").await;
    assert!(rig.stage.queues.pop_next().is_some());
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_told_in_the_end() {
    let rig = dropped();
    // the creator's cap was known to be lower, and TikTok cannot be asked now
    let place = Place::Set { creator: rig.creator(), name: "harbour".to_owned() };
    let mut creator = rig.stage.creator();
    creator.info.privacy_level_options.clear();
    rig.stage.table.insert_creator(creator);
    rig.stage.change_account(|account| account.tokens = None);
    for receive_count in 1..4 {
        let tried = rig.look(&place, receive_count).await;
        assert!(matches!(tried, Err(Failure::Retry(_))), "{receive_count}");
        assert!(rig.told().is_empty());
    }
    rig.look(&place, 4).await.unwrap();
    assert_eq!(rig.only_problem().1, ["privacy_level.not_offered"]);
    assert!(rig.posts().is_empty());
}
