use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// What each of our crates may import, outside of tests. A crate that is missing here fails the test.
#[expect(clippy::match_same_arms, reason = "one line for each place in the order")]
fn allowed(package: &Package) -> Option<Vec<&'static str>> {
    const ADAPTERS: [&str; 4] = ["store-dynamodb", "media-s3", "queue-sqs", "vault-kms"];
    const SHARED: [&str; 8] =
        ["domain", "ports", "flows", "views", "wiring", "tiktok", "lambda-kit", "outbound"];
    let folder = package.manifest_path.parent()?.parent()?.file_name()?;
    let name = package.name.as_str();
    Some(match (folder, name) {
        ("shared", "domain" | "tiktok" | "lambda-kit" | "outbound") => vec![],
        ("shared", "views") => vec!["domain"],
        ("shared", "ports") => vec!["domain"],
        ("shared", "flows") => vec!["domain", "ports"],
        ("shared", "wiring") => vec!["domain", "ports", "lambda-kit"],
        ("shared", adapter) if ADAPTERS.contains(&adapter) => vec!["domain", "ports"],
        ("functions", _) => SHARED.into_iter().chain(ADAPTERS).collect(),
        // a second reading of TikTok's documents shares no type with the first
        ("tests", "tiktok-sandbox" | "house") => vec![],
        ("tests", "ministack") => vec!["lambda-kit"],
        // the storm of refreshers plays two functions; whoever else rehearses leaves that feature out
        ("tests", "rehearsal") => SHARED
            .into_iter()
            .filter(|name| *name != "flows")
            .chain(["tiktok-sandbox", "api", "token-refresh"])
            .collect(),
        ("infra", "slipway") => SHARED.into_iter().chain(ADAPTERS).chain(["tiktok-sandbox"]).collect(),
        ("tests", _) => return None,
        _ => panic!("`{name}` in `{folder}` has no place in the order of crates"),
    })
}

#[test]
fn every_crate_imports_only_what_stands_to_its_left() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let ours: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.name.as_str(), package)).collect();
    let mut wrong = Vec::new();
    for package in ours.values() {
        let Some(allowed) = allowed(package) else { continue };
        let imports = package.dependencies.iter().filter(|dependency| {
            dependency.kind == DependencyKind::Normal && ours.contains_key(dependency.name.as_str())
        });
        for import in imports {
            if !allowed.contains(&import.name.as_str()) {
                wrong.push(format!("`{}` imports `{}`", package.name, import.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_sandbox_shares_no_type_with_the_client_even_in_tests() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let sandbox = metadata.packages.iter().find(|package| package.name.as_str() == "tiktok-sandbox").unwrap();
    assert!(sandbox.dependencies.iter().all(|dependency| dependency.name != "tiktok"));
}

#[test]
fn a_function_is_a_directory_a_package_and_a_binary_of_one_name() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let functions = metadata.packages.iter().filter(|package| {
        package.manifest_path.parent().and_then(|it| it.parent()).and_then(|it| it.file_name())
            == Some("functions")
    });
    let mut seen = 0;
    for package in functions {
        seen += 1;
        assert_eq!(package.manifest_path.parent().unwrap().file_name(), Some(package.name.as_str()));
        let binaries: Vec<&str> = package
            .targets
            .iter()
            .filter(|target| target.is_bin())
            .map(|target| target.name.as_str())
            .collect();
        assert_eq!(binaries, [package.name.as_str()]);
    }
    assert!(seen >= 7);
}
