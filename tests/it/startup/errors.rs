//! A command that cannot start says why in one line, and what to do; its exit status is 1, or 2 if the words were
//! wrong.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::PATIENCE;
use crate::support::broker::zmws;
use crate::support::program::Program;

/// The admin port, too, is chosen by the system.
const ADMIN: (&str, &str) = ("ZMWS_BROKER_ADMIN_PORT", "0");
const PORTS: [&str; 3] = ["--client-port=0", "--worker-port=0", "--news-port=0"];

fn outcome(words: &[&str]) -> Output {
    let mut command = Command::new(zmws());
    command.args(words).env(ADMIN.0, ADMIN.1).env_remove("RUST_LOG").output().expect("the program starts")
}

/// The line, if the command failed as it should; what it says must have all of `parts`.
fn fails(words: &[&str], parts: &[&str]) {
    let output = outcome(words);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words:?}: {text}");
    assert!(text.starts_with("zmws: ") && text.lines().count() == 1, "{words:?} says {text:?}");
    for part in parts {
        assert!(text.contains(part), "{words:?} says {text:?}, without {part:?}");
    }
}

fn is_wrong_usage(words: &[&str], part: &str) {
    let output = outcome(words);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{words:?}: {text}");
    assert!(text.contains(part), "{words:?} says {text:?}, without {part:?}");
}

/// A file of this test, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn file(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("zmws-startup-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("the folder for temporary files can be written");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a name of ours")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_port_in_use_is_told_with_the_flag_for_another() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let port = taken.local_addr().expect("it is bound").port();
    for (command, flag) in [
        ("broker", "--client-port"),
        ("broker", "--worker-port"),
        ("broker", "--news-port"),
        ("up", "--client-port"),
        ("up", "--http-port"),
        ("gateway", "--http-port"),
    ] {
        let given = format!("{flag}={port}");
        let mut words = vec![command];
        words.extend(if command == "gateway" { &[][..] } else { &PORTS[..] });
        words.extend(if command == "up" { &["--http-port=0"][..] } else { &[][..] });
        words.push(&given);
        fails(&words, &[&address, "another program has the port", flag]);
    }
}

#[test]
fn two_ports_that_are_one_are_told_as_such() {
    let both = ["--client-port=6555", "--worker-port=6555", "--news-port=0"];
    let parts = ["--client-port and --worker-port are both 6555"];
    fails(&[&["broker"], &both[..]].concat(), &parts);
    fails(&[&["up", "--http-port=0"], &both[..]].concat(), &parts);
    fails(
        &["up", "--http-port=6555", "--client-port=6555"],
        &["--http-port and --client-port are both 6555"],
    );
}

#[test]
fn an_address_of_another_machine_is_told() {
    // RFC 5737: no machine has it.
    let words = [&["broker", "--address=203.0.113.7"], &PORTS[..]].concat();
    fails(&words, &["203.0.113.7", "this machine does not have the address", "--address"]);
}

#[test]
fn a_file_that_cannot_be_used_is_told_with_its_flag() {
    let gateway = |flag: &str, parts: &[&str]| fails(&["gateway", "--http-port=0", flag], parts);
    gateway("--tokens=/nonexistent/tokens", &["/nonexistent/tokens", "No such file", "--tokens"]);
    gateway("--access-log=/nonexistent/log", &["/nonexistent/log", "No such file", "--access-log"]);
    gateway("--access-log=/", &["cannot write /:", "--access-log"]);
    let tokens = Scratch::file("tokens", "# ours\nword-without-services\n");
    gateway(&format!("--tokens={}", tokens.path()), &[tokens.path(), "line 2", "--tokens"]);
}

#[test]
fn a_worker_s_program_that_cannot_be_started_is_told_before_a_job_comes() {
    let worker = |program: &str, parts: &[&str]| fails(&["worker", "--service-name=X", "--", program], parts);
    worker("/nonexistent/program", &["/nonexistent/program", "there is no such file"]);
    worker("zmws-no-such-program", &["no folder of PATH has it"]);
    worker("/usr", &["it is a folder"]);
    let script = Scratch::file("script", "#!/bin/sh\n");
    worker(script.path(), &["it is not executable", "chmod +x"]);
}

#[test]
fn a_broker_that_is_not_there_is_told_by_call() {
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port();
    fails(
        &["call", "DEMO", &format!("--port={free}")],
        &["no broker answers at 127.0.0.1", "is it running?"],
    );
    fails(&["call", "DEMO", "--host=broker.invalid"], &["the host broker.invalid cannot be resolved: "]);
}

#[test]
fn a_broker_that_is_not_there_is_told_once_by_those_who_wait_for_it() {
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it is bound").port();
    let (client, backend) = (format!("--client-port={free}"), format!("--backend-port={free}"));
    let mut gateway = Program::start(
        "zmws gateway",
        Command::new(zmws()).args(["gateway", "--http-port=0", &client]).env_remove("RUST_LOG"),
    );
    let mut worker = Program::start(
        "zmws worker",
        Command::new(zmws()).args(["worker", "--builtin=sleep", &backend]).env_remove("RUST_LOG"),
    );
    for program in [&mut gateway, &mut worker] {
        let told = |log: &str| log.matches("[W] - broker not reached").count();
        crate::support::poll("a word about the broker", PATIENCE, || {
            (told(&program.log()) > 0).then_some(())
        });
        program.signal(rustix::process::Signal::TERM);
        assert!(program.end(PATIENCE).success());
        assert_eq!(told(&program.log_to_its_end()), 1, "{}", program.log());
    }
}

#[test]
fn values_that_make_no_sense_are_wrong_usage() {
    for (words, part) in [
        (&["broker", "--client-port=99999"][..], "--client-port"),
        (&["broker", "--address=localhost"], "--address"),
        (&["broker", "--frame-max-mb=99999999999999"], "megabytes from 1 to"),
        (&["broker", "--frame-max-mb=0"], "megabytes from 1 to"),
        (&["broker", "--queue-max-mb=17592186044416"], "megabytes from 1 to"),
        (&["broker", "--max-connections=0"], "a whole number from 1 on"),
        (&["broker", "--heartbeat-interval=soon"], "a duration is expected, as 250ms, 5s"),
        (&["broker", "--job-timeout=DEMO=0"], "a duration above 0 is expected"),
        (&["broker", "--log-form=xml"], "php, compact, json"),
        (&["gateway", "--timeout=-1"], "a duration is expected"),
        (&["gateway", "--timeout=NaN"], "a duration is expected"),
        (&["gateway", "--body-max-mb=0"], "megabytes from 1 to"),
        (&["worker"], "--builtin"),
        (&["worker", "--builtin=nosuch"], "sleep, reverse and random"),
        (&["worker", "--service-name=", "--builtin=sleep"], "--service-name"),
        (&["worker", "--concurrency=0", "--builtin=sleep"], "a whole number from 1 on"),
        (&["worker", "--service-name=X", "--timeout=0", "--", "cat"], "a duration above 0 is expected"),
        (&["call", ""], "SERVICE"),
        (&["call", "DEMO", "--timeout=-1"], "a duration is expected"),
        (&["brokr"], "'broker'"),
        (&[], "Usage"),
    ] {
        is_wrong_usage(words, part);
    }
}

/// As `sh` sets the limit; a soft limit alone is raised again by the program.
fn with_open_files(limit: u32, words: &[&str]) -> Output {
    let script = format!("ulimit -n {limit}; exec \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, "sh"]).arg(zmws()).args(words).env(ADMIN.0, ADMIN.1);
    command.env_remove("RUST_LOG").output().expect("a shell is there")
}

#[test]
fn too_low_a_limit_of_open_files_is_told() {
    for words in [
        &["broker"][..],
        &["gateway", "--http-port=0"],
        &["up", "--http-port=0"],
        &["worker", "--builtin=sleep"],
    ] {
        let output = with_open_files(16, words);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {text}");
        assert!(text.contains("the limit of open files is 16") && text.contains("ulimit -n"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn fewer_open_files_than_connections_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = format!("--client-port={}", taken.local_addr().expect("it is bound").port());
    // It says so, and then ends for want of its port.
    let output = with_open_files(200, &["broker", "--worker-port=0", "--news-port=0", &port]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("fewer files may be open than connections may come"), "{text}");
}
