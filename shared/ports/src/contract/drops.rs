//! What [`crate::DropFolder`] promises.

use domain::MediaId;
use domain::media::Container;

use crate::{Copied, DropFolder};

/// A drop folder shows what was dropped, hands out exactly the object that was seen, and keeps what is told.
///
/// `put` drops bytes under a key.
pub async fn drops<D: DropFolder>(folder: &D, put: impl AsyncFn(&str, &[u8])) {
    assert_eq!(folder.dropped("drop/").await.unwrap(), []);
    put("drop/ada/harbour.mp4", b"a video").await;
    put("drop/ada/harbour.json", b"{}").await;
    put("drop/ada/harbour two.mp4", b"another video").await;
    put("drop/bob/harbour.mp4", b"his video").await;

    let found = folder.dropped("drop/ada/harbour.").await.unwrap();
    let keys: Vec<_> = found.iter().map(|it| (it.key.as_str(), it.size)).collect();
    assert_eq!(keys, [("drop/ada/harbour.json", 2), ("drop/ada/harbour.mp4", 7)]);
    let blank = folder.dropped("drop/ada/harbour two.").await.unwrap();
    assert_eq!(blank.iter().map(|it| it.key.as_str()).collect::<Vec<_>>(), ["drop/ada/harbour two.mp4"]);

    let (json, video) = (&found[0], &found[1]);
    assert_eq!(folder.read(&json.key, &json.etag).await.unwrap().as_deref(), Some(&b"{}"[..]));
    assert_eq!(folder.read(&json.key, &video.etag).await.unwrap(), None);
    assert_eq!(folder.read("drop/ada/nothing.json", &json.etag).await.unwrap(), None);

    let media = MediaId::from_bits(0xd109);
    let take = async |key: &str, etag: &str| folder.take(key, etag, &media, Container::Mp4).await.unwrap();
    assert_eq!(take(&video.key, &json.etag).await, Copied::Changed);
    assert_eq!(take("drop/ada/nothing.mp4", &video.etag).await, Copied::Changed);
    assert_eq!(take(&video.key, &video.etag).await, Copied::Done);
    assert_eq!(take(&video.key, &video.etag).await, Copied::Done);
    assert_eq!(take(&blank[0].key, &blank[0].etag).await, Copied::Done);

    put("drop/ada/harbour.mp4", b"a third video").await;
    assert_eq!(take(&video.key, &video.etag).await, Copied::Changed);

    let outcome = "drop-results/ada/harbour.result.json";
    assert_eq!(folder.told(outcome).await.unwrap(), None);
    folder.tell(outcome, b"[1]".to_vec()).await.unwrap();
    folder.tell(outcome, b"[2]".to_vec()).await.unwrap();
    assert_eq!(folder.told(outcome).await.unwrap().as_deref(), Some(&b"[2]"[..]));
    for _ in 0..2 {
        folder.take_back(outcome).await.unwrap();
        assert_eq!(folder.told(outcome).await.unwrap(), None);
    }
}
