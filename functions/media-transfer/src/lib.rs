//! Transfer queue: the bytes of a video from S3 to the upload URL that TikTok gave, in slices of one invocation each.
//!
//! Nothing exists at TikTok before the last byte has arrived, so the order is: the right to send is in the row before a byte
//! is sent, what TikTok confirmed is in the row before the next one, and whoever takes over from somebody who vanished asks
//! TikTok first how far that one has come. No byte that TikTok confirmed is sent twice, and no more than two chunks are in
//! memory.

mod transfer;

pub use transfer::MediaTransfer;
