//! Codes and tokens: `/v2/oauth/token/`, `/v2/oauth/revoke/`, and who a bearer token is.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Outage, Rotation};
use crate::crypto::{derived_id, hex, random_text};
use crate::faults::Endpoint;
use crate::log::What;
use crate::wire::{Request, Response};
use crate::world::{Caller, Effect, Issued, Refusal, Turn, World, bearer};

/// One consent of one user to one app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub(crate) client_key: String,
    pub(crate) account: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) revoked: bool,
    refresh_until: i64,
    generation: u32,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) account: String,
    client_key: String,
    redirect_uri: String,
    scopes: Vec<String>,
    until: i64,
    used: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessToken {
    pub(crate) grant: u64,
    generation: u32,
    until: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RefreshToken {
    pub(crate) grant: u64,
    generation: u32,
    dead: bool,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Code")
            .field("account", &self.account)
            .field("used", &self.used)
            .finish_non_exhaustive()
    }
}

/// An error of the flat kind.
struct OAuthError {
    status: u16,
    error: &'static str,
    description: String,
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        let status = if error == "invalid_client" { 401 } else { 400 };
        Self { status, error, description: description.into() }
    }
}

struct Form(Vec<(String, String)>);

impl Form {
    fn required(&self, name: &str) -> Result<&str, OAuthError> {
        let found = self.0.iter().find(|(key, value)| key == name && !value.is_empty());
        found
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| OAuthError::new("invalid_request", format!("`{name}` is missing")))
    }
}

impl World {
    pub(crate) fn token(&mut self, request: &Request, turn: &mut Turn<'_>) -> Response {
        match self.token_set(request, turn) {
            Ok(set) => {
                "ok".clone_into(&mut turn.call.code);
                Response::json(200, &set)
            }
            Err(error) => self.flat_error(&error, turn),
        }
    }

    fn token_set(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, OAuthError> {
        let form = self.client_form(request, turn)?;
        match form.required("grant_type")? {
            "authorization_code" => self.exchange(&form, turn),
            "refresh_token" => self.refresh(&form, turn),
            "client_credentials" => Ok(json!({
                "access_token": format!("clt.{}", random_text(turn.rng, 30)),
                "expires_in": 7_200,
                "token_type": "Bearer",
            })),
            other => {
                Err(OAuthError::new("unsupported_grant_type", format!("`{other}` is no known grant type")))
            }
        }
    }

    /// The form of a call that the app makes as itself.
    fn client_form(&self, request: &Request, turn: &mut Turn<'_>) -> Result<Form, OAuthError> {
        if self.config.outage == Outage::Api {
            return Err(OAuthError {
                status: 500,
                ..OAuthError::new("server_error", "an outage of the API")
            });
        }
        if request.content_type() != "application/x-www-form-urlencoded" {
            return Err(OAuthError::new("invalid_request", "the body is not a form"));
        }
        let form = Form(request.form_pairs());
        let client_key = form.required("client_key")?;
        turn.call.client_key = Some(client_key.to_owned());
        let secret = form.required("client_secret")?;
        match self.config.apps.get(client_key) {
            Some(app) if app.client_secret == secret => Ok(form),
            Some(_) => Err(OAuthError::new("invalid_client", "the client secret is wrong")),
            None => Err(OAuthError::new("invalid_client", "no app has this client key")),
        }
    }

    fn exchange(&mut self, form: &Form, turn: &mut Turn<'_>) -> Result<Value, OAuthError> {
        let client_key = form.required("client_key")?;
        let (code, redirect_uri) = (form.required("code")?, form.required("redirect_uri")?);
        let invalid = |why: &str| OAuthError::new("invalid_grant", why);
        let known = self.codes.get_mut(code).ok_or_else(|| invalid("the code is unknown"))?;
        turn.call.account = Some(known.account.clone());
        if known.client_key != client_key {
            return Err(invalid("the code was given to another app"));
        }
        if known.used {
            return Err(invalid("the code was used before"));
        }
        if known.until <= turn.now {
            return Err(invalid("the code has expired"));
        }
        if known.redirect_uri != redirect_uri {
            return Err(invalid("the redirect URI is not the one of the consent"));
        }
        known.used = true;
        let known = known.clone();
        let grant = self.open_grant(known.client_key, known.account, known.scopes, turn.now);
        Ok(self.issue(grant, turn.now, turn.rng))
    }

    fn refresh(&mut self, form: &Form, turn: &mut Turn<'_>) -> Result<Value, OAuthError> {
        let client_key = form.required("client_key")?;
        let presented = form.required("refresh_token")?;
        turn.call.mark_token(presented);
        let invalid = |why: &str| OAuthError::new("invalid_grant", why);
        let token = self
            .refresh_tokens
            .get(presented)
            .cloned()
            .ok_or_else(|| invalid("the refresh token is unknown"))?;
        let grant = self.grants.get(&token.grant).ok_or_else(|| invalid("the grant is gone"))?;
        turn.call.account = Some(grant.account.clone());
        if grant.client_key != client_key {
            return Err(invalid("the refresh token belongs to another app"));
        }
        if grant.revoked {
            return Err(invalid("the grant was revoked"));
        }
        if grant.refresh_until <= turn.now {
            return Err(invalid("the refresh token has expired"));
        }
        let rotation = self.config.tokens.rotation;
        if token.dead {
            if rotation == Rotation::FamilyRevokedOnReuse {
                self.end_grant(token.grant, turn.now, turn.effects);
                return Err(invalid("a dead refresh token was used again, which revokes its whole family"));
            }
            return Err(invalid("the refresh token was replaced by a newer one"));
        }
        if rotation == Rotation::OldValidUntilNewUsed {
            self.bury_older(token.grant, token.generation);
        }
        if self.config.tokens.refresh_kills_access_token {
            self.access_tokens.retain(|_, access| access.grant != token.grant);
        }
        if self.config.tokens.refresh_restarts_clock
            && let Some(grant) = self.grants.get_mut(&token.grant)
        {
            grant.refresh_until = turn.now + self.config.tokens.refresh_ms;
        }
        match rotation {
            Rotation::RotateOldDies | Rotation::FamilyRevokedOnReuse => {
                if let Some(old) = self.refresh_tokens.get_mut(presented) {
                    old.dead = true;
                }
                Ok(self.issue(token.grant, turn.now, turn.rng))
            }
            Rotation::OldValidUntilNewUsed => Ok(self.issue(token.grant, turn.now, turn.rng)),
            Rotation::NoRotation => {
                let access = self.issue_access(token.grant, token.generation, turn.now, turn.rng);
                Ok(self.token_answer(token.grant, &access, presented, turn.now))
            }
        }
    }

    pub(crate) fn revoke(&mut self, request: &Request, turn: &mut Turn<'_>) -> Response {
        let result = self.client_form(request, turn).and_then(|form| {
            let token = form.required("token")?;
            turn.call.mark_token(token);
            let invalid = || OAuthError::new("invalid_grant", "no such access token of this app");
            let grant = self.access_tokens.get(token).map(|access| access.grant).ok_or_else(invalid)?;
            let known = self.grants.get(&grant).ok_or_else(invalid)?;
            if turn.call.client_key.as_deref() != Some(&known.client_key) {
                return Err(invalid());
            }
            turn.call.account = Some(known.account.clone());
            Ok((known.client_key.clone(), known.account.clone()))
        });
        match result {
            Ok((client_key, account)) => {
                self.remove_authorization(&client_key, &account, 5, turn.now, turn.effects);
                "ok".clone_into(&mut turn.call.code);
                Response::new(200, "text/plain", "")
            }
            Err(error) => self.flat_error(&error, turn),
        }
    }

    fn flat_error(&self, error: &OAuthError, turn: &mut Turn<'_>) -> Response {
        error.error.clone_into(&mut turn.call.code);
        turn.call.why = Some(error.description.clone());
        let mut id = [0; 12];
        turn.rng.fill_bytes(&mut id);
        let body = json!({
            "error": error.error,
            "error_description": error.description,
            "log_id": hex(&id).to_uppercase(),
        });
        let status = if self.config.tokens.errors_with_http_200 { 200 } else { error.status };
        Response::json(status, &body)
    }

    /// What the callback's `code` is worth.
    pub(crate) fn issue_code(
        &mut self,
        (client_key, account): (&str, &str),
        scopes: Vec<String>,
        redirect_uri: &str,
        now: i64,
        rng: &mut dyn RngCore,
    ) -> String {
        // Raw codes have characters that a URL encodes.
        let code = format!("{}*0!6410.va", random_text(rng, 30));
        let value = Code {
            account: account.to_owned(),
            client_key: client_key.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scopes,
            until: now + self.config.tokens.code_ms,
            used: false,
        };
        self.note_issued(Issued::Code, &code);
        self.codes.insert(code.clone(), value);
        code
    }

    /// A consent and its exchange in one: the token set, as the token endpoint answers it.
    pub fn connect(
        &mut self,
        client_key: &str,
        account: &str,
        scopes: &[&str],
        now_ms: i64,
        rng: &mut impl rand::Rng,
    ) -> Value {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let grant = self.open_grant(client_key.to_owned(), account.to_owned(), scopes, now_ms);
        self.issue(grant, now_ms, rng)
    }

    fn open_grant(&mut self, client_key: String, account: String, scopes: Vec<String>, now: i64) -> u64 {
        let number = self.number();
        let refresh_until = now + self.config.tokens.refresh_ms;
        let grant = Grant { client_key, account, scopes, revoked: false, refresh_until, generation: 0 };
        self.grants.insert(number, grant);
        number
    }

    fn issue(&mut self, grant: u64, now: i64, rng: &mut dyn RngCore) -> Value {
        let generation = self.grants.get_mut(&grant).map_or(0, |grant| {
            grant.generation += 1;
            grant.generation
        });
        let access = self.issue_access(grant, generation, now, rng);
        let refresh = format!("rft.{}", random_text(rng, 48));
        self.note_issued(Issued::RefreshToken, &refresh);
        self.refresh_tokens.insert(refresh.clone(), RefreshToken { grant, generation, dead: false });
        self.token_answer(grant, &access, &refresh, now)
    }

    fn issue_access(&mut self, grant: u64, generation: u32, now: i64, rng: &mut dyn RngCore) -> String {
        let access = format!("act.{}", random_text(rng, 48));
        let until = now + self.config.tokens.access_ms;
        self.note_issued(Issued::AccessToken, &access);
        self.access_tokens.insert(access.clone(), AccessToken { grant, generation, until });
        access
    }

    fn token_answer(&self, grant: u64, access: &str, refresh: &str, now: i64) -> Value {
        let Some(grant) = self.grants.get(&grant) else { return Value::Null };
        json!({
            "access_token": access,
            "expires_in": self.config.tokens.access_ms / 1_000,
            "refresh_token": refresh,
            "refresh_expires_in": (grant.refresh_until - now) / 1_000,
            "open_id": self.open_id(&grant.client_key, &grant.account),
            "scope": grant.scopes.join(","),
            "token_type": "Bearer",
        })
    }

    fn bury_older(&mut self, grant: u64, generation: u32) {
        for token in self.refresh_tokens.values_mut() {
            if token.grant == grant && token.generation < generation {
                token.dead = true;
            }
        }
    }

    /// Whose bearer token this is.
    pub(crate) fn authenticate(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Caller, Refusal> {
        let invalid = |why: &str| Refusal::new(401, "access_token_invalid", why);
        let token = bearer(request).ok_or_else(|| invalid("there is no bearer token"))?;
        turn.call.mark_token(&token);
        let access =
            self.access_tokens.get(&token).ok_or_else(|| invalid("the access token is unknown"))?.clone();
        let grant = self.grants.get(&access.grant).ok_or_else(|| invalid("the grant is gone"))?;
        turn.call.client_key = Some(grant.client_key.clone());
        turn.call.account = Some(grant.account.clone());
        if grant.revoked {
            return Err(invalid("the grant was revoked"));
        }
        if access.until <= turn.now {
            return Err(invalid("the access token has expired"));
        }
        if !self.config.accounts.contains_key(&grant.account) {
            return Err(invalid("the account is gone"));
        }
        let caller = Caller {
            client_key: grant.client_key.clone(),
            account: grant.account.clone(),
            scopes: grant.scopes.clone(),
        };
        if self.config.tokens.rotation == Rotation::OldValidUntilNewUsed {
            self.bury_older(access.grant, access.generation);
        }
        Ok(caller)
    }

    /// The access tokens of this account expire now; its refresh tokens live on.
    pub fn expire_access_tokens(&mut self, account: &str, now_ms: i64) {
        let mine: Vec<u64> =
            self.grants.iter().filter(|(_, grant)| grant.account == account).map(|(id, _)| *id).collect();
        for access in self.access_tokens.values_mut().filter(|access| mine.contains(&access.grant)) {
            access.until = access.until.min(now_ms);
        }
        self.write_log(now_ms, What::Control { what: format!("access tokens of {account} expired") });
    }

    /// The refresh tokens of this account expire now; its access tokens live on.
    pub fn expire_refresh_tokens(&mut self, account: &str, now_ms: i64) {
        for grant in self.grants.values_mut().filter(|grant| grant.account == account) {
            grant.refresh_until = grant.refresh_until.min(now_ms);
        }
        self.write_log(now_ms, What::Control { what: format!("refresh tokens of {account} expired") });
    }

    /// The authorization is gone: by the user (1), with the account (2), age (3), ban (4), by the developer (5).
    /// Posts in flight fail with `auth_removed`.
    pub fn revoke_user(&mut self, client_key: &str, account: &str, reason: u8, now_ms: i64) -> Vec<Effect> {
        let mut effects = self.tick(now_ms);
        self.remove_authorization(client_key, account, reason, now_ms, &mut effects);
        effects
    }

    fn remove_authorization(
        &mut self,
        client_key: &str,
        account: &str,
        reason: u8,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let mut any = false;
        for grant in self.grants.values_mut() {
            if grant.client_key == client_key && grant.account == account && !grant.revoked {
                grant.revoked = true;
                any = true;
            }
        }
        if any {
            self.fail_in_flight(client_key, account, now, effects);
            let open_id = self.open_id(client_key, account);
            let content = json!({ "reason": reason });
            self.emit(client_key, "authorization.removed", &open_id, &content, None, now, effects);
        }
    }

    fn end_grant(&mut self, grant: u64, now: i64, effects: &mut Vec<Effect>) {
        let Some(found) = self.grants.get(&grant) else { return };
        let (client_key, account) = (found.client_key.clone(), found.account.clone());
        self.remove_authorization(&client_key, &account, 0, now, effects);
    }

    pub(crate) fn has_live_grant(&self, client_key: &str, account: &str, scopes: &[String]) -> bool {
        self.grants.values().any(|grant| {
            grant.client_key == client_key
                && grant.account == account
                && !grant.revoked
                && scopes.iter().all(|scope| grant.scopes.contains(scope))
        })
    }

    pub(crate) fn user_info(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        const FIELDS: [(&str, &str); 14] = [
            ("open_id", "user.info.basic"),
            ("union_id", "user.info.basic"),
            ("avatar_url", "user.info.basic"),
            ("avatar_url_100", "user.info.basic"),
            ("avatar_large_url", "user.info.basic"),
            ("display_name", "user.info.basic"),
            ("username", "user.info.profile"),
            ("bio_description", "user.info.profile"),
            ("profile_deep_link", "user.info.profile"),
            ("is_verified", "user.info.profile"),
            ("follower_count", "user.info.stats"),
            ("following_count", "user.info.stats"),
            ("likes_count", "user.info.stats"),
            ("video_count", "user.info.stats"),
        ];
        let caller = self.admit(Endpoint::UserInfo, request, &["user.info.basic"], turn)?;
        let pairs = request.query_pairs();
        let fields = pairs.iter().find(|(key, _)| key == "fields").map_or("", |(_, value)| value);
        if fields.is_empty() {
            return Err(Refusal::invalid_params("Fields is required"));
        }
        let mut user = serde_json::Map::new();
        for field in fields.split(',') {
            let Some((_, scope)) = FIELDS.iter().find(|(name, _)| *name == field) else {
                return Err(Refusal::invalid_params(format!("Fields is invalid: {field}")));
            };
            if !caller.scopes.iter().any(|granted| granted == scope) {
                if self.config.user_fields_beyond_scope_are_empty {
                    user.insert(field.into(), json!(""));
                    continue;
                }
                let why = format!("`{field}` needs `{scope}`, which the user did not grant");
                return Err(Refusal::new(400, "scope_permission_missed", why));
            }
            user.insert(field.into(), self.user_field(&caller, field));
        }
        Ok(json!({ "user": user }))
    }

    fn user_field(&self, caller: &Caller, field: &str) -> Value {
        let handle = caller.account.as_str();
        match field {
            "open_id" => json!(self.open_id(&caller.client_key, handle)),
            "union_id" => json!(derived_id("", &["union", handle])),
            "display_name" => json!(self.config.accounts.get(handle).map_or("", |account| &account.nickname)),
            "username" => json!(handle),
            "bio_description" => json!(""),
            "profile_deep_link" => json!(format!("https://vm.tiktok.com/{handle}/")),
            "is_verified" => json!(false),
            "follower_count" | "following_count" | "likes_count" => json!(0),
            "video_count" => {
                let mine = |publication: &&crate::log::Publication| publication.account == handle;
                json!(self.publications().filter(mine).count())
            }
            _ => json!(avatar_url(handle)),
        }
    }
}

pub(crate) fn avatar_url(handle: &str) -> String {
    format!("https://p16-sign.tiktokcdn.com/{handle}.jpeg?x-expires=7200")
}
