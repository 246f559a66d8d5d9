//! What events look like, made by the code that makes them.

use domain::content::{
    Allow, Caption, Consent, Content, ContentHash, Disclosure, Kind, Mode, PrivacyLevel, Title, Transport,
};
use domain::creator::{CreatorInfo, CreatorStatus};
use domain::media::{Container, Pinned, PinnedVideo};
use domain::notice::{EndpointNews, News, PostNews};
use domain::post::{Attempt, Doubt, Failure, HoldReason, Order, PostState, PublishId, Source, Wish};
use domain::timeline::{Actor, Entry, What};
use domain::{
    AccountId, Creator, CreatorId, EndpointId, MediaId, Nonce, Notice, NoticeId, Periods, Post, PostId,
    SignedDuration, Timestamp, WorkspaceId,
};
use views::Resource;

use crate::view;

/// When the examples happen.
const AT: Timestamp = Timestamp::constant(1_796_140_803, 0);
const USERNAME: &str = "ada_on_the_water";

/// An event of this type as an endpoint is sent it; `None` for a type that there is not.
pub(crate) fn event(name: &str) -> Option<view::Message> {
    let (news, resource) = match name {
        "creator.connected" => (News::Connected { scopes: scopes() }, Some(creator(CreatorStatus::Active))),
        "creator.reconnect_required" => (
            News::ReconnectRequired { code: "invalid_grant".to_owned() },
            Some(creator(CreatorStatus::ReconnectRequired)),
        ),
        "creator.disconnected" => (News::Disconnected, Some(creator(CreatorStatus::Disconnected))),
        "creator.grant_ends" => (
            News::GrantEnds { at: AT + SignedDuration::from_hours(24 * 7), days: 7 },
            Some(creator(CreatorStatus::Active)),
        ),
        "webhook_endpoint.test" => (endpoint(EndpointNews::Test, None), None),
        "webhook_endpoint.disabled" => (endpoint(EndpointNews::Disabled, Some("failing")), None),
        _ => {
            let event: PostNews = serde_json::from_value(name.into()).ok()?;
            let (post, code) = told(event);
            let news = News::Post { post: post.id.clone(), event, code: code.map(str::to_owned) };
            let view = view::post(&post, Some(&content()), Some(USERNAME));
            (news, Some(Resource::Post(Box::new(view))))
        }
    };
    let creator = (!name.starts_with("webhook_endpoint.")).then(|| CreatorId::from_bits(0xc1));
    let (id, workspace) = (NoticeId::from_bits(0xe7), WorkspaceId::from_bits(0x3));
    Some(view::message(&Notice { id, workspace, creator, at: AT, news }, resource))
}

fn endpoint(event: EndpointNews, code: Option<&str>) -> News {
    News::Endpoint { endpoint: EndpointId::from_bits(0xe1), event, code: code.map(str::to_owned) }
}

/// A post to which this has happened, and the code that says why.
fn told(event: PostNews) -> (Post, Option<&'static str>) {
    let publish_id = || PublishId("v_pub_url~v2-1.7500000000000000000".to_owned());
    let published = |post_ids: Vec<u64>, removed| PostState::Published {
        publish_id: Some(publish_id()),
        post_ids,
        removed,
        since: AT,
    };
    let processing = || PostState::Processing {
        media: media(),
        attempt: attempt(),
        publish_id: publish_id(),
        since: AT,
        pulled: None,
    };
    let post_id = vec![7_500_000_000_000_000_001];
    let (state, what, code) = match event {
        PostNews::Published => (published(Vec::new(), false), What::Published, None),
        PostNews::PostId => (published(post_id, false), What::PostId, None),
        PostNews::Removed => (published(post_id, true), What::NoLongerPublic, None),
        PostNews::Corrected => (published(post_id, false), What::Corrected, None),
        PostNews::SentToInbox => {
            (PostState::SentToInbox { publish_id: publish_id(), since: AT }, What::SentToInbox, None)
        }
        PostNews::Held => {
            let until = Some(AT + SignedDuration::from_hours(1));
            let why = HoldReason::AppActiveUserCap;
            (
                PostState::Held { media: media(), until, why, attempts: 0 },
                What::Held,
                Some("reached_active_user_cap"),
            )
        }
        PostNews::Failed => {
            let code = "picture_size_check_failed";
            let remedy = "upload the video with sides of 360 to 4,096 pixels".to_owned();
            let failure = Failure { code: code.to_owned(), remedy };
            (PostState::Failed { failure, publish_id: Some(publish_id()) }, What::Failed, Some(code))
        }
        PostNews::Cancelled => {
            (PostState::Cancelled { publish_id: Some(publish_id()) }, What::Cancelled, None)
        }
        PostNews::CancelRefused => (processing(), What::CancelRefused, None),
        PostNews::PullStalled => (processing(), What::PullStalled, None),
        PostNews::Unconfirmed => {
            let doubt = Doubt::new(AT - SignedDuration::from_mins(75));
            let state =
                PostState::Unconfirmed { media: media(), attempt: attempt(), publish_id: None, doubt };
            (state, What::Unresolved, None)
        }
        PostNews::PutAside => {
            let state = PostState::Queued { media: media(), at: AT, attempts: 0 };
            (state, What::PutAside, Some("publish"))
        }
    };
    let mut post = Post { state, updated_at: AT, ..accepted() };
    let (by, code_of_entry) = (Actor::Webhook, code.map(str::to_owned));
    post.timeline.push(Entry { at: AT, what, by, code: code_of_entry, log_id: None });
    (post, code)
}

fn accepted() -> Post {
    let order = Order {
        id: PostId::from_bits(0x91),
        workspace: WorkspaceId::from_bits(0x3),
        creator: CreatorId::from_bits(0xc1),
        account: AccountId::from_bits(0xac),
        wish: Wish {
            content: ContentHash([0; 32]),
            kind: Kind::Video,
            media: MediaId::from_bits(0x3d),
            privacy_level: Some(PrivacyLevel::PublicToEveryone),
            publish_at: None,
            local_time: None,
        },
        draft: false,
        retry_of: None,
    };
    Post::accept(order, Some(media()), AT - SignedDuration::from_mins(90), &Periods::default())
}

fn media() -> Pinned {
    let etag = "\"etag\"".to_owned();
    Pinned::Video(PinnedVideo { etag, container: Container::Mp4, duration_ms: 15_000, size: None })
}

fn attempt() -> Attempt {
    Attempt {
        number: 1,
        nonce: Nonce::from_bits(0),
        claimed_at: AT - SignedDuration::from_mins(80),
        source: Source::PullFromUrl,
        unindexed: false,
    }
}

fn content() -> Content {
    Content {
        kind: Kind::Video,
        mode: Mode::Direct,
        transport: Transport::default(),
        media: vec![MediaId::from_bits(0x3d)],
        title: Title::default(),
        caption: Caption::of_video("Harbour at six #boats".to_owned()).unwrap_or_default(),
        privacy_level: Some(PrivacyLevel::PublicToEveryone),
        allow: Allow::default(),
        disclosure: Disclosure::default(),
        ai_generated: false,
        cover_timestamp_ms: None,
        cover_index: 0,
        add_music: false,
        consent: Consent {
            music_usage_confirmed: true,
            branded_content_policy_confirmed: false,
            text_version: "2026-08".to_owned(),
            given_by: String::new(),
            given_at: AT,
        },
    }
}

fn scopes() -> Vec<String> {
    crate::connect::SCOPES.map(str::to_owned).into()
}

fn creator(status: CreatorStatus) -> Resource {
    let info = CreatorInfo {
        nickname: "Ada".to_owned(),
        username: USERNAME.to_owned(),
        avatar_url: "https://p16.tiktokcdn.example/avatar.webp".to_owned(),
        privacy_level_options: Vec::new(),
        comment_disabled: false,
        duet_disabled: false,
        stitch_disabled: false,
        max_video_post_duration_sec: 600,
        fetched_at: AT,
    };
    let row = Creator {
        id: CreatorId::from_bits(0xc1),
        workspace: WorkspaceId::from_bits(0x3),
        account: AccountId::from_bits(0xac),
        open_id: "_000ada".to_owned(),
        status,
        scopes: scopes(),
        info,
        profile_at: AT,
        created_at: AT - SignedDuration::from_hours(24 * 30),
    };
    Resource::Creator(view::creator(&row, None))
}

#[cfg(test)]
mod tests {
    use domain::notice::CATALOGUE;

    use super::*;

    #[test]
    fn every_type_of_the_catalogue_has_an_example_of_its_own_type() {
        for (name, _) in CATALOGUE {
            let example = serde_json::to_value(event(name)).unwrap();
            assert_eq!((&example["type"], &example["timestamp"]), (&name.into(), &AT.to_string().into()));
            let about = name.split_once('.').unwrap().0;
            assert_eq!(example["data"]["resource"].is_null(), about == "webhook_endpoint", "{example}");
        }
        assert!(event("nothing").is_none());
    }
}
