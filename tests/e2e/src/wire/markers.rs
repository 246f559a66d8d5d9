//! Texts that tell what a request is about, found among many without looking for each.

use std::collections::{BTreeSet, HashMap};

/// Texts and what they stand for. A text is looked up by its longest word, so it is found where it stands between other
/// characters than those of words, as ids do in keys, bodies and paths.
#[derive(Default)]
pub(super) struct Markers {
    /// Longest word -> texts that have it, with their tags.
    by_word: HashMap<String, Vec<(String, String)>>,
}

impl Markers {
    /// From now on `text` stands for `tag`, and for nothing else.
    pub(super) fn insert(&mut self, text: String, tag: &str) {
        let Some(word) = words(&text).max_by_key(|word| word.len()) else { return };
        let same = self.by_word.entry(word.to_owned()).or_default();
        same.retain(|(other, _)| *other != text);
        same.push((text, tag.to_owned()));
    }

    /// Nothing stands for `tag` any more.
    pub(super) fn forget(&mut self, tag: &str) {
        self.by_word.retain(|_, texts| {
            texts.retain(|(_, of)| of != tag);
            !texts.is_empty()
        });
    }

    /// What is found in these, each tag once.
    pub(super) fn find(&self, places: &[&str]) -> Vec<String> {
        let mut tags = BTreeSet::new();
        for place in places {
            for (text, tag) in words(place).filter_map(|word| self.by_word.get(word)).flatten() {
                if !tags.contains(tag) && place.contains(text.as_str()) {
                    tags.insert(tag.clone());
                }
            }
        }
        tags.into_iter().collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_keys_bodies_paths_and_within_json_in_json() {
        let mut markers = Markers::default();
        markers.insert("pst_0197".into(), "one");
        markers.insert("v_pub_url~v2-1.7512345678".into(), "one");
        markers.insert("m/0f3a.mp4".into(), "two");
        for place in [
            "post#pst_0197",
            "pst_0197#body#5f",
            r#"{"MessageBody":"{\"post\":\"pst_0197\"}"}"#,
            r#"{"publish_id":"v_pub_url~v2-1.7512345678"}"#,
        ] {
            assert_eq!(vec!["one"], markers.find(&[place]), "{place}");
        }
        assert_eq!(vec!["two"], markers.find(&["", "/bucket/m/0f3a.mp4"]));
        assert_eq!(vec!["one", "two"], markers.find(&["pst_0197", "/m/0f3a.mp4"]));
    }

    #[test]
    fn what_only_begins_alike_or_is_forgotten_is_not_found() {
        let mut markers = Markers::default();
        markers.insert("pst_0197".into(), "one");
        assert!(markers.find(&["pst_01975", "v_pub_url~v2-1.75"]).is_empty());
        markers.insert("pst_0197".into(), "two");
        assert_eq!(vec!["two"], markers.find(&["pst_0197"]));
        markers.forget("two");
        assert!(markers.find(&["pst_0197"]).is_empty());
    }
}
