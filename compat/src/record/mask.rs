//! Hides what jobs carry and bring: each body becomes its length and a keyed hash, so that equal bodies stay
//! equal and nothing can be read back. The key is drawn when the recording begins and never kept.

use std::hash::{BuildHasher, RandomState};

use bytes::Bytes;

use crate::classify::worker::{WorkerMessage, WorkerOrder};
use crate::classify::{ClientMessage, Generation, Reply, RequestKind};
use crate::trace::{Frame, Port, Side};

/// The mask of one recording.
#[derive(Debug, Default)]
pub struct Mask {
    key: RandomState,
}

impl Mask {
    /// The same message without what it carries.
    pub fn message(&self, port: Port, to: Side, frames: &mut [Frame]) {
        let bare: Vec<Bytes> = frames.iter().map(|frame| frame.bytes.clone()).collect();
        let carries = match (port, to) {
            (Port::Frontend, Side::Broker) => asked(&bare),
            (Port::Frontend, Side::Peer) => replied(frames),
            (Port::Backend, Side::Broker) => said(&bare),
            (Port::Backend, Side::Peer) => ordered(frames),
            (Port::News | Port::Http, _) => (0..frames.len()).collect(),
        };
        for index in carries {
            frames[index] = Frame::whole(self.bytes(&frames[index].bytes));
        }
    }

    /// What stands for a body. Nothing stays nothing.
    pub fn bytes(&self, body: &[u8]) -> Bytes {
        if body.is_empty() {
            return Bytes::new();
        }
        // The tag says how to read what nobody can read any more, but old workers look for it.
        let tag: &[u8] = if body.starts_with(b"PARAM-JSON: ") { b"PARAM-JSON: " } else { b"" };
        let hash = format!("\"masked {} {:016x}\"", body.len(), self.key.hash_one(body));
        Bytes::from([tag, hash.as_bytes()].concat())
    }
}

/// Frames of a client's message but the delimiter, headers, the service and the job.
fn asked(frames: &[Bytes]) -> Vec<usize> {
    let asked = ClientMessage::read(frames, Generation::Both);
    let known = |frame: &Bytes| {
        frame.is_empty() || *frame == asked.job || frame.starts_with(b"MDPC0") || frame.len() == 1
    };
    if asked.kind == RequestKind::List {
        return Vec::new();
    }
    (0..frames.len()).filter(|&index| !known(&frames[index])).collect()
}

/// What stands behind the status of a reply; of a list all, for parameters stand in it.
fn replied(frames: &[Frame]) -> Vec<usize> {
    let last = frames.len() - 1;
    match Reply::read(frames) {
        Reply::Accepted { .. } | Reply::Refused { .. } => Vec::new(),
        Reply::Part { .. } | Reply::Ended { .. } => vec![last],
        Reply::Majordomo { .. } => {
            let from = frames.iter().position(|frame| frame.bytes.starts_with(b"MDPC0")).unwrap_or(0);
            let head = if frames[from].bytes == "MDPC01" { 2 } else { 3 };
            (from + head..frames.len()).collect()
        }
        Reply::Other => (0..frames.len()).filter(|&index| !frames[index].bytes.is_empty()).collect(),
    }
}

fn said(frames: &[Bytes]) -> Vec<usize> {
    match WorkerMessage::read(frames) {
        WorkerMessage::Answer { value: Some(value), .. } => {
            (0..frames.len()).filter(|&index| frames[index] == value).take(1).collect()
        }
        WorkerMessage::Answer { .. }
        | WorkerMessage::Ready { .. }
        | WorkerMessage::Heartbeat
        | WorkerMessage::Disconnect => Vec::new(),
        WorkerMessage::Other => (0..frames.len()).collect(),
    }
}

fn ordered(frames: &[Frame]) -> Vec<usize> {
    match WorkerOrder::read(frames) {
        WorkerOrder::Run { param: Some(_), .. }
            if frames.iter().any(|frame| frame.bytes.starts_with(b"MDPW0")) =>
        {
            let from = frames.iter().rposition(|frame| frame.bytes.starts_with(b"MDPW0")).unwrap_or(0) + 4;
            (from..frames.len()).collect()
        }
        WorkerOrder::Run { param: Some(_), .. } => vec![frames.len() - 2],
        WorkerOrder::Run { .. } | WorkerOrder::Heartbeat | WorkerOrder::Disconnect => Vec::new(),
        WorkerOrder::Other => (0..frames.len()).collect(),
    }
}
