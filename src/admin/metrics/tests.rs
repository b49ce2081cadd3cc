//! The format, whatever services are called and however many there are.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::broker::snapshot::Sums;
use crate::broker::{Action, Broker, Config, Event};
use crate::job::{Body, PeerId};
use crate::message::{
    Address, ClientCommand, Dialect, IfUnknown, JobRef, Mode, Origin, Outcome, WorkerCommand, WorkerOrder,
};

#[path = "../../../tests/it/support/openmetrics.rs"]
mod openmetrics;

fn row(name: Option<&[u8]>, completed: u64) -> ServiceRow {
    let mut sums = Sums { completed, failed: 1, ..Sums::default() };
    for us in 0..=completed {
        sums.wait.add(us * 700);
        sums.run.add(us * 70_000_000);
    }
    ServiceRow {
        service: name.map(|name| ServiceName::new(name.to_vec()).expect("a name")),
        paused: false,
        draining: true,
        queued: 3,
        active: 2,
        idle: 1,
        busy: 2,
        oldest_at: Some(Timestamp(500_000)),
        sums,
        minute: (0, 0),
        wait: None,
        run: None,
    }
}

fn figures(services: Vec<ServiceRow>, rest: Option<ServiceRow>) -> MetricsInput {
    let port = |name| Port { name, connections: 5, malformed: 7, ..Port::default() };
    MetricsInput {
        version: "0.0.0",
        now: Timestamp(2_000_000),
        started_at: Timestamp(1_000_000),
        overview: Overview { intake: Intake::Open, services, rest },
        totals: Totals { bytes: 11, ..Totals::default() },
        counters: Counters { refused_frames: 4, ..Counters::default() },
        ports: vec![port("clients"), port("workers"), port("news")],
        news_dropped: 0,
        memory: Memory::new(1 << 20),
        turns: TurnTimes::default(),
        store: Some(StoreFigures::default()),
        topics_refused: 0,
        lists_refused: 0,
        lists_unheard: 0,
        log_lines_dropped: 3,
        resident_bytes: Some(1 << 20),
        open_files: None,
    }
}

#[test]
fn the_text_keeps_the_rules_of_the_format_whatever_services_are_called() {
    let names: [&[u8]; 7] =
        [b"S", b"other", b"a\"b\\c\nd", "\u{e9}\u{2028}".as_bytes(), b"\xFF", b"\xFE", b"ff"];
    let rows = names.iter().map(|name| row(Some(name), 3)).collect();
    let text = text(figures(rows, Some(row(None, 40))));
    let exposition = openmetrics::read(&text).unwrap_or_else(|broken| panic!("{broken}\n{text}"));
    let queued = |labels: &[(&str, &str)]| exposition.value("zmws_jobs_queued", labels);
    assert_eq!(queued(&[("service", "a\"b\\c\nd")]), 3.0);
    assert_eq!(queued(&[("service", "ff"), ("form", "hex")]), 3.0);
    assert_eq!(queued(&[("service", "ff")]), 3.0);
    assert_eq!(queued(&[("service", "other"), ("form", "sum")]), 3.0);
    assert_eq!(queued(&[("service", "other")]), 3.0);
    assert_eq!(exposition.value("zmws_requests_refused_total", &[("cause", "frames")]), 4.0);
    assert_eq!(exposition.value("zmws_queue_oldest_age_seconds", &[("service", "S")]), 1.5);
    let run = |le| exposition.value("zmws_job_run_seconds_bucket", &[("service", "S"), ("le", le)]);
    assert_eq!((run("0.0005"), run("100.0"), run("250.0"), run("+Inf")), (1.0, 2.0, 4.0, 4.0));
    assert_eq!(exposition.value("zmws_job_run_seconds_sum", &[("service", "S")]), 420.0);
}

#[test]
fn nothing_at_all_is_a_text_too() {
    let text = text(figures(Vec::new(), None));
    openmetrics::read(&text).unwrap_or_else(|broken| panic!("{broken}\n{text}"));
}

#[test]
fn the_reader_takes_no_text_that_breaks_a_rule() {
    let head = "# HELP a A.\n# TYPE a gauge\n";
    let histogram = "# HELP h H.\n# TYPE h histogram\nh_sum 1\nh_count 2\n";
    for broken in [
        "".to_owned(),
        format!("{head}a 1\n"),
        format!("{head}a 1\na 1\n# EOF\n"),
        format!("{head}a_total 1\n# EOF\n"),
        format!("{head}b 1\n# EOF\n"),
        format!("{head}a{{b=\"1\",b=\"2\"}} 1\n# EOF\n"),
        format!("{head}a{{b=\"x\"y\"}} 1\n# EOF\n"),
        "# TYPE a gauge\na 1\n# EOF\n".to_owned(),
        "# HELP a-b A.\n# TYPE a-b gauge\n# EOF\n".to_owned(),
        "# HELP a A.\n# TYPE a counter\na 1\n# EOF\n".to_owned(),
        format!("{histogram}h_bucket{{le=\"1\"}} 1\n# EOF\n"),
        format!("{histogram}h_bucket{{le=\"1\"}} 1\nh_bucket{{le=\"+Inf\"}} 1\n# EOF\n"),
        format!(
            "{histogram}h_bucket{{le=\"2\"}} 1\nh_bucket{{le=\"1\"}} 1\nh_bucket{{le=\"+Inf\"}} 2\n# EOF\n"
        ),
    ] {
        assert!(openmetrics::read(&broken).is_err(), "{broken}");
    }
}

/// A broker with a worker for each of some services, which do each job at once.
fn do_one(broker: &mut Broker, service: u8) {
    let address =
        |peer| Address { peer, identity: Bytes::from_static(b"x"), origin: Origin::plain(Dialect::Mdp02) };
    let name = ServiceName::new(vec![b'A' + service]).expect("a name");
    let worker = address(PeerId(u64::from(service)));
    let mut actions = Vec::new();
    let ready = WorkerCommand::Ready { service: name.clone() };
    broker.handle(Timestamp(1), Event::Worker { from: worker.clone(), command: ready }, &mut actions);
    let command = ClientCommand::Submit {
        service: name,
        body: Body::EMPTY,
        mode: Mode::Background,
        if_unknown: IfUnknown::Hold,
    };
    broker.handle(Timestamp(1), Event::Client { from: address(PeerId(1_000)), command }, &mut actions);
    let given = actions.iter().find_map(|action| match action {
        Action::Order { order: WorkerOrder::Run { job: JobRef::Named(job), .. }, .. } => Some(*job),
        _ => None,
    });
    let command = WorkerCommand::Finish {
        job: JobRef::Named(given.expect("its worker rests")),
        service: None,
        outcome: Outcome::Complete,
        body: Body::EMPTY,
    };
    broker.handle(Timestamp(1), Event::Worker { from: worker, command }, &mut actions);
}

proptest! {
    /// More services than have series of their own, looked at now and then.
    #[test]
    fn no_counter_ever_goes_back(jobs in prop::collection::vec((0..12u8, any::<bool>()), 1..120)) {
        let mut broker = Broker::new(Config::default());
        let mut named = LabelledServices::default();
        let mut last: BTreeMap<Option<ServiceName>, u64> = BTreeMap::new();
        for (at, (service, look)) in jobs.iter().enumerate() {
            do_one(&mut broker, *service);
            if !look {
                continue;
            }
            let overview = broker.overview(Timestamp(1), 4, named.services());
            named.learn(&overview);
            let rows = overview.services.iter().chain(&overview.rest);
            let now: BTreeMap<_, _> = rows.map(|row| (row.service.clone(), row.sums.ended())).collect();
            prop_assert!(overview.services.len() <= 4);
            prop_assert_eq!(now.values().sum::<u64>(), at as u64 + 1, "no job is counted twice or not at all");
            for (service, before) in &last {
                let after = now.get(service).copied();
                let kept = after.is_some_and(|after| after >= *before);
                prop_assert!(kept, "{service:?} went from {before} to {after:?}");
            }
            last = now;
        }
    }
}
