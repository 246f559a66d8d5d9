//! A file in memory, and what must hold for every one.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::parsers::probe::RangedRead;

pub struct Held {
    bytes: Bytes,
    requests: u32,
    read: u64,
}

impl Held {
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: Bytes::copy_from_slice(bytes), requests: 0, read: 0 }
    }

    /// What one look may cost.
    pub fn assert_cheap(&self) {
        assert!(self.requests <= 64, "{} requests", self.requests);
        assert!(self.read <= 8 * 1024 * 1024, "{} bytes", self.read);
    }
}

impl RangedRead for Held {
    type Error = std::io::Error;

    async fn read(&mut self, offset: u64, len: u64) -> Result<Bytes, Self::Error> {
        let (from, to) = (offset as usize, (offset + len) as usize);
        assert!(len > 0 && to <= self.bytes.len(), "{len} bytes at {offset} of {}", self.bytes.len());
        self.requests += 1;
        self.read += len;
        Ok(self.bytes.slice(from..to))
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// These sources never wait.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("it waits"),
    }
}
