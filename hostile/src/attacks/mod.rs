//! The attacks, a file a kind, and what they have in common.

mod admin;
mod bodies;
mod brokers;
mod commands;
mod crowds;
mod dialects;
mod finishes;
mod frames;
mod gateway;
mod handshakes;
mod held;
mod identities;
mod lists;
mod machine;
mod news;
mod requests;
mod sites;
mod workers;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::attack::{Attack, Findings, Ground};
use crate::dialect::{self, Dialect};
use crate::zmtp::Peer;

/// All of them, group by group.
pub(crate) fn all() -> impl Iterator<Item = &'static Attack> {
    let files: [&'static [Attack]; 18] = [
        handshakes::ATTACKS,
        frames::ATTACKS,
        identities::ATTACKS,
        crowds::ATTACKS,
        dialects::ATTACKS,
        finishes::ATTACKS,
        held::ATTACKS,
        lists::ATTACKS,
        news::ATTACKS,
        requests::ATTACKS,
        bodies::ATTACKS,
        gateway::ATTACKS,
        admin::ATTACKS,
        sites::ATTACKS,
        commands::ATTACKS,
        workers::ATTACKS,
        brokers::ATTACKS,
        machine::ATTACKS,
    ];
    files.into_iter().flatten()
}

/// Nothing was found beside what is measured.
fn nothing() -> Findings {
    Findings::new()
}

/// A finding, if something is so.
fn found(is_so: bool, what: impl FnOnce() -> String) -> Findings {
    is_so.then(what).into_iter().collect()
}

/// DEALERs without identities, as many as are let in.
fn dealers(port: u16, count: usize) -> Vec<Peer> {
    (0..count).map_while(|_| Peer::dealer(port).ok()).collect()
}

/// A worker that offers a service and then says and does nothing.
fn stuck_worker(ground: &Ground, service: &str) -> Option<Peer> {
    stuck_worker_of(ground, Dialect::Zmws2, service)
}

fn stuck_worker_of(ground: &Ground, dialect: Dialect, service: &str) -> Option<Peer> {
    let mut peer = Peer::dealer(ground.workers).ok()?;
    peer.send(&dialect::ready(dialect, service.as_bytes())).ok()?;
    known(ground, service);
    Some(peer)
}

/// Waits until the broker knows a service.
fn known(ground: &Ground, service: &str) {
    for _ in 0..200 {
        if crate::faults::is_known(ground.clients, service) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether what comes back is taken or left to pile up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reads {
    Yes,
    No,
}

/// What a flood has done.
#[derive(Clone, Copy, Debug, Default)]
struct Flooded {
    bytes: usize,
    /// Connections that were hung up on.
    closed: usize,
}

/// Writes the same bytes over all connections again and again, as fast as each takes them, until the time is over, each
/// has taken `most` bytes, or all are hung up on. Whole copies only are left behind, unless it is cut off. What has an
/// end may take longer than the time: it is the amount that counts then.
fn flood(
    ground: &Ground,
    streams: Vec<TcpStream>,
    bytes: impl AsRef<[u8]>,
    most: usize,
    reads: Reads,
) -> (Flooded, Vec<TcpStream>) {
    let bytes = bytes.as_ref();
    let mut buffer = vec![0; 256 << 10];
    let mut open: Vec<(TcpStream, usize)> = streams.into_iter().map(|stream| (stream, 0)).collect();
    let mut flooded = Flooded::default();
    let mut done = Vec::new();
    for (stream, _) in &open {
        let _ = stream.set_nonblocking(true);
    }
    let longest = ground.length() * if most == ENDLESS { 1 } else { 4 };
    while ground.began.elapsed() < longest && !open.is_empty() {
        let (mut still, mut moved) = (Vec::new(), false);
        for (mut stream, written) in open {
            if reads == Reads::Yes {
                drain(&mut stream, &mut buffer);
            }
            let rest = &bytes[written % bytes.len()..];
            match stream.write(rest) {
                Ok(count) => {
                    flooded.bytes += count;
                    moved = true;
                    let is_done = written + count >= most && (written + count) % bytes.len() == 0;
                    let list = if is_done { &mut done } else { &mut still };
                    list.push((stream, written + count));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => still.push((stream, written)),
                Err(_) => flooded.closed += 1,
            }
        }
        open = still;
        if !moved {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    let left = done.into_iter().chain(open).map(|(stream, _)| stream);
    (flooded, left.inspect(|stream| drop(stream.set_nonblocking(false))).collect())
}

fn drain(stream: &mut TcpStream, buffer: &mut [u8]) {
    while stream.read(buffer).is_ok_and(|count| count == buffer.len()) {}
}

/// The streams of peers.
fn streams(peers: Vec<Peer>) -> Vec<TcpStream> {
    peers.into_iter().map(|peer| peer.stream).collect()
}

/// No bound on the bytes of a flood but its time.
const ENDLESS: usize = usize::MAX;

/// Holds on to things until the time is over.
fn hold<T>(ground: &Ground, things: T) {
    std::thread::sleep(ground.left());
    drop(things);
}
