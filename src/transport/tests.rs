//! Sockets against sockets on the loopback; every wait is for an event, with a deadline.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::*;
use crate::job::PeerId;
use crate::memory::Memory;
use crate::zmtp::{self, Engine, Event, Limits, SocketType};

const ANY: &str = "127.0.0.1:0";

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        timeout(Duration::from_secs(20), test).await.expect("the test ends in time")
    })
}

fn router(options: ListenerOptions) -> Router {
    Router::bind(ANY.parse().expect("an address"), options).expect("the loopback has a free port")
}

fn dealer(router: &Router, identity: &'static str) -> Dealer {
    let identity = Bytes::from_static(identity.as_bytes());
    Dealer::connect(router.local_addr().to_string(), DealerOptions { identity, ..DealerOptions::default() })
}

fn frames(text: &[&'static str]) -> Vec<Bytes> {
    text.iter().map(|frame| Bytes::from_static(frame.as_bytes())).collect()
}

async fn came(router: &Router) -> (PeerId, Bytes) {
    match router.recv().await {
        RouterEvent::Came { peer, identity, .. } => (peer, identity),
        other => panic!("a peer should come, not {other:?}"),
    }
}

async fn message(router: &Router) -> (PeerId, Vec<Bytes>) {
    match router.recv().await {
        RouterEvent::Message { peer, frames, .. } => (peer, frames),
        other => panic!("a message should come, not {other:?}"),
    }
}

async fn left(router: &Router) -> (PeerId, LeftReason) {
    match router.recv().await {
        RouterEvent::Left { peer, reason } => (peer, reason),
        other => panic!("a peer should leave, not {other:?}"),
    }
}

async fn received(dealer: &mut Dealer) -> Vec<Bytes> {
    loop {
        if let DealerEvent::Message(frames) = dealer.recv().await {
            return frames;
        }
    }
}

/// A peer that does only what it is told: it never answers a PING by itself.
struct Mute {
    stream: TcpStream,
    engine: Engine,
    buffer: BytesMut,
}

impl Mute {
    async fn join(address: SocketAddr, identity: &'static str) -> Self {
        let config = zmtp::Config {
            socket_type: SocketType::Dealer,
            identity: Bytes::from_static(identity.as_bytes()),
            properties: Vec::new(),
            limits: Limits::default(),
        };
        let stream = TcpStream::connect(address).await.expect("the router listens");
        let mut peer = Self { stream, engine: Engine::new(&config), buffer: BytesMut::new() };
        loop {
            peer.write().await;
            peer.stream.read_buf(&mut peer.buffer).await.expect("the router greets");
            if let Some(Event::Ready(_)) = peer.engine.receive(&mut peer.buffer).expect("ZMTP") {
                peer.write().await;
                return peer;
            }
        }
    }

    async fn write(&mut self) {
        while !self.engine.outbox().is_empty() {
            let mut slices = [std::io::IoSlice::new(&[]); 8];
            let count = self.engine.outbox().slices(&mut slices);
            let written = self.stream.write_vectored(&slices[..count]).await.expect("the router reads");
            self.engine.outbox().advance(written);
        }
    }
}

#[test]
fn a_router_tells_who_came_what_they_said_and_that_they_left() {
    run(async {
        let router = router(ListenerOptions::default());
        let dealer = dealer(&router, "W1");
        dealer.sender().send(frames(&["", "one"])).await.expect("the dealer lives");
        let (peer, identity) = came(&router).await;
        assert_eq!(identity, "W1");
        assert_eq!(message(&router).await, (peer, frames(&["", "one"])));
        drop(dealer);
        assert_eq!(left(&router).await.0, peer);
    });
}

#[test]
fn a_peer_without_identity_gets_five_bytes_that_begin_with_zero() {
    run(async {
        let router = router(ListenerOptions::default());
        let (_first, _second) = (dealer(&router, ""), dealer(&router, ""));
        let (one, other) = (came(&router).await.1, came(&router).await.1);
        assert_eq!((one.len(), one[0]), (5, 0));
        assert_eq!((other.len(), other[0]), (5, 0));
        assert_ne!(one, other);
    });
}

#[test]
fn messages_go_both_ways_whatever_their_size() {
    run(async {
        let router = router(ListenerOptions::default());
        let mut dealer = dealer(&router, "C1");
        let (peer, _) = came(&router).await;
        for size in [0, 1, 255, 256, 8_191, 8_192, 200_000, 5_000_000] {
            let body = Bytes::from(vec![b'x'; size]);
            dealer.sender().send(vec![Bytes::new(), body.clone()]).await.expect("the dealer lives");
            let (from, frames) = message(&router).await;
            assert_eq!((from, frames.len(), frames[1].len()), (peer, 2, size));
            router.send(peer, &frames).expect("the peer is there");
            router.flush();
            assert_eq!(received(&mut dealer).await, [Bytes::new(), body]);
        }
    });
}

#[test]
fn a_second_peer_of_one_identity_waits_until_the_first_has_left() {
    run(async {
        let router = router(ListenerOptions::default());
        let first = dealer(&router, "W1");
        let (one, _) = came(&router).await;
        let second = dealer(&router, "W1");
        second.sender().send(frames(&["second"])).await.expect("the dealer lives");
        first.sender().send(frames(&["first"])).await.expect("the dealer lives");
        assert_eq!(message(&router).await, (one, frames(&["first"])));
        drop(first);
        assert_eq!(left(&router).await.0, one);
        let (two, identity) = came(&router).await;
        assert_eq!(identity, "W1");
        assert_eq!(message(&router).await, (two, frames(&["second"])));
        assert_eq!(router.peer_of(b"W1"), Some(two));
    });
}

#[test]
fn with_handover_the_second_peer_of_an_identity_takes_its_place() {
    run(async {
        let router = router(ListenerOptions { handover: true, ..ListenerOptions::default() });
        let _first = dealer(&router, "W1");
        let (one, _) = came(&router).await;
        let _second = dealer(&router, "W1");
        assert_eq!(left(&router).await, (one, LeftReason::Replaced));
        assert_ne!(came(&router).await.0, one);
    });
}

#[test]
fn a_dead_connection_loses_its_identity_to_the_next() {
    run(async {
        let ping = Duration::from_millis(100);
        let router = router(ListenerOptions { ping, ..ListenerOptions::default() });
        let _dead = Mute::join(router.local_addr(), "W1").await;
        let (one, _) = came(&router).await;
        let _second = dealer(&router, "W1");
        assert_eq!(left(&router).await, (one, LeftReason::Vanished));
        assert_ne!(came(&router).await.0, one);
        assert_eq!(router.counters().vanished, 1);
    });
}

#[test]
fn a_peer_that_answers_ping_stays_though_it_is_silent() {
    run(async {
        let ping = Duration::from_millis(50);
        let router = router(ListenerOptions { ping, ..ListenerOptions::default() });
        let _silent = dealer(&router, "silent");
        came(&router).await;
        let _dead = Mute::join(router.local_addr(), "dead").await;
        let (dead, _) = came(&router).await;
        assert_eq!(left(&router).await, (dead, LeftReason::Vanished));
        assert!(router.peer_of(b"silent").is_some());
    });
}

#[test]
fn a_peer_that_does_not_read_is_disconnected_and_others_are_served() {
    run(async {
        let router = router(ListenerOptions { unread_max: 1 << 20, ..ListenerOptions::default() });
        let _deaf = Mute::join(router.local_addr(), "deaf").await;
        let (deaf, _) = came(&router).await;
        let mut other = dealer(&router, "other");
        let (peer, _) = came(&router).await;
        let body = [Bytes::from(vec![0; 100_000])];
        let mut sent = 0;
        while router.send(deaf, &body).is_ok() {
            router.flush();
            sent += 1;
            assert!(sent < 1_000, "100 MB are waiting for a peer that does not read");
        }
        router.send(peer, &frames(&["hello"])).expect("the other one reads");
        router.flush();
        assert_eq!(received(&mut other).await, frames(&["hello"]));
        let (gone, reason) = left(&router).await;
        assert_eq!(gone, deaf);
        assert!(matches!(reason, LeftReason::Slow { unread } if unread > 1 << 20), "{reason:?}");
    });
}

#[test]
fn a_handshake_that_never_ends_is_closed() {
    run(async {
        let handshake = Duration::from_millis(100);
        let router = router(ListenerOptions { handshake, ..ListenerOptions::default() });
        let mut half = TcpStream::connect(router.local_addr()).await.expect("the router listens");
        half.write_all(&[0xFF, 0, 0]).await.expect("the router reads");
        let mut greeting = Vec::new();
        half.read_to_end(&mut greeting).await.expect("the router closes, and greets before");
        assert_eq!(greeting[0], 0xFF);
        assert_eq!((router.counters().handshake_timeouts, router.connections()), (1, 0));
    });
}

#[test]
fn a_peer_that_breaks_zmtp_is_closed_and_counted() {
    run(async {
        let router = router(ListenerOptions::default());
        let mut peer = Mute::join(router.local_addr(), "").await;
        let (one, _) = came(&router).await;
        // A frame of 2^45 bytes.
        peer.stream.write_all(&[2, 0, 0, 0x20, 0, 0, 0, 0, 0]).await.expect("the router reads");
        let (gone, reason) = left(&router).await;
        assert_eq!(gone, one);
        assert!(matches!(reason, LeftReason::Protocol(_)), "{reason:?}");
        assert_eq!(router.counters().protocol_errors, 1);
    });
}

#[test]
fn one_connection_too_many_is_closed_at_once() {
    run(async {
        let router = router(ListenerOptions { connections_max: 1, ..ListenerOptions::default() });
        let _first = dealer(&router, "W1");
        came(&router).await;
        let mut second = TcpStream::connect(router.local_addr()).await.expect("the system accepts");
        let mut nothing = Vec::new();
        second.read_to_end(&mut nothing).await.expect("the router closes");
        assert!(nothing.is_empty());
        assert_eq!(router.counters().refused, 1);
    });
}

#[test]
fn unfinished_messages_of_all_peers_together_are_bounded() {
    run(async {
        let router = router(ListenerOptions { unfinished_max: 1 << 20, ..ListenerOptions::default() });
        let mut peer = Mute::join(router.local_addr(), "").await;
        came(&router).await;
        let mut frame = vec![2, 0, 0, 0, 0, 2, 0, 0, 0]; // 32 MiB are announced, 2 MiB sent
        frame.resize(2 << 20, 0);
        // The router may close before it has read all of it.
        let _ = peer.stream.write_all(&frame).await;
        let (_, reason) = left(&router).await;
        assert!(matches!(reason, LeftReason::InputFull { .. }), "{reason:?}");
    });
}

#[test]
fn a_dealer_sends_what_waited_once_its_peer_is_there() {
    run(async {
        let free = std::net::TcpListener::bind(ANY).expect("a free port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let options = DealerOptions { reconnect_min: Duration::from_millis(5), ..DealerOptions::default() };
        let mut dealer = Dealer::connect(address.to_string(), options);
        dealer.sender().send(frames(&["early"])).await.expect("there is room");
        assert!(matches!(dealer.recv().await, DealerEvent::Disconnected(_)));
        let router = Router::bind(address, ListenerOptions::default()).expect("the port is free again");
        came(&router).await;
        assert_eq!(message(&router).await.1, frames(&["early"]));
    });
}

#[test]
fn a_dealer_comes_back_after_its_router_was_gone() {
    run(async {
        let first = router(ListenerOptions::default());
        let address = first.local_addr();
        let options = DealerOptions { reconnect_min: Duration::from_millis(5), ..DealerOptions::default() };
        let mut dealer = Dealer::connect(address.to_string(), options);
        assert!(matches!(dealer.recv().await, DealerEvent::Connected(_)));
        came(&first).await;
        drop(first);
        assert!(matches!(dealer.recv().await, DealerEvent::Disconnected(_)));
        let _second = Router::bind(address, ListenerOptions::default()).expect("the port is free again");
        while !matches!(dealer.recv().await, DealerEvent::Connected(_)) {}
    });
}

#[test]
fn a_dealer_that_is_closed_writes_what_it_has() {
    run(async {
        let router = router(ListenerOptions::default());
        let dealer = dealer(&router, "C1");
        came(&router).await;
        for _ in 0..500 {
            dealer.sender().send(frames(&["", "last words"])).await.expect("there is room");
        }
        dealer.close(Duration::from_secs(5)).await;
        for _ in 0..500 {
            assert_eq!(message(&router).await.1, frames(&["", "last words"]));
        }
        left(&router).await;
    });
}

#[test]
fn a_full_queue_is_said_and_nothing_waits() {
    run(async {
        let options = DealerOptions { queue_max: 2, ..DealerOptions::default() };
        let dealer = Dealer::connect("127.0.0.1:1", options); // nobody listens there
        let sender = dealer.sender();
        let sent: Vec<_> = (0..3).map(|_| sender.try_send(frames(&["x"]))).collect();
        assert_eq!(sent, [Ok(()), Ok(()), Err(SendError::Full)]);
    });
}

fn publisher(address: &str) -> Publisher {
    let publisher =
        Publisher::bind(address.parse().expect("an address"), ListenerOptions::default(), &Memory::default());
    publisher.expect("the loopback has a free port")
}

fn tell(publisher: &Publisher, topic: &'static str, body: &'static str) {
    publisher.send(Bytes::from_static(topic.as_bytes()), || Bytes::from_static(body.as_bytes()));
}

async fn subscribed(publisher: &Publisher) {
    while !publisher.has_subscribers() {
        tokio::task::yield_now().await;
    }
}

async fn heard(subscriber: &mut Subscriber) -> Vec<Bytes> {
    loop {
        if let DealerEvent::Message(frames) = subscriber.recv().await {
            return frames;
        }
    }
}

#[test]
fn a_subscriber_hears_its_topics_again_after_its_publisher_was_gone() {
    run(async {
        let first = publisher(ANY);
        let address = first.local_addr().to_string();
        let topics = frames(&["JOB.A", "STARTED."]);
        let options = DealerOptions { reconnect_min: Duration::from_millis(5), ..DealerOptions::default() };
        let mut subscriber = Subscriber::connect(address.clone(), topics, options);
        subscribed(&first).await;
        drop(first);
        while !matches!(subscriber.recv().await, DealerEvent::Disconnected(_)) {}

        let second = publisher(&address);
        subscribed(&second).await;
        tell(&second, "JOB.B", "no");
        tell(&second, "JOB.AB", "yes");
        tell(&second, "STARTED.X", "yes, too");
        second.flush();
        assert_eq!(heard(&mut subscriber).await, frames(&["JOB.AB", "yes"]));
        assert_eq!(heard(&mut subscriber).await, frames(&["STARTED.X", "yes, too"]));
    });
}

#[test]
fn subscribers_get_their_topics_and_no_others() {
    run(async {
        let publisher = publisher(ANY);
        let mut socket = Mute::subscribe(publisher.local_addr(), b"JOB.A").await;
        subscribed(&publisher).await;
        tell(&publisher, "JOB.B", "no");
        tell(&publisher, "JOB.A", "yes");
        publisher.flush();
        assert_eq!(socket.next_message().await, frames(&["JOB.A", "yes"]));
    });
}

impl Mute {
    async fn subscribe(address: SocketAddr, topic: &[u8]) -> Self {
        let config = zmtp::Config {
            socket_type: SocketType::Sub,
            identity: Bytes::new(),
            properties: Vec::new(),
            limits: Limits::default(),
        };
        let stream = TcpStream::connect(address).await.expect("the publisher listens");
        let mut peer = Self { stream, engine: Engine::new(&config), buffer: BytesMut::new() };
        while !peer.engine.is_ready() {
            peer.write().await;
            peer.stream.read_buf(&mut peer.buffer).await.expect("the publisher greets");
            peer.engine.receive(&mut peer.buffer).expect("ZMTP");
        }
        peer.engine.subscribe(topic);
        peer.write().await;
        peer
    }

    async fn next_message(&mut self) -> Vec<Bytes> {
        loop {
            if let Some(Event::Message(frames)) = self.engine.receive(&mut self.buffer).expect("ZMTP") {
                return frames;
            }
            self.stream.read_buf(&mut self.buffer).await.expect("the publisher writes");
        }
    }
}
