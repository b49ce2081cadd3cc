//! `json_decode`: a parser without recursion, with PHP's limits.

use serde_json::{Map, Number, Value};

/// The deepest nesting of arrays and objects that `json_decode` takes with its usual depth of 512.
pub(super) const DEPTH_MAX: usize = 511;

/// What `json_decode($text)` makes of a text, objects as objects; `None` where it finds an error.
///
/// That is RFC 8259 without nesting beyond 511 and without keys that begin with U+0000. `-0` is the
/// integer 0; integers that do not fit 64 bits become floats. A key that comes twice keeps its first
/// place and its last value.
///
/// One difference: a number beyond the range of a double (`1e999`) is infinite in PHP, and
/// [`Value`] has no infinity, so it is an error here.
pub fn decode(text: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(text).ok()?;
    let mut parser = Parser { text, at: 0, open: Vec::new() };
    let value = parser.value()?;
    parser.skip_blanks();
    (parser.at == text.len()).then_some(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    open: Vec<Open>,
}

/// A container whose end has not been seen.
enum Open {
    Array(Vec<Value>),
    /// The members so far, and the key whose value comes next.
    Object(Map<String, Value>, String),
}

impl Parser<'_> {
    fn value(&mut self) -> Option<Value> {
        loop {
            let Some(mut done) = self.begin()? else { continue };
            loop {
                match self.put(done)? {
                    Put::Root(value) => return Some(value),
                    Put::More => break,
                    Put::Closed(container) => done = container,
                }
            }
        }
    }

    /// Reads a scalar or an empty container; `None` inside if a container was opened instead.
    fn begin(&mut self) -> Option<Option<Value>> {
        self.skip_blanks();
        let value = match self.peek()? {
            b'[' => return self.begin_array(),
            b'{' => return self.begin_object(),
            b'"' => Value::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            _ => self.word()?,
        };
        Some(Some(value))
    }

    fn begin_array(&mut self) -> Option<Option<Value>> {
        self.descend()?;
        if self.take_if(b']') {
            return Some(Some(Value::Array(Vec::new())));
        }
        self.open.push(Open::Array(Vec::new()));
        Some(None)
    }

    fn begin_object(&mut self) -> Option<Option<Value>> {
        self.descend()?;
        if self.take_if(b'}') {
            return Some(Some(Value::Object(Map::new())));
        }
        let key = self.key()?;
        self.open.push(Open::Object(Map::new(), key));
        Some(None)
    }

    fn descend(&mut self) -> Option<()> {
        self.at += 1;
        self.skip_blanks();
        (self.open.len() < DEPTH_MAX).then_some(())
    }

    /// Puts a finished value where it belongs and reads what follows it.
    fn put(&mut self, value: Value) -> Option<Put> {
        let Some(mut container) = self.open.pop() else { return Some(Put::Root(value)) };
        self.skip_blanks();
        let next = self.peek()?;
        self.at += 1;
        match (&mut container, next) {
            (Open::Array(items), b',' | b']') => items.push(value),
            (Open::Object(members, key), b',' | b'}') => {
                members.insert(std::mem::take(key), value);
            }
            _ => return None,
        }
        if next != b',' {
            return Some(Put::Closed(container.close()));
        }
        if let Open::Object(_, key) = &mut container {
            self.skip_blanks();
            *key = self.key()?;
        }
        self.open.push(container);
        Some(Put::More)
    }

    fn key(&mut self) -> Option<String> {
        if self.peek()? != b'"' {
            return None;
        }
        let key = self.string()?;
        self.skip_blanks();
        (self.take_if(b':') && !key.starts_with('\0')).then_some(key)
    }

    fn word(&mut self) -> Option<Value> {
        let words = [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)];
        let rest = &self.text.as_bytes()[self.at..];
        let (word, value) = words.into_iter().find(|(word, _)| rest.starts_with(word.as_bytes()))?;
        self.at += word.len();
        Some(value)
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.at;
        self.take_if(b'-');
        if !self.take_if(b'0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.take_if(b'.') {
            whole = false;
            self.digits()?;
        }
        if self.take_if(b'e') || self.take_if(b'E') {
            whole = false;
            let _sign = self.take_if(b'-') || self.take_if(b'+');
            self.digits()?;
        }
        let text = &self.text[start..self.at];
        if let (true, Ok(integer)) = (whole, text.parse::<i64>()) {
            return Some(integer.into());
        }
        Number::from_f64(text.parse().ok()?).map(Value::Number)
    }

    fn digits(&mut self) -> Option<()> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    /// Reads a string; the opening quote is the next byte.
    fn string(&mut self) -> Option<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
            out.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes()[plain] {
                b'"' => return Some(out),
                b'\\' => out.push(self.escape()?),
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.utf16(),
            _ => return None,
        })
    }

    fn utf16(&mut self) -> Option<char> {
        let first = self.hex4()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(u32::from(first));
        }
        let second = (self.take_if(b'\\') && self.take_if(b'u')).then(|| self.hex4()).flatten()?;
        char::decode_utf16([first, second]).next()?.ok()
    }

    fn hex4(&mut self) -> Option<u16> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |unit, &digit| {
            let digit = char::from(digit).to_digit(16)?;
            Some(unit << 4 | digit as u16)
        })
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take_if(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }
}

/// Where a value went.
enum Put {
    /// Nowhere: it is the whole.
    Root(Value),
    /// Into a container that goes on.
    More,
    /// Into a container that it was the last of.
    Closed(Value),
}

impl Open {
    fn close(self) -> Value {
        match self {
            Self::Array(items) => Value::Array(items),
            Self::Object(members, _) => Value::Object(members),
        }
    }
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
