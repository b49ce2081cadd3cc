//! The configuration with the real program: which layer wins, what is refused, what a new file is.

use std::process::Command;

use serde_json::Value;

use crate::support::PATIENCE;
use crate::support::broker::zmws;
use crate::support::program::Program;
use crate::support::site::Site;

/// The port for clients that a broker says it has.
fn clients_of(program: &Program) -> u16 {
    program.wait_for("its ports", PATIENCE, |line| {
        line.strip_prefix("clients 127.0.0.1:")?.split_whitespace().next()?.parse().ok()
    })
}

/// A broker in the site's directory, whose other ports the system chooses.
fn broker(site: &Site, args: &[&str], environment: Option<u16>) -> u16 {
    let mut command = Command::new(zmws());
    command
        .arg("broker")
        .args(["--worker-port=0", "--news-port=0", "--admin-port=0"])
        .args(args)
        .current_dir(&site.dir);
    if let Some(port) = environment {
        command.env("ZMWS_BROKER_CLIENT_PORT", port.to_string());
    }
    clients_of(&Program::start("zmws broker", &mut command))
}

#[test]
fn flag_before_environment_before_file_before_default() {
    let site = Site::new("zmws.toml", "[broker]\nclient_port = {clients}\n");
    let (file, environment, flag) = (site.clients, site.workers, site.news);
    assert_eq!(broker(&site, &[], None), file);
    assert_eq!(broker(&site, &["-c", "zmws.toml"], None), file);
    assert_eq!(broker(&site, &[], Some(environment)), environment);
    assert_eq!(broker(&site, &[&format!("--client-port={flag}")], Some(environment)), flag);
    // PHP's name of the flag is the same flag.
    assert_eq!(broker(&site, &[&format!("-cport={flag}")], Some(environment)), flag);
    assert_ne!(broker(&site, &["-c", "none", "--client-port=0"], None), file);
}

#[test]
fn show_says_where_each_value_comes_from() {
    let site = Site::new("zmws.toml", "[broker]\nclient_port = 6000\n\n[[worker]]\nbuiltin = \"sleep\"\n");
    let mut command = site.command(&["config", "show", "--json"]);
    let output = command.env("ZMWS_BROKER_WORKER_PORT", "6001").output().expect("zmws is built");
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let source = |key: &str| {
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key}"));
        format!("{} {}", row["value"].as_str().unwrap_or("nothing"), row["source"].as_str().expect("a text"))
    };
    assert_eq!(source("client_port"), "6000 zmws.toml:2");
    assert_eq!(source("worker_port"), "6001 ZMWS_BROKER_WORKER_PORT");
    assert_eq!(source("news_port"), "5557 default");
    assert_eq!(source("builtin"), "\"sleep\" zmws.toml:5");
    let shown = site.run(&["config", "show"]);
    assert!(
        shown
            .stdout
            .lines()
            .any(|line| line.starts_with("client_port = 6000 ") && line.ends_with("# zmws.toml:2")),
        "{shown:?}"
    );
}

#[test]
fn a_variable_that_is_wrong_is_named_and_starts_nothing() {
    let mut command = Command::new(zmws());
    let output =
        command.arg("broker").env("ZMWS_BROKER_CLIENT_PORT", "70000").output().expect("zmws is built");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "zmws: ZMWS_BROKER_CLIENT_PORT: invalid value '70000' for client_port: 70000 is not in 0..=65535\n"
    );
}

#[test]
fn what_a_worker_must_be_told_may_be_in_the_environment() {
    let broker = crate::support::broker::Broker::start(&[]);
    let mut command = Command::new(zmws());
    command.arg("worker").env("ZMWS_WORKER_BUILTIN", "reverse").env("ZMWS_WORKER_SERVICE_NAME", "BACK");
    command.env("ZMWS_WORKER_BACKEND_PORT", broker.workers.to_string());
    let _worker = Program::start("zmws worker", &mut command);
    broker.wait_for_workers("BACK", 1);
}

#[test]
fn worker_and_call_find_the_broker_of_the_site_that_is_here() {
    let site = Site::new(
        "zmws.toml",
        "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\nadmin_port = {admin}\n\
         heartbeat_interval = \"500ms\"\n",
    );
    let mut command = Command::new(zmws());
    site.write("run/.keep", "");
    let words = ["broker", "--admin-socket=run/admin.sock"];
    let _broker = Program::start("zmws broker", command.args(words).current_dir(&site.dir));
    let mut command = Command::new(zmws());
    command.args(["worker", "--builtin=reverse", "--log-level=I"]).current_dir(&site.dir);
    let worker = Program::start("zmws worker", &mut command);
    let connecting = format!("Worker connecting to 127.0.0.1 with port: {}", site.workers);
    worker.wait_for("the site's port", PATIENCE, |line| line.ends_with(&connecting).then_some(()));
    crate::support::site::wait_for_workers(&site, 1);
    let call = |words: &[&str], environment: Option<u16>| {
        let mut command = Command::new(zmws());
        command.args(["call", "STR-REV", "str=abc", "--timeout=10s"]).args(words).current_dir(&site.dir);
        command.envs(environment.map(|port| ("ZMWS_CALL_PORT", port.to_string())));
        command.output().expect("zmws is built")
    };
    assert_eq!(String::from_utf8_lossy(&call(&[], None).stdout), "cba\n");
    // Flag before environment before file.
    let said =
        |words: &[&str], environment| String::from_utf8_lossy(&call(words, environment).stderr).into_owned();
    assert!(said(&[], Some(1)).contains("no broker answers at 127.0.0.1:1;"), "{}", said(&[], Some(1)));
    assert!(said(&["--port=2"], Some(1)).contains("no broker answers at 127.0.0.1:2;"));
    assert!(said(&["-c", "none", "--port=3"], None).contains("no broker answers at 127.0.0.1:3;"));
    site.configure("[broker]\nclint_port = 1\n");
    assert!(said(&[], None).contains("zmws.toml:2:1: unknown key"), "{}", said(&[], None));
    site.configure("");
}

#[test]
fn durations_are_read_alike_everywhere() {
    let text = |value: &str| {
        format!(
            "[broker]\ngrace = {value}\nheartbeat_interval = {value}\njob_timeout = {{ A = {value} }}\n\
             [gateway]\ntimeout = {value}\nasked_timeout_max = {value}\n\
             [supervisor]\ngive_up_seconds = {value}\n\
             [[worker]]\nservice = \"A\"\ncommand = [\"true\"]\ngrace = {value}\nmax_lifetime = {value}\ntimeout = {value}\n"
        )
    };
    for value in ["5", "0.5", "\"5s\"", "\"10m\"", "\"1.5h\"", "\"250ms\""] {
        let site = Site::new("zmws.toml", &text(value));
        let checked = site.run(&["config", "check"]);
        assert_eq!(checked.status, Some(0), "{value}: {checked:?}");
    }
    let site = Site::new("zmws.toml", &text("\"soon\""));
    let checked = site.run(&["config", "check"]);
    assert_eq!(checked.status, Some(1));
    assert_eq!(checked.stderr.matches("a duration").count(), 9, "{checked:?}");
    site.configure("");
    for words in [&["status", "--watch=1.5h"][..], &["call", "A", "--timeout=250ms", "--port=1"]] {
        let output = Command::new(zmws()).args(words).output().expect("zmws is built");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
    }
    let mut command = Command::new(zmws());
    command.arg("gateway").env("ZMWS_GATEWAY_TIMEOUT", "soon");
    let said = String::from_utf8_lossy(&command.output().expect("zmws is built").stderr).into_owned();
    assert!(said.starts_with("zmws: ZMWS_GATEWAY_TIMEOUT: ") && said.contains("as 250ms, 5s, 10m"), "{said}");
}

#[test]
fn a_heartbeat_of_nothing_is_refused_wherever_it_is_said() {
    let mut command = Command::new(zmws());
    let output = command.arg("broker").env("HEARTBEAT_INTERVAL", "0").output().expect("zmws is built");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("leave it out for the default, 5 seconds"), "{said}");
    assert!(said.contains("tip: the value is that of HEARTBEAT_INTERVAL in the environment"), "{said}");
    let site = Site::new("zmws.toml", "[broker]\nheartbeat_interval = 0\nheartbeat_maxtries = \"many\"\n");
    let checked = site.run(&["config", "check"]);
    insta::assert_snapshot!(checked.stderr, @r"
    zmws: zmws.toml:2:22: invalid value '0' for heartbeat_interval: at least 10ms is expected; leave it out for the default, 5 seconds
    zmws: zmws.toml:3:22: heartbeat_maxtries: a whole number is expected
    ");
    site.configure("");
}

#[test]
fn a_variable_that_nothing_reads_is_told_once_with_what_may_be_meant() {
    let site = Site::new("zmws.toml", "[broker]\n");
    let line = "the variable ZMWS_BROKER_CLINT_PORT is set, and means nothing; did you mean ZMWS_BROKER_CLIENT_PORT?";
    for words in [&["config", "check"][..], &["stop"]] {
        let mut command = site.command(words);
        let output = command.env("ZMWS_BROKER_CLINT_PORT", "1").output().expect("zmws is built");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("zmws: {line}\n"));
    }
    let mut command = Command::new(zmws());
    command.args(["call", "A", "--port=1"]).env("ZMWS_BROKER_CLINT_PORT", "1");
    let said = String::from_utf8_lossy(&command.output().expect("zmws is built").stderr).into_owned();
    assert_eq!(said.matches(line).count(), 1, "{said}");
}

#[test]
fn every_flag_of_the_commands_is_a_key_that_a_new_file_shows() {
    let site = Site::new("zmws.toml", "");
    std::fs::remove_file(site.dir.join("zmws.toml")).expect("it was written");
    let mut init = Command::new(zmws());
    let made = init.args(["config", "init"]).current_dir(&site.dir).output().expect("zmws is built");
    assert!(made.status.success(), "{made:?}");
    let again = init.output().expect("zmws is built");
    assert_eq!(again.status.code(), Some(1), "it overwrites");
    assert_eq!(site.run(&["config", "check"]).stdout, "zmws.toml: fine: broker, gateway, 2 workers\n");

    let text = std::fs::read_to_string(site.dir.join("zmws.toml")).expect("it was written");
    let uncommented =
        |line: &str| match line.strip_prefix("# ").filter(|rest| rest.split(' ').nth(1) == Some("=")) {
            Some(setting) => setting.to_owned(),
            None => line.to_owned(),
        };
    let all: Vec<String> = text.lines().map(uncommented).collect();
    // What the examples name must be there.
    site.write("etc/tokens", "# none yet\n");
    site.write("zmws.toml", &all.join("\n").replace("/srv/site", &site.dir.display().to_string()));
    let checked = site.run(&["config", "check"]);
    assert_eq!(checked.status, Some(0), "{checked:?}");

    for (section, command) in [("[broker]", "broker"), ("[gateway]", "gateway")] {
        let help = Command::new(zmws()).args([command, "--help"]).output().expect("zmws is built");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let flags = help.lines().filter_map(|line| {
            let word = line.split_whitespace().find(|word| word.starts_with("--"))?;
            line.trim_start().starts_with('-').then(|| word.trim_start_matches('-').to_owned())
        });
        let of_section: Vec<&str> = all
            .iter()
            .map(String::as_str)
            .skip_while(|line| *line != section)
            .skip(1)
            .take_while(|line| !line.starts_with('['))
            .collect();
        for flag in flags.filter(|flag| !["help", "config"].contains(&flag.as_str())) {
            let key = format!("{} = ", flag.replace('-', "_"));
            assert!(of_section.iter().any(|line| line.starts_with(&key)), "{section} does not show {key}");
        }
    }
}

#[test]
fn without_any_configuration_the_way_out_is_said() {
    let site = Site::new("zmws.toml", "");
    let mut start = Command::new(zmws());
    let output = start.arg("start").current_dir("/").output().expect("zmws is built");
    drop(site);
    assert_eq!(output.status.code(), Some(1));
    let expected = "zmws: there is no zmws.toml here, and no etc/config.php; make one with `zmws config init`, or name one with -c\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
}
