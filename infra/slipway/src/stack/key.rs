//! The workspace and its API key.

use std::path::Path;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use domain::{KeyId, Nonce, Scopes, WorkspaceId};
use lambda_kit::system::{SystemClock, SystemEntropy};
use ports::{ApiKey, Keys as _};
use store_dynamodb::Store;

/// Makes a key for a new workspace and writes it to the table; `slk_<id>_<secret>`, the secret kept nowhere.
pub(super) async fn make(aws: &SdkConfig, table: &str) -> Result<String> {
    let id: u128 = u128::from_be_bytes(SystemEntropy.bytes());
    let workspace = WorkspaceId::from_bits(u128::from_be_bytes(SystemEntropy.bytes()));
    let secret: [u8; 32] = SystemEntropy.bytes();
    let secret = secret.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    put(aws, table, KeyId::from_bits(id), workspace, &secret).await?;
    Ok(format!("slk_{id:032x}_{secret}"))
}

async fn put(aws: &SdkConfig, table: &str, id: KeyId, workspace: WorkspaceId, secret: &str) -> Result<()> {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    let secret_sha256 = digest.as_ref().try_into().context("hashing the key's secret")?;
    let key = ApiKey {
        id,
        workspace,
        name: "local stack".parse().context("naming the workspace's key")?,
        secret_sha256,
        scopes: Scopes::all(),
        created_at: SystemClock.now(),
        last_used_at: None,
        expires_at: None,
        retires_at: None,
        revoked_at: None,
        replaces: None,
        request_sha256: None,
    };
    let store = Store::new(aws_sdk_dynamodb::Client::new(aws), table.to_owned());
    let nonce = Nonce::from_bits(u128::from_be_bytes(SystemEntropy.bytes()));
    store.create_key(&key, nonce).await.map(drop).context("writing the workspace's key")
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
