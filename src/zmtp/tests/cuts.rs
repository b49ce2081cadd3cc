//! Laws that hold however the bytes are cut, and whatever they are.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Streams of a peer and the socket type they are for: every version, every kind of end.
fn streams() -> Vec<(SocketType, Vec<u8>)> {
    let messages = [frame(1, b""), frame(3, &[b'x'; 300]), command("PING", b"\0\x05ctx"), frame(0, b"end")];
    let v3 = |rest: &[u8]| [&opening(1, "DEALER"), rest].concat();
    let v2 = |rest: &[u8]| [b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\x02w1", rest].concat();
    let subscriptions = [command("SUBSCRIBE", b"a"), frame(0, b"\0a"), frame(0, b"ignored")];
    vec![
        (SocketType::Router, v3(&messages.concat())),
        (SocketType::Router, v3(&frame(6, &[&b"\x05OTHER"[..], &[0; 300]].concat()))),
        (SocketType::Router, v3(&[frame(1, b"one"), vec![0x80, 1]].concat())),
        (SocketType::Router, v3(&[&b"\x02"[..], &(1_u64 << 45).to_be_bytes()].concat())),
        (SocketType::Router, v3(&command("PING", &[0; 30]))),
        (SocketType::Router, v2(&[frame(1, b"a"), frame(2, b"b"), frame(0, b"")].concat())),
        (SocketType::Router, v2(&command("PING", b"\0\0"))),
        (SocketType::Router, opening(1, "SUB")),
        (SocketType::Router, greeting(1, "CURVE")),
        (SocketType::Router, b"\x01\0\x01\x7E".to_vec()),
        (SocketType::Router, b"\xFF\0\0\0\0\0\0\x01\x2C\0identity".to_vec()),
        (SocketType::Router, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        (SocketType::Pub, [opening(0, "SUB"), subscriptions.concat()].concat()),
    ]
}

/// All that an engine says and writes when the stream comes in these pieces.
fn run<'a>(socket_type: SocketType, pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, Vec<u8>) {
    let mut engine = Engine::new(&config(socket_type));
    let said = said_in_pieces(&mut engine, pieces);
    (said, drain(&mut engine))
}

#[test]
fn a_cut_at_any_byte_changes_nothing() {
    for (socket_type, stream) in streams() {
        let whole = run(socket_type, [&stream[..]]);
        assert!(!whole.0.is_empty());
        for at in 0..=stream.len() {
            let (left, right) = stream.split_at(at);
            assert_eq!(run(socket_type, [left, right]), whole, "cut at {at} of {}", stream.escape_ascii());
        }
        assert_eq!(run(socket_type, stream.chunks(1)), whole, "byte by byte");
    }
}

fn frames() -> impl Strategy<Value = Vec<Bytes>> {
    let size = prop_oneof![4 => 0..40usize, 2 => 250..260usize, 1 => 8190..8195usize, 1 => 0..70_000usize];
    let body = (size, any::<u8>())
        .prop_map(|(size, seed)| (0..size).map(|place| (place / 3) as u8 ^ seed).collect::<Vec<u8>>().into());
    vec(body, 1..12)
}

/// Pieces of a stream, by their sizes; what is left comes at the end.
fn pieces<'a>(mut stream: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for &size in sizes {
        let (piece, rest) = stream.split_at(size.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces.push(stream);
    pieces
}

/// A peer's stream with some sense in it, so that more than the greeting is reached: whole frames of
/// any flags among noise.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let noise = vec(any::<u8>(), 0..30);
    let fair = (0..8u8, vec(any::<u8>(), 0..30)).prop_map(|(flags, body)| frame(flags, &body));
    let named =
        (prop_oneof![Just("PING"), Just("PONG"), Just("SUBSCRIBE"), Just("ERROR")], vec(any::<u8>(), 0..20))
            .prop_map(|(name, data)| command(name, &data));
    let parts = vec(prop_oneof![1 => noise, 6 => fair, 4 => named], 0..20).prop_map(|parts| parts.concat());
    let begin = prop_oneof![
        1 => Just(Vec::new()),
        1 => Just(greeting(1, "NULL")),
        4 => Just(opening(1, "DEALER")),
        2 => Just(opening(0, "SUB")),
        1 => Just(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x05\0\x02w1".to_vec()),
    ];
    (begin, parts).prop_map(|(begin, rest)| [begin, rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// What is sent is received, in all versions.
    #[test]
    fn messages_arrive_as_they_were_sent(
        messages in vec(frames(), 1..6),
        sizes in vec(1..5_000usize, 0..40),
        minor in 0..2u8,
    ) {
        let mut sender = open_engine(&config(SocketType::Dealer), minor, "ROUTER");
        messages.iter().for_each(|message| sender.send(message));
        let stream = drain(&mut sender);

        let mut receiver = open_engine(&config(SocketType::Router), minor, "DEALER");
        let mut input = BytesMut::new();
        let mut received = Vec::new();
        for piece in pieces(&stream, &sizes) {
            input.extend_from_slice(piece);
            received.extend(events(&mut receiver, &mut input).unwrap());
        }
        prop_assert!(input.is_empty());
        prop_assert_eq!(received.len(), messages.len());
        for (event, message) in received.iter().zip(&messages) {
            prop_assert!(matches!(event, Event::Message(frames) if frames == message));
        }
    }

    #[test]
    fn any_bytes_cut_in_any_way_say_the_same(
        stream in hostile(),
        sizes in vec(1..50usize, 0..40),
        publisher in any::<bool>(),
    ) {
        let socket_type = if publisher { SocketType::XPub } else { SocketType::Router };
        prop_assert_eq!(run(socket_type, pieces(&stream, &sizes)), run(socket_type, [&stream[..]]));
    }

    /// What is held never exceeds the limits: not in frames, and not in input that cannot be used yet.
    #[test]
    fn no_bytes_make_us_hold_more_than_the_limits(stream in hostile(), sizes in vec(1..50usize, 0..40)) {
        let limits = Limits { frame_max: 20, message_max: 50, frames_max: 3 };
        let mut engine = Engine::new(&Config { limits, ..config(SocketType::Router) });
        let mut input = BytesMut::new();
        for piece in pieces(&stream, &sizes) {
            input.extend_from_slice(piece);
            while let Ok(Some(event)) = engine.receive(&mut input) {
                if let Event::Message(frames) = event {
                    prop_assert!(frames.len() <= 3);
                    prop_assert!(frames.iter().all(|frame| frame.len() <= 20));
                    prop_assert!(frames.iter().map(Bytes::len).sum::<usize>() <= 50);
                }
            }
            // Three frames at most, in a list that has room for eight, and one on its way.
            prop_assert!(engine.held() <= 50 + 8 * 32 + 3 * 16 + 2 * (64 << 10), "{}", engine.held());
            prop_assert!(engine.receive(&mut input).is_err() || input.len() < 9 + (8 << 10) + 255);
        }
    }
}
