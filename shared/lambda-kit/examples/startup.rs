//! What start-up costs, in microseconds: `cargo run --release -p lambda-kit --example startup [-- --search]`.
//!
//! Nothing here waits, so on a quiet machine this is CPU time.

use std::sync::Arc;
use std::time::Instant;

fn main() {
    let mut last = Instant::now();
    let mut step = |what: &str| {
        println!("{:>8} {what}", last.elapsed().as_micros());
        last = Instant::now();
    };
    lambda_kit::telemetry::init();
    step("telemetry");
    let tls = lambda_kit::http::tls();
    step("roots and TLS configuration");
    assert!(Arc::ptr_eq(&tls, &lambda_kit::http::tls()));
    step("the same again");
    let aws = lambda_kit::aws::sdk_config();
    step("AWS SDK configuration and its HTTP client");
    let tiktok = lambda_kit::http::tiktok_http_builder().build();
    step("TikTok's HTTP client");
    drop((aws, tiktok));
    let _: [u8; 32] = lambda_kit::system::SystemEntropy.bytes();
    step("the first randomness, which the first TLS handshake needs as well");
    if std::env::args().any(|argument| argument == "--search") {
        let found = rustls_native_certs::load_native_certs().certs.len();
        step(&format!("for comparison: the general search for roots alone, {found} found"));
    }
}
