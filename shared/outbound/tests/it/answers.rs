use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use outbound::{Failure, Limits, Outbound, Rules};

use crate::it::trap::{Names, Trap, outbound};

#[tokio::test]
async fn an_exception_is_asked_without_https_and_answers() {
    let door = Trap::set("HTTP/1.1 204 No Content\r\n\r\n").await;
    let lenient = outbound(&Names::default(), &format!("127.0.0.1:{}", door.port));
    let url = format!("http://127.0.0.1:{}/hook", door.port);
    let answer = lenient.post(&url, HeaderMap::new(), Bytes::from_static(b"{}")).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.head.len(), door.connections()), (204, 0, 1));
}

#[tokio::test]
async fn of_a_long_answer_only_the_beginning_is_read() {
    let body = "x".repeat(50_000);
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let door = Trap::set(answer.leak()).await;
    let lenient = outbound(&Names::default(), &format!("127.0.0.1:{}", door.port));
    let url = format!("http://127.0.0.1:{}/", door.port);
    let answer = lenient.post(&url, HeaderMap::new(), Bytes::new()).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.head.len()), (200, 1_024));
}

#[tokio::test]
async fn who_does_not_answer_is_left_in_time() {
    // answers nothing, and keeps the connection while the client waits
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap();
    let rules = Rules { exceptions: place.to_string().parse().unwrap() };
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let lenient = Outbound::new(rules, limits, lambda_kit::http::outbound_http_builder).unwrap();
    let answer = lenient.post(&format!("http://{place}/"), HeaderMap::new(), Bytes::new()).await;
    assert_eq!(answer, Err(Failure::Timeout));
}

#[tokio::test]
async fn failures_say_what_happened_and_no_url() {
    let lenient = outbound(&Names::default(), "");
    let unknown = lenient.post("https://nowhere.example/?secret=1", HeaderMap::new(), Bytes::new()).await;
    assert_eq!(unknown, Err(Failure::Name));
    let door = Trap::set("nonsense\r\n\r\n").await;
    let lenient = outbound(&Names::default(), &format!("127.0.0.1:{}", door.port));
    let url = format!("http://127.0.0.1:{}/?secret=1", door.port);
    let broken = lenient.post(&url, HeaderMap::new(), Bytes::new()).await;
    assert_eq!(broken, Err(Failure::Broken));
    let target = lenient.rules().judge(&url).unwrap();
    assert!(!format!("{target:?} {broken:?} {lenient:?}").contains("secret"));
}

#[test]
fn a_list_of_exceptions_is_host_and_port_or_an_error() {
    for good in ["", " ", "127.0.0.1:8080", "localhost:1, [::1]:2"] {
        assert!(good.parse::<outbound::Exceptions>().is_ok(), "{good}");
    }
    for bad in
        ["localhost", "http://localhost:1", "localhost:1/path", "user@localhost:1", "localhost:99999", ":1"]
    {
        assert!(bad.parse::<outbound::Exceptions>().is_err(), "{bad}");
    }
}
