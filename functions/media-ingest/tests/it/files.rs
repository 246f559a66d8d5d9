//! The files beside the tests, and what other programs say of them.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use media_ingest::probe::RangedRead;
use serde::Deserialize;

/// A source that counts, and that may be far longer than what is kept of it: the rest is zeros.
pub(crate) struct Counting {
    pub(crate) pieces: Vec<(u64, Bytes)>,
    pub(crate) size: u64,
    pub(crate) requests: u32,
    pub(crate) bytes: u64,
}

impl Counting {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self { size: bytes.len() as u64, pieces: vec![(0, bytes)], requests: 0, bytes: 0 }
    }

    pub(crate) fn file(name: &str) -> Self {
        Self::whole(media(name))
    }
}

impl RangedRead for Counting {
    type Error = std::io::Error;

    async fn read(&mut self, offset: u64, len: u64) -> Result<Bytes, Self::Error> {
        assert!(len > 0 && offset + len <= self.size, "asked for {len} bytes at {offset} of {}", self.size);
        self.requests += 1;
        self.bytes += len;
        if let [(0, only)] = self.pieces.as_slice()
            && only.len() as u64 == self.size
        {
            return Ok(only.slice(to_usize(offset)..to_usize(offset + len)));
        }
        let mut answer = vec![0; to_usize(len)];
        for (start, piece) in &self.pieces {
            let from = (*start).max(offset);
            let to = (start + piece.len() as u64).min(offset + len);
            if from < to {
                answer[to_usize(from - offset)..to_usize(to - offset)]
                    .copy_from_slice(&piece[to_usize(from - start)..to_usize(to - start)]);
            }
        }
        Ok(answer.into())
    }

    fn size(&self) -> u64 {
        self.size
    }
}

fn to_usize(number: u64) -> usize {
    number.try_into().unwrap()
}

pub(crate) fn media(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media").join(name)).unwrap()
}

/// These sources never wait.
pub(crate) fn now<T>(future: impl Future<Output = T> + Send) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/media")
}

/// One line of `manifest.json`, which `describe.py` writes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) file: String,
    pub(crate) kind: String,
    /// The rule that says why nothing can be told of it.
    pub(crate) refused: Option<String>,
    pub(crate) found: Option<Found>,
    #[serde(default)]
    pub(crate) problems: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Found {
    Video {
        container: String,
        codec: String,
        duration_ms: u64,
        frame_rate: String,
        width: u32,
        height: u32,
        rotation: u16,
        audio: bool,
    },
    Photo {
        format: String,
        width: u32,
        height: u32,
        orientation: u8,
    },
}

pub(crate) fn manifest() -> Vec<Entry> {
    serde_json::from_slice(&media("manifest.json")).unwrap()
}
