//! Raw traces made readable: streams of bytes become handshakes and messages.
//!
//! Each direction is read by the ZMTP engine as the end that the bytes were sent to. What the recorder made
//! of them (`zmtp`) is left out: it is a second opinion, not evidence.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use zmws::zmtp::{Config, Engine, Event as ZmtpEvent, Limits, PeerInfo, SocketType, ZmtpError};

use super::{Conn, ConnIndex, Event, Frame, Port, Side, Trace, What};

/// A stream that is no ZMTP.
#[derive(Debug, thiserror::Error)]
#[error("{peer}, connection {number}, bytes to the {to}: {error}")]
pub struct RawError {
    peer: String,
    number: u32,
    to: &'static str,
    error: ZmtpError,
}

/// The trace with each `hex` stream as the messages in it. A trace without such streams stays as it is.
///
/// # Errors
///
/// A stream that the engine refuses.
pub fn decoded(trace: Trace) -> Result<Trace, RawError> {
    if !trace.events.iter().any(|event| matches!(event.what, What::Raw { .. })) {
        return Ok(trace);
    }
    let mut streams =
        Streams { conns: &trace.conns, open: HashMap::new(), seen: HashSet::new(), out: Vec::new() };
    for event in &trace.events {
        streams.event(event)?;
    }
    let events = streams.out;
    Ok(Trace { events, ..trace })
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
}

impl Streams<'_> {
    fn event(&mut self, event: &Event) -> Result<(), RawError> {
        match &event.what {
            What::Raw { conn, to, bytes } => self.bytes(event.at, *conn, *to, bytes),
            What::Command { member: "zmtp", .. } => Ok(()),
            What::Open(conn) => {
                self.seen.insert(*conn);
                self.out.push(event.clone());
                Ok(())
            }
            What::Note(_)
            | What::Refused(_)
            | What::Handshake { .. }
            | What::Close { .. }
            | What::Message { .. }
            | What::Http { .. }
            | What::Command { .. } => {
                self.out.push(event.clone());
                Ok(())
            }
        }
    }

    fn bytes(&mut self, at: u64, conn: ConnIndex, to: Side, bytes: &Bytes) -> Result<(), RawError> {
        if self.seen.insert(conn) {
            self.out.push(Event { at, what: What::Open(conn) });
        }
        let about = &self.conns[conn];
        let new = || Stream { engine: Engine::new(&end(about.port, to)), input: BytesMut::new() };
        let stream = self.open.entry((conn, to == Side::Broker)).or_insert_with(new);
        stream.input.extend_from_slice(bytes);
        let refused =
            |error| RawError { peer: about.peer.clone(), number: about.number, to: to.name(), error };
        while let Some(event) = stream.engine.receive(&mut stream.input).map_err(refused)? {
            if let Some(what) = of_stream(conn, to, event) {
                self.out.push(Event { at, what });
            }
        }
        Ok(())
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
        | ZmtpEvent::Pong => None,
    }
}

fn properties(info: &PeerInfo) -> BTreeMap<String, Bytes> {
    let property = |(name, value): &(Bytes, Bytes)| (super::to_text(name), value.clone());
    info.properties.iter().map(property).collect()
}
