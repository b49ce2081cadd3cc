//! What is wrong with a site: the first thing somebody on call wants to know.

use serde::Serialize;

use super::format;
use super::site::Site;
use crate::admin::status::{Service, State, Status};
use crate::supervise::control::{Process, ProcessState};

/// Something that is wrong.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: `broker`, `supervisor`, `process mail-1`, `service MAIL`. Names are as they came.
    pub subject: String,
    /// What is wrong with it.
    pub text: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work.
    Down,
    /// It works, and somebody should have a look.
    Warning,
}

/// A job that has waited so long is a problem, in seconds.
const OLD_S: f64 = 300.0;
/// Restarts that are many if the last is not long ago.
const RESTARTS_MANY: u64 = 3;
/// How long ago is not long, in seconds.
const LATELY_S: f64 = 600.0;

/// All that is wrong, what is down before what is worth a look.
pub fn of(site: &Site) -> Vec<Problem> {
    let (mut problems, mut others) = (Vec::new(), Vec::new());
    match &site.processes {
        Ok(processes) => {
            // One that could not be started is why a broker does not answer, and a service has no worker.
            for process in processes.iter().flatten() {
                let is_failed = process.state == ProcessState::Failed;
                if is_failed { &mut problems } else { &mut others }.extend(of_process(process));
            }
        }
        Err(why) => others.push(down("supervisor", why)),
    }
    match &site.broker {
        Ok(status) => of_broker(status, &mut problems),
        Err(why) => problems.push(down("broker", why)),
    }
    problems.append(&mut others);
    problems.sort_by_key(|problem| problem.severity);
    problems
}

fn down(subject: &str, text: &str) -> Problem {
    Problem { severity: Severity::Down, subject: subject.to_owned(), text: text.to_owned() }
}

fn warning(subject: &str, text: &str) -> Problem {
    Problem { severity: Severity::Warning, ..down(subject, text) }
}

fn of_broker(status: &Status, problems: &mut Vec<Problem>) {
    match status.state {
        State::Running => {}
        State::Draining => problems.push(warning("broker", "is draining: it takes no new jobs")),
        State::Stopping => problems.push(warning("broker", "is stopping")),
    }
    for service in &status.services {
        of_one_service(service, problems);
    }
}

fn of_one_service(service: &Service, problems: &mut Vec<Problem>) {
    let subject = format!("service {}", service.service);
    let mut warn = |text: String| problems.push(warning(&subject, &text));
    let queued = format::count(service.queued);
    if service.paused {
        warn(format!("is paused, {queued} queued"));
    }
    if service.draining {
        warn(format!("is draining: it takes no new jobs, {queued} queued"));
    }
    if let Some(oldest) = service.oldest_s.filter(|&oldest| oldest >= OLD_S && !service.paused) {
        warn(format!("its oldest job has waited {}", format::duration(oldest)));
    }
    if service.failed_a_minute > 0 {
        let ended = format::count(service.failed_a_minute.saturating_add(service.completed_a_minute));
        let failed = format::count(service.failed_a_minute);
        warn(format!("{failed} of {ended} jobs failed in the last minute"));
    }
    let workers = service.idle.saturating_add(service.busy);
    if service.queued > 0 && workers == 0 {
        problems.push(down(&subject, &format!("{queued} queued and no worker")));
    }
}

fn of_process(process: &Process) -> Option<Problem> {
    let subject = format!("process {}", process.name);
    let ended = process.last_end.as_ref().map_or_else(String::new, |end| format!(", last with {end}"));
    let restarts = format::count(process.restarts);
    match process.state {
        ProcessState::Running => {
            let up = process.up_s.filter(|&up| up < LATELY_S && process.restarts >= RESTARTS_MANY)?;
            let ago = format::duration(up);
            Some(warning(&subject, &format!("restarted {restarts} times, {ago} ago{ended}")))
        }
        ProcessState::Waiting => {
            Some(down(&subject, &format!("ended too soon, waits to be restarted{ended}")))
        }
        ProcessState::GivenUp => Some(down(
            &subject,
            &format!("given up after {restarts} restarts{ended}; `zmws start` tries again"),
        )),
        ProcessState::Failed => {
            let why = process.last_end.as_deref().unwrap_or("see the supervisor's log");
            Some(down(&subject, &format!("failed, could not be started: {why}")))
        }
        ProcessState::Stopped => Some(warning(&subject, "is stopped")),
        ProcessState::Stopping => Some(warning(&subject, "is being stopped")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::site::examples;
    use super::*;

    fn check(site: &Site) -> String {
        let line =
            |problem: &Problem| format!("{:?} {}: {}", problem.severity, problem.subject, problem.text);
        of(site).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_site_that_is_well_has_none() {
        assert_eq!(of(&examples::well()), []);
        // Nobody has to have a supervisor.
        assert_eq!(of(&Site { processes: Ok(None), ..examples::well() }), []);
    }

    #[test]
    fn what_is_down_comes_before_what_is_worth_a_look() {
        insta::assert_snapshot!(check(&examples::troubled()), @r"
        Down service MAIL: 12.3k queued and no worker
        Down process mail-2: given up after 5 restarts, last with exit status 1; `zmws start` tries again
        Down process mail-3: ended too soon, waits to be restarted, last with signal 9 (SIGKILL)
        Warning broker: is draining: it takes no new jobs
        Warning service MAIL: its oldest job has waited 2 h 07 m
        Warning service NIGHTLY-REPORTS: is paused, 4 queued
        Warning service OLD: is draining: it takes no new jobs, 0 queued
        Warning service THUMB: 7 of 10 jobs failed in the last minute
        Warning process mail-1: restarted 3 times, 12 s ago, last with signal 9 (SIGKILL)
        Warning process mail-4: is stopped
        Warning process mail-5: is being stopped
        ");
    }

    #[test]
    fn a_broker_and_a_supervisor_that_do_not_answer_are_down() {
        let site = Site { broker: Err("no broker answers".to_owned()), processes: Err("gone".to_owned()) };
        insta::assert_snapshot!(check(&site), @r"
Down broker: no broker answers
Down supervisor: gone
");
    }

    #[test]
    fn a_program_that_could_not_be_started_comes_first() {
        let mut site = examples::troubled();
        site.broker = Err("no broker answers".to_owned());
        let failed = Process {
            name: "broker".to_owned(),
            state: ProcessState::Failed,
            last_end: Some("broker: there is no program zmws".to_owned()),
            ..Process::default()
        };
        site.processes.as_mut().expect("they are told").get_or_insert_default().push(failed);
        let first: Vec<String> = of(&site).iter().take(2).map(|problem| problem.text.clone()).collect();
        assert_eq!(
            first,
            ["failed, could not be started: broker: there is no program zmws", "no broker answers"]
        );
    }

    #[test]
    fn a_service_without_work_needs_no_worker() {
        let mut site = examples::well();
        let status = site.broker.as_mut().expect("it is well");
        status.services = vec![Service { service: "IDLE".to_owned(), ..Service::default() }];
        assert_eq!(of(&site), []);
    }

    #[test]
    fn a_restart_long_ago_is_forgiven() {
        let mut site = examples::well();
        let restarted = |up_s| Process {
            restarts: 9,
            up_s: Some(up_s),
            state: ProcessState::Running,
            ..Process::default()
        };
        site.processes = Ok(Some(vec![restarted(599.0), restarted(601.0)]));
        assert_eq!(of(&site).len(), 1);
    }
}
