//! `/v2/post/publish/content/init/`: photos, posted directly or into the inbox.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::config::{AigcPlace, PhotoRules};
use crate::crypto::{nineteen_digits, sha256_hex};
use crate::faults::Endpoint;
use crate::fetch::Fetched;
use crate::fields::Fields;
use crate::publish::{Post, check_owned, json_body, offered, read_level, visibility};
use crate::wire::Request;
use crate::world::{Caller, Refusal, Turn, World};

/// Drafts of photos need this version of TikTok on the creator's phone.
const DRAFTS_SINCE: [u32; 2] = [31, 8];

/// What photos have and a video has not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Carousel {
    pub description: String,
    pub auto_add_music: bool,
    pub cover_index: usize,
    /// Those that were pulled so far, in order.
    pub photos: Vec<Fetched>,
}

/// `post_mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    DirectPost,
    MediaUpload,
}

impl Mode {
    fn scope(self) -> &'static str {
        match self {
            Self::DirectPost => "video.publish",
            Self::MediaUpload => "video.upload",
        }
    }
}

/// What an init asks for, whatever the mode.
struct Init<'a> {
    mode: Mode,
    title: &'a str,
    description: &'a str,
    is_aigc: bool,
    urls: Vec<Url>,
    cover_index: usize,
}

/// What belongs to a direct post alone.
#[expect(clippy::struct_excessive_bools, reason = "each is one toggle of TikTok's")]
struct Settings<'a> {
    privacy_level: Option<&'a str>,
    disable_comment: bool,
    auto_add_music: bool,
    brand_content_toggle: bool,
    brand_organic_toggle: bool,
}

impl Post {
    /// The last photo is here. Why TikTok would refuse them: it does not say which of them is bad.
    pub(crate) fn take_last_photo(
        &mut self,
        fetched: Fetched,
        rules: &PhotoRules,
    ) -> Option<(String, String)> {
        self.take_photo(fetched);
        let carousel = self.carousel.as_ref()?;
        let sums: String = carousel.photos.iter().map(|photo| photo.sha256.as_str()).collect();
        self.sha256 = sha256_hex(sums.as_bytes());
        self.media = carousel.photos.get(carousel.cover_index).map(|photo| photo.probe.clone());
        carousel.photos.iter().enumerate().find_map(|(index, photo)| {
            let (reason, why) = photo.probe.photo_refusal(rules)?;
            Some((reason.to_owned(), format!("photo {index}: {why}")))
        })
    }

    pub(crate) fn take_photo(&mut self, fetched: Fetched) {
        self.downloaded_bytes += fetched.bytes;
        self.urls.pop_front();
        if let Some(carousel) = &mut self.carousel {
            carousel.photos.push(fetched);
        }
    }
}

impl World {
    pub(crate) fn content_init(&mut self, request: &Request, turn: &mut Turn<'_>) -> Result<Value, Refusal> {
        let scopes = [Mode::DirectPost.scope(), Mode::MediaUpload.scope()];
        let caller = self.admit(Endpoint::ContentInit, request, &scopes, turn)?;
        let body = json_body(request)?;
        let asked = self.read_content(&body)?;
        if !caller.scopes.iter().any(|scope| scope == asked.mode.scope()) {
            let why = format!("the user did not grant {}", asked.mode.scope());
            return Err(Refusal::new(401, "scope_not_authorized", why));
        }
        let mut post = match asked.mode {
            Mode::DirectPost => self.direct_photos(&caller, &asked, &body, turn)?,
            Mode::MediaUpload => self.draft_of_photos(&caller, &asked, &body, turn)?,
        };
        post.title = asked.title.into();
        post.is_aigc = asked.is_aigc;
        post.urls = asked.urls.into_iter().map(String::from).collect::<VecDeque<_>>();
        let answer = json!({ "publish_id": post.publish_id });
        turn.call.publish_id = Some(post.publish_id.clone());
        self.accept(post, turn.now, turn.effects);
        Ok(answer)
    }

    fn direct_photos(
        &self,
        caller: &Caller,
        asked: &Init<'_>,
        body: &Value,
        turn: &mut Turn<'_>,
    ) -> Result<Post, Refusal> {
        let settings = self.read_settings(&Fields::at(body, "post_info")?)?;
        let (account, app) = (self.account(caller)?, self.app(&caller.client_key)?);
        self.gate(caller, account, app, turn.now)?;
        asked.urls.iter().try_for_each(|url| check_owned(app, url))?;
        let privacy_level = offered(account, settings.privacy_level)?;
        self.check_branded(settings.brand_content_toggle, privacy_level)?;
        let bare = bare(caller, asked, settings.auto_add_music, body, turn);
        Ok(Post {
            privacy_level: privacy_level.into(),
            visibility: visibility(app, privacy_level).into(),
            disable_comment: settings.disable_comment || account.comment_disabled,
            brand_content_toggle: settings.brand_content_toggle,
            brand_organic_toggle: settings.brand_organic_toggle,
            breaches: self.breaches(caller, privacy_level, settings.brand_content_toggle, turn.now),
            ..bare
        })
    }

    fn draft_of_photos(
        &self,
        caller: &Caller,
        asked: &Init<'_>,
        body: &Value,
        turn: &mut Turn<'_>,
    ) -> Result<Post, Refusal> {
        let version = &self.account(caller)?.app_version;
        if !is_since(version, DRAFTS_SINCE) {
            let why = format!("the creator's TikTok is {version}");
            return Err(Refusal::new(400, "app_version_check_failed", why));
        }
        self.draft_gate(caller, turn.now)?;
        let app = self.app(&caller.client_key)?;
        asked.urls.iter().try_for_each(|url| check_owned(app, url))?;
        Ok(Post { draft: true, ..bare(caller, asked, false, body, turn) })
    }

    /// The request by itself, without regard to who sends it.
    fn read_content<'a>(&self, body: &'a Value) -> Result<Init<'a>, Refusal> {
        let root = Fields::of_body(body)?;
        let mode = match (root.text("media_type")?, root.text("post_mode")?) {
            (Some("PHOTO"), Some("DIRECT_POST")) => Mode::DirectPost,
            (Some("PHOTO"), Some("MEDIA_UPLOAD")) => Mode::MediaUpload,
            _ => return Err(Refusal::invalid_params("Invalid media_type or post_mode")),
        };
        let (source, post) = (Fields::at(body, "source_info")?, Fields::at(body, "post_info")?);
        let rules = &self.config.photos;
        if !self.config.ignore_unknown_fields {
            let mut known = vec!["media_type", "post_mode", "post_info", "source_info"];
            known.extend((rules.aigc != AigcPlace::PostInfo).then_some("is_aigc"));
            root.only(&known)?;
            // Of a draft all else is the creator's business.
            let mut known = vec!["title", "description"];
            if mode == Mode::DirectPost {
                known.extend(["privacy_level", "disable_comment", "auto_add_music"]);
                known.extend(["brand_content_toggle", "brand_organic_toggle"]);
            }
            known.extend((rules.aigc != AigcPlace::Root).then_some("is_aigc"));
            post.only(&known)?;
            source.only(&["source", "photo_images", "photo_cover_index"])?;
        }
        let aigc_at_root = root.flag("is_aigc")?.filter(|_| rules.aigc != AigcPlace::PostInfo);
        let aigc_in_post_info = post.flag("is_aigc")?.filter(|_| rules.aigc != AigcPlace::Root);
        if source.text("source")? != Some("PULL_FROM_URL") {
            return Err(Refusal::invalid_params("The request source info is empty or incorrect"));
        }
        let images = source.texts("photo_images")?;
        if !(rules.min_count..=rules.max_count).contains(&images.len()) {
            let rule = format!("has not {} to {} photos", rules.min_count, rules.max_count);
            return Err(source.wrong("photo_images", &rule));
        }
        let cover = source.int32("photo_cover_index")?.and_then(|index| usize::try_from(index).ok());
        let cover = cover.filter(|index| *index < images.len());
        Ok(Init {
            mode,
            title: post.text_of_at_most("title", 90)?,
            description: post.text_of_at_most("description", 4_000)?,
            is_aigc: aigc_at_root.unwrap_or(false) || aigc_in_post_info.unwrap_or(false),
            cover_index: cover
                .ok_or_else(|| source.wrong("photo_cover_index", "is the index of no photo"))?,
            urls: images
                .into_iter()
                .map(|url| self.pullable(&source, "photo_images", url))
                .collect::<Result<_, _>>()?,
        })
    }

    fn read_settings<'a>(&self, post: &Fields<'a>) -> Result<Settings<'a>, Refusal> {
        let (brand_content_toggle, brand_organic_toggle) = self.read_brands(post)?;
        Ok(Settings {
            privacy_level: read_level(post)?,
            disable_comment: post.flag("disable_comment")?.unwrap_or(false),
            auto_add_music: post.flag("auto_add_music")?.unwrap_or(false),
            brand_content_toggle,
            brand_organic_toggle,
        })
    }
}

/// Nothing but what every post of photos has.
fn bare(caller: &Caller, asked: &Init<'_>, auto_add_music: bool, body: &Value, turn: &mut Turn<'_>) -> Post {
    let publish_id = format!("p_pub_url~v2.{}", nineteen_digits(turn.rng));
    let id = nineteen_digits(turn.rng);
    let carousel = Carousel {
        description: asked.description.into(),
        auto_add_music,
        cover_index: asked.cover_index,
        photos: Vec::new(),
    };
    Post {
        carousel: Some(Box::new(carousel)),
        asked: body["post_info"].clone(),
        ..Post::bare(publish_id, caller.client_key.clone(), caller.account.clone(), id, turn.now)
    }
}

/// Whether a version such as `31.8.2` is not older.
fn is_since(version: &str, oldest: [u32; 2]) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    [part(), part()] >= oldest
}
