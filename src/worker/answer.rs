//! What a job's function gives back, and the frames it becomes.
//!
//! The conversions are those of the PHP worker's `return` (original.md §2.4, "Return value → wire").
//! | returned | zmws | Majordomo |
//! |---|---|---|
//! | nothing, `None`, `true`, JSON `null` or `true` | `COMPLETE: <id>` without a value | an empty body |
//! | text, number, JSON | `PARAM-JSON: <json>`, `COMPLETE: <id>` | the JSON alone |
//! | `Err`, a panic | `PARAM-JSON: <reason>`, `FAIL: <id>` | `FAIL: <service>` as the body |
//! | `false`, JSON `false` | `FAIL: <id>` | the same |

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use crate::job::Body;
use crate::message::{Dialect, Outcome};
use crate::params::{json, tag};

/// How a job ended.
///
/// Made from what a function returns: `()`, `bool`, text, numbers, [`serde_json::Value`], [`Json`],
/// and `Option` and `Result` of these.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Done; there is no value.
    Nothing,
    /// Done; this is the value, `true` and `false` too. JSON `null` is no value.
    Value(Value),
    /// Done; this is the value as the text of JSON, which goes out as it is: no number loses a digit. `null` is no value.
    JsonText(Bytes),
    /// Done; these are the value's frames, tag and all. zmws takes one frame, and the PHP broker of
    /// 2.x passes only frames that begin with `PARAM`.
    Frames(Body),
    /// Not done. The text says why: it goes to the log and, of zmws, to the client, as a JSON string of at most 1,000
    /// bytes; Majordomo has no place for it.
    Failed(String),
    /// Not done, and another worker may try: the connection is closed and made anew, whereupon our
    /// broker gives the job to the next worker at once (up to its limit of attempts), upstream's when
    /// the old identity has been silent for long enough. At a Majordomo broker the job is lost.
    GiveBack,
}

/// Any value that serde can write, as the value of a job.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl Answer {
    /// Outcome and body as they go to the broker; `None` for [`Answer::GiveBack`].
    pub(crate) fn into_outcome(self, dialect: Dialect) -> Option<(Outcome, Body)> {
        match self {
            Self::Nothing => Some((Outcome::Complete, Body::EMPTY)),
            Self::Value(value) => Some((Outcome::Complete, value_body(&value, dialect))),
            Self::Frames(body) => Some((Outcome::Complete, body)),
            Self::JsonText(json) => Some((Outcome::Complete, text_body(&json, dialect))),
            Self::Failed(reason) => Some((Outcome::Fail, reason_body(&reason, dialect))),
            Self::GiveBack => None,
        }
    }
}

/// The body of a value: tagged for zmws, plain JSON for Majordomo, empty for `null`.
pub(crate) fn value_body(value: &Value, dialect: Dialect) -> Body {
    match dialect {
        _ if value.is_null() => Body::EMPTY,
        Dialect::Zmws1 | Dialect::Zmws2 => Body::One(tag::json_frame(value)),
        Dialect::Mdp01 | Dialect::Mdp02 => Body::One(Bytes::from(json::encode(value))),
    }
}

/// The body of a value that is the text of JSON.
pub(crate) fn text_body(json: &[u8], dialect: Dialect) -> Body {
    match (json.trim_ascii(), dialect) {
        (b"null", _) => Body::EMPTY,
        (json, Dialect::Zmws1 | Dialect::Zmws2) => Body::One(tag::json_text_frame(json)),
        (json, Dialect::Mdp01 | Dialect::Mdp02) => Body::One(Bytes::copy_from_slice(json)),
    }
}

/// Why a job failed, where there is a place for it.
fn reason_body(reason: &str, dialect: Dialect) -> Body {
    let mut end = reason.len().min(REASON_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    match dialect {
        _ if reason.is_empty() => Body::EMPTY,
        Dialect::Zmws1 | Dialect::Zmws2 => value_body(&reason[..end].into(), dialect),
        Dialect::Mdp01 | Dialect::Mdp02 => Body::EMPTY,
    }
}

/// Bytes of a reason that a client is told.
const REASON_MAX: usize = 1_000;

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Nothing
    }
}

impl From<bool> for Answer {
    fn from(done: bool) -> Self {
        match done {
            true => Self::Nothing,
            // As from the PHP worker: there is no reason.
            false => Self::Failed(String::new()),
        }
    }
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            Value::Bool(done) => done.into(),
            value => Self::Value(value),
        }
    }
}

impl<T: Serialize> From<Json<T>> for Answer {
    fn from(Json(value): Json<T>) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => Self::Value(value),
            Err(error) => Self::Failed(format!("the value is no JSON: {error}")),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Answer {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

impl<T: Into<Self>, E: fmt::Display> From<Result<T, E>> for Answer {
    fn from(result: Result<T, E>) -> Self {
        result.map_or_else(|error| Self::Failed(error.to_string()), Into::into)
    }
}

macro_rules! values {
    ($($kind:ty),*) => {$(
        impl From<$kind> for Answer {
            fn from(value: $kind) -> Self {
                Self::Value(value.into())
            }
        }
    )*};
}
values!(String, &str, i32, i64, u32, u64, usize, f64, Vec<Value>, serde_json::Map<String, Value>);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wire(answer: impl Into<Answer>) -> String {
        let Some((outcome, body)) = answer.into().into_outcome(Dialect::Zmws1) else { return "-".into() };
        format!("{outcome:?} {}", String::from_utf8_lossy(body.first()))
    }

    /// `1.0.0/sync-returns`.
    #[test]
    fn what_is_returned_goes_out_as_from_the_php_worker() {
        assert_eq!(wire("a/ü"), r#"Complete PARAM-JSON: "a\/\u00fc""#);
        assert_eq!(wire(""), r#"Complete PARAM-JSON: """#);
        assert_eq!(wire(7), "Complete PARAM-JSON: 7");
        assert_eq!(wire(1.0), "Complete PARAM-JSON: 1");
        assert_eq!(wire(json!([])), "Complete PARAM-JSON: []");
        assert_eq!(wire(()), "Complete ");
        assert_eq!(wire(json!(null)), "Complete ");
        assert_eq!(wire(json!(true)), "Complete ");
        assert_eq!(wire(true), "Complete ");
        assert_eq!(wire(false), "Fail ");
        assert_eq!(wire(json!(false)), "Fail ");
        assert_eq!(wire(Err::<(), _>("no")), r#"Fail PARAM-JSON: "no""#);
        assert_eq!(wire(Some("x")), r#"Complete PARAM-JSON: "x""#);
        assert_eq!(wire(Json([1, 2])), "Complete PARAM-JSON: [1,2]");
    }

    #[test]
    fn an_answer_with_the_value_false_is_that_value() {
        assert_eq!(wire(Answer::Value(json!(false))), "Complete PARAM-JSON: false");
    }

    #[test]
    fn text_of_json_goes_out_to_the_byte() {
        for text in ["437742.85714285716", "6.66782e+30", "-0.0", r#"{"a": 1.10, "b":"é/"}"#] {
            let answer = Answer::JsonText(Bytes::from_static(text.as_bytes()));
            assert_eq!(wire(answer), format!("Complete PARAM-JSON: {text}"));
        }
        assert_eq!(wire(Answer::JsonText(Bytes::from_static(b" null\n"))), "Complete ");
    }

    #[test]
    fn a_reason_is_cut_between_two_letters() {
        let reason = wire(Answer::Failed(format!("{}é", "x".repeat(999))));
        assert_eq!(reason, format!(r#"Fail PARAM-JSON: "{}""#, "x".repeat(999)));
    }

    #[test]
    fn majordomo_gets_values_without_a_tag() {
        let (_, body) = Answer::from("a").into_outcome(Dialect::Mdp02).expect("not given back");
        assert_eq!(body, Body::One(Bytes::from_static(b"\"a\"")));
    }
}
