//! zmws 2: clients of 2.0.0-rc1 …, workers of master (original.md §2).
//!
//! | from, to | frames |
//! |---|---|
//! | client, a job | `[envelope…, ""?, "MDPC02", "1", <param>?, ("JOB: ")?("SYNC-")?<service>]` |
//! | client, taken | `[envelope…, "", "MDPC02", "3", <service>, "JOB: <id> <service>"]` |
//! | client, not taken | `[envelope…, "", "MDPC02", "3", <service>, "FAIL: <service>"]` |
//! | client, result | `[envelope…, "", "MDPC02", "3", <service>, "COMPLETE: <service> [<id>]", <value>]`, `FAIL: …` alike |
//! | client, part | `[envelope…, "", "CONT: <service> [<id>]", <value>]`, as upstream without the header (`master/stream`) |
//! | client, list | `[envelope…, "", <json>]`; upstream never answers (quirk 2) |
//! | worker, ready | `["MDPC02", "3", <service>, "READY"]` |
//! | worker, answer | `["MDPC02", "3", <service>, <value>?, "COMPLETE: <id>"]`, `FAIL: …`, `CONT: …`, `PARTIAL: …` alike |
//! | worker, job | `["", "MDPC02", "1", <param>, "JOB: <id>"]` |
//! | both, heartbeat | `["HEARTBEAT"]` |
//!
//! The types are digits, not the byte of RFC 18: that is how strict Majordomo is told apart.

use bytes::Bytes;

use super::text::{self, Verb};
use super::zmws1::HEARTBEAT;
use super::{Frames, Refusal, WireError, zmws1};
use crate::job::{Body, ServiceName};
use crate::message::{ClientCommand, ClientReply, JobRef, WorkerCommand, WorkerOrder};

pub(super) const HEADER: &[u8] = b"MDPC02";

pub(super) fn decode_client_command(mut frames: Frames) -> Result<ClientCommand, Refusal> {
    if let Some(answer) = decode_stray_answer(&frames) {
        return Ok(answer);
    }
    let is_request = frames.len() >= 3 && php_intval_is_one(&frames[1]);
    let job = frames.get(3).or(frames.get(2)).cloned().unwrap_or_default();
    if !is_request {
        let kind = frames.get(1).cloned().unwrap_or_default();
        return Err(Refusal { error: WireError::BadType(kind), service: job });
    }
    let param = if frames.len() >= 4 { frames.swap_remove(2) } else { Bytes::new() };
    text::decode_request(&job, param, Vec::new)
}

/// A worker's answer that upstream's worker sends to the clients' port after a fail-over (quirk 1).
fn decode_stray_answer(frames: &[Bytes]) -> Option<ClientCommand> {
    if frames.len() < 4 || frames[1] != b"3"[..] {
        return None;
    }
    let Ok(Verb::Finish(job, outcome)) = Verb::parse(frames.last()?) else { return None };
    let value = if frames.len() > 4 { frames[3].clone() } else { Bytes::new() };
    Some(ClientCommand::Finish { job, service: frames[2].clone(), outcome, body: Body::One(value) })
}

pub(super) fn encode_client_command(command: &ClientCommand, frames: &mut Frames) -> Option<()> {
    frames.extend([Bytes::from_static(HEADER), Bytes::from_static(b"1")]);
    match command {
        ClientCommand::Submit { service, body: Body::One(param), mode, .. } => {
            frames.extend((!param.is_empty()).then(|| param.clone()));
            frames.push(text::encode_request(b"", service, *mode));
        }
        ClientCommand::Inspect { view, .. } => frames.push(Bytes::from_static(text::view_name(*view))),
        ClientCommand::Submit { body: Body::Many(_), .. }
        | ClientCommand::Manage { .. }
        | ClientCommand::Finish { .. } => return None,
    }
    Some(())
}

pub(super) fn encode_client_reply(reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    frames.push(Bytes::new());
    let header = |frames: &mut Frames, service: &Bytes| {
        frames.extend([Bytes::from_static(HEADER), Bytes::from_static(b"3"), service.clone()]);
    };
    match reply {
        ClientReply::Accepted { job, service } => {
            header(frames, service.as_bytes());
            frames.push(text::accepted(*job, service));
        }
        ClientReply::Refused { service, body } => {
            header(frames, service);
            frames.push(text::refused(service));
            frames.extend(text::why(body));
        }
        ClientReply::Partial { job, service, body } => {
            frames.push(text::partial(service, *job));
            frames.extend(body.frames().iter().cloned());
        }
        ClientReply::Finished { job, service, outcome, body } => {
            header(frames, service.as_bytes());
            frames.push(text::finished(*outcome, service, *job));
            frames.extend(body.frames().iter().cloned());
        }
        ClientReply::Snapshot { json, .. } => frames.push(json.clone()),
        ClientReply::Managed { .. } => return None,
    }
    Some(())
}

/// Without its header a reply looks like one of zmws 1.
pub(super) fn decode_client_reply(mut frames: Frames) -> Result<ClientReply, WireError> {
    if frames.first().is_none_or(|header| header != HEADER) {
        return zmws1::decode_client_reply(frames);
    }
    if frames.len() < 4 {
        return Err(WireError::Missing("text"));
    }
    if frames[1] != b"3"[..] {
        return Err(WireError::UnknownCommand(frames.swap_remove(1)));
    }
    text::decode_reply(frames.split_off(3))
}

/// Upstream looks neither at the protocol nor at the type; the last frame is the verb.
pub(super) fn decode_worker_command(mut frames: Frames) -> Result<WorkerCommand, WireError> {
    let verb = frames.pop().filter(|_| frames.len() >= 3).ok_or(WireError::Missing("verb"))?;
    let value = if frames.len() > 3 { Some(frames.swap_remove(3)) } else { None };
    Verb::parse(&verb)?.command(frames.swap_remove(2), value)
}

pub(super) fn encode_worker_command(command: &WorkerCommand) -> Option<Frames> {
    let said = |service: &Bytes, value: Option<Bytes>, verb| {
        let mut frames = vec![Bytes::from_static(HEADER), Bytes::from_static(b"3"), service.clone()];
        frames.extend(value);
        frames.push(verb);
        frames
    };
    let answer = |service: &Option<ServiceName>, body: &Body, verb| {
        let Body::One(value) = body else { return None };
        let value = (!value.is_empty()).then(|| value.clone());
        Some(said(service.as_ref()?.as_bytes(), value, verb))
    };
    match command {
        WorkerCommand::Ready { service } => {
            Some(said(service.as_bytes(), None, Bytes::from_static(b"READY")))
        }
        WorkerCommand::Heartbeat => Some(vec![Bytes::from_static(HEARTBEAT)]),
        WorkerCommand::Partial { job: JobRef::Named(job), service, body } => {
            answer(service, body, text::cont(*job))
        }
        WorkerCommand::Finish { job: JobRef::Named(job), service, outcome, body } => {
            answer(service, body, text::finish(*outcome, *job))
        }
        WorkerCommand::Partial { job: JobRef::Address(_), .. }
        | WorkerCommand::Finish { job: JobRef::Address(_), .. }
        | WorkerCommand::Disconnect => None,
    }
}

pub(super) fn encode_worker_order(order: &WorkerOrder, frames: &mut Frames) -> Option<()> {
    match order {
        WorkerOrder::Run { job: JobRef::Named(job), body: Body::One(param), .. } => frames.extend([
            Bytes::new(),
            Bytes::from_static(HEADER),
            Bytes::from_static(b"1"),
            param.clone(),
            text::job(*job),
        ]),
        WorkerOrder::Heartbeat => frames.push(Bytes::from_static(HEARTBEAT)),
        WorkerOrder::Run { .. } | WorkerOrder::Disconnect => return None,
    }
    Some(())
}

pub(super) fn decode_worker_order(mut frames: Frames) -> Result<WorkerOrder, WireError> {
    if frames.len() == 1 && frames[0] == HEARTBEAT {
        return Ok(WorkerOrder::Heartbeat);
    }
    if frames.first().is_some_and(Bytes::is_empty) {
        frames.remove(0);
    }
    let job = frames.pop().ok_or(WireError::Missing("job"))?;
    let job = JobRef::Named(text::decode_job(&job)?);
    let mut frames = frames.into_iter();
    let header = frames.next().ok_or(WireError::Missing("protocol"))?;
    if header != HEADER {
        return Err(WireError::UnknownCommand(header));
    }
    let kind = frames.next().ok_or(WireError::Missing("type"))?;
    if !php_intval_is_one(&kind) {
        return Err(WireError::BadType(kind));
    }
    let body = Body::One(frames.next().unwrap_or_default());
    Ok(WorkerOrder::Run { job, client: Bytes::new(), body })
}

/// Whether a frame behind `MDPC02` can only be meant as a type: a digit, a number, a control byte, nothing.
pub(super) fn looks_like_type(frame: &Bytes) -> bool {
    let text = frame.trim_ascii_start();
    let number = text.strip_prefix(b"+").or(text.strip_prefix(b"-")).unwrap_or(text);
    frame.is_empty() || frame[0] < b' ' || number.first().is_some_and(u8::is_ascii_digit)
}

/// PHP's `intval($frame) == 1`: "1", "01", " 1", "+1", "1x", "1.9" and "1e0", but not the byte 1
/// (`master/proto-odd`).
fn php_intval_is_one(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number =
        text[..digits].iter().position(|&digit| digit != b'0').map_or(&b""[..], |at| &text[at..digits]);
    number == b"1" && !has_scaling_exponent(&text[digits..])
}

/// Whether what follows a number's digits makes it another power of ten: "1e1" is 10.
fn has_scaling_exponent(rest: &[u8]) -> bool {
    let fraction = rest
        .strip_prefix(b".")
        .map_or(0, |rest| 1 + rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let Some(exponent) = rest[fraction..].strip_prefix(b"e").or(rest[fraction..].strip_prefix(b"E")) else {
        return false;
    };
    let digits = exponent.strip_prefix(b"+").or(exponent.strip_prefix(b"-")).unwrap_or(exponent);
    digits.iter().take_while(|byte| byte.is_ascii_digit()).any(|&digit| digit != b'0')
}
