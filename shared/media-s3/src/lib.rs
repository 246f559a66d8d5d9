//! The media bucket on S3.
//!
//! | key | what | who may see it |
//! |---|---|---|
//! | `up/<media>` | an upload, as it came | nobody outside |
//! | `up/<media>.jpg` | the JPEG that a photo was converted to | nobody outside |
//! | `m/<random>.<ext>` | the copy of one attempt, pinned to the probed `ETag` | TikTok |
//! | `fetch-log/…` | who asked for copies, as CloudFront logs it; on AWS in a bucket of its own | nobody outside |
//! | `drop/…` | what people drop to have it posted | whoever the operator lets |
//! | `drop-results/…` | what came of it | whoever the operator lets |
//! | `rescue/<account>/<epoch>` | sealed tokens that the table would not take, as JSON | nobody outside |
//!
//! [`Bucket`] implements [`ports::Objects`], [`ports::Multipart`], [`ports::DropFolder`], [`ports::FetchLog`] and [`ports::Rescue`]; [`Bucket::open`] reads ranges of an upload.
//!
//! The role needs `s3:ListBucket` besides the object actions: without it S3 answers 403 instead of 404 for an object that
//! is not there, and a missing upload or rescue object looks like a denial.

#![warn(missing_docs)]

mod bucket;
mod drops;
mod error;
mod fetch_log;
mod parts;
mod ranged;
mod rescue;

pub use bucket::Bucket;
pub use fetch_log::LogSource;
pub use ranged::RangedObject;
