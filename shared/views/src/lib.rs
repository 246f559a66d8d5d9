//! What people see of posts, creators and events: the API answers with it, and webhooks carry it.

#![warn(missing_docs)]

use domain::content::PrivacyLevel;
use domain::creator::CreatorStatus;
use domain::notice::News;
use domain::post::PostState;
use domain::timeline::Entry;
use domain::{Account, Creator, CreatorId, Notice, Post, PostId};
use serde_json::{Value, json};

/// A post as it is.
pub fn post(post: &Post, caption: Option<&str>, username: Option<&str>) -> Value {
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

/// What every view of a post has.
pub fn frame(post: &Post, caption: Option<&str>) -> Value {
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

/// An entry of the timeline.
///
/// TikTok's codes are plain words, ours have a dot in them.
pub fn entry(entry: &Entry) -> Value {
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

/// A creator. `account` knows better than the creator's row whether posts can go out.
pub fn creator(creator: &Creator, account: Option<&Account>) -> Value {
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

/// Whether posts of a creator can go out.
pub fn status(creator: &Creator, account: Option<&Account>) -> CreatorStatus {
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
pub fn notice(notice: &Notice) -> Value {
    let mut data =
        json!({ "creator": notice.creator.as_ref().map(CreatorId::as_str), "remedy": notice.news.remedy() });
    match &notice.news {
        News::Connected { scopes } => data["scopes"] = json!(scopes),
        News::ReconnectRequired { code } => data["code"] = json!(code),
        News::Disconnected => {}
        News::GrantEnds { at, days } => {
            data["grant_ends_at"] = json!(at.to_string());
            data["days"] = json!(days);
        }
        News::Endpoint { endpoint, code, .. } => {
            data["webhook_endpoint"] = json!(endpoint.as_str());
            data["code"] = json!(code);
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
