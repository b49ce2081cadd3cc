//! Strings and numbers as PHP writes them.

use super::fault::Fault;
use super::lexer::{Kind, is_name_start, name_at};
use super::value::Key;

/// A piece of a string with variables.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    /// Itself.
    Text(Vec<u8>),
    /// `$name`, `{$name}` or `{$name['key'][0]}`.
    Read {
        /// The variable.
        name: Vec<u8>,
        /// The way to the element.
        keys: Vec<Key>,
    },
}

/// The number that a text begins with, and its length.
pub(super) fn number(text: &[u8]) -> Result<(Kind, usize), Fault> {
    let radix = match text {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => return decimal(text),
    };
    let length = 2 + digits(&text[2..], radix);
    if length == 2 {
        return Err(malformed(text));
    }
    ends_well(text, length)?;
    Ok((whole(&text[2..length], radix), length))
}

/// A number without a letter in front: decimal, octal after a 0, or with a point or an exponent.
fn decimal(text: &[u8]) -> Result<(Kind, usize), Fault> {
    let whole_length = digits(text, 10);
    let mut length = whole_length;
    if text.get(length) == Some(&b'.') {
        // A point may end a number, but `..` is no part of one.
        let after = digits(&text[length + 1..], 10);
        length += 1 + after;
    }
    length += exponent(&text[length..]);
    ends_well(text, length)?;
    if length == whole_length {
        let octal = text[0] == b'0' && whole_length > 1;
        if octal && text[..length].iter().any(|digit| matches!(digit, b'8' | b'9')) {
            return Err(malformed(text));
        }
        return Ok((whole(&text[..length], if octal { 8 } else { 10 }), length));
    }
    let plain: Vec<u8> = text[..length].iter().copied().filter(|byte| *byte != b'_').collect();
    let number = std::str::from_utf8(&plain).ok().and_then(|text| text.parse().ok());
    Ok((Kind::Float(number.ok_or_else(|| malformed(text))?), length))
}

/// The length of digits with single `_` between them.
fn digits(text: &[u8], radix: u32) -> usize {
    let is_digit = |at: usize| text.get(at).is_some_and(|byte| char::from(*byte).is_digit(radix));
    let mut at = 0;
    while is_digit(at) || (at > 0 && text[at - 1] != b'_' && text.get(at) == Some(&b'_') && is_digit(at + 1))
    {
        at += 1;
    }
    at
}

/// The length of `e10`, `E+10`, `e-10`, or 0.
fn exponent(text: &[u8]) -> usize {
    let sign = match text {
        [b'e' | b'E', b'+' | b'-', ..] => 2,
        [b'e' | b'E', ..] => 1,
        _ => return 0,
    };
    match digits(&text[sign..], 10) {
        0 => 0,
        length => sign + length,
    }
}

/// A letter or `_` right behind a number belongs to nothing.
fn ends_well(text: &[u8], length: usize) -> Result<(), Fault> {
    match text.get(length) {
        Some(next) if is_name_start(*next) => Err(malformed(text)),
        _ => Ok(()),
    }
}

fn malformed(text: &[u8]) -> Fault {
    let is_inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.".contains(byte);
    let length = text.iter().take(40).position(|byte| !is_inside(byte)).unwrap_or(text.len().min(40));
    Fault::Mistake(format!("{} is no number", String::from_utf8_lossy(&text[..length])))
}

/// An integer, or a float if it is too large for one.
fn whole(text: &[u8], radix: u32) -> Kind {
    let plain: String = text.iter().filter(|byte| **byte != b'_').map(|byte| char::from(*byte)).collect();
    match i64::from_str_radix(&plain, radix) {
        Ok(number) => Kind::Int(number),
        // Ten is not a power of two: digit by digit would round more than once.
        Err(_) if radix == 10 => Kind::Float(plain.parse().unwrap_or(f64::INFINITY)),
        Err(_) => Kind::Float(
            plain
                .chars()
                .filter_map(|digit| digit.to_digit(radix))
                .fold(0.0, |sum, digit| sum * f64::from(radix) + f64::from(digit)),
        ),
    }
}

/// The string in `'` that a text begins with, and its length.
pub(super) fn single_quoted(text: &[u8]) -> Result<(Kind, usize), Fault> {
    let mut value = Vec::new();
    let mut at = 1;
    loop {
        match text[at..] {
            [] => return Err(Fault::Unfinished("a string")),
            [b'\'', ..] => return Ok((Kind::Text(value), at + 1)),
            [b'\\', escaped @ (b'\\' | b'\''), ..] => {
                value.push(escaped);
                at += 2;
            }
            [byte, ..] => {
                value.push(byte);
                at += 1;
            }
        }
    }
}

/// The string in `"` that a text begins with, and its length.
pub(super) fn double_quoted(text: &[u8]) -> Result<(Kind, usize), Fault> {
    // Without an end it is that which is wrong, whatever else is.
    if !is_closed(text) {
        return Err(Fault::Unfinished("a string"));
    }
    let mut parts = vec![Part::Text(Vec::new())];
    let mut at = 1;
    loop {
        let rest = &text[at..];
        let (part, length) = match *rest {
            [] => return Err(Fault::Unfinished("a string")),
            [b'"', ..] => return Ok((assembled(parts), at + 1)),
            [b'\\', ..] => escape(rest)?,
            [b'{', b'$', ..] => braced(rest)?,
            [b'$', b'{', ..] => return Err(Fault::code("a variable as ${…} in a string")),
            [b'$', first, ..] if is_name_start(first) => simple(rest)?,
            [byte, ..] => (Part::Text(vec![byte]), 1),
        };
        match (part, parts.last_mut()) {
            (Part::Text(more), Some(Part::Text(text))) => text.extend(more),
            (part, _) => parts.push(part),
        }
        at += length;
    }
}

fn is_closed(text: &[u8]) -> bool {
    let mut bytes = text[1..].iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return true,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
    false
}

fn assembled(mut parts: Vec<Part>) -> Kind {
    match parts.pop() {
        Some(Part::Text(text)) if parts.is_empty() => Kind::Text(text),
        last => {
            parts.extend(last);
            Kind::Template(parts)
        }
    }
}

/// What a backslash and what follows it mean, and their length. PHP keeps what means nothing.
fn escape(text: &[u8]) -> Result<(Part, usize), Fault> {
    let plain = |byte: u8| Ok((Part::Text(vec![byte]), 2));
    match text[1..] {
        [b'n', ..] => plain(b'\n'),
        [b't', ..] => plain(b'\t'),
        [b'r', ..] => plain(b'\r'),
        [b'v', ..] => plain(0x0b),
        [b'e', ..] => plain(0x1b),
        [b'f', ..] => plain(0x0c),
        [byte @ (b'\\' | b'$' | b'"'), ..] => plain(byte),
        [b'0'..=b'7', ..] => Ok(byte_of(text, 1, 3, 8)),
        [b'x' | b'X', digit, ..] if digit.is_ascii_hexdigit() => Ok(byte_of(text, 2, 2, 16)),
        [b'u', b'{', ..] => code_point(text),
        // Both stay, so that a brace behind it begins nothing.
        [next, ..] => Ok((Part::Text(vec![b'\\', next]), 2)),
        [] => Err(Fault::Unfinished("a string")),
    }
}

/// The byte that at most `most` digits from `start` on mean; PHP drops what is above a byte.
fn byte_of(text: &[u8], start: usize, most: usize, radix: u32) -> (Part, usize) {
    let values = text[start..].iter().take(most).map_while(|byte| char::from(*byte).to_digit(radix));
    let (value, length) =
        values.fold((0, start), |(value, length), digit| (value * radix + digit, length + 1));
    (Part::Text(vec![value as u8]), length)
}

/// `\u{1F600}` as UTF-8.
fn code_point(text: &[u8]) -> Result<(Part, usize), Fault> {
    let wrong = || Fault::Mistake("\\u{…} in a string names no character".to_owned());
    let length = text[3..].iter().position(|byte| !byte.is_ascii_hexdigit()).ok_or_else(wrong)?;
    if text[3 + length] != b'}' {
        return Err(wrong());
    }
    let digits = std::str::from_utf8(&text[3..3 + length]).map_err(|_| wrong())?;
    let number = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
    // Half of a surrogate pair is no text; PHP writes three bytes that are not UTF-8.
    let letter = char::from_u32(number).ok_or_else(wrong)?;
    Ok((Part::Text(letter.to_string().into_bytes()), 3 + length + 1))
}

/// `$name` in a string. What PHP would take for an element or a property is not read.
fn simple(text: &[u8]) -> Result<(Part, usize), Fault> {
    let name = name_at(&text[1..]).to_vec();
    let length = 1 + name.len();
    match text[length..] {
        [b'[', ..] => Err(Fault::code("an element without braces in a string")),
        [b'-', b'>', next, ..] | [b'?', b'-', b'>', next, ..] if is_name_start(next) => {
            Err(Fault::code("a property in a string"))
        }
        _ => Ok((Part::Read { name, keys: Vec::new() }, length)),
    }
}

/// `{$name}` or `{$name['key'][0]}` in a string.
fn braced(text: &[u8]) -> Result<(Part, usize), Fault> {
    let other = || Fault::code("an expression in a string");
    let name = name_at(&text[2..]).to_vec();
    if !name.first().is_some_and(|byte| is_name_start(*byte)) {
        return Err(other());
    }
    let mut at = 2 + name.len();
    let mut keys = Vec::new();
    loop {
        match text[at..] {
            [b'}', ..] => return Ok((Part::Read { name, keys }, at + 1)),
            [b'[', ..] => {
                let (key, length) = element(&text[at..]).ok_or_else(other)?;
                keys.push(key);
                at += length;
            }
            _ => return Err(other()),
        }
    }
}

/// `['key']`, `["key"]` or `[0]`, without blanks and escapes.
fn element(text: &[u8]) -> Option<(Key, usize)> {
    let close = text.iter().position(|byte| *byte == b']')?;
    let key = match &text[1..close] {
        [b'\'', key @ .., b'\''] | [b'"', key @ .., b'"']
            if !key.iter().any(|byte| b"'\"\\$".contains(byte)) =>
        {
            Key::of_text(key)
        }
        number if number.iter().all(u8::is_ascii_digit) => {
            Some(Key::of_text(number)).filter(|key| matches!(key, Key::Int(_)))?
        }
        _ => return None,
    };
    Some((key, close + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(source: &[u8]) -> Vec<u8> {
        match double_quoted(source) {
            Ok((Kind::Text(text), length)) if length == source.len() => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn escapes_mean_what_php_says_and_unknown_ones_themselves() {
        assert_eq!(text_of(br#""\n\t\r\v\e\f\\\$\"""#), b"\n\t\r\x0b\x1b\x0c\\$\"");
        assert_eq!(text_of(br#""\0\101\400\x41\X4g\xg\u{e9}\u0041""#), b"\0A\0A\x04g\\xg\xc3\xa9\\u0041");
        assert_eq!(text_of(br#""\q\'\{ { $ $1""#), br"\q\'\{ { $ $1");
    }

    #[test]
    fn numbers_have_the_base_that_they_say_and_too_large_ones_are_floats() {
        let read = |text: &str| number(text.as_bytes()).map(|(kind, _)| kind);
        assert_eq!(read("5_555"), Ok(Kind::Int(5555)));
        assert_eq!(read("0x1F"), Ok(Kind::Int(31)));
        assert_eq!(read("017"), Ok(Kind::Int(15)));
        assert_eq!(read("0o17"), Ok(Kind::Int(15)));
        assert_eq!(read("0b101"), Ok(Kind::Int(5)));
        assert_eq!(read("1_0.5e1"), Ok(Kind::Float(105.0)));
        assert_eq!(read("9223372036854775808"), Ok(Kind::Float(9_223_372_036_854_775_808.0)));
        assert_eq!(read("0x8000000000000000"), Ok(Kind::Float(9_223_372_036_854_775_808.0)));
        for text in ["08", "5__5", "5_", "0x", "12ab", "0b2"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_string_that_never_ends_is_told() {
        assert_eq!(single_quoted(br"'abc\'"), Err(Fault::Unfinished("a string")));
        assert_eq!(double_quoted(br#""abc\""#), Err(Fault::Unfinished("a string")));
    }
}
