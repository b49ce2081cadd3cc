//! A text into another of the same meaning, in one pass: checked as `json_decode` checks it, without blanks, and never
//! a tree.

use serde_json::Value;
use thiserror::Error;

use super::decode::integer;
use super::scan::{Malformed, Scanner, Token, unescaped};
use super::{Style, decode, write_float, write_string};

/// Why a text has no other.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TextError {
    /// It is not JSON, or not to PHP: nested beyond 511, a name that begins with U+0000, a number beyond a double.
    #[error("not JSON at byte {at}")]
    Malformed {
        /// Where it stops making sense.
        at: usize,
    },
    /// The other would have more bytes than are allowed.
    #[error("more than {0} bytes of JSON")]
    TooLong(usize),
}

/// Appends a text without its blanks to `out`, which may have `max` bytes then. Strings and numbers stay as they are,
/// digit by digit; so do names that come twice.
///
/// # Errors
///
/// As [`TextError`]; `out` is then left with a beginning.
pub fn compact(text: &[u8], out: &mut Vec<u8>, max: usize) -> Result<(), TextError> {
    let mut scanner = Scanner::new(text)?;
    let mut writer = Writer::new(out, max, Form::AsWritten);
    while let Some(token) = scanner.next()? {
        writer.put(token)?;
    }
    Ok(())
}

/// What [`object`] found among the members.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// Whether there is any beside those that were taken out.
    pub any: bool,
    /// The value of the member that was asked for, if it is a string. It stays where it is.
    pub seen: Option<String>,
    /// The value of the member that was to be taken out.
    pub taken: Option<Value>,
}

/// Appends what `json_encode((object) json_decode($text))` is to `out`, which may have `max` bytes then: an object
/// whose strings and numbers are as PHP writes them. An array becomes one with its indices for names; of a scalar
/// nothing is written, and `None` comes back. A name that comes twice stays twice.
///
/// The value of the member `see` is told; the member `take` is left out, and told.
///
/// # Errors
///
/// As [`TextError`]; `out` is then left with a beginning.
pub fn object(
    text: &[u8],
    out: &mut Vec<u8>,
    max: usize,
    see: &str,
    take: &str,
) -> Result<Option<Members>, TextError> {
    let mut scanner = Scanner::new(text)?;
    let mut writer = Writer::new(out, max, Form::AsPhp);
    let list = match scanner.next()? {
        Some(Token::BeginArray) => true,
        Some(Token::BeginObject) => false,
        Some(_) => return ended(&mut scanner).map(|()| None),
        None => return Ok(None),
    };
    writer.put(Token::BeginObject)?;
    let mut members = Members::default();
    for index in 0_usize.. {
        let Some(token) = scanner.next()? else { break };
        if scanner.depth() == 0 {
            writer.put(Token::EndObject)?;
            continue;
        }
        let before = writer.mark();
        let (name, first) = match (list, token) {
            (true, first) => (index.to_string().into(), first),
            (false, Token::Key(name)) => (unescaped(name), scanner.next()?.unwrap_or(Token::Null)),
            (false, _) => return Err(TextError::Malformed { at: 0 }),
        };
        writer.name(&name)?;
        let start = writer.out.len();
        member(&mut scanner, &mut writer, first)?;
        if name == see {
            members.seen = match first {
                Token::String(text) => Some(unescaped(text).into_owned()),
                _ => None,
            };
        }
        if name == take {
            members.taken = decode(&writer.out[start..]);
            writer.back_to(before);
            continue;
        }
        members.any = true;
    }
    Ok(Some(members))
}

/// Writes the value of a member, whose first token is `first`.
fn member<'a>(scanner: &mut Scanner<'a>, writer: &mut Writer<'_>, first: Token<'a>) -> Result<(), TextError> {
    writer.put(first)?;
    while scanner.depth() > 1 {
        let Some(token) = scanner.next()? else { break };
        writer.put(token)?;
    }
    Ok(())
}

fn ended(scanner: &mut Scanner<'_>) -> Result<(), TextError> {
    match scanner.next()? {
        None => Ok(()),
        Some(_) => Err(TextError::Malformed { at: 0 }),
    }
}

impl From<Malformed> for TextError {
    fn from(Malformed(at): Malformed) -> Self {
        Self::Malformed { at }
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    AsWritten,
    AsPhp,
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    max: usize,
    form: Form,
    /// Whether a value stands before what comes next in the same array or object.
    comma: bool,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut Vec<u8>, max: usize, form: Form) -> Self {
        Self { out, max, form, comma: false }
    }

    fn put(&mut self, token: Token<'_>) -> Result<(), TextError> {
        let ends = matches!(token, Token::EndArray | Token::EndObject);
        if self.comma && !ends {
            self.out.push(b',');
        }
        self.comma = !matches!(token, Token::BeginArray | Token::BeginObject | Token::Key(_));
        match token {
            Token::BeginArray => self.out.push(b'['),
            Token::EndArray => self.out.push(b']'),
            Token::BeginObject => self.out.push(b'{'),
            Token::EndObject => self.out.push(b'}'),
            Token::Key(name) => {
                self.string(name);
                self.out.push(b':');
            }
            Token::String(text) => self.string(text),
            Token::Number(text) => self.number(text)?,
            Token::Bool(true) => self.out.extend_from_slice(b"true"),
            Token::Bool(false) => self.out.extend_from_slice(b"false"),
            Token::Null => self.out.extend_from_slice(b"null"),
        }
        self.check()
    }

    /// A member's name that is no token.
    fn name(&mut self, name: &str) -> Result<(), TextError> {
        if std::mem::take(&mut self.comma) {
            self.out.push(b',');
        }
        write_string(name, self.out);
        self.out.push(b':');
        self.check()
    }

    fn string(&mut self, raw: &str) {
        match self.form {
            Form::AsPhp => write_string(&unescaped(raw), self.out),
            Form::AsWritten => {
                self.out.push(b'"');
                self.out.extend_from_slice(raw.as_bytes());
                self.out.push(b'"');
            }
        }
    }

    fn number(&mut self, text: &str) -> Result<(), TextError> {
        if let (Form::AsPhp, Some(integer)) = (self.form, integer(text)) {
            self.out.extend_from_slice(integer.to_string().as_bytes());
            return Ok(());
        }
        let value: f64 = text.parse().unwrap_or(f64::INFINITY);
        if !value.is_finite() {
            return Err(TextError::Malformed { at: 0 });
        }
        match self.form {
            Form::AsPhp => write_float(value, Style::default(), self.out),
            Form::AsWritten => self.out.extend_from_slice(text.as_bytes()),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TextError> {
        if self.out.len() > self.max { Err(TextError::TooLong(self.max)) } else { Ok(()) }
    }

    fn mark(&self) -> (usize, bool) {
        (self.out.len(), self.comma)
    }

    fn back_to(&mut self, (len, comma): (usize, bool)) {
        self.out.truncate(len);
        self.comma = comma;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::encode;
    use super::*;

    fn compacted(text: &str) -> Result<String, TextError> {
        let mut out = Vec::new();
        compact(text.as_bytes(), &mut out, 1_000)?;
        Ok(String::from_utf8(out).expect("text of text"))
    }

    fn as_object(text: &str) -> Result<Option<(String, Members)>, TextError> {
        let mut out = Vec::new();
        let members = object(text.as_bytes(), &mut out, 1_000, "jsonp", "_timeout")?;
        Ok(members.map(|members| (String::from_utf8(out).expect("ASCII"), members)))
    }

    #[test]
    fn numbers_and_strings_keep_their_digits_and_letters() {
        let text = " { \"a\" : [ 437742.85714285716 , 6.66782e+30, -0.0,1.0, 123456789012345678901234567890 ] ,\n\
                    \"b\":\"\\/\u{fc}\\u00fc\" , \"c\":{ }, \"d\":[ ] , \"e\" : [true,false,null] } ";
        assert_eq!(
            compacted(text).as_deref(),
            Ok("{\"a\":[437742.85714285716,6.66782e+30,-0.0,1.0,123456789012345678901234567890],\
                \"b\":\"\\/\u{fc}\\u00fc\",\"c\":{},\"d\":[],\"e\":[true,false,null]}")
        );
    }

    #[test]
    fn objects_are_as_php_writes_them() {
        let text = "{\"a\":[437742.85714285716,6.66782e+30,-0.0,-0,1.0,1e400]}";
        assert!(matches!(as_object(text), Err(TextError::Malformed { .. })));
        let text = "{\"a\":[437742.85714285716,6.66782e+30,-0.0,-0,1.0],\"b\":\"/\u{fc}\"}";
        let (out, members) = as_object(text).expect("JSON").expect("an object");
        assert_eq!(out, r#"{"a":[437742.85714285716,6.66782e+30,-0,0,1],"b":"\/\u00fc"}"#);
        assert_eq!(members, Members { any: true, ..Members::default() });
    }

    #[test]
    fn arrays_become_objects_and_scalars_nothing() {
        let (out, _) = as_object("[[1],{},\"a\"]").expect("JSON").expect("an array");
        assert_eq!(out, r#"{"0":[1],"1":{},"2":"a"}"#);
        let (out, members) = as_object("[]").expect("JSON").expect("an array");
        assert_eq!((out.as_str(), members.any), ("{}", false));
        assert_eq!(as_object("5"), Ok(None));
        assert!(as_object("5 5").is_err());
    }

    #[test]
    fn members_are_seen_and_taken_out_wherever_they_stand() {
        let cases = [
            (r#"{"_timeout":1.5,"a":1,"jsonp":"cb"}"#, r#"{"a":1,"jsonp":"cb"}"#, json!(1.5), Some("cb")),
            (r#"{"a":1,"_timeout":{"a":[]}}"#, r#"{"a":1}"#, json!({"a": []}), None),
            (r#"{"_time\u006fut":"2"}"#, "{}", json!("2"), None),
            (
                r#"{"a":{"_timeout":1,"jsonp":"x"},"jsonp":1}"#,
                r#"{"a":{"_timeout":1,"jsonp":"x"},"jsonp":1}"#,
                json!(null),
                None,
            ),
        ];
        for (text, expected, taken, seen) in cases {
            let (out, members) = as_object(text).expect("JSON").expect("an object");
            assert_eq!(out, expected);
            assert_eq!(members.taken.unwrap_or_default(), taken, "{text}");
            assert_eq!(members.seen.as_deref(), seen, "{text}");
            assert_eq!(members.any, expected != "{}", "{text}");
        }
    }

    #[test]
    fn what_would_be_too_long_is_refused_on_the_way() {
        let text = format!("[{}1]", "1,".repeat(600));
        assert_eq!(compacted(&text), Err(TextError::TooLong(1_000)));
        assert_eq!(as_object(&text), Err(TextError::TooLong(1_000)));
    }

    proptest! {
        /// The tree that another reader makes of the text is the same, and so is PHP's way of writing it.
        #[test]
        fn texts_mean_what_they_meant(text in "[\\[\\]{}\",:\\\\tu0-9eE.\\- ]{0,40}") {
            let (mut out, tree) = (Vec::new(), decode(text.as_bytes()));
            prop_assert_eq!(compact(text.as_bytes(), &mut out, 1_000).is_ok(), tree.is_some());
            let Some(tree) = tree else { return Ok(()) };
            prop_assert_eq!(decode(&out), Some(tree.clone()));
            if let Some((out, _)) = as_object(&text).expect("JSON")
                && let Some(map) = tree.as_object()
                && out.matches("\":").count() == encode(&tree).windows(2).filter(|two| two == b"\":").count()
                && !map.is_empty()
            {
                prop_assert_eq!(out.into_bytes(), encode(&tree));
            }
        }
    }
}
