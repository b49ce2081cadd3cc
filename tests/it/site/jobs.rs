//! What becomes of a job in whose middle its worker is replaced, stopped or killed: it is never done twice at once,
//! and what was cut off is said.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::support::broker::zmws;
use crate::support::site::{Site, is_alive, kill, lines, wait_for_workers};
use crate::support::{PATIENCE, now, poll};

const LONG: &str = r#"
[broker]
client_port = {clients}
worker_port = {workers}
news_port = {news}
admin_port = {admin}

[[worker]]
service = "LONG"
command = ["sh", "-c", "echo $$ >> {dir}/begun; sleep 60"]
processes = 2
grace = 1
"#;

/// A site with a job in the middle; the process that does it.
fn busy() -> (Site, u32) {
    busy_as(LONG)
}

fn busy_as(config: &str) -> (Site, u32) {
    let site = Site::new("zmws.toml", config);
    assert_eq!(site.run(&["start"]).status, Some(0));
    wait_for_workers(&site, 2);
    let port = format!("--port={}", site.clients);
    let call = Command::new(zmws()).args(["call", "LONG", "--async", &port]).output().expect("zmws is built");
    assert!(call.status.success(), "{call:?}");
    let first = begun(&site, 1)[0];
    (site, first)
}

/// The processes that have begun the job, as soon as there are so many.
fn begun(site: &Site, count: usize) -> Vec<u32> {
    poll("the job is begun", PATIENCE, || {
        let pids: Vec<u32> =
            lines(&site.dir.join("begun")).iter().filter_map(|line| line.parse().ok()).collect();
        (pids.len() >= count).then_some(pids)
    })
}

/// Looks all the time until `over`; how many did the job at once at most.
fn most_at_once(site: &Site, over: impl Fn() -> bool) -> usize {
    let mut most = 0;
    let end = now() + 2 * PATIENCE;
    while !over() && now() < end {
        let pids: HashSet<u32> =
            lines(&site.dir.join("begun")).iter().filter_map(|line| line.parse().ok()).collect();
        most = most.max(pids.iter().filter(|&&pid| is_alive(pid)).count());
        thread::sleep(Duration::from_millis(1));
    }
    most
}

#[test]
fn a_restart_that_cuts_a_job_off_says_so_and_never_has_it_done_twice() {
    let (site, _) = busy();
    let restarted = thread::scope(|scope| {
        let restarting = scope.spawn(|| site.run(&["restart", "long"]));
        let most = most_at_once(&site, || restarting.is_finished());
        assert_eq!(most, 1, "two of it run at once");
        restarting.join().expect("no panic")
    });
    assert_eq!(restarted.status, Some(1), "{restarted:?}");
    let said = restarted
        .stdout
        .lines()
        .any(|line| line.contains("in the middle of job ") && line.contains("(LONG)"));
    assert!(said, "{restarted:?}");
    assert!(
        restarted.stdout.contains("long-1 restarted (") && restarted.stdout.contains("long-2 restarted (")
    );
    // The job goes on with another.
    begun(&site, 2);
}

#[test]
fn a_stop_leaves_nothing_of_a_job_behind() {
    let (site, first) = busy();
    let stopped = site.run(&["stop", "long"]);
    assert_eq!(stopped.status, Some(1), "{stopped:?}");
    assert!(stopped.stdout.contains("in the middle of job "), "{stopped:?}");
    assert!(!is_alive(first));
    let left: Vec<u32> = begun(&site, 1).into_iter().filter(|&pid| is_alive(pid)).collect();
    assert_eq!(left, [0; 0]);
}

/// Whatever is stopped or restarted: a job that is cut off by it is named, and the order was not done in full.
#[test]
fn a_stop_of_the_whole_site_says_which_job_it_cut_off() {
    let (site, first) = busy();
    let stopped = site.run(&["stop"]);
    assert_eq!(stopped.status, Some(1), "{stopped:?}");
    assert!(
        stopped.stdout.contains("in the middle of job ") && stopped.stdout.contains("(LONG)"),
        "{stopped:?}"
    );
    assert!(!is_alive(first));
}

#[test]
fn a_restart_of_the_broker_says_which_running_job_it_gave_up() {
    let (site, _) = busy_as(&LONG.replace("[broker]", "[broker]\nmemory = true"));
    let before = site.pid("broker").expect("it runs");
    let restarted = site.run(&["restart", "broker", "--force"]);
    assert_eq!(restarted.status, Some(1), "{restarted:?}");
    let said = restarted
        .stdout
        .lines()
        .any(|line| line.starts_with("broker: gave up running ") && line.ends_with(" (LONG)"));
    assert!(said, "{restarted:?}");
    assert_ne!(site.pid("broker"), Some(before));
}

/// On disk, it is not lost: the worker goes on, and its answer counts.
#[test]
fn a_restart_of_the_broker_keeps_what_is_on_disk() {
    let (site, first) = busy();
    let restarted = site.run(&["restart", "broker"]);
    assert_eq!(restarted.status, Some(0), "{restarted:?}");
    assert!(restarted.stdout.contains("broker: keeps 1 job for its next start\n"), "{restarted:?}");
    assert!(is_alive(first));
}

#[test]
fn a_worker_that_is_killed_takes_its_program_with_it() {
    let (site, first) = busy();
    let worker = ["long-1", "long-2"].into_iter().find(|name| {
        let pid = site.pid(name).expect("it runs");
        // Between the two is who ends the program with its worker.
        children(pid).into_iter().any(|guard| children(guard).contains(&first))
    });
    let worker = worker.expect("one of them does the job");
    let pid = site.pid(worker).expect("it runs");
    kill(pid);
    site.comes_back(worker, pid, PATIENCE);
    assert!(!is_alive(first), "the next worker is there, and the program of the last one is, too");
}

fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

#[test]
fn a_restart_loses_no_job_in_the_background() {
    let site = Site::new("zmws.toml", LONG);
    assert_eq!(site.run(&["start"]).status, Some(0));
    wait_for_workers(&site, 2);
    assert_eq!(site.run(&["pause", "--service", "LONG"]).status, Some(0));
    let port = format!("--port={}", site.clients);
    for _ in 0..3 {
        let call =
            Command::new(zmws()).args(["call", "LONG", "--async", &port]).output().expect("zmws is built");
        assert!(call.status.success(), "{call:?}");
    }
    let before = site.pid("broker").expect("it runs");
    let restarted = site.run(&["restart", "broker"]);
    assert_eq!(restarted.status, Some(0), "{restarted:?}");
    assert!(!restarted.stdout.contains("Given up"), "{restarted:?}");
    assert_ne!(site.pid("broker"), Some(before));
    let queued = site.run(&["jobs", "--state=queued", "--json"]);
    assert_eq!(queued.stdout.matches("\"id\":").count(), 3, "{queued:?}");
    assert!(site.dir.join("data/queue.redb").is_file());
}

#[test]
fn a_restart_that_would_lose_queued_jobs_says_how_many_and_does_nothing() {
    let in_memory = LONG.replace("[broker]", "[broker]\nmemory = true");
    let site = Site::new("zmws.toml", &in_memory);
    assert_eq!(site.run(&["start"]).status, Some(0));
    wait_for_workers(&site, 2);
    assert_eq!(site.run(&["pause", "--service", "LONG"]).status, Some(0));
    let port = format!("--port={}", site.clients);
    for _ in 0..3 {
        let call =
            Command::new(zmws()).args(["call", "LONG", "--async", &port]).output().expect("zmws is built");
        assert!(call.status.success(), "{call:?}");
    }
    let before = site.pid("broker").expect("it runs");
    site.configure(&in_memory.replace("[broker]", "[broker]\nhandover = true"));
    for words in [&["restart", "broker"][..], &["restart"], &["reload"]] {
        let refused = site.run(words);
        assert_eq!(refused.status, Some(1), "{words:?}: {refused:?}");
        assert!(refused.stdout.contains("broker: 3 queued jobs would be lost"), "{words:?}: {refused:?}");
        assert!(refused.stdout.contains("--force"), "{words:?}: {refused:?}");
        assert_eq!(site.pid("broker"), Some(before));
    }
    // Workers may be restarted all the same.
    assert_eq!(site.run(&["restart", "--workers"]).status, Some(0));
    let forced = site.run(&["reload", "--force"]);
    assert_eq!(forced.status, Some(0), "{forced:?}");
    assert!(forced.stdout.contains("broker: gave up 3 queued jobs\n"), "{forced:?}");
    assert_ne!(site.pid("broker"), Some(before));
}

#[test]
fn idle_workers_stop_at_once() {
    let site = Site::new("zmws.toml", LONG);
    assert_eq!(site.run(&["start"]).status, Some(0));
    wait_for_workers(&site, 2);
    let began = now();
    let stopped = site.run(&["stop"]);
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    // It was two seconds, and takes some milliseconds on a machine that is idle.
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
}

const FEW: &str = r#"
[broker]
client_port = {clients}
worker_port = {workers}
news_port = {news}

[[worker]]
service = "FEW"
command = ["sh", "-c", "cut -d' ' -f4 /proc/$PPID/stat >> {dir}/done"]
concurrency = 2
max_jobs = 5
"#;

#[test]
fn a_worker_does_as_many_jobs_as_it_may_and_is_replaced() {
    does_five_jobs_a_process(FEW, 2);
}

/// One that speaks ZeroMQ itself is counted by the broker, which is told as soon as the worker has come: its jobs take
/// longer than that.
#[test]
fn a_foreign_worker_gets_as_many_jobs_as_it_may_and_is_replaced() {
    let job = "sleep 0.2; cut -d' ' -f4 /proc/$PPID/stat >> {dir}/done";
    let zmws = zmws().display().to_string();
    let own = FEW.lines().filter(|line| !line.starts_with("command") && !line.starts_with("concurrency"));
    let config: Vec<String> = own.map(str::to_owned).chain([format!(
        r#"program = ["{zmws}", "worker", "--service-name=FEW", "--backend-port={{workers}}", "--", "sh", "-c", "{job}"]"#
    )]).collect();
    does_five_jobs_a_process(&config.join("\n"), 1);
}

fn does_five_jobs_a_process(config: &str, workers: u64) {
    let site = Site::new("zmws.toml", config);
    assert_eq!(site.run(&["start"]).status, Some(0));
    wait_for_workers(&site, workers);
    let port = format!("--port={}", site.clients);
    for _ in 0..23 {
        let call =
            Command::new(zmws()).args(["call", "FEW", "--async", &port]).output().expect("zmws is built");
        assert!(call.status.success(), "{call:?}");
    }
    let done = poll("all jobs are done", PATIENCE, || {
        let done = lines(&site.dir.join("done"));
        (done.len() >= 23).then_some(done)
    });
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for pid in &done {
        *counts.entry(pid).or_default() += 1;
    }
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable();
    assert_eq!(counts, [3, 5, 5, 5, 5]);
    // It did what it should, and is no trouble.
    assert_eq!(site.process("few")["restarts"], 0);
}
