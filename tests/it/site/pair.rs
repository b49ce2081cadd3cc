//! Two sites on one machine, side by side: each command acts on its own.

use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::support::program::Program;
use crate::support::site::{Done, Site, is_alive, kill, wait_for_workers};
use crate::support::{PATIENCE, http, poll};

/// Neither says where its admin port is.
const PLAIN: &str = r#"
[broker]
client_port = {clients}
worker_port = {workers}
news_port = {news}

[gateway]
http_port = {http}

[[worker]]
service = "STR-REV"
builtin = "reverse"
"#;

fn broker(site: &Site) -> String {
    format!("127.0.0.1:{} (pid {})", site.clients, site.pid("broker").expect("it runs"))
}

fn ordered(site: &Site, words: &[&str]) {
    let done = site.run(words);
    assert_eq!(done.status, Some(0), "{done:?}");
    assert!(done.stdout.contains(&broker(site)), "{words:?} does not name its broker: {done:?}");
}

fn service(site: &Site) -> serde_json::Value {
    site.status()["broker"]["services"][0].clone()
}

fn served(site: &Site) -> bool {
    http::get(site.http, "/SYNC-STR-REV?str=abc").body.starts_with("PARAM-JSON: \"cba\"\n")
}

#[test]
fn each_command_acts_on_the_site_of_its_folder() {
    let (one, two) = (Site::new("zmws.toml", PLAIN), Site::new("zmws.toml", PLAIN));
    for site in [&one, &two] {
        let started = site.run(&["start"]);
        assert_eq!(started.status, Some(0), "{started:?}");
        wait_for_workers(site, 1);
        let status = site.status();
        assert_eq!(status["broker"]["pid"], site.pid("broker").expect("it runs"));
        assert_eq!(status["broker"]["clients"], format!("127.0.0.1:{}", site.clients));
        assert!(served(site));
    }
    assert!(one.run(&["status"]).stdout.contains(&format!(" at {}, running", broker(&one))));

    ordered(&two, &["pause", "--service", "STR-REV"]);
    assert_eq!((&service(&one)["paused"], &service(&two)["paused"]), (&false.into(), &true.into()));
    ordered(&two, &["resume", "--service", "STR-REV"]);
    ordered(&one, &["drain"]);
    assert_eq!(
        (&one.status()["broker"]["state"], &two.status()["broker"]["state"]),
        (&"draining".into(), &"running".into())
    );
    ordered(&one, &["resume"]);

    let before = one.pid("str-rev");
    let restarted = two.run(&["restart", "str-rev"]);
    assert_eq!(restarted.status, Some(0), "{restarted:?}");
    assert_eq!(two.run(&["reload"]).status, Some(0));
    assert_eq!(one.pid("str-rev"), before);

    assert_eq!(two.run(&["stop"]).status, Some(0));
    assert_eq!(two.marked(), [0; 0]);
    for order in [&["status"][..], &["pause", "--service", "STR-REV"], &["drain"], &["resume"]] {
        let done = two.run(order);
        assert_eq!(done.status, Some(1), "{order:?} of a site that is stopped reaches somebody: {done:?}");
        assert!((done.stdout.clone() + &done.stderr).contains("run/admin.sock"), "{done:?}");
        assert!(!done.stdout.contains("All is well"), "{done:?}");
    }
    assert_eq!(service(&one)["paused"], false);
    assert!(served(&one));
}

#[test]
fn another_configuration_in_the_same_folder_is_refused_or_has_its_own_directory() {
    let site = Site::new("zmws.toml", PLAIN);
    assert_eq!(site.run(&["start"]).status, Some(0));
    let other = Site::new("zmws.toml", PLAIN);
    let run = |words: &[&str]| -> Done {
        let output = site.command_as("other.toml", words).output().expect("zmws is built");
        Done {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    };
    site.write("other.toml", &other.filled(PLAIN));
    let before = site.pid("broker");
    for words in [&["start"][..], &["stop"], &["restart"], &["reload"]] {
        let refused = run(words);
        assert_eq!(refused.status, Some(1), "{words:?}: {refused:?}");
        assert!(refused.stdout.contains("the programs here are those of"), "{words:?}: {refused:?}");
        assert!(!refused.stdout.contains("already running"), "{words:?}: {refused:?}");
    }
    assert_eq!(site.pid("broker"), before);

    let own = "[supervisor]\nrun_dir = \"run2\"\nlog_dir = \"logs2\"\n";
    site.write("other.toml", &other.filled(&format!("{own}{PLAIN}")));
    let refused = run(&["start"]);
    assert_eq!(refused.status, Some(1), "its jobs would be those of the first: {refused:?}");
    assert!(
        refused.stdout.contains("data/queue.redb is in use: another broker keeps its jobs there"),
        "{refused:?}"
    );
    assert_eq!(run(&["stop"]).status, Some(0));
    let jobs = PLAIN.replace("[broker]", "[broker]\ndata_dir = \"data2\"");
    site.write("other.toml", &other.filled(&format!("{own}{jobs}")));
    let started = run(&["start"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    assert!(served(&site) && served(&other));
    assert_eq!(run(&["stop"]).status, Some(0));
    assert_eq!(site.pid("broker"), before);
}

#[test]
fn a_socket_that_is_another_s_is_told_as_such() {
    let site = Site::new("zmws.toml", PLAIN);
    assert_eq!(site.run(&["start"]).status, Some(0));
    if !rustix::process::geteuid().is_root() {
        return println!("left out: only root can be another user");
    }
    // The folder may be read by all; the sockets may not be written to.
    for dir in ["", "run"] {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(site.dir.join(dir), mode).expect("it is ours");
    }
    for (words, text) in [(&["restart"][..], "may not be asked"), (&["status"], "cannot ask the supervisor")]
    {
        let mut command = site.command(words);
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
        let output = command.output().expect("zmws is built");
        let said = [output.stdout, output.stderr].concat();
        let error = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {error}");
        assert!(!error.contains("nothing is supervised here"), "{error}");
        assert!(error.contains(text) || error.contains("ermission denied"), "{words:?}: {error}");
    }
}

#[test]
fn a_service_manager_hears_that_all_is_ready_when_it_is() {
    let site = Site::new("zmws.toml", PLAIN);
    let path = site.dir.join("manager");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    manager.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let heard = || {
        let mut bytes = [0; 4096];
        let length = manager.recv(&mut bytes).expect("it says something");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    let taken = std::net::TcpListener::bind(("127.0.0.1", site.clients)).expect("it was free");
    let mut command = site.command(&["start", "--foreground"]);
    let foreground = Program::start("zmws start", command.env("NOTIFY_SOCKET", &path));
    // The broker has no port: what is said is that something is wrong, and not that all is ready.
    let first = heard();
    assert!(first.contains("STATUS=") && !first.contains("READY=1"), "{first}");
    drop(taken);
    // The broker is tried again, and now it can.
    let second = heard();
    assert!(second.contains("READY=1"), "{second}");
    wait_for_workers(&site, 1);
    // Each program is told of once, though two streams have it all.
    foreground.signal(Signal::TERM);
    let mut foreground = foreground;
    assert_eq!(foreground.end(PATIENCE).code(), Some(0));
    let log = foreground.log_to_its_end();
    let of_gateway = log.lines().filter(|line| line.contains("gateway started")).count();
    assert_eq!(of_gateway, 1, "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("Stopped gateway")).count(), 1, "{log}");
}

#[test]
fn in_json_all_that_the_foreground_says_is_json_and_said_once() {
    let site = Site::new("zmws.toml", PLAIN);
    let mut command = site.command(&["start", "--foreground", "--log-form=json"]);
    let mut foreground = Program::start("zmws start", command.env_remove("RUST_LOG"));
    wait_for_workers(&site, 1);
    foreground.signal(Signal::TERM);
    assert_eq!(foreground.end(PATIENCE).code(), Some(0));
    let log = foreground.log_to_its_end();
    for line in log.lines() {
        let object: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(object["message"].is_string(), "{line}");
    }
    assert_eq!(log.lines().filter(|line| line.contains("str-rev started (")).count(), 1, "{log}");
}

#[test]
fn a_program_that_could_not_start_is_failed_and_shown_first() {
    let site =
        Site::new("zmws.toml", &format!("{PLAIN}\n[[worker]]\nname = \"tool\"\nprogram = [\"./tool\"]\n"));
    site.write("tool", "#!/bin/sh\nexec sleep 60\n");
    let tool = site.dir.join("tool");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    assert_eq!(site.run(&["start"]).status, Some(0));
    std::fs::rename(&tool, site.dir.join("away")).expect("both are in the site");
    let pid = site.pid("tool").expect("it runs");
    kill(pid);
    poll("it cannot be started again", PATIENCE, || {
        (site.process("tool")["state"] == "failed").then_some(())
    });
    let shown = site.run(&["status"]);
    assert_eq!(shown.status, Some(1));
    let first = shown.stdout.lines().next().expect("a line");
    assert!(
        first.contains("process tool: failed, could not be started: tool: there is no program"),
        "{first}"
    );
    std::fs::rename(site.dir.join("away"), &tool).expect("both are in the site");
    poll("it is back by itself", PATIENCE, || site.pid("tool").filter(|&pid| is_alive(pid)));
}
