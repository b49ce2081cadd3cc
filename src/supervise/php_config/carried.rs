//! What becomes of a PHP configuration: the fleet, and the `zmws.toml`.

use std::net::SocketAddr;
use std::path::Path;

use insta::assert_snapshot;

use super::*;
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

fn config(text: &str) -> PhpConfig {
    let text = format!("<?php\n{text}");
    read(text.as_bytes(), "etc/config.php", Path::new("/srv/etc/config.php")).expect("it can be read")
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

const SITE: &str = "
    define('HEARTBEAT_INTERVAL', 10);
    define('HEARTBEAT_MAXTRIES', '2.5');
    $serverList = array(
        array('name' => 'server', 'file' => 'src/server_run.php', 'flags' => array(
            'client-port' => 6555, 'log-level' => 'E', 'zmqid' => 'x', 'handover' => true, 'nport' => '')),
        array('name' => 'gateway', 'file' => 'src/http_gateway.php', 'flags' => array('iface' => '10.0.0.1')),
        array('name' => 'cron', 'file' => 'src/cron.php'),
    );
    $workerList = array(
        array('name' => 'mail', 'file' => 'workers/mail.php', 'flags' => array(
            'service-name' => 'MAIL', 'backend-port' => 5556, 'from' => 'a b', 'quiet' => true)),
    );
";

#[test]
fn a_fleet_has_ours_in_the_place_of_php_s_servers_and_all_else_as_php_starts_it() {
    let fleet = fleet(&config(SITE), &own());
    assert_eq!(fleet.admin, Some(SocketAddr::from(([127, 0, 0, 1], 5581))));
    assert_snapshot!(shown(&fleet), @r#"
    server (Server): HEARTBEAT_INTERVAL=10 zmws broker --client-port=6555 --log-level=E --handover --address=0.0.0.0 []
    gateway (Server): HEARTBEAT_INTERVAL=10 zmws gateway --address=10.0.0.1 []
    cron (Server): HEARTBEAT_INTERVAL=10 HEARTBEAT_MAXTRIES=2.5 php src/cron.php ["src/cron.php"]
    mail (Worker): HEARTBEAT_INTERVAL=10 HEARTBEAT_MAXTRIES=2.5 php workers/mail.php --service-name=MAIL --backend-port=5556 --from=a b --quiet=1 ["workers/mail.php"]
    etc/config.php:6: server: --nport is left out: it has no value
    etc/config.php:6: server: left out, since zmws broker has no such flags: --zmqid
    etc/config.php:6: server: ports 6555, 5556, 5557 are open to the network, as with PHP; 'address' => '127.0.0.1' among its flags closes that
    etc/config.php: server: HEARTBEAT_MAXTRIES is left out: "2.5" is no whole number above 0
    etc/config.php: gateway: HEARTBEAT_MAXTRIES is left out: "2.5" is no whole number above 0
    etc/config.php:12: mail: --from is given as it is, where PHP has a shell read it
    "#);
}

#[test]
fn the_environment_wins_over_the_file_s_constants() {
    let own = Own { inherited: vec!["HEARTBEAT_INTERVAL".to_owned()], ..own() };
    let fleet = fleet(
        &config("define('HEARTBEAT_INTERVAL', 10); $workerList = [['name' => 'w', 'file' => 'w.php']];"),
        &own,
    );
    assert!(fleet.programs[0].env.is_empty());
    assert_eq!(fleet.admin, None);
}

#[test]
fn of_two_names_of_a_flag_the_other_wins_unless_it_has_the_default() {
    let port = |flags: &str| {
        let text = format!("$serverList = [['name' => 's', 'file' => 'server.php', 'flags' => [{flags}]]];");
        fleet(&config(&text), &own()).programs[0].command[2].clone()
    };
    assert_eq!(port("'cport' => 2, 'client-port' => 1"), "--client-port=2");
    assert_eq!(port("'client-port' => 1, 'cport' => 2"), "--client-port=2");
    assert_eq!(port("'client-port' => 1, 'cport' => 5555"), "--client-port=1");
    assert_eq!(port("'cport' => 5555, 'client-port' => 1"), "--client-port=1");
}

#[test]
fn a_broker_says_itself_where_its_admin_port_is() {
    let admin = |flags: &str| {
        let text = format!("$serverList = [['name' => 's', 'file' => 'server.php', 'flags' => [{flags}]]];");
        fleet(&config(&text), &own()).admin.map(|address| address.port())
    };
    assert_eq!(admin("'admin-port' => 7000"), Some(7000));
    assert_eq!(admin("'no-admin' => true"), None);
}

#[test]
fn an_import_starts_the_same_and_says_what_it_could_not_carry_over() {
    let text = import(&config(SITE), &own());
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
    let text =
        "$workerList = [['name' => 'a', 'file' => 'a.php'], ['name' => 'b \" \u{fc}', 'file' => 'b.php']];";
    assert_snapshot!(import(&config(text), &own()), @r#"
    # From etc/config.php.
    # etc/config.php:1: there is no $serverList

    [[worker]]
    name = "a"
    php = "a.php"

    [[worker]]
    name = 'b " ü'
    php = "b.php"
    "#);
}
