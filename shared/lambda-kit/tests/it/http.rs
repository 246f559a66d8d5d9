//! The connector against a raw socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use lambda_kit::http::{AwsHttpClient, aws_http_client, tiktok_http_builder, tls};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A server that gives every connection to `serve`, and the number of connections so far.
async fn server<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(BufReader<TcpStream>) -> F + Send + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(BufReader::new(socket)));
        }
    });
    (url, connections)
}

/// The request's head, lower case; empty at the end of the connection.
async fn head(socket: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while socket.read_line(&mut head).await.unwrap_or(0) > 2 {}
    head.to_lowercase()
}

/// Answers every request on the connection with `answer`, reading bodies by their length.
async fn keep_answering(mut socket: BufReader<TcpStream>, answer: &str) {
    loop {
        let head = head(&mut socket).await;
        if head.is_empty() {
            return;
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.trim().parse().unwrap())];
        socket.read_exact(&mut body).await.unwrap();
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
}

fn request(method: &str, url: &str, body: SdkBody) -> HttpRequest {
    let mut request = HttpRequest::new(body);
    request.set_method(method).unwrap();
    request.set_uri(url).unwrap();
    request
}

async fn call(client: &AwsHttpClient, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    client.connector(&HttpConnectorSettings::builder().build()).call(request).await
}

async fn text(response: HttpResponse) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A body fed through a channel.
fn fed_body() -> (mpsc::UnboundedSender<Result<Bytes, BoxError>>, SdkBody) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let frames = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    let frames =
        futures::StreamExt::map(frames, |bytes: Result<Bytes, BoxError>| bytes.map(http_body::Frame::data));
    (sender, SdkBody::from_body_1_x(StreamBody::new(frames)))
}

fn chain(error: &ConnectorError) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(|cause| format!("{cause} / {cause:?}")).collect::<Vec<_>>().join(" <- ")
}

#[test]
fn the_roots_are_loaded_once_and_http_1_is_spoken() {
    assert!(Arc::ptr_eq(&tls(), &tls()));
    assert_eq!(tls().alpn_protocols, [b"http/1.1"]);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_signed_and_the_connection_is_reused() {
    let (heads, mut seen) = mpsc::unbounded_channel();
    let (url, connections) = server(move |mut socket| {
        let heads = heads.clone();
        async move {
            for _ in 0..2 {
                heads.send(head(&mut socket).await).unwrap();
                let mut body = [0; 5];
                socket.read_exact(&mut body).await.unwrap();
                assert_eq!(&body, b"hello");
                let answer = "HTTP/1.1 201 Created\r\nx-amzn-requestid: r1\r\ncontent-length: 2\r\n\r\nok";
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let client = aws_http_client();
    for _ in 0..2 {
        let uri = format!("{url}/m/a%2Bb%20c.mp4?x-id=PutObject&list-type=2&k=%2F");
        let mut request = request("PUT", &uri, SdkBody::from("hello"));
        request.headers_mut().insert("x-amz-date", "20261122T000000Z");
        let response = call(&client, request).await.unwrap();
        assert_eq!(response.status().as_u16(), 201);
        assert_eq!(response.headers().get("x-amzn-requestid"), Some("r1"));
        assert_eq!(text(response).await, "ok");
        let head = seen.recv().await.unwrap();
        assert!(head.starts_with("put /m/a%2bb%20c.mp4?x-id=putobject&list-type=2&k=%2f http/1.1"), "{head}");
        assert!(
            head.contains("content-length: 5") && head.contains("x-amz-date: 20261122t000000z"),
            "{head}"
        );
        assert!(head.contains(&format!("host: {}", url.strip_prefix("http://").unwrap())), "{head}");
        assert!(!head.contains("accept-encoding") && !head.contains("transfer-encoding"), "{head}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_body_is_streamed_as_it_comes() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (url, _) = server(move |mut socket| {
        let arrived = arrived.clone();
        async move {
            let head = head(&mut socket).await;
            assert!(head.contains("transfer-encoding: chunked"), "{head}");
            let mut line = String::new();
            while !line.ends_with("0\r\n\r\n") {
                if socket.read_line(&mut line).await.unwrap() == 0 {
                    return;
                }
                if line.ends_with("one\r\n") || line.ends_with("two\r\n") {
                    arrived.send(line.clone()).unwrap();
                }
            }
            socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        }
    })
    .await;
    let (sender, body) = fed_body();
    let client = aws_http_client();
    let put = tokio::spawn(async move { call(&client, request("PUT", &url, body)).await });
    sender.send(Ok("one".into())).unwrap();
    // the second piece is not written before the first has arrived
    assert!(arrivals.recv().await.unwrap().ends_with("one\r\n"));
    sender.send(Ok("two".into())).unwrap();
    assert!(arrivals.recv().await.unwrap().ends_with("two\r\n"));
    drop(sender);
    assert_eq!(put.await.unwrap().unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_response_body_is_streamed_as_it_comes() {
    let (go_on, going) = mpsc::unbounded_channel::<()>();
    let going = Arc::new(tokio::sync::Mutex::new(going));
    let (url, _) = server(move |mut socket| {
        let going = going.clone();
        async move {
            head(&mut socket).await;
            socket.write_all(b"HTTP/1.1 206 Partial Content\r\ncontent-length: 6\r\n\r\none").await.unwrap();
            going.lock().await.recv().await.unwrap();
            socket.write_all(b"two").await.unwrap();
        }
    })
    .await;
    let response = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap();
    let mut body = response.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    // the rest is not written before the first piece was read
    go_on.send(()).unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_response_cut_short_is_an_error_of_its_body() {
    let (url, _) = server(async |mut socket| {
        head(&mut socket).await;
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none").await.unwrap();
    })
    .await;
    let response = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let moved = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let (url, connections) = server(move |socket| keep_answering(socket, moved)).await;
    let response = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap();
    assert_eq!(response.status().as_u16(), 307);
    let response = tiktok_http_builder().build().unwrap().get(&url).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 307);
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refused_connection_is_an_io_error_without_the_url() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/m/x?X-Amz-Signature=hunter2", listener.local_addr().unwrap());
    drop(listener);
    let error = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_io(), "{}", chain(&error));
    assert!(!chain(&error).contains("hunter2"), "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_an_io_error_and_one_request() {
    let (url, connections) = server(async |mut socket| {
        head(&mut socket).await;
    })
    .await;
    let error = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_io(), "{}", chain(&error));
    assert_eq!(connections.load(Ordering::SeqCst), 1);
    assert!(tiktok_http_builder().build().unwrap().get(&url).send().await.is_err());
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_peer_that_does_not_speak_http_is_an_io_error() {
    let (url, _) = server(async |mut socket| {
        head(&mut socket).await;
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    })
    .await;
    let error = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_io(), "{}", chain(&error));
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_is_an_io_error() {
    let (url, _) = server(async |mut socket| {
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    })
    .await;
    let url = url.replace("http://", "https://");
    let error = call(&aws_http_client(), request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_io(), "{}", chain(&error));
}

#[tokio::test]
async fn a_response_that_does_not_begin_in_time_is_a_timeout() {
    let (url, _) = server(async |mut socket| {
        head(&mut socket).await;
        std::future::pending::<()>().await;
    })
    .await;
    let settings = HttpConnectorSettings::builder().read_timeout(Duration::from_millis(20)).build();
    let connector = aws_http_client().connector(&settings);
    let error = connector.call(request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_timeout(), "{}", chain(&error));
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time_is_a_timeout() {
    // the TCP handshake is done by the kernel; the TLS handshake, part of connecting as well, is never answered
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let settings = HttpConnectorSettings::builder().connect_timeout(Duration::from_millis(20)).build();
    let connector = aws_http_client().connector(&settings);
    let error = connector.call(request("GET", &url, SdkBody::empty())).await.unwrap_err();
    assert!(error.is_timeout(), "{}", chain(&error));
}

#[tokio::test]
async fn a_request_that_cannot_be_sent_is_the_callers_error() {
    let error = call(&aws_http_client(), request("GET", "/no-host", SdkBody::empty())).await.unwrap_err();
    assert!(error.is_user(), "{}", chain(&error));
}

#[tokio::test]
async fn a_request_body_that_fails_is_the_callers_error() {
    let (url, _) = server(async |mut socket| {
        head(&mut socket).await;
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
    })
    .await;
    let (sender, body) = fed_body();
    sender.send(Ok("one".into())).unwrap();
    sender.send(Err("disk is gone".into())).unwrap();
    let error = call(&aws_http_client(), request("PUT", &url, body)).await.unwrap_err();
    assert!(error.is_user(), "{}", chain(&error));
    assert!(chain(&error).contains("disk is gone"), "{}", chain(&error));
}

#[tokio::test]
async fn every_request_to_tiktok_has_a_connection_of_its_own() {
    let (url, connections) =
        server(|socket| keep_answering(socket, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")).await;
    let client = tiktok_http_builder().build().unwrap();
    for _ in 0..3 {
        assert_eq!(client.post(&url).body("{}").send().await.unwrap().text().await.unwrap(), "{}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}
