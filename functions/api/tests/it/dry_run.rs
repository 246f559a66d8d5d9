//! What would become of a post.

use domain::app::Breaker;
use domain::limits::Cap;
use domain::media::{Probe, VideoProbe};
use domain::{Account, Problem, SignedDuration};
use http::{Method, StatusCode, header};
use ports::{AppRows as _, Clock as _};
use serde_json::{Value, json};
use tiktok_sandbox::Endpoint;

use super::drafts::{Scene, scene};
use super::fixture::Answer;
use super::posts::changed;

impl Scene {
    async fn would(&self, key: Option<&str>, body: &Value) -> Answer {
        let mut request = self.fixture.request(Method::POST, "/v1/posts?dry_run=true");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.fixture.send(request.body(body.to_string().into()).unwrap()).await
    }

    fn account(&self) -> Account {
        self.fixture.table.accounts().remove(0)
    }
}

fn verdicts(answer: &Answer) -> Vec<(String, String, String)> {
    assert_eq!(StatusCode::OK, answer.status, "{}", answer.text);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let verdicts = answer.body["verdicts"].as_array().unwrap().iter();
    let verdicts = verdicts.map(|it| {
        assert!(domain::Rule::find(&text(&it["rule"])).is_some(), "no rule of the catalogue: {it}");
        assert!(!text(&it["remedy"]).is_empty());
        (text(&it["level"]), text(&it["param"]), text(&it["rule"]))
    });
    verdicts.collect()
}

fn one(level: &str, param: &str, rule: &str) -> Vec<(String, String, String)> {
    vec![(level.to_owned(), param.to_owned(), rule.to_owned())]
}

#[tokio::test]
async fn nothing_is_written_but_that_tiktok_was_asked() {
    let scene = scene().await;
    // the key's use is written down once an hour, whatever is asked
    scene.fixture.clock.advance(SignedDuration::from_hours(3));
    scene.fixture.get("/v1/posts").await;
    let (rows, account, asked) = (
        scene.fixture.table.all_but_accounts(),
        scene.account(),
        scene.fixture.tiktok.calls(Endpoint::CreatorInfo),
    );
    // TikTok says something new, which the creator's row would take over
    scene.fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().comment_disabled = true);
    });
    let bodies = [
        changed(&scene.body(), "/allow/comment", json!(false)),
        changed(&scene.body(), "/draft", json!(true)),
        changed(&scene.body(), "/caption", json!("x".repeat(2_201))),
        changed(&scene.body(), "/publish_at", json!("2026-11-05T18:00:00Z")),
        json!({}),
    ];
    for body in &bodies {
        verdicts(&scene.would(Some("k1"), body).await);
    }
    assert!(rows == scene.fixture.table.all_but_accounts());
    assert!(scene.fixture.queues.waiting().is_empty() && scene.fixture.objects.keys().is_empty());
    let calls = scene.fixture.tiktok.calls(Endpoint::CreatorInfo) - asked;
    assert_eq!(4, calls, "the body without a creator asks nobody");
    let after = scene.account();
    assert_eq!(account.limits.creator_info.millis().len() + calls, after.limits.creator_info.millis().len());
    let same = Account { limits: account.limits.clone(), limits_version: account.limits_version, ..after };
    assert_eq!(format!("{account:?}"), format!("{same:?}"));
}

#[tokio::test]
async fn the_verdict_is_the_one_that_the_request_would_get() {
    let scene = scene().await;
    let awaited = scene.fixture.awaited_media(2);
    let good = scene.body();
    for (number, (body, state)) in [
        (good.clone(), Some("queued")),
        (changed(&good, "/publish_at", json!("2026-11-05T18:00:00Z")), Some("scheduled")),
        (changed(&good, "/draft", json!(true)), Some("draft")),
        (changed(&good, "/media/0/id", json!(awaited)), Some("awaiting_media")),
        (changed(&good, "/privacy_level", json!("FOLLOWER_OF_CREATOR")), None),
        (changed(&good, "/consent/music_usage_confirmed", json!(false)), None),
        (changed(&good, "/creator", json!(domain::CreatorId::from_bits(9))), None),
        (changed(&good, "/colour", json!("blue")), None),
    ]
    .into_iter()
    .enumerate()
    {
        let body = changed(&body, "/allow_duplicate", json!(true));
        let would = scene.would(Some(&format!("k{number}")), &body).await;
        let told = body.to_string();
        assert_eq!(json!(state), would.body["state"], "{told}: {}", would.text);
        assert_eq!(json!(state.is_some()), would.body["would_be_accepted"], "{told}");
        let errors = verdicts(&would).into_iter().filter(|(level, ..)| level == "error");
        let errors: Vec<_> = errors.map(|(_, param, rule)| (param, rule)).collect();
        let real = scene.fixture.create(&format!("k{number}"), &body).await;
        assert_eq!(json!(real.status.as_u16()), would.body["status"], "{told}");
        if state.is_some() {
            assert_eq!((json!(state), &errors[..]), (real.body["state"].clone(), &[][..]), "{told}");
        } else {
            assert_eq!(errors, real.problems().1, "{told}");
        }
    }
}

#[tokio::test]
async fn a_repeat_another_body_and_a_duplicate_are_foreseen() {
    let scene = scene().await;
    let id = scene.made("k1", &scene.body()).await;
    let repeat = scene.would(Some("k1"), &scene.body()).await;
    assert_eq!((&json!(true), &json!([])), (&repeat.body["would_be_accepted"], &repeat.body["verdicts"]));
    let reused = scene.would(Some("k1"), &changed(&scene.body(), "/ai_generated", json!(true))).await;
    assert_eq!(
        (one("error", "", "idempotency_key.reused"), &json!(422)),
        (verdicts(&reused), &reused.body["status"])
    );
    for key in [Some("k2"), None] {
        let duplicate = scene.would(key, &scene.body()).await;
        assert_eq!(
            (one("error", "", "post.duplicate"), &json!(409)),
            (verdicts(&duplicate), &duplicate.body["status"])
        );
        assert!(duplicate.body["verdicts"][0]["detail"].as_str().unwrap().contains(&id));
    }
    let meant = scene.would(Some("k2"), &changed(&scene.body(), "/allow_duplicate", json!(true))).await;
    assert_eq!(json!(true), meant.body["would_be_accepted"]);
}

#[tokio::test]
async fn what_tiktok_says_of_the_creator_is_of_this_moment() {
    let scene = scene().await;
    let wanted = changed(&scene.body(), "/allow/comment", json!(true));
    assert_eq!(json!(true), scene.would(None, &wanted).await.body["would_be_accepted"]);
    scene.fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.accounts.get_mut("ada").unwrap().comment_disabled = true);
    });
    let now = scene.would(None, &wanted).await;
    assert_eq!(one("error", "/allow/comment", "interaction.disabled_by_creator"), verdicts(&now));
    assert!(!scene.fixture.table.creators()[0].info.comment_disabled, "and nobody has written that down");
    // who cannot ask says nothing
    scene.fixture.tiktok.with(|world, _, _| {
        world.reconfigure(|config| config.outage = tiktok_sandbox::Outage::Api);
    });
    let silent = scene.would(None, &wanted).await;
    assert_eq!((StatusCode::SERVICE_UNAVAILABLE, &json!(true)), (silent.status, &silent.body["retryable"]));
}

#[tokio::test]
async fn the_cap_the_breaker_and_the_minute_say_when_it_would_begin() {
    let scene = scene().await;
    let now = scene.fixture.clock.now();
    let at = |answer: &Answer| {
        answer.body["begins_at"].as_str().map(|text| text.parse::<domain::Timestamp>().unwrap())
    };
    let free = scene.would(None, &scene.body()).await;
    assert_eq!((Some(now), &json!(null)), (at(&free), &free.body["day"]));
    // TikTok took two posts today and refused a third
    let mut account = scene.account();
    let hour = SignedDuration::from_hours(1);
    account.limits.day.count(now - hour * 3);
    account.limits.day.count(now - hour * 2);
    account.limits.day.cap = Some(Cap { posts: 3, learned_at: now - hour });
    scene.fixture.table.insert_account(account.clone());
    let left = scene.would(None, &scene.body()).await;
    assert_eq!((Some(now), &json!({ "cap": 3, "left": 1 })), (at(&left), &left.body["day"]), "{}", left.text);
    account.limits.day.cap = Some(Cap { posts: 2, learned_at: now - hour });
    scene.fixture.table.insert_account(account.clone());
    let full = scene.would(None, &scene.body()).await;
    assert_eq!(one("advice", "/publish_at", "posts.held.creator_daily_cap"), verdicts(&full));
    assert_eq!((&json!(true), &json!(0)), (&full.body["would_be_accepted"], &full.body["day"]["left"]));
    let again = at(&full).unwrap();
    assert_eq!(Some(again), account.limits.day.free_at(now));
    // one that comes after that is not put off
    let later = (again + hour).to_string();
    let later = scene.would(None, &changed(&scene.body(), "/publish_at", json!(later))).await;
    assert_eq!((&json!([]), Some(again + hour)), (&later.body["verdicts"], at(&later)));

    account.limits.day.cap = None;
    scene.fixture.table.insert_account(account);
    let breaker = Breaker { code: "url_ownership_unverified".to_owned(), since: now, probe_at: now + hour };
    scene.fixture.table.trip(&breaker).await.unwrap();
    let tripped = scene.would(None, &scene.body()).await;
    assert_eq!(one("advice", "", "posts.held.operator"), verdicts(&tripped));
    assert_eq!(Some(now + hour), at(&tripped));
}

#[tokio::test]
async fn advice_of_the_probe_comes_along_and_refuses_nothing() {
    let scene = scene().await;
    let media = scene.fixture.awaited_media(2);
    let probe = VideoProbe {
        container: domain::media::Container::Mp4,
        codec: "h264".into(),
        duration_ms: 10_000,
        frame_rate_millis: 30_000,
        width: 1_920,
        height: 1_080,
        rotation: 0,
        size: 1_000,
    };
    let advice = Problem::new("", "video.aspect.advice", "the video is wide", "export it as 9:16");
    scene.fixture.judge(&media, Ok((Probe::Video(probe), vec![advice])));
    let would = scene.would(None, &changed(&scene.body(), "/media/0/id", json!(media))).await;
    assert_eq!(one("advice", "/media/0", "video.aspect.advice"), verdicts(&would));
    assert_eq!(json!(true), would.body["would_be_accepted"]);
}

#[tokio::test]
async fn a_dry_run_is_asked_for_by_true_alone() {
    let scene = scene().await;
    let ask = async |query: &str| {
        let request = scene.fixture.request(Method::POST, &format!("/v1/posts?dry_run={query}"));
        let request =
            request.header("idempotency-key", "k1").header(header::CONTENT_TYPE, "application/json");
        scene.fixture.send(request.body(scene.body().to_string().into()).unwrap()).await
    };
    let unclear = ask("yes").await;
    assert_eq!(one("error", "/dry_run", "field.type"), verdicts(&unclear));
    assert_eq!(StatusCode::OK, ask("true").await.status);
    assert!(scene.fixture.table.posts().is_empty(), "whoever says something unclear gets no post");
    assert_eq!(StatusCode::ACCEPTED, ask("false").await.status);
}
