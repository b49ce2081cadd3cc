//! A thousand jobs with known ends, and what the metrics say of them.

use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::support::openmetrics::{self, Exposition};
use crate::support::{PATIENCE, frames::Kind, http, poll, raw};

fn metrics(broker: &Broker) -> Exposition {
    let answer = http::get(broker.admin, "/metrics");
    let media_type = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(answer.head.contains(media_type), "{}", answer.head);
    openmetrics::read(&answer.body).unwrap_or_else(|broken| panic!("{broken}\n{}", answer.body))
}

/// What was done, counted by the one who did it.
#[derive(Debug, Default)]
struct Tally {
    completed: [u32; 2],
    failed: [u32; 2],
    requeued: [u32; 2],
}

const SERVICES: [&str; 2] = ["EVEN", "ODD"];

/// Every tenth job fails, every fiftieth loses its first worker.
fn play(broker: &Broker, jobs: usize) -> (Tally, [Worker; 2]) {
    let mut workers = SERVICES.map(|service| Worker::ready(broker, service).greeted());
    let mut client = Client::new(broker);
    let mut tally = Tally::default();
    for number in 0..jobs {
        let which = usize::from(number % 3 == 0);
        client.ask(SERVICES[which]);
        let mut job = workers[which].job();
        if number % 50 == 49 {
            workers[which] = Worker::ready(broker, SERVICES[which]);
            job = workers[which].job();
            tally.requeued[which] += 1;
        }
        let kind = if number % 10 == 7 { Kind::Fail } else { Kind::Complete };
        workers[which].answer(&job, kind);
        assert_eq!(client.reply().kind, kind);
        match kind {
            Kind::Fail => tally.failed[which] += 1,
            _ => tally.completed[which] += 1,
        }
    }
    (tally, workers)
}

#[test]
fn a_thousand_jobs_are_counted_to_the_number() {
    let broker = patient_broker(&[]);
    let (tally, mut workers) = play(&broker, 1_000);
    assert_eq!(tally.completed.iter().chain(&tally.failed).sum::<u32>(), 1_000);
    let mut client = Client::new(&broker);
    refuse_some(&broker, &mut client);
    // Of eight jobs that wait for a paused service, one is deleted.
    tell(&broker, "POST", "/services/EVEN/pause");
    let ids: Vec<String> = (0..8).map(|_| client.leave("EVEN")).collect();
    tell(&broker, "DELETE", &format!("/jobs/{}", ids[7]));
    tell(&broker, "POST", "/services/ODD/resume");
    client.ask("ODD");
    let active = workers[1].job();
    spoil(&broker);

    let found = poll("what was spoilt is counted", PATIENCE, || {
        let found = metrics(&broker);
        (found.sum("zmws_protocol_errors_total") >= 2.0).then_some(found)
    });
    check_services(&found, &tally);
    check_all(&found, &tally);
    let totals = &json(&broker, "/status")["totals"];
    assert_eq!(
        (&totals["queued"], &totals["active"], &totals["refused"]),
        (&7.into(), &1.into(), &17.into())
    );
    workers[1].answer(&active, Kind::Complete);
    assert_eq!(client.reply().kind, Kind::Complete);
}

/// Six of an unknown service, five of a drained one, four of a drained broker.
fn refuse_some(broker: &Broker, client: &mut Client) {
    let mut refused = |service: &str, times: usize| {
        for _ in 0..times {
            client.ask(service);
            assert_eq!(client.reply().kind, Kind::Fail);
        }
    };
    refused("NOBODY", 6);
    tell(broker, "POST", "/services/ODD/drain");
    refused("ODD", 5);
    tell(broker, "POST", "/drain");
    refused("EVEN", 4);
    tell(broker, "POST", "/resume");
}

fn check_services(found: &Exposition, tally: &Tally) {
    let deleted = [1, 0];
    for (which, service) in SERVICES.into_iter().enumerate() {
        let of = |name: &str| found.value(name, &[("service", service)]);
        let with = |name: &str, label, value| found.value(name, &[("service", service), (label, value)]);
        let ended = |outcome| with("zmws_jobs_ended_total", "outcome", outcome);
        assert_eq!(ended("completed"), f64::from(tally.completed[which]), "{tally:?}");
        assert_eq!(ended("failed"), f64::from(tally.failed[which] + deleted[which]), "{tally:?}");
        assert_eq!(of("zmws_jobs_requeued_total"), f64::from(tally.requeued[which]), "{tally:?}");
        let ran = f64::from(tally.completed[which] + tally.failed[which]);
        assert_eq!(of("zmws_job_wait_seconds_count"), ran);
        assert_eq!(of("zmws_job_run_seconds_count"), ran);
        assert_eq!(of("zmws_jobs_queued"), [7.0, 0.0][which]);
        assert_eq!(of("zmws_jobs_active"), [0.0, 1.0][which]);
        assert_eq!(of("zmws_service_paused"), [1.0, 0.0][which]);
        let workers = |state| with("zmws_service_workers", "state", state);
        assert_eq!((workers("idle"), workers("busy")), [(1.0, 0.0), (0.0, 1.0)][which]);
    }
}

fn check_all(found: &Exposition, tally: &Tally) {
    let count = |name: &str, labels: &[(&str, &str)]| found.value(name, labels);
    assert!(count("zmws_queue_oldest_age_seconds", &[("service", "EVEN")]) > 0.0);
    assert_eq!(found.sum("zmws_jobs_ended_total"), 1_001.0);
    assert_eq!(count("zmws_jobs_accepted_total", &[]), 1_009.0);
    assert_eq!(count("zmws_jobs_deleted_total", &[]), 1.0);
    let refused = |cause| count("zmws_requests_refused_total", &[("cause", cause)]);
    assert_eq!((refused("unknown"), refused("service_draining"), refused("draining")), (6.0, 5.0, 4.0));
    assert_eq!(found.sum("zmws_requests_refused_total"), 15.0);
    let at_both = |name: &str| (count(name, &[("port", "clients")]), count(name, &[("port", "workers")]));
    assert_eq!(at_both("zmws_messages_malformed_total"), (2.0, 1.0));
    assert_eq!(at_both("zmws_protocol_errors_total"), (0.0, 2.0));
    assert_eq!(count("zmws_workers", &[]), 2.0);
    let joined = 2 + tally.requeued.iter().sum::<u32>();
    assert_eq!(count("zmws_workers_joined_total", &[]), f64::from(joined));
    assert_eq!(count("zmws_queue_bytes", &[]), 8.0 * "PARAM-JSON: 1".len() as f64);
}

/// What curl is given, which takes anything: the older format.
#[test]
fn who_does_not_ask_for_openmetrics_gets_the_format_before_it() {
    let broker = patient_broker(&[]);
    let answer = http::exchange(broker.admin, AS_CURL);
    assert!(
        answer.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        answer.head
    );
    let head = "# HELP zmws_jobs_accepted_total Jobs taken.\n# TYPE zmws_jobs_accepted_total counter\n";
    assert!(answer.body.contains(head), "{}", answer.body);
    assert!(!answer.body.contains("# EOF") && !answer.body.contains("# UNIT"), "{}", answer.body);
    let asked = AS_CURL.replace("*/*", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    openmetrics::read(&http::exchange(broker.admin, &asked).body).expect("it was asked for");
}

const AS_CURL: &str = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\nConnection: close\r\n\r\n";

/// Prometheus' own reader, where it is installed.
#[test]
fn promtool_finds_nothing() {
    let broker = patient_broker(&[]);
    play(&broker, 20);
    let text = http::exchange(broker.admin, AS_CURL).body;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        println!("left out: promtool is not here (apt-get install prometheus)");
        return;
    };
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = child.wait_with_output().expect("promtool ends");
    let findings = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && findings.is_empty(), "{findings}");
}

/// Two malformed requests, one malformed word of a worker, two connections that are not ZMTP.
fn spoil(broker: &Broker) {
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&[b"MDPC02".as_slice(), b"8"]);
    client.send(&[b"MDPC02".as_slice(), b"9"]);
    let mut worker = RawPeer::dealer(broker.workers);
    worker.send(&[b"one", b"two", b"six", b"ten"]);
    for _ in 0..2 {
        let mut stream = raw::connect(broker.workers);
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("the broker reads");
        assert!(raw::is_hung_up(&mut stream, PATIENCE), "the broker ends what is not ZMTP");
    }
    // What they said is read, for they are answered or gone, before the test looks.
    poll("both are there", PATIENCE, || {
        let status = json(broker, "/status");
        (status["totals"]["refused"] == 17).then_some(())
    });
}
