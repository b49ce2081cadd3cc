//! A site in a directory of its own: a configuration, and the commands that are given there.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::broker::zmws;
use super::{PATIENCE, poll};

/// A directory with a configuration. When it is dropped, all that was started there is stopped.
pub(crate) struct Site {
    pub(crate) dir: PathBuf,
    pub(crate) clients: u16,
    pub(crate) workers: u16,
    pub(crate) news: u16,
    pub(crate) http: u16,
    pub(crate) admin: u16,
    /// The configuration, as `-c` names it.
    config: &'static str,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    /// A site whose configuration, `zmws.toml` or `etc/config.php`, has this text. `{clients}`, `{workers}`, `{news}`,
    /// `{http}` and `{admin}` in it become ports that are free, `{dir}` the directory, `{tests}` that of the tests.
    pub(crate) fn new(config: &'static str, text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("zmws-site-{}-{number}", std::process::id()));
        let [clients, workers, news, http, admin] = free_ports();
        let site = Self { dir, clients, workers, news, http, admin, config };
        site.write(config, &site.filled(text));
        site
    }

    /// A text with the ports and directories of the site.
    pub(crate) fn filled(&self, text: &str) -> String {
        let values = [
            ("{clients}", self.clients.to_string()),
            ("{workers}", self.workers.to_string()),
            ("{news}", self.news.to_string()),
            ("{http}", self.http.to_string()),
            ("{admin}", self.admin.to_string()),
            ("{dir}", self.dir.display().to_string()),
            ("{tests}", format!("{}/tests", env!("CARGO_MANIFEST_DIR"))),
        ];
        values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// Writes a file of the site.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.dir.join(path);
        std::fs::create_dir_all(path.parent().expect("it is in the site")).expect("there is room");
        std::fs::write(path, text).expect("there is room");
    }

    /// Writes the configuration anew.
    pub(crate) fn configure(&self, text: &str) {
        self.write(self.config, &self.filled(text));
    }

    /// `zmws ARGS -c CONFIG`, as a command that can still be changed.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_as(self.config, args)
    }

    /// The same with another configuration.
    pub(crate) fn command_as(&self, config: &str, args: &[&str]) -> Command {
        let mut command = Command::new(zmws());
        command.args(args).args(["-c", config]).current_dir(&self.dir).stdin(Stdio::null());
        command
    }

    /// Runs `zmws ARGS -c CONFIG` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        done(&mut self.command(args))
    }

    /// `zmws status --json`.
    pub(crate) fn status(&self) -> Value {
        // It finds run directory and admin port by the configuration.
        let done = self.run(&["status", "--json"]);
        serde_json::from_str(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"))
    }

    /// What `status` says of a program.
    pub(crate) fn process(&self, name: &str) -> Value {
        let status = self.status();
        let processes = status["processes"].as_array().cloned().unwrap_or_default();
        let found = processes.into_iter().find(|process| process["name"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {status}"))
    }

    /// The number in a pid file; `None` if there is none.
    pub(crate) fn pid(&self, name: &str) -> Option<u32> {
        let text = std::fs::read_to_string(self.dir.join(format!("run/{name}.pid"))).ok()?;
        text.trim().parse().ok()
    }

    /// Waits until a program has another process than `before`.
    pub(crate) fn comes_back(&self, name: &str, before: u32, within: Duration) -> u32 {
        poll(&format!("{name} is back"), within, || {
            self.pid(name).filter(|&pid| pid != before && is_alive(pid))
        })
    }

    /// The supervisor's process.
    pub(crate) fn supervisor(&self) -> u32 {
        let mark = format!("{}", self.dir.display());
        let ours = |pid: &u32| {
            let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
            let words = String::from_utf8_lossy(&read("cmdline")).into_owned();
            words.contains("--detached") && words.contains(&mark)
        };
        processes().into_iter().find(ours).expect("a supervisor")
    }

    /// Processes that carry the marks of this site's programs, each of which leads a group.
    pub(crate) fn marked(&self) -> Vec<u32> {
        let mark = format!("ZMWS_RUN_DIR={}", self.dir.join("run").display());
        let is_marked = |pid: &u32| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            String::from_utf8_lossy(&environ).split('\0').any(|variable| variable == mark)
        };
        processes().into_iter().filter(is_marked).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let stopped = self.run(&["stop"]);
        if std::thread::panicking() {
            println!("---- {stopped:?}");
            for log in std::fs::read_dir(self.dir.join("logs")).into_iter().flatten().flatten() {
                let text = std::fs::read(log.path()).unwrap_or_default();
                println!("---- {}:\n{}----", log.path().display(), String::from_utf8_lossy(&text));
            }
        }
        for left in self.marked() {
            kill(left);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

fn done(command: &mut Command) -> Done {
    let output = command.output().expect("zmws is built");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Done { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// SIGKILL.
pub(crate) fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    // It may have ended meanwhile.
    let _ = kill_process(pid, Signal::KILL);
}

/// Whether a process runs, and is not only waiting to be buried.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

fn processes() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Ports that nobody has at this moment. A configuration must name them, so the system cannot choose later.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}

/// A file of the site as lines; none, if it is not there.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until a site's broker knows so many workers.
pub(crate) fn wait_for_workers(site: &Site, count: u64) {
    poll("the workers are there", PATIENCE, || {
        (site.status()["broker"]["totals"]["workers"] == count).then_some(())
    });
}
