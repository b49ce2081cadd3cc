//! The examples do what they say.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use zmws::client::{Answer, Client};
use zmws::server::Addresses;
use zmws::worker::Worker;
use zmws::worker::program::{Mode, Program};

use super::fake::{PATIENCE, Running};
use super::served::{call, start, with_server};
use crate::support::peers::Peer;
use zmws::worker::builtin::Builtin;

fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

fn offer(service: &'static str, program: Program, addresses: Addresses) -> Running {
    let builder = Worker::builder(service).servers([addresses.workers.to_string()]);
    Running::start(program.worker(builder).expect("it has a name"))
}

async fn value(client: &Client, service: &str, param: Value) -> Option<Value> {
    call(client, service, param).await.ok()?.json()
}

/// A process of an example; ends when it is dropped.
fn started(command: &mut tokio::process::Command) -> tokio::process::Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("it can be started")
}

#[test]
fn the_shell_worker_counts_words() {
    with_server(|addresses, client| async move {
        let _worker = offer("COUNT-WORDS", Program::new([example("worker.sh")]), addresses);
        let counted = value(&client, "COUNT-WORDS", json!({"text": "three little words"})).await;
        assert_eq!(counted, Some(json!(3)));
        call(&client, "COUNT-WORDS", json!({})).await.expect_err("there is nothing to count");
    });
}

#[test]
fn the_python_worker_splits_words_in_one_piece_or_many() {
    let Some(python) = Peer::Python.or_leave_out() else { return };
    with_server(|addresses, client| async move {
        let command = [python.program, example("worker.py").into()];
        let program = Program { mode: Mode::Lines, ..Program::new(command) };
        let _worker = offer("WORDS", program, addresses);
        assert_eq!(value(&client, "WORDS", json!({"text": "one two"})).await, Some(json!(["one", "two"])));
        call(&client, "WORDS", json!({})).await.expect_err("there is nothing to split");
        let mut answers =
            client.stream("WORDS", json!({"text": "one two", "each": 1})).await.expect("it is sent");
        let mut parts = Vec::new();
        while let Some(answer) = answers.next().await {
            match answer.expect("it is done") {
                Answer::Part(part) => parts.extend(part.json()),
                Answer::Result(result) => assert_eq!(result.json(), None),
            }
        }
        assert_eq!(parts, [json!("one"), json!("two")]);
    });
}

#[test]
fn the_rust_worker_greets_adds_and_counts() {
    // Built already where all is tested; here for those who test this file alone.
    let built = Command::new(env!("CARGO")).args(["build", "-q", "--example", "worker"]).status();
    assert!(built.expect("cargo can be run").success());
    let tests = std::env::current_exe().expect("a test has a file");
    let target = tests.parent().and_then(|deps| deps.parent()).expect("in target/debug/deps");
    let worker = target.join("examples").join("worker");
    with_server(|addresses, client| async move {
        let _worker = started(tokio::process::Command::new(worker).arg(addresses.workers.to_string()));
        assert_eq!(value(&client, "GREET", json!({"name": "you"})).await, Some(json!("Hello, you")));
        assert_eq!(value(&client, "SUM", json!({"of": ["1", "2.5"]})).await, Some(json!(3.5)));
        call(&client, "SUM", json!({"of": ["x"]})).await.expect_err("x is no number");
        call(&client, "COUNT", json!({"to": "3"})).await.expect("it counts");
    });
}

#[test]
fn the_php_worker_greets() {
    let Some(php) = Peer::Php.or_leave_out() else { return };
    with_server(|addresses, client| async move {
        let port = format!("--port={}", addresses.workers.port());
        let _worker =
            started(tokio::process::Command::new(php.program).arg(example("php/worker.php")).arg(port));
        assert_eq!(value(&client, "GREET", json!({"name": "you"})).await, Some(json!("Hello, you")));
        assert_eq!(value(&client, "GREET", json!({})).await, Some(json!("Hello, world")));
    });
}

#[test]
fn the_php_client_calls_and_submits() {
    let Some(php) = Peer::Php.or_leave_out() else { return };
    with_server(|addresses, client| async move {
        let _worker = start(Builtin::Reverse, addresses);
        call(&client, "STR-REV", json!({})).await.expect("the worker is there");
        let mut command = tokio::process::Command::new(php.program);
        command.arg(example("php/client.php")).arg(format!("--port={}", addresses.clients.port()));
        let ended = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output());
        let Output { status, stdout, stderr } = ended.await.expect("it ends").expect("it can be started");
        let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        assert!(status.success(), "{stdout}{stderr}");
        let lines: Vec<_> = stdout.lines().collect();
        assert!(lines[0].starts_with("COMPLETE: STR-REV ["), "{stdout}");
        assert_eq!(lines[1], r#""dlrow ,olleH""#);
        assert!(lines[2].starts_with("JOB: ") && lines[2].ends_with(" STR-REV"), "{stdout}");
    });
}
