//! The walk from PHP's broker to ours and back, with the commands that the README gives.
//!
//! PHP's own broker does not run on a PHP 8 with the usual php-zmq, so that one of ours stands where it stood; the
//! worker and the clients are PHP's. As the recorded broker is of our kind, no difference is known, and its
//! recording must be answered alike to the byte.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::PATIENCE;
use crate::support::broker::{Broker, zmws};
use crate::support::http;
use crate::support::peers::{Found, Peer};
use crate::support::program::Program;
use crate::support::script::Script;
use crate::support::trace::zmws_trace;
use rustix::process::Signal;

const README: &str = include_str!("../../README.md");

/// The section's command that begins so, its words changed where the test's ports and files are others.
fn command(beginning: &str, changes: &[(&str, &str)]) -> Vec<String> {
    let section = README.split("\n## ").find(|section| section.starts_with("Switching from the PHP server"));
    let mut lines = section.expect("the README has the section").lines();
    let line = lines.find_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with(beginning)));
    let mut line = line.unwrap_or_else(|| panic!("the README has no command {beginning:?}")).to_owned();
    for (from, to) in changes {
        assert!(line.contains(from), "{line:?} has no {from:?}");
        line = line.replace(from, to);
    }
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// A recorder that runs.
struct Recorder {
    program: Program,
    clients: u16,
    workers: u16,
    http: Option<u16>,
}

impl Recorder {
    /// With more words, for ports beside the two.
    fn start(broker: &Broker, file: &Path, more: &[&str]) -> Self {
        let (clients, workers) =
            (format!("127.0.0.1:{}", broker.clients), format!("127.0.0.1:{}", broker.workers));
        let mut words = command(
            "zmws-trace record",
            &[
                ("--listen 6555", "--listen 0"),
                ("--listen 6556", "--listen 0"),
                ("127.0.0.1:5555", &clients),
                ("127.0.0.1:5556", &workers),
                ("--upstream 1.0.0", "--upstream zmws"),
                ("monday.jsonl", file.to_str().expect("a path in UTF-8")),
            ],
        );
        // The ports and the heartbeats of this test are not the usual ones.
        let unusual = ["--as", "frontend", "--as", "backend", "--heartbeat-interval", "1"];
        words.extend(unusual.iter().chain(more).map(|word| (*word).to_owned()));
        let program = Program::start("zmws-trace record", Command::new(zmws_trace()).args(words));
        let port = |line: &str| {
            let address = line.strip_prefix("recording ")?.split(' ').next()?;
            address.rsplit_once(':')?.1.parse().ok()
        };
        let [clients, workers] = [(); 2].map(|()| program.wait_for("its port", PATIENCE, port));
        let http = (!more.is_empty()).then(|| program.wait_for("its port", PATIENCE, port));
        Self { program, clients, workers, http }
    }

    fn stop(mut self) {
        self.program.signal(Signal::INT);
        let status = self.program.end(PATIENCE);
        assert!(status.success(), "{status}: {}", self.program.log());
    }
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.jsonl"))
}

/// Plays a PHP worker and PHP clients of each kind through a recorder, and checks its recording.
fn recorded_php(php: &Found, broker: &Broker, file: &Path) {
    let recorder = Recorder::start(broker, file, &[]);
    let flags = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let worker = Script::start(Peer::Php, php, "worker", recorder.workers, &flags(&["--service=STR-REV"]));
    worker.wait_for("ready");
    broker.wait_for_workers("STR-REV", 1);
    for (dialect, socket) in [("zmws1", "req"), ("zmws1", "dealer"), ("zmws2", "req"), ("zmws2", "dealer")] {
        let cases = "--cases=reverse,nothing,fail,stream,big,background,unknown,workers";
        let kind =
            [&format!("--dialect={dialect}"), &format!("--socket={socket}"), "--service=STR-REV", cases];
        Script::start(Peer::Php, php, "client", recorder.clients, &flags(&kind)).finish();
    }
    drop(worker);
    recorder.stop();
}

fn run(program: impl AsRef<std::ffi::OsStr>, words: &[String]) -> Output {
    Command::new(program).args(words).output().expect("it starts")
}

#[test]
fn what_php_peers_said_to_our_broker_is_answered_without_any_difference() {
    let Some(php) = Peer::Php.or_leave_out() else { return };
    let broker = Broker::start(&[]);
    let file = recording("switching-record");
    recorded_php(&php, &broker, &file);
    let path = [("monday.jsonl", file.to_str().expect("a path in UTF-8"))];

    let shown = run(zmws_trace(), &command("zmws-trace show", &path));
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success() && text.contains("SYNC-STR-REV") && text.contains("READY"), "{text}");

    let replayed = run(zmws_trace(), &command("zmws-trace run", &path));
    let text = String::from_utf8_lossy(&replayed.stdout);
    assert!(replayed.status.success() && text.trim_end().ends_with(" same"), "{text}");
}

#[test]
fn what_a_gateway_answered_over_http_is_answered_without_any_difference() {
    let broker = Broker::start(&[]);
    let file = recording("switching-http");
    // The recorder must know the gateway's port and the gateway the recorder's: one of them is chosen first.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let web = free.expect("a free port");
    let more = ["--listen", "0", "--to", &web.to_string(), "--as", "http"];
    let recorder = Recorder::start(&broker, &file, &more);
    let mut worker = Command::new(zmws());
    worker.args(["worker", "--service-name=STR-REV", "--builtin", "reverse"]);
    worker.arg(format!("--backend-port={}", recorder.workers));
    let _worker = Program::start("zmws worker", &mut worker);
    broker.wait_for_workers("STR-REV", 1);
    let mut gateway = Command::new(zmws());
    gateway.args(["gateway", &format!("--client-port={}", recorder.clients)]);
    gateway.arg(format!("--http-port={}", web.port()));
    let _gateway = Program::start("zmws gateway", &mut gateway);
    crate::support::poll("the gateway listens", PATIENCE, || std::net::TcpStream::connect(web).ok());
    let port = recorder.http.expect("a third door");
    for path in ["/SYNC-STR-REV?str=abc", "/STR-REV?str=x", "/NOBODY", "/", "/SERVER-WORKERS", "/v1/services"]
    {
        http::get(port, path);
    }
    recorder.stop();
    let path = [("monday.jsonl", file.to_str().expect("a path in UTF-8"))];
    let replayed = run(zmws_trace(), &command("zmws-trace run", &path));
    let text = String::from_utf8_lossy(&replayed.stdout);
    assert!(replayed.status.success() && text.trim_end().ends_with(" same"), "{text}");
    // What is the same is not nothing: with one byte of a body spoilt it is noticed.
    let spoilt = std::fs::read_to_string(&file)
        .expect("just written")
        .replace(r#""cba\"\nCOMPLETE"#, r#""cbX\"\nCOMPLETE"#);
    std::fs::write(&file, spoilt).expect("writable");
    let replayed = run(zmws_trace(), &command("zmws-trace run", &path));
    let text = String::from_utf8_lossy(&replayed.stdout);
    assert!(!replayed.status.success() && text.contains("our gateway's body is another"), "{text}");
}

/// A broker at given ports.
fn broker_at(words: &[String]) -> Program {
    let mut command = Command::new(zmws());
    command.args(words).env("HEARTBEAT_INTERVAL", "1").env("HEARTBEAT_MAXTRIES", "3");
    let program = Program::start("zmws broker", &mut command);
    program.wait_for("its ports", PATIENCE, |line| line.contains("workers").then_some(()));
    program
}

/// Asks until the worker has found its way: the broker refuses a service that nobody offers yet.
fn answers(clients: u16) {
    let words = command("zmws call", &[("--port 5555", &format!("--port {clients}"))]);
    crate::support::poll("the worker comes back", PATIENCE, || {
        let output = run(zmws(), &words);
        (output.status.success() && output.stdout == b"olleH\n").then_some(())
    });
}

#[test]
fn php_workers_follow_to_the_new_broker_and_back() {
    let Some(php) = Peer::Php.or_leave_out() else { return };
    let mut old = Broker::start(&[]);
    let [clients, workers, news] = [old.clients, old.workers, old.news];
    let flags = ["--service=STR-REV".to_owned()];
    let worker = Script::start(Peer::Php, &php, "worker", workers, &flags);
    worker.wait_for("ready");
    answers(clients);

    old.was_stopped();
    old.program.kill();
    let ports =
        [("=5555", format!("={clients}")), ("=5556", format!("={workers}")), ("=5557", format!("={news}"))];
    let changes = ports.each_ref().map(|(from, to)| (*from, to.as_str()));
    let words = command("zmws broker", &changes);
    let mut new = broker_at(&words);
    answers(clients);

    new.signal(Signal::INT);
    assert!(new.end(PATIENCE).success(), "{}", new.log());
    let _old = broker_at(&words);
    answers(clients);
}
