//! Uploads in parts: how to go on with one, and how its parts are put together.
//!
//! S3 knows which parts are there; the row knows the upload's id alone. Whoever has lost track asks for the rest, and every
//! request may come again.

use domain::media::MediaState;
use domain::way::{self, Way};
use domain::{Media, MediaId, Scope, Timestamp};
use http::StatusCode;
use ports::{
    Clock as _, Joined, Library as _, MediaRows as _, Multipart as _, Objects as _, Part, Read, Stored,
};

use crate::answer::{self, Answered, Ask};
use crate::auth::Caller;
use crate::refusal::Refusal;
use crate::view::{InParts, UploadTo};
use crate::{Api, Outside, view};

/// So many missing parts are named.
const NAMED: usize = 20;

impl<W: Outside> Api<W> {
    /// The media that the path names, if the caller may see it.
    pub(crate) async fn asked_media(
        &self,
        ask: &Ask,
        needed: Scope,
    ) -> Result<(Caller, Stored<Media>), Refusal> {
        let caller = self.caller(ask, needed).await?;
        let missing = || Refusal::not_found("media");
        let id: MediaId = ask.segment(2).parse().map_err(|_| missing())?;
        let media = self.store.media(&id, Read::Strong).await?.ok_or_else(missing)?;
        if media.row.workspace == caller.workspace { Ok((caller, media)) } else { Err(missing()) }
    }

    /// How the bytes that are still to come may come. `None`: they are there, or are awaited no more.
    pub(crate) async fn upload_of(&self, media: &Media, now: Timestamp) -> Result<Option<UploadTo>, Refusal> {
        let MediaState::AwaitingUpload { .. } = media.state else { return Ok(None) };
        match &media.way {
            Way::Put => {
                let declared = &media.declared;
                let sha256 = declared.sha256.as_deref();
                let signed = self.objects.sign_upload(
                    &media.id,
                    declared.container,
                    declared.size,
                    sha256,
                    self.upload,
                    now,
                );
                Ok(Some(signed.await?.into()))
            }
            Way::Parts { part_size, upload_id } => {
                let (id, there) = match upload_id {
                    Some(id) => (id.clone(), self.objects.parts(&media.id, id).await?),
                    None => self.begin_parts(media).await?,
                };
                let Some(there) = there else { return Ok(None) };
                self.in_parts(media, *part_size, id, &there, now).await.map(Some)
            }
        }
    }

    /// Begins an upload in parts. Of two that begin at once, one counts.
    async fn begin_parts(&self, media: &Media) -> Result<(String, Option<Vec<Part>>), Refusal> {
        let begun = self.objects.begin_parts(&media.id, media.declared.container).await?;
        let noted = self.store.note_parts(&media.id, &begun).await?;
        let noted = noted.ok_or_else(|| Refusal::not_found("media"))?.row;
        match noted.way.upload_id() {
            Some(id) if id != begun => {
                self.objects.abort_parts(&media.id, &begun).await?;
                Ok((id.to_owned(), self.objects.parts(&media.id, id).await?))
            }
            _ => Ok((begun, Some(Vec::new()))),
        }
    }

    async fn in_parts(
        &self,
        media: &Media,
        part_size: u64,
        upload_id: String,
        there: &[Part],
        now: Timestamp,
    ) -> Result<UploadTo, Refusal> {
        let (mut parts, mut received) = (Vec::new(), Vec::new());
        let mut expires_at = now + self.upload;
        for (number, size) in way::parts(media.declared.size, part_size) {
            if there.iter().any(|part| part.number == number && part.size == size) {
                received.push(number);
                continue;
            }
            let signed =
                self.objects.sign_part(&media.id, &upload_id, (number, size), self.upload, now).await?;
            expires_at = signed.expires_at;
            parts.push(view::PartTo { number, size, url: signed.url.expose().to_owned() });
        }
        Ok(UploadTo::Parts(InParts { upload_id, part_size, parts, received, expires_at }))
    }

    pub(crate) async fn read_upload(&self, ask: Ask) -> Answered {
        let (_, media) = self.asked_media(&ask, Scope::MediaWrite).await?;
        let upload = self.upload_of(&media.row, self.time.now()).await?;
        if upload.is_none() && matches!(media.row.state, MediaState::AwaitingUpload { .. }) {
            return self.joined_before(&media.row).await;
        }
        Ok(answer::json(StatusCode::OK, &view::media(&media.row, upload)))
    }

    pub(crate) async fn complete_media(&self, ask: Ask) -> Answered {
        let (_, media) = self.asked_media(&ask, Scope::MediaWrite).await?;
        let media = media.row;
        let Way::Parts { part_size, upload_id } = &media.way else {
            return Err(conflict(
                "media.parts.none",
                "this media is uploaded by one request, and is complete with that",
                "read it with GET /v1/media/{id}, or declare a media with `\"upload\": \"multipart\"`",
            ));
        };
        if !matches!(media.state, MediaState::AwaitingUpload { .. }) {
            return Ok(answer::json(StatusCode::OK, &view::media(&media, None)));
        }
        let there = match upload_id {
            Some(id) => self.objects.parts(&media.id, id).await?,
            None => Some(Vec::new()),
        };
        let Some(there) = there else { return self.joined_before(&media).await };
        let id = upload_id.as_deref().unwrap_or_default();
        let (mut complete, mut missing) = (Vec::new(), Vec::new());
        for (number, size) in way::parts(media.declared.size, *part_size) {
            match there.iter().find(|part| part.number == number && part.size == size) {
                Some(part) => complete.push(part.clone()),
                None => missing.push(number.to_string()),
            }
        }
        if !missing.is_empty() {
            let (count, all) = (missing.len(), missing.len() + complete.len());
            missing.truncate(NAMED);
            return Err(conflict(
                "media.parts.missing",
                format!("{count} of {all} parts are not there: {}", missing.join(", ")),
                "upload them to the URLs that GET /v1/media/{id}/upload gives, and complete it again",
            ));
        }
        match self.objects.join_parts(&media.id, id, &complete).await? {
            Joined::Done(_) => Ok(answer::json(StatusCode::OK, &view::media(&media, None).probing())),
            Joined::Gone => self.joined_before(&media).await,
        }
    }

    /// The parts are gone: they were put together before, or given up.
    async fn joined_before(&self, media: &Media) -> Answered {
        match self.objects.uploaded(&media.id).await? {
            Some(_) => Ok(answer::json(StatusCode::OK, &view::media(media, None).probing())),
            None => Err(conflict(
                "media.parts.ended",
                "the upload in parts was given up, and its parts are gone",
                "declare a new media and upload the file again; parts are kept for a day",
            )),
        }
    }
}

pub(crate) fn conflict(rule: &str, detail: impl Into<String>, remedy: &str) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, rule, detail, remedy)
}
