//! What comes through the ingest queue: S3's own events, and our jobs.

use aws_lambda_events::event::s3::S3Event;
use domain::{Job, MediaId, PostId};
use lambda_kit::batch::{Failure, Message};

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The media.
    pub media: MediaId,
    /// A post that waits for it.
    pub post: Option<PostId>,
}

/// Reads a message. S3's test event and objects that are no uploads of ours are nothing to look at.
pub fn looks(message: &Message) -> Result<Vec<Look>, Failure> {
    let value: serde_json::Value = message.json()?;
    if value.get("job").is_some() {
        return match message.json()? {
            Job::Ingest { media, post } => Ok(vec![Look { media, post }]),
            Job::Publish(_)
            | Job::Transfer(_)
            | Job::Check(_)
            | Job::Release(_)
            | Job::Heard(_)
            | Job::Refresh { .. }
            | Job::Drop(_)
            | Job::Deliver(_)
            | Job::CatchUp(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
    }
    if value.get("Event").and_then(serde_json::Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let event: S3Event = message.json()?;
    let keys = event.records.into_iter().filter_map(|record| {
        let object = record.s3.object;
        object.url_decoded_key.or(object.key)
    });
    // `up/<media id>` holds nothing that URL encoding changes but the slash
    let media = |key: String| key.replace("%2F", "/").strip_prefix("up/").and_then(|id| id.parse().ok());
    Ok(keys.filter_map(media).map(|media| Look { media, post: None }).collect())
}
