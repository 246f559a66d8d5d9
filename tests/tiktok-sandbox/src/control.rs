//! The control API under `/_sandbox/`: for tests and demos, not part of TikTok.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::Account;
use crate::faults::Fault;
use crate::log::What;
use crate::wire::{Request, Response};
use crate::world::{Effect, World};

/// What a control call asks of the shell besides its answer.
pub(crate) struct Done {
    pub(crate) answer: Response,
    pub(crate) effects: Vec<Effect>,
    /// How far the shell's clock jumps ahead.
    pub(crate) jump_ms: i64,
}

struct Bad(u16, String);

type Outcome = Result<(Value, Vec<Effect>), Bad>;

#[derive(Deserialize)]
struct NamedAccount {
    account: String,
    client_key: Option<String>,
    reason: Option<u8>,
    count: Option<u32>,
    #[serde(default)]
    refresh: bool,
    scopes: Option<Vec<String>>,
    query: Option<String>,
    caption: Option<String>,
    duration_ms: Option<i64>,
}

impl World {
    pub(crate) fn control(&mut self, request: &Request, now: i64, rng: &mut impl rand::Rng) -> Done {
        let path = request.path.strip_prefix("/_sandbox/").unwrap_or_default();
        let (name, argument) = path.split_once('/').unwrap_or((path, ""));
        let argument = url::form_urlencoded::parse(argument.as_bytes())
            .next()
            .map(|(text, _)| text.into_owned())
            .unwrap_or_default();
        let changes = request.method != Method::GET && name != "consent";
        let mut jump_ms = 0;
        let outcome = match (request.method.as_str(), name) {
            ("GET", "log") => Ok((self.log_page(request), Vec::new())),
            ("GET", "state") => Ok((self.summary(), Vec::new())),
            ("GET", "config") => Ok((json!(self.config), Vec::new())),
            ("POST" | "PATCH", "config") => self.patch_config(request),
            ("GET", "faults") => Ok((json!(self.faults()), Vec::new())),
            ("POST", "faults") => self.add_faults(request),
            ("DELETE", "faults") => {
                self.clear_faults();
                Ok((json!([]), Vec::new()))
            }
            ("GET", "clock") => Ok((json!({ "now_ms": now }), Vec::new())),
            ("POST", "clock") => match body::<Value>(request).map(|body| body["ms"].as_i64()) {
                Ok(Some(ms)) if ms >= 0 => {
                    jump_ms = ms;
                    Ok((json!({ "now_ms": now + ms }), self.tick(now + ms)))
                }
                Ok(_) => Err(Bad(400, "`ms` is not a number of milliseconds ahead".into())),
                Err(bad) => Err(bad),
            },
            ("POST", "complete") => self.complete(&argument, request, now),
            ("POST", "hang") => step(self.hang(&argument, now)),
            ("POST", "takedown") => step(self.take_down(&argument, now)),
            ("POST", "make_public") => step(self.make_public(&argument, now)),
            ("POST", "finish_draft") => match body(request) {
                Ok(finished) => step(self.finish_draft(&argument, &finished, now, rng)),
                Err(bad) => Err(bad),
            },
            ("POST", "discard_draft") => step(self.discard_draft(&argument, now)),
            ("POST", "accounts") => self.change_account(request),
            ("POST", "tokens" | "users" | "posted_elsewhere" | "films" | "connect" | "consent") => {
                self.about_account(name, &argument, request, now, rng)
            }
            _ => Err(Bad(404, "no such control call".into())),
        };
        let (answer, effects) = match outcome {
            Ok((value, effects)) => {
                if changes {
                    let what = format!("{} {}", request.method, request.path);
                    self.write_log(now, What::Control { what });
                }
                (Response::json(200, &value), effects)
            }
            Err(Bad(status, why)) => (Response::json(status, &json!({ "problem": why })), Vec::new()),
        };
        Done { answer, effects, jump_ms }
    }

    fn log_page(&self, request: &Request) -> Value {
        let pairs = request.query_pairs();
        let field = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let after: u64 = field("after").and_then(|text| text.parse().ok()).unwrap_or(0);
        let kind = field("kind");
        let wanted = self.log().iter().filter(|entry| entry.seq > after).map(|entry| json!(entry));
        let wanted = wanted.filter(|entry| kind.is_none_or(|kind| entry["kind"] == kind));
        Value::Array(wanted.collect())
    }

    fn patch_config(&mut self, request: &Request) -> Outcome {
        let mut merged = json!(self.config);
        merge(&mut merged, body(request)?);
        let config = serde_json::from_value(merged).map_err(|error| Bad(400, error.to_string()))?;
        self.set_config(config).map_err(|error| Bad(400, error.to_string()))?;
        Ok((json!(self.config), Vec::new()))
    }

    fn add_faults(&mut self, request: &Request) -> Outcome {
        let value: Value = body(request)?;
        let list = if value.is_array() { value } else { Value::Array(vec![value]) };
        let faults: Vec<Fault> = serde_json::from_value(list).map_err(|error| Bad(400, error.to_string()))?;
        for fault in faults {
            self.inject(fault);
        }
        Ok((json!(self.faults()), Vec::new()))
    }

    fn complete(&mut self, publish_id: &str, request: &Request, now: i64) -> Outcome {
        let wish: Value = if request.body.is_empty() { Value::Null } else { body(request)? };
        match wish.get("fail_reason").and_then(Value::as_str) {
            Some(fail_reason) => step(self.fail(publish_id, fail_reason, now)),
            None => step(self.advance(publish_id, now)),
        }
    }

    fn change_account(&mut self, request: &Request) -> Outcome {
        let mut patch: Value = body(request)?;
        let handle = patch.as_object_mut().and_then(|map| map.remove("handle"));
        let Some(handle) = handle.as_ref().and_then(Value::as_str) else {
            return Err(Bad(400, "`handle` is missing".into()));
        };
        let mut merged = json!(self.config.accounts.get(handle).cloned().unwrap_or_default());
        merge(&mut merged, patch);
        let account: Account = serde_json::from_value(merged).map_err(|error| Bad(400, error.to_string()))?;
        self.config.accounts.insert(handle.into(), account.clone());
        Ok((json!(account), Vec::new()))
    }

    fn about_account(
        &mut self,
        name: &str,
        argument: &str,
        request: &Request,
        now: i64,
        rng: &mut impl rand::Rng,
    ) -> Outcome {
        let NamedAccount { account, client_key, reason, count, refresh, scopes, query, caption, duration_ms } =
            body(request)?;
        if !self.config.accounts.contains_key(&account) {
            return Err(Bad(404, format!("no account `{account}`")));
        }
        let only_app = || self.config.apps.keys().next().cloned().unwrap_or_default();
        let client_key = client_key.unwrap_or_else(only_app);
        let effects = match (name, argument) {
            ("tokens", "expire") => {
                if refresh {
                    self.expire_refresh_tokens(&account, now);
                } else {
                    self.expire_access_tokens(&account, now);
                }
                Vec::new()
            }
            ("users", "revoke") => self.revoke_user(&client_key, &account, reason.unwrap_or(1), now),
            ("posted_elsewhere", "") => {
                (0..count.unwrap_or(1)).for_each(|_| self.posted_elsewhere(&account, now));
                Vec::new()
            }
            ("films", "") => {
                let caption = caption.unwrap_or_default();
                let id = self.filmed_elsewhere(&account, &caption, duration_ms.unwrap_or(10_000), now, rng);
                return Ok((json!({ "id": id.to_string() }), Vec::new()));
            }
            ("connect", "") => {
                let scopes = scopes.unwrap_or_else(|| crate::config::SCOPES.map(String::from).to_vec());
                let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
                return Ok((self.connect(&client_key, &account, &scopes, now, rng), Vec::new()));
            }
            ("consent", "") => {
                let query = query.unwrap_or_default();
                // The whole authorize URL will do as well.
                let query = query.split_once('?').map_or(query.as_str(), |(_, query)| query);
                let location = self.consent(query, &account, scopes.as_deref(), now, rng);
                let location =
                    location.ok_or_else(|| Bad(400, "the consent page would show an error".into()))?;
                return Ok((json!({ "location": location }), Vec::new()));
            }
            _ => return Err(Bad(404, "no such control call".into())),
        };
        Ok((json!({}), effects))
    }
}

fn step(result: Result<Vec<Effect>, crate::publish::WrongStep>) -> Outcome {
    result.map(|effects| (json!({}), effects)).map_err(|error| Bad(409, error.to_string()))
}

fn body<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, Bad> {
    serde_json::from_slice(&request.body).map_err(|error| Bad(400, error.to_string()))
}

/// A JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}
