//! `cargo slipway`: the local stack, the demo, posting from a shell, a stage's secrets and keys, and the tests.
//!
//! As a library it is [`stack::Stack`], the real template with the real functions on an emulated AWS, for the end-to-end
//! tests and the bench; and [`client::Api`], a small client of the HTTP API.

pub mod client;
pub mod commands;
pub mod dead_letters;
pub mod http;
mod keys;
pub mod mutants;
pub mod progress;
pub mod repo;
pub mod stack;
