//! Logs, panics and metrics. Everything goes to stdout, where Lambda picks it up.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use lambda_runtime::tracing::subscriber::filter::{FilterFn, LevelFilter, filter_fn};
use lambda_runtime::tracing::subscriber::fmt;
use lambda_runtime::tracing::subscriber::layer::SubscriberExt as _;
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt as _;
use serde_json::{Map, Value, json};
use tracing::Metadata;

use crate::settings::variable;

/// The namespace of every metric.
pub const NAMESPACE: &str = "Slipway";

/// The crates whose events are logged at the level that is asked for: what functions are made of, as far as it is ours.
///
/// All others are held at INFO. Below it HTTP clients, the SDK and Lambda's runtime print requests, answers, headers and whole
/// payloads, and with them tokens and signed URLs.
pub const OURS: [&str; 20] = [
    "api",
    "domain",
    "drop_intake",
    "flows",
    "lambda_kit",
    "media_ingest",
    "media_transfer",
    "media_s3",
    "outbound",
    "ports",
    "publish_init",
    "queue_sqs",
    "status_poll",
    "store_dynamodb",
    "tiktok",
    "token_refresh",
    "vault_kms",
    "views",
    "webhook_deliver",
    "wiring",
];

/// Starts logging as the template asks (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG` as a mere level) and
/// replaces the panic hook by one that logs where the panic was but not its message, which may quote what was being worked on.
///
/// The level opens [`OURS`] alone; no variable opens the crates they depend on any further than INFO.
///
/// # Panics
///
/// If called twice in a process.
pub fn init() {
    let format = variable("AWS_LAMBDA_LOG_FORMAT").unwrap_or_default();
    let set = |name| variable(name).filter(|level| !level.is_empty());
    let asked = level(set("AWS_LAMBDA_LOG_LEVEL").or_else(|| set("RUST_LOG")).as_deref());
    let lines = fmt().with_target(false).without_time().with_max_level(asked).with_writer(std::io::stdout);
    if format.eq_ignore_ascii_case("json") {
        lines.json().finish().with(held(asked)).init();
    } else {
        lines.finish().with(held(asked)).init();
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// One of Lambda's levels; INFO for whatever is none. `tracing` has nothing above ERROR.
fn level(asked: Option<&str>) -> LevelFilter {
    match asked {
        Some(text) if text.eq_ignore_ascii_case("fatal") => LevelFilter::ERROR,
        Some(text) => text.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    }
}

/// Lets our crates through as `asked`, and all others too, but never below INFO.
fn held(asked: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool> {
    let others = asked.min(LevelFilter::INFO);
    let filter = filter_fn(move |metadata| {
        let of = metadata.target().split("::").next().unwrap_or_default();
        let limit = if OURS.contains(&of) { asked } else { others };
        *metadata.level() <= limit
    });
    filter.with_max_level_hint(asked)
}

fn log_panic(panic: &PanicHookInfo<'_>) {
    let location = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(location, "panicked at {location}");
}

/// What a metric counts, in AWS's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things counted.
    Count,
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Bytes.
    Bytes,
    /// Parts of a hundred.
    Percent,
}

impl Unit {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Seconds => "Seconds",
            Self::Milliseconds => "Milliseconds",
            Self::Bytes => "Bytes",
            Self::Percent => "Percent",
        }
    }
}

/// Records one value: a line in AWS's embedded metric format, which becomes a metric without an API call.
///
/// Each set of dimension values is a metric of its own and is billed as one: stages and reasons are dimensions, ids are not.
pub fn metric(at: Timestamp, name: &str, value: f64, unit: Unit, dimensions: &[(&str, &str)]) {
    let line = metric_line(at, name, value, unit, dimensions);
    // a metric that cannot be written must not fail the work it measures
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The line [`metric`] writes.
pub fn metric_line(at: Timestamp, name: &str, value: f64, unit: Unit, dimensions: &[(&str, &str)]) -> String {
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line: Map<String, Value> =
        dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    line.insert(name.to_owned(), json!(value));
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": at.as_millisecond(),
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [names],
                "Metrics": [{ "Name": name, "Unit": unit.as_str() }],
            }],
        }),
    );
    Value::Object(line).to_string()
}
