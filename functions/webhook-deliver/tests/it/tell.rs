use domain::delivery::DeliveryState;
use domain::job::{CatchUp, Job};
use domain::notice::PostNews;
use domain::{Endpoint, SignedDuration};
use ports::fakes::Fault;

use crate::it::rig::Rig;

#[tokio::test]
async fn an_endpoint_is_told_of_what_it_chose() {
    let rig = Rig::new();
    let all = rig.endpoint(1, "all", |_| Ok(200)).await;
    let family = rig.endpoint(2, "family", |_| Ok(200)).await;
    let one = rig.endpoint(3, "one", |_| Ok(200)).await;
    let other = rig.endpoint(4, "other", |_| Ok(200)).await;
    let choose = |events: &[&str]| {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        |endpoint: Endpoint| Endpoint { events, ..endpoint }
    };
    rig.change(&family, choose(&["post.*"])).await;
    rig.change(&one, choose(&["post.failed", "creator.connected"])).await;
    rig.change(&other, choose(&["creator.*"])).await;
    rig.happens(1, PostNews::Published).await;
    rig.happens(2, PostNews::Failed).await;
    rig.work().await;
    let counts = ["all", "family", "one", "other"].map(|name| rig.arrived(name).len());
    assert_eq!(counts, [2, 2, 1, 0]);
    assert!(rig.row(&all).await.is_on());
}

#[tokio::test]
async fn an_event_that_comes_again_is_one_delivery() {
    let rig = Rig::new();
    rig.endpoint(1, "good", |_| Ok(200)).await;
    let notice = rig.happens(1, PostNews::Published).await;
    rig.function.tell_all(&[notice.id.clone(), notice.id.clone()]).await.unwrap();
    rig.work().await;
    rig.function.tell(&notice.id).await.unwrap();
    rig.work().await;
    assert_eq!((rig.table.all_deliveries().len(), rig.arrived("good").len()), (1, 1));
}

#[tokio::test]
async fn whatever_fails_while_an_event_is_told_it_arrives() {
    for (operation, fault) in [
        ("notice", Fault::BeforeEffect),
        ("list_endpoints", Fault::BeforeEffect),
        ("create_delivery", Fault::BeforeEffect),
        ("create_delivery", Fault::AfterEffect),
    ] {
        let mut rig = Rig::new();
        rig.endpoint(1, "good", |_| Ok(200)).await;
        rig.stream = false;
        let notice = rig.happens(1, PostNews::Published).await;
        rig.table.fail_next(operation, fault, 1);
        let failed = rig.function.tell_all(std::slice::from_ref(&notice.id)).await.unwrap_err();
        assert_eq!((failed.failed, failed.all), (1, 1), "{operation}");
        rig.function.tell_all(&[notice.id]).await.unwrap();
        rig.live(600).await;
        assert_eq!(rig.arrived("good").len(), 1, "{operation} {fault:?}");
    }
}

#[tokio::test]
async fn a_job_that_is_lost_costs_the_watchdogs_time() {
    let rig = Rig::new();
    rig.endpoint(1, "good", |_| Ok(200)).await;
    rig.happens(1, PostNews::Published).await;
    rig.queues.lose_all();
    rig.live(200).await;
    assert!(rig.arrived("good").is_empty());
    rig.live(200).await;
    assert_eq!(rig.arrived("good").len(), 1);
}

#[tokio::test]
async fn without_the_stream_the_hourly_look_finds_what_was_not_told() {
    let mut rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(200)).await;
    rig.stream = false;
    let early = rig.happens(1, PostNews::Published).await;
    rig.pass(1_800);
    rig.happens(2, PostNews::Failed).await;
    rig.live(1_900).await;
    assert_eq!(rig.arrived("good").len(), 2);
    assert_eq!(rig.arrived("good")[1].header("webhook-id").len(), early.id.as_str().len());
    // and again in the next hour, although the one before is looked at once more
    rig.happens(3, PostNews::Published).await;
    rig.live(3_700).await;
    assert_eq!(rig.arrived("good").len(), 3);
    let row = rig.row(&id).await;
    assert!(row.due.unwrap() > rig.now(), "{row:?}");
}

#[tokio::test]
async fn a_long_list_of_events_is_gone_through_in_several_jobs() {
    let mut rig = Rig::new();
    let id = rig.endpoint(1, "good", |_| Ok(200)).await;
    rig.stream = false;
    for bits in 0..1_205 {
        rig.happens(bits, PostNews::Published).await;
        rig.time.clock.advance(SignedDuration::from_millis(1));
    }
    rig.function.catch_up(CatchUp::of(id)).await.unwrap();
    let rest = rig.queues.waiting().iter().filter(|sent| matches!(sent.job, Job::CatchUp(_))).count();
    assert_eq!((rest, rig.table.all_deliveries().len()), (1, 1_000));
    rig.work().await;
    assert_eq!(rig.arrived("good").len(), 1_205);
}

#[tokio::test]
async fn what_was_given_up_or_dropped_is_sent_again_when_somebody_asks() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "gone", |_| Ok(410)).await;
    let began = rig.now();
    let first = rig.happens(1, PostNews::Published).await;
    rig.live(400).await;
    assert!(matches!(rig.delivery(&id, &first).state, DeliveryState::Dropped { .. }));
    let missed = rig.happens(2, PostNews::Published).await;
    // the look begins ten minutes before the moment it is turned on
    rig.live(601).await;

    let url = "https://mended.example/".to_owned();
    let (now, periods) = (rig.now(), rig.function.periods.clone());
    rig.change(&id, |endpoint| Endpoint { url, ..endpoint.turned_on(now, &periods) }).await;
    rig.live(4_000).await;
    assert!(rig.arrived("mended").is_empty(), "it is told of what happens once it is on");
    rig.function.catch_up(CatchUp { endpoint: id, since: Some(began), cursor: None }).await.unwrap();
    rig.work().await;
    let ids: Vec<_> = rig.arrived("mended").iter().map(|it| it.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.contains(&first.id.to_string()) && ids.contains(&missed.id.to_string()));
}
