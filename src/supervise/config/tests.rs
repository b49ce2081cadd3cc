//! Files, what is wrong with them, and what is run for them. The schema here is a small one of its own; that the
//! commands' flags are keys is tested with the program.

use std::path::Path;

use clap::{Arg, ArgAction, Command, value_parser};

use super::super::program::Fleet;
use super::*;

fn schema() -> Schema {
    let port = |name: &'static str, default: &'static str| {
        Arg::new(name).long(name).value_parser(value_parser!(u16)).default_value(default).value_name("PORT")
    };
    let limit = |text: &str| match text.rsplit('=').next().unwrap_or_default().parse::<f64>() {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(format!("{text:?} is no number of seconds")),
    };
    let broker = Command::new("broker")
        .arg(port("client-port", "5555").help("Port for clients"))
        .arg(port("worker-port", "5556"))
        .arg(Arg::new("address").long("address").default_value("127.0.0.1"))
        .arg(Arg::new("handover").long("handover").action(ArgAction::SetTrue))
        .arg(
            Arg::new("job-timeout")
                .long("job-timeout")
                .action(ArgAction::Append)
                .value_parser(limit)
                .value_name("[SERVICE=]SECONDS"),
        )
        .arg(Arg::new("log-level").long("log-level").value_parser(["E", "W", "I", "D"]).default_value("W"));
    let gateway = Command::new("gateway")
        .arg(port("client-port", "5555"))
        .arg(Arg::new("access-log").long("access-log"))
        .arg(Arg::new("access-log-keep").long("access-log-keep"))
        .arg(Arg::new("origins").long("origins").value_delimiter(',').action(ArgAction::Append));
    let worker = Command::new("worker")
        .arg(Arg::new("service-name").long("service-name"))
        .arg(Arg::new("builtin").long("builtin"))
        .arg(port("backend-port", "5556"))
        .arg(Arg::new("concurrency").long("concurrency").value_parser(value_parser!(u32)).default_value("1"))
        .arg(Arg::new("grace").long("grace"));
    Schema::new(broker, gateway, worker)
}

fn nothing(_: &str) -> Option<String> {
    None
}

fn errors(text: &str) -> String {
    let errors = load("zmws.toml", text, &schema()).expect_err("it is wrong");
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn fleet(text: &str, environment: Environment<'_>) -> Fleet {
    let schema = schema();
    let file = load("zmws.toml", text, &schema).expect("it is right");
    file.fleet(&schema, Path::new("zmws"), environment).expect("it is right")
}

/// Each program as a line.
fn programs(text: &str, environment: Environment<'_>) -> String {
    let fleet = fleet(text, environment);
    let line =
        |program: &super::super::program::Program| format!("{}: {}", program.name, program.command.join(" "));
    fleet.programs.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_wrong_is_said_with_its_place_and_all_at_once() {
    let text = "
[broker]
clint_port = 5555
worker_port = \"5556\"
client_port = 70000
log_level = \"X\"
handover = 1
[gatway]
[[worker]]
service = \"A\"
[[worker]]
builtin = \"reverse\"
php = \"a.php\"
processes = 0
[[worker]]
php = \"b.php\"
concurrency = 2
max_memory = \"5 parsecs\"
name = \"../x\"
";
    insta::assert_snapshot!(errors(text), @r#"
    zmws.toml:3:1: unknown key "clint_port" in [broker]; did you mean "client_port"?
    zmws.toml:4:15: worker_port: a whole number is expected
    zmws.toml:5:15: invalid value '70000' for client_port: 70000 is not in 0..=65535
    zmws.toml:6:13: invalid value 'X' for log_level [possible values: E, W, I, D]
    zmws.toml:7:12: handover: true or false is expected
    zmws.toml:8:2: unknown section "gatway"; did you mean [gateway]?
    zmws.toml:10:1: a worker has one of command, builtin, php, program: what is it?
    zmws.toml:12:1: a worker has one of builtin, php, not all
    zmws.toml:14:13: invalid value '0' for processes: 0 is not in 1..=1000
    zmws.toml:16:1: concurrency is for workers with command or builtin
    zmws.toml:16:1: name: it names files, so it has no slash, and is not empty
    zmws.toml:18:14: invalid value '5 parsecs' for max_memory: units are K, M, G
    "#);
}

#[test]
fn what_is_no_toml_is_said_with_its_place() {
    insta::assert_snapshot!(errors("[broker]\nclient_port = \n"), @"zmws.toml:2:15: string values must be quoted, expected literal string");
    insta::assert_snapshot!(errors("[broker]\nclient_port = 1\nclient_port = 2\n"), @"zmws.toml:3:1: duplicate key");
}

#[test]
fn a_file_without_a_broker_starts_none() {
    insta::assert_snapshot!(programs("[[worker]]\nservice = \"MAIL\"\ncommand = [\"./mail\"]\n", &nothing), @"mail: zmws worker --service-name=MAIL --grace=10 -- ./mail");
    assert_eq!(fleet("", &nothing).programs, []);
}

#[test]
fn programs_follow_the_ports_of_the_broker_beside_them() {
    let text = "
[gateway]
origins = [\"https://a.example\", \"https://b.example\"]
[broker]
client_port = 6555
worker_port = 6556
handover = true
job_timeout = { STR-REV = 60, \"*\" = 300 }
[[worker]]
builtin = \"reverse\"
service = \"STR-REV\"
concurrency = 2
processes = 2
[[worker]]
name = \"old\"
service = \"OLD\"
php = \"workers/old.php\"
flags = { log-level = \"I\" }
[[worker]]
name = \"own\"
program = [\"./own\", \"--port\", \"6556\"]
";
    insta::assert_snapshot!(programs(text, &nothing), @r"
    broker: zmws broker --client-port=6555 --worker-port=6556 --handover --job-timeout=STR-REV=60 --job-timeout=300 --admin-socket=run/admin.sock --data-dir=data
    gateway: zmws gateway --origins=https://a.example,https://b.example --client-port=6555
    str-rev-1: zmws worker --concurrency=2 --service-name=STR-REV --builtin=reverse --backend-port=6556 --grace=10
    str-rev-2: zmws worker --concurrency=2 --service-name=STR-REV --builtin=reverse --backend-port=6556 --grace=10
    old: php workers/old.php --log-level=I --service-name=OLD --backend-port=6556 --frontend-port=6555
    own: ./own --port 6556
    ");
}

#[test]
fn the_environment_is_stronger_than_the_file() {
    let environment = |name: &str| (name == "ZMWS_BROKER_CLIENT_PORT").then(|| "7555".to_owned());
    insta::assert_snapshot!(programs("[broker]\nclient_port = 6555\nworker_port = 6556\n[gateway]\n", &environment), @r"
    broker: zmws broker --client-port=7555 --worker-port=6556 --admin-socket=run/admin.sock --data-dir=data
    gateway: zmws gateway --client-port=7555
    ");
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let schema = schema();
    let file = load("zmws.toml", "[broker]", &schema).expect("it is right");
    let environment = |name: &str| (name == "ZMWS_BROKER_HANDOVER").then(|| "maybe".to_owned());
    let wrong = file.fleet(&schema, Path::new("zmws"), &environment).expect_err("it is wrong");
    assert_eq!(
        wrong,
        ["ZMWS_BROKER_HANDOVER: invalid value 'maybe' for handover: true or false is expected"]
    );
}

#[test]
fn two_programs_of_one_name_are_refused() {
    let schema = schema();
    let text = "[[worker]]\nbuiltin=\"sleep\"\n[[worker]]\nbuiltin=\"sleep\"\n";
    let file = load("zmws.toml", text, &schema).expect("each is right");
    let wrong = file.fleet(&schema, Path::new("zmws"), &nothing).expect_err("it is wrong");
    assert_eq!(wrong, ["zmws.toml: two programs are called \"sleep\"; give one another name"]);
}

#[test]
fn the_supervisors_name_is_no_workers() {
    let schema = schema();
    let file =
        load("zmws.toml", "[[worker]]\nname=\"zmws\"\nbuiltin=\"sleep\"\n", &schema).expect("it is right");
    let wrong = file.fleet(&schema, Path::new("zmws"), &nothing).expect_err("it is wrong");
    assert_eq!(wrong, ["zmws.toml: \"zmws\" is the supervisor's own name; give the worker another"]);
}

#[test]
fn a_new_file_is_fine_and_stays_fine_with_every_setting_of_it() {
    let schema = schema();
    let new = init(&schema);
    load("zmws.toml", &new, &schema).expect("a new file is fine");
    let all: Vec<&str> = new
        .lines()
        .map(|line| {
            line.strip_prefix("# ").filter(|rest| rest.split(" ").nth(1) == Some("=")).unwrap_or(line)
        })
        .collect();
    let file = load("zmws.toml", &all.join("\n"), &schema).expect("every setting is fine");
    let settings = file.broker.expect("it is there").0.len();
    assert_eq!(settings, schema.section("broker").keys().count());
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place_within_it(text in "(\\[\\[?(broker|worker|x)\\]?\\]\n|[a-z_]{1,12} = (\"a\"|1|\\[1\\]|\\{a=1\\}|true|nan)\n|.){0,30}") {
        if let Err(errors) = load("f", &text, &schema()) {
            let lines = text.matches('\n').count() + 1;
            proptest::prop_assert!(errors.iter().all(|error| (1..=lines).contains(&error.line) && error.column > 0), "{errors:?}");
        }
    }
}

#[test]
fn the_access_log_begins_anew_as_the_other_logs_do() {
    let text = "[supervisor]\nlog_max_mb = 3\n[gateway]\naccess_log = \"a.log\"\naccess_log_keep = \"2\"\n";
    insta::assert_snapshot!(
        programs(text, &nothing),
        @"gateway: zmws gateway --access-log=a.log --access-log-keep=2 --access-log-max-mb=3"
    );
}
