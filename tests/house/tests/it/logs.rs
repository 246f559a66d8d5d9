use std::collections::BTreeSet;

use cargo_metadata::MetadataCommand;
use lambda_kit::telemetry::OURS;

#[test]
fn the_level_that_is_asked_for_opens_exactly_the_crates_that_functions_are_made_of() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let made_of = metadata.packages.iter().filter(|package| {
        let folder = package.manifest_path.parent().and_then(|it| it.parent()).and_then(|it| it.file_name());
        matches!(folder, Some("functions" | "shared"))
    });
    let made_of: BTreeSet<String> = made_of.map(|package| package.name.replace('-', "_")).collect();
    assert_eq!(made_of, OURS.map(str::to_owned).into());
}
