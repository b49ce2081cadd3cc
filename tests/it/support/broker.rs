//! The real `zmws broker`, on ports that the system chose.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use zmws::message::Dialect;

use super::frames::{self, Kind};
use super::program::Program;
use super::raw::RawPeer;
use super::{PATIENCE, poll};

/// A running broker. Dropping it kills it, and fails the test if it has panicked.
pub(crate) struct Broker {
    /// The process.
    pub(crate) program: Program,
    /// The port for clients.
    pub(crate) clients: u16,
    /// The port for workers.
    pub(crate) workers: u16,
    /// The port for news.
    pub(crate) news: u16,
    /// The port for operators.
    pub(crate) admin: u16,
    stopped: bool,
    /// Its own, if no flag names one and all brokers of the tests shall be durable.
    _directory: Option<Directory>,
}

/// A directory for jobs, which is gone with it. The broker makes it.
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
}

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { path: std::env::temp_dir().join(format!("zmws-data-{}-{number}", std::process::id())) }
    }

    pub(crate) fn flag(&self) -> String {
        format!("--data-dir={}", self.path.display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// With this variable, all brokers of the tests keep their jobs on disk.
const DURABLE: &str = "ZMWS_TEST_DURABLE";

impl Broker {
    /// A broker whose heartbeats come each second, with more flags.
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_as(Command::new(zmws()), flags)
    }

    /// The same with so many descriptors at most.
    pub(crate) fn start_with_descriptors(limit: u32, flags: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("ulimit -n {limit} && exec \"$0\" \"$@\"")).arg(zmws());
        Self::start_as(shell, flags)
    }

    /// The same by another command, to which the program's own words are added.
    pub(crate) fn start_as(mut command: Command, flags: &[&str]) -> Self {
        let own = flags.iter().all(|flag| !flag.starts_with("--data-dir") && *flag != "--memory");
        let directory = (own && std::env::var_os(DURABLE).is_some()).then(Directory::new);
        command
            .args(["broker", "--client-port=0", "--worker-port=0", "--news-port=0", "--admin-port=0"])
            .args(flags)
            .args(directory.as_ref().map(Directory::flag))
            .env("HEARTBEAT_INTERVAL", "1")
            .env("HEARTBEAT_MAXTRIES", "3")
            .env("RUST_BACKTRACE", "1");
        let program = Program::start("zmws broker", &mut command);
        let [clients, workers, news] = program.wait_for("its ports", PATIENCE, ports);
        let admin = program.wait_for("its admin port", PATIENCE, admin_port);
        Self { program, clients, workers, news, admin, stopped: false, _directory: directory }
    }

    /// SIGKILL, and waits until the system has done it.
    pub(crate) fn kill(&mut self) {
        self.stopped = true;
        self.program.kill();
    }

    /// The test has stopped it: that it is gone is no failure.
    pub(crate) fn was_stopped(&mut self) {
        self.stopped = true;
    }

    /// A list as `SERVER-WORKERS` and its kin answer it.
    pub(crate) fn list(&self, name: &str) -> Vec<Value> {
        let mut client = RawPeer::dealer(self.clients);
        client.send(&[b"".as_slice(), name.as_bytes()]);
        let frames = client.receive(PATIENCE).expect("the broker answers");
        let json = frames.last().expect("a message has a frame");
        serde_json::from_slice(json).unwrap_or_else(|error| panic!("{name} is no JSON: {error}: {frames:?}"))
    }

    /// Waits until a service has so many workers.
    pub(crate) fn wait_for_workers(&self, service: &str, count: usize) {
        let of_service = |worker: &&Value| worker["service"] == service;
        poll("the workers are there", PATIENCE, || {
            let workers = self.list("SERVER-WORKERS");
            (workers.iter().filter(of_service).count() == count).then_some(())
        });
    }

    /// One job, asked and answered: the broker serves, and soon.
    pub(crate) fn serves(&self, service: &str, patience: Duration) {
        let mut client = RawPeer::dealer(self.clients);
        let param = frames::tagged(&serde_json::json!({"str": "are you there"}));
        client.send(&frames::request(Dialect::Zmws2, service, Some(&param)));
        let frames = client.receive(patience).expect("a reply, and soon");
        let reply = frames::read_reply(Dialect::Zmws2, &frames);
        assert_eq!((reply.kind, reply.value()), (Kind::Complete, serde_json::json!("ereht uoy era")));
    }
}

/// The program: the one cargo built with the tests, or another build of it that `ZMWS_BIN` names.
pub(crate) fn zmws() -> OsString {
    std::env::var_os("ZMWS_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_zmws").into())
}

impl Drop for Broker {
    fn drop(&mut self) {
        let log = self.program.log();
        if !std::thread::panicking() {
            assert!(!log.contains("panicked"), "the broker panicked:\n{log}");
            assert!(self.stopped || self.program.is_running(), "the broker is gone:\n{log}");
        }
    }
}

/// `clients 127.0.0.1:40001  workers 127.0.0.1:40002  news 127.0.0.1:40003`.
fn ports(line: &str) -> Option<[u16; 3]> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["clients", clients, "workers", workers, "news", news] = words.as_slice() else { return None };
    let port = |address: &str| address.rsplit_once(':')?.1.parse().ok();
    Some([port(clients)?, port(workers)?, port(news)?])
}

/// `admin http://127.0.0.1:40004/`.
fn admin_port(line: &str) -> Option<u16> {
    line.strip_prefix("admin http://")?.trim_end_matches('/').rsplit_once(':')?.1.parse().ok()
}
