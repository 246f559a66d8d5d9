//! An access token that ends in the middle of a post's way, told by TikTok's own log.

use rehearsal::Stage;
use tiktok_sandbox::{Call, Endpoint, Rotation, What};

use super::company::Company;

const MODES: [Rotation; 4] = [
    Rotation::RotateOldDies,
    Rotation::OldValidUntilNewUsed,
    Rotation::FamilyRevokedOnReuse,
    Rotation::NoRotation,
];

/// A post whose creator's access token ends right before this call of ours reaches TikTok.
fn post_with_the_token_ending_at(moment: &'static str, rotation: Rotation) -> Company {
    let mut company = Company::new(Stage::with(|config| config.tokens.rotation = rotation));
    let there = company.stage.clone();
    company.stage.script.before(moment, move || async move {
        let now = there.now().as_millisecond();
        there.tiktok.with(|world| world.expire_access_tokens("ada", now));
    });
    let post = company.stage.accept(1);
    company.submit(&post);
    company.play(3_600);
    assert_eq!(company.stage.post(&post).row.state.name(), "published", "{rotation:?}");
    assert_eq!(company.dead_letters, [], "{rotation:?}");
    company
}

/// The calls of publishing and of the token endpoint, and the publications, in TikTok's order.
fn story(stage: &Stage) -> Vec<String> {
    stage.tiktok.with(|world| {
        let told = world.log().iter().filter_map(|entry| match &entry.what {
            What::Call(call) => Some(format!("{} {} {}", call.endpoint, call.status, call.code)),
            What::Publication(publication) => Some(format!("published as {}", publication.privacy_level)),
            _ => None,
        });
        told.collect()
    })
}

fn calls(stage: &Stage, endpoint: Endpoint) -> Vec<Call> {
    stage.tiktok.calls(endpoint)
}

#[test]
fn a_token_that_ends_between_creator_info_and_init_costs_one_refused_init_one_refresh_and_a_fresh_creator_info()
 {
    for rotation in MODES {
        let company = post_with_the_token_ending_at("video_init", rotation);
        let stage = &company.stage;
        let told = story(stage);
        assert_eq!(
            told[..5],
            [
                "creator_info 200 ok",
                "video_init 401 access_token_invalid",
                "token 200 ok",
                "creator_info 200 ok",
                "video_init 200 ok",
            ],
            "{rotation:?}: {told:#?}"
        );
        assert!(
            told[5..].iter().all(|line| line.starts_with("status_fetch 200 ok") || line.starts_with("pub"))
        );
        assert_eq!(told.iter().filter(|line| *line == "published as PUBLIC_TO_EVERYONE").count(), 1);
        assert_eq!((stage.tiktok.accepted(), stage.tiktok.publications().len()), (1, 1), "{rotation:?}");

        // each init goes by the token, and so by the answer, of the creator_info right before it
        let (infos, inits) = (calls(stage, Endpoint::CreatorInfo), calls(stage, Endpoint::VideoInit));
        assert_eq!((infos.len(), inits.len()), (2, 2));
        for (info, init) in infos.iter().zip(&inits) {
            assert!(info.token.is_some() && info.token == init.token, "{rotation:?}");
        }
        assert_ne!(inits[0].token, inits[1].token, "{rotation:?}");
        assert_eq!(inits[0].request["post_info"], inits[1].request["post_info"], "{rotation:?}");
        let url = |init: &Call| init.request["source_info"]["video_url"].to_string();
        assert_ne!(url(&inits[0]), url(&inits[1]), "{rotation:?}: a key is shown once");
    }
}

#[test]
fn a_token_that_ends_while_the_post_is_asked_about_costs_one_refresh_and_no_init() {
    for rotation in MODES {
        let company = post_with_the_token_ending_at("status_fetch", rotation);
        let stage = &company.stage;
        let told = story(stage);
        let count = |line: &str| told.iter().filter(|told| *told == line).count();
        assert_eq!(told[..2], ["creator_info 200 ok", "video_init 200 ok"], "{rotation:?}: {told:#?}");
        assert_eq!(calls(stage, Endpoint::CreatorInfo).len(), 1, "{rotation:?}");
        assert_eq!(calls(stage, Endpoint::VideoInit).len(), 1, "{rotation:?}: no further init");
        assert_eq!(count("status_fetch 401 access_token_invalid"), 1, "{rotation:?}: {told:#?}");
        assert_eq!(calls(stage, Endpoint::Token).len(), 1, "{rotation:?}");
        let refused = told.iter().position(|line| line.contains("401")).unwrap();
        assert_eq!(
            told[refused + 1..][..2],
            ["token 200 ok", "status_fetch 200 ok"],
            "{rotation:?}: {told:#?}"
        );
        assert_eq!((stage.tiktok.accepted(), stage.tiktok.publications().len()), (1, 1), "{rotation:?}");
    }
}
