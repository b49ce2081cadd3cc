//! Our SUB against libzmq's PUB and XPUB.

use bytes::Bytes;
use tokio::time::timeout;
use zmws::transport::{DealerEvent, DealerOptions, Subscriber};

use crate::support::PATIENCE;
use crate::support::peers::Peer;
use crate::support::script::{self, Script};

const TOPICS: [&str; 2] = ["JOB.A", "STARTED."];

#[tokio::test]
async fn a_pub_of_libzmq_sends_our_topics_and_no_others() {
    let Some((_script, mut subscriber)) = subscribed("pub", "--ping=0") else { return };
    let mut missing = TOPICS.to_vec();
    while !missing.is_empty() {
        let frames = next(&mut subscriber).await;
        missing.retain(|topic| !is_wanted(&frames, topic));
    }
}

#[tokio::test]
async fn an_xpub_of_libzmq_sees_each_subscription_and_is_answered_when_it_pings() {
    let Some((script, mut subscriber)) = subscribed("xpub", "--ping=100") else { return };
    for topic in TOPICS {
        let frames = next(&mut subscriber).await;
        assert!(is_wanted(&frames, topic), "{frames:?}");
        let told = script::frames(&script.wait_for("subscription"));
        assert_eq!(told, [[b"\x01", topic.as_bytes()].concat()]);
    }
    // It hangs up after 200 ms without a PONG.
    let quiet = timeout(std::time::Duration::from_secs(1), subscriber.recv()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

/// Starts a publisher and subscribes to it; `None` if libzmq is not here.
fn subscribed(socket: &str, ping: &str) -> Option<(Script, Subscriber)> {
    let found = Peer::Python.or_leave_out()?;
    let flags = [format!("--socket={socket}"), format!("--topics={}", TOPICS.join(",")), ping.to_owned()];
    let script = Script::start(Peer::Python, &found, "publish", 0, &flags);
    let port = script.wait_for("bound")["port"].as_u64().expect("a port is a number");
    let topics = TOPICS.map(|topic| Bytes::from_static(topic.as_bytes())).to_vec();
    let subscriber = Subscriber::connect(format!("127.0.0.1:{port}"), topics, DealerOptions::default());
    Some((script, subscriber))
}

/// The next message.
async fn next(subscriber: &mut Subscriber) -> Vec<Bytes> {
    let message = async {
        loop {
            if let DealerEvent::Message(frames) = subscriber.recv().await {
                return frames;
            }
        }
    };
    timeout(PATIENCE, message).await.expect("it publishes, and soon")
}

/// Whether a message is what was published to a topic; none may come that is to no topic.
fn is_wanted(frames: &[Bytes], topic: &str) -> bool {
    assert_eq!(frames[1..], [Bytes::from_static(b"wanted")], "{frames:?}");
    frames[0] == format!("{topic}-and-more")
}
