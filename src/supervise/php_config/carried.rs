//! What becomes of a PHP configuration: the fleet, and the `zmws.toml`.

use insta::assert_snapshot;

use super::*;
use crate::supervise::admin::Place;
use crate::supervise::program::Fleet;

fn own() -> Own {
    let flag = |names: &str, default: Option<&str>, takes_value| {
        let mut names = names.split('|').map(str::to_owned);
        let long = names.next().expect("a name");
        OwnFlag { long, aliases: names.collect(), default: default.map(str::to_owned), takes_value }
    };
    Own {
        program: "zmws".to_owned(),
        broker: vec![
            flag("address|iface", Some("127.0.0.1"), true),
            flag("client-port|cport", Some("5555"), true),
            flag("worker-port|wport", Some("5556"), true),
            flag("news-port|nport", Some("5557"), true),
            flag("log-level|log", Some("W"), true),
            flag("heartbeat-interval", Some("5"), true),
            flag("heartbeat-maxtries", Some("3"), true),
            flag("admin-port", Some("5581"), true),
            flag("no-admin", None, false),
            flag("handover", None, false),
        ],
        gateway: vec![
            flag("address|iface", Some("127.0.0.1"), true),
            flag("http-port|wport", Some("5580"), true),
            flag("client-port|cport", Some("5555"), true),
        ],
        inherited: Vec::new(),
    }
}

/// An entry; its flags are written `flag=value`.
fn entry(name: &str, file: &str, flags: &[&str]) -> Entry {
    let flag = |flag: &&str| {
        let (flag, value) = flag.split_once('=').expect("a flag has a value, if an empty one");
        (flag.to_owned(), value.to_owned())
    };
    Entry { name: name.to_owned(), file: file.to_owned(), flags: flags.iter().map(flag).collect() }
}

fn config(servers: Vec<Entry>, workers: Vec<Entry>) -> PhpConfig {
    PhpConfig {
        file: "etc/config.php".to_owned(),
        servers,
        workers,
        heartbeat_interval: None,
        heartbeat_maxtries: None,
        warnings: Vec::new(),
    }
}

fn broker(flags: &[&str]) -> PhpConfig {
    config(vec![entry("s", "server.php", flags)], Vec::new())
}

fn shown(fleet: &Fleet) -> String {
    let mut lines = Vec::new();
    for program in &fleet.programs {
        let env: String = program.env.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        let (name, kind, command) = (&program.name, program.kind, program.command.join(" "));
        lines.push(format!("{name} ({kind:?}): {env}{command} {:?}", program.files));
    }
    lines.extend(fleet.warnings.iter().cloned());
    lines.join("\n")
}

fn site() -> PhpConfig {
    let servers = vec![
        entry(
            "server",
            "src/server_run.php",
            &["client-port=6555", "log-level=E", "zmqid=x", "handover=1", "nport="],
        ),
        entry("gateway", "src/http_gateway.php", &["iface=10.0.0.1"]),
        entry("cron", "src/cron.php", &[]),
    ];
    let flags = ["service-name=MAIL", "backend-port=5556", "from=a b", "quiet=1"];
    PhpConfig {
        heartbeat_interval: Some("10".to_owned()),
        heartbeat_maxtries: Some("2.5".to_owned()),
        ..config(servers, vec![entry("mail", "workers/mail.php", &flags)])
    }
}

#[test]
fn a_fleet_has_ours_in_the_place_of_php_s_servers_and_all_else_as_php_starts_it() {
    let fleet = fleet(&site(), &own());
    assert_eq!(fleet.admin, Some(Place::Socket("run/admin.sock".into())));
    assert_snapshot!(shown(&fleet), @r#"
    server (Server): HEARTBEAT_INTERVAL=10 zmws broker --client-port=6555 --log-level=E --handover --address=0.0.0.0 --admin-socket=run/admin.sock --data-dir=data []
    gateway (Server): HEARTBEAT_INTERVAL=10 zmws gateway --address=10.0.0.1 []
    cron (Server): HEARTBEAT_INTERVAL=10 HEARTBEAT_MAXTRIES=2.5 php src/cron.php ["src/cron.php"]
    mail (Worker): HEARTBEAT_INTERVAL=10 HEARTBEAT_MAXTRIES=2.5 php workers/mail.php --service-name=MAIL --backend-port=5556 --from=a b --quiet=1 ["workers/mail.php"]
    etc/config.php: server: --nport is left out: it has no value
    etc/config.php: server: left out, since zmws broker has no such flags: --zmqid
    etc/config.php: server: ports 6555, 5556, 5557 are open to the network, as with PHP; 'address' => '127.0.0.1' among its flags closes that
    etc/config.php: server: HEARTBEAT_MAXTRIES is left out: "2.5" is no whole number above 0
    etc/config.php: gateway: HEARTBEAT_MAXTRIES is left out: "2.5" is no whole number above 0
    etc/config.php: mail: --from is given as it is, where PHP has a shell read it
    "#);
}

#[test]
fn the_environment_wins_over_the_file_s_constants() {
    let own = Own { inherited: vec!["HEARTBEAT_INTERVAL".to_owned()], ..own() };
    let config = PhpConfig {
        heartbeat_interval: Some("10".to_owned()),
        ..config(Vec::new(), vec![entry("w", "w.php", &[])])
    };
    let fleet = fleet(&config, &own);
    assert!(fleet.programs[0].env.is_empty());
    assert_eq!(fleet.admin, None);
}

#[test]
fn of_two_names_of_a_flag_the_other_wins_unless_it_has_the_default() {
    let port = |flags: &[&str]| fleet(&broker(flags), &own()).programs[0].command[2].clone();
    assert_eq!(port(&["cport=2", "client-port=1"]), "--client-port=2");
    assert_eq!(port(&["client-port=1", "cport=2"]), "--client-port=2");
    assert_eq!(port(&["client-port=1", "cport=5555"]), "--client-port=1");
    assert_eq!(port(&["cport=5555", "client-port=1"]), "--client-port=1");
}

#[test]
fn an_import_starts_the_same_and_says_what_it_could_not_carry_over() {
    let text = import(&site(), &own());
    text.parse::<toml_edit::DocumentMut>().expect("it is TOML");
    assert_snapshot!(text, @r#"
    # From etc/config.php.

    # server: --nport is left out: it has no value
    # server: left out, since zmws broker has no such flags: --zmqid
    # ports 6555, 5556, 5557 are open to the network, as with PHP; address = "127.0.0.1" closes that.
    # HEARTBEAT_MAXTRIES is left out here: "2.5" is no whole number above 0.
    # Was called server: its pid file and its log have that name no more.
    [broker]
    client_port = 6555
    log_level = "E"
    handover = true
    address = "0.0.0.0"
    heartbeat_interval = 10

    # Bodies are those of PHP's 1.0.0; for clients of its 2.x, set body_form = "v2".
    [gateway]
    address = "10.0.0.1"

    # cron is from $serverList: --servers means it there, --workers here.
    [[worker]]
    name = "cron"
    php = "src/cron.php"
    env = { HEARTBEAT_MAXTRIES = "2.5" }

    [[worker]]
    name = "mail"
    service = "MAIL"
    php = "workers/mail.php"
    flags = { backend-port = "5556", from = "a b", quiet = "1" }
    env = { HEARTBEAT_MAXTRIES = "2.5" }
    "#);
}

#[test]
fn an_import_of_workers_alone_has_no_servers() {
    let config = PhpConfig {
        warnings: vec!["etc/config.php: there is no $serverList".to_owned()],
        ..config(Vec::new(), vec![entry("a", "a.php", &[]), entry("b \" \u{fc}", "b.php", &[])])
    };
    assert_snapshot!(import(&config, &own()), @r#"
    # From etc/config.php.
    # etc/config.php: there is no $serverList

    [[worker]]
    name = "a"
    php = "a.php"

    [[worker]]
    name = 'b " ü'
    php = "b.php"
    "#);
}
