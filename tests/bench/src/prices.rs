//! List prices, us-east-1, as of 2026-11, in dollars per piece.

use serde::Serialize;

pub(crate) const AS_OF: &str = "us-east-1 list prices, 2026-11";

const MILLION: f64 = 1e6;

const HTTP_API_REQUEST: f64 = 1.00 / MILLION;
const LAMBDA_INVOCATION: f64 = 0.20 / MILLION;
/// arm64
const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
const SQS_REQUEST: f64 = 0.40 / MILLION;
/// On top, for a message with a group in a standard queue.
const SQS_FAIR: f64 = 0.10 / MILLION;
const DYNAMODB_WRITE_UNIT: f64 = 0.625 / MILLION;
const DYNAMODB_READ_UNIT: f64 = 0.125 / MILLION;
const S3_PUT: f64 = 0.005 / 1e3;
const S3_GET: f64 = 0.0004 / 1e3;
const KMS_REQUEST: f64 = 0.03 / 1e4;
const KMS_KEY_MONTH: f64 = 1.00;
const LOGS_GB: f64 = 0.50;
const EGRESS_GB: f64 = 0.09;

/// What a function waits for, which the local stack cannot tell: assumed, in milliseconds.
const AWS_CALL_MS: f64 = 8.0;
const TIKTOK_CALL_MS: f64 = 400.0;
/// The template's default.
const MEMORY_GB: f64 = 0.25;
/// A message costs its send, a receive and a deletion.
const SQS_REQUESTS_PER_MESSAGE: f64 = 3.0;

/// What one post uses, averaged.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Usage {
    pub(crate) http_requests: f64,
    pub(crate) invocations: f64,
    pub(crate) aws_calls: f64,
    pub(crate) tiktok_calls: f64,
    pub(crate) messages: f64,
    pub(crate) write_units: f64,
    pub(crate) read_units: f64,
    /// PUT, COPY and POST.
    pub(crate) s3_writes: f64,
    /// GET and HEAD, TikTok's own included.
    pub(crate) s3_reads: f64,
    pub(crate) kms_requests: f64,
    pub(crate) log_bytes: f64,
}

/// Dollars per million posts, by service.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cost {
    pub(crate) parts: Vec<(&'static str, f64)>,
    pub(crate) total: f64,
}

impl Usage {
    pub(crate) fn per_million(&self) -> Cost {
        let waits = self.aws_calls * AWS_CALL_MS + self.tiktok_calls * TIKTOK_CALL_MS;
        let parts = vec![
            ("HTTP API", self.http_requests * HTTP_API_REQUEST),
            ("Lambda, requests", self.invocations * LAMBDA_INVOCATION),
            ("Lambda, time (assumed)", waits / 1e3 * MEMORY_GB * LAMBDA_GB_SECOND),
            ("SQS", self.messages * (SQS_REQUESTS_PER_MESSAGE * SQS_REQUEST + SQS_FAIR)),
            ("DynamoDB, writes", self.write_units * DYNAMODB_WRITE_UNIT),
            ("DynamoDB, reads", self.read_units * DYNAMODB_READ_UNIT),
            ("S3, requests", self.s3_writes * S3_PUT + self.s3_reads * S3_GET),
            ("KMS", self.kms_requests * KMS_REQUEST),
            ("CloudWatch Logs", self.log_bytes / 1e9 * LOGS_GB),
        ];
        let parts: Vec<_> = parts.into_iter().map(|(what, dollars)| (what, dollars * MILLION)).collect();
        let total = parts.iter().map(|(_, dollars)| dollars).sum();
        Cost { parts, total }
    }
}

/// Dollars per thousand posts for the bytes that TikTok pulls from S3 itself, for videos of so many bytes.
pub(crate) fn egress_per_thousand(bytes: f64) -> f64 {
    bytes * 1e3 / 1e9 * EGRESS_GB
}

/// Dollars a month before anybody posts: the key, two sweeps a minute over 16 partitions each, and the polling of the event
/// source mappings (five pollers a queue, a receive every 20 s).
pub(crate) fn idle_month() -> f64 {
    const MINUTES: f64 = 30.0 * 24.0 * 60.0;
    const QUEUES: f64 = 4.0;
    const POLLERS: f64 = 5.0;
    const RECEIVES_A_MINUTE: f64 = 3.0;
    const SWEEPS: f64 = 2.0;
    const PARTITIONS: f64 = 16.0;
    /// Of an eventually consistent query that finds nothing.
    const UNITS: f64 = 0.5;
    let sweep = LAMBDA_INVOCATION
        + PARTITIONS * (UNITS * DYNAMODB_READ_UNIT)
        + PARTITIONS * AWS_CALL_MS / 1e3 * MEMORY_GB * LAMBDA_GB_SECOND;
    KMS_KEY_MONTH + MINUTES * (SWEEPS * sweep + QUEUES * POLLERS * RECEIVES_A_MINUTE * SQS_REQUEST)
}
