//! Bytes in chunks to an upload URL.

use serde_json::json;
use tiktok_sandbox::{Endpoint, Fault, FaultKind, Issued, Outage, PostState, Request, sha256_hex};

use crate::rig::{Answer, HOUR, KEY, Rig, media, set};

const CHUNK: usize = 5_242_880;

/// The good video with room that nobody reads, so that it needs more than one chunk.
fn long_film() -> Vec<u8> {
    let mut film = media("good.mp4");
    let free = 2 * CHUNK + 1_000 - film.len();
    film.extend_from_slice(&u32::try_from(free).unwrap().to_be_bytes());
    film.extend_from_slice(b"free");
    film.resize(2 * CHUNK + 1_000, 0);
    film
}

struct Upload {
    publish_id: String,
    url: url::Url,
    film: Vec<u8>,
}

impl Upload {
    /// Of a film in two chunks, the second of which takes the rest.
    fn start(rig: &mut Rig) -> Self {
        let film = long_film();
        let answer = rig.init_upload(film.len() as u64, CHUNK as u64, 2);
        Self::of(&answer, film)
    }

    fn of(answer: &Answer, film: Vec<u8>) -> Self {
        let url = answer.data()["upload_url"].as_str().unwrap_or_else(|| panic!("refused: {}", answer.body));
        Self { publish_id: answer.publish_id(), url: url.parse().unwrap(), film }
    }

    /// Bytes `first` up to but not including `end`.
    fn request(&self, first: usize, end: usize) -> Request {
        let target = format!("{}?{}", self.url.path(), self.url.query().unwrap());
        let body = self.film[first..end].to_vec();
        Request { method: "PUT".parse().unwrap(), body: body.into(), ..Request::get(&target) }
            .header("content-type", "video/mp4")
            .header("content-length", &(end - first).to_string())
            .header("content-range", &format!("bytes {first}-{}/{}", end - 1, self.film.len()))
    }

    fn put(&self, rig: &mut Rig, first: usize, end: usize) -> (u16, String) {
        outcome(&rig.send(&self.request(first, end)))
    }

    fn first(&self, rig: &mut Rig) -> (u16, String) {
        self.put(rig, 0, CHUNK)
    }

    fn last(&self, rig: &mut Rig) -> (u16, String) {
        self.put(rig, CHUNK, self.film.len())
    }

    fn progress(&self, bytes: usize) -> String {
        format!("bytes 0-{bytes}/{}", self.film.len())
    }
}

/// Status and progress, empty where none is told.
fn outcome(answer: &Answer) -> (u16, String) {
    let progress = answer.response.headers.get("content-range");
    (answer.status, progress.map_or(String::new(), |value| value.to_str().unwrap().to_owned()))
}

#[test]
fn an_upload_url_is_short_secret_and_leads_to_whoever_was_asked() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    assert!(upload.publish_id.starts_with("v_pub_file~v2-1."), "{}", upload.publish_id);
    assert!(upload.url.as_str().len() <= 256, "{}", upload.url);
    assert_eq!(upload.url.origin().ascii_serialization(), "https://open-upload.tiktokapis.com");
    upload.first(&mut rig);

    let (_, token) = upload.url.query().unwrap().split_once("upload_token=").unwrap();
    let log = serde_json::to_string(rig.world.log()).unwrap();
    assert!(!log.contains(token), "{log}");
    assert!(!rig.world.summary().to_string().contains(token));
    assert!(rig.world.issued().any(|issued| issued == (Issued::UploadToken, token)));

    let mut body = crate::rig::good_init();
    let plan = json!({ "source": "FILE_UPLOAD", "video_size": 9, "chunk_size": 9, "total_chunk_count": 1 });
    set(&mut body, "/source_info", plan);
    let init = Request::post_json(Endpoint::VideoInit.path(), &body).bearer(&rig.ada.clone());
    let asked = rig.send(&init.clone().header("host", "127.0.0.1:4711"));
    assert!(asked.data()["upload_url"].as_str().unwrap().starts_with("http://127.0.0.1:4711/video/?"));
    rig.change(|config| config.uploads.base_url = Some("https://upload.example/tiktok/".into()));
    let elsewhere = rig.send(&init);
    let url = elsewhere.data()["upload_url"].as_str().unwrap();
    assert!(url.starts_with("https://upload.example/tiktok/video/?"), "{url}");
}

#[test]
fn a_plan_is_refused_in_tiktoks_words() {
    let mut rig = Rig::strict();
    for (size, chunk, chunks, message) in [
        (15_000_000, 10_000_000, 1, "The chunk size is invalid"),
        (20_000_000, 10_000_000, 3, "The total chunk count is invalid"),
        (4_000_000_001, 10_000_000, 400, "The video size is invalid"),
    ] {
        let answer = rig.init_upload(size, chunk, chunks);
        assert_eq!((answer.code(), &answer.body["error"]["message"]), ("invalid_params", &json!(message)));
    }
}

#[test]
fn the_documented_formula_alone_may_hold() {
    let mut rig = Rig::with(|config| config.uploads.single_chunk_is_whole_file = false);
    assert_eq!(rig.init_upload(19_999_999, 10_000_000, 1).code(), "ok");
    // The official rule that more than 64 MB need several chunks stays.
    assert_eq!(rig.init_upload(127_000_000, 64_000_000, 1).code(), "invalid_params");
}

#[test]
fn an_upload_in_chunks_is_published_like_a_pulled_video() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    let fresh = rig.status(&upload.publish_id);
    assert_eq!(fresh.data(), &json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": 0 }));
    assert_eq!(upload.first(&mut rig), (206, upload.progress(CHUNK)));
    let half = rig.status(&upload.publish_id);
    assert_eq!(half.data(), &json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK }));
    let length = upload.film.len();
    assert_eq!(upload.last(&mut rig), (201, upload.progress(length)));
    let whole = rig.status(&upload.publish_id);
    assert_eq!(whole.data(), &json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": length }));
    rig.wait(2_000);
    assert_eq!(rig.status(&upload.publish_id).data()["status"], "PUBLISH_COMPLETE");
    rig.wait(3_000);
    let done = rig.status(&upload.publish_id);
    assert_eq!(done.data()["publicaly_available_post_id"].as_array().unwrap().len(), 1);
    assert_eq!(done.data()["uploaded_bytes"], json!(length));
    let events: Vec<_> = rig.webhooks().into_iter().map(|(event, _)| event).collect();
    assert_eq!(events, ["post.publish.complete", "post.publish.publicly_available"]);

    let publication = rig.world.publications().next().unwrap();
    assert_eq!(publication.sha256, sha256_hex(&upload.film));
    assert_eq!((publication.bytes, publication.title.as_str()), (length as u64, "a day at sea #sailing"));
    let hops: Vec<_> = publication.fetches.iter().map(|hop| (hop.method.as_str(), hop.status)).collect();
    assert_eq!(hops, [("PUT", Some(206)), ("PUT", Some(201))]);
    let (_, call) = rig.world.calls(Endpoint::Upload).last().unwrap();
    assert_eq!((call.account.as_deref(), call.publish_id.as_ref()), (Some("ada"), Some(&upload.publish_id)));
    assert_eq!(rig.world.next_due(), None, "nothing is left to do");
}

#[test]
fn uploaded_bytes_are_judged_like_pulled_ones() {
    for (film, reason) in [
        (media("two-seconds.mp4"), "duration_check_failed"),
        (media("mpeg4.mp4"), "file_format_check_failed"),
        (b"<html>no video</html>".to_vec(), "file_format_check_failed"),
    ] {
        let mut rig = Rig::strict();
        let length = film.len();
        let answer = rig.init_upload(length as u64, length as u64, 1);
        let upload = Upload::of(&answer, film);
        assert_eq!(upload.put(&mut rig, 0, length).0, 201);
        rig.wait(HOUR);
        assert_eq!(rig.status(&upload.publish_id).data()["fail_reason"], reason);
    }
}

#[test]
fn a_chunk_out_of_turn_is_416_and_tells_the_progress() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    assert_eq!(upload.last(&mut rig), (416, upload.progress(0)));
    assert_eq!(upload.first(&mut rig).0, 206);
    assert_eq!(upload.put(&mut rig, CHUNK + 1, upload.film.len()), (416, upload.progress(CHUNK)));
    assert_eq!(upload.put(&mut rig, CHUNK - 1, upload.film.len()), (416, upload.progress(CHUNK)));
    assert_eq!(upload.last(&mut rig).0, 201);
}

#[test]
fn the_progress_may_be_the_index_of_the_last_byte() {
    let mut rig = Rig::with(|config| config.uploads.progress_is_last_index = true);
    let upload = Upload::start(&mut rig);
    assert_eq!(upload.last(&mut rig), (416, upload.progress(0)));
    assert_eq!(upload.first(&mut rig), (206, upload.progress(CHUNK - 1)));
    assert_eq!(upload.last(&mut rig), (201, upload.progress(upload.film.len() - 1)));
}

#[test]
fn a_chunk_whose_answer_was_lost_is_out_of_turn_the_second_time() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    rig.world.inject(Fault::once(Endpoint::Upload, FaultKind::AnswerLost));
    upload.first(&mut rig);
    assert_eq!(upload.first(&mut rig), (416, upload.progress(CHUNK)));
    assert_eq!(rig.status(&upload.publish_id).data()["uploaded_bytes"], json!(CHUNK));
    assert_eq!(upload.last(&mut rig).0, 201);

    let other = Upload::start(&mut rig);
    let of_grace =
        Fault { account: Some("grace".into()), ..Fault::once(Endpoint::Upload, FaultKind::LostBefore) };
    rig.world.inject(of_grace);
    assert_eq!(other.first(&mut rig).0, 206, "a fault of grace's does not strike ada");
    let of_ada =
        Fault { account: Some("ada".into()), ..Fault::once(Endpoint::Upload, FaultKind::LostBefore) };
    rig.world.inject(of_ada);
    other.last(&mut rig);
    assert_eq!(rig.status(&other.publish_id).data()["uploaded_bytes"], json!(CHUNK), "nothing was done");
    assert_eq!(other.last(&mut rig).0, 201);
}

#[test]
fn a_finished_upload_takes_no_more() {
    for (forgets, status) in [(false, 416), (true, 404)] {
        let mut rig = Rig::with(|config| config.uploads.forget_when_complete = forgets);
        let upload = Upload::start(&mut rig);
        upload.first(&mut rig);
        upload.last(&mut rig);
        let progress = if forgets { String::new() } else { upload.progress(upload.film.len()) };
        assert_eq!(upload.last(&mut rig), (status, progress.clone()));
        rig.wait(10_000);
        assert_eq!(upload.last(&mut rig), (status, progress));
        assert_eq!(rig.world.publications().count(), 1);
    }
}

#[test]
fn a_chunk_that_met_an_outage_is_sent_again() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    rig.change(|config| config.outage = Outage::Api);
    assert_eq!(upload.first(&mut rig), (500, String::new()));
    rig.change(|config| config.outage = Outage::None);
    assert_eq!(upload.first(&mut rig).0, 206);
}

#[test]
fn a_chunk_of_another_size_than_declared_is_400() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    for end in [CHUNK - 1, CHUNK + 1, upload.film.len()] {
        assert_eq!(upload.put(&mut rig, 0, end).0, 400, "{end}");
    }
    assert_eq!(upload.first(&mut rig).0, 206);
    assert_eq!(upload.put(&mut rig, CHUNK, 2 * CHUNK).0, 400);
    assert_eq!(upload.last(&mut rig).0, 201);
}

#[test]
fn headers_that_are_wrong_are_400() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    let total = upload.film.len();
    let (last, other_total) = (CHUNK - 1, total + 1);
    for (name, value) in [
        ("content-type", "application/octet-stream".to_owned()),
        ("content-type", String::new()),
        ("content-length", String::new()),
        ("content-length", last.to_string()),
        ("content-range", String::new()),
        ("content-range", format!("0-{last}/{total}")),
        ("content-range", format!("bytes 0-{CHUNK}/{total}")),
        ("content-range", format!("bytes 0-{last}/{other_total}")),
        ("content-range", format!("bytes 0-{last}/*")),
        ("content-range", format!("bytes {last}-0/{total}")),
        ("authorization", "Bearer act.any".to_owned()),
    ] {
        let request = upload.request(0, CHUNK).header(name, &value);
        assert_eq!(outcome(&rig.send(&request)), (400, String::new()), "{name}: {value}");
    }
    for kind in ["video/mp4", "video/quicktime", "video/webm"] {
        let upload = Upload::start(&mut rig);
        let request = upload.request(0, CHUNK).header("content-type", kind);
        assert_eq!(rig.send(&request).status, 206);
    }
    let mut nothing = upload.request(0, CHUNK);
    nothing.method = "POST".parse().unwrap();
    assert_eq!(rig.send(&nothing).status, 405);
}

#[test]
fn an_upload_url_that_was_changed_is_404() {
    let mut rig = Rig::strict();
    let (mut upload, other) = (Upload::start(&mut rig), Upload::start(&mut rig));
    let field =
        |url: &url::Url, name: &str| url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let id = field(&upload.url, "upload_id");
    for query in [
        format!("upload_id={id}"),
        format!("upload_id={id}&upload_token={}", field(&other.url, "upload_token")),
        "upload_id=7&upload_token=x".to_owned(),
    ] {
        upload.url.set_query(Some(&query));
        assert_eq!(upload.first(&mut rig), (404, String::new()), "{query}");
    }
}

#[test]
fn an_upload_url_expires_after_an_hour() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    rig.wait(HOUR - 1);
    assert_eq!(upload.first(&mut rig).0, 206);
    rig.wait(1);
    assert_eq!(upload.last(&mut rig), (403, String::new()));
    rig.wait(23 * HOUR);
    rig.ada = rig.access_token("ada", &["video.publish"]);
    let status = rig.status(&upload.publish_id);
    assert_eq!(status.data(), &json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": CHUNK }));
    assert_eq!(rig.world.publications().count(), 0);
}

#[test]
fn an_upload_without_bytes_creates_nothing_and_stays_as_it_is() {
    let mut rig = Rig::strict();
    rig.change_ada(|ada| ada.daily_cap = 1);
    let upload = Upload::start(&mut rig);
    assert_eq!(rig.init(|_| {}).code(), "spam_risk_too_many_posts", "it counts as one of the day's posts");
    rig.wait(2 * HOUR);
    let status = rig.status(&upload.publish_id);
    assert_eq!(status.data(), &json!({ "status": "PROCESSING_UPLOAD", "uploaded_bytes": 0 }));
    assert_eq!((rig.world.publications().count(), rig.webhooks().len()), (0, 0));
    assert_eq!(rig.world.next_due(), None, "nothing will ever happen");
    assert_eq!(rig.world.post(&upload.publish_id).unwrap().state, PostState::Uploading);
}

#[test]
fn an_upload_that_expired_may_fail_by_switch() {
    let mut rig = Rig::with(|config| config.uploads.expired_fail_reason = Some("internal".into()));
    let upload = Upload::start(&mut rig);
    upload.first(&mut rig);
    rig.wait(HOUR);
    let status = rig.status(&upload.publish_id);
    assert_eq!(
        (&status.data()["status"], &status.data()["fail_reason"]),
        (&json!("FAILED"), &json!("internal"))
    );
    assert_eq!(rig.webhooks()[0].0, "post.publish.failed");
    assert_eq!(upload.last(&mut rig).0, 404);
}

#[test]
fn access_removed_while_uploading() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    upload.first(&mut rig);
    rig.world.revoke_user(KEY, "ada", 1, rig.now);
    assert_eq!(upload.last(&mut rig), (404, String::new()));
    rig.ada = rig.access_token("ada", &["video.publish"]);
    assert_eq!(rig.status(&upload.publish_id).data()["fail_reason"], "auth_removed");
}

#[test]
fn an_upload_cannot_be_cancelled() {
    let mut rig = Rig::strict();
    let upload = Upload::start(&mut rig);
    assert_eq!(rig.cancel(&upload.publish_id).outcome(), (400, "publish_not_cancellable"));
    upload.first(&mut rig);
    assert_eq!(upload.last(&mut rig).0, 201);
}

#[test]
fn what_was_uploaded_is_lost_in_a_restart() {
    let mut rig = Rig::strict();
    let (begun, fresh) = (Upload::start(&mut rig), Upload::start(&mut rig));
    begun.first(&mut rig);
    let text = serde_json::to_string(&rig.world).unwrap();
    rig.world = serde_json::from_str(&text).unwrap();
    assert_eq!(begun.last(&mut rig), (404, String::new()));
    assert_eq!((fresh.first(&mut rig).0, fresh.last(&mut rig).0), (206, 201));
}

#[test]
fn a_chunk_that_is_here_may_be_welcome_again_by_switch() {
    let mut rig = Rig::with(|config| config.uploads.stored_chunk_is_welcome = true);
    let upload = Upload::start(&mut rig);
    let (half, whole) = (upload.progress(CHUNK), upload.progress(upload.film.len()));
    assert_eq!(upload.first(&mut rig), (206, half.clone()));
    assert_eq!(upload.first(&mut rig), (206, half), "and nothing is stored twice");
    assert_eq!(upload.last(&mut rig), (201, whole.clone()));
    assert_eq!(upload.last(&mut rig), (201, whole));
    rig.wait(2_000);
    assert_eq!(rig.status(&upload.publish_id).data()["status"], "PUBLISH_COMPLETE");
    let publication = rig.world.publications().next().unwrap();
    assert_eq!(publication.sha256, sha256_hex(&upload.film));
}

#[test]
fn chunks_may_be_answered_201_and_the_last_one_200_by_switch() {
    let mut rig = Rig::with(|config| config.uploads.answers_201_then_200 = true);
    let upload = Upload::start(&mut rig);
    assert_eq!(upload.first(&mut rig), (201, upload.progress(CHUNK)));
    assert_eq!(upload.last(&mut rig), (200, upload.progress(upload.film.len())));
}

/// Every order of three chunks but the right one is refused where it goes wrong, and the right one still works.
#[test]
fn chunks_in_any_other_order_are_out_of_turn() {
    let mut film = long_film();
    film.resize(3 * CHUNK, 0);
    let ranges = [(0, CHUNK), (CHUNK, 2 * CHUNK), (2 * CHUNK, 3 * CHUNK)];
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut rig = Rig::strict();
        let answer = rig.init_upload(film.len() as u64, CHUNK as u64, 3);
        let upload = Upload::of(&answer, film.clone());
        let mut stored = 0;
        for chunk in order {
            let (first, end) = ranges[chunk];
            let in_turn = chunk == stored;
            stored += usize::from(in_turn);
            let expected = if stored == 3 {
                201
            } else if in_turn {
                206
            } else {
                416
            };
            let progress = upload.progress(stored * CHUNK);
            assert_eq!(upload.put(&mut rig, first, end), (expected, progress), "{order:?}, chunk {chunk}");
        }
        for &(first, end) in &ranges[stored..] {
            assert!([201, 206].contains(&upload.put(&mut rig, first, end).0), "{order:?}");
        }
    }
}
