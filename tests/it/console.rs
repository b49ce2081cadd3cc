//! What an operator sees and does: `zmws status`, `top`, `tail`, `pause`, `resume` and `drain`, against a real broker.

use std::path::Path;
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::broker::{Broker, zmws};
use crate::support::program::Program;
use crate::support::terminal::Terminal;
use crate::support::up::Up;
use crate::support::{PATIENCE, poll};

/// `zmws` with the admin port of a broker.
fn command(admin: u16, args: &[&str]) -> Command {
    let mut command = Command::new(zmws());
    command.args(args).env("ZMWS_ADMIN", format!("127.0.0.1:{admin}")).env_remove("NO_COLOR");
    command
}

fn zmws_says(admin: u16, args: &[&str]) -> Output {
    command(admin, args).output().expect("zmws can be started")
}

/// What an order did, line by line, each of which names the broker that it reached.
fn of_broker(said: &str) -> String {
    let plain = |line: &str| {
        let (did, at) = line.split_once(", at the broker 127.0.0.1:").expect("the broker is named");
        assert!(at.contains(" (pid ") && at.ends_with(')'), "{line}");
        format!("{did}\n")
    };
    said.lines().map(plain).collect()
}

/// What it prints when all is well with it.
fn printed(admin: u16, args: &[&str]) -> String {
    let output = zmws_says(admin, args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("it is text")
}

/// The line with which it fails.
fn refused(admin: u16, args: &[&str]) -> String {
    let output = zmws_says(admin, args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).expect("it is text")
}

fn status(admin: u16) -> Value {
    serde_json::from_slice(&zmws_says(admin, &["status", "--json"]).stdout).expect("it is JSON")
}

fn service(admin: u16, name: &str) -> Value {
    let status = status(admin);
    let services = status["broker"]["services"].as_array().expect("it has services");
    services.iter().find(|service| service["service"] == name).expect("the service is known").clone()
}

/// A job; how its result is asked for is among the words.
fn call(up: &Up, words: &[&str]) -> Output {
    let port = format!("--port={}", up.clients);
    Command::new(zmws()).arg("call").args(words).arg(port).output().expect("zmws can be started")
}

mod status_of {
    use super::*;

    #[test]
    fn a_site_that_is_well_is_0() {
        let up = Up::start(&[]);
        assert!(call(&up, &["STR-REV", "str=abc"]).status.success());
        let text = printed(up.admin, &["status"]);
        assert!(text.starts_with("All is well.\n\nzmws "), "{text}");
        assert!(text.contains("\nSTR-REV  "), "{text}");
        assert!(!text.contains('\x1b'), "it is no terminal: {text}");
        let json = status(up.admin);
        assert_eq!((&json["processes"], &json["problems"]), (&Value::Null, &Value::Array(Vec::new())));
        assert_eq!(service(up.admin, "STR-REV")["completed"], 1);
    }

    #[test]
    fn a_broker_that_is_away_is_1() {
        let mut broker = Broker::start(&[]);
        let admin = broker.admin;
        broker.was_stopped();
        broker.program.kill();
        assert_eq!(refused(admin, &["status"]), "zmws: not all is well: broker\n");
        assert_eq!(status(admin)["broker"], Value::Null);
        for order in [&["drain"][..], &["resume"], &["pause", "--service=A"], &["drain", "--wait"]] {
            let line = refused(admin, order);
            assert!(line.starts_with("zmws: no broker answers at "), "{line}");
        }
    }

    #[test]
    fn jobs_without_a_worker_are_1_and_the_name_is_no_order_to_the_terminal() {
        const NAME: &str = "EVIL\x1b[2J";
        let broker = Broker::start(&[]);
        let mut peer = crate::support::raw::RawPeer::dealer(broker.workers);
        peer.send(&[b"".as_slice(), b"MDPW02", b"\x01", NAME.as_bytes()]);
        poll("the worker is there", PATIENCE, || {
            (status(broker.admin)["broker"]["totals"]["workers"] == 1).then_some(())
        });
        drop(peer);
        poll("the worker is gone", PATIENCE, || {
            (status(broker.admin)["broker"]["totals"]["workers"] == 0).then_some(())
        });
        let port = format!("--port={}", broker.clients);
        let sent =
            Command::new(zmws()).args(["call", NAME, "--async", &port]).output().expect("it can be started");
        assert!(sent.status.success(), "{sent:?}");
        let output = zmws_says(broker.admin, &["status"]);
        let text = String::from_utf8(output.stdout).expect("it is text");
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.starts_with("down     service EVIL\\u{1b}[2J: 1 queued and no worker\n"), "{text}");
    }

    #[test]
    fn a_supervisor_that_was_killed_is_1() {
        let broker = Broker::start(&[]);
        let dir = std::env::temp_dir().join(format!("zmws-console-{}", std::process::id()));
        std::fs::create_dir(&dir).expect("it is new");
        let socket = dir.join("zmws.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).expect("the folder is new"));
        let output = zmws_says(broker.admin, &["status", "--run-dir", path(&dir)]);
        std::fs::remove_dir_all(&dir).expect("it is ours");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let screen = String::from_utf8(output.stdout).expect("it is text");
        assert!(screen.starts_with("down     supervisor: the supervisor is gone"), "{screen}");
        assert_eq!(output.stderr, b"zmws: not all is well: supervisor\n");
    }

    fn path(path: &Path) -> &str {
        path.to_str().expect("it is text")
    }
}

mod orders {
    use super::*;

    #[test]
    fn a_paused_service_takes_jobs_and_does_them_when_it_is_resumed() {
        let up = Up::start(&[]);
        assert!(printed(up.admin, &["pause", "--service", "STR-REV"]).starts_with("STR-REV is paused"));
        assert!(call(&up, &["STR-REV", "str=abc", "--async"]).status.success());
        let held = service(up.admin, "STR-REV");
        assert_eq!((&held["paused"], &held["queued"]), (&Value::Bool(true), &1.into()));
        let text = printed(up.admin, &["status"]);
        assert!(text.starts_with("warning  service STR-REV: is paused, 1 queued\n"), "{text}");
        printed(up.admin, &["resume", "--service", "STR-REV"]);
        poll("the job is done", PATIENCE, || (service(up.admin, "STR-REV")["completed"] == 1).then_some(()));
    }

    #[test]
    fn a_drained_service_takes_no_jobs_until_that_is_undone() {
        let up = Up::start(&[]);
        printed(up.admin, &["drain", "--service", "STR-REV"]);
        assert!(!call(&up, &["STR-REV", "str=abc"]).status.success());
        printed(up.admin, &["drain", "--service", "STR-REV", "--undo"]);
        assert!(call(&up, &["STR-REV", "str=abc"]).status.success());
    }

    #[test]
    fn drain_waits_for_the_last_job() {
        let up = Up::start(&[]);
        // Of 0.8 s each.
        for _ in 0..2 {
            assert!(call(&up, &["SLEEP", "--async"]).status.success());
        }
        let text = printed(up.admin, &["drain", "--service", "SLEEP", "--wait"]);
        assert!(text.ends_with("\nnothing is queued or active\n"), "{text}");
        let sleep = service(up.admin, "SLEEP");
        assert_eq!((&sleep["completed"], &sleep["draining"]), (&2.into(), &Value::Bool(true)));
        printed(up.admin, &["drain", "--wait"]);
        assert_eq!(status(up.admin)["broker"]["state"], "draining");
        printed(up.admin, &["resume"]);
        assert_eq!(status(up.admin)["broker"]["state"], "running");
    }

    #[test]
    fn services_are_plain_words_and_may_be_several() {
        let up = Up::start(&[]);
        let said = printed(up.admin, &["pause", "STR-REV", "SLEEP"]);
        assert_eq!(of_broker(&said), "STR-REV is paused: no job waits\nSLEEP is paused: no job waits\n");
        let text = printed(up.admin, &["status"]);
        let row =
            |name: &str| text.lines().find(|line| line.starts_with(name)).expect("it is there").to_owned();
        assert!(row("STR-REV  ").contains("  paused  "), "{text}");
        let output = zmws_says(up.admin, &["resume", "NOBODY", "STR-REV", "SLEEP"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout).lines().count(),
            2,
            "the others go on: {output:?}"
        );
        assert_eq!(service(up.admin, "SLEEP")["paused"], false);
    }

    #[test]
    fn the_broker_says_why_it_will_not() {
        let broker = Broker::start(&[]);
        assert_eq!(
            refused(broker.admin, &["pause", "--service", "NO\x1b[2J"]),
            "zmws: no service NO\\u{1b}[2J is known\n"
        );
    }
}

mod jobs {
    use super::*;

    /// A broker with a dead job, whose only worker died of it, and a job that its worker failed.
    fn graveyard() -> (Broker, String, String) {
        let broker = Broker::start(&["--max-attempts=1"]);
        let mut ids = Vec::new();
        for end in ["", "FAIL: "] {
            let mut worker = crate::support::raw::RawPeer::dealer(broker.workers);
            worker.send(&[b"MDPC02".as_slice(), b"3", b"GRAVE", b"READY"]);
            broker.wait_for_workers("GRAVE", 1);
            let port = format!("--port={}", broker.clients);
            let taken = Command::new(zmws()).args(["call", "GRAVE", "--async", &port]).output();
            ids.push(String::from_utf8(taken.expect("it starts").stdout).expect("an id").trim().to_owned());
            let id = ids.last().expect("it was pushed");
            let is_it =
                |frames: &Vec<Vec<u8>>| frames.last().is_some_and(|last| last.ends_with(id.as_bytes()));
            while !is_it(&worker.receive(PATIENCE).expect("a job")) {}
            if end.is_empty() {
                drop(worker);
            } else {
                worker.send(&[b"MDPC02".as_slice(), b"3", b"GRAVE", format!("{end}{id}").as_bytes()]);
            }
            poll("it is over", PATIENCE, || (service(broker.admin, "GRAVE")["active"] == 0).then_some(()));
            broker.wait_for_workers("GRAVE", 0);
        }
        let failed = ids.pop().expect("there are two");
        (broker, ids.pop().expect("there are two"), failed)
    }

    #[test]
    fn dead_ones_are_marked_and_tried_again_and_others_say_why_not() {
        let (broker, dead, failed) = graveyard();
        let list = printed(broker.admin, &["jobs", "GRAVE"]);
        let listed = printed(broker.admin, &["jobs", "list", "GRAVE"]);
        assert!(listed.contains(&dead) && listed.contains(&failed), "{listed}");
        let line = |id: &str| list.lines().find(|line| line.contains(id)).expect("it is listed").to_owned();
        assert!(line(&dead).contains("  dead ") && line(&failed).contains("  failed "), "{list}");
        assert!(list.ends_with("`zmws jobs delete JOB` forgets it\n"), "{list}");
        let json: Value = serde_json::from_str(&printed(broker.admin, &["jobs", "--state=dead", "--json"]))
            .expect("it is JSON");
        assert_eq!((json.as_array().map(Vec::len), &json[0]["id"]), (Some(1), &Value::from(dead.as_str())));

        let refused = refused(broker.admin, &["jobs", "retry", &failed]);
        assert!(refused.starts_with(&format!("zmws: job {failed} is over; only dead jobs")), "{refused}");
        assert_eq!(
            of_broker(&printed(broker.admin, &["jobs", "retry", &dead])),
            format!("job {dead} of GRAVE is queued again\n")
        );
        assert_eq!(
            of_broker(&printed(broker.admin, &["jobs", "delete", &dead])),
            format!("job {dead} of GRAVE is deleted\n")
        );
    }

    #[test]
    fn top_says_of_each_why_it_cannot_be_tried_again() {
        let (broker, dead, failed) = graveyard();
        let mut top = Terminal::start(&mut command(broker.admin, &["top"]), 120, 30);
        top.wait_for("GRAVE");
        top.type_in("\r");
        // The last that failed is in front.
        top.wait_for(&failed);
        top.type_in("t");
        top.wait_for("only dead jobs can be tried again");
        top.type_in("jt");
        top.wait_for(&format!("try job {dead} again? y/n"));
        top.type_in("y");
        top.wait_for("is queued again");
        top.type_in("q");
        assert_eq!(top.end().code(), Some(0));
    }
}

mod tail {
    use super::*;

    fn start(news: u16, args: &[&str]) -> Program {
        let mut command = Command::new(zmws());
        command.args(["tail", "--news", &format!("127.0.0.1:{news}")]).args(args);
        Program::start("zmws tail", &mut command)
    }

    /// Has jobs done until one is heard of: a SUB does not know when its publisher has heard of it.
    fn first_line(up: &Up, tail: &Program) -> String {
        poll("the first line", PATIENCE, || {
            assert!(call(up, &["STR-REV", "str=abc"]).status.success());
            tail.line_if_any()
        })
    }

    #[test]
    fn each_job_is_told_and_control_c_is_0() {
        let up = Up::start(&[]);
        let mut tail = start(up.news, &[]);
        first_line(&up, &tail);
        // That one may have begun before it was listened to; the next is heard of from its beginning.
        assert!(call(&up, &["STR-REV", "str=abc"]).status.success());
        let line_of = |id: &str, event: &str| {
            tail.wait_for(event, PATIENCE, |line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let is_it = words[1..3] == [event, "STR-REV"] && words[3].contains(id);
                is_it.then(|| (words[3].to_owned(), line.to_owned()))
            })
        };
        let (id, _) = line_of("", "accepted");
        line_of(&id, "started");
        let (_, done) = line_of(&id, "done");
        assert!(done.contains("waited ") && done.contains(", ran "), "{done}");
        tail.signal(Signal::INT);
        assert_eq!(tail.end(PATIENCE).code(), Some(0));
    }

    #[test]
    fn one_service_is_told_of_and_no_other_and_programs_get_json() {
        let up = Up::start(&[]);
        // SLEE begins SLEEP, so that the broker sends its news: they must be left out here.
        let tail = start(up.news, &["--json", "--service=STR-REV", "--service=SLEE"]);
        first_line(&up, &tail);
        assert!(call(&up, &["SLEEP"]).status.success());
        let last =
            String::from_utf8(call(&up, &["STR-REV", "str=last", "--async"]).stdout).expect("it is an id");
        let outcome = tail.wait_for("the last end", PATIENCE, |line| {
            let news: Value = serde_json::from_str(line).expect("it is JSON");
            assert_eq!(news["service"], "STR-REV", "{line}");
            (news["event"] == "ended" && news["id"] == last.trim()).then(|| news["outcome"].clone())
        });
        assert_eq!(outcome, "complete");
    }

    #[test]
    fn it_comes_back_when_the_broker_does() {
        let first = Up::start(&[]);
        let news = first.news;
        let tail = start(news, &[]);
        first_line(&first, &tail);
        drop(first);
        poll("that it is gone", PATIENCE, || tail.log().contains("zmws: no news from").then_some(()));
        let second = Up::start(&[&format!("--news-port={news}")]);
        while tail.line_if_any().is_some() {}
        first_line(&second, &tail);
    }
}

mod on_a_terminal {
    use super::*;

    #[test]
    fn top_pauses_a_service_and_retires_its_worker_and_gives_the_terminal_back() {
        let up = Up::start(&[]);
        let mut top = Terminal::start(&mut command(up.admin, &["top"]), 120, 30);
        top.wait_for("STR-REV");
        // To the last of two.
        top.type_in("Gp");
        top.wait_for("pause STR-REV? y/n");
        assert_eq!(service(up.admin, "STR-REV")["paused"], false);
        top.type_in("y");
        top.wait_for("STR-REV is paused");
        assert_eq!(service(up.admin, "STR-REV")["paused"], true);
        top.type_in("\r");
        top.wait_for("no jobs");
        top.type_in("w");
        top.wait_for("retire worker ");
        top.type_in("y");
        top.wait_for("retired");
        assert_eq!(service(up.admin, "STR-REV")["idle"], 0);
        top.type_in("q");
        assert_eq!(top.end().code(), Some(0));
    }

    #[test]
    fn a_signal_ends_top_and_gives_the_terminal_back() {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
            let broker = Broker::start(&[]);
            let mut top = Terminal::start(&mut command(broker.admin, &["top"]), 40, 10);
            top.wait_for("no services");
            top.signal(signal);
            assert_eq!(top.end().code(), Some(0));
        }
    }

    #[test]
    fn watched_status_goes_on_over_a_broker_that_goes_and_comes_back() {
        let first = Up::start(&[]);
        let admin = first.admin;
        let mut watch = Terminal::start(&mut command(admin, &["status", "--watch", "0.05"]), 100, 24);
        watch.wait_for("All is well.");
        watch.wait_for("STR-REV");
        drop(first);
        // A word of which no letter was at its place before.
        watch.wait_for("down");
        let _second = Up::start(&[&format!("--admin-port={admin}")]);
        watch.wait_for("STR-REV");
        watch.type_in("\x03");
        assert_eq!(watch.end().code(), Some(0));
    }

    #[test]
    fn status_has_colours_unless_they_are_not_wanted() {
        for (wanted, colour) in [(true, "\x1b[32mAll is well.\x1b[0m"), (false, "\nAll is well.")] {
            let up = Up::start(&[]);
            let mut command = command(up.admin, &["status"]);
            if !wanted {
                // So that its first line has something before it.
                command = Command::new("sh");
                command.args(["-c", "echo; exec \"$0\" status"]).arg(zmws()).env("NO_COLOR", "1");
                command.env("ZMWS_ADMIN", format!("127.0.0.1:{}", up.admin));
            }
            Terminal::start(&mut command, 100, 24).wait_for(colour);
        }
    }

    #[test]
    fn status_has_bars_where_it_has_colours_and_nowhere_else() {
        let up = Up::start(&[]);
        let bar = "░░░░░░░░";
        assert!(!printed(up.admin, &["status"]).contains(bar), "it is no terminal");
        Terminal::start(&mut command(up.admin, &["status"]), 100, 24).wait_for(bar);
        for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let mut plain = command(up.admin, &["status"]);
            let terminal = Terminal::start(plain.env(name, value), 100, 24);
            // Blanks where the bar would be.
            terminal.wait_for("STR-REV              0       0     1     0         0");
        }
    }

    #[test]
    fn a_terminal_that_cannot_draw_is_not_drawn_on() {
        let broker = Broker::start(&[]);
        let top = Terminal::start(command(broker.admin, &["top"]).env("TERM", "dumb"), 100, 24);
        top.wait_for("top needs a terminal");
    }

    #[test]
    fn screens_need_a_terminal() {
        let broker = Broker::start(&[]);
        assert!(refused(broker.admin, &["top"]).starts_with("zmws: top needs a terminal"));
        assert!(refused(broker.admin, &["status", "--watch"]).starts_with("zmws: --watch needs a terminal"));
    }
}
