//! Queue messages: a tagged, versioned enum. A message is a hint to look at a row; the row decides. Fields that a newer
//! version adds are ignored by an older one, so both can run side by side.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::content::ContentHash;
use crate::delivery::DeliveryKey;
use crate::post::PublishId;
use crate::{Account, AccountId, CreatorId, EndpointId, MediaId, PostId, WorkspaceId};

/// A message in one of our queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job")]
pub enum Job {
    /// Publish queue: start or go on with a post.
    #[serde(rename = "publish.v1")]
    Publish(Publish),
    /// Status queue: ask TikTok about a post, or settle a claim that ran out.
    #[serde(rename = "check.v1")]
    Check(Check),
    /// Transfer queue: send a video's bytes to TikTok.
    #[serde(rename = "transfer.v1")]
    Transfer(Transfer),
    /// Ingest queue, next to S3's own events: look at a media row again.
    #[serde(rename = "ingest.v1")]
    Ingest {
        /// The media.
        media: MediaId,
        /// A post that waits for it, in case the row does not know.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        post: Option<PostId>,
    },
    /// Drop queue, next to S3's own events: look again at what was dropped under a name.
    #[serde(rename = "drop.v1")]
    Drop(Drop),
    /// Status queue: the posts of a creator that wait for its tokens may go on.
    #[serde(rename = "release.v1")]
    Release(Release),
    /// Status queue: TikTok spoke of a publish id that is not known here.
    #[serde(rename = "heard.v1")]
    Heard(Heard),
    /// Refresh queue: an account's access token is about to end, or was refused.
    #[serde(rename = "refresh.v1")]
    Refresh {
        /// The account.
        account: AccountId,
        /// Refresh only if the tokens still have this epoch; whatever is newer is good.
        epoch: Option<u64>,
    },
    /// Delivery queue: tell a customer's endpoint of an event.
    #[serde(rename = "deliver.v1")]
    Deliver(DeliveryKey),
    /// Delivery queue: see that every event has its delivery to an endpoint.
    #[serde(rename = "catch-up.v1")]
    CatchUp(CatchUp),
}

/// Start or go on with a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The post.
    pub post: PostId,
    /// Its account, for fair queueing and for one batched read.
    pub account: AccountId,
    /// Its content, for one batched read.
    pub content: ContentHash,
    /// A start time that is reserved in the account's rings already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<Timestamp>,
    /// TikTok refused the token of this epoch: wait for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_epoch: Option<u64>,
}

/// Send a video's bytes to TikTok.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The post.
    pub post: PostId,
    /// Its account.
    pub account: AccountId,
    /// TikTok refused the token of this epoch: wait for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_epoch: Option<u64>,
}

/// Ask TikTok about a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The post.
    pub post: PostId,
    /// Its account.
    pub account: AccountId,
    /// The EventBridge sweep sent this, not a delayed message.
    #[serde(default)]
    pub swept: bool,
    /// TikTok refused the token of this epoch: wait for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_epoch: Option<u64>,
}

/// Look again at what was dropped under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drop {
    /// For which creator.
    pub creator: CreatorId,
    /// The name that its files share.
    pub name: String,
}

/// Let the posts go on that were held because their creator had to connect again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Whose posts.
    pub workspace: WorkspaceId,
    /// Which creator's.
    pub creator: CreatorId,
    /// Its account, which has to be connected by then.
    pub account: AccountId,
    /// Where in the workspace's list to go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// TikTok spoke of a publish id that is not known here: it may be that of an attempt in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The account of the user it is about.
    pub account: AccountId,
    /// TikTok's id.
    pub publish_id: PublishId,
    /// When TikTok says it happened.
    pub at: Timestamp,
    /// When we were told.
    pub heard_at: Timestamp,
    /// TikTok refused the token of this epoch: wait for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_epoch: Option<u64>,
}

/// See that every event since a moment has its delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatchUp {
    /// To which endpoint.
    pub endpoint: EndpointId,
    /// Somebody asked for it: since then, and what was given up is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Where in the workspace's events to go on, and when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<(String, Timestamp)>,
}

impl CatchUp {
    /// From where the endpoint was left.
    pub const fn of(endpoint: EndpointId) -> Self {
        Self { endpoint, since: None, cursor: None }
    }
}

impl Job {
    /// Lets an account's creator's posts go on, from the first page of the workspace's list.
    pub fn release(account: &Account) -> Self {
        Self::Release(Release {
            workspace: account.workspace.clone(),
            creator: account.creator.clone(),
            account: account.id.clone(),
            cursor: None,
        })
    }

    /// The post that it is about.
    pub const fn post(&self) -> Option<&PostId> {
        match self {
            Self::Publish(publish) => Some(&publish.post),
            Self::Transfer(transfer) => Some(&transfer.post),
            Self::Check(check) => Some(&check.post),
            Self::Ingest { post, .. } => post.as_ref(),
            Self::Release(_)
            | Self::Heard(_)
            | Self::Refresh { .. }
            | Self::Drop(_)
            | Self::Deliver(_)
            | Self::CatchUp(_) => None,
        }
    }

    /// The account or endpoint whose jobs must not hold up others': the message group of a fair queue.
    pub fn group(&self) -> &str {
        match self {
            Self::Publish(publish) => publish.account.as_str(),
            Self::Transfer(transfer) => transfer.account.as_str(),
            Self::Check(check) => check.account.as_str(),
            Self::Release(release) => release.account.as_str(),
            Self::Heard(heard) => heard.account.as_str(),
            Self::Refresh { account, .. } => account.as_str(),
            Self::Ingest { media, .. } => media.as_str(),
            Self::Drop(dropped) => dropped.creator.as_str(),
            Self::Deliver(delivery) => delivery.endpoint.as_str(),
            Self::CatchUp(catch_up) => catch_up.endpoint.as_str(),
        }
    }
}
