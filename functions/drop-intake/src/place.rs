//! What a key in the drop folder means.

use domain::media::Container;
use domain::{CreatorId, Problem};
use ports::DROPS;

/// A name may have so many bytes.
const NAME_MAX: usize = 200;

/// Where an object of the drop folder belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// To what is called so.
    Set {
        /// For which creator.
        creator: CreatorId,
        /// The name that its files share.
        name: String,
    },
    /// Nowhere: no post can be made of it.
    Nowhere {
        /// Its key.
        key: String,
        /// Why.
        problem: Problem,
    },
}

impl Place {
    /// The place of a key. `None`: it is no file of the drop folder.
    pub fn of(key: &str) -> Option<Self> {
        let path = key.strip_prefix(DROPS)?;
        if path.is_empty() || path.ends_with('/') {
            // consoles make such objects to show a folder
            return None;
        }
        Some(placed(path).map_or_else(
            |problem| Self::Nowhere { key: key.to_owned(), problem },
            |(creator, name)| Self::Set { creator, name },
        ))
    }
}

fn placed(path: &str) -> Result<(CreatorId, String), Problem> {
    let mut parts = path.split('/');
    let (folder, first, second) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let (Some(first), None) = (first, parts.next()) else {
        return Err(misnamed("it does not lie in the folder of a creator, or too deep in it"));
    };
    let creator = folder.parse().map_err(|_| {
        Problem::new(
            "",
            "drop.creator",
            format!("`{}` is not the id of a creator", shown(folder)),
            "drop files into `drop/<creator>/`, with an id from GET /v1/creators",
        )
    })?;
    let name = match second {
        // a photo of several
        Some(file) => media(file).map(|_| first),
        None => first.rsplit_once('.').filter(|(_, extension)| is_known(extension)).map(|(name, _)| name),
    };
    let name = name.ok_or_else(|| {
        Problem::new(
            "",
            "drop.type",
            "the file is neither JSON nor of a kind that TikTok takes",
            "drop .mp4, .mov, .webm, .jpg, .webp or .png, and a .json of the same name",
        )
    })?;
    if name.is_empty() || name.len() > NAME_MAX || name.contains(|it: char| it == '.' || it.is_control()) {
        return Err(misnamed("its name is empty, longer than 200 bytes, or has a dot in it"));
    }
    Ok((creator, name.to_owned()))
}

fn misnamed(why: &str) -> Problem {
    Problem::new(
        "",
        "drop.name",
        format!("the file has no place in the drop folder: {why}"),
        "call it `drop/<creator>/<name>.<extension>`, a photo of several `drop/<creator>/<name>/<file>`",
    )
}

pub(crate) fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_known(extension: &str) -> bool {
    is_json(extension) || by_extension(extension).is_some()
}

/// Whether this is the extension of the JSON.
pub(crate) fn is_json(extension: &str) -> bool {
    extension.eq_ignore_ascii_case("json")
}

/// What a file is that is called so, if it is a video or a photo.
pub(crate) fn media(file: &str) -> Option<Container> {
    by_extension(file.rsplit_once('.')?.1)
}

fn by_extension(extension: &str) -> Option<Container> {
    let extension = extension.to_ascii_lowercase();
    let extension = if extension == "jpeg" { "jpg" } else { &extension };
    Container::ALL.into_iter().find(|it| it.extension() == extension)
}
