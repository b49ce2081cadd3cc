//! Frames to messages and back, one file a dialect.

use bytes::Bytes;

use crate::message::{Address, ClientCommand, ClientReply, Dialect, Origin, WorkerCommand, WorkerOrder};

/// The frames of one multipart message.
pub type Frames = Vec<Bytes>;

/// What is wrong with frames a peer sent. Never our own fault.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WireError {
    /// The message ended before the named frame.
    #[error("the message ended before its {0} frame")]
    Missing(&'static str),
}

/// A client's message that cannot be served, and what to tell the client where its dialect has a
/// word for it.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// What is wrong.
    pub error: WireError,
    /// The answer.
    pub reply: Option<(Origin, ClientReply)>,
}

/// Client to broker, at the broker. `frames` without the identity that a ROUTER puts in front.
pub fn decode_client_command(frames: Frames) -> Result<(Origin, ClientCommand), Box<Rejected>> {
    let _ = frames;
    todo!()
}

/// Broker to client, at the broker, without the identity. `None` where the dialect has no word.
pub fn encode_client_reply(origin: &Origin, reply: &ClientReply) -> Option<Frames> {
    let _ = (origin, reply);
    todo!()
}

/// Client to broker, at the client. `None` where the dialect has no word.
pub fn encode_client_command(origin: &Origin, command: &ClientCommand) -> Option<Frames> {
    let _ = (origin, command);
    todo!()
}

/// Broker to client, at the client: the envelope it came with, and the reply.
pub fn decode_client_reply(dialect: Dialect, frames: Frames) -> Result<(Origin, ClientReply), WireError> {
    let _ = (dialect, frames);
    todo!()
}

/// Worker to broker, at the broker. `known` is the dialect of the peer's last READY, which tells
/// nothing but heartbeats apart.
pub fn decode_worker_command(
    known: Option<Dialect>,
    frames: Frames,
) -> Result<(Dialect, WorkerCommand), WireError> {
    let _ = (known, frames);
    todo!()
}

/// Broker to worker, at the broker. `None` where the dialect has no word.
pub fn encode_worker_order(dialect: Dialect, order: &WorkerOrder) -> Option<Frames> {
    let _ = (dialect, order);
    todo!()
}

/// Worker to broker, at the worker. `None` where the dialect has no word.
pub fn encode_worker_command(dialect: Dialect, command: &WorkerCommand) -> Option<Frames> {
    let _ = (dialect, command);
    todo!()
}

/// Broker to worker, at the worker.
pub fn decode_worker_order(dialect: Dialect, frames: Frames) -> Result<WorkerOrder, WireError> {
    let _ = (dialect, frames);
    todo!()
}

#[expect(dead_code, reason = "placeholder until the dialects are in")]
fn _uses(_: &Address) {}
