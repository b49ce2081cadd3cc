//! What a peer makes the broker remember: names, jobs, topics.

use serde_json::json;
use zmws::message::Dialect::{Mdp01, Mdp02, Zmws1, Zmws2};

use super::{SERVICE, Scene};
use crate::support::PATIENCE;
use crate::support::frames::{Kind, Message, read_reply, ready, request, tagged};
use crate::support::raw::RawPeer;

/// A name of 4 MB that is told from others.
fn long_name(number: usize) -> String {
    format!("{number:09}").repeat(4 << 20 >> 3)
}

/// As many megabytes of names as nobody could hold, in each dialect: none is remembered.
#[test]
fn services_with_names_of_megabytes_are_refused() {
    let scene = Scene::set(&[]);
    for (number, dialect) in [Zmws1, Zmws2, Mdp01, Mdp02].into_iter().cycle().enumerate().take(40) {
        let mut worker = RawPeer::dealer(scene.broker.workers);
        worker.send(&ready(dialect, &long_name(number)));
        worker.send(&ready(dialect, "SHORT"));
        worker.receive(PATIENCE).expect("it is told to go, or that the right name was heard");
    }
    let services: Vec<_> = scene.broker.list("SERVER-WORKERS");
    assert!(services.iter().all(|worker| worker["service"] == SERVICE || worker["service"] == "SHORT"));
    scene.must_be_unharmed("160 MB of names that workers offer", 32);
}

#[test]
fn requests_with_names_of_megabytes_are_refused_with_the_name_cut() {
    let scene = Scene::set(&[]);
    for (number, dialect) in [Zmws1, Zmws2, Mdp01, Mdp02].into_iter().cycle().enumerate().take(40) {
        let mut client = RawPeer::dealer(scene.broker.clients);
        let name = long_name(number);
        let mut frames = request(dialect, &name, None);
        if dialect == Mdp01 || dialect == Mdp02 {
            frames.insert(0, Vec::new());
        }
        client.send(&frames);
        let reply = client.receive(PATIENCE).expect("a refusal");
        let last = reply.last().expect("a message has a frame");
        assert_eq!(last[..], [b"FAIL: ", &name.as_bytes()[..255]].concat(), "{dialect:?}");
    }
    scene.must_be_unharmed("160 MB of names that clients ask for", 32);
}

/// A job of 33 KB with 8 MB beside it in its message keeps 33 KB.
#[test]
fn what_came_with_a_job_is_not_kept_with_it() {
    let scene = Scene::set(&[]);
    let mut worker = RawPeer::dealer(scene.broker.workers);
    worker.send(&ready(Zmws1, "SLOW"));
    scene.broker.wait_for_workers("SLOW", 1);
    let mut client = RawPeer::dealer(scene.broker.clients);
    for _ in 0..40 {
        client.send(&[tagged(&json!("x".repeat(33 << 10))), vec![0; 8 << 20], b"JOB: SLOW".to_vec()]);
        let reply = client.receive(PATIENCE).expect("an answer");
        assert_eq!(read_reply(Zmws1, &reply).kind, Kind::Accepted);
    }
    scene.must_be_unharmed("40 jobs of 33 KB beside 320 MB", 48);
    drop(worker);
}

fn subscription(word: u8, topic: &str) -> Message {
    vec![[&[word], topic.as_bytes()].concat()]
}

#[test]
fn topics_of_subscribers_are_bounded_and_go_with_them() {
    let scene = Scene::set(&[]);
    let mut honest = RawPeer::connect(scene.broker.news, "SUB", b"");
    honest.send(&subscription(1, "JOB."));
    for round in 0..16 {
        let mut greedy = RawPeer::connect(scene.broker.news, "SUB", b"");
        for number in 0..1_024 {
            greedy.send(&subscription(1, &format!("{number:04}{}", "x".repeat(8 << 10))));
            greedy.send(&subscription(1, &format!("{round:02}{number:04}{}", "x".repeat(500))));
        }
    }
    let news = honest.receive(PATIENCE).expect("news of the bystander's jobs");
    assert_eq!(news[0], format!("JOB.{SERVICE}").into_bytes());
    scene.must_be_unharmed("16 times 8.5 MB of topics", 16);
}

/// Words that nobody can want, as fast as they can be sent, beside as many topics as there may be.
#[test]
fn floods_of_cancellations_cost_those_who_send_them() {
    let scene = Scene::set(&[]);
    let mut crowd: Vec<RawPeer> = (0..20)
        .map(|_| {
            let mut peer = RawPeer::connect(scene.broker.news, "SUB", b"");
            (0..1_024).for_each(|number| peer.send(&subscription(1, &format!("JOB.{number}"))));
            peer
        })
        .collect();
    let flood: Vec<u8> = (0..1_000)
        .flat_map(|number| {
            let word = &subscription(0, &format!("JOB.X{number}"))[0];
            [&[0, u8::try_from(word.len()).expect("a short frame")], &word[..]].concat()
        })
        .collect();
    for _ in 0..100 {
        crowd[0].write(&flood);
    }
    scene.must_be_unharmed("100,000 cancellations of what was never asked for", 16);
    drop(crowd);
}
