//! Raw traces made readable: streams of bytes become handshakes and messages.
//!
//! Each direction is read by the ZMTP engine as the end that the bytes were sent to. What the recorder made
//! of them (`zmtp`) is left out: it is a second opinion, not evidence.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use zmws::zmtp::{Config, Engine, Event as ZmtpEvent, Limits, SocketType};

use super::{Conn, ConnIndex, Event, Frame, Port, Side, Trace, What, to_text};

/// The trace with each `hex` stream as the messages in it. A trace without such streams stays as it is. A
/// stream that is no ZMTP, or breaks off being it, ends in a note.
pub fn decoded(trace: Trace) -> Trace {
    if !trace.events.iter().any(|event| matches!(event.what, What::Raw { .. })) {
        return trace;
    }
    let mut streams =
        Streams { conns: &trace.conns, open: HashMap::new(), seen: HashSet::new(), out: Vec::new() };
    for event in &trace.events {
        streams.event(event);
    }
    let events = streams.out;
    Trace { events, ..trace }
}

struct Streams<'a> {
    conns: &'a [Conn],
    open: HashMap<(ConnIndex, bool), Stream>,
    seen: HashSet<ConnIndex>,
    out: Vec<Event>,
}

impl Streams<'_> {
    fn event(&mut self, event: &Event) {
        match &event.what {
            What::Raw { conn, to, bytes } => self.bytes(event.at, *conn, *to, bytes),
            What::Command { member: "zmtp", .. } => {}
            what => {
                if let What::Open(conn) = what {
                    self.seen.insert(*conn);
                }
                self.out.push(event.clone());
            }
        }
    }

    fn bytes(&mut self, at: u64, conn: ConnIndex, to: Side, bytes: &Bytes) {
        if self.seen.insert(conn) {
            self.out.push(Event { at, what: What::Open(conn) });
        }
        let about = &self.conns[conn];
        let stream =
            self.open.entry((conn, to == Side::Broker)).or_insert_with(|| Stream::new(about.port, to));
        let (found, error) = stream.receive(bytes);
        self.out.extend(
            found.into_iter().filter_map(|event| what(conn, to, event)).map(|what| Event { at, what }),
        );
        if let Some(error) = error {
            let note = format!("{}#{} to the {}: {error}", about.peer, about.number, to.name());
            self.out.push(Event { at, what: What::Note(note) });
        }
    }
}

/// One direction of a connection, read as the end that it was sent to.
#[derive(Debug)]
pub struct Stream {
    engine: Engine,
    input: BytesMut,
    broken: bool,
}

impl Stream {
    pub fn new(port: Port, to: Side) -> Self {
        let socket_type = match (port, to) {
            (Port::News, Side::Broker) => SocketType::Pub,
            (Port::News, Side::Peer) => SocketType::Sub,
            (Port::Frontend | Port::Backend | Port::Http, Side::Broker) => SocketType::Router,
            (Port::Frontend | Port::Backend | Port::Http, Side::Peer) => SocketType::Dealer,
        };
        // Who only looks on allows what the broker may allow.
        let limits = Limits { frame_max: 1 << 40, message_max: 1 << 40, frames_max: 1 << 20 };
        let config = Config { socket_type, identity: Bytes::new(), properties: Vec::new(), limits };
        Self { engine: Engine::new(&config), input: BytesMut::new(), broken: false }
    }

    /// What has come whole with these bytes, and what is wrong with the next, once: then it is read no further.
    pub fn receive(&mut self, bytes: &[u8]) -> (Vec<ZmtpEvent>, Option<String>) {
        let mut found = Vec::new();
        self.input.extend_from_slice(bytes);
        while !self.broken {
            match self.engine.receive(&mut self.input) {
                Ok(Some(event)) => found.push(event),
                Ok(None) => return (found, None),
                Err(error) => {
                    self.broken = true;
                    return (found, Some(error.to_string()));
                }
            }
        }
        self.input.clear();
        (found, None)
    }
}

/// What an event of a stream is in a trace.
pub(crate) fn what(conn: ConnIndex, to: Side, event: ZmtpEvent) -> Option<What> {
    let command = |name: &str, data: &Bytes| {
        let value = serde_json::json!({"name": name, "data": to_text(data)});
        Some(What::Command { conn, to, member: "command", value })
    };
    match event {
        ZmtpEvent::Ready(info) if to == Side::Broker => {
            let peer = info.properties.iter().map(|(name, value)| (to_text(name), value.clone())).collect();
            Some(What::Handshake { conn, peer, broker: BTreeMap::new() })
        }
        ZmtpEvent::Message(frames) => {
            Some(What::Message { conn, to, frames: frames.into_iter().map(Frame::whole).collect() })
        }
        ZmtpEvent::Subscribe(topic) => command("SUBSCRIBE", &topic),
        ZmtpEvent::Cancel(topic) => command("CANCEL", &topic),
        ZmtpEvent::Ready(_) | ZmtpEvent::Ping | ZmtpEvent::Pong | ZmtpEvent::Ignored => None,
    }
}
