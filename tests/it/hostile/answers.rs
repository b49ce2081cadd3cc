//! Who may end a job: the worker that has it, or had it.

use std::time::Duration;

use zmws::message::Dialect::{Zmws1, Zmws2};

use super::Scene;
use crate::support::PATIENCE;
use crate::support::frames::{Job, Kind, Message, read_job, read_reply, ready, request};
use crate::support::raw::RawPeer;

fn job(worker: &mut RawPeer, dialect: zmws::message::Dialect) -> Job {
    loop {
        if let Some(job) = read_job(dialect, &worker.receive(PATIENCE).expect("a job")) {
            return job;
        }
    }
}

fn finish(service: &str, id: &str, value: &str) -> Message {
    let frames = ["MDPC02", "3", service, &format!("PARAM-JSON: \"{value}\""), &format!("COMPLETE: {id}")];
    frames.map(|frame| frame.as_bytes().to_vec()).to_vec()
}

/// Ids stand in SERVER-ACTIVE for everybody. Whoever says them at the clients' port is not believed: neither who asked
/// for the list, nor one that never asked for anything, nor a worker that never had the job.
#[test]
fn nobody_ends_a_job_that_is_anothers() {
    let scene = Scene::set(&[]);
    for (dialect, service) in [(Zmws1, "ONE"), (Zmws2, "TWO")] {
        let mut worker = RawPeer::connect(scene.broker.workers, "DEALER", service.as_bytes());
        worker.send(&ready(dialect, service));
        scene.broker.wait_for_workers(service, 1);
        let mut client = RawPeer::dealer(scene.broker.clients);
        client.send(&request(Zmws2, service, None));
        let job = job(&mut worker, dialect);
        let active = scene.broker.list("SERVER-ACTIVE");
        let active = active.iter().find(|job| job["service"] == service).expect("it is active");
        let id = active["jobid"].as_str().expect("an id").to_owned();
        // So long after the worker that it cannot be the worker's own second connection.
        std::thread::sleep(Duration::from_millis(300));
        let mut silent = RawPeer::dealer(scene.broker.clients);
        silent.send(&finish(service, &id, "stolen"));
        let mut asking = RawPeer::dealer(scene.broker.clients);
        asking.send(&["SERVER-WORKERS"]);
        asking.receive(PATIENCE).expect("the list");
        asking.send(&finish(service, &id, "stolen"));
        asking.send(&["SERVER-WORKERS"]);
        asking.receive(PATIENCE).expect("the broker has read what came before");
        let mut other = RawPeer::dealer(scene.broker.workers);
        other.send(&ready(Zmws2, "OTHER"));
        other.send(&finish(service, &id, "stolen"));
        scene.broker.wait_for_workers("OTHER", 1);
        assert!(!client.has_input(), "somebody else has ended the job");

        let (value, id) =
            (b"PARAM-JSON: \"right\"".to_vec(), String::from_utf8_lossy(&job.token).into_owned());
        let id = id.trim_start_matches("JOB: ").to_owned();
        let answer = match dialect {
            Zmws1 => vec![value, service.as_bytes().to_vec(), format!("COMPLETE: {id}").into_bytes()],
            _ => finish(service, &id, "right"),
        };
        worker.send(&answer);
        let reply = read_reply(Zmws2, &client.receive(PATIENCE).expect("the result"));
        assert_eq!((reply.kind, reply.value()), (Kind::Complete, serde_json::json!("right")));
        drop(other);
        scene.broker.wait_for_workers("OTHER", 0);
    }
    scene.must_be_unharmed("ends of jobs by others", 8);
}

/// As PHP's worker of zmws 2 does after a fail-over: two connections in one go, the answer over that to the clients'
/// port (`master/worker-unmodified`).
#[test]
fn a_worker_that_answers_at_the_clients_port_is_believed() {
    let scene = Scene::set(&[]);
    let mut worker = RawPeer::connect(scene.broker.workers, "DEALER", b"79CD-560E");
    worker.send(&ready(Zmws2, "DEMO"));
    let mut beside = RawPeer::dealer(scene.broker.clients);
    let mut client = RawPeer::dealer(scene.broker.clients);
    scene.broker.wait_for_workers("DEMO", 1);
    for round in 0..3 {
        client.send(&request(Zmws2, "DEMO", None));
        let job = job(&mut worker, Zmws2);
        let id = String::from_utf8_lossy(&job.token).trim_start_matches("JOB: ").to_owned();
        beside.send(&finish("DEMO", &id, &format!("answer {round}")));
        let reply = read_reply(Zmws2, &client.receive(PATIENCE).expect("the result"));
        assert_eq!(reply.value(), serde_json::json!(format!("answer {round}")));
    }
    scene.must_be_unharmed("answers at the clients' port", 8);
}
