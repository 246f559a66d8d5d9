//! TikTok's webhooks: a signature over the raw bytes, then a known `publish_id` moves its post. Everything else that TikTok
//! signed is logged and answered 200, because TikTok repeats whatever is not for 72 hours.

use axum::response::Response;
use domain::post::{Event, PublishId, Task, Verdict, Witness};
use domain::timeline::Actor;
use domain::{Post, SignedDuration, Timestamp};
use flows::MoveError;
use http::{StatusCode, header};
use ports::{Clock, Posts, Queues, Read, Stored};
use serde_json::json;
use tiktok::ClientSecret;
use tiktok::webhook::{self, EventKind};
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask, JSON_MAX};
use crate::refusal::{Refusal, chain};
use crate::{Api, Outside};

/// An authentic event that is older is worth a question to TikTok, and nothing more.
const OLD: SignedDuration = SignedDuration::from_mins(5);

impl<W: Outside> Api<W> {
    pub(crate) async fn hear_from_tiktok(&self, mut ask: Ask) -> Answered {
        let now = self.time.now();
        let body = ask.bytes(JSON_MAX, "send what TikTok sent").await?;
        let secrets = self.secrets.secrets(now).await?;
        let secret = ClientSecret::new(secrets.client_secret.expose().clone());
        let signature = ask.header(webhook::SIGNATURE_HEADER).unwrap_or_default();
        let signed_at = webhook::verify(&body, signature, &secret).map_err(|error| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "webhook.signature",
                error.to_string(),
                "sign the raw body with the app's client secret, as TikTok does",
            )
            .header(header::WWW_AUTHENTICATE, "TikTok-Signature")
        })?;
        let event = match webhook::parse(&body) {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(error = %chain(&error), "TikTok sent what cannot be read");
                return Ok(heard());
            }
        };
        let open_id = event.user_openid;
        let (publish_id, verdict) = match said(event.kind) {
            Ok(said) => said,
            Err(unheard) => {
                tracing::info!(event = unheard, open_id, "an event that moves no post");
                return Ok(heard());
            }
        };
        let Some(id) = self.store.whose(&publish_id).await? else {
            tracing::info!(publish_id = publish_id.0, "an event about a publish_id that is not known here");
            return Ok(heard());
        };
        let fresh = Timestamp::from_second(signed_at)
            .is_ok_and(|signed_at| now.duration_since(signed_at).abs() <= OLD);
        // the cheap read may miss the last second; whatever it does not explain is looked at again
        for read in [Read::Eventual, Read::Strong] {
            let Some(seen) = self.store.post(&id, read).await? else { continue };
            if !fresh {
                self.ask_tiktok(&seen.row).await?;
                return Ok(heard());
            }
            let settled = seen.row.state.publish_id() == Some(&publish_id);
            if settled || read == Read::Strong {
                self.take_over(seen, Event::Said { publish_id, verdict }).await?;
                return Ok(heard());
            }
        }
        tracing::warn!(post = %id, "an event about a post that is gone");
        Ok(heard())
    }

    async fn take_over(&self, seen: Stored<Post>, event: Event) -> Result<(), Refusal> {
        let by = Witness::from(Actor::Webhook);
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by).await;
        match moved {
            Ok(moved) => {
                flows::drop_copy(&self.objects, &moved).await;
                if let flows::Moved::Moved { after, .. } = &moved {
                    flows::dispatch(&self.queues, &after.row, self.time.now(), &self.periods).await;
                }
                Ok(())
            }
            // about an attempt that is behind us; a success of one that was taken for dead must not go unseen
            Err(MoveError::Invalid(invalid)) => {
                tracing::error!(error = %invalid, ?event, "TikTok speaks of an attempt that is not the post's own");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn ask_tiktok(&self, post: &Post) -> Result<(), Refusal> {
        let job = flows::job_for(post, Task::Check, false);
        Ok(self.queues.send(&job, SignedDuration::ZERO).await?)
    }
}

fn heard() -> Response {
    answer::json(StatusCode::OK, &json!({}))
}

/// What an event says about a post; otherwise its name.
fn said(kind: EventKind) -> Result<(PublishId, Verdict), String> {
    let (publish_id, verdict) = match kind {
        EventKind::PublishFailed { publish_id, reason, .. } => {
            let verdict = Verdict::Failed {
                passing: reason.new_attempt_sensible(),
                remedy: reason.remedy().to_owned(),
                reason: reason.as_str().to_owned(),
            };
            (publish_id, verdict)
        }
        EventKind::PublishComplete { publish_id, .. } => {
            (publish_id, Verdict::Complete { post_ids: Vec::new() })
        }
        EventKind::PubliclyAvailable { publish_id, post_id, .. } => {
            let verdict = match post_id {
                Some(post_id) => Verdict::PubliclyAvailable { post_id },
                None => Verdict::Complete { post_ids: Vec::new() },
            };
            (publish_id, verdict)
        }
        EventKind::NoLongerPubliclyAvailable { publish_id, .. } => (publish_id, Verdict::NoLongerPublic),
        EventKind::AuthorizationRemoved { reason } => {
            return Err(format!("authorization.removed, {reason:?}"));
        }
        EventKind::InboxDelivered { .. } => return Err("post.publish.inbox_delivered".to_owned()),
        EventKind::Other { event, .. } => return Err(event.chars().take(80).collect()),
    };
    Ok((PublishId(publish_id), verdict))
}
