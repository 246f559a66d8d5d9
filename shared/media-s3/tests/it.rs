//! The media bucket against an emulated S3, and against answers that an emulator does not give.

#[path = "it/answers.rs"]
mod answers;
#[path = "it/copies.rs"]
mod copies;
#[path = "it/drops.rs"]
mod drops;
#[path = "it/parts.rs"]
mod parts;
#[path = "it/ranges.rs"]
mod ranges;
#[path = "it/rescued.rs"]
mod rescued;
#[path = "it/signed.rs"]
mod signed;
#[path = "it/stage.rs"]
mod stage;
