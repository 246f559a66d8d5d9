//! Disconnecting a creator: TikTok is told first, then the tokens go, and the account is free for any workspace.
//!
//! Every step can be repeated: a request that stopped half way is finished by the next one. The account's limits, its slot
//! and its token generation stay, so connecting again resets nothing.

use domain::account::{AccountStatus, Lease, TokenField};
use domain::creator::CreatorStatus;
use domain::notice::News;
use domain::{Account, Creator, Notice, Problem, Scope, SignedDuration};
use http::StatusCode;
use ports::{Accounts, Clock, Creators, Entropy, Leased, Notices, Rescue, Vault};
use tiktok::{AccessToken, Remedy};
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask};
use crate::connect::credentials;
use crate::creator_info::REFRESH;
use crate::fields::Problems;
use crate::refusal::{Refusal, Source};
use crate::{Api, Outside, view};

/// Whether TikTok has ended the grant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Yes,
    /// The tokens are gone here, and TikTok was not asked or did not answer.
    Unknown,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn disconnect_creator(&self, ask: Ask) -> Answered {
        let creator = self.asked_creator(&ask, Scope::CreatorsWrite).await?;
        let force = force(&ask)?;
        let nonce = self.time.nonce();
        let (mut ended, mut epoch) = (Ended::Yes, None);
        let lease = Lease { nonce, until: ask.deadline + self.periods.claim_margin };
        match self.store.lease(&creator.account, &lease, self.time.now()).await? {
            Leased::Missing => {}
            Leased::Busy(_) => return Err(self.renewed_now()),
            // another workspace has it by now
            Leased::Won { account, .. } if !account.is_of(&creator.id) => {
                self.store.release(&account.id, nonce, None).await?;
            }
            Leased::Won { account, .. } => {
                ended = match self.end_grant(&account, force).await {
                    Ok(ended) => ended,
                    Err(refusal) => {
                        self.store.release(&account.id, nonce, None).await?;
                        return Err(refusal);
                    }
                };
                for kept in [account.epoch, account.epoch + 1] {
                    self.objects.forget(&account.id, kept).await?;
                }
                if !self.store.disconnect(&account.id, nonce, account.epoch).await? {
                    return Err(self.renewed_now());
                }
                epoch = Some(account.epoch);
            }
        }
        let creator = Creator { status: CreatorStatus::Disconnected, ..creator };
        self.store.put_creator(&creator).await?;
        if let Some(epoch) = epoch {
            let now = self.time.now();
            let notice = Notice::new(&creator.workspace, &creator.id, epoch, now, News::Disconnected);
            self.store.record(&notice).await?;
        }
        let posts = self.tally(&creator).await?;
        let remedy = match ended {
            Ended::Yes => None,
            Ended::Unknown => Some(
                "the creator can end the grant in TikTok, under settings, security and permissions, apps",
            ),
        };
        let body = view::Disconnected {
            creator: view::creator(&creator, None),
            revoked: ended == Ended::Yes,
            remedy,
            posts: posts.left_behind(),
        };
        Ok(answer::json(StatusCode::OK, &body))
    }

    /// Has TikTok end the grant. A grant that TikTok has ended before is ended.
    async fn end_grant(&self, account: &Account, force: bool) -> Result<Ended, Refusal> {
        if account.status != AccountStatus::Connected {
            return Ok(Ended::Yes);
        }
        // a generation that the table would not take is the one that TikTok honours
        let kept = self.objects.kept(&account.id, account.epoch + 1).await?;
        let Some(tokens) = kept.or_else(|| account.tokens.clone()) else { return Ok(Ended::Yes) };
        if !tokens.are_usable(self.time.now()) {
            return if force { Ok(Ended::Unknown) } else { Err(self.refreshed_first(account).await) };
        }
        let binding = account.binding(TokenField::Access, tokens.epoch);
        let access = match self.vault.open(&tokens.access, &binding).await {
            Ok(access) => access,
            Err(_) if force => return Ok(Ended::Unknown),
            Err(error) => return Err(Refusal::internal(error)),
        };
        let secrets = self.secrets.secrets(self.time.now()).await?;
        match self.tiktok.revoke(&credentials(&secrets), &AccessToken::new(access.expose())).await {
            Ok(()) => Ok(Ended::Yes),
            Err(error) if matches!(error.remedy(), Remedy::Reauthorize | Remedy::RefreshToken) => {
                tracing::info!(account = %account.id, error = %flows::chain(&error), "TikTok had ended the grant before");
                Ok(Ended::Yes)
            }
            Err(error) if force => {
                tracing::warn!(account = %account.id, error = %flows::chain(&error), "disconnected without TikTok");
                Ok(Ended::Unknown)
            }
            Err(error) => Err(Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "creator.revoke_failed",
                "TikTok did not end the grant, so nothing was changed",
                "send the request again, or add `?force=true` to forget the tokens without TikTok",
            )
            .from(Source::TikTok)
            .tiktok(&error)
            .retry_in(SignedDuration::from_secs(5), self.time.now())),
        }
    }

    /// TikTok ends a grant for a token that works only.
    async fn refreshed_first(&self, account: &Account) -> Refusal {
        self.ask_for_refresh(account, account.epoch, SignedDuration::from_secs(1)).await;
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "creator.token_stale",
            "the access token has ended; TikTok ends a grant for a living one only, so it is being renewed",
            "send the request again in a few seconds, or add `?force=true` to forget the tokens without TikTok",
        )
        .from(Source::System)
        .retry_in(REFRESH, self.time.now())
    }

    fn renewed_now(&self) -> Refusal {
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "creator.busy",
            "the creator's tokens are being renewed at this very moment",
            "send the request again in a few seconds",
        )
        .from(Source::System)
        .retry_in(REFRESH, self.time.now())
    }
}

fn force(ask: &Ask) -> Result<bool, Refusal> {
    let problems = Problems::default();
    let mut force = false;
    for (name, value) in ask.queries() {
        match (name.as_str(), value.as_str()) {
            ("force", "true") => force = true,
            ("force", "false") => force = false,
            ("force", _) => problems.push(Problem::new(
                "/force",
                "field.type",
                "`force` is neither true nor false",
                "send `true`, or leave it out",
            )),
            // what is not known was refused before
            _ => {}
        }
    }
    if problems.is_empty() { Ok(force) } else { Err(Refusal::invalid(problems.take())) }
}
