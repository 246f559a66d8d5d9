//! MP4 and MOV: whatever the bytes are, no panic, no read outside of the file, the budget kept.
#![no_main]
#![allow(dead_code)]

mod held;
#[path = "../../src"]
mod parsers {
    pub mod probe;
}

use held::{Held, now};
use libfuzzer_sys::fuzz_target;
use parsers::probe;

/// Put in front of input that begins like another file, so that no run is spent on the first four bytes.
const HEAD: &[u8] = b"\0\0\0\x18ftypisom\0\0\x02\0isommp42";
/// Where the bytes lie that tell.
const MAGIC: (usize, usize) = (4, 8);

fuzz_target!(|bytes: &[u8]| {
    let begins = bytes.get(MAGIC.0..MAGIC.1) == HEAD.get(MAGIC.0..MAGIC.1);
    let mut source = if begins { Held::new(bytes) } else { Held::new(&[HEAD, bytes].concat()) };
    if let Ok(found) = now(probe::probe(&mut source, None)) {
        probe::judge(&found);
    }
    source.assert_cheap();
});
