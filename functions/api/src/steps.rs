//! What a person does with a post: cancel it, repeat it, or say what became of it.

use domain::post::{Event, Order, PostState, Resolution, Wish};
use domain::timeline::Actor;
use domain::{Post, PostId, Problem, Scope};
use flows::MoveError;
use http::StatusCode;
use ports::{Clock, Creators, MediaRows, Posts, Stored};

use crate::answer::{Answered, Ask};
use crate::fields::Problems;
use crate::posts::{Accepted, Coming, pinned, required_key, status_problem};
use crate::refusal::Refusal;
use crate::{Api, Outside};

const RETRY: &str = "POST /v1/posts/{id}/retry";

impl<W: Outside> Api<W> {
    /// 200: it is cancelled. 202: TikTok is asked to stop, or an attempt whose fate nobody knows is kept from going on.
    pub(crate) async fn cancel_post(&self, ask: Ask) -> Answered {
        let (_, seen) = self.asked_post(&ask, Scope::PostsWrite).await?;
        let post = self.step(seen, Event::CancelAsked).await?.map_err(|post| {
            let detail = format!("the post is `{}`: there is nothing left to stop", post.state.name());
            let remedy = match &post.state {
                PostState::Published { .. } | PostState::SentToInbox { .. } => "delete it in TikTok",
                _ => "nothing: it has ended",
            };
            Refusal::new(StatusCode::CONFLICT, "post.ended", detail, remedy)
        })?;
        let status = match &post.state {
            PostState::Cancelled { .. } => StatusCode::OK,
            _ => StatusCode::ACCEPTED,
        };
        self.show(status, &post).await
    }

    /// Says what became of a post that nobody else can tell of.
    pub(crate) async fn resolve_post(&self, mut ask: Ask) -> Answered {
        let (_, seen) = self.asked_post(&ask, Scope::PostsWrite).await?;
        let body = ask.json().await?;
        let problems = Problems::default();
        let mut fields = problems.body(&body);
        let outcome = fields.word("outcome", &["published", "not_published"], OUTCOME);
        if outcome.is_none() && !problems.covers(&fields.pointer("outcome")) {
            fields.require("outcome", OUTCOME);
        }
        let pointer = fields.pointer("post_id");
        let given = fields.text("post_id");
        let post_id = given.map(str::parse::<u64>);
        if let Some(Err(_)) = &post_id {
            problems.push(Problem::new(
                pointer.clone(),
                "post_id.format",
                "`post_id` is not one of TikTok's ids",
                "send the digits at the end of the post's link, as a text",
            ));
        }
        fields.done();
        let resolution = match (outcome, post_id.and_then(Result::ok)) {
            (Some("not_published"), Some(_)) => {
                problems.push(Problem::new(
                    pointer,
                    "post_id.needless",
                    "a post that is not there has no id",
                    "leave `post_id` out, or send the outcome `published`",
                ));
                Resolution::NotPublished
            }
            (Some("not_published"), None) => Resolution::NotPublished,
            (_, post_id) => Resolution::Published { post_id },
        };
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let post = self.step(seen, Event::Resolved(resolution)).await?.map_err(|post| {
            let detail = format!("the post is `{}`, not `unconfirmed`", post.state.name());
            Refusal::new(
                StatusCode::CONFLICT,
                "post.not_unconfirmed",
                detail,
                "read the post: its fate is known",
            )
        })?;
        self.show(StatusCode::OK, &post).await
    }

    /// The same once more, as a new post.
    pub(crate) async fn retry_post(&self, ask: Ask) -> Answered {
        let (caller, seen) = self.asked_post(&ask, Scope::PostsWrite).await?;
        let before = seen.row;
        let problems = Problems::default();
        let key = required_key(&ask, &problems);
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let now = self.time.now();
        let parts = [caller.workspace.as_str(), RETRY, before.id.as_str(), &key.unwrap_or_default()];
        let id = PostId::from_bits(self.derived(now, &parts).await?);
        let content = self.store.content(&before.id, &before.content).await?;
        let content = content.ok_or_else(|| Refusal::not_found("post"))?;
        let wish = Wish {
            content: before.content,
            kind: before.kind,
            media: before.media.clone(),
            privacy_level: before.privacy_level,
            publish_at: None,
            local_time: None,
        };
        // what was accepted once stays accepted, whatever has changed since
        if let Some(first) = self.store.post(&id, ports::Read::Strong).await? {
            return Ok(Accepted::of(&first.row.as_accepted(wish), &content, true).response());
        }
        if !matches!(before.state, PostState::Failed { .. } | PostState::Cancelled { .. }) {
            return Err(not_ended(&before));
        }
        let creator = self.store.creator(&before.creator).await?;
        let media = self.store.several(&content.media, ports::Read::Eventual).await?;
        if let Some(problem) = creator.as_ref().and_then(|creator| status_problem(creator.status)) {
            problems.push(problem);
        }
        // a draft that was cancelled may lack what its creator was never asked
        problems.add(content.problems());
        let gone = pinned(&media, before.kind).is_none();
        let (Some(creator), false, true) = (creator, gone, problems.is_empty()) else {
            if problems.is_empty() {
                problems.push(Problem::new(
                    "",
                    "media.gone",
                    "the media of this post are not there any more, or were refused",
                    "upload them again and make a new post",
                ));
            }
            return Err(Refusal::invalid(problems.take()));
        };
        let order = Order {
            id,
            workspace: caller.workspace,
            creator: creator.id,
            account: creator.account,
            wish,
            draft: false,
            retry_of: Some(before.id),
        };
        let coming = Coming {
            content: &content,
            media: &media,
            attached: None,
            allow_duplicate: false,
            deadline: ask.deadline,
        };
        Ok(self.accept(order, now, coming).await?.response())
    }

    /// Moves a post by a person's word. The inner error is the post, where the word makes no sense.
    async fn step(&self, seen: Stored<Post>, event: Event) -> Result<Result<Post, Box<Post>>, Refusal> {
        let id = seen.row.id.clone();
        let by = Actor::Person.into();
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by).await;
        match moved {
            Ok(moved) => {
                flows::drop_copies(&self.objects, &moved).await;
                let post = moved.post().row.clone();
                flows::dispatch(&self.queues, &post, self.time.now(), &self.periods).await;
                Ok(Ok(post))
            }
            Err(MoveError::Invalid(_)) => {
                let post = self.store.post(&id, ports::Read::Strong).await?;
                Ok(Err(Box::new(post.ok_or_else(|| Refusal::not_found("post"))?.row)))
            }
            Err(error) => Err(error.into()),
        }
    }
}

const OUTCOME: &str = "look at the creator's TikTok account, and send `published` or `not_published`";

fn not_ended(post: &Post) -> Refusal {
    let (rule, remedy) = match &post.state {
        PostState::Unconfirmed { .. } => (
            "post.unconfirmed",
            "look at the creator's TikTok account and tell with POST /v1/posts/{id}/resolve what is there: \
             a retry now could publish twice",
        ),
        PostState::Published { .. } | PostState::SentToInbox { .. } => {
            ("post.published", "it is there; make a new post to publish it again")
        }
        _ => ("post.not_ended", "cancel it first, or wait until it has ended"),
    };
    let detail = format!("the post is `{}`", post.state.name());
    Refusal::new(StatusCode::CONFLICT, rule, detail, remedy)
}
