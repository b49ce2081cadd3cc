//! What an HTTP request asks for. Pure.
//!
//! Paths are read as PROTOCOL.md §6 has them, with one difference: names are percent-decoded, which
//! upstream never did. Parameters come from the query, else from the body.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::job::ServiceName;
use crate::message::{Mode, View};
use crate::params::{json, multipart, php, query as form, tag};

/// What a path of the old kind names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// `/`: nothing.
    Nothing,
    /// `/favicon.ico`, which browsers ask for and no service is called.
    Favicon,
    /// A path that ends where the service should begin: `/SYNC-`.
    Nameless,
    /// A job.
    Job(ServiceName, Mode),
    /// `/SERVER-JOBS` and its kin.
    List(View),
}

/// Reads a path and query: leading slashes go, and what stands before `?` is the job, but that a
/// `?` in the first place is a part of it (`/?a=1` is the job `?a=1`).
pub fn target(path: &str, query: Option<&str>) -> Target {
    let path = path.trim_start_matches('/');
    match (path, query) {
        ("", None) => Target::Nothing,
        ("", Some(query)) => job(format!("?{query}").into_bytes()),
        ("favicon.ico", _) => Target::Favicon,
        (path, _) => job(percent_decode(path.as_bytes())),
    }
}

fn job(frame: Vec<u8>) -> Target {
    let name = frame.strip_prefix(b"JOB: ").unwrap_or(&frame);
    let (name, mode) = match name.strip_prefix(b"SYNC-") {
        Some(name) => (name, Mode::Wait),
        None => (name, Mode::Background),
    };
    match (name, ServiceName::new(Bytes::copy_from_slice(name))) {
        (b"SERVER-JOBS", _) => Target::List(View::Jobs),
        (b"SERVER-ACTIVE", _) => Target::List(View::Active),
        (b"SERVER-HIST", _) => Target::List(View::History),
        (b"SERVER-WORKERS", _) => Target::List(View::Workers),
        (_, Some(service)) => Target::Job(service, mode),
        (_, None) => Target::Nameless,
    }
}

/// Replaces `%XX`; what is no such thing stays as it is.
pub fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let escaped = match (first, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                decoded.push(high << 4 | low);
                rest = &after[2..];
            }
            None => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A request's parameters, in order: a JSON object.
#[derive(Clone, Debug, PartialEq)]
pub struct Params(Value);

/// Why a request has no parameters that could be sent on: they say of themselves what they are, and
/// are not, or hold more than is taken.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BadParams {
    /// A form whose type names no boundary.
    #[error("the form's type names no boundary")]
    NoBoundary,
    /// A form that cannot be read.
    #[error(transparent)]
    Form(#[from] multipart::MultipartError),
    /// PHP's serialization that is none.
    #[error(transparent)]
    Php(#[from] php::DecodeError),
    /// A PHP value that JSON cannot hold.
    #[error(transparent)]
    NoJson(#[from] php::JsonError),
}

impl Params {
    /// From the query, if anything is in it, else from the body: JSON, else a form. A body that
    /// says it is `multipart/form-data` or `application/vnd.php.serialized` is taken by its word.
    ///
    /// # Errors
    ///
    /// The body is not what its type says, or holds more than is taken.
    pub fn read(query: Option<&str>, content_type: Option<&str>, body: &Bytes) -> Result<Self, BadParams> {
        let from_query = variables(query.unwrap_or_default().as_bytes());
        if !from_query.is_empty() {
            return Ok(Self(Value::Object(from_query)));
        }
        let kind = content_type.unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let value = if kind.eq_ignore_ascii_case("multipart/form-data") {
            uploaded(content_type.unwrap_or_default(), body)?
        } else if kind.eq_ignore_ascii_case("application/vnd.php.serialized") {
            unserialized(body)?
        } else {
            match json::decode(body) {
                Some(value) if value != Value::Null => value,
                Some(_) | None => Value::Object(variables(body)),
            }
        };
        Ok(Self(Value::Object(object(value))))
    }

    /// The one frame that the worker gets; `None` if there are no parameters.
    pub fn frame(&self) -> Option<Bytes> {
        let is_empty = self.0.as_object().is_none_or(Map::is_empty);
        (!is_empty).then(|| tag::json_frame(&self.0))
    }

    /// The name of a JSONP callback, if one is asked for.
    pub fn jsonp(&self) -> Option<&str> {
        self.0.get("jsonp").and_then(Value::as_str).filter(|name| !name.is_empty())
    }

    /// Takes `_timeout` out: seconds, perhaps with a fraction.
    pub fn take_timeout(&mut self) -> Option<Value> {
        self.0.as_object_mut()?.shift_remove("_timeout")
    }
}

/// Files in it become objects with name, type and data, in base64. They are bounded by the body.
fn uploaded(content_type: &str, body: &Bytes) -> Result<Value, BadParams> {
    let boundary = multipart::boundary(content_type.as_bytes()).ok_or(BadParams::NoBoundary)?;
    let limits = multipart::Limits { file_bytes_max: usize::MAX, ..multipart::Limits::default() };
    Ok(form::to_json(multipart::parse(body, &boundary, limits)?))
}

fn unserialized(body: &Bytes) -> Result<Value, BadParams> {
    let json = php::decode(body.clone())?.to_json()?;
    Ok(json::decode(&json).unwrap_or_default())
}

fn variables(text: &[u8]) -> Map<String, Value> {
    object(form::to_json(form::parse(text, form::Limits::default())))
}

/// A JSON array becomes an object with its indices for names; a scalar is no parameters at all, as
/// PHP has it.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Array(list) => {
            list.into_iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Map::new(),
    }
}

/// Whether a JSONP callback is a name and no more: letters, digits, `_ . $ [ ]`.
pub fn is_callback(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.$[]".contains(c);
    !name.is_empty() && name.len() <= 256 && name.chars().all(allowed)
}

/// How the parts of a result are wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Delivery {
    /// The result alone, at once.
    Whole,
    /// `text/event-stream`: each part an event, the result the last.
    Events,
    /// `application/x-ndjson`: each part a line, the result the last.
    Lines,
}

/// Reads an Accept header: a stream is sent only if its type is named, never for `*/*`.
pub fn delivery(accept: &str) -> Delivery {
    let named = |wanted: &str| {
        accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default();
            kind.eq_ignore_ascii_case(wanted) && !parts.any(is_weight_zero)
        })
    };
    match (named("text/event-stream"), named("application/x-ndjson")) {
        (true, _) => Delivery::Events,
        (false, true) => Delivery::Lines,
        (false, false) => Delivery::Whole,
    }
}

fn is_weight_zero(part: &str) -> bool {
    let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
    weight.and_then(|weight| weight.trim().parse::<f32>().ok()).is_some_and(|weight| weight <= 0.0)
}
