use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::Method;
use slipway::stack::Stack;

use super::stub;

#[tokio::test]
async fn the_media_edge_serves_copies_in_whole_and_in_part_and_logs_who_came() {
    let (options, _functions) = stub::options();
    let stack = Stack::start(options).await.unwrap();
    let (s3, bucket) = (stack.s3(), &stack.facts.media_bucket);
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 251) as u8).collect();
    for key in ["m/0123.mp4", "up/secret"] {
        let put =
            s3.put_object().bucket(bucket).key(key).content_type("video/mp4").body(bytes.clone().into());
        put.send().await.unwrap();
    }
    let client = slipway::http::client().unwrap();
    let prefix = &stack.facts.media_url_prefix;
    let url = format!("{prefix}0123.mp4");

    let whole = client.get(&url).send().await.unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    assert_eq!(whole.headers()["content-length"], "100000");
    assert_eq!(whole.bytes().await.unwrap(), bytes);

    let head = client.head(&url).send().await.unwrap();
    assert_eq!(
        (head.status().as_u16(), &head.headers()["content-length"]),
        (200, &"100000".parse().unwrap())
    );
    assert!(head.bytes().await.unwrap().is_empty());

    let part = client.get(&url).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 10-19/100000");
    assert_eq!(part.bytes().await.unwrap(), bytes[10..20]);

    let base = prefix.trim_end_matches("m/");
    for (method, path) in [
        (Method::GET, "m/absent.mp4"),
        (Method::HEAD, "m/absent.mp4"),
        (Method::GET, "up/secret"),
        (Method::GET, "m/..%2Fup%2Fsecret"),
        (Method::GET, ""),
    ] {
        let answer = client.request(method.clone(), format!("{base}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{method} {path}");
    }
    assert_eq!(client.post(&url).send().await.unwrap().status(), 405);

    let log = logged(&s3, bucket, |log| log.contains("absent") && log.contains("\tPOST\t")).await;
    let lines: Vec<Vec<&str>> = log.lines().map(|line| line.split('\t').collect()).collect();
    let of = |method: &str, status: &str| {
        lines.iter().find(|line| line.len() == 33 && line[5] == method && line[8] == status).unwrap()
    };
    assert_eq!((of("GET", "200")[3], of("GET", "200")[7]), ("100000", "/m/0123.mp4"));
    assert_eq!((of("GET", "206")[3], of("GET", "206")[31], of("GET", "206")[32]), ("10", "10", "19"));
    assert_eq!(of("HEAD", "200")[3], "0");
    assert_eq!(of("POST", "405")[7], "/m/0123.mp4");
    stack.stop().await.unwrap();
}

/// All log objects as one text, as soon as `enough` is in it.
async fn logged(s3: &aws_sdk_s3::Client, bucket: &str, enough: impl Fn(&str) -> bool) -> String {
    for _ in 0..150 {
        let mut log = String::new();
        let listed =
            s3.list_objects_v2().bucket(bucket).prefix("fetch-log/").send().await.expect("a log object");
        for object in listed.contents() {
            let got = s3
                .get_object()
                .bucket(bucket)
                .key(object.key().expect("a log object"))
                .send()
                .await
                .expect("a log object");
            let body = got.body.collect().await.expect("a log object").into_bytes();
            GzDecoder::new(&body[..]).read_to_string(&mut log).expect("a log object");
        }
        if enough(&log) {
            return log;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the log never said what was looked for");
}
