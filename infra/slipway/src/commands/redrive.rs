use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};

use super::place::Place;
use crate::dead_letters;

/// Dead letters are jobs that failed five times. Each is a hint to look at a row, and the row decides: sending one again is
/// harmless at any age, however often, whatever has become of its post. Repair the cause first, or they come back.
#[derive(Args)]
pub struct Redrive {
    #[command(flatten)]
    place: Place,
    /// Whose letters
    #[arg(long, value_enum, default_value_t = Which::All)]
    queue: Which,
    /// Only show what lies there
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    All,
    Publish,
    Status,
    Ingest,
    Refresh,
}

impl Which {
    const EACH: [(Self, &str); 4] = [
        (Self::Publish, "Publish"),
        (Self::Status, "Status"),
        (Self::Ingest, "Ingest"),
        (Self::Refresh, "Refresh"),
    ];
}

impl Redrive {
    pub async fn run(self) -> Result<()> {
        let found = self.place.find().await?;
        let outputs = found.outputs.clone();
        let url = |name: String| {
            let url = outputs.get(&name).cloned();
            url.with_context(|| format!("the stack has no output `{name}`: deploy it again"))
        };
        let sqs = aws_sdk_sqs::Client::new(&self.place.sdk_config(found));
        for (which, name) in Which::EACH {
            if self.queue != Which::All && self.queue != which {
                continue;
            }
            let (dead, queue) = (url(format!("{name}DeadLettersUrl"))?, url(format!("{name}QueueUrl"))?);
            let (letters, verb) = if self.dry_run {
                (dead_letters::count(&sqs, &dead).await, "lie there")
            } else {
                (dead_letters::redrive(&sqs, &dead, &queue).await, "sent again")
            };
            let letters = letters.with_context(|| format!("the dead letters of the {name} queue"))?;
            println!("{:8} {letters} {verb}", name.to_lowercase());
        }
        Ok(())
    }
}
