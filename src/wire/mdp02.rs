//! Majordomo 0.2, RFC 18.
//!
//! | from, to | frames |
//! |---|---|
//! | client, REQUEST | `["MDPC02", 01, <service>, <body>…]` |
//! | client, PARTIAL | `["MDPC02", 02, <service>, <body>…]` |
//! | client, FINAL | `["MDPC02", 03, <service>, <body>…]` |
//! | worker, READY | `["MDPW02", 01, <service>]` |
//! | worker, REQUEST | `["MDPW02", 02, <address>, "", <body>…]` |
//! | worker, PARTIAL | `["MDPW02", 03, <address>, "", <body>…]` |
//! | worker, FINAL | `["MDPW02", 04, <address>, "", <body>…]` |
//! | both, HEARTBEAT | `["MDPW02", 05]` |
//! | both, DISCONNECT | `["MDPW02", 06]` |
//!
//! Peers that put an empty frame in front, as of RFC 7, get one back. There is no word for a failed job:
//! its client gets one body frame with zmws's own text.

use bytes::Bytes;

use super::mdp01::{self, address, addressed, byte, failure, ready, split};
use super::{Frames, Refusal, WireError};
use crate::job::Body;
use crate::message::{ClientCommand, ClientReply, JobRef, Outcome, WorkerCommand, WorkerOrder};

pub(super) const CLIENT: &[u8] = b"MDPC02";
pub(super) const WORKER: &[u8] = b"MDPW02";
pub(super) const REQUEST: &[u8] = &[1];

const CLIENT_REQUEST: u8 = 1;
const CLIENT_PARTIAL: u8 = 2;
const CLIENT_FINAL: u8 = 3;

const READY: u8 = 1;
const WORKER_REQUEST: u8 = 2;
const PARTIAL: u8 = 3;
const FINAL: u8 = 4;
const HEARTBEAT: u8 = 5;
const DISCONNECT: u8 = 6;

pub(super) fn decode_client_command(frames: Frames) -> Result<ClientCommand, Refusal> {
    mdp01::decode_request(frames.into_iter().skip(2))
}

pub(super) fn encode_client_command(command: &ClientCommand, frames: &mut Frames) -> Option<()> {
    frames.extend([Bytes::from_static(CLIENT), byte(CLIENT_REQUEST)]);
    mdp01::encode_request(command, frames)
}

pub(super) fn encode_client_reply(reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    let kind = match reply {
        ClientReply::Partial { .. } => CLIENT_PARTIAL,
        ClientReply::Accepted { .. }
        | ClientReply::Refused { .. }
        | ClientReply::Finished { .. }
        | ClientReply::Snapshot { .. }
        | ClientReply::Managed { .. } => CLIENT_FINAL,
    };
    frames.extend([Bytes::from_static(CLIENT), byte(kind)]);
    mdp01::encode_reply(reply, frames)
}

pub(super) fn decode_client_reply(frames: Frames) -> Result<ClientReply, WireError> {
    if frames.first().is_none_or(|header| header != CLIENT) {
        return Err(WireError::UnknownCommand(frames.into_iter().next().unwrap_or_default()));
    }
    let (kind, rest) = split(frames)?;
    let reply = mdp01::decode_result(rest)?;
    match (kind, reply) {
        (CLIENT_PARTIAL, ClientReply::Finished { job, service, body, .. }) => {
            Ok(ClientReply::Partial { job, service, body })
        }
        (CLIENT_PARTIAL | CLIENT_FINAL, reply) => Ok(reply),
        (other, _) => Err(WireError::UnknownCommand(Bytes::copy_from_slice(&[other]))),
    }
}

pub(super) fn decode_worker_command(frames: Frames) -> Result<WorkerCommand, WireError> {
    let (kind, mut rest) = split(frames)?;
    match kind {
        READY => ready(rest.next()),
        PARTIAL => {
            let (job, body) = addressed(rest)?;
            Ok(WorkerCommand::Partial { job, service: None, body })
        }
        FINAL => {
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
        WorkerCommand::Partial { job, body, .. } => about(PARTIAL, job, body),
        WorkerCommand::Finish { job, outcome: Outcome::Complete, body, .. } => about(FINAL, job, body),
        WorkerCommand::Finish { job, service, outcome: Outcome::Fail, .. } => {
            about(FINAL, job, &failure(service.as_ref()))
        }
        WorkerCommand::Disconnect => said(DISCONNECT, []),
    })
}

pub(super) fn encode_worker_order(delimiter: bool, order: &WorkerOrder) -> Frames {
    let mut frames = match order {
        WorkerOrder::Run { job, body, .. } => about(WORKER_REQUEST, job, body),
        WorkerOrder::Heartbeat => said(HEARTBEAT, []),
        WorkerOrder::Disconnect => said(DISCONNECT, []),
    };
    if delimiter {
        frames.insert(0, Bytes::new());
    }
    frames
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
        WORKER_REQUEST => {
            let (job, body) = addressed(rest)?;
            Ok(WorkerOrder::Run { job, client: Bytes::new(), body })
        }
        HEARTBEAT => Ok(WorkerOrder::Heartbeat),
        DISCONNECT => Ok(WorkerOrder::Disconnect),
        other => Err(WireError::UnknownCommand(Bytes::copy_from_slice(&[other]))),
    }
}

fn said<const N: usize>(kind: u8, rest: [Bytes; N]) -> Frames {
    let mut frames = vec![Bytes::from_static(WORKER), byte(kind)];
    frames.extend(rest);
    frames
}

fn about(kind: u8, job: &JobRef, body: &Body) -> Frames {
    let mut frames = said(kind, [address(job), Bytes::new()]);
    frames.extend(body.frames().iter().cloned());
    frames
}
