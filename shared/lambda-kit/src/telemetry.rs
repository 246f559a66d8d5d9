//! Logs, panics and metrics. Everything goes to stdout, where Lambda picks it up.

use std::io::Write as _;
use std::panic::PanicHookInfo;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Slipway";

/// Starts logging as the template asks (`AWS_LAMBDA_LOG_FORMAT`, `AWS_LAMBDA_LOG_LEVEL`) and replaces the panic hook by one
/// that logs where the panic was but not its message, which may quote what was being worked on.
///
/// # Panics
///
/// If called twice in a process.
pub fn init() {
    lambda_runtime::tracing::init_default_subscriber();
    std::panic::set_hook(Box::new(log_panic));
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
