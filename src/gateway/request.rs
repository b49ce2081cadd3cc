//! What an HTTP request asks for. Pure.
//!
//! Paths are read as original.md §6 has them, with one difference: names are percent-decoded, which
//! upstream never did. Parameters come from the query, else from the body.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::job::ServiceName;
use crate::memory::Charge;
use crate::message::{Mode, View};
use crate::params::array::Array;
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

/// A request's parameters: the frame that a worker gets, and what of them is the gateway's business.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params {
    frame: Bytes,
    jsonp: Option<String>,
    timeout: Option<Value>,
}

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
    /// A PHP value that JSON cannot hold, or that references make too large.
    #[error(transparent)]
    NoJson(#[from] php::JsonError),
    /// As JSON they have more bytes than a frame may have.
    #[error("the parameters have more than {0} bytes in JSON")]
    TooLarge(usize),
}

/// The parameter that asks for a time limit.
const TIMEOUT: &str = "_timeout";
/// The parameter that names a callback.
const JSONP: &str = "jsonp";
/// What stands in a frame before the JSON.
const TAG: &[u8] = b"PARAM-JSON: ";

impl Params {
    /// From the query, if anything is in it, else from the body: JSON, else a form. A body that
    /// says it is `multipart/form-data` or `application/vnd.php.serialized` is taken by its word. `max` is what the frame
    /// may have of bytes.
    ///
    /// # Errors
    ///
    /// The body is not what its type says, or holds more than is taken.
    pub fn read(
        query: Option<&str>,
        content_type: Option<&str>,
        body: &Bytes,
        max: usize,
    ) -> Result<Self, BadParams> {
        let from_query = form::parse(query.unwrap_or_default().as_bytes(), form::Limits::default());
        if !from_query.is_empty() {
            return Self::of_variables(from_query, max);
        }
        let kind = content_type.unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("multipart/form-data") {
            return Self::of_variables(uploaded(content_type.unwrap_or_default(), body)?, max);
        }
        if kind.eq_ignore_ascii_case("application/vnd.php.serialized") {
            let json = php::decode(body.clone())?.to_json()?;
            return Self::of_json(&json, max).map(Option::unwrap_or_default);
        }
        match Self::of_json(body, max)? {
            Some(params) if body.trim_ascii() != b"null" => Ok(params),
            Some(_) | None => Self::of_variables(form::parse(body, form::Limits::default()), max),
        }
    }

    /// The tree of a form is as small as its limits, and is gone when its frame is made.
    fn of_variables(variables: Array<form::Node>, max: usize) -> Result<Self, BadParams> {
        let mut value = form::to_json(variables);
        let map = value.as_object_mut();
        let timeout = map.and_then(|map| map.shift_remove(TIMEOUT));
        let jsonp = value.get(JSONP).and_then(Value::as_str).map(str::to_owned);
        let is_empty = value.as_object().is_none_or(Map::is_empty);
        let frame = if is_empty { Bytes::new() } else { tag::json_frame(&value) };
        if frame.len() > max {
            return Err(BadParams::TooLarge(max));
        }
        Ok(Self { frame, jsonp, timeout })
    }

    /// The members of a JSON text in PHP's way of writing it; of a scalar none, as PHP has it. `None`: it is no JSON.
    fn of_json(text: &[u8], max: usize) -> Result<Option<Self>, BadParams> {
        let mut frame = Vec::with_capacity(TAG.len() + text.len());
        frame.extend_from_slice(TAG);
        match json::object(text, &mut frame, max, JSONP, TIMEOUT) {
            Ok(Some(members)) => {
                frame.shrink_to_fit();
                let frame = if members.any { Bytes::from(frame) } else { Bytes::new() };
                Ok(Some(Self { frame, jsonp: members.seen, timeout: members.taken }))
            }
            Ok(None) => Ok(Some(Self::default())),
            Err(json::TextError::TooLong(max)) => Err(BadParams::TooLarge(max)),
            Err(json::TextError::Malformed { .. }) => Ok(None),
        }
    }

    /// The same, with what the frame weighs held for as long as its bytes are there.
    #[must_use]
    pub(crate) fn held(mut self, mut charge: Charge) -> Self {
        charge.set(self.frame.len());
        self.frame = charge.around(self.frame);
        self
    }

    /// The one frame that the worker gets; `None` if there are no parameters.
    pub fn frame(&self) -> Option<Bytes> {
        (!self.frame.is_empty()).then(|| self.frame.clone())
    }

    /// Takes the frame out, so that it is gone when whoever has it is done with it.
    pub fn take_frame(&mut self) -> Option<Bytes> {
        Some(std::mem::take(&mut self.frame)).filter(|frame| !frame.is_empty())
    }

    /// The name of a JSONP callback, if one is asked for.
    pub fn jsonp(&self) -> Option<&str> {
        self.jsonp.as_deref().filter(|name| !name.is_empty())
    }

    /// `_timeout`, which is not in the frame.
    pub fn timeout(&self) -> Option<&Value> {
        self.timeout.as_ref()
    }
}

/// Files in it become objects with name, type and data, in base64. They are bounded by the body.
fn uploaded(content_type: &str, body: &Bytes) -> Result<Array<form::Node>, BadParams> {
    let boundary = multipart::boundary(content_type.as_bytes()).ok_or(BadParams::NoBoundary)?;
    let limits = multipart::Limits { file_bytes_max: usize::MAX, ..multipart::Limits::default() };
    Ok(multipart::parse(body, &boundary, limits)?)
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
