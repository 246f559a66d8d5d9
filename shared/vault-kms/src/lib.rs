//! Seals tokens: AES-256-GCM under data keys of KMS, bound to the place they are for.
//!
//! A sealed token is the data key, encrypted by KMS, and nonce (12 bytes, random) + ciphertext + tag (16 bytes). What it is
//! bound to ([`Binding::associated_data`]) is authenticated, not stored: a ciphertext that was moved to another account,
//! field or generation does not open, and neither does one with another data key.
//!
//! A data key seals for at most five minutes and a thousand times, and one that KMS decrypted is kept as long, so that a
//! batch does not ask KMS for each token.

#![warn(missing_docs)]

mod cache;
mod error;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use domain::account::{Binding, Sealed};
use jiff::Timestamp;
use ports::{OpenError, Plaintext, PortError, PortResult, Vault};
use zeroize::Zeroizing;

use crate::cache::{Opening, Sealing};
use crate::error::{Odd, failed, foreign_data_key};

/// The KMS encryption context of every data key, as key policies and the audit trail see it.
pub const ENCRYPTION_CONTEXT: (&str, &str) = ("slipway", "tokens");

/// A data key ready for use. AWS-LC cleanses its copy of the key when it is dropped.
type Key = Arc<RandomizedNonceKey>;

/// Seals tokens under one KMS key.
#[derive(Clone)]
pub struct KmsVault {
    client: Client,
    key_id: String,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// Held while KMS is asked, so that a batch makes one data key and not ten.
    sealing: Arc<tokio::sync::Mutex<Option<Sealing>>>,
    opening: Arc<Mutex<Opening>>,
}

impl fmt::Debug for KmsVault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsVault")
            .field("key_id", &self.key_id)
            .field("data_keys", &"[redacted]")
            .finish_non_exhaustive()
    }
}

impl KmsVault {
    /// A vault under this key (id, ARN or alias). `now` says how old data keys are.
    pub fn new(
        client: Client,
        key_id: impl Into<String>,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        Self {
            client,
            key_id: key_id.into(),
            now: Arc::new(now),
            sealing: Arc::default(),
            opening: Arc::default(),
        }
    }

    /// The data key to seal with, and its encrypted form; counts as one use.
    async fn sealing_key(&self) -> PortResult<(Key, Vec<u8>)> {
        let mut sealing = self.sealing.lock().await;
        if let Some(used) = sealing.as_mut().and_then(|current| current.use_once((self.now)())) {
            return Ok(used);
        }
        let what = || "making a data key".to_owned();
        let made = self
            .client
            .generate_data_key()
            .key_id(&self.key_id)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(ENCRYPTION_CONTEXT.0, ENCRYPTION_CONTEXT.1)
            .send()
            .await
            .map_err(|error| failed(what(), error))?;
        let encrypted = made.ciphertext_blob.ok_or_else(|| PortError::passing(what(), Odd::NoKey))?;
        let key = data_key(made.plaintext).map_err(|odd| PortError::passing(what(), odd))?;
        let fresh = sealing.insert(Sealing::new(key, encrypted.into_inner(), (self.now)()));
        Ok(fresh.first_use())
    }

    async fn opening_key(&self, encrypted: &[u8]) -> Result<Key, OpenError> {
        let held = self.opening().get(encrypted, (self.now)());
        if let Some(key) = held {
            return Ok(key);
        }
        let what = || "decrypting a data key".to_owned();
        let decrypted = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(encrypted))
            .encryption_context(ENCRYPTION_CONTEXT.0, ENCRYPTION_CONTEXT.1)
            .send()
            .await
            .map_err(|error| {
                if foreign_data_key(&error) { OpenError::Foreign } else { failed(what(), error).into() }
            })?;
        let key = data_key(decrypted.plaintext).map_err(|odd| PortError::passing(what(), odd))?;
        self.opening().put(encrypted.to_vec(), Arc::clone(&key), (self.now)());
        Ok(key)
    }

    /// Nothing panics while it is held, so what a poisoned lock holds is whole.
    fn opening(&self) -> std::sync::MutexGuard<'_, Opening> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn data_key(plaintext: Option<Blob>) -> Result<Key, Odd> {
    let bytes = Zeroizing::new(plaintext.ok_or(Odd::NoKey)?.into_inner());
    let key = RandomizedNonceKey::new(&AES_256_GCM, &bytes).map_err(|_| Odd::NotAes256)?;
    Ok(Arc::new(key))
}

impl Vault for KmsVault {
    async fn seal(&self, secret: &Plaintext, binding: &Binding<'_>) -> PortResult<Sealed> {
        let (key, data_key) = self.sealing_key().await?;
        let mut body = secret.expose().as_bytes().to_vec();
        let nonce = key
            .seal_in_place_append_tag(Aad::from(binding.associated_data()), &mut body)
            .map_err(|source| PortError::passing("sealing a token", source))?;
        let mut cipher = nonce.as_ref().to_vec();
        cipher.append(&mut body);
        Ok(Sealed { data_key, cipher })
    }

    async fn open(&self, sealed: &Sealed, binding: &Binding<'_>) -> Result<Plaintext, OpenError> {
        let (nonce, body) = sealed.cipher.split_at_checked(NONCE_LEN).ok_or(OpenError::Foreign)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Foreign)?;
        let key = self.opening_key(&sealed.data_key).await?;
        let mut body = Zeroizing::new(body.to_vec());
        let secret = key
            .open_in_place(nonce, Aad::from(binding.associated_data()), &mut body)
            .map_err(|_| OpenError::Foreign)?;
        let secret = std::str::from_utf8(secret).map_err(|_| OpenError::Foreign)?;
        Ok(Plaintext::new(secret.to_owned()))
    }
}
