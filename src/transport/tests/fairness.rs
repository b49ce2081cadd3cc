//! Peers of one socket are served in rounds.

use super::*;
use crate::memory::{Memory, Purpose};

/// A message of one frame of one byte.
const SMALL: [u8; 3] = [0, 1, b'x'];

/// A router with books, and two peers.
async fn two() -> (Router, Memory, [(Mute, PeerId); 2]) {
    let memory = Memory::default();
    let router = router(ListenerOptions { memory: memory.clone(), ..ListenerOptions::default() });
    let one = Mute::join(router.local_addr(), "").await;
    let (first, _) = came(&router).await;
    let other = Mute::join(router.local_addr(), "").await;
    let (second, _) = came(&router).await;
    (router, memory, [(one, first), (other, second)])
}

/// Lets the router read until it reads no more; bytes that wait for its owner then.
async fn settled(memory: &Memory) -> usize {
    let waiting = || memory.account(Purpose::Arrived).held();
    let mut before = 0;
    loop {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        if waiting() > 0 && waiting() == before {
            return before;
        }
        before = waiting();
    }
}

/// Twenty thousand messages came first; one of somebody else waits for a handful of them at most.
#[test]
fn a_flood_goes_before_nobody() {
    run(async {
        let (router, memory, [(mut flooder, _), (mut quiet, quiet_peer)]) = two().await;
        flooder
            .stream
            .write_all(&SMALL.repeat(20_000))
            .await
            .expect("the router reads, or the kernel keeps it");
        let flood = settled(&memory).await;
        quiet.stream.write_all(&SMALL).await.expect("the router reads");
        while memory.account(Purpose::Arrived).held() == flood {
            tokio::task::yield_now().await;
        }
        let mut before = 0;
        while message(&router).await.0 != quiet_peer {
            before += 1;
        }
        assert!(before <= 16, "{before} messages of the flood came first");
    });
}

#[test]
fn a_peer_that_floods_is_not_read_from_until_it_was_served() {
    run(async {
        let (router, memory, [(mut flooder, _), _quiet]) = two().await;
        flooder
            .stream
            .write_all(&SMALL.repeat(40_000))
            .await
            .expect("the router reads, or the kernel keeps it");
        let waiting = settled(&memory).await;
        assert!(waiting < 64 << 10, "{waiting} bytes wait");
        for _ in 0..40_000 {
            assert_eq!(message(&router).await.1, frames(&["x"]), "all of it comes in the end");
        }
    });
}

/// What came in one go leaves in one go; who has more to say than that takes turns.
#[test]
fn who_says_a_little_more_than_a_round_is_not_interrupted() {
    run(async {
        let (router, memory, [(mut one, one_peer), (mut other, other_peer)]) = two().await;
        for (count, whole) in [(64, true), (80, false)] {
            one.stream.write_all(&SMALL.repeat(count)).await.expect("the router reads");
            let waiting = settled(&memory).await;
            other.stream.write_all(&SMALL.repeat(count)).await.expect("the router reads");
            while memory.account(Purpose::Arrived).held() < 2 * waiting {
                tokio::task::yield_now().await;
            }
            let mut order = Vec::new();
            for _ in 0..2 * count {
                order.push(message(&router).await.0);
            }
            let is_whole = order[..count].iter().all(|peer| *peer == one_peer);
            assert_eq!(is_whole, whole, "{count} messages: {order:?}");
            assert!(order[16..].contains(&one_peer) && order[..count + 16].contains(&other_peer));
        }
    });
}

/// What is expensive is paid with later rounds.
#[test]
fn who_asks_for_expensive_things_waits_longer() {
    run(async {
        let (router, memory, [(mut dear, dear_peer), (mut cheap, cheap_peer)]) = two().await;
        dear.stream.write_all(&SMALL.repeat(48)).await.expect("the router reads");
        let one = settled(&memory).await;
        cheap.stream.write_all(&SMALL.repeat(48)).await.expect("the router reads");
        while memory.account(Purpose::Arrived).held() < 2 * one {
            tokio::task::yield_now().await;
        }
        let mut order = vec![message(&router).await.0];
        assert_eq!(order, [dear_peer], "it came first");
        router.charge_turn(dear_peer, 64);
        for _ in 1..96 {
            order.push(message(&router).await.0);
        }
        assert!(order[1..49].iter().all(|peer| *peer == cheap_peer), "{order:?}");
    });
}

#[test]
fn a_peer_that_is_never_right_is_cut() {
    run(async {
        let router = router(ListenerOptions::default());
        let _wrong = Mute::join(router.local_addr(), "").await;
        let (peer, _) = came(&router).await;
        for _ in 0..10_000 {
            router.blame(peer);
        }
        let nothing = timeout(Duration::from_millis(20), router.recv()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        for _ in 0..3_000 {
            router.blame(peer);
        }
        assert_eq!(left(&router).await, (peer, LeftReason::Misbehaved));
        assert_eq!(router.counters().misbehaved, 1);
    });
}
