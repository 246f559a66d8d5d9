//! One post or one problem of whatever is dropped, in whatever order it is heard of.

use std::sync::atomic::Ordering;

use domain::PostState;
use domain::media::upload_key;
use lambda_kit::batch::Failure;
use ports::samples;
use rehearsal::video;
use serde_json::json;

use super::rig::{DAY, QUARTER, Rig, codes, event};

/// The one post is made of these bytes, and nothing but its result is told.
fn one_post(rig: &Rig, bytes: &[u8]) {
    let [post] = &rig.posts()[..] else { panic!("{:#?}", rig.posts()) };
    assert!(matches!(post.state, PostState::AwaitingMedia { .. }));
    assert_eq!(rig.stage.objects.object(&upload_key(&post.media)).unwrap().bytes, bytes);
    let [(key, told)] = &rig.told()[..] else { panic!("{:#?}", rig.told()) };
    assert_eq!(key, "ada/harbour.result.json");
    assert_eq!(told["post"]["id"], json!(post.id));
}

#[tokio::test]
async fn the_file_first_then_the_json_make_one_post() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.hears("harbour.mp4").await;
    assert_eq!((rig.posts().len(), rig.told().len(), rig.asked()), (0, 0, 0));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    one_post(&rig, &video("good.mp4"));
    // the message that would have told of a missing JSON finds nothing to tell
    rig.stage.wait(QUARTER);
    assert_eq!(rig.wakes().await, 1);
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn the_json_first_then_the_file_make_one_post() {
    let rig = Rig::new();
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    assert_eq!((rig.posts().len(), rig.told().len()), (0, 0));
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.hears("harbour.mp4").await;
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn doubled_and_reordered_events_make_one_post_and_ask_nothing_more() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    for file in ["harbour.json", "harbour.mp4", "harbour.json", "harbour.json", "harbour.mp4"] {
        rig.hears(file).await;
    }
    one_post(&rig, &video("good.mp4"));
    assert_eq!(rig.asked(), 2, "one request for the media, one for the post");
    rig.stage.wait(2 * DAY);
    rig.wakes().await;
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn two_at_the_same_moment_make_one_post() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    let (one, other) = (rig.event("harbour.mp4"), rig.event("harbour.json"));
    let (one, other) = tokio::join!(rig.handle(&one), rig.handle(&other));
    assert!(one.is_ok() && other.is_ok());
    one_post(&rig, &video("good.mp4"));
    // and one that has seen nothing of what the other has told
    rig.stage.objects.remove(&format!("drop-results/{}/harbour.result.json", rig.creator()));
    rig.hears("harbour.json").await;
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn a_file_that_was_replaced_before_it_was_taken_makes_one_post_of_what_is_there() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", b"not this one");
    rig.hears("harbour.mp4").await;
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    for file in ["harbour.mp4", "harbour.mp4", "harbour.json"] {
        rig.hears(file).await;
    }
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn a_file_that_is_replaced_at_that_very_moment_makes_one_post_of_what_is_there() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", b"not this one");
    rig.drops("harbour.json", &Rig::order(&json!({})));
    let (objects, key) = (rig.stage.objects.clone(), format!("drop/{}/harbour.mp4", rig.creator()));
    let replace = move || drop(objects.drop_object(&key, video("good.mp4")));
    *rig.door.meanwhile.lock().unwrap() = Some(Box::new(replace));
    let first = rig.handle(&rig.event("harbour.json")).await;
    assert!(matches!(first, Err(Failure::Retry(_))));
    assert_eq!((rig.posts().len(), rig.told().len()), (0, 0));
    rig.hears("harbour.json").await;
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn a_json_makes_one_post_however_often_its_file_is_replaced_afterwards() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    rig.stage.wait(60);
    rig.drops("harbour.mp4", b"another video");
    rig.hears("harbour.mp4").await;
    assert_eq!((rig.posts().len(), rig.told().len()), (1, 1));
    rig.stage.wait(QUARTER);
    rig.wakes().await;
    let told = rig.told();
    assert_eq!(
        told.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        ["ada/harbour.problem.json", "ada/harbour.result.json"]
    );
    assert_eq!(codes(&told[0].1), ["drop.json.missing"]);
    // the same words once more, for the other video
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    assert_eq!(rig.posts().len(), 2);
    let [(key, told)] = &rig.told()[..] else { panic!("{:#?}", rig.told()) };
    assert_eq!(key, "ada/harbour.result.json");
    let second = rig.posts().into_iter().find(|post| told["post"]["id"] == json!(post.id)).unwrap();
    let upload = rig.stage.objects.object(&upload_key(&second.media)).unwrap();
    assert_eq!(upload.bytes, b"another video"[..]);
}

#[tokio::test]
async fn the_same_two_files_once_more_are_the_same_post() {
    let rig = Rig::new();
    for _ in 0..2 {
        rig.drops("harbour.mp4", &video("good.mp4"));
        rig.drops("harbour.json", &Rig::order(&json!({})));
        rig.hears("harbour.mp4").await;
        rig.hears("harbour.json").await;
        one_post(&rig, &video("good.mp4"));
        rig.stage.wait(60);
    }
}

#[tokio::test]
async fn a_file_without_json_is_a_problem_after_a_quarter_of_an_hour_and_not_before() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.hears("harbour.mp4").await;
    rig.stage.wait(QUARTER - 1);
    // whatever else makes it look
    rig.hears("harbour.mp4").await;
    assert!(rig.told().is_empty());
    rig.stage.wait(1);
    rig.wakes().await;
    assert_eq!(
        rig.only_problem(),
        ("ada/harbour.problem.json".to_owned(), vec!["drop.json.missing".to_owned()])
    );
    assert_eq!(rig.wakes().await, 0, "it is told, and ends there");
    // better late than never
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    one_post(&rig, &video("good.mp4"));
}

#[tokio::test]
async fn a_json_without_its_file_is_a_problem_after_a_day_and_not_before() {
    let rig = Rig::new();
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    for _ in 0..95 {
        rig.stage.wait(QUARTER);
        assert_eq!(rig.wakes().await, 1);
        assert!(rig.told().is_empty());
    }
    rig.stage.wait(QUARTER);
    rig.wakes().await;
    assert_eq!(rig.only_problem().1, ["drop.media.missing"]);
    assert_eq!(rig.wakes().await, 0);
}

#[tokio::test]
async fn a_bad_json_is_one_problem_at_once_and_a_good_one_afterwards_a_post() {
    let cases: [(&[u8], &[&str]); 8] = [
        (b"{", &["json.malformed"]),
        (b"[]", &["field.type"]),
        (
            br#"{"media":[{"id":"med_1"}],"creator":"crt_1","files":[],"convert":1}"#,
            &["drop.creator", "drop.media.named", "field.type", "drop.files"],
        ),
        (&Rig::order(&json!({ "consent": null })), &["consent.music.required"]),
        (
            &Rig::order(&json!({ "consent": { "music_usage_confirmed": false, "text_version": "2026-08" } })),
            &["consent.music.required"],
        ),
        (&Rig::order(&json!({ "privacy_level": null })), &["field.required"]),
        (&Rig::order(&json!({ "colour": "blue" })), &["field.unknown"]),
        (&vec![b' '; 65_537], &["drop.json.max"]),
    ];
    for (bytes, expected) in cases {
        let rig = Rig::new();
        rig.drops("harbour.mp4", &video("good.mp4"));
        rig.drops("harbour.json", bytes);
        for file in ["harbour.mp4", "harbour.json", "harbour.json"] {
            rig.hears(file).await;
        }
        let (key, found) = rig.only_problem();
        assert_eq!(key, "ada/harbour.problem.json");
        for code in expected {
            assert!(found.iter().any(|it| it == code), "{code} in {found:?}");
        }
        assert!(rig.posts().is_empty());
        rig.stage.wait(1);
        rig.drops("harbour.json", &Rig::order(&json!({})));
        rig.hears("harbour.json").await;
        one_post(&rig, &video("good.mp4"));
    }
}

#[tokio::test]
async fn a_json_that_does_not_say_consent_in_full_makes_no_post_of_branded_content() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    let branded = json!({ "disclosure": { "branded_content": true }, "privacy_level": "PUBLIC_TO_EVERYONE" });
    rig.drops("harbour.json", &Rig::order(&branded));
    rig.hears("harbour.json").await;
    assert_eq!(rig.only_problem().1, ["consent.branded.required"]);
    assert!(rig.posts().is_empty());
}

#[tokio::test]
async fn a_file_that_is_too_large_is_one_problem_and_not_copied() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    let uploads = |rig: &Rig| rig.stage.objects.keys().iter().filter(|key| key.starts_with("up/")).count();
    let before = uploads(&rig);
    rig.folder.shown_size.store(4_000_000_001, Ordering::Relaxed);
    rig.hears("harbour.json").await;
    assert_eq!(rig.only_problem().1, ["video.size.max"]);
    assert_eq!((rig.posts().len(), uploads(&rig)), (0, before));
    rig.folder.shown_size.store(4_000_000_000, Ordering::Relaxed);
    rig.hears("harbour.json").await;
    assert_eq!((rig.posts().len(), uploads(&rig)), (1, before + 1));
}

#[tokio::test]
async fn a_folder_of_nobody_is_one_problem() {
    let rig = Rig::new();
    let nobody = domain::CreatorId::from_bits(0xdead);
    for (file, bytes) in [("harbour.mp4", video("good.mp4")), ("harbour.json", Rig::order(&json!({})))] {
        let key = format!("drop/{nobody}/{file}");
        rig.stage.objects.drop_object(&key, bytes);
        rig.handle(&event(&key)).await.unwrap();
    }
    let (key, codes) = rig.only_problem();
    assert_eq!(
        (key, codes),
        (format!("{nobody}/harbour.problem.json"), vec!["creator.not_found".to_owned()])
    );
    assert!(rig.posts().is_empty());
}

#[tokio::test]
async fn a_drop_belongs_to_the_workspace_of_the_creator_whose_folder_it_lies_in() {
    let rig = Rig::new();
    let theirs = domain::Creator {
        workspace: domain::WorkspaceId::from_bits(0xbeef),
        ..samples::creator(0xc99, rig.stage.now())
    };
    rig.stage.table.insert_creator(theirs.clone());
    rig.stage.objects.drop_object(&format!("drop/{}/harbour.mp4", theirs.id), video("good.mp4"));
    // naming another creator than the folder's is refused, whoever's it is
    let key = format!("drop/{}/harbour.json", theirs.id);
    rig.stage.objects.drop_object(&key, Rig::order(&json!({ "creator": rig.creator() })));
    rig.handle(&event(&key)).await.unwrap();
    assert_eq!(rig.only_problem().1, ["drop.creator"]);
    rig.stage.wait(1);
    rig.stage.objects.drop_object(&key, Rig::order(&json!({ "creator": theirs.id })));
    rig.handle(&event(&key)).await.unwrap();
    let [post] = &rig.posts()[..] else { panic!("{:#?}", rig.posts()) };
    assert_eq!((&post.workspace, &post.creator), (&theirs.workspace, &theirs.id));
    let media = rig.stage.table.all_media().into_iter().find(|it| it.row.id == post.media).unwrap();
    assert_eq!(media.row.workspace, theirs.workspace);
}

#[tokio::test]
async fn who_consented_is_the_json_that_said_so() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    rig.hears("harbour.json").await;
    let post = &rig.posts()[0];
    let content = ports::Posts::content(&rig.stage.table, &post.id, &post.content).await.unwrap().unwrap();
    assert_eq!(content.consent.given_by, format!("drop/{}/harbour.json", rig.creator()));
    assert_eq!(content.consent.given_at, rig.stage.now());
}

#[tokio::test]
async fn two_files_of_one_name_are_one_problem() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.mov", &video("good.mov"));
    rig.drops("harbour.json", &Rig::order(&json!({})));
    for file in ["harbour.mov", "harbour.json", "harbour.mp4"] {
        rig.hears(file).await;
    }
    assert_eq!(rig.only_problem().1, ["drop.media.several"]);
    assert!(rig.posts().is_empty());
}

#[tokio::test]
async fn outcomes_that_are_dropped_back_in_are_one_problem_each_and_never_a_loop() {
    let rig = Rig::new();
    rig.drops("harbour.mp4", &video("good.mp4"));
    rig.drops("harbour.json", b"{");
    rig.hears("harbour.json").await;
    // nothing hears of outcomes, and would it, it would not look at them
    let outcome = format!("drop-results/{}/harbour.problem.json", rig.creator());
    assert!(rig.stage.objects.object(&outcome).is_some());
    rig.handle(&event(&outcome)).await.unwrap();
    let bytes = rig.stage.objects.object(&outcome).unwrap().bytes;
    for file in ["harbour.problem.json", "harbour.result.json"] {
        rig.drops(file, &bytes);
        rig.hears(file).await;
        rig.hears(file).await;
    }
    let told = rig.told();
    let keys: Vec<_> = told.iter().map(|(key, told)| (key.as_str(), codes(told).join(" "))).collect();
    assert_eq!(
        keys,
        [
            ("ada/harbour.problem.json", "json.malformed".to_owned()),
            ("ada/harbour.problem.json.problem.json", "drop.name".to_owned()),
            ("ada/harbour.result.json.problem.json", "drop.name".to_owned()),
        ]
    );
    rig.stage.wait(2 * DAY);
    rig.wakes().await;
    assert_eq!((rig.wakes().await, rig.told().len(), rig.posts().len()), (0, 3, 0));
}

#[tokio::test]
async fn what_was_dropped_and_is_gone_again_is_nothing() {
    let rig = Rig::new();
    rig.hears("harbour.mp4").await;
    rig.hears("harbour.json").await;
    assert_eq!((rig.told().len(), rig.asked(), rig.stage.queues.pop_next()), (0, 0, None));
}
