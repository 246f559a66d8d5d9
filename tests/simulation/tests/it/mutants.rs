//! Patches that break the product have to fit it: one that does not apply shows nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// By how many the product is to be broken, and by how many each invariant.
const LEAST: usize = 30;
const LEAST_EACH: usize = 3;
const INVARIANTS: [&str; 7] = ["I1", "I2", "I3", "I4", "I5", "I6", "I7"];

fn patches() -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let entries = std::fs::read_dir(folder).expect("the mutants").map(|entry| entry.expect("a file").path());
    entries.map(|path| (path.clone(), std::fs::read_to_string(path).expect("a text"))).collect()
}

fn invariants(text: &str) -> Vec<&str> {
    let line = text.lines().find_map(|line| line.strip_prefix("Invariant: ")).unwrap_or_default();
    line.split(", ").collect()
}

#[test]
fn every_mutant_still_applies_and_names_what_it_breaks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut wrong = Vec::new();
    let patches = patches();
    for (path, text) in &patches {
        if !text.starts_with("Invariant: ") {
            wrong.push(format!("{} names no invariant", path.display()));
        }
        let mut check = Command::new("git");
        check.args(["apply", "--check", "--recount"]).arg(path).current_dir(&root);
        let output = check.output().expect("git runs");
        if !output.status.success() {
            wrong.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(patches.len() >= LEAST, "{} mutants", patches.len());
}

#[test]
fn every_invariant_is_broken_in_three_ways_and_the_ten_break_all_of_them() {
    let patches = patches();
    let mut all: BTreeMap<&str, usize> = BTreeMap::new();
    for invariant in patches.iter().flat_map(|(_, text)| invariants(text)) {
        *all.entry(invariant).or_default() += 1;
    }
    let ten: Vec<_> =
        patches.iter().filter(|(_, text)| text.lines().any(|line| line == "One of the ten.")).collect();
    assert_eq!(ten.len(), 10);
    for invariant in INVARIANTS {
        let count = all.get(invariant).copied().unwrap_or_default();
        assert!(count >= LEAST_EACH, "{count} mutants break {invariant}");
        assert!(
            ten.iter().any(|(_, text)| invariants(text).contains(&invariant)),
            "none of the ten breaks {invariant}"
        );
    }
}
