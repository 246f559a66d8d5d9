//! A small video inside the request: `multipart/form-data` with the parts `post` (JSON) and `media` (the file).

use bytes::Bytes;
use domain::Problem;
use domain::media::{Container, MediaKind};
use futures::stream;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::answer::{Ask, parse_json};
use crate::crypto::sha256;
use crate::fields::Problems;
use crate::refusal::Refusal;

/// A request may be this long in all: base64 makes it a third longer, and Lambda takes six megabytes.
pub(crate) const MAX: usize = 4_000_000;

/// A video that came with the post.
pub(crate) struct Attached {
    pub(crate) container: Container,
    pub(crate) bytes: Bytes,
    pub(crate) sha256: [u8; 32],
}

/// What a request to create a post carries.
pub(crate) struct Incoming {
    pub(crate) post: Value,
    /// `None`: the post names its media.
    pub(crate) attached: Option<Attached>,
    /// What tells one request from another, before it is hashed.
    pub(crate) identity: Value,
    /// Whether it came as a form, with a file or without one.
    pub(crate) form: bool,
}

/// Reads either form of the request. What is wrong with the parts goes to `problems`.
pub(crate) async fn read(ask: &mut Ask, problems: &Problems) -> Result<Incoming, Refusal> {
    if ask.content_type() != "multipart/form-data" {
        let post = ask.json().await?;
        return Ok(Incoming { identity: post.clone(), post, attached: None, form: false });
    }
    let header = ask.header(header::CONTENT_TYPE).unwrap_or_default();
    let boundary = multer::parse_boundary(header).map_err(|error| malformed(&error))?;
    let remedy = "declare the video with POST /v1/media, upload it to the URL that gives, and name the media in the post";
    let body = ask.bytes(MAX, remedy).await?;
    let mut form = multer::Multipart::new(stream::iter([Ok::<_, std::io::Error>(body)]), boundary);
    let (mut post, mut media) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| malformed(&error))? {
        let name = field.name().unwrap_or_default().chars().take(80).collect::<String>();
        let content_type = field.content_type().map(|mime| mime.essence_str().to_owned());
        let file_name = field.file_name().map(str::to_owned);
        let bytes = field.bytes().await.map_err(|error| malformed(&error))?;
        let twice = match name.as_str() {
            "post" => post.replace(bytes).is_some(),
            "media" => media.replace((bytes, content_type, file_name)).is_some(),
            _ => {
                problems.push(part(
                    &name,
                    "field.unknown",
                    "there is no such part",
                    "send `post` and `media`",
                ));
                false
            }
        };
        if twice {
            problems.push(part(&name, "field.repeated", "the part came twice", "send it once"));
        }
    }
    let Some(post) = post else {
        problems.push(part("post", "field.required", "the part `post` is missing", "send the post as JSON"));
        return Err(Refusal::invalid(problems.take()));
    };
    let post = parse_json(&post)?;
    let attached = if let Some((bytes, content_type, file_name)) = media {
        attach(bytes, content_type.as_deref(), file_name.as_deref(), problems)
    } else {
        problems.push(part("media", "field.required", "the part `media` is missing", "send the video"));
        None
    };
    let identity = json!({
        "post": post,
        "media": attached.as_ref().map(|it| {
            json!({ "content_type": it.container.content_type(), "sha256": crate::crypto::hex(&it.sha256) })
        }),
    });
    Ok(Incoming { post, attached, identity, form: true })
}

fn attach(
    bytes: Bytes,
    content_type: Option<&str>,
    file_name: Option<&str>,
    problems: &Problems,
) -> Option<Attached> {
    if bytes.is_empty() {
        problems.push(part("media", "video.empty", "the file has no bytes", "send the video"));
        return None;
    }
    // curl and others do not know the type of a video and say so; the probe judges by the bytes anyway
    let container = match content_type {
        None | Some("application/octet-stream") => file_name.and_then(by_extension),
        Some(content_type) => Container::from_content_type(content_type),
    }
    .filter(|container| container.kind() == MediaKind::Video);
    let Some(container) = container else {
        problems.push(part(
            "media",
            "media.content_type",
            "the part is not declared as `video/mp4`, `video/quicktime` or `video/webm`",
            "give the part one of these content types, or a file name that ends in .mp4, .mov or .webm",
        ));
        return None;
    };
    Some(Attached { container, sha256: sha256(&bytes), bytes })
}

fn by_extension(file_name: &str) -> Option<Container> {
    let extension = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    Container::ALL.into_iter().find(|it| it.extension() == extension)
}

fn part(name: &str, rule: &str, detail: &str, remedy: &str) -> Problem {
    Problem::new(format!("/{name}"), rule, detail, remedy)
}

fn malformed(error: &multer::Error) -> Refusal {
    Refusal::new(
        StatusCode::BAD_REQUEST,
        "multipart.malformed",
        format!("the body is not multipart/form-data: {error}"),
        "send the parts `post` (JSON) and `media` (the video) with the boundary that the header Content-Type names",
    )
}
