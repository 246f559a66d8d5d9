//! Creators.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::{Creator, CreatorId, Media, MediaId, WorkspaceId};
use ports::{Creators, Page, PortResult, Read, cursor};

use crate::item::{Item, Reader, document, millis, text};
use crate::update::Update;
use crate::{Store, media};

fn pk(id: &CreatorId) -> String {
    format!("creator#{id}")
}

const fn word(status: CreatorStatus) -> &'static str {
    match status {
        CreatorStatus::Active => "active",
        CreatorStatus::ReconnectRequired => "reconnect_required",
        CreatorStatus::Disconnected => "disconnected",
    }
}

const STATUSES: [CreatorStatus; 3] =
    [CreatorStatus::Active, CreatorStatus::ReconnectRequired, CreatorStatus::Disconnected];

fn read(item: &Item) -> PortResult<Creator> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("creator#").and_then(|id| id.parse().ok());
    let status = row.text("st")?;
    let status = STATUSES.into_iter().find(|it| word(*it) == status);
    let info: CreatorInfo = row.document("i")?;
    Ok(Creator {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        account: row.parsed("a")?,
        open_id: row.text("oi")?.to_owned(),
        status: status.ok_or_else(|| row.unreadable("st"))?,
        scopes: row.document("sc")?,
        profile_at: row.maybe("pa", Reader::time)?.unwrap_or(info.fetched_at),
        info,
        created_at: row.time("ca")?,
    })
}

impl Creators for Store {
    async fn creator(&self, id: &CreatorId) -> PortResult<Option<Creator>> {
        self.find(pk(id)).await?.as_ref().map(read).transpose()
    }

    async fn creator_and_media(
        &self,
        creator: &CreatorId,
        media: &MediaId,
    ) -> PortResult<(Option<Creator>, Option<Media>)> {
        let pks = vec![pk(creator), media::pk(media)];
        let mut found = self.batch(pks.clone(), Read::Eventual).await?;
        if found.len() < pks.len() {
            found = self.batch(pks.clone(), Read::Strong).await?;
        }
        let creator = found.get(&pks[0]).map(read).transpose()?;
        let media = found.get(&pks[1]).map(media::read).transpose()?;
        Ok((creator, media.map(|stored| stored.row)))
    }

    async fn put_creator(&self, creator: &Creator) -> PortResult<()> {
        let update = Update::always()
            .set("w", text(creator.workspace.as_str()))
            .set("a", text(creator.account.as_str()))
            .set("oi", text(&creator.open_id))
            .set("st", text(word(creator.status)))
            .set("sc", document(&creator.scopes)?)
            .set("i", document(&creator.info)?)
            .set("pa", millis(creator.profile_at))
            .set("ca", millis(creator.created_at))
            .set("list_pk", text(format!("creator#{}", creator.workspace)))
            .set("list_sk", text(cursor::place(creator.created_at, creator.id.as_str())));
        self.update(&pk(&creator.id), update, ReturnValue::None).await.map(drop)
    }

    async fn list_creators(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Creator>> {
        self.page(format!("creator#{workspace}"), cursor, limit, read).await
    }
}
