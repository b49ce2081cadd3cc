//! Every job's fate while its workers are replaced under it: limits reached, files deployed, configuration reloaded.
//!
//! Each job has a text of its own. The broker's word that it was taken, the line that the worker that did it wrote, and
//! the answer are three books; in the end they must agree: each job that was taken was done, and done once, and each
//! client that waited got its own answer.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use zmws::client::{Client, Param};

use crate::support::peers::Peer;
use crate::support::site::{Site, lines, wait_for_workers};
use crate::support::{PATIENCE, now, poll};

/// Workers in PHP that know nothing of limits, and ours that run a program a job.
const FLEET: &str = r#"
[supervisor]
[broker]
client_port = {clients}
worker_port = {workers}
news_port = {news}
admin_port = {admin}

[[worker]]
name = "jobs"
program = ["php", "worker.php", "--port={workers}", "--service=REVERSE", "--record={dir}/done", "--deadline=600"]
processes = 2
max_jobs = 150

[[worker]]
name = "memory"
program = ["php", "worker.php", "--port={workers}", "--service=REVERSE", "--record={dir}/done", "--deadline=600", "--leak=200000", "--dialect=zmws2"]
max_memory = "96M"

[[worker]]
name = "shell"
service = "REVERSE"
command = ["sh", "reverse.sh"]
processes = 2
env = { DONE = "{dir}/done" }
max_lifetime = "3s"
"#;

const SCRIPT: &str = "printf '%s\\n' \"$ZMWS_PARAM_str\" >> \"$DONE\"; printf %s \"$ZMWS_PARAM_str\" | rev\n";
const WORKERS: u64 = 5;
/// Times that each worker must have been replaced before the traffic ends.
const REPLACED: usize = 3;

/// What the clients know.
#[derive(Debug, Default)]
struct Book {
    /// Texts of background jobs that were taken.
    taken: Vec<String>,
    /// Texts of jobs that were answered, and rightly.
    answered: Vec<String>,
    /// What should not be: refusals, failures, wrong answers.
    wrong: Vec<String>,
}

/// Ends the traffic, where an assertion fails, too: the scope would wait for it for ever.
struct SetOnDrop(Arc<AtomicBool>);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn no_job_is_lost_or_done_twice_while_workers_are_replaced() {
    let Some(_php) = Peer::Php.or_leave_out() else { return };
    let site = Site::new("zmws.toml", FLEET);
    let worker = |file: &str| {
        std::fs::read_to_string(site.filled(&format!("{{tests}}/peers/php/{file}"))).expect("a file")
    };
    site.write("worker.php", &worker("worker.php"));
    site.write("speak.php", &worker("speak.php"));
    site.write("reverse.sh", SCRIPT);
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    wait_for_workers(&site, WORKERS);

    let over = Arc::new(AtomicBool::new(false));
    let book = thread::scope(|scope| {
        let asking = scope.spawn(|| traffic(site.clients, Arc::clone(&over)));
        let ending = SetOnDrop(Arc::clone(&over));
        let mut seen: HashMap<String, HashSet<u64>> = HashMap::new();
        let end = now() + Duration::from_secs(240);
        let mut round = 0;
        let all_replaced = |seen: &HashMap<String, HashSet<u64>>| {
            !seen.is_empty() && seen.values().all(|pids| pids.len() > REPLACED)
        };
        while !all_replaced(&seen) || !all_reasons(&site) {
            assert!(now() < end, "not all were replaced in time: {seen:?}");
            round += 1;
            if round <= REPLACED {
                deploy(&site, round);
            }
            note_processes(&site, &mut seen);
            let before: usize = seen.values().map(HashSet::len).sum();
            poll("another process is seen", PATIENCE, || {
                note_processes(&site, &mut seen);
                (seen.values().map(HashSet::len).sum::<usize>() > before).then_some(())
            });
        }
        drop(ending);
        println!(
            "processes seen: {:?}",
            seen.iter().map(|(name, pids)| (name, pids.len())).collect::<Vec<_>>()
        );
        asking.join().expect("no panic")
    });
    poll("all is done", PATIENCE, || {
        let totals = &site.status()["broker"]["totals"];
        (totals["queued"] == 0 && totals["active"] == 0).then_some(())
    });
    judge(&book, &lines(&site.dir.join("done")), &site);
}

/// Whom a deployment concerns.
const CONCERNED: [&str; 3] = ["memory", "shell-1", "shell-2"];

/// A file that workers run changes, and the configuration of others; both are taken up.
fn deploy(site: &Site, round: usize) {
    let before = CONCERNED.map(|name| site.pid(name));
    // As those who deploy do it: a shell that reads the file at this moment has the old one or the new one, whole.
    site.write("reverse.new", &format!("{SCRIPT}# version {round}\n"));
    std::fs::rename(site.dir.join("reverse.new"), site.dir.join("reverse.sh")).expect("both are in the site");
    site.configure(&FLEET.replace("--leak=200000", &format!("--leak={}", 200_000 + round)));
    let reloaded = site.run(&["reload"]);
    assert_eq!(reloaded.status, Some(0), "{reloaded:?}");
    let said = |name: &str| reloaded.stdout.contains(&format!("{name} restarted ("));
    assert!(!said("jobs-1"), "{reloaded:?}");
    // One that reached a limit meanwhile has taken the change up by itself.
    for (name, before) in CONCERNED.iter().zip(before) {
        assert!(said(name) || site.pid(name) != before, "{name}: {reloaded:?}");
    }
}

/// Whether each limit has been the reason of a replacement.
fn all_reasons(site: &Site) -> bool {
    let log = lines(&site.dir.join("logs/zmws.txt"));
    let reasons = [" jobs done: replaced", " s old: replaced", " MiB of memory: replaced"];
    reasons.iter().all(|reason| log.iter().any(|line| line.contains(reason)))
}

/// Which processes each worker has had.
fn note_processes(site: &Site, seen: &mut HashMap<String, HashSet<u64>>) {
    for process in site.status()["processes"].as_array().expect("a supervisor") {
        let name = process["name"].as_str().expect("a name");
        if name != "broker" {
            seen.entry(name.to_owned()).or_default().extend(process["pid"].as_u64());
        }
    }
}

/// Twelve tasks that ask for jobs and wait, four that ask for jobs in the background.
fn traffic(port: u16, over: Arc<AtomicBool>) -> Book {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::builder()
            .servers([format!("127.0.0.1:{port}")])
            .connect()
            .timeout(Duration::from_secs(60));
        let tasks: Vec<_> =
            (0..16).map(|task| tokio::spawn(task_of(client.clone(), task, Arc::clone(&over)))).collect();
        let mut all = Book::default();
        for task in tasks {
            let book = task.await.expect("no panic");
            all.taken.extend(book.taken);
            all.answered.extend(book.answered);
            all.wrong.extend(book.wrong);
        }
        all
    })
}

async fn task_of(client: Client, task: usize, over: Arc<AtomicBool>) -> Book {
    let mut book = Book::default();
    let mut number = 0;
    while !over.load(Ordering::Relaxed) {
        number += 1;
        let text = format!("t{task}n{number}.");
        let param = Param::Json(json!({ "str": text }));
        if task.is_multiple_of(4) {
            match client.submit("REVERSE", param).await {
                Ok(_) => book.taken.push(text),
                Err(error) => book.wrong.push(format!("{text}: {error}")),
            }
            // No more than the workers can do, or the end would be long in coming.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let reversed: String = text.chars().rev().collect();
        match client.call("REVERSE", param).await.map(|reply| reply.json()) {
            Ok(Some(answer)) if answer == reversed.as_str() => book.answered.push(text),
            Ok(answer) => book.wrong.push(format!("{text}: answered {answer:?}")),
            Err(error) => book.wrong.push(format!("{text}: {error}")),
        }
    }
    book
}

/// Compares the three books.
fn judge(book: &Book, done: &[String], site: &Site) {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for text in done {
        *times.entry(text).or_default() += 1;
    }
    let asked = book.taken.len() + book.answered.len();
    let lost: Vec<_> =
        book.taken.iter().chain(&book.answered).filter(|text| !times.contains_key(text.as_str())).collect();
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    let totals = site.status()["broker"]["totals"].clone();
    println!(
        "asked {asked}, done {}, lost {}, twice {}, wrong {}",
        done.len(),
        lost.len(),
        twice.len(),
        book.wrong.len()
    );
    println!("broker: {totals}");
    assert_eq!(book.wrong, [""; 0]);
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(twice.is_empty(), "done twice: {twice:?}");
    assert_eq!(done.len(), asked);
    assert_eq!(
        (totals["accepted"].as_u64(), totals["completed"].as_u64()),
        (Some(asked as u64), Some(asked as u64))
    );
    assert_eq!((totals["failed"].as_u64(), totals["requeued"].as_u64()), (Some(0), Some(0)));
}
