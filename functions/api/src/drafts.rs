//! Publishing a draft: from here on it is a post like any other.

use domain::content::Mode;
use domain::post::Event;
use domain::timeline::Actor;
use domain::{Outcome, Post, PostState, Scope};
use http::StatusCode;
use ports::{Clock, Stored};

use crate::answer::{Answered, Ask, REPLAYED, with_header};
use crate::edit::{Rewriting, TRIES, contended, hash_of};
use crate::fields::Problems;
use crate::posts::{Asked, check_publish_at, consent, content_problems, pinned, refused, theirs};
use crate::refusal::Refusal;
use crate::when::When;
use crate::{Api, Outside};

impl<W: Outside> Api<W> {
    /// All checks as when a post is created. A repeat finds the draft submitted, and changes nothing.
    pub(crate) async fn publish_post(&self, mut ask: Ask) -> Answered {
        let (caller, mut seen) = self.asked_post(&ask, Scope::PostsWrite).await?;
        let body = ask.json_if_any().await?;
        for _ in 0..TRIES {
            if seen.row.was_submitted() {
                let answer = self.show(StatusCode::ACCEPTED, &seen.row).await?;
                return Ok(with_header(answer, REPLAYED, "true"));
            }
            if seen.row.state != PostState::Draft {
                return Err(no_draft(&seen.row));
            }
            let now = self.time.now();
            let problems = Problems::default();
            let mut content = self.content_of(&seen.row).await?;
            let mut fields = problems.body(&body);
            let given = fields.holds_object("consent");
            let agreed = consent(&mut fields, content.mode, true, &caller, now, &problems);
            let allow_duplicate = fields.boolean("allow_duplicate");
            fields.done();
            if given && content.mode == Mode::Inbox {
                problems.push(theirs("consent"));
            }
            let mut hash = seen.row.content;
            if given {
                content.consent = agreed;
                hash = hash_of(&content)?;
            }
            let post = &seen.row;
            let said = post.local_time.clone();
            let asked = Asked {
                creator: Some(post.creator.clone()),
                media: content.media.clone(),
                content,
                publish_at: post.publish_at.map(|at| When { at, said }),
                allow_duplicate,
                draft: false,
            };
            let found = self.judge(&caller, &asked, false, &problems).await?;
            problems.add(content_problems(&asked));
            if let Some(when) = &asked.publish_at {
                check_publish_at(when.at, now, &found.media, &problems);
            }
            let unheard = self.check_creator(&found, &asked.content, &problems).await;
            if !problems.is_empty() || unheard.is_some() {
                return Err(refused(&problems, unheard));
            }
            let agreed = Stored { row: Post { content: hash, ..post.clone() }, version: seen.version };
            let submitted = Event::Submitted { media: pinned(&found.media, asked.content.kind) };
            let after = match agreed.row.apply(submitted, Actor::Person, now, &self.periods) {
                Ok(Outcome::Moved(after)) => after,
                Ok(Outcome::Unchanged) | Err(_) => return Err(no_draft(post)),
            };
            let rewriting = Rewriting {
                after: &after,
                content: &asked.content,
                media: &found.media,
                says_more: true,
                allow_duplicate,
                now,
                deadline: ask.deadline,
            };
            match self.rewrite(&seen, rewriting).await? {
                Some(post) => return self.show(StatusCode::ACCEPTED, &post).await,
                None => seen = self.again(&seen).await?,
            }
        }
        Err(contended())
    }
}

fn no_draft(post: &Post) -> Refusal {
    let detail = format!("the post is `{}`, and it is no draft", post.state.name());
    let remedy = match &post.state {
        PostState::Cancelled { .. } => "make a new post",
        _ => "nothing: it is on its way, or has ended",
    };
    Refusal::new(StatusCode::CONFLICT, "post.not_draft", detail, remedy)
}
