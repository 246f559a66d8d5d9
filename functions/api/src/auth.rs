//! API keys: `slk_<32 hexadecimal digits: the key's id>_<64 hexadecimal digits: its secret>`.
//!
//! The row holds the SHA-256 of the secret part as text. A key that was seen is believed for a minute, so a revoked one stops
//! working within that time, and a warm function pays no read for it. Every route names the scope that it needs.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{KeyId, Scope, Scopes, SignedDuration, Timestamp, WorkspaceId};
use http::{StatusCode, header};
use ports::{ApiKey, Clock, Keys, LAST_USE_KEPT};

use crate::answer::Ask;
use crate::crypto::{is_hex, same, sha256};
use crate::refusal::Refusal;
use crate::{Api, Outside};

const BELIEVED: SignedDuration = SignedDuration::from_secs(60);
/// More keys than one function meets in a minute.
const MOST: usize = 1_000;

/// The keys that were seen in the last minute.
#[derive(Default)]
pub struct KeyCache(Mutex<HashMap<KeyId, (Timestamp, ApiKey)>>);

impl KeyCache {
    fn get(&self, id: &KeyId, now: Timestamp) -> Option<ApiKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(id).filter(|(seen, _)| now.duration_since(*seen) < BELIEVED).map(|(_, key)| key.clone())
    }

    fn put(&self, key: ApiKey, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST {
            keys.clear();
        }
        keys.insert(key.id.clone(), (now, key));
    }

    /// The key was used. It is not believed for any longer by that.
    fn used(&self, id: &KeyId, now: Timestamp) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = keys.get_mut(id) {
            key.last_used_at = Some(now);
        }
    }

    /// What is known of the key is true no more.
    pub(crate) fn forget(&self, id: &KeyId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// Who asks.
pub(crate) struct Caller {
    /// The key, or what was dropped: who answers for what is asked.
    pub(crate) by: String,
    pub(crate) workspace: WorkspaceId,
    pub(crate) scopes: Scopes,
}

impl<W: Outside> Api<W> {
    /// Who asks, if the key is good and may do this.
    pub(crate) async fn caller(&self, ask: &Ask, needed: Scope) -> Result<Caller, Refusal> {
        if let Some(dropped) = ask.dropped() {
            return self.dropped_caller(&dropped, needed).await;
        }
        let Some(header) = ask.header(header::AUTHORIZATION) else {
            return Err(refuse("key.missing", "the header Authorization is missing", SEND));
        };
        let invalid = || refuse("key.invalid", "the API key is not valid", SEND);
        let (id, secret) = parse(header).ok_or_else(invalid)?;
        let now = self.time.now();
        let key = if let Some(key) = self.keys.get(&id, now) {
            key
        } else {
            let key = self.store.key(&id).await?.ok_or_else(invalid)?;
            self.keys.put(key.clone(), now);
            key
        };
        if !same(&sha256(secret.as_bytes()), &key.secret_sha256) {
            return Err(invalid());
        }
        let use_another = "use another key of the workspace, or make a new one";
        if let Some(at) = key.revoked_at {
            return Err(refuse("key.revoked", format!("the API key was revoked at {at}"), use_another));
        }
        if let Some(at) = key.ends_at().filter(|at| *at <= now) {
            return Err(refuse("key.expired", format!("the API key expired at {at}"), use_another));
        }
        self.note_use(&key, now).await;
        if !key.scopes.contains(needed) {
            return Err(lacks(&key, needed));
        }
        Ok(Caller { by: key.id.to_string(), workspace: key.workspace, scopes: key.scopes })
    }

    /// Writes down about once an hour that the key is in use. A failure is nobody's business but the log's.
    async fn note_use(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_some_and(|last| now.duration_since(last) <= LAST_USE_KEPT) {
            return;
        }
        if let Err(error) = self.store.key_used(key, now).await {
            tracing::warn!(key = %key.id, error = %flows::chain(&error), "the key's last use is not written down");
        }
        // after a failure as well: it is tried again when the row is read again, not by each request
        self.keys.used(&key.id, now);
    }
}

const SEND: &str = "send `Authorization: Bearer slk_…` with a key of the workspace";

fn refuse(code: &str, detail: impl Into<String>, remedy: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, code, detail, remedy).header(header::WWW_AUTHENTICATE, "Bearer")
}

fn lacks(key: &ApiKey, needed: Scope) -> Refusal {
    let has = if key.scopes.is_empty() { "none".to_owned() } else { key.scopes.to_string() };
    Refusal::new(
        StatusCode::FORBIDDEN,
        "key.scope",
        format!("this needs the scope `{needed}`, the API key has {has}"),
        format!(
            "use a key that has `{needed}`, or let somebody whose key has it make one with POST /v1/keys"
        ),
    )
}

fn parse(header: &str) -> Option<(KeyId, &str)> {
    let (scheme, token) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (id, secret) = token.trim().strip_prefix("slk_")?.split_once('_')?;
    let id = is_hex(id, 32).then(|| format!("{}{id}", KeyId::PREFIX).parse().ok())??;
    is_hex(secret, 64).then_some((id, secret))
}
