//! Serves the API over ports in memory and TikTok's imitation, for programs that fire at it: `schemathesis/run`.
//!
//! Prints where it listens, a key, and ids of things that are there, as `name=value`. A second passes with each request.
#![expect(clippy::unwrap_used, reason = "a program for tests")]

#[path = "../tests/it/fixture.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod fixture;

use std::sync::Arc;

use axum::body::Body;
use domain::SignedDuration;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (fixture, creator) = fixture::Fixture::connected().await;
    let media = fixture.ready_media(1, 10_000);
    fixture.awaited_media(2);
    let post = fixture.create("k1", &fixture::Fixture::post_body(&creator, &media)).await;
    let key = fixture.post("/v1/keys", &json!({ "name": "to be used up", "scopes": ["posts:read"] })).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("url=http://{}", listener.local_addr().unwrap());
    println!("authorization={}", fixture.us.bearer);
    println!("post={}", post.body["id"].as_str().unwrap());
    println!("media={media}\ncreator={creator}\nkey={}", key.body["id"].as_str().unwrap());
    let fixture = Arc::new(fixture);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let fixture = Arc::clone(&fixture);
        let answer = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            fixture.clock.advance(SignedDuration::from_secs(1));
            fixture.router().oneshot(request.map(Body::new))
        });
        let served =
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(async move {
            // whoever fires at it may hang up
            let _ = served.await;
        });
    }
}
