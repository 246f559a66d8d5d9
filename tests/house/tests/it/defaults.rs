use std::fs;
use std::path::Path;

use domain::{Periods, SignedDuration};

/// The default of a template parameter, as it is written.
fn default_of(parameter: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml");
    let template = fs::read_to_string(path).unwrap();
    let section = template.split_once("\nParameters:\n").unwrap().1;
    let body = section.split_once(&format!("\n  {parameter}:\n")).unwrap().1;
    let line =
        body.lines().take_while(|line| line.starts_with("    ")).find(|line| line.contains("Default:"));
    line.unwrap().split_once("Default:").unwrap().1.trim().trim_matches('"').to_owned()
}

fn seconds(parameter: &str) -> SignedDuration {
    SignedDuration::from_secs(default_of(parameter).parse().unwrap())
}

fn ladder(parameter: &str) -> Vec<SignedDuration> {
    default_of(parameter).split(',').map(|gap| SignedDuration::from_secs(gap.parse().unwrap())).collect()
}

#[test]
fn the_templates_defaults_are_the_domains() {
    let template = Periods {
        claim_margin: seconds("ClaimMarginSeconds"),
        sweep_from: seconds("SweepFromSeconds"),
        watchdog: seconds("WatchdogSeconds"),
        poll_ladder: ladder("PollLadder"),
        tail_ladder: ladder("TailLadder"),
        tail: seconds("TailSeconds"),
        post_deadline: seconds("PostDeadlineSeconds"),
        unconfirmed_deadline: seconds("UnconfirmedDeadlineSeconds"),
        evidence_ladder: ladder("EvidenceLadder"),
        fence_wait: seconds("FenceWaitSeconds"),
        media_deadline: seconds("MediaDeadlineSeconds"),
        webhook_ladder: ladder("WebhookLadder"),
        webhook_deadline: seconds("WebhookDeadlineSeconds"),
        webhook_check: seconds("WebhookCheckSeconds"),
    };
    assert_eq!(template, Periods::default());
}

#[test]
fn by_default_no_host_skips_the_checks_of_what_customers_name() {
    assert_eq!(default_of("OutboundExceptions"), "");
}

#[test]
fn by_default_the_functions_speak_to_tiktok_itself() {
    assert_eq!(default_of("TikTokApiBaseUrl"), "https://open.tiktokapis.com");
    assert_eq!(default_of("TikTokAuthBaseUrl"), "https://www.tiktok.com");
}
