//! Keys made with rights on the table itself: the first key of a workspace has no other key to ask the API with.

use anyhow::{Context as _, Result, ensure};
use domain::{KeyId, KeyName, Nonce, Scopes, Timestamp, WorkspaceId};
use lambda_kit::system::{SystemClock, SystemEntropy};
use ports::{ApiKey, KeyCreated, Keys as _};
use store_dynamodb::Store;

/// What key is wanted.
pub(crate) struct Wanted {
    /// `None`: a new one.
    pub(crate) workspace: Option<WorkspaceId>,
    pub(crate) name: KeyName,
    pub(crate) scopes: Scopes,
    pub(crate) expires_at: Option<Timestamp>,
}

/// A key that was just made.
pub(crate) struct Made {
    pub(crate) key: ApiKey,
    /// `slk_<id>_<secret>`, kept nowhere.
    pub(crate) secret: String,
}

/// Makes a key and writes it to the table.
pub(crate) async fn make(store: &Store, wanted: Wanted) -> Result<Made> {
    let secret: [u8; 32] = SystemEntropy.bytes();
    let secret = secret.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes());
    let key = ApiKey {
        id: KeyId::from_bits(random_bits()),
        workspace: wanted.workspace.unwrap_or_else(|| WorkspaceId::from_bits(random_bits())),
        name: wanted.name,
        secret_sha256: digest.as_ref().try_into().context("hashing the key's secret")?,
        scopes: wanted.scopes,
        created_at: SystemClock.now(),
        last_used_at: None,
        expires_at: wanted.expires_at,
        retires_at: None,
        revoked_at: None,
        replaces: None,
        request_sha256: None,
    };
    let created = store.create_key(&key, Nonce::from_bits(random_bits())).await;
    ensure!(created.context("writing the key")? == KeyCreated::New, "there is a key `{}` already", key.id);
    let secret = format!("{}_{secret}", prefix(&key.id));
    Ok(Made { key, secret })
}

/// What a key begins with, before its secret.
pub(crate) fn prefix(id: &KeyId) -> String {
    format!("slk_{:032x}", id.bits())
}

fn random_bits() -> u128 {
    u128::from_be_bytes(SystemEntropy.bytes())
}
