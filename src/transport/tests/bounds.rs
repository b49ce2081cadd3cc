//! What peers may make us hold, and who goes when it is too much.

use super::*;
use crate::memory::{Memory, Purpose};

/// A frame with its header, long form.
fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    [&[flags | 2][..], &(body.len() as u64).to_be_bytes(), body].concat()
}

/// An empty frame of a message that goes on.
const EMPTY: [u8; 2] = [1, 0];
/// PING without a time to live or context.
const PING: &[u8] = b"\x04\x07\x04PING\0\0";

fn held(memory: &Memory, purpose: Purpose) -> usize {
    memory.account(purpose).held()
}

/// Lets the sockets work until it is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// Options with books of their own, and ticks of ten milliseconds.
fn quick(memory: &Memory) -> ListenerOptions {
    ListenerOptions { memory: memory.clone(), ping: Duration::from_millis(40), ..ListenerOptions::default() }
}

/// Nothing comes of it for some looks of the liveness check.
async fn nothing_happens(router: &Router) {
    let nothing = timeout(Duration::from_millis(100), router.recv()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

#[test]
fn a_ping_in_the_middle_does_not_hide_an_unfinished_message() {
    run(async {
        let router = router(ListenerOptions { unfinished_max: 1 << 20, ..ListenerOptions::default() });
        let mut peer = Mute::join(router.local_addr(), "").await;
        came(&router).await;
        let part = [&frame(1, &vec![0; 400 << 10])[..], PING].concat();
        // The router may close before it has read all of it.
        for _ in 0..3 {
            let _ = peer.stream.write_all(&part).await;
        }
        let (_, reason) = left(&router).await;
        assert!(matches!(reason, LeftReason::InputFull { held } if held > 1 << 20), "{reason:?}");
    });
}

#[test]
fn empty_frames_of_an_unfinished_message_weigh_what_a_frame_weighs() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let mut peer = Mute::join(router.local_addr(), "").await;
        came(&router).await;
        peer.stream.write_all(&EMPTY.repeat(1_000)).await.expect("the router reads");
        until(|| held(&memory, Purpose::Unfinished) >= 1_000 * 32).await;
    });
}

#[test]
fn what_a_peer_held_is_given_back_when_it_leaves() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let mut peer = Mute::join(router.local_addr(), "").await;
        let (number, _) = came(&router).await;
        peer.stream.write_all(&frame(0, b"a message")).await.expect("the router reads");
        peer.stream.write_all(&frame(1, &vec![0; 300_000])).await.expect("the router reads");
        until(|| held(&memory, Purpose::Unfinished) >= 300_000).await;
        for _ in 0..100 {
            router.send(number, &[Bytes::from(vec![0; 100_000])]).expect("the peer is there");
        }
        router.flush();
        assert!(held(&memory, Purpose::Connections) > 0 && held(&memory, Purpose::Arrived) > 0);
        assert!(held(&memory, Purpose::Unread) > 1 << 20, "{memory:?}");
        drop(peer);
        message(&router).await;
        left(&router).await;
        until(|| memory.held() == 0).await;
    });
}

/// Some hold all that unfinished messages may, and are silent. A message of somebody else still comes.
#[test]
fn who_holds_most_and_moves_least_is_cut_and_not_who_sends() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { unfinished_max: 4 << 20, ..quick(&memory) });
        let mut silent = Vec::new();
        for _ in 0..3 {
            let mut peer = Mute::join(router.local_addr(), "").await;
            silent.push(came(&router).await.0);
            peer.stream.write_all(&frame(1, &vec![0; 1 << 20])).await.expect("the router reads");
            // It answers no PING, and need not: its message is begun anew with each byte.
            tokio::task::spawn_local(async move {
                loop {
                    peer.stream.read_buf(&mut peer.buffer).await.expect("the router is there");
                    if peer.stream.write_all(b"\x04\x05\x04PONG").await.is_err() {
                        return;
                    }
                }
            });
        }
        until(|| held(&memory, Purpose::Unfinished) >= 3 << 20).await;
        nothing_happens(&router).await;
        let worker = dealer(&router, "W1");
        let (worker_peer, _) = came(&router).await;
        worker.sender().send(vec![Bytes::from(vec![1; 3 << 20])]).await.expect("the dealer lives");
        loop {
            match router.recv().await {
                RouterEvent::Left { peer, reason } => {
                    assert!(silent.contains(&peer), "{reason:?}");
                    assert!(matches!(reason, LeftReason::InputFull { .. }), "{reason:?}");
                }
                RouterEvent::Message { peer, frames, .. } => {
                    assert_eq!((peer, frames[0].len()), (worker_peer, 3 << 20));
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn when_the_process_is_full_small_messages_go_on_and_who_holds_most_goes() {
    run(async {
        let memory = Memory::new(1 << 20);
        let router = router(quick(&memory));
        let mut greedy = Mute::join(router.local_addr(), "").await;
        let (greedy_peer, _) = came(&router).await;
        let _ = greedy.stream.write_all(&frame(1, &vec![0; 4 << 20])).await;
        let (gone, reason) = left(&router).await;
        assert_eq!(gone, greedy_peer);
        assert!(matches!(reason, LeftReason::MemoryFull { .. }), "{reason:?}");
        let jobs = memory.account(Purpose::Jobs).charge_promised(2 << 20);
        let small = dealer(&router, "C1");
        came(&router).await;
        small.sender().send(frames(&["", "small"])).await.expect("the dealer lives");
        assert_eq!(message(&router).await.1, frames(&["", "small"]));
        drop(jobs);
        assert_eq!(router.counters().memory_full, 1);
    });
}

#[test]
fn a_message_has_a_deadline_by_its_size() {
    run(async {
        let slow = ListenerOptions { message_time: Duration::from_millis(40), ..ListenerOptions::default() };
        let router = router(slow);
        let mut peer = Mute::join(router.local_addr(), "").await;
        let (one, _) = came(&router).await;
        // Two kilobytes buy 30 ms at 64 KiB a second.
        peer.stream.write_all(&frame(1, &vec![0; 2_000])).await.expect("the router reads");
        let (gone, reason) = left(&router).await;
        assert_eq!(gone, one);
        assert!(matches!(reason, LeftReason::Stalled { .. }), "{reason:?}");
        assert_eq!(router.counters().stalled, 1);
    });
}

/// Two results that are twenty times the bound each, one right after the other, and small ones between.
#[test]
fn results_larger_than_the_bound_reach_a_peer_that_reads() {
    run(async {
        let router = router(ListenerOptions { unread_max: 1 << 20, ..ListenerOptions::default() });
        let mut gateway = dealer(&router, "G1");
        let (peer, _) = came(&router).await;
        let large = Bytes::from(vec![7; 20 << 20]);
        for _ in 0..2 {
            router.send(peer, std::slice::from_ref(&large)).expect("the peer reads");
            router.send(peer, &frames(&["", "small"])).expect("the peer reads");
        }
        router.flush();
        for _ in 0..2 {
            assert_eq!(received(&mut gateway).await, std::slice::from_ref(&large));
            assert_eq!(received(&mut gateway).await, frames(&["", "small"]));
        }
    });
}

#[test]
fn a_peer_that_takes_nothing_of_a_large_result_is_cut_in_time() {
    run(async {
        let unread_time = Duration::from_millis(40);
        let router =
            router(ListenerOptions { unread_max: 1 << 20, unread_time, ..ListenerOptions::default() });
        let _deaf = Mute::join(router.local_addr(), "deaf").await;
        let (deaf, _) = came(&router).await;
        router.send(deaf, &[Bytes::from(vec![7; 20 << 20])]).expect("it has not been slow yet");
        router.flush();
        let (gone, reason) = left(&router).await;
        assert_eq!(gone, deaf);
        assert!(matches!(reason, LeftReason::Slow { .. }), "{reason:?}");
    });
}

/// However slowly: what is kept between the bytes is a frame, not a buffer.
#[test]
fn a_message_that_comes_byte_by_byte_is_taken() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let mut peer = Mute::join(router.local_addr(), "").await;
        came(&router).await;
        let bytes = [frame(1, b"first"), PING.to_vec(), vec![0, 6], b"second".to_vec()].concat();
        for byte in bytes {
            peer.stream.write_all(&[byte]).await.expect("the router reads");
            tokio::task::yield_now().await;
            assert!(held(&memory, Purpose::Unfinished) < 1_000, "{memory:?}");
        }
        assert_eq!(message(&router).await.1, frames(&["first", "second"]));
    });
}

/// Says 200 small things on a second connection of an identity.
async fn second_of(router: &Router) -> Dealer {
    let second = dealer(router, "C1");
    for number in 0..200_u32 {
        let frames = vec![Bytes::new(), Bytes::from(number.to_string())];
        second.sender().send(frames).await.expect("the dealer lives");
    }
    second
}

async fn held_back(router: &Router) -> (PeerId, Vec<Bytes>) {
    match router.recv().await {
        RouterEvent::HeldBack { peer, frames, .. } => (peer, frames),
        other => panic!("a message should be held back, not {other:?}"),
    }
}

#[test]
fn no_message_under_an_identity_in_use_vanishes() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let first = dealer(&router, "C1");
        came(&router).await;
        let mut second = second_of(&router).await;
        let mut numbers = Vec::new();
        for _ in 64..200 {
            let (peer, mut frames) = held_back(&router).await;
            numbers.extend(frames.pop());
            router.send(peer, &self::frames(&["", "refused"])).expect("it can be answered");
        }
        router.flush();
        assert!(held(&memory, Purpose::Arrived) >= 64 * 64, "what is kept is weighed");
        for _ in 64..200 {
            assert_eq!(received(&mut second).await, frames(&["", "refused"]));
        }
        drop(first);
        left(&router).await;
        came(&router).await;
        let mut early = Vec::new();
        for _ in 0..64 {
            early.extend(message(&router).await.1.pop());
        }
        let all: Vec<Bytes> = (0..200_u32).map(|number| Bytes::from(number.to_string())).collect();
        assert_eq!([early, numbers].concat(), all);
    });
}

#[test]
fn who_waits_too_long_for_an_identity_is_told() {
    run(async {
        let identity_time = Duration::from_millis(40);
        let router = router(ListenerOptions { identity_time, ..ListenerOptions::default() });
        let _first = dealer(&router, "C1");
        came(&router).await;
        let second = dealer(&router, "C1");
        second.sender().send(frames(&["early"])).await.expect("the dealer lives");
        assert_eq!(held_back(&router).await.1, frames(&["early"]));
        second.sender().send(frames(&["late"])).await.expect("the dealer lives");
        assert_eq!(held_back(&router).await.1, frames(&["late"]));
    });
}

#[test]
fn large_messages_under_an_identity_in_use_are_not_kept() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let _first = dealer(&router, "C1");
        came(&router).await;
        let second = dealer(&router, "C1");
        for _ in 0..5 {
            second.sender().send(vec![Bytes::from(vec![0; 2 << 20])]).await.expect("the dealer lives");
            held_back(&router).await;
        }
        assert!(memory.held() < 1 << 20, "{memory:?}");
    });
}

/// Those who wait for one identity and leave are forgotten, in any order.
#[test]
fn a_crowd_behind_one_identity_leaves_nothing_behind() {
    run(async {
        let memory = Memory::default();
        let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
        let first = dealer(&router, "C1");
        came(&router).await;
        let one = memory.held();
        for _ in 0..50 {
            let crowd = [
                Mute::join(router.local_addr(), "C1").await,
                Mute::join(router.local_addr(), "C1").await,
                Mute::join(router.local_addr(), "C1").await,
            ];
            until(|| router.connections() == 4).await;
            drop(crowd);
            until(|| router.connections() == 1).await;
        }
        assert_eq!(memory.held(), one);
        drop(first);
        left(&router).await;
    });
}

#[test]
fn sockets_share_the_connections_of_a_process() {
    run(async {
        let shared = ListenerOptions { connections: ConnectionLimit::new(1), ..ListenerOptions::default() };
        let (clients, workers) = (router(shared.clone()), router(shared));
        let first = dealer(&clients, "C1");
        came(&clients).await;
        let mut second = TcpStream::connect(workers.local_addr()).await.expect("the system accepts");
        let mut nothing = Vec::new();
        second.read_to_end(&mut nothing).await.expect("the router closes");
        assert_eq!((nothing.len(), workers.counters().refused), (0, 1));
        drop(first);
        left(&clients).await;
        let _third = dealer(&workers, "W1");
        came(&workers).await;
    });
}
