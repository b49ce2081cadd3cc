//! A job as the function that does it sees it.

use std::fmt;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;

use super::answer::{text_body, value_body};
use super::cancel::Cancellation;
use super::session::Order;
use crate::job::{Body, JobId, ServiceName};
use crate::message::{Dialect, JobRef};
use crate::params::tag::{self, BareParam, Tag};
use crate::params::{self, Param, json, php};

/// One job: what is asked, and the way to send parts of the result ahead.
#[derive(Clone, Debug)]
pub struct Job {
    order: Order,
    service: ServiceName,
    dialect: Dialect,
    bare: BareParam,
    parts: mpsc::Sender<Body>,
    cancellation: Cancellation,
}

/// What a [`Job`] has from its worker.
pub(crate) struct Surroundings {
    pub(crate) service: ServiceName,
    pub(crate) dialect: Dialect,
    pub(crate) bare: BareParam,
    pub(crate) parts: mpsc::Sender<Body>,
    pub(crate) cancellation: Cancellation,
}

/// Why a parameter could not be read as what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ParamError {
    /// The payload behind a JSON tag is no JSON. A PHP worker gets `NULL`.
    #[error("the parameter is tagged as JSON and is none")]
    Json,
    /// The payload behind a PHP tag is no serialized value. A PHP worker gets `FALSE`.
    #[error("the parameter is tagged as PHP and cannot be read: {0}")]
    Php(#[from] php::DecodeError),
    /// It is a PHP value that JSON has no form for.
    #[error("the parameter has no JSON form: {0}")]
    NoJson(#[from] php::JsonError),
    /// It could be read, and is of another shape.
    #[error("the parameter has another shape: {0}")]
    Shape(#[from] params::ParamError),
}

/// The job is over, or its worker is: the part was not sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("nobody takes the part any more")]
pub struct NotTaken;

impl Job {
    pub(crate) fn new(order: Order, around: Surroundings) -> Self {
        let Surroundings { service, dialect, bare, parts, cancellation } = around;
        Self { order, service, dialect, bare, parts, cancellation }
    }

    /// The job's id; `None` at a foreign Majordomo broker, which has none.
    pub fn id(&self) -> Option<JobId> {
        match self.order.job {
            JobRef::Named(id) => Some(id),
            JobRef::Address(_) => None,
        }
    }

    /// What names the job in a log: its id, or `@` and the hexadecimal client address.
    pub fn label(&self) -> String {
        Label(&self.order.job).to_string()
    }

    /// The service the job is for.
    pub fn service(&self) -> &ServiceName {
        &self.service
    }

    /// The client's ZeroMQ identity, which only zmws 1 tells; else empty.
    pub fn client(&self) -> &Bytes {
        &self.order.client
    }

    /// The parameter as it came, tag and all. One frame in zmws, one or more in Majordomo.
    pub fn body(&self) -> &Body {
        &self.order.body
    }

    /// How the parameter is coded, and the coded bytes.
    pub fn payload(&self) -> (Tag, Bytes) {
        tag::split(self.order.body.first(), self.bare)
    }

    /// The parameter as JSON; of PHP's objects the public properties.
    ///
    /// A frame without a tag is an empty object in zmws, as for the PHP worker (original.md §2.4); in
    /// Majordomo, where tags are unknown, it is its own JSON, or else text.
    ///
    /// # Errors
    ///
    /// All of [`ParamError`] but [`ParamError::Shape`].
    pub fn json(&self) -> Result<Value, ParamError> {
        match self.decoded()? {
            Param::Json(value) => Ok(value),
            Param::Php(value) => json::decode(&value.to_json()?).ok_or(ParamError::Json),
            Param::Empty => Ok(Value::Object(serde_json::Map::new())),
        }
    }

    /// The parameter as the text of JSON, which is not read and written anew: numbers keep their digits. As
    /// [`Job::json`] in all else.
    ///
    /// # Errors
    ///
    /// All of [`ParamError`] but [`ParamError::Shape`].
    pub fn json_text(&self) -> Result<Bytes, ParamError> {
        let (tag, payload) = self.payload();
        let text = match (tag, self.dialect) {
            (Tag::Json, _) => json::is_valid(&payload).then_some(payload).ok_or(ParamError::Json)?,
            (Tag::Php, _) => Bytes::from(php::decode(payload)?.to_json()?),
            (Tag::None, Dialect::Zmws1 | Dialect::Zmws2) => Bytes::from_static(b"{}"),
            (Tag::None, Dialect::Mdp01 | Dialect::Mdp02) if json::is_valid(&payload) => payload,
            (Tag::None, Dialect::Mdp01 | Dialect::Mdp02) => untagged(&payload).to_string().into(),
        };
        Ok(text)
    }

    /// As [`Job::json_text`], on a thread beside if the parameter is long: other jobs and heartbeats go on.
    ///
    /// # Errors
    ///
    /// As [`Job::json_text`].
    pub(crate) async fn json_text_beside(&self) -> Result<Bytes, ParamError> {
        let long = match self.payload().0 {
            Tag::Php => LONG_PHP,
            Tag::Json | Tag::None => LONG,
        };
        if self.body().len() < long {
            return self.json_text();
        }
        let job = self.clone();
        // It ends early only with the runtime, or with a panic that was told already.
        tokio::task::spawn_blocking(move || job.json_text()).await.unwrap_or(Err(ParamError::Json))
    }

    /// The parameter as a value of your own, whichever its coding.
    ///
    /// # Errors
    ///
    /// All of [`ParamError`] but [`ParamError::NoJson`].
    pub fn param<T: DeserializeOwned>(&self) -> Result<T, ParamError> {
        Ok(self.decoded()?.to()?)
    }

    /// The parameter as a PHP value, with all that JSON has no form for: byte strings, objects of
    /// classes, references. `None` if it is not tagged as PHP.
    ///
    /// # Errors
    ///
    /// [`ParamError::Php`].
    pub fn php(&self) -> Result<Option<php::Value>, ParamError> {
        match self.payload() {
            (Tag::Php, payload) => Ok(Some(php::decode(payload)?)),
            (Tag::Json | Tag::None, _) => Ok(None),
        }
    }

    /// As [`Param::decode`], but what the tag promises and the payload does not keep is an error.
    fn decoded(&self) -> Result<Param, ParamError> {
        let (tag, payload) = self.payload();
        match (tag, self.dialect) {
            (Tag::Json, _) => json::decode(&payload).map(Param::Json).ok_or(ParamError::Json),
            (Tag::Php, _) => Ok(Param::Php(php::decode(payload)?)),
            (Tag::None, Dialect::Zmws1 | Dialect::Zmws2) => Ok(Param::Empty),
            (Tag::None, Dialect::Mdp01 | Dialect::Mdp02) => Ok(Param::Json(untagged(&payload))),
        }
    }

    /// Sends a part of the result ahead (`CONT`; RFC 18's PARTIAL; RFC 7 has no word for it, and drops
    /// it). Waits while the broker is slow to read. Clients that wait get it, background jobs' parts
    /// are dropped by the broker.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the job is over.
    pub async fn partial(&self, value: impl Into<Value>) -> Result<(), NotTaken> {
        self.partial_frames(value_body(&value.into(), self.dialect)).await
    }

    /// As [`Job::partial`], with a text that is JSON already.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the job is over.
    pub async fn partial_text(&self, json: &str) -> Result<(), NotTaken> {
        self.partial_frames(text_body(json.as_bytes(), self.dialect)).await
    }

    /// As [`Job::partial`], with frames as they are.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the job is over.
    pub async fn partial_frames(&self, body: Body) -> Result<(), NotTaken> {
        self.parts.send(body).await.map_err(|_| NotTaken)
    }

    /// As [`Job::partial`], for blocking functions.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the job is over.
    pub fn partial_blocking(&self, value: impl Into<Value>) -> Result<(), NotTaken> {
        let body = value_body(&value.into(), self.dialect);
        self.parts.blocking_send(body).map_err(|_| NotTaken)
    }

    /// The sign that nobody waits any more.
    pub fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }
}

/// Bytes of a parameter from which on to read it is long; of PHP's serialization a little can be made much.
const LONG: usize = 64 << 10;
const LONG_PHP: usize = 4 << 10;

/// JSON where it is JSON, else text, with U+FFFD for what is no UTF-8.
fn untagged(payload: &Bytes) -> Value {
    json::decode(payload).unwrap_or_else(|| String::from_utf8_lossy(payload).into())
}

/// A job's name for people.
pub(crate) struct Label<'a>(pub(crate) &'a JobRef);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            JobRef::Named(id) => id.fmt(f),
            JobRef::Address(address) => {
                f.write_str("@")?;
                address.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
