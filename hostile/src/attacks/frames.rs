//! Right handshakes, and then frames that are too many, too large, too slow or without end.

use std::io::Write;
use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing, streams, stuck_worker, stuck_worker_of};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{self, MORE, Peer, announcement, command, frame, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Zmtp, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("announced-giants", "frames of 2^45 and more bytes, announced", announced_giants),
    attack(
        "announced-and-silent",
        "frames of 60 MB announced on 200 connections, never sent",
        announced_and_silent,
    ),
    attack("endless-message", "frames with MORE and no end", endless_message),
    attack("million-empty-frames", "messages of millions of empty frames", million_empty_frames),
    attack("ping-between-frames", "60 MB with MORE, then PING, again and again", ping_between_frames),
    attack("frames-of-nothing", "requests of 1,018 frames of a byte", frames_of_nothing)
        .on(Setting::JOBS_STAY),
    attack("empty-frames", "requests of 1,018 frames of no byte", empty_frames).on(Setting::JOBS_STAY),
    attack("junk-before-a-job", "60 MB of junk in a message, jobs of 33 KB behind it", junk_before_a_job)
        .on(Setting::JOBS_STAY),
    attack("hoarded-messages", "five silent connections hold all unfinished messages", hoarded_messages),
    attack("trickled-frames", "frames of 60 MB at a kilobyte now and then", trickled_frames),
    attack("empty-messages", "50 connections with nothing but empty messages", empty_messages),
    attack("empty-messages-of-workers", "the same at the workers' port", empty_messages_of_workers),
];

fn announced_giants(ground: &Ground) -> Findings {
    let lengths = [1 << 45, (64 << 20) + 1, i64::MAX as u64, 1 << 63, u64::MAX];
    while !ground.is_over() {
        for (number, port) in [ground.clients, ground.workers, ground.news].into_iter().enumerate() {
            let kind = if port == ground.news { "SUB" } else { "DEALER" };
            for length in lengths {
                let Ok(mut peer) = Peer::connect(port, kind, b"") else { return nothing() };
                let flags = if number % 2 == 0 { 0 } else { zmtp::COMMAND };
                let _ = peer.write(&announcement(flags, length));
                let _ = peer.write(&[0; 1000]);
            }
        }
    }
    nothing()
}

fn announced_and_silent(ground: &Ground) -> Findings {
    let mut peers = dealers(ground.clients, 200);
    for peer in &mut peers {
        let _ = peer.write(&[announcement(MORE, 60 << 20), vec![b'x'; 100]].concat());
    }
    hold(ground, peers);
    nothing()
}

fn endless_message(ground: &Ground) -> Findings {
    let (_, left) = flood(
        ground,
        streams(dealers(ground.clients, 4)),
        frame(MORE, &vec![b'x'; 1 << 20]),
        ENDLESS,
        Reads::Yes,
    );
    hold(ground, left);
    nothing()
}

fn million_empty_frames(ground: &Ground) -> Findings {
    let frames = [MORE, 0].repeat(50_000);
    while !ground.is_over() {
        let all = [ground.clients, ground.workers].map(|port| streams(dealers(port, 2))).concat_streams();
        let (flooded, _) = flood(ground, all, &frames, 4 << 20, Reads::Yes);
        if flooded.bytes == 0 {
            break;
        }
    }
    nothing()
}

/// Streams of several ports together.
trait Concat {
    fn concat_streams(self) -> Vec<std::net::TcpStream>;
}

impl<const N: usize> Concat for [Vec<std::net::TcpStream>; N] {
    fn concat_streams(self) -> Vec<std::net::TcpStream> {
        self.into_iter().flatten().collect()
    }
}

/// Two such frames are as much as a message may have; each connection holds them, and says PING between.
fn ping_between_frames(ground: &Ground) -> Findings {
    let one = [frame(MORE, &vec![b'x'; 60 << 20]), command(b"PING", b"\x00\x64")].concat();
    let most = 2 * one.len();
    let peers = streams(dealers(ground.clients, ground.size(8, 20)));
    let (_, left) = flood(ground, peers, one, most, Reads::Yes);
    hold(ground, left);
    nothing()
}

/// Majordomo's requests may have many frames, and each is kept with the job.
fn many_frames(ground: &Ground, body: &[u8]) -> Findings {
    let Some(worker) = stuck_worker_of(ground, Dialect::Mdp02, "STUCK") else { return nothing() };
    let mut frames: Vec<&[u8]> = vec![b"", b"MDPC02", b"\x01", b"STUCK"];
    frames.resize(1018, body);
    let bytes = message(&frames).repeat(50);
    let most = bytes.len() * ground.size(100, 400);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 4)), bytes, most, Reads::Yes);
    hold(ground, (left, worker));
    nothing()
}

fn frames_of_nothing(ground: &Ground) -> Findings {
    many_frames(ground, b"x")
}

fn empty_frames(ground: &Ground) -> Findings {
    many_frames(ground, b"")
}

/// zmws 1 takes the first frame and the last; what is between them is of no use to anybody.
fn junk_before_a_job(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "STUCK") else { return nothing() };
    let (param, junk) = (vec![b'p'; 33 << 10], vec![b'j'; 60 << 20]);
    let bytes = message(&[b"".as_slice(), &param, &junk, b"JOB: STUCK"]);
    let most = bytes.len() * ground.size(12, 40);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 2)), bytes, most, Reads::Yes);
    hold(ground, (left, worker));
    nothing()
}

/// An honest result of 8 MB must arrive all the same.
fn hoarded_messages(ground: &Ground) -> Findings {
    let mut hoarders = Vec::new();
    for _ in 0..5 {
        let Ok(mut peer) = Peer::dealer(ground.clients) else { continue };
        let _ = peer.write(&frame(MORE, &vec![b'x'; 60 << 20]));
        let _ = peer.write(&announcement(MORE, 60 << 20));
        let _ = peer.write(&vec![b'x'; 50 << 20]);
        hoarders.push(peer);
    }
    let arrived = large_result(ground, 8 << 20).unwrap_or_default();
    drop(hoarders);
    found(arrived != 8 << 20, || format!("of an honest result of 8 MB {arrived} bytes arrived"))
}

/// A worker and a client of our own: how many bytes of its result arrive.
pub(super) fn large_result(ground: &Ground, bytes: usize) -> std::io::Result<usize> {
    let mut worker = Peer::dealer(ground.workers)?;
    worker.send(&dialect::ready(Dialect::Zmws2, b"LARGE"))?;
    super::known(ground, "LARGE");
    let mut client = Peer::dealer(ground.clients)?;
    client.send(&dialect::sync(Dialect::Zmws2, "LARGE", b""))?;
    let job = loop {
        let frames = worker.receive(Duration::from_secs(10))?;
        if let Some(job) = dialect::job(Dialect::Zmws2, &frames) {
            break job;
        }
    };
    worker.send(&dialect::complete(Dialect::Zmws2, "LARGE", &job.token, &vec![b'r'; bytes]))?;
    let (said, value) = dialect::answer(Dialect::Zmws2, &client.receive(Duration::from_secs(15))?);
    Ok(if said == Said::Complete { value.len() } else { 0 })
}

fn trickled_frames(ground: &Ground) -> Findings {
    let mut peers = dealers(ground.clients, ground.size(50, 200));
    for peer in &mut peers {
        let _ = peer.write(&announcement(0, 60 << 20));
    }
    while !ground.is_over() {
        peers.retain_mut(|peer| peer.stream.write_all(&[b'x'; 1024]).is_ok());
        std::thread::sleep(Duration::from_millis(100));
    }
    nothing()
}

fn empty_messages(ground: &Ground) -> Findings {
    empty(ground, ground.clients)
}

fn empty_messages_of_workers(ground: &Ground) -> Findings {
    empty(ground, ground.workers)
}

fn empty(ground: &Ground, port: u16) -> Findings {
    let (_, left) = flood(ground, streams(dealers(port, 50)), [0, 0].repeat(30_000), ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}
