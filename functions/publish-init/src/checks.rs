//! What is checked right before the claim, and what TikTok is told.

use domain::Timestamp;
use domain::content::{Content, Mode, PrivacyLevel};
use domain::creator::CreatorInfo;
use domain::post::Failure;

/// Why this content must not be sent now: the privacy level is not offered any more, or the video is too long.
pub(crate) fn refuse(
    content: &Content,
    info: &tiktok::CreatorInfo,
    fetched_at: Timestamp,
    duration_ms: Option<u64>,
) -> Option<Failure> {
    if content.mode == Mode::Direct && content.privacy_level.is_none() {
        return Some(Failure {
            code: "privacy_level.required".to_owned(),
            remedy: "make a new post that says who may see it".to_owned(),
        });
    }
    let info = CreatorInfo {
        nickname: info.nickname.clone(),
        username: info.username.clone(),
        avatar_url: info.avatar_url.clone().unwrap_or_default(),
        privacy_level_options: info
            .privacy_level_options
            .iter()
            .map(|level| level.as_str().to_owned())
            .collect(),
        comment_disabled: info.comment_disabled,
        duet_disabled: info.duet_disabled,
        stitch_disabled: info.stitch_disabled,
        max_video_post_duration_sec: info.max_video_post_duration_sec.unwrap_or(u32::MAX / 1_000),
        fetched_at,
    };
    let problem = content.problems_for(&info, duration_ms).into_iter().next()?;
    Some(Failure { code: problem.rule, remedy: format!("{}: {}", problem.detail, problem.remedy) })
}

/// The upload is not the object that was probed.
pub(crate) fn media_changed() -> Failure {
    Failure {
        code: "media.changed".to_owned(),
        remedy: "the upload was replaced or deleted after it was checked: upload it again as a new media"
            .to_owned(),
    }
}

/// What TikTok is told: exactly what the row says.
pub(crate) fn video_post(content: &Content) -> tiktok::VideoPost {
    let caption = content.caption.as_str();
    tiktok::VideoPost {
        title: (!caption.is_empty()).then(|| caption.to_owned()),
        privacy_level: privacy_level(content),
        disable_comment: !content.allow.comment,
        disable_duet: !content.allow.duet,
        disable_stitch: !content.allow.stitch,
        brand_content_toggle: content.disclosure.branded_content,
        brand_organic_toggle: content.disclosure.your_brand,
        is_aigc: content.ai_generated,
        video_cover_timestamp_ms: content.cover_timestamp_ms,
    }
}

/// The same for photos.
pub(crate) fn photo_post(content: &Content) -> tiktok::PhotoPost {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    tiktok::PhotoPost {
        title: text(content.title.as_str()),
        description: text(content.caption.as_str()),
        photo_cover_index: content.cover_index,
        is_aigc: content.ai_generated,
        mode: match content.mode {
            Mode::Inbox => tiktok::PhotoMode::MediaUpload,
            Mode::Direct => tiktok::PhotoMode::DirectPost(tiktok::PhotoSettings {
                privacy_level: privacy_level(content),
                disable_comment: !content.allow.comment,
                auto_add_music: content.add_music,
                brand_content_toggle: content.disclosure.branded_content,
                brand_organic_toggle: content.disclosure.your_brand,
            }),
        },
    }
}

/// A direct post without a level is refused above.
fn privacy_level(content: &Content) -> tiktok::PrivacyLevel {
    match content.privacy_level {
        Some(PrivacyLevel::PublicToEveryone) => tiktok::PrivacyLevel::PublicToEveryone,
        Some(PrivacyLevel::MutualFollowFriends) => tiktok::PrivacyLevel::MutualFollowFriends,
        Some(PrivacyLevel::FollowerOfCreator) => tiktok::PrivacyLevel::FollowerOfCreator,
        Some(PrivacyLevel::SelfOnly) | None => tiktok::PrivacyLevel::SelfOnly,
    }
}
