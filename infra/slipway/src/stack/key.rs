//! The workspace and its API key.

use std::path::Path;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use domain::Scopes;
use store_dynamodb::Store;

use crate::keys::{self, Wanted};

/// A key of a new workspace that may do everything; `slk_<id>_<secret>`, the secret kept nowhere.
pub(super) async fn make(aws: &SdkConfig, table: &str) -> Result<String> {
    let store = Store::new(aws_sdk_dynamodb::Client::new(aws), table.to_owned());
    let name = "local stack".parse().context("naming the workspace's key")?;
    let wanted = Wanted { workspace: None, name, scopes: Scopes::all(), expires_at: None };
    Ok(keys::make(&store, wanted).await?.secret)
}

/// The key of last time, kept in the state's directory, or a new one.
pub(super) async fn kept(aws: &SdkConfig, table: &str, file: &Path) -> Result<String> {
    if let Ok(key) = std::fs::read_to_string(file) {
        return Ok(key.trim().to_owned());
    }
    let key = make(aws, table).await?;
    write_private(file, &key).with_context(|| format!("writing `{}`", file.display()))?;
    Ok(key)
}

fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(file, "{text}")
}
