//! What people see of our rows.

use domain::creator::CreatorInfo;
use domain::media::MediaState;
use domain::{Creator, KeyId, Media, Post};
use ports::{ApiKey, Upload};
use serde_json::{Value, json};
pub(crate) use views::{creator, notice, post, status};
use views::{entry, frame};

/// A post as it was accepted: the answer to the first request and to each repeat of it.
pub(crate) fn accepted(post: &Post, caption: &str) -> Value {
    let first = post.timeline.entries().first().map(entry);
    let mut view = frame(post, Some(caption));
    view["state"] = json!(post.accepted_as());
    view["updated_at"] = view["created_at"].clone();
    view["timeline"] = json!(first.into_iter().collect::<Vec<_>>());
    view
}

pub(crate) fn media(media: &Media, upload: Option<&Upload>) -> Value {
    let (state, probe, problems) = match &media.state {
        MediaState::AwaitingUpload { .. } => ("awaiting_upload", None, &[][..]),
        MediaState::Ready { probe, .. } => ("ready", Some(probe), &[][..]),
        MediaState::Rejected { problems } => ("rejected", None, problems.as_slice()),
    };
    let probe = probe.map(|probe| {
        json!({
            "container": probe.container.extension(),
            "codec": probe.codec,
            "duration_ms": probe.duration_ms,
            "frame_rate": f64::from(probe.frame_rate_millis) / 1_000.0,
            "width": probe.width,
            "height": probe.height,
            "rotation": probe.rotation,
            "size": probe.size,
        })
    });
    let upload = upload.map(|upload| {
        let headers: serde_json::Map<String, Value> =
            upload.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "method": "PUT",
            "url": upload.url.expose(),
            "headers": headers,
            "expires_at": upload.expires_at.to_string(),
        })
    });
    json!({
        "id": media.id.as_str(),
        "state": state,
        "kind": "video",
        "content_type": media.declared.container.content_type(),
        "size": media.declared.size,
        "sha256": media.declared.sha256,
        "probe": probe,
        "problems": problems,
        "upload": upload,
        "created_at": media.created_at.to_string(),
    })
}

pub(crate) fn creator_info(creator: &Creator, info: &CreatorInfo) -> Value {
    json!({
        "creator": creator.id.as_str(),
        "nickname": info.nickname,
        "username": info.username,
        "avatar_url": info.avatar_url,
        "privacy_level_options": info.privacy_level_options,
        "comment_disabled": info.comment_disabled,
        "duet_disabled": info.duet_disabled,
        "stitch_disabled": info.stitch_disabled,
        "max_video_post_duration_sec": info.max_video_post_duration_sec,
        "fetched_at": info.fetched_at.to_string(),
    })
}

/// What a key begins with, before its secret.
pub(crate) fn key_prefix(id: &KeyId) -> String {
    format!("slk_{:032x}", id.bits())
}

/// A key without its secret and the secret's hash.
pub(crate) fn key(key: &ApiKey) -> Value {
    let time = |at: Option<domain::Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": key.id.as_str(),
        "name": key.name.as_str(),
        "prefix": key_prefix(&key.id),
        "scopes": key.scopes.iter().map(domain::Scope::as_str).collect::<Vec<_>>(),
        "created_at": key.created_at.to_string(),
        "last_used_at": time(key.last_used_at),
        "expires_at": time(key.ends_at()),
        "revoked_at": time(key.revoked_at),
        "replaces": key.replaces.as_ref().map(KeyId::as_str),
    })
}
