//! Changing a post before its claim.
//!
//! A patch is laid over what the post says, and the whole is read and judged as if it came anew: the same checks, the same
//! pointers, everything that is wrong at once. One conditional write decides a race with the claim, or with another edit.

use domain::content::{Consent, Content, ContentHash, Kind, Mode};
use domain::timeline::Actor;
use domain::{Media, Post, PostState, Problem, Scope, Timestamp};
use http::StatusCode;
use ports::{Clock, Entropy, Posts, Read, Saved, Stored};
use serde_json::{Map, Value, json};

use crate::answer::{Answered, Ask};
use crate::auth::Caller;
use crate::fields::{Problems, canonical};
use crate::posts::{Asked, check_publish_at, content_problems, pinned, read, refused};
use crate::refusal::Refusal;
use crate::when::When;
use crate::{Api, Outside, crypto, duplicate};

/// Others may write the post at the same moment this often.
pub(crate) const TRIES: u32 = 5;
/// What a post is from its first moment to its last.
const FIXED: [&str; 4] = ["creator", "kind", "mode", "draft"];

/// A post as it is to be from now on.
pub(crate) struct Rewriting<'a> {
    pub(crate) after: &'a Post,
    pub(crate) content: &'a Content,
    /// The rows of its media, in their order.
    pub(crate) media: &'a [Option<Media>],
    /// Whether it says something that has to be guarded anew.
    pub(crate) says_more: bool,
    pub(crate) allow_duplicate: bool,
    pub(crate) now: Timestamp,
    /// When this invocation ends.
    pub(crate) deadline: Timestamp,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn edit_post(&self, mut ask: Ask) -> Answered {
        let (caller, mut seen) = self.asked_post(&ask, Scope::PostsWrite).await?;
        let patch = ask.json_as(&["application/json", "application/merge-patch+json"]).await?;
        for _ in 0..TRIES {
            if !seen.row.is_editable() {
                return Err(too_late(&seen.row));
            }
            match self.edited(&caller, &seen, &patch, ask.deadline).await? {
                Some(post) => return self.show(StatusCode::OK, &post).await,
                None => seen = self.again(&seen).await?,
            }
        }
        Err(contended())
    }

    /// The post as somebody else has just written it.
    pub(crate) async fn again(&self, seen: &Stored<Post>) -> Result<Stored<Post>, Refusal> {
        let post = self.store.post(&seen.row.id, Read::Strong).await?;
        post.ok_or_else(|| Refusal::not_found("post"))
    }

    /// What the post says.
    pub(crate) async fn content_of(&self, post: &Post) -> Result<Content, Refusal> {
        let content = self.store.content(&post.id, &post.content).await?;
        content.ok_or_else(|| Refusal::internal(format!("post `{}` lacks its content", post.id)))
    }

    /// `None`: somebody else wrote first.
    async fn edited(
        &self,
        caller: &Caller,
        seen: &Stored<Post>,
        patch: &Value,
        deadline: Timestamp,
    ) -> Result<Option<Post>, Refusal> {
        let (post, now) = (&seen.row, self.time.now());
        let before = self.content_of(post).await?;
        let problems = Problems::default();
        let asked = asked(caller, post, &before, patch, now, &problems);
        let found = self.judge(caller, &asked, false, &problems).await?;
        if patch.is_object() {
            problems.add(content_problems(&asked));
        }
        let is_new = |name: &str| patch.get(name).is_some();
        if let Some(when) = asked.publish_at.as_ref().filter(|when| is_new("publish_at") || now < when.at) {
            check_publish_at(when.at, now, &found.media, &problems);
        }
        let unheard = self.check_creator(&found, &asked.content, &problems).await;
        let (Some(media), true) = (asked.media.first().cloned(), problems.is_empty() && unheard.is_none())
        else {
            return Err(refused(&problems, unheard));
        };
        let hash = if asked.content == before { post.content } else { hash_of(&asked.content)? };
        let wish = asked.wish(hash, media);
        if hash == post.content && (wish.publish_at, &wish.local_time) == (post.publish_at, &post.local_time)
        {
            return Ok(Some(post.clone()));
        }
        let pinned = pinned(&found.media, asked.content.kind);
        let after = post.edit(wish, pinned, Actor::Person, now, &self.periods);
        let after = after.map_err(|_| too_late(post))?;
        let says_more = after.state != PostState::Draft && says(&asked.content) != says(&before);
        let rewriting = Rewriting {
            after: &after,
            content: &asked.content,
            media: &found.media,
            says_more,
            allow_duplicate: asked.allow_duplicate,
            now,
            deadline,
        };
        self.rewrite(seen, rewriting).await
    }

    /// Writes the post and starts it; gives it as it is then. `None`: somebody else wrote first.
    pub(crate) async fn rewrite(
        &self,
        seen: &Stored<Post>,
        rewriting: Rewriting<'_>,
    ) -> Result<Option<Post>, Refusal> {
        let Rewriting { after, content, media, says_more, allow_duplicate, now, deadline } = rewriting;
        if says_more {
            let bytes = duplicate::bytes_of(&content.media, media, None);
            let earlier = self.guarded_by(after, content, &bytes, now, deadline).await?;
            if let Some(earlier) = earlier.filter(|_| !allow_duplicate) {
                return Err(earlier.refusal(now));
            }
        }
        let stored = match self.store.edit(seen, after, content, self.time.nonce()).await? {
            Saved::Written(stored) => stored,
            Saved::Conflict(Some(_)) => return Ok(None),
            Saved::Conflict(None) => return Err(Refusal::not_found("post")),
        };
        if let PostState::AwaitingMedia { .. } = stored.row.state {
            self.await_media(stored.clone(), &content.media).await;
            return Ok(Some(self.again(&stored).await?.row));
        }
        flows::dispatch(&self.queues, &stored.row, self.time.now(), &self.periods).await;
        Ok(Some(stored.row))
    }
}

/// What viewers see of it: what the duplicate guard goes by.
fn says(content: &Content) -> (&[domain::MediaId], &str, &str) {
    (&content.media, content.title.as_str(), content.caption.as_str())
}

/// Names a content that no request's body names.
pub(crate) fn hash_of(content: &Content) -> Result<ContentHash, Refusal> {
    let content = serde_json::to_value(content).map_err(Refusal::internal)?;
    Ok(ContentHash(crypto::sha256(canonical(&content).as_bytes())))
}

/// What is asked for once the patch lies over what the post says.
fn asked(
    caller: &Caller,
    post: &Post,
    before: &Content,
    patch: &Value,
    now: Timestamp,
    problems: &Problems,
) -> Asked {
    let mut body = body_of(post, before);
    let mut patch = patch.clone();
    if let Value::Object(fields) = &mut patch {
        for name in FIXED.iter().filter(|name| fields.remove(**name).is_some()) {
            problems.push(Problem::new(
                format!("/{name}"),
                "edit.fixed",
                format!("`{name}` stays as it is"),
                match *name {
                    "draft" => "leave it out; POST /v1/posts/{id}/publish publishes a draft",
                    _ => "leave it out, or cancel the post and make a new one",
                },
            ));
        }
        // what the creator agrees to is said as a whole
        if fields.contains_key("consent")
            && let Value::Object(body) = &mut body
        {
            body.remove("consent");
        }
        merge(&mut body, &patch);
    } else {
        // no object: one problem
        body = patch.clone();
    }
    let mut asked = read(&body, false, caller, now, problems);
    let has = |name: &str| patch.get(name).is_some();
    if !has("publish_at") {
        let said = post.local_time.clone();
        asked.publish_at = post.publish_at.map(|at| When { at, said });
    }
    if !has("consent") {
        let content = &asked.content;
        let same = says(content) == says(before)
            && (content.privacy_level, content.disclosure) == (before.privacy_level, before.disclosure);
        asked.content.consent = if same { before.consent.clone() } else { nothing(&asked.content.consent) };
    }
    asked
}

/// What was agreed to is not what is asked for any more.
fn nothing(consent: &Consent) -> Consent {
    Consent {
        music_usage_confirmed: false,
        branded_content_policy_confirmed: false,
        text_version: String::new(),
        ..consent.clone()
    }
}

/// What a post says, as the body that asks for it.
fn body_of(post: &Post, content: &Content) -> Value {
    let mut body = Map::new();
    let mut say = |name: &str, value: Value| body.insert(name.to_owned(), value);
    let media: Vec<Value> = content.media.iter().map(|id| json!({ "id": id })).collect();
    say("creator", json!(post.creator));
    say("kind", json!(content.kind.as_str()));
    say("mode", json!(content.mode.as_str()));
    say("draft", json!(post.state == PostState::Draft));
    say("media", json!(media));
    let direct = content.mode == Mode::Direct;
    match content.kind {
        Kind::Video => {
            say("transport", json!(content.transport.as_str()));
            if direct {
                say("caption", json!(content.caption));
                say("cover_timestamp_ms", json!(content.cover_timestamp_ms));
            }
        }
        Kind::Photo => {
            say("title", json!(content.title));
            say("description", json!(content.caption));
            say("cover_index", json!(content.cover_index));
        }
    }
    if direct {
        say("privacy_level", json!(content.privacy_level));
        say("disclosure", json!(content.disclosure));
        say("ai_generated", json!(content.ai_generated));
        match content.kind {
            Kind::Video => say("allow", json!(content.allow)),
            Kind::Photo => {
                say("add_music", json!(content.add_music));
                say("allow", json!({ "comment": content.allow.comment }))
            }
        };
        let Consent { music_usage_confirmed, branded_content_policy_confirmed, text_version, .. } =
            &content.consent;
        if !text_version.is_empty() {
            let agreed = json!({
                "music_usage_confirmed": music_usage_confirmed,
                "branded_content_policy_confirmed": branded_content_policy_confirmed,
                "text_version": text_version,
            });
            say("consent", agreed);
        }
    }
    Value::Object(body)
}

/// JSON merge patch (RFC 7396), but that `null` stays: a field that is not there reads like one that is `null`, and what nobody
/// knows is still refused.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}

fn too_late(post: &Post) -> Refusal {
    let remedy = match &post.state {
        state if state.is_final() => "make a new post",
        PostState::Unconfirmed { .. } => "look at what became of it first: POST /v1/posts/{id}/resolve",
        _ => "cancel it with POST /v1/posts/{id}/cancel as long as that goes, and make a new post",
    };
    let detail = format!(
        "the post is `{}`: TikTok has been asked, and nothing of it can be changed",
        post.state.name()
    );
    Refusal::new(StatusCode::CONFLICT, "post.not_editable", detail, remedy)
}

/// Others wrote the post again and again.
pub(crate) fn contended() -> Refusal {
    Refusal::internal("a post was written by others again and again")
}
