//! Several posts of one media: each attempt has a copy of its own, and what happens to one happens to no other.

use domain::content::Caption;
use domain::media::upload_key;
use domain::{PostId, PostState};
use rehearsal::Stage;

use super::company::Company;

fn slow_downloads() -> Stage {
    Stage::with(|config| {
        config.time = tiktok_sandbox::Time::Auto(tiktok_sandbox::config::AutoTime {
            fetch_ms: 60_000,
            processing_ms: 2_000,
            public_id_ms: 3_000,
        });
    })
}

fn keys(company: &Company, post: &PostId) -> Vec<String> {
    let posts = company.stage.table.posts();
    posts.iter().find(|row| row.row.id == *post).unwrap().row.state.copy_keys()
}

#[test]
fn a_copy_that_is_taken_away_harms_neither_the_upload_nor_the_other_posts_of_it() {
    let stage = slow_downloads();
    let (one, two) = (
        stage.accept(1),
        stage.accept_with(2, |content| {
            content.caption = Caption::of_video("the same video in other words".to_owned()).unwrap();
        }),
    );
    let upload = stage.objects.object(&upload_key(&stage.media())).unwrap();
    let mut company = Company::new(stage);
    company.submit(&one);
    company.submit(&two);
    company.play(20);
    let (of_one, of_two) = (keys(&company, &one), keys(&company, &two));
    assert_eq!((of_one.len(), of_two.len()), (1, 1), "both are being downloaded");
    assert_ne!(of_one, of_two);

    company.stage.objects.remove(&of_one[0]);
    assert_eq!(company.stage.objects.object(&of_two[0]).unwrap().bytes, upload.bytes);
    company.play_to_the_end();
    let posts = company.stage.table.posts();
    for post in &posts {
        assert!(matches!(post.row.state, PostState::Published { .. }), "{:#?}", post.row.timeline);
    }
    // the one whose copy was gone was given another one, of the same upload; the other needed none
    let inits = company.stage.tiktok.calls(tiktok_sandbox::Endpoint::VideoInit);
    assert_eq!(inits.len(), 3);
    assert_eq!(company.stage.tiktok.publications().len(), 2);
    assert_eq!(company.stage.objects.object(&upload_key(&company.stage.media())), Some(upload));
    assert!(company.stage.objects.keys().iter().all(|key| !key.starts_with("m/")), "copies go in the end");
}
