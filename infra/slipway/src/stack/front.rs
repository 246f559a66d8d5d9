//! The HTTP API under an address that opens everywhere.
//!
//! The emulator tells APIs apart by host (`<api-id>.execute-api.localhost`), and not every resolver knows such names. This
//! listener forwards to the one API there is, with the right host.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{StatusCode, request};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::http;

/// What belongs to one connection and is not passed on.
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

#[derive(Clone)]
struct Front {
    client: reqwest::Client,
    /// Where the emulator listens.
    emulator: String,
    /// The API's host, by which the emulator knows it.
    host: HeaderValue,
    port: HeaderValue,
}

/// Forwards what comes to `listener` to the API that the emulator at `emulator` knows by `api_url`'s host.
pub(super) fn serve(listener: TcpListener, emulator: &str, api_url: &str) -> Result<JoinHandle<()>> {
    let host = api_url.split("://").nth(1).and_then(|rest| rest.split(['/', ':']).next());
    let host = host.with_context(|| format!("the API's URL `{api_url}` names no host"))?;
    let port = listener.local_addr().context("asking for the front's address")?.port();
    let front = Front {
        client: http::client()?,
        emulator: emulator.to_owned(),
        host: HeaderValue::from_str(host).context("using the API's host")?,
        port: HeaderValue::from(port),
    };
    let service =
        Router::new().fallback(forward).with_state(front).into_make_service_with_connect_info::<SocketAddr>();
    Ok(tokio::spawn(async move {
        let _ = axum::serve(listener, service).await;
    }))
}

async fn forward(
    State(front): State<Front>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let outgoing = front.outgoing(&parts, peer).body(passed_on(&parts, body));
    match outgoing.send().await {
        Ok(answer) => passed_back(answer),
        Err(error) => {
            (StatusCode::BAD_GATEWAY, format!("the emulated API does not answer: {error}\n")).into_response()
        }
    }
}

impl Front {
    fn outgoing(&self, parts: &request::Parts, peer: SocketAddr) -> reqwest::RequestBuilder {
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = end_to_end(&parts.headers);
        headers.insert(header::HOST, self.host.clone());
        // API Gateway adds these, the emulator does not
        headers.insert(
            "x-forwarded-for",
            HeaderValue::from_str(&peer.ip().to_string()).expect("an IP address is a header"),
        );
        headers.insert("x-forwarded-proto", HeaderValue::from_static("http"));
        headers.insert("x-forwarded-port", self.port.clone());
        self.client.request(parts.method.clone(), format!("{}{path}", self.emulator)).headers(headers)
    }
}

fn passed_on(parts: &request::Parts, body: Body) -> reqwest::Body {
    let has_body = [header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .iter()
        .any(|name| parts.headers.contains_key(name));
    if has_body { reqwest::Body::wrap_stream(body.into_data_stream()) } else { reqwest::Body::default() }
}

fn passed_back(answer: reqwest::Response) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    *response.headers_mut() = end_to_end(answer.headers());
    *response.body_mut() = Body::from_stream(answer.bytes_stream());
    response
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| !HOP_BY_HOP.contains(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
