//! Photos that belong together lie in a folder, and the JSON beside it names them.

use domain::media::{Container, upload_key};
use serde_json::{Value, json};

use super::rig::{DAY, QUARTER, Rig};

fn carousel(files: &Value) -> Vec<u8> {
    let photos = json!({
        "kind": "photo", "files": files, "title": "Harbour", "description": "At six",
        "cover_index": 1, "caption": null,
    });
    Rig::order(&photos)
}

#[tokio::test]
async fn photos_wait_for_each_other_and_keep_their_order() {
    let rig = Rig::new();
    rig.drops("harbour.json", &carousel(&json!(["2.jpg", "1.webp"])));
    rig.hears("harbour.json").await;
    rig.drops("harbour/1.webp", b"the second");
    rig.hears("harbour/1.webp").await;
    assert_eq!((rig.posts().len(), rig.told().len()), (0, 0));
    // what is not named is not looked at
    rig.drops("harbour/3.jpg", b"left over");
    rig.drops("harbour/2.jpg", b"the first");
    for file in ["harbour/2.jpg", "harbour/3.jpg", "harbour/2.jpg"] {
        rig.hears(file).await;
    }
    let [post] = &rig.posts()[..] else { panic!("{:#?}", rig.posts()) };
    let content = ports::Posts::content(&rig.stage.table, &post.id, &post.content).await.unwrap().unwrap();
    let uploads: Vec<_> =
        content.media.iter().map(|id| rig.stage.objects.object(&upload_key(id)).unwrap()).collect();
    assert_eq!(
        uploads.iter().map(|it| &it.bytes[..]).collect::<Vec<_>>(),
        [&b"the first"[..], b"the second"]
    );
    assert_eq!(uploads[0].content_type, Container::Jpeg.content_type());
    assert_eq!(uploads[1].content_type, Container::Webp.content_type());
    assert_eq!(rig.told()[0].0, "ada/harbour.result.json");
}

#[tokio::test]
async fn one_photo_lies_beside_its_json_like_a_video() {
    let rig = Rig::new();
    rig.drops("harbour.jpg", b"a photo");
    rig.drops("harbour.json", &carousel(&Value::Null));
    rig.hears("harbour.jpg").await;
    // the cover is the second of one photo
    assert_eq!(rig.only_problem().1, ["field.range"]);
    rig.stage.wait(1);
    let one = json!({ "kind": "photo", "caption": null });
    rig.drops("harbour.json", &Rig::order(&one));
    rig.hears("harbour.json").await;
    assert_eq!(rig.posts().len(), 1);
}

#[tokio::test]
async fn a_photo_that_does_not_come_is_named_after_a_day() {
    let rig = Rig::new();
    rig.drops("harbour.json", &carousel(&json!(["1.jpg", "2.jpg"])));
    rig.drops("harbour/1.jpg", b"the first");
    rig.hears("harbour/1.jpg").await;
    rig.stage.wait(DAY);
    rig.wakes().await;
    assert_eq!(rig.only_problem().1, ["drop.media.missing"]);
    let detail = rig.told()[0].1["detail"].as_str().unwrap().to_owned();
    assert!(detail.starts_with("`harbour/2.jpg`"), "{detail}");
}

#[tokio::test]
async fn photos_without_a_json_are_one_problem() {
    let rig = Rig::new();
    rig.drops("harbour/1.jpg", b"the first");
    rig.drops("harbour/2.jpg", b"the second");
    rig.hears("harbour/1.jpg").await;
    rig.hears("harbour/2.jpg").await;
    rig.stage.wait(QUARTER);
    rig.wakes().await;
    assert_eq!(
        rig.only_problem(),
        ("ada/harbour.problem.json".to_owned(), vec!["drop.json.missing".to_owned()])
    );
}

#[tokio::test]
async fn files_are_names_of_one_to_thirty_five_photos_of_their_own_folder() {
    let names = |count: usize| (0..count).map(|number| format!("{number}.jpg")).collect::<Vec<_>>();
    let good = names(35);
    let bad = [
        json!([]),
        json!(names(36)),
        json!("1.jpg"),
        json!(["1.jpg", "1.jpg"]),
        json!(["../other/1.jpg"]),
        json!(["1.txt"]),
        json!(["jpg"]),
        json!([1]),
    ];
    for files in bad {
        let rig = Rig::new();
        rig.drops("harbour.json", &carousel(&files));
        rig.hears("harbour.json").await;
        assert_eq!(rig.only_problem().1, ["drop.files"], "{files}");
    }
    let rig = Rig::new();
    for file in &good {
        rig.drops(&format!("harbour/{file}"), file.as_bytes());
    }
    rig.drops("harbour.json", &carousel(&json!(good)));
    rig.hears("harbour.json").await;
    assert_eq!((rig.posts().len(), rig.asked()), (1, 36));
}

#[tokio::test]
async fn a_png_is_taken_where_the_json_says_that_it_is_converted() {
    let rig = Rig::new();
    rig.drops("harbour.png", b"a photo");
    rig.drops("harbour.json", &Rig::order(&json!({ "kind": "photo", "caption": null })));
    rig.hears("harbour.png").await;
    assert_eq!(rig.only_problem().1, ["photo.format"]);
    rig.stage.wait(1);
    rig.drops("harbour.json", &Rig::order(&json!({ "kind": "photo", "caption": null, "convert": true })));
    rig.hears("harbour.json").await;
    assert_eq!(rig.posts().len(), 1);
}
