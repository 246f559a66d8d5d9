//! TikTok's webhooks: a signature over the raw bytes, then a known `publish_id` moves its post, and an authorization that was
//! removed ends the tokens it is about. Everything else that TikTok signed is kept and answered 200, because TikTok repeats
//! whatever is not for 72 hours. TikTok is never asked before the answer: a question goes to a queue.

use axum::response::Response;
use domain::account::{AccountStatus, Lease, Tokens};
use domain::job::Heard;
use domain::post::{Event, PublishId, Task, Verdict, Witness};
use domain::timeline::Actor;
use domain::{AccountId, Job, Post, SignedDuration, Timestamp};
use flows::MoveError;
use http::{StatusCode, header};
use ports::{Accounts, AppRows, Clock, Entropy, Leased, Posts, Queues, Read, Stored, Unexplained};
use tiktok::ClientSecret;
use tiktok::webhook::{self, EventKind, RemovalReason};
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask, JSON_MAX};
use crate::connect::account_id;
use crate::crypto::sha256;
use crate::refusal::Refusal;
use crate::{Api, Outside, view};

/// An authentic event that is older is worth a question to TikTok, and nothing more.
const OLD: SignedDuration = SignedDuration::from_mins(5);
/// Writing that an authorization is gone takes no longer.
const LEASE: SignedDuration = SignedDuration::from_secs(20);

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
                tracing::warn!(error = %flows::chain(&error), "TikTok sent what cannot be read");
                return Ok(heard());
            }
        };
        let fresh = Timestamp::from_second(signed_at)
            .is_ok_and(|signed_at| now.duration_since(signed_at).abs() <= OLD);
        let unexplained = |name: String, content: &str| Unexplained {
            sha256: sha256(&body),
            event: name,
            open_id: event.user_openid.clone(),
            create_time: event.create_time,
            content: content.to_owned(),
        };
        let (publish_id, verdict) = match said(&event.kind) {
            Said::OfAPost(publish_id, verdict) => (publish_id, verdict),
            Said::OfAnAccount(reason) => {
                let id = account_id(&secrets.client_key, &event.user_openid);
                if !self.authorization_removed(&id, event.create_time, fresh).await? {
                    let removed = unexplained("authorization.removed".to_owned(), &format!("{reason:?}"));
                    self.store.keep_event(&removed, now).await?;
                }
                return Ok(heard());
            }
            Said::Nothing(name, content) => {
                tracing::info!(event = name, "an event that moves nothing here");
                self.store.keep_event(&unexplained(name, content), now).await?;
                return Ok(heard());
            }
        };
        let Some(id) = self.store.whose(&publish_id).await? else {
            tracing::warn!(publish_id = publish_id.0, "an event about a publish_id that is not known here");
            let raw = String::from_utf8_lossy(&body);
            self.store.keep_event(&unexplained(format!("publish_id {}", publish_id.0), &raw), now).await?;
            let job = Heard {
                account: account_id(&secrets.client_key, &event.user_openid),
                publish_id,
                at: Timestamp::from_second(event.create_time).unwrap_or(now),
                heard_at: now,
                refused_epoch: None,
            };
            self.queues.send(&Job::Heard(job), SignedDuration::ZERO).await?;
            return Ok(heard());
        };
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
                flows::drop_copies(&self.objects, &moved).await;
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

    /// The creator took the authorization back. A fresh event about the tokens that are there ends them; an old one, or one
    /// from before these tokens, is a question to TikTok: a refresh finds out. `false`: there is no such account.
    async fn authorization_removed(
        &self,
        id: &AccountId,
        create_time: i64,
        fresh: bool,
    ) -> Result<bool, Refusal> {
        let Some(account) = self.store.account(id, Read::Strong).await? else { return Ok(false) };
        let (AccountStatus::Connected, Some(tokens)) = (&account.status, &account.tokens) else {
            // we ended it ourselves, or know it already
            return Ok(true);
        };
        // TikTok tells seconds: tokens of the same second may be those of whoever connected right after
        let is_about = |tokens: &Tokens| tokens.issued_at.as_second() < create_time;
        let now = self.time.now();
        // the question goes out in any case: whoever answers it tells the workspace, too
        let ask = Job::Refresh { account: id.clone(), epoch: Some(account.epoch) };
        self.queues.send(&ask, SignedDuration::from_secs(1)).await?;
        if !(fresh && is_about(tokens)) {
            return Ok(true);
        }
        let lease = Lease { nonce: self.time.nonce(), until: now + LEASE };
        if let Leased::Won { account, .. } = self.store.lease(id, &lease, now).await? {
            if account.tokens.as_ref().is_some_and(is_about) {
                let (epoch, code) = (account.epoch, "authorization.removed");
                self.store.require_reconnect(id, lease.nonce, epoch, code, now).await?;
            } else {
                self.store.release(id, lease.nonce, None).await?;
            }
        }
        Ok(true)
    }

    async fn ask_tiktok(&self, post: &Post) -> Result<(), Refusal> {
        let job = flows::job_for(post, Task::Check, false);
        Ok(self.queues.send(&job, SignedDuration::ZERO).await?)
    }
}

fn heard() -> Response {
    answer::json(StatusCode::OK, &view::Heard {})
}

/// What an event is about.
enum Said<'a> {
    OfAPost(PublishId, Verdict),
    OfAnAccount(RemovalReason),
    /// Its name and its content.
    Nothing(String, &'a str),
}

fn said(kind: &EventKind) -> Said<'_> {
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
                Some(post_id) => Verdict::PubliclyAvailable { post_id: *post_id },
                None => Verdict::Complete { post_ids: Vec::new() },
            };
            (publish_id, verdict)
        }
        EventKind::NoLongerPubliclyAvailable { publish_id, .. } => (publish_id, Verdict::NoLongerPublic),
        EventKind::AuthorizationRemoved { reason } => return Said::OfAnAccount(*reason),
        EventKind::InboxDelivered { publish_id, .. } => (publish_id, Verdict::InInbox),
        EventKind::Other { event, content } => {
            return Said::Nothing(event.chars().take(80).collect(), content);
        }
    };
    Said::OfAPost(PublishId(publish_id.clone()), verdict)
}
