//! Answers that nobody asked for: whose answer counts?

use std::io::ErrorKind;
use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing, streams, stuck_worker};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::dialect::{self, DIALECTS, Dialect, Said};
use crate::zmtp::{Peer, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Dialects, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("stolen-finish", "a client that ends others' jobs, with ids from SERVER-ACTIVE", stolen_finish),
    attack("stolen-finish-by-a-worker", "the same by a worker that never had the job", stolen_by_a_worker),
    attack("unknown-completes", "50 workers with answers to jobs that never were", unknown_completes),
    attack("unknown-completes-of-clients", "the same at the clients' port", unknown_completes_of_clients),
    attack("answers-twice", "a worker that answers each job three times, and differently", answers_twice),
    attack(
        "answers-for-another-service",
        "a worker that answers in the name of another service",
        other_service,
    ),
    attack("partial-flood", "parts without end for a client that does not read", partial_flood),
    attack("deaf-client", "results of 1 MB for a client that never reads", deaf_client),
];

/// A job of ours is active; somebody else ends it. The client must hear its own worker.
fn stolen(ground: &Ground, thieves: impl Fn(&str) -> Vec<(u16, Vec<u8>)>) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "VICTIM") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let _ = client.send(&dialect::sync(Dialect::Zmws2, "VICTIM", b"PARAM-JSON: {}"));
    let job = (0..50).find_map(|_| {
        let frames = worker.receive(Duration::from_secs(1)).ok()?;
        dialect::job(Dialect::Zmws2, &frames)
    });
    let Some(job) = job else { return vec!["the job never came to its worker".to_owned()] };
    let id = String::from_utf8_lossy(&job.token).into_owned();
    // An answer at the clients' port counts from a connection that came within 250 ms of the worker's READY: there is a
    // worker that answers so, and no other way to know it (docs/src/guarantees.md). Who comes later is a thief.
    std::thread::sleep(Duration::from_millis(400));
    let mut peers = Vec::new();
    for (port, bytes) in thieves(&id) {
        let Ok(mut thief) = Peer::dealer(port) else { continue };
        let _ = thief.write(&bytes);
        peers.push(thief);
    }
    std::thread::sleep(Duration::from_millis(300));
    let _ = worker.send(&dialect::complete(Dialect::Zmws2, "VICTIM", &job.token, b"PARAM-JSON: \"mine\""));
    let answer = client.receive(Duration::from_secs(5)).unwrap_or_default();
    let heard = dialect::answer(Dialect::Zmws2, &answer);
    let is_ours = heard == (Said::Complete, b"PARAM-JSON: \"mine\"".to_vec());
    found(!is_ours, || format!("the client heard {:?} {}", heard.0, String::from_utf8_lossy(&heard.1)))
}

fn finishes(id: &str) -> Vec<Vec<u8>> {
    let id = id.as_bytes();
    let complete = |dialect| message(&dialect::complete(dialect, "VICTIM", id, b"PARAM-JSON: \"stolen\""));
    let fail = message(&[b"VICTIM".to_vec(), [b"FAIL: ", id].concat()]);
    let fail_2 = message(&[b"MDPC02".to_vec(), b"3".to_vec(), b"VICTIM".to_vec(), [b"FAIL: ", id].concat()]);
    DIALECTS.map(complete).into_iter().chain([fail, fail_2]).collect()
}

fn stolen_finish(ground: &Ground) -> Findings {
    let port = ground.clients;
    stolen(ground, |id| finishes(id).into_iter().map(|bytes| (port, bytes)).collect())
}

fn stolen_by_a_worker(ground: &Ground) -> Findings {
    let port = ground.workers;
    let ready = |dialect| message(&dialect::ready(dialect, b"VICTIM-TOO"));
    stolen(ground, |id| {
        let all = finishes(id);
        DIALECTS.iter().map(|dialect| (port, [ready(*dialect), all.concat()].concat())).collect()
    })
}

fn unknown(ground: &Ground, port: u16) -> Findings {
    let answers = (0..500).flat_map(|number: u32| {
        let id = format!("{number:04X}-FFFF");
        DIALECTS.map(|dialect| message(&dialect::complete(dialect, "HONEST", id.as_bytes(), b"x"))).concat()
    });
    let answers: Vec<u8> = answers.collect();
    let (_, left) = flood(ground, streams(dealers(port, 50)), answers, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn unknown_completes(ground: &Ground) -> Findings {
    unknown(ground, ground.workers)
}

fn unknown_completes_of_clients(ground: &Ground) -> Findings {
    unknown(ground, ground.clients)
}

/// The client has one answer to each question, the first. A worker that says two in three times what cannot be right is
/// cut sooner or later, and its last job waits for another worker then: that is as it should be.
fn answers_twice(ground: &Ground) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "TWICE") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let mut wrong = Findings::new();
    while !ground.is_over() && wrong.len() < 3 {
        let _ = client.send(&dialect::sync(Dialect::Zmws2, "TWICE", b"PARAM-JSON: {}"));
        let frames = match worker.receive(Duration::from_secs(2)) {
            Ok(frames) => frames,
            Err(error) if error.kind() == ErrorKind::TimedOut => continue,
            Err(_) => break,
        };
        let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
        let values = [b"first".as_slice(), b"second", b"third"];
        let said =
            values.map(|value| worker.send(&dialect::complete(Dialect::Zmws2, "TWICE", &job.token, value)));
        let answer = client.receive(Duration::from_secs(2)).unwrap_or_default();
        let heard = dialect::answer(Dialect::Zmws2, &answer);
        let mut is_cut = || said.iter().any(Result::is_err) || is_hung_up(&mut worker);
        if heard != (Said::Complete, b"first".to_vec()) && !(answer.is_empty() && is_cut()) {
            wrong.push(format!("heard {:?} {}", heard.0, String::from_utf8_lossy(&heard.1)));
        }
    }
    wrong
}

/// Whether the broker has closed the connection.
fn is_hung_up(worker: &mut Peer) -> bool {
    loop {
        match worker.receive(Duration::from_millis(100)) {
            Ok(_) => {}
            Err(error) => return error.kind() != ErrorKind::TimedOut,
        }
    }
}

/// A worker's service is what it said with READY.
fn other_service(ground: &Ground) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "ITS-OWN") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    for _ in 0..100 {
        let _ = client.send(&dialect::sync(Dialect::Zmws2, "ITS-OWN", b"PARAM-JSON: {}"));
        let Ok(frames) = worker.receive(Duration::from_secs(1)) else { continue };
        let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
        let _ = worker.send(&dialect::complete(Dialect::Zmws2, "INVENTED", &job.token, b"x"));
        let _ = client.receive(Duration::from_secs(2));
    }
    let _ = client.send(&dialect::sync(Dialect::Zmws2, "INVENTED", b""));
    let answer = client.receive(Duration::from_secs(2)).unwrap_or_default();
    let said = dialect::answer(Dialect::Zmws2, &answer).0;
    found(said != Said::Fail, || "an answer in its name has made a service".to_owned())
}

fn partial_flood(ground: &Ground) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "PARTS") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let _ = client.send(&dialect::sync(Dialect::Zmws2, "PARTS", b"PARAM-JSON: {}"));
    let Ok(frames) = worker.receive(Duration::from_secs(2)) else { return nothing() };
    let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { return nothing() };
    let verb = [b"CONT: ", job.token.as_slice()].concat();
    let part = message(&[b"MDPC02".as_slice(), b"3", b"PARTS", &[b'p'; 60_000], &verb]);
    let (_, left) = flood(ground, vec![worker.stream], part, ENDLESS, Reads::Yes);
    hold(ground, (left, client));
    nothing()
}

fn deaf_client(ground: &Ground) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "LARGE") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let value = vec![b'v'; 1 << 20];
    let _ =
        client.write(&message(&dialect::sync(Dialect::Zmws2, "LARGE", b"")).repeat(ground.size(300, 1500)));
    while !ground.is_over() {
        let Ok(frames) = worker.receive(Duration::from_millis(500)) else { break };
        let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
        if worker.send(&dialect::complete(Dialect::Zmws2, "LARGE", &job.token, &value)).is_err() {
            break;
        }
    }
    hold(ground, client);
    nothing()
}
