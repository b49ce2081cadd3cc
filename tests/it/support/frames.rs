//! The four dialects as the specifications write them, apart from `zmws::wire`: what a peer of the
//! tests sends and what it must get, to the byte.
//!
//! original.md §2 for zmws 1 and 2, RFC 7 and RFC 18 for Majordomo.

use serde_json::Value;
use zmws::message::Dialect;

/// A message: frames without the identity.
pub(crate) type Message = Vec<Vec<u8>>;

/// What a reply says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A background job was taken.
    Accepted,
    /// A part of the result.
    Partial,
    /// The result.
    Complete,
    /// The job failed, or was refused.
    Fail,
}

/// A reply, taken apart.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) kind: Kind,
    pub(crate) service: String,
    /// The job's id, where the reply names it.
    pub(crate) id: Option<String>,
    /// The frames of the value.
    pub(crate) body: Message,
}

impl Reply {
    /// The value behind zmws's tag; `Null` for an empty frame.
    pub(crate) fn value(&self) -> Value {
        match self.body.as_slice() {
            [] => Value::Null,
            [frame] if frame.is_empty() => Value::Null,
            [frame] => untagged(frame),
            more => panic!("one frame is expected: {more:?}"),
        }
    }
}

/// A job as a worker got it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The id (zmws) or the client's address (Majordomo), to be given back.
    pub(crate) token: Vec<u8>,
    /// The parameter's frames.
    pub(crate) body: Message,
}

/// A value as zmws sends it.
pub(crate) fn tagged(value: &Value) -> Vec<u8> {
    format!("PARAM-JSON: {value}").into_bytes()
}

/// The value behind the tag.
pub(crate) fn untagged(frame: &[u8]) -> Value {
    let json = frame.strip_prefix(b"PARAM-JSON: ").unwrap_or_else(|| panic!("no tag: {:?}", text(frame)));
    serde_json::from_slice(json).unwrap_or_else(|error| panic!("no JSON: {error}: {:?}", text(frame)))
}

/// A client waits for the result of a job. As a REQ sends it; a Majordomo DEALER puts an empty
/// frame in front, one of zmws need not.
pub(crate) fn request(dialect: Dialect, service: &str, param: Option<&[u8]>) -> Message {
    let param = param.map(<[u8]>::to_vec);
    let service = service.as_bytes().to_vec();
    let verb = |prefix: &str| [prefix.as_bytes(), &service].concat();
    let (header, rest): (&[&[u8]], Message) = match dialect {
        Dialect::Zmws1 => (&[], param.into_iter().chain([verb("JOB: SYNC-")]).collect()),
        Dialect::Zmws2 => (&[b"MDPC02", b"1"], param.into_iter().chain([verb("SYNC-")]).collect()),
        Dialect::Mdp01 => (&[b"MDPC01"], vec![service, param.unwrap_or_default()]),
        Dialect::Mdp02 => (&[b"MDPC02", b"\x01"], vec![service, param.unwrap_or_default()]),
    };
    header.iter().map(|frame| frame.to_vec()).chain(rest).collect()
}

/// What a client got, as a DEALER gets it. Panics, with the frames, if it has not the dialect's form.
pub(crate) fn read_reply(dialect: Dialect, frames: &[Vec<u8>]) -> Reply {
    let reply = match (frames.first().map(Vec::as_slice), dialect) {
        (Some(b""), Dialect::Zmws1) => zmws_reply(&frames[1..]),
        (Some(b""), Dialect::Zmws2) => zmws2_reply(&frames[1..]),
        (Some(b""), Dialect::Mdp01) => mdp_reply(&frames[1..], b"MDPC01", None),
        (Some(b""), Dialect::Mdp02) => mdp_reply(&frames[1..], b"MDPC02", frames.get(2)),
        _ => None,
    };
    reply.unwrap_or_else(|| panic!("no reply of {dialect:?}: {:?}", shown(frames)))
}

/// Status and value: `["COMPLETE: SERVICE [id]", value]`; a status alone is an ack or a refusal, and a refusal may have a
/// value that says why.
fn zmws_reply(frames: &[Vec<u8>]) -> Option<Reply> {
    let (status, body) = frames.split_first()?;
    let status = std::str::from_utf8(status).ok()?;
    let (verb, rest) = status.split_once(": ")?;
    let kind = match verb {
        "JOB" => Kind::Accepted,
        "CONT" => Kind::Partial,
        "COMPLETE" => Kind::Complete,
        "FAIL" => Kind::Fail,
        _ => return None,
    };
    let (service, id) = match (kind, rest.split_once(' ')) {
        (Kind::Accepted, Some((id, service))) => (service, Some(id)),
        (_, Some((service, id))) => (service, Some(id.strip_prefix('[')?.strip_suffix(']')?)),
        (Kind::Fail, None) => (rest, None),
        _ => return None,
    };
    let ended = kind != Kind::Accepted && id.is_some();
    let says_why = kind == Kind::Fail && id.is_none() && body.len() == 1;
    (body.len() == usize::from(ended) || says_why).then(|| Reply {
        kind,
        service: service.to_owned(),
        id: id.map(str::to_owned),
        body: body.to_vec(),
    })
}

/// The same behind `["MDPC02", "3", service]`; but for partials, which have zmws 1's form (quirk 20).
fn zmws2_reply(frames: &[Vec<u8>]) -> Option<Reply> {
    let [header, kind, service, status @ ..] = frames else { return partial_alone(frames) };
    if header != b"MDPC02" {
        return partial_alone(frames);
    }
    let reply = zmws_reply(status)?;
    (kind == b"3" && reply.service.as_bytes() == service && reply.kind != Kind::Partial).then_some(reply)
}

fn partial_alone(frames: &[Vec<u8>]) -> Option<Reply> {
    zmws_reply(frames).filter(|reply| reply.kind == Kind::Partial)
}

/// Majordomo has results alone; a failure is zmws's text as the one body frame (design.md §3).
fn mdp_reply(frames: &[Vec<u8>], header: &[u8], kind: Option<&Vec<u8>>) -> Option<Reply> {
    let partial = kind.is_some_and(|kind| kind == b"\x02");
    let typed = kind.is_none_or(|kind| kind == b"\x02" || kind == b"\x03");
    let (head, rest) = frames.split_at_checked(if kind.is_some() { 2 } else { 1 })?;
    let (service, body) = rest.split_first()?;
    let failed = body.len() == 1 && body[0].starts_with(b"FAIL: ");
    let kind = match (partial, failed) {
        (true, _) => Kind::Partial,
        (false, true) => Kind::Fail,
        (false, false) => Kind::Complete,
    };
    (head[0] == header && typed && !body.is_empty()).then(|| Reply {
        kind,
        service: text(service),
        id: None,
        body: body.to_vec(),
    })
}

/// A worker offers a service.
pub(crate) fn ready(dialect: Dialect, service: &str) -> Message {
    let service = service.as_bytes();
    let frames: &[&[u8]] = match dialect {
        Dialect::Zmws1 => &[service, b"READY"],
        Dialect::Zmws2 => &[b"MDPC02", b"3", service, b"READY"],
        Dialect::Mdp01 => &[b"", b"MDPW01", b"\x01", service],
        Dialect::Mdp02 => &[b"", b"MDPW02", b"\x01", service],
    };
    frames.iter().map(|frame| frame.to_vec()).collect()
}

/// A worker lives.
pub(crate) fn heartbeat(dialect: Dialect) -> Message {
    let frames: &[&[u8]] = match dialect {
        Dialect::Zmws1 | Dialect::Zmws2 => &[b"HEARTBEAT"],
        Dialect::Mdp01 => &[b"", b"MDPW01", b"\x04"],
        Dialect::Mdp02 => &[b"", b"MDPW02", b"\x05"],
    };
    frames.iter().map(|frame| frame.to_vec()).collect()
}

/// The job that a worker got; `None` for a heartbeat. Panics, with the frames, if it is neither.
pub(crate) fn read_job(dialect: Dialect, frames: &[Vec<u8>]) -> Option<Job> {
    if frames == heartbeat(dialect) {
        return None;
    }
    let parts: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let (token, body) = match (dialect, parts.as_slice()) {
        (Dialect::Zmws1, [_, b"", param, job]) | (Dialect::Zmws2, [b"", b"MDPC02", b"1", param, job]) => {
            (job.strip_prefix(b"JOB: "), vec![param.to_vec()])
        }
        (Dialect::Mdp01, [b"", b"MDPW01", b"\x02", address, b"", body @ ..])
        | (Dialect::Mdp02, [b"", b"MDPW02", b"\x02", address, b"", body @ ..])
            if !body.is_empty() =>
        {
            (Some(*address), body.iter().map(|frame| frame.to_vec()).collect())
        }
        _ => (None, Message::new()),
    };
    let token = token.unwrap_or_else(|| panic!("no job of {dialect:?}: {:?}", shown(frames))).to_vec();
    Some(Job { token, body })
}

/// A worker answers a job, with the value as it is. `None` where the dialect has no word for it.
pub(crate) fn answer(
    dialect: Dialect,
    service: &str,
    job: &Job,
    kind: Kind,
    value: Message,
) -> Option<Message> {
    let verb = match kind {
        Kind::Partial => "CONT: ",
        Kind::Complete => "COMPLETE: ",
        Kind::Fail => "FAIL: ",
        Kind::Accepted => return None,
    };
    let verb = [verb.as_bytes(), &job.token].concat();
    let service = service.as_bytes().to_vec();
    let majordomo = |header: &[u8], kind: &[u8]| {
        let head = [b"".to_vec(), header.to_vec(), kind.to_vec(), job.token.clone(), b"".to_vec()];
        head.into_iter().chain(value.clone()).collect()
    };
    match (dialect, kind) {
        (Dialect::Zmws1, _) => Some(value.into_iter().chain([service, verb]).collect()),
        (Dialect::Zmws2, _) => {
            let head = [b"MDPC02".to_vec(), b"3".to_vec(), service];
            Some(head.into_iter().chain(value).chain([verb]).collect())
        }
        (Dialect::Mdp01, Kind::Complete) => Some(majordomo(b"MDPW01", b"\x03")),
        (Dialect::Mdp02, Kind::Complete) => Some(majordomo(b"MDPW02", b"\x04")),
        (Dialect::Mdp02, Kind::Partial) => Some(majordomo(b"MDPW02", b"\x03")),
        (Dialect::Mdp01 | Dialect::Mdp02, _) => None,
    }
}

/// What a worker of the tests does, by the parameter's `do`: the answers, in order. A parameter that
/// is none gives an empty result: workers must live with what clients send.
pub(crate) fn work(dialect: Dialect, service: &str, job: &Job) -> Vec<Message> {
    let json = job.body[0].strip_prefix(b"PARAM-JSON: ").unwrap_or_default();
    let param: Value = serde_json::from_slice(json).unwrap_or_default();
    let answers: Vec<(Kind, Message)> = match param["do"].as_str() {
        Some("fail") => vec![(Kind::Fail, Message::new())],
        Some("stream") => {
            let parts = (0..param["parts"].as_u64().unwrap_or(0)).map(|part| format!("part {part}").into());
            let mut answers: Vec<_> = parts.map(|part| (Kind::Partial, vec![tagged(&part)])).collect();
            answers.push((Kind::Complete, vec![tagged(&"done".into())]));
            answers
        }
        Some("fill") => {
            let bytes = usize::try_from(param["bytes"].as_u64().unwrap_or(0)).unwrap_or(0);
            vec![(Kind::Complete, vec![vec![b'x'; bytes]])]
        }
        Some(other) => panic!("nobody can {other}"),
        None if job.body.len() > 1 => vec![(Kind::Complete, job.body.iter().rev().cloned().collect())],
        None => vec![(Kind::Complete, vec![param["str"].as_str().map_or(Vec::new(), reversed)])],
    };
    let encode = |(kind, value)| {
        answer(dialect, service, job, kind, value)
            .unwrap_or_else(|| panic!("{dialect:?} has no word for {kind:?}"))
    };
    answers.into_iter().map(encode).collect()
}

fn reversed(text: &str) -> Vec<u8> {
    tagged(&text.chars().rev().collect::<String>().into())
}

/// Frames for people.
pub(crate) fn shown(frames: &[Vec<u8>]) -> Vec<String> {
    frames.iter().map(|frame| text(&frame[..frame.len().min(200)])).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
