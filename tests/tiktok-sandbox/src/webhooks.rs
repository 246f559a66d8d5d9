//! Webhooks out: signed, at least once, retried until answered 200.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crypto::hmac_sha256_hex;
use crate::log::What;
use crate::world::{Effect, Task, World};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WebhookDelivery {
    client_key: String,
    event: String,
    publish_id: Option<String>,
    body: String,
    first_at: i64,
    signed_at: i64,
    attempt: u32,
    /// Good answers still wanted.
    times: u32,
}

/// The value of `TikTok-Signature` for these bytes.
pub fn signature(client_secret: &str, unix_seconds: i64, body: &[u8]) -> String {
    let mut message = format!("{unix_seconds}.").into_bytes();
    message.extend_from_slice(body);
    format!("t={unix_seconds},s={}", hmac_sha256_hex(client_secret.as_bytes(), &message))
}

impl World {
    #[expect(clippy::too_many_arguments, reason = "the parts of one event")]
    pub(crate) fn emit(
        &mut self,
        client_key: &str,
        event: &str,
        open_id: &str,
        content: &Value,
        publish_id: Option<&str>,
        now: i64,
        effects: &mut Vec<Effect>,
    ) {
        let settings = &self.config.webhooks;
        let has_url = self.config.apps.get(client_key).is_some_and(|app| app.webhook_url.is_some());
        if !settings.enabled || !has_url {
            return;
        }
        if settings.lose.iter().any(|lost| lost == event) {
            let publish_id = publish_id.map(str::to_owned);
            self.write_log(now, What::WebhookLost { event: event.into(), publish_id });
            return;
        }
        let wait = settings.delay_ms.get(event).copied().unwrap_or(0);
        let times = settings.times.max(1);
        let envelope = json!({
            "client_key": client_key,
            "event": event,
            "create_time": now / 1_000,
            "user_openid": open_id,
            "content": content.to_string(),
        });
        let delivery = WebhookDelivery {
            client_key: client_key.into(),
            event: event.into(),
            publish_id: publish_id.map(str::to_owned),
            body: envelope.to_string(),
            first_at: now,
            signed_at: now + wait,
            attempt: 1,
            times,
        };
        let number = self.number();
        self.deliveries.insert(number, delivery);
        if wait > 0 {
            self.schedule(now + wait, Task::Webhook(number));
        } else {
            self.send_webhook(number, now, effects);
        }
    }

    pub(crate) fn send_webhook(&mut self, number: u64, now: i64, effects: &mut Vec<Effect>) {
        let Some(delivery) = self.deliveries.get_mut(&number) else { return };
        let app = self.config.apps.get(&delivery.client_key);
        let Some((app, url)) = app.and_then(|app| Some((app, app.webhook_url.clone()?))) else {
            self.deliveries.remove(&number);
            return;
        };
        if self.config.webhooks.fresh_signature_per_attempt {
            delivery.signed_at = now;
        }
        effects.push(Effect::SendWebhook {
            delivery: number,
            event: delivery.event.clone(),
            url,
            signature: signature(&app.client_secret, delivery.signed_at / 1_000, delivery.body.as_bytes()),
            body: delivery.body.clone(),
        });
    }

    /// How a webhook was answered; `None` when it was not. Only 200 counts.
    pub fn webhook_answered(&mut self, delivery: u64, status: Option<u16>, now_ms: i64) -> Vec<Effect> {
        let mut effects = self.tick(now_ms);
        let settings = self.config.webhooks.clone();
        let Some(found) = self.deliveries.get_mut(&delivery) else { return effects };
        let (event, publish_id, attempt) = (found.event.clone(), found.publish_id.clone(), found.attempt);
        found.attempt += 1;
        if status == Some(200) {
            found.times -= 1;
        }
        let (times, first_at) = (found.times, found.first_at);
        self.write_log(now_ms, What::Webhook { event, publish_id, attempt, status });
        if times == 0 {
            self.deliveries.remove(&delivery);
        } else if status == Some(200) {
            self.send_webhook(delivery, now_ms, &mut effects);
        } else {
            let doublings = attempt.saturating_sub(1).min(24);
            let at = now_ms + settings.first_retry_ms.saturating_mul(1 << doublings);
            if at - first_at > settings.give_up_ms {
                self.deliveries.remove(&delivery);
            } else {
                self.schedule(at, Task::Webhook(delivery));
            }
        }
        effects
    }
}
