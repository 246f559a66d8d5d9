//! What TikTok sent, changed in ten thousand ways: nothing of it is believed, nothing is written, nothing is sent on.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use ports::Clock as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tiktok_sandbox::signature;
use tower::ServiceExt as _;

use super::edge;
use super::fixture::{CLIENT_SECRET, Fixture};
use super::webhook::{PUBLISH_ID, event, processing};

const MUTATIONS: usize = 10_000;
const SEED: u64 = 1;

/// What TikTok sent, or what somebody made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Delivery {
    body: Vec<u8>,
    /// The header's lines.
    signatures: Vec<Vec<u8>>,
}

impl Delivery {
    fn signed(secret: &str, seconds: i64, body: &[u8]) -> Self {
        Self { body: body.to_vec(), signatures: vec![signature(secret, seconds, body).into_bytes()] }
    }

    fn header(&self) -> String {
        String::from_utf8(self.signatures[0].clone()).unwrap()
    }

    fn with_header(&self, header: impl Into<Vec<u8>>) -> Self {
        Self { signatures: vec![header.into()], ..self.clone() }
    }

    fn with_body(&self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.clone() }
    }

    /// `t` and `s` as they were signed.
    fn parts(&self) -> (String, String) {
        let header = self.header();
        let (time, signature) = header.split_once(",s=").unwrap();
        (time.strip_prefix("t=").unwrap().to_owned(), signature.to_owned())
    }

    /// The header's time and signature, as far as they can be told apart at all: names and places that say the same are read
    /// alike, and so are upper and lower case of hexadecimal digits.
    fn said(&self) -> Option<(String, String)> {
        let header = String::from_utf8(self.signatures.first()?.clone()).ok()?;
        let fields: Vec<_> = header.split(',').filter_map(|part| part.trim().split_once('=')).collect();
        let one = |name: &str| {
            let mut found = fields.iter().filter(|(key, _)| *key == name).map(|(_, value)| *value);
            found.next().filter(|_| found.next().is_none())
        };
        Some((one("t")?.to_owned(), one("s")?.to_ascii_lowercase()))
    }

    /// Whether this says what TikTok said: the very bytes, the very time and the very signature. A pure change of case in the
    /// signature, a blank around a field, the fields' order and a field of another name change nothing of that, and whoever can
    /// do no more than this can do no more than repeat the delivery.
    fn says_the_same_as(&self, other: &Self) -> bool {
        self.body == other.body && self.said().is_some() && self.said() == other.said()
    }

    fn request(&self) -> Option<http::Request<axum::body::Body>> {
        let mut request =
            http::Request::post("/webhooks/tiktok").header(header::CONTENT_TYPE, "application/json");
        for signature in &self.signatures {
            // what no HTTP header can hold never gets here
            request = request.header("Tiktok-Signature", HeaderValue::from_bytes(signature).ok()?);
        }
        Some(request.body(self.body.clone().into()).unwrap())
    }
}

/// One byte changed, added, left out or doubled.
fn nudged(bytes: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = rng.random_range(0..bytes.len());
    match rng.random_range(0..5) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes.insert(at, rng.random()),
        2 => drop(bytes.remove(at)),
        3 => bytes.insert(at, bytes[at]),
        _ => {
            let other = rng.random_range(0..bytes.len());
            bytes.swap(at, other);
        }
    }
    bytes
}

/// The same event, written in another way.
fn rewritten(body: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let value: Value = serde_json::from_slice(body).unwrap();
    let fields: Vec<(&String, &Value)> = value.as_object().unwrap().iter().collect();
    let joined = |fields: &[(&String, &Value)], comma: &str, colon: &str| {
        let fields: Vec<String> =
            fields.iter().map(|(key, value)| format!("\"{key}\"{colon}{value}")).collect();
        format!("{{{}}}", fields.join(comma))
    };
    let text = match rng.random_range(0..6) {
        0 => serde_json::to_string_pretty(&value).unwrap(),
        1 => joined(&fields, ", ", ": "),
        2 => joined(&fields.into_iter().rev().collect::<Vec<_>>(), ",", ":"),
        3 => {
            let mut value = value.clone();
            value["content"] = serde_json::from_str(value["content"].as_str().unwrap()).unwrap();
            value.to_string()
        }
        4 => format!("{value}\n"),
        _ => format!("\u{feff}{value}"),
    };
    text.into_bytes()
}

/// The ways to change a delivery, by name.
const WAYS: [&str; 20] = [
    "a byte of the body",
    "bytes of the body",
    "a byte of the header",
    "a digit of the signature",
    "the signature cut",
    "another signature",
    "the time, with the old signature",
    "the time written in another way",
    "a field twice",
    "a field missing",
    "fields under other names",
    "other separators",
    "no header",
    "two headers, the first wrong",
    "another secret",
    "signed without the time, or the point",
    "the body written in another way",
    "the body in base64",
    "the body cut, doubled or gone",
    "the border between time and body moved",
];

#[expect(clippy::too_many_lines, reason = "one table: a way beside what it does")]
fn mutated(way: &str, given: &Delivery, rng: &mut StdRng) -> Delivery {
    let (time, hex) = given.parts();
    let seconds: i64 = time.parse().unwrap();
    let field = |name: &str, value: &str| format!("{name}={value}");
    let (t, s) = (field("t", &time), field("s", &hex));
    let other_hex = |rng: &mut StdRng| -> String {
        (0..64).map(|_| char::from_digit(rng.random_range(0..16), 16).unwrap()).collect()
    };
    let pick = |rng: &mut StdRng, all: &[String]| all.choose(rng).unwrap().clone();
    match way {
        "a byte of the body" => given.with_body(nudged(&given.body, rng)),
        "bytes of the body" => {
            let body = (0..rng.random_range(2..9)).fold(given.body.clone(), |body, _| nudged(&body, rng));
            given.with_body(body)
        }
        "a byte of the header" => given.with_header(nudged(&given.signatures[0], rng)),
        "a digit of the signature" => {
            let mut digits = hex.into_bytes();
            let at = rng.random_range(0..digits.len());
            digits[at] = *b"0123456789abcdefABCDEFg -".choose(rng).unwrap();
            given.with_header(format!("{t},s={}", String::from_utf8(digits).unwrap()))
        }
        "the signature cut" => {
            let cut = &hex[..rng.random_range(0..64)];
            let filled = format!("{cut:0<64}");
            given.with_header(pick(
                rng,
                &[
                    format!("{t},s={cut}"),
                    format!("{t},s={filled}"),
                    format!("{t},{s}00"),
                    format!("{t},{s}{hex}"),
                ],
            ))
        }
        "another signature" => {
            let other = other_hex(rng);
            let zeros = "0".repeat(64);
            given.with_header(format!("{t},s={}", pick(rng, &[other, zeros, "f".repeat(64), time.clone()])))
        }
        "the time, with the old signature" => {
            let by = rng.random_range(1..100_000);
            let moved = if rng.random() { seconds + by } else { seconds - by };
            given.with_header(format!("t={moved},{s}"))
        }
        "the time written in another way" => {
            let texts = [
                format!("+{time}"),
                format!("0{time}"),
                format!("-{time}"),
                format!("{time}.0"),
                format!("{time}000"),
                format!("{seconds:#x}"),
                format!("1{time}00000000000"),
                format!("{time} "),
                format!(" {time}"),
                String::new(),
            ];
            given.with_header(format!("t={},x=,{s}", pick(rng, &texts)))
        }
        "a field twice" => {
            let other = other_hex(rng);
            let later = seconds + rng.random_range(1..1_000);
            given.with_header(pick(
                rng,
                &[
                    format!("{t},{t},{s}"),
                    format!("{t},{s},{s}"),
                    format!("{t},s={other},{s}"),
                    format!("{t},{s},s={other}"),
                    format!("t={later},{t},{s}"),
                    format!("{t},t={later},{s}"),
                    format!("{t},{s},{t},{s}"),
                ],
            ))
        }
        "a field missing" => given.with_header(pick(
            rng,
            &[
                t.clone(),
                s.clone(),
                format!("{t},"),
                format!(",{s}"),
                format!("{t},s="),
                format!("t=,{s}"),
                format!("{t},s"),
                format!("{time},{hex}"),
            ],
        )),
        "fields under other names" => given.with_header(pick(
            rng,
            &[
                format!("T={time},S={hex}"),
                format!("v1={time},{s}"),
                format!("{t},v1={hex}"),
                format!("{t},sha256={hex}"),
                format!("s={time},t={hex}"),
                format!("t ={time},s ={hex}"),
            ],
        )),
        "other separators" => given.with_header(pick(
            rng,
            &[
                format!("{t};{s}"),
                format!("{t} {s}"),
                format!("{t}&{s}"),
                format!("t:{time},s:{hex}"),
                format!("{t},,{s}"),
                format!("\"{t}\",\"{s}\""),
                format!("{t},s==\"{hex}\""),
            ],
        )),
        "no header" => Delivery {
            signatures: if rng.random() { Vec::new() } else { vec![Vec::new()] },
            ..given.with_body(if rng.random() { given.body.clone() } else { nudged(&given.body, rng) })
        },
        "two headers, the first wrong" => {
            let wrong = format!("{t},s={}", other_hex(rng)).into_bytes();
            Delivery { signatures: vec![wrong, given.signatures[0].clone()], ..given.clone() }
        }
        "another secret" => {
            let random = other_hex(rng);
            let secrets = [
                random,
                " ".to_owned(),
                "awtests".to_owned(),
                format!("{CLIENT_SECRET} "),
                format!("{CLIENT_SECRET}\n"),
                CLIENT_SECRET.to_uppercase(),
                CLIENT_SECRET[..rng.random_range(1..CLIENT_SECRET.len())].to_owned(),
            ];
            Delivery::signed(&pick(rng, &secrets), seconds, &given.body)
        }
        "signed without the time, or the point" => {
            // the parts of other messages that TikTok could have signed, under our header
            let body = String::from_utf8(given.body.clone()).unwrap();
            let others =
                [format!("{time}{body}"), format!("{time}.{body}"), format!("t={time}.{body}"), hex.clone()];
            let other = Delivery::signed(CLIENT_SECRET, seconds, pick(rng, &others).as_bytes());
            given.with_header(other.header())
        }
        "the body written in another way" => given.with_body(rewritten(&given.body, rng)),
        "the body in base64" => {
            let body = if rng.random() { given.body.clone() } else { rewritten(&given.body, rng) };
            given.with_body(STANDARD.encode(body))
        }
        "the body cut, doubled or gone" => match rng.random_range(0..4) {
            0 => given.with_body(&given.body[..rng.random_range(0..given.body.len())]),
            1 => given.with_body(&given.body[rng.random_range(1..given.body.len())..]),
            2 => given.with_body([given.body.as_slice(), &given.body].concat()),
            _ => given.with_body(Vec::new()),
        },
        "the border between time and body moved" => {
            let message = format!("{time}.{}", String::from_utf8(given.body.clone()).unwrap());
            let points: Vec<usize> = message.match_indices('.').map(|(at, _)| at).skip(1).collect();
            if rng.random() {
                let at = rng.random_range(1..time.len());
                let body = format!("{}.{}", &time[at..], String::from_utf8(given.body.clone()).unwrap());
                given.with_header(format!("t={},{s}", &time[..at])).with_body(body)
            } else {
                let at = *points.choose(rng).unwrap();
                let body = &message[at + 1..];
                given.with_header(format!("t={},{s}", &message[..at])).with_body(body)
            }
        }
        other => panic!("no way is called `{other}`"),
    }
}

fn deliveries(seconds: i64) -> [Delivery; 4] {
    [
        event("post.publish.complete", &json!({ "publish_id": PUBLISH_ID })),
        event("post.publish.failed", &json!({ "publish_id": PUBLISH_ID, "reason": "video_pull_failed" })),
        event(
            "post.publish.publicly_available",
            &json!({ "publish_id": PUBLISH_ID, "post_id": "7412345678901234567" }),
        ),
        event("authorization.removed", &json!({ "reason": 1 })),
    ]
    .map(|body| Delivery::signed(CLIENT_SECRET, seconds, body.as_bytes()))
}

#[tokio::test]
async fn of_ten_thousand_changed_deliveries_none_is_accepted() {
    let (fixture, creator) = Fixture::connected().await;
    let (post, key) = processing(&fixture, &creator).await;
    fixture.queues.forget_calls();
    let given = deliveries(fixture.clock.now().as_second());
    let mut rng = StdRng::seed_from_u64(SEED);
    let (mut refused, mut same, mut unsendable) = (BTreeMap::new(), 0, 0);
    let mut number = 0;
    while number < MUTATIONS {
        let way = WAYS[number % WAYS.len()];
        let given = given.choose(&mut rng).unwrap();
        let mutation = mutated(way, given, &mut rng);
        if mutation.says_the_same_as(given) {
            same += 1;
            continue;
        }
        let Some(request) = mutation.request() else {
            unsendable += 1;
            continue;
        };
        let answer = fixture.send(request).await;
        let told = || {
            let headers: Vec<_> =
                mutation.signatures.iter().map(|line| String::from_utf8_lossy(line)).collect();
            format!("number {number}, {way}: {headers:?} over {}", String::from_utf8_lossy(&mutation.body))
        };
        assert_eq!(StatusCode::UNAUTHORIZED, answer.status, "{}", told());
        assert_eq!("webhook.signature", answer.body["code"], "{}", told());
        assert!(fixture.table.calls().is_empty(), "{}", told());
        assert!(fixture.queues.calls().is_empty() && fixture.objects.calls().is_empty(), "{}", told());
        *refused.entry(way).or_insert(0) += 1;
        number += 1;
    }
    assert_eq!(post.state, fixture.table.only_post().row.state);
    assert!(fixture.objects.object(&key).is_some());
    for (way, count) in &refused {
        println!("{count:>6}  {way}");
    }
    println!(
        "{MUTATIONS} refused, 0 accepted; {same} more said the same as before, {unsendable} fit no header"
    );
    assert_eq!((WAYS.len(), MUTATIONS), (refused.len(), refused.values().sum::<usize>()));
    assert!(same < MUTATIONS / 20, "{same} say the same as before");

    // and what was not changed is believed
    for given in &given {
        assert_eq!(StatusCode::OK, fixture.send(given.request().unwrap()).await.status);
    }
    assert_ne!(post.state, fixture.table.only_post().row.state);
}

#[tokio::test]
async fn what_says_the_same_in_another_way_is_accepted() {
    let fixture = Fixture::new();
    let [given, ..] = deliveries(fixture.clock.now().as_second());
    let (time, hex) = given.parts();
    for header in [
        format!("t={time},s={}", hex.to_uppercase()),
        format!("s={hex},t={time}"),
        format!(" t={time}, s={hex} "),
        format!("t={time},s={hex},v=2"),
    ] {
        let same = given.with_header(header.clone());
        assert!(same.says_the_same_as(&given), "{header}");
        assert_eq!(StatusCode::OK, fixture.send(same.request().unwrap()).await.status, "{header}");
    }
}

#[tokio::test]
async fn both_spellings_of_the_header_and_a_body_in_base64_come_through_lambda() {
    let fixture = Fixture::new();
    let [given, ..] = deliveries(fixture.clock.now().as_second());
    let text = String::from_utf8(given.body.clone()).unwrap();
    for name in ["TikTok-Signature", "Tiktok-Signature", "tiktok-signature", "TIKTOK-SIGNATURE"] {
        let sent = http::Request::post("/webhooks/tiktok").header(name, given.header());
        let answer = fixture.send(sent.body(given.body.clone().into()).unwrap()).await;
        assert_eq!(StatusCode::OK, answer.status, "`{name}`");
        for (encoded, claimed, status) in [
            (false, false, StatusCode::OK),
            (true, true, StatusCode::OK),
            (true, false, StatusCode::UNAUTHORIZED),
        ] {
            let event = edge::event("POST", "/webhooks/tiktok", |event| {
                let body = if encoded { STANDARD.encode(&text) } else { text.clone() };
                event["body"] = json!(body);
                event["isBase64Encoded"] = json!(claimed);
                event["headers"][name] = json!(given.header());
            });
            let answer = fixture.router().oneshot(event).await.unwrap();
            assert_eq!(status, answer.status(), "`{name}`, encoded: {encoded}, said so: {claimed}");
        }
    }
}
