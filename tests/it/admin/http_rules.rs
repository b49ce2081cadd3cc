//! What the port refuses, and that nobody who is slow or rude there delays a job.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use super::*;
use crate::support::broker::zmws;
use crate::support::program::Program;
use crate::support::raw::{self, RawWorker};
use crate::support::{PATIENCE, http, poll};

fn ask(broker: &Broker, head: &str) -> http::Answer {
    http::exchange(broker.admin, &format!("{head}\r\nConnection: close\r\n\r\n"))
}

#[test]
fn only_an_operator_of_this_machine_is_heard() {
    let broker = patient_broker(&[]);
    let status = |head: &str| ask(&broker, head).status;
    assert_eq!(status("GET /status HTTP/1.1\r\nHost: localhost"), 200);
    assert_eq!(status("GET /status HTTP/1.1\r\nHost: evil.example"), 403);
    assert_eq!(status("POST /drain HTTP/1.1\r\nHost: localhost"), 403);
    assert_eq!(status("POST /drain HTTP/1.1\r\nHost: evil.example\r\nX-Zmws: 1"), 403);
    assert_eq!(status("GET /drain HTTP/1.1\r\nHost: localhost\r\nX-Zmws: 1"), 405);
    assert_eq!(status("GET /nowhere HTTP/1.1\r\nHost: localhost"), 404);
    assert_eq!(status("POST /drain HTTP/1.1\r\nHost: localhost\r\nX-Zmws: 1\r\nContent-Length: 9"), 413);
    let wrong = ask(&broker, "POST /metrics HTTP/1.1\r\nHost: localhost");
    assert!(wrong.status == 405 && wrong.head.contains("allow: get, head"), "{wrong:?}");
    assert_eq!(json(&broker, "/status")["state"], "running");
}

#[test]
fn whoever_floods_or_starves_the_port_delays_no_job() {
    let broker = patient_broker(&[]);
    let _worker = RawWorker::start(broker.workers, zmws::message::Dialect::Zmws2, "S");
    broker.wait_for_workers("S", 1);
    // As many connections as there may be, that say half a request and wait.
    let mut slow: Vec<TcpStream> = (0..64).map(|_| raw::connect(broker.admin)).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /status HTTP/1.1\r\nHost: loc").expect("the broker reads");
    }
    // Whoever comes is let in: the one that has been idle for longest goes.
    assert_eq!(http::get(broker.admin, "/healthz").body, "ok\n");
    assert!(raw::is_hung_up(&mut slow[0], PATIENCE), "the first has been idle for longest");
    assert!(!raw::is_hung_up(&mut slow[63], Duration::from_millis(100)), "the last has not");
    broker.serves("S", Duration::from_secs(2));
    // Those who flood get their answers, and jobs theirs.
    drop(slow);
    let flood = flood(broker.admin);
    for _ in 0..50 {
        broker.serves("S", Duration::from_secs(2));
    }
    drop(flood);
    poll("the port is free again", PATIENCE, || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, broker.admin)).ok()?;
        let request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.ends_with("ok\n").then_some(())
    });
}

/// Eight connections that ask on and on and read nothing, until dropped.
fn flood(port: u16) -> Vec<TcpStream> {
    let requests = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(1_000);
    let streams: Vec<TcpStream> = (0..8).map(|_| raw::connect(port)).collect();
    for stream in &streams {
        let mut stream = stream.try_clone().expect("a socket can be shared");
        let requests = requests.clone();
        // Ends when the connection is shut, or when nobody reads any more.
        stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a TCP socket");
        std::thread::spawn(move || while stream.write_all(requests.as_bytes()).is_ok() {});
    }
    streams
}

#[test]
fn a_head_that_never_ends_is_not_waited_for() {
    let broker = patient_broker(&[]);
    let mut stream = raw::connect(broker.admin);
    stream.write_all(b"GET /status HTTP/1.1\r\nHost: localhost\r\n").expect("the broker reads");
    assert!(raw::is_hung_up(&mut stream, PATIENCE), "ten seconds are enough for a head");
    let mut stream = raw::connect(broker.admin);
    let endless = format!("GET /status HTTP/1.1\r\nHost: localhost\r\nX-Long: {}", "x".repeat(1 << 20));
    let _may_be_cut = stream.write_all(endless.as_bytes());
    assert!(raw::is_hung_up(&mut stream, Duration::from_secs(5)), "a megabyte of head is too much");
}

#[test]
fn a_taken_admin_port_is_one_clear_line_and_none_is_opened_if_none_is_wanted() {
    let broker = patient_broker(&[]);
    let run = |flag: &str| {
        let ports = ["--client-port=0", "--worker-port=0", "--news-port=0"];
        let output = Command::new(zmws()).arg("broker").args(ports).arg(flag).output();
        let output = output.expect("the program starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, error) = run(&format!("--admin-port={}", broker.admin));
    assert_eq!(code, Some(1));
    let clear = error.contains(&broker.admin.to_string()) && error.contains("--admin-port");
    assert!(error.lines().count() == 1 && clear, "{error}");
    let (code, error) = run("--admin-socket=/nonexistent/admin.sock");
    assert_eq!(code, Some(1));
    assert!(error.contains("/nonexistent/admin.sock") && error.lines().count() == 1, "{error}");

    let mut command = Command::new(zmws());
    command.args(["broker", "--client-port=0", "--worker-port=0", "--news-port=0", "--no-admin"]);
    let mut program = Program::start("zmws broker", &mut command);
    program.wait_for("its ports", PATIENCE, |line| line.starts_with("clients ").then_some(()));
    program.signal(Signal::TERM);
    assert_eq!(program.end(PATIENCE).code(), Some(0));
    assert!(!program.log().contains("admin"), "{}", program.log());
}
