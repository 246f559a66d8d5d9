use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use domain::account::Tokens;
use domain::media::{Container, converted_key, upload_key};
use domain::{AccountId, MediaId, SignedDuration, Timestamp};

use super::parts::Begun;
use super::{Faults, ManualClock, fails_on_purpose, lock};
use crate::{Clock, Copied, FetchLog, Objects, PortResult, Rescue, SecretUrl, Upload};

/// What the URLs of this bucket start with.
pub(super) const BASE: &str = "https://bucket.invalid/";

/// An object in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type.
    pub content_type: String,
    /// Derived from the bytes, with quotes, as S3 writes it.
    pub etag: String,
}

/// The media bucket in memory.
#[derive(Debug, Clone)]
pub struct MemoryObjects {
    pub(super) faults: Faults,
    pub(super) objects: Arc<Mutex<BTreeMap<String, StoredObject>>>,
    /// When what lies in the drop folder came.
    pub(super) dropped: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    /// Uploads in parts that are not over.
    pub(super) begun: Arc<Mutex<BTreeMap<String, Begun>>>,
    pub(super) uploads_begun: Arc<Mutex<u32>>,
    rescued: Arc<Mutex<BTreeMap<(AccountId, u64), Tokens>>>,
    log: Arc<Mutex<Log>>,
    time: Option<ManualClock>,
}

/// Who asked for what, if anybody keeps account.
#[derive(Debug, Default)]
struct Log {
    /// How late it is; `None`: there is none.
    delay: Option<SignedDuration>,
    asked: Vec<(Timestamp, String)>,
}

fails_on_purpose!(MemoryObjects);

impl MemoryObjects {
    /// An empty bucket without a clock: nothing can be fenced.
    pub fn new() -> Self {
        let faults = Faults::of(&[
            "sign_upload",
            "put_upload",
            "put_converted",
            "copy_for_attempt",
            "delete_copy",
            "read_upload",
            "fence",
            "sign_download",
            "keep",
            "kept",
            "forget",
            "publish_file",
            "complete_until",
            "was_asked_for",
            "dropped",
            "read",
            "take",
            "told",
            "tell",
            "take_back",
            "begin_parts",
            "sign_part",
            "parts",
            "join_parts",
            "abort_parts",
            "uploaded",
            "delete_upload",
        ]);
        Self {
            faults,
            objects: Arc::default(),
            dropped: Arc::default(),
            begun: Arc::default(),
            uploads_begun: Arc::default(),
            rescued: Arc::default(),
            log: Arc::default(),
            time: None,
        }
    }

    /// An empty bucket.
    pub fn at(time: ManualClock) -> Self {
        Self { time: Some(time), ..Self::new() }
    }

    /// Puts an object, as an uploader would by a signed URL; gives its entity tag.
    pub fn put(&self, key: &str, container: Container, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let etag = etag(&bytes);
        let content_type = container.content_type().to_owned();
        lock(&self.objects).insert(key.to_owned(), StoredObject { bytes, content_type, etag: etag.clone() });
        etag
    }

    /// An object.
    pub fn object(&self, key: &str) -> Option<StoredObject> {
        lock(&self.objects).get(key).cloned()
    }

    /// The object that a signed URL of this bucket, or `https://<any host>/<key>`, leads to.
    pub fn fetch(&self, url: &str) -> Option<StoredObject> {
        self.object(&key_of(url)?)
    }

    /// From now on requests are logged, and the log shows them after `delay`, by this clock.
    pub fn keep_log(&self, delay: SignedDuration) {
        lock(&self.log).delay = Some(delay);
    }

    pub(super) fn clock(&self) -> Option<Timestamp> {
        self.time.as_ref().map(Clock::now)
    }

    /// Somebody asks for an object at `now`, whether it is there or not.
    pub fn asked(&self, url: &str, now: Timestamp) {
        let mut log = lock(&self.log);
        if log.delay.is_some() {
            log.asked.extend(key_of(url).map(|key| (now, key)));
        }
    }

    /// Removes an object.
    pub fn remove(&self, key: &str) {
        lock(&self.objects).remove(key);
    }

    /// All keys, in order.
    pub fn keys(&self) -> Vec<String> {
        lock(&self.objects).keys().cloned().collect()
    }
}

impl Default for MemoryObjects {
    fn default() -> Self {
        Self::new()
    }
}

fn key_of(url: &str) -> Option<String> {
    let path = url.split_once("://")?.1.split_once('/')?.1;
    path.split(['?', '#']).next().map(str::to_owned)
}

pub(super) fn etag(bytes: &[u8]) -> String {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for chunk in bytes.chunks(16) {
        let mut word = [0; 16];
        word[..chunk.len()].copy_from_slice(chunk);
        let word = u128::from_le_bytes(word) ^ (chunk.len() as u128);
        hash = (hash ^ word).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b).rotate_left(29);
    }
    format!("\"{hash:032x}\"")
}

impl Objects for MemoryObjects {
    async fn sign_upload(
        &self,
        media: &MediaId,
        container: Container,
        size: u64,
        sha256_base64: Option<&str>,
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload> {
        self.faults.run("sign_upload", || {
            let mut headers = vec![
                ("content-length".to_owned(), size.to_string()),
                ("content-type".to_owned(), container.content_type().to_owned()),
            ];
            if let Some(sha256) = sha256_base64 {
                headers.push(("x-amz-checksum-sha256".to_owned(), sha256.to_owned()));
            }
            let url = SecretUrl::new(format!("{BASE}{}?signed=put", upload_key(media)));
            Ok(Upload { url, headers, expires_at: now + valid })
        })
    }

    async fn put_upload(&self, media: &MediaId, container: Container, bytes: Vec<u8>) -> PortResult<String> {
        self.faults.run("put_upload", || Ok(self.put(&upload_key(media), container, bytes)))
    }

    async fn put_converted(&self, media: &MediaId, bytes: Vec<u8>) -> PortResult<String> {
        self.faults.run("put_converted", || Ok(self.put(&converted_key(media), Container::Jpeg, bytes)))
    }

    async fn copy_for_attempt(
        &self,
        media: &MediaId,
        etag: &str,
        key: &str,
        content_type: &'static str,
    ) -> PortResult<Copied> {
        self.faults.run("copy_for_attempt", || {
            let mut objects = lock(&self.objects);
            let found = [upload_key(media), converted_key(media)]
                .iter()
                .find_map(|key| objects.get(key).filter(|object| object.etag == etag))
                .cloned();
            Ok(match found {
                Some(object) => {
                    let content_type = content_type.to_owned();
                    objects.insert(key.to_owned(), StoredObject { content_type, ..object });
                    Copied::Done
                }
                None => Copied::Changed,
            })
        })
    }

    async fn read_upload(&self, media: &MediaId, etag: &str, range: Range<u64>) -> PortResult<Option<Bytes>> {
        self.faults.run("read_upload", || {
            let object = self.object(&upload_key(media)).filter(|object| object.etag == etag);
            let at = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            Ok(object.map(|object| object.bytes.slice(at(range.start)..at(range.end))))
        })
    }

    async fn fence(&self, key: &str) -> PortResult<Timestamp> {
        self.faults.run("fence", || {
            self.remove(key);
            Ok(self.clock().unwrap_or_default())
        })
    }

    async fn delete_copy(&self, key: &str) -> PortResult<()> {
        self.faults.run("delete_copy", || {
            self.remove(key);
            Ok(())
        })
    }

    async fn publish_file(&self, name: &str, content: &str) -> PortResult<()> {
        self.faults.run("publish_file", || {
            let bytes = Bytes::copy_from_slice(content.as_bytes());
            let etag = etag(&bytes);
            let object = StoredObject { bytes, content_type: "text/plain".to_owned(), etag };
            let mut objects = lock(&self.objects);
            objects.insert(name.to_owned(), object.clone());
            objects.insert(format!("m/{name}"), object);
            Ok(())
        })
    }

    async fn sign_download(&self, key: &str, _valid: SignedDuration) -> PortResult<SecretUrl> {
        self.faults.run("sign_download", || Ok(SecretUrl::new(format!("{BASE}{key}?signed=get"))))
    }
}

impl FetchLog for MemoryObjects {
    async fn complete_until(&self) -> PortResult<Option<Timestamp>> {
        self.faults.run("complete_until", || {
            let log = lock(&self.log);
            Ok(log.delay.zip(self.clock()).map(|(delay, now)| now - delay))
        })
    }

    async fn was_asked_for(&self, key: &str, _claimed_at: Timestamp) -> PortResult<bool> {
        self.faults.run("was_asked_for", || {
            let log = lock(&self.log);
            let shown = log.delay.zip(self.clock()).map(|(delay, now)| now - delay);
            Ok(log.asked.iter().any(|(at, asked)| asked == key && shown.is_some_and(|shown| *at <= shown)))
        })
    }
}

impl Rescue for MemoryObjects {
    async fn keep(&self, account: &AccountId, tokens: &Tokens) -> PortResult<()> {
        self.faults.run("keep", || {
            lock(&self.rescued).insert((account.clone(), tokens.epoch), tokens.clone());
            Ok(())
        })
    }

    async fn kept(&self, account: &AccountId, epoch: u64) -> PortResult<Option<Tokens>> {
        self.faults.run("kept", || Ok(lock(&self.rescued).get(&(account.clone(), epoch)).cloned()))
    }

    async fn forget(&self, account: &AccountId, epoch: u64) -> PortResult<()> {
        self.faults.run("forget", || {
            lock(&self.rescued).remove(&(account.clone(), epoch));
            Ok(())
        })
    }
}
