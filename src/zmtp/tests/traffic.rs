//! Messages, commands, and limits once a peer is ready.

use bytes::BufMut;

use super::*;
use crate::zmtp::SLICE_MAX;

#[test]
fn two_of_our_own_shake_hands_and_talk() {
    let mut router = Engine::new(&config(SocketType::Router));
    let mut dealer = Engine::new(&Config {
        identity: Bytes::from_static(b"9999-993F"),
        properties: vec![("X-Name", Bytes::from_static(b"w1"))],
        ..config(SocketType::Dealer)
    });
    let (of_router, of_dealer) = converse(&mut router, &mut dealer).unwrap();
    let [Event::Ready(dealer_info)] = &of_router[..] else { panic!("{of_router:?}") };
    assert_eq!(dealer_info.identity, "9999-993F");
    assert_eq!(dealer_info.properties[2], (Bytes::from_static(b"X-Name"), Bytes::from_static(b"w1")));
    assert!(matches!(&of_dealer[..], [Event::Ready(info)] if info.socket_type == SocketType::Router));

    let message = [Bytes::new(), Bytes::from(vec![7; 300]), Bytes::from(vec![8; 70_000])];
    dealer.send(&message);
    dealer.ping(50);
    let (of_router, of_dealer) = converse(&mut router, &mut dealer).unwrap();
    assert!(matches!(&of_router[..], [Event::Message(frames), Event::Ping] if frames[..] == message));
    assert!(matches!(of_dealer[..], [Event::Pong]));
    assert_eq!(router.peer_ttl_deciseconds(), Some(50));
}

/// RFC 37, "Framing": short frames have 0 to 255 octets, long ones 0 to 2^63-1.
#[test]
fn frames_are_sent_short_up_to_255_octets() {
    let mut engine = router();
    engine.send(&[Bytes::new(), Bytes::from(vec![b'a'; 255]), Bytes::from(vec![b'b'; 256])]);
    let expected = [frame(1, b""), frame(1, &[b'a'; 255]), frame(2, &[b'b'; 256])];
    assert_eq!(drain(&mut engine), expected.concat());
}

#[test]
fn a_long_frame_may_be_short() {
    let bytes = [frame(3, b""), frame(2, b"hi")].concat();
    insta::assert_snapshot!(said(&mut router(), &bytes), @"message:  | hi");
}

/// RFC 37, "Framing": "Bits 7-3 are reserved for future use and MUST be zero."
#[test]
fn every_reserved_bit_is_refused() {
    for bit in 3..8 {
        let says = said(&mut router(), &[1 << bit]);
        assert_eq!(says, format!("error: reserved bits in the flags of a frame: {:#04x}\n", 1 << bit));
    }
}

/// RFC 37, "Framing": MORE "SHALL be zero on command frames".
#[test]
fn a_command_with_more_is_refused() {
    insta::assert_snapshot!(said(&mut router(), &[5]), @"error: a command with the MORE flag");
    insta::assert_snapshot!(said(&mut router(), &[7]), @"error: a command with the MORE flag");
}

#[test]
fn frames_are_slices_of_the_input() {
    let mut engine = router();
    let mut input = BytesMut::with_capacity(1024);
    input.extend_from_slice(&[frame(1, b"one"), frame(0, b"two")].concat());
    let start = input.as_ptr();
    let Some(Event::Message(frames)) = engine.receive(&mut input).unwrap() else { panic!("no message") };
    assert_eq!(frames[0].as_ptr(), start.wrapping_add(2));
    assert_eq!(frames[1].as_ptr(), start.wrapping_add(7));
}

/// An engine with small limits, its peer ready.
fn limited() -> Engine {
    let limits = Limits { frame_max: 10, message_max: 25, frames_max: 4 };
    open_engine(&Config { limits, ..config(SocketType::Router) }, 1, "DEALER")
}

#[test]
fn limits_allow_what_they_say() {
    let frame_max = frame(0, &[b'f'; 10]);
    let message_max = [frame(1, &[b'm'; 10]), frame(1, &[b'm'; 10]), frame(0, &[b'm'; 5])].concat();
    let frames_max = [frame(1, b""), frame(1, b""), frame(1, b""), frame(0, b"")].concat();
    let mut engine = limited();
    insta::assert_snapshot!(said(&mut engine, &[frame_max, message_max, frames_max].concat()), @r"
    message: ffffffffff
    message: mmmmmmmmmm | mmmmmmmmmm | mmmmm
    message:  |  |  | 
    ");
    assert_eq!(engine.held(), 0);
}

#[test]
fn limits_are_checked_before_a_body_came() {
    insta::assert_snapshot!(said(&mut limited(), &[0, 11]), @"error: a frame of 11 bytes, 10 are allowed");
    let bytes = [&frame(1, &[0; 10])[..], &frame(1, &[0; 10]), &[0, 6]].concat();
    insta::assert_snapshot!(said(&mut limited(), &bytes), @"error: a message of 26 bytes or more, 25 are allowed");
    let bytes = [&frame(1, b"").repeat(4)[..], &[0, 0]].concat();
    insta::assert_snapshot!(said(&mut limited(), &bytes), @"error: a message of more than 4 frames");
}

#[test]
fn huge_lengths_are_refused_at_once() {
    let announce = |flags: u8, size: u64| said(&mut router(), &[&[flags][..], &size.to_be_bytes()].concat());
    insta::assert_snapshot!(announce(2, 1 << 45), @"error: a frame of 35184372088832 bytes, 67108864 are allowed");
    insta::assert_snapshot!(announce(3, 1 << 63), @"error: a frame of 9223372036854775808 bytes, 67108864 are allowed");
    insta::assert_snapshot!(announce(2, u64::MAX), @"error: a frame of 18446744073709551615 bytes, 67108864 are allowed");
    insta::assert_snapshot!(announce(6, 1 << 45), @"error: a command of 35184372088832 bytes, 65536 are allowed");
    assert_eq!(announce(2, 64 << 20), "");
}

#[test]
fn an_announced_length_makes_no_room() {
    let mut engine = router();
    let mut input = BytesMut::with_capacity(64);
    input.extend_from_slice(b"\x02\0\0\0\0\x04\0\0\0");
    assert!(engine.receive(&mut input).unwrap().is_none());
    assert_eq!((input.len(), engine.held()), (0, 0));
    assert_eq!(engine.room().expect("64 MiB are missing").remaining_mut(), 16 << 10);
}

/// Frames of a message that is not whole do not keep the buffer alive that they came in.
#[test]
fn detached_frames_are_no_slices_of_the_input() {
    let mut engine = router();
    let mut input = BytesMut::from(&[frame(1, b"one"), frame(1, b"two")].concat()[..]);
    let slice = input.as_ptr().wrapping_add(2);
    assert!(engine.receive(&mut input).unwrap().is_none());
    engine.detach();
    let mut rest = BytesMut::from(&frame(0, b"three")[..]);
    let Some(Event::Message(frames)) = engine.receive(&mut rest).unwrap() else { panic!("no message") };
    assert_eq!(frames, ["one", "two", "three"]);
    assert_ne!(frames[0].as_ptr(), slice);
}

#[test]
fn a_long_frame_has_a_buffer_of_its_own_though_it_came_whole() {
    let mut engine = router();
    let body = vec![7; SLICE_MAX + 1];
    let mut input = BytesMut::from(&frame(2, &body)[..]);
    let (start, end) = (input.as_ptr() as usize, input.as_ptr() as usize + input.len());
    let Some(Event::Message(frames)) = engine.receive(&mut input).unwrap() else { panic!("no message") };
    assert_eq!(frames, [body]);
    assert!(!(start..end).contains(&(frames[0].as_ptr() as usize)), "it is a slice of the input");
}

/// What is held follows what came, by at most as much again.
#[test]
fn a_body_on_its_way_takes_no_more_than_twice_what_came() {
    let mut engine = router();
    let body = vec![7; 1_000_000];
    let bytes = frame(2, &body);
    let mut came = 0;
    for piece in bytes.chunks(1_500) {
        let mut input = BytesMut::from(piece);
        came += piece.len();
        match engine.receive(&mut input).unwrap() {
            None => assert!(engine.held() <= 2 * came, "{} for {came}", engine.held()),
            Some(event) => assert_eq!(event, Event::Message(vec![body.clone().into()])),
        }
    }
    assert_eq!((came, engine.held()), (bytes.len(), 0));
}

#[test]
fn the_rest_of_a_long_frame_can_be_read_where_it_belongs() {
    let mut engine = router();
    let body: Vec<u8> = (0..200_000_u32).map(|number| number as u8).collect();
    let bytes = frame(2, &body);
    let mut input = BytesMut::from(&bytes[..50_000]);
    assert!(engine.receive(&mut input).unwrap().is_none());
    let mut read = 50_000;
    while let Some(mut room) = engine.room() {
        let count = room.remaining_mut().min(bytes.len() - read);
        room.put_slice(&bytes[read..read + count]);
        read += count;
    }
    let mut rest = BytesMut::from(&bytes[read..]);
    assert_eq!(engine.receive(&mut rest).unwrap(), Some(Event::Message(vec![body.into()])));
}

/// Empty frames cost what a frame costs.
#[test]
fn frames_of_an_unfinished_message_are_weighed_though_they_are_empty() {
    let mut engine = router();
    let mut input = BytesMut::from(&frame(1, b"").repeat(1_000)[..]);
    assert!(engine.receive(&mut input).unwrap().is_none());
    assert!(engine.held() >= 1_000 * 32, "{}", engine.held());
}

#[test]
fn ten_million_frames_of_one_message_are_cut_at_the_limit() {
    let mut engine = router();
    let chunk = frame(1, b"").repeat(100);
    let mut input = BytesMut::new();
    let mut sent = 0;
    let error = loop {
        input.extend_from_slice(&chunk);
        sent += 100;
        match engine.receive(&mut input) {
            Ok(None) => assert!(sent < 10_000_000, "never refused"),
            Ok(Some(event)) => panic!("{event:?}"),
            Err(error) => break error,
        }
    };
    assert_eq!((sent, error), (1_100, ZmtpError::TooManyFrames { max: 1024 }));
}

#[test]
fn after_an_error_nothing_more_is_taken() {
    let mut engine = router();
    let mut input = BytesMut::from(&[frame(1, b"held"), vec![8]].concat()[..]);
    let error = engine.receive(&mut input).unwrap_err();
    let mut fine = BytesMut::from(&frame(0, b"fine")[..]);
    assert_eq!(engine.receive(&mut fine).unwrap_err(), error);
    assert_eq!((fine.len(), engine.is_ready()), (6, false));
    // What it held is freed by whoever abandons it.
    assert_eq!((engine.abandon().held() > 0, engine.held()), (true, 0));
}

/// RFC 37, "Connection Heartbeating": a PONG "echoes the ping-context".
#[test]
fn a_ping_is_answered_with_its_context() {
    for context in [&b""[..], b"x", b"0123456789abcdef"] {
        let mut engine = router();
        assert_eq!(said(&mut engine, &command("PING", &[b"\0\0", context].concat())), "ping\n");
        assert_eq!(drain(&mut engine), command("PONG", context));
    }
}

/// RFC 37, "Connection Heartbeating": the context "MUST not exceed 16 octets".
#[test]
fn a_heartbeat_context_of_17_octets_is_refused() {
    let ping = command("PING", &[0; 19]);
    insta::assert_snapshot!(said(&mut router(), &ping), @"error: a heartbeat context of 17 bytes, 16 are allowed");
    let pong = command("PONG", &[0; 17]);
    insta::assert_snapshot!(said(&mut router(), &pong), @"error: a heartbeat context of 17 bytes, 16 are allowed");
    insta::assert_snapshot!(said(&mut router(), &command("PING", b"\0")), @"error: malformed command: PING has no time to live");
}

/// RFC 37, "Connection Heartbeating": the TTL is in tenths of a second, network order, and MAY be zero.
#[test]
fn the_time_to_live_of_the_last_ping_counts() {
    let mut engine = router();
    assert_eq!(engine.peer_ttl_deciseconds(), None);
    said(&mut engine, &command("PING", b"\x01\x02"));
    assert_eq!(engine.peer_ttl_deciseconds(), Some(258));
    said(&mut engine, &command("PING", b"\0\0"));
    assert_eq!(engine.peer_ttl_deciseconds(), None);
}

#[test]
fn a_peer_that_never_reads_makes_a_bounded_heap_of_pongs() {
    let mut engine = router();
    let pings = command("PING", &[0; 18]).repeat(100_000);
    assert_eq!(said(&mut engine, &pings).lines().count(), 100_000);
    assert_eq!(engine.outbox().len(), 16 * 23);
}

#[test]
fn pongs_go_on_once_the_peer_reads() {
    let mut engine = router();
    let ping = command("PING", &[0; 18]);
    said(&mut engine, &ping.repeat(20));
    engine.outbox().advance(1);
    said(&mut engine, &ping.repeat(20));
    assert_eq!(engine.outbox().len(), 2 * 16 * 23 - 1);
    drain(&mut engine);
    said(&mut engine, &ping);
    assert_eq!(engine.outbox().len(), 23);
}

#[test]
fn pings_go_to_3_1_alone() {
    let mut engine = router();
    engine.ping(300);
    assert_eq!(drain(&mut engine), command("PING", b"\x01\x2C"));
    let mut of_3_0 = open_engine(&config(SocketType::Router), 0, "DEALER");
    of_3_0.ping(300);
    let mut not_ready = Engine::new(&config(SocketType::Router));
    drain(&mut not_ready);
    not_ready.ping(300);
    assert!(of_3_0.outbox().is_empty() && not_ready.outbox().is_empty());
}

/// libzmq's heartbeat timer does not wait for the end of a message.
#[test]
fn a_ping_between_two_frames_leaves_the_message_whole() {
    let bytes = [frame(1, b"one"), command("PING", b"\0\0"), frame(0, b"two")].concat();
    insta::assert_snapshot!(said(&mut router(), &bytes), @r"
    ping
    message: one | two
    ");
}

#[test]
fn unknown_commands_are_ignored() {
    let bytes = [command("JOIN", b"group"), command("READY", b""), frame(0, b"on")].concat();
    insta::assert_snapshot!(said(&mut router(), &bytes), @r"
    ignored
    ignored
    message: on
    ");
}

#[test]
fn malformed_commands_are_refused() {
    insta::assert_snapshot!(said(&mut router(), &frame(4, b"")), @"error: malformed command: it is empty");
    insta::assert_snapshot!(said(&mut router(), &frame(4, b"\0PING")), @"error: malformed command: its name is empty");
    insta::assert_snapshot!(said(&mut router(), &frame(4, b"\x05PING")), @"error: malformed command: its name is longer than the frame");
}

#[test]
fn an_error_after_the_handshake_is_fatal_too() {
    insta::assert_snapshot!(said(&mut router(), &command("ERROR", b"\x04gone")), @"error: the peer refuses: gone");
}

/// RFC 37, "The Publish-Subscribe Pattern".
#[test]
fn a_pub_hears_subscriptions_in_both_forms_and_nothing_else() {
    let bytes = [
        command("SUBSCRIBE", b"JOB."),
        command("CANCEL", b"JOB."),
        frame(0, b"\x01a"),
        frame(0, b"\0a"),
        frame(0, b"\x01"),
        frame(0, b"\x02a"),
        frame(0, b""),
        [frame(1, b"\x01a"), frame(0, b"b")].concat(),
    ];
    let mut engine = open_engine(&config(SocketType::Pub), 1, "SUB");
    insta::assert_snapshot!(said(&mut engine, &bytes.concat()), @r"
    subscribe: JOB.
    cancel: JOB.
    subscribe: a
    cancel: a
    subscribe: 
    ignored
    ignored
    ignored
    ");
    let mut engine = open_engine(&config(SocketType::XPub), 0, "XSUB");
    insta::assert_snapshot!(said(&mut engine, &bytes.concat()), @r"
    subscribe: JOB.
    cancel: JOB.
    subscribe: a
    cancel: a
    subscribe: 
    message: \x02a
    message: 
    message: \x01a | b
    ");
}

#[test]
fn subscriptions_mean_nothing_to_a_router() {
    let bytes = [command("SUBSCRIBE", b"a"), frame(0, b"\x01a")].concat();
    insta::assert_snapshot!(said(&mut router(), &bytes), @r"
    ignored
    message: \x01a
    ");
}

/// RFC 37: "the SUB or XSUB peer SHALL send a SUBSCRIBE command"; a message before 3.1 (RFC 23).
#[test]
fn a_sub_subscribes_in_the_form_of_its_peer() {
    let mut of_3_1 = open_engine(&config(SocketType::Sub), 1, "PUB");
    of_3_1.subscribe(b"JOB.");
    assert_eq!(drain(&mut of_3_1), command("SUBSCRIBE", b"JOB."));
    let mut of_3_0 = open_engine(&config(SocketType::Sub), 0, "PUB");
    of_3_0.subscribe(b"JOB.");
    assert_eq!(drain(&mut of_3_0), frame(0, b"\x01JOB."));
}
