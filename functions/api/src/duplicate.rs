//! The same creator, caption and media within a day are one post, unless somebody says otherwise.
//!
//! A guard names the post that came first. It is taken before that post's row is written, so that of two at the same moment one
//! is refused; whoever finds a guard whose post failed, was cancelled or was never written takes it over, conditionally. A post
//! that is not there may still be written by whoever took its guard, until that invocation has ended: until then it counts.
//! All of it costs one small write.
//!
//! An edit takes the guard of what the post is to say before it writes. What the post said before keeps a guard that stands for
//! nothing: whoever finds it looks at what the post says now.

use domain::media::MediaState;
use domain::post::PostState;
use domain::{Content, CreatorId, Media, MediaId, Post, PostId, SignedDuration, Timestamp};
use http::StatusCode;
use ports::{Guard, Guards, MediaRows, Posts, Read};

use crate::crypto;
use crate::media::base64;
use crate::multipart::Attached;
use crate::refusal::Refusal;
use crate::{Api, Outside};

const GUARDED: SignedDuration = SignedDuration::from_hours(24);
/// Others may change a guard at the same moment this often.
const TRIES: u32 = 8;

/// The post that came first.
pub(crate) struct Earlier {
    post: PostId,
    /// It is not there yet, and will not come after this.
    until: Option<Timestamp>,
}

impl Earlier {
    pub(crate) fn refusal(self, now: Timestamp) -> Refusal {
        let refusal = Refusal::new(
            StatusCode::CONFLICT,
            "post.duplicate",
            format!("the same creator, caption and media were posted within 24 hours as `{}`", self.post),
            "read that post; send `\"allow_duplicate\": true` if the same is to be posted again",
        )
        .duplicate_of(self.post);
        match self.until {
            Some(until) => refusal.retry_in(until.duration_since(now), now),
            None => refusal,
        }
    }
}

impl<W: Outside> Api<W> {
    /// Takes what guards this post from `at` on. `Some`: another one has it.
    pub(crate) async fn guarded_by(
        &self,
        post: &Post,
        content: &Content,
        bytes: &[String],
        at: Timestamp,
        deadline: Timestamp,
    ) -> Result<Option<Earlier>, Refusal> {
        let guard = Guard {
            post: post.id.clone(),
            content: post.accepted,
            at,
            until: deadline + self.periods.claim_margin,
            ends_at: at + GUARDED,
        };
        for key in keys(&post.creator, content, bytes) {
            if let Some(earlier) = self.take_guard(key, guard.clone(), deadline).await? {
                return Ok(Some(earlier));
            }
        }
        Ok(None)
    }

    /// The post that guards the same, if there is one now; takes nothing.
    pub(crate) async fn duplicate_of(
        &self,
        post: &PostId,
        creator: &CreatorId,
        content: &Content,
        bytes: &[String],
        now: Timestamp,
    ) -> Result<Option<Earlier>, Refusal> {
        for key in keys(creator, content, bytes) {
            let guard = self.store.guard_of(key).await?;
            let guard = guard.filter(|guard| now < guard.ends_at && guard.post != *post);
            if let Some(guard) = guard
                && let Some(earlier) = self.stands(&key, &guard, now).await?
            {
                return Ok(Some(earlier));
            }
        }
        Ok(None)
    }

    async fn take_guard(
        &self,
        key: [u8; 32],
        mut guard: Guard,
        deadline: Timestamp,
    ) -> Result<Option<Earlier>, Refusal> {
        let now = guard.at;
        let mut seen: Option<Guard> = None;
        for _ in 0..TRIES {
            let Some(there) = self.store.guard(key, &guard, seen.as_ref()).await? else { return Ok(None) };
            if now < there.ends_at {
                if (&there.post, there.content) == (&guard.post, guard.content) {
                    // a repeat of the request that took it: it has to count for as long as this may write
                    if deadline <= there.until {
                        return Ok(None);
                    }
                    guard = Guard { until: guard.until, ..there.clone() };
                } else if let Some(earlier) = self.stands(&key, &there, now).await? {
                    return Ok(Some(earlier));
                }
            }
            seen = Some(there);
        }
        Err(Refusal::internal("a guard was changed by others again and again"))
    }

    /// The post of a guard, if it bars the way.
    async fn stands(
        &self,
        key: &[u8; 32],
        guard: &Guard,
        now: Timestamp,
    ) -> Result<Option<Earlier>, Refusal> {
        let Some(post) = self.store.post(&guard.post, Read::Strong).await?.map(|post| post.row) else {
            return Ok(to_come(guard, now));
        };
        Ok(match &post.state {
            // its id was used for something else, and this was never written
            _ if post.accepted != guard.content => None,
            PostState::Failed { .. } | PostState::Cancelled { .. } => None,
            PostState::Draft => to_come(guard, now),
            _ if post.content != post.accepted && !self.says(&post, key).await? => to_come(guard, now),
            _ => Some(Earlier { post: post.id, until: None }),
        })
    }

    /// Whether this is what an edited post says now.
    async fn says(&self, post: &Post, key: &[u8; 32]) -> Result<bool, Refusal> {
        let Some(content) = self.store.content(&post.id, &post.content).await? else { return Ok(false) };
        let media = self.store.several(&content.media, Read::Eventual).await?;
        let mut bytes = bytes_of(&content.media, &media, None);
        // it may have been edited before the upload had come
        bytes.push(uploads(&content.media));
        Ok(keys(&post.creator, &content, &bytes).any(|one| one == *key))
    }
}

/// A post that is not there, or does not say this yet, as long as whoever took the guard may still write it.
fn to_come(guard: &Guard, now: Timestamp) -> Option<Earlier> {
    (now < guard.until).then(|| Earlier { post: guard.post.clone(), until: Some(guard.until) })
}

/// What names the bytes, whatever ids they have: the checksum that S3 has checked, else the entity tag, else the upload that is
/// still to come. Posts that waited for an upload are found by it although the tag is known by now. Several photos are named
/// together, in their order.
pub(crate) fn bytes_of(ids: &[MediaId], media: &[Option<Media>], attached: Option<&Attached>) -> Vec<String> {
    let rows = media.iter().map(Option::as_ref).chain(std::iter::repeat(None));
    let mut named: Vec<_> = ids.iter().zip(rows).map(|(id, media)| names_of(id, media, attached)).collect();
    match named.as_mut_slice() {
        [one] => std::mem::take(one),
        several => {
            let firsts: Vec<_> = several.iter().filter_map(|names| names.first().cloned()).collect();
            vec![firsts.join(" ")]
        }
    }
}

fn names_of(id: &MediaId, media: Option<&Media>, attached: Option<&Attached>) -> Vec<String> {
    let checksum = attached
        .map(|attached| base64(&attached.sha256))
        .or_else(|| media.and_then(|media| media.declared.sha256.clone()));
    if let Some(checksum) = checksum {
        return vec![format!("sha256 {checksum}")];
    }
    let upload = upload(id);
    let ready = media.and_then(|media| match &media.state {
        MediaState::Ready { etag, .. } => Some((media, etag)),
        MediaState::AwaitingUpload { .. } | MediaState::Rejected { .. } => None,
    });
    match ready {
        Some((media, etag)) if media.waiting.is_empty() => vec![format!("etag {etag}")],
        Some((_, etag)) => vec![format!("etag {etag}"), upload],
        None => vec![upload],
    }
}

fn upload(id: &MediaId) -> String {
    format!("upload {id}")
}

fn uploads(ids: &[MediaId]) -> String {
    ids.iter().map(upload).collect::<Vec<_>>().join(" ")
}

/// The caption stands last: nothing in it looks like another creator or other bytes.
fn keys<'a>(
    creator: &CreatorId,
    content: &Content,
    bytes: &'a [String],
) -> impl Iterator<Item = [u8; 32]> + use<'a> {
    let (creator, text) = (creator.clone(), [content.title.as_str(), content.caption.as_str()].concat());
    bytes.iter().map(move |bytes| crypto::sha256(format!("{creator}\n{bytes}\n{text}").as_bytes()))
}
