//! Text of others in a line of the log: it moves no cursor, begins no line, and is no longer than it may be.

use std::fmt::{self, Write};

/// Text as it may stand in a line: what is not printable is escaped, as `\n` or `\x1b`.
pub(super) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        escape(letter, &mut shown);
    }
    shown
}

/// The same between quotes, with those that are in it escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            shown.push('\\');
        }
        escape(letter, &mut shown);
    }
    shown.push('"');
    shown
}

/// JSON as it may stand in a line: `serde_json` leaves letters as they are that a terminal obeys.
pub(super) fn printable_json(json: &str) -> String {
    let mut shown = String::with_capacity(json.len());
    for letter in json.chars() {
        match obeyed(letter) {
            true => {
                let _infallible = write!(shown, "\\u{:04x}", u32::from(letter));
            }
            false => shown.push(letter),
        }
    }
    shown
}

/// Whether a text is one word that needs no quotes.
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |letter: char| !letter.is_whitespace() && !obeyed(letter) && !"\"=\\".contains(letter);
    !text.is_empty() && text.chars().all(plain)
}

fn escape(letter: char, shown: &mut String) {
    match letter {
        '\n' => shown.push_str("\\n"),
        '\r' => shown.push_str("\\r"),
        '\t' => shown.push_str("\\t"),
        _ if !obeyed(letter) => shown.push(letter),
        _ => {
            let _infallible = match u32::from(letter) {
                code @ ..=0xFF => write!(shown, "\\x{code:02x}"),
                code => write!(shown, "\\u{{{code:x}}}"),
            };
        }
    }
}

/// Whether a letter does something to the text around it instead of being seen: controls, and what turns the
/// direction of writing.
fn obeyed(letter: char) -> bool {
    let turns = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{2069}'];
    letter.is_control() || letter == '\u{feff}' || turns.iter().any(|range| range.contains(&letter))
}

/// Takes text up to so many bytes, and counts the rest.
pub(super) struct Bounded {
    text: String,
    max: usize,
    length: usize,
}

impl Bounded {
    pub(super) fn new(max: usize) -> Self {
        Self { text: String::new(), max, length: 0 }
    }

    /// What there was, or its beginning and its length: `abc…(60000 bytes)`.
    pub(super) fn finish(mut self) -> String {
        if self.length > self.text.len() {
            let _infallible = write!(self.text, "…({} bytes)", self.length);
        }
        self.text
    }
}

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Behind a cut nothing more is taken, though a short piece would find room.
        let room = if self.length > self.text.len() { 0 } else { self.max - self.text.len() };
        self.length += text.len();
        let mut end = text.len().min(room);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, max: usize) -> String {
        let mut bounded = Bounded::new(max);
        bounded.write_str(text).expect("it takes all text");
        bounded.finish()
    }

    #[test]
    fn what_is_too_long_is_cut_between_two_letters_and_its_length_is_told() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc…(4 bytes)");
        assert_eq!(cut("aéé", 4), "aé…(5 bytes)");
        let mut pieces = Bounded::new(4);
        for piece in ["éé", "-", "é"] {
            pieces.write_str(piece).expect("it takes all text");
        }
        assert_eq!(pieces.finish(), "éé…(7 bytes)");
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let text = "a\u{1b}[31m\r\n\t\u{9b}\u{202e}\u{7f}é\"";
        assert_eq!(printable(text), "a\\x1b[31m\\r\\n\\t\\x9b\\u{202e}\\x7fé\"");
        assert_eq!(quoted("a\"\\\n"), "\"a\\\"\\\\\\n\"");
        assert_eq!(printable_json("\"\u{9b}\u{202e}é\""), "\"\\u009b\\u202eé\"");
        assert!(is_plain("STR-REV") && !is_plain("a\u{202e}b") && !is_plain("a b") && !is_plain(""));
    }
}
