//! `json_decode`: a tree of a text.

use serde_json::{Map, Number, Value};

use super::scan::{Scanner, Token, unescaped};

/// What `json_decode($text)` makes of a text, objects as objects; `None` where it finds an error.
///
/// That is RFC 8259 without nesting beyond 511 and without keys that begin with U+0000. `-0` is the
/// integer 0; integers that do not fit 64 bits become floats. A key that comes twice keeps its first
/// place and its last value.
///
/// One difference: a number beyond the range of a double (`1e999`) is infinite in PHP, and
/// [`Value`] has no infinity, so it is an error here.
pub fn decode(text: &[u8]) -> Option<Value> {
    let mut scanner = Scanner::new(text).ok()?;
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    while let Some(token) = scanner.next().ok()? {
        let done = match token {
            Token::BeginArray => {
                open.push(Open::Array(Vec::new()));
                continue;
            }
            Token::BeginObject => {
                open.push(Open::Object(Map::new(), String::new()));
                continue;
            }
            Token::Key(name) => {
                if let Some(Open::Object(_, key)) = open.last_mut() {
                    *key = unescaped(name).into_owned();
                }
                continue;
            }
            Token::EndArray | Token::EndObject => open.pop()?.close(),
            Token::String(text) => Value::String(unescaped(text).into_owned()),
            Token::Number(text) => number(text)?,
            Token::Bool(value) => Value::Bool(value),
            Token::Null => Value::Null,
        };
        match open.last_mut() {
            None => root = Some(done),
            Some(Open::Array(items)) => items.push(done),
            Some(Open::Object(members, key)) => {
                members.insert(std::mem::take(key), done);
            }
        }
    }
    root
}

/// A container whose end has not been seen.
enum Open {
    Array(Vec<Value>),
    /// The members so far, and the key whose value comes next.
    Object(Map<String, Value>, String),
}

impl Open {
    fn close(self) -> Value {
        match self {
            Self::Array(items) => Value::Array(items),
            Self::Object(members, _) => Value::Object(members),
        }
    }
}

fn number(text: &str) -> Option<Value> {
    if let Some(integer) = integer(text) {
        return Some(integer.into());
    }
    Number::from_f64(text.parse().ok()?).map(Value::Number)
}

/// The integer that PHP makes of a number; `None` where it makes a float.
pub(super) fn integer(text: &str) -> Option<i64> {
    let is_whole = !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
    text.parse().ok().filter(|_| is_whole)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn minus_zero_is_an_integer() {
        assert_eq!(decode(b" [true,false,null,-0,-0.0] "), Some(json!([true, false, null, 0, -0.0])));
    }

    #[test]
    fn integers_beyond_64_bits_become_floats() {
        assert_eq!(
            decode(b"[9223372036854775807,9223372036854775808,-9223372036854775808,-9223372036854775809]"),
            Some(json!([i64::MAX, 9_223_372_036_854_775_808.0, i64::MIN, -9_223_372_036_854_775_808.0]))
        );
    }

    #[test]
    fn nesting_ends_where_php_ends_it() {
        for (depth, accepted) in [(511, true), (512, false), (1_000_000, false)] {
            let text = "[".repeat(depth) + &"]".repeat(depth);
            assert_eq!(decode(text.as_bytes()).is_some(), accepted, "{depth}");
        }
    }

    #[test]
    fn a_key_that_comes_twice_keeps_its_first_place_and_its_last_value() {
        let value = decode(br#"{"a":1,"b":2,"a":3}"#).expect("valid");
        assert_eq!(value.to_string(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_php_refuses_is_refused() {
        let texts = [
            "",
            " ",
            "[1,]",
            "[,1]",
            "[1",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{1:2}",
            "01",
            ".5",
            "1.",
            "-",
            "1e",
            "1e+",
            "\"\t\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"\\u12\"",
            "{\"\\u0000a\":1}",
            "1\0",
            "\u{feff}1",
            "[1]\u{b}",
            "1 2",
            "tru",
            "[}",
            "{\"a\":1]",
            "'a'",
            "1e999",
        ];
        for text in texts {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(decode(b"\"\xff\""), None);
    }

    #[test]
    fn surrogate_pairs_are_one_character() {
        assert_eq!(decode(br#""\ud83d\ude00\u00e9\/\u0000""#), Some(json!("\u{1F600}\u{e9}/\0")));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[^\0].*", inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(value in any_value()) {
            prop_assert_eq!(decode(&super::super::encode(&value)), Some(value));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[\\[\\]{}\",:\\\\tu0-9eE.\\- ]{0,40}") {
            prop_assume!(!text.contains("\\u0000"), "PHP refuses it at the head of a key");
            let ours = decode(text.as_bytes());
            if let Ok(theirs) = serde_json::from_str::<Value>(&text) {
                prop_assert!(ours.is_some(), "serde_json reads {theirs}");
            }
        }
    }
}
