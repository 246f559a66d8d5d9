//! Posts: accept, read, list.

use std::collections::HashMap;

use axum::response::Response;
use domain::content::{
    Allow, Caption, Consent, Content, ContentHash, Disclosure, Kind, Mode, PrivacyLevel, Title, Transport,
};
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::media::{Declared, MediaState};
use domain::post::{Event, Failure, Order, PostState, Wish};
use domain::timeline::Actor;
use domain::{Creator, CreatorId, Media, MediaId, Post, PostId, Problem, Scope, SignedDuration, Timestamp};
use flows::Moved;
use futures::future::join_all;
use http::{StatusCode, header};
use ports::{Clock, Created, Creators, Entropy, MediaRows, Objects, Posts, Read, Stored};
use serde_json::{Value, json};
use wiring::secrets::Secrets;

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::auth::Caller;
use crate::crypto;
use crate::fields::{Problems, canonical};
use crate::multipart::{self, Attached, Incoming};
use crate::refusal::Refusal;
use crate::{Api, Outside, view};

const ROUTE: &str = "POST /v1/posts";
/// TikTok takes an `int32`.
const COVER_MAX: u64 = i32::MAX as u64;

/// What the body says. Fields that cannot be read hold something harmless; a problem bars the way to using it.
struct Draft {
    creator: Option<CreatorId>,
    media: Option<MediaId>,
    content: Content,
    publish_at: Option<Timestamp>,
}

impl<W: Outside> Api<W> {
    pub(crate) async fn create_post(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::PostsWrite).await?;
        let now = self.time.now();
        let problems = Problems::default();
        let key = required_key(&ask, &problems);
        let Incoming { post: body, attached, identity, form } = multipart::read(&mut ask, &problems).await?;
        let hash = ContentHash(crypto::sha256(canonical(&identity).as_bytes()));
        let mut draft = draft(&body, form, &caller, now, &problems);

        let secrets = self.secrets.secrets(now).await?;
        let derive = |what: &str| {
            let key = key.as_deref().unwrap_or_default();
            let secret = secrets.deployment_secret.expose();
            crypto::id_bits(&crypto::derive(secret, &[caller.workspace.as_str(), what, key]))
        };
        let id = PostId::from_bits(derive(ROUTE));
        if attached.is_some() {
            // the same request finds the same media, another one under the same key never touches it
            draft.media = Some(MediaId::from_bits(derive(&format!("{ROUTE} {hash} media"))));
        }
        if let Some(media) = &draft.media {
            draft.content.media = vec![media.clone()];
        }
        let readable = problems.is_empty();

        let (creator, media) = self.creator_and_media(&caller, &draft).await?;
        if creator.is_none() && draft.creator.is_some() {
            problems.push(no_such_creator());
        }
        if media.is_none() && draft.media.is_some() && attached.is_none() {
            problems.push(Problem::new(
                "/media/0/id",
                "media.not_found",
                "this workspace has no such media",
                "declare the video with POST /v1/media and send the id that it gives",
            ));
        }
        if let Some(Media { state: MediaState::Rejected { problems: rejected }, .. }) = &media {
            problems
                .add(rejected.iter().map(|problem| Problem { param: "/media/0".into(), ..problem.clone() }));
        }
        if body.is_object() {
            problems.add(draft.content.problems());
        }
        if let Some(at) = draft.publish_at {
            check_publish_at(at, now, media.as_ref(), &problems);
        }
        let mut stale = false;
        if let Some(creator) = &creator {
            let duration = media.as_ref().and_then(Media::pinned).and_then(|pinned| pinned.duration_ms());
            stale = self.check_creator(creator, &draft.content, duration, &problems).await;
        }
        let (Some(creator), Some(media_id), true) = (creator, draft.media.clone(), problems.is_empty())
        else {
            // what was accepted once stays accepted, whatever has changed since
            if let Some(first) = self.accepted_before(&id, hash, readable).await? {
                let answer = accepted(&first.row, &draft.content, true);
                if let PostState::AwaitingMedia { .. } = &first.row.state {
                    self.await_media(first).await;
                }
                return Ok(answer);
            }
            let refusal = Refusal::invalid(problems.take());
            return Err(if stale { refusal.retryable() } else { refusal });
        };

        let order = Order {
            id,
            workspace: caller.workspace,
            creator: creator.id,
            account: creator.account,
            wish: Wish {
                content: hash,
                kind: draft.content.kind,
                media: media_id,
                privacy_level: draft.content.privacy_level,
                publish_at: draft.publish_at,
            },
            draft: false,
            retry_of: None,
        };
        let post = Post::accept(order, media.as_ref().and_then(Media::pinned), now, &self.periods);
        self.accept(&post, &draft.content, media.as_ref(), attached).await
    }

    /// Writes the post and starts it.
    pub(crate) async fn accept(
        &self,
        post: &Post,
        content: &Content,
        media: Option<&Media>,
        attached: Option<Attached>,
    ) -> Answered {
        if let (Some(attached), None) = (&attached, media) {
            self.declare_attached(post, attached).await?;
        }
        let (stored, replayed) = match self.store.create(post, content, self.time.nonce()).await? {
            Created::New(stored) => (stored, false),
            Created::Existed(stored) if stored.row.content == post.content => (stored, true),
            Created::Existed(_) => return Err(key_reused()),
        };
        let answer = accepted(&stored.row, content, replayed);
        match (&stored.row.state, attached) {
            (PostState::Queued { .. } | PostState::Scheduled { .. }, _) if !replayed => {
                flows::dispatch(&self.queues, &stored.row, self.time.now(), &self.periods).await;
            }
            (PostState::AwaitingMedia { .. }, Some(attached)) if media.is_none_or(is_awaited) => {
                // last, so that the upload's event finds the post; a repeat of the request sends it again
                self.objects.put_upload(&stored.row.media, attached.container, attached.bytes.into()).await?;
            }
            (PostState::AwaitingMedia { .. }, _) => self.await_media(stored).await,
            _ => {}
        }
        Ok(answer)
    }

    async fn declare_attached(&self, post: &Post, attached: &Attached) -> Result<(), Refusal> {
        let declared = Declared {
            container: attached.container,
            size: attached.bytes.len() as u64,
            sha256: Some(crate::media::base64(&attached.sha256)),
        };
        let (id, workspace) = (post.media.clone(), post.workspace.clone());
        let mut media = Media::declare(id, workspace, declared, post.created_at, &self.periods);
        media.waiting.insert(post.id.clone());
        self.store.declare(&media, self.time.nonce()).await?;
        Ok(())
    }

    /// Has the media tell the post; tells it here if the media has become ready meanwhile. A failure costs time only: the
    /// row wakes up by itself.
    async fn await_media(&self, seen: Stored<Post>) {
        let post = seen.row.id.clone();
        if let Err(error) = self.try_await_media(seen).await {
            tracing::warn!(%post, error = %error, "the post looks at its media later");
        }
    }

    async fn try_await_media(&self, seen: Stored<Post>) -> Result<(), flows::MoveError> {
        let Some(media) = self.store.wait_for(&seen.row.media, &seen.row.id).await? else {
            return Ok(());
        };
        let event = match &media.row.state {
            MediaState::AwaitingUpload { .. } => return Ok(()),
            MediaState::Ready { .. } => match media.row.pinned() {
                Some(pinned) => Event::MediaReady(pinned),
                None => return Ok(()),
            },
            MediaState::Rejected { problems } => Event::MediaRejected(failure(problems)),
        };
        let by = Actor::Api.into();
        let moved = flows::move_post(&self.store, &self.time, &self.periods, seen, &event, &by).await?;
        if let Moved::Moved { after, .. } = moved {
            flows::dispatch(&self.queues, &after.row, self.time.now(), &self.periods).await;
        }
        Ok(())
    }

    /// One read for what the body names, as far as this workspace may see it.
    async fn creator_and_media(
        &self,
        caller: &Caller,
        draft: &Draft,
    ) -> Result<(Option<Creator>, Option<Media>), Refusal> {
        let (creator, media) = match (&draft.creator, &draft.media) {
            (Some(creator), Some(media)) => self.store.creator_and_media(creator, media).await?,
            (Some(creator), None) => (self.store.creator(creator).await?, None),
            (None, Some(media)) => {
                (None, self.store.media(media, Read::Eventual).await?.map(|media| media.row))
            }
            (None, None) => (None, None),
        };
        Ok((
            creator.filter(|creator| creator.workspace == caller.workspace),
            media.filter(|media| media.workspace == caller.workspace),
        ))
    }

    /// Holds the content against the creator; asks TikTok before it refuses. `true`: TikTok could not be asked.
    async fn check_creator(
        &self,
        creator: &Creator,
        content: &Content,
        duration_ms: Option<u64>,
        problems: &Problems,
    ) -> bool {
        if let Some(problem) = status_problem(creator.status) {
            problems.push(problem);
            return false;
        }
        let against = |info: &CreatorInfo| {
            let mut found = content.problems_for(info, duration_ms);
            found.extend(content.interaction_problems_for(info));
            found.retain(|problem| !problems.covers(&problem.param));
            found
        };
        let found = against(&creator.info);
        if found.is_empty() {
            return false;
        }
        match self.fresh_creator_info(creator).await {
            Ok(info) => {
                problems.add(against(&info));
                false
            }
            Err(refusal) => {
                tracing::info!(creator = %creator.id, status = %refusal.status(), "refused by what TikTok said before");
                problems.add(found);
                true
            }
        }
    }

    async fn accepted_before(
        &self,
        id: &PostId,
        hash: ContentHash,
        readable: bool,
    ) -> Result<Option<Stored<Post>>, Refusal> {
        if !readable {
            return Ok(None);
        }
        let first = self.store.post(id, Read::Strong).await?;
        Ok(first.filter(|first| first.row.content == hash))
    }

    /// The post that the path names, if the caller may see it.
    pub(crate) async fn asked_post(
        &self,
        ask: &Ask,
        needed: Scope,
    ) -> Result<(Caller, Stored<Post>), Refusal> {
        let caller = self.caller(ask, needed).await?;
        let missing = || Refusal::not_found("post");
        let id: PostId = ask.segment(2).parse().map_err(|_| missing())?;
        let post = self.store.post(&id, Read::Strong).await?.ok_or_else(missing)?;
        if post.row.workspace == caller.workspace { Ok((caller, post)) } else { Err(missing()) }
    }

    pub(crate) async fn read_post(&self, ask: Ask) -> Answered {
        let (_, post) = self.asked_post(&ask, Scope::PostsRead).await?;
        self.show(StatusCode::OK, &post.row).await
    }

    /// A post as it is.
    pub(crate) async fn show(&self, status: StatusCode, post: &Post) -> Answered {
        let username = match &post.state {
            PostState::Published { post_ids, .. } if !post_ids.is_empty() => {
                self.store.creator(&post.creator).await?.map(|creator| creator.info.username)
            }
            _ => None,
        };
        Ok(answer::json(status, &self.with_caption(post, username.as_deref()).await?))
    }

    async fn with_caption(&self, post: &Post, username: Option<&str>) -> Result<Value, Refusal> {
        let content = self.store.content(&post.id, &post.content).await?;
        let caption = content.as_ref().map(|content| content.caption.as_str());
        Ok(view::post(post, caption, username))
    }

    pub(crate) async fn list_posts(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::PostsRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let mut usernames: HashMap<CreatorId, String> = HashMap::new();
        for post in &found.rows {
            let has_ids =
                matches!(&post.state, PostState::Published { post_ids, .. } if !post_ids.is_empty());
            if has_ids && !usernames.contains_key(&post.creator) {
                let creator = self.store.creator(&post.creator).await?;
                let username = creator.map(|creator| creator.info.username).unwrap_or_default();
                usernames.insert(post.creator.clone(), username);
            }
        }
        let views = found
            .rows
            .iter()
            .map(|post| self.with_caption(post, usernames.get(&post.creator).map(String::as_str)));
        let data: Vec<Value> = join_all(views).await.into_iter().collect::<Result<_, _>>()?;
        Ok(answer::json(StatusCode::OK, &json!({ "data": data, "next_cursor": found.next_cursor })))
    }
}

/// What a list is asked for.
pub(crate) struct PageAsked {
    pub(crate) limit: u32,
    pub(crate) cursor: Option<String>,
}

impl PageAsked {
    pub(crate) fn read(ask: &Ask) -> Result<Self, Refusal> {
        let problems = Problems::default();
        let mut page = Self { limit: 20, cursor: None };
        for (name, value) in ask.queries() {
            match name.as_str() {
                "limit" => match value.parse() {
                    Ok(limit @ 1..=100) => page.limit = limit,
                    _ => problems.push(Problem::new(
                        "/limit",
                        "field.range",
                        "`limit` must be a whole number from 1 to 100",
                        "correct the number",
                    )),
                },
                "cursor" if ports::cursor::decode(&value).is_ok() => page.cursor = Some(value),
                "cursor" => problems.push(Problem::new(
                    "/cursor",
                    "cursor.format",
                    "`cursor` is not one that a page of this list gave",
                    "send `next_cursor` of the page before, or leave it out",
                )),
                _ => {
                    let remedy = "leave it out; the parameters are `limit` and `cursor`";
                    problems.unknown_parameter(&name, remedy);
                }
            }
        }
        if problems.is_empty() { Ok(page) } else { Err(Refusal::invalid(problems.take())) }
    }
}

pub(crate) fn required_key(ask: &Ask, problems: &Problems) -> Option<String> {
    match ask.idempotency_key() {
        Ok(Some(key)) => return Some(key),
        Ok(None) => problems.push(Problem::new(
            "",
            "idempotency_key.required",
            "the header Idempotency-Key is missing",
            "send one random text, such as a UUID, and the same one whenever you repeat the request",
        )),
        Err(problem) => problems.push(problem),
    }
    None
}

pub(crate) fn accepted(post: &Post, content: &Content, replayed: bool) -> Response {
    let body = view::accepted(post, content.caption.as_str());
    let response = answer::json(StatusCode::ACCEPTED, &body);
    let response = with_header(response, header::LOCATION, &format!("/v1/posts/{}", post.id));
    if replayed { with_header(response, REPLAYED, "true") } else { response }
}

pub(crate) fn key_reused() -> Refusal {
    Refusal::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key.reused",
        "this Idempotency-Key was used for a request with another body",
        "send the first body again, or use a new key for a new request",
    )
}

pub(crate) fn no_such_creator() -> Problem {
    Problem::new(
        "/creator",
        "creator.not_found",
        "this workspace has no such creator",
        "connect the creator with POST /v1/connect-links, or list the creators with GET /v1/creators",
    )
}

pub(crate) fn status_problem(status: CreatorStatus) -> Option<Problem> {
    let (rule, detail) = match status {
        CreatorStatus::Active => return None,
        CreatorStatus::ReconnectRequired => {
            ("creator.reconnect_required", "TikTok does not accept the creator's tokens any more")
        }
        CreatorStatus::Disconnected => ("creator.disconnected", "the creator was disconnected"),
    };
    let remedy = "let the creator connect again with a link from POST /v1/connect-links";
    Some(Problem::new("/creator", rule, detail, remedy))
}

fn is_awaited(media: &Media) -> bool {
    matches!(media.state, MediaState::AwaitingUpload { .. })
}

fn failure(problems: &[Problem]) -> Failure {
    match problems.first() {
        Some(first) => {
            Failure { code: first.rule.clone(), remedy: format!("{}: {}", first.detail, first.remedy) }
        }
        None => {
            Failure { code: "media.rejected".into(), remedy: "upload another video as a new media".into() }
        }
    }
}

/// Reads the body's fields; everything that is wrong goes to `problems`.
fn draft(body: &Value, form: bool, caller: &Caller, now: Timestamp, problems: &Problems) -> Draft {
    let mut fields = problems.body(body);
    let creator = fields.required_id("creator", "say for which creator: `crt_…`");
    fields.word("kind", &["video"], "send `video`");
    fields.word("mode", &["direct"], "send `direct`");
    fields.word("transport", &["auto", "pull"], "leave it out, or send `auto`");
    let transport = Transport::Auto;
    let media = named_media(&mut fields, form, problems);
    let caption = fields.text("caption").unwrap_or_default().to_owned();
    let caption = Caption::of_video(caption).unwrap_or_else(|error| {
        problems.push(Problem::new(
            fields.pointer("caption"),
            "caption.max",
            error.to_string(),
            "shorten the caption; most emoji count as two units",
        ));
        Caption::default()
    });
    let privacy_level = fields.required_text("privacy_level", PRIVACY).and_then(|text| {
        let level = text.parse::<PrivacyLevel>();
        if let Err(error) = &level {
            problems.push(Problem::new(
                fields.pointer("privacy_level"),
                "privacy_level.unknown",
                error.to_string(),
                PRIVACY,
            ));
        }
        level.ok()
    });
    let mut allow = fields.object("allow");
    let allowed = Allow {
        comment: allow.boolean("comment"),
        duet: allow.boolean("duet"),
        stitch: allow.boolean("stitch"),
    };
    allow.done();
    let mut disclosure = fields.object("disclosure");
    let disclosed = Disclosure {
        your_brand: disclosure.boolean("your_brand"),
        branded_content: disclosure.boolean("branded_content"),
    };
    disclosure.done();
    let ai_generated = fields.boolean("ai_generated");
    let cover = fields.number("cover_timestamp_ms", 0, COVER_MAX);
    let mut agreed = fields.object("consent");
    let given = Consent {
        music_usage_confirmed: agreed.boolean("music_usage_confirmed"),
        branded_content_policy_confirmed: agreed.boolean("branded_content_policy_confirmed"),
        text_version: text_version(&mut agreed, problems),
        given_by: caller.key.to_string(),
        given_at: now,
    };
    agreed.done();
    let publish_at = fields.time("publish_at");
    fields.done();
    let content = Content {
        kind: Kind::Video,
        mode: Mode::Direct,
        transport,
        media: media.iter().cloned().collect(),
        title: Title::default(),
        caption,
        privacy_level,
        allow: allowed,
        disclosure: disclosed,
        ai_generated,
        cover_timestamp_ms: cover.and_then(|ms| u32::try_from(ms).ok()),
        cover_index: 0,
        add_music: false,
        consent: given,
    };
    Draft { creator, media, content, publish_at }
}

/// A time that is hardly over is now: clocks differ, and requests take their time.
const HARDLY_OVER: SignedDuration = SignedDuration::from_mins(1);
/// An upload is kept for 30 days.
const UPLOADS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 29);

fn check_publish_at(at: Timestamp, now: Timestamp, media: Option<&Media>, problems: &Problems) {
    let latest = media.map_or(now, |media| media.created_at) + UPLOADS_KEPT;
    if at < now - HARDLY_OVER {
        problems.push(Problem::new(
            "/publish_at",
            "publish_at.past",
            format!("`{at}` is over: it is {now}"),
            "send a time that is still to come, or leave `publish_at` out to publish at once",
        ));
    } else if at > latest {
        problems.push(Problem::new(
            "/publish_at",
            "publish_at.max",
            format!("`{at}` is later than {latest}: the upload is not kept that long"),
            "send an earlier time, or upload the video again nearer to it",
        ));
    }
}

const PRIVACY: &str = "let the creator choose one of the levels in GET /v1/creators/{id}/creator-info";

fn text_version(consent: &mut crate::fields::Fields<'_>, problems: &Problems) -> String {
    const SAY: &str = "say which version of the texts the creator was shown, such as `2026-08`";
    let Some(text) = consent.required_text("text_version", SAY) else { return String::new() };
    if !(1..=64).contains(&text.len()) {
        let pointer = consent.pointer("text_version");
        let detail = "`text_version` must have 1 to 64 bytes";
        problems.push(Problem::new(pointer, "field.length", detail, SAY));
    }
    text.chars().take(64).collect()
}

/// The one media that a video has. In a form it is the part `media`.
fn named_media(fields: &mut crate::fields::Fields<'_>, form: bool, problems: &Problems) -> Option<MediaId> {
    let items = fields.objects("media");
    let pointer = fields.pointer("media");
    if form {
        if items.is_some() {
            problems.push(Problem::new(
                pointer,
                "media.twice",
                "the video is in the part `media`, and the post names one as well",
                "leave `media` out of the post, or send the post as JSON without a file",
            ));
        }
        return None;
    }
    let Some(mut items) = items else {
        fields.require("media", "name the video: `[{\"id\": \"med_…\"}]`");
        return None;
    };
    if problems.covers(&pointer) {
        return None;
    }
    if items.len() != 1 {
        problems.push(Problem::new(
            pointer,
            "media.count",
            format!("there are {} media, a video has exactly one", items.len()),
            "name one media",
        ));
        return None;
    }
    let mut item = items.remove(0);
    let id = item.required_id("id", "send the id of the media: `med_…`");
    if !item.is_there() {
        problems.add([Problem::new(format!("{pointer}/0"), "field.type", "`0` is null", "send an object")]);
    }
    item.done();
    id
}
