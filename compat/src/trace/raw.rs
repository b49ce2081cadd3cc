//! Raw traces made readable: streams of bytes become handshakes and messages.
//!
//! Each direction is read by the ZMTP engine as the end that the bytes were sent to. What the recorder made
//! of them (`zmtp`) is left out: it is a second opinion, not evidence.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use zmws::zmtp::{Config, Engine, Event as ZmtpEvent, Limits, PeerInfo, SocketType};

use super::{Conn, ConnIndex, Event, Frame, Port, Side, Trace, What};

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

struct Stream {
    engine: Engine,
    input: BytesMut,
    broken: bool,
}

impl Streams<'_> {
    fn event(&mut self, event: &Event) {
        match &event.what {
            What::Raw { conn, to, bytes } => self.bytes(event.at, *conn, *to, bytes),
            What::Command { member: "zmtp", .. } => {}
            What::Open(conn) => {
                self.seen.insert(*conn);
                self.out.push(event.clone());
            }
            What::Note(_)
            | What::Refused(_)
            | What::Handshake { .. }
            | What::Close { .. }
            | What::Message { .. }
            | What::Http { .. }
            | What::Command { .. } => {
                self.out.push(event.clone());
            }
        }
    }

    fn bytes(&mut self, at: u64, conn: ConnIndex, to: Side, bytes: &Bytes) {
        if self.seen.insert(conn) {
            self.out.push(Event { at, what: What::Open(conn) });
        }
        let about = &self.conns[conn];
        let new =
            || Stream { engine: Engine::new(&end(about.port, to)), input: BytesMut::new(), broken: false };
        let stream = self.open.entry((conn, to == Side::Broker)).or_insert_with(new);
        stream.input.extend_from_slice(bytes);
        while !stream.broken {
            match stream.engine.receive(&mut stream.input) {
                Ok(Some(event)) => {
                    self.out.extend(of_stream(conn, to, event).map(|what| Event { at, what }));
                }
                Ok(None) => break,
                Err(error) => {
                    stream.broken = true;
                    let note = format!("{}#{} to the {}: {error}", about.peer, about.number, to.name());
                    self.out.push(Event { at, what: What::Note(note) });
                }
            }
        }
    }
}

/// The socket that reads what is sent `to` there.
fn end(port: Port, to: Side) -> Config {
    let socket_type = match (to, port) {
        (Side::Broker, Port::News) => SocketType::Pub,
        (Side::Peer, Port::News) => SocketType::Sub,
        (Side::Broker, Port::Frontend | Port::Backend | Port::Http) => SocketType::Router,
        (Side::Peer, Port::Frontend | Port::Backend | Port::Http) => SocketType::Dealer,
    };
    Config { socket_type, identity: Bytes::new(), properties: Vec::new(), limits: Limits::default() }
}

fn of_stream(conn: ConnIndex, to: Side, event: ZmtpEvent) -> Option<What> {
    match event {
        ZmtpEvent::Ready(info) if to == Side::Broker => {
            Some(What::Handshake { conn, peer: properties(&info), broker: BTreeMap::new() })
        }
        ZmtpEvent::Message(frames) => {
            Some(What::Message { conn, to, frames: frames.into_iter().map(Frame::whole).collect() })
        }
        ZmtpEvent::Ready(_)
        | ZmtpEvent::Subscribe(_)
        | ZmtpEvent::Cancel(_)
        | ZmtpEvent::Ping
        | ZmtpEvent::Pong
        | ZmtpEvent::Ignored => None,
    }
}

fn properties(info: &PeerInfo) -> BTreeMap<String, Bytes> {
    let property = |(name, value): &(Bytes, Bytes)| (super::to_text(name), value.clone());
    info.properties.iter().map(property).collect()
}
