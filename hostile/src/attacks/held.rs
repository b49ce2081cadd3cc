//! What is held for somebody: requests that wait, queues, history, dead letters.

use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing, streams, stuck_worker};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect, Said};
use crate::zmtp::{Peer, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Dialects, name, about, run).on(Setting::JOBS_STAY)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("million-held", "a million requests that wait for a worker that never answers", million_held),
    attack("million-held-unknown", "Majordomo requests for a service that nobody offers yet", held_unknown),
    attack("held-for-new-names", "the same with a new name each", held_for_new_names),
    attack(
        "queue-of-large-jobs",
        "jobs of 1 MB until they are refused: with an answer each",
        queue_of_large_jobs,
    ),
    attack(
        "many-dead-letters",
        "jobs of 100 KB whose workers die, until they are given up",
        many_dead_letters,
    ),
    attack("large-history", "a hundred ended jobs of 8 MB each", large_history),
];

fn million_held(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "STUCK") else { return nothing() };
    let bytes = message(&dialect::sync(Dialect::Zmws1, "STUCK", b"PARAM-JSON: {}")).repeat(1000);
    let most = bytes.len() * ground.size(25, 250);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 4)), bytes, most, Reads::Yes);
    drop((left, worker));
    nothing()
}

fn held_unknown(ground: &Ground) -> Findings {
    let bytes = message(&dialect::sync(Dialect::Mdp02, "NOT-YET", b"x")).repeat(1000);
    let most = bytes.len() * ground.size(25, 250);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 4)), bytes, most, Reads::Yes);
    drop(left);
    nothing()
}

fn held_for_new_names(ground: &Ground) -> Findings {
    let Ok(mut peer) = Peer::dealer(ground.clients) else { return nothing() };
    for batch in 0.. {
        let requests = (0..100).flat_map(|number| {
            message(&dialect::sync(Dialect::Mdp02, &format!("NOT-YET-{batch}-{number:0>180}"), b"x"))
        });
        let requests: Vec<u8> = requests.collect();
        if peer.write(&requests).is_err() || peer.discard().is_err() || ground.is_over() {
            break;
        }
    }
    nothing()
}

/// Every one is taken or refused, with an answer.
fn queue_of_large_jobs(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "STUCK") else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let job = message(&dialect::background("STUCK", &vec![b'p'; 1 << 20]));
    let (mut taken, mut refused, mut lost) = (0, 0, 0);
    for _ in 0..ground.size(400, 1500) {
        if ground.is_over() || client.write(&job).is_err() {
            break;
        }
        match client.receive(Duration::from_secs(3)).map(|frames| dialect::answer(Dialect::Zmws2, &frames).0)
        {
            Ok(Said::Taken) => taken += 1,
            Ok(Said::Fail) => refused += 1,
            _ => lost += 1,
        }
        if lost > 2 {
            break;
        }
    }
    drop(worker);
    found(lost > 0, || format!("{lost} jobs had no answer, {taken} were taken, {refused} refused"))
}

fn many_dead_letters(ground: &Ground) -> Findings {
    let Some(worker) = stuck_worker(ground, "DEADLY") else { return nothing() };
    let Ok(client) = Peer::dealer(ground.clients) else { return nothing() };
    let job = message(&dialect::background("DEADLY", &vec![b'p'; 100 << 10]));
    let most = job.len() * ground.size(500, 2000);
    let (_, left) = flood(ground, vec![client.stream], job, most, Reads::Yes);
    drop(worker);
    let ready = message(&dialect::ready(Dialect::Zmws2, b"DEADLY"));
    for _ in 0..ground.size(300, 3000) {
        let Ok(mut worker) = Peer::dealer(ground.workers) else { break };
        let _ = worker.write(&ready);
        let _ = worker.receive(Duration::from_millis(100));
    }
    drop(left);
    nothing()
}

fn large_history(ground: &Ground) -> Findings {
    let Some(mut worker) = stuck_worker(ground, "LARGE") else { return nothing() };
    let Ok(client) = Peer::dealer(ground.clients) else { return nothing() };
    let job = message(&dialect::background("LARGE", &vec![b'p'; 8 << 20]));
    let mut stream = vec![client.stream];
    for _ in 0..ground.size(60, 120) {
        if stream.is_empty() || ground.is_over() {
            break;
        }
        stream = flood(ground, stream, &job, job.len(), Reads::Yes).1;
        let Ok(frames) = worker.receive(Duration::from_secs(2)) else { continue };
        let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
        let _ = worker.send(&dialect::complete(Dialect::Zmws2, "LARGE", &job.token, b""));
    }
    let lists = message(&[b"".as_slice(), b"SERVER-HIST"]).repeat(10);
    let left = flood(ground, streams(dealers(ground.clients, 2)), lists, ENDLESS, Reads::No).1;
    hold(ground, (left, worker));
    nothing()
}
