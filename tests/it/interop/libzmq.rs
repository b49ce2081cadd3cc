//! The cells with libzmq: PHP as the original's users have it, Python for strict Majordomo.

use serde_json::Value;
use zmws::message::Dialect;

use super::cases::{Case, SERVICE, check};
use super::is_majordomo;
use crate::support::broker::Broker;
use crate::support::frames::Message;
use crate::support::peers::{Found, Peer};
use crate::support::script::{self, Script};

/// A client of one dialect, on a REQ and on a DEALER, asks a worker of another.
pub(crate) fn cell(client: Dialect, worker: Dialect) {
    let (Some(client_found), Some(worker_found)) = (peer(client).or_leave_out(), peer(worker).or_leave_out())
    else {
        return;
    };
    let broker = Broker::start(&[]);
    let flags = [format!("--dialect={}", script::flag(worker)), format!("--service={SERVICE}")];
    let worker_script = Script::start(peer(worker), &worker_found, "worker", broker.workers, &flags);
    worker_script.wait_for("ready");
    broker.wait_for_workers(SERVICE, 1);

    let dealer = ask(&broker, client, &client_found, "dealer", &Case::of(client, worker));
    let req = ask(&broker, client, &client_found, "req", &Case::of_req(client, worker));
    for case in Case::of(client, worker) {
        check(case, client, worker, &messages(&dealer, case));
        is_whole(case, &dealer);
    }
    for case in Case::of_req(client, worker) {
        // A REQ takes the delimiter away before it shows the message.
        let mut messages = messages(&req, case);
        messages.iter_mut().for_each(|message| message.insert(0, Vec::new()));
        check(case, client, worker, &messages);
        is_whole(case, &req);
    }
    background_jobs_were_done(client, &worker_script);
}

/// Whose script speaks a dialect.
pub(crate) fn peer(dialect: Dialect) -> Peer {
    if is_majordomo(dialect) { Peer::Python } else { Peer::Php }
}

fn ask(broker: &Broker, client: Dialect, found: &Found, socket: &str, cases: &[Case]) -> Vec<Value> {
    let names: Vec<&str> = cases.iter().map(|case| case.name()).collect();
    let mut flags = vec![
        format!("--dialect={}", script::flag(client)),
        format!("--service={SERVICE}"),
        format!("--socket={socket}"),
        format!("--cases={}", names.join(",")),
    ];
    if is_majordomo(client) {
        flags.push(format!("--messages={}", Case::Stream.messages(client)));
    }
    let events = Script::start(peer(client), found, "client", broker.clients, &flags).finish();
    assert_eq!(events.last().map(|event| &event["event"]), Some(&"end".into()), "{events:#?}");
    events
}

fn messages(events: &[Value], case: Case) -> Vec<Message> {
    events.iter().filter(|event| event["case"] == case.name()).map(script::frames).collect()
}

/// The big result was compared where it arrived, whole.
fn is_whole(case: Case, events: &[Value]) {
    if case == Case::Big {
        let event = events.iter().find(|event| event["case"] == case.name()).expect("it is there");
        assert_eq!(event["right"], true, "{event}");
        assert_eq!(event["length"], (2 << 20) + "PARAM-JSON: \"\"".len(), "{event}");
    }
}

/// A client that does not wait sees the ack alone; that the work was done, only the worker can say.
fn background_jobs_were_done(client: Dialect, worker: &Script) {
    if is_majordomo(client) {
        return;
    }
    let mut missing = 2;
    while missing > 0 {
        let job = worker.wait_for("job");
        let param = job["param"].as_str().expect("a job has a parameter");
        missing -= usize::from(param.contains("in the background"));
    }
}

mod with_heartbeats {
    //! libzmq sends PINGs when ZMQ_HEARTBEAT_IVL is set, and hangs up when none is answered.

    use std::time::Duration;

    use super::*;
    use crate::support::frames::{Kind, read_reply};

    const PING: &str = "--ping=100";

    #[test]
    fn a_worker_that_pings_keeps_its_connection_through_a_long_job() {
        let Some(found) = Peer::Python.or_leave_out() else { return };
        let broker = Broker::start(&[]);
        let flags = ["--dialect=mdp02", "--service=REVERSE", PING].map(str::to_owned);
        let worker = Script::start(Peer::Python, &found, "worker", broker.workers, &flags);
        worker.wait_for("ready");
        broker.wait_for_workers(SERVICE, 1);
        let before = broker.list("SERVER-WORKERS");

        let mut client = crate::support::raw::RawPeer::dealer(broker.clients);
        let param =
            crate::support::frames::tagged(&serde_json::json!({"do": "sleep", "seconds": 3, "str": "x"}));
        client.send(&crate::support::frames::request(Dialect::Zmws1, SERVICE, Some(&param)));
        let reply = read_reply(Dialect::Zmws1, &client.receive(Duration::from_secs(10)).expect("a reply"));
        assert_eq!((reply.kind, reply.value()), (Kind::Complete, serde_json::json!("x")));

        let identity = |workers: &[Value]| workers.iter().map(|w| w["workerid"].clone()).collect::<Vec<_>>();
        assert_eq!(identity(&before), identity(&broker.list("SERVER-WORKERS")), "it connected anew");
        let again = worker.so_far().into_iter().find(|event| event["event"] == "ready");
        assert_eq!(again, None, "it had to register anew");
    }

    #[test]
    fn a_client_that_pings_is_served() {
        let Some(found) = Peer::Python.or_leave_out() else { return };
        let broker = Broker::start(&[]);
        let flags = ["--dialect=mdp01", "--service=REVERSE", PING].map(str::to_owned);
        let worker = Script::start(Peer::Python, &found, "worker", broker.workers, &flags);
        worker.wait_for("ready");
        broker.wait_for_workers(SERVICE, 1);
        let flags = ["--dialect=mdp01", "--service=REVERSE", "--cases=reverse,big", PING].map(str::to_owned);
        let events = Script::start(Peer::Python, &found, "client", broker.clients, &flags).finish();
        check(Case::Reverse, Dialect::Mdp01, Dialect::Mdp01, &messages(&events, Case::Reverse));
        is_whole(Case::Big, &events);
    }
}
