//! JSON as PHP writes and reads it.
//!
//! [`encode`] gives the bytes of `json_encode`: old clients compare texts, and a broker of the
//! original shows them in its lists. [`decode`] accepts what `json_decode` (to objects, depth 512)
//! accepts, so that a parameter means the same to a PHP worker and to ours. [`compact`] and [`object`]
//! check a text and write it again without a tree between.
//!
//! Not here: what stands around the JSON in a frame, which is [`tag`](super::tag)'s.

mod decode;
mod scan;
mod transcode;

use std::io;

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

pub use decode::decode;
pub use transcode::{Members, TextError, compact, object};

pub use super::float::Precision;

/// What differs between PHP versions and flags of `json_encode`. The default is PHP 7.1 or later
/// without flags.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Style {
    /// Digits of a float. Default: as few as read back the same. `Digits(14)` is PHP before 7.1.
    pub precision: Precision,
    /// Whether the float 1.0 is `1.0` (`JSON_PRESERVE_ZERO_FRACTION`) and not `1`, which a PHP
    /// reader takes for an integer. Default: no.
    pub zero_fraction: bool,
}

/// The bytes of `json_encode($value)`: `/` is `\/`, everything but ASCII is `\uXXXX` in UTF-16
/// pairs, the float 1.0 is `1`.
///
/// Integers above `i64::MAX`, which PHP does not have, are written as the float that PHP would
/// make of them.
pub fn encode(value: &Value) -> Vec<u8> {
    encode_with(value, Style::default()).expect("a JSON value has text keys and finite numbers")
}

/// As [`encode`], of anything that serde can serialize, and in the style of other PHP versions.
///
/// # Errors
///
/// What serde_json refuses: map keys that are no text, and errors of `value` itself.
pub fn encode_with<T: Serialize + ?Sized>(value: &T, style: Style) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(128);
    value.serialize(&mut Serializer::with_formatter(&mut out, PhpFormatter { style }))?;
    Ok(out)
}

/// Whether a text is one JSON value (RFC 8259), of which nothing is made: numbers of any size and any depth are valid.
pub fn is_valid(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Appends a string with its quotes.
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    let mut serializer = Serializer::with_formatter(out, PhpFormatter { style: Style::default() });
    text.serialize(&mut serializer).expect("a vector takes every byte");
}

struct PhpFormatter {
    style: Style,
}

impl Formatter for PhpFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let mut text = Vec::with_capacity(24);
        write_float(value, self.style, &mut text);
        writer.write_all(&text)
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        // The double with the digits that a reader would see, not the one with the same bits:
        // 0.1, not 0.10000000149011612.
        self.write_f64(writer, value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
    }

    #[expect(clippy::cast_precision_loss, reason = "PHP has no such integer and takes the float")]
    fn write_u64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.write_i64(writer, value),
            Err(_) => self.write_f64(writer, value as f64),
        }
    }

    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(plain) = rest.bytes().position(|byte| byte == b'/' || !byte.is_ascii()) {
            writer.write_all(&rest.as_bytes()[..plain])?;
            rest = &rest[plain..];
            let char = rest.chars().next().expect("the byte at `plain` begins a character");
            write_escaped(writer, char)?;
            rest = &rest[char.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Appends a finite float in `style`.
pub(crate) fn write_float(value: f64, style: Style, out: &mut Vec<u8>) {
    let start = out.len();
    super::float::write(value, style.precision, b'e', out);
    if style.zero_fraction && !out[start..].contains(&b'.') {
        out.extend_from_slice(b".0");
    }
}

fn write_escaped<W: ?Sized + io::Write>(writer: &mut W, char: char) -> io::Result<()> {
    if char == '/' {
        return writer.write_all(b"\\/");
    }
    char.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encoded(value: &Value) -> String {
        String::from_utf8(encode(value)).expect("only ASCII is written")
    }

    #[test]
    fn slashes_and_everything_but_ascii_are_escaped_as_php_does() {
        let text = "a/b\u{e9}\u{1F600}\u{7f}\u{2028}<>&'\"\\\u{1}\u{8}\u{c}\n\r\t";
        assert_eq!(
            encoded(&json!({ text: text })),
            concat!(
                r#"{"a\/b\u00e9\ud83d\ude00"#,
                "\u{7f}",
                r#"\u2028<>&'\"\\\u0001\b\f\n\r\t":"a\/b\u00e9\ud83d\ude00"#,
                "\u{7f}",
                r#"\u2028<>&'\"\\\u0001\b\f\n\r\t"}"#
            )
        );
    }

    #[test]
    fn whole_floats_lose_their_fraction_unless_the_style_keeps_it() {
        assert_eq!(encoded(&json!([1.0, -0.0, 1e25, 0.1])), "[1,-0,1.0e+25,0.1]");
        let style = Style { zero_fraction: true, ..Style::default() };
        assert_eq!(encode_with(&json!([1.0, 1e25, 1]), style).expect("a value"), b"[1.0,1.0e+25,1]");
    }

    #[test]
    fn integers_that_php_does_not_have_become_floats() {
        assert_eq!(encoded(&json!([u64::MAX, i64::MIN])), "[1.8446744073709552e+19,-9223372036854775808]");
    }

    #[test]
    fn empty_containers_keep_their_kind() {
        assert_eq!(encoded(&json!([[], {}, "", null, true])), r#"[[],{},"",null,true]"#);
    }

    #[test]
    fn floats_of_single_precision_keep_the_digits_a_reader_sees() {
        assert_eq!(encode_with(&0.1f32, Style::default()).expect("a float"), b"0.1");
    }
}
