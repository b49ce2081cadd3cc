//! Subscribers.

use std::time::Duration;

use super::{ENDLESS, Reads, flood, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group};
use crate::dialect::{self, Dialect};
use crate::zmtp::{Peer, command, message};

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::News, name, about, run)
}

pub(crate) const ATTACKS: &[Attack] = &[
    attack("heavy-topics", "subscribers with 1,024 topics of 64 KB each", heavy_topics),
    attack("cancel-flood", "a subscriber with 1,024 topics that cancels at 16 MB a second", cancel_flood),
    attack("300-subscribers", "300 subscribers with 1,024 topics each", many_subscribers),
    attack("nested-topics", "subscribers whose topics are beginnings of each other", nested_topics),
    attack("same-topic-again", "one topic, subscribed a million times", same_topic_again),
    attack("subscribe-churn", "subscribers that come, subscribe and leave", subscribe_churn),
    attack("subscribe-and-cancel", "a topic subscribed and cancelled, again and again", subscribe_and_cancel),
    attack(
        "deaf-subscribers",
        "subscribers to everything that read nothing, while jobs are done",
        deaf_subscribers,
    ),
    attack("messages-to-news", "messages of megabytes to a port that only speaks", messages_to_news),
    attack("giant-subscription", "subscriptions of 60 MB", giant_subscription),
];

fn subscribe(topic: &[u8]) -> Vec<u8> {
    message(&[[b"\x01", topic].concat()])
}

fn cancel(topic: &[u8]) -> Vec<u8> {
    message(&[[b"\x00", topic].concat()])
}

fn subscribers(ground: &Ground, count: usize) -> Vec<std::net::TcpStream> {
    (0..count).map_while(|_| Some(Peer::subscriber(ground.news).ok()?.stream)).collect()
}

fn heavy_topics(ground: &Ground) -> Findings {
    let topics = (0..1024_u32).flat_map(|number| {
        let mut topic = vec![b't'; 64 << 10];
        topic[..4].copy_from_slice(&number.to_be_bytes());
        subscribe(&topic)
    });
    let topics: Vec<u8> = topics.collect();
    let count = ground.size(8, 20);
    let (_, left) = flood(ground, subscribers(ground, count), &topics, topics.len(), Reads::Yes);
    hold(ground, left);
    nothing()
}

/// Beginnings of news, and many more: `JOB.HONEST` is matched against all of them.
fn thousand_topics() -> Vec<u8> {
    (0..1023)
        .flat_map(|number| subscribe(format!("JOB.H{number}").as_bytes()))
        .chain(subscribe(b"JOB."))
        .collect()
}

fn cancel_flood(ground: &Ground) -> Findings {
    let topics = thousand_topics();
    let left = flood(ground, subscribers(ground, 1), &topics, topics.len(), Reads::Yes).1;
    let cancels: Vec<u8> =
        (0..1000).flat_map(|number| cancel(format!("never-{number}").as_bytes())).collect();
    // Not faster than the trial had it: processors are not what is fought for.
    let mut left = left;
    let per_round = (16 << 20) / 100;
    while !ground.is_over() && !left.is_empty() {
        left = flood(ground, left, &cancels, per_round, Reads::Yes).1;
        std::thread::sleep(Duration::from_millis(10));
    }
    nothing()
}

fn many_subscribers(ground: &Ground) -> Findings {
    let topics = thousand_topics();
    let crowd = subscribers(ground, ground.size(60, 300));
    let (_, left) = flood(ground, crowd, &topics, topics.len(), Reads::Yes);
    hold(ground, left);
    nothing()
}

fn nested_topics(ground: &Ground) -> Findings {
    let long = vec![b'J'; 1024];
    let topics: Vec<u8> = (0..1024).flat_map(|length| subscribe(&long[..length])).collect();
    let crowd = subscribers(ground, ground.size(30, 200));
    let (_, left) = flood(ground, crowd, &topics, topics.len(), Reads::Yes);
    hold(ground, left);
    nothing()
}

fn same_topic_again(ground: &Ground) -> Findings {
    let (_, left) =
        flood(ground, subscribers(ground, 4), subscribe(b"SAME").repeat(10_000), ENDLESS, Reads::Yes);
    hold(ground, left);
    nothing()
}

fn subscribe_churn(ground: &Ground) -> Findings {
    let topics: Vec<u8> = (0..200).flat_map(|number| subscribe(format!("JOB.{number}").as_bytes())).collect();
    while !ground.is_over() {
        let Ok(mut peer) = Peer::subscriber(ground.news) else { break };
        let _ = peer.write(&topics);
    }
    nothing()
}

fn subscribe_and_cancel(ground: &Ground) -> Findings {
    let both = [subscribe(b"JOB.HONEST"), cancel(b"JOB.HONEST")].concat();
    let as_commands = [command(b"SUBSCRIBE", b"JOB.H"), command(b"CANCEL", b"JOB.H")].concat();
    let bytes = [both, as_commands].concat().repeat(2000);
    let (_, left) = flood(ground, subscribers(ground, 10), bytes, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

/// Refusals make no news; jobs of a service of ours do.
fn deaf_subscribers(ground: &Ground) -> Findings {
    let (all, count) = ([subscribe(b""), subscribe(b"JOB.")].concat(), ground.size(50, 300));
    let (_, deaf) = flood(ground, subscribers(ground, count), &all, all.len(), Reads::No);
    let Some(mut worker) = super::stuck_worker(ground, &"N".repeat(200)) else { return nothing() };
    let Ok(mut client) = Peer::dealer(ground.clients) else { return nothing() };
    let job = message(&dialect::background(&"N".repeat(200), b"PARAM-JSON: {}"));
    while !ground.is_over() {
        let _ = client.write(&job);
        let _ = client.discard();
        let Ok(frames) = worker.receive(Duration::from_millis(500)) else { continue };
        if let Some(job) = dialect::job(Dialect::Zmws2, &frames) {
            let _ = worker.send(&dialect::complete(Dialect::Zmws2, &"N".repeat(200), &job.token, b""));
        }
    }
    drop(deaf);
    nothing()
}

fn messages_to_news(ground: &Ground) -> Findings {
    let bytes = message(&[vec![b'x'; 1 << 20], vec![b'y'; 1 << 20]]);
    let (_, left) = flood(ground, subscribers(ground, 4), bytes, ENDLESS, Reads::Yes);
    drop(left);
    nothing()
}

fn giant_subscription(ground: &Ground) -> Findings {
    let bytes = [subscribe(&vec![b't'; 60 << 20]), command(b"SUBSCRIBE", &vec![b't'; 60 << 20])].concat();
    let most = bytes.len() * ground.size(4, 15);
    let (_, left) = flood(ground, subscribers(ground, 2), bytes, most, Reads::Yes);
    hold(ground, left);
    nothing()
}
