//! What [`crate::Multipart`] promises.

use domain::media::{Container, upload_key};
use domain::{MediaId, SignedDuration, Timestamp};

use crate::{Joined, Multipart};

const VALID: SignedDuration = SignedDuration::from_mins(15);

/// Parts come by their URLs, in any order and more than once; the last of each number counts, and all together are the object.
///
/// `put` sends bytes to a signed URL and tells whether they were taken; `object` reads an object by its key; `sizes` are those of
/// two parts, the first of which is the least that may be followed by another.
pub async fn parts<M: Multipart>(
    bucket: &M,
    sizes: (usize, usize),
    now: Timestamp,
    put: impl AsyncFn(&crate::Upload, Vec<u8>) -> bool,
    object: impl AsyncFn(&str) -> Option<(Vec<u8>, String)>,
) {
    let media = MediaId::from_bits(0x9a27);
    assert_eq!(bucket.uploaded(&media).await.unwrap(), None);
    let id = bucket.begin_parts(&media, Container::Mov).await.unwrap();
    let other = bucket.begin_parts(&media, Container::Mov).await.unwrap();
    assert_ne!(id, other);
    assert_eq!(bucket.parts(&media, &id).await.unwrap(), Some(vec![]));

    let sign = async |number: u32, size: usize| {
        bucket.sign_part(&media, &id, (number, size as u64), VALID, now).await.unwrap()
    };
    let (first, second) = (vec![1; sizes.0], vec![2; sizes.1]);
    assert!(put(&sign(2, sizes.1).await, second.clone()).await);
    let listed = bucket.parts(&media, &id).await.unwrap().unwrap();
    assert_eq!(listed.iter().map(|part| (part.number, part.size)).collect::<Vec<_>>(), [(2, sizes.1 as u64)]);
    assert!(put(&sign(1, sizes.0).await, vec![9; sizes.0]).await);
    // a URL may be used again, and the last bytes count
    assert!(put(&sign(1, sizes.0).await, first.clone()).await);
    let listed = bucket.parts(&media, &id).await.unwrap().unwrap();
    assert_eq!(listed.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(bucket.uploaded(&media).await.unwrap(), None, "nothing is there before they are together");

    let Joined::Done(etag) = bucket.join_parts(&media, &id, &listed).await.unwrap() else { panic!("gone") };
    assert!(etag.starts_with('"'), "{etag}");
    assert_eq!(bucket.uploaded(&media).await.unwrap(), Some((sizes.0 + sizes.1) as u64));
    let (bytes, content_type) = object(&upload_key(&media)).await.unwrap();
    assert!(bytes == [first, second].concat());
    assert_eq!(content_type, "video/quicktime");

    assert_eq!(bucket.parts(&media, &id).await.unwrap(), None);
    // S3 may still remember it, and says the same again
    let again = bucket.join_parts(&media, &id, &listed).await.unwrap();
    assert!(again == Joined::Gone || again == Joined::Done(etag), "{again:?}");
    for _ in 0..2 {
        bucket.abort_parts(&media, &other).await.unwrap();
    }
    assert_eq!(bucket.parts(&media, &other).await.unwrap(), None);
    for _ in 0..2 {
        bucket.delete_upload(&media).await.unwrap();
        assert_eq!(bucket.uploaded(&media).await.unwrap(), None);
    }
}
