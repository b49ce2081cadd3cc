//! What clients and workers say in the four dialects, as the specifications have it.

use crate::zmtp::Message;

/// A dialect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dialect {
    Zmws1,
    Zmws2,
    Mdp01,
    Mdp02,
}

use Dialect::{Mdp01, Mdp02, Zmws1, Zmws2};

/// All of them.
pub(crate) const DIALECTS: [Dialect; 4] = [Zmws1, Zmws2, Mdp01, Mdp02];

fn owned(frames: &[&[u8]]) -> Message {
    frames.iter().map(|frame| frame.to_vec()).collect()
}

/// A client waits for the result of a job.
pub(crate) fn sync(dialect: Dialect, service: &str, param: &[u8]) -> Message {
    let name = service.as_bytes();
    match dialect {
        Zmws1 => owned(&[b"", param, &[b"JOB: SYNC-", name].concat()]),
        Zmws2 => owned(&[b"", b"MDPC02", b"1", param, &[b"SYNC-", name].concat()]),
        Mdp01 => owned(&[b"", b"MDPC01", name, param]),
        Mdp02 => owned(&[b"", b"MDPC02", b"\x01", name, param]),
    }
}

/// A client wants a job done in the background; Majordomo has no word for it.
pub(crate) fn background(service: &str, param: &[u8]) -> Message {
    owned(&[b"", b"MDPC02", b"1", param, service.as_bytes()])
}

/// The same in zmws 1.
pub(crate) fn background_zmws1(service: &str, param: &[u8]) -> Message {
    owned(&[b"", param, &[b"JOB: ", service.as_bytes()].concat()])
}

/// A worker offers a service.
pub(crate) fn ready(dialect: Dialect, service: &[u8]) -> Message {
    match dialect {
        Zmws1 => owned(&[service, b"READY"]),
        Zmws2 => owned(&[b"MDPC02", b"3", service, b"READY"]),
        Mdp01 => owned(&[b"", b"MDPW01", b"\x01", service]),
        Mdp02 => owned(&[b"", b"MDPW02", b"\x01", service]),
    }
}

/// A worker lives.
pub(crate) fn heartbeat(dialect: Dialect) -> Message {
    match dialect {
        Zmws1 | Zmws2 => owned(&[b"HEARTBEAT"]),
        Mdp01 => owned(&[b"", b"MDPW01", b"\x04"]),
        Mdp02 => owned(&[b"", b"MDPW02", b"\x05"]),
    }
}

/// A job as a worker got it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The id (zmws) or the client's address (Majordomo), to be given back.
    pub(crate) token: Vec<u8>,
    pub(crate) param: Vec<u8>,
}

/// The job in a message to a worker; `None` if it is something else.
pub(crate) fn job(dialect: Dialect, frames: &[Vec<u8>]) -> Option<Job> {
    let parts: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    let (token, param) = match (dialect, parts.as_slice()) {
        (Zmws1, [_, b"", param, job]) | (Zmws2, [b"", b"MDPC02", b"1", param, job]) => {
            (job.strip_prefix(b"JOB: ")?, param)
        }
        (Mdp01, [b"", b"MDPW01", b"\x02", address, b"", param, ..])
        | (Mdp02, [b"", b"MDPW02", b"\x02", address, b"", param, ..]) => (*address, param),
        _ => return None,
    };
    Some(Job { token: token.to_vec(), param: param.to_vec() })
}

/// A worker has done a job.
pub(crate) fn complete(dialect: Dialect, service: &str, token: &[u8], value: &[u8]) -> Message {
    let (name, verb) = (service.as_bytes(), [b"COMPLETE: ", token].concat());
    match dialect {
        Zmws1 => owned(&[value, name, &verb]),
        Zmws2 => owned(&[b"MDPC02", b"3", name, value, &verb]),
        Mdp01 => owned(&[b"", b"MDPW01", b"\x03", token, b"", value]),
        Mdp02 => owned(&[b"", b"MDPW02", b"\x04", token, b"", value]),
    }
}

/// How an answer to a client begins.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Said {
    /// A job of the background was taken.
    Taken,
    /// The result.
    Complete,
    /// The job failed, or was refused.
    Fail,
    /// Something else.
    Other,
}

/// What an answer to a client says, and its value or, for a taken job, its id.
pub(crate) fn answer(dialect: Dialect, frames: &[Vec<u8>]) -> (Said, Vec<u8>) {
    let parts: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    match (dialect, parts.as_slice()) {
        (Zmws1, [b"", status, rest @ ..]) | (Zmws2, [b"", b"MDPC02", b"3", _, status, rest @ ..]) => {
            zmws_status(status, rest)
        }
        (Mdp01, [b"", b"MDPC01", _, value, ..]) | (Mdp02, [b"", b"MDPC02", b"\x03", _, value, ..]) => {
            let failed = value.starts_with(b"FAIL: ");
            (if failed { Said::Fail } else { Said::Complete }, value.to_vec())
        }
        _ => (Said::Other, Vec::new()),
    }
}

fn zmws_status(status: &[u8], rest: &[&[u8]]) -> (Said, Vec<u8>) {
    let value = rest.first().map_or(Vec::new(), |value| value.to_vec());
    if status.starts_with(b"COMPLETE: ") {
        (Said::Complete, value)
    } else if status.starts_with(b"FAIL: ") {
        (Said::Fail, value)
    } else if let Some(taken) = status.strip_prefix(b"JOB: ") {
        (Said::Taken, taken.split(|byte| *byte == b' ').next().unwrap_or_default().to_vec())
    } else {
        (Said::Other, Vec::new())
    }
}
