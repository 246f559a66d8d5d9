//! What a workspace is told about its creators. A notice is derived from what happened: recording it twice records it once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CreatorId, NoticeId, WorkspaceId};

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
}

impl News {
    /// The event's type, as customers know it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "creator.connected",
            Self::ReconnectRequired { .. } => "creator.reconnect_required",
            Self::Disconnected => "creator.disconnected",
            Self::GrantEnds { .. } => "creator.grant_ends",
        }
    }

    /// What helps, one sentence.
    pub const fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Connected { .. } => None,
            Self::ReconnectRequired { .. } | Self::GrantEnds { .. } => {
                Some("send the creator a link from POST /v1/connect-links with this creator's id")
            }
            Self::Disconnected => Some("connect the creator again, or cancel the posts that wait"),
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
    /// About whom.
    pub creator: CreatorId,
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
            News::Connected { .. } | News::ReconnectRequired { .. } | News::Disconnected => epoch.to_string(),
        };
        let text = format!("{creator} {} {number}", news.name());
        let id = NoticeId::from_bits(fnv1a(text.as_bytes()));
        Self { id, workspace: workspace.clone(), creator: creator.clone(), at, news }
    }
}

/// FNV-1a of 128 bits: well spread, and nobody gains anything by a collision within their own workspace.
fn fnv1a(bytes: &[u8]) -> u128 {
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}
