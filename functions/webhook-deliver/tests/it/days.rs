//! Days of trouble, in virtual time, with the real sweep.

use std::collections::{BTreeMap, BTreeSet};

use domain::delivery::DeliveryState;
use domain::endpoint::EndpointState;
use domain::notice::PostNews;
use domain::{SignedDuration, Timestamp};
use outbound::Failure;
use ports::samples::NOON;

use crate::it::rig::Rig;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

#[tokio::test]
async fn attempts_come_at_the_ladders_times_within_ten_percent() {
    // an endpoint that hangs takes its ten seconds from this rig's one clock, so each has a rig of its own
    for (answer, took) in [(Ok(503), 0.0), (Err(Failure::Timeout), 10.0)] {
        let rig = Rig::new();
        rig.endpoint(1, "bad", move |_| answer).await;
        rig.happens(1, PostNews::Published).await;
        // eight attempts take 27.6 hours, give or take a twentieth; the ninth is ten hours later
        rig.live(30 * HOUR).await;
        let at: Vec<Timestamp> = rig.arrived("bad").iter().map(|it| it.at).collect();
        // an attempt begins when the one before has ended and its gap is over
        let gaps: Vec<f64> =
            at.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs_f64() - took).collect();
        let ladder = [5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0];
        assert_eq!(gaps.len(), ladder.len(), "{answer:?}: {gaps:?}");
        for (gap, rung) in gaps.iter().zip(ladder) {
            assert!((gap - rung).abs() <= rung / 10.0, "{answer:?}: {gap} s instead of {rung} s in {gaps:?}");
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_for_three_days_gets_every_event_under_a_stable_id() {
    let mut rig = Rig::new();
    let back = NOON + SignedDuration::from_secs(3 * DAY);
    let down = rig
        .endpoint(1, "down", move |now| match now {
            now if now >= back => Ok(200),
            // it dies in more ways than one
            now if now.as_second() % 3 == 0 => Err(Failure::Timeout),
            now if now.as_second() % 3 == 1 => Err(Failure::Connect),
            _ => Ok(502),
        })
        .await;
    rig.endpoint(2, "healthy", |_| Ok(200)).await;
    let mut events = BTreeMap::new();
    // an event every hour, through the outage and a while after; the stream fails for a day, and queues lose what they hold
    for hour in 0..80_u32 {
        rig.stream = !(24..48).contains(&hour);
        let notice = rig.happens(u128::from(hour), PostNews::Published).await;
        events.insert(notice.id.to_string(), (notice.at, rig.now()));
        if hour % 7 == 3 {
            rig.queues.lose_all();
        }
        rig.live(HOUR).await;
    }
    rig.live(12 * HOUR).await;

    let taken = |name: &str| {
        let arrived = rig.arrived(name).into_iter().filter(|it| it.answered == Ok(200));
        arrived.map(|it| it.header("webhook-id").to_owned()).collect::<BTreeSet<_>>()
    };
    let all: BTreeSet<String> = events.keys().cloned().collect();
    assert_eq!(taken("down"), all, "every event, at least once");
    assert_eq!(taken("healthy"), all);
    // an id means one event, in every attempt
    let mut bodies: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for it in rig.arrived("down") {
        let body: serde_json::Value = serde_json::from_slice(&it.body).unwrap();
        let told = format!("{} {} {}", body["type"], body["timestamp"], body["data"]["post"]);
        bodies.entry(it.header("webhook-id").to_owned()).or_default().insert(told);
    }
    assert!(bodies.values().all(|told| told.len() == 1), "{bodies:?}");
    assert!(rig.row(&down).await.is_on());
    assert_eq!(rig.row(&down).await.failing_since, None);
    assert!(rig.table.all_deliveries().iter().all(|it| matches!(it.state, DeliveryState::Delivered { .. })));
    // the healthy one is not held up by the other: at most an hour, where the stream failed
    for it in rig.arrived("healthy") {
        let (at, _) = events[it.header("webhook-id")];
        assert!(it.at.duration_since(at).as_secs() <= HOUR + 400, "{} came at {}", at, it.at);
    }
    println!("{} events, {} attempts at the one that was down", all.len(), rig.arrived("down").len());
}

#[tokio::test]
async fn after_five_days_of_failure_an_endpoint_is_off() {
    let rig = Rig::new();
    let id = rig.endpoint(1, "dead", |_| Err(Failure::Connect)).await;
    let notice = rig.happens(1, PostNews::Published).await;
    rig.live(5 * DAY - HOUR).await;
    assert!(rig.row(&id).await.is_on());
    assert!(matches!(rig.delivery(&id, &notice).state, DeliveryState::Pending { .. }));
    rig.live(12 * HOUR).await;
    let row = rig.row(&id).await;
    assert!(matches!(row.state, EndpointState::Off { why: domain::endpoint::Off::Failing, .. }), "{row:?}");
    assert!(matches!(rig.delivery(&id, &notice).state, DeliveryState::GivenUp { .. }));
    let told: Vec<_> = rig.table.notices().into_iter().map(|it| it.news.name()).collect();
    assert_eq!(told, ["post.published", "webhook_endpoint.disabled"]);
    // and nothing more is sent
    let before = rig.arrived("dead").len();
    rig.happens(2, PostNews::Published).await;
    rig.live(2 * DAY).await;
    assert_eq!(rig.arrived("dead").len(), before);
}

#[tokio::test]
async fn one_success_ends_the_count_of_days() {
    let rig = Rig::new();
    let well = NOON + SignedDuration::from_secs(4 * DAY);
    let ill = well + SignedDuration::from_secs(HOUR);
    let id =
        rig.endpoint(1, "shaky", move |now| Ok(if (well..ill).contains(&now) { 200 } else { 500 })).await;
    rig.happens(1, PostNews::Published).await;
    rig.live(4 * DAY).await;
    rig.happens(2, PostNews::Published).await;
    rig.live(HOUR).await;
    assert_eq!(rig.row(&id).await.failing_since, None);
    rig.happens(3, PostNews::Published).await;
    rig.live(4 * DAY).await;
    assert!(rig.row(&id).await.is_on());
}
