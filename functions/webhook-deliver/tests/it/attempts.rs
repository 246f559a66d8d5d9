use domain::delivery::DeliveryState;
use domain::endpoint::EndpointState;
use domain::notice::PostNews;
use domain::{Endpoint, SignedDuration};
use outbound::Failure;
use ports::fakes::Fault;
use standardwebhooks::Webhook;

use crate::it::rig::Rig;

#[tokio::test]
async fn an_event_arrives_signed_with_the_resource_and_without_a_token() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(204)).await;
    let notice = rig.happens(1, PostNews::Failed).await;
    rig.work().await;

    let arrived = rig.arrived("good");
    let [only] = &arrived[..] else { panic!("{arrived:?}") };
    assert_eq!(only.header("webhook-id"), notice.id.as_str());
    assert_eq!(only.header("webhook-timestamp"), rig.now().as_second().to_string());
    assert_eq!(only.header("content-type"), "application/json");
    let judge = Webhook::new(&Rig::secret(1, 1)).unwrap();
    let signed = judge.sign(notice.id.as_str(), rig.now().as_second(), &only.body).unwrap();
    assert_eq!(only.header("webhook-signature"), signed);

    let body: serde_json::Value = serde_json::from_slice(&only.body).unwrap();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["data", "timestamp", "type"]);
    assert_eq!((&body["type"], &body["timestamp"]), (&"post.failed".into(), &notice.at.to_string().into()));
    assert_eq!(body["data"]["resource"]["id"], body["data"]["post"]);
    assert_eq!(body["data"]["resource"]["caption"], "A day on the slipway #boats");
    for word in ["token", "secret", "data_key", "cipher"] {
        assert!(!body.to_string().contains(word), "{word} in {body}");
    }

    let delivery = rig.delivery(&id, &notice);
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }), "{delivery:?}");
    assert_eq!(delivery.attempts[0].status, Some(204));
    assert_eq!(delivery.attempts[0].response.as_deref(), Some("said something"));
}

#[tokio::test]
async fn while_a_secret_takes_anothers_place_both_sign_and_afterwards_one() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(200)).await;
    let second = rig.sealed(&rig.row(&id).await, 1, 2).await;
    let until = rig.now() + SignedDuration::from_hours(1);
    rig.change(&id, |endpoint| endpoint.rotated(second, until)).await;
    let signs = |arrived: &crate::it::rig::Arrived, number| {
        let at = arrived.header("webhook-timestamp").parse().unwrap();
        let judge = Webhook::new(&Rig::secret(1, number)).unwrap();
        judge.sign(arrived.header("webhook-id"), at, &arrived.body).unwrap()
    };
    rig.happens(1, PostNews::Published).await;
    rig.work().await;
    let first = &rig.arrived("good")[0];
    assert_eq!(first.header("webhook-signature"), format!("{} {}", signs(first, 2), signs(first, 1)));

    rig.pass(3_600);
    rig.happens(2, PostNews::Published).await;
    rig.work().await;
    let second = &rig.arrived("good")[1];
    assert_eq!(second.header("webhook-signature"), signs(second, 2));
}

#[tokio::test]
async fn a_job_that_comes_twice_or_early_or_late_makes_no_further_attempt() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "bad", |_| Ok(500)).await;
    let notice = rig.happens(1, PostNews::Published).await;
    rig.work().await;
    let key = rig.delivery(&id, &notice).key;
    rig.function.deliver(key.clone()).await.unwrap();
    assert_eq!(rig.arrived("bad").len(), 1, "the next attempt is five seconds off");
    rig.pass(5);
    rig.function.deliver(key.clone()).await.unwrap();
    assert_eq!(rig.arrived("bad").len(), 2);
    // five minutes are for the sweep
    rig.queues.lose_all();
    rig.function.deliver(key).await.unwrap();
    assert!(rig.queues.waiting().is_empty());
}

#[tokio::test]
async fn an_attempt_whose_row_was_not_written_is_made_again_under_the_same_id() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(200)).await;
    let notice = rig.happens(1, PostNews::Published).await;
    let key = rig.delivery(&id, &notice).key;
    for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
        rig.table.fail_next("save_delivery", fault, 1);
        assert!(rig.function.deliver(key.clone()).await.is_err());
    }
    rig.function.deliver(key).await.unwrap();
    let arrived = rig.arrived("good");
    assert_eq!(arrived.len(), 2, "the second one was written, although nobody heard it");
    assert_eq!(arrived[0].header("webhook-id"), arrived[1].header("webhook-id"));
}

#[tokio::test]
async fn who_answers_410_is_off_at_once_and_the_others_are_told() {
    let rig = Rig::new();
    let gone = rig.endpoint(1, "gone", |_| Ok(410)).await;
    let other = rig.endpoint(2, "other", |_| Ok(200)).await;
    let first = rig.happens(1, PostNews::Published).await;
    let second = rig.happens(2, PostNews::Published).await;
    rig.work().await;
    assert!(matches!(rig.row(&gone).await.state, EndpointState::Off { .. }));
    assert_eq!(rig.arrived("gone").len(), 1);
    assert!(matches!(rig.delivery(&gone, &second).state, DeliveryState::Dropped { .. }));
    rig.live(400).await;
    assert!(matches!(rig.delivery(&gone, &first).state, DeliveryState::Dropped { .. }));

    let told =
        rig.table.notices().into_iter().find(|it| it.news.name() == "webhook_endpoint.disabled").unwrap();
    rig.function.tell(&told.id).await.unwrap();
    rig.work().await;
    let last = rig.arrived("other").pop().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body["type"], "webhook_endpoint.disabled");
    assert_eq!(
        (&body["data"]["webhook_endpoint"], &body["data"]["code"]),
        (&gone.as_str().into(), &"gone".into())
    );
    assert!(rig.row(&other).await.is_on());
}

#[tokio::test]
async fn redirects_and_refusals_are_failures_with_their_reasons() {
    let rig = Rig::new();
    let moved = rig.endpoint(1, "moved", |_| Ok(302)).await;
    let name = rig.endpoint(2, "inner", |_| Err(Failure::Refused(outbound::Refused::Host))).await;
    let notice = rig.happens(1, PostNews::Published).await;
    rig.work().await;
    assert_eq!(rig.delivery(&moved, &notice).attempts[0].status, Some(302));
    assert_eq!(rig.delivery(&name, &notice).attempts[0].code.as_deref(), Some("url.host"));
    for id in [moved, name] {
        assert!(matches!(rig.delivery(&id, &notice).state, DeliveryState::Pending { .. }));
        assert_eq!(rig.row(&id).await.failing_since, Some(rig.now()));
    }
}

#[tokio::test]
async fn an_endpoint_that_never_answers_delays_no_other() {
    let rig = Rig::new();
    let never = rig.endpoint(1, "never", |_| Ok(200)).await;
    let good = rig.endpoint(2, "good", |_| Ok(200)).await;
    let notice = rig.happens(1, PostNews::Published).await;
    assert_eq!(rig.queues.waiting().len(), 2, "a job for each");
    let (never, good) = (rig.delivery(&never, &notice).key, rig.delivery(&good, &notice).key);
    let hanging = rig.function.deliver(never);
    tokio::select! {
        biased;
        _ = hanging => panic!("it never answers"),
        done = rig.function.deliver(good) => done.unwrap(),
    }
    assert_eq!(rig.arrived("good").len(), 1);
}

#[tokio::test]
async fn nothing_that_is_printed_holds_a_secret() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(200)).await;
    let endpoint: Endpoint = rig.row(&id).await;
    let printed = format!("{endpoint:?}");
    assert!(printed.contains("[sealed]") && !printed.contains("whsec_"), "{printed}");
}
