//! Many posts of one creator.

use rehearsal::{Cue, Stage};
use tiktok_sandbox::Endpoint;

use super::company::Company;

fn busy(count: u128) -> Company {
    let stage = Stage::with(|config| {
        config.accounts.get_mut("ada").unwrap().daily_cap = 1_000;
        config.limits.user_info = 1_000;
    });
    let company = Company::new(stage);
    for bits in 1..=count {
        let post = company.stage.accept(bits);
        company.submit(&post);
    }
    company
}

#[test]
fn a_hundred_posts_at_once_go_out_at_tiktoks_pace_with_two_deliveries_each() {
    let mut company = busy(100);
    company.play(20 * 60);
    let stage = &company.stage;
    assert_eq!(stage.tiktok.accepted(), 100);
    assert_eq!(stage.tiktok.calls(Endpoint::VideoInit).len(), 100);
    assert!(!stage.tiktok.any_limit_broken());
    assert!(company.published <= 210, "{} deliveries", company.published);
    company.play(3_600);
    let open: Vec<_> = company
        .stage
        .table
        .posts()
        .iter()
        .map(|post| post.row.state.name())
        .filter(|name| *name != "published")
        .collect();
    assert_eq!(open, Vec::<&str>::new());
    assert_eq!(company.dead_letters, []);
}

#[test]
fn an_unconfirmed_post_holds_the_others_until_its_deadline_and_not_longer() {
    let mut company = busy(3);
    company.stage.script.next("video_init", Cue::FailAfter);
    company.play(4_400);
    assert_eq!(company.stage.tiktok.accepted(), 1);
    let states = |company: &Company| {
        company.stage.table.posts().iter().map(|post| post.row.state.name()).collect::<Vec<_>>()
    };
    assert_eq!(states(&company), ["unconfirmed", "held", "held"]);
    company.play(3_600);
    assert_eq!(states(&company), ["unconfirmed", "published", "published"]);
    assert_eq!(company.stage.tiktok.accepted(), 3);
    assert_eq!(company.stage.tiktok.calls(Endpoint::VideoInit).len(), 3);
}
