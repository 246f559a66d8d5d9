//! `DELETE /v1/creators/{id}`.

use domain::account::{AccountStatus, Lease};
use domain::creator::CreatorStatus;
use domain::notice::News;
use domain::{CreatorId, Job, Nonce, SignedDuration};
use http::{Method, StatusCode, header};
use ports::fakes::Fault;
use ports::{Accounts as _, Clock as _, Rescue as _};
use serde_json::json;
use tiktok_sandbox::{Endpoint, Outage};

use super::fixture::{Answer, Fixture, Workspace};

async fn disconnect(fixture: &Fixture, who: &Workspace, creator: &CreatorId, query: &str) -> Answer {
    let path = format!("/v1/creators/{creator}{query}");
    let request = http::Request::builder().method(Method::DELETE).uri(path);
    let request = request.header(header::AUTHORIZATION, &who.bearer);
    fixture.send(request.body(axum::body::Body::empty()).unwrap()).await
}

fn outage(fixture: &Fixture, outage: Outage) {
    fixture.tiktok.with(|world, _, _| world.reconfigure(|config| config.outage = outage));
}

#[tokio::test]
async fn tiktok_ends_the_grant_the_tokens_go_and_the_account_is_free() {
    let (fixture, ada) = Fixture::connected().await;
    let before = fixture.table.accounts().remove(0);
    fixture.objects.keep(&before.id, before.tokens.as_ref().unwrap()).await.unwrap();
    let media = fixture.ready_media(1, 10_000);
    fixture.create("k1", &Fixture::post_body(&ada, &media)).await;

    let answer = disconnect(&fixture, &fixture.us, &ada, "").await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    assert_eq!(json!("disconnected"), answer.body["status"]);
    assert_eq!((json!(true), json!(null)), (answer.body["revoked"].clone(), answer.body["remedy"].clone()));
    assert_eq!(json!(1), answer.body["posts"]["waiting"]);
    assert!(answer.body["posts"]["what_happens"].as_str().unwrap().contains("held"));
    assert_eq!(1, fixture.tiktok.calls(Endpoint::Revoke));

    let after = fixture.table.accounts().remove(0);
    assert_eq!((AccountStatus::Disconnected, None), (after.status, after.tokens));
    assert_eq!((before.epoch, &before.limits), (after.epoch, &after.limits), "nothing is reset");
    assert_eq!((None, None), (after.due, after.lease));
    assert_eq!(
        None,
        fixture.objects.kept(&before.id, before.epoch).await.unwrap(),
        "the rescue object is gone"
    );
    assert_eq!(CreatorStatus::Disconnected, fixture.table.creators()[0].status);
    let told = fixture.table.notices();
    assert!(
        told.iter().any(|notice| notice.news == News::Disconnected && notice.creator.as_ref() == Some(&ada)),
        "{told:?}"
    );

    // a second request finds nothing left to do
    let again = disconnect(&fixture, &fixture.us, &ada, "").await;
    assert_eq!(StatusCode::OK, again.status, "{}", again.text);
    assert_eq!(1, fixture.tiktok.calls(Endpoint::Revoke));

    // and another workspace may have it, with the limits and the next generation
    let link = http::Request::post("/v1/connect-links")
        .header(header::AUTHORIZATION, &fixture.them.bearer)
        .header(header::CONTENT_TYPE, "application/json");
    let link = fixture.send(link.body("{}".into()).unwrap()).await;
    let page = fixture.follow(link.body["url"].as_str().unwrap(), "ada", None).await;
    assert_eq!(StatusCode::OK, page.status, "{}", page.text);
    let theirs = fixture.table.accounts().remove(0);
    assert_eq!((before.epoch + 1, &fixture.them.id), (theirs.epoch, &theirs.workspace));
    assert!(theirs.limits.creator_info.millis().len() > before.limits.creator_info.millis().len());
    let ours = fixture.get(&format!("/v1/creators/{ada}")).await;
    assert_eq!(json!("disconnected"), ours.body["status"], "ours stays disconnected");
    let refused = disconnect(&fixture, &fixture.us, &ada, "").await;
    assert_eq!(StatusCode::OK, refused.status);
    assert_eq!(AccountStatus::Connected, fixture.table.accounts().remove(0).status, "theirs stays connected");
}

#[tokio::test]
async fn while_tiktok_does_not_answer_nothing_changes_unless_it_is_forced() {
    let (fixture, ada) = Fixture::connected().await;
    outage(&fixture, Outage::Api);
    let before = fixture.table.accounts();
    let refused = disconnect(&fixture, &fixture.us, &ada, "").await;
    refused.is_problem(503, "", "creator.revoke_failed");
    assert_eq!(before, fixture.table.accounts(), "the lease is back, too");
    let forced = disconnect(&fixture, &fixture.us, &ada, "?force=true").await;
    assert_eq!(StatusCode::OK, forced.status, "{}", forced.text);
    assert_eq!(json!(false), forced.body["revoked"]);
    assert!(forced.body["remedy"].as_str().unwrap().contains("TikTok"));
    assert_eq!(None, fixture.table.accounts().remove(0).tokens);
}

#[tokio::test]
async fn a_token_that_has_ended_is_renewed_first_because_tiktok_wants_a_living_one() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.queues.lose_all();
    fixture.clock.advance(SignedDuration::from_hours(25));
    let answer = disconnect(&fixture, &fixture.us, &ada, "").await;
    answer.is_problem(503, "", "creator.token_stale");
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
    let sent = fixture.queues.waiting();
    assert!(matches!(&sent[..], [sent] if matches!(sent.job, Job::Refresh { epoch: Some(1), .. })));
    assert_eq!(None, fixture.table.accounts().remove(0).lease, "the refresh can have it");
}

#[tokio::test]
async fn a_grant_that_is_dead_already_counts_as_ended() {
    let (fixture, ada) = Fixture::connected().await;
    fixture.tiktok.with(|world, now, _| drop(world.revoke_user("awtests", "ada", 1, now)));
    let answer = disconnect(&fixture, &fixture.us, &ada, "").await;
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    assert_eq!(json!(true), answer.body["revoked"]);
}

#[tokio::test]
async fn while_somebody_refreshes_it_is_asked_again() {
    let (fixture, ada) = Fixture::connected().await;
    let account = fixture.table.accounts().remove(0);
    let now = fixture.clock.now();
    let lease = Lease { nonce: Nonce::from_bits(9), until: now + SignedDuration::from_secs(70) };
    fixture.table.lease(&account.id, &lease, now).await.unwrap();
    let answer = disconnect(&fixture, &fixture.us, &ada, "").await;
    answer.is_problem(503, "", "creator.busy");
    assert_eq!(0, fixture.tiktok.calls(Endpoint::Revoke));
}

#[tokio::test]
async fn a_request_that_stops_half_way_is_finished_by_the_next() {
    for (operation, on_table) in
        [("lease", true), ("forget", false), ("disconnect", true), ("put_creator", true), ("record", true)]
    {
        for fault in [Fault::BeforeEffect, Fault::AfterEffect] {
            let (fixture, ada) = Fixture::connected().await;
            if on_table {
                fixture.table.fail_next(operation, fault, 1);
            } else {
                fixture.objects.fail_next(operation, fault, 1);
            }
            let first = disconnect(&fixture, &fixture.us, &ada, "").await;
            assert_eq!(StatusCode::INTERNAL_SERVER_ERROR, first.status, "{operation} {fault:?}");
            // a lease that nobody gave back runs out
            fixture.clock.advance(SignedDuration::from_secs(60));
            let second = disconnect(&fixture, &fixture.us, &ada, "").await;
            assert_eq!(StatusCode::OK, second.status, "{operation} {fault:?}: {}", second.text);
            let account = fixture.table.accounts().remove(0);
            assert_eq!((AccountStatus::Disconnected, None), (account.status, account.tokens), "{operation}");
            assert_eq!(CreatorStatus::Disconnected, fixture.table.creators()[0].status);
            let told = fixture.table.notices().into_iter().filter(|it| it.news == News::Disconnected);
            assert_eq!(1, told.count(), "{operation} {fault:?}");
        }
    }
}

#[tokio::test]
async fn another_workspaces_creator_is_missing_and_odd_parameters_are_named() {
    let (fixture, ada) = Fixture::connected().await;
    disconnect(&fixture, &fixture.them, &ada, "").await.is_problem(404, "", "creator.not_found");
    let odd = async |query| disconnect(&fixture, &fixture.us, &ada, query).await;
    odd("?force=yes").await.is_problem(422, "/force", "field.type");
    odd("?force=true&fast=1").await.is_problem(422, "/fast", "field.unknown");
    assert_eq!(AccountStatus::Connected, fixture.table.accounts().remove(0).status);
}
