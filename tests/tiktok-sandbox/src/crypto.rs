use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;

/// Lower-case hex of the SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(crate) fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> String {
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message).as_ref())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the log shows in place of a token.
pub(crate) fn fingerprint(token: &str) -> String {
    sha256_hex(token.as_bytes())[..16].to_owned()
}

pub(crate) fn random_text(rng: &mut dyn RngCore, bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    rng.fill_bytes(&mut buffer);
    URL_SAFE_NO_PAD.encode(buffer)
}

/// 19 digits, odd: no double can hold it.
pub(crate) fn nineteen_digits(rng: &mut dyn RngCore) -> u64 {
    (7_600_000_000_000_000_000 + rng.next_u64() % 99_000_000_000_000_000) | 1
}

/// An id that looks like TikTok's: it may begin with `-` or `_`.
pub(crate) fn derived_id(prefix: &str, parts: &[&str]) -> String {
    let digest = digest::digest(&digest::SHA256, parts.join("\n").as_bytes());
    let lead = if digest.as_ref()[0] % 2 == 0 { "-000" } else { "_000" };
    format!("{prefix}{lead}{}", &URL_SAFE_NO_PAD.encode(digest)[..28])
}
