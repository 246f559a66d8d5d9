//! One invocation, step by step.

use domain::content::{Allow, Caption, Disclosure, PrivacyLevel};
use domain::post::PostState;
use domain::timeline::What;
use domain::{Content, Job, SignedDuration};
use futures::future::join_all;
use lambda_kit::batch::Failure;
use publish_init::Pull;
use rehearsal::{Cue, MEDIA_BASE_URL, Stage, done, run, video};
use serde_json::json;
use tiktok_sandbox::{Endpoint, FaultKind, sha256_hex};

use super::rig::{copies, creator_infos, deliver, deliver_all, function, inits, publish, state};

#[test]
fn a_post_is_published_once_with_exactly_what_its_row_says() {
    let everything: [fn(&mut Content); 3] = [
        |_| {},
        |content| {
            content.caption = Caption::of_video("für euch 🛶 #kanu @ada".to_owned()).unwrap();
            content.privacy_level = Some(PrivacyLevel::SelfOnly);
            content.allow = Allow { comment: false, duet: true, stitch: true };
            content.disclosure = Disclosure { your_brand: true, branded_content: false };
            content.ai_generated = true;
            content.cover_timestamp_ms = None;
        },
        |content| {
            content.caption = Caption::default();
            content.privacy_level = Some(PrivacyLevel::MutualFollowFriends);
            content.allow = Allow::default();
            content.disclosure = Disclosure { your_brand: false, branded_content: true };
        },
    ];
    for change in everything {
        let stage = Stage::new();
        let post = stage.accept_with(1, change);
        publish(&stage, &post);
        stage.wait(10);

        let publications = stage.tiktok.publications();
        let [publication] = publications.as_slice() else { panic!("{publications:#?}") };
        let mut said = ports::samples::content();
        change(&mut said);
        assert_eq!(publication.title, said.caption.as_str());
        assert_eq!(publication.privacy_level, said.privacy_level.unwrap().as_str());
        assert_eq!(publication.visibility, said.privacy_level.unwrap().as_str());
        assert_eq!(publication.asked["disable_comment"], json!(!said.allow.comment));
        assert_eq!(publication.asked["disable_duet"], json!(!said.allow.duet));
        assert_eq!(publication.asked["disable_stitch"], json!(!said.allow.stitch));
        assert_eq!(publication.brand_organic_toggle, said.disclosure.your_brand);
        assert_eq!(publication.brand_content_toggle, said.disclosure.branded_content);
        assert_eq!(publication.is_aigc, said.ai_generated);
        assert_eq!(
            publication.asked.get("video_cover_timestamp_ms"),
            said.cover_timestamp_ms.map(|at| json!(at)).as_ref()
        );
        assert_eq!(publication.sha256, sha256_hex(&video("good.mp4")));
        assert_eq!(publication.breaches, Vec::<String>::new());
        assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));
    }
}

#[test]
fn the_steps_come_in_the_order_of_the_protocol() {
    let stage = Stage::new();
    let post = stage.accept(1);
    publish(&stage, &post);
    assert_eq!(
        stage.script.calls(),
        [
            "work",
            "open",
            "save_limits",
            "creator_info",
            "copy_for_attempt",
            "save",
            "video_init",
            "save",
            "remember"
        ]
    );
    let row = stage.post(&post).row;
    let PostState::Processing { publish_id, .. } = &row.state else { panic!("{row:#?}") };
    assert_eq!(stage.table.publish_ids().get(publish_id), Some(&post));
    assert_eq!(row.timeline.entries().last().unwrap().what, What::InitAccepted);
}

#[test]
fn a_check_that_is_near_is_a_delayed_message() {
    let mut stage = Stage::new();
    stage.periods.poll_ladder = [35, 20].map(SignedDuration::from_secs).to_vec();
    let post = stage.accept(1);
    publish(&stage, &post);
    assert_eq!(stage.waiting(), [(Job::Check(stage.check_job(&post)), 35)]);
}

#[test]
fn tiktok_is_shown_a_key_of_the_attempts_own_and_never_the_upload() {
    for base in [Some(MEDIA_BASE_URL.to_owned()), None] {
        let stage = Stage::new();
        let post = stage.accept(1);
        let mut function = function(&stage);
        function.pull = Pull { media_base_url: base.clone(), presign: SignedDuration::from_secs(7_200) };
        done(function.publish(stage.publish_job(&post), stage.deadline(30))).unwrap();

        let call = stage.tiktok.calls(Endpoint::VideoInit).remove(0);
        let url = call.request["source_info"]["video_url"].as_str().unwrap();
        let key = stage.post(&post).row.state.copy_keys().remove(0);
        let host = base.as_deref().unwrap_or("https://bucket.invalid");
        assert!(url.starts_with(&format!("{host}/{key}")), "{url}");
        assert!(!url.contains("med_"), "{url}");
        stage.wait(10);
        assert_eq!(stage.tiktok.publications().len(), 1);
    }
}

#[test]
fn a_second_delivery_inside_the_first_ones_init_touches_nothing() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let (there, id) = (stage.clone(), post.clone());
    stage.script.before("video_init", move || async move {
        let (row, account) = (there.post(&id), there.account());
        let second = function(&there);
        second.publish(there.publish_job(&id), there.deadline(30)).await.unwrap();
        assert_eq!(there.post(&id), row);
        assert_eq!(there.account(), account);
        assert_eq!(there.waiting(), [(Job::Check(there.check_job(&id)), 41)]);
    });
    publish(&stage, &post);
    stage.wait(10);
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));
    assert_eq!(state(&stage, &post), "processing");
    assert_eq!(stage.tiktok.publications().len(), 1);
}

#[test]
fn deliveries_side_by_side_make_one_init() {
    let stage = Stage::new();
    stage.script.take_turns();
    let post = stage.accept(1);
    let function = function(&stage);
    let side_by_side = (0..5).map(|_| function.publish(stage.publish_job(&post), stage.deadline(30)));
    for delivered in run(join_all(side_by_side)).unwrap() {
        delivered.unwrap();
    }
    deliver_all(&stage);
    assert_eq!(stage.tiktok.accepted(), 1);
    assert_eq!(inits(&stage), 1);
    assert_eq!(copies(&stage), stage.post(&post).row.state.copy_keys()[..], "no other copy stays");
}

#[test]
fn a_delivery_of_a_post_that_is_further_on_does_nothing() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let job = stage.publish_job(&post);
    publish(&stage, &post);
    for _ in 0..3 {
        stage.wait(3_600);
        let row = stage.post(&post);
        deliver(&stage, job.clone()).unwrap();
        assert_eq!(stage.post(&post), row);
    }
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 1));
}

#[test]
fn a_claim_whose_answer_was_lost_is_our_own_claim() {
    for cue in Cue::FAILURES {
        let stage = Stage::new();
        let post = stage.accept(1);
        stage.script.next("save", cue);
        publish(&stage, &post);
        assert_eq!(state(&stage, &post), "processing");
        assert_eq!(inits(&stage), 1);
    }
}

#[test]
fn a_publish_id_is_stored_although_the_table_failed_for_a_moment() {
    for cue in Cue::FAILURES {
        let stage = Stage::new();
        let post = stage.accept(1);
        let claimed = 5;
        stage.script.at(claimed + 2, cue);
        publish(&stage, &post);
        assert_eq!(state(&stage, &post), "processing");
        assert_eq!(stage.script.calls()[claimed + 2], "save");
        assert_eq!(inits(&stage), 1);
    }
}

#[test]
fn a_claim_that_took_too_long_is_given_back_and_nothing_is_sent() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let clock = stage.clock.clone();
    stage.script.before("save", move || async move { clock.advance(SignedDuration::from_secs(21)) });
    publish(&stage, &post);
    assert_eq!(inits(&stage), 0);
    assert_eq!(state(&stage, &post), "queued");
    assert!(copies(&stage).is_empty());
    deliver_all(&stage);
    assert_eq!(inits(&stage), 1);
    assert_eq!(state(&stage, &post), "processing");
}

#[test]
fn an_answer_of_creator_info_that_is_a_minute_old_is_asked_for_again() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.tiktok.inject(Endpoint::CreatorInfo, FaultKind::Delayed { ms: 61_000 });
    done(function(&stage).publish(stage.publish_job(&post), stage.deadline(120))).unwrap();
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 0));
    assert!(copies(&stage).is_empty());
    deliver_all(&stage);
    assert_eq!((creator_infos(&stage), inits(&stage)), (2, 1));
}

#[test]
fn nothing_is_claimed_when_too_little_of_the_invocation_is_left() {
    let stage = Stage::new();
    let post = stage.accept(1);
    stage.tiktok.inject(Endpoint::CreatorInfo, FaultKind::Delayed { ms: 20_000 });
    publish(&stage, &post);
    assert_eq!((creator_infos(&stage), inits(&stage)), (1, 0));
    assert_eq!(state(&stage, &post), "queued");
    deliver_all(&stage);
    assert_eq!(inits(&stage), 1);
}

#[test]
fn a_message_without_its_row_is_done_with_and_one_without_its_content_ends_as_a_dead_letter() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let job = stage.publish_job(&post);
    let nobody = domain::PostId::from_bits(99);
    deliver(&stage, domain::job::Publish { post: nobody, ..job.clone() }).unwrap();

    let seen = stage.post(&post);
    let bare = domain::Post { content: domain::content::ContentHash([0xee; 32]), ..seen.row.clone() };
    done(ports::Posts::save(&stage.table, &seen, &bare, None, ports::Entropy::nonce(&stage.time))).unwrap();
    // whatever the message says: it may be older than an edit
    for content in [job.content, bare.content] {
        let lacking = deliver(&stage, domain::job::Publish { content, ..job.clone() });
        assert!(matches!(lacking, Err(Failure::GiveUp(_))));
    }
    assert_eq!(creator_infos(&stage), 0);
}

#[test]
fn a_row_and_a_content_that_disagree_on_privacy_are_never_sent() {
    let stage = Stage::new();
    let post = stage.accept(1);
    let mut row = stage.post(&post).row;
    row.privacy_level = Some(PrivacyLevel::SelfOnly);
    stage.table.insert_post(row, ports::samples::content());
    let delivered = deliver(&stage, stage.publish_job(&post));
    assert!(matches!(delivered, Err(Failure::GiveUp(_))));
    assert_eq!((creator_infos(&stage), inits(&stage)), (0, 0));
}
