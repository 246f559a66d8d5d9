//! S3 upload event: is it really a video, how long, how large? Then the posts that waited for it.
//!
//! Ranged reads only: no byte of the video beyond its headers comes through here.

#[cfg(feature = "lambda")]
mod bucket;
mod ingest;
mod message;
pub mod probe;

pub use ingest::{MediaIngest, Uploads};
pub use message::{Look, looks};
