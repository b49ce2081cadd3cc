//! Who may call, from which pages, and what is written down of it.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use zmws::gateway::{AccessLog, LogForm, Origins, Tokens};

use super::world::{World, play};

const TOKENS: &str = "
# a token, a blank, its services
all *
some STR-REV, SERVER-JOBS
";

#[test]
fn tokens_open_their_services_and_no_others() {
    play(async {
        let tokens = Tokens::parse(TOKENS).expect("well formed");
        let world = World::with(|config| config.tokens = Some(tokens)).await;
        let cases = [
            ("", "GET /SYNC-STR-REV?str=x", 401),
            ("Authorization: Bearer none\r\n", "GET /SYNC-STR-REV?str=x", 401),
            ("Authorization: Basic some\r\n", "GET /SYNC-STR-REV?str=x", 401),
            ("Authorization: Bearer some\r\n", "GET /SYNC-STR-REV?str=x", 200),
            ("Authorization: bearer some\r\n", "GET /STR-REV?str=x", 200),
            ("Authorization: Bearer some\r\n", "GET /SYNC-DEMO", 403),
            ("Authorization: Bearer some\r\n", "GET /SERVER-JOBS", 200),
            ("Authorization: Bearer some\r\n", "GET /SERVER-WORKERS", 403),
            ("Authorization: Bearer some\r\n", "POST /v1/jobs/DEMO", 403),
            ("Authorization: Bearer some\r\n", "POST /v1/jobs/STR-REV", 202),
            ("Authorization: Bearer some\r\n", "GET /v1/jobs?state=queued", 200),
            ("Authorization: Bearer some\r\n", "GET /v1/services", 403),
            ("Authorization: Bearer all\r\n", "GET /v1/services", 200),
            ("Authorization: Bearer all\r\n", "GET /SYNC-DEMO", 200),
            ("", "GET /v1/openapi.json", 200),
        ];
        for (headers, line, status) in cases {
            let response = world.post(line, headers, "").await;
            assert_eq!(response.status, status, "{line} with {headers:?}");
            assert_eq!(response.header("www-authenticate").is_some(), status == 401, "{line}");
        }
    });
}

#[test]
fn file_of_tokens_is_refused_at_its_first_bad_line() {
    let error = Tokens::parse("a *\n\nlonely\n").expect_err("a line without services");
    assert_eq!(error.to_string(), "line 3: a token, a blank, and the services it may call are expected");
}

#[test]
fn origins_are_told_back_if_they_are_on_the_list() {
    play(async {
        let origins = Origins::Only(vec!["https://a.example".to_owned()]);
        let world = World::with(|config| config.origins = origins).await;
        let known = world.post("GET /SYNC-", "Origin: https://a.example\r\n", "").await;
        assert_eq!(known.header("access-control-allow-origin"), Some("https://a.example"));
        assert_eq!(known.header("vary"), Some("Origin"));
        let unknown = world.post("GET /SYNC-", "Origin: https://b.example\r\n", "").await;
        assert_eq!(unknown.header("access-control-allow-origin"), None);
    });
}

/// Sends on the lines that come through a pipe.
fn follow(reader: PipeReader, lines: Sender<String>) {
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
}

#[test]
fn every_request_is_a_line_in_the_log() {
    let (sender, lines) = channel();
    let (reader, writer) = pipe().expect("descriptors are left");
    follow(reader, sender);
    play(async {
        let log = AccessLog::stream(LogForm::Json, File::from(OwnedFd::from(writer))).expect("a thread");
        let world = World::with(|config| config.access_log = Some(log)).await;
        world.ask("GET /SYNC-STR-REV?str=abc").await;
        world.ask("TRACE /").await;
    });
    let line = || lines.recv_timeout(Duration::from_secs(10)).expect("a line");
    for (method, target, status) in [("GET", "/SYNC-STR-REV?str=abc", 200), ("TRACE", "/", 405)] {
        let entry: serde_json::Value = serde_json::from_str(&line()).expect("JSON");
        assert_eq!((&entry["method"], &entry["target"]), (&method.into(), &target.into()));
        assert_eq!((&entry["status"], &entry["client"]), (&status.into(), &"127.0.0.1".into()));
    }
}
