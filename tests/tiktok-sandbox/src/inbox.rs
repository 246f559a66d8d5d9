//! `/v2/post/publish/inbox/video/init/`: drafts, and what their creators do with them.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crypto::nineteen_digits;
use crate::faults::Endpoint;
use crate::fields::Fields;
use crate::log::What;
use crate::publish::{Post, PostState, Source, WrongStep, check_ownership, json_body, not_from};
use crate::videos::Film;
use crate::wire::Request;
use crate::world::{Caller, Effect, Refusal, Task, Turn, World};

/// What a creator makes of a draft, in TikTok's own editor.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Finished {
    /// None: what the app suggested, which for a video is nothing.
    pub title: Option<String>,
    /// Of photos alone. None: what the app suggested.
    pub description: Option<String>,
    pub privacy_level: String,
}

impl Default for Finished {
    /// Public, with the words as they are.
    fn default() -> Self {
        Self { title: None, description: None, privacy_level: "PUBLIC_TO_EVERYONE".into() }
    }
}

impl World {
    pub(crate) fn inbox_init(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::InboxInit, request, &["video.upload"], turn)?;
        let body = json_body(request)?;
        if !self.config.ignore_unknown_fields {
            // Caption, privacy and labels are the creator's business.
            Fields::of_body(&body)?.only(&["source_info"])?;
        }
        let source = self.read_source(&Fields::at(&body, "source_info")?)?;
        self.draft_gate(&caller, turn.now)?;
        check_ownership(self.app(&caller.client_key)?, &source)?;

        let way = if matches!(source, Source::Pull(_)) { "url" } else { "file" };
        let publish_id = format!("v_inbox_{way}~v2.{}", nineteen_digits(turn.rng));
        turn.call.publish_id = Some(publish_id.clone());
        let id = nineteen_digits(turn.rng);
        let mut draft = Post::bare(publish_id, caller.client_key, caller.account, id, turn.now);
        draft.draft = true;
        let answer = self.prepare(&mut draft, source, request, turn);
        self.accept(draft, turn.now, turn.effects);
        Ok(answer)
    }

    /// Whether this creator's inbox takes another draft now.
    pub(crate) fn draft_gate(&self, caller: &Caller, now: i64) -> Result<(), Refusal> {
        if self.account(caller)?.banned {
            let why = "the creator is banned";
            return Err(Refusal::new(403, "spam_risk_user_banned_from_posting", why));
        }
        if self.pending_drafts(&caller.account, now) >= self.config.inbox.pending_cap {
            let why = "the creator's inbox holds too many drafts";
            return Err(Refusal::new(403, "spam_risk_too_many_pending_share", why));
        }
        Ok(())
    }

    fn pending_drafts(&self, account: &str, now: i64) -> usize {
        let rules = &self.config.inbox;
        let is_pending = |post: &&Post| {
            let done = match post.state {
                PostState::InInbox { discarded } => discarded && rules.creator_frees_places,
                PostState::Complete { .. } => rules.creator_frees_places,
                PostState::Failed { .. } => true,
                PostState::Uploading | PostState::Downloading | PostState::Processing { .. } => false,
            };
            let counts = rules.pending_ms.is_none_or(|ms| post.init_at_ms > now - ms);
            post.draft && post.account == account && counts && !done
        };
        self.posts.values().filter(is_pending).count()
    }

    pub(crate) fn deliver(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        let Some(post) = self.posts.get(publish_id) else { return };
        let account = post.account.clone();
        let content = json!({ "publish_id": publish_id, "publish_type": post.publish_type() });
        self.set_state(publish_id, PostState::InInbox { discarded: false });
        if let Some(ms) = self.config.inbox.draft_kept_ms {
            self.schedule(now + ms, Task::Wither(publish_id.into()));
        }
        self.write_log(now, What::InboxDelivered { publish_id: publish_id.into(), account });
        self.emit_for(publish_id, "post.publish.inbox_delivered", &content, now, effects);
    }

    /// Nobody finished a draft in time.
    pub(crate) fn wither(&mut self, publish_id: &str) {
        if self
            .posts
            .get(publish_id)
            .is_some_and(|post| post.state == PostState::InInbox { discarded: false })
        {
            self.set_state(publish_id, PostState::InInbox { discarded: true });
        }
    }

    /// The creator posts a draft, or posts it once more.
    pub fn finish_draft(
        &mut self,
        publish_id: &str,
        finished: &Finished,
        now_ms: i64,
        rng: &mut impl RngCore,
    ) -> Result<Vec<Effect>, WrongStep> {
        let mut effects = self.tick(now_ms);
        let draft = self.known(publish_id)?;
        let again = match draft.state {
            PostState::InInbox { discarded: false } => false,
            PostState::Complete { .. } if draft.draft => true,
            _ => return Err(not_from(draft)),
        };
        if again {
            self.post_again(publish_id, finished, now_ms, rng, &mut effects);
        } else {
            if let Some(post) = self.posts.get_mut(publish_id) {
                post.finish(finished);
            }
            self.complete_post(publish_id, now_ms, &mut effects);
        }
        Ok(effects)
    }

    /// One draft may become several posts. What is public is so at once.
    fn post_again(
        &mut self,
        publish_id: &str,
        finished: &Finished,
        now: i64,
        rng: &mut impl RngCore,
        effects: &mut Vec<Effect>,
    ) {
        let Some(first) = self.posts.get(publish_id) else { return };
        let mut again = first.clone();
        again.finish(finished);
        let publication = self.publication(&again);
        let content = json!({ "publish_id": publish_id, "publish_type": again.publish_type() });
        self.write_log(now, What::Publication(Box::new(publication)));
        self.emit_for(publish_id, "post.publish.complete", &content, now, effects);
        if again.visibility != "PUBLIC_TO_EVERYONE" {
            return;
        }
        again.id = nineteen_digits(rng);
        again.state = PostState::Complete { revealed: true, removed: false };
        (again.completed_at_ms, again.public_since_ms) = (Some(now), Some(now));
        self.films.entry(again.account.clone()).or_default().extend(Film::of(&again));
        if self.config.accounts.get(&again.account).is_some_and(|account| !account.post_ids_withheld) {
            if let Some(post) = self.posts.get_mut(publish_id) {
                post.further_ids.push(again.id);
            }
            self.tell_post_id(publish_id, again.id, now, effects);
        }
    }

    /// The creator throws a draft away. TikTok documents no word for it, so there is none: it stays
    /// `SEND_TO_USER_INBOX`.
    pub fn discard_draft(&mut self, publish_id: &str, now_ms: i64) -> Result<Vec<Effect>, WrongStep> {
        let effects = self.tick(now_ms);
        let draft = self.known(publish_id)?;
        if draft.state != (PostState::InInbox { discarded: false }) {
            return Err(not_from(draft));
        }
        self.set_state(publish_id, PostState::InInbox { discarded: true });
        Ok(effects)
    }
}
