//! Every field of a post, on each side of its limit.

use domain::content::{CAPTION_MAX_UTF16, DESCRIPTION_MAX_UTF16, TITLE_MAX_UTF16};
use http::StatusCode;
use serde_json::{Value, json};

use super::drafts::{Scene, scene};
use super::fixture::Answer;
use super::posts::{changed, ready_photo};

/// One field, what is taken, and what is not.
struct Limit {
    pointer: &'static str,
    taken: Vec<Value>,
    refused: Vec<(Value, &'static str)>,
}

fn limit(pointer: &'static str, taken: Vec<Value>, refused: Vec<(Value, &'static str)>) -> Limit {
    Limit { pointer, taken, refused }
}

impl Scene {
    /// Each value in a post of its own, which nothing but that value refuses.
    async fn hold(&self, body: &Value, limits: Vec<Limit>) {
        for Limit { pointer, taken, refused } in limits {
            for (number, value) in taken.into_iter().enumerate() {
                let answer = self.ask(&format!("{pointer} {number}"), &changed(body, pointer, value)).await;
                assert_eq!(StatusCode::ACCEPTED, answer.status, "{pointer} {number}: {}", answer.text);
            }
            for (value, rule) in refused {
                self.ask("refused", &changed(body, pointer, value)).await.is_problem(422, pointer, rule);
            }
        }
    }

    async fn ask(&self, key: &str, body: &Value) -> Answer {
        self.fixture.create(key, &changed(body, "/allow_duplicate", json!(true))).await
    }

    fn photos(&self, count: u128) -> Value {
        let media: Vec<Value> =
            (100..100 + count).map(|number| json!({ "id": ready_photo(&self.fixture, number) })).collect();
        json!({
            "creator": self.creator, "kind": "photo", "media": media, "privacy_level": "SELF_ONLY",
            "consent": { "music_usage_confirmed": true, "text_version": "2026-08" },
        })
    }
}

/// A text of so many UTF-16 units, most of them in pairs.
fn units(count: usize) -> Value {
    json!("😀".repeat(count / 2) + &"x".repeat(count % 2))
}

#[tokio::test]
async fn each_field_of_a_video_is_taken_up_to_its_limit_and_no_further() {
    let scene = scene().await;
    // how long this creator may post, and a millisecond more
    let most = u64::from(scene.fixture.table.creators()[0].info.max_video_post_duration_sec) * 1_000;
    let (longest, longer) = (scene.fixture.ready_media(2, most), scene.fixture.ready_media(3, most + 1));
    let video = json!([{ "id": scene.media }]);
    let levels = ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"].map(|level| json!(level));
    let boolean = |pointer| {
        limit(
            pointer,
            vec![json!(true), json!(false), json!(null)],
            vec![(json!("true"), "field.type"), (json!(1), "field.type")],
        )
    };
    let limits = vec![
        limit(
            "/caption",
            vec![json!(""), units(CAPTION_MAX_UTF16 - 1), units(CAPTION_MAX_UTF16)],
            vec![(units(CAPTION_MAX_UTF16 + 1), "caption.max")],
        ),
        limit(
            "/media",
            vec![video.clone()],
            vec![(json!([]), "media.count"), (json!([video[0], video[0]]), "media.count")],
        ),
        limit(
            "/media/0",
            vec![json!({ "id": longest })],
            vec![(json!({ "id": longer }), "video.duration.max")],
        ),
        limit(
            "/cover_timestamp_ms",
            vec![json!(0), json!(i32::MAX)],
            vec![
                (json!(-1), "field.range"),
                (json!(i64::from(i32::MAX) + 1), "field.range"),
                (json!(1.5), "field.range"),
            ],
        ),
        limit(
            "/privacy_level",
            levels.to_vec(),
            vec![
                (json!("FOLLOWER_OF_CREATOR"), "privacy_level.not_offered"),
                (json!("public_to_everyone"), "privacy_level.unknown"),
                (json!(null), "field.required"),
            ],
        ),
        limit(
            "/transport",
            ["auto", "pull", "upload"].map(|word| json!(word)).to_vec(),
            vec![(json!("AUTO"), "transport.unsupported")],
        ),
        limit("/kind", vec![json!("video"), json!(null)], vec![(json!("VIDEO"), "kind.unsupported")]),
        limit("/mode", vec![json!("direct"), json!(null)], vec![(json!("draft"), "mode.unsupported")]),
        boolean("/allow/comment"),
        boolean("/allow/duet"),
        boolean("/allow/stitch"),
        boolean("/disclosure/your_brand"),
        boolean("/ai_generated"),
        boolean("/draft"),
        limit(
            "/consent/text_version",
            vec![json!("1"), json!("x".repeat(64))],
            vec![(json!(""), "field.length"), (json!("x".repeat(65)), "field.length")],
        ),
    ];
    scene.hold(&scene.body(), limits).await;
}

#[tokio::test]
async fn each_field_of_photos_is_taken_up_to_its_limit_and_no_further() {
    let scene = scene().await;
    let limits = vec![
        limit(
            "/title",
            vec![json!(""), units(TITLE_MAX_UTF16)],
            vec![(units(TITLE_MAX_UTF16 + 1), "title.max")],
        ),
        limit(
            "/description",
            vec![json!(""), units(DESCRIPTION_MAX_UTF16)],
            vec![(units(DESCRIPTION_MAX_UTF16 + 1), "description.max")],
        ),
        limit(
            "/cover_index",
            vec![json!(0), json!(34)],
            vec![(json!(35), "field.range"), (json!(-1), "field.range")],
        ),
        limit("/add_music", vec![json!(true), json!(false)], vec![(json!("yes"), "field.type")]),
        limit("/caption", vec![json!(null)], vec![(json!("x"), "kind.field")]),
        limit("/cover_timestamp_ms", vec![json!(null)], vec![(json!(1), "kind.field")]),
        limit("/transport", vec![json!(null)], vec![(json!("pull"), "kind.field")]),
    ];
    scene.hold(&scene.photos(35), limits).await;
    for (count, status) in [(1, 202), (35, 202), (36, 422)] {
        let answer = scene.ask(&format!("{count} photos"), &scene.photos(count)).await;
        assert_eq!(status, answer.status.as_u16(), "{count}: {}", answer.text);
    }
    let mut stitch = scene.photos(1);
    stitch["allow"] = json!({ "comment": true, "stitch": true });
    scene.ask("k", &stitch).await.is_problem(422, "/allow/stitch", "kind.field");
}

#[tokio::test]
async fn branded_content_is_agreed_to_and_never_private() {
    let scene = scene().await;
    let mut body = changed(&scene.body(), "/disclosure/branded_content", json!(true));
    scene.ask("k1", &body).await.is_problem(
        422,
        "/consent/branded_content_policy_confirmed",
        "consent.branded.required",
    );
    body["consent"]["branded_content_policy_confirmed"] = json!(true);
    assert_eq!(StatusCode::ACCEPTED, scene.ask("k1", &body).await.status);
    body["privacy_level"] = json!("MUTUAL_FOLLOW_FRIENDS");
    assert_eq!(StatusCode::ACCEPTED, scene.ask("k2", &body).await.status);
    body["privacy_level"] = json!("SELF_ONLY");
    scene.ask("k3", &body).await.is_problem(422, "/privacy_level", "disclosure.branded.private");
    // one's own brand may be
    body["disclosure"] = json!({ "your_brand": true, "branded_content": false });
    assert_eq!(StatusCode::ACCEPTED, scene.ask("k4", &body).await.status);
}

#[tokio::test]
async fn what_a_declaration_says_is_taken_up_to_tiktoks_limit_and_no_further() {
    let scene = scene().await;
    let video = json!({ "kind": "video", "content_type": "video/mp4", "size": 1_000 });
    let photo = json!({ "kind": "photo", "content_type": "image/jpeg", "size": 1_000 });
    for (body, pointer, most, rule) in [
        (&video, "/size", 4_000_000_000_u64, "video.size.max"),
        (&photo, "/size", 20_000_000, "photo.size.max"),
        (&video, "/duration_ms", 600_000, "video.duration.max"),
    ] {
        let taken = scene.fixture.post("/v1/media", &changed(body, pointer, json!(most))).await;
        assert_eq!(StatusCode::CREATED, taken.status, "{pointer}: {}", taken.text);
        let refused = scene.fixture.post("/v1/media", &changed(body, pointer, json!(most + 1))).await;
        refused.is_problem(422, pointer, rule);
    }
}
