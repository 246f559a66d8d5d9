//! Webhook endpoints: make, change, rotate, test, send again, and the log of what was sent.
//!
//! A secret is shown by the answer that makes it, and lies sealed in the row. A URL is judged here as far as it tells by
//! itself; where it leads is judged whenever it is asked for.

use axum::response::Response;
use domain::endpoint::{ENDPOINTS_MAX, Off, Secret};
use domain::job::CatchUp;
use domain::notice::{CATALOGUE, EndpointNews};
use domain::{
    Delivery, DeliveryKey, Endpoint, EndpointId, Job, Notice, NoticeId, Problem, Scope, SignedDuration,
    Timestamp,
};
use http::StatusCode;
use ports::{
    Clock, Created, Deliveries, Endpoints, Entropy, Notices, Plaintext, Queues, Saved, Stored, Vault,
};
use serde_json::Value;

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::fields::{Fields, Problems, canonical};
use crate::media::{base64, uuid_v7};
use crate::posts::{PageAsked, key_reused};
use crate::refusal::Refusal;
use crate::{Api, Outside, crypto, examples, view};

const ROUTE: &str = "POST /v1/webhook-endpoints";
/// How long a replaced secret goes on signing, unless the request says otherwise, and at most.
const GRACE: u64 = 86_400;
const GRACE_MAX: u64 = 604_800;
const DESCRIPTION_MAX: usize = 200;
/// Deliveries are in the log for as long.
const LOG: SignedDuration = SignedDuration::from_hours(24 * 30);
/// A row that others write at the same time is read again this often.
const TRIES: usize = 4;

/// What the body says of an endpoint; what is absent stays as it is.
struct Draft {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn create_endpoint(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::WebhooksWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let repeatable = problems.idempotency_key(&ask);
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let draft = self.draft(&mut fields, &problems);
        if draft.url.is_none() && !problems.covers("/url") {
            fields.require("url", "send the https URL that events are to be posted to");
        }
        fields.done();
        let (Some(url), true) = (draft.url, problems.is_empty()) else {
            return Err(Refusal::invalid(problems.take()));
        };
        let (id, request) = match &repeatable {
            None => (uuid_v7(now, &self.time.random()), None),
            Some(key) => {
                let id = self.derived(now, &[caller.workspace.as_str(), ROUTE, key]).await?;
                (id, Some(request_sha256(ROUTE, key, &body)))
            }
        };
        let id = EndpointId::from_bits(id);
        let known = self.store.list_endpoints(&caller.workspace, None, 100).await?.rows;
        if known.len() >= ENDPOINTS_MAX && known.iter().all(|endpoint| endpoint.id != id) {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "webhook_endpoint.limit",
                format!("this workspace has {ENDPOINTS_MAX} webhook endpoints already"),
                "remove one that is needed no more, or let one endpoint take more types of events",
            ));
        }
        let binding = domain::account::Binding::of_endpoint(&caller.workspace, &id, 1);
        let plain = self.fresh_secret();
        let sealed = self.vault.seal(&plain, &binding).await?;
        let secret = Secret { number: 1, sealed, ends_at: None, request_sha256: request };
        let endpoint = Endpoint {
            description: draft.description.unwrap_or_default(),
            events: draft.events.unwrap_or_default().into_iter().collect(),
            ..Endpoint::new(id, caller.workspace, url, secret, now, &self.periods)
        };
        match self.store.create_endpoint(&endpoint, self.time.nonce()).await? {
            Created::New(stored) => Ok(shown(&stored.row, &plain, false)),
            Created::Existed(stored) => self.secret_shown_before(&stored.row, request).await,
        }
    }

    pub(crate) async fn list_webhook_endpoints(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::WebhooksRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_endpoints(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let data = found.rows.iter().map(view::endpoint).collect();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: found.next_cursor }))
    }

    pub(crate) async fn read_endpoint(&self, ask: Ask) -> Answered {
        let endpoint = self.asked_endpoint(&ask, Scope::WebhooksRead).await?;
        Ok(answer::json(StatusCode::OK, &view::endpoint(&endpoint.row)))
    }

    pub(crate) async fn change_endpoint(&self, mut ask: Ask) -> Answered {
        let seen = self.asked_endpoint(&ask, Scope::WebhooksWrite).await?;
        let problems = Problems::default();
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let draft = self.draft(&mut fields, &problems);
        let state =
            fields.word("state", &["enabled", "disabled"], "send `enabled` or `disabled`, or leave it out");
        let state = state.map(|state| state == "enabled");
        fields.done();
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let changed = self
            .change(seen, |endpoint, now| {
                let mut row = match (state, endpoint.is_on()) {
                    (Some(true), false) => endpoint.turned_on(now, &self.periods),
                    (Some(false), true) => endpoint.turned_off(Off::Asked, now),
                    (Some(true), true) | (Some(false), false) | (None, _) => endpoint.clone(),
                };
                row.url = draft.url.clone().unwrap_or(row.url);
                row.description = draft.description.clone().unwrap_or(row.description);
                row.events = draft.events.clone().map_or(row.events, |events| events.into_iter().collect());
                row
            })
            .await?;
        Ok(answer::json(StatusCode::OK, &view::endpoint(&changed)))
    }

    pub(crate) async fn remove_endpoint(&self, ask: Ask) -> Answered {
        let seen = self.asked_endpoint(&ask, Scope::WebhooksWrite).await?;
        let removed = self.change(seen, Endpoint::removed).await?;
        Ok(answer::json(StatusCode::OK, &view::endpoint(&removed)))
    }

    pub(crate) async fn rotate_endpoint_secret(&self, mut ask: Ask) -> Answered {
        let seen = self.asked_endpoint(&ask, Scope::WebhooksWrite).await?;
        let problems = Problems::default();
        let repeatable = problems.idempotency_key(&ask);
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let grace = fields.number("grace_seconds", 0, GRACE_MAX).unwrap_or(GRACE);
        fields.done();
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let route = format!("{ROUTE}/{}/rotate-secret", seen.row.id);
        let request = repeatable.map(|key| request_sha256(&route, &key, &body));
        if request.is_some() && seen.row.secrets.iter().any(|secret| secret.request_sha256 == request) {
            return self.secret_shown_before(&seen.row, request).await;
        }
        let number = seen.row.next_number();
        let plain = self.fresh_secret();
        let sealed = self.vault.seal(&plain, &seen.row.binding(number)).await?;
        let secret = Secret { number, sealed, ends_at: None, request_sha256: request };
        let grace = SignedDuration::from_secs(i64::try_from(grace).unwrap_or_default());
        let rotated = seen.row.rotated(secret, self.time.now() + grace);
        match self.store.save_endpoint(&seen, &rotated, None, self.time.nonce()).await? {
            Saved::Written(stored) => Ok(shown(&stored.row, &plain, false)),
            // its number may be taken by now
            Saved::Conflict(_) => Err(contended()),
        }
    }

    pub(crate) async fn test_endpoint(&self, ask: Ask) -> Answered {
        let endpoint = self.asked_endpoint(&ask, Scope::WebhooksWrite).await?;
        let problems = Problems::default();
        let repeatable = problems.idempotency_key(&ask);
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let now = self.time.now();
        let mut notice = Notice::of_endpoint(&endpoint.row, now, EndpointNews::Test, None);
        if let Some(key) = &repeatable {
            let route = format!("{ROUTE}/{}/test", endpoint.row.id);
            notice.id = NoticeId::from_bits(
                self.derived(now, &[endpoint.row.workspace.as_str(), &route, key]).await?,
            );
            // what was accepted once stays accepted, whatever has changed since
            let key = DeliveryKey { endpoint: endpoint.row.id.clone(), event: notice.id.clone() };
            if let Some(there) = self.store.deliveries(std::slice::from_ref(&key)).await?.remove(&key) {
                let response = answer::json(StatusCode::ACCEPTED, &view::delivery(&there.row));
                return Ok(with_header(response, REPLAYED, "true"));
            }
        }
        must_be_on(&endpoint.row)?;
        self.store.record(&notice).await?;
        let delivery = self.send_again(&endpoint.row, &notice, None).await?;
        Ok(answer::json(StatusCode::ACCEPTED, &view::delivery(&delivery)))
    }

    pub(crate) async fn redeliver(&self, mut ask: Ask) -> Answered {
        let endpoint = self.asked_endpoint(&ask, Scope::WebhooksWrite).await?;
        let problems = Problems::default();
        let body = ask.json().await?;
        let mut fields = problems.body(&body);
        let (event, since) = (fields.id::<NoticeId>("event"), fields.time("since"));
        let readable = !problems.covers("/event") && !problems.covers("/since");
        if event.is_some() == since.is_some() && readable {
            problems.push(Problem::new(
                "",
                "redeliver.what",
                "the body names neither or both of `event` and `since`",
                "send `event` for one event, or `since` for all that were missed since then",
            ));
        }
        let now = self.time.now();
        if since.is_some_and(|since| since > now || now.duration_since(since) > LOG) {
            problems.push(Problem::new(
                fields.pointer("since"),
                "redeliver.since",
                "`since` is not within the last 30 days",
                "send a later time; older events are in GET /v1/events for 90 days",
            ));
        }
        fields.done();
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        must_be_on(&endpoint.row)?;
        if let Some(since) = since {
            let job = CatchUp { endpoint: endpoint.row.id.clone(), since: Some(since), cursor: None };
            self.queues.send(&Job::CatchUp(job), SignedDuration::ZERO).await?;
            let missed = view::Redelivery::Since(view::MissedSince { since });
            return Ok(answer::json(StatusCode::ACCEPTED, &missed));
        }
        let missing = || Refusal::not_found("event");
        let event = event.ok_or_else(missing)?;
        let notice = self.store.notice(&event).await?;
        let notice = notice.filter(|notice| notice.workspace == endpoint.row.workspace);
        let notice = notice.ok_or_else(missing)?;
        let key = DeliveryKey { endpoint: endpoint.row.id.clone(), event };
        let there = self.store.deliveries(std::slice::from_ref(&key)).await?.remove(&key);
        let delivery = self.send_again(&endpoint.row, &notice, there).await?;
        let event = view::Redelivery::Event(view::delivery(&delivery));
        Ok(answer::json(StatusCode::ACCEPTED, &event))
    }

    pub(crate) async fn list_endpoint_deliveries(&self, ask: Ask) -> Answered {
        let endpoint = self.asked_endpoint(&ask, Scope::WebhooksRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_deliveries(&endpoint.row.id, page.cursor.as_deref(), page.limit).await?;
        let data = found.rows.iter().map(view::delivery).collect();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: found.next_cursor }))
    }

    pub(crate) async fn list_event_types(&self, ask: Ask) -> Answered {
        self.caller(&ask, Scope::EventsRead).await?;
        let data = event_types().collect::<Vec<_>>();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: None }))
    }

    /// The endpoint that the path names, if it is this workspace's.
    async fn asked_endpoint(&self, ask: &Ask, needed: Scope) -> Result<Stored<Endpoint>, Refusal> {
        let caller = self.caller(ask, needed).await?;
        let missing = || Refusal::not_found("webhook_endpoint");
        let id: EndpointId = ask.segment(2).parse().map_err(|_| missing())?;
        let found = self.store.endpoint(&id).await?;
        found.filter(|it| it.row.workspace == caller.workspace && !it.row.is_removed()).ok_or_else(missing)
    }

    /// Changes an endpoint, whoever else writes it at the same time.
    async fn change(
        &self,
        mut seen: Stored<Endpoint>,
        to: impl Fn(&Endpoint, Timestamp) -> Endpoint,
    ) -> Result<Endpoint, Refusal> {
        for _ in 0..TRIES {
            let row = to(&seen.row, self.time.now());
            match self.store.save_endpoint(&seen, &row, None, self.time.nonce()).await? {
                Saved::Written(stored) => return Ok(stored.row),
                Saved::Conflict(Some(there)) if !there.row.is_removed() => seen = there,
                Saved::Conflict(_) => return Err(Refusal::not_found("webhook_endpoint")),
            }
        }
        Err(contended())
    }

    /// Has an event delivered now: for the first time, or once more. The row first: the job may be lost.
    async fn send_again(
        &self,
        endpoint: &Endpoint,
        notice: &Notice,
        there: Option<Stored<Delivery>>,
    ) -> Result<Delivery, Refusal> {
        let now = self.time.now();
        let delivery = match there {
            None => {
                let delivery = Delivery::of(&endpoint.id, notice, now, &self.periods);
                match self.store.create_delivery(&delivery, self.time.nonce()).await? {
                    Created::New(stored) | Created::Existed(stored) => stored.row,
                }
            }
            Some(there) => {
                let again = there.row.again(now, &self.periods);
                match self.store.save_delivery(&there, &again, self.time.nonce()).await? {
                    Saved::Written(stored) => stored.row,
                    Saved::Conflict(_) => return Err(contended()),
                }
            }
        };
        self.queues.send(&Job::Deliver(delivery.key.clone()), SignedDuration::ZERO).await?;
        Ok(delivery)
    }

    fn fresh_secret(&self) -> Plaintext {
        Plaintext::new(format!("whsec_{}", base64(&self.time.random())))
    }

    /// The answer to a request that came before, with the secret that it made, if that is still there.
    async fn secret_shown_before(&self, endpoint: &Endpoint, request: Option<[u8; 32]>) -> Answered {
        let secret = endpoint.secrets.iter().find(|secret| secret.request_sha256 == request);
        let secret = secret.filter(|_| request.is_some()).ok_or_else(key_reused)?;
        let plain = self.vault.open(&secret.sealed, &endpoint.binding(secret.number)).await;
        let plain = plain.map_err(Refusal::internal)?;
        Ok(shown(endpoint, &plain, true))
    }

    fn draft(&self, fields: &mut Fields<'_>, problems: &Problems) -> Draft {
        let url = fields.text("url").and_then(|text| match self.rules.judge(text) {
            Ok(target) => Some(target.as_str().to_owned()),
            Err(refused) => {
                let (rule, remedy) = (refused.rule(), refused.remedy());
                problems.push(Problem::new(fields.pointer("url"), rule, refused.to_string(), remedy));
                None
            }
        });
        let description = fields.text("description").map(str::to_owned);
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX) {
            problems.push(Problem::new(
                fields.pointer("description"),
                "webhook_endpoint.description.max",
                format!("`description` has more than {DESCRIPTION_MAX} characters"),
                "shorten it",
            ));
        }
        let events = fields.texts("events", CATALOGUE.len() * 2).map(|texts| {
            let known = texts.into_iter().filter(|(at, text)| {
                let is_known = is_known_event(text);
                if !is_known {
                    let text: String = text.chars().take(80).collect();
                    problems.push(Problem::new(
                        at,
                        "webhook_endpoint.events.unknown",
                        format!("there is no type of event `{text}`"),
                        "send types of GET /v1/event-types, a family such as `post.*`, or `*` for all",
                    ));
                }
                is_known
            });
            known.map(|(_, text)| text.to_owned()).collect()
        });
        Draft { url, description, events }
    }
}

/// The catalogue, with an example of each type.
pub(crate) fn event_types() -> impl Iterator<Item = view::EventType> {
    CATALOGUE.iter().filter_map(|(r#type, description)| {
        Some(view::EventType { r#type, description, example: examples::event(r#type)? })
    })
}

/// A type of the catalogue, a whole family of it, or `*`: whatever there is.
fn is_known_event(text: &str) -> bool {
    match text.strip_suffix(".*") {
        Some(family) => {
            CATALOGUE.iter().any(|(name, _)| name.split_once('.').is_some_and(|it| it.0 == family))
        }
        None => text == "*" || CATALOGUE.iter().any(|(name, _)| *name == text),
    }
}

fn request_sha256(route: &str, key: &str, body: &Value) -> [u8; 32] {
    crypto::sha256(format!("{route}|{key}|{}", canonical(body)).as_bytes())
}

fn must_be_on(endpoint: &Endpoint) -> Result<(), Refusal> {
    if endpoint.is_on() {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::CONFLICT,
        "webhook_endpoint.disabled",
        "the endpoint is turned off",
        "turn it on with PATCH /v1/webhook-endpoints/{id} and {\"state\": \"enabled\"}",
    ))
}

fn contended() -> Refusal {
    Refusal::new(
        StatusCode::CONFLICT,
        "webhook_endpoint.contended",
        "somebody else changes this endpoint at the same time",
        "send the same request again",
    )
    .retryable()
}

/// The endpoint with the secret that this request made.
fn shown(endpoint: &Endpoint, secret: &Plaintext, replayed: bool) -> Response {
    let response = answer::json(StatusCode::CREATED, &view::new_endpoint(endpoint, secret));
    if replayed { with_header(response, REPLAYED, "true") } else { response }
}
