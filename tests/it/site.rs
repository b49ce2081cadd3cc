//! A site as its owner runs it: started, looked at, reloaded, killed piece by piece, stopped.

mod check;
mod jobs;
mod pair;

use std::time::Duration;

use rustix::process::Signal;

use crate::support::program::Program;
use crate::support::site::{Site, is_alive, kill, wait_for_workers};
use crate::support::{PATIENCE, http, poll};

const OURS: &str = r#"
[broker]
client_port = {clients}
worker_port = {workers}
news_port = {news}
admin_port = {admin}
heartbeat_interval = 1

[gateway]
http_port = {http}

[[worker]]
service = "STR-REV"
builtin = "reverse"
processes = 2

[[worker]]
service = "SLEEP"
builtin = "sleep"
"#;

const NAMES: [&str; 5] = ["broker", "gateway", "str-rev-1", "str-rev-2", "sleep"];

fn lines_without_pids(text: &str) -> String {
    let mut plain = String::new();
    for letter in text.chars() {
        match letter.is_ascii_digit() && plain.ends_with(['(', '#']) {
            true if plain.ends_with('(') => plain.push('#'),
            true => {}
            false => plain.push(letter),
        }
    }
    plain
}

#[test]
fn a_site_is_started_shown_and_stopped() {
    let site = Site::new("zmws.toml", OURS);
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    insta::assert_snapshot!(lines_without_pids(&started.stdout), @r"
    broker started (#)
    gateway started (#)
    str-rev-1 started (#)
    str-rev-2 started (#)
    sleep started (#)
    ");
    wait_for_workers(&site, 3);
    assert!(http::get(site.http, "/SYNC-STR-REV?str=abc").body.starts_with("PARAM-JSON: \"cba\"\n"));
    for name in NAMES {
        assert_eq!(site.process(name)["state"], "running", "{name}");
        assert_eq!(site.process(name)["pid"], site.pid(name).expect("a pid file"), "{name}");
    }
    let again = site.run(&["start", "--workers"]);
    assert_eq!(again.status, Some(0), "{again:?}");
    insta::assert_snapshot!(lines_without_pids(&again.stdout), @r"
    str-rev-1 already running (#)
    str-rev-2 already running (#)
    sleep already running (#)
    ");
    let shown = site.run(&["status", "--json", "--servers"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let names: Vec<_> =
        shown["processes"].as_array().expect("a list").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["broker", "gateway"]);
    let paused = site.run(&["pause", "--service", "SLEEP"]);
    assert_eq!(paused.status, Some(0), "it finds the admin port of the configuration: {paused:?}");
    let stopped = site.run(&["stop", "str-rev"]);
    insta::assert_snapshot!(lines_without_pids(&stopped.stdout), @r"
    Stopped str-rev-1 (#)
    Stopped str-rev-2 (#)
    ");
    let stopped = site.run(&["stop"]);
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    insta::assert_snapshot!(lines_without_pids(&stopped.stdout), @r"
    Stopped gateway (#)
    No PID for str-rev-1
    No PID for str-rev-2
    Stopped sleep (#)
    Stopped broker (#)
    ");
    assert_eq!(site.marked(), [0; 0]);
    assert_eq!(
        site.run(&["reload"]).stderr,
        "zmws: nothing is supervised here; start it with `zmws start`\n"
    );
}

#[test]
fn whatever_is_killed_comes_back_within_two_seconds() {
    let site = Site::new("zmws.toml", OURS);
    assert_eq!(site.run(&["start"]).status, Some(0));
    for name in NAMES {
        let pid = site.pid(name).expect("it runs");
        kill(pid);
        site.comes_back(name, pid, Duration::from_secs(2));
    }
    wait_for_workers(&site, 3);
    assert!(http::get(site.http, "/SYNC-STR-REV?str=abc").body.starts_with("PARAM-JSON: \"cba\"\n"));
}

#[test]
fn the_death_of_the_supervisor_doubles_nothing() {
    let site = Site::new("zmws.toml", OURS);
    assert_eq!(site.run(&["start"]).status, Some(0));
    let before = NAMES.map(|name| site.pid(name).expect("it runs"));
    let supervisor = site.supervisor();
    kill(supervisor);
    poll("the supervisor is gone", PATIENCE, || (!is_alive(supervisor)).then_some(()));
    // The programs do not notice.
    assert!(before.iter().all(|&pid| is_alive(pid)));
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    assert!(started.stdout.lines().all(|line| line.contains("already running")), "{started:?}");
    assert_eq!(NAMES.map(|name| site.pid(name).expect("it runs")), before);
    let mut marked = site.marked();
    marked.sort_unstable();
    let mut expected = before.to_vec();
    expected.sort_unstable();
    assert_eq!(marked, expected);
    // The new one keeps them as its own.
    kill(before[2]);
    site.comes_back(NAMES[2], before[2], Duration::from_secs(2));
}

#[test]
fn what_a_dead_supervisor_left_can_be_stopped() {
    let site = Site::new("zmws.toml", OURS);
    assert_eq!(site.run(&["start"]).status, Some(0));
    let supervisor = site.supervisor();
    kill(supervisor);
    poll("the supervisor is gone", PATIENCE, || (!is_alive(supervisor)).then_some(()));
    let stopped = site.run(&["stop"]);
    assert_eq!(stopped.status, Some(0), "{stopped:?}");
    assert_eq!(
        stopped.stdout.lines().filter(|line| line.starts_with("Stopped")).count(),
        NAMES.len(),
        "{stopped:?}"
    );
    assert_eq!(site.marked(), [0; 0]);
}

#[test]
fn in_the_foreground_a_signal_stops_all_and_a_reload_is_one_too() {
    let site = Site::new("zmws.toml", OURS);
    let mut foreground =
        Program::start("zmws start --foreground", &mut site.command(&["start", "--foreground"]));
    foreground.wait_for("the last program", PATIENCE, |line| line.starts_with("sleep started").then_some(()));
    wait_for_workers(&site, 3);
    let before = NAMES.map(|name| site.pid(name).expect("it runs"));
    site.configure(&OURS.replace("processes = 2", "processes = 3"));
    foreground.signal(Signal::HUP);
    poll("the third is there", PATIENCE, || site.pid("str-rev-3").filter(|&pid| is_alive(pid)));
    assert_eq!(NAMES.map(|name| site.pid(name).expect("it runs")), before);
    foreground.signal(Signal::TERM);
    assert_eq!(foreground.end(PATIENCE).code(), Some(0), "{}", foreground.log());
    assert_eq!(site.marked(), [0; 0]);
}

#[test]
fn a_port_that_is_taken_is_said_by_the_start() {
    let site = Site::new("zmws.toml", OURS);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", site.http)).expect("it was free");
    let started = site.run(&["start", "gateway"]);
    assert_eq!(started.status, Some(1));
    let line = started.stdout.lines().next().expect("a line");
    let expected = format!(
        "gateway ended at once (exit status 1): zmws: cannot listen for HTTP at 127.0.0.1:{}",
        site.http
    );
    assert!(line.starts_with(&expected), "{line}");
}

#[test]
fn a_configuration_that_is_wrong_starts_nothing() {
    let site = Site::new("zmws.toml", "[broker]\nclint_port = 1\n[[worker]]\n");
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(1));
    insta::assert_snapshot!(started.stderr, @r#"
    zmws: zmws.toml:2:1: unknown key "clint_port" in [broker]; did you mean "client_port"?
    zmws: zmws.toml:3:3: a worker has one of command, builtin, php, program: what is it?
    "#);
    assert!(!site.dir.join("run").exists());
}
