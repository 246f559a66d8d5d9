//! The document and the catalogue of rules as one page: no script, nothing from elsewhere, readable on a phone and by ear.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::{RULES, Rule};
use serde_json::Value;

use crate::crypto::sha256;
use crate::pages::escape;

const STYLE: &str = include_str!("page.css");

/// The page may style itself, and nothing else.
pub(crate) fn content_security_policy() -> String {
    format!(
        "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        STANDARD.encode(sha256(STYLE.as_bytes()))
    )
}

/// The page, as it is handed out.
pub fn page() -> String {
    let document = super::document();
    let (mut contents, mut body) = (String::new(), String::new());
    for (tag, about) in super::TAGS {
        let anchor = tag.to_lowercase();
        let _ = writeln!(contents, "<li><a href=\"#{anchor}\">{tag}</a><ul>");
        let _ = writeln!(body, "<section id=\"{anchor}\">\n<h2>{tag}</h2>\n<p>{}</p>", prose(about));
        for (path, method, operation) in operations(&document).filter(|(.., it)| it["tags"][0] == tag) {
            let (id, summary) = (text(&operation["operationId"]), text(&operation["summary"]));
            let _ = writeln!(contents, "<li><a href=\"#{id}\">{}</a></li>", prose(summary));
            write_operation(&mut body, path, method, operation);
        }
        contents.push_str("</ul></li>\n");
        body.push_str("</section>\n");
    }
    body.push_str("<section id=\"event-types\">\n<h2>Types of events</h2>\n<p>What is posted to webhook endpoints, also as <a href=\"/v1/event-types\">JSON</a>.</p>\n");
    for (name, operation) in document["webhooks"].as_object().into_iter().flatten() {
        write_event(&mut body, name, &operation["post"]);
    }
    body.push_str("</section>\n<section id=\"types\">\n<h2>Types</h2>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        write_schema(&mut body, name, schema);
    }
    body.push_str("</section>\n<section id=\"rules\">\n<h2>Rules</h2>\n<p>What a problem's <code>rule</code> and <code>code</code> can be, also as <a href=\"/v1/rules\">JSON</a>.</p>\n");
    for rule in RULES {
        write_rule(&mut body, rule);
    }
    body.push_str("</section>\n");
    contents.push_str("<li><a href=\"#event-types\">Types of events</a></li>\n<li><a href=\"#types\">Types</a></li>\n<li><a href=\"#rules\">Rules</a></li>\n");
    let mut introduction = String::new();
    for part in super::INTRODUCTION.split("\n\n") {
        let _ = writeln!(introduction, "<p>{}</p>", prose(part));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Slipway API</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">To the content</a>\n\
         <nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ul>\n\
         <li><a href=\"#main\">Conventions</a></li>\n{contents}</ul>\n</details>\n</nav>\n\
         <main id=\"main\" tabindex=\"-1\">\n<h1>Slipway API</h1>\n{introduction}\
         <p>The same for programs: <a href=\"/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

fn write_operation(body: &mut String, path: &str, method: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    let _ = writeln!(
        body,
        "<article id=\"{id}\">\n<h3>{}</h3>\n<p class=\"route\"><code><b>{}</b> {}</code></p>",
        prose(text(&operation["summary"])),
        method.to_uppercase(),
        escape(path),
    );
    let description = text(&operation["description"]);
    if !description.is_empty() {
        let _ = writeln!(body, "<p>{}</p>", prose(description));
    }
    if let Some(scope) = operation["x-scope"].as_str() {
        let _ = writeln!(body, "<p>Needs a key with the scope <code>{scope}</code>.</p>");
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: Vec<[String; 3]> = parameters
        .map(|it| {
            let required = if it["required"] == true { ", required" } else { "" };
            [
                format!("<code>{}</code>", escape(text(&it["name"]))),
                format!("{}{required} ({})", kind(&it["schema"]), text(&it["in"])),
                prose(text(&it["description"])),
            ]
        })
        .collect();
    write_table(body, "Parameters", ["Name", "Type", "Meaning"], &rows);
    if let Some(content) = operation["requestBody"]["content"].as_object() {
        let types: Vec<String> = content
            .iter()
            .map(|(media_type, it)| format!("<code>{media_type}</code>: {}", kind(&it["schema"])))
            .collect();
        let _ = writeln!(body, "<p>Body: {}</p>", types.join("; "));
    }
    let rows: Vec<[String; 3]> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, answer)| {
            let content = answer["content"].as_object().into_iter().flatten();
            let kinds: Vec<String> = content
                .map(|(media_type, it)| match kind(&it["schema"]) {
                    kind if kind.is_empty() => format!("<code>{media_type}</code>"),
                    kind => kind,
                })
                .collect();
            [format!("<code>{status}</code>"), kinds.join(", "), prose(text(&answer["description"]))]
        })
        .collect();
    write_table(body, "Answers", ["Status", "Body", "Meaning"], &rows);
    body.push_str("</article>\n");
}

fn write_schema(body: &mut String, name: &str, schema: &Value) {
    let _ = writeln!(body, "<article id=\"type-{name}\">\n<h3>{name}</h3>");
    let about = text(&schema["description"]);
    if !about.is_empty() {
        let _ = writeln!(body, "<p>{}</p>", prose(about));
    }
    // what is flattened into another type is a part of it
    let parts = match schema["allOf"].as_array() {
        Some(parts) => parts.iter().collect(),
        None => vec![schema],
    };
    for part in &parts {
        if part.get("$ref").is_some() {
            let _ = writeln!(body, "<p>All of {}, and:</p>", kind(part));
        }
    }
    let rows: Vec<[String; 3]> = parts
        .iter()
        .flat_map(|part| {
            let required = part["required"].as_array().cloned().unwrap_or_default();
            let fields = part["properties"].as_object().into_iter().flatten();
            fields
                .map(|(field, it)| {
                    let optional = if required.iter().any(|name| name == field) { "" } else { ", optional" };
                    // a type that may be null has its description inside
                    let about = it.get("description").unwrap_or(&it["oneOf"][0]["description"]);
                    [format!("<code>{field}</code>"), format!("{}{optional}", kind(it)), prose(text(about))]
                })
                .collect::<Vec<_>>()
        })
        .collect();
    if rows.is_empty() {
        let words = kind(schema);
        if !words.is_empty() {
            let _ = writeln!(body, "<p>{words}</p>");
        }
    }
    write_table(body, &format!("Fields of {name}"), ["Field", "Type", "Meaning"], &rows);
    body.push_str("</article>\n");
}

fn write_event(body: &mut String, name: &str, operation: &Value) {
    let example = &operation["requestBody"]["content"]["application/json"]["example"];
    let _ = writeln!(
        body,
        "<article id=\"event-{name}\">\n<h3><code>{name}</code></h3>\n<p>{}</p>\n\
         <pre tabindex=\"0\" aria-label=\"Example of {name}\"><code>{}</code></pre>\n</article>",
        prose(text(&operation["summary"])),
        escape(&format!("{example:#}")),
    );
}

fn write_rule(body: &mut String, rule: &Rule) {
    let _ = writeln!(
        body,
        "<article id=\"rule-{id}\" class=\"rule\">\n<h3><code>{id}</code></h3>\n<p><b>{}.</b> {}</p>\n<p>{}</p>\n</article>",
        prose(rule.title),
        prose(rule.means),
        prose(rule.remedy),
        id = rule.id,
    );
}

fn write_table(body: &mut String, caption: &str, heads: [&str; 3], rows: &[[String; 3]]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        body,
        "<div class=\"wide\" role=\"region\" aria-label=\"{caption}\" tabindex=\"0\"><table>\n<caption>{caption}</caption>"
    );
    body.push_str("<thead><tr>");
    for head in heads {
        let _ = write!(body, "<th scope=\"col\">{head}</th>");
    }
    body.push_str("</tr></thead>\n<tbody>\n");
    for [first, second, third] in rows {
        let _ = writeln!(body, "<tr><th scope=\"row\">{first}</th><td>{second}</td><td>{third}</td></tr>");
    }
    body.push_str("</tbody></table></div>\n");
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    let several = ["oneOf", "anyOf"].iter().find_map(|name| schema[*name].as_array());
    if let Some(several) = several {
        return several.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> =
            words.iter().map(|word| format!("<code>{}</code>", escape(text(word)))).collect();
        return words.join(", ");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"]));
    }
    if let Some(items) = schema["properties"]["data"].get("items") {
        return format!("page of {}", kind(items));
    }
    let name = |it: &Value| match it.as_str() {
        Some("null") => "null".to_owned(),
        Some(word) => word.to_owned(),
        None => String::new(),
    };
    let mut words = match &schema["type"] {
        Value::Array(names) => names.iter().map(name).collect::<Vec<_>>().join(" or "),
        one => name(one),
    };
    if let Some(format) = schema["format"].as_str() {
        let _ = write!(words, " ({format})");
    }
    let ends = ["minimum", "maximum"].map(|end| schema[end].as_i64());
    if let [Some(least), Some(most)] = ends {
        let _ = write!(words, ", {least} to {most}");
    }
    if let Some(most) = schema["maxLength"].as_i64() {
        let _ = write!(words, ", at most {most} characters");
    }
    words
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Text with what stands in backticks as code.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(index, part)| {
            let part = escape(part);
            if index % 2 == 1 { format!("<code>{part}</code>") } else { part }
        })
        .collect()
}
