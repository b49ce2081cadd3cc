//! The loop itself; what the broker decides is tested there, what peers see in `tests/`.

use std::time::Duration;

use bytes::Bytes;
use tokio::task::LocalSet;

use super::*;
use crate::broker;
use crate::transport::{Dealer, DealerEvent, DealerOptions};

fn frames(text: &[&'static str]) -> Vec<Bytes> {
    text.iter().map(|frame| Bytes::from_static(frame.as_bytes())).collect()
}

async fn next_message(dealer: &mut Dealer) -> Vec<Bytes> {
    loop {
        if let DealerEvent::Message(frames) = dealer.recv().await {
            return frames;
        }
    }
}

/// Ports of the system's choice, and an interval of 50 ms.
fn quick() -> Config {
    Config {
        client_port: 0,
        worker_port: 0,
        news_port: 0,
        admin: None,
        broker: broker::Config { heartbeat_ms: 50, ..broker::Config::default() },
        ..Config::default()
    }
}

#[test]
fn timers_ring_though_there_is_always_something_to_read() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let test = async {
        let server = Server::bind(quick()).expect("the loopback has free ports");
        let at = server.addresses();
        let (stopper, stopped) = stopper();
        let server = tokio::task::spawn_local(server.run(stopped));

        // Says READY, is told that it was heard, and says nothing more.
        let mut silent = Dealer::connect(at.workers.to_string(), DealerOptions::default());
        silent.sender().send(frames(&["SILENT", "READY"])).await.expect("the dealer lives");
        assert_eq!(next_message(&mut silent).await, frames(&["HEARTBEAT"]));

        // A thread of its own, so that it can always be ahead of the server.
        let flood = std::thread::spawn(move || flood_until_no_worker_is_left(&at.clients.to_string()));
        tokio::task::spawn_blocking(move || flood.join()).await.expect("a thread").expect("no panic");

        stopper.stop();
        let nothing = Unfinished { queued: 0, active: Vec::new(), kept: 0 };
        assert_eq!(server.await.expect("no panic"), nothing);
    };
    let limited = async { tokio::time::timeout(Duration::from_secs(20), test).await.expect("in time") };
    LocalSet::new().block_on(&runtime, limited);
}

/// Asks for the list of workers, a thousand requests ahead of the answers, until it is empty.
fn flood_until_no_worker_is_left(clients: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = Dealer::connect(clients, DealerOptions::default());
        let ask = || frames(&["", "SERVER-WORKERS"]);
        for _ in 0..1_000 {
            client.sender().send(ask()).await.expect("the dealer lives");
        }
        while next_message(&mut client).await != frames(&["", "[]"]) {
            client.sender().try_send(ask()).expect("no more is sent than was answered");
        }
    });
}
