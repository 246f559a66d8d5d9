use std::collections::BTreeMap;

use domain::media::{Container, converted_key, upload_key};
use domain::{MediaId, SignedDuration, Timestamp};

use super::lock;
use super::objects::{BASE, MemoryObjects, etag};
use crate::{Joined, Multipart, Part, PortResult, SecretUrl, Upload};

/// An upload in parts.
#[derive(Debug, Clone)]
pub(super) struct Begun {
    media: MediaId,
    container: Container,
    parts: BTreeMap<u32, Vec<u8>>,
}

impl MemoryObjects {
    /// Sends the bytes of a part to its signed URL. `false`: the upload is over, or these are not so many bytes.
    pub fn put_part(&self, upload: &Upload, bytes: Vec<u8>) -> bool {
        let told = upload.headers.iter().find(|(name, _)| name == "content-length");
        let exact = told.is_some_and(|(_, length)| *length == bytes.len().to_string());
        let place =
            upload.url.expose().split_once("?upload=").and_then(|(_, rest)| rest.split_once("&part="));
        let Some((id, number)) = place.and_then(|(id, number)| Some((id, number.parse().ok()?))) else {
            return false;
        };
        let mut begun = lock(&self.begun);
        let upload = begun.get_mut(id).filter(|_| exact);
        upload.map(|upload| upload.parts.insert(number, bytes)).is_some()
    }

    /// The uploads in parts that were begun and are not over, by their ids.
    pub fn unfinished(&self) -> Vec<String> {
        lock(&self.begun).keys().cloned().collect()
    }
}

impl Multipart for MemoryObjects {
    async fn begin_parts(&self, media: &MediaId, container: Container) -> PortResult<String> {
        self.faults.run("begin_parts", || {
            let mut counter = lock(&self.uploads_begun);
            *counter += 1;
            let id = format!("upload-{counter}");
            let upload = Begun { media: media.clone(), container, parts: BTreeMap::new() };
            lock(&self.begun).insert(id.clone(), upload);
            Ok(id)
        })
    }

    async fn sign_part(
        &self,
        media: &MediaId,
        upload_id: &str,
        (number, size): (u32, u64),
        valid: SignedDuration,
        now: Timestamp,
    ) -> PortResult<Upload> {
        self.faults.run("sign_part", || {
            let url = format!("{BASE}{}?upload={upload_id}&part={number}", upload_key(media));
            let headers = vec![("content-length".to_owned(), size.to_string())];
            Ok(Upload { url: SecretUrl::new(url), headers, expires_at: now + valid })
        })
    }

    async fn parts(&self, _: &MediaId, upload_id: &str) -> PortResult<Option<Vec<Part>>> {
        self.faults.run("parts", || {
            let begun = lock(&self.begun);
            let part = |(number, bytes): (&u32, &Vec<u8>)| Part {
                number: *number,
                size: bytes.len() as u64,
                etag: etag(bytes),
            };
            Ok(begun.get(upload_id).map(|upload| upload.parts.iter().map(part).collect()))
        })
    }

    async fn join_parts(&self, _: &MediaId, upload_id: &str, parts: &[Part]) -> PortResult<Joined> {
        self.faults.run("join_parts", || {
            let Some(upload) = lock(&self.begun).remove(upload_id) else { return Ok(Joined::Gone) };
            let bytes = parts.iter().filter_map(|part| upload.parts.get(&part.number)).flatten().copied();
            Ok(Joined::Done(self.put(
                &upload_key(&upload.media),
                upload.container,
                bytes.collect::<bytes::Bytes>(),
            )))
        })
    }

    async fn abort_parts(&self, _: &MediaId, upload_id: &str) -> PortResult<()> {
        self.faults.run("abort_parts", || {
            lock(&self.begun).remove(upload_id);
            Ok(())
        })
    }

    async fn uploaded(&self, media: &MediaId) -> PortResult<Option<u64>> {
        self.faults
            .run("uploaded", || Ok(self.object(&upload_key(media)).map(|object| object.bytes.len() as u64)))
    }

    async fn delete_upload(&self, media: &MediaId) -> PortResult<()> {
        self.faults.run("delete_upload", || {
            self.remove(&upload_key(media));
            self.remove(&converted_key(media));
            Ok(())
        })
    }
}
