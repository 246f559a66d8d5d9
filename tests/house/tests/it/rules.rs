use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::RULES;

/// Where rules are named.
const NAMED_IN: [&str; 7] = [
    "functions/api/src",
    "functions/drop-intake/src",
    "functions/media-ingest/src",
    "functions/publish-init/src",
    "shared/domain/src",
    "shared/flows/src",
    "shared/outbound/src",
];

/// What has the form of a rule and is none: events, jobs, scopes, codes of a timeline.
const OTHERS: [&str; 35] = [
    "authorization.removed",
    "check.v1",
    "claim.late",
    "creator.connected",
    "creator.grant_ends",
    "day.full",
    "deliver.v1",
    "drop.v1",
    "fetch_log.nobody",
    "heard.v1",
    "home.arpa",
    "ingest.v1",
    "page.css",
    "post.cancel_refused",
    "post.cancelled",
    "post.corrected",
    "post.failed",
    "post.held",
    "post.pull_stalled",
    "post.put_aside",
    "post.removed",
    "post.sent_to_inbox",
    "post.url_resolved",
    "publish.v1",
    "refresh.v1",
    "release.v1",
    "resolved.not_published",
    "resolved.published",
    "tiktok.silent",
    "tiktok.unreachable",
    "token.locked",
    "transfer.v1",
    "upload.expired",
    "upload.nothing_sent",
    "webhook_endpoint.test",
];

/// Rules whose names are put together: the field's name, the kind of thing, the reason of a hold, TikTok's code; and those of one
/// word.
fn is_put_together(rule: &str) -> bool {
    let ends = [".unsupported", ".not_found"].iter().any(|end| rule.ends_with(end));
    ends || rule.starts_with("posts.held.") || !rule.contains('.')
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("domain/src/rule.rs") {
            found.push(path);
        }
    }
}

/// Every text of a source that has the form of a rule: words of small letters with dots between them.
fn named(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter(|line| !line.trim_start().starts_with("//")).flat_map(|line| {
        line.split('"').skip(1).step_by(2).filter(|text| {
            let words: Vec<&str> = text.split('.').collect();
            let word = |word: &&str| {
                !word.is_empty()
                    && word.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
            };
            words.len() > 1 && words.iter().all(word) && text.starts_with(|it: char| it.is_ascii_lowercase())
        })
    })
}

#[test]
fn the_catalogue_has_every_rule_that_is_named_and_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in NAMED_IN {
        sources(&root.join(folder), &mut files);
    }
    let texts: Vec<String> = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let found: BTreeSet<&str> = texts.iter().flat_map(|text| named(text)).collect();
    let catalogue: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();

    let missing: Vec<_> =
        found.iter().filter(|text| !catalogue.contains(*text) && !OTHERS.contains(text)).collect();
    assert!(missing.is_empty(), "rules that `domain::RULES` does not explain: {missing:?}");
    let idle: Vec<_> =
        catalogue.iter().filter(|rule| !found.contains(*rule) && !is_put_together(rule)).collect();
    assert!(idle.is_empty(), "rules that nothing breaks: {idle:?}");
    let strangers: Vec<_> = OTHERS.iter().filter(|text| !found.contains(*text)).collect();
    assert!(strangers.is_empty(), "nothing names them any more: {strangers:?}");
}
