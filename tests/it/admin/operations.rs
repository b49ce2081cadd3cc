//! What operations do to clients and workers.

use zmws::admin::status::{self, JobState, State, Status};
use zmws::supervise::admin::{Admin, AdminError, Place};

use super::*;
use crate::support::{PATIENCE, frames::Kind, http, poll};

#[test]
fn a_paused_service_waits_and_goes_on() {
    let broker = patient_broker(&[]);
    let mut worker = Worker::ready(&broker, "A/B").greeted();
    let mut client = Client::new(&broker);
    assert_eq!(tell(&broker, "POST", "/services/A%2FB/pause"), "A/B is paused: no job waits");
    client.ask("A/B");
    let id = client.leave("A/B");
    let seen = service(&broker, "A/B");
    assert_eq!(
        (&seen["paused"], &seen["queued"], &seen["idle"]),
        (&true.into(), &2.into(), &1.into()),
        "{seen}"
    );
    let jobs = json(&broker, "/jobs?service=A%2FB&state=queued");
    assert_eq!(
        (&jobs[1]["id"], &jobs[0]["waits"], &jobs[2]),
        (&id.into(), &true.into(), &Value::Null),
        "{jobs}"
    );
    assert_eq!(tell(&broker, "POST", "/services/A%2FB/resume"), "A/B goes on: 1 job waits, 1 job runs");
    let job = worker.job();
    worker.answer(&job, Kind::Complete);
    assert_eq!(client.reply().kind, Kind::Complete);
    worker.job();
    let unknown = denied(&broker, "POST", "/services/OTHER/pause");
    assert_eq!(unknown, (404, "no service OTHER is known".to_owned()));
}

#[test]
fn a_drained_broker_is_not_ready_and_ends_what_waits() {
    let broker = patient_broker(&[]);
    let mut worker = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    let ready = || http::get(broker.admin, "/readyz").status;
    assert_eq!(ready(), 200);
    client.ask("S");
    let job = worker.job();
    client.leave("S");
    assert_eq!(tell(&broker, "POST", "/drain"), "no new jobs are taken: 1 job waits, 1 job runs");
    assert_eq!((ready(), json(&broker, "/status")["state"].as_str()), (503, Some("draining")));
    client.ask("S");
    assert_eq!(client.reply().kind, Kind::Fail);
    worker.answer(&job, Kind::Complete);
    assert_eq!(client.reply().kind, Kind::Complete);
    let job = worker.job();
    worker.answer(&job, Kind::Complete);
    assert_eq!(tell(&broker, "POST", "/resume"), "new jobs are taken");
    assert_eq!((ready(), http::get(broker.admin, "/healthz").status), (200, 200));
}

#[test]
fn workers_are_replaced_without_losing_or_repeating_a_job() {
    let broker = patient_broker(&[]);
    let mut old = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    client.ask("S");
    let first = old.job();
    client.ask("S");
    let workers = json(&broker, "/workers?service=S");
    assert_eq!(workers[0]["jobs"], serde_json::json!([Worker::id(&first)]), "{workers}");
    let local = old.peer.stream().local_addr().expect("it is connected").to_string();
    assert_eq!(
        (workers[0]["address"].as_str(), workers[0]["dialect"].as_str()),
        (Some(local.as_str()), Some("zmws2"))
    );
    let connection = &workers[0]["connection"];
    let line = tell(&broker, "POST", &format!("/workers/{connection}/retire"));
    assert_eq!(line, format!("worker {connection} is retired: 1 job runs"));
    old.answer(&first, Kind::Complete);
    assert_eq!(client.reply().kind, Kind::Complete);
    let mut new = Worker::ready(&broker, "S");
    let second = new.job();
    new.answer(&second, Kind::Complete);
    assert_eq!(client.reply().kind, Kind::Complete);
    let workers = json(&broker, "/workers");
    let shown = |at: usize| (workers[at]["retired"].clone(), workers[at]["done"].clone());
    assert_eq!((shown(0), shown(1)), ((true.into(), 1.into()), (false.into(), 1.into())), "{workers}");
    assert!(!old.peer.has_input(), "the retired worker was given nothing");
    let nobody = denied(&broker, "POST", "/workers/999999/retire");
    assert_eq!(nobody, (404, "no worker has connection 999999".to_owned()));
}

#[test]
fn a_worker_gets_as_many_jobs_as_it_may_have_and_no_more() {
    let broker = patient_broker(&[]);
    let mut worker = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    for _ in 0..5 {
        client.ask("S");
    }
    let first = worker.job();
    let connection = json(&broker, "/workers")[0]["connection"].clone();
    let line = tell(&broker, "POST", &format!("/workers/{connection}/limit?jobs=3"));
    assert_eq!(line, format!("worker {connection} gets 3 jobs in all, 1 so far"));
    worker.answer(&first, Kind::Complete);
    for _ in 0..2 {
        let job = worker.job();
        worker.answer(&job, Kind::Complete);
    }
    poll("the last is answered", PATIENCE, || (json(&broker, "/workers")[0]["done"] == 3).then_some(()));
    let worker_now = json(&broker, "/workers")[0].clone();
    assert_eq!((&worker_now["retired"], &worker_now["jobs_max"]), (&true.into(), &3.into()), "{worker_now}");
    assert_eq!(json(&broker, "/status")["totals"]["queued"], 2);
    assert!(!worker.peer.has_input(), "it was given a job more");
}

#[test]
fn a_job_that_was_given_up_is_tried_again() {
    let broker = patient_broker(&["--max-attempts=1"]);
    let mut worker = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    let id = client.leave("S");
    worker.job();
    drop(worker);
    let failed = poll("the job is given up", PATIENCE, || {
        let failed = json(&broker, "/jobs?state=dead");
        (failed[0]["id"] == id.as_str()).then_some(failed)
    });
    assert_eq!(failed[0]["state"], "dead");
    assert_eq!(json(&broker, "/jobs?state=failed")[0], Value::Null);
    client.0.send(&["".as_bytes(), b"SERVER-HIST"]);
    let history = client.0.receive(PATIENCE).expect("a list");
    let history: Value = serde_json::from_slice(history.last().expect("its JSON")).expect("it is JSON");
    assert_eq!(history[0]["state"], "dead", "{history}");
    assert_eq!((&failed[0]["attempts"], &failed[1]), (&1.into(), &Value::Null), "{failed}");
    assert_eq!(failed[0]["reason"], "its worker left");
    let line = tell(&broker, "POST", &format!("/jobs/{id}/retry"));
    assert_eq!(line, format!("job {id} of S is queued again"));
    let again = denied(&broker, "POST", &format!("/jobs/{id}/retry"));
    assert_eq!(again, (409, format!("job {id} waits already")));
    let mut worker = Worker::ready(&broker, "S");
    let job = worker.job();
    assert_eq!((Worker::id(&job), job.body[0].as_slice()), (id.clone(), b"PARAM-JSON: 1".as_slice()));
    worker.answer(&job, Kind::Complete);
    poll("it is done", PATIENCE, || {
        let done = json(&broker, "/jobs?state=completed");
        (done[0]["id"] == id.as_str()).then_some(())
    });
    let over = denied(&broker, "DELETE", &format!("/jobs/{id}"));
    assert_eq!(over.0, 409);
    assert!(over.1.starts_with(&format!("job {id} is over; only dead jobs")), "{over:?}");
    assert_eq!(denied(&broker, "DELETE", "/jobs/0000-0000").0, 404);
}

#[test]
fn a_queued_job_is_deleted_and_its_client_hears_of_it() {
    let broker = patient_broker(&[]);
    let _worker = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    tell(&broker, "POST", "/services/S/pause");
    client.ask("S");
    let id = poll("it waits", PATIENCE, || json(&broker, "/jobs")[0]["id"].as_str().map(str::to_owned));
    assert_eq!(tell(&broker, "DELETE", &format!("/jobs/{id}")), format!("job {id} of S is deleted"));
    let reply = client.reply();
    assert_eq!((reply.kind, reply.id), (Kind::Fail, Some(id)));
}

#[test]
fn what_the_port_says_is_what_our_own_client_reads() {
    let broker = patient_broker(&[]);
    let mut worker = Worker::ready(&broker, "S").greeted();
    let mut client = Client::new(&broker);
    client.ask("S");
    let job = worker.job();
    let port = Admin::at(Place::Port(([127, 0, 0, 1], broker.admin).into()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let get = |path: &'static str| runtime.block_on(port.get::<Value>(path)).expect("an answer");
    let status: Status = serde_json::from_value(get("/status")).expect("a status");
    assert_eq!((status.totals.active, status.state), (1, State::Running));
    assert_eq!((status.services[0].busy, status.services[0].idle), (1, 0), "{status:?}");
    let workers: Vec<status::Worker> = serde_json::from_value(get("/workers")).expect("workers");
    assert_eq!(
        (workers[0].jobs.clone(), workers[0].services.clone()),
        (vec![Worker::id(&job)], vec!["S".to_owned()])
    );
    let jobs: Vec<status::Job> = serde_json::from_value(get("/jobs?state=active")).expect("jobs");
    assert_eq!((jobs[0].state, jobs[0].waits, jobs[0].bytes), (JobState::Active, true, 13), "{jobs:?}");
    let told = runtime.block_on(port.tell(hyper::Method::POST, "/services/S/pause")).expect("it is done");
    let pid = broker.program.pid().as_raw_nonzero();
    assert_eq!(told.line, "S is paused: no job waits");
    assert_eq!(told.broker, Some(format!("127.0.0.1:{} (pid {pid})", broker.clients)));
    let denied = runtime.block_on(port.tell(hyper::Method::POST, "/services/T/pause"));
    assert!(matches!(denied, Err(AdminError::Refused { status: 404, .. })), "{denied:?}");
}
