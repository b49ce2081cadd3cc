//! The site of a PHP owner: `etc/config.php` in the form of the original's sample, PHP workers, and `zmws start` in the
//! place of `php bin/start.php`.

use std::time::Duration;

use crate::support::http;
use crate::support::peers::Peer;
use crate::support::site::{Site, kill, wait_for_workers};

const CONFIG: &str = r#"<?php
// how often, and how patient
define('HEARTBEAT_INTERVAL', 1);

$serverList = array(
    array(
        'file'  => 'src/server_run.php',
        'name'  => 'server',
        'flags' => array(
            'log-level'   => 'E',
            'address'     => '127.0.0.1',
            'client-port' => '{clients}',
            'worker-port' => '{workers}',
            'news-port'   => '{news}',
            'admin-port'  => '{admin}',
        ),
    ),
    array(
        'file'  => 'src/http_gateway.php',
        'name'  => 'gateway',
        'flags' => array('log-level' => 'E', 'address' => '127.0.0.1', 'client-port' => '{clients}', 'http-port' => '{http}'),
    ),
);

$workerDir = '{tests}' . '/peers/php';
$workerList = array();
"#;

/// The same with workers.
fn config(workers: &str) -> String {
    format!("{CONFIG}{workers}")
}

const TWO: &str = r#"
$workerList[] = array(
    'file'  => $workerDir . '/site_worker.php',
    'name'  => 'rev_a',
    'flags' => array('log-level' => 'E', 'backend-port' => '{workers}', 'frontend-port' => '{clients}', 'service-name' => 'STR-REV'),
);
$workerList[] = [
    'file'  => $workerDir . '/site_worker.php',
    'name'  => 'rev_b',
    'flags' => ['log-level' => 'E', 'backend-port' => '{workers}', 'service-name' => 'STR-REV'],
];
"#;

fn shape(site: &Site, text: &str) -> String {
    let mut text = text.to_owned();
    for name in ["server", "gateway", "rev_a", "rev_b", "rev_c"] {
        let words = [site.pid(name).map(|pid| pid.to_string())];
        for pid in words.into_iter().flatten() {
            text = text.replace(&format!("({pid})"), "(its pid)");
        }
    }
    text
}

#[test]
fn a_php_site_is_started_shown_reloaded_and_stopped() {
    let Some(_php) = Peer::Php.or_leave_out() else { return };
    let site = Site::new("etc/config.php", &config(TWO));
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(0), "{started:?}");
    insta::assert_snapshot!(shape(&site, &started.stdout), @r"
    server started (its pid)
    gateway started (its pid)
    rev_a started (its pid)
    rev_b started (its pid)
    ");
    wait_for_workers(&site, 2);
    let answer = http::get(site.http, "/SYNC-STR-REV?do=reverse&str=Hello");
    assert!(answer.body.starts_with("PARAM-JSON: \"olleH\"\n"), "{answer:?}");
    assert_eq!(
        std::fs::read_to_string(site.dir.join("run/rev_a.pid")).expect("a pid file"),
        format!("{}\n", site.pid("rev_a").expect("a pid"))
    );
    assert!(site.dir.join("logs/rev_a.txt").exists());

    for name in ["server", "gateway", "rev_a", "rev_b"] {
        assert_eq!(site.process(name)["state"], "running", "{name}");
        let pid = site.pid(name).expect("it runs");
        kill(pid);
        site.comes_back(name, pid, Duration::from_secs(2));
    }
    wait_for_workers(&site, 2);

    // One worker gets another flag, one comes; the rest is not touched.
    let (server, rev_a) = (site.pid("server"), site.pid("rev_a"));
    let changed =
        "$workerList[1]['flags']['log-level'] = 'I';\n$workerList[2] = ['name' => 'rev_c'] + $workerList[0]";
    site.configure(&config(&format!("{TWO}{changed}\n")));
    let refused = site.run(&["reload"]);
    assert_eq!(refused.status, Some(1), "a semicolon is missing: {refused:?}");
    assert!(refused.stderr.contains("PHP says: syntax error"), "{refused:?}");
    assert_eq!(site.pid("rev_a"), rev_a);
    site.configure(&config(&format!("{TWO}{changed};\n")));
    let reloaded = site.run(&["reload"]);
    insta::assert_snapshot!(shape(&site, &reloaded.stdout), @r"
    rev_b restarted (its pid)
    rev_c started (its pid)
    Reloaded
    ");
    assert_eq!((site.pid("server"), site.pid("rev_a")), (server, rev_a));
    wait_for_workers(&site, 3);

    let stopped = site.run(&["stop", "--workers"]);
    assert_eq!(
        stopped.stdout.lines().filter(|line| line.starts_with("Stopped rev_")).count(),
        3,
        "{stopped:?}"
    );
    let stopped = site.run(&["stop"]);
    assert_eq!(stopped.status, Some(0));
    assert!(
        stopped.stdout.contains("Stopped gateway (") && stopped.stdout.contains("No PID for rev_a\n"),
        "{stopped:?}"
    );
    assert_eq!(site.marked(), [0; 0]);
}

#[test]
fn a_worker_whose_file_is_missing_is_said_in_phps_words_and_the_others_run() {
    let Some(_php) = Peer::Php.or_leave_out() else { return };
    let missing =
        "$workerList[] = array('file' => 'sample_workers/none.php', 'name' => 'none', 'flags' => array());\n";
    let site = Site::new("etc/config.php", &config(&format!("{TWO}{missing}")));
    site.write("run/rev_a.pid", "4194303\n");
    let started = site.run(&["start"]);
    assert_eq!(started.status, Some(1), "{started:?}");
    insta::assert_snapshot!(shape(&site, &started.stdout), @r"
    server started (its pid)
    gateway started (its pid)
    rev_a NOT running but stale PID found (4194303)
    rev_a started (its pid)
    rev_b started (its pid)
    none: Cannot read sample_workers/none.php
    ");
    wait_for_workers(&site, 2);
}

#[test]
fn ports_that_are_open_to_the_network_are_warned_of() {
    let text = config("").replace("            'address'     => '127.0.0.1',\n", "");
    let site = Site::new("etc/config.php", &text);
    let checked = site.run(&["config", "check"]);
    assert_eq!(checked.status, Some(0), "{checked:?}");
    assert!(checked.stderr.contains("are open to the network, as with PHP"), "{checked:?}");
    assert_eq!(checked.stdout, "etc/config.php: fine: server, gateway\n");
}
