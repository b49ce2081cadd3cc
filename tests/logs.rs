//! The log in its three forms, as real processes write it.

mod support;

use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use support::PATIENCE;
use support::broker::zmws;
use support::program::Program;
use support::raw::RawPeer;

/// The admin port, too, is chosen by the system.
const ADMIN: (&str, &str) = ("ZMWS_BROKER_ADMIN_PORT", "0");
const PORTS: [&str; 3] = ["--client-port=0", "--worker-port=0", "--news-port=0"];

/// What a broker prints, on both streams, from its start over a client's nonsense to SIGTERM.
fn life_of_a_broker(flags: &[&str], port: impl Fn(&str) -> Option<u16>) -> String {
    let mut command = Command::new(zmws());
    command.arg("broker").args(PORTS).args(flags).env(ADMIN.0, ADMIN.1).env_remove("RUST_LOG");
    let mut broker = Program::start("zmws broker", &mut command);
    let clients = broker.wait_for("the clients' port", PATIENCE, port);
    let mut client = RawPeer::dealer(clients);
    client.send(&[b"".as_slice(), b"PARAM-JSON: {\"secret\":\"hush\"}", b"NOBODY-OFFERS-THIS"]);
    client.receive(PATIENCE).expect("a refusal");
    broker.signal(Signal::TERM);
    assert!(broker.end(PATIENCE).success());
    broker.log_to_its_end()
}

/// The port of `127.0.0.1:40001`.
fn port_of(address: &str) -> Option<u16> {
    address.rsplit_once(':')?.1.parse().ok()
}

fn object(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line:?}"))
}

#[test]
fn in_json_form_all_lines_of_a_broker_are_objects() {
    let port = |line: &str| port_of(object(line)["clients"].as_str()?);
    let log = life_of_a_broker(&["--log-form=json", "--log-level=D"], port);
    let lines: Vec<Value> = log.lines().map(object).collect();
    assert!(lines.len() >= 4, "{log}");
    for line in &lines {
        for word in ["time", "level", "message"] {
            assert!(line[word].is_string(), "{line}");
        }
        // RFC 3339, in UTC, to the millisecond.
        let time = line["time"].as_str().expect("seen above");
        assert!(time.len() == 24 && time.ends_with('Z') && &time[10..11] == "T", "{line}");
        assert!(line.as_object().expect("an object").values().all(|value| !value.is_object()), "{line}");
    }
    let refused = lines.iter().find(|line| line["message"] == "request refused");
    let refused = refused.unwrap_or_else(|| panic!("the refusal is logged at D:\n{log}"));
    assert_eq!((&refused["level"], &refused["service"]), (&"debug".into(), &"NOBODY-OFFERS-THIS".into()));
    assert!(!log.contains("hush"), "a parameter is in the log:\n{log}");
}

#[test]
fn in_compact_form_a_line_has_time_level_message_and_fields() {
    let port = |line: &str| port_of(line.split(' ').find_map(|word| word.strip_prefix("clients="))?);
    let log = life_of_a_broker(&["--log-form=compact", "--log-level=I"], port);
    for line in log.lines() {
        let words: Vec<&str> = line.splitn(3, ' ').collect();
        assert!(words.len() == 3 && words[0].ends_with('Z') && words[1] == "INFO", "{line:?}");
    }
    assert!(log.contains(" INFO stopping: no new jobs grace_ms=10000\n"), "{log}");
}

#[test]
fn without_a_word_the_form_is_that_of_php_s_programs() {
    let port = |line: &str| port_of(line.strip_prefix("clients ")?.split(' ').next()?);
    let log = life_of_a_broker(&["--log-level=I"], port);
    assert!(log.contains("] [I] - Server startup @"), "{log}");
    assert!(log.contains(" +0000] [I] - stopping: no new jobs grace_ms=10000\n"), "{log}");
}

#[test]
fn rust_log_has_the_last_word_on_what_is_logged() {
    let mut command = Command::new(zmws());
    command.arg("broker").args(PORTS).args(["--log-form=json", "--log-level=D"]);
    command.env("RUST_LOG", "error").env(ADMIN.0, ADMIN.1);
    let mut broker = Program::start("zmws broker", &mut command);
    broker.wait_for("the clients' port", PATIENCE, |line| port_of(object(line)["clients"].as_str()?));
    broker.signal(Signal::TERM);
    assert!(broker.end(PATIENCE).success());
    assert_eq!(broker.log_to_its_end().lines().count(), 1, "only what is announced");
}

#[test]
fn in_json_form_why_a_command_failed_is_an_object_too() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let output = Command::new(zmws())
        .args(["broker", "--log-form=json", "--worker-port=0", "--news-port=0"])
        .env(ADMIN.0, ADMIN.1)
        .arg(format!("--client-port={port}"))
        .output()
        .expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let line = object(&String::from_utf8_lossy(&output.stderr));
    assert_eq!(line["level"], "error");
    assert!(line["message"].as_str().is_some_and(|text| text.contains("--client-port")), "{line}");
}

#[test]
fn in_json_form_up_and_its_access_log_are_objects() {
    let mut command = Command::new(zmws());
    command.arg("up").args(PORTS).args(["--http-port=0", "--log-form=json", "--access-log=-"]);
    command.env(ADMIN.0, ADMIN.1);
    let mut up = Program::start("zmws up", &mut command);
    let http = up.wait_for("the HTTP port", PATIENCE, |line| port_of(object(line)["http"].as_str()?));
    assert_eq!(support::http::get(http, "/SYNC-STR-REV?str=abc").status, 200);
    let target = up.wait_for("the request's line", PATIENCE, |line| Some(object(line)["target"].clone()));
    assert_eq!(target, "/SYNC-STR-REV?str=abc");
    up.signal(Signal::TERM);
    assert!(up.end(PATIENCE).success());
    up.log_to_its_end().lines().map(object).for_each(drop);
}

#[test]
fn a_form_that_would_mix_on_standard_output_is_refused() {
    let words = ["gateway", "--http-port=0", "--log-form=json", "--access-log=-", "--access-log-form=common"];
    let output = Command::new(zmws()).args(words).output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let line = object(&String::from_utf8_lossy(&output.stderr));
    assert!(line["message"].as_str().is_some_and(|text| text.contains("--access-log-form")), "{line}");
}
