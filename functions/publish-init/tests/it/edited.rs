//! Posts that are edited while messages about them are on their way.

use domain::content::{Caption, ContentHash, PrivacyLevel};
use domain::post::Wish;
use domain::timeline::Actor;
use domain::{Content, PostId};
use ports::{Entropy as _, Posts, Saved};
use rehearsal::{Stage, done};

use super::rig::{deliver, deliver_all, inits, publish, state};

/// What the API does when somebody edits a post.
fn edit(stage: &Stage, post: &PostId, change: impl FnOnce(&mut Content, &mut Wish)) {
    let seen = stage.post(post);
    let row = &seen.row;
    let mut content = done(stage.table.content(&row.id, &row.content)).unwrap().expect("its content");
    let mut wish = Wish {
        content: ContentHash([0xed; 32]),
        kind: row.kind,
        media: row.media.clone(),
        privacy_level: row.privacy_level,
        publish_at: row.publish_at,
        local_time: None,
    };
    change(&mut content, &mut wish);
    content.privacy_level = wish.privacy_level;
    let pinned = row.state.ready().map(|(media, _)| media.clone());
    let after =
        row.edit(wish, pinned, Actor::Person, stage.now(), &stage.periods).expect("no attempt is open");
    let saved = done(Posts::edit(&stage.table, &seen, &after, &content, stage.time.nonce())).unwrap();
    assert!(matches!(saved, Saved::Written(_)), "nobody else writes meanwhile");
}

fn said(text: &str) -> Caption {
    Caption::of_video(text.to_owned()).unwrap()
}

#[test]
fn a_message_that_is_older_than_an_edit_publishes_what_was_edited() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let old = stage.publish_job(&post);
    edit(&stage, &post, |content, wish| {
        content.caption = said("Harbour at seven");
        wish.privacy_level = Some(PrivacyLevel::SelfOnly);
    });
    deliver(&stage, old.clone()).expect("the job is done with");
    stage.wait(10);
    deliver(&stage, old).expect("the job is done with");
    let publications = stage.tiktok.publications();
    let [publication] = publications.as_slice() else { panic!("{publications:#?}") };
    assert_eq!(("Harbour at seven", "SELF_ONLY"), (&publication.title[..], &publication.privacy_level[..]));
}

#[test]
fn an_edit_while_tiktok_is_asked_about_the_creator_keeps_the_claim_from_the_older_words() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move {
        edit(&there, &id, |content, _| content.caption = said("Harbour at seven"));
    });
    publish(&stage, &post);
    assert_eq!(0, inits(&stage), "what was claimed is not there any more");
    deliver_all(&stage);
    stage.wait(10);
    let publications = stage.tiktok.publications();
    let [publication] = publications.as_slice() else { panic!("{publications:#?}") };
    assert_eq!("Harbour at seven", publication.title);
    assert_eq!(1, inits(&stage));
}

#[test]
fn what_is_mended_while_it_is_refused_is_judged_anew() {
    let stage = Stage::new();
    let post = stage.accept_with(1, |content| content.privacy_level = Some(PrivacyLevel::FollowerOfCreator));
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("save", move || async move {
        edit(&there, &id, |_, wish| wish.privacy_level = Some(PrivacyLevel::SelfOnly));
    });
    publish(&stage, &post);
    assert_eq!("queued", state(&stage, &post), "it was refused for what it does not say any more");
    deliver_all(&stage);
    assert_eq!("processing", state(&stage, &post));
    // and one that nobody mends is refused
    let stage = Stage::new();
    let post = stage.accept_with(1, |content| content.privacy_level = Some(PrivacyLevel::FollowerOfCreator));
    publish(&stage, &post);
    assert_eq!("failed", state(&stage, &post));
}

#[test]
fn a_post_that_is_put_off_after_its_message_was_sent_waits_for_the_new_time() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let old = stage.publish_job(&post);
    let later = stage.now() + domain::SignedDuration::from_hours(3);
    edit(&stage, &post, |_, wish| wish.publish_at = Some(later));
    deliver(&stage, old).expect("the job is done with");
    assert_eq!((0, "scheduled"), (inits(&stage), state(&stage, &post)));
    assert_eq!(Some(later), stage.post(&post).row.due);
}
