//! The exit status of every command: 0, 1 with one clear line, 2 for wrong usage, as the table in the reference says.

use std::collections::BTreeSet;
use std::process::{Command, Output, Stdio};

use rustix::process::Signal;

use crate::support::broker::zmws;
use crate::support::program::Program;
use crate::support::site::Site;
use crate::support::terminal::Terminal;
use crate::support::up::Up;
use crate::support::{PATIENCE, poll};

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("zmws can be started")
}

fn zmws_with(words: &[&str]) -> Command {
    let mut command = Command::new(zmws());
    command.args(words).current_dir(std::env::temp_dir()).env("ZMWS_CONFIG", "none");
    command
}

/// It is done, and there is nothing to complain about.
fn is_0(command: &mut Command) {
    let output = output(command);
    assert_eq!(output.status.code(), Some(0), "{command:?}: {output:?}");
}

/// It has failed, and says why in one line.
fn is_1(command: &mut Command) {
    let output = output(command);
    assert_eq!(output.status.code(), Some(1), "{command:?}: {output:?}");
    let said = String::from_utf8(output.stderr).expect("it is text");
    let is_clear = said.lines().count() == 1 && said.starts_with("zmws: ") && said.len() > 20;
    assert!(is_clear, "{command:?} says\n{said}");
}

/// It is not understood, and says what was.
fn is_2(words: &[&str]) {
    let output = output(&mut zmws_with(words));
    assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("error: "), "{words:?}: {output:?}");
}

/// The commands of the table in the reference.
fn commands() -> BTreeSet<String> {
    let dir = std::env::temp_dir().join(format!("zmws-exit-status-{}", std::process::id()));
    let out = dir.to_str().expect("it is text");
    is_0(&mut zmws_with(&["generate", "cli", "--out", out]));
    let page = std::fs::read_to_string(dir.join("cli.md")).expect("it was written");
    std::fs::remove_dir_all(&dir).expect("it is ours");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `zmws ")?.split_once('`'));
    rows.map(|(command, _)| command.to_owned()).collect()
}

#[test]
fn a_word_that_is_not_known_is_2_for_every_command() {
    let commands = commands();
    assert!(commands.len() >= 25, "{commands:?}");
    // All words of trace are those of zmws-trace.
    for command in commands.iter().filter(|command| *command != "trace") {
        let words: Vec<&str> = command.split(' ').chain(["--no-such-flag"]).collect();
        is_2(&words);
    }
    for words in [
        &["call"][..],
        &["call", "STR-REV", "foo"],
        &["call", "STR-REV", "=x"],
        &["call", "STR-REV", "-", "str=x"],
        &["call", "SERVER-JOBS", "a=b"],
        &["call", "STR-REV", "--timeout", "soon"],
        &["pause"],
        &["jobs", "retry"],
        &["jobs", "--state", "lost"],
        &["retry"],
        &["completions", "tcsh"],
    ] {
        is_2(words);
    }
}

#[test]
fn what_runs_until_it_is_stopped_is_0_then_and_1_if_it_cannot_start() {
    let up = Up::start(&[]);
    let taken = format!("{}", up.clients);
    let admin = ["--admin-port=0", "--news-port=0", "--worker-port=0"];
    is_1(zmws_with(&["broker", "--client-port", &taken]).args(admin));
    is_1(zmws_with(&["up", "--http-port=0", "--client-port", &taken]).args(admin));
    is_1(&mut zmws_with(&["gateway", "--http-port", &up.http.to_string()]));
    is_1(&mut zmws_with(&["worker", "--", "./no-such-program"]));
    is_1(
        zmws_with(&["worker", "--builtin=sleep", "--heartbeat-interval=5"]).env("ZMWS_WORKER_GRACE", "long"),
    );

    let ports = ["--client-port=0", "--worker-port=0", "--news-port=0", "--admin-port=0"];
    let backend = format!("--backend-port={}", up.workers);
    let started: [(&[&str], &str); 3] = [
        (&[&["broker"][..], &ports].concat(), "admin "),
        (&["gateway", "--http-port=0"], "HTTP http://"),
        (&["worker", "--builtin=sleep", "--log-level=I", &backend], "Worker connecting"),
    ];
    for (words, ready) in started {
        let mut program = Program::start(words[0], &mut zmws_with(words));
        program.wait_for(ready, PATIENCE, |line| line.contains(ready).then_some(()));
        program.signal(Signal::TERM);
        assert_eq!(program.end(PATIENCE).code(), Some(0), "{words:?}: {}", program.log());
    }
    let mut up = up;
    up.program.signal(Signal::INT);
    assert_eq!(up.program.end(PATIENCE).code(), Some(0));
}

#[test]
fn a_call_is_0_if_its_job_is_done_and_1_otherwise() {
    let up = Up::start(&[]);
    let port = up.clients.to_string();
    let call = |words: &[&str]| zmws_with(&[&["call", "--port", &port], words].concat());
    is_0(&mut call(&["STR-REV", "str=x"]));
    is_0(&mut call(&["STR-REV", "str=x", "--async"]));
    is_0(&mut call(&["SERVER-WORKERS"]));
    is_1(&mut call(&["NOBODY"]));
    is_1(&mut call(&["SLEEP", "--timeout=50ms"]));
    is_1(&mut call(&["STR-REV", "-"]));
    is_1(&mut zmws_with(&["call", "STR-REV", "--port=1", "--timeout=10"]));
    let mut failing = zmws_with(&["worker", "--service-name=FAIL", "--backend-port"]);
    failing.arg(up.workers.to_string()).args(["--", "sh", "-c", "echo no room >&2; exit 3"]);
    let _failing = Program::start("zmws worker", &mut failing);
    poll("the job fails", PATIENCE, || {
        let failed = output(&mut call(&["FAIL"]));
        String::from_utf8_lossy(&failed.stderr).contains(" of FAIL failed").then_some(())
    });
    is_1(&mut call(&["FAIL"]));
}

#[test]
fn an_operators_command_is_0_if_the_broker_does_it_and_1_otherwise() {
    let up = Up::start(&[]);
    let admin = format!("127.0.0.1:{}", up.admin);
    let there = |words: &[&str]| {
        let mut command = zmws_with(words);
        command.env("ZMWS_ADMIN", &admin);
        command
    };
    let away = |words: &[&str]| {
        let mut command = zmws_with(words);
        command.env("ZMWS_ADMIN", "127.0.0.1:1");
        command
    };
    let done: [&[&str]; 7] = [
        &["status"],
        &["jobs"],
        &["pause", "STR-REV"],
        &["resume", "STR-REV"],
        &["drain", "STR-REV", "--wait"],
        &["drain", "--wait"],
        &["resume"],
    ];
    for words in done {
        is_0(&mut there(words));
        is_1(&mut away(words));
    }
    let refused: [&[&str]; 5] = [
        &["pause", "NOBODY"],
        &["resume", "NOBODY"],
        &["drain", "NOBODY"],
        &["jobs", "retry", "00C0-FFEE"],
        &["jobs", "delete", "00C0-FFEE"],
    ];
    for words in refused {
        is_1(&mut there(words));
    }
    jobs_are_deleted_and_taken_back(&up, &there);
    // Without a terminal, and on one that cannot be drawn on.
    is_1(&mut there(&["top"]));
    is_1(&mut there(&["status", "--watch"]));
}

fn jobs_are_deleted_and_taken_back(up: &Up, there: &dyn Fn(&[&str]) -> Command) {
    is_0(&mut there(&["pause", "SLEEP"]));
    let port = up.clients.to_string();
    let taken = output(&mut zmws_with(&["call", "SLEEP", "--async", "--port", &port]));
    let id = String::from_utf8(taken.stdout).expect("an id").trim().to_owned();
    is_0(&mut there(&["jobs", "delete", &id]));
    is_0(&mut there(&["resume", "SLEEP"]));
    let taken = output(&mut zmws_with(&["call", "SLEEP", "--async", "--port", &port]));
    let id = String::from_utf8(taken.stdout).expect("an id").trim().to_owned();
    is_0(&mut there(&["jobs", "retry", &id]));
}

#[test]
fn screens_are_0_when_they_are_ended() {
    let up = Up::start(&[]);
    let admin = format!("127.0.0.1:{}", up.admin);
    for (words, seen) in [(&["top"][..], "STR-REV"), (&["status", "--watch"], "All is well.")] {
        let mut terminal = Terminal::start(zmws_with(words).env("ZMWS_ADMIN", &admin), 100, 24);
        terminal.wait_for(seen);
        terminal.type_in("q");
        assert_eq!(terminal.end().code(), Some(0), "{words:?}");
    }
    let news = format!("127.0.0.1:{}", up.news);
    let mut tail = Program::start("zmws tail", &mut zmws_with(&["tail", "--news", &news]));
    poll("a line", PATIENCE, || {
        is_0(&mut zmws_with(&["call", "STR-REV", "str=x", "--port", &up.clients.to_string()]));
        tail.line_if_any()
    });
    tail.signal(Signal::INT);
    assert_eq!(tail.end(PATIENCE).code(), Some(0));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the system has it");
    let mut words = zmws_with(&["completions", "bash"]);
    let status = words.stdout(full).stderr(Stdio::null()).status().expect("zmws can be started");
    assert_eq!(status.code(), Some(1));
    is_0(&mut zmws_with(&["completions", "bash"]));
}

#[test]
fn a_site_is_0_if_all_is_done_as_asked_and_1_otherwise() {
    let site = Site::new(
        "zmws.toml",
        "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\nadmin_port = {admin}\n\
         [[worker]]\nbuiltin = \"reverse\"\nservice = \"STR-REV\"\n",
    );
    let is = |words: &[&str], status: i32| {
        let done = site.run(words);
        assert_eq!(done.status, Some(status), "{words:?}: {done:?}");
        assert!(status == 0 || done.stderr.starts_with("zmws: "), "{words:?}: {done:?}");
    };
    for words in ["restart", "reload", "status"] {
        is(&[words], 1);
    }
    for words in [&["config", "check"][..], &["config", "show"], &["start"], &["start"], &["status"]] {
        is(words, 0);
    }
    is(&["restart", "str-rev"], 0);
    is(&["reload"], 0);
    is(&["start", "nobody"], 1);
    is(&["stop", "nobody"], 1);
    is(&["stop"], 0);
    is(&["stop"], 0);
    is(&["status"], 1);
    site.configure("[broker]\nclint_port = 1\n");
    for words in [&["config", "check"][..], &["config", "show"], &["start"], &["reload"]] {
        is(words, 1);
    }
    site.configure("");
}

#[test]
fn configurations_are_made_once_and_imported_if_they_can_be_read() {
    let dir = std::env::temp_dir().join(format!("zmws-exit-config-{}", std::process::id()));
    std::fs::create_dir(&dir).expect("it is new");
    let here = |words: &[&str]| {
        let mut command = zmws_with(words);
        command.current_dir(&dir);
        command
    };
    is_1(&mut here(&["config", "check"]));
    is_1(&mut here(&["config", "import"]));
    is_0(&mut here(&["config", "init"]));
    is_1(&mut here(&["config", "init"]));
    std::fs::write(dir.join("config.php"), "<?php $serverList = array(); $workerList = array();")
        .expect("room");
    is_0(&mut here(&["config", "import", "config.php"]));
    is_0(&mut here(&["config", "reference"]));
    // Where there is no zmws-trace beside the program or in PATH.
    std::fs::copy(zmws(), dir.join("zmws")).expect("there is room");
    is_1(Command::new(dir.join("zmws")).args(["trace", "--help"]).env("PATH", ""));
    std::fs::remove_dir_all(&dir).expect("it is ours");
}
