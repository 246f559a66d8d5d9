//! What went wrong, whose fault it is, and what helps.

use std::{fmt, time::Duration};

use crate::{
    Endpoint,
    exchange::{BoxError, ExchangeError},
    publish::words,
};

/// A call that did not give what was asked. The variants differ in what is *proven*; a call that reads is
/// classified exactly like one that writes.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection was never made: TikTok saw nothing.
    #[error("call `{endpoint}` of TikTok: not sent")]
    NotSent {
        /// The call.
        endpoint: Endpoint,
        /// Why.
        source: BoxError,
    },
    /// The request cannot be expressed in HTTP or JSON, so it was not sent.
    #[error("call `{endpoint}` of TikTok: the request cannot be built from this `{what}`")]
    Unbuildable {
        /// The call.
        endpoint: Endpoint,
        /// The input at fault.
        what: &'static str,
    },
    /// TikTok may or may not have acted: a timeout after sending, a reset, a cut body, a 5xx, a 4xx without
    /// TikTok's envelope, an unreadable 200. Never proof of anything.
    #[error("call `{endpoint}` of TikTok: outcome unknown, {why}")]
    Ambiguous {
        /// The call.
        endpoint: Endpoint,
        /// What was seen.
        why: Ambiguity,
        /// The status, if a whole answer came.
        http_status: Option<u16>,
        /// TikTok's code, if the answer named one all the same (a 5xx with an envelope).
        code: Option<String>,
        /// TikTok's `log_id`, if the answer named one.
        log_id: Option<String>,
        /// Why, where there is a cause.
        source: Option<BoxError>,
    },
    /// TikTok answered with its envelope, and the code is not `ok`. Can come with HTTP 200: `creator_info` tells
    /// of caps and bans that way (CI).
    #[error(
        "call `{endpoint}` of TikTok: refused with `{code}`, HTTP {http_status}, log id `{}`",
        log_id.as_deref().unwrap_or("none")
    )]
    Refused {
        /// The call.
        endpoint: Endpoint,
        /// The status line; do not decide by it.
        http_status: u16,
        /// What discriminates.
        code: ErrorCode,
        /// Often one generic sentence, whatever the cause.
        message: String,
        /// For TikTok's support.
        log_id: Option<String>,
    },
    /// TikTok answered with a flat OAuth error (TOK, OERR). Can come with HTTP 200.
    #[error(
        "call `{endpoint}` of TikTok: refused with `{code}`, HTTP {http_status}, log id `{}`",
        log_id.as_deref().unwrap_or("none")
    )]
    OAuthRefused {
        /// The call.
        endpoint: Endpoint,
        /// The status line; do not decide by it.
        http_status: u16,
        /// What discriminates.
        code: OAuthErrorCode,
        /// TikTok's `error_description`.
        description: String,
        /// For TikTok's support.
        log_id: Option<String>,
    },
}

impl Error {
    pub(crate) fn from_exchange(endpoint: Endpoint, error: ExchangeError) -> Self {
        match error {
            ExchangeError::NotSent(source) => Self::NotSent { endpoint, source },
            ExchangeError::MaybeSent(source) => Self::Ambiguous {
                endpoint,
                why: Ambiguity::NoWholeAnswer,
                http_status: None,
                code: None,
                log_id: None,
                source: Some(source),
            },
        }
    }

    /// Which call failed.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::NotSent { endpoint, .. }
            | Self::Unbuildable { endpoint, .. }
            | Self::Ambiguous { endpoint, .. }
            | Self::Refused { endpoint, .. }
            | Self::OAuthRefused { endpoint, .. } => *endpoint,
        }
    }

    /// TikTok's `log_id`, for its support.
    pub fn log_id(&self) -> Option<&str> {
        match self {
            Self::NotSent { .. } | Self::Unbuildable { .. } => None,
            Self::Ambiguous { log_id, .. }
            | Self::Refused { log_id, .. }
            | Self::OAuthRefused { log_id, .. } => log_id.as_deref(),
        }
    }

    /// TikTok's code in TikTok's spelling, if the answer named one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::NotSent { .. } | Self::Unbuildable { .. } => None,
            Self::Ambiguous { code, .. } => code.as_deref(),
            Self::Refused { code, .. } => Some(code.as_str()),
            Self::OAuthRefused { code, .. } => Some(code.as_str()),
        }
    }

    /// The status line, if a whole answer came.
    pub fn http_status(&self) -> Option<u16> {
        match self {
            Self::NotSent { .. } | Self::Unbuildable { .. } => None,
            Self::Ambiguous { http_status, .. } => *http_status,
            Self::Refused { http_status, .. } | Self::OAuthRefused { http_status, .. } => Some(*http_status),
        }
    }

    /// Whether it is certain that the call had no effect at TikTok. Only then may an init be made again.
    pub fn proves_nothing_was_created(&self) -> bool {
        match self {
            Self::NotSent { .. } | Self::Unbuildable { .. } => true,
            Self::Ambiguous { .. } => false,
            Self::Refused { code, .. } => code.proves_nothing_was_created(),
            Self::OAuthRefused { code, .. } => code.proves_nothing_was_done(),
        }
    }

    /// Whose fault it is and what helps.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::NotSent { .. } => Remedy::WaitAndRetry { min: Duration::from_secs(2) },
            Self::Unbuildable { .. } => Remedy::FixRequest,
            Self::Ambiguous { endpoint, .. } => unproven(*endpoint),
            Self::Refused { endpoint, code, .. } => code.remedy().unwrap_or_else(|| unproven(*endpoint)),
            Self::OAuthRefused { code, .. } => code.remedy(),
        }
    }
}

/// Nothing is proven: harmless for a call that can be repeated, a question for one that cannot.
fn unproven(endpoint: Endpoint) -> Remedy {
    if endpoint.is_repeatable() { Remedy::TikTokFault } else { Remedy::Ambiguous }
}

/// What was seen instead of an answer that proves something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ambiguity {
    /// The connection existed, then a timeout, a reset or a cut or oversized body.
    NoWholeAnswer,
    /// A 5xx, TikTok's envelope or not.
    ServerFault,
    /// A 3xx or 4xx in which TikTok does not speak: some gateway, or a redirect (not followed).
    NotTikToksAnswer,
    /// A 2xx whose body is not what the call answers.
    Unreadable,
}

impl fmt::Display for Ambiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWholeAnswer => "no whole answer came",
            Self::ServerFault => "the server failed",
            Self::NotTikToksAnswer => "the answer is not in TikTok's form",
            Self::Unreadable => "the answer cannot be read",
        })
    }
}

/// Whose fault it is and what helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// The access token: refresh it once, then start the job over.
    RefreshToken,
    /// The grant: the creator must connect again, or grant the missing scope.
    Reauthorize,
    /// Nobody's: the same call may be made again after `min`.
    WaitAndRetry {
        /// Shortest sensible wait; add jitter.
        min: Duration,
    },
    /// The creator's cap on posts by apps in 24 h: hold the creator's posts until 24 h after the oldest counted one.
    CreatorLater,
    /// The creator's inbox holds too many drafts: hold drafts; only the creator surely frees places.
    InboxLater,
    /// The app's cap on posting creators in 24 h: hold posts of creators who did not post today. No creator's fault.
    AppLater,
    /// Nothing helps until the creator changes something in TikTok (or, for an unaudited app, the operator
    /// finishes the audit): hold the creator's posts, show the remedy, never retry by itself.
    CreatorMustAct,
    /// The creator is banned from posting: this post has failed.
    CreatorNever,
    /// The app's set-up (keys, scopes, verified URLs): hold everything, tell the operator, fail nothing.
    Operator,
    /// The chosen privacy is not offered (any more): this post has failed, a person must choose again. Never
    /// substitute another.
    ChooseAgain,
    /// TikTok judged the content: this post has failed as it is.
    ChangeContent,
    /// A cancel came too late: the publish goes on, and its status tells how it ends. Repeating is useless.
    TooLate,
    /// The request is wrong as it is: repeating it is useless.
    FixRequest,
    /// A passing fault of TikTok or on the way, in a call that may be repeated.
    TikTokFault,
    /// Nobody knows whether a call that must not be repeated took effect: find out, never just repeat.
    Ambiguous,
}

impl Remedy {
    /// What to do, for people.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::RefreshToken => "the access token is renewed, then the call is made again",
            Self::Reauthorize => "the creator must connect again and grant every permission asked for",
            Self::WaitAndRetry { .. } => "nothing to do: the call is made again later",
            Self::CreatorLater => {
                "the creator reached TikTok's daily number of posts by apps: wait up to 24 hours, or post in TikTok"
            }
            Self::InboxLater => "the creator must finish or discard drafts in TikTok's inbox",
            Self::AppLater => {
                "the app reached the number of creators TikTok lets it post for in 24 hours: wait, or ask TikTok for more"
            }
            Self::CreatorMustAct => {
                "make the TikTok account private or finish the app's audit (unaudited app), or update the TikTok app"
            }
            Self::CreatorNever => {
                "TikTok does not let this creator post: the creator can ask TikTok in the app"
            }
            Self::Operator => "the operator must correct the app's keys, scopes or verified URLs at TikTok",
            Self::ChooseAgain => "choose one of the privacy levels that TikTok offers this creator now",
            Self::ChangeContent => "TikTok judged the content risky: post something else",
            Self::TooLate => "too late to cancel: the post goes on, and its status tells how it ends",
            Self::FixRequest => "TikTok finds the request wrong: repeating it does not help",
            Self::TikTokFault => "a passing fault of TikTok: the call is made again later",
            Self::Ambiguous => "nobody knows yet whether TikTok acted: find out before trying again",
        }
    }
}

words!(
    /// `error.code` of TikTok's envelope (ERR, and the pages of the endpoints). `ok` is not among them.
    ErrorCode {
        /// 401. The token is wrong, expired or revoked (ERR).
        AccessTokenInvalid = "access_token_invalid",
        /// 401. The user did not grant the scope (ERR).
        ScopeNotAuthorized = "scope_not_authorized",
        /// 400. A field needs a scope that is missing (ERR).
        ScopePermissionMissed = "scope_permission_missed",
        /// 400. The spelling of the posting pages (DP, CI, ST).
        InvalidParam = "invalid_param",
        /// 400. The spelling of the general page and of the wire (ERR).
        InvalidParams = "invalid_params",
        /// 400 (ERR).
        InvalidFileUpload = "invalid_file_upload",
        /// 429. Per user token and a sliding minute: `creator_info` 20 (CI), init 6 (DP), status 30 (ST). No
        /// Retry-After is documented (RL).
        RateLimitExceeded = "rate_limit_exceeded",
        /// 500 (ERR). Proves nothing.
        InternalError = "internal_error",
        /// 403 at init (DP), 200 in `creator_info` (CI). The creator's cap on posts by all apps in 24 h.
        SpamRiskTooManyPosts = "spam_risk_too_many_posts",
        /// 403 at init (DP), 200 in `creator_info` (CI).
        SpamRiskUserBannedFromPosting = "spam_risk_user_banned_from_posting",
        /// 403 at inbox init (UP, PH). At most 5 pending drafts in 24 h.
        SpamRiskTooManyPendingShare = "spam_risk_too_many_pending_share",
        /// Documented as a fail reason (ST); understood as a code too.
        SpamRiskText = "spam_risk_text",
        /// Documented as a fail reason (ST); understood as a code too.
        SpamRisk = "spam_risk",
        /// 403 at init (DP), 200 in `creator_info` (CI). The app's cap on distinct posting creators in 24 h.
        ReachedActiveUserCap = "reached_active_user_cap",
        /// 403 (DP). The app is unaudited and the account is public, whatever the post's own level.
        UnauditedClientCanOnlyPostToPrivateAccounts = "unaudited_client_can_only_post_to_private_accounts",
        /// 403 (DP). The pulled URL's host or prefix is not verified for the app.
        UrlOwnershipUnverified = "url_ownership_unverified",
        /// 403 (DP). Level missing, or not among the creator's options.
        PrivacyLevelOptionMismatch = "privacy_level_option_mismatch",
        /// 400 (PH). Drafts of photos need TikTok 31.8 on the creator's phone.
        AppVersionCheckFailed = "app_version_check_failed",
        /// 400 (ST, MT). Unknown, or shortly after init not visible yet.
        InvalidPublishId = "invalid_publish_id",
        /// 400 (ST, MT). The publish belongs to another user or app.
        TokenNotAuthorizedForSpecifiedPublishId = "token_not_authorized_for_specified_publish_id",
        /// 400 (MT). Too late to cancel: near completion, or processing began.
        PublishNotCancellable = "publish_not_cancellable",
    }
);

impl ErrorCode {
    /// Whether TikTok, answering this to an init, says that nothing was posted and nothing will be. Every
    /// documented refusal does; `internal_error` and codes unknown here do not.
    pub fn proves_nothing_was_created(&self) -> bool {
        !matches!(self, Self::InternalError | Self::Other(_))
    }

    /// What helps; None where the code proves nothing, so that it depends on the call.
    fn remedy(&self) -> Option<Remedy> {
        Some(match self {
            Self::AccessTokenInvalid => Remedy::RefreshToken,
            Self::ScopeNotAuthorized | Self::ScopePermissionMissed => Remedy::Reauthorize,
            Self::RateLimitExceeded => Remedy::WaitAndRetry { min: Duration::from_mins(1) },
            Self::SpamRiskTooManyPosts => Remedy::CreatorLater,
            Self::SpamRiskTooManyPendingShare => Remedy::InboxLater,
            Self::ReachedActiveUserCap => Remedy::AppLater,
            Self::UnauditedClientCanOnlyPostToPrivateAccounts | Self::AppVersionCheckFailed => {
                Remedy::CreatorMustAct
            }
            Self::SpamRiskUserBannedFromPosting => Remedy::CreatorNever,
            Self::UrlOwnershipUnverified => Remedy::Operator,
            Self::PrivacyLevelOptionMismatch => Remedy::ChooseAgain,
            Self::SpamRisk | Self::SpamRiskText => Remedy::ChangeContent,
            Self::InvalidPublishId => Remedy::WaitAndRetry { min: Duration::from_secs(30) },
            Self::InvalidParam
            | Self::InvalidParams
            | Self::InvalidFileUpload
            | Self::TokenNotAuthorizedForSpecifiedPublishId => Remedy::FixRequest,
            Self::PublishNotCancellable => Remedy::TooLate,
            Self::InternalError | Self::Other(_) => return None,
        })
    }
}

words!(
    /// `error` of a flat OAuth answer (OERR, TOK).
    OAuthErrorCode {
        /// The user said no.
        AccessDenied = "access_denied",
        /// Wrong client key or secret.
        InvalidClient = "invalid_client",
        /// Code or refresh token invalid, expired, revoked, of another app, or another redirect URI.
        InvalidGrant = "invalid_grant",
        /// A parameter is missing or malformed.
        InvalidRequest = "invalid_request",
        /// A scope that the app does not have.
        InvalidScope = "invalid_scope",
        /// The app may not do this.
        UnauthorizedClient = "unauthorized_client",
        /// Unknown grant type.
        UnsupportedGrantType = "unsupported_grant_type",
        /// Unknown response type.
        UnsupportedResponseType = "unsupported_response_type",
        /// TikTok's fault.
        ServerError = "server_error",
        /// TikTok's fault.
        TemporarilyUnavailable = "temporarily_unavailable",
    }
);

impl OAuthErrorCode {
    /// Whether the grant that was sent is untouched by this answer.
    fn proves_nothing_was_done(&self) -> bool {
        !matches!(self, Self::ServerError | Self::TemporarilyUnavailable | Self::Other(_))
    }

    /// A passing or unknown error never disconnects anyone: only what TikTok says about the grant does.
    fn remedy(&self) -> Remedy {
        match self {
            Self::AccessDenied | Self::InvalidGrant => Remedy::Reauthorize,
            Self::InvalidClient | Self::InvalidScope | Self::UnauthorizedClient => Remedy::Operator,
            Self::InvalidRequest | Self::UnsupportedGrantType | Self::UnsupportedResponseType => {
                Remedy::FixRequest
            }
            Self::ServerError | Self::TemporarilyUnavailable | Self::Other(_) => Remedy::TikTokFault,
        }
    }
}
