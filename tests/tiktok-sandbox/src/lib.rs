//! TikTok, imitated: a second reading of TikTok's documents, sharing no type with our client.
//!
//! [`World`] is the synchronous core: a request, the time and some randomness in; an answer and [`Effect`]s out.
//! [`Sandbox`] is the HTTP shell around it, which really downloads what it is told to pull and really sends webhooks.
//! FACTS.md says which of TikTok's facts are imitated, and which test shows it.

pub mod config;
mod consent;
mod control;
mod crypto;
mod faults;
mod fetch;
mod fields;
mod inbox;
mod log;
mod media;
mod oauth;
mod photos;
mod pictures;
mod publish;
mod pull;
mod shell;
mod upload;
mod videos;
mod webhooks;
mod wire;
mod world;

pub use config::{Account, App, AutoTime, Config, Outage, Rotation, Time};
pub use crypto::sha256_hex;
pub use faults::{Endpoint, Fault, FaultKind};
pub use fetch::{FetchOutcome, FetchRules, Fetched, fetch};
pub use inbox::Finished;
pub use log::{Call, Entry, Hop, Publication, What};
pub use media::{Probe, Video, probe};
pub use photos::Carousel;
pub use pictures::Photo;
pub use publish::{Post, PostState, WrongStep};
pub use shell::{Options, Sandbox, StartError};
pub use webhooks::signature;
pub use wire::{Delivery, Request, Response};
pub use world::{Effect, Issued, World};
