//! What TikTok's answers show of the app, and whose tokens are used.

use domain::app::Sighting;
use domain::post::{HoldReason, PostState};
use domain::{CreatorId, WorkspaceId};
use rehearsal::{CLIENT_KEY, Stage, done};
use tiktok_sandbox::Endpoint;

use super::rig::{creator_infos, inits, publish};

#[test]
fn what_a_refusal_shows_of_the_app_is_remembered() {
    let shows = [
        (
            Endpoint::VideoInit,
            403,
            "unaudited_client_can_only_post_to_private_accounts",
            Sighting::UnauditedRefused,
        ),
        (Endpoint::VideoInit, 403, "url_ownership_unverified", Sighting::UrlUnverified),
        (Endpoint::CreatorInfo, 403, "reached_active_user_cap", Sighting::ActiveUserCap),
    ];
    for (endpoint, status, code, sighting) in shows {
        let stage = Stage::new();
        let post = stage.accept(1);
        stage.tiktok.refuse(endpoint, status, code);
        publish(&stage, &post);
        let facts = done(ports::AppRows::app(&stage.table, CLIENT_KEY)).unwrap();
        assert_eq!(facts.seen.into_iter().collect::<Vec<_>>(), [(sighting, stage.now())], "{code}");
    }
    let stage = Stage::new();
    let post = stage.accept(1);
    publish(&stage, &post);
    assert!(!stage.script.calls().contains(&"saw"), "a post that is taken costs no write for it");
}

#[test]
fn a_post_is_never_published_with_the_tokens_of_another_workspaces_creator() {
    let stage = Stage::new();
    let post = stage.accept(1);
    // disconnected here, and connected by somebody else
    stage.change_account(|account| {
        account.workspace = WorkspaceId::from_bits(0xbad);
        account.creator = CreatorId::from_bits(0xbad);
    });
    publish(&stage, &post);
    assert_eq!((creator_infos(&stage), inits(&stage)), (0, 0));
    let row = stage.post(&post).row;
    assert!(
        matches!(row.state, PostState::Held { until: None, why: HoldReason::ReconnectRequired, .. }),
        "{row:#?}"
    );
}
