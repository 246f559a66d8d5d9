//! Media: declare, and read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::media::{Container, Declared, MediaKind};
use domain::way::Way;
use domain::{CreatorId, Media, MediaId, Problem, Scope, Timestamp};
use http::{StatusCode, header};
use ports::{Clock, Created, Creators, Entropy, MediaRows};
use serde_json::Value;

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::auth::Caller;
use crate::crypto;
use crate::fields::Problems;
use crate::posts::{key_reused, no_such_creator, status_problem};
use crate::refusal::Refusal;
use crate::{Api, Outside, view};

const ROUTE: &str = "POST /v1/media";
/// TikTok's limit for every creator (Content Posting API, Media Transfer Guide); each has a limit of their own besides.
const DURATION_MAX_MS: u64 = 600_000;

struct Draft {
    declared: Option<Declared>,
    in_parts: bool,
    duration_ms: Option<u64>,
    creator: Option<CreatorId>,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn declare_media(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::MediaWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let key = ask.idempotency_key().unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let body = ask.json().await?;
        let draft = draft(&body, &problems);
        if let Some(creator) = &draft.creator {
            self.refuse_early(&caller, creator, draft.duration_ms, &problems).await?;
        }
        let (Some(declared), true) = (draft.declared, problems.is_empty()) else {
            return Err(Refusal::invalid(problems.take()));
        };
        let id = match &key {
            Some(key) => {
                MediaId::from_bits(self.derived(now, &[caller.workspace.as_str(), ROUTE, key]).await?)
            }
            None => MediaId::from_bits(uuid_v7(now, &self.time.random())),
        };
        let way = if draft.in_parts { Way::parts(declared.size) } else { Way::Put };
        let media = Media { way, ..Media::declare(id, caller.workspace, declared, now, &self.periods) };
        let (media, replayed) = match self.store.declare(&media, self.time.nonce()).await? {
            Created::New(stored) => (stored.row, false),
            Created::Existed(stored)
                if stored.row.declared == media.declared && stored.row.way.is_like(&media.way) =>
            {
                (stored.row, true)
            }
            Created::Existed(_) => return Err(key_reused()),
        };
        let upload = self.upload_of(&media, now).await?;
        let response = answer::json(StatusCode::CREATED, &view::media(&media, upload));
        let response = with_header(response, header::LOCATION, &format!("/v1/media/{}", media.id));
        Ok(if replayed { with_header(response, REPLAYED, "true") } else { response })
    }

    /// What a creator and a duration, given before the upload, say already.
    async fn refuse_early(
        &self,
        caller: &Caller,
        creator: &CreatorId,
        duration_ms: Option<u64>,
        problems: &Problems,
    ) -> Result<(), Refusal> {
        let creator =
            self.store.creator(creator).await?.filter(|creator| creator.workspace == caller.workspace);
        let Some(creator) = creator else {
            problems.push(no_such_creator());
            return Ok(());
        };
        if let Some(problem) = status_problem(creator.status) {
            problems.push(problem);
            return Ok(());
        }
        let Some(found) = duration_ms else { return Ok(()) };
        let limit = |seconds: u32| u64::from(seconds) * 1_000;
        let mut most = limit(creator.info.max_video_post_duration_sec);
        if found > most {
            // what TikTok said before may have changed
            if let Ok((info, _)) = self.fresh_creator_info(&creator).await {
                most = limit(info.max_video_post_duration_sec);
            }
        }
        if found > most {
            problems.add([too_long(found, most)]);
        }
        Ok(())
    }

    pub(crate) async fn read_media(&self, ask: Ask) -> Answered {
        let (_, media) = self.asked_media(&ask, Scope::MediaRead).await?;
        Ok(answer::json(StatusCode::OK, &view::media(&media.row, None)))
    }
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn too_long(found: u64, most: u64) -> Problem {
    Problem::new(
        "/duration_ms",
        "video.duration.max",
        format!("the video is {found} ms long, at most {most} ms can be posted"),
        "shorten the video",
    )
}

fn draft(body: &Value, problems: &Problems) -> Draft {
    let mut fields = problems.body(body);
    let kind = match fields.word("kind", &["video", "photo"], "send `video` or `photo`") {
        Some("photo") => MediaKind::Photo,
        _ => MediaKind::Video,
    };
    let convert = fields.boolean("convert");
    if convert && kind == MediaKind::Video {
        problems.push(Problem::new(
            fields.pointer("convert"),
            "convert.video",
            "videos are not converted",
            "leave `convert` away, and export the video as MP4 with H.264",
        ));
    }
    let types = types(kind);
    let container = fields.required_text("content_type", types).and_then(|text| {
        let container = Container::from_content_type(text).filter(|it| it.kind() == kind);
        if container.is_none() {
            let found: String = text.chars().take(80).collect();
            problems.push(Problem::new(
                fields.pointer("content_type"),
                "media.content_type",
                format!("`{found}` is not a {} that TikTok takes", kind.as_str()),
                types,
            ));
        }
        container
    });
    if container == Some(Container::Png) && !convert {
        problems.push(Problem::new(
            fields.pointer("content_type"),
            "photo.format",
            "TikTok takes no PNG pictures, only JPEG and WebP",
            "send `convert: true` to have it made into a JPEG, or export it as one",
        ));
    }
    let size = size(&mut fields, problems, kind, convert);
    let in_parts = fields.word("upload", &["put", "multipart"], "leave it out, or send `multipart`")
        == Some("multipart");
    let sha256 = fields.text("sha256").map(str::to_owned);
    if in_parts && sha256.is_some() {
        problems.push(Problem::new(
            fields.pointer("sha256"),
            "media.sha256.parts",
            "S3 checks no SHA-256 of a file that comes in parts",
            "leave `sha256` out, or leave `upload` out",
        ));
    }
    if let Some(text) = &sha256
        && !STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
    {
        problems.push(Problem::new(
            fields.pointer("sha256"),
            "media.sha256",
            "`sha256` is not the base64 of 32 bytes",
            "send the SHA-256 of the file in base64: `openssl dgst -sha256 -binary FILE | base64`",
        ));
    }
    let duration_ms = fields.number("duration_ms", 1, u64::from(u32::MAX));
    if duration_ms.is_some() && kind == MediaKind::Photo {
        problems.push(Problem::new(
            fields.pointer("duration_ms"),
            "photo.duration",
            "a photo has no duration",
            "leave `duration_ms` away",
        ));
    }
    if let Some(found) = duration_ms.filter(|found| *found > DURATION_MAX_MS) {
        problems.push(too_long(found, DURATION_MAX_MS));
    }
    let creator = fields.id("creator");
    fields.done();
    let declared = container.zip(size).map(|(container, size)| Declared { container, size, sha256, convert });
    Draft { declared, in_parts, duration_ms, creator }
}

const fn types(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Video => "send `video/mp4`, `video/quicktime` or `video/webm`",
        MediaKind::Photo => "send `image/jpeg` or `image/webp`, or `image/png` to have it converted",
    }
}

fn size(
    fields: &mut crate::fields::Fields<'_>,
    problems: &Problems,
    kind: MediaKind,
    convert: bool,
) -> Option<u64> {
    let most = kind.max_bytes(convert);
    let size = fields.number("size", 1, u64::MAX);
    let pointer = fields.pointer("size");
    match size {
        Some(found) if found > most => {
            problems.push(Problem::new(
                pointer,
                format!("{}.size.max", kind.as_str()),
                format!("the {} has {found} bytes, at most {most} are allowed", kind.as_str()),
                match kind {
                    MediaKind::Video => "export the video at a lower bitrate",
                    MediaKind::Photo => "export the photo with a lower quality, or smaller",
                },
            ));
            None
        }
        None if !problems.covers(&pointer) => {
            fields.require("size", "send the size of the file in bytes");
            None
        }
        size => size,
    }
}

/// A UUID of version 7: ids made one after the other sort so.
pub(crate) fn uuid_v7(now: Timestamp, random: &[u8; 32]) -> u128 {
    let millis = u128::from(now.as_millisecond().unsigned_abs()) & ((1 << 48) - 1);
    let random = crypto::id_bits(random);
    let (random_a, random_b) = ((random >> 64) & 0xfff, random & ((1 << 62) - 1));
    millis << 80 | 0x7 << 76 | random_a << 64 | 0b10 << 62 | random_b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_without_a_key_sort_by_time_and_bear_their_version() {
        let at = |ms| Timestamp::from_millisecond(ms).unwrap();
        let (early, late) =
            (uuid_v7(at(1_700_000_000_000), &[0xff; 32]), uuid_v7(at(1_700_000_000_001), &[0; 32]));
        assert!(early < late);
        assert_eq!([7, 0b10], [(late >> 76) & 0xf, (late >> 62) & 0b11]);
        assert_eq!(1_700_000_000_001, late >> 80);
    }
}
