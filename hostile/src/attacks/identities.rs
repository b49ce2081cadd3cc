//! Identities that are in use, large, or fought for.

use std::io::ErrorKind;
use std::time::Duration;

use super::{Reads, flood, found, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::dialect::{self, Dialect};
use crate::zmtp::{Peer, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Zmtp, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("identity-in-use-large", "60 × 60 MB behind an identity that is in use", in_use_large),
    attack(
        "identity-in-use-small",
        "200 requests behind an identity that is in use: each is answered",
        in_use_small,
    ),
    attack("identity-fight", "500 connections that fight for one identity", fight),
    attack(
        "identity-odd",
        "identities that are empty, begin with 0, are 255 bytes, or control characters",
        odd,
    ),
    attack("identity-of-a-worker", "a client under the identity of an honest worker, and back", of_a_worker),
];

fn in_use_large(ground: &Ground) -> Findings {
    let Ok(first) = Peer::connect(ground.clients, "DEALER", b"TWIN") else { return nothing() };
    let Ok(second) = Peer::connect(ground.clients, "DEALER", b"TWIN") else { return nothing() };
    let bytes = message(&[vec![b'x'; 60 << 20], b"JOB: NOBODY".to_vec()]);
    let most = bytes.len() * ground.size(16, 60);
    let (_, left) = flood(ground, vec![second.stream], bytes, most, Reads::Yes);
    hold(ground, (first, left));
    nothing()
}

fn in_use_small(ground: &Ground) -> Findings {
    let Ok(first) = Peer::connect(ground.clients, "DEALER", b"TWIN") else { return nothing() };
    let Ok(mut second) = Peer::connect(ground.clients, "DEALER", b"TWIN") else { return nothing() };
    let request = message(&dialect::sync(Dialect::Zmws2, "NOBODY", b""));
    for _ in 0..200 {
        if second.write(&request).is_err() {
            break;
        }
    }
    std::thread::sleep(Duration::from_millis(100));
    drop(first);
    let mut answers = 0;
    while answers < 200 {
        match second.receive(Duration::from_secs(3)) {
            Ok(_) => answers += 1,
            // One who is hung up on knows where he is.
            Err(error) if error.kind() != ErrorKind::TimedOut => return nothing(),
            Err(_) => break,
        }
    }
    found(answers < 200, || format!("{} of 200 requests vanished unanswered", 200 - answers))
}

fn fight(ground: &Ground) -> Findings {
    let request = message(&dialect::sync(Dialect::Zmws2, "NOBODY", b""));
    let mut crowd = Vec::new();
    while !ground.is_over() {
        for port in [ground.clients, ground.workers] {
            let Ok(mut peer) = Peer::connect(port, "DEALER", b"TWIN") else { continue };
            let _ = peer.write(&request.repeat(5));
            crowd.push(peer);
        }
        if crowd.len() >= 500 {
            crowd.drain(..250);
        }
    }
    nothing()
}

fn odd(ground: &Ground) -> Findings {
    let long = [b'i'; 255];
    let identities: [&[u8]; 6] =
        [b"\0", b"\0\0\0\0\x01", &long, b"\x1b[2J\r\n", b"0", b"@0123456789012345678901234567890123"];
    while !ground.is_over() {
        for identity in identities {
            for port in [ground.clients, ground.workers] {
                let Ok(mut peer) = Peer::connect(port, "DEALER", identity) else { continue };
                let _ = peer.send(&dialect::ready(Dialect::Zmws1, b"ODD"));
                let _ = peer.send(&dialect::sync(Dialect::Zmws1, "NOBODY", b""));
            }
        }
    }
    nothing()
}

/// Every identity that the list of workers shows, taken at both ports.
fn of_a_worker(ground: &Ground) -> Findings {
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    while !ground.is_over() {
        let _ = client.send(&[b"".as_slice(), b"SERVER-WORKERS"]);
        let Ok(frames) = client.receive(Duration::from_secs(5)) else { break };
        let list: serde_json::Value =
            serde_json::from_slice(frames.last().map_or(&[][..], Vec::as_slice)).unwrap_or_default();
        let text = list.to_string();
        let identities = text.split('"').filter(|word| word.len() > 3 && word.len() < 64);
        for identity in identities.take(20) {
            for port in [ground.clients, ground.workers] {
                let Ok(mut peer) = Peer::connect(port, "DEALER", identity.as_bytes()) else { continue };
                let _ = peer.send(&dialect::ready(Dialect::Zmws2, b"STOLEN"));
                let _ = peer.send(&dialect::complete(Dialect::Zmws2, "HONEST", b"0000-0000", b"stolen"));
            }
        }
    }
    nothing()
}
