//! A mixed fleet behind one broker: PHP workers of both dialects, ours, and a shell; asked by PHP, Python, Rust and HTTP
//! clients at once, with parameters in JSON and in PHP's coding. Each text is its own, so that an answer that went to
//! somebody else is seen.

use std::collections::HashSet;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use zmws::client::{CallError, Client, Param};
use zmws::params::{php, tag};

use crate::support::broker::{Broker, zmws};
use crate::support::peers::{Found, Peer};
use crate::support::program::Program;
use crate::support::script::Script;
use crate::support::{PATIENCE, http, now};

const SERVICE: &str = "REVERSE";

/// Jobs of all clients together. 20 000 to see it at its full size.
const JOBS: &str = "ZMWS_FLEET_JOBS";
/// Seconds for which workers are killed. 60 to see it at its full length.
const CHAOS: &str = "ZMWS_CHAOS_SECONDS";

/// What has become of the jobs that a client asked for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Count {
    asked: u64,
    right: u64,
    failed: u64,
    wrong: u64,
    lost: u64,
}

impl Count {
    fn of(event: &Value) -> Self {
        let number = |name: &str| event[name].as_u64().expect("a number");
        Self {
            asked: number("asked"),
            right: number("right"),
            failed: number("failed"),
            wrong: number("wrong"),
            lost: number("lost"),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            right: self.right + other.right,
            failed: self.failed + other.failed,
            wrong: self.wrong + other.wrong,
            lost: self.lost + other.lost,
        }
    }
}

/// How long a client asks.
#[derive(Clone, Copy)]
enum Until {
    Jobs(u64),
    Seconds(f64),
}

impl Until {
    fn flag(self) -> String {
        match self {
            Self::Jobs(jobs) => format!("--jobs={jobs}"),
            Self::Seconds(seconds) => format!("--seconds={seconds}"),
        }
    }
}

/// A worker of the fleet, to be started again and again.
#[derive(Clone, Copy, Debug)]
enum Kind {
    PhpZmws1,
    PhpZmws2,
    Ours,
    Shell,
}

const FLEET: [Kind; 5] = [Kind::PhpZmws1, Kind::PhpZmws2, Kind::Ours, Kind::Ours, Kind::Shell];

struct Scene {
    broker: Broker,
    gateway: Program,
    http: u16,
    php: Found,
    python: Found,
}

impl Scene {
    fn set() -> Option<Self> {
        let (php, python) = (Peer::Php.or_leave_out()?, Peer::Python.or_leave_out()?);
        let broker = Broker::start(&[]);
        let mut command = Command::new(zmws());
        command.args(["gateway", "--http-port=0", &format!("--client-port={}", broker.clients)]);
        let gateway = Program::start("zmws gateway", &mut command);
        let http = gateway.wait_for("its port", PATIENCE, |line| {
            line.trim_end_matches('/').rsplit_once("http://127.0.0.1:")?.1.parse().ok()
        });
        Some(Self { broker, gateway, http, php, python })
    }

    fn worker(&self, kind: Kind) -> Program {
        let php = |dialect: &str| {
            let flags = [format!("--dialect={dialect}"), "--deadline=300".to_owned()];
            Script::start(Peer::Php, &self.php, "worker", self.broker.workers, &flags).program
        };
        let ours = |rest: &[&str]| {
            let mut command = Command::new(zmws());
            let port = format!("--backend-port={}", self.broker.workers);
            command.args(["worker", "--service-name", SERVICE, &port]).args(rest);
            Program::start("zmws worker", command.env("HEARTBEAT_INTERVAL", "1"))
        };
        match kind {
            Kind::PhpZmws1 => php("zmws1"),
            Kind::PhpZmws2 => php("zmws2"),
            Kind::Ours => ours(&["--builtin=reverse"]),
            Kind::Shell => ours(&["--", "sh", "-c", "printf %s \"$ZMWS_PARAM_str\" | rev"]),
        }
    }

    /// Two PHP clients, one in Python, one in Rust and one over HTTP, at once.
    fn ask(&self, until: Until) -> Count {
        let php = |dialect: &str| {
            let flags = [format!("--dialect={dialect}"), until.flag()];
            Script::start(Peer::Php, &self.php, "many", self.broker.clients, &flags)
        };
        let flags = ["--deadline=600".to_owned(), until.flag()];
        let python = Script::start(Peer::Python, &self.python, "many", self.broker.clients, &flags);
        let scripts = [php("zmws1"), php("zmws2"), python];
        thread::scope(|scope| {
            let rust = scope.spawn(|| in_rust(self.broker.clients, until));
            let http = scope.spawn(|| over_http(self.http, until));
            let mut all = Count::default();
            for script in scripts {
                let events = script.finish_within(Duration::from_secs(400));
                let end = events.last().unwrap_or_else(|| panic!("a client said nothing"));
                assert_eq!(events.len(), 1, "{events:?}");
                all = all.and(Count::of(end));
            }
            all.and(rust.join().expect("no panic")).and(http.join().expect("no panic"))
        })
    }
}

/// Eight tasks over one connection, JSON and PHP in turns.
fn in_rust(port: u16, until: Until) -> Count {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::builder().servers([format!("127.0.0.1:{port}")]).connect();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8 {
            let client = client.timeout(Duration::from_secs(30));
            let until = match until {
                Until::Jobs(jobs) => Until::Jobs(jobs / 8),
                Until::Seconds(_) => until,
            };
            tasks.spawn(async move {
                let mut count = Count::default();
                let start = now();
                while more(until, count.asked, start) {
                    let text = format!("rust {task} {}.", count.asked);
                    count.asked += 1;
                    let answer = client.call(SERVICE, coded(&text, count.asked)).await;
                    tally(&mut count, &text, answer.map(|reply| reply.json()));
                }
                count
            });
        }
        tasks.join_all().await.into_iter().fold(Count::default(), Count::and)
    })
}

fn coded(text: &str, number: u64) -> Param {
    let value = json!({ "str": text });
    match number % 2 {
        0 => Param::Json(value),
        _ => {
            let value = php::to_value(&value).expect("PHP has texts and arrays");
            Param::Frame(tag::php_frame(&php::encode(&value)))
        }
    }
}

fn tally(count: &mut Count, text: &str, answer: Result<Option<Value>, CallError>) {
    match answer {
        Ok(Some(Value::String(answer))) if answer == reversed(text) => count.right += 1,
        Ok(answer) => {
            println!("wrong: {text:?} became {answer:?}");
            count.wrong += 1;
        }
        Err(CallError::Failed { .. } | CallError::Refused { .. }) => count.failed += 1,
        Err(error) => {
            println!("lost: {text:?}: {error}");
            count.lost += 1;
        }
    }
}

fn over_http(port: u16, until: Until) -> Count {
    let mut count = Count::default();
    let start = now();
    while more(until, count.asked, start) {
        let text = format!("http-{}.", count.asked);
        count.asked += 1;
        let answer = http::get(port, &format!("/SYNC-{SERVICE}?str={text}"));
        let expected = format!("PARAM-JSON: \"{}\"\nCOMPLETE: ", reversed(&text));
        match answer.body {
            body if body.starts_with(&expected) => count.right += 1,
            body if body.contains("FAIL: ") => count.failed += 1,
            body if answer.status >= 500 => {
                println!("lost: {text:?}: {body}");
                count.lost += 1;
            }
            body => {
                println!("wrong: {text:?} became {body:?}");
                count.wrong += 1;
            }
        }
    }
    count
}

fn more(until: Until, asked: u64, start: std::time::Instant) -> bool {
    match until {
        Until::Jobs(jobs) => asked < jobs,
        Until::Seconds(seconds) => start.elapsed().as_secs_f64() < seconds,
    }
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().expect("a whole number"))
}

#[test]
fn every_job_of_a_mixed_fleet_is_answered_once_and_right_and_all_workers_work() {
    let Some(scene) = Scene::set() else { return };
    let _workers: Vec<Program> = FLEET.iter().map(|&kind| scene.worker(kind)).collect();
    scene.broker.wait_for_workers(SERVICE, FLEET.len());
    let jobs = from_environment(JOBS, 4_000);
    let (seen, done) = (Mutex::new(HashSet::new()), AtomicBool::new(false));
    let count = thread::scope(|scope| {
        // Who did the last hundred jobs, again and again.
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let rows = scene.broker.list("SERVER-HIST");
                let workers = rows.iter().filter_map(|row| row["worker"].as_str().map(str::to_owned));
                seen.lock().expect("no panic").extend(workers);
            }
        });
        // Five clients; tasks share the Rust client's part evenly.
        let count = scene.ask(Until::Jobs(jobs / 40 * 8));
        done.store(true, Ordering::Relaxed);
        count
    });
    println!("{count:?}");
    assert_eq!(count, Count { asked: jobs / 40 * 40, right: jobs / 40 * 40, ..Count::default() });
    assert_eq!(seen.lock().expect("no panic").len(), FLEET.len(), "all workers had jobs");
    drop(scene.gateway);
}

#[test]
fn no_answer_is_lost_or_wrong_while_workers_are_killed() {
    let Some(scene) = Scene::set() else { return };
    let seconds = from_environment(CHAOS, 8);
    let done = AtomicBool::new(false);
    let mut workers: Vec<Program> = FLEET.iter().map(|&kind| scene.worker(kind)).collect();
    scene.broker.wait_for_workers(SERVICE, FLEET.len());
    let (count, kills) = thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let count = scene.ask(Until::Seconds(seconds as f64));
            done.store(true, Ordering::Relaxed);
            count
        });
        let mut chance = fastrand::Rng::with_seed(4);
        let mut kills = 0;
        while !done.load(Ordering::Relaxed) {
            let victim = chance.usize(..FLEET.len());
            workers[victim].kill();
            workers[victim] = scene.worker(FLEET[victim]);
            kills += 1;
            scene.broker.wait_for_workers(SERVICE, FLEET.len());
        }
        (asking.join().expect("no panic"), kills)
    });
    println!("{kills} workers killed: {count:?}");
    assert!(kills >= 3, "{kills}");
    assert_eq!((count.wrong, count.lost), (0, 0), "{count:?}");
    assert_eq!(count.asked, count.right + count.failed, "{count:?}");
    assert!(count.right > 100, "{count:?}");
}
