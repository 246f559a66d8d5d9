//! TikTok's facts, one by one, against the imitation.

#[path = "it/table.rs"]
mod table;
