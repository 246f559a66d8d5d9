//! Days in virtual time: posts and tokens together.

use domain::SignedDuration;
use rehearsal::{Cue, Stage};
use tiktok_sandbox::Endpoint;

use super::company::Company;

#[test]
fn for_three_days_a_post_every_three_hours_is_published_without_anyones_help() {
    let mut company = Company::new(Stage::with(|config| config.tokens.refresh_kills_access_token = true));
    for number in 0..24 {
        let post = company.stage.accept(number + 1);
        company.submit(&post);
        company.play(3 * 3_600);
        assert_eq!(company.stage.post(&post).row.state.name(), "published", "post {number}");
    }
    let stage = &company.stage;
    assert_eq!(stage.tiktok.publications().len(), 24);
    for endpoint in [Endpoint::CreatorInfo, Endpoint::VideoInit, Endpoint::StatusFetch] {
        let refused: Vec<_> =
            stage.tiktok.calls(endpoint).into_iter().filter(|call| call.code != "ok").collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }
    let refreshes = stage.tiktok.calls(Endpoint::Token).len();
    assert!((4..=5).contains(&refreshes), "{refreshes}");
    assert_eq!(company.dead_letters, []);
}

#[test]
fn a_token_that_ends_in_mid_flight_is_refreshed_and_each_post_has_one_init() {
    for moment in ["creator_info", "video_init", "status_fetch"] {
        let mut company = Company::new(Stage::new());
        let there = company.stage.clone();
        company.stage.script.before(moment, move || async move {
            let now = there.clock.clone();
            let now = ports::Clock::now(&now).as_millisecond();
            there.tiktok.with(|world| world.expire_access_tokens("ada", now));
        });
        let post = company.stage.accept(1);
        company.submit(&post);
        company.play(900);
        let stage = &company.stage;
        assert_eq!(stage.post(&post).row.state.name(), "published", "`{moment}`");
        assert_eq!(stage.tiktok.accepted(), 1);
        let refused = usize::from(moment == "video_init");
        assert_eq!(stage.tiktok.calls(Endpoint::VideoInit).len(), 1 + refused, "`{moment}`");
        assert_eq!(stage.tiktok.calls(Endpoint::Token).len(), 1, "`{moment}`: one refresh");
    }
}

#[test]
fn an_outage_of_tiktok_for_an_hour_costs_an_hour_and_a_handful_of_calls() {
    let mut company = Company::new(Stage::with(|config| config.outage = tiktok_sandbox::Outage::Api));
    let post = company.stage.accept(1);
    company.submit(&post);
    company.play(3_600);
    let asked = company.stage.tiktok.calls(Endpoint::CreatorInfo).len();
    assert!((10..40).contains(&asked), "{asked}");
    let change = |config: &mut tiktok_sandbox::Config| config.outage = tiktok_sandbox::Outage::None;
    company.stage.tiktok.with(|world| world.reconfigure(change));
    company.play(900);
    assert_eq!(company.stage.post(&post).row.state.name(), "published");
    assert_eq!(company.stage.tiktok.calls(Endpoint::VideoInit).len(), 1);
}

#[test]
fn a_video_that_tiktok_could_not_pull_is_given_three_more_attempts() {
    let mut company = Company::new(Stage::new());
    let post = company.stage.accept(1);
    company.submit(&post);
    company.play(0);
    // the copy goes before TikTok comes for it, twice
    for _ in 0..2 {
        let key = company.stage.post(&post).row.state.copy_keys().pop();
        if let Some(key) = key {
            company.stage.objects.remove(&key);
        }
        company.play(120 + 90);
    }
    company.play(3_600);
    let stage = &company.stage;
    assert_eq!(stage.post(&post).row.state.name(), "published");
    assert_eq!(stage.tiktok.publications().len(), 1);
    let keys: std::collections::BTreeSet<_> = stage
        .tiktok
        .calls(Endpoint::VideoInit)
        .iter()
        .map(|call| call.request["source_info"]["video_url"].to_string())
        .collect();
    assert_eq!(keys.len(), stage.tiktok.calls(Endpoint::VideoInit).len(), "no key is shown twice");
}

#[test]
fn a_lost_refresh_message_costs_minutes() {
    let mut company = Company::new(Stage::new());
    let now = company.stage.now().as_millisecond();
    company.stage.tiktok.with(|world| world.expire_access_tokens("ada", now));
    let post = company.stage.accept(1);
    company.submit(&post);
    company.stage.script.next("lease", Cue::CrashBefore);
    company.play(1);
    company.stage.queues.lose_all();
    company.play(SignedDuration::from_mins(15).as_secs());
    assert_eq!(company.stage.post(&post).row.state.name(), "published");
}
