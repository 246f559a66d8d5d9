//! What everybody may read without a key: the OpenAPI document, the page made of it, and the catalogue of rules.
//!
//! Document and page are made from the code by `cargo run -p api --example document` and kept as files; a test holds the files
//! against the code. A function only hands them out.

use std::io::Write as _;
use std::sync::OnceLock;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use domain::RULES;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, StatusCode, header};

use crate::answer::{self, Answered, Ask, with_header};
use crate::document::page;
use crate::{Api, Outside, view};

const OPENAPI: &str = include_str!("../assets/openapi.json");
const DOCS: &str = include_str!("../assets/docs.html");

/// Five minutes: a deployment may change it.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// A file of ours, compressed when it is first asked for so.
struct Asset {
    text: &'static str,
    media_type: &'static str,
    gzipped: OnceLock<Option<Bytes>>,
}

static JSON: Asset = Asset { text: OPENAPI, media_type: "application/json", gzipped: OnceLock::new() };
static PAGE: Asset = Asset { text: DOCS, media_type: "text/html; charset=utf-8", gzipped: OnceLock::new() };

impl Asset {
    fn gzipped(&self) -> Option<Bytes> {
        let gzip = || {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(self.text.as_bytes()).ok()?;
            encoder.finish().ok().map(Bytes::from)
        };
        self.gzipped.get_or_init(gzip).clone()
    }

    fn response(&self, ask: &Ask) -> Response {
        let gzipped = if ask.takes_gzip() { self.gzipped() } else { None };
        let mut response = Response::new(match &gzipped {
            Some(bytes) => Body::from(bytes.clone()),
            None => Body::from(self.text),
        });
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::CACHE_CONTROL, KEPT);
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if gzipped.is_some() {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

#[expect(clippy::unused_async, reason = "handlers like the others")]
impl<W: Outside> Api<W> {
    pub(crate) async fn openapi(&self, ask: Ask) -> Answered {
        Ok(JSON.response(&ask))
    }

    pub(crate) async fn docs(&self, ask: Ask) -> Answered {
        let policy = page::content_security_policy();
        let response = with_header(PAGE.response(&ask), header::CONTENT_SECURITY_POLICY, &policy);
        Ok(with_header(response, header::REFERRER_POLICY, "no-referrer"))
    }

    pub(crate) async fn list_rules(&self, ask: Ask) -> Answered {
        let base = self.base_url(&ask);
        let data = RULES.iter().map(|rule| view::Rule::of(rule, &base)).collect();
        let mut response = answer::json(StatusCode::OK, &view::List { data, next_cursor: None });
        response.headers_mut().insert(header::CACHE_CONTROL, KEPT);
        Ok(response)
    }
}
