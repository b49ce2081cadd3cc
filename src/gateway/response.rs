//! What an answer looks like in HTTP. Pure.
//!
//! The bodies of the old paths are upstream's to the byte (PROTOCOL.md §6, traces `1.0.0/gateway`
//! and `master/gateway`); what is deliberately different is that a stream of parts ends in its
//! result, where upstream's REQ socket took the first part for it.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Map, Value, json};

use crate::client::{self, Answer, CallError};
use crate::gateway::config::BodyForm;
use crate::job::{Body, JobId};
use crate::message::{ClientReply, Outcome};

/// The body that answers a request of the old paths. `param` is the request's parameter frame,
/// which upstream's answer to a list repeats.
pub(crate) fn body(form: BodyForm, reply: &ClientReply, param: Option<&Bytes>) -> Bytes {
    match reply {
        ClientReply::Accepted { job, service } => {
            alone(form, [b"JOB: ", job.to_string().as_bytes(), b" ", service.as_bytes()].concat())
        }
        ClientReply::Refused { service } => alone(form, [b"FAIL: ", &service[..]].concat()),
        ClientReply::Partial { job, service, body } => {
            with_value(form, body, "CONT: ", service.as_bytes(), *job)
        }
        ClientReply::Finished { job, service, outcome, body } => {
            let word = match outcome {
                Outcome::Complete => "COMPLETE: ",
                Outcome::Fail => "FAIL: ",
            };
            with_value(form, body, word, service.as_bytes(), *job)
        }
        ClientReply::Snapshot { json, .. } => match (form, param) {
            (BodyForm::V1, Some(param)) => [json, &b"\n"[..], param].concat().into(),
            (BodyForm::V1, None) | (BodyForm::V2, _) => json.clone(),
        },
        ClientReply::Managed { code, .. } => code.clone(),
    }
}

/// A text that is all there is. 2.x prints the last frame and the fourth, which are the same then.
fn alone(form: BodyForm, text: Vec<u8>) -> Bytes {
    match form {
        BodyForm::V1 => text.into(),
        BodyForm::V2 => [&text[..], b"\n", &text].concat().into(),
    }
}

/// The value, then the word. 2.x prints nothing after a part, whose frames it cannot read.
fn with_value(form: BodyForm, body: &Body, word: &str, service: &[u8], job: Option<JobId>) -> Bytes {
    let mut text = BytesMut::with_capacity(body.len() + service.len() + 32);
    for frame in body.frames() {
        text.put_slice(frame);
        text.put_u8(b'\n');
    }
    if form == BodyForm::V2 && word == "CONT: " {
        return text.freeze();
    }
    text.put_slice(word.as_bytes());
    text.put_slice(service);
    if let Some(job) = job {
        text.put_slice(format!(" [{job}]").as_bytes());
    }
    text.freeze()
}

/// A body in the callback that JSONP asks for. Not quoted, as upstream does not either.
pub(crate) fn jsonp(callback: &str, body: &[u8]) -> Bytes {
    [callback.as_bytes(), b"(", body, b");"].concat().into()
}

/// One element of a stream: its name, and what it says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    /// `partial`, `complete`, `fail`, or `problem`.
    pub(crate) event: &'static str,
    /// `job`, `service` and `value`; of a problem `error` and `message`.
    pub(crate) data: Map<String, Value>,
}

/// The element for an answer. Any but a part is the last.
pub(crate) fn element(answer: &Result<Answer, CallError>) -> Element {
    match answer {
        Ok(Answer::Part(reply)) => told("partial", reply.job, reply.service.as_bytes(), &reply.body),
        Ok(Answer::Result(reply)) => told("complete", reply.job, reply.service.as_bytes(), &reply.body),
        Err(CallError::Failed { job, service, body }) => told("fail", *job, service.as_bytes(), body),
        Err(CallError::Refused { service }) => told("fail", None, service, &Body::EMPTY),
        Err(error) => {
            let data = json!({"error": super::refusal::kind(error), "message": error.to_string()});
            Element { event: "problem", data: as_map(data) }
        }
    }
}

fn told(event: &'static str, job: Option<JobId>, service: &[u8], body: &Body) -> Element {
    let data = json!({
        "job": job.map(|job| job.to_string()),
        "service": String::from_utf8_lossy(service),
        "value": value(body),
    });
    Element { event, data: as_map(data) }
}

fn as_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// What a worker brought, as JSON: the value of a `PARAM-JSON` frame, null for an empty body, else
/// the text of the frame, or an array of the texts of several.
pub(crate) fn value(body: &Body) -> Value {
    let text = |frame: &Bytes| Value::String(String::from_utf8_lossy(frame).into_owned());
    match body {
        Body::One(frame) if frame.is_empty() => Value::Null,
        Body::One(frame) => client::json(body).unwrap_or_else(|| text(frame)),
        Body::Many(frames) => frames.iter().map(text).collect(),
    }
}

impl Element {
    /// As an event of `text/event-stream`. Its id tells a browser that comes back that the job ran.
    pub(crate) fn as_event(&self, number: u64) -> Bytes {
        let data = Value::Object(self.data.clone());
        format!("event: {}\nid: {number}\ndata: {data}\n\n", self.event).into()
    }

    /// As a line of `application/x-ndjson`.
    pub(crate) fn as_line(&self) -> Bytes {
        let mut line = Map::new();
        line.insert("event".to_owned(), self.event.into());
        line.extend(self.data.clone());
        format!("{}\n", Value::Object(line)).into()
    }
}
