//! Posts, their contents, and whose publish id is whose.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::content::{ContentHash, Kind};
use domain::media::{Container, PhotoFormat, Pinned, PinnedVideo};
use domain::post::{
    Attempt, Doubt, Failure, HoldReason, LocalTime, PostState, PublishId, Pulled, Sender, Source, Upload,
};
use domain::timeline::Timeline;
use domain::{AccountId, Content, Nonce, Notice, Post, PostId, Timestamp, WorkspaceId};
use ports::{Created, Page, PortError, PortResult, Posts, Read, Saved, Stored, Work, cursor};

use crate::app::{BREAKER, DETOUR, read_breaker, read_detour};
use crate::due::{self, Side};
use crate::item::{Item, Reader, binary, document, millis, nonce, number, text};
use crate::update::Update;
use crate::{Store, Wrote, accounts, codec, notices};

const POST_DAYS: i64 = 400;
/// Longer than any post that names it; what no post names goes as well.
const BODY_DAYS: i64 = 500;
const PUBLISH_ID_DAYS: i64 = 90;

pub(crate) fn pk(id: &PostId) -> String {
    format!("post#{id}")
}

fn body_pk(id: &PostId, hash: &ContentHash) -> String {
    format!("body#{id}#{hash}")
}

fn publish_pk(id: &PublishId) -> String {
    format!("pub#{}", id.0)
}

/// What the sweep compares and moves: the sort key of the `due` index.
pub(crate) fn due_keys(post: &Post) -> Option<due::Keys> {
    post.due.map(|at| due::keys(Side::Posts, post.id.bits(), &pk(&post.id), at))
}

const CONTAINERS: [Container; 3] = [Container::Mp4, Container::Mov, Container::Webm];

/// The facts of a state, each in an attribute of its own.
#[derive(Default)]
struct Facts<'a> {
    media: Option<&'a Pinned>,
    /// Deadline, start, end of a hold or of a claim, or since when.
    time: Option<Timestamp>,
    /// When a state began whose `time` is something else.
    since: Option<Timestamp>,
    why: Option<HoldReason>,
    attempts: Option<u32>,
    attempt: Option<&'a Attempt>,
    publish_id: Option<&'a PublishId>,
    post_ids: &'a [u64],
    removed: bool,
    failure: Option<&'a Failure>,
    doubt: Option<&'a Doubt>,
    upload: Option<&'a Upload>,
    pulled: Option<&'a Pulled>,
}

fn facts(state: &PostState) -> Facts<'_> {
    let none = Facts::default();
    match state {
        PostState::Draft => none,
        PostState::AwaitingMedia { deadline } => Facts { time: Some(*deadline), ..none },
        PostState::Scheduled { media, at } => Facts { media: Some(media), time: Some(*at), ..none },
        PostState::Queued { media, at, attempts } => {
            Facts { media: Some(media), time: Some(*at), attempts: Some(*attempts), ..none }
        }
        PostState::Held { media, until, why, attempts } => {
            Facts { media: Some(media), time: *until, why: Some(*why), attempts: Some(*attempts), ..none }
        }
        PostState::Initiating { media, attempt, until } => {
            Facts { media: Some(media), time: Some(*until), attempt: Some(attempt), ..none }
        }
        PostState::Uploading { media, attempt, publish_id, upload, since } => Facts {
            media: Some(media),
            time: Some(*since),
            attempt: Some(attempt),
            publish_id: Some(publish_id),
            upload: Some(upload),
            ..none
        },
        PostState::Processing { media, attempt, publish_id, since, pulled } => Facts {
            media: Some(media),
            time: Some(*since),
            attempt: Some(attempt),
            publish_id: Some(publish_id),
            pulled: pulled.as_ref(),
            ..none
        },
        PostState::Cancelling { media, attempt, publish_id, until, since } => Facts {
            media: Some(media),
            time: Some(*until),
            since: Some(*since),
            attempt: Some(attempt),
            publish_id: publish_id.as_ref(),
            ..none
        },
        PostState::SentToInbox { publish_id, since } => {
            Facts { time: Some(*since), publish_id: Some(publish_id), ..none }
        }
        PostState::Published { publish_id, post_ids, removed, since } => {
            Facts { time: Some(*since), publish_id: publish_id.as_ref(), post_ids, removed: *removed, ..none }
        }
        PostState::Failed { failure, publish_id } => {
            Facts { publish_id: publish_id.as_ref(), failure: Some(failure), ..none }
        }
        PostState::Cancelled { publish_id } => Facts { publish_id: publish_id.as_ref(), ..none },
        PostState::Unconfirmed { media, attempt, publish_id, doubt } => Facts {
            media: Some(media),
            time: Some(doubt.since),
            attempt: Some(attempt),
            publish_id: publish_id.as_ref(),
            doubt: Some(doubt),
            ..none
        },
    }
}

/// What may change, the wake-up apart.
fn changing(post: &Post) -> impl Iterator<Item = (&'static str, Option<AttributeValue>)> {
    let facts = facts(&post.state);
    let post_ids = facts.post_ids.iter().map(number).collect::<Vec<_>>();
    let timeline = post.timeline.entries().iter().map(|entry| text(codec::entry(entry, post.created_at)));
    let gone = post.state.is_final().then(|| number(codec::gone_after(post.updated_at, POST_DAYS)));
    let attempts = facts.attempt.map_or(facts.attempts, |attempt| Some(attempt.number));
    let flag = |is: bool| is.then_some(AttributeValue::Bool(true));
    let video = facts.media.and_then(Pinned::video);
    let photos = facts.media.and_then(photos);
    let sender = facts.upload.and_then(|upload| upload.sender);
    let local_time = post.local_time.as_ref();
    let local_time = local_time.map(|said| format!("{} {}", said.local_time, said.timezone));
    let asked = [
        ("m", Some(text(post.media.as_str()))),
        ("h", Some(binary(post.content.0))),
        ("h0", (post.accepted != post.content).then(|| binary(post.accepted.0))),
        ("p", post.privacy_level.map(|level| text(level.as_str()))),
        ("kd", (post.kind != Kind::Video).then(|| text(post.kind.as_str()))),
        ("pa", post.publish_at.map(millis)),
        ("pl", local_time.map(text)),
    ];
    let stands = [
        ("s", Some(text(post.state.name()))),
        ("ua", Some(millis(post.updated_at))),
        ("t", Some(AttributeValue::L(timeline.collect()))),
        ("e", video.map(|video| text(&video.etag))),
        ("k", video.map(|video| text(video.container.extension()))),
        ("d", video.map(|video| number(video.duration_ms))),
        ("z", video.and_then(|video| video.size).map(number)),
        ("ph", photos.map(text)),
        ("x", facts.time.map(millis)),
        ("hy", facts.why.map(|why| text(why.as_str()))),
        ("xs", facts.since.map(millis)),
        ("ac", attempts.map(number)),
        ("an", facts.attempt.map(|attempt| nonce(attempt.nonce))),
        ("ax", facts.attempt.map(|attempt| millis(attempt.claimed_at))),
        ("au", flag(facts.attempt.is_some_and(|attempt| attempt.unindexed))),
        ("ay", flag(facts.attempt.is_some_and(|attempt| attempt.source == Source::FileUpload))),
        ("yu", facts.upload.map(|upload| binary(codec::token(&upload.url)))),
        ("ys", facts.upload.map(|upload| number(upload.sent))),
        ("yb", flag(facts.upload.is_some_and(|upload| upload.begun))),
        ("yn", sender.map(|sender| nonce(sender.nonce))),
        ("yt", sender.map(|sender| millis(sender.until))),
        ("qb", facts.pulled.map(|pulled| number(pulled.bytes))),
        ("qs", facts.pulled.map(|pulled| millis(pulled.since))),
        ("qt", flag(facts.pulled.is_some_and(|pulled| pulled.told))),
        ("pi", facts.publish_id.map(|id| text(&id.0))),
        ("ids", (!post_ids.is_empty()).then_some(AttributeValue::L(post_ids))),
        ("rm", flag(facts.removed)),
        ("df", facts.doubt.and_then(|doubt| doubt.fenced_at).map(millis)),
        ("dr", facts.doubt.map(|doubt| doubt.reminders).filter(|told| *told > 0).map(number)),
        ("dc", flag(facts.doubt.is_some_and(|doubt| doubt.cancel))),
        ("fc", facts.failure.map(|failure| text(&failure.code))),
        ("fr", facts.failure.map(|failure| text(&failure.remedy))),
        ("ttl", gone),
    ];
    asked.into_iter().chain(stands)
}

/// The formats of photos, a letter each.
fn photos(media: &Pinned) -> Option<String> {
    let Pinned::Photos { formats } = media else { return None };
    Some(formats.iter().map(|format| photo_letter(*format)).collect())
}

const fn photo_letter(format: PhotoFormat) -> char {
    match format {
        PhotoFormat::Jpeg => 'j',
        PhotoFormat::Webp => 'w',
    }
}

/// What is written once.
fn lasting(post: &Post) -> impl Iterator<Item = (&'static str, AttributeValue)> {
    let repeated = post.retry_of.as_ref().map(|id| ("ro", text(id.as_str())));
    let always = [
        ("w", text(post.workspace.as_str())),
        ("c", text(post.creator.as_str())),
        ("a", text(post.account.as_str())),
        ("ca", millis(post.created_at)),
        ("list_pk", text(format!("post#{}", post.workspace))),
        ("list_sk", text(cursor::place(post.created_at, post.id.as_str()))),
    ];
    always.into_iter().chain(repeated)
}

fn read_local_time(row: &Reader<'_>, name: &'static str) -> PortResult<LocalTime> {
    let said = row.text(name)?.split_once(' ').map(|(time, zone)| (time.to_owned(), zone.to_owned()));
    let (local_time, timezone) = said.ok_or_else(|| row.unreadable(name))?;
    Ok(LocalTime { local_time, timezone })
}

pub(crate) fn read(item: &Item) -> PortResult<Stored<Post>> {
    let row = Reader::new(item);
    let created_at = row.time("ca")?;
    let id = row.text("pk")?.strip_prefix("post#").and_then(|id| id.parse().ok());
    let content = ContentHash(row.array("h")?);
    let timeline = row.list("t")?.iter().map(|entry| codec::read_entry(entry.as_s().ok()?, created_at));
    let post = Post {
        id: id.ok_or_else(|| row.unreadable("pk"))?,
        workspace: row.parsed("w")?,
        creator: row.parsed("c")?,
        account: row.parsed("a")?,
        content,
        accepted: row.maybe("h0", Reader::array)?.map_or(content, ContentHash),
        kind: match row.maybe("kd", Reader::text)? {
            None => Kind::Video,
            Some("photo") => Kind::Photo,
            Some(_) => return Err(row.unreadable("kd")),
        },
        media: row.parsed("m")?,
        privacy_level: row.maybe("p", Reader::parsed)?,
        publish_at: row.maybe("pa", Reader::time)?,
        local_time: row.maybe("pl", read_local_time)?,
        retry_of: row.maybe("ro", Reader::parsed)?,
        created_at,
        updated_at: row.time("ua")?,
        state: read_state(&row)?,
        timeline: Timeline(timeline.collect::<Option<_>>().ok_or_else(|| row.unreadable("t"))?),
        due: due::read(&row)?,
    };
    Ok(Stored { row: post, version: row.number("v")? })
}

#[expect(clippy::too_many_lines, reason = "one table, as the facts above")]
fn read_state(row: &Reader<'_>) -> PortResult<PostState> {
    let media = || {
        if let Some(letters) = row.maybe("ph", Reader::text)? {
            let format = |letter| PhotoFormat::ALL.into_iter().find(|it| photo_letter(*it) == letter);
            let formats = letters.chars().map(format).collect::<Option<_>>();
            return Ok(Pinned::Photos { formats: formats.ok_or_else(|| row.unreadable("ph"))? });
        }
        let container = row.text("k")?;
        Ok(Pinned::Video(PinnedVideo {
            etag: row.text("e")?.to_owned(),
            container: CONTAINERS
                .into_iter()
                .find(|it| it.extension() == container)
                .ok_or_else(|| row.unreadable("k"))?,
            duration_ms: row.number("d")?,
            size: row.maybe("z", Reader::number)?,
        }))
    };
    let attempt = || {
        PortResult::Ok(Attempt {
            number: row.number("ac")?,
            nonce: row.nonce("an")?,
            // rows of the first version do not say when: their last change is later, and errs on the safe side
            claimed_at: row.maybe("ax", Reader::time)?.map_or_else(|| row.time("ua"), Ok)?,
            source: if row.flag("ay") { Source::FileUpload } else { Source::PullFromUrl },
            unindexed: row.flag("au"),
        })
    };
    let pulled = || {
        let Some(bytes) = row.maybe("qb", Reader::number)? else { return PortResult::Ok(None) };
        Ok(Some(Pulled { bytes, since: row.time("qs")?, told: row.flag("qt") }))
    };
    let upload = || {
        let sender = match row.maybe("yn", Reader::nonce)? {
            Some(nonce) => Some(Sender { nonce, until: row.time("yt")? }),
            None => None,
        };
        let url = codec::read_token(row.bytes("yu")?).ok_or_else(|| row.unreadable("yu"))?;
        PortResult::Ok(Upload { url, sent: row.number("ys")?, begun: row.flag("yb"), sender })
    };
    let publish_id = || row.text("pi").map(|id| PublishId(id.to_owned()));
    let maybe_publish_id = || row.maybe("pi", |row, name| Ok(PublishId(row.text(name)?.to_owned())));
    Ok(match row.text("s")? {
        "draft" => PostState::Draft,
        "awaiting_media" => PostState::AwaitingMedia { deadline: row.time("x")? },
        "scheduled" => PostState::Scheduled { media: media()?, at: row.time("x")? },
        "queued" => PostState::Queued { media: media()?, at: row.time("x")?, attempts: row.number("ac")? },
        "held" => {
            let word = row.text("hy")?;
            let why = HoldReason::ALL.into_iter().find(|why| why.as_str() == word);
            PostState::Held {
                media: media()?,
                until: row.maybe("x", Reader::time)?,
                why: why.ok_or_else(|| row.unreadable("hy"))?,
                attempts: row.number("ac")?,
            }
        }
        "initiating" => PostState::Initiating { media: media()?, attempt: attempt()?, until: row.time("x")? },
        "uploading" => PostState::Uploading {
            media: media()?,
            attempt: attempt()?,
            publish_id: publish_id()?,
            upload: upload()?,
            since: row.time("x")?,
        },
        "processing" => PostState::Processing {
            media: media()?,
            attempt: attempt()?,
            publish_id: publish_id()?,
            since: row.time("x")?,
            pulled: pulled()?,
        },
        "cancelling" => PostState::Cancelling {
            media: media()?,
            attempt: attempt()?,
            publish_id: maybe_publish_id()?,
            until: row.time("x")?,
            since: row.time("xs")?,
        },
        "sent_to_inbox" => PostState::SentToInbox { publish_id: publish_id()?, since: row.time("x")? },
        "cancelled" => PostState::Cancelled { publish_id: maybe_publish_id()? },
        "published" => {
            let ids = row.maybe("ids", Reader::list)?.unwrap_or_default();
            let ids = ids.iter().map(|id| id.as_n().ok()?.parse().ok()).collect::<Option<_>>();
            PostState::Published {
                publish_id: maybe_publish_id()?,
                post_ids: ids.ok_or_else(|| row.unreadable("ids"))?,
                removed: row.flag("rm"),
                since: row.time("x")?,
            }
        }
        "failed" => PostState::Failed {
            failure: Failure { code: row.text("fc")?.to_owned(), remedy: row.text("fr")?.to_owned() },
            publish_id: maybe_publish_id()?,
        },
        "unconfirmed" => PostState::Unconfirmed {
            media: media()?,
            attempt: attempt()?,
            publish_id: maybe_publish_id()?,
            doubt: Doubt {
                since: row.time("x")?,
                fenced_at: row.maybe("df", Reader::time)?,
                reminders: row.maybe("dr", Reader::number)?.unwrap_or_default(),
                cancel: row.flag("dc"),
            },
        },
        _ => return Err(row.unreadable("s")),
    })
}

fn read_body(item: &Item) -> PortResult<Content> {
    Reader::new(item).document("c")
}

/// The row of a post that is not there yet.
fn creation(post: &Post, by: Nonce) -> Update {
    let update = Update::when("attribute_not_exists(#pk)").set("v", number(1)).set("n", nonce(by));
    let update = lasting(post).fold(update, |update, (name, value)| update.set(name, value));
    let changing = changing(post).filter_map(|(name, value)| Some((name, value?)));
    let update = changing.fold(update, |update, (name, value)| update.set(name, value));
    match due_keys(post) {
        Some(keys) => keys.set(update),
        None => update,
    }
}

impl Store {
    async fn write_body(&self, post: &Post, content: &Content) -> PortResult<()> {
        // what was written first stays, with its consent
        let body = Update::when("attribute_not_exists(#pk)")
            .set("c", document(content)?)
            .set("ttl", number(codec::gone_after(post.updated_at, BODY_DAYS)));
        self.update(&body_pk(&post.id, &post.content), body, ReturnValue::None).await.map(drop)
    }
}

impl Posts for Store {
    async fn create(&self, post: &Post, content: &Content, by: Nonce) -> PortResult<Created<Post>> {
        self.write_body(post, content).await?;
        match self.update(&pk(&post.id), creation(post, by), ReturnValue::None).await? {
            Wrote::Done(_) => Ok(Created::New(Stored { row: post.clone(), version: 1 })),
            Wrote::Refused(found) => {
                let found = found.unwrap_or_default();
                let ours = Reader::new(&found).bears("n", by);
                Ok(if ours { Created::New(read(&found)?) } else { Created::Existed(read(&found)?) })
            }
        }
    }

    async fn post(&self, id: &PostId, how: Read) -> PortResult<Option<Stored<Post>>> {
        self.get(pk(id), how).await?.as_ref().map(read).transpose()
    }

    async fn content(&self, id: &PostId, hash: &ContentHash) -> PortResult<Option<Content>> {
        self.find(body_pk(id, hash)).await?.as_ref().map(read_body).transpose()
    }

    async fn work(
        &self,
        post: &PostId,
        content: Option<&ContentHash>,
        account: &AccountId,
        how: Read,
    ) -> PortResult<Work> {
        let post_pk = pk(post);
        let account_pk = accounts::pk(account);
        let body_pk = content.map(|hash| body_pk(post, hash));
        let of_all = content.map_or(&[][..], |_| &[BREAKER, DETOUR]).iter().map(|pk| (*pk).to_owned());
        let pks = [Some(&post_pk), Some(&account_pk), body_pk.as_ref()];
        let pks = pks.into_iter().flatten().cloned().chain(of_all);
        let found = self.batch(pks.collect(), how).await?;
        Ok(Work {
            post: found.get(&post_pk).map(read).transpose()?,
            content: body_pk.and_then(|pk| found.get(&pk)).map(read_body).transpose()?,
            account: found.get(&account_pk).map(accounts::read).transpose()?,
            breaker: found.get(BREAKER).map(read_breaker).transpose()?.flatten(),
            detour: found.get(DETOUR).map(read_detour).transpose()?,
        })
    }

    async fn save(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        news: Option<&Notice>,
        by: Nonce,
    ) -> PortResult<Saved<Post>> {
        let version = seen.version + 1;
        let mut update = Update::when("#v = :seen")
            .value("seen", number(seen.version))
            .set("v", number(version))
            .set("n", nonce(by))
            .put_all(changing(post));
        if post.due != seen.row.due {
            update = due::put(update, due_keys(post));
        }
        let pk = pk(&seen.row.id);
        let wrote = match news {
            None => self.update(&pk, update, ReturnValue::None).await?,
            Some(notice) => {
                let told = notices::put(Update::always(), notice)?;
                self.update_both((&pk, update), (&notices::pk(notice), told)).await?
            }
        };
        match wrote {
            Wrote::Done(_) => Ok(Saved::Written(Stored { row: post.clone(), version })),
            Wrote::Refused(None) => Ok(Saved::Conflict(None)),
            Wrote::Refused(Some(found)) => {
                let ours = Reader::new(&found).bears("n", by);
                let found = read(&found)?;
                Ok(if ours { Saved::Written(found) } else { Saved::Conflict(Some(found)) })
            }
        }
    }

    async fn edit(
        &self,
        seen: &Stored<Post>,
        post: &Post,
        content: &Content,
        by: Nonce,
    ) -> PortResult<Saved<Post>> {
        self.write_body(post, content).await?;
        self.save(seen, post, None, by).await
    }

    async fn remember(&self, publish_id: &PublishId, post: &PostId, now: Timestamp) -> PortResult<()> {
        let update = Update::when("attribute_not_exists(#pk) OR #p = :p")
            .set("p", text(post.as_str()))
            .set("ttl", number(codec::gone_after(now, PUBLISH_ID_DAYS)));
        match self.update(&publish_pk(publish_id), update, ReturnValue::None).await? {
            Wrote::Done(_) => Ok(()),
            Wrote::Refused(_) => {
                let what = format!("remember publish id `{}` for post `{post}`", publish_id.0);
                Err(PortError::refused(what, AnotherPosts))
            }
        }
    }

    async fn whose(&self, publish_id: &PublishId) -> PortResult<Option<PostId>> {
        let found = self.find(publish_pk(publish_id)).await?;
        found.map(|item| Reader::new(&item).parsed("p")).transpose()
    }

    async fn list(
        &self,
        workspace: &WorkspaceId,
        cursor: Option<&str>,
        limit: u32,
    ) -> PortResult<Page<Post>> {
        self.page(format!("post#{workspace}"), cursor, limit, |item| Ok(read(item)?.row)).await
    }
}

/// A publish id names one post for ever.
#[derive(Debug, thiserror::Error)]
#[error("it is another post's")]
struct AnotherPosts;

#[cfg(test)]
mod tests {
    use domain::account::Sealed;
    use domain::content::PrivacyLevel;
    use domain::{CreatorId, MediaId};
    use proptest::prelude::*;

    use super::*;

    fn at() -> impl Strategy<Value = Timestamp> {
        (0_i64..9_999_999_999_999).prop_map(|at| Timestamp::from_millisecond(at).expect("within reach"))
    }

    fn word() -> impl Strategy<Value = String> {
        "[ -~é]{0,60}"
    }

    fn publish_id() -> impl Strategy<Value = PublishId> {
        word().prop_map(PublishId)
    }

    fn media() -> impl Strategy<Value = Pinned> {
        let video = (
            word(),
            proptest::sample::select(&CONTAINERS[..]),
            any::<u64>(),
            proptest::option::of(any::<u64>()),
        )
            .prop_map(|(etag, container, duration_ms, size)| {
                Pinned::Video(PinnedVideo { etag, container, duration_ms, size })
            });
        let formats = proptest::collection::vec(proptest::sample::select(&PhotoFormat::ALL[..]), 1..35);
        prop_oneof![3 => video, 1 => formats.prop_map(|formats| Pinned::Photos { formats })]
    }

    fn sealed() -> impl Strategy<Value = Sealed> {
        let bytes = |length| proptest::collection::vec(any::<u8>(), 0..length);
        (bytes(200), bytes(400)).prop_map(|(data_key, cipher)| Sealed { data_key, cipher })
    }

    fn an_upload() -> impl Strategy<Value = Upload> {
        let sender = proptest::option::of((any::<u128>(), at()));
        (sealed(), any::<u64>(), any::<bool>(), sender).prop_map(|(url, sent, begun, sender)| {
            let sender = sender.map(|(bits, until)| Sender { nonce: Nonce::from_bits(bits), until });
            Upload { url, sent, begun, sender }
        })
    }

    fn pulled() -> impl Strategy<Value = Option<Pulled>> {
        proptest::option::of((any::<u64>(), at(), any::<bool>()).prop_map(|(bytes, since, told)| Pulled {
            bytes,
            since,
            told,
        }))
    }

    fn attempt() -> impl Strategy<Value = Attempt> {
        (any::<u32>(), any::<u128>(), at(), any::<bool>(), any::<bool>()).prop_map(
            |(number, bits, claimed_at, uploads, unindexed)| Attempt {
                number,
                nonce: Nonce::from_bits(bits),
                claimed_at,
                source: if uploads { Source::FileUpload } else { Source::PullFromUrl },
                unindexed,
            },
        )
    }

    fn doubt() -> impl Strategy<Value = Doubt> {
        (at(), proptest::option::of(at()), 0_u32..9, any::<bool>())
            .prop_map(|(since, fenced_at, reminders, cancel)| Doubt { since, fenced_at, reminders, cancel })
    }

    fn a_state() -> impl Strategy<Value = PostState> {
        let maybe_publish_id = || proptest::option::of(publish_id());
        let why = proptest::sample::select(&HoldReason::ALL[..]);
        let post_ids = proptest::collection::vec(any::<u64>(), 0..3);
        prop_oneof![
            at().prop_map(|deadline| PostState::AwaitingMedia { deadline }),
            (media(), at(), any::<u32>()).prop_map(|(media, at, attempts)| PostState::Queued {
                media,
                at,
                attempts
            }),
            (media(), proptest::option::of(at()), why, any::<u32>())
                .prop_map(|(media, until, why, attempts)| PostState::Held { media, until, why, attempts }),
            (media(), attempt(), at()).prop_map(|(media, attempt, until)| PostState::Initiating {
                media,
                attempt,
                until
            }),
            Just(PostState::Draft),
            (media(), attempt(), publish_id(), an_upload(), at()).prop_map(
                |(media, attempt, publish_id, upload, since)| {
                    PostState::Uploading { media, attempt, publish_id, upload, since }
                }
            ),
            (media(), attempt(), publish_id(), at(), pulled()).prop_map(
                |(media, attempt, publish_id, since, pulled)| {
                    PostState::Processing { media, attempt, publish_id, since, pulled }
                }
            ),
            (maybe_publish_id(), post_ids, any::<bool>(), at()).prop_map(
                |(publish_id, post_ids, removed, since)| {
                    PostState::Published { publish_id, post_ids, removed, since }
                }
            ),
            (word(), word(), maybe_publish_id()).prop_map(|(code, remedy, publish_id)| {
                PostState::Failed { failure: Failure { code, remedy }, publish_id }
            }),
            (media(), at()).prop_map(|(media, at)| PostState::Scheduled { media, at }),
            (media(), attempt(), maybe_publish_id(), at(), at()).prop_map(
                |(media, attempt, publish_id, until, since)| {
                    PostState::Cancelling { media, attempt, publish_id, until, since }
                }
            ),
            maybe_publish_id().prop_map(|publish_id| PostState::Cancelled { publish_id }),
            (publish_id(), at()).prop_map(|(publish_id, since)| PostState::SentToInbox { publish_id, since }),
            (media(), attempt(), maybe_publish_id(), doubt()).prop_map(
                |(media, attempt, publish_id, doubt)| {
                    PostState::Unconfirmed { media, attempt, publish_id, doubt }
                }
            ),
        ]
    }

    fn a_post() -> impl Strategy<Value = Post> {
        let levels = [
            PrivacyLevel::PublicToEveryone,
            PrivacyLevel::MutualFollowFriends,
            PrivacyLevel::FollowerOfCreator,
            PrivacyLevel::SelfOnly,
        ];
        let timeline = proptest::collection::vec(codec::tests::an_entry(), 0..24);
        let ids = (
            any::<u128>(),
            any::<u128>(),
            any::<[u8; 32]>(),
            proptest::option::of(proptest::sample::select(levels.to_vec())),
        );
        let kind = proptest::sample::select(&[Kind::Video, Kind::Photo][..]);
        let wishes = (proptest::option::of(at()), proptest::option::of(any::<u128>()), kind, any::<bool>());
        (ids, at(), at(), a_state(), timeline, proptest::option::of(at()), wishes).prop_map(
            |((id, other, hash, privacy_level), created_at, updated_at, state, timeline, due, wishes)| Post {
                id: PostId::from_bits(id),
                workspace: WorkspaceId::from_bits(other),
                creator: CreatorId::from_bits(other ^ 1),
                account: AccountId::from_bits(other ^ 2),
                content: ContentHash(hash),
                accepted: ContentHash(if wishes.3 { [7; 32] } else { hash }),
                kind: wishes.2,
                media: MediaId::from_bits(other ^ 3),
                privacy_level,
                publish_at: wishes.0,
                local_time: wishes.3.then(|| LocalTime {
                    local_time: "2026-12-01T18:00".to_owned(),
                    timezone: "Europe/Athens".to_owned(),
                }),
                retry_of: wishes.1.map(PostId::from_bits),
                created_at,
                updated_at,
                state,
                timeline: Timeline(timeline),
                due,
            },
        )
    }

    /// The row as the table has it after its creation.
    fn row(post: &Post) -> Item {
        creation(post, Nonce::from_bits(1)).into_row(&pk(&post.id))
    }

    proptest! {
        #[test]
        fn a_post_comes_back(post in a_post()) {
            prop_assert_eq!(read(&row(&post)).expect("it is readable"), Stored { row: post, version: 1 });
        }

        #[test]
        fn a_save_leaves_nothing_of_the_state_before(before in a_post(), after in a_post()) {
            let after = Post { created_at: before.created_at, ..after };
            let mut saved = row(&before);
            for (name, value) in changing(&after) {
                match value {
                    Some(value) => saved.insert(name.to_owned(), value),
                    None => saved.remove(name),
                };
            }
            let read = read(&saved).expect("it is readable").row;
            prop_assert_eq!((read.state, read.timeline), (after.state, after.timeline));
        }

        #[test]
        fn a_row_that_lacks_something_is_refused_by_name(post in a_post(), index in any::<prop::sample::Index>()) {
            let mut row = row(&post);
            let needed = ["pk", "v", "w", "c", "a", "m", "h", "ca", "ua", "s", "t"];
            let lacking = needed[index.index(needed.len())];
            row.remove(lacking);
            let error = read(&row).expect_err("something is missing");
            prop_assert!(error.refused);
            let source = error.source.expect("a reason").to_string();
            prop_assert!(source.contains(&format!("`{lacking}`")), "{}", source);
        }
    }
}
