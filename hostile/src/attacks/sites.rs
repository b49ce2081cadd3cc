//! What a supervisor keeps, and the files it trusts.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::{found, hold, nothing};
use crate::attack::{Attack, Findings, Ground, Group, Setting, Site};
use crate::clock::poll;

const fn attack(name: &'static str, about: &'static str, run: fn(&Ground) -> Findings) -> Attack {
    Attack::new(Group::Supervisor, name, about, run)
}

const fn site(toml: &'static str) -> Setting {
    Setting { site: Some(Site { toml, prepare: nothing_beside }), ..Setting::PLAIN }
}

fn nothing_beside(_: &Path) {}

const CRASHES: &str = "
[[worker]]
name = \"crashes\"
service = \"CRASHES\"
program = [\"false\"]
processes = 3
";

const FLOODS: &str = "
[supervisor]
log_max_mb = 1
log_keep = 1

[[worker]]
name = \"floods\"
service = \"FLOODS\"
program = [\"nice\", \"-n\", \"19\", \"yes\", \"a line of no use to anybody\"]
";

const FORKS: &str = "
[[worker]]
name = \"forks\"
service = \"FORKS\"
program = [\"sh\", \"-c\", \"sleep 300 & sleep 300 & exec sleep 1\"]
restart = \"always\"
";

pub(crate) const ATTACKS: &[Attack] = &[
    attack("symlinked-pid-file", "run/broker.pid is a symlink to somebody's file", symlinked_pid_file),
    attack("symlinked-log", "logs/broker.txt is a symlink to somebody's file", symlinked_log),
    attack("symlinked-socket", "run/zmws.sock is a symlink to somebody's file", symlinked_socket),
    attack(
        "pid-of-another",
        "run/broker.pid names a process that is not ours, and zmws stop",
        pid_of_another,
    ),
    attack("fifo-for-a-pid-file", "run/broker.pid and logs/broker.txt are FIFOs: start must end", fifos),
    attack("deaf-program", "a program that does not hear SIGTERM, and zmws stop", deaf_program),
    attack("config-depth", "configurations of brackets and tables without end", config_depth),
    attack("control-socket", "garbage, floods and silence at run/zmws.sock", control_socket).on(site("")),
    attack("crash-loop", "programs that end at once, whenever they are started", wait).on(site(CRASHES)),
    attack("log-flood", "a program that writes as fast as it can, logs of 1 MB", wait).on(site(FLOODS)),
    attack("leaves-children", "a program that dies and leaves its children", wait).on(site(FORKS)),
];

fn wait(ground: &Ground) -> Findings {
    hold(ground, ());
    nothing()
}

/// A site of the attack's own, beside the one that serves. Stopped when it is dropped.
struct Own {
    dir: PathBuf,
    zmws: PathBuf,
}

impl Own {
    fn new(ground: &Ground, more: &str) -> Self {
        let dir = ground.dir.join("own");
        for part in ["run", "logs"] {
            let _ = fs::create_dir_all(dir.join(part));
        }
        let text = format!(
            "[broker]\nclient_port = {}\nworker_port = {}\nnews_port = 0\nno_admin = true\ngrace = 1\n{more}",
            ground.lair, ground.lair2
        );
        let _ = fs::write(dir.join("zmws.toml"), text);
        Self { dir, zmws: ground.zmws.clone() }
    }

    /// Runs `zmws WORDS` there; `None` if it has not ended in time.
    fn run(&self, words: &[&str], patience: Duration) -> Option<ExitStatus> {
        let mut command = Command::new(&self.zmws);
        command.args(words).current_dir(&self.dir).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let ended = poll(patience, || child.try_wait().ok().flatten());
        let _ = child.kill();
        let _ = child.wait();
        ended
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.run(&["stop"], Duration::from_secs(15));
    }
}

const START: Duration = Duration::from_secs(20);

/// Starts and stops a site in which a file is a symlink to a victim, and looks at the victim.
fn with_symlink(ground: &Ground, name: &str) -> Findings {
    let own = Own::new(ground, "");
    let victim = own.dir.join("victim");
    let text = "somebody's own words\n";
    let _ = fs::write(&victim, text);
    let _ = symlink(&victim, own.dir.join(name));
    let started = own.run(&["start"], START);
    let _ = own.run(&["stop"], START);
    let now = fs::read_to_string(&victim).unwrap_or_default();
    let mut findings =
        found(now != text, || format!("{name} was followed, and the file has other words now"));
    findings.extend(found(started.is_none(), || "zmws start did not end".to_owned()));
    findings
}

fn symlinked_pid_file(ground: &Ground) -> Findings {
    with_symlink(ground, "run/broker.pid")
}

fn symlinked_log(ground: &Ground) -> Findings {
    with_symlink(ground, "logs/broker.txt")
}

fn symlinked_socket(ground: &Ground) -> Findings {
    with_symlink(ground, "run/zmws.sock")
}

/// A process of somebody's; killed when it is dropped.
struct Innocent(Child);

impl Drop for Innocent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pid_of_another(ground: &Ground) -> Findings {
    let own = Own::new(ground, "");
    let Ok(child) = Command::new("sleep").arg("60").stdin(Stdio::null()).stdout(Stdio::null()).spawn() else {
        return vec!["sleep is not here".to_owned()];
    };
    let mut innocent = Innocent(child);
    let _ = fs::write(own.dir.join("run/broker.pid"), format!("{}\n", innocent.0.id()));
    let ended = own.run(&["stop"], START);
    let killed = !matches!(innocent.0.try_wait(), Ok(None));
    let mut findings = found(killed, || "zmws stop ended a process that is not the site's".to_owned());
    findings.extend(found(ended.is_none(), || "zmws stop did not end".to_owned()));
    findings
}

fn fifos(ground: &Ground) -> Findings {
    let own = Own::new(ground, "");
    let names = ["run/broker.pid", "logs/broker.txt", "logs/supervisor.txt"];
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    for name in names {
        let _ = rustix::fs::mknodat(rustix::fs::CWD, own.dir.join(name), rustix::fs::FileType::Fifo, mode, 0);
    }
    let made = names
        .iter()
        .all(|name| fs::symlink_metadata(own.dir.join(name)).is_ok_and(|data| data.file_type().is_fifo()));
    let started = own.run(&["start"], START);
    let stopped = own.run(&["stop"], START);
    let mut findings = found(!made, || "the FIFOs could not be made".to_owned());
    findings.extend(found(started.is_none(), || "zmws start waits for a FIFO".to_owned()));
    findings.extend(found(stopped.is_none(), || "zmws stop waits for a FIFO".to_owned()));
    findings
}

fn deaf_program(ground: &Ground) -> Findings {
    let worker = "\n[[worker]]\nname = \"deaf\"\nservice = \"DEAF\"\ngrace = 1\n\
                  program = [\"sh\", \"-c\", \"trap '' TERM; while :; do sleep 1; done\"]\n";
    let own = Own::new(ground, worker);
    let _ = own.run(&["start"], START);
    let stopped = own.run(&["stop"], START);
    found(stopped.is_none(), || "zmws stop waits for a program that does not hear".to_owned())
}

/// A wrong configuration is told from a good one by an exit status, whatever is in it.
fn config_depth(ground: &Ground) -> Findings {
    let own = Own::new(ground, "");
    let php = format!("<?php $x = {}1{};", "array(".repeat(200_000), ")".repeat(200_000));
    let texts = [
        format!("a = {}", "[".repeat(500_000)),
        format!("a = {}", "{a=".repeat(200_000)),
        format!("[{}x]\n", "a.".repeat(200_000)),
        "[[worker]]\nname = \"w\"\n".repeat(3_000),
    ];
    let mut findings = Findings::new();
    for (number, text) in texts.iter().enumerate() {
        let _ = fs::write(own.dir.join("bomb.toml"), text);
        let ended = own.run(&["config", "check", "-c", "bomb.toml"], START);
        let fine = ended.is_some_and(|status| status.code().is_some_and(|code| code < 100));
        findings.extend(found(!fine, || format!("configuration {number}: {ended:?}")));
    }
    let _ = fs::create_dir_all(own.dir.join("etc"));
    let _ = fs::write(own.dir.join("etc/config.php"), php);
    let ended = own.run(&["config", "check", "-c", "etc/config.php"], START);
    let fine = ended.is_some_and(|status| status.code().is_some_and(|code| code < 100));
    findings.extend(found(!fine, || format!("config.php: {ended:?}")));
    findings
}

fn control_socket(ground: &Ground) -> Findings {
    let path = ground.dir.join("run/zmws.sock");
    let order = b"{\"status\":\n".to_vec();
    let openings: [Vec<u8>; 5] =
        [Vec::new(), b"{".repeat(100_000), order, vec![0; 100_000], b"\"\\ud800\x1b[2J\"\n".to_vec()];
    let mut crowd = Vec::new();
    let mut number = 0;
    while !ground.is_over() {
        let Ok(mut stream) = UnixStream::connect(&path) else { break };
        let _ = stream.set_write_timeout(Some(Duration::from_millis(200)));
        let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
        let _ = stream.write_all(&openings[number % openings.len()]);
        let _ = stream.read(&mut [0; 100]);
        crowd.push(stream);
        number += 1;
        if crowd.len() > 500 {
            crowd.drain(..250);
        }
    }
    drop(crowd);
    let mut status = Command::new(&ground.zmws);
    status.args(["status", "--json"]).current_dir(&ground.dir).stdin(Stdio::null()).stdout(Stdio::null());
    let Ok(mut child) = status.spawn() else { return nothing() };
    let ended = poll(Duration::from_secs(10), || child.try_wait().ok().flatten());
    let _ = child.kill();
    let _ = child.wait();
    found(number == 0 || ended.is_none(), || format!("{number} connections, and then status: {ended:?}"))
}
