//! Peers that never get as far as a message, or say wrong things on the way.

use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing, streams};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{self, COMMAND, Peer, command, connect, frame, greeting, property, ready};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Zmtp, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("half-greetings", "connections that begin to greet and stop", half_greetings),
    attack("drip-greetings", "greetings that come a byte at a time and never end", drip_greetings),
    attack("byte-by-byte", "honest clients whose every byte is a packet", byte_by_byte),
    attack("zmtp-1", "peers of ZMTP 1.0: closed, or served", zmtp_1),
    attack("zmtp-2", "peers of ZMTP 2.0: closed, or served", zmtp_2),
    attack("malformed-ready", "READYs whose properties are cut, endless, doubled, huge", malformed_ready),
    attack("error-commands", "ERROR with long reasons full of control characters", error_commands),
    attack("plain-and-curve", "mechanisms that are not offered, and their commands", plain_and_curve),
    attack("random-garbage", "random bytes at each stage of the handshake", random_garbage),
    attack("handshake-only", "connections that shake hands and leave at once", handshake_only),
    attack("unknown-commands", "commands of no meaning, by the million", unknown_commands),
    attack("pings-unread", "PINGs whose PONGs nobody reads", pings_unread),
];

/// The ports of ZeroMQ.
fn ports(ground: &Ground) -> [u16; 3] {
    [ground.clients, ground.workers, ground.news]
}

/// Connects to the ports in turn and writes, until the time is over; the last thousand stay open.
fn strangers(ground: &Ground, bytes: impl Fn(usize) -> Vec<u8>) {
    let mut crowd: Vec<TcpStream> = Vec::new();
    let mut number = 0;
    while !ground.is_over() {
        let Ok(mut stream) = connect(ports(ground)[number % 3]) else { break };
        let _ = stream.write_all(&bytes(number));
        crowd.push(stream);
        number += 1;
        if crowd.len() == 1000 {
            crowd.clear();
        }
    }
}

fn half_greetings(ground: &Ground) -> Findings {
    let beginnings = [0, 1, 9, 10, 11, 12, 32, 63];
    strangers(ground, |number| greeting(b"NULL")[..beginnings[number % 8]].to_vec());
    nothing()
}

fn drip_greetings(ground: &Ground) -> Findings {
    let mut crowd: Vec<TcpStream> =
        (0..ground.size(100, 600)).map_while(|number| connect(ports(ground)[number % 3]).ok()).collect();
    for byte in greeting(b"NULL") {
        if ground.is_over() {
            break;
        }
        crowd.retain_mut(|stream| stream.write_all(&[byte]).is_ok());
        std::thread::sleep(Duration::from_millis(60));
    }
    nothing()
}

fn byte_by_byte(ground: &Ground) -> Findings {
    let request = zmtp::message(&dialect::sync(Dialect::Zmws1, "HONEST", b"PARAM-JSON: {\"byte\":1}"));
    let mut wrong = 0;
    for _ in 0..ground.size(3, 30) {
        let Ok(mut peer) = Peer::dealer(ground.clients) else { continue };
        for byte in &request {
            if peer.write(&[*byte]).is_err() {
                break;
            }
        }
        let answer = peer.receive(Duration::from_secs(5)).unwrap_or_default();
        wrong += usize::from(dialect::answer(Dialect::Zmws1, &answer).0 != Said::Complete);
    }
    found(wrong > 0, || format!("{wrong} requests that came byte by byte had no answer"))
}

/// An identity of no bytes, then messages: `01 00`, and frames with a length that counts the flags.
fn zmtp_1(ground: &Ground) -> Findings {
    let hello =
        [&[1, 0][..], &[6, 1], b"READY", &[2, 0, b'x'], &[255, 255, 255, 255, 255, 255, 255, 255, 255, 0]];
    strangers(ground, |number| hello[..=number % hello.len()].concat());
    nothing()
}

/// Signature, revision 1, socket type, identity; then frames, some with a length beyond all bounds.
fn zmtp_2(ground: &Ground) -> Findings {
    let signature = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 1];
    let types = [1, 2, 3, 4, 5, 6, 200];
    strangers(ground, |number| {
        let kind = types[number % types.len()];
        let message = zmtp::message(&dialect::sync(Dialect::Zmws1, "NOBODY", b""));
        let giant = zmtp::announcement(0, 1 << 62);
        [&signature[..], &[kind], &frame(0, b""), &message, if number % 2 == 0 { &giant } else { &[] }]
            .concat()
    });
    nothing()
}

fn malformed_ready(ground: &Ground) -> Findings {
    let kind = property(b"Socket-Type", b"DEALER");
    let bodies: [Vec<u8>; 10] = [
        Vec::new(),
        vec![0],
        vec![255],
        [kind.clone(), vec![8, b'I', b'd']].concat(),
        [kind.clone(), b"\x08Identity\xFF\xFF\xFF\xFFabc".to_vec()].concat(),
        [kind.clone(), property(b"Identity", &[b'i'; 256])].concat(),
        kind.repeat(2000),
        [kind.clone(), property(b"X-Junk", &vec![b'j'; 60_000])].concat(),
        [kind.clone(), property(b"\x1b[2J\n", b"\x1b[31m\r\n")].concat(),
        property(b"Socket-Type", b"\x1b]0;owned\x07"),
    ];
    strangers(ground, |number| {
        let body = &bodies[number % bodies.len()];
        let name: &[u8] = if number % 3 == 0 { b"READY" } else { b"ready" };
        [greeting(b"NULL"), command(if number % 2 == 0 { b"READY" } else { name }, body)].concat()
    });
    nothing()
}

fn error_commands(ground: &Ground) -> Findings {
    let reason = b"\x1b[2J\nE - all is lost\r\n\x00".repeat(11);
    strangers(ground, |number| {
        let error = command(b"ERROR", &[&[u8::try_from(reason.len()).unwrap_or(255)][..], &reason].concat());
        let before = if number % 2 == 0 { Vec::new() } else { ready("DEALER", b"") };
        let torn = command(b"ERROR", &[255, b'x']);
        [greeting(b"NULL"), before, if number % 5 == 0 { torn } else { error }].concat()
    });
    nothing()
}

fn plain_and_curve(ground: &Ground) -> Findings {
    let mechanisms: [&[u8]; 6] = [b"PLAIN", b"CURVE", b"GSSAPI", b"", b"null", b"\x1b[31m\n\xFF"];
    strangers(ground, |number| {
        let hello = command(b"HELLO", &[&[5][..], b"admin", &[250], &[b'p'; 250]].concat());
        let initiate = command(b"INITIATE", &[0; 200]);
        [greeting(mechanisms[number % mechanisms.len()]), hello, initiate].concat()
    });
    nothing()
}

fn random_garbage(ground: &Ground) -> Findings {
    let openings = [Vec::new(), greeting(b"NULL"), [greeting(b"NULL"), ready("DEALER", b"")].concat()];
    strangers(ground, |number| {
        let mut random = fastrand::Rng::with_seed(number as u64);
        let mut garbage = vec![0; random.usize(1..3000)];
        random.fill(&mut garbage);
        [openings[number % 3].clone(), garbage].concat()
    });
    nothing()
}

fn handshake_only(ground: &Ground) -> Findings {
    while !ground.is_over() {
        for port in [ground.clients, ground.workers] {
            let peer = Peer::dealer(port);
            drop(peer.map(|peer| peer.stream.shutdown(Shutdown::Both)));
        }
        drop(Peer::subscriber(ground.news));
    }
    nothing()
}

fn unknown_commands(ground: &Ground) -> Findings {
    let all = [
        command(b"NOTHING", b""),
        command(b"", b""),
        command(b"\x1b[2J\n", &[b'x'; 200]),
        frame(COMMAND, b""),
    ];
    let (_, left) =
        flood(ground, streams(dealers(ground.clients, 10)), all.concat().repeat(50), ENDLESS, Reads::Yes);
    hold(ground, left);
    nothing()
}

fn pings_unread(ground: &Ground) -> Findings {
    let pings = command(b"PING", b"\x00\x64sixteen bytes ..").repeat(500);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 4)), pings, ENDLESS, Reads::No);
    hold(ground, left);
    nothing()
}
