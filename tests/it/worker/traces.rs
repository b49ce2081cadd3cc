//! What upstream's worker said when it was recorded, and what our session says in its place.
//!
//! The recorded broker speaks at its recorded times, in virtual time; nothing waits.

use std::fs;

use bytes::Bytes;
use insta::assert_snapshot;
use serde_json::Value;
use zmws::job::{Body, ServiceName, Timestamp};
use zmws::message::{Dialect, Outcome};
use zmws::params::{json, tag};
use zmws::wire;
use zmws::worker::session::{Action, Config, Event, Order, Session};

/// One event of a trace that concerns the worker's port.
struct Recorded {
    at: Timestamp,
    /// Which broker of the worker's list.
    server: usize,
    what: What,
}

enum What {
    Handshake,
    Close,
    FromBroker(Vec<Bytes>),
    FromWorker(Vec<Bytes>),
}

fn recorded(trace: &str) -> Vec<Recorded> {
    let path = format!("{}/fixtures/recorded/{trace}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .skip(1)
        .filter_map(|line| read(&serde_json::from_str(line).expect("a trace is JSON")))
        .collect()
}

fn read(line: &Value) -> Option<Recorded> {
    if line["port"] != "backend" {
        return None;
    }
    let frames = || {
        let frames = line["frames"].as_array().into_iter().flatten();
        frames.map(|frame| latin1(frame.as_str().expect("a frame is text"))).collect()
    };
    let what = match (line["event"].as_str(), line["to"].as_str()) {
        (Some("handshake"), _) => What::Handshake,
        (Some("close"), _) => What::Close,
        (_, Some("peer")) => What::FromBroker(frames()),
        (_, Some("broker")) => What::FromWorker(frames()),
        _ => return None,
    };
    let seconds = line["t"].as_f64().expect("an event has a time");
    let at = Timestamp((seconds * 1e6) as u64);
    Some(Recorded { at, server: usize::from(line["peer"] == "w1@B"), what })
}

fn latin1(text: &str) -> Bytes {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("a byte")).collect()
}

/// Our session in the place of the recorded worker.
struct Replay {
    session: Session,
    dialect: Dialect,
    server: usize,
    identities: Vec<Bytes>,
    said: Vec<(Timestamp, Vec<Bytes>)>,
    idled: usize,
}

impl Replay {
    fn new(dialect: Dialect, begin: Timestamp) -> Self {
        let service = ServiceName::new("DEMO").expect("a name");
        let config = Config { heartbeat_us: 1_000_000, ..Config::new(service, 2, 1) };
        let mut actions = Vec::new();
        let session = Session::new(config, begin, &mut actions);
        let mut replay =
            Self { session, dialect, server: 0, identities: Vec::new(), said: Vec::new(), idled: 0 };
        replay.carry_out(begin, actions);
        replay
    }

    fn tell(&mut self, now: Timestamp, event: Event) {
        let mut actions = Vec::new();
        self.session.handle(now, event, &mut actions);
        self.carry_out(now, actions);
    }

    fn carry_out(&mut self, now: Timestamp, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Connect { server, identity } => {
                    self.server = server;
                    self.identities.push(identity);
                }
                Action::Send(command) => {
                    let frames = wire::encode_worker_command(self.dialect, &command);
                    self.said.push((now, frames.expect("zmws has a word for it")));
                }
                Action::Start(order) => self.tell(now, work(&order)),
                Action::Idle => self.idled += 1,
                Action::Abandon | Action::Close => panic!("no trace has a reason for {action:?}"),
            }
        }
    }

    /// Lets the time go by, up to a recorded event.
    fn wait_until(&mut self, at: Timestamp) {
        while let Some(deadline) = self.session.deadline().filter(|&deadline| deadline < at) {
            self.tell(deadline, Event::Tick);
        }
    }

    /// The recorded broker's doing. What concerns the other server is not for us.
    fn take(&mut self, event: &Recorded) {
        self.wait_until(event.at);
        if event.server != self.server {
            return;
        }
        match &event.what {
            What::Handshake => self.tell(event.at, Event::Connected(self.dialect)),
            What::Close => self.tell(event.at, Event::Disconnected),
            What::FromBroker(frames) => {
                let order = wire::decode_worker_order(self.dialect, frames.clone());
                self.tell(event.at, order.map_or(Event::Unreadable, Event::Order));
            }
            What::FromWorker(_) => {}
        }
    }
}

/// The recorded DEMO worker's work: it tells what its parameter is.
fn work(order: &Order) -> Event {
    let (tag, payload) = tag::split(order.body.first(), tag::BareParam::default());
    let param = match tag {
        tag::Tag::Json => json::decode(&payload).expect("the traces' parameters are JSON"),
        tag::Tag::Php | tag::Tag::None => Value::Object(serde_json::Map::new()),
    };
    let value = Value::from(format!("object {param}"));
    Event::Finished { outcome: Outcome::Complete, body: Body::One(tag::json_frame(&value)) }
}

fn replay(trace: &str, dialect: Dialect) -> (Vec<Recorded>, Replay) {
    let events = recorded(trace);
    let mut replay = Replay::new(dialect, Timestamp(0));
    for event in &events {
        replay.take(event);
    }
    (events, replay)
}

/// Ours, of the same frames, each as soon as the recorded one or up to a tenth of a second before.
fn assert_same_sayings(trace: &str, events: &[Recorded], replay: &Replay) {
    let recorded = events.iter().filter_map(|event| match &event.what {
        What::FromWorker(frames) => Some((event.at, frames)),
        What::Handshake | What::Close | What::FromBroker(_) => None,
    });
    let recorded: Vec<_> = recorded.collect();
    let frames = |said: &[(Timestamp, &Vec<Bytes>)]| {
        said.iter().map(|(_, frames)| (*frames).clone()).collect::<Vec<_>>()
    };
    let ours: Vec<_> = replay.said.iter().map(|(at, frames)| (*at, frames)).collect();
    assert_eq!(frames(&ours), frames(&recorded), "{trace}");
    for ((our, frames), (their, _)) in ours.iter().zip(&recorded) {
        let apart = their.0.abs_diff(our.0);
        assert!(apart < 100_000, "{trace}: {frames:?} at {our:?}, recorded at {their:?}");
    }
}

const VERSIONS: [(&str, Dialect); 3] =
    [("1.0.0", Dialect::Zmws1), ("2.0.0-rc4", Dialect::Zmws1), ("master", Dialect::Zmws2)];

#[test]
fn an_idle_worker_says_what_upstreams_said_and_idles_once() {
    for (version, dialect) in VERSIONS {
        let trace = format!("{version}/hb-idle");
        let (events, replay) = replay(&trace, dialect);
        assert_same_sayings(&trace, &events, &replay);
        assert_eq!(replay.idled, 1, "{trace}");
    }
}

#[test]
fn a_worker_follows_its_servers_as_upstreams_did() {
    for (version, dialect) in VERSIONS {
        let trace = format!("{version}/failover");
        let (events, replay) = replay(&trace, dialect);
        assert_same_sayings(&trace, &events, &replay);
        assert_eq!(replay.identities.len(), 3, "{trace}: one identity a server that was tried");
    }
}

/// For each message of the recorded broker: what upstream's worker answered, and ours if it differs.
fn answers(trace: &str, dialect: Dialect) -> String {
    let mut replay = Replay::new(dialect, Timestamp(0));
    let mut lines = Vec::new();
    let events = recorded(trace);
    for (at, event) in events.iter().enumerate() {
        let before = replay.said.len();
        replay.take(event);
        let What::FromBroker(sent) = &event.what else { continue };
        let ours = replay.said[before..].iter().map(|(_, frames)| frames).find(|said| said[0] != "HEARTBEAT");
        let theirs = match events.get(at + 1).map(|next| &next.what) {
            Some(What::FromWorker(frames)) => Some(frames),
            _ => None,
        };
        lines.push(match ours == theirs {
            true => format!("{} -> {}", show(Some(sent)), show(theirs)),
            false => format!("{} -> {}, ours {}", show(Some(sent)), show(theirs), show(ours)),
        });
    }
    lines.join("\n")
}

fn show(frames: Option<&Vec<Bytes>>) -> String {
    let Some(frames) = frames else { return "nothing".to_owned() };
    let show = |frame: &Bytes| frame.escape_ascii().to_string().replace("\\\"", "\"").replace("\\\\", "\\");
    let frames: Vec<_> = frames.iter().map(show).collect();
    match frames.join("|") {
        empty if empty.is_empty() => "(empty)".to_owned(),
        frames => frames,
    }
}

/// Upstream's worker of 1.0 takes anything for a job, and answers under whatever stands in its place
/// (original.md quirk 33). Ours does jobs of its dialect, and says nothing to the rest.
#[test]
fn a_zmws_1_worker_answers_jobs_and_nothing_else() {
    assert_eq!(
        answers("1.0.0/worker-vs-fake-broker", Dialect::Zmws1),
        answers("2.0.0-rc4/worker-vs-fake-broker", Dialect::Zmws1)
    );
    assert_snapshot!(answers("1.0.0/worker-vs-fake-broker", Dialect::Zmws1), @r#"
    CID||PARAM-JSON: {"a":1}|JOB: 0001-0001 -> PARAM-JSON: "object {\"a\":1}"|DEMO|COMPLETE: 0001-0001
    CID|||JOB: 0001-0002 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0002
    CID||JOB: 0001-0003 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0003
    |MDPC02|1|PARAM-JSON: {"a":1}|JOB: 0001-0004 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0004, ours nothing
    |MDPC02|1||JOB: 0001-0005 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0005, ours nothing
    |MDPC02|1|JOB: 0001-0006 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0006, ours nothing
    |MDPC02|\x01|PARAM-JSON: {"a":1}|JOB: 0001-0007 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0007, ours nothing
    |MDPW02|\x02|CID||PARAM-JSON: {"a":1} -> PARAM-JSON: "object {}"|DEMO|COMPLETE: -JSON: {"a":1}, ours nothing
    PARAM-JSON: {"a":1}|JOB: 0001-0008 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0008, ours nothing
    JOB: 0001-0009 -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-0009, ours nothing
    |JOB: 0001-000A -> PARAM-JSON: "object {}"|DEMO|COMPLETE: 0001-000A, ours nothing
    CID||PARAM-JSON: {"a":1}|0001-000B -> PARAM-JSON: "object {\"a\":1}"|DEMO|COMPLETE: 000B, ours nothing
    (empty) -> PARAM-JSON: "object {}"|DEMO|COMPLETE: , ours nothing
    |HEARTBEAT -> nothing
    a|b|HEARTBEAT -> nothing
    garbage -> PARAM-JSON: "object {}"|DEMO|COMPLETE: ge, ours nothing
    "#);
}

/// Upstream's worker of 2.x answers what is no job with a FAIL that no broker understands. Ours says
/// nothing; nor does it take the type byte 1, which no broker sends.
#[test]
fn a_zmws_2_worker_answers_jobs_and_nothing_else() {
    assert_snapshot!(answers("master/worker-vs-fake-broker", Dialect::Zmws2), @r#"
    CID||PARAM-JSON: {"a":1}|JOB: 0001-0001 -> MDPC02|3|JOB: 0001-0001|FAIL: JOB: 0001-0001, ours nothing
    CID|||JOB: 0001-0002 -> MDPC02|3|JOB: 0001-0002|FAIL: JOB: 0001-0002, ours nothing
    CID||JOB: 0001-0003 -> MDPC02|3|JOB: 0001-0003|FAIL: JOB: 0001-0003, ours nothing
    |MDPC02|1|PARAM-JSON: {"a":1}|JOB: 0001-0004 -> MDPC02|3|DEMO|PARAM-JSON: "object {\"a\":1}"|COMPLETE: 0001-0004
    |MDPC02|1||JOB: 0001-0005 -> MDPC02|3|DEMO|PARAM-JSON: "object {}"|COMPLETE: 0001-0005
    |MDPC02|1|JOB: 0001-0006 -> MDPC02|3|DEMO|PARAM-JSON: "object {}"|COMPLETE: 0001-0006
    |MDPC02|\x01|PARAM-JSON: {"a":1}|JOB: 0001-0007 -> MDPC02|3|DEMO|PARAM-JSON: "object {\"a\":1}"|COMPLETE: 0001-0007, ours nothing
    |MDPW02|\x02|CID||PARAM-JSON: {"a":1} -> MDPC02|3|PARAM-JSON: {"a":1}|FAIL: PARAM-JSON: {"a":1}, ours nothing
    PARAM-JSON: {"a":1}|JOB: 0001-0008 -> MDPC02|3|JOB: 0001-0008|FAIL: JOB: 0001-0008, ours nothing
    JOB: 0001-0009 -> MDPC02|3|JOB: 0001-0009|FAIL: JOB: 0001-0009, ours nothing
    |JOB: 0001-000A -> MDPC02|3|JOB: 0001-000A|FAIL: JOB: 0001-000A, ours nothing
    CID||PARAM-JSON: {"a":1}|0001-000B -> MDPC02|3|0001-000B|FAIL: 0001-000B, ours nothing
    (empty) -> MDPC02|3||FAIL: , ours nothing
    |HEARTBEAT -> nothing
    a|b|HEARTBEAT -> nothing
    garbage -> MDPC02|3|garbage|FAIL: garbage, ours nothing
    "#);
}
