//! What happened, readable.

use domain::Job;
use ports::fakes::Change;
use tiktok_sandbox::{Call, Delivery};

use crate::judge::{delivery_name, number_of_post, title};
use crate::scenario::START;

/// Lines, if somebody wants to read them.
#[derive(Debug, Default)]
pub(crate) struct Story(Option<Vec<String>>);

impl Story {
    pub(crate) fn told() -> Self {
        Self(Some(Vec::new()))
    }

    pub(crate) fn is_told(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn tell(&mut self, now: i64, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.0 {
            lines.push(format!("{}  {}", clock_of(now - START), what()));
        }
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        self.0.unwrap_or_default()
    }
}

/// `+01:02:03.456`
pub(crate) fn clock_of(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ('-', -ms) } else { ('+', ms) };
    let (seconds, ms) = (ms / 1_000, ms % 1_000);
    format!("{sign}{:02}:{:02}:{:02}.{ms:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// A job in a few words.
pub(crate) fn job_name(job: &Job) -> String {
    let short = |id: &str| id.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect::<String>();
    match job {
        Job::Publish(job) => {
            let ticket =
                job.ticket.map_or(String::new(), |at| format!(", ticket {}", at.as_millisecond() - START));
            format!("publish({}{ticket})", short(job.post.as_str()))
        }
        Job::Transfer(job) => format!("transfer({})", short(job.post.as_str())),
        Job::Check(job) => format!("check({})", short(job.post.as_str())),
        Job::Ingest { media, .. } => format!("ingest({})", short(media.as_str())),
        Job::Drop(job) => format!("drop({}, {})", short(job.creator.as_str()), job.name),
        Job::Heard(job) => format!("heard({})", job.publish_id.0),
        Job::Deliver(key) => format!("deliver({})", short(key.event.as_str())),
        Job::CatchUp(job) => format!("catch up({})", short(job.endpoint.as_str())),
        Job::Release(job) => format!("release({})", short(job.creator.as_str())),
        Job::Refresh { account, epoch } => format!("refresh({}, {epoch:?})", short(account.as_str())),
    }
}

/// A write in a few words.
pub(crate) fn change(change: &Change, now: i64) -> String {
    let due = |due: Option<domain::Timestamp>| {
        due.map_or("no wake-up".to_owned(), |due| {
            let ahead = (due.as_millisecond() - now) / 1_000;
            format!("wakes up in {ahead} s")
        })
    };
    match change {
        Change::Post(post) => {
            let (before, after) = (&post.before, &post.after.row);
            let was = before.as_ref().map_or("new", |before| before.row.state.name());
            let name = title(number_of_post(after));
            let code = after.timeline.entries().last().and_then(|entry| entry.code.clone());
            let code = code.map_or(String::new(), |code| format!(" ({code})"));
            format!(
                "    {name}: {was} -> {}{code}, v{}, {}",
                after.state.name(),
                post.after.version,
                due(after.due)
            )
        }
        Change::Media(media) => {
            format!("    media {}: {}", media.after.row.id, due(media.after.row.due))
        }
        Change::Account(account) => {
            let after = &account.after;
            let lease = if after.lease.is_some() { ", leased" } else { "" };
            let rings = &after.limits;
            format!(
                "    account: epoch {}, {:?}{lease}, {} infos, {} inits, {} checks, {}",
                after.epoch,
                after.status,
                rings.creator_info.millis().len(),
                rings.init.millis().len(),
                rings.status.millis().len(),
                due(after.due)
            )
        }
    }
}

/// A call of TikTok's in a few words.
pub(crate) fn call(call: &Call, delivery: Delivery) -> String {
    let about = call.publish_id.as_deref().map_or(String::new(), |id| format!(" {id}"));
    let why = call.why.as_deref().map_or(String::new(), |why| format!(" ({why})"));
    let title = call.request.pointer("/post_info/title").and_then(|title| title.as_str());
    let title = title.map_or(String::new(), |title| format!(" of {title}"));
    format!(
        "    TikTok: {}{title} -> {} {}{why}{about}{}",
        call.endpoint,
        call.status,
        call.code,
        delivery_name(delivery)
    )
}
