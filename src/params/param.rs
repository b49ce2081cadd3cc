//! A parameter, decoded: what a worker's function gets.

use bytes::Bytes;
use serde::Deserialize;

use super::tag::{self, BareParam, Tag};
use super::{json, php};

/// A parameter as the PHP worker would hand it to `work()`.
#[derive(Clone, Debug, PartialEq)]
pub enum Param {
    /// From a frame tagged as JSON. JSON that PHP does not take is `null`, as there.
    Json(serde_json::Value),
    /// From a frame tagged as PHP. What PHP does not take is `false`, as there.
    Php(php::Value),
    /// No parameter, or one whose coding is not known: an empty object.
    Empty,
}

/// How parameter frames are read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Options {
    /// What `PARAM: <php>` is.
    pub bare: BareParam,
    /// What serialized PHP may cost.
    pub php: php::Limits,
}

/// Why a parameter does not fit the type that a function wants.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct ParamError(String);

impl Param {
    /// Decodes a parameter frame, tag and all (original.md §2.4). Never fails: see the variants.
    pub fn decode(frame: &Bytes, options: Options) -> Self {
        let (tag, payload) = tag::split(frame, options.bare);
        match tag {
            Tag::Json => Self::Json(json::decode(&payload).unwrap_or_default()),
            Tag::Php => Self::Php(php::decode_with(payload, options.php).unwrap_or(php::Value::Bool(false))),
            Tag::None => Self::Empty,
        }
    }

    /// The frame that decodes to this parameter; an empty one for [`Param::Empty`].
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Json(value) => tag::json_frame(value),
            Self::Php(value) => tag::php_frame(&php::encode(value)),
            Self::Empty => Bytes::new(),
        }
    }

    /// The parameter as a `T`, whichever its coding.
    ///
    /// # Errors
    ///
    /// A [`ParamError`] that says what of the parameter does not fit.
    pub fn to<'de, T: Deserialize<'de>>(&'de self) -> Result<T, ParamError> {
        match self {
            Self::Json(value) => T::deserialize(value).map_err(|error| ParamError(error.to_string())),
            Self::Php(value) => php::from_value(value).map_err(|error| ParamError(error.to_string())),
            Self::Empty => {
                let nothing = serde::de::value::MapDeserializer::new(std::iter::empty::<((), ())>());
                T::deserialize(nothing)
                    .map_err(|error: serde::de::value::Error| ParamError(error.to_string()))
            }
        }
    }

    /// The bytes that `json_encode` makes of the parameter.
    ///
    /// # Errors
    ///
    /// As [`php::Value::to_json`].
    pub fn to_json(&self) -> Result<Vec<u8>, php::JsonError> {
        match self {
            Self::Json(value) => Ok(json::encode(value)),
            Self::Php(value) => value.to_json(),
            Self::Empty => Ok(b"{}".to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decoded(frame: &'static str) -> Param {
        Param::decode(&Bytes::from_static(frame.as_bytes()), Options::default())
    }

    #[test]
    fn parameters_are_what_the_php_worker_makes_of_them() {
        assert_eq!(decoded(r#"PARAM-JSON: {"a":[1]}"#), Param::Json(json!({"a": [1]})));
        assert_eq!(decoded("PARAM-JSON: garbage"), Param::Json(json!(null)));
        assert_eq!(decoded("PARAM-JSON:{}"), Param::Json(json!(null)));
        assert_eq!(decoded("PHP-PARAM: i:1;"), Param::Php(php::Value::Int(1)));
        assert_eq!(decoded("PARAM-PHP: garbage"), Param::Php(php::Value::Bool(false)));
        assert_eq!(decoded("PARAM: i:1;"), Param::Php(php::Value::Int(1)));
        assert_eq!(decoded("JSON: {}"), Param::Empty);
        assert_eq!(decoded(""), Param::Empty);
    }

    #[test]
    fn a_type_gets_the_same_from_either_coding() {
        #[derive(Debug, Deserialize, PartialEq)]
        struct Wanted<'a> {
            #[serde(default)]
            str: Option<&'a str>,
        }
        for frame in [r#"PARAM-JSON: {"str":"abc"}"#, r#"PARAM-PHP: a:1:{s:3:"str";s:3:"abc";}"#] {
            assert_eq!(decoded(frame).to::<Wanted<'_>>().expect("fits"), Wanted { str: Some("abc") });
        }
        assert_eq!(decoded("").to::<Wanted<'_>>().expect("fits"), Wanted { str: None });
        let error =
            decoded(r#"PARAM-JSON: {"str":5}"#).to::<Wanted<'_>>().expect_err("5 is no string").to_string();
        assert!(error.contains("integer `5`"), "{error}");
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        let frames = [r#"PARAM-JSON: {"a":"\/"}"#, "PARAM-PHP: a:1:{i:0;d:0.5;}", ""];
        for frame in frames {
            assert_eq!(decoded(frame).encode(), frame);
        }
        assert_eq!(decoded("PARAM-PHP: a:1:{i:0;d:1;}").to_json().expect("has JSON"), b"[1]");
    }
}
