//! Word to the service manager, as a socket of ours hears it.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use crate::support::PATIENCE;
use crate::support::broker::{Broker, zmws};
use crate::support::program::Program;

/// The service manager's end.
struct Manager {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    fn listen(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zmws-notify-{name}-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = UnixDatagram::bind(&path).expect("a socket in the folder for temporary files");
        socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Self { path, socket }
    }

    /// Starts a command under us.
    fn start(&self, words: &[&str]) -> Program {
        let mut command = Command::new(zmws());
        command.args(words).env(ADMIN.0, ADMIN.1).env("NOTIFY_SOCKET", &self.path).env_remove("WATCHDOG_PID");
        Program::start(words[0], &mut command)
    }

    /// The next datagram, as its lines.
    fn hear(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let length = self.socket.recv(&mut bytes).expect("the command says something");
        String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    /// Datagrams until one says `word`; pings of the watchdog do not count.
    fn hear_until(&self, word: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let lines = self.hear();
            let found = lines.iter().any(|line| line == word);
            heard.extend(lines.into_iter().filter(|line| line != "WATCHDOG=1"));
            if found {
                return heard;
            }
        }
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The admin port, too, is chosen by the system.
const ADMIN: (&str, &str) = ("ZMWS_BROKER_ADMIN_PORT", "0");
const PORTS: [&str; 3] = ["--client-port=0", "--worker-port=0", "--news-port=0"];

#[test]
fn a_broker_says_that_it_is_ready_where_it_listens_and_that_it_stops() {
    let manager = Manager::listen("broker");
    let mut broker = manager.start(&[&["broker"], &PORTS[..]].concat());
    let heard = manager.hear_until("READY=1");
    let status = manager_status(&heard);
    assert!(status.starts_with("clients 127.0.0.1:"), "{heard:?}");
    broker.signal(Signal::TERM);
    assert_eq!(manager.hear(), ["STOPPING=1"]);
    assert!(broker.end(PATIENCE).success());
}

#[test]
fn a_gateway_and_up_say_that_they_are_ready() {
    let manager = Manager::listen("gateway");
    let _gateway = manager.start(&["gateway", "--http-port=0"]);
    assert!(manager_status(&manager.hear_until("READY=1")).starts_with("http://127.0.0.1:"));
    let manager = Manager::listen("up");
    let _up = manager.start(&[&["up", "--http-port=0"], &PORTS[..]].concat());
    assert!(manager_status(&manager.hear_until("READY=1")).starts_with("http://127.0.0.1:"));
}

#[test]
fn a_worker_is_ready_when_it_has_found_its_broker() {
    let manager = Manager::listen("worker");
    // The port of a broker that comes later.
    let later = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = later.local_addr().expect("it is bound").port();
    drop(later);
    let backend = format!("--backend-port={port}");
    let _worker = manager.start(&["worker", "--builtin=reverse", &backend]);
    assert_eq!(manager.hear(), ["STATUS=connecting"]);
    let own = format!("--worker-port={port}");
    let _broker = Program::start(
        "zmws broker",
        Command::new(zmws()).args(["broker", "--client-port=0", "--news-port=0", &own]).env(ADMIN.0, ADMIN.1),
    );
    let heard = manager.hear_until("READY=1");
    assert_eq!(manager_status(&heard), format!("connected to 127.0.0.1:{port}"));
}

#[test]
fn a_worker_s_program_cannot_speak_in_its_name() {
    let manager = Manager::listen("program");
    let broker = Broker::start(&[]);
    let backend = format!("--backend-port={}", broker.workers);
    let script = ["--", "sh", "-c", "echo ${NOTIFY_SOCKET-none} ${WATCHDOG_USEC-none}"];
    let _worker = manager.start(&[&["worker", "--service-name=ENV", &backend], &script[..]].concat());
    manager.hear_until("READY=1");
    broker.wait_for_workers("ENV", 1);
    let port = format!("--port={}", broker.clients);
    let output = Command::new(zmws()).args(["call", "ENV", &port]).output().expect("the program starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "none none\n");
}

#[test]
fn the_watchdog_is_told_twice_as_often_as_it_asks() {
    let manager = Manager::listen("watchdog");
    let mut command = Command::new(zmws());
    command
        .arg("broker")
        .args(PORTS)
        .env(ADMIN.0, ADMIN.1)
        .env("NOTIFY_SOCKET", &manager.path)
        .env("WATCHDOG_USEC", "200000");
    let _broker = Program::start("zmws broker", command.env_remove("WATCHDOG_PID"));
    let first = crate::support::now();
    let pings = (0..20).map(|_| manager.hear()).filter(|lines| lines == &["WATCHDOG=1"]).take(6).count();
    assert_eq!(pings, 6);
    // Five intervals of 100 ms; a second tells them from 200 ms on any machine that is not lost.
    assert!(first.elapsed() >= std::time::Duration::from_millis(450), "{:?}", first.elapsed());
}

#[test]
fn a_watchdog_of_another_process_is_left_alone() {
    let manager = Manager::listen("other");
    let mut command = Command::new(zmws());
    command.arg("broker").args(PORTS).env(ADMIN.0, ADMIN.1).env("NOTIFY_SOCKET", &manager.path);
    command.env("WATCHDOG_USEC", "1000").env("WATCHDOG_PID", "1");
    let broker = Program::start("zmws broker", &mut command);
    manager.hear_until("READY=1");
    broker.signal(Signal::TERM);
    assert_eq!(manager.hear(), ["STOPPING=1"], "no ping");
}

#[test]
fn a_service_manager_that_is_gone_keeps_nobody_from_serving() {
    let mut command = Command::new(zmws());
    command.arg("broker").args(PORTS).env(ADMIN.0, ADMIN.1).env("NOTIFY_SOCKET", "/nonexistent/notify");
    let mut broker = Program::start("zmws broker", &mut command);
    broker.wait_for("its ports", PATIENCE, |line| line.starts_with("clients ").then_some(()));
    broker.signal(Signal::TERM);
    assert!(broker.end(PATIENCE).success());
    assert!(broker.log_to_its_end().contains("NOTIFY_SOCKET"));
}

fn manager_status(heard: &[String]) -> &str {
    heard.iter().rev().find_map(|line| line.strip_prefix("STATUS=")).expect("a status beside READY")
}
