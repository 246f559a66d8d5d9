#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod account;
pub mod app;
pub mod content;
pub mod creator;
pub mod delivery;
pub mod endpoint;
pub mod id;
pub mod job;
pub mod key;
pub mod limits;
pub mod media;
pub mod notice;
pub mod periods;
pub mod post;
pub mod problem;
pub mod rule;
pub mod timeline;
pub mod wake;
pub mod way;

pub use account::Account;
pub use content::Content;
pub use creator::Creator;
pub use delivery::{Delivery, DeliveryKey};
pub use endpoint::Endpoint;
pub use id::{AccountId, CreatorId, EndpointId, KeyId, MediaId, Nonce, NoticeId, PostId, WorkspaceId};
pub use jiff::{SignedDuration, Timestamp};
pub use job::Job;
pub use key::{KeyName, Scope, Scopes};
pub use media::Media;
pub use notice::Notice;
pub use periods::Periods;
pub use post::{Event, Outcome, Post, PostState};
pub use problem::{Level, Problem};
pub use rule::{RULES, Rule};
