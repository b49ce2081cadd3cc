//! The engine, driven as a peer drives it.
//!
//! `opening`: greetings and handshakes of each version. `traffic`: messages, commands, limits.
//! `recorded`: streams of libzmq. `cuts`: laws that hold however the bytes are cut.

mod cuts;
mod opening;
mod recorded;
mod traffic;

use std::fmt::Write as _;
use std::io::IoSlice;

use bytes::{Bytes, BytesMut};

use super::{Config, Engine, Event, Limits, SocketType, Version, ZmtpError};

fn config(socket_type: SocketType) -> Config {
    Config { socket_type, identity: Bytes::new(), properties: Vec::new(), limits: Limits::default() }
}

/// Everything that waits in the output, which is empty then.
fn drain(engine: &mut Engine) -> Vec<u8> {
    let outbox = engine.outbox();
    let mut bytes = Vec::with_capacity(outbox.len());
    while !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = outbox.slices(&mut slices);
        let before = bytes.len();
        slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
        let written = bytes.len() - before;
        outbox.advance(written);
    }
    bytes
}

/// All events of the input, up to an error.
fn events(engine: &mut Engine, input: &mut BytesMut) -> Result<Vec<Event>, ZmtpError> {
    let mut events = Vec::new();
    while let Some(event) = engine.receive(input)? {
        events.push(event);
    }
    Ok(events)
}

/// What the engine makes of these bytes, come at once: one line an event or error.
fn said(engine: &mut Engine, bytes: &[u8]) -> String {
    said_in_pieces(engine, [bytes])
}

/// What the engine makes of these bytes, come one after the other.
fn said_in_pieces<'a>(engine: &mut Engine, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut lines = String::new();
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match engine.receive(&mut input) {
                Ok(None) => break,
                Ok(Some(event)) => writeln!(lines, "{}", shown(&event)).unwrap(),
                Err(error) => {
                    writeln!(lines, "error: {error}").unwrap();
                    return lines;
                }
            }
        }
    }
    lines
}

fn shown(event: &Event) -> String {
    let escaped = |bytes: &Bytes| {
        let text = bytes.escape_ascii().to_string();
        if text.len() > 80 { format!("{}… ({} bytes)", &text[..40], bytes.len()) } else { text }
    };
    match event {
        Event::Ready(peer) => {
            format!("ready: {:?} {} {:?}", peer.version, peer.socket_type.name(), peer.identity)
        }
        Event::Message(frames) => {
            format!("message: {}", frames.iter().map(escaped).collect::<Vec<_>>().join(" | "))
        }
        Event::Subscribe(topic) => format!("subscribe: {}", escaped(topic)),
        Event::Cancel(topic) => format!("cancel: {}", escaped(topic)),
        Event::Ping => "ping".into(),
        Event::Pong => "pong".into(),
        Event::Ignored => "ignored".into(),
    }
}

/// A 3.x greeting.
fn greeting(minor: u8, mechanism: &str) -> Vec<u8> {
    let mut bytes = b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03".to_vec();
    bytes.push(minor);
    bytes.extend_from_slice(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

/// A short or long frame.
fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flags];
    if flags & 2 == 0 {
        bytes.push(u8::try_from(body.len()).unwrap());
    } else {
        bytes.extend_from_slice(&(body.len() as u64).to_be_bytes());
    }
    bytes.extend_from_slice(body);
    bytes
}

fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).unwrap()];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    frame(if body.len() > 255 { 6 } else { 4 }, &body)
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![u8::try_from(name.len()).unwrap()];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(value);
    bytes
}

fn ready(socket_type: &str, identity: &[u8]) -> Vec<u8> {
    let mut data = property("Socket-Type", socket_type.as_bytes());
    data.extend(property("Identity", identity));
    command("READY", &data)
}

/// The opening of a 3.x peer of that type, whole.
fn opening(minor: u8, socket_type: &str) -> Vec<u8> {
    [greeting(minor, "NULL"), ready(socket_type, b"")].concat()
}

/// An engine whose peer is ready, its own output so far thrown away.
fn open_engine(config: &Config, minor: u8, peer: &str) -> Engine {
    let mut engine = Engine::new(config);
    let mut input = BytesMut::from(&opening(minor, peer)[..]);
    let events = events(&mut engine, &mut input).unwrap();
    assert!(matches!(events[..], [Event::Ready(_)]), "{events:?}");
    drain(&mut engine);
    engine
}

/// An engine that talks to a 3.1 peer: a ROUTER with a DEALER.
fn router() -> Engine {
    open_engine(&config(SocketType::Router), 1, "DEALER")
}

/// Hands the outputs of two engines to each other until both are silent; the events of each.
fn converse(left: &mut Engine, right: &mut Engine) -> Result<(Vec<Event>, Vec<Event>), ZmtpError> {
    let (mut to_left, mut to_right) = (BytesMut::new(), BytesMut::new());
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    loop {
        to_right.extend_from_slice(&drain(left));
        to_left.extend_from_slice(&drain(right));
        of_left.extend(events(left, &mut to_left)?);
        of_right.extend(events(right, &mut to_right)?);
        if left.outbox().is_empty() && right.outbox().is_empty() {
            return Ok((of_left, of_right));
        }
    }
}
