//! What can be known without starting anything: `config check` says it, and `start` refuses with the same text.

use crate::support::site::Site;

const WRONG: &str = r#"
[broker]
client_port = {clients}
worker_port = {clients}
news_port = {news}

[gateway]
http_port = {news}
tokens = "etc/none"

[[worker]]
builtin = "revers"

[[worker]]
service = "SERVER-JOBS"
builtin = "reverse"

[[worker]]
service = "MAIL"
command = ["./mail"]

[[worker]]
service = "OLD"
php = "workers/none.php"

[[worker]]
name = "tool"
program = ["zmws-no-such-program"]

[[worker]]
service = "USER"
builtin = "sleep"
user = "no-such-user-here"

[[worker]]
service = "DIR"
builtin = "sleep"
dir = "nowhere"
"#;

#[test]
fn what_cannot_work_is_found_before_it_is_started() {
    let site = Site::new("zmws.toml", WRONG);
    let checked = site.run(&["config", "check"]);
    assert_eq!(checked.status, Some(1), "{checked:?}");
    let lines: Vec<&str> = checked.stderr.lines().collect();
    let wanted = [
        format!("broker: client_port and broker: worker_port are both {}", site.clients),
        format!("broker: news_port and gateway: http_port are both {}", site.news),
        "gateway: cannot read etc/none".to_owned(),
        "revers: invalid value 'revers' for '--builtin".to_owned(),
        "server-jobs: service: SERVER-JOBS is a name of the broker's own".to_owned(),
        "mail: cannot start ./mail: there is no such file".to_owned(),
        "old: Cannot read workers/none.php".to_owned(),
        "tool: cannot start zmws-no-such-program: no folder of PATH has it".to_owned(),
        "user: user: this machine has no user \"no-such-user-here\"".to_owned(),
        "dir: dir: there is no directory nowhere".to_owned(),
    ];
    for wanted in &wanted {
        assert!(lines.iter().any(|line| line.contains(wanted)), "{wanted:?} is not among {lines:#?}");
    }
    let started = site.run(&["start"]);
    assert_eq!((started.status, &started.stderr), (Some(1), &checked.stderr));
    assert!(!site.dir.join("run").exists(), "something was started");
}

#[test]
fn a_reload_of_what_cannot_work_changes_nothing() {
    let right = "[broker]\nclient_port = {clients}\nworker_port = {workers}\nnews_port = {news}\n";
    let site = Site::new("zmws.toml", right);
    assert_eq!(site.run(&["start"]).status, Some(0));
    let before = site.pid("broker");
    site.configure(&format!("{right}\n[[worker]]\nservice = \"MAIL\"\ncommand = [\"./mail\"]\n"));
    let reloaded = site.run(&["reload"]);
    assert_eq!(reloaded.status, Some(1), "{reloaded:?}");
    assert!(
        reloaded.stdout.contains("mail: cannot start ./mail")
            || reloaded.stderr.contains("mail: cannot start")
    );
    assert_eq!(site.pid("broker"), before);
    site.configure(right);
}
