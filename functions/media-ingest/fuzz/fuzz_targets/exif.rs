//! EXIF: alone, and inside each of the formats that carry it.
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

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(60_000)];
    let turned = photo::turned(bytes);
    assert!((1..=8).contains(&turned));

    let length = u16::try_from(bytes.len() + 8).unwrap().to_be_bytes();
    let frame = b"\xff\xc0\0\x0b\x08\0\x10\0\x10\x01\x01\x11\0\xff\xda\0\x02\xff\xd9";
    let jpeg = [b"\xff\xd8\xff\xe1", &length[..], b"Exif\0\0", bytes, frame].concat();
    let found = now(photo::probe(&mut Held::new(&jpeg), None)).expect("a photo");
    assert_eq!((found.orientation, found.whole), (turned, true));

    let length = u32::try_from(bytes.len()).unwrap().to_be_bytes();
    let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x10\0\0\0\x10\x08\x02\0\0\0\0\0\0\0";
    let data = b"\0\0\0\0IDAT\0\0\0\0\0\0\0\0IEND\0\0\0\0";
    let png = [&header[..], &length, b"eXIf", bytes, b"\0\0\0\0", data].concat();
    let found = now(photo::probe(&mut Held::new(&png), None)).expect("a photo");
    assert_eq!((found.orientation, found.whole), (turned, true));
});
