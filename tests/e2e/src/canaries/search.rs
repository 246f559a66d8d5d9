//! Many values in much text, at one pass over each reading of it.

use std::collections::{BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{Finding, Secrets, Sinks};

/// A needle is recognised by so many bytes, then compared.
const HEAD: usize = 8;
/// JSON in JSON in a URL in JSON: nothing here is wrapped more often.
const DEEPEST: usize = 4;
/// So much of what stands before a finding is told.
const BEFORE: usize = 120;

struct Needle<'a> {
    name: &'a str,
    value: &'a str,
    form: &'static str,
    bytes: Vec<u8>,
}

/// Every secret in every sink, once for each form in which it stands there.
pub fn find(secrets: &Secrets, sinks: &Sinks) -> Vec<Finding> {
    let needles = Needles::new(secrets);
    let mut findings = BTreeSet::new();
    for (sink, text) in sinks.iter() {
        for reading in readings(text) {
            needles.look_into(&reading, |needle, at| {
                let from = at.saturating_sub(BEFORE);
                findings.insert(Finding {
                    secret: needle.name.to_owned(),
                    sink: sink.to_owned(),
                    form: format!("{}{}", needle.form, reading.decoded),
                    before: masked(secrets, &String::from_utf8_lossy(&reading.text[from..at])),
                    value: needle.value.to_owned(),
                });
            });
        }
    }
    // the same place, read in several ways
    let mut seen = BTreeSet::new();
    findings.retain(|it| seen.insert((it.value.clone(), it.sink.clone())));
    findings.into_iter().collect()
}

/// What is told of a finding should not be one.
fn masked(secrets: &Secrets, text: &str) -> String {
    let mut text = text.replace(['\n', '\r'], " ");
    for (name, value) in secrets.iter() {
        if !value.ends_with('=') {
            text = text.replace(value, &format!("<{name}>"));
        }
    }
    text
}

struct Needles<'a> {
    all: Vec<Needle<'a>>,
    by_head: HashMap<[u8; HEAD], Vec<usize>>,
    /// By the first two bytes: most places are none.
    begins: Vec<bool>,
}

impl<'a> Needles<'a> {
    fn new(secrets: &'a Secrets) -> Self {
        let mut all = Vec::new();
        for (name, value) in secrets.iter() {
            let needle = |form, bytes| Needle { name, value, form, bytes };
            all.push(needle("plain", value.as_bytes().to_vec()));
            for bytes in in_base64(value.as_bytes()) {
                all.push(needle("base64", bytes));
            }
        }
        let mut by_head: HashMap<_, Vec<usize>> = HashMap::new();
        let mut begins = vec![false; 1 << 16];
        for (index, needle) in all.iter().enumerate() {
            let head: [u8; HEAD] = needle.bytes[..HEAD].try_into().expect("no needle is that short");
            by_head.entry(head).or_default().push(index);
            begins[pair(&head)] = true;
        }
        Self { all, by_head, begins }
    }

    fn look_into(&self, reading: &Reading, mut found: impl FnMut(&Needle<'a>, usize)) {
        for (at, window) in reading.text.windows(HEAD).enumerate() {
            if !self.begins[pair(window)] {
                continue;
            }
            for index in self.by_head.get(window).into_iter().flatten() {
                let needle = &self.all[*index];
                if reading.text[at..].starts_with(&needle.bytes) {
                    found(needle, at);
                }
            }
        }
    }
}

fn pair(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

/// What base64 of anything that holds these bytes holds, wherever in it they stand: three alignments, less the characters at
/// both ends that depend on the neighbours; in both alphabets.
fn in_base64(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let aligned = |before: usize| {
        let bytes = [&vec![0; before][..], value].concat();
        // characters that hold bits of what stands before, and of what comes after
        let from = (before * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
            .map(|text| text.as_bytes()[from..to].to_vec())
    };
    (0..3).flat_map(aligned).collect()
}

/// A text as it stands there, or as one reads it who decodes it.
struct Reading {
    text: Vec<u8>,
    decoded: String,
}

/// The text, and whatever it becomes by taking JSON's escapes and percent-encoding away, in any order.
fn readings(text: &[u8]) -> Vec<Reading> {
    let mut all = vec![Reading { text: text.to_vec(), decoded: String::new() }];
    let mut fresh = 0..1;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for reading in &all[fresh.clone()] {
            let mut add = |text: Option<Vec<u8>>, how: &str| {
                if let Some(text) = text {
                    next.push(Reading { text, decoded: format!("{} in {how}", reading.decoded) });
                }
            };
            add(unescaped(&reading.text), "JSON");
            add(percent_decoded(&reading.text), "percent-encoding");
        }
        next.retain(|reading| all.iter().all(|known| known.text != reading.text));
        fresh = all.len()..all.len() + next.len();
        all.append(&mut next);
    }
    all
}

/// Without the escapes of JSON strings; `None`: there are none.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut changed = false;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else {
            out.push(b'\\');
            break;
        };
        let plain = match escape {
            b'"' | b'\\' | b'/' => *escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let code = after.get(..4).and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(code) = code.and_then(|digits| u16::from_str_radix(digits, 16).ok()) {
                    let char = char::from_u32(code.into()).unwrap_or(char::REPLACEMENT_CHARACTER);
                    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                    rest = &after[4..];
                    changed = true;
                } else {
                    out.push(b'\\');
                }
                continue;
            }
            _ => {
                out.push(b'\\');
                continue;
            }
        };
        out.push(plain);
        rest = after;
        changed = true;
    }
    changed.then_some(out)
}

/// Without percent-encoding; `None`: there is none.
fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut changed = false;
    while at < text.len() {
        let code = (text[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        if let Some(byte) = code {
            out.push(byte);
            at += 3;
            changed = true;
        } else {
            out.push(text[at]);
            at += 1;
        }
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use serde_json::json;

    use super::*;

    const CODE: &str = "q\"8/Zr+\\x~1*0!6410.va";

    fn found(text: impl AsRef<[u8]>) -> Vec<Finding> {
        let mut secrets = Secrets::default();
        secrets.add("authorization code", CODE);
        secrets.add("refresh token", "rft.0123456789abcdefghij");
        let mut sinks = Sinks::default();
        sinks.add("log: of nobody", text.as_ref());
        find(&secrets, &sinks)
    }

    fn encoded(text: &str) -> String {
        url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
    }

    #[track_caller]
    fn is_found(text: impl AsRef<[u8]>, form: &str) {
        let findings = found(&text);
        let shown = String::from_utf8_lossy(text.as_ref());
        assert_eq!(findings.len(), 1, "in {shown}");
        assert_eq!((findings[0].secret.as_str(), findings[0].form.as_str()), ("authorization code", form));
        assert!(findings[0].is_of(CODE));
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        assert_eq!(found(""), []);
        assert_eq!(found("q\"8/Zr+ rft.0123456789abcdefghi rft. %7 \\u00 \\"), []);
        assert_eq!(found(&CODE[1..]), []);
    }

    #[test]
    fn a_secret_is_found_as_it_is_at_any_place() {
        is_found(CODE, "plain");
        is_found(format!("…{CODE}"), "plain");
        is_found([b"\xff\x00", CODE.as_bytes(), b"\xff"].concat(), "plain");
    }

    #[test]
    fn a_secret_is_found_behind_jsons_escapes_however_deep() {
        let once = json!({ "body": CODE }).to_string();
        let twice = json!({ "MessageBody": once }).to_string();
        let thrice = json!([twice]).to_string();
        is_found(once, "plain in JSON");
        is_found(twice, "plain in JSON in JSON");
        is_found(thrice, "plain in JSON in JSON in JSON");
        let by_number =
            CODE.chars().fold(String::new(), |text, char| text + &format!("\\u{:04x}", u32::from(char)));
        is_found(by_number, "plain in JSON");
    }

    #[test]
    fn a_secret_is_found_in_a_url_and_in_a_url_in_a_url() {
        let once = format!("https://a.example/callback?code={}&state=1", encoded(CODE));
        is_found(&once, "plain in percent-encoding");
        is_found(format!("/next={}", encoded(&once)), "plain in percent-encoding in percent-encoding");
        is_found(json!({ "url": once }).to_string(), "plain in percent-encoding");
        // an encoder that encodes everything, in small letters
        let all = CODE.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
        is_found(all, "plain in percent-encoding");
    }

    #[test]
    fn a_secret_is_found_in_base64_at_every_alignment_in_both_alphabets() {
        for before in ["", "a", "ab", "abc", "{\"code\":"] {
            for after in ["", "z", "zz", "\"}"] {
                let body = format!("{before}{CODE}{after}");
                is_found(STANDARD.encode(&body), "base64");
                is_found(URL_SAFE.encode(&body), "base64");
                assert!(found(encoded(&STANDARD.encode(&body)))[0].is_of(CODE));
            }
        }
    }

    #[test]
    fn a_finding_tells_where_it_is_and_shows_no_secret() {
        let findings = found(format!("level=INFO token=rft.0123456789abcdefghij code={CODE}"));
        assert_eq!(findings.len(), 2);
        let told = format!("{findings:?}");
        assert!(!told.contains("rft.0123456789abcdefghij") && !told.contains(CODE), "{told}");
        assert!(told.contains("level=INFO token=<refresh token> code="), "{told}");
        assert!(told.contains("log: of nobody"), "{told}");
    }
}
