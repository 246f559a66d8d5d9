//! The fetcher: really pulls the bytes, hashes them and looks at them.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use aws_lc_rs::digest;
use http::{StatusCode, header};
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::config::is_loopback;
use crate::crypto::{hex, sha256_hex};
use crate::log::Hop;
use crate::media::{Probe, probe};

/// How to pull.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchRules {
    pub head_first: bool,
    pub use_range: u64,
    pub refuse_query: bool,
    pub limit_ms: i64,
    pub max_bytes: u64,
    pub plain_http_on_loopback: bool,
}

/// How the pull went: every request made, and the bytes or why there are none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FetchOutcome {
    pub hops: Vec<Hop>,
    pub result: Result<Fetched, String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    pub bytes: u64,
    pub sha256: String,
    pub probe: Probe,
}

impl FetchOutcome {
    /// One good GET of these bytes, for whoever has no network.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let found = probe(&mut std::io::Cursor::new(bytes), bytes.len() as u64);
        Self::of(bytes.len() as u64, sha256_hex(bytes), found)
    }

    /// One good GET of bytes that somebody else looked at.
    pub fn of(bytes: u64, sha256: String, probe: Probe) -> Self {
        let hop = Hop { method: "GET".into(), range: None, status: Some(200), bytes };
        Self { hops: vec![hop], result: Ok(Fetched { bytes, sha256, probe }) }
    }

    /// One GET that was answered so, or not at all.
    pub fn failed(status: Option<u16>, why: &str) -> Self {
        let hop = Hop { method: "GET".into(), range: None, status, bytes: 0 };
        Self { hops: vec![hop], result: Err(why.into()) }
    }
}

/// Pulls `url` by the rules. The client must not follow redirects.
pub async fn fetch(client: &Client, url: &str, rules: &FetchRules) -> FetchOutcome {
    let mut hops = Vec::new();
    let limit = Duration::from_millis(u64::try_from(rules.limit_ms).unwrap_or(0));
    let result = match tokio::time::timeout(limit, pull(client, url, rules, &mut hops)).await {
        Ok(result) => result,
        Err(_) => Err("the download took longer than allowed".into()),
    };
    FetchOutcome { hops, result }
}

async fn pull(
    client: &Client,
    url: &str,
    rules: &FetchRules,
    hops: &mut Vec<Hop>,
) -> Result<Fetched, String> {
    let url = Url::parse(url).map_err(|error| format!("the URL is none: {error}"))?;
    if url.scheme() != "https" && !(rules.plain_http_on_loopback && is_loopback(&url)) {
        return Err("the URL is not https".into());
    }
    if rules.refuse_query && url.query().is_some() {
        return Err("the fetcher refuses a query".into());
    }
    if rules.head_first {
        hops.push(Hop { method: "HEAD".into(), ..Hop::default() });
        let answer = client.head(url.clone()).send().await.map_err(|error| cause(&error))?;
        note(hops, |hop| hop.status = Some(answer.status().as_u16()));
        if answer.status() != StatusCode::OK {
            return Err(format!("HEAD was answered {}", answer.status().as_u16()));
        }
    }
    let file = tempfile::tempfile().map_err(|error| format!("no room for the download: {error}"))?;
    let mut sink =
        Sink { file, hash: digest::Context::new(&digest::SHA256), bytes: 0, most: rules.max_bytes };
    if rules.use_range > 0 {
        pull_ranges(client, &url, rules.use_range, &mut sink, hops).await?;
    } else {
        hops.push(Hop { method: "GET".into(), ..Hop::default() });
        let answer = client.get(url).send().await.map_err(|error| cause(&error))?;
        note(hops, |hop| hop.status = Some(answer.status().as_u16()));
        if answer.status() != StatusCode::OK {
            return Err(format!("GET was answered {}", answer.status().as_u16()));
        }
        drain(answer, &mut sink, hops).await?;
    }
    sink.finish()
}

async fn pull_ranges(
    client: &Client,
    url: &Url,
    step: u64,
    sink: &mut Sink,
    hops: &mut Vec<Hop>,
) -> Result<(), String> {
    loop {
        let range = format!("bytes={}-{}", sink.bytes, sink.bytes + step - 1);
        hops.push(Hop { method: "GET".into(), range: Some(range.clone()), ..Hop::default() });
        let request = client.get(url.clone()).header(header::RANGE, range);
        let answer = request.send().await.map_err(|error| cause(&error))?;
        note(hops, |hop| hop.status = Some(answer.status().as_u16()));
        if answer.status() == StatusCode::OK && sink.bytes == 0 {
            // Ranges are optional for a server.
            return drain(answer, sink, hops).await;
        }
        if answer.status() != StatusCode::PARTIAL_CONTENT {
            return Err(format!("a range was answered {}", answer.status().as_u16()));
        }
        let value = answer.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let total = value.and_then(|value| value.rsplit('/').next()?.parse::<u64>().ok());
        let total = total.ok_or("a range was answered without Content-Range")?;
        let before = sink.bytes;
        drain(answer, sink, hops).await?;
        if sink.bytes >= total {
            return Ok(());
        }
        if sink.bytes == before {
            return Err("a range was answered with nothing".into());
        }
    }
}

async fn drain(mut answer: Response, sink: &mut Sink, hops: &mut [Hop]) -> Result<(), String> {
    while let Some(chunk) = answer.chunk().await.map_err(|error| cause(&error))? {
        sink.write(&chunk)?;
        if let Some(hop) = hops.last_mut() {
            hop.bytes += chunk.len() as u64;
        }
    }
    Ok(())
}

fn note(hops: &mut [Hop], change: impl FnOnce(&mut Hop)) {
    if let Some(hop) = hops.last_mut() {
        change(hop);
    }
}

/// The URL stays out of it: it may be a presigned one.
fn cause(error: &reqwest::Error) -> String {
    let mut text =
        if error.is_connect() { "the connection failed" } else { "the connection broke" }.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}

struct Sink {
    file: std::fs::File,
    hash: digest::Context,
    bytes: u64,
    most: u64,
}

impl Sink {
    fn write(&mut self, chunk: &[u8]) -> Result<(), String> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.most {
            return Err(format!("the file has more than {} bytes", self.most));
        }
        self.hash.update(chunk);
        self.file.write_all(chunk).map_err(|error| format!("the download could not be kept: {error}"))
    }

    fn finish(mut self) -> Result<Fetched, String> {
        let rewound = self.file.seek(SeekFrom::Start(0));
        rewound.map_err(|error| format!("the download could not be kept: {error}"))?;
        let found = probe(&mut std::io::BufReader::new(self.file), self.bytes);
        Ok(Fetched { bytes: self.bytes, sha256: hex(self.hash.finish().as_ref()), probe: found })
    }
}
