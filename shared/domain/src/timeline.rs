//! What happened to a post, when, and by whom: short entries that fit in the post's row.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Accepted; the media was still missing.
    AcceptedWaiting,
    /// Accepted with everything there.
    Accepted,
    /// The media was probed and is good.
    MediaReady,
    /// The media was refused, or never came.
    MediaRejected,
    /// Put off, with the reason in `code`.
    Held,
    /// A hold ended.
    Released,
    /// An attempt began: TikTok is about to be asked.
    Claimed,
    /// TikTok took the post and gave its publish id.
    InitAccepted,
    /// TikTok refused the attempt; nothing was created.
    InitRefused,
    /// TikTok reports that it failed, and a new attempt makes sense.
    AttemptFailed,
    /// TikTok says the post is published.
    Published,
    /// TikTok gave the id of the public post.
    PostId,
    /// TikTok says the post is no longer public.
    NoLongerPublic,
    /// Failed for good.
    Failed,
    /// Nobody knows whether TikTok created the post.
    Unconfirmed,
    /// TikTok's word contradicts what was recorded as final.
    Corrected,
    /// TikTok has put the draft into the creator's inbox.
    SentToInbox,
    /// A person wants it stopped.
    CancelAsked,
    /// TikTok will not stop it any more.
    CancelRefused,
    /// Stopped before it was published.
    Cancelled,
    /// The copy of an attempt in doubt was taken away, so that TikTok cannot begin to pull it.
    Fenced,
    /// Evidence shows what TikTok calls the attempt.
    Adopted,
    /// The video was found among the creator's.
    Found,
    /// Nothing has shown what became of the attempt: a person has to look.
    Unresolved,
    /// A person said what became of it.
    Resolved,
    /// A job about it failed again and again and was put aside; the code names the queue.
    PutAside,
    /// Written down, to be published when somebody says so.
    Drafted,
    /// Somebody said that the draft is to be published.
    Submitted,
    /// Content or time were changed.
    Edited,
    /// The video's bytes are on their way to TikTok.
    UploadBegun,
    /// TikTok has all of the video's bytes.
    Uploaded,
    /// TikTok's download has not got on for a while.
    PullStalled,
}

/// By whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// A request to the API.
    Api,
    /// The probe of an uploaded file.
    Ingest,
    /// The publishing function.
    Publish,
    /// TikTok's webhook.
    Webhook,
    /// A status check that a delayed message asked for.
    Check,
    /// A status check that the EventBridge sweep asked for.
    Sweep,
    /// Somebody with an API key.
    Person,
    /// The function that sends the bytes.
    Transfer,
}

/// One thing that happened to a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// By whom.
    pub by: Actor,
    /// TikTok's code or reason, or our rule, where there is one.
    pub code: Option<String>,
    /// TikTok's `log_id` of the answer that said so.
    pub log_id: Option<String>,
}

/// A timeline keeps at most this many entries; the oldest but the first give way.
pub const MAX_ENTRIES: usize = 24;

/// Entries in the order they were written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline(pub Vec<Entry>);

impl Timeline {
    /// Adds an entry; a long timeline loses its second entry, so that the beginning and the end stay readable.
    pub fn push(&mut self, entry: Entry) {
        if self.0.len() >= MAX_ENTRIES {
            self.0.remove(1);
        }
        self.0.push(entry);
    }

    /// The entries.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}
