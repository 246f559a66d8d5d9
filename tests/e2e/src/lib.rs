//! The real template and the real functions on the local stack, watched and broken from outside.
//!
//! [`rig::Rig`] is a stack with a [`wire::Wire`] between the functions and the outside, which counts calls, and kills,
//! delays or cuts at any one of them. A [`journey::Journey`] is one creator of one workspace on it. [`kills`] ends the
//! functions at every call of a post's way. [`faults`] breaks many posts in many ways at once. [`uploads`] sends a gigabyte.
//! [`canaries`] looks for secrets where none may be.

use std::process::ExitCode;

pub mod canaries;
pub mod faults;
pub mod journey;
pub mod kills;
pub mod limits;
pub mod receiver;
pub mod rig;
mod rows;
pub mod scheduled;
pub mod uploads;
pub mod versions;
pub mod wire;

/// Says what a program of this package ended with.
pub fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
