//! What comes through the drop queue: S3's own events, and our jobs.

use aws_lambda_events::event::s3::S3Event;
use domain::Job;
use lambda_kit::batch::{Failure, Message};
use percent_encoding::percent_decode_str;

use crate::place::Place;

/// Reads a message. S3's test event and what is no file of the drop folder are nothing to look at.
pub fn looks(message: &Message) -> Result<Vec<Place>, Failure> {
    let value: serde_json::Value = message.json()?;
    if value.get("job").is_some() {
        return match message.json()? {
            Job::Drop(job) => Ok(vec![Place::Set { creator: job.creator, name: job.name }]),
            Job::Publish(_)
            | Job::Transfer(_)
            | Job::Check(_)
            | Job::Ingest { .. }
            | Job::Release(_)
            | Job::Heard(_)
            | Job::Refresh { .. }
            | Job::Deliver(_)
            | Job::CatchUp(_) => Err(Failure::give_up("this job belongs to another queue")),
        };
    }
    if value.get("Event").and_then(serde_json::Value::as_str) == Some("s3:TestEvent") {
        return Ok(Vec::new());
    }
    let event: S3Event = message.json()?;
    let keys = event.records.into_iter().filter_map(|record| record.s3.object.key);
    Ok(keys.filter_map(|key| Place::of(&decoded(&key))).collect())
}

/// S3 encodes keys in its events as forms do.
fn decoded(key: &str) -> String {
    let blanks = key.replace('+', " ");
    percent_decode_str(&blanks).decode_utf8_lossy().into_owned()
}
