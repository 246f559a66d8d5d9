//! S3 upload event: is it really a video or a photo, how long, how large? Then the posts that waited for it.
//!
//! Ranged reads only: no byte beyond the headers comes through here, but those of a photo that is to be converted.

#[cfg(feature = "lambda")]
mod bucket;
pub mod convert;
mod ingest;
mod message;
pub mod probe;

pub use ingest::{MediaIngest, Turns, Uploads};
pub use message::{Look, looks};
