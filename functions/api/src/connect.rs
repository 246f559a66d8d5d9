//! Connecting a creator: a link to send, the way to TikTok's consent page, and the way back.
//!
//! A link works until it has connected somebody, or for a day. Opening it binds the browser by a cookie and makes a `state` of
//! ten minutes that can be used once. What TikTok gives is sealed before it is stored, under the account's lease and as the
//! next epoch, so that a refresh at the same moment can neither be lost nor win over it.

use axum::body::Body;
use axum::response::Response;
use domain::account::{AccountStatus, Binding, Care, Lease, TokenField, Tokens};
use domain::app::Sighting;
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::limits::Limits;
use domain::notice::News;
use domain::{
    Account, AccountId, Creator, CreatorId, Job, Notice, Scope, SignedDuration, Timestamp, WorkspaceId,
};
use http::{HeaderValue, StatusCode, header};
use ports::{
    Accounts, AppRows, Clock, Connected, Connecting, Connections, Creators, Entropy, Leased, Notices,
    Plaintext, Queues, Read, Vault,
};
use tiktok::{AppCredentials, AuthorizeUrl, ClientSecret, Remedy, Scopes, TokenSet, scope};
use wiring::secrets::{AppSecrets, Secrets};

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::crypto;
use crate::fields::Problems;
use crate::pages::Page;
use crate::posts::{key_reused, no_such_creator};
use crate::refusal::Refusal;
use crate::{Api, Outside, creator_info, view};

const ROUTE: &str = "POST /v1/connect-links";
const COOKIE: &str = "slipway_connect";
const LINK: SignedDuration = SignedDuration::from_hours(24);
const STATE: SignedDuration = SignedDuration::from_mins(10);
/// What publishing needs; nothing is asked for that is not used.
pub(crate) const SCOPES: [&str; 2] = [scope::USER_INFO_BASIC, scope::VIDEO_PUBLISH];
/// A refresh that runs at the same moment is waited for this often, half a second each.
const LEASE_TRIES: u32 = 20;
const LEASE_WAIT: std::time::Duration = std::time::Duration::from_millis(500);
/// The posts that waited are told again when the connection is surely written, in case nobody lives to tell them at once.
const RELEASE_AGAIN: SignedDuration = SignedDuration::from_secs(30);

impl<W: Outside> Api<W> {
    pub(crate) async fn make_connect_link(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::CreatorsWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let key = problems.idempotency_key(&ask);
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let creator: Option<CreatorId> = fields.id("creator");
        let drafts = fields.boolean("drafts");
        fields.done();
        if let Some(id) = &creator {
            let known = self.store.creator(id).await?;
            if known.is_none_or(|creator| creator.workspace != caller.workspace) {
                problems.push(no_such_creator());
            }
        }
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let extra = drafts.then_some(scope::VIDEO_UPLOAD);
        let scopes: Vec<_> = SCOPES.into_iter().chain(extra).map(str::to_owned).collect();
        let token = match &key {
            Some(key) => {
                let secrets = self.secrets.secrets(now).await?;
                let parts = [caller.workspace.as_str(), ROUTE, key];
                crypto::derive(secrets.deployment_secret.expose(), &parts)
            }
            None => self.time.random(),
        };
        let token = crypto::hex(&token);
        let secret = crypto::sha256(token.as_bytes());
        let before = if key.is_some() { self.store.peek(secret).await? } else { None };
        let (expires_at, replayed) = match before.filter(|link| link.expires_at > now) {
            Some(link) if link.creator == creator && link.scopes == scopes => (link.expires_at, true),
            Some(_) => return Err(key_reused()),
            None => {
                let link = Connecting {
                    workspace: caller.workspace,
                    creator,
                    scopes,
                    browser_sha256: None,
                    expires_at: now + LINK,
                };
                if !self.store.begin(secret, &link).await? {
                    return Err(link_used());
                }
                (link.expires_at, false)
            }
        };
        let url = format!("{}/connect/{token}", self.base_url(&ask));
        let response = answer::json(StatusCode::CREATED, &view::ConnectLink { url, expires_at });
        Ok(if replayed { with_header(response, REPLAYED, "true") } else { response })
    }

    pub(crate) async fn open_connect_link(&self, ask: Ask) -> Answered {
        Ok(self.try_open(&ask).await.unwrap_or_else(|refusal| ours(&refusal, &ask)))
    }

    async fn try_open(&self, ask: &Ask) -> Result<Response, Refusal> {
        let now = self.time.now();
        let token = ask.segment(1);
        let link = if crypto::is_hex(token, 64) {
            self.store.peek(crypto::sha256(token.as_bytes())).await?
        } else {
            None
        };
        let usable = |link: &Connecting| link.browser_sha256.is_none() && link.expires_at > now;
        let Some(link) = link.filter(usable) else {
            return Ok(no_such_link().response());
        };
        let browser = crypto::hex(&self.time.random());
        let state = crypto::hex(&self.time.random());
        let scopes: Scopes = link.scopes.iter().cloned().collect();
        let begun = Connecting {
            browser_sha256: Some(crypto::sha256(browser.as_bytes())),
            expires_at: now + STATE,
            ..link
        };
        if !self.store.begin(crypto::sha256(state.as_bytes()), &begun).await? {
            return Err(Refusal::internal("a random state is in use"));
        }
        let secrets = self.secrets.secrets(now).await?;
        let base = self.base_url(ask);
        let url = self.tiktok.authorize_url(AuthorizeUrl {
            client_key: &secrets.client_key,
            scopes: &scopes,
            redirect_uri: &redirect_uri(&base),
            state: &state,
            disable_auto_auth: true,
        });
        let cookie = set_cookie(&format!("{browser}.{token}"), STATE.as_secs(), &base);
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let response = with_header(response, header::LOCATION, url.as_str());
        Ok(with_header(response, header::SET_COOKIE, &cookie))
    }

    pub(crate) async fn come_back_from_tiktok(&self, ask: Ask) -> Answered {
        Ok(self.try_come_back(&ask).await.unwrap_or_else(|refusal| ours(&refusal, &ask)))
    }

    async fn try_come_back(&self, ask: &Ask) -> Result<Response, Refusal> {
        let now = self.time.now();
        let state = ask.query("state").filter(|state| crypto::is_hex(state, 64));
        let begun = match state {
            Some(state) => self.store.take(crypto::sha256(state.as_bytes())).await?,
            None => None,
        };
        let Some(begun) = begun.filter(|begun| begun.expires_at > now) else {
            return Ok(Page::new(StatusCode::BAD_REQUEST, "This sign-in is over")
                .says("It was finished before, or it took longer than ten minutes.")
                .says("Open the link that you were sent once more.")
                .response());
        };
        let Some(link) = link_of(ask, &begun) else {
            return Ok(Page::new(StatusCode::FORBIDDEN, "This sign-in began in another browser")
                .says("Open the link that you were sent and finish in the same browser. Cookies must be allowed.")
                .response());
        };
        if ask.query("error").is_some() {
            self.learn_from(ask).await;
            return Ok(refused_by_tiktok(ask));
        }
        let Some(code) = ask.query("code").filter(|code| !code.is_empty()) else {
            return Ok(Page::new(StatusCode::BAD_REQUEST, "TikTok sent no code")
                .says("Open the link that you were sent once more.")
                .response());
        };
        let secrets = self.secrets.secrets(now).await?;
        let redirect_uri = redirect_uri(&self.base_url(ask));
        let tokens = match self.tiktok.exchange_code(&credentials(&secrets), &code, &redirect_uri).await {
            Ok(tokens) => tokens,
            Err(error) => return Ok(no_tokens(&error)),
        };
        match self.connect(ask, &begun, &link, &secrets, tokens, now).await? {
            Ok(page) => {
                let forget = set_cookie("", 0, &self.base_url(ask));
                Ok(with_header(page.response(), header::SET_COOKIE, &forget))
            }
            Err(page) => Ok(page.response()),
        }
    }

    /// A sign-in of somebody who is not a target user shows that the app is in TikTok's sandbox.
    async fn learn_from(&self, ask: &Ask) {
        let kind = ask.query("error_type");
        let Some(sighting) = kind.as_deref().and_then(Sighting::of_code) else { return };
        let now = self.time.now();
        let Ok(secrets) = self.secrets.secrets(now).await else { return };
        if let Err(error) = self.store.saw(&secrets.client_key, sighting, now).await {
            tracing::warn!(error = %flows::chain(&error), "what TikTok's answer shows of the app was not written");
        }
    }

    /// Stores what TikTok gave. The inner error is a page that says why not.
    async fn connect(
        &self,
        ask: &Ask,
        begun: &Connecting,
        link: &str,
        secrets: &AppSecrets,
        given: TokenSet,
        issued_at: Timestamp,
    ) -> Result<Result<Page, Page>, Refusal> {
        let id = account_id(&secrets.client_key, &given.open_id);
        let creator = creator_id(secrets, &begun.workspace, &id);
        if begun.creator.as_ref().is_some_and(|wanted| *wanted != creator) {
            return Ok(Err(Page::new(StatusCode::CONFLICT, "That is another TikTok account")
                .says("This link connects one account again, and you signed in to TikTok with another one.")
                .says(
                    "Sign in to TikTok with the account you connected before, then open the link once more.",
                )));
        }
        let (mut known, mut spent) = (false, false);
        for _ in 0..3 {
            let nonce = self.time.nonce();
            let epoch = match self.lease(&id, nonce, ask.deadline).await? {
                Leased::Missing => 1,
                Leased::Won { account, .. } => {
                    let theirs = account.workspace != begun.workspace;
                    if theirs && account.status != AccountStatus::Disconnected {
                        self.store.release(&id, nonce, None).await?;
                        return Ok(Err(elsewhere()));
                    }
                    known = true;
                    account.epoch + 1
                }
                Leased::Busy(_) => {
                    return Ok(Err(Page::new(StatusCode::SERVICE_UNAVAILABLE, "Not just now")
                        .says("The account is being renewed at this very moment.")
                        .says("Open the link that you were sent once more in a minute.")));
                }
            };
            let tokens = self.seal(&secrets.client_key, &given, epoch, issued_at).await?;
            let due = self.refresh.wake(&id, &tokens, Care::Active, issued_at);
            let account = Account {
                id: id.clone(),
                client_key: secrets.client_key.clone(),
                open_id: given.open_id.clone(),
                workspace: begun.workspace.clone(),
                creator: creator.clone(),
                connected_at: issued_at,
                status: AccountStatus::Connected,
                tokens: Some(tokens),
                epoch,
                lease: None,
                limits: Limits::default(),
                limits_version: 0,
                slot: None,
                due: Some(due),
            };
            if known {
                self.queues.send(&Job::release(&account), RELEASE_AGAIN).await?;
            }
            // the last step before: of all who opened the link, in other tabs or browsers, one connects
            if !spent && !self.spend(link, begun).await? {
                self.store.release(&id, nonce, None).await?;
                return Ok(Err(no_such_link()));
            }
            spent = true;
            match self.store.connect(&account, nonce).await? {
                Connected::Done => return self.connected(begun, account, &given, known).await.map(Ok),
                Connected::Elsewhere => return Ok(Err(elsewhere())),
                Connected::Moved => self.store.release(&id, nonce, None).await?,
            }
        }
        Err(Refusal::internal(format!("account `{id}` was changed by others again and again")))
    }

    /// Spends the link that this began with. `false`: it was spent before, or never was.
    async fn spend(&self, link: &str, begun: &Connecting) -> Result<bool, Refusal> {
        let link = self.store.take(crypto::sha256(link.as_bytes())).await?;
        Ok(link.is_some_and(|link| {
            let is_link = link.browser_sha256.is_none();
            is_link && link.workspace == begun.workspace && link.creator == begun.creator
        }))
    }

    /// Takes the account's lease, waiting for a refresh that holds it.
    async fn lease(
        &self,
        id: &AccountId,
        nonce: domain::Nonce,
        deadline: Timestamp,
    ) -> Result<Leased, Refusal> {
        let until = deadline + self.periods.claim_margin;
        let mut tries = 0;
        loop {
            let leased = self.store.lease(id, &Lease { nonce, until }, self.time.now()).await?;
            tries += 1;
            let time_left = self.time.now() + SignedDuration::from_secs(10) < deadline;
            match leased {
                Leased::Busy(_) if tries < LEASE_TRIES && time_left => tokio::time::sleep(LEASE_WAIT).await,
                leased => return Ok(leased),
            }
        }
    }

    async fn seal(
        &self,
        client_key: &str,
        given: &TokenSet,
        epoch: u64,
        issued_at: Timestamp,
    ) -> Result<Tokens, Refusal> {
        let bound = |field| Binding { client_key, open_id: &given.open_id, field, epoch };
        let access = Plaintext::new(given.access_token.expose().to_owned());
        let refresh = Plaintext::new(given.refresh_token.expose().to_owned());
        let ends = |life| {
            SignedDuration::try_from(life)
                .ok()
                .and_then(|life| issued_at.checked_add(life).ok())
                .unwrap_or(Timestamp::MAX)
        };
        Ok(Tokens {
            epoch,
            access: self.vault.seal(&access, &bound(TokenField::Access)).await?,
            refresh: self.vault.seal(&refresh, &bound(TokenField::Refresh)).await?,
            previous_refresh: None,
            issued_at,
            access_expires_at: ends(given.expires_in),
            refresh_expires_at: ends(given.refresh_expires_in),
            scopes: given.scopes.iter().map(str::to_owned).collect(),
        })
    }

    /// The account is connected: writes what the workspace sees of it, and lets posts go on that waited for it.
    async fn connected(
        &self,
        begun: &Connecting,
        account: Account,
        given: &TokenSet,
        known: bool,
    ) -> Result<Page, Refusal> {
        let before = self.store.creator(&account.creator).await?;
        let info = match self.first_info(&account.id, given).await {
            Some(info) => info,
            None => match &before {
                Some(before) => before.info.clone(),
                None => self.little_info(given).await,
            },
        };
        let scopes: Vec<String> = given.scopes.iter().map(str::to_owned).collect();
        let job = Job::release(&account);
        let (epoch, now) = (account.epoch, self.time.now());
        let creator = Creator {
            id: account.creator,
            workspace: account.workspace,
            account: account.id,
            open_id: account.open_id,
            status: CreatorStatus::Active,
            scopes: scopes.clone(),
            info,
            profile_at: now,
            created_at: before.map_or(self.time.now(), |before| before.created_at),
        };
        self.store.put_creator(&creator).await?;
        let news = News::Connected { scopes };
        let notice = Notice::new(&creator.workspace, &creator.id, epoch, now, news);
        self.store.record(&notice).await?;
        if known && let Err(error) = self.queues.send(&job, SignedDuration::ZERO).await {
            tracing::warn!(creator = %creator.id, error = %flows::chain(&error), "posts that waited go on a little later");
        }
        let missing: Vec<&str> =
            begun.scopes.iter().map(String::as_str).filter(|scope| !given.scopes.contains(scope)).collect();
        let name = match (creator.info.username.as_str(), creator.info.nickname.as_str()) {
            ("", "") => "Your TikTok account".to_owned(),
            ("", nickname) => nickname.to_owned(),
            (username, _) => format!("@{username}"),
        };
        let page = Page::new(StatusCode::OK, format!("{name} is connected"));
        let page = if missing.is_empty() {
            page.says("You can close this page.")
        } else {
            page.says("Some permissions were not granted. Open a new link and grant all of them if you want to publish.")
        };
        Ok(page
            .lists("Granted", creator.scopes.iter().map(String::as_str))
            .lists("Not granted", missing)
            .adds("You can disconnect at any time in TikTok's settings, under security and permissions."))
    }

    /// `creator_info` with the new token; `None`: it is asked for when a post needs it.
    async fn first_info(&self, account: &AccountId, given: &TokenSet) -> Option<CreatorInfo> {
        if !given.scopes.contains(scope::VIDEO_PUBLISH) {
            return None;
        }
        let account = self.store.account(account, Read::Strong).await.ok()??;
        let (asked_at, _) = self.reserve_creator_info(account).await.ok()?;
        match self.tiktok.creator_info(&given.access_token).await {
            Ok(info) => Some(creator_info::creator_info(info, asked_at)),
            Err(error) => {
                tracing::warn!(error = %flows::chain(&error), "connected, but TikTok does not tell creator_info");
                None
            }
        }
    }

    /// A name at least. Nothing may be posted by it: each post asks TikTok before it is refused.
    async fn little_info(&self, given: &TokenSet) -> CreatorInfo {
        let user = if given.scopes.contains(scope::USER_INFO_BASIC) {
            self.tiktok.user_info(&given.access_token, &given.scopes).await.ok()
        } else {
            None
        };
        let (nickname, username, avatar_url) =
            user.map_or((None, None, None), |user| (user.display_name, user.username, user.avatar_url));
        CreatorInfo {
            nickname: nickname.unwrap_or_default(),
            username: username.unwrap_or_default(),
            avatar_url: avatar_url.unwrap_or_default(),
            privacy_level_options: Vec::new(),
            comment_disabled: false,
            duet_disabled: false,
            stitch_disabled: false,
            max_video_post_duration_sec: 0,
            fetched_at: Timestamp::UNIX_EPOCH,
        }
    }
}

/// The app, as TikTok's token endpoint wants to be told.
pub(crate) fn credentials(secrets: &AppSecrets) -> AppCredentials {
    AppCredentials {
        client_key: secrets.client_key.clone(),
        client_secret: ClientSecret::new(secrets.client_secret.expose().clone()),
    }
}

/// One row per TikTok account and app.
pub(crate) fn account_id(client_key: &str, open_id: &str) -> AccountId {
    let digest = crypto::sha256(format!("{client_key}|{open_id}").as_bytes());
    AccountId::from_bits(crypto::id_bits(&digest))
}

/// The same for the same workspace and account, so that connecting again keeps it.
fn creator_id(secrets: &AppSecrets, workspace: &WorkspaceId, account: &AccountId) -> CreatorId {
    let parts = [workspace.as_str(), account.as_str()];
    CreatorId::from_bits(crypto::id_bits(&crypto::derive(secrets.deployment_secret.expose(), &parts)))
}

fn redirect_uri(base: &str) -> String {
    format!("{base}/oauth/tiktok/callback")
}

/// `Secure` wherever people come by https, which is everywhere but on their own machine.
fn set_cookie(value: &str, max_age: i64, base: &str) -> String {
    let secure = if base.starts_with("https://") { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}")
}

/// The link of the browser that began this, by its cookie.
fn link_of(ask: &Ask, begun: &Connecting) -> Option<String> {
    let bound_to = begun.browser_sha256?;
    ask.cookies(COOKIE)
        .filter_map(|value| value.split_once('.'))
        .find(|(browser, _)| crypto::same(&crypto::sha256(browser.as_bytes()), &bound_to))
        .map(|(_, link)| link.to_owned())
}

/// The callback brought an error. `error_type` tells a wrong set-up from a person who said no.
fn refused_by_tiktok(ask: &Ask) -> Response {
    let said = |name| ask.query(name).unwrap_or_default().chars().take(200).collect::<String>();
    let (error, kind, description) = (said("error"), said("error_type"), said("error_description"));
    if error == "access_denied" && kind.is_empty() {
        return Page::new(StatusCode::OK, "Nothing was connected")
            .says("You did not give your permission at TikTok.")
            .says("If that was a mistake, open the link that you were sent once more.")
            .response();
    }
    tracing::error!(error, error_type = kind, "TikTok refuses the sign-in");
    let advice = match kind.as_str() {
        "non_sandbox_target" => {
            "The app is in TikTok's sandbox, and your account is not one of its target users. The operator can add it."
        }
        "client_key" => "TikTok does not know the app by its client key. The operator must correct it.",
        "redirect_uri" => {
            "The address TikTok should send you back to is not registered for the app. The operator must register it."
        }
        _ => {
            "The app's set-up at TikTok does not allow it. The operator must look at what TikTok says below."
        }
    };
    Page::new(StatusCode::BAD_GATEWAY, "TikTok refused the sign-in")
        .says(advice)
        .adds(&format!("TikTok says: {error} {kind} {description}"))
        .response()
}

/// TikTok gave no tokens for the code.
fn no_tokens(error: &tiktok::Error) -> Response {
    tracing::error!(error = %flows::chain(error), "TikTok gives no tokens for the code");
    let (status, says) = match error.remedy() {
        Remedy::Reauthorize => {
            (StatusCode::BAD_REQUEST, "TikTok did not accept this sign-in, or it was used before.")
        }
        Remedy::Operator | Remedy::FixRequest => (
            StatusCode::BAD_GATEWAY,
            "The app's set-up at TikTok does not allow it. The operator must correct it.",
        ),
        _ => (StatusCode::BAD_GATEWAY, "TikTok did not answer."),
    };
    Page::new(status, "Nothing was connected")
        .says(says)
        .says("Open the link that you were sent once more.")
        .adds(&format!("TikTok says: {}", error.code().unwrap_or("nothing")))
        .response()
}

fn link_used() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "connect_link.used",
        "the link that this Idempotency-Key made was used, or is over",
        "send a new Idempotency-Key for a new link",
    )
}

fn no_such_link() -> Page {
    Page::new(StatusCode::NOT_FOUND, "This link does not work any more")
        .says("It was used already, or it is older than a day.")
        .says("Ask whoever sent it to you for a new one.")
}

fn elsewhere() -> Page {
    const CODE: &str = "creator.connected_elsewhere";
    Page::new(StatusCode::CONFLICT, "This account is connected elsewhere")
        .says("Another workspace of this installation publishes for this TikTok account.")
        .says("It has to disconnect the account there before it can be connected here.")
        .adds(&format!("Code: {CODE}"))
}

/// Something of ours failed.
fn ours(refusal: &Refusal, ask: &Ask) -> Response {
    refusal.log(&ask.request_id);
    Page::new(refusal.status(), "Something failed on our side")
        .says("Open the link that you were sent once more in a moment.")
        .adds(&format!("Request {}", ask.request_id))
        .response()
}
