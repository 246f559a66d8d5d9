//! Plays schedules.
fn main() {
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().unwrap().parse().unwrap();
    let count: u64 = args.next().unwrap().parse().unwrap();
    let told = args.next().is_some();
    let mut bad = 0;
    let mut ends = std::collections::BTreeMap::new();
    let (mut inv, mut mis, mut dl) = (0, 0, 0);
    for seed in from..from + count {
        let (scenario, chance) = simulation::Scenario::of_seed(seed, simulation::Skews::Trusted);
        let outcome = simulation::play(&scenario, chance, told);
        for line in &outcome.story {
            println!("{line}");
        }
        inv += outcome.invocations;
        mis += outcome.mishaps;
        dl += outcome.dead_letters;
        for end in &outcome.ends {
            *ends.entry(*end).or_insert(0) += 1;
        }
        if !outcome.breaches.is_empty() {
            bad += 1;
            if bad < 20 {
                println!("{seed}: {}", outcome.breaches[0]);
            }
        }
    }
    println!("{bad} bad; {ends:?} {inv} invocations {mis} mishaps {dl} dead letters");
}
