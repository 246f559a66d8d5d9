//! What the JSON beside a file says: the fields of "Create a post", without media.

use domain::{CreatorId, Problem};
use serde_json::{Map, Value, json};

use crate::place;

/// TikTok takes up to 35 photos.
const FILES_MAX: usize = 35;

/// A post that is to be made of files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    /// The photos in their order, by the names they have in the folder that is called like the JSON. `None`: the one file that
    /// has the JSON's name.
    pub(crate) files: Option<Vec<String>>,
    /// Whether photos that TikTok does not take as they are are converted.
    pub(crate) convert: bool,
    /// The rest.
    fields: Map<String, Value>,
}

impl Order {
    /// Reads the JSON. The API judges all that a post has wherever it comes from.
    pub(crate) fn read(bytes: &[u8], creator: &CreatorId) -> Result<Self, Vec<Problem>> {
        let value = serde_json::from_slice(bytes).map_err(|error| {
            vec![Problem::new(
                "",
                "json.malformed",
                format!("the file is not JSON: {error}"),
                format!("correct it at line {}, column {}, and drop it again", error.line(), error.column()),
            )]
        })?;
        let Value::Object(mut fields) = value else {
            let detail = "the file holds no object";
            return Err(vec![Problem::new("", "field.type", detail, "write the fields of a post: `{…}`")]);
        };
        let mut problems = Vec::new();
        match fields.remove("creator") {
            None | Some(Value::Null) => {}
            Some(Value::String(named)) if named == creator.as_str() => {}
            Some(_) => problems.push(Problem::new(
                "/creator",
                "drop.creator",
                format!("the file lies in the folder of `{creator}` and names another creator"),
                "leave `creator` out: the folder says for whom it is",
            )),
        }
        if fields.remove("media").is_some_and(|named| !named.is_null()) {
            problems.push(Problem::new(
                "/media",
                "drop.media.named",
                "the media of a drop are its files",
                "leave `media` out; name several photos in `files`",
            ));
        }
        let convert = match fields.remove("convert") {
            None | Some(Value::Null) => false,
            Some(Value::Bool(convert)) => convert,
            Some(_) => {
                let detail = "`convert` must be true or false";
                problems.push(Problem::new("/convert", "field.type", detail, "send true or false"));
                false
            }
        };
        let files = fields.remove("files").filter(|files| !files.is_null()).and_then(|files| {
            let named = named(&files);
            if named.is_none() {
                problems.push(Problem::new(
                    "/files",
                    "drop.files",
                    "`files` is not a list of 1 to 35 photos, each named once",
                    "list the photos in their order by the names they have in the folder: `[\"1.jpg\", \"2.jpg\"]`",
                ));
            }
            named
        });
        if problems.is_empty() { Ok(Self { files, convert, fields }) } else { Err(problems) }
    }

    /// The body of the request that makes the post.
    pub(crate) fn body(&self, creator: &CreatorId, media: &[String]) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("creator".to_owned(), json!(creator));
        fields.insert("media".to_owned(), media.iter().map(|id| json!({ "id": id })).collect());
        Value::Object(fields)
    }
}

fn named(files: &Value) -> Option<Vec<String>> {
    let files = files.as_array().filter(|files| (1..=FILES_MAX).contains(&files.len()))?;
    let mut names: Vec<String> = Vec::with_capacity(files.len());
    for file in files {
        let name = file.as_str().filter(|name| !name.contains('/') && place::media(name).is_some())?;
        if names.iter().any(|known| known == name) {
            return None;
        }
        names.push(name.to_owned());
    }
    Some(names)
}
