//! Cursors of lists: opaque to customers, the place of a page's last row to us.

use domain::Timestamp;

use crate::{PortError, PortResult};

/// A text that is not a cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a cursor is hexadecimal digits, as a page gave them")]
pub struct NotACursor;

/// The place of a row in its list, which orders by time of creation, then id.
pub fn place(created_at: Timestamp, id: &str) -> String {
    format!("{:013}#{id}", created_at.as_millisecond())
}

/// The cursor that leads to what comes after a place.
pub fn encode(place: &str) -> String {
    use std::fmt::Write as _;
    place.bytes().fold(String::with_capacity(place.len() * 2), |mut cursor, byte| {
        let _ = write!(cursor, "{byte:02x}");
        cursor
    })
}

/// The place a cursor means; refused if it is none of ours.
pub fn decode(cursor: &str) -> PortResult<String> {
    let digits: Option<Vec<u8>> =
        cursor.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes = digits
        .filter(|digits| digits.len() % 2 == 0)
        .map(|digits| digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect());
    bytes
        .and_then(|bytes: Vec<u8>| String::from_utf8(bytes).ok())
        .filter(|place| place.as_bytes().get(13) == Some(&b'#') && place.is_ascii() && place.len() <= 64)
        .ok_or_else(|| PortError::refused("read the cursor of a list", NotACursor))
}
