//! Converting: whatever the bytes are, no panic, and what comes out is a photo that nothing is wrong with.
#![no_main]
#![allow(dead_code)]

mod held;
#[path = "../../src"]
mod parsers {
    pub mod convert;
    pub mod probe;
}

use held::{Held, now};
use libfuzzer_sys::fuzz_target;
use parsers::convert::{convert, too_large};
use parsers::probe::photo;

/// More would be no other code, only slower.
const MEMORY_MAX: u64 = 8_000_000;

fuzz_target!(|bytes: &[u8]| {
    let Ok(found) = now(photo::probe(&mut Held::new(bytes), None)) else { return };
    if too_large(&found).is_some() || found.memory > MEMORY_MAX || found.animated {
        return;
    }
    let Ok(made) = convert(bytes.to_vec().into(), &found) else { return };
    let after = now(photo::probe(&mut Held::new(&made.bytes), None)).expect("a photo");
    assert_eq!((after.width, after.height, after.orientation), (made.width, made.height, 1));
    assert!(photo::judge(&after).is_empty(), "{after:?}");
});
