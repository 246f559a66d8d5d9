//! API keys.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{KeyId, KeyName, Nonce, Scope, Scopes, Timestamp, WorkspaceId};
use ports::{ApiKey, KeyCreated, Keys, LAST_USE_KEPT, Page, PortResult, Read, cursor};

use crate::item::{Item, Reader, binary, millis, nonce, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

/// How long a key that works no more is still listed.
const DAYS: i64 = 400;

fn pk(id: &KeyId) -> String {
    format!("key#{id}")
}

fn list_pk(workspace: &WorkspaceId) -> AttributeValue {
    text(format!("key#{workspace}"))
}

fn list_sk(key: &ApiKey) -> AttributeValue {
    text(cursor::place(key.created_at, key.id.as_str()))
}

fn read(item: &Item) -> PortResult<ApiKey> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("key#").and_then(|id| id.parse().ok());
    Ok(ApiKey {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        name: row.maybe("nm", Reader::parsed::<KeyName>)?.unwrap_or_default(),
        secret_sha256: row.array("h")?,
        scopes: row.maybe("sc", scopes)?.unwrap_or_else(Scopes::all),
        created_at: row.maybe("ca", Reader::time)?.unwrap_or_default(),
        last_used_at: row.maybe("lu", Reader::time)?,
        expires_at: row.maybe("x", Reader::time)?,
        retires_at: row.maybe("rt", Reader::time)?,
        revoked_at: row.maybe("rv", Reader::time)?,
        replaces: row.maybe("rp", Reader::parsed)?,
        request_sha256: row.maybe("rq", Reader::array)?,
    })
}

/// A scope of a newer version opens nothing here, and is left out.
fn scopes(row: &Reader<'_>, name: &'static str) -> PortResult<Scopes> {
    Ok(row.texts(name)?.iter().filter_map(|scope| scope.parse::<Scope>().ok()).collect())
}

fn gone_after(end: Timestamp) -> AttributeValue {
    number(codec::gone_after(end, DAYS))
}

/// The row after a write that takes effect at most once, whoever wrote it.
fn settled(wrote: Wrote) -> PortResult<Option<ApiKey>> {
    match wrote {
        Wrote::Done(row) | Wrote::Refused(Some(row)) => read(&row).map(Some),
        Wrote::Refused(None) => Ok(None),
    }
}

impl Keys for Store {
    async fn key(&self, id: &KeyId) -> PortResult<Option<ApiKey>> {
        self.get(pk(id), Read::Strong).await?.as_ref().map(read).transpose()
    }

    async fn create_key(&self, key: &ApiKey, by: Nonce) -> PortResult<KeyCreated> {
        let scopes = key.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        let update = Update::when("attribute_not_exists(#pk)")
            .set("n", nonce(by))
            .set("w", text(key.workspace.as_str()))
            .set("nm", text(key.name.as_str()))
            .set("h", binary(key.secret_sha256))
            .set("sc", AttributeValue::Ss(scopes))
            .set("ca", millis(key.created_at))
            .put("lu", key.last_used_at.map(millis))
            .put("x", key.expires_at.map(millis))
            .put("rt", key.retires_at.map(millis))
            .put("rv", key.revoked_at.map(millis))
            .put("rp", key.replaces.as_ref().map(|id| text(id.as_str())))
            .put("rq", key.request_sha256.map(binary))
            .put("ttl", key.revoked_at.or(key.ends_at()).map(gone_after))
            .set("list_pk", list_pk(&key.workspace))
            .set("list_sk", list_sk(key));
        match self.update(&pk(&key.id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(KeyCreated::New),
            Wrote::Refused(found) => {
                let found = found.unwrap_or_default();
                let ours = Reader::new(&found).bears("n", by);
                Ok(if ours { KeyCreated::New } else { KeyCreated::Existed(Box::new(read(&found)?)) })
            }
        }
    }

    async fn revoke_key(&self, id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>> {
        let update = Update::when("attribute_exists(#pk) AND attribute_not_exists(#rv)")
            .set("rv", millis(at))
            .set("ttl", gone_after(at));
        settled(self.update(&pk(id), update, ReturnValue::AllNew).await?)
    }

    async fn retire_key(&self, id: &KeyId, at: Timestamp) -> PortResult<Option<ApiKey>> {
        let update = Update::when(
            "attribute_exists(#pk) AND attribute_not_exists(#rv) AND (attribute_not_exists(#rt) OR #rt > :rt)",
        )
        .set("rt", millis(at))
        .set("ttl", gone_after(at));
        settled(self.update(&pk(id), update, ReturnValue::AllNew).await?)
    }

    async fn key_used(&self, key: &ApiKey, at: Timestamp) -> PortResult<()> {
        let update = Update::when("attribute_exists(#pk) AND (attribute_not_exists(#lu) OR #lu < :before)")
            .value("before", millis(at - LAST_USE_KEPT))
            .set("lu", millis(at))
            // rows from before keys were listed
            .set_first("list_pk", list_pk(&key.workspace))
            .set_first("list_sk", list_sk(key));
        self.update(&pk(&key.id), update, ReturnValue::None).await.map(drop)
    }

    async fn list_keys(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<ApiKey>> {
        self.page(format!("key#{workspace}"), cursor, limit, read).await
    }
}
