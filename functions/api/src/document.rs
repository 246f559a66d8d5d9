//! The OpenAPI 3.1 document, made from the routes, the types that are answered and the types that are read.
//!
//! Nothing here is in the function: `cargo run -p api --example document` writes the files that it hands out, and a test holds
//! the files against this. Only `page::content_security_policy` is called at run time.

pub(crate) mod operations;
pub(crate) mod page;

use std::collections::BTreeMap;

use domain::Scope;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::endpoints::event_types;
use crate::routes::{self, Takes};
use crate::view;

pub use page::page;

/// One route, as the document tells it.
#[derive(Default)]
pub(crate) struct Operation {
    tag: &'static str,
    summary: &'static str,
    description: &'static str,
    scope: Option<Scope>,
    /// Whether it creates something, and what that asks of the Idempotency-Key.
    key: Option<KeyNeeded>,
    body: Option<Value>,
    answers: BTreeMap<u16, Value>,
    schemas: BTreeMap<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyNeeded {
    Always,
    Honoured,
}

/// Every route's way in.
pub(crate) fn about(tag: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation { tag, summary, description, ..Operation::default() }
}

impl Operation {
    /// What the key must be allowed to do.
    pub(crate) fn needs(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// It creates something: the Idempotency-Key must be there.
    pub(crate) fn creates(mut self) -> Self {
        self.key = Some(KeyNeeded::Always);
        self
    }

    /// It creates something that may be there twice: the Idempotency-Key is honoured.
    pub(crate) fn repeatable(mut self) -> Self {
        self.key = Some(KeyNeeded::Honoured);
        self
    }

    /// A JSON body.
    pub(crate) fn reads<T: ToSchema>(mut self) -> Self {
        let schema = self.schema::<T>();
        self.body = Some(json!({
            "required": true,
            "content": { "application/json": { "schema": schema } },
        }));
        self
    }

    /// A JSON body that may be left out.
    pub(crate) fn may_read<T: ToSchema>(self) -> Self {
        let mut read = self.reads::<T>();
        if let Some(body) = &mut read.body {
            body["required"] = json!(false);
        }
        read
    }

    /// The same under another media type as well.
    pub(crate) fn or_as(mut self, media_type: &str) -> Self {
        if let Some(body) = &mut self.body {
            body["content"][media_type] = body["content"]["application/json"].clone();
        }
        self
    }

    /// Lines of JSON, each of which is this.
    pub(crate) fn reads_lines<T: ToSchema>(mut self, media_type: &str) -> Self {
        let schema = self.schema::<T>();
        self.body = Some(json!({
            "required": true,
            "description": "One of these in each line.",
            "content": { media_type: { "schema": schema } },
        }));
        self
    }

    /// The same as a form, with the file inside.
    pub(crate) fn or_form<T: ToSchema>(mut self) -> Self {
        let schema = self.schema::<T>();
        if let Some(body) = &mut self.body {
            body["content"]["multipart/form-data"] = json!({
                "schema": {
                    "type": "object",
                    "required": ["post", "media"],
                    "properties": { "post": schema, "media": { "type": "string", "format": "binary" } },
                },
                "encoding": {
                    "post": { "contentType": "application/json" },
                    "media": { "contentType": "video/mp4, video/quicktime, video/webm" },
                },
            });
        }
        self
    }

    /// A JSON answer.
    pub(crate) fn answers<T: ToSchema>(mut self, status: u16, description: &str) -> Self {
        let schema = self.schema::<T>();
        self.answer(status, description, &json!({ "application/json": { "schema": schema } }))
    }

    /// One page of a list.
    pub(crate) fn lists<T: ToSchema>(mut self, description: &str) -> Self {
        let schema = self.schema::<T>();
        let list = json!({
            "type": "object",
            "required": ["data", "next_cursor"],
            "properties": {
                "data": { "type": "array", "items": schema },
                "next_cursor": { "type": ["string", "null"], "description": "Send it as `cursor` to go on." },
            },
        });
        self.answer(200, description, &json!({ "application/json": { "schema": list } }))
    }

    /// An answer that is no JSON of ours.
    pub(crate) fn gives(self, status: u16, description: &str, media_type: &str) -> Self {
        self.answer(status, description, &json!({ media_type: { "schema": {} } }))
    }

    /// An answer without a body.
    pub(crate) fn redirects(mut self, description: &str) -> Self {
        self.answers.insert(
            303,
            json!({
                "description": description,
                "headers": { "Location": { "schema": { "type": "string" } } },
            }),
        );
        self
    }

    /// Statuses of problems, besides those that every route of its kind has.
    pub(crate) fn refuses(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            self.refusal(*status);
        }
        self
    }

    fn answer(mut self, status: u16, description: &str, content: &Value) -> Self {
        self.answers.insert(status, json!({ "description": description, "content": content }));
        self
    }

    fn refusal(&mut self, status: u16) {
        let description = match status {
            400 => "The request cannot be read.",
            401 => "The key is missing or not valid.",
            403 => "The key may not do this.",
            404 => "It is not there, or is another workspace's.",
            406 => "The header Accept takes no JSON.",
            409 => "The present state does not allow it.",
            413 => "The body is too large.",
            415 => "The body has another media type, or is compressed.",
            422 => "The request breaks rules; `errors` lists all of them.",
            429 => "Too many requests; `retry_at` and Retry-After say when to ask again.",
            502 => "TikTok refuses the app's set-up.",
            503 => "Not at this moment; `retry_at` and Retry-After say when to ask again.",
            _ => "Something failed on our side.",
        };
        let schema = self.schema::<view::Refused>();
        // where a page says so, a path that nothing is at is still a problem
        let answer = self.answers.entry(status).or_insert_with(|| json!({ "description": description }));
        answer["content"]["application/problem+json"] = json!({ "schema": schema });
        if matches!(status, 429 | 503) {
            answer["headers"]["Retry-After"] = json!({ "schema": { "type": "integer" } });
        }
    }

    /// A reference to a type, which joins the document with all that it is made of.
    fn schema<T: ToSchema>(&mut self) -> Value {
        let mut parts = Vec::new();
        T::schemas(&mut parts);
        let own = (T::name().into_owned(), T::schema());
        for (name, schema) in parts.into_iter().chain([own]) {
            let schema = serde_json::to_value(schema).unwrap_or_default();
            self.schemas.insert(name, schema);
        }
        json!({ "$ref": format!("#/components/schemas/{}", T::name()) })
    }

    /// As the document has it, with what follows from the path and from what the route takes.
    fn finish(
        mut self,
        name: &str,
        path: &str,
        method: &str,
        takes: Takes,
    ) -> (Value, BTreeMap<String, Value>) {
        let mut parameters: Vec<Value> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| {
                json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
            })
            .collect();
        if let Takes::Json(names) = takes {
            parameters.extend(names.iter().map(|name| query(name)));
        }
        if let Some(needed) = self.key {
            parameters.push(json!({
                "name": "Idempotency-Key",
                "in": "header",
                "required": needed == KeyNeeded::Always,
                "description": "One random text, such as a UUID, and the same one whenever the request is repeated.",
                "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$" },
            }));
            self.refusal(400);
            self.refusal(422);
        }
        if self.body.is_some() {
            for status in [400, 413, 415, 422] {
                self.refusal(status);
            }
        }
        if self.scope.is_some() {
            for status in [401, 403] {
                self.refusal(status);
            }
        }
        if !matches!(takes, Takes::Anything) {
            // parameters of the query that nobody reads are refused everywhere
            for status in [406, 422] {
                self.refusal(status);
            }
        }
        if path.contains('{') {
            self.refusal(404);
        }
        self.refusal(500);
        for answer in self.answers.values_mut() {
            answer["headers"]["X-Request-Id"] = json!({ "$ref": "#/components/headers/X-Request-Id" });
        }
        if self.key.is_some() {
            for (_, answer) in self.answers.iter_mut().filter(|(status, _)| **status < 300) {
                answer["headers"]["Idempotency-Replayed"] =
                    json!({ "$ref": "#/components/headers/Idempotency-Replayed" });
            }
        }
        let responses: Map<String, Value> =
            self.answers.into_iter().map(|(status, answer)| (status.to_string(), answer)).collect();
        let mut operation = json!({
            "operationId": name,
            "tags": [self.tag],
            "summary": self.summary,
            "description": self.description,
            "parameters": parameters,
            "responses": responses,
            "security": match self.scope {
                Some(_) => json!([{ "key": [] }]),
                None => json!([]),
            },
        });
        if let Some(scope) = self.scope {
            operation["x-scope"] = json!(scope.as_str());
        }
        if let Some(body) = self.body.filter(|_| method != "get") {
            operation["requestBody"] = body;
        }
        (operation, self.schemas)
    }
}

/// The query parameters, each with one meaning wherever it is taken.
fn query(name: &str) -> Value {
    let (schema, description) = match name {
        "limit" => (json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 20 }), "How many."),
        "cursor" => (json!({ "type": "string" }), "`next_cursor` of the page before."),
        "creator" => (json!({ "type": "string", "pattern": "^crt_[0-9a-f]{32}$" }), "Of this creator only."),
        "state" => (json!({ "type": "string", "enum": view::STATES }), "In this state only."),
        "created_after" => (json!({ "type": "string", "format": "date-time" }), "Not made before this."),
        "created_before" => (json!({ "type": "string", "format": "date-time" }), "Made before this."),
        "dry_run" => (
            json!({ "type": "boolean" }),
            "Judge the request and answer 200 with the verdicts; no post is made, and no Idempotency-Key is needed.",
        ),
        "force" => {
            (json!({ "type": "boolean" }), "Forget the tokens although TikTok does not end the grant.")
        }
        _ => (json!({ "type": "string" }), ""),
    };
    json!({ "name": name, "in": "query", "required": false, "schema": schema, "description": description })
}

const INTRODUCTION: &str = "\
Slipway publishes to TikTok from your own AWS account, exactly once.\n\n\
Every problem is `application/problem+json` (RFC 9457) with all that is wrong at once in `errors`; its `type` leads to the rule. \
Unknown fields and query parameters are refused. Times are RFC 3339 with their offset, ids are opaque, lists are paged by \
`cursor`.\n\n\
Every POST that creates takes an `Idempotency-Key`: the same key and body give the first answer again with \
`Idempotency-Replayed: true`, for as long as what was made is kept; another body is refused. Where a repeat would publish twice \
(posts, retries, bulk) the key has to be there; elsewhere a request without one makes something new each time. Bulk requests know \
each line by the key and its number. There is no moment in which a first request is still running, and so no answer that says so: \
one conditional write decides, and all who ask at once get the same answer. A request that was refused leaves its key free.\n\n\
The same creator, caption and media within 24 hours is refused with the earlier post's id, unless `allow_duplicate` is sent.\n\n\
`RateLimit` and `RateLimit-Policy` say what TikTok still takes for a creator. API Gateway answers 429 of its own when the whole \
API is asked too often.";

/// The document.
pub fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    for (method, path, name, takes, operation) in routes::documented() {
        let (operation, parts) = operation.finish(name, path, method, takes);
        schemas.extend(parts);
        paths.entry(path).or_insert_with(|| json!({}))[method] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Slipway",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Publishes to TikTok from your own AWS account.",
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        "paths": paths,
        "webhooks": webhooks(),
        "components": {
            "schemas": schemas,
            "headers": {
                "X-Request-Id": {
                    "description": "The client's own, or one that was made; it is in the log and in problems.",
                    "schema": { "type": "string" },
                },
                "Idempotency-Replayed": {
                    "description": "`true`: this is the first answer once more.",
                    "schema": { "type": "string" },
                },
            },
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "A key of the workspace: `slk_…`." },
            },
        },
    })
}

/// What is posted to webhook endpoints, by type.
fn webhooks() -> Value {
    let headers = [
        ("webhook-id", "The event's id: the same in every attempt."),
        ("webhook-timestamp", "When this attempt began, in seconds."),
        ("webhook-signature", "`v1,` and a signature in base64, for each secret that signs."),
    ];
    let headers = headers.map(|(name, description)| {
        json!({
            "name": name, "in": "header", "required": true,
            "description": description, "schema": { "type": "string" },
        })
    });
    let webhooks = event_types().map(|it| {
        let operation = json!({
            "operationId": it.r#type,
            "tags": ["Webhooks"],
            "summary": it.description,
            "parameters": headers,
            "requestBody": {
                "required": true,
                "content": {
                    "application/json": {
                        "schema": { "$ref": format!("#/components/schemas/{}", view::Message::name()) },
                        "example": it.example,
                    },
                },
            },
            "responses": { "2XX": { "description": "It was taken; any other answer has it sent again." } },
            "security": [],
        });
        (it.r#type.to_owned(), json!({ "post": operation }))
    });
    Value::Object(webhooks.collect())
}

/// The document, as it is handed out.
pub fn openapi_json() -> String {
    format!("{:#}\n", document())
}

/// What routes are about, in the order in which people need them.
const TAGS: [(&str, &str); 9] = [
    ("Posts", "Make posts, and follow what becomes of them."),
    ("Media", "Upload what is posted."),
    ("Creators", "TikTok accounts that have connected."),
    ("Connecting", "How a creator connects."),
    ("Events", "What happened, to catch up with."),
    ("Webhooks", "Where you are told of events as they happen."),
    ("App", "What is known of the app at TikTok."),
    ("Keys", "Keys of the workspace."),
    ("Service", "What needs no key."),
];
