//! What a workspace is told about its creators and posts. A notice is derived from what happened: recording it twice records it once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CreatorId, Endpoint, EndpointId, NoticeId, Post, PostId, WorkspaceId};

/// What happened to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PostNews {
    /// TikTok says it is published.
    #[serde(rename = "post.published")]
    Published,
    /// The id of the public post is known, and with it its link.
    #[serde(rename = "post.url_resolved")]
    PostId,
    /// It is no longer public.
    #[serde(rename = "post.removed")]
    Removed,
    /// What was said to have failed, or to be cancelled, is published.
    #[serde(rename = "post.corrected")]
    Corrected,
    /// The draft is in the creator's inbox.
    #[serde(rename = "post.sent_to_inbox")]
    SentToInbox,
    /// It waits for more than its turn.
    #[serde(rename = "post.held")]
    Held,
    /// It failed for good.
    #[serde(rename = "post.failed")]
    Failed,
    /// It was stopped.
    #[serde(rename = "post.cancelled")]
    Cancelled,
    /// TikTok will not stop it any more.
    #[serde(rename = "post.cancel_refused")]
    CancelRefused,
    /// Nobody knows whether TikTok created it.
    #[serde(rename = "post.unconfirmed")]
    Unconfirmed,
    /// A job about it failed again and again.
    #[serde(rename = "post.put_aside")]
    PutAside,
    /// TikTok's download does not get on.
    #[serde(rename = "post.pull_stalled")]
    PullStalled,
}

impl PostNews {
    const fn name(self) -> &'static str {
        match self {
            Self::Published => "post.published",
            Self::PostId => "post.url_resolved",
            Self::Removed => "post.removed",
            Self::Corrected => "post.corrected",
            Self::SentToInbox => "post.sent_to_inbox",
            Self::Held => "post.held",
            Self::Failed => "post.failed",
            Self::Cancelled => "post.cancelled",
            Self::CancelRefused => "post.cancel_refused",
            Self::Unconfirmed => "post.unconfirmed",
            Self::PutAside => "post.put_aside",
            Self::PullStalled => "post.pull_stalled",
        }
    }

    const fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Published
            | Self::PostId
            | Self::Removed
            | Self::Corrected
            | Self::SentToInbox
            | Self::Cancelled
            | Self::CancelRefused => None,
            Self::PullStalled => Some(
                "nothing: TikTok may still finish, and ends it by itself after an hour; new videos are uploaded if this goes on",
            ),
            Self::Held | Self::Failed => Some("read the post: it says what to do"),
            Self::Unconfirmed => Some(
                "look at the creator's TikTok account and tell with POST /v1/posts/{id}/resolve what is there",
            ),
            Self::PutAside => {
                Some("the operator repairs the cause and sends it again with `cargo slipway redrive`")
            }
        }
    }
}

/// What happened to a webhook endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndpointNews {
    /// Somebody asked for an event to try the endpoint with; nobody else is sent it.
    #[serde(rename = "webhook_endpoint.test")]
    Test,
    /// It was turned off because it does not take what it is sent.
    #[serde(rename = "webhook_endpoint.disabled")]
    Disabled,
}

impl EndpointNews {
    const fn name(self) -> &'static str {
        match self {
            Self::Test => "webhook_endpoint.test",
            Self::Disabled => "webhook_endpoint.disabled",
        }
    }
}

/// Every type of event and what it means, as customers choose among them.
pub const CATALOGUE: [(&str, &str); 18] = [
    ("post.published", "TikTok says that the post is published"),
    ("post.url_resolved", "the id of the public post is known, and with it its link"),
    ("post.removed", "the post is no longer public"),
    ("post.corrected", "what was said to have failed, or to be cancelled, is published"),
    ("post.sent_to_inbox", "the draft is in the creator's inbox"),
    ("post.held", "the post waits for more than its turn"),
    ("post.failed", "the post failed for good"),
    ("post.cancelled", "the post was stopped"),
    ("post.cancel_refused", "TikTok will not stop the post any more"),
    ("post.unconfirmed", "nobody knows whether TikTok created the post"),
    ("post.put_aside", "a job about the post failed again and again"),
    ("post.pull_stalled", "TikTok's download of the video has stopped growing"),
    ("creator.connected", "the creator connected the account, for the first time or again"),
    (
        "creator.reconnect_required",
        "TikTok refuses the tokens for good: posts wait until the creator connects again",
    ),
    ("creator.disconnected", "the creator was disconnected here"),
    ("creator.grant_ends", "the grant ends soon, and only the creator can renew it"),
    ("webhook_endpoint.test", "somebody asked for an event to try the endpoint with; nobody else is sent it"),
    ("webhook_endpoint.disabled", "the endpoint was turned off because it does not take what it is sent"),
];

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum News {
    /// The creator connected the account, for the first time or again.
    #[serde(rename = "creator.connected")]
    Connected {
        /// What was granted.
        scopes: Vec<String>,
    },
    /// TikTok refuses the tokens for good: posts wait until the creator connects again.
    #[serde(rename = "creator.reconnect_required")]
    ReconnectRequired {
        /// TikTok's error, or its event.
        code: String,
    },
    /// The creator was disconnected here.
    #[serde(rename = "creator.disconnected")]
    Disconnected,
    /// The grant ends soon, and only the creator can renew it.
    #[serde(rename = "creator.grant_ends")]
    GrantEnds {
        /// When.
        at: Timestamp,
        /// The warning that was due: 30, 7 or 1.
        days: u8,
    },
    /// Something happened to a webhook endpoint.
    #[serde(rename = "webhook_endpoint")]
    Endpoint {
        /// Which.
        endpoint: EndpointId,
        /// What.
        event: EndpointNews,
        /// Why, where there is a reason.
        code: Option<String>,
    },
    /// Something happened to a post.
    #[serde(rename = "post")]
    Post {
        /// Which.
        post: PostId,
        /// What.
        event: PostNews,
        /// TikTok's code or our rule, where there is one.
        code: Option<String>,
    },
}

impl News {
    /// The event's type, as customers know it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "creator.connected",
            Self::ReconnectRequired { .. } => "creator.reconnect_required",
            Self::Disconnected => "creator.disconnected",
            Self::GrantEnds { .. } => "creator.grant_ends",
            Self::Endpoint { event, .. } => event.name(),
            Self::Post { event, .. } => event.name(),
        }
    }

    /// What helps, one sentence.
    pub const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::ReconnectRequired { .. } | Self::GrantEnds { .. } => {
                Some("send the creator a link from POST /v1/connect-links with this creator's id")
            }
            Self::Disconnected => Some("connect the creator again, or cancel the posts that wait"),
            Self::Connected { .. } | Self::Endpoint { event: EndpointNews::Test, .. } => None,
            Self::Endpoint { event: EndpointNews::Disabled, .. } => Some(
                "mend the receiver, turn the endpoint on with PATCH /v1/webhook-endpoints/{id} and send again what it missed",
            ),
            Self::Post { event, .. } => event.remedy(),
        }
    }
}

/// Something a workspace is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same for the same happening.
    pub id: NoticeId,
    /// Who is told.
    pub workspace: WorkspaceId,
    /// About whom, if it is about a creator or a creator's post.
    pub creator: Option<CreatorId>,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub news: News,
}

impl Notice {
    /// News of a creator. `epoch` is the token generation it is about: the same news of the same generation is one notice.
    pub fn new(workspace: &WorkspaceId, creator: &CreatorId, epoch: u64, at: Timestamp, news: News) -> Self {
        let number = match &news {
            // a grant that does not end later after a refresh is warned about once, not once a generation
            News::GrantEnds { at, days } => format!("{days} {}", at.as_second() / 86_400),
            News::Connected { .. }
            | News::ReconnectRequired { .. }
            | News::Disconnected
            | News::Endpoint { .. }
            | News::Post { .. } => epoch.to_string(),
        };
        let text = format!("{creator} {} {number}", news.name());
        let id = NoticeId::from_bits(fnv1a(text.as_bytes()));
        Self { id, workspace: workspace.clone(), creator: Some(creator.clone()), at, news }
    }

    /// News of a post: the same of the same moment is one notice.
    pub fn of_post(post: &Post, at: Timestamp, news: News) -> Self {
        let text = format!("{} {} {}", post.id, news.name(), at.as_millisecond());
        let id = NoticeId::from_bits(fnv1a(text.as_bytes()));
        Self { id, workspace: post.workspace.clone(), creator: Some(post.creator.clone()), at, news }
    }

    /// News of a webhook endpoint: the same of the same moment is one notice.
    pub fn of_endpoint(
        endpoint: &Endpoint,
        at: Timestamp,
        event: EndpointNews,
        code: Option<String>,
    ) -> Self {
        let news = News::Endpoint { endpoint: endpoint.id.clone(), event, code };
        let text = format!("{} {} {}", endpoint.id, news.name(), at.as_millisecond());
        let id = NoticeId::from_bits(fnv1a(text.as_bytes()));
        Self { id, workspace: endpoint.workspace.clone(), creator: None, at, news }
    }
}

/// FNV-1a of 128 bits: well spread, and nobody gains anything by a collision within their own workspace.
fn fnv1a(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}
