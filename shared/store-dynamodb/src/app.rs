//! What is known of the app at TikTok, its verification files, and what TikTok said that nothing explains.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::Timestamp;
use domain::app::{AppFacts, Breaker, Detour, Sighting};
use domain::content::ContentHash;
use ports::{AppRows, PortResult, Read, Unexplained, cursor};

use crate::item::{Item, Reader, millis, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

const DAYS: i64 = 90;
/// A row holds 400 kB; what TikTok sends takes a hundredth.
const CONTENT_MAX: usize = 65_536;

const fn attribute(sighting: Sighting) -> &'static str {
    match sighting {
        Sighting::PublicPostAccepted => "pa",
        Sighting::UnauditedRefused => "ur",
        Sighting::NotASandboxTarget => "ns",
        Sighting::PullAccepted => "pl",
        Sighting::UrlUnverified => "uu",
        Sighting::ActiveUserCap => "ac",
    }
}

fn pk(client_key: &str) -> String {
    format!("app#{client_key}")
}

/// One deployment has one app, so its breaker has one row, which is read together with a post.
pub(crate) const BREAKER: &str = "breaker";

/// A breaker that was closed leaves a row without a code.
pub(crate) fn read_breaker(item: &Item) -> PortResult<Option<Breaker>> {
    Reader::new(item).maybe("co", |row, name| {
        Ok(Breaker { code: row.text(name)?.to_owned(), since: row.time("si")?, probe_at: row.time("pr")? })
    })
}

/// One row as well, and for the same reason.
pub(crate) const DETOUR: &str = "detour";

pub(crate) fn read_detour(item: &Item) -> PortResult<Detour> {
    let row = Reader::new(item);
    let stalls = row.maybe("st", Reader::list)?.unwrap_or_default().iter();
    let stalls = stalls.map(|at| Timestamp::from_millisecond(at.as_n().ok()?.parse().ok()?).ok());
    Ok(Detour {
        stalls: stalls.collect::<Option<_>>().ok_or_else(|| row.unreadable("st"))?,
        until: row.maybe("un", Reader::time)?,
    })
}

impl AppRows for Store {
    async fn app(&self, client_key: &str) -> PortResult<AppFacts> {
        let Some(item) = self.get(pk(client_key), Read::Strong).await? else {
            return Ok(AppFacts::default());
        };
        let row = Reader::new(&item);
        let mut facts = AppFacts { files: row.texts("fs")?.iter().cloned().collect(), ..AppFacts::default() };
        for sighting in Sighting::ALL {
            if let Some(at) = row.maybe(attribute(sighting), Reader::time)? {
                facts.seen.insert(sighting, at);
            }
        }
        Ok(facts)
    }

    async fn saw(&self, client_key: &str, sighting: Sighting, at: Timestamp) -> PortResult<()> {
        // the last writer wins: several functions see the same at nearly the same time
        let update = Update::always().set(attribute(sighting), millis(at));
        self.update(&pk(client_key), update, ReturnValue::None).await.map(drop)
    }

    async fn keep_event(&self, event: &Unexplained, now: Timestamp) -> PortResult<()> {
        let hash = ContentHash(event.sha256).to_string();
        let content: String = event.content.chars().take(CONTENT_MAX / 4).collect();
        let update = Update::always()
            .set("ev", text(&event.event))
            .set("oi", text(&event.open_id))
            .set("ct", number(event.create_time))
            .set("co", text(content))
            .set_first("list_pk", text("heard"))
            .set_first("list_sk", text(cursor::place(now, &hash)))
            .set("ttl", number(codec::gone_after(now, DAYS)));
        self.update(&format!("heard#{hash}"), update, ReturnValue::None).await.map(drop)
    }

    async fn put_file(&self, client_key: &str, name: &str, content: &str) -> PortResult<()> {
        let file = Update::always().set("co", text(content));
        self.update(&format!("file#{name}"), file, ReturnValue::None).await?;
        let listed = Update::always().add("fs", AttributeValue::Ss(vec![name.to_owned()]));
        self.update(&pk(client_key), listed, ReturnValue::None).await.map(drop)
    }

    async fn trip(&self, breaker: &Breaker) -> PortResult<()> {
        let update = Update::when("attribute_not_exists(#co)")
            .set("co", text(&breaker.code))
            .set("si", millis(breaker.since))
            .set("pr", millis(breaker.probe_at));
        self.update(BREAKER, update, ReturnValue::None).await.map(drop)
    }

    async fn take_probe(&self, seen: &Breaker, next: Timestamp) -> PortResult<bool> {
        // our own lost answer leaves nobody with the probe: the next one is a quarter of an hour away
        let update = Update::when("#pr = :seen").value("seen", millis(seen.probe_at)).set("pr", millis(next));
        let wrote = self.update(BREAKER, update, ReturnValue::None).await?;
        Ok(matches!(wrote, Wrote::Done(_)))
    }

    async fn breaker(&self) -> PortResult<Option<Breaker>> {
        let found = self.get(BREAKER.to_owned(), Read::Strong).await?;
        Ok(found.as_ref().map(read_breaker).transpose()?.flatten())
    }

    async fn close_breaker(&self, since: Timestamp) -> PortResult<()> {
        let update = Update::when("#si = :since").value("since", millis(since)).remove("co");
        self.update(BREAKER, update, ReturnValue::None).await.map(drop)
    }

    async fn detour(&self) -> PortResult<Detour> {
        let found = self.get(DETOUR.to_owned(), Read::Strong).await?;
        found.as_ref().map_or(Ok(Detour::default()), read_detour)
    }

    async fn save_detour(&self, seen: &Detour, detour: &Detour) -> PortResult<bool> {
        let stalls =
            |detour: &Detour| AttributeValue::L(detour.stalls.iter().map(|at| millis(*at)).collect());
        // a repeat of our own write finds what it wrote
        let update = if seen.stalls.is_empty() {
            Update::when("attribute_not_exists(#st) OR #st = :now")
        } else {
            Update::when("#st = :seen OR #st = :now").value("seen", stalls(seen))
        };
        let update = update.value("now", stalls(detour)).set("st", stalls(detour));
        let update = match detour.until {
            Some(until) => update.set("un", millis(until)),
            None => update.remove("un"),
        };
        Ok(matches!(self.update(DETOUR, update, ReturnValue::None).await?, Wrote::Done(_)))
    }

    async fn file(&self, name: &str) -> PortResult<Option<String>> {
        let found = self.find(format!("file#{name}")).await?;
        found.map(|item| Reader::new(&item).text("co").map(str::to_owned)).transpose()
    }
}
