//! FACTS.md names a test for each fact, or says why there is none.

use std::collections::BTreeSet;
use std::fs;

/// The tests of this package: `fn name()` under `#[test]`, and the rows of the tables.
fn tests() -> BTreeSet<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let mut names = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let function = line.trim_start_matches("async ").strip_prefix("fn ");
            if let (true, Some(rest)) = (is_test, function) {
                names.insert(rest.split('(').next().unwrap().to_owned());
            }
            is_test = line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            if let Some((name, rest)) = line.split_once(": ")
                && rest.starts_with('"')
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit())
            {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

fn rows() -> Vec<(String, String)> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/FACTS.md")).unwrap();
    let cells =
        text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.rsplit_once(" | "));
    cells
        .map(|(fact, shown)| (fact.to_owned(), shown.to_owned()))
        .filter(|(fact, _)| fact != "Fact")
        .collect()
}

#[test]
fn every_fact_names_a_test_that_exists_or_says_why_there_is_none() {
    let (tests, rows) = (tests(), rows());
    assert!(rows.len() > 200, "only {} rows were read", rows.len());
    for (fact, shown) in rows {
        let mut named =
            shown.split('`').skip(1).step_by(2).filter(|word| word.contains('_') && word.len() > 14);
        if let Some(reason) = shown.strip_prefix("not imitated, because ") {
            assert!(!reason.is_empty(), "no reason: {fact}");
            continue;
        }
        let named: Vec<&str> = named.by_ref().collect();
        assert!(!named.is_empty(), "no test: {fact}");
        for name in named {
            assert!(tests.contains(name), "`{name}` is no test: {fact}");
        }
    }
}
