//! Uploads on S3.

use bytes::Bytes;
use domain::MediaId;
use media_s3::{Bucket, RangedObject};
use ports::{Objects, PortError, PortResult};

use crate::ingest::Uploads;
use crate::probe::RangedRead;

/// An object that is read in ranges.
pub struct Ranged(RangedObject);

/// The first request learns size and ETag and brings this much: enough for a file whose header is in front.
const FIRST: u64 = 64 * 1024;

impl RangedRead for Ranged {
    type Error = PortError;

    async fn read(&mut self, offset: u64, len: u64) -> Result<Bytes, PortError> {
        self.0.read(offset, len).await
    }

    fn size(&self) -> u64 {
        self.0.size()
    }
}

impl Uploads for Bucket {
    type Upload = Ranged;

    async fn open(&self, media: &MediaId) -> PortResult<Option<(Ranged, String)>> {
        let opened = Bucket::open(self, media, FIRST).await?;
        Ok(opened.map(|object| {
            let etag = object.etag().to_owned();
            (Ranged(object), etag)
        }))
    }

    async fn put_converted(&self, media: &MediaId, bytes: Vec<u8>) -> PortResult<String> {
        Objects::put_converted(self, media, bytes).await
    }
}
