//! `cargo slipway`

use std::process::ExitCode;

use clap::Parser as _;
use slipway::commands::Command;

#[tokio::main]
async fn main() -> ExitCode {
    match Command::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("\n{error:#}");
            ExitCode::FAILURE
        }
    }
}
