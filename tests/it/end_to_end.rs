//! The program as a user has it: `up`, or broker, gateway and workers as processes of their own, and `call`.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use zmws::message::Dialect::{Zmws1, Zmws2};

use crate::support::broker::{Broker, zmws};
use crate::support::frames::{Kind, read_reply, request, tagged};
use crate::support::program::Program;
use crate::support::raw::RawPeer;
use crate::support::up::{Up, without_id};
use crate::support::{PATIENCE, http, poll};

#[test]
fn up_answers_over_http_as_the_original_does() {
    let up = Up::start(&[]);
    let get = |path: &str| {
        let answer = http::get(up.http, path);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    insta::assert_snapshot!(without_id(&get("/SYNC-STR-REV?str=Hello,+world")), @r#"
    PARAM-JSON: "dlrow ,olleH"
    COMPLETE: STR-REV [<id>]
    "#);
    insta::assert_snapshot!(without_id(&get("/STR-REV?str=Hello,+world")), @"JOB: <id> STR-REV");
    insta::assert_snapshot!(without_id(&get("/SLEEP")), @"JOB: <id> SLEEP");
    insta::assert_snapshot!(get("/SYNC-NOBODY"), @"FAIL: NOBODY");

    let workers: Vec<Value> = serde_json::from_str(&get("/SERVER-WORKERS")).expect("a list");
    let mut services: Vec<&str> = workers.iter().filter_map(|worker| worker["service"].as_str()).collect();
    services.sort_unstable();
    assert_eq!(services, ["SLEEP", "STR-REV"]);
    poll("both jobs are in the history", PATIENCE, || {
        let history: Vec<Value> = serde_json::from_str(&get("/SERVER-HIST")).expect("a list");
        (history.len() == 3).then_some(())
    });
}

#[test]
fn a_broker_with_nothing_to_do_does_nothing() {
    let broker = Broker::start(&[]);
    // One that looks again and again whether there is something to do never sleeps.
    let mut asleep = 0;
    poll("the broker sleeps, time after time", PATIENCE, || {
        asleep = if broker.program.sleeps() { asleep + 1 } else { 0 };
        (asleep == 20).then_some(())
    });
}

#[test]
fn up_stops_at_sigterm_when_the_running_job_is_done() {
    let mut up = Up::start(&[]);
    let mut client = RawPeer::dealer(up.clients);
    client.send(&request(Zmws1, "SLEEP", None));
    let mut looker = RawPeer::dealer(up.clients);
    poll("the job is running", PATIENCE, || {
        looker.send(&[b"SERVER-ACTIVE"]);
        let list = looker.receive(PATIENCE).expect("a list");
        (list.last().map(Vec::as_slice) != Some(b"[]")).then_some(())
    });
    up.program.signal(Signal::TERM);
    let reply = read_reply(Zmws1, &client.receive(PATIENCE).expect("the running job is answered"));
    assert_eq!(reply.kind, Kind::Complete);
    assert_eq!(up.program.end(PATIENCE).code(), Some(0), "{}", up.program.log());
}

#[test]
fn news_tell_each_end_of_a_job() {
    let up = Up::start(&[]);
    let mut subscriber = RawPeer::connect(up.news, "SUB", b"");
    subscriber.send(&[b"\x01JOB.STR-REV"]);
    // The subscription takes its own way to the broker, so jobs are asked until one is told of.
    let mut client = RawPeer::dealer(up.clients);
    let mut ids = Vec::new();
    let news = poll("news", PATIENCE, || {
        client.send(&request(Zmws2, "STR-REV", Some(&tagged(&json!({"str": "x"})))));
        let reply = read_reply(Zmws2, &client.receive(PATIENCE).expect("an answer"));
        ids.push(reply.id.expect("zmws names the job"));
        subscriber.has_input().then(|| subscriber.receive(PATIENCE).expect("news"))
    });
    let [topic, story] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(topic, b"JOB.STR-REV");
    let story: Value = serde_json::from_slice(story).expect("one JSON frame");
    assert_eq!((&story["service"], &story["outcome"]), (&json!("STR-REV"), &json!("complete")), "{story}");
    assert!(ids.iter().any(|id| story.to_string().contains(id.as_str())), "{story}");
}

/// Broker, gateway and worker as three processes.
#[test]
fn the_parts_work_apart_as_they_do_together() {
    let broker = Broker::start(&[]);
    let mut command = Command::new(zmws());
    command.args(["worker", "--builtin=reverse", "--service-name=BACKWARDS"]);
    let worker = Program::start("zmws worker", command.arg(format!("--backend-port={}", broker.workers)));
    let gateway_port = free_port();
    let mut command = Command::new(zmws());
    command.args([
        "gateway",
        &format!("--client-port={}", broker.clients),
        &format!("--http-port={gateway_port}"),
    ]);
    let gateway = Program::start("zmws gateway", &mut command);
    broker.wait_for_workers("BACKWARDS", 1);
    poll("the gateway listens", PATIENCE, || {
        std::net::TcpStream::connect(("127.0.0.1", gateway_port)).ok().map(drop)
    });
    let answer = http::get(gateway_port, "/SYNC-BACKWARDS?str=stressed");
    insta::assert_snapshot!(without_id(&answer.body), @r#"
    PARAM-JSON: "desserts"
    COMPLETE: BACKWARDS [<id>]
    "#);
    drop((gateway, worker));
}

/// `zmws call` with these words, and this on its standard input.
fn call(port: u16, words: &[&str], input: &str) -> Output {
    let mut command = Command::new(zmws());
    command.arg("call").arg(format!("--port={port}")).args(words);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the program starts");
    // A call that does not read its input may be gone by now.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("the program ends")
}

#[test]
fn call_takes_parameters_in_every_form_and_shows_results_in_two() {
    let up = Up::start(&[]);
    let cases: [(&[&str], &str, &str); 6] = [
        (&["STR-REV", "str=a+b&c"], "", "c&b+a"),
        (&["STR-REV", "--json", r#"{"str":"json"}"#], "", "nosj"),
        (&["STR-REV", "-"], r#"{"str":"input"}"#, "tupni"),
        (&["STR-REV", "--php", "str=php"], "", "php"),
        (&["STR-REV", "--raw", "str=abc"], "", r#"PARAM-JSON: "cba""#),
        (&["SLEEP", "--timeout=10"], "", ""),
    ];
    for (words, input, expected) in cases {
        let output = call(up.clients, words, input);
        let shown = (output.status.code(), text(&output.stdout).trim_end());
        assert_eq!(shown, (Some(0), expected), "{words:?}: {}", text(&output.stderr));
    }
}

#[test]
fn call_streams_parts_and_gives_up_in_time() {
    let broker = Broker::start(&[]);
    let mut command = Command::new(zmws());
    command.args(["worker", "--builtin=random", &format!("--backend-port={}", broker.workers)]);
    let _random = Program::start("zmws worker", &mut command);
    let mut command = Command::new(zmws());
    command.args(["worker", "--service-name=FAIL", &format!("--backend-port={}", broker.workers)]);
    let _failing = Program::start("zmws worker", command.args(["--", "sh", "-c", "sleep 0.5; exit 3"]));
    broker.wait_for_workers("RANDOM", 1);
    broker.wait_for_workers("FAIL", 1);

    let parts = call(broker.clients, &["--stream", "RANDOM"], "");
    assert_eq!(parts.status.code(), Some(0));
    assert_eq!(text(&parts.stdout).lines().filter(|part| part.len() == 32).count(), 100);

    let late = call(broker.clients, &["--timeout=0.1", "FAIL"], "");
    assert_eq!((late.status.code(), text(&late.stdout)), (Some(1), ""));
    assert!(text(&late.stderr).contains("within 100ms"), "{}", text(&late.stderr));

    let failed = call(broker.clients, &["FAIL"], "");
    assert_eq!((failed.status.code(), text(&failed.stdout)), (Some(1), ""));
    assert!(text(&failed.stderr).contains("failed"), "{}", text(&failed.stderr));
}

#[test]
fn call_prints_the_result_and_ends_with_its_status() {
    let up = Up::start(&[]);
    let call = |words: &[&str]| call(up.clients, words, "");
    let done = call(&["STR-REV", "str=Hello, world"]);
    assert_eq!((done.status.code(), text(&done.stdout).trim_end()), (Some(0), "dlrow ,olleH"));
    let taken = call(&["--async", "STR-REV", "str=x"]);
    assert_eq!(taken.status.code(), Some(0));
    assert_eq!(without_id(text(&taken.stdout).trim_end()), "<id>");
    let refused = call(&["NOBODY"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(text(&refused.stderr).lines().count(), 1, "one clear line: {}", text(&refused.stderr));
}

/// What a call that fails says, in its one line.
fn complaint(port: u16, words: &[&str]) -> String {
    let output = call(port, words, "");
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), ""), "{words:?}");
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "one clear line: {said}");
    said.trim_end().to_owned()
}

#[test]
fn call_says_which_of_the_things_that_can_go_wrong_did() {
    let up = Up::start(&[]);
    let said = |words: &[&str]| complaint(up.clients, words);
    assert!(said(&["NOBODY"]).starts_with("zmws: no worker offers NOBODY;"), "{}", said(&["NOBODY"]));
    assert!(said(&["SYNC-STR-REV"]).ends_with("zmws call STR-REV"));
    assert_eq!(
        said(&["SLEEP", "--timeout=50ms"]),
        "zmws: no answer from SLEEP within 50ms (--timeout); the job may yet be done"
    );
    let drained = Command::new(zmws())
        .args(["drain", "STR-REV", &format!("--admin=127.0.0.1:{}", up.admin)])
        .output()
        .expect("the program starts");
    assert!(drained.status.success(), "{drained:?}");
    let full = said(&["STR-REV", "str=x"]);
    assert!(full.starts_with("zmws: the broker did not take the job of STR-REV: "), "{full}");

    assert_eq!(complaint(1, &["STR-REV"]), "zmws: no broker answers at 127.0.0.1:1; is it running?");
    let unknown = complaint(5555, &["STR-REV", "--host=no-such-host.invalid"]);
    assert!(unknown.starts_with("zmws: the host no-such-host.invalid cannot be resolved: "), "{unknown}");
}

#[test]
fn a_failed_call_names_its_job() {
    let broker = Broker::start(&[]);
    let mut worker = RawPeer::dealer(broker.workers);
    worker.send(&[b"MDPC02".as_slice(), b"3", b"FAILS", b"READY"]);
    broker.wait_for_workers("FAILS", 1);
    let port = broker.clients;
    let caller = std::thread::spawn(move || complaint(port, &["FAILS"]));
    let job = loop {
        let frames = worker.receive(PATIENCE).expect("a job");
        let last = frames.last().expect("a message has a frame").clone();
        if let Some(id) = last.strip_prefix(b"JOB: ") {
            break text(id).to_owned();
        }
    };
    let end = format!("FAIL: {job}");
    worker.send(&[b"MDPC02".as_slice(), b"3", b"FAILS", b"PARAM-JSON: \"no\\nroom\"", end.as_bytes()]);
    let said = caller.join().expect("it was one clear line");
    assert_eq!(said, format!("zmws: job {job} of FAILS failed: no; room"));
}

#[test]
fn call_prints_the_broker_s_lists() {
    let up = Up::start(&[]);
    let list = call(up.clients, &["SERVER-WORKERS"], "");
    let list: Vec<Value> = serde_json::from_slice(&list.stdout).expect("a list");
    assert_eq!(list.len(), 2);
    for name in ["SERVER-JOBS", "SERVER-ACTIVE", "SERVER-HIST"] {
        assert_eq!(text(&call(up.clients, &[name], "").stdout), "[]\n");
    }
}

#[test]
fn a_port_that_is_taken_is_one_clear_line_and_status_1() {
    let broker = Broker::start(&[]);
    let mut command = Command::new(zmws());
    command.args([
        "broker",
        &format!("--client-port={}", broker.clients),
        "--worker-port=0",
        "--news-port=0",
    ]);
    let output = command.output().expect("the program starts");
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.lines().count() == 1 && error.contains(&broker.clients.to_string()), "{error}");
}

#[test]
fn wrong_usage_is_status_2() {
    let many = &["broker", "--client-port=many"][..];
    let no_json = &["call", "STR-REV", "--json", "{"][..];
    for words in [many, no_json, &["nonsense"], &["worker", "--builtin=dance"], &[]] {
        let output = Command::new(zmws()).args(words).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2), "{words:?}");
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the program prints UTF-8")
}

/// A port that nobody has at this moment, for a program that cannot choose one and say which.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there is a port");
    listener.local_addr().expect("it is bound").port()
}
