//! No duplicate, no lost post, no broken invariant.

use simulation::{Faults, Skews};

const THREADS: usize = 2;

#[track_caller]
fn holds(tally: &simulation::Tally) {
    println!("{tally}");
    assert!(!tally.is_broken(), "{tally}");
}

#[test]
fn fifty_thousand_schedules_break_nothing() {
    let tally = simulation::seeds(0, 50_000, Skews::Trusted, THREADS);
    holds(&tally);
    assert!(tally.mishaps > tally.schedules, "too little goes wrong:\n{tally}");
    let published = tally.ends.get("published").copied().unwrap_or_default();
    assert!(published > tally.schedules, "too little is published:\n{tally}");
}

#[test]
fn clocks_ten_minutes_apart_lose_nothing_and_post_nothing_twice() {
    holds(&simulation::seeds(0, 2_000, Skews::Wild, THREADS));
}

#[test]
fn every_single_mishap_in_the_life_of_a_post_is_survived() {
    holds(&simulation::exhaustive(Faults::Single, THREADS));
}

#[test]
fn a_seed_plays_the_same_schedule_again() {
    for seed in 0..20 {
        let (once, again) =
            (simulation::replay(seed, Skews::Trusted), simulation::replay(seed, Skews::Trusted));
        assert_eq!(once.story, again.story, "seed {seed}");
    }
}

#[test]
fn webhooks_lead_to_one_final_state_in_whatever_order_and_number_they_come() {
    let permuted = simulation::permutations();
    assert!(!permuted.is_broken(), "{permuted}");
    assert_eq!(permuted.orders, 24 + 240 + 1_080 + 2_520 + 2_520, "{permuted}");
}
