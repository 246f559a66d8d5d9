//! Keys: make, list, rotate, revoke.
//!
//! A secret is shown once, by the answer that makes it; the row has its hash. Under an `Idempotency-Key` id and secret are
//! derived from the deployment secret, so that a repeat finds the row and can say the secret again. No key gives, replaces
//! or revokes more than it has itself.

use axum::response::Response;
use domain::{KeyId, KeyName, Problem, Scope, Scopes, SignedDuration, Timestamp};
use http::StatusCode;
use ports::{ApiKey, Clock, Entropy, KeyCreated, Keys};
use serde_json::Value;
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::auth::Caller;
use crate::fields::{Problems, canonical};
use crate::media::uuid_v7;
use crate::posts::{PageAsked, key_reused};
use crate::refusal::Refusal;
use crate::{Api, Outside, crypto, view};

const ROUTE: &str = "POST /v1/keys";
/// How long a replaced key goes on working, unless the request says otherwise, and at most.
const GRACE: u64 = 86_400;
const GRACE_MAX: u64 = 604_800;

/// Id and secret of a key that is to be made.
struct Fresh {
    id: KeyId,
    secret: String,
    /// The body's hash; `None` without an `Idempotency-Key`: nothing is recognised again.
    request_sha256: Option<[u8; 32]>,
}

impl Fresh {
    /// Whether this key was made by the very request that is asked now.
    fn was_made_as(&self, key: &ApiKey) -> bool {
        self.request_sha256.is_some() && self.request_sha256 == key.request_sha256
    }
}

/// What the body says of a key. What cannot be read is a problem.
struct Draft {
    name: Option<KeyName>,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn create_key(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::KeysWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let repeatable = problems.idempotency_key(&ask);
        let body = ask.json().await?;
        let draft = draft(&body, &caller, &problems);
        let fresh = self.fresh(&caller, ROUTE, repeatable.as_deref(), &body, now).await?;
        if let Some(problem) = draft.expires_at.and_then(|at| over(at, now)) {
            // what was accepted once stays accepted, though its time has come
            if problems.is_empty()
                && let Some(first) = self.made_before(&fresh).await?
            {
                return Ok(made(&first, &fresh.secret, true));
            }
            problems.add([problem]);
        }
        let (Some(name), true) = (draft.name, problems.is_empty()) else {
            return Err(Refusal::invalid(problems.take()));
        };
        let key = ApiKey {
            id: fresh.id.clone(),
            workspace: caller.workspace,
            name,
            secret_sha256: crypto::sha256(fresh.secret.as_bytes()),
            scopes: draft.scopes,
            created_at: now,
            last_used_at: None,
            expires_at: draft.expires_at,
            retires_at: None,
            revoked_at: None,
            replaces: None,
            request_sha256: fresh.request_sha256,
        };
        let (key, replayed) = self.make(key, &fresh).await?;
        Ok(made(&key, &fresh.secret, replayed))
    }

    pub(crate) async fn list_keys(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::KeysRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_keys(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let data = found.rows.iter().map(view::key).collect();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: found.next_cursor }))
    }

    pub(crate) async fn rotate_key(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::KeysWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let repeatable = problems.idempotency_key(&ask);
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let grace = fields.number("grace_seconds", 0, GRACE_MAX).unwrap_or(GRACE);
        fields.done();
        let old = self.asked_key(&caller, &ask).await?;
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let route = format!("{ROUTE}/{}/rotate", old.id);
        let fresh = self.fresh(&caller, &route, repeatable.as_deref(), &body, now).await?;
        if let Some(refusal) = ended(&old, now) {
            let first = self.made_before(&fresh).await?;
            return first.map(|first| made(&first, &fresh.secret, true)).ok_or(refusal);
        }
        let key = ApiKey {
            id: fresh.id.clone(),
            secret_sha256: crypto::sha256(fresh.secret.as_bytes()),
            created_at: now,
            last_used_at: None,
            retires_at: None,
            replaces: Some(old.id.clone()),
            request_sha256: fresh.request_sha256,
            ..old.clone()
        };
        // the new key first: whoever is cut off in between has two keys rather than none
        let (key, replayed) = self.make(key, &fresh).await?;
        let grace = SignedDuration::from_secs(i64::try_from(grace).unwrap_or_default());
        let after = self.store.retire_key(&old.id, key.created_at + grace).await?;
        self.keys.forget(&old.id);
        if let Some(refusal) = after.filter(|after| after.revoked_at.is_some()).and_then(|it| ended(&it, now))
            && !replayed
        {
            // revoked at this very moment: its rights do not live on in another key
            self.store.revoke_key(&key.id, now).await?;
            return Err(refusal);
        }
        Ok(made(&key, &fresh.secret, replayed))
    }

    pub(crate) async fn revoke_key(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::KeysWrite).await?;
        let key = self.asked_key(&caller, &ask).await?;
        let revoked = match key.revoked_at {
            Some(_) => Some(key),
            None => self.store.revoke_key(&key.id, self.time.now()).await?,
        };
        let revoked = revoked.ok_or_else(|| Refusal::not_found("key"))?;
        self.keys.forget(&revoked.id);
        Ok(answer::json(StatusCode::OK, &view::key(&revoked)))
    }

    /// The key that the path names, if it is this workspace's and no stronger than the caller's.
    async fn asked_key(&self, caller: &Caller, ask: &Ask) -> Result<ApiKey, Refusal> {
        let missing = || Refusal::not_found("key");
        let id: KeyId = ask.segment(2).parse().map_err(|_| missing())?;
        let key = self.store.key(&id).await?.ok_or_else(missing)?;
        if key.workspace != caller.workspace {
            return Err(missing());
        }
        let beyond = key.scopes.without(caller.scopes);
        if beyond.is_empty() {
            return Ok(key);
        }
        Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "key.stronger",
            format!("that key has scopes which the key that asks has not: {beyond}"),
            "ask with a key that has all of them",
        ))
    }

    async fn fresh(
        &self,
        caller: &Caller,
        route: &str,
        repeatable: Option<&str>,
        body: &Value,
        now: Timestamp,
    ) -> Result<Fresh, Refusal> {
        let Some(key) = repeatable else {
            let id = KeyId::from_bits(uuid_v7(now, &self.time.random()));
            return Ok(Fresh { id, secret: crypto::hex(&self.time.random()), request_sha256: None });
        };
        let secrets = self.secrets.secrets(now).await?;
        let derive = |what: &str| {
            let secret = secrets.deployment_secret.expose();
            crypto::derive(secret, &[caller.workspace.as_str(), what, key])
        };
        Ok(Fresh {
            id: KeyId::from_bits(crypto::id_bits(&derive(route))),
            // the id is no secret, so the secret is no part of the same digest
            secret: crypto::hex(&derive(&format!("{route} secret"))),
            request_sha256: Some(crypto::sha256(canonical(body).as_bytes())),
        })
    }

    /// The key that this request made when it came first.
    async fn made_before(&self, fresh: &Fresh) -> Result<Option<ApiKey>, Refusal> {
        if fresh.request_sha256.is_none() {
            return Ok(None);
        }
        Ok(self.store.key(&fresh.id).await?.filter(|key| fresh.was_made_as(key)))
    }

    /// Writes the key, or finds the one that this request made when it came first.
    async fn make(&self, key: ApiKey, fresh: &Fresh) -> Result<(ApiKey, bool), Refusal> {
        match self.store.create_key(&key, self.time.nonce()).await? {
            KeyCreated::New => Ok((key, false)),
            KeyCreated::Existed(first) if fresh.was_made_as(&first) => Ok((*first, true)),
            KeyCreated::Existed(_) => Err(key_reused()),
        }
    }
}

/// The key as it was made, whatever became of it since, with its secret.
fn made(key: &ApiKey, secret: &str, replayed: bool) -> Response {
    let new = ApiKey { last_used_at: None, retires_at: None, revoked_at: None, ..key.clone() };
    let secret = format!("{}_{secret}", view::key_prefix(&key.id));
    let response = answer::json(StatusCode::CREATED, &view::NewKey { key: view::key(&new), secret });
    if replayed { with_header(response, REPLAYED, "true") } else { response }
}

/// Why a key cannot be replaced any more.
fn ended(key: &ApiKey, now: Timestamp) -> Option<Refusal> {
    let (code, detail) = match (key.revoked_at, key.ends_at().filter(|at| *at <= now)) {
        (Some(at), _) => ("key.revoked", format!("the key was revoked at {at}")),
        (None, Some(at)) => ("key.expired", format!("the key expired at {at}")),
        (None, None) => return None,
    };
    let remedy = "make a new key with POST /v1/keys";
    Some(Refusal::new(StatusCode::CONFLICT, code, detail, remedy))
}

fn over(at: Timestamp, now: Timestamp) -> Option<Problem> {
    (at <= now).then(|| {
        let detail = format!("`expires_at` is {at}, which is over");
        Problem::new("/expires_at", "key.expires_at.past", detail, "send a time to come, or leave it out")
    })
}

fn draft(body: &Value, caller: &Caller, problems: &Problems) -> Draft {
    let mut fields = problems.body(body);
    let name = fields.required_text("name", "say what the key is for, such as `laptop`").and_then(|text| {
        let name = text.parse::<KeyName>();
        if let Err(error) = &name {
            let remedy = "shorten it, or leave those characters out";
            problems.push(Problem::new(fields.pointer("name"), "key.name", error.to_string(), remedy));
        }
        name.ok()
    });
    let scopes = scopes(&mut fields, caller, problems);
    let expires_at = fields.time("expires_at");
    fields.done();
    Draft { name, scopes, expires_at }
}

fn scopes(fields: &mut crate::fields::Fields<'_>, caller: &Caller, problems: &Problems) -> Scopes {
    let say = format!("send a list of some of these: {}", caller.scopes);
    let Some(texts) = fields.texts("scopes", Scope::ALL.len()) else {
        fields.require("scopes", &say);
        return Scopes::default();
    };
    let known = texts.into_iter().filter_map(|(at, text)| match text.parse::<Scope>() {
        Ok(scope) => {
            if !caller.scopes.contains(scope) {
                let detail = format!("the key that asks does not have the scope `{scope}` itself");
                let remedy = "leave it out, or ask with a key that has it";
                problems.push(Problem::new(at, "key.scopes.beyond", detail, remedy));
            }
            Some(scope)
        }
        Err(error) => {
            problems.push(Problem::new(at, "key.scopes.unknown", error.to_string(), &say));
            None
        }
    });
    known.collect()
}
