//! The socket in the file system: it serves when the port does not, and only its owner.

use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::Signal;

use super::*;
use crate::support::broker::zmws;
use crate::support::program::Program;
use crate::support::{PATIENCE, http};

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// The path of a socket in a directory of the test, which goes with it.
struct Socket(PathBuf);

impl Socket {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("zmws-admin-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("room");
        Self(dir.join("admin.sock"))
    }

    fn flag(&self) -> String {
        format!("--admin-socket={}", self.0.display())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.0.parent().expect("it is in a directory"));
    }
}

#[test]
fn a_socket_says_which_broker_it_is_and_goes_with_it() {
    let socket = Socket::new("which");
    let mut broker = patient_broker(&[&socket.flag()]);
    let mode = std::fs::metadata(&socket.0).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let answer = http::exchange_at(&socket.0, HEALTH);
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let pid = broker.program.pid().as_raw_nonzero();
    let name = format!("x-zmws-broker: 127.0.0.1:{} (pid {pid})", broker.clients);
    assert!(answer.head.contains(&name), "{answer:?}");
    let status = json(&broker, "/status");
    assert_eq!(status["pid"], pid.get());
    assert_eq!(status["clients"], format!("127.0.0.1:{}", broker.clients));

    broker.was_stopped();
    broker.program.signal(Signal::TERM);
    assert!(broker.program.end(PATIENCE).success());
    assert!(!socket.0.exists(), "the socket stays behind");
}

#[test]
fn a_dead_broker_s_socket_is_taken_over_and_a_living_one_s_is_not() {
    let socket = Socket::new("taken");
    let mut dead = patient_broker(&[&socket.flag()]);
    dead.was_stopped();
    dead.program.kill();
    assert!(socket.0.exists());
    let _living = patient_broker(&[&socket.flag()]);
    assert_eq!(http::exchange_at(&socket.0, HEALTH).status, 200);
    let ports = ["--client-port=0", "--worker-port=0", "--news-port=0", "--no-admin"];
    let output = Command::new(zmws()).arg("broker").args(ports).arg(socket.flag()).output();
    let output = output.expect("the program starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("another broker listens there"), "{error}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_link_or_a_file_in_place_of_the_socket_is_left_alone() {
    let socket = Socket::new("link");
    let victim = socket.0.with_file_name("victim");
    std::fs::write(&victim, "precious").expect("room");
    std::os::unix::fs::symlink(&victim, &socket.0).expect("room");
    let ports = ["--client-port=0", "--worker-port=0", "--news-port=0", "--no-admin"];
    let output = Command::new(zmws()).arg("broker").args(ports).arg(socket.flag()).output();
    let output = output.expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("something else than a socket is there"));
    assert_eq!(std::fs::read_to_string(&victim).expect("it is there"), "precious");
}

#[test]
fn operators_get_in_when_no_descriptor_is_left() {
    let socket = Socket::new("limit");
    let script = "ulimit -n 96; exec \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(zmws());
    command.args(["broker", "--client-port=0", "--worker-port=0", "--news-port=0", "--admin-port=0"]);
    let broker = Program::start("zmws broker", command.arg(socket.flag()).env_remove("RUST_LOG"));
    let clients: u16 = broker.wait_for("its ports", PATIENCE, |line| {
        line.strip_prefix("clients 127.0.0.1:")?.split_whitespace().next()?.parse().ok()
    });
    let port: u16 = broker.wait_for("its admin port", PATIENCE, |line| {
        line.strip_prefix("admin http://127.0.0.1:")?.trim_end_matches('/').parse().ok()
    });
    let _clients: Vec<TcpStream> =
        (0..150).filter_map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, clients)).ok()).collect();
    // Idle ones at both doors, too: they make room.
    let _idle: Vec<UnixStream> = (0..8).filter_map(|_| UnixStream::connect(&socket.0).ok()).collect();
    for _ in 0..20 {
        assert_eq!(http::exchange_at(&socket.0, HEALTH).body, "ok\n");
        assert_eq!(http::exchange(port, HEALTH).body, "ok\n");
    }
}

#[test]
fn a_default_admin_port_that_is_taken_keeps_nobody_from_starting() {
    // Whoever has it, this test or another program.
    let _taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 5581));
    let socket = Socket::new("default");
    let mut command = Command::new(zmws());
    command.args(["broker", "--client-port=0", "--worker-port=0", "--news-port=0"]).arg(socket.flag());
    let broker = Program::start("zmws broker", command.env_remove("RUST_LOG"));
    broker.wait_for("its ports", PATIENCE, |line| line.starts_with("clients ").then_some(()));
    assert_eq!(http::exchange_at(&socket.0, HEALTH).body, "ok\n");
    assert!(broker.log().contains("--admin-port chooses another"), "{}", broker.log());
}
