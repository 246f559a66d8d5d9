//! The real exchange against a raw socket: every place where a call can be cut, and what the client makes of it.
//!
//! Each server takes one connection, does one thing and reports the requests it saw; then the listening socket is
//! asked whether anyone else knocked. The kernel completes loopback connections by itself, so a second attempt
//! cannot hide.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use tiktok::{
    Ambiguity, ChunkAnswer, Client, Endpoints, Error, Exchange, ExchangeError, ExchangeLimits, Remedy,
    ReqwestExchange, UploadUrl, VideoType,
};
use tokio::sync::oneshot;

use super::script::{photo_post, photos, post, pull_url, shown, token};

const OK: &str =
    r#"{"data":{"publish_id":"v_pub_url~v2.7"},"error":{"code":"ok","message":"","log_id":"l"}}"#;

/// Long enough that no test meets it unless it wants to.
const PATIENT: ExchangeLimits =
    ExchangeLimits { connect: Duration::from_secs(20), total: Duration::from_secs(30), max_body: 64 * 1024 };
const HASTY: ExchangeLimits = ExchangeLimits { total: Duration::from_secs(1), ..PATIENT };

fn tls() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_backend_preconfigured(tls())
}

fn client(base: &str, limits: ExchangeLimits) -> Client<ReqwestExchange> {
    Client::new(ReqwestExchange::new(builder(), limits).unwrap(), Endpoints::new(base, base).unwrap())
}

async fn init(client: &Client<impl Exchange>) -> Result<String, Error> {
    client.init_video_pull(&token(), &post(), &pull_url()).await
}

/// One raw server.
struct Server {
    listener: TcpListener,
    requests: oneshot::Receiver<usize>,
}

impl Server {
    /// Takes one connection, hands it to `act`, and reports how many whole requests `act` says it read.
    fn start(act: impl FnOnce(TcpStream) -> usize + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let accepting = listener.try_clone().unwrap();
        let (report, requests) = oneshot::channel();
        thread::spawn(move || {
            let (stream, _) = accepting.accept().unwrap();
            let _ = report.send(act(stream));
        });
        Self { listener, requests }
    }

    /// Reads one request, answers these bytes, closes.
    fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| {
            read_request(&mut stream);
            stream.write_all(&bytes).unwrap();
            1 + more_requests(stream)
        })
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn base(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Nobody else connected, and this many requests came over the one connection.
    async fn saw_exactly(self, requests: usize) {
        assert_eq!(self.requests.await.unwrap(), requests, "whole requests");
        self.listener.set_nonblocking(true).unwrap();
        let second = self.listener.accept().map(|_| ()).map_err(|error| error.kind());
        assert_eq!(second, Err(std::io::ErrorKind::WouldBlock), "a second connection was made");
    }
}

fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let head = loop {
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    };
    let text = String::from_utf8(seen).unwrap().to_ascii_lowercase();
    let target = text.split(" http/1.1\r\n").next().unwrap();
    assert!(
        matches!(
            target,
            "post /v2/post/publish/video/init/"
                | "post /v2/post/publish/content/init/"
                | "post /v2/post/publish/inbox/video/init/"
                | "put /video/?upload_token=secret"
        ),
        "{text}"
    );
    assert_eq!(text.matches("content-length: ").count(), 1, "{text}");
    assert!(!text.contains("accept-encoding"), "{text}");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(text.len(), head);
    stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
}

/// Closes our side and counts what else the client says on this connection.
fn more_requests(mut stream: TcpStream) -> usize {
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    usize::from(!rest.is_empty())
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

fn assert_ambiguous(result: Result<String, Error>, expected: Ambiguity) -> Error {
    let error = result.unwrap_err();
    match &error {
        Error::Ambiguous { why, .. } => assert_eq!(*why, expected, "{}", shown(&error)),
        other => panic!("{}", shown(other)),
    }
    assert!(!error.proves_nothing_was_created());
    assert_eq!(error.remedy(), Remedy::Ambiguous);
    assert_no_secret(&error);
    error
}

fn assert_not_sent(result: Result<String, Error>) {
    let error = result.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{}", shown(&error));
    assert!(error.proves_nothing_was_created());
    assert_no_secret(&error);
}

fn assert_no_secret(error: &Error) {
    assert!(!shown(error).contains("SECRET"), "{}", shown(error));
}

#[tokio::test]
async fn a_whole_answer_is_one_request_on_one_connection() {
    let server = Server::answering(http("200 OK", "content-type: application/json\r\n", OK));
    assert_eq!(init(&client(&server.base(), PATIENT)).await.unwrap(), "v_pub_url~v2.7");
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_chunked_answer_is_read_whole() {
    let (first, second) = OK.split_at(10);
    let body = format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len());
    let server = Server::answering(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}"));
    assert_eq!(init(&client(&server.base(), PATIENT)).await.unwrap(), "v_pub_url~v2.7");
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_second_call_makes_its_own_connection_although_the_first_could_be_kept() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let connections = thread::spawn(move || {
        let mut open = Vec::new();
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            read_request(&mut stream);
            stream.write_all(http("200 OK", "connection: keep-alive\r\n", OK).as_bytes()).unwrap();
            open.push(stream);
        }
        open.len()
    });
    let client = client(&base, PATIENT);
    init(&client).await.unwrap();
    init(&client).await.unwrap();
    assert_eq!(connections.join().unwrap(), 2);
}

// Nothing was sent.

#[tokio::test]
async fn a_refused_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_not_sent(init(&client(&base, PATIENT)).await);
}

struct NoSuchName;

impl reqwest::dns::Resolve for NoSuchName {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async { Err("no such name".into()) })
    }
}

#[tokio::test]
async fn an_unknown_name_was_not_sent() {
    let exchange = ReqwestExchange::new(builder().dns_resolver(Arc::new(NoSuchName)), PATIENT).unwrap();
    let base = "http://nowhere.test";
    assert_not_sent(init(&Client::new(exchange, Endpoints::new(base, base).unwrap())).await);
}

#[tokio::test]
async fn a_failed_tls_handshake_was_not_sent() {
    let server = Server::start(|mut stream| {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        more_requests(stream); // the client's alert
        0
    });
    assert_not_sent(init(&client(&format!("https://{}", server.address()), PATIENT)).await);
    server.saw_exactly(0).await;
}

#[tokio::test]
async fn a_connection_closed_inside_the_tls_handshake_was_not_sent() {
    let server = Server::start(|stream| {
        stream.peek(&mut [0]).unwrap();
        0
    });
    assert_not_sent(init(&client(&format!("https://{}", server.address()), PATIENT)).await);
    server.saw_exactly(0).await;
}

#[tokio::test]
async fn a_connection_that_takes_too_long_to_make_was_not_sent() {
    let limits = ExchangeLimits { connect: Duration::from_millis(300), ..PATIENT };
    let server = Server::start(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        0
    });
    assert_not_sent(init(&client(&format!("https://{}", server.address()), limits)).await);
    server.saw_exactly(0).await;
}

#[tokio::test]
async fn when_the_whole_time_is_up_while_connecting_nothing_is_claimed() {
    let server = Server::start(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
        0
    });
    let result = init(&client(&format!("https://{}", server.address()), HASTY)).await;
    assert_ambiguous(result, Ambiguity::NoWholeAnswer);
    server.saw_exactly(0).await;
}

// A connection existed.

#[tokio::test]
async fn a_connection_closed_at_once_is_ambiguous() {
    let server = Server::start(|stream| {
        drop(stream);
        0
    });
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(0).await;
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_ambiguous() {
    let server = Server::answering("");
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_reset_connection_is_ambiguous() {
    // closing a socket that holds unread bytes makes the kernel send a reset
    let server = Server::start(|stream| {
        stream.peek(&mut [0]).unwrap();
        drop(stream);
        0
    });
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(0).await;
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_ambiguous() {
    let whole = http("200 OK", "content-type: application/json\r\n", OK);
    let head = whole.len() - OK.len();
    for cut in [1, 9, 15, 17, head - 20, head - 2, head, head + 1, whole.len() - 10, whole.len() - 1] {
        let server = Server::answering(&whole[..cut]);
        assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn a_chunked_answer_without_its_end_is_ambiguous() {
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{OK}\r\n", OK.len());
    let server = Server::answering(answer);
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn an_answer_of_unknown_length_that_ends_early_is_unreadable() {
    let server = Server::answering(format!("HTTP/1.0 200 OK\r\n\r\n{}", &OK[..OK.len() - 3]));
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::Unreadable);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_timeout_after_sending_is_ambiguous() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        1 + stream.read_to_end(&mut Vec::new()).unwrap_or(0)
    });
    assert_ambiguous(init(&client(&server.base(), HASTY)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_timeout_inside_the_body_is_ambiguous() {
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        let whole = http("200 OK", "", OK);
        stream.write_all(&whole.as_bytes()[..whole.len() - 5]).unwrap();
        1 + stream.read_to_end(&mut Vec::new()).unwrap_or(0)
    });
    assert_ambiguous(init(&client(&server.base(), HASTY)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn bytes_that_are_not_http_are_ambiguous() {
    let server = Server::answering("220 mail.test ESMTP\r\n");
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn an_endless_body_is_ambiguous() {
    let endless = "x".repeat(PATIENT.max_body + 1);
    let server = Server::start(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(http("200 OK", "", &endless).as_bytes());
        1
    });
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NoWholeAnswer);
    server.saw_exactly(1).await;
}

// A whole answer came.

#[tokio::test]
async fn no_redirect_is_followed() {
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let server = Server::start(|mut stream| {
            read_request(&mut stream);
            let location = format!("location: http://{}/elsewhere\r\n", stream.local_addr().unwrap());
            stream.write_all(http(status, &location, "").as_bytes()).unwrap();
            1 + more_requests(stream)
        });
        let error =
            assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NotTikToksAnswer);
        assert_eq!(error.http_status(), status[..3].parse().ok());
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn no_server_fault_is_retried() {
    for status in
        ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"]
    {
        let server = Server::answering(http(status, "retry-after: 0\r\n", "<html>sorry</html>"));
        assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::ServerFault);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn a_refusal_that_is_not_tiktoks_is_ambiguous() {
    for status in [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "408 Request Timeout",
        "421 Misdirected",
        "425 Too Early",
        "429 Too Many Requests",
    ] {
        let server = Server::answering(http(status, "retry-after: 0\r\n", "<html>no</html>"));
        assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::NotTikToksAnswer);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn a_refusal_that_is_tiktoks_is_a_refusal() {
    let body = r#"{"data":{},"error":{"code":"rate_limit_exceeded","message":"","log_id":"l"}}"#;
    let server = Server::answering(http("429 Too Many Requests", "", body));
    let error = init(&client(&server.base(), PATIENT)).await.unwrap_err();
    assert!(matches!(error, Error::Refused { http_status: 429, .. }), "{}", shown(&error));
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_success_that_is_not_json_is_ambiguous() {
    let server = Server::answering(http("200 OK", "content-type: text/html\r\n", "<html>welcome</html>"));
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::Unreadable);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let server = Server::answering(http("200 OK", "content-encoding: gzip\r\n", "\u{1f}not json"));
    assert_ambiguous(init(&client(&server.base(), PATIENT)).await, Ambiguity::Unreadable);
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn the_settings_that_bear_on_one_attempt_override_the_callers() {
    let retrying = builder()
        .redirect(reqwest::redirect::Policy::limited(5))
        .retry(reqwest::retry::for_host("127.0.0.1").classify_fn(|answer| {
            if answer.error().is_some() || answer.status().is_some() {
                answer.retryable()
            } else {
                answer.success()
            }
        }))
        .pool_max_idle_per_host(8)
        .timeout(Duration::from_hours(1));
    let server = Server::start(|mut stream| {
        read_request(&mut stream);
        let location = format!("location: http://{}/elsewhere\r\n", stream.local_addr().unwrap());
        stream.write_all(http("307 Temporary Redirect", &location, "").as_bytes()).unwrap();
        1 + more_requests(stream)
    });
    let exchange = ReqwestExchange::new(retrying, PATIENT).unwrap();
    let endpoints = Endpoints::new(&server.base(), &server.base()).unwrap();
    assert_ambiguous(init(&Client::new(exchange, endpoints)).await, Ambiguity::NotTikToksAnswer);
    server.saw_exactly(1).await;
}

// The same of photos and of drafts, of which a second one is as real.

#[tokio::test]
async fn photos_and_drafts_are_one_request_on_one_connection_wherever_it_is_cut() {
    let whole = http("200 OK", "content-type: application/json\r\n", OK);
    for cut in [0, 9, whole.len() - OK.len(), whole.len() - 1] {
        let server = Server::answering(&whole[..cut]);
        let client = client(&server.base(), PATIENT);
        let photos = client.init_photo_post(&token(), &photo_post(), &photos()).await;
        assert_ambiguous(photos, Ambiguity::NoWholeAnswer);
        server.saw_exactly(1).await;

        let server = Server::answering(&whole[..cut]);
        let client = self::client(&server.base(), PATIENT);
        assert_ambiguous(client.init_draft_pull(&token(), &pull_url()).await, Ambiguity::NoWholeAnswer);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn no_redirect_and_no_server_fault_makes_the_client_send_photos_twice() {
    for (status, why) in [
        ("307 Temporary Redirect", Ambiguity::NotTikToksAnswer),
        ("500 Internal Server Error", Ambiguity::ServerFault),
        ("503 Service Unavailable", Ambiguity::ServerFault),
    ] {
        let server = Server::answering(http(status, "retry-after: 0\r\nlocation: /elsewhere\r\n", ""));
        let sent = client(&server.base(), PATIENT).init_photo_post(&token(), &photo_post(), &photos()).await;
        assert_ambiguous(sent, why);
        server.saw_exactly(1).await;
    }
}

// The same of a chunk of an upload, which may be sent again, but not by the client itself.

async fn chunk(server: &Server) -> Result<ChunkAnswer, Error> {
    let url = UploadUrl::new(format!("{}/video/?upload_token=SECRET", server.base()));
    let client = client(&server.base(), PATIENT);
    client.upload_chunk(&url, VideoType::Mp4, 0..4, 8, "abcd".into()).await
}

fn assert_chunk_may_be_sent_again(result: Result<ChunkAnswer, Error>, expected: Ambiguity) {
    let error = result.unwrap_err();
    assert!(matches!(&error, Error::Ambiguous { why, .. } if *why == expected), "{}", shown(&error));
    assert!(!error.proves_nothing_was_created());
    assert_eq!(error.remedy(), Remedy::TikTokFault);
    assert_no_secret(&error);
}

#[tokio::test]
async fn a_chunk_is_one_request_on_one_connection() {
    let server = Server::answering(http("206 Partial Content", "content-range: bytes 0-4/8\r\n", ""));
    assert_eq!(chunk(&server).await.unwrap(), ChunkAnswer::Progress(4));
    server.saw_exactly(1).await;
}

#[tokio::test]
async fn a_chunk_whose_connection_ends_is_sent_once() {
    let whole = http("206 Partial Content", "content-range: bytes 0-4/8\r\n", "stored");
    for cut in [0, 9, 17, whole.len() - 8, whole.len() - 1] {
        let server = Server::answering(&whole[..cut]);
        assert_chunk_may_be_sent_again(chunk(&server).await, Ambiguity::NoWholeAnswer);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn no_redirect_leads_a_chunk_elsewhere() {
    for status in ["301 Moved Permanently", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let server = Server::start(|mut stream| {
            read_request(&mut stream);
            let location = format!("location: http://{}/elsewhere\r\n", stream.local_addr().unwrap());
            stream.write_all(http(status, &location, "").as_bytes()).unwrap();
            1 + more_requests(stream)
        });
        assert_chunk_may_be_sent_again(chunk(&server).await, Ambiguity::NotTikToksAnswer);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn no_server_fault_makes_the_client_send_a_chunk_twice() {
    for status in ["500 Internal Server Error", "502 Bad Gateway", "503 Service Unavailable"] {
        let server = Server::answering(http(status, "retry-after: 0\r\n", "<html>sorry</html>"));
        assert_chunk_may_be_sent_again(chunk(&server).await, Ambiguity::ServerFault);
        server.saw_exactly(1).await;
    }
}

#[tokio::test]
async fn a_chunk_that_met_no_connection_was_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let url = UploadUrl::new(format!("{base}/video/?upload_token=SECRET"));
    let sent = client(&base, PATIENT).upload_chunk(&url, VideoType::Mp4, 0..4, 8, "abcd".into()).await;
    let error = sent.unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }), "{}", shown(&error));
    assert_no_secret(&error);
}

#[tokio::test]
async fn the_exchange_itself_says_what_was_sent() {
    let server = Server::answering("");
    let request = tiktok::Request {
        endpoint: tiktok::Endpoint::VideoInit,
        method: http::Method::POST,
        url: format!("{}/v2/post/publish/video/init/", server.base()).parse().unwrap(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::from_static(b"{}"),
    };
    let exchange = ReqwestExchange::new(builder(), PATIENT).unwrap();
    assert!(matches!(exchange.exchange(request).await, Err(ExchangeError::MaybeSent(_))));
    server.saw_exactly(1).await;
}
