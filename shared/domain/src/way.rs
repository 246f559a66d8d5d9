//! How the bytes of a media come.

use serde::{Deserialize, Serialize};

/// How the bytes of a media come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Way {
    /// By one presigned `PUT`, or by whoever has them.
    #[default]
    Put,
    /// In parts, each by a presigned `PUT` of its own.
    Parts {
        /// The size of each part but the last, in bytes.
        part_size: u64,
        /// S3's id of the upload, once it is begun.
        #[serde(skip)]
        upload_id: Option<String>,
    },
}

impl Way {
    /// In parts that fit a file of this size.
    pub const fn parts(size: u64) -> Self {
        Self::Parts { part_size: part_size(size), upload_id: None }
    }

    /// Whether this and that are the same, however far they are.
    pub const fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Put, Self::Put) => true,
            (Self::Parts { part_size: one, .. }, Self::Parts { part_size: other, .. }) => *one == *other,
            (Self::Put, Self::Parts { .. }) | (Self::Parts { .. }, Self::Put) => false,
        }
    }

    /// S3's id of the upload in parts, once it is begun.
    pub fn upload_id(&self) -> Option<&str> {
        match self {
            Self::Put => None,
            Self::Parts { upload_id, .. } => upload_id.as_deref(),
        }
    }

    /// The same with the id of its upload; what comes otherwise has none.
    #[must_use]
    pub fn begun(self, id: Option<String>) -> Self {
        match self {
            Self::Put => Self::Put,
            Self::Parts { part_size, .. } => Self::Parts { part_size, upload_id: id },
        }
    }
}

const MEBIBYTE: u64 = 1 << 20;
/// S3 takes no part below 5 MiB but the last one.
const PART_LEAST: u64 = 8 * MEBIBYTE;
/// S3 takes 10,000 parts; each has a URL of a kilobyte and more, and all of them stand in one answer.
const PARTS_MOST: u64 = 100;

/// The size of the parts of a file: 8 MiB, or the least whole MiB that makes a hundred of them enough.
pub const fn part_size(size: u64) -> u64 {
    let hundredth = size.div_ceil(PARTS_MOST);
    if hundredth <= PART_LEAST { PART_LEAST } else { hundredth.div_ceil(MEBIBYTE) * MEBIBYTE }
}

/// Number and size of every part of a file.
pub fn parts(size: u64, part_size: u64) -> impl Iterator<Item = (u32, u64)> {
    let count = size.div_ceil(part_size.max(1));
    (1..).zip(0..count).map(move |(number, index)| (number, part_size.min(size - index * part_size)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::media::VIDEO_MAX_BYTES;

    fn plan(size: u64) -> Vec<(u32, u64)> {
        parts(size, part_size(size)).collect()
    }

    #[test]
    fn there_are_as_many_parts_as_are_needed_and_no_more() {
        let sizes = [1, PART_LEAST, PART_LEAST + 1, 100 * PART_LEAST, 100 * PART_LEAST + 1, VIDEO_MAX_BYTES];
        let counts: Vec<_> = sizes.iter().map(|size| (plan(*size).len(), part_size(*size))).collect();
        let (eight, nine) = (PART_LEAST, 9 * MEBIBYTE);
        assert_eq!(
            counts,
            [(1, eight), (1, eight), (2, eight), (100, eight), (89, nine), (98, 39 * MEBIBYTE)]
        );
        assert_eq!(plan(PART_LEAST + 1), [(1, PART_LEAST), (2, 1)]);
        assert_eq!(plan(0), []);
    }

    proptest! {
        #[test]
        fn the_parts_of_any_file_are_its_bytes_and_such_as_s3_takes(size in 1..=VIDEO_MAX_BYTES) {
            let plan = plan(size);
            prop_assert_eq!(plan.iter().map(|(_, size)| size).sum::<u64>(), size);
            prop_assert!((1..=100).contains(&plan.len()));
            prop_assert!(plan.iter().zip(1..).all(|((number, _), index)| *number == index));
            let (last, others) = plan.split_last().unwrap();
            prop_assert!(others.iter().all(|(_, size)| *size == part_size(size_of(&plan))));
            prop_assert!(others.iter().all(|(_, size)| (5 * MEBIBYTE..=5 << 30).contains(size)));
            prop_assert!(last.1 >= 1 && last.1 <= part_size(size));
        }
    }

    fn size_of(plan: &[(u32, u64)]) -> u64 {
        plan.iter().map(|(_, size)| size).sum()
    }
}
