//! What an answer looks like in HTTP. Pure.
//!
//! The bodies of the old paths are upstream's to the byte (original.md §6, traces `1.0.0/gateway`
//! and `master/gateway`); what is deliberately different is that a stream of parts ends in its
//! result, where upstream's REQ socket took the first part for it.

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};

use crate::client::{Answer, CallError};
use crate::gateway::config::BodyForm;
use crate::job::{Body, JobId};
use crate::message::{ClientReply, Outcome};
use crate::params::json;
use crate::params::tag::{self, BareParam, Tag};

/// The body that answers a request of the old paths. `param` is the request's parameter frame,
/// which upstream's answer to a list repeats.
pub(crate) fn body(form: BodyForm, reply: &ClientReply, param: Option<&Bytes>) -> Bytes {
    match reply {
        ClientReply::Accepted { job, service } => {
            alone(form, [b"JOB: ", job.to_string().as_bytes(), b" ", service.as_bytes()].concat())
        }
        // The original's gateway has no fourth frame where the broker names nothing, and prints it once.
        ClientReply::Refused { service, body } if !body.is_empty() => {
            with_value(form, body, "FAIL: ", service, None)
        }
        ClientReply::Refused { service, .. } if service.is_empty() => Bytes::from_static(b"FAIL: "),
        ClientReply::Refused { service, .. } => alone(form, [b"FAIL: ", &service[..]].concat()),
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

/// Bytes in a reply that go into its body, more or less.
pub(crate) fn size(reply: &ClientReply) -> usize {
    match reply {
        ClientReply::Partial { body, .. }
        | ClientReply::Finished { body, .. }
        | ClientReply::Refused { body, .. } => body.len(),
        ClientReply::Snapshot { json, .. } => json.len(),
        ClientReply::Accepted { .. } | ClientReply::Managed { .. } => 0,
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
    /// `job`, `service` and `value`; of a problem `job`, `error` and `message`: members of a JSON object, without its
    /// braces.
    members: Vec<u8>,
}

/// The element for an answer. Any but a part is the last.
pub(crate) fn element(answer: &Result<Answer, CallError>) -> Element {
    match answer {
        Ok(Answer::Part(reply)) => told("partial", reply.job, reply.service.as_bytes(), &reply.body),
        Ok(Answer::Result(reply)) => told("complete", reply.job, reply.service.as_bytes(), &reply.body),
        Err(CallError::Failed { job, service, body }) => told("fail", *job, service.as_bytes(), body),
        Err(CallError::Refused { service, body }) => told("fail", None, service, body),
        Err(error) => {
            let mut data = json!({"error": super::refusal::kind(error), "message": error.to_string()});
            if let CallError::Timeout { job: Some(job) } = error {
                data["job"] = job.to_string().into();
            }
            Element { event: "problem", members: members(&data) }
        }
    }
}

fn told(event: &'static str, job: Option<JobId>, service: &[u8], body: &Body) -> Element {
    let data = json!({
        "job": job.map(|job| job.to_string()),
        "service": String::from_utf8_lossy(service),
    });
    Element { event, members: with_member(members(&data), body) }
}

/// An object without its braces.
fn members(object: &Value) -> Vec<u8> {
    let text = object.to_string();
    text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default().into()
}

fn with_member(mut members: Vec<u8>, body: &Body) -> Vec<u8> {
    members.reserve(body.len() + 16);
    members.extend_from_slice(b",\"value\":");
    put_value(body, &mut members);
    members
}

/// An object, and behind its members `value`: what a worker brought.
pub(crate) fn with_value_of(object: &Value, body: &Body) -> Bytes {
    [b"{", &with_member(members(object), body)[..], b"}"].concat().into()
}

/// Appends what a worker brought, as JSON: the value of a `PARAM-JSON` frame with the digits that it has there, null for an
/// empty body, else the text of the frame, or an array of the texts of several.
pub(crate) fn put_value(body: &Body, out: &mut Vec<u8>) {
    let text = |frame: &Bytes| Value::String(String::from_utf8_lossy(frame).into_owned());
    let other = match body {
        Body::One(frame) if frame.is_empty() => Value::Null,
        Body::One(frame) => {
            let start = out.len();
            if let (Tag::Json, json) = tag::split(frame, BareParam::AsUpstream)
                && json::compact(&json, out, usize::MAX).is_ok()
            {
                return;
            }
            out.truncate(start);
            text(frame)
        }
        Body::Many(frames) => frames.iter().map(text).collect(),
    };
    out.extend_from_slice(other.to_string().as_bytes());
}

impl Element {
    /// As an event of `text/event-stream`. Its id tells a browser that comes back that the job ran.
    pub(crate) fn as_event(&self, number: u64) -> Bytes {
        let head = format!("event: {}\nid: {number}\ndata: {{", self.event);
        [head.as_bytes(), &self.members, b"}\n\n"].concat().into()
    }

    /// As a line of `application/x-ndjson`.
    pub(crate) fn as_line(&self) -> Bytes {
        let head = format!("{{\"event\":\"{}\",", self.event);
        [head.as_bytes(), &self.members, b"}\n"].concat().into()
    }
}
