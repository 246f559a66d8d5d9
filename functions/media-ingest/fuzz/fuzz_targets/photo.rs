//! Headers of JPEG, WebP and PNG: whatever the bytes are, no panic, no read outside of the file, the budget kept.
#![no_main]
#![allow(dead_code)]

mod held;
#[path = "../../src"]
mod parsers {
    pub mod probe;
}

use held::{Held, now};
use libfuzzer_sys::fuzz_target;
use parsers::probe::photo;

/// Put in front of input that begins like no photo, by its first byte.
const HEADS: [&[u8]; 3] = [b"\xff\xd8\xff\xe0\0\x04\0\0", b"RIFF\xff\xff\0\0WEBP", b"\x89PNG\r\n\x1a\n"];

fuzz_target!(|bytes: &[u8]| {
    let begins = HEADS.iter().any(|head| bytes.get(..3) == head.get(..3));
    let head = HEADS[usize::from(bytes.first().copied().unwrap_or(0)) % HEADS.len()];
    let mut source = if begins { Held::new(bytes) } else { Held::new(&[head, bytes].concat()) };
    if let Ok(found) = now(photo::probe(&mut source, None)) {
        assert!(found.width > 0 && found.height > 0 && (1..=8).contains(&found.orientation));
        photo::judge(&found);
        photo::advise(&found);
    }
    source.assert_cheap();
});
