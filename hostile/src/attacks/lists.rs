//! Questions that are short and answers that are long.

use std::time::Duration;

use super::{ENDLESS, Reads, dealers, flood, found, hold, nothing, streams, stuck_worker};
use crate::attack::{Attack, Findings, Ground, Group, Setting};
use crate::dialect::{self, Dialect};
use crate::http::{self, Asker};
use crate::zmtp::{Peer, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Lists, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("history-and-gone", "2,000 × SERVER-HIST in 26 KB, and the sender leaves", history_and_gone),
    attack("history-flood", "SERVER-HIST as fast as it is read", history_flood),
    attack("jobs-of-10000", "SERVER-JOBS with 10,000 jobs that wait", jobs_of_10000).on(Setting::JOBS_STAY),
    attack("workers-of-2000", "SERVER-WORKERS with 2,000 workers of long names", workers_of_2000),
    attack("active-of-1000", "SERVER-ACTIVE with 1,000 jobs that are being done", active_of_1000),
    attack("lists-unread", "200 clients that ask for all lists and read none", lists_unread)
        .on(Setting::JOBS_STAY),
    attack("lists-over-http", "/SERVER-* over HTTP in a flood", lists_over_http).on(Setting::JOBS_STAY),
    attack("api-lists", "/v1/jobs, /v1/workers and /v1/services in a flood", api_lists)
        .on(Setting::JOBS_STAY),
    attack("lists-with-giant-echo", "SERVER-HIST with a parameter of 60 MB that is given back", giant_echo),
];

/// What history has: a hundred jobs with parameters of this size.
fn fill_history(ground: &Ground, bytes: usize) {
    let Some(mut worker) = stuck_worker(ground, "FILLS") else { return };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return };
    let param = [b"PARAM-JSON: \"", vec![b'p'; bytes].as_slice(), b"\""].concat();
    for _ in 0..100 {
        let _ = client.send(&dialect::sync(Dialect::Zmws2, "FILLS", &param));
        let Ok(frames) = worker.receive(Duration::from_secs(2)) else { continue };
        let Some(job) = dialect::job(Dialect::Zmws2, &frames) else { continue };
        let _ = worker.send(&dialect::complete(Dialect::Zmws2, "FILLS", &job.token, b""));
        let _ = client.receive(Duration::from_secs(2));
    }
}

/// Jobs that wait.
fn fill_queue(ground: &Ground, count: usize) -> Option<Peer> {
    let worker = stuck_worker(ground, "STUCK")?;
    let client = Peer::dealer(ground.clients).ok()?;
    let param = [b"PARAM-JSON: \"", [b'p'; 500].as_slice(), b"\""].concat();
    let bytes = message(&dialect::background("STUCK", &param)).repeat(100);
    let most = bytes.len() * count / 100;
    flood(ground, vec![client.stream], bytes, most, Reads::Yes);
    Some(worker)
}

fn ask(list: &str) -> Vec<u8> {
    message(&[b"".as_slice(), list.as_bytes()])
}

fn history_and_gone(ground: &Ground) -> Findings {
    fill_history(ground, 60_000);
    for _ in 0..ground.size(1, 3) {
        let Ok(mut client) = Peer::dealer(ground.clients) else { break };
        let _ = client.write(&ask("SERVER-HIST").repeat(2000));
        drop(client);
    }
    nothing()
}

fn history_flood(ground: &Ground) -> Findings {
    fill_history(ground, 10_000);
    let (_, left) = flood(
        ground,
        streams(dealers(ground.clients, 5)),
        ask("SERVER-HIST").repeat(10),
        ENDLESS,
        Reads::Yes,
    );
    drop(left);
    nothing()
}

fn jobs_of_10000(ground: &Ground) -> Findings {
    let worker = fill_queue(ground, 10_000);
    let (_, left) = flood(
        ground,
        streams(dealers(ground.clients, 5)),
        ask("SERVER-JOBS").repeat(10),
        ENDLESS,
        Reads::Yes,
    );
    drop((left, worker));
    nothing()
}

fn workers_of_2000(ground: &Ground) -> Findings {
    let mut workers = Vec::new();
    for number in 0..ground.size(300, 2000) {
        let Ok(mut worker) = Peer::dealer(ground.workers) else { break };
        let _ = worker.send(&dialect::ready(Dialect::Zmws1, format!("{number:N>200}").as_bytes()));
        workers.push(worker);
        if ground.left() < Duration::from_millis(400) {
            break;
        }
    }
    let bytes = ask("SERVER-WORKERS").repeat(10);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 5)), bytes, ENDLESS, Reads::Yes);
    drop((left, workers));
    nothing()
}

fn active_of_1000(ground: &Ground) -> Findings {
    let mut workers = Vec::new();
    for _ in 0..ground.size(200, 1000) {
        let Ok(mut worker) = Peer::dealer(ground.workers) else { break };
        let _ = worker.send(&dialect::ready(Dialect::Zmws2, b"BUSY"));
        workers.push(worker);
        if ground.left() < Duration::from_millis(400) {
            break;
        }
    }
    super::known(ground, "BUSY");
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let _ = client
        .write(&message(&dialect::sync(Dialect::Zmws2, "BUSY", b"PARAM-JSON: {}")).repeat(workers.len()));
    let bytes = ask("SERVER-ACTIVE").repeat(10);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 5)), bytes, ENDLESS, Reads::Yes);
    drop((left, workers));
    nothing()
}

fn lists_unread(ground: &Ground) -> Findings {
    fill_history(ground, 10_000);
    let worker = fill_queue(ground, 5_000);
    let all = ["SERVER-HIST", "SERVER-JOBS", "SERVER-WORKERS", "SERVER-ACTIVE"].map(ask).concat().repeat(50);
    let clients = streams(dealers(ground.clients, ground.size(50, 200)));
    let (_, left) = flood(ground, clients, &all, all.len(), Reads::No);
    hold(ground, (left, worker));
    nothing()
}

fn over_http(ground: &Ground, paths: &[&str]) -> Findings {
    fill_history(ground, 10_000);
    let worker = fill_queue(ground, 5_000);
    let Ok(mut asker) = Asker::connect(ground.http) else { return nothing() };
    let mut wrong = 0;
    let mut others: Vec<_> = (0..10).map_while(|_| Asker::connect(ground.http).ok()).collect();
    while !ground.is_over() {
        for path in paths {
            let get = http::request("GET", path, "", b"");
            // Some do not wait for their answer.
            others.retain_mut(|other| other.send(&get).is_ok());
            let answer = asker.ask(&get, Duration::from_secs(5));
            wrong += usize::from(!answer.is_ok_and(|answer| [200, 429, 503].contains(&answer.status)));
        }
        if wrong > 3 {
            break;
        }
    }
    drop(worker);
    found(wrong > 0, || format!("{wrong} lists were neither given nor refused"))
}

fn lists_over_http(ground: &Ground) -> Findings {
    over_http(ground, &["/SERVER-HIST", "/SERVER-JOBS", "/SERVER-WORKERS", "/SERVER-ACTIVE"])
}

fn api_lists(ground: &Ground) -> Findings {
    over_http(ground, &["/v1/jobs?state=queued", "/v1/jobs?state=completed", "/v1/workers", "/v1/services"])
}

fn giant_echo(ground: &Ground) -> Findings {
    let bytes = message(&[b"".to_vec(), vec![b'e'; 60 << 20], b"SERVER-HIST".to_vec()]);
    let most = bytes.len() * ground.size(6, 30);
    let (_, left) = flood(ground, streams(dealers(ground.clients, 2)), bytes, most, Reads::No);
    hold(ground, left);
    nothing()
}
