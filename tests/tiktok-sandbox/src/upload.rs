//! `FILE_UPLOAD`: bytes in chunks, one after the other, to an upload URL.

use std::io::{Seek, SeekFrom, Write};

use aws_lc_rs::digest;
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Outage, Uploads};
use crate::crypto::{hex, nineteen_digits, random_text};
use crate::faults::Endpoint;
use crate::fetch::{FetchOutcome, Fetched};
use crate::fields::Fields;
use crate::log::Hop;
use crate::media::probe;
use crate::publish::{Post, PostState};
use crate::wire::{Request, Response};
use crate::world::{Effect, Issued, Refusal, Turn, World, bearer};

/// What is kept in memory of one upload; the rest goes to a file that nobody else sees.
const IN_MEMORY: usize = 4_000_000;

/// What an init declares.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UploadPlan {
    size: u64,
    chunk_size: u64,
    chunks: u64,
}

/// An upload task.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    id: u64,
    token: String,
    size: u64,
    chunk_size: u64,
    chunks: u64,
    received: u64,
    expires_at_ms: i64,
}

impl Upload {
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.received == self.size
    }

    /// Where the chunk that begins at `first` ends, exclusively: the last one takes the rest.
    fn chunk_end(&self, first: u64) -> u64 {
        let end = first + self.chunk_size;
        if end >= self.chunks * self.chunk_size { self.size } else { end }
    }
}

/// The bytes so far.
pub(crate) struct Spool {
    file: tempfile::SpooledTempFile,
    hash: digest::Context,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").finish_non_exhaustive()
    }
}

impl Spool {
    fn new() -> Self {
        Self { file: tempfile::SpooledTempFile::new(IN_MEMORY), hash: digest::Context::new(&digest::SHA256) }
    }

    fn write(&mut self, at: u64, chunk: &[u8]) -> std::io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.file.write_all(chunk)?;
        self.hash.update(chunk);
        Ok(())
    }

    fn finish(mut self, bytes: u64) -> FetchOutcome {
        let result = match self.file.seek(SeekFrom::Start(0)) {
            Ok(_) => {
                let found = probe(&mut std::io::BufReader::new(&mut self.file), bytes);
                Ok(Fetched { bytes, sha256: hex(self.hash.finish().as_ref()), probe: found })
            }
            Err(error) => Err(format!("the upload could not be kept: {error}")),
        };
        FetchOutcome { hops: Vec::new(), result }
    }
}

/// Why a PUT is not taken: its status, and the cause for the log.
struct Rejected(u16, String);

impl World {
    /// `source_info` of an upload, by the documented rules and by the stricter one seen in production.
    pub(crate) fn read_plan(&self, info: &Fields<'_>) -> Result<UploadPlan, Refusal> {
        let number = |name| {
            let number = info.int64(name)?.and_then(|number| u64::try_from(number).ok());
            number.filter(|number| *number > 0).ok_or_else(|| info.wrong(name, "is no positive number"))
        };
        let (size, chunk_size) = (number("video_size")?, number("chunk_size")?);
        let chunks = number("total_chunk_count")?;
        let rules = &self.config.uploads;
        if size > self.config.media.max_bytes {
            return Err(Refusal::invalid_params("The video size is invalid"));
        }
        if !fits(rules, size, chunk_size) {
            return Err(Refusal::invalid_params("The chunk size is invalid"));
        }
        let last = size.saturating_sub((size / chunk_size).saturating_sub(1).saturating_mul(chunk_size));
        let counted =
            if rules.chunks_are_counted_with_ceil { size.div_ceil(chunk_size) } else { size / chunk_size };
        if chunks != counted || chunks > rules.max_chunks || last > rules.max_last_chunk {
            return Err(Refusal::invalid_params("The total chunk count is invalid"));
        }
        Ok(UploadPlan { size, chunk_size, chunks })
    }

    pub(crate) fn open_upload(&mut self, plan: UploadPlan, turn: &mut Turn<'_>) -> Upload {
        let token = random_text(turn.rng, 32);
        self.note_issued(Issued::UploadToken, &token);
        let UploadPlan { size, chunk_size, chunks } = plan;
        Upload {
            id: nineteen_digits(turn.rng),
            token,
            size,
            chunk_size,
            chunks,
            received: 0,
            expires_at_ms: turn.now + self.config.uploads.valid_ms,
        }
    }

    pub(crate) fn upload_url(&self, upload: &Upload, request: &Request) -> String {
        let host = request.header_str(header::HOST);
        let base = match &self.config.uploads.base_url {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None if host.is_empty() => "https://open-upload.tiktokapis.com".to_owned(),
            None => format!("http://{host}"),
        };
        let path = Endpoint::Upload.path();
        format!("{base}{path}?upload_id={}&upload_token={}", upload.id, upload.token)
    }

    /// The post that this PUT's URL was given out for.
    pub(crate) fn uploading(&self, request: &Request) -> Option<&Post> {
        let pairs = request.query_pairs();
        let field = |name| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let (id, token) = (field("upload_id")?.parse::<u64>().ok()?, field("upload_token")?);
        self.posts
            .values()
            .find(|post| post.upload.as_ref().is_some_and(|upload| upload.id == id && upload.token == token))
    }

    /// One chunk. Bare statuses: no envelope is documented here.
    pub(crate) fn upload(&mut self, request: &Request, turn: &mut Turn<'_>) -> Response {
        if self.config.outage == Outage::Api {
            turn.call.why = Some("an outage of the API".into());
            return Response::new(500, "text/plain", "");
        }
        let Some(post) = self.uploading(request) else {
            turn.call.why = Some("no upload task has this id and token".into());
            return Response::new(404, "text/plain", "");
        };
        let publish_id = post.publish_id.clone();
        turn.call.publish_id = Some(publish_id.clone());
        turn.call.client_key = Some(post.client_key.clone());
        turn.call.account = Some(post.account.clone());
        let (status, done) = match self.take_chunk(&publish_id, request, turn.now) {
            Ok(done) => {
                "ok".clone_into(&mut turn.call.code);
                (if done { 201 } else { 206 }, done)
            }
            Err(Rejected(status, why)) => {
                turn.call.why = Some(why);
                (status, false)
            }
        };
        let shown = match status {
            206 if self.config.uploads.answers_201_then_200 => 201,
            201 if self.config.uploads.answers_201_then_200 => 200,
            _ => status,
        };
        let response = Response::new(shown, "text/plain", "");
        let response = match self.posts.get(&publish_id).and_then(|post| post.upload.as_ref()) {
            Some(upload) if [201, 206, 416].contains(&status) => {
                response.header(header::CONTENT_RANGE, &progress(&self.config.uploads, upload))
            }
            _ => response,
        };
        if done {
            self.uploaded(&publish_id, turn.now, turn.effects);
        }
        response
    }

    /// Whether this was the last one.
    fn take_chunk(&mut self, publish_id: &str, request: &Request, now: i64) -> Result<bool, Rejected> {
        let forgets = self.config.uploads.forget_when_complete;
        let welcome = self.config.uploads.stored_chunk_is_welcome;
        let Some(post) = self.posts.get_mut(publish_id) else {
            return Err(Rejected(404, "no upload task has this id and token".into()));
        };
        let complete = match post.state {
            PostState::Uploading => false,
            PostState::Failed { .. } => return Err(Rejected(404, "the publication has failed".into())),
            _ if forgets => return Err(Rejected(404, "the upload is complete".into())),
            _ => true,
        };
        let Some(upload) = &mut post.upload else {
            return Err(Rejected(404, "the post is no upload".into()));
        };
        if now >= upload.expires_at_ms {
            return Err(Rejected(403, "the upload URL has expired".into()));
        }
        let (first, end) = chunk_range(upload, request)?;
        if welcome && end <= upload.received && end == upload.chunk_end(first) {
            return Ok(end == upload.size);
        }
        if complete || first != upload.received {
            let why = format!("the chunk begins at {first}, {} bytes are here", upload.received);
            return Err(Rejected(416, why));
        }
        if end != upload.chunk_end(first) {
            let why = format!("the chunk ends before {end}, declared was {}", upload.chunk_end(first));
            return Err(Rejected(400, why));
        }
        if first > 0 && !self.spools.contains_key(publish_id) {
            return Err(Rejected(404, "a restart of the sandbox lost what was here".into()));
        }
        let spool = self.spools.entry(publish_id.into()).or_insert_with(Spool::new);
        spool.write(first, &request.body).map_err(|error| Rejected(500, error.to_string()))?;
        upload.received = end;
        let done = end == upload.size;
        post.fetches.push(Hop {
            method: "PUT".into(),
            range: Some(request.header_str(header::CONTENT_RANGE).into()),
            status: Some(if done { 201 } else { 206 }),
            bytes: end - first,
        });
        Ok(done)
    }

    fn uploaded(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        self.unschedule(&crate::world::Task::UploadDeadline(publish_id.into()));
        let Some(spool) = self.spools.remove(publish_id) else { return };
        let bytes = self.posts.get(publish_id).map_or(0, Post::bytes);
        self.arrived(publish_id, spool.finish(bytes), now);
        effects.extend(self.tick(now));
    }

    pub(crate) fn upload_deadline(&mut self, publish_id: &str, now: i64, effects: &mut Vec<Effect>) {
        if self.posts.get(publish_id).is_none_or(|post| post.state != PostState::Uploading) {
            return;
        }
        self.spools.remove(publish_id);
        if let Some(reason) = self.config.uploads.expired_fail_reason.clone() {
            self.end(publish_id, &reason, "the upload did not end in time", now, effects);
        }
    }
}

/// Whether a chunk may be declared so large for such a file.
fn fits(rules: &Uploads, size: u64, chunk_size: u64) -> bool {
    let whole = chunk_size == size && size <= rules.max_chunk;
    let alone = size / chunk_size <= 1;
    if whole {
        return true;
    }
    let in_bounds = (rules.min_chunk..=rules.max_chunk).contains(&chunk_size) && chunk_size < size;
    let may_be_alone = !rules.single_chunk_is_whole_file && size <= rules.max_chunk;
    in_bounds && (!alone || may_be_alone)
}

/// First byte and the one after the last, of a request whose headers agree with each other, with its body and with
/// the file.
fn chunk_range(upload: &Upload, request: &Request) -> Result<(u64, u64), Rejected> {
    let bad = |why: &str| Rejected(400, why.into());
    if bearer(request).is_some() {
        return Err(bad("an upload URL takes no access token"));
    }
    if !["video/mp4", "video/quicktime", "video/webm"].contains(&request.content_type().as_str()) {
        return Err(bad("the content type is none of a video's"));
    }
    let length = request.body.len() as u64;
    if request.header_str(header::CONTENT_LENGTH).parse() != Ok(length) {
        return Err(bad("Content-Length is missing or is not the body's length"));
    }
    let range = request.header_str(header::CONTENT_RANGE).strip_prefix("bytes ").and_then(|range| {
        let (range, total) = range.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?, total.parse::<u64>().ok()?))
    });
    let (first, last, total) = range.ok_or_else(|| bad("Content-Range is not `bytes FIRST-LAST/TOTAL`"))?;
    if total != upload.size {
        return Err(bad("Content-Range has another total than init declared"));
    }
    if last < first || last >= total || last - first + 1 != length {
        return Err(bad("Content-Range is not the body's length, or goes beyond the file"));
    }
    Ok((first, last + 1))
}

fn progress(rules: &Uploads, upload: &Upload) -> String {
    let shown =
        if rules.progress_is_last_index { upload.received.saturating_sub(1) } else { upload.received };
    format!("bytes 0-{shown}/{}", upload.size)
}

/// A PUT as the log keeps it: without its token and its bytes.
pub(crate) fn seen(request: &Request) -> Value {
    let pairs = request.query_pairs();
    json!({
        "upload_id": pairs.iter().find(|(key, _)| key == "upload_id").map(|(_, value)| value),
        "content_type": request.header_str(header::CONTENT_TYPE),
        "content_range": request.header_str(header::CONTENT_RANGE),
        "bytes": request.body.len(),
    })
}
