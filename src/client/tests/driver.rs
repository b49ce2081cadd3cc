//! The driver, against brokers of ours and of others that do what a test wants.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::client::{Answer, Builder, CallError, Client, WhenFull};
use crate::job::PeerId;
use crate::message::{Dialect, View};
use crate::transport::{ListenerOptions, Router, RouterEvent};
use crate::zmtp::Limits;

fn play(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bounded = async { timeout(Duration::from_secs(20), test).await };
    LocalSet::new().block_on(&runtime, bounded).expect("done in time");
}

/// A broker that says nothing by itself.
struct Broker(Router);

impl Broker {
    fn ours() -> Self {
        Self::with(vec![("X-Zmws", Bytes::from_static(b"1"))])
    }

    fn foreign() -> Self {
        Self::with(Vec::new())
    }

    fn with(properties: Vec<(&'static str, Bytes)>) -> Self {
        Self::listen(ListenerOptions { properties, ..ListenerOptions::default() })
    }

    fn listen(options: ListenerOptions) -> Self {
        Self(Router::bind(SocketAddr::from(([127, 0, 0, 1], 0)), options).expect("a free port"))
    }

    fn client(&self) -> Builder {
        Client::builder().servers([self.0.local_addr().to_string()]).seed(7)
    }

    /// The next request: who sent it, and its frames.
    async fn asked(&self) -> Asked<'_> {
        loop {
            if let RouterEvent::Message { peer, frames, .. } = self.0.recv().await {
                return Asked { broker: self, peer, frames };
            }
        }
    }
}

/// A request that a broker has to answer.
struct Asked<'a> {
    broker: &'a Broker,
    peer: PeerId,
    frames: Vec<Bytes>,
}

impl Asked<'_> {
    fn job(&self) -> String {
        String::from_utf8_lossy(self.frames.last().expect("a frame")).into_owned()
    }

    /// Answers with the envelope that the request came with.
    fn answer(&self, frames: &[&str]) {
        let end = self.frames.iter().position(Bytes::is_empty).expect("a delimiter");
        self.send(&self.frames[..end], frames);
    }

    fn send(&self, envelope: &[Bytes], frames: &[&str]) {
        let frames = frames.iter().map(|frame| Bytes::copy_from_slice(frame.as_bytes()));
        let frames: Vec<Bytes> = envelope.iter().cloned().chain([Bytes::new()]).chain(frames).collect();
        self.broker.0.send(self.peer, &frames).expect("it is there");
        self.broker.0.flush();
    }

    fn complete(&self, value: &str) {
        let service = self.job().replace("SYNC-", "");
        self.answer(&["MDPC02", "3", &service, &format!("COMPLETE: {service} [00C0-FFEE]"), value]);
    }
}

/// Compiles if the futures may move between threads, as they must on a runtime that has several.
#[test]
fn futures_are_send() {
    fn is_send(_: impl Send) {}
    fn all(client: &Client) {
        is_send(client.call("A", ()));
        is_send(client.submit("A", ()));
        is_send(client.stream("A", ()));
        is_send(client.list(View::Jobs));
        is_send(client.connected());
    }
    let _never_called: fn(&Client) = all;
}

#[test]
fn requests_share_a_connection_and_are_answered_in_any_order() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect();
        let calls = ["A", "A", "B"].map(|service| {
            let client = client.clone();
            spawn_local(async move { client.call(service, json!({"s": service})).await })
        });
        let mut asked = Vec::new();
        for _ in 0..3 {
            asked.push(broker.asked().await);
        }
        for (number, request) in asked.iter().enumerate().rev() {
            request.complete(&format!("PARAM-JSON: {number}"));
        }
        for (number, call) in calls.into_iter().enumerate() {
            let reply = call.await.expect("it ends").expect("it is done");
            assert_eq!(reply.json(), Some(json!(number)));
        }
        assert_eq!(broker.0.connections(), 1);
    });
}

#[test]
fn frames_are_those_of_zmws_2_behind_a_tag() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect();
        let call = client.call("A", json!({"a": "/"}));
        let broker_side = async {
            let asked = broker.asked().await;
            let shown: Vec<_> =
                asked.frames[1..].iter().map(|frame| String::from_utf8_lossy(frame).into_owned()).collect();
            assert_eq!(shown, ["", "MDPC02", "1", r#"PARAM-JSON: {"a":"\/"}"#, "SYNC-A"]);
            assert_eq!(asked.frames[0].len(), 16);
            asked.complete("");
        };
        let (reply, ()) = tokio::join!(call, broker_side);
        assert!(reply.expect("it is done").body.is_empty());
    });
}

#[test]
fn reply_without_a_tag_or_with_another_is_nobodys() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect();
        let broker_side = async {
            let asked = broker.asked().await;
            let wrong = ["MDPC02", "3", "A", "COMPLETE: A [0000-0001]", "PARAM-JSON: \"wrong\""];
            asked.send(&[], &wrong);
            asked.send(&[Bytes::from_static(b"another tag of 16")], &wrong);
            asked.complete("PARAM-JSON: \"right\"");
        };
        let (reply, ()) = tokio::join!(client.call("A", ()), broker_side);
        assert_eq!(reply.expect("it is done").json(), Some(json!("right")));
    });
}

#[test]
fn what_was_sent_on_a_lost_connection_is_sent_again_only_if_it_may_be() {
    play(async {
        let broker = Broker::ours();
        let address = broker.0.local_addr().to_string();
        let other = Broker::ours();
        let servers = [address, other.0.local_addr().to_string()];
        let client = Client::builder().servers(servers).connect();
        let once = spawn_local({
            let client = client.clone();
            async move { client.call("ONCE", ()).await }
        });
        assert_eq!(broker.asked().await.job(), "SYNC-ONCE");
        let again = spawn_local({
            let client = client.repeatable();
            async move { client.call("AGAIN", ()).await }
        });
        assert_eq!(broker.asked().await.job(), "SYNC-AGAIN");
        drop(broker);
        let repeated = other.asked().await;
        assert_eq!(repeated.job(), "SYNC-AGAIN");
        repeated.complete("");
        assert!(again.await.expect("it ends").is_ok());
        assert!(matches!(once.await.expect("it ends"), Err(CallError::Lost)));
    });
}

#[test]
fn what_had_not_begun_to_leave_is_sent_again_and_what_was_cut_is_told_so() {
    play(async {
        let limits = Limits { frame_max: 1 << 20, ..Limits::default() };
        let broker = Broker::listen(ListenerOptions {
            properties: vec![("X-Zmws", Bytes::from_static(b"1"))],
            limits,
            ..ListenerOptions::default()
        });
        let client = broker.client().connect();
        client.connected().await.expect("it is there");
        let large = Bytes::from(vec![b'x'; 32 << 20]);
        let broker_side = async { broker.asked().await.complete("PARAM-JSON: 1") };
        let (large, small, ()) =
            tokio::join!(client.call("LARGE", large), client.call("SMALL", ()), broker_side);
        let error = large.expect_err("the broker does not take it");
        assert!(matches!(error, CallError::Interrupted) && error.is_unsent(), "{error:?}");
        assert_eq!(small.expect("it was sent again").json(), Some(json!(1)));
    });
}

#[test]
fn what_is_too_large_is_not_sent() {
    play(async {
        let told = Bytes::from_static(b"1000");
        let broker = Broker::with(vec![("X-Zmws", Bytes::from_static(b"1")), ("X-Zmws-Frame-Max", told)]);
        let client = broker.client().connect();
        let error = client.call("A", Bytes::from(vec![b'x'; 1_001])).await.expect_err("too large");
        assert!(matches!(error, CallError::TooLarge { size: 1_001, max: 1_000 }), "{error:?}");
        let fits = client.call("A", Bytes::from(vec![b'x'; 1_000]));
        let (reply, ()) = tokio::join!(fits, async { broker.asked().await.complete("") });
        assert!(reply.is_ok());
    });
}

#[test]
fn result_that_is_too_large_ends_its_own_call() {
    play(async {
        for broker in [Broker::ours(), Broker::foreign()] {
            let client = broker.client().dialect(Dialect::Zmws2).result_max(1_000).connect();
            let large = "x".repeat(1_001);
            let (reply, ()) =
                tokio::join!(client.call("A", ()), async { broker.asked().await.complete(&large) });
            assert!(
                matches!(reply, Err(CallError::ResultTooLarge { size, max: 1_000 }) if size > 1_000),
                "{reply:?}"
            );
            let (reply, ()) = tokio::join!(client.call("A", ()), async { broker.asked().await.complete("") });
            assert!(reply.is_ok());
        }
    });
}

#[test]
fn requests_go_where_the_fewest_are() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connections(2).connect();
        while client.shared.links.iter().any(|link| !*link.connected.borrow()) {
            tokio::task::yield_now().await;
        }
        let calls = [1, 2, 3, 4].map(|_| {
            let client = client.clone();
            spawn_local(async move { client.call("A", ()).await })
        });
        let mut asked = Vec::new();
        for _ in 0..4 {
            asked.push(broker.asked().await);
        }
        let of_first = asked.iter().filter(|request| request.peer == asked[0].peer).count();
        assert_eq!((of_first, broker.0.connections()), (2, 2));
        asked.iter().for_each(|request| request.complete(""));
        for call in calls {
            assert!(call.await.expect("it ends").is_ok());
        }
    });
}

#[test]
fn next_server_is_tried_when_one_is_not_there() {
    play(async {
        let gone = Broker::ours().0.local_addr();
        let broker = Broker::ours();
        let servers = [gone.to_string(), broker.0.local_addr().to_string()];
        let client = Client::builder().servers(servers).connect();
        let (reply, ()) = tokio::join!(client.call("A", ()), async { broker.asked().await.complete("") });
        assert!(reply.is_ok());
        assert!(client.is_connected());
    });
}

#[test]
fn a_server_that_is_away_is_passed_over() {
    play(async {
        let (first, second) = (Broker::ours(), Broker::ours());
        let servers = [first.0.local_addr().to_string(), second.0.local_addr().to_string()];
        let client = Client::builder().servers(servers).spread().connect();
        while !client.shared.links.iter().all(|link| *link.connected.borrow()) {
            tokio::task::yield_now().await;
        }
        drop(second);
        while client.shared.links.iter().all(|link| *link.connected.borrow()) {
            tokio::task::yield_now().await;
        }
        for _ in 0..4 {
            let (reply, ()) = tokio::join!(client.call("A", ()), async { first.asked().await.complete("") });
            assert!(reply.is_ok());
        }
    });
}

#[test]
fn requests_take_turns_among_servers() {
    play(async {
        let (first, second) = (Broker::ours(), Broker::ours());
        let servers = [first.0.local_addr().to_string(), second.0.local_addr().to_string()];
        let client = Client::builder().servers(servers).spread().connect();
        while !client.shared.links.iter().all(|link| *link.connected.borrow()) {
            tokio::task::yield_now().await;
        }
        for broker in [&first, &second, &first, &second] {
            let (reply, ()) = tokio::join!(client.call("A", ()), async { broker.asked().await.complete("") });
            assert!(reply.is_ok());
        }
    });
}

#[test]
fn no_broker_is_unavailable_after_the_wait() {
    play(async {
        let gone = Broker::ours().0.local_addr();
        let client =
            Client::builder().servers([gone.to_string()]).connect_wait(Duration::from_millis(50)).connect();
        let error = client.call("A", ()).await.expect_err("nobody is there");
        assert!(matches!(error, CallError::Unavailable) && error.is_unsent(), "{error:?}");
    });
}

#[test]
fn dropped_call_makes_room_and_its_late_reply_reaches_nobody() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().in_flight_max(1).when_full(WhenFull::Refuse).connect();
        let given_up = spawn_local({
            let client = client.clone();
            async move { client.call("A", ()).await }
        });
        let first = broker.asked().await;
        assert!(matches!(client.call("A", ()).await, Err(CallError::Busy)));
        given_up.abort();
        assert!(given_up.await.expect_err("aborted").is_cancelled());
        let broker_side = async {
            let second = broker.asked().await;
            first.complete("PARAM-JSON: \"late\"");
            second.complete("PARAM-JSON: \"right\"");
        };
        let (reply, ()) = tokio::join!(client.call("A", ()), broker_side);
        assert_eq!(reply.expect("it is done").json(), Some(json!("right")));
    });
}

#[test]
fn call_in_time_or_not_at_all() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect().timeout(Duration::from_millis(50));
        let (late, asked) = tokio::join!(client.call("A", ()), broker.asked());
        assert!(matches!(late, Err(CallError::Timeout { job: None })));
        asked.complete("");
    });
}

#[test]
fn parts_come_in_order_and_a_reader_who_sleeps_is_cut_off() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect();
        let part = |asked: &Asked<'_>, number: usize| {
            asked.answer(&["CONT: A [00C0-FFEE]", &format!("PARAM-JSON: {number}")]);
        };
        let mut answers = client.stream("A", ()).await.expect("it is sent");
        let asked = broker.asked().await;
        (0..3).for_each(|number| part(&asked, number));
        asked.complete("PARAM-JSON: \"end\"");
        for number in 0..3 {
            let Some(Ok(Answer::Part(reply))) = answers.next().await else { panic!("a part") };
            assert_eq!(reply.json(), Some(json!(number)));
        }
        assert!(matches!(answers.next().await, Some(Ok(Answer::Result(_)))));
        assert!(answers.next().await.is_none());

        let mut sleeper = client.stream("A", ()).await.expect("it is sent");
        let asked = broker.asked().await;
        (0..1_100).for_each(|number| part(&asked, number));
        // A call that is answered behind all these parts: they have arrived when it returns.
        let (reply, ()) = tokio::join!(client.call("B", ()), async { broker.asked().await.complete("") });
        assert!(reply.is_ok());
        let mut parts = 0;
        let last = loop {
            match sleeper.next().await.expect("an end") {
                Ok(_) => parts += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(parts, 1_024);
        assert!(matches!(last, CallError::Overrun), "{last:?}");
    });
}

#[test]
fn failures_are_told_apart() {
    play(async {
        let broker = Broker::ours();
        let client = broker.client().connect();
        let answer = |frames: &'static [&'static str]| async { broker.asked().await.answer(frames) };
        let failed = answer(&["MDPC02", "3", "A", "FAIL: A [00C0-FFEE]", ""]);
        let (reply, ()) = tokio::join!(client.call("A", ()), failed);
        assert!(matches!(reply, Err(CallError::Failed { .. })), "{reply:?}");
        let refused = answer(&["MDPC02", "3", "A", "FAIL: A"]);
        let (reply, ()) = tokio::join!(client.call("A", ()), refused);
        assert!(matches!(&reply, Err(CallError::Refused { service, .. }) if service == "A"), "{reply:?}");
        let full = answer(&["MDPC02", "3", "A", "FAIL: A", "PARAM-JSON: \"it is full\""]);
        let (reply, ()) = tokio::join!(client.call("A", ()), full);
        assert!(matches!(&reply, Err(CallError::Refused { body, .. }) if !body.is_empty()), "{reply:?}");
        let strange = answer(&["MDPC02", "3", "A", "JOB: 00C0-FFEE A"]);
        let (reply, ()) = tokio::join!(client.call("A", ()), strange);
        assert!(matches!(reply, Err(CallError::Garbled)), "{reply:?}");
    });
}

#[test]
fn foreign_broker_gets_a_connection_for_each_request_in_flight() {
    play(async {
        let broker = Broker::foreign();
        let client = broker.client().dialect(Dialect::Zmws1).pool_max(2).connect();
        let calls = [1, 2, 3].map(|number| {
            let client = client.clone();
            spawn_local(async move { client.call("A", json!({"n": number})).await })
        });
        let (first, second) = (broker.asked().await, broker.asked().await);
        assert_ne!(first.peer, second.peer);
        assert_eq!(first.job(), "JOB: SYNC-A");
        let done = |asked: &Asked<'_>| {
            let param = String::from_utf8_lossy(&asked.frames[1]).into_owned();
            asked.answer(&["COMPLETE: A [00C0-FFEE]", &param]);
        };
        done(&second);
        let third = broker.asked().await;
        assert_eq!(third.peer, second.peer);
        done(&third);
        done(&first);
        for (number, call) in (1..).zip(calls) {
            let reply = call.await.expect("it ends").expect("it is done");
            assert_eq!(reply.json(), Some(json!({"n": number})));
        }
    });
}

#[test]
fn majordomo_has_no_word_for_the_background() {
    play(async {
        let broker = Broker::foreign();
        let client = broker.client().dialect(Dialect::Mdp01).connect();
        assert!(matches!(client.submit("A", ()).await, Err(CallError::Unsupported)));
        let broker_side = async {
            let asked = broker.asked().await;
            asked.answer(&["MDPC01", "A", "PARAM-JSON: 1"]);
        };
        let (reply, ()) = tokio::join!(client.call("A", json!(0)), broker_side);
        let reply = reply.expect("it is done");
        assert_eq!((reply.job, reply.json()), (None, Some(json!(1))));
    });
}
