//! A broker that means ill, to a worker and to a gateway of ours.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use super::{ENDLESS, Reads, flood, found};
use crate::attack::{Attack, Extra, Findings, Ground, Group, Setting};
use crate::http;
use crate::zmtp::{MORE, Peer, announcement, command, frame, message};

const WORKER: Setting = Setting {
    extras: &[Extra {
        name: "worker",
        words: &["worker", "--builtin=reverse", "--backend-port={lair}", "--heartbeat-interval=1"],
    }],
    ..Setting::PLAIN
};

const GATEWAY: Setting = Setting {
    extras: &[Extra {
        name: "gateway-2",
        words: &["gateway", "--client-port={lair}", "--http-port={lair2}", "--timeout=2"],
    }],
    ..Setting::PLAIN
};

const fn worker(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Workers, name, about, run).on(WORKER)
}

const fn gateway(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Workers, name, about, run).on(GATEWAY)
}

pub(crate) const ATTACKS: &[Attack] = &[
    worker("broker-of-garbage", "a broker that sends a worker garbage and giants", garbage_to_worker),
    worker("broker-of-jobs", "a broker that sends a worker jobs without end", jobs_to_worker),
    worker("broker-of-frames", "a broker whose job for a worker never ends", frames_to_worker),
    worker("broker-of-heartbeats", "a broker with heartbeats and PINGs as fast as it can", beats_to_worker),
    worker("broker-that-hangs-up", "a broker that takes a worker and hangs up", hangs_up),
    gateway("broker-of-wrong-answers", "a broker that answers a gateway what it did not ask", wrong_answers),
    gateway("broker-of-large-answers", "a broker whose answers to a gateway never end", large_answers),
    gateway("broker-of-silence", "a broker that greets a gateway and says no more", silence),
];

/// Listens where our victim connects, and does something to each connection until the time is over; how many came.
fn with_victims(ground: &Ground, mut deed: impl FnMut(usize, Peer)) -> usize {
    let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, ground.lair)) else { return 0 };
    let _ = listener.set_nonblocking(true);
    let mut count = 0;
    while !ground.is_over() || (count == 0 && ground.began.elapsed() < Duration::from_secs(8)) {
        let Ok((stream, _)) = listener.accept() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let _ = stream.set_nonblocking(false);
        if let Ok(peer) = Peer::accepted(stream, "ROUTER") {
            deed(count, peer);
            count += 1;
        }
    }
    count
}

fn came(count: usize) -> Findings {
    found(count == 0, || "nobody came".to_owned())
}

fn garbage_to_worker(ground: &Ground) -> Findings {
    let job =
        |id: &[u8]| message(&[b"".as_slice(), b"MDPC02", b"1", b"PARAM-JSON: {", &[b"JOB: ", id].concat()]);
    let deeds = [
        announcement(0, 1 << 62),
        message(&[b""; 1000]),
        message(&[b"\xff\xfe".as_slice(), b"\x00"]),
        job(&vec![b'A'; 100_000]),
        job(b"\x1b[2J\n"),
        command(b"ERROR", b"\x10\x1b[2J all is lost"),
        message(&[b"".as_slice(), b"MDPW02", b"\x06"]),
        vec![0xFF; 10_000],
    ];
    came(with_victims(ground, |number, mut peer| {
        let _ = peer.write(&deeds[number % deeds.len()].repeat(3));
        let _ = peer.receive(Duration::from_millis(50));
    }))
}

fn one_job(id: &str) -> Vec<u8> {
    message(&[
        b"".as_slice(),
        b"MDPC02",
        b"1",
        b"PARAM-JSON: {\"str\":\"abc\"}",
        format!("JOB: {id}").as_bytes(),
    ])
}

/// A worker that is given more than it asked for.
fn jobs_to_worker(ground: &Ground) -> Findings {
    let jobs: Vec<u8> = (0..1000).flat_map(|number| one_job(&format!("{number:04X}-0001"))).collect();
    came(with_victims(ground, |_, mut peer| {
        let _ = peer.receive(Duration::from_millis(500));
        drop(flood(ground, vec![peer.stream], &jobs, 64 << 20, Reads::No));
    }))
}

fn frames_to_worker(ground: &Ground) -> Findings {
    came(with_victims(ground, |_, mut peer| {
        let _ = peer.receive(Duration::from_millis(500));
        drop(flood(ground, vec![peer.stream], frame(MORE, &vec![b'x'; 1 << 20]), 2 << 30, Reads::Yes));
    }))
}

fn beats_to_worker(ground: &Ground) -> Findings {
    let beats = [message(&[b"HEARTBEAT"]), command(b"PING", b"\x00\x64")].concat().repeat(200);
    came(with_victims(ground, |_, mut peer| {
        let _ = peer.receive(Duration::from_millis(500));
        // A pause between two rounds: it is not processors that are fought for.
        let mut left = vec![peer.stream];
        while !ground.is_over() && !left.is_empty() {
            left = flood(ground, left, &beats, beats.len(), Reads::Yes).1;
            std::thread::sleep(Duration::from_millis(5));
        }
    }))
}

fn hangs_up(ground: &Ground) -> Findings {
    let count = with_victims(ground, |_, peer| drop(peer));
    let most = 200 + ground.began.elapsed().as_secs() * 100;
    let mut findings = came(count);
    findings.extend(found(count as u64 > most, || format!("it came back {count} times")));
    findings
}

/// Asks the gateway beside: it must be an answer, of whatever kind, in time.
fn asks(ground: &Ground, evil: impl FnOnce() -> usize) -> Findings {
    std::thread::scope(|scope| {
        let asker = scope.spawn(|| {
            let (mut asked, mut unanswered) = (0, 0);
            while asked == 0 || !ground.is_over() {
                asked += 1;
                let answer = http::get(ground.lair2, "/SYNC-STR-REV?str=abc", Duration::from_secs(8));
                unanswered += usize::from(answer.is_err());
                if unanswered > 1 {
                    break;
                }
            }
            (asked, unanswered)
        });
        let count = evil();
        let (asked, unanswered) = asker.join().unwrap_or_default();
        let mut findings = came(count);
        findings.extend(found(unanswered > 0, || format!("{unanswered} of {asked} clients had no answer")));
        findings
    })
}

fn wrong_answers(ground: &Ground) -> Findings {
    let header = [b"".as_slice(), b"MDPC02", b"3", b"STR-REV"];
    let answer = |status: &[u8], value: &[u8]| message(&[header.as_slice(), &[status, value]].concat());
    let answers = [
        answer(b"COMPLETE: STR-REV [FFFF-0000]", b"PARAM-JSON: \"wrong\""),
        answer(b"COMPLETE: OTHER [1]", b""),
        answer(b"\x1b[2J\r\n\r\n", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        message(&[b"".as_slice(), b"FAIL: STR-REV"]),
        message(&[b""; 1000]),
        message(&[b"".as_slice(), b"JOB: 0000-0001 STR-REV"]),
    ];
    asks(ground, || {
        with_victims(ground, |number, mut peer| {
            let _ = peer.receive(Duration::from_millis(100));
            for turn in 0..50 {
                if peer.write(&answers[(number + turn) % answers.len()]).is_err() {
                    break;
                }
            }
            let _ = peer.receive(Duration::from_millis(100));
        })
    })
}

fn large_answers(ground: &Ground) -> Findings {
    let frames = frame(MORE, &vec![b'x'; 1 << 20]);
    asks(ground, || {
        with_victims(ground, |_, mut peer| {
            let _ = peer.receive(Duration::from_millis(200));
            drop(flood(ground, vec![peer.stream], &frames, ENDLESS, Reads::Yes));
        })
    })
}

fn silence(ground: &Ground) -> Findings {
    let mut held = Vec::new();
    let findings = asks(ground, || with_victims(ground, |_, peer| held.push(peer)));
    drop(held);
    findings
}
