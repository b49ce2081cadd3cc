//! What goes in and what comes out of a call.

use bytes::Bytes;
use serde_json::Value;

use crate::job::{Body, JobId, ServiceName};
use crate::params;
use crate::params::tag::{self, BareParam, Tag};

/// A job's parameter.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Param {
    /// None: one empty frame.
    #[default]
    None,
    /// A JSON value: the frame `PARAM-JSON: <json>`.
    Json(Value),
    /// A frame as it is, tag and all.
    Frame(Bytes),
    /// Frames as they are: only Majordomo workers take more than one.
    Frames(Vec<Bytes>),
}

impl Param {
    /// The frames that the broker is sent.
    pub fn into_body(self) -> Body {
        match self {
            Self::None => Body::EMPTY,
            Self::Json(value) => Body::One(tag::json_frame(&value)),
            Self::Frame(frame) => Body::One(frame),
            Self::Frames(frames) => Body::from_frames(frames),
        }
    }
}

impl From<()> for Param {
    fn from((): ()) -> Self {
        Self::None
    }
}

impl From<Value> for Param {
    fn from(value: Value) -> Self {
        Self::Json(value)
    }
}

impl From<Bytes> for Param {
    fn from(frame: Bytes) -> Self {
        Self::Frame(frame)
    }
}

/// The result of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The job. `None` where the dialect does not say (Majordomo).
    pub job: Option<JobId>,
    /// Whose work it was.
    pub service: ServiceName,
    /// What the worker brought; empty if nothing.
    pub body: Body,
}

impl Reply {
    /// The result, if its one frame is `PARAM-JSON: <json>`.
    pub fn json(&self) -> Option<Value> {
        json(&self.body)
    }
}

/// A body's value, if its one frame is `PARAM-JSON: <json>`.
pub fn json(body: &Body) -> Option<Value> {
    match tag::split(body.first(), BareParam::AsUpstream) {
        (Tag::Json, text) => params::json::decode(&text),
        (Tag::Php | Tag::None, _) => None,
    }
}
