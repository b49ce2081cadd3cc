//! Workers that die, hang or work for long, and brokers that come back: no job is lost, no answer doubled.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use zmws::message::Dialect::{self, Mdp01, Zmws1, Zmws2};

use crate::support::broker::{Broker, zmws};
use crate::support::frames::{self, Kind, Message, read_reply, tagged};
use crate::support::peers::Peer;
use crate::support::program::Program;
use crate::support::raw::RawPeer;
use crate::support::script::{self, Script};
use crate::support::{PATIENCE, now, poll, wall_clock};

const SERVICE: &str = "SLEEP";

/// How long a job takes in the test of long jobs, in seconds. 60 to see it at its full length.
const LONG_JOB: &str = "ZMWS_LONG_JOB_SECONDS";

/// A worker killed in the middle of a job: what the other worker, the client and the clock say.
fn job_of_a_killed_worker_goes_to_another(peer: Peer, dialect: Dialect) {
    let Some(found) = peer.or_leave_out() else { return };
    let broker = Broker::start(&[]);
    let mut workers: Vec<Script> = (0..3).map(|_| start(peer, &found, &broker, dialect)).collect();
    broker.wait_for_workers(SERVICE, 3);
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&sleep(1.0, "only once"));

    let (victim, first) = poll("a worker has the job", PATIENCE, || job_seen(&workers));
    let killed_at = wall_clock();
    workers[victim].program.kill();
    let (heir, second) = poll("another worker has the job", PATIENCE, || job_seen(&workers));
    let took = second["at"].as_f64().expect("a time") - killed_at;
    println!("{dialect:?} worker killed: another had its job after {:.1} ms", took * 1e3);
    assert_ne!(victim, heir);
    if dialect != Mdp01 {
        assert_eq!(first["id"], second["id"], "it is the same job");
    }
    assert!(took < 1.0, "{took} s");

    assert_eq!(answer(&mut client), (Kind::Complete, json!("only once")));
    // Were there a second answer, it would come before that of the next job.
    client.send(&sleep(0.0, "the next"));
    assert_eq!(answer(&mut client), (Kind::Complete, json!("the next")));
    broker.wait_for_workers(SERVICE, 2);
}

#[test]
fn job_of_a_killed_php_worker_of_zmws1_goes_to_another_at_once() {
    job_of_a_killed_worker_goes_to_another(Peer::Php, Zmws1);
}

#[test]
fn job_of_a_killed_php_worker_of_zmws2_goes_to_another_at_once() {
    job_of_a_killed_worker_goes_to_another(Peer::Php, Zmws2);
}

#[test]
fn job_of_a_killed_majordomo_worker_goes_to_another_at_once() {
    job_of_a_killed_worker_goes_to_another(Peer::Python, Mdp01);
}

/// The library's own worker, three processes of it. Its builtin takes 0.8 s for a job.
#[test]
fn job_of_a_killed_worker_of_ours_goes_to_another_at_once() {
    let broker = Broker::start(&[]);
    let mut workers: Vec<(Program, Value)> = Vec::new();
    for number in 1..=3 {
        let mut command = Command::new(zmws());
        command.args(["worker", "--builtin=sleep"]).arg(format!("--backend-port={}", broker.workers));
        let program = Program::start("zmws worker", &mut command);
        broker.wait_for_workers(SERVICE, number);
        let known: Vec<&Value> = workers.iter().map(|(_, id)| id).collect();
        let list = broker.list("SERVER-WORKERS");
        let ids = list.iter().map(|worker| worker["workerid"].clone());
        let id = ids.into_iter().find(|id| !known.contains(&id)).expect("the new one is in the list");
        workers.push((program, id));
    }
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&frames::request(Zmws1, SERVICE, None));
    let active = |but: &Value| broker.list("SERVER-ACTIVE").into_iter().find(|job| job["worker"] != *but);
    let first = poll("a worker has the job", PATIENCE, || active(&Value::Null));
    let victim = workers.iter_mut().find(|(_, id)| *id == first["worker"]).expect("it is one of ours");
    let killed_at = wall_clock();
    victim.0.kill();
    let second = poll("another worker has the job", PATIENCE, || active(&first["worker"]));
    let took = second["startedat"].as_f64().expect("a time") - killed_at;
    println!("worker of ours killed: another had its job after {:.1} ms", took * 1e3);
    assert_eq!(first["jobid"], second["jobid"]);
    assert!(took < 1.0, "{took} s");
    assert_eq!(answer(&mut client).0, Kind::Complete);
    // Were there a second answer, it would come before this list.
    client.send(&[b"SERVER-ACTIVE"]);
    assert_eq!(client.receive(PATIENCE).expect("a list"), [b"[]"]);
    broker.wait_for_workers(SERVICE, 2);
}

#[test]
fn job_of_a_lost_connection_goes_to_the_front_of_the_queue() {
    let broker = Broker::start(&[]);
    let mut victim = worker(&broker, Zmws1);
    let mut client = RawPeer::dealer(broker.clients);
    for text in ["first", "second", "third"] {
        client.send(&sleep(0.0, text));
    }
    assert_eq!(next_param(&mut victim, Zmws1)["str"], "first");
    let lost_at = now();
    drop(victim);
    let mut heir = worker(&broker, Zmws2);
    for text in ["first", "second", "third"] {
        let job = next_job(&mut heir, Zmws2);
        assert_eq!(frames::untagged(&job.body[0])["str"], text);
        if text == "first" {
            println!("connection lost: a new worker had its job after {:?}", lost_at.elapsed());
        }
        let value = vec![tagged(&json!(text))];
        heir.send(&frames::answer(Zmws2, SERVICE, &job, Kind::Complete, value).expect("zmws 2 has the word"));
        assert_eq!(answer(&mut client), (Kind::Complete, json!(text)));
    }
}

#[test]
fn job_that_takes_down_one_worker_after_the_other_is_failed() {
    let broker = Broker::start(&["--max-attempts=3"]);
    let mut client = RawPeer::dealer(broker.clients);
    let mut worker_now = worker(&broker, Zmws1);
    client.send(&sleep(0.0, "poison"));
    for _ in 0..2 {
        assert_eq!(next_param(&mut worker_now, Zmws1)["str"], "poison");
        worker_now = worker(&broker, Zmws1);
    }
    assert_eq!(next_param(&mut worker_now, Zmws1)["str"], "poison");
    drop(worker_now);
    let reason = json!("its worker left (3 workers lost it)");
    assert_eq!(answer(&mut client), (Kind::Fail, reason));

    let mut survivor = worker(&broker, Zmws1);
    client.send(&sleep(0.0, "wholesome"));
    assert_eq!(next_param(&mut survivor, Zmws1)["str"], "wholesome");
}

#[test]
fn worker_stopped_while_idle_is_dropped_and_comes_back() {
    let Some(found) = Peer::Php.or_leave_out() else { return };
    let broker = Broker::start(&[]);
    let worker = start(Peer::Php, &found, &broker, Zmws1);
    broker.wait_for_workers(SERVICE, 1);
    worker.program.signal(Signal::STOP);
    let stopped_at = now();
    broker.wait_for_workers(SERVICE, 0);
    let took = stopped_at.elapsed();
    println!("stopped worker dropped after {:.1} s", took.as_secs_f64());
    // Its last heartbeat may have been a second old; heartbeats go out once a second.
    assert!((1.5..6.0).contains(&took.as_secs_f64()), "interval 1 × tries 3: {took:?}");

    worker.program.signal(Signal::CONT);
    broker.wait_for_workers(SERVICE, 1);
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&sleep(0.0, "back again"));
    assert_eq!(answer(&mut client), (Kind::Complete, json!("back again")));
}

/// Workers of all kinds are silent while they work, for longer than interval × tries.
fn long_job_stays_with_its_worker(peer: Peer, dialect: Dialect) {
    let Some(found) = peer.or_leave_out() else { return };
    let seconds: f64 = std::env::var(LONG_JOB).ok().and_then(|text| text.parse().ok()).unwrap_or(8.0);
    let broker = Broker::start(&[]);
    let workers: Vec<Script> = (0..2).map(|_| start(peer, &found, &broker, dialect)).collect();
    broker.wait_for_workers(SERVICE, 2);
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&sleep(seconds, "at last"));
    let reply = client.receive(Duration::from_secs_f64(seconds) + PATIENCE).expect("an answer");
    let reply = read_reply(Zmws1, &reply);
    assert_eq!((reply.kind, reply.value()), (Kind::Complete, json!("at last")));
    let runs: usize = workers.iter().map(|worker| count(worker, "job")).sum();
    assert_eq!(runs, 1, "it ran more than once");
    assert_eq!(broker.list("SERVER-WORKERS").len(), 2, "both are still there");
}

#[test]
fn long_job_stays_with_its_php_worker_of_zmws1() {
    long_job_stays_with_its_worker(Peer::Php, Zmws1);
}

#[test]
fn long_job_stays_with_its_php_worker_of_zmws2() {
    long_job_stays_with_its_worker(Peer::Php, Zmws2);
}

#[test]
fn long_job_stays_with_its_majordomo_worker() {
    long_job_stays_with_its_worker(Peer::Python, Mdp01);
}

#[test]
fn php_and_python_workers_register_anew_at_a_broker_that_was_started_again() {
    let (Some(php), Some(python)) = (Peer::Php.or_leave_out(), Peer::Python.or_leave_out()) else { return };
    let broker = Broker::start(&[]);
    let workers = [
        start(Peer::Php, &php, &broker, Zmws1),
        start(Peer::Php, &php, &broker, Zmws2),
        start(Peer::Python, &python, &broker, Mdp01),
    ];
    broker.wait_for_workers(SERVICE, 3);
    let ports = [
        format!("--client-port={}", broker.clients),
        format!("--worker-port={}", broker.workers),
        format!("--news-port={}", broker.news),
    ];
    let mut stopped = broker;
    stopped.program.signal(Signal::TERM);
    assert!(stopped.program.end(PATIENCE).success());
    stopped.was_stopped();

    let broker = Broker::start(&ports.each_ref().map(String::as_str));
    broker.wait_for_workers(SERVICE, workers.len());
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&sleep(0.0, "here we are"));
    assert_eq!(answer(&mut client), (Kind::Complete, json!("here we are")));
}

fn start(peer: Peer, found: &crate::support::peers::Found, broker: &Broker, dialect: Dialect) -> Script {
    let deadline = std::env::var(LONG_JOB).map_or(60.0, |text| 60.0 + text.parse().unwrap_or(0.0));
    let flags = [
        format!("--dialect={}", script::flag(dialect)),
        format!("--service={SERVICE}"),
        format!("--deadline={deadline}"),
    ];
    let script = Script::start(peer, found, "worker", broker.workers, &flags);
    script.wait_for("ready");
    script
}

/// A zmws 1 request, without delimiter, for a job that takes so long and gives back the text.
fn sleep(seconds: f64, text: &str) -> Message {
    let param = json!({"do": "sleep", "seconds": seconds, "str": text});
    frames::request(Zmws1, SERVICE, Some(&tagged(&param)))
}

fn answer(client: &mut RawPeer) -> (Kind, Value) {
    let reply = read_reply(Zmws1, &client.receive(PATIENCE).expect("an answer"));
    (reply.kind, reply.value())
}

/// Which worker has a job it had not told of before, and what it tells.
fn job_seen(workers: &[Script]) -> Option<(usize, Value)> {
    workers.iter().enumerate().find_map(|(index, worker)| {
        worker.so_far().into_iter().find(|event| event["event"] == "job").map(|event| (index, event))
    })
}

fn count(worker: &Script, event: &str) -> usize {
    worker.so_far().iter().filter(|line| line["event"] == event).count()
}

/// A worker by hand, which does nothing but what the test says.
fn worker(broker: &Broker, dialect: Dialect) -> RawPeer {
    let mut worker = RawPeer::dealer(broker.workers);
    worker.send(&frames::ready(dialect, SERVICE));
    worker
}

fn next_job(worker: &mut RawPeer, dialect: Dialect) -> frames::Job {
    loop {
        let message = worker.receive(PATIENCE).expect("a job");
        if let Some(job) = frames::read_job(dialect, &message) {
            return job;
        }
    }
}

fn next_param(worker: &mut RawPeer, dialect: Dialect) -> Value {
    frames::untagged(&next_job(worker, dialect).body[0])
}
