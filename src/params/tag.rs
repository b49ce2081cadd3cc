//! Parameter frames: a tag that names the coding, `: `, and the coded value.
//!
//! `PARAM-JSON: {"str":"abc"}`. What a tag means is what the PHP worker makes of it (original.md
//! §2.4); this module finds the coding and the payload and decodes nothing.

use bytes::Bytes;

use super::json;

/// How a payload is coded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Tag {
    /// `json_encode`: the key has `JSON` in it.
    Json,
    /// `serialize`: the key has `PHP` in it.
    Php,
    /// No parameter, or a frame that the PHP worker does not understand, for which its handler
    /// gets an empty object. The payload is then the whole frame.
    None,
}

/// How to read what the original's README promises and its worker does not do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BareParam {
    /// `PARAM: <php>` is PHP if the payload begins like serialized PHP (original.md quirk 26).
    #[default]
    AsPhp,
    /// `PARAM: <php>` is an empty object, as in the PHP worker.
    AsUpstream,
}

/// Splits a parameter frame into its coding and the coded value.
///
/// The frame counts as tagged if `PARAM` stands anywhere in it; the key is what stands before the
/// first `: `. A key that has both `JSON` and `PHP` in it is PHP, since the PHP worker looks for
/// `PHP` last. A key without `: ` behind it has no payload (`PARAM-JSON:{}` decodes to nothing).
pub fn split(frame: &Bytes, bare: BareParam) -> (Tag, Bytes) {
    if !contains(frame, b"PARAM") {
        return (Tag::None, frame.clone());
    }
    let (key, payload) = match find(frame, b": ") {
        Some(end) => (&frame[..end], frame.slice(end + 2..)),
        None => (&frame[..], Bytes::new()),
    };
    let has = |word: &[u8]| contains(key, word);
    let bare_php = || bare == BareParam::AsPhp && key == b"PARAM" && looks_like_php(&payload);
    if has(b"PHP") || bare_php() {
        (Tag::Php, payload)
    } else if has(b"JSON") {
        (Tag::Json, payload)
    } else {
        (Tag::None, frame.clone())
    }
}

/// `PARAM-JSON: ` and the value as `json_encode` writes it.
pub fn json_frame(value: &serde_json::Value) -> Bytes {
    with_tag(b"PARAM-JSON: ", &json::encode(value))
}

/// `PARAM-JSON: ` and a text that is JSON already.
pub fn json_text_frame(json: &[u8]) -> Bytes {
    with_tag(b"PARAM-JSON: ", json)
}

/// `PARAM-PHP: ` and a value that is serialized already.
pub fn php_frame(serialized: &[u8]) -> Bytes {
    with_tag(b"PARAM-PHP: ", serialized)
}

fn with_tag(tag: &[u8], payload: &[u8]) -> Bytes {
    [tag, payload].concat().into()
}

/// Whether the first bytes are those of a serialized value: `N;`, or a type letter and a colon.
fn looks_like_php(payload: &[u8]) -> bool {
    payload.starts_with(b"N;")
        || matches!(payload, [b'b' | b'i' | b'd' | b's' | b'S' | b'a' | b'O' | b'C' | b'E', b':', ..])
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    find(bytes, word).is_some()
}

fn find(bytes: &[u8], word: &[u8]) -> Option<usize> {
    bytes.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parts(frame: &'static str, bare: BareParam) -> (Tag, String) {
        let (tag, payload) = split(&Bytes::from_static(frame.as_bytes()), bare);
        (tag, String::from_utf8(payload.to_vec()).expect("the tests' frames are text"))
    }

    #[test]
    fn the_word_in_the_key_names_the_coding_wherever_it_stands() {
        let cases = [
            ("PARAM-JSON: {}", Tag::Json, "{}"),
            ("JSON-PARAM: {\"a\": 1}", Tag::Json, "{\"a\": 1}"),
            ("PARAM-PHP: i:1;", Tag::Php, "i:1;"),
            ("PHP-PARAM: i:1;", Tag::Php, "i:1;"),
            ("JSON: \"PARAM\"", Tag::Json, "\"PARAM\""),
            ("PARAM-JSON-PHP: N;", Tag::Php, "N;"),
            ("PARAM-JSON:{}", Tag::Json, ""),
            ("PARAM-JSON: ", Tag::Json, ""),
        ];
        for (frame, tag, payload) in cases {
            assert_eq!(parts(frame, BareParam::AsUpstream), (tag, payload.to_owned()), "{frame}");
        }
    }

    #[test]
    fn frames_that_the_php_worker_does_not_understand_stay_whole() {
        for frame in ["", "JSON: {}", "plain text", "PARAM: hello", "PARAM"] {
            assert_eq!(parts(frame, BareParam::AsPhp), (Tag::None, frame.to_owned()));
        }
    }

    #[test]
    fn a_bare_param_is_php_only_if_it_looks_so_and_upstream_is_not_asked_for() {
        let frame = "PARAM: a:0:{}";
        assert_eq!(parts(frame, BareParam::AsPhp), (Tag::Php, "a:0:{}".to_owned()));
        assert_eq!(parts(frame, BareParam::AsUpstream), (Tag::None, frame.to_owned()));
    }

    #[test]
    fn frames_that_we_write_are_read_as_what_they_are() {
        let frame = json_frame(&json!({"a": "/"}));
        assert_eq!(frame, r#"PARAM-JSON: {"a":"\/"}"#);
        assert_eq!(split(&frame, BareParam::AsUpstream).0, Tag::Json);
        assert_eq!(split(&php_frame(b"N;"), BareParam::AsUpstream), (Tag::Php, Bytes::from_static(b"N;")));
    }
}
