//! Many posts in one request, a line of JSON each.
//!
//! Every line is a request of its own, known by the Idempotency-Key and its number: it is accepted or refused whatever becomes of
//! the others. Whoever was cut off sends the whole once more, and gets the same answers for what was done.

use bytes::Bytes;
use domain::{Problem, Scope, SignedDuration, Timestamp};
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use http::StatusCode;
use ports::Clock;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::{self, Answered, Ask, Frame, JSON_MAX, parse_json, unsupported};
use crate::auth::Caller;
use crate::fields::Problems;
use crate::multipart::Incoming;
use crate::posts::{Accepted, Asking, required_key};
use crate::refusal::Refusal;
use crate::{Api, Outside, limits, view};

pub(crate) const MEDIA_TYPE: &str = "application/x-ndjson";
const ROUTE: &str = "POST /v1/posts/bulk";
/// A request may have so many posts, and so many bytes in all.
pub(crate) const LINES_MAX: usize = 100;
pub(crate) const BYTES_MAX: usize = 1_000_000;
/// So many lines are worked on at the same time.
const AT_ONCE: usize = 8;
/// No line is begun with less time than this left.
const ENOUGH: SignedDuration = SignedDuration::from_secs(3);

/// What became of each line.
#[derive(Serialize, ToSchema)]
#[schema(as = BulkResult)]
pub(crate) struct Verdicts {
    /// How many lines were accepted, now or before.
    accepted: usize,
    /// How many were refused.
    refused: usize,
    /// One for each line with something in it, in their order.
    data: Vec<Verdict>,
}

/// What became of one line.
#[derive(Serialize, ToSchema)]
#[schema(as = LineResult)]
pub(crate) struct Verdict {
    /// The number of the line, from 0; empty lines count.
    index: usize,
    /// What POST /v1/posts would have answered.
    status: u16,
    /// Whether this is the first answer once more.
    replayed: bool,
    /// The post, if it was accepted.
    #[schema(required)]
    post: Option<view::Post>,
    /// Why it was refused.
    #[schema(required)]
    problem: Option<view::Refused>,
}

/// What is the same for every line.
struct Bulk<'a> {
    caller: &'a Caller,
    key: &'a str,
    frame: &'a Frame,
    /// When this invocation ends.
    deadline: Timestamp,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn create_posts(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::PostsWrite).await?;
        let frame = self.frame(&ask);
        let problems = Problems::default();
        let key = required_key(&ask, &problems).unwrap_or_default();
        let content_type = ask.content_type();
        if content_type != MEDIA_TYPE {
            return Err(unsupported(&content_type, &format!("`{MEDIA_TYPE}`")));
        }
        let body = ask.bytes(BYTES_MAX, "send fewer posts in one request").await?;
        let lines: Vec<(usize, Bytes)> = body
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| (index, body.slice_ref(line)))
            .collect();
        if lines.is_empty() || lines.len() > LINES_MAX {
            problems.push(Problem::new(
                "",
                "bulk.lines",
                format!("there are {} posts, a request has 1 to {LINES_MAX}", lines.len()),
                "send one post as JSON in each line, and the rest in further requests with keys of their own",
            ));
        }
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        let bulk = Bulk { caller: &caller, key: &key, frame: &frame, deadline: ask.deadline };
        let verdicts = lines.into_iter().map(|(index, line)| self.verdict(&bulk, index, line).boxed());
        let verdicts: Vec<BoxFuture<'_, Verdict>> = verdicts.collect();
        let data: Vec<Verdict> = stream::iter(verdicts).buffered(AT_ONCE).collect().await;
        let accepted = data.iter().filter(|verdict| verdict.post.is_some()).count();
        let verdicts = Verdicts { accepted, refused: data.len() - accepted, data };
        Ok(limits::posting(answer::json(StatusCode::MULTI_STATUS, &verdicts)))
    }

    async fn verdict(&self, bulk: &Bulk<'_>, index: usize, line: Bytes) -> Verdict {
        let (post, problem) = match self.line(bulk, index, &line).await {
            Ok(accepted) => (Some(accepted), None),
            Err(refusal) => {
                refusal.log(&bulk.frame.request_id);
                (None, Some(refusal))
            }
        };
        Verdict {
            index,
            status: problem.as_ref().map_or(StatusCode::ACCEPTED, Refusal::status).as_u16(),
            replayed: post.as_ref().is_some_and(|post| post.replayed),
            post: post.map(|post| post.view),
            problem: problem.map(|refusal| refusal.body(bulk.frame)),
        }
    }

    async fn line(&self, bulk: &Bulk<'_>, index: usize, line: &[u8]) -> Result<Accepted, Refusal> {
        let post = readable(line)?;
        if bulk.deadline < self.time.now() + ENOUGH {
            return Err(unfinished());
        }
        let number = index.to_string();
        let key = [bulk.key, &number];
        let asking = Asking { caller: bulk.caller, route: ROUTE, key: &key, deadline: bulk.deadline };
        let incoming = Incoming { identity: post.clone(), post, attached: None, form: false };
        self.take_post(asking, incoming, Problems::default()).await
    }
}

fn readable(line: &[u8]) -> Result<serde_json::Value, Refusal> {
    if line.len() > JSON_MAX {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body.too_large",
            format!("the line is longer than {JSON_MAX} bytes"),
            "send only the documented fields",
        ));
    }
    parse_json(line)
}

fn unfinished() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "bulk.unfinished",
        "the request ran out of time before this line was begun",
        "send the whole request again with the same Idempotency-Key: what was done is not done twice",
    )
    .from(view::Source::System)
    .retryable()
}
