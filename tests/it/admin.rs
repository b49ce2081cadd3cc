//! The admin port of the real broker: figures to the number, operations as peers feel them, and the rules of HTTP.

mod figures;
mod http_rules;
mod news;
mod operations;
mod socket;

use serde_json::Value;
use zmws::message::Dialect::Zmws2;

use crate::support::PATIENCE;
use crate::support::broker::Broker;
use crate::support::frames::{self, Job, Kind, Message, Reply};
use crate::support::http;
use crate::support::raw::RawPeer;

/// A broker whose idle workers may be silent for as long as a test takes.
fn patient_broker(flags: &[&str]) -> Broker {
    Broker::start(&[&["--heartbeat-interval=60"], flags].concat())
}

/// What the admin port answers to GET, as JSON.
fn json(broker: &Broker, path: &str) -> Value {
    let answer = http::get(broker.admin, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{path}: {error}: {answer:?}"))
}

/// An operation that must be done: the line it is answered with.
fn tell(broker: &Broker, method: &str, path: &str) -> String {
    let answer = http::tell(broker.admin, method, path);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.body.trim_end().to_owned()
}

/// The same, of one that must be denied.
fn denied(broker: &Broker, method: &str, path: &str) -> (u16, String) {
    let answer = http::tell(broker.admin, method, path);
    (answer.status, answer.body.trim_end().to_owned())
}

/// One service of `/status`.
fn service(broker: &Broker, name: &str) -> Value {
    let status = json(broker, "/status");
    let services = status["services"].as_array().expect("a list");
    services.iter().find(|service| service["service"] == name).cloned().unwrap_or_default()
}

/// A worker by hand: it does what the test says, when it says so.
struct Worker {
    peer: RawPeer,
    service: &'static str,
}

impl Worker {
    /// Offers a service, and is known when this returns.
    fn ready(broker: &Broker, service: &'static str) -> Self {
        let mut worker = Self { peer: RawPeer::dealer(broker.workers), service };
        worker.peer.send(&frames::ready(Zmws2, service));
        worker
    }

    /// Waits for the broker's greeting: it is known, and has no job.
    fn greeted(mut self) -> Self {
        let greeting = self.peer.receive(PATIENCE).expect("a greeting");
        assert_eq!(greeting, frames::heartbeat(Zmws2));
        self
    }

    fn job(&mut self) -> Job {
        loop {
            let message = self.peer.receive(PATIENCE).expect("the broker is there");
            if let Some(job) = frames::read_job(Zmws2, &message) {
                return job;
            }
        }
    }

    fn answer(&mut self, job: &Job, kind: Kind) {
        let value = if kind == Kind::Complete { vec![b"PARAM-JSON: 1".to_vec()] } else { Message::new() };
        self.peer.send(&frames::answer(Zmws2, self.service, job, kind, value).expect("zmws has a word"));
    }

    /// The id of the job that it has.
    fn id(job: &Job) -> String {
        String::from_utf8(job.token.clone()).expect("an id is text")
    }
}

/// A client by hand.
struct Client(RawPeer);

impl Client {
    fn new(broker: &Broker) -> Self {
        Self(RawPeer::dealer(broker.clients))
    }

    /// Asks for a job whose result it waits for.
    fn ask(&mut self, service: &str) {
        self.0.send(&frames::request(Zmws2, service, Some(b"PARAM-JSON: 1")));
    }

    /// Asks for a job in the background: its id.
    fn leave(&mut self, service: &str) -> String {
        self.0.send(&[b"MDPC02".as_slice(), b"1", b"PARAM-JSON: 1", service.as_bytes()]);
        let reply = self.reply();
        assert_eq!(reply.kind, Kind::Accepted, "{reply:?}");
        reply.id.expect("an accepted job has an id")
    }

    fn reply(&mut self) -> Reply {
        frames::read_reply(Zmws2, &self.0.receive(PATIENCE).expect("a reply"))
    }
}
