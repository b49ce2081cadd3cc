//! Connections themselves: crowds, churn, aborts, halves.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::gateway::with_sink;
use super::{hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::dialect::{self, Dialect};
use crate::zmtp::{Peer, connect};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Zmtp, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("idle-crowd", "thousands of connections to every port that say nothing", idle_crowd),
    attack("connect-churn", "connections to every port, closed at once", connect_churn),
    attack("reset-storm", "connections to every port, with a request, reset in the middle", reset_storm),
    attack("half-closed", "clients that close their half and still want their answer", half_closed),
    attack("handshaken-crowd", "thousands of connections that have shaken hands and idle", handshaken_crowd),
];

fn all_ports(ground: &Ground) -> [u16; 5] {
    [ground.clients, ground.workers, ground.news, ground.http, ground.admin]
}

fn idle_crowd(ground: &Ground) -> Findings {
    let count = ground.size(1000, 6000);
    let mut crowd = Vec::new();
    for number in 0..count {
        if ground.is_over() {
            break;
        }
        // At the admin port there are other attacks for that.
        crowd.extend(connect(all_ports(ground)[number % 4]));
    }
    hold(ground, crowd);
    nothing()
}

fn connect_churn(ground: &Ground) -> Findings {
    while !ground.is_over() {
        for port in all_ports(ground) {
            drop(connect(port));
        }
    }
    nothing()
}

/// Closing sends RST instead of FIN.
fn reset(stream: TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO));
    drop(stream);
}

fn reset_storm(ground: &Ground) -> Findings {
    with_sink(ground, || reset_storm_of_sink(ground))
}

fn reset_storm_of_sink(ground: &Ground) -> Findings {
    let get = b"GET /SYNC-SINK?x=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /";
    while !ground.is_over() {
        for port in [ground.http, ground.admin] {
            let Ok(mut stream) = connect(port) else { continue };
            let _ = std::io::Write::write_all(&mut stream, get);
            reset(stream);
        }
        for port in [ground.clients, ground.workers] {
            let Ok(mut peer) = Peer::dealer(port) else { continue };
            let _ = peer.send(&dialect::sync(Dialect::Zmws2, "SINK", b"PARAM-JSON: {}"));
            let _ = peer.send(&dialect::ready(Dialect::Zmws2, b"RESET"));
            let _ = peer.write(&[1, 200, b'x']);
            reset(peer.stream);
        }
        let _ = Peer::subscriber(ground.news).map(|peer| reset(peer.stream));
    }
    nothing()
}

/// Both protocols may take the end of one half for the end of all: an answer is no duty, going on is.
fn half_closed(ground: &Ground) -> Findings {
    with_sink(ground, || half_closed_of_sink(ground))
}

fn half_closed_of_sink(ground: &Ground) -> Findings {
    while !ground.is_over() {
        let Ok(mut peer) = Peer::dealer(ground.clients) else { continue };
        let _ = peer.send(&dialect::sync(Dialect::Zmws2, "SINK", b"PARAM-JSON: {}"));
        let _ = peer.stream.shutdown(Shutdown::Write);
        let _ = peer.receive(Duration::from_millis(200));
        let Ok(mut asker) = crate::http::Asker::connect(ground.http) else { continue };
        let _ = asker.send(&crate::http::request("GET", "/SYNC-SINK?x=1", "", b""));
        let _ = asker.stream.shutdown(Shutdown::Write);
        let _ = asker.answer(Duration::from_millis(200));
    }
    nothing()
}

fn handshaken_crowd(ground: &Ground) -> Findings {
    let mut crowd = Vec::new();
    for number in 0..ground.size(300, 4000) {
        if ground.is_over() {
            break;
        }
        crowd.extend(match number % 3 {
            0 => Peer::dealer(ground.clients),
            1 => Peer::dealer(ground.workers),
            _ => Peer::subscriber(ground.news),
        });
    }
    hold(ground, crowd);
    nothing()
}
