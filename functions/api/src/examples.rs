//! What events look like, made by the code that makes them.

use domain::content::{ContentHash, Kind, PrivacyLevel};
use domain::media::{Container, Pinned, PinnedVideo};
use domain::notice::{EndpointNews, News, PostNews};
use domain::post::{Order, Wish};
use domain::{
    AccountId, CreatorId, EndpointId, MediaId, Notice, NoticeId, Periods, Post, PostId, Timestamp,
    WorkspaceId,
};
use serde_json::{Value, json};

/// An event of this type as an endpoint is sent it; `null` for a type that there is not.
pub(crate) fn event(name: &str, now: Timestamp) -> Value {
    let creator = CreatorId::from_bits(0xc1);
    let post = post(now);
    let (news, resource) = match name {
        "creator.connected" => {
            (News::Connected { scopes: vec!["video.publish".to_owned()] }, creator_view("active"))
        }
        "creator.reconnect_required" => {
            (News::ReconnectRequired { code: "invalid_grant".to_owned() }, creator_view("reconnect_required"))
        }
        "creator.disconnected" => (News::Disconnected, creator_view("disconnected")),
        "creator.grant_ends" => (
            News::GrantEnds { at: now + domain::SignedDuration::from_hours(24 * 7), days: 7 },
            creator_view("active"),
        ),
        "webhook_endpoint.test" | "webhook_endpoint.disabled" => {
            let (event, code) = if name.ends_with("test") {
                (EndpointNews::Test, None)
            } else {
                (EndpointNews::Disabled, Some("failing".to_owned()))
            };
            (News::Endpoint { endpoint: EndpointId::from_bits(0xe1), event, code }, Value::Null)
        }
        _ => {
            let Ok(event) = serde_json::from_value::<PostNews>(json!(name)) else { return Value::Null };
            let (state, code) = match event {
                PostNews::Published | PostNews::PostId | PostNews::Removed | PostNews::Corrected => {
                    ("published", None)
                }
                PostNews::SentToInbox => ("sent_to_inbox", None),
                PostNews::Held => ("held", Some("reached_active_user_cap")),
                PostNews::Failed => ("failed", Some("video.duration.max")),
                PostNews::Cancelled => ("cancelled", None),
                PostNews::CancelRefused | PostNews::PullStalled => ("processing", None),
                PostNews::Unconfirmed => ("unconfirmed", None),
                PostNews::PutAside => ("queued", None),
            };
            let mut view = views::post(&post, Some("Harbour at six #boats"), Some("ada.on.the.water"));
            view["state"] = json!(state);
            (News::Post { post: post.id.clone(), event, code: code.map(str::to_owned) }, view)
        }
    };
    let creator = (!name.starts_with("webhook_endpoint.")).then_some(creator);
    let (id, workspace) = (NoticeId::from_bits(0xe7), post.workspace);
    let notice = Notice { id, workspace, creator, at: now, news };
    let mut view = views::notice(&notice);
    view["data"]["resource"] = resource;
    json!({ "type": view["type"], "timestamp": view["timestamp"], "data": view["data"] })
}

fn post(now: Timestamp) -> Post {
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
        },
        draft: false,
        retry_of: None,
    };
    let video = PinnedVideo {
        etag: "\"etag\"".to_owned(),
        container: Container::Mp4,
        duration_ms: 15_000,
        size: None,
    };
    Post::accept(order, Some(Pinned::Video(video)), now, &Periods::default())
}

fn creator_view(status: &str) -> Value {
    json!({ "id": CreatorId::from_bits(0xc1).as_str(), "username": "ada.on.the.water", "status": status })
}

#[cfg(test)]
mod tests {
    use domain::notice::CATALOGUE;

    use super::*;

    #[test]
    fn every_type_of_the_catalogue_has_an_example_of_its_own_type() {
        for (name, _) in CATALOGUE {
            assert_eq!(event(name, Timestamp::UNIX_EPOCH)["type"], name);
        }
        assert_eq!(event("post.nothing", Timestamp::UNIX_EPOCH), Value::Null);
    }
}
