//! The library: a workspace's media, and how one is taken out of it.

use domain::content::Kind;
use domain::media::MediaState;
use domain::{Media, Post, PostId, Problem, Scope, SignedDuration};
use http::StatusCode;
use ports::{Entropy as _, Library as _, MediaRows as _, Multipart as _, Posts as _, Saved};

use crate::answer::{self, Answered, Ask};
use crate::posts::PageAsked;
use crate::refusal::Refusal;
use crate::uploads::conflict;
use crate::{Api, Outside, view};

/// A post that came with its media has a moment of its own; clocks differ.
const EARLIER: SignedDuration = SignedDuration::from_mins(5);
/// So many posts are looked at in one request.
const PAGE: u32 = 100;
/// Others may write the media at the same moment this often.
const TRIES: u32 = 5;

impl<W: Outside> Api<W> {
    pub(crate) async fn list_media(&self, ask: Ask) -> Answered {
        let caller = self.caller(&ask, Scope::MediaRead).await?;
        let page = PageAsked::read(&ask)?;
        let found = self.store.list_media(&caller.workspace, page.cursor.as_deref(), page.limit).await?;
        let data = found.rows.iter().map(|media| view::media(media, None)).collect();
        Ok(answer::json(StatusCode::OK, &view::List { data, next_cursor: found.next_cursor }))
    }

    pub(crate) async fn delete_media(&self, ask: Ask) -> Answered {
        let (_, mut seen) = self.asked_media(&ask, Scope::MediaWrite).await?;
        if !is_deleted(&seen.row) {
            if let Some(post) = self.needed_by(&seen.row).await? {
                return Err(conflict(
                    "media.in_use",
                    format!("the post `{post}` still needs it"),
                    "cancel the post, or wait until it has come to an end",
                ));
            }
            for tries in 1.. {
                let deleted = deleted(&seen.row);
                match self.store.judge(&seen, &deleted, self.time.nonce()).await? {
                    Saved::Written(written) => {
                        seen = written;
                        break;
                    }
                    Saved::Conflict(Some(newer)) if tries < TRIES => seen = newer,
                    Saved::Conflict(_) => {
                        return Err(Refusal::internal("a media was written again and again"));
                    }
                }
            }
        }
        // a post that slipped in between is published: its bytes stay until their lifecycle rule
        if self.needed_by(&seen.row).await?.is_none() {
            if let Some(upload_id) = seen.row.way.upload_id() {
                self.objects.abort_parts(&seen.row.id, upload_id).await?;
            }
            self.objects.delete_upload(&seen.row.id).await?;
        }
        self.store.unlist_media(&seen.row.id).await?;
        Ok(answer::json(StatusCode::OK, &view::media(&seen.row, None)))
    }

    /// A post that may still have to be given this media's bytes. None is older than the media.
    async fn needed_by(&self, media: &Media) -> Result<Option<PostId>, Refusal> {
        let since = media.created_at - EARLIER;
        let mut cursor = None;
        loop {
            let page = self.store.list(&media.workspace, cursor.as_deref(), PAGE).await?;
            for post in &page.rows {
                if post.created_at < since {
                    return Ok(None);
                }
                if !post.state.is_final() && self.shows(post, media).await? {
                    return Ok(Some(post.id.clone()));
                }
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(None);
            }
        }
    }

    async fn shows(&self, post: &Post, media: &Media) -> Result<bool, Refusal> {
        if post.media == media.id || post.kind == Kind::Video {
            return Ok(post.media == media.id);
        }
        let content = self.store.content(&post.id, &post.content).await?;
        Ok(content.is_some_and(|content| content.media.contains(&media.id)))
    }
}

const DELETED: &str = "media.deleted";

fn is_deleted(media: &Media) -> bool {
    matches!(&media.state, MediaState::Rejected { problems } if problems.iter().any(|it| it.rule == DELETED))
}

/// The media without its bytes: whatever names it is told so.
fn deleted(media: &Media) -> Media {
    let problem = Problem::new(
        "",
        DELETED,
        "the media was deleted",
        "declare a new media with POST /v1/media and upload the file again",
    );
    Media { state: MediaState::Rejected { problems: vec![problem] }, due: None, ..media.clone() }
}
