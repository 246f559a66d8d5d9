//! Posts: accept, read, list.

use std::collections::HashMap;

use axum::response::Response;
use tiktok::scope::VIDEO_UPLOAD;

use domain::content::{
    Allow, Caption, Consent, Content, ContentHash, Disclosure, Kind, Mode, PrivacyLevel, Title, TooLong,
    Transport,
};
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::media::{Declared, MediaKind, MediaState, Pinned};
use domain::post::{Order, PostState, Wish};
use domain::timeline::Actor;
use domain::{Creator, CreatorId, Media, MediaId, Post, PostId, Problem, Scope, SignedDuration, Timestamp};
use flows::Moved;
use futures::future::join_all;
use http::{StatusCode, header};
use ports::{Clock, Created, Creators, Entropy, MediaRows, Objects, Posts, Read, Stored};
use serde_json::Value;

use crate::answer::{self, Answered, Ask, REPLAYED, with_header};
use crate::auth::Caller;
use crate::crypto;
use crate::fields::{Problems, canonical, not_a_time};
use crate::multipart::{self, Attached, Incoming};
use crate::refusal::Refusal;
use crate::when::{self, When};
use crate::{Api, Outside, dry_run, duplicate, limits, view};

pub(crate) const ROUTE: &str = "POST /v1/posts";
/// TikTok takes an `int32`.
const COVER_MAX: u64 = i32::MAX as u64;

/// What the body says. Fields that cannot be read hold something harmless; a problem bars the way to using it.
pub(crate) struct Asked {
    pub(crate) creator: Option<CreatorId>,
    /// In the content as well; none where none could be read.
    pub(crate) media: Vec<MediaId>,
    pub(crate) content: Content,
    pub(crate) publish_at: Option<When>,
    pub(crate) allow_duplicate: bool,
    /// It is written down only.
    pub(crate) draft: bool,
}

impl Asked {
    pub(crate) fn wish(&self, content: ContentHash, media: MediaId) -> Wish {
        Wish {
            content,
            kind: self.content.kind,
            media,
            privacy_level: self.content.privacy_level,
            publish_at: self.publish_at.as_ref().map(|when| when.at),
            local_time: self.publish_at.as_ref().and_then(|when| when.said.clone()),
        }
    }
}

/// What there is of what the body names, as far as this workspace may see it.
pub(crate) struct Found {
    pub(crate) creator: Option<Creator>,
    pub(crate) media: Vec<Option<Media>>,
}

/// Who asks for a post, and under which name it is known again.
pub(crate) struct Asking<'a> {
    pub(crate) caller: &'a Caller,
    /// The route, and the Idempotency-Key with whatever else tells requests apart.
    pub(crate) route: &'static str,
    pub(crate) key: &'a [&'a str],
    /// When this invocation ends.
    pub(crate) deadline: Timestamp,
}

/// What a post that is to be written comes with.
pub(crate) struct Coming<'a> {
    pub(crate) content: &'a Content,
    /// The rows of its media, in their order; `None` where there is none yet.
    pub(crate) media: &'a [Option<Media>],
    pub(crate) attached: Option<Attached>,
    pub(crate) allow_duplicate: bool,
    /// When this invocation ends.
    pub(crate) deadline: Timestamp,
}

/// A post that is written, and what its first answer says.
pub(crate) struct Accepted {
    pub(crate) id: PostId,
    pub(crate) view: view::Post,
    pub(crate) replayed: bool,
}

impl Accepted {
    /// `post` as this very request asked for it.
    pub(crate) fn of(post: &Post, content: &Content, replayed: bool) -> Self {
        Self { id: post.id.clone(), view: view::accepted(post, content), replayed }
    }

    pub(crate) fn response(&self) -> Response {
        let response = answer::json(StatusCode::ACCEPTED, &self.view);
        let response = with_header(response, header::LOCATION, &format!("/v1/posts/{}", self.id));
        let response = limits::posting(response);
        if self.replayed { with_header(response, REPLAYED, "true") } else { response }
    }
}

impl<W: Outside> Api<W> {
    pub(crate) async fn create_post(&self, mut ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::PostsWrite).await?;
        let problems = Problems::default();
        if dry_run::is_asked(&ask, &problems) {
            return self.try_post(&caller, ask, problems).await;
        }
        let key = required_key(&ask, &problems).unwrap_or_default();
        let incoming = multipart::read(&mut ask, &problems).await?;
        let asking = Asking { caller: &caller, route: ROUTE, key: &[key.as_str()], deadline: ask.deadline };
        Ok(self.take_post(asking, incoming, problems).await?.response())
    }

    /// The id of the post that a request makes, whenever it is sent.
    pub(crate) async fn id_of(&self, asking: &Asking<'_>) -> Result<u128, Refusal> {
        self.bits_of(asking, asking.route).await
    }

    async fn bits_of(&self, asking: &Asking<'_>, what: &str) -> Result<u128, Refusal> {
        self.derived(self.time.now(), &[&[asking.caller.workspace.as_str(), what], asking.key].concat()).await
    }

    /// All checks, then the post. `problems` holds what is wrong with the request itself.
    pub(crate) async fn take_post(
        &self,
        asking: Asking<'_>,
        incoming: Incoming,
        problems: Problems,
    ) -> Result<Accepted, Refusal> {
        let now = self.time.now();
        let Incoming { post: body, attached, identity, form } = incoming;
        let hash = ContentHash(crypto::sha256(canonical(&identity).as_bytes()));
        let mut asked = read(&body, form, asking.caller, now, &problems);
        let id = PostId::from_bits(self.id_of(&asking).await?);
        if attached.is_some() {
            // the same request finds the same media, another one under the same key never touches it
            let media = self.bits_of(&asking, &format!("{} {hash} media", asking.route)).await?;
            asked.media = vec![MediaId::from_bits(media)];
            asked.content.media.clone_from(&asked.media);
        }
        let readable = problems.is_empty();

        let found = self.judge(asking.caller, &asked, attached.is_some(), &problems).await?;
        if body.is_object() {
            problems.add(content_problems(&asked));
        }
        if let Some(when) = &asked.publish_at {
            check_publish_at(when.at, now, &found.media, &problems);
        }
        let unheard = self.check_creator(&found, &asked.content, &problems).await;
        let Found { creator, media } = found;
        let (Some(creator), Some(media_id), true) =
            (creator, asked.media.first().cloned(), problems.is_empty() && unheard.is_none())
        else {
            // what was accepted once stays accepted, whatever has changed since
            if let Some(first) = self.accepted_before(&id, hash, readable).await?
                && let Some(media_id) = asked.media.first().cloned()
            {
                let post = first.row.as_accepted(asked.wish(hash, media_id));
                if let PostState::AwaitingMedia { .. } = &first.row.state {
                    self.await_media(first, &asked.content.media).await;
                }
                return Ok(Accepted::of(&post, &asked.content, true));
            }
            return Err(refused(&problems, unheard));
        };

        let order = Order {
            id,
            workspace: asking.caller.workspace.clone(),
            creator: creator.id,
            account: creator.account,
            wish: asked.wish(hash, media_id),
            draft: asked.draft,
            retry_of: None,
        };
        let coming = Coming {
            content: &asked.content,
            media: &media,
            attached,
            allow_duplicate: asked.allow_duplicate,
            deadline: asking.deadline,
        };
        self.accept(order, now, coming).await
    }

    /// Holds what is asked for against the rows that it names.
    pub(crate) async fn judge(
        &self,
        caller: &Caller,
        asked: &Asked,
        attached: bool,
        problems: &Problems,
    ) -> Result<Found, Refusal> {
        let found = self.find(caller, asked).await?;
        if found.creator.is_none() && asked.creator.is_some() {
            problems.push(no_such_creator());
        }
        if asked.content.mode == Mode::Inbox
            && found
                .creator
                .as_ref()
                .is_some_and(|creator| !creator.scopes.iter().any(|it| it == VIDEO_UPLOAD))
        {
            problems.push(Problem::new(
                "/mode",
                "creator.scope",
                format!("the creator has not granted `{VIDEO_UPLOAD}`, which drafts need"),
                "let the creator connect again with a link from POST /v1/connect-links with `\"drafts\": true`",
            ));
        }
        if !attached {
            for (index, row) in found.media.iter().enumerate() {
                problems.add(media_problems(index, row.as_ref(), asked.content.kind));
            }
        }
        Ok(found)
    }

    /// Writes the post and starts it.
    pub(crate) async fn accept(
        &self,
        order: Order,
        now: Timestamp,
        coming: Coming<'_>,
    ) -> Result<Accepted, Refusal> {
        let Coming { content, media, attached, allow_duplicate, deadline } = coming;
        let wish = order.wish.clone();
        let post = Post::accept(order, pinned(media, content.kind), now, &self.periods);
        let awaited = media.first().is_none_or(|media| media.as_ref().is_none_or(is_awaited));
        // a draft is guarded once it is to be published
        if post.state != PostState::Draft {
            let bytes = duplicate::bytes_of(&content.media, media, attached.as_ref());
            let earlier = self.guarded_by(&post, content, &bytes, now, deadline).await?;
            if let Some(earlier) = earlier.filter(|_| !allow_duplicate)
                // a repeat of an old request gives the old answer
                && self.store.post(&post.id, Read::Strong).await?.is_none()
            {
                return Err(earlier.refusal(post.created_at));
            }
        }
        if let (Some(attached), Some(None)) = (&attached, media.first()) {
            self.declare_attached(&post, attached).await?;
        }
        let (stored, replayed) = match self.store.create(&post, content, self.time.nonce()).await? {
            Created::New(stored) => (stored, false),
            Created::Existed(stored) if stored.row.accepted == post.accepted => (stored, true),
            Created::Existed(_) => return Err(key_reused()),
        };
        let accepted = Accepted::of(&stored.row.as_accepted(wish), content, replayed);
        match (&stored.row.state, attached) {
            (PostState::Queued { .. } | PostState::Scheduled { .. }, _) if !replayed => {
                flows::dispatch(&self.queues, &stored.row, self.time.now(), &self.periods).await;
            }
            (PostState::AwaitingMedia { .. } | PostState::Draft, Some(attached)) if awaited => {
                // last, so that the upload's event finds the post; a repeat of the request sends it again. A post that was
                // edited since shows another media, and these bytes are the media's all the same
                if let Some(media) = content.media.first() {
                    self.objects.put_upload(media, attached.container, attached.bytes.into()).await?;
                }
            }
            (PostState::AwaitingMedia { .. }, _) => self.await_media(stored, &content.media).await,
            _ => {}
        }
        Ok(accepted)
    }

    async fn declare_attached(&self, post: &Post, attached: &Attached) -> Result<(), Refusal> {
        let declared = Declared {
            container: attached.container,
            size: attached.bytes.len() as u64,
            sha256: Some(crate::media::base64(&attached.sha256)),
            convert: false,
        };
        let (id, workspace) = (post.media.clone(), post.workspace.clone());
        let mut media = Media::declare(id, workspace, declared, post.created_at, &self.periods);
        media.waiting.insert(post.id.clone());
        self.store.declare(&media, self.time.nonce()).await?;
        Ok(())
    }

    /// Has the media tell the post; tells it here if the media has become ready meanwhile. A failure costs time only: the
    /// row wakes up by itself.
    pub(crate) async fn await_media(&self, seen: Stored<Post>, media: &[MediaId]) {
        let post = seen.row.id.clone();
        if let Err(error) = self.try_await_media(seen, media).await {
            tracing::warn!(%post, error = %error, "the post looks at its media later");
        }
    }

    async fn try_await_media(&self, seen: Stored<Post>, media: &[MediaId]) -> Result<(), flows::MoveError> {
        // every row knows of the post before any is looked at: whichever is judged last tells it
        let mut rows = Vec::with_capacity(media.len());
        for id in media {
            rows.extend(self.store.wait_for(id, &seen.row.id).await?);
        }
        let judged = rows.iter().find(|row| !is_awaited(&row.row));
        let Some(judged) = judged else { return Ok(()) };
        let by = Actor::Api.into();
        let told = flows::tell_post(&self.store, &self.time, &self.periods, seen, &judged.row, &by).await?;
        if let Some(Moved::Moved { after, .. }) = told {
            flows::dispatch(&self.queues, &after.row, self.time.now(), &self.periods).await;
        }
        Ok(())
    }

    /// One read for what the body names.
    async fn find(&self, caller: &Caller, asked: &Asked) -> Result<Found, Refusal> {
        let (creator, media) = match (&asked.creator, asked.media.as_slice()) {
            (Some(creator), [media]) => {
                let (creator, media) = self.store.creator_and_media(creator, media).await?;
                (creator, vec![media])
            }
            (Some(creator), []) => (self.store.creator(creator).await?, Vec::new()),
            (None, []) => (None, Vec::new()),
            (Some(creator), media) => {
                (self.store.creator(creator).await?, self.store.several(media, Read::Eventual).await?)
            }
            (None, media) => (None, self.store.several(media, Read::Eventual).await?),
        };
        let ours = |media: Option<Media>| media.filter(|media| media.workspace == caller.workspace);
        Ok(Found {
            creator: creator.filter(|creator| creator.workspace == caller.workspace),
            media: media.into_iter().map(ours).collect(),
        })
    }

    /// Holds the content against the creator; asks TikTok before it refuses. Gives why TikTok could not be asked: what it said
    /// before decides then, and if it never said anything nobody knows.
    pub(crate) async fn check_creator(
        &self,
        found: &Found,
        content: &Content,
        problems: &Problems,
    ) -> Option<Refusal> {
        let creator = found.creator.as_ref()?;
        if let Some(problem) = status_problem(creator.status) {
            problems.push(problem);
            return None;
        }
        let duration_ms = pinned(&found.media, content.kind).and_then(|pinned| pinned.duration_ms());
        let against = |info: &CreatorInfo| {
            let mut found = creator_problems(content, info, duration_ms);
            found.retain(|problem| !problems.covers(&problem.param));
            found
        };
        let found = against(&creator.info);
        if found.is_empty() {
            return None;
        }
        match self.fresh_creator_info(creator).await {
            Ok((info, _)) => {
                problems.add(against(&info));
                None
            }
            Err(refusal) => {
                tracing::info!(creator = %creator.id, status = %refusal.status(), "TikTok does not say what the creator may do");
                if creator.info.is_known() {
                    problems.add(found);
                }
                Some(refusal)
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
        Ok(first.filter(|first| first.row.accepted == hash))
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

    async fn with_caption(&self, post: &Post, username: Option<&str>) -> Result<view::Post, Refusal> {
        let content = self.store.content(&post.id, &post.content).await?;
        Ok(view::post(post, content.as_ref(), username))
    }

    pub(crate) async fn list_posts(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::PostsRead).await?;
        let wanted = Wanted::read(&ask)?;
        let (posts, next_cursor) = self.wanted_posts(&caller.workspace, &wanted).await?;
        let mut usernames: HashMap<CreatorId, String> = HashMap::new();
        for post in &posts {
            let has_ids =
                matches!(&post.state, PostState::Published { post_ids, .. } if !post_ids.is_empty());
            if has_ids && !usernames.contains_key(&post.creator) {
                let creator = self.store.creator(&post.creator).await?;
                let username = creator.map(|creator| creator.info.username).unwrap_or_default();
                usernames.insert(post.creator.clone(), username);
            }
        }
        let views = posts
            .iter()
            .map(|post| self.with_caption(post, usernames.get(&post.creator).map(String::as_str)));
        let data = join_all(views).await.into_iter().collect::<Result<_, _>>()?;
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor }))
    }

    /// One page of the posts that are wanted. The list holds keys only, so posts are read and looked at; after so many the page
    /// ends where it is, and its cursor leads on.
    async fn wanted_posts(
        &self,
        workspace: &domain::WorkspaceId,
        wanted: &Wanted,
    ) -> Result<(Vec<Post>, Option<String>), Refusal> {
        let limit = usize::try_from(wanted.page.limit).unwrap_or(usize::MAX);
        let (pages, size) = if wanted.is_filtered() { (PAGES, PAGE) } else { (1, wanted.page.limit) };
        let mut posts = Vec::new();
        let mut cursor = wanted.start();
        for _ in 0..pages {
            let found = self.store.list(workspace, cursor.as_deref(), size).await?;
            let mut rows = found.rows.into_iter().peekable();
            while let Some(post) = rows.next() {
                if wanted.created_after.is_some_and(|after| post.created_at < after) {
                    return Ok((posts, None));
                }
                let more = rows.peek().is_some() || found.next_cursor.is_some();
                let place = ports::cursor::place(post.created_at, post.id.as_str());
                if wanted.takes(&post) {
                    posts.push(post);
                }
                if posts.len() == limit && more {
                    return Ok((posts, Some(ports::cursor::encode(&place))));
                }
            }
            cursor = found.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok((posts, cursor))
    }
}

/// So many pages of so many posts are looked at for one page of a filtered list.
const PAGES: u32 = 5;
const PAGE: u32 = 100;
/// The last time that a place in a list can say, in milliseconds since 1970: the year 2286.
const LAST: i64 = 9_999_999_999_999;

/// Which posts are wanted.
struct Wanted {
    page: PageAsked,
    creator: Option<CreatorId>,
    state: Option<String>,
    created_after: Option<Timestamp>,
    created_before: Option<Timestamp>,
}

impl Wanted {
    fn read(ask: &Ask) -> Result<Self, Refusal> {
        let problems = Problems::default();
        let page = PageAsked::among(ask, &problems);
        let creator = ask.query("creator").and_then(|text| {
            let id = text.parse::<CreatorId>();
            if let Err(error) = &id {
                let remedy = "send the id as this API gave it";
                problems.push(Problem::new("/creator", "id.format", error.to_string(), remedy));
            }
            id.ok()
        });
        let state = ask.query("state");
        if let Some(found) = state.as_ref().filter(|found| !view::STATES.contains(&found.as_str())) {
            let found: String = found.chars().take(80).collect();
            problems.push(Problem::new(
                "/state",
                "state.unsupported",
                format!("`{found}` is no state, only `{}`", view::STATES.join("`, `")),
                "send one of these",
            ));
        }
        let time = |name: &'static str| {
            let text = ask.query(name)?;
            let time = text.parse::<Timestamp>();
            if time.is_err() {
                problems.push(not_a_time(format!("/{name}"), &text));
            }
            time.ok()
        };
        let (created_after, created_before) = (time("created_after"), time("created_before"));
        if !problems.is_empty() {
            return Err(Refusal::invalid(problems.take()));
        }
        Ok(Self { page, creator, state, created_after, created_before })
    }

    fn is_filtered(&self) -> bool {
        self.creator.is_some() || self.state.is_some()
    }

    fn takes(&self, post: &Post) -> bool {
        self.creator.as_ref().is_none_or(|creator| post.creator == *creator)
            && self.state.as_ref().is_none_or(|state| post.state.name() == state)
    }

    /// Where to begin: behind the page before, or with what is old enough, whichever comes later in the list.
    fn start(&self) -> Option<String> {
        let behind = self.page.cursor.as_deref().and_then(|cursor| ports::cursor::decode(cursor).ok());
        // places are ordered as texts of thirteen digits: what lies outside of them is all, or nothing
        let within = |time: Timestamp| Timestamp::from_millisecond(time.as_millisecond().clamp(0, LAST)).ok();
        let old = self.created_before.and_then(within).map(|before| ports::cursor::place(before, ""));
        let place = match (behind, old) {
            (Some(behind), Some(old)) => Some(behind.min(old)),
            (one, other) => one.or(other),
        };
        place.map(|place| ports::cursor::encode(&place))
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
        let page = Self::among(ask, &problems);
        if problems.is_empty() { Ok(page) } else { Err(Refusal::invalid(problems.take())) }
    }

    /// The page that is asked for, among other things.
    fn among(ask: &Ask, problems: &Problems) -> Self {
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
                // somebody else's; what nobody knows was refused before
                _ => {}
            }
        }
        page
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

/// What stands against the content whoever posts it. Consent to a draft is asked for when it is to be published.
pub(crate) fn content_problems(asked: &Asked) -> Vec<Problem> {
    let mut problems = asked.content.problems();
    problems.retain(|problem| !asked.draft || !problem.rule.starts_with("consent."));
    problems
}

/// What stands against the content for a creator.
pub(crate) fn creator_problems(
    content: &Content,
    info: &CreatorInfo,
    duration_ms: Option<u64>,
) -> Vec<Problem> {
    let mut found = content.problems_for(info, duration_ms);
    found.extend(content.interaction_problems_for(info));
    found
}

fn is_awaited(media: &Media) -> bool {
    matches!(media.state, MediaState::AwaitingUpload { .. })
}

/// Reads the body's fields; everything that is wrong goes to `problems`.
#[expect(clippy::too_many_lines, reason = "one body, field by field")]
pub(crate) fn read(body: &Value, form: bool, caller: &Caller, now: Timestamp, problems: &Problems) -> Asked {
    let mut fields = problems.body(body);
    let draft = fields.boolean("draft");
    let creator = fields.required_id("creator", "say for which creator: `crt_…`");
    let kind = match fields.word("kind", &["video", "photo"], "send `video` or `photo`") {
        Some("photo") => Kind::Photo,
        _ => Kind::Video,
    };
    let mode = match fields.word("mode", &["direct", "inbox"], "send `direct` or `inbox`") {
        Some("inbox") => Mode::Inbox,
        _ => Mode::Direct,
    };
    let transport =
        match fields.word("transport", &["auto", "pull", "upload"], "leave it out, or send `auto`") {
            Some("pull") => Transport::Pull,
            Some("upload") => Transport::Upload,
            _ => Transport::Auto,
        };
    if mode == Mode::Inbox {
        the_creator_decides(body, kind, problems);
    }
    match kind {
        Kind::Video => foreign(body, &["title", "description", "cover_index", "add_music"], kind, problems),
        Kind::Photo => {
            foreign(body, &["caption", "cover_timestamp_ms", "transport"], kind, problems);
            for pointer in ["/allow/duet", "/allow/stitch"] {
                if body.pointer(pointer).is_some_and(|value| !value.is_null()) {
                    problems.push(not_for(pointer, kind));
                }
            }
        }
    }
    let media = named_media(&mut fields, form, kind, problems);
    let caption = fields.text("caption").unwrap_or_default();
    let description = fields.text("description").unwrap_or_default();
    let too_long = |name: &str, rule: &str, error: &TooLong| {
        let remedy = "shorten it; most emoji count as two units";
        problems.push(Problem::new(format!("/{name}"), rule, error.to_string(), remedy));
    };
    let text = match kind {
        Kind::Video => Caption::of_video(caption.to_owned())
            .inspect_err(|error| too_long("caption", "caption.max", error)),
        Kind::Photo => Caption::of_photos(description.to_owned())
            .inspect_err(|error| too_long("description", "description.max", error)),
    };
    let title = Title::try_from(fields.text("title").unwrap_or_default().to_owned())
        .inspect_err(|error| too_long("title", "title.max", error));
    let last = if media.is_empty() { PHOTOS_MAX } else { media.len() } - 1;
    let cover_index = fields.number("cover_index", 0, last as u64).and_then(|it| u32::try_from(it).ok());
    let add_music = fields.boolean("add_music");
    let privacy_level = match mode {
        Mode::Direct => fields.required_text("privacy_level", PRIVACY),
        Mode::Inbox => fields.text("privacy_level"),
    };
    let privacy_level = privacy_level.and_then(|text| {
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
    let given = consent(&mut fields, mode, draft, caller, now, problems);
    let publish_at = when::read(&mut fields, problems);
    let allow_duplicate = fields.boolean("allow_duplicate");
    fields.done();
    let content = Content {
        kind,
        mode,
        transport,
        media: media.clone(),
        title: title.unwrap_or_default(),
        caption: text.unwrap_or_default(),
        privacy_level,
        allow: allowed,
        disclosure: disclosed,
        ai_generated,
        cover_timestamp_ms: cover.and_then(|ms| u32::try_from(ms).ok()),
        cover_index: cover_index.unwrap_or_default(),
        add_music,
        consent: given,
    };
    Asked { creator, media, content, publish_at, allow_duplicate, draft }
}

/// What the creator agreed to. A draft may do without.
pub(crate) fn consent(
    fields: &mut crate::fields::Fields<'_>,
    mode: Mode,
    draft: bool,
    caller: &Caller,
    now: Timestamp,
    problems: &Problems,
) -> Consent {
    let mut agreed = fields.object("consent");
    let needed = mode == Mode::Direct && (!draft || agreed.is_there());
    let given = Consent {
        music_usage_confirmed: agreed.boolean("music_usage_confirmed"),
        branded_content_policy_confirmed: agreed.boolean("branded_content_policy_confirmed"),
        text_version: if needed {
            text_version(&mut agreed, problems)
        } else {
            agreed.text("text_version").unwrap_or_default().chars().take(64).collect()
        },
        given_by: caller.by.clone(),
        given_at: now,
    };
    agreed.done();
    given
}

/// What bars a post: its problems, which may pass where TikTok could not be asked, or that alone.
pub(crate) fn refused(problems: &Problems, unheard: Option<Refusal>) -> Refusal {
    match unheard {
        Some(unheard) if problems.is_empty() => unheard,
        Some(_) => Refusal::invalid(problems.take()).retryable(),
        None => Refusal::invalid(problems.take()),
    }
}

/// What a draft for the inbox cannot carry: TikTok asks the creator for it, and would drop what is said here.
fn the_creator_decides(body: &Value, kind: Kind, problems: &Problems) {
    const THEIRS: [&str; 6] =
        ["privacy_level", "allow", "disclosure", "consent", "add_music", "ai_generated"];
    // TikTok takes title and description of photos along, and nothing of a video
    let of_video: &[&str] = if kind == Kind::Video { &["caption", "cover_timestamp_ms"] } else { &[] };
    let there = |name: &&&str| body.get(**name).is_some_and(|value| !value.is_null());
    for name in THEIRS.iter().chain(of_video).filter(there) {
        problems.push(theirs(name));
    }
}

/// A field that the creator decides.
pub(crate) fn theirs(name: &str) -> Problem {
    Problem::new(
        format!("/{name}"),
        "mode.inbox.field",
        format!("a draft carries no `{name}`: the creator decides it when finishing the post in TikTok"),
        "leave it out, or send the mode `direct`",
    )
}

/// TikTok takes up to 35 photos (Photo Post).
const PHOTOS_MAX: usize = 35;
/// A time that is hardly over is now: clocks differ, and requests take their time.
const HARDLY_OVER: SignedDuration = SignedDuration::from_mins(1);
/// An upload is kept for 30 days.
const UPLOADS_KEPT: SignedDuration = SignedDuration::from_hours(24 * 29);

pub(crate) fn check_publish_at(at: Timestamp, now: Timestamp, media: &[Option<Media>], problems: &Problems) {
    let oldest = media.iter().flatten().map(|media| media.created_at).min();
    let latest = oldest.unwrap_or(now) + UPLOADS_KEPT;
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

/// Fields that belong to the other kind of post.
fn foreign(body: &Value, names: &[&str], kind: Kind, problems: &Problems) {
    for name in names.iter().filter(|name| body.get(**name).is_some_and(|value| !value.is_null())) {
        problems.push(not_for(&format!("/{name}"), kind));
    }
}

fn not_for(pointer: &str, kind: Kind) -> Problem {
    Problem::new(
        pointer,
        "kind.field",
        format!("a {} post has no such field", kind.as_str()),
        "leave it out: videos have `caption`, photos have `title` and `description`",
    )
}

/// What stands against one of the media that a post names.
fn media_problems(index: usize, row: Option<&Media>, kind: Kind) -> Vec<Problem> {
    let Some(media) = row else {
        return vec![Problem::new(
            format!("/media/{index}/id"),
            "media.not_found",
            "this workspace has no such media",
            "declare the file with POST /v1/media and send the id that it gives",
        )];
    };
    let fits = match kind {
        Kind::Video => media.declared.container.kind() == MediaKind::Video,
        Kind::Photo => media.declared.container.kind() == MediaKind::Photo,
    };
    if !fits {
        return vec![Problem::new(
            format!("/media/{index}"),
            "media.kind",
            format!("a {} post cannot show a {}", kind.as_str(), media.declared.container.kind().as_str()),
            "send the kind that fits the media: `video` has one video, `photo` has photos",
        )];
    }
    match &media.state {
        MediaState::Rejected { problems } => problems
            .iter()
            .map(|problem| Problem { param: format!("/media/{index}"), ..problem.clone() })
            .collect(),
        MediaState::AwaitingUpload { .. } | MediaState::Ready { .. } => Vec::new(),
    }
}

/// What a post is pinned to, once all of its media are good.
pub(crate) fn pinned(media: &[Option<Media>], kind: Kind) -> Option<Pinned> {
    match kind {
        Kind::Video => media.first()?.as_ref()?.pinned(),
        Kind::Photo => {
            let formats = media.iter().map(|media| media.as_ref().and_then(Media::photo));
            let formats = formats.collect::<Option<Vec<_>>>().filter(|formats| !formats.is_empty())?;
            Some(Pinned::Photos { formats })
        }
    }
}

/// The one video, or up to 35 photos. In a form a video is the part `media`.
fn named_media(
    fields: &mut crate::fields::Fields<'_>,
    form: bool,
    kind: Kind,
    problems: &Problems,
) -> Vec<MediaId> {
    let items = fields.objects("media");
    let pointer = fields.pointer("media");
    if form {
        if kind == Kind::Photo {
            problems.push(Problem::new(
                fields.pointer("kind"),
                "kind.form",
                "a request can carry one video, no photos",
                "declare each photo with POST /v1/media, upload it, and name all of them in a JSON post",
            ));
        } else if items.is_some() {
            problems.push(Problem::new(
                pointer,
                "media.twice",
                "the video is in the part `media`, and the post names one as well",
                "leave `media` out of the post, or send the post as JSON without a file",
            ));
        }
        return Vec::new();
    }
    let Some(mut items) = items else {
        fields.require("media", "name the media: `[{\"id\": \"med_…\"}]`");
        return Vec::new();
    };
    if problems.covers(&pointer) {
        return Vec::new();
    }
    let most = if kind == Kind::Video { 1 } else { PHOTOS_MAX };
    if items.is_empty() || items.len() > most {
        let found = items.len();
        let detail = match kind {
            Kind::Video => format!("there are {found} media, a video has exactly one"),
            Kind::Photo => format!("there are {found} media, a photo post has 1 to {PHOTOS_MAX}"),
        };
        problems.push(Problem::new(pointer, "media.count", detail, "name one video, or up to 35 photos"));
        return Vec::new();
    }
    let (asked, mut ids) = (items.len(), Vec::with_capacity(items.len()));
    for (index, item) in items.iter_mut().enumerate() {
        let id = item.required_id("id", "send the id of the media: `med_…`");
        if !item.is_there() {
            let at = format!("{pointer}/{index}");
            problems.add([Problem::new(at, "field.type", format!("`{index}` is null"), "send an object")]);
        }
        ids.extend(id);
    }
    items.into_iter().for_each(crate::fields::Fields::done);
    if ids.len() == asked { ids } else { Vec::new() }
}
