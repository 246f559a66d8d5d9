//! Nothing that is logged shows a secret.

use serde_json::json;
use tiktok::{Endpoint, RefreshToken, Response, UploadPlan, VideoType};

use super::script::{answering, app, photo_post, photos, post, pull_url, shown, taking, token, upload_url};

#[test]
fn secrets_print_as_redacted() {
    assert_eq!(format!("{:?}", token()), "AccessToken([redacted])");
    assert_eq!(format!("{:?}", RefreshToken::new("rft.a")), "RefreshToken([redacted])");
    assert_eq!(format!("{:?}", pull_url()), "PullUrl([redacted])");
    let app = format!("{:?}", app());
    assert!(
        app.contains("key-1") && app.contains("ClientSecret([redacted])") && !app.contains("SECRET"),
        "{app}"
    );
}

#[tokio::test]
async fn an_upload_prints_its_publish_id_and_its_host_alone() {
    let body = format!(
        r#"{{"data":{{"publish_id":"v_pub_file~v2-1.7","upload_url":"{}"}},"error":{{"code":"ok"}}}}"#,
        upload_url().expose()
    );
    let plan = UploadPlan::of(3).unwrap();
    let upload = answering(200, body).init_video_upload(&token(), &post(), plan).await.unwrap();
    let printed = format!("{upload:?}");
    assert!(printed.contains("v_pub_file~v2-1.7") && !printed.contains("SECRET"), "{printed}");

    let client = taking(500, None);
    let sent = client.upload_chunk(&upload.upload_url, VideoType::Mp4, 0..3, 3, "abc".into()).await;
    let printed = format!("{} {:?}", shown(&sent.unwrap_err()), client.exchange.sent());
    assert!(printed.contains("https://open-upload.tiktokapis.com"), "{printed}");
    assert!(!printed.contains("SECRET") && !printed.contains("abc"), "{printed}");
}

#[tokio::test]
async fn requests_print_neither_headers_nor_body() {
    let client = answering(200, "");
    let _ = client.init_video_pull(&token(), &post(), &pull_url()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::VideoInit);
    let printed = format!("{sent:?} {:?}", sent.headers);
    assert!(printed.contains("/v2/post/publish/video/init/"), "{printed}");
    assert!(!printed.contains("SECRET"), "{printed}");
    let _ = client.refresh(&app(), &RefreshToken::new("rft.SECRET")).await;
    let printed = format!("{:?}", client.exchange.sent());
    assert!(!printed.contains("SECRET"), "{printed}");
}

#[tokio::test]
async fn photos_print_no_url_in_requests_answers_and_errors() {
    for body in ["", r#"{"data":{},"error":{"code":"invalid_params","message":"","log_id":"l"}}"#] {
        let client = answering(400, body);
        let error = client.init_photo_post(&token(), &photo_post(), &photos()).await.unwrap_err();
        let sent = client.exchange.sent();
        let printed = format!("{sent:?} {:?} {:?} {}", sent.headers, photos(), shown(&error));
        assert!(printed.contains("/v2/post/publish/content/init/"), "{printed}");
        assert!(!printed.contains("SECRET"), "{printed}");
    }
}

#[tokio::test]
async fn token_sets_and_answers_print_no_token() {
    let body = r#"{"access_token":"act.SECRET","expires_in":1,"open_id":"o","refresh_expires_in":2,"refresh_token":"rft.SECRET"}"#;
    let tokens = answering(200, body).refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap();
    let response =
        Response { status: http::StatusCode::OK, headers: http::HeaderMap::new(), body: body.into() };
    let printed = format!("{tokens:?} {response:?}");
    assert!(!printed.contains("SECRET"), "{printed}");
}

#[tokio::test]
async fn an_unreadable_answer_does_not_quote_what_it_could_not_read() {
    for body in [
        r#"{"access_token":"act.SECRET","expires_in":"act.SECRET","open_id":"o","refresh_expires_in":2,"refresh_token":"rft.SECRET"}"#,
        r#"{"access_token":"act.SECRET","refresh_token":["rft.SECRET"]}"#,
        r#""act.SECRET""#,
        "access_token=act.SECRET",
    ] {
        let error = answering(200, body).refresh(&app(), &RefreshToken::new("rft.SECRET")).await.unwrap_err();
        let printed = shown(&error);
        assert!(!printed.contains("SECRET"), "{printed}");
    }
}

#[test]
fn an_unreadable_event_does_not_quote_what_it_could_not_read() {
    let content = |name: &str, content: &str| json!({ "event": name, "content": content }).to_string();
    for body in [
        r#""act.SECRET""#.to_owned(),
        r#"{"event":"post.publish.complete","create_time":"act.SECRET"}"#.to_owned(),
        r#"{"event":["act.SECRET"]}"#.to_owned(),
        content("authorization.removed", r#"{"reason":"act.SECRET"}"#),
        content("post.publish.complete", r#""act.SECRET""#),
        content("post.publish.failed", r#"{"publish_id":{"act.SECRET":1},"reason":"internal"}"#),
    ] {
        let printed = shown(&tiktok::webhook::parse(body.as_bytes()).unwrap_err());
        assert!(printed.contains("line 1"), "{printed}");
        assert!(!printed.contains("SECRET"), "{printed}");
    }
}
