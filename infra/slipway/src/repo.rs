//! Where the repository is, and where its local things go.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The repository's root: the nearest directory above the current one that holds the template and this program, else the
/// one this program was built in.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context("asking for the current directory")?;
    let built = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .chain(built.ancestors())
        .find(|directory| {
            directory.join("template.yaml").is_file() && directory.join("infra/slipway").is_dir()
        })
        .map(Path::to_path_buf)
        .with_context(|| {
            format!("no `template.yaml` above `{}`: run this inside the repository", here.display())
        })
}

/// What the local stack keeps: the virtual environment, packages, states. Not under version control.
pub fn local(root: &Path) -> PathBuf {
    root.join(".slipway")
}

/// The Python programs and the demo's video.
pub fn own(root: &Path) -> PathBuf {
    root.join("infra/slipway")
}
