//! The list of a creator's public videos.

use serde_json::{Value, json};

use crate::rig::{HOUR, MINUTE, Rig, set};

fn ids(page: &Value) -> Vec<String> {
    let videos = page["videos"].as_array().unwrap();
    videos.iter().map(|video| video["id"].as_str().unwrap().to_owned()).collect()
}

/// So many videos filmed in the app, oldest first, each so long after the one before.
fn film(rig: &mut Rig, count: usize, apart_ms: i64) -> Vec<String> {
    let ids = (0..count).map(|number| {
        let id = rig.world.filmed_elsewhere("ada", &format!("film {number}"), 9_000, rig.now, &mut rig.rng);
        rig.wait(apart_ms);
        id.to_string()
    });
    ids.collect()
}

#[test]
fn a_video_in_the_list_has_the_fields_asked_for() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_with("/post_info/is_aigc", json!(true)).publish_id();
    let created = rig.now + 2_000;
    let done = rig.finish(&publish_id);
    let id = done.data()["publicaly_available_post_id"][0].to_string();
    let fields = "id,create_time,share_url,video_description,title,duration,height,width,is_aigc,view_count";
    let page = rig.list(fields, &json!({})).data().clone();
    assert_eq!(
        page["videos"],
        json!([{
            "id": id,
            "create_time": created / 1_000,
            "share_url": format!("https://www.tiktok.com/@ada/video/{id}?utm_campaign=tt4d_open_api&utm_source=aw-app-one"),
            "video_description": "a day at sea #sailing",
            "title": "a day at sea #sailing",
            "duration": 4,
            "height": 640,
            "width": 360,
            "is_aigc": true,
            "view_count": 0,
        }])
    );
    let bare = rig.list("id,embed_link", &json!({})).data()["videos"][0].clone();
    assert_eq!(bare, json!({ "id": id, "embed_link": format!("https://www.tiktok.com/player/v1/{id}") }));
}

#[test]
fn a_description_is_cut_after_150_characters() {
    let mut rig = Rig::strict();
    let publish_id = rig.init_with("/post_info/title", json!(format!("x{}", "🚢".repeat(100)))).publish_id();
    rig.finish(&publish_id);
    let page = rig.list("video_description", &json!({})).data().clone();
    assert_eq!(page["videos"][0]["video_description"], format!("x{}", "🚢".repeat(74)));
}

#[test]
fn only_public_videos_are_listed() {
    let mut rig = Rig::strict();
    let public = rig.init(|_| {}).publish_id();
    for level in ["MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"] {
        rig.init_with("/post_info/privacy_level", json!(level)).publish_id();
    }
    let failed = rig.init(|_| {}).publish_id();
    rig.world.fail(&failed, "internal", rig.now).unwrap();
    rig.finish(&public);
    assert_eq!(rig.world.publications().count(), 3);
    assert_eq!(ids(rig.list("id", &json!({})).data()).len(), 1);
    let (token, grace) = (rig.ada.clone(), rig.grace.clone());
    assert!(ids(rig.list_as(&grace, "id", &json!({})).data()).is_empty());
    rig.change_ada(|ada| ada.private = true);
    assert!(ids(rig.list_as(&token, "id", &json!({})).data()).is_empty());
}

#[test]
fn a_video_is_listed_while_it_is_public() {
    let mut rig = Rig::strict();
    let publish_id = rig.init(|_| {}).publish_id();
    rig.serve();
    rig.wait(2_000);
    assert_eq!(rig.status(&publish_id).data()["status"], "PUBLISH_COMPLETE");
    assert!(ids(rig.list("id", &json!({})).data()).is_empty(), "moderation is still at work");
    rig.wait(3_000);
    assert_eq!(ids(rig.list("id", &json!({})).data()).len(), 1);
    rig.world.take_down(&publish_id, rig.now).unwrap();
    assert!(ids(rig.list("id", &json!({})).data()).is_empty());

    let private = rig.init_with("/post_info/privacy_level", json!("SELF_ONLY")).publish_id();
    rig.finish(&private);
    assert!(ids(rig.list("id", &json!({})).data()).is_empty());
    rig.world.make_public(&private, rig.now).unwrap();
    assert_eq!(ids(rig.list("id", &json!({})).data()).len(), 1);
}

#[test]
fn an_account_that_never_gets_an_id_finds_it_in_the_list() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.post_ids_withheld = true);
    let publish_id = rig.init(|_| {}).publish_id();
    rig.finish(&publish_id);
    rig.wait(HOUR);
    assert_eq!(rig.status(&publish_id).data()["publicaly_available_post_id"], json!([]));
    let page = rig.list("id,video_description", &json!({})).data().clone();
    assert_eq!(page["videos"][0]["video_description"], "a day at sea #sailing");
    assert_eq!(page["videos"][0]["id"].as_str().unwrap().len(), 19);
    assert!(rig.webhooks().iter().all(|(event, _)| event != "post.publish.publicly_available"));
}

#[test]
fn the_list_is_newest_first_and_holds_what_came_from_elsewhere() {
    let mut rig = Rig::strict();
    let before = film(&mut rig, 1, MINUTE).remove(0);
    let publish_id = rig.init(|_| {}).publish_id();
    let done = rig.finish(&publish_id);
    let ours = done.data()["publicaly_available_post_id"][0].to_string();
    let after = film(&mut rig, 1, MINUTE).remove(0);
    assert_eq!(ids(rig.list("id", &json!({})).data()), [after, ours, before]);
}

#[test]
fn a_page_has_ten_videos_unless_told() {
    let mut rig = Rig::strict();
    film(&mut rig, 25, MINUTE);
    for (body, count) in [(json!({}), 10), (json!({ "max_count": 3 }), 3), (json!({ "max_count": 20 }), 20)] {
        let page = rig.list("id", &body).data().clone();
        assert_eq!((ids(&page).len(), &page["has_more"]), (count, &json!(true)), "{body}");
    }
}

#[test]
fn a_cursor_leads_through_all_pages_without_a_repetition() {
    let mut rig = Rig::strict();
    let mut expected = film(&mut rig, 25, MINUTE);
    expected.reverse();
    let mut body = json!({ "max_count": 10 });
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let page = rig.list("id,create_time", &body).data().clone();
        let times =
            page["videos"].as_array().unwrap().iter().map(|video| video["create_time"].as_i64().unwrap());
        let cursor = page["cursor"].as_i64().unwrap();
        assert!(times.into_iter().all(|seconds| seconds * 1_000 >= cursor), "{page}");
        seen.extend(ids(&page));
        pages += 1;
        set(&mut body, "/cursor", page["cursor"].clone());
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!((pages, seen), (3, expected));
    let nothing = rig.list("id", &body).data().clone();
    assert_eq!((&nothing["videos"], &nothing["has_more"]), (&json!([]), &json!(false)));
}

#[test]
fn a_page_that_ends_within_a_second_hides_the_rest_of_that_second() {
    let mut rig = Rig::strict();
    rig.now -= rig.now % 1_000;
    let films = film(&mut rig, 2, 400);
    let first = rig.list("id", &json!({ "max_count": 1 })).data().clone();
    assert_eq!((ids(&first), &first["has_more"]), (vec![films[1].clone()], &json!(true)));
    let second = rig.list("id", &json!({ "cursor": first["cursor"] })).data().clone();
    assert!(ids(&second).is_empty());
    assert_eq!(ids(rig.list("id", &json!({})).data()).len(), 2);
}
