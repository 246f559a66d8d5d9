//! One refresh of one account.

use domain::account::{AccountStatus, Care, Lease, RefreshPlan, Sealed, TokenField, Tokens};
use domain::creator::CreatorStatus;
use domain::notice::News;
use domain::{Account, AccountId, Job, Nonce, Notice, Periods, SignedDuration, Timestamp};
use lambda_kit::batch::Failure;
use ports::{
    Accounts, Clock, Creators, Entropy, Leased, Notices, OpenError, Plaintext, PortResult, Queues, Read,
    Rescue, Vault,
};
use tiktok::{AppCredentials, ClientSecret, Exchange, RefreshToken, Remedy, TokenSet, scope};
use wiring::secrets::Secrets;

use flows::chain;

/// What the refresh queue's side of this function may touch.
pub struct TokenRefresh<S, R, Q, V, K, E, T> {
    /// Accounts, creators and what their workspaces are told.
    pub store: S,
    /// Generations the table would not take.
    pub rescue: R,
    /// Where jobs go back to.
    pub queues: Q,
    /// Seals and opens tokens.
    pub vault: V,
    /// The app's secrets.
    pub secrets: K,
    /// TikTok.
    pub tiktok: tiktok::Client<E>,
    /// Clock and randomness.
    pub time: T,
    /// The template's periods.
    pub periods: Periods,
    /// When tokens are refreshed.
    pub plan: RefreshPlan,
}

/// No refresh starts with less than this left of the invocation.
const ENOUGH: SignedDuration = SignedDuration::from_secs(25);
/// Between attempts while something passes.
const AGAIN: SignedDuration = SignedDuration::from_secs(15);
/// Between attempts for a token that TikTok refuses although it is young.
const AGAIN_YOUNG: SignedDuration = SignedDuration::from_mins(1);
/// Between attempts while the operator's set-up is at fault.
const PROBE: SignedDuration = SignedDuration::from_mins(15);
/// A pair that TikTok has given out is all there is: what keeps it is tried this often.
const TRIES: u32 = 3;
/// Posts that waited go on when the account is surely written.
const RELEASE: SignedDuration = SignedDuration::from_secs(5);
/// Nickname and avatar are asked for this often. TikTok takes 600 such calls a minute from the whole app.
const PROFILE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What became of a refresh under the lease.
enum Refreshed {
    /// A new generation is in the table, and the lease is back.
    Stored(Box<Tokens>),
    /// Nothing to do; the next refresh is due then.
    Fresh(Timestamp),
    /// It did not work this time; again after the wait, or a longer one the longer it has lasted.
    Later(SignedDuration),
    /// A new generation is in the rescue object alone: whoever takes over the lease, which stays, finds it there.
    Rescued,
    /// There is nothing to refresh: nobody is connected.
    Moot,
    /// TikTok refuses the grant for good.
    Dead(String),
}

fn retry(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::retry(error)
}

impl<S, R, Q, V, K, E, T> TokenRefresh<S, R, Q, V, K, E, T>
where
    S: Accounts + Creators + Notices,
    R: Rescue,
    Q: Queues,
    V: Vault,
    K: Secrets,
    E: Exchange,
    T: Clock + Entropy,
{
    /// Refreshes an account's tokens unless they are newer than `epoch` already.
    pub async fn refresh(
        &self,
        account: AccountId,
        epoch: Option<u64>,
        deadline: Timestamp,
    ) -> Result<(), Failure> {
        let job = Job::Refresh { account: account.clone(), epoch };
        let now = self.time.now();
        if deadline.duration_since(now) < ENOUGH {
            return self.queues.send(&job, SignedDuration::from_secs(1)).await.map_err(retry);
        }
        let nonce = self.time.nonce();
        let lease = Lease { nonce, until: deadline + self.periods.claim_margin };
        let (account, taken_over) = match self.store.lease(&account, &lease, now).await.map_err(retry)? {
            Leased::Won { account, taken_over } => (*account, taken_over),
            Leased::Busy(until) => {
                // the holder may die: come back when its lease has run out
                let delay =
                    until.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(1);
                return self.queues.send(&job, delay).await.map_err(retry);
            }
            Leased::Missing => return Ok(()),
        };
        let id = account.id.clone();
        match self.under_lease(&account, epoch, nonce, taken_over).await {
            Ok(Refreshed::Stored(tokens)) => {
                self.warn(&account, Some(&tokens)).await;
                Ok(())
            }
            Ok(Refreshed::Fresh(due)) => {
                self.store.release(&id, nonce, Some(due)).await.map_err(retry)?;
                self.warn(&account, account.tokens.as_ref()).await;
                Ok(())
            }
            Ok(Refreshed::Later(minimum)) => {
                self.store.release(&id, nonce, None).await.map_err(retry)?;
                self.warn(&account, account.tokens.as_ref()).await;
                let (now, wait) = (self.time.now(), self.wait(&account, minimum));
                // a message that the row's own wake-up overtakes would only make a second chain of messages
                if account.due.is_some_and(|due| now < due && due <= now + wait) {
                    return Ok(());
                }
                self.queues.send(&job, wait).await.map_err(retry)
            }
            Ok(Refreshed::Rescued) => {
                let delay = lease.until.duration_since(self.time.now()) + SignedDuration::from_secs(1);
                self.queues.send(&job, delay).await.map_err(retry)
            }
            Ok(Refreshed::Moot) => {
                // under the lease, which whoever brings the account back needs as well
                flows::tell_workspace(&self.store, &account).await.map_err(retry)?;
                self.store.release(&id, nonce, None).await.map_err(retry)
            }
            Ok(Refreshed::Dead(code)) => {
                if !self.reconnect_required(&account, nonce, &code).await? {
                    return Ok(());
                }
                // the lease is gone: the workspace is told under another one
                Box::pin(self.refresh(id, epoch, deadline)).await
            }
            // whoever comes next has to read the rescue object first, as a taker-over does
            Err(error) if taken_over => Err(error),
            Err(error) => {
                let freed = self.store.release(&id, nonce, None).await;
                if let Err(error) = freed {
                    tracing::warn!(account = %id, error = %chain(&error), "the lease stays until it runs out");
                }
                Err(error)
            }
        }
    }

    async fn under_lease(
        &self,
        account: &Account,
        epoch: Option<u64>,
        nonce: Nonce,
        taken_over: bool,
    ) -> Result<Refreshed, Failure> {
        let now = self.time.now();
        let tokens = match (&account.status, &account.tokens) {
            (AccountStatus::Connected, Some(tokens)) => tokens,
            (AccountStatus::ReconnectRequired { .. }, Some(tokens)) => {
                return self.brought_back(account, tokens, nonce).await;
            }
            (AccountStatus::Connected | AccountStatus::ReconnectRequired { .. }, None)
            | (AccountStatus::Disconnected, _) => return Ok(Refreshed::Moot),
        };
        if self.is_fresh(account, tokens, epoch, now) {
            return Ok(Refreshed::Fresh(self.plan.wake(&account.id, tokens, account.care(now), now)));
        }
        if taken_over && let Some(rescued) = self.rescued(account, tokens, nonce).await.map_err(retry)? {
            return Ok(rescued);
        }
        let refresh = match self.open(account, &tokens.refresh, tokens.epoch).await {
            Ok(refresh) => refresh,
            Err(later) => return Ok(later),
        };
        // what cannot be sealed must not be asked for: the answer may be the only pair that works
        let next = account.binding(TokenField::Refresh, tokens.epoch + 1);
        self.vault.seal(&refresh, &next).await.map_err(retry)?;
        match self.ask(&refresh).await? {
            Ok(set) => self.store_set(account, tokens, set, nonce, epoch.is_some()).await,
            Err(error) if is_definitive(&error) => {
                self.last_resorts(account, tokens, nonce, &error, epoch.is_some()).await
            }
            Err(error) => Ok(passing(account, &error)),
        }
    }

    /// Whether there is nothing to do: another refresh won, the wake-up came early, or only to warn.
    fn is_fresh(&self, account: &Account, tokens: &Tokens, epoch: Option<u64>, now: Timestamp) -> bool {
        match epoch {
            Some(epoch) => tokens.epoch > epoch,
            None => now < self.plan.due(&account.id, tokens, account.care(now)),
        }
    }

    /// When the account wakes up next with these tokens. One whose tokens somebody asked for is about to be used.
    fn wake(&self, account: &Account, tokens: &Tokens, needed: bool) -> Timestamp {
        let now = self.time.now();
        let care = if needed { Care::Active } else { account.care(now) };
        self.plan.wake(&account.id, tokens, care, now)
    }

    /// Tells the workspace that the grant ends soon, once for each warning. A failure is made up for by the next refresh.
    async fn warn(&self, account: &Account, tokens: Option<&Tokens>) {
        let now = self.time.now();
        let Some((tokens, days)) = tokens.and_then(|tokens| Some((tokens, tokens.warning(now)?))) else {
            return;
        };
        let news = News::GrantEnds { at: tokens.refresh_expires_at, days };
        let notice = Notice::new(&account.workspace, &account.creator, tokens.epoch, now, news);
        match self.store.record(&notice).await {
            Ok(true) => tracing::warn!(creator = %account.creator, days, "the creator's grant ends soon"),
            Ok(false) => {}
            Err(error) => tracing::warn!(account = %account.id, error = %chain(&error), "nobody was warned"),
        }
    }

    /// Keeps nickname, username, avatar and scopes as TikTok has them. Nothing depends on it.
    async fn keep_profile(&self, account: &Account, set: &TokenSet) -> PortResult<()> {
        let now = self.time.now();
        let Some(before) = self.store.creator(&account.creator).await? else { return Ok(()) };
        let mut creator = before.clone();
        creator.scopes = set.scopes.iter().map(str::to_owned).collect();
        if now.duration_since(before.profile_at) >= PROFILE && set.scopes.contains(scope::USER_INFO_BASIC) {
            match self.tiktok.user_info(&set.access_token, &set.scopes).await {
                Ok(user) => {
                    let keep = |new: Option<String>, old: &mut String| {
                        if let Some(new) = new.filter(|new| !new.is_empty()) {
                            *old = new;
                        }
                    };
                    keep(user.display_name, &mut creator.info.nickname);
                    keep(user.username, &mut creator.info.username);
                    keep(user.avatar_url, &mut creator.info.avatar_url);
                    creator.profile_at = now;
                }
                Err(error) => {
                    tracing::info!(creator = %creator.id, error = %chain(&error), "the profile stays as it was");
                }
            }
        }
        if creator == before { Ok(()) } else { self.store.put_creator(&creator).await }
    }

    async fn ask(&self, refresh: &Plaintext) -> Result<Result<TokenSet, tiktok::Error>, Failure> {
        let secrets = self.secrets.secrets(self.time.now()).await.map_err(retry)?;
        let app = AppCredentials {
            client_key: secrets.client_key.clone(),
            client_secret: ClientSecret::new(secrets.client_secret.expose()),
        };
        Ok(self.tiktok.refresh(&app, &RefreshToken::new(refresh.expose())).await)
    }

    /// Makes a good answer durable before anybody uses it: in the table, else sealed in S3.
    async fn store_set(
        &self,
        account: &Account,
        old: &Tokens,
        set: TokenSet,
        nonce: Nonce,
        needed: bool,
    ) -> Result<Refreshed, Failure> {
        if set.open_id != account.open_id {
            tracing::error!(account = %account.id, "TikTok answered a refresh with another user's tokens: refused");
            return Ok(Refreshed::Dead("open_id.mismatch".to_owned()));
        }
        let now = self.time.now();
        let epoch = old.epoch + 1;
        let seal = async |secret: &str, field| {
            let secret = Plaintext::new(secret.to_owned());
            let mut sealed = self.vault.seal(&secret, &account.binding(field, epoch)).await;
            for _ in 1..TRIES {
                if sealed.is_err() {
                    sealed = self.vault.seal(&secret, &account.binding(field, epoch)).await;
                }
            }
            sealed
        };
        let after = |life: std::time::Duration| {
            now + SignedDuration::try_from(life).unwrap_or(SignedDuration::from_hours(24))
        };
        let tokens = Tokens {
            epoch,
            access: seal(set.access_token.expose(), TokenField::Access).await.map_err(retry)?,
            refresh: seal(set.refresh_token.expose(), TokenField::Refresh).await.map_err(retry)?,
            previous_refresh: Some((old.epoch, old.refresh.clone())),
            issued_at: now,
            access_expires_at: after(set.expires_in),
            refresh_expires_at: after(set.refresh_expires_in),
            scopes: set.scopes.iter().map(str::to_owned).collect(),
        };
        let stored = self.store_tokens(account, &tokens, nonce, needed).await?;
        if let Refreshed::Stored(_) = stored
            && let Err(error) = self.keep_profile(account, &set).await
        {
            tracing::info!(account = %account.id, error = %chain(&error), "the profile stays as it was");
        }
        Ok(stored)
    }

    async fn store_tokens(
        &self,
        account: &Account,
        tokens: &Tokens,
        nonce: Nonce,
        needed: bool,
    ) -> Result<Refreshed, Failure> {
        let wake = self.wake(account, tokens, needed);
        match self.store.store_tokens(&account.id, nonce, tokens, wake).await {
            Ok(true) => Ok(Refreshed::Stored(Box::new(tokens.clone()))),
            stored => {
                // the pair is all there is: keep it where whoever takes over looks first
                let mut kept = self.rescue.keep(&account.id, tokens).await;
                for _ in 1..TRIES {
                    if kept.is_err() {
                        kept = self.rescue.keep(&account.id, tokens).await;
                    }
                }
                kept.map_err(retry)?;
                let why = stored.err().map_or_else(|| "the lease was lost".to_owned(), |error| chain(&error));
                tracing::error!(account = %account.id, why, "new tokens are in the rescue object only");
                Ok(Refreshed::Rescued)
            }
        }
    }

    /// How long to wait after a refresh that did not work: the longer, the longer it has been due.
    fn wait(&self, account: &Account, least: SignedDuration) -> SignedDuration {
        let now = self.time.now();
        let due = account.tokens.as_ref().map_or(now, |tokens| {
            self.plan.due(&account.id, tokens, account.care(now)).min(tokens.access_expires_at)
        });
        let least = if now < due { least.max(AGAIN_YOUNG) } else { least };
        flows::patience(due, now, least)
    }

    /// Stores a generation that an earlier holder could only put into S3. `None`: there is none.
    async fn rescued(
        &self,
        account: &Account,
        tokens: &Tokens,
        nonce: Nonce,
    ) -> PortResult<Option<Refreshed>> {
        let Some(kept) = self.rescue.kept(&account.id, tokens.epoch + 1).await? else { return Ok(None) };
        self.store_kept(account, kept, nonce).await.map(Some)
    }

    async fn store_kept(&self, account: &Account, kept: Tokens, nonce: Nonce) -> PortResult<Refreshed> {
        let wake = self.wake(account, &kept, false);
        let stored = self.store.store_tokens(&account.id, nonce, &kept, wake).await?;
        // the lease is lost: TikTok replaced our token for this pair, and must not see it again
        Ok(if stored { Refreshed::Stored(Box::new(kept)) } else { Refreshed::Later(AGAIN) })
    }

    /// A pair that was kept only after the account had been given up brings it back.
    async fn brought_back(
        &self,
        account: &Account,
        tokens: &Tokens,
        nonce: Nonce,
    ) -> Result<Refreshed, Failure> {
        let kept = self.rescue.kept(&account.id, tokens.epoch + 1).await.map_err(retry)?;
        let Some(kept) = kept else { return Ok(Refreshed::Moot) };
        // everybody else first: whoever stops in between leaves an account that is brought back again
        self.mark_active(account).await?;
        self.queues.send(&Job::release(account), RELEASE).await.map_err(retry)?;
        let news = News::Connected { scopes: kept.scopes.clone() };
        let now = self.time.now();
        let notice = Notice::new(&account.workspace, &account.creator, kept.epoch, now, news);
        self.store.record(&notice).await.map_err(retry)?;
        tracing::warn!(account = %account.id, "tokens that were kept late bring the account back");
        let refreshed = self.store_kept(account, kept, nonce).await.map_err(retry)?;
        // the first one may have come before the tokens were there, or got lost
        self.queues.send(&Job::release(account), RELEASE).await.map_err(retry)?;
        Ok(refreshed)
    }

    /// TikTok says `invalid_grant`: newer tokens, the rescue object, the previous token, and only then the end.
    async fn last_resorts(
        &self,
        account: &Account,
        tokens: &Tokens,
        nonce: Nonce,
        error: &tiktok::Error,
        needed: bool,
    ) -> Result<Refreshed, Failure> {
        let now_there = self.store.account(&account.id, Read::Strong).await.map_err(retry)?;
        let newer = now_there
            .and_then(|account| account.tokens)
            .filter(|newer| newer.epoch > tokens.epoch)
            .map(|newer| self.wake(account, &newer, needed));
        if let Some(due) = newer {
            return Ok(Refreshed::Fresh(due));
        }
        if let Some(rescued) = self.rescued(account, tokens, nonce).await.map_err(retry)? {
            return Ok(rescued);
        }
        let code = error.code().unwrap_or("invalid_grant").to_owned();
        let Some((epoch, sealed)) = &tokens.previous_refresh else { return Ok(Refreshed::Dead(code)) };
        let previous = match self.open(account, sealed, *epoch).await {
            Ok(previous) => previous,
            Err(later) => return Ok(later),
        };
        match self.ask(&previous).await? {
            Ok(set) => self.store_set(account, tokens, set, nonce, needed).await,
            Err(error) if is_definitive(&error) => Ok(Refreshed::Dead(code)),
            Err(error) => Ok(passing(account, &error)),
        }
    }

    async fn open(&self, account: &Account, sealed: &Sealed, epoch: u64) -> Result<Plaintext, Refreshed> {
        match self.vault.open(sealed, &account.binding(TokenField::Refresh, epoch)).await {
            Ok(secret) => Ok(secret),
            Err(error) => {
                tracing::error!(account = %account.id, error = %chain(&error), "the refresh token does not open");
                let passing = matches!(&error, OpenError::Port(port) if !port.refused);
                Err(Refreshed::Later(if passing { AGAIN } else { PROBE }))
            }
        }
    }

    async fn reconnect_required(&self, account: &Account, nonce: Nonce, code: &str) -> Result<bool, Failure> {
        let now = self.time.now();
        let required = self
            .store
            .require_reconnect(&account.id, nonce, account.epoch, code, now)
            .await
            .map_err(retry)?;
        if required {
            tracing::warn!(account = %account.id, creator = %account.creator, code, "the creator has to connect again");
        }
        Ok(required)
    }

    async fn mark_active(&self, account: &Account) -> Result<(), Failure> {
        let creator = self.store.creator(&account.creator).await.map_err(retry)?;
        let lost = creator.filter(|creator| creator.status == CreatorStatus::ReconnectRequired);
        let Some(mut creator) = lost else { return Ok(()) };
        creator.status = CreatorStatus::Active;
        self.store.put_creator(&creator).await.map_err(retry)
    }
}

/// Whether TikTok says that this grant is dead. Everything else may pass.
fn is_definitive(error: &tiktok::Error) -> bool {
    matches!(error, tiktok::Error::OAuthRefused { .. }) && error.remedy() == Remedy::Reauthorize
}

/// Whatever may pass never disconnects anyone.
fn passing(account: &Account, error: &tiktok::Error) -> Refreshed {
    tracing::warn!(account = %account.id, error = %chain(error), "refresh did not work this time");
    match error.remedy() {
        Remedy::Operator | Remedy::FixRequest => Refreshed::Later(PROBE),
        Remedy::WaitAndRetry { min } => {
            Refreshed::Later(SignedDuration::try_from(min).unwrap_or(AGAIN).max(AGAIN))
        }
        _ => Refreshed::Later(AGAIN),
    }
}
