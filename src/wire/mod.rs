//! Frames to messages and back, one file a dialect with the same functions in each.
//!
//! Knows every word on the wire and nothing of jobs' lives: no state, no clock, no I/O. What tells the
//! dialects of a port apart is here (original.md §9); what each says is in its own file:
//!
//! - `zmws1`: zmws 0.9 … 1.0 for clients, 0.9 … 2.0.0-rc4 for workers;
//! - `zmws2`: zmws 2.0.0-rc1 … for clients, master for workers;
//! - `mdp01`, `mdp02`: Majordomo, RFC 7 and RFC 18;
//! - `text`: the words that both zmws dialects put into one frame (`COMPLETE: STR-REV [00C0-FFEE]`).
//!
//! Frames here are those behind the identity that a ROUTER puts in front. Bodies pass byte for byte.

#![deny(clippy::wildcard_enum_match_arm)]

mod mdp01;
mod mdp02;
mod text;
mod zmws1;
mod zmws2;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::job::{Body, ServiceName};
use crate::message::{ClientCommand, ClientReply, Dialect, Origin, View, WorkerCommand, WorkerOrder};

/// The frames of one multipart message.
pub type Frames = Vec<Bytes>;

/// What is wrong with frames a peer sent. Never our own fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The message ended before the named frame.
    #[error("the message ended before its {0} frame")]
    Missing(&'static str),
    /// The service has no name.
    #[error("the service has no name")]
    NoService,
    /// The type frame of a zmws 2 request is not 1, or its header is not of a request.
    #[error("type {} is no request", shown(.0))]
    BadType(Bytes),
    /// The command frame names no command of the dialect.
    #[error("{} is not a command", shown(.0))]
    UnknownCommand(Bytes),
    /// The text names no job by an id that we could have given.
    #[error("{} is no job id", shown(.0))]
    BadJobId(Bytes),
    /// The frames are of no dialect.
    #[error("{0} frames that are of no dialect, the last is {last}", last = shown(.1))]
    Unknown(usize, Bytes),
}

/// A frame for the log: a command is short, and what is not may be a parameter, which is nobody's to read there.
fn shown(frame: &Bytes) -> String {
    match frame.len() {
        0..=SHOWN_MAX => format!("{frame:?}"),
        length => format!("a frame of {length} bytes"),
    }
}

/// Bytes of the longest frame that an error shows: a job's id with its word, and a service's name.
const SHOWN_MAX: usize = 64;

/// A client's message that cannot be served, and what to tell the client where its dialect has a
/// word for it.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What is wrong.
    pub error: WireError,
    /// The answer.
    pub reply: Option<(Origin, ClientReply)>,
}

/// Client to broker, at the broker.
///
/// # Errors
///
/// The message cannot be served; see [`Rejected`].
pub fn decode_client_command(frames: Frames) -> Result<(Origin, ClientCommand), Box<Rejected>> {
    let (route, frames) = Route::strip(frames);
    let dialect = client_dialect(&frames);
    let origin = route.origin(dialect);
    let decoded = match dialect {
        Dialect::Zmws1 => zmws1::decode_client_command(frames),
        Dialect::Zmws2 => zmws2::decode_client_command(frames),
        Dialect::Mdp01 => mdp01::decode_client_command(frames),
        Dialect::Mdp02 => mdp02::decode_client_command(frames),
    };
    match decoded {
        Ok(command) => Ok((origin, command)),
        Err(Refusal { error, mut service }) => {
            service.truncate(ServiceName::BYTES_MAX);
            let reply = (origin, ClientReply::Refused { service, body: Body::EMPTY });
            Err(Box::new(Rejected { error, reply: Some(reply) }))
        }
    }
}

/// Broker to client, at the broker. `None` where the dialect has no word.
pub fn encode_client_reply(origin: &Origin, reply: &ClientReply) -> Option<Frames> {
    let mut frames = Vec::with_capacity(FRAMES_TYPICAL);
    append_client_reply(origin, reply, &mut frames)?;
    Some(frames)
}

/// The same, with the frames appended to what may have been used before. Where the dialect has no word, what is appended
/// means nothing.
pub fn append_client_reply(origin: &Origin, reply: &ClientReply, frames: &mut Frames) -> Option<()> {
    frames.extend(origin.envelope.iter().flatten().cloned());
    match origin.dialect {
        Dialect::Zmws1 => zmws1::encode_client_reply(origin, reply, frames),
        Dialect::Zmws2 => zmws2::encode_client_reply(reply, frames),
        Dialect::Mdp01 => {
            frames.push(Bytes::new()); // a REQ's delimiter
            mdp01::encode_client_reply(reply, frames)
        }
        Dialect::Mdp02 => {
            // RFC 18 has DEALERs and no delimiter; a REQ sends one, and needs it back.
            frames.extend(origin.delimiter.then(Bytes::new));
            mdp02::encode_client_reply(reply, frames)
        }
    }
}

/// Client to broker, at the client. `None` where the dialect has no word.
pub fn encode_client_command(origin: &Origin, command: &ClientCommand) -> Option<Frames> {
    let mut frames = Vec::with_capacity(FRAMES_TYPICAL);
    frames.extend(origin.envelope.iter().flatten().cloned());
    frames.extend(origin.delimiter.then(Bytes::new));
    match origin.dialect {
        Dialect::Zmws1 => zmws1::encode_client_command(command, &mut frames)?,
        Dialect::Zmws2 => zmws2::encode_client_command(command, &mut frames)?,
        Dialect::Mdp01 => mdp01::encode_client_command(command, &mut frames)?,
        Dialect::Mdp02 => mdp02::encode_client_command(command, &mut frames)?,
    }
    Some(frames)
}

/// Broker to client, at the client: the envelope it came with, and the reply.
///
/// # Errors
///
/// The frames are no reply of the dialect.
pub fn decode_client_reply(dialect: Dialect, frames: Frames) -> Result<(Origin, ClientReply), WireError> {
    let (route, frames) = Route::strip_reply(frames);
    let reply = match dialect {
        Dialect::Zmws1 => zmws1::decode_client_reply(frames)?,
        Dialect::Zmws2 => zmws2::decode_client_reply(frames)?,
        Dialect::Mdp01 => mdp01::decode_client_reply(frames)?,
        Dialect::Mdp02 => mdp02::decode_client_reply(frames)?,
    };
    Ok((route.origin(dialect), reply))
}

/// Worker to broker, at the broker: the form that orders must have, and what was said.
///
/// A bare `["HEARTBEAT"]` is the same in both zmws dialects and is called zmws 1: orders are to be sent in
/// the form of the worker's READY.
///
/// # Errors
///
/// The frames are no worker's command of any dialect.
pub fn decode_worker_command(mut frames: Frames) -> Result<(Origin, WorkerCommand), WireError> {
    let delimiter = frames.first().is_some_and(Bytes::is_empty);
    if delimiter {
        frames.remove(0);
    }
    let header = frames.first().ok_or(WireError::Missing("first"))?;
    let (dialect, command) = match &header[..] {
        mdp01::WORKER => (Dialect::Mdp01, mdp01::decode_worker_command(frames)?),
        mdp02::WORKER => (Dialect::Mdp02, mdp02::decode_worker_command(frames)?),
        zmws2::HEADER => (Dialect::Zmws2, zmws2::decode_worker_command(frames)?),
        _ => (Dialect::Zmws1, zmws1::decode_worker_command(frames)?),
    };
    Ok((Origin { dialect, delimiter, envelope: None }, command))
}

/// Broker to worker, at the broker. `None` where the dialect has no word.
pub fn encode_worker_order(origin: &Origin, order: &WorkerOrder) -> Option<Frames> {
    let mut frames = Vec::with_capacity(FRAMES_TYPICAL);
    append_worker_order(origin, order, &mut frames)?;
    Some(frames)
}

/// The same, with the frames appended to what may have been used before.
pub fn append_worker_order(origin: &Origin, order: &WorkerOrder, frames: &mut Frames) -> Option<()> {
    match origin.dialect {
        Dialect::Zmws1 => return zmws1::encode_worker_order(order, frames),
        Dialect::Zmws2 => return zmws2::encode_worker_order(order, frames),
        Dialect::Mdp01 => frames.extend(mdp01::encode_worker_order(order)),
        Dialect::Mdp02 => frames.extend(mdp02::encode_worker_order(origin.delimiter, order)),
    }
    Some(())
}

/// Worker to broker, at the worker. `None` where the dialect has no word.
pub fn encode_worker_command(dialect: Dialect, command: &WorkerCommand) -> Option<Frames> {
    match dialect {
        Dialect::Zmws1 => zmws1::encode_worker_command(command),
        Dialect::Zmws2 => zmws2::encode_worker_command(command),
        Dialect::Mdp01 => mdp01::encode_worker_command(command),
        Dialect::Mdp02 => mdp02::encode_worker_command(command),
    }
}

/// Broker to worker, at the worker.
///
/// # Errors
///
/// The frames are no order of the dialect. A worker must not take them for a job (original.md quirk 33).
pub fn decode_worker_order(dialect: Dialect, frames: Frames) -> Result<WorkerOrder, WireError> {
    match dialect {
        Dialect::Zmws1 => zmws1::decode_worker_order(frames),
        Dialect::Zmws2 => zmws2::decode_worker_order(frames),
        Dialect::Mdp01 => mdp01::decode_worker_order(frames),
        Dialect::Mdp02 => mdp02::decode_worker_order(frames),
    }
}

/// The name by which a list is asked for.
pub fn view_name(view: View) -> &'static [u8] {
    text::view_name(view)
}

/// Room for the frames of most messages.
const FRAMES_TYPICAL: usize = 6;

/// Why a request is not taken, and what upstream's `FAIL: ` names then.
struct Refusal {
    error: WireError,
    service: Bytes,
}

/// What stands in front of a client's message.
struct Route {
    delimiter: bool,
    envelope: Option<Box<[Bytes]>>,
}

/// Frames and bytes of a return envelope that is given back. It is kept for as long as its job.
const ENVELOPE_FRAMES_MAX: usize = 8;
const ENVELOPE_BYTES_MAX: usize = 1_024;

impl Route {
    /// At the broker. An envelope counts only in front of an empty frame with a Majordomo header behind
    /// it: in zmws 1 the first frame may as well be a parameter.
    fn strip(mut frames: Frames) -> (Self, Frames) {
        if frames.first().is_some_and(Bytes::is_empty) {
            frames.remove(0);
            return (Self { delimiter: true, envelope: None }, frames);
        }
        let is_end =
            |pair: &[Bytes]| pair[0].is_empty() && (pair[1] == mdp01::CLIENT || pair[1] == mdp02::CLIENT);
        let end = frames.windows(2).take(ENVELOPE_FRAMES_MAX + 1).position(is_end);
        let bytes = |frames: &[Bytes]| frames.iter().map(Bytes::len).sum::<usize>();
        match end {
            Some(end) if bytes(&frames[..end]) <= ENVELOPE_BYTES_MAX => Self::cut(frames, end),
            Some(_) | None => (Self { delimiter: false, envelope: None }, frames),
        }
    }

    /// At the client, who knows that what stands before the first empty frame is its own. Behind a header there
    /// is none: an empty frame is then the body (`["MDPC02", 0x03, service, ""]`, RFC 18).
    fn strip_reply(frames: Frames) -> (Self, Frames) {
        let has_header = frames.first().is_some_and(|first| first == mdp01::CLIENT || first == mdp02::CLIENT);
        if has_header {
            return (Self { delimiter: false, envelope: None }, frames);
        }
        match frames.iter().take(ENVELOPE_FRAMES_MAX + 1).position(Bytes::is_empty) {
            // `[<param>, "", <json>]` of a list is not to be told from an envelope; we ask without.
            Some(end) => Self::cut(frames, end),
            None => (Self { delimiter: false, envelope: None }, frames),
        }
    }

    fn cut(mut frames: Frames, end: usize) -> (Self, Frames) {
        let rest = frames.split_off(end + 1);
        frames.truncate(end);
        let envelope = (end > 0).then(|| frames.into_boxed_slice());
        (Self { delimiter: true, envelope }, rest)
    }

    fn origin(self, dialect: Dialect) -> Origin {
        Origin { dialect, delimiter: self.delimiter, envelope: self.envelope }
    }
}

/// original.md §9, "Frontend", in its order.
fn client_dialect(frames: &[Bytes]) -> Dialect {
    match frames {
        [header, _, ..] if header == mdp01::CLIENT => Dialect::Mdp01,
        [header, kind, _, ..] if header == mdp02::CLIENT && kind == mdp02::REQUEST => Dialect::Mdp02,
        // A zmws 1 job whose parameter is the text `MDPC02`, unless it looks like a type.
        [header, kind] if header == zmws2::HEADER && !zmws2::looks_like_type(kind) => Dialect::Zmws1,
        [header, _, ..] if header == zmws2::HEADER => Dialect::Zmws2,
        _ => Dialect::Zmws1,
    }
}
