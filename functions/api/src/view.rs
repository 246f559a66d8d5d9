//! What people see of our rows.

use domain::content::PrivacyLevel;
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::media::MediaState;
use domain::notice::News;
use domain::post::PostState;
use domain::timeline::Entry;
use domain::{Account, Creator, KeyId, Media, Notice, Post, PostId};
use ports::{ApiKey, Upload};
use serde_json::{Value, json};

/// A post as it was accepted: the answer to the first request and to each repeat of it.
pub(crate) fn accepted(post: &Post, caption: &str) -> Value {
    let first = post.timeline.entries().first().map(entry);
    let mut view = frame(post, Some(caption));
    view["state"] = json!(post.accepted_as());
    view["updated_at"] = view["created_at"].clone();
    view["timeline"] = json!(first.into_iter().collect::<Vec<_>>());
    view
}

/// A post as it is.
pub(crate) fn post(post: &Post, caption: Option<&str>, username: Option<&str>) -> Value {
    let mut view = frame(post, caption);
    view["publish_id"] = json!(post.state.publish_id().map(|id| &id.0));
    match &post.state {
        PostState::Published { post_ids, removed, .. } => {
            view["post_ids"] = json!(post_ids.iter().map(u64::to_string).collect::<Vec<_>>());
            view["removed"] = json!(removed);
            if let (Some(id), Some(username)) = (post_ids.last(), username.filter(|name| !name.is_empty())) {
                view["url"] = json!(format!("https://www.tiktok.com/@{username}/video/{id}"));
            }
        }
        PostState::Failed { failure, .. } => {
            view["failure"] = json!({ "code": failure.code, "remedy": failure.remedy });
        }
        PostState::Held { until, why, .. } => {
            view["held"] = json!({
                "until": until.map(|until| until.to_string()),
                "reason": why.as_str(),
                "remedy": why.remedy(),
            });
        }
        PostState::Unconfirmed { attempt, doubt, .. } => {
            view["unconfirmed"] = json!({
                "since": doubt.since.to_string(),
                "asked_tiktok_at": attempt.claimed_at.to_string(),
                "video_withdrawn_at": doubt.fenced_at.map(|at| at.to_string()),
                "cancel_wanted": doubt.cancel,
                "remedy": "look at the creator's TikTok account and tell with POST /v1/posts/{id}/resolve what is there",
            });
        }
        PostState::Draft
        | PostState::AwaitingMedia { .. }
        | PostState::Scheduled { .. }
        | PostState::Queued { .. }
        | PostState::Initiating { .. }
        | PostState::Uploading { .. }
        | PostState::Processing { .. }
        | PostState::Cancelling { .. }
        | PostState::SentToInbox { .. }
        | PostState::Cancelled { .. } => {}
    }
    view["timeline"] = json!(post.timeline.entries().iter().map(entry).collect::<Vec<_>>());
    view
}

fn frame(post: &Post, caption: Option<&str>) -> Value {
    json!({
        "id": post.id.as_str(),
        "state": post.state.name(),
        "creator": post.creator.as_str(),
        "kind": post.kind.as_str(),
        "mode": "direct",
        "media": [{ "id": post.media.as_str() }],
        "privacy_level": post.privacy_level.map(PrivacyLevel::as_str),
        "caption": caption,
        "publish_at": post.publish_at.map(|at| at.to_string()),
        "publish_id": null,
        "post_ids": [],
        "url": null,
        "failure": null,
        "held": null,
        "unconfirmed": null,
        "retry_of": post.retry_of.as_ref().map(PostId::as_str),
        "created_at": post.created_at.to_string(),
        "updated_at": post.updated_at.to_string(),
    })
}

/// TikTok's codes are plain words, ours have a dot in them.
fn entry(entry: &Entry) -> Value {
    let theirs = entry.code.as_deref().filter(|code| !code.contains('.'));
    let tiktok = (theirs.is_some() || entry.log_id.is_some())
        .then(|| json!({ "code": theirs, "log_id": entry.log_id }));
    json!({
        "at": entry.at.to_string(),
        "what": entry.what,
        "by": entry.by,
        "code": entry.code,
        "tiktok": tiktok,
    })
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

/// `account` knows better than the creator's row whether posts can go out.
pub(crate) fn creator(creator: &Creator, account: Option<&Account>) -> Value {
    json!({
        "id": creator.id.as_str(),
        "open_id": creator.open_id,
        "nickname": creator.info.nickname,
        "username": creator.info.username,
        "avatar_url": creator.info.avatar_url,
        "status": status(creator, account),
        "scopes": creator.scopes,
        "created_at": creator.created_at.to_string(),
    })
}

pub(crate) fn status(creator: &Creator, account: Option<&Account>) -> CreatorStatus {
    use domain::account::AccountStatus;
    match account.map(|account| &account.status) {
        // another workspace has it by now
        _ if account.is_some_and(|account| !account.is_of(&creator.id)) => CreatorStatus::Disconnected,
        Some(AccountStatus::Connected) => CreatorStatus::Active,
        Some(AccountStatus::ReconnectRequired { .. }) => CreatorStatus::ReconnectRequired,
        Some(AccountStatus::Disconnected) => CreatorStatus::Disconnected,
        None => creator.status,
    }
}

/// An event as customers know it.
pub(crate) fn notice(notice: &Notice) -> Value {
    let mut data = json!({ "creator": notice.creator.as_str(), "remedy": notice.news.remedy() });
    match &notice.news {
        News::Connected { scopes } => data["scopes"] = json!(scopes),
        News::ReconnectRequired { code } => data["code"] = json!(code),
        News::Disconnected => {}
        News::GrantEnds { at, days } => {
            data["grant_ends_at"] = json!(at.to_string());
            data["days"] = json!(days);
        }
        News::Post { post, code, .. } => {
            data["post"] = json!(post.as_str());
            data["code"] = json!(code);
        }
    }
    json!({
        "id": notice.id.as_str(),
        "type": notice.news.name(),
        "timestamp": notice.at.to_string(),
        "data": data,
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
