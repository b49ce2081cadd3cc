//! JSON's grammar as `json_decode` has it: tokens out of a text, without a tree and without recursion.
//!
//! Whoever makes something of a text (a tree, another text) reads its tokens here, so that all of them take and refuse
//! the same texts.

use std::borrow::Cow;

/// The deepest nesting of arrays and objects that `json_decode` takes with its usual depth of 512.
pub(super) const DEPTH_MAX: usize = 511;

/// A piece of a text. Texts are as they stand there, escapes and all.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Token<'a> {
    /// `[`
    BeginArray,
    /// `]`
    EndArray,
    /// `{`
    BeginObject,
    /// `}`
    EndObject,
    /// A member's name, without its quotes.
    Key(&'a str),
    /// A string, without its quotes.
    String(&'a str),
    /// A number.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`
    Null,
}

/// Where a text stops being JSON, in bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed(pub(super) usize);

/// Reads a text from its beginning to its end.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// What is open: `true` for an object.
    open: Vec<bool>,
    expected: Expected,
}

/// What may come next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Expected {
    Value,
    /// A value, or the end of the array that has just begun.
    FirstItem,
    /// A member, or the end of the object that has just begun.
    FirstMember,
    /// A comma, or the end of what is open.
    Rest,
    /// Blanks.
    End,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(text).map_err(|error| Malformed(error.valid_up_to()))?;
        Ok(Self { text, at: 0, open: Vec::new(), expected: Expected::Value })
    }

    /// Arrays and objects that are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next token; `None` at the end of a text that is JSON.
    pub(super) fn next(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        self.skip_blanks();
        let expected = self.expected;
        match expected {
            Expected::End if self.at == self.text.len() => Ok(None),
            Expected::End => Err(self.malformed()),
            Expected::FirstItem if self.take_if(b']') => self.close(Token::EndArray),
            Expected::FirstMember if self.take_if(b'}') => self.close(Token::EndObject),
            Expected::Value | Expected::FirstItem => self.value(),
            Expected::FirstMember => self.key(),
            Expected::Rest => self.rest(),
        }
    }

    fn rest(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        let in_object = self.open.last() == Some(&true);
        match (self.take(), in_object) {
            (Some(b','), false) => {
                self.skip_blanks();
                self.value()
            }
            (Some(b','), true) => {
                self.skip_blanks();
                self.key()
            }
            (Some(b']'), false) => self.close(Token::EndArray),
            (Some(b'}'), true) => self.close(Token::EndObject),
            _ => Err(self.malformed()),
        }
    }

    fn close(&mut self, token: Token<'a>) -> Result<Option<Token<'a>>, Malformed> {
        self.open.pop();
        self.done(token)
    }

    fn done(&mut self, token: Token<'a>) -> Result<Option<Token<'a>>, Malformed> {
        self.expected = if self.open.is_empty() { Expected::End } else { Expected::Rest };
        Ok(Some(token))
    }

    fn value(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        match self.peek() {
            Some(b'[') => self.begin(false, Expected::FirstItem, Token::BeginArray),
            Some(b'{') => self.begin(true, Expected::FirstMember, Token::BeginObject),
            Some(b'"') => {
                let text = self.string()?;
                self.done(Token::String(text))
            }
            Some(b'-' | b'0'..=b'9') => {
                let text = self.number()?;
                self.done(Token::Number(text))
            }
            Some(_) => {
                let word = self.word()?;
                self.done(word)
            }
            None => Err(self.malformed()),
        }
    }

    fn begin(
        &mut self,
        object: bool,
        expected: Expected,
        token: Token<'a>,
    ) -> Result<Option<Token<'a>>, Malformed> {
        if self.open.len() == DEPTH_MAX {
            return Err(self.malformed());
        }
        self.at += 1;
        self.open.push(object);
        self.expected = expected;
        Ok(Some(token))
    }

    fn key(&mut self) -> Result<Option<Token<'a>>, Malformed> {
        if self.peek() != Some(b'"') {
            return Err(self.malformed());
        }
        let key = self.string()?;
        self.skip_blanks();
        // PHP has no property of such a name.
        if key.starts_with("\\u0000") || !self.take_if(b':') {
            return Err(self.malformed());
        }
        self.expected = Expected::Value;
        Ok(Some(Token::Key(key)))
    }

    fn word(&mut self) -> Result<Token<'a>, Malformed> {
        let words = [("true", Token::Bool(true)), ("false", Token::Bool(false)), ("null", Token::Null)];
        let rest = &self.text.as_bytes()[self.at..];
        let found = words.into_iter().find(|(word, _)| rest.starts_with(word.as_bytes()));
        let (word, token) = found.ok_or_else(|| self.malformed())?;
        self.at += word.len();
        Ok(token)
    }

    fn number(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        self.take_if(b'-');
        if !self.take_if(b'0') {
            self.digits()?;
        }
        if self.take_if(b'.') {
            self.digits()?;
        }
        if self.take_if(b'e') || self.take_if(b'E') {
            let _sign = self.take_if(b'-') || self.take_if(b'+');
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let rest = &self.text.as_bytes()[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.malformed()) } else { Ok(()) }
    }

    /// Reads a string, whose opening quote is the next byte; what is between its quotes.
    fn string(&mut self) -> Result<&'a str, Malformed> {
        self.at += 1;
        let start = self.at;
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest.iter().position(|&byte| byte == b'"' || byte == b'\\' || byte < b' ');
            let Some(plain) = plain else { return Err(Malformed(self.text.len())) };
            self.at += plain + 1;
            match rest[plain] {
                b'"' => return Ok(&self.text[start..self.at - 1]),
                b'\\' => self.escape()?,
                _ => return Err(self.malformed()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), Malformed> {
        match self.take() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(()),
            Some(b'u') => self.utf16(),
            Some(_) | None => Err(self.malformed()),
        }
    }

    /// Halves of a pair are taken in pairs only.
    fn utf16(&mut self) -> Result<(), Malformed> {
        match self.hex4()? {
            0xD800..0xDC00 if self.take_if(b'\\') && self.take_if(b'u') => match self.hex4()? {
                0xDC00..0xE000 => Ok(()),
                _ => Err(self.malformed()),
            },
            0xD800..0xE000 => Err(self.malformed()),
            _ => Ok(()),
        }
    }

    fn hex4(&mut self) -> Result<u16, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or_else(|| self.malformed())?;
        self.at += 4;
        hex(digits).ok_or_else(|| self.malformed())
    }

    fn skip_blanks(&mut self) {
        let rest = &self.text.as_bytes()[self.at..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn take_if(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn malformed(&self) -> Malformed {
        Malformed(self.at)
    }
}

fn hex(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |unit, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(unit << 4 | digit as u16)
    })
}

/// What a string or a name of [`Token`] means.
pub(super) fn unescaped(raw: &str) -> Cow<'_, str> {
    let Some(first) = raw.find('\\') else { return Cow::Borrowed(raw) };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut rest = &raw[first..];
    while let Some(escape) = rest.strip_prefix('\\') {
        let (char, used) = unescaped_char(escape);
        out.push(char);
        rest = &escape[used..];
        let plain = rest.find('\\').unwrap_or(rest.len());
        out.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(out)
}

/// What stands behind a backslash: the character that it means, and its length.
fn unescaped_char(escape: &str) -> (char, usize) {
    let unit = |at: usize| escape.as_bytes().get(at..at + 4).and_then(hex).unwrap_or_default();
    let char = match escape.as_bytes().first() {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let (first, used) = (unit(1), 5);
            let units = [first, unit(used + 2)];
            return match char::from_u32(u32::from(first)) {
                Some(char) => (char, used),
                None => (char::decode_utf16(units).next().and_then(Result::ok).unwrap_or_default(), 11),
            };
        }
        Some(&byte) => char::from(byte),
        None => char::default(),
    };
    (char, 1)
}
