//! What keeps the same from being posted twice: one small row for a day.

use aws_sdk_dynamodb::types::ReturnValue;
use domain::content::ContentHash;
use ports::{Guard, Guards, PortResult};

use crate::item::{Item, Reader, binary, millis, number, text};
use crate::update::Update;
use crate::{Store, Wrote, codec};

fn read(item: &Item) -> PortResult<Guard> {
    let row = Reader::new(item);
    Ok(Guard {
        post: row.parsed("p")?,
        content: ContentHash(row.array("h")?),
        at: row.time("a")?,
        until: row.time("u")?,
        ends_at: row.time("x")?,
    })
}

fn pk(key: [u8; 32]) -> String {
    format!("guard#{}", ContentHash(key))
}

impl Guards for Store {
    async fn guard(&self, key: [u8; 32], guard: &Guard, seen: Option<&Guard>) -> PortResult<Option<Guard>> {
        let update = match seen {
            None => Update::when("attribute_not_exists(#pk)"),
            Some(seen) => {
                Update::when("attribute_not_exists(#pk) OR (#p = :was_p AND #h = :was_h AND #u = :was_u)")
                    .value("was_p", text(seen.post.as_str()))
                    .value("was_h", binary(seen.content.0))
                    .value("was_u", millis(seen.until))
            }
        };
        let update = update
            .set("p", text(guard.post.as_str()))
            .set("h", binary(guard.content.0))
            .set("a", millis(guard.at))
            .set("u", millis(guard.until))
            .set("x", millis(guard.ends_at))
            .set("ttl", number(codec::gone_after(guard.ends_at, 0)));
        match self.update(&pk(key), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(None),
            Wrote::Refused(there) => {
                let there = there.as_ref().map(read).transpose()?;
                // our own write, whose answer was lost, looks like what we wrote: it names the post
                Ok(there.filter(|there| there != guard))
            }
        }
    }

    async fn guard_of(&self, key: [u8; 32]) -> PortResult<Option<Guard>> {
        self.find(pk(key)).await?.as_ref().map(read).transpose()
    }
}
