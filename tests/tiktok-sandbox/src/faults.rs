//! Faults put in on purpose. They are not TikTok's rules but the network's and its servers' bad days.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The calls this TikTok answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    Authorize,
    Token,
    Revoke,
    UserInfo,
    CreatorInfo,
    VideoInit,
    StatusFetch,
    Cancel,
    VideoList,
    /// A PUT of bytes to an upload URL.
    Upload,
    InboxInit,
    ContentInit,
}

impl Endpoint {
    pub(crate) const ALL: [(Self, &'static str, &'static str); 12] = [
        (Self::Authorize, "authorize", "/v2/auth/authorize/"),
        (Self::Token, "token", "/v2/oauth/token/"),
        (Self::Revoke, "revoke", "/v2/oauth/revoke/"),
        (Self::UserInfo, "user_info", "/v2/user/info/"),
        (Self::CreatorInfo, "creator_info", "/v2/post/publish/creator_info/query/"),
        (Self::VideoInit, "video_init", "/v2/post/publish/video/init/"),
        (Self::StatusFetch, "status_fetch", "/v2/post/publish/status/fetch/"),
        (Self::Cancel, "cancel", "/v2/post/publish/cancel/"),
        (Self::VideoList, "video_list", "/v2/video/list/"),
        (Self::Upload, "upload", "/video/"),
        (Self::InboxInit, "inbox_init", "/v2/post/publish/inbox/video/init/"),
        (Self::ContentInit, "content_init", "/v2/post/publish/content/init/"),
    ];

    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, known)| *known == path).map(|(endpoint, _, _)| *endpoint)
    }

    pub fn path(self) -> &'static str {
        Self::ALL[self as usize].2
    }

    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// One fault: where, what, how often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub endpoint: Endpoint,
    pub kind: FaultKind,
    /// Calls that pass before it strikes.
    #[serde(default)]
    pub skip: u32,
    /// Calls it strikes; then it is gone.
    #[serde(default = "once")]
    pub count: u32,
    /// Only calls about this account, where the call tells it (a bearer token or a refresh token).
    #[serde(default)]
    pub account: Option<String>,
}

fn once() -> u32 {
    1
}

impl Fault {
    pub fn once(endpoint: Endpoint, kind: FaultKind) -> Self {
        Self { endpoint, kind, skip: 0, count: 1, account: None }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// Nothing is done; this is the answer.
    Answer {
        status: u16,
        #[serde(default)]
        body: Value,
    },
    /// Nothing is done; the connection closes without an answer.
    LostBefore,
    /// Everything is done; the connection closes without an answer.
    AnswerLost,
    /// Everything is done; the answer comes so much later.
    Delayed { ms: u64 },
    /// Everything is done; the answer breaks off in the middle of its body.
    CutBody,
    /// Everything is done; the answer is 200 with bytes that are no JSON.
    Garbage,
    /// Everything is done; the answer is this one.
    AnswerReplaced {
        status: u16,
        #[serde(default)]
        body: Value,
    },
}

impl FaultKind {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::LostBefore => "lost_before",
            Self::AnswerLost => "answer_lost",
            Self::Delayed { .. } => "delayed",
            Self::CutBody => "cut_body",
            Self::Garbage => "garbage",
            Self::AnswerReplaced { .. } => "answer_replaced",
        }
    }
}
