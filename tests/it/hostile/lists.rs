//! Lists: asked for by those who do not wait for them, or do not read.

use std::time::Duration;

use zmws::message::Dialect::Zmws1;

use super::{SERVICE, Scene};
use crate::support::raw::{RawPeer, RawWorker};
use crate::support::{PATIENCE, frames::ready, now};

/// The longest that one job of a bystander may take in a debug build on two slow cores that others use.
const STALL: Duration = Duration::from_secs(10);

/// A broker without bystanders, whose jobs would take the place of the large ones in the history.
fn scene(flags: &[&str]) -> Scene {
    let scene = Scene::set_alone(flags);
    with_a_large_history(&scene);
    scene
}

/// Whoever has a job done meanwhile does not wait long.
fn serves(scene: &Scene) {
    let worker = RawWorker::start(scene.broker.workers, Zmws1, SERVICE);
    for _ in 0..20 {
        let asked_at = now();
        scene.broker.serves(SERVICE, PATIENCE);
        assert!(asked_at.elapsed() < STALL, "a job took {:?}", asked_at.elapsed());
    }
    drop(worker);
}

/// A history as large as it can be: a hundred parameters of 64 KiB, each byte of which is six in JSON.
fn with_a_large_history(scene: &Scene) {
    let mut worker = RawPeer::dealer(scene.broker.workers);
    worker.send(&ready(Zmws1, "LARGE"));
    scene.broker.wait_for_workers("LARGE", 1);
    let mut client = RawPeer::dealer(scene.broker.clients);
    for _ in 0..100 {
        client.send(&[vec![0xFF; 64 << 10], b"JOB: LARGE".to_vec()]);
        let job = loop {
            let message = worker.receive(PATIENCE).expect("a job");
            if message.len() > 1 {
                break message;
            }
        };
        let id = job[3].strip_prefix(b"JOB: ").expect("a job of zmws 1");
        worker.send(&[b"LARGE".to_vec(), [b"COMPLETE: ", id].concat()]);
        client.receive(PATIENCE).expect("it was taken");
    }
    drop(worker);
    scene.broker.wait_for_workers("LARGE", 0);
}

fn ask(peer: &mut RawPeer, list: &str, times: usize) {
    let frame = [&[0, u8::try_from(list.len()).expect("a short name")], list.as_bytes()].concat();
    peer.write(&frame.repeat(times));
}

#[test]
fn lists_for_somebody_who_has_left_are_not_made() {
    let scene = scene(&[]);
    let mut client = RawPeer::dealer(scene.broker.clients);
    ask(&mut client, "SERVER-HIST", 2_000);
    drop(client);
    serves(&scene);
    scene.must_be_unharmed("2,000 lists for nobody", 40);
}

#[test]
fn lists_for_somebody_who_does_not_read_are_bounded() {
    let scene = scene(&["--unread-max-mb=16"]);
    let mut deaf: Vec<RawPeer> = (0..3).map(|_| RawPeer::dealer(scene.broker.clients)).collect();
    for peer in &mut deaf {
        ask(peer, "SERVER-HIST", 2_000);
    }
    serves(&scene);
    scene.must_be_unharmed("6,000 lists for three who do not read", 3 * 16 + 40);
    drop(deaf);
}

/// All who ask and read get what they asked for, and in the order in which they asked.
#[test]
fn lists_for_those_who_read_all_come() {
    let scene = scene(&[]);
    let mut client = RawPeer::dealer(scene.broker.clients);
    for _ in 0..5 {
        client.send(&["SERVER-HIST"]);
        client.send(&["SERVER-WORKERS"]);
    }
    for _ in 0..5 {
        let history = client.receive(PATIENCE).expect("the history").pop().expect("a frame");
        let history: Vec<serde_json::Value> = serde_json::from_slice(&history).expect("JSON");
        let last = history.last().expect("a job is over");
        assert!(last["completedat"].is_f64() && history.len() < 100, "{} jobs, cut to 8 MiB", history.len());
        let workers = client.receive(PATIENCE).expect("the workers").pop().expect("a frame");
        assert_eq!(workers, b"[]");
    }
    scene.must_be_unharmed("ten lists, read", 40);
}
