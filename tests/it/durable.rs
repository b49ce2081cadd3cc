//! A broker that keeps its jobs on disk: what is there after it was killed, and what happens when the disk says no.

use std::path::Path;
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use serde_json::{Value, json};
use zmws::message::Dialect::{Zmws1, Zmws2};

use crate::support::broker::{Broker, Directory, zmws};
use crate::support::frames::{self, Kind, tagged};
use crate::support::raw::RawPeer;
use crate::support::{PATIENCE, http, poll};

const SERVICE: &str = "MAIL";

fn start(directory: &Directory) -> Broker {
    Broker::start(&[&directory.flag(), "--max-attempts=2"])
}

/// Sends a job of the background; whether it was taken, and its id.
fn ask(client: &mut RawPeer, text: &str) -> Option<String> {
    let param = tagged(&json!({"str": text}));
    client.send(&[b"".as_slice(), b"MDPC02", b"1", &param, SERVICE.as_bytes()]);
    let reply = frames::read_reply(Zmws2, &client.receive(PATIENCE).expect("the broker answers"));
    match reply.kind {
        Kind::Accepted => reply.id,
        Kind::Fail => None,
        Kind::Partial | Kind::Complete => panic!("{reply:?}"),
    }
}

fn worker(broker: &Broker) -> RawPeer {
    let mut worker = RawPeer::dealer(broker.workers);
    worker.send(&frames::ready(Zmws2, SERVICE));
    worker
}

fn next_job(worker: &mut RawPeer) -> (frames::Job, String) {
    loop {
        let frames = worker.receive(PATIENCE).expect("the broker lives");
        if let Some(job) = frames::read_job(Zmws2, &frames) {
            let text = frames::untagged(&job.body[0])["str"].as_str().expect("a text").to_owned();
            return (job, text);
        }
    }
}

fn finish(worker: &mut RawPeer, job: &frames::Job) {
    let answer = frames::answer(Zmws2, SERVICE, job, Kind::Complete, vec![b"".to_vec()]);
    worker.send(&answer.expect("zmws has a word for it"));
}

fn jobs(broker: &Broker, query: &str) -> Vec<Value> {
    let answer = http::get(broker.admin, &format!("/jobs?{query}"));
    serde_json::from_str(&answer.body).expect("JSON")
}

fn ids(jobs: &[Value]) -> Vec<&str> {
    jobs.iter().map(|job| job["id"].as_str().expect("an id")).collect()
}

#[test]
fn jobs_are_back_in_their_order_after_a_kill_and_those_with_a_worker_first() {
    let directory = Directory::new();
    let mut broker = start(&directory);
    let (mut client, mut busy) = (RawPeer::dealer(broker.clients), worker(&broker));
    broker.wait_for_workers(SERVICE, 1);
    let asked: Vec<String> =
        (0..5).map(|number| ask(&mut client, &format!("letter {number}")).expect("it is taken")).collect();
    assert_eq!(next_job(&mut busy).1, "letter 0");
    finish_the_first_and_take_the_second(&mut busy, &broker);
    broker.kill();

    let broker = start(&directory);
    let recovered = |line: &str| line.contains(": recovered 4 jobs in ").then_some(());
    broker.program.wait_for("what it has recovered", PATIENCE, recovered);
    // It was with a worker.
    assert_eq!(ids(&jobs(&broker, "state=queued")), asked[1..]);
    let mut heir = worker(&broker);
    for number in 1..5 {
        let (job, text) = next_job(&mut heir);
        assert_eq!(text, format!("letter {number}"));
        finish(&mut heir, &job);
    }
}

/// The end of the first is durable when its successor's acknowledgement is, at the latest: asked for here.
fn finish_the_first_and_take_the_second(worker: &mut RawPeer, broker: &Broker) {
    let active = jobs(broker, "state=active");
    let job = frames::Job { token: ids(&active)[0].as_bytes().to_vec(), body: vec![] };
    finish(worker, &job);
    assert_eq!(next_job(worker).1, "letter 1");
    poll("its end is on disk", PATIENCE, || (stored(broker) == 4).then_some(()));
}

fn stored(broker: &Broker) -> u64 {
    let metrics = http::get(broker.admin, "/metrics").body;
    let line = metrics.lines().find_map(|line| line.strip_prefix("zmws_store_jobs "));
    line.expect("there is a store").parse().expect("a number")
}

#[test]
fn a_worker_that_was_busy_when_the_broker_died_finishes_its_job_with_the_next_one() {
    let directory = Directory::new();
    let mut broker = start(&directory);
    let (mut client, mut busy) = (RawPeer::dealer(broker.clients), worker(&broker));
    broker.wait_for_workers(SERVICE, 1);
    ask(&mut client, "only once").expect("it is taken");
    let (job, _) = next_job(&mut busy);
    broker.kill();

    let broker = start(&directory);
    // As a program on libzmq has it: connected again, it says what it has to say, and not READY.
    let mut back = RawPeer::dealer(broker.workers);
    finish(&mut back, &job);
    poll("the job is over", PATIENCE, || jobs(&broker, "state=queued").is_empty().then_some(()));
    let done = jobs(&broker, "state=completed");
    assert_eq!(ids(&done), [String::from_utf8_lossy(&job.token)]);
}

#[test]
fn dead_jobs_and_what_operators_decided_outlive_a_kill() {
    let directory = Directory::new();
    let mut broker = start(&directory);
    let mut client = RawPeer::dealer(broker.clients);
    let mut first = worker(&broker);
    broker.wait_for_workers(SERVICE, 1);
    let dead = ask(&mut client, "poison").expect("it is taken");
    next_job(&mut first);
    drop(first);
    let mut second = worker(&broker);
    next_job(&mut second);
    drop(second);
    poll("it is given up", PATIENCE, || (jobs(&broker, "state=dead").len() == 1).then_some(()));
    assert_eq!(http::tell(broker.admin, "POST", &format!("/services/{SERVICE}/pause")).status, 200);
    // What was said before its acknowledgement is on disk with it.
    let waits = ask(&mut client, "later").expect("it is taken");
    broker.kill();

    let mut broker = start(&directory);
    assert_eq!(ids(&jobs(&broker, "state=queued")), [waits.as_str()]);
    let listed = zmws_jobs(&broker, &["--state=dead", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).expect("JSON");
    assert_eq!((ids(&listed), &listed[0]["attempts"]), (vec![dead.as_str()], &json!(2)), "{listed:?}");
    assert_eq!(listed[0]["reason"], "its worker left (2 workers lost it)", "{listed:?}");
    let status: Value = serde_json::from_str(&http::get(broker.admin, "/status").body).expect("JSON");
    assert_eq!(
        (&status["services"][0]["paused"], &status["durable"]),
        (&json!(true), &json!(true)),
        "{status}"
    );
    // Tried again, it is a job as others are, for the next start, too.
    zmws_jobs(&broker, &["retry", &dead]);
    ask(&mut RawPeer::dealer(broker.clients), "last").expect("it is taken");
    broker.kill();
    let broker = start(&directory);
    assert_eq!(ids(&jobs(&broker, "state=queued"))[..2], [waits.as_str(), dead.as_str()]);
    assert_eq!(zmws_jobs(&broker, &["--state=dead", "--json"]).trim(), "[]");
}

fn zmws_jobs(broker: &Broker, words: &[&str]) -> String {
    let port = format!("--admin=127.0.0.1:{}", broker.admin);
    let output = Command::new(zmws()).arg("jobs").args(words).arg(&port).output().expect("zmws is built");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A limit of the size of files stands for a full disk: writes fail, and succeed again when it is lifted.
#[test]
fn a_full_disk_stops_promises_and_nothing_else_until_there_is_room() {
    let directory = Directory::new();
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' XFSZ; ulimit -S -f 512; exec \"$0\" \"$@\"").arg(zmws());
    let mut broker = Broker::start_as(shell, &[&directory.flag(), "--log-level=W"]);
    let (mut client, mut busy) = (RawPeer::dealer(broker.clients), worker(&broker));
    broker.wait_for_workers(SERVICE, 1);
    let mut taken = Vec::new();
    let text = "x".repeat(20_000);
    poll("the disk is full", PATIENCE, || match ask(&mut client, &text) {
        Some(id) => {
            taken.push(id);
            None
        }
        None => Some(()),
    });
    assert!(!taken.is_empty());
    let unready = http::get(broker.admin, "/readyz");
    assert_eq!(unready.status, 503);
    assert!(unready.body.starts_with("background jobs are not taken: cannot write to "), "{}", unready.body);
    let metrics = http::get(broker.admin, "/metrics").body;
    assert!(metrics.contains("zmws_store_failing 1"), "{metrics}");
    assert_eq!(ask(&mut client, "still full"), None, "no promise is made");

    // Who waits is served all the same, behind the jobs that were taken.
    let mut waiting = RawPeer::dealer(broker.clients);
    waiting.send(&frames::request(Zmws1, SERVICE, Some(&tagged(&json!({"str": "abc"})))));
    for _ in 0..=taken.len() {
        let (job, _) = next_job(&mut busy);
        finish(&mut busy, &job);
    }
    let reply = frames::read_reply(Zmws1, &waiting.receive(PATIENCE).expect("an answer"));
    assert_eq!(reply.kind, Kind::Complete);

    let all = Rlimit { current: None, maximum: None };
    prlimit(Some(broker.program.pid()), Resource::Fsize, all).expect("it is our own child");
    poll("there is room again", PATIENCE, || {
        (http::get(broker.admin, "/readyz").status == 200).then_some(())
    });
    let kept = ask(&mut client, "room again").expect("it is taken");
    broker.kill();
    let log = broker.program.log();
    assert!(log.contains("no background jobs are taken until it works again"), "{log}");
    let broker = start(&directory);
    // What was finished while nothing could be written is finished; what was refused is not there.
    assert_eq!(ids(&jobs(&broker, "state=queued")), [kept.as_str()]);
}

#[test]
fn a_stopped_broker_says_what_it_keeps() {
    let directory = Directory::new();
    let mut broker = start(&directory);
    let (mut client, busy) = (RawPeer::dealer(broker.clients), worker(&broker));
    broker.wait_for_workers(SERVICE, 1);
    assert_eq!(http::tell(broker.admin, "POST", &format!("/services/{SERVICE}/pause")).status, 200);
    ask(&mut client, "later").expect("it is taken");
    drop(busy);
    broker.was_stopped();
    broker.program.signal(Signal::TERM);
    assert!(broker.program.end(PATIENCE).success());
    let log = broker.program.log_to_its_end();
    assert!(log.ends_with("Kept for the next start: 1 jobs\n"), "{log}");
}

/// A start that is refused: its last line.
fn refused(directory: &Path) -> String {
    let flag = format!("--data-dir={}", directory.display());
    let ports = ["--client-port=0", "--worker-port=0", "--news-port=0", "--no-admin"];
    let output = Command::new(zmws()).arg("broker").args(ports).arg(flag).output().expect("zmws is built");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).replace(&directory.display().to_string(), "DIR")
}

#[test]
fn what_cannot_be_used_is_refused_with_its_name_and_a_remedy() {
    let directory = Directory::new();
    let broker = start(&directory);
    insta::assert_snapshot!(refused(&directory.path), @"zmws: DIR/queue.redb is in use: another broker keeps its jobs there; give this one a --data-dir of its own");
    drop(broker);
    let file = directory.path.join("queue.redb");
    let mut bytes = std::fs::read(&file).expect("it is there");
    bytes[..8].fill(0);
    std::fs::write(&file, bytes).expect("there is room");
    insta::assert_snapshot!(refused(&directory.path), @"zmws: DIR/queue.redb is damaged: Not a redb database: magic number mismatch; move it away to begin with an empty queue, or bring back a copy");
    insta::assert_snapshot!(refused(&file.join("below")), @"zmws: cannot keep jobs in DIR: Not a directory (os error 20)");
}

fn zmws_store(words: &[&str], directory: &Directory) -> (Option<i32>, String) {
    let output = Command::new(zmws()).arg("store").args(words).arg(directory.flag()).output();
    let output = output.expect("zmws is built");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("text").replace(&directory.path.display().to_string(), "DIR");
    (output.status.code(), said)
}

#[test]
fn a_queue_is_dumped_and_loaded_elsewhere() {
    let (directory, other) = (Directory::new(), Directory::new());
    let mut broker = start(&directory);
    let (mut client, first) = (RawPeer::dealer(broker.clients), worker(&broker));
    broker.wait_for_workers(SERVICE, 1);
    drop(first);
    let asked: Vec<String> =
        (0..3).map(|number| ask(&mut client, &format!("letter {number}")).expect("it is taken")).collect();
    broker.kill();
    let (status, dump) = zmws_store(&["dump"], &directory);
    assert_eq!((status, dump.lines().count()), (Some(0), 4), "{dump}");
    std::fs::create_dir(&other.path).expect("there is room");
    let file = other.path.join("dump.jsonl");
    std::fs::write(&file, &dump).expect("there is room");
    let words = ["load", file.to_str().expect("a path in ASCII")];
    assert_eq!(zmws_store(&words, &other), (Some(0), "DIR/queue.redb: 3 jobs, 0 dead\n".to_owned()));
    let twice = "zmws: DIR/queue.redb has jobs already: load into another --data-dir\n";
    assert_eq!(zmws_store(&words, &other), (Some(1), twice.to_owned()));
    assert_eq!(zmws_store(&["dump"], &other).1, dump);
    assert_eq!(zmws_store(&["compact"], &other).0, Some(0));
    let (status, said) = zmws_store(&["check"], &other);
    assert!(said.starts_with("DIR/queue.redb is whole: 3 jobs, 0 dead, 0 services"), "{status:?} {said}");
    let broker = start(&other);
    assert_eq!(ids(&jobs(&broker, "state=queued")), asked);
    let in_use = zmws_store(&["check"], &other);
    assert!(in_use.0 == Some(1) && in_use.1.contains("is in use"), "{in_use:?}");
}
