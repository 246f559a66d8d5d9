use bytes::Bytes;
use domain::media::{Container, upload_key};
use domain::{MediaId, Timestamp};

use super::lock;
use super::objects::{MemoryObjects, StoredObject, etag};
use crate::{Copied, DropFolder, Dropped, PortResult};

impl MemoryObjects {
    /// Drops an object, as somebody who may write to the bucket would; gives its entity tag.
    pub fn drop_object(&self, key: &str, bytes: Vec<u8>) -> String {
        let etag = etag(&bytes);
        let content_type = "application/octet-stream".to_owned();
        let at = self.clock().unwrap_or_default();
        lock(&self.dropped).insert(key.to_owned(), Timestamp::from_second(at.as_second()).unwrap_or(at));
        lock(&self.objects)
            .insert(key.to_owned(), StoredObject { bytes: bytes.into(), content_type, etag: etag.clone() });
        etag
    }
}

impl DropFolder for MemoryObjects {
    async fn dropped(&self, prefix: &str) -> PortResult<Vec<Dropped>> {
        self.faults.run("dropped", || {
            let (objects, times) = (lock(&self.objects), lock(&self.dropped));
            let found = objects.iter().filter(|(key, _)| key.starts_with(prefix));
            let dropped = found.map(|(key, object)| Dropped {
                key: key.clone(),
                size: object.bytes.len() as u64,
                etag: object.etag.clone(),
                at: times.get(key).copied().unwrap_or_default(),
            });
            Ok(dropped.collect())
        })
    }

    async fn read(&self, key: &str, etag: &str) -> PortResult<Option<Bytes>> {
        self.faults.run("read", || {
            let object = self.object(key).filter(|object| object.etag == etag);
            Ok(object.map(|object| object.bytes))
        })
    }

    async fn take(&self, key: &str, etag: &str, media: &MediaId, container: Container) -> PortResult<Copied> {
        self.faults.run("take", || {
            let Some(object) = self.object(key).filter(|object| object.etag == etag) else {
                return Ok(Copied::Changed);
            };
            self.put(&upload_key(media), container, object.bytes);
            Ok(Copied::Done)
        })
    }

    async fn told(&self, key: &str) -> PortResult<Option<Bytes>> {
        self.faults.run("told", || Ok(self.object(key).map(|object| object.bytes)))
    }

    async fn tell(&self, key: &str, json: Vec<u8>) -> PortResult<()> {
        self.faults.run("tell", || {
            self.drop_object(key, json);
            Ok(())
        })
    }

    async fn take_back(&self, key: &str) -> PortResult<()> {
        self.faults.run("take_back", || {
            self.remove(key);
            Ok(())
        })
    }
}
