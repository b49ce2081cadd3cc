//! Right messages with wrong, huge or too many things in them.

use std::io::Write;

use super::{ENDLESS, Reads, dealers, flood, hold, nothing, streams, stuck_worker};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::dialect::{self, DIALECTS, Dialect};
use crate::zmtp::{self, MORE, Message, Peer, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Dialects, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("ready-of-30-mb", "workers whose service has a name of 30 MB", ready_of_30_mb),
    attack("request-of-30-mb-name", "Majordomo requests for services with names of 30 MB", request_of_30_mb),
    attack("services-by-the-thousand", "READYs with a new service each", services_by_the_thousand)
        .on(Setting { stays_mib: 64, ..Setting::PLAIN }),
    attack(
        "reserved-names",
        "READYs with reserved names of 60 KB full of control characters",
        reserved_names,
    ),
    attack("refused-connections", "connections refused for their type, 60 KB of it", refused_connections),
    attack("ready-and-disconnect", "READY and DISCONNECT, again and again", ready_and_disconnect),
    attack("heartbeat-flood", "50 workers that send heartbeats and nothing else", heartbeat_flood),
    attack(
        "heartbeats-of-nobody",
        "50 connections with heartbeats that never said READY",
        heartbeats_of_nobody,
    ),
    attack("change-of-dialect", "a worker that says READY in another dialect each time", change_of_dialect),
    attack("mmi-flood", "mmi.service for a new name each time", mmi_flood),
    attack("mmi-unknown", "mmi requests that do not exist, with long names", mmi_unknown),
    attack("unknown-services", "requests for services that nobody offers, in all dialects", unknown_services),
    attack("random-words", "messages of random words of all dialects", random_words),
    attack("background-flood", "jobs in the background, as fast as they are taken", background_flood)
        .on(Setting::JOBS_STAY),
    attack("workers-that-leave", "workers that take each job and leave", workers_that_leave),
];

/// Messages with a name of 30 MB between other frames, a new one each time; what has an end may take its time.
fn new_giant_names(ground: &Ground, port: u16, before: &[&[u8]], after: &[u8]) -> Findings {
    let rest = vec![b'n'; (30 << 20) - 8];
    let before: Vec<u8> = before.iter().flat_map(|body| zmtp::frame(MORE, body)).collect();
    let mut peers = dealers(port, 2);
    for number in 0..ground.size(12, 60) {
        if peers.is_empty() || ground.began.elapsed() > 4 * ground.length() {
            break;
        }
        let head =
            [before.clone(), zmtp::announcement(MORE, 30 << 20), number.to_be_bytes().to_vec()].concat();
        let index = number % peers.len();
        let parts = [head.as_slice(), &rest, &zmtp::frame(0, after)];
        let sent = parts.iter().try_for_each(|part| peers[index].write(part));
        if sent.and_then(|()| peers[index].discard()).is_err() {
            peers.remove(index);
        }
    }
    hold(ground, peers);
    nothing()
}

fn ready_of_30_mb(ground: &Ground) -> Findings {
    new_giant_names(ground, ground.workers, &[], b"READY")
}

fn request_of_30_mb(ground: &Ground) -> Findings {
    new_giant_names(ground, ground.clients, &[b"", b"MDPC02", b"\x01"], b"x")
}

fn services_by_the_thousand(ground: &Ground) -> Findings {
    let Ok(mut peer) = Peer::dealer(ground.workers) else { return nothing() };
    for number in 0..ground.size(20_000, 200_000) {
        let name = format!("SERVICE-{number:0>200}");
        let sent = peer.send(&dialect::ready(Dialect::Zmws2, name.as_bytes()));
        if sent.is_err() || ground.is_over() {
            break;
        }
        if number % 100 == 0 && peer.discard().is_err() {
            break;
        }
    }
    nothing()
}

fn reserved_names(ground: &Ground) -> Findings {
    let evil = b"\x1b[2J\n[E] - all is lost\r".repeat(2_600);
    let names = [b"mmi.".as_slice(), b"SERVER-", b"MDPC02", b""];
    let all =
        names.iter().flat_map(|name| message(&dialect::ready(Dialect::Zmws1, &[name, &evil[..]].concat())));
    let (_, left) =
        flood(ground, streams(dealers(ground.workers, 10)), all.collect::<Vec<u8>>(), ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn refused_connections(ground: &Ground) -> Findings {
    let kind = "\x1b[31mKING\n".repeat(6_000);
    let bytes = [zmtp::greeting(b"NULL"), zmtp::ready(&kind, &[b'i'; 200])].concat();
    let ports = [ground.clients, ground.workers, ground.news];
    while !ground.is_over() {
        // All three are refused at once; who waits for it sees less of the log.
        let mut strangers: Vec<_> = ports.iter().filter_map(|port| zmtp::connect(*port).ok()).collect();
        strangers.retain_mut(|stream| stream.write_all(&bytes).is_ok());
    }
    nothing()
}

fn ready_and_disconnect(ground: &Ground) -> Findings {
    let disconnects: [Message; 2] =
        [b"\x05", b"\x06"].map(|kind| vec![Vec::new(), b"MDPW01".to_vec(), kind.to_vec()]);
    let [mdp01, mut mdp02] = disconnects;
    mdp02[1] = b"MDPW02".to_vec();
    let both = [
        message(&dialect::ready(Dialect::Mdp01, b"COMES-AND-GOES")),
        message(&mdp01),
        message(&dialect::ready(Dialect::Mdp02, b"COMES-AND-GOES")),
        message(&mdp02),
    ];
    let (_, left) =
        flood(ground, streams(dealers(ground.workers, 10)), both.concat().repeat(100), ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn heartbeat_flood(ground: &Ground) -> Findings {
    let mut workers = dealers(ground.workers, 50);
    for worker in &mut workers {
        let _ = worker.send(&dialect::ready(Dialect::Zmws1, b"BEATS"));
    }
    let beats = message(&dialect::heartbeat(Dialect::Zmws1)).repeat(5_000);
    let (_, left) = flood(ground, streams(workers), beats, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn heartbeats_of_nobody(ground: &Ground) -> Findings {
    let beats = DIALECTS.map(|dialect| message(&dialect::heartbeat(dialect))).concat().repeat(2_000);
    let (_, left) = flood(ground, streams(dealers(ground.workers, 50)), beats, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn change_of_dialect(ground: &Ground) -> Findings {
    let all = DIALECTS.map(|dialect| message(&dialect::ready(dialect, b"CHANGES"))).concat().repeat(500);
    let (_, left) = flood(ground, streams(dealers(ground.workers, 4)), all, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn mmi(service: &[u8], body: &[u8]) -> Vec<u8> {
    message(&[b"".as_slice(), b"MDPC02", b"\x01", service, body])
}

fn mmi_flood(ground: &Ground) -> Findings {
    let all = (0..5_000).flat_map(|number| mmi(b"mmi.service", format!("NAME-{number}").as_bytes()));
    let all: Vec<u8> = all.collect();
    let (_, left) = flood(ground, streams(dealers(ground.clients, 10)), all, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn mmi_unknown(ground: &Ground) -> Findings {
    let name = [b"mmi.".as_slice(), &b"\x1b[2J\n".repeat(2_000)].concat();
    let bytes = mmi(&name, &vec![b'x'; 1000]).repeat(10);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 10)), bytes, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn unknown_services(ground: &Ground) -> Findings {
    let zmws =
        [Dialect::Zmws1, Dialect::Zmws2].map(|dialect| message(&dialect::sync(dialect, "NOBODY", b"x")));
    let background = message(&dialect::background("NOBODY", b"x"));
    let bytes = [zmws.concat(), background].concat().repeat(500);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 20)), bytes, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

/// Frames that mean something somewhere.
const WORDS: [&[u8]; 24] = [
    b"",
    b"0",
    b"1",
    b"3",
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x04",
    b"\x06",
    b"MDPC01",
    b"MDPC02",
    b"MDPW01",
    b"MDPW02",
    b"READY",
    b"HEARTBEAT",
    b"JOB: ",
    b"JOB: SYNC-HONEST",
    b"COMPLETE: 0000-0001",
    b"FAIL: JOB: 1",
    b"CONT: ",
    b"mmi.service",
    b"SERVER-WORKERS",
    b"PARAM-JSON: {",
    b"\xff\xfe\x00\x80",
];

fn random_words(ground: &Ground) -> Findings {
    let mut random = fastrand::Rng::with_seed(28);
    while !ground.is_over() {
        for port in [ground.clients, ground.workers] {
            let bytes: Vec<u8> = (0..500)
                .flat_map(|_| {
                    let count = random.usize(1..8);
                    let words: Vec<&[u8]> = (0..count).map(|_| WORDS[random.usize(..WORDS.len())]).collect();
                    message(&words)
                })
                .collect();
            let _ = flood(ground, streams(dealers(port, 5)), &bytes, bytes.len(), Reads::Yes);
        }
    }
    nothing()
}

fn background_flood(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "STUCK") else { return nothing() };
    let bytes = message(&dialect::background("STUCK", b"PARAM-JSON: {}")).repeat(100);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 4)), bytes, ENDLESS, Reads::Yes);
    drop((left, worker));
    nothing()
}

/// Each job may take five workers down, then it is failed; the broker has to bear them all.
fn workers_that_leave(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "LEAVES") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let jobs = message(&dialect::background("LEAVES", b"PARAM-JSON: {}"));
    let _ = client.write(&jobs.repeat(1000));
    drop(worker);
    while !ground.is_over() {
        let Ok(mut worker) = Peer::dealer(ground.workers) else { continue };
        let _ = worker.send(&dialect::ready(Dialect::Zmws2, b"LEAVES"));
        let _ = worker.receive(std::time::Duration::from_millis(200));
        let _ = client.discard();
    }
    nothing()
}
