//! The short forms of the campaigns.

use simulation::Report;

#[track_caller]
fn hold(reports: &[Report]) {
    for report in reports {
        println!("{report}\n");
        assert!(!report.is_broken(), "{report}");
    }
}

#[test]
fn a_cut_answer_leads_to_evidence_or_to_a_person_and_never_to_a_guess() {
    hold(&simulation::cuts(100));
}

#[test]
fn lost_and_doubled_messages_and_skipped_sweeps_cost_minutes() {
    hold(&[simulation::losses(200)]);
}

#[test]
fn a_crowd_drains_as_fast_as_tiktok_takes_it_and_a_deep_backlog_delays_nobody() {
    hold(&simulation::crowd(20, 100));
}
