//! Error codes, what they prove and what helps.

use std::time::Duration;

use tiktok::{
    Error, ErrorCode, ExchangeError, FailReason, OAuthErrorCode, RefreshToken, Remedy, UploadPlan, VideoType,
};

use super::script::{answering, app, photo_post, photos, post, pull_url, token, upload_url};

const MINUTE: Remedy = Remedy::WaitAndRetry { min: Duration::from_mins(1) };

/// Every code that TikTok's pages name: at which status it comes, what helps, whether it proves that nothing was posted.
const CODES: &[(&str, u16, Remedy, bool)] = &[
    ("access_token_invalid", 401, Remedy::RefreshToken, true),
    ("scope_not_authorized", 401, Remedy::Reauthorize, true),
    ("scope_permission_missed", 400, Remedy::Reauthorize, true),
    ("invalid_param", 400, Remedy::FixRequest, true),
    ("invalid_params", 400, Remedy::FixRequest, true),
    ("invalid_file_upload", 400, Remedy::FixRequest, true),
    ("rate_limit_exceeded", 429, MINUTE, true),
    ("internal_error", 400, Remedy::Ambiguous, false),
    ("spam_risk_too_many_posts", 403, Remedy::CreatorLater, true),
    ("spam_risk_user_banned_from_posting", 403, Remedy::CreatorNever, true),
    ("spam_risk_too_many_pending_share", 403, Remedy::InboxLater, true),
    ("spam_risk_text", 403, Remedy::ChangeContent, true),
    ("spam_risk", 403, Remedy::ChangeContent, true),
    ("reached_active_user_cap", 403, Remedy::AppLater, true),
    ("unaudited_client_can_only_post_to_private_accounts", 403, Remedy::CreatorMustAct, true),
    ("url_ownership_unverified", 403, Remedy::Operator, true),
    ("privacy_level_option_mismatch", 403, Remedy::ChooseAgain, true),
    ("app_version_check_failed", 400, Remedy::CreatorMustAct, true),
    ("invalid_publish_id", 400, Remedy::WaitAndRetry { min: Duration::from_secs(30) }, true),
    ("token_not_authorized_for_specified_publish_id", 400, Remedy::FixRequest, true),
    ("publish_not_cancellable", 400, Remedy::TooLate, true),
    ("a_code_of_tomorrow", 403, Remedy::Ambiguous, false),
];

fn envelope(code: &str) -> String {
    format!(r#"{{"data":{{}},"error":{{"code":"{code}","message":"m","log_id":"l"}}}}"#)
}

#[tokio::test]
async fn every_code_at_init_has_its_remedy_and_its_proof() {
    for &(code, status, remedy, proof) in CODES {
        for status in [status, 200] {
            let client = || answering(status, envelope(code));
            for error in [
                client().init_video_pull(&token(), &post(), &pull_url()).await.unwrap_err(),
                client().init_draft_pull(&token(), &pull_url()).await.unwrap_err(),
                client().init_photo_post(&token(), &photo_post(), &photos()).await.unwrap_err(),
            ] {
                assert!(matches!(error, Error::Refused { .. }), "{error:?}");
                assert_eq!(error.code(), Some(code));
                assert_eq!(error.remedy(), remedy, "{code}");
                assert_eq!(error.proves_nothing_was_created(), proof, "{code}");
            }
        }
    }
}

#[test]
fn the_table_of_codes_is_complete() {
    for code in ErrorCode::KNOWN {
        assert!(CODES.iter().any(|row| row.0 == code.as_str()), "{code} has no row");
        assert_eq!(&ErrorCode::from(code.as_str()), code);
    }
    assert_eq!(CODES.len(), ErrorCode::KNOWN.len() + 1);
}

#[tokio::test]
async fn what_proves_nothing_is_harmless_in_a_read() {
    for code in ["internal_error", "a_code_of_tomorrow"] {
        let creator = answering(400, envelope(code)).creator_info(&token()).await.unwrap_err();
        let status = answering(400, envelope(code)).fetch_status(&token(), "p").await.unwrap_err();
        let list = answering(400, envelope(code)).list_videos(&token(), None, 20).await.unwrap_err();
        // not a read, but harmless all the same
        let cancel = answering(400, envelope(code)).cancel(&token(), "p").await.unwrap_err();
        assert_eq!(
            [creator.remedy(), status.remedy(), list.remedy(), cancel.remedy()],
            [Remedy::TikTokFault; 4]
        );
    }
    let error = answering(502, "").fetch_status(&token(), "p").await.unwrap_err();
    assert_eq!(error.remedy(), Remedy::TikTokFault);
}

#[tokio::test]
async fn a_banned_or_capped_creator_is_not_a_success_behind_http_200() {
    for (code, remedy) in [
        ("spam_risk_too_many_posts", Remedy::CreatorLater),
        ("spam_risk_user_banned_from_posting", Remedy::CreatorNever),
        ("reached_active_user_cap", Remedy::AppLater),
    ] {
        let error = answering(200, envelope(code)).creator_info(&token()).await.unwrap_err();
        assert_eq!((error.http_status(), error.remedy()), (Some(200), remedy));
    }
}

#[tokio::test]
async fn only_what_tiktok_says_about_the_grant_disconnects_a_creator() {
    let rows = [
        ("access_denied", Remedy::Reauthorize),
        ("invalid_client", Remedy::Operator),
        ("invalid_grant", Remedy::Reauthorize),
        ("invalid_request", Remedy::FixRequest),
        ("invalid_scope", Remedy::Operator),
        ("unauthorized_client", Remedy::Operator),
        ("unsupported_grant_type", Remedy::FixRequest),
        ("unsupported_response_type", Remedy::FixRequest),
        ("server_error", Remedy::TikTokFault),
        ("temporarily_unavailable", Remedy::TikTokFault),
        ("a_code_of_tomorrow", Remedy::TikTokFault),
    ];
    assert_eq!(rows.len(), OAuthErrorCode::KNOWN.len() + 1);
    for (code, remedy) in rows {
        for status in [200, 400] {
            let client = answering(status, format!(r#"{{"error":"{code}","error_description":"d"}}"#));
            let error = client.refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap_err();
            assert_eq!((error.code(), error.remedy()), (Some(code), remedy));
        }
    }
}

#[tokio::test]
async fn a_lost_token_answer_is_ambiguous_and_a_lost_revocation_is_not() {
    let lost = answering(503, "");
    let refresh = lost.refresh(&app(), &RefreshToken::new("rft.a")).await.unwrap_err();
    let exchange = lost.exchange_code(&app(), "c", "https://me.test/cb").await.unwrap_err();
    let revoke = lost.revoke(&app(), &token()).await.unwrap_err();
    assert_eq!(
        [refresh.remedy(), exchange.remedy(), revoke.remedy()],
        [Remedy::Ambiguous, Remedy::Ambiguous, Remedy::TikTokFault]
    );
}

#[tokio::test]
async fn a_lost_init_is_ambiguous_unless_its_bytes_are_still_to_come() {
    let lost = answering(503, "");
    let plan = UploadPlan::of(9).unwrap();
    let pull = lost.init_video_pull(&token(), &post(), &pull_url()).await.unwrap_err();
    let upload = lost.init_video_upload(&token(), &post(), plan).await.unwrap_err();
    let chunk = lost.upload_chunk(&upload_url(), VideoType::Mp4, 0..1, 9, "a".into()).await.unwrap_err();
    assert_eq!(
        [pull.remedy(), upload.remedy(), chunk.remedy()],
        [Remedy::Ambiguous, Remedy::TikTokFault, Remedy::TikTokFault]
    );
    let draft = lost.init_draft_pull(&token(), &pull_url()).await.unwrap_err();
    let draft_upload = lost.init_draft_upload(&token(), plan).await.unwrap_err();
    let photos = lost.init_photo_post(&token(), &photo_post(), &photos()).await.unwrap_err();
    assert_eq!(
        [draft.remedy(), draft_upload.remedy(), photos.remedy()],
        [Remedy::Ambiguous, Remedy::TikTokFault, Remedy::Ambiguous]
    );
    // what is refused is refused whatever the source
    let refused = answering(403, envelope("spam_risk_too_many_posts"));
    let error = refused.init_video_upload(&token(), &post(), plan).await.unwrap_err();
    assert_eq!((error.remedy(), error.proves_nothing_was_created()), (Remedy::CreatorLater, true));
}

struct Broken(fn() -> ExchangeError);

impl tiktok::Exchange for Broken {
    async fn exchange(&self, _: tiktok::Request) -> Result<tiktok::Response, ExchangeError> {
        Err(self.0())
    }
}

#[tokio::test]
async fn an_exchange_that_sent_nothing_proves_it_and_one_that_may_have_does_not() {
    let endpoints = tiktok::Endpoints::tiktok();
    let not_sent = tiktok::Client::new(Broken(|| ExchangeError::not_sent("refused")), endpoints.clone());
    let error = not_sent.init_video_pull(&token(), &post(), &pull_url()).await.unwrap_err();
    assert!(error.proves_nothing_was_created());
    assert!(matches!(error.remedy(), Remedy::WaitAndRetry { .. }));

    let maybe = tiktok::Client::new(Broken(|| ExchangeError::maybe_sent("reset")), endpoints);
    let error = maybe.init_video_pull(&token(), &post(), &pull_url()).await.unwrap_err();
    assert!(!error.proves_nothing_was_created());
    assert_eq!(error.remedy(), Remedy::Ambiguous);
    assert_eq!(maybe.creator_info(&token()).await.unwrap_err().remedy(), Remedy::TikTokFault);
}

#[test]
fn only_tiktoks_own_faults_and_failed_downloads_deserve_a_new_attempt() {
    let sensible: Vec<_> = FailReason::KNOWN.iter().filter(|reason| reason.new_attempt_sensible()).collect();
    assert_eq!(sensible, [&FailReason::Internal, &FailReason::VideoPullFailed, &FailReason::PhotoPullFailed]);
    assert!(!FailReason::Other("x".to_owned()).new_attempt_sensible());
    for reason in FailReason::KNOWN {
        assert_eq!(&FailReason::from(reason.as_str()), reason);
        assert!(!reason.remedy().is_empty());
    }
}
