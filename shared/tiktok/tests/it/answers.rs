//! What comes in.

use std::time::Duration;

use tiktok::{
    Ambiguity, Error, ErrorCode, FailReason, OAuthErrorCode, PrivacyLevel, PublishStatus, RefreshToken,
    Scopes, Video, VideoPage,
};

use super::script::{answering, app, post, pull_url, token};

const INIT_OK: &str =
    r#"{"data":{"publish_id":"v_pub_url~v2.7"},"error":{"code":"ok","message":"","log_id":"2026"}}"#;
const TOKENS: &str = r#"{"access_token":"act.a","expires_in":86400,"open_id":"-000YSS_OTWK","refresh_expires_in":31536000,
    "refresh_token":"rft.b","scope":"user.info.basic,video.publish","token_type":"Bearer","future":{"x":[1]}}"#;

async fn init(status: u16, body: &str) -> Result<String, Error> {
    answering(status, body).init_video_pull(&token(), &post(), &pull_url()).await
}

fn ambiguity<T: std::fmt::Debug>(result: Result<T, Error>) -> Ambiguity {
    match result.unwrap_err() {
        Error::Ambiguous { why, .. } => why,
        other => panic!("{other:?} is not ambiguous"),
    }
}

#[tokio::test]
async fn init_answers_the_publish_id() {
    assert_eq!(init(200, INIT_OK).await.unwrap(), "v_pub_url~v2.7");
}

#[tokio::test]
async fn success_means_code_ok_whatever_else_the_answer_says() {
    let refused = r#"{"data":{"publish_id":"v_pub_url~v2.7"},"error":{"code":"spam_risk_too_many_posts","message":"m","log_id":"l1"}}"#;
    for status in [200, 400, 403, 429] {
        match init(status, refused).await.unwrap_err() {
            Error::Refused { http_status, code, message, log_id, .. } => {
                assert_eq!(http_status, status);
                assert_eq!(code, ErrorCode::SpamRiskTooManyPosts);
                assert_eq!((message.as_str(), log_id.as_deref()), ("m", Some("l1")));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_log_id_is_read_in_both_spellings_and_missing_ones_do_no_harm() {
    for (field, expected) in [
        (r#","log_id":"a""#, Some("a")),
        (r#","logid":"a""#, Some("a")),
        (r#","logid":"b","log_id":"a""#, Some("a")),
        (r#","log_id":7"#, None),
        ("", None),
    ] {
        let error =
            init(400, &format!(r#"{{"error":{{"code":"invalid_params"{field}}}}}"#)).await.unwrap_err();
        assert_eq!(error.code(), Some("invalid_params"));
        assert_eq!(error.log_id(), expected);
    }
}

#[tokio::test]
async fn answers_that_prove_nothing_are_ambiguous() {
    let envelope =
        |code: &str| format!(r#"{{"data":{{}},"error":{{"code":"{code}","message":"","log_id":"l"}}}}"#);
    for (status, body, why) in [
        (500, envelope("internal_error"), Ambiguity::ServerFault),
        (500, envelope("rate_limit_exceeded"), Ambiguity::ServerFault),
        (503, "<html>busy</html>".to_owned(), Ambiguity::ServerFault),
        (502, INIT_OK.to_owned(), Ambiguity::ServerFault),
        (504, String::new(), Ambiguity::ServerFault),
        (302, INIT_OK.to_owned(), Ambiguity::NotTikToksAnswer),
        (301, envelope("invalid_params"), Ambiguity::NotTikToksAnswer),
        (403, "<html>forbidden</html>".to_owned(), Ambiguity::NotTikToksAnswer),
        (404, String::new(), Ambiguity::NotTikToksAnswer),
        (401, r#"{"message":"Unauthorized"}"#.to_owned(), Ambiguity::NotTikToksAnswer),
        (
            400,
            r#"{"error":"invalid_request","error_description":"d"}"#.to_owned(),
            Ambiguity::NotTikToksAnswer,
        ),
        (400, r#"{"error":{"code":17}}"#.to_owned(), Ambiguity::NotTikToksAnswer),
        (400, r#"{"error":{"code":""}}"#.to_owned(), Ambiguity::NotTikToksAnswer),
        (400, INIT_OK.to_owned(), Ambiguity::NotTikToksAnswer),
        (200, "<html>hello</html>".to_owned(), Ambiguity::Unreadable),
        (200, String::new(), Ambiguity::Unreadable),
        (200, "[]".to_owned(), Ambiguity::Unreadable),
        (200, r#"{"data":{"publish_id":"v_pub_url~v2.7"}}"#.to_owned(), Ambiguity::Unreadable),
        (200, envelope("ok"), Ambiguity::Unreadable),
        (200, INIT_OK.replace("v_pub_url~v2.7", ""), Ambiguity::Unreadable),
        (200, INIT_OK.replace(r#""v_pub_url~v2.7""#, "7"), Ambiguity::Unreadable),
        (200, r#"{"error":{"code":"ok"}}"#.to_owned(), Ambiguity::Unreadable),
    ] {
        let error = init(status, &body).await.unwrap_err();
        assert_eq!(error.http_status(), Some(status));
        assert!(!error.proves_nothing_was_created(), "{status} {body}");
        assert_eq!(error.remedy(), tiktok::Remedy::Ambiguous);
        assert_eq!(ambiguity::<()>(Err(error)), why, "{status} {body}");
    }
}

#[tokio::test]
async fn a_server_fault_still_tells_its_code_and_log_id() {
    let error =
        init(500, r#"{"error":{"code":"internal_error","message":"","logid":"l9"}}"#).await.unwrap_err();
    assert_eq!((error.code(), error.log_id()), (Some("internal_error"), Some("l9")));
}

#[tokio::test]
async fn no_beginning_of_an_answer_proves_anything() {
    let refused = r#"{"data":{},"error":{"code":"rate_limit_exceeded","message":"m","log_id":"l"}}"#;
    for (status, whole) in [(200, INIT_OK), (429, refused), (200, refused)] {
        for cut in 0..whole.len() {
            let error = init(status, &whole[..cut]).await.unwrap_err();
            assert!(matches!(error, Error::Ambiguous { .. }), "{}", &whole[..cut]);
        }
    }
}

#[tokio::test]
async fn reads_are_classified_like_writes() {
    assert_eq!(ambiguity(answering(502, "x").creator_info(&token()).await), Ambiguity::ServerFault);
    assert_eq!(ambiguity(answering(404, "x").fetch_status(&token(), "p").await), Ambiguity::NotTikToksAnswer);
    assert_eq!(
        ambiguity(answering(200, "x").user_info(&token(), &Scopes::default()).await),
        Ambiguity::Unreadable
    );
}

#[tokio::test]
async fn creator_info_is_read_whole() {
    let body = r#"{"data":{"creator_avatar_url":"https://a.test/a.jpg","creator_username":"ann","creator_nickname":"Ann",
        "privacy_level_options":["PUBLIC_TO_EVERYONE","FRIENDS_OF_TOMORROW","SELF_ONLY"],"comment_disabled":false,
        "duet_disabled":true,"stitch_disabled":true,"max_video_post_duration_sec":300,"brand_new":1},
        "error":{"code":"ok","message":"","log_id":"l"},"extra":null}"#;
    let info = answering(200, body).creator_info(&token()).await.unwrap();
    assert_eq!(
        info.privacy_level_options,
        [
            PrivacyLevel::PublicToEveryone,
            PrivacyLevel::Other("FRIENDS_OF_TOMORROW".to_owned()),
            PrivacyLevel::SelfOnly
        ]
    );
    assert_eq!((info.username.as_str(), info.nickname.as_str()), ("ann", "Ann"));
    assert_eq!((info.comment_disabled, info.duet_disabled, info.stitch_disabled), (false, true, true));
    assert_eq!(info.max_video_post_duration_sec, Some(300));
    assert_eq!(info.avatar_url.as_deref(), Some("https://a.test/a.jpg"));
}

#[tokio::test]
async fn creator_info_without_levels_is_no_answer() {
    let body = r#"{"data":{"creator_nickname":"Ann"},"error":{"code":"ok"}}"#;
    assert_eq!(ambiguity(answering(200, body).creator_info(&token()).await), Ambiguity::Unreadable);
}

#[tokio::test]
async fn user_info_is_read_from_inside_data() {
    let body = r#"{"data":{"user":{"open_id":"_000n3","display_name":"Ann","avatar_url":"https://a.test"}},"error":{"code":"ok"}}"#;
    let user = answering(200, body).user_info(&token(), &Scopes::default()).await.unwrap();
    assert_eq!((user.open_id.as_str(), user.display_name.as_deref()), ("_000n3", Some("Ann")));
    assert_eq!(user.username, None);
}

#[tokio::test]
async fn post_ids_keep_all_their_digits() {
    for (ids, expected) in [
        ("[7678907398077074696]", vec![7_678_907_398_077_074_696]),
        (
            r#"["7678907398077074696",7602997517160123666]"#,
            vec![7_678_907_398_077_074_696, 7_602_997_517_160_123_666],
        ),
        (r#"[18446744073709551615,0,-1,1.5,null,{},"x",18446744073709551616]"#, vec![u64::MAX]),
        ("[]", vec![]),
        ("null", vec![]),
    ] {
        let body = format!(
            r#"{{"data":{{"status":"PUBLISH_COMPLETE","publicaly_available_post_id":{ids},"downloaded_bytes":12}},"error":{{"code":"ok"}}}}"#
        );
        let report = answering(200, body).fetch_status(&token(), "p").await.unwrap();
        assert_eq!(report.status, PublishStatus::PublishComplete);
        assert_eq!(report.post_ids, expected);
        assert_eq!(report.downloaded_bytes, Some(12));
    }
}

#[tokio::test]
async fn post_ids_are_found_in_either_spelling_and_in_both() {
    for fields in [
        r#""publicaly_available_post_id":[7]"#,
        r#""publicly_available_post_id":[7]"#,
        r#""publicly_available_post_id":[7],"publicaly_available_post_id":[7]"#,
    ] {
        let body = format!(r#"{{"data":{{"status":"PUBLISH_COMPLETE",{fields}}},"error":{{"code":"ok"}}}}"#);
        assert_eq!(answering(200, body).fetch_status(&token(), "p").await.unwrap().post_ids, [7]);
    }
}

#[tokio::test]
async fn every_status_and_reason_is_read_and_unknown_ones_are_kept() {
    for status in
        PublishStatus::KNOWN.iter().cloned().chain([PublishStatus::Other("PROCESSING_NEW".to_owned())])
    {
        let body = format!(r#"{{"data":{{"status":"{status}","fail_reason":""}},"error":{{"code":"ok"}}}}"#);
        let report = answering(200, body).fetch_status(&token(), "p").await.unwrap();
        assert_eq!((report.status, report.fail_reason), (status, None));
    }
    for reason in
        FailReason::KNOWN.iter().cloned().chain([FailReason::Other("video_bitrate_check_failed".to_owned())])
    {
        let body =
            format!(r#"{{"data":{{"status":"FAILED","fail_reason":"{reason}"}},"error":{{"code":"ok"}}}}"#);
        let report = answering(200, body).fetch_status(&token(), "p").await.unwrap();
        assert_eq!((report.status, report.fail_reason), (PublishStatus::Failed, Some(reason)));
    }
}

#[tokio::test]
async fn a_cancel_is_acknowledged_by_error_alone() {
    for body in
        [r#"{"error":{"code":"ok","message":"","log_id":"l"}}"#, r#"{"data":{},"error":{"code":"ok"}}"#]
    {
        answering(200, body).cancel(&token(), "p").await.unwrap();
    }
    for (status, body, why) in [
        (200, "", Ambiguity::Unreadable),
        (200, "{}", Ambiguity::Unreadable),
        (400, r#"{"error":{"code":"ok"}}"#, Ambiguity::NotTikToksAnswer),
        (502, r#"{"error":{"code":"ok"}}"#, Ambiguity::ServerFault),
    ] {
        assert_eq!(ambiguity(answering(status, body).cancel(&token(), "p").await), why, "{status} {body}");
    }
}

#[tokio::test]
async fn a_page_of_videos_keeps_all_digits_and_what_it_does_not_know_does_no_harm() {
    let body = r#"{"data":{"videos":[
        {"id":"7678907398077074696","create_time":1790000000,"duration":9,"video_description":"a walk","share_url":"https://t.test/1","like_count":3},
        {"id":7602997517160123666,"create_time":1780000000,"video_description":null}],
        "cursor":1780000000000,"has_more":true,"brand_new":1},"error":{"code":"ok"}}"#;
    let page = answering(200, body).list_videos(&token(), None, 20).await.unwrap();
    let expected = [
        Video {
            id: 7_678_907_398_077_074_696,
            create_time: 1_790_000_000,
            duration: Some(9),
            description: "a walk".to_owned(),
            share_url: Some("https://t.test/1".to_owned()),
        },
        Video {
            id: 7_602_997_517_160_123_666,
            create_time: 1_780_000_000,
            duration: None,
            description: String::new(),
            share_url: None,
        },
    ];
    assert_eq!(page, VideoPage { videos: expected.into(), cursor: Some(1_780_000_000_000), has_more: true });
}

#[tokio::test]
async fn a_page_with_a_video_that_cannot_be_told_is_no_answer() {
    for video in [r#"{"create_time":1}"#, r#"{"id":"x","create_time":1}"#, r#"{"id":"7"}"#, "7"] {
        let body = format!(
            r#"{{"data":{{"videos":[{{"id":"7","create_time":1}},{video}],"cursor":0,"has_more":false}},"error":{{"code":"ok"}}}}"#
        );
        let page = answering(200, body).list_videos(&token(), None, 20).await;
        assert_eq!(ambiguity(page), Ambiguity::Unreadable, "{video}");
    }
}

#[tokio::test]
async fn tokens_are_read_flat() {
    let client = answering(200, TOKENS);
    for tokens in [
        client.exchange_code(&app(), "code", "https://me.test/cb").await.unwrap(),
        client.refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap(),
    ] {
        assert_eq!(tokens.access_token.expose(), "act.a");
        assert_eq!(tokens.refresh_token.expose(), "rft.b");
        assert_eq!(tokens.expires_in, Duration::from_hours(24));
        assert_eq!(tokens.refresh_expires_in, Duration::from_hours(365 * 24));
        assert_eq!(tokens.open_id, "-000YSS_OTWK");
        assert!(tokens.scopes.contains("video.publish") && !tokens.scopes.contains("video.list"));
    }
}

#[tokio::test]
async fn an_oauth_error_is_one_behind_any_status() {
    let body = r#"{"error":"invalid_grant","error_description":"Refresh token is invalid","log_id":"l2"}"#;
    for status in [200, 400, 401] {
        match answering(status, body).refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap_err() {
            Error::OAuthRefused { http_status, code, description, log_id, .. } => {
                assert_eq!((http_status, code), (status, OAuthErrorCode::InvalidGrant));
                assert_eq!(
                    (description.as_str(), log_id.as_deref()),
                    ("Refresh token is invalid", Some("l2"))
                );
            }
            other => panic!("{other:?}"),
        }
    }
    let error = answering(500, body).refresh(&app(), &RefreshToken::new("rft.a")).await;
    assert_eq!(ambiguity(error), Ambiguity::ServerFault);
}

#[tokio::test]
async fn an_envelope_from_the_token_endpoint_is_understood() {
    let body = r#"{"error":{"code":"rate_limit_exceeded","message":"","log_id":"l"}}"#;
    let error = answering(429, body).refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap_err();
    assert!(matches!(error, Error::Refused { code: ErrorCode::RateLimitExceeded, .. }), "{error:?}");
}

#[tokio::test]
async fn a_token_answer_that_lacks_anything_is_unreadable() {
    for field in ["access_token", "refresh_token", "expires_in", "refresh_expires_in", "open_id"] {
        let missing = TOKENS.replace(&format!("\"{field}\""), "\"other\"");
        let answer = answering(200, missing).refresh(&app(), &RefreshToken::new("rft.a")).await;
        assert_eq!(ambiguity(answer), Ambiguity::Unreadable, "{field}");
    }
    for (full, empty) in [("act.a", ""), ("rft.b", ""), ("-000YSS_OTWK", "")] {
        let answer =
            answering(200, TOKENS.replace(full, empty)).refresh(&app(), &RefreshToken::new("rft.a")).await;
        assert_eq!(ambiguity(answer), Ambiguity::Unreadable, "{full}");
    }
    let refused = answering(400, TOKENS).refresh(&app(), &RefreshToken::new("rft.a")).await;
    assert_eq!(ambiguity(refused), Ambiguity::NotTikToksAnswer);
}

#[tokio::test]
async fn a_revocation_succeeds_with_an_empty_body() {
    for body in ["", " \n", "{}", r#"{"error":{"code":"ok"}}"#] {
        answering(200, body).revoke(&app(), &token()).await.unwrap();
    }
    let refused = answering(200, r#"{"error":"invalid_client","error_description":"d","log_id":"l"}"#);
    let error = refused.revoke(&app(), &token()).await.unwrap_err();
    assert!(matches!(error, Error::OAuthRefused { code: OAuthErrorCode::InvalidClient, .. }), "{error:?}");
    assert_eq!(ambiguity(answering(200, "<html>").revoke(&app(), &token()).await), Ambiguity::Unreadable);
    assert_eq!(ambiguity(answering(404, "").revoke(&app(), &token()).await), Ambiguity::NotTikToksAnswer);
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let body = format!(r#"{{"error":{{"code":"invalid_params","message":"{}"}}}}"#, "\u{fc}".repeat(10_000));
    let Error::Refused { message, .. } = init(400, &body).await.unwrap_err() else { panic!() };
    assert_eq!(message.chars().count(), 300);
}
