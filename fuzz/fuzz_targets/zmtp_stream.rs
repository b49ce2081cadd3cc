//! The bytes of one connection, to an engine that serves it.
//!
//! The last two bytes of the input choose our socket type and how the stream is cut, so that a
//! recorded stream is an input as it is. What must hold: no panic; what is held is within the limits;
//! the same stream, cut otherwise, gives the same events, the same error and the same output.

#![no_main]

use std::io::IoSlice;

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use zmws::zmtp::{Config, Engine, Event, Limits, SocketType, ZmtpError};

/// Small, so that short inputs reach them.
const LIMITS: Limits = Limits { frame_max: 400, message_max: 1_000, frames_max: 5 };

/// What may be in the input and not usable yet: a handshake command and its header.
const INPUT_MAX: usize = 9 + (8 << 10) + 256;

/// What an engine may hold: a message, its frames' fixed cost, and a command on its way, which has a bound of its own.
const HELD_MAX: usize = LIMITS.message_max + LIMITS.frames_max.next_power_of_two() * 48 + 2 * (64 << 10);

const SOCKET_TYPES: [SocketType; 4] =
    [SocketType::Router, SocketType::Dealer, SocketType::Pub, SocketType::XPub];

fuzz_target!(|data: &[u8]| {
    let Some((stream, &[kind, cut])) = data.split_last_chunk() else { return };
    let socket_type = SOCKET_TYPES[usize::from(kind) % SOCKET_TYPES.len()];
    let whole = serve(socket_type, [stream]);
    let step = usize::from(cut % 64) + 1;
    assert_eq!(whole, serve(socket_type, stream.chunks(step)), "in steps of {step}");
    let (left, right) = stream.split_at(usize::from(cut).min(stream.len()));
    assert_eq!(whole, serve(socket_type, [left, right]), "cut at {cut}");
});

/// All that comes of a stream: events, the error that ended it, and what the peer would be sent.
#[derive(Debug, PartialEq)]
struct Outcome {
    events: Vec<Event>,
    error: Option<ZmtpError>,
    output: Vec<u8>,
}

fn serve<'a>(socket_type: SocketType, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let config =
        Config { socket_type, identity: Bytes::from_static(b"zmws"), properties: Vec::new(), limits: LIMITS };
    let mut engine = Engine::new(&config);
    let mut input = BytesMut::new();
    let (mut events, mut error) = (Vec::new(), None);
    for piece in pieces {
        input.extend_from_slice(piece);
        while error.is_none() {
            match engine.receive(&mut input) {
                Ok(Some(event)) => events.push(within_limits(event)),
                Ok(None) => break,
                Err(found) => error = Some(found),
            }
        }
        engine.detach();
        assert!(engine.held() <= HELD_MAX, "{} bytes held", engine.held());
        assert!(error.is_some() || input.len() < INPUT_MAX, "{} bytes of input held", input.len());
    }
    Outcome { events, error, output: output(&mut engine) }
}

fn within_limits(event: Event) -> Event {
    match &event {
        Event::Ready(peer) => assert!(peer.identity.len() <= 255 && peer.identity.first() != Some(&0)),
        Event::Message(frames) => {
            assert!((1..=LIMITS.frames_max).contains(&frames.len()));
            assert!(frames.iter().all(|frame| frame.len() <= LIMITS.frame_max));
            assert!(frames.iter().map(Bytes::len).sum::<usize>() <= LIMITS.message_max);
        }
        Event::Subscribe(_) | Event::Cancel(_) | Event::Ping | Event::Pong | Event::Ignored => {}
    }
    event
}

/// What waits to be written, by small steps.
fn output(engine: &mut Engine) -> Vec<u8> {
    let outbox = engine.outbox();
    let mut output = Vec::new();
    while !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[])];
        assert_eq!(outbox.slices(&mut slices), 1);
        let written = slices[0].len().min(100);
        output.extend_from_slice(&slices[0][..written]);
        outbox.advance(written);
    }
    output
}
