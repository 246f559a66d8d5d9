//! When a post is to be published: instants, and hours of zones.

use domain::SignedDuration;
use http::StatusCode;
use serde_json::{Value, json};

use super::drafts::{Scene, scene};
use super::fixture::{Answer, Fixture};
use super::posts::changed;

impl Scene {
    async fn post_at(&self, key: &str, publish_at: Value) -> Answer {
        let body = changed(&self.body(), "/publish_at", publish_at);
        let body = changed(&body, "/caption", json!(key));
        self.fixture.create(key, &body).await
    }
}

fn local(local_time: &str, timezone: &str) -> Value {
    json!({ "local_time": local_time, "timezone": timezone })
}

#[tokio::test]
async fn an_hour_of_a_zone_is_an_instant_and_the_answer_shows_both() {
    let scene = scene().await;
    for (said, instant, zone) in [
        (local("2026-11-20T18:00", "Europe/Athens"), "2026-11-20T16:00:00Z", "Europe/Athens"),
        (local("2026-11-20T18:00:30", "asia/kathmandu"), "2026-11-20T12:15:30Z", "Asia/Kathmandu"),
        (local("2026-11-20T18:00", "UTC"), "2026-11-20T18:00:00Z", "UTC"),
        // a day later than in London
        (local("2026-11-20T18:00", "Pacific/Kiritimati"), "2026-11-20T04:00:00Z", "Pacific/Kiritimati"),
    ] {
        let made = scene.post_at(instant, said.clone()).await;
        assert_eq!(StatusCode::ACCEPTED, made.status, "{}", made.text);
        assert_eq!((&json!(instant), &json!("scheduled")), (&made.body["publish_at"], &made.body["state"]));
        let shown = json!({ "local_time": said["local_time"], "timezone": zone });
        assert_eq!(shown, made.body["publish_at_local"]);
        let read = scene.fixture.get(&format!("/v1/posts/{}", made.body["id"].as_str().unwrap())).await;
        assert_eq!((&shown, &json!(instant)), (&read.body["publish_at_local"], &read.body["publish_at"]));
    }
    let plain = scene.post_at("plain", json!("2026-11-20T18:00:00+02:00")).await;
    assert_eq!(
        (&json!(null), &json!("2026-11-20T16:00:00Z")),
        (&plain.body["publish_at_local"], &plain.body["publish_at"])
    );
}

#[tokio::test]
async fn the_same_hour_lies_apart_before_and_after_the_clocks_are_changed() {
    let (fixture, creator) = Fixture::connected().await;
    // a week before New York's clocks are put back, and four after
    fixture.clock.advance(SignedDuration::from_hours(-24 * 7));
    let media = fixture.ready_media(1, 10_000);
    for (day, instant) in [("2026-10-31", "2026-10-31T22:00:00Z"), ("2026-11-01", "2026-11-01T23:00:00Z")] {
        let said = local(&format!("{day}T18:00"), "America/New_York");
        let body = changed(&Fixture::post_body(&creator, &media), "/publish_at", said);
        let made = fixture.create(day, &changed(&body, "/caption", json!(day))).await;
        assert_eq!(json!(instant), made.body["publish_at"], "{}", made.text);
    }
}

#[tokio::test]
async fn an_hour_that_a_zone_leaves_out_or_has_twice_is_refused_with_both_instants() {
    let (fixture, creator) = Fixture::connected().await;
    // 10 March 2027: before New York's clocks are put forward on the 14th; and half an hour on Lord Howe Island on 4 April
    fixture.clock.advance(SignedDuration::from_hours(24 * 129));
    let media = fixture.ready_media(1, 10_000);
    let said = async |said: Value| {
        let body = changed(&Fixture::post_body(&creator, &media), "/publish_at", said);
        fixture.create("k", &body).await
    };
    for (local_time, zone, rule, earlier, later) in [
        (
            "2027-03-14T02:30",
            "America/New_York",
            "publish_at.gap",
            "2027-03-14T01:30:00-05:00",
            "2027-03-14T03:30:00-04:00",
        ),
        (
            "2027-03-14T02:00",
            "America/New_York",
            "publish_at.gap",
            "2027-03-14T01:00:00-05:00",
            "2027-03-14T03:00:00-04:00",
        ),
        (
            "2027-03-28T03:59:59",
            "Europe/Athens",
            "publish_at.gap",
            "2027-03-28T02:59:59+02:00",
            "2027-03-28T04:59:59+03:00",
        ),
        (
            "2027-04-04T01:30",
            "Australia/Lord_Howe",
            "publish_at.fold",
            "2027-04-04T01:30:00+11:00",
            "2027-04-04T01:30:00+10:30",
        ),
        (
            "2027-04-04T02:59",
            "Australia/Sydney",
            "publish_at.fold",
            "2027-04-04T02:59:00+11:00",
            "2027-04-04T02:59:00+10:00",
        ),
    ] {
        let refused = said(local(local_time, zone)).await;
        refused.is_problem(422, "/publish_at/local_time", rule);
        let remedy = refused.body["remedy"].as_str().unwrap();
        assert!(remedy.contains(&format!("`{earlier}` or `{later}`")), "{local_time} {zone}: {remedy}");
        // what the remedy names is taken
        for instant in [earlier, later] {
            let problems = said(json!(instant)).await;
            assert!(
                problems.status == 202 || problems.body["code"] == "idempotency_key.reused",
                "{}",
                problems.text
            );
        }
    }
    // on either side of the hour there is nothing to ask
    for (edge, instant) in
        [("2027-03-14T01:59:59", "2027-03-14T06:59:59Z"), ("2027-03-14T03:00", "2027-03-14T07:00:00Z")]
    {
        let body =
            changed(&Fixture::post_body(&creator, &media), "/publish_at", local(edge, "America/New_York"));
        let made = fixture.create(edge, &changed(&body, "/caption", json!(edge))).await;
        assert_eq!(json!(instant), made.body["publish_at"], "{}", made.text);
    }
}

#[tokio::test]
async fn what_is_no_hour_of_a_zone_is_refused_by_name() {
    let scene = scene().await;
    let athens = "Europe/Athens";
    let time = "/publish_at/local_time";
    for (said, param, rule) in [
        (local("2026-11-20T18:00Z", athens), time, "local_time.format"),
        (local("2026-11-20T18:00+02:00", athens), time, "local_time.format"),
        (local("2026-11-20 18:00", athens), time, "local_time.format"),
        (local("2026-11-20", athens), time, "local_time.format"),
        (local("2026-02-30T18:00", athens), time, "local_time.format"),
        (local("2026-11-20T24:00", athens), time, "local_time.format"),
        (local("2026-11-20T18:00", "Europe/Atlantis"), "/publish_at/timezone", "timezone.unknown"),
        (local("2026-11-20T18:00", "+02:00"), "/publish_at/timezone", "timezone.unknown"),
        (local("2026-11-20T18:00", "Etc/Unknown"), "/publish_at/timezone", "timezone.unknown"),
        (local("2026-11-20T18:00", ""), "/publish_at/timezone", "timezone.unknown"),
        (json!({ "timezone": athens }), time, "field.required"),
        (json!({ "local_time": "2026-11-20T18:00" }), "/publish_at/timezone", "field.required"),
        (json!({ "local_time": 7, "timezone": athens }), time, "field.type"),
        (json!(1_793_534_400), "/publish_at", "field.type"),
        (json!("2026-11-20T18:00"), "/publish_at", "time.format"),
        (local("2026-10-31T18:00", athens), "/publish_at", "publish_at.past"),
        (local("2027-10-31T18:00", athens), "/publish_at", "publish_at.max"),
    ] {
        let told = said.to_string();
        let refused = scene.post_at("k", said).await;
        let expected = (422, vec![(param.to_owned(), rule.to_owned())]);
        assert_eq!(expected, refused.problems(), "{told}");
    }
    let mut more = local("2026-11-20T18:00", athens);
    more["fold"] = json!(1);
    scene.post_at("k", more).await.is_problem(422, "/publish_at/fold", "field.unknown");
    assert!(scene.fixture.table.posts().is_empty());
}

#[tokio::test]
async fn a_time_is_taken_from_a_minute_ago_to_the_29th_day_of_the_upload() {
    let scene = scene().await;
    for (said, rule) in [
        ("2026-11-01T11:58:59.999Z", Some("publish_at.past")),
        ("2026-11-01T11:59:00Z", None),
        ("2026-11-30T12:00:00Z", None),
        ("2026-11-30T12:00:00.001Z", Some("publish_at.max")),
    ] {
        let answer = scene.post_at(said, json!(said)).await;
        match rule {
            Some(rule) => answer.is_problem(422, "/publish_at", rule),
            None => assert_eq!(StatusCode::ACCEPTED, answer.status, "{said}: {}", answer.text),
        }
    }
}
