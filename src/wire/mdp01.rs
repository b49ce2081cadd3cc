//! Majordomo 0.1, RFC 7.
//!
//! | from, to | frames |
//! |---|---|
//! | client, request | `["", "MDPC01", <service>, <body>…]` |
//! | client, reply | `["", "MDPC01", <service>, <body>…]` |
//! | worker, READY | `["", "MDPW01", 01, <service>]` |
//! | worker, REQUEST | `["", "MDPW01", 02, <address>, "", <body>…]` |
//! | worker, REPLY | `["", "MDPW01", 03, <address>, "", <body>…]` |
//! | both, HEARTBEAT | `["", "MDPW01", 04]` |
//! | both, DISCONNECT | `["", "MDPW01", 05]` |
//!
//! There is no word for a failed job: its client gets one body frame with zmws's own text. The address
//! frame of a request is the job's id, which the worker gives back.

use bytes::Bytes;

use super::{Frames, Refusal, WireError, text};
use crate::job::{Body, JobId, ServiceName};
use crate::message::{
    ClientCommand, ClientReply, IfUnknown, JobRef, Mode, Outcome, WorkerCommand, WorkerOrder,
};

pub(super) const CLIENT: &[u8] = b"MDPC01";
pub(super) const WORKER: &[u8] = b"MDPW01";

const READY: u8 = 1;
const REQUEST: u8 = 2;
const REPLY: u8 = 3;
const HEARTBEAT: u8 = 4;
const DISCONNECT: u8 = 5;

pub(super) fn decode_client_command(frames: Frames) -> Result<ClientCommand, Refusal> {
    decode_request(frames.into_iter().skip(1))
}

/// `<service>, <body>…`, as in both Majordomos.
pub(super) fn decode_request(mut frames: impl Iterator<Item = Bytes>) -> Result<ClientCommand, Refusal> {
    let name = frames.next().unwrap_or_default();
    let Some(service) = ServiceName::new(name) else {
        return Err(Refusal { error: WireError::NoService, service: Bytes::new() });
    };
    if service.as_bytes().starts_with(b"mmi.") {
        let query = frames.next().unwrap_or_default();
        return Ok(ClientCommand::Manage { name: service, query });
    }
    let body = Body::from_frames(frames.collect());
    Ok(ClientCommand::Submit { service, body, mode: Mode::Wait, if_unknown: IfUnknown::Hold })
}

pub(super) fn encode_client_command(command: &ClientCommand, frames: &mut Frames) -> Option<()> {
    frames.push(Bytes::from_static(CLIENT));
    encode_request(command, frames)
}

/// `<service>, <body>…`, as in both Majordomos.
pub(super) fn encode_request(command: &ClientCommand, frames: &mut Frames) -> Option<()> {
    match command {
        ClientCommand::Submit { service, body, mode: Mode::Wait, .. } => {
            frames.push(service.as_bytes().clone());
            frames.extend(body.frames().iter().cloned());
        }
        ClientCommand::Manage { name, query } => frames.extend([name.as_bytes().clone(), query.clone()]),
        ClientCommand::Submit { mode: Mode::Background, .. }
        | ClientCommand::Inspect { .. }
        | ClientCommand::Finish { .. } => return None,
    }
    Some(())
}

pub(super) fn encode_client_reply(reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    if matches!(reply, ClientReply::Partial { .. }) {
        return None;
    }
    frames.push(Bytes::from_static(CLIENT));
    encode_reply(reply, frames)
}

/// `<service>, <body>…`, as in both Majordomos.
pub(super) fn encode_reply(reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    match reply {
        ClientReply::Refused { service, body } => {
            frames.extend([service.clone(), text::refused_because(service, body)]);
        }
        ClientReply::Finished { job, service, outcome: Outcome::Fail, .. } => {
            frames.extend([service.as_bytes().clone(), text::finished(Outcome::Fail, service, *job)]);
        }
        ClientReply::Partial { service, body, .. } | ClientReply::Finished { service, body, .. } => {
            frames.push(service.as_bytes().clone());
            frames.extend(body.frames().iter().cloned());
        }
        ClientReply::Managed { name, code } => frames.extend([name.as_bytes().clone(), code.clone()]),
        ClientReply::Accepted { .. } | ClientReply::Snapshot { .. } => return None,
    }
    Some(())
}

pub(super) fn decode_client_reply(frames: Frames) -> Result<ClientReply, WireError> {
    let mut frames = frames.into_iter();
    let header = frames.next().ok_or(WireError::Missing("protocol"))?;
    if header != CLIENT {
        return Err(WireError::UnknownCommand(header));
    }
    decode_result(frames)
}

/// `<service>, <body>…` as a result: what is no result in Majordomo's words cannot be told from one.
pub(super) fn decode_result(mut frames: impl Iterator<Item = Bytes>) -> Result<ClientReply, WireError> {
    let service = frames.next().ok_or(WireError::Missing("service"))?;
    let service = ServiceName::new(service).ok_or(WireError::NoService)?;
    if service.as_bytes().starts_with(b"mmi.") {
        let code = frames.next().ok_or(WireError::Missing("code"))?;
        return Ok(ClientReply::Managed { name: service, code });
    }
    let body = Body::from_frames(frames.collect());
    Ok(ClientReply::Finished { job: None, service, outcome: Outcome::Complete, body })
}

pub(super) fn decode_worker_command(frames: Frames) -> Result<WorkerCommand, WireError> {
    let (kind, mut rest) = split(frames)?;
    match kind {
        READY => ready(rest.next()),
        REPLY => {
            let (job, body) = addressed(rest)?;
            Ok(WorkerCommand::Finish { job, service: None, outcome: Outcome::Complete, body })
        }
        HEARTBEAT => Ok(WorkerCommand::Heartbeat),
        DISCONNECT => Ok(WorkerCommand::Disconnect),
        other => Err(WireError::UnknownCommand(Bytes::copy_from_slice(&[other]))),
    }
}

pub(super) fn encode_worker_command(command: &WorkerCommand) -> Option<Frames> {
    Some(match command {
        WorkerCommand::Ready { service } => said(READY, [service.as_bytes().clone()]),
        WorkerCommand::Heartbeat => said(HEARTBEAT, []),
        WorkerCommand::Finish { job, outcome: Outcome::Complete, body, .. } => about(REPLY, job, body),
        WorkerCommand::Finish { job, service, outcome: Outcome::Fail, .. } => {
            about(REPLY, job, &failure(service.as_ref()))
        }
        WorkerCommand::Disconnect => said(DISCONNECT, []),
        WorkerCommand::Partial { .. } => return None,
    })
}

/// What a worker says of a job that it could not do, where there is no word for it.
pub(super) fn failure(service: Option<&ServiceName>) -> Body {
    let service = service.map(|service| service.as_bytes().clone()).unwrap_or_default();
    Body::One(text::refused(&service))
}

pub(super) fn encode_worker_order(order: &WorkerOrder) -> Frames {
    match order {
        WorkerOrder::Run { job, body, .. } => about(REQUEST, job, body),
        WorkerOrder::Heartbeat => said(HEARTBEAT, []),
        WorkerOrder::Disconnect => said(DISCONNECT, []),
    }
}

pub(super) fn decode_worker_order(mut frames: Frames) -> Result<WorkerOrder, WireError> {
    if frames.first().is_some_and(Bytes::is_empty) {
        frames.remove(0);
    }
    if frames.first().is_none_or(|header| header != WORKER) {
        return Err(WireError::UnknownCommand(frames.into_iter().next().unwrap_or_default()));
    }
    let (kind, rest) = split(frames)?;
    match kind {
        REQUEST => {
            let (job, body) = addressed(rest)?;
            Ok(WorkerOrder::Run { job, client: Bytes::new(), body })
        }
        HEARTBEAT => Ok(WorkerOrder::Heartbeat),
        DISCONNECT => Ok(WorkerOrder::Disconnect),
        other => Err(WireError::UnknownCommand(Bytes::copy_from_slice(&[other]))),
    }
}

// --- what both Majordomos share

/// The type byte, and the frames behind it.
pub(super) fn split(frames: Frames) -> Result<(u8, std::vec::IntoIter<Bytes>), WireError> {
    let mut frames = frames.into_iter();
    frames.next(); // the header, by which the dialect was known
    let kind = frames.next().ok_or(WireError::Missing("command"))?;
    match kind[..] {
        [kind] => Ok((kind, frames)),
        _ => Err(WireError::UnknownCommand(kind)),
    }
}

pub(super) fn ready(service: Option<Bytes>) -> Result<WorkerCommand, WireError> {
    let service = service.ok_or(WireError::Missing("service"))?;
    Ok(WorkerCommand::Ready { service: ServiceName::new(service).ok_or(WireError::NoService)? })
}

/// `<address>, "", <body>…`.
pub(super) fn addressed(mut frames: impl Iterator<Item = Bytes>) -> Result<(JobRef, Body), WireError> {
    let address = frames.next().ok_or(WireError::Missing("address"))?;
    frames.next().filter(Bytes::is_empty).ok_or(WireError::Missing("delimiter"))?;
    let job = JobId::parse(&address).map_or(JobRef::Address(address), JobRef::Named);
    Ok((job, Body::from_frames(frames.collect())))
}

/// The frame that names a job to a worker.
pub(super) fn address(job: &JobRef) -> Bytes {
    match job {
        JobRef::Named(id) => id.to_string().into(),
        JobRef::Address(address) => address.clone(),
    }
}

fn said<const N: usize>(kind: u8, rest: [Bytes; N]) -> Frames {
    let mut frames = vec![Bytes::new(), Bytes::from_static(WORKER), byte(kind)];
    frames.extend(rest);
    frames
}

fn about(kind: u8, job: &JobRef, body: &Body) -> Frames {
    let mut frames = said(kind, [address(job), Bytes::new()]);
    frames.extend(body.frames().iter().cloned());
    frames
}

/// A frame of one byte, without an allocation.
pub(super) fn byte(kind: u8) -> Bytes {
    static BYTES: [u8; 7] = [0, 1, 2, 3, 4, 5, 6];
    Bytes::from_static(&BYTES[usize::from(kind)..=usize::from(kind)])
}
