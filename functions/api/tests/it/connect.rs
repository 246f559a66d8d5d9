use domain::account::{AccountStatus, Lease};
use domain::job::{Job, Release};
use domain::{AccountId, Nonce, SignedDuration};
use http::{Method, StatusCode, header};
use ports::{Accounts as _, Clock as _, Leased};
use serde_json::{Value, json};
use tiktok_sandbox::Endpoint;

use super::fixture::{BASE, Fixture};

async fn link(fixture: &Fixture, body: Value) -> String {
    let link = fixture.post("/v1/connect-links", &body).await;
    assert_eq!(StatusCode::CREATED, link.status, "{}", link.text);
    link.body["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_creator_connects_by_a_link() {
    let fixture = Fixture::new();
    let made = fixture.post("/v1/connect-links", &json!({})).await;
    assert_eq!("2026-11-02T12:00:00Z", made.body["expires_at"]);
    let url = made.body["url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{BASE}/connect/")));
    let opened = fixture.get_as(None, url).await;
    assert_eq!(StatusCode::SEE_OTHER, opened.status);
    let cookie = opened.headers[header::SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Secure", "Max-Age=600"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let consent = opened.headers[header::LOCATION].to_str().unwrap();
    assert!(
        consent.contains("disable_auto_auth=1") && consent.contains("scope=user.info.basic%2Cvideo.publish")
    );
    let back = fixture.consent(consent, "ada", None);
    let page = fixture.come_back(&back, Some(opened.cookie())).await;
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    assert!(page.text.contains("@ada is connected"), "{}", page.text);
    assert!(page.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!("no-referrer", page.headers[header::REFERRER_POLICY]);
    assert!(page.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));

    let account = fixture.table.accounts().remove(0);
    let tokens = account.tokens.clone().unwrap();
    assert_eq!((1, &AccountStatus::Connected, &None), (tokens.epoch, &account.status, &account.lease));
    let due = account.due.unwrap().duration_since(fixture.clock.now());
    assert!(
        (SignedDuration::from_secs(86_400 * 60 / 100)..=SignedDuration::from_secs(86_400 * 75 / 100))
            .contains(&due)
    );
    let creator = fixture.table.creators().remove(0);
    assert_eq!(("ada", "Ada <Lovelace>"), (creator.info.username.as_str(), creator.info.nickname.as_str()));
    assert_eq!(1, fixture.tiktok.calls(Endpoint::CreatorInfo));
    assert_eq!(1, account.limits.creator_info.millis().len(), "the call was reserved");
    let spent = fixture.get_as(None, url).await;
    assert_eq!(StatusCode::NOT_FOUND, spent.status, "a link connects once");
}

#[tokio::test]
async fn a_link_works_for_a_day_and_each_opening_for_ten_minutes() {
    let fixture = Fixture::new();
    let url = link(&fixture, json!({})).await;
    let opened = fixture.get_as(None, &url).await;
    let back = fixture.consent(opened.headers[header::LOCATION].to_str().unwrap(), "ada", None);
    fixture.clock.advance(SignedDuration::from_mins(11));
    let late = fixture.come_back(&back, Some(opened.cookie())).await;
    assert_eq!(StatusCode::BAD_REQUEST, late.status);
    assert_eq!(0, fixture.tiktok.calls(Endpoint::Token));
    assert_eq!(StatusCode::OK, fixture.follow(&url, "ada", None).await.status);
    let other = link(&fixture, json!({})).await;
    fixture.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(StatusCode::NOT_FOUND, fixture.get_as(None, &other).await.status);
    assert_eq!(StatusCode::NOT_FOUND, fixture.get_as(None, "/connect/nonsense").await.status);
}

#[tokio::test]
async fn a_state_is_bound_to_the_browser_and_works_once() {
    let fixture = Fixture::new();
    let url = link(&fixture, json!({})).await;
    for cookie in [None, Some("slipway_connect=aa.bb".to_owned())] {
        let opened = fixture.get_as(None, &url).await;
        let back = fixture.consent(opened.headers[header::LOCATION].to_str().unwrap(), "ada", None);
        let page = fixture.come_back(&back, cookie).await;
        assert_eq!(StatusCode::FORBIDDEN, page.status);
        let again = fixture.come_back(&back, Some(opened.cookie())).await;
        assert_eq!(StatusCode::BAD_REQUEST, again.status, "the state is spent");
    }
    let opened = fixture.get_as(None, &url).await;
    let back = fixture.consent(opened.headers[header::LOCATION].to_str().unwrap(), "ada", None);
    assert_eq!(StatusCode::OK, fixture.come_back(&back, Some(opened.cookie())).await.status);
    let again = fixture.come_back(&back, Some(opened.cookie())).await;
    assert_eq!(StatusCode::BAD_REQUEST, again.status);
    let forged = format!("{BASE}/oauth/tiktok/callback?code=x&state={}", "0".repeat(64));
    assert_eq!(StatusCode::BAD_REQUEST, fixture.come_back(&forged, Some(opened.cookie())).await.status);
    assert_eq!(1, fixture.tiktok.calls(Endpoint::Token));
}

#[tokio::test]
async fn a_person_who_says_no_is_told_apart_from_a_wrong_set_up() {
    let fixture = Fixture::new();
    let url = link(&fixture, json!({})).await;
    let come_back = async |query: &str| {
        let opened = fixture.get_as(None, &url).await;
        let consent = opened.headers[header::LOCATION].to_str().unwrap().to_owned();
        let state = consent.split("state=").nth(1).unwrap().split('&').next().unwrap();
        let back = format!("{BASE}/oauth/tiktok/callback?{query}&state={state}");
        fixture.come_back(&back, Some(opened.cookie())).await
    };
    let no = come_back("error=access_denied&error_description=User+denied").await;
    assert!(no.status == StatusCode::OK && no.text.contains("You did not give your permission"));
    let sandboxed = come_back("error=access_denied&error_type=non_sandbox_target").await;
    assert!(sandboxed.status == StatusCode::BAD_GATEWAY && sandboxed.text.contains("target users"));
    let unknown = come_back("error=unauthorized_client&error_type=%3Cscript%3E").await;
    assert!(unknown.text.contains("&lt;script&gt;") && !unknown.text.contains("<script>"));
    let spent = come_back("code=never-issued").await;
    assert!(
        spent.status == StatusCode::BAD_REQUEST && spent.text.contains("invalid_grant"),
        "{}",
        spent.text
    );
    assert_eq!(StatusCode::BAD_REQUEST, come_back("x=y").await.status);
    assert_eq!(StatusCode::OK, fixture.follow(&url, "ada", None).await.status, "the link still works");
}

#[tokio::test]
async fn permissions_that_were_not_granted_are_named() {
    let fixture = Fixture::new();
    let url = link(&fixture, json!({})).await;
    let page = fixture.follow(&url, "ada", Some(&["user.info.basic"])).await;
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    assert!(page.text.contains("Not granted") && page.text.contains("video.publish"), "{}", page.text);
    assert!(page.text.contains("Ada &lt;Lovelace&gt;"), "{}", page.text);
    assert_eq!(0, fixture.tiktok.calls(Endpoint::CreatorInfo));
    assert_eq!(vec!["user.info.basic"], fixture.table.creators()[0].scopes);
}

#[tokio::test]
async fn connecting_again_keeps_the_creator_and_starts_a_new_epoch() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.clock.advance(SignedDuration::from_hours(1));
    let before = fixture.table.accounts().remove(0);
    let url = link(&fixture, json!({ "creator": ada.as_str() })).await;
    let page = fixture.follow(&url, "grace", None).await;
    assert_eq!(StatusCode::CONFLICT, page.status);
    assert!(page.text.contains("another TikTok account"), "{}", page.text);
    assert_eq!(before, fixture.table.accounts().remove(0));
    let page = fixture.follow(&url, "ada", None).await;
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    let after = fixture.table.accounts().remove(0);
    assert_eq!((before.id, 2), (after.id, after.tokens.unwrap().epoch));
    assert!(after.limits.creator_info.millis().len() > before.limits.creator_info.millis().len());
    let creators = fixture.table.creators();
    assert_eq!((1, &ada), (creators.len(), &creators[0].id));
    assert_eq!(fixture.clock.now() - SignedDuration::from_hours(1), creators[0].created_at);
}

#[tokio::test]
async fn connecting_again_sends_for_the_posts_that_waited_before_and_after_it_is_written() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.queues.lose_all();
    let url = link(&fixture, json!({ "creator": ada.as_str() })).await;
    assert_eq!(StatusCode::OK, fixture.follow(&url, "ada", None).await.status);
    let account = fixture.table.accounts().remove(0);
    let release = Job::Release(Release {
        workspace: account.workspace,
        creator: ada,
        account: account.id,
        cursor: None,
    });
    let sent: Vec<_> =
        fixture.queues.waiting().into_iter().map(|sent| (sent.job, sent.delay.as_secs())).collect();
    assert_eq!(vec![(release.clone(), 30), (release, 0)], sent);
}

#[tokio::test]
async fn nobody_is_connected_again_without_word_to_the_posts_that_wait() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.queues.lose_all();
    let before = fixture.table.accounts();
    let url = link(&fixture, json!({ "creator": ada.as_str() })).await;
    fixture.queues.fail_next("send", ports::fakes::Fault::BeforeEffect, 1);
    let page = fixture.follow(&url, "ada", None).await;
    assert_eq!(StatusCode::INTERNAL_SERVER_ERROR, page.status);
    let after = fixture.table.accounts();
    assert_eq!((&before[0].tokens, before[0].epoch), (&after[0].tokens, after[0].epoch));
}

#[tokio::test]
async fn an_account_that_another_workspace_has_is_left_alone() {
    let (fixture, _) = Fixture::connected().await;
    let before = fixture.table.accounts();
    let request = http::Request::post("/v1/connect-links")
        .header(header::AUTHORIZATION, &fixture.them.bearer)
        .header(header::CONTENT_TYPE, "application/json");
    let made = fixture.send(request.body("{}".into()).unwrap()).await;
    let page = fixture.follow(made.body["url"].as_str().unwrap(), "ada", None).await;
    assert_eq!(StatusCode::CONFLICT, page.status);
    assert!(page.text.contains("creator.connected_elsewhere"));
    assert_eq!(before, fixture.table.accounts(), "the lease is given back");
    assert_eq!(1, fixture.table.creators().len());
}

#[tokio::test]
async fn a_link_may_bear_a_key_and_a_creator_of_ours_only() {
    let (fixture, ada) = Fixture::connected().await;
    let make = async |key: &str, body: Value| {
        let request = fixture
            .request(Method::POST, "/v1/connect-links")
            .header("idempotency-key", key)
            .header(header::CONTENT_TYPE, "application/json");
        fixture.send(request.body(body.to_string().into()).unwrap()).await
    };
    let first = make("k1", json!({})).await;
    fixture.clock.advance(SignedDuration::from_mins(1));
    let again = make("k1", json!({})).await;
    assert_eq!((StatusCode::CREATED, true, &first.text), (again.status, again.replayed(), &again.text));
    make("k1", json!({ "creator": ada.as_str() })).await.is_problem(422, "", "idempotency_key.reused");
    let unknown = json!({ "creator": domain::CreatorId::from_bits(1).as_str(), "x": 1 });
    let answer = fixture.post("/v1/connect-links", &unknown).await;
    assert_eq!(2, answer.problems().1.len());
}

#[tokio::test]
async fn without_a_public_url_the_host_that_was_asked_is_used() {
    let fixture = Fixture::at(None);
    let request = fixture
        .request(Method::POST, "/v1/connect-links")
        .header(header::HOST, "127.0.0.1:4510")
        .header("x-forwarded-proto", "http")
        .header(header::CONTENT_TYPE, "application/json");
    let made = fixture.send(request.body("{}".into()).unwrap()).await;
    let url = made.body["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:4510/connect/"), "{url}");
    let opening = http::Request::get(url).header("x-forwarded-proto", "http");
    let opened = fixture.send(opening.body(axum::body::Body::empty()).unwrap()).await;
    assert!(!opened.headers[header::SET_COOKIE].to_str().unwrap().contains("Secure"));
    let consent = opened.headers[header::LOCATION].to_str().unwrap();
    assert!(
        consent.contains("redirect_uri=http%3A%2F%2F127.0.0.1%3A4510%2Foauth%2Ftiktok%2Fcallback"),
        "{consent}"
    );
}

/// Somebody else refreshes the account's tokens.
async fn lease_held(fixture: &Fixture) -> (AccountId, Nonce) {
    let (id, nonce) = (fixture.table.accounts().remove(0).id, Nonce::from_bits(9));
    let lease = Lease { nonce, until: fixture.clock.now() + SignedDuration::from_secs(70) };
    let leased = fixture.table.lease(&id, &lease, fixture.clock.now()).await.unwrap();
    assert!(matches!(leased, Leased::Won { .. }));
    (id, nonce)
}

#[tokio::test]
async fn a_refresh_at_the_same_moment_is_waited_for() {
    let (fixture, ada) = Fixture::connected().await;
    let url = link(&fixture, json!({ "creator": ada.as_str() })).await;
    let (id, nonce) = lease_held(&fixture).await;
    let done = async {
        fixture.table.release(&id, nonce, None).await.unwrap();
    };
    let (page, ()) = futures::join!(fixture.follow(&url, "ada", None), done);
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    assert_eq!(2, fixture.table.accounts()[0].tokens.as_ref().unwrap().epoch);
}

#[tokio::test]
async fn a_refresh_that_does_not_end_leaves_the_account_and_the_link_as_they_are() {
    let (fixture, ada) = Fixture::connected().await;
    let url = link(&fixture, json!({ "creator": ada.as_str() })).await;
    lease_held(&fixture).await;
    let before = fixture.table.accounts();
    let time_passes = async { fixture.clock.advance(SignedDuration::from_secs(25)) };
    let (page, ()) = futures::join!(fixture.follow(&url, "ada", None), time_passes);
    assert_eq!(StatusCode::SERVICE_UNAVAILABLE, page.status, "{}", page.text);
    assert_eq!(before, fixture.table.accounts());
    assert_eq!(StatusCode::SEE_OTHER, fixture.get_as(None, &url).await.status);
}

#[tokio::test]
async fn a_link_that_was_used_is_not_made_again_by_its_idempotency_key() {
    let fixture = Fixture::new();
    let make = async || {
        let request = fixture
            .request(Method::POST, "/v1/connect-links")
            .header("idempotency-key", "link-1")
            .header(header::CONTENT_TYPE, "application/json");
        fixture.send(request.body("{}".into()).unwrap()).await
    };
    let first = make().await;
    assert_eq!(first.body, make().await.body, "as long as nobody has used it");
    let page = fixture.follow(first.body["url"].as_str().unwrap(), "ada", None).await;
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    make().await.is_problem(409, "", "connect_link.used");
}
