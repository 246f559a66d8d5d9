//! The binaries as they go to AWS.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use slipway::stack::FUNCTIONS;

/// The binary that the others are compared with.
pub(crate) const BASELINE: &str = "baseline";

/// Builds the functions and the baseline in the release profile; the path of each binary by its name.
///
/// The functions are built from the workspace's root by binary, as `sam build` does it, so that they get the very features
/// they have on AWS. The baseline is built by itself, so that it gets none of theirs.
pub(crate) fn build() -> Result<BTreeMap<String, PathBuf>> {
    let functions = FUNCTIONS.iter().flat_map(|name| ["--bin", name]).collect::<Vec<_>>();
    let mut built = cargo(&functions)?;
    built.extend(cargo(&["--package", "bench", "--no-default-features", "--bin", BASELINE])?);
    for name in FUNCTIONS.iter().chain([&BASELINE]) {
        ensure!(built.contains_key(*name), "cargo built no binary of `{name}`");
    }
    Ok(built)
}

/// The binaries that lie in a directory already; a function that is not there is left out.
pub(crate) fn in_directory(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let names = FUNCTIONS.iter().chain([&BASELINE]);
    let paths = names.map(|name| ((*name).to_owned(), directory.join(name)));
    let found: BTreeMap<_, _> = paths.filter(|(_, path)| path.is_file()).collect();
    ensure!(found.contains_key(BASELINE), "`{}` has no binary of `{BASELINE}`", directory.display());
    Ok(found)
}

fn cargo(what: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let output = Command::new("cargo")
        .current_dir(slipway::repo::root()?)
        .args(["build", "--release", "--message-format=json-render-diagnostics"])
        .args(what)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo")?;
    ensure!(output.status.success(), "cargo could not build {}", what.join(" "));
    Ok(output.stdout.split(|byte| *byte == b'\n').filter_map(executable).collect())
}

fn executable(line: &[u8]) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_slice(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    Some((message["target"]["name"].as_str()?.to_owned(), path.into()))
}

/// How large the package that is uploaded to Lambda becomes: a zip file with one entry, `bootstrap`.
pub(crate) fn zipped(binary: &Path) -> Result<u64> {
    /// Local header, central header and end of a zip file.
    const HEADERS: u64 = 30 + 46 + 22;
    let bytes = fs::read(binary).with_context(|| format!("reading `{}`", binary.display()))?;
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(&bytes).context("packing")?;
    let packed = deflate.finish().context("packing")?.len() as u64;
    Ok(packed + HEADERS + 2 * "bootstrap".len() as u64)
}
