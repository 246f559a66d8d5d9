//! API keys.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::KeyId;
use ports::{ApiKey, Keys, PortResult};

use crate::Store;
use crate::item::{Item, Reader, binary, millis, text};
use crate::update::Update;

fn pk(id: &KeyId) -> String {
    format!("key#{id}")
}

fn read(item: &Item) -> PortResult<ApiKey> {
    let row = Reader::new(item);
    let id = row.text("pk")?.strip_prefix("key#").and_then(|id| id.parse().ok());
    Ok(ApiKey {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        secret_sha256: row.array("h")?,
        expires_at: row.maybe("x", Reader::time)?,
        revoked_at: row.maybe("rv", Reader::time)?,
    })
}

impl Keys for Store {
    async fn key(&self, id: &KeyId) -> PortResult<Option<ApiKey>> {
        self.find(pk(id)).await?.as_ref().map(read).transpose()
    }

    async fn put_key(&self, key: &ApiKey) -> PortResult<()> {
        let update = Update::always()
            .set("w", text(key.workspace.as_str()))
            .set("h", binary(key.secret_sha256))
            .put("x", key.expires_at.map(millis))
            .put("rv", key.revoked_at.map(millis));
        self.update(&pk(&key.id), update, ReturnValue::None).await.map(drop)
    }
}
