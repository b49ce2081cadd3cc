//! What the news port tells of jobs before they end, and whom.

use super::*;
use crate::support::{PATIENCE, frames::Kind, poll};

fn subscriber(broker: &Broker, topic: &str) -> RawPeer {
    let mut peer = RawPeer::connect(broker.news, "SUB", b"");
    peer.send(&[[b"\x01", topic.as_bytes()].concat()]);
    peer
}

#[test]
fn stages_of_a_job_are_told_to_those_who_ask_for_them_and_to_nobody_else() {
    let broker = patient_broker(&[]);
    let mut worker = Worker::ready(&broker, "S").greeted();
    let mut ends = subscriber(&broker, "JOB.");
    let mut stages = subscriber(&broker, "ACCEPTED.S");
    stages.send(&[b"\x01STARTED."]);
    let mut client = Client::new(&broker);
    let mut one = || {
        let id = client.leave("S");
        let job = worker.job();
        worker.answer(&job, Kind::Complete);
        id
    };
    // Subscriptions take their own way to the broker, so jobs are asked until both have arrived.
    poll("both are told of something", PATIENCE, || {
        one();
        (ends.has_input() && stages.has_input()).then_some(())
    });
    let last = one();
    let (mut told, mut ended) = (Vec::new(), Vec::new());
    while told.last() != Some(&("STARTED.S".to_owned(), last.clone())) {
        told.push(read(&mut stages));
    }
    while ended.last() != Some(&("JOB.S".to_owned(), last.clone())) {
        ended.push(read(&mut ends));
    }
    assert_eq!(told[told.len() - 2], ("ACCEPTED.S".to_owned(), last));
    assert!(ended.iter().all(|(topic, _)| topic == "JOB.S"), "{ended:?}");
}

/// Topic and job.
fn read(subscriber: &mut RawPeer) -> (String, String) {
    let message = subscriber.receive(PATIENCE).expect("news");
    let [topic, story] = message.as_slice() else { panic!("{message:?}") };
    let story: Value = serde_json::from_slice(story).expect("JSON");
    assert_eq!(story["service"], "S", "{story}");
    assert!(story["at"].is_f64() || topic.starts_with(b"JOB."), "{story}");
    let id = story["id"].as_str().expect("an id").to_owned();
    (String::from_utf8(topic.clone()).expect("text"), id)
}
