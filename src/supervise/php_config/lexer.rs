//! Bytes to tokens, one at a time, so that what is wrong first is found first.

use super::fault::Fault;
use super::literal::{self, Part};

/// A piece of PHP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// What it is.
    pub(super) kind: Kind,
    /// The line on which it begins, from 1.
    pub(super) line: usize,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `$name`, without the dollar.
    Variable(Vec<u8>),
    /// A keyword, or the name of a constant or a function.
    Name(Vec<u8>),
    Int(i64),
    Float(f64),
    /// A string without variables.
    Text(Vec<u8>),
    /// A string with variables.
    Template(Vec<Part>),
    /// An operator or a bracket. `?>` is a `;`.
    Symbol(&'static str),
    /// The file's end.
    End,
}

/// A fault and its line.
pub(super) type Located = (usize, Fault);

/// The longer before those that they begin with.
const SYMBOLS: [&str; 60] = [
    "<<<", "===", "!==", "<=>", "**=", "...", "<<=", ">>=", "??=", "?->", "=>", "==", "!=", "<>", "<=", ">=",
    "&&", "||", "??", "->", "::", "++", "--", "**", "<<", ">>", ".=", "+=", "-=", "*=", "/=", "%=", "&=",
    "|=", "^=", "(", ")", "[", "]", "{", "}", ",", ";", "=", ".", "+", "-", "*", "/", "!", "@", "?", ":",
    "&", "|", "~", "^", "%", "<", ">",
];

/// Reads tokens.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
    /// Lines on which text stands that PHP prints.
    pub(super) printed: Vec<usize>,
}

impl<'a> Lexer<'a> {
    /// Reads `text` from its beginning. A byte order mark is passed over.
    pub(super) fn new(text: &'a [u8]) -> Result<Self, Located> {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let mut lexer = Self { text, at, line: 1, printed: Vec::new() };
        lexer.skip_page()?;
        Ok(lexer)
    }

    /// The next token.
    pub(super) fn token(&mut self) -> Result<Token, Located> {
        self.skip_blanks()?;
        let line = self.line;
        let kind = match self.text[self.at..].starts_with(b"?>") {
            true => self.leave()?,
            false => self.kind().map_err(|fault| (line, fault))?,
        };
        Ok(Token { kind, line })
    }

    /// Passes over `?>`, the line's end right behind it, and the text up to the next tag.
    fn leave(&mut self) -> Result<Kind, Located> {
        self.pass(2);
        match self.text[self.at..] {
            [b'\r', b'\n', ..] => self.pass(2),
            [b'\n' | b'\r', ..] => self.pass(1),
            _ => {}
        }
        self.skip_page()?;
        Ok(Kind::Symbol(";"))
    }

    fn kind(&mut self) -> Result<Kind, Fault> {
        let rest = &self.text[self.at..];
        match *rest {
            [] => Ok(Kind::End),
            [b'$', first, ..] if is_name_start(first) => {
                let name = name_at(&rest[1..]).to_vec();
                self.pass(1 + name.len());
                Ok(Kind::Variable(name))
            }
            [first, ..] if is_name_start(first) => {
                let name = name_at(rest).to_vec();
                self.pass(name.len());
                Ok(Kind::Name(name))
            }
            [b'0'..=b'9', ..] | [b'.', b'0'..=b'9', ..] => self.taken(literal::number(rest)),
            [b'\'', ..] => self.taken(literal::single_quoted(rest)),
            [b'"', ..] => self.taken(literal::double_quoted(rest)),
            [other, ..] => self.symbol(other),
        }
    }

    fn symbol(&mut self, first: u8) -> Result<Kind, Fault> {
        let rest = &self.text[self.at..];
        match SYMBOLS.iter().find(|symbol| rest.starts_with(symbol.as_bytes())) {
            Some(symbol) => {
                self.pass(symbol.len());
                Ok(Kind::Symbol(symbol))
            }
            None if first == b'`' => Err(Fault::code("backticks")),
            None if first == b'\\' => Err(Fault::code("a name with a namespace")),
            None if first == b'$' => Err(Fault::code("a variable variable")),
            None => Err(Fault::Mistake(format!("PHP has no use for the character {:?}", char::from(first)))),
        }
    }

    /// Passes over what a literal took.
    fn taken(&mut self, literal: Result<(Kind, usize), Fault>) -> Result<Kind, Fault> {
        let (kind, length) = literal?;
        self.pass(length);
        Ok(kind)
    }

    /// Passes over bytes, and counts their lines: LF, CR LF and CR alone end one.
    fn pass(&mut self, length: usize) {
        let end = self.at + length;
        let ends_line = |at: &usize| match self.text[*at] {
            b'\n' => true,
            b'\r' => self.text.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        self.line += (self.at..end).filter(ends_line).count();
        self.at = end;
    }

    /// Passes over white space and comments.
    fn skip_blanks(&mut self) -> Result<(), Located> {
        loop {
            let rest = &self.text[self.at..];
            match *rest {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.pass(1),
                [b'#', b'[', ..] => return Err((self.line, Fault::code("an attribute"))),
                [b'#', ..] | [b'/', b'/', ..] => self.pass(comment_length(rest)),
                [b'/', b'*', ..] => match find(&rest[2..], b"*/") {
                    Some(length) => self.pass(2 + length + 2),
                    None => return Err((self.line, Fault::Unfinished("a comment"))),
                },
                _ => return Ok(()),
            }
        }
    }

    /// Passes over text outside of PHP, up to behind `<?php` or to the file's end.
    fn skip_page(&mut self) -> Result<(), Located> {
        let rest = &self.text[self.at..];
        let length = find(rest, b"<?").unwrap_or(rest.len());
        if length > 0 {
            self.printed.push(self.line);
        }
        self.pass(length);
        let tag = &self.text[self.at..];
        if tag.is_empty() {
            return Ok(());
        }
        let is_whole = tag.get(5).is_none_or(|byte| b" \t\r\n".contains(byte));
        if tag.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case(b"<?php")) && is_whole {
            self.pass(5);
            return Ok(());
        }
        let what = "a tag that is not <?php: what PHP makes of it depends on its settings";
        Err((self.line, Fault::Mistake(what.to_owned())))
    }
}

/// A comment of one line ends before the line's end or before `?>`.
fn comment_length(rest: &[u8]) -> usize {
    let ends = |at: &usize| matches!(rest[*at..], [b'\n' | b'\r', ..] | [b'?', b'>', ..]);
    (0..rest.len()).find(ends).unwrap_or(rest.len())
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// Whether a name may begin with this byte.
pub(super) fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

/// The name that a text begins with.
pub(super) fn name_at(text: &[u8]) -> &[u8] {
    let is_inside = |byte: &u8| is_name_start(*byte) || byte.is_ascii_digit();
    let length = text.iter().position(|byte| !is_inside(byte)).unwrap_or(text.len());
    &text[..length]
}

impl Kind {
    /// For an error: what was found.
    pub(super) fn shown(&self) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Self::Variable(name) => format!("${}", text(name)),
            Self::Name(name) => text(name),
            Self::Int(number) => format!("the number {number}"),
            Self::Float(number) => format!("the number {number}"),
            Self::Text(_) | Self::Template(_) => "a string".to_owned(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::End => "the file's end".to_owned(),
        }
    }
}
