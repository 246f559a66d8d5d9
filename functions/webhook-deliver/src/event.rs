//! What the function is called with: jobs of the delivery queue, or new events of the table's stream.

use domain::NoticeId;
use lambda_kit::batch::SqsEvent;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A batch of either source.
#[derive(Debug)]
pub enum Incoming {
    /// Jobs.
    Queue(SqsEvent),
    /// Ids of new events, oldest first. The filter of the event source leaves everything else out; what comes all the same is
    /// left out here.
    Events(Vec<NoticeId>),
}

/// An event could not be told to everybody: the stream brings the batch again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {all} events were not told to everybody yet")]
pub struct StreamFailure {
    /// So many.
    pub failed: usize,
    /// Of so many.
    pub all: usize,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "eventName")]
    name: String,
    dynamodb: Change,
}

#[derive(Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    pk: Text,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
}

impl Record {
    fn event(&self) -> Option<NoticeId> {
        // writing an event again changes nothing of what is told
        let id = self.dynamodb.keys.pk.text.strip_prefix("event#").filter(|_| self.name == "INSERT")?;
        id.parse().ok()
    }
}

impl<'de> Deserialize<'de> for Incoming {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event = serde_json::Value::deserialize(deserializer)?;
        if event["Records"][0]["eventSource"] == "aws:dynamodb" {
            let records: Vec<Record> =
                serde_json::from_value(event["Records"].clone()).map_err(D::Error::custom)?;
            Ok(Self::Events(records.iter().filter_map(Record::event).collect()))
        } else {
            serde_json::from_value(event).map(Self::Queue).map_err(D::Error::custom)
        }
    }
}
