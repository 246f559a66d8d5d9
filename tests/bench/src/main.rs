//! The budgets: what a cold start costs each function, and what one post costs.

mod imitation;
mod post;
mod prices;
mod process;
mod release;
mod report;
mod startup;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use serde_json::{Map, Value};

/// Measures Slipway's budgets and prints each figure next to its budget
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Write the figures to this file as JSON, too
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Take the binaries in this directory instead of building them
    #[arg(long, global = true, value_name = "DIRECTORY")]
    binaries: Option<PathBuf>,
    /// Starts of each function
    #[arg(long, global = true, default_value_t = 20)]
    rounds: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
enum What {
    /// Cold starts: package size, processor time, memory
    Functions,
    /// One post on the local stack: calls, capacity units, latency, cost
    Post,
    /// Both
    All,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let binaries = match &arguments.binaries {
        Some(directory) => release::in_directory(directory)?,
        None => release::build()?,
    };
    let mut json = Map::new();
    if arguments.what != What::Post {
        let report = startup::measure(&binaries, arguments.rounds).await?;
        println!("{report}");
        json.insert("functions".into(), serde_json::to_value(&report)?);
    }
    if arguments.what != What::Functions {
        let report = post::measure(&binaries).await?;
        println!("{report}");
        json.insert("post".into(), serde_json::to_value(&report)?);
    }
    if let Some(file) = &arguments.json {
        let text = format!("{:#}\n", Value::Object(json));
        std::fs::write(file, text).with_context(|| format!("writing `{}`", file.display()))?;
    }
    Ok(())
}
