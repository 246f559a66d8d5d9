//! Connections that somebody began. A taken one stays in the table, marked, until it ends by itself.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use ports::{Connecting, Connections, PortResult, Read};

use crate::item::{Item, Reader, binary, document, millis, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

fn pk(secret_sha256: [u8; 32]) -> String {
    format!("connect#{}", domain::content::ContentHash(secret_sha256))
}

fn read(item: &Item) -> PortResult<Connecting> {
    let row = Reader::new(item);
    Ok(Connecting {
        workspace: row.parsed("w")?,
        creator: row.maybe("c", Reader::parsed)?,
        scopes: row.document("sc")?,
        browser_sha256: row.maybe("b", Reader::array)?,
        expires_at: row.time("x")?,
    })
}

fn is_taken(item: &Item) -> bool {
    Reader::new(item).flag("tk")
}

impl Connections for Store {
    async fn begin(&self, secret_sha256: [u8; 32], connecting: &Connecting) -> PortResult<bool> {
        let update = Update::when("attribute_not_exists(#pk)")
            .set("w", text(connecting.workspace.as_str()))
            .put("c", connecting.creator.as_ref().map(|id| text(id.as_str())))
            .set("sc", document(&connecting.scopes)?)
            .put("b", connecting.browser_sha256.map(binary))
            .set("x", millis(connecting.expires_at))
            .set("ttl", number(codec::gone_after(connecting.expires_at, 0)));
        match self.update(&pk(secret_sha256), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(true),
            // our own write, whose answer was lost, bears no nonce: the secret is one
            Wrote::Refused(found) => {
                let found = found.filter(|found| !is_taken(found));
                Ok(found.as_ref().map(read).transpose()?.is_some_and(|found| found == *connecting))
            }
        }
    }

    async fn peek(&self, secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>> {
        let found = self.get(pk(secret_sha256), Read::Strong).await?;
        found.as_ref().filter(|item| !is_taken(item)).map(read).transpose()
    }

    async fn take(&self, secret_sha256: [u8; 32]) -> PortResult<Option<Connecting>> {
        let update = Update::when("attribute_exists(#pk) AND attribute_not_exists(#tk)")
            .set("tk", AttributeValue::Bool(true));
        match self.update(&pk(secret_sha256), update, ReturnValue::AllOld).await? {
            Wrote::Done(before) => read(&before).map(Some),
            Wrote::Refused(_) => Ok(None),
        }
    }
}
