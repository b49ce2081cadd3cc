//! Too much of what is right by itself.

use std::time::Duration;

use serde_json::json;
use zmws::message::Dialect::{Zmws1, Zmws2};

use super::{SERVICE, Scene, raise_descriptor_limit};
use crate::support::frames::{Kind, heartbeat, read_reply, ready, request, tagged};
use crate::support::raw::{self, RawPeer, RawWorker};
use crate::support::{PATIENCE, poll};

/// A thousand results of 1 MB each, for a client that never reads: sixteen MiB may wait for it.
#[test]
fn a_client_that_never_reads_takes_what_is_bounded_and_no_more() {
    let scene = Scene::set(&["--unread-max-mb=16"]);
    let filler = RawWorker::start(scene.broker.workers, Zmws2, "FILL");
    scene.broker.wait_for_workers("FILL", 1);
    let mut deaf = RawPeer::dealer(scene.broker.clients);
    let job = request(Zmws1, "FILL", Some(&tagged(&json!({"do": "fill", "bytes": 1_000_000}))));
    for _ in 0..1000 {
        deaf.send(&job);
    }
    poll("all is done or given up", Duration::from_secs(120), || {
        let of_filler = |job: &serde_json::Value| job["service"] == "FILL";
        let left = ["SERVER-JOBS", "SERVER-ACTIVE"].map(|list| scene.broker.list(list).iter().any(of_filler));
        (left == [false, false]).then_some(())
    });
    assert!(
        deaf.is_hung_up(PATIENCE),
        "it was disconnected, and finds a part of its results in the kernel's buffers"
    );
    scene.must_be_unharmed("1 GB due to a client that never reads", 16 + 8);
    drop(filler);
}

/// The news go on for those who read, and nothing is kept for one who does not.
#[test]
fn a_subscriber_that_never_reads_stops_nobody() {
    let scene = Scene::set(&["--unread-max-mb=1"]);
    let mut deaf = RawPeer::connect(scene.broker.news, "SUB", b"");
    deaf.send(&[b"\x01"]);
    let mut client = RawPeer::dealer(scene.broker.clients);
    let job = request(Zmws1, SERVICE, Some(&tagged(&json!({"str": "x"}))));
    for _ in 0..200 {
        for _ in 0..100 {
            client.send(&job);
        }
        for _ in 0..100 {
            let reply = client.receive(PATIENCE).expect("an answer");
            assert_eq!(read_reply(Zmws1, &reply).kind, Kind::Complete);
        }
    }
    scene.must_be_unharmed("20,000 ends of jobs, unread", 1);
    drop(deaf);
}

#[test]
fn a_message_of_ten_million_frames_is_hung_up_on() {
    let scene = Scene::set(&[]);
    for port in [scene.broker.clients, scene.broker.workers] {
        let mut peer = RawPeer::dealer(port);
        let frames = [1_u8, 0].repeat(10_000);
        let sent = (0..1000).take_while(|_| peer.try_write(&frames).is_ok()).count();
        assert!(sent < 1000 || peer.is_hung_up(PATIENCE), "ten million frames were taken");
    }
    scene.must_be_unharmed("ten million frames of one message", 0);
}

/// Each frame is allowed; the message as a whole is not.
#[test]
fn a_message_without_end_is_hung_up_on() {
    let scene = Scene::set(&["--frame-max-mb=4"]);
    let mut peer = RawPeer::dealer(scene.broker.clients);
    let frame = raw::frame(1, &vec![b'x'; 3 << 20]);
    let sent = (0..64).take_while(|_| peer.try_write(&frame).is_ok()).count();
    assert!(sent < 64 || peer.is_hung_up(PATIENCE), "192 MiB were taken as one message");
    scene.must_be_unharmed("a message without end", 16);
}

#[test]
fn connections_beyond_the_limit_are_refused_and_the_others_stay() {
    raise_descriptor_limit();
    let scene = Scene::set(&["--max-connections=50"]);
    let mut crowd: Vec<_> = (0..100).map(|_| raw::connect(scene.broker.clients)).collect();
    let refused =
        crowd.iter_mut().filter_map(|peer| raw::is_hung_up(peer, Duration::from_millis(200)).then_some(()));
    let refused = refused.count();
    drop(crowd);
    assert!((50..=52).contains(&refused), "{refused} of 100 were refused");
    poll("there is room again", PATIENCE, || {
        let mut late = raw::connect(scene.broker.clients);
        (!raw::is_hung_up(&mut late, Duration::from_millis(100))).then_some(())
    });
    scene.must_be_unharmed("100 connections where 50 may be", 0);
}

#[test]
fn a_thousand_connections_that_come_and_go_leave_nothing_behind() {
    let scene = Scene::set(&[]);
    for round in 0..1000_u32 {
        let mut worker = RawPeer::connect(scene.broker.workers, "DEALER", &round.to_be_bytes());
        worker.send(&ready(Zmws1, "SHORT-LIVED"));
        worker.send(&heartbeat(Zmws1));
    }
    scene.broker.wait_for_workers("SHORT-LIVED", 0);
    scene.must_be_unharmed("1000 workers that came and went", 0);
}

#[test]
fn a_full_queue_refuses_and_goes_on() {
    let scene = Scene::set(&["--queue-max=100"]);
    let mut worker = RawPeer::dealer(scene.broker.workers);
    worker.send(&ready(Zmws1, "SLOW"));
    scene.broker.wait_for_workers("SLOW", 1);
    let mut client = RawPeer::dealer(scene.broker.clients);
    let mut kinds = Vec::new();
    for _ in 0..1000 {
        client.send(&[tagged(&json!({"str": "x"})), b"JOB: SLOW".to_vec()]);
        kinds.push(read_reply(Zmws1, &client.receive(PATIENCE).expect("an answer")).kind);
    }
    // One is with the worker, a hundred wait.
    let accepted = kinds.iter().filter(|kind| **kind == Kind::Accepted).count();
    assert_eq!((accepted, kinds[accepted..].iter().all(|kind| *kind == Kind::Fail)), (101, true));
    scene.must_be_unharmed("1000 jobs where 100 may wait", 0);
    drop(worker);
}

#[test]
fn parameters_beyond_the_limit_are_refused() {
    let scene = Scene::set_alone(&["--queue-max-mb=8"]);
    let mut worker = RawPeer::dealer(scene.broker.workers);
    worker.send(&ready(Zmws1, "SLOW"));
    scene.broker.wait_for_workers("SLOW", 1);
    let mut client = RawPeer::dealer(scene.broker.clients);
    let mut accepted = 0;
    for _ in 0..100 {
        client.send(&[vec![b'x'; 1 << 20], b"JOB: SLOW".to_vec()]);
        let reply = read_reply(Zmws1, &client.receive(PATIENCE).expect("an answer"));
        accepted += usize::from(reply.kind == Kind::Accepted);
    }
    assert!((6..=9).contains(&accepted), "{accepted} parameters of 1 MiB were taken, 8 MiB may wait");
    scene.must_be_unharmed("100 MiB of parameters where 8 may wait", 16 + 8);
    drop(worker);
}
