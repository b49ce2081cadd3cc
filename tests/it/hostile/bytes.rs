//! Bytes that are no ZMTP, or no ZMTP of this socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{SERVICE, Scene, raise_descriptor_limit};
use crate::support::PATIENCE;
use crate::support::raw::{self, RawPeer, is_hung_up};

/// The header of a long frame that announces this many bytes.
fn announcement(flags: u8, length: u64) -> Vec<u8> {
    [vec![flags | 2], length.to_be_bytes().to_vec()].concat()
}

#[test]
fn announced_giants_are_hung_up_on() {
    let scene = Scene::set(&[]);
    for length in [1 << 45, (64 << 20) + 1, i64::MAX as u64, 1 << 63, u64::MAX] {
        for port in [scene.broker.clients, scene.broker.workers] {
            let mut peer = RawPeer::dealer(port);
            peer.write(&announcement(0, length));
            assert!(peer.is_hung_up(PATIENCE), "a message of {length} bytes");
            let mut peer = RawPeer::dealer(port);
            peer.write(&announcement(4, length));
            assert!(peer.is_hung_up(PATIENCE), "a command of {length} bytes");
            let mut stranger = raw::connect(port);
            stranger.write_all(&raw::greeting(0)).expect("the connection is open");
            stranger.write_all(&announcement(4, length)).expect("the connection is open");
            assert!(is_hung_up(&mut stranger, PATIENCE), "a READY of {length} bytes");
        }
    }
    scene.must_be_unharmed("announced giants", 0);
}

#[test]
fn announced_frames_that_never_come_take_no_memory() {
    let scene = Scene::set(&[]);
    let peers: Vec<RawPeer> = (0..200)
        .map(|_| {
            let mut peer = RawPeer::dealer(scene.broker.clients);
            peer.write(&announcement(0, 60 << 20));
            peer.write(&[b'x'; 100]);
            peer
        })
        .collect();
    scene.broker.serves(SERVICE, PATIENCE);
    scene.must_be_unharmed("200 frames of 60 MiB announced", 0);
    drop(peers);
}

#[test]
fn half_greetings_are_closed_in_time_and_disturb_nobody() {
    raise_descriptor_limit();
    let scene = Scene::set(&[]);
    let beginnings: [&[u8]; 4] = [b"", b"\xff", &raw::greeting(0)[..10], &raw::greeting(1)[..63]];
    let mut strangers: Vec<TcpStream> = (0..1000)
        .map(|number| {
            let mut stranger = raw::connect(scene.broker.clients);
            stranger.write_all(beginnings[number % beginnings.len()]).expect("the connection is open");
            stranger
        })
        .collect();
    // The broker gives ten seconds to a handshake.
    let hung_up =
        strangers.iter_mut().filter_map(|peer| is_hung_up(peer, Duration::from_secs(15)).then_some(()));
    assert_eq!(hung_up.count(), 1000);
    scene.must_be_unharmed("1000 half greetings", 0);
}

#[test]
fn garbage_is_hung_up_on() {
    let scene = Scene::set(&[]);
    let mut random = fastrand::Rng::with_seed(45);
    let openings: [Vec<u8>; 3] =
        [Vec::new(), raw::greeting(1), [raw::greeting(0), raw::ready("DEALER", b"")].concat()];
    for round in 0..300 {
        let port = [scene.broker.clients, scene.broker.workers, scene.broker.news][round % 3];
        let mut stranger = raw::connect(port);
        let mut garbage = vec![0; random.usize(1..5000)];
        random.fill(&mut garbage);
        let bytes = [openings[round / 3 % openings.len()].as_slice(), &garbage].concat();
        // It may hang up before it has all.
        let _ = stranger.write_all(&bytes);
        let _ = stranger.shutdown(std::net::Shutdown::Write);
        assert!(is_hung_up(&mut stranger, PATIENCE), "round {round}");
    }
    scene.must_be_unharmed("garbage", 0);
}

#[test]
fn an_http_client_at_a_zeromq_port_is_hung_up_on() {
    let scene = Scene::set(&[]);
    let mut stranger = raw::connect(scene.broker.clients);
    stranger
        .write_all(b"GET /SYNC-REVERSE?str=x HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("the connection is open");
    assert!(is_hung_up(&mut stranger, PATIENCE));
    scene.must_be_unharmed("HTTP", 0);
}

/// 23/ZMTP, "Socket Type": a ROUTER talks to REQ, DEALER and ROUTER; a PUB to SUB and XSUB.
#[test]
fn sockets_that_do_not_fit_are_refused() {
    let scene = Scene::set(&[]);
    let types =
        ["REQ", "REP", "DEALER", "ROUTER", "PUB", "SUB", "XPUB", "XSUB", "PUSH", "PULL", "PAIR", "", "KING"];
    let clients = (scene.broker.clients, &["REQ", "DEALER", "ROUTER"][..]);
    let workers = (scene.broker.workers, &["REQ", "DEALER", "ROUTER"][..]);
    let news = (scene.broker.news, &["SUB", "XSUB"][..]);
    for (port, fitting) in [clients, workers, news] {
        for socket_type in types {
            let mut peer = raw::connect(port);
            peer.write_all(&raw::greeting(0)).expect("the connection is open");
            peer.write_all(&raw::ready(socket_type, b"")).expect("the connection is open");
            match fitting.contains(&socket_type) {
                true => assert!(is_ready(&mut peer), "{socket_type} fits"),
                false => assert!(is_hung_up(&mut peer, PATIENCE), "{socket_type} does not fit"),
            }
        }
    }
    scene.must_be_unharmed("wrong socket types", 0);
}

/// The other end's greeting and READY have come.
fn is_ready(peer: &mut TcpStream) -> bool {
    peer.set_read_timeout(Some(PATIENCE)).expect("a TCP socket");
    let mut bytes = [0; 64 + 2 + 6];
    peer.read_exact(&mut bytes).is_ok() && bytes[66..] == *b"\x05READY"
}

/// libzmq with ZMQ_HEARTBEAT_IVL set sends PINGs (37/ZMTP); each is answered by a PONG with its context.
#[test]
fn pings_are_answered_with_their_context() {
    let scene = Scene::set(&[]);
    let mut peer = raw::connect(scene.broker.clients);
    peer.write_all(&raw::greeting(1)).expect("the connection is open");
    peer.write_all(&raw::ready("DEALER", b"")).expect("the connection is open");
    assert!(is_ready(&mut peer));
    for context in ["", "x", "sixteen bytes ..."] {
        let context = &context.as_bytes()[..context.len().min(16)];
        peer.write_all(&ping(context)).expect("the connection is open");
        let expected = raw::frame(4, &[b"\x04PONG", context].concat());
        assert!(arrives(&mut peer, &expected), "PONG with {context:?}");
    }
    scene.must_be_unharmed("PING", 0);
}

/// A PING with a time to live of 10 s.
fn ping(context: &[u8]) -> Vec<u8> {
    raw::frame(4, &[b"\x04PING\x00\x64", context].concat())
}

/// Whether bytes come, perhaps after others: the rest of READY, a PING of the broker's own.
fn arrives(peer: &mut TcpStream, expected: &[u8]) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while peer.read_exact(&mut byte).is_ok() && seen.len() < 4096 {
        seen.push(byte[0]);
        if seen.ends_with(expected) {
            return true;
        }
    }
    false
}

#[test]
fn a_flood_of_pings_whose_pongs_nobody_reads_is_bounded() {
    let scene = Scene::set(&[]);
    let mut peer = RawPeer::connect(scene.broker.clients, "DEALER", b"");
    let pings = ping(b"sixteen bytes ..").repeat(4096);
    let mut sent = 0;
    // 128 MiB of PINGs make 117 MiB of PONGs; sixteen may wait. Either end may stop first.
    peer.stream().set_write_timeout(Some(PATIENCE)).expect("a TCP socket");
    while sent < 128 << 20 && peer.try_write(&pings).is_ok() {
        sent += pings.len();
    }
    scene.must_be_unharmed(&format!("{} MiB of PINGs", sent >> 20), 24);
}
