//! `/v2/video/list/`: what everybody can see of a creator, newest first.

use rand::RngCore;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::crypto::nineteen_digits;
use crate::faults::Endpoint;
use crate::fields::Fields;
use crate::media::Probe;
use crate::publish::{Post, PostState, json_body, share_url};
use crate::wire::Request;
use crate::world::{Refusal, Turn, World};

const FIELDS: [&str; 16] = [
    "id",
    "create_time",
    "cover_image_url",
    "share_url",
    "video_description",
    "duration",
    "height",
    "width",
    "title",
    "embed_html",
    "embed_link",
    "like_count",
    "comment_count",
    "share_count",
    "view_count",
    "is_aigc",
];

/// A public video.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Film {
    id: u64,
    created_at_ms: i64,
    caption: String,
    duration_ms: i64,
    width: u32,
    height: u32,
    is_aigc: bool,
    #[serde(default)]
    is_photo: bool,
}

impl Film {
    pub(crate) fn of(post: &Post) -> Option<Self> {
        let PostState::Complete { removed: false, .. } = post.state else { return None };
        post.public_since_ms?;
        let (duration_ms, width, height, is_photo) = match post.media.as_ref()? {
            Probe::Video(video) => (video.duration_ms, video.width, video.height, false),
            Probe::Photo(photo) => (0, photo.width, photo.height, true),
            Probe::Nothing { .. } => return None,
        };
        Some(Self {
            id: post.id,
            created_at_ms: post.completed_at_ms?,
            caption: post.title.clone(),
            duration_ms,
            width,
            height,
            is_aigc: post.is_aigc,
            is_photo,
        })
    }

    /// In seconds, the unit of everything that the list tells.
    fn create_time(&self) -> i64 {
        self.created_at_ms.div_euclid(1_000)
    }

    fn field(&self, name: &str, handle: &str, client_key: &str) -> Value {
        let id = self.id;
        match name {
            "id" => json!(id.to_string()),
            "create_time" => json!(self.create_time()),
            "cover_image_url" => {
                json!(format!("https://p16-sign.tiktokcdn.com/cover-{id}.jpeg?x-expires=21600"))
            }
            "share_url" => {
                let url = share_url(handle, self.is_photo, id);
                json!(format!("{url}?utm_campaign=tt4d_open_api&utm_source={client_key}"))
            }
            "video_description" | "title" => json!(at_most_150(&self.caption)),
            "duration" => json!(self.duration_ms / 1_000),
            "height" => json!(self.height),
            "width" => json!(self.width),
            "embed_link" => json!(format!("https://www.tiktok.com/player/v1/{id}")),
            "embed_html" => json!(format!("<blockquote data-video-id=\"{id}\"></blockquote>")),
            "is_aigc" => json!(self.is_aigc),
            _ => json!(0),
        }
    }
}

/// The beginning of a caption, in UTF-16 code units, without half a character at its end.
fn at_most_150(caption: &str) -> String {
    let mut units = 0;
    let fits = |letter: &char| {
        units += letter.len_utf16();
        units <= 150
    };
    caption.chars().take_while(fits).collect()
}

impl World {
    pub(crate) fn video_list(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let caller = self.admit(Endpoint::VideoList, request, &["video.list"], turn)?;
        let pairs = request.query_pairs();
        let fields = pairs.iter().find(|(key, _)| key == "fields").map_or("", |(_, value)| value);
        if fields.is_empty() {
            return Err(Refusal::invalid_params("Fields is required"));
        }
        if let Some(unknown) = fields.split(',').find(|field| !FIELDS.contains(field)) {
            return Err(Refusal::invalid_params(format!("Fields is invalid: {unknown}")));
        }
        let body = json_body(request)?;
        let body = Fields::of_body(&body)?;
        if !self.config.ignore_unknown_fields {
            body.only(&["cursor", "max_count"])?;
        }
        let max_count = body.int64("max_count")?.unwrap_or(10);
        let Some(max_count) = usize::try_from(max_count).ok().filter(|count| (1..=20).contains(count)) else {
            return Err(body.wrong("max_count", "is not in 1 to 20"));
        };
        let before = body.int64("cursor")?.unwrap_or(i64::MAX);
        if before < 0 {
            return Err(body.wrong("cursor", "is negative"));
        }

        let mut films = self.public_films(&caller.account)?;
        films.retain(|film| film.create_time() * 1_000 < before);
        let has_more = films.len() > max_count;
        films.truncate(max_count);
        let cursor = films.last().map_or(before.min(turn.now), |film| film.create_time() * 1_000);
        let videos: Vec<Value> = films
            .iter()
            .map(|film| {
                let pairs = fields
                    .split(',')
                    .map(|field| (field.to_owned(), film.field(field, &caller.account, &caller.client_key)));
                Value::Object(pairs.collect::<Map<_, _>>())
            })
            .collect();
        Ok(json!({ "videos": videos, "cursor": cursor, "has_more": has_more }))
    }

    /// Newest first. A private account has none, whatever the videos' own level.
    fn public_films(&self, handle: &str) -> Result<Vec<Film>, Refusal> {
        let gone = || Refusal::new(401, "access_token_invalid", "the account is gone");
        if self.config.accounts.get(handle).ok_or_else(gone)?.private {
            return Ok(Vec::new());
        }
        let posts = self.posts.values().filter(|post| post.account == handle);
        let mut films: Vec<Film> = posts.filter_map(Film::of).collect();
        films.extend(self.films.get(handle).into_iter().flatten().cloned());
        films.retain(|film| !film.is_photo || self.config.photos_are_listed);
        films.sort_by_key(|film| std::cmp::Reverse((film.created_at_ms, film.id)));
        Ok(films)
    }

    /// A public video that this account made by another way than our API: in the app, or through another client.
    /// Gives its id. [`World::posted_elsewhere`] counts it besides, if it came through another client.
    pub fn filmed_elsewhere(
        &mut self,
        account: &str,
        caption: &str,
        duration_ms: i64,
        now_ms: i64,
        rng: &mut impl RngCore,
    ) -> u64 {
        let id = nineteen_digits(rng);
        self.films.entry(account.into()).or_default().push(Film {
            id,
            created_at_ms: now_ms,
            caption: caption.into(),
            duration_ms,
            width: 720,
            height: 1_280,
            is_aigc: false,
            is_photo: false,
        });
        id
    }
}
