//! `multipart/form-data` (RFC 7578): a web form with files.
//!
//! Fields go by the rules of [`query`]; a file becomes a [`File`]. The body is whole and in memory:
//! whoever reads it from a socket bounds its size. Files are slices of it, not copies.

use bytes::Bytes;
use thiserror::Error;

use super::array::Array;
use super::query::{self, File, Node};

/// What a form may hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Parts, fields and files together. Default 1 000. A form with more is refused.
    pub parts_max: usize,
    /// Bytes of one part's header lines. Default 8 192.
    pub head_bytes_max: usize,
    /// Bytes of one file. Default 8 MiB; in base64 it grows by a third.
    pub file_bytes_max: usize,
    /// How names become arrays.
    pub names: query::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parts_max: 1_000,
            head_bytes_max: 8 * 1024,
            file_bytes_max: 8 * 1024 * 1024,
            names: query::Limits::default(),
        }
    }
}

/// What is wrong with a form that a peer sent.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MultipartError {
    /// The first boundary is nowhere.
    #[error("no boundary in the form")]
    NoBoundary,
    /// The body ended within a part.
    #[error("the form ends within a part")]
    Truncated,
    /// A part without `Content-Disposition: form-data; name=…`.
    #[error("a part of the form has no name")]
    NoName,
    /// A part whose header is longer than [`Limits::head_bytes_max`].
    #[error("a part's header is longer than {0} bytes")]
    HeadTooLong(usize),
    /// More than [`Limits::parts_max`] parts.
    #[error("more than {0} parts in the form")]
    TooManyParts(usize),
    /// A file of more than [`Limits::file_bytes_max`] bytes.
    #[error("a file of more than {0} bytes")]
    FileTooLong(usize),
}

/// The boundary that a `Content-Type: multipart/form-data; boundary=…` names: 1 to 70 bytes,
/// RFC 2046 §5.1.1. `None` for other types.
pub fn boundary(content_type: &[u8]) -> Option<Vec<u8>> {
    let end = content_type.iter().position(|&byte| byte == b';')?;
    if !content_type[..end].trim_ascii().eq_ignore_ascii_case(b"multipart/form-data") {
        return None;
    }
    let boundary = parameter(&content_type[end..], b"boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

/// The fields and files of a form, in order, under their names as `parse_str` reads them.
///
/// A file field that was left empty (`filename=""`) is dropped. What stands before the first and
/// after the last boundary is ignored.
///
/// # Errors
///
/// A [`MultipartError`] for a form that breaks RFC 7578 or a limit; nothing of it is kept.
pub fn parse(body: &Bytes, boundary: &[u8], limits: Limits) -> Result<Array<Node>, MultipartError> {
    let delimiter = [b"--", boundary].concat();
    let mut at = match body.starts_with(&delimiter) {
        true => delimiter.len(),
        false => find_delimiter(body, 0, &delimiter).ok_or(MultipartError::NoBoundary)?.next,
    };
    let mut vars = Array::new();
    for parts in 0.. {
        if body[at..].starts_with(b"--") {
            return Ok(vars);
        }
        if parts == limits.parts_max {
            return Err(MultipartError::TooManyParts(limits.parts_max));
        }
        let start = line_end(body, at).ok_or(MultipartError::Truncated)?;
        let end =
            find_delimiter(body, start.saturating_sub(1), &delimiter).ok_or(MultipartError::Truncated)?;
        let part = Part::parse(body.slice(start..end.start.max(start)), limits)?;
        part.put(&mut vars, limits)?;
        at = end.next;
    }
    unreachable!("the loop ends by returning")
}

/// A delimiter: where the data before it ends, and what comes behind it.
struct Delimiter {
    start: usize,
    next: usize,
}

/// The next delimiter that begins a line, not before `from`.
fn find_delimiter(body: &[u8], from: usize, delimiter: &[u8]) -> Option<Delimiter> {
    let mut at = from;
    loop {
        let line = line_end(body, at)?;
        if body[line..].starts_with(delimiter) {
            let start = if line >= 2 && body[line - 2] == b'\r' { line - 2 } else { line - 1 };
            return Some(Delimiter { start, next: line + delimiter.len() });
        }
        at = line;
    }
}

/// Where the line that follows `at` begins.
fn line_end(body: &[u8], at: usize) -> Option<usize> {
    Some(at + body[at..].iter().position(|&byte| byte == b'\n')? + 1)
}

struct Part {
    name: Vec<u8>,
    /// `None` for a field that is no file.
    file_name: Option<Vec<u8>>,
    kind: Bytes,
    data: Bytes,
}

impl Part {
    fn parse(part: Bytes, limits: Limits) -> Result<Self, MultipartError> {
        let (mut disposition, mut kind) = (None, Bytes::new());
        let mut at = 0;
        loop {
            let end = line_end(&part, at).ok_or(MultipartError::Truncated)?;
            if end > limits.head_bytes_max {
                return Err(MultipartError::HeadTooLong(limits.head_bytes_max));
            }
            let line = part[at..end].trim_ascii();
            at = end;
            if line.is_empty() {
                break;
            }
            if let Some(value) = header(line, b"content-disposition") {
                disposition = Some(value.to_vec());
            } else if let Some(value) = header(line, b"content-type") {
                kind = Bytes::copy_from_slice(value);
            }
        }
        let disposition = disposition.ok_or(MultipartError::NoName)?;
        let name = parameter(&disposition, b"name").ok_or(MultipartError::NoName)?;
        let file_name = parameter(&disposition, b"filename");
        Ok(Self { name, file_name, kind, data: part.slice(at..) })
    }

    fn put(self, vars: &mut Array<Node>, limits: Limits) -> Result<(), MultipartError> {
        let node = match self.file_name {
            None => Node::Text(self.data),
            Some(name) if name.is_empty() => return Ok(()),
            Some(_) if self.data.len() > limits.file_bytes_max => {
                return Err(MultipartError::FileTooLong(limits.file_bytes_max));
            }
            Some(name) => Node::File(File { name: base_name(&name), kind: self.kind, data: self.data }),
        };
        query::insert(vars, &self.name, node, limits.names);
        Ok(())
    }
}

/// The value of a header line, if it is the header `name` (in lower case).
fn header<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    line[..colon].eq_ignore_ascii_case(name).then(|| line[colon + 1..].trim_ascii())
}

/// The parameter `name` behind a header's value: `; name=value` or `; name="va\"lue"`.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = value;
    loop {
        rest = &rest[rest.iter().position(|&byte| byte == b';')? + 1..];
        let equals = rest.iter().position(|&byte| byte == b'=' || byte == b';')?;
        if rest[equals] == b';' {
            continue;
        }
        let found = rest[..equals].trim_ascii().eq_ignore_ascii_case(name);
        let (value, behind) = parameter_value(rest[equals + 1..].trim_ascii_start());
        if found {
            return Some(value);
        }
        rest = behind;
    }
}

/// A parameter's value without its quotes, and what follows it.
fn parameter_value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|&byte| byte == b';').unwrap_or(text.len());
        return (text[..end].trim_ascii().to_vec(), &text[end..]);
    };
    let mut value = Vec::new();
    loop {
        match rest {
            [] => return (value, rest),
            [b'"', behind @ ..] => return (value, behind),
            // Only these two are escaped: old browsers send `C:\folder\file` as it is.
            [b'\\', escaped @ (b'"' | b'\\'), behind @ ..] => {
                value.push(*escaped);
                rest = behind;
            }
            [byte, behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
        }
    }
}

/// The last part of a path, whichever slashes it has.
fn base_name(path: &[u8]) -> Bytes {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    Bytes::copy_from_slice(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(body: &str) -> Result<String, MultipartError> {
        let body = Bytes::copy_from_slice(body.replace('\n', "\r\n").as_bytes());
        parse(&body, b"XX", Limits::default()).map(|vars| query::to_json(vars).to_string())
    }

    #[test]
    fn fields_and_files_come_under_the_names_that_php_would_give_them() {
        let body = r#"a preamble
--XX
Content-Disposition: form-data; name="a[x]"

one
two
--XX
content-disposition: form-data; filename="C:\dir\p\"ic.png"; name=pics[]
Content-Type: image/png

foo
--XX
Content-Disposition: form-data; name="none"; filename=""
Content-Type: application/octet-stream


--XX
Content-Disposition: form-data; name="e.mpty"


--XX--
an epilogue"#;
        assert_eq!(
            parsed(body).expect("a form"),
            r#"{"a":{"x":"one\r\ntwo"},"pics":[{"name":"p\"ic.png","type":"image/png","data":"Zm9v"}],"e_mpty":""}"#
        );
    }

    #[test]
    fn a_form_without_parts_is_empty() {
        assert_eq!(parsed("--XX--\n").expect("a form"), "{}");
    }

    #[test]
    fn broken_forms_are_refused() {
        assert_eq!(parsed(""), Err(MultipartError::NoBoundary));
        assert_eq!(parsed("--XX"), Err(MultipartError::Truncated));
        assert_eq!(
            parsed("--XX\nContent-Disposition: form-data; name=a\n\nx"),
            Err(MultipartError::Truncated)
        );
        assert_eq!(parsed("--XX\nContent-Disposition: form-data\n\nx\n--XX--"), Err(MultipartError::NoName));
        assert_eq!(parsed("--XX\nContent-Type: a/b\n\nx\n--XX--"), Err(MultipartError::NoName));
        assert_eq!(
            parsed("--XX\nContent-Disposition: form-data; name=a\n--XX--"),
            Err(MultipartError::Truncated)
        );
    }

    #[test]
    fn limits_are_kept() {
        let part = "--XX\nContent-Disposition: form-data; name=a; filename=b\n\nabc\n";
        let body = Bytes::from(part.repeat(3) + "--XX--");
        let limits = |parts_max, file_bytes_max| Limits { parts_max, file_bytes_max, ..Limits::default() };
        assert!(parse(&body, b"XX", limits(3, 3)).is_ok());
        assert_eq!(parse(&body, b"XX", limits(2, 3)), Err(MultipartError::TooManyParts(2)));
        assert_eq!(parse(&body, b"XX", limits(3, 2)), Err(MultipartError::FileTooLong(2)));
        let long = Bytes::from(format!("--XX\nX: {}\n\n\n--XX--", "x".repeat(9_000)));
        assert_eq!(parse(&long, b"XX", Limits::default()), Err(MultipartError::HeadTooLong(8_192)));
    }

    #[test]
    fn the_boundary_is_read_from_the_content_type() {
        let cases: [(&str, Option<&str>); 5] = [
            ("multipart/form-data; boundary=abc", Some("abc")),
            ("Multipart/Form-Data ; charset=utf-8; Boundary=\"a b;c\"; x=y", Some("a b;c")),
            ("multipart/mixed; boundary=abc", None),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
        ];
        for (content_type, expected) in cases {
            assert_eq!(
                boundary(content_type.as_bytes()).as_deref(),
                expected.map(str::as_bytes),
                "{content_type}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in "(--XX|-|\r\n|\n|[Cc]ontent-[Dd]isposition: form-data; name=|;|=|\"|\\\\|a\\[|\\]|filename=){0,30}") {
            let _any = parse(&Bytes::from(body), b"XX", Limits::default());
        }
    }
}
