//! Media.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{Media, MediaId, Nonce, PostId};
use ports::{Created, MediaRows, PortResult, Read, Saved, Stored};

use crate::due::{self, Side};
use crate::item::{Item, Reader, document, millis, nonce, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

const DAYS: i64 = 400;

pub(crate) fn pk(id: &MediaId) -> String {
    format!("media#{id}")
}

fn due_keys(media: &Media) -> Option<due::Keys> {
    media.due.map(|at| due::keys(Side::Posts, media.id.bits(), &pk(&media.id), at))
}

pub(crate) fn read(item: &Item) -> PortResult<Stored<Media>> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("media#").and_then(|id| id.parse().ok());
    let waiting = row.texts("wt")?.iter().map(|post| post.parse::<PostId>());
    let media = Media {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        declared: row.document("dc")?,
        state: row.document("st")?,
        waiting: waiting.collect::<Result<_, _>>().map_err(|_| row.unreadable("wt"))?,
        created_at: row.time("ca")?,
        due: due::read(&row)?,
    };
    Ok(Stored { row: media, version: row.number("v")? })
}

impl MediaRows for Store {
    async fn declare(&self, media: &Media, by: Nonce) -> PortResult<Created<Media>> {
        let mut update = Update::when("attribute_not_exists(#pk)")
            .set("v", number(1))
            .set("n", nonce(by))
            .set("w", text(media.workspace.as_str()))
            .set("dc", document(&media.declared)?)
            .set("st", document(&media.state)?)
            .set("ca", millis(media.created_at))
            .set("ttl", number(codec::gone_after(media.created_at, DAYS)));
        if !media.waiting.is_empty() {
            let waiting = media.waiting.iter().map(ToString::to_string).collect();
            update = update.set("wt", AttributeValue::Ss(waiting));
        }
        if let Some(keys) = due_keys(media) {
            update = keys.set(update);
        }
        match self.update(&pk(&media.id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(Created::New(Stored { row: media.clone(), version: 1 })),
            Wrote::Refused(found) => {
                let found = found.unwrap_or_default();
                let ours = Reader::new(&found).bears("n", by);
                Ok(if ours { Created::New(read(&found)?) } else { Created::Existed(read(&found)?) })
            }
        }
    }

    async fn media(&self, id: &MediaId, how: Read) -> PortResult<Option<Stored<Media>>> {
        self.get(pk(id), how).await?.as_ref().map(read).transpose()
    }

    async fn several(&self, ids: &[MediaId]) -> PortResult<Vec<Option<Media>>> {
        let pks: Vec<_> = ids.iter().map(pk).collect();
        let distinct: BTreeSet<_> = pks.iter().cloned().collect();
        let found = self.batch(distinct.into_iter().collect(), Read::Eventual).await?;
        pks.iter().map(|pk| Ok(found.get(pk).map(read).transpose()?.map(|stored| stored.row))).collect()
    }

    async fn judge(&self, seen: &Stored<Media>, media: &Media, by: Nonce) -> PortResult<Saved<Media>> {
        let mut update = Update::when("#v = :seen")
            .value("seen", number(seen.version))
            .set("v", number(seen.version + 1))
            .set("n", nonce(by))
            .set("st", document(&media.state)?);
        if media.due != seen.row.due {
            update = due::put(update, due_keys(media));
        }
        match self.update(&pk(&seen.row.id), update, ReturnValue::AllNew).await? {
            Wrote::Done(row) => Ok(Saved::Written(read(&row)?)),
            Wrote::Refused(None) => Ok(Saved::Conflict(None)),
            Wrote::Refused(Some(found)) => {
                let ours = Reader::new(&found).bears("n", by);
                let found = read(&found)?;
                Ok(if ours { Saved::Written(found) } else { Saved::Conflict(Some(found)) })
            }
        }
    }

    async fn wait_for(&self, media: &MediaId, post: &PostId) -> PortResult<Option<Stored<Media>>> {
        let update =
            Update::when("attribute_exists(#pk)").add("wt", AttributeValue::Ss(vec![post.to_string()]));
        match self.update(&pk(media), update, ReturnValue::AllNew).await? {
            Wrote::Done(row) => read(&row).map(Some),
            Wrote::Refused(_) => Ok(None),
        }
    }
}
