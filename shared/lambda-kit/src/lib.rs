#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod aws;
pub mod batch;
pub mod deadline;
pub mod http;
pub mod redacted;
pub mod settings;
pub mod system;
pub mod telemetry;

/// The runtime whose types (`LambdaEvent`, `Context`, `Error`) stand in this crate's signatures.
pub use lambda_runtime;

/// An error and what caused it, outermost first.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}
