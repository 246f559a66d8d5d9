//! Media.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::way::Way;
use domain::{Media, MediaId, Nonce, PostId, WorkspaceId};
use ports::{Created, Library, MediaRows, Page, PortResult, Read, Saved, Stored, cursor};

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
    let upload_id = row.maybe("ui", |row, name| row.text(name).map(str::to_owned))?;
    let media = Media {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        declared: row.document("dc")?,
        way: row.maybe("wy", Reader::document::<Way>)?.unwrap_or_default().begun(upload_id),
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
            .set("list_pk", list_pk(&media.workspace))
            .set("list_sk", text(cursor::place(media.created_at, media.id.as_str())))
            .set("ttl", number(codec::gone_after(media.created_at, DAYS)));
        if !media.waiting.is_empty() {
            let waiting = media.waiting.iter().map(ToString::to_string).collect();
            update = update.set("wt", AttributeValue::Ss(waiting));
        }
        if media.way != Way::Put {
            update = update.set("wy", document(&media.way)?);
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

    async fn several(&self, ids: &[MediaId], how: Read) -> PortResult<Vec<Option<Media>>> {
        let pks: Vec<_> = ids.iter().map(pk).collect();
        let distinct: BTreeSet<_> = pks.iter().cloned().collect();
        if distinct.is_empty() {
            return Ok(Vec::new());
        }
        let found = self.batch(distinct.into_iter().collect(), how).await?;
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

fn list_pk(workspace: &WorkspaceId) -> AttributeValue {
    text(format!("media#{workspace}"))
}

impl Library for Store {
    async fn list_media(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Media>> {
        let row = |item: &Item| read(item).map(|stored| stored.row);
        self.page(format!("media#{workspace}"), cursor, limit, row).await
    }

    async fn note_parts(&self, media: &MediaId, upload_id: &str) -> PortResult<Option<Stored<Media>>> {
        let update = Update::when("attribute_exists(#pk)").set_first("ui", text(upload_id));
        match self.update(&pk(media), update, ReturnValue::AllNew).await? {
            Wrote::Done(row) => read(&row).map(Some),
            Wrote::Refused(_) => Ok(None),
        }
    }

    async fn unlist_media(&self, media: &MediaId) -> PortResult<()> {
        let update = Update::when("attribute_exists(#pk)").remove("list_pk").remove("list_sk");
        self.update(&pk(media), update, ReturnValue::None).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use domain::media::{Container, MediaState, Original, PhotoProbe, Probe};
    use domain::{Level, Problem};
    use ports::samples::{self, NOON};
    use serde_json::{Value, json};

    use super::*;

    fn row(declared: &Value, state: &Value) -> Item {
        Item::from([
            ("pk".to_owned(), text(pk(&MediaId::from_bits(7)))),
            ("v".to_owned(), number(2)),
            ("w".to_owned(), text(samples::workspace().as_str())),
            ("dc".to_owned(), document(declared).unwrap()),
            ("st".to_owned(), document(state).unwrap()),
            ("ca".to_owned(), millis(NOON)),
        ])
    }

    /// As they lie in tables that were written before there were photos, advice and levels.
    #[test]
    fn rows_from_before_there_were_photos_are_read() {
        let declared = json!({ "container": "mp4", "size": 30_000_000, "sha256": "c2hhMjU2" });
        let ready = json!({
            "is": "ready",
            "etag": "\"9b2cf535f27731c974343645a3985328\"",
            "probe": {
                "container": "mp4", "codec": "h264", "duration_ms": 15_000, "frame_rate_millis": 29_970,
                "width": 1_080, "height": 1_920, "rotation": 0, "size": 30_000_000,
            },
        });
        let found = read(&row(&declared, &ready)).unwrap().row;
        assert_eq!(found, Media { created_at: NOON, ..samples::ready_media(7, NOON) });

        let rejected = json!({
            "is": "rejected",
            "problems": [{ "param": "", "rule": "video.truncated", "detail": "cut", "remedy": "upload it whole" }],
        });
        let found = read(&row(&declared, &rejected)).unwrap().row;
        let problem = Problem::new("", "video.truncated", "cut", "upload it whole");
        assert_eq!(problem.level, Level::Error);
        assert_eq!(found.state, MediaState::Rejected { problems: vec![problem] });
    }

    #[test]
    fn what_is_written_of_a_photo_is_read_again() {
        let original = Original { container: Container::Png, width: 9, height: 8, orientation: 6, size: 70 };
        let photo = PhotoProbe { converted_from: Some(original), ..samples::photo_probe() };
        let advice = vec![Problem::new("", "photo.colour", "found CMYK", "export it in sRGB").as_advice()];
        let media = samples::media(7, NOON);
        let declared = domain::media::Declared { container: Container::Png, convert: true, ..media.declared };
        for (probe, advice) in [(photo, advice), (samples::photo_probe(), Vec::new())] {
            let state = MediaState::Ready { etag: "\"e\"".to_owned(), probe: Probe::Photo(probe), advice };
            let (declared, state) = (declared.clone(), state);
            let item = row(&serde_json::to_value(&declared).unwrap(), &serde_json::to_value(&state).unwrap());
            let found = read(&item).unwrap().row;
            assert_eq!((found.declared, found.state), (declared, state));
        }
    }

    /// A version from before reads what this one writes of a video: nothing is in it that it does not know.
    #[test]
    fn a_video_is_written_as_it_always_was() {
        let media = samples::ready_media(7, NOON);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let declared = serde_json::to_value(&media.declared).unwrap();
        assert_eq!(keys(&declared), ["container", "sha256", "size"]);
        let state = serde_json::to_value(&media.state).unwrap();
        assert_eq!(keys(&state), ["etag", "is", "probe"]);
        assert_eq!(state["probe"]["codec"], "h264");
        let problem = serde_json::to_value(Problem::new("", "a", "b", "c")).unwrap();
        assert_eq!(keys(&problem), ["detail", "param", "remedy", "rule"]);
    }
}
