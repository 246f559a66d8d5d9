//! Drafts: into the creator's inbox, and out of it by the creator's hand.

use serde_json::json;
use tiktok_sandbox::{Endpoint, Finished, Request, What, WrongStep};

use crate::rig::{DAY, HOUR, KEY, MINUTE, Rig, media};

fn finished(title: &str, privacy_level: &str) -> Finished {
    Finished { title: Some(title.into()), privacy_level: privacy_level.into(), ..Finished::default() }
}

fn finish(rig: &mut Rig, draft: &str, finished: &Finished) -> Result<(), WrongStep> {
    let effects = rig.world.finish_draft(draft, finished, rig.now, &mut rig.rng)?;
    rig.effects.extend(effects);
    Ok(())
}

fn events(rig: &Rig) -> Vec<String> {
    rig.webhooks().into_iter().map(|(event, _)| event).collect()
}

#[test]
fn a_draft_is_delivered_and_its_creator_posts_it() {
    let mut rig = Rig::strict();
    let draft = rig.init_draft(|_| {}).publish_id();
    let number = draft.strip_prefix("v_inbox_url~v2.").unwrap();
    assert!(number.len() == 19 && number.parse::<u64>().is_ok(), "{draft}");
    assert_eq!(rig.status(&draft).data(), &json!({ "status": "PROCESSING_DOWNLOAD", "downloaded_bytes": 0 }));
    rig.serve();
    rig.wait(2_000);
    let bytes = media("good.mp4").len();
    let delivered = json!({ "status": "SEND_TO_USER_INBOX", "downloaded_bytes": bytes });
    assert_eq!(rig.status(&draft).data(), &delivered);
    let content = json!({ "publish_id": draft, "publish_type": "INBOX_SHARE" });
    assert_eq!(rig.webhooks(), [("post.publish.inbox_delivered".to_owned(), content)]);
    assert!(
        rig.world.log().iter().any(
            |entry| matches!(&entry.what, What::InboxDelivered { publish_id, .. } if *publish_id == draft)
        )
    );

    rig.wait(HOUR);
    assert_eq!(rig.status(&draft).data(), &delivered, "it waits for a human");
    assert_eq!(rig.world.next_due(), None);
    assert_eq!(rig.world.publications().count(), 0);
    assert!(rig.world.advance(&draft, rig.now).is_err(), "and for nobody else");

    finish(&mut rig, &draft, &finished("at last", "PUBLIC_TO_EVERYONE")).unwrap();
    assert_eq!(rig.status(&draft).data()["publicaly_available_post_id"], json!([]));
    rig.wait(3_000);
    let done = rig.status(&draft);
    assert_eq!(done.data()["status"], "PUBLISH_COMPLETE");
    let id = done.data()["publicaly_available_post_id"][0].clone();
    let last = rig.webhooks().pop().unwrap();
    assert_eq!(last.0, "post.publish.publicly_available");
    assert_eq!(last.1["publish_type"], "INBOX_SHARE");
    assert_eq!(
        events(&rig),
        ["post.publish.inbox_delivered", "post.publish.complete", "post.publish.publicly_available"]
    );
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(
        (publication.title.as_str(), publication.visibility.as_str()),
        ("at last", "PUBLIC_TO_EVERYONE")
    );
    assert_eq!(publication.sha256, tiktok_sandbox::sha256_hex(&media("good.mp4")));
    let listed = rig.list("id,video_description", &json!({})).data()["videos"].clone();
    assert_eq!(listed, json!([{ "id": id.to_string(), "video_description": "at last" }]));
}

#[test]
fn a_draft_that_is_uploaded_is_delivered_too() {
    let mut rig = Rig::strict();
    let film = media("good.mp4");
    let answer = rig.init_draft(|body| {
        body["source_info"] = json!({
            "source": "FILE_UPLOAD",
            "video_size": film.len(),
            "chunk_size": film.len(),
            "total_chunk_count": 1,
        });
    });
    let draft = answer.publish_id();
    assert!(draft.starts_with("v_inbox_file~v2."), "{draft}");
    let url: url::Url = answer.data()["upload_url"].as_str().unwrap().parse().unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap());
    let put = Request { method: "PUT".parse().unwrap(), body: film.clone().into(), ..Request::get(&target) }
        .header("content-type", "video/mp4")
        .header("content-length", &film.len().to_string())
        .header("content-range", &format!("bytes 0-{}/{}", film.len() - 1, film.len()));
    assert_eq!(rig.send(&put).status, 201);
    rig.wait(MINUTE);
    let status = rig.status(&draft);
    assert_eq!(status.data(), &json!({ "status": "SEND_TO_USER_INBOX", "uploaded_bytes": film.len() }));
}

#[test]
fn a_draft_that_cannot_be_played_fails() {
    let mut rig = Rig::strict();
    rig.bytes = media("two-seconds.mp4");
    let draft = rig.draft();
    assert_eq!(rig.status(&draft).data()["fail_reason"], "duration_check_failed");
    let (event, content) = rig.webhooks().pop().unwrap();
    assert_eq!((event.as_str(), &content["publish_type"]), ("post.publish.failed", &json!("INBOX_SHARE")));
    assert!(finish(&mut rig, &draft, &Finished::default()).is_err());
}

#[test]
fn a_draft_that_failed_is_not_pending() {
    let mut rig = Rig::with(|config| config.inbox.pending_cap = 1);
    rig.init_draft(|_| {});
    assert_eq!(rig.init_draft(|_| {}).code(), "spam_risk_too_many_pending_share");
    rig.wait(HOUR);
    assert_eq!(rig.init_draft(|_| {}).code(), "ok", "the download took too long");
}

#[test]
fn a_download_of_a_draft_can_be_cancelled() {
    let mut rig = Rig::strict();
    let draft = rig.init_draft(|_| {}).publish_id();
    assert_eq!(rig.cancel(&draft).code(), "ok");
    rig.finish(&draft);
    assert_eq!(rig.status(&draft).data()["fail_reason"], "publish_cancelled");
    let delivered = rig.draft();
    assert_eq!(rig.cancel(&delivered).code(), "publish_not_cancellable");
}

#[test]
fn a_private_draft_never_gets_an_id() {
    let mut rig = Rig::strict();
    let draft = rig.draft();
    finish(&mut rig, &draft, &finished("", "SELF_ONLY")).unwrap();
    rig.wait(HOUR);
    let done = rig.status(&draft);
    assert_eq!(done.data()["status"], "PUBLISH_COMPLETE");
    assert_eq!(done.data()["publicaly_available_post_id"], json!([]));
}

#[test]
fn a_draft_may_be_posted_more_than_once() {
    let mut rig = Rig::strict();
    let draft = rig.draft();
    finish(&mut rig, &draft, &finished("one", "PUBLIC_TO_EVERYONE")).unwrap();
    rig.wait(MINUTE);
    finish(&mut rig, &draft, &finished("two", "PUBLIC_TO_EVERYONE")).unwrap();
    finish(&mut rig, &draft, &finished("three", "SELF_ONLY")).unwrap();
    let ids = rig.status(&draft).data()["publicaly_available_post_id"].clone();
    assert_eq!(ids.as_array().unwrap().len(), 2);
    let complete = events(&rig).iter().filter(|event| *event == "post.publish.complete").count();
    assert_eq!((complete, rig.world.publications().count()), (3, 3));
    let videos = rig.list("id", &json!({})).data()["videos"].clone();
    assert_eq!(videos, json!([{ "id": ids[1].to_string() }, { "id": ids[0].to_string() }]));
    let direct = rig.init(|_| {}).publish_id();
    rig.finish(&direct);
    assert!(finish(&mut rig, &direct, &Finished::default()).is_err(), "a post is no draft");
}

#[test]
fn a_discarded_draft_stays_as_it_is() {
    let mut rig = Rig::strict();
    let draft = rig.draft();
    let before = events(&rig);
    rig.world.discard_draft(&draft, rig.now).unwrap();
    rig.wait(HOUR);
    assert_eq!(rig.status(&draft).data()["status"], "SEND_TO_USER_INBOX");
    assert_eq!(events(&rig), before);
    assert!(rig.world.discard_draft(&draft, rig.now).is_err());
    assert!(finish(&mut rig, &draft, &Finished::default()).is_err());
}

#[test]
fn a_draft_in_the_inbox_survives_the_end_of_the_authorization() {
    let mut rig = Rig::strict();
    let (delivered, under_way) = (rig.draft(), rig.init_draft(|_| {}).publish_id());
    rig.world.revoke_user(KEY, "ada", 1, rig.now);
    rig.ada = rig.access_token("ada", &["video.upload"]);
    assert_eq!(rig.status(&delivered).data()["status"], "SEND_TO_USER_INBOX");
    assert_eq!(rig.status(&under_way).data()["fail_reason"], "auth_removed");
}

#[test]
fn drafts_know_no_audit_and_no_cap_of_creators() {
    let mut rig = Rig::with(|config| config.limits.unaudited_posting_creators = 1);
    rig.change_app(|app| app.audited = false);
    assert_eq!(rig.init_private().code(), "ok");
    assert_eq!(rig.init(|_| {}).code(), "reached_active_user_cap");
    assert_eq!(rig.init_draft(|_| {}).code(), "ok");
    rig.change_app(|app| app.audited = true);
    rig.change_app(|app| app.active_user_cap = 2);
    assert_eq!(rig.init(|_| {}).code(), "ok", "the draft did not make ada count");
}

#[test]
fn drafts_and_posts_may_have_rates_of_their_own_by_switch() {
    let mut rig = Rig::with(|config| config.limits.inits_share = false);
    for _ in 0..7 {
        rig.init(|_| {});
    }
    assert_eq!(rig.init(|_| {}).code(), "rate_limit_exceeded");
    assert_eq!(rig.init_draft(|_| {}).code(), "ok");
    assert_eq!(rig.world.calls(Endpoint::InboxInit).count(), 1);
}

#[test]
fn what_frees_a_place_in_the_inbox_is_a_switch() {
    let mut rig = Rig::with(|config| {
        config.inbox.pending_cap = 1;
        config.inbox.pending_ms = None;
    });
    let draft = rig.draft();
    rig.wait(7 * DAY);
    rig.ada = rig.access_token("ada", &["video.upload"]);
    assert_eq!(rig.init_draft(|_| {}).code(), "spam_risk_too_many_pending_share", "waiting frees nothing");
    finish(&mut rig, &draft, &Finished::default()).unwrap();
    let second = rig.draft();
    rig.change(|config| {
        config.inbox.pending_ms = Some(DAY);
        config.inbox.creator_frees_places = false;
    });
    finish(&mut rig, &second, &Finished::default()).unwrap();
    assert_eq!(rig.init_draft(|_| {}).code(), "spam_risk_too_many_pending_share", "finishing frees nothing");
    rig.wait(DAY);
    rig.ada = rig.access_token("ada", &["video.upload"]);
    assert_eq!(rig.init_draft(|_| {}).code(), "ok");
}
