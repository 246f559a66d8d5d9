//! What goes out, byte for byte.

use http::{Method, header};
use serde_json::{Value, json};
use tiktok::{
    AuthorizeUrl, Endpoint, Endpoints, PhotoMode, PhotoPost, PullUrl, RefreshToken, Request, Scopes,
    UploadPlan, UploadUrl, VideoPost, VideoType, scope,
};

use super::script::{answering, app, photo_post, photos, post, pull_url, taking, token, upload_url};

const OK: &str = r#"{"data":{},"error":{"code":"ok","message":"","log_id":"l"}}"#;

fn json_body(request: &Request) -> Value {
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.headers[header::CONTENT_TYPE], "application/json; charset=UTF-8");
    assert_eq!(request.headers[header::AUTHORIZATION], "Bearer act.SECRET-ACCESS");
    serde_json::from_slice(&request.body).unwrap()
}

fn form(request: &Request) -> Vec<(String, String)> {
    assert_eq!(request.method, Method::POST);
    assert_eq!(request.headers[header::CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert!(!request.headers.contains_key(header::AUTHORIZATION));
    url::form_urlencoded::parse(&request.body).into_owned().collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn init_sends_every_boolean_and_the_pull_url() {
    let client = answering(200, OK);
    let _ = client.init_video_pull(&token(), &post(), &pull_url()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::VideoInit);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/video/init/");
    assert_eq!(
        json_body(&sent),
        json!({
            "post_info": {
                "title": "a walk #sea \"quoted\" \u{1f30a}",
                "privacy_level": "SELF_ONLY",
                "disable_comment": true,
                "disable_duet": false,
                "disable_stitch": true,
                "brand_content_toggle": false,
                "brand_organic_toggle": true,
                "is_aigc": false,
                "video_cover_timestamp_ms": 1500,
            },
            "source_info": {
                "source": "PULL_FROM_URL",
                "video_url": "https://media.test/m/SECRET-PATH.mp4?a=1&b=2",
            },
        })
    );
}

#[tokio::test]
async fn an_init_of_an_upload_declares_its_plan() {
    let client = answering(200, OK);
    let plan = UploadPlan::of(64_000_001).unwrap();
    let _ = client.init_video_upload(&token(), &post(), plan).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::VideoUploadInit);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/video/init/");
    let body = json_body(&sent);
    assert_eq!(
        body["source_info"],
        json!({
            "source": "FILE_UPLOAD",
            "video_size": 64_000_001,
            "chunk_size": 10_666_666,
            "total_chunk_count": 6,
        })
    );
    assert_eq!(body["post_info"]["privacy_level"], "SELF_ONLY");
}

#[tokio::test]
async fn an_init_of_a_draft_tells_its_source_alone() {
    let client = answering(200, OK);
    let _ = client.init_draft_pull(&token(), &pull_url()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::DraftInit);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/inbox/video/init/");
    let source = json!({ "source": "PULL_FROM_URL", "video_url": pull_url().expose() });
    assert_eq!(json_body(&sent), json!({ "source_info": source }));

    let client = answering(200, OK);
    let _ = client.init_draft_upload(&token(), UploadPlan::of(9).unwrap()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::DraftUploadInit);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/inbox/video/init/");
    let source = json!({ "source": "FILE_UPLOAD", "video_size": 9, "chunk_size": 9, "total_chunk_count": 1 });
    assert_eq!(json_body(&sent), json!({ "source_info": source }));
}

#[tokio::test]
async fn an_init_of_photos_sends_every_boolean_and_every_url_in_order() {
    let client = answering(200, OK);
    let _ = client.init_photo_post(&token(), &photo_post(), &photos()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::PhotoInit);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/content/init/");
    assert_eq!(
        json_body(&sent),
        json!({
            "media_type": "PHOTO",
            "post_mode": "DIRECT_POST",
            "is_aigc": true,
            "post_info": {
                "title": "three walks",
                "description": "by the #sea \"quoted\" \u{1f30a}",
                "privacy_level": "SELF_ONLY",
                "disable_comment": true,
                "auto_add_music": false,
                "brand_content_toggle": false,
                "brand_organic_toggle": true,
            },
            "source_info": {
                "source": "PULL_FROM_URL",
                "photo_images": [
                    "https://media.test/m/SECRET-2.jpg",
                    "https://media.test/m/SECRET-1.webp?a=1&b=2",
                ],
                "photo_cover_index": 1,
            },
        })
    );
}

#[tokio::test]
async fn a_draft_of_photos_leaves_the_settings_to_its_creator() {
    let client = answering(200, OK);
    let draft = PhotoPost { title: None, mode: PhotoMode::MediaUpload, is_aigc: false, ..photo_post() };
    let _ = client.init_photo_post(&token(), &draft, &photos()).await;
    let body = json_body(&client.exchange.sent());
    assert_eq!((&body["post_mode"], &body["is_aigc"]), (&json!("MEDIA_UPLOAD"), &json!(false)));
    let info = json!({ "description": "by the #sea \"quoted\" \u{1f30a}" });
    assert_eq!(body["post_info"], info);

    let client = answering(200, OK);
    let bare = PhotoPost { description: None, ..draft };
    let _ = client.init_photo_post(&token(), &bare, &[PullUrl::new("https://media.test/m/1.jpg")]).await;
    assert_eq!(json_body(&client.exchange.sent())["post_info"], json!({}), "it is there all the same");
}

#[tokio::test]
async fn a_chunk_is_a_put_of_its_bytes_without_a_token() {
    let client = taking(206, None);
    let _ = client.upload_chunk(&upload_url(), VideoType::QuickTime, 10..14, 20, "abcd".into()).await;
    let sent = client.exchange.sent();
    assert_eq!((sent.endpoint, &sent.method), (Endpoint::UploadChunk, &Method::PUT));
    assert_eq!(sent.url.as_str(), upload_url().expose());
    assert_eq!(sent.headers[header::CONTENT_TYPE], "video/quicktime");
    assert_eq!(sent.headers[header::CONTENT_LENGTH], "4");
    assert_eq!(sent.headers[header::CONTENT_RANGE], "bytes 10-13/20");
    assert_eq!((sent.headers.len(), &sent.body[..]), (3, &b"abcd"[..]));
}

#[tokio::test]
async fn bytes_go_to_tiktoks_hosts_or_to_the_apis_own_and_nowhere_else() {
    let sent = async |api: &str, url: &str| {
        let mut client = taking(206, None);
        client.endpoints = Endpoints::new(api, api).unwrap();
        let result = client.upload_chunk(&UploadUrl::new(url), VideoType::Mp4, 0..1, 2, "a".into()).await;
        match result {
            Ok(_) => true,
            Err(tiktok::Error::Unbuildable { what: "upload URL", .. }) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let (tiktok, local) = ("https://open.tiktokapis.com", "http://127.0.0.1:4711");
    for (api, url, allowed) in [
        (tiktok, "https://open-upload.tiktokapis.com/video/?upload_id=1", true),
        (tiktok, "https://upload.us.tiktokapis.com/video/?upload_id=1", true),
        (tiktok, "http://open-upload.tiktokapis.com/video/?upload_id=1", false),
        (tiktok, "https://open-upload.tiktokapis.com.evil.test/video/", false),
        (tiktok, "https://eviltiktokapis.com/video/", false),
        (tiktok, "https://169.254.169.254/latest/", false),
        (tiktok, "no URL", false),
        (local, "http://127.0.0.1:4712/video/?upload_id=1", true),
        (local, "http://127.0.0.2:4711/video/?upload_id=1", false),
    ] {
        assert_eq!(sent(api, url).await, allowed, "{url}");
    }
}

#[tokio::test]
async fn a_range_that_is_not_that_of_its_bytes_is_not_sent() {
    #[expect(clippy::reversed_empty_ranges, reason = "what must not be sent")]
    for range in [0..0, 0..3, 0..5, 17..21, 5..1] {
        let client = taking(206, None);
        let sent = client.upload_chunk(&upload_url(), VideoType::Mp4, range.clone(), 20, "abcd".into()).await;
        let error = sent.unwrap_err();
        assert!(matches!(error, tiktok::Error::Unbuildable { what: "range", .. }), "{range:?}: {error}");
    }
    let client = taking(206, None);
    let nothing = client.upload_chunk(&upload_url(), VideoType::Mp4, 0..0, 20, "".into()).await;
    assert!(nothing.unwrap_err().proves_nothing_was_created());
}

#[tokio::test]
async fn an_absent_caption_and_cover_are_not_sent() {
    let client = answering(200, OK);
    let bare = VideoPost { title: None, video_cover_timestamp_ms: None, ..post() };
    let _ = client.init_video_pull(&token(), &bare, &pull_url()).await;
    let body = json_body(&client.exchange.sent());
    let names: Vec<_> = body["post_info"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "brand_content_toggle",
            "brand_organic_toggle",
            "disable_comment",
            "disable_duet",
            "disable_stitch",
            "is_aigc",
            "privacy_level"
        ]
    );
}

#[tokio::test]
async fn creator_info_and_status_are_posts_with_a_token() {
    let client = answering(200, OK);
    let _ = client.creator_info(&token()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/creator_info/query/");
    assert_eq!(json_body(&sent), json!({}));

    let _ = client.fetch_status(&token(), "v_pub_url~v2.1").await;
    let sent = client.exchange.sent();
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/status/fetch/");
    assert_eq!(json_body(&sent), json!({ "publish_id": "v_pub_url~v2.1" }));
}

#[tokio::test]
async fn a_cancel_names_the_publish() {
    let client = answering(200, OK);
    client.cancel(&token(), "v_pub_url~v2.1").await.unwrap();
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::Cancel);
    assert_eq!(sent.url.as_str(), "https://api.test/v2/post/publish/cancel/");
    assert_eq!(json_body(&sent), json!({ "publish_id": "v_pub_url~v2.1" }));
}

#[tokio::test]
async fn a_list_has_its_fields_in_the_query_and_its_cursor_in_the_body() {
    for (before, body) in [
        (None, json!({ "max_count": 20 })),
        (Some(1_790_000_000_000), json!({ "cursor": 1_790_000_000_000_i64, "max_count": 20 })),
    ] {
        let client = answering(200, OK);
        let _ = client.list_videos(&token(), before, 20).await;
        let sent = client.exchange.sent();
        assert_eq!((sent.endpoint, sent.url.path()), (Endpoint::VideoList, "/v2/video/list/"));
        assert_eq!(sent.url.query(), Some("fields=id,create_time,duration,video_description,share_url"));
        assert_eq!(json_body(&sent), body);
    }
}

#[tokio::test]
async fn user_info_asks_only_for_granted_fields() {
    for (granted, query) in [
        ("user.info.basic,video.publish", "fields=open_id,avatar_url,display_name"),
        ("user.info.basic, user.info.profile", "fields=open_id,avatar_url,display_name,username"),
    ] {
        let client = answering(200, OK);
        let _ = client.user_info(&token(), &Scopes::parse(granted)).await;
        let sent = client.exchange.sent();
        assert_eq!(sent.method, Method::GET);
        assert_eq!((sent.url.path(), sent.url.query()), ("/v2/user/info/", Some(query)));
        assert_eq!(sent.headers[header::AUTHORIZATION], "Bearer act.SECRET-ACCESS");
        assert!(sent.body.is_empty());
    }
}

#[tokio::test]
async fn token_calls_are_forms_with_the_app_in_the_body() {
    let client = answering(200, "{}");
    let _ = client.exchange_code(&app(), "a*0!6410.va", "https://me.test/cb").await;
    let sent = client.exchange.sent();
    assert_eq!(sent.url.as_str(), "https://api.test/v2/oauth/token/");
    assert_eq!(
        form(&sent),
        pairs(&[
            ("client_key", "key-1"),
            ("client_secret", "SECRET-CLIENT"),
            ("grant_type", "authorization_code"),
            ("code", "a*0!6410.va"),
            ("redirect_uri", "https://me.test/cb"),
        ])
    );

    let _ = client.refresh(&app(), &RefreshToken::new("rft.x+y&z")).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.endpoint, Endpoint::Refresh);
    assert_eq!(
        form(&sent),
        pairs(&[
            ("client_key", "key-1"),
            ("client_secret", "SECRET-CLIENT"),
            ("grant_type", "refresh_token"),
            ("refresh_token", "rft.x+y&z"),
        ])
    );

    let _ = client.revoke(&app(), &token()).await;
    let sent = client.exchange.sent();
    assert_eq!(sent.url.as_str(), "https://api.test/v2/oauth/revoke/");
    assert_eq!(
        form(&sent),
        pairs(&[("client_key", "key-1"), ("client_secret", "SECRET-CLIENT"), ("token", "act.SECRET-ACCESS")])
    );
}

#[test]
fn the_authorize_url_joins_scopes_by_comma_and_keeps_the_base_path() {
    let client = answering(200, "");
    let scopes: Scopes = [scope::USER_INFO_BASIC, scope::VIDEO_PUBLISH].into_iter().collect();
    let url = client.authorize_url(AuthorizeUrl {
        client_key: "key 1",
        scopes: &scopes,
        redirect_uri: "https://me.test/cb?no=1",
        state: "s/+=",
        disable_auto_auth: true,
    });
    assert_eq!(
        (url.scheme(), url.host_str(), url.path()),
        ("https", Some("consent.test"), "/base/v2/auth/authorize/")
    );
    assert_eq!(
        url.query_pairs().into_owned().collect::<Vec<_>>(),
        pairs(&[
            ("client_key", "key 1"),
            ("response_type", "code"),
            ("scope", "user.info.basic,video.publish"),
            ("redirect_uri", "https://me.test/cb?no=1"),
            ("state", "s/+="),
            ("disable_auto_auth", "1"),
        ])
    );
}

#[test]
fn a_base_url_needs_a_web_scheme_and_no_query() {
    let good = "http://127.0.0.1:1234/tiktok";
    assert!(Endpoints::new(good, good).is_ok());
    for bad in ["", "open.tiktokapis.com", "ftp://x.test", "https://x.test?a=1", "https://x.test/#a"] {
        assert!(Endpoints::new(bad, good).is_err(), "{bad}");
        assert!(Endpoints::new(good, bad).is_err(), "{bad}");
    }
    assert_eq!(
        Endpoints::tiktok(),
        Endpoints::new("https://open.tiktokapis.com/", "https://www.tiktok.com/").unwrap()
    );
}

#[tokio::test]
async fn a_token_that_fits_no_header_is_not_sent() {
    let client = answering(200, OK);
    let error = client.creator_info(&tiktok::AccessToken::new("act.a\nb")).await.unwrap_err();
    assert!(matches!(error, tiktok::Error::Unbuildable { .. }), "{error}");
    assert!(error.proves_nothing_was_created());
    assert!(!super::script::shown(&error).contains("act.a"));
}
