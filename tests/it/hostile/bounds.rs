//! What peers may make the broker hold, and whether others still get through.

use std::time::Duration;

use serde_json::json;
use zmws::message::Dialect::{Zmws1, Zmws2};

use super::{SERVICE, Scene};
use crate::support::broker::Broker;
use crate::support::bystander::Bystander;
use crate::support::frames::{Kind, heartbeat, read_reply, request, tagged};
use crate::support::raw::{self, RawPeer, RawWorker};
use crate::support::{PATIENCE, http, now, poll};

/// PING without a time to live or context.
const PING: &[u8] = b"\x04\x07\x04PING\0\0";

/// A figure of the broker's metrics.
fn figure(broker: &Broker, series: &str) -> f64 {
    let text = http::get(broker.admin, "/metrics").body;
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {series} in {text}"))
}

#[test]
fn unfinished_messages_with_pings_between_are_bounded() {
    let scene = Scene::set(&["--memory-max=64M"]);
    let part = [raw::frame(1, &vec![0; 10 << 20]), PING.to_vec()].concat();
    let mut peers: Vec<RawPeer> = (0..8).map(|_| RawPeer::dealer(scene.broker.clients)).collect();
    for _ in 0..4 {
        for peer in &mut peers {
            // Some are cut on the way.
            let _ = peer.try_write(&part);
        }
    }
    assert!(figure(&scene.broker, "zmws_memory_bytes{account=\"unfinished\"}") < 65e6);
    assert!(figure(&scene.broker, "zmws_memory_max_bytes") == 67_108_864.0);
    assert!(figure(&scene.broker, "zmws_peers_memory_full_total{port=\"clients\"}") >= 1.0);
    scene.must_be_unharmed("320 MiB of unfinished messages with PINGs between", 64 + 16);
    drop(peers);
}

/// Five connections hold all that there is and say nothing more. A worker's large result goes through.
#[test]
fn a_large_result_comes_though_silent_peers_hold_all_memory() {
    let scene = Scene::set(&["--memory-max=64M"]);
    let worker = RawWorker::start(scene.broker.workers, Zmws2, "FILL");
    scene.broker.wait_for_workers("FILL", 1);
    let part = raw::frame(1, &vec![0; 12 << 20]);
    let silent: Vec<RawPeer> = (0..5)
        .map(|_| {
            let mut peer = RawPeer::dealer(scene.broker.workers);
            peer.write(&part);
            peer
        })
        .collect();
    let held = || figure(&scene.broker, "zmws_memory_bytes{account=\"unfinished\"}");
    poll("they hold it", PATIENCE, || (held() >= f64::from(60 << 20)).then_some(()));
    let mut client = RawPeer::dealer(scene.broker.clients);
    let bytes = 16_000_000;
    client.send(&request(Zmws1, "FILL", Some(&tagged(&json!({"do": "fill", "bytes": bytes})))));
    let reply = read_reply(Zmws1, &client.receive(PATIENCE).expect("the result"));
    assert_eq!((reply.kind, reply.body[0].len()), (Kind::Complete, bytes));
    scene.must_be_unharmed("five silent peers that hold 60 MiB", 64 + 48);
    drop((silent, worker));
}

#[test]
fn each_request_under_an_identity_in_use_is_answered() {
    let scene = Scene::set(&[]);
    let first = RawPeer::connect(scene.broker.clients, "DEALER", b"C1");
    let mut second = RawPeer::connect(scene.broker.clients, "DEALER", b"C1");
    let job = request(Zmws2, SERVICE, Some(&tagged(&json!({"str": "x"}))));
    for _ in 0..200 {
        second.send(&job);
    }
    let mut answer = || read_reply(Zmws2, &second.receive(PATIENCE).expect("an answer")).kind;
    for _ in 64..200 {
        assert_eq!(answer(), Kind::Fail);
    }
    drop(first);
    for _ in 0..64 {
        assert_eq!(answer(), Kind::Complete);
    }
    scene.must_be_unharmed("200 requests under an identity in use", 0);
}

#[test]
fn large_messages_under_an_identity_in_use_take_no_memory() {
    let scene = Scene::set(&[]);
    let _first = RawPeer::connect(scene.broker.clients, "DEALER", b"C1");
    let mut second = RawPeer::connect(scene.broker.clients, "DEALER", b"C1");
    let job = request(Zmws2, SERVICE, Some(&vec![0; 20 << 20]));
    for _ in 0..20 {
        second.send(&job);
    }
    for _ in 0..20 {
        assert_eq!(read_reply(Zmws2, &second.receive(PATIENCE).expect("an answer")).kind, Kind::Fail);
    }
    scene.must_be_unharmed("400 MiB under an identity in use", 64);
}

/// A result larger than what may be unread, to a client that has asked for others at the same time.
#[test]
fn results_larger_than_the_bound_disconnect_nobody() {
    let scene = Scene::set(&["--unread-max-mb=1"]);
    let worker = RawWorker::start(scene.broker.workers, Zmws2, "FILL");
    scene.broker.wait_for_workers("FILL", 1);
    let mut client = RawPeer::dealer(scene.broker.clients);
    let large = request(Zmws1, "FILL", Some(&tagged(&json!({"do": "fill", "bytes": 20_000_000}))));
    let small = request(Zmws1, SERVICE, Some(&tagged(&json!({"str": "x"}))));
    for _ in 0..3 {
        client.send(&large);
        (0..20).for_each(|_| client.send(&small));
    }
    let answers = (0..63).map(|_| read_reply(Zmws1, &client.receive(PATIENCE).expect("an answer")).kind);
    assert_eq!(answers.filter(|kind| *kind == Kind::Complete).count(), 63);
    scene.must_be_unharmed("three results of 20 MB", 160);
    drop(worker);
}

/// Empty messages, heartbeats of nobody, answers to jobs that never were: from fifty connections, as fast as they go.
#[test]
fn fifty_peers_that_flood_starve_nobody() {
    let mut scene = Scene::set(&[]);
    let empty = [0, 0].repeat(4_000);
    let unknown = {
        let mut bytes = Vec::new();
        for number in 0..200 {
            bytes.extend(raw::frame(1, b"PARAM-JSON: 1"));
            bytes.extend(raw::frame(1, SERVICE.as_bytes()));
            bytes.extend(raw::frame(0, format!("COMPLETE: 0000-{number:04X}").as_bytes()));
        }
        bytes
    };
    let beats = raw::frame(0, &heartbeat(Zmws1)[0]).repeat(1_000);
    let mut peers: Vec<(RawPeer, &[u8])> = (0..50)
        .map(|number| match number % 3 {
            0 => (RawPeer::dealer(scene.broker.clients), &empty[..]),
            1 => (RawPeer::dealer(scene.broker.workers), &beats[..]),
            _ => (RawPeer::dealer(scene.broker.workers), &unknown[..]),
        })
        .collect();
    for (peer, _) in &peers {
        peer.stream().set_write_timeout(Some(Duration::from_millis(1))).expect("a TCP socket");
    }
    let served = scene.bystander.take().map(Bystander::finish).expect("it was there");
    println!("quiet: {served:?}");
    let under_attack = Bystander::start(scene.broker.clients, SERVICE);
    let end = now() + Duration::from_secs(3);
    while now() < end {
        // Those that are pushed back or cut, for what they say, take no part in this round.
        peers.iter_mut().for_each(|(peer, bytes)| drop(peer.try_write(bytes)));
    }
    let served = under_attack.finish();
    assert!(served.jobs > 0 && served.slowest < Duration::from_secs(2), "{served:?}");
    println!("turns: {}", figure(&scene.broker, "zmws_turn_longest_seconds"));
    scene.must_be_unharmed("a flood from fifty peers", 16);
}

/// Connections stop short of the descriptors, so that operators get in.
#[test]
fn operators_get_in_though_all_descriptors_are_wanted() {
    let broker = Broker::start_with_descriptors(100, &[]);
    let crowd: Vec<_> =
        (0..120).map(|number| raw::connect([broker.clients, broker.workers][number % 2])).collect();
    poll("some are refused", PATIENCE, || {
        let refused =
            |port: &str| figure(&broker, &format!("zmws_connections_refused_total{{port=\"{port}\"}}"));
        (refused("clients") + refused("workers") >= 52.0).then_some(())
    });
    drop(crowd);
}

/// Somebody else has taken all descriptors: who comes is told so, and does not wait for nothing.
#[test]
fn where_no_descriptor_is_left_who_comes_is_told() {
    let broker = Broker::start_with_descriptors(64, &[]);
    // The connections of both ports together stop at half of them, the operators' port takes the rest.
    let operators: Vec<_> = (0..64).map(|_| raw::connect(broker.admin)).collect();
    let crowd: Vec<_> = (0..31).map(|_| raw::connect(broker.clients)).collect();
    for _ in 0..10 {
        let mut late = raw::connect(broker.clients);
        assert!(raw::is_hung_up(&mut late, PATIENCE), "it waits for a descriptor");
    }
    drop((operators, crowd));
    poll("there is room again", PATIENCE, || {
        let mut late = raw::connect(broker.clients);
        (!raw::is_hung_up(&mut late, Duration::from_millis(100))).then_some(())
    });
}
