//! Small pages for people who connect their account. No script, no image, nothing from elsewhere.

use std::fmt::Write as _;

use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};

use crate::crypto::sha256;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem}\
h1{font-size:1.5rem;line-height:1.25}\
li{overflow-wrap:anywhere}\
p.small{opacity:.75;font-size:.875rem}";

/// A page; texts are escaped when they are put in.
pub(crate) struct Page {
    status: StatusCode,
    title: String,
    body: String,
}

impl Page {
    pub(crate) fn new(status: StatusCode, title: impl Into<String>) -> Self {
        Self { status, title: title.into(), body: String::new() }
    }

    #[must_use]
    pub(crate) fn says(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p>{}</p>", escape(text));
        self
    }

    #[must_use]
    pub(crate) fn adds(mut self, text: &str) -> Self {
        let _ = writeln!(self.body, "<p class=\"small\">{}</p>", escape(text));
        self
    }

    #[must_use]
    pub(crate) fn lists<'a>(mut self, heading: &str, items: impl IntoIterator<Item = &'a str>) -> Self {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            let _ = writeln!(self.body, "<h2>{}</h2>\n<ul>", escape(heading));
            for item in items {
                let _ = writeln!(self.body, "<li>{}</li>", escape(item));
            }
            self.body.push_str("</ul>\n");
        }
        self
    }

    pub(crate) fn response(self) -> Response {
        let title = escape(&self.title);
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{}</main>\n\
             </body>\n</html>\n",
            self.body
        );
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            STANDARD.encode(sha256(STYLE.as_bytes()))
        );
        if let Ok(policy) = HeaderValue::try_from(policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

pub(crate) fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, character| {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
        safe
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text() {
        let page = Page::new(StatusCode::OK, "<b>").says("\"&'").lists("<h>", ["</li><script>"]);
        assert_eq!("<b>", page.title);
        assert_eq!(
            "<p>&quot;&amp;&#39;</p>\n<h2>&lt;h&gt;</h2>\n<ul>\n<li>&lt;/li&gt;&lt;script&gt;</li>\n</ul>\n",
            page.body
        );
    }
}
