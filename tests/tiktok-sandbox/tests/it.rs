//! TikTok's facts, one by one, against the imitation.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

#[path = "it/facts.rs"]
mod facts;
#[path = "it/faults.rs"]
mod faults;
#[path = "it/http.rs"]
mod http;
#[path = "it/inbox.rs"]
mod inbox;
#[path = "it/media.rs"]
mod media;
#[path = "it/oauth.rs"]
mod oauth;
#[path = "it/photos.rs"]
mod photos;
#[path = "it/publish.rs"]
mod publish;
#[path = "it/pulls.rs"]
mod pulls;
#[path = "it/rig.rs"]
mod rig;
#[path = "it/strangers.rs"]
mod strangers;
#[path = "it/switches.rs"]
mod switches;
#[path = "it/table.rs"]
mod table;
#[path = "it/upload.rs"]
mod upload;
#[path = "it/videos.rs"]
mod videos;
#[path = "it/webhooks.rs"]
mod webhooks;
