//! Bytes as text and back: each byte is the character of its number.

use bytes::Bytes;

/// The text of `bytes`.
pub fn to_text(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The bytes of `text`; `None` if it has a character past U+00FF.
pub fn to_bytes(text: &str) -> Option<Bytes> {
    if text.is_ascii() {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect::<Option<Vec<u8>>>().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(to_bytes(&to_text(&all)).as_deref(), Some(&all[..]));
    }

    #[test]
    fn a_character_past_255_is_no_byte() {
        assert_eq!(to_bytes("a\u{100}"), None);
    }
}
