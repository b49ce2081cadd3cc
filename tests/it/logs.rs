//! The log in its three forms, as real processes write it.

use std::fs::File;
use std::process::{Command, Stdio};

use crate::support::broker::{Broker, zmws};
use crate::support::program::Program;
use crate::support::raw::RawPeer;
use crate::support::site::{Site, lines};
use crate::support::{PATIENCE, http, poll};
use rustix::process::Signal;
use serde_json::Value;

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
    let quiet = life_of_a_broker(&[], port);
    assert!(!quiet.contains("[I]") && quiet.starts_with("clients "), "{quiet}");
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
    assert_eq!(crate::support::http::get(http, "/SYNC-STR-REV?str=abc").status, 200);
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

/// What cannot be written to: a full disk, and a pipe whose reader is gone.
fn unwritable() -> [Stdio; 2] {
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let (reader, writer) = std::io::pipe().expect("descriptors are left");
    drop(reader);
    [full.into(), writer.into()]
}

#[test]
fn a_log_that_cannot_be_written_stops_nobody_and_is_counted() {
    for form in ["php", "compact", "json"] {
        for stderr in unwritable() {
            let mut command = Command::new(zmws());
            command.arg("up").args(PORTS).args(["--http-port=0", "--log-level=D", "--admin-port=0"]);
            command.arg(format!("--log-form={form}")).env_remove("RUST_LOG");
            let mut up = Program::start_with("zmws up", &mut command, stderr);
            // `http://127.0.0.1:1/`, `http=127.0.0.1:1`, `"http":"127.0.0.1:1"`.
            let at = up.wait_for("the HTTP port", PATIENCE, |line| {
                let (_, rest) = line.split_once("http")?.1.split_once("127.0.0.1:")?;
                rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
            });
            for _ in 0..10 {
                assert_eq!(http::get(at, "/SYNC-STR-REV?str=abc").status, 200, "{form}");
                http::get(at, "/SYNC-NOBODY");
            }
            up.signal(Signal::TERM);
            assert!(up.end(PATIENCE).success(), "{form}");
        }
    }
    let [full, _] = unwritable();
    let mut command = Command::new(zmws());
    command.arg("broker").args(PORTS).args(["--admin-port=0", "--log-level=D"]).env_remove("RUST_LOG");
    let broker = Program::start_with("zmws broker", &mut command, full);
    let clients = broker
        .wait_for("the ports", PATIENCE, |line| port_of(line.strip_prefix("clients ")?.split(' ').next()?));
    let admin = broker.wait_for("the admin port", PATIENCE, |line| {
        port_of(line.strip_prefix("admin ")?.trim_end_matches('/'))
    });
    let mut client = RawPeer::dealer(clients);
    client.send(&[b"".as_slice(), b"", b"NOBODY-OFFERS-THIS"]);
    client.receive(PATIENCE).expect("a refusal");
    poll("the lines are counted", PATIENCE, || {
        let text = http::get(admin, "/metrics").body;
        let count = text.lines().find_map(|line| line.strip_prefix("zmws_log_lines_dropped_total "))?;
        (count.parse::<f64>().expect("a number") >= 1.0).then_some(())
    });
}

#[test]
fn a_flood_of_long_names_is_summed_up_and_others_are_heard() {
    let broker = Broker::start(&[]);
    let offer = |peer: &mut RawPeer, name: &[u8]| peer.send(&[name, b"READY"]);
    let mut flooder = RawPeer::dealer(broker.workers);
    let name = [b"mmi.\x1b[31m\n".to_vec(), vec![b'N'; 60_000]].concat();
    for _ in 0..2_000 {
        offer(&mut flooder, &name);
    }
    let mut other = RawPeer::dealer(broker.workers);
    offer(&mut other, b"mmi.other");
    let log = poll("both are heard", PATIENCE, || {
        let log = broker.program.log();
        let of_flooder = log.lines().filter(|line| line.contains("peer=1"));
        let told: u64 = of_flooder.map(|line| more(line).unwrap_or(1)).sum();
        (log.contains("mmi.other") && told == 2_000).then_some(log)
    });
    assert!(log.len() < 30_000, "{} bytes of log", log.len());
    assert!(!log.contains('\x1b') && log.contains("N…(255 bytes)"), "{log}");
}

/// `[…] [W] - … 1,234 more: …`
fn more(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("- … ")?;
    rest.split_once(" more: ")?.0.replace(',', "").parse().ok()
}

#[test]
fn a_worker_that_leaves_a_job_is_named_with_its_service_and_its_job() {
    let broker = Broker::start(&[]);
    let mut worker = RawPeer::connect(broker.workers, "DEALER", b"WORKER-7");
    worker.send(&[b"RESIZE".as_slice(), b"READY"]);
    broker.wait_for_workers("RESIZE", 1);
    let mut client = RawPeer::dealer(broker.clients);
    client.send(&[b"".as_slice(), b"", b"RESIZE"]);
    // Heartbeats are one frame.
    while worker.receive(PATIENCE).expect("a job").len() == 1 {}
    drop(worker);
    poll("it is told", PATIENCE, || {
        let log = broker.program.log();
        let line = log.lines().find(|line| line.contains("worker left in the middle of a job"))?.to_owned();
        let names = ["service=RESIZE", "worker=WORKER-7", "job="];
        names.iter().all(|name| line.contains(name)).then_some(())
    });
}

#[test]
fn sighup_ends_nobody() {
    let broker = Broker::start(&["--log-level=I"]);
    broker.program.signal(Signal::HUP);
    poll("it is told", PATIENCE, || broker.program.log().contains("SIGHUP").then_some(()));
    broker.list("SERVER-WORKERS");
}

#[test]
fn at_sighup_the_gateway_opens_its_access_log_and_reads_its_tokens_anew() {
    let dir = std::env::temp_dir().join(format!("zmws-sighup-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let (log, moved, tokens) = (dir.join("access.log"), dir.join("moved.log"), dir.join("tokens"));
    std::fs::write(&tokens, "old *\n").expect("room");
    let flag = |name: &str, path: &std::path::Path| format!("--{name}={}", path.display());
    let up = crate::support::up::Up::start(&[&flag("access-log", &log), &flag("tokens", &tokens)]);
    let lines = |path: &std::path::Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    assert_eq!(http::get(up.http, "/before").status, 401);
    poll("a line", PATIENCE, || (lines(&log) == 1).then_some(()));
    std::fs::rename(&log, &moved).expect("it is there");
    // No token any more: whoever asks has to have the right one still.
    std::fs::write(&tokens, "a line that is no token\n\nlonely\n").expect("room");
    up.program.signal(Signal::HUP);
    poll("it is opened anew", PATIENCE, || log.exists().then_some(()));
    poll("bad tokens are refused", PATIENCE, || {
        up.program.log().contains("the tokens stay as they are").then_some(())
    });
    assert_eq!(http::get(up.http, "/after").status, 401);
    poll("a line in the new file", PATIENCE, || (lines(&log) == 1).then_some(()));
    assert_eq!(lines(&moved), 1);
    let _ = std::fs::remove_dir_all(&dir);
}

#[test]
fn the_programs_of_a_site_have_its_form_unless_their_section_says_otherwise() {
    let text = "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\n\
                admin_port = {admin}\nlog_form = \"compact\"\n[gateway]\nhttp_port = {http}\n";
    let site = Site::new("zmws.toml", text);
    let started = site.run(&["start", "--log-form=json"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    let of = |name: &str| {
        let path = site.dir.join("logs").join(name);
        poll(name, PATIENCE, || Some(lines(&path)).filter(|lines| !lines.is_empty()))
    };
    for name in ["gateway.txt", "zmws.txt"] {
        of(name).iter().for_each(|line| drop(object(line)));
    }
    assert!(of("broker.txt")[0].contains("Z INFO broker started clients="), "{:?}", of("broker.txt"));
}

#[test]
fn a_supervisor_says_what_it_does_unless_less_is_asked_for() {
    let text = "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\nadmin_port = {admin}\n";
    for (words, tells) in [(&["start"][..], true), (&["start", "--log-level=W"], false)] {
        let site = Site::new("zmws.toml", text);
        for words in [words, &["restart"]] {
            let done = site.run(words);
            assert_eq!(done.status, Some(0), "{done:?}");
        }
        let log = lines(&site.dir.join("logs/zmws.txt")).join("\n");
        assert_eq!(log.contains("] [I] - "), tells, "{words:?}: {log}");
    }
}
