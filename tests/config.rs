//! The configuration with the real program: which layer wins, what is refused, what a new file is.

mod support;

use std::process::Command;

use serde_json::Value;

use support::PATIENCE;
use support::broker::zmws;
use support::program::Program;
use support::site::Site;

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
    let broker = support::broker::Broker::start(&[]);
    let mut command = Command::new(zmws());
    command.arg("worker").env("ZMWS_WORKER_BUILTIN", "reverse").env("ZMWS_WORKER_SERVICE_NAME", "BACK");
    command.env("ZMWS_WORKER_BACKEND_PORT", broker.workers.to_string());
    let _worker = Program::start("zmws worker", &mut command);
    broker.wait_for_workers("BACK", 1);
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
