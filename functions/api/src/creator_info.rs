//! Asking TikTok what a creator may do right now, within the account's limits.

use domain::creator::CreatorInfo;
use domain::limits::Limits;
use domain::{Account, Creator, Job, SignedDuration, Timestamp};
use flows::Token;
use http::StatusCode;
use ports::{Accounts, Clock, Creators, Entropy, Queues, Read};
use tiktok::{AccessToken, Remedy};

use crate::refusal::{Refusal, Source};
use crate::{Api, Outside, limits, view};

/// Others may change the account's limits at the same moment this often.
const TRIES: u32 = 4;
/// How old an avatar's URL may be.
const AVATAR: SignedDuration = SignedDuration::from_hours(1);
/// A refresh takes about this long.
pub(crate) const REFRESH: SignedDuration = SignedDuration::from_secs(3);

impl<W: Outside> Api<W> {
    /// TikTok's answer of this moment, and what is left of the account's limits after it. The creator's row takes it over if it
    /// says something new.
    pub(crate) async fn fresh_creator_info(
        &self,
        creator: &Creator,
    ) -> Result<(CreatorInfo, Limits), Refusal> {
        let (info, account) = self.ask_creator_info(creator).await?;
        let status = view::status(creator, Some(&account));
        // avatars die after two hours: a row that shows one is kept young while somebody asks
        let old = info.fetched_at.duration_since(creator.profile_at) >= AVATAR;
        if old || !info.says_the_same_as(&creator.info) || status != creator.status {
            let creator =
                Creator { info: info.clone(), profile_at: info.fetched_at, status, ..creator.clone() };
            self.store.put_creator(&creator).await?;
        }
        Ok((info, account.limits))
    }

    /// TikTok's answer of this moment, and the account after it. Nothing is written but that TikTok was asked: the limiter has to
    /// know of every call.
    pub(crate) async fn ask_creator_info(
        &self,
        creator: &Creator,
    ) -> Result<(CreatorInfo, Account), Refusal> {
        let account = self
            .store
            .account(&creator.account, Read::Strong)
            .await?
            .ok_or_else(|| Refusal::internal(format!("creator `{}` lacks its account", creator.id)))?;
        let now = self.time.now();
        let (token, epoch) = match flows::open_token(&self.vault, &account, &creator.id, None, now).await? {
            Token::Usable { access, epoch } => (AccessToken::new(access.expose()), epoch),
            Token::Stale { epoch } => return Err(self.refreshed_soon(&account, epoch).await),
            Token::Gone => return Err(reconnect()),
            Token::Locked(error) => {
                tracing::error!(account = %account.id, error = %flows::chain(&error), "the access token does not open");
                return Err(Refusal::internal(error));
            }
        };
        let (asked_at, limits) = self.reserve_creator_info(account.clone()).await?;
        match self.tiktok.creator_info(&token).await {
            Ok(info) => Ok((creator_info(info, asked_at), Account { limits, ..account })),
            Err(error) => Err(self.not_told(&account, epoch, &error).await),
        }
    }

    /// Reserves the time of one call, now or never; gives it with the limits as they are then.
    pub(crate) async fn reserve_creator_info(
        &self,
        mut account: Account,
    ) -> Result<(Timestamp, Limits), Refusal> {
        for _ in 0..TRIES {
            let now = self.time.now();
            let mut limits = account.limits.clone();
            let start = limits.reserve_creator_info(now);
            if start > now {
                return Err(busy("creator_info.rate_limited", start.duration_since(now), now));
            }
            let (id, seen, slot) = (&account.id, account.limits_version, account.slot.as_ref());
            let nonce = self.time.nonce();
            if self.store.save_limits(id, seen, &limits, slot, nonce).await?.is_some() {
                return Ok((now, limits));
            }
            account = self.store.account(id, Read::Strong).await?.ok_or_else(reconnect)?;
        }
        Err(busy("creator_info.contended", SignedDuration::from_secs(1), self.time.now()))
    }

    /// Has the tokens of a generation refreshed, unless newer ones are there.
    pub(crate) async fn ask_for_refresh(&self, account: &Account, epoch: u64, delay: SignedDuration) {
        let job = Job::Refresh { account: account.id.clone(), epoch: Some(epoch) };
        if let Err(error) = self.queues.send(&job, delay).await {
            tracing::warn!(account = %account.id, error = %flows::chain(&error), "the refresh waits for its own time");
        }
    }

    async fn refreshed_soon(&self, account: &Account, epoch: u64) -> Refusal {
        self.ask_for_refresh(account, epoch, SignedDuration::ZERO).await;
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "creator.token_stale",
            "the creator's access token has ended and is being renewed",
            "ask again in a few seconds",
        )
        .from(Source::System)
        .retry_in(REFRESH, self.time.now())
    }

    async fn not_told(&self, account: &Account, epoch: u64, error: &tiktok::Error) -> Refusal {
        let now = self.time.now();
        let remedy = error.remedy();
        match remedy {
            Remedy::RefreshToken => return self.refreshed_soon(account, epoch).await.tiktok(error),
            Remedy::Reauthorize => return reconnect().tiktok(error),
            Remedy::WaitAndRetry { .. } if error.code() == Some("rate_limit_exceeded") => {
                self.rest(account, now).await;
                return busy("creator_info.rate_limited", domain::limits::WINDOW, now)
                    .from(Source::TikTok)
                    .tiktok(error);
            }
            _ => {}
        }
        tracing::warn!(account = %account.id, error = %flows::chain(error), "TikTok does not tell creator_info");
        let code = format!("tiktok.{}", error.code().unwrap_or("unreachable"));
        let refuse = |status| Refusal::new(status, &code, error.to_string(), remedy.advice()).tiktok(error);
        match remedy {
            Remedy::CreatorLater | Remedy::InboxLater | Remedy::AppLater | Remedy::CreatorMustAct => {
                refuse(StatusCode::CONFLICT).from(Source::TikTok).retryable()
            }
            Remedy::CreatorNever | Remedy::ChooseAgain | Remedy::ChangeContent => {
                refuse(StatusCode::CONFLICT).from(Source::TikTok)
            }
            Remedy::WaitAndRetry { .. } | Remedy::TikTokFault | Remedy::Ambiguous => {
                refuse(StatusCode::SERVICE_UNAVAILABLE)
                    .from(Source::TikTok)
                    .retry_in(SignedDuration::from_secs(5), now)
            }
            Remedy::Operator
            | Remedy::TooLate
            | Remedy::FixRequest
            | Remedy::RefreshToken
            | Remedy::Reauthorize => refuse(StatusCode::BAD_GATEWAY).from(Source::System),
        }
    }

    /// TikTok answered 429: nothing goes out for this account for a while.
    async fn rest(&self, account: &Account, now: Timestamp) {
        let Ok(Some(account)) = self.store.account(&account.id, Read::Strong).await else { return };
        let mut limits = account.limits.clone();
        limits.rest(now, SignedDuration::from_millis(i64::from(self.time.random()[0]) * 20));
        let (seen, slot) = (account.limits_version, account.slot.as_ref());
        if let Err(error) = self.store.save_limits(&account.id, seen, &limits, slot, self.time.nonce()).await
        {
            tracing::warn!(account = %account.id, error = %flows::chain(&error), "the account does not rest");
        }
    }
}

pub(crate) fn creator_info(info: tiktok::CreatorInfo, fetched_at: Timestamp) -> CreatorInfo {
    CreatorInfo {
        nickname: info.nickname,
        username: info.username,
        avatar_url: info.avatar_url.unwrap_or_default(),
        privacy_level_options: info
            .privacy_level_options
            .iter()
            .map(|level| level.as_str().to_owned())
            .collect(),
        comment_disabled: info.comment_disabled,
        duet_disabled: info.duet_disabled,
        stitch_disabled: info.stitch_disabled,
        max_video_post_duration_sec: info.max_video_post_duration_sec.unwrap_or(u32::MAX / 1_000),
        fetched_at,
    }
}

fn busy(code: &str, wait: SignedDuration, now: Timestamp) -> Refusal {
    let refusal = Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        code,
        "TikTok lets an app ask about a creator 20 times a minute",
        "ask again at the time in retry_at",
    );
    let headers = limits::spent(wait).into_iter();
    headers
        .fold(refusal, |refusal, (name, value)| refusal.header(name, &value))
        .from(Source::System)
        .retry_in(wait, now)
}

fn reconnect() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "creator.reconnect_required",
        "TikTok does not accept the creator's tokens any more",
        "let the creator connect again with a link from POST /v1/connect-links",
    )
}
