//! What is known of a site at one moment: the broker's word and the supervisor's.

use std::path::Path;

use serde::Serialize;

use super::problems::{self, Problem};
use super::processes;
use crate::admin::status::Status;
use crate::supervise::admin::Admin;
use crate::supervise::control::{Process, Which};

/// What broker and supervisor say of themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// The broker's word; or why there is none.
    pub broker: Result<Status, String>,
    /// The supervisor's programs, `None` if nobody supervises here; or why it does not say.
    pub processes: Result<Option<Vec<Process>>, String>,
}

/// The same as JSON.
#[derive(Debug, Serialize)]
struct Json<'a> {
    broker: Option<&'a Status>,
    processes: Option<&'a [Process]>,
    problems: Vec<Problem>,
}

impl Site {
    /// Asks both at once. What is away is not an error but something to show.
    pub async fn ask(admin: &Admin, run_dir: &Path) -> Self {
        let (broker, processes) = tokio::join!(admin.get("/status"), processes::ask(run_dir));
        Self {
            broker: broker.map_err(|error| error.to_string()),
            processes: processes.map_err(|error| error.to_string()),
        }
    }

    /// The same, with no other programs than those that are meant.
    #[must_use]
    pub fn only(mut self, which: &Which) -> Self {
        if let Ok(Some(processes)) = &mut self.processes {
            processes.retain(|process| which.means(&process.name, &process.group, process.kind));
        }
        self
    }

    /// What is wrong.
    pub fn problems(&self) -> Vec<Problem> {
        problems::of(self)
    }

    /// An object of `broker` ([`Status`] or null), `processes` (an array of [`Process`] or null) and `problems` (an
    /// array of objects of `severity`, `subject` and `text`).
    pub fn json(&self) -> serde_json::Value {
        let json = Json {
            broker: self.broker.as_ref().ok(),
            processes: self.processes.as_ref().ok().and_then(|processes| processes.as_deref()),
            problems: self.problems(),
        };
        serde_json::to_value(json).expect("strings and numbers are always JSON")
    }
}

/// Sites to show in tests.
#[cfg(test)]
pub(super) mod examples {
    use super::Site;
    use crate::admin::status::{Quantiles, Service, State, Status, Totals};
    use crate::supervise::control::{Process, ProcessState};
    use crate::supervise::program::Kind;

    /// All is well.
    pub(in crate::console) fn well() -> Site {
        Site { broker: Ok(status(vec![reverse()])), processes: Ok(Some(vec![broker()])) }
    }

    /// Nearly nothing is.
    pub(in crate::console) fn troubled() -> Site {
        let mut status = status(services());
        status.state = State::Draining;
        Site { broker: Ok(status), processes: Ok(Some(processes())) }
    }

    /// A broker's word on these services.
    pub(in crate::console) fn status(services: Vec<Service>) -> Status {
        let totals = Totals {
            queued: services.iter().map(|service| service.queued).sum(),
            active: services.iter().map(|service| service.active).sum(),
            bytes: 1_234_567,
            workers: services.iter().map(|service| service.idle + service.busy).sum(),
            services: services.len() as u64,
            client_connections: 12,
            worker_connections: 5,
            accepted: 123_456,
            completed: 120_000,
            failed: 42,
            requeued: 3,
            refused: 1,
        };
        Status {
            version: "0.1.0".to_owned(),
            pid: 0,
            clients: String::new(),
            at: 1_764_000_000.0,
            started_at: 1_764_000_000.0 - 273_600.0,
            state: State::Running,
            durable: false,
            totals,
            services,
        }
    }

    /// A service in good order.
    pub(in crate::console) fn reverse() -> Service {
        Service {
            service: "STR-REV".to_owned(),
            queued: 2,
            active: 3,
            idle: 1,
            busy: 3,
            completed: 119_000,
            failed: 2,
            completed_a_minute: 1_234,
            oldest_s: Some(0.25),
            wait: Quantiles { p50_ms: Some(0.4), p99_ms: Some(12.0) },
            run: Quantiles { p50_ms: Some(3.2), p99_ms: Some(1_240.0) },
            ..Service::default()
        }
    }

    /// One of each problem; some have names that mean no good.
    pub(in crate::console) fn services() -> Vec<Service> {
        let named = |name: &str| Service { service: name.to_owned(), ..Service::default() };
        vec![
            Service { queued: 12_345, oldest_s: Some(7_620.0), ..named("MAIL") },
            Service { queued: 4, idle: 2, paused: true, oldest_s: Some(400.0), ..named("NIGHTLY-REPORTS") },
            Service { draining: true, busy: 1, active: 1, ..named("OLD") },
            reverse(),
            Service { failed_a_minute: 7, completed_a_minute: 3, failed: 40, idle: 1, ..named("THUMB") },
            Service { idle: 1, ..named("\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}EVIL-SERVICE-WITH-A-LONG-NAME") },
            Service { idle: 1, ..named("翻訳サービス") },
        ]
    }

    fn broker() -> Process {
        Process {
            name: "broker".to_owned(),
            group: "broker".to_owned(),
            kind: Kind::Server,
            state: ProcessState::Running,
            pid: Some(4711),
            up_s: Some(273_600.0),
            restarts: 0,
            memory: Some(31_200_000),
            last_end: None,
        }
    }

    fn processes() -> Vec<Process> {
        let named = |name: &str, state| Process {
            name: name.to_owned(),
            group: "mail".to_owned(),
            state,
            pid: None,
            up_s: None,
            memory: None,
            ..broker()
        };
        let killed = Some("signal 9 (SIGKILL)".to_owned());
        vec![
            broker(),
            Process {
                pid: Some(4712),
                up_s: Some(12.0),
                restarts: 3,
                memory: Some(312_000_000),
                last_end: killed.clone(),
                ..named("mail-1", ProcessState::Running)
            },
            Process {
                restarts: 5,
                last_end: Some("exit status 1".to_owned()),
                ..named("mail-2", ProcessState::GivenUp)
            },
            Process { restarts: 1, last_end: killed, ..named("mail-3", ProcessState::Waiting) },
            named("mail-4", ProcessState::Stopped),
            Process { pid: Some(4715), up_s: Some(86_400.0), ..named("mail-5", ProcessState::Stopping) },
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Broker, run, scratch};
    use super::*;

    #[test]
    fn a_broker_is_asked_and_a_missing_supervisor_is_none() {
        run(async {
            let status = examples::well().broker.expect("it is well");
            let body = serde_json::to_string(&status).expect("it is JSON");
            let broker = Broker::start(move |_| (200, body.clone())).await;
            let site = Site::ask(&broker.admin, scratch().path()).await;
            assert_eq!(site, Site { broker: Ok(status), processes: Ok(None) });
            assert_eq!(broker.requests(), ["GET /status"]);
        });
    }

    #[test]
    fn a_broker_that_is_away_is_shown_as_such() {
        run(async {
            let broker = Broker::start(|_| (503, "not now".to_owned())).await;
            let away = Broker::start(|_| (200, String::new())).await.admin.clone();
            let site = Site::ask(&broker.admin, scratch().path()).await;
            assert_eq!(site.broker, Err("not now".to_owned()));
            tokio::task::yield_now().await;
            let site = Site::ask(&away, scratch().path()).await;
            let why = site.broker.expect_err("nobody listens");
            assert!(why.starts_with("no broker answers at 127.0.0.1:"), "{why}");
        });
    }

    #[test]
    fn json_has_null_for_what_is_away() {
        let site = Site { broker: Err("away".to_owned()), processes: Ok(None) };
        insta::assert_snapshot!(site.json().to_string(), @r#"{"broker":null,"processes":null,"problems":[{"severity":"down","subject":"broker","text":"away"}]}"#);
    }
}
