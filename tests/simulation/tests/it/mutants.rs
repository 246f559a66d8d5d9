//! Patches that break the product have to fit it: one that does not apply shows nothing.

use std::path::Path;
use std::process::Command;

/// By how many the product is to be broken.
const LEAST: usize = 30;

#[test]
fn every_mutant_still_applies_and_names_what_it_breaks() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("mutants");
    let mut mutants = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the mutants").map(|entry| entry.expect("a file").path()) {
        mutants += 1;
        let text = std::fs::read_to_string(&entry).expect("a text");
        if !text.starts_with("Invariant: ") {
            wrong.push(format!("{} names no invariant", entry.display()));
        }
        let mut check = Command::new("git");
        check.args(["apply", "--check", "--recount"]).arg(&entry).current_dir(&root);
        let output = check.output().expect("git runs");
        if !output.status.success() {
            wrong.push(String::from_utf8_lossy(&output.stderr).into_owned());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mutants >= LEAST, "{mutants} mutants");
}
