use domain::account::{Binding, Sealed};

use super::{Faults, fails_on_purpose};
use crate::{OpenError, Plaintext, PortResult, Vault};

/// What a data key looks like; KMS's have 184 bytes.
const DATA_KEY: [u8; 184] = [0x5a; 184];

/// A vault that binds like the real one and keeps nothing secret.
#[derive(Debug, Clone)]
pub struct MemoryVault {
    faults: Faults,
}

fails_on_purpose!(MemoryVault);

impl MemoryVault {
    /// A vault.
    pub fn new() -> Self {
        Self { faults: Faults::of(&["seal", "open"]) }
    }

    fn sealed(secret: &Plaintext, binding: &Binding<'_>) -> Sealed {
        let clear = secret.expose().as_bytes();
        // 12 bytes of nonce in front and 16 of tag, as AES-GCM has them; the tag covers text and binding
        let mut cipher = vec![0x11; 12];
        cipher.extend(clear.iter().map(|byte| byte ^ 0xff));
        cipher.extend(tag(clear, &binding.associated_data()).to_be_bytes());
        Sealed { data_key: DATA_KEY.to_vec(), cipher }
    }

    fn opened(sealed: &Sealed, binding: &Binding<'_>) -> Option<Plaintext> {
        let masked = sealed.cipher.get(12..sealed.cipher.len().checked_sub(16)?)?;
        let clear: Vec<u8> = masked.iter().map(|byte| byte ^ 0xff).collect();
        let secret = Plaintext::new(String::from_utf8(clear).ok()?);
        (Self::sealed(&secret, binding) == *sealed).then_some(secret)
    }
}

impl Default for MemoryVault {
    fn default() -> Self {
        Self::new()
    }
}

/// FNV-1a over both parts, each with its length.
fn tag(clear: &[u8], data: &[u8]) -> u128 {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    for part in [clear, data] {
        for byte in (part.len() as u64).to_be_bytes().iter().chain(part) {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
    hash
}

impl Vault for MemoryVault {
    async fn seal(&self, secret: &Plaintext, binding: &Binding<'_>) -> PortResult<Sealed> {
        self.faults.run("seal", || Ok(Self::sealed(secret, binding)))
    }

    async fn open(&self, sealed: &Sealed, binding: &Binding<'_>) -> Result<Plaintext, OpenError> {
        self.faults.run("open", || Ok(Self::opened(sealed, binding)))?.ok_or(OpenError::Foreign)
    }
}
