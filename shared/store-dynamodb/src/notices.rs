//! What workspaces are told.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::{Notice, NoticeId, WorkspaceId};
use ports::{Notices, Page, PortResult, cursor};

use crate::item::{Item, Reader, document, millis, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

/// Long enough for whoever was away to catch up.
const DAYS: i64 = 90;

fn read(item: &Item) -> PortResult<Notice> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("event#").and_then(|id| id.parse().ok());
    Ok(Notice {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        creator: row.maybe("c", Reader::parsed)?,
        at: row.time("at")?,
        news: row.document("nw")?,
    })
}

pub(crate) fn pk(notice: &Notice) -> String {
    format!("event#{}", notice.id)
}

pub(crate) fn put(update: Update, notice: &Notice) -> PortResult<Update> {
    let update = match &notice.creator {
        Some(creator) => update.set("c", text(creator.as_str())),
        None => update,
    };
    Ok(update
        .set("w", text(notice.workspace.as_str()))
        .set("at", millis(notice.at))
        .set("nw", document(&notice.news)?)
        .set("list_pk", text(format!("event#{}", notice.workspace)))
        .set("list_sk", text(cursor::place(notice.at, notice.id.as_str())))
        .set("ttl", number(codec::gone_after(notice.at, DAYS))))
}

impl Notices for Store {
    async fn record(&self, notice: &Notice) -> PortResult<bool> {
        let update = put(Update::when("attribute_not_exists(#pk)"), notice)?;
        let wrote = self.update(&pk(notice), update, ReturnValue::None).await?;
        Ok(matches!(wrote, Wrote::Done(_)))
    }

    async fn notice(&self, id: &NoticeId) -> PortResult<Option<Notice>> {
        self.find(format!("event#{id}")).await?.as_ref().map(read).transpose()
    }

    async fn list_notices(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Notice>> {
        self.page(format!("event#{workspace}"), cursor, limit, read).await
    }
}
