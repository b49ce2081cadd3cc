//! The engine, driven as a peer drives it.

mod traffic;

use bytes::{Bytes, BytesMut};

use super::{Config, Engine, Event, Limits, SocketType, ZmtpError};

fn config(socket_type: SocketType) -> Config {
    Config { socket_type, identity: Bytes::new(), properties: Vec::new(), limits: Limits::default() }
}

/// Everything that waits in the output, which is empty then.
fn drain(engine: &mut Engine) -> Vec<u8> {
    let outbox = engine.outbox();
    let mut bytes = Vec::with_capacity(outbox.len());
    while !outbox.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
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
