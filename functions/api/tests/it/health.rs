//! `GET /v1/creators/{id}/health`, `/v1/app-status`, `/v1/events`, and TikTok's verification file.

use domain::account::AccountStatus;
use domain::app::Sighting;
use domain::post::{Event, HoldReason, PublishId};
use domain::timeline::Actor;
use domain::{Nonce, Outcome, Periods, Post, SignedDuration};
use http::{Method, StatusCode, header};
use ports::{AppRows as _, Clock as _, Posts as _};
use serde_json::{Value, json};

use super::fixture::{Answer, BASE, Fixture};

async fn health(fixture: &Fixture, creator: &domain::CreatorId) -> Value {
    let answer = fixture.get(&format!("/v1/creators/{creator}/health")).await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    answer.body
}

async fn app_status(fixture: &Fixture) -> Value {
    let answer = fixture.get("/v1/app-status").await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    answer.body
}

fn rules(body: &Value) -> Vec<&str> {
    let problems = body["problems"].as_array().unwrap();
    for problem in problems {
        for field in ["level", "rule", "detail", "remedy"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
    }
    problems.iter().map(|problem| problem["rule"].as_str().unwrap()).collect()
}

async fn put_file(fixture: &Fixture, body: &Value) -> Answer {
    let request = fixture.request(Method::PUT, "/v1/app-status/verification-file");
    let request = request.header(header::CONTENT_TYPE, "application/json");
    fixture.send(request.body(body.to_string().into()).unwrap()).await
}

/// Moves the only post on.
async fn moved(fixture: &Fixture, events: Vec<Event>) -> Post {
    let mut post = fixture.table.only_post().row;
    let content = fixture.table.content(&post.id, &post.content).await.unwrap().unwrap();
    for event in events {
        let moved = post.apply(event, Actor::Publish, fixture.clock.now(), &Periods::default()).unwrap();
        let Outcome::Moved(after) = moved else { panic!("it moves") };
        post = *after;
    }
    fixture.table.insert_post(post.clone(), content);
    post
}

fn taken() -> Vec<Event> {
    let (nonce, until) = (Nonce::from_bits(5), ports::samples::NOON);
    vec![
        Event::Claimed { nonce, until, source: domain::post::Source::PullFromUrl },
        Event::InitAccepted { nonce, publish_id: PublishId("v_pub_url~v2.1".to_owned()) },
    ]
}

#[tokio::test]
async fn a_healthy_creator_says_how_long_its_tokens_live_and_what_it_posted() {
    let (fixture, ada) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(&ada, &media)).await;
    moved(&fixture, taken()).await;
    let health = health(&fixture, &ada).await;
    assert_eq!((json!(true), json!("active")), (health["healthy"].clone(), health["status"].clone()));
    assert_eq!(Vec::<&str>::new(), rules(&health));
    assert_eq!(json!("2026-11-02T12:00:00Z"), health["token"]["access_expires_at"]);
    assert_eq!(json!("2026-11-01T12:00:00Z"), health["token"]["last_refreshed_at"]);
    assert_eq!(json!("fresh"), health["token"]["kept"]);
    assert!(
        health["token"]["next_refresh_at"].is_string() && health["token"]["refresh_expires_at"].is_string()
    );
    assert_eq!(json!([]), health["scopes"]["missing"]);
    assert_eq!(json!(1), health["posts"]["accepted_by_tiktok_in_24_hours"]);
    assert_eq!(json!(14), health["posts"]["likely_left_in_24_hours"]);
    assert_eq!(json!(1), health["posts"]["in_progress"]);
    fixture.clock.advance(SignedDuration::from_hours(24));
    let later = fixture.get(&format!("/v1/creators/{ada}/health")).await.body;
    assert_eq!(json!(0), later["posts"]["accepted_by_tiktok_in_24_hours"]);
    assert!(!later.to_string().contains("act."), "no token is shown");
}

#[tokio::test]
async fn whatever_is_wrong_with_a_creator_is_named_with_its_remedy() {
    let (fixture, ada) = Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(&ada, &media)).await;
    moved(&fixture, vec![Event::Held { until: None, why: HoldReason::ReconnectRequired, code: None }]).await;
    let mut account = fixture.table.accounts().remove(0);
    account.status =
        AccountStatus::ReconnectRequired { since: fixture.clock.now(), code: "invalid_grant".to_owned() };
    fixture.table.insert_account(account);
    let mut creator = fixture.table.creators().remove(0);
    creator.scopes = vec!["user.info.basic".to_owned()];
    fixture.table.insert_creator(creator);
    fixture.table.saw("awtests", Sighting::UnauditedRefused, fixture.clock.now()).await.unwrap();
    let body = health(&fixture, &ada).await;
    let expected = [
        "creator.reconnect_required",
        "creator.scopes.missing",
        "creator.account.public",
        "posts.held.reconnect_required",
    ];
    assert_eq!(expected.to_vec(), rules(&body));
    assert_eq!(json!(false), body["healthy"]);
    assert_eq!(json!(["video.publish"]), body["scopes"]["missing"]);
    assert_eq!(json!("unaudited"), body["tiktok_mode"]);
    assert_eq!(json!(1), body["posts"]["held"][0]["posts"]);
}

#[tokio::test]
async fn a_refresh_that_is_late_and_a_grant_that_ends_are_seen() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_hours(23));
    let late = health(&fixture, &ada).await;
    assert_eq!(vec!["creator.refresh.late"], rules(&late));
    assert_eq!(json!(true), late["healthy"], "an advice alone is no illness");
    let mut account = fixture.table.accounts().remove(0);
    let now = fixture.clock.now();
    let tokens = account.tokens.as_mut().unwrap();
    tokens.issued_at = now;
    tokens.access_expires_at = now + SignedDuration::from_hours(24);
    tokens.refresh_expires_at = now + SignedDuration::from_hours(6 * 24);
    fixture.table.insert_account(account.clone());
    assert_eq!(vec!["creator.grant.ends"], rules(&health(&fixture, &ada).await));
    account.tokens.as_mut().unwrap().refresh_expires_at = now;
    fixture.table.insert_account(account);
    let ended = health(&fixture, &ada).await;
    assert!(rules(&ended).contains(&"creator.grant.ended"));
    assert_eq!(json!(false), ended["healthy"]);
}

#[tokio::test]
async fn the_apps_mode_is_found_out_from_tiktoks_answers() {
    let (fixture, ada) = Fixture::connected().await;
    let unknown = app_status(&fixture).await;
    assert_eq!(json!("unknown"), unknown["tiktok"]["mode"]);
    assert_eq!(vec!["app.mode.unknown"], rules(&unknown));
    assert_eq!(json!(format!("{BASE}/webhooks/tiktok")), unknown["register_at_tiktok"]["webhook_url"]);
    assert_eq!(json!(format!("{BASE}/oauth/tiktok/callback")), unknown["register_at_tiktok"]["redirect_uri"]);

    fixture.table.saw("awtests", Sighting::UnauditedRefused, fixture.clock.now()).await.unwrap();
    let unaudited = app_status(&fixture).await;
    assert_eq!(json!("unaudited"), unaudited["tiktok"]["mode"]);
    assert_eq!(2, unaudited["tiktok"]["means"].as_array().unwrap().len());
    assert_eq!(json!(5), unaudited["posting_creators_in_24_hours"]["allowed_in_the_app"]);
    assert_eq!(
        json!("unaudited_client_can_only_post_to_private_accounts"),
        unaudited["tiktok"]["mode_shown_by"]["what"]
    );

    // a public post that TikTok took afterwards shows that the audit is passed, and the media host verified
    fixture.clock.advance(SignedDuration::from_mins(1));
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(&ada, &media)).await;
    moved(&fixture, taken()).await;
    let mut account = fixture.table.accounts().remove(0);
    account.limits.reserve_publish(fixture.clock.now());
    fixture.table.insert_account(account);
    let audited = app_status(&fixture).await;
    assert_eq!(json!("audited"), audited["tiktok"]["mode"]);
    assert_eq!(json!("public_post_accepted"), audited["tiktok"]["mode_shown_by"]["what"]);
    assert_eq!(json!(true), audited["media"]["domain_verified"]);
    assert_eq!(json!(1), audited["posting_creators_in_24_hours"]["of_this_workspace"]);
    assert_eq!(Vec::<&str>::new(), rules(&audited));

    fixture.clock.advance(SignedDuration::from_mins(1));
    fixture.table.saw("awtests", Sighting::UrlUnverified, fixture.clock.now()).await.unwrap();
    let refused = app_status(&fixture).await;
    assert_eq!(json!(false), refused["media"]["domain_verified"]);
    assert_eq!(vec!["app.media.domain_unverified"], rules(&refused));
    assert!(!refused.to_string().contains("the client secret"));
}

#[tokio::test]
async fn a_sign_in_of_somebody_who_is_no_target_user_shows_the_sandbox() {
    let fixture = Fixture::new();
    let link = fixture.post("/v1/connect-links", &json!({})).await;
    let opened = fixture.get_as(None, link.body["url"].as_str().unwrap()).await;
    let consent = opened.headers[header::LOCATION].to_str().unwrap().to_owned();
    let state = consent.split("state=").nth(1).unwrap().split('&').next().unwrap();
    let back = format!(
        "{BASE}/oauth/tiktok/callback?error=access_denied&error_type=non_sandbox_target&state={state}"
    );
    let page = fixture.come_back(&back, Some(opened.cookie())).await;
    assert_eq!(StatusCode::BAD_GATEWAY, page.status, "{}", page.text);
    let status = app_status(&fixture).await;
    assert_eq!(json!("sandbox"), status["tiktok"]["mode"]);
    assert_eq!(3, status["tiktok"]["means"].as_array().unwrap().len());
}

#[tokio::test]
async fn tiktoks_verification_file_is_served_byte_by_byte_wherever_tiktok_looks() {
    let fixture = Fixture::new();
    let content = "tiktok-developers-site-verification=AbC123\n";
    let put = put_file(&fixture, &json!({ "name": "tiktokAbC123.txt", "content": content })).await;
    assert_eq!(StatusCode::OK, put.status, "{}", put.text);
    let urls = [
        format!("{BASE}/tiktokAbC123.txt"),
        "https://media.slipway.example/tiktokAbC123.txt".to_owned(),
        "https://media.slipway.example/m/tiktokAbC123.txt".to_owned(),
    ];
    assert_eq!(json!(urls), put.body["urls"]);
    let served = fixture.get_as(None, "/tiktokAbC123.txt").await;
    assert_eq!((StatusCode::OK, content), (served.status, served.text.as_str()));
    assert_eq!("text/plain", served.headers[header::CONTENT_TYPE]);
    for key in ["tiktokAbC123.txt", "m/tiktokAbC123.txt"] {
        let object = fixture.objects.object(key).unwrap();
        assert_eq!((content.as_bytes(), "text/plain"), (&object.bytes[..], object.content_type.as_str()));
    }
    assert_eq!(
        json!("tiktokAbC123.txt"),
        app_status(&fixture).await["media"]["verification_files"][0]["name"]
    );
    fixture.get_as(None, "/tiktokOther.txt").await.is_problem(404, "", "route.not_found");

    let bad = put_file(&fixture, &json!({ "name": "../tiktok.txt", "content": "", "more": 1 })).await;
    let expected = [
        ("/more", "field.unknown"),
        ("/name", "verification_file.name"),
        ("/content", "verification_file.content"),
    ];
    let expected = expected.map(|(param, rule)| (param.to_owned(), rule.to_owned())).to_vec();
    assert_eq!((422, expected), bad.problems());
}

#[tokio::test]
async fn events_are_listed_newest_first_and_only_ones_own() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_mins(1));
    let request = fixture.request(Method::DELETE, &format!("/v1/creators/{ada}"));
    fixture.send(request.body(axum::body::Body::empty()).unwrap()).await;
    let events = fixture.get("/v1/events").await;
    let types: Vec<_> = events.body["data"].as_array().unwrap().iter().map(|it| it["type"].clone()).collect();
    assert_eq!(vec![json!("creator.disconnected"), json!("creator.connected")], types);
    let first = &events.body["data"][0];
    assert!(first["id"].as_str().unwrap().starts_with("evt_"));
    assert_eq!(json!(ada.as_str()), first["data"]["creator"]);
    assert_eq!(json!("2026-11-01T12:01:00Z"), first["timestamp"]);
    assert!(first["data"]["remedy"].is_string());
    let page = fixture.get("/v1/events?limit=1").await;
    let next = page.body["next_cursor"].as_str().unwrap();
    let rest = fixture.get(&format!("/v1/events?limit=1&cursor={next}")).await;
    assert_eq!(json!("creator.connected"), rest.body["data"][0]["type"]);
    let theirs = fixture.get_as(Some(&fixture.them), "/v1/events").await;
    assert_eq!(json!([]), theirs.body["data"]);
}
