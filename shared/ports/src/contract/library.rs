//! What [`crate::Library`] promises.

use domain::way::Way;
use domain::{Media, MediaId, SignedDuration, WorkspaceId};

use super::{new, nonce, written};
use crate::samples::{self, NOON};
use crate::{Library, MediaRows, Read};

/// Media are listed newest first until they are taken out, and the first upload in parts that is begun counts.
pub async fn library(store: &(impl Library + MediaRows)) {
    media_are_listed_newest_first(store).await;
    the_first_upload_in_parts_counts(store).await;
}

async fn media_are_listed_newest_first(store: &(impl Library + MediaRows)) {
    let workspace = WorkspaceId::from_bits(0x11b);
    for (bits, seconds) in [(0x1ba, 2), (0x1bb, 1), (0x1bc, 3)] {
        let at = NOON + SignedDuration::from_secs(seconds);
        let media = Media { workspace: workspace.clone(), ..samples::media(bits, at) };
        new(store.declare(&media, nonce(bits)).await.unwrap());
    }
    let page = async |cursor: Option<String>, limit| {
        let page = store.list_media(&workspace, cursor.as_deref(), limit).await.unwrap();
        let ids: Vec<u128> = page.rows.iter().map(|media| media.id.bits()).collect();
        (ids, page.next_cursor)
    };
    let (first, cursor) = page(None, 2).await;
    assert_eq!(first, [0x1bc, 0x1ba]);
    let (second, none) = page(Some(cursor.expect("there is more")), 2).await;
    assert_eq!((second, none), (vec![0x1bb], None));
    for _ in 0..2 {
        store.unlist_media(&MediaId::from_bits(0x1ba)).await.unwrap();
        assert_eq!(page(None, 9).await.0, [0x1bc, 0x1bb]);
    }
    // a verdict brings nothing back
    let id = MediaId::from_bits(0x1ba);
    let seen = store.media(&id, Read::Strong).await.unwrap().unwrap();
    written(store.judge(&seen, &seen.row, nonce(0x1bd)).await.unwrap());
    assert_eq!(page(None, 9).await.0, [0x1bc, 0x1bb]);
    store.unlist_media(&MediaId::from_bits(0x1bf)).await.unwrap();
    assert_eq!(store.media(&MediaId::from_bits(0x1bf), Read::Strong).await.unwrap(), None);
    assert!(store.list_media(&workspace, Some("no cursor"), 2).await.is_err());
}

async fn the_first_upload_in_parts_counts(store: &(impl Library + MediaRows)) {
    let media = Media { way: Way::parts(30_000_000), ..samples::media(0x1c0, NOON) };
    let declared = new(store.declare(&media, nonce(1)).await.unwrap());
    assert_eq!(declared.row.way.upload_id(), None);
    let read = store.media(&media.id, Read::Strong).await.unwrap().unwrap();
    assert_eq!(read, declared);
    for id in ["one", "two"] {
        let noted = store.note_parts(&media.id, id).await.unwrap().unwrap();
        assert_eq!((noted.row.way.upload_id(), noted.version), (Some("one"), declared.version));
        assert!(noted.row.way.is_like(&media.way));
    }
    let read = store.media(&media.id, Read::Strong).await.unwrap().unwrap();
    assert_eq!(read.row.way.upload_id(), Some("one"));
    assert_eq!(store.note_parts(&MediaId::from_bits(0x1c1), "one").await.unwrap(), None);
}
