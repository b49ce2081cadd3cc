//! Right ZMTP with wrong messages in it: `bad-frontend`, `unknown-worker`, and worse.

use super::{SERVICE, Scene};
use crate::support::frames::{Message, ready};
use crate::support::raw::RawPeer;
use zmws::message::Dialect::{Mdp01, Mdp02, Zmws1, Zmws2};

/// Frames that mean something somewhere, to be put together at random.
const WORDS: [&[u8]; 28] = [
    b"",
    b"0",
    b"1",
    b"2",
    b"3",
    b"\x01",
    b"\x02",
    b"\x03",
    b"\x04",
    b"\x05",
    b"\x06",
    b"MDPC01",
    b"MDPC02",
    b"MDPW01",
    b"MDPW02",
    b"READY",
    b"HEARTBEAT",
    b"JOB: ",
    b"JOB: SYNC-",
    b"SYNC-REVERSE",
    b"COMPLETE: 0000-0001",
    b"FAIL: JOB: 10000-AA0C",
    b"CONT: ",
    b"mmi.service",
    b"SERVER-WORKERS",
    b"PARAM-JSON: {",
    b"\xff\xfe\x00\x80",
    b"OTHER",
];

/// Two hundred random messages over each of fifty connections to both ports. What comes back is not read.
#[test]
fn messages_of_random_words_disturb_nobody() {
    let scene = Scene::set(&[]);
    let mut random = fastrand::Rng::with_seed(28);
    for _ in 0..50 {
        for port in [scene.broker.clients, scene.broker.workers] {
            let mut peer = RawPeer::dealer(port);
            for _ in 0..200 {
                let count = random.usize(1..8);
                let message: Message =
                    (0..count).map(|_| WORDS[random.usize(..WORDS.len())].to_vec()).collect();
                peer.send(&message);
            }
        }
    }
    scene.must_be_unharmed("20,000 messages of random words", 0);
}

#[test]
fn messages_of_one_frame_to_a_thousand_are_taken() {
    let scene = Scene::set(&[]);
    for port in [scene.broker.clients, scene.broker.workers] {
        let mut peer = RawPeer::dealer(port);
        for count in [1, 2, 3, 4, 5, 10, 100, 1000] {
            peer.send(&vec![b""; count]);
            peer.send(&vec![b"x"; count]);
        }
    }
    scene.must_be_unharmed("messages of many frames", 0);
}

/// A worker that answers what it was never asked, in every dialect.
#[test]
fn answers_to_jobs_that_never_were_reach_nobody() {
    let scene = Scene::set(&[]);
    for dialect in [Zmws1, Zmws2, Mdp01, Mdp02] {
        let mut worker = RawPeer::dealer(scene.broker.workers);
        worker.send(&ready(dialect, "LIAR"));
        for id in 0..500 {
            let (job, part) = (format!("COMPLETE: 0000-{id:04X}"), format!("CONT: 0000-{id:04X}"));
            worker.send(&[b"PARAM-JSON: 1".as_slice(), b"REVERSE", job.as_bytes()]);
            worker.send(&[b"PARAM-JSON: 1".as_slice(), b"REVERSE", part.as_bytes()]);
            worker.send(&[b"MDPC02".as_slice(), b"3", b"REVERSE", b"PARAM-JSON: 1", job.as_bytes()]);
            worker.send(&[b"".as_slice(), b"MDPW02", b"\x04", job.as_bytes(), b"", b"x"]);
        }
    }
    // The bystander compares each answer with what it asked for.
    scene.must_be_unharmed("answers to jobs that never were", 0);
}

/// Names as long as a frame may be short: the broker remembers services, but not without end.
#[test]
fn services_with_names_of_all_kinds_are_bounded() {
    let scene = Scene::set(&[]);
    let mut worker = RawPeer::dealer(scene.broker.workers);
    for number in 0..2000_u32 {
        let name = format!("{number} {}", "\u{1F600}\"\\\n".repeat(50));
        worker.send(&[name.as_bytes(), b"READY"]);
    }
    let workers = scene.broker.list("SERVER-WORKERS");
    assert!(workers.iter().any(|worker| worker["service"] == SERVICE), "the list is still JSON");
    scene.must_be_unharmed("2000 services", 8);
}
